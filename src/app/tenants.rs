//! Opens each tenant's log and builds its pipeline and channels.

use std::sync::Arc;

use lww_audit::fsck::PURPOSE;
use tokio::sync::{Mutex, watch};
use tokio::task::{JoinHandle, spawn_blocking};
use tokio_postgres::Config as Database;
use uuid::Uuid;
use zeroize::Zeroizing;

use super::config::{Config, TenantConfig};
use super::health::Identity;
use super::{AppError, RotationWish, StartOptions};
use crate::channels;
use crate::crypto::dev_ca::client_config;
use crate::crypto::{Argon2Passwords, KeyDirectory, LogSigner, TenantVault};
use crate::domain::event::{Event, Role};
use crate::domain::record::{Actor, Draft, Proposal};
use crate::files::Readers;
use crate::http::oidc::{Provider, ProviderSettings};
use crate::pipeline::{ErasurePorts, Ports, StaffRules, Tenant};
use crate::ports::{
    Amendments, Channel, Clock, Erasures, FilePorts, FileReader, Follower, History, LogKeys, NationalKey, People,
    Queues, Random, RecordError, Recorder, Reports, SignError, Signer, Store, TenantName, Unmaskings, Witnesses,
};
use crate::storage::FatalError;
use crate::storage::database::{self, DatabaseError};
use crate::storage::head::{self, FIRST_GENERATION, LogName};
use crate::storage::keeper::{Keeper, LogSlot};
use crate::storage::store::TenantStore;
use crate::units::{Hash, SERVER_ACTOR, TenantId};
use crate::workers::packages::PackageFolder;
use crate::workers::tiles::PublishedTiles;

/// The name of the log of events that belong to no tenant.
pub(super) const SYSTEM: &str = "system";

/// A tenant that this server serves.
pub struct Served {
    /// Its pipeline.
    pub tenant: Arc<Tenant>,
    /// Its log.
    pub log: LogName,
    /// Its log's recorder and status.
    pub slot: Arc<LogSlot>,
    /// Its channels.
    pub channels: Vec<Channel>,
    /// The bank's own identity provider.
    pub provider: Option<Arc<Provider>>,
    /// Its configuration; `None` for the system log.
    pub config: Option<TenantConfig>,
    /// The SM2 key that signs what is published, too; `None`: none does.
    pub national: Option<Arc<dyn NationalKey>>,
    /// Whoever names that key waits for whoever does.
    naming: Mutex<()>,
    /// An operator's wish that an epoch begins; one for all tenants.
    pub rotation: Arc<RotationWish>,
}

impl Served {
    /// Whether this is the system log, which takes no messages.
    pub fn is_system(&self) -> bool {
        self.config.is_none()
    }

    /// Records an operator's act that belongs to no tenant.
    pub(super) async fn record(&self, event: Event) -> Result<(), RecordError> {
        self.record_as(Role::Operator, event).await
    }

    /// Records what an operator or the server itself did that belongs to no tenant.
    pub(super) async fn record_as(&self, role: Role, event: Event) -> Result<(), RecordError> {
        let draft = Draft::of(event, Actor { id: SERVER_ACTOR, role });
        self.slot.record(Proposal::single(draft, Vec::new())).await.map(drop)
    }

    /// Makes the SM2 key and names it by an entry, unless that was done; until then it signs nothing.
    ///
    /// # Errors
    /// [`NamingError`]; the next attempt takes the same key.
    pub async fn name_national_key(&self) -> Result<(), NamingError> {
        let Some(key) = &self.national else { return Ok(()) };
        let _turn = self.naming.lock().await;
        if key.vkey().is_some() {
            return Ok(());
        }
        let (making, settling) = (Arc::clone(key), Arc::clone(key));
        let fingerprint = spawn_blocking(move || making.prepare()).await.map_err(|_| NamingError::Ended)??;
        self.record_as(Role::Server, Event::KeyCreated { purpose: PURPOSE, fingerprint }).await?;
        spawn_blocking(move || settling.settle()).await.map_err(|_| NamingError::Ended)??;
        Ok(())
    }

    /// The log's public keys that are on paper: its own newest one, and the SM2 key.
    pub fn vkeys(&self) -> impl Iterator<Item = String> {
        std::iter::once(self.tenant.vkey()).chain(self.national.as_ref().and_then(|key| key.vkey()))
    }

