//! What the desk reports about masks: a place in a message that should be masked and isn't (漏脱敏), or is and should not be
//! (误脱敏); and what officers make of it.
//!
//! A report has no words: it names a message and a place in it. Whoever may read it sees the message in their own view, as long
//! as its person is there. What goes into a policy's test is made up, see [`crate::domain::masking::sample_test`].

use std::ops::Range;

use lww_audit::Entry;
use lww_audit::entry::Detail;

use super::amendments::field;
use super::desk::view;
use super::proposals::about;
use super::transcript::{open, shown_message};
use super::{Refusal, Staff, Tenant, TextSpan};
use crate::domain::access::Action;
use crate::domain::event::{DeclineReason, Event, Misread, ReportEvent, ReportedPlace, Role};
use crate::domain::masking::{self, Entity, MaskedText, SampleTest, View};
use crate::domain::record::{Actor, Draft, Effect, Outcome, Proposal, ReportChange, ReportState, ReportStep, Step};
use crate::limits::{REPORT_PLACE_CHARS_MAX, REPORTS_MAX};
use crate::ports::{ConversationRow, MessageRow, ReportRow, SharedSealer, random_bytes};
use crate::units::{AmendmentId, ConversationId, EntryIndex, ReportId, SERVER_ACTOR};

const REPORT: Refusal = Refusal::NotFound { what: "report" };

/// The view that officers see reported sentences in.
const OFFICER: View = View::Auditor;

/// A place that somebody at the desk reports, as they see the message.
#[derive(Clone, Copy, Debug)]
pub struct NewReport {
    /// The conversation.
    pub conversation: ConversationId,
    /// The message's entry.
    pub index: EntryIndex,
    /// What is wrong there.
    pub misread: Misread,
    /// Unicode scalar values before the place, and up to its end.
    pub start: usize,
    /// See `start`.
    pub end: usize,
}

/// A report as everybody may see it who may see reports: it tells nothing of what was said.
#[derive(Clone, Debug)]
pub struct Report {
    /// Where it stands.
    pub row: ReportRow,
    /// What is wrong.
    pub misread: Misread,
    /// What is there, or seems to be.
    pub entity: Option<String>,
    /// The conversation.
    pub conversation: ConversationId,
    /// The message's entry.
    pub index: EntryIndex,
}

/// A report with its sentence, as officers see it.
#[derive(Clone, Debug)]
pub struct ReportInFull {
    /// The report.
    pub report: Report,
    /// The message in the officer's view.
    pub text: String,
    /// The masked values in it.
    pub spans: Vec<TextSpan>,
    /// The reported place in it; `None` when the message was masked again since.
    pub place: Option<Range<usize>>,
}

/// A test for the policy's file, made up after a report.
#[derive(Clone, Debug)]
pub struct TestCase {
    /// The report.
    pub report: Report,
    /// The test.
    pub test: SampleTest,
}

/// What the entry of a report says.
struct Told {
    misread: Misread,
    entity: Option<String>,
    conversation: ConversationId,
    place: ReportedPlace,
}

impl Tenant {
    /// Reports a place in a message that one may see. Whoever reports the same place again gets the first report.
    ///
    /// # Errors
    /// [`Refusal::Invalid`] when there is no such place, [`Refusal::NotFound`], [`Refusal::Forbidden`].
    pub async fn report(&self, staff: &Staff, new: NewReport) -> Result<Report, Refusal> {
        let conversation = self.visible(staff, new.conversation).await?;
        let sealer = self.sealer(conversation.subject).await?;
        let message = self.message_at(&conversation, new.index).await?;
        let (place, entity) = reported(&sealer, &message, view(staff), new)?;
        let id = ReportId::from_random(random_bytes(&*self.ports.random));
        let key = format!("{}/{}/{}/{}", new.index.0, place.start, place.end, new.misread.word());
        let dedup = self.ports.vault.dedup(&format!("report/{}", staff.account), key.as_bytes(), &[]);
        let entity = entity.map(Entity::as_str);
        let event = Event::Report(ReportEvent::Made { report: id, misread: new.misread, place, entity });
        let change = ReportChange { id, expected: None, by: staff.account, step: ReportStep::Made };
        let step = Step {
            draft: about(Draft::of(event, staff.actor()), &conversation),
            effects: vec![Effect::Report(change)],
        };
        let recorded = self.record(Proposal { steps: vec![step], primary: 0, dedup: Some(dedup) }).await?;
        let id = match recorded {
            Outcome::Recorded(..) => id,
            Outcome::Duplicate { index } => {
                let entry = self.entry_at(index).await?;
                word(&entry, "report").and_then(|id| id.parse().ok()).ok_or(REPORT)?
            }
        };
        self.known_report(id).await
    }

