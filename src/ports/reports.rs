//! Reports of the desk about what is masked wrongly, or isn't.

use async_trait::async_trait;

use super::{Act, StoreError};
use crate::domain::event::DeclineReason;
use crate::domain::record::ReportState;
use crate::units::{AccountId, AmendmentId, ReportId, Version};

/// A report, and what became of it. Which place of which message it is about stands in the entry of `made`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReportRow {
    /// Its id.
    pub id: ReportId,
    /// Where it stands.
    pub state: ReportState,
    /// Counts its changes.
    pub version: Version,
    /// Who made it, by which entry and when.
    pub made: Act,
    /// Who brought it where it stands.
    pub changed: Act,
    /// The change of the policy that was proposed for it.
    pub amendment: Option<AmendmentId>,
    /// Why nothing changes for it.
    pub reason: Option<DeclineReason>,
}

/// One tenant's reads about them.
#[async_trait]
pub trait Reports: Send + Sync {
    /// One of them.
    async fn report(&self, id: ReportId) -> Result<Option<ReportRow>, StoreError>;
    /// The newest first: of one account, or of everybody.
    async fn reports(&self, by: Option<AccountId>, limit: u32) -> Result<Vec<ReportRow>, StoreError>;
    /// Those whose change of the policy is in force, or will not come into force, and that don't stand so yet.
    async fn unsettled(&self) -> Result<Vec<(ReportRow, bool)>, StoreError>;
}
