//! One entry of the ledger, version 1: its fields, its canonical bytes, and the strict way back.
//!
//! Stored entries outlive this program, so writing and parsing are exact inverses: `parse` accepts only what
//! `to_bytes` writes. It knows no kind's meaning (an unknown kind is fine) and doesn't follow links to other entries.
//! Source: `FORMAT.md`; RFC 8785 for the bytes.

mod bytes;
mod commitment;
pub mod kinds;
mod names;

pub use crate::canonical::{Detail, Object};
pub use commitment::{Salt, Tag, commitment};
pub use names::{KIND_BYTES_MAX, Kind, Role};

use crate::canonical::{demand_canonical, json_error};
use crate::error::{Error, Format, malformed};
use crate::time::Timestamp;
use crate::types::{EntryIndex, Hash, Id128, Origin};
use serde::Deserialize;

/// Longest entry in bytes; bundles carry 16-bit lengths, and larger evidence is a sealed blob with a commitment.
pub const ENTRY_BYTES_MAX: usize = 16 * 1024;
/// Version of the entry format that this crate writes.
pub const VERSION: u64 = 1;

/// One record of something that happened, as it is hashed into the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The log that the entry belongs to.
    pub log: Origin,
    /// Position in the log.
    pub seq: EntryIndex,
    /// When it was recorded, never before the entry before.
    pub time: Timestamp,
    /// What happened.
    pub kind: Kind,
    /// Who did it.
    pub actor: Actor,
    /// The tenant concerned.
    pub tenant: String,
    /// The conversation concerned.
    pub conversation: Option<Id128>,
    /// The channel by which it came or went.
    pub channel: Option<String>,
    /// Random pseudonym of the customer concerned.
    pub subject: Option<Id128>,
    /// The policy that was applied.
    pub policy: Option<PolicyRef>,
    /// Commitments to the content and what was found in it.
    pub content: Option<Content>,
    /// Links to the entries before of the same conversation and of the same subject, in this order: exactly one for each
    /// that the entry names.
    pub chains: Vec<ChainLink>,
    /// What else the kind records: an object without personal data, or `Null`, which is left out of the bytes.
    pub detail: Detail,
    /// Leaf hash of the entry before; zeroes for the first.
    pub prev: Hash,
}

/// Who did it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Actor {
    /// Random pseudonym.
    pub id: Id128,
    /// Role in which it was done, for instance `customer`, `agent`, `system`.
    pub role: Role,
}

/// The policy that was applied.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PolicyRef {
    /// Digest over the canonical form of the resolved policy.
    pub digest: Hash,
    /// Name of the policy.
    pub id: String,
    /// Its version.
    pub version: u64,
}

/// Commitments to a message's content, and what masking found in it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Content {
    /// Commitment to the masked record, see [`Tag::Masked`].
    pub commit_masked: Hash,
    /// Commitment to what was sealed, see [`Tag::Sealed`].
    pub commit_sealed: Hash,
    /// How many spans of each entity were found.
    pub spans: Vec<SpanCount>,
}

/// How many spans of one entity were found in a message.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SpanCount {
    /// Protection class, for instance `C2`.
    pub class: String,
    /// Number of spans.
    pub count: u64,
    /// Entity, for instance `bank_card`.
    pub entity: String,
}

/// A link to the entry before of the same conversation or subject.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChainLink {
    /// Position in the chain, counted from 0.
    pub n: u64,
    /// What the chain is of; its id is the entry's field of that name.
    pub of: Chain,
    /// The entry before in the chain; `None` exactly when `n` is 0.
    pub prev: Option<ChainPrev>,
}

/// What a chain runs through.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Chain {
    /// The entries of one conversation.
    Conversation,
    /// The entries about one subject.
    Subject,
}

impl Chain {
    /// Returns the name that entries use.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Conversation => "conversation",
            Self::Subject => "subject",
        }
    }
}

/// Names an entry by position and leaf hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChainPrev {
    /// Its leaf hash.
    pub leaf: Hash,
    /// Its position in the log.
    pub seq: EntryIndex,
}

/// The fields as JSON has them; `Entry` is this after the version was looked at.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Fields {
    actor: Actor,
    #[serde(default)]
    chains: Vec<ChainLink>,
    channel: Option<String>,
    content: Option<Content>,
    conversation: Option<Id128>,
    #[serde(default)]
    detail: Detail,
    kind: Kind,
    log: Origin,
    policy: Option<PolicyRef>,
    prev: Hash,
    seq: EntryIndex,
    subject: Option<Id128>,
    tenant: String,
    time: Timestamp,
    v: u64,
}

#[derive(Deserialize)]
struct Versioned {
    v: u64,
}

impl Entry {
    /// Parses the bytes of an entry; the exact inverse of [`Entry::to_bytes`].
    ///
    /// # Errors
    /// `TooLong`, `UnknownVersion`, or `Malformed` if the bytes are not exactly the canonical form of an entry.
    pub fn parse(bytes: &[u8]) -> Result<Self, Error> {
        if bytes.len() > ENTRY_BYTES_MAX {
            let (max, got) = (ENTRY_BYTES_MAX as u64, bytes.len() as u64);
            return Err(Error::TooLong { what: Format::Entry, max, got });
        }
        let parsed = serde_json::from_slice::<Fields>(bytes);
        let fields = match parsed {
            Ok(fields) if fields.v == VERSION => fields,
            // A later version may have any other fields, so its version is looked for before its form is blamed.
            other => {
                return match (serde_json::from_slice::<Versioned>(bytes), other) {
                    (Ok(Versioned { v }), _) if v != VERSION => {
                        Err(Error::UnknownVersion { what: Format::Entry, known: VERSION, got: v })
                    }
                    (_, Err(error)) => Err(json_error(Format::Entry, &error)),
                    (_, Ok(_)) => Err(malformed(Format::Entry, 0, "no version")),
                };
            }
        };
        let entry = Self::from(fields);
        demand_canonical(Format::Entry, bytes, &entry.to_bytes()?)?;
        Ok(entry)
    }

    /// Writes the canonical bytes that are hashed and stored.
    ///
    /// # Errors
    /// `TooLong` if there are more than [`ENTRY_BYTES_MAX`]; `Malformed` if a number, key, depth or chain is out of
    /// bounds.
    pub fn to_bytes(&self) -> Result<Vec<u8>, Error> {
        bytes::write(self)
    }

    /// Returns the id of the chain: the conversation or the subject.
    pub const fn chain_id(&self, of: Chain) -> Option<Id128> {
        match of {
            Chain::Conversation => self.conversation,
            Chain::Subject => self.subject,
        }
    }
}

impl From<Fields> for Entry {
    fn from(fields: Fields) -> Self {
        let Fields { actor, chains, channel, content, conversation, detail, kind, log, .. } = fields;
        let Fields { policy, prev, seq, subject, tenant, time, .. } = fields;
        Self {
            log,
            seq,
            time,
            kind,
            actor,
            tenant,
            conversation,
            channel,
            subject,
            policy,
            content,
            chains,
            detail,
            prev,
        }
    }
}

#[cfg(test)]
mod tests;
