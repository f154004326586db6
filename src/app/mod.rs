//! Wiring: reads the configuration, opens keys, database and logs, and starts what serves and follows.
//!
//! It decides nothing about messages. The order of starting is the order of trust: lock and database, then keys, then the
//! logs against their guards, then policies, and only then anything that takes a message in.

mod anchors;
mod at_hand;
pub mod backup;
mod certificates;
pub mod config;
mod confine;
mod control;
pub mod doctor;
mod epochs;
mod gauges;
mod health;
mod listeners;
mod logging;
mod mirror;
pub mod recover;
mod seed;
mod supervise;
mod tenants;
mod witnesses;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use uuid::Uuid;

pub use at_hand::at_hand;
pub use confine::{confine, reach_no_file};
pub use control::{ControlError, Order, ask, serve as serve_orders};
pub use epochs::RotationWish;
pub use health::Examiner;
pub use logging::{LogGuard, start_logging};
pub use seed::{COLLEAGUE, OneTimePassword};
pub use supervise::Supervision;
pub use tenants::{NamingError, Served};
pub use witnesses::{OpenWitness, WitnessPlace, add_log, make_witness, open_witness};

use crate::crypto::dev_ca::TlsError;
use crate::crypto::{KeyDirectory, KeyError, KeyPlaces, SystemClock, SystemRandom};
use crate::files::Readers;
use crate::limits::STOP_WAIT_S_MAX;
use crate::ports::{Clock, Random, random_bytes};
use crate::storage::FatalError;
use crate::storage::database::{self, DatabaseError};
use crate::storage::embedded::{self, EmbeddedError, EmbeddedPostgres};
use crate::storage::keeper::LogStatus;
use crate::storage::objects::PlaceError;
use crate::storage::witness::WitnessError;
use config::{Config, ConfigError};
use epochs::Epochs;
use health::Identity;

