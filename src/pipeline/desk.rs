//! What agents do besides answering: see their conversations, open one (which is recorded), close one, come and go.

use super::proposals::{End, about, end};
use super::transcript::shown_message;
use super::{Note, Refusal, Staff, Tenant, TranscriptMessage};
use crate::domain::access::{Action, allows};
use crate::domain::event::{EndReason, Event, Role};
use crate::domain::masking::View;
use crate::domain::record::{ConversationState, Draft, Proposal};
use crate::limits::{DECISIONS_MAX, PAGE_ITEMS_MAX};
use crate::ports::{AgentRow, ConversationCounts, ConversationFilter, ConversationRow, RecordError};
use crate::units::{AccountId, ConversationId, EntryIndex};

/// A conversation as its reader may see it.
#[derive(Clone, Debug)]
pub struct Transcript {
    /// The conversation.
    pub conversation: ConversationRow,
    /// Its messages, oldest first.
    pub messages: Vec<TranscriptMessage>,
    /// Its newest internal notes, oldest first.
    pub notes: Vec<Note>,
}

impl Tenant {
    /// Lists conversations: an agent sees those they have or had and how many wait, a supervisor all.
    ///
    /// # Errors
    /// [`Refusal::Forbidden`] when the role has no desk, or asks for those of somebody else without leading them.
    pub async fn conversations(
        &self,
        staff: &Staff,
        filter: ConversationFilter,
    ) -> Result<Vec<ConversationRow>, Refusal> {
        staff.may(Action::Converse)?;
        let own = own(staff);
        if own.is_some() && filter.agent.is_some() && filter.agent != own {
            return Err(Refusal::Forbidden);
        }
        let filter =
            ConversationFilter { agent: own.or(filter.agent), limit: filter.limit.min(PAGE_ITEMS_MAX), ..filter };
        Ok(self.ports.store.conversations(filter).await?)
    }

    /// How many of the conversations that the role may see stand where, and how many wait.
    ///
    /// # Errors
    /// [`Refusal::Forbidden`] when the role has no desk.
    pub async fn conversation_counts(&self, staff: &Staff) -> Result<ConversationCounts, Refusal> {
        staff.may(Action::Converse)?;
        Ok(self.ports.store.conversation_counts(own(staff), staff.account).await?)
    }

    /// Opens a transcript. That it was seen, by whom and up to where, is in the ledger before anything is shown.
    ///
    /// # Errors
    /// [`Refusal::Forbidden`] when somebody else holds the conversation.
    pub async fn open_transcript(
        &self,
        staff: &Staff,
        id: ConversationId,
        after: Option<EntryIndex>,
        limit: u32,
    ) -> Result<Transcript, Refusal> {
        self.transcript(staff, id, (after, limit), |until| Event::TranscriptViewed { until }).await
    }

    /// Reads a transcript once the entry that says so is recorded.
    pub(super) async fn transcript(
        &self,
        staff: &Staff,
        id: ConversationId,
        (after, limit): (Option<EntryIndex>, u32),
        event: impl FnOnce(Option<EntryIndex>) -> Event,
    ) -> Result<Transcript, Refusal> {
        let row = self.visible(staff, id).await?;
        let rows = self.ports.store.messages(row.conversation, after, limit.min(PAGE_ITEMS_MAX)).await?;
        let until = rows.last().map(|message| message.place(after));
        let draft = about(Draft::of(event(until), staff.actor()), &row);
        self.record(Proposal::single(draft, Vec::new())).await?;
        let sealer = self.sealer(row.subject).await?;
        let view = view(staff);
        let policy = self.policy();
        let messages = rows.iter().map(|message| shown_message(&sealer, message, view, policy.as_deref()));
        let messages = messages.collect::<Result<_, _>>()?;
        let notes = self.notes_of(&row, &sealer, view).await?;
        Ok(Transcript { messages, notes, conversation: row })
    }

    /// Ends a conversation for good; the slot that becomes free takes the queue's head.
    ///
    /// # Errors
    /// [`Refusal::Forbidden`] when somebody else holds it, [`Refusal::NotFound`] when it is over already.
    pub async fn close(&self, staff: &Staff, id: ConversationId) -> Result<(), Refusal> {
        self.end(staff, id, End::Close).await
    }

    /// Ends a conversation unless the customer writes again in time.
    ///
    /// # Errors
    /// As for [`Tenant::close`].
    pub async fn solve(&self, staff: &Staff, id: ConversationId) -> Result<(), Refusal> {
        self.end(staff, id, End::Solve).await
    }

    async fn end(&self, staff: &Staff, id: ConversationId, how: End) -> Result<(), Refusal> {
        for _ in 0..DECISIONS_MAX {
            let row = self.visible(staff, id).await?;
            let is_over = match row.state {
                ConversationState::Closed => true,
                ConversationState::Solved => how == End::Solve,
                ConversationState::Waiting | ConversationState::Assigned => false,
            };
            if is_over {
                return Err(Refusal::NotFound { what: "open conversation" });
            }
            let holder = self.holder(&row).await?;
            match self.record(end(staff.actor(), &row, holder.as_ref(), (how, EndReason::Staff))).await {
                Ok(_) => return Ok(()),
                Err(RecordError::Conflict { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(Refusal::Conflict)
    }

    /// The desk of whoever has or had a conversation.
    pub(super) async fn holder(&self, row: &ConversationRow) -> Result<Option<AgentRow>, Refusal> {
        let Some(holder) = row.agent else { return Ok(None) };
        Ok(self.ports.store.agents().await?.into_iter().find(|agent| agent.id == holder))
    }

    /// Waits until a conversation may have begun to wait or a slot may have become free.
    pub async fn something_to_match(&self) {
        self.waiting.notified().await;
    }

    /// A conversation that `staff` holds and that is not over.
    pub(super) async fn held(&self, staff: &Staff, id: ConversationId) -> Result<ConversationRow, Refusal> {
        let row = self.ports.store.conversation(id).await?.ok_or(Refusal::NotFound { what: "conversation" })?;
        if row.agent != Some(staff.account) {
            return Err(Refusal::Forbidden);
        }
        match row.state {
            ConversationState::Assigned => Ok(row),
            ConversationState::Waiting | ConversationState::Closed | ConversationState::Solved => {
                Err(Refusal::NotFound { what: "open conversation" })
            }
        }
    }

    pub(super) async fn visible(&self, staff: &Staff, id: ConversationId) -> Result<ConversationRow, Refusal> {
        staff.may(Action::Converse)?;
        let row = self.ports.store.conversation(id).await?.ok_or(Refusal::NotFound { what: "conversation" })?;
        if row.agent == Some(staff.account) || allows(staff.role, Action::Supervise) {
            Ok(row)
        } else {
            Err(Refusal::Forbidden)
        }
    }
}

/// Whose conversations an agent sees; a supervisor sees everybody's.
fn own(staff: &Staff) -> Option<AccountId> {
    (!allows(staff.role, Action::Supervise)).then_some(staff.account)
}

/// The view of a member of staff at the desk.
pub(super) fn view(staff: &Staff) -> View {
    if staff.role == Role::Supervisor { View::Supervisor } else { View::Agent }
}