    /// What one reported oneself, and what became of it, the newest first.
    ///
    /// # Errors
    /// [`Refusal::Forbidden`] when the role has no desk.
    pub async fn own_reports(&self, staff: &Staff) -> Result<Vec<Report>, Refusal> {
        staff.may(Action::Converse)?;
        self.in_detail(self.ports.reports.reports(Some(staff.account), REPORTS_MAX).await?).await
    }

    /// Every report, the newest first.
    ///
    /// # Errors
    /// [`Refusal::Forbidden`].
    pub async fn reports(&self, staff: &Staff) -> Result<Vec<Report>, Refusal> {
        staff.may(Action::ReadPolicies)?;
        self.in_detail(self.ports.reports.reports(None, REPORTS_MAX).await?).await
    }

    /// A report with its sentence, in the officer's view. That it was seen is recorded first.
    ///
    /// # Errors
    /// [`Refusal::NotFound`]; [`Refusal::Erased`] when the person is gone, and with them the sentence; [`Refusal::Forbidden`].
    pub async fn report_in_full(&self, staff: &Staff, id: ReportId) -> Result<ReportInFull, Refusal> {
        staff.may(Action::ProposePolicies)?;
        let (row, told, conversation) = self.report_at(id).await?;
        let sealer = self.sealer(conversation.subject).await?;
        let message = self.message_at(&conversation, told.place.at).await?;
        let seen = Event::TranscriptViewed { until: Some(told.place.at) };
        let draft = about(Draft::of(seen, staff.actor()), &conversation);
        self.record(Proposal::single(draft, Vec::new())).await?;
        let shown = shown_message(&sealer, &message, OFFICER, self.policy().as_deref())?;
        let is_same = message.remasked == told.place.again;
        let (text, _) = open(&sealer, message.id, &message.masked)?;
        let place = told.place.start..told.place.end;
        let place = is_same.then(|| text.place_in((View::Agent, OFFICER), place));
        Ok(ReportInFull { report: in_short(row, told), text: shown.text, spans: shown.spans, place })
    }

    /// Takes a report up: gives a test for the policy's file, with a made-up value in place of what was reported.
    ///
    /// # Errors
    /// [`Refusal::NotFound`] when it is decided; as for [`Tenant::report_in_full`].
    pub async fn draft_report(&self, staff: &Staff, id: ReportId) -> Result<TestCase, Refusal> {
        staff.may(Action::ProposePolicies)?;
        let policy = self.policy().ok_or(Refusal::NoPolicy)?;
        let (row, told, conversation) = self.report_at(id).await?;
        let sealer = self.sealer(conversation.subject).await?;
        let message = self.message_at(&conversation, told.place.at).await?;
        if row.state == ReportState::Open {
            let event = ReportEvent::Drafted { report: id };
            self.step(staff.actor(), &row, event, ReportStep::Drafted).await?;
        } else if row.state != ReportState::Drafted {
            return Err(REPORT);
        }
        let (text, _) = open(&sealer, message.id, &message.masked)?;
        let is_same = message.remasked == told.place.again;
        let text = if is_same { text.render(View::Agent) } else { String::new() };
        let characters = text.chars();
        let before: String = characters.clone().take(told.place.start).collect();
        let like: String = characters.skip(told.place.start).take(told.place.end - told.place.start).collect();
        let entity = told.entity.as_deref().and_then(Entity::from_name);
        // Of what can't be found any more the plain form is as good as any.
        let like = if like.is_empty() { "[]" } else { &like };
        let random = &*self.ports.random;
        let mut draw = |below: u32| u32::from_be_bytes(random_bytes(random)) % below.max(1);
        let what = (told.misread == Misread::Missed, entity);
        let test = masking::sample_test(&policy, what, (&before, like), &mut draw);
        let row = self.ports.reports.report(id).await?.ok_or(REPORT)?;
        Ok(TestCase { report: in_short(row, told), test })
    }

