//! Connections to PostgreSQL, what a server refuses to start on, and migrations.
//!
//! A connection of the write path is bound to one tenant when it is made and watches for warnings: PostgreSQL says with a
//! warning, not an error, that a commit was not confirmed by its synchronous replica. Error texts of PostgreSQL may hold
//! values; only the SQLSTATE leaves this room.

mod plan;
mod tls;

use std::cmp::Ordering;
use std::collections::HashMap;
use std::error::Error as _;
use std::io::ErrorKind;
use std::sync::atomic::{self, AtomicU64};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::future::poll_fn;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_postgres::config::SslMode;
use tokio_postgres::error::SqlState;
use tokio_postgres::{AsyncMessage, Client, Config, Connection, NoTls, Statement};

pub use plan::{Plan, plan};
pub use tls::{is_undecided, parse_url, trust};

use crate::ports::StoreError;
use crate::units::TenantId;

/// How long connecting may take, in milliseconds.
const CONNECT_MS_MAX: u64 = 3_000;
/// How long PostgreSQL leaves a transaction open whose owner is silent: a paused server must not hold the log's row.
const IDLE_IN_TRANSACTION: &str = "3s";

/// Every statement here goes by an index and reads few rows. PostgreSQL can't know that while a table has no statistics yet,
/// and would plan each anew, or read the whole table for a batch: so the way is told. Starting workers would take longer than
/// what they do.
const SESSION: &str = "SET TimeZone = 'UTC'; SET synchronous_commit = on; SET plan_cache_mode = force_generic_plan; \
    SET enable_seqscan = off; SET enable_hashjoin = off; SET enable_mergejoin = off; SET enable_memoize = off; \
    SET max_parallel_workers_per_gather = 0";

/// What the role of a session may do that would let it change what was recorded: itself, or by a role that it can become.
const POWERS: &str = "SELECT r.rolsuper, r.rolbypassrls, r.rolcreaterole, \
    EXISTS (SELECT 1 FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
        WHERE n.nspname = 'public' AND pg_has_role(current_user, c.relowner, 'MEMBER')), \
    EXISTS (SELECT 1 FROM pg_roles p WHERE pg_has_role(current_user, p.oid, 'MEMBER') AND p.rolname IN \
        ('pg_write_all_data', 'pg_read_server_files', 'pg_write_server_files', 'pg_execute_server_program')), \
    CASE WHEN to_regclass('public.ledger_entry') IS NULL THEN false \
        ELSE has_table_privilege('public.ledger_entry', 'UPDATE, DELETE, TRUNCATE') END \
    FROM pg_roles r WHERE r.rolname = current_user";

mod migrations {
    refinery::embed_migrations!("migrations");
}

/// What went wrong between this server and PostgreSQL.
#[derive(Debug, thiserror::Error)]
pub enum DatabaseError {
    /// It can't be reached or refused; the code when it gave one.
    #[error("PostgreSQL can't be reached or refused ({})", why(.sqlstate.as_deref(), .kind))]
    Refused {
        /// The five-character code.
        sqlstate: Option<String>,
        /// What failed, without values.
        kind: String,
    },
    /// A setting makes acknowledged entries unsafe.
    #[error("PostgreSQL runs with {setting} = {got}; a ledger needs {expected}")]
    UnsafeSetting {
        /// The setting.
        setting: &'static str,
        /// Its value.
        got: String,
        /// What is needed.
        expected: &'static str,
    },
    /// The role may do more than a server should.
    #[error(
        "the server's database role is {what}; give it a role of its own that is not (see `lww db migrate --help`)"
    )]
    PowerfulRole {
        /// What is wrong with it.
        what: &'static str,
    },
    /// Between server and database sits a pooler that changes connections between transactions.
    #[error("the database is behind a pooler in transaction mode (PgBouncer); connect directly or use session mode")]
    TransactionPooler,
    /// The schema is not there or not this version's.
    #[error("the database's schema is at version {got}, this server needs {expected}: run `lww db migrate`")]
    Schema {
        /// The version found.
        got: u32,
        /// The version needed.
        expected: u32,
    },
    /// The schema was made by a later version of this server.
    #[error(
        "the database's schema is at version {got}, this server knows {expected} at most: it was upgraded by a newer version; \
         start that one, or restore a backup from before the upgrade"
    )]
    NewerSchema {
        /// The version found.
        got: u32,
        /// The newest version known here.
        expected: u32,
    },
    /// A migration failed.
    #[error("migration failed: {0}")]
    Migration(String),
}

impl From<tokio_postgres::Error> for DatabaseError {
    fn from(error: tokio_postgres::Error) -> Self {
        let kind = if error.is_closed() { CLOSED } else { unreachable(&error).unwrap_or(FAILED) };
        Self::Refused { sqlstate: sqlstate(&error), kind: kind.to_owned() }
    }
}

