//! What a ledger entry says happened: one variant a kind, with the details that may stand in a leaf.
//!
//! A leaf is never erased, so no variant has room for personal data, masked text or a plain hash of either: ids are random,
//! the rest are counts, digests and words of closed lists. The list of kinds with their meaning is in `audit/FORMAT.md`.

mod amendment;
mod attachment;
mod declared;
mod details;
mod erasure;
mod history;
mod leaving;
mod recovered;
mod report;
mod unmask;
mod words;

use details::{because, exported, failed, found, marks, opened, requeued, revoked, rotated, said, started};
use std::collections::BTreeMap;

pub use amendment::{AmendmentEvent, Turned};
pub use attachment::AttachmentEvent;
pub use declared::Declared;
pub use erasure::{Erased, ErasureEvent};
pub use history::{HistoryEvent, PreviewScope, RunEnd};
pub use leaving::{HELD, LeavingEvent, ReleaseReason, SendAs};
pub use recovered::{APPROVERS, LostCounts, RecoverReason, Recovered};
pub use report::{DeclineReason, Misread, ReportEvent, ReportedPlace};
pub use unmask::{SpanPlace, UnmaskEvent, UnmaskReason};
pub use words::{
    Activation, Candidate, EndReason, ErasureReason, FactorKind, Found, FoundPart, HoldReason, IdentityProof,
    MatchReason, RequeueReason, Wish,
};

use lww_audit::entry::Detail;
use lww_audit::export::Scope;
use lww_audit::seal::Seal;

use super::routing::{Assigned, Routed};
use crate::units::{AccountId, EntryIndex, Hash, MessageId, MessageSeq, PackageId, SubjectId, TreeSize, Version};

/// What the key that signs a log is for.
pub const LOG_KEY: &str = "log";

/// The capacity in which somebody acts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Role {
    /// Writes from outside.
    Customer,
    /// Answers customers.
    Agent,
    /// Leads agents.
    Supervisor,
    /// Edits and approves policies.
    Compliance,
    /// Reads and verifies the ledger.
    Auditor,
    /// Manages accounts.
    Admin,
    /// Works at the machine itself, by the command line.
    Operator,
    /// The server itself.
    Server,
}

impl Role {
    /// Every role with its word and its number in the database.
    pub const ALL: [(Self, &'static str, i16); 8] = [
        (Self::Customer, "customer", 0),
        (Self::Agent, "agent", 1),
        (Self::Supervisor, "supervisor", 2),
        (Self::Compliance, "compliance", 3),
        (Self::Auditor, "auditor", 4),
        (Self::Admin, "admin", 5),
        (Self::Operator, "operator", 6),
        (Self::Server, "server", 7),
    ];

    /// The word that stands in entries and answers.
    pub fn word(self) -> &'static str {
        Self::ALL.iter().find(|(role, _, _)| *role == self).map_or("", |(_, word, _)| word)
    }

