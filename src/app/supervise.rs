//! Keeps the followers of each log running while this server writes it: policy, matcher, tiles; and PostgreSQL itself.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_postgres::Config as Database;

use super::config::Config;
use super::gauges::Gauges;
use super::mirror::Watch;
use super::tenants::Served;
use crate::crypto::{SystemClock, SystemRandom};
use crate::pipeline::{Activation, Rest, TableActivation};
use crate::ports::{Anchoring, Witnesses};
use crate::storage::embedded::EmbeddedPostgres;
use crate::storage::head::LogReader;
use crate::storage::keeper::LogStatus;
use crate::workers::anchors::Anchors;
use crate::workers::tiles::TileFollower;
use crate::workers::witness::{Panel, PanelParts};
use crate::workers::{amendments, history, lifecycle, matcher, seals};

/// How often the private PostgreSQL is looked after.
const WATCH_EVERY: Duration = Duration::from_millis(500);
/// Pause before a policy that could not be loaded is tried again.
const POLICY_AGAIN: Duration = Duration::from_secs(1);

/// What this server is, over all of its logs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Supervision {
    /// It writes every log.
    Active,
    /// Another server writes at least one of them.
    Standby,
}

/// What stands beside a log while it is written.
pub(super) struct Parts {
    /// Who copies and looks through it.
    pub(super) watch: Watch,
    /// Who cosigns it.
    pub(super) witnesses: Option<Arc<Witnesses>>,
    /// Who confirms what of it is published.
    pub(super) anchorings: Arc<[Anchoring]>,
}

/// Starts the followers of every log.
pub(super) fn start(
    config: &Config,
    database: &Database,
    served: &[Arc<Served>],
    parts: &Parts,
    embedded: Option<&Arc<EmbeddedPostgres>>,
    stopping: &watch::Receiver<bool>,
) -> Vec<JoinHandle<()>> {
    let logs = served.iter().map(|one| (Arc::clone(one), config.tiles_dir(&one.log))).collect();
    let mut tasks = vec![tokio::spawn(Gauges { database: database.clone(), logs }.run(stopping.clone()))];
    for one in served {
        let follow = Follow {
            served: Arc::clone(one),
            database: database.clone(),
            tiles: config.tiles_dir(&one.log),
            watch: parts.watch.clone(),
            proposed: config.proposed_policy(),
            evidence: config.evidence_dir(),
            witnesses: parts.witnesses.clone(),
            anchorings: Arc::clone(&parts.anchorings),
            stopping: stopping.clone(),
        };
        tasks.push(tokio::spawn(follow.run()));
    }
    if let Some(embedded) = embedded {
        tasks.push(tokio::spawn(watch_database(Arc::clone(embedded), stopping.clone())));
    }
    tasks
}

struct Follow {
    served: Arc<Served>,
    database: Database,
    tiles: std::path::PathBuf,
    watch: Watch,
    proposed: std::path::PathBuf,
    evidence: std::path::PathBuf,
    witnesses: Option<Arc<Witnesses>>,
    anchorings: Arc<[Anchoring]>,
    stopping: watch::Receiver<bool>,
}

impl Follow {
    /// Follows while active, again and again, until the server stops.
    async fn run(mut self) {
        let mut status = self.served.slot.status();
        loop {
            tokio::select! {
                active = reached(&mut status, LogStatus::Active) => if !active { return },
                () = stopped(&mut self.stopping) => return,
            }
            self.while_active(&mut status).await;
            if *self.stopping.borrow() {
                return;
            }
        }
    }

    async fn while_active(&mut self, status: &mut watch::Receiver<LogStatus>) {
        let Some(recorder) = self.served.slot.recorder() else { return };
        self.name_national_key().await;
        let (end, ending) = watch::channel(false);
        let heads = recorder.heads();
        drop(recorder);
        let tiles = TileFollower {
            tenant: self.served.log.tenant,
            entries: Arc::new(LogReader::new(&self.database, &self.served.log)),
            folder: self.tiles.clone(),
            heads,
            custody: Arc::clone(&self.served.tenant.custody),
            clock: Arc::new(SystemClock),
            panel: self.panel(),
            national: self.served.national.clone(),
        };
        let mut tasks = vec![tokio::spawn(tiles.run(ending.clone()))];
        tasks.extend(self.watch.start(&self.served, &self.database, &self.tiles, &ending));
        tasks.extend(self.anchors().map(|anchors| tokio::spawn(anchors.run(ending.clone()))));
        if !self.served.is_system() {
            self.load_policies().await;
            self.load_table().await;
            let rest = self.served.config.as_ref().map_or_else(Rest::default, |config| config.rest);
            tasks.push(tokio::spawn(lifecycle::run(Arc::clone(&self.served.tenant), rest, ending.clone())));
            tasks.push(tokio::spawn(amendments::run(Arc::clone(&self.served.tenant), ending.clone())));
            tasks.push(tokio::spawn(history::run(Arc::clone(&self.served.tenant), ending.clone())));
            tasks.push(tokio::spawn(seals::run(Arc::clone(&self.served.tenant), ending.clone())));
            tasks.push(tokio::spawn(matcher::run(Arc::clone(&self.served.tenant), ending)));
        }
        // When the server stops, the writer drains first: what it recorded last is still to be published.
        let _changed = status.wait_for(|status| *status != LogStatus::Active).await.map(drop);
        self.served.tenant.stand_down();
        end.send_replace(true);
        for task in tasks {
            // A follower that panicked has nothing left to finish; it begins again from its cursor.
            let _ended = task.await;
        }
    }

