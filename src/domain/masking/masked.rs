//! A masked message: plain text and masked spans, each knowing what every view shows of it.
//!
//! [`MaskedText::render`] is the only way to a string. The original value is not in here, only what views may show. How
//! values are found is not known here; how a masked message is stored is in [`super::codec`].
//!
//! A mask covers the original with its disguise: kept characters are shown as plain ASCII, each hidden one of the value
//! as `*`, and separators vanish (`6222 02…` becomes `622202****…`), so a mask never tells how a value was written.

use std::{collections::BTreeMap, ops::Range};

use super::{
    entity::Entity,
    operate,
    policy::{Operator, Policy, Rule},
    span::{Canonical, Span},
    stricter::{Masking, Placed, written},
    symbol,
    view::{Class, View},
};

/// Fewer hidden characters than this would make a mask that does not look like one; then all are hidden.
pub(super) const HIDDEN_MIN: usize = 3;
/// The same of a name, of which `张*` hides enough.
const NAME_HIDDEN_MIN: usize = 1;
/// Stands for a C3 value where the original text is sealed.
pub(super) const OBJECT_REPLACEMENT: char = '\u{FFFC}';

/// The port to a tenant's token keys.
pub trait Tokens {
    /// Returns a token for a value: the same for the same key, entity and canonical value, and telling nothing of it.
    ///
    /// `key` is the key's name in the policy, `entity` the stable name, `canonical` the value without its disguise. The
    /// token should be 4 to 64 letters `a` to `z` (see [`token_letters`]), so that masking a masked text leaves it
    /// alone; anything else is spelled out in letters.
    fn token(&self, key: &str, entity: &str, canonical: &str) -> String;
}

/// Spells bytes as letters `a` to `p`, two for each byte: a token without digits cannot look like a number.
pub fn token_letters(bytes: &[u8]) -> String {
    bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]).map(|half| char::from(b'a' + half)).collect()
}

/// Longest token in letters.
pub(super) const TOKEN_LEN_MAX: usize = 64;
/// Shortest token in letters.
pub(super) const TOKEN_LEN_MIN: usize = 4;

/// A message that may be stored and shown.
#[derive(Clone, PartialEq, Eq)]
pub struct MaskedText {
    pub(super) segments: Vec<Segment>,
}

/// A value, or the part of it that one message holds, as masks see it.
pub(super) struct Value<'v> {
    pub(super) entity: Entity,
    pub(super) class: Class,
    pub(super) rule: u16,
    pub(super) confidence: u8,
    pub(super) canonical: &'v Canonical,
    /// Characters of the value that are in the message.
    pub(super) part: Range<usize>,
    /// Its ends must not be shown: what stands beside it would make another value of them.
    pub(super) is_pressed: bool,
}

impl<'v> Value<'v> {
    fn of(span: &'v Span) -> Self {
        let Span { entity, class, rule, confidence, ref canonical, earlier, .. } = *span;
        Self { entity, class, rule, confidence, canonical, part: earlier..canonical.expose().len(), is_pressed: false }
    }
}

/// A part of a masked message.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum Segment {
    /// Text that is the same in every view.
    Plain(String),
    /// A masked value.
    Masked(MaskedSpan),
}

/// A masked value: what it was, and what each view shows of it.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct MaskedSpan {
    pub(super) entity: Entity,
    pub(super) class: Class,
    pub(super) rule: u16,
    pub(super) confidence: u8,
    /// What is shown, by the set of views that show it; a view in no set shows the placeholder.
    pub(super) shown: Vec<(u16, String)>,
    /// What it covers in the original; `None` where that was not noted, in messages of before.
    pub(super) source: Option<Source>,
}

/// What a mask covers in the original. See [`super::hidden`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Source {
    /// Bytes of the original, disguise included.
    pub(super) bytes: usize,
    /// Whether the mask got quotes around it that the original lacks.
    pub(super) is_quoted: bool,
    /// Whether the rule let somebody open it.
    pub(super) is_reversible: bool,
}

