//! Seals: entries that say where all chains of the log ended, so that few entries prove a conversation complete (ADR 0048).
//!
//! When one is due is decided here; where the chains ended, the store tells. What was sealed last is looked for in the log
//! itself, once after each take-over.

use std::sync::{Mutex, PoisonError};

use lww_audit::Entry;
use lww_audit::seal::{KIND, Seal};

use super::{Refusal, Tenant};
use crate::domain::event::{Event, Role};
use crate::domain::record::{Actor, Draft, Outcome, Proposal};
use crate::limits::{BATCH_ENTRIES_MAX, SEAL_DUE_ENTRIES, SEAL_LOOKED_FOR_ENTRIES_MAX};
use crate::ports::{EntriesError, RecordError, SealCustody};
use crate::units::{EntryIndex, MICROS_PER_SECOND, SERVER_ACTOR, Timestamp, TreeSize};

const MICROS_PER_MINUTE: i64 = 60 * MICROS_PER_SECOND;
const MICROS_PER_DAY: i64 = 24 * 60 * MICROS_PER_MINUTE;
/// How far the days of a tenant without a routing table are ahead of UTC: as far as China's.
const OFFSET_MINUTES_DEFAULT: i32 = 480;

/// What was sealed last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Newest {
    /// The entries before this size are sealed.
    upto: TreeSize,
    /// The entry that says so; `None` before the first.
    index: Option<EntryIndex>,
    /// Its time; before the first, the time that the log began at.
    at: Timestamp,
}

impl Newest {
    /// Reads what an entry seals; `None` when it is another kind of entry.
    fn of(bytes: &[u8]) -> Option<Self> {
        // Most entries are no seals: the kind is looked for before the entry is taken apart.
        std::str::from_utf8(bytes).ok().filter(|text| text.contains(KIND))?;
        let entry = Entry::parse(bytes).ok()?;
        let Seal { upto, .. } = Seal::read(&entry).ok()??;
        Some(Self { upto, index: Some(entry.seq), at: entry.time })
    }

    /// Whether the next is due: so many entries came since, or a day of the tenant's ended and any did besides the seal itself.
    fn is_due(&self, size: TreeSize, now: Timestamp, offset_minutes: i32) -> bool {
        let unsealed = size.0.saturating_sub(self.upto.0);
        let own = u64::from(self.index.is_some_and(|index| index.0 == self.upto.0));
        let day =
            |at: Timestamp| (at.as_micros() + i64::from(offset_minutes) * MICROS_PER_MINUTE).div_euclid(MICROS_PER_DAY);
        unsealed >= SEAL_DUE_ENTRIES || (unsealed > own && day(now) > day(self.at))
    }
}

/// What is known of the newest seal; `None` until somebody looked.
#[derive(Default)]
pub(super) struct Seals(Mutex<Option<Newest>>);

