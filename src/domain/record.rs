//! What is asked of a ledger: entries not linked yet, and the effects that commit with them.
//!
//! Audit or refuse: a business change exists only as an [`Effect`] that belongs to an entry. Each effect on an aggregate
//! names the version that it was decided on. This module knows neither SQL nor the hash chain.

mod amendment;
mod desk;
mod erasure;
mod history;
mod people;
mod policy;
mod remasked;
mod report;
mod unmasking;

use std::sync::Arc;

pub use amendment::{AmendmentChange, AmendmentState, AmendmentStep};
pub use desk::{NewNote, ReplyChange, SealedText};
pub use erasure::{EpochChange, ErasureChange, ErasureState, HoldChange, SubjectChange, SubjectEnd};
pub use history::{DraftChange, RunChange, RunKind, RunStep};
pub use people::{NewIdentity, NewSubject};
pub use policy::{PolicyChange, PolicyKind};
pub use remasked::{Remasked, Written};
pub use report::{ReportChange, ReportState, ReportStep};
pub use unmasking::{UnmaskingChange, UnmaskingState, UnmaskingStep};

use lww_audit::entry::{Content, PolicyRef};
use lww_audit::receipt::{Opened, Receipt as ProofReceipt};

use super::event::{Event, Role, Wish};
use super::file::NewFile;
use super::message::{Committed, Sealed};
use crate::limits::IMPORT_ACCOUNTS_MAX;
use crate::units::{
    AccountId, AmendmentId, ChannelAccount, ConversationId, ConversationKey, ConversationRef, DraftId, EntryIndex,
    ErasureId, Hash, HoldId, MessageId, MessageSeq, ReportId, RunId, SubjectId, Timestamp, UnmaskingId, Version,
};

/// Most entries that one proposal may hold: an import's own, and one for what each of its agents can do.
pub const PROPOSAL_ENTRIES_MAX: usize = 1 + IMPORT_ACCOUNTS_MAX;

/// Who did it: a pseudonym and the role in which it was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Actor {
    /// A subject's or account's pseudonym; sixteen zero bytes for the server itself.
    pub id: AccountId,
    /// The role.
    pub role: Role,
}

/// An entry before the recorder gives it its index, its time and its links.
#[derive(Clone, Debug)]
pub struct Draft {
    /// What happened.
    pub event: Event,
    /// Who did it.
    pub actor: Actor,
    /// The conversation concerned.
    pub conversation: Option<ConversationRef>,
    /// The channel it came or goes by.
    pub channel: Option<ChannelAccount>,
    /// The person concerned.
    pub subject: Option<SubjectId>,
    /// The policy that masked the content.
    pub policy: Option<PolicyRef>,
    /// Commitments to the content.
    pub content: Option<Content>,
}

impl Draft {
    /// An entry about nothing but the event itself.
    pub fn of(event: Event, actor: Actor) -> Self {
        Self { event, actor, conversation: None, channel: None, subject: None, policy: None, content: None }
    }

    /// The same entry about a conversation and its customer.
    #[must_use]
    pub fn about(mut self, conversation: ConversationRef, subject: SubjectId, channel: &ChannelAccount) -> Self {
        self.conversation = Some(conversation);
        self.subject = Some(subject);
        self.channel = Some(channel.clone());
        self
    }
}

/// Names one thing whose changes are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Aggregate {
    /// A conversation.
    Conversation(ConversationKey),
    /// An agent's place at the desk.
    Agent(AccountId),
    /// A staff account.
    Account(AccountId),
    /// A canned reply.
    Reply(MessageId),
    /// The tenant's settings: which policy is active.
    Settings,
    /// A customer who is not erased.
    Subject(SubjectId),
    /// A proposal to erase somebody.
    Erasure(ErasureId),
    /// A legal hold.
    Hold(HoldId),
    /// A proposed change of the masking policy.
    Amendment(AmendmentId),
    /// A report of what is masked wrongly, or isn't.
    Report(ReportId),
    /// A request to open a masked value.
    Unmasking(UnmaskingId),
    /// A policy that runs for a while.
    Run(RunId),
    /// A policy that somebody is writing.
    Draft(DraftId),
}

