//! Entries, what is said by those who committed to it, and the rules that it was masked by: for evidence packages.

use async_trait::async_trait;
use tokio_postgres::Row;
use uuid::Uuid;

use super::{TenantStore, after};
use crate::domain::message::{Committed, Sealed};
use crate::ports::{Entries, EntriesError, StoreError, TextRow};
use crate::storage::head;
use crate::units::{ConversationId, EntryIndex, Hash, MessageId};

/// Messages and notes of conversations to which one of some entries committed last. An entry whose text was masked again since
/// has none: what it committed to is not kept.
const TEXTS: &str = "SELECT t.id, coalesce(t.remask_seq, t.entry_seq), t.masked \
    FROM (SELECT id FROM conversation WHERE tenant = $1 AND public_id = ANY ($2) OFFSET 0) c \
    JOIN LATERAL (SELECT m.id, m.entry_seq, m.remask_seq, m.masked FROM message m \
            WHERE m.tenant = $1 AND m.conversation = c.id \
        UNION ALL SELECT n.id, n.entry_seq, n.remask_seq, n.masked FROM note n \
            WHERE n.tenant = $1 AND n.conversation = c.id) t ON coalesce(t.remask_seq, t.entry_seq) = ANY ($3)";

impl TenantStore {
    pub(super) async fn texts_of(
        &self,
        conversations: &[ConversationId],
        entries: &[EntryIndex],
        committed: Committed,
    ) -> Result<Vec<TextRow>, StoreError> {
        let conversations: Vec<Uuid> = conversations.iter().map(|id| id.to_uuid()).collect();
        let entries: Vec<i64> = entries.iter().map(|index| after(Some(*index))).collect();
        let text = |row: &Row| TextRow {
            id: MessageId::from_uuid(row.get(0)),
            index: EntryIndex(u64::try_from(row.get::<_, i64>(1)).unwrap_or(0)),
            masked: Sealed(row.get(2)),
            committed,
        };
        Ok(self.rows(TEXTS, &[&conversations, &entries]).await?.iter().map(text).collect())
    }

    pub(super) async fn recorded_under(&self, keys: &[[u8; 16]]) -> Result<Vec<([u8; 16], EntryIndex)>, StoreError> {
        let wanted: Vec<&[u8]> = keys.iter().map(<[u8; 16]>::as_slice).collect();
        let rows = self.rows("SELECT key, seq FROM dedup WHERE tenant = $1 AND key = ANY ($2)", &[&wanted]).await?;
        let read = |row: &Row| {
            let key = row.get::<_, &[u8]>(0).try_into().map_err(|_| StoreError::Corrupt { what: "key" })?;
            Ok((key, EntryIndex(u64::try_from(row.get::<_, i64>(1)).unwrap_or(0))))
        };
        rows.iter().map(read).collect()
    }

    pub(super) async fn policy_texts(&self) -> Result<Vec<(Hash, String)>, StoreError> {
        let rows = self.rows("SELECT digest, source FROM policy WHERE tenant = $1 ORDER BY digest", &[]).await?;
        let read = |row: &Row| {
            let digest = row.get::<_, &[u8]>(0).try_into().map_err(|_| StoreError::Corrupt { what: "digest" })?;
            Ok((Hash(digest), row.get(1)))
        };
        rows.iter().map(read).collect()
    }
}

#[async_trait]
impl Entries for TenantStore {
    async fn entries(&self, from: EntryIndex, limit: u32) -> Result<Vec<Vec<u8>>, EntriesError> {
        let database = self.database().await.map_err(|_| EntriesError::Unavailable)?;
        Ok(head::entries(&database.client, &self.log, from, i64::from(limit)).await?)
    }
}
