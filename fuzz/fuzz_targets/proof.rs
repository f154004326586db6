//! Feeds the verifiers of inclusion and consistency paths that are almost right.
//!
//! The input is five bytes (size, old size, index, claimed index, hashes to take off or put on) and what is XORed onto the true
//! paths. A path is accepted exactly when it is the true one, for the true index.
#![no_main]

use std::sync::OnceLock;

use libfuzzer_sys::fuzz_target;
use lww_audit::merkle::{
    Frontier, NodeReader, consistency_path, inclusion_path, leaf_hash, node_hash, root_at, verify_consistency,
    verify_inclusion,
};
use lww_audit::{EntryIndex, Error, Hash, TreeSize};

/// Entries of the largest tree.
const SIZE_MAX: u64 = 64;

/// The trees whose leaf `n` is the hash of the eight bytes of `n`, level by level.
struct Counting(Vec<Vec<Hash>>);

impl NodeReader for Counting {
    fn node(&self, level: u32, index: u64) -> Result<Hash, Error> {
        Ok(self.0[level as usize][usize::try_from(index).expect("a small index")])
    }
}

fn counting() -> &'static Counting {
    static COUNTING: OnceLock<Counting> = OnceLock::new();
    COUNTING.get_or_init(|| {
        let leaves: Vec<Hash> = (0..SIZE_MAX).map(|leaf| leaf_hash(&leaf.to_be_bytes())).collect();
        let parents = |below: &Vec<Hash>| {
            let pairs = below.as_chunks::<2>().0.iter().map(|[left, right]| node_hash(left, right));
            Some(pairs.collect()).filter(|level: &Vec<Hash>| !level.is_empty())
        };
        Counting(std::iter::successors(Some(leaves), parents).collect())
    })
}

fuzz_target!(|data: &[u8]| {
    let Some(([size, old, index, claimed, length], noise)) = data.split_first_chunk() else { return };
    let tree = counting();
    let size = TreeSize(u64::from(*size) % SIZE_MAX + 1);
    let old = TreeSize(u64::from(*old) % (size.0 + 1));
    let (index, claimed) = (EntryIndex(u64::from(*index) % size.0), EntryIndex(u64::from(*claimed)));
    let root = root_at(tree, size).expect("a whole tree");
    let mut frontier = Frontier::empty();
    tree.0[0].iter().zip(0..size.0).for_each(|(leaf, _)| frontier.push(*leaf));
    assert_eq!(frontier.root(), root, "two ways to one root");
    assert!(Frontier::from_bytes(size, &frontier.to_bytes()).is_ok_and(|read| read == frontier));

    let leaf = tree.node(0, index.0).expect("a whole tree");
    let path = inclusion_path(tree, index, size).expect("a whole tree");
    let tried = disturbed(&path, *length, noise);
    let accepted = verify_inclusion(&leaf, claimed, size, &tried, &root).is_ok();
    assert_eq!(accepted, claimed == index && tried == path, "inclusion");

    let old_root = root_at(tree, old).expect("a whole tree");
    let path = consistency_path(tree, old, size).expect("a whole tree");
    let tried = disturbed(&path, *length, noise);
    let accepted = verify_consistency(old, &old_root, size, &root, &tried).is_ok();
    assert_eq!(accepted, tried == path, "consistency");
});

/// Takes hashes off the end, or puts zeroes there, and XORs noise onto the rest.
fn disturbed(path: &[Hash], length: u8, noise: &[u8]) -> Vec<Hash> {
    let mut path = path.to_vec();
    match length {
        0 => {}
        1..=127 => path.truncate(path.len().saturating_sub(usize::from(length))),
        128.. => path.resize(path.len() + usize::from(length - 127), Hash::ZERO),
    }
    for (byte, noise) in path.iter_mut().flat_map(|hash| &mut hash.0).zip(noise) {
        *byte ^= noise;
    }
    path
}
