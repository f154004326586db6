//! Evidence taken out: all entries of a conversation, a person, a time or several of them, with their proofs and the masked
//! texts, as one package that a stranger verifies.
//!
//! That it is taken out is recorded first. It is then gathered from what is published, one package at a time and beside
//! everything else, and kept for an hour for whoever asked. The reason is masked and committed to; its text is in the receipt
//! that whoever asked is given, and nowhere else. Source: `audit/FORMAT.md`, "Evidence packages"; ADR 0051.

mod shelf;
mod texts;

use std::collections::BTreeMap;
use std::fs::File;
use std::sync::Arc;
use std::time::Duration;

use lww_audit::Entry;
use lww_audit::entry::Tag;
use lww_audit::export::Scope;

pub(super) use self::shelf::Shelf;
pub use self::shelf::{Evidence, EvidenceState};
use self::texts::Texts;
use super::ledger::aside;
use super::proposals::{about, with_content};
use super::{Refusal, Staff, Tenant, opened};
use crate::domain::access::{Action, allows};
use crate::domain::event::Event;
use crate::domain::masking::{Policy, Tail};
use crate::domain::message::{Internal, Masked, Message, RawText};
use crate::domain::record::{Draft, Outcome, Proposal, Step};
use crate::limits::{
    EVIDENCE_BYTES_MAX, EVIDENCE_LOOK_S, EVIDENCE_PUBLISHED_S_MAX, EVIDENCE_REASON_BYTES_MAX, EVIDENCE_S_MAX,
    EVIDENCE_SCOPES_MAX, EVIDENCE_UNSEALED_ENTRIES_MAX, PAGE_ITEMS_MAX,
};
use crate::ports::{ConversationRow, PackageError, Wanted, random_bytes};
use crate::units::{ConversationId, EntryIndex, Id128, MICROS_PER_SECOND, PackageId, SubjectId, Timestamp};

const SCOPES_EXPECTED: &str = "1 to 64 different scopes";
const REASON_EXPECTED: &str = "1 to 1024 bytes";

/// What is to be gathered.
struct Job {
    id: PackageId,
    scopes: Vec<Scope>,
    made: Timestamp,
    until: EntryIndex,
    names: bool,
}

impl Tenant {
    /// Takes evidence out: records that, and begins to gather the package, which is kept for
    /// [`EVIDENCE_S_MAX`] from when it is ready.
    ///
    /// # Errors
    /// [`Refusal::Invalid`] for scopes or a reason out of bounds, or when too many packages are kept;
    /// [`Refusal::NotFound`] when the tenant has no such conversation or person; [`Refusal::Forbidden`].
    pub async fn export_evidence(
        self: &Arc<Self>,
        staff: &Staff,
        scopes: Vec<Scope>,
        reason: RawText,
    ) -> Result<Evidence, Refusal> {
        staff.may(Action::ExportEvidence)?;
        let concerned = self.concerned(&scopes).await?;
        let masked = self.mask_reason(reason)?;
        // One order after the other, so that none goes unrecorded for want of room, and none is kept beyond it.
        let _turn = self.shelf.orders.lock().await;
        self.shelf.room()?;
        let id = PackageId::from_random(random_bytes(&*self.ports.random));
        let names = allows(staff.role, Action::ReadAccounts);
        let steps = scopes.iter().zip(&concerned).map(|(scope, row)| {
            let event = Event::ExportMade { package: id, scope: *scope, names };
            let draft = with_content(Draft::of(event, staff.actor()), &masked);
            let draft = row.as_ref().map_or_else(|| draft.clone(), |row| about(draft.clone(), row));
            Step { draft, effects: Vec::new() }
        });
        let proposal = Proposal { steps: steps.collect(), primary: 0, dedup: None };
        let Outcome::Recorded(receipts, committed) = self.record(proposal).await? else { return Err(Refusal::Unknown) };
        let (first, last) = receipts.first().zip(receipts.last()).ok_or(Refusal::Unknown)?;
        let recorded = masked.recorded(first.index, Some(staff.account), committed);
        let reason: Vec<_> = opened(&recorded).into_iter().filter(|opened| opened.of == Tag::Masked).collect();
        let made = Entry::parse(&first.entry).map_err(|_| self.differs(first.index))?.time;
        let (entry, receipt) = (first.index, first.to_proof_text(&reason));
        let evidence = Evidence { id, entry, made, scopes: scopes.clone(), receipt, state: EvidenceState::Waiting };
        self.shelf.put(staff.account, evidence.clone());
        let job = Job { id, scopes, made, until: last.index, names };
        tokio::spawn(Arc::clone(self).keep(job));
        Ok(evidence)
    }

