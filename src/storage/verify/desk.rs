//! What staff write among themselves, held against the entries that speak of it.

use lww_audit::Entry;
use lww_audit::entry::Detail;
use uuid::Uuid;

use super::{Comparison, Difference, check_content, field};
use crate::units::{EntryIndex, MessageId};

pub(super) const NOTE: &str = "note";
const NOTED: &str = "conversation.noted/1";

impl Comparison<'_> {
    /// Compares the note that an entry speaks of; whether it speaks of one.
    pub(super) async fn check_note(&self, index: EntryIndex, entry: &Entry) -> Result<bool, Difference> {
        let differs = |what| Difference::Text { table: NOTE, index, what };
        if entry.kind.as_str() != NOTED {
            return Ok(false);
        }
        let Some(Detail::String(note)) = field(entry, "note") else {
            return Err(differs("its entry names none"));
        };
        let sql = "SELECT n.id, n.original, n.masked, n.author, n.time, c.subject, k.generation, k.epoch, k.wrapped FROM note n \
                   JOIN conversation c ON c.tenant = n.tenant AND c.id = n.conversation \
                   JOIN data_key k ON k.tenant = c.tenant AND k.subject = c.subject \
                   WHERE n.tenant = $1 AND n.entry_seq = $2 AND c.public_id = $3 ORDER BY k.generation DESC LIMIT 1";
        let conversation = entry.conversation.ok_or_else(|| differs("its entry names no conversation"))?;
        let seq = i64::try_from(index.0).unwrap_or(i64::MAX);
        let found = self.client.query_opt(sql, &[&self.log.tenant.0, &seq, &Uuid::from_bytes(conversation.0)]).await?;
        let row = found.ok_or_else(|| differs("it is missing"))?;
        let id = MessageId::from_uuid(row.get(0));
        if id.to_string() != *note {
            return Err(differs("its id is another one's"));
        }
        if row.get::<_, Uuid>(3) != Uuid::from_bytes(entry.actor.id.0) {
            return Err(differs("its author is another"));
        }
        if row.get::<_, i64>(4) != entry.time.as_micros() {
            return Err(differs("its time is not its entry's"));
        }
        let sealer = self.sealer(&row, 5).map_err(|_| differs("its data key does not open"))?;
        check_content(entry, &sealer, id, (row.get(1), row.get(2))).map_err(differs)?;
        Ok(true)
    }
}
