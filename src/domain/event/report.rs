//! What entries say of a place in a message that somebody reported: where it is, never what stands there.

use lww_audit::entry::Detail;

use super::{count, index, object, text};
use crate::units::{AmendmentId, EntryIndex, MessageId, ReportId};

/// What is wrong at a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Misread {
    /// It should be masked and isn't.
    Missed,
    /// It is masked and should not be.
    Wrong,
}

impl Misread {
    /// Its name in entries and requests.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Missed => "missed",
            Self::Wrong => "wrong",
        }
    }

    /// What a name means.
    pub fn of(word: &str) -> Option<Self> {
        [Self::Missed, Self::Wrong].into_iter().find(|misread| misread.word() == word)
    }
}

/// Why nothing changes for a report. The list is closed: free words could repeat what was reported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeclineReason {
    /// It is public, or tells nothing of anybody.
    NotSensitive,
    /// The policy means it so.
    Intended,
    /// The policy in force does it right already.
    Covered,
    /// Another report is about the same.
    Duplicate,
}

impl DeclineReason {
    const ALL: [(Self, &'static str, i16); 4] = [
        (Self::NotSensitive, "not_sensitive", 0),
        (Self::Intended, "intended", 1),
        (Self::Covered, "covered", 2),
        (Self::Duplicate, "duplicate", 3),
    ];

    /// Its name in entries and requests.
    pub fn word(self) -> &'static str {
        Self::ALL.iter().find(|(reason, ..)| *reason == self).map_or("", |(_, word, _)| word)
    }

    /// The reason of a name.
    pub fn of(word: &str) -> Option<Self> {
        Self::ALL.iter().find(|(_, known, _)| *known == word).map(|(reason, ..)| *reason)
    }

    /// The number in the database.
    pub fn code(self) -> i16 {
        Self::ALL.iter().find(|(reason, ..)| *reason == self).map_or(-1, |(.., code)| *code)
    }

    /// The reason behind a database value.
    pub fn from_code(code: i16) -> Option<Self> {
        Self::ALL.iter().find(|(.., known)| *known == code).map(|(reason, ..)| *reason)
    }
}

/// A place in a message as the agent's view shows it, in Unicode scalar values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReportedPlace {
    /// The message, and its entry.
    pub message: MessageId,
    /// See `message`.
    pub at: EntryIndex,
    /// The newest entry that had masked it again.
    pub again: Option<EntryIndex>,
    /// Scalar values before the place, and up to its end.
    pub start: usize,
    /// See `start`.
    pub end: usize,
}

/// One step of a report.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "each variant's sentence says what its fields are")]
pub enum ReportEvent {
    /// Somebody at the desk reported a place, and what is or seems to be there.
    Made { report: ReportId, misread: Misread, place: ReportedPlace, entity: Option<&'static str> },
    /// An officer writes a change of the policy for it.
    Drafted { report: ReportId },
    /// A change was proposed for it.
    Proposed { report: ReportId, amendment: AmendmentId },
    /// Nothing changes for it.
    Declined { report: ReportId, reason: DeclineReason },
    /// The change is in force.
    Closed { report: ReportId, amendment: AmendmentId },
    /// The change will not come into force.
    Reopened { report: ReportId, amendment: AmendmentId },
}

impl ReportEvent {
    /// The kind with its version.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Made { .. } => "report.made/1",
            Self::Drafted { .. } => "report.drafted/1",
            Self::Proposed { .. } => "report.proposed/1",
            Self::Declined { .. } => "report.declined/1",
            Self::Closed { .. } => "report.closed/1",
            Self::Reopened { .. } => "report.reopened/1",
        }
    }

    /// The details.
    pub(super) fn detail(&self) -> Detail {
        match self {
            Self::Made { report, misread, place, entity } => {
                let ReportedPlace { message, at, again, start, end } = place;
                object([
                    ("report", text(report)),
                    ("misread", text(misread.word())),
                    ("message", text(message)),
                    ("at", count(at.0)),
                    ("again", index(*again)),
                    ("start", count(*start as u64)),
                    ("end", count(*end as u64)),
                    ("entity", entity.map_or(Detail::Null, text)),
                ])
            }
            Self::Drafted { report } => object([("report", text(report))]),
            Self::Declined { report, reason } => object([("report", text(report)), ("reason", text(reason.word()))]),
            Self::Proposed { report, amendment }
            | Self::Closed { report, amendment }
            | Self::Reopened { report, amendment } => {
                object([("report", text(report)), ("amendment", text(amendment))])
            }
        }
    }
}
