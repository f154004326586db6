//! What staff write among themselves, held against the entries that speak of it.

use std::collections::HashMap;

use lww_audit::Entry;
use lww_audit::entry::Detail;
use tokio_postgres::Row;
use uuid::Uuid;

use super::lost::Lost;
use super::{Comparison, Difference, Gaps, check_content, field, remasked};
use crate::units::{EntryIndex, MessageId, TreeSize};

pub(super) const NOTE: &str = "note";
const REPLY: &str = "canned_reply";
pub(in super::super) const REPLY_SAVED: &str = "reply.saved/1";
const REPLY_REMOVED: &str = "reply.removed/1";
const NOTED: &str = "conversation.noted/1";

impl Comparison<'_> {
    /// Compares the note that an entry speaks of; whether it speaks of one.
    pub(super) async fn check_note(
        &self,
        index: EntryIndex,
        entry: &Entry,
        gaps: &mut Gaps,
    ) -> Result<bool, Difference> {
        let differs = |what| Difference::Text { table: NOTE, index, what };
        if entry.kind.as_str() != NOTED {
            return Ok(false);
        }
        let Some(Detail::String(note)) = field(entry, "note") else {
            return Err(differs("its entry names none"));
        };
        let sql = format!(
            "SELECT n.id, n.original, n.masked, n.author, n.time, c.subject, k.generation, k.epoch, k.wrapped, {BY} FROM note n \
                   JOIN conversation c ON c.tenant = n.tenant AND c.id = n.conversation \
                   LEFT JOIN data_key k ON k.tenant = c.tenant AND k.subject = c.subject \
                   WHERE n.tenant = $1 AND n.entry_seq = $2 AND c.public_id = $3 ORDER BY k.generation DESC LIMIT 1",
            BY = remasked::by("n", "$4")
        );
        let conversation = entry.conversation.ok_or_else(|| differs("its entry names no conversation"))?;
        let seq = i64::try_from(index.0).unwrap_or(i64::MAX);
        let generation = i32::try_from(self.log.generation).unwrap_or(i32::MAX);
        let conversation = Uuid::from_bytes(conversation.0);
        let found = self.client.query_opt(&sql, &[&self.log.tenant.0, &seq, &conversation, &generation]).await?;
        let Some(row) = found else {
            gaps.missing.push((NOTE, index));
            return Ok(false);
        };
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
        if let Some(whose) = super::keyless(&row, 5) {
            gaps.keyless.push((whose, NOTE, index));
            return Ok(true);
        }
        let sealer = self.sealer(&row, 5).map_err(|_| differs("its data key does not open"))?;
        let newest = remasked::newest(index, id, row.get(9), row.get(10)).map_err(differs)?;
        check_content(newest.as_ref().unwrap_or(entry), &sealer, id, (row.get(1), row.get(2))).map_err(differs)?;
        Ok(true)
    }

    /// Compares every canned reply with the newest entry about it; rows that are newer than what was gone through are held
    /// against the entry that they name.
    pub(super) async fn check_replies(
        &self,
        size: TreeSize,
        mut spoken: HashMap<String, (EntryIndex, Entry)>,
        lost: &Lost,
    ) -> Result<(), Difference> {
        let sql = "SELECT r.id, r.original, r.masked, r.author, r.time, r.version, r.removed, r.entry_seq, e.body FROM canned_reply r \
                   LEFT JOIN ledger_entry e ON e.tenant = r.tenant AND e.generation = $2 AND e.seq = r.entry_seq WHERE r.tenant = $1";
        let generation = i32::try_from(self.log.generation).unwrap_or(i32::MAX);
        for row in self.client.query(sql, &[&self.log.tenant.0, &generation]).await? {
            let seq: i64 = row.get(7);
            let extra = || Difference::Extra { table: REPLY, index: seq };
            let index = u64::try_from(seq).map(EntryIndex).map_err(|_| extra())?;
            let known = spoken.remove(&MessageId::from_uuid(row.get(0)).to_string());
            let entry = match (known, row.get::<_, Option<&[u8]>>(8)) {
                (Some((_, entry)), _) if entry.seq == index => entry,
                (_, Some(body)) if index.0 >= size.0 => Entry::parse(body)?,
                (Some(_), _) => {
                    return Err(Difference::Text { table: REPLY, index, what: "another entry speaks of it" });
                }
                (None, _) => return Err(extra()),
            };
            self.check_reply(&row, &entry).map_err(|what| Difference::Text { table: REPLY, index, what })?;
        }
        let undeclared = spoken.into_values().map(|(index, _)| index).filter(|index| !lost.holds(index.0));
        match undeclared.min() {
            Some(index) => Err(Difference::Text { table: REPLY, index, what: "it is missing" }),
            None => Ok(()),
        }
    }

    fn check_reply(&self, row: &Row, entry: &Entry) -> Result<(), &'static str> {
        let id = MessageId::from_uuid(row.get(0));
        if reply_of(entry) != Some(id.to_string()) {
            return Err("its id is another one's");
        }
        if field(entry, "version") != Some(&Detail::Int(row.get(5))) {
            return Err("its version is another");
        }
        if row.get::<_, Uuid>(3) != Uuid::from_bytes(entry.actor.id.0) {
            return Err("its author is another");
        }
        if row.get::<_, i64>(4) != entry.time.as_micros() {
            return Err("its time is not its entry's");
        }
        let (removed, original, masked) = (row.get::<_, bool>(6), row.get::<_, Vec<u8>>(1), row.get::<_, Vec<u8>>(2));
        if removed != (entry.kind.as_str() == REPLY_REMOVED) {
            return Err("whether it was taken away is not what its entry says");
        }
        if removed {
            return if original.is_empty() && masked.is_empty() {
                Ok(())
            } else {
                Err("it was taken away and has a text")
            };
        }
        check_content(entry, &self.vault.house_sealer(), id, (original, masked))
    }
}

/// The canned reply that an entry writes or takes away.
pub(in super::super) fn reply_of(entry: &Entry) -> Option<String> {
    if !matches!(entry.kind.as_str(), REPLY_SAVED | REPLY_REMOVED) {
        return None;
    }
    match field(entry, "reply") {
        Some(Detail::String(id)) => Some(id.clone()),
        Some(_) | None => None,
    }
}
