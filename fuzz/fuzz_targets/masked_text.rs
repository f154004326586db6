//! Feeds the reader of stored masked messages.
//!
//! A masked message has exactly one encoding, and every view of what is read renders.
#![no_main]

use liaowaiwai::domain::masking::{MaskedText, View};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Ok(masked) = MaskedText::from_bytes(data) else { return };
    assert_eq!(masked.to_bytes(), data, "two encodings of one message");
    for view in View::ALL {
        let _shown = masked.render(view);
    }
    let _counts = masked.span_counts();
});
