//! Customers who are erased or held, and the keys that their rows hang on.

use async_trait::async_trait;

use super::{ConversationRow, IdentityLookup, StoreError, WrappedKey};
use crate::domain::event::{ErasureReason, HoldReason};
use crate::domain::record::ErasureState;
use crate::units::{AccountId, ConversationKey, EntryIndex, ErasureId, Hash, HoldId, SubjectId, Timestamp, Version};

/// A customer who is not erased.
#[derive(Clone, Debug)]
pub struct SubjectRow {
    /// Counts holds and their releases.
    pub version: Version,
    /// Legal holds that are not released.
    pub holds: u32,
    /// Their conversation that is not closed.
    pub open: Option<ConversationRow>,
}

/// A proposal to erase somebody, and what became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ErasureRow {
    /// Its id.
    pub id: ErasureId,
    /// Who is to be erased.
    pub subject: SubjectId,
    /// Where it stands.
    pub state: ErasureState,
    /// Why.
    pub reason: ErasureReason,
    /// Whether the epoch is to end at once.
    pub at_once: bool,
    /// Counts its changes.
    pub version: Version,
    /// Who proposed it, by which entry and when.
    pub proposed: Act,
    /// Who decided on it, by which entry and when.
    pub decided: Option<Act>,
    /// The epoch that was the newest when it was done: whatever hung on it or an earlier one ends with it.
    pub epoch: Option<i32>,
}

/// A legal hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HoldRow {
    /// Its id.
    pub id: HoldId,
    /// Who is held.
    pub subject: SubjectId,
    /// Why.
    pub reason: HoldReason,
    /// Counts its changes.
    pub version: Version,
    /// Who placed it, by which entry and when.
    pub placed: Act,
    /// Who released it, by which entry and when.
    pub released: Option<Act>,
}

/// Something that somebody did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Act {
    /// Who.
    pub by: AccountId,
    /// Index of its entry.
    pub index: EntryIndex,
    /// Its entry's time.
    pub time: Timestamp,
}

/// An epoch that no row of the tenant hangs on any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetiredEpoch {
    /// Its number.
    pub epoch: i32,
    /// Its key's public name.
    pub fingerprint: Hash,
    /// By which entry, and when.
    pub retired: (EntryIndex, Timestamp),
    /// The entry that says that its key was destroyed, and when.
    pub destroyed: Option<(EntryIndex, Timestamp)>,
}

/// What waits for a new epoch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EpochNeed {
    /// When the first of those was erased whose rows hung on the epoch.
    pub since: Option<Timestamp>,
    /// Whether one of them is to end at once.
    pub at_once: bool,
}

/// An identity as it is indexed.
#[derive(Clone)]
pub struct IndexedRow {
    /// Under which epoch, and how.
    pub lookup: IdentityLookup,
    /// Whose.
    pub subject: SubjectId,
    /// The identity, sealed under their data key; those of before schema 12 have none.
    pub sealed: Option<Vec<u8>>,
    /// The data key.
    pub key: WrappedKey,
}

/// One tenant's reads about erasure, and the one thing that is written without an entry: which epoch rows hang on. A row's
/// content stays what it was, so that nobody can be asked about it (`ARCHITECTURE.md`, exempt list).
#[async_trait]
pub trait Erasures: Send + Sync {
    /// A customer; `None` when there is none of that name, or not any more.
    async fn subject(&self, id: SubjectId) -> Result<Option<SubjectRow>, StoreError>;
    /// The conversations of a customer.
    async fn conversations_of(&self, id: SubjectId) -> Result<Vec<ConversationKey>, StoreError>;
    /// One proposal.
    async fn erasure(&self, id: ErasureId) -> Result<Option<ErasureRow>, StoreError>;
    /// Proposals, the newest first.
    async fn erasures(&self, limit: u32) -> Result<Vec<ErasureRow>, StoreError>;
    /// One hold.
    async fn hold(&self, id: HoldId) -> Result<Option<HoldRow>, StoreError>;
    /// Holds, the newest first.
    async fn holds(&self, limit: u32) -> Result<Vec<HoldRow>, StoreError>;
    /// Who was erased, by which entry.
    async fn erased(&self) -> Result<Vec<(SubjectId, EntryIndex)>, StoreError>;

    /// Data keys in the order of their owners, after one of them, at most `limit`.
    async fn data_keys_after(
        &self,
        after: Option<(SubjectId, i32)>,
        limit: u32,
    ) -> Result<Vec<(SubjectId, WrappedKey)>, StoreError>;
    /// Exchanges wrapped keys that are still the old ones; how many were.
    async fn rewrap(&self, changes: &[(SubjectId, WrappedKey, WrappedKey)]) -> Result<u64, StoreError>;
    /// Sealed identities that an earlier epoch than `newest` indexes.
    async fn indexed_before(&self, newest: i32, limit: u32) -> Result<Vec<IndexedRow>, StoreError>;
    /// Exchanges how identities are indexed, where they still are as they were; with what was sealed of them.
    async fn reindex(&self, changes: &[(IdentityLookup, IdentityLookup, Vec<u8>)]) -> Result<u64, StoreError>;
    /// The newest epoch that indexes anybody.
    async fn newest_epoch_used(&self) -> Result<Option<i32>, StoreError>;
    /// Whether any data key hangs on an epoch or an earlier one.
    async fn hangs_on(&self, epoch: i32) -> Result<bool, StoreError>;
    /// How many data keys hang on an earlier epoch than this.
    async fn keys_before(&self, newest: i32) -> Result<u64, StoreError>;
    /// The epochs that nothing hangs on any more.
    async fn retired_epochs(&self) -> Result<Vec<RetiredEpoch>, StoreError>;
    /// What waits for the end of an epoch.
    async fn epoch_need(&self, epoch: i32) -> Result<EpochNeed, StoreError>;
}

/// The list of who was erased can't be read or written.
#[derive(Debug, thiserror::Error)]
#[error("the list of erased customers can't be used: {reason}")]
pub struct JournalError {
    /// What is wrong; paths and lines only.
    pub reason: String,
}

/// Who was erased, kept outside the database.
pub trait ErasedPersons: Send + Sync {
    /// Everybody, with the index of the entry that erased them.
    ///
    /// # Errors
    /// [`JournalError`].
    fn all(&self) -> Result<Vec<(SubjectId, EntryIndex)>, JournalError>;

    /// Adds those that are not there yet; durable when it returns.
    ///
    /// # Errors
    /// [`JournalError`].
    fn note(&self, erased: &[(SubjectId, EntryIndex)]) -> Result<(), JournalError>;
}
