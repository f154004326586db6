//! Reports that something is masked wrongly, or isn't, and what becomes of them.

use crate::domain::event::DeclineReason;
use crate::units::{AccountId, AmendmentId, ReportId, Version};

/// Where a report stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReportState {
    /// Nobody took it up.
    Open,
    /// An officer writes a change of the policy.
    Drafted,
    /// A change was proposed.
    Proposed,
    /// Nothing changes.
    Declined,
    /// The change is in force.
    Closed,
}

impl ReportState {
    const ALL: [(Self, &'static str, i16); 5] = [
        (Self::Open, "open", 0),
        (Self::Drafted, "drafted", 1),
        (Self::Proposed, "proposed", 2),
        (Self::Declined, "declined", 3),
        (Self::Closed, "closed", 4),
    ];

    /// The word in answers.
    pub fn word(self) -> &'static str {
        Self::ALL.iter().find(|(state, ..)| *state == self).map_or("", |(_, word, _)| word)
    }

    /// The number in the database.
    pub fn code(self) -> i16 {
        Self::ALL.iter().find(|(state, ..)| *state == self).map_or(-1, |(.., code)| *code)
    }

    /// The state behind a database value.
    pub fn from_code(code: i16) -> Option<Self> {
        Self::ALL.iter().find(|(.., known)| *known == code).map(|(state, ..)| *state)
    }
}

/// See [`super::Effect::Report`]. Who and when stand in its entry.
#[derive(Clone, Copy)]
pub struct ReportChange {
    /// The report.
    pub id: ReportId,
    /// The version this was decided on; `None`: it is new.
    pub expected: Option<Version>,
    /// Whoever acts.
    pub by: AccountId,
    /// What happens to it.
    pub step: ReportStep,
}

/// One step of a report.
#[derive(Clone, Copy)]
pub enum ReportStep {
    /// It comes to be.
    Made,
    /// An officer takes it up.
    Drafted,
    /// A change is proposed for it.
    Proposed(AmendmentId),
    /// Nothing changes for it.
    Declined(DeclineReason),
    /// The change is in force.
    Closed(AmendmentId),
    /// The change will not come into force.
    Reopened,
}

impl ReportStep {
    /// Where the report stands from now on, by which amendment and for which reason.
    pub fn leads_to(self) -> (ReportState, Option<AmendmentId>, Option<DeclineReason>) {
        match self {
            Self::Made | Self::Reopened => (ReportState::Open, None, None),
            Self::Drafted => (ReportState::Drafted, None, None),
            Self::Proposed(amendment) => (ReportState::Proposed, Some(amendment), None),
            Self::Declined(reason) => (ReportState::Declined, None, Some(reason)),
            Self::Closed(amendment) => (ReportState::Closed, Some(amendment), None),
        }
    }
}
