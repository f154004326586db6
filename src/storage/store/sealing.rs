//! Where all chains of a log ended, at one size of it, read from the rows that commit with every entry.
//!
//! One snapshot holds the head and the rows: they are of one size however much is written meanwhile. Its connection is its own,
//! so that nobody waits behind it, and ends are hashed as they come, so that memory does not grow with the number of chains.

use std::pin::pin;

use futures_util::TryStreamExt as _;
use lww_audit::entry::{Chain, ChainPrev};
use lww_audit::seal::{ChainEnd, Seal, Sealing};
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;
use uuid::Uuid;

use super::TenantStore;
use crate::ports::StoreError;
use crate::storage::database::Database;
use crate::storage::head;
use crate::storage::verify::begin_snapshot;
use crate::units::{EntryIndex, Hash, Id128, TreeSize};

const CONVERSATIONS: &str =
    "SELECT public_id, chain_n, chain_seq, chain_leaf FROM conversation WHERE tenant = $1 ORDER BY public_id";
/// Each conversation says where its subject's chain stood when it was touched last: the furthest is the end.
const SUBJECTS: &str = "SELECT DISTINCT ON (subject) subject, subject_n, subject_seq, subject_leaf FROM conversation \
    WHERE tenant = $1 ORDER BY subject, subject_n DESC";

impl TenantStore {
    /// The seal over the ends at the newest committed size.
    pub(super) async fn seal_ends(&self) -> Result<Seal, StoreError> {
        let gone = |_| StoreError::Unavailable { sqlstate: None };
        let database = Database::connect(&self.config, Some(self.log.tenant)).await.map_err(gone)?;
        begin_snapshot(&database.client).await.map_err(gone)?;
        let head = head::read(&database.client, self.log.tenant).await;
        let head = head.map_err(|_| StoreError::Corrupt { what: "the log's head" })?;
        let mut sealing = Sealing::begin(head.map_or(TreeSize(0), |head| head.size()));
        for (of, sql) in [(Chain::Conversation, CONVERSATIONS), (Chain::Subject, SUBJECTS)] {
            let tenant: &(dyn ToSql + Sync) = &self.log.tenant.0;
            let mut rows = pin!(database.client.query_raw(sql, [tenant]).await?);
            while let Some(row) = rows.try_next().await? {
                let corrupt = StoreError::Corrupt { what: "a chain's end" };
                let is_end = end(of, &row).is_some_and(|end| sealing.push(&end).is_ok());
                if !is_end {
                    return Err(corrupt);
                }
            }
        }
        Ok(sealing.finish())
    }
}

/// `None`: the row says what no recorder writes.
fn end(of: Chain, row: &Row) -> Option<ChainEnd> {
    let number = |at| u64::try_from(row.get::<_, i64>(at)).ok();
    let leaf = Hash(row.get::<_, &[u8]>(3).try_into().ok()?);
    let last = ChainPrev { leaf, seq: EntryIndex(number(2)?) };
    Some(ChainEnd { of, id: Id128(row.get::<_, Uuid>(0).into_bytes()), n: number(1)?, last })
}
