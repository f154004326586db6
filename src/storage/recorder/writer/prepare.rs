//! Decides on a batch of requests against the overlay, links it, and gathers the columns to be written.

use std::collections::HashMap;
use std::hash::Hash;

use super::super::Request;
use super::super::commit::Transaction;
use super::super::load::load;
use super::super::rows::{Rows, TipColumns};
use super::super::sign::Answer;
use super::super::state::{LinkedEntry, Overlay, Tip, expectations, presupposed};
use super::{Prepared, Writer};
use crate::domain::event::Role;
use crate::domain::record::{Actor, Aggregate, Draft, Effect, Proposal, SubjectChange, SubjectEnd};
use crate::ports::RecordError;
use crate::storage::head::Head;
use crate::units::{ConversationKey, SERVER_ACTOR, SubjectId, Timestamp, Version};

impl Writer {
    /// Links a batch to the speculative head. `None`: the database could not be read; the requests are in the backlog.
    pub(super) async fn prepare(&mut self, requests: Vec<Request>) -> Option<Prepared> {
        if load(&self.read, self.parts.context.log.tenant, &mut self.overlay, &requests).await.is_err() {
            self.backlog.extend(requests);
            return None;
        }
        let now = self.parts.clock.now();
        let before = self.chained.head.clone();
        let mut batch = Batch { entries: Vec::new(), rows: Rows::default() };
        if let Some(event) = self.chained.step_back(now) {
            let draft = Draft::of(event, Actor { id: SERVER_ACTOR, role: Role::Server });
            // The server's own entry is short and touches nothing; were it refused, the next batch would try again.
            let linked = self.chained.link(&self.parts.context, &mut self.overlay, &draft, now);
            batch.entries.extend(linked.ok());
        }
        let mut waiters = Vec::with_capacity(requests.len());
        let mut proposals = Vec::with_capacity(requests.len());
        for Request { proposal, answer } in requests {
            let told = self.take_in(&proposal, &mut batch, now);
            waiters.push((answer, told));
            proposals.push(proposal);
        }
        let transaction = (!batch.entries.is_empty()).then(|| self.transaction(before, batch));
        Some(Prepared { requests: proposals, waiters, transaction })
    }

    fn transaction(&self, before: Head, batch: Batch) -> Transaction {
        let Batch { entries, rows } = batch;
        let inserts = rows.inserts.iter().map(|row| (row.new.conversation.key, row.new.subject));
        let updates = rows.updates.iter().map(|row| (row.key, row.subject));
        let (insert_tips, update_tips) =
            (TipColumns::of(&self.overlay, inserts), TipColumns::of(&self.overlay, updates));
        let tip = |subject: &SubjectId| Some((*subject, self.overlay.subjects.get(subject).copied().flatten()?));
        let subject_tips = rows.touched.iter().filter_map(tip).collect();
        Transaction {
            before,
            subject_tips,
            after: self.chained.head.clone(),
            entries,
            insert_tips,
            update_tips,
            channels: Vec::new(),
            rows,
        }
    }

    /// Decides on one proposal against the overlay, and links it.
    fn take_in(&mut self, proposal: &Proposal, batch: &mut Batch, now: Timestamp) -> Answer {
        if let Some(guard) = proposal.dedup
            && let Some(Some((index, body))) = self.overlay.dedup.get(&guard.key)
        {
            return if *body == guard.body {
                Answer::Duplicate { index: *index }
            } else {
                Answer::Refused(RecordError::KeyReused { first: *index })
            };
        }
        if let Some(conflict) = conflict(&self.overlay, proposal) {
            return Answer::Refused(conflict);
        }
        let saved = (self.chained.clone(), Saved::of(&self.overlay, proposal));
        match self.link_all(proposal, now) {
            Ok(linked) => {
                let first = batch.entries.len();
                let count = linked.len();
                self.apply(proposal, &linked, batch, &saved.1);
                batch.entries.extend(linked);
                Answer::Recorded { first, count }
            }
            Err(error) => {
                self.chained = saved.0;
                saved.1.restore(&mut self.overlay);
                Answer::Refused(error)
            }
        }
    }

    fn link_all(&mut self, proposal: &Proposal, now: Timestamp) -> Result<Vec<LinkedEntry>, RecordError> {
        let mut linked = Vec::with_capacity(proposal.steps.len());
        for step in &proposal.steps {
            linked.push(self.chained.link(&self.parts.context, &mut self.overlay, &step.draft, now)?);
        }
        Ok(linked)
    }

