//! The second tree and the SM2 signature: what whoever relies on national algorithms can find out of a log, and what is refused.
#![cfg(test)]

mod common;

use common::{Log, ORIGIN, keys, log_signer};
use lww_audit::entry::Detail;
use lww_audit::export::{Request, gather};
use lww_audit::fsck::{Finding, PURPOSE, Shadow, check, check_shadow};
use lww_audit::merkle::{
    FrontierOf, Sm3, TreeHash as _, consistency_path, inclusion_path, root_at, verify_inclusion_of,
};
use lww_audit::tile::{Part, SHADOW, TilePath};
use lww_audit::{
    Class, Entry, EntryIndex, Hash, ShadowDir, ShadowWriter, SignedCheckpoint, Sm2Signer, TileDir, TileWriter, TreeSize,
};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The entry that names the key.
const NAMING: u64 = 4;

fn sm2(byte: u8) -> Sm2Signer {
    Sm2Signer::from_bytes(ORIGIN, &[byte; 32]).unwrap()
}

/// A log one of whose entries names the SM2 key 7.
fn log(count: u64) -> Log {
    Log::changed(count, |entry| {
        if entry.seq.0 == NAMING {
            let fingerprint = sm2(7).key().fingerprint().to_string();
            let fields = [("purpose", PURPOSE.to_owned()), ("fingerprint", fingerprint)];
            entry.kind = "key.created/1".parse().unwrap();
            entry.content = None;
            entry.detail = Detail::Object(
                fields.into_iter().map(|(name, value)| (name.to_owned(), Detail::String(value))).collect(),
            );
        }
    })
}

fn sm3_root(log: &Log, size: u64) -> Hash {
    let mut tree = FrontierOf::<Sm3>::empty();
    log.entries[..usize::try_from(size).unwrap()].iter().for_each(|entry| tree.push(Sm3::leaf(entry)));
    tree.root()
}

/// The checkpoint of a size, signed by the log and by an SM2 key over this root.
fn cosigned(log: &Log, size: u64, byte: u8, root: &Hash) -> SignedCheckpoint {
    let signed = log.signed(size);
    let line = sm2(byte).cosign(signed.unverified(), root).unwrap();
    let lines = signed.note().signatures().iter().cloned().chain([line]).collect();
    SignedCheckpoint::with_signatures(signed.unverified().clone(), lines).unwrap()
}

/// Publishes a size as the server does: both trees, the checkpoint, then what isn't needed any more goes.
fn publish(log: &Log, tiles: &mut TileWriter, shadow: &mut ShadowWriter, size: u64) {
    for n in tiles.size().0..size {
        let entry = &log.entries[usize::try_from(n).unwrap()];
        tiles.append(entry).unwrap();
        shadow.append(entry).unwrap();
    }
    assert_eq!(shadow.root(), sm3_root(log, size));
    shadow.prepare().unwrap();
    tiles.publish(&cosigned(log, size, 7, &shadow.root())).unwrap();
    shadow.settle().unwrap();
}

fn written(log: &Log, sizes: &[u64]) -> tempfile::TempDir {
    let home = tempfile::tempdir().unwrap();
    let (mut tiles, mut shadow) = (TileWriter::open(home.path()).unwrap(), ShadowWriter::open(home.path()).unwrap());
    for size in sizes {
        publish(log, &mut tiles, &mut shadow, *size);
    }
    home
}

fn files(directory: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut open = vec![directory.to_owned()];
    while let Some(next) = open.pop() {
        for file in fs::read_dir(next).unwrap() {
            let path = file.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else {
                found.insert(path.strip_prefix(directory).unwrap().to_owned(), fs::read(&path).unwrap());
            }
        }
    }
    found
}

fn checked(home: &Path, byte: u8) -> Result<Option<Shadow>, Box<Finding>> {
    let directory = TileDir::open(home);
    let summary = check(&directory, &keys(), &mut |_| {}).unwrap();
    check_shadow(&directory, &summary, &[sm2(byte).key().clone()], &mut |_| {})
}

