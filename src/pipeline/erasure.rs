//! Erasing a customer: proposed by one person, approved by another with a second factor shown just now, and refused while
//! anybody holds the customer.
//!
//! The act deletes what opens, finds and reaches them (`Effect::Subject`); whatever is left, in this database, its files and
//! its backups, ends with the epoch that it hangs on (`keys_of`); `shredded` certifies both. What this server remembers of them is forgotten, their
//! connections end, and who writes again is somebody new.

use std::collections::HashSet;
use std::sync::atomic::Ordering;

use super::proposals::{End, end};
use super::{Refusal, Staff, Tenant};
use crate::domain::access::Action;
use crate::domain::event::{EndReason, Erased, ErasureEvent, ErasureReason, Event, HoldReason, Role};
use crate::domain::record::{
    Actor, Draft, Effect, ErasureChange, ErasureState, HoldChange, Outcome, Proposal, Receipt, Step, SubjectChange,
    SubjectEnd,
};
use crate::limits::{DECISIONS_MAX, ERASURES_MAX};
use crate::ports::{ErasureRow, HoldRow, IdentityName, RecordError, Recorder, SubjectRow, random_bytes};
use crate::telemetry::{Occurrence, emit};
use crate::units::{AccountId, ConversationKey, EntryIndex, ErasureId, HoldId, SERVER_ACTOR, SubjectId};

const SUBJECT: Refusal = Refusal::NotFound { what: "subject" };
const ERASURE: Refusal = Refusal::NotFound { what: "proposal" };

impl Tenant {
    /// Proposes to erase a customer; `at_once` ends the epoch with it, and with that every older backup.
    ///
    /// # Errors
    /// [`Refusal::NotFound`] when there is no such customer, [`Refusal::Held`] while somebody holds them,
    /// [`Refusal::Conflict`] when they are proposed already, [`Refusal::NotAllowed`] when nothing may end at once here.
    pub async fn propose_erasure(
        &self,
        staff: &Staff,
        subject: SubjectId,
        (reason, at_once): (ErasureReason, bool),
    ) -> Result<ErasureRow, Refusal> {
        staff.may(Action::EraseSubjects)?;
        if at_once && !self.ports.erasure.at_once {
            return Err(Refusal::NotAllowed { key: "erasure.at_once" });
        }
        let row = self.ports.erasures.subject(subject).await?.ok_or(SUBJECT)?;
        if row.holds > 0 {
            return Err(Refusal::Held);
        }
        let id = ErasureId::from_random(random_bytes(&*self.ports.random));
        let change = ErasureChange {
            id,
            expected: None,
            subject,
            reason,
            at_once,
            proposed_by: staff.account,
            by: staff.account,
            state: ErasureState::Proposed,
            epoch: None,
        };
        let event = ErasureEvent::Proposed { erasure: id, reason, at_once };
        self.record(Proposal::single(about(event, staff.actor(), subject), vec![Effect::Erasure(change)])).await?;
        self.ports.erasures.erasure(id).await?.ok_or(ERASURE)
    }

