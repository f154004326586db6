//! The evidence package among the golden vectors, and what a change of each of its files must be refused for.

use super::common::{keys, log_signer, opened};
use super::sealed::{POLICY, sealed_log};
use lww_audit::export::{Finding, Package, Request, gather, verify};
use lww_audit::{Class, Entry, Id128, TileDir};
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

const CONVERSATION: &str = "conversation 0c0c0c0c0c0c0c0c0000000000000003";
const RANGE: &str = "range 2026-01-05T01:00:12.345670Z 2026-01-05T01:00:14.814804Z";

/// A replacement of text, once, and how the package is refused then.
#[derive(Deserialize)]
struct Edit {
    file: String,
    from: String,
    to: String,
    class: String,
    exit_code: u8,
    refused_in: String,
    entry: Option<u64>,
}

/// Writes the package of a log of 40 entries, sealed by entry 30, into a new folder.
pub fn write(directory: &Path) {
    let home = tempfile::tempdir().unwrap();
    sealed_log(40, 30).write(home.path());
    let tiles = TileDir::open(home.path());
    let request = Request {
        scopes: vec![CONVERSATION.parse().unwrap(), RANGE.parse().unwrap()],
        made: "2026-01-06T00:00:00.000000Z".parse().unwrap(),
        checkpoint: tiles.checkpoint().unwrap().unwrap(),
        staff: BTreeMap::from([("0a0a0a0a0a0a0a0a0000000000000003".parse::<Id128>().unwrap(), "李雷".to_owned())]),
        policies: vec![POLICY.to_vec()],
        bytes_max: u64::MAX,
    };
    let mut open = |entry: &Entry| {
        let opened = if entry.content.is_some() { opened(entry.seq.0) } else { Vec::new() };
        Ok(opened.into_iter().take(1).collect())
    };
    let draft = gather(directory, &tiles, &request, &mut open).unwrap();
    let signature = log_signer().sign(draft.text());
    draft.sign(vec![signature]).unwrap();
}

pub fn edits() -> Value {
    let entries = "entries.jsonl";
    let row = |file: &str, from: &str, to: &str, class: Class, refused_in: &str, entry: Option<u64>| {
        json!({"file": file, "from": from, "to": to, "class": class.name(), "exit_code": class.exit_code(),
            "refused_in": refused_in, "entry": entry})
    };
    json!([
        row(entries, "****0017", "****0018", Class::BadCommitment, entries, Some(17)),
        row(entries, "supervisor", "supervisar", Class::BadProof, entries, Some(10)),
        row(entries, "\\\"v\\\":1", "\\\"v\\\":2", Class::UnknownVersion, entries, Some(3)),
        row(entries, "{\"entry\"", " {\"entry\"", Class::Malformed, entries, None),
        row("context.jsonl", "agent", "agend", Class::BadProof, "context.jsonl", Some(9)),
        row("ends.json", "\"n\":2", "\"n\":1", Class::BadProof, "ends.json", None),
        row("ends.json", "\"upto\":20", "\"upto\":21", Class::Malformed, "context.jsonl", Some(30)),
        row("staff.jsonl", "李雷", "韩梅", Class::BadProof, "staff.jsonl", None),
        row("checkpoint", "\n40\n", "\n41\n", Class::BadSignature, "checkpoint", None),
        row("manifest", "2026-01-06", "2026-01-07", Class::BadSignature, "manifest", None),
    ])
}

fn check(directory: &Path) -> Result<u64, Box<Finding>> {
    let package = Package::open(directory).unwrap();
    verify(&package, &keys(), &mut |_| {}, &mut |_, _| {}).map(|report| report.entries)
}

/// Checks the kept package, and each edit of it.
pub fn check_kept(vectors: &Path) {
    let kept = vectors.join("package");
    assert_eq!(check(&kept).unwrap(), 7);
    let edits: Vec<Edit> = serde_json::from_slice(&fs::read(vectors.join("package.json")).unwrap()).unwrap();
    for Edit { file, from, to, class, exit_code, refused_in, entry } in edits {
        let home = tempfile::tempdir().unwrap();
        let copy = home.path().join("package");
        let copied = std::process::Command::new("cp").arg("-r").args([&kept, &copy]).status().unwrap();
        assert!(copied.success());
        let text = fs::read_to_string(copy.join(&file)).unwrap();
        let changed = text.replacen(&from, &to, 1);
        assert_ne!(text, changed, "{from} is not in {file}");
        fs::write(copy.join(&file), changed).unwrap();
        let finding = check(&copy).unwrap_err();
        let got = (finding.error.class().name(), finding.error.class().exit_code(), finding.file.as_str());
        assert_eq!(got, (class.as_str(), exit_code, refused_in.as_str()), "{from} -> {to}: {finding:?}");
        assert_eq!(finding.entry.map(|index| index.0), entry, "{from} -> {to}: {finding:?}");
    }
}
