//! What is asked of the recorder for a message in and a message out. Pure but for the ids that are handed in.

use crate::domain::event::{EndReason, Event, IdentityProof, RequeueReason, Role, Wish};
use crate::domain::message::{Direction, Inbound, Masked, Message, Outbound};
use crate::domain::record::{
    Actor, AgentChange, ConversationChange, ConversationState, Dedup, Draft, Effect, Marks, NewConversation,
    NewIdentity, NewMessage, NewSubject, Proposal, Receipt, Route, RouteChange, Step,
};
use crate::domain::routing::{Held, Routed};
use crate::limits::PRIORITY_LAST;
use crate::ports::{AgentRow, ContactRow, ConversationRow, SharedSealer};
use crate::units::{
    AccountId, ChannelAccount, ConversationRef, MessageSeq, SERVER_ACTOR, SubjectId, Timestamp, Version,
};

use super::Refusal;
use super::memory::Open;

/// The person whose message is handled.
pub(super) struct Contact {
    pub(super) subject: SubjectId,
    pub(super) sealer: SharedSealer,
    /// Set when the person is seen for the first time.
    pub(super) fresh: Option<NewSubject>,
    /// Set when a known person shows one more identity.
    pub(super) linked: Option<NewIdentity>,
    /// What they said before they proved who they are, under another pseudonym, when that is not closed.
    pub(super) before: Option<Box<Before>>,
    /// Their conversation that is not closed.
    pub(super) open: Option<Open>,
}

/// A conversation that ends because the person proved who they are, with whoever holds it.
pub(super) struct Before {
    pub(super) row: ConversationRow,
    pub(super) holder: Option<AgentRow>,
}

impl Contact {
    /// Somebody of whom nothing else is at hand.
    pub(super) fn of(subject: SubjectId, sealer: SharedSealer) -> Self {
        Self { subject, sealer, fresh: None, linked: None, before: None, open: None }
    }

    /// Takes what was read after a conflict.
    ///
    /// # Errors
    /// [`Refusal::Conflict`] when the person came to be meanwhile: what was sealed is under a key that nobody keeps.
    pub(super) fn read_again(&mut self, row: Option<ContactRow>) -> Result<(), Refusal> {
        if self.fresh.is_some() && row.is_some() {
            return Err(Refusal::Conflict);
        }
        self.open = row.and_then(|row| row.open).as_ref().map(Open::from);
        Ok(())
    }

    /// The entries that link what a person proves to be with what was known of them.
    fn proving(&self, customer: Actor) -> Vec<Step> {
        let Some(before) = &self.before else { return Vec::new() };
        let Before { row, holder } = &**before;
        let draft = about(Draft::of(Event::PersonProven { to: self.subject }, customer), row);
        let proven = Step { draft, effects: Vec::new() };
        let ended = end(customer, row, holder.as_ref(), (End::Close, EndReason::Proven));
        std::iter::once(proven).chain(ended.steps).collect()
    }
}

/// Where a message goes: the conversation that is not closed, or a new one.
pub(super) struct Taken {
    pub(super) conversation: ConversationRef,
    channel: ChannelAccount,
    version: Version,
    last: MessageSeq,
    begins: Begins,
    state: ConversationState,
    agent: Option<AccountId>,
    last_agent: Option<AccountId>,
    routed: Option<(Box<Routed>, i32)>,
}

/// What a message begins beside itself.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Begins {
    Nothing,
    Conversation,
    Again,
}

impl Taken {
    /// Decides; `route` says where a conversation that begins is sent, and how much of an agent it takes.
    pub(super) fn decide(
        contact: &Contact,
        channel: &ChannelAccount,
        new: impl Fn() -> ConversationRef,
        route: impl Fn() -> (Routed, i32),
    ) -> Self {
        let fresh = |conversation| Self {
            conversation,
            channel: channel.clone(),
            version: Version::FIRST,
            last: MessageSeq(0),
            begins: Begins::Conversation,
            state: ConversationState::Waiting,
            agent: None,
            last_agent: None,
            routed: Some(boxed(route())),
        };
        let Some(Open { conversation, version, last, state, agent }) = contact.open else { return fresh(new()) };
        let again = state == ConversationState::Solved;
        Self {
            conversation,
            channel: channel.clone(),
            routed: again.then(|| boxed(route())),
            version,
            last,
            begins: if again { Begins::Again } else { Begins::Nothing },
            state: if again { ConversationState::Waiting } else { state },
            agent: agent.filter(|_| !again),
            last_agent: agent.filter(|_| again),
        }
    }

    /// The queue that a conversation which begins with it is sent to.
    pub(super) fn queue(&self) -> Option<&str> {
        self.routed.as_ref().map(|(routed, _)| routed.decision.queue.as_str())
    }

