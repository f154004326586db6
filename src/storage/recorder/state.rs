//! The head that the next batch goes on from, and the overlay: what the database will hold once batches in flight commit.
//!
//! Everything here is speculative until a commit succeeds; after a failure the writer throws it away and reads again.

use std::collections::HashMap;
use std::sync::Arc;

use lww_audit::entry::{self, Chain, ChainLink, ChainPrev, Entry, Kind};
use lww_audit::error::Link;
use lww_audit::merkle::leaf_hash;
use lww_audit::seal::LAG_ENTRIES_MAX;

use super::super::head::{Head, LogName};
use super::EntryBytes;
use crate::domain::event::Event;
use crate::domain::record::{Actor, Aggregate, Draft, Effect, NewConversation, NewIdentity, Step};
use crate::ports::{Activates, RecordError};
use crate::units::{ConversationKey, EntryIndex, Hash, Origin, SubjectId, Timestamp, Version};

/// The end of a chain within the log: of one conversation or one subject.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Tip {
    pub(super) n: u64,
    pub(super) seq: EntryIndex,
    pub(super) leaf: Hash,
}

/// What batches in flight have changed, and what was read for them.
#[derive(Default)]
pub(super) struct Overlay {
    /// `None` value: looked for and not there.
    pub(super) versions: HashMap<Aggregate, Option<Version>>,
    pub(super) conversations: HashMap<ConversationKey, Option<Tip>>,
    pub(super) subjects: HashMap<SubjectId, Option<Tip>>,
    pub(super) dedup: HashMap<[u8; 16], Option<(EntryIndex, [u8; 16])>>,
}

impl Overlay {
    /// Number of things held.
    pub(super) fn len(&self) -> usize {
        self.versions.len() + self.conversations.len() + self.subjects.len() + self.dedup.len()
    }
}

/// The speculative end of the log.
#[derive(Clone)]
pub(super) struct Chained {
    pub(super) head: Head,
    /// Whether a step back of the clock was recorded and is not over yet.
    pub(super) stepped_back: bool,
}

/// An entry that has its place.
#[derive(Clone)]
pub(super) struct LinkedEntry {
    pub(super) index: EntryIndex,
    pub(super) time: Timestamp,
    pub(super) leaf: Hash,
    pub(super) bytes: EntryBytes,
    /// What it brings into force.
    pub(super) activates: Option<Activates>,
}

/// Tells who may write what, where, for linking.
pub(super) struct LinkContext {
    pub(super) origin: Origin,
    pub(super) log: LogName,
}

/// Time may fall back by this much, in microseconds, without being an event.
const STEP_BACK_US: i64 = 1_000_000;

impl Chained {
    /// The entry time for `now`: never before the last one.
    fn entry_time(&self, now: Timestamp) -> Timestamp {
        now.max(self.head.last_time)
    }

    /// How far the clock fell back, the first time that it is noticed.
    pub(super) fn step_back(&mut self, now: Timestamp) -> Option<Event> {
        let by_us = self.head.last_time.as_micros() - now.as_micros();
        if by_us <= 0 {
            self.stepped_back = false;
        }
        if by_us <= STEP_BACK_US || self.stepped_back {
            return None;
        }
        self.stepped_back = true;
        Some(Event::ClockSteppedBack { by_ms: by_us / 1_000 })
    }

    /// Gives a draft its place: index, time, chains and link; moves the head.
    ///
    /// # Errors
    /// [`RecordError::Entry`] when the entry can't be written; nothing moved then.
    pub(super) fn link(
        &mut self,
        context: &LinkContext,
        overlay: &mut Overlay,
        draft: &Draft,
        now: Timestamp,
    ) -> Result<LinkedEntry, RecordError> {
        let index = EntryIndex(self.head.size().0);
        seals(&draft.event, index)?;
        let time = self.entry_time(now);
        let entry = self.entry(context, overlay, draft, index, time)?;
        let bytes = entry.to_bytes().map_err(refused)?;
        let leaf = leaf_hash(&bytes);
        self.head.frontier.push(leaf);
        self.head.last_leaf = leaf;
        self.head.last_time = time;
        move_tips(overlay, draft, index, leaf);
        let activates = Activates::of(&entry);
        Ok(LinkedEntry { index, time, leaf, bytes: bytes.into(), activates })
    }

