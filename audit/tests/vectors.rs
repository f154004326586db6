//! The golden vectors in `vectors/`: made here, compared byte for byte, and then read back as a stranger would.
//!
//! To write them again after a deliberate change of the format: `LWW_WRITE_VECTORS=1 cargo test -p lww-audit --test
//! vectors`. Released vectors are never changed, only added to.
#![cfg(test)]

mod common;
#[path = "common/declared.rs"]
mod declared;
#[path = "common/packaged.rs"]
mod packaged;
#[path = "common/sealed.rs"]
mod sealed;
#[path = "common/stated.rs"]
mod stated;
#[path = "common/witnessed.rs"]
mod witnessed;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use common::{Log, ORIGIN, keys, log_signer, opened, signer};
use lww_audit::entry::{self, Tag};
use lww_audit::merkle::{consistency_path, inclusion_path, leaf_hash, verify_consistency, verify_inclusion};
use lww_audit::{
    Class, Entry, EntryIndex, Error, Hash, Note, Receipt, SignedCheckpoint, TileDir, TreeSize, TrustPolicy,
    VerifierKey, fsck,
};
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use witnessed::{cosigned, policy, witness};

type Files = BTreeMap<String, Vec<u8>>;

fn vectors() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors")
}

fn pretty(value: &Value) -> Vec<u8> {
    format!("{:#}\n", sorted(value)).into_bytes()
}

/// Sorts members by name, whatever order the JSON library was built to keep.
fn sorted(value: &Value) -> Value {
    match value {
        Value::Object(members) => {
            let members: BTreeMap<_, _> = members.iter().map(|(name, value)| (name.clone(), sorted(value))).collect();
            Value::Object(members.into_iter().collect())
        }
        Value::Array(values) => values.iter().map(sorted).collect(),
        other => other.clone(),
    }
}

fn read_tree(directory: &Path, below: &Path, files: &mut Files) {
    for file in fs::read_dir(directory).unwrap() {
        let path = file.unwrap().path();
        if path.is_dir() {
            read_tree(&path, below, files);
        } else {
            let name = path.strip_prefix(below).unwrap().display().to_string();
            files.insert(name, fs::read(&path).unwrap());
        }
    }
}

/// Size of the log in `tiles/`.
const SIZE: u64 = 300;
/// Size of the older checkpoint.
const OLD: u64 = 257;

fn good(files: &mut Files) -> Log {
    let log = Log::new(SIZE);
    let home = tempfile::tempdir().unwrap();
    log.write(&home.path().join("tiles"));
    packaged::write(&home.path().join("package"));
    let gap = declared::log_with(Some(&declared::declared(&declared::truth(true))));
    declared::package(&gap, &home.path().join("gap-package"));
    files.insert("package.json".into(), pretty(&packaged::edits()));
    read_tree(home.path(), home.path(), files);
    files.insert("vkey".into(), format!("{}\n", log_signer().verifier_key()).into_bytes());
    files.insert("old.checkpoint".into(), log.signed(OLD).to_string().into_bytes());
    for index in [0, 8, 9, 299] {
        files.insert(format!("receipts/{index}.tlog-proof"), log.receipt(index, SIZE).into_bytes());
    }
    files.insert("receipts/8-of-9.tlog-proof".into(), log.receipt(8, 9).into_bytes());
    let entries =
        log.entries.iter().take(10).map(
            |bytes| json!({"bytes": String::from_utf8(bytes.clone()).unwrap(), "leaf": leaf_hash(bytes).to_string()}),
        );
    files.insert("entries.json".into(), pretty(&entries.collect()));
    let roots = (0..=20).chain([255, 256, 257, 300]).map(|size| json!({"size": size, "root": log.frontier(size).root().to_string(), "frontier": hex(&log.frontier(size).to_bytes())}));
    files.insert("roots.json".into(), pretty(&roots.collect()));
    let directory = TileDir::open(home.path().join("tiles"));
    files.insert("proofs.json".into(), pretty(&proofs(&log, &directory)));
    files.insert("commitments.json".into(), pretty(&commitments()));
    files.insert("rotations.json".into(), pretty(&stated::rows()));
    files.insert("generations.json".into(), pretty(&declared::rows()));
    log
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
}

