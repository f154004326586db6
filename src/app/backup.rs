//! `lww backup`: every table out of one snapshot into one file, and the wrapped keys into another.
//!
//! The two are apart because either alone is harmless. Rollback guards are in neither: a guard that comes back with its
//! database vouches for nothing (`docs/adr/0007-a-backup-is-rows-without-keys-and-guards.md`).

mod restore;
mod target;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use lww_audit::{SignedCheckpoint, TileDir, VerifierKey};
use serde::{Deserialize, Serialize};

pub use restore::{OWNER_URL, RestoreError, RestoreOptions, Restored, RestoredLog, restore};

use super::config::Config;
use super::{AppError, ControlError, Order, ask, at_hand};
use crate::crypto::{KeyDirectory, KeyError, KeyIdentity, KeyPlaces, SystemRandom};
use crate::ports::LogKeys;
use crate::storage::FatalError;
use crate::storage::backup::{Archive, ArchiveError, ArchiveWriter, CopyError, Replay, ReplayError, Snapshot, sha256};
use crate::storage::database::{self, DatabaseError};
use crate::storage::head::{self, LogName, OpenError};
use crate::units::{Origin, TenantId, Timestamp, TreeSize};

/// First words of a backup's list of pieces.
pub const BACKUP_FORMAT: &str = "lww-backup/1";
/// First words of a backup of keys.
pub const KEYS_FORMAT: &str = "lww-keys-backup/1";

/// What a backup says of itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct About {
    /// The server's version that wrote it.
    pub version: String,
    /// When (RFC 3339, UTC).
    pub created: String,
    /// Version of the database's schema.
    pub schema: u32,
    /// First part of the logs' origins.
    pub name: String,
    /// The logs, by tenant.
    pub logs: Vec<LogAbout>,
    /// The keys without which what is sealed stays closed.
    pub keys: Vec<KeyAbout>,
}

/// Where a log stood.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LogAbout {
    /// The tenant's name.
    pub tenant: String,
    /// The tenant's number.
    pub id: i32,
    /// The log's generation.
    pub generation: u32,
    /// The log's public key.
    pub vkey: String,
    /// Entries.
    pub size: u64,
    /// Root of the tree over them, in hexadecimal digits.
    pub root: String,
    /// The signed checkpoint that was published last, at most of that size.
    pub checkpoint: Option<String>,
    /// Digest of the active masking policy, in hexadecimal digits.
    pub policy: Option<String>,
}

/// A key's public name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeyAbout {
    /// What it is for.
    pub purpose: String,
    /// SHA-256 of its identifier, as the ledger entry `key.created` has it.
    pub fingerprint: String,
}

impl KeyAbout {
    fn of(key: &KeyIdentity) -> Self {
        Self { purpose: key.purpose.to_owned(), fingerprint: key.fingerprint.to_string() }
    }
}

/// What a backup of keys says of itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeysAbout {
    /// The server's version that wrote it.
    pub version: String,
    /// When (RFC 3339, UTC).
    pub created: String,
    /// The keys in it, and the master key that opens them, which is not.
    pub keys: Vec<KeyAbout>,
}

/// Where to.
#[derive(Clone, Debug)]
pub struct BackupOptions {
    /// Folder for the backup.
    pub to: PathBuf,
    /// File for the wrapped keys; none are copied without it.
    pub keys_to: Option<PathBuf>,
}

/// What was written.
#[derive(Clone, Debug)]
pub struct BackedUp {
    /// The backup.
    pub path: PathBuf,
    /// Its length.
    pub bytes: u64,
    /// What is in it.
    pub about: About,
    /// Whether the server that runs recorded it; none may run.
    pub recorded: bool,
    /// Where the master key is, which is in no backup.
    pub master_key: PathBuf,
}

/// Who is told how far it is.
pub struct Progress<'a> {
    /// Gets a sentence before each step.
    pub line: &'a (dyn Fn(&str) + Sync),
    /// Gets what is done of what there is.
    pub bar: &'a (dyn Fn(&str, u64, u64) + Sync),
}

