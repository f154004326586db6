//! What a batch writes about requests to open masked values: statements that are rare enough to go one by one.

use tokio_postgres::Error;
use tokio_postgres::types::ToSql;

use super::super::database::Database;
use super::super::head::LogName;
use super::rows::signed;
use crate::domain::record::{UnmaskingChange, UnmaskingState, UnmaskingStep};
use crate::units::{EntryIndex, Timestamp, Version};

/// One step of a request; how many rows it reached.
pub(super) async fn apply(
    database: &Database,
    log: &LogName,
    change: &UnmaskingChange,
    (index, time): (EntryIndex, Timestamp),
) -> Result<u64, Error> {
    let (id, by, seq, time) = (change.id.to_uuid(), change.by.to_uuid(), signed(index.0), time.as_micros());
    let expected = change.expected.unwrap_or(Version::FIRST).0;
    let sql = "UPDATE unmasking SET version = version + 1, state = $4, decided_by = $5, decided_seq = $6, decided_at = $7, \
               until = $8 WHERE tenant = $1 AND id = $2 AND version = $3 AND state = 0";
    let (state, until) = match change.step {
        UnmaskingStep::Requested { conversation, subject, place } => {
            let sql = "INSERT INTO unmasking (tenant, id, state, version, conversation, subject, message, span, of_seq, requested_by, \
                       requested_seq, requested_at) VALUES ($1, $2, 0, $3, $4, $5, $6, $7, $8, $9, $10, $11)";
            let (subject, message) = (subject.to_uuid(), place.message.to_uuid());
            let (span, of) = (i32::from(place.span), signed(place.of.0));
            let own: [&(dyn ToSql + Sync); 11] = [
                &log.tenant.0,
                &id,
                &Version::FIRST.0,
                &conversation.0,
                &subject,
                &message,
                &span,
                &of,
                &by,
                &seq,
                &time,
            ];
            return database.client.execute(sql, &own).await;
        }
        UnmaskingStep::Granted { until } => (UnmaskingState::Granted, Some(until.as_micros())),
        UnmaskingStep::Denied => (UnmaskingState::Denied, None),
        UnmaskingStep::Used => {
            let sql = "UPDATE unmasking SET version = version + 1, state = $4, used_by = $5, used_seq = $6, used_at = $7 \
                       WHERE tenant = $1 AND id = $2 AND version = $3 AND state = 1";
            let own: [&(dyn ToSql + Sync); 7] =
                [&log.tenant.0, &id, &expected, &UnmaskingState::Used.code(), &by, &seq, &time];
            return database.client.execute(sql, &own).await;
        }
    };
    let own: [&(dyn ToSql + Sync); 8] = [&log.tenant.0, &id, &expected, &state.code(), &by, &seq, &time, &until];
    database.client.execute(sql, &own).await
}