impl Seals {
    fn newest(&self) -> Option<Newest> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn know(&self, newest: Newest) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.is_none_or(|known| known.index < newest.index) {
            *known = Some(newest);
        }
    }

    /// Forgets it: another server may have sealed.
    pub(super) fn forget(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

impl Tenant {
    /// Records where all chains ended, and returns the entry that says so.
    ///
    /// # Errors
    /// [`Refusal::Overloaded`] when more entries came meanwhile than a seal may lie behind; [`Refusal`] when the rows can't be
    /// read or the log can't be written at present.
    pub async fn seal_now(&self) -> Result<EntryIndex, Refusal> {
        let seal = self.ports.store.seal().await?;
        let draft = Draft::of(Event::ChainsSealed(seal), Actor { id: SERVER_ACTOR, role: Role::Server });
        let recorded = match self.record(Proposal::single(draft, Vec::new())).await {
            Ok(Outcome::Recorded(receipts, _)) => receipts.first().and_then(|receipt| Newest::of(&receipt.entry)),
            Ok(Outcome::Duplicate { .. }) => None,
            Err(RecordError::Entry(error)) => {
                tracing::info!(event = "seal_late", tenant = self.name.id.0, %error, "tried again when less is written");
                return Err(Refusal::Overloaded);
            }
            Err(error) => return Err(error.into()),
        };
        let newest = recorded.ok_or(Refusal::Unknown)?;
        self.know_seal(newest);
        newest.index.ok_or(Refusal::Unknown)
    }

    /// Seals when a seal is due; `None` when none is.
    ///
    /// # Errors
    /// As [`Tenant::seal_now`]; [`Refusal::Differs`] when an entry is missing.
    pub async fn seal_if_due(&self) -> Result<Option<EntryIndex>, Refusal> {
        let Some(head) = self.head() else { return Ok(None) };
        let newest = self.newest_seal(head.size).await?;
        let offset_minutes = self.table().map_or(OFFSET_MINUTES_DEFAULT, |table| table.utc_offset_minutes());
        if newest.is_due(head.size, self.ports.clock.now(), offset_minutes) {
            self.seal_now().await.map(Some)
        } else {
            Ok(None)
        }
    }

    /// Seals when more than so many entries came since what was sealed last; `None` when no more did.
    pub(super) async fn seal_beyond(&self, unsealed_max: u64) -> Result<Option<EntryIndex>, Refusal> {
        let size = self.head().ok_or(Refusal::Unavailable)?.size;
        let unsealed = size.0.saturating_sub(self.newest_seal(size).await?.upto.0);
        if unsealed > unsealed_max { self.seal_now().await.map(Some) } else { Ok(None) }
    }

    /// What was sealed last in the log of so many entries.
    async fn newest_seal(&self, size: TreeSize) -> Result<Newest, Refusal> {
        if let Some(known) = self.seals.newest() {
            return Ok(known);
        }
        let found = self.look_for_seal(size).await?;
        self.know_seal(found);
        Ok(found)
    }

    fn know_seal(&self, newest: Newest) {
        self.seals.know(newest);
        let Newest { upto, index, at } = newest;
        self.custody.tell(|custody| custody.seal = index.map(|index| SealCustody { index, upto, at }));
    }

    /// Looks for the newest seal from the end of the log. One that is further back than any that was made in time is none.
    async fn look_for_seal(&self, size: TreeSize) -> Result<Newest, Refusal> {
        let mut end = size.0;
        let floor = end.saturating_sub(SEAL_LOOKED_FOR_ENTRIES_MAX);
        while end > floor {
            let start = end.saturating_sub(BATCH_ENTRIES_MAX as u64).max(floor);
            let page = self.some_entries(start, end).await?;
            if let Some(newest) = page.iter().rev().find_map(|bytes| Newest::of(bytes)) {
                return Ok(newest);
            }
            end = start;
        }
        let first = self.some_entries(0, 1).await?;
        let began = first.first().and_then(|bytes| Entry::parse(bytes).ok());
        let at = began.ok_or_else(|| self.differs(EntryIndex(0)))?.time;
        Ok(Newest { upto: TreeSize(0), index: None, at })
    }

    async fn some_entries(&self, start: u64, end: u64) -> Result<Vec<Vec<u8>>, Refusal> {
        let count = u32::try_from(end - start).unwrap_or(u32::MAX);
        self.ports.entries.entries(EntryIndex(start), count).await.map_err(|error| match error {
            EntriesError::Unavailable => Refusal::Unavailable,
            EntriesError::Missing { index } => self.differs(index),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn newest(index: Option<u64>, upto: u64, at: &str) -> Newest {
        Newest { upto: TreeSize(upto), index: index.map(EntryIndex), at: at.parse().unwrap() }
    }

    #[test]
    fn a_seal_is_due_after_so_many_entries_and_with_each_day_that_has_any() {
        let evening = "2026-11-27T15:59:00.000000Z";
        let due = |newest: Newest, size, now: &str, offset| newest.is_due(TreeSize(size), now.parse().unwrap(), offset);
        for index in [None, Some(100)] {
            let sealed = newest(index, 100, evening);
            assert!(!due(sealed, 100 + SEAL_DUE_ENTRIES - 1, evening, 0));
            assert!(due(sealed, 100 + SEAL_DUE_ENTRIES, evening, 0));
        }
        // Two minutes later it is another day in Shanghai, and the same in Greenwich.
        let later = "2026-11-27T16:01:00.000000Z";
        assert!(due(newest(Some(100), 100, evening), 102, later, 480));
        assert!(!due(newest(Some(100), 100, evening), 102, later, 0));
        assert!(due(newest(None, 0, evening), 1, later, 480));
        // The seal itself is nothing new; what came between its size and itself is.
        assert!(!due(newest(Some(100), 100, evening), 101, later, 480));
        assert!(due(newest(Some(100), 99, evening), 101, later, 480));
    }

    #[test]
    fn what_is_known_of_the_newest_seal_only_grows_and_can_be_forgotten() {
        let seals = Seals::default();
        let (first, second) =
            (newest(None, 0, "2026-11-27T15:59:00.000000Z"), newest(Some(7), 5, "2026-11-27T15:59:01.000000Z"));
        assert_eq!(seals.newest(), None);
        for known in [first, second, first] {
            seals.know(known);
        }
        assert_eq!(seals.newest(), Some(second));
        seals.forget();
        assert_eq!(seals.newest(), None);
    }
}
