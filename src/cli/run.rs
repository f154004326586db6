//! `lww run`: starts the server, says where it is, and drains it on SIGTERM or Ctrl-C.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;

use clap::{Args, ValueEnum};
use futures_util::future::BoxFuture;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

use super::stories::Stage;
use super::welcome::Welcome;
use super::{CommandError, Place, screen, sheet};
use crate::app::config::Config;
use crate::app::{
    App, OneTimePassword, StartOptions, Supervision, confine, make_data_dir, serve_orders, start_logging,
};
use crate::crypto::{SystemClock, SystemRandom};
use crate::files::Readers;
use crate::http::{Machine, Readiness, Served, Server, ServerRole, Service};
use crate::storage::keeper::LogStatus;
use crate::telemetry::{Confinement, Occurrence, emit};
use crate::units::ChannelAccount;

/// Start the server.
#[derive(Args)]
pub struct RunArgs {
    #[command(flatten)]
    place: Place,
    /// Take the database's head as true where this server has no rollback guard for a log. The act is recorded. A second
    /// node needs it once when the log already has entries.
    #[arg(long)]
    adopt_head: bool,
    /// Print addresses and one-time passwords as one line of JSON.
    #[arg(long)]
    json: bool,
    /// What a new demo tenant is filled with [default: stories where nothing is configured, else nothing].
    #[arg(long, value_name = "WHAT")]
    fill: Option<Fill>,
}

/// What a demo tenant begins with.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Fill {
    /// Twenty conversations in two languages, told over the API.
    Stories,
    /// Accounts alone.
    Nothing,
}

impl RunArgs {
    fn has_stories(&self) -> bool {
        self.fill.map_or(self.place.config.is_none(), |fill| fill == Fill::Stories)
    }
}

/// A server that answers.
pub(super) struct Running {
    pub(super) app: App,
    pub(super) https: Option<SocketAddr>,
    pub(super) http: Option<SocketAddr>,
    pub(super) machines: Option<SocketAddr>,
    pub(super) metrics: Option<SocketAddr>,
    pub(super) passwords: Vec<OneTimePassword>,
    pub(super) role: Supervision,
    server: Server,
    closing: watch::Sender<bool>,
}

impl Running {
    /// Starts everything up to the listeners; nothing is answered before [`Running::serve`].
    pub(super) async fn start(
        config: Config,
        options: &StartOptions,
        progress: &(dyn Fn(&str) + Sync),
    ) -> Result<Self, CommandError> {
        let app = App::start(config, options, progress).await?;
        match Self::on(&app, options).await {
            Ok((role, passwords, server, closing)) => {
                let (https, http, machines, metrics) = (server.https, server.http, server.machines, server.metrics);
                Ok(Self { app, https, http, machines, metrics, passwords, role, server, closing })
            }
            Err(error) => {
                app.stop().await?;
                Err(error)
            }
        }
    }

    async fn on(
        app: &App,
        options: &StartOptions,
    ) -> Result<(Supervision, Vec<OneTimePassword>, Server, watch::Sender<bool>), CommandError> {
        let role = app.settled().await?;
        let (closing, stopping) = watch::channel(false);
        // Before accounts are made: passwords that are shown once must not be lost to an address in use.
        let server = Server::bind(service(app, stopping), app.addresses()?)?;
        let mut passwords = Vec::new();
        if role == Supervision::Active {
            for served in &app.tenants {
                // Before the sheet of keys is written.
                served.name_national_key().await?;
                passwords.extend(
                    served.seed_demo(options.stories).await.map_err(|error| CommandError::Seed(error.to_string()))?,
                );
            }
        }
        Ok((role, passwords, server, closing))
    }

    /// Serves until `stop` is over, then drains.
    pub(super) async fn serve(self, stop: impl Future<Output = ()>) -> Result<(), CommandError> {
        let Self { app, server, closing, .. } = self;
        let orders = tokio::spawn(serve_orders(app.config.data_dir.clone(), app.tenants.clone(), app.stopping()));
        // Connections that stay open end first: a drain would wait for them.
        let stop = async move {
            stop.await;
            closing.send_replace(true);
        };
        let served = server.run(stop).await;
        app.stop().await?;
        // Its socket is gone with the server; what it could not remove, the next start does.
        let _orders = orders.await;
        Ok(served?)
    }
}

pub(super) fn run(args: RunArgs) -> Result<(), CommandError> {
    let config = args.place.load()?;
    // Those who read files are started while programs may be.
    let readers =
        Arc::new(if config.confine && config.has_own_database() { Readers::started() } else { Readers::default() });
    // Before there is another thread: each restricts itself and those that it starts.
    let how = confine(&config, args.place.config.as_deref());
    super::runtime()?.block_on(serve(args, config, how, readers))
}

