//! What the log itself declares lost: entries that were put back out of what was published, without what they had sealed.
//!
//! The entry `log.recovered` names the range; everything else follows from the entries, so that whoever has the log knows
//! what is lost without believing the server. What is missing and was not declared is a difference as ever.

use std::collections::HashMap;
use std::ops::Range;

use lww_audit::entry::Detail;
use lww_audit::{Entry, SignedDeclaration};

use super::state::{Account, State, int};
use super::{Difference, Spoken};
use crate::domain::event::LostCounts;
use crate::domain::record::{AmendmentState, ConversationState};
use crate::units::{EntryIndex, Id128};

/// The kind of the entry that declares it.
pub(super) const RECOVERED: &str = "log.recovered";
/// The kind of the entry that opens a generation; one after a gap declares it.
pub(super) const OPENED: &str = "generation.opened";

/// What was declared lost.
#[derive(Default)]
pub(in super::super) struct Lost {
    ranges: Vec<Range<u64>>,
    /// Customers whose keys are lost.
    people: HashMap<Id128, EntryIndex>,
    /// Accounts that are gone.
    accounts: Vec<Id128>,
    /// Epochs whose end is lost: by which entry they ended, and by which their key was destroyed.
    epochs: Vec<(EntryIndex, Option<EntryIndex>)>,
}

impl Lost {
    /// Whether what an entry sealed is declared lost.
    pub(in super::super) fn holds(&self, index: u64) -> bool {
        self.ranges.iter().any(|range| range.contains(&index))
    }

    /// Whether it is a customer whose keys are lost.
    pub(in super::super) fn is_of_lost(&self, subject: Option<Id128>) -> bool {
        subject.is_some_and(|subject| self.people.contains_key(&subject))
    }

    /// The end of an epoch whose key is destroyed, while an older database still hangs on it.
    pub(in super::super) fn destroyed_epoch(&self) -> Option<EntryIndex> {
        self.epochs.iter().find(|(_, destroyed)| destroyed.is_some()).map(|(ended, _)| *ended)
    }

    /// Accounts that are gone.
    pub(in super::super) fn accounts(&self) -> impl Iterator<Item = Id128> {
        self.accounts.iter().copied()
    }
}

impl State {
    pub(super) fn recovered(&mut self, index: EntryIndex, entry: &Entry) {
        let bound = |name| int(entry, name).and_then(|bound| u64::try_from(bound).ok());
        if let (Some(from), Some(upto)) = (bound("from"), bound("upto")) {
            self.lose(from..upto, index);
        }
    }

    /// A generation that was opened after a gap. Of what is lost nothing is known, so that no password of before is believed, but of
    /// the two who showed theirs.
    pub(super) fn declared(&mut self, index: EntryIndex, entry: &Entry) {
        let from = int(entry, "from").and_then(|bound| u64::try_from(bound).ok());
        let signed = SignedDeclaration::of(entry).ok().flatten();
        let (Some(from), Some(signed)) = (from, signed) else { return };
        self.lose(from..index.0, index);
        let declared = signed.unverified();
        let is_own = declared.tenant == entry.tenant;
        self.disbelieve(if is_own { &declared.by } else { &[] }, index);
    }

    /// Has everybody but these show anew who they are.
    pub(in super::super) fn disbelieve(&mut self, but: &[Id128], index: EntryIndex) {
        for (_, account) in self.accounts.iter_mut().filter(|(id, _)| !but.contains(id)) {
            // Whoever comes by the bank's own provider alone shows it there.
            account.must_change |= account.identities == 0;
            (account.password, account.newest) = (Some(index), index);
        }
    }

    /// Takes away what only a database knew that no longer has what these entries brought: whoever was first heard of in them
    /// has no key, so that their conversations end; accounts of theirs are gone; passwords, second factors and identities that
    /// changed in them are to be made anew.
    pub(in super::super) fn lose(&mut self, range: Range<u64>, index: EntryIndex) -> LostCounts {
        let mut counts = LostCounts::default();
        for (id, began) in &self.newcomers {
            if range.contains(&began.0) && self.lost.people.insert(*id, index).is_none() {
                counts.people += 1;
            }
        }
        let gone = self.accounts.extract_if(|_, account| range.contains(&account.created.0)).map(|(id, _)| id);
        let before = self.lost.accounts.len();
        self.lost.accounts.extend(gone);
        counts.accounts = (self.lost.accounts.len() - before) as u64;
        for account in self.accounts.values_mut() {
            counts.credentials += u64::from(account.lose(&range, index));
        }
        for conversation in self.conversations.values_mut() {
            if self.lost.is_of_lost(conversation.subject) {
                conversation.state = ConversationState::Closed;
            }
        }
        // Rows of an older database hang on them again: whoever keeps keys ends them anew.
        let epochs = self.erasures.epochs.extract_if(|_, (ended, _)| range.contains(&ended.0));
        self.lost.epochs.extend(epochs.map(|(_, ended)| ended));
        self.lost.ranges.push(range);
        counts
    }
}

impl State {
    /// Whether a policy or table is in force, or decided to come into force: its text must be there.
    pub(in super::super) fn is_needed(&self, digest: [u8; 32]) -> bool {
        let in_force = self.masking.into_iter().chain(self.routing).map(|(_, digest)| digest);
        let scheduled = self.amendments.told.values().filter(|told| told.state == AmendmentState::Scheduled);
        in_force.chain(scheduled.map(|told| told.digest)).any(|needed| *needed.as_bytes() == digest)
    }
}

impl Account {
    /// Whether something is lost by which its owner shows who they are.
    fn lose(&mut self, range: &Range<u64>, index: EntryIndex) -> bool {
        let is_in = |changed: Option<EntryIndex>| changed.is_some_and(|changed| range.contains(&changed.0));
        let (password, factor, linked) = (is_in(self.password), is_in(self.factor), is_in(self.linked));
        self.must_change |= password;
        self.has_factor &= !factor;
        if linked {
            self.identities = 0;
        }
        let lost = password || factor || linked;
        if lost {
            self.newest = index;
        }
        lost
    }
}

impl Spoken {
    /// Refuses a text that has no row and is not declared lost. What was masked again by a lost entry is lost with it: the
    /// row that an older database had of it showed more than it may.
    pub(super) fn settle_missing(&mut self) -> Result<u64, Difference> {
        let Self { remasked, gaps, state, .. } = self;
        for (table, index) in &gaps.missing {
            let again = remasked.remove(&index.0).is_some_and(|by| state.lost.holds(by));
            if !again && !state.lost.holds(index.0) {
                return Err(Difference::Text { table, index: *index, what: "it is missing" });
            }
        }
        Ok(gaps.missing.len() as u64)
    }
}

/// The entry of what a lost entry masked again.
pub(in super::super) fn remasked_of(entry: &Entry) -> Option<u64> {
    super::remasked::of(entry)
}

/// A field of an entry's detail.
pub(in super::super) fn detail<'a>(entry: &'a Entry, name: &str) -> Option<&'a Detail> {
    super::field(entry, name)
}
