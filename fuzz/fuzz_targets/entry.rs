//! Feeds the reader of ledger entries, and those of the small texts that entries are made of.
//!
//! An entry has exactly one sequence of bytes: what parses is written back unchanged. So is every hash, id, origin, time, kind
//! and role.
#![no_main]

use std::fmt::Display;
use std::str::FromStr;

use libfuzzer_sys::fuzz_target;
use lww_audit::entry::{ENTRY_BYTES_MAX, Role};
use lww_audit::{Entry, EntryIndex, Hash, Id128, Kind, Origin, Timestamp, TreeSize};

fuzz_target!(|data: &[u8]| {
    if let Ok(entry) = Entry::parse(data) {
        assert!(data.len() <= ENTRY_BYTES_MAX);
        assert_eq!(entry.to_bytes().expect("a parsed entry can be written"), data, "two forms of one entry");
    }
    if let Ok(text) = std::str::from_utf8(data) {
        same::<Hash>(text);
        same::<Id128>(text);
        same::<Origin>(text);
        same::<Timestamp>(text);
        same::<EntryIndex>(text);
        same::<TreeSize>(text);
        let _role = text.parse::<Role>().inspect(|role| assert_eq!(role.as_str(), text));
        let _kind = text.parse::<Kind>().inspect(|kind| assert_eq!(kind.as_str(), text));
        if let Ok(hash) = Hash::from_base64(text) {
            assert_eq!(hash.to_base64(), text);
        }
    }
});

fn same<T: FromStr + Display>(text: &str) {
    if let Ok(value) = text.parse::<T>() {
        assert_eq!(value.to_string(), text);
    }
}