    /// The role of a word.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.iter().find(|(_, known, _)| *known == word).map(|(role, _, _)| *role)
    }

    /// The words of those that accounts have.
    pub fn staff_words() -> Vec<&'static str> {
        Self::ALL.into_iter().filter(|(role, ..)| role.is_staff()).map(|(_, word, _)| word).collect()
    }

    /// Whether accounts have it.
    pub const fn is_staff(self) -> bool {
        match self {
            Self::Agent | Self::Supervisor | Self::Compliance | Self::Auditor | Self::Admin => true,
            Self::Customer | Self::Operator | Self::Server => false,
        }
    }

    /// The number in the database.
    pub fn code(self) -> i16 {
        Self::ALL.iter().find(|(role, _, _)| *role == self).map_or(-1, |(_, _, code)| *code)
    }

    /// The role behind a database value.
    pub fn from_code(code: i16) -> Option<Self> {
        Self::ALL.iter().find(|(_, _, known)| *known == code).map(|(role, _, _)| *role)
    }
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(
    missing_docs,
    reason = "each variant's sentence says what its fields are; a line a field would only repeat their names"
)]
pub enum Event {
    /// The first entry of a log: its generation and the key that signs it.
    GenerationOpened { generation: u32, key: String },
    /// A log goes on as its next generation after entries were lost for good.
    GenerationDeclared(Box<Declared>),
    /// What stood at this place in the generation before is lost.
    EntryLost,
    /// A server began to write.
    ServerStarted { version: String, binary: Hash, configuration: Hash },
    /// A server stopped in order.
    ServerStopped,
    /// A server took over the log: its lease's epoch.
    LogTaken { epoch: i64 },
    /// An operator took the database's head as true where the rollback guard had none.
    GuardAdopted { size: TreeSize, root: Hash },
    /// Entries that the database had lost were put back out of what was published, by two people's word.
    LogRecovered(Box<Recovered>),
    /// Every row was copied into a backup, by its list of pieces; with the wrapped keys apart from it, or without.
    BackupMade { list: Hash, keys: bool },
    /// Where all chains of the log ended, under one root.
    ChainsSealed(Seal),
    /// The server found that something it keeps is not what was recorded.
    AuditFound(Found),
    /// The clock went back by this much; entry times stand still meanwhile.
    ClockSteppedBack { by_ms: i64 },
    /// A key came to be; the fingerprint is the SHA-256 of its public part or of its identifier.
    KeyCreated { purpose: &'static str, fingerprint: Hash },
    /// The log's key changed: the statement that both keys have signed, and the entry of the change before.
    KeyRotated { statement: String, previous: Option<EntryIndex> },
    /// A key was destroyed.
    KeyDestroyed { purpose: &'static str, fingerprint: Hash },
    /// Something on the way of a customer's data to its end.
    Erasure(ErasureEvent),
    /// Something about a message that is held before it leaves.
    Leaving(LeavingEvent),
    /// Something about a report of what is masked wrongly, or isn't.
    Report(ReportEvent),
    /// Something on the way of a masking policy into force.
    Amendment(AmendmentEvent),
    /// Something on the way to what stands behind a mask.
    Unmask(UnmaskEvent),
    /// A policy runs over what was said before, or beside the one in force; or somebody keeps a draft.
    History(HistoryEvent),
    /// A masking policy became the active one.
    PolicyActivated(Activation),
    /// A routing table became the active one.
    RoutingActivated(Activation),
    /// A conversation began and waits in a queue, with the row that decided and what it decided on.
    ConversationOpened(Box<Routed>),
    /// A conversation was given to an agent, with everything that the decision was made on.
    ConversationAssigned(Box<Assigned>),
    /// A conversation went back to its queue, where it keeps its place.
    ConversationRequeued { agent: AccountId, queue: String, reason: RequeueReason, after_s: u32, elapsed_ms: i64 },
    /// Somebody gave a conversation to an agent, or to a queue: from whom and where to.
    ConversationTransferred { from: Option<AccountId>, from_queue: String, to: Option<AccountId>, to_queue: String },
    /// Somebody who leads agents took a conversation over, from whom.
    ConversationTaken { from: Option<AccountId>, queue: String },
    /// Somebody of the staff wrote an internal note.
    ConversationNoted { note: MessageId },
    /// The customer leaves the places of the queue and wishes something else; the conversation stays for whoever has time.
    ConversationWished { wish: Wish },
    /// A canned reply was written, or written anew.
    ReplySaved { reply: MessageId, version: Version },
    /// A canned reply was taken away.
    ReplyRemoved { reply: MessageId, version: Version },
    /// A conversation ended for good.
    ConversationClosed { reason: EndReason },
    /// A conversation is over unless the customer writes again in time.
    ConversationSolved { reason: EndReason },
    /// The customer wrote again: a solved conversation waits in its queue.
    ConversationReopened(Box<Routed>),
    /// The customer's side has got or read a conversation up to these entries.
    MessageDelivery { delivered: Option<EntryIndex>, read: Option<EntryIndex> },
    /// A person is known by one more identity; `of` says by which proof.
    PersonLinked { of: IdentityProof },
    /// A person, known by another pseudonym so far, has proven who they are: the conversation goes on under that one.
    PersonProven { to: SubjectId },
    /// A customer's message was taken in.
    MessageReceived { message: MessageId, seq: MessageSeq },
    /// A file came with the message of the entry behind this one.
    Attachment(AttachmentEvent),
    /// An agent's message was released to the channel.
    MessageSent { message: MessageId, seq: MessageSeq },
    /// An earlier message or note, of this entry, was masked again for what a later one told of it.
    MessageRemasked { message: MessageId, of: EntryIndex },
    /// Somebody opened a transcript, up to this entry.
    TranscriptViewed { until: Option<EntryIndex> },
    /// Somebody opened a transcript, up to this entry, and is shown what is said from then on.
    TranscriptFollowed { until: Option<EntryIndex> },
    /// A staff account came to be.
    AccountCreated { account: AccountId, role: Role },
    /// What an agent can do from here on: skills and groups of the routing table.
    SkillsSet { account: AccountId, skills: Vec<String> },
    /// An operator set a one-time password for an account.
    AccountReset { account: AccountId },
    /// Somebody changed their own password.
    PasswordChanged,
    /// A login succeeded.
    LoginSucceeded,
    /// Logins that failed in a window of time, counted together.
    LoginFailed { count: u64, window_ms: i64 },
    /// Somebody logged out.
    LoggedOut,
    /// Somebody logged in by way of the bank's own identity provider.
    LoginFederated,
    /// Role, capacity or state of an account changed; these are the new ones.
    AccountChanged { account: AccountId, role: Role, capacity: i32, enabled: bool },
    /// So many failed logins followed one another that the account takes none until somebody unlocks it.
    AccountLocked { account: AccountId, failures: u32 },
    /// An account takes logins again.
    AccountUnlocked { account: AccountId },
    /// Accounts came to be together, out of one file.
    AccountsImported { accounts: Vec<(AccountId, Role)> },
    /// Somebody ended sessions of an account other than by logging out.
    SessionsRevoked { account: AccountId, sessions: u64 },
    /// Somebody set up their second factor.
    FactorEnrolled,
    /// Somebody showed their second factor.
    FactorPassed { by: FactorKind },
    /// The second factor of an account was taken away.
    FactorRemoved { account: AccountId },
    /// An identity of the bank's provider became an account's.
    IdentityLinked { account: AccountId },
    /// An account has no identity of the bank's provider any more.
    IdentityUnlinked { account: AccountId },
    /// Evidence of one scope was taken out, with names of staff or without; entries of one package have its id. What the entry
    /// commits to is the reason.
    ExportMade { package: PackageId, scope: Scope, names: bool },
}

impl Event {
    /// The kind with its version, as it stands in the entry.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::GenerationOpened { .. } => "generation.opened/1",
            Self::GenerationDeclared(_) => lww_audit::generation::KIND,
            Self::EntryLost => lww_audit::generation::LOST,
            Self::ServerStarted { .. } => "server.started/1",
            Self::ServerStopped => "server.stopped/1",
            Self::LogTaken { .. } => "log.taken/1",
            Self::GuardAdopted { .. } => "guard.adopted/1",
            Self::LogRecovered(_) => "log.recovered/1",
            Self::BackupMade { .. } => "backup.made/1",
            Self::ChainsSealed(_) => lww_audit::seal::KIND,
            Self::AuditFound(_) => "audit.found/1",
            Self::ClockSteppedBack { .. } => "clock.stepped_back/1",
            Self::KeyCreated { .. } => "key.created/1",
            Self::KeyRotated { .. } => "key.rotated/1",
            Self::KeyDestroyed { .. } => "key.destroyed/1",
            Self::Erasure(step) => step.kind(),
            Self::Leaving(step) => step.kind(),
            Self::Report(step) => step.kind(),
            Self::Amendment(step) => step.kind(),
            Self::Unmask(step) => step.kind(),
            Self::History(step) => step.kind(),
            Self::PolicyActivated(_) => "policy.activated/2",
            Self::RoutingActivated(_) => "routing.activated/2",
            Self::ConversationOpened(_) => "conversation.opened/2",
            Self::ConversationAssigned(_) => "conversation.assigned/2",
            Self::ConversationRequeued { .. } => "conversation.requeued/1",
            Self::ConversationTransferred { .. } => "conversation.transferred/1",
            Self::ConversationTaken { .. } => "conversation.taken/1",
            Self::ConversationNoted { .. } => "conversation.noted/1",
            Self::ConversationWished { .. } => "conversation.wished/1",
            Self::ReplySaved { .. } => "reply.saved/1",
            Self::ReplyRemoved { .. } => "reply.removed/1",
            Self::ConversationClosed { .. } => "conversation.closed/2",
            Self::ConversationSolved { .. } => "conversation.solved/1",
            Self::ConversationReopened(_) => "conversation.reopened/2",
            Self::MessageDelivery { .. } => "message.delivery/1",
            Self::PersonLinked { .. } => "person.linked/1",
            Self::PersonProven { .. } => "person.proven/1",
            Self::MessageReceived { .. } => "message.received/1",
            Self::Attachment(_) => attachment::KIND,
            Self::MessageSent { .. } => "message.sent/1",
            Self::MessageRemasked { .. } => "message.remasked/1",
            Self::TranscriptViewed { .. } => "transcript.viewed/1",
            Self::TranscriptFollowed { .. } => "transcript.followed/1",
            Self::AccountCreated { .. } => "account.created/1",
            Self::SkillsSet { .. } => "agent.skills_set/1",
            Self::AccountReset { .. } => "account.reset/1",
            Self::PasswordChanged => "password.changed/1",
            Self::LoginSucceeded => "login.succeeded/1",
            Self::LoginFailed { .. } => "login.failed/1",
            Self::LoggedOut => "logout/1",
            Self::LoginFederated => "login.federated/1",
            Self::AccountChanged { .. } => "account.changed/1",
            Self::AccountLocked { .. } => "account.locked/1",
            Self::AccountUnlocked { .. } => "account.unlocked/1",
            Self::AccountsImported { .. } => "accounts.imported/1",
            Self::SessionsRevoked { .. } => "session.revoked/1",
            Self::FactorEnrolled => "second_factor.enrolled/1",
            Self::FactorPassed { .. } => "second_factor.passed/1",
            Self::FactorRemoved { .. } => "second_factor.removed/1",
            Self::IdentityLinked { .. } => "identity.linked/1",
            Self::IdentityUnlinked { .. } => "identity.unlinked/1",
            Self::ExportMade { .. } => "export.made/1",
        }
    }