/// A connection that ended.
pub const CLOSED: &str = "connection closed";
/// A request that failed without a reason that may be told.
pub const FAILED: &str = "request failed";
/// Why PostgreSQL isn't reached, in words of ours.
pub const UNREACHABLE: [(ErrorKind, &str); 6] = [
    (ErrorKind::ConnectionRefused, "nobody listens there"),
    (ErrorKind::NotFound, "there is no such socket"),
    (ErrorKind::PermissionDenied, "the system doesn't allow it"),
    (ErrorKind::TimedOut, "no answer in time"),
    (ErrorKind::HostUnreachable, "there is no way to that machine"),
    (ErrorKind::NetworkUnreachable, "there is no way to that machine"),
];
/// What a server's role must not be, in the order of the columns that tell.
pub const TOO_MUCH: [&str; 6] = [
    "a superuser",
    "allowed to bypass row level security",
    "allowed to make and change roles",
    "the owner of the tables",
    "allowed to write every table, or to files and programs of the database's machine",
    "allowed to change the ledger",
];

fn why(sqlstate: Option<&str>, kind: &str) -> String {
    match sqlstate {
        Some(code) => format!("SQLSTATE {code}"),
        None => kind.to_owned(),
    }
}

/// What the system said on the way to PostgreSQL, in words of ours: its own may hold values.
fn unreachable(error: &tokio_postgres::Error) -> Option<&'static str> {
    let said = error.source()?.downcast_ref::<std::io::Error>()?.kind();
    UNREACHABLE.into_iter().find(|(kind, _)| *kind == said).map(|(_, words)| words)
}

impl From<tokio_postgres::Error> for StoreError {
    fn from(error: tokio_postgres::Error) -> Self {
        Self::Unavailable { sqlstate: sqlstate(&error) }
    }
}

/// The five-character code of a PostgreSQL error, if it came from the server.
pub fn sqlstate(error: &tokio_postgres::Error) -> Option<String> {
    error.code().map(|code| code.code().to_owned())
}

/// A connection, and the number of warnings that PostgreSQL has sent on it.
pub struct Database {
    /// The client half.
    pub client: Client,
    warnings: Arc<AtomicU64>,
    statements: Mutex<HashMap<String, Statement>>,
}

impl Database {
    /// Connects; with a tenant, the whole connection sees and writes that tenant only.
    ///
    /// # Errors
    /// [`DatabaseError::Refused`] when PostgreSQL can't be reached in time or says no.
    pub async fn connect(config: &Config, tenant: Option<TenantId>) -> Result<Self, DatabaseError> {
        let mut config = config.clone();
        config.application_name("lww").connect_timeout(Duration::from_millis(CONNECT_MS_MAX));
        let timeout = Duration::from_millis(CONNECT_MS_MAX);
        let late = |_| DatabaseError::Refused { sqlstate: None, kind: "no answer in time".to_owned() };
        let warnings = Arc::new(AtomicU64::new(0));
        let client = if config.get_ssl_mode() == SslMode::Require {
            let untrusted = || DatabaseError::Refused { sqlstate: None, kind: "no root certificate".to_owned() };
            let connecting = config.connect(tls::connector().ok_or_else(untrusted)?);
            let (client, connection) = tokio::time::timeout(timeout, connecting).await.map_err(late)??;
            tokio::spawn(drive(connection, Arc::clone(&warnings)));
            client
        } else {
            let connecting = tokio::time::timeout(timeout, config.connect(NoTls)).await;
            let (client, connection) = connecting.map_err(late)??;
            tokio::spawn(drive(connection, Arc::clone(&warnings)));
            client
        };
        // Not as start-up options: a pooler in session mode refuses those or drops them.
        let bound = tenant.map_or_else(String::new, |tenant| format!("; SET app.tenant = '{tenant}'"));
        let settings = format!("SET idle_in_transaction_session_timeout = '{IDLE_IN_TRANSACTION}'; {SESSION}{bound}");
        tokio::time::timeout(timeout, client.batch_execute(&settings)).await.map_err(late)??;
        Ok(Self { client, warnings, statements: Mutex::default() })
    }

    /// The prepared form of a statement, made once a connection.
    ///
    /// # Errors
    /// PostgreSQL's, when it refuses the statement.
    pub async fn prepared(&self, sql: &str) -> Result<Statement, tokio_postgres::Error> {
        let known = self.statements.lock().unwrap_or_else(PoisonError::into_inner).get(sql).cloned();
        if let Some(statement) = known {
            return Ok(statement);
        }
        let statement = self.client.prepare(sql).await?;
        self.statements.lock().unwrap_or_else(PoisonError::into_inner).insert(sql.to_owned(), statement.clone());
        Ok(statement)
    }

    /// Warnings so far; a commit during which it grew has an unknown outcome.
    pub fn warnings(&self) -> u64 {
        self.warnings.load(atomic::Ordering::SeqCst)
    }
}

