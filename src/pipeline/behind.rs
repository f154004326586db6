//! What stands behind a mask, for the two acts that may look there: opening a value (`unmasking`) and comparing one
//! (`comparing`). It is found in the sealed original of its message, which must be what was recorded; a C3 value is nowhere.

use lww_audit::entry::{Tag, commitment};

use super::transcript::open;
use super::{Refusal, Tenant};
use crate::domain::event::SpanPlace;
use crate::domain::masking::{Class, Hidden, MaskedText};
use crate::domain::message::{OpenedPart, Part, RawText};
use crate::ports::{AttemptRules, ConversationRow, HiddenRow, SharedSealer};
use crate::units::MICROS_PER_SECOND;

/// A masked value of a stored message, not opened.
pub(super) struct Behind {
    /// What it is.
    pub(super) hidden: Hidden,
    place: SpanPlace,
    masked: MaskedText,
    row: HiddenRow,
    sealer: SharedSealer,
}

impl Tenant {
    /// Finds a masked value of a conversation.
    ///
    /// # Errors
    /// [`Refusal::NotFound`] when there is no such value; [`Refusal::Conflict`] when the message was masked again since it
    /// was read; [`Refusal::NotReversible`] for one that is stored nowhere; [`Refusal::Erased`].
    pub(super) async fn behind(&self, conversation: &ConversationRow, place: SpanPlace) -> Result<Behind, Refusal> {
        let sealer = self.sealer(conversation.subject).await?;
        let row = self.ports.unmaskings.hidden(conversation.conversation.key, place.message).await?;
        let row = row.ok_or(Refusal::NotFound { what: "message" })?;
        if row.of != place.of {
            return Err(Refusal::Conflict);
        }
        let (masked, _) = open(&sealer, row.id, &row.masked)?;
        let hidden = masked.hidden(usize::from(place.span)).ok_or(Refusal::NotFound { what: "masked value" })?;
        if hidden.class == Class::C3 {
            return Err(Refusal::NotReversible);
        }
        Ok(Behind { hidden, place, masked, row, sealer })
    }

    /// Opens it. Whoever calls records what it is for before anything of it leaves the pipeline.
    ///
    /// # Errors
    /// [`Refusal::NotReversible`] when it can't be told from the rest of the original; [`Refusal::Differs`] when the original
    /// is not what was recorded.
    pub(super) async fn value(&self, behind: &Behind) -> Result<RawText, Refusal> {
        let Behind { place, masked, row, sealer, .. } = behind;
        let opened = sealer.open(Part::Original, row.id, &row.original)?;
        let OpenedPart { salt, plaintext } = OpenedPart::split(Part::Original, &opened)?;
        let entry = self.proven_entry(place.of).await?;
        let recorded = entry.content.as_ref().map(|content| content.commit_sealed);
        if recorded != Some(commitment(salt.as_bytes(), Tag::Sealed, &plaintext)) {
            return Err(self.differs(place.of));
        }
        let original = std::str::from_utf8(&plaintext).map_err(|_| self.differs(place.of))?;
        let value = masked.value_in(usize::from(place.span), original).ok_or(Refusal::NotReversible)?;
        Ok(RawText::new(value.to_owned()))
    }

    /// Counts a use of something that is bounded: at most so many until nothing was counted for so many seconds.
    ///
    /// # Errors
    /// [`Refusal::TooOften`] beyond that, with the time to wait.
    pub(super) async fn within(&self, key: &[u8], (max, forget_s): (u32, u32)) -> Result<(), Refusal> {
        let (rules, now) = (AttemptRules { free: max, pause_s: 0, max, forget_s }, self.ports.clock.now());
        if self.ports.people.count_attempt(key, now, rules).await?.is_some() {
            return Ok(());
        }
        let last = self.ports.people.attempts(key).await?.last;
        let waited_us = last.map_or(0, |last| now.as_micros() - last.as_micros());
        let left_s = i64::from(forget_s) - waited_us / MICROS_PER_SECOND;
        Err(Refusal::TooOften { retry_after_s: u64::try_from(left_s).unwrap_or(1).max(1) })
    }
}
