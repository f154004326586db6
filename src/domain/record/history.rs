//! What runs over what was said before, or beside the policy in force, and drafts of policies that officers keep.

use crate::domain::event::RunEnd;
use crate::domain::message::Sealed;
use crate::units::{AccountId, DraftId, EntryIndex, Hash, RunId, Timestamp, Version};

/// What a run does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RunKind {
    /// Masks what was said before again.
    Remasking,
    /// Holds a policy against the one in force, on what is said.
    Shadow,
}

impl RunKind {
    /// The number in the database.
    pub const fn code(self) -> i16 {
        match self {
            Self::Remasking => 0,
            Self::Shadow => 1,
        }
    }

    /// The kind behind a database value.
    pub const fn from_code(code: i16) -> Option<Self> {
        match code {
            0 => Some(Self::Remasking),
            1 => Some(Self::Shadow),
            _ => None,
        }
    }
}

/// See [`super::Effect::Run`]. Who and when stand in its entry.
#[derive(Clone)]
pub struct RunChange {
    /// The run.
    pub id: RunId,
    /// Whoever acts.
    pub by: AccountId,
    /// What happens to it.
    pub step: RunStep,
}

/// One step of a run.
#[derive(Clone)]
pub enum RunStep {
    /// It begins.
    Begun {
        /// What it does.
        kind: RunKind,
        /// The policy.
        digest: Hash,
        /// The policy file, sealed, of one that is not kept among those that were proposed.
        source: Option<Sealed>,
        /// When it ends by itself.
        until: Option<Timestamp>,
    },
    /// It masked so many messages and notes again, and everything up to this entry is done.
    Advanced {
        /// The next entry to look at.
        cursor: EntryIndex,
        /// How many it masked again with this.
        masked: u64,
    },
    /// It is over.
    Ended {
        /// How.
        end: RunEnd,
    },
}

impl RunChange {
    /// The version that this was decided on, of what is counted.
    pub fn expected(&self) -> Option<Option<Version>> {
        match self.step {
            RunStep::Begun { .. } => Some(None),
            RunStep::Advanced { .. } => None,
            RunStep::Ended { .. } => Some(Some(Version::FIRST)),
        }
    }
}

/// See [`super::Effect::Draft`]. When stands in its entry.
#[derive(Clone)]
pub struct DraftChange {
    /// The draft.
    pub id: DraftId,
    /// The version this was decided on; `None`: it is new.
    pub expected: Option<Version>,
    /// Whoever wrote it.
    pub by: AccountId,
    /// Its name and text, sealed; `None`: it is taken away.
    pub content: Option<Sealed>,
}
