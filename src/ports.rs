//! Narrow traits between the story and the rooms that do the work: each says what its implementer owes.
//!
//! The pipeline and everything above speak to these; `storage`, `crypto` and `channels` implement them. No trait here
//! knows SQL, HTTP or a cipher.

use std::sync::Arc;

use async_trait::async_trait;
use zeroize::Zeroizing;

pub use crate::domain::masking::Tokens;
pub use crate::domain::message::Sealer;
use crate::domain::event::Role;
use crate::domain::message::{Committed, Inbound, Message, Raw, RawBody, RawText, Sealed};
use crate::domain::record::{Aggregate, ConversationState, Dedup, NewSubject, Outcome, Proposal};
use crate::units::{
    AccountId, ChannelAccount, ConversationRef, EntryIndex, Hash, MessageId, MessageSeq, SubjectId, TenantId, Timestamp,
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

/// A wrapped data key with what is needed to unwrap it.
#[derive(Clone)]
pub struct WrappedKey {
    /// Key generation, from 1.
    pub generation: i32,
    /// The epoch that wraps it.
    pub epoch: i32,
    /// The wrapped bytes.
    pub wrapped: Vec<u8>,
}

/// A person and, if there is one, the conversation that is open by the channel account asked for.
#[derive(Clone)]
pub struct ContactRow {
    /// The pseudonym.
    pub subject: SubjectId,
    /// The data key.
    pub key: WrappedKey,
    /// The open conversation.
    pub open: Option<ConversationRow>,
}

/// A conversation as it stands.
#[derive(Clone, Debug)]
pub struct ConversationRow {
    /// Its names.
    pub conversation: ConversationRef,
    /// Whose it is.
    pub subject: SubjectId,
    /// Where it came by.
    pub channel: ChannelAccount,
    /// Its state.
    pub state: ConversationState,
    /// Who holds it.
    pub agent: Option<AccountId>,
    /// Its version.
    pub version: Version,
    /// The place of its newest message; 0 when there is none.
    pub last_message: MessageSeq,
    /// Index of the entry that opened it.
    pub opened: EntryIndex,
    /// When it was opened.
    pub opened_at: Timestamp,
}

/// A stored message, still sealed.
pub struct MessageRow {
    /// Its public id.
    pub id: MessageId,
    /// Its place.
    pub seq: MessageSeq,
    /// Index of its entry.
    pub index: EntryIndex,
    /// When it arrived or was written.
    pub time: Timestamp,
    /// Whether the bank wrote it.
    pub outbound: bool,
    /// The staff account that wrote it.
    pub author: Option<AccountId>,
    /// The sealed original.
    pub original: Sealed,
    /// The sealed masked text.
    pub masked: Sealed,
    /// Shows that it was read from what is committed.
    pub committed: Committed,
}

/// A staff account.
#[derive(Clone)]
pub struct AccountRow {
    /// Its pseudonym.
    pub id: AccountId,
    /// Login and display name, sealed.
    pub profile: Vec<u8>,
    /// Argon2id hash in PHC form.
    pub password: String,
    /// Its role.
    pub role: Role,
    /// Whether the password must be changed before anything else.
    pub must_change: bool,
    /// Its version.
    pub version: Version,
}

/// An agent's place at the desk.
#[derive(Clone, Copy, Debug)]
pub struct AgentRow {
    /// The account.
    pub id: AccountId,
    /// Most conversations at a time.
    pub capacity: i32,
    /// Conversations held.
    pub load: i32,
    /// Whether the agent takes conversations.
    pub online: bool,
    /// Since when no conversation was given.
    pub idle_since: Timestamp,
    /// Its version.
    pub version: Version,
}

/// The tenant's settings.
#[derive(Clone, Copy, Debug)]
pub struct SettingsRow {
    /// Digest of the active policy.
    pub policy: Option<Hash>,
    /// Their version.
    pub version: Version,
}

/// Which conversations to list.
#[derive(Clone, Copy, Debug)]
pub struct ConversationFilter {
    /// Only those in this state.
    pub state: Option<ConversationState>,
    /// Only those held by this agent.
    pub agent: Option<AccountId>,
    /// Only those opened after this entry.
    pub after: Option<EntryIndex>,
    /// At most this many.
    pub limit: u32,
}

/// Reads one tenant's projections, and writes the few things that the exempt list of `ARCHITECTURE.md` allows outside the
/// ledger (presence, sessions). Every read sees only what is committed.
#[async_trait]
pub trait Store: Send + Sync {
    /// The person behind an identity lookup, with the conversation open by `channel`.
    async fn contact(&self, lookup: &IdentityLookup, channel: &ChannelAccount)
    -> Result<Option<ContactRow>, StoreError>;
    /// A person's data key.
    async fn data_key(&self, subject: SubjectId) -> Result<Option<WrappedKey>, StoreError>;
    /// One conversation by its public id.
    async fn conversation(
        &self,
        id: crate::units::ConversationId,
    ) -> Result<Option<ConversationRow>, StoreError>;
    /// Conversations in the order in which they were opened.
    async fn conversations(&self, filter: ConversationFilter) -> Result<Vec<ConversationRow>, StoreError>;
    /// Messages of a conversation after a log index, oldest first.
    async fn messages(
        &self,
        conversation: ConversationRef,
        after: Option<EntryIndex>,
        limit: u32,
    ) -> Result<Vec<MessageRow>, StoreError>;
    /// Messages of all of a subject's conversations by one channel account after a log index, oldest first.
    async fn subject_messages(
        &self,
        subject: SubjectId,
        channel: &ChannelAccount,
        after: Option<EntryIndex>,
        limit: u32,
    ) -> Result<Vec<(ConversationRef, MessageRow)>, StoreError>;
    /// Messages of a conversation that arrived or were written since `since`, oldest first, the newest `limit` of them.
    async fn recent_messages(
        &self,
        conversation: ConversationRef,
        since: Timestamp,
        limit: u32,
    ) -> Result<Vec<MessageRow>, StoreError>;
    /// The bytes of one entry.
    async fn entry(&self, index: EntryIndex) -> Result<Option<Vec<u8>>, StoreError>;
    /// The staff account behind a login lookup.
    async fn account_by_login(&self, login: &[u8; 32]) -> Result<Option<AccountRow>, StoreError>;
    /// One staff account.
    async fn account(&self, id: AccountId) -> Result<Option<AccountRow>, StoreError>;
    /// Every agent's place.
    async fn agents(&self) -> Result<Vec<AgentRow>, StoreError>;
    /// Sets whether an agent takes conversations; presence is not a business change and not versioned.
    async fn set_online(&self, agent: AccountId, online: bool) -> Result<(), StoreError>;
    /// The tenant's settings.
    async fn settings(&self) -> Result<SettingsRow, StoreError>;
    /// The text of a policy that was activated once.
    async fn policy_source(&self, digest: Hash) -> Result<Option<String>, StoreError>;
    /// Keeps a session until `expires`.
    async fn put_session(&self, token: &[u8; 32], account: AccountId, now: Timestamp, expires: Timestamp)
    -> Result<(), StoreError>;
    /// The account of a live session, whose last-seen time becomes `now`.
    async fn session(&self, token: &[u8; 32], now: Timestamp) -> Result<Option<AccountId>, StoreError>;
    /// Ends a session.
    async fn end_session(&self, token: &[u8; 32]) -> Result<(), StoreError>;
    /// Ends every session of an account.
    async fn end_sessions_of(&self, account: AccountId) -> Result<(), StoreError>;
}

/// Finds a person without naming them: a keyed hash of the identity under an epoch's index key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct IdentityLookup {
    /// The epoch.
    pub epoch: i32,
    /// 32 bytes.
    pub hash: [u8; 32],
}

