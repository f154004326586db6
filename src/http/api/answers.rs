//! The answers' shapes. Times are RFC 3339 in UTC, ids are 32 hexadecimal digits, hashes 64; texts are masked for their reader.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::ToSchema;

use super::desk_answers::{Author, Note, Span};
use super::files::Attachment;
use crate::domain::access::Action;
use crate::domain::record::ConversationState;
use crate::pipeline;
use crate::ports::{self, ConversationRow, SignedHead, Visit};

/// A message was taken in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Accepted {
    /// The message's id.
    pub message: String,
    /// The conversation's id.
    pub conversation: String,
    /// Index of the message's entry in the ledger; a cursor.
    pub index: u64,
    /// Leaf hash of that entry.
    pub leaf: String,
    /// The text as the sender may see it.
    pub text: String,
    /// The receipt, a `.tlog-proof` file for `lww-verify proof`; missing while nothing published covers an old message.
    pub receipt: Option<String>,
    /// Whether the same had been taken in before.
    pub duplicate: bool,
    /// The file that its text was read from; missing when it is an ordinary message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<Attachment>,
}

/// A message as the customer's side sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CustomerMessage {
    /// The message's id.
    pub message: String,
    /// The conversation's id.
    pub conversation: String,
    /// Index of its entry; a cursor.
    pub index: u64,
    /// Index of the newest entry that masked it again; its text is what may be shown from there on.
    pub again: Option<u64>,
    /// When it was written.
    pub time: String,
    /// Whether the bank wrote it.
    pub from_bank: bool,
    /// Its text.
    pub text: String,
    /// The file that its text was read from; missing when it is an ordinary message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<Attachment>,
}

/// A page of messages.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CustomerMessages {
    /// Oldest first.
    pub messages: Vec<CustomerMessage>,
    /// What to give as `after` next; the one given when nothing new is there.
    pub next: Option<u64>,
}

/// A visit begins or goes on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct VisitStarted {
    /// What the visitor shows from here on.
    pub token: String,
    /// Until when.
    pub expires: String,
    /// Whether the bank vouches for who it is.
    pub proven: bool,
}

/// What happened since a cursor: lines as a socket tells them.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Updates {
    /// Oldest first.
    #[schema(value_type = Vec<FrameAnswer>)]
    pub events: Vec<Box<RawValue>>,
    /// What to give as `after` next; the one given when nothing new is there.
    pub next: Option<u64>,
}

/// What was said before: lines as a socket tells them.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Earlier {
    /// Messages, oldest first.
    #[schema(value_type = Vec<FrameAnswer>)]
    pub events: Vec<Box<RawValue>>,
    /// What to give as `before` next; null when nothing was said before.
    pub next: Option<u64>,
}

/// A line of a socket: an object whose `type` says what its other members are (docs/integrator/web.md).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FrameAnswer {
    /// What it is.
    #[serde(rename = "type")]
    pub kind: String,
}

/// How people of a tenant log in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LoginMethods {
    /// `password`, and `oidc` where the bank's own provider is configured.
    pub methods: Vec<String>,
}

/// Why an order of the identity provider was not followed (OpenID Connect Back-Channel Logout 1.0, section 2.8).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LogoutError {
    /// `invalid_request`, or `temporarily_unavailable`.
    pub error: String,
    /// What was expected.
    pub error_description: String,
}

/// A member of staff who is logged in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SessionInfo {
    /// The tenant's name.
    pub tenant: String,
    /// The account's pseudonym.
    pub account: String,
    /// The role.
    pub role: String,
    /// The name on screens.
    pub name: String,
    /// Whether the password must be changed before anything else.
    pub must_change_password: bool,
    /// Whether the second factor must be shown before anything else.
    #[serde(default)]
    pub second_factor_required: bool,
    /// Whether a second factor must be set up before anything else.
    #[serde(default)]
    pub must_enrol_second_factor: bool,
    /// What the role may do: names of actions, such as `converse` or `read_ledger`.
    #[serde(default)]
    #[schema(value_type = Vec<String>)]
    pub rights: Vec<Action>,
    /// The tenant's time zone, by its IANA name.
    #[serde(default)]
    pub time_zone: String,
    /// When the session ends; told at login only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<String>,
}

