//! How a tenant's log is kept outside of the database: published, witnessed, mirrored, sealed, looked through.
//!
//! Whoever does one of these tells it here; the interface, the metrics and the console read it. Nothing is decided by it.

use std::sync::{PoisonError, RwLock};

use crate::units::{EntryIndex, Timestamp, TreeSize};

/// A size that something had at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SizeAt {
    /// Number of entries.
    pub size: TreeSize,
    /// When.
    pub at: Timestamp,
}

/// How a log is kept.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Custody {
    /// The published checkpoint, and since when it is.
    pub published: Option<SizeAt>,
    /// How many of whom must have cosigned what is published, in words; `None` without witnesses.
    pub quorum: Option<String>,
    /// Those who are asked to cosign, in the order of the policy.
    pub witnesses: Vec<WitnessCustody>,
    /// The copy of what is published in another place.
    pub mirror: MirrorCustody,
    /// The newest entry that seals the ends of all chains.
    pub seal: Option<SealCustody>,
    /// The server's own look through what it wrote.
    pub self_audit: SelfAuditCustody,
}

/// Where one witness stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WitnessCustody {
    /// How the policy calls it.
    pub name: String,
    /// Where it is asked; `None` when the policy doesn't say.
    pub url: Option<String>,
    /// What it cosigned last, with the time that it stated.
    pub cosigned: Option<SizeAt>,
    /// What came of asking it last.
    pub state: WitnessState,
    /// Why, in words for an operator.
    pub reason: Option<String>,
    /// Since when it has been in this state.
    pub since: Option<Timestamp>,
}

/// What came of asking a witness.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WitnessState {
    /// It cosigned the newest checkpoint that it was asked about.
    Cosigned,
    /// It lives, and its newest cosignature is older than what it was asked about.
    Behind,
    /// It says no: it doesn't know this log or its key, or it has seen another history of it.
    Refused,
    /// It doesn't answer.
    Unreachable,
    /// Nobody has asked it so far.
    Unasked,
}

impl WitnessState {
    /// Its word in the interface and in metrics.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Cosigned => "cosigned",
            Self::Behind => "behind",
            Self::Refused => "refused",
            Self::Unreachable => "unreachable",
            Self::Unasked => "unasked",
        }
    }
}

/// Where the copy stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MirrorCustody {
    /// Where it is.
    pub target: Option<String>,
    /// What it holds.
    pub holds: Option<SizeAt>,
    /// What came of writing it last.
    pub state: MirrorState,
    /// Why, in words for an operator.
    pub reason: Option<String>,
}

/// What came of writing a copy.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MirrorState {
    /// It holds what is published.
    Current,
    /// It holds less.
    Behind,
    /// It can't be written.
    Unreachable,
    /// It holds something else.
    Differs,
    /// There is none.
    #[default]
    Off,
}

/// An entry that seals the ends of all chains.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SealCustody {
    /// Its index.
    pub index: EntryIndex,
    /// It covers the entries before this size.
    pub upto: TreeSize,
    /// Its time.
    pub at: Timestamp,
}

/// The server's own look through what it wrote.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SelfAuditCustody {
    /// When it looked last.
    pub at: Option<Timestamp>,
    /// Up to which size.
    pub looked_to: Option<TreeSize>,
    /// What it found wrong since the server started.
    pub findings: u64,
    /// What it does at the moment.
    pub state: SelfAuditState,
}

/// What the look does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SelfAuditState {
    /// It waits for its next turn.
    #[default]
    Idle,
    /// It looks.
    Running,
    /// It found something that an operator must see.
    Found,
}

/// How a log is kept, shared by those who do it and those who tell it.
#[derive(Debug, Default)]
pub struct CustodyCell(RwLock<Custody>);

impl CustodyCell {
    /// How it is kept at the moment.
    pub fn now(&self) -> Custody {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Changes what is told of it; `change` must return at once.
    pub fn tell(&self, change: impl FnOnce(&mut Custody)) {
        change(&mut self.0.write().unwrap_or_else(PoisonError::into_inner));
    }
}
