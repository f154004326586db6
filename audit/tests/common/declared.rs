//! A log that lost entries and goes on as another generation: made from fixed seeds, true, and lying in each way that it could.

use super::common::{Log, ORIGIN, log_signer, opened, signer};
use lww_audit::entry::{Detail, Object};
use lww_audit::export::{Request, gather};
use lww_audit::merkle::consistency_path;
use lww_audit::note::NoteSignature;
use lww_audit::{
    Checkpoint, Class, Declaration, Entry, Generations, Hash, Id128, Note, NoteSigner, Receipt, SignedCheckpoint,
    SignedDeclaration, TileDir, TileWriter, Timestamp, TreeSize, VerifierKey,
};
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::Path;

/// The second generation.
pub const SECOND: &str = "lww.example/acme/2";
/// Entries that survived.
pub const KEPT: u64 = 20;
/// Entries of the first generation that had been signed.
pub const LOST: u64 = 30;
/// Entries of the second generation's tree.
pub const SIZE: u64 = 45;
const OPENED_MICROS: i64 = 1_767_574_900_000_000;

pub fn second() -> NoteSigner {
    signer(SECOND, 31)
}

pub fn key(signer: &NoteSigner) -> VerifierKey {
    signer.verifier_key().clone()
}

fn person(last: u8) -> Id128 {
    let mut id = [0x0e; 16];
    id[15] = last;
    Id128(id)
}

/// What is true of the gap; the path as far as the lost tree's tiles are at hand.
pub fn truth(has_path: bool) -> Declaration {
    let lost = Log::new(LOST);
    let home = tempfile::tempdir().unwrap();
    lost.write(home.path());
    let path = consistency_path(&TileDir::open(home.path()).tree(TreeSize(LOST)), TreeSize(KEPT), TreeSize(LOST));
    Declaration {
        origin: SECOND.parse().unwrap(),
        opened: Timestamp::from_micros(OPENED_MICROS),
        kept: (TreeSize(KEPT), lost.frontier(KEPT).root()),
        lost: (TreeSize(LOST), lost.frontier(LOST).root()),
        reason: "database_lost".to_owned(),
        tenant: "acme".to_owned(),
        by: [person(1), person(2)],
        plan: Hash([0xab; 32]),
        old: Some(key(&log_signer())),
        new: key(&second()),
        path: if has_path { path.unwrap() } else { Vec::new() },
        last: lost.signed(LOST),
    }
}

/// A note of any text, signed by these.
pub fn note(text: &str, by: &[&NoteSigner]) -> String {
    let lines: Vec<NoteSignature> = by.iter().map(|signer| signer.sign(text)).collect();
    Note::new(text.to_owned(), lines).unwrap().to_string()
}

/// What is declared, signed by both keys, true or not.
pub fn declared(what: &Declaration) -> String {
    note(&what.to_string(), &[&log_signer(), &second()])
}

/// The log of the second generation with a declaration in its place; `None`: the entry there is like any other.
pub fn log_with(declaration: Option<&str>) -> Log {
    log_of(declaration, KEPT)
}

/// The same, whose entries are of the second generation from a place on.
pub fn log_of(declaration: Option<&str>, from: u64) -> Log {
    Log::changed(SIZE, |entry| {
        if entry.seq.0 < from {
            return;
        }
        entry.log = SECOND.parse().unwrap();
        let behind = i64::try_from(entry.seq.0 - from).unwrap();
        entry.time = Timestamp::from_micros(OPENED_MICROS + behind * 1_000_000);
        if let (KEPT, Some(note)) = (entry.seq.0, declaration) {
            entry.kind = "generation.opened/2".parse().unwrap();
            let text = Detail::String(note.to_owned());
            entry.detail = Detail::Object(Object::from([("declaration".to_owned(), text)]));
        } else if entry.seq.0 < LOST && declaration.is_some() {
            (entry.kind, entry.detail) = ("entry.lost/1".parse().unwrap(), Detail::Null);
        } else {
            return;
        }
        (entry.conversation, entry.subject, entry.content) = (None, None, None);
        (entry.channel, entry.policy, entry.chains) = (None, None, Vec::new());
    })
}

