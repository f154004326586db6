//! What was said just before: the conversation tail that the next message of a person is masked with.
//!
//! Masking is serial per person, because a number may be split over messages. The tail lives in memory only and is rebuilt
//! from the vault after a restart.

use std::sync::Arc;

use tokio::sync::{Mutex as AsyncMutex, OwnedMutexGuard};

use super::memory::Shared;
use super::proposals::Contact;
use super::{Refusal, Tenant};
use crate::domain::masking::{self, Policy, Tail};
use crate::domain::message::{Direction, Masked, Message, OpenedPart, Part, Raw, RawText, Salt, Salts};
use crate::domain::record::Outcome;
use crate::limits::TAIL_MESSAGES_MAX;
use crate::ports::{RecordError, random_bytes};
use crate::units::{ConversationRef, SubjectId, Timestamp};

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
}

impl Learning {
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
    /// Masks under the active policy with the tail of what this customer's conversation said before.
    pub(super) async fn mask<D: Direction>(
        &self,
        message: Message<Raw, D>,
        contact: &Contact,
        open: Option<ConversationRef>,
    ) -> Result<(Message<Masked, D>, Learning), Refusal> {
        // A server that stands by has none either, and that is nobody's omission.
        let missing = || if self.head().is_some() { Refusal::NoPolicy } else { Refusal::Unavailable };
        let policy = self.policy().ok_or_else(missing)?;
        let random = || Salt::from_random(random_bytes(&*self.ports.random));
        let salts = Salts { sealed: random(), masked: random() };
        let slot = self.tails.slot(contact.subject).lock_owned().await;
        let mut after = match &*slot {
            Some(tail) => tail.clone(),
            None => self.rebuild_tail(&policy, contact, open).await?,
        };
        let tokens = self.ports.vault.tokens();
        let masked = message.mask(&policy, &mut after, salts, &*contact.sealer, tokens);
        Ok((masked.map_err(|_| Refusal::Unavailable)?, Learning { slot, after }))
    }

    /// Reads the newest messages of the open conversation again, through the vault, and lets the masker see them.
    async fn rebuild_tail(
        &self,
        policy: &Policy,
        contact: &Contact,
        open: Option<ConversationRef>,
    ) -> Result<Tail, Refusal> {
        let mut tail = Tail::empty();
        let Some(open) = open else { return Ok(tail) };
        let since = Timestamp::from_micros(self.ports.clock.now().as_micros() - masking::TAIL_US);
        for row in self.ports.store.recent_messages(open, since, TAIL_MESSAGES_MAX).await? {
            let opened = contact.sealer.open(Part::Original, row.id, &row.original)?;
            let part = OpenedPart::split(Part::Original, &opened)?;
            let text = std::str::from_utf8(&part.plaintext).map_err(|_| Refusal::Unavailable)?;
            let text = RawText::new(text.to_owned());
            masking::detect(policy, text.expose(), &mut tail, row.time.as_micros());
        }
        Ok(tail)
    }
}
