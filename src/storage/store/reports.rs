//! Reads about reports of the desk.

use async_trait::async_trait;
use tokio_postgres::Row;
use uuid::Uuid;

use super::TenantStore;
use crate::domain::event::DeclineReason;
use crate::domain::record::ReportState;
use crate::ports::{Act, ReportRow, Reports, StoreError};
use crate::units::{AccountId, AmendmentId, EntryIndex, ReportId, Timestamp, Version};

const COLUMNS: &str = "r.id, r.state, r.version, r.made_by, r.made_seq, r.made_at, r.changed_by, r.changed_seq, r.changed_at, \
    r.amendment, r.reason";

#[async_trait]
impl Reports for TenantStore {
    async fn report(&self, id: ReportId) -> Result<Option<ReportRow>, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM mask_report r WHERE r.tenant = $1 AND r.id = $2");
        self.row(&sql, &[&id.to_uuid()]).await?.as_ref().map(report).transpose()
    }

    async fn reports(&self, by: Option<AccountId>, limit: u32) -> Result<Vec<ReportRow>, StoreError> {
        let sql = format!(
            "SELECT {COLUMNS} FROM mask_report r WHERE r.tenant = $1 AND ($2::uuid IS NULL OR r.made_by = $2) \
             ORDER BY r.tenant DESC, r.made_seq DESC LIMIT $3"
        );
        let rows = self.rows(&sql, &[&by.map(AccountId::to_uuid), &i64::from(limit)]).await?;
        rows.iter().map(report).collect()
    }

    async fn unsettled(&self) -> Result<Vec<(ReportRow, bool)>, StoreError> {
        let sql = format!(
            "SELECT {COLUMNS}, a.state = 3 FROM mask_report r JOIN amendment a ON a.tenant = r.tenant AND a.id = r.amendment \
             WHERE r.tenant = $1 AND r.state = 2 AND a.state IN (1, 3) ORDER BY r.made_seq"
        );
        self.rows(&sql, &[]).await?.iter().map(|row| Ok((report(row)?, row.get(11)))).collect()
    }
}

fn report(row: &Row) -> Result<ReportRow, StoreError> {
    let corrupt = StoreError::Corrupt { what: "report" };
    Ok(ReportRow {
        id: ReportId::from_uuid(row.get(0)),
        state: ReportState::from_code(row.get(1)).ok_or(corrupt)?,
        version: Version(row.get(2)),
        made: act(row, 3),
        changed: act(row, 6),
        amendment: row.get::<_, Option<Uuid>>(9).map(AmendmentId::from_uuid),
        reason: row.get::<_, Option<i16>>(10).and_then(DeclineReason::from_code),
    })
}

fn act(row: &Row, first: usize) -> Act {
    let index = EntryIndex(u64::try_from(row.get::<_, i64>(first + 1)).unwrap_or(u64::MAX));
    Act { by: AccountId::from_uuid(row.get(first)), index, time: Timestamp::from_micros(row.get(first + 2)) }
}
