//! Changes of a log's key inside a whole log: followed where the old key agreed, refused and named where anything is forged.

use crate::common::{Log, ORIGIN, keys, log_signer, signer};
use lww_audit::entry::{Detail, Object};
use lww_audit::fsck::{Finding, Summary, check};
use lww_audit::{
    Checkpoint, Class, EntryIndex, NoteSigner, Rotation, SignedCheckpoint, TileDir, TileWriter, VerifierKey,
};
use std::path::Path;

const SIZE: u64 = 12;
const FIRST: u64 = 6;
const SECOND: u64 = 9;

fn successor(seed: u8) -> NoteSigner {
    signer(ORIGIN, seed)
}

/// The detail of an entry that records a change.
fn changed(statement: String, previous: Option<u64>) -> Detail {
    let previous = previous.map_or(Detail::Null, |index| Detail::Int(i64::try_from(index).unwrap()));
    let members = [
        ("purpose", Detail::String("log".to_owned())),
        ("statement", Detail::String(statement)),
        ("previous", previous),
    ];
    Detail::Object(members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect::<Object>())
}

fn statement(tree: Checkpoint, old: &NoteSigner, new: &NoteSigner) -> String {
    Rotation::sign(tree, old, new).unwrap().note().to_string()
}

/// A log that begins under the log's key and whose entries FIRST and SECOND say these things of keys.
fn log_with(first: &Detail, second: &Detail) -> Log {
    let opening = changed_object([("key", keys()[0].to_string())]);
    Log::changed(SIZE, |entry| {
        let (kind, detail) = match entry.seq.0 {
            0 => ("generation.opened/1", &opening),
            FIRST => ("key.rotated/1", first),
            SECOND => ("key.rotated/1", second),
            _ => return,
        };
        (entry.kind, entry.detail) = (kind.parse().unwrap(), detail.clone());
    })
}

fn changed_object<const N: usize>(members: [(&str, String); N]) -> Detail {
    let members = members.into_iter().map(|(name, value)| (name.to_owned(), Detail::String(value)));
    Detail::Object(members.collect::<Object>())
}

/// The log up to an entry, whose tree a statement may name.
fn tree(log: &Log, size: u64) -> Checkpoint {
    log.checkpoint(size)
}

/// Two good changes: to key 21, then to key 22.
fn good() -> (Detail, Detail) {
    let nothing = Detail::Null;
    let before = log_with(&nothing, &nothing);
    let first = changed(statement(tree(&before, FIRST), &log_signer(), &successor(21)), None);
    let between = log_with(&first, &nothing);
    let second = changed(statement(tree(&between, SECOND - 1), &successor(21), &successor(22)), Some(FIRST));
    (first, second)
}

/// Publishes a log under a key.
fn write(log: &Log, directory: &Path, by: &NoteSigner) {
    let mut writer = TileWriter::open(directory).unwrap();
    for entry in &log.entries {
        writer.append(entry).unwrap();
    }
    writer.publish(&SignedCheckpoint::sign(log.checkpoint(SIZE), &[by]).unwrap()).unwrap();
}

/// Publishes a log under a key, and checks it against another.
fn checked(log: &Log, by: &NoteSigner, trusted: &VerifierKey) -> Result<Summary, Box<Finding>> {
    let home = tempfile::tempdir().unwrap();
    write(log, home.path(), by);
    check(&TileDir::open(home.path()), std::slice::from_ref(trusted), &mut |_| {})
}

fn refused(first: &Detail, second: &Detail, class: Class, at: u64, says: &str) {
    let found = checked(&log_with(first, second), &successor(22), successor(22).verifier_key()).unwrap_err();
    assert_eq!((found.error.class(), found.entry), (class, Some(EntryIndex(at))), "{says}: {}", found.error);
    assert!(found.error.to_string().contains(says), "{says}: {}", found.error);
}

#[test]
fn a_log_whose_key_changed_twice_verifies_under_the_newest() {
    let (first, second) = good();
    let log = log_with(&first, &second);
    let summary = checked(&log, &successor(22), successor(22).verifier_key()).unwrap();
    assert_eq!(summary.signers, [successor(22).verifier_key().clone()]);
    let found = checked(&log, &successor(22), &keys()[0]).unwrap_err();
    assert_eq!(found.error.class(), Class::BadSignature, "the first key alone says nothing of the third");
}