#[test]
fn the_second_tree_has_exactly_the_hash_tiles_of_the_published_size() {
    let log = log(700);
    for sizes in [&[3, 256, 600][..], &[600], &[5, 600, 700], &[0, 1, 300, 512, 700]] {
        let home = written(&log, sizes);
        let size = TreeSize(*sizes.last().unwrap());
        let expected = Part::all(size).filter(|part| *part != Part::Entries).flat_map(|part| {
            (0..part.count(size).div_ceil(256)).filter_map(move |index| TilePath::in_tree(part, index, size))
        });
        let expected: Vec<PathBuf> = expected.map(|tile| tile.to_string().into()).collect();
        let mut found: Vec<PathBuf> = files(&home.path().join(SHADOW)).into_keys().collect();
        found.sort();
        let mut expected = expected;
        expected.sort();
        assert_eq!(found, expected, "{sizes:?}");
        check(&TileDir::open(home.path()), &keys(), &mut |_| {}).unwrap();
    }
}

#[test]
fn entries_are_proven_in_the_second_tree_from_its_files_alone() {
    let log = log(777);
    let home = written(&log, &[777]);
    let (shadow, size, root) = (ShadowDir::open(home.path()), TreeSize(777), sm3_root(&log, 777));
    assert_eq!(root_at(&shadow.tree(size), size).unwrap(), root);
    for n in [0, 1, 255, 256, 511, 512, 776] {
        let path = inclusion_path(&shadow.tree(size), EntryIndex(n), size).unwrap();
        let leaf = Sm3::leaf(&log.entries[usize::try_from(n).unwrap()]);
        verify_inclusion_of::<Sm3>(&leaf, EntryIndex(n), size, &path, &root).unwrap();
        let other = Sm3::leaf(b"another");
        assert!(verify_inclusion_of::<Sm3>(&other, EntryIndex(n), size, &path, &root).is_err());
        assert!(lww_audit::merkle::verify_inclusion(&leaf, EntryIndex(n), size, &path, &root).is_err());
        assert_eq!(root_at(&shadow.tree(size), TreeSize(n)).unwrap(), sm3_root(&log, n));
        consistency_path(&shadow.tree(size), TreeSize(n), size).unwrap();
    }
    // Whatever earlier size a tool asks for is cut out; bundles are the log's own.
    for (tile, bytes) in [
        ("tile/0/000.p/3", Some(96)),
        ("tile/0/003.p/9", Some(288)),
        ("tile/1/000.p/3", Some(96)),
        ("tile/0/003.p/10", None),
        ("tile/entries/000", None),
        ("tile/2/000.p/1", None),
    ] {
        let found = shadow.published(tile.parse().unwrap()).unwrap();
        assert_eq!(found.map(|bytes| bytes.len()), bytes, "{tile}");
    }
}

#[test]
fn a_second_tree_goes_on_where_it_was_and_is_made_again_where_it_is_not_what_was_signed() {
    let log = log(700);
    let home = written(&log, &[300, 520]);
    let before = files(&home.path().join(SHADOW));
    assert_eq!(ShadowWriter::open(home.path()).unwrap().root(), sm3_root(&log, 520));
    assert_eq!(files(&home.path().join(SHADOW)), before, "nothing is written again");
    let shadow = home.path().join(SHADOW);
    let damages: [&dyn Fn(); 4] = [
        &|| fs::remove_dir_all(&shadow).unwrap(),
        &|| fs::remove_file(shadow.join("tile/0/001")).unwrap(),
        &|| fs::write(shadow.join("tile/0/000"), vec![0; 8192]).unwrap(),
        // A log that had no second tree so far.
        &|| {
            fs::remove_dir_all(&shadow).unwrap();
            fs::write(home.path().join("checkpoint"), log.signed(520).to_string()).unwrap();
        },
    ];
    for (n, damage) in damages.into_iter().enumerate() {
        damage();
        let (mut tiles, mut again) = (TileWriter::open(home.path()).unwrap(), ShadowWriter::open(home.path()).unwrap());
        assert_eq!(again.size(), TreeSize(520), "damage {n}");
        publish(&log, &mut tiles, &mut again, 520);
        assert_eq!(files(&shadow), before, "damage {n}");
    }
    // What a crash leaves behind a preparation goes with the next opening.
    let (mut tiles, mut again) = (TileWriter::open(home.path()).unwrap(), ShadowWriter::open(home.path()).unwrap());
    for entry in &log.entries[520..530] {
        again.append(entry).unwrap();
    }
    again.prepare().unwrap();
    assert_ne!(files(&shadow), before);
    drop(again);
    fs::write(shadow.join("tile/0/003.tmp"), b"torn").unwrap();
    let mut again = ShadowWriter::open(home.path()).unwrap();
    assert_eq!(files(&shadow), before);
    publish(&log, &mut tiles, &mut again, 700);
    assert_eq!(checked(home.path(), 7).unwrap().unwrap().root, sm3_root(&log, 700));
}

