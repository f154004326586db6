//! Break-glass: opening one masked value, by whom the rule names, with a reason, for a limited time, and with a second person's
//! word where the rule asks for it.
//!
//! Asked for, granted, opened: each is an entry before anything comes of it, and the value is told once. By whose leave, the
//! policy in force says, and the rule that masked the value must have left it open to anybody at all. What the database says of
//! a request is held against the entries: a row that somebody changed opens nothing.

use lww_audit::Entry;
use lww_audit::entry::Detail;

use super::proposals::about;
use super::tails::said_in;
use super::{Refusal, Staff, Tenant};
use crate::domain::access::{Action, Whose, reach};
use crate::domain::event::{Event, Role, SpanPlace, UnmaskEvent, UnmaskReason};
use crate::domain::masking::{Entity, Hidden, Occasion, Opening, Policy};
use crate::domain::message::RawText;
use crate::domain::record::{
    Draft, Effect, Proposal, Step, SubjectChange, SubjectEnd, UnmaskingChange, UnmaskingState, UnmaskingStep,
};
use crate::limits::{DECISIONS_MAX, UNMASK_REQUESTS_FORGET_S, UNMASK_REQUESTS_MAX, UNMASK_WAIT_S, UNMASKINGS_MAX};
use crate::ports::{Act, ConversationRow, RecordError, UnmaskingFilter, UnmaskingRow, random_bytes};
use crate::telemetry::{Occurrence, emit};
use crate::units::{ConversationId, EntryIndex, MICROS_PER_SECOND, SubjectId, Timestamp, UnmaskingId, Version};

const UNMASKING: Refusal = Refusal::NotFound { what: "request" };

/// A request to open a value, with what the screens say of it.
#[derive(Clone, Debug)]
pub struct Unmasking {
    /// As it stands.
    pub row: UnmaskingRow,
    /// What the value is: the entity's name.
    pub entity: String,
    /// Its class.
    pub class: String,
    /// Why.
    pub reason: String,
    /// Where it stands, the clock minded: requested, granted, denied, used or lapsed.
    pub stands: &'static str,
}

/// A value that may be shown, once.
pub struct OpenedValue {
    /// The value, as it was written.
    pub value: RawText,
    /// Until when it may stand on a screen.
    pub until: Timestamp,
    /// The entry that says so, and when.
    pub used: Act,
}

impl Tenant {
    /// Asks to open a masked value. Where the rule asks for nobody else it may be opened at once.
    ///
    /// # Errors
    /// [`Refusal::Forbidden`] when somebody else holds the conversation or the rule names no role of the asker's;
    /// [`Refusal::NotReversible`] when the rule lets nobody open it; [`Refusal::TooOften`].
    pub async fn request_unmasking(
        &self,
        staff: &Staff,
        conversation: ConversationId,
        place: SpanPlace,
        reason: UnmaskReason,
    ) -> Result<Unmasking, Refusal> {
        let row = self.visible(staff, conversation).await?;
        let behind = self.behind(&row, place).await?;
        let policy = self.policy().ok_or(Refusal::NoPolicy)?;
        let opening = opening_of(policy.on(&self.occasion_of(&row)), behind.hidden)?;
        self.may_open(staff, opening).await?;
        let key = [b"unmask/".as_slice(), &staff.account.0.0].concat();
        self.within(&key, (UNMASK_REQUESTS_MAX, UNMASK_REQUESTS_FORGET_S)).await?;
        let id = UnmaskingId::from_random(random_bytes(&*self.ports.random));
        let Hidden { entity, class, .. } = behind.hidden;
        let second_person = !opening.second_person.is_empty();
        let event =
            UnmaskEvent::Requested { unmasking: id, place, entity, class, reason, ttl_s: opening.ttl_s, second_person };
        let asked = UnmaskingStep::Requested { conversation: row.conversation.key, subject: row.subject, place };
        let mut steps = vec![step(staff, &row, event, (id, None, asked))];
        if !second_person {
            let until = self.ends(opening);
            let granted = UnmaskEvent::Granted { unmasking: id, until };
            let change = (id, Some(Version::FIRST), UnmaskingStep::Granted { until });
            steps.push(step(staff, &row, granted, change));
        }
        self.record(Proposal { primary: 0, steps, dedup: None }).await?;
        self.as_told(self.one_request(id).await?)
    }

