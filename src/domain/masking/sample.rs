//! Made-up values in place of reported ones: of the same kind, length and disguise, with a right check digit, and of nobody.
//!
//! A policy's tests are read by many and kept for ever, so no test may hold what a person wrote. Of a reported sentence
//! nothing stays but the form of the value and those words beside it that are in the engine's or the policy's own lists. It
//! guesses what a value is by its form only: whoever writes the test knows better.

use super::{
    entity::Entity,
    keywords::KEYWORDS,
    lexicon::Cues,
    masked::{MaskedText, Segment, Tokens, Value, mask},
    policy::Policy,
    span::Canonical,
    validate,
    view::View,
};

/// Draws a number below the given one.
pub type Draw<'d> = dyn FnMut(u32) -> u32 + 'd;

/// The digits in each dress that people write them in; values keep theirs.
const DRESSES: [[char; 10]; 5] = [
    ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9'],
    ['０', '１', '２', '３', '４', '５', '６', '７', '８', '９'],
    ['〇', '一', '二', '三', '四', '五', '六', '七', '八', '九'],
    ['零', '壹', '贰', '叁', '肆', '伍', '陆', '柒', '捌', '玖'],
    ['⓪', '①', '②', '③', '④', '⑤', '⑥', '⑦', '⑧', '⑨'],
];
/// How far before a value a word counts, in characters.
const REACH: usize = 30;

/// A test for a policy file that fails as long as nothing changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SampleTest {
    /// What somebody says.
    pub input: String,
    /// What the agent's view must show of it; `None`: every view shows it unchanged.
    pub agent: Option<String>,
}

struct NoTokens;

impl Tokens for NoTokens {
    fn token(&self, _key: &str, _entity: &str, _canonical: &str) -> String {
        "token".to_owned()
    }
}

/// What a value may be, by its form alone.
pub fn guess(text: &str) -> Option<Entity> {
    let digits = text.chars().filter(|character| undressed(*character).is_some()).count();
    let letters = text.chars().filter(char::is_ascii_alphabetic).count();
    let ideographs = text.chars().filter(|character| is_ideograph(*character)).count();
    match (digits, letters) {
        _ if text.contains(['@', '＠']) => Some(Entity::Email),
        (11, 0) => Some(Entity::Mobile),
        (15 | 18, 0) | (17, 1) => Some(Entity::IdCard),
        (13 | 14 | 16 | 17 | 19, 0) => Some(Entity::BankCard),
        (3, 0) => Some(Entity::Cvv),
        (6, 0) => Some(Entity::OneTimeCode),
        (8, 1) => Some(Entity::Passport),
        (0, 0) if (2..=4).contains(&ideographs) => Some(Entity::PersonName),
        (_, 0) if ideographs > 4 => Some(Entity::Address),
        _ => None,
    }
}

/// A made-up value in the form of another: of the same kind, length and disguise.
pub fn sample(entity: Option<Entity>, like: &str, draw: &mut Draw<'_>) -> String {
    let like = if like.starts_with(['[', '<']) { plain_form(entity) } else { like };
    match entity {
        Some(Entity::PersonName) => return name(like).to_owned(),
        Some(Entity::Address) => return address(like).to_owned(),
        Some(Entity::Email) => return mailbox(like, draw),
        Some(_) | None => {}
    }
    let is_last_x = |at: usize| entity == Some(Entity::IdCard) && at + 1 == like.chars().count();
    let takes_digit = |(at, character): (usize, char)| {
        character == '*'
            || undressed(character).is_some()
            || (is_last_x(at) && matches!(character, 'x' | 'X' | 'Ｘ' | 'ｘ'))
    };
    let count = like.chars().enumerate().filter(|place| takes_digit(*place)).count();
    let mut digits = digits(entity, count, draw).into_iter();
    let mut written = String::with_capacity(like.len());
    for (at, character) in like.chars().enumerate() {
        written.push(match character {
            _ if takes_digit((at, character)) => dressed(digits.next().unwrap_or(b'0'), character),
            'a'..='z' => char::from(b'a' + below(draw, 26)),
            'A'..='Z' => char::from(b'A' + below(draw, 26)),
            _ if is_ideograph(character) => {
                if entity == Some(Entity::Plate) {
                    '京'
                } else {
                    '某'
                }
            }
            _ => character,
        });
    }
    written
}

/// A test of a made-up value in place of a reported one. `before` is what stands before it; of that only known words stay.
pub fn sample_test(
    policy: &Policy,
    (is_missed, entity): (bool, Option<Entity>),
    (before, like): (&str, &str),
    draw: &mut Draw<'_>,
) -> SampleTest {
    let value = sample(entity, like, draw);
    let word = entity.and_then(|entity| known_word(policy, entity, before)).unwrap_or_default();
    let input = format!("{word}{value}");
    let hidden = |value: &str| "*".repeat(value.chars().count());
    let shown = || entity.map_or_else(|| hidden(&value), |entity| shown(policy, entity, &value));
    let agent = is_missed.then(|| format!("{word}{}", shown()));
    SampleTest { input, agent }
}

