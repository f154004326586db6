//! What was said before, for those who run a policy over it; what runs; and drafts of policies.

use async_trait::async_trait;

use super::{OriginalRow, StoreError, WrappedKey};
use crate::domain::event::RunEnd;
use crate::domain::message::Sealed;
use crate::domain::record::RunKind;
use crate::units::{
    AccountId, ConversationId, DraftId, EntryIndex, Hash, MessageSeq, RunId, SubjectId, Timestamp, Version,
};

/// Where a message or note is, by its own entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TextPlace {
    /// The conversation.
    pub conversation: ConversationId,
    /// Index of its entry.
    pub index: EntryIndex,
    /// A message's place in the conversation; `None`: it is a note.
    pub seq: Option<MessageSeq>,
}

/// A stored text with whose it is, and the person's key.
pub struct HeldText {
    /// Whose conversation it belongs to.
    pub subject: SubjectId,
    /// The newest key of the person; `None`: they are erased.
    pub key: Option<WrappedKey>,
    /// Both of its parts, still sealed.
    pub row: OriginalRow,
    /// The queue of its conversation, if it has ever had one.
    pub queue: Option<String>,
}

/// A run, and how far it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunRow {
    /// Its id.
    pub id: RunId,
    /// What it does.
    pub kind: RunKind,
    /// The policy.
    pub digest: Hash,
    /// The policy file, sealed, of one that is not kept among those that were proposed.
    pub source: Option<Vec<u8>>,
    /// Who began it, by which entry and when.
    pub begun: (AccountId, EntryIndex, Timestamp),
    /// When it ends by itself.
    pub until: Option<Timestamp>,
    /// The next entry to look at.
    pub cursor: EntryIndex,
    /// How many messages and notes it masked again.
    pub masked: u64,
    /// How and when it ended.
    pub ended: Option<(RunEnd, Timestamp)>,
}

/// A draft, sealed.
pub struct DraftRow {
    /// Its id.
    pub id: DraftId,
    /// Its version.
    pub version: Version,
    /// Who wrote it last.
    pub by: AccountId,
    /// When.
    pub time: Timestamp,
    /// Its name and text.
    pub content: Sealed,
}

/// One tenant's reads about all that.
#[async_trait]
pub trait History: Send + Sync {
    /// The texts at some places, in the order of their entries; what is not there is left out.
    async fn texts(&self, places: &[TextPlace]) -> Result<Vec<HeldText>, StoreError>;
    /// The newest run of a kind.
    async fn newest_run(&self, kind: RunKind) -> Result<Option<RunRow>, StoreError>;
    /// Notes how far a run is, where that changed nothing. It is a follower's cursor: what it skips needs no second look.
    async fn remember(&self, run: RunId, cursor: EntryIndex) -> Result<(), StoreError>;
    /// Every draft, those written last first.
    async fn drafts(&self, limit: u32) -> Result<Vec<DraftRow>, StoreError>;
}
