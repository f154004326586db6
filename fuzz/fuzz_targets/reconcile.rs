//! Feeds the reader of platforms' lists of messages: CSV and JSON lines.
//!
//! An error is a row of the file, with nothing of what stands there, and the last that is said; each id is one that a request could
//! have had, and stands in a later row than the one before.
#![no_main]

use liaowaiwai::cli::reconcile::{ListError, messages};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &[u8]| {
    let last = text.iter().filter(|byte| matches!(byte, b'\n' | b'\r')).count() as u64 + 1;
    let read = match messages(text, "id") {
        Ok(read) => read,
        Err(error) => return check(&error, last),
    };
    let (mut before, mut is_over) = (1, false);
    for message in read {
        assert!(!is_over, "something is said after an error");
        match message {
            Ok(message) => {
                assert!(message.row >= before && message.row <= last, "row {} after {before}", message.row);
                assert!(
                    (1..=128).contains(&message.id.len()) && message.id.bytes().all(|byte| byte.is_ascii_graphic())
                );
                before = message.row;
            }
            Err(error) => {
                check(&error, last);
                is_over = true;
            }
        }
    }
});

fn check(error: &ListError, last: u64) {
    let ListError::Row { row, .. } = error else { panic!("another error than a row's") };
    assert!((1..=last).contains(row), "row {row} of {last}");
    assert!(error.to_string().is_ascii());
}