/// What the agent's view would show of a value of a kind; the placeholder where the policy has no rule for it yet.
fn shown(policy: &Policy, entity: Entity, value: &str) -> String {
    let Some((position, rule)) = policy.rule_for(entity) else { return format!("[{}]", entity.label()) };
    let plain = |character: char| undressed(character).map_or(character, char::from);
    let letters: String =
        value.chars().map(plain).filter(|character| !matches!(character, ' ' | '-' | '.' | '·')).collect();
    let canonical = Canonical::new(letters.as_bytes());
    let part = 0..letters.chars().count();
    let value_of = Value {
        entity,
        class: rule.class,
        rule: position,
        confidence: 100,
        canonical: &canonical,
        part,
        is_pressed: false,
    };
    MaskedText { segments: vec![Segment::Masked(mask(rule, &value_of, value, 1, &NoTokens))] }.render(View::Agent)
}

/// The last word before a value that is in the engine's list or the policy's own, and speaks for the entity.
fn known_word(policy: &Policy, entity: Entity, before: &str) -> Option<String> {
    let skipped = before.chars().count().saturating_sub(REACH);
    let near: String = before.chars().skip(skipped).collect::<String>().to_lowercase();
    let of_engine = KEYWORDS.iter().filter(|(cues, ..)| cues.meets(Cues::of(entity)));
    let of_engine = of_engine.flat_map(|(_, chinese, english)| chinese.split(' ').chain(english.split(',')));
    let own = policy.rule_for(entity).map(|(_, rule)| rule.context.as_slice()).unwrap_or_default();
    let words = of_engine.chain(own.iter().map(String::as_str)).filter(|word| !word.is_empty());
    let found = words.filter_map(|word| Some((near.rfind(&word.to_lowercase())? + word.len(), word.len(), word)));
    found
        .max_by_key(|(end, length, _)| (*end, *length))
        .map(|(_, _, word)| if word.is_ascii() { format!("{word} ") } else { word.to_owned() })
}

fn digits(entity: Option<Entity>, count: usize, draw: &mut Draw<'_>) -> Vec<u8> {
    let mut written: Vec<u8> = match (entity, count) {
        (Some(Entity::IdCard), 18) => b"110105".iter().copied().chain(date(draw)).collect(),
        (Some(Entity::IdCard), 15) => b"110105".iter().copied().chain(date(draw).into_iter().skip(2)).collect(),
        (Some(Entity::BankCard), 16..=19) => b"622202".to_vec(),
        (Some(Entity::BankCard), 13..=15) => b"4".to_vec(),
        (Some(Entity::Mobile), 11) => b"138".to_vec(),
        _ => Vec::new(),
    };
    while written.len() < count {
        written.push(b'0' + below(draw, 10));
    }
    written.truncate(count);
    let check = match (entity, written.split_last()) {
        (Some(Entity::IdCard), Some((_, body))) if count == 18 => validate::id_card::check_character(body),
        (Some(Entity::BankCard), Some((_, body))) => Some(luhn(body)),
        _ => None,
    };
    if let (Some(check), Some(last)) = (check, written.last_mut()) {
        *last = check;
    }
    written
}

/// The check digit of ISO/IEC 7812 behind these digits.
fn luhn(body: &[u8]) -> u8 {
    let values = body.iter().rev().map(|digit| u32::from(digit - b'0'));
    let doubled = |value: u32| if value > 4 { value * 2 - 9 } else { value * 2 };
    let sum: u32 = values.enumerate().map(|(at, value)| if at % 2 == 0 { doubled(value) } else { value }).sum();
    b'0' + u8::try_from((10 - sum % 10) % 10).unwrap_or(0)
}

/// A day in the eighties, in eight digits.
fn date(draw: &mut Draw<'_>) -> Vec<u8> {
    let (year, month, day) = (1980 + draw(10), 1 + draw(12), 1 + draw(28));
    format!("{year}{month:02}{day:02}").into_bytes()
}

fn mailbox(like: &str, draw: &mut Draw<'_>) -> String {
    let local = like.chars().take_while(|character| !matches!(character, '@' | '＠')).count().clamp(3, 12);
    let letters: String = (0..local).map(|_| char::from(b'a' + below(draw, 26))).collect();
    let at = if like.contains('＠') { '＠' } else { '@' };
    format!("{letters}{at}example.com")
}

fn name(like: &str) -> &'static str {
    match like.chars().filter(|character| is_ideograph(*character) || *character == '*').count() {
        _ if like.chars().any(|character| character.is_ascii_alphabetic()) => "John Smith",
        0..=2 => "张伟",
        3 => "王小明",
        _ => "欧阳小明",
    }
}

fn address(like: &str) -> &'static str {
    if like.chars().any(is_ideograph) {
        "北京市朝阳区建国路88号3号楼1201室"
    } else {
        "221B Baker Street, London"
    }
}

