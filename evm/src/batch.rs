//! Batch trees: OpenZeppelin's StandardMerkleTree over `(uint64 index, bytes32 leaf)`, built by `merkle-tree-rs`.
//!
//! Never used for a log itself, whose tree is RFC 6962.

use lww_audit::Hash;
use lww_audit::evm::{BATCH_LEAVES_MAX, Batch, Word};
use merkle_tree_rs::core::{get_proof, make_merkle_tree};
use merkle_tree_rs::standard::standard_leaf_hash;

/// A tree over the leaves of a log from one index on.
pub struct BatchTree {
    first: u64,
    leaves: Vec<Hash>,
    /// The heap: its root first, its leaves last.
    nodes: Vec<Word>,
    /// Place of each leaf in the heap.
    places: Vec<usize>,
}

impl BatchTree {
    /// Builds it over the leaf hashes of the entries from `first` on; `None` over none, or over more than a batch may have.
    pub fn build(first: u64, leaves: Vec<Hash>) -> Option<Self> {
        if leaves.is_empty() || leaves.len() as u64 > BATCH_LEAVES_MAX {
            return None;
        }
        // A `bytes32` is encoded like the number that it is; the crate knows numbers, texts and addresses.
        let types = ["uint256".to_owned(), "uint256".to_owned()];
        let hashed = (first..)
            .zip(&leaves)
            .map(|(index, leaf)| standard_leaf_hash(vec![index.to_string(), decimal(leaf.as_bytes())], &types));
        let mut sorted: Vec<_> = hashed.zip(0_usize..).collect();
        sorted.sort();
        let heap = make_merkle_tree(sorted.iter().map(|(hash, _)| hash.clone()).collect());
        let mut places = vec![0; leaves.len()];
        for (at, (_, leaf)) in sorted.iter().enumerate() {
            *places.get_mut(*leaf)? = heap.len() - 1 - at;
        }
        let nodes = heap.iter().map(|node| node.as_ref().try_into().ok().map(Word)).collect::<Option<Vec<_>>>()?;
        Some(Self { first, leaves, nodes, places })
    }

    /// The batch root.
    pub fn root(&self) -> Word {
        self.nodes.first().copied().unwrap_or(Word([0; 32]))
    }

    /// The leaf hash of an entry and the path that leads from it to the batch root; `None` for an entry that is not in it.
    pub fn proof(&self, index: u64) -> Option<(Word, Vec<Word>)> {
        let at = usize::try_from(index.checked_sub(self.first)?).ok()?;
        let (leaf, place) = (self.leaves.get(at)?, *self.places.get(at)?);
        // Only the way up is handed over: the crate takes the tree itself.
        let heap = self.nodes.iter().map(|node| node.0.into()).collect();
        let path = get_proof(heap, place);
        let path = path.iter().map(|node| node.as_ref().try_into().ok().map(Word)).collect::<Option<_>>()?;
        Some((Word(leaf.0), path))
    }

    /// What a receipt says of the batch: its root, and the way to it from the newest entry.
    pub fn batch(&self) -> Option<Batch> {
        let newest = self.first + self.leaves.len() as u64 - 1;
        let (leaf, proof) = self.proof(newest)?;
        Some(Batch { first: self.first, root: self.root(), leaf, proof })
    }
}

/// A 256-bit number in decimal digits.
fn decimal(bytes: &[u8; 32]) -> String {
    const BASE: u64 = 1_000_000_000;
    let mut limbs = bytes.as_chunks::<4>().0.iter().map(|limb| u32::from_be_bytes(*limb)).collect::<Vec<_>>();
    let mut groups = Vec::new();
    while limbs.iter().any(|limb| *limb != 0) {
        let mut rest = 0_u64;
        for limb in &mut limbs {
            let number = rest << 32 | u64::from(*limb);
            *limb = u32::try_from(number / BASE).unwrap_or(u32::MAX);
            rest = number % BASE;
        }
        groups.push(rest);
    }
    let mut rest = groups.into_iter().rev();
    let first = rest.next().unwrap_or(0).to_string();
    rest.fold(first, |text, group| format!("{text}{group:09}"))
}

#[cfg(test)]
mod tests {
    use lww_audit::evm::{batch_leaf, batch_root, folded};
    use lww_audit::merkle::leaf_hash;

    use super::*;

    fn leaves(count: u64) -> Vec<Hash> {
        (0..count).map(|index| leaf_hash(&index.to_be_bytes())).collect()
    }

    #[test]
    fn the_verifier_comes_to_the_same_root_and_follows_every_path() {
        for (first, count) in [(0, 1), (0, 2), (7, 3), (0, 8), (1000, 37)] {
            let tree = BatchTree::build(first, leaves(count)).unwrap();
            let hashed = (first..).zip(leaves(count)).map(|(index, leaf)| batch_leaf(index, leaf)).collect();
            assert_eq!(batch_root(hashed), Some(tree.root().0));
            for index in first..first + count {
                let (leaf, path) = tree.proof(index).unwrap();
                let hashed = batch_leaf(index, Hash(leaf.0));
                assert_eq!(folded(hashed, path.iter().map(|word| word.0)), tree.root().0);
                let neighbour = batch_leaf(index + 1, Hash(leaf.0));
                assert_ne!(folded(neighbour, path.iter().map(|word| word.0)), tree.root().0);
            }
            assert!(
                tree.proof(first + count).is_none() && first.checked_sub(1).is_none_or(|one| tree.proof(one).is_none())
            );
        }
    }

    #[test]
    fn a_batch_is_over_something_and_not_over_too_much() {
        assert!(BatchTree::build(0, Vec::new()).is_none());
        let many = vec![Hash([0; 32]); usize::try_from(BATCH_LEAVES_MAX).unwrap() + 1];
        assert!(BatchTree::build(0, many).is_none());
    }

    #[test]
    fn numbers_are_written_in_decimal() {
        let mut bytes = [0; 32];
        assert_eq!(decimal(&bytes), "0");
        bytes[23] = 1;
        assert_eq!(decimal(&bytes), (1_u128 << 64).to_string());
        assert_eq!(
            decimal(&[255; 32]),
            "115792089237316195423570985008687907853269984665640564039457584007913129639935"
        );
        bytes = [0; 32];
        bytes[28..].copy_from_slice(&1_000_000_000_u32.to_be_bytes());
        assert_eq!(decimal(&bytes), "1000000000");
    }

    #[test]
    fn the_tree_of_openzeppelin_s_own_example_comes_out() {
        // The example of the JavaScript library's guide, and of merkle-tree-rs.
        let types = ["address".to_owned(), "uint256".to_owned()];
        let value = |digit: &str, amount: &str| vec![format!("0x{}", digit.repeat(40)), amount.to_owned()];
        let mut hashed = vec![
            standard_leaf_hash(value("1", "5000000000000000000"), &types),
            standard_leaf_hash(value("2", "2500000000000000000"), &types),
        ];
        hashed.sort();
        let root: [u8; 32] = make_merkle_tree(hashed)[0].as_ref().try_into().unwrap();
        assert_eq!(Word(root).to_string(), "0xd4dee0beab2d53f2cc83e567171bd2820e49898130a22622b10ead383e90bd77");
    }
}