    fn entry(
        &self,
        context: &LinkContext,
        overlay: &Overlay,
        draft: &Draft,
        index: EntryIndex,
        time: Timestamp,
    ) -> Result<Entry, RecordError> {
        let Actor { id, role } = draft.actor;
        Ok(Entry {
            log: context.origin.clone(),
            seq: index,
            time,
            kind: Kind::new(draft.event.kind()).map_err(refused)?,
            actor: entry::Actor { id: id.0, role: entry::Role::new(role.word()).map_err(refused)? },
            tenant: context.log.tenant_name.clone(),
            conversation: draft.conversation.map(|conversation| conversation.public.0),
            channel: draft.channel.as_ref().map(ToString::to_string),
            subject: draft.subject.map(|subject| subject.0),
            policy: draft.policy.clone(),
            content: draft.content.clone(),
            chains: chains(overlay, draft),
            detail: draft.event.detail(),
            prev: self.head.last_leaf,
        })
    }
}

/// Refuses a seal that came too late for its place: whoever checks the log would take it for a lie.
fn seals(event: &Event, index: EntryIndex) -> Result<(), RecordError> {
    let Event::ChainsSealed(seal) = event else { return Ok(()) };
    let oldest = index.0.saturating_sub(LAG_ENTRIES_MAX);
    if (oldest..=index.0).contains(&seal.upto.0) {
        return Ok(());
    }
    let (expected, got) = (format!("{oldest} to {index}"), seal.upto.to_string());
    Err(refused(lww_audit::Error::ChainBreak { index, link: Link::SealedUpto, expected, got }))
}

fn chains(overlay: &Overlay, draft: &Draft) -> Vec<ChainLink> {
    let conversation = draft.conversation.map(|conversation| {
        link_after(Chain::Conversation, overlay.conversations.get(&conversation.key).copied().flatten())
    });
    let subject =
        draft.subject.map(|subject| link_after(Chain::Subject, overlay.subjects.get(&subject).copied().flatten()));
    conversation.into_iter().chain(subject).collect()
}

fn link_after(of: Chain, tip: Option<Tip>) -> ChainLink {
    match tip {
        Some(tip) => ChainLink { of, n: tip.n + 1, prev: Some(ChainPrev { seq: tip.seq, leaf: tip.leaf }) },
        None => ChainLink { of, n: 0, prev: None },
    }
}

fn move_tips(overlay: &mut Overlay, draft: &Draft, seq: EntryIndex, leaf: Hash) {
    let after = |tip: Option<Tip>| Some(Tip { n: tip.map_or(0, |tip| tip.n + 1), seq, leaf });
    if let Some(conversation) = draft.conversation {
        let tip = overlay.conversations.entry(conversation.key).or_default();
        *tip = after(*tip);
    }
    if let Some(subject) = draft.subject {
        let tip = overlay.subjects.entry(subject).or_default();
        *tip = after(*tip);
    }
}

fn refused(error: lww_audit::Error) -> RecordError {
    RecordError::Entry(Arc::new(error))
}