    pub(super) fn proposal(&self, contact: &Contact, masked: &Message<Masked, Inbound>, dedup: Dedup) -> Proposal {
        let customer = Actor { id: AccountId(contact.subject.0), role: Role::Customer };
        let mut steps = contact.proving(customer);
        steps.extend(self.beginning(contact, customer));
        steps.extend(self.linking(contact, customer));
        let seq = MessageSeq(self.last.0 + 1);
        let change = ConversationChange {
            conversation: self.conversation.key,
            expected: self.version,
            state: self.state,
            agent: self.agent,
            last: seq,
            last_agent: self.last_agent,
            channel: (self.begins != Begins::Conversation).then(|| self.channel.clone()),
            marks: None,
        };
        let event = Event::MessageReceived { message: masked.id(), seq };
        let draft =
            with_content(Draft::of(event, customer).about(self.conversation, contact.subject, &self.channel), masked);
        let stored = stored(self.conversation, seq, None, &self.channel, masked);
        steps.push(Step { draft, effects: vec![stored, Effect::Conversation(change)] });
        Proposal { primary: steps.len() - 1, steps, dedup: Some(dedup) }
    }

    fn linking(&self, contact: &Contact, customer: Actor) -> Option<Step> {
        let linked = contact.linked.clone()?;
        let event = Event::PersonLinked { of: IdentityProof::Signed };
        let draft = Draft::of(event, customer).about(self.conversation, contact.subject, &self.channel);
        Some(Step { draft, effects: vec![Effect::Identity(linked)] })
    }

    fn beginning(&self, contact: &Contact, customer: Actor) -> Option<Step> {
        let (routed, weight) = self.routed.clone()?;
        let route = Effect::Route(RouteChange { conversation: self.conversation.key, route: sent(&routed, weight) });
        let event = match self.begins {
            Begins::Nothing => return None,
            Begins::Conversation => Event::ConversationOpened(routed),
            Begins::Again => Event::ConversationReopened(routed),
        };
        let draft = Draft::of(event, customer).about(self.conversation, contact.subject, &self.channel);
        if self.begins == Begins::Again {
            return Some(Step { draft, effects: vec![route] });
        }
        let new = NewConversation {
            conversation: self.conversation,
            subject: contact.subject,
            channel: self.channel.clone(),
            continues: contact.before.as_ref().map(|before| before.row.conversation.public),
        };
        let subject = contact.fresh.clone().map(Effect::NewSubject);
        Some(Step { draft, effects: subject.into_iter().chain([Effect::NewConversation(new), route]).collect() })
    }
}

fn boxed((routed, weight): (Routed, i32)) -> (Box<Routed>, i32) {
    (Box::new(routed), weight)
}

/// How a conversation that was just sent to a queue is routed.
fn sent(routed: &Routed, weight: i32) -> Route {
    let Routed { decision, case, .. } = routed;
    Route {
        rule: decision.row.clone(),
        queue: decision.queue.clone(),
        priority: decision.priority,
        skills: decision.skills.clone(),
        sla_s: decision.sla_s,
        sticky: decision.sticky,
        tier: case.tier.clone(),
        language: case.language.clone(),
        weight,
        waiting: true,
        waits_since: case.at,
        let_go: false,
        held_since: None,
        told_until: None,
        wish: None,
    }
}

/// An agent's answer in a conversation that they hold.
pub(super) fn reply(
    actor: Actor,
    held: &ConversationRow,
    masked: &Message<Masked, Outbound>,
    dedup: Dedup,
) -> Proposal {
    let seq = MessageSeq(held.last_message.0 + 1);
    let change = ConversationChange { last: seq, ..unchanged(held) };
    let event = Event::MessageSent { message: masked.id(), seq };
    let draft = with_content(about(Draft::of(event, actor), held), masked);
    let stored = stored(held.conversation, seq, Some(actor.id), &held.channel, masked);
    let effects = vec![stored, Effect::Conversation(change)];
    Proposal { steps: vec![Step { draft, effects }], primary: 0, dedup: Some(dedup) }
}

/// How a conversation ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// For good.
    Close,
    /// Unless the customer writes again in time.
    Solve,
}

/// The end of a conversation; the slot of whoever holds it becomes free.
pub(super) fn end(
    actor: Actor,
    row: &ConversationRow,
    holder: Option<&AgentRow>,
    (end, reason): (End, EndReason),
) -> Proposal {
    let (state, event) = match end {
        End::Close => (ConversationState::Closed, Event::ConversationClosed { reason }),
        End::Solve => (ConversationState::Solved, Event::ConversationSolved { reason }),
    };
    let change = ConversationChange { state, ..unchanged(row) };
    let holder = holder.filter(|_| row.state == ConversationState::Assigned);
    let over = Route { waiting: false, held_since: None, ..(*row.route).clone() };
    let over = Effect::Route(RouteChange { conversation: row.conversation.key, route: over });
    let effects = [Some(Effect::Conversation(change)), Some(over), holder.map(|agent| freed(row, agent))];
    Proposal::single(about(Draft::of(event, actor), row), effects.into_iter().flatten().collect())
}

