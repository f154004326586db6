//! Which entries of a log brought a masking policy, a routing table and a key of its own into force last, as the server itself
//! saw them.
//!
//! The settings row says so of policies, too, but whoever may write rows may write that one. These are remembered beside the rollback
//! guard, outside the database, and an entry is believed only when it has the leaf hash that was seen.

use lww_audit::Entry;
use lww_audit::entry::Detail;

use crate::domain::event::LOG_KEY;
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

/// What an entry brings into force.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Activates {
    /// A policy or table.
    Policy(PolicyKind),
    /// A key that signs the log.
    Key,
}

impl Activates {
    /// What an entry brings into force, whatever version of its kind it is.
    pub fn of(entry: &Entry) -> Option<Self> {
        match entry.kind.as_str().split('/').next() {
            Some("policy.activated") => Some(Self::Policy(PolicyKind::Masking)),
            Some("routing.activated") => Some(Self::Policy(PolicyKind::Routing)),
            // Other keys than the log's own are replaced, too.
            Some("generation.opened") if entry.kind.as_str() == lww_audit::generation::KIND => Some(Self::Key),
            Some("key.rotated") => is_log_key(&entry.detail).then_some(Self::Key),
            Some(_) | None => None,
        }
    }
}

fn is_log_key(detail: &Detail) -> bool {
    let Detail::Object(fields) = detail else { return false };
    matches!(fields.get("purpose"), Some(Detail::String(purpose)) if purpose == LOG_KEY)
}

/// The newest activations of a log; `None` when there has been none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Activated {
    /// Of a masking policy.
    pub masking: Option<EntrySeen>,
    /// Of a routing table.
    pub routing: Option<EntrySeen>,
    /// Of a key; until the first, the one that the log was opened under is in use.
    pub key: Option<EntrySeen>,
}

impl Activated {
    /// The newest of a kind of policy.
    pub fn of(&self, kind: PolicyKind) -> Option<EntrySeen> {
        match kind {
            PolicyKind::Masking => self.masking,
            PolicyKind::Routing => self.routing,
        }
    }

    /// Takes a newer one.
    pub fn note(&mut self, what: Activates, entry: EntrySeen) {
        match what {
            Activates::Policy(PolicyKind::Masking) => self.masking = Some(entry),
            Activates::Policy(PolicyKind::Routing) => self.routing = Some(entry),
            Activates::Key => self.key = Some(entry),
        }
    }

    /// Takes what a later part of the log holds.
    pub fn go_on(&mut self, later: &Self) {
        self.masking = later.masking.or(self.masking);
        self.routing = later.routing.or(self.routing);
        self.key = later.key.or(self.key);
    }
}
