//! `lww restore`: a backup into an empty place, and the whole ledger verified before it is one.
//!
//! Order: the file is read through, the place must be empty, what outlived the old database must not know a newer head, the
//! keys must be the backup's; then rows are put in, each entry is read, and only then things get their names. Nothing of a
//! restore that failed remains.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use lww_audit::{SignedCheckpoint, TileDir, TileWriter, VerifierKey};
use tokio_postgres::Client;

use super::target::{Kept, Target};
use super::{About, BACKUP_FORMAT, KEYS_FORMAT, KeyAbout, KeysAbout, LogAbout, Progress, vkeys};
use crate::app::config::Config;
use crate::app::{AppError, at_hand};
use crate::crypto::{KeyDirectory, KeyError, SystemRandom, TenantVault, WrappedFile};
use crate::storage::FatalError;
use crate::storage::backup::{self, Archive, ArchiveError, CopyError, Replay, ReplayError};
use crate::storage::database::{self, Database, DatabaseError};
use crate::storage::embedded::EmbeddedPostgres;
use crate::storage::head::{self, OpenError};
use crate::storage::verify::{Comparison, Difference};

/// What to restore.
#[derive(Clone)]
pub struct RestoreOptions {
    /// The backup.
    pub from: PathBuf,
    /// The backup of keys; without it, those in place are used.
    pub keys_from: Option<PathBuf>,
    /// A copy of the master key to put in place.
    pub master_key_from: Option<PathBuf>,
    /// The data directory that outlived the database, or a copy of its `guard` and `audit`.
    pub known_from: Option<PathBuf>,
    /// The owner's way to a database of the bank's own.
    pub owner: Option<tokio_postgres::Config>,
}

/// What was restored.
#[derive(Clone, Debug)]
pub struct Restored {
    /// What the backup said of itself.
    pub about: About,
    /// The logs.
    pub logs: Vec<RestoredLog>,
}

/// A log that was restored.
#[derive(Clone, Debug)]
pub struct RestoredLog {
    /// The tenant's name.
    pub tenant: String,
    /// Entries, each of which was read.
    pub size: u64,
    /// Messages that were opened and compared; `None` when nothing was published yet.
    pub messages: Option<u64>,
    /// Whether its rollback guard is in place.
    pub guarded: bool,
}

/// Why nothing was restored.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    /// Configuration, keys or database can't be used.
    #[error(transparent)]
    App(#[from] AppError),
    /// The backup can't be read or is not whole.
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    /// The rows can't be put in.
    #[error(transparent)]
    Copy(#[from] CopyError),
    /// A folder is not empty.
    #[error("{0} is not empty: a restore goes into a new place and overwrites nothing")]
    InUse(PathBuf),
    /// A file or folder can't be used.
    #[error("{path} can't be used: {source}")]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A backup of another server.
    #[error("the backup is of {got:?}, the configuration says name = {expected:?}")]
    OtherName {
        /// The name configured.
        expected: String,
        /// The backup's.
        got: String,
    },
    /// A newer log is known.
    #[error("the backup is too old for tenant {tenant}: {reason}")]
    Older {
        /// The tenant.
        tenant: String,
        /// What is missing.
        reason: FatalError,
    },
    /// Keys that don't open what the backup holds.
    #[error("the keys are not those of the backup: it needs the {purpose} key with fingerprint {fingerprint}")]
    OtherKeys {
        /// What the key is for.
        purpose: String,
        /// Its fingerprint.
        fingerprint: String,
    },
    /// Nobody who has the keys vouches for it.
    #[error("the backup was not written with these keys: its list of pieces was made or changed by somebody else")]
    NotVouched,
    /// The database's schema is ahead of the backup's.
    #[error("the database's schema is at version {got}, the backup's is {expected}: give it an empty database")]
    Schema {
        /// The database's.
        got: u32,
        /// The backup's.
        expected: u32,
    },
    /// The configuration names a database of the bank's own.
    #[error(
        "the configuration has a database_url: put the owner's connection string into {0}, as for `lww db migrate`"
    )]
    NoOwner(&'static str),
    /// The ledger in the backup is not the log that was signed.
    #[error("the ledger of tenant {tenant} in the backup does not verify: {reason}")]
    Ledger {
        /// The tenant.
        tenant: String,
        /// What is wrong.
        reason: ReplayError,
    },
    /// A row in the backup is not what was recorded.
    #[error("the rows of tenant {tenant} in the backup do not verify: {reason}")]
    Rows {
        /// The tenant.
        tenant: String,
        /// What is wrong.
        reason: Difference,
    },
}

impl RestoreError {
    pub(super) fn file(path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        move |source| Self::File { path: path.to_owned(), source }
    }
}

impl From<KeyError> for RestoreError {
    fn from(error: KeyError) -> Self {
        Self::App(error.into())
    }
}

impl From<DatabaseError> for RestoreError {
    fn from(error: DatabaseError) -> Self {
        Self::App(error.into())
    }
}

