//! What a batch writes about internal notes: statements that are rare enough to go one by one.

use tokio_postgres::Error;

use super::super::database::Database;
use super::super::head::LogName;
use super::rows::signed;
use crate::domain::record::NewNote;
use crate::units::{EntryIndex, Timestamp};

/// A new note; how many rows were written.
pub(super) async fn note(
    database: &Database,
    log: &LogName,
    new: &NewNote,
    (index, time): (EntryIndex, Timestamp),
) -> Result<u64, Error> {
    let sql = "INSERT INTO note (tenant, conversation, entry_seq, id, time, author, original, masked) \
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
    let statement = database.prepared(sql).await?;
    let (id, author) = (new.id.to_uuid(), new.author.to_uuid());
    let (seq, time) = (signed(index.0), time.as_micros());
    database
        .client
        .execute(
            &statement,
            &[&log.tenant.0, &new.conversation.0, &seq, &id, &time, &author, &new.original.0, &new.masked.0],
        )
        .await
}
