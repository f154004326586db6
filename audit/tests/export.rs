//! Evidence packages through the binary: valid ones, their transcript, and every way to lie with one, also with the log's key.
#![cfg(test)]

mod common;
#[path = "common/sealed.rs"]
mod sealed;

use common::{Log, ORIGIN, keys, log_signer, opened};
use lww_audit::export::{Draft, Line, Manifest, Package, Request, Scope, Source, gather, pack};
use lww_audit::seal::Seal;
use lww_audit::{Entry, EntryIndex, Error, Hash, Id128, Note, Receipt, TileDir, Timestamp, TreeSize, fsck};
use sealed::{POLICY, sealed_log, sealed_log_with};
use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

/// Size of the log, far behind its seal.
const SIZE: u64 = 300;
const CONVERSATION: &str = "conversation 0c0c0c0c0c0c0c0c0000000000000003";
const SUBJECT: &str = "subject 05050505050505050000000000000001";
/// Entries 100 to 149.
const RANGE: &str = "range 2026-01-05T01:02:03.456700Z 2026-01-05T01:03:05.185050Z";

struct Home(tempfile::TempDir);

impl Home {
    fn new(seal: Option<u64>) -> Self {
        let home = Self(tempfile::tempdir().unwrap());
        let log = seal.map_or_else(|| Log::new(SIZE), |seal| sealed_log(SIZE, seal));
        log.write(&home.path("tiles"));
        home
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn draft(&self, name: &str, scopes: &[&str]) -> Draft {
        let tiles = TileDir::open(self.path("tiles"));
        let request = Request {
            scopes: scopes.iter().map(|scope| scope.parse().unwrap()).collect(),
            made: "2026-01-06T00:00:00.000000Z".parse::<Timestamp>().unwrap(),
            checkpoint: tiles.checkpoint().unwrap().unwrap(),
            staff: BTreeMap::from([("0a0a0a0a0a0a0a0a0000000000000003".parse::<Id128>().unwrap(), "李雷".to_owned())]),
            policies: vec![POLICY.to_vec()],
            bytes_max: u64::MAX,
        };
        let mut open = |entry: &Entry| Ok(if entry.content.is_some() { opened(entry.seq.0) } else { Vec::new() });
        gather(&self.path(name), &tiles, &request, &mut open).unwrap()
    }

    fn package(&self, name: &str, scopes: &[&str]) {
        let draft = self.draft(name, scopes);
        let signature = log_signer().sign(draft.text());
        draft.sign(vec![signature]).unwrap();
    }

    /// Changes a file of a package's copy, and signs its manifest again with the log's own key.
    fn forge(&self, package: &str, file: &str, change: impl Fn(Vec<String>) -> Vec<String>) {
        let copied = Command::new("cp").arg("-r").arg(self.path(package)).arg(self.path("forged")).status().unwrap();
        assert!(copied.success());
        self.change(file, change);
        self.sign(|manifest| manifest);
    }

    fn change(&self, file: &str, change: impl Fn(Vec<String>) -> Vec<String>) {
        let path = self.path("forged").join(file);
        let before = fs::read_to_string(&path).unwrap();
        let lines = change(before.lines().map(str::to_owned).collect());
        let after = lines.into_iter().map(|line| line + "\n").collect::<String>();
        let after = if before.ends_with('\n') { after } else { after.trim_end().to_owned() };
        assert_ne!(before, after, "{file} was not changed");
        fs::write(path, after).unwrap();
    }

    fn sign(&self, change: impl Fn(Manifest) -> Manifest) {
        let path = self.path("forged/manifest");
        let note = Note::parse(&fs::read(&path).unwrap()).unwrap();
        let mut manifest: Manifest = note.text().parse().unwrap();
        for file in &mut manifest.files {
            let bytes = fs::read(self.path("forged").join(&file.name)).unwrap_or_default();
            file.bytes = bytes.len() as u64;
            file.digest = sealed::sha256(&bytes);
        }
        let text = change(manifest).to_string();
        let signature = log_signer().sign(&text);
        fs::write(path, Note::new(text, vec![signature]).unwrap().to_string()).unwrap();
    }

    fn expect(&self, code: i32, package: &str, says: &[&str]) -> String {
        let key = keys()[0].to_string();
        let program = Command::new(env!("CARGO_BIN_EXE_lww-verify"))
            .args(["export", "--vkey", &key, package])
            .current_dir(self.0.path())
            .output()
            .unwrap();
        let text = String::from_utf8(program.stdout).unwrap() + &String::from_utf8(program.stderr).unwrap();
        assert_eq!(program.status.code(), Some(code), "{text}");
        for part in says {
            assert!(text.contains(part), "{part:?} is not in:\n{text}");
        }
        text
    }

    /// Expects the forged package to be refused with all of this named, and removes it.
    fn refused(&self, code: i32, says: &[&str]) {
        self.expect(code, "forged", says);
        fs::remove_dir_all(self.path("forged")).unwrap();
    }
}

fn change_entry(line: &str, change: impl Fn(&str) -> String) -> String {
    let mut line = Line::parse(line.as_bytes()).unwrap();
    let before = String::from_utf8(line.entry.clone()).unwrap();
    line.entry = change(&before).into_bytes();
    assert_ne!(line.entry, before.into_bytes());
    String::from_utf8(line.to_bytes()).unwrap()
}

#[test]
fn a_package_is_valid_and_prints_its_transcript() {
    let home = Home::new(Some(200));
    home.package("p", &[CONVERSATION, SUBJECT, RANGE]);
    let text = home.expect(0, "p", &["VALID", CONVERSATION, SUBJECT, RANGE, "sealed by    200"]);
    for part in ["masked: 我的卡 ****0108 丢了", "李雷 (0a0a", "someone was shown a transcript", "a conversation began"]
    {
        assert!(text.contains(part), "{part}:\n{text}");
    }
    assert!(!text.contains("#99 ") && text.contains("#100 ") && text.contains("#149 "), "{text}");
    // Chains that there are not are proven to be not there, in a log that was sealed and in one that never was.
    let nobody = "subject 0505050505050505000000000000ffff";
    for (name, seal) in [("sealed", Some(200)), ("unsealed", None)] {
        let home = Home::new(seal);
        home.package(name, &[nobody]);
        home.expect(0, name, &["entries      0"]);
        home.package("all", &[CONVERSATION]);
        home.expect(0, "all", &["entries      4"]);
    }
}

#[test]
fn the_same_input_gives_the_same_bytes_and_a_tar_is_as_good() {
    let home = Home::new(Some(200));
    let mut tars = Vec::new();
    for name in ["a", "b"] {
        home.package(name, &[CONVERSATION]);
        let mut tar = Vec::new();
        pack(&Package::open(home.path(name)).unwrap(), &mut tar).unwrap();
        tars.push(tar);
    }
    assert!(tars[0] == tars[1]);
    fs::write(home.path("p.tar"), &tars[0]).unwrap();
    home.expect(0, "p.tar", &["VALID", "#297 "]);
    fs::write(home.path("p.tar"), &tars[0][..tars[0].len() / 2]).unwrap();
    home.expect(18, "p.tar", &["REFUSED", "the file is not there"]);
    fs::write(home.path("p.tar"), b"no tar").unwrap();
    assert!(!home.expect(3, "p.tar", &["REFUSED"]).contains("VALID"));
}

#[test]
fn an_entry_that_is_dropped_added_or_moved_is_named() {
    let home = Home::new(Some(200));
    home.package("p", &[CONVERSATION]);
    home.package("other", &["conversation 0c0c0c0c0c0c0c0c0000000000000004"]);
    let strange = fs::read_to_string(home.path("other/entries.jsonl")).unwrap();
    let strange = strange.lines().nth(3).unwrap().to_owned();
    let drop = |at: usize| move |mut lines: Vec<String>| (lines.remove(at), lines).1;
    home.forge("p", "entries.jsonl", drop(0));
    home.refused(18, &["MISSING: entries 0 to 0 of conversation", "entry 3 of the log", "entry        10"]);
    home.forge("p", "entries.jsonl", drop(5));
    home.refused(18, &["MISSING: entries 5 to 5 of conversation", "entry 38 of the log", "entry        45"]);
    home.forge("p", "entries.jsonl", drop(42));
    home.refused(18, &["MISSING: entries 42 to 42 of conversation", "entry 297 of the log"]);
    home.forge("p", "entries.jsonl", |lines| lines[..20].to_vec());
    home.refused(18, &["MISSING: entries 20 to 42 of conversation", "entry 297 of the log"]);
    home.forge("p", "entries.jsonl", |mut lines| {
        lines.insert(4, strange.clone());
        lines
    });
    home.refused(10, &["none of the package's scopes", "line         5", "entry        25"]);
    home.forge("p", "entries.jsonl", |mut lines| (lines.insert(4, lines[4].clone()), lines).1);
    home.refused(15, &["seq of entry 31", "line         6", "field        seq"]);
    home.forge("p", "entries.jsonl", |mut lines| (lines.swap(4, 5), lines).1);
    home.refused(18, &["MISSING: entries 4 to 4", "entry 31 of the log"]);
}

#[test]
fn the_tail_can_not_be_cut_off_with_what_proves_it() {
    let home = Home::new(Some(200));
    home.package("p", &[CONVERSATION]);
    home.forge("p", "entries.jsonl", |lines| lines[..42].to_vec());
    home.change("context.jsonl", |lines| lines[..lines.len() - 5].to_vec());
    home.sign(|manifest| manifest);
    home.refused(10, &["context.jsonl", "has no path"]);
    // Nor from its beginning, where the seal doesn't reach, nor without the seal itself.
    home.forge("p", "context.jsonl", |lines| lines[1..].to_vec());
    home.refused(18, &["GAP: entries 190 to 190"]);
    home.forge("p", "context.jsonl", |mut lines| (lines.remove(50), lines).1);
    home.refused(10, &["neither has a path nor is followed by its neighbour", "line         51"]);
    home.forge("p", "ends.json", |lines| vec![lines[0].replace("\"upto\":190", "\"upto\":250")]);
    home.refused(10, &["not the seal that ends.json says", "entry        200"]);
    home.forge("p", "ends.json", |_| vec!["{\"proofs\":[],\"seal\":null}".to_owned()]);
    home.refused(18, &["context.jsonl", "MISSING: entries 0 to 26 of conversation"]);
    home.forge("p", "ends.json", |lines| vec![lines[0].replacen("\"n\":26", "\"n\":25", 1)]);
    home.refused(13, &["ends.json", "the end of conversation 0c0c"]);
}

#[test]
fn a_changed_character_is_named_with_its_entry_and_field() {
    let home = Home::new(Some(200));
    home.package("p", &[CONVERSATION]);
    let at =
        |at: usize, change: fn(&str) -> String| move |mut lines: Vec<String>| (lines[at] = change(&lines[at]), lines).1;
    home.forge("p", "entries.jsonl", at(2, |line| line.replacen("****0017", "****0018", 1)));
    home.refused(14, &["the masked text", "entry        17", "field        opened masked text", "line         3"]);
    home.forge("p", "entries.jsonl", at(2, |line| line.replacen("6222020200110017", "6222020200110018", 1)));
    home.refused(14, &["the sealed text", "entry        17"]);
    home.forge(
        "p",
        "entries.jsonl",
        at(2, |line| change_entry(line, |entry| entry.replacen("customer", "customor", 1))),
    );
    home.refused(13, &["entry        17", "field        entry, or its path"]);
    home.forge(
        "p",
        "entries.jsonl",
        at(2, |line| change_entry(line, |entry| entry.replacen("\"v\":1", "\"v\":1 ", 1))),
    );
    home.refused(10, &["entry        17", "field        entry"]);
    home.forge(
        "p",
        "entries.jsonl",
        at(2, |line| line.replacen("\"path\":[\"", "\"path\":[\"A", 1).replacen("=\"", "\"", 1)),
    );
    home.refused(10, &["line         3"]);
    home.forge("p", "context.jsonl", at(7, |line| change_entry(line, |entry| entry.replacen("0a0a", "0b0a", 1))));
    home.refused(15, &["context.jsonl", "field        prev", "entry        198"]);
    home.forge("p", "checkpoint", at(1, |_| "301".to_owned()));
    home.refused(12, &["checkpoint"]);
}

#[test]
fn a_time_is_complete_from_the_entry_before_to_the_entry_after() {
    let home = Home::new(None);
    home.package("p", &[RANGE]);
    home.expect(0, "p", &["entries      50"]);
    home.forge("p", "entries.jsonl", |lines| lines[1..].to_vec());
    home.refused(18, &["GAP: entries 100 to 100"]);
    home.forge("p", "entries.jsonl", |lines| lines[..49].to_vec());
    home.refused(18, &["GAP: entries 149 to 149"]);
    home.forge("p", "entries.jsonl", |mut lines| (lines.remove(9), lines).1);
    home.refused(18, &["GAP: entries 109 to 109"]);
    home.forge("p", "context.jsonl", |lines| lines[1..].to_vec());
    home.refused(18, &["GAP: entries 0 to 99"]);
    home.forge("p", "context.jsonl", |lines| lines[..1].to_vec());
    home.refused(18, &["GAP: entries 150 to 299"]);
    for (scope, count) in [
        ("range 2020-01-01T00:00:00.000000Z 2021-01-01T00:00:00.000000Z", "entries      0"),
        ("range 2030-01-01T00:00:00.000000Z 2031-01-01T00:00:00.000000Z", "entries      0"),
        ("range 2020-01-01T00:00:00.000000Z 2031-01-01T00:00:00.000000Z", "entries      300"),
    ] {
        home.package(count, &[scope]);
        home.expect(0, count, &[count]);
        fs::remove_dir_all(home.path(count)).unwrap();
    }
}

#[test]
fn files_are_those_that_the_log_signed_for() {
    let home = Home::new(Some(200));
    home.package("p", &[CONVERSATION]);
    // Without the log's key, whatever the entries don't contradict is found by the manifest.
    home.forge("p", "staff.jsonl", |lines| vec![lines[0].replace("李雷", "韩梅")]);
    let staff = fs::read(home.path("forged/staff.jsonl")).unwrap();
    fs::copy(home.path("p/manifest"), home.path("forged/manifest")).unwrap();
    home.refused(13, &["staff.jsonl", "the tree hash is wrong"]);
    assert!(!staff.is_empty());
    home.forge("p", "staff.jsonl", |lines| vec![lines[0].replace("李雷", "韩梅")]);
    fs::remove_file(home.path("forged/staff.jsonl")).unwrap();
    home.refused(18, &["staff.jsonl", "the file is not there"]);
    home.forge("p", "staff.jsonl", |lines| vec![lines[0].replace("李雷", "韩梅")]);
    fs::write(home.path("forged/notes.txt"), "hello").unwrap();
    home.refused(10, &["notes.txt", "the manifest doesn't list this file"]);
    let policy = format!("policies/{}.json", sealed::sha256(POLICY));
    home.forge("p", &policy, |lines| vec![lines[0].replace("14", "15")]);
    home.refused(13, &[&policy]);
    // Another key's manifest, and a manifest that is of something else.
    home.forge("p", "staff.jsonl", |lines| vec![lines[0].replace("李雷", "韩梅")]);
    let stranger = common::signer(ORIGIN, 9);
    let text = Note::parse(&fs::read(home.path("p/manifest")).unwrap()).unwrap().text().to_owned();
    let note = Note::new(text.clone(), vec![stranger.sign(&text)]).unwrap();
    fs::write(home.path("forged/manifest"), note.to_string()).unwrap();
    home.refused(12, &["manifest"]);
    home.forge("p", "staff.jsonl", |lines| vec![lines[0].replace("李雷", "韩梅")]);
    home.sign(|manifest| Manifest { scopes: vec![SUBJECT.parse::<Scope>().unwrap()], ..manifest });
    home.refused(18, &["entries.jsonl", "MISSING: entries 0 to 0 of subject", "entry        3"]);
    assert_eq!(sealed::sha256(b"").to_string().parse::<Hash>().unwrap(), lww_audit::merkle::empty_root());
}

#[test]
fn a_line_with_the_checkpoint_is_a_receipt() {
    let home = Home::new(Some(200));
    home.package("p", &[CONVERSATION]);
    let lines = fs::read_to_string(home.path("p/entries.jsonl")).unwrap();
    let line = Line::parse(lines.lines().nth(2).unwrap().as_bytes()).unwrap();
    let checkpoint = fs::read_to_string(home.path("p/checkpoint")).unwrap();
    let path = line.path.unwrap();
    let receipt = Receipt::format(&line.entry, &line.opened, EntryIndex(17), &path, &checkpoint);
    assert_eq!(receipt, sealed_log(SIZE, 200).receipt(17, SIZE));
    assert!(Receipt::parse(receipt.as_bytes()).unwrap().verify(&keys()).is_ok());
}

#[test]
fn a_whole_scan_finds_a_seal_that_lies() {
    let lies: [(&str, fn(&mut Seal)); 4] = [
        ("detail.chains", |seal| seal.chains -= 1),
        ("detail.root", |seal| seal.root = Hash([1; 32])),
        ("detail.root", |seal| seal.upto = TreeSize(191)),
        ("detail.upto", |seal| seal.upto = TreeSize(201)),
    ];
    for (says, lie) in lies {
        let home = tempfile::tempdir().unwrap();
        sealed_log_with(SIZE, 200, lie).write(home.path());
        let finding = fsck::check(&TileDir::open(home.path()), &keys(), &mut |_| {}).unwrap_err();
        assert_eq!(finding.entry, Some(EntryIndex(200)), "{finding:?}");
        assert!(finding.error.to_string().contains(says), "{says}: {finding:?}");
    }
    let home = tempfile::tempdir().unwrap();
    sealed_log(SIZE, 200).write(home.path());
    assert!(fsck::check(&TileDir::open(home.path()), &keys(), &mut |_| {}).is_ok());
}

/// Opens nothing, or not as much as it is asked for, and ends when it is told to.
struct Unhelpful {
    opens: usize,
    ends_at: u64,
}

impl Source for Unhelpful {
    fn open(&mut self, entries: &[Entry]) -> Result<Vec<Vec<lww_audit::Opened>>, Error> {
        Ok(vec![Vec::new(); entries.len().min(self.opens)])
    }

