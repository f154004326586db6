//! What agents do besides answering: see their conversations, open one (which is recorded), close one, come and go. And
//! the matcher, which gives the queue's head to whoever has been idle the longest.

use super::proposals::{End, about, end, unchanged};
use super::transcript::shown_message;
use super::{Notice, Refusal, Staff, Tenant, TranscriptMessage};
use crate::domain::access::{Action, allows};
use crate::domain::event::{EndReason, Event, Role};
use crate::domain::masking::View;
use crate::domain::record::{
    Actor, AgentChange, ConversationChange, ConversationState, Draft, Effect, Outcome, Proposal,
};
use crate::domain::routing::{Choice, Place, QUEUE, choose};
use crate::limits::{DECISIONS_MAX, PAGE_ITEMS_MAX, QUEUE_TOLD_MAX};
use crate::ports::{AgentRow, ConversationFilter, ConversationRow, RecordError};
use crate::units::{ConversationId, EntryIndex, SERVER_ACTOR, Timestamp};

/// A conversation as its reader may see it.
#[derive(Clone, Debug)]
pub struct Transcript {
    /// The conversation.
    pub conversation: ConversationRow,
    /// Its messages, oldest first.
    pub messages: Vec<TranscriptMessage>,
}

impl Tenant {
    /// Lists conversations: an agent sees those they hold and how many wait, a supervisor all.
    ///
    /// # Errors
    /// [`Refusal::Forbidden`] when the role has no desk.
    pub async fn conversations(
        &self,
        staff: &Staff,
        filter: ConversationFilter,
    ) -> Result<Vec<ConversationRow>, Refusal> {
        staff.may(Action::Converse)?;
        let own = (!allows(staff.role, Action::Supervise)).then_some(staff.account);
        let filter =
            ConversationFilter { agent: own.or(filter.agent), limit: filter.limit.min(PAGE_ITEMS_MAX), ..filter };
        Ok(self.ports.store.conversations(filter).await?)
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
        let until = rows.last().map(|message| message.index);
        let draft = about(Draft::of(event(until), staff.actor()), &row);
        self.record(Proposal::single(draft, Vec::new())).await?;
        let sealer = self.sealer(row.subject).await?;
        let view = if staff.role == Role::Supervisor { View::Supervisor } else { View::Agent };
        let messages = rows.iter().map(|message| shown_message(&sealer, message, view));
        Ok(Transcript { messages: messages.collect::<Result<_, _>>()?, conversation: row })
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

    /// Says whether the agent takes conversations.
    ///
    /// # Errors
    /// [`Refusal::Forbidden`] when the role has no desk.
    pub async fn set_online(&self, staff: &Staff, online: bool) -> Result<(), Refusal> {
        staff.may(Action::Converse)?;
        self.ports.store.set_online(staff.account, online).await?;
        self.waiting.notify_one();
        Ok(())
    }

    /// Tells waiting customers their place in the queue, and all staff how many wait.
    ///
    /// # Errors
    /// [`Refusal::Unavailable`] when it can't be read at present.
    pub async fn tell_queue(&self) -> Result<(), Refusal> {
        let state = Some(ConversationState::Waiting);
        let filter = ConversationFilter { state, agent: None, after: None, limit: QUEUE_TOLD_MAX };
        let rows = self.ports.store.conversations(filter).await?;
        let count = u32::try_from(rows.len()).unwrap_or(u32::MAX);
        self.feed.tell_all_staff(&Notice::Waiting { count });
        for (position, row) in (1..).zip(rows) {
            let notice = Notice::Queue { conversation: row.conversation, position, wait_s: None };
            self.feed.tell_customer(row.subject, &notice);
        }
        Ok(())
    }

    /// Waits until a conversation may have begun to wait or a slot may have become free.
    pub async fn something_to_match(&self) {
        self.waiting.notified().await;
    }

    /// Gives the conversation that has waited longest to an agent. `false`: nobody waits, or nobody is free.
    ///
    /// # Errors
    /// [`Refusal`] when it can't be read or recorded at present.
    pub async fn match_one(&self) -> Result<bool, Refusal> {
        for _ in 0..DECISIONS_MAX {
            let agents = self.ports.store.agents().await?;
            let now = self.ports.clock.now();
            let places: Vec<Place> = agents.iter().map(place).collect();
            let Some(choice) = choose(&places, now) else { return Ok(false) };
            let waiting =
                ConversationFilter { state: Some(ConversationState::Waiting), agent: None, after: None, limit: 1 };
            let Some(row) = self.ports.store.conversations(waiting).await?.into_iter().next() else { return Ok(false) };
            let Some(agent) = agents.iter().find(|agent| agent.id == choice.agent) else { return Ok(false) };
            match self.record(assignment(&row, agent, choice, now)).await {
                Ok(Outcome::Recorded(..) | Outcome::Duplicate { .. }) => return Ok(true),
                Err(RecordError::Conflict { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(true)
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

    async fn visible(&self, staff: &Staff, id: ConversationId) -> Result<ConversationRow, Refusal> {
        staff.may(Action::Converse)?;
        let row = self.ports.store.conversation(id).await?.ok_or(Refusal::NotFound { what: "conversation" })?;
        if row.agent == Some(staff.account) || allows(staff.role, Action::Supervise) {
            Ok(row)
        } else {
            Err(Refusal::Forbidden)
        }
    }
}

fn place(agent: &AgentRow) -> Place {
    let AgentRow { id, capacity, load, online, idle_since, version: _ } = *agent;
    Place { agent: id, load, capacity, online, idle_since }
}

fn assignment(row: &ConversationRow, agent: &AgentRow, choice: Choice, now: Timestamp) -> Proposal {
    let event = Event::ConversationAssigned {
        agent: choice.agent,
        queue: QUEUE,
        reason: choice.reason,
        waited_ms: (now.as_micros() - row.opened_at.as_micros()).max(0) / 1_000,
        candidates: choice.candidates,
    };
    let change = ConversationChange { state: ConversationState::Assigned, agent: Some(agent.id), ..unchanged(row) };
    let taken = AgentChange { agent: agent.id, expected: agent.version, load: agent.load + 1, idle_since: now };
    let server = Actor { id: SERVER_ACTOR, role: Role::Server };
    let draft = about(Draft::of(event, server), row);
    Proposal::single(draft, vec![Effect::Conversation(change), Effect::Agent(taken)])
}
