//! `lww ledger recover`: who may have a log's entries put back, and what they are put back with.
//!
//! No server runs then, so that two people show login, password and second factor at the machine. What they approve is one plan
//! by its digest; what the log says of them counts beside what an older database still has.

use std::sync::Arc;

use lww_audit::{TileDir, VerifierKey};
use tokio_postgres::Config as Database;

use super::at_hand::private;
use super::backup::Progress;
use super::config::Config;
use super::tenants::SYSTEM;
use super::{AppError, mirror, witnesses};
use crate::crypto::{Argon2Passwords, KeyDirectory, KeyPlaces, LogSigner, SystemClock, SystemRandom, TenantVault};
use crate::domain::event::{APPROVERS, RecoverReason};
use crate::domain::message::RawText;
use crate::pipeline::{Consent, Consents, Refusal};
use crate::ports::{Clock as _, LogKeys as _, Passwords as _, Signer, random_bytes};
use crate::storage::database::{self, DatabaseError};
use crate::storage::embedded::EmbeddedPostgres;
use crate::storage::head::{self, FIRST_GENERATION, LogName};
use crate::storage::recover::{Approved, Opening, Plan, Planned, RecoverError, Recovery, use_code};
use crate::storage::store::TenantStore;
use crate::units::{AccountId, TenantId};

/// What to recover.
pub struct RecoverOptions {
    /// Whose log.
    pub tenant: String,
    /// Why.
    pub reason: RecoverReason,
    /// Whose people approve it; the tenant's own unless it has none.
    pub approvers_of: Option<String>,
    /// Texts of policies and tables besides those of the configuration.
    pub texts: Vec<String>,
    /// The owner's way to a database of the bank's own.
    pub owner: Option<Database>,
    /// Whether the log may go on as a new generation, when entries are nowhere any more.
    pub new_generation: bool,
    /// The log's public key from paper, for when its own key is gone.
    pub old_vkey: Option<VerifierKey>,
}

/// Somebody's consent as they give it.
pub struct Approval {
    /// The login.
    pub login: RawText,
    /// The password.
    pub password: RawText,
    /// A code of their second factor.
    pub code: RawText,
}

/// Asks for the consent of one more person, by number from 0, to a plan.
pub type Ask<'a> = &'a mut (dyn FnMut(&Plan, usize) -> Result<Approval, std::io::Error> + Send);

/// Why nothing was recovered. Nothing changed then.
#[derive(Debug, thiserror::Error)]
pub enum RecoveryError {
    /// Configuration, keys or database can't be used.
    #[error(transparent)]
    App(#[from] AppError),
    /// Files, copy or log say no.
    #[error(transparent)]
    Recover(#[from] RecoverError),
    /// The configuration names a database of the bank's own.
    #[error(
        "the configuration has a database_url: put the owner's connection string into {0}, as for `lww db migrate`"
    )]
    NoOwner(&'static str),
    /// There is no such tenant.
    #[error(
        "the database knows no tenant {0:?}: restore a backup first (`lww restore`), an old one is enough, and recover from there"
    )]
    NoTenant(String),
    /// Somebody did not show that they may approve.
    #[error("person {number} does not approve: {reason}")]
    NotApproved {
        /// Which, from 1.
        number: usize,
        /// Why not.
        reason: Refusal,
    },
    /// What an older database has of somebody is not what the log says.
    #[error(
        "person {number} can't approve: by the entries that are missing here, their account was disabled, locked or reset, or has \
         another password or second factor. Ask somebody whose login did not change since this copy"
    )]
    Outdated {
        /// Which, from 1.
        number: usize,
    },
    /// A tenant's people have no say about another's log.
    #[error("--approvers-of is for the system log alone: two people of {0} approve what becomes of its log")]
    OtherTenant(String),
    /// One person twice.
    #[error("one person approved twice: it takes two")]
    SamePerson,
    /// Those who would approve are of a tenant whose log is not whole itself.
    #[error("the log of {0} is behind as well: recover it first, so that it is known who its people are")]
    ApproversBehind(String),
    /// The consent could not be read.
    #[error("{0}")]
    Io(#[from] std::io::Error),
}

impl From<DatabaseError> for RecoveryError {
    fn from(error: DatabaseError) -> Self {
        Self::App(error.into())
    }
}

impl From<crate::crypto::KeyError> for RecoveryError {
    fn from(error: crate::crypto::KeyError) -> Self {
        Self::App(error.into())
    }
}

/// Environment variable of the owner's connection string.
const OWNER_URL: &str = super::backup::OWNER_URL;

