//! Proposed changes of the masking policy.

use async_trait::async_trait;

use super::{Act, StoreError};
use crate::domain::record::AmendmentState;
use crate::units::{AmendmentId, Hash, Timestamp, Version};

/// A proposed change, and what became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AmendmentRow {
    /// Its id.
    pub id: AmendmentId,
    /// Where it stands.
    pub state: AmendmentState,
    /// The policy that it would bring into force.
    pub digest: Hash,
    /// What was in force when it was proposed.
    pub against: Hash,
    /// Whether everything that differs masks more.
    pub only_masks_more: bool,
    /// From when on it is to act; `None`: as soon as it is decided.
    pub effective: Option<Timestamp>,
    /// Counts its changes.
    pub version: Version,
    /// Who proposed it, by which entry and when.
    pub proposed: Act,
    /// Who consented, in order.
    pub consents: Vec<Act>,
    /// Who decided it last, by which entry and when.
    pub decided: Option<Act>,
    /// Who looked at what one person had brought into force.
    pub reviewed: Option<Act>,
}

/// One tenant's reads about them.
#[async_trait]
pub trait Amendments: Send + Sync {
    /// One of them.
    async fn amendment(&self, id: AmendmentId) -> Result<Option<AmendmentRow>, StoreError>;
    /// Those proposed last come first.
    async fn amendments(&self, limit: u32) -> Result<Vec<AmendmentRow>, StoreError>;
    /// Those that are decided and wait for a time that has come.
    async fn due(&self, now: Timestamp) -> Result<Vec<AmendmentRow>, StoreError>;
    /// Those that one person brought into force before `before` and that nobody looked at.
    async fn unreviewed(&self, before: Timestamp) -> Result<Vec<AmendmentRow>, StoreError>;
}
