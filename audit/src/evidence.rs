//! Evidence that a log contradicts itself: two of its signed checkpoints in one file, which proves by itself.
//!
//! Whoever finds the contradiction writes the file, a verifier or a witness; whoever reads it believes nothing of it but the
//! log's own signatures. Source: `FORMAT.md`, "Evidence".

use crate::checkpoint::SignedCheckpoint;
use crate::error::{Error, Format, malformed};
use crate::merkle::{PATH_HASHES_MAX, verify_consistency};
use crate::note::{NOTE_BYTES_MAX, VerifierKey};
use crate::types::Hash;
use std::fmt;

/// Longest file: two notes, 63 hashes in base64, and the lines between.
pub const EVIDENCE_BYTES_MAX: usize = 2 * NOTE_BYTES_MAX + PATH_HASHES_MAX * 45 + 1024;

const VERSION: &str = "lww-evidence@v1\n";
const OLDER: &str = "\n--- older signed checkpoint\n";
const NEWER: &str = "\n--- newer signed checkpoint\n";
const PATH: &str = "\n--- consistency proof\n";

/// Two signed checkpoints of one log, and what should lead from one to the other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Evidence {
    /// What whoever wrote it found, one line; nobody need believe it.
    pub found: String,
    /// The older one.
    pub old: SignedCheckpoint,
    /// The newer one.
    pub new: SignedCheckpoint,
    /// The consistency path from the older to the newer.
    pub path: Vec<Hash>,
}

impl Evidence {
    /// Parses a file.
    ///
    /// # Errors
    /// `Malformed` or `TooLong`. Nothing is verified by this.
    pub fn parse(bytes: &[u8]) -> Result<Self, Error> {
        let refuse = |offset, reason| malformed(Format::Evidence, offset, reason);
        if bytes.len() > EVIDENCE_BYTES_MAX {
            let (max, got) = (EVIDENCE_BYTES_MAX as u64, bytes.len() as u64);
            return Err(Error::TooLong { what: Format::Evidence, max, got });
        }
        let text = std::str::from_utf8(bytes).map_err(|e| refuse(e.valid_up_to(), "not UTF-8"))?;
        let rest = text.strip_prefix(VERSION).ok_or_else(|| refuse(0, "not lww-evidence@v1"))?;
        let split = |text, at| str::split_once(text, at).ok_or_else(|| refuse(VERSION.len(), "a part is missing"));
        let (found, rest) = split(rest, OLDER)?;
        let found = found.strip_suffix('\n').filter(|line| !line.contains('\n'));
        let found = found.ok_or_else(|| refuse(VERSION.len(), "not one line that says what was found"))?;
        let (old, rest) = split(rest, NEWER)?;
        let (new, path) = split(rest, PATH)?;
        let line = |line: &str| {
            let hash = line.strip_suffix('\n').and_then(|hash| Hash::from_base64(hash).ok());
            hash.ok_or_else(|| refuse(text.len() - path.len(), "a line is not the base64 of 32 bytes"))
        };
        let hashes = path.split_inclusive('\n').take(PATH_HASHES_MAX + 1).map(line).collect::<Result<Vec<_>, _>>()?;
        if hashes.len() > PATH_HASHES_MAX {
            return Err(refuse(text.len() - path.len(), "more than 63 hashes"));
        }
        let signed = |note: &str| SignedCheckpoint::parse(note.as_bytes());
        Ok(Self { found: found.to_owned(), old: signed(old)?, new: signed(new)?, path: hashes })
    }

    /// Says whether both checkpoints are the log's and agree.
    ///
    /// # Errors
    /// `Fork` or `Rollback` if they contradict each other, which is what evidence is for; `BadSignature`, `Unsigned` or
    /// `OtherLog` if they are not both of one trusted log; `BadProof` if the path leads nowhere, which shows nothing.
    pub fn verify(&self, keys: &[VerifierKey]) -> Result<(), Error> {
        let (old, _) = self.old.verify(keys)?;
        let (new, _) = self.new.verify(keys)?;
        if old.origin != new.origin {
            return Err(Error::OtherLog { expected: old.origin.clone(), got: new.origin.clone() });
        }
        verify_consistency(old.size, &old.root, new.size, &new.root, &self.path)
    }
}