    /// Records that the server stops, in the system log; best effort, because a log that can't be written must not keep
    /// the server from stopping.
    pub(super) async fn announce_stop(&self) {
        if self.is_system() {
            let draft = Draft::of(Event::ServerStopped, Actor { id: SERVER_ACTOR, role: Role::Server });
            if let Err(error) = self.slot.record(Proposal::single(draft, Vec::new())).await {
                tracing::info!(event = "stop_not_recorded", %error, "the log can't be written");
            }
        } else if let Err(error) = self.tenant.record_failed_logins(true).await {
            tracing::info!(event = "failed_logins_lost", %error, "the log can't be written");
        }
    }
}

/// Why an SM2 key was not named.
#[derive(Debug, thiserror::Error)]
pub enum NamingError {
    /// Its file can't be made or read.
    #[error(transparent)]
    Key(#[from] SignError),
    /// The log refused.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// The task that made it is gone.
    #[error("making the key ended unexpectedly")]
    Ended,
}

/// What tenants are opened with.
pub(super) struct Context<'a> {
    pub(super) config: &'a Config,
    pub(super) database: &'a Database,
    pub(super) keys: &'a KeyDirectory,
    pub(super) node: Uuid,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) random: Arc<dyn Random>,
    pub(super) identity: Identity,
    pub(super) rotation: Arc<RotationWish>,
    pub(super) witnesses: Option<Arc<Witnesses>>,
    pub(super) readers: Arc<Readers>,
}

/// Whether the database knows any tenant yet.
pub(super) async fn any(database: &Database) -> Result<bool, DatabaseError> {
    let database = database::Database::connect(database, None).await?;
    Ok(database.client.query_one("SELECT EXISTS (SELECT 1 FROM tenant)", &[]).await?.get(0))
}

/// Opens the system log and every configured tenant's.
pub(super) async fn open(
    context: &Context<'_>,
    options: &StartOptions,
    stopping: &watch::Receiver<bool>,
) -> Result<(Vec<Arc<Served>>, Vec<JoinHandle<()>>), AppError> {
    let mut served = Vec::new();
    let mut keepers = Vec::new();
    let configured = context.config.tenants.iter().map(Some);
    for config in std::iter::once(None).chain(configured) {
        let (one, keeper) = open_one(context, config, options).await?;
        keepers.push(tokio::spawn(keeper.run(stopping.clone())));
        served.push(Arc::new(one));
    }
    Ok((served, keepers))
}