/// Where a conversation stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ConversationState {
    /// In the queue, no agent has it.
    Waiting,
    /// An agent has it.
    Assigned,
    /// Over for good.
    Closed,
    /// Over unless the customer writes again within the tenant's time.
    Solved,
}

impl ConversationState {
    /// The state's number in the database.
    pub const fn code(self) -> i16 {
        match self {
            Self::Waiting => 0,
            Self::Assigned => 1,
            Self::Closed => 2,
            Self::Solved => 3,
        }
    }

    /// The state behind a database value.
    pub const fn from_code(code: i16) -> Option<Self> {
        match code {
            0 => Some(Self::Waiting),
            1 => Some(Self::Assigned),
            2 => Some(Self::Closed),
            3 => Some(Self::Solved),
            _ => None,
        }
    }
}

/// A change that commits with its entry.
#[derive(Clone)]
pub enum Effect {
    /// A person is seen for the first time: pseudonym, identity index and wrapped data key.
    NewSubject(NewSubject),
    /// A conversation begins, waiting in the queue.
    NewConversation(NewConversation),
    /// A person is found by one more identity from here on.
    Identity(NewIdentity),
    /// A message is stored, sealed; its time is its entry's.
    NewMessage(NewMessage),
    /// A message or note of before is replaced by what it is, masked again.
    Remasked(Box<Remasked>),
    /// A conversation changes hands, grows or ends.
    Conversation(ConversationChange),
    /// A conversation is routed, given out, taken back or no longer waits.
    Route(RouteChange),
    /// An internal note is stored, sealed; its time is its entry's.
    NewNote(NewNote),
    /// A canned reply is written, or taken away; its time is its entry's.
    Reply(ReplyChange),
    /// An agent's load changes.
    Agent(AgentChange),
    /// A staff account comes to be.
    NewAccount(NewAccount),
    /// A staff account's password changes.
    Password(PasswordChange),
    /// A masking policy or a routing table becomes the active one.
    Policy(PolicyChange),
    /// A staff account changes otherwise than by its password.
    Account(AccountChange),
    /// A proposal to erase somebody comes to be or is decided on.
    Erasure(ErasureChange),
    /// A legal hold is placed or released.
    Hold(HoldChange),
    /// A customer is held, let go or erased.
    Subject(SubjectChange),
    /// Nothing hangs on an epoch any more, or its key is gone.
    Epoch(EpochChange),
    /// A change of the masking policy is proposed, consented to or decided on.
    Amendment(Box<AmendmentChange>),
    /// A place in a message is reported, or a report is decided on.
    Report(ReportChange),
    /// A request to open a masked value is made, decided on or used.
    Unmasking(UnmaskingChange),
    /// A run over what was said before, or beside the policy in force, begins, goes on or ends.
    Run(Box<RunChange>),
    /// A draft of a policy is written or taken away.
    Draft(DraftChange),
}

/// See [`Effect::NewConversation`].
#[derive(Clone)]
pub struct NewConversation {
    /// Its names.
    pub conversation: ConversationRef,
    /// Whose it is.
    pub subject: SubjectId,
    /// The channel account it came by.
    pub channel: ChannelAccount,
    /// The earlier conversation that it goes on from.
    pub continues: Option<ConversationId>,
}

/// See [`Effect::NewMessage`].
#[derive(Clone)]
pub struct NewMessage {
    /// The conversation it belongs to.
    pub conversation: ConversationKey,
    /// Its place there.
    pub seq: MessageSeq,
    /// Its public id.
    pub id: MessageId,
    /// 0 inbound, 1 outbound.
    pub direction: i16,
    /// The channel account it came or goes by.
    pub channel: ChannelAccount,
    /// The staff account that wrote it.
    pub author: Option<AccountId>,
    /// The sealed original.
    pub original: Sealed,
    /// The sealed masked text.
    pub masked: Sealed,
    /// The file that its text was read from.
    pub file: Option<NewFile>,
}

