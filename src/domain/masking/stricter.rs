//! Two maskings of one text laid over each other: what neither of them hides is shown, and nothing else.
//!
//! A stored text doesn't say where its values stood in the original: they are found again between the pieces that were left as
//! they were written. Whichever places are found, the pieces are the same, so that nothing shows more than the stored text did;
//! where the two maskings disagree about what a value is, both stretches are hidden whole.

use std::ops::Range;

use super::{
    masked::{MaskedSpan, MaskedText, Segment, Source, push_plain},
    view::{Class, View},
};

/// A masked value with its place in the original.
#[derive(Clone)]
pub(super) struct Placed {
    /// Bytes of the original that it covers.
    pub(super) range: Range<usize>,
    /// Its mask has quotes around it that the original lacks.
    pub(super) is_quoted: bool,
    /// What is shown in its place.
    pub(super) span: MaskedSpan,
}

/// Whose words stand where both maskings hide something.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Words {
    /// Of the masking that is laid over: it is in force.
    New,
    /// Of what was there: of the other one nothing is told but which characters it hides as well.
    Old,
}

/// A masking of a text, with the place of each value in it.
#[derive(Clone)]
pub struct Masking {
    pub(super) placed: Vec<Placed>,
}

impl Masking {
    /// The masking that a masked text is of its original; none when it is none.
    pub fn of(original: &str, text: &MaskedText) -> Option<Self> {
        Some(Self { placed: placed(original, text, &[])? })
    }

    /// The masked text of `original`, of which this is a masking.
    pub fn text(&self, original: &str) -> MaskedText {
        written(original, &self.placed)
    }
}

/// A text with its values replaced.
pub(super) fn written(original: &str, placed: &[Placed]) -> MaskedText {
    let mut segments = Vec::with_capacity(placed.len() * 2 + 1);
    let mut from = 0;
    for Placed { range, is_quoted, span } in placed {
        let quote = if *is_quoted { "\"" } else { "" };
        push_plain(&mut segments, original.get(from..range.start));
        push_plain(&mut segments, Some(quote));
        let source = span.source.map(|source| Source { bytes: range.len(), is_quoted: *is_quoted, ..source });
        segments.push(Segment::Masked(MaskedSpan { source, ..span.clone() }));
        push_plain(&mut segments, Some(quote));
        from = range.end;
    }
    push_plain(&mut segments, original.get(from..));
    MaskedText { segments }
}

/// What a stored text becomes with `over` laid over it; none when it is no masking of `original`.
pub fn stricter(original: &str, old: &MaskedText, over: &Masking, words: Words) -> Option<MaskedText> {
    let old = placed(original, old, &over.placed)?;
    Some(written(original, &joined(old, &over.placed, words)))
}

/// Whether two maskings of one text show the same in every view.
pub fn shows_the_same(one: &MaskedText, other: &MaskedText) -> bool {
    View::ALL.into_iter().all(|view| one.render(view) == other.render(view))
}

/// Where the values of a stored text stand in its original. `hints` tells where some are likely to.
pub(super) fn placed(original: &str, text: &MaskedText, hints: &[Placed]) -> Option<Vec<Placed>> {
    aligned(original, text, hints).or_else(|| aligned(original, text, &[]))
}

fn aligned(original: &str, text: &MaskedText, hints: &[Placed]) -> Option<Vec<Placed>> {
    let (mut placed, mut at, mut is_quoted): (Vec<Placed>, _, _) = (Vec::new(), 0, false);
    let mut value: Option<&MaskedSpan> = None;
    for (place, segment) in text.segments.iter().enumerate() {
        let hinted = || hints.iter().find(|hint| hint.range.start == at).map(|hint| hint.range.end);
        match (segment, value) {
            (Segment::Masked(span), None) => value = Some(span),
            // Nothing stands between two values: only a hint says where one ends.
            (Segment::Masked(span), Some(before)) => {
                let range = at..hinted()?;
                at = range.end;
                placed.push(Placed { range, is_quoted, span: before.clone() });
                (value, is_quoted) = (Some(span), false);
            }
            (Segment::Plain(piece), before) => {
                let piece = if is_quoted { piece.strip_prefix('"')? } else { piece };
                let is_last = place + 1 == text.segments.len();
                let Some(span) = before else {
                    (at, is_quoted) = past(original, at, piece, is_last)?;
                    continue;
                };
                let hinted = hinted().filter(|end| past(original, *end, piece, is_last).is_some());
                let end = hinted.or_else(|| next(original, at, piece, is_last))?;
                placed.push(Placed { range: at..end, is_quoted, span: span.clone() });
                (at, is_quoted) = past(original, end, piece, is_last)?;
                value = None;
            }
        }
    }
    if let Some(span) = value {
        placed.push(Placed { range: at..original.len(), is_quoted, span: span.clone() });
        at = original.len();
    }
    (at == original.len() && placed.iter().all(|placed| !placed.range.is_empty())).then_some(placed)
}

