//! Asks each anchor of the configuration, at its own pace, to confirm the newest published checkpoint, and has its receipt
//! recorded.
//!
//! Anchors don't wait for one another, and nobody waits for them: one that fails is asked again after a pause that grows, for as
//! long as it takes, each time about what is newest then. It knows neither what a receipt is nor what it proves.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use lww_audit::{AnchorReceipt, Checkpoint, TileDir};
use tokio::sync::watch;

use crate::limits::{ANCHOR_PAUSE_MS, ANCHOR_PAUSE_MS_MAX};
use crate::pipeline::{NewestReceipt, Refusal, Tenant};
use crate::ports::{
    AnchorCustody, AnchorState, Anchoring, Clock, CustodyCell, Random, SizeAt, Unanchored, random_bytes,
};
use crate::telemetry::{Anchorage, Gauge, Occurrence, emit, gauge};
use crate::units::{MICROS_PER_SECOND, Timestamp, TreeSize};

/// Pause between two looks at whether something new is published, or a receipt is due.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Follows one log.
pub struct Anchors {
    /// Whose log.
    pub tenant: Arc<Tenant>,
    /// The folder of its tiles.
    pub folder: PathBuf,
    /// Who is asked.
    pub anchorings: Arc<[Anchoring]>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Randomness, for pauses.
    pub random: Arc<dyn Random>,
}

impl Anchors {
    /// Runs until `stop` turns true. What is under way then is dropped: it is asked for again.
    pub async fn run(self, mut stop: watch::Receiver<bool>) {
        let custody = &self.tenant.custody;
        let unasked = self.anchorings.iter().map(|anchoring| AnchorCustody {
            name: anchoring.name.clone(),
            form: anchoring.anchor.form().to_string(),
            url: anchoring.anchor.place(),
            every_s: anchoring.every_s,
            confirmed: None,
            entry: None,
            state: AnchorState::Unasked,
            reason: None,
            failures: 0,
            since: None,
        });
        let unasked = unasked.collect();
        custody.tell(|custody| custody.anchors = unasked);
        tokio::select! {
            () = self.follow() => {}
            // When the sender is gone, so is the server.
            _ = stop.wait_for(|stop| *stop) => {}
        }
    }

    async fn follow(&self) {
        let newest = loop {
            match self.tenant.newest_receipts().await {
                Ok(newest) => break newest,
                Err(_) => tokio::time::sleep(LOOK_EVERY).await,
            }
        };
        join_all((0..).zip(self.anchorings.iter()).map(|(at, anchoring)| self.one(at, anchoring, &newest).run())).await;
    }

    fn one<'a>(
        &'a self,
        at: usize,
        anchoring: &'a Anchoring,
        newest: &BTreeMap<String, NewestReceipt>,
    ) -> Following<'a> {
        let known = newest.get(&anchoring.name).copied();
        if let Some(NewestReceipt { entry, at: time, size }) = known {
            self.tenant.custody.tell(|custody| {
                if let Some(told) = custody.anchors.get_mut(at) {
                    (told.confirmed, told.entry) = (Some(SizeAt { size, at: time }), Some(entry));
                }
            });
        }
        let now = self.clock.now();
        let due = known.map_or(now, |known| after(known.at, anchoring.every_s).min(after(now, anchoring.every_s)));
        let confirmed = known.map_or(TreeSize(0), |known| known.size);
        Following { parts: self, at, anchoring, confirmed, nothing_until: confirmed, due, failures: 0 }
    }
}

/// One anchor, as far as it was followed.
struct Following<'a> {
    parts: &'a Anchors,
    /// Its place in the configuration.
    at: usize,
    anchoring: &'a Anchoring,
    /// The size that it confirmed last.
    confirmed: TreeSize,
    /// Up to this size there is nothing worth a receipt.
    nothing_until: TreeSize,
    /// When the next receipt is due.
    due: Timestamp,
    failures: u32,
}

