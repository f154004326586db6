//! Narrow traits between the story and the rooms that do the work: each says what its implementer owes.
//!
//! The pipeline and everything above speak to these; `storage`, `crypto` and `channels` implement them. No trait here
//! knows SQL, HTTP or a cipher.

mod activated;
mod amendments;
mod anchor;
mod channel;
mod custody;
mod erasures;
mod evidence;
mod files;
mod history;
mod identity;
mod live;
mod objects;
mod passwords;
mod people;
mod post;
mod proofs;
mod queues;
mod reports;
mod rows;
mod session;
mod signing;
mod unmaskings;
mod vault;
mod witness;

use std::sync::Arc;

use async_trait::async_trait;
use lww_audit::seal::Seal;
use tokio::sync::watch;

pub use activated::{Activated, Activates, EntrySeen};
pub use amendments::{AmendmentRow, Amendments};
pub use anchor::{Anchor, Anchoring, Unanchored};
pub use channel::{
    About, Attached, Channel, ChannelCall, ChannelError, FILE_NAME, Incoming, KeyScope, Person, Proven, Upload,
    Webhook, WebhookRequest, file_name,
};
pub use custody::{
    AnchorCustody, AnchorState, Custody, CustodyCell, MirrorCustody, MirrorState, SealCustody, SelfAuditCustody,
    SelfAuditState, SizeAt, WitnessCustody, WitnessState,
};
pub use erasures::{
    Act, EpochNeed, ErasedPersons, ErasureRow, Erasures, HoldRow, IndexedRow, JournalError, RetiredEpoch, SubjectRow,
};
pub use evidence::{PackageError, Packages, Wanted};
pub use files::{FileContent, FilePorts, FileReader, FileReaderGone, FileRow, ReadFile};
pub use history::{DraftRow, HeldText, History, RunRow, TextPlace};
pub use identity::{IdentityLookup, IdentityName};
pub use live::{Changed, Follower, Happening, Unmasked};
pub use objects::{Objects, ObjectsError};
pub use passwords::Passwords;
pub use people::{AccountRow, AttemptRules, Attempts, FactorRow, People, SessionRow, Vouched};
pub use post::{Post, Posted, Unanswered};
pub use proofs::Proofs;
pub use queues::{HeldRow, Holder, QueueRow, Queues, WaitRow};
pub use reports::{ReportRow, Reports};
pub use rows::{
    AgentRow, ContactRow, ConversationCounts, ConversationFilter, ConversationRow, MessageRow, NoteRow, OriginalRow,
    ReplyRow, SettingsRow, TextRow, WrappedKey, place,
};
pub use session::{Author, CustomerEvent, CustomerFrame, CustomerMessage, Session, Standing, Visit};
pub use signing::{LogKeys, NationalKey, SignError, Signer};
pub use unmaskings::{HiddenRow, UnmaskingFilter, UnmaskingRow, Unmaskings};
pub use witness::{Cosigns, Declined, Unwitnessed, Witness, Witnesses};

pub use vault::{External, SharedSealer, StaffPart, Vault, VaultError};

pub use crate::domain::masking::Tokens;
pub use crate::domain::message::Sealer;
use crate::domain::record::{Aggregate, ConversationState, Outcome, Proposal};
use crate::units::{
    AccountId, ConversationId, ConversationRef, EntryIndex, Hash, MessageId, SessionId, SubjectId, TenantId, Timestamp,
    TreeSize, Version,
};

/// Tells the time. The only source of it outside tests.
pub trait Clock: Send + Sync {
    /// UTC now.
    fn now(&self) -> Timestamp;
}

/// Draws random bytes fit for keys.
pub trait Random: Send + Sync {
    /// Fills `out` with random bytes.
    fn fill(&self, out: &mut [u8]);
}

/// Draws a fixed number of random bytes.
pub fn random_bytes<const N: usize>(random: &dyn Random) -> [u8; N] {
    let mut out = [0; N];
    random.fill(&mut out);
    out
}

