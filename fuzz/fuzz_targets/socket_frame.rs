//! Feeds the web channel frames as a socket receives them.
//!
//! What is taken is in bounds, and the same bytes are the same frame; an error repeats nothing of what was sent.
#![no_main]

use liaowaiwai::domain::message::RawBody;
use liaowaiwai::limits::{IDEMPOTENCY_KEY_BYTES_MAX, TEXT_BYTES_MAX};
use liaowaiwai::ports::CustomerFrame;
use liaowaiwai_fuzz::web;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    match web().frame(&RawBody::new(data.to_vec())) {
        Ok(CustomerFrame::Send { key, fingerprint, text }) => {
            assert!((1..=TEXT_BYTES_MAX).contains(&text.len()));
            assert!((1..=IDEMPOTENCY_KEY_BYTES_MAX).contains(&key.len()) && key.is_ascii());
            let Ok(CustomerFrame::Send { fingerprint: again, .. }) = web().frame(&RawBody::new(data.to_vec())) else {
                panic!("the same bytes are another frame");
            };
            assert_eq!(fingerprint, again);
        }
        Ok(CustomerFrame::Wish { key, .. }) => {
            assert!((1..=IDEMPOTENCY_KEY_BYTES_MAX).contains(&key.len()) && key.is_ascii());
        }
        Ok(CustomerFrame::Typing | CustomerFrame::Seen(_)) => {}
        Err(error) => assert!(error.to_string().is_ascii(), "an error repeats the frame"),
    }
});