/// Where the original goes on after a piece that stands at `at`, and whether the piece ends with a quote that the original lacks.
fn past(original: &str, at: usize, piece: &str, is_last: bool) -> Option<(usize, bool)> {
    let rest = original.get(at..)?;
    if is_last {
        return (rest == piece).then_some((original.len(), false));
    }
    if rest.starts_with(piece) {
        return Some((at + piece.len(), false));
    }
    let bare = piece.strip_suffix('"')?;
    rest.starts_with(bare).then_some((at + bare.len(), true))
}

/// Where a piece stands after a value that begins at `from`.
fn next(original: &str, from: usize, piece: &str, is_last: bool) -> Option<usize> {
    let rest = original.get(from..)?;
    let least = rest.chars().next()?.len_utf8();
    if is_last {
        let at = original.len().checked_sub(piece.len())?;
        return (at >= from + least && original.ends_with(piece)).then_some(at);
    }
    let tail = rest.get(least..)?;
    let found = tail.find(piece).or_else(|| tail.find(piece.strip_suffix('"')?))?;
    Some(from + least + found)
}

/// Both maskings' values, each stretch of the original once.
fn joined(old: Vec<Placed>, new: &[Placed], words: Words) -> Vec<Placed> {
    let mut all: Vec<(Placed, bool)> = old.into_iter().map(|placed| (placed, true)).collect();
    all.extend(new.iter().map(|placed| (placed.clone(), false)));
    all.sort_by_key(|(placed, is_old)| (placed.range.start, !is_old));
    let mut groups: Vec<Vec<(Placed, bool)>> = Vec::new();
    let mut end = 0;
    for one in all {
        let (from, until) = (one.0.range.start, one.0.range.end);
        match groups.last_mut() {
            Some(group) if from < end => group.push(one),
            Some(_) | None => groups.push(vec![one]),
        }
        end = end.max(until);
    }
    groups.iter().filter_map(|group| one_of(group, words)).collect()
}

/// What stands for values that overlap.
fn one_of(group: &[(Placed, bool)], words: Words) -> Option<Placed> {
    if let [(old, true), (new, false)] = group
        && old.range == new.range
    {
        let span = met(&old.span, &new.span, words);
        return Some(Placed { range: old.range.clone(), is_quoted: old.is_quoted || new.is_quoted, span });
    }
    let range = group.first()?.0.range.start..group.iter().map(|(placed, _)| placed.range.end).max()?;
    let is_quoted = group.iter().any(|(placed, _)| placed.is_quoted);
    let class = group.iter().map(|(placed, _)| placed.span.class).max()?;
    if let [(alone, _)] = group {
        return Some(alone.clone());
    }
    let around = group.iter().find(|(placed, is_old)| *is_old && placed.range == range);
    let named = around.or_else(|| group.iter().find(|(_, is_old)| *is_old == (words == Words::Old)));
    let named = &named.or(group.first())?.0.span;
    let source = source_of(named, group.iter().map(|(placed, _)| &placed.span));
    Some(Placed { range, is_quoted, span: MaskedSpan { class, shown: Vec::new(), source, ..named.clone() } })
}

/// What is noted of a mask that stands for several: it opens only if each of them does.
fn source_of<'s>(named: &MaskedSpan, mut all: impl Iterator<Item = &'s MaskedSpan>) -> Option<Source> {
    let is_reversible = all.all(|span| span.source.is_some_and(|source| source.is_reversible));
    named.source.map(|source| Source { is_reversible, ..source })
}