/// See [`Effect::Conversation`].
#[derive(Clone)]
pub struct ConversationChange {
    /// Which conversation.
    pub conversation: ConversationKey,
    /// The version this was decided on.
    pub expected: Version,
    /// The new state.
    pub state: ConversationState,
    /// The new holder.
    pub agent: Option<AccountId>,
    /// The place of its newest message.
    pub last: MessageSeq,
    /// Whoever held it before, when it changed hands.
    pub last_agent: Option<AccountId>,
    /// The channel account that answers go by, when it changed.
    pub channel: Option<ChannelAccount>,
    /// How far the customer's side has got it and read it, when that changed.
    pub marks: Option<Marks>,
}

/// How far the customer's side has got a conversation, as log indexes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Marks {
    /// Everything up to this entry has arrived there.
    pub delivered: Option<EntryIndex>,
    /// Everything up to this entry has been read.
    pub read: Option<EntryIndex>,
}

/// See [`Effect::Route`]. It goes with a change of its conversation, whose version guards both.
#[derive(Clone)]
pub struct RouteChange {
    /// Which conversation.
    pub conversation: ConversationKey,
    /// How it is routed from here on.
    pub route: Route,
}

/// How a conversation is routed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// Id of the table's row that decided.
    pub rule: String,
    /// The queue.
    pub queue: String,
    /// 1 is served first, 9 last.
    pub priority: u8,
    /// Skills asked for beside the queue's.
    pub skills: Vec<String>,
    /// Seconds within which somebody should have it.
    pub sla_s: Option<u32>,
    /// Whether the agent who had it before is asked first.
    pub sticky: bool,
    /// How important the customer is to the bank.
    pub tier: Option<String>,
    /// The language that they write in.
    pub language: Option<String>,
    /// Hundredths of a place that it takes.
    pub weight: i32,
    /// Whether it waits.
    pub waiting: bool,
    /// When it began to wait: its place, which it keeps when it goes back to the queue.
    pub waits_since: Timestamp,
    /// Whether the agent who had it before left it unanswered, and is asked last.
    pub let_go: bool,
    /// When its agent got it.
    pub held_since: Option<Timestamp>,
    /// Until when the customer has been told that nobody is there.
    pub told_until: Option<Timestamp>,
    /// What the customer wishes instead of waiting on; then it is behind everybody who waits.
    pub wish: Option<Wish>,
}

/// See [`Effect::Agent`].
#[derive(Clone)]
pub struct AgentChange {
    /// Which agent.
    pub agent: AccountId,
    /// The version this was decided on.
    pub expected: Version,
    /// Weight of the conversations held from now on, in hundredths of a place.
    pub load: i32,
    /// Since when the agent has had no new conversation.
    pub idle_since: Timestamp,
    /// The skills and groups from now on; `None`: as before.
    pub skills: Option<Vec<String>>,
}

/// See [`Effect::NewAccount`].
#[derive(Clone)]
pub struct NewAccount {
    /// The pseudonym.
    pub id: AccountId,
    /// HMAC of the login name, 32 bytes.
    pub login: [u8; 32],
    /// The login name, sealed.
    pub login_name: Vec<u8>,
    /// The name on screens, sealed.
    pub profile: Vec<u8>,
    /// Argon2id hash in PHC form.
    pub password: String,
    /// The role.
    pub role: Role,
    /// Most conversations at a time, for agents.
    pub capacity: i32,
    /// Whether the password must be changed at the first login.
    pub must_change: bool,
    /// Skills and groups, for agents.
    pub skills: Vec<String>,
}

