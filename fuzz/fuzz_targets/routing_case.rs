//! Feeds the readers of cases (`lww route`) and of recorded decisions (`lww route replay`), with the table that a tenant begins with.
//!
//! A case that is read has words of the table's lists only and reaches a row; a decision is made again or refused, and an
//! entry that the server could have made of it comes out the same.
#![no_main]

use std::sync::OnceLock;

use liaowaiwai::domain::routing::{CaseDoc, Table, language_of, replay, table_of};
use libfuzzer_sys::fuzz_target;
use lww_audit::Entry;

fuzz_target!(|data: &[u8]| {
    let table = table();
    if let Ok(Ok(case)) = serde_json::from_slice::<CaseDoc>(data).map(|written| table.case(written)) {
        let (known, unknown) = table.known(case.clone());
        assert!(known == case && unknown == 0, "a word of no list was taken");
        assert!(!table.decide(&case).row.is_empty() && !table.reason(&case).is_empty());
    }
    if let Ok(entry) = Entry::parse(data) {
        match (table_of(&entry), replay(&entry, table)) {
            (Ok(digest), Ok(again)) => {
                assert_eq!(digest, table.digest());
                assert_eq!(again, replay(&entry, table).ok().expect("what is made again, is made again"));
            }
            (Err(_), Ok(_)) => panic!("a decision without a table was made again"),
            (Ok(_) | Err(_), Err(error)) => drop(error.to_string()),
        }
    }
    if let Ok(text) = std::str::from_utf8(data) {
        assert!(language_of(text).is_none_or(|language| ["zh", "en"].contains(&language)));
    }
});

fn table() -> &'static Table {
    static TABLE: OnceLock<Table> = OnceLock::new();
    let yaml = include_str!("../../policies/routing/built-in.yaml");
    TABLE.get_or_init(|| Table::load(yaml).expect("the shipped table passes its tests"))
}
