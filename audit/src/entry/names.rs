//! The validated words of an entry: its kind and the actor's role.
//!
//! They say nothing of which kinds and roles exist: that is the server's business, and [`super::kinds`] describes.
//! Source: `FORMAT.md`, "Entry".

use crate::error::{Error, Format, malformed};
use crate::types::{check_label, parse_decimal};
use std::fmt;
use std::str::FromStr;

/// Longest kind in bytes, version included.
pub const KIND_BYTES_MAX: usize = 64;

/// What happened, with the version of its detail: for instance `message.received/1`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Kind(Box<str>);

impl Kind {
    /// Validates a kind.
    ///
    /// # Errors
    /// `Malformed` unless it is dot-separated lower-case words, a slash and a version from 1 to 9999.
    pub fn new(text: &str) -> Result<Self, Error> {
        text.parse()
    }

    /// Borrows the whole kind.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Borrows the name without the version.
    pub fn name(&self) -> &str {
        self.0.split_once('/').map_or(&self.0, |(name, _)| name)
    }

    /// Returns the version of the detail.
    pub fn version(&self) -> u32 {
        self.0.split_once('/').and_then(|(_, version)| version.parse().ok()).unwrap_or_default()
    }
}

impl FromStr for Kind {
    type Err = Error;
    fn from_str(text: &str) -> Result<Self, Error> {
        let refuse = |reason| malformed(Format::Kind, 0, reason);
        if text.len() > KIND_BYTES_MAX {
            return Err(refuse("longer than 64 bytes"));
        }
        let (name, version) = text.split_once('/').ok_or_else(|| refuse("has no version"))?;
        let is_word = |word: &str| {
            word.starts_with(|c: char| c.is_ascii_lowercase())
                && word.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
        };
        if !name.split('.').all(is_word) {
            return Err(refuse("name is not dot-separated lower-case words"));
        }
        if parse_decimal(version, Format::Kind)? == 0 || version.len() > 4 {
            return Err(refuse("version is not between 1 and 9999"));
        }
        Ok(Self(text.into()))
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The role in which somebody acted, for instance `customer`, `agent`, `system`.
///
/// 1 to 64 bytes of `[A-Za-z0-9._:-]`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Role(Box<str>);

impl Role {
    /// Validates a role.
    ///
    /// # Errors
    /// `Malformed` if it is empty, too long or holds another character.
    pub fn new(text: &str) -> Result<Self, Error> {
        text.parse()
    }

    /// Borrows the text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Role {
    type Err = Error;
    fn from_str(text: &str) -> Result<Self, Error> {
        check_label(text)?;
        Ok(Self(text.into()))
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
