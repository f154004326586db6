//! Where values stand in a text, for those who are shown it: counted in characters, so that a page can mark them.
//!
//! A mark tells what was found and by which rule, never the value. Offsets count Unicode scalar values.

use super::{
    entity::Entity,
    masked::{MaskedText, Segment},
    span::Span,
    view::{Class, View},
};

/// A value's place in a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark {
    /// The first character.
    pub start: usize,
    /// The one behind the last.
    pub end: usize,
    /// What it is.
    pub entity: Entity,
    /// How strictly it is held.
    pub class: Class,
    /// Position of the rule in the policy's rules.
    pub rule: u16,
    /// How sure the engine was, in percent.
    pub confidence: u8,
}

/// A text as a view shows it, with the places of its masks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shown {
    /// What the view shows.
    pub text: String,
    /// Its masks, in order.
    pub marks: Vec<Mark>,
}

impl MaskedText {
    /// Returns the text that a view may show, and where its masks are.
    pub fn shown(&self, view: View) -> Shown {
        let mut shown = Shown { text: String::new(), marks: Vec::new() };
        let mut at = 0;
        for segment in &self.segments {
            let from = shown.text.len();
            match segment {
                Segment::Plain(plain) => shown.text.push_str(plain),
                Segment::Masked(span) => span.render(view, &mut shown.text),
            }
            let end = at + shown.text.get(from..).unwrap_or_default().chars().count();
            match segment {
                Segment::Plain(_) => {}
                Segment::Masked(span) => {
                    let (entity, class, rule, confidence) = (span.entity, span.class, span.rule, span.confidence);
                    shown.marks.push(Mark { start: at, end, entity, class, rule, confidence });
                }
            }
            at = end;
        }
        shown
    }
}

/// Marks what was found in a text; `spans` are those that [`super::detect()`] returned for it, in order.
pub fn marks(text: &str, spans: &[Span]) -> Vec<Mark> {
    let (mut bytes, mut characters) = (0, 0);
    let mut count_to = |byte: usize| {
        characters += text.get(bytes..byte).unwrap_or_default().chars().count();
        bytes = byte;
        characters
    };
    let mark = |span: &Span| Mark {
        start: count_to(span.bytes.start),
        end: count_to(span.bytes.end),
        entity: span.entity,
        class: span.class,
        rule: span.rule,
        confidence: span.confidence,
    };
    spans.iter().map(mark).collect()
}
