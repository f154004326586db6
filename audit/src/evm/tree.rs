//! Batch trees of OpenZeppelin's form, as far as they are verified: leaves hashed twice, pairs sorted, a heap in an array.

use crate::types::Hash;
use sha3::{Digest as _, Keccak256};

/// Keccak-256, as Ethereum has it, of parts one after the other.
pub fn keccak256(parts: &[&[u8]]) -> [u8; 32] {
    let mut hasher = Keccak256::new();
    for part in parts {
        hasher.update(part);
    }
    hasher.finalize().into()
}

/// The leaf of a batch for an entry: `keccak256(keccak256(abi.encode(uint64 index, bytes32 leaf)))`. Hashed twice, no leaf can
/// pass for a node of two hashes.
pub fn batch_leaf(index: u64, leaf: Hash) -> [u8; 32] {
    keccak256(&[&keccak256(&[&[0; 24], &index.to_be_bytes(), leaf.as_bytes()])])
}

/// The root that a leaf and its path lead to.
pub fn folded(leaf: [u8; 32], path: impl IntoIterator<Item = [u8; 32]>) -> [u8; 32] {
    path.into_iter().fold(leaf, pair)
}

/// The root over leaves in any order; `None` over none.
pub fn batch_root(mut leaves: Vec<[u8; 32]>) -> Option<[u8; 32]> {
    // The array is a heap whose leaves stand at its end, the smallest last.
    leaves.sort_unstable_by(|one, other| other.cmp(one));
    let inner = leaves.len().checked_sub(1)?;
    let mut heap = vec![[0; 32]; inner];
    heap.extend(leaves);
    for at in (0..inner).rev() {
        let (left, right) = (*heap.get(2 * at + 1)?, *heap.get(2 * at + 2)?);
        *heap.get_mut(at)? = pair(left, right);
    }
    heap.first().copied()
}

fn pair(one: [u8; 32], other: [u8; 32]) -> [u8; 32] {
    if one <= other { keccak256(&[&one, &other]) } else { keccak256(&[&other, &one]) }
}
