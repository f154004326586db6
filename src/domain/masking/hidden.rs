//! What is behind a mask: where it stands in the sealed original, and whether another text is the same value.
//!
//! Nothing keeps a second copy of a value. A masked message notes how many bytes of the original each mask covers, and the
//! original is the plain text between the masks with the values in their places; a C3 value is not in it. Whatever does not
//! fit together exactly opens nothing. Who may open anything is not known here.

use zeroize::Zeroizing;

use super::{
    super::canonical::sha256,
    entity::Entity,
    fold::Folded,
    masked::{MaskedText, OBJECT_REPLACEMENT, Segment, Source},
    policy::Policy,
    symbol,
    view::Class,
};

/// A masked value of a message, without the value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hidden {
    /// What it is.
    pub entity: Entity,
    /// How strictly it is held.
    pub class: Class,
    /// Whether the rule that masked it let somebody open it.
    pub is_reversible: bool,
}

impl MaskedText {
    /// Returns the masked value at a place among the masked values of the message, from 0.
    pub fn hidden(&self, number: usize) -> Option<Hidden> {
        let mut spans = self.segments.iter().filter_map(|segment| match segment {
            Segment::Plain(_) => None,
            Segment::Masked(span) => Some(span),
        });
        let span = spans.nth(number)?;
        let is_reversible = span.source.is_some_and(|source| source.is_reversible);
        Some(Hidden { entity: span.entity, class: span.class, is_reversible })
    }

    /// Finds the same value in the original without its C3 values; `None` for one of those, for one of before this was
    /// noted, and where the original is not exactly what was masked.
    pub fn value_in<'o>(&self, number: usize, original: &'o str) -> Option<&'o str> {
        let (mut rest, mut found, mut met) = (original, None, 0);
        for (at, segment) in self.segments.iter().enumerate() {
            match segment {
                Segment::Plain(text) => rest = rest.strip_prefix(self.unquoted(at, text)?)?,
                Segment::Masked(span) => {
                    if span.class == Class::C3 {
                        rest = rest.strip_prefix(OBJECT_REPLACEMENT)?;
                    } else {
                        let (value, after) = rest.split_at_checked(span.source?.bytes)?;
                        found = if met == number { Some(value) } else { found };
                        rest = after;
                    }
                    met += 1;
                }
            }
        }
        found.filter(|_| rest.is_empty())
    }

    /// Plain text without the quotes that masks beside it brought.
    fn unquoted<'t>(&self, at: usize, text: &'t str) -> Option<&'t str> {
        let is_quoted = |at: Option<usize>| match at.and_then(|at| self.segments.get(at)) {
            Some(Segment::Masked(span)) => matches!(span.source, Some(Source { is_quoted: true, .. })),
            Some(Segment::Plain(_)) | None => false,
        };
        let text = if is_quoted(at.checked_sub(1)) { text.strip_prefix('"')? } else { text };
        if is_quoted(at.checked_add(1)) { text.strip_suffix('"') } else { Some(text) }
    }
}

/// Returns the SHA-256 of a value in the form in which values are compared; `None` when nothing is left of it in that form.
/// It is as telling as the value: it is compared in constant time, and kept nowhere.
pub fn comparable(policy: &Policy, entity: Entity, text: &str) -> Option<[u8; 32]> {
    let form = form(policy, entity, text);
    (!form.is_empty()).then(|| sha256(form.as_bytes()))
}

/// Digits and letters without disguise, case, spaces and separators; of everything else the characters that are letters of
/// some script. `text` is one value, not a message.
fn form(policy: &Policy, entity: Entity, text: &str) -> Zeroizing<String> {
    let folded = Folded::new(&policy.lexicon, text);
    // In these a dot makes another value; in a card's or a telephone's number it is a disguise.
    let minds_dots = matches!(entity, Entity::Email | Entity::Ip | Entity::Amount);
    let mut comparable = Zeroizing::new(String::with_capacity(text.len()));
    for (at, symbol) in folded.symbols().iter().enumerate() {
        let written = text.get(folded.bytes(at..at + 1)).unwrap_or_default();
        match symbol::digit_value(*symbol) {
            Some(digit) => comparable.push(char::from(digit)),
            None if symbol::is_letter(*symbol) || *symbol == b'@' || (*symbol == b'.' && minds_dots) => {
                comparable.push(char::from(*symbol));
            }
            None => comparable.extend(written.chars().filter(|character| character.is_alphabetic())),
        }
    }
    without_country(entity, comparable)
}

/// A mainland mobile with or without its country's number is the same one.
fn without_country(entity: Entity, comparable: Zeroizing<String>) -> Zeroizing<String> {
    let bare = comparable.strip_prefix("00").unwrap_or(&comparable).strip_prefix("86");
    match bare.filter(|bare| entity == Entity::Mobile && bare.len() == 11) {
        Some(bare) => Zeroizing::new(bare.to_owned()),
        None => comparable,
    }
}

#[cfg(test)]
mod tests {
    use super::super::masked::{Tokens, apply, without_c3};
    use super::super::tail::Tail;
    use super::super::{detect, earlier::mask_again, hear, without_named};
    use super::*;
    use crate::units::MessageId;

    struct Letters;

    impl Tokens for Letters {
        fn token(&self, _: &str, _: &str, _: &str) -> String {
            "abcd".to_owned()
        }
    }

