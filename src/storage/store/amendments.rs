//! Reads about proposed changes of the masking policy.

use async_trait::async_trait;
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;
use uuid::Uuid;

use super::TenantStore;
use crate::domain::record::AmendmentState;
use crate::ports::{Act, AmendmentRow, Amendments, StoreError};
use crate::units::{AccountId, AmendmentId, EntryIndex, Hash, Timestamp, Version};

/// With everybody who consented, in their order.
const SELECT: &str = "SELECT a.id, a.state, a.digest, a.against, a.only_masks_more, a.effective_at, a.version, a.proposed_by, \
    a.proposed_seq, a.proposed_at, a.decided_by, a.decided_seq, a.decided_at, a.reviewed_by, a.reviewed_seq, a.reviewed_at, \
    c.accounts, c.seqs, c.times FROM amendment a LEFT JOIN LATERAL (SELECT array_agg(account ORDER BY seq) AS accounts, \
    array_agg(seq ORDER BY seq) AS seqs, array_agg(time ORDER BY seq) AS times FROM amendment_consent \
    WHERE tenant = $1 AND amendment = a.id) c ON true WHERE a.tenant = $1";

#[async_trait]
impl Amendments for TenantStore {
    async fn amendment(&self, id: AmendmentId) -> Result<Option<AmendmentRow>, StoreError> {
        let sql = format!("{SELECT} AND a.id = $2");
        self.row(&sql, &[&id.to_uuid()]).await?.as_ref().map(amendment).transpose()
    }

    async fn amendments(&self, limit: u32) -> Result<Vec<AmendmentRow>, StoreError> {
        let sql = format!("{SELECT} ORDER BY a.tenant DESC, a.proposed_seq DESC LIMIT $2");
        self.all(&sql, &[&i64::from(limit)]).await
    }

    async fn due(&self, now: Timestamp) -> Result<Vec<AmendmentRow>, StoreError> {
        let sql = format!("{SELECT} AND a.state = 2 AND a.effective_at <= $2 ORDER BY a.effective_at, a.proposed_seq");
        self.all(&sql, &[&now.as_micros()]).await
    }

    async fn unreviewed(&self, before: Timestamp) -> Result<Vec<AmendmentRow>, StoreError> {
        let sql = format!(
            "{SELECT} AND a.state = 3 AND a.decided_seq = a.proposed_seq AND a.reviewed_seq IS NULL AND a.decided_at < $2"
        );
        self.all(&sql, &[&before.as_micros()]).await
    }
}

impl TenantStore {
    async fn all(&self, sql: &str, own: &[&(dyn ToSql + Sync)]) -> Result<Vec<AmendmentRow>, StoreError> {
        self.rows(sql, own).await?.iter().map(amendment).collect()
    }
}

fn amendment(row: &Row) -> Result<AmendmentRow, StoreError> {
    let corrupt = StoreError::Corrupt { what: "amendment" };
    let digest = |column: usize| row.get::<_, &[u8]>(column).try_into().ok().map(Hash);
    let (Some(state), Some(becomes), Some(against)) = (AmendmentState::from_code(row.get(1)), digest(2), digest(3))
    else {
        return Err(corrupt);
    };
    let list = |column: usize| row.get::<_, Option<Vec<i64>>>(column).unwrap_or_default();
    let accounts = row.get::<_, Option<Vec<Uuid>>>(16).unwrap_or_default();
    let consents = accounts.into_iter().zip(list(17)).zip(list(18)).map(|((by, seq), time)| act(by, seq, time));
    Ok(AmendmentRow {
        id: AmendmentId::from_uuid(row.get(0)),
        state,
        digest: becomes,
        against,
        only_masks_more: row.get(4),
        effective: row.get::<_, Option<i64>>(5).map(Timestamp::from_micros),
        version: Version(row.get(6)),
        proposed: act(row.get(7), row.get(8), row.get(9)),
        consents: consents.collect(),
        decided: some_act(row, 10),
        reviewed: some_act(row, 13),
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
    let index = EntryIndex(u64::try_from(seq).unwrap_or(u64::MAX));
    Act { by: AccountId::from_uuid(by), index, time: Timestamp::from_micros(time) }
}