/// A key is missing, wrong or refused.
#[derive(Debug, thiserror::Error)]
pub enum VaultError {
    /// The epoch's key is not there: destroyed or not restored.
    #[error("the key of epoch {epoch} is not there")]
    NoEpoch {
        /// The epoch.
        epoch: i32,
    },
    /// Wrapped bytes don't open under the key that should have made them.
    #[error("a wrapped key does not open")]
    Unwrap,
    /// A cipher or hash refused.
    #[error("the cipher refused")]
    Cipher,
}

/// A sealer that can be shared among tasks.
pub type SharedSealer = Arc<dyn Sealer + Send + Sync>;

/// Holds one tenant's keys; no key leaves it.
pub trait Vault: Send + Sync {
    /// The lookup of a contact identity with a channel account.
    fn identity_lookup(&self, channel: &ChannelAccount, identity: &RawText) -> IdentityLookup;

    /// Makes a new person's data key and the row that keeps it, wrapped.
    ///
    /// # Errors
    /// [`VaultError`] when wrapping fails.
    fn new_subject(
        &self,
        id: SubjectId,
        lookup: IdentityLookup,
        identity: &RawText,
    ) -> Result<(NewSubject, SharedSealer), VaultError>;

    /// Unwraps a person's data key.
    ///
    /// # Errors
    /// [`VaultError`] when the epoch is gone or the bytes don't open.
    fn sealer(&self, subject: SubjectId, key: &WrappedKey) -> Result<SharedSealer, VaultError>;