    fn looked_at(&mut self, done: u64, all: u64) -> Result<(), Error> {
        assert!(done <= all && all == SIZE);
        if done >= self.ends_at { Err(Error::FileMissing) } else { Ok(()) }
    }
}

#[test]
fn a_package_names_nobody_who_is_not_in_it_and_is_not_made_beyond_its_bounds() {
    let home = Home::new(Some(200));
    let tiles = TileDir::open(home.path("tiles"));
    let id = |text: &str| text.parse::<Id128>().unwrap();
    let (acts, elsewhere) = (id("0a0a0a0a0a0a0a0a0000000000000003"), id("0b0b0b0b0b0b0b0b0000000000000001"));
    let request = |bytes_max| Request {
        scopes: vec![CONVERSATION.parse().unwrap()],
        made: "2026-01-06T00:00:00.000000Z".parse().unwrap(),
        checkpoint: tiles.checkpoint().unwrap().unwrap(),
        staff: BTreeMap::from([(acts, "李雷".to_owned()), (elsewhere, "韩梅".to_owned())]),
        policies: vec![POLICY.to_vec()],
        bytes_max,
    };
    let gathered = |name: &str, bytes_max, opens, ends_at| {
        let mut source = Unhelpful { opens, ends_at };
        gather(&home.path(name), &tiles, &request(bytes_max), &mut source)
    };
    let draft = gathered("whole", u64::MAX, usize::MAX, u64::MAX).unwrap();
    draft.sign(vec![log_signer().sign("not this text\n")]).unwrap();
    let staff = fs::read_to_string(home.path("whole/staff.jsonl")).unwrap();
    assert!(staff.contains("李雷") && !staff.contains("韩梅"), "{staff}");
    assert!(matches!(gathered("large", 1_000, usize::MAX, u64::MAX), Err(Error::TooLong { max: 1_000, .. })));
    assert!(matches!(gathered("lazy", u64::MAX, 0, u64::MAX), Err(Error::Malformed { .. })));
    assert!(matches!(gathered("ended", u64::MAX, usize::MAX, 256), Err(Error::FileMissing)));
}
