//! What a log asks of a witness, and what a witness may answer.
//!
//! The whole judgement is here, without network, disk or clock: who keeps a witness's state must store what
//! [`judge`] returns before the cosignature leaves, and let no second request in between. Source: C2SP `tlog-witness`.

use crate::checkpoint::{Checkpoint, SignedCheckpoint};
use crate::error::{Error, Format, malformed};
use crate::merkle::{PATH_HASHES_MAX, verify_consistency};
use crate::note::{NOTE_BYTES_MAX, NoteSignature, SIGNATURES_MAX, VerifierKey, parse_signature};
use crate::types::{Hash, TreeSize};
use std::fmt;

/// Longest request in bytes: a note, 63 hashes in base64 and the line of the old size.
pub const REQUEST_BYTES_MAX: usize = NOTE_BYTES_MAX + (PATH_HASHES_MAX + 1) * 64;

/// A request to cosign: this checkpoint, which grew from a tree of the old size.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AddCheckpoint {
    /// Size of the tree that the witness cosigned last, as the log believes.
    pub old: TreeSize,
    /// The consistency path from the old size to the checkpoint's.
    pub path: Vec<Hash>,
    /// What shall be cosigned.
    pub checkpoint: SignedCheckpoint,
}

impl AddCheckpoint {
    /// Parses the body of a request.
    ///
    /// # Errors
    /// `Malformed` or `TooLong`. Nothing is verified by this.
    pub fn parse(bytes: &[u8]) -> Result<Self, Error> {
        let refuse = |offset, reason| malformed(Format::Witnessing, offset, reason);
        if bytes.len() > REQUEST_BYTES_MAX {
            let (max, got) = (REQUEST_BYTES_MAX as u64, bytes.len() as u64);
            return Err(Error::TooLong { what: Format::Witnessing, max, got });
        }
        let text = std::str::from_utf8(bytes).map_err(|e| refuse(e.valid_up_to(), "not UTF-8"))?;
        let (head, note) = text.split_once("\n\n").ok_or_else(|| refuse(bytes.len(), "no empty line"))?;
        let mut lines = head.split('\n');
        let old = lines.next().and_then(|line| line.strip_prefix("old ")).ok_or_else(|| refuse(0, "no old size"))?;
        let mut offset = "old ".len() + old.len() + 1;
        let old = old.parse().map_err(|_| refuse("old ".len(), "the old size is not a decimal number"))?;
        let mut path = Vec::new();
        for line in lines {
            if path.len() == PATH_HASHES_MAX {
                return Err(refuse(offset, "more than 63 hashes"));
            }
            path.push(Hash::from_base64(line).map_err(|_| refuse(offset, "not the base64 of 32 bytes"))?);
            offset += line.len() + 1;
        }
        Ok(Self { old, path, checkpoint: SignedCheckpoint::parse(note.as_bytes())? })
    }
}

impl fmt::Display for AddCheckpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "old {}", self.old)?;
        self.path.iter().try_for_each(|hash| writeln!(f, "{}", hash.to_base64()))?;
        write!(f, "\n{}", self.checkpoint)
    }
}

/// Why a witness doesn't cosign. Each has its status code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The old size is larger than the checkpoint's. 400.
    OldBeyondNew,
    /// No key of the log that the witness knows has signed. 403.
    Untrusted,
    /// The witness knows no log of this origin. 404.
    UnknownLog,
    /// The witness's newest tree is not of the old size, or of the same size with another root. 409, with that size.
    Conflict {
        /// Size of the tree that the witness cosigned last.
        newest: TreeSize,
        /// Whether the same size has two roots, both signed by the log: proof that it lies.
        is_fork: bool,
    },
    /// The path doesn't prove that the log only grew. 422.
    Inconsistent {
        /// Whether the path is a true piece of the new tree, which then does not continue the old: proof that the log lies.
        is_fork: bool,
    },
}

impl Refusal {
    /// The status code of the answer.
    pub const fn status(self) -> u16 {
        match self {
            Self::OldBeyondNew => 400,
            Self::Untrusted => 403,
            Self::UnknownLog => 404,
            Self::Conflict { .. } => 409,
            Self::Inconsistent { .. } => 422,
        }
    }

    /// Says whether the log has contradicted itself under its own signature: what was sent is evidence, to be kept.
    pub const fn is_evidence(self) -> bool {
        matches!(self, Self::Conflict { is_fork: true, .. } | Self::Inconsistent { is_fork: true })
    }
}

/// Judges a request: `keys` are the log's, none if its origin is unknown; `newest` is what was cosigned last for it.
///
/// # Errors
/// Why it must not be cosigned.
pub fn judge<'r>(
    request: &'r AddCheckpoint,
    keys: &[VerifierKey],
    newest: Option<&Checkpoint>,
) -> Result<&'r Checkpoint, Refusal> {
    if keys.is_empty() {
        return Err(Refusal::UnknownLog);
    }
    let (checkpoint, _) = request.checkpoint.verify(keys).map_err(|_| Refusal::Untrusted)?;
    if request.old > checkpoint.size {
        return Err(Refusal::OldBeyondNew);
    }
    let empty = Checkpoint { origin: checkpoint.origin.clone(), size: TreeSize(0), root: crate::merkle::empty_root() };
    let newest = newest.unwrap_or(&empty);
    if request.old != newest.size {
        // The same size under another root contradicts what was cosigned, whatever the log believes to have sent.
        let is_fork = checkpoint.size == newest.size && checkpoint.root != newest.root;
        return Err(Refusal::Conflict { newest: newest.size, is_fork });
    }
    if checkpoint.size == newest.size && checkpoint.root != newest.root {
        return Err(Refusal::Conflict { newest: newest.size, is_fork: newest.size.0 > 0 });
    }
    match verify_consistency(newest.size, &newest.root, checkpoint.size, &checkpoint.root, &request.path) {
        Ok(()) => Ok(checkpoint),
        Err(error) => Err(Refusal::Inconsistent { is_fork: matches!(error, Error::Fork { .. }) }),
    }
}

/// Parses what a witness answers: signature lines. Lines of unknown keys are for the caller to ignore.
///
/// # Errors
/// `Malformed` or `TooLong`.
pub fn parse_cosignatures(bytes: &[u8]) -> Result<Vec<NoteSignature>, Error> {
    let refuse = |offset, reason| malformed(Format::Witnessing, offset, reason);
    if bytes.len() > NOTE_BYTES_MAX {
        let (max, got) = (NOTE_BYTES_MAX as u64, bytes.len() as u64);
        return Err(Error::TooLong { what: Format::Witnessing, max, got });
    }
    let text = std::str::from_utf8(bytes).map_err(|e| refuse(e.valid_up_to(), "not UTF-8"))?;
    let lines = text.strip_suffix('\n').ok_or_else(|| refuse(bytes.len(), "no line break at the end"))?;
    let mut signatures = Vec::new();
    let mut offset = 0;
    for line in lines.split('\n') {
        if signatures.len() == SIGNATURES_MAX {
            return Err(refuse(offset, "too many signatures"));
        }
        signatures.push(parse_signature(line, offset)?);
        offset += line.len() + 1;
    }
    Ok(signatures)
}

#[cfg(test)]
mod tests;
