//! `lww-verify` as its users meet it: verdicts, exit codes, what is named, and the evidence that is kept.
#![cfg(test)]

mod common;
#[path = "common/witnessed.rs"]
mod witnessed;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use common::{Log, keys, log_signer, opened};
use lww_audit::merkle::consistency_path;
use lww_audit::{Evidence, Id128, Receipt, TileDir, TreeSize};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use witnessed::{cosigned, policy};

/// Clears a terminal, sets its title, and turns the direction of writing.
const EVIL: &str = "\u{1b}[2J\u{1b}]0;x\u{7} \u{202e}";

struct Home {
    directory: tempfile::TempDir,
    log: Log,
}

impl Home {
    /// A directory with a log of 300 entries, its key and two receipts.
    fn new() -> Self {
        let home = Self { directory: tempfile::tempdir().unwrap(), log: Log::new(300) };
        home.log.write(&home.path("tiles"));
        home.put("vkey", &format!("# signed sheet of 2026-01-05\n\n{}\n", keys()[0]));
        fs::create_dir(home.path("receipts")).unwrap();
        home.put("receipts/8.tlog-proof", &home.log.receipt(8, 300));
        home.put("receipts/9.tlog-proof", &home.log.receipt(9, 20));
        home
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn put(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).unwrap();
    }

    fn run(&self, arguments: &[&str]) -> Output {
        let program = Path::new(env!("CARGO_BIN_EXE_lww-verify"));
        Command::new(program).args(arguments).current_dir(self.directory.path()).output().unwrap()
    }

    /// Runs the program and returns its output, after checking its exit code.
    fn expect(&self, code: i32, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        let text = String::from_utf8(output.stdout).unwrap();
        let errors = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(code), "{arguments:?}\n{text}{errors}");
        assert!(!text.contains('\u{1b}'), "no colour and no escapes outside a terminal: {text}");
        text
    }
}

fn has(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "{part:?} is not in:\n{text}");
    }
}

#[test]
fn a_receipt_says_who_when_what_where_and_the_text() {
    let home = Home::new();
    let text = home.expect(0, &["proof", "--vkey", "vkey", "receipts/8.tlog-proof", "receipts/9.tlog-proof"]);
    has(
        &text,
        &["VALID", "message.received/1", "a message of a customer came in", "customer", "2026-01-05T01:00:09.876536Z"],
    );
    has(&text, &["lww.example/acme/1", "我的卡 ****0008 丢了\\u{a}请尽快挂失", "6222020200110008"]);
    assert_eq!(text.matches("VALID").count(), 2);
}

#[test]
fn json_is_one_line_for_each_receipt() {
    let home = Home::new();
    home.put("bad.tlog-proof", "nonsense");
    let text = home.expect(10, &["proof", "--json", "--vkey", "vkey", "receipts/8.tlog-proof", "bad.tlog-proof"]);
    let lines: Vec<serde_json::Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 2);
    assert_eq!(
        (&lines[0]["valid"], &lines[0]["index"], &lines[0]["tree_size"]),
        (&true.into(), &8.into(), &300.into())
    );
    assert_eq!(lines[0]["masked"], opened(8)[0].text.clone().unwrap());
    assert_eq!((&lines[1]["class"], &lines[1]["exit_code"]), (&"malformed".into(), &10.into()));
}

