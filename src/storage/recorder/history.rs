//! What a batch writes about runs over what was said before, and about drafts of policies; see [`super::erasure`].

use tokio_postgres::Error;
use tokio_postgres::types::ToSql;

use super::super::database::Database;
use super::super::head::LogName;
use super::rows::signed;
use crate::domain::record::{DraftChange, RunChange, RunKind, RunStep};
use crate::units::{EntryIndex, Timestamp, Version};

/// One step of a run; how many rows it reached.
pub(super) async fn run(
    database: &Database,
    log: &LogName,
    change: &RunChange,
    (index, time): (EntryIndex, Timestamp),
) -> Result<u64, Error> {
    let (id, by, seq, time) = (change.id.to_uuid(), change.by.to_uuid(), signed(index.0), time.as_micros());
    match &change.step {
        RunStep::Begun { kind, digest, source, until } => {
            // What was said before goes from the log's beginning; what is said, from here on.
            let cursor = match kind {
                RunKind::Remasking => 0,
                RunKind::Shadow => seq,
            };
            let sql = "INSERT INTO policy_run (tenant, id, version, kind, digest, source, begun_by, begun_seq, begun_at, \
                       until_at, cursor_seq, masked) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, 0)";
            let (digest, source) = (digest.as_bytes().as_slice(), source.as_ref().map(|sealed| sealed.0.as_slice()));
            let until = until.map(Timestamp::as_micros);
            let own: [&(dyn ToSql + Sync); 11] = [
                &log.tenant.0,
                &id,
                &Version::FIRST.0,
                &kind.code(),
                &digest,
                &source,
                &by,
                &seq,
                &time,
                &until,
                &cursor,
            ];
            database.client.execute(sql, &own).await
        }
        RunStep::Advanced { cursor, masked } => {
            let sql = "UPDATE policy_run SET cursor_seq = greatest(cursor_seq, $3), masked = masked + $4 \
                       WHERE tenant = $1 AND id = $2";
            let own: [&(dyn ToSql + Sync); 4] = [&log.tenant.0, &id, &signed(cursor.0), &signed(*masked)];
            database.client.execute(&database.prepared(sql).await?, &own).await
        }
        RunStep::Ended { end } => {
            let sql = "UPDATE policy_run SET version = version + 1, ended_by = $3, ended_seq = $4, ended_at = $5, ended_how = $6 \
                       WHERE tenant = $1 AND id = $2 AND ended_how IS NULL";
            database.client.execute(sql, &[&log.tenant.0, &id, &by, &seq, &time, &end.code()]).await
        }
    }
}

/// A draft's next version, or its end; how many rows were reached: none when it is at another version.
pub(super) async fn draft(
    database: &Database,
    log: &LogName,
    change: &DraftChange,
    (index, time): (EntryIndex, Timestamp),
) -> Result<u64, Error> {
    let (id, by, seq, time) = (change.id.to_uuid(), change.by.to_uuid(), signed(index.0), time.as_micros());
    let expected = change.expected.map_or(0, |version| version.0);
    let Some(content) = &change.content else {
        let sql = "DELETE FROM policy_draft WHERE tenant = $1 AND id = $2 AND version = $3";
        return database.client.execute(sql, &[&log.tenant.0, &id, &expected]).await;
    };
    let sql = match change.expected {
        None => {
            "INSERT INTO policy_draft (tenant, id, version, edited_by, edited_seq, edited_at, content) \
             VALUES ($1, $2, $3::bigint + 1, $4, $5, $6, $7)"
        }
        Some(_) => {
            "UPDATE policy_draft SET version = version + 1, edited_by = $4, edited_seq = $5, edited_at = $6, content = $7 \
             WHERE tenant = $1 AND id = $2 AND version = $3"
        }
    };
    database.client.execute(sql, &[&log.tenant.0, &id, &expected, &by, &seq, &time, &content.0]).await
}
