//! The shapes of answers about erasures and legal holds, shared with the client.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::pipeline;
use crate::ports::{Act as ActRow, ErasureRow, HoldRow};

/// Something that somebody did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Act {
    /// The account's pseudonym.
    pub by: String,
    /// Index of its entry.
    pub index: u64,
    /// Its entry's time (RFC 3339, UTC).
    pub time: String,
}

impl From<ActRow> for Act {
    fn from(act: ActRow) -> Self {
        Self { by: act.by.to_string(), index: act.index.0, time: act.time.to_string() }
    }
}

/// A proposal to erase somebody, and what became of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Erasure {
    /// Its id.
    pub id: String,
    /// Who is to be erased, by their pseudonym.
    pub subject: String,
    /// proposed, rejected or erased.
    pub state: String,
    /// Why.
    pub reason: String,
    /// Whether the epoch is to end at once: backups from before can't be read any more then, of nobody.
    pub now: bool,
    /// Who proposed it.
    pub proposed: Act,
    /// Who decided on it; nothing while it waits.
    pub decided: Option<Act>,
}

impl From<ErasureRow> for Erasure {
    fn from(row: ErasureRow) -> Self {
        Self {
            id: row.id.to_string(),
            subject: row.subject.to_string(),
            state: row.state.word().to_owned(),
            reason: row.reason.word().to_owned(),
            now: row.at_once,
            proposed: row.proposed.into(),
            decided: row.decided.map(Into::into),
        }
    }
}

/// Proposals, the newest first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Erasures {
    /// At most 500.
    pub erasures: Vec<Erasure>,
}

/// A legal hold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Hold {
    /// Its id.
    pub id: String,
    /// Who is held, by their pseudonym.
    pub subject: String,
    /// Why.
    pub reason: String,
    /// Who placed it.
    pub placed: Act,
    /// Who released it; nothing while it holds.
    pub released: Option<Act>,
}

impl From<HoldRow> for Hold {
    fn from(row: HoldRow) -> Self {
        Self {
            id: row.id.to_string(),
            subject: row.subject.to_string(),
            reason: row.reason.word().to_owned(),
            placed: row.placed.into(),
            released: row.released.map(Into::into),
        }
    }
}

/// Legal holds, the newest first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Holds {
    /// At most 500.
    pub holds: Vec<Hold>,
}

/// An entry of the log with its proof.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ProvenEntry {
    /// Its index.
    pub index: u64,
    /// Its leaf hash.
    pub leaf: String,
    /// Its time (RFC 3339, UTC).
    pub time: String,
    /// A `.tlog-proof` for `lww-verify proof`; nothing while no published checkpoint covers the entry.
    pub proof: Option<String>,
}

impl From<pipeline::Proven> for ProvenEntry {
    fn from(entry: pipeline::Proven) -> Self {
        let (leaf, time) = (entry.leaf.to_string(), entry.time.to_string());
        Self { index: entry.index.0, leaf, time, proof: entry.proof }
    }
}

/// An epoch whose key opened older copies of the customer's data key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ShreddedEpoch {
    /// Its number.
    pub epoch: i32,
    /// Its key's public name; nothing while other people's rows hang on it.
    pub fingerprint: Option<String>,
    /// The entry that says that its key was destroyed.
    pub destroyed: Option<ProvenEntry>,
}

/// The certificate of an erasure, as far as it is done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ShredCertificate {
    /// `lww-shred-certificate@v1`.
    pub format: String,
    /// Who was erased, by the pseudonym that the ledger has.
    pub subject: String,
    /// The log's name.
    pub log: String,
    /// The log's public key.
    pub vkey: String,
    /// Why.
    pub reason: String,
    /// Who proposed it.
    pub proposed_by: String,
    /// Who approved it.
    pub approved_by: String,
    /// The first instant: the rows that open, find and reach the customer were deleted.
    pub erased: ProvenEntry,
    /// What older copies of the customer's key hung on.
    pub epochs: Vec<ShreddedEpoch>,
    /// The second instant: nothing opens any copy any more (RFC 3339, UTC); nothing before.
    pub destroyed_at: Option<String>,
    /// When that is due at the latest, while it is known and not over.
    pub due: Option<String>,
    /// The same in words: a C2SP note that is signed with the log's key.
    pub note: String,
}

impl From<pipeline::Certificate> for ShredCertificate {
    fn from(of: pipeline::Certificate) -> Self {
        let destroyed_at = of.destroyed_at().map(|time| time.to_string());
        let epoch = |one: pipeline::ShreddedEpoch| ShreddedEpoch {
            epoch: one.epoch,
            fingerprint: one.fingerprint.map(|name| name.to_string()),
            destroyed: one.destroyed.map(Into::into),
        };
        Self {
            format: pipeline::CERTIFICATE_FORMAT.to_owned(),
            subject: of.subject.to_string(),
            log: of.log,
            vkey: of.vkey,
            reason: of.reason.to_owned(),
            proposed_by: of.proposed_by.to_string(),
            approved_by: of.approved_by.to_string(),
            erased: of.erased.into(),
            epochs: of.epochs.into_iter().map(epoch).collect(),
            destroyed_at,
            due: of.due.map(|time| time.to_string()),
            note: of.note,
        }
    }
}
