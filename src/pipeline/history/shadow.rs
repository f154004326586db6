//! A policy in shadow: it runs beside the one in force, on what is said from its beginning on, and says what it would have
//! masked otherwise. Nothing that it would do is done.
//!
//! It follows the log like any follower, off the way of messages: a message is masked, recorded and answered before it looks.
//! Values of class C3 are stored nowhere, so it is not told of them. What it counts lies in memory and is counted anew from
//! its beginning by a server that takes over.

use std::sync::{Mutex, MutexGuard, PoisonError};

use super::compare::Comparison;
use super::report::MaskingReport;
use super::{RunView, runnable};
use crate::domain::access::Action;
use crate::domain::event::{self, HistoryEvent, Role, RunEnd};
use crate::domain::message::{Part, Sealed};
use crate::domain::record::{Actor, RunChange, RunKind, RunStep};
use crate::limits::SHADOW_HOURS_MAX;
use crate::pipeline::in_force::TrialTokens;
use crate::pipeline::{Activation, Altered, Refusal, Staff, Tenant};
use crate::ports::{RunRow, random_bytes};
use crate::units::{EntryIndex, Hash, MICROS_PER_SECOND, MessageId, RunId, SERVER_ACTOR, SubjectId, Timestamp};

const SHADOW: Refusal = Refusal::NotFound { what: "shadow" };
const HOUR_US: i64 = 3_600 * MICROS_PER_SECOND;

/// The run that is followed, and what came of it or of the one before.
#[derive(Default)]
pub(in crate::pipeline) struct Shadow {
    work: Mutex<Option<(RunId, Comparison)>>,
    report: Mutex<Option<(RunId, MaskingReport, EntryIndex)>>,
}

impl Shadow {
    fn work(&self) -> MutexGuard<'_, Option<(RunId, Comparison)>> {
        self.work.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn report(&self) -> MutexGuard<'_, Option<(RunId, MaskingReport, EntryIndex)>> {
        self.report.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Forgets what is shown of somebody.
    pub(in crate::pipeline) fn forget(&self, subject: SubjectId) {
        if let Some((_, work)) = &mut *self.work() {
            work.report.forget(subject);
        }
        if let Some((_, report, _)) = &mut *self.report() {
            report.forget(subject);
        }
    }

    /// Forgets all of it: another server goes on.
    pub(in crate::pipeline) fn stand_down(&self) {
        *self.work() = None;
        *self.report() = None;
    }
}

impl Tenant {
    /// Begins to run a policy beside the one in force, for some hours.
    ///
    /// # Errors
    /// [`Activation::Policy`] when it is no policy that passes its tests; [`Refusal::Invalid`] for too long a time;
    /// [`Refusal::Conflict`] while another one runs; [`Refusal::NoPolicy`], [`Refusal::Forbidden`].
    pub async fn begin_shadow(&self, staff: &Staff, source: &str, hours: u32) -> Result<RunView, Activation> {
        staff.may(Action::ProposePolicies)?;
        let active = self.policy().ok_or(Refusal::NoPolicy)?;
        let policy = runnable(source)?;
        if !(1..=SHADOW_HOURS_MAX).contains(&hours) {
            return Err(Refusal::Invalid { field: "hours", expected: "1 to 168" }.into());
        }
        if self.open_run(RunKind::Shadow).await?.is_some() {
            return Err(Refusal::Conflict.into());
        }
        let (id, digest, against) = (self.new_run(), Hash(policy.digest()), Hash(active.digest()));
        let until = Timestamp::from_micros(self.ports.clock.now().as_micros() + i64::from(hours) * HOUR_US);
        let text = event::Activation::text_digest(source);
        let event = HistoryEvent::ShadowBegun { run: id, digest, source: text, against, until };
        let sealed = self.ports.vault.house_sealer().seal(Part::Original, MessageId(id.0), source.as_bytes());
        let source = Some(sealed.map_err(Refusal::from)?);
        let step = RunStep::Begun { kind: RunKind::Shadow, digest, source, until: Some(until) };
        self.record_run(staff.actor(), event, Some(RunChange { id, by: staff.account, step })).await?;
        self.history_begins.notify_one();
        Ok(self.shadow(staff).await?.ok_or(SHADOW)?)
    }

