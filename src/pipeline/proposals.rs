//! What is asked of the recorder for a message in and a message out. Pure but for the ids that are handed in.

use crate::domain::event::{Event, Role};
use crate::domain::message::{Direction, Inbound, Masked, Message, Outbound};
use crate::domain::record::{
    Actor, AgentChange, ConversationChange, ConversationState, Dedup, Draft, Effect, NewConversation, NewMessage,
    NewSubject, Proposal, Receipt, Step,
};
use crate::domain::routing::QUEUE;
use crate::ports::{AgentRow, ContactRow, ConversationRow, SharedSealer};
use crate::units::{AccountId, ChannelAccount, ConversationRef, MessageSeq, SubjectId, Version};

use super::Refusal;
use super::memory::Open;

/// The person whose message is handled.
pub(super) struct Contact {
    pub(super) subject: SubjectId,
    pub(super) sealer: SharedSealer,
    /// Set when the person is seen for the first time.
    pub(super) fresh: Option<NewSubject>,
    /// Their open conversation.
    pub(super) open: Option<Open>,
}

impl Contact {
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
}

/// Where a message goes: the open conversation, or a new one.
pub(super) struct Taken {
    pub(super) conversation: ConversationRef,
    channel: ChannelAccount,
    version: Version,
    last: MessageSeq,
    state: ConversationState,
    agent: Option<AccountId>,
    fresh: bool,
}

impl Taken {
    pub(super) fn decide(contact: &Contact, channel: &ChannelAccount, new: impl Fn() -> ConversationRef) -> Self {
        match contact.open {
            Some(open) => Self {
                conversation: open.conversation,
                channel: channel.clone(),
                version: open.version,
                last: open.last,
                state: open.state,
                agent: open.agent,
                fresh: false,
            },
            None => Self {
                conversation: new(),
                channel: channel.clone(),
                version: Version::FIRST,
                last: MessageSeq(0),
                state: ConversationState::Waiting,
                agent: None,
                fresh: true,
            },
        }
    }

    pub(super) fn proposal(&self, contact: &Contact, masked: &Message<Masked, Inbound>, dedup: Dedup) -> Proposal {
        let customer = Actor { id: AccountId(contact.subject.0), role: Role::Customer };
        let seq = MessageSeq(self.last.0 + 1);
        let change = ConversationChange {
            conversation: self.conversation.key,
            expected: self.version,
            state: self.state,
            agent: self.agent,
            last: seq,
        };
        let event = Event::MessageReceived { message: masked.id(), seq };
        let mut steps = Vec::with_capacity(2);
        if self.fresh {
            steps.push(self.opening(contact, customer));
        }
        let draft =
            with_content(Draft::of(event, customer).about(self.conversation, contact.subject, &self.channel), masked);
        let effects = vec![stored(self.conversation, seq, None, masked), Effect::Conversation(change)];
        steps.push(Step { draft, effects });
        Proposal { primary: steps.len() - 1, steps, dedup: Some(dedup) }
    }

    fn opening(&self, contact: &Contact, customer: Actor) -> Step {
        let event = Event::ConversationOpened { queue: QUEUE };
        let draft = Draft::of(event, customer).about(self.conversation, contact.subject, &self.channel);
        let new = NewConversation {
            conversation: self.conversation,
            subject: contact.subject,
            channel: self.channel.clone(),
        };
        let subject = contact.fresh.clone().map(Effect::NewSubject);
        Step { draft, effects: subject.into_iter().chain([Effect::NewConversation(new)]).collect() }
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
    let effects = vec![stored(held.conversation, seq, Some(actor.id), masked), Effect::Conversation(change)];
    Proposal { steps: vec![Step { draft, effects }], primary: 0, dedup: Some(dedup) }
}

/// The end of a conversation; the slot of whoever held it becomes free.
pub(super) fn close(actor: Actor, row: &ConversationRow, holder: Option<&AgentRow>) -> Proposal {
    let change = ConversationChange { state: ConversationState::Closed, ..unchanged(row) };
    let freed = holder.map(|agent| {
        Effect::Agent(AgentChange {
            agent: agent.id,
            expected: agent.version,
            load: (agent.load - 1).max(0),
            idle_since: agent.idle_since,
        })
    });
    let draft = about(Draft::of(Event::ConversationClosed, actor), row);
    Proposal::single(draft, std::iter::once(Effect::Conversation(change)).chain(freed).collect())
}

/// A change of a conversation that leaves everything as it is.
pub(super) fn unchanged(row: &ConversationRow) -> ConversationChange {
    ConversationChange {
        conversation: row.conversation.key,
        expected: row.version,
        state: row.state,
        agent: row.agent,
        last: row.last_message,
    }
}

/// An entry about a conversation that exists.
pub(super) fn about(draft: Draft, row: &ConversationRow) -> Draft {
    draft.about(row.conversation, row.subject, &row.channel)
}

fn with_content<D: Direction>(draft: Draft, masked: &Message<Masked, D>) -> Draft {
    Draft { policy: Some(masked.policy().clone()), content: Some(masked.content().clone()), ..draft }
}

fn stored<D: Direction>(
    conversation: ConversationRef,
    seq: MessageSeq,
    author: Option<AccountId>,
    masked: &Message<Masked, D>,
) -> Effect {
    Effect::NewMessage(NewMessage {
        conversation: conversation.key,
        seq,
        id: masked.id(),
        direction: D::CODE,
        author,
        original: masked.sealed_original().clone(),
        masked: masked.sealed_masked().clone(),
    })
}

/// The receipt of the message itself: it is the last step of its proposal.
pub(super) fn message_receipt(receipts: &[Receipt]) -> Option<&Receipt> {
    receipts.last()
}