async fn serve(args: RunArgs, config: Config, how: Confinement, readers: Arc<Readers>) -> Result<(), CommandError> {
    // Before the logs, which lie in it by default and would make it with a mode of their own.
    make_data_dir(&config)?;
    let _log = start_logging(&config.log.directory, config.log.level).map_err(CommandError::Logging)?;
    // A private PostgreSQL takes an account of its own; a server of a bank's database has no reason to be root.
    let as_root = rustix::process::geteuid().is_root() && config.has_own_database();
    emit(&Occurrence::Confined { how, as_root });
    let options = StartOptions {
        readers: Some(readers),
        adopt_head: args.adopt_head,
        stories: args.has_stories(),
        config_file: args.place.config.clone(),
    };
    let mut running = Running::start(config, &options, &|line| screen::progress(line)).await?;
    let vkeys: Vec<_> = running.app.tenants.iter().flat_map(|served| served.vkeys()).collect();
    let keys = sheet::keys(vkeys.iter().map(String::as_str)).map_err(super::ledger::LedgerError::from)?;
    let sheet = sheet::write(&running.app.config.data_dir, &keys)?;
    let stage = Stage::of(&running)?;
    let welcome = Welcome::of(&mut running, sheet);
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let stop = async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        screen::progress("stopping: requests under way are finished, the ledger is closed in order");
    };
    let serving = running.serve(stop);
    let told = async {
        welcome.tell(stage, args.json).await;
    };
    // Both at once: the stories are told to the server that serves.
    let (served, ()) = tokio::join!(serving, told);
    served
}

/// What a tenant can't take messages in without.
fn lacking(served: &crate::app::Served) -> Option<&'static str> {
    if served.is_system() {
        None
    } else if served.tenant.policy().is_none() {
        Some("masking policy")
    } else {
        served.tenant.table().is_none().then_some("routing table")
    }
}

/// The http room's view of the server.
fn service(app: &App, stopping: watch::Receiver<bool>) -> Arc<Service> {
    let logs: Vec<_> = app.tenants.iter().map(|served| (Arc::clone(served), served.slot.status())).collect();
    let readiness = move || {
        for (served, status) in &logs {
            let name = &served.tenant.name.name;
            let (role, reason) = match &*status.borrow() {
                LogStatus::Active => match lacking(served) {
                    None => continue,
                    Some(what) => (ServerRole::Active, format!("tenant {name} has no active {what}")),
                },
                LogStatus::Standby => (ServerRole::Standby, format!("another server writes the log of {name}")),
                LogStatus::Starting => (ServerRole::Standby, format!("the log of {name} is not opened yet")),
                LogStatus::Released => (ServerRole::Standby, "stopping".to_owned()),
                LogStatus::Stopped(fatal) => (ServerRole::Standby, format!("the log of {name} is stopped: {fatal}")),
            };
            return Readiness { ready: false, role, reason };
        }
        Readiness { ready: true, role: ServerRole::Active, reason: "active".to_owned() }
    };
    let (clock, random) = (Arc::new(SystemClock), Arc::new(SystemRandom::new()));
    let examiner = app.examiner();
    let machine = move || -> BoxFuture<'static, Arc<Machine>> { Box::pin(Arc::clone(&examiner).machine()) };
    let service = Service::new(clock, random, Box::new(readiness), stopping).on_machine(Box::new(machine));
    let tenants = app.tenants.iter().filter(|served| !served.is_system()).map(|served| {
        let one = Served {
            tenant: Arc::clone(&served.tenant),
            channels: served.channels.clone(),
            client_names: client_names(served),
            auditor_name: served.config.as_ref().and_then(|config| config.auditor_name.clone()),
            provider: served.provider.clone(),
            is_demo: served.config.as_ref().is_some_and(|config| config.demo),
        };
        (served.tenant.name.name.clone(), one)
    });
    service.set_tenants(tenants.collect::<BTreeMap<_, _>>());
    Arc::new(service)
}

/// Channel accounts whose requests need a client certificate, with its name.
fn client_names(served: &crate::app::Served) -> BTreeMap<ChannelAccount, String> {
    let channels = served.config.iter().flat_map(|config| &config.channels);
    let named = channels.filter_map(|channel| {
        let account = ChannelAccount { channel: channel.channel, account: channel.account.clone() };
        Some((account, channel.client_name.clone()?))
    });
    named.collect()
}
