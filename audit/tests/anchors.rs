//! Time stamps and the brackets that they make: what holds is told, and what of one doesn't is named.
#![cfg(test)]

#[path = "common/authority.rs"]
mod authority;
mod common;

use authority::{Authority, Flaw, STAMPED, Usage};
use common::{Log, ORIGIN, keys};
use lww_audit::anchor::{AnchorReceipt, Form, KIND, RECEIPT_BYTES_MAX};
use lww_audit::bracket::{Bracket, Proven, in_log};
use lww_audit::entry::{Detail, Entry};
use lww_audit::error::{AnchorFault, Class, Error};
use lww_audit::timestamp::{Authorities, Query, verify};
use lww_audit::{Checkpoint, EntryIndex, Hash, TileDir, TreeSize, fsck};
use proptest::prelude::*;
use std::fs;
use std::path::Path;
use std::process::Command;

const NONCE: [u8; 16] = [0xa5; 16];

fn imprint() -> Hash {
    Log::new(9).checkpoint(9).imprint()
}

fn trusting(authority: &Authority) -> Authorities {
    Authorities::parse(authority.root.as_bytes()).unwrap()
}

fn fault(error: &Error) -> &'static str {
    assert_eq!((error.class(), error.class().exit_code()), (Class::BadAnchor, 24), "{error}");
    let Error::BadAnchor { fault } = error else { panic!("{error}") };
    fault.word()
}

#[test]
fn a_stamp_says_when_and_by_whom_and_both_ways_to_name_a_certificate_count() {
    for is_old in [false, true] {
        let authority = Authority { is_old, ..Authority::new("TSA one") };
        let query = Query::new(imprint(), NONCE);
        let answer = authority.answer(&query.to_der().unwrap(), Flaw::None);
        let (token, stamp) = query.answered(&answer, &trusting(&authority)).unwrap();
        assert_eq!(stamp.at.to_string(), "2026-01-05T02:00:00.250000Z");
        assert_eq!(stamp.accuracy_us, Some(1_500_000));
        assert_eq!(stamp.before().to_string(), "2026-01-05T02:00:01.750000Z");
        assert_eq!(stamp.not_before().to_string(), "2026-01-05T01:59:58.750000Z");
        assert_eq!((stamp.serial.as_str(), stamp.policy.as_str()), ("1234", "1.2.3.4"));
        assert!(stamp.signer.contains("TSA one"), "{}", stamp.signer);
        assert_eq!(verify(&token, &imprint(), &trusting(&authority)).unwrap(), stamp);
    }
}

#[test]
fn whatever_is_wrong_with_an_answer_is_named() {
    let authority = Authority::new("TSA one");
    let query = Query::new(imprint(), NONCE);
    let asked = query.to_der().unwrap();
    for (flaw, word) in [
        (Flaw::Imprint, "imprint"),
        (Flaw::Nonce, "nonce"),
        (Flaw::NoNonce, "nonce"),
        (Flaw::Digest, "attributes"),
        (Flaw::OtherCertificate, "attributes"),
        (Flaw::NoCertificateNamed, "attributes"),
        (Flaw::NotSent, "certificate"),
        (Flaw::Signature, "signature"),
        (Flaw::Late, "expired"),
        (Flaw::Refused, "status"),
        (Flaw::Empty, "malformed"),
    ] {
        let error = query.answered(&authority.answer(&asked, flaw), &trusting(&authority)).unwrap_err();
        assert_eq!(fault(&error), word, "{flaw:?}");
    }
    let refused = query.answered(&authority.answer(&asked, Flaw::Refused), &trusting(&authority)).unwrap_err();
    assert!(refused.to_string().contains("badAlg"), "{refused}");
    let under = query.under("1.2.3.4").unwrap();
    let other = under.answered(&authority.answer(&under.to_der().unwrap(), Flaw::Policy), &trusting(&authority));
    assert_eq!(fault(&other.unwrap_err()), "policy");
}