    /// Puts the effects of a linked proposal into the batch's columns and the overlay.
    fn apply(&mut self, proposal: &Proposal, linked: &[LinkedEntry], batch: &mut Batch, saved: &Saved) {
        let time = self.chained.head.last_time;
        for (step, entry) in proposal.steps.iter().zip(linked) {
            // The row that begins a conversation must be there before it is touched.
            let (openings, others): (Vec<Effect>, Vec<Effect>) =
                step.effects.iter().cloned().partition(|effect| matches!(effect, Effect::NewConversation(_)));
            batch.rows.add(&openings, entry.index, time);
            if let (Some(conversation), Some(subject)) = (step.draft.conversation, step.draft.subject) {
                let version = saved.version(Aggregate::Conversation(conversation.key)).unwrap_or(Version::FIRST);
                batch.rows.touch(conversation.key, subject, version);
            } else if let (None, Some(subject)) = (step.draft.conversation, step.draft.subject) {
                batch.rows.touched.push(subject);
            }
            batch.rows.add(&others, entry.index, time);
            for (aggregate, expected) in expectations(&step.effects) {
                let next = expected.map_or(Version::FIRST, Version::next);
                self.overlay.versions.insert(aggregate, Some(next));
            }
            self.people(&step.effects);
        }
        if let (Some(guard), Some(entry)) = (proposal.dedup, linked.get(proposal.primary)) {
            batch.rows.dedup.push((guard, entry.index));
            self.overlay.dedup.insert(guard.key, Some((entry.index, guard.body)));
        }
    }
}

impl Writer {
    /// Notes who came to be and who is gone.
    fn people(&mut self, effects: &[Effect]) {
        for effect in effects {
            match effect {
                Effect::NewSubject(new) => {
                    self.overlay.versions.insert(Aggregate::Subject(new.id), Some(Version::FIRST));
                }
                Effect::Subject(SubjectChange {
                    subject, end: SubjectEnd::Erased | SubjectEnd::ErasedAgain, ..
                }) => {
                    self.overlay.versions.insert(Aggregate::Subject(*subject), None);
                }
                Effect::Subject(_)
                | Effect::NewConversation(_)
                | Effect::Identity(_)
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
                | Effect::Amendment(_)
                | Effect::Report(_)
                | Effect::Unmasking(_)
                | Effect::Run(_)
                | Effect::Draft(_)
                | Effect::Hold(_)
                | Effect::Epoch(_) => {}
            }
        }
    }
}

/// What a batch gathers.
struct Batch {
    entries: Vec<LinkedEntry>,
    rows: Rows,
}

/// What the overlay held for the things that a proposal touches.
struct Saved {
    versions: Vec<(Aggregate, Option<Option<Version>>)>,
    conversations: Vec<(ConversationKey, Option<Option<Tip>>)>,
    subjects: Vec<(SubjectId, Option<Option<Tip>>)>,
}

impl Saved {
    fn of(overlay: &Overlay, proposal: &Proposal) -> Self {
        let mut saved = Self { versions: Vec::new(), conversations: Vec::new(), subjects: Vec::new() };
        for step in &proposal.steps {
            if let Some(conversation) = step.draft.conversation {
                let aggregate = Aggregate::Conversation(conversation.key);
                saved.versions.push((aggregate, overlay.versions.get(&aggregate).copied()));
                saved.conversations.push((conversation.key, overlay.conversations.get(&conversation.key).copied()));
            }
            if let Some(subject) = step.draft.subject {
                saved.subjects.push((subject, overlay.subjects.get(&subject).copied()));
            }
        }
        saved
    }

    fn version(&self, aggregate: Aggregate) -> Option<Version> {
        self.versions.iter().find(|(known, _)| *known == aggregate).and_then(|(_, version)| version.flatten())
    }

    fn restore(self, overlay: &mut Overlay) {
        put(&mut overlay.conversations, self.conversations);
        put(&mut overlay.subjects, self.subjects);
        put(&mut overlay.versions, self.versions);
    }
}

fn put<K: Hash + Eq, V>(map: &mut HashMap<K, V>, saved: Vec<(K, Option<V>)>) {
    for (key, value) in saved.into_iter().rev() {
        match value {
            Some(value) => map.insert(key, value),
            None => map.remove(&key),
        };
    }
}

/// The first aggregate of a proposal that is not at the version it was decided on.
fn conflict(overlay: &Overlay, proposal: &Proposal) -> Option<RecordError> {
    let gone = |subject: &SubjectId| overlay.versions.get(&Aggregate::Subject(*subject)).copied().flatten().is_none();
    if let Some(subject) = proposal.steps.iter().flat_map(presupposed).find(gone) {
        let (aggregate, expected) = (Aggregate::Subject(subject), Version::FIRST);
        return Some(RecordError::Conflict { aggregate, expected, got: None });
    }
    let mut own: Vec<(Aggregate, Version)> = Vec::new();
    for (aggregate, expected) in proposal.steps.iter().flat_map(|step| expectations(&step.effects)) {
        let changed = own.iter().rev().find(|(known, _)| *known == aggregate).map(|(_, version)| *version);
        let got = changed.or_else(|| overlay.versions.get(&aggregate).copied().flatten());
        if got != expected {
            let expected = expected.unwrap_or(Version(0));
            return Some(RecordError::Conflict { aggregate, expected, got });
        }
        own.push((aggregate, expected.map_or(Version::FIRST, Version::next)));
    }
    None
}
