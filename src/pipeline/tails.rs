//! What was said just before: the conversation tail that the next message of a person is masked with.
//!
//! Masking is serial per person, because a number may be split over messages. The tail lives in memory only and is rebuilt
//! from the vault after a restart.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use tokio::sync::{Mutex as AsyncMutex, OwnedMutexGuard};

use super::memory::Shared;
use super::proposals::Contact;
use super::{Refusal, Tenant};
use crate::domain::event::{Event, Role};
use crate::domain::file::FileInfo;
use crate::domain::masking::{self, Again, Class, Occasion, Policy, Tail, Tokens};
use crate::domain::message::{
    Direction, Masked, MaskedAgain, Message, OpenedPart, Part, Raw, RawText, Salt, Salts, Sealer,
};
use crate::domain::record::{Actor, ConversationState, Draft, Effect, Outcome, Proposal, Remasked, Step};
use crate::limits::TAIL_MESSAGES_MAX;
use crate::ports::{About, ConversationRow, OriginalRow, RecordError, random_bytes};
use crate::units::{ChannelAccount, MessageId, SERVER_ACTOR, SubjectId, Timestamp};

/// A tail that may not be in memory yet.
pub(super) type TailSlot = Arc<AsyncMutex<Option<Tail>>>;

/// Conversation tails by person.
#[derive(Default)]
pub(super) struct Tails(Shared<SubjectId, AsyncMutex<Option<Tail>>>);

impl Tails {
    pub(super) fn slot(&self, subject: SubjectId) -> TailSlot {
        self.0.get(subject)
    }

    /// Lets every tail be rebuilt when it is needed next.
    pub(super) fn forget(&self) {
        self.0.clear();
    }
}

/// What a person's next message will be masked with, once the present one is recorded; until then nobody else's turn comes.
pub(super) struct Learning {
    slot: OwnedMutexGuard<Option<Tail>>,
    after: Tail,
    whole: Arc<Policy>,
    there: Occasion,
    again: Vec<(Draft, Effect)>,
}

impl Learning {
    /// The policy that masked it, as it is where it was said.
    pub(super) fn policy(&self) -> &Policy {
        self.whole.on(&self.there)
    }

    /// Puts what earlier messages are from here on before what is proposed: it commits with it or not at all, and whoever
    /// follows the log never sees the rest of a number while its beginning stands there.
    pub(super) fn complete(&self, mut proposal: Proposal) -> Proposal {
        let step = |(draft, effect): &(Draft, Effect)| Step { draft: draft.clone(), effects: vec![effect.clone()] };
        proposal.primary += self.again.len();
        proposal.steps.splice(0..0, self.again.iter().map(step));
        proposal
    }

    /// Takes the message into the tail when it was recorded. A duplicate is in there already, and what was refused was
    /// never said: either would break a number that is told in pieces.
    pub(super) fn learn(&mut self, outcome: &Result<Outcome, RecordError>) {
        match outcome {
            Ok(Outcome::Recorded(..)) => *self.slot = Some(self.after.clone()),
            // The next message rebuilds it from what is committed by then.
            Err(RecordError::Unknown) => *self.slot = None,
            Ok(Outcome::Duplicate { .. }) | Err(_) => {}
        }
    }
}

impl Tenant {
    /// Masks under the active policy, as it is for the channel and the purpose of the conversation, with the tail of what this person's conversations said before, and masks again what it
    /// tells of that.
    pub(super) async fn mask<D: Direction>(
        &self,
        message: Message<Raw, D>,
        contact: &Contact,
        (channel, purpose): (&ChannelAccount, Option<&str>),
    ) -> Result<(Message<Masked, D>, Learning), Refusal> {
        self.mask_releasing(message, contact, (channel, purpose), None).await
    }

    /// The same; with a role, what the policy holds and lets that role release leaves as it was written.
    pub(super) async fn mask_releasing<D: Direction>(
        &self,
        message: Message<Raw, D>,
        contact: &Contact,
        (channel, purpose): (&ChannelAccount, Option<&str>),
        release: Option<&str>,
    ) -> Result<(Message<Masked, D>, Learning), Refusal> {
        // A server that stands by, or has just begun, has none either, and that is nobody's omission.
        let has_looked = || self.head().is_some() && self.has_looked.load(Ordering::Acquire);
        let missing = || if has_looked() { Refusal::NoPolicy } else { Refusal::Unavailable };
        let whole = self.policy().ok_or_else(missing)?;
        let there = self.occasion(channel, purpose);
        let policy = whole.on(&there);
        let slot = self.tails.slot(contact.subject).lock_owned().await;
        let mut after = match &*slot {
            Some(tail) => tail.clone(),
            None => self.rebuild_tail(policy, contact).await?,
        };
        let sealer: (&dyn Sealer, &dyn Tokens) = (&*contact.sealer, self.ports.vault.tokens());
        let masked = message.mask_releasing(release, policy, &mut after, self.salts(), sealer);
        let masked = masked.map_err(|_| Refusal::Unavailable)?;
        let again = self.mask_again(policy, contact, masked.again()).await?;
        Ok((masked, Learning { slot, after, whole, there, again }))
    }