/// Why there is no backup.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// Keys or database can't be used.
    #[error(transparent)]
    App(#[from] AppError),
    /// The file can't be written.
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    /// The rows can't be copied.
    #[error(transparent)]
    Copy(#[from] CopyError),
    /// There is no database here.
    #[error("{0} holds no database yet: name the server's configuration or its data directory")]
    NothingThere(PathBuf),
    /// The server that runs can't record it.
    #[error("no backup was made, because the server could not record it: {0}")]
    NotRecorded(ControlError),
    /// What would be kept is not what was signed.
    #[error("no backup was made, because the log of tenant {tenant} is not whole: {reason}")]
    NotWhole {
        /// The tenant.
        tenant: String,
        /// What is wrong.
        reason: ReplayError,
    },
}

impl From<KeyError> for BackupError {
    fn from(error: KeyError) -> Self {
        Self::App(error.into())
    }
}

impl From<DatabaseError> for BackupError {
    fn from(error: DatabaseError) -> Self {
        Self::App(error.into())
    }
}

/// Writes a backup of the configured server's data, while it runs or while it does not, and reads it back.
///
/// # Errors
/// [`BackupError`]; there is no backup then, at most one of the keys.
pub async fn backup(
    config: &Config,
    options: &BackupOptions,
    now: Timestamp,
    progress: &Progress<'_>,
) -> Result<BackedUp, BackupError> {
    let private = config.database().map_err(AppError::from)?.is_none();
    if private && !["pg", "pg.location"].iter().any(|name| config.data_dir.join(name).exists()) {
        return Err(BackupError::NothingThere(config.data_dir.clone()));
    }
    let places = places(config);
    let keys = config.open_keys(false)?;
    // Before the snapshot: what was published then is in it.
    let published = published(config)?;
    if let Some(keys_to) = &options.keys_to {
        write_keys(&places, &keys, keys_to, now)?;
    }
    let (embedded, database) = at_hand(config, progress.line).await?;
    let written = Run { config, keys: &keys, published: &published, now, progress }.write(&database, options).await;
    if let Some(embedded) = embedded {
        embedded.stop().await.map_err(AppError::from)?;
    }
    let written = written?;
    let bar = |done, all| (progress.bar)("read back", done, all);
    Archive::<About>::open(&written.path, BACKUP_FORMAT, &bar).map(drop)?;
    Ok(written)
}

fn places(config: &Config) -> KeyPlaces {
    KeyPlaces { directory: config.keys_dir.clone(), master: config.master_key.clone() }
}

/// The published checkpoints, by the name of their folder.
fn published(config: &Config) -> Result<BTreeMap<PathBuf, SignedCheckpoint>, BackupError> {
    let folder = config.data_dir.join("audit");
    let mut found = BTreeMap::new();
    // Nothing was published yet where the folder is missing.
    for entry in std::fs::read_dir(&folder).into_iter().flatten().flatten() {
        let refuse = |error: lww_audit::Error| FatalError::Published {
            path: entry.path().display().to_string(),
            reason: error.to_string(),
        };
        let tenant = || entry.file_name().to_string_lossy().into_owned();
        let checkpoint = TileDir::open(entry.path()).checkpoint().map_err(refuse);
        let checkpoint = checkpoint.map_err(|fatal| AppError::Log { tenant: tenant(), fatal })?;
        found.extend(checkpoint.map(|signed| (entry.path(), signed)));
    }
    Ok(found)
}

struct Run<'a> {
    config: &'a Config,
    keys: &'a KeyDirectory,
    published: &'a BTreeMap<PathBuf, SignedCheckpoint>,
    now: Timestamp,
    progress: &'a Progress<'a>,
}

