//! The packages that a tenant keeps: whose, how far, whom they tell of, and when they must go. It holds no text of them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use lww_audit::export::Scope;

use crate::limits::EVIDENCE_PACKAGES_MAX;
use crate::pipeline::Refusal;
use crate::units::{AccountId, EntryIndex, PackageId, SubjectId, Timestamp};

/// A package as whoever asked for it sees it.
#[derive(Clone, Debug)]
pub struct Evidence {
    /// Its id.
    pub id: PackageId,
    /// The entry that says that it was taken out; those of further scopes follow it.
    pub entry: EntryIndex,
    /// That entry's time, which the package has, too.
    pub made: Timestamp,
    /// What it is of.
    pub scopes: Vec<Scope>,
    /// The receipt of the entry, which opens the reason.
    pub receipt: String,
    /// How far it is.
    pub state: EvidenceState,
}

/// How far a package is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EvidenceState {
    /// It waits for its turn, and for a published checkpoint.
    Waiting,
    /// It is gathered.
    Gathering {
        /// Entries of the log that were looked at.
        done: u64,
        /// Entries of the log.
        all: u64,
    },
    /// It can be fetched.
    Ready {
        /// Its length in bytes.
        bytes: u64,
        /// When it is taken away.
        until: Timestamp,
    },
    /// There is none.
    Failed(Refusal),
}

/// A package with what only the tenant knows of it.
struct Kept {
    by: AccountId,
    evidence: Evidence,
    /// Whom it tells of.
    subjects: BTreeSet<SubjectId>,
    /// Who was erased while it was gathered.
    erased: BTreeSet<SubjectId>,
    /// When it is taken away; nothing while it is under way.
    until: Option<Timestamp>,
}

impl Kept {
    fn is_over(&self, now: Timestamp) -> bool {
        self.until.is_some_and(|until| until <= now)
    }

    fn is_under_way(&self) -> bool {
        match self.evidence.state {
            EvidenceState::Waiting | EvidenceState::Gathering { .. } => true,
            EvidenceState::Ready { .. } | EvidenceState::Failed(_) => false,
        }
    }

    fn has_failed(&self) -> bool {
        matches!(self.evidence.state, EvidenceState::Failed(_))
    }
}

/// What a tenant keeps.
#[derive(Default)]
pub(in crate::pipeline) struct Shelf {
    kept: Mutex<BTreeMap<PackageId, Kept>>,
    /// Held while one is ordered.
    pub(super) orders: tokio::sync::Mutex<()>,
    /// Held while one is gathered.
    pub(super) gathering: tokio::sync::Mutex<()>,
}

impl Shelf {
    fn kept(&self) -> MutexGuard<'_, BTreeMap<PackageId, Kept>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes room for one more.
    pub(super) fn room(&self) -> Result<(), Refusal> {
        let mut kept = self.kept();
        if kept.len() >= EVIDENCE_PACKAGES_MAX {
            kept.retain(|_, kept| !kept.has_failed());
        }
        let is_full = kept.len() >= EVIDENCE_PACKAGES_MAX;
        if is_full { Err(Refusal::Invalid { field: "packages", expected: "at most 8: delete one" }) } else { Ok(()) }
    }

    pub(super) fn put(&self, by: AccountId, evidence: Evidence) {
        let kept = Kept { by, subjects: BTreeSet::new(), erased: BTreeSet::new(), until: None, evidence };
        self.kept().insert(kept.evidence.id, kept);
    }

    /// Those of one account whose time is not over, in the order in which they were asked for.
    pub(super) fn of(&self, account: AccountId, now: Timestamp) -> Vec<Evidence> {
        let kept = self.kept();
        let own = kept.values().filter(|kept| kept.by == account && !kept.is_over(now));
        let mut own: Vec<_> = own.map(|kept| kept.evidence.clone()).collect();
        own.sort_by_key(|evidence| evidence.entry);
        own
    }

    pub(super) fn take(&self, id: PackageId) {
        self.kept().remove(&id);
    }

