//! Requests to open masked values, and what stands behind the masks.

use async_trait::async_trait;

use super::{Act, StoreError};
use crate::domain::event::SpanPlace;
use crate::domain::message::Sealed;
use crate::domain::record::UnmaskingState;
use crate::units::{
    AccountId, ConversationKey, ConversationRef, EntryIndex, MessageId, SubjectId, Timestamp, UnmaskingId, Version,
};

/// A request to open a value, and what became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnmaskingRow {
    /// Its id.
    pub id: UnmaskingId,
    /// Where it stands.
    pub state: UnmaskingState,
    /// Counts its changes.
    pub version: Version,
    /// The conversation that the value stands in.
    pub conversation: ConversationRef,
    /// Whose it is.
    pub subject: SubjectId,
    /// Where it stands in the conversation.
    pub place: SpanPlace,
    /// Until when it may be opened and shown, once it is granted.
    pub until: Option<Timestamp>,
    /// Who asked, by which entry and when.
    pub requested: Act,
    /// Who granted or denied it.
    pub decided: Option<Act>,
    /// Who opened it.
    pub used: Option<Act>,
    /// The bytes of the entry that asked for it: they say of what and why.
    pub asked: Vec<u8>,
}

/// Which requests are wanted; those made last come first.
#[derive(Clone, Copy, Debug, Default)]
pub struct UnmaskingFilter {
    /// Only of this person.
    pub subject: Option<SubjectId>,
    /// Only what this account asked for.
    pub by: Option<AccountId>,
    /// At most so many.
    pub limit: u32,
}

/// A message or note with both of its parts, still sealed.
pub struct HiddenRow {
    /// Its public id.
    pub id: MessageId,
    /// The entry that both parts answer to: its own, or the newest that masked it again.
    pub of: EntryIndex,
    /// The sealed original.
    pub original: Sealed,
    /// The sealed masked text.
    pub masked: Sealed,
}

/// One tenant's reads about them.
#[async_trait]
pub trait Unmaskings: Send + Sync {
    /// One of them.
    async fn unmasking(&self, id: UnmaskingId) -> Result<Option<UnmaskingRow>, StoreError>;
    /// Those that are wanted.
    async fn unmaskings(&self, filter: UnmaskingFilter) -> Result<Vec<UnmaskingRow>, StoreError>;
    /// A message or note of a conversation.
    async fn hidden(&self, of: ConversationKey, message: MessageId) -> Result<Option<HiddenRow>, StoreError>;
}