    /// Erases the customer of a proposal that somebody else made. Whoever holds them meanwhile wins.
    ///
    /// # Errors
    /// [`Refusal::Forbidden`] by whoever proposed it; [`Refusal::FactorRequired`] without a second factor shown just now;
    /// [`Refusal::Held`]; [`Refusal::NotFound`] when it is decided already.
    pub async fn approve_erasure(&self, staff: &Staff, id: ErasureId) -> Result<ErasureRow, Refusal> {
        staff.may_approve()?;
        for _ in 0..DECISIONS_MAX {
            let row = self.pending(id).await?;
            if row.proposed.by == staff.account {
                return Err(Refusal::SamePerson);
            }
            let subject = self.ports.erasures.subject(row.subject).await?.ok_or(SUBJECT)?;
            if subject.holds > 0 {
                return Err(Refusal::Held);
            }
            // Read before the act: nothing that can fail stands between it and the end of their connections.
            let conversations = self.ports.erasures.conversations_of(row.subject).await?;
            // Nobody's next message may be masked meanwhile: it would be sealed under a key that is about to go.
            let mut tail = self.tails.slot(row.subject).lock_owned().await;
            match self.erase(staff, &row, &subject).await {
                Ok(index) => {
                    *tail = None;
                    drop(tail);
                    self.journal(&[(row.subject, index)]);
                    emit(&Occurrence::Erased { tenant: &self.name.name });
                    self.forget(row.subject, &conversations).await;
                    return self.ports.erasures.erasure(id).await?.ok_or(ERASURE);
                }
                Err(RecordError::Conflict { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(Refusal::Conflict)
    }

    /// Turns a proposal down; whoever made it may, too.
    ///
    /// # Errors
    /// As [`Tenant::approve_erasure`].
    pub async fn reject_erasure(&self, staff: &Staff, id: ErasureId) -> Result<(), Refusal> {
        staff.may_approve()?;
        let row = self.pending(id).await?;
        let change = ErasureChange {
            expected: Some(row.version),
            by: staff.account,
            state: ErasureState::Rejected,
            ..proposed(&row)
        };
        let draft = about(ErasureEvent::Rejected { erasure: id }, staff.actor(), row.subject);
        self.record(Proposal::single(draft, vec![Effect::Erasure(change)])).await?;
        Ok(())
    }

    /// Proposals, the newest first.
    ///
    /// # Errors
    /// [`Refusal::Forbidden`] when the role may not see them.
    pub async fn erasures(&self, staff: &Staff) -> Result<Vec<ErasureRow>, Refusal> {
        staff.may(Action::EraseSubjects)?;
        Ok(self.ports.erasures.erasures(ERASURES_MAX).await?)
    }

    /// Legal holds, the newest first.
    ///
    /// # Errors
    /// [`Refusal::Forbidden`] when the role may not see them.
    pub async fn holds(&self, staff: &Staff) -> Result<Vec<HoldRow>, Refusal> {
        staff.may(Action::HoldSubjects)?;
        Ok(self.ports.erasures.holds(ERASURES_MAX).await?)
    }

    /// Holds a customer: from here on nobody erases them, whatever was proposed.
    ///
    /// # Errors
    /// [`Refusal::NotFound`] when there is no such customer, or not any more.
    pub async fn place_hold(&self, staff: &Staff, subject: SubjectId, reason: HoldReason) -> Result<HoldRow, Refusal> {
        staff.may(Action::HoldSubjects)?;
        let id = HoldId::from_random(random_bytes(&*self.ports.random));
        let change = HoldChange { id, expected: None, subject, reason, by: staff.account };
        self.hold(staff, change, ErasureEvent::HoldPlaced { hold: id, reason }).await?;
        self.ports.erasures.hold(id).await?.ok_or(Refusal::NotFound { what: "hold" })
    }

    /// Lets a customer go.
    ///
    /// # Errors
    /// [`Refusal::NotFound`] when there is no such hold, or not any more.
    pub async fn release_hold(&self, staff: &Staff, id: HoldId) -> Result<(), Refusal> {
        staff.may(Action::HoldSubjects)?;
        let gone = Refusal::NotFound { what: "hold" };
        let row = self.ports.erasures.hold(id).await?.filter(|row| row.released.is_none()).ok_or(gone)?;
        let HoldRow { subject, reason, version, .. } = row;
        let change = HoldChange { id, expected: Some(version), subject, reason, by: staff.account };
        self.hold(staff, change, ErasureEvent::HoldReleased { hold: id }).await
    }

    /// The customer behind an identity.
    ///
    /// # Errors
    /// [`Refusal::NotFound`] when nobody is known by it.
    pub async fn subject_of(&self, staff: &Staff, identity: IdentityName<'_>) -> Result<SubjectId, Refusal> {
        staff.may(Action::EraseSubjects)?;
        let found = self.person(&self.ports.vault.lookups(identity)).await?;
        found.map(|row| row.subject).ok_or(SUBJECT)
    }

    async fn hold(&self, staff: &Staff, change: HoldChange, event: ErasureEvent) -> Result<(), Refusal> {
        for _ in 0..DECISIONS_MAX {
            let SubjectRow { version: expected, .. } =
                self.ports.erasures.subject(change.subject).await?.ok_or(SUBJECT)?;
            let draft = about(event.clone(), staff.actor(), change.subject);
            let held = SubjectChange { subject: change.subject, expected, end: SubjectEnd::Stays };
            let effects = vec![Effect::Hold(change), Effect::Subject(held)];
            match self.record(Proposal::single(draft, effects)).await {
                Ok(_) => return Ok(()),
                Err(RecordError::Conflict { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(Refusal::Conflict)
    }

    async fn pending(&self, id: ErasureId) -> Result<ErasureRow, Refusal> {
        let row = self.ports.erasures.erasure(id).await?;
        row.filter(|row| row.state == ErasureState::Proposed).ok_or(ERASURE)
    }

    /// Records the act: what is open is closed first, then the rows go.
    async fn erase(&self, staff: &Staff, row: &ErasureRow, subject: &SubjectRow) -> Result<EntryIndex, RecordError> {
        let epoch = self.ports.vault.newest_epoch();
        let erased = Erased {
            erasure: row.id,
            proposed_by: Some(row.proposed.by),
            reason: row.reason,
            at_once: row.at_once,
            epoch,
            replays: None,
        };
        let change = ErasureChange {
            expected: Some(row.version),
            by: staff.account,
            state: ErasureState::Erased,
            epoch: Some(epoch),
            ..proposed(row)
        };
        let steps = self.ending(staff.actor(), (row.subject, subject), erased, change).await?;
        let outcome = self.record(Proposal { primary: steps.len() - 1, steps, dedup: None }).await?;
        last(&outcome).map(|receipt| receipt.index).ok_or(RecordError::Unknown)
    }

    /// The steps of an erasure, the act itself last.
    async fn ending(
        &self,
        actor: Actor,
        (id, row): (SubjectId, &SubjectRow),
        erased: Erased,
        change: ErasureChange,
    ) -> Result<Vec<Step>, RecordError> {
        let mut steps = Vec::new();
        if let Some(open) = &row.open {
            let holder = self.holder(open).await.map_err(|_| RecordError::Unavailable)?;
            steps.extend(end(actor, open, holder.as_ref(), (End::Close, EndReason::Erased)).steps);
        }
        let gone = if erased.replays.is_some() { SubjectEnd::ErasedAgain } else { SubjectEnd::Erased };
        let gone = SubjectChange { subject: id, expected: row.version, end: gone };
        let draft = about(ErasureEvent::Erased(erased), actor, id);
        steps.push(Step { draft, effects: vec![Effect::Erasure(change), Effect::Subject(gone)] });
        Ok(steps)
    }

    /// Forgets what this server remembers of somebody and what was taken out of them, and ends the connections that could tell of them.
    async fn forget(&self, subject: SubjectId, conversations: &[ConversationKey]) {
        self.memory.forget_person(subject).await;
        self.feed.forget(subject, conversations);
        // A file that can't be removed is told of in the log, and given to nobody; the erasure stands.
        self.forget_in_reports(subject);
        let _left = self.forget_packages(subject).await;
    }

    /// Notes who was erased outside the database; what can't be noted at present is noted by the next look.
    fn journal(&self, erased: &[(SubjectId, EntryIndex)]) {
        let noted = self.ports.erasure.journal.note(erased);
        self.is_noted.store(noted.is_ok(), Ordering::Release);
        if let Err(error) = noted {
            let tenant = self.name.id.0;
            tracing::error!(event = "erasure_not_noted", tenant, %error, "a restored database would not know of it");
        }
    }

    /// Notes outside the database whoever was erased in it and is not noted yet.
    ///
    /// # Errors
    /// [`Refusal::Unavailable`] when either can't be read.
    pub async fn note_erased(&self) -> Result<(), Refusal> {
        let known = self.ports.erasure.journal.all().map_err(|error| unreadable(&error))?;
        let known: HashSet<SubjectId> = known.into_iter().map(|(subject, _)| subject).collect();
        let erased = self.ports.erasures.erased().await?;
        let missing: Vec<_> = erased.into_iter().filter(|(subject, _)| !known.contains(subject)).collect();
        if !missing.is_empty() {
            tracing::info!(event = "erasures_noted", tenant = self.name.id.0, erased = missing.len());
            self.journal(&missing);
        }
        Ok(())
    }

    /// Erases again whoever was erased and is there: an older database was put back. Nothing is served before.
    pub(super) async fn replay_erasures(&self, recorder: &dyn Recorder) -> Result<(), RecordError> {
        let unavailable = |error: Refusal| {
            tracing::warn!(event = "erasures_not_replayed", tenant = self.name.id.0, %error, "nothing is served before");
            RecordError::Unavailable
        };
        let store = &self.ports.erasures;
        let used = store.newest_epoch_used().await.map_err(|error| unavailable(error.into()))?;
        if let Some(epoch) = used.filter(|epoch| *epoch > self.ports.vault.newest_epoch()) {
            tracing::error!(
                event = "epoch_missing",
                tenant = self.name.id.0,
                epoch,
                "rows hang on a key that is not here: copy epoch-<number>.key from the other server's keys"
            );
            return Err(RecordError::Unavailable);
        }
        let noted = self.ports.erasure.journal.all().map_err(|error| unavailable(unreadable(&error)))?;
        for (subject, index) in noted {
            let Some(row) = store.subject(subject).await.map_err(|error| unavailable(error.into()))? else { continue };
            let id = ErasureId::from_random(random_bytes(&*self.ports.random));
            let (epoch, reason) = (self.ports.vault.newest_epoch(), ErasureReason::Replayed);
            let erased = Erased { erasure: id, proposed_by: None, reason, at_once: false, epoch, replays: Some(index) };
            let change = ErasureChange {
                id,
                expected: None,
                subject,
                reason,
                at_once: false,
                proposed_by: SERVER_ACTOR,
                by: SERVER_ACTOR,
                state: ErasureState::Erased,
                epoch: Some(epoch),
            };
            let server = Actor { id: SERVER_ACTOR, role: Role::Server };
            let steps = self.ending(server, (subject, &row), erased, change).await?;
            recorder.record(Proposal { primary: steps.len() - 1, steps, dedup: None }).await?;
            tracing::warn!(
                event = "erasure_replayed", tenant = self.name.id.0, %subject, %index,
                "an older database was put back: who was erased is erased again"
            );
        }
        self.note_erased().await.map_err(unavailable)
    }
}

fn unreadable(error: &crate::ports::JournalError) -> Refusal {
    tracing::error!(event = "erased_unreadable", %error, "mend or remove the file; the other copy has the same lines");
    Refusal::Unavailable
}

fn about(event: ErasureEvent, actor: Actor, subject: SubjectId) -> Draft {
    Draft { subject: Some(subject), ..Draft::of(Event::Erasure(event), actor) }
}

/// A change of a proposal that leaves it as it is.
fn proposed(row: &ErasureRow) -> ErasureChange {
    let by: AccountId = row.proposed.by;
    ErasureChange {
        id: row.id,
        expected: Some(row.version),
        subject: row.subject,
        reason: row.reason,
        at_once: row.at_once,
        proposed_by: by,
        by,
        state: row.state,
        epoch: row.epoch,
    }
}

fn last(outcome: &Outcome) -> Option<&Receipt> {
    match outcome {
        Outcome::Recorded(receipts, _) => receipts.last(),
        Outcome::Duplicate { .. } => None,
    }
}
