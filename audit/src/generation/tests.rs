//! Declarations that are true, that lie, and that somebody bent; and what they say of places in a log of three generations.

use super::*;
use crate::merkle::leaf_hash;
use crate::note::NoteSigner;

fn signer(generation: u32, seed: u8) -> NoteSigner {
    NoteSigner::from_seed(&format!("lww.example/acme/{generation}"), &[seed; 32]).unwrap()
}

/// The opening of a generation that kept so many entries of those that were signed.
fn opening(generation: u32, kept: u64, lost: u64) -> SignedDeclaration {
    let (old, new) = (signer(generation - 1, 1), signer(generation, 1));
    let last = Checkpoint {
        origin: old.verifier_key().name().parse().unwrap(),
        size: TreeSize(lost),
        root: leaf_hash(&lost.to_be_bytes()),
    };
    let declared = Declaration {
        origin: new.verifier_key().name().parse().unwrap(),
        opened: Timestamp::from_micros(1_767_574_800_000_000),
        kept: (TreeSize(kept), leaf_hash(&kept.to_be_bytes())),
        lost: (last.size, last.root),
        reason: "database_lost".to_owned(),
        tenant: "acme".to_owned(),
        by: [Id128([1; 16]), Id128([2; 16])],
        plan: Hash::ZERO,
        old: Some(old.verifier_key().clone()),
        new: new.verifier_key().clone(),
        path: Vec::new(),
        last: SignedCheckpoint::sign(last, &[&old]).unwrap(),
    };
    let text = declared.to_string();
    SignedDeclaration::with_signatures(&declared, vec![old.sign(&text), new.sign(&text)]).unwrap()
}

fn key(generation: u32) -> VerifierKey {
    signer(generation, 1).verifier_key().clone()
}

#[test]
fn a_declaration_survives_its_text_and_tells_what_is_lost_and_by_whose_word() {
    let signed = opening(2, 20, 30);
    let read = SignedDeclaration::parse(signed.note().to_string().as_bytes()).unwrap();
    assert_eq!(read, signed);
    let told = read.verify(&[key(1)]).unwrap().told();
    for part in
        ["declared gap: entries 20-29 of lww.example/acme/1", "2026-01-05T01:00:00", &"01".repeat(16), &"02".repeat(16)]
    {
        assert!(told.contains(part), "{part}: {told}");
    }
    assert_eq!(read.unverified().proven(), TreeSize(0), "without a path nothing behind it is proven");
}

#[test]
fn a_changed_byte_is_refused() {
    let good = opening(2, 20, 30).note().to_string();
    for at in 0..good.len() {
        let mut bad = good.clone().into_bytes();
        bad[at] ^= 1;
        let refused = SignedDeclaration::parse(&bad).is_ok_and(|read| read.verify(&[key(1)]).is_ok());
        // What an unknown key signed of the old checkpoint is no matter; ours is the only line.
        assert!(!refused, "byte {at}");
    }
    let long = good.replacen("\n\n", &format!("\n{}\n", "x".repeat(DECLARATION_BYTES_MAX)), 1);
    assert!(matches!(SignedDeclaration::parse(long.as_bytes()), Err(Error::TooLong { .. })));
}

#[test]
fn every_place_of_a_tree_has_its_generation_and_every_lost_entry_its_gap() {
    let mut keys = vec![key(1)];
    let known = Generations::follow(&mut keys, [opening(2, 20, 30), opening(3, 40, 45)]).unwrap();
    assert_eq!(keys, [key(1), key(2), key(3)]);
    let [first, second, third] = [1, 2, 3].map(|number| key(number).name().parse::<Origin>().unwrap());
    for (of, index, expect) in [
        (&third, 19, &first),
        (&third, 20, &second),
        (&third, 39, &second),
        (&third, 40, &third),
        (&second, 39, &second),
        (&second, 3, &first),
        (&first, 33, &first),
    ] {
        assert_eq!(known.log_at(of, EntryIndex(index)), expect, "{index} of {of}");
    }
    for (of, index, expect) in [
        (&first, 19, None),
        (&first, 20, Some(&second)),
        (&second, 39, None),
        (&second, 40, Some(&third)),
        (&third, 50, None),
    ] {
        assert_eq!(known.lost(of, EntryIndex(index)).map(|gap| &gap.origin), expect, "{index} of {of}");
    }
    known.demand_all(&third).unwrap();
    let alone = Generations::follow(&mut vec![key(2)], [opening(3, 40, 45)]).unwrap();
    assert!(matches!(alone.demand_all(&third), Err(Error::Undeclared { .. })), "the second is declared by nobody");
    assert!(matches!(Generations::follow(&mut vec![key(1)], [opening(3, 40, 45)]), Err(Error::Unsigned { .. })));
}

#[test]
fn whoever_holds_more_than_is_admitted_or_something_else_convicts_the_log() {
    let signed = opening(2, 20, 30);
    let declared = signed.unverified();
    let held = |size: u64, root: Hash| Checkpoint { origin: declared.before().clone(), size: TreeSize(size), root };
    let root = |size: u64| leaf_hash(&size.to_be_bytes());
    for (size, root) in [(20, root(20)), (25, Hash::ZERO), (30, root(30)), (3, Hash::ZERO)] {
        declared.admits(&held(size, root)).unwrap();
    }
    assert!(matches!(declared.admits(&held(31, root(31))), Err(Error::FalseDeclaration { .. })));
    for size in [20, 30] {
        assert!(matches!(declared.admits(&held(size, Hash::ZERO)), Err(Error::Fork { .. })), "{size}");
    }
}
