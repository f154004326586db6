//! Checkpoints: the signed statement that a log of a name had a root at a size.
//!
//! Extension lines, which the specification allows but advises against, are refused: no monitor can audit them, and
//! post-quantum cosignatures don't cover them. Source: C2SP `tlog-checkpoint`.

use crate::error::{Error, Format, malformed};
use crate::note::{Note, NoteSignature, NoteSigner, VerifierKey};
use crate::types::{Hash, Origin, TreeSize};
use std::fmt;
use std::str::FromStr;

/// What is signed: a log, a size, a root.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// The log.
    pub origin: Origin,
    /// Number of entries.
    pub size: TreeSize,
    /// Root of the tree of that many entries.
    pub root: Hash,
}

impl fmt::Display for Checkpoint {
    /// Writes the note text: three lines, each with its line break.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}\n{}\n{}", self.origin, self.size, self.root.to_base64())
    }
}

impl FromStr for Checkpoint {
    type Err = Error;

    /// Parses a note text.
    fn from_str(text: &str) -> Result<Self, Error> {
        let refuse = |offset, reason| malformed(Format::Checkpoint, offset, reason);
        let body = text.strip_suffix('\n').ok_or_else(|| refuse(text.len(), "no line break at the end"))?;
        let mut lines = body.split('\n');
        let (Some(origin), Some(size), Some(root)) = (lines.next(), lines.next(), lines.next()) else {
            return Err(refuse(text.len(), "fewer than three lines"));
        };
        if lines.next().is_some() {
            return Err(refuse(origin.len() + size.len() + root.len() + 3, "extension lines are not accepted"));
        }
        let at_line = |offset: usize, error: Error| match error {
            Error::Malformed { reason, .. } => refuse(offset, reason),
            other => other,
        };
        Ok(Self {
            origin: origin.parse().map_err(|e| at_line(0, e))?,
            size: size.parse().map_err(|e| at_line(origin.len() + 1, e))?,
            root: Hash::from_base64(root).map_err(|e| at_line(origin.len() + size.len() + 2, e))?,
        })
    }
}

/// A checkpoint with its signatures, not yet believed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedCheckpoint {
    checkpoint: Checkpoint,
    note: Note,
}

impl SignedCheckpoint {
    /// Signs a checkpoint with one key, or with several during a rotation.
    ///
    /// # Errors
    /// `Malformed` if there is no signer.
    pub fn sign(checkpoint: Checkpoint, signers: &[&NoteSigner]) -> Result<Self, Error> {
        let text = checkpoint.to_string();
        let signatures = signers.iter().map(|signer| signer.sign(&text)).collect();
        Self::with_signatures(checkpoint, signatures)
    }

    /// Joins a checkpoint and signatures made elsewhere, for instance in an HSM, over `checkpoint.to_string()`.
    ///
    /// # Errors
    /// `Malformed` if there is no signature. The signatures are not verified by this.
    pub fn with_signatures(checkpoint: Checkpoint, signatures: Vec<NoteSignature>) -> Result<Self, Error> {
        Ok(Self { note: Note::new(checkpoint.to_string(), signatures)?, checkpoint })
    }

    /// Parses a signed checkpoint.
    ///
    /// # Errors
    /// `Malformed` or `TooLong`. The signatures are not verified by this.
    pub fn parse(bytes: &[u8]) -> Result<Self, Error> {
        let note = Note::parse(bytes)?;
        Ok(Self { checkpoint: note.text().parse()?, note })
    }

    /// Verifies that a trusted key named like the origin has signed, and returns what it signed and who did.
    ///
    /// # Errors
    /// `BadSignature` or `Unsigned`.
    pub fn verify<'k>(&self, keys: &'k [VerifierKey]) -> Result<(&Checkpoint, Vec<&'k VerifierKey>), Error> {
        // A key of another log, or of a witness, must not vouch for this one: the name is compared with the origin.
        let signers = self.note.verify(keys, self.checkpoint.origin.as_str())?;
        Ok((&self.checkpoint, signers))
    }

    /// Borrows the checkpoint although nobody has verified it, for the log's own bookkeeping.
    pub const fn unverified(&self) -> &Checkpoint {
        &self.checkpoint
    }

    /// Borrows the note.
    pub const fn note(&self) -> &Note {
        &self.note
    }
}

impl fmt::Display for SignedCheckpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.note.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::merkle::empty_root;

    const TEXT: &str = "lww.example/acme/1\n0\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n";

    #[test]
    fn text_survives_and_everything_looser_is_refused() {
        let checkpoint: Checkpoint = TEXT.parse().unwrap();
        assert_eq!(checkpoint.root, empty_root());
        assert_eq!(checkpoint.to_string(), TEXT);
        for bad in [
            "",
            "\n",
            TEXT.trim_end(),
            &format!("{TEXT}extension\n"),
            &format!("{TEXT}\n"),
            &TEXT.replace("\n0\n", "\n00\n"),
            &TEXT.replace("\n0\n", "\n-1\n"),
            &TEXT.replace("\n0\n", "\n18446744073709551616\n"),
            &TEXT.replace("uFU=", "uFV="),
            &TEXT.replace("uFU=", "uFU"),
            &TEXT.replace("/acme/1", ""),
        ] {
            assert!(bad.parse::<Checkpoint>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn only_a_key_named_like_the_origin_vouches() {
        let signer = |name| NoteSigner::from_seed(name, &[7; 32]).unwrap();
        let (own, other) = (signer("lww.example/acme/1"), signer("lww.example/evil/1"));
        let checkpoint: Checkpoint = TEXT.parse().unwrap();
        let keys = [own.verifier_key().clone(), other.verifier_key().clone()];
        let good = SignedCheckpoint::sign(checkpoint.clone(), &[&own, &other]).unwrap();
        let parsed = SignedCheckpoint::parse(good.to_string().as_bytes()).unwrap();
        assert_eq!(parsed.verify(&keys).unwrap().0, &checkpoint);
        let bad = SignedCheckpoint::sign(checkpoint.clone(), &[&other]).unwrap();
        assert!(matches!(bad.verify(&keys), Err(Error::Unsigned { .. })));
        assert!(SignedCheckpoint::sign(checkpoint, &[]).is_err());
    }
}
