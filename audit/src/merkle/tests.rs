//! Tests of the tree against the literal definition of RFC 6962, against another implementation, and in the negative.

use super::*;
use proptest::prelude::*;

/// RFC 6962's definition, literally.
fn mth(leaves: &[Hash]) -> Hash {
    match leaves {
        [] => empty_root(),
        [leaf] => *leaf,
        _ => {
            let (left, right) = leaves.split_at(leaves.len().next_power_of_two() / 2);
            node_hash(&mth(left), &mth(right))
        }
    }
}

struct Leaves<'a>(&'a [Hash]);

impl NodeReader for Leaves<'_> {
    fn node(&self, level: u32, index: u64) -> Result<Hash, Error> {
        let count = 1_usize << level;
        let start = usize::try_from(index).unwrap() * count;
        Ok(mth(&self.0[start..start + count]))
    }
}

fn leaves(count: u64) -> Vec<Hash> {
    (0..count).map(|n| leaf_hash(&n.to_be_bytes())).collect()
}

fn size(n: usize) -> TreeSize {
    TreeSize(n as u64)
}

#[test]
fn hashes_have_their_published_values() {
    for (hash, expect) in [
        (empty_root(), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
        (leaf_hash(b""), "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"),
        (
            node_hash(&leaf_hash(b""), &leaf_hash(b"\0")),
            "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
        ),
    ] {
        assert_eq!(hash.to_string(), expect);
    }
}

#[test]
fn a_frontier_has_the_root_of_the_definition_and_survives_its_bytes() {
    let all = leaves(300);
    let mut frontier = Frontier::empty();
    for (n, leaf) in all.iter().enumerate() {
        assert_eq!(frontier.root(), mth(&all[..n]), "size {n}");
        assert_eq!(frontier.size(), size(n));
        let bytes = frontier.to_bytes();
        assert_eq!(Frontier::from_bytes(size(n), &bytes).unwrap(), frontier);
        assert!(Frontier::from_bytes(size(n), &[bytes.as_slice(), &[0; 32]].concat()).is_err());
        assert!(Frontier::from_bytes(size(n), &[bytes.as_slice(), &[0]].concat()).is_err());
        frontier.push(*leaf);
    }
}

#[test]
fn growth_proves_every_leaf_pushed_since_any_base_and_no_other() {
    let all = leaves(70);
    for base in 0..all.len() {
        let mut start = Frontier::empty();
        all[..base].iter().for_each(|leaf| start.push(*leaf));
        let mut growth = Growth::start(start);
        for n in base..all.len() {
            assert_eq!(growth.push(all[n]), EntryIndex(n as u64));
            let (root, now) = (mth(&all[..=n]), size(n + 1));
            assert_eq!(growth.frontier().root(), root);
            for (index, leaf) in all.iter().enumerate().take(n + 1) {
                let index = EntryIndex(index as u64);
                let Ok(path) = growth.inclusion_path(index) else {
                    assert!(index.0 < base as u64);
                    continue;
                };
                assert_eq!(path, inclusion_path(&Leaves(&all), index, now).unwrap());
                verify_inclusion(leaf, index, now, &path, &root).unwrap();
            }
        }
        assert!(growth.inclusion_path(EntryIndex(70)).is_err());
    }
}

#[test]
fn consistency_holds_between_all_sizes_and_breaks_when_touched() {
    let all = leaves(40);
    for new in 0..=all.len() {
        for old in 0..=new {
            let path = consistency_path(&Leaves(&all), size(old), size(new)).unwrap();
            let (old_root, new_root) = (mth(&all[..old]), mth(&all[..new]));
            let check =
                |old_root, new_root, path: &[Hash]| verify_consistency(size(old), old_root, size(new), new_root, path);
            check(&old_root, &new_root, &path).unwrap();
            assert!(check(&old_root, &new_root, &[path.as_slice(), &[Hash::ZERO]].concat()).is_err());
            assert!(check(&Hash::ZERO, &new_root, &path).is_err());
            if old > 0 {
                assert!(check(&old_root, &Hash::ZERO, &path).is_err());
            }
            for at in 0..path.len() {
                let mut other = path.clone();
                other[at].0[31] ^= 1;
                assert!(check(&old_root, &new_root, &other).is_err());
                other.remove(at);
                assert!(check(&old_root, &new_root, &other).is_err());
            }
        }
    }
    assert!(matches!(
        verify_consistency(TreeSize(2), &Hash::ZERO, TreeSize(1), &Hash::ZERO, &[]),
        Err(Error::Rollback { .. })
    ));
}

#[test]
fn another_implementation_computes_the_same_roots_and_paths() {
    let mut oracle = ct_merkle::mem_backed_tree::MemoryBackedTree::<sha2::Sha256, Vec<u8>>::new();
    let mut frontier = Frontier::empty();
    let all: Vec<_> = (0..130_u64).map(|n| n.to_be_bytes().to_vec()).collect();
    let hashes: Vec<_> = all.iter().map(|entry| leaf_hash(entry)).collect();
    for (n, entry) in all.iter().enumerate() {
        oracle.push(entry.clone());
        frontier.push(hashes[n]);
        assert_eq!(frontier.root().as_bytes().as_slice(), oracle.root().as_bytes().as_slice(), "size {}", n + 1);
        let ours = inclusion_path(&Leaves(&hashes), EntryIndex(n as u64 / 2), size(n + 1)).unwrap();
        let theirs = oracle.prove_inclusion(n / 2);
        assert_eq!(ours.iter().flat_map(|hash| hash.0).collect::<Vec<_>>(), theirs.as_bytes());
    }
}

proptest! {
    #[test]
    fn a_touched_inclusion_proof_never_verifies(n in 1_usize..200, at in 0_usize..200, bit in 0_usize..256, pick in 0_usize..10) {
        let all = leaves(n as u64);
        let index = EntryIndex((at % n) as u64);
        let root = mth(&all);
        let leaf = all[at % n];
        let path = inclusion_path(&Leaves(&all), index, size(n)).unwrap();
        prop_assert!(verify_inclusion(&leaf, index, size(n), &path, &root).is_ok());
        let mut wrong_leaf = leaf;
        wrong_leaf.0[bit / 8] ^= 1 << (bit % 8);
        prop_assert!(verify_inclusion(&wrong_leaf, index, size(n), &path, &root).is_err());
        prop_assert!(verify_inclusion(&leaf, EntryIndex(n as u64), size(n), &path, &root).is_err());
        let longer = [path.as_slice(), &[root]].concat();
        prop_assert!(verify_inclusion(&leaf, index, size(n), &longer, &root).is_err());
        if !path.is_empty() {
            let mut other = path.clone();
            let last = other.len();
            other[pick % last].0[bit / 8] ^= 1 << (bit % 8);
            prop_assert!(verify_inclusion(&leaf, index, size(n), &other, &root).is_err());
            prop_assert!(verify_inclusion(&leaf, index, size(n), &path[1..], &root).is_err());
        }
    }
}