#[test]
fn a_certificate_that_is_for_more_or_for_nothing_in_particular_and_another_authority_s_are_refused() {
    for (usage, word) in [(Usage::NotCritical, "usage"), (Usage::AndMore, "usage"), (Usage::Absent, "usage")] {
        let authority = Authority::used_for("TSA one", usage);
        let token = authority.token(imprint().as_bytes(), None, STAMPED, Flaw::None);
        assert_eq!(fault(&verify(&token, &imprint(), &trusting(&authority)).unwrap_err()), word, "{usage:?}");
    }
    let (one, other) = (Authority::new("TSA one"), Authority::new("TSA one"));
    let token = one.token(imprint().as_bytes(), None, STAMPED, Flaw::None);
    assert_eq!(fault(&verify(&token, &imprint(), &trusting(&other)).unwrap_err()), "untrusted");
    assert_eq!(fault(&verify(&token, &imprint(), &Authorities::default()).unwrap_err()), "untrusted");
    let both = trusting(&other).and(trusting(&one));
    assert!(verify(&token, &imprint(), &both).is_ok());
}

#[test]
fn no_changed_byte_of_a_token_goes_unnoticed_but_of_the_certificate_s_signature() {
    let authority = Authority::new("TSA one");
    let token = authority.token(imprint().as_bytes(), None, STAMPED, Flaw::None);
    let trusted = trusting(&authority);
    let good = verify(&token, &imprint(), &trusted).unwrap();
    for at in 0..token.len() {
        let mut changed = token.clone();
        changed[at] ^= 1;
        // Two numbers of versions are not signed, and decide nothing: whoever changes them has changed nothing that is told.
        if let Ok(stamp) = verify(&changed, &imprint(), &trusted) {
            assert_eq!(stamp, good, "byte {at}");
        }
    }
    for cut in 0..token.len() {
        verify(&token[..cut], &imprint(), &trusted).unwrap_err();
    }
    verify(&[&token[..], b"0"].concat(), &imprint(), &trusted).unwrap_err();
}

#[test]
fn authorities_are_read_from_pem_or_der_and_nothing_else() {
    let (one, other) = (Authority::new("one"), Authority::new("other"));
    assert!(Authorities::parse(format!("{}\n{}", one.root, other.root).as_bytes()).is_ok());
    for bad in ["", "hello", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"] {
        assert_eq!(Authorities::parse(bad.as_bytes()).unwrap_err().class(), Class::Malformed, "{bad}");
    }
    let many = one.root.repeat(65);
    assert_eq!(Authorities::parse(many.as_bytes()).unwrap_err().class(), Class::Malformed);
}

proptest! {
    #![proptest_config(ProptestConfig {
        failure_persistence: None,
        rng_seed: proptest::test_runner::RngSeed::Fixed(3161),
        ..ProptestConfig::default()
    })]

    #[test]
    fn no_bytes_make_the_reader_of_tokens_fall_over(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
        let _refused = verify(&bytes, &Hash::ZERO, &Authorities::default());
        let _refused = Query::new(Hash::ZERO, NONCE).answered(&bytes, &Authorities::default());
        let _refused = Authorities::parse(&bytes);
    }
}

/// Puts a receipt for the first `size` entries into entry `at`.
fn receipt_in(entry: &mut Entry, at: u64, receipt: &AnchorReceipt) {
    if entry.seq.0 == at {
        entry.kind = KIND.parse().unwrap();
        entry.chains.clear();
        entry.detail = receipt.detail();
        (entry.conversation, entry.subject, entry.channel, entry.content, entry.policy) =
            (None, None, None, None, None);
    }
}

fn receipt(authority: &Authority, anchor: &str, checkpoint: Checkpoint, time: &str) -> AnchorReceipt {
    let receipt = authority.token(checkpoint.imprint().as_bytes(), None, time, Flaw::None);
    AnchorReceipt { anchor: anchor.to_owned(), form: Form::Rfc3161, checkpoint, receipt }
}

