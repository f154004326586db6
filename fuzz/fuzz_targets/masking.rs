//! Feeds the masking engine, under the shipped policy, a conversation: messages with a NUL between them.
//!
//! Spans are in order and lie on characters; a C3 value is replaced by its placeholder in every view and is gone from what
//! would be sealed; what is stored reads back the same.
#![no_main]

use liaowaiwai::domain::masking::{Class, MaskedText, Span, Tail, View, apply, detect, without_c3};
use liaowaiwai_fuzz::{Letters, check_spans, shipped_policy};
use libfuzzer_sys::fuzz_target;

/// Between two messages; some numbers are told in pieces, and none of them outlive 60 seconds.
const STEP_US: i64 = 7_000_000;

fuzz_target!(|conversation: &str| {
    let policy = shipped_policy();
    let mut tail = Tail::empty();
    for (now_us, text) in (0..).step_by(STEP_US as usize).zip(conversation.split('\0')) {
        let spans = detect(policy, text, &mut tail, now_us);
        check_spans(policy, text, &spans);
        let masked = apply(policy, text, &spans, &Letters);
        assert!(MaskedText::from_bytes(&masked.to_bytes()).is_ok_and(|read| read == masked));
        assert_eq!(masked.span_counts().iter().map(|(_, _, count)| count).sum::<usize>(), spans.len());

        let secrets: Vec<Span> = spans.into_iter().filter(|span| span.class == Class::C3).collect();
        let only_secrets = apply(policy, text, &secrets, &Letters);
        let expected = replaced(text, &secrets, |span| format!("[{}]", span.entity.label()));
        for view in View::ALL {
            assert_eq!(only_secrets.render(view), expected, "{view} shows a secret");
        }
        assert_eq!(without_c3(text, &secrets), replaced(text, &secrets, |_| "\u{FFFC}".to_owned()));
    }
});

/// Puts something in the place of each span, the obvious way.
fn replaced(text: &str, spans: &[Span], by: impl Fn(&Span) -> String) -> String {
    let mut out = text.to_owned();
    for span in spans.iter().rev() {
        out.replace_range(span.bytes.clone(), &by(span));
    }
    out
}
