//! Entry bundles: entries one after another, each behind its length in two bytes, big-endian.
//!
//! It knows lengths only, not what an entry is. Source: C2SP `tlog-tiles`, "Log entries".

use crate::error::{Error, Format, malformed};
use crate::merkle::leaf_hash;
use crate::types::Hash;

/// The bytes of a bundle with the extent of each entry.
#[derive(Debug)]
pub struct Bundle {
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

/// One entry in a bundle.
#[derive(Clone, Copy, Debug)]
pub struct BundleEntry<'a> {
    /// Offset in the bundle at which the entry's own bytes begin, behind the length.
    pub offset: u64,
    /// The entry's bytes.
    pub bytes: &'a [u8],
}

impl Bundle {
    /// Takes a bundle apart that must hold exactly `width` entries.
    ///
    /// # Errors
    /// `Malformed` if entries are cut off, too few or too many.
    pub fn parse(bytes: Vec<u8>, width: u64) -> Result<Self, Error> {
        let refuse = |offset, reason| malformed(Format::Bundle, offset, reason);
        let mut ends = Vec::new();
        let mut at = 0;
        while at < bytes.len() {
            let length = bytes.get(at..).and_then(<[u8]>::first_chunk::<2>);
            let length = length.ok_or_else(|| refuse(at, "length cut off"))?;
            let end = at + 2 + usize::from(u16::from_be_bytes(*length));
            if end > bytes.len() {
                return Err(refuse(at, "entry cut off, or its length is wrong"));
            }
            ends.push(end);
            at = end;
        }
        if ends.len() as u64 != width {
            return Err(refuse(at, "not the number of entries that its name says"));
        }
        Ok(Self { bytes, ends })
    }

    /// Keeps the first `width` entries.
    pub(super) fn truncate(&mut self, width: u64) {
        self.ends.truncate(usize::try_from(width).unwrap_or(usize::MAX));
        self.bytes.truncate(self.ends.last().copied().unwrap_or_default());
    }

    /// Yields the entries in order.
    pub fn entries(&self) -> impl Iterator<Item = BundleEntry<'_>> {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        starts.zip(&self.ends).map(|(start, end)| {
            let offset = start + 2;
            BundleEntry { offset: offset as u64, bytes: self.bytes.get(offset..*end).unwrap_or_default() }
        })
    }

    /// Computes the leaf hashes of the entries.
    pub fn leaves(&self) -> Vec<Hash> {
        self.entries().map(|entry| leaf_hash(entry.bytes)).collect()
    }

    /// Takes back the bytes.
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }
}
