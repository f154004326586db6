//! Tests of notes: published examples, another implementation, rotation, and everything that must be refused.

use super::*;
use signed_note::{StandardSigner, StandardVerifier, VerifierList};

const TEXT: &str = "lww.example/acme/1\n0\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n";

fn signer(seed: u8) -> NoteSigner {
    NoteSigner::from_seed("lww.example/acme/1", &[seed; 32]).unwrap()
}

fn key(seed: u8) -> VerifierKey {
    signer(seed).verifier_key().clone()
}

fn signed() -> Note {
    Note::new(TEXT.to_owned(), vec![signer(1).sign(TEXT)]).unwrap()
}

#[test]
fn gos_example_note_verifies() {
    let key = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW".parse::<VerifierKey>().unwrap();
    let note = "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n\n\
        \u{2014} PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n";
    let parsed = Note::parse(note.as_bytes()).unwrap();
    assert_eq!(parsed.verify(std::slice::from_ref(&key), "PeterNeumann").unwrap(), [&key]);
    assert_eq!(parsed.to_string(), note);
    assert_eq!(key.to_string().parse::<VerifierKey>().unwrap(), key);
}

#[test]
fn another_implementation_verifies_our_notes_and_we_verify_its() {
    let ours = signed();
    let theirs = StandardVerifier::new(&key(1).to_string()).unwrap();
    let mut note = signed_note::Note::from_bytes(ours.to_string().as_bytes()).unwrap();
    assert_eq!(note.verify(&VerifierList::new(vec![Box::new(theirs)])).unwrap().0.len(), 1);

    let skey = format!(
        "PRIVATE+KEY+lww.example/acme/1+{:08x}+{}",
        u32::from_be_bytes(key(1).id()),
        STANDARD.encode([[Signs::Notes as u8].as_slice(), &[1; 32]].concat())
    );
    let their_signer = StandardSigner::new(&skey).unwrap();
    note.add_sigs(&[&their_signer]).unwrap();
    assert_eq!(String::from_utf8(note.to_bytes()).unwrap(), ours.to_string());
}

#[test]
fn unknown_lines_are_ignored_and_a_rotation_has_two() {
    let mut note = signed();
    for seed in 2..18 {
        note = note.with_signature(signer(seed).sign(TEXT)).unwrap();
    }
    let note = Note::parse(note.to_string().as_bytes()).unwrap();
    assert_eq!(note.signatures().len(), 17);
    assert_eq!(note.verify(&[key(1)], "lww.example/acme/1").unwrap().len(), 1);
    assert_eq!(note.verify(&[key(1), key(9)], "lww.example/acme/1").unwrap().len(), 2);
    assert!(matches!(note.verify(&[key(99)], "lww.example/acme/1"), Err(Error::Unsigned { .. })));
    assert!(matches!(note.verify(&[key(1)], "other.example/acme/1"), Err(Error::Unsigned { .. })));
    assert!(note.verify(&[], "lww.example/acme/1").is_err());
}

#[test]
fn a_wrong_signature_of_a_trusted_key_spoils_the_note() {
    let mut bad = signer(2).sign(TEXT);
    bad.signature[5] ^= 1;
    let note = signed().with_signature(bad).unwrap();
    assert!(note.verify(&[key(1)], "lww.example/acme/1").is_ok(), "of an unknown key it is ignored");
    assert!(matches!(note.verify(&[key(1), key(2)], "lww.example/acme/1"), Err(Error::BadSignature { .. })));
}

#[test]
fn every_flipped_byte_is_caught() {
    let bytes = signed().to_string().into_bytes();
    for at in 0..bytes.len() {
        for flip in [1, 0x20, 0x80, 0xff] {
            let mut other = bytes.clone();
            other[at] ^= flip;
            let verdict = Note::parse(&other).and_then(|note| note.verify(&[key(1)], "lww.example/acme/1").map(|_| ()));
            assert!(verdict.is_err(), "byte {at} ^ {flip:#x}");
        }
    }
}

#[test]
fn what_is_not_a_note_is_refused() {
    let good = signed().to_string();
    Note::parse(good.as_bytes()).unwrap();
    for (what, note) in [
        ("empty", String::new()),
        ("text only", TEXT.to_owned()),
        ("no signature", format!("{TEXT}\n")),
        ("no last line break", good.trim_end().to_owned()),
        ("trailing empty line", format!("{good}\n")),
        ("control character", good.replacen("0\n", "0\t\n", 1)),
        ("carriage return", good.replace('\n', "\r\n")),
        ("plain dash", good.replace('\u{2014}', "-")),
        ("signature of four bytes", format!("{TEXT}\n\u{2014} a AAAAAA==\n")),
        ("no name", format!("{TEXT}\n\u{2014}  AAAAAAAA\n")),
        ("name with plus", format!("{TEXT}\n\u{2014} a+b AAAAAAAA\n")),
        ("not base64", format!("{TEXT}\n\u{2014} a AAAAAAA!\n")),
        ("too many lines", format!("{TEXT}\n{}", "\u{2014} a AAAAAAAA\n".repeat(SIGNATURES_MAX + 1))),
        ("too long", "x".repeat(NOTE_BYTES_MAX + 1)),
    ] {
        assert!(Note::parse(note.as_bytes()).is_err(), "{what}");
    }
    assert!(Note::parse(b"\xff\n\n").is_err());
    Note::parse(format!("{TEXT}\n{}", "\u{2014} a AAAAAAAA\n".repeat(SIGNATURES_MAX)).as_bytes()).unwrap();
}

#[test]
fn keys_are_refused_unless_name_id_and_key_agree() {
    let good = key(1).to_string();
    for bad in [
        String::new(),
        good.replacen("acme", "acmd", 1),
        good.replacen("lww", "l w", 1),
        good.replacen('+', "-", 1),
        good.to_uppercase(),
        format!("{good}AAAA"),
        format!("{good}\n"),
        "+00000000+AQ==".to_owned(),
    ] {
        assert!(bad.parse::<VerifierKey>().is_err(), "{bad}");
    }
}
