//! What takes the place of a message or note that was recorded before.

use crate::domain::file::FileInfo;
use crate::domain::message::Sealed;
use crate::units::{AccountId, ChannelAccount, ConversationKey, EntryIndex, MessageId, MessageSeq, Timestamp};

/// See [`Effect::Remasked`](super::Effect::Remasked).
#[derive(Clone)]
pub struct Remasked {
    /// The conversation it belongs to.
    pub conversation: ConversationKey,
    /// Index of the entry that it came with.
    pub of: EntryIndex,
    /// Its public id.
    pub id: MessageId,
    /// When it was recorded.
    pub time: Timestamp,
    /// What it is.
    pub kind: Written,
    /// The channel account it came or went by.
    pub channel: ChannelAccount,
    /// The staff account that wrote it.
    pub author: Option<AccountId>,
    /// The sealed original from here on.
    pub original: Sealed,
    /// The sealed masked text from here on.
    pub masked: Sealed,
    /// What is told of its file from here on; one that is not kept is dropped.
    pub file: Option<FileInfo>,
}

/// Where a text of a conversation is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Written {
    /// A message, with its place in the conversation.
    Message {
        /// Its place there.
        seq: MessageSeq,
        /// Whether the bank wrote it.
        outbound: bool,
    },
    /// An internal note.
    Note,
}
