//! The log from its first entry to its last: each the next of the one before, every root that is known arrived at, the state
//! that they leave, and what the missing part brings that only rows hold.

use std::collections::{BTreeMap, HashMap, HashSet};

use lww_audit::entry::{Chain, Detail};
use lww_audit::merkle::{Frontier, leaf_hash};
use lww_audit::{Entry, SignedDeclaration};

use super::RecoverError;
use crate::domain::event::{FactorKind, LostCounts};
use crate::ports::{Activated, Activates, EntrySeen};
use crate::storage::FatalError;
use crate::storage::verify::desk::reply_of;
use crate::storage::verify::lost::{detail, remasked_of};
use crate::storage::verify::state::State;
use crate::units::{EntryIndex, Hash, Id128, Origin, Timestamp, TreeSize};

/// Where a customer's chain ends.
#[derive(Clone, Copy)]
pub(super) struct SubjectTip {
    pub(super) n: i64,
    pub(super) seq: i64,
    pub(super) leaf: Hash,
}

/// What the missing entries tell that the state does not hold.
#[derive(Default)]
pub(super) struct Missing {
    pub(super) tips: HashMap<Id128, SubjectTip>,
    /// The newest routing decision about each conversation, and the weight that it was given out with.
    pub(super) routed: HashMap<Id128, Entry>,
    pub(super) weights: HashMap<Id128, i64>,
    /// Accounts that used a recovery code.
    pub(super) recovery_used: HashSet<Id128>,
    /// Messages and notes from before that were masked again.
    pub(super) masked_again: Vec<i64>,
    /// The newest entry about each canned reply.
    pub(super) replies: HashMap<String, Entry>,
    texts: u64,
}

/// The walk.
pub(super) struct Walk {
    origin: Origin,
    /// The generation of the entry before.
    at: Option<Origin>,
    /// The newest gap that was declared.
    pub(super) declared: Option<SignedDeclaration>,
    /// What was brought into force.
    pub(super) activated: Activated,
    roots: BTreeMap<TreeSize, Hash>,
    pub(super) from: TreeSize,
    pub(super) frontier: Frontier,
    pub(super) last_leaf: Hash,
    pub(super) last_time: Timestamp,
    pub(super) state: State,
    pub(super) missing: Missing,
}

impl Walk {
    /// At the beginning of a log whose entries from `from` on are missing.
    pub(super) fn new(origin: Origin, roots: BTreeMap<TreeSize, Hash>, from: TreeSize) -> Self {
        Self {
            origin,
            at: None,
            declared: None,
            activated: Activated::default(),
            roots,
            from,
            frontier: Frontier::empty(),
            last_leaf: Hash::ZERO,
            last_time: Timestamp::from_micros(0),
            state: State::default(),
            missing: Missing::default(),
        }
    }

    /// Takes the next entry.
    ///
    /// # Errors
    /// [`RecoverError::Entry`] when it is not the next; [`FatalError::Forked`] when a known root is not arrived at.
    pub(super) fn take(&mut self, body: &[u8]) -> Result<(), RecoverError> {
        let index = EntryIndex(self.frontier.size().0);
        let wrong = |what| RecoverError::Entry { index, what };
        let entry = Entry::parse(body).map_err(|_| wrong("it can't be read"))?;
        if !self.is_of_this_log(&entry) {
            return Err(wrong("it is another log's"));
        }
        if entry.seq != index || entry.prev != self.last_leaf {
            return Err(wrong("it does not link to the one before"));
        }
        if entry.time < self.last_time {
            return Err(wrong("its time is before that of the one before"));
        }
        let leaf = leaf_hash(body);
        self.frontier.push(leaf);
        (self.last_leaf, self.last_time) = (leaf, entry.time);
        if let Some(what) = Activates::of(&entry) {
            self.activated.note(what, EntrySeen { index, leaf });
        }
        self.state.take(index, leaf, &entry);
        if index.0 >= self.from.0 {
            self.missing.take((index, leaf), self.from, entry);
        }
        let (size, got) = (self.frontier.size(), self.frontier.root());
        match self.roots.get(&size) {
            Some(expected) if *expected != got => Err(FatalError::Forked { size, expected: *expected, got }.into()),
            Some(_) | None => Ok(()),
        }
    }

    /// Whether an entry is of this log's generation or an earlier one, which only a declared gap ends.
    fn is_of_this_log(&mut self, entry: &Entry) -> bool {
        if self.at.as_ref() == Some(&entry.log) {
            return true;
        }
        let declared = SignedDeclaration::of(entry).ok().flatten();
        let is_next = match (&self.at, &declared) {
            (None, _) => {
                let (log, own) = (&entry.log, &self.origin);
                log.name() == own.name() && log.tenant() == own.tenant() && log.generation() <= own.generation()
            }
            (Some(at), Some(declared)) => declared.unverified().before() == at,
            (Some(_), None) => false,
        };
        if is_next {
            self.at = Some(entry.log.clone());
            self.declared = declared.or(self.declared.take());
        }
        is_next
    }

    /// Has everybody but these show anew who they are: of what is lost nobody knows whose password changed in it.
    pub(super) fn disbelieve(&mut self, but: &[Id128]) {
        let index = EntryIndex(self.frontier.size().0);
        self.state.disbelieve(but, index);
    }

    /// Declares lost what the missing entries sealed, and counts it.
    pub(super) fn settle(&mut self) -> LostCounts {
        let upto = self.frontier.size();
        let counts = self.state.lose(self.from.0..upto.0, EntryIndex(upto.0));
        LostCounts { texts: self.missing.texts, ..counts }
    }
}

impl Missing {
    fn take(&mut self, (index, leaf): (EntryIndex, Hash), from: TreeSize, entry: Entry) {
        let signed = |value: u64| i64::try_from(value).unwrap_or(i64::MAX);
        let link = entry.chains.iter().find(|link| link.of == Chain::Subject);
        if let (Some(subject), Some(link)) = (entry.subject, link) {
            self.tips.insert(subject, SubjectTip { n: signed(link.n), seq: signed(index.0), leaf });
        }
        if let Some(of) = remasked_of(&entry).filter(|of| *of < from.0) {
            self.masked_again.push(signed(of));
        }
        let kind = entry.kind.as_str().split('/').next().unwrap_or_default().to_owned();
        match (kind.as_str(), entry.conversation) {
            ("message.received" | "message.sent" | "conversation.noted" | "reply.saved", _) => self.texts += 1,
            ("conversation.assigned", Some(conversation)) => {
                if let Some(Detail::Int(weight)) = detail(&entry, "weight") {
                    self.weights.insert(conversation, *weight);
                }
            }
            ("second_factor.passed", _)
                if detail(&entry, "by") == Some(&Detail::String(FactorKind::Recovery.word().to_owned())) =>
            {
                self.recovery_used.insert(entry.actor.id);
            }
            _ => {}
        }
        if let Some(reply) = reply_of(&entry) {
            self.replies.insert(reply, entry);
        } else if let ("conversation.opened" | "conversation.reopened", Some(conversation)) =
            (kind.as_str(), entry.conversation)
        {
            self.routed.insert(conversation, entry);
        }
    }
}
