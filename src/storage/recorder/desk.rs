//! What a batch writes about internal notes, canned replies and what is masked again: statements that are rare enough to go one by one.

use tokio_postgres::Error;
use tokio_postgres::types::ToSql;

use super::super::database::Database;
use super::super::head::LogName;
use super::files::drop_file;
use super::rows::signed;
use crate::domain::record::{NewNote, Remasked, ReplyChange, SealedText, Written};
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

/// What a message or note is from here on; how many rows were reached: none when it is not there, or newer already.
pub(super) async fn remasked(
    database: &Database,
    log: &LogName,
    again: &Remasked,
    index: EntryIndex,
) -> Result<u64, Error> {
    if again.file.is_some_and(|file| !file.kept) {
        drop_file(database, log, again.id).await?;
    }
    let sql = match again.kind {
        Written::Message { .. } => {
            "UPDATE message SET original = $5, masked = $6, remask_seq = $7 WHERE tenant = $1 AND conversation = $2 AND id = $3 \
             AND entry_seq = $4 AND coalesce(remask_seq, -1) < $7"
        }
        Written::Note => {
            "UPDATE note SET original = $5, masked = $6, remask_seq = $7 WHERE tenant = $1 AND conversation = $2 AND id = $3 \
             AND entry_seq = $4 AND coalesce(remask_seq, -1) < $7"
        }
    };
    let (id, of, seq) = (again.id.to_uuid(), signed(again.of.0), signed(index.0));
    let own: [&(dyn ToSql + Sync); 7] =
        [&log.tenant.0, &again.conversation.0, &id, &of, &again.original.0, &again.masked.0, &seq];
    database.client.execute(&database.prepared(sql).await?, &own).await
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