/// The checkpoint of the second generation's log.
pub fn checkpoint(log: &Log) -> SignedCheckpoint {
    let size = log.size();
    let tree = Checkpoint { origin: SECOND.parse().unwrap(), size: TreeSize(size), root: log.frontier(size).root() };
    SignedCheckpoint::sign(tree, &[&second()]).unwrap()
}

pub fn write(log: &Log, directory: &Path) {
    let mut writer = TileWriter::open(directory).unwrap();
    for entry in &log.entries {
        writer.append(entry).unwrap();
    }
    writer.publish(&checkpoint(log)).unwrap();
}

/// The receipt of an entry under the second generation's checkpoint.
pub fn receipt(log: &Log, index: u64) -> String {
    let first = log.signed(log.size()).to_string();
    log.receipt(index, log.size()).replace(&first, &checkpoint(log).to_string())
}

/// An evidence package of a conversation whose entries lie before and behind the gap.
pub fn package(log: &Log, directory: &Path) {
    let home = tempfile::tempdir().unwrap();
    write(log, home.path());
    let tiles = TileDir::open(home.path());
    let request = Request {
        scopes: vec!["conversation 0c0c0c0c0c0c0c0c0000000000000003".parse().unwrap()],
        made: "2026-01-06T00:00:00.000000Z".parse().unwrap(),
        checkpoint: tiles.checkpoint().unwrap().unwrap(),
        staff: BTreeMap::new(),
        policies: Vec::new(),
        bytes_max: u64::MAX,
    };
    let mut open = |entry: &Entry| {
        let opened = if entry.content.is_some() { opened(entry.seq.0) } else { Vec::new() };
        Ok(opened.into_iter().take(1).collect())
    };
    let draft = gather(directory, &tiles, &request, &mut open).unwrap();
    let signature = second().sign(draft.text());
    draft.sign(vec![signature]).unwrap();
}

