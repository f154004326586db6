//! What was said before, masked by another policy: how a draft would mask it otherwise, and what a stricter one makes of it.
//!
//! Sealed originals are opened here and nowhere further up: what leaves is masks that show no more than the stored text does,
//! counts, and what is sealed again. C3 values are in no original, so nothing is told of them. It knows neither the database
//! nor who asks.

use std::sync::Arc;

use zeroize::Zeroizing;

use super::masking::{
    self, Again, Change, Class, Heard, MaskedText, Masking, Occasion, Policy, Span, Tail, Tokens, Words, changes,
    shows_the_same, stricter, without_c3,
};
use super::message::{MaskError, MaskedAgain, OpenedPart, Part, Salts, Sealed, Sealer, policy_ref, sealed_parts};
use crate::units::{MessageId, Timestamp};

/// A stored text, still sealed.
#[derive(Clone, Copy)]
pub struct Stored<'s> {
    /// Its public id.
    pub id: MessageId,
    /// When it was recorded.
    pub time: Timestamp,
    /// The sealed original.
    pub original: &'s Sealed,
    /// The sealed masked text.
    pub masked: &'s Sealed,
    /// What form of a policy applies to it.
    pub there: &'s Occasion,
}

/// What is opened of a stored text; the original is wiped on drop.
struct Opened {
    original: Zeroizing<String>,
    masked: MaskedText,
}

impl Stored<'_> {
    fn open(&self, sealer: &dyn Sealer) -> Result<Opened, MaskError> {
        let part = |part: Part, sealed: &Sealed| OpenedPart::split(part, &sealer.open(part, self.id, sealed)?);
        let unreadable = |part| MaskError::Unreadable { part };
        let original = part(Part::Original, self.original)?.plaintext;
        let original = std::str::from_utf8(&original).map_err(|_| unreadable(Part::Original))?;
        let masked = MaskedText::from_bytes(&part(Part::Masked, self.masked)?.plaintext);
        let masked = masked.map_err(|_| unreadable(Part::Masked))?;
        Ok(Opened { original: Zeroizing::new(original.to_owned()), masked })
    }
}

/// The policy in force and a draft, each with what it knows of a person's messages so far.
#[derive(Clone)]
pub struct Rivals {
    active: (Arc<Policy>, Tail),
    draft: (Arc<Policy>, Tail),
}

/// How a draft would mask one stored text.
pub struct Contrast {
    /// Every value that either policy finds.
    pub changes: Vec<Change>,
    /// The text as it may be shown today: as it was masked then, and as the policy in force would mask it.
    pub now: MaskedText,
    /// The same, where the draft hides more as it would; where it shows more, as it may be shown today.
    pub then: MaskedText,
}

impl Rivals {
    /// At the beginning of what a person said.
    pub fn new(active: Arc<Policy>, draft: Arc<Policy>) -> Self {
        Self { active: (active, Tail::empty()), draft: (draft, Tail::empty()) }
    }

    /// Holds both against the next text of the person. `tokens` must be none of messages' own.
    ///
    /// # Errors
    /// [`MaskError`] when the text can't be opened.
    pub fn contrast(
        &mut self,
        stored: &Stored<'_>,
        sealer: &dyn Sealer,
        tokens: &dyn Tokens,
    ) -> Result<Contrast, MaskError> {
        let Opened { original, masked } = stored.open(sealer)?;
        let masking = |(policy, tail): &mut (Arc<Policy>, Tail)| {
            let policy = policy.on(stored.there);
            let heard = masking::hear(policy, &original, tail, stored.id, stored.time.as_micros());
            masking::masking(policy, &original, &heard.spans, tokens)
        };
        let (active, draft) = (masking(&mut self.active), masking(&mut self.draft));
        // A text that can't be laid over is shown as it may be today.
        let over = |text: &MaskedText, masking: &Masking| {
            stricter(&original, text, masking, Words::Old).unwrap_or_else(|| text.clone())
        };
        let now = over(&masked, &active);
        Ok(Contrast { changes: changes(&active, &draft), then: over(&now, &draft), now })
    }
}

