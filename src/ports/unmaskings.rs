//! Requests to open masked values and files, what stands behind the masks, and files that are in quarantine.

use async_trait::async_trait;

use super::{Act, StoreError};
use crate::domain::event::Sought;
use crate::domain::file::FileInfo;
use crate::domain::message::Sealed;
use crate::domain::record::UnmaskingState;
use crate::units::{
    AccountId, ConversationId, ConversationKey, ConversationRef, EntryIndex, MessageId, SubjectId, Timestamp,
    UnmaskingId, Version,
};

/// A request to open a value or a file, and what became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnmaskingRow {
    /// Its id.
    pub id: UnmaskingId,
    /// Where it stands.
    pub state: UnmaskingState,
    /// Counts its changes.
    pub version: Version,
    /// The conversation that it stands in.
    pub conversation: ConversationRef,
    /// Whose it is.
    pub subject: SubjectId,
    /// What is to be opened.
    pub sought: Sought,
    /// Until when it may be opened and shown, once it is granted.
    pub until: Option<Timestamp>,
    /// Who asked, by which entry and when.
    pub requested: Act,
    /// Who granted or denied it.
    pub decided: Option<Act>,
    /// Who opened it.
    pub used: Option<Act>,
    /// The bytes of the entry that asked for it: they say of what and why. Nothing where there is no such entry.
    pub asked: Option<Vec<u8>>,
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

/// A file that came with a message, without a byte of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReceivedFile {
    /// The message that it came with.
    pub message: MessageId,
    /// What is told of it.
    pub info: FileInfo,
    /// The file's own entry, which stands right before the message's.
    pub of: EntryIndex,
    /// What that entry says of where it belongs; nothing where it can't be read.
    pub told: Option<FileTold>,
}

/// Where a file belongs, as its own entry says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileTold {
    /// When it was recorded.
    pub time: Timestamp,
    /// The conversation.
    pub conversation: ConversationId,
    /// Whose it is.
    pub subject: SubjectId,
    /// Whether they were erased since: then nobody can open it any more.
    pub is_erased: bool,
}

/// One tenant's reads about them.
#[async_trait]
pub trait Unmaskings: Send + Sync {
    /// One of them.
    async fn unmasking(&self, id: UnmaskingId) -> Result<Option<UnmaskingRow>, StoreError>;
    /// Those that are wanted.
    async fn unmaskings(&self, filter: UnmaskingFilter) -> Result<Vec<UnmaskingRow>, StoreError>;
    /// The file that came with a message.
    async fn received_file(&self, message: MessageId) -> Result<Option<ReceivedFile>, StoreError>;
    /// Files in quarantine, the newest first: at most so many, from before an entry on.
    async fn quarantined(&self, before: Option<EntryIndex>, limit: u32) -> Result<Vec<ReceivedFile>, StoreError>;
    /// A message or note of a conversation.
    async fn hidden(&self, of: ConversationKey, message: MessageId) -> Result<Option<HiddenRow>, StoreError>;
}
