//! Logs that lost entries: a gap that is declared as it is has a verdict of its own, and every other gap is refused by name.
#![cfg(test)]

#[expect(dead_code, reason = "the vectors use the rest")]
mod common;
#[expect(dead_code, reason = "the vectors use the rest")]
#[path = "common/declared.rs"]
mod declared;

use common::{Log, log_signer, signer};
use declared::{KEPT, LOST, SECOND, SIZE, key, log_of, log_with, second, truth};
use lww_audit::entry::Detail;
use lww_audit::fsck::{Finding, Summary, check};
use lww_audit::{Class, Declaration, EntryIndex, Error, SignedCheckpoint, TileDir, TileWriter, VerifierKey};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

fn both() -> Vec<VerifierKey> {
    vec![key(&log_signer()), key(&second())]
}

fn checked(log: &Log, keys: &[VerifierKey]) -> Result<Summary, Box<Finding>> {
    let home = tempfile::tempdir().unwrap();
    declared::write(log, home.path());
    check(&TileDir::open(home.path()), keys, &mut |_| {})
}

fn refused(log: &Log, class: Class, at: Option<u64>, says: &str) {
    let found = checked(log, &both()).unwrap_err();
    assert_eq!((found.error.class(), found.entry), (class, at.map(EntryIndex)), "{says}: {}", found.error);
    assert!(found.error.to_string().contains(says), "{says}: {}", found.error);
}

#[test]
fn a_gap_that_is_declared_as_it_is_is_told_with_what_is_proven() {
    for has_path in [true, false] {
        let log = log_with(Some(&declared::declared(&truth(has_path))));
        for keys in [both(), vec![key(&second())]] {
            let summary = checked(&log, &keys).unwrap();
            let gaps: Vec<&Declaration> = summary.generations.iter().collect();
            assert_eq!(gaps.len(), 1);
            assert_eq!((gaps[0].first_lost().0, gaps[0].last_lost().0), (KEPT, LOST - 1));
            assert_eq!(gaps[0].proven().0, if has_path { KEPT } else { 0 });
        }
        let found = checked(&log, &both()[..1]).unwrap_err();
        assert_eq!(found.error.class(), Class::BadSignature, "the old key alone has not signed the new tree");
    }
    let old_is_gone = Declaration { old: None, ..truth(true) };
    let log = log_with(Some(&declared::note(&old_is_gone.to_string(), &[&second()])));
    assert!(checked(&log, &both()).is_ok());
    let found = checked(&log, &both()[1..]).unwrap_err();
    assert_eq!(found.error.class(), Class::BadSignature, "nobody vouches for what the old generation signed");
}

#[test]
fn a_gap_that_nobody_declares_is_refused() {
    refused(&log_with(None), Class::ChainBreak, Some(KEPT), "log of entry 20");
    refused(&log_of(None, SIZE), Class::FalseDeclaration, None, "nothing declares");
    refused(&log_of(None, 0), Class::FalseDeclaration, None, "nothing declares");
    refused(&log_of(None, 25), Class::ChainBreak, Some(25), "log of entry 25");
}

#[test]
fn a_declaration_that_lies_or_is_one_person_s_is_refused_by_name() {
    for (name, class, note) in declared::spoilt() {
        let found = checked(&log_with(Some(&note)), &both()).unwrap_err();
        assert_eq!(found.error.class(), class, "{name}: {}", found.error);
    }
    let other = Log::changed(LOST, |entry| entry.tenant = "acne".to_owned());
    let lies: [(&str, &dyn Fn(&mut Declaration)); 5] = [
        ("kept", &|lie| (lie.kept.1, lie.path, lie.last) = (other.frontier(KEPT).root(), Vec::new(), lie.last.clone())),
        ("kept", &|lie| lie.kept.0.0 -= 1),
        ("opened", &|lie| lie.opened = "2026-01-05T02:00:00.000000Z".parse().unwrap()),
        // What was signed before the gap is not what the new tree begins with.
        ("last signed checkpoint", &|lie| (lie.last, lie.path) = (other.signed(KEPT - 2), Vec::new())),
        ("last signed checkpoint", &|lie| (lie.last, lie.path) = (other.signed(1), Vec::new())),
    ];
    for (what, lie) in lies {
        let mut declaration = truth(false);
        lie(&mut declaration);
        let log = log_with(Some(&declared::declared(&declaration)));
        refused(&log, Class::FalseDeclaration, Some(KEPT), what);
    }
    let honest = Declaration { last: Log::new(LOST).signed(KEPT - 2), path: Vec::new(), ..truth(false) };
    let summary = checked(&log_with(Some(&declared::declared(&honest))), &both()).unwrap();
    assert_eq!(summary.generations.iter().next().unwrap().proven().0, KEPT - 2);
}

