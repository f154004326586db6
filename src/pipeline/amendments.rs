//! Changes of the masking policy by the word of several people: proposed, consented to, perhaps scheduled, brought into force.
//!
//! Whose word it takes, the policy *in force* says. What only masks more one person may bring into force at once, and another
//! looks at it within a day. What the database says of an amendment is held against the entries before it is acted on: a row
//! that somebody changed brings nothing into force.

use lww_audit::Entry;
use lww_audit::entry::Detail;

use super::policies::Activation;
use super::{Altered, Refusal, Staff, Tenant};
use crate::domain::access::Action;
use crate::domain::event::{self, AmendmentEvent, Event, Role, Turned};
use crate::domain::masking::{Approvals, Difference, Policy, PolicyError, Remark, compare, lint, only_masks_more};
use crate::domain::record::{Actor, AmendmentChange, AmendmentState, AmendmentStep, Draft, Effect, Proposal, Step};
use crate::limits::{AMENDMENTS_MAX, REVIEW_WITHIN_S};
use crate::ports::{Act, AmendmentRow, random_bytes};
use crate::units::{AccountId, AmendmentId, EntryIndex, Hash, MICROS_PER_SECOND, SERVER_ACTOR, Timestamp};
use crate::wire;

const AMENDMENT: Refusal = Refusal::NotFound { what: "amendment" };
const TIME: Refusal =
    Refusal::Invalid { field: "effective.from", expected: "a time such as 2026-01-05T08:00:00+08:00" };

/// What a policy would change, before anybody proposes it.
#[derive(Debug)]
pub struct Assessment {
    /// Its id and version, as its author wrote them.
    pub id: String,
    /// See `id`.
    pub version: u64,
    /// Its digest.
    pub digest: Hash,
    /// Digest of the policy in force.
    pub against: Hash,
    /// How the two differ.
    pub differences: Vec<Difference>,
    /// Whether everything that differs masks more.
    pub only_masks_more: bool,
    /// What is worth a look although it is valid.
    pub remarks: Vec<Remark>,
    /// From when on its file says that it acts.
    pub effective: Option<Timestamp>,
    /// What its own tests say against it: while they say anything it can't be proposed.
    pub failures: Vec<PolicyError>,
}

/// An amendment with what the screens say of it.
#[derive(Clone, Debug)]
pub struct Amendment {
    /// As it stands.
    pub row: AmendmentRow,
    /// Whether another policy came into force since it was proposed.
    pub is_overtaken: bool,
    /// Until when somebody else has to have looked at it.
    pub review_due: Option<Timestamp>,
    /// Whose word it takes.
    pub consent: Approvals,
}

/// An amendment in full: the policy's text, and how it differs.
#[derive(Debug)]
pub struct AmendmentInFull {
    /// As it stands.
    pub amendment: Amendment,
    /// The policy file.
    pub source: String,
    /// What it would change of what was in force then.
    pub assessment: Assessment,
}

impl Tenant {
    /// What a policy file would change of the policy in force. Nothing is kept of it.
    ///
    /// # Errors
    /// [`Activation::Policy`] when it is none; [`Refusal::NoPolicy`], [`Refusal::Forbidden`].
    pub fn assess_policy(&self, staff: &Staff, source: &str) -> Result<Assessment, Activation> {
        staff.may(Action::ReadPolicies)?;
        let active = self.policy().ok_or(Refusal::NoPolicy)?;
        let (policy, failures) = Policy::draft(source)?;
        Ok(Assessment { failures, ..assess(&active, &policy)? })
    }

    /// Proposes a policy in place of the one in force. With `at_once` it comes into force by the word of one person, which takes
    /// that it only masks more.
    ///
    /// # Errors
    /// As [`Tenant::assess_policy`], and when one of its own tests fails; [`Activation::ShowsMore`] when it does not only mask more.
    pub async fn propose_policy(
        &self,
        staff: &Staff,
        source: &str,
        (effective, at_once): (Option<Timestamp>, bool),
    ) -> Result<Amendment, Activation> {
        staff.may(Action::ProposePolicies)?;
        let id = self.propose_as(staff.actor(), source, (effective, at_once)).await?;
        let row = self.ports.amendments.amendment(id).await.map_err(Refusal::from)?.ok_or(AMENDMENT)?;
        Ok(self.in_words(row)?)
    }

