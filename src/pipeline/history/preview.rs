//! Previews: a draft is run over messages that are held, and says what it would mask otherwise.
//!
//! That it is run is recorded first, with the draft's digest and how far it looks. It runs one at a time, its result is kept for
//! an hour for whoever asked, in memory only, and no preview survives a restart. What a draft allows beyond the policy in force
//! is not tried: by what is masked no more one could else find out which of many values somebody wrote.

use std::sync::{Mutex, MutexGuard, PoisonError};

use super::compare::Comparison;
use super::report::MaskingReport;
use super::runnable;
use crate::domain::access::Action;
use crate::domain::event::{self, HistoryEvent, PreviewScope};
use crate::limits::{HISTORY_TURN_ENTRIES, PREVIEW_KEPT_S, PREVIEW_MESSAGES_MAX, PREVIEWS_AN_HOUR_MAX, PREVIEWS_MAX};
use crate::pipeline::in_force::TrialTokens;
use crate::pipeline::{Activation, Refusal, Staff, Tenant};
use crate::ports::random_bytes;
use crate::units::{AccountId, ConversationId, EntryIndex, Hash, MICROS_PER_SECOND, RunId, SubjectId, Timestamp};

const PREVIEW: Refusal = Refusal::NotFound { what: "preview" };
const LAST_EXPECTED: &str = "1 to 100000 messages";
const RANGE_EXPECTED: &str = "an instant before `to`";
const HOUR_S: u64 = 3_600;

/// A preview that is asked for.
pub struct NewPreview {
    /// The draft.
    pub source: String,
    /// What it is run over.
    pub scope: PreviewScope,
}

/// How far a preview is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PreviewState {
    /// It waits for those before it, or runs.
    Running {
        /// Entries of the log that were looked at.
        done: u64,
        /// Entries of the log that are to be.
        all: u64,
    },
    /// Everything was looked at.
    Done {
        /// When it is taken away.
        until: Timestamp,
    },
    /// Whoever asked ended it; what had been found stays until then.
    Cancelled {
        /// When it is taken away.
        until: Timestamp,
    },
    /// It broke off.
    Failed(Refusal),
}

/// A preview as whoever asked for it sees it.
#[derive(Clone, Debug)]
pub struct Preview {
    /// Its id.
    pub id: RunId,
    /// Digest of the draft.
    pub digest: Hash,
    /// Digest of what was in force.
    pub against: Hash,
    /// What it is run over.
    pub scope: PreviewScope,
    /// When it was begun.
    pub begun: Timestamp,
    /// Public values of the draft that are not tried.
    pub untried: usize,
    /// How far it is.
    pub state: PreviewState,
    /// What came of it so far.
    pub report: MaskingReport,
}

struct Kept {
    by: AccountId,
    preview: Preview,
    /// What is to be looked at, and how far that is; nobody has it while a turn does.
    work: Option<Comparison>,
    from: EntryIndex,
    until: EntryIndex,
}

/// A tenant's previews, those asked for first at the front.
#[derive(Default)]
pub(in crate::pipeline) struct Previews {
    kept: Mutex<Vec<Kept>>,
    /// When the last ones were begun.
    begun: Mutex<Vec<Timestamp>>,
}

impl Previews {
    fn kept(&self) -> MutexGuard<'_, Vec<Kept>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts one more against what an hour allows; how long to wait otherwise.
    fn count(&self, now: Timestamp) -> Result<(), Refusal> {
        let mut begun = self.begun.lock().unwrap_or_else(PoisonError::into_inner);
        let hour = i64::try_from(HOUR_S).unwrap_or(i64::MAX) * MICROS_PER_SECOND;
        begun.retain(|time| now.as_micros() - time.as_micros() < hour);
        if let Some(first) = begun.first().filter(|_| begun.len() >= PREVIEWS_AN_HOUR_MAX) {
            let left = hour - (now.as_micros() - first.as_micros());
            return Err(Refusal::Throttled { retry_after_s: u64::try_from(left / MICROS_PER_SECOND).unwrap_or(0) + 1 });
        }
        begun.push(now);
        Ok(())
    }

