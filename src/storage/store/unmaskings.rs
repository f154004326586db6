//! Reads about requests to open masked values, and of what stands behind the masks.

use async_trait::async_trait;
use tokio_postgres::Row;
use uuid::Uuid;

use super::TenantStore;
use super::recent::place;
use crate::domain::event::SpanPlace;
use crate::domain::message::Sealed;
use crate::domain::record::UnmaskingState;
use crate::ports::{Act, HiddenRow, StoreError, UnmaskingFilter, UnmaskingRow, Unmaskings};
use crate::units::{AccountId, ConversationKey, EntryIndex, MessageId, SubjectId, Timestamp, UnmaskingId, Version};

/// With the conversation's names and the entry that asked.
const SELECT: &str = "SELECT u.id, u.state, u.version, u.subject, u.message, u.span, u.of_seq, u.until, u.requested_by, \
    u.requested_seq, u.requested_at, u.decided_by, u.decided_seq, u.decided_at, u.used_by, u.used_seq, u.used_at, c.id, \
    c.public_id, (SELECT e.body FROM ledger_entry e WHERE e.tenant = $1 AND e.generation = $2 AND e.seq = u.requested_seq) \
    FROM unmasking u JOIN conversation c ON c.tenant = $1 AND c.id = u.conversation WHERE u.tenant = $1";

#[async_trait]
impl Unmaskings for TenantStore {
    async fn unmasking(&self, id: UnmaskingId) -> Result<Option<UnmaskingRow>, StoreError> {
        let sql = format!("{SELECT} AND u.id = $3");
        self.row(&sql, &[&self.generation(), &id.to_uuid()]).await?.as_ref().map(unmasking).transpose()
    }

    async fn unmaskings(&self, filter: UnmaskingFilter) -> Result<Vec<UnmaskingRow>, StoreError> {
        let sql = format!(
            "{SELECT} AND ($3::uuid IS NULL OR u.subject = $3) AND ($4::uuid IS NULL OR u.requested_by = $4) \
             ORDER BY u.requested_seq DESC LIMIT $5"
        );
        let (subject, by) = (filter.subject.map(SubjectId::to_uuid), filter.by.map(AccountId::to_uuid));
        let rows = self.rows(&sql, &[&self.generation(), &subject, &by, &i64::from(filter.limit)]).await?;
        rows.iter().map(unmasking).collect()
    }

    async fn hidden(&self, of: ConversationKey, message: MessageId) -> Result<Option<HiddenRow>, StoreError> {
        let sql = "SELECT coalesce(remask_seq, entry_seq), original, masked FROM message \
                       WHERE tenant = $1 AND conversation = $2 AND id = $3 \
                   UNION ALL SELECT coalesce(remask_seq, entry_seq), original, masked FROM note \
                       WHERE tenant = $1 AND conversation = $2 AND id = $3";
        let row = self.row(sql, &[&of.0, &message.to_uuid()]).await?;
        Ok(row.map(|row| HiddenRow {
            id: message,
            of: index(row.get(0)),
            original: Sealed(row.get(1)),
            masked: Sealed(row.get(2)),
        }))
    }
}

fn unmasking(row: &Row) -> Result<UnmaskingRow, StoreError> {
    let corrupt = || StoreError::Corrupt { what: "unmasking" };
    Ok(UnmaskingRow {
        id: UnmaskingId::from_uuid(row.get(0)),
        state: UnmaskingState::from_code(row.get(1)).ok_or_else(corrupt)?,
        version: Version(row.get(2)),
        conversation: place(row, 17),
        subject: SubjectId::from_uuid(row.get(3)),
        place: SpanPlace {
            message: MessageId::from_uuid(row.get(4)),
            span: u16::try_from(row.get::<_, i32>(5)).map_err(|_| corrupt())?,
            of: index(row.get(6)),
        },
        until: row.get::<_, Option<i64>>(7).map(Timestamp::from_micros),
        requested: act(row.get(8), row.get(9), row.get(10)),
        decided: some_act(row, 11),
        used: some_act(row, 14),
        asked: row.get::<_, Option<Vec<u8>>>(19).ok_or_else(corrupt)?,
    })
}

fn some_act(row: &Row, first: usize) -> Option<Act> {
    Some(act(
        row.get::<_, Option<Uuid>>(first)?,
        row.get::<_, Option<i64>>(first + 1)?,
        row.get::<_, Option<i64>>(first + 2)?,
    ))
}

fn act(by: Uuid, seq: i64, time: i64) -> Act {
    Act { by: AccountId::from_uuid(by), index: index(seq), time: Timestamp::from_micros(time) }
}

fn index(seq: i64) -> EntryIndex {
    EntryIndex(u64::try_from(seq).unwrap_or(u64::MAX))
}