impl fmt::Display for Evidence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { found, old, new, path } = self;
        write!(f, "{VERSION}{found}\n{OLDER}{old}{NEWER}{new}{PATH}")?;
        path.iter().try_for_each(|hash| writeln!(f, "{}", hash.to_base64()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checkpoint::Checkpoint;
    use crate::merkle::{Frontier, leaf_hash, node_hash};
    use crate::note::NoteSigner;

    fn signed(signer: &NoteSigner, leaves: &[&str]) -> SignedCheckpoint {
        let mut tree = Frontier::empty();
        for leaf in leaves {
            tree.push(leaf_hash(leaf.as_bytes()));
        }
        let origin = signer.verifier_key().name().parse().unwrap();
        SignedCheckpoint::sign(Checkpoint { origin, size: tree.size(), root: tree.root() }, &[signer]).unwrap()
    }

    #[test]
    fn evidence_survives_its_text_and_convicts_by_the_log_s_own_signatures_only() {
        let log = NoteSigner::from_seed("lww.example/acme/1", &[1; 32]).unwrap();
        let keys = [log.verifier_key().clone()];
        let found = "fork: seen by w1".to_owned();
        let [a, b, c, d] = ["a", "b", "c", "d"].map(|leaf| leaf_hash(leaf.as_bytes()));
        let (old, new) = (signed(&log, &["x", "b", "c"]), signed(&log, &["a", "b", "c", "d"]));
        let fork = Evidence { found, old, new, path: vec![c, d, node_hash(&a, &b)] };
        let read = Evidence::parse(fork.to_string().as_bytes()).unwrap();
        assert_eq!(read, fork);
        assert!(matches!(read.verify(&keys), Err(Error::Fork { .. })));
        let no_proof = Evidence { path: vec![d, c, node_hash(&a, &b)], ..fork.clone() };
        assert!(matches!(no_proof.verify(&keys), Err(Error::BadHash { .. })), "a wrong path convicts nobody");
        let same_size = Evidence { new: signed(&log, &["y", "b", "c"]), path: Vec::new(), ..fork.clone() };
        assert!(matches!(same_size.verify(&keys), Err(Error::Fork { .. })));
        let agrees = Evidence { old: signed(&log, &["a", "b", "c"]), ..fork.clone() };
        assert!(agrees.verify(&keys).is_ok(), "two true checkpoints accuse nobody");
        let stranger = NoteSigner::from_seed("lww.example/acme/1", &[2; 32]).unwrap();
        let forged = Evidence { new: signed(&stranger, &["y", "b", "c"]), path: Vec::new(), ..fork };
        assert!(matches!(forged.verify(&keys), Err(Error::Unsigned { .. })));
    }

    #[test]
    fn what_is_not_of_the_form_is_refused() {
        let log = NoteSigner::from_seed("lww.example/acme/1", &[1; 32]).unwrap();
        let (old, new) = (signed(&log, &["x"]), signed(&log, &["y"]));
        let text = Evidence { found: "fork".to_owned(), old, new, path: vec![Hash::ZERO] }.to_string();
        assert!(Evidence::parse(text.as_bytes()).is_ok());
        for bad in [
            String::new(),
            text.replace("@v1", "@v2"),
            text.replace("--- older", "--- elder"),
            text.replace("--- newer", "--- other"),
            text.replace("--- consistency", "--- other"),
            text.replace("fork\n", "fork\nfork\n"),
            text.trim_end().to_owned(),
            format!("{text}x\n"),
            text.clone() + &format!("{}\n", Hash::ZERO.to_base64()).repeat(PATH_HASHES_MAX),
        ] {
            assert!(Evidence::parse(bad.as_bytes()).is_err(), "{bad:?}");
        }
    }
}
