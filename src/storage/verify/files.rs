//! Files that came with messages, held against the entries that speak of them: what is told of each, and the file as it is kept.

use lww_audit::Entry;
use lww_audit::entry::{Detail, Tag, commitment};
use tokio_postgres::Row;
use uuid::Uuid;

use super::{Comparison, Difference, Gaps, field};
use crate::domain::file::{self, Fate, Format, Withheld};
use crate::domain::message::Sealed;
use crate::ports::SharedSealer;
use crate::units::{EntryIndex, MessageId};

/// The table.
pub(super) const FILE: &str = "attachment";
const KEPT: &str = "attachment.kept/1";

/// A file's row with whose it is; pieces are read apart.
const ROW: &str = "SELECT f.message, f.format, f.bytes, f.fate, f.kept, m.remask_seq IS NOT NULL, c.subject, k.generation, k.epoch, \
    k.wrapped FROM attachment f JOIN message m ON m.tenant = f.tenant AND m.entry_seq = f.entry_seq AND m.id = f.message \
    JOIN conversation c ON c.tenant = m.tenant AND c.id = m.conversation \
    LEFT JOIN data_key k ON k.tenant = c.tenant AND k.subject = c.subject \
    WHERE f.tenant = $1 AND f.entry_seq = $2 AND c.public_id = $3 ORDER BY k.generation DESC LIMIT 1";

impl Comparison<'_> {
    /// Compares the file that an entry speaks of; the entry of its message, if it speaks of one that is there.
    pub(super) async fn check_file(
        &self,
        index: EntryIndex,
        entry: &Entry,
        gaps: &mut Gaps,
    ) -> Result<Option<u64>, Difference> {
        if entry.kind.as_str() != KEPT {
            return Ok(None);
        }
        let differs = |what| Difference::Text { table: FILE, index, what };
        let conversation = entry.conversation.ok_or_else(|| differs("its entry names no conversation"))?;
        let of = index.0 + 1;
        let seq = i64::try_from(of).unwrap_or(i64::MAX);
        let own = Uuid::from_bytes(conversation.0);
        let Some(row) = self.client.query_opt(ROW, &[&self.log.tenant.0, &seq, &own]).await? else {
            gaps.missing.push((FILE, index));
            return Ok(None);
        };
        let committed = told(entry, &row).map_err(differs)?;
        // Whose key is gone was told with the message.
        if let Some(committed) = committed
            && super::keyless(&row, 6).is_none()
        {
            let sealer = self.sealer(&row, 6).map_err(|_| differs("its data key does not open"))?;
            self.check_pieces(MessageId::from_uuid(row.get(0)), &sealer, committed).await?.map_err(differs)?;
        }
        Ok(Some(of))
    }

    /// Holds the pieces of a file that is kept against the commitment to it.
    async fn check_pieces(
        &self,
        message: MessageId,
        sealer: &SharedSealer,
        committed: &str,
    ) -> Result<Result<(), &'static str>, Difference> {
        let sql = "SELECT sealed FROM attachment_piece WHERE tenant = $1 AND message = $2 ORDER BY number";
        let rows = self.client.query(sql, &[&self.log.tenant.0, &message.to_uuid()]).await?;
        let pieces: Vec<Sealed> = rows.iter().map(|row| Sealed(row.get(0))).collect();
        Ok(match file::open(&pieces, message, &**sealer) {
            Ok(opened)
                if commitment(opened.salt.as_bytes(), Tag::Sealed, &opened.plaintext).to_string() == committed =>
            {
                Ok(())
            }
            Ok(_) => Err("it is not what was committed to"),
            Err(_) => Err("it does not open"),
        })
    }
}

/// Compares what is told of a file; the commitment that what is kept of it has to open.
fn told<'e>(entry: &'e Entry, row: &Row) -> Result<Option<&'e str>, &'static str> {
    let word = |name| match field(entry, name) {
        Some(Detail::String(word)) => Some(word.as_str()),
        Some(_) | None => None,
    };
    if word("message") != Some(MessageId::from_uuid(row.get(0)).to_string().as_str()) {
        return Err("its message is another");
    }
    let (format, fate) = (Format::from_code(row.get(1)), Fate::from_code(row.get(3)));
    if word("format") != format.map(Format::word) || field(entry, "bytes") != Some(&Detail::Int(row.get(2))) {
        return Err("its format or size is another");
    }
    if word("fate") != fate.map(Fate::word) || word("reason") != fate.and_then(Fate::reason).map(Withheld::word) {
        return Err("what became of it is another");
    }
    let (kept, remasked) = (row.get::<_, bool>(4), row.get::<_, bool>(5));
    match (word("commit_file"), kept) {
        (committed, true) => committed.map(Some).ok_or("it is kept and its entry says that it isn't"),
        // What was told of the message later took it away.
        (Some(_), false) if !remasked => Err("it is not kept and its entry says that it is"),
        (_, false) => Ok(None),
    }
}