/// One value as both maskings may show it.
fn met(old: &MaskedSpan, new: &MaskedSpan, words: Words) -> MaskedSpan {
    let keeps_old = words == Words::Old || (old.class == Class::C3 && new.class != Class::C3);
    let named = if keeps_old { old } else { new };
    let mut shown: Vec<(u16, String)> = Vec::new();
    for view in View::ALL {
        let text = old.text(view).zip(new.text(view)).and_then(|(old, new)| least(old, new, words));
        let Some(text) = text else { continue };
        match shown.iter_mut().find(|(_, known)| *known == text) {
            Some((views, _)) => *views |= view.bit(),
            None => shown.push((view.bit(), text)),
        }
    }
    let source = source_of(named, [old, new].into_iter());
    MaskedSpan { class: old.class.max(new.class), shown, source, ..named.clone() }
}

/// How a value is shown, as far as its text tells.
#[derive(PartialEq, Eq)]
enum Form {
    /// `<CARD_1>`.
    Name,
    /// `[bank_card:abcd]`.
    Token,
    /// Characters of the value, or others in their place.
    Characters,
}

fn form(text: &str) -> Form {
    let inner = |open, close| text.strip_prefix(open).and_then(|rest| rest.strip_suffix(close));
    let is_name = |inner: &str| {
        inner.rsplit_once('_').is_some_and(|(name, number)| {
            !name.is_empty() && !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit())
        })
    };
    let is_token = |inner: &str| {
        inner.rsplit_once(':').is_some_and(|(_, letters)| letters.bytes().all(|byte| byte.is_ascii_lowercase()))
    };
    if inner('<', '>').is_some_and(is_name) {
        Form::Name
    } else if inner('[', ']').is_some_and(is_token) {
        Form::Token
    } else {
        Form::Characters
    }
}

/// What tells no more than either of two texts that stand for one value; nothing: only its placeholder does.
fn least(old: &str, new: &str, words: Words) -> Option<String> {
    match (form(old), form(new)) {
        // Of two names, and of two tokens, neither tells more.
        (Form::Name, _) | (Form::Token, Form::Token | Form::Characters) => Some(old.to_owned()),
        (Form::Token | Form::Characters, Form::Name) | (Form::Characters, Form::Token) => {
            (words == Words::New).then(|| new.to_owned())
        }
        (Form::Characters, Form::Characters) => {
            if old.chars().count() != new.chars().count() {
                return None;
            }
            let one = |(old, new): (char, char)| match (old, new) {
                (old, new) if old == new => Some(old),
                ('*', _) | (_, '*') => Some('*'),
                (_, _) => None,
            };
            old.chars().zip(new.chars()).map(one).collect()
        }
    }
}

/// Which way one masking of a value differs from another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Shift {
    /// Every view shows the same.
    Same,
    /// Some views show less, and none more.
    Less,
    /// Something else is shown that tells as much, or what is hidden is another stretch.
    Otherwise,
    /// Some views show more.
    More,
}

/// How one masked value differs, in the views that show it otherwise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// What it is, by the masking before; what only the other finds, by that one.
    pub entity: super::Entity,
    /// Which way.
    pub shift: Shift,
    /// Where.
    pub views: Vec<View>,
}

/// How `after` masks a text otherwise than `before`, value by value.
pub fn changes(before: &Masking, after: &Masking) -> Vec<Change> {
    let overlaps =
        |one: &Placed, other: &Placed| one.range.start < other.range.end && other.range.start < one.range.end;
    let all = || View::ALL.to_vec();
    let mut found: Vec<Change> = before
        .placed
        .iter()
        .map(|was| {
            let entity = was.span.entity;
            match after.placed.iter().find(|is| overlaps(was, is)) {
                None => Change { entity, shift: Shift::More, views: all() },
                Some(is) if is.range == was.range => change(&was.span, &is.span),
                Some(_) => Change { entity, shift: Shift::Otherwise, views: all() },
            }
        })
        .collect();
    let fresh = after.placed.iter().filter(|is| !before.placed.iter().any(|was| overlaps(was, is)));
    found.extend(fresh.map(|is| Change { entity: is.span.entity, shift: Shift::Less, views: all() }));
    found
}

fn change(was: &MaskedSpan, is: &MaskedSpan) -> Change {
    let shifts = View::ALL.map(|view| (view, shift(was.text(view), is.text(view))));
    let views = shifts.iter().filter(|(_, shift)| *shift != Shift::Same).map(|(view, _)| *view).collect();
    let shift = shifts.iter().map(|(_, shift)| *shift).max().unwrap_or(Shift::Same);
    Change { entity: was.entity, shift, views }
}

