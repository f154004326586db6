//! The keys that a tenant's rows hang on: brought under the newest epoch a few at a time, beside the writer, and told of when
//! none is left under an earlier one. What a row holds stays what it was, so that only the epochs' beginning and end are
//! entries.
//!
//! It begins again wherever it was broken off: what is left to do is what still hangs on an earlier epoch. It makes and
//! destroys no epoch; who holds the key files does.

use std::collections::HashSet;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::{Refusal, Tenant};
use crate::domain::event::{ErasureEvent, Event, Role};
use crate::domain::record::{Actor, Draft, Effect, EpochChange, Proposal};
use crate::limits::REWRAP_ROWS_MAX;
use crate::ports::{EpochNeed, IndexedRow, RetiredEpoch, WrappedKey};
use crate::telemetry::{Gauge, gauge};
use crate::units::{Hash, SERVER_ACTOR, SubjectId};

/// Pause between two batches, so that whoever writes comes first.
const PAUSE: Duration = Duration::from_millis(5);

impl Tenant {
    /// Brings everything under the newest epoch and records what nothing hangs on any more; `present` are the epochs whose
    /// keys are at hand with their public names, `destroyed` those whose keys are gone for good.
    ///
    /// # Errors
    /// [`Refusal`] when it can't be read, written or recorded at present; the next call goes on.
    pub async fn care_for_keys(&self, present: &[(i32, Hash)], destroyed: &[i32]) -> Result<(), Refusal> {
        if !self.is_noted.load(Ordering::Acquire) {
            self.note_erased().await?;
        }
        let Some((newest, name)) = present.iter().max_by_key(|(epoch, _)| *epoch).copied() else { return Ok(()) };
        if self.epoch.swap(newest, Ordering::AcqRel) != newest {
            self.feed.end_strangers();
        }
        let retired = self.ports.erasures.retired_epochs().await?;
        let known: HashSet<i32> = retired.iter().map(|row| row.epoch).collect();
        let left: Vec<(i32, Hash)> =
            present.iter().copied().filter(|(epoch, _)| *epoch < newest && !known.contains(epoch)).collect();
        if !left.is_empty() {
            self.bring_under(newest).await?;
            if !self.ports.erasures.hangs_on(newest - 1).await? {
                for (epoch, previous) in left {
                    let event = ErasureEvent::EpochRotated { epoch: newest, fingerprint: name, previous };
                    let change = EpochChange { epoch, fingerprint: previous, destroyed: false };
                    self.record_epoch(event, change).await?;
                }
            }
        }
        for row in retired.iter().filter(|row| row.destroyed.is_none() && destroyed.contains(&row.epoch)) {
            self.record_destroyed(row).await?;
        }
        Ok(())
    }

    /// Records that an epoch's key is gone.
    ///
    /// # Errors
    /// [`Refusal`] when it can't be recorded at present.
    pub async fn record_destroyed(&self, row: &RetiredEpoch) -> Result<(), Refusal> {
        let RetiredEpoch { epoch, fingerprint, .. } = *row;
        let event = ErasureEvent::EpochDestroyed { epoch, fingerprint };
        self.record_epoch(event, EpochChange { epoch, fingerprint, destroyed: true }).await
    }

    /// The epochs that nothing hangs on any more.
    ///
    /// # Errors
    /// [`Refusal::Unavailable`] when they can't be read.
    pub async fn retired_epochs(&self) -> Result<Vec<RetiredEpoch>, Refusal> {
        Ok(self.ports.erasures.retired_epochs().await?)
    }

    /// What waits for the end of an epoch.
    ///
    /// # Errors
    /// [`Refusal::Unavailable`] when it can't be read.
    pub async fn epoch_need(&self, epoch: i32) -> Result<EpochNeed, Refusal> {
        Ok(self.ports.erasures.epoch_need(epoch).await?)
    }

    /// The epoch that wraps and indexes at present.
    pub fn newest_epoch(&self) -> i32 {
        self.ports.vault.newest_epoch()
    }

    /// How many data keys are still to be brought under the newest epoch.
    ///
    /// # Errors
    /// [`Refusal::Unavailable`] when they can't be counted.
    pub async fn keys_to_rewrap(&self) -> Result<u64, Refusal> {
        Ok(self.ports.erasures.keys_before(self.ports.vault.newest_epoch()).await?)
    }

    async fn record_epoch(&self, event: ErasureEvent, change: EpochChange) -> Result<(), Refusal> {
        let draft = Draft::of(Event::Erasure(event), Actor { id: SERVER_ACTOR, role: Role::Server });
        self.record(Proposal::single(draft, vec![Effect::Epoch(change)])).await?;
        Ok(())
    }

    async fn bring_under(&self, newest: i32) -> Result<(), Refusal> {
        let mut left = self.ports.erasures.keys_before(newest).await?;
        let mut after = None;
        loop {
            gauge(Gauge::KeysToRewrap(&self.name.name), i64::try_from(left).unwrap_or(i64::MAX));
            let rows = self.ports.erasures.data_keys_after(after, REWRAP_ROWS_MAX).await?;
            let Some((subject, key)) = rows.last() else { break };
            after = Some((*subject, key.generation));
            left = left.saturating_sub(self.rewrap(newest, rows).await?);
        }
        // The identities of people whose keys are under the newest epoch open by them.
        loop {
            let rows = self.ports.erasures.indexed_before(newest, REWRAP_ROWS_MAX).await?;
            if rows.is_empty() || self.reindex(rows).await? == 0 {
                break;
            }
        }
        gauge(Gauge::KeysToRewrap(&self.name.name), 0);
        Ok(())
    }

    async fn rewrap(&self, newest: i32, rows: Vec<(SubjectId, WrappedKey)>) -> Result<u64, Refusal> {
        let mut changes = Vec::new();
        for (subject, old) in rows.into_iter().filter(|(_, key)| key.epoch < newest) {
            let new = self.ports.vault.rewrap(subject, &old)?;
            changes.push((subject, old, new));
        }
        if changes.is_empty() {
            return Ok(0);
        }
        let done = self.ports.erasures.rewrap(&changes).await?;
        tokio::time::sleep(PAUSE).await;
        Ok(done)
    }

    async fn reindex(&self, rows: Vec<IndexedRow>) -> Result<u64, Refusal> {
        let mut changes = Vec::new();
        for IndexedRow { lookup, subject, sealed, key } in rows {
            let Some(sealed) = sealed else { continue };
            changes.push((lookup, self.ports.vault.reindex(subject, &key, &sealed)?, sealed));
        }
        let done = self.ports.erasures.reindex(&changes).await?;
        tokio::time::sleep(PAUSE).await;
        Ok(done)
    }
}