    /// Decides that nothing changes for a report.
    ///
    /// # Errors
    /// [`Refusal::NotFound`] when it is decided; [`Refusal::Forbidden`].
    pub async fn decline_report(&self, staff: &Staff, id: ReportId, reason: DeclineReason) -> Result<(), Refusal> {
        staff.may(Action::ProposePolicies)?;
        let row = self.open_report(id).await?;
        let event = ReportEvent::Declined { report: id, reason };
        self.step(staff.actor(), &row, event, ReportStep::Declined(reason)).await
    }

    /// The reports that a change of the policy is to answer, before it is proposed.
    ///
    /// # Errors
    /// [`Refusal::NotFound`] when one of them is decided already.
    pub async fn check_reports(&self, ids: &[ReportId]) -> Result<(), Refusal> {
        for id in ids {
            self.open_report(*id).await?;
        }
        Ok(())
    }

    /// Notes for which reports a change of the policy was proposed: with it they are closed, or open again.
    ///
    /// # Errors
    /// [`Refusal::NotFound`] when one of them was decided meanwhile; [`Refusal::Forbidden`].
    pub async fn proposed_for(&self, staff: &Staff, amendment: AmendmentId, ids: &[ReportId]) -> Result<(), Refusal> {
        staff.may(Action::ProposePolicies)?;
        for id in ids {
            let row = self.open_report(*id).await?;
            let event = ReportEvent::Proposed { report: *id, amendment };
            self.step(staff.actor(), &row, event, ReportStep::Proposed(amendment)).await?;
        }
        Ok(())
    }

    /// Closes the reports whose change of the policy is in force, and opens those again whose change is not going to be.
    ///
    /// # Errors
    /// [`Refusal`]; it is tried again.
    pub async fn settle_reports(&self) -> Result<(), Refusal> {
        if self.policy().is_none() {
            return Ok(());
        }
        let server = Actor { id: SERVER_ACTOR, role: Role::Server };
        for (row, in_force) in self.ports.reports.unsettled().await? {
            let Some(amendment) = row.amendment else { continue };
            let report = row.id;
            let (event, step) = if in_force {
                (ReportEvent::Closed { report, amendment }, ReportStep::Closed(amendment))
            } else {
                (ReportEvent::Reopened { report, amendment }, ReportStep::Reopened)
            };
            self.step(server, &row, event, step).await?;
        }
        Ok(())
    }

    async fn step(&self, actor: Actor, row: &ReportRow, event: ReportEvent, step: ReportStep) -> Result<(), Refusal> {
        let change = ReportChange { id: row.id, expected: Some(row.version), by: actor.id, step };
        let draft = Draft::of(Event::Report(event), actor);
        self.record(Proposal::single(draft, vec![Effect::Report(change)])).await?;
        Ok(())
    }

    /// A report that nobody has decided on.
    async fn open_report(&self, id: ReportId) -> Result<ReportRow, Refusal> {
        let is_open = |row: &ReportRow| matches!(row.state, ReportState::Open | ReportState::Drafted);
        self.ports.reports.report(id).await?.filter(is_open).ok_or(REPORT)
    }

    async fn known_report(&self, id: ReportId) -> Result<Report, Refusal> {
        let row = self.ports.reports.report(id).await?.ok_or(REPORT)?;
        let told = self.said_of(&row).await?;
        Ok(in_short(row, told))
    }

    async fn in_detail(&self, rows: Vec<ReportRow>) -> Result<Vec<Report>, Refusal> {
        let mut reports = Vec::with_capacity(rows.len());
        for row in rows {
            let told = self.said_of(&row).await?;
            reports.push(in_short(row, told));
        }
        Ok(reports)
    }