fn shift(was: Option<&str>, is: Option<&str>) -> Shift {
    match (was, is) {
        (None, None) => Shift::Same,
        (None, Some(_)) => Shift::More,
        (Some(_), None) => Shift::Less,
        (Some(was), Some(is)) if was == is => Shift::Same,
        (Some(was), Some(is)) if form(was) == form(is) && form(was) != Form::Characters => Shift::Otherwise,
        (Some(was), Some(is)) => match least(was, is, Words::New) {
            Some(least) if least == is => Shift::Less,
            Some(least) if least == was => Shift::More,
            // Each shows what the other hides, or one of them shows something else altogether.
            Some(_) | None => Shift::More,
        },
    }
}

#[cfg(test)]
mod tests {
    use std::sync::LazyLock;

    use proptest::prelude::*;
    use proptest::test_runner::RngSeed;

    use super::super::{Policy, Tail, detect, masking as placed_in};
    use super::*;
    use crate::domain::masking::Tokens;

    struct NoTokens;

    impl Tokens for NoTokens {
        fn token(&self, _: &str, _: &str, _: &str) -> String {
            "abcdabcd".to_owned()
        }
    }

    const RETAIL: &str = include_str!("../../../policies/masking/cn-retail.yaml");

    fn policy(views: &str) -> Policy {
        let text = format!(
            "apiVersion: mask/v1\nid: one\nversion: 1\nmode: enforce\nrules:\n  - {{entity: cn.mobile, class: C2, views: \
             {views}}}\ntests: [{{in: \"您好\", unchanged: true}}, {{in: \"13812345678\", export: \"[mobile]\"}}]\n"
        );
        Policy::load(&text).unwrap_or_else(|error| panic!("{error}"))
    }

    fn masking(policy: &Policy, text: &str) -> Masking {
        let spans = detect(policy, text, &mut Tail::empty(), 0);
        placed_in(policy, text, &spans, &NoTokens)
    }

    fn laid(old: &str, new: &str, text: &str, words: Words) -> MaskedText {
        let stored = masking(&policy(old), text).text(text);
        stricter(text, &stored, &masking(&policy(new), text), words).unwrap()
    }

    const TEXT: &str = "我的手机是13812345678，请回电";

    #[test]
    fn of_two_masks_only_what_both_show_is_shown() {
        for (old, new, shown) in [
            ("{agent: {keep: {first: 3, last: 4}}}", "{agent: {keep: {first: 4, last: 2}}}", "138******78"),
            ("{agent: {keep: {first: 3, last: 4}}}", "{agent: drop}", "[mobile]"),
            ("{agent: drop}", "{agent: {keep: {first: 3, last: 4}}}", "[mobile]"),
            ("{agent: {token: hmac, key: a}}", "{agent: {keep: {first: 3, last: 4}}}", "[mobile:abcdabcd]"),
            ("{agent: {keep: {first: 3, last: 4}}}", "{agent: {token: hmac, key: a}}", "[mobile:abcdabcd]"),
            ("{agent: {replace: \"<TEL_{n}>\"}}", "{agent: {token: hmac, key: a}}", "<TEL_1>"),
            ("{agent: {keep: {first: 3, last: 4}}}", "{agent: {replace: \"<TEL_{n}>\"}}", "<TEL_1>"),
        ] {
            let text = laid(old, new, TEXT, Words::New).render(View::Agent);
            assert_eq!(text, format!("我的手机是{shown}，请回电"), "{old} {new}");
        }
    }

    #[test]
    fn in_a_sample_nothing_of_what_was_hidden_is_told_by_the_words_of_a_draft() {
        for new in ["{agent: {token: hmac, key: a}}", "{agent: {replace: \"<TEL_{n}>\"}}", "{agent: drop}"] {
            let text = laid("{agent: {keep: {first: 3, last: 4}}}", new, TEXT, Words::Old).render(View::Agent);
            assert_eq!(text, "我的手机是[mobile]，请回电", "{new}");
        }
    }

