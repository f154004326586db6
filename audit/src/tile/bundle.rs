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

impl BundleEntry<'_> {
    fn end(&self) -> usize {
        usize::try_from(self.offset).unwrap_or(usize::MAX).saturating_add(self.bytes.len())
    }
}

/// Yields the entries of a bundle, and stops at the first that is cut off.
pub(crate) fn walk(bytes: &[u8]) -> impl Iterator<Item = Result<BundleEntry<'_>, Error>> {
    let mut at = 0;
    let mut is_broken = false;
    std::iter::from_fn(move || {
        let rest = bytes.get(at..).filter(|rest| !rest.is_empty() && !is_broken)?;
        let entry = rest
            .split_first_chunk::<2>()
            .and_then(|(length, rest)| rest.get(..usize::from(u16::from_be_bytes(*length))));
        let Some(entry) = entry else {
            is_broken = true;
            return Some(Err(malformed(Format::Bundle, at, "entry cut off, or its length is wrong")));
        };
        let offset = at + 2;
        at = offset + entry.len();
        Some(Ok(BundleEntry { offset: offset as u64, bytes: entry }))
    })
}

impl Bundle {
    /// Takes a bundle apart that must hold exactly `width` entries.
    ///
    /// # Errors
    /// `Malformed` if entries are cut off, too few or too many.
    pub fn parse(bytes: Vec<u8>, width: u64) -> Result<Self, Error> {
        let ends = walk(&bytes).map(|entry| entry.map(|entry| entry.end())).collect::<Result<Vec<_>, _>>()?;
        if ends.len() as u64 != width {
            let reason = "not the number of entries that its name says";
            return Err(malformed(Format::Bundle, bytes.len(), reason));
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
        walk(&self.bytes).filter_map(Result::ok)
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