#[test]
fn every_class_of_receipt_has_its_exit_code() {
    let home = Home::new();
    let good = home.log.receipt(8, 300);
    let key = log_signer().verifier_key().to_string();
    for (text, code) in [
        (good.clone(), 0),
        (good.replacen("proof@v1", "proof@v9", 1), 11),
        (good.replacen("\n300\n", "\n301\n", 1), 12),
        (good.replacen("index 8", "index 9", 1), 13),
        (good[..good.len() - 1].to_owned(), 10),
    ] {
        home.put("receipt.tlog-proof", &text);
        home.expect(code, &["proof", "--vkey", &key, "receipt.tlog-proof"]);
    }
    let receipt = Receipt::parse(good.as_bytes()).unwrap();
    let mut texts = opened(8);
    texts[0].text = Some("其他".to_owned());
    let checkpoint = receipt.proof().checkpoint.to_string();
    let other = Receipt::format(receipt.entry_bytes(), &texts, receipt.index(), &receipt.proof().hashes, &checkpoint);
    home.put("receipt.tlog-proof", &other);
    home.expect(14, &["proof", "--vkey", &key, "receipt.tlog-proof"]);
    home.expect(3, &["proof", "--vkey", &key, "not-there"]);
    home.expect(2, &["proof", "receipt.tlog-proof"]);
    home.expect(10, &["proof", "--vkey", "no+such+key", "receipt.tlog-proof"]);
    let text = home.expect(3, &["proof", "--vkey", "no-such-file", "receipt.tlog-proof"]);
    assert!(text.contains("no-such-file"), "{text}");
}

#[test]
fn a_receipt_can_not_send_escapes_to_the_terminal() {
    let home = Home::new();
    let log = Log::changed(9, |entry| {
        if let Some(content) = entry.content.as_mut().filter(|_| entry.seq.0 == 8) {
            let salt = opened(8)[0].salt;
            content.commit_masked = lww_audit::entry::commitment(&salt, lww_audit::entry::Tag::Masked, EVIL.as_bytes());
        }
    });
    let mut texts = opened(8);
    texts[0].text = Some(EVIL.to_owned());
    let plain = Receipt::parse(log.receipt(8, 9).as_bytes()).unwrap();
    let checkpoint = plain.proof().checkpoint.to_string();
    home.put(
        "evil",
        &Receipt::format(plain.entry_bytes(), &texts[..1], plain.index(), &plain.proof().hashes, &checkpoint),
    );
    let text = home.expect(0, &["proof", "--vkey", "vkey", "evil"]);
    assert!(!text.contains('\u{202e}') && text.contains("\\u{1b}"), "{text}");
}

#[test]
fn fsck_accepts_the_log_and_names_what_is_bad() {
    let home = Home::new();
    let text = home.expect(0, &["fsck", "--vkey", "vkey", "--receipts", "receipts", "tiles"]);
    has(&text, &["VALID", "entries      300", "conversations 7", "receipts     2"]);
    home.expect(19, &["fsck", "--vkey", "vkey", "--fresh-within", "1s", "tiles"]);
    home.expect(0, &["fsck", "--vkey", "vkey", "--fresh-within", "40000d", "tiles"]);
    home.expect(2, &["fsck", "--vkey", "vkey", "--fresh-within", "1y", "tiles"]);

    let bundle = home.path("tiles/tile/entries/000");
    let good = fs::read(&bundle).unwrap();
    let mut bad = good.clone();
    let at = home.log.entries[..8].iter().map(|entry| entry.len() + 2).sum::<usize>();
    bad[at + 100] ^= 1;
    fs::write(&bundle, bad).unwrap();
    let text = home.expect(13, &["fsck", "--vkey", "vkey", "tiles"]);
    has(&text, &["REFUSED", "tile/entries/000", &format!("offset       {at}"), "entry        8", "message.received/1"]);
    let line = home.expect(13, &["fsck", "--json", "--vkey", "vkey", "tiles"]);
    let line: serde_json::Value = serde_json::from_str(line.trim()).unwrap();
    assert_eq!((&line["entry"], &line["offset"], &line["class"]), (&8.into(), &at.into(), &"bad_proof".into()));
    fs::write(&bundle, good).unwrap();

    fs::remove_file(home.path("tiles/tile/0/000")).unwrap();
    has(&home.expect(18, &["fsck", "--vkey", "vkey", "tiles"]), &["entries 0 to 255"]);
    home.expect(3, &["fsck", "--vkey", "vkey", "nowhere"]);
}