/// What a value looks like of which nothing is shown.
fn plain_form(entity: Option<Entity>) -> &'static str {
    match entity {
        Some(Entity::Cvv) => "000",
        Some(Entity::Pin | Entity::OneTimeCode) => "000000",
        Some(Entity::Password) => "Aaa@00000",
        Some(Entity::Expiry) => "00/00",
        Some(Entity::IdCard) => "000000000000000000",
        Some(Entity::BankCard) => "0000000000000000000",
        Some(Entity::PersonName) => "张伟",
        Some(Entity::Email) => "aaaaaa@",
        Some(Entity::Passport) => "A00000000",
        Some(_) | None => "00000000000",
    }
}

fn below(draw: &mut Draw<'_>, most: u8) -> u8 {
    u8::try_from(draw(u32::from(most))).unwrap_or(0) % most
}

/// The digit that a character is, as an ASCII byte.
fn undressed(character: char) -> Option<u8> {
    let mut found = DRESSES.iter().filter_map(|dress| dress.iter().position(|known| *known == character));
    found.next().and_then(|digit| u8::try_from(digit).ok()).map(|digit| b'0' + digit)
}

/// A digit in the dress of another character.
fn dressed(digit: u8, like: char) -> char {
    let dress = DRESSES.iter().find(|dress| dress.contains(&like)).unwrap_or(&DRESSES[0]);
    digit.checked_sub(b'0').and_then(|digit| dress.get(usize::from(digit))).copied().unwrap_or('X')
}

fn is_ideograph(character: char) -> bool {
    matches!(character, '\u{4E00}'..='\u{9FFF}' | '\u{3400}'..='\u{4DBF}') && undressed(character).is_none()
}

#[cfg(test)]
mod tests {
    use super::super::{Tail, hear};
    use super::*;
    use crate::units::MessageId;

    const POLICY: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/policies/masking/cn-retail.yaml"));

    fn drawing() -> impl FnMut(u32) -> u32 {
        let mut state = 12345_u32;
        move |below| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 8) % below
        }
    }

    #[test]
    fn a_made_up_value_has_the_form_of_another_and_nothing_of_it() {
        let mut draw = drawing();
        let cases = [
            (Some(Entity::BankCard), "6222 0212 3456 7890 128", "卡号"),
            (Some(Entity::BankCard), "４１１１１１１１１１１１１１１１", "卡号"),
            (Some(Entity::BankCard), "622202*********0128", "卡号"),
            (Some(Entity::IdCard), "11010519491231002X", "身份证"),
            (Some(Entity::IdCard), "一一零一零五一九四九一二三一零零二零", "身份证"),
            (Some(Entity::Mobile), "138-1234-5678", "手机"),
            (Some(Entity::Mobile), "①③⑧①②③④⑤⑥⑦⑧", "手机"),
            (Some(Entity::Email), "zhang.san＠qq.com", "邮箱"),
            (Some(Entity::PersonName), "李雷雷", "我叫"),
            (Some(Entity::OneTimeCode), "[otp]", "验证码"),
        ];
        let policy = Policy::load(POLICY).unwrap();
        for (entity, like, word) in cases {
            let made = sample(entity, like, &mut draw);
            assert_ne!(made, like);
            if !like.starts_with('[') && entity != Some(Entity::Email) {
                assert_eq!(made.chars().count(), like.chars().count(), "{like} {made}");
            }
            let text = format!("{word}{made}");
            let heard = hear(&policy, &text, &mut Tail::empty(), MessageId::from_random([0; 16]), 0);
            assert_eq!(heard.spans.first().map(|span| span.entity), entity, "{text}");
        }
    }

    #[test]
    fn a_test_keeps_of_the_sentence_only_words_that_are_in_lists() {
        let policy = Policy::load(POLICY).unwrap();
        let mut draw = drawing();
        let missed = (true, Some(Entity::BankCard));
        let test =
            sample_test(&policy, missed, ("我是王二小，住在海淀，我的卡号是：", "6222021234567890128"), &mut draw);
        assert!(
            test.input.starts_with("卡号622202") && test.input.len() == "卡号6222021234567890128".len(),
            "{test:?}"
        );
        let agent = test.agent.unwrap();
        assert!(
            agent.starts_with("卡号622202*********") && agent[agent.len() - 4..] == test.input[test.input.len() - 4..]
        );
        let wrong = sample_test(&policy, (false, Some(Entity::Mobile)), ("订单", "138****5678"), &mut draw);
        assert_eq!((wrong.agent, wrong.input.chars().count()), (None, 11));
        let none = sample_test(&policy, (true, None), ("我是王二小", "某种A1号"), &mut draw);
        assert!(!none.input.contains('王'), "{none:?}");
        assert_eq!(
            none.agent.as_deref(),
            Some("*****"),
            "of what nobody knows the kind, all is hidden until somebody says more"
        );
    }

    #[test]
    fn a_value_is_guessed_by_its_form() {
        let cases = [
            ("6222021234567890128", Some(Entity::BankCard)),
            ("11010519491231002X", Some(Entity::IdCard)),
            ("一三八一二三四五六七八", Some(Entity::Mobile)),
            ("a@b.cn", Some(Entity::Email)),
            ("王小明", Some(Entity::PersonName)),
            ("北京市海淀区中关村大街1号", Some(Entity::Address)),
            ("hello", None),
        ];
        for (text, expected) in cases {
            assert_eq!(guess(text), expected, "{text}");
        }
    }
}
