//! Channels: requests and calls in our own types, so that a channel knows no web framework.

use std::sync::Arc;

use super::Session;
use crate::domain::file::{Fate, Format};
use crate::domain::message::{Inbound, Message, Raw, RawBody, RawText};
use crate::limits::FILE_NAME_GIVEN_BYTES_MAX;
use crate::units::{ChannelAccount, EntryIndex, MessageId, Timestamp};
use crate::wire;

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

/// A customer as a channel knows them.
pub struct Person {
    /// The channel's own identity; `None` when there is none but the proven one.
    pub contact: Option<RawText>,
    /// Who the bank says they are, by a proof that the channel has checked.
    pub proven: Option<Proven>,
    /// Whether that proof covers the channel's own identity, too: then both are one person's for good.
    pub vouched: bool,
}

impl Person {
    /// Somebody of whom only the channel's own identity is known.
    pub fn of_channel(contact: RawText) -> Self {
        Self { contact: Some(contact), proven: None, vouched: false }
    }
}

/// An identity that the bank vouches for: the same person by every channel that names the same realm.
pub struct Proven {
    /// The bank's own name for the set of identities, such as `customers`.
    pub realm: String,
    /// The identity in it.
    pub id: RawText,
}

/// Among whose messages a key counts once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyScope {
    /// The whole account's: its keys are the bank's or the platform's own.
    Account,
    /// The person's: their own machine made the key, and another's may be the same.
    Person,
}

/// One customer's message with what the shared code needs to know of it.
pub struct Incoming {
    /// The channel account that it came by.
    pub channel: ChannelAccount,
    /// Who wrote it.
    pub contact: Person,
    /// Platform message id or idempotency key: the same never counts twice.
    pub key: String,
    /// Among whose.
    pub key_scope: KeyScope,
    /// Keyed into the duplicate guard: a repeat with another fingerprint is an error.
    pub fingerprint: Vec<u8>,
    /// What the channel says of the conversation, for its routing.
    pub about: Box<About>,
    /// The message.
    pub message: Message<Raw, Inbound>,
    /// The file that it was read from.
    pub file: Option<Attached>,
}

/// One customer's file with what the shared code needs to know of it; nothing of it was read.
pub struct Upload {
    /// The channel account that it came by.
    pub channel: ChannelAccount,
    /// Who sent it.
    pub contact: Person,
    /// Idempotency key: the same never counts twice.
    pub key: String,
    /// Among whose.
    pub key_scope: KeyScope,
    /// What the channel says of the conversation, for its routing.
    pub about: Box<About>,
    /// Its name, as its sender calls it.
    pub name: RawText,
    /// Its bytes.
    pub file: RawBody,
}

/// A file that was read, on its way into the database with its message.
pub struct Attached {
    /// Its bytes.
    pub file: Arc<RawBody>,
    /// What it is.
    pub format: Format,
    /// What becomes of it.
    pub fate: Fate,
}

/// The header that gives a file's name. A header field, because addresses end up in the logs of proxies.
pub const FILE_NAME: &str = "lww-file-name";

/// A file's name out of a header's value: UTF-8 in percent-encoding, 1 to [`FILE_NAME_GIVEN_BYTES_MAX`] bytes.
pub fn file_name(value: &str) -> Option<RawText> {
    let is_encoded = value.chars().all(|character| character.is_ascii_graphic());
    let mut name = wire::percent_decoded(value).filter(|_| is_encoded)?;
    (1..=FILE_NAME_GIVEN_BYTES_MAX).contains(&name.len()).then(|| RawText::new(std::mem::take(&mut *name)))
}

/// What a channel says of a conversation: words, which the routing table knows or not. No personal data.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct About {
    /// How important the customer is to the bank.
    pub tier: Option<String>,
    /// The language that they write in; told by the script of what they write when not given.
    pub language: Option<String>,
    /// What else is to be known.
    pub tags: Vec<String>,
    /// What they want.
    pub intent: Option<String>,
    /// How they feel.
    pub mood: Option<String>,
}

/// What an authenticated request asks for.
pub enum ChannelCall {
    /// Take this in.
    Receive(Incoming),
    /// Take this file in.
    Upload(Upload),
    /// Give out the file that came with this message.
    Fetch {
        /// Whose message.
        contact: Person,
        /// The message.
        message: MessageId,
    },
    /// Show what was said to and by this contact after a cursor.
    Read {
        /// Whose messages.
        contact: Person,
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

/// An account of a channel, by the way that its peer comes.
#[derive(Clone)]
pub enum Channel {
    /// The peer posts.
    Webhook(Arc<dyn Webhook>),
    /// The peer holds a connection open.
    Session(Arc<dyn Session>),
}

impl Channel {
    /// The channel account that it serves.
    pub fn account(&self) -> &ChannelAccount {
        match self {
            Self::Webhook(webhook) => webhook.account(),
            Self::Session(session) => session.account(),
        }
    }
}
