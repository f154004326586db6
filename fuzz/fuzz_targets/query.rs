//! Feeds the strict reader of query strings and its percent-decoding.
//!
//! What is decoded and encoded again is decoded to the same; a `+` is never taken; a value can be taken once; an error names
//! a parameter of ours only.
#![no_main]

use liaowaiwai::limits::{PAGE_ITEMS_MAX, QUERY_BYTES_MAX};
use liaowaiwai::wire::{Query, entry_index, page_items, percent_decoded};
use libfuzzer_sys::fuzz_target;

const KNOWN: [&str; 3] = ["contact", "after", "limit"];

fuzz_target!(|text: &str| {
    if let Some(decoded) = percent_decoded(text) {
        assert!(!text.contains('+') && decoded.len() <= text.len());
        let encoded: String = decoded.bytes().map(|byte| format!("%{byte:02X}")).collect();
        assert_eq!(percent_decoded(&encoded).as_deref(), Some(&*decoded));
    }
    if let Some(index) = entry_index(text) {
        assert_eq!(index.to_string(), text);
    }
    if let Some(items) = page_items(text) {
        assert!((1..=PAGE_ITEMS_MAX).contains(&items));
    }
    match Query::parse(text, &KNOWN) {
        Ok(mut query) => {
            assert!(text.len() <= QUERY_BYTES_MAX && !text.contains('+'));
            for name in KNOWN {
                let given = query.take(name).is_some();
                assert_eq!(given, text.split('&').any(|pair| pair.split('=').next() == Some(name)));
                assert!(query.take(name).is_none());
            }
        }
        Err(error) => assert!(error.field.is_none_or(|field| KNOWN.contains(&field))),
    }
});