#[test]
fn a_whole_scan_recomputes_the_signed_root_and_finds_the_entry_that_names_the_key() {
    let log = log(600);
    let home = written(&log, &[600]);
    let shadow = checked(home.path(), 7).unwrap().unwrap();
    assert_eq!((shadow.root, shadow.keys), (sm3_root(&log, 600), vec![(sm2(7).key().clone(), EntryIndex(NAMING))]));
    // A copy that was fetched without the second tree's tiles verifies as well.
    fs::remove_dir_all(home.path().join(SHADOW)).unwrap();
    checked(home.path(), 7).unwrap().unwrap();
}

#[test]
fn a_missing_signature_another_root_and_a_key_that_nothing_names_are_each_refused() {
    let refused = |log: &Log, signed: &SignedCheckpoint, byte: u8| {
        let home = tempfile::tempdir().unwrap();
        log.write(home.path());
        fs::write(home.path().join("checkpoint"), signed.to_string()).unwrap();
        checked(home.path(), byte).unwrap_err().error.class()
    };
    let (log, size) = (log(300), 300);
    let root = sm3_root(&log, size);
    assert_eq!(refused(&log, &log.signed(size), 7), Class::National, "no signature");
    assert_eq!(refused(&log, &cosigned(&log, size, 7, &root), 8), Class::National, "another key's");
    assert_eq!(refused(&log, &cosigned(&log, size, 7, &sm3_root(&log, 299)), 7), Class::National, "another root");
    assert_eq!(refused(&log, &cosigned(&log, size, 8, &root), 8), Class::National, "a key that another's entry names");
    let silent = Log::new(size);
    let signed = cosigned(&silent, size, 7, &sm3_root(&silent, size));
    assert_eq!(refused(&silent, &signed, 7), Class::National, "a key that no entry names");
    let line = sm2(7).cosign(log.signed(299).unverified(), &root).unwrap();
    let lines = log.signed(size).note().signatures().iter().cloned().chain([line]).collect();
    let of_another_size = SignedCheckpoint::with_signatures(log.checkpoint(size), lines).unwrap();
    assert_eq!(refused(&log, &of_another_size, 7), Class::BadSignature);
}

#[test]
fn a_changed_or_missing_tile_of_the_second_tree_is_named() {
    let home = written(&log(600), &[600]);
    for (name, bytes) in files(&home.path().join(SHADOW)) {
        let path = home.path().join(SHADOW).join(&name);
        let mut bad = bytes.clone();
        bad[17] ^= 1;
        fs::write(&path, bad).unwrap();
        let finding = checked(home.path(), 7).unwrap_err();
        assert_eq!((finding.file, finding.error.class()), (path.clone(), Class::BadProof), "{}", name.display());
        fs::remove_file(&path).unwrap();
        assert_eq!(checked(home.path(), 7).unwrap_err().error.class(), Class::Gap, "{}", name.display());
        fs::write(&path, bytes).unwrap();
    }
    checked(home.path(), 7).unwrap();
}

struct Told {
    code: Option<i32>,
    text: String,
}

fn verify(home: &Path, arguments: &[&str]) -> Told {
    let program = Path::new(env!("CARGO_BIN_EXE_lww-verify"));
    let output = Command::new(program).args(arguments).current_dir(home).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap() + &String::from_utf8(output.stderr).unwrap();
    Told { code: output.status.code(), text }
}

