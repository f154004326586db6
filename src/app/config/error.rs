//! What can be wrong with a configuration file, and where. Values are never part of an error: one could be a secret that
//! was written in the wrong place.

use std::io;
use std::path::PathBuf;

use crate::crypto::KeyError;

/// The configuration can't be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file can't be read.
    #[error("{}: {source}", file.display())]
    Unreadable {
        /// The file.
        file: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
    /// The file is longer than any configuration.
    #[error("{} is longer than {bytes_max} bytes", file.display())]
    TooLong {
        /// The file.
        file: PathBuf,
        /// Most bytes that are read.
        bytes_max: usize,
    },
    /// Something in the file is wrong.
    #[error("{file}:{line}:{column}: {problem}")]
    At {
        /// The file, or `built-in configuration`.
        file: String,
        /// Line, from 1.
        line: usize,
        /// Column in characters, from 1.
        column: usize,
        /// What.
        problem: Box<Problem>,
    },
}

/// What is wrong at one place of the file.
#[derive(Debug, thiserror::Error)]
pub enum Problem {
    /// Not UTF-8.
    #[error("the file must be UTF-8")]
    NotUtf8,
    /// Not TOML.
    #[error("this is not TOML: {reason}")]
    Syntax {
        /// What the parser expected, in fixed words.
        reason: String,
    },
    /// A key that does not exist.
    #[error("unknown key {key}{}; known here: {known}", nearest.as_ref().map(|name| format!(", did you mean {name}?")).unwrap_or_default())]
    UnknownKey {
        /// The key as written, shortened.
        key: String,
        /// The known key most like it.
        nearest: Option<String>,
        /// Every key of this section.
        known: String,
    },
    /// A key that must be there is not.
    #[error("{key} is missing, expected {expected}")]
    Missing {
        /// The key.
        key: &'static str,
        /// What it must be.
        expected: &'static str,
    },
    /// A value of another type.
    #[error("{key}: expected {expected}, got a value of type {got}")]
    Type {
        /// The key.
        key: String,
        /// What it must be.
        expected: &'static str,
        /// The TOML type found.
        got: &'static str,
    },
    /// A value of the right type that can't be used.
    #[error("{key}: expected {expected}")]
    Value {
        /// The key.
        key: &'static str,
        /// What it must be.
        expected: String,
    },
    /// A value that must be unique and is not.
    #[error("{key}: expected another value than in line {first_line}")]
    Duplicate {
        /// The key.
        key: &'static str,
        /// Where the same value stands first.
        first_line: usize,
    },
    /// Not a reference to a secret.
    #[error("{key}: {reason}")]
    Secret {
        /// The key.
        key: &'static str,
        /// What is wrong; it does not repeat the value.
        reason: KeyError,
    },
    /// A file or folder that is named but not there.
    #[error("{key}: expected the path of a {expected} that exists")]
    Absent {
        /// The key.
        key: &'static str,
        /// What must be there.
        expected: &'static str,
    },
}
