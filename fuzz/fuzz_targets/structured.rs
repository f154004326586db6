//! Feeds the masking engine, under the shipped policy, documents: JSON, form fields, and cells under any name.
//!
//! Spans are in order and lie on characters; what was JSON is JSON in every view, and masking it again changes nothing.
#![no_main]

use liaowaiwai::domain::masking::{View, apply, detect_field, detect_form, detect_json};
use liaowaiwai_fuzz::{Letters, check_spans, shipped_policy};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let policy = shipped_policy();
    if let Some(spans) = detect_form(policy, text) {
        check_spans(policy, text, &spans);
    }
    let (name, cell) = text.split_once('\n').unwrap_or(("", text));
    check_spans(policy, cell, &detect_field(policy, name, cell));
    let Some(spans) = detect_json(policy, text) else { return };
    check_spans(policy, text, &spans);
    assert!(serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok(), "read as a document, and is none");
    let masked = apply(policy, text, &spans, &Letters);
    for view in View::ALL {
        let once = masked.render(view);
        assert!(serde_json::from_str::<serde::de::IgnoredAny>(&once).is_ok(), "no document any more for {view}");
        let again = detect_json(policy, &once).unwrap_or_default();
        assert_eq!(apply(policy, &once, &again, &Letters).render(view), once, "masked twice for {view}");
    }
});