#[test]
fn nothing_else_stands_where_entries_are_lost() {
    let note = declared::declared(&truth(true));
    let place = KEPT + 4;
    let good = log_with(Some(&note));
    let log = Log::changed(SIZE, |entry| {
        let at = usize::try_from(entry.seq.0).unwrap();
        let mut made = lww_audit::Entry::parse(&good.entries[at]).unwrap();
        if entry.seq.0 == place {
            made.kind = "account.created/1".parse().unwrap();
        }
        made.prev = entry.prev;
        *entry = made;
    });
    refused(&log, Class::FalseDeclaration, Some(place), "place of a lost entry");
}

#[test]
fn a_declaration_without_its_note_and_one_at_another_place_are_refused() {
    let empty = Log::changed(SIZE, |entry| {
        if entry.seq.0 >= KEPT {
            entry.log = SECOND.parse().unwrap();
        }
        if entry.seq.0 == KEPT {
            (entry.kind, entry.detail) = ("generation.opened/2".parse().unwrap(), Detail::Null);
        }
    });
    refused(&empty, Class::Malformed, Some(KEPT), "no declaration");
    // A second declaration of the same gap, in its middle.
    let twice = Log::changed(SIZE, |entry| {
        let note = declared::declared(&truth(true));
        if entry.seq.0 >= KEPT {
            entry.log = SECOND.parse().unwrap();
            entry.time = truth(true).opened;
        }
        if entry.seq.0 == KEPT || entry.seq.0 == KEPT + 1 {
            entry.kind = "generation.opened/2".parse().unwrap();
            entry.detail = Detail::Object([("declaration".to_owned(), Detail::String(note))].into_iter().collect());
        }
    });
    refused(&twice, Class::FalseDeclaration, Some(KEPT + 1), "kept");
}

/// A folder with the second generation's log and what an auditor has besides.
struct Desk {
    home: tempfile::TempDir,
}

impl Desk {
    fn new() -> Self {
        let desk = Self { home: tempfile::tempdir().unwrap() };
        let log = log_with(Some(&declared::declared(&truth(true))));
        declared::write(&log, &desk.path("tiles"));
        desk.put("old.vkey", &key(&log_signer()).to_string());
        desk.put("new.vkey", &key(&second()).to_string());
        desk.put("gap", &declared::declared(&truth(true)));
        desk.put("20.checkpoint", &Log::new(KEPT - 4).signed(KEPT - 4).to_string());
        desk.put("28.checkpoint", &Log::new(LOST).signed(LOST - 2).to_string());
        desk.put("31.checkpoint", &Log::new(LOST + 1).signed(LOST + 1).to_string());
        let other = Log::changed(LOST, |entry| entry.tenant = "acne".to_owned());
        desk.put("forked.checkpoint", &other.signed(LOST).to_string());
        desk.put("early.checkpoint", &other.signed(KEPT - 4).to_string());
        desk.put("kept.tlog-proof", &declared::receipt(&log, 8));
        desk.put("lost.tlog-proof", &Log::new(LOST).receipt(25, LOST));
        desk
    }

    fn path(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    fn put(&self, name: &str, text: &str) {
        std::fs::write(self.path(name), text).unwrap();
    }

    fn run(&self, arguments: &str) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_lww-verify"));
        command.current_dir(self.home.path()).args(arguments.split(' ')).output().unwrap()
    }

    fn expect(&self, code: i32, arguments: &str) -> String {
        let output = self.run(arguments);
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert_eq!(output.status.code(), Some(code), "{arguments}: {text}{}", String::from_utf8_lossy(&output.stderr));
        text
    }
}

