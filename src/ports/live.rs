//! What followers of a log hear the moment that it is recorded, in the order of the log.

use std::sync::Arc;

use async_trait::async_trait;

use super::{MessageRow, NoteRow, RecordError, Recorder};
use crate::domain::event::{UnmaskEvent, Wish};
use crate::domain::record::{ConversationState, Marks, UnmaskingState};
use crate::units::{AccountId, ConversationRef, EntryIndex, SubjectId, Timestamp, UnmaskingId};

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
    /// What became of a request to open a masked value.
    pub unmask: Option<Unmasked>,
}

/// What became of a request to open a masked value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unmasked {
    /// The request.
    pub id: UnmaskingId,
    /// Where it stands from here on.
    pub state: UnmaskingState,
    /// By whose act.
    pub by: AccountId,
}

impl Unmasked {
    /// What an entry says of a request; `None` where it speaks of none.
    pub fn of(event: &UnmaskEvent, by: AccountId) -> Option<Self> {
        let (id, state) = match event {
            UnmaskEvent::Requested { unmasking, .. } => (*unmasking, UnmaskingState::Requested),
            UnmaskEvent::Granted { unmasking, .. } => (*unmasking, UnmaskingState::Granted),
            UnmaskEvent::Denied { unmasking } => (*unmasking, UnmaskingState::Denied),
            UnmaskEvent::Used { unmasking, .. } => (*unmasking, UnmaskingState::Used),
            UnmaskEvent::Matched { .. } => return None,
        };
        Some(Self { id, state, by })
    }
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
#[async_trait]
pub trait Follower: Send + Sync {
    /// Takes what was recorded since the last call.
    fn happened(&self, happenings: Vec<Happening>);

    /// Puts the log in order with `recorder` before anybody is served from it: what was erased is erased again in a database
    /// that does not know of it.
    ///
    /// # Errors
    /// [`RecordError`]; nothing is served then, and it is tried again.
    async fn opens(&self, recorder: &dyn Recorder) -> Result<(), RecordError>;
}

/// Nobody follows.
#[async_trait]
impl Follower for () {
    async fn opens(&self, _: &dyn Recorder) -> Result<(), RecordError> {
        Ok(())
    }

    fn happened(&self, _: Vec<Happening>) {}
}