    /// What a customer's message is for, where the policy asks for that: the queue of their conversation, or the one that a
    /// conversation which begins with it is sent to.
    pub(super) async fn purpose(
        &self,
        contact: &Contact,
        (channel, about): (&ChannelAccount, &About),
        language: Option<&str>,
    ) -> Result<Option<String>, Refusal> {
        if !self.policy().is_some_and(|policy| policy.minds_purpose()) {
            return Ok(None);
        }
        let goes_on = contact.open.filter(|open| open.state != ConversationState::Solved);
        if let Some(open) = goes_on {
            let row = self.ports.store.conversation(open.conversation.public).await?;
            return Ok(row.map(|row| row.route.queue));
        }
        let table = self.active_table()?;
        Ok(Some(self.routed(&table, channel, about, language).decision.queue))
    }

    pub(super) fn occasion(&self, channel: &ChannelAccount, purpose: Option<&str>) -> Occasion {
        let tenant = Some(self.name.name.clone());
        Occasion { tenant, channel: Some(channel.channel.to_owned()), purpose: purpose.map(str::to_owned) }
    }

    pub(super) fn salts(&self) -> Salts {
        let random = || Salt::from_random(random_bytes(&*self.ports.random));
        Salts { sealed: random(), masked: random() }
    }

    /// What each earlier message that is told of becomes, with the entry that says so.
    async fn mask_again(
        &self,
        policy: &Policy,
        contact: &Contact,
        again: &[Again],
    ) -> Result<Vec<(Draft, Effect)>, Refusal> {
        let ids: Vec<MessageId> = again.iter().map(|again| again.message).collect();
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let rows =
            self.ports.store.recent_messages(contact.subject, self.reach(), Some(ids), TAIL_MESSAGES_MAX).await?;
        let sealer: (&dyn Sealer, &dyn Tokens) = (&*contact.sealer, self.ports.vault.tokens());
        let one = |row: OriginalRow| {
            let told: Vec<&Again> = again.iter().filter(|again| again.message == row.id).collect();
            let parts = (&row.original, &row.masked);
            let masked = MaskedAgain::of(row.id, parts, &told, policy, &self.salts(), sealer);
            masked.map(|masked| remasked(row, contact.subject, masked)).map_err(|_| Refusal::Unavailable)
        };
        rows.into_iter().map(one).collect()
    }

    /// Since when a message may hold the beginning of a number.
    fn reach(&self) -> Timestamp {
        Timestamp::from_micros(self.ports.clock.now().as_micros() - masking::TAIL_REACH_US)
    }

    /// Reads the person's newest messages again, through the vault, and lets the masker see them.
    async fn rebuild_tail(&self, policy: &Policy, contact: &Contact) -> Result<Tail, Refusal> {
        let mut tail = Tail::empty();
        if contact.fresh.is_some() {
            return Ok(tail);
        }
        let rows = self.ports.store.recent_messages(contact.subject, self.reach(), None, TAIL_MESSAGES_MAX).await?;
        for row in rows {
            let opened = contact.sealer.open(Part::Original, row.id, &row.original)?;
            let part = OpenedPart::split(Part::Original, &opened)?;
            let text = std::str::from_utf8(&part.plaintext).map_err(|_| Refusal::Unavailable)?;
            let text = RawText::new(text.to_owned());
            masking::hear(policy, text.expose(), &mut tail, row.id, row.time.as_micros());
        }
        Ok(tail)
    }
}

/// The channel and the purpose of what is said in a conversation: its purpose is its queue.
pub(super) fn said_in(row: &ConversationRow) -> (&ChannelAccount, Option<&str>) {
    (&row.channel, Some(&row.route.queue))
}

/// The entry of a message that was masked again, with what it becomes. A file with a C3 value in it is not kept any more.
pub(super) fn remasked(row: OriginalRow, subject: SubjectId, again: MaskedAgain) -> (Draft, Effect) {
    let OriginalRow { conversation, id, index: of, time, kind, author, channel, file, .. } = row;
    let MaskedAgain { original, masked, content, policy } = again;
    let server = Actor { id: SERVER_ACTOR, role: Role::Server };
    let draft = Draft::of(Event::MessageRemasked { message: id, of }, server).about(conversation, subject, &channel);
    let is_c3 = content.spans.iter().any(|span| span.class == Class::C3.to_string());
    let draft = Draft { policy: Some(policy), content: Some(content), ..draft };
    let conversation = conversation.key;
    let file = file.map(|file| FileInfo { kept: file.kept && !is_c3, ..file });
    let again = Remasked { conversation, of, id, time, kind, channel, author, original, masked, file };
    (draft, Effect::Remasked(Box::new(again)))
}