/// Why a proposal was not recorded. Nothing of it took effect, except perhaps after [`RecordError::Unknown`].
#[derive(Clone, Debug, thiserror::Error)]
pub enum RecordError {
    /// An aggregate changed since the caller decided: read it and decide again.
    #[error("{aggregate:?} is at version {got:?}, the decision was made on {expected:?}")]
    Conflict {
        /// What changed.
        aggregate: Aggregate,
        /// The version decided on.
        expected: Version,
        /// The version found; `None` when it doesn't exist.
        got: Option<Version>,
    },
    /// The same key was recorded before with another body.
    #[error("the same key was recorded at index {first} with another body")]
    KeyReused {
        /// Index of the first.
        first: EntryIndex,
    },
    /// The database refused an effect of this proposal.
    #[error("the database refused an effect (SQLSTATE {sqlstate})")]
    Rejected {
        /// PostgreSQL's five-character code; its message may hold values and is not kept.
        sqlstate: String,
    },
    /// The entry is longer than a leaf may be.
    #[error("the entry could not be written: {0}")]
    Entry(Arc<lww_audit::Error>),
    /// The log can't write at present; the same may succeed later.
    #[error("the log can't write at present")]
    Unavailable,
    /// The queue before the recorder is full.
    #[error("the recorder's queue is full")]
    Overloaded,
    /// The commit's outcome could not be learnt in time: repeat it with the same key.
    #[error("the outcome of the commit is not known")]
    Unknown,
    /// This log is stopped until an operator acts.
    #[error("the log is stopped")]
    Stopped,
}

/// The newest durable head that the log key has signed.
#[derive(Clone, Debug)]
pub struct SignedHead {
    /// Number of entries.
    pub size: TreeSize,
    /// Merkle root over them.
    pub root: Hash,
    /// The signed checkpoint's text.
    pub checkpoint: Arc<str>,
    /// When it was signed.
    pub signed_at: Timestamp,
    /// The entries within it that brought policy, routing table and key into force last.
    pub activated: Activated,
}

/// Writes one tenant's log.
///
/// Durability: `record` answers `Recorded` only after the transaction is durable as PostgreSQL promises it, the rollback
/// guard is on disk and a signed checkpoint covers the entries. Concurrency: calls may overlap; entries of one proposal
/// are adjacent and in order. A caller that goes away does not undo what was taken in.
#[async_trait]
pub trait Recorder: Send + Sync {
    /// Records a proposal as a whole or not at all.
    ///
    /// # Errors
    /// [`RecordError`]; see each variant for what the caller may do.
    async fn record(&self, proposal: Proposal) -> Result<Outcome, RecordError>;

    /// The newest signed head; `None` before the first.
    fn head(&self) -> Option<SignedHead>;

    /// Follows the newest signed head; `None` while this server doesn't write the log.
    fn heads(&self) -> Option<watch::Receiver<Option<SignedHead>>>;
}

/// A read failed.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database can't be reached or refused.
    #[error("the database can't be read at present (SQLSTATE {sqlstate:?})")]
    Unavailable {
        /// PostgreSQL's code, when it gave one.
        sqlstate: Option<String>,
    },
    /// A stored value isn't what this version wrote.
    #[error("a stored value of {what} can't be read")]
    Corrupt {
        /// The kind of value.
        what: &'static str,
    },
}

