//! What followers of a log hear the moment that it is recorded, in the order of the log.

use std::sync::Arc;

use super::{MessageRow, NoteRow};
use crate::domain::event::Wish;
use crate::domain::record::{ConversationState, Marks};
use crate::units::{AccountId, ConversationRef, EntryIndex, SubjectId, Timestamp};

/// One recorded entry about a conversation.
#[derive(Clone)]
pub struct Happening {
    /// Index of its entry: the cursor that every reader resumes by.
    pub index: EntryIndex,
    /// Its entry's time.
    pub time: Timestamp,
    /// The conversation.
    pub conversation: ConversationRef,
    /// Whose it is.
    pub subject: SubjectId,
    /// Where the conversation stands from here on; `None` when the entry changes nothing of it.
    pub change: Option<Changed>,
    /// The message that was said.
    pub message: Option<Arc<MessageRow>>,
    /// The internal note that was written.
    pub note: Option<Arc<NoteRow>>,
    /// Up to which message somebody of the staff has read it.
    pub viewed: Option<EntryIndex>,
}

/// Where a conversation stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Changed {
    /// Its state.
    pub state: ConversationState,
    /// Who holds it.
    pub agent: Option<AccountId>,
    /// How far the customer's side has got it, when that changed.
    pub marks: Option<Marks>,
    /// What the customer wishes instead of waiting on, when that changed.
    pub wish: Option<Wish>,
}

/// Hears what is recorded.
///
/// Called once an entry is durable and a signed head covers it, in the order of the log and without a gap while one server
/// writes it. It must return at once: the recorder waits for it.
pub trait Follower: Send + Sync {
    /// Takes what was recorded since the last call.
    fn happened(&self, happenings: Vec<Happening>);
}

/// Nobody follows.
impl Follower for () {
    fn happened(&self, _: Vec<Happening>) {}
}