#[test]
fn fsck_refuses_a_log_that_dropped_what_was_acknowledged() {
    let home = Home::new();
    let other = Log::changed(320, |entry| {
        if entry.seq.0 == 50 {
            entry.actor.id = Id128([9; 16]);
        }
    });
    home.put("receipts/60.tlog-proof", &other.receipt(60, 300));
    has(&home.expect(16, &["fsck", "--vkey", "vkey", "--receipts", "receipts", "tiles"]), &["FORK", "60.tlog-proof"]);
    home.put("receipts/60.tlog-proof", &other.receipt(60, 320));
    has(&home.expect(17, &["fsck", "--vkey", "vkey", "--receipts", "receipts", "tiles"]), &["ROLLBACK"]);
}

#[test]
fn signed_lies_have_their_codes() {
    let home = Home::new();
    let log = Log::changed(40, |entry| {
        if entry.seq.0 == 20 {
            entry.seq.0 = 21;
        }
    });
    log.write(&home.path("lying"));
    has(&home.expect(15, &["fsck", "--vkey", "vkey", "lying"]), &["seq of entry 20", "expected 20, got 21"]);
}

#[test]
fn consistency_holds_by_tiles_and_by_proof() {
    let home = Home::new();
    for old in [0, 1, 256, 257, 300] {
        home.put("old", &home.log.signed(old).to_string());
        home.expect(0, &["consistency", "--vkey", "vkey", "--tiles", "tiles", "old", "tiles/checkpoint"]);
        let directory = TileDir::open(home.path("tiles"));
        let path = consistency_path(&directory.tree(TreeSize(300)), TreeSize(old), TreeSize(300)).unwrap();
        let lines = path.iter().fold(String::new(), |text, hash| text + &hash.to_base64() + "\n");
        home.put("proof", &lines);
        home.expect(0, &["consistency", "--vkey", "vkey", "--proof", "proof", "old", "tiles/checkpoint"]);
    }
    assert!(!home.path("lww-evidence.txt").exists());
}

#[test]
fn a_contradiction_is_kept_as_evidence_and_never_overwritten() {
    let home = Home::new();
    let other = Log::changed(300, |entry| {
        if entry.seq.0 == 50 {
            entry.actor.id = Id128([9; 16]);
        }
    });
    for (old, new, code) in [(257, 300, 16), (256, 300, 16), (300, 300, 16), (300, 257, 17)] {
        home.put("old", &other.signed(old).to_string());
        home.put("new", &home.log.signed(new).to_string());
        let evidence = format!("evidence-{old}-{new}");
        let arguments = ["consistency", "--vkey", "vkey", "--tiles", "tiles", "--evidence", &evidence, "old", "new"];
        has(&home.expect(code, &arguments), &["REFUSED", &evidence]);
        let kept = fs::read_to_string(home.path(&evidence)).unwrap();
        has(&kept, &["lww-evidence@v1", &other.signed(old).to_string(), &home.log.signed(new).to_string()]);
        has(&home.expect(code, &arguments), &["not written"]);
        assert_eq!(fs::read_to_string(home.path(&evidence)).unwrap(), kept);
        // The file convicts by itself; but from a power of two a path alone can't, which RFC 9162 leaves the old root out of.
        let judged = if old == 256 { 13 } else { code };
        has(&home.expect(judged, &["evidence", "--vkey", "vkey", &evidence]), &["REFUSED", "lww.example/acme/1"]);
    }
    // By a proof of the newer log alone: certain when it leads to the newer root.
    let directory = TileDir::open(home.path("tiles"));
    let path = consistency_path(&directory.tree(TreeSize(300)), TreeSize(257), TreeSize(300)).unwrap();
    let lines = path.iter().fold(String::new(), |text, hash| text + &hash.to_base64() + "\n");
    home.put("old", &other.signed(257).to_string());
    for (proof, code) in [
        (lines.clone(), 16),
        (lines.replacen(&path[1].to_base64(), &path[0].to_base64(), 1), 13),
        (lines.replacen('=', "", 1), 10),
    ] {
        home.put("proof", &proof);
        let evidence = format!("by-proof-{code}");
        home.expect(
            code,
            &["consistency", "--vkey", "vkey", "--proof", "proof", "--evidence", &evidence, "old", "tiles/checkpoint"],
        );
        assert_eq!(home.path(&evidence).exists(), code != 10);
    }
}