    /// See [`Tenant::propose_policy`]; the operator has no account.
    pub(super) async fn propose_as(
        &self,
        actor: Actor,
        source: &str,
        (effective, at_once): (Option<Timestamp>, bool),
    ) -> Result<AmendmentId, Activation> {
        let active = self.policy().ok_or(Refusal::NoPolicy)?;
        let policy = Policy::load(source)?;
        let Assessment { digest, against, differences, only_masks_more, effective: written, .. } =
            assess(&active, &policy)?;
        if digest == against {
            let expected = "a policy that is not the one in force";
            return Err(Refusal::Invalid { field: "source", expected }.into());
        }
        check_supersedes(&policy, against)?;
        let effective = effective.or(written).filter(|from| *from > self.ports.clock.now());
        if at_once && !only_masks_more {
            return Err(Activation::shows_more(&differences));
        }
        if at_once && effective.is_some() {
            let expected = "nothing, for a policy that is to act at once";
            return Err(Refusal::Invalid { field: "effective", expected }.into());
        }
        let id = AmendmentId::from_random(random_bytes(&*self.ports.random));
        let source = self.kept(digest, source).await?;
        let event = AmendmentEvent::Proposed {
            amendment: id,
            digest,
            source: event::Activation::text_digest(&source),
            against,
            only_masks_more,
            effective,
        };
        let state = if at_once { AmendmentState::Activated } else { AmendmentState::Proposed };
        let step =
            AmendmentStep::Proposed { digest, source: source.clone(), against, only_masks_more, effective, state };
        let change = AmendmentChange { id, expected: None, by: actor.id, step };
        let mut steps = vec![said(event, actor, change)];
        if at_once {
            steps.push(self.coming_into_force(&policy, source, actor).await?);
        }
        self.carry_out(steps, at_once.then_some(policy)).await?;
        Ok(id)
    }

    /// Consents to a policy that somebody else proposed. With the last consent that it takes it comes into force, or is
    /// scheduled.
    ///
    /// # Errors
    /// [`Refusal::SamePerson`] by whoever proposed it or consented already, [`Refusal::FactorRequired`] without a second factor
    /// shown just now, [`Refusal::Forbidden`] when the policy in force doesn't ask for the role, [`Refusal::Overtaken`],
    /// [`Refusal::NotFound`] when it is decided.
    pub async fn approve_policy(&self, staff: &Staff, id: AmendmentId) -> Result<Amendment, Activation> {
        staff.may_approve()?;
        let active = self.policy().ok_or(Refusal::NoPolicy)?;
        let consent = active.consent();
        if !consent.roles.iter().any(|role| role == staff.role.word()) {
            return Err(Refusal::Forbidden.into());
        }
        let row = self.proposed(id).await?;
        if row.against.0 != active.digest() {
            return Err(Refusal::Overtaken.into());
        }
        let is_author = row.proposed.by == staff.account && !consent.author_may_approve;
        if is_author || row.consents.iter().any(|given| given.by == staff.account) {
            return Err(Refusal::SamePerson.into());
        }
        let (given, required) = (count(&row.consents) + 1, consent.required.max(1));
        let now = self.ports.clock.now();
        let state = match row.effective {
            _ if given < required => AmendmentState::Proposed,
            Some(from) if from > now => AmendmentState::Scheduled,
            Some(_) | None => AmendmentState::Activated,
        };
        let event = AmendmentEvent::Approved { amendment: id, digest: row.digest, given, required };
        let mut steps = vec![next(staff.actor(), &row, event, AmendmentStep::Consented { state })];
        let mut policy = None;
        match (state, row.effective) {
            (AmendmentState::Scheduled, Some(effective)) => {
                let event = AmendmentEvent::Scheduled { amendment: id, digest: row.digest, effective };
                steps.push(Step { draft: draft(event, staff.actor()), effects: Vec::new() });
            }
            (AmendmentState::Activated, _) => {
                let (text, loaded) = self.text_of(&row).await?;
                steps.push(self.coming_into_force(&loaded, text, staff.actor()).await?);
                policy = Some(loaded);
            }
            (AmendmentState::Proposed | AmendmentState::Rejected | AmendmentState::Scheduled, _) => {}
        }
        self.carry_out(steps, policy).await?;
        Ok(self.one(id).await?)
    }