fn texts(path: &[Hash]) -> Vec<String> {
    path.iter().map(ToString::to_string).collect()
}

fn proofs(log: &Log, directory: &TileDir) -> Value {
    let tree = directory.tree(TreeSize(SIZE));
    let inclusion = [(0, 1), (0, 300), (8, 9), (100, 257), (255, 256), (256, 257), (299, 300)].map(|(index, size)| {
        let path = inclusion_path(&tree, EntryIndex(index), TreeSize(size)).unwrap();
        json!({"index": index, "size": size, "leaf": leaf_hash(&log.entries[usize::try_from(index).unwrap()]).to_string(),
            "root": log.frontier(size).root().to_string(), "path": texts(&path)})
    });
    let consistency = [(0, 300), (1, 300), (256, 257), (257, 300), (128, 300), (300, 300)].map(|(old, new)| {
        let path = consistency_path(&tree, TreeSize(old), TreeSize(new)).unwrap();
        json!({"old": old, "old_root": log.frontier(old).root().to_string(), "new": new,
            "new_root": log.frontier(new).root().to_string(), "path": texts(&path)})
    });
    json!({"inclusion": inclusion, "consistency": consistency})
}

fn commitments() -> Value {
    let rows = opened(8).into_iter().map(|opened| {
        let text = opened.text.unwrap();
        let commitment = entry::commitment(&opened.salt, opened.of, text.as_bytes());
        json!({"of": opened.of.name(), "tag_hex": hex(opened.of.bytes()), "salt_hex": hex(&opened.salt), "text": text,
            "commitment": commitment.to_string()})
    });
    rows.collect()
}

/// What must be refused: a file, how it is read, and the class of the refusal.
#[derive(Deserialize)]
struct Negative {
    file: String,
    read_as: String,
    class: String,
    exit_code: u8,
}

/// A single changed byte of the good log, and the file that must be named.
#[derive(Deserialize)]
struct Flip {
    file: String,
    offset: usize,
    xor: u8,
    class: String,
    entry: Option<u64>,
}

