//! What the desk keeps beside messages.

use crate::domain::message::Sealed;
use crate::units::{AccountId, ConversationKey, MessageId};

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