/// Where a masked value stands in what one view shows, and what it was; it tells nothing of the value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ShownSpan {
    /// Unicode scalar values before it.
    pub start: usize,
    /// Unicode scalar values up to its end.
    pub end: usize,
    /// What it was.
    pub entity: Entity,
    /// How strictly it is held.
    pub class: Class,
    /// Position of the rule in the policy that masked it.
    pub rule: u16,
    /// How sure the engine was, in percent.
    pub confidence: u8,
    /// Whether the rule let somebody open it.
    pub is_reversible: bool,
}

impl MaskedText {
    /// Returns the text that a view may show.
    pub fn render(&self, view: View) -> String {
        let mut text = String::new();
        for segment in &self.segments {
            match segment {
                Segment::Plain(plain) => text.push_str(plain),
                Segment::Masked(span) => span.render(view, &mut text),
            }
        }
        text
    }

    /// Says whether every view shows `text`, which is not empty, at the beginning, as it was written.
    pub fn begins_with(&self, text: &str) -> bool {
        matches!(self.segments.first(), Some(Segment::Plain(plain)) if plain.starts_with(text))
    }

    /// Returns where the masked values stand in the text that a view shows, in their order.
    pub fn shown_spans(&self, view: View) -> Vec<ShownSpan> {
        let (mut spans, mut start, mut shown) = (Vec::new(), 0, String::new());
        for segment in &self.segments {
            match segment {
                Segment::Plain(plain) => start += plain.chars().count(),
                Segment::Masked(span) => {
                    shown.clear();
                    span.render(view, &mut shown);
                    let end = start + shown.chars().count();
                    let MaskedSpan { entity, class, rule, confidence, .. } = *span;
                    let is_reversible = span.source.is_some_and(|source| source.is_reversible);
                    spans.push(ShownSpan { start, end, entity, class, rule, confidence, is_reversible });
                    start = end;
                }
            }
        }
        spans
    }

    /// Returns where a place in what one view shows stands in what another shows: within a masked value it is all of that.
    pub fn place_in(&self, (from, to): (View, View), place: Range<usize>) -> Range<usize> {
        let (mut seen, mut shown, mut found) = (0, 0, None::<Range<usize>>);
        for segment in &self.segments {
            let count = |view| match segment {
                Segment::Plain(plain) => plain.chars().count(),
                Segment::Masked(span) => {
                    let mut text = String::new();
                    span.render(view, &mut text);
                    text.chars().count()
                }
            };
            let (before, after) = (count(from), count(to));
            let (start, end) = (place.start.max(seen), place.end.min(seen + before));
            if start < end {
                let here = match segment {
                    Segment::Plain(_) => shown + start - seen..shown + end - seen,
                    Segment::Masked(_) => shown..shown + after,
                };
                found = Some(found.map_or(here.start, |found| found.start)..here.end);
            }
            (seen, shown) = (seen + before, shown + after);
        }
        found.unwrap_or(0..0)
    }

    /// Returns how many spans of each entity and class there are, ordered by entity.
    pub fn span_counts(&self) -> Vec<(Entity, Class, usize)> {
        let mut counts = BTreeMap::new();
        for segment in &self.segments {
            match segment {
                Segment::Plain(_) => {}
                Segment::Masked(span) => *counts.entry((span.entity, span.class)).or_insert(0) += 1,
            }
        }
        counts.into_iter().map(|((entity, class), count)| (entity, class, count)).collect()
    }
}

impl MaskedSpan {
    /// What a view shows of the value; nothing: its placeholder.
    pub(super) fn text(&self, view: View) -> Option<&str> {
        self.shown.iter().find(|(views, _)| views & view.bit() != 0).map(|(_, shown)| shown.as_str())
    }

    /// Shows `original` to the view that leaves, in the form that the layout keeps: no text and no view twice, in order.
    fn leaves_as(&mut self, original: &str) {
        let leaves = View::Outbound.bit();
        self.shown.iter_mut().for_each(|(views, _)| *views &= !leaves);
        self.shown.retain(|(views, _)| *views != 0);
        match self.shown.iter_mut().find(|(_, text)| text == original) {
            Some((views, _)) => *views |= leaves,
            None => self.shown.push((leaves, original.to_owned())),
        }
        self.shown.sort_by_key(|(views, _)| views.trailing_zeros());
    }