#[test]
fn the_program_says_which_entries_are_lost_by_whose_word_and_ends_with_its_own_code() {
    let desk = Desk::new();
    let told = desk.expect(22, "fsck --vkey old.vkey --vkey new.vkey tiles");
    for part in [
        "DECLARED GAP",
        "entries 20-29 of lww.example/acme/1 were lost (database_lost), declared on 2026-",
        "all 20 entries",
    ] {
        assert!(told.contains(part), "{part}: {told}");
    }
    desk.expect(22, "fsck --vkey old.vkey --generation gap tiles");
    desk.expect(12, "fsck --vkey old.vkey tiles");
    let json = desk.expect(22, "fsck --vkey old.vkey --generation gap --json tiles");
    for part in ["\"valid\":false", "\"class\":\"declared_gap\"", "\"exit_code\":22", "\"old_key_signed\":true"] {
        assert!(json.contains(part), "{part}: {json}");
    }
    let trust = "--vkey old.vkey --generation gap";
    desk.expect(0, &format!("proof {trust} kept.tlog-proof"));
    desk.expect(22, &format!("proof {trust} kept.tlog-proof lost.tlog-proof"));
    desk.expect(0, "proof --vkey old.vkey lost.tlog-proof");
    desk.put("spoilt.tlog-proof", "no receipt");
    desk.expect(10, &format!("proof {trust} lost.tlog-proof spoilt.tlog-proof"));
    desk.put("lie", &declared::spoilt().remove(0).2);
    desk.expect(23, "proof --vkey old.vkey --generation lie kept.tlog-proof");
    let help = desk.expect(0, "--help");
    assert!(help.contains("22  declared gap") && help.contains("23  false declaration"), "{help}");
}

#[test]
fn checkpoints_of_two_generations_are_consistent_as_far_as_anything_survived() {
    let desk = Desk::new();
    let compare = |code, old: &str| {
        let _gone = std::fs::remove_file(desk.path("lww-evidence.txt"));
        desk.expect(code, &format!("consistency --vkey old.vkey --generation gap --tiles tiles {old} tiles/checkpoint"))
    };
    assert!(compare(22, "20.checkpoint").contains("declared gap"));
    compare(22, "28.checkpoint");
    compare(23, "31.checkpoint");
    compare(16, "early.checkpoint");
    let told = compare(16, "forked.checkpoint");
    assert!(told.contains("FORK"), "{told}");
    desk.expect(16, "evidence --vkey old.vkey lww-evidence.txt");
    desk.expect(20, "consistency --vkey old.vkey --vkey new.vkey --tiles tiles 20.checkpoint tiles/checkpoint");
    desk.expect(0, "consistency --vkey old.vkey --generation gap --tiles tiles tiles/checkpoint tiles/checkpoint");
}

#[test]
fn entries_that_are_declared_lost_and_are_there_convict_the_declaration() {
    let desk = Desk::new();
    let trust = "fsck --vkey old.vkey --generation gap";
    Log::new(LOST).write(&desk.path("whole"));
    let told = desk.expect(23, &format!("{trust} --earlier whole tiles"));
    assert!(told.contains("FALSE DECLARATION") && told.contains("entry 20, whole"), "{told}");
    // Of what was published when entries were still there nothing is missing that was declared.
    Log::new(KEPT - 3).write(&desk.path("before"));
    desk.expect(22, &format!("{trust} --earlier before tiles"));
    // The bundle is gone, and its tiles stand.
    Log::new(LOST).write(&desk.path("damaged"));
    std::fs::remove_dir_all(desk.path("damaged/tile/entries")).unwrap();
    let told = desk.expect(22, &format!("{trust} --earlier damaged tiles"));
    assert!(told.contains("nothing that is declared lost is in it"), "{told}");
    Log::new(LOST + 1).write(&desk.path("more"));
    desk.expect(23, &format!("{trust} --earlier more tiles"));
    Log::changed(KEPT, |entry| entry.tenant = "acne".to_owned()).write(&desk.path("forked"));
    desk.expect(16, &format!("{trust} --earlier forked tiles"));
    Log::changed(KEPT - 2, |entry| entry.tenant = "acne".to_owned()).write(&desk.path("early"));
    desk.expect(16, &format!("{trust} --earlier early tiles"));
    stranger_s(&desk.path("stranger"));
    desk.expect(12, &format!("{trust} --earlier stranger tiles"));
    desk.expect(20, &format!("{trust} --earlier tiles tiles"));
}

