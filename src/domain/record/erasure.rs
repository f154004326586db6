//! Changes that erase or hold a customer, and that end an epoch.

use crate::domain::event::{ErasureReason, HoldReason};
use crate::units::{AccountId, ErasureId, Hash, HoldId, SubjectId, Version};

/// Where a proposal to erase somebody stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErasureState {
    /// A second person has to decide.
    Proposed,
    /// It was turned down.
    Rejected,
    /// It was done.
    Erased,
}

impl ErasureState {
    const ALL: [(Self, &'static str, i16); 3] =
        [(Self::Proposed, "proposed", 0), (Self::Rejected, "rejected", 1), (Self::Erased, "erased", 2)];

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

/// A proposal to erase somebody comes to be or is decided on. Who and when stand in its entry.
#[derive(Clone, Copy)]
pub struct ErasureChange {
    /// The proposal.
    pub id: ErasureId,
    /// The version this was decided on; `None`: it is new.
    pub expected: Option<Version>,
    /// Who is to be erased.
    pub subject: SubjectId,
    /// Why.
    pub reason: ErasureReason,
    /// Whether the epoch is to end at once.
    pub at_once: bool,
    /// Who proposed it.
    pub proposed_by: AccountId,
    /// Who decides, when it is decided on.
    pub by: AccountId,
    /// Where it stands from now on.
    pub state: ErasureState,
    /// The newest epoch, of one that is done.
    pub epoch: Option<i32>,
}

/// A legal hold is placed or released. Who and when stand in its entry.
#[derive(Clone, Copy)]
pub struct HoldChange {
    /// The hold.
    pub id: HoldId,
    /// The version this was decided on; `None`: it is placed.
    pub expected: Option<Version>,
    /// Who is held.
    pub subject: SubjectId,
    /// Why.
    pub reason: HoldReason,
    /// Who places or releases it.
    pub by: AccountId,
}

/// A customer is held or let go, which the next change must have seen; or is erased.
#[derive(Clone, Copy)]
pub struct SubjectChange {
    /// Who.
    pub subject: SubjectId,
    /// The version this was decided on.
    pub expected: Version,
    /// What happens to them.
    pub end: SubjectEnd,
}

/// What becomes of a customer's rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SubjectEnd {
    /// They stay; the version rises.
    Stays,
    /// Keys, identities and contact go. The database refuses while a hold is on them.
    Erased,
    /// The same of one who was erased before, whatever an older database says of holds.
    ErasedAgain,
}

/// An epoch that no row of the tenant hangs on any more.
#[derive(Clone, Copy)]
pub struct EpochChange {
    /// Its number.
    pub epoch: i32,
    /// Its key's public name.
    pub fingerprint: Hash,
    /// Whether its key was destroyed; else nothing hangs on it from here on.
    pub destroyed: bool,
}
