//! What the handlers speak to: tenants with their channels, the clock, randomness, and whether the server is ready.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

use futures_util::future::BoxFuture;
use serde::{Deserialize, Serialize};
use tokio::sync::watch;
use utoipa::ToSchema;

use super::machine::{AskMachine, Machine};
use super::oidc::Provider;
use crate::pipeline::Tenant;
use crate::ports::{Channel, Clock, Cosigns, Random};
use crate::units::ChannelAccount;

/// One tenant as it is served.
pub struct Served {
    /// The pipeline.
    pub tenant: Arc<Tenant>,
    /// The accounts of its channels.
    pub channels: Vec<Channel>,
    /// Channel accounts that take only requests with a client certificate of this common name.
    pub client_names: BTreeMap<ChannelAccount, String>,
    /// The common name of the client certificate that may read the published log.
    pub auditor_name: Option<String>,
    /// The bank's own identity provider.
    pub provider: Option<Arc<Provider>>,
    /// Whether the tenant is a demo: only then is there a bank's page to try.
    pub is_demo: bool,
}

/// Which part this server plays.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum ServerRole {
    /// It writes.
    Active,
    /// It waits for the active one's lease.
    Standby,
}

/// Whether the server answers, and why not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Readiness {
    /// Whether it takes requests.
    pub ready: bool,
    /// Its part.
    pub role: ServerRole,
    /// Why, in words for an operator.
    pub reason: String,
}

/// Tells whether the server is ready; asked often, so it must be quick.
pub type AskReadiness = Box<dyn Fn() -> Readiness + Send + Sync>;

/// What all handlers share.
pub struct Service {
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Randomness.
    pub random: Arc<dyn Random>,
    readiness: AskReadiness,
    machine: Option<AskMachine>,
    witness: Option<Arc<dyn Cosigns>>,
    stopping: watch::Receiver<bool>,
    tenants: RwLock<BTreeMap<String, Arc<Served>>>,
}

impl Service {
    /// A service without tenants yet.
    pub fn new(
        clock: Arc<dyn Clock>,
        random: Arc<dyn Random>,
        readiness: AskReadiness,
        stopping: watch::Receiver<bool>,
    ) -> Self {
        Self { clock, random, readiness, machine: None, witness: None, stopping, tenants: RwLock::default() }
    }

    /// The same, which can tell of the machine that it runs on.
    #[must_use]
    pub fn on_machine(self, machine: AskMachine) -> Self {
        Self { machine: Some(machine), ..self }
    }

    /// The same, which cosigns checkpoints of logs.
    #[must_use]
    pub fn cosigning(self, witness: Arc<dyn Cosigns>) -> Self {
        Self { witness: Some(witness), ..self }
    }

    /// Serves these tenants from here on, by name.
    pub fn set_tenants(&self, tenants: BTreeMap<String, Served>) {
        let tenants = tenants.into_iter().map(|(name, served)| (name, Arc::new(served))).collect();
        *self.tenants.write().unwrap_or_else(PoisonError::into_inner) = tenants;
    }

    /// Whether the server answers.
    pub fn readiness(&self) -> Readiness {
        (self.readiness)()
    }

    /// What runs and what was found wrong, if this service can tell.
    pub(super) fn machine(&self) -> Option<BoxFuture<'static, Arc<Machine>>> {
        self.machine.as_ref().map(|ask| ask())
    }

    /// Who cosigns, if this service does.
    pub(super) fn witness(&self) -> Option<Arc<dyn Cosigns>> {
        self.witness.clone()
    }

    /// Follows whether the server is to stop: connections that stay open end then.
    pub(super) fn stopping(&self) -> watch::Receiver<bool> {
        self.stopping.clone()
    }

    /// A tenant by name.
    pub(super) fn tenant(&self, name: &str) -> Option<Arc<Served>> {
        self.tenants.read().unwrap_or_else(PoisonError::into_inner).get(name).cloned()
    }

    /// The tenant whose published log this client certificate may read; the configuration gives a name to one at most.
    pub(super) fn audited_by(&self, name: &str) -> Option<(String, Arc<Served>)> {
        let tenants = self.tenants.read().unwrap_or_else(PoisonError::into_inner);
        let found = tenants.iter().find(|(_, served)| served.auditor_name.as_deref() == Some(name));
        found.map(|(tenant, served)| (tenant.clone(), Arc::clone(served)))
    }

    /// The first channel account of a demo tenant that a page can use, as `tenant/account`.
    pub(super) fn demo_account(&self) -> Option<String> {
        let tenants = self.tenants.read().unwrap_or_else(PoisonError::into_inner);
        let mut demos = tenants.iter().filter(|(_, served)| served.is_demo);
        demos.find_map(|(name, served)| {
            let session = served.channels.iter().find(|channel| matches!(channel, Channel::Session(_)))?;
            Some(format!("{name}/{}", session.account().account))
        })
    }

    /// One of a tenant's channel accounts.
    pub(super) fn channel(&self, channel: &str, tenant: &str, account: &str) -> Option<(Arc<Served>, Channel)> {
        let served = self.tenant(tenant)?;
        let found = served.channels.iter().find(|found| {
            let known = found.account();
            known.channel == channel && known.account == account
        });
        let found = found.cloned()?;
        Some((served, found))
    }
}