    /// Grants a request as the second person that the rule asks for.
    ///
    /// # Errors
    /// [`Refusal::SamePerson`] by whoever asked, [`Refusal::FactorRequired`] without a second factor shown just now,
    /// [`Refusal::Forbidden`] when the rule doesn't ask for the role, [`Refusal::Lapsed`], [`Refusal::NotFound`] when it is
    /// decided.
    pub async fn grant_unmasking(&self, staff: &Staff, id: UnmaskingId) -> Result<Unmasking, Refusal> {
        staff.may_approve()?;
        let row = self.undecided(id).await?;
        if row.requested.by == staff.account {
            return Err(Refusal::SamePerson);
        }
        if self.is_over(&row) {
            return Err(Refusal::Lapsed);
        }
        let asked = self.check_request(&row).await?;
        let conversation = self.ports.store.conversation(row.conversation.public).await?;
        let there = self.occasion_of(&conversation.ok_or(Refusal::NotFound { what: "conversation" })?);
        let policy = self.policy().ok_or(Refusal::NoPolicy)?;
        let opening = entity_of(&asked).and_then(|entity| policy.on(&there).opening(entity));
        let opening = opening.ok_or(Refusal::NotReversible)?;
        if !opening.second_person.iter().any(|role| role == staff.role.word()) {
            return Err(Refusal::Forbidden);
        }
        let until = self.ends(opening);
        let event = UnmaskEvent::Granted { unmasking: id, until };
        self.decide(staff, &row, event, UnmaskingStep::Granted { until }).await
    }

    /// Denies a request.
    ///
    /// # Errors
    /// [`Refusal::FactorRequired`] without a second factor shown just now, [`Refusal::NotFound`] when it is decided.
    pub async fn deny_unmasking(&self, staff: &Staff, id: UnmaskingId) -> Result<Unmasking, Refusal> {
        staff.may_approve()?;
        let row = self.undecided(id).await?;
        self.decide(staff, &row, UnmaskEvent::Denied { unmasking: id }, UnmaskingStep::Denied).await
    }

