//! History that is masked again: what was recorded before the policy in force, under that policy, where it hides more.
//!
//! Nothing is ever shown that was not. Each text that changes is a `message.remasked/1` of its own, as for a number that was
//! told over several messages (ADR 0041), so that screens, receipts and whoever verifies know it already. A text that is masked
//! as the policy would have it is left alone, so that going over it twice changes nothing; where the run is in the log is noted
//! with what it changed. Whoever is erased is skipped.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use tokio::sync::Mutex as AsyncMutex;

use super::{Page, RunView, Text, is_forgotten};
use crate::domain::access::Action;
use crate::domain::event::{HistoryEvent, Role, RunEnd};
use crate::domain::history::mask_again;
use crate::domain::masking::{Policy, Tail, Tokens};
use crate::domain::message::{MaskedAgain, Salt, Salts, Sealer};
use crate::domain::record::{Actor, AmendmentState, Effect, Proposal, RunChange, RunKind, RunStep, Step};
use crate::limits::{AMENDMENTS_MAX, BATCH_ENTRIES_MAX, HISTORY_EARLIER_TEXTS_MAX, HISTORY_WARM_ENTRIES};
use crate::pipeline::ledger::aside;
use crate::pipeline::tails::remasked;
use crate::pipeline::{Refusal, Staff, Tenant};
use crate::ports::{HeldText, RunRow, TextPlace, random_bytes};
use crate::units::{EntryIndex, Hash, MessageId, RunId, SERVER_ACTOR, SubjectId, Timestamp};

const REMASKING: Refusal = Refusal::NotFound { what: "remasking" };

/// What a run remembers of somebody between two turns.
#[derive(Clone)]
struct Person {
    tail: Tail,
    last: Timestamp,
    /// Where their newest texts are.
    earlier: VecDeque<TextPlace>,
}

impl Person {
    fn new(at: Timestamp) -> Self {
        Self { tail: Tail::empty(), last: at, earlier: VecDeque::new() }
    }
}

/// How far the run is that is under way.
struct Under {
    run: RunId,
    cursor: EntryIndex,
    people: HashMap<SubjectId, Person>,
}

/// A tenant's run, under a lock that whoever ends it takes as well: what ended masks nothing afterwards.
#[derive(Default)]
pub(in crate::pipeline) struct Remasking(AsyncMutex<Option<Under>>);

impl Remasking {
    /// Forgets how far it is: another server may go on.
    pub(in crate::pipeline) fn stand_down(&self) {
        if let Ok(mut under) = self.0.try_lock() {
            *under = None;
        }
    }
}

/// What one look at a person's texts came to.
type Looked = (Tail, Vec<(MessageId, MaskedAgain)>);

impl Tenant {
    /// Begins to mask again what was recorded before, by the policy in force.
    ///
    /// # Errors
    /// [`Refusal::Unreviewed`] when one person brought the policy into force and nobody looked at it: what is masked is so for
    /// good. [`Refusal::Conflict`] while a run is under way; [`Refusal::NoPolicy`], [`Refusal::Forbidden`].
    pub async fn begin_remasking(&self, staff: &Staff) -> Result<RunView, Refusal> {
        staff.may(Action::ProposePolicies)?;
        let digest = Hash(self.policy().ok_or(Refusal::NoPolicy)?.digest());
        let under = self.remasking.0.lock().await;
        if self.open_run(RunKind::Remasking).await?.is_some() {
            return Err(Refusal::Conflict);
        }
        let amendments = self.ports.amendments.amendments(AMENDMENTS_MAX).await?;
        let newest = amendments.iter().find(|row| row.digest == digest && row.state == AmendmentState::Activated);
        let was_alone = |by: EntryIndex, decided: EntryIndex| by == decided;
        if newest.is_some_and(|row| {
            row.reviewed.is_none() && row.decided.is_some_and(|act| was_alone(row.proposed.index, act.index))
        }) {
            return Err(Refusal::Unreviewed);
        }
        let id = self.new_run();
        let step = RunStep::Begun { kind: RunKind::Remasking, digest, source: None, until: None };
        let change = RunChange { id, by: staff.account, step };
        self.record_run(staff.actor(), HistoryEvent::RemaskingBegun { run: id, digest }, Some(change)).await?;
        drop(under);
        self.history_begins.notify_one();
        self.remasking(staff).await?.ok_or(REMASKING)
    }

