//! Roots and paths of any tree size, made from complete subtrees that someone else stores.
//!
//! The store is a trait, so that the same code works over tiles on disk and over a test's vector. Source: RFC 6962
//! sections 2.1.1 and 2.1.2, whose recursive definitions are followed literally; the depth is at most 64.

use super::{empty_root, node_hash};
use crate::error::Error;
use crate::types::{EntryIndex, Hash, TreeSize};

/// Gives the hashes of complete subtrees.
pub trait NodeReader {
    /// Returns the hash of the complete subtree of 2^`level` leaves that starts at leaf `index` * 2^`level`.
    ///
    /// # Errors
    /// Whatever keeps it from being read.
    fn node(&self, level: u32, index: u64) -> Result<Hash, Error>;

    /// Hashes two children to their parent, by the hash of the tree that is read.
    fn join(&self, left: &Hash, right: &Hash) -> Hash {
        node_hash(left, right)
    }

    /// Returns the root of the empty tree, by the same hash.
    fn empty(&self) -> Hash {
        empty_root()
    }
}

/// Computes the root of the tree of the first `size` entries.
///
/// # Errors
/// Those of the reader.
pub fn root_at(reader: &impl NodeReader, size: TreeSize) -> Result<Hash, Error> {
    if size.0 == 0 { Ok(reader.empty()) } else { range_hash(reader, 0, size.0) }
}

/// Makes the inclusion path of an entry in the tree of `size`, from the leaf's sibling upwards.
///
/// # Errors
/// `OutOfRange` if the entry is not in that tree; those of the reader.
pub fn inclusion_path(reader: &impl NodeReader, index: EntryIndex, size: TreeSize) -> Result<Vec<Hash>, Error> {
    if index.0 >= size.0 {
        return Err(Error::OutOfRange { index, first: EntryIndex(0), size });
    }
    let mut path = Vec::new();
    let (mut start, mut end) = (0, size.0);
    while end - start > 1 {
        let middle = start + split(end - start);
        if index.0 < middle {
            path.push(range_hash(reader, middle, end)?);
            end = middle;
        } else {
            path.push(range_hash(reader, start, middle)?);
            start = middle;
        }
    }
    path.reverse();
    Ok(path)
}

/// Makes the consistency path between the trees of `old` and `new` entries; empty for equal sizes and from nothing.
///
/// # Errors
/// `Rollback` if `new` is smaller than `old`; those of the reader.
pub fn consistency_path(reader: &impl NodeReader, old: TreeSize, new: TreeSize) -> Result<Vec<Hash>, Error> {
    if new < old {
        return Err(Error::Rollback { old, new });
    }
    let mut path = Vec::new();
    if old.0 == 0 {
        return Ok(path);
    }
    let (mut start, mut end) = (0, new.0);
    while end != old.0 {
        let middle = start + split(end - start);
        if old.0 <= middle {
            path.push(range_hash(reader, middle, end)?);
            end = middle;
        } else {
            path.push(range_hash(reader, start, middle)?);
            start = middle;
        }
    }
    // The old tree itself, when it is the whole left part, is known to the verifier and left out.
    if start != 0 {
        path.push(range_hash(reader, start, end)?);
    }
    path.reverse();
    Ok(path)
}

/// Returns the largest power of two smaller than `count`, which must be at least 2.
const fn split(count: u64) -> u64 {
    1 << (count - 1).ilog2()
}

/// Hashes the leaves from `start` to before `end`; `start` is a multiple of the range's next power of two.
fn range_hash(reader: &impl NodeReader, start: u64, end: u64) -> Result<Hash, Error> {
    let count = end - start;
    if count.is_power_of_two() {
        let level = count.ilog2();
        return reader.node(level, start >> level);
    }
    let middle = start + split(count);
    Ok(reader.join(&range_hash(reader, start, middle)?, &range_hash(reader, middle, end)?))
}
