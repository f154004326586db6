//! What a message tells of earlier ones: they hold the beginning of its number, or the code that it names, in plain sight.
//!
//! [`Again`] says which message and which characters of which value; [`mask_again`] masks the stored form of that message
//! once more, and [`without_named`] takes a C3 value out of what is sealed of it. Places are not remembered: they are found
//! again in what is stored, where the digits of a fragment are the last ones, so that a restart changes nothing. What is
//! not found where it must be is hidden with all that is around it.

use std::ops::Range;

use super::{
    detect::detect,
    digits::{self, Run},
    entity::Entity,
    fold::Folded,
    lexicon::Lexicon,
    masked::{MaskedText, OBJECT_REPLACEMENT, Segment, Source, Tokens, Value, apply, mask},
    policy::Policy,
    scene::Candidate,
    secrets::Named,
    span::Canonical,
    tail::Tail,
    view::Class,
};
use crate::units::MessageId;

/// A part of a value that an earlier message holds.
#[derive(Clone)]
pub struct Again {
    /// The message that must be masked again.
    pub message: MessageId,
    /// What the value is.
    pub entity: Entity,
    /// How strictly it is held, by the policy's rule.
    pub class: Class,
    pub(super) rule: u16,
    pub(super) confidence: u8,
    pub(super) canonical: Canonical,
    /// Characters of the value that are in that message.
    pub(super) part: Range<usize>,
}

impl Again {
    fn digits(&self) -> &[u8] {
        self.canonical.expose().as_bytes().get(self.part.clone()).unwrap_or_default()
    }
}

/// The parts of a candidate that are in earlier messages.
pub(super) fn begun(policy: &Policy, tail: &Tail, candidate: &Candidate) -> Vec<Again> {
    let Some(rule) = policy.rules().get(usize::from(candidate.rule)) else { return Vec::new() };
    let part = |(message, part)| Again {
        message,
        entity: candidate.entity,
        class: rule.class,
        rule: candidate.rule,
        confidence: candidate.confidence,
        canonical: candidate.canonical.clone(),
        part,
    };
    tail.parts(candidate.earlier).into_iter().map(part).collect()
}

/// The parts of a code that a message names and earlier ones hold: the digits of the last message that fit, or of the last
/// few together.
pub(super) fn named(policy: &Policy, tail: &Tail, named: &Named) -> Vec<Again> {
    let Some((position, rule)) = policy.rule_for(named.entity) else { return Vec::new() };
    let Some(digits) = tail.bare().find(|digits| named.lengths.contains(&digits.len())) else { return Vec::new() };
    let canonical = Canonical::new(&digits);
    let is_public = policy.allowed.iter().any(|allowed| allowed == canonical.expose());
    if named.confidence < rule.min_confidence || (is_public && named.entity != Entity::Password) {
        return Vec::new();
    }
    let part = |(message, part)| Again {
        message,
        entity: named.entity,
        class: rule.class,
        rule: position,
        confidence: named.confidence,
        canonical: canonical.clone(),
        part,
    };
    tail.parts(digits.len()).into_iter().map(part).collect()
}

/// Masks a stored message once more; what was masked in it stays so, under the rules of this policy for the same entities.
pub fn mask_again(policy: &Policy, text: &MaskedText, again: &Again, tokens: &dyn Tokens) -> MaskedText {
    let mut segments = text.clone().under(policy).segments;
    let Some((at, place)) = last_place(&policy.lexicon, &segments, again.digits()) else {
        return MaskedText { segments };
    };
    let Some(rule) = policy.rules().get(usize::from(again.rule)) else { return MaskedText { segments } };
    let same = |segment: &&Segment| matches!(segment, Segment::Masked(span) if span.entity == again.entity);
    let number = 1 + segments.iter().take(at).filter(same).count();
    let value = Value {
        entity: again.entity,
        class: again.class,
        rule: again.rule,
        confidence: again.confidence,
        canonical: &again.canonical,
        part: again.part.clone(),
        is_pressed: false,
    };
    let masked = |original: &str| mask(rule, &value, original, number, tokens);
    let pieces: Vec<Segment> = match segments.get(at) {
        Some(Segment::Plain(plain)) => {
            let piece = |range: Range<usize>| plain.get(range).unwrap_or_default();
            let rest = |text: &str| (!text.is_empty()).then(|| Segment::Plain(text.to_owned()));
            let (before, after) = (rest(piece(0..place.start)), rest(piece(place.end..plain.len())));
            let hidden = Segment::Masked(masked(piece(place.clone())));
            before.into_iter().chain([hidden]).chain(after).collect()
        }
        Some(Segment::Masked(span)) if span.class == Class::C3 && again.class != Class::C3 => {
            return MaskedText { segments };
        }
        // What the whole value shows there is not what was taken for one before.
        Some(Segment::Masked(before)) => {
            let mut hidden = masked(again.canonical.expose().get(again.part.clone()).unwrap_or_default());
            let is_reversible = rule.opening.is_some();
            hidden.source = before.source.map(|source| Source { is_reversible, ..source });
            vec![Segment::Masked(hidden)]
        }
        None => Vec::new(),
    };
    segments.splice(at..=at, pieces);
    MaskedText { segments }
}

/// Masks what stands in plain sight of a stored text, each stretch by itself; what was masked in it stays so.
pub fn mask_rest(policy: &Policy, text: &MaskedText, tokens: &dyn Tokens) -> MaskedText {
    let mut segments = Vec::new();
    for segment in &text.segments {
        match segment {
            Segment::Masked(_) => segments.push(segment.clone()),
            Segment::Plain(plain) => {
                let spans = detect(policy, plain, &mut Tail::empty(), 0);
                segments.extend(apply(policy, plain, &spans, tokens).segments);
            }
        }
    }
    MaskedText { segments }
}

impl MaskedText {
    /// The same text, its values under the rules of this policy for the same entities.
    #[must_use]
    pub fn under(mut self, policy: &Policy) -> Self {
        for segment in &mut self.segments {
            if let Segment::Masked(span) = segment
                && let Some((position, _)) = policy.rule_for(span.entity)
            {
                span.rule = position;
            }
        }
        self
    }
}

/// The segment that holds the last digits, and where in it: digits that are masked already are a whole segment.
fn last_place(lexicon: &Lexicon, segments: &[Segment], digits: &[u8]) -> Option<(usize, Range<usize>)> {
    segments.iter().enumerate().rev().find_map(|(at, segment)| match segment {
        Segment::Plain(plain) => last_digits(lexicon, plain, digits).map(|place| (at, place)),
        Segment::Masked(_) => Some((at, 0..0)),
    })
}

/// Where the last digits of a text are; all of it when they are others than expected. `None`: there are none.
fn last_digits(lexicon: &Lexicon, text: &str, expected: &[u8]) -> Option<Range<usize>> {
    let message = Folded::new(lexicon, text);
    let last = digits::last_at(&message, message.len())?;
    let mut run = Run::default();
    let place = digits::ending_at(&message, &mut run, last, 0);
    Some(place.filter(|_| run.values() == expected).map_or(0..text.len(), |place| message.bytes(place)))
}

/// Returns what is sealed of a message without the part of a C3 value that it holds, U+FFFC in its place.
pub fn without_named(policy: &Policy, text: &str, again: &Again) -> String {
    let Some(place) = last_digits(&policy.lexicon, text, again.digits()) else { return text.to_owned() };
    let (before, after) = (text.get(..place.start).unwrap_or_default(), text.get(place.end..).unwrap_or_default());
    [before, OBJECT_REPLACEMENT.encode_utf8(&mut [0; 4]), after].concat()
}