    /// The newest run, if there has been one.
    ///
    /// # Errors
    /// [`Refusal::Forbidden`].
    pub async fn remasking(&self, staff: &Staff) -> Result<Option<RunView>, Refusal> {
        staff.may(Action::ReadPolicies)?;
        let row = self.ports.history.newest_run(RunKind::Remasking).await?;
        Ok(row.map(|row| {
            let all = row.begun.1.0;
            RunView { done: row.cursor.0.min(all), all, report: None, row }
        }))
    }

    /// Ends the run that is under way: what is masked stays masked, and nothing more is.
    ///
    /// # Errors
    /// [`Refusal::NotFound`] when there is none; [`Refusal::Forbidden`].
    pub async fn end_remasking(&self, staff: &Staff) -> Result<(), Refusal> {
        staff.may(Action::ProposePolicies)?;
        let mut under = self.remasking.0.lock().await;
        let row = self.open_run(RunKind::Remasking).await?.ok_or(REMASKING)?;
        *under = None;
        self.remasking_ends(&row, staff.actor(), RunEnd::Cancelled).await
    }

    async fn remasking_ends(&self, row: &RunRow, actor: Actor, end: RunEnd) -> Result<(), Refusal> {
        let event = HistoryEvent::RemaskingEnded { run: row.id, digest: row.digest, masked: row.masked, end };
        let change = RunChange { id: row.id, by: actor.id, step: RunStep::Ended { end } };
        self.record_run(actor, event, Some(change)).await
    }

    pub(super) async fn open_run(&self, kind: RunKind) -> Result<Option<RunRow>, Refusal> {
        Ok(self.ports.history.newest_run(kind).await?.filter(|row| row.ended.is_none()))
    }

    /// One turn of the run that is under way; whether there is more to do.
    pub(super) async fn remasking_turn(self: &Arc<Self>) -> Result<bool, Refusal> {
        let mut slot = self.remasking.0.lock().await;
        let (Some(row), Some(policy)) = (self.open_run(RunKind::Remasking).await?, self.policy()) else {
            *slot = None;
            return Ok(false);
        };
        let server = Actor { id: SERVER_ACTOR, role: Role::Server };
        if Hash(policy.digest()) != row.digest {
            *slot = None;
            self.remasking_ends(&row, server, RunEnd::Overtaken).await?;
            return Ok(true);
        }
        let known = slot.take().filter(|under| under.run == row.id);
        // What a person said just before where an earlier server stopped is heard once more.
        let warm = EntryIndex(row.cursor.0.saturating_sub(HISTORY_WARM_ENTRIES));
        let mut under = known.unwrap_or_else(|| Under { run: row.id, cursor: warm, people: HashMap::new() });
        let until = row.begun.1;
        if under.cursor >= until {
            self.remasking_ends(&row, server, RunEnd::Done).await?;
            return Ok(true);
        }
        self.mask_page(&mut under, until, &policy).await?;
        *slot = Some(under);
        Ok(true)
    }

    /// Masks the next part of the log again, person by person.
    async fn mask_page(&self, under: &mut Under, until: EntryIndex, policy: &Arc<Policy>) -> Result<(), Refusal> {
        let Page { places, next, time } = self.page((under.cursor, until), None).await?;
        let mut by_person: HashMap<SubjectId, Vec<TextPlace>> = HashMap::new();
        for (subject, place) in places {
            by_person.entry(subject).or_default().push(place);
        }
        for (subject, places) in by_person {
            let known = under.people.get(&subject).cloned();
            let known = known.unwrap_or_else(|| Person::new(Timestamp::from_micros(0)));
            let person = self.mask_person((under.run, under.cursor), (subject, known), &places, policy).await?;
            under.people.insert(subject, person);
        }
        self.ports.history.remember(under.run, next).await?;
        under.cursor = next;
        if let Some(now) = time {
            under.people.retain(|_, person| !is_forgotten(person.last, now));
        }
        Ok(())
    }