/// See [`Effect::Password`].
#[derive(Clone)]
pub struct PasswordChange {
    /// Whose.
    pub account: AccountId,
    /// The version this was decided on.
    pub expected: Version,
    /// Argon2id hash in PHC form.
    pub password: String,
    /// Whether it must be changed at the next login.
    pub must_change: bool,
}

/// See [`Effect::Account`].
#[derive(Clone)]
pub struct AccountChange {
    /// Whose.
    pub account: AccountId,
    /// The version this was decided on.
    pub expected: Version,
    /// What changes.
    pub change: Alteration,
}

/// What changes about a staff account.
#[derive(Clone)]
pub enum Alteration {
    /// What the account may do.
    Place {
        /// The role from now on.
        role: Role,
        /// Most conversations at a time; 0 for those without a desk.
        capacity: i32,
        /// Whether it may log in.
        enabled: bool,
        /// Skills and groups of a desk that comes with the role; one that is there keeps its own.
        skills: Vec<String>,
    },
    /// Whether it is locked after failed logins.
    Locked(bool),
    /// A second factor replaces the one before, with its recovery codes.
    FactorEnrolled {
        /// The secret, sealed.
        secret: Vec<u8>,
        /// The time step of the code that confirmed it; codes up to it are used.
        step: i64,
        /// Keyed hashes of the recovery codes, 32 bytes each.
        recovery: Vec<[u8; 32]>,
    },
    /// A code was used; those of its time step and before are used up.
    CodeUsed {
        /// The time step.
        step: i64,
    },
    /// A recovery code was used and is gone.
    RecoveryUsed([u8; 32]),
    /// The second factor is gone.
    FactorRemoved,
    /// An identity of the bank's provider becomes the account's: its keyed hash, 32 bytes.
    Linked([u8; 32]),
    /// No identity of the bank's provider is the account's any more.
    Unlinked,
}

/// Guards against recording the same thing twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dedup {
    /// Keyed hash of channel account and platform id or idempotency key.
    pub key: [u8; 16],
    /// Keyed hash of the body that came with it.
    pub body: [u8; 16],
}

/// An entry with its effects.
pub struct Step {
    /// The entry.
    pub draft: Draft,
    /// What commits with it.
    pub effects: Vec<Effect>,
}

/// What is recorded as a whole or not at all.
pub struct Proposal {
    /// One to [`PROPOSAL_ENTRIES_MAX`] entries with their effects, in order.
    pub steps: Vec<Step>,
    /// Which of the steps a duplicate is answered with.
    pub primary: usize,
    /// Set when the same thing may arrive again.
    pub dedup: Option<Dedup>,
}

impl Proposal {
    /// One entry with its effects, not guarded against duplicates.
    pub fn single(draft: Draft, effects: Vec<Effect>) -> Self {
        Self { steps: vec![Step { draft, effects }], primary: 0, dedup: None }
    }
}

/// Proof that one entry is in the log: its bytes, its path and a signed checkpoint that covers it.
#[derive(Clone)]
pub struct Receipt {
    /// Index of the entry.
    pub index: EntryIndex,
    /// Leaf hash of the entry.
    pub leaf: Hash,
    /// The entry's canonical bytes.
    pub entry: Arc<[u8]>,
    /// Inclusion path in the tree of the checkpoint.
    pub path: Vec<Hash>,
    /// The signed checkpoint's text.
    pub checkpoint: Arc<str>,
}

impl Receipt {
    /// The receipt as a `.tlog-proof` file that opens what its holder may see.
    pub fn to_proof_text(&self, opened: &[Opened]) -> String {
        ProofReceipt::format(&self.entry, opened, self.index, &self.path, &self.checkpoint)
    }
}

/// What became of a proposal.
pub enum Outcome {
    /// Durable; one receipt a step, and the mark that the commit happened.
    Recorded(Vec<Receipt>, Committed),
    /// The same was recorded before.
    Duplicate {
        /// Index of the first.
        index: EntryIndex,
    },
}
