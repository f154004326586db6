//! Changes of the masking policy that somebody proposed, and what becomes of them.

use crate::units::{AccountId, AmendmentId, Hash, Timestamp, Version};

/// Where a proposed change of the policy stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AmendmentState {
    /// Others have to consent.
    Proposed,
    /// It was turned down, withdrawn or overtaken.
    Rejected,
    /// Enough people consented; it waits for its time.
    Scheduled,
    /// It came into force.
    Activated,
}

impl AmendmentState {
    const ALL: [(Self, &'static str, i16); 4] = [
        (Self::Proposed, "proposed", 0),
        (Self::Rejected, "rejected", 1),
        (Self::Scheduled, "scheduled", 2),
        (Self::Activated, "activated", 3),
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

/// See [`super::Effect::Amendment`]. Who and when stand in its entry.
#[derive(Clone)]
pub struct AmendmentChange {
    /// The amendment.
    pub id: AmendmentId,
    /// The version this was decided on; `None`: it is new.
    pub expected: Option<Version>,
    /// Whoever acts.
    pub by: AccountId,
    /// What happens to it.
    pub step: AmendmentStep,
}

/// One step of an amendment.
#[derive(Clone)]
pub enum AmendmentStep {
    /// It comes to be; one that only masks more may be in force at once.
    Proposed {
        /// What would come into force, and its text.
        digest: Hash,
        /// The policy file.
        source: String,
        /// What was in force then.
        against: Hash,
        /// Whether everything that differs masks more.
        only_masks_more: bool,
        /// From when on it is to act.
        effective: Option<Timestamp>,
        /// Where it stands from now on.
        state: AmendmentState,
    },
    /// Somebody consents; with enough it is decided.
    Consented {
        /// Where it stands from now on.
        state: AmendmentState,
    },
    /// It is turned down, withdrawn or overtaken.
    Rejected,
    /// Its time has come.
    Activated,
    /// Somebody else looked at what one person brought into force.
    Reviewed,
}