#[test]
fn a_change_that_the_key_before_did_not_agree_to_is_named() {
    let (first, second) = good();
    let log = log_with(&first, &second);
    let by_stranger = changed(statement(tree(&log, FIRST), &successor(30), &successor(31)), None);
    refused(&by_stranger, &second, Class::ChainBreak, FIRST, "old key");
    let by_the_first = changed(statement(tree(&log, SECOND - 1), &log_signer(), &successor(22)), Some(FIRST));
    refused(&first, &by_the_first, Class::ChainBreak, SECOND, "old key");
    let unsigned = statement(tree(&log, FIRST), &log_signer(), &successor(21));
    let mut lines: Vec<&str> = unsigned.lines().collect();
    lines.pop();
    let alone = changed(format!("{}\n", lines.join("\n")), None);
    refused(&alone, &second, Class::BadSignature, FIRST, "");
    let forged =
        unsigned.replacen(&successor(21).verifier_key().to_string(), &successor(22).verifier_key().to_string(), 1);
    refused(&changed(forged, None), &second, Class::BadSignature, FIRST, "");
}

#[test]
fn a_change_over_a_tree_that_the_log_never_had_is_named() {
    let (first, second) = good();
    let log = log_with(&first, &second);
    let elsewhere = Checkpoint { root: tree(&log, 3).root, ..tree(&log, FIRST) };
    let later = tree(&log, FIRST + 1);
    for tree in [elsewhere, later] {
        let lie = changed(statement(tree, &log_signer(), &successor(21)), None);
        refused(&lie, &second, Class::ChainBreak, FIRST, "tree");
    }
}

#[test]
fn a_change_that_hides_the_one_before_is_named() {
    let (first, _) = good();
    let between = log_with(&first, &Detail::Null);
    for previous in [None, Some(FIRST - 1), Some(SECOND)] {
        let hiding = changed(statement(tree(&between, SECOND), &successor(21), &successor(22)), previous);
        refused(&first, &hiding, Class::ChainBreak, SECOND, "previous");
    }
    refused(&changed_object([("purpose", "log".to_owned())]), &Detail::Null, Class::Malformed, FIRST, "no statement");
}

/// `lww-verify --rotation` trusts what the old key says, in its order.
#[test]
fn the_program_follows_statements_from_the_key_on_paper() {
    let (first, second) = good();
    let log = log_with(&first, &second);
    let home = tempfile::tempdir().unwrap();
    let tiles = home.path().join("tiles");
    write(&log, &tiles, &successor(22));
    let file = |name: &str, text: &str| {
        let path = home.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    };
    let note = |detail: &Detail| match detail {
        Detail::Object(fields) => match &fields["statement"] {
            Detail::String(statement) => statement.clone(),
            other => panic!("{other:?}"),
        },
        other => panic!("{other:?}"),
    };
    let vkey = file("vkey", &keys()[0].to_string());
    let (one, two) = (file("1.rotation", &note(&first)), file("2.rotation", &note(&second)));
    let fsck = |rotations: &[&Path]| {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_lww-verify"));
        command.args(["fsck", "--vkey"]).arg(&vkey).arg(&tiles);
        for path in rotations {
            command.arg("--rotation").arg(path);
        }
        command.output().unwrap().status.code()
    };
    assert_eq!(fsck(&[&one, &two]), Some(0));
    assert_eq!(fsck(&[]), Some(12));
    assert_eq!(fsck(&[&one]), Some(12));
    assert_eq!(fsck(&[&two, &one]), Some(12), "out of order nobody trusted has spoken");
    let spoilt = file("3.rotation", &note(&second).replacen("lww-key-rotation@v1", "lww-key-rotation@v9", 1));
    assert_eq!(fsck(&[&one, &spoilt]), Some(11));
    assert_eq!(fsck(&[&home.path().join("nowhere")]), Some(3));
}