/// Where a conversation stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// In the queue.
    Waiting,
    /// An agent has it.
    Assigned,
    /// Over for good.
    Closed,
    /// Over unless the customer writes again in time.
    Solved,
}

/// A conversation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Conversation {
    /// Its id.
    pub id: String,
    /// Where it stands.
    pub state: State,
    /// The account of the agent who has or had it.
    pub agent: Option<String>,
    /// The channel and account that it came by, `http:app`.
    pub channel: String,
    /// Number of its messages.
    pub messages: i32,
    /// Index of the entry that opened it; the cursor of the list.
    pub opened: u64,
    /// When it was opened.
    pub opened_at: String,
    /// When something was said or its state changed last.
    pub last_at: String,
    /// The customer's pseudonym.
    pub contact: String,
    /// What the customer asked for instead of waiting; missing when nothing.
    #[serde(default)]
    pub wish: Option<String>,
    /// The earlier conversation that it goes on from.
    pub continues: Option<String>,
    /// Everything up to this index has arrived at the customer's side.
    pub delivered: Option<u64>,
    /// Everything up to this index has been read there.
    pub read: Option<u64>,
    /// The queue that the routing table sent it to.
    pub queue: String,
    /// 1 is served first, 9 last.
    pub priority: u8,
    /// How important the customer is to the bank, if that was told.
    pub tier: Option<String>,
    /// The language that the customer writes in, if that could be told.
    pub language: Option<String>,
    /// While it waits: its place in the queue, 1 is next.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub position: Option<u64>,
    /// While it waits: about how long it still will, in seconds, if that can be told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wait_s: Option<i64>,
}

/// A queue.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Queue {
    /// Its name in the routing table.
    pub queue: String,
    /// Whether it is served at present.
    pub open: bool,
    /// When it opens next; missing while it is open.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub opens: Option<String>,
    /// How many conversations wait in it.
    pub waiting: u64,
    /// How long the first of them has waited, in seconds.
    pub longest_s: i64,
}

/// Every queue.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Queues {
    /// In the order of the routing table.
    pub queues: Vec<Queue>,
}

/// A page of conversations.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Conversations {
    /// In the order that was asked for.
    pub conversations: Vec<Conversation>,
    /// What to give as `after` next; the one given when there are no more.
    pub next: Option<u64>,
}

/// A message as the desk shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TranscriptMessage {
    /// The message's id.
    pub message: String,
    /// Index of its entry; a cursor.
    pub index: u64,
    /// Index of the newest entry that masked it again; its text is what may be shown from there on.
    pub again: Option<u64>,
    /// When it was written.
    pub time: String,
    /// Whether the bank wrote it.
    pub outbound: bool,
    /// Who wrote it.
    pub by: Author,
    /// The staff account that wrote it.
    pub author: Option<String>,
    /// Its text, masked for the reader's role.
    pub text: String,
    /// The masked values in it.
    pub spans: Vec<Span>,
    /// Digest of the policy that masked it, if that is known.
    pub policy: Option<String>,
    /// The file that its text was read from; missing when it is an ordinary message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<Attachment>,
}

/// A conversation with a page of its messages.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Transcript {
    /// The conversation.
    pub conversation: Conversation,
    /// Oldest first.
    pub messages: Vec<TranscriptMessage>,
    /// Internal notes, whatever page it is: the newest 200, oldest first.
    #[serde(default)]
    pub notes: Vec<Note>,
    /// What to give as `after` next; the one given when nothing new is there.
    pub next: Option<u64>,
}

/// The ledger's newest signed head.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LedgerHead {
    /// The log's public key in vkey form; while it is being changed, the newest.
    pub vkey: String,
    /// Number of entries; missing before the first signature.
    pub size: Option<u64>,
    /// Merkle root over them.
    pub root: Option<String>,
    /// The signed checkpoint (C2SP tlog-checkpoint).
    pub checkpoint: Option<String>,
}