fn negative(files: &mut Files, log: &Log) {
    let mut list = Vec::new();
    let mut add = |name: &str, read_as: &str, class: Class, bytes: Vec<u8>| {
        let file = format!("negative/{name}");
        list.push(json!({"file": file, "read_as": read_as, "class": class.name(), "exit_code": class.exit_code()}));
        files.insert(file, bytes);
    };
    let entry = String::from_utf8(log.entries[8].clone()).unwrap();
    for (name, from, to, class) in [
        ("unsorted", "\"seq\":8,\"subject\"", "\"subject\"", Class::Malformed),
        ("space", "{\"actor\"", "{ \"actor\"", Class::Malformed),
        ("duplicate-key", "\"v\":1}", "\"v\":1,\"v\":1}", Class::Malformed),
        ("unknown-field", "\"v\":1}", "\"v\":1,\"w\":1}", Class::Malformed),
        ("float", "\"seq\":8", "\"seq\":8.0", Class::Malformed),
        ("null", "\"kind\"", "\"detail2\":null,\"kind\"", Class::Malformed),
        ("version-2", "\"v\":1}", "\"v\":2}", Class::UnknownVersion),
        ("chain-missing", "\"conversation\":", "\"conversatiom\":", Class::Malformed),
        ("time-seven-decimals", "Z\",\"v\"", "0Z\",\"v\"", Class::Malformed),
    ] {
        let text = entry.replacen(from, to, 1);
        assert_ne!(text, entry, "{name}");
        add(&format!("entry-{name}.json"), "entry", class, text.into_bytes());
    }
    let receipt = log.receipt(8, SIZE);
    let other = Log::changed(SIZE, |entry| {
        if entry.seq.0 == 50 {
            entry.actor.id.0[0] ^= 1;
        }
    });
    let reopened = |change: fn(&str) -> String| {
        let line = receipt.lines().nth(1).unwrap();
        let extra = String::from_utf8(STANDARD.decode(line.strip_prefix("extra ").unwrap()).unwrap()).unwrap();
        receipt.replacen(line, &format!("extra {}", STANDARD.encode(change(&extra))), 1)
    };
    for (name, class, text) in [
        ("another-index", Class::BadProof, receipt.replacen("index 8", "index 9", 1)),
        ("another-entry", Class::BadProof, reopened(|extra| extra.replacen("customer", "consumer", 1))),
        ("another-text", Class::BadCommitment, reopened(|extra| extra.replacen("0008 丢了", "0009 丢了", 1))),
        ("another-tree", Class::BadSignature, receipt.replacen("\n300\n", "\n301\n", 1)),
        ("another-signer", Class::BadSignature, receipt.replacen("\u{2014} lww", "\u{2014} lxx", 1)),
        ("later-version", Class::UnknownVersion, receipt.replacen("proof@v1", "proof@v2", 1)),
        ("cut-off", Class::Malformed, receipt[..receipt.len() / 2].to_owned()),
        (
            "no-extra",
            Class::Malformed,
            receipt.split_inclusive('\n').filter(|line| !line.starts_with("extra")).collect(),
        ),
    ] {
        add(&format!("receipt-{name}.tlog-proof"), "receipt", class, text.into_bytes());
    }
    let stranger = SignedCheckpoint::sign(log.checkpoint(SIZE), &[&signer(ORIGIN, 8)]).unwrap();
    let extended = Note::new(
        format!("{}extension\n", log.checkpoint(SIZE)),
        vec![log_signer().sign(&format!("{}extension\n", log.checkpoint(SIZE)))],
    )
    .unwrap();
    add("checkpoint-stranger", "checkpoint", Class::BadSignature, stranger.to_string().into_bytes());
    add("checkpoint-extension", "checkpoint", Class::Malformed, extended.to_string().into_bytes());
    add("checkpoint-forked", "newer", Class::Fork, other.signed(SIZE).to_string().into_bytes());
    add("checkpoint-rolled-back", "newer", Class::Rollback, log.signed(OLD - 1).to_string().into_bytes());
    files.insert("negative/checkpoint-forked.proof".into(), lines(&path_of(&other)));
    files.insert("negative.json".into(), pretty(&Value::Array(list)));
    files.insert("flips.json".into(), pretty(&flips(log)));
}

/// What a policy says of a checkpoint or receipt: `valid`, or the class of the refusal.
#[derive(Deserialize)]
struct WitnessedRow {
    file: String,
    read_as: String,
    class: String,
    exit_code: u8,
}

