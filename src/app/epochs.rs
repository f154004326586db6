//! Looks after the epochs' keys: begins one when erased customers wait for it, has each tenant's rows brought under it, and
//! destroys the key of one that nothing hangs on once the backups that need it are gone.
//!
//! Whoever writes the system log decides; every server, also one that stands by, reads files that came and destroys its own
//! copy of those that were destroyed. Each step is done when what it leaves is there, so that a kill between two of them only
//! means that the next look goes on.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::sync::watch;
use tokio_postgres::Config as Database;

use super::tenants::Served;
use crate::crypto::{EpochKeeper, EpochName, KeyError};
use crate::domain::event::{Event, Role};
use crate::limits::EPOCH_WAIT_S;
use crate::pipeline::Refusal;
use crate::ports::{Clock, EpochNeed, RecordError, RetiredEpoch};
use crate::storage::database::{self, DatabaseError};
use crate::storage::keeper::LogStatus;
use crate::storage::store;
use crate::units::{Hash, MICROS_PER_SECOND, TenantId};

/// Pause between two looks.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// An operator's wish that an epoch begins.
#[derive(Debug, Default)]
pub struct RotationWish(AtomicBool);

impl RotationWish {
    /// Wishes.
    pub fn wish(&self) {
        self.0.store(true, Ordering::Release);
    }

    /// Whether it is still to be granted.
    pub fn is_open(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

/// Why a look was broken off; the next one goes on.
#[derive(Debug, thiserror::Error)]
enum EpochError {
    #[error(transparent)]
    Keys(#[from] KeyError),
    #[error(transparent)]
    Tenant(#[from] Refusal),
    #[error(transparent)]
    Database(#[from] DatabaseError),
    #[error(transparent)]
    Record(#[from] RecordError),
}

impl From<tokio_postgres::Error> for EpochError {
    fn from(error: tokio_postgres::Error) -> Self {
        Self::Database(error.into())
    }
}

/// Looks after the epochs of one server.
pub(super) struct Epochs {
    pub(super) keeper: EpochKeeper,
    pub(super) database: Database,
    pub(super) served: Vec<Arc<Served>>,
    pub(super) backups_kept_s: i64,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) wish: Arc<RotationWish>,
}

impl Epochs {
    /// Looks until the server stops.
    pub(super) async fn run(self, mut stopping: watch::Receiver<bool>) {
        while !*stopping.borrow() {
            if let Err(error) = self.look().await {
                tracing::warn!(event = "epochs_not_kept", %error, "tried again soon");
            }
            // Whichever comes first.
            let _either = tokio::time::timeout(LOOK_EVERY, stopping.changed()).await;
        }
    }

    async fn look(&self) -> Result<(), EpochError> {
        if self.keeper.look()? {
            tracing::info!(event = "epochs_read", "the epochs' files are others than before");
        }
        let Some(system) = self.served.iter().find(|served| served.is_system()) else { return Ok(()) };
        let destroyed = destroyed(&system.tenant.retired_epochs().await?);
        let present: Vec<(i32, Hash)> =
            self.keeper.present().iter().map(|EpochName { epoch, fingerprint }| (*epoch, *fingerprint)).collect();
        for served in self.served.iter().filter(|served| is_active(served)) {
            served.tenant.care_for_keys(&present, &destroyed).await?;
        }
        if is_active(system) {
            self.begin_if_due(system).await?;
            for retired in system.tenant.retired_epochs().await?.iter().filter(|row| row.destroyed.is_none()) {
                if self.is_over(retired).await? {
                    // In this order: the entry must be true whenever it is there.
                    self.keeper.destroy(retired.epoch)?;
                    system.tenant.record_destroyed(retired).await?;
                    let epoch = retired.epoch;
                    tracing::warn!(event = "epoch_destroyed", epoch, "what hung on its key can be read by nobody");
                }
            }
        } else {
            // Another server destroyed its own; this one has a copy.
            for (epoch, _) in present.iter().filter(|(epoch, _)| destroyed.contains(epoch)) {
                self.keeper.destroy(*epoch)?;
            }
        }
        Ok(())
    }

    /// Begins an epoch when somebody wishes it, or when erased customers have waited for it, and no other is under way.
    async fn begin_if_due(&self, system: &Served) -> Result<(), EpochError> {
        let present = self.keeper.present();
        let Some(newest) = present.last().map(|name| name.epoch) else { return Ok(()) };
        let retired = system.tenant.retired_epochs().await?;
        let under_way =
            present.iter().any(|name| name.epoch < newest && retired.iter().all(|row| row.epoch != name.epoch));
        let need = self.need(newest).await?;
        let now = self.clock.now().as_micros();
        let waited = |since: crate::units::Timestamp| since.as_micros() + EPOCH_WAIT_S * MICROS_PER_SECOND <= now;
        let is_due = need.at_once || need.since.is_some_and(waited) || self.wish.is_open();
        if under_way || !is_due {
            return Ok(());
        }
        let begun = self.keeper.begin()?;
        self.wish.0.store(false, Ordering::Release);
        let created = Event::KeyCreated { purpose: "epoch", fingerprint: begun.fingerprint };
        system.record_as(Role::Server, created).await?;
        tracing::warn!(
            event = "epoch_begun",
            epoch = begun.epoch,
            "copy its key file to the other server's keys and into the backup of the keys"
        );
        Ok(())
    }

    /// What waits for the end of an epoch, over all tenants served.
    async fn need(&self, epoch: i32) -> Result<EpochNeed, EpochError> {
        let mut all = EpochNeed::default();
        for served in &self.served {
            let EpochNeed { since, at_once } = served.tenant.epoch_need(epoch).await?;
            all.since = match (all.since, since) {
                (Some(one), Some(other)) => Some(one.min(other)),
                (one, other) => one.or(other),
            };
            all.at_once |= at_once;
        }
        Ok(all)
    }

    /// Whether nothing of any tenant in the database hangs on an epoch, and no backup is left that needs its key.
    async fn is_over(&self, retired: &RetiredEpoch) -> Result<bool, EpochError> {
        let kept_s = if self.need(retired.epoch).await?.at_once { 0 } else { self.backups_kept_s };
        let over = |row: &RetiredEpoch| {
            let end = row.retired.1.as_micros().saturating_add(kept_s.saturating_mul(MICROS_PER_SECOND));
            end <= self.clock.now().as_micros()
        };
        // The cheap question first: it says no for weeks.
        if !over(retired) {
            return Ok(false);
        }
        let database = database::Database::connect(&self.database, None).await?;
        // Those that the configuration does not name any more have rows, too.
        for row in database.client.query("SELECT id, name FROM tenant", &[]).await? {
            let (tenant, name) = (TenantId(row.get(0)), row.get::<_, String>(1));
            let retired = store::retired_epoch(&self.database, tenant, retired.epoch).await?;
            if !retired.is_some_and(|row| over(&row)) {
                tracing::debug!(event = "epoch_needed", tenant = %name, "its rows are not all under a later epoch, or not for long enough");
                return Ok(false);
            }
        }
        Ok(true)
    }
}

fn destroyed(retired: &[RetiredEpoch]) -> Vec<i32> {
    retired.iter().filter(|row| row.destroyed.is_some()).map(|row| row.epoch).collect()
}

fn is_active(served: &Served) -> bool {
    *served.slot.status().borrow() == LogStatus::Active
}