    /// The policy that runs in shadow, or did last, with what it found.
    ///
    /// # Errors
    /// [`Refusal::Forbidden`].
    pub async fn shadow(&self, staff: &Staff) -> Result<Option<RunView>, Refusal> {
        staff.may(Action::ProposePolicies)?;
        let Some(row) = self.ports.history.newest_run(RunKind::Shadow).await? else { return Ok(None) };
        let size = self.head().map_or(row.begun.1.0, |head| head.size.0);
        let found = self.shadow.report().clone().filter(|(run, ..)| *run == row.id);
        let (report, cursor) = found.map_or((None, row.begun.1), |(_, report, cursor)| (Some(report), cursor));
        let of = |index: u64| index.saturating_sub(row.begun.1.0);
        Ok(Some(RunView { done: of(cursor.0), all: of(size), report, row }))
    }

    /// Ends the policy that runs in shadow; what it found is kept.
    ///
    /// # Errors
    /// [`Refusal::NotFound`] when none does; [`Refusal::Forbidden`].
    pub async fn end_shadow(&self, staff: &Staff) -> Result<(), Refusal> {
        staff.may(Action::ProposePolicies)?;
        let row = self.open_run(RunKind::Shadow).await?.ok_or(SHADOW)?;
        self.shadow_ends(&row, staff.actor(), RunEnd::Cancelled).await
    }

    async fn shadow_ends(&self, row: &RunRow, actor: Actor, end: RunEnd) -> Result<(), Refusal> {
        let found = self.shadow.report().clone().filter(|(run, ..)| *run == row.id);
        let MaskingReport { looked_at, differ, .. } =
            found.map_or_else(MaskingReport::default, |(_, report, _)| report);
        let event = HistoryEvent::ShadowEnded { run: row.id, digest: row.digest, looked_at, differ, end };
        let change = RunChange { id: row.id, by: actor.id, step: RunStep::Ended { end } };
        self.record_run(actor, event, Some(change)).await
    }

    /// One turn of the policy in shadow; whether there is more to do at once.
    pub(super) async fn shadow_turn(&self) -> Result<bool, Activation> {
        let Some(row) = self.open_run(RunKind::Shadow).await? else {
            *self.shadow.work() = None;
            return Ok(false);
        };
        let taken = self.shadow.work().take().filter(|(run, _)| *run == row.id);
        let work = match taken {
            Some((_, work)) => work,
            None => self.shadowing(&row)?,
        };
        let size = EntryIndex(self.head().ok_or(Refusal::Unavailable)?.size.0);
        let work = work.go_on(self, size).await?;
        let is_behind = work.cursor < size;
        *self.shadow.report() = Some((row.id, work.report.clone(), work.cursor));
        let overtaken = self.policy().is_none_or(|policy| !work.is_against(&policy));
        let shown = work.report.shown();
        *self.shadow.work() = Some((row.id, work));
        self.forget_erased(shown).await;
        let server = Actor { id: SERVER_ACTOR, role: Role::Server };
        // What was said in its time is counted before it ends.
        let is_over = row.until.is_some_and(|until| until <= self.ports.clock.now());
        if !is_behind && (is_over || overtaken) {
            let end = if overtaken { RunEnd::Overtaken } else { RunEnd::TimeOver };
            self.shadow_ends(&row, server, end).await?;
        }
        Ok(is_behind)
    }

    /// The comparison of a run, from its beginning.
    fn shadowing(&self, row: &RunRow) -> Result<Comparison, Activation> {
        let active = self.policy().ok_or(Refusal::NoPolicy)?;
        let index = row.begun.1;
        let missing = Altered::NoText { index, digest: row.digest };
        let sealed = Sealed(row.source.clone().ok_or(missing)?);
        let opened = self.ports.vault.house_sealer().open(Part::Original, MessageId(row.id.0), &sealed);
        let opened = opened.map_err(Refusal::from)?;
        let policy = runnable(&String::from_utf8_lossy(&opened))?;
        if Hash(policy.digest()) != row.digest {
            return Err(Altered::Text { index, digest: row.digest }.into());
        }
        let tokens = TrialTokens(random_bytes(&*self.ports.random));
        Ok(Comparison::new((active, policy), tokens, index, None))
    }
}