fn witnesses(files: &mut Files, log: &Log) {
    let mut list = Vec::new();
    let mut add = |name: &str, read_as: &str, class: Option<Class>, text: String| {
        let file = format!("witnessed/{name}");
        let (name, code) = class.map_or(("valid", 0), |class| (class.name(), class.exit_code()));
        list.push(json!({"file": file, "read_as": read_as, "class": name, "exit_code": code}));
        files.insert(file, text.into_bytes());
    };
    let plain = log.signed(SIZE).to_string();
    let good = cosigned(log, SIZE, &[1, 3]).to_string();
    let line = good.lines().last().unwrap();
    let relined = |change: fn(&mut Vec<u8>)| {
        let (head, blob) = line.rsplit_once(' ').unwrap();
        let mut blob = STANDARD.decode(blob).unwrap();
        change(&mut blob);
        good.replace(line, &format!("{head} {}", STANDARD.encode(blob)))
    };
    let stranger = cosigned(log, SIZE, &[1, 9]).to_string().replace("w9.example", "w3.example");
    let other = cosigned(log, OLD, &[3]).to_string();
    let of_other = good.replace(line, other.lines().last().unwrap());
    for (name, class, note) in [
        ("two-of-three", None, good.clone()),
        ("all", None, cosigned(log, SIZE, &[3, 1, 2]).to_string()),
        ("one-of-three", Some(Class::NoQuorum), cosigned(log, SIZE, &[2]).to_string()),
        ("none-of-three", Some(Class::NoQuorum), plain.clone()),
        ("one-twice", Some(Class::NoQuorum), cosigned(log, SIZE, &[1, 1]).to_string()),
        ("another-key", Some(Class::NoQuorum), stranger),
        ("another-time", Some(Class::BadSignature), relined(|blob| blob[4 + 7] ^= 1)),
        ("another-signature", Some(Class::BadSignature), relined(|blob| blob[4 + 8] ^= 1)),
        ("without-time", Some(Class::BadSignature), relined(|blob| drop(blob.drain(4..12)))),
        ("another-checkpoint", Some(Class::BadSignature), of_other),
        ("not-by-the-log", Some(Class::BadSignature), good.replacen("\u{2014} lww", "\u{2014} lxx", 1)),
    ] {
        add(&format!("{name}.checkpoint"), "checkpoint", class, note);
    }
    add("8.tlog-proof", "receipt", None, log.receipt(8, SIZE).replace(&plain, &good));
    add("8-no-quorum.tlog-proof", "receipt", Some(Class::NoQuorum), log.receipt(8, SIZE));
    let key = |number: u8| witness(number).key().to_string();
    let bad = [
        ("no-quorum", policy().replace("quorum bank\n", "")),
        ("two-quorums", policy() + "quorum none\n"),
        ("undefined", policy().replace("quorum bank", "quorum tank")),
        ("too-many", policy().replace("bank 2", "bank 4")),
        ("twice-a-member", policy().replace("w1 w2 w3\n", "w1 w2 w3 w1\n")),
        ("same-key", policy().replace(&key(2), &key(1))),
        ("log-key-of-a-witness", policy().replace(&log_signer().verifier_key().to_string(), &key(1))),
        ("carriage-return", policy().replace('\n', "\r\n")),
    ];
    for (name, text) in bad {
        add(&format!("{name}.policy"), "policy", Some(Class::Malformed), text);
    }
    files.insert("witnessed/policy".into(), policy().into_bytes());
    files.insert("witnessed.json".into(), pretty(&Value::Array(list)));
}

/// The consistency path from the older checkpoint's size to the whole log.
fn path_of(log: &Log) -> Vec<Hash> {
    let home = tempfile::tempdir().unwrap();
    log.write(home.path());
    consistency_path(&TileDir::open(home.path()).tree(TreeSize(SIZE)), TreeSize(OLD), TreeSize(SIZE)).unwrap()
}

fn lines(path: &[Hash]) -> Vec<u8> {
    path.iter().flat_map(|hash| (STANDARD.encode(hash.0) + "\n").into_bytes()).collect()
}

fn flips(log: &Log) -> Value {
    let offset: usize = log.entries[..40].iter().map(|entry| entry.len() + 2).sum();
    let last: usize = log.entries[256..299].iter().map(|entry| entry.len() + 2).sum();
    json!([
        {"file": "checkpoint", "offset": 3, "xor": 1, "class": "bad_signature", "entry": null},
        {"file": "tile/0/000", "offset": 32 * 40 + 5, "xor": 1, "class": "bad_proof", "entry": 40},
        {"file": "tile/0/001.p/44", "offset": 0, "xor": 128, "class": "bad_proof", "entry": 256},
        {"file": "tile/1/000.p/1", "offset": 31, "xor": 4, "class": "bad_proof", "entry": null},
        {"file": "tile/entries/000", "offset": offset + 20, "xor": 1, "class": "bad_proof", "entry": 40},
        {"file": "tile/entries/000", "offset": offset, "xor": 128, "class": "bad_proof", "entry": 40},
        {"file": "tile/entries/001.p/44", "offset": 100, "xor": 2, "class": "bad_proof", "entry": 256},
        {"file": "tile/entries/001.p/44", "offset": last, "xor": 128, "class": "malformed", "entry": 299},
    ])
}

