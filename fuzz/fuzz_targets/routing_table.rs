//! Feeds the loader of routing tables any text, and decides cases with every table that loads.
//!
//! Loading is a function of the text; an error has a line of it or the name of a test; every case reaches a row whose queue
//! there is, and the same case the same row.
#![no_main]

use liaowaiwai::domain::routing::{Case, Table};
use liaowaiwai::units::Timestamp;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|yaml: &str| {
    let table = match Table::load(yaml) {
        Ok(table) => table,
        Err(error) => {
            // The error may quote the table, which is no customer's data; it only has to be printable.
            let _shown = error.to_string();
            return;
        }
    };
    let again = Table::load(yaml).ok().expect("a table that loads, loads again");
    assert!(table == again && table.digest() == again.digest());
    for (channel, tier, language, tag, at) in [
        ("http", None, None, None, 0),
        ("web", Some("vip"), Some("zh"), Some("card_loss"), 1_790_000_000_000_000),
        ("fax", Some("gold"), Some("en"), Some("fraud"), 1_767_225_599_999_999),
        ("", None, Some(""), None, -62_135_596_800_000_000),
        ("http", None, None, Some("loan"), 253_402_300_799_000_000),
    ] {
        let own = |word: Option<&str>| word.map(str::to_owned);
        let (channel, tags, at) = (channel.to_owned(), own(tag).into_iter().collect(), Timestamp::from_micros(at));
        let case = Case { channel, tier: own(tier), language: own(language), tags, intent: None, mood: None, at };
        let (known, _) = table.known(case);
        let decision = table.decide(&known);
        assert!(table.queues().iter().any(|queue| queue.name == decision.queue), "a queue that there isn't");
        assert!((1..=9).contains(&decision.priority) && !decision.row.is_empty());
        assert_eq!(again.decide(&known), decision);
        let _reason = table.reason(&known);
        let _open = table.queues().iter().map(|queue| table.calendar().opens(&queue.hours, known.at)).count();
    }
});
