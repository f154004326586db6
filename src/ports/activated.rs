//! Which entries of a log brought a masking policy and a routing table into force last, as the server itself saw them.
//!
//! The settings row says so too, but whoever may write rows may write that one. These are remembered beside the rollback
//! guard, outside the database, and an entry is believed only when it has the leaf hash that was seen.

use crate::domain::record::PolicyKind;
use crate::units::{EntryIndex, Hash};

/// An entry that was seen in the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EntrySeen {
    /// Its index.
    pub index: EntryIndex,
    /// Its leaf hash.
    pub leaf: Hash,
}

/// The newest activations of a log; `None` when there has been none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Activated {
    /// Of a masking policy.
    pub masking: Option<EntrySeen>,
    /// Of a routing table.
    pub routing: Option<EntrySeen>,
}

impl Activated {
    /// What an entry of this kind activates, whatever version of the kind it is.
    pub fn kind_of(kind: &str) -> Option<PolicyKind> {
        match kind.split('/').next() {
            Some("policy.activated") => Some(PolicyKind::Masking),
            Some("routing.activated") => Some(PolicyKind::Routing),
            Some(_) | None => None,
        }
    }

    /// The newest of a kind.
    pub fn of(&self, kind: PolicyKind) -> Option<EntrySeen> {
        match kind {
            PolicyKind::Masking => self.masking,
            PolicyKind::Routing => self.routing,
        }
    }

    /// Takes a newer one.
    pub fn note(&mut self, kind: PolicyKind, entry: EntrySeen) {
        match kind {
            PolicyKind::Masking => self.masking = Some(entry),
            PolicyKind::Routing => self.routing = Some(entry),
        }
    }

    /// Takes what a later part of the log holds.
    pub fn go_on(&mut self, later: &Self) {
        self.masking = later.masking.or(self.masking);
        self.routing = later.routing.or(self.routing);
    }
}