#[test]
fn the_generator_makes_exactly_the_files_that_are_kept() {
    let mut files = Files::new();
    let log = good(&mut files);
    negative(&mut files, &log);
    witnesses(&mut files, &log);
    if std::env::var_os("LWW_WRITE_VECTORS").is_some() {
        for (name, bytes) in &files {
            let path = vectors().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, bytes).unwrap();
        }
    }
    let mut kept = Files::new();
    read_tree(&vectors(), &vectors(), &mut kept);
    assert_eq!(kept.keys().collect::<Vec<_>>(), files.keys().collect::<Vec<_>>());
    for (name, bytes) in &files {
        assert!(kept[name] == *bytes, "{name} differs from what the generator makes");
    }
}

fn read(name: &str) -> Vec<u8> {
    fs::read(vectors().join(name)).unwrap()
}

fn read_json<T: for<'a> Deserialize<'a>>(name: &str) -> T {
    serde_json::from_slice(&read(name)).unwrap()
}

fn kept_keys() -> Vec<VerifierKey> {
    vec![String::from_utf8(read("vkey")).unwrap().trim().parse().unwrap()]
}

#[test]
fn kept_proofs_entries_and_receipts_verify() {
    #[derive(Deserialize)]
    struct Row {
        bytes: String,
        leaf: String,
    }
    let keys = kept_keys();
    assert_eq!(keys, common::keys());
    for Row { bytes, leaf } in read_json::<Vec<Row>>("entries.json") {
        assert_eq!(leaf_hash(bytes.as_bytes()).to_string(), leaf);
        assert_eq!(Entry::parse(bytes.as_bytes()).unwrap().to_bytes().unwrap(), bytes.as_bytes());
    }
    for index in ["0", "8", "9", "299", "8-of-9"] {
        let receipt = Receipt::parse(&read(&format!("receipts/{index}.tlog-proof"))).unwrap();
        let texts = receipt.verify(&keys).unwrap().texts.len();
        assert_eq!(texts, receipt.opened().len());
    }
    fsck::check(&TileDir::open(vectors().join("tiles")), &keys, &mut |_| {}).unwrap();
}

#[test]
fn kept_paths_verify() {
    #[derive(Deserialize)]
    struct Inclusion {
        index: u64,
        size: u64,
        leaf: String,
        root: String,
        path: Vec<String>,
    }
    #[derive(Deserialize)]
    struct Consistency {
        old: u64,
        old_root: String,
        new: u64,
        new_root: String,
        path: Vec<String>,
    }
    #[derive(Deserialize)]
    struct Proofs {
        inclusion: Vec<Inclusion>,
        consistency: Vec<Consistency>,
    }
    let hash = |text: &String| text.parse::<Hash>().unwrap();
    let proofs: Proofs = read_json("proofs.json");
    for Inclusion { index, size, leaf, root, path } in &proofs.inclusion {
        let path: Vec<_> = path.iter().map(hash).collect();
        verify_inclusion(&hash(leaf), EntryIndex(*index), TreeSize(*size), &path, &hash(root)).unwrap();
    }
    for Consistency { old, old_root, new, new_root, path } in &proofs.consistency {
        let path: Vec<_> = path.iter().map(hash).collect();
        verify_consistency(TreeSize(*old), &hash(old_root), TreeSize(*new), &hash(new_root), &path).unwrap();
    }
}

fn refuse(read_as: &str, bytes: &[u8]) -> Result<(), Error> {
    let keys = kept_keys();
    match read_as {
        "entry" => Entry::parse(bytes).map(|_| ()),
        "receipt" => Receipt::parse(bytes)?.verify(&keys).map(|_| ()),
        "checkpoint" => SignedCheckpoint::parse(bytes)?.verify(&keys).map(|_| ()),
        "newer" => {
            let new = SignedCheckpoint::parse(bytes)?;
            let old = SignedCheckpoint::parse(&read("old.checkpoint"))?;
            let (new, old) = (new.verify(&keys)?.0.clone(), old.verify(&keys)?.0.clone());
            let proof = String::from_utf8(read("negative/checkpoint-forked.proof")).unwrap();
            let hash = |line| Hash(STANDARD.decode(line).unwrap().try_into().unwrap());
            let path: Vec<_> = proof.lines().map(hash).collect();
            verify_consistency(old.size, &old.root, new.size, &new.root, &path)
        }
        other => panic!("read as {other}?"),
    }
}