async fn open_one(
    context: &Context<'_>,
    config: Option<&TenantConfig>,
    options: &StartOptions,
) -> Result<(Served, Keeper), AppError> {
    let name = config.map_or(SYSTEM, |config| config.name.as_str());
    let id = provision(context.database, name, config).await?;
    let fatal = |fatal| AppError::Log { tenant: name.to_owned(), fatal };
    let reader = database::Database::connect(context.database, Some(id)).await?;
    let present = head::read(&reader.client, id).await.map_err(|error| match error {
        head::OpenError::Database(error) => AppError::Database(error),
        head::OpenError::Fatal(reason) => fatal(reason),
    })?;
    let is_new = present.as_ref().is_none_or(|head| head.size().0 == 0);
    let generation = generation(context.config, name, present.as_ref()).map_err(fatal)?;
    let log = LogName { tenant: id, name: context.config.name.clone(), tenant_name: name.to_owned(), generation };
    let origin = log.origin().map_err(fatal)?;
    let signer = Arc::new(context.keys.log_signer(&origin, is_new)?);
    let slot = LogSlot::new();
    let store = Arc::new(TenantStore::connect(context.database, &log).await?);
    let packages = packages(context.config, &log, Arc::clone(&signer) as Arc<dyn Signer>)?;
    let ports = Ports {
        recorder: Arc::clone(&slot) as Arc<dyn Recorder>,
        store: Arc::clone(&store) as Arc<dyn Store>,
        people: Arc::clone(&store) as Arc<dyn People>,
        queues: Arc::clone(&store) as Arc<dyn Queues>,
        amendments: Arc::clone(&store) as Arc<dyn Amendments>,
        reports: Arc::clone(&store) as Arc<dyn Reports>,
        unmaskings: Arc::clone(&store) as Arc<dyn Unmaskings>,
        history: Arc::clone(&store) as Arc<dyn History>,
        erasures: Arc::clone(&store) as Arc<dyn Erasures>,
        erasure: erasure_ports(context, name, &signer)?,
        entries: store,
        vault: Arc::new(TenantVault::new(context.keys, id)?),
        passwords: Arc::new(Argon2Passwords),
        proofs: PublishedTiles::new(&context.config.tiles_dir(&log)),
        packages,
        keys: Arc::clone(&signer) as Arc<dyn LogKeys>,
        files: FilePorts {
            reader: Arc::clone(&context.readers) as Arc<dyn FileReader>,
            bytes_max: usize::try_from(context.config.file_bytes_max).unwrap_or_default(),
        },
        clock: Arc::clone(&context.clock),
        random: Arc::clone(&context.random),
    };
    let rules = config.map(staff_rules).unwrap_or_default();
    let tenant = Arc::new(Tenant::new(TenantName { id, name: name.to_owned() }, ports, rules));
    let guard = guard_path(context.config, &log)?;
    let keeper = Keeper {
        config: context.database.clone(),
        log: log.clone(),
        node: context.node,
        clock: Arc::clone(&context.clock),
        signer,
        guard,
        tiles: context.config.tiles_dir(&log),
        witnesses: context.witnesses.clone(),
        adopt_head: options.adopt_head,
        announce: if config.is_none() { vec![started(context)] } else { Vec::new() },
        announce_first: if config.is_none() { keys_created(context) } else { Vec::new() },
        slot: Arc::clone(&slot),
        follower: Arc::clone(&tenant) as Arc<dyn Follower>,
    };
    let channels = config.map_or(Ok(Vec::new()), |config| open_channels(context, config))?;
    let provider = config.map_or(Ok(None), |config| identity_provider(context, config))?;
    let rotation = Arc::clone(&context.rotation);
    let national = context.config.national.cosigned.then(|| context.keys.national_key(&origin)).transpose()?;
    let national = national.map(|key| key as Arc<dyn NationalKey>);
    let (config, naming) = (config.cloned(), Mutex::new(()));
    Ok((Served { tenant, log, slot, channels, provider, config, national, naming, rotation }, keeper))
}

/// The log's generation in the database; an older one than this server knows is refused.
fn generation(config: &Config, tenant: &str, present: Option<&head::Head>) -> Result<u32, FatalError> {
    let database = present.map_or(FIRST_GENERATION, |head| head.generation);
    let known = config.generation(tenant);
    let is_new = present.is_none_or(|head| head.size().0 == 0);
    if is_new || database >= known { Ok(database) } else { Err(FatalError::OtherGeneration { database, known }) }
}

fn erasure_ports(context: &Context<'_>, name: &str, signer: &Arc<LogSigner>) -> Result<ErasurePorts, AppError> {
    let journal = context.keys.erased_journal(name, &guard_folder(context.config)?)?;
    let erasure = context.config.erasure;
    Ok(ErasurePorts {
        journal: Arc::new(journal),
        notary: Arc::clone(signer) as Arc<dyn Signer>,
        backups_kept_s: erasure.backups_kept_s(),
        at_once: erasure.at_once,
    })
}

fn open_channels(context: &Context<'_>, config: &TenantConfig) -> Result<Vec<Channel>, AppError> {
    let open = |channel: &super::config::ChannelConfig| {
        let secret = channel.secret.resolve(context.keys)?;
        let settings = channels::ChannelConfig {
            identities: channel.identities.clone(),
            origins: channel.origins.clone(),
            account: channel.account.clone(),
            keyid: channel.key_id.clone(),
            secret: secret.bytes().to_vec().into(),
        };
        channels::open(channel.channel, settings).map_err(|error| AppError::Channel {
            tenant: config.name.clone(),
            channel: format!("{}:{}", channel.channel, channel.account),
            reason: error.to_string(),
        })
    };
    config.channels.iter().map(open).collect()
}

