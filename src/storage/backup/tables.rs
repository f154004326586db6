//! Rows out of a database's tables and into those of an empty one.
//!
//! Which tables and columns there are is asked of the database, so that a migration needs no line here. What is left out on
//! purpose: sessions (people log in again) and the schema's history (migrations write it).

use std::collections::BTreeSet;
use std::io::Cursor;
use std::pin::pin;

use futures_util::{SinkExt as _, TryStreamExt as _};
use serde::de::DeserializeOwned;
use tokio_postgres::{Client, Config};

use super::archive::{Archive, ArchiveError, ArchiveWriter};
use crate::limits::BACKUP_PIECE_BYTES_MAX;
use crate::storage::PARTITION_ENTRIES;
use crate::storage::database::{self, Database, DatabaseError};
use crate::storage::head::LogName;
use crate::units::TenantId;

/// Tables that a backup leaves out.
const LEFT_OUT: [&str; 2] = ["refinery_schema_history", "session"];
/// What stands in a piece's name where a table belongs to no tenant.
const SHARED: &str = "all";

/// Why rows could not be copied.
#[derive(Debug, thiserror::Error)]
pub enum CopyError {
    /// PostgreSQL refused.
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// The file refused.
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    /// A piece belongs to no table of this schema.
    #[error("the backup holds {0}, for which the schema has no table")]
    UnknownPiece(String),
    /// There are rows already.
    #[error("the database has tenants already: a backup goes into an empty one")]
    NotEmpty,
}

impl From<tokio_postgres::Error> for CopyError {
    fn from(error: tokio_postgres::Error) -> Self {
        Self::Database(error.into())
    }
}

/// A table of the schema.
struct Table {
    name: String,
    columns: String,
    by_tenant: bool,
}

/// A connection that sees the database as it was at one instant.
pub struct Snapshot {
    database: Database,
}

impl Snapshot {
    /// Takes a snapshot; it lasts as long as the value.
    ///
    /// # Errors
    /// [`DatabaseError`] when PostgreSQL can't be reached or refuses.
    pub async fn take(config: &Config) -> Result<Self, DatabaseError> {
        let database = Database::connect(config, None).await?;
        // Whole tables are read, and the file may be on a slow disk: neither is what a session is set for otherwise.
        let begin = "SET idle_in_transaction_session_timeout = '1h'; SET enable_seqscan = on; \
                     BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";
        database.client.batch_execute(begin).await?;
        Ok(Self { database })
    }

    /// The connection, bound to a tenant.
    ///
    /// # Errors
    /// [`DatabaseError`] when PostgreSQL refuses.
    pub async fn of_tenant(&self, tenant: TenantId) -> Result<&Client, DatabaseError> {
        bind(&self.database.client, tenant).await?;
        Ok(&self.database.client)
    }

    /// The tenants with their names, in the order of their numbers.
    ///
    /// # Errors
    /// [`DatabaseError`] when PostgreSQL refuses.
    pub async fn tenants(&self) -> Result<Vec<(TenantId, String)>, DatabaseError> {
        let rows = self.database.client.query("SELECT id, name FROM tenant ORDER BY id", &[]).await?;
        Ok(rows.iter().map(|row| (TenantId(row.get(0)), row.get(1))).collect())
    }

    /// The epochs that data keys of any tenant hang on.
    ///
    /// # Errors
    /// [`DatabaseError`] when PostgreSQL refuses.
    pub async fn epochs(&self) -> Result<BTreeSet<i32>, DatabaseError> {
        let mut epochs = BTreeSet::new();
        for (tenant, _) in self.tenants().await? {
            let sql = "SELECT DISTINCT epoch FROM data_key WHERE tenant = $1";
            let rows = self.of_tenant(tenant).await?.query(sql, &[&tenant.0]).await?;
            epochs.extend(rows.iter().map(|row| row.get::<_, i32>(0)));
        }
        Ok(epochs)
    }

    /// The version of the schema.
    ///
    /// # Errors
    /// [`DatabaseError`] when PostgreSQL refuses.
    pub async fn schema(&self) -> Result<u32, DatabaseError> {
        database::schema(&self.database.client).await
    }

    /// Digest of a tenant's active policy, in hexadecimal digits.
    ///
    /// # Errors
    /// [`DatabaseError`] when PostgreSQL refuses.
    pub async fn policy(&self, tenant: TenantId) -> Result<Option<String>, DatabaseError> {
        let sql = "SELECT encode(policy, 'hex') FROM settings WHERE tenant = $1";
        let found = self.of_tenant(tenant).await?.query_opt(sql, &[&tenant.0]).await?;
        Ok(found.and_then(|row| row.get(0)))
    }

    /// Writes the rows of every table; `progress` gets a sentence for each tenant.
    ///
    /// # Errors
    /// [`CopyError`].
    pub async fn copy(&self, to: &mut ArchiveWriter, progress: &(dyn Fn(&str) + Sync)) -> Result<(), CopyError> {
        let tables = tables(&self.database.client).await?;
        for table in tables.iter().filter(|table| !table.by_tenant) {
            self.copy_table(table, SHARED, to).await?;
        }
        for (tenant, name) in self.tenants().await? {
            let _bound = self.of_tenant(tenant).await?;
            progress(&format!("Copying the rows of {name}"));
            for table in tables.iter().filter(|table| table.by_tenant) {
                self.copy_table(table, &tenant.to_string(), to).await?;
            }
        }
        Ok(())
    }