    /// Takes those whose time is over; their files must go.
    pub(super) fn take_over(&self, now: Timestamp) -> Vec<PackageId> {
        self.kept().extract_if(.., |_, kept| kept.is_over(now)).map(|(id, _)| id).collect()
    }

    pub(super) fn keeps(&self, id: PackageId) -> bool {
        self.kept().contains_key(&id)
    }

    /// Whether one is still wanted.
    pub(super) fn go_on(&self, id: PackageId) -> Result<(), Refusal> {
        match self.kept().get(&id).map(|kept| &kept.evidence.state) {
            Some(EvidenceState::Failed(refusal)) => Err(refusal.clone()),
            Some(EvidenceState::Waiting | EvidenceState::Gathering { .. } | EvidenceState::Ready { .. }) => Ok(()),
            None => Err(Refusal::NotFound { what: "package" }),
        }
    }

    /// Says how far one is, if it is still wanted.
    pub(super) fn gathered(&self, id: PackageId, done: u64, all: u64) -> Result<(), Refusal> {
        self.go_on(id)?;
        if let Some(kept) = self.kept().get_mut(&id).filter(|kept| kept.is_under_way()) {
            kept.evidence.state = EvidenceState::Gathering { done, all };
        }
        Ok(())
    }

    /// Notes whom one tells of, before anything of them is opened.
    pub(super) fn tells_of(&self, id: PackageId, subjects: impl Iterator<Item = SubjectId>) {
        if let Some(kept) = self.kept().get_mut(&id) {
            kept.subjects.extend(subjects);
        }
    }

    /// Notes that one was made or why not; whether it is to be kept.
    pub(super) fn finish(&self, id: PackageId, made: Result<u64, Refusal>, until: Timestamp) -> bool {
        let mut shelf = self.kept();
        let Some(kept) = shelf.get_mut(&id) else { return false };
        kept.until = Some(until);
        kept.evidence.state = match made {
            _ if kept.erased.iter().any(|subject| kept.subjects.contains(subject)) => {
                EvidenceState::Failed(Refusal::ErasedMeanwhile)
            }
            _ if kept.has_failed() => return false,
            Ok(bytes) => EvidenceState::Ready { bytes, until },
            Err(refusal) => EvidenceState::Failed(refusal),
        };
        !kept.has_failed()
    }

    /// Ends those that tell of somebody; those whose files must go.
    pub(super) fn forget(&self, subject: SubjectId) -> Vec<PackageId> {
        let mut gone = Vec::new();
        for (id, kept) in self.kept().iter_mut() {
            if kept.is_under_way() {
                kept.erased.insert(subject);
            } else if kept.subjects.contains(&subject) {
                kept.evidence.state = EvidenceState::Failed(Refusal::ErasedMeanwhile);
                gone.push(*id);
            }
        }
        gone
    }