    /// The packages of whoever asks, those asked for first at the front.
    ///
    /// # Errors
    /// [`Refusal::Forbidden`].
    pub fn evidence(&self, staff: &Staff) -> Result<Vec<Evidence>, Refusal> {
        staff.may(Action::ExportEvidence)?;
        Ok(self.shelf.of(staff.account, self.ports.clock.now()))
    }

    /// One package of whoever asks.
    ///
    /// # Errors
    /// [`Refusal::NotFound`], [`Refusal::Forbidden`].
    pub fn evidence_one(&self, staff: &Staff, id: PackageId) -> Result<Evidence, Refusal> {
        let found = self.evidence(staff)?.into_iter().find(|evidence| evidence.id == id);
        found.ok_or(Refusal::NotFound { what: "package" })
    }

    /// Opens a package of whoever asks, with its length in bytes.
    ///
    /// # Errors
    /// [`Refusal::NotReady`] while it is gathered, why there is none when that failed; as [`Tenant::evidence_one`].
    pub async fn evidence_file(&self, staff: &Staff, id: PackageId) -> Result<(File, u64), Refusal> {
        match self.evidence_one(staff, id)?.state {
            EvidenceState::Ready { bytes, .. } => {
                let packages = Arc::clone(&self.ports.packages);
                let file = aside(move || packages.open(id)).await?;
                file.map(|file| (file, bytes)).map_err(|_| Refusal::NotFound { what: "package" })
            }
            EvidenceState::Waiting | EvidenceState::Gathering { .. } => Err(Refusal::NotReady),
            EvidenceState::Failed(refusal) => Err(refusal),
        }
    }

    /// Takes a package of whoever asks away, also while it is gathered.
    ///
    /// # Errors
    /// As [`Tenant::evidence_one`].
    pub async fn end_evidence(&self, staff: &Staff, id: PackageId) -> Result<(), Refusal> {
        self.evidence_one(staff, id)?;
        self.shelf.take(id);
        self.remove_packages(vec![id]).await
    }

    /// Takes away every package that tells of somebody who is erased, and those being gathered that turn out to.
    ///
    /// # Errors
    /// [`Refusal::Unavailable`] when a file can't be removed.
    pub async fn forget_packages(&self, subject: SubjectId) -> Result<(), Refusal> {
        self.remove_packages(self.shelf.forget(subject)).await
    }

    async fn remove_packages(&self, ids: Vec<PackageId>) -> Result<(), Refusal> {
        let packages = Arc::clone(&self.ports.packages);
        let removed = aside(move || ids.into_iter().try_for_each(|id| packages.remove(id))).await?;
        removed.map_err(|error| {
            tracing::warn!(event = "package_not_removed", tenant = self.name.id.0, %error, "remove it by hand");
            Refusal::Unavailable
        })
    }

    /// The conversation of each scope that is one; each must be this tenant's.
    async fn concerned(&self, scopes: &[Scope]) -> Result<Vec<Option<ConversationRow>>, Refusal> {
        let is_twice = |(at, scope): (usize, &Scope)| scopes.iter().take(at).any(|before| before == scope);
        if !(1..=EVIDENCE_SCOPES_MAX).contains(&scopes.len()) || scopes.iter().enumerate().any(is_twice) {
            return Err(Refusal::Invalid { field: "case", expected: SCOPES_EXPECTED });
        }
        let mut rows = Vec::with_capacity(scopes.len());
        for scope in scopes {
            rows.push(match scope {
                Scope::Chain { of: lww_audit::entry::Chain::Conversation, id } => {
                    let row = self.ports.store.conversation(ConversationId(*id)).await?;
                    Some(row.ok_or(Refusal::NotFound { what: "conversation" })?)
                }
                Scope::Chain { of: lww_audit::entry::Chain::Subject, id } => {
                    let is_known = self.ports.store.knows_subject(SubjectId(*id)).await?;
                    if is_known { None } else { return Err(Refusal::NotFound { what: "person" }) }
                }
                Scope::Range { .. } => None,
            });
        }
        Ok(rows)
    }