impl Run<'_> {
    async fn write(&self, database: &tokio_postgres::Config, options: &BackupOptions) -> Result<BackedUp, BackupError> {
        let snapshot = Snapshot::take(database).await?;
        let (schema, expected) = (snapshot.schema().await?, database::newest_schema());
        if schema > expected {
            return Err(DatabaseError::NewerSchema { got: schema, expected }.into());
        }
        let mut about = About {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            created: self.now.to_string(),
            schema,
            name: self.config.name.clone(),
            logs: Vec::new(),
            keys: Vec::new(),
        };
        // An epoch that no row hangs on may be destroyed before this backup is put back.
        let epochs = snapshot.epochs().await?;
        let needed = |key: &&KeyIdentity| key.epoch.is_none_or(|epoch| epochs.contains(&epoch));
        about.keys = self.keys.identities().iter().filter(needed).map(KeyAbout::of).collect();
        for (id, tenant) in snapshot.tenants().await? {
            about.logs.extend(self.log(&snapshot, id, tenant).await?);
        }
        let path = options.to.join(file_name(self.now));
        let mut archive = ArchiveWriter::create(&path, self.now)?;
        snapshot.copy(&mut archive, self.progress.line).await?;
        let list = archive.list(BACKUP_FORMAT, &about)?;
        // Before the file has its name: no backup of a server that runs without its entry.
        let recorded = self.record(&list, options.keys_to.is_some()).await?;
        let bytes = archive.finish(&list, self.keys.voucher()?.of(&list))?;
        let master_key = places(self.config).master_path();
        Ok(BackedUp { path, bytes, about, recorded, master_key })
    }

    /// Has the server that runs here record the backup; `false` when none runs.
    async fn record(&self, list: &[u8], keys: bool) -> Result<bool, BackupError> {
        let order = Order::RecordBackup { list: sha256(list).to_string(), keys };
        match ask(&self.config.data_dir, &order).await {
            Ok(_) => Ok(true),
            Err(ControlError::NoServer { .. }) => Ok(false),
            Err(error) => Err(BackupError::NotRecorded(error)),
        }
    }

    /// Where a log stands, after its entries were read from the first to the last; `None` when it was never opened.
    async fn log(&self, snapshot: &Snapshot, id: TenantId, tenant: String) -> Result<Option<LogAbout>, BackupError> {
        let client = snapshot.of_tenant(id).await?;
        let not_whole = |reason: ReplayError| BackupError::NotWhole { tenant: tenant.clone(), reason };
        let fatal = |fatal: FatalError| not_whole(OpenError::from(fatal).into());
        let Some(head) = head::read(client, id).await.map_err(|error| not_whole(error.into()))? else {
            return Ok(None);
        };
        let (name, generation) = (self.config.name.clone(), head.generation);
        let log = LogName { tenant: id, name, tenant_name: tenant.clone(), generation };
        let origin = log.origin().map_err(fatal)?;
        let keys = vkeys(self.keys, &origin)?;
        let mut vkey = keys.first().cloned().unwrap_or_default();
        let signed = self.published.get(&self.config.tiles_dir(&log));
        let mut roots = BTreeMap::new();
        if let Some(signed) = signed {
            let keys = keys.iter().map(|key| key.parse()).collect::<Result<Vec<VerifierKey>, lww_audit::Error>>();
            let keys = keys.map_err(|error| not_whole(error.into()))?;
            let (checkpoint, signers) = signed.verify(&keys).map_err(|error| not_whole(error.into()))?;
            // A key that came into use a moment ago has not signed what is published yet.
            vkey = signers.first().map_or(vkey, ToString::to_string);
            let (head, published) = (head.size(), checkpoint.size);
            if published > head {
                return Err(fatal(FatalError::BehindPublished { head, published }));
            }
            roots.insert(published, checkpoint.root);
        }
        let replay = Replay { client, log: &log, head: &head, roots };
        let bar = |done, all| (self.progress.bar)(&format!("verified {tenant}"), done, all);
        replay.run(None, &bar).await.map_err(not_whole)?;
        Ok(Some(LogAbout {
            id: id.0,
            generation: log.generation,
            vkey,
            size: head.size().0,
            root: head.frontier.root().to_string(),
            checkpoint: signed.map(|signed| signed.note().to_string()),
            policy: snapshot.policy(id).await?,
            tenant,
        }))
    }
}

/// The public keys in use of a log that exists, the newest first.
fn vkeys(keys: &KeyDirectory, origin: &Origin) -> Result<Vec<String>, KeyError> {
    keys.log_signer(origin, false).map(|signer| signer.vkeys())
}

fn write_keys(places: &KeyPlaces, keys: &KeyDirectory, to: &Path, now: Timestamp) -> Result<(), BackupError> {
    let mut archive = ArchiveWriter::create(to, now)?;
    for file in places.wrapped()? {
        archive.add(&file.name, &file.text)?;
    }
    let about = KeysAbout {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        created: now.to_string(),
        keys: keys.identities().iter().map(KeyAbout::of).collect(),
    };
    let list = archive.list(KEYS_FORMAT, &about)?;
    archive.finish(&list, keys.voucher()?.of(&list))?;
    Ok(())
}

/// `lww-backup-20261126T232000Z.tar`: names sort by time.
fn file_name(now: Timestamp) -> String {
    let text = now.to_string();
    let seconds = text.split('.').next().unwrap_or_default();
    let digits: String = seconds.chars().filter(|character| !matches!(character, '-' | ':' | 'Z')).collect();
    format!("lww-backup-{digits}Z.tar")
}

impl LogAbout {
    /// The log's name on this server.
    fn log_name(&self, name: &str) -> LogName {
        LogName {
            tenant: TenantId(self.id),
            name: name.to_owned(),
            tenant_name: self.tenant.clone(),
            generation: self.generation,
        }
    }

    fn size(&self) -> TreeSize {
        TreeSize(self.size)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn backups_are_named_by_their_time() {
        let now = Timestamp::from_micros(1_795_735_200_123_456);
        assert_eq!(file_name(now), "lww-backup-20261126T232000Z.tar", "{now}");
    }
}