    /// The tenant's tokens for masked values.
    fn tokens(&self) -> &(dyn Tokens + Send + Sync);

    /// The guard against duplicates for a key within `scope`, with the body that came along.
    fn dedup(&self, scope: &str, key: &[u8], body: &[u8]) -> Dedup;

    /// The lookup of a login name.
    fn login_lookup(&self, login: &RawText) -> [u8; 32];

    /// Seals a staff profile, bound to its account.
    ///
    /// # Errors
    /// [`VaultError::Cipher`] when the cipher refuses.
    fn seal_profile(&self, account: AccountId, profile: &RawText) -> Result<Vec<u8>, VaultError>;

    /// Opens a staff profile.
    ///
    /// # Errors
    /// [`VaultError::Cipher`] when bytes, account or key differ.
    fn open_profile(&self, account: AccountId, sealed: &[u8]) -> Result<Zeroizing<String>, VaultError>;

    /// The lookup under which a session token is stored: the token itself is kept nowhere.
    fn session_lookup(&self, token: &str) -> [u8; 32];
}

/// Hashes and checks passwords; slow on purpose, so callers run it where blocking is allowed.
pub trait Passwords: Send + Sync {
    /// An argon2id hash in PHC form.
    ///
    /// # Errors
    /// [`VaultError::Cipher`] when the hash refuses.
    fn hash(&self, password: &RawText, salt: [u8; 16]) -> Result<String, VaultError>;

    /// Whether a password matches; `None` burns the same time and says no, so that unknown names can't be told by it.
    fn verify(&self, password: &RawText, phc: Option<&str>) -> bool;
}

/// Proves entries from the published tiles.
pub trait Proofs: Send + Sync {
    /// The inclusion path of an entry in the tree of the published checkpoint, and that checkpoint's signed text; `None`
    /// while nothing published covers the entry.
    fn prove(&self, index: EntryIndex) -> Option<(Vec<Hash>, Arc<str>)>;
}

/// Signs checkpoints. May be slow (a hardware module): one signature may serve several commits.
#[async_trait]
pub trait Signer: Send + Sync {
    /// Signs a checkpoint body (C2SP tlog-checkpoint) and returns the whole signed note.
    ///
    /// # Errors
    /// [`SignError`] when the key can't be used.
    async fn sign(&self, body: &str) -> Result<String, SignError>;

    /// The public key in vkey form.
    fn vkey(&self) -> String;
}

/// The log key could not sign.
#[derive(Debug, thiserror::Error)]
#[error("the log key can't sign: {reason}")]
pub struct SignError {
    /// What the key's holder said; never key material.
    pub reason: &'static str,
}