    /// Ends those being gathered: this server stops to write the log.
    pub(in crate::pipeline) fn stand_down(&self) {
        for kept in self.kept().values_mut().filter(|kept| kept.is_under_way()) {
            kept.evidence.state = EvidenceState::Failed(Refusal::Unavailable);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LATER: Timestamp = Timestamp::from_micros(9);
    const SOMEBODY: SubjectId = SubjectId::from_random([5; 16]);

    fn id(byte: u8) -> PackageId {
        PackageId::from_random([byte; 16])
    }

    fn account(byte: u8) -> AccountId {
        AccountId::from_random([byte; 16])
    }

    fn shelf(packages: u8) -> Shelf {
        let shelf = Shelf::default();
        for byte in 1..=packages {
            let (made, receipt) = (Timestamp::from_micros(1), String::new());
            let (entry, state) = (EntryIndex(u64::from(100 - byte)), EvidenceState::Waiting);
            shelf.put(account(byte % 2), Evidence { id: id(byte), entry, made, scopes: Vec::new(), receipt, state });
        }
        shelf
    }

    fn state(shelf: &Shelf, byte: u8) -> EvidenceState {
        shelf.kept().get(&id(byte)).unwrap().evidence.state.clone()
    }

    #[test]
    fn each_sees_their_own_in_the_order_of_the_log() {
        let own: Vec<_> = shelf(5).of(account(1), LATER).into_iter().map(|evidence| evidence.id).collect();
        assert_eq!(own, [id(5), id(3), id(1)]);
        assert!(shelf(5).of(account(7), LATER).is_empty());
    }

    #[test]
    fn a_full_shelf_takes_one_more_only_in_place_of_one_that_failed() {
        let full = shelf(u8::try_from(EVIDENCE_PACKAGES_MAX).unwrap());
        assert!(full.room().is_err());
        assert!(!full.finish(id(3), Err(Refusal::Unavailable), LATER));
        full.room().unwrap();
        assert!(full.go_on(id(3)).is_err(), "what failed is gone");
        assert!(shelf(7).room().is_ok());
    }

    #[test]
    fn a_package_is_there_for_its_hour_and_gone_with_it_whether_it_was_made_or_not() {
        let until = |us| Timestamp::from_micros(us);
        let shelf = shelf(3);
        assert!(shelf.finish(id(1), Ok(10), until(9)));
        assert!(!shelf.finish(id(3), Err(Refusal::Unavailable), until(20)));
        let own = |now| shelf.of(account(1), until(now)).iter().map(|one| one.id).collect::<Vec<_>>();
        assert_eq!(own(8), [id(3), id(1)]);
        // Nobody is given what is over, also before anybody took it away.
        assert_eq!(own(9), [id(3)]);
        assert_eq!(shelf.take_over(until(8)), []);
        assert_eq!(shelf.take_over(until(9)), [id(1)]);
        assert_eq!(shelf.take_over(until(9)), [], "once");
        assert!(!shelf.keeps(id(1)) && shelf.keeps(id(2)) && shelf.keeps(id(3)));
        // What is still gathered has its hour before it, however late it is.
        assert_eq!(shelf.take_over(until(i64::MAX)), [id(3)]);
        assert!(shelf.finish(id(2), Ok(10), until(100)) && own(99).is_empty());
        assert_eq!((shelf.of(account(0), until(99)).len(), shelf.of(account(0), until(100)).len()), (1, 0));
    }

    #[test]
    fn somebody_who_is_erased_is_in_no_package_whenever_that_happens() {
        let shelf = shelf(3);
        // Ready before.
        shelf.tells_of(id(1), [SOMEBODY].into_iter());
        assert!(shelf.finish(id(1), Ok(10), LATER));
        // Being gathered, and found to tell of them before the end, and not.
        assert_eq!(shelf.forget(SOMEBODY), [id(1)]);
        shelf.tells_of(id(2), [SOMEBODY].into_iter());
        assert!(!shelf.finish(id(2), Ok(10), LATER));
        assert!(shelf.finish(id(3), Ok(10), LATER));
        for (byte, expect) in [
            (1, EvidenceState::Failed(Refusal::ErasedMeanwhile)),
            (2, EvidenceState::Failed(Refusal::ErasedMeanwhile)),
            (3, EvidenceState::Ready { bytes: 10, until: LATER }),
        ] {
            assert_eq!(state(&shelf, byte), expect);
        }
    }

    #[test]
    fn what_was_taken_away_or_stood_down_goes_on_no_further() {
        let shelf = shelf(3);
        assert!(shelf.gathered(id(1), 1, 2).is_ok());
        assert_eq!(state(&shelf, 1), EvidenceState::Gathering { done: 1, all: 2 });
        shelf.take(id(2));
        assert_eq!(shelf.gathered(id(2), 1, 2), Err(Refusal::NotFound { what: "package" }));
        assert!(!shelf.finish(id(2), Ok(10), LATER));
        shelf.stand_down();
        assert_eq!(shelf.gathered(id(1), 2, 2), Err(Refusal::Unavailable));
        assert!(!shelf.finish(id(1), Ok(10), LATER), "what was ended is not brought back");
        assert_eq!(state(&shelf, 1), EvidenceState::Failed(Refusal::Unavailable));
    }
}
