//! What a batch writes about reports of the desk; see [`super::erasure`].

use tokio_postgres::Error;
use tokio_postgres::types::ToSql;

use super::super::database::Database;
use super::super::head::LogName;
use super::rows::signed;
use crate::domain::event::DeclineReason;
use crate::domain::record::ReportChange;
use crate::units::{AmendmentId, EntryIndex, Timestamp, Version};

/// One step of a report; how many rows it reached.
pub(super) async fn apply(
    database: &Database,
    log: &LogName,
    change: &ReportChange,
    (index, time): (EntryIndex, Timestamp),
) -> Result<u64, Error> {
    let (state, amendment, reason) = change.step.leads_to();
    let (id, by, seq, time) = (change.id.to_uuid(), change.by.to_uuid(), signed(index.0), time.as_micros());
    let (amendment, reason) = (amendment.map(AmendmentId::to_uuid), reason.map(DeclineReason::code));
    let version = change.expected.unwrap_or(Version::FIRST).0;
    let own: [&(dyn ToSql + Sync); 9] =
        [&log.tenant.0, &id, &version, &state.code(), &by, &seq, &time, &amendment, &reason];
    let sql = if change.expected.is_none() {
        "INSERT INTO mask_report (tenant, id, version, state, made_by, made_seq, made_at, changed_by, changed_seq, changed_at, \
         amendment, reason) VALUES ($1, $2, $3, $4, $5, $6, $7, $5, $6, $7, $8, $9)"
    } else {
        "UPDATE mask_report SET version = version + 1, state = $4, changed_by = $5, changed_seq = $6, changed_at = $7, \
         amendment = $8, reason = $9 WHERE tenant = $1 AND id = $2 AND version = $3"
    };
    database.client.execute(sql, &own).await
}