/// Declarations that lie, or have another form, with their class.
pub fn spoilt() -> Vec<(&'static str, Class, String)> {
    let true_one = truth(true);
    let text = true_one.to_string();
    let other = Log::changed(LOST, |entry| entry.tenant = "acne".to_owned());
    let lies = |change: &dyn Fn(&mut Declaration)| {
        let mut lie = true_one.clone();
        change(&mut lie);
        declared(&lie)
    };
    let worded = |from: &str, to: &str| {
        let changed = text.replacen(from, to, 1);
        assert_ne!(changed, text, "{from}");
        note(&changed, &[&log_signer(), &second()])
    };
    let (old, new) = (log_signer(), second());
    let stranger = signer(ORIGIN, 99);
    vec![
        ("one-person-twice", Class::FalseDeclaration, lies(&|lie| lie.by[1] = lie.by[0])),
        ("one-person", Class::Malformed, worded(&format!(" {}\nplan", true_one.by[1]), "\nplan")),
        ("nothing-lost", Class::FalseDeclaration, lies(&|lie| lie.lost = lie.kept)),
        ("less-lost-than-signed", Class::FalseDeclaration, lies(&|lie| lie.lost.0.0 -= 1)),
        ("another-old-root", Class::FalseDeclaration, lies(&|lie| lie.lost.1 = other.frontier(LOST).root())),
        ("another-kept-root", Class::FalseDeclaration, lies(&|lie| lie.kept.1 = other.frontier(KEPT).root())),
        ("a-path-to-elsewhere", Class::FalseDeclaration, lies(&|lie| lie.path.reverse())),
        ("a-path-too-short", Class::FalseDeclaration, lies(&|lie| lie.path.truncate(1))),
        (
            "a-checkpoint-by-a-stranger",
            Class::BadSignature,
            lies(&|lie| {
                lie.last = SignedCheckpoint::sign(Log::new(LOST).checkpoint(LOST), &[&stranger]).unwrap();
            }),
        ),
        ("a-generation-left-out", Class::Malformed, lies(&|lie| lie.origin = "lww.example/acme/3".parse().unwrap())),
        ("another-tenant-s", Class::Malformed, lies(&|lie| lie.origin = "lww.example/evil/2".parse().unwrap())),
        ("another-log-s-key", Class::Malformed, lies(&|lie| lie.new = key(&signer("lww.example/evil/2", 31)))),
        ("by-the-old-key-alone", Class::BadSignature, note(&text, &[&old])),
        ("by-the-new-key-alone", Class::BadSignature, note(&text, &[&new])),
        ("by-strangers", Class::BadSignature, note(&text, &[&stranger, &signer(SECOND, 98)])),
        (
            "changed-behind-the-signature",
            Class::BadSignature,
            declared(&true_one).replacen("database_lost", "put_back", 1),
        ),
        ("unsorted", Class::Malformed, worded("reason database_lost\nby", "by")),
        ("a-line-more", Class::Malformed, worded("\n\n", "\nmore\n\n")),
        ("leading-zero", Class::Malformed, worded("kept 20", "kept 020")),
        (
            "no-checkpoint",
            Class::Malformed,
            note(&(text.split_once("\n\n").unwrap().0.to_owned() + "\n"), &[&old, &new]),
        ),
        ("a-checkpoint-alone", Class::Malformed, true_one.last.to_string()),
        ("later-version", Class::UnknownVersion, worded("@v1", "@v2")),
        ("no-version", Class::Malformed, worded("@v1", "@v01")),
        ("empty", Class::Malformed, String::new()),
    ]
}

/// A declaration, whom one trusts before, and what comes of it.
#[derive(Deserialize)]
struct Row {
    name: String,
    trusted: Vec<String>,
    declaration: String,
    class: String,
    exit_code: u8,
}

/// A receipt, with what one knows of generations: its class, and the gap that its entry is lost in.
#[derive(Deserialize)]
struct ReceiptRow {
    name: String,
    trusted: Vec<String>,
    declarations: Vec<String>,
    receipt: String,
    class: String,
    exit_code: u8,
}

#[derive(Deserialize)]
struct Kept {
    declarations: Vec<Row>,
    receipts: Vec<ReceiptRow>,
}

fn outcome(class: Option<Class>) -> (&'static str, u8) {
    class.map_or(("valid", 0), |class| (class.name(), class.exit_code()))
}

/// Makes the vectors.
pub fn rows() -> Value {
    let (old, new) = (key(&log_signer()).to_string(), key(&second()).to_string());
    let mut rows = Vec::new();
    let mut add = |name: &str, trusted: &[&String], class: Option<Class>, text: &str| {
        let (class, code) = outcome(class);
        rows.push(json!({"name": name, "trusted": trusted, "declaration": text, "class": class, "exit_code": code}));
    };
    let good = declared(&truth(true));
    let alone = Declaration { old: None, ..truth(true) };
    let by_new = note(&alone.to_string(), &[&second()]);
    let bad = Some(Class::BadSignature);
    add("by-both-keys", &[&old], None, &good);
    add("by-both-keys-to-holders-of-the-new", &[&new], None, &good);
    add("without-a-path", &[&old], None, &declared(&truth(false)));
    add("by-the-new-key-when-the-old-is-gone", &[&old, &new], None, &by_new);
    add("when-the-old-is-gone-nobody-vouches-for-the-new", &[&old], bad, &by_new);
    add("when-the-old-is-gone-and-not-known", &[&new], bad, &by_new);
    let other = key(&signer(ORIGIN, 99)).to_string();
    add("another-old-key-on-paper", &[&other, &new], bad, &good);
    add("from-nobody", &[], bad, &good);
    for (name, class, text) in spoilt() {
        add(name, &[&old, &new], Some(class), &text);
    }
    json!({"declarations": rows, "receipts": receipts(&good, &old, &new)})
}