/// Plans, and without `ask` changes nothing; with it carries the plan out once two people approved. `None`: nothing is missing.
///
/// # Errors
/// [`RecoveryError`]; nothing changed then.
pub async fn recover(
    config: &Config,
    options: &RecoverOptions,
    ask: Option<Ask<'_>>,
    progress: &Progress<'_>,
) -> Result<Option<Plan>, RecoveryError> {
    let (embedded, owner) = if config.has_own_database() {
        // Its certificates are those of the configuration.
        config.database().map_err(AppError::from)?;
        (None, options.owner.clone().ok_or(RecoveryError::NoOwner(OWNER_URL))?)
    } else {
        // Its lock says that no server runs here.
        let embedded = EmbeddedPostgres::start(&private(config), &|line| (progress.line)(line)).await;
        let embedded = embedded.map_err(AppError::from)?;
        let owner = embedded.owner_config();
        (Some(embedded), owner)
    };
    let done = Box::pin(run(config, options, (&owner, embedded.is_some()), ask, progress)).await;
    if let Some(embedded) = embedded {
        embedded.stop().await.map_err(AppError::from)?;
    }
    done
}

async fn run(
    config: &Config,
    options: &RecoverOptions,
    (owner, is_alone): (&Database, bool),
    ask: Option<Ask<'_>>,
    progress: &Progress<'_>,
) -> Result<Option<Plan>, RecoveryError> {
    if is_alone {
        database::migrate(owner).await?;
    }
    let places = KeyPlaces { directory: config.keys_dir.clone(), master: config.master_key.clone() };
    let keys = KeyDirectory::open_sealing(&places, config.national.sealing, Arc::new(SystemRandom::new()), false)?;
    let run = Run { config, options, owner, is_alone, keys: &keys, progress };
    let Some(planned) = run.plan(&options.tenant).await? else { return Ok(None) };
    let Some(ask) = ask else { return Ok(Some(planned.plan)) };
    let approved = run.approved(&planned, ask).await?;
    let done = run.at((&options.tenant, true), async |recovery| {
        Ok(recovery.carry_out(&approved, &|done, all| (progress.bar)("put back", done, all)).await?)
    });
    done.await
}

struct Run<'a> {
    config: &'a Config,
    options: &'a RecoverOptions,
    owner: &'a Database,
    is_alone: bool,
    keys: &'a KeyDirectory,
    progress: &'a Progress<'a>,
}