#[test]
fn evidence_that_convicts_nobody_says_so() {
    let home = Home::new();
    let (old, new) = (home.log.signed(257), home.log.signed(300));
    let path = consistency_path(&TileDir::open(home.path("tiles")).tree(TreeSize(300)), TreeSize(257), TreeSize(300));
    let agree = Evidence { found: "fork: a lie".to_owned(), old, new, path: path.unwrap() };
    home.put("agree", &agree.to_string());
    has(&home.expect(0, &["evidence", "--vkey", "vkey", "agree"]), &["VALID", "accuses nobody"]);
    let stranger = common::signer("lww.example/acme/1", 3);
    let forged = lww_audit::SignedCheckpoint::sign(home.log.checkpoint(257), &[&stranger]).unwrap();
    home.put("forged", &Evidence { old: forged, ..agree }.to_string());
    home.expect(12, &["evidence", "--vkey", "vkey", "forged"]);
    home.put("nonsense", "lww-evidence@v1\n");
    home.expect(10, &["evidence", "--vkey", "vkey", "nonsense"]);
}

#[test]
fn consistency_refuses_strangers_other_logs_and_damaged_tiles() {
    let home = Home::new();
    home.put("old", &home.log.signed(257).to_string());
    let stranger = common::signer("lww.example/other/1", 3);
    let mut checkpoint = home.log.checkpoint(300);
    checkpoint.origin = "lww.example/other/1".parse().unwrap();
    let signed = lww_audit::SignedCheckpoint::sign(checkpoint, &[&stranger]).unwrap();
    home.put("new", &signed.to_string());
    let key = stranger.verifier_key().to_string();
    home.expect(12, &["consistency", "--vkey", "vkey", "--tiles", "tiles", "old", "new"]);
    home.expect(20, &["consistency", "--vkey", "vkey", "--vkey", &key, "--tiles", "tiles", "old", "new"]);
    let tile = home.path("tiles/tile/0/001.p/44");
    let mut bytes = fs::read(&tile).unwrap();
    bytes[0] ^= 1;
    fs::write(tile, bytes).unwrap();
    home.expect(13, &["consistency", "--vkey", "vkey", "--tiles", "tiles", "old", "tiles/checkpoint"]);
    assert!(!home.path("lww-evidence.txt").exists(), "damaged tiles are no evidence against the log");
}

/// Moves the time that a witness's signature line states by one second, and leaves its signature.
fn a_second_later(note: &str, witness: &str) -> String {
    let line = note.lines().find(|line| line.starts_with(&format!("\u{2014} {witness} "))).unwrap();
    let mut blob = STANDARD.decode(line.rsplit(' ').next().unwrap()).unwrap();
    blob[4 + 7] ^= 1;
    note.replace(line, &format!("\u{2014} {witness} {}", STANDARD.encode(blob)))
}

