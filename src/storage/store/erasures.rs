//! Reads about erased and held customers, and the exchange of the epoch that rows hang on.

use async_trait::async_trait;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Config, Row};
use uuid::Uuid;

use super::{CONVERSATION_COLUMNS, ROUTE_COLUMNS, TenantStore, conversation};
use crate::domain::event::{ErasureReason, HoldReason};
use crate::domain::record::ErasureState;
use crate::ports::{
    Act, EpochNeed, ErasureRow, Erasures, HoldRow, IdentityLookup, IndexedRow, RetiredEpoch, StoreError, SubjectRow,
    WrappedKey,
};
use crate::storage::database::{Database, DatabaseError};
use crate::units::{
    AccountId, ConversationKey, EntryIndex, ErasureId, Hash, HoldId, SubjectId, TenantId, Timestamp, Version,
};

const ERASURE_COLUMNS: &str = "id, subject, state, reason, at_once, version, proposed_by, proposed_seq, proposed_at, \
    decided_by, decided_seq, decided_at, epoch";
const HOLD_COLUMNS: &str =
    "id, subject, reason, version, placed_by, placed_seq, placed_at, released_by, released_seq, released_at";

#[async_trait]
impl Erasures for TenantStore {
    async fn subject(&self, id: SubjectId) -> Result<Option<SubjectRow>, StoreError> {
        let sql = format!(
            "SELECT {CONVERSATION_COLUMNS}, s.version, (SELECT count(*) FROM legal_hold h WHERE h.tenant = $1 AND h.subject = s.id \
                 AND h.released_seq IS NULL), {ROUTE_COLUMNS} FROM subject s \
             LEFT JOIN LATERAL (SELECT * FROM conversation c WHERE c.tenant = $1 AND c.subject = s.id AND c.state <> 2 LIMIT 1) c \
                 ON true \
             LEFT JOIN channel_account a ON a.tenant = $1 AND a.id = c.channel \
             LEFT JOIN conversation_route r ON r.tenant = $1 AND r.conversation = c.id \
             WHERE s.tenant = $1 AND s.id = $2"
        );
        let Some(row) = self.row(&sql, &[&id.to_uuid()]).await? else { return Ok(None) };
        let open = row.get::<_, Option<Uuid>>(0).map(|_| conversation(&row)).transpose()?;
        let holds = u32::try_from(row.get::<_, i64>(17)).unwrap_or(u32::MAX);
        Ok(Some(SubjectRow { version: Version(row.get(16)), holds, open }))
    }

    async fn conversations_of(&self, id: SubjectId) -> Result<Vec<ConversationKey>, StoreError> {
        let sql = "SELECT id FROM conversation WHERE tenant = $1 AND subject = $2";
        Ok(self.rows(sql, &[&id.to_uuid()]).await?.iter().map(|row| ConversationKey(row.get(0))).collect())
    }

    async fn erasure(&self, id: ErasureId) -> Result<Option<ErasureRow>, StoreError> {
        let sql = format!("SELECT {ERASURE_COLUMNS} FROM erasure WHERE tenant = $1 AND id = $2");
        self.row(&sql, &[&id.to_uuid()]).await?.as_ref().map(erasure).transpose()
    }

    async fn erasures(&self, limit: u32) -> Result<Vec<ErasureRow>, StoreError> {
        let sql = format!(
            "SELECT {ERASURE_COLUMNS} FROM erasure WHERE tenant = $1 ORDER BY tenant DESC, proposed_seq DESC LIMIT $2"
        );
        self.rows(&sql, &[&i64::from(limit)]).await?.iter().map(erasure).collect()
    }

    async fn hold(&self, id: HoldId) -> Result<Option<HoldRow>, StoreError> {
        let sql = format!("SELECT {HOLD_COLUMNS} FROM legal_hold WHERE tenant = $1 AND id = $2");
        self.row(&sql, &[&id.to_uuid()]).await?.as_ref().map(hold).transpose()
    }

    async fn holds(&self, limit: u32) -> Result<Vec<HoldRow>, StoreError> {
        let sql = format!(
            "SELECT {HOLD_COLUMNS} FROM legal_hold WHERE tenant = $1 ORDER BY tenant DESC, placed_seq DESC LIMIT $2"
        );
        self.rows(&sql, &[&i64::from(limit)]).await?.iter().map(hold).collect()
    }

    async fn erased(&self) -> Result<Vec<(SubjectId, EntryIndex)>, StoreError> {
        let sql = "SELECT subject, decided_seq FROM erasure WHERE tenant = $1 AND state = 2";
        let rows = self.rows(sql, &[]).await?;
        Ok(rows.iter().map(|row| (SubjectId::from_uuid(row.get(0)), entry(row.get(1)))).collect())
    }

