//! Internal notes: what staff write about a conversation among themselves. Masked and recorded like any text of staff, shown at
//! the desk, and never on any way to the customer.

use super::desk::view;
use super::proposals::{about, with_content};
use super::tails::said_in;
use super::transcript::{TextSpan, explained, keyed, open};
use super::{Refusal, Staff, Tenant};
use crate::domain::event::Event;
use crate::domain::masking::{Policy, View};
use crate::domain::message::{Internal, Masked, Message, Raw, RawText, Recorded};
use crate::domain::record::{Actor, ConversationState, Draft, Effect, NewNote, Outcome, Proposal, Step};
use crate::limits::NOTES_SHOWN_MAX;
use crate::ports::{ConversationRow, NoteRow, SharedSealer, random_bytes};
use crate::units::{AccountId, ConversationId, EntryIndex, Hash, MessageId, Timestamp};

/// An internal note as its reader may see it.
#[derive(Clone, Debug)]
pub struct Note {
    /// Its public id.
    pub id: MessageId,
    /// Index of its entry.
    pub index: EntryIndex,
    /// When it was written.
    pub time: Timestamp,
    /// The staff account that wrote it.
    pub author: AccountId,
    /// What the reader may see of it.
    pub text: String,
    /// The masked values in that text.
    pub spans: Vec<TextSpan>,
    /// Digest of the policy that masked it.
    pub policy: Option<Hash>,
}

impl Tenant {
    /// Writes an internal note about a conversation that is not closed; whether it had been recorded before.
    ///
    /// # Errors
    /// [`Refusal`], as for [`Tenant::reply`]; `Forbidden` when somebody else holds the conversation.
    pub async fn write_note(
        &self,
        staff: &Staff,
        id: ConversationId,
        text: RawText,
        key: &str,
    ) -> Result<(Note, bool), Refusal> {
        let row = self.visible(staff, id).await?;
        if row.state == ConversationState::Closed {
            return Err(Refusal::NotFound { what: "open conversation" });
        }
        let contact = self.known_contact(row.subject).await?;
        let dedup = self.ports.vault.dedup(&format!("note/{}", staff.account), key.as_bytes(), &keyed(id, &text));
        let (masked, mut tail) = self.mask(self.new_note(text), &contact, said_in(&row)).await?;
        let steps = vec![noted(staff.actor(), &row, &masked)];
        let recorded = self.record(tail.complete(Proposal { steps, primary: 0, dedup: Some(dedup) })).await;
        tail.learn(&recorded);
        let (index, duplicate) = match recorded? {
            Outcome::Recorded(receipts, _) => (receipts.last().ok_or(Refusal::Unknown)?.index, false),
            Outcome::Duplicate { index } => (index, true),
        };
        let notes = self.notes_of(&row, &contact.sealer, view(staff)).await?;
        let found = notes.into_iter().find(|note| note.index == index);
        Ok((found.ok_or(Refusal::NotFound { what: "entry" })?, duplicate))
    }

    /// A note's text on its way to the masker.
    pub(super) fn new_note(&self, text: RawText) -> Message<Raw, Internal> {
        let id = MessageId::from_random(random_bytes(&*self.ports.random));
        Message::new(id, self.ports.clock.now(), text)
    }

    /// The newest notes of a conversation, oldest first.
    pub(super) async fn notes_of(
        &self,
        row: &ConversationRow,
        sealer: &SharedSealer,
        view: View,
    ) -> Result<Vec<Note>, Refusal> {
        let rows = self.ports.store.notes(row.conversation, NOTES_SHOWN_MAX).await?;
        let policy = self.policy();
        rows.iter().map(|row| shown_note(sealer, row, view, policy.as_deref())).collect()
    }
}

/// The entry of a note, with the note.
pub(super) fn noted(actor: Actor, row: &ConversationRow, masked: &Message<Masked, Internal>) -> Step {
    let draft = with_content(about(Draft::of(Event::ConversationNoted { note: masked.id() }, actor), row), masked);
    let note = NewNote {
        conversation: row.conversation.key,
        id: masked.id(),
        author: actor.id,
        original: masked.sealed_original().clone(),
        masked: masked.sealed_masked().clone(),
    };
    Step { draft, effects: vec![Effect::NewNote(note)] }
}

/// A reader's rendering of one stored note.
pub(super) fn shown_note(
    sealer: &SharedSealer,
    row: &NoteRow,
    view: View,
    active: Option<&Policy>,
) -> Result<Note, Refusal> {
    let NoteRow { id, index, time, author, policy, .. } = *row;
    let opened = open(sealer, id, &row.masked)?;
    let read = Message::<Recorded, Internal>::read_back(id, time, index, Some(author), opened, row.committed);
    let spans = explained(read.shown_spans(view), policy, active);
    Ok(Note { id, index, time, author, text: read.render(view), spans, policy })
}
