//! Measures what Prometheus can't be told by events: sizes of queues and logs, whether PostgreSQL answers, memory, files.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use lww_audit::TileDir;
use tokio::sync::watch;
use tokio_postgres::Config as Database;

use super::tenants::Served;
use crate::limits::RECORDER_QUEUE_PROPOSALS_MAX;
use crate::storage::database;
use crate::storage::keeper::LogStatus;
use crate::storage::waiting::count_waiting;
use crate::telemetry::{Gauge, gauge};
use crate::units::TreeSize;

/// How often it is measured.
const MEASURE_EVERY: Duration = Duration::from_secs(5);

/// What is measured.
pub(super) struct Gauges {
    pub(super) database: Database,
    /// Each log with the folder of its tiles.
    pub(super) logs: Vec<(Arc<Served>, PathBuf)>,
}

impl Gauges {
    /// Measures until the server stops.
    pub(super) async fn run(self, mut stopping: watch::Receiver<bool>) {
        while !*stopping.borrow() {
            measure_process();
            for (served, folder) in &self.logs {
                measure_log(served, folder);
            }
            let reachable = self.measure_queues().await.is_ok();
            gauge(Gauge::DatabaseReachable, reachable.into());
            // Whichever comes first.
            let _either = tokio::time::timeout(MEASURE_EVERY, stopping.changed()).await;
        }
    }

    async fn measure_queues(&self) -> Result<(), database::DatabaseError> {
        for (served, _) in self.logs.iter().filter(|(served, _)| !served.is_system()) {
            let connection = database::Database::connect(&self.database, Some(served.log.tenant)).await?;
            let waiting = count_waiting(&connection.client).await?;
            gauge(Gauge::ConversationsWaiting(&served.log.tenant_name), waiting);
        }
        Ok(())
    }
}

fn measure_log(served: &Served, folder: &PathBuf) {
    let tenant = &served.log.tenant_name;
    let active = *served.slot.status().borrow() == LogStatus::Active;
    gauge(Gauge::LogActive(tenant), active.into());
    let Some(recorder) = served.slot.recorder() else { return };
    gauge(Gauge::RecorderQueue(tenant), number(RECORDER_QUEUE_PROPOSALS_MAX.saturating_sub(recorder.room())));
    let Some(head) = recorder.heads().borrow().clone() else { return };
    let checkpoint = TileDir::open(folder).checkpoint().ok().flatten();
    let published = checkpoint.map_or(TreeSize(0), |signed| signed.unverified().size);
    gauge(Gauge::LogEntries(tenant), number(head.size.0));
    gauge(Gauge::LogUnpublished(tenant), number(head.size.0.saturating_sub(published.0)));
    let custody = served.tenant.custody.now();
    let sealed = custody.seal.map_or(0, |seal| seal.upto.0);
    gauge(Gauge::LogUnsealed(tenant), number(head.size.0.saturating_sub(sealed)));
    let behind =
        custody.mirror.target.map(|_| published.0.saturating_sub(custody.mirror.holds.map_or(0, |holds| holds.size.0)));
    gauge(Gauge::MirrorBehind(tenant), number(behind.unwrap_or(0)));
}

/// Source: proc(5), `statm` and `fd`.
fn measure_process() {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages = statm.split(' ').nth(1).and_then(|pages| pages.parse::<usize>().ok());
    if let Some(pages) = pages {
        gauge(Gauge::ResidentBytes, number(pages.saturating_mul(rustix::param::page_size())));
    }
    if let Ok(files) = std::fs::read_dir("/proc/self/fd") {
        gauge(Gauge::OpenFiles, number(files.count()));
    }
}

fn number(value: impl TryInto<i64>) -> i64 {
    value.try_into().unwrap_or(i64::MAX)
}
