//! What a batch writes about proposed changes of the masking policy; see [`super::erasure`].

use tokio_postgres::Error;
use tokio_postgres::types::ToSql;

use super::super::database::Database;
use super::super::head::LogName;
use super::rows::signed;
use crate::domain::record::{AmendmentChange, AmendmentState, AmendmentStep};
use crate::units::{EntryIndex, Timestamp, Version};

/// One step of an amendment; how many rows it reached.
pub(super) async fn apply(
    database: &Database,
    log: &LogName,
    change: &AmendmentChange,
    at: (EntryIndex, Timestamp),
) -> Result<u64, Error> {
    match &change.step {
        AmendmentStep::Proposed { .. } => propose(database, log, change, at).await,
        AmendmentStep::Consented { state } => {
            let sql =
                "INSERT INTO amendment_consent (tenant, amendment, account, seq, time) VALUES ($1, $2, $3, $4, $5)";
            let (id, by, seq, time) = (change.id.to_uuid(), change.by.to_uuid(), signed(at.0.0), at.1.as_micros());
            database.client.execute(sql, &[&log.tenant.0, &id, &by, &seq, &time]).await?;
            decide(database, log, change, *state, at).await
        }
        AmendmentStep::Rejected => decide(database, log, change, AmendmentState::Rejected, at).await,
        AmendmentStep::Activated => decide(database, log, change, AmendmentState::Activated, at).await,
        AmendmentStep::Reviewed => {
            let sql = "UPDATE amendment SET version = version + 1, reviewed_by = $4, reviewed_seq = $5, reviewed_at = $6 \
                       WHERE tenant = $1 AND id = $2 AND version = $3 AND reviewed_seq IS NULL";
            let expected = change.expected.unwrap_or(Version::FIRST).0;
            let (id, by, seq, time) = (change.id.to_uuid(), change.by.to_uuid(), signed(at.0.0), at.1.as_micros());
            database.client.execute(sql, &[&log.tenant.0, &id, &expected, &by, &seq, &time]).await
        }
    }
}

async fn propose(
    database: &Database,
    log: &LogName,
    change: &AmendmentChange,
    (index, time): (EntryIndex, Timestamp),
) -> Result<u64, Error> {
    let AmendmentStep::Proposed { digest, source, against, only_masks_more, effective, state } = &change.step else {
        return Ok(0);
    };
    let (digest, against) = (digest.as_bytes().as_slice(), against.as_bytes().as_slice());
    let sql = "INSERT INTO policy (tenant, digest, source) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING";
    database.client.execute(sql, &[&log.tenant.0, &digest, source]).await?;
    // One that comes into force as it is proposed is decided by whoever proposed it.
    let sql = "INSERT INTO amendment (tenant, id, state, digest, against, only_masks_more, effective_at, version, proposed_by, \
               proposed_seq, proposed_at, decided_by, decided_seq, decided_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, \
               CASE WHEN $3::smallint > 0 THEN $9::uuid END, CASE WHEN $3::smallint > 0 THEN $10::bigint END, \
               CASE WHEN $3::smallint > 0 THEN $11::bigint END)";
    let (id, by, seq, time) = (change.id.to_uuid(), change.by.to_uuid(), signed(index.0), time.as_micros());
    let effective = effective.map(Timestamp::as_micros);
    let own: [&(dyn ToSql + Sync); 11] = [
        &log.tenant.0,
        &id,
        &state.code(),
        &digest,
        &against,
        only_masks_more,
        &effective,
        &Version::FIRST.0,
        &by,
        &seq,
        &time,
    ];
    database.client.execute(sql, &own).await
}

/// Its next state; whoever brings it out of the first one has decided.
async fn decide(
    database: &Database,
    log: &LogName,
    change: &AmendmentChange,
    state: AmendmentState,
    (index, time): (EntryIndex, Timestamp),
) -> Result<u64, Error> {
    let sql = "UPDATE amendment SET version = version + 1, state = $4, \
                   decided_by = CASE WHEN $4::smallint > 0 THEN $5::uuid END, \
                   decided_seq = CASE WHEN $4::smallint > 0 THEN $6::bigint END, \
                   decided_at = CASE WHEN $4::smallint > 0 THEN $7::bigint END \
               WHERE tenant = $1 AND id = $2 AND version = $3 AND state IN (0, 2)";
    let expected = change.expected.unwrap_or(Version::FIRST).0;
    let (id, by, seq, time) = (change.id.to_uuid(), change.by.to_uuid(), signed(index.0), time.as_micros());
    database.client.execute(sql, &[&log.tenant.0, &id, &expected, &state.code(), &by, &seq, &time]).await
}