/// Reads one tenant's projections, and writes the few things that the exempt list of `ARCHITECTURE.md` allows outside the
/// ledger (presence). Every read sees only what is committed.
#[async_trait]
pub trait Store: Send + Sync {
    /// The person behind an identity lookup, with their conversation that is not closed.
    async fn contact(&self, lookup: &IdentityLookup) -> Result<Option<ContactRow>, StoreError>;
    /// A person's data key.
    async fn data_key(&self, subject: SubjectId) -> Result<Option<WrappedKey>, StoreError>;
    /// One conversation by its public id.
    async fn conversation(&self, id: ConversationId) -> Result<Option<ConversationRow>, StoreError>;
    /// Conversations in the order in which they were opened, or the other way round.
    async fn conversations(&self, filter: ConversationFilter) -> Result<Vec<ConversationRow>, StoreError>;
    /// How many conversations stand where: all that wait, and of the others those of `own`, or everybody's; `mine` are those
    /// that `account` holds.
    async fn conversation_counts(
        &self,
        own: Option<AccountId>,
        account: AccountId,
    ) -> Result<ConversationCounts, StoreError>;
    /// Conversations that have been in `state` (assigned or solved) without a word since before `since`, at most `limit`.
    async fn overdue(
        &self,
        state: ConversationState,
        since: Timestamp,
        limit: u32,
    ) -> Result<Vec<ConversationRow>, StoreError>;
    /// Messages of a conversation after a log index, oldest first, with the policies that masked them; one of before that was
    /// masked again since stands where that was recorded ([`MessageRow::place`]).
    async fn messages(
        &self,
        conversation: ConversationRef,
        after: Option<EntryIndex>,
        limit: u32,
    ) -> Result<Vec<MessageRow>, StoreError>;
    /// Internal notes of a conversation, oldest first, the newest `limit` of them.
    async fn notes(&self, conversation: ConversationRef, limit: u32) -> Result<Vec<NoteRow>, StoreError>;
    /// Canned replies that were not taken away, at most `limit`.
    async fn replies(&self, limit: u32) -> Result<Vec<ReplyRow>, StoreError>;
    /// Messages of all of a subject's conversations after a log index, as by [`Store::messages`].
    async fn subject_messages(
        &self,
        subject: SubjectId,
        after: Option<EntryIndex>,
        limit: u32,
    ) -> Result<Vec<(ConversationRef, MessageRow)>, StoreError>;
    /// Messages of all of a subject's conversations before a log index, oldest first, the newest `limit` of them.
    async fn earlier_messages(
        &self,
        subject: SubjectId,
        before: Option<EntryIndex>,
        limit: u32,
    ) -> Result<Vec<(ConversationRef, MessageRow)>, StoreError>;
    /// Messages and notes of all of a subject's conversations that arrived or were written since `since`, oldest first, the
    /// newest `limit` of them; with `ids`, only those.
    async fn recent_messages(
        &self,
        subject: SubjectId,
        since: Timestamp,
        ids: Option<Vec<MessageId>>,
        limit: u32,
    ) -> Result<Vec<OriginalRow>, StoreError>;
    /// The bytes of one entry.
    async fn entry(&self, index: EntryIndex) -> Result<Option<Vec<u8>>, StoreError>;
    /// Every agent's place.
    async fn agents(&self) -> Result<Vec<AgentRow>, StoreError>;
    /// Sets whether an agent takes conversations, and whether that follows their desk's connection; presence is not a
    /// business change and not versioned.
    async fn set_online(
        &self,
        agent: AccountId,
        online: bool,
        attached: bool,
        now: Timestamp,
    ) -> Result<(), StoreError>;
    /// Notes that the presence of a session's account follows their desk's connection: the switch of an agent who is online,
    /// and what a supervisor holds.
    async fn attach(&self, account: AccountId, session: SessionId) -> Result<(), StoreError>;
    /// Notes that what a supervisor holds follows no connection any more: they work without one.
    async fn unattach(&self, account: AccountId) -> Result<(), StoreError>;
    /// The agents who are online and whose presence follows their desk's connection.
    async fn attached(&self) -> Result<Vec<AccountId>, StoreError>;
    /// Takes such an agent's presence back, who is gone since `since`.
    async fn detach(&self, agent: AccountId, since: Timestamp) -> Result<(), StoreError>;
    /// The tenant's settings.
    async fn settings(&self) -> Result<SettingsRow, StoreError>;
    /// The text of a policy that was activated once.
    async fn policy_source(&self, digest: Hash) -> Result<Option<String>, StoreError>;
    /// Every masking policy and routing table that was activated once, by the digest that entries name.
    async fn policies(&self) -> Result<Vec<(Hash, String)>, StoreError>;
    /// What messages and notes of some conversations say, of those to which one of these entries committed last.
    async fn texts(&self, of: &[ConversationId], entries: &[EntryIndex]) -> Result<Vec<TextRow>, StoreError>;
    /// The entries that were recorded under these guards against duplicates, those that are there.
    async fn recorded(&self, keys: &[[u8; 16]]) -> Result<Vec<([u8; 16], EntryIndex)>, StoreError>;
    /// The file that came with a message, sealed.
    async fn file(&self, message: MessageId) -> Result<Option<FileRow>, StoreError>;
    /// Whether any conversation is or was this person's.
    async fn knows_subject(&self, subject: SubjectId) -> Result<bool, StoreError>;
    /// Where all chains ended, at one committed size of the log; entries that commit meanwhile change nothing of it.
    async fn seal(&self) -> Result<Seal, StoreError>;
}

/// Entries could not be read.
#[derive(Debug, thiserror::Error)]
pub enum EntriesError {
    /// The database can't be reached at present.
    #[error("the entries can't be read at present")]
    Unavailable,
    /// An entry below the head is not there.
    #[error("entry {index} is missing")]
    Missing {
        /// The entry.
        index: EntryIndex,
    },
}

/// Reads a log's entries in order, for those who follow it.
#[async_trait]
pub trait Entries: Send + Sync {
    /// Bytes of at most `limit` entries from `from` on, without a gap; fewer at the end.
    ///
    /// # Errors
    /// [`EntriesError`].
    async fn entries(&self, from: EntryIndex, limit: u32) -> Result<Vec<Vec<u8>>, EntriesError>;
}

/// Where a tenant's name belongs to.
#[derive(Clone, Debug)]
pub struct TenantName {
    /// Its number.
    pub id: TenantId,
    /// Its name.
    pub name: String,
}