/// A stored text while its person's texts are masked again.
struct Turn<'s> {
    stored: Stored<'s>,
    opened: Opened,
    /// The original without what was found to be stored nowhere.
    keep: Zeroizing<String>,
    text: MaskedText,
}

/// Masks a person's texts again, in their order, by a policy that may hide more of them: what becomes of those that show less
/// from here on, by their place in `stored`. `earlier` are texts from before that a later one may tell something of.
///
/// A text that can't be opened is left as it is: the self-audit finds and names it.
///
/// # Errors
/// [`MaskError`] when a text can't be sealed.
pub fn mask_again(
    (earlier, stored): (&[Stored<'_>], &[Stored<'_>]),
    (policy, tail): (&Policy, &mut Tail),
    (sealer, tokens): (&dyn Sealer, &dyn Tokens),
    mut salts: impl FnMut() -> Salts,
) -> Result<Vec<(MessageId, MaskedAgain)>, MaskError> {
    let (mut turns, mut told) = (Vec::<Turn<'_>>::new(), Vec::new());
    turns.extend(earlier.iter().filter_map(|stored| Some(Turn::of(*stored, stored.open(sealer).ok()?))));
    for stored in stored {
        let Ok(opened) = stored.open(sealer) else { continue };
        let mut turn = Turn::of(*stored, opened);
        let (original, policy) = (turn.opened.original.clone(), policy.on(stored.there));
        let Heard { spans, again } = masking::hear(policy, &original, tail, stored.id, stored.time.as_micros());
        turn.lay_over(policy, &spans, tokens);
        turns.push(turn);
        told.extend(again);
    }
    for again in &told {
        if let Some(turn) = turns.iter_mut().find(|turn| turn.stored.id == again.message) {
            turn.tell(policy.on(turn.stored.there), again, tokens);
        }
    }
    let changed = turns.into_iter().filter(Turn::is_changed);
    let sealed = changed.map(|turn| {
        let (id, salts) = (turn.stored.id, salts());
        let (original, masked, content) = sealed_parts(id, (&turn.text, &turn.keep), &salts, sealer)?;
        Ok((id, MaskedAgain { original, masked, content, policy: policy_ref(policy) }))
    });
    sealed.collect()
}

impl<'s> Turn<'s> {
    fn of(stored: Stored<'s>, opened: Opened) -> Self {
        Self { stored, keep: opened.original.clone(), text: opened.masked.clone(), opened }
    }

    /// Lays what the policy finds over what is stored.
    fn lay_over(&mut self, policy: &Policy, spans: &[Span], tokens: &dyn Tokens) {
        let original = &self.opened.original;
        let masking = masking::masking(policy, original, spans, tokens);
        let laid = stricter(original, &self.text, &masking, Words::New);
        let is_laid = laid.is_some();
        self.text = laid.unwrap_or_else(|| masking::mask_rest(policy, &self.text, tokens)).under(policy);
        if is_laid {
            self.keep = Zeroizing::new(without_c3(original, spans));
        }
    }

    /// Masks what a later text tells of this one, as far as that hides more.
    fn tell(&mut self, policy: &Policy, again: &Again, tokens: &dyn Tokens) {
        let told = masking::mask_again(policy, &self.text, again, tokens);
        let original = &self.opened.original;
        let Some(laid) =
            Masking::of(original, &told).and_then(|masking| stricter(original, &self.text, &masking, Words::New))
        else {
            return;
        };
        self.text = laid;
        if again.class == Class::C3 {
            self.keep = Zeroizing::new(masking::without_named(policy, &self.keep, again));
        }
    }

    fn is_changed(&self) -> bool {
        !shows_the_same(&self.text, &self.opened.masked) || *self.keep != *self.opened.original
    }
}