/// The process lives.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Alive {
    /// `ok`.
    pub status: String,
}

impl From<pipeline::Accepted> for Accepted {
    fn from(accepted: pipeline::Accepted) -> Self {
        Self {
            message: accepted.message.to_string(),
            conversation: accepted.conversation.to_string(),
            index: accepted.index.0,
            leaf: accepted.leaf.to_string(),
            text: accepted.text,
            receipt: accepted.receipt,
            duplicate: accepted.duplicate,
            file: accepted.file.map(Into::into),
        }
    }
}

impl From<Visit> for VisitStarted {
    fn from(visit: Visit) -> Self {
        Self { token: visit.token, expires: visit.expires.to_string(), proven: visit.is_proven }
    }
}

impl From<pipeline::CustomerMessage> for CustomerMessage {
    fn from(message: pipeline::CustomerMessage) -> Self {
        Self {
            message: message.id.to_string(),
            conversation: message.conversation.to_string(),
            index: message.index.0,
            again: message.again.map(|again| again.0),
            time: message.time.to_string(),
            from_bank: message.from_bank,
            text: message.text,
            file: message.file.map(Into::into),
        }
    }
}

impl From<pipeline::TranscriptMessage> for TranscriptMessage {
    fn from(message: pipeline::TranscriptMessage) -> Self {
        Self {
            message: message.id.to_string(),
            index: message.index.0,
            again: message.again.map(|again| again.0),
            time: message.time.to_string(),
            outbound: message.outbound,
            by: ports::Author::of(message.outbound, message.author).into(),
            author: message.author.map(|author| author.to_string()),
            text: message.text,
            spans: message.spans.into_iter().map(Into::into).collect(),
            policy: message.policy.map(|digest| digest.to_string()),
            file: message.file.map(Into::into),
        }
    }
}

impl From<ConversationRow> for Conversation {
    fn from(row: ConversationRow) -> Self {
        Self {
            id: row.conversation.public.to_string(),
            state: row.state.into(),
            agent: row.agent.map(|agent| agent.to_string()),
            channel: row.channel.to_string(),
            messages: row.last_message.0,
            opened: row.opened.0,
            opened_at: row.opened_at.to_string(),
            last_at: row.touched_at.to_string(),
            contact: row.subject.to_string(),
            wish: row.route.wish.map(|wish| wish.word().to_owned()),
            continues: row.continues.map(|id| id.to_string()),
            delivered: row.marks.delivered.map(|index| index.0),
            read: row.marks.read.map(|index| index.0),
            queue: row.route.queue,
            priority: row.route.priority,
            tier: row.route.tier,
            language: row.route.language,
            position: None,
            wait_s: None,
        }
    }
}

impl Conversation {
    /// The same with its place in the queue.
    pub fn placed(row: ConversationRow, place: Option<&pipeline::QueuePlace>) -> Self {
        Self {
            position: place.map(|place| place.position),
            wait_s: place.and_then(|place| place.wait_ms).map(|wait_ms| wait_ms / 1_000),
            ..row.into()
        }
    }
}

impl From<pipeline::QueueState> for Queue {
    fn from(state: pipeline::QueueState) -> Self {
        let pipeline::QueueState { queue, open, opens, waiting, longest_ms } = state;
        Self { queue, open, opens: opens.map(|at| at.to_string()), waiting, longest_s: longest_ms / 1_000 }
    }
}

impl From<ConversationState> for State {
    fn from(state: ConversationState) -> Self {
        match state {
            ConversationState::Waiting => Self::Waiting,
            ConversationState::Assigned => Self::Assigned,
            ConversationState::Closed => Self::Closed,
            ConversationState::Solved => Self::Solved,
        }
    }
}

impl LedgerHead {
    /// The head with the key that checks it.
    pub fn new(vkey: String, head: Option<&SignedHead>) -> Self {
        Self {
            vkey,
            size: head.map(|head| head.size.0),
            root: head.map(|head| head.root.to_string()),
            checkpoint: head.map(|head| head.checkpoint.to_string()),
        }
    }
}
