//! Feeds the reader of the configuration file, and with it that of secrets' references.
//!
//! An error's place lies in the text; the same text gives the same digest. Files that a configuration names are looked at and
//! nothing is written.
#![no_main]

use liaowaiwai::app::config::{Config, ConfigError};
use liaowaiwai::crypto::secrets::SecretRef;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    match Config::parse("fuzz", text) {
        Ok(config) => {
            let again = Config::parse("fuzz", text).expect("what can be read can be read again");
            assert_eq!(config.digest(), again.digest());
        }
        Err(ConfigError::At { line, column, problem, .. }) => {
            let lines: Vec<&str> = text.split('\n').collect();
            assert!((1..=lines.len()).contains(&line), "line {line} is not in the text");
            assert!(
                (1..=lines[line - 1].chars().count() + 1).contains(&column),
                "column {column} is not in line {line}"
            );
            let _shown = problem.to_string();
        }
        Err(error) => panic!("no file was read: {error}"),
    }
    if let Ok(reference) = text.parse::<SecretRef>() {
        // A doubled slash is forgiven, so that the text may be another; what it is shown as is its one form.
        let shown = reference.to_string();
        let again: SecretRef = shown.parse().expect("what it is shown as is a reference");
        assert_eq!(again.to_string(), shown, "two forms of one reference");
    }
});
