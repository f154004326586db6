//! The shapes of answers about the ledger.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::pipeline;

/// An entry of the ledger.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LedgerEntry {
    /// Its index.
    pub index: u64,
    /// Its leaf hash: SHA-256 over a zero byte and the bytes of `entry`.
    pub leaf: String,
    /// Its canonical JSON as one text, byte for byte what was hashed.
    pub entry: String,
    /// What its kind means, in English; told of a single entry, when the kind is a known one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub about: Option<String>,
}

/// A page of the ledger.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LedgerEntries {
    /// Newest first, or with `after` oldest first.
    pub entries: Vec<LedgerEntry>,
    /// What to give next as `before`, or as `after`. Missing when the first entry of the log was looked at.
    pub next: Option<u64>,
    /// Number of entries that the newest signed head covers.
    pub size: u64,
}

/// The keys of the log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LedgerKeys {
    /// Those in use, in vkey form, the newest first: two while the key is being changed.
    pub in_use: Vec<String>,
    /// Every change within this generation of the log, the oldest first.
    pub rotations: Vec<LedgerRotation>,
    /// What the log declares of its gaps, the oldest first: files for `lww-verify --generation`. Empty for a log that lost nothing.
    pub generations: Vec<String>,
}

/// A change of the log's key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LedgerRotation {
    /// Its entry.
    pub index: u64,
    /// The statement, signed by the old key and the new one: a file for `lww-verify --rotation`.
    pub statement: String,
}

impl From<pipeline::RotationRecord> for LedgerRotation {
    fn from(record: pipeline::RotationRecord) -> Self {
        Self { index: record.index.0, statement: record.statement }
    }
}

/// A consistency path.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ConsistencyPath {
    /// The smaller size.
    pub from: u64,
    /// The larger size.
    pub to: u64,
    /// Hashes of subtrees, in the order of RFC 9162; empty between equal sizes and from nothing.
    pub path: Vec<String>,
}

impl From<pipeline::LedgerEntry> for LedgerEntry {
    fn from(entry: pipeline::LedgerEntry) -> Self {
        Self { index: entry.index.0, leaf: entry.leaf.to_string(), entry: entry.text, about: None }
    }
}

impl LedgerEntry {
    /// The same with what its kind means.
    pub fn in_full(entry: pipeline::LedgerEntry) -> Self {
        let about = entry.about.map(str::to_owned);
        Self { about, ..entry.into() }
    }
}

impl From<pipeline::LedgerPage> for LedgerEntries {
    fn from(page: pipeline::LedgerPage) -> Self {
        let next = page.next.map(|index| index.0);
        Self { entries: page.entries.into_iter().map(Into::into).collect(), next, size: page.size.0 }
    }
}