    async fn data_keys_after(
        &self,
        after: Option<(SubjectId, i32)>,
        limit: u32,
    ) -> Result<Vec<(SubjectId, WrappedKey)>, StoreError> {
        let (subject, generation) =
            after.map_or((Uuid::nil(), 0), |(subject, generation)| (subject.to_uuid(), generation));
        let sql = "SELECT subject, generation, epoch, wrapped FROM data_key WHERE tenant = $1 \
                   AND (subject, generation) > ($2, $3) ORDER BY subject, generation LIMIT $4";
        let rows = self.rows(sql, &[&subject, &generation, &i64::from(limit)]).await?;
        Ok(rows.iter().map(|row| (SubjectId::from_uuid(row.get(0)), key(row, 1))).collect())
    }

    async fn rewrap(&self, changes: &[(SubjectId, WrappedKey, WrappedKey)]) -> Result<u64, StoreError> {
        let of = || changes.iter();
        let subjects: Vec<Uuid> = of().map(|(subject, ..)| subject.to_uuid()).collect();
        let generations: Vec<i32> = of().map(|(_, old, _)| old.generation).collect();
        let (old, was): (Vec<i32>, Vec<&[u8]>) = of().map(|(_, old, _)| (old.epoch, old.wrapped.as_slice())).unzip();
        let (new, is): (Vec<i32>, Vec<&[u8]>) = of().map(|(.., new)| (new.epoch, new.wrapped.as_slice())).unzip();
        let sql = "UPDATE data_key k SET epoch = u.newer, wrapped = u.becomes FROM unnest($2::uuid[], $3::integer[], $4::integer[], \
                   $5::bytea[], $6::integer[], $7::bytea[]) AS u(subject, generation, older, was, newer, becomes) \
                   WHERE k.tenant = $1 AND k.subject = u.subject AND k.generation = u.generation AND k.epoch = u.older \
                   AND k.wrapped = u.was";
        self.execute(sql, &[&subjects, &generations, &old, &was, &new, &is]).await
    }

    async fn indexed_before(&self, newest: i32, limit: u32) -> Result<Vec<IndexedRow>, StoreError> {
        let sql = "SELECT i.epoch, i.lookup, i.subject, i.sealed, k.generation, k.epoch, k.wrapped FROM identity i \
                   JOIN LATERAL (SELECT * FROM data_key k WHERE k.tenant = $1 AND k.subject = i.subject \
                       ORDER BY k.generation DESC LIMIT 1) k ON true \
                   WHERE i.tenant = $1 AND i.epoch < $2 AND i.sealed IS NOT NULL ORDER BY i.epoch, i.lookup LIMIT $3";
        let rows = self.rows(sql, &[&newest, &i64::from(limit)]).await?;
        let row = |row: &Row| {
            let hash = row.get::<_, &[u8]>(1).try_into().map_err(|_| StoreError::Corrupt { what: "identity" })?;
            let lookup = IdentityLookup { epoch: row.get(0), hash };
            Ok(IndexedRow { lookup, subject: SubjectId::from_uuid(row.get(2)), sealed: row.get(3), key: key(row, 4) })
        };
        rows.iter().map(row).collect()
    }

    async fn reindex(&self, changes: &[(IdentityLookup, IdentityLookup, Vec<u8>)]) -> Result<u64, StoreError> {
        let of = || changes.iter();
        let (old, was): (Vec<i32>, Vec<&[u8]>) = of().map(|(old, ..)| (old.epoch, old.hash.as_slice())).unzip();
        let (new, is): (Vec<i32>, Vec<&[u8]>) = of().map(|(_, new, _)| (new.epoch, new.hash.as_slice())).unzip();
        let sealed: Vec<&[u8]> = of().map(|(.., sealed)| sealed.as_slice()).collect();
        // One that is indexed already stays as it is: it is the one that is found.
        let sql = "UPDATE identity i SET epoch = u.newer, lookup = u.becomes, sealed = u.sealed FROM unnest($2::integer[], $3::bytea[], \
                   $4::integer[], $5::bytea[], $6::bytea[]) AS u(older, was, newer, becomes, sealed) \
                   WHERE i.tenant = $1 AND i.epoch = u.older AND i.lookup = u.was AND NOT EXISTS \
                   (SELECT FROM identity x WHERE x.tenant = $1 AND x.epoch = u.newer AND x.lookup = u.becomes)";
        self.execute(sql, &[&old, &was, &new, &is, &sealed]).await
    }

    async fn newest_epoch_used(&self) -> Result<Option<i32>, StoreError> {
        let sql = "SELECT epoch FROM identity WHERE tenant = $1 ORDER BY tenant DESC, epoch DESC LIMIT 1";
        Ok(self.row(sql, &[]).await?.map(|row| row.get(0)))
    }

    async fn hangs_on(&self, epoch: i32) -> Result<bool, StoreError> {
        let sql = "SELECT EXISTS (SELECT FROM data_key WHERE tenant = $1 AND epoch <= $2)";
        let row = self.row(sql, &[&epoch]).await?;
        Ok(row.is_none_or(|row| row.get(0)))
    }

    async fn keys_before(&self, newest: i32) -> Result<u64, StoreError> {
        let sql = "SELECT count(*) FROM data_key WHERE tenant = $1 AND epoch < $2";
        let row = self.row(sql, &[&newest]).await?;
        Ok(row.map_or(0, |row| u64::try_from(row.get::<_, i64>(0)).unwrap_or(0)))
    }