    /// Masks a person's next texts again.
    async fn mask_person(
        &self,
        at: (RunId, EntryIndex),
        (subject, mut person): (SubjectId, Person),
        places: &[TextPlace],
        policy: &Arc<Policy>,
    ) -> Result<Person, Refusal> {
        let earlier: Vec<TextPlace> = person.earlier.iter().copied().collect();
        let (mut tail, mut changed) = self.look(&earlier, places, (policy, &person.tail)).await?;
        if !changed.is_empty() {
            // What the person says meanwhile may tell of the same texts: both wait for the person's turn, and what is there by
            // then is looked at once more.
            let _turn = self.tails.slot(subject).lock_owned().await;
            (tail, changed) = self.look(&earlier, places, (policy, &person.tail)).await?;
            self.record_masked(at, subject, [&earlier[..], places].concat(), changed).await?;
        }
        person.tail = tail;
        person.earlier.extend(places);
        let surplus = person.earlier.len().saturating_sub(HISTORY_EARLIER_TEXTS_MAX);
        person.earlier.drain(..surplus);
        if let Some(newest) = self.ports.history.texts(places.last().map_or(&[], std::slice::from_ref)).await?.pop() {
            person.last = newest.row.time;
        }
        Ok(person)
    }

    /// What becomes of some texts, and what is known of the person after them.
    async fn look(
        &self,
        earlier: &[TextPlace],
        places: &[TextPlace],
        (policy, tail): (&Arc<Policy>, &Tail),
    ) -> Result<Looked, Refusal> {
        let texts = self.texts_at(&[earlier, places].concat()).await?;
        let first = places.first().map_or(EntryIndex(0), |place| place.index);
        let (policy, mut tail) = (Arc::clone(policy), tail.clone());
        let (vault, random) = (Arc::clone(&self.ports.vault), Arc::clone(&self.ports.random));
        let salts = move || {
            let salt = || Salt::from_random(random_bytes(&*random));
            Salts { sealed: salt(), masked: salt() }
        };
        aside(move || {
            let Some(sealer) = texts.iter().find_map(|text| text.sealer.clone()) else {
                return Ok((tail, Vec::new()));
            };
            let split = texts.partition_point(|text| text.held.row.index < first);
            let (before, after) = texts.split_at(split);
            let before: Vec<_> = before.iter().map(Text::stored).collect();
            let after: Vec<_> = after.iter().map(Text::stored).collect();
            let keys: (&dyn Sealer, &dyn Tokens) = (&*sealer, vault.tokens());
            let changed = mask_again((&before, &after), (&policy, &mut tail), keys, salts);
            changed.map(|changed| (tail, changed)).map_err(|_| Refusal::Unavailable)
        })
        .await?
    }

    /// Records what becomes of a person's texts, with how far the run is.
    async fn record_masked(
        &self,
        (run, cursor): (RunId, EntryIndex),
        subject: SubjectId,
        places: Vec<TextPlace>,
        changed: Vec<(MessageId, MaskedAgain)>,
    ) -> Result<(), Refusal> {
        let mut rows: HashMap<MessageId, HeldText> =
            self.ports.history.texts(&places).await?.into_iter().map(|text| (text.row.id, text)).collect();
        let steps = changed.into_iter().filter_map(|(id, again)| {
            let (draft, effect) = remasked(rows.remove(&id)?.row, subject, again);
            Some(Step { draft, effects: vec![effect] })
        });
        let mut steps: Vec<Step> = steps.collect();
        while !steps.is_empty() {
            let rest = steps.split_off(steps.len().min(BATCH_ENTRIES_MAX / 2));
            let masked = steps.len() as u64;
            let step = RunStep::Advanced { cursor, masked };
            let change = RunChange { id: run, by: SERVER_ACTOR, step };
            if let Some(first) = steps.first_mut() {
                first.effects.push(Effect::Run(Box::new(change)));
            }
            self.record(Proposal { primary: 0, steps, dedup: None }).await?;
            steps = rest;
        }
        Ok(())
    }
}
