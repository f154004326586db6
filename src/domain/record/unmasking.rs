//! Requests to open a masked value, and what becomes of them.

use super::super::event::SpanPlace;
use crate::units::{AccountId, ConversationKey, SubjectId, Timestamp, UnmaskingId, Version};

/// Where a request to open a value stands. That its time is over, the clock says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnmaskingState {
    /// Somebody else has to agree.
    Requested,
    /// It may be opened, once.
    Granted,
    /// It may not be opened.
    Denied,
    /// It was opened.
    Used,
}

impl UnmaskingState {
    const ALL: [(Self, &'static str, i16); 4] = [
        (Self::Requested, "requested", 0),
        (Self::Granted, "granted", 1),
        (Self::Denied, "denied", 2),
        (Self::Used, "used", 3),
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

/// See [`super::Effect::Unmasking`]. When, and by which entry, stands in its entry.
#[derive(Clone, Copy)]
pub struct UnmaskingChange {
    /// The request.
    pub id: UnmaskingId,
    /// The version this was decided on; `None`: it is new.
    pub expected: Option<Version>,
    /// Whoever acts.
    pub by: AccountId,
    /// What happens to it.
    pub step: UnmaskingStep,
}

/// One step of a request.
#[derive(Clone, Copy)]
pub enum UnmaskingStep {
    /// It comes to be.
    Requested {
        /// The conversation that the value stands in.
        conversation: ConversationKey,
        /// Whose it is.
        subject: SubjectId,
        /// Where it stands.
        place: SpanPlace,
    },
    /// It is granted.
    Granted {
        /// Until when it may be opened and shown.
        until: Timestamp,
    },
    /// It is denied.
    Denied,
    /// It was opened.
    Used,
}
