//! Reads of who waits where, for the matcher and for supervisors.

use async_trait::async_trait;

use super::{ConversationRow, StoreError};
use crate::domain::event::Role;
use crate::units::{ConversationKey, Timestamp};

/// A conversation that an agent holds.
pub struct HeldRow {
    /// The conversation.
    pub conversation: ConversationRow,
    /// Since when a message of the customer's has been unanswered by people.
    pub unanswered_since: Option<Timestamp>,
    /// Who holds it.
    pub holder: Option<Holder>,
}

/// The account that holds a conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Holder {
    /// Its role.
    pub role: Role,
    /// Whether it may log in.
    pub enabled: bool,
    /// Whether it is logged in.
    pub here: bool,
    /// Whether a session of theirs has opened the desk's connection, and what they hold follows it.
    pub attached: bool,
}

/// Where a conversation that waits stands.
#[derive(Clone, Copy, Debug)]
pub struct WaitRow {
    /// Which.
    pub conversation: ConversationKey,
    /// Its priority.
    pub priority: u8,
    /// Its SLA in seconds.
    pub sla_s: Option<u32>,
    /// When it began to wait.
    pub since: Timestamp,
}

/// A queue in which somebody waits.
#[derive(Clone, Debug)]
pub struct QueueRow {
    /// Its name.
    pub queue: String,
    /// How many wait.
    pub waiting: u64,
    /// When the first of them began to.
    pub since: Timestamp,
}

/// Reads one tenant's queues. Every read sees only what is committed and is bounded.
#[async_trait]
pub trait Queues: Send + Sync {
    /// Of each row of the table, the conversations that have waited longest, at most
    /// [`WAITING_CONSIDERED_MAX`](crate::limits::WAITING_CONSIDERED_MAX).
    async fn waiting(&self) -> Result<Vec<ConversationRow>, StoreError>;
    /// Conversations that agents hold, those first in which nothing has been said for the longest time.
    async fn held(&self, limit: u32) -> Result<Vec<HeldRow>, StoreError>;
    /// Of those that wait in these queues, the ones whose customer has not been told that nobody is there until after `now`.
    async fn untold(&self, queues: &[&str], now: Timestamp, limit: u32) -> Result<Vec<ConversationRow>, StoreError>;
    /// Everybody who waits in a queue.
    async fn waits(&self, queue: &str, limit: u32) -> Result<Vec<WaitRow>, StoreError>;
    /// The queues in which somebody waits.
    async fn lengths(&self) -> Result<Vec<QueueRow>, StoreError>;
}