#[test]
fn the_program_takes_both_kinds_of_keys_and_never_calls_valid_what_it_did_not_check() {
    let log = log(300);
    let home = written(&log, &[300]);
    let at = home.path();
    fs::write(at.join("vkey"), format!("# the sheet\n{}\n{}\n", keys()[0], sm2(7).key())).unwrap();
    fs::write(at.join("ed25519"), format!("{}\n", keys()[0])).unwrap();
    fs::write(at.join("other"), format!("{}\n{}\n", keys()[0], sm2(8).key())).unwrap();
    let root = sm3_root(&log, 300).to_string();
    let told = verify(at, &["fsck", "--vkey", "vkey", "."]);
    assert_eq!(told.code, Some(0), "{}", told.text);
    assert!(
        told.text.contains(&format!("sm3 root     {root}")) && told.text.contains("named by entry 4"),
        "{}",
        told.text
    );
    let told = verify(at, &["fsck", "--json", "--vkey", "vkey", "."]);
    assert!(told.text.contains(&format!("\"sm3_root\":\"{root}\"")), "{}", told.text);
    // Without the SM2 key its line is told of, and vouches for nothing.
    let told = verify(at, &["fsck", "--vkey", "ed25519", "."]);
    assert_eq!(told.code, Some(0), "{}", told.text);
    assert!(told.text.contains("present, not checked") && !told.text.contains(&root), "{}", told.text);
    let told = verify(at, &["fsck", "--vkey", "other", "."]);
    assert_eq!(told.code, Some(25), "{}", told.text);
    assert!(told.text.contains("[national, exit code 25]"), "{}", told.text);
    for subcommand in [
        &["sample", "--nonce", "dice 4 6 1 3", "--count", "3", "checkpoint"][..],
        &["consistency", "--tiles", ".", "checkpoint", "checkpoint"],
    ] {
        let (name, rest) = subcommand.split_first().unwrap();
        let with = |keys| verify(at, &[&[*name, "--vkey", keys], rest].concat());
        assert_eq!(with("vkey").code, Some(0), "{}", with("vkey").text);
        assert!(with("vkey").text.contains(&format!("verified, states {root}")));
        assert_eq!(with("other").code, Some(25), "{}", with("other").text);
    }
    // A receipt is signed before that.
    fs::write(at.join("r.tlog-proof"), log.receipt(8, 300)).unwrap();
    assert_eq!(verify(at, &["proof", "--vkey", "vkey", "r.tlog-proof"]).code, Some(25));
    assert_eq!(verify(at, &["proof", "--vkey", "ed25519", "r.tlog-proof"]).code, Some(0));
}

#[test]
fn a_package_of_the_whole_log_comes_to_the_signed_sm3_root() {
    let log = log(40);
    let make = |home: &Path, root: &Hash, range: &str| {
        log.write(home);
        fs::write(home.join("checkpoint"), cosigned(&log, 40, 7, root).to_string()).unwrap();
        let tiles = TileDir::open(home);
        let request = Request {
            scopes: vec![range.parse().unwrap()],
            made: "2026-01-06T00:00:00.000000Z".parse().unwrap(),
            checkpoint: tiles.checkpoint().unwrap().unwrap(),
            staff: BTreeMap::new(),
            policies: Vec::new(),
            bytes_max: u64::MAX,
        };
        let mut open = |_: &Entry| Ok(Vec::new());
        let draft = gather(&home.join("package"), &tiles, &request, &mut open).unwrap();
        let signature = log_signer().sign(draft.text());
        draft.sign(vec![signature]).unwrap();
        fs::write(home.join("vkey"), format!("{}\n{}\n", keys()[0], sm2(7).key())).unwrap();
        verify(home, &["export", "--vkey", "vkey", "package"])
    };
    let whole = "range 2026-01-05T00:00:00.000000Z 2026-01-06T00:00:00.000000Z";
    let (root, home) = (sm3_root(&log, 40), tempfile::tempdir().unwrap());
    let told = make(home.path(), &root, whole);
    assert_eq!(told.code, Some(0), "{}", told.text);
    assert!(told.text.contains(&format!("sm3 root     {root}")), "{}", told.text);
    let home = tempfile::tempdir().unwrap();
    let told = make(home.path(), &Hash::ZERO, whole);
    assert_eq!(told.code, Some(25), "{}", told.text);
    // Of a part nothing can be recomputed, and nothing is said to be.
    let home = tempfile::tempdir().unwrap();
    let told = make(home.path(), &root, "range 2026-01-05T01:00:12.345670Z 2026-01-05T01:00:14.814804Z");
    assert_eq!(told.code, Some(0), "{}", told.text);
    assert!(!told.text.contains("sm3 root"), "{}", told.text);
}