    async fn retired_epochs(&self) -> Result<Vec<RetiredEpoch>, StoreError> {
        let sql = "SELECT epoch, fingerprint, retired_seq, retired_at, destroyed_seq, destroyed_at FROM retired_epoch \
                   WHERE tenant = $1 ORDER BY epoch";
        self.rows(sql, &[]).await?.iter().map(retired).collect()
    }

    async fn epoch_need(&self, epoch: i32) -> Result<EpochNeed, StoreError> {
        let sql = "SELECT min(decided_at) FILTER (WHERE epoch = $2), coalesce(bool_or(at_once), false) FROM erasure \
                   WHERE tenant = $1 AND state = 2 AND epoch >= $2";
        let row = self.row(sql, &[&epoch]).await?;
        Ok(row.map_or_else(EpochNeed::default, |row| EpochNeed {
            since: row.get::<_, Option<i64>>(0).map(Timestamp::from_micros),
            at_once: row.get(1),
        }))
    }
}

/// One epoch that nothing of a tenant hangs on, read by a connection of its own: also of a tenant that is not served.
///
/// # Errors
/// [`DatabaseError`] when the database can't be read; a row that can't be read counts as missing.
pub async fn retired_epoch(
    config: &Config,
    tenant: TenantId,
    epoch: i32,
) -> Result<Option<RetiredEpoch>, DatabaseError> {
    let database = Database::connect(config, Some(tenant)).await?;
    let sql = "SELECT epoch, fingerprint, retired_seq, retired_at, destroyed_seq, destroyed_at FROM retired_epoch \
               WHERE tenant = $1 AND epoch = $2 AND NOT EXISTS (SELECT FROM data_key WHERE tenant = $1 AND epoch <= $2)";
    let row = database.client.query_opt(sql, &[&tenant.0, &epoch]).await?;
    Ok(row.and_then(|row| retired(&row).ok()))
}

impl TenantStore {
    async fn execute(&self, sql: &str, own: &[&(dyn ToSql + Sync)]) -> Result<u64, StoreError> {
        let database = self.database().await?;
        let statement = database.prepared(sql).await?;
        let tenant: &(dyn ToSql + Sync) = &self.log.tenant.0;
        let parameters: Vec<_> = std::iter::once(tenant).chain(own.iter().copied()).collect();
        Ok(database.client.execute(&statement, &parameters).await?)
    }
}

fn retired(row: &Row) -> Result<RetiredEpoch, StoreError> {
    let fingerprint = row.get::<_, &[u8]>(1).try_into().map_err(|_| StoreError::Corrupt { what: "fingerprint" })?;
    let destroyed = row.get::<_, Option<i64>>(4).zip(row.get::<_, Option<i64>>(5));
    Ok(RetiredEpoch {
        epoch: row.get(0),
        fingerprint: Hash(fingerprint),
        retired: (entry(row.get(2)), Timestamp::from_micros(row.get(3))),
        destroyed: destroyed.map(|(index, time)| (entry(index), Timestamp::from_micros(time))),
    })
}

fn key(row: &Row, first: usize) -> WrappedKey {
    WrappedKey { generation: row.get(first), epoch: row.get(first + 1), wrapped: row.get(first + 2) }
}

fn entry(index: i64) -> EntryIndex {
    EntryIndex(u64::try_from(index).unwrap_or(0))
}

/// Who did something, by which entry and when; the columns begin at `first`.
fn act(row: &Row, first: usize) -> Option<Act> {
    let by = AccountId::from_uuid(row.get::<_, Option<Uuid>>(first)?);
    let (index, time) = (row.get::<_, Option<i64>>(first + 1)?, row.get::<_, Option<i64>>(first + 2)?);
    Some(Act { by, index: entry(index), time: Timestamp::from_micros(time) })
}

fn erasure(row: &Row) -> Result<ErasureRow, StoreError> {
    let corrupt = || StoreError::Corrupt { what: "erasure" };
    Ok(ErasureRow {
        id: ErasureId::from_uuid(row.get(0)),
        subject: SubjectId::from_uuid(row.get(1)),
        state: ErasureState::from_code(row.get(2)).ok_or_else(corrupt)?,
        reason: ErasureReason::from_code(row.get(3)).ok_or_else(corrupt)?,
        at_once: row.get(4),
        version: Version(row.get(5)),
        proposed: act(row, 6).ok_or_else(corrupt)?,
        decided: act(row, 9),
        epoch: row.get(12),
    })
}

fn hold(row: &Row) -> Result<HoldRow, StoreError> {
    let corrupt = || StoreError::Corrupt { what: "legal hold" };
    Ok(HoldRow {
        id: HoldId::from_uuid(row.get(0)),
        subject: SubjectId::from_uuid(row.get(1)),
        reason: HoldReason::from_code(row.get(2)).ok_or_else(corrupt)?,
        version: Version(row.get(3)),
        placed: act(row, 4).ok_or_else(corrupt)?,
        released: act(row, 7),
    })
}
