//! Checks of whole logs: every byte of every file matters, every lie has its class, and the bad file is named.
#![cfg(test)]

mod common;
#[path = "common/rotated.rs"]
mod rotated;

use common::{Log, ORIGIN, keys, log_signer, signer};
use lww_audit::fsck::{Finding, Summary, check, check_receipt};
use lww_audit::{Class, Entry, EntryIndex, Hash, Id128, Receipt, SignedCheckpoint, TileDir, Timestamp};
use std::fs;
use std::path::{Path, PathBuf};

fn fsck(directory: &Path) -> Result<Summary, Box<Finding>> {
    check(&TileDir::open(directory), &keys(), &mut |_| {})
}

fn written(log: &Log) -> tempfile::TempDir {
    let home = tempfile::tempdir().unwrap();
    log.write(home.path());
    home
}

fn files(directory: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for file in fs::read_dir(directory).unwrap() {
        let path = file.unwrap().path();
        if path.is_dir() { found.extend(files(&path)) } else { found.push(path) }
    }
    found
}

/// Flips each chosen byte of each file, and demands that the check names that file, or at least refuses the log.
fn flip_bytes(home: &Path, masks: &[u8], choose: impl Fn(&Path, usize) -> bool) {
    for file in files(home) {
        let good = fs::read(&file).unwrap();
        for at in (0..good.len()).filter(|at| choose(&file, *at)) {
            for mask in masks {
                let mut bad = good.clone();
                bad[at] ^= mask;
                fs::write(&file, &bad).unwrap();
                let finding = fsck(home).err().unwrap_or_else(|| panic!("{} byte {at}: not noticed", file.display()));
                assert_eq!(finding.file, file, "byte {at} ^ {mask:#x}: {finding:?}");
                if file.parent().is_some_and(|parent| parent.ends_with("entries")) {
                    assert!(finding.offset.unwrap() <= at as u64, "byte {at}: {finding:?}");
                }
            }
        }
        fs::write(&file, good).unwrap();
    }
    fsck(home).unwrap();
}

#[test]
fn a_flip_of_any_byte_of_a_small_log_is_caught_and_the_file_named() {
    flip_bytes(written(&Log::new(4)).path(), &[0x01, 0x80], |_, _| true);
}

#[test]
fn a_flip_of_any_hash_byte_of_a_log_of_two_levels_is_caught_and_the_file_named() {
    let home = written(&Log::new(258));
    let is_bundle = |file: &Path| file.components().any(|part| part.as_os_str() == "entries");
    flip_bytes(home.path(), &[0x10], |file, at| if is_bundle(file) { at % 101 == 0 } else { at % 7 == 0 });
}

#[test]
fn a_flip_names_the_entry_its_offset_and_its_kind() {
    let log = Log::new(300);
    let home = written(&log);
    let bundle = home.path().join("tile/entries/001.p/44");
    let mut bytes = fs::read(&bundle).unwrap();
    let start: usize = log.entries[256..290].iter().map(|entry| entry.len() + 2).sum();
    // The opening brace: what is left doesn't parse, and the kind is named all the same.
    bytes[start + 2] = b'[';
    fs::write(&bundle, bytes).unwrap();
    let finding = fsck(home.path()).unwrap_err();
    assert_eq!((finding.entry, finding.offset), (Some(EntryIndex(290)), Some(start as u64)));
    assert_eq!(finding.kind.unwrap().as_str(), "transcript.viewed/1");
    assert_eq!(finding.error.class(), Class::BadProof);
}

#[test]
fn an_honest_log_is_summed_up() {
    let home = written(&Log::new(300));
    let mut passes = Vec::new();
    let summary =
        check(&TileDir::open(home.path()), &keys(), &mut |progress| passes.push((progress.pass, progress.done)))
            .unwrap();
    assert_eq!((summary.checkpoint.size.0, summary.conversations, summary.subjects), (300, 7, 4));
    assert_eq!(summary.kinds.values().sum::<u64>(), 300);
    assert_eq!(passes.iter().map(|(_, done)| *done).collect::<Vec<_>>(), [256, 300, 256, 300]);
    let (_, newest) = summary.times.unwrap();
    summary.check_fresh(newest).unwrap();
    let later = Timestamp::from_micros(newest.as_micros() + 1);
    assert_eq!(summary.check_fresh(later).unwrap_err().class(), Class::Stale);
    fsck(written(&Log::new(0)).path()).unwrap();
}

/// A change to one entry before the next is linked to it.
type Lie = fn(&mut Entry);

/// Signs and writes a log whose entries lie although all hashes agree, and returns the finding.
fn lying(change: impl Fn(&mut Entry)) -> Box<Finding> {
    fsck(written(&Log::changed(40, change)).path()).unwrap_err()
}

#[test]
fn signed_entries_that_do_not_link_are_caught() {
    let lies: &[(&str, Lie)] = &[
        ("prev", |entry| entry.prev.0[0] ^= 1),
        ("seq", |entry| entry.seq.0 += 1),
        ("time", |entry| entry.time = Timestamp::from_micros(0)),
        ("log", |entry| entry.log = "lww.example/other/1".parse().unwrap()),
        ("chains[conversation].n", |entry| entry.chains[0].n += 1),
        ("chains[subject].n", |entry| entry.chains[1].n += 1),
        ("chains[conversation].prev", |entry| entry.chains[0].prev.as_mut().unwrap().leaf = Hash::ZERO),
        ("chains[subject].prev", |entry| entry.chains[1].prev.as_mut().unwrap().seq.0 -= 1),
        ("chains[conversation].n", |entry| entry.conversation = Some(Id128([1; 16]))),
    ];
    for (link, lie) in lies {
        let finding = lying(|entry| {
            if entry.seq.0 == 20 {
                lie(entry);
            }
        });
        assert_eq!((finding.error.class(), finding.entry), (Class::ChainBreak, Some(EntryIndex(20))), "{link}");
        assert!(finding.error.to_string().contains(&format!("{link} of entry 20")), "{}", finding.error);
    }
}

