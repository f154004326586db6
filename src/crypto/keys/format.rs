//! The text of a key file, version 1. It knows no paths but those that it names in errors, and no purposes.
//!
//! ```text
//! lww-key/1
//! label: epoch-1
//! master: 3f0c…            (32 hex digits: identifier of the master key that wraps it)
//! key: <base64>            (RFC 4648 section 4; sealed as in `seal.rs`, key number 0; the master's own: its bytes)
//! ```
//!
//! Label and master identifier are bound as associated data, so that one file can't stand in for another.

use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use crate::crypto::KeyError;
use crate::crypto::derive::{Refused, SecretKey, associated_data};
use crate::crypto::seal::{self, Suite};
use crate::ports::Random;
use crate::units::Id128;

/// Longest key file in bytes.
pub(super) const FILE_BYTES_MAX: usize = 1024;
/// The master key's label.
pub(super) const MASTER_LABEL: &str = "master";

const VERSION_LINE: &str = "lww-key/1";
const SEAL_DOMAIN: &str = "lww/1 key file";
const IDENTIFIER_DOMAIN: &str = "lww/1 key identifier";
const MASTER_NUMBER: i32 = 0;

/// The master key with its identifier.
#[derive(Debug)]
pub(super) struct Master {
    key: SecretKey,
    identifier: String,
    suite: Suite,
}

/// A short public name of a key, 32 lower hex digits, from which nothing of the key can be learnt.
pub(super) fn identifier(key: &SecretKey) -> Result<String, KeyError> {
    let bytes = key.expand::<16>(IDENTIFIER_DOMAIN, &[]).map_err(refused)?;
    Ok(Id128(*bytes).to_string())
}

impl Master {
    /// Takes a new master key.
    pub(super) fn new(key: SecretKey) -> Result<Self, KeyError> {
        let identifier = identifier(&key)?;
        Ok(Self { key, identifier, suite: Suite::default() })
    }

    /// Wraps by these algorithms from here on.
    pub(super) fn with(self, suite: Suite) -> Self {
        Self { suite, ..self }
    }

    /// The algorithms that it wraps by.
    pub(super) fn suite(&self) -> Suite {
        self.suite
    }

    /// A key of its own for one use.
    pub(super) fn subkey(&self, domain: &str) -> Result<SecretKey, KeyError> {
        self.key.subkey(domain, &[]).map_err(refused)
    }

    /// Reads the master key's own file.
    pub(super) fn parse(path: &Path, text: &[u8]) -> Result<Self, KeyError> {
        let file = KeyFile::parse(path, text, MASTER_LABEL)?;
        let key = SecretKey::from_slice(&file.key).ok_or(KeyError::Malformed {
            path: path.into(),
            line: 4,
            expected: "a key of 32 bytes",
        })?;
        let master = Self::new(key)?;
        if file.master != master.identifier {
            return Err(KeyError::Damaged { path: path.into() });
        }
        Ok(master)
    }

    /// The master key's own file.
    pub(super) fn to_text(&self) -> Zeroizing<String> {
        write(MASTER_LABEL, &self.identifier, self.key.bytes())
    }

    /// The public name.
    pub(super) fn identifier(&self) -> &str {
        &self.identifier
    }

    /// Wraps key bytes into the text of a key file.
    pub(super) fn wrap(&self, label: &str, key: &[u8], random: &dyn Random) -> Result<Zeroizing<String>, KeyError> {
        let data = self.associated_data(label);
        let sealed = seal::seal(self.suite, &self.key, MASTER_NUMBER, &data, key, random).map_err(refused)?;
        Ok(write(label, &self.identifier, &sealed))
    }

    /// Opens the text of a key file that must hold `N` bytes under `label`.
    pub(super) fn unwrap<const N: usize>(
        &self,
        path: &Path,
        text: &[u8],
        label: &str,
    ) -> Result<Zeroizing<[u8; N]>, KeyError> {
        let file = KeyFile::parse(path, text, label)?;
        if file.master != self.identifier {
            let (expected, got) = (file.master.to_owned(), self.identifier.clone());
            return Err(KeyError::WrongMaster { path: path.into(), expected, got });
        }
        let damaged = || KeyError::Damaged { path: path.into() };
        let opened = seal::open(&self.key, MASTER_NUMBER, &self.associated_data(label), &file.key)
            .map_err(|Refused| damaged())?;
        let bytes: &[u8; N] = opened.as_slice().try_into().map_err(|_| damaged())?;
        Ok(Zeroizing::new(*bytes))
    }

    fn associated_data(&self, label: &str) -> Vec<u8> {
        associated_data(SEAL_DOMAIN, &[label.as_bytes(), self.identifier.as_bytes()])
    }
}

fn refused(Refused: Refused) -> KeyError {
    KeyError::Cipher
}

fn write(label: &str, master: &str, key: &[u8]) -> Zeroizing<String> {
    let key = Zeroizing::new(STANDARD.encode(key));
    Zeroizing::new(format!("{VERSION_LINE}\nlabel: {label}\nmaster: {master}\nkey: {}\n", key.as_str()))
}

struct KeyFile<'a> {
    master: &'a str,
    key: Zeroizing<Vec<u8>>,
}

impl<'a> KeyFile<'a> {
    fn parse(path: &Path, text: &'a [u8], label: &str) -> Result<Self, KeyError> {
        let malformed = |line, expected| KeyError::Malformed { path: path.into(), line, expected };
        let text = std::str::from_utf8(text).map_err(|_| malformed(1, "UTF-8"))?;
        let mut lines = text.split('\n');
        let mut next = |line, prefix: &str, expected| {
            lines.next().and_then(|found| found.strip_prefix(prefix)).ok_or_else(|| malformed(line, expected))
        };
        if !next(1, VERSION_LINE, "lww-key/1")?.is_empty() {
            return Err(malformed(1, "lww-key/1"));
        }
        if next(2, "label: ", "label: NAME")? != label {
            return Err(KeyError::Label { path: path.into(), expected: label.to_owned() });
        }
        let master = next(3, "master: ", "master: IDENTIFIER")?;
        master.parse::<Id128>().map_err(|_| malformed(3, "32 lower hex digits"))?;
        let key = STANDARD.decode(next(4, "key: ", "key: BASE64")?).map_err(|_| malformed(4, "base64"))?;
        let key = Zeroizing::new(key);
        if lines.next() != Some("") || lines.next().is_some() {
            return Err(malformed(5, "the end of the file"));
        }
        Ok(Self { master, key })
    }
}