    /// Masks the reason under the active policy; what is sealed of it is thrown away.
    fn mask_reason(&self, reason: RawText) -> Result<Message<Masked, Internal>, Refusal> {
        if !(1..=EVIDENCE_REASON_BYTES_MAX).contains(&reason.len()) {
            return Err(Refusal::Invalid { field: "reason", expected: REASON_EXPECTED });
        }
        let policy = self.policy().ok_or(Refusal::NoPolicy)?;
        let (sealer, tokens) = (self.ports.vault.house_sealer(), self.ports.vault.tokens());
        let masked = self.new_note(reason).mask(&policy, &mut Tail::empty(), self.salts(), &*sealer, tokens);
        masked.map_err(|_| Refusal::Unavailable)
    }
}

impl Tenant {
    /// Gathers a package, keeps it, and takes it away when its time is over.
    async fn keep(self: Arc<Self>, job: Job) {
        let id = job.id;
        let made = {
            let _turn = self.shelf.gathering.lock().await;
            self.gather(job).await
        };
        let now = self.ports.clock.now();
        let kept_us = i64::try_from(EVIDENCE_S_MAX).unwrap_or(i64::MAX).saturating_mul(MICROS_PER_SECOND);
        let until = Timestamp::from_micros(now.as_micros().saturating_add(kept_us));
        if !self.shelf.finish(id, made, until) {
            // Refused, erased or unwanted meanwhile; what can't be removed was told.
            let _told = self.remove_packages(vec![id]).await;
        }
        // The tenant may end before the hour does; the next start empties the folder. By the clock, as a machine may have slept.
        let tenant = Arc::downgrade(&self);
        drop(self);
        loop {
            tokio::time::sleep(Duration::from_secs(EVIDENCE_LOOK_S)).await;
            let Some(tenant) = tenant.upgrade() else { return };
            let over = tenant.shelf.take_over(tenant.ports.clock.now());
            let _told = tenant.remove_packages(over).await;
            if !tenant.shelf.keeps(id) {
                return;
            }
        }
    }

    /// Gathers a package; its length in bytes.
    async fn gather(self: &Arc<Self>, job: Job) -> Result<u64, Refusal> {
        let Job { id, scopes, made, until, names } = job;
        let staff = if names { self.names().await? } else { BTreeMap::new() };
        let has_chain = scopes.iter().any(|scope| matches!(scope, Scope::Chain { .. }));
        let sealed = if has_chain { self.seal_beyond(EVIDENCE_UNSEALED_ENTRIES_MAX).await? } else { None };
        let until = sealed.map_or(until, |sealed| sealed.max(until));
        self.published_beyond(until, EVIDENCE_PUBLISHED_S_MAX, &|| self.shelf.go_on(id)).await?;
        let policies = self.ports.store.policies().await?;
        let packages = Arc::clone(&self.ports.packages);
        let mut texts = Texts::new(self, id);
        let gathered = aside(move || {
            // A routing table is among them, too, and no entry names it as what masked.
            let texts_of = policies.iter().filter_map(|(digest, source)| {
                let policy = Policy::load(source).ok()?;
                policy.canonical_text(&digest.0).map(String::into_bytes)
            });
            let policies = texts_of.collect();
            let wanted = Wanted { scopes, made, until, staff, policies, bytes_max: EVIDENCE_BYTES_MAX };
            let made = packages.make(id, wanted, &mut texts);
            made.map_err(|error| texts.refused().unwrap_or_else(|| refusal(&error)))
        });
        gathered.await?
    }

    /// Every name of staff, by account.
    async fn names(&self) -> Result<BTreeMap<Id128, String>, Refusal> {
        let (mut names, mut after) = (BTreeMap::new(), None);
        loop {
            let page = self.ports.people.accounts(after, PAGE_ITEMS_MAX).await?;
            after = page.last().map(|row| row.id);
            for row in &page {
                let name = self.ports.vault.open_profile(row.id, &row.profile)?;
                names.insert(row.id.0, name.as_str().to_owned());
            }
            if page.len() < PAGE_ITEMS_MAX as usize {
                return Ok(names);
            }
        }
    }
}

/// Why there is no package, for whoever asked.
fn refusal(error: &PackageError) -> Refusal {
    match error {
        PackageError::TooLarge { .. } => Refusal::PackageTooLarge { max_bytes: EVIDENCE_BYTES_MAX },
        PackageError::NotPublished => Refusal::NotPublished,
        PackageError::Log(_) | PackageError::Folder(_) | PackageError::Unsigned(_) => {
            tracing::warn!(event = "package_failed", %error, "an evidence package could not be made");
            Refusal::Unavailable
        }
    }
}