    /// Turns a policy down that somebody proposed.
    ///
    /// # Errors
    /// [`Refusal::FactorRequired`] without a second factor shown just now, [`Refusal::NotFound`] when it is in force already or
    /// was turned down.
    pub async fn reject_policy(&self, staff: &Staff, id: AmendmentId) -> Result<(), Activation> {
        staff.may_approve()?;
        self.turn(staff.actor(), &self.open(id).await?, Turned::Down).await
    }

    /// Takes back what one has proposed.
    ///
    /// # Errors
    /// [`Refusal::Forbidden`] when somebody else did; [`Refusal::NotFound`] as for [`Tenant::reject_policy`].
    pub async fn withdraw_policy(&self, staff: &Staff, id: AmendmentId) -> Result<(), Activation> {
        staff.may(Action::ProposePolicies)?;
        let row = self.open(id).await?;
        if row.proposed.by != staff.account {
            return Err(Refusal::Forbidden.into());
        }
        self.turn(staff.actor(), &row, Turned::Back).await
    }

    /// Says that one has looked at a policy that somebody else brought into force alone.
    ///
    /// # Errors
    /// [`Refusal::SamePerson`] by whoever brought it into force; [`Refusal::NotFound`] when there is nothing to look at.
    pub async fn review_policy(&self, staff: &Staff, id: AmendmentId) -> Result<(), Activation> {
        staff.may_approve()?;
        let row = self.ports.amendments.amendment(id).await.map_err(Refusal::from)?;
        let row = row.filter(|row| was_alone(row) && row.reviewed.is_none()).ok_or(AMENDMENT)?;
        if row.proposed.by == staff.account {
            return Err(Refusal::SamePerson.into());
        }
        let event = AmendmentEvent::Reviewed { amendment: id, digest: row.digest };
        let step = next(staff.actor(), &row, event, AmendmentStep::Reviewed);
        self.carry_out(vec![step], None).await
    }

    /// Amendments, those proposed last first.
    ///
    /// # Errors
    /// [`Refusal::NoPolicy`]; [`Refusal::Forbidden`].
    pub async fn amendments(&self, staff: &Staff) -> Result<Vec<Amendment>, Refusal> {
        staff.may(Action::ReadPolicies)?;
        let rows = self.ports.amendments.amendments(AMENDMENTS_MAX).await?;
        rows.into_iter().map(|row| self.in_words(row)).collect()
    }

    /// One amendment with its text and what it would change.
    ///
    /// # Errors
    /// [`Refusal::NotFound`]; [`Refusal::Differs`] when the database does not hold what was recorded.
    pub async fn amendment(&self, staff: &Staff, id: AmendmentId) -> Result<AmendmentInFull, Activation> {
        staff.may(Action::ReadPolicies)?;
        let amendment = self.one(id).await?;
        let (source, policy) = self.text_of(&amendment.row).await?;
        let against = self.ports.store.policy_source(amendment.row.against).await.map_err(Refusal::from)?;
        let before = Policy::load(&against.ok_or(Refusal::NotFound { what: "policy" })?)?;
        Ok(AmendmentInFull { amendment, source, assessment: assess(&before, &policy)? })
    }