fn receipts(good: &str, old: &str, new: &str) -> Value {
    let log = log_with(Some(good));
    let lost = Log::new(LOST);
    let beyond = Log::new(LOST + 1);
    let other = Log::changed(LOST, |entry| entry.tenant = "acne".to_owned());
    let (none, one): (&[&str], &[&str]) = (&[], &[good]);
    let gap = Some(Class::DeclaredGap);
    let rows = [
        ("kept-in-the-new-tree", one, receipt(&log, 8), None),
        ("kept-and-nobody-told-of-a-generation", none, receipt(&log, 8), Some(Class::OtherLog)),
        ("the-declaration-itself", one, receipt(&log, KEPT), None),
        ("behind-the-gap", one, receipt(&log, 33), None),
        ("behind-the-gap-and-nobody-told", none, receipt(&log, 33), None),
        ("kept-in-the-old-tree", one, lost.receipt(8, LOST), None),
        ("lost", one, lost.receipt(KEPT, LOST), gap),
        ("lost-and-nobody-told", none, lost.receipt(KEPT, LOST), None),
        ("signed-beyond-what-is-admitted", one, beyond.receipt(8, LOST + 1), Some(Class::FalseDeclaration)),
        ("of-another-history", one, other.receipt(8, LOST), Some(Class::Fork)),
        ("of-the-new-generation-before-it-began", one, receipt(&log_of(None, 8), 8), Some(Class::OtherLog)),
        ("of-the-old-one-after-it-ended", one, receipt(&log_of(None, 40), 33), Some(Class::OtherLog)),
    ];
    let row = |(name, declarations, receipt, class): (&str, &[&str], String, Option<Class>)| {
        let (class, code) = outcome(class);
        json!({"name": name, "trusted": [old, new], "declarations": declarations, "receipt": receipt, "class": class,
            "exit_code": code})
    };
    rows.into_iter().map(row).collect()
}

fn keys_of(lines: &[String]) -> Vec<VerifierKey> {
    lines.iter().map(|line| line.parse().unwrap()).collect()
}

fn judged(row: &ReceiptRow) -> Result<Option<Class>, lww_audit::Error> {
    let mut keys = keys_of(&row.trusted);
    let signed = row.declarations.iter().map(|note| SignedDeclaration::parse(note.as_bytes()));
    let generations = Generations::follow(&mut keys, signed.collect::<Result<Vec<_>, _>>()?)?;
    let receipt = Receipt::parse(row.receipt.as_bytes())?;
    let verified = receipt.verify_in(&keys, &generations)?;
    let origin = &verified.checkpoint.origin;
    if let Some(later) = generations.iter().find(|declared| declared.before() == origin) {
        later.admits(verified.checkpoint)?;
    }
    Ok(generations.lost(origin, verified.entry.seq).map(|_| Class::DeclaredGap))
}

/// Judges what the kept rows say.
pub fn check_kept(kept: &[u8]) {
    let Kept { declarations, receipts } = serde_json::from_slice(kept).unwrap();
    for Row { name, trusted, declaration, class, exit_code } in declarations {
        let signed = SignedDeclaration::parse(declaration.as_bytes());
        let found = signed.and_then(|signed| Generations::follow(&mut keys_of(&trusted), [signed]));
        let got = outcome(found.as_ref().err().map(lww_audit::Error::class));
        assert_eq!(got, (class.as_str(), exit_code), "{name}: {found:?}");
    }
    for row in receipts {
        let found = judged(&row);
        let got = outcome(found.as_ref().map_or_else(|error| Some(error.class()), |class| *class));
        assert_eq!(got, (row.class.as_str(), row.exit_code), "{}: {found:?}", row.name);
    }
}
