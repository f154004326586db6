//! What a batch writes about internal notes and canned replies: statements that are rare enough to go one by one.

use tokio_postgres::Error;
use tokio_postgres::types::ToSql;

use super::super::database::Database;
use super::super::head::LogName;
use super::rows::signed;
use crate::domain::record::{NewNote, ReplyChange, SealedText};
use crate::units::{EntryIndex, Timestamp, Version};

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

/// A canned reply's new version; how many rows were reached: none when it is at another version. One that is taken away
/// keeps no text.
pub(super) async fn reply(
    database: &Database,
    log: &LogName,
    change: &ReplyChange,
    (index, time): (EntryIndex, Timestamp),
) -> Result<u64, Error> {
    let (id, author) = (change.id.to_uuid(), change.author.to_uuid());
    let (seq, time, removed) = (signed(index.0), time.as_micros(), change.text.is_none());
    let part = |part: fn(&SealedText) -> &[u8]| change.text.as_ref().map_or(&[][..], part);
    let (original, masked) = (part(|text| &text.original.0), part(|text| &text.masked.0));
    let version = change.expected.map_or(Version::FIRST, Version::next).0;
    let sql = match change.expected {
        None => {
            "INSERT INTO canned_reply (tenant, id, version, entry_seq, time, author, removed, original, masked) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)"
        }
        Some(_) => {
            "UPDATE canned_reply SET version = $3, entry_seq = $4, time = $5, author = $6, removed = $7, original = $8, \
             masked = $9 WHERE tenant = $1 AND id = $2 AND version = $3::bigint - 1"
        }
    };
    let own: [&(dyn ToSql + Sync); 9] =
        [&log.tenant.0, &id, &version, &seq, &time, &author, &removed, &original, &masked];
    database.client.execute(&database.prepared(sql).await?, &own).await
}