    /// Brings into force what is scheduled and due, and ends what was overtaken meanwhile; how many came into force.
    ///
    /// # Errors
    /// [`Activation`]; it is tried again.
    pub async fn amend_due(&self) -> Result<usize, Activation> {
        let Some(active) = self.policy() else { return Ok(0) };
        let now = self.ports.clock.now();
        let server = Actor { id: SERVER_ACTOR, role: Role::Server };
        let mut brought = 0;
        for row in self.ports.amendments.due(now).await.map_err(Refusal::from)? {
            let id = row.id;
            // One of those before in this list may have come into force just now.
            if self.policy().is_none_or(|policy| Hash(policy.digest()) != row.against) {
                self.turn(server, &row, Turned::Overtaken).await?;
                continue;
            }
            self.check(&row, &active.consent()).await?;
            let (text, policy) = self.text_of(&row).await?;
            let mut step = self.coming_into_force(&policy, text, server).await?;
            let change =
                AmendmentChange { id, expected: Some(row.version), by: server.id, step: AmendmentStep::Activated };
            step.effects.push(Effect::Amendment(Box::new(change)));
            self.carry_out(vec![step], Some(policy)).await?;
            brought += 1;
        }
        Ok(brought)
    }

    /// How many policies one person brought into force more than a day ago that nobody looked at.
    ///
    /// # Errors
    /// [`Refusal::Unavailable`] when the database can't be read.
    pub async fn unreviewed(&self) -> Result<usize, Refusal> {
        let before = self.ports.clock.now().as_micros() - REVIEW_WITHIN_S * MICROS_PER_SECOND;
        Ok(self.ports.amendments.unreviewed(Timestamp::from_micros(before)).await?.len())
    }

    /// One that is neither in force nor turned down.
    async fn open(&self, id: AmendmentId) -> Result<AmendmentRow, Refusal> {
        let open = |row: &AmendmentRow| matches!(row.state, AmendmentState::Proposed | AmendmentState::Scheduled);
        self.ports.amendments.amendment(id).await?.filter(open).ok_or(AMENDMENT)
    }

    async fn turn(&self, actor: Actor, row: &AmendmentRow, turned: Turned) -> Result<(), Activation> {
        let event = AmendmentEvent::Rejected { amendment: row.id, digest: row.digest, turned };
        self.carry_out(vec![next(actor, row, event, AmendmentStep::Rejected)], None).await
    }

    async fn one(&self, id: AmendmentId) -> Result<Amendment, Refusal> {
        self.in_words(self.ports.amendments.amendment(id).await?.ok_or(AMENDMENT)?)
    }

    async fn proposed(&self, id: AmendmentId) -> Result<AmendmentRow, Activation> {
        let row = self.ports.amendments.amendment(id).await.map_err(Refusal::from)?;
        let row = row.filter(|row| row.state == AmendmentState::Proposed).ok_or(AMENDMENT)?;
        let consent = self.policy().ok_or(Refusal::NoPolicy)?.consent();
        self.check(&row, &consent).await?;
        Ok(row)
    }

    fn in_words(&self, row: AmendmentRow) -> Result<Amendment, Refusal> {
        let active = self.policy().ok_or(Refusal::NoPolicy)?;
        let is_open = matches!(row.state, AmendmentState::Proposed | AmendmentState::Scheduled);
        let is_overtaken = is_open && row.against.0 != active.digest();
        let waits = was_alone(&row) && row.reviewed.is_none();
        let due = |act: &Act| Timestamp::from_micros(act.time.as_micros() + REVIEW_WITHIN_S * MICROS_PER_SECOND);
        let review_due = row.decided.as_ref().filter(|_| waits).map(due);
        Ok(Amendment { row, is_overtaken, review_due, consent: active.consent() })
    }

    /// The text of an amendment, which must resolve to the digest that its entry names.
    async fn text_of(&self, row: &AmendmentRow) -> Result<(String, Policy), Activation> {
        let text = self.ports.store.policy_source(row.digest).await.map_err(Refusal::from)?;
        let index = row.proposed.index;
        let text = text.ok_or(Altered::NoText { index, digest: row.digest })?;
        let policy = Policy::load(&text)?;
        if Hash(policy.digest()) == row.digest {
            Ok((text, policy))
        } else {
            Err(Altered::Text { index, digest: row.digest }.into())
        }
    }

