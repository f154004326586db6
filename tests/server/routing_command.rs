//! `lww route`: what it answers, what it refuses and where, and that everything before a mistake is answered.

#![expect(clippy::unwrap_used, reason = "a test stops at the first fault")]

use crate::common;

use std::io::Write;

use common::lww;
use liaowaiwai::cli::route::{RouteError, route};
use liaowaiwai::domain::routing::Table;

const SHIPPED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/policies/routing/cn-retail.yaml");

fn table() -> Table {
    Table::load(&std::fs::read_to_string(SHIPPED).unwrap()).unwrap()
}

fn answered(jsonl: bool, input: impl AsRef<[u8]>) -> (String, Result<(), RouteError>) {
    let mut output = Vec::new();
    let result = route(&table(), jsonl, input.as_ref(), &mut output);
    (String::from_utf8(output).unwrap(), result)
}

#[test]
fn each_case_is_answered_with_row_queue_hours_and_reason() {
    let cases = "\
        {\"channel\": \"http\", \"tier\": \"vip\", \"tags\": [\"card_loss\"], \"at\": \"2026-10-01 03:00\"}\n\
        {\"channel\": \"http\", \"language\": \"en\", \"at\": \"2026-10-02 10:00\"}\n\
        {\"channel\": \"http\", \"tier\": \"gold\", \"mood\": \"upset\", \"at\": \"2026-11-26T02:00:00.000000Z\"}\n\
        {\"channel\": \"web\", \"at\": \"2026-11-26 03:00\"}\n";
    let (told, result) = answered(false, cases);
    assert!(result.is_ok());
    let expected = "\
        row card-loss -> queue card-loss, priority 1, open (tag=card_loss)\n\
        row english -> queue english, priority 4, closed until 2026-10-08 09:00 (language=en)\n\
        row upset-gold -> queue complaint, priority 3, open (tier=gold, mood=upset)\n\
        row default -> queue general, priority 5, open (no row before it takes this case)\n";
    assert_eq!(told, expected);
}

#[test]
fn json_answers_hold_everything_that_was_decided() {
    let (told, result) = answered(true, "{\"channel\": \"http\", \"tags\": [\"loan\"], \"at\": \"2026-11-28 10:00\"}");
    assert!(result.is_ok());
    let expected = "{\"row\":\"loan\",\"queue\":\"loan\",\"priority\":5,\"skills\":[],\"sla_s\":300,\"sticky\":true,\
                    \"open\":false,\"opens\":\"2026-11-30 09:00\",\"reason\":\"tag=loan\"}\n";
    assert_eq!(told, expected);
}

#[test]
fn a_line_that_is_no_case_ends_it_with_its_place_and_all_before_it_is_answered() {
    let good = "{\"channel\": \"http\", \"at\": \"2026-11-26 10:00\"}\n";
    for (bad, expected) in [
        ("{\"channel\": \"http\"}\n", "line 2, column 19: expected {\"channel\": …"),
        ("\n", "line 2, column 0: expected"),
        ("{\"channel\": \"http\", \"at\": \"2026-11-26 10:00\", \"vip\": true}\n", "line 2, column 51: expected"),
        ("{\"channel\": \"fax\", \"at\": \"2026-11-26 10:00\"}\n", "line 2: channel: expected one of: http, web"),
        (
            "{\"channel\": \"http\", \"tier\": \"platinum\", \"at\": \"2026-11-26 10:00\"}\n",
            "line 2: tier: expected one of: standard, gold, vip",
        ),
        (
            "{\"channel\": \"http\", \"tags\": [\"loan\", \"x\"], \"at\": \"2026-11-26 10:00\"}\n",
            "line 2: tag: expected one of: card_loss",
        ),
        ("{\"channel\": \"http\", \"at\": \"10:00\"}\n", "line 2: at: expected a time such as"),
        ("\u{0}\n", "line 2, column"),
    ] {
        let (told, result) = answered(false, format!("{good}{bad}{good}"));
        let error = result.unwrap_err().to_string();
        assert!(error.contains(expected), "{bad}: {error}");
        assert_eq!(told.lines().count(), 1, "{bad}");
    }
    let endless = format!("{good}{}", "x".repeat(100_000));
    assert!(matches!(answered(false, endless).1, Err(RouteError::LineTooLong { line: 2 })));
    assert!(answered(false, "").1.is_ok());
}

#[test]
fn a_file_of_millions_of_cases_needs_no_memory_of_its_own() {
    struct Many(u32);
    impl std::io::Read for Many {
        fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
            let line = b"{\"channel\": \"http\", \"at\": \"2026-11-26 10:00\"}\n";
            if self.0 == 0 || out.len() < line.len() {
                return Ok(0);
            }
            self.0 -= 1;
            out[..line.len()].copy_from_slice(line);
            Ok(line.len())
        }
    }
    struct Counted(usize);
    impl Write for Counted {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0 += std::str::from_utf8(bytes).unwrap().matches('\n').count();
            Ok(bytes.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let mut counted = Counted(0);
    route(&table(), false, std::io::BufReader::new(Many(20_000)), &mut counted).unwrap();
    assert_eq!(counted.0, 20_000);
}

#[test]
fn a_table_is_checked_and_its_digest_told() {
    let (sound, told) = lww(&["route", "check", SHIPPED]);
    let expected = format!("cn-retail version 1, 9 rows and 7 queues, passes its tests (digest {})", table().digest());
    assert!(sound && told.contains(&expected), "{told}");
    let folder = tempfile::tempdir().unwrap();
    let broken = folder.path().join("broken.yaml");
    let text = std::fs::read_to_string(SHIPPED).unwrap();
    std::fs::write(&broken, text.replace("  - {id: vip, when: {tier: vip}", "  - {id: vip, when: {}")).unwrap();
    let (sound, told) = lww(&["route", "check", broken.to_str().unwrap()]);
    let expected = "row complaint is never reached: every case that it would take goes to vip";
    assert!(!sound && told.contains(expected), "{told}");
    let (sound, told) = lww(&["route", "check", "nowhere.yaml"]);
    assert!(!sound && told.contains("nowhere.yaml"), "{told}");
    assert!(!lww(&["route"]).0, "a table must be named");
}

#[test]
fn an_entry_that_is_none_is_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("entry.json");
    for text in ["", "{}", "{\"kind\":\"conversation.opened/2\"}", "not json"] {
        std::fs::write(&file, text).unwrap();
        let (same, told) = lww(&["route", "replay", file.to_str().unwrap(), "--table", SHIPPED]);
        assert!(!same && told.contains("entry.json"), "{text}: {told}");
    }
}