/// A log of 300 entries with two receipts: in entry 20 for the first 15, in entry 100 for the first 90.
fn anchored(authority: &Authority, change: impl Fn(&mut AnchorReceipt)) -> Log {
    let first = receipt(authority, "tsa-one", Log::new(15).checkpoint(15), "20260105010200Z");
    let with_first = |entry: &mut Entry| receipt_in(entry, 20, &first);
    let mut second = receipt(authority, "tsa-one", Log::changed(90, with_first).checkpoint(90), "20260105011000Z");
    change(&mut second);
    Log::changed(300, |entry| {
        receipt_in(entry, 20, &first);
        receipt_in(entry, 100, &second);
    })
}

fn in_folder(log: &Log, folder: &Path) -> TileDir {
    log.write(folder);
    TileDir::open(folder)
}

#[test]
fn an_entry_is_between_the_receipt_before_it_and_the_first_that_covers_it() {
    let (authority, home) = (Authority::new("TSA one"), tempfile::tempdir().unwrap());
    let log = anchored(&authority, |_| {});
    let directory = in_folder(&log, home.path());
    fsck::check(&directory, &keys(), &mut |_| {}).unwrap();
    let found = in_log(&directory, &log.checkpoint(300), &mut |_| {}).unwrap();
    let proven: Vec<_> = found
        .into_iter()
        .map(|one| match one.prove(&trusting(&authority)).unwrap() {
            Proven::Stamp(stamp) => (one, stamp),
            Proven::Chain(_) | Proven::Unknown => panic!("a stamp"),
        })
        .collect();
    assert_eq!(proven.iter().map(|(one, _)| one.entry.0).collect::<Vec<_>>(), [20, 100]);
    let bracket = |index| {
        let bracket = Bracket::of(EntryIndex(index), &proven);
        let before = bracket.before.first().map(|bound| bound.by.entry.0);
        (bracket.not_before.map(|bound| bound.by.entry.0), before)
    };
    assert_eq!(bracket(0), (None, Some(20)));
    assert_eq!(bracket(14), (None, Some(20)));
    assert_eq!(bracket(15), (None, Some(100)), "the receipt covers the first 15 entries, 0 to 14");
    assert_eq!(bracket(20), (None, Some(100)), "a receipt is not before itself");
    assert_eq!(bracket(21), (Some(20), Some(100)));
    assert_eq!(bracket(89), (Some(20), Some(100)));
    assert_eq!(bracket(90), (Some(20), None));
    assert_eq!(bracket(299), (Some(100), None));
}

#[test]
fn a_receipt_for_a_checkpoint_that_the_log_never_had_is_refused_wherever_it_is_met() {
    let authority = Authority::new("TSA one");
    let other_root = |receipt: &mut AnchorReceipt| receipt.checkpoint.root = Hash([9; 32]);
    let too_large = |receipt: &mut AnchorReceipt| receipt.checkpoint.size = TreeSize(101);
    let other_log = |receipt: &mut AnchorReceipt| receipt.checkpoint.origin = "lww.example/other/1".parse().unwrap();
    for change in [other_root as fn(&mut AnchorReceipt), too_large, other_log] {
        let home = tempfile::tempdir().unwrap();
        let log = anchored(&authority, change);
        let directory = in_folder(&log, home.path());
        let finding = in_log(&directory, &log.checkpoint(300), &mut |_| {}).unwrap_err();
        assert_eq!((fault(&finding.error), finding.entry), ("checkpoint", Some(EntryIndex(100))));
        let finding = fsck::check(&directory, &keys(), &mut |_| {}).unwrap_err();
        assert_eq!((fault(&finding.error), finding.entry), ("checkpoint", Some(EntryIndex(100))));
    }
}

