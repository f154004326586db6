//! What two people approve: a plan by its digest.

use serde::Serialize;

use super::super::backup::sha256;
use super::gap::PlannedGap;
use super::source::Taken;
use crate::domain::event::{APPROVERS, LostCounts};
use crate::units::{AccountId, Hash};

/// What would be, or was, done. Its digest is what two people approve.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Plan {
    /// The log.
    pub log: String,
    /// Entries that the database has.
    pub database: u64,
    /// Entries that it has afterwards, before the one that tells of this.
    pub upto: u64,
    /// The log's root then, which was signed.
    pub root: String,
    /// Sizes that are known: to the rollback guard, by the published files, by the copy.
    pub guard: Option<u64>,
    /// See `guard`.
    pub published: Option<u64>,
    /// See `guard`.
    pub mirror: Option<u64>,
    /// How many entries come out of the files here and out of the copy.
    pub taken: Taken,
    /// Why.
    pub reason: &'static str,
    /// What is lost for good.
    pub lost: LostCounts,
    /// Rows of conversations that are made anew.
    pub conversations: u64,
    /// What is lost for good, when a new generation is opened: `upto` is what survives then.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gap: Option<PlannedGap>,
}

impl Plan {
    /// SHA-256 of the plan in JSON.
    pub fn digest(&self) -> Hash {
        let text = serde_json::to_vec(self).unwrap_or_default();
        sha256(&text)
    }
}

/// A plan, and who could approve it by what the log says of them.
pub struct Planned {
    /// The plan.
    pub plan: Plan,
    pub(super) able: Vec<AccountId>,
}

impl Planned {
    /// Whether somebody may approve by what the whole log says: neither disabled, locked nor reset, with a password and a second
    /// factor that are not older than the log knows.
    pub fn is_able(&self, account: AccountId) -> bool {
        self.able.contains(&account)
    }
}

/// Two people's word for one plan.
#[derive(Clone, Debug)]
pub struct Approved {
    /// The plan's digest.
    pub plan: Hash,
    /// Whose people they are.
    pub of: String,
    /// Who.
    pub by: [AccountId; APPROVERS],
}
