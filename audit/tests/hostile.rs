//! Hostile input: whatever bytes arrive, every parser refuses or accepts in bounded work, and never panics.
//!
//! Inputs are random bytes, and good files with pieces cut, repeated and overwritten, which reach deeper.
#![cfg(test)]

mod common;

use common::{Log, keys, opened};
use lww_audit::fsck::check;
use lww_audit::merkle::{PATH_HASHES_MAX, verify_consistency, verify_inclusion};
use lww_audit::tile::Bundle;
use lww_audit::{
    Entry, EntryIndex, Hash, Note, NoteSigner, Origin, Receipt, SignedCheckpoint, TileDir, TileWriter, Timestamp,
    TlogProof, TreeSize, VerifierKey,
};
use proptest::collection::vec;
use proptest::prelude::*;
use std::fs;
use std::sync::LazyLock;

static GOOD: LazyLock<Vec<Vec<u8>>> = LazyLock::new(|| {
    let log = Log::new(30);
    assert_eq!(opened(8).len(), 2);
    let bundle =
        log.entries.iter().flat_map(|entry| [&u16::try_from(entry.len()).unwrap().to_be_bytes()[..], entry].concat());
    vec![
        log.entries[8].clone(),
        log.receipt(8, 30).into_bytes(),
        log.signed(30).to_string().into_bytes(),
        keys()[0].to_string().into_bytes(),
        bundle.collect(),
    ]
});

/// Offers bytes to every parser; what is accepted must survive being written and read again.
fn offer(bytes: &[u8]) {
    if let Ok(entry) = Entry::parse(bytes) {
        assert_eq!(entry.to_bytes().unwrap(), bytes);
    }
    if let Ok(receipt) = Receipt::parse(bytes) {
        assert_eq!(receipt.proof().to_string().as_bytes(), bytes);
        let _ = receipt.verify(&keys());
    }
    if let Ok(proof) = TlogProof::parse(bytes) {
        assert_eq!(proof.to_string().as_bytes(), bytes);
    }
    if let Ok(note) = Note::parse(bytes) {
        assert_eq!(note.to_string().as_bytes(), bytes);
        let _ = note.verify(&keys(), common::ORIGIN);
    }
    if let Ok(signed) = SignedCheckpoint::parse(bytes) {
        assert_eq!(signed.to_string().as_bytes(), bytes);
    }
    if let Ok(bundle) = Bundle::parse(bytes.to_vec(), 30) {
        assert_eq!(bundle.leaves().len(), 30);
    }
    if let Ok(text) = std::str::from_utf8(bytes) {
        if let Ok(key) = text.parse::<VerifierKey>() {
            assert_eq!(key.to_string(), text);
        }
        if let Ok(origin) = text.parse::<Origin>() {
            assert_eq!(origin.to_string(), text);
        }
        if let Ok(time) = text.parse::<Timestamp>() {
            assert_eq!(time.to_string(), text);
        }
        let _ = NoteSigner::from_seed(text, &[1; 32]);
    }
}

proptest! {
    #[test]
    fn random_bytes_never_panic(bytes in vec(any::<u8>(), 0..300), text in any::<String>()) {
        offer(&bytes);
        offer(text.as_bytes());
    }

    #[test]
    fn good_files_with_pieces_cut_repeated_and_overwritten_never_panic(
        which in 0..5_usize, at in any::<prop::sample::Index>(), until in any::<prop::sample::Index>(), change in 0..4_u8,
        noise in vec(any::<u8>(), 0..8),
    ) {
        let good = &GOOD[which];
        let (a, b) = (at.index(good.len()), until.index(good.len()));
        let (start, end) = (a.min(b), a.max(b));
        let bytes = match change {
            0 => [&good[..start], &good[end..]].concat(),
            1 => [&good[..end], &good[start..]].concat(),
            2 => [&good[..start], &noise, &good[start..]].concat(),
            _ => [&good[..start], &noise, &good[(start + noise.len()).min(good.len())..]].concat(),
        };
        offer(&bytes);
    }

    #[test]
    fn logs_with_mangled_files_are_refused_and_never_panic(
        which in 0..3_usize, at in any::<prop::sample::Index>(), noise in vec(any::<u8>(), 1..40),
    ) {
        let home = tempfile::tempdir().unwrap();
        Log::new(3).write(home.path());
        let file = home.path().join(["checkpoint", "tile/0/000.p/3", "tile/entries/000.p/3"][which]);
        let good = fs::read(&file).unwrap();
        let start = at.index(good.len());
        let bytes = [&good[..start], &noise, &good[(start + noise.len()).min(good.len())..]].concat();
        fs::write(&file, &bytes).unwrap();
        let verdict = check(&TileDir::open(home.path()), &keys(), &mut |_| {});
        prop_assert_eq!(verdict.is_ok(), bytes == good);
        let _ = TileWriter::open(home.path());
    }

    #[test]
    fn proofs_of_any_numbers_and_lengths_never_panic(
        index in any::<u64>(), size in any::<u64>(), length in 0..=PATH_HASHES_MAX + 2, small in any::<bool>(),
    ) {
        let (index, size) = if small { (index % 9, size % 9) } else { (index, size) };
        let path = vec![Hash([3; 32]); length];
        let hash = Hash([4; 32]);
        let _ = verify_inclusion(&hash, EntryIndex(index), TreeSize(size), &path, &hash);
        let _ = verify_consistency(TreeSize(index), &hash, TreeSize(size), &hash, &path);
    }
}

#[test]
fn the_files_that_are_mangled_are_good_ones() {
    Entry::parse(&GOOD[0]).unwrap();
    Receipt::parse(&GOOD[1]).unwrap().verify(&keys()).unwrap();
    SignedCheckpoint::parse(&GOOD[2]).unwrap().verify(&keys()).unwrap();
    assert_eq!(Bundle::parse(GOOD[4].clone(), 30).unwrap().entries().count(), 30);
    GOOD.iter().for_each(|good| offer(good));
}