impl Following<'_> {
    async fn run(mut self) {
        loop {
            let pause = match self.turn().await {
                Ok(()) => LOOK_EVERY,
                Err(pause) => pause,
            };
            tokio::time::sleep(pause).await;
        }
    }

    /// Has the newest checkpoint confirmed, if a receipt is due and there is something new. An error is how long to wait.
    async fn turn(&mut self) -> Result<(), Duration> {
        let now = self.parts.clock.now();
        if now < self.due {
            return Ok(());
        }
        let Some(checkpoint) = self.news().await.map_err(|_| LOOK_EVERY)? else { return Ok(()) };
        let answered = self.anchoring.anchor.confirm(&checkpoint).await;
        match answered {
            Ok(receipt) => self.record(checkpoint, receipt).await,
            Err(unanchored) => Err(self.failed(&unanchored)),
        }
    }

    /// The published checkpoint, when it covers more than was confirmed and than receipts.
    async fn news(&mut self) -> Result<Option<Checkpoint>, Refusal> {
        let published = self.parts.tenant.custody.now().published;
        if published.is_none_or(|published| published.size <= self.nothing_until) {
            return Ok(None);
        }
        let folder = self.parts.folder.clone();
        let read = tokio::task::spawn_blocking(move || TileDir::open(folder).checkpoint()).await;
        let Ok(Ok(Some(signed))) = read else { return Ok(None) };
        let checkpoint = signed.unverified().clone();
        if checkpoint.size > self.confirmed && self.parts.tenant.has_news(self.confirmed, checkpoint.size).await? {
            return Ok(Some(checkpoint));
        }
        self.nothing_until = checkpoint.size;
        Ok(None)
    }

    async fn record(&mut self, checkpoint: Checkpoint, receipt: Vec<u8>) -> Result<(), Duration> {
        let (size, tenant, anchoring) = (checkpoint.size, &self.parts.tenant, self.anchoring);
        let (anchor, form) = (anchoring.name.clone(), anchoring.anchor.form());
        let recorded = tenant.record_receipt(AnchorReceipt { anchor, form, checkpoint, receipt }).await;
        let entry = recorded.map_err(|error| {
            let (tenant, anchor) = (tenant.name.name.as_str(), anchoring.name.as_str());
            emit(&Occurrence::Anchor(Anchorage::NotRecorded { tenant, anchor, error: &error }));
            LOOK_EVERY
        })?;
        self.answered(AnchorState::Confirmed, "");
        (self.confirmed, self.nothing_until, self.failures) = (size, size, 0);
        let at = self.parts.clock.now();
        self.due = after(at, anchoring.every_s);
        self.tell(|told| {
            (told.confirmed, told.entry) = (Some(SizeAt { size, at }), Some(entry));
            (told.reason, told.failures) = (None, 0);
        });
        Ok(())
    }

    /// Notes a failure, and says how long to wait.
    fn failed(&mut self, unanchored: &Unanchored) -> Duration {
        let state = match unanchored {
            Unanchored::Refused { .. } => AnchorState::Refused,
            Unanchored::Unreachable { .. } => AnchorState::Unreachable,
        };
        self.failures = self.failures.saturating_add(1);
        let (reason, failures) = (unanchored.to_string(), self.failures);
        self.answered(state, &reason);
        self.tell(|told| (told.reason, told.failures) = (Some(reason), failures));
        pause(failures, &*self.parts.random)
    }

    fn answered(&self, state: AnchorState, reason: &str) {
        let (tenant, anchor) = (self.parts.tenant.name.name.as_str(), self.anchoring.name.as_str());
        let (failures, now) = (self.failures, self.parts.clock.now());
        emit(&Occurrence::Anchor(Anchorage::Answered { tenant, anchor, state: state.word(), reason, failures }));
        let waited = if reason.is_empty() { 0 } else { now.as_micros() - self.due.as_micros() };
        gauge(Gauge::AnchorWait(tenant, anchor), waited / MICROS_PER_SECOND);
        self.tell(|told| {
            if told.state != state {
                (told.state, told.since) = (state, Some(now));
            }
        });
    }

    fn tell(&self, change: impl FnOnce(&mut AnchorCustody)) {
        let custody: &CustodyCell = &self.parts.tenant.custody;
        custody.tell(|custody| custody.anchors.get_mut(self.at).map_or((), change));
    }
}

fn after(time: Timestamp, seconds: u32) -> Timestamp {
    Timestamp::from_micros(time.as_micros().saturating_add(i64::from(seconds) * MICROS_PER_SECOND))
}

/// How long to wait after so many failures: doubled with each up to a bound, and a random part more, so that the logs of a server
/// don't ask all at once.
fn pause(failures: u32, random: &dyn Random) -> Duration {
    let factor = 1_u64.checked_shl(failures.saturating_sub(1)).unwrap_or(u64::MAX);
    let pause_ms = ANCHOR_PAUSE_MS.saturating_mul(factor).min(ANCHOR_PAUSE_MS_MAX);
    let [share] = random_bytes::<1>(random);
    Duration::from_millis(pause_ms + pause_ms * u64::from(share) / 1024)
}