/// A request by HTTP as a channel sees it: no framework's types.
pub struct WebhookRequest {
    /// Upper-case method.
    pub method: String,
    /// Host and port as the client named them, lower case.
    pub authority: String,
    /// Path as sent, percent-encoding untouched.
    pub path: String,
    /// Query without `?`, as sent; empty when there is none.
    pub query: String,
    /// Header names in lower case with their values, in order; values that aren't visible ASCII were refused before.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: RawBody,
}

impl WebhookRequest {
    /// The first value of a header, by lower-case name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

/// One customer's message with what the shared code needs to know of it.
pub struct Incoming {
    /// The channel account that it came by.
    pub channel: ChannelAccount,
    /// Who wrote it, by the channel's own identity.
    pub contact: RawText,
    /// Platform message id or idempotency key: the same never counts twice.
    pub key: String,
    /// Keyed into the duplicate guard: a repeat with another fingerprint is an error.
    pub fingerprint: Vec<u8>,
    /// The message.
    pub message: Message<Raw, Inbound>,
}

/// What an authenticated request asks for.
pub enum ChannelCall {
    /// Take this in.
    Receive(Incoming),
    /// Show what was said to and by this contact after a cursor.
    Read {
        /// Whose messages.
        contact: RawText,
        /// Log index to resume after.
        after: Option<EntryIndex>,
        /// At most this many.
        limit: u32,
    },
}

/// Why a channel refused a request. Holds names and offsets, never what was sent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ChannelError {
    /// A needed header is missing.
    #[error("header {name} is missing")]
    MissingHeader {
        /// Its name.
        name: &'static str,
    },
    /// A header can't be read.
    #[error("header {name} can't be read: {expected}")]
    MalformedHeader {
        /// Its name.
        name: &'static str,
        /// What would be right.
        expected: &'static str,
    },
    /// The signature does not cover what it must.
    #[error("the signature does not cover {component}")]
    NotCovered {
        /// The component.
        component: &'static str,
    },
    /// The signature, key id or digest is wrong.
    #[error("the signature is not valid")]
    BadSignature,
    /// The body's digest differs.
    #[error("the body does not match content-digest")]
    BadDigest,
    /// Signed too long ago, or in the future.
    #[error("signed {skew_s} s away from the server's clock, at most {max_s} s are allowed")]
    Stale {
        /// Seconds between the two clocks.
        skew_s: i64,
        /// Seconds allowed.
        max_s: i64,
    },
    /// The body can't be parsed.
    #[error("the body is not what this channel takes: {expected} (at byte {offset})")]
    MalformedBody {
        /// What would be right.
        expected: &'static str,
        /// Where parsing stopped.
        offset: usize,
    },
    /// A field's value is out of bounds.
    #[error("field {field}: {expected}")]
    BadField {
        /// The field.
        field: &'static str,
        /// What would be right.
        expected: &'static str,
    },
    /// This method or path is not the channel's.
    #[error("this address takes {expected}")]
    NotFound {
        /// What would be right.
        expected: &'static str,
    },
}

/// A channel that platforms reach by HTTP.
///
/// Duties: authenticate exactly as the platform prescribes, over the raw body, in constant time; then parse. It holds no
/// business rule, keeps no state, and puts nothing of the body into an error.
pub trait Webhook: Send + Sync {
    /// The channel account it serves.
    fn account(&self) -> &ChannelAccount;

    /// Authenticates and parses one request. `now` is the server's time, `id` a fresh random id for a message.
    ///
    /// # Errors
    /// [`ChannelError`], by blame.
    fn call(&self, request: WebhookRequest, now: Timestamp, id: MessageId) -> Result<ChannelCall, ChannelError>;
}

/// Where a tenant's name belongs to.
#[derive(Clone, Debug)]
pub struct TenantName {
    /// Its number.
    pub id: TenantId,
    /// Its name.
    pub name: String,
}
