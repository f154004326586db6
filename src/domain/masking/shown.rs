//! Where values stand in a text as it was typed, for whoever typed it: counted in characters, so that a page can mark them.

use super::{masked::ShownSpan, span::Span};

/// Marks what was found in a text; `spans` are those that [`super::detect()`] returned for it, in order.
pub fn found_spans(text: &str, spans: &[Span]) -> Vec<ShownSpan> {
    let (mut bytes, mut characters) = (0, 0);
    let mut count_to = |byte: usize| {
        characters += text.get(bytes..byte).unwrap_or_default().chars().count();
        bytes = byte;
        characters
    };
    let found = |span: &Span| ShownSpan {
        start: count_to(span.bytes.start),
        end: count_to(span.bytes.end),
        entity: span.entity,
        class: span.class,
        rule: span.rule,
        confidence: span.confidence,
        is_reversible: false,
    };
    spans.iter().map(found).collect()
}