fn stranger_s(directory: &Path) {
    let (log, mut writer) = (Log::new(LOST), TileWriter::open(directory).unwrap());
    for entry in &log.entries {
        writer.append(entry).unwrap();
    }
    let by = signer(common::ORIGIN, 99);
    writer.publish(&SignedCheckpoint::sign(log.checkpoint(LOST), &[&by]).unwrap()).unwrap();
}

#[test]
fn receipts_from_before_the_gap_are_honoured_or_told_to_be_lost() {
    let desk = Desk::new();
    let first = Log::new(LOST);
    std::fs::create_dir(desk.path("receipts")).unwrap();
    desk.put("receipts/kept.tlog-proof", &first.receipt(8, LOST));
    desk.put("receipts/early.tlog-proof", &first.receipt(3, KEPT - 2));
    let fsck = "fsck --vkey old.vkey --generation gap --receipts receipts tiles";
    desk.expect(22, fsck);
    desk.put("receipts/lost.tlog-proof", &first.receipt(25, LOST));
    let told = desk.expect(22, fsck);
    assert!(told.contains("DECLARED GAP  receipts/lost.tlog-proof"), "{told}");
    // Another entry was acknowledged at a place that survived.
    let other = Log::changed(LOST, |entry| entry.tenant = "acne".to_owned());
    for (size, code) in [(LOST, 16), (LOST - 1, 13), (KEPT - 2, 16)] {
        desk.put("receipts/other.tlog-proof", &other.receipt(8, size));
        desk.expect(code, fsck);
    }
}

#[test]
fn a_package_over_a_gap_says_so_and_one_that_hides_it_is_refused() {
    let desk = Desk::new();
    let log = log_with(Some(&declared::declared(&truth(true))));
    declared::package(&log, &desk.path("package"));
    let export = "export --vkey old.vkey --generation gap package";
    let told = desk.expect(22, export);
    assert!(told.contains("entries 20-29") && told.contains("#17") && told.contains("#38"), "{told}");
    desk.expect(22, "export --vkey new.vkey package");
    let file = desk.path("package/generations.jsonl");
    let good = std::fs::read_to_string(&file).unwrap();
    for (from, to, code) in [
        ("database_lost", "put_back", 12),
        ("lost 30", "lost 31", 12),
        ("\"", " \"", 10),
        ("acme/2\\nopened", "acme/3\\nopened", 10),
    ] {
        std::fs::write(&file, good.replacen(from, to, 1)).unwrap();
        let output = desk.run(export);
        assert!(output.status.code().is_some_and(|got| got != 0 && got != 22), "{from}");
        if code == 12 {
            assert_eq!(output.status.code(), Some(code), "{from}");
        }
    }
    // A package of the same log whose maker left the declaration out.
    let manifest = desk.path("package/manifest");
    let note = lww_audit::Note::parse(&std::fs::read(&manifest).unwrap()).unwrap();
    let without: String = note.text().split_inclusive('\n').filter(|line| !line.contains("generations")).collect();
    std::fs::write(&manifest, declared::note(&without, &[&second()])).unwrap();
    std::fs::remove_file(&file).unwrap();
    let told = desk.expect(23, export);
    assert!(told.contains("UNDECLARED GAP"), "{told}");
}

#[test]
fn the_declarations_of_a_log_are_found_in_its_files() {
    let home = tempfile::tempdir().unwrap();
    let log = log_with(Some(&declared::declared(&truth(true))));
    declared::write(&log, home.path());
    let tiles = TileDir::open(home.path());
    let found = lww_audit::Generations::in_tiles(&tiles, declared::checkpoint(&log).unverified()).unwrap();
    assert_eq!(found.iter().cloned().collect::<Vec<_>>(), [truth(true)]);
    let home = tempfile::tempdir().unwrap();
    let log = log_with(None);
    declared::write(&log, home.path());
    let found = lww_audit::Generations::in_tiles(&TileDir::open(home.path()), declared::checkpoint(&log).unverified());
    assert!(matches!(found, Err(Error::Undeclared { .. })));
}