    /// The details, as they stand in the entry.
    pub fn detail(&self) -> Detail {
        match self {
            Self::GenerationOpened { generation, key } => opened(*generation, key),
            Self::ServerStarted { version, binary, configuration } => started(version, binary, configuration),
            Self::LogTaken { epoch } => object([("epoch", int(*epoch))]),
            Self::GuardAdopted { size, root } => object([("size", count(size.0)), ("root", text(root))]),
            Self::LogRecovered(recovered) => recovered.detail(),
            Self::GenerationDeclared(declared) => declared.detail(),
            Self::BackupMade { list, keys } => object([("list", text(list)), ("keys", Detail::Bool(*keys))]),
            Self::ChainsSealed(seal) => seal.detail(),
            Self::AuditFound(found) => self::found(found),
            Self::ClockSteppedBack { by_ms } => object([("by_ms", int(*by_ms))]),
            Self::KeyRotated { statement, previous } => rotated(statement, *previous),
            Self::KeyCreated { purpose, fingerprint } | Self::KeyDestroyed { purpose, fingerprint } => {
                object([("purpose", text(purpose)), ("fingerprint", text(fingerprint))])
            }
            Self::Erasure(step) => step.detail(),
            Self::Leaving(step) => step.detail(),
            Self::Report(step) => step.detail(),
            Self::Amendment(step) => step.detail(),
            Self::Attachment(file) => file.detail(),
            Self::Unmask(step) => step.detail(),
            Self::History(step) => step.detail(),
            Self::PolicyActivated(activation) | Self::RoutingActivated(activation) => activated(activation),
            Self::ConversationOpened(routed) | Self::ConversationReopened(routed) => routed.detail(),
            Self::ConversationRequeued { agent, queue, reason, after_s, elapsed_ms } => {
                requeued(*agent, queue, *reason, *after_s, *elapsed_ms)
            }
            Self::ConversationTransferred { from, from_queue, to, to_queue } => {
                transferred((*from, from_queue), (*to, to_queue))
            }
            Self::ConversationTaken { from, queue } => object([("from", who(*from)), ("queue", text(queue))]),
            Self::ConversationNoted { note } => object([("note", text(note))]),
            Self::ConversationWished { wish } => object([("wish", text(wish.word()))]),
            Self::ReplySaved { reply, version } | Self::ReplyRemoved { reply, version } => canned(reply, *version),
            Self::ConversationClosed { reason } | Self::ConversationSolved { reason } => because(reason.word()),
            Self::MessageDelivery { delivered, read } => marks(*delivered, *read),
            Self::PersonLinked { of } => object([("of", text(of.word()))]),
            Self::PersonProven { to } => object([("to", text(to))]),
            Self::ConversationAssigned(assigned) => assigned.detail(),
            Self::MessageReceived { message, seq } | Self::MessageSent { message, seq } => said(message, *seq),
            Self::MessageRemasked { message, of } => object([("message", text(message)), ("of", count(of.0))]),
            Self::TranscriptViewed { until } | Self::TranscriptFollowed { until } => object([("until", index(*until))]),
            Self::AccountCreated { account, role } => object([("account", text(account)), ("role", text(role.word()))]),
            Self::SkillsSet { account, skills } => object([("account", text(account)), ("skills", words_of(skills))]),
            Self::AccountReset { account }
            | Self::AccountUnlocked { account }
            | Self::FactorRemoved { account }
            | Self::IdentityLinked { account }
            | Self::IdentityUnlinked { account } => object([("account", text(account))]),
            Self::AccountChanged { account, role, capacity, enabled } => place(account, *role, *capacity, *enabled),
            Self::AccountLocked { account, failures } => locked(account, *failures),
            Self::AccountsImported { accounts } => object([("accounts", by_role(accounts))]),
            Self::SessionsRevoked { account, sessions } => revoked(account, *sessions),
            Self::ExportMade { package, scope, names } => exported(package, scope, *names),
            Self::FactorPassed { by } => object([("by", text(by.word()))]),
            Self::LoginFailed { count, window_ms } => failed(*count, *window_ms),
            Self::ServerStopped
            | Self::EntryLost
            | Self::PasswordChanged
            | Self::LoginSucceeded
            | Self::LoggedOut
            | Self::LoginFederated
            | Self::FactorEnrolled => object([]),
        }
    }
}