/// Why the server did not start or stop as it should.
#[derive(Debug, thiserror::Error)]
pub enum AppError {
    /// The configuration is wrong.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The private PostgreSQL can't be used.
    #[error(transparent)]
    Embedded(#[from] EmbeddedError),
    /// PostgreSQL refuses, or is not fit for a ledger.
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// A key is missing, wrong or open to others.
    #[error(transparent)]
    Keys(#[from] KeyError),
    /// A log must stop.
    #[error("the log of tenant {tenant} is stopped: {fatal}")]
    Log {
        /// The tenant's name.
        tenant: String,
        /// Why.
        fatal: FatalError,
    },
    /// What a witness remembers can't be used.
    #[error(transparent)]
    Witness(#[from] WitnessError),
    /// A certificate can't be used or made.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// A folder or file of the server's own can't be used.
    #[error("{path} can't be used: {reason}")]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        reason: std::io::Error,
    },
    /// An identity provider of the configuration can't be used.
    #[error("the identity provider of tenant {tenant}: {reason}")]
    Provider {
        /// The tenant.
        tenant: String,
        /// What is wrong.
        reason: String,
    },
    /// An anchor of the configuration can't be used.
    #[error("anchor {name}: {reason}")]
    Anchor {
        /// How the configuration calls it.
        name: String,
        /// What is wrong.
        reason: String,
    },
    /// The place of the copy can't be used.
    #[error(transparent)]
    Mirror(#[from] PlaceError),
    /// A channel of the configuration can't be made.
    #[error("channel {channel} of tenant {tenant}: {reason}")]
    Channel {
        /// The tenant.
        tenant: String,
        /// The channel account.
        channel: String,
        /// What is wrong.
        reason: String,
    },
}

/// What the command line adds to the configuration.
#[derive(Clone, Default)]
pub struct StartOptions {
    /// Those who read files, where they had to be started already; otherwise they are when the first file comes.
    pub readers: Option<Arc<Readers>>,
    /// Take the database's head as true where the rollback guard has none.
    pub adopt_head: bool,
    /// The configuration's file, which the doctor looks at.
    pub config_file: Option<PathBuf>,
    /// A demo tenant gets a second agent, who answers the stories that it is filled with.
    pub stories: bool,
}

/// A server that runs.
pub struct App {
    /// The configuration it runs with.
    pub config: Config,
    /// Where PostgreSQL is, as the server's role.
    pub database: tokio_postgres::Config,
    /// The tenants it serves.
    pub tenants: Vec<Arc<Served>>,
    config_file: Option<PathBuf>,
    identity: Identity,
    embedded: Option<Arc<EmbeddedPostgres>>,
    stop: watch::Sender<bool>,
    keepers: Vec<JoinHandle<()>>,
    followers: Vec<JoinHandle<()>>,
}

impl App {
    /// Starts everything but the listeners. `progress` gets a sentence before each step that takes long.
    ///
    /// # Errors
    /// [`AppError`], naming what is wrong and the way out; what was started is stopped again.
    pub async fn start(
        config: Config,
        options: &StartOptions,
        progress: &(dyn Fn(&str) + Sync),
    ) -> Result<Self, AppError> {
        let (embedded, database) = open_database(&config, progress).await?;
        // In a box of its own: what is wired up there is more than a caller should hold on its stack.
        let started = Box::pin(Self::start_on(config, options, embedded.clone(), database)).await;
        if started.is_err()
            && let Some(embedded) = embedded.and_then(Arc::into_inner)
        {
            embedded.stop().await?;
        }
        started
    }

    async fn start_on(
        config: Config,
        options: &StartOptions,
        embedded: Option<Arc<EmbeddedPostgres>>,
        database: tokio_postgres::Config,
    ) -> Result<Self, AppError> {
        database::check(&database).await?;
        let random: Arc<dyn Random> = Arc::new(SystemRandom::new());
        make_data_dir(&config)?;
        let node = node_id(&config, &*random)?;
        let fresh = !tenants::any(&database).await?;
        let places = KeyPlaces { directory: config.keys_dir.clone(), master: config.master_key.clone() };
        let keys = KeyDirectory::open_sealing(&places, config.national.sealing, Arc::clone(&random), fresh)?;
        let (stop, stopping) = watch::channel(false);
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let identity = Identity { binary: tenants::binary_digest(), started_at: clock.now() };
        let wish = Arc::new(RotationWish::default());
        let rotation = Arc::clone(&wish);
        let witnesses = config.witness.as_ref().map(witnesses::asked).transpose()?;
        let context = tenants::Context {
            config: &config,
            database: &database,
            keys: &keys,
            node,
            clock,
            random,
            identity,
            rotation,
            witnesses: witnesses.clone(),
            readers: options.readers.clone().unwrap_or_default(),
        };
        let watch = mirror::Watch::open(&config, &keys)?;
        let anchorings = anchors::open(&config.anchors)?;
        let (served, keepers) = tenants::open(&context, options, &stopping).await?;
        let parts = supervise::Parts { watch, witnesses, anchorings };
        let mut followers = supervise::start(&config, &database, &served, &parts, embedded.as_ref(), &stopping);
        let epochs = Epochs {
            keeper: keys.epoch_keeper(),
            database: database.clone(),
            served: served.clone(),
            backups_kept_s: config.erasure.backups_kept_s(),
            clock: Arc::new(SystemClock),
            wish,
        };
        followers.push(tokio::spawn(epochs.run(stopping.clone())));
        let config_file = options.config_file.clone();
        Ok(Self { config, database, tenants: served, config_file, identity, embedded, stop, keepers, followers })
    }

    /// Waits until every log is active, or says why one is not: it stands by, or it is stopped.
    ///
    /// # Errors
    /// [`AppError::Log`] when a log must stop.
    pub async fn settled(&self) -> Result<Supervision, AppError> {
        let mut supervision = Supervision::Active;
        for served in &self.tenants {
            let mut status = served.slot.status();
            let settled = status.wait_for(|status| !matches!(status, LogStatus::Starting)).await;
            match settled.map(|status| status.clone()) {
                Ok(LogStatus::Stopped(fatal)) => {
                    return Err(AppError::Log { tenant: served.tenant.name.name.clone(), fatal });
                }
                Ok(LogStatus::Standby) => supervision = Supervision::Standby,
                Ok(LogStatus::Starting | LogStatus::Active | LogStatus::Released) | Err(_) => {}
            }
        }
        Ok(supervision)
    }

    /// Who tells what runs and what is wrong with the machine.
    pub fn examiner(&self) -> Arc<Examiner> {
        Arc::new(Examiner {
            config: self.config.clone(),
            file: self.config_file.clone(),
            database: self.database.clone(),
            identity: self.identity,
            runtime: Handle::current(),
            last: Arc::default(),
        })
    }

    /// Follows whether the server is to stop.
    pub fn stopping(&self) -> watch::Receiver<bool> {
        self.stop.subscribe()
    }

    /// Lets everything finish what it took in: recorders drain, tiles are published, leases given back, PostgreSQL stopped. What
    /// can't be finished because the database is gone is left as a crash leaves it.
    ///
    /// # Errors
    /// [`AppError::Embedded`] when the private PostgreSQL doesn't stop.
    pub async fn stop(self) -> Result<(), AppError> {
        let Self { embedded, stop, keepers, followers, tenants, .. } = self;
        let mut tasks: Vec<_> = followers.into_iter().chain(keepers).collect();
        let in_order = async {
            for served in &tenants {
                served.announce_stop().await;
            }
            stop.send_replace(true);
            drop(tenants);
            for task in &mut tasks {
                // A task that panicked has nothing left to finish.
                let _ended = task.await;
            }
        };
        if timeout(Duration::from_secs(STOP_WAIT_S_MAX), in_order).await.is_err() {
            tracing::warn!(
                event = "stop_cut_short",
                "the database doesn't answer: this ends as a crash does, and loses as little"
            );
            stop.send_replace(true);
            for task in tasks.into_iter().filter(|task| !task.is_finished()) {
                task.abort();
                let _ended = task.await;
            }
        }
        if let Some(embedded) = embedded.and_then(Arc::into_inner) {
            embedded.stop().await?;
        }
        Ok(())
    }
}

async fn open_database(
    config: &Config,
    progress: &(dyn Fn(&str) + Sync),
) -> Result<(Option<Arc<EmbeddedPostgres>>, tokio_postgres::Config), AppError> {
    if let Some(database) = config.database()? {
        return Ok((None, database));
    }
    let embedded = EmbeddedPostgres::start(&at_hand::private(config), &|line| progress(line)).await?;
    database::migrate(&embedded.owner_config()).await?;
    let database = embedded.app_config();
    Ok((Some(Arc::new(embedded)), database))
}

/// Makes the data directory so that nobody else can list it; one that is there stays as it is, and the doctor tells its mode.
///
/// # Errors
/// [`AppError::Embedded`] when it can't be made.
pub fn make_data_dir(config: &Config) -> Result<(), AppError> {
    embedded::make_data_dir(&config.data_dir)?;
    Ok(())
}

/// This server's own id, made at its first start.
fn node_id(config: &Config, random: &dyn Random) -> Result<Uuid, AppError> {
    let path = config.data_dir.join("node.id");
    let file = |reason| AppError::File { path: path.clone(), reason };
    match std::fs::read_to_string(&path) {
        Ok(text) => Uuid::parse_str(text.trim())
            .map_err(|_| file(std::io::Error::new(std::io::ErrorKind::InvalidData, "it holds no id"))),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let id = uuid::Builder::from_random_bytes(random_bytes(random)).into_uuid();
            std::fs::write(&path, format!("{id}\n")).map_err(file)?;
            Ok(id)
        }
        Err(error) => Err(file(error)),
    }
}
