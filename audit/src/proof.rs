//! The text form of an inclusion proof that verifies offline.
//!
//! It carries the path and the checkpoint; what the leaf is, and what `extra` means, is the reader's business (ours is
//! [`crate::receipt`]). Source: C2SP `tlog-proof` v1.

use crate::checkpoint::{Checkpoint, SignedCheckpoint};
use crate::error::{Error, Format, malformed};
use crate::merkle::{PATH_HASHES_MAX, verify_inclusion};
use crate::note::VerifierKey;
use crate::types::{EntryIndex, Hash};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use std::fmt;

/// Longest proof in bytes: the largest receipt in base64 beside the largest checkpoint.
pub const PROOF_BYTES_MAX: usize = 1024 * 1024;

const FIRST_LINE: &str = "c2sp.org/tlog-proof@v1";
/// What a first line of another version starts with.
const FIRST_LINE_OTHER: &str = "c2sp.org/tlog-proof@v";

/// A proof that a leaf is in a log. Its extra data may be personal, hence no `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub struct TlogProof {
    /// Opaque bytes that belong to the application. They are not authenticated.
    pub extra: Option<Vec<u8>>,
    /// Position of the leaf.
    pub index: EntryIndex,
    /// The inclusion path from the leaf's sibling upwards.
    pub hashes: Vec<Hash>,
    /// The checkpoint that the path leads to.
    pub checkpoint: SignedCheckpoint,
}

impl TlogProof {
    /// Parses a proof.
    ///
    /// # Errors
    /// `UnknownVersion`, `TooLong` or `Malformed`. Nothing is verified by this.
    pub fn parse(bytes: &[u8]) -> Result<Self, Error> {
        let refuse = |offset, reason| malformed(Format::Proof, offset, reason);
        if bytes.len() > PROOF_BYTES_MAX {
            let (max, got) = (PROOF_BYTES_MAX as u64, bytes.len() as u64);
            return Err(Error::TooLong { what: Format::Proof, max, got });
        }
        let text = std::str::from_utf8(bytes).map_err(|e| refuse(e.valid_up_to(), "not UTF-8"))?;
        let (head, checkpoint) = text.split_once("\n\n").ok_or_else(|| refuse(bytes.len(), "no empty line"))?;
        let mut lines = Lines { text: head, offset: 0 };
        check_version(lines.next().map_or("", |(_, line)| line))?;
        let (mut at, mut line) = lines.next().ok_or_else(|| refuse(head.len(), "no index"))?;
        let mut extra = None;
        if let Some(blob) = line.strip_prefix("extra ") {
            extra = Some(STANDARD.decode(blob).map_err(|_| refuse(at, "extra is not base64"))?);
            (at, line) = lines.next().ok_or_else(|| refuse(head.len(), "no index"))?;
        }
        let index = line.strip_prefix("index ").ok_or_else(|| refuse(at, "no index"))?;
        let index = index.parse().map_err(|_| refuse(at, "index is not a decimal number"))?;
        let mut hashes = Vec::new();
        for (at, line) in lines {
            if hashes.len() == PATH_HASHES_MAX {
                return Err(refuse(at, "too many hashes"));
            }
            hashes.push(Hash::from_base64(line).map_err(|_| refuse(at, "not the base64 of 32 bytes"))?);
        }
        Ok(Self { extra, index, hashes, checkpoint: SignedCheckpoint::parse(checkpoint.as_bytes())? })
    }

    /// Verifies that `leaf` is in the log by the signature of a trusted key, and returns what was signed and by whom.
    ///
    /// # Errors
    /// `BadSignature`, `Unsigned`, `BadProofShape` or `BadHash`.
    pub fn verify<'k>(
        &self,
        leaf: &Hash,
        keys: &'k [VerifierKey],
    ) -> Result<(&Checkpoint, Vec<&'k VerifierKey>), Error> {
        // The root is only worth comparing with after its signature: before, an attacker could have chosen it.
        let (checkpoint, signers) = self.checkpoint.verify(keys)?;
        verify_inclusion(leaf, self.index, checkpoint.size, &self.hashes, &checkpoint.root)?;
        Ok((checkpoint, signers))
    }
}

impl fmt::Display for TlogProof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let extra = self.extra.as_deref();
        f.write_str(&format_proof(extra, self.index, &self.hashes, &self.checkpoint.to_string()))
    }
}

/// Writes the text form; `checkpoint` is the text of a signed checkpoint.
pub(crate) fn format_proof(extra: Option<&[u8]>, index: EntryIndex, hashes: &[Hash], checkpoint: &str) -> String {
    let mut out =
        String::with_capacity(extra.map_or(0, <[u8]>::len) * 4 / 3 + hashes.len() * 45 + checkpoint.len() + 64);
    out.push_str(FIRST_LINE);
    if let Some(extra) = extra {
        out.push_str("\nextra ");
        STANDARD.encode_string(extra, &mut out);
    }
    out.push_str("\nindex ");
    out.push_str(&index.to_string());
    for hash in hashes {
        out.push('\n');
        STANDARD.encode_string(hash.as_bytes(), &mut out);
    }
    out.push_str("\n\n");
    out.push_str(checkpoint);
    out
}

fn check_version(line: &str) -> Result<(), Error> {
    if line == FIRST_LINE {
        return Ok(());
    }
    match line.strip_prefix(FIRST_LINE_OTHER).and_then(|version| version.parse().ok()) {
        Some(got) => Err(Error::UnknownVersion { what: Format::Proof, known: 1, got }),
        None => Err(malformed(Format::Proof, 0, "the first line is not c2sp.org/tlog-proof@v1")),
    }
}

/// Lines with the offset at which each begins.
struct Lines<'a> {
    text: &'a str,
    offset: usize,
}

impl<'a> Iterator for Lines<'a> {
    type Item = (usize, &'a str);

    fn next(&mut self) -> Option<Self::Item> {
        let rest = self.text.get(self.offset..).filter(|rest| !rest.is_empty())?;
        let line = rest.split_once('\n').map_or(rest, |(line, _)| line);
        let at = self.offset;
        self.offset += line.len() + 1;
        Some((at, line))
    }
}