fn activated(activation: &Activation) -> Detail {
    let Activation { id, version, digest, source, engine, previous } = activation;
    object([
        ("id", text(id)),
        ("version", count(*version)),
        ("digest", text(digest)),
        ("source", text(source)),
        ("engine", text(engine)),
        ("previous", previous.as_ref().map_or(Detail::Null, text)),
    ])
}

fn canned(reply: &MessageId, version: Version) -> Detail {
    object([("reply", text(reply)), ("version", int(version.0))])
}

fn transferred(from: (Option<AccountId>, &str), to: (Option<AccountId>, &str)) -> Detail {
    object([("from", who(from.0)), ("from_queue", text(from.1)), ("to", who(to.0)), ("to_queue", text(to.1))])
}

fn locked(account: &AccountId, failures: u32) -> Detail {
    object([("account", text(account)), ("failures", int(i64::from(failures)))])
}

fn words_of(words: &[String]) -> Detail {
    Detail::Array(words.iter().map(text).collect())
}

fn place(account: &AccountId, role: Role, capacity: i32, enabled: bool) -> Detail {
    object([
        ("account", text(account)),
        ("role", text(role.word())),
        ("capacity", int(i64::from(capacity))),
        ("enabled", Detail::Bool(enabled)),
    ])
}

/// Accounts under their roles: the shortest form, so that a whole file fits into one entry.
fn by_role(accounts: &[(AccountId, Role)]) -> Detail {
    let mut roles: BTreeMap<String, Vec<Detail>> = BTreeMap::new();
    for (account, role) in accounts {
        roles.entry(role.word().to_owned()).or_default().push(text(account));
    }
    Detail::Object(roles.into_iter().map(|(role, accounts)| (role, Detail::Array(accounts))).collect())
}

pub(super) fn object<const N: usize>(fields: [(&str, Detail); N]) -> Detail {
    Detail::Object(fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect::<BTreeMap<_, _>>())
}

pub(super) fn text(value: &(impl ToString + ?Sized)) -> Detail {
    Detail::String(value.to_string())
}

pub(super) fn int(value: i64) -> Detail {
    Detail::Int(value)
}

fn who(value: Option<AccountId>) -> Detail {
    value.map_or(Detail::Null, |account| text(&account))
}

pub(super) fn index(value: Option<EntryIndex>) -> Detail {
    value.map_or(Detail::Null, |index| count(index.0))
}

/// Sizes and indexes stay far below 2^53; one that did not would be refused when the entry is written.
pub(super) fn count(value: u64) -> Detail {
    Detail::Int(i64::try_from(value).unwrap_or(i64::MAX))
}