/// The aggregates that effects change, with the version that each was decided on; `None`: it must be new.
pub(super) fn expectations(effects: &[Effect]) -> impl Iterator<Item = (Aggregate, Option<Version>)> + '_ {
    effects.iter().filter_map(|effect| match effect {
        Effect::NewConversation(new) => Some((Aggregate::Conversation(new.conversation.key), None)),
        Effect::Conversation(change) => Some((Aggregate::Conversation(change.conversation), Some(change.expected))),
        Effect::Reply(change) => Some((Aggregate::Reply(change.id), change.expected)),
        Effect::Agent(change) => Some((Aggregate::Agent(change.agent), Some(change.expected))),
        Effect::NewAccount(new) => Some((Aggregate::Account(new.id), None)),
        Effect::Password(change) => Some((Aggregate::Account(change.account), Some(change.expected))),
        Effect::Policy(change) => Some((Aggregate::Settings, Some(change.expected))),
        Effect::Account(change) => Some((Aggregate::Account(change.account), Some(change.expected))),
        Effect::Erasure(change) => Some((Aggregate::Erasure(change.id), change.expected)),
        Effect::Hold(change) => Some((Aggregate::Hold(change.id), change.expected)),
        Effect::Subject(change) => Some((Aggregate::Subject(change.subject), Some(change.expected))),
        Effect::Amendment(change) => Some((Aggregate::Amendment(change.id), change.expected)),
        Effect::Report(change) => Some((Aggregate::Report(change.id), change.expected)),
        Effect::Unmasking(change) => Some((Aggregate::Unmasking(change.id), change.expected)),
        Effect::Run(change) => change.expected().map(|expected| (Aggregate::Run(change.id), expected)),
        Effect::Draft(change) => Some((Aggregate::Draft(change.id), change.expected)),
        Effect::NewSubject(_)
        | Effect::Identity(_)
        | Effect::NewMessage(_)
        | Effect::NewNote(_)
        | Effect::Remasked(_)
        | Effect::Epoch(_)
        | Effect::Route(_) => None,
    })
}

/// The people of a step who must be there already for its effects to make sense: whoever is erased gets no new conversation
/// and no further identity.
pub(super) fn presupposed(step: &Step) -> impl Iterator<Item = SubjectId> + '_ {
    let is_new =
        |subject| step.effects.iter().any(|effect| matches!(effect, Effect::NewSubject(new) if new.id == subject));
    step.effects.iter().filter_map(move |effect| match effect {
        Effect::NewConversation(NewConversation { subject, .. }) | Effect::Identity(NewIdentity { subject, .. }) => {
            (!is_new(*subject)).then_some(*subject)
        }
        Effect::NewSubject(_)
        | Effect::NewMessage(_)
        | Effect::Remasked(_)
        | Effect::Conversation(_)
        | Effect::Route(_)
        | Effect::NewNote(_)
        | Effect::Reply(_)
        | Effect::Agent(_)
        | Effect::NewAccount(_)
        | Effect::Password(_)
        | Effect::Policy(_)
        | Effect::Account(_)
        | Effect::Erasure(_)
        | Effect::Hold(_)
        | Effect::Subject(_)
        | Effect::Epoch(_)
        | Effect::Amendment(_)
        | Effect::Report(_)
        | Effect::Unmasking(_)
        | Effect::Run(_)
        | Effect::Draft(_) => None,
    })
}

#[cfg(test)]
mod tests {
    use lww_audit::merkle::empty_root;
    use lww_audit::seal::Seal;

    use super::*;
    use crate::units::TreeSize;

    #[test]
    fn a_seal_of_what_is_not_there_or_lies_too_far_back_is_refused() {
        let seals = |upto| {
            let seal = Seal { chains: 0, root: empty_root(), upto: TreeSize(upto) };
            seals(&Event::ChainsSealed(seal), EntryIndex(70_000))
        };
        for upto in [70_000 - LAG_ENTRIES_MAX, 69_999, 70_000] {
            assert!(seals(upto).is_ok(), "{upto}");
        }
        for upto in [0, 70_000 - LAG_ENTRIES_MAX - 1, 70_001] {
            assert!(matches!(seals(upto), Err(RecordError::Entry(_))), "{upto}");
        }
        assert!(super::seals(&Event::ServerStopped, EntryIndex(70_000)).is_ok());
    }
}