/// What an agent no longer holds.
pub(super) fn freed(row: &ConversationRow, agent: &AgentRow) -> Effect {
    Effect::Agent(AgentChange {
        agent: agent.id,
        expected: agent.version,
        load: (agent.load - row.route.weight).max(0),
        idle_since: agent.idle_since,
        skills: None,
    })
}

/// A conversation goes back to its queue, where it keeps its place; `agent` is the desk of the holder, if they have one.
pub(super) fn requeued(
    row: &ConversationRow,
    (holder, agent): (AccountId, Option<&AgentRow>),
    (reason, after_s, held): (RequeueReason, u32, Held),
) -> Proposal {
    let elapsed_ms = match reason {
        RequeueReason::Offline => held.gone_ms,
        RequeueReason::NoAnswer => held.unanswered_ms,
        RequeueReason::NoDesk => None,
    };
    let (queue, elapsed_ms) = (row.route.queue.clone(), elapsed_ms.unwrap_or_default());
    let event = Event::ConversationRequeued { agent: holder, queue, reason, after_s, elapsed_ms };
    let state = ConversationState::Waiting;
    let change = ConversationChange { state, agent: None, last_agent: Some(holder), ..unchanged(row) };
    let let_go = reason == RequeueReason::NoAnswer;
    let route = Route { waiting: true, held_since: None, let_go, ..(*row.route).clone() };
    let back = RouteChange { conversation: row.conversation.key, route };
    let server = Actor { id: SERVER_ACTOR, role: Role::Server };
    let freed = agent.map(|agent| freed(row, agent));
    let effects = [Effect::Conversation(change), Effect::Route(back)].into_iter().chain(freed).collect();
    Proposal::single(about(Draft::of(event, server), row), effects)
}

/// A customer who waits leaves the places of the queue: nobody is behind them any more, and who still waits comes first.
pub(super) fn wished(actor: Actor, row: &ConversationRow, wish: Wish) -> Proposal {
    let route = Route { wish: Some(wish), priority: PRIORITY_LAST, sla_s: None, ..(*row.route).clone() };
    let change = RouteChange { conversation: row.conversation.key, route };
    let effects = vec![Effect::Conversation(unchanged(row)), Effect::Route(change)];
    Proposal::single(about(Draft::of(Event::ConversationWished { wish }, actor), row), effects)
}

/// What the server itself tells a customer while nobody is there.
pub(super) fn told(
    row: &ConversationRow,
    masked: &Message<Masked, Outbound>,
    dedup: Dedup,
    until: Timestamp,
) -> Proposal {
    let mut proposal = reply(Actor { id: SERVER_ACTOR, role: Role::Server }, row, masked, dedup);
    let route = Route { told_until: Some(until), ..(*row.route).clone() };
    let change = RouteChange { conversation: row.conversation.key, route };
    proposal.steps.iter_mut().for_each(|step| step.effects.push(Effect::Route(change.clone())));
    proposal
}

/// A change of a conversation that leaves everything as it is.
pub(super) fn unchanged(row: &ConversationRow) -> ConversationChange {
    ConversationChange {
        conversation: row.conversation.key,
        expected: row.version,
        state: row.state,
        agent: row.agent,
        last: row.last_message,
        last_agent: None,
        channel: None,
        marks: None,
    }
}

/// How far the customer's side has got a conversation.
pub(super) fn marked(actor: Actor, row: &ConversationRow, marks: Marks) -> Proposal {
    let Marks { delivered, read } = marks;
    let change = ConversationChange { marks: Some(marks), ..unchanged(row) };
    let draft = about(Draft::of(Event::MessageDelivery { delivered, read }, actor), row);
    Proposal::single(draft, vec![Effect::Conversation(change)])
}

/// An entry about a conversation that exists.
pub(super) fn about(draft: Draft, row: &ConversationRow) -> Draft {
    draft.about(row.conversation, row.subject, &row.channel)
}

pub(super) fn with_content<D: Direction>(draft: Draft, masked: &Message<Masked, D>) -> Draft {
    Draft { policy: Some(masked.policy().clone()), content: Some(masked.content().clone()), ..draft }
}

fn stored<D: Direction>(
    conversation: ConversationRef,
    seq: MessageSeq,
    author: Option<AccountId>,
    channel: &ChannelAccount,
    masked: &Message<Masked, D>,
) -> Effect {
    Effect::NewMessage(NewMessage {
        conversation: conversation.key,
        seq,
        id: masked.id(),
        direction: D::CODE,
        author,
        channel: channel.clone(),
        original: masked.sealed_original().clone(),
        masked: masked.sealed_masked().clone(),
        file: None,
    })
}

/// The receipt of the message itself: it is the last step of its proposal.
pub(super) fn message_receipt(receipts: &[Receipt]) -> Option<&Receipt> {
    receipts.last()
}
