//! What followers are told of a batch: which conversations changed, and what was said, in the order of the log.

use std::sync::Arc;

use super::sign::{Answer, Waiter};
use super::state::LinkedEntry;
use crate::domain::event::Event;
use crate::domain::message::Committed;
use crate::domain::record::{Effect, NewMessage, NewNote, Proposal, Remasked, Step, Written};
use crate::ports::{Changed, Happening, MessageRow, NoteRow, Unmasked};
use crate::units::{EntryIndex, Hash, Timestamp};

/// A step that has its place in the log.
pub(super) struct Told {
    index: EntryIndex,
    time: Timestamp,
    step: Step,
}

/// The steps of a batch that were recorded.
pub(super) fn told(requests: Vec<Proposal>, waiters: &[Waiter], entries: &[LinkedEntry]) -> Vec<Told> {
    let mut told = Vec::with_capacity(entries.len());
    for (proposal, (_, answer)) in requests.into_iter().zip(waiters) {
        let Answer::Recorded { first, count } = answer else { continue };
        let linked = entries.get(*first..*first + *count).unwrap_or_default();
        let steps = proposal.steps.into_iter().zip(linked);
        told.extend(steps.map(|(step, entry)| Told { index: entry.index, time: entry.time, step }));
    }
    told
}

impl Told {
    /// What followers hear; `None` when the entry is not about a conversation.
    pub(super) fn happening(self, committed: Committed) -> Option<Happening> {
        let Self { index, time, step } = self;
        let (conversation, subject) = (step.draft.conversation?, step.draft.subject?);
        let policy = step.draft.policy.as_ref().map(|policy| policy.digest);
        let (mut change, mut message, mut note) = (None, None, None);
        for effect in step.effects {
            match effect {
                Effect::Conversation(new) => {
                    change = Some(Changed { state: new.state, agent: new.agent, marks: new.marks, wish: None });
                }
                Effect::NewMessage(new) => message = Some(Arc::new(row(new, (index, time), policy, committed))),
                Effect::NewNote(new) => {
                    let NewNote { id, author, masked, .. } = new;
                    let remasked = None;
                    note = Some(Arc::new(NoteRow { id, index, remasked, time, author, masked, policy, committed }));
                }
                Effect::Remasked(again) => match again.kind {
                    Written::Message { .. } => message = again_row(*again, index, policy, committed).map(Arc::new),
                    Written::Note => note = again_note(*again, index, policy, committed).map(Arc::new),
                },
                Effect::NewSubject(_)
                | Effect::Identity(_)
                | Effect::NewConversation(_)
                | Effect::Route(_)
                | Effect::Reply(_)
                | Effect::Agent(_)
                | Effect::Account(_)
                | Effect::NewAccount(_)
                | Effect::Password(_)
                | Effect::Policy(_)
                | Effect::Erasure(_)
                | Effect::Amendment(_)
                | Effect::Report(_)
                | Effect::Unmasking(_)
                | Effect::Run(_)
                | Effect::Draft(_)
                | Effect::Hold(_)
                | Effect::Subject(_)
                | Effect::Epoch(_) => {}
            }
        }
        if let Event::ConversationWished { wish } = step.draft.event
            && let Some(changed) = &mut change
        {
            changed.wish = Some(wish);
        }
        let viewed = if let Event::TranscriptViewed { until } | Event::TranscriptFollowed { until } = step.draft.event {
            until
        } else {
            None
        };
        let unmask =
            if let Event::Unmask(event) = &step.draft.event { Unmasked::of(event, step.draft.actor.id) } else { None };
        Some(Happening { index, time, conversation, subject, change, message, note, viewed, unmask })
    }
}

fn row(
    new: NewMessage,
    (index, time): (EntryIndex, Timestamp),
    policy: Option<Hash>,
    committed: Committed,
) -> MessageRow {
    let NewMessage { seq, id, direction, author, channel, masked, file, .. } = new;
    let (remasked, outbound, file) = (None, direction == 1, file.map(|file| file.info));
    MessageRow { id, seq, index, remasked, time, outbound, author, channel, masked, file, policy, committed }
}

/// A message as it is shown from the entry at `by` on.
fn again_row(again: Remasked, by: EntryIndex, policy: Option<Hash>, committed: Committed) -> Option<MessageRow> {
    let Remasked { of: index, id, time, kind, author, channel, masked, file, .. } = again;
    let Written::Message { seq, outbound } = kind else { return None };
    let remasked = Some(by);
    Some(MessageRow { id, seq, index, remasked, time, outbound, author, channel, masked, file, policy, committed })
}

/// A note as it is shown from the entry at `by` on.
fn again_note(again: Remasked, by: EntryIndex, policy: Option<Hash>, committed: Committed) -> Option<NoteRow> {
    let Remasked { of: index, id, time, author, masked, .. } = again;
    Some(NoteRow { id, index, remasked: Some(by), time, author: author?, masked, policy, committed })
}