fn identity_provider(context: &Context<'_>, config: &TenantConfig) -> Result<Option<Arc<Provider>>, AppError> {
    let Some(oidc) = &config.oidc else { return Ok(None) };
    let refused =
        |reason: &dyn std::fmt::Display| AppError::Provider { tenant: config.name.clone(), reason: reason.to_string() };
    let secret = oidc.client_secret.resolve(context.keys)?;
    let secret = std::str::from_utf8(secret.bytes()).map_err(|_| refused(&"the client secret is not UTF-8"))?;
    let settings = ProviderSettings {
        issuer: oidc.issuer.clone(),
        client_id: oidc.client_id.clone(),
        client_secret: Zeroizing::new(secret.to_owned()),
        redirect_uri: format!("{}/api/v1/session/oidc/{}/callback", oidc.public_url, config.name),
        login_claim: oidc.login_claim.clone(),
        role_claim: oidc.role_claim.clone(),
        roles: oidc.roles.clone(),
        create_accounts: oidc.create_accounts,
        tls: oidc.ca.as_deref().map(client_config).transpose()?,
    };
    Provider::new(settings).map(Arc::new).map(Some).map_err(|error| refused(&error))
}

fn staff_rules(config: &TenantConfig) -> StaffRules {
    StaffRules {
        factor_roles: config.second_factor.clone(),
        idle_s: i64::from(config.session_idle_minutes) * 60,
        capacity_default: config.agents_capacity_default,
        grace_s: i64::from(config.desk_grace_s),
    }
}

/// What the system log says each time that this server begins to write.
fn started(context: &Context<'_>) -> Event {
    Event::ServerStarted {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        binary: context.identity.binary,
        configuration: context.config.digest(),
    }
}

/// What the system log says of the keys that were made before its first entry.
fn keys_created(context: &Context<'_>) -> Vec<Event> {
    let created =
        |key: &crate::crypto::KeyIdentity| Event::KeyCreated { purpose: key.purpose, fingerprint: key.fingerprint };
    context.keys.identities().iter().map(created).collect()
}

/// SHA-256 of the running binary; zeros when the system doesn't say which file it is.
pub(super) fn binary_digest() -> Hash {
    let bytes = std::env::current_exe().and_then(std::fs::read).unwrap_or_default();
    let digest = ring::digest::digest(&ring::digest::SHA256, &bytes);
    Hash(digest.as_ref().try_into().unwrap_or([0; 32]))
}

fn packages(config: &Config, log: &LogName, signer: Arc<dyn Signer>) -> Result<Arc<PackageFolder>, AppError> {
    let folder = config.data_dir.join("packages").join(format!("{}-{}", log.tenant_name, log.generation));
    let packages = PackageFolder::open(&config.tiles_dir(log), &folder, signer);
    packages.map(Arc::new).map_err(|reason| AppError::File { path: folder, reason })
}

fn guard_path(config: &Config, log: &LogName) -> Result<std::path::PathBuf, AppError> {
    Ok(guard_folder(config)?.join(format!("{}-{}", log.tenant_name, log.generation)))
}

fn guard_folder(config: &Config) -> Result<std::path::PathBuf, AppError> {
    let folder = config.data_dir.join("guard");
    std::fs::create_dir_all(&folder).map_err(|reason| AppError::File { path: folder.clone(), reason })?;
    Ok(folder)
}

/// The tenant's number, given out at first use, with its settings.
async fn provision(database: &Database, name: &str, config: Option<&TenantConfig>) -> Result<TenantId, DatabaseError> {
    let connection = database::Database::connect(database, None).await?;
    let is_system = config.is_none();
    let demo = config.is_some_and(|config| config.demo);
    let sql = "INSERT INTO tenant (id, name, demo) SELECT CASE WHEN $2 THEN 0 ELSE (SELECT coalesce(max(id), 0) + 1 FROM tenant) END, \
               $1, $3 ON CONFLICT DO NOTHING";
    connection.client.execute(sql, &[&name, &is_system, &demo]).await?;
    let row = connection.client.query_one("SELECT id FROM tenant WHERE name = $1", &[&name]).await?;
    let id = TenantId(row.get(0));
    let own = database::Database::connect(database, Some(id)).await?;
    own.client
        .execute("INSERT INTO settings (tenant, version) VALUES ($1, 1) ON CONFLICT DO NOTHING", &[&id.0])
        .await?;
    Ok(id)
}