#[test]
fn each_negative_vector_is_refused_with_its_class() {
    for Negative { file, read_as, class, exit_code } in read_json::<Vec<Negative>>("negative.json") {
        let error = refuse(&read_as, &read(&file)).err().unwrap_or_else(|| panic!("{file} was accepted"));
        assert_eq!((error.class().name(), error.class().exit_code()), (class.as_str(), exit_code), "{file}: {error}");
    }
}

#[test]
fn the_kept_package_is_valid_and_each_edit_of_it_is_refused() {
    packaged::check_kept(&vectors());
}

#[test]
fn each_change_of_a_key_leads_where_the_vectors_say() {
    stated::check_kept(&read("rotations.json"));
}

#[test]
fn each_declaration_of_a_gap_is_what_the_vectors_say() {
    declared::check_kept(&read("generations.json"));
}

#[test]
fn each_witnessed_vector_has_its_class() {
    let policy = TrustPolicy::parse(&read("witnessed/policy")).unwrap();
    let judge = |read_as: &str, bytes: &[u8]| match read_as {
        "checkpoint" => policy.verify(&SignedCheckpoint::parse(bytes)?, &[]).map(|_| ()),
        "receipt" => policy.verify(&Receipt::parse(bytes)?.proof().checkpoint, &[]).map(|_| ()),
        "policy" => TrustPolicy::parse(bytes).map(|_| ()),
        other => panic!("read as {other}?"),
    };
    for WitnessedRow { file, read_as, class, exit_code } in read_json::<Vec<WitnessedRow>>("witnessed.json") {
        let refused = judge(&read_as, &read(&file)).err().map(|error| error.class());
        let got = refused.map_or(("valid", 0), |class| (class.name(), class.exit_code()));
        assert_eq!(got, (class.as_str(), exit_code), "{file}");
    }
}

#[test]
fn each_flip_is_refused_with_its_class_and_entry() {
    let mut good = Files::new();
    let tiles = vectors().join("tiles");
    read_tree(&tiles, &tiles, &mut good);
    let home = tempfile::tempdir().unwrap();
    for (name, bytes) in &good {
        fs::create_dir_all(home.path().join(name).parent().unwrap()).unwrap();
        fs::write(home.path().join(name), bytes).unwrap();
    }
    for Flip { file, offset, xor, class, entry } in read_json::<Vec<Flip>>("flips.json") {
        let mut bytes = good[&file].clone();
        bytes[offset] ^= xor;
        let path = home.path().join(&file);
        fs::write(&path, bytes).unwrap();
        let finding = fsck::check(&TileDir::open(home.path()), &keys(), &mut |_| {}).unwrap_err();
        assert_eq!((&finding.file, finding.error.class().name()), (&path, class.as_str()), "{finding:?}");
        assert_eq!(finding.entry, entry.map(EntryIndex), "{finding:?}");
        fs::write(&path, &good[&file]).unwrap();
    }
}

#[test]
fn the_document_lists_every_kind_and_exit_code() {
    let document = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("FORMAT.md")).unwrap();
    for info in entry::kinds::KINDS {
        assert!(document.contains(&format!("| `{}` | {} |", info.kind, info.about)), "{}", info.kind);
    }
    for class in Class::ALL {
        assert!(document.contains(&format!("| {} | `{}` |", class.exit_code(), class.name())), "{}", class.name());
    }
    for tag in [Tag::Masked, Tag::Sealed] {
        assert!(document.contains(&hex(tag.bytes())), "{tag:?}");
    }
    let entry = String::from_utf8(Log::new(9).entries[8].clone()).unwrap();
    assert!(document.contains(&entry), "the worked example is not entry 8");
    let log = Log::new(SIZE);
    for value in [
        leaf_hash(entry.as_bytes()).to_string(),
        log.frontier(SIZE).root().to_string(),
        log.frontier(9).root().to_string(),
    ] {
        assert!(document.contains(&value), "{value} is not in the worked example");
    }
}
