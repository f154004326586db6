//! What reads give back: rows as the pipeline sees them, sealed where they tell of a person.

use crate::domain::file::FileInfo;
use crate::domain::message::{Committed, Sealed};
use crate::domain::record::{ConversationState, Marks, Route, Written};
use crate::units::{
    AccountId, ChannelAccount, ConversationId, ConversationRef, EntryIndex, Hash, MessageId, MessageSeq, SubjectId,
    Timestamp, Version,
};

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
    /// Where answers go: where the customer wrote last.
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
    /// When something was said or its state changed last.
    pub touched_at: Timestamp,
    /// Who held it before it was solved or put back.
    pub last_agent: Option<AccountId>,
    /// The earlier conversation that it goes on from.
    pub continues: Option<ConversationId>,
    /// How far the customer's side has got it.
    pub marks: Marks,
    /// How it is routed.
    pub route: Box<Route>,
}

/// A stored message as it may be shown, still sealed.
#[derive(Clone)]
pub struct MessageRow {
    /// Its public id.
    pub id: MessageId,
    /// Its place.
    pub seq: MessageSeq,
    /// Index of its entry.
    pub index: EntryIndex,
    /// Index of the newest entry that masked it again.
    pub remasked: Option<EntryIndex>,
    /// When it was recorded: its entry says the same.
    pub time: Timestamp,
    /// Whether the bank wrote it.
    pub outbound: bool,
    /// The staff account that wrote it.
    pub author: Option<AccountId>,
    /// The channel account it came or went by.
    pub channel: ChannelAccount,
    /// The sealed masked text.
    pub masked: Sealed,
    /// What is told of the file that it was read from.
    pub file: Option<FileInfo>,
    /// Digest of the policy that masked it, where the read asks for it: its entry says so.
    pub policy: Option<Hash>,
    /// Shows that it was read from what is committed.
    pub committed: Committed,
}

impl MessageRow {
    /// Where it stands for a reader who was at `after`; see [`place`].
    pub fn place(&self, after: Option<EntryIndex>) -> EntryIndex {
        place(self.index, self.remasked, after)
    }
}

/// The entry that a reader who was at `after` hears of a message by, and resumes after: its own, or the newest that masked it
/// again when they have heard of its own.
pub fn place(own: EntryIndex, again: Option<EntryIndex>, after: Option<EntryIndex>) -> EntryIndex {
    again.filter(|_| Some(own) <= after).unwrap_or(own)
}

/// A stored internal note, still sealed.
#[derive(Clone)]
pub struct NoteRow {
    /// Its public id.
    pub id: MessageId,
    /// Index of its entry.
    pub index: EntryIndex,
    /// Index of the newest entry that masked it again.
    pub remasked: Option<EntryIndex>,
    /// When it was recorded: its entry says the same.
    pub time: Timestamp,
    /// The staff account that wrote it.
    pub author: AccountId,
    /// The sealed masked text.
    pub masked: Sealed,
    /// Digest of the policy that masked it: its entry says so.
    pub policy: Option<Hash>,
    /// Shows that it was read from what is committed.
    pub committed: Committed,
}

/// What a message or note says, still sealed, with the entry that committed to it last.
#[derive(Clone)]
pub struct TextRow {
    /// The message's or note's public id.
    pub id: MessageId,
    /// The entry.
    pub index: EntryIndex,
    /// The sealed masked text.
    pub masked: Sealed,
    /// Shows that it was read from what is committed.
    pub committed: Committed,
}

/// A canned reply, still sealed.
#[derive(Clone)]
pub struct ReplyRow {
    /// Its public id.
    pub id: MessageId,
    /// Its version.
    pub version: Version,
    /// Index of the entry that says so.
    pub index: EntryIndex,
    /// When it was written last.
    pub time: Timestamp,
    /// The staff account that wrote it last.
    pub author: AccountId,
    /// The sealed masked text.
    pub masked: Sealed,
    /// Shows that it was read from what is committed.
    pub committed: Committed,
}

/// A stored message or note with both of its parts, still sealed: what the masker learns from again, and masks again.
pub struct OriginalRow {
    /// The conversation it belongs to.
    pub conversation: ConversationRef,
    /// Its public id.
    pub id: MessageId,
    /// Index of its entry.
    pub index: EntryIndex,
    /// When it was recorded.
    pub time: Timestamp,
    /// What it is.
    pub kind: Written,
    /// The staff account that wrote it.
    pub author: Option<AccountId>,
    /// The channel account it came or went by; a note's is its conversation's.
    pub channel: ChannelAccount,
    /// The sealed original.
    pub original: Sealed,
    /// The sealed masked text.
    pub masked: Sealed,
    /// What is told of the file that it was read from.
    pub file: Option<FileInfo>,
}

/// An agent's place at the desk.
#[derive(Clone, Debug)]
pub struct AgentRow {
    /// The account.
    pub id: AccountId,
    /// Most conversations at a time.
    pub capacity: i32,
    /// Weight of the conversations held, in hundredths of a place.
    pub load: i32,
    /// Whether the agent takes conversations.
    pub online: bool,
    /// Since when not; `None` when that is not known.
    pub offline_since: Option<Timestamp>,
    /// Skills and groups.
    pub skills: Vec<String>,
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
    /// Digest of the active routing table.
    pub routing: Option<Hash>,
    /// The entry that activated the policy.
    pub policy_entry: Option<EntryIndex>,
    /// The entry that activated the table.
    pub routing_entry: Option<EntryIndex>,
    /// Their version.
    pub version: Version,
}

/// Which conversations to list.
#[derive(Clone, Debug)]
pub struct ConversationFilter {
    /// Only those in this state.
    pub state: Option<ConversationState>,
    /// Only those held by this agent.
    pub agent: Option<AccountId>,
    /// Only those sent to this queue.
    pub queue: Option<String>,
    /// Those opened last come first.
    pub newest_first: bool,
    /// Only those opened after this entry; before it, when the newest come first.
    pub after: Option<EntryIndex>,
    /// At most this many.
    pub limit: u32,
}

/// How many conversations stand where; counting stops at
/// [`COUNTED_CONVERSATIONS_MAX`](crate::limits::COUNTED_CONVERSATIONS_MAX).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ConversationCounts {
    /// In the queue.
    pub waiting: u64,
    /// Held by an agent.
    pub assigned: u64,
    /// Over unless the customer writes again.
    pub solved: u64,
    /// Over for good.
    pub closed: u64,
    /// Held by whoever asks.
    pub mine: u64,
}
