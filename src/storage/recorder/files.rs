//! What a batch writes about files that come with messages: rare enough to go one by one.

use tokio_postgres::Error;
use tokio_postgres::types::ToSql;

use super::super::database::Database;
use super::super::head::LogName;
use super::rows::signed;
use crate::domain::file::{FileInfo, NewFile};
use crate::units::{EntryIndex, MessageId};

/// A file with its pieces; how many files were written.
pub(super) async fn file(
    database: &Database,
    log: &LogName,
    message: MessageId,
    new: &NewFile,
    index: EntryIndex,
) -> Result<u64, Error> {
    let FileInfo { format, bytes, fate, kept } = new.info;
    let (message, seq, bytes) = (message.to_uuid(), signed(index.0), signed(bytes));
    let pieces: Vec<&[u8]> = new.pieces.iter().map(|piece| piece.0.as_slice()).collect();
    let sql = "INSERT INTO attachment_piece (tenant, message, number, sealed) \
               SELECT $1, $2, u.number - 1, u.sealed FROM unnest($3::bytea[]) WITH ORDINALITY AS u(sealed, number)";
    database.client.execute(&database.prepared(sql).await?, &[&log.tenant.0, &message, &pieces]).await?;
    let sql = "INSERT INTO attachment (tenant, message, entry_seq, format, bytes, fate, kept) VALUES ($1, $2, $3, $4, $5, $6, $7)";
    let own: [&(dyn ToSql + Sync); 7] = [&log.tenant.0, &message, &seq, &format.code(), &bytes, &fate.code(), &kept];
    database.client.execute(&database.prepared(sql).await?, &own).await
}

/// A file that is kept no longer; what is overwritten is gone when PostgreSQL has tidied up (ADR 0041).
pub(super) async fn drop_file(database: &Database, log: &LogName, message: MessageId) -> Result<(), Error> {
    let message = message.to_uuid();
    for sql in [
        "UPDATE attachment_piece SET sealed = '' WHERE tenant = $1 AND message = $2",
        "UPDATE attachment SET kept = false WHERE tenant = $1 AND message = $2",
    ] {
        database.client.execute(&database.prepared(sql).await?, &[&log.tenant.0, &message]).await?;
    }
    Ok(())
}
