//! What a batch writes about erased and held customers and about epochs: statements that are rare enough to go one by one.
//!
//! Each returns how many rows it reached: one, or none when what it was decided on changed.

use tokio_postgres::Error;
use tokio_postgres::types::ToSql;

use super::super::database::Database;
use super::super::head::LogName;
use super::rows::signed;
use super::state::Tip;
use crate::domain::record::{EpochChange, ErasureChange, HoldChange, SubjectChange, SubjectEnd};
use crate::units::{EntryIndex, SubjectId, Timestamp, Version};

/// A proposal, what is decided on it, or both at once where an erasure is replayed.
pub(super) async fn erasure(
    database: &Database,
    log: &LogName,
    change: &ErasureChange,
    (index, time): (EntryIndex, Timestamp),
) -> Result<u64, Error> {
    let (id, subject) = (change.id.to_uuid(), change.subject.to_uuid());
    let (seq, time, state) = (signed(index.0), time.as_micros(), change.state.code());
    let (by, proposed_by, reason) = (change.by.to_uuid(), change.proposed_by.to_uuid(), change.reason.code());
    match change.expected {
        None => {
            // One that is decided as it comes is a replay: nobody proposed it here.
            let sql = "INSERT INTO erasure (tenant, id, subject, state, reason, at_once, version, proposed_by, proposed_seq, \
                       proposed_at, decided_by, decided_seq, decided_at, epoch) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, \
                       CASE WHEN $4::smallint > 0 THEN $11::uuid END, CASE WHEN $4::smallint > 0 THEN $9::bigint END, \
                       CASE WHEN $4::smallint > 0 THEN $10::bigint END, $12)";
            let own: [&(dyn ToSql + Sync); 12] = [
                &log.tenant.0,
                &id,
                &subject,
                &state,
                &reason,
                &change.at_once,
                &Version::FIRST.0,
                &proposed_by,
                &seq,
                &time,
                &by,
                &change.epoch,
            ];
            database.client.execute(sql, &own).await
        }
        Some(expected) => {
            let sql = "UPDATE erasure SET state = $3, version = version + 1, decided_by = $4, decided_seq = $5, decided_at = $6, \
                       epoch = $7 WHERE tenant = $1 AND id = $2 AND version = $8 AND state = 0";
            let own: [&(dyn ToSql + Sync); 8] =
                [&log.tenant.0, &id, &state, &by, &seq, &time, &change.epoch, &expected.0];
            database.client.execute(sql, &own).await
        }
    }
}

/// A hold, or its release.
pub(super) async fn hold(
    database: &Database,
    log: &LogName,
    change: &HoldChange,
    (index, time): (EntryIndex, Timestamp),
) -> Result<u64, Error> {
    let (id, subject, by) = (change.id.to_uuid(), change.subject.to_uuid(), change.by.to_uuid());
    let (seq, time) = (signed(index.0), time.as_micros());
    match change.expected {
        None => {
            let sql = "INSERT INTO legal_hold (tenant, id, subject, reason, version, placed_by, placed_seq, placed_at) \
                       VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
            let own: [&(dyn ToSql + Sync); 8] =
                [&log.tenant.0, &id, &subject, &change.reason.code(), &Version::FIRST.0, &by, &seq, &time];
            database.client.execute(sql, &own).await
        }
        Some(expected) => {
            let sql = "UPDATE legal_hold SET version = version + 1, released_by = $3, released_seq = $4, released_at = $5 \
                       WHERE tenant = $1 AND id = $2 AND version = $6 AND released_seq IS NULL";
            let own: [&(dyn ToSql + Sync); 6] = [&log.tenant.0, &id, &by, &seq, &time, &expected.0];
            database.client.execute(sql, &own).await
        }
    }
}

/// A customer's next version, or their end: the server's role may delete nothing, so it asks the function that deletes one
/// person's rows and refuses while a hold is on them.
pub(super) async fn subject(database: &Database, log: &LogName, change: &SubjectChange) -> Result<u64, Error> {
    let (id, expected) = (change.subject.to_uuid(), change.expected.0);
    let sql = match change.end {
        SubjectEnd::Stays => "UPDATE subject SET version = version + 1 WHERE tenant = $1 AND id = $2 AND version = $3",
        SubjectEnd::Erased => "SELECT erase_subject($1, $2, $3, false)",
        SubjectEnd::ErasedAgain => "SELECT erase_subject($1, $2, $3, true)",
    };
    let own: [&(dyn ToSql + Sync); 3] = [&log.tenant.0, &id, &expected];
    match change.end {
        SubjectEnd::Stays => database.client.execute(sql, &own).await,
        SubjectEnd::Erased | SubjectEnd::ErasedAgain => {
            let erased: i32 = database.client.query_one(sql, &own).await?.get(0);
            Ok(u64::try_from(erased).unwrap_or(0))
        }
    }
}

/// An epoch that nothing of the tenant hangs on, or whose key is gone.
pub(super) async fn epoch(
    database: &Database,
    log: &LogName,
    change: &EpochChange,
    (index, time): (EntryIndex, Timestamp),
) -> Result<u64, Error> {
    let (seq, time) = (signed(index.0), time.as_micros());
    if change.destroyed {
        let sql = "UPDATE retired_epoch SET destroyed_seq = $3, destroyed_at = $4 WHERE tenant = $1 AND epoch = $2 \
                   AND destroyed_seq IS NULL";
        return database.client.execute(sql, &[&log.tenant.0, &change.epoch, &seq, &time]).await;
    }
    let sql =
        "INSERT INTO retired_epoch (tenant, epoch, fingerprint, retired_seq, retired_at) VALUES ($1, $2, $3, $4, $5)";
    let fingerprint = change.fingerprint.as_bytes().as_slice();
    database.client.execute(sql, &[&log.tenant.0, &change.epoch, &fingerprint, &seq, &time]).await
}

/// Where a person's chain ends, put into the row of their newest conversation.
pub(in super::super) const SUBJECT_TIP: &str = "UPDATE conversation c SET subject_n = $3, subject_seq = $4, subject_leaf = $5 \
    WHERE c.tenant = $1 AND c.subject_n < $3 \
    AND c.id = (SELECT n.id FROM conversation n WHERE n.tenant = $1 AND n.subject = $2 ORDER BY n.subject_n DESC LIMIT 1)";

/// The end of a person's chain, where an entry is about them and no conversation: their newest conversation keeps it.
pub(super) async fn tip(database: &Database, log: &LogName, subject: SubjectId, tip: &Tip) -> Result<(), Error> {
    let (n, seq) = (signed(tip.n), signed(tip.seq.0));
    let own: [&(dyn ToSql + Sync); 5] = [&log.tenant.0, &subject.to_uuid(), &n, &seq, &tip.leaf.as_bytes().as_slice()];
    database.client.execute(&database.prepared(SUBJECT_TIP).await?, &own).await.map(drop)
}
