//! The head of a log: taking it over, checking it against the rollback guard, and following it while standing by.
//!
//! Taking over raises the epoch. `UPDATE … RETURNING` waits for the row lock of a transaction in doubt, so the same
//! statement that opens a log also settles what became of a commit whose answer was lost.

use async_trait::async_trait;
use lww_audit::Entry;
use lww_audit::merkle::{Frontier, leaf_hash};
use tokio::sync::Mutex;
use tokio_postgres::{Client, Config, Row};
use uuid::Uuid;

use super::FatalError;
use super::database::{Database, DatabaseError};
use super::guard::Guard;
use crate::ports::{Activated, Activates, Entries, EntriesError, EntrySeen};
use crate::units::{EntryIndex, Hash, Origin, TenantId, Timestamp, TreeSize};

/// How long a server holds a log without renewing, in seconds; a standby takes over after that.
pub const LEASE_S: f64 = 5.0;
/// The generation of a log that was never begun anew.
pub const FIRST_GENERATION: u32 = 1;
/// Entries read at a time while the head is checked.
const PAGE_ENTRIES: i64 = 4096;

/// Which log, and where.
#[derive(Clone, Debug)]
pub struct LogName {
    /// The tenant it belongs to.
    pub tenant: TenantId,
    /// Host-like first part of the origin.
    pub name: String,
    /// The tenant's name.
    pub tenant_name: String,
    /// The generation.
    pub generation: u32,
}

impl LogName {
    /// The origin that its checkpoints and entries carry.
    ///
    /// # Errors
    /// [`FatalError::Head`] when a part has characters that an origin may not have.
    pub fn origin(&self) -> Result<Origin, FatalError> {
        Origin::new(&self.name, &self.tenant_name, self.generation)
            .map_err(|_| FatalError::Head("its name is not fit for an origin"))
    }
}

/// A log's head with what is needed to go on from it.
#[derive(Clone, Debug)]
pub struct Head {
    /// The tree, as its right edge.
    pub frontier: Frontier,
    /// Leaf hash of the newest entry; zeros before the first.
    pub last_leaf: Hash,
    /// Time of the newest entry.
    pub last_time: Timestamp,
    /// Rises with every take-over.
    pub epoch: i64,
    /// Which generation of the log it is of.
    pub generation: u32,
}

impl Head {
    /// Number of entries.
    pub fn size(&self) -> TreeSize {
        self.frontier.size()
    }
}

/// Why a log could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The database refused.
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// The log must stop.
    #[error(transparent)]
    Fatal(#[from] FatalError),
}

impl From<tokio_postgres::Error> for OpenError {
    fn from(error: tokio_postgres::Error) -> Self {
        Self::Database(error.into())
    }
}

/// Takes the log for this node: when nobody holds it, when its lease has expired, or when this node held it before.
///
/// `None`: another node holds it.
///
/// # Errors
/// [`OpenError`] when the database refuses, when its replica did not confirm the take-over (nothing may be concluded from
/// it then), or when the head can't be read.
pub async fn take(database: &Database, log: &LogName, node: Uuid) -> Result<Option<Head>, OpenError> {
    let client = &database.client;
    let warnings = database.warnings();
    let generation = i32::try_from(log.generation).unwrap_or(i32::MAX);
    let empty = Frontier::empty();
    client
        .execute(
            "INSERT INTO log_head (tenant, generation, size, root, last_leaf, last_time, frontier, epoch, holder, lease_expires) \
             VALUES ($1, $2, 0, $3, $4, 0, $5, 0, $6, '-infinity') ON CONFLICT DO NOTHING",
            &[
                &log.tenant.0,
                &generation,
                &empty.root().as_bytes().as_slice(),
                &[0_u8; 32].as_slice(),
                &empty.to_bytes(),
                &node,
            ],
        )
        .await?;
    let row = client
        .query_opt(
            "UPDATE log_head SET epoch = epoch + 1, holder = $2, lease_expires = now() + make_interval(secs => $3) \
             WHERE tenant = $1 AND generation = $4 AND (holder = $2 OR lease_expires < now()) \
             RETURNING size, root, last_leaf, last_time, frontier, epoch, generation",
            &[&log.tenant.0, &node, &LEASE_S, &generation],
        )
        .await?;
    if database.warnings() > warnings {
        let kind = "a commit was not confirmed".to_owned();
        return Err(DatabaseError::Refused { sqlstate: None, kind }.into());
    }
    row.map(|row| parse(&row)).transpose().map_err(OpenError::Fatal)
}

