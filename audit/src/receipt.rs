//! Receipts: one file that proves one entry, and opens its commitments to whoever holds it.
//!
//! A receipt is a `tlog-proof` whose `extra` holds the entry and the opened texts; nothing in it is believed before the
//! path from that very entry has led to a signed root. It knows nothing of how receipts are stored or who may have
//! one. Source: C2SP `tlog-proof` (extra data); `FORMAT.md`, "Receipt".

use crate::canonical::{demand_canonical, json_error, push_string};
use crate::checkpoint::Checkpoint;
use crate::entry::{Entry, Salt, Tag, commitment};
use crate::error::{Error, Format, Link, malformed};
use crate::generation::Generations;
use crate::merkle::leaf_hash;
use crate::note::VerifierKey;
use crate::proof::{TlogProof, format_proof};
use crate::types::{EntryIndex, Hash};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;

/// Longest opened text in bytes.
pub const TEXT_BYTES_MAX: usize = 128 * 1024;

/// Opens one commitment of the entry. It may hold personal data and hence has no `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub struct Opened {
    /// Which commitment.
    pub of: Tag,
    /// Its salt.
    pub salt: Salt,
    /// The text, if the receipt carries it; otherwise its holder keeps it.
    pub text: Option<String>,
}

/// An entry with its proof.
#[derive(Clone, PartialEq, Eq)]
pub struct Receipt {
    entry: Vec<u8>,
    opened: Vec<Opened>,
    proof: TlogProof,
}

/// What a receipt was found to prove.
#[derive(Clone)]
pub struct Verified<'a> {
    /// The entry.
    pub entry: Entry,
    /// Its leaf hash.
    pub leaf: Hash,
    /// The checkpoint that covers it.
    pub checkpoint: &'a Checkpoint,
    /// The trusted keys that signed the checkpoint.
    pub signers: Vec<&'a VerifierKey>,
    /// The texts that were opened and found to be what was recorded.
    pub texts: Vec<(Tag, &'a str)>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Extra {
    entry: String,
    opened: Vec<ExtraOpened>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ExtraOpened {
    of: Tag,
    salt: String,
    text: Option<String>,
}

impl Receipt {
    /// Writes a `.tlog-proof` file from parts that are known to be right; the inverse of [`Receipt::parse`].
    ///
    /// `opened` holds each [`Tag`] at most once, masked first; `checkpoint` is the text of a signed checkpoint.
    pub fn format(entry: &[u8], opened: &[Opened], index: EntryIndex, path: &[Hash], checkpoint: &str) -> String {
        let extra = write_extra(&String::from_utf8_lossy(entry), opened);
        format_proof(Some(&extra), index, path, checkpoint)
    }

    /// Parses a `.tlog-proof` file.
    ///
    /// # Errors
    /// `Malformed`, `TooLong` or `UnknownVersion`. Nothing is verified by this.
    pub fn parse(bytes: &[u8]) -> Result<Self, Error> {
        let refuse = |reason| malformed(Format::Receipt, 0, reason);
        let proof = TlogProof::parse(bytes)?;
        let extra = proof.extra.as_deref().ok_or_else(|| refuse("no extra data, so this is not a receipt"))?;
        let parsed: Extra = serde_json::from_slice(extra).map_err(|e| json_error(Format::Receipt, &e))?;
        let opened = read_opened(parsed.opened)?;
        demand_canonical(Format::Receipt, extra, &write_extra(&parsed.entry, &opened))?;
        Ok(Self { entry: parsed.entry.into_bytes(), opened, proof })
    }

    /// Verifies everything: the checkpoint's signature, the path from the entry to its root, the entry's place, and
    /// each opened text.
    ///
    /// # Errors
    /// Whatever does not hold, see [`Error`].
    pub fn verify<'a>(&'a self, keys: &'a [VerifierKey]) -> Result<Verified<'a>, Error> {
        self.verify_in(keys, &Generations::default())
    }

    /// The same in a log of several generations, whose earlier ones are the beginning of its tree.
    ///
    /// # Errors
    /// Whatever does not hold, see [`Error`].
    pub fn verify_in<'a>(&'a self, keys: &'a [VerifierKey], generations: &Generations) -> Result<Verified<'a>, Error> {
        let leaf = leaf_hash(&self.entry);
        let (checkpoint, signers) = self.proof.verify(&leaf, keys)?;
        let entry = Entry::parse(&self.entry)?;
        let expected = generations.log_at(&checkpoint.origin, self.proof.index);
        if entry.log != *expected {
            return Err(Error::OtherLog { expected: expected.clone(), got: entry.log });
        }
        if entry.seq != self.proof.index {
            let (expected, got) = (self.proof.index.to_string(), entry.seq.to_string());
            return Err(Error::ChainBreak { index: self.proof.index, link: Link::Seq, expected, got });
        }
        let mut texts = Vec::new();
        for opened in &self.opened {
            if let Some(text) = check_opened(&entry, opened)? {
                texts.push((opened.of, text));
            }
        }
        Ok(Verified { entry, leaf, checkpoint, signers, texts })
    }

    /// Returns the position of the entry.
    pub const fn index(&self) -> EntryIndex {
        self.proof.index
    }

    /// Borrows the entry's bytes.
    pub fn entry_bytes(&self) -> &[u8] {
        &self.entry
    }

    /// Borrows what is opened.
    pub fn opened(&self) -> &[Opened] {
        &self.opened
    }

    /// Borrows the proof.
    pub const fn proof(&self) -> &TlogProof {
        &self.proof
    }
}

/// Recomputes the commitment of an opened text, and returns the text.
pub(crate) fn check_opened<'a>(entry: &Entry, opened: &'a Opened) -> Result<Option<&'a str>, Error> {
    let content = entry.content.as_ref();
    let content = content.ok_or_else(|| malformed(Format::Receipt, 0, "opens an entry that has no content"))?;
    let Some(text) = opened.text.as_deref() else {
        return Ok(None);
    };
    let expected = match opened.of {
        Tag::Masked => content.commit_masked,
        Tag::Sealed => content.commit_sealed,
    };
    let got = commitment(&opened.salt, opened.of, text.as_bytes());
    if got == expected { Ok(Some(text)) } else { Err(Error::BadCommitment { of: opened.of.name(), expected, got }) }
}