    #[test]
    fn values_are_found_again_between_what_is_left_however_alike_the_two_are() {
        let policy = Policy::load(RETAIL).unwrap();
        for text in [
            "6222 0212 3456 7890 128 13812345678 a.bcdefg@example.com",
            "13812345678 13912345678，13812345678。13712345678",
            r#"{"phone": 13812345678, "card": "6222021234567890128", "name": "张三"}"#,
            "验证码是384921，手机138 1234 5678",
            "张三13812345678",
            "没有什么",
        ] {
            let whole = masking(&policy, text);
            let stored = whole.text(text);
            let again = stricter(text, &stored, &whole, Words::New).unwrap_or_else(|| panic!("{text}"));
            assert!(shows_the_same(&stored, &again), "{text}: {}", again.render(View::Agent));
            assert!(changes(&whole, &whole).iter().all(|change| change.shift == Shift::Same), "{text}");
            let nothing = Masking { placed: Vec::new() };
            let alone = stricter(text, &stored, &nothing, Words::New);
            assert!(alone.is_none_or(|alone| shows_the_same(&stored, &alone)), "{text}");
        }
    }

    #[test]
    fn a_text_that_is_no_masking_of_the_original_is_refused() {
        let whole = masking(&Policy::load(RETAIL).unwrap(), TEXT);
        let stored = whole.text(TEXT);
        for other in ["", "我的手机是", "我的手机是13812345678，请回", "x我的手机是13812345678，请回电"]
        {
            assert!(stricter(other, &stored, &Masking { placed: Vec::new() }, Words::New).is_none(), "{other:?}");
        }
    }

    #[test]
    fn a_change_is_told_with_its_way_and_its_views() {
        let of = |old: &str, new: &str| {
            let found = changes(&masking(&policy(old), TEXT), &masking(&policy(new), TEXT));
            (found[0].shift, found[0].views.clone())
        };
        let keep = "{agent: {keep: {first: 3, last: 4}}}";
        assert_eq!(of(keep, keep), (Shift::Same, vec![]));
        assert_eq!(of(keep, "{agent: {keep: {first: 3, last: 3}}}"), (Shift::Less, vec![View::Agent]));
        assert_eq!(of("{agent: drop}", keep), (Shift::More, vec![View::Agent]));
        assert_eq!(of(keep, "{agent: {keep: {first: 4, last: 3}}}"), (Shift::More, vec![View::Agent]));
        let named = "{agent: {replace: \"<TEL_{n}>\"}}";
        assert_eq!(of(named, "{agent: {replace: \"<FON_{n}>\"}}"), (Shift::Otherwise, vec![View::Agent]));
        let nothing = Masking { placed: Vec::new() };
        let whole = masking(&policy(keep), TEXT);
        assert_eq!(changes(&whole, &nothing)[0].shift, Shift::More);
        assert_eq!(changes(&nothing, &whole)[0].shift, Shift::Less);
    }

    /// Read once: it is long.
    static LOADED: LazyLock<Policy> = LazyLock::new(|| Policy::load(RETAIL).unwrap());
    /// Keeps the first and the last characters, as many as the two places say.
    static KEEPING: LazyLock<Vec<Vec<Policy>>> = LazyLock::new(|| {
        let keep =
            |first, last| policy(&format!("{{\"*\": {{keep: {{first: {first}, last: {last}}}}}, export: drop}}"));
        (0..5).map(|first| (0..5).map(|last| keep(first, last)).collect()).collect()
    });

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, rng_seed: RngSeed::Fixed(2), ..ProptestConfig::default() })]

        /// Whatever is laid over a stored text, no view shows a character in a value's place that the stored text hid.
        #[test]
        fn nothing_that_is_laid_over_shows_more(
            text in "(您好|, | |我是|13812345678|6222021234567890128|a.bcd@example.com|验证码384921|\"){0,8}",
            (first, last, other_first, other_last) in (0_usize..5, 0_usize..5, 0_usize..5, 0_usize..5),
        ) {
            let (one, other) = (&KEEPING[first][last], &KEEPING[other_first][other_last]);
            for (old, new) in [(one, other), (&*LOADED, one), (one, &*LOADED)] {
                let (before, after) = (masking(old, &text), masking(new, &text));
                let (was, is) = (before.text(&text), after.text(&text));
                for words in [Words::New, Words::Old] {
                    let Some(laid) = stricter(&text, &was, &after, words) else { continue };
                    // Laid over once more, nothing changes: a history that is masked again is not masked a third time.
                    let twice = stricter(&text, &laid, &after, words).unwrap();
                    prop_assert!(shows_the_same(&laid, &twice), "{text:?}");
                    for view in View::ALL {
                        let digits = |text: &MaskedText| {
                            text.render(view).bytes().filter(u8::is_ascii_digit).count()
                        };
                        prop_assert!(digits(&laid) <= digits(&was).min(digits(&is)) + 4, "{text:?} {view}");
                    }
                }
            }
        }
    }
}