    async fn report_at(&self, id: ReportId) -> Result<(ReportRow, Told, ConversationRow), Refusal> {
        let row = self.ports.reports.report(id).await?.ok_or(REPORT)?;
        let told = self.said_of(&row).await?;
        let conversation = self.ports.store.conversation(told.conversation).await?;
        Ok((row, told, conversation.ok_or(Refusal::NotFound { what: "conversation" })?))
    }

    /// What the entry of a report says; it must be that report's.
    async fn said_of(&self, row: &ReportRow) -> Result<Told, Refusal> {
        let index = row.made.index;
        let entry = self.entry_at(index).await?;
        let is_its = entry.kind.as_str() == "report.made/1" && word(&entry, "report") == Some(&row.id.to_string());
        told(&entry).filter(|_| is_its).ok_or_else(|| self.differs(index))
    }

    async fn entry_at(&self, index: EntryIndex) -> Result<Entry, Refusal> {
        let bytes = self.ports.store.entry(index).await?.ok_or_else(|| self.differs(index))?;
        Entry::parse(&bytes).map_err(|_| self.differs(index))
    }

    async fn message_at(&self, row: &ConversationRow, index: EntryIndex) -> Result<MessageRow, Refusal> {
        let before = index.0.checked_sub(1).map(EntryIndex);
        let found = self.ports.store.messages(row.conversation, before, 1).await?;
        found.into_iter().find(|message| message.index == index).ok_or(Refusal::NotFound { what: "message" })
    }
}

/// The place as the agent's view has it, and what is there or seems to be.
fn reported(
    sealer: &SharedSealer,
    message: &MessageRow,
    view: View,
    new: NewReport,
) -> Result<(ReportedPlace, Option<Entity>), Refusal> {
    let NewReport { misread, start, end, .. } = new;
    let (text, _) = open(sealer, message.id, &message.masked)?;
    let seen = text.render(view);
    let spans = text.shown_spans(view);
    let is_place = start < end && end - start <= REPORT_PLACE_CHARS_MAX && end <= seen.chars().count();
    let expected = "1 to 200 characters of the message";
    if !is_place {
        return Err(Refusal::Invalid { field: "end", expected });
    }
    let entity = match misread {
        Misread::Wrong => {
            let found = spans.iter().find(|span| (span.start, span.end) == (start, end));
            let expected = "a masked value, whole";
            Some(found.ok_or(Refusal::Invalid { field: "start", expected })?.entity)
        }
        Misread::Missed if spans.iter().any(|span| span.start < end && start < span.end) => {
            let expected = "a place of which nothing is masked";
            return Err(Refusal::Invalid { field: "start", expected });
        }
        Misread::Missed => masking::guess(&seen.chars().skip(start).take(end - start).collect::<String>()),
    };
    let Range { start, end } = place_of(&text, view, start..end);
    Ok((ReportedPlace { message: message.id, at: message.index, again: message.remasked, start, end }, entity))
}

fn place_of(text: &MaskedText, view: View, place: Range<usize>) -> Range<usize> {
    text.place_in((view, View::Agent), place)
}

fn in_short(row: ReportRow, told: Told) -> Report {
    let Told { misread, entity, conversation, place } = told;
    Report { row, misread, entity, conversation, index: place.at }
}

fn told(entry: &Entry) -> Option<Told> {
    let number = |name| match field(entry, name) {
        Some(Detail::Int(value)) => u64::try_from(*value).ok(),
        Some(_) | None => None,
    };
    let size = |name| number(name).and_then(|value| usize::try_from(value).ok());
    let place = ReportedPlace {
        message: word(entry, "message")?.parse().ok()?,
        at: EntryIndex(number("at")?),
        again: number("again").map(EntryIndex),
        start: size("start")?,
        end: size("end")?,
    };
    Some(Told {
        misread: Misread::of(word(entry, "misread")?)?,
        entity: word(entry, "entity").cloned(),
        conversation: ConversationId(entry.conversation?),
        place,
    })
}

fn word<'e>(entry: &'e Entry, name: &str) -> Option<&'e String> {
    match field(entry, name) {
        Some(Detail::String(text)) => Some(text),
        Some(_) | None => None,
    }
}