    /// Names the SM2 key before anything is published: while it isn't named, nothing is signed by it.
    async fn name_national_key(&self) {
        while !*self.stopping.borrow() && *self.served.slot.status().borrow() == LogStatus::Active {
            let Err(error) = self.served.name_national_key().await else { return };
            let tenant = self.served.log.tenant.0;
            tracing::warn!(event = "sm2_key_not_named", tenant, %error, "trying again; nothing is published before");
            tokio::time::sleep(POLICY_AGAIN).await;
        }
    }

    /// The witnesses of the log, none of which was asked so far.
    fn panel(&self) -> Option<Panel> {
        let parts = PanelParts {
            tenant: self.served.log.tenant_name.clone(),
            witnesses: Arc::clone(self.witnesses.as_ref()?),
            tiles: self.tiles.clone(),
            evidence: self.evidence.clone(),
            custody: Arc::clone(&self.served.tenant.custody),
            clock: Arc::new(SystemClock),
            random: Arc::new(SystemRandom::new()),
        };
        Some(Panel::new(parts))
    }

    /// Who asks the log's anchors; nobody where there are none.
    fn anchors(&self) -> Option<Anchors> {
        (!self.anchorings.is_empty()).then(|| Anchors {
            tenant: Arc::clone(&self.served.tenant),
            folder: self.tiles.clone(),
            anchorings: Arc::clone(&self.anchorings),
            clock: Arc::new(SystemClock),
            random: Arc::new(SystemRandom::new()),
        })
    }

    /// Loads the active policy. A demo tenant's proposal is a changed file beside it, as an officer's would be.
    async fn load_policies(&self) {
        let Some(config) = &self.served.config else { return };
        self.load_policy(&config.policy_source).await;
        if config.has_built_in_policy()
            && let Ok(proposed) = std::fs::read_to_string(&self.proposed)
        {
            self.load_policy(&proposed).await;
        }
    }

    /// Loads the active policy, activating `source` at the very first start.
    async fn load_policy(&self, source: &str) {
        let tenant = &self.served.tenant;
        while !*self.stopping.borrow() && *self.served.slot.status().borrow() == LogStatus::Active {
            match tenant.load_policy(source).await {
                Ok(None) => return,
                Ok(Some(drift)) => {
                    let (active, file) = (drift.active, drift.file);
                    tracing::warn!(
                        event = "policy_drift", tenant = tenant.name.id.0, %active, %file,
                        "the policy file differs from the active policy; activate it with `lww policy activate`"
                    );
                    return;
                }
                Err(error @ (Activation::Policy(_) | Activation::ShowsMore { .. })) => {
                    tracing::error!(event = "policy_refused", tenant = tenant.name.id.0, %error, "no policy could be loaded");
                    return;
                }
                Err(Activation::Altered(altered)) => {
                    let name = &tenant.name.name;
                    tracing::error!(event = "policy_altered", tenant = tenant.name.id.0, %name, %altered, "no policy is in force");
                    return;
                }
                Err(Activation::Refused(error)) => {
                    tracing::warn!(event = "policy_not_loaded", tenant = tenant.name.id.0, %error, "trying again");
                    tokio::time::sleep(POLICY_AGAIN).await;
                }
            }
        }
    }
}

impl Follow {
    /// Loads the active routing table, activating the configured one at the very first start.
    async fn load_table(&self) {
        let Some(config) = &self.served.config else { return };
        let tenant = &self.served.tenant;
        while !*self.stopping.borrow() && *self.served.slot.status().borrow() == LogStatus::Active {
            match tenant.load_table(&config.routing_source).await {
                Ok(None) => return,
                Ok(Some(drift)) => {
                    let (active, file) = (drift.active, drift.file);
                    tracing::warn!(
                        event = "routing_drift", tenant = tenant.name.id.0, %active, %file,
                        "the routing table's file differs from the active table; activate it with `lww route activate`"
                    );
                    return;
                }
                Err(TableActivation::Table(error)) => {
                    tracing::error!(event = "routing_refused", tenant = tenant.name.id.0, %error, "no routing table could be loaded");
                    return;
                }
                Err(TableActivation::Altered(altered)) => {
                    let name = &tenant.name.name;
                    tracing::error!(event = "routing_altered", tenant = tenant.name.id.0, %name, %altered, "no routing table is in force");
                    return;
                }
                Err(TableActivation::Refused(error)) => {
                    tracing::warn!(event = "routing_not_loaded", tenant = tenant.name.id.0, %error, "trying again");
                    tokio::time::sleep(POLICY_AGAIN).await;
                }
            }
        }
    }
}

/// Starts PostgreSQL again when it was killed.
async fn watch_database(embedded: Arc<EmbeddedPostgres>, mut stopping: watch::Receiver<bool>) {
    while !*stopping.borrow() {
        match embedded.ensure_running().await {
            Ok(false) => {}
            Ok(true) => tracing::warn!(event = "database_restarted", "the private PostgreSQL was gone and runs again"),
            Err(error) => tracing::error!(event = "database_down", %error, "the private PostgreSQL does not start"),
        }
        // Whichever comes first.
        let _either = tokio::time::timeout(WATCH_EVERY, stopped(&mut stopping)).await;
    }
}

async fn stopped(stop: &mut watch::Receiver<bool>) {
    // When the sender is gone, so is the server.
    let _gone = stop.wait_for(|stop| *stop).await.map(drop);
}

async fn reached(status: &mut watch::Receiver<LogStatus>, wanted: LogStatus) -> bool {
    status.wait_for(|status| *status == wanted).await.is_ok()
}