#[test]
fn entries_left_out_swapped_or_put_in_are_caught_although_signed() {
    let good = Log::new(40);
    let edit = |edit: fn(&mut Vec<Vec<u8>>)| {
        let mut log = good.clone();
        edit(&mut log.entries);
        fsck(written(&log).path()).unwrap_err()
    };
    for finding in [
        edit(|entries| drop(entries.remove(20))),
        edit(|entries| entries.swap(20, 21)),
        edit(|entries| entries.insert(20, entries[19].clone())),
        edit(|entries| drop(entries.remove(0))),
    ] {
        assert_eq!(finding.error.class(), Class::ChainBreak, "{finding:?}");
    }
    let finding = edit(|entries| entries[20] = b"not an entry".to_vec());
    assert_eq!((finding.error.class(), finding.entry), (Class::Malformed, Some(EntryIndex(20))));
    let later = |entries: &mut Vec<Vec<u8>>| {
        let text = String::from_utf8(entries[39].clone()).unwrap();
        entries[39] = text.replace("\"v\":1}", "\"v\":2}").into_bytes();
    };
    assert_eq!(edit(later).error.class(), Class::UnknownVersion);
}

#[test]
fn a_rewrite_of_entry_and_tile_together_is_caught() {
    let log = Log::new(300);
    let home = written(&log);
    let mut other = log.clone();
    let at = other.entries[10].len() - 30;
    other.entries[10][at] ^= 1;
    let forged = tempfile::tempdir().unwrap();
    other.write(forged.path());
    for copied in [&["tile/entries/000", "tile/0/000"][..], &["tile/entries/000", "tile/0/000", "tile/1/000.p/1"]] {
        for file in copied {
            fs::copy(forged.path().join(file), home.path().join(file)).unwrap();
        }
        let finding = fsck(home.path()).unwrap_err();
        assert_eq!(finding.error.class(), Class::BadProof, "{finding:?}");
    }
}

#[test]
fn missing_files_are_gaps_and_long_ones_malformed() {
    let home = written(&Log::new(300));
    for (file, class) in [
        ("checkpoint", Class::Io),
        ("tile/0/000", Class::Gap),
        ("tile/0/001.p/44", Class::Gap),
        ("tile/1/000.p/1", Class::Gap),
        ("tile/entries/000", Class::Gap),
        ("tile/entries/001.p/44", Class::Gap),
    ] {
        let path = home.path().join(file);
        let good = fs::read(&path).unwrap();
        fs::remove_file(&path).unwrap();
        let finding = fsck(home.path()).unwrap_err();
        assert_eq!((finding.error.class(), &finding.file), (class, &path), "{file}");
        for bad in [[good.as_slice(), b"\0\0"].concat(), good[..good.len() - 1].to_vec(), Vec::new()] {
            fs::write(&path, bad).unwrap();
            let finding = fsck(home.path()).unwrap_err();
            assert_eq!((finding.error.class(), &finding.file), (Class::Malformed, &path), "{file}");
        }
        fs::write(&path, good).unwrap();
    }
    fsck(home.path()).unwrap();
}

#[test]
fn a_checkpoint_of_a_stranger_is_refused() {
    let log = Log::new(5);
    let home = written(&log);
    for stranger in [signer(ORIGIN, 8), signer("lww.example/other/1", 7)] {
        let signed = SignedCheckpoint::sign(log.checkpoint(5), &[&stranger]).unwrap();
        fs::write(home.path().join("checkpoint"), signed.to_string()).unwrap();
        assert_eq!(fsck(home.path()).unwrap_err().error.class(), Class::BadSignature);
    }
    let both = SignedCheckpoint::sign(log.checkpoint(5), &[&signer(ORIGIN, 8), &log_signer()]).unwrap();
    fs::write(home.path().join("checkpoint"), both.to_string()).unwrap();
    assert_eq!(fsck(home.path()).unwrap().signers.len(), 1);
}

#[test]
fn a_log_must_honour_its_receipts() {
    let log = Log::new(300);
    let home = written(&log);
    let directory = TileDir::open(home.path());
    let summary = fsck(home.path()).unwrap();
    let other = Log::changed(301, |entry| {
        if entry.seq.0 == 50 {
            entry.actor.id = Id128([9; 16]);
        }
    });
    for (receipt, expect) in [
        (log.receipt(9, 300), None),
        (log.receipt(9, 10), None),
        (other.receipt(9, 50), None),
        (other.receipt(9, 51), Some(Class::Fork)),
        (other.receipt(60, 300), Some(Class::Fork)),
        (other.receipt(60, 301), Some(Class::Rollback)),
    ] {
        let receipt = Receipt::parse(receipt.as_bytes()).unwrap();
        let verdict = check_receipt(&directory, &summary, &receipt, &keys()).map(|_| ());
        assert_eq!(verdict.err().map(|error| error.class()), expect);
    }
}
