//! Tests of a witness's judgement: each status of the specification, and that no history is ever cosigned twice.

use super::*;
use crate::merkle::{NodeReader, consistency_path, leaf_hash, root_at};
use crate::note::NoteSigner;

const ORIGIN: &str = "lww.example/acme/1";

/// A log of so many entries, of which those from `changed` on are of another history.
struct Log {
    leaves: Vec<Hash>,
}

impl NodeReader for Log {
    fn node(&self, level: u32, index: u64) -> Result<Hash, Error> {
        if level == 0 {
            return Ok(self.leaves[usize::try_from(index).unwrap()]);
        }
        Ok(crate::merkle::node_hash(&self.node(level - 1, index * 2)?, &self.node(level - 1, index * 2 + 1)?))
    }
}

impl Log {
    fn new(size: u64, changed: u64) -> Self {
        let leaf = |n: u64| leaf_hash(format!("{n}{}", if n >= changed { " changed" } else { "" }).as_bytes());
        Self { leaves: (0..size).map(leaf).collect() }
    }

    fn checkpoint(&self, size: u64) -> Checkpoint {
        let root = root_at(self, TreeSize(size)).unwrap();
        Checkpoint { origin: ORIGIN.parse().unwrap(), size: TreeSize(size), root }
    }

    fn request(&self, old: u64, new: u64) -> AddCheckpoint {
        let checkpoint = SignedCheckpoint::sign(self.checkpoint(new), &[&signer(1)]).unwrap();
        let path = if old == 0 { Vec::new() } else { consistency_path(self, TreeSize(old), TreeSize(new)).unwrap() };
        AddCheckpoint { old: TreeSize(old), path, checkpoint }
    }
}

fn signer(seed: u8) -> NoteSigner {
    NoteSigner::from_seed(ORIGIN, &[seed; 32]).unwrap()
}

fn keys() -> Vec<VerifierKey> {
    vec![signer(1).verifier_key().clone()]
}

fn status(request: &AddCheckpoint, newest: Option<&Checkpoint>) -> (u16, bool) {
    match judge(request, &keys(), newest) {
        Ok(_) => (200, false),
        Err(refusal) => (refusal.status(), refusal.is_evidence()),
    }
}

#[test]
fn a_log_that_only_grows_is_cosigned_at_every_step() {
    let log = Log::new(40, u64::MAX);
    for old in 0..40 {
        let newest = log.checkpoint(old);
        for new in old..=40 {
            let request = log.request(old, new);
            assert_eq!(status(&request, Some(&newest)), (200, false), "{old} to {new}");
            assert_eq!(AddCheckpoint::parse(request.to_string().as_bytes()).unwrap(), request);
        }
    }
    assert_eq!(status(&log.request(0, 7), None).0, 200);
}

#[test]
fn each_refusal_has_its_status_and_a_fork_is_evidence() {
    let (log, fork) = (Log::new(40, u64::MAX), Log::new(40, 20));
    let newest = log.checkpoint(30);
    // Another history under the log's own signature: at the same size, beyond it, and with a path that is true there.
    assert_eq!(status(&fork.request(30, 30), Some(&newest)), (409, true));
    assert_eq!(status(&fork.request(30, 40), Some(&newest)), (422, true));
    // The log is behind, ahead, or gives a wrong path: nothing is proven against it.
    assert_eq!(status(&log.request(10, 20), Some(&newest)), (409, false));
    assert_eq!(
        judge(&log.request(10, 20), &keys(), Some(&newest)),
        Err(Refusal::Conflict { newest: TreeSize(30), is_fork: false })
    );
    assert_eq!(status(&log.request(35, 40), Some(&newest)), (409, false));
    assert_eq!(status(&log.request(1, 5), None), (409, false));
    let mut wrong = log.request(30, 40);
    wrong.path[0].0[0] ^= 1;
    assert_eq!(status(&wrong, Some(&newest)), (422, false));
    let mut short = log.request(30, 40);
    short.path.pop();
    assert_eq!(status(&short, Some(&newest)), (422, false));
    let mut more = log.request(0, 40);
    more.path.push(Hash::ZERO);
    assert_eq!(status(&more, None), (422, false));
    let back = AddCheckpoint { old: TreeSize(30), path: Vec::new(), checkpoint: log.request(0, 20).checkpoint };
    assert_eq!(status(&back, Some(&newest)).0, 400);
    let stranger = SignedCheckpoint::sign(log.checkpoint(40), &[&signer(2)]).unwrap();
    assert_eq!(status(&AddCheckpoint { checkpoint: stranger, ..log.request(30, 40) }, Some(&newest)).0, 403);
    assert_eq!(judge(&log.request(0, 1), &[], None), Err(Refusal::UnknownLog));
}

#[test]
fn a_rolled_back_log_is_never_cosigned_again() {
    let log = Log::new(40, u64::MAX);
    let newest = log.checkpoint(30);
    for old in 0..=40 {
        for new in old..30 {
            assert_ne!(status(&log.request(old, new), Some(&newest)).0, 200, "{old} to {new}");
        }
    }
}

#[test]
fn whatever_is_looser_than_the_format_is_refused() {
    let good = Log::new(9, u64::MAX).request(5, 9).to_string();
    assert!(AddCheckpoint::parse(good.as_bytes()).is_ok());
    let many = format!("old 5\n{}\n{}", "A".repeat(43).as_str().to_owned() + "=\n", good);
    for bad in [
        String::new(),
        good.replacen("old 5", "old 05", 1),
        good.replacen("old 5", "old -5", 1),
        good.replacen("old 5", "older 5", 1),
        good.replacen("old 5\n", "", 1),
        good.replacen("old 5\n", "old 5\nabc\n", 1),
        good.replacen("old 5\n", &format!("old 5\n{}", format!("{}=\n", "A".repeat(43)).repeat(64)), 1),
        good.trim_end().to_owned(),
        many.replacen("\n\n", "\n", 1),
    ] {
        assert!(AddCheckpoint::parse(bad.as_bytes()).is_err(), "{bad:?}");
    }
    assert!(matches!(AddCheckpoint::parse(&vec![b'a'; REQUEST_BYTES_MAX + 1]), Err(Error::TooLong { .. })));
}

#[test]
fn an_answer_is_signature_lines_and_nothing_else() {
    let line = signer(1).sign("text\n").to_string();
    assert_eq!(parse_cosignatures(format!("{line}\n{line}\n").as_bytes()).unwrap().len(), 2);
    for bad in ["", "\n", "<html>\n", &line, &format!("{line}\n\n"), &format!("{line}\n").repeat(65)] {
        assert!(parse_cosignatures(bad.as_bytes()).is_err(), "{bad:?}");
    }
}