    async fn copy_table(&self, table: &Table, owner: &str, to: &mut ArchiveWriter) -> Result<(), CopyError> {
        let sql = format!("COPY (SELECT {} FROM {}) TO STDOUT (FORMAT binary)", table.columns, quoted(&table.name));
        let mut rows = pin!(self.database.client.copy_out(&sql).await?);
        let mut piece = Vec::new();
        let mut number = 0;
        let mut flush = |piece: &mut Vec<u8>| {
            let written = to.add(&format!("rows/{owner}/{}/{number:06}", table.name), piece);
            number += 1;
            piece.clear();
            written
        };
        while let Some(bytes) = rows.try_next().await? {
            // A row is far smaller than a piece; one that is not goes over several.
            for part in bytes.chunks(BACKUP_PIECE_BYTES_MAX) {
                if piece.len() + part.len() > BACKUP_PIECE_BYTES_MAX {
                    flush(&mut piece)?;
                }
                piece.extend_from_slice(part);
            }
        }
        Ok(flush(&mut piece)?)
    }
}

/// Puts the rows of a backup into a database without tenants, within the transaction that `owner` has begun.
///
/// # Errors
/// [`CopyError`]; the transaction must be rolled back then.
pub async fn load<T: DeserializeOwned>(
    owner: &Client,
    archive: &Archive<T>,
    logs: &[(LogName, u64)],
    progress: &(dyn Fn(u64, u64) + Sync),
) -> Result<(), CopyError> {
    if owner.query_one("SELECT EXISTS (SELECT 1 FROM tenant)", &[]).await?.get(0) {
        return Err(CopyError::NotEmpty);
    }
    for (log, size) in logs {
        make_partitions(owner, log, *size).await?;
    }
    let tables = tables(owner).await?;
    // COPY can't write through row security. The owner is exempt from it where it isn't forced; the end of the
    // transaction shows nobody anything in between.
    row_security(owner, &tables, "NO FORCE").await?;
    let (mut number, all) = (0, archive.pieces.len());
    while let Some(first) = archive.pieces.get(number) {
        let unknown = || CopyError::UnknownPiece(first.name.clone());
        let (stream, _) = first.name.rsplit_once('/').ok_or_else(unknown)?;
        let name = stream.rsplit('/').next().unwrap_or_default();
        let table = tables.iter().find(|table| table.name == name).ok_or_else(unknown)?;
        let sql = format!("COPY {} ({}) FROM STDIN (FORMAT binary)", quoted(name), table.columns);
        let mut rows = pin!(owner.copy_in::<_, Cursor<Vec<u8>>>(&sql).await?);
        while archive
            .pieces
            .get(number)
            .is_some_and(|piece| piece.name.rsplit_once('/').map(|(of, _)| of) == Some(stream))
        {
            rows.send(Cursor::new(archive.read(number)?)).await?;
            number += 1;
            progress(number as u64, all as u64);
        }
        rows.finish().await?;
    }
    // The server that held a log when the snapshot was taken doesn't hold this copy.
    owner.execute("UPDATE log_head SET lease_expires = '-infinity'", &[]).await?;
    row_security(owner, &tables, "FORCE").await?;
    Ok(())
}

/// Binds the rest of the transaction to a tenant.
///
/// # Errors
/// PostgreSQL's.
pub async fn bind(client: &Client, tenant: TenantId) -> Result<(), tokio_postgres::Error> {
    client.execute("SELECT set_config('app.tenant', $1, true)", &[&tenant.to_string()]).await.map(drop)
}

async fn make_partitions(owner: &Client, log: &LogName, size: u64) -> Result<(), tokio_postgres::Error> {
    bind(owner, log.tenant).await?;
    let generation = i32::try_from(log.generation).unwrap_or(i32::MAX);
    for partition in 0..size.div_ceil(PARTITION_ENTRIES) {
        let first = i64::try_from(partition * PARTITION_ENTRIES).unwrap_or(i64::MAX);
        owner.execute("SELECT ensure_partition($1, $2, $3)", &[&log.tenant.0, &generation, &first]).await?;
    }
    Ok(())
}

async fn row_security(owner: &Client, tables: &[Table], word: &str) -> Result<(), tokio_postgres::Error> {
    for table in tables.iter().filter(|table| table.by_tenant) {
        let sql = format!("ALTER TABLE {} {word} ROW LEVEL SECURITY", quoted(&table.name));
        owner.batch_execute(&sql).await?;
    }
    Ok(())
}

/// The tables of the schema but for those left out, by name; partitions are part of theirs.
async fn tables(client: &Client) -> Result<Vec<Table>, tokio_postgres::Error> {
    let sql = "SELECT c.relname::text, c.relrowsecurity, string_agg(quote_ident(a.attname), ', ' ORDER BY a.attnum) \
               FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_attribute a ON a.attrelid = c.oid \
               WHERE n.nspname = 'public' AND c.relkind IN ('r', 'p') AND NOT c.relispartition AND a.attnum > 0 \
               AND NOT a.attisdropped AND a.attgenerated = '' AND c.relname <> ALL ($1) \
               GROUP BY c.relname, c.relrowsecurity ORDER BY c.relname";
    let left_out = LEFT_OUT.as_slice();
    let rows = client.query(sql, &[&left_out]).await?;
    let table = |row: &tokio_postgres::Row| Table { name: row.get(0), by_tenant: row.get(1), columns: row.get(2) };
    Ok(rows.iter().map(table).collect())
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}
