//! Receipts of anchors: entries that hold an outside party's word that a checkpoint of this log existed.
//!
//! The entry holds the checkpoint's text and the receipt in the party's own form, so that it proves something also where the
//! log is gone. Whether the receipt itself is true is for [`crate::timestamp`] to say, by form; this module reads and writes
//! the entry, and tells whether its checkpoint is one of the log's. Source: `FORMAT.md`, "Anchors".

use crate::canonical::Object;
use crate::checkpoint::Checkpoint;
use crate::entry::{Detail, Entry};
use crate::error::{AnchorFault, Error, Format, malformed};
use crate::merkle::{NodeReader, root_at};
use crate::types::check_label;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use std::fmt;

/// The kind of entries that hold a receipt.
pub const KIND: &str = "anchor.receipt/1";
/// Longest receipt in bytes: with base64 and what stands beside it, it fits into an entry.
pub const RECEIPT_BYTES_MAX: usize = 11 * 1024;

/// In which form a receipt is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Form {
    /// A time-stamp token over the SHA-256 of the checkpoint's text (RFC 3161).
    Rfc3161,
    /// What a contract on an EVM chain keeps, in JSON ([`crate::evm`]).
    Evm,
    /// One that this program doesn't know, by its label. It proves nothing here, and is no error.
    Other(Box<str>),
}

impl Form {
    /// Returns the word in the entry.
    pub fn word(&self) -> &str {
        match self {
            Self::Rfc3161 => "rfc3161",
            Self::Evm => crate::evm::FORM,
            Self::Other(word) => word,
        }
    }

    fn parse(word: &str) -> Result<Self, Error> {
        check_label(word)?;
        let known = [Self::Rfc3161, Self::Evm].into_iter().find(|form| form.word() == word);
        Ok(known.unwrap_or_else(|| Self::Other(word.into())))
    }
}

impl fmt::Display for Form {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// An outside party's receipt for a checkpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AnchorReceipt {
    /// How the server's configuration calls the party: a label, which proves nothing.
    pub anchor: String,
    /// In which form the receipt is.
    pub form: Form,
    /// What was confirmed.
    pub checkpoint: Checkpoint,
    /// The receipt.
    pub receipt: Vec<u8>,
}

impl AnchorReceipt {
    /// Reads the receipt out of an entry, or `None` if the entry is of another kind.
    ///
    /// # Errors
    /// `Malformed` or `TooLong` if the entry has the kind and not the detail.
    pub fn read(entry: &Entry) -> Result<Option<Self>, Error> {
        if entry.kind.as_str() != KIND {
            return Ok(None);
        }
        let wrong = |reason| malformed(Format::Anchor, 0, reason);
        let Detail::Object(detail) = &entry.detail else { return Err(wrong("the entry has no detail")) };
        if detail.len() != 4 {
            return Err(wrong("the detail is not anchor, checkpoint, form and receipt"));
        }
        let text = |name| match detail.get(name) {
            Some(Detail::String(text)) => Ok(text.as_str()),
            Some(Detail::Null | Detail::Bool(_) | Detail::Int(_) | Detail::Array(_) | Detail::Object(_)) | None => {
                Err(wrong("the detail is not anchor, checkpoint, form and receipt"))
            }
        };
        let receipt = STANDARD.decode(text("receipt")?).map_err(|_| wrong("the receipt is not base64"))?;
        let read = Self {
            anchor: text("anchor")?.to_owned(),
            form: Form::parse(text("form")?)?,
            checkpoint: text("checkpoint")?.parse()?,
            receipt,
        };
        read.check()?;
        Ok(Some(read))
    }

    /// Checks the bounds that an entry of it has.
    ///
    /// # Errors
    /// `TooLong`; `Malformed` if the party's name is no label.
    pub fn check(&self) -> Result<(), Error> {
        check_label(&self.anchor)?;
        let (max, got) = (RECEIPT_BYTES_MAX as u64, self.receipt.len() as u64);
        if got > max { Err(Error::TooLong { what: Format::Anchor, max, got }) } else { Ok(()) }
    }

    /// Writes the detail of the entry.
    pub fn detail(&self) -> Detail {
        let members = [
            ("anchor", self.anchor.clone()),
            ("checkpoint", self.checkpoint.to_string()),
            ("form", self.form.to_string()),
            ("receipt", STANDARD.encode(&self.receipt)),
        ];
        Detail::Object(
            members.into_iter().map(|(name, text)| (name.to_owned(), Detail::String(text))).collect::<Object>(),
        )
    }

    /// Checks that the checkpoint is one that the log had before the entry; `tree` is the log's, believed.
    ///
    /// # Errors
    /// `BadAnchor`; those of the tree.
    pub fn is_of(&self, entry: &Entry, tree: &impl NodeReader) -> Result<(), Error> {
        self.is_before(entry)?;
        if root_at(tree, self.checkpoint.size)? == self.checkpoint.root {
            Ok(())
        } else {
            Err(AnchorFault::Checkpoint.into())
        }
    }

    /// Checks that the checkpoint is of the entry's log, and of a size that it had before.
    ///
    /// # Errors
    /// `BadAnchor`.
    pub fn is_before(&self, entry: &Entry) -> Result<(), Error> {
        let Checkpoint { origin, size, .. } = &self.checkpoint;
        let is_before = *origin == entry.log && size.0 <= entry.seq.0;
        if is_before { Ok(()) } else { Err(AnchorFault::Checkpoint.into()) }
    }
}