    /// Opens the value of a request that was granted, once. That it is shown is in the ledger before it leaves.
    ///
    /// # Errors
    /// [`Refusal::Forbidden`] by anybody but whoever asked, or when the policy names them no more;
    /// [`Refusal::FactorRequired`] without a second factor shown just now; [`Refusal::Lapsed`] when its time is over;
    /// [`Refusal::NotFound`] when it is not granted or was used; [`Refusal::Erased`]; [`Refusal::Differs`] when the database
    /// does not hold what was recorded.
    pub async fn open_value(&self, staff: &Staff, id: UnmaskingId) -> Result<OpenedValue, Refusal> {
        staff.may(Action::Unmask)?;
        for _ in 0..DECISIONS_MAX {
            let row = self.one_request(id).await?;
            if row.requested.by != staff.account {
                return Err(Refusal::Forbidden);
            }
            let until = row.until.filter(|_| row.state == UnmaskingState::Granted).ok_or(UNMASKING)?;
            if self.is_over(&row) {
                return Err(Refusal::Lapsed);
            }
            match self.open_granted(staff, &row, until).await? {
                Ok((value, used)) => {
                    emit(&Occurrence::Unmasked { tenant: &self.name.name });
                    return Ok(OpenedValue { value, until, used });
                }
                Err(RecordError::Conflict { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(Refusal::Conflict)
    }

    /// Requests, those made last first; of somebody who oversees nobody, their own.
    ///
    /// # Errors
    /// [`Refusal::Forbidden`].
    pub async fn unmaskings(&self, staff: &Staff, subject: Option<SubjectId>) -> Result<Vec<Unmasking>, Refusal> {
        staff.may(Action::ReadUnmaskings)?;
        let by = (reach(staff.role, Action::ReadUnmaskings) == Some(Whose::Own)).then_some(staff.account);
        let filter = UnmaskingFilter { subject, by, limit: UNMASKINGS_MAX };
        let rows = self.ports.unmaskings.unmaskings(filter).await?;
        rows.into_iter().map(|row| self.as_told(row)).collect()
    }

    /// One request, for whoever asked or oversees.
    ///
    /// # Errors
    /// [`Refusal::NotFound`]; [`Refusal::Forbidden`].
    pub async fn unmasking(&self, staff: &Staff, id: UnmaskingId) -> Result<Unmasking, Refusal> {
        staff.may(Action::ReadUnmaskings)?;
        let row = self.one_request(id).await?;
        if reach(staff.role, Action::ReadUnmaskings) == Some(Whose::Own) && row.requested.by != staff.account {
            return Err(Refusal::Forbidden);
        }
        self.as_told(row)
    }

    /// Opens and records; the value is nobody's while the outcome is not known.
    async fn open_granted(
        &self,
        staff: &Staff,
        row: &UnmaskingRow,
        until: Timestamp,
    ) -> Result<Result<(RawText, Act), RecordError>, Refusal> {
        let asked = self.check_request(row).await?;
        let conversation = self.visible(staff, row.conversation.public).await?;
        // Read before the value is: an erasure in between moves the version, and wins.
        let subject = self.ports.erasures.subject(row.subject).await?.ok_or(Refusal::Erased)?;
        let behind = self.behind(&conversation, row.place).await?;
        let policy = self.policy().ok_or(Refusal::NoPolicy)?;
        let policy = policy.on(&self.occasion_of(&conversation));
        self.may_open(staff, opening_of(policy, behind.hidden)?).await?;
        let value = self.value(&behind).await?;
        let reason = word(&asked, "reason").and_then(UnmaskReason::from_word).ok_or(UNMASKING)?;
        let entity = behind.hidden.entity;
        let event = UnmaskEvent::Used { unmasking: row.id, place: row.place, entity, reason, until };
        let mut used = step(staff, &conversation, event, (row.id, Some(row.version), UnmaskingStep::Used));
        let stays = SubjectChange { subject: row.subject, expected: subject.version, end: SubjectEnd::Stays };
        used.effects.push(Effect::Subject(stays));
        match self.record(Proposal { primary: 0, steps: vec![used], dedup: None }).await {
            Ok(_) => {
                let used = self.one_request(row.id).await?.used.ok_or(Refusal::Unknown)?;
                Ok(Ok((value, used)))
            }
            Err(error) => Ok(Err(error)),
        }
    }

    async fn decide(
        &self,
        staff: &Staff,
        row: &UnmaskingRow,
        event: UnmaskEvent,
        decided: UnmaskingStep,
    ) -> Result<Unmasking, Refusal> {
        let conversation = self.ports.store.conversation(row.conversation.public).await?.ok_or(UNMASKING)?;
        let step = step(staff, &conversation, event, (row.id, Some(row.version), decided));
        self.record(Proposal { primary: 0, steps: vec![step], dedup: None }).await?;
        self.as_told(self.one_request(row.id).await?)
    }

    async fn one_request(&self, id: UnmaskingId) -> Result<UnmaskingRow, Refusal> {
        self.ports.unmaskings.unmasking(id).await?.ok_or(UNMASKING)
    }

    async fn undecided(&self, id: UnmaskingId) -> Result<UnmaskingRow, Refusal> {
        let row = self.one_request(id).await?;
        if row.state == UnmaskingState::Requested { Ok(row) } else { Err(UNMASKING) }
    }

    /// Whether the rule names somebody: by their role, or by a group or skill that an administrator gave them.
    async fn may_open(&self, staff: &Staff, opening: &Opening) -> Result<(), Refusal> {
        if opening.roles.iter().any(|role| role == staff.role.word()) {
            return Ok(());
        }
        // What is a role's word is no group's.
        let mut groups = opening.roles.iter().filter(|word| Role::from_word(word).is_none()).peekable();
        let place = match groups.peek() {
            Some(_) => self.ports.store.agents().await?.into_iter().find(|agent| agent.id == staff.account),
            None => None,
        };
        let skills = place.filter(|_| staff.role == Role::Agent).map(|agent| agent.skills).unwrap_or_default();
        if groups.any(|word| skills.contains(word)) { Ok(()) } else { Err(Refusal::Forbidden) }
    }

    fn ends(&self, opening: &Opening) -> Timestamp {
        let now = self.ports.clock.now().as_micros();
        Timestamp::from_micros(now + i64::from(opening.ttl_s) * MICROS_PER_SECOND)
    }

    /// Whether its time is over: that to be decided in, or that to be shown in.
    fn is_over(&self, row: &UnmaskingRow) -> bool {
        let waits = row.requested.time.as_micros() + UNMASK_WAIT_S * MICROS_PER_SECOND;
        let ends = row.until.map_or(waits, Timestamp::as_micros);
        self.ports.clock.now().as_micros() >= ends
    }

    fn as_told(&self, row: UnmaskingRow) -> Result<Unmasking, Refusal> {
        let asked = Entry::parse(&row.asked).map_err(|_| self.differs(row.requested.index))?;
        let said = |name| word(&asked, name).unwrap_or_default().to_owned();
        let is_open = matches!(row.state, UnmaskingState::Requested | UnmaskingState::Granted);
        let stands = if is_open && self.is_over(&row) { "lapsed" } else { row.state.word() };
        Ok(Unmasking { entity: said("entity"), class: said("class"), reason: said("reason"), stands, row })
    }

    /// Holds a row against the entries: that it was asked for so, and granted by somebody whose word counts. The entry that
    /// asked.
    async fn check_request(&self, row: &UnmaskingRow) -> Result<Entry, Refusal> {
        let asked = self.entry_about(row, &row.requested, "unmask.requested/1").await?;
        let says = |name: &str, what: Detail| field(&asked, name) == Some(&what);
        let SpanPlace { message, span, of } = row.place;
        let index = |value: EntryIndex| Detail::Int(i64::try_from(value.0).unwrap_or(i64::MAX));
        let is_same = says("message", Detail::String(message.to_string()))
            && says("span", Detail::Int(i64::from(span)))
            && says("of", index(of))
            && asked.subject == Some(row.subject.0)
            && asked.conversation == Some(row.conversation.public.0);
        if !is_same {
            return Err(self.differs(row.requested.index));
        }
        if row.state == UnmaskingState::Requested {
            return Ok(asked);
        }
        let (decided, until) = row.decided.as_ref().zip(row.until).ok_or(self.differs(row.requested.index))?;
        let granted = self.entry_about(row, decided, "unmask.granted/1").await?;
        let takes_another = says("second_person", Detail::Bool(true));
        let is_anothers = decided.by != row.requested.by;
        if field(&granted, "until") == Some(&Detail::String(until.to_string())) && takes_another == is_anothers {
            Ok(asked)
        } else {
            Err(self.differs(decided.index))
        }
    }

    fn occasion_of(&self, row: &ConversationRow) -> Occasion {
        let (channel, purpose) = said_in(row);
        self.occasion(channel, purpose)
    }

    async fn entry_about(&self, row: &UnmaskingRow, act: &Act, kind: &str) -> Result<Entry, Refusal> {
        let entry = self.proven_entry(act.index).await?;
        let is_it = entry.kind.as_str() == kind
            && entry.actor.id == act.by.0
            && word(&entry, "unmasking") == Some(row.id.to_string().as_str());
        if is_it { Ok(entry) } else { Err(self.differs(act.index)) }
    }
}

/// By whom a value may be opened: as the policy in force says for the conversation's channel and queue, where the rule that masked it said so, too.
fn opening_of(policy: &Policy, hidden: Hidden) -> Result<&Opening, Refusal> {
    policy.opening(hidden.entity).filter(|_| hidden.is_reversible).ok_or(Refusal::NotReversible)
}

fn entity_of(asked: &Entry) -> Option<Entity> {
    word(asked, "entity").and_then(Entity::from_name)
}

fn step(
    staff: &Staff,
    row: &ConversationRow,
    event: UnmaskEvent,
    (id, expected, step): (UnmaskingId, Option<Version>, UnmaskingStep),
) -> Step {
    let change = UnmaskingChange { id, expected, by: staff.account, step };
    let draft = about(Draft::of(Event::Unmask(event), staff.actor()), row);
    Step { draft, effects: vec![Effect::Unmasking(change)] }
}

fn field<'e>(entry: &'e Entry, name: &str) -> Option<&'e Detail> {
    match &entry.detail {
        Detail::Object(fields) => fields.get(name),
        Detail::Null | Detail::Bool(_) | Detail::Int(_) | Detail::String(_) | Detail::Array(_) => None,
    }
}

fn word<'e>(entry: &'e Entry, name: &str) -> Option<&'e str> {
    match field(entry, name) {
        Some(Detail::String(word)) => Some(word),
        Some(_) | None => None,
    }
}