#[test]
fn an_entry_of_the_kind_without_its_detail_is_malformed_and_an_unknown_form_proves_nothing() {
    let checkpoint = Log::new(9).checkpoint(9);
    assert_eq!(checkpoint.origin.as_str(), ORIGIN);
    let receipt = |form: Form, receipt: Vec<u8>| AnchorReceipt {
        anchor: "a".to_owned(),
        form,
        checkpoint: checkpoint.clone(),
        receipt,
    };
    let entry = |detail: Detail| {
        let log = Log::changed(10, |entry| {
            if entry.seq.0 == 9 {
                (entry.kind, entry.detail) = (KIND.parse().unwrap(), detail.clone());
            }
        });
        Entry::parse(&log.entries[9]).unwrap()
    };
    let good = receipt(Form::Other("evm".into()), b"receipt".to_vec());
    assert_eq!(AnchorReceipt::read(&entry(good.detail())).unwrap(), Some(good.clone()));
    let Detail::Object(members) = good.detail() else { panic!("an object") };
    for name in members.keys() {
        let mut less = members.clone();
        less.remove(name);
        assert_eq!(AnchorReceipt::read(&entry(Detail::Object(less))).unwrap_err().class(), Class::Malformed, "{name}");
        let mut other = members.clone();
        other.insert(name.clone(), Detail::Int(1));
        assert_eq!(AnchorReceipt::read(&entry(Detail::Object(other))).unwrap_err().class(), Class::Malformed, "{name}");
    }
    let long = receipt(Form::Rfc3161, vec![0; RECEIPT_BYTES_MAX]);
    assert_eq!(AnchorReceipt::read(&entry(long.detail())).unwrap(), Some(long), "the longest fits into an entry");
    let longer = receipt(Form::Rfc3161, vec![0; RECEIPT_BYTES_MAX + 1]);
    assert_eq!(longer.check().unwrap_err().class(), Class::Malformed);
}

#[test]
fn the_verifier_tells_the_bracket_and_refuses_each_receipt_that_does_not_hold() {
    let (authority, home) = (Authority::new("TSA one"), tempfile::tempdir().unwrap());
    anchored(&authority, |_| {}).write(&home.path().join("tiles"));
    fs::write(home.path().join("vkey"), format!("{}\n", keys()[0])).unwrap();
    fs::write(home.path().join("ca.pem"), &authority.root).unwrap();
    fs::write(home.path().join("other.pem"), Authority::new("other").root).unwrap();
    let run = |code: i32, arguments: &[&str]| {
        let program = Command::new(env!("CARGO_BIN_EXE_lww-verify"))
            .args([&["anchors", "--vkey", "vkey", "tiles"][..], arguments].concat())
            .current_dir(home.path())
            .output()
            .unwrap();
        let text = String::from_utf8(program.stdout).unwrap() + &String::from_utf8_lossy(&program.stderr);
        assert_eq!(program.status.code(), Some(code), "{text}");
        text
    };
    let whole = run(0, &["--tsa-ca", "ca.pem"]);
    assert!(
        whole.contains("2026-01-05T01:10:01.500000Z by tsa-one") && whole.contains("the first 90 entries"),
        "{whole}"
    );
    let one = run(0, &["--tsa-ca", "ca.pem", "--entry", "50", "--json"]);
    let one: serde_json::Value = serde_json::from_str(&one).unwrap();
    assert_eq!(one["made_after"]["at"], "2026-01-05T01:01:58.500000Z");
    assert_eq!(one["existed_before"][0]["at"], "2026-01-05T01:10:01.500000Z");
    assert_eq!(one["existed_before"][0]["receipt"], 100);
    let refused = run(24, &["--tsa-ca", "other.pem", "--json"]);
    let first: serde_json::Value = serde_json::from_str(refused.lines().next().unwrap()).unwrap();
    assert_eq!(
        (&first["class"], &first["fault"], &first["entry"]),
        (&"bad_anchor".into(), &"untrusted".into(), &20.into())
    );
    let none = run(0, &["--tsa-ca", "other.pem", "--anchor", "tsa-two"]);
    assert!(none.contains("receipts     0"), "{none}");
    run(13, &["--tsa-ca", "ca.pem", "--entry", "300"]);
    run(2, &[]);
    assert_eq!(AnchorFault::Nonce.word(), "nonce");
}
