//! Reads of what was said before by the places that entries name, of runs, and of drafts.

use async_trait::async_trait;
use tokio_postgres::Row;
use uuid::Uuid;

use super::TenantStore;
use super::recent::original;
use crate::domain::event::RunEnd;
use crate::domain::message::Sealed;
use crate::domain::record::RunKind;
use crate::ports::{DraftRow, HeldText, History, RunRow, StoreError, TextPlace, WrappedKey};
use crate::units::{AccountId, DraftId, EntryIndex, Hash, RunId, SubjectId, Timestamp, Version};

/// Each by its primary key; a note has no place of its own among messages.
const TEXTS: &str = "SELECT t.id, t.entry_seq, t.time, t.seq, t.direction, t.author, a.channel, a.account, t.original, t.masked, \
        c.id, c.public_id, c.subject, k.generation, k.epoch, k.wrapped, \
        r.queue, (SELECT ARRAY[f.format::bigint, f.bytes, f.fate::bigint, f.kept::integer::bigint] \
            FROM attachment f WHERE f.tenant = $1 AND f.message = t.id) AS file \
    FROM unnest($2::uuid[], $3::integer[], $4::bigint[]) w(conversation, seq, entry) \
    JOIN conversation c ON c.tenant = $1 AND c.public_id = w.conversation \
    JOIN LATERAL (SELECT m.entry_seq, m.id, m.time, m.seq, m.direction, m.author, m.channel, m.original, m.masked \
            FROM message m WHERE m.tenant = $1 AND m.conversation = c.id AND m.seq = w.seq AND m.entry_seq = w.entry \
        UNION ALL SELECT n.entry_seq, n.id, n.time, NULL, NULL, n.author, c.channel, n.original, n.masked \
            FROM note n WHERE n.tenant = $1 AND n.conversation = c.id AND n.entry_seq = w.entry AND w.seq = 0) t ON true \
    JOIN channel_account a ON a.tenant = $1 AND a.id = t.channel \
    LEFT JOIN LATERAL (SELECT generation, epoch, wrapped FROM data_key k WHERE k.tenant = $1 AND k.subject = c.subject \
        ORDER BY generation DESC LIMIT 1) k ON true \
    LEFT JOIN conversation_route r ON r.tenant = $1 AND r.conversation = c.id ORDER BY t.entry_seq";

#[async_trait]
impl History for TenantStore {
    async fn texts(&self, places: &[TextPlace]) -> Result<Vec<HeldText>, StoreError> {
        let conversations: Vec<Uuid> = places.iter().map(|place| place.conversation.to_uuid()).collect();
        let seqs: Vec<i32> = places.iter().map(|place| place.seq.map_or(0, |seq| seq.0)).collect();
        let entries: Vec<i64> = places.iter().map(|place| signed(place.index)).collect();
        self.rows(TEXTS, &[&conversations, &seqs, &entries]).await?.iter().map(held).collect()
    }

    async fn newest_run(&self, kind: RunKind) -> Result<Option<RunRow>, StoreError> {
        let sql = "SELECT id, digest, source, begun_by, begun_seq, begun_at, until_at, cursor_seq, masked, ended_how, ended_at \
                   FROM policy_run WHERE tenant = $1 AND kind = $2 ORDER BY begun_seq DESC LIMIT 1";
        self.row(sql, &[&kind.code()]).await?.map(|row| run(&row, kind)).transpose()
    }

    async fn remember(&self, id: RunId, cursor: EntryIndex) -> Result<(), StoreError> {
        let sql = "UPDATE policy_run SET cursor_seq = $3 WHERE tenant = $1 AND id = $2 AND cursor_seq < $3";
        self.rows(sql, &[&id.to_uuid(), &signed(cursor)]).await.map(drop)
    }

    async fn drafts(&self, limit: u32) -> Result<Vec<DraftRow>, StoreError> {
        let sql = "SELECT id, version, edited_by, edited_at, content FROM policy_draft WHERE tenant = $1 \
                   ORDER BY edited_seq DESC LIMIT $2";
        let draft = |row: &Row| DraftRow {
            id: DraftId::from_uuid(row.get(0)),
            version: Version(row.get(1)),
            by: AccountId::from_uuid(row.get(2)),
            time: Timestamp::from_micros(row.get(3)),
            content: Sealed(row.get(4)),
        };
        Ok(self.rows(sql, &[&i64::from(limit)]).await?.iter().map(draft).collect())
    }
}

fn held(row: &Row) -> Result<HeldText, StoreError> {
    let key = row.get::<_, Option<i32>>(13).map(|generation| WrappedKey {
        generation,
        epoch: row.get(14),
        wrapped: row.get(15),
    });
    Ok(HeldText { subject: SubjectId::from_uuid(row.get(12)), key, row: original(row)?, queue: row.get(16) })
}

fn run(row: &Row, kind: RunKind) -> Result<RunRow, StoreError> {
    let corrupt = StoreError::Corrupt { what: "run" };
    let digest = row.get::<_, &[u8]>(1).try_into().map(Hash).map_err(|_| corrupt)?;
    let unsigned = |column| u64::try_from(row.get::<_, i64>(column)).unwrap_or(0);
    let at = |column| row.get::<_, Option<i64>>(column).map(Timestamp::from_micros);
    Ok(RunRow {
        id: RunId::from_uuid(row.get(0)),
        kind,
        digest,
        source: row.get(2),
        begun: (AccountId::from_uuid(row.get(3)), EntryIndex(unsigned(4)), Timestamp::from_micros(row.get(5))),
        until: at(6),
        cursor: EntryIndex(unsigned(7)),
        masked: unsigned(8),
        ended: row.get::<_, Option<i16>>(9).and_then(RunEnd::from_code).zip(at(10)),
    })
}

fn signed(index: EntryIndex) -> i64 {
    i64::try_from(index.0).unwrap_or(i64::MAX)
}
