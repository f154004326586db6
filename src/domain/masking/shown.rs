//! Where values stand in a text as it was typed, for whoever typed it: counted in characters, so that a page can mark them.

use super::{masked::ShownSpan, span::Span};

/// What was found in a text, and the word in it that made that surer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundSpan {
    /// Where it is, and what.
    pub span: ShownSpan,
    /// The word that speaks for it, if one in the text does.
    pub word: Option<String>,
}

/// Marks what was found in a text; `spans` are those that [`super::detect()`] returned for it, in order.
pub fn found_spans(text: &str, spans: &[Span]) -> Vec<FoundSpan> {
    let (mut bytes, mut characters) = (0, 0);
    let mut count_to = |byte: usize| {
        characters += text.get(bytes..byte).unwrap_or_default().chars().count();
        bytes = byte;
        characters
    };
    let word = |span: &Span| Some(text.get(span.word.clone()?)?.trim().to_owned());
    let found = |span: &Span| FoundSpan {
        span: ShownSpan {
            start: count_to(span.bytes.start),
            end: count_to(span.bytes.end),
            entity: span.entity,
            class: span.class,
            rule: span.rule,
            confidence: span.confidence,
            is_reversible: false,
        },
        word: word(span),
    };
    spans.iter().map(found).collect()
}