/// Keeps the lease; `false` when this node no longer holds the log.
///
/// # Errors
/// [`DatabaseError`] when the database refuses.
pub async fn renew(client: &Client, tenant: TenantId, epoch: i64) -> Result<bool, DatabaseError> {
    let kept = client
        .execute(
            "UPDATE log_head SET lease_expires = now() + make_interval(secs => $3) WHERE tenant = $1 AND epoch = $2",
            &[&tenant.0, &epoch, &LEASE_S],
        )
        .await?;
    Ok(kept == 1)
}

/// Gives the log back, so that a standby need not wait for the lease to expire.
///
/// # Errors
/// [`DatabaseError`] when the database refuses.
pub async fn release(client: &Client, tenant: TenantId, epoch: i64) -> Result<(), DatabaseError> {
    client
        .execute(
            "UPDATE log_head SET lease_expires = '-infinity' WHERE tenant = $1 AND epoch = $2",
            &[&tenant.0, &epoch],
        )
        .await?;
    Ok(())
}

/// The head as it stands, without taking it.
///
/// # Errors
/// [`OpenError`] when the database refuses or the head can't be read.
pub async fn read(client: &Client, tenant: TenantId) -> Result<Option<Head>, OpenError> {
    let row = client
        .query_opt(
            "SELECT size, root, last_leaf, last_time, frontier, epoch, generation FROM log_head WHERE tenant = $1",
            &[&tenant.0],
        )
        .await?;
    row.map(|row| parse(&row)).transpose().map_err(OpenError::Fatal)
}

fn parse(row: &Row) -> Result<Head, FatalError> {
    let size = u64::try_from(row.get::<_, i64>(0)).map_err(|_| FatalError::Head("its size is negative"))?;
    let frontier = Frontier::from_bytes(TreeSize(size), row.get(4))
        .map_err(|_| FatalError::Head("its frontier does not fit its size"))?;
    let root = hash(row.get(1))?;
    if frontier.root() != root {
        return Err(FatalError::Head("its frontier does not give its root"));
    }
    Ok(Head {
        frontier,
        last_leaf: hash(row.get(2))?,
        last_time: Timestamp::from_micros(row.get(3)),
        epoch: row.get(5),
        generation: u32::try_from(row.get::<_, i32>(6)).map_err(|_| FatalError::Head("its generation is negative"))?,
    })
}

fn hash(bytes: &[u8]) -> Result<Hash, FatalError> {
    bytes.try_into().map(Hash).map_err(|_| FatalError::Head("a hash is not 32 bytes long"))
}

/// Compares a head with what this node's guard saw, and walks the entries in between; all of them when the guard does not
/// know what was activated so far. Gives what they activated.
///
/// # Errors
/// [`OpenError::Fatal`] when the database is behind, forked, or its entries don't link.
pub async fn check_against_guard(
    client: &Client,
    log: &LogName,
    head: &Head,
    guard: &Guard,
) -> Result<Activated, OpenError> {
    guard.check_size(head.size())?;
    let later = match guard.frontier() {
        Some(seen) => check_rows_from(client, log, seen.clone(), head).await?,
        None => Activated::default(),
    };
    match guard.activated() {
        Some(_) => Ok(later),
        None => check_rows_from(client, log, Frontier::empty(), head).await,
    }
}