impl From<tokio_postgres::Error> for RestoreError {
    fn from(error: tokio_postgres::Error) -> Self {
        DatabaseError::from(error).into()
    }
}

/// Environment variable of the owner's connection string.
pub const OWNER_URL: &str = "LWW_OWNER_URL";

/// Restores a backup to the places that the configuration names.
///
/// # Errors
/// [`RestoreError`]; nothing of the restore remains then.
pub async fn restore(
    config: &Config,
    options: &RestoreOptions,
    progress: &Progress<'_>,
) -> Result<Restored, RestoreError> {
    let bar = |done, all| (progress.bar)("checked the backup", done, all);
    let archive = Archive::<About>::open(&options.from, BACKUP_FORMAT, &bar)?;
    let about = &archive.about;
    if about.name != config.name {
        return Err(RestoreError::OtherName { expected: config.name.clone(), got: about.name.clone() });
    }
    let (got, expected) = (about.schema, database::newest_schema());
    if got > expected {
        return Err(DatabaseError::NewerSchema { got, expected }.into());
    }
    let with_keys = options.keys_from.is_some() || options.master_key_from.is_some();
    let target = Target::prepare(config, with_keys, &SystemRandom::new())?;
    let kept = match &options.known_from {
        Some(known) => target.keep_guards(known, &about.name, &about.logs)?,
        None => Vec::new(),
    };
    put_keys(&target, options)?;
    let keys = open_keys(&target, &archive)?;
    let (embedded, owner) = owner(&target, options, progress).await?;
    let filled = Fill { archive: &archive, target: &target, kept: &kept, keys: &keys, progress }.run(&owner).await;
    if let Some(embedded) = embedded {
        embedded.stop().await.map_err(AppError::from)?;
    }
    let logs = filled?;
    target.settle()?;
    Ok(Restored { about: archive.about, logs })
}

fn put_keys(target: &Target, options: &RestoreOptions) -> Result<(), RestoreError> {
    let mut files = Vec::new();
    if let Some(from) = &options.keys_from {
        let archive = Archive::<KeysAbout>::open(from, KEYS_FORMAT, &|_, _| {})?;
        for (number, piece) in archive.pieces.iter().enumerate() {
            files.push(WrappedFile { name: piece.name.clone(), text: archive.read(number)?.into() });
        }
    }
    if files.is_empty() && options.master_key_from.is_none() {
        return Ok(());
    }
    Ok(target.places().put_back(&files, options.master_key_from.as_deref())?)
}

/// The keys in place, after a look whether they are the backup's and vouch for it.
fn open_keys(target: &Target, archive: &Archive<About>) -> Result<KeyDirectory, RestoreError> {
    let about = &archive.about;
    let keys = KeyDirectory::open_or_create(&target.places(), Arc::new(SystemRandom::new()), false)?;
    let known: Vec<_> = keys.identities().iter().map(KeyAbout::of).collect();
    if let Some(KeyAbout { purpose, fingerprint }) = about.keys.iter().find(|key| !known.contains(key)).cloned() {
        return Err(RestoreError::OtherKeys { purpose, fingerprint });
    }
    // Accounts, for one, are in no entry: without this, whoever can write the file could add an administrator.
    if keys.voucher()?.of(&archive.list) != archive.voucher {
        return Err(RestoreError::NotVouched);
    }
    for log in &about.logs {
        let ledger = |fatal: FatalError| RestoreError::Ledger {
            tenant: log.tenant.clone(),
            reason: OpenError::from(fatal).into(),
        };
        let got = vkeys(&keys, &log.log_name(&about.name).origin().map_err(ledger)?)?;
        if !got.contains(&log.vkey) {
            let got = got.join(", ");
            return Err(ledger(FatalError::WrongKey { expected: log.vkey.clone(), got }));
        }
    }
    Ok(keys)
}

/// The owner's way into the database, which is started when it is a private one.
async fn owner(
    target: &Target,
    options: &RestoreOptions,
    progress: &Progress<'_>,
) -> Result<(Option<EmbeddedPostgres>, tokio_postgres::Config), RestoreError> {
    if target.config.database().map_err(AppError::from)?.is_some() {
        let owner = options.owner.clone().ok_or(RestoreError::NoOwner(OWNER_URL))?;
        return Ok((None, owner));
    }
    let (embedded, _) = at_hand(&target.config, progress.line).await?;
    let embedded = embedded.ok_or_else(|| RestoreError::InUse(target.config.data_dir.clone()))?;
    let owner = embedded.owner_config();
    Ok((Some(embedded), owner))
}

struct Fill<'a> {
    archive: &'a Archive<About>,
    target: &'a Target,
    kept: &'a [Kept],
    keys: &'a KeyDirectory,
    progress: &'a Progress<'a>,
}