    fn is_full(&self, now: Timestamp) -> bool {
        let mut kept = self.kept();
        kept.retain(|one| !one.preview.is_over(now));
        if kept.len() >= PREVIEWS_MAX
            && let Some(place) = kept.iter().position(|one| !one.preview.is_running())
        {
            kept.remove(place);
        }
        kept.len() >= PREVIEWS_MAX
    }

    /// Forgets what is shown of somebody.
    pub(in crate::pipeline) fn forget(&self, subject: SubjectId) {
        for one in &mut *self.kept() {
            one.preview.report.forget(subject);
            if let Some(work) = &mut one.work {
                work.report.forget(subject);
            }
        }
    }

    /// Ends all of them: another server goes on.
    pub(in crate::pipeline) fn stand_down(&self) {
        self.kept().clear();
    }
}

impl Preview {
    fn is_running(&self) -> bool {
        matches!(self.state, PreviewState::Running { .. })
    }

    fn is_over(&self, now: Timestamp) -> bool {
        match self.state {
            PreviewState::Running { .. } => false,
            PreviewState::Done { until } | PreviewState::Cancelled { until } => until <= now,
            PreviewState::Failed(_) => self.begun.as_micros() + PREVIEW_KEPT_S * MICROS_PER_SECOND <= now.as_micros(),
        }
    }
}

impl Tenant {
    /// Begins to run a draft over messages that are held: records that, and gives what can be asked for by its id.
    ///
    /// # Errors
    /// [`Activation::Policy`] when it is no policy that passes its tests; [`Refusal::Invalid`] for a scope out of bounds or while
    /// too many are kept; [`Refusal::Throttled`] after too many within an hour; [`Refusal::Forbidden`].
    pub async fn preview_policy(&self, staff: &Staff, new: NewPreview) -> Result<Preview, Activation> {
        staff.may(Action::ProposePolicies)?;
        let active = self.policy().ok_or(Refusal::NoPolicy)?;
        let draft = runnable(&new.source)?;
        let (from, until, only) = self.scope(new.scope).await?;
        let now = self.ports.clock.now();
        if self.previews.is_full(now) {
            return Err(Refusal::Invalid { field: "previews", expected: "at most 8: end one" }.into());
        }
        self.previews.count(now)?;
        let (digest, against) = (Hash(draft.digest()), Hash(active.digest()));
        let (id, source) = (self.new_run(), event::Activation::text_digest(&new.source));
        let event = HistoryEvent::Previewed { preview: id, digest, source, against, scope: new.scope };
        self.record_run(staff.actor(), event, None).await?;
        let tokens = TrialTokens(random_bytes(&*self.ports.random));
        let work = Comparison::new((active, draft), tokens, from, only);
        let preview = Preview {
            id,
            digest,
            against,
            scope: new.scope,
            begun: now,
            untried: work.untried,
            state: PreviewState::Running { done: 0, all: until.0.saturating_sub(from.0) },
            report: MaskingReport::default(),
        };
        let kept = Kept { by: staff.account, preview: preview.clone(), work: Some(work), from, until };
        self.previews.kept().push(kept);
        self.history_begins.notify_one();
        Ok(preview)
    }

    /// The previews of whoever asks, those begun first at the front.
    ///
    /// # Errors
    /// [`Refusal::Forbidden`].
    pub fn previews(&self, staff: &Staff) -> Result<Vec<Preview>, Refusal> {
        staff.may(Action::ProposePolicies)?;
        let now = self.ports.clock.now();
        let kept = self.previews.kept();
        let own = kept.iter().filter(|one| one.by == staff.account && !one.preview.is_over(now));
        Ok(own.map(|one| one.preview.clone()).collect())
    }

    /// One preview of whoever asks.
    ///
    /// # Errors
    /// [`Refusal::NotFound`], [`Refusal::Forbidden`].
    pub fn preview(&self, staff: &Staff, id: RunId) -> Result<Preview, Refusal> {
        self.previews(staff)?.into_iter().find(|preview| preview.id == id).ok_or(PREVIEW)
    }

