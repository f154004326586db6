//! How rule files are read: bounded, strict YAML, faults named by their place.
//!
//! A rule file is no customer data, so the parser's own words about it may be shown.

use serde::de::DeserializeOwned;
use serde_saphyr::DuplicateKeyPolicy;

/// A text that is no rule file of its kind.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum YamlError {
    /// The file is larger than any may be.
    #[error("the file has {got_bytes} bytes, at most {max_bytes} are allowed")]
    TooLong {
        /// Length of the file in bytes.
        got_bytes: usize,
        /// Longest allowed length in bytes.
        max_bytes: usize,
    },
    /// The text is no YAML, or has a field, value or type that the vocabulary does not know.
    #[error("line {line}, column {column}: {reason}")]
    Malformed {
        /// Line of the fault, from 1; 0 when the parser cannot tell.
        line: u64,
        /// Column of the fault, from 1; 0 when the parser cannot tell.
        column: u64,
        /// What the parser expected.
        reason: String,
    },
}

/// Reads a document of at most `max_bytes`; a key that stands twice, or a word for yes or no other than `true` and
/// `false`, is a fault.
pub(super) fn read<T: DeserializeOwned>(yaml: &str, max_bytes: usize) -> Result<T, YamlError> {
    if yaml.len() > max_bytes {
        return Err(YamlError::TooLong { got_bytes: yaml.len(), max_bytes });
    }
    let options = serde_saphyr::options! {
        duplicate_keys: DuplicateKeyPolicy::Error,
        strict_booleans: true,
        with_snippet: false,
    };
    serde_saphyr::from_str_with_options(yaml, options).map_err(|error| {
        let (line, column) = error.location().map_or((0, 0), |at| (at.line(), at.column()));
        YamlError::Malformed { line, column, reason: error.without_snippet().to_string() }
    })
}