/// Reads what is opened of one entry: each part at most once, in order.
pub(crate) fn read_opened(parts: Vec<ExtraOpened>) -> Result<Vec<Opened>, Error> {
    let opened = parts.into_iter().map(Opened::try_from).collect::<Result<Vec<_>, _>>()?;
    if !opened.is_sorted_by(|a, b| a.of < b.of) {
        return Err(malformed(Format::Receipt, 0, "opened parts are repeated or out of order"));
    }
    Ok(opened)
}

impl TryFrom<ExtraOpened> for Opened {
    type Error = Error;
    fn try_from(part: ExtraOpened) -> Result<Self, Error> {
        if let Some(got) = part.text.as_ref().map(String::len).filter(|len| *len > TEXT_BYTES_MAX) {
            return Err(Error::TooLong { what: Format::Receipt, max: TEXT_BYTES_MAX as u64, got: got as u64 });
        }
        let salt = STANDARD.decode(part.salt).ok().and_then(|salt| salt.try_into().ok());
        let salt = salt.ok_or_else(|| malformed(Format::Receipt, 0, "salt is not the base64 of 32 bytes"))?;
        Ok(Self { of: part.of, salt, text: part.text })
    }
}

/// Writes an entry with what is opened of it.
pub(crate) fn write_extra(entry: &str, opened: &[Opened]) -> Vec<u8> {
    let mut out = Vec::with_capacity(entry.len() * 5 / 4 + 256);
    out.extend(b"{\"entry\":");
    push_string(&mut out, entry);
    out.extend(b",\"opened\":[");
    for (at, part) in opened.iter().enumerate() {
        out.extend(if at == 0 { b"{\"of\":".as_slice() } else { b",{\"of\":" });
        push_string(&mut out, part.of.name());
        out.extend(b",\"salt\":");
        push_string(&mut out, &STANDARD.encode(part.salt));
        if let Some(text) = &part.text {
            out.extend(b",\"text\":");
            push_string(&mut out, text);
        }
        out.push(b'}');
    }
    out.extend(b"]}");
    out
}

#[cfg(test)]
mod tests;
