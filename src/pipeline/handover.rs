//! Conversations change hands by people's will: an agent or a supervisor gives one to an agent or a queue, a supervisor takes one
//! over, and whoever may not hold any more loses theirs.
//!
//! Each is an entry of its own kind, so that nobody takes it for a decision of the routing table. What a queue gets this way
//! waits in it like any other, by that queue's own priority, skills and SLA, and the agent who gave it away is asked last.

use super::notes::noted;
use super::proposals::{about, freed, requeued, unchanged};
use super::tails::said_in;
use super::{Refusal, Staff, Tenant};
use crate::domain::access::{Action, allows};
use crate::domain::event::{Event, RequeueReason};
use crate::domain::message::RawText;
use crate::domain::record::{
    AgentChange, ConversationChange, ConversationState, Draft, Effect, Proposal, Route, RouteChange, Step,
};
use crate::domain::routing::{Held, Queue};
use crate::limits::{AGENT_CAPACITY_MAX, DECISIONS_MAX, PLACE_WEIGHT};
use crate::ports::{AgentRow, ConversationFilter, ConversationRow, RecordError};
use crate::units::{AccountId, ConversationId, Timestamp};

/// Where a conversation goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// Into a queue of the routing table.
    Queue(String),
    /// To an agent.
    Agent(AccountId),
}

/// Who has a conversation from here on, and how it is routed.
struct Handed<'a> {
    agent: Option<AccountId>,
    route: Route,
    /// The desk of whoever had it.
    before: Option<&'a AgentRow>,
    /// The desk of whoever gets it.
    after: Option<&'a AgentRow>,
    at: Timestamp,
}

impl Tenant {
    /// Gives a conversation that one has, or as a supervisor any that waits or is held, to an agent who is there and has a
    /// place for it, or to a queue; with an internal note, which is recorded with it or not at all.
    ///
    /// # Errors
    /// [`Refusal::NoPlace`] when the agent can't take it at present; [`Refusal::Conflict`] when it changed hands meanwhile.
    pub async fn transfer(
        &self,
        staff: &Staff,
        id: ConversationId,
        to: &Target,
        note: Option<RawText>,
    ) -> Result<(), Refusal> {
        staff.may(Action::Converse)?;
        let seen = self.movable(staff, id).await?;
        let contact = self.known_contact(seen.subject).await?;
        let masked = match note {
            Some(note) => Some(self.mask(self.new_note(note), &contact, said_in(&seen)).await?),
            None => None,
        };
        let (masked, mut tail) = masked.unzip();
        let mut row = seen.clone();
        for _ in 0..DECISIONS_MAX {
            let handed = self.transferred(staff, &row, to).await?;
            let written = masked.iter().map(|masked| noted(staff.actor(), &row, masked));
            let steps: Vec<Step> = written.chain([handed]).collect();
            let proposal = Proposal { primary: steps.len() - 1, steps, dedup: None };
            let proposal = match &tail {
                Some(tail) => tail.complete(proposal),
                None => proposal,
            };
            let recorded = self.record(proposal).await;
            if let Some(tail) = &mut tail {
                tail.learn(&recorded);
            }
            if !self.decide_once_more(recorded.map(|_| ()))? {
                return Ok(());
            }
            row = self.same_holder(staff, &seen).await?;
        }
        Err(Refusal::Conflict)
    }

    /// Takes over a conversation that waits or that somebody else has.
    ///
    /// # Errors
    /// [`Refusal::Forbidden`] for those who lead nobody; [`Refusal::Conflict`] when it changed hands meanwhile.
    pub async fn take(&self, staff: &Staff, id: ConversationId) -> Result<(), Refusal> {
        staff.may(Action::Supervise)?;
        let seen = self.movable(staff, id).await?;
        if seen.agent == Some(staff.account) {
            return Ok(());
        }
        self.attach_taken(staff).await?;
        let mut row = seen.clone();
        for _ in 0..DECISIONS_MAX {
            let agents = self.ports.store.agents().await?;
            let at = self.ports.clock.now();
            let event = Event::ConversationTaken { from: row.agent, queue: row.route.queue.clone() };
            let route = Route { waiting: false, held_since: Some(at), let_go: false, ..(*row.route).clone() };
            let (before, after) = (desk_of(&agents, row.agent), desk_of(&agents, Some(staff.account)));
            let handed = Handed { agent: Some(staff.account), route, before, after, at };
            let step = handed.step(about(Draft::of(event, staff.actor()), &row), &row);
            let recorded = self.record(Proposal { steps: vec![step], primary: 0, dedup: None }).await;
            if !self.decide_once_more(recorded.map(|_| ()))? {
                return Ok(());
            }
            row = self.same_holder(staff, &seen).await?;
        }
        Err(Refusal::Conflict)
    }