impl Run<'_> {
    async fn plan(&self, tenant: &str) -> Result<Option<Planned>, RecoveryError> {
        let what = format!("read {tenant}");
        let bar = |done, all| (self.progress.bar)(&what, done, all);
        self.at((tenant, false), async |recovery| Ok(recovery.plan(&bar).await?)).await
    }

    /// Does something with a tenant's log; only what `acts` makes a key for a new generation.
    async fn at<T>(
        &self,
        (tenant, acts): (&str, bool),
        act: impl AsyncFnOnce(&Recovery<'_>) -> Result<T, RecoveryError>,
    ) -> Result<T, RecoveryError> {
        let Self { config, options, keys, .. } = self;
        let log = self.log(tenant).await?;
        let next = LogName { generation: log.generation.saturating_add(1), ..log.clone() };
        let (signer, trusted) = self.old_key(&log)?;
        let opens = options.new_generation && *tenant == options.tenant;
        let new = (opens && acts).then(|| self.signer(&next, true)).transpose()?;
        let tiles = TileDir::open(config.tiles_dir(&log));
        let place = config.mirror.as_ref().map(|mirror| &mirror.place);
        let objects = place.map(|place| mirror::objects(place, |secret| secret.resolve(keys))).transpose()?;
        let witnesses = config.witness.as_ref().map(witnesses::asked).transpose()?;
        let recovery = Recovery {
            owner: self.owner,
            log: &log,
            keys: &trusted,
            signer: signer.as_ref().map(|signer| signer as &dyn Signer),
            opening: opens.then(|| Opening { log: &next, signer: new.as_ref().map(|signer| signer as &dyn Signer) }),
            tiles: &tiles,
            mirror: objects.as_deref(),
            guard: &config.data_dir.join("guard").join(format!("{}-{}", log.tenant_name, log.generation)),
            witnesses: witnesses.as_deref(),
            texts: &self.texts(tenant),
            reason: options.reason,
            no_password: &no_password()?,
            is_alone: self.is_alone,
            now: SystemClock.now(),
        };
        act(&recovery).await
    }

    /// The texts of policies and tables at hand.
    fn texts(&self, tenant: &str) -> Vec<String> {
        let of = self.config.tenants.iter().find(|known| known.name == tenant);
        let own = of.into_iter().flat_map(|of| [of.policy_source.clone(), of.routing_source.clone()]);
        self.options.texts.iter().cloned().chain(own).collect()
    }

    /// The log's key, and the public keys to believe; without the key only the public one from paper.
    fn old_key(&self, log: &LogName) -> Result<(Option<LogSigner>, Vec<VerifierKey>), RecoveryError> {
        match (&self.options.old_vkey, self.signer(log, false)) {
            (Some(paper), Err(_)) => Ok((None, vec![paper.clone()])),
            (_, signer) => {
                let signer = signer?;
                let trusted = signer.vkeys().iter().map(|key| key.parse()).collect::<Result<_, _>>();
                Ok((Some(signer), trusted.map_err(RecoverError::from)?))
            }
        }
    }

    fn signer(&self, log: &LogName, may_create: bool) -> Result<LogSigner, RecoveryError> {
        let fatal = |fatal| AppError::Log { tenant: log.tenant_name.clone(), fatal };
        Ok(self.keys.log_signer(&log.origin().map_err(fatal)?, may_create)?)
    }

    async fn log(&self, tenant: &str) -> Result<LogName, RecoveryError> {
        let database = database::Database::connect(self.owner, None).await?;
        let (got, expected) = (database::schema(&database.client).await?, database::newest_schema());
        if got != expected {
            return Err(DatabaseError::Schema { got, expected }.into());
        }
        let found = database.client.query_opt("SELECT id FROM tenant WHERE name = $1", &[&tenant]).await;
        let row = found.map_err(DatabaseError::from)?.ok_or_else(|| RecoveryError::NoTenant(tenant.to_owned()))?;
        let (id, name) = (TenantId(row.get(0)), self.config.name.clone());
        // The newest that anything here knows: an older database may be of one before.
        let head = head::read(&database.client, id).await.map_err(RecoverError::from)?;
        let generation = head.map_or(FIRST_GENERATION, |head| head.generation).max(self.config.generation(tenant));
        Ok(LogName { tenant: id, name, tenant_name: tenant.to_owned(), generation })
    }

    /// Whose people approve: the tenant's own; for the system log, which has none, those of a tenant.
    fn approvers_of(&self) -> Result<String, RecoveryError> {
        let RecoverOptions { tenant, approvers_of, .. } = self.options;
        let first = || self.config.tenants.first().map_or_else(|| tenant.clone(), |first| first.name.clone());
        match approvers_of {
            _ if tenant == SYSTEM => Ok(approvers_of.clone().unwrap_or_else(first)),
            Some(other) if other != tenant => Err(RecoveryError::OtherTenant(tenant.clone())),
            Some(_) | None => Ok(tenant.clone()),
        }
    }

    /// Two people's word for a plan.
    async fn approved(&self, planned: &Planned, ask: Ask<'_>) -> Result<Approved, RecoveryError> {
        let of = self.approvers_of()?;
        let is_own = of == self.options.tenant;
        if !is_own && self.plan(&of).await?.is_some() {
            return Err(RecoveryError::ApproversBehind(of));
        }
        let log = self.log(&of).await?;
        let store = TenantStore::connect(self.owner, &log).await?;
        let vault = TenantVault::new(self.keys, log.tenant)?;
        let consents =
            Consents { people: &store, vault: &vault, passwords: Arc::new(Argon2Passwords), clock: &SystemClock };
        let mut by = [AccountId::from_random([0; 16]); APPROVERS];
        for number in 0..APPROVERS {
            let refused = |reason| RecoveryError::NotApproved { number: number + 1, reason };
            let Approval { login, password, code } = ask(&planned.plan, number)?;
            let Consent { account, step } = consents.of(login, password, code).await.map_err(refused)?;
            if by.contains(&account) {
                return Err(RecoveryError::SamePerson);
            }
            if is_own && !planned.is_able(account) {
                return Err(RecoveryError::Outdated { number: number + 1 });
            }
            // At once, and whatever becomes of the rest: a code counts once.
            if !use_code(self.owner, &log, account, step).await? {
                return Err(refused(Refusal::BadCode));
            }
            by.iter_mut().skip(number).take(1).for_each(|slot| *slot = account);
        }
        Ok(Approved { plan: planned.plan.digest(), of, by })
    }
}

/// A hash of a password that nobody ever saw.
fn no_password() -> Result<String, RecoveryError> {
    let random = SystemRandom::new();
    let password = Argon2Passwords.one_time(&random);
    let hash = Argon2Passwords.hash(&password, random_bytes(&random));
    let refused = |_| std::io::Error::other("the password hash refused");
    Ok(hash.map_err(refused)?)
}
