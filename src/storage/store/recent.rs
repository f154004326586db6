//! What somebody's conversations said just before: rows that the masker learns from, and masks again.

use lww_audit::Entry;
use tokio_postgres::Row;
use uuid::Uuid;

use super::channel;
use super::files::info;
use crate::domain::message::Sealed;
use crate::domain::record::Written;
use crate::ports::{OriginalRow, StoreError};
use crate::units::{
    AccountId, ConversationId, ConversationKey, ConversationRef, EntryIndex, Hash, MessageId, MessageSeq, Timestamp,
};

/// A subject's newest messages and notes since an instant, all or those of some ids. Notes are masked with the same tail: a
/// number is not to be told in pieces by way of them.
pub(super) const RECENT: &str = "SELECT t.id, t.entry_seq, t.time, t.seq, t.direction, t.author, a.channel, a.account, t.original, t.masked, \
                     c.id, c.public_id, \
                     (SELECT ARRAY[f.format::bigint, f.bytes, f.fate::bigint, f.kept::integer::bigint] \
                         FROM attachment f WHERE f.tenant = $1 AND f.message = t.id) AS file FROM (SELECT id, public_id, channel FROM conversation \
                 WHERE tenant = $1 AND subject = $2 AND (touched_at >= $3 OR state <> 2) OFFSET 0) c \
             JOIN LATERAL ((SELECT m.entry_seq, m.id, m.time, m.seq, m.direction, m.author, m.channel, m.original, m.masked \
                     FROM message m WHERE m.tenant = $1 AND m.conversation = c.id AND m.time >= $3 \
                     AND ($5::uuid[] IS NULL OR m.id = ANY ($5)) ORDER BY m.seq DESC LIMIT $4) \
                 UNION ALL (SELECT n.entry_seq, n.id, n.time, NULL, NULL, n.author, c.channel, n.original, n.masked \
                     FROM note n WHERE n.tenant = $1 AND n.conversation = c.id AND n.time >= $3 \
                     AND ($5::uuid[] IS NULL OR n.id = ANY ($5)) ORDER BY n.entry_seq DESC LIMIT $4)) t ON true \
             JOIN channel_account a ON a.tenant = $1 AND a.id = t.channel ORDER BY t.entry_seq DESC LIMIT $4";

/// One of those rows.
pub(super) fn original(row: &Row) -> Result<OriginalRow, StoreError> {
    let seq = row.get::<_, Option<i32>>(3).map(MessageSeq);
    let outbound = row.get::<_, Option<i16>>(4) == Some(1);
    Ok(OriginalRow {
        conversation: place(row, 10),
        id: MessageId::from_uuid(row.get(0)),
        index: EntryIndex(u64::try_from(row.get::<_, i64>(1)).unwrap_or(0)),
        time: Timestamp::from_micros(row.get(2)),
        kind: seq.map_or(Written::Note, |seq| Written::Message { seq, outbound }),
        author: row.get::<_, Option<Uuid>>(5).map(AccountId::from_uuid),
        channel: channel(row.get(6), row.get(7))?,
        original: Sealed(row.get(8)),
        masked: Sealed(row.get(9)),
        file: info(row)?,
    })
}

/// The names of a conversation, of which the columns begin at `first`.
pub(super) fn place(row: &Row, first: usize) -> ConversationRef {
    ConversationRef { key: ConversationKey(row.get(first)), public: ConversationId::from_uuid(row.get(first + 1)) }
}

/// The newest entry that masked a message again.
pub(super) fn remasked(row: &Row, column: usize) -> Option<EntryIndex> {
    row.get::<_, Option<i64>>(column).map(|seq| EntryIndex(u64::try_from(seq).unwrap_or(0)))
}

/// The digest of the policy that an entry names.
pub(super) fn policy_of(entry: Option<&[u8]>) -> Option<Hash> {
    Entry::parse(entry?).ok()?.policy.map(|policy| policy.digest)
}
