//! What the desk keeps beside messages.

use crate::domain::message::Sealed;
use crate::units::{AccountId, ConversationKey, MessageId, Version};

/// See [`Effect::NewNote`](super::Effect::NewNote).
#[derive(Clone)]
pub struct NewNote {
    /// The conversation that it is about.
    pub conversation: ConversationKey,
    /// Its public id; it is sealed like a message of this id.
    pub id: MessageId,
    /// The staff account that wrote it.
    pub author: AccountId,
    /// The sealed original.
    pub original: Sealed,
    /// The sealed masked text.
    pub masked: Sealed,
}

/// See [`Effect::Reply`](super::Effect::Reply).
#[derive(Clone)]
pub struct ReplyChange {
    /// Its public id; it is sealed like a message of this id.
    pub id: MessageId,
    /// The version this was decided on; `None`: it must be new.
    pub expected: Option<Version>,
    /// The staff account that wrote it, or took it away.
    pub author: AccountId,
    /// Its text; `None`: it is taken away.
    pub text: Option<SealedText>,
}

/// A text of which both parts are sealed.
#[derive(Clone)]
pub struct SealedText {
    /// The sealed original.
    pub original: Sealed,
    /// The sealed masked text.
    pub masked: Sealed,
}