    /// Puts back everything that an account holds which may not hold it any more.
    pub(super) async fn put_back(&self, account: AccountId) -> Result<(), Refusal> {
        let filter = ConversationFilter {
            state: Some(ConversationState::Assigned),
            agent: Some(account),
            queue: None,
            newest_first: false,
            after: None,
            limit: AGENT_CAPACITY_MAX.unsigned_abs(),
        };
        for row in self.ports.store.conversations(filter).await? {
            let agents = self.ports.store.agents().await?;
            let why = (RequeueReason::NoDesk, 0, Held { gone_ms: None, unanswered_ms: None, no_desk: true });
            match self.record(requeued(&row, (account, desk_of(&agents, Some(account))), why)).await {
                // What somebody else just changed is for the matcher's next look.
                Ok(_) | Err(RecordError::Conflict { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// A conversation that is not over, and that `staff` may give away.
    async fn movable(&self, staff: &Staff, id: ConversationId) -> Result<ConversationRow, Refusal> {
        let row = self.ports.store.conversation(id).await?.ok_or(Refusal::NotFound { what: "conversation" })?;
        if row.agent != Some(staff.account) && !allows(staff.role, Action::Supervise) {
            return Err(Refusal::Forbidden);
        }
        match row.state {
            ConversationState::Waiting | ConversationState::Assigned => Ok(row),
            ConversationState::Closed | ConversationState::Solved => {
                Err(Refusal::NotFound { what: "open conversation" })
            }
        }
    }

    /// The conversation as it stands after a conflict. Who decided on somebody's holding it decided on nobody else's.
    async fn same_holder(&self, staff: &Staff, seen: &ConversationRow) -> Result<ConversationRow, Refusal> {
        let row = self.movable(staff, seen.conversation.public).await?;
        let is_same = row.agent == seen.agent && row.state == seen.state;
        if is_same { Ok(row) } else { Err(Refusal::Conflict) }
    }

    /// Whether a conflict asks for another decision; what was recorded wakes the matcher, because a place became free.
    pub(super) fn decide_once_more(&self, recorded: Result<(), RecordError>) -> Result<bool, Refusal> {
        match recorded {
            Ok(()) => {
                self.waiting.notify_one();
                Ok(false)
            }
            Err(RecordError::Conflict { .. }) => Ok(true),
            Err(error) => Err(error.into()),
        }
    }

    async fn transferred(&self, staff: &Staff, row: &ConversationRow, to: &Target) -> Result<Step, Refusal> {
        let agents = self.ports.store.agents().await?;
        let (at, before) = (self.ports.clock.now(), desk_of(&agents, row.agent));
        let (handed, to) = match to {
            Target::Queue(name) => {
                let table = self.active_table()?;
                let queue = table.queues().iter().find(|queue| queue.name == *name);
                let queue = queue.filter(|queue| row.agent.is_some() || queue.name != row.route.queue);
                let expected = "a queue of the routing table, other than the one it waits in";
                let queue = queue.ok_or(Refusal::Invalid { field: "queue", expected })?;
                (Handed { agent: None, route: waits(row, queue, at), before, after: None, at }, None)
            }
            Target::Agent(account) => {
                if row.agent == Some(*account) {
                    return Err(Refusal::Invalid { field: "agent", expected: "another agent than the one who has it" });
                }
                let agent = desk_of(&agents, Some(*account)).ok_or(Refusal::NotFound { what: "agent" })?;
                let takes = agent.load + row.route.weight <= agent.capacity * PLACE_WEIGHT;
                if !agent.online || !takes {
                    return Err(Refusal::NoPlace);
                }
                let route = Route { waiting: false, held_since: Some(at), let_go: false, ..(*row.route).clone() };
                (Handed { agent: Some(*account), route, before, after: Some(agent), at }, Some(*account))
            }
        };
        let (from_queue, to_queue) = (row.route.queue.clone(), handed.route.queue.clone());
        let event = Event::ConversationTransferred { from: row.agent, from_queue, to, to_queue };
        Ok(handed.step(about(Draft::of(event, staff.actor()), row), row))
    }
}

impl Handed<'_> {
    fn step(self, draft: Draft, row: &ConversationRow) -> Step {
        let Self { agent, route, before, after, at } = self;
        let state = if agent.is_some() { ConversationState::Assigned } else { ConversationState::Waiting };
        // Whoever gave it to a queue is asked last there, and never first.
        let last_agent = row.agent.filter(|_| agent.is_none());
        let change = ConversationChange { state, agent, last_agent, ..unchanged(row) };
        let freed = before.map(|before| freed(row, before));
        let loaded = after.map(|after| {
            let load = after.load + row.route.weight;
            let (agent, expected) = (after.id, after.version);
            Effect::Agent(AgentChange { agent, expected, load, idle_since: at, skills: None })
        });
        let route = Effect::Route(RouteChange { conversation: row.conversation.key, route });
        let effects = [Some(Effect::Conversation(change)), Some(route), freed, loaded];
        Step { draft, effects: effects.into_iter().flatten().collect() }
    }
}

/// How a conversation waits that somebody put into a queue: by the queue's own rules, from now on. No row of the table
/// decided; the name in a row's place is none that a table can give, and one for all that are ranked alike. Whoever wished
/// something else than waiting stays behind those who wait, until somebody has had them.
fn waits(row: &ConversationRow, queue: &Queue, at: Timestamp) -> Route {
    let wish = row.route.wish.filter(|_| row.agent.is_none());
    Route {
        rule: format!("{}/{}", if wish.is_some() { "wished" } else { "transferred" }, queue.name),
        queue: queue.name.clone(),
        priority: if wish.is_some() { row.route.priority } else { queue.priority },
        skills: Vec::new(),
        sla_s: queue.sla_s.filter(|_| wish.is_none()),
        sticky: false,
        wish,
        waiting: true,
        waits_since: at,
        let_go: row.agent.is_some(),
        held_since: None,
        told_until: None,
        ..(*row.route).clone()
    }
}

fn desk_of(agents: &[AgentRow], account: Option<AccountId>) -> Option<&AgentRow> {
    agents.iter().find(|agent| Some(agent.id) == account)
}