    fn policy() -> Policy {
        let source = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/policies/masking/cn-retail.yaml"));
        let vault = "reversible: {vault: true, unmask_roles: [fraud], reason: required, ttl: 15m}";
        let (head, tail) = source.split_at(source.find("- entity: cn.mobile").unwrap());
        Policy::load(&format!("{head}{}", tail.replacen("reversible: false", vault, 1))).unwrap()
    }

    fn masked(policy: &Policy, text: &str) -> (MaskedText, String) {
        let spans = detect(policy, text, &mut Tail::empty(), 0);
        let masked = apply(policy, text, &spans, &Letters);
        (MaskedText::from_bytes(&masked.to_bytes()).unwrap(), without_c3(text, &spans))
    }

    #[test]
    fn every_value_but_a_c3_one_is_found_in_the_original_with_its_disguise() {
        let policy = policy();
        let text = "手机１３８ 1234-5678 卡号6222 0212 3456 7890 128 cvv是123，邮箱a@b.com";
        let (masked, original) = masked(&policy, text);
        let found = [0, 1, 2, 3].map(|number| masked.value_in(number, &original));
        assert_eq!(found, [Some("１３８ 1234-5678"), Some("6222 0212 3456 7890 128"), None, Some("a@b.com")]);
        assert_eq!(masked.hidden(2).map(|hidden| hidden.class), Some(Class::C3));
        assert_eq!((masked.value_in(4, &original), masked.hidden(4)), (None, None));
        let reversible = [0, 1, 2, 3].map(|number| masked.hidden(number).unwrap().is_reversible);
        assert_eq!(reversible, [true, false, false, false], "as the rule of each says");
    }

    #[test]
    fn what_a_mask_put_quotes_around_is_found_without_them() {
        let (masked, original) = masked(&policy(), r#"{"mobile": 13812345678, "age": 30, "cvv": 737}"#);
        assert_eq!(masked.value_in(0, &original), Some("13812345678"));
    }

    #[test]
    fn an_original_that_is_not_what_was_masked_opens_nothing() {
        let (masked, original) = masked(&policy(), "手机13812345678谢谢");
        for other in [
            original.replace('谢', "多"),
            original.replace("1381", "138"),
            format!("{original}1"),
            original.replace("5678", ""),
            String::new(),
        ] {
            assert_eq!(masked.value_in(0, &other), None, "{other}");
        }
        let mut unnoted = masked.clone();
        for segment in &mut unnoted.segments {
            if let Segment::Masked(span) = segment {
                span.source = None;
            }
        }
        let read = MaskedText::from_bytes(&unnoted.to_bytes()).unwrap();
        assert_eq!(read.value_in(0, &original), None, "a message of before it was noted");
        assert!(!read.hidden(0).unwrap().is_reversible);
    }

    #[test]
    fn a_value_that_was_masked_again_is_found_as_far_as_it_stands_there() {
        let policy = policy();
        let mut tail = Tail::empty();
        let first = MessageId::from_random([1; 16]);
        let said = "我的手机138";
        let heard = hear(&policy, said, &mut tail, first, 0);
        let (text, keep) = (apply(&policy, said, &heard.spans, &Letters), without_c3(said, &heard.spans));
        let heard = hear(&policy, "1234 5678", &mut tail, MessageId::from_random([2; 16]), 1);
        let again = heard.again.first().unwrap();
        let text = mask_again(&policy, &text, again, &Letters);
        assert_eq!(text.value_in(0, &keep), Some("138"));

        let mut tail = Tail::empty();
        let said = "384921";
        let heard = hear(&policy, said, &mut tail, first, 0);
        let (text, keep) = (apply(&policy, said, &heard.spans, &Letters), without_c3(said, &heard.spans));
        let heard = hear(&policy, "这是验证码", &mut tail, MessageId::from_random([2; 16]), 1);
        let again = heard.again.first().unwrap();
        let (text, keep) = (mask_again(&policy, &text, again, &Letters), without_named(&policy, &keep, again));
        assert_eq!((text.value_in(0, &keep), text.hidden(0).unwrap().class), (None, Class::C3));
    }

    #[test]
    fn a_disguise_makes_no_other_value_and_another_value_is_another() {
        let policy = policy();
        let same =
            |entity, one: &str, other: &str| comparable(&policy, entity, one) == comparable(&policy, entity, other);
        for (entity, one, other) in [
            (Entity::Mobile, "13812345678", "１３８-1234 5678"),
            (Entity::Mobile, "13812345678", "+86 138 1234 5678"),
            (Entity::Mobile, "0086-13812345678", "一三八1234五六七八"),
            (Entity::BankCard, "6222.0212.3456.7890.128", "6222 0212 3456 7890 l28"),
            (Entity::IdCard, "11010519491231002X", "110105 19491231 002x"),
            (Entity::Email, "Wang@Example.com", "wang@example.com"),
            (Entity::PersonName, "王小明", "王 小明"),
            (Entity::Amount, "1288.50", "1288.50"),
        ] {
            assert!(same(entity, one, other), "{one} and {other}");
        }
        assert_eq!(comparable(&policy, Entity::BankCard, " - 🙂"), None);
        for (entity, one, other) in [
            (Entity::Mobile, "13812345678", "13812345679"),
            (Entity::Mobile, "13812345678", "1381234567"),
            (Entity::PersonName, "王小明", "王小红"),
            (Entity::PersonName, "王小明", "🙂"),
            (Entity::Amount, "1288.50", "128850"),
            (Entity::BankCard, "8613812345678", "13812345678"),
        ] {
            assert!(!same(entity, one, other), "{one} and {other}");
        }
    }
}