    /// Ends a preview of whoever asks, or takes away one that is over.
    ///
    /// # Errors
    /// As [`Tenant::preview`].
    pub fn end_preview(&self, staff: &Staff, id: RunId) -> Result<(), Refusal> {
        self.preview(staff, id)?;
        let until = self.kept_until();
        let mut kept = self.previews.kept();
        let place = kept.iter().position(|one| one.preview.id == id).ok_or(PREVIEW)?;
        match kept.get_mut(place).filter(|one| one.preview.is_running()) {
            Some(one) => (one.preview.state, one.work) = (PreviewState::Cancelled { until }, None),
            None => drop(kept.remove(place)),
        }
        Ok(())
    }

    fn kept_until(&self) -> Timestamp {
        Timestamp::from_micros(self.ports.clock.now().as_micros() + PREVIEW_KEPT_S * MICROS_PER_SECOND)
    }

    /// What part of the log a scope is, and whether it is one conversation's.
    async fn scope(&self, scope: PreviewScope) -> Result<(EntryIndex, EntryIndex, Option<ConversationId>), Refusal> {
        let size = self.head().ok_or(Refusal::Unavailable)?.size.0;
        let bad = |field, expected| Refusal::Invalid { field, expected };
        match scope {
            PreviewScope::Conversation(id) => {
                let missing = Refusal::NotFound { what: "conversation" };
                let row = self.ports.store.conversation(id).await?.ok_or(missing)?;
                Ok((row.opened, EntryIndex(size), Some(id)))
            }
            PreviewScope::Last(messages) if (1..=PREVIEW_MESSAGES_MAX).contains(&messages) => {
                Ok((self.last(u64::from(messages), size).await?, EntryIndex(size), None))
            }
            PreviewScope::Last(_) => Err(bad("last", LAST_EXPECTED)),
            PreviewScope::Range(from, to) if from < to => {
                Ok((self.first_since(from, size).await?, self.first_since(to, size).await?, None))
            }
            PreviewScope::Range(..) => Err(bad("from", RANGE_EXPECTED)),
        }
    }

    /// The entry of the oldest of so many newest messages and notes.
    async fn last(&self, mut messages: u64, size: u64) -> Result<EntryIndex, Refusal> {
        let mut end = size;
        while end > 0 {
            let from = end.saturating_sub(u64::from(HISTORY_TURN_ENTRIES));
            let entries = self.read(EntryIndex(from), u32::try_from(end - from).unwrap_or(u32::MAX)).await?;
            for entry in entries.iter().rev().filter(|entry| super::place(entry).is_some()) {
                messages -= 1;
                if messages == 0 {
                    return Ok(entry.seq);
                }
            }
            end = from;
        }
        Ok(EntryIndex(0))
    }

    /// One turn of the first preview that runs; whether there is more to do.
    pub(super) async fn preview_turn(&self) -> bool {
        let taken = self.previews.kept().iter_mut().find_map(|one| {
            let work = one.work.take()?;
            Some((one.preview.id, work, one.until))
        });
        let Some((id, work, until)) = taken else { return false };
        let turn = work.go_on(self, until).await;
        let shown = turn.as_ref().map(|work| work.report.shown()).unwrap_or_default();
        self.turn_ends(id, turn);
        self.forget_erased(shown).await;
        true
    }

    fn turn_ends(&self, id: RunId, turn: Result<Comparison, Refusal>) {
        let end = self.kept_until();
        let mut kept = self.previews.kept();
        // Ended, or taken away, meanwhile: what this turn found is found by nobody.
        let Some(one) = kept.iter_mut().find(|one| one.preview.id == id && one.preview.is_running()) else { return };
        match turn {
            Ok(work) => {
                one.preview.report = work.report.clone();
                let (done, all) = (work.cursor.0 - one.from.0, one.until.0 - one.from.0);
                one.preview.state = PreviewState::Running { done, all };
                if work.cursor >= one.until {
                    one.preview.state = PreviewState::Done { until: end };
                } else {
                    one.work = Some(work);
                }
            }
            Err(refusal) => one.preview.state = PreviewState::Failed(refusal),
        }
    }
}