#[test]
fn a_policy_demands_its_quorum_of_receipts_checkpoints_and_logs() {
    let home = Home::new();
    home.put("policy", &policy());
    let plain = home.log.signed(300).to_string();
    let enough = cosigned(&home.log, 300, &[1, 3]).to_string();
    let stranger = cosigned(&home.log, 300, &[1, 9]).to_string();
    for (note, code, says) in [
        (enough.clone(), 0, "w1 at 2026-01-05T02:00:01.000000Z, w3 at 2026-01-05T02:00:03.000000Z"),
        (plain.clone(), 21, "the quorum bank is not reached: of the trusted witnesses [] have cosigned"),
        (stranger.replace("w9.example", "w2.example"), 21, "of the trusted witnesses [w1] have cosigned"),
        (stranger, 21, "of the trusted witnesses [w1] have cosigned"),
        (a_second_later(&enough, "w3.example"), 12, "the signature of trusted key w3.example+"),
        (enough.replacen("\n300\n", "\n301\n", 1), 12, "the signature of trusted key lww.example/acme/1+"),
    ] {
        home.put("receipt.tlog-proof", &home.log.receipt(8, 300).replace(&plain, &note));
        has(&home.expect(code, &["proof", "--policy", "policy", "receipt.tlog-proof"]), &[says]);
        home.put("tiles/checkpoint", &note);
        has(&home.expect(code, &["fsck", "--policy", "policy", "tiles"]), &[says]);
        home.put("old", &cosigned(&home.log, 257, &[2, 3]).to_string());
        let arguments = ["consistency", "--policy", "policy", "--tiles", "tiles", "old", "tiles/checkpoint"];
        has(&home.expect(code, &arguments), &[says]);
    }
    // Without a policy nobody asks for witnesses, and receipts of before count for a cosigned log.
    home.put("tiles/checkpoint", &enough);
    home.expect(0, &["fsck", "--vkey", "vkey", "tiles"]);
    home.expect(0, &["fsck", "--policy", "policy", "--receipts", "receipts", "tiles"]);
}

#[test]
fn a_policy_that_is_none_is_refused_and_a_missing_quorum_hides_no_fork() {
    let home = Home::new();
    let receipt = "receipts/8.tlog-proof";
    for (text, code) in [
        ("quorum bank\n".to_owned(), 10),
        (policy().replace("quorum bank", "quorum none"), 0),
        (policy().replace("log ", "# log "), 12),
    ] {
        home.put("policy", &text);
        home.expect(code, &["proof", "--policy", "policy", receipt]);
    }
    home.expect(21, &["proof", "--vkey", "vkey", "--policy", "policy", receipt]);
    home.expect(3, &["proof", "--policy", "not-there", receipt]);
    home.put("policy", &policy());
    let other = Log::changed(300, |entry| {
        if entry.seq.0 == 50 {
            entry.actor.id = Id128([9; 16]);
        }
    });
    home.put("old", &other.signed(257).to_string());
    let arguments = ["consistency", "--policy", "policy", "--tiles", "tiles", "old", "tiles/checkpoint"];
    has(&home.expect(16, &arguments), &["FORK", "lww-evidence.txt"]);
}

#[test]
fn a_sample_is_drawn_from_a_checkpoint_that_is_believed() {
    let home = Home::new();
    let draw = |nonce: &str| {
        let line = home
            .expect(0, &["sample", "--json", "--vkey", "vkey", "--nonce", nonce, "--count", "5", "tiles/checkpoint"]);
        let line: serde_json::Value = serde_json::from_str(line.trim()).unwrap();
        line["sample"].to_string()
    };
    assert_eq!(draw("dice 4 6 1 3"), draw("dice 4 6 1 3"));
    assert_ne!(draw("dice 4 6 1 3"), draw("dice 4 6 1 4"));
    home.put("policy", &policy());
    let arguments = ["sample", "--nonce", "1", "--count", "5", "tiles/checkpoint"];
    home.expect(21, &[&arguments[..], &["--policy", "policy"]].concat());
    home.put("tiles/checkpoint", &home.log.signed(300).to_string().replacen("\n300\n", "\n301\n", 1));
    home.expect(12, &[&arguments[..], &["--vkey", "vkey"]].concat());
    home.expect(2, &["sample", "--vkey", "vkey", "--nonce", "", "--count", "5", "tiles/checkpoint"]);
    home.expect(2, &["sample", "--vkey", "vkey", "--nonce", "1", "--count", "0", "tiles/checkpoint"]);
}

#[test]
fn the_help_teaches_codes_and_examples() {
    let home = Home::new();
    let text = home.expect(0, &["--help"]);
    has(&text, &["Examples:", "lww-verify fsck", "Exit codes:"]);
    for class in lww_audit::Class::ALL {
        assert!(
            text.lines().any(|line| line.trim_start().starts_with(&format!("{}  ", class.exit_code()))),
            "{class:?}"
        );
    }
}
