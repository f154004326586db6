//! Tests of receipts: they prove themselves, and nothing else passes for one.

use super::*;
use crate::Timestamp;
use crate::checkpoint::SignedCheckpoint;
use crate::entry::{Actor, Content, Detail, Role};
use crate::error::Class;
use crate::merkle::{Frontier, Growth};
use crate::note::NoteSigner;
use crate::types::Id128;

const ORIGIN: &str = "lww.example/acme/1";
const MASKED: &str = "我的卡 6222****0123 丢了";
const SEALED: &str = "我的卡 6222020200110123 丢了";

fn signer() -> NoteSigner {
    NoteSigner::from_seed(ORIGIN, &[1; 32]).unwrap()
}

fn keys() -> Vec<VerifierKey> {
    vec![signer().verifier_key().clone()]
}

fn entry() -> Entry {
    Entry {
        log: ORIGIN.parse().unwrap(),
        seq: EntryIndex(2),
        time: Timestamp::from_micros(1_767_225_600_123_456),
        kind: "message.received/1".parse().unwrap(),
        actor: Actor { id: Id128([1; 16]), role: Role::new("customer").unwrap() },
        tenant: "acme".to_owned(),
        conversation: None,
        channel: None,
        subject: None,
        policy: None,
        content: Some(Content {
            commit_masked: commitment(&[2; 32], Tag::Masked, MASKED.as_bytes()),
            commit_sealed: commitment(&[3; 32], Tag::Sealed, SEALED.as_bytes()),
            spans: Vec::new(),
        }),
        chains: Vec::new(),
        detail: Detail::Null,
        prev: Hash([9; 32]),
    }
}

fn opened() -> Vec<Opened> {
    vec![
        Opened { of: Tag::Masked, salt: [2; 32], text: Some(MASKED.to_owned()) },
        Opened { of: Tag::Sealed, salt: [3; 32], text: Some(SEALED.to_owned()) },
    ]
}

/// Puts an entry at index 2 of 5 and writes its receipt with the index given.
fn write(entry: &[u8], opened: &[Opened], index: u64, origin: &str) -> String {
    let mut growth = Growth::start(Frontier::empty());
    for n in 0..5_u8 {
        growth.push(if n == 2 { leaf_hash(entry) } else { leaf_hash(&[n]) });
    }
    let frontier = growth.frontier();
    let checkpoint = Checkpoint { origin: origin.parse().unwrap(), size: frontier.size(), root: frontier.root() };
    let checkpoint = SignedCheckpoint::sign(checkpoint, &[&signer()]).unwrap();
    let path = growth.inclusion_path(EntryIndex(2)).unwrap();
    Receipt::format(entry, opened, EntryIndex(index), &path, &checkpoint.to_string())
}

fn verdict(text: &str) -> Result<usize, Error> {
    let receipt = Receipt::parse(text.as_bytes())?;
    Ok(receipt.verify(&keys())?.texts.len())
}

#[test]
fn a_receipt_proves_itself_with_both_texts_one_or_none() {
    let bytes = entry().to_bytes().unwrap();
    for count in 0..=2 {
        let text = write(&bytes, &opened()[..count], 2, ORIGIN);
        assert_eq!(verdict(&text).unwrap(), count);
        assert_eq!(Receipt::parse(text.as_bytes()).unwrap().proof().to_string(), text);
    }
    let salt_only = Opened { text: None, ..opened()[0].clone() };
    assert_eq!(verdict(&write(&bytes, &[salt_only], 2, ORIGIN)).unwrap(), 0);
}

#[test]
fn every_flipped_byte_of_a_receipt_is_caught() {
    let text = write(&entry().to_bytes().unwrap(), &opened(), 2, ORIGIN).into_bytes();
    for at in 0..text.len() {
        for flip in [1, 0x40] {
            let mut other = text.clone();
            other[at] ^= flip;
            let verdict = Receipt::parse(&other).map(|receipt| receipt.verify(&keys()).is_ok());
            assert!(!verdict.unwrap_or(false), "byte {at} ^ {flip:#x}");
        }
    }
    for len in 0..text.len() {
        assert!(Receipt::parse(&text[..len]).is_err(), "cut at {len}");
    }
}

#[test]
fn each_lie_has_its_own_class() {
    let good = entry();
    let bytes = good.to_bytes().unwrap();
    let change = |of: usize, text: &str| {
        let mut opened = opened();
        opened[of].text = Some(text.to_owned());
        opened
    };
    let other_seq = Entry { seq: EntryIndex(3), ..good.clone() }.to_bytes().unwrap();
    let no_content = Entry { content: None, ..good }.to_bytes().unwrap();
    let later = String::from_utf8(bytes.clone()).unwrap().replace("\"v\":1", "\"v\":2");
    let reversed: Vec<_> = opened().into_iter().rev().collect();
    let stranger = write(&bytes, &[], 2, ORIGIN).replace("\u{2014} lww", "\u{2014} lwx");
    let moved = write(&bytes, &[], 2, ORIGIN).replacen("index 2", "index 3", 1);
    for (text, class) in [
        (write(&bytes, &change(0, "我的卡丢了"), 2, ORIGIN), Class::BadCommitment),
        (write(&bytes, &change(1, MASKED), 2, ORIGIN), Class::BadCommitment),
        (write(&other_seq, &[], 2, ORIGIN), Class::ChainBreak),
        (write(&no_content, &opened(), 2, ORIGIN), Class::Malformed),
        (write(later.as_bytes(), &[], 2, ORIGIN), Class::UnknownVersion),
        (write(&bytes, &reversed, 2, ORIGIN), Class::Malformed),
        (write(&bytes, &opened(), 1, ORIGIN), Class::BadProof),
        (write(&bytes, &[], 2, "lww.example/evil/1"), Class::BadSignature),
        (stranger, Class::BadSignature),
        (moved, Class::BadProof),
        (write(&bytes, &[], 2, ORIGIN).replace("proof@v1", "proof@v2"), Class::UnknownVersion),
        (write(&bytes, &[], 2, ORIGIN).replace("index 2", "index 02"), Class::Malformed),
    ] {
        assert_eq!(verdict(&text).unwrap_err().class(), class, "{text}");
    }
}

#[test]
fn a_leaf_of_another_log_is_refused() {
    let other = Entry { log: "lww.example/other/1".parse().unwrap(), ..entry() };
    let text = write(&other.to_bytes().unwrap(), &[], 2, ORIGIN);
    assert_eq!(verdict(&text).unwrap_err().class(), Class::OtherLog);
}

#[test]
fn bounds_of_a_receipt_are_kept() {
    let bytes = entry().to_bytes().unwrap();
    let mut long = opened();
    long[0].text = Some("x".repeat(TEXT_BYTES_MAX + 1));
    assert!(matches!(verdict(&write(&bytes, &long, 2, ORIGIN)), Err(Error::TooLong { .. })));
    let hashes = write(&bytes, &[], 2, ORIGIN).replacen(
        "index 2\n",
        &format!("index 2\n{}", format!("{}\n", Hash::ZERO.to_base64()).repeat(64)),
        1,
    );
    assert_eq!(verdict(&hashes).unwrap_err().class(), Class::Malformed);
    assert!(matches!(verdict(&"x".repeat(crate::proof::PROOF_BYTES_MAX + 1)), Err(Error::TooLong { .. })));
}
