//! One entry of a package: a receipt without its checkpoint, on one line of canonical JSON.
//!
//! Nothing of a line is believed by this. Source: `FORMAT.md`, "Evidence packages"; RFC 8785.

use super::{LINE_BYTES_MAX, refuse};
use crate::canonical::{demand_canonical, json_error, push_string};
use crate::error::{Error, Format};
use crate::merkle::PATH_HASHES_MAX;
use crate::receipt::{ExtraOpened, Opened, read_opened, write_extra};
use crate::types::Hash;
use serde::Deserialize;
use std::io::{BufRead, Read as _};

/// An entry with what is opened of it and its path. It may hold personal data and hence has no `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub struct Line {
    /// The entry's bytes.
    pub entry: Vec<u8>,
    /// The texts that are opened.
    pub opened: Vec<Opened>,
    /// The inclusion path; `None` for an entry of the context that the next one proves by its `prev`.
    pub path: Option<Vec<Hash>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Fields {
    entry: String,
    opened: Vec<ExtraOpened>,
    path: Option<Vec<String>>,
}

impl Line {
    /// Parses a line without its line break.
    ///
    /// # Errors
    /// `Malformed` or `TooLong`.
    pub fn parse(bytes: &[u8]) -> Result<Self, Error> {
        let fields: Fields = serde_json::from_slice(bytes).map_err(|error| json_error(Format::Package, &error))?;
        let path = fields.path.map(|path| read_path(&path)).transpose()?;
        let line = Self { entry: fields.entry.into_bytes(), opened: read_opened(fields.opened)?, path };
        demand_canonical(Format::Package, bytes, &line.to_bytes())?;
        Ok(line)
    }

    /// Writes the line without its line break; the inverse of [`Line::parse`].
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = write_extra(&String::from_utf8_lossy(&self.entry), &self.opened);
        if let Some(path) = &self.path {
            out.pop();
            out.extend(b",\"path\":");
            push_path(&mut out, path);
            out.push(b'}');
        }
        out
    }
}

/// Writes a path as an array of base64 strings.
pub(super) fn push_path(out: &mut Vec<u8>, path: &[Hash]) {
    out.push(b'[');
    for (at, hash) in path.iter().enumerate() {
        if at > 0 {
            out.push(b',');
        }
        push_string(out, &hash.to_base64());
    }
    out.push(b']');
}

/// Reads what [`push_path`] wrote.
pub(super) fn read_path(path: &[String]) -> Result<Vec<Hash>, Error> {
    if path.len() > PATH_HASHES_MAX {
        return Err(refuse("a path has more than 63 hashes"));
    }
    path.iter()
        .map(|hash| Hash::from_base64(hash).map_err(|_| refuse("a hash is not the base64 of 32 bytes")))
        .collect()
}

/// Yields the lines of a file without their line breaks; the last must have one, too.
pub(super) fn lines(mut file: impl BufRead) -> impl Iterator<Item = Result<Vec<u8>, Error>> {
    let mut is_broken = false;
    std::iter::from_fn(move || {
        let mut line = Vec::new();
        let bytes_max = LINE_BYTES_MAX as u64 + 1;
        let read = if is_broken { Ok(0) } else { file.by_ref().take(bytes_max).read_until(b'\n', &mut line) };
        let verdict = match read {
            Ok(0) => return None,
            Ok(_) if line.pop() == Some(b'\n') => return Some(Ok(line)),
            Ok(read) if read as u64 == bytes_max => {
                Error::TooLong { what: Format::Package, max: LINE_BYTES_MAX as u64, got: read as u64 }
            }
            Ok(_) => refuse("the last line has no line break"),
            Err(source) => Error::Io { path: super::ENTRIES.into(), action: "read", source },
        };
        is_broken = true;
        Some(Err(verdict))
    })
}