    /// Holds a row against the entries: that it was proposed so, and that each consent was given, by somebody whose word counts.
    async fn check(&self, row: &AmendmentRow, consent: &Approvals) -> Result<(), Refusal> {
        let Act { by, index, .. } = row.proposed;
        let entry = self.recorded(index, "policy.proposed", by, row).await?;
        let says = |name: &str| field(&entry, name);
        let effective = row.effective.map_or(Detail::Null, |from| Detail::String(from.to_string()));
        let is_same = says("against") == Some(&Detail::String(row.against.to_string()))
            && says("only_masks_more") == Some(&Detail::Bool(row.only_masks_more))
            && says("effective") == Some(&effective);
        if !is_same {
            return Err(self.differs(index));
        }
        for Act { by, index, .. } in &row.consents {
            let entry = self.recorded(*index, "policy.approved", *by, row).await?;
            if !consent.roles.iter().any(|role| *role == entry.actor.role.as_str()) {
                return Err(self.differs(*index));
            }
        }
        Ok(())
    }

    /// An entry of the log that speaks of an amendment, by whom and of which kind the row says.
    async fn recorded(
        &self,
        index: EntryIndex,
        kind: &str,
        by: AccountId,
        row: &AmendmentRow,
    ) -> Result<Entry, Refusal> {
        let entry = self.proven_entry(index).await?;
        let says = |name: &str, what: String| field(&entry, name) == Some(&Detail::String(what));
        let is_it = entry.kind.as_str().split('/').next() == Some(kind)
            && AccountId(entry.actor.id) == by
            && says("amendment", row.id.to_string())
            && says("digest", row.digest.to_string());
        if is_it { Ok(entry) } else { Err(self.differs(index)) }
    }

    pub(super) async fn carry_out(&self, steps: Vec<Step>, policy: Option<Policy>) -> Result<(), Activation> {
        let proposal = Proposal { primary: steps.len() - 1, steps, dedup: None };
        self.record(proposal).await.map_err(Refusal::from)?;
        if let Some(policy) = policy {
            self.put_policy(policy);
        }
        Ok(())
    }
}

/// The next step of an amendment.
fn next(actor: Actor, row: &AmendmentRow, event: AmendmentEvent, step: AmendmentStep) -> Step {
    said(event, actor, AmendmentChange { id: row.id, expected: Some(row.version), by: actor.id, step })
}

/// What a policy would change of another.
fn assess(active: &Policy, policy: &Policy) -> Result<Assessment, Refusal> {
    let differences = compare(active, policy);
    let written = policy.effective().map(|effective| wire::time(&effective.from).ok_or(TIME));
    Ok(Assessment {
        id: policy.id().to_owned(),
        version: policy.version(),
        digest: Hash(policy.digest()),
        against: Hash(active.digest()),
        only_masks_more: only_masks_more(&differences),
        differences,
        remarks: lint(policy, &Role::staff_words()),
        effective: written.transpose()?,
        failures: Vec::new(),
    })
}

/// A policy that says whom it follows must follow that one.
fn check_supersedes(policy: &Policy, active: Hash) -> Result<(), Refusal> {
    let follows = |written: &str| written.strip_prefix("sha256:").unwrap_or(written) == active.to_string();
    if policy.supersedes().is_none_or(follows) {
        return Ok(());
    }
    Err(Refusal::Invalid { field: "supersedes", expected: "the digest of the policy in force" })
}

/// Whether one person brought it into force.
fn was_alone(row: &AmendmentRow) -> bool {
    row.state == AmendmentState::Activated && row.decided.is_some_and(|decided| decided.index == row.proposed.index)
}

fn count(consents: &[Act]) -> u32 {
    u32::try_from(consents.len()).unwrap_or(u32::MAX)
}

fn draft(event: AmendmentEvent, actor: Actor) -> Draft {
    Draft::of(Event::Amendment(event), actor)
}

fn said(event: AmendmentEvent, actor: Actor, change: AmendmentChange) -> Step {
    Step { draft: draft(event, actor), effects: vec![Effect::Amendment(Box::new(change))] }
}

pub(super) fn field<'e>(entry: &'e Entry, name: &str) -> Option<&'e Detail> {
    match &entry.detail {
        Detail::Object(fields) => fields.get(name),
        Detail::Null | Detail::Bool(_) | Detail::Int(_) | Detail::String(_) | Detail::Array(_) => None,
    }
}