/// Reads the entries behind a tree that is known, and refuses a head that they don't lead to. Gives what they activated.
///
/// # Errors
/// [`FatalError`] naming what is missing, unlinked or different; [`OpenError`] when the database refuses.
pub async fn check_rows_from(
    client: &Client,
    log: &LogName,
    known: Frontier,
    head: &Head,
) -> Result<Activated, OpenError> {
    let mut frontier = known;
    let mut last_leaf = None;
    let mut activated = Activated::default();
    while frontier.size() < head.size() {
        let page = entries(client, log, EntryIndex(frontier.size().0), PAGE_ENTRIES).await?;
        let before = frontier.size();
        for body in page {
            let index = EntryIndex(frontier.size().0);
            let leaf = leaf_hash(&body);
            let entry = Entry::parse(&body).map_err(|_| FatalError::BrokenChain { index })?;
            if last_leaf.is_some_and(|previous| entry.prev != previous) {
                return Err(FatalError::BrokenChain { index }.into());
            }
            if let Some(what) = Activates::of(&entry) {
                activated.note(what, EntrySeen { index, leaf });
            }
            frontier.push(leaf);
            last_leaf = Some(leaf);
            if frontier.size() == head.size() {
                break;
            }
        }
        if frontier.size() == before {
            return Err(FatalError::MissingEntry { index: EntryIndex(before.0) }.into());
        }
    }
    if frontier.root() == head.frontier.root() {
        Ok(activated)
    } else {
        let (size, expected, got) = (head.size(), frontier.root(), head.frontier.root());
        Err(FatalError::Forked { size, expected, got }.into())
    }
}

/// Entry bytes from an index on, in order, without a gap at the start of the page.
///
/// # Errors
/// [`OpenError`] when the database refuses, or [`FatalError::MissingEntry`] when an entry between is gone.
pub async fn entries(client: &Client, log: &LogName, from: EntryIndex, limit: i64) -> Result<Vec<Vec<u8>>, OpenError> {
    let generation = i32::try_from(log.generation).unwrap_or(i32::MAX);
    let first = i64::try_from(from.0).unwrap_or(i64::MAX);
    let rows = client
        .query(
            "SELECT seq, body FROM ledger_entry WHERE tenant = $1 AND generation = $2 AND seq >= $3 ORDER BY seq LIMIT $4",
            &[&log.tenant.0, &generation, &first, &limit],
        )
        .await?;
    let mut bodies = Vec::with_capacity(rows.len());
    for (row, expected) in rows.iter().zip(first..) {
        if row.get::<_, i64>(0) != expected {
            let index = EntryIndex(u64::try_from(expected).unwrap_or(0));
            return Err(FatalError::MissingEntry { index }.into());
        }
        bodies.push(row.get(1));
    }
    Ok(bodies)
}

/// Reads one log's entries for those who follow it; connects when it is first asked, and again when a connection was lost.
pub struct LogReader {
    config: Config,
    log: LogName,
    connection: Mutex<Option<Database>>,
}

impl LogReader {
    /// A reader that has not connected yet.
    pub fn new(config: &Config, log: &LogName) -> Self {
        Self { config: config.clone(), log: log.clone(), connection: Mutex::default() }
    }
}

#[async_trait]
impl Entries for LogReader {
    async fn entries(&self, from: EntryIndex, limit: u32) -> Result<Vec<Vec<u8>>, EntriesError> {
        let mut connection = self.connection.lock().await;
        let database = match connection.take() {
            Some(open) if !open.client.is_closed() => open,
            Some(_) | None => {
                Database::connect(&self.config, Some(self.log.tenant)).await.map_err(|_| EntriesError::Unavailable)?
            }
        };
        let read = entries(&database.client, &self.log, from, i64::from(limit)).await;
        *connection = Some(database);
        Ok(read?)
    }
}

impl From<OpenError> for EntriesError {
    fn from(error: OpenError) -> Self {
        match error {
            OpenError::Fatal(FatalError::MissingEntry { index }) => Self::Missing { index },
            OpenError::Fatal(_) | OpenError::Database(_) => Self::Unavailable,
        }
    }
}