impl Fill<'_> {
    /// Rows and their verification in one transaction; then the schema of this version.
    async fn run(&self, owner: &tokio_postgres::Config) -> Result<Vec<RestoredLog>, RestoreError> {
        let about = &self.archive.about;
        let connection = Database::connect(owner, None).await?;
        let client = &connection.client;
        let (got, expected) = (database::schema(client).await?, about.schema);
        if got > expected {
            return Err(RestoreError::Schema { got, expected });
        }
        database::migrate_to(owner, about.schema).await?;
        client.batch_execute("SET idle_in_transaction_session_timeout = '1h'; BEGIN").await?;
        let logs: Vec<_> = about.logs.iter().map(|log| (log.log_name(&about.name), log.size)).collect();
        let bar = |done, all| (self.progress.bar)("put back", done, all);
        backup::load(client, self.archive, &logs, &bar).await?;
        let mut restored = Vec::new();
        for (number, log) in about.logs.iter().enumerate() {
            restored.push(self.verify(client, log, self.kept.get(number)).await?);
        }
        // Messages are read as this version has them: those of an older schema after it was brought up to date.
        let is_current = about.schema == database::newest_schema();
        if is_current {
            self.compare(client, &mut restored).await?;
        }
        client.batch_execute("COMMIT").await?;
        database::migrate(owner).await?;
        if !is_current {
            client.batch_execute("BEGIN").await?;
            self.compare(client, &mut restored).await?;
            client.batch_execute("COMMIT").await?;
        }
        Ok(restored)
    }

    /// Opens each message of the logs that were published, and holds it against its entry.
    async fn compare(&self, client: &Client, restored: &mut [RestoredLog]) -> Result<(), RestoreError> {
        let about = &self.archive.about;
        for (log, restored) in about.logs.iter().zip(restored).filter(|(log, _)| log.checkpoint.is_some()) {
            let name = log.log_name(&about.name);
            let key = Self::key(log)?;
            backup::bind(client, name.tenant).await?;
            let tiles = TileDir::open(self.target.config.tiles_dir(&name));
            restored.messages = Some(self.messages(client, (&name, &[key]), &tiles).await?);
        }
        Ok(())
    }

    fn key(log: &LogAbout) -> Result<VerifierKey, RestoreError> {
        let wrong = |error: lww_audit::Error| RestoreError::Ledger { tenant: log.tenant.clone(), reason: error.into() };
        log.vkey.parse().map_err(wrong)
    }

    /// Reads a log from its first entry to its last, and writes its tiles.
    async fn verify(
        &self,
        client: &Client,
        about: &LogAbout,
        kept: Option<&Kept>,
    ) -> Result<RestoredLog, RestoreError> {
        let tenant = &about.tenant;
        let ledger = |reason: ReplayError| RestoreError::Ledger { tenant: tenant.clone(), reason };
        let fatal = |fatal: FatalError| ledger(OpenError::from(fatal).into());
        let log = about.log_name(&self.archive.about.name);
        backup::bind(client, log.tenant).await?;
        let head = head::read(client, log.tenant).await.map_err(|error| ledger(error.into()))?;
        let head = head.ok_or_else(|| fatal(FatalError::Head("it is missing")))?;
        if (head.size().0, head.frontier.root().to_string()) != (about.size, about.root.clone()) {
            return Err(fatal(FatalError::Head("it is not the one that the backup names")));
        }
        let key = Self::key(about)?;
        let signed = about.checkpoint.as_ref().map(|text| SignedCheckpoint::parse(text.as_bytes())).transpose();
        let signed = signed.map_err(|error| ledger(error.into()))?;
        let mut roots: BTreeMap<_, _> = kept.into_iter().flat_map(|kept| kept.roots.clone()).collect();
        let tiles = self.target.config.tiles_dir(&log);
        let mut writer = None;
        if let Some(signed) = &signed {
            let (checkpoint, _) = signed.verify(std::slice::from_ref(&key)).map_err(|error| ledger(error.into()))?;
            roots.insert(checkpoint.size, checkpoint.root);
            writer = Some(TileWriter::open(&tiles).map_err(|error| ledger(error.into()))?);
        }
        let bar = |done, all| (self.progress.bar)(&format!("verified {tenant}"), done, all);
        let replay = Replay { client, log: &log, head: &head, roots };
        replay.run(writer.as_mut().zip(signed.as_ref()), &bar).await.map_err(ledger)?;
        let guarded = kept.is_some_and(|kept| kept.guard.is_some());
        Ok(RestoredLog { tenant: tenant.clone(), size: about.size, messages: None, guarded })
    }

    /// Holds every message against its entry, as `lww ledger verify --against-db` does.
    async fn messages(
        &self,
        client: &Client,
        (log, keys): (&head::LogName, &[VerifierKey]),
        tiles: &TileDir,
    ) -> Result<u64, RestoreError> {
        let vault = TenantVault::new(self.keys, log.tenant)?;
        let comparison = Comparison { client, log, tiles, keys, vault: &vault };
        let bar = |done, all| (self.progress.bar)(&format!("compared {}", log.tenant_name), done, all);
        let compared = comparison.run(&bar).await;
        let compared = compared.map_err(|reason| RestoreError::Rows { tenant: log.tenant_name.clone(), reason })?;
        Ok(compared.messages)
    }
}
