//! Feeds the reader of the CSV file of accounts.
//!
//! An error is a line of the file and a column's name, with nothing of what stands there; each account stands in a later line
//! than the one before, and no line gives a role that is no person's.
#![no_main]

use liaowaiwai::pipeline::{Refusal, account_lines};
use libfuzzer_sys::fuzz_target;

const COLUMNS: [&str; 5] = ["file", "login", "name", "role", "capacity"];

fuzz_target!(|text: &str| {
    // As editors count: CRLF, LF and CR alone each end a line.
    let last = text.replace("\r\n", "\n").split(['\n', '\r']).count() as u64;
    let lines = match account_lines(text) {
        Ok(lines) => lines,
        Err(refusal) => return check(&refusal, last),
    };
    let mut before = 1;
    for line in lines {
        match line {
            Ok((number, new)) => {
                assert!(number > before && number <= last, "line {number} after {before} of {last}");
                assert!(new.role.is_staff(), "a role that is no person's");
                assert!(new.login.len() + new.name.len() <= text.len());
                before = number;
            }
            Err(refusal) => return check(&refusal, last),
        }
    }
});

fn check(refusal: &Refusal, last: u64) {
    let Refusal::Line { line, column, .. } = refusal else { panic!("another refusal than a line's") };
    assert!((1..=last).contains(line), "line {line} of {last}");
    assert!(COLUMNS.contains(column), "a column that is none");
    assert!(refusal.to_string().is_ascii());
}