/// Drives a connection until its client is gone, counting warnings.
async fn drive<S, T>(mut connection: Connection<S, T>, warnings: Arc<AtomicU64>)
where
    S: AsyncRead + AsyncWrite + Unpin,
    T: AsyncRead + AsyncWrite + Unpin,
{
    while let Some(Ok(message)) = poll_fn(|context| connection.poll_message(context)).await {
        if let AsyncMessage::Notice(notice) = message
            && notice.severity() == "WARNING"
        {
            warnings.fetch_add(1, atomic::Ordering::SeqCst);
        }
    }
}

/// Brings the schema up to this version, as the role that owns it.
///
/// # Errors
/// [`DatabaseError::Migration`] names the migration, nothing of it remains then; [`DatabaseError::NewerSchema`].
pub async fn migrate(owner: &Config) -> Result<(), DatabaseError> {
    migrate_to(owner, newest_schema()).await
}

/// Brings the schema up to a version that this server knows: a backup's, before its rows are put back.
///
/// # Errors
/// As [`migrate`].
pub async fn migrate_to(owner: &Config, version: u32) -> Result<(), DatabaseError> {
    let mut database = Database::connect(owner, None).await?;
    let (got, expected) = (schema(&database.client).await?, newest_schema());
    if got > expected {
        return Err(DatabaseError::NewerSchema { got, expected });
    }
    let target = refinery::Target::Version(i32::try_from(version).unwrap_or(i32::MAX));
    match migrations::migrations::runner().set_target(target).run_async(&mut database.client).await {
        Ok(_) => Ok(()),
        Err(error) => Err(DatabaseError::Migration(error.to_string())),
    }
}

/// The newest version of the schema that this server knows.
pub fn newest_schema() -> u32 {
    let known = migrations::migrations::runner().get_migrations().iter().map(refinery::Migration::version).max();
    known.and_then(|version| u32::try_from(version).ok()).unwrap_or(0)
}

/// The version of a database's schema; 0 when it has none.
///
/// # Errors
/// [`DatabaseError`] when the database refuses.
pub async fn schema(client: &Client) -> Result<u32, DatabaseError> {
    let found = client.query_one("SELECT max(version)::integer FROM refinery_schema_history", &[]).await;
    match found {
        Ok(row) => Ok(row.get::<_, Option<i32>>(0).and_then(|version| u32::try_from(version).ok()).unwrap_or(0)),
        Err(error) if error.code() == Some(&SqlState::UNDEFINED_TABLE) => Ok(0),
        Err(error) => Err(error.into()),
    }
}

/// Refuses to run where an acknowledged entry could be lost, or where the role could rewrite history.
///
/// # Errors
/// [`DatabaseError`], naming the setting or the role.
pub async fn check(config: &Config) -> Result<(), DatabaseError> {
    let database = Database::connect(config, None).await?;
    for (setting, expected) in [("fsync", "on"), ("full_page_writes", "on")] {
        let got: String = database.client.query_one("SELECT current_setting($1)", &[&setting]).await?.get(0);
        if got != expected {
            return Err(DatabaseError::UnsafeSetting { setting, got, expected });
        }
    }
    check_role(&database.client).await?;
    check_pooler(config, &database.client).await?;
    check_schema(&database.client).await
}

/// Refuses a role that could change what was recorded.
///
/// # Errors
/// [`DatabaseError::PowerfulRole`], saying what it may.
pub async fn check_role(client: &Client) -> Result<(), DatabaseError> {
    let row = client.query_one(POWERS, &[]).await?;
    match TOO_MUCH.into_iter().enumerate().find(|(column, _)| row.get(*column)) {
        Some((_, what)) => Err(DatabaseError::PowerfulRole { what }),
        None => Ok(()),
    }
}

/// Refuses a pooler in transaction mode: a second connection opens a transaction, and takes over the first one's backend.
///
/// # Errors
/// [`DatabaseError::TransactionPooler`].
pub async fn check_pooler(config: &Config, client: &Client) -> Result<(), DatabaseError> {
    let before: i32 = client.query_one("SELECT pg_backend_pid()", &[]).await?.get(0);
    let other = Database::connect(config, None).await?;
    other.client.batch_execute("BEGIN").await?;
    let after = client.query_one("SELECT pg_backend_pid()", &[]).await;
    other.client.batch_execute("ROLLBACK").await?;
    match after {
        Ok(row) if row.get::<_, i32>(0) == before => Ok(()),
        _ => Err(DatabaseError::TransactionPooler),
    }
}

/// Refuses a schema of another version than this server's.
///
/// # Errors
/// [`DatabaseError::Schema`] or [`DatabaseError::NewerSchema`], with both versions.
pub async fn check_schema(client: &Client) -> Result<(), DatabaseError> {
    let (got, expected) = (schema(client).await?, newest_schema());
    match got.cmp(&expected) {
        Ordering::Equal => Ok(()),
        Ordering::Less => Err(DatabaseError::Schema { got, expected }),
        Ordering::Greater => Err(DatabaseError::NewerSchema { got, expected }),
    }
}
