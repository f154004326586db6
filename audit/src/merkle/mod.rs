//! The Merkle tree: hashes, a growing frontier, and the verification of inclusion and consistency.
//!
//! It hashes leaves that others give it and knows nothing of entries or files. Sources: RFC 6962 section 2.1 for the
//! tree, RFC 9162 sections 2.1.3.2 and 2.1.4.2 for the verification algorithms.

mod growth;
mod hasher;
mod reader;

pub use growth::{Frontier, FrontierOf, Growth};
pub use hasher::{Sha256, Sm3, TreeHash};
pub use reader::{NodeReader, consistency_path, inclusion_path, root_at};

use crate::error::Error;
use crate::types::{EntryIndex, Hash, TreeSize};

/// Longest proof: a tree of 2^63 entries has no longer path.
pub const PATH_HASHES_MAX: usize = 63;

const LEAF_PREFIX: u8 = 0;
const NODE_PREFIX: u8 = 1;

/// Hashes an entry to its leaf: SHA-256(0x00 ‖ entry bytes).
pub fn leaf_hash(entry: &[u8]) -> Hash {
    Sha256::leaf(entry)
}

/// Hashes two children to their parent: SHA-256(0x01 ‖ left ‖ right).
pub fn node_hash(left: &Hash, right: &Hash) -> Hash {
    Sha256::node(left, right)
}

/// Returns the root of the empty tree: SHA-256 of nothing.
pub fn empty_root() -> Hash {
    Sha256::empty()
}

pub(crate) fn from_digest(bytes: &[u8]) -> Hash {
    let mut hash = Hash::ZERO;
    hash.0.copy_from_slice(bytes);
    hash
}

/// Verifies that `leaf` is entry `index` of the tree of `size` entries with `root`.
///
/// # Errors
/// `BadProofShape` if the index or the path's length can't be right, `BadHash` if the path leads to another root.
pub fn verify_inclusion(
    leaf: &Hash,
    index: EntryIndex,
    size: TreeSize,
    path: &[Hash],
    root: &Hash,
) -> Result<(), Error> {
    verify_inclusion_of::<Sha256>(leaf, index, size, path, root)
}

/// The same in a tree of another hash.
///
/// # Errors
/// As [`verify_inclusion`].
pub fn verify_inclusion_of<H: TreeHash>(
    leaf: &Hash,
    index: EntryIndex,
    size: TreeSize,
    path: &[Hash],
    root: &Hash,
) -> Result<(), Error> {
    let shape = |reason| Error::BadProofShape { index: index.0, size, reason };
    if index.0 >= size.0 {
        return Err(shape("the index is not in the tree"));
    }
    let (mut node, mut last) = (index.0, size.0 - 1);
    let mut hash = *leaf;
    for sibling in path {
        if last == 0 {
            return Err(shape("the path is too long"));
        }
        if node & 1 == 1 || node == last {
            hash = H::node(sibling, &hash);
            // Levels where the node is the last and a left child have no sibling and hence no hash in the path.
            while node & 1 == 0 && node != 0 {
                node >>= 1;
                last >>= 1;
            }
        } else {
            hash = H::node(&hash, sibling);
        }
        node >>= 1;
        last >>= 1;
    }
    if last != 0 {
        return Err(shape("the path is too short"));
    }
    same(root, hash)
}

/// Verifies that the tree of `old_size` entries with `old_root` is the beginning of the tree of `new_size` entries
/// with `new_root`. From the empty tree, and between equal sizes, only the empty path is accepted.
///
/// # Errors
/// `Rollback` if the new tree is smaller. `Fork` if the two are known to contradict each other: equal sizes with
/// different roots, or a path that leads to the new root from another old one. `BadProofShape` or `BadHash` if the path
/// itself is wrong, which says nothing of the trees.
pub fn verify_consistency(
    old_size: TreeSize,
    old_root: &Hash,
    new_size: TreeSize,
    new_root: &Hash,
    path: &[Hash],
) -> Result<(), Error> {
    let shape = |reason| Error::BadProofShape { index: old_size.0, size: new_size, reason };
    let fork = || Error::Fork { old: old_size, old_root: *old_root, new: new_size, new_root: *new_root };
    if new_size < old_size {
        return Err(Error::Rollback { old: old_size, new: new_size });
    }
    if old_size.0 == 0 || old_size == new_size {
        if !path.is_empty() {
            return Err(shape("the path must be empty"));
        }
        if old_size.0 == 0 {
            same(&empty_root(), *old_root)?;
            return if new_size.0 == 0 { same(&empty_root(), *new_root) } else { Ok(()) };
        }
        return if old_root == new_root { Ok(()) } else { Err(fork()) };
    }
    // RFC 9162 puts the old root in front when the old tree is complete; the path then starts below it.
    let (first, rest) = if old_size.0.is_power_of_two() {
        (old_root, path)
    } else {
        path.split_first().ok_or_else(|| shape("the path is too short"))?
    };
    let mut node = old_size.0 - 1;
    let mut last = new_size.0 - 1;
    let complete_levels = node.trailing_ones();
    node >>= complete_levels;
    last >>= complete_levels;
    let (mut old_hash, mut new_hash) = (*first, *first);
    for sibling in rest {
        if last == 0 {
            return Err(shape("the path is too long"));
        }
        if node & 1 == 1 || node == last {
            old_hash = node_hash(sibling, &old_hash);
            new_hash = node_hash(sibling, &new_hash);
            while node & 1 == 0 && node != 0 {
                node >>= 1;
                last >>= 1;
            }
        } else {
            new_hash = node_hash(&new_hash, sibling);
        }
        node >>= 1;
        last >>= 1;
    }
    if last != 0 {
        return Err(shape("the path is too short"));
    }
    // The new root first: a path that reaches it is a true piece of the new tree, and then the old root is what is wrong.
    same(new_root, new_hash)?;
    if *old_root == old_hash { Ok(()) } else { Err(fork()) }
}

fn same(expected: &Hash, got: Hash) -> Result<(), Error> {
    if *expected == got { Ok(()) } else { Err(Error::BadHash { expected: *expected, got }) }
}

#[cfg(test)]
mod tests;