    fn render(&self, view: View, text: &mut String) {
        if let Some(shown) = self.text(view) {
            text.push_str(shown);
        } else {
            text.push('[');
            text.push_str(self.entity.label());
            text.push(']');
        }
    }
}

/// Masks a message: replaces each span by what the policy lets each view show.
///
/// `spans` are those that [`super::detect()`] returned for the same text and policy.
pub fn apply(policy: &Policy, text: &str, spans: &[Span], tokens: &dyn Tokens) -> MaskedText {
    written(text, &place(policy, text, spans, tokens))
}

/// As [`apply`], with the place of each value.
pub fn masking(policy: &Policy, text: &str, spans: &[Span], tokens: &dyn Tokens) -> Masking {
    Masking { placed: place(policy, text, spans, tokens) }
}

fn place<'s>(policy: &Policy, text: &str, spans: &'s [Span], tokens: &dyn Tokens) -> Vec<Placed> {
    let mut numbers = Numbers::default();
    let placed = |(place, span): (usize, &'s Span)| {
        let rule = policy.rules().get(usize::from(span.rule))?;
        let original = text.get(span.bytes.clone()).unwrap_or_default();
        let value = Value { is_pressed: is_pressed(policy, text, spans, place), ..Value::of(span) };
        let shown = mask(rule, &value, original, numbers.of(span), tokens);
        Some(Placed { range: span.bytes.clone(), is_quoted: span.is_quoted, span: shown })
    };
    spans.iter().enumerate().filter_map(placed).collect()
}

/// Masks a message as [`apply`] does, but lets what is held leave as it was written where a rule lets `role` decide so. Every view
/// but the one that leaves shows what it shows of any message; C3 values leave for nobody.
pub fn apply_releasing(policy: &Policy, text: &str, spans: &[Span], tokens: &dyn Tokens, role: &str) -> MaskedText {
    let mut masked = apply(policy, text, spans, tokens);
    let values = masked.segments.iter_mut().filter_map(|segment| match segment {
        Segment::Plain(_) => None,
        Segment::Masked(span) => Some(span),
    });
    for (value, span) in values.zip(spans) {
        let leaving = policy.rules().get(usize::from(span.rule)).map(|rule| &rule.leaving);
        if leaving.is_some_and(|leaving| leaving.hold && leaving.may_release(span.class, role)) {
            value.leaves_as(text.get(span.bytes.clone()).unwrap_or_default());
        }
    }
    masked
}

/// Returns the original with each C3 value replaced by U+FFFC: the form that may be sealed.
pub fn without_c3(text: &str, spans: &[Span]) -> String {
    let mut sealed = String::with_capacity(text.len());
    let mut from = 0;
    for span in spans.iter().filter(|span| span.class == Class::C3) {
        sealed.push_str(text.get(from..span.bytes.start).unwrap_or_default());
        sealed.push(OBJECT_REPLACEMENT);
        from = span.bytes.end;
    }
    sealed.push_str(text.get(from..).unwrap_or_default());
    sealed
}

/// Whether the ends of what a pattern found must not be shown. Beside letters, digits, stars or another mask nobody could tell
/// where the mask ends, and a pattern would match them again; and so would what is neither letter nor digit of ASCII.
fn is_pressed(policy: &Policy, text: &str, spans: &[Span], place: usize) -> bool {
    let Some(span) = spans.get(place).filter(|span| span.entity == Entity::Custom) else { return false };
    let is_close = |symbol: u8| symbol::is_alphanumeric(symbol) || symbol == b'*';
    let symbol = |character| policy.lexicon.table.entry(character).symbol;
    let seen = |symbol: &u8| !matches!(*symbol, symbol::IGNORE | b'.');
    let before = text.get(..span.bytes.start).unwrap_or_default().chars().rev().map(symbol).find(seen);
    let after = text.get(span.bytes.end..).unwrap_or_default().chars().map(symbol).find(seen);
    let masked_before = place.checked_sub(1).and_then(|before| spans.get(before));
    let touches = masked_before.is_some_and(|other| other.bytes.end == span.bytes.start)
        || spans.get(place + 1).is_some_and(|other| other.bytes.start == span.bytes.end);
    touches
        || before.is_some_and(is_close)
        || after.is_some_and(is_close)
        || !span.canonical.expose().bytes().all(|byte| byte.is_ascii_alphanumeric())
}

