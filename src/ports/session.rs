//! Channels that a customer's page or app holds open: what it sends, and what it hears.

use super::{About, ChannelError, Person};
use crate::domain::event::Wish;
use crate::domain::file::FileInfo;
use crate::domain::message::{RawBody, RawText};
use crate::domain::record::{ConversationState, Marks};
use crate::units::{AccountId, ChannelAccount, ConversationId, EntryIndex, Hash, MessageId, SERVER_ACTOR, Timestamp};

/// A visit that begins or goes on.
pub struct Visit {
    /// What the visitor shows from here on.
    pub token: String,
    /// Until when.
    pub expires: Timestamp,
    /// Whether the bank vouches for who it is.
    pub is_proven: bool,
}

/// One frame from the customer's side.
pub enum CustomerFrame {
    /// Something to say.
    Send {
        /// The same never counts twice.
        key: String,
        /// Keyed into the duplicate guard: a repeat with another fingerprint is an error.
        fingerprint: Vec<u8>,
        /// What to say.
        text: RawText,
    },
    /// The customer types.
    Typing,
    /// How far the customer's side has got it.
    Seen(Marks),
    /// What the customer wishes instead of waiting on.
    Wish {
        /// Names the frame in what refuses it.
        key: String,
        /// What.
        wish: Wish,
    },
}

/// Who wrote a message, as a customer is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Author {
    /// The customer.
    Customer,
    /// A person at the bank.
    Agent,
    /// The server by itself.
    Server,
}

impl Author {
    /// Who wrote a message of a direction.
    pub fn of(outbound: bool, author: Option<AccountId>) -> Self {
        match (outbound, author) {
            (false, _) => Self::Customer,
            (true, Some(SERVER_ACTOR)) => Self::Server,
            (true, Some(_) | None) => Self::Agent,
        }
    }

    /// The word on the wire.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Customer => "customer",
            Self::Agent => "agent",
            Self::Server => "server",
        }
    }
}

/// Where a conversation stands, for the customer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// The conversation.
    pub conversation: ConversationId,
    /// Its state.
    pub state: ConversationState,
    /// How far the customer's side has got it; `None` when that did not change.
    pub marks: Option<Marks>,
    /// What the customer wishes instead of waiting on.
    pub wish: Option<Wish>,
}

/// A message as the customer's channel shows it.
#[derive(Clone, Debug)]
pub struct CustomerMessage {
    /// Its public id.
    pub id: MessageId,
    /// The conversation it belongs to.
    pub conversation: ConversationId,
    /// Index of its entry: the cursor to resume after.
    pub index: EntryIndex,
    /// Index of the newest entry that masked it again.
    pub again: Option<EntryIndex>,
    /// When it was written.
    pub time: Timestamp,
    /// Whether the bank wrote it.
    pub from_bank: bool,
    /// Who wrote it.
    pub by: Author,
    /// Whether something in it is masked.
    pub masked: bool,
    /// What the customer may see of it.
    pub text: String,
    /// What is told of the file that it was read from.
    pub file: Option<FileInfo>,
}

/// What the customer's side hears.
#[derive(Clone, Debug)]
pub enum CustomerEvent {
    /// Everything before it was said already; from here on it is live.
    Live {
        /// What to resume after.
        cursor: Option<EntryIndex>,
    },
    /// Something was said.
    Said(CustomerMessage),
    /// Something that was told before is masked again: this is what may be shown of it from here on.
    Again(CustomerMessage),
    /// A conversation stands somewhere else.
    Stands(Standing),
    /// Where it stands in its queue.
    Queue {
        /// The conversation.
        conversation: ConversationId,
        /// 1 is next.
        position: u32,
        /// How long it will still take, in seconds, if that can be told.
        wait_s: Option<u64>,
        /// Set when nobody serves the queue at present: when it opens, if that is known.
        closed: Option<Option<Timestamp>>,
    },
    /// Somebody at the bank types.
    Typing {
        /// Where.
        conversation: ConversationId,
    },
    /// Somebody at the bank has read up to here.
    Read {
        /// The conversation.
        conversation: ConversationId,
        /// Index of the newest message that was shown.
        until: EntryIndex,
    },
    /// A frame was taken in.
    Accepted {
        /// The frame's key.
        key: String,
        /// The message's id.
        message: MessageId,
        /// The conversation it belongs to.
        conversation: ConversationId,
        /// Index of its entry.
        index: EntryIndex,
        /// Leaf hash of its entry.
        leaf: Hash,
        /// What the customer may see of it.
        text: String,
        /// The receipt as a `.tlog-proof`.
        receipt: Option<String>,
        /// Whether it had been recorded before.
        duplicate: bool,
        /// What became of the file that it was read from.
        file: Option<FileInfo>,
    },
    /// A frame was refused, and nothing of it took effect.
    Refused {
        /// The frame's key, when it had one.
        key: Option<String>,
        /// The problem's stable code.
        code: &'static str,
        /// What is wrong and the way out, in the reader's language.
        detail: String,
        /// Seconds after which trying again makes sense.
        retry_after_s: Option<u64>,
    },
}

/// A channel whose peer holds a connection open.
///
/// Duties: know who comes by a token of its own making, in constant time; parse frames; write events down. It holds no
/// business rule and keeps no state.
pub trait Session: Send + Sync {
    /// The channel account it serves.
    fn account(&self) -> &ChannelAccount;

    /// Whether a page of this origin may use the channel from a browser.
    fn allows(&self, origin: &str) -> bool;

    /// Begins a visit, or goes on with one. `fresh` is 28 random bytes.
    ///
    /// # Errors
    /// [`ChannelError`], by blame.
    fn visit(&self, body: &RawBody, now: Timestamp, fresh: [u8; 28]) -> Result<Visit, ChannelError>;

    /// Who shows this token.
    ///
    /// # Errors
    /// [`ChannelError::BadSignature`] when it is not ours, [`ChannelError::Stale`] when it is over.
    fn admit(&self, token: &str, now: Timestamp) -> Result<Person, ChannelError>;

    /// What a token that was admitted says of the conversation.
    fn about(&self, token: &str) -> About;

    /// Reads one frame.
    ///
    /// # Errors
    /// [`ChannelError::MalformedBody`] and [`ChannelError::BadField`].
    fn frame(&self, frame: &RawBody) -> Result<CustomerFrame, ChannelError>;

    /// Writes one event down as one line of text.
    fn text(&self, event: &CustomerEvent) -> String;
}
