//! `lww demo`, as a new user meets it: the story in its order, the proofs, tampering caught, and the files that stay.

#![expect(clippy::unwrap_used, reason = "a broken test world fails the test")]

use crate::common;

use std::path::Path;

use common::{files, lww, verified};

/// What is printed, in this order.
const STORY: [&str; 11] = [
    "a lost card, told in disguised numbers",
    "customer typed",
    "customer sees",
    "agent sees",
    "ledger records",
    "agent answered",
    "Proof",
    "VALID 01.tlog-proof entry",
    "Tampering",
    "lww-verify proof --vkey",
    "An English conversation follows",
];

#[test]
fn the_demo_tells_its_story_in_order_catches_tampering_and_leaves_what_verifies() {
    let folder = tempfile::tempdir().unwrap();
    let kept = folder.path().join("kept");
    // As root, PostgreSQL's account passes through.
    std::fs::set_permissions(folder.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let (is_good, said) = lww(&["demo", "--keep", kept.to_str().unwrap()]);
    assert!(is_good, "{said}");
    let mut rest = said.as_str();
    for piece in STORY {
        let at = rest.find(piece).unwrap_or_else(|| panic!("{piece:?} is missing, or comes too early: {said}"));
        rest = &rest[at..];
    }
    let caught: Vec<&str> = said.lines().filter(|line| line.contains("CAUGHT")).collect();
    assert_eq!(caught.len(), 2, "{said}");
    assert!(caught[1].contains("entry ") && caught[1].contains("(message.received/1)"), "{}", caught[1]);
    for (view, secret) in
        [("agent sees", "6222021234567890128"), ("ledger records", "abc12345"), ("ledger records", "737")]
    {
        assert!(!said.lines().any(|line| line.contains(view) && line.contains(secret)), "{view}: {secret}");
    }
    leaves_what_verifies(&kept);
}

fn leaves_what_verifies(kept: &Path) {
    let (vkey, tiles, receipts) = (kept.join("vkey"), kept.join("tiles"), kept.join("receipts"));
    assert!(kept.join("data").is_dir());
    assert!(!kept.join("tampered").exists());
    let flag = Path::new("--vkey");
    for receipt in files(&receipts) {
        let (is_valid, said) = verified(&[Path::new("proof"), flag, &vkey, &receipt]);
        assert!(is_valid, "{said}");
    }
    let whole = [Path::new("fsck"), flag, &vkey, Path::new("--receipts"), &receipts, &tiles];
    let (is_valid, said) = verified(&whole);
    assert!(is_valid, "{said}");
    let first = files(&receipts).into_iter().next().unwrap();
    let mut bytes = std::fs::read(&first).unwrap();
    bytes[100] ^= 1;
    std::fs::write(&first, bytes).unwrap();
    assert!(!verified(&whole).0, "a spoilt receipt is honoured");
}