pub(super) fn push_plain(segments: &mut Vec<Segment>, text: Option<&str>) {
    match (segments.last_mut(), text.unwrap_or_default()) {
        (_, "") => {}
        (Some(Segment::Plain(before)), text) => before.push_str(text),
        (Some(Segment::Masked(_)) | None, text) => segments.push(Segment::Plain(text.to_owned())),
    }
}

/// Numbers equal values of one message alike, from 1 for each entity.
#[derive(Default)]
struct Numbers<'s> {
    seen: BTreeMap<(Entity, &'s str), usize>,
    last: BTreeMap<Entity, usize>,
}

impl<'s> Numbers<'s> {
    fn of(&mut self, span: &'s Span) -> usize {
        let last = self.last.entry(span.entity).or_default();
        *self.seen.entry((span.entity, span.canonical.expose())).or_insert_with(|| {
            *last += 1;
            *last
        })
    }
}

/// What each view shows of a value, which is `original` as it was written.
pub(super) fn mask(rule: &Rule, value: &Value<'_>, original: &str, number: usize, tokens: &dyn Tokens) -> MaskedSpan {
    let mut shown: Vec<(u16, String)> = Vec::with_capacity(rule.shows.len());
    for (views, operator) in &rule.shows {
        let Some(text) = show(operator, value, original, number, tokens) else { continue };
        match shown.iter_mut().find(|(_, known)| *known == text) {
            Some((known, _)) => *known |= views,
            None => shown.push((*views, text)),
        }
    }
    let source = Source { bytes: original.len(), is_quoted: false, is_reversible: rule.opening.is_some() };
    let Value { entity, class, rule, confidence, .. } = *value;
    MaskedSpan { entity, class, rule, confidence, shown, source: Some(source) }
}

fn show(operator: &Operator, value: &Value<'_>, original: &str, number: usize, tokens: &dyn Tokens) -> Option<String> {
    match operator {
        Operator::Drop => None,
        Operator::KeepAll => Some(original.to_owned()),
        // Stars beside stars or digits would be read as one mask; the placeholder has an end of its own.
        Operator::Keep { .. } if value.is_pressed => None,
        Operator::Keep { first, last } => Some(ends(value, *first, *last)),
        Operator::Replace { name } => Some(format!("<{name}_{number}>")),
        Operator::Token { key } => {
            let token = tokens.token(key, value.entity.as_str(), value.canonical.expose());
            let plain = token.bytes().all(|byte| byte.is_ascii_lowercase());
            let letters = if plain && (TOKEN_LEN_MIN..=TOKEN_LEN_MAX).contains(&token.len()) {
                token
            } else {
                token_letters(token.as_bytes()).chars().take(TOKEN_LEN_MAX).collect()
            };
            Some(format!("[{}:{letters}]", value.entity.label()))
        }
        // What makes another value of a whole one makes nothing of a part of it.
        Operator::Encrypt { .. } | Operator::ShiftDate { .. } | Operator::Generalise(_) if value.part.start > 0 => None,
        Operator::Encrypt { key } => operate::encrypted(tokens, key, value.entity, value.canonical.expose()),
        Operator::ShiftDate { key, days_max } => operate::shifted(tokens, key, *days_max, value.canonical.expose()),
        Operator::Generalise(level) => operate::generalised(*level, value.entity, value.canonical.expose()),
    }
}

/// Shows the ends of the value, as far as they are in the part that this message holds.
fn ends(value: &Value<'_>, first: usize, last: usize) -> String {
    let characters = value.canonical.expose().chars();
    let length = characters.clone().count();
    let hidden_min = if value.entity == Entity::PersonName { NAME_HIDDEN_MIN } else { HIDDEN_MIN };
    let hides = length >= first + last + hidden_min;
    characters
        .enumerate()
        .skip(value.part.start)
        .take(value.part.len())
        .map(|(place, character)| {
            let kept = hides && (place < first || place >= length - last);
            if kept { character } else { '*' }
        })
        .collect()
}
