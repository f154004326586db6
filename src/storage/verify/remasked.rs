//! What was masked again, held against the newest entry that says so: only that one's commitments open what is stored.

use std::collections::HashMap;

use lww_audit::Entry;
use lww_audit::entry::Detail;

use super::{Comparison, Difference, field};
use crate::units::{EntryIndex, MessageId, TreeSize};

const REMASKED: &str = "message.remasked/1";

/// The columns of a row that name the entry which masked it again, and hold its bytes.
pub(super) fn by(row: &str, generation: &str) -> String {
    format!(
        "{row}.remask_seq, (SELECT e.body FROM ledger_entry e WHERE e.tenant = {row}.tenant AND e.generation = {generation} \
         AND e.seq = {row}.remask_seq)"
    )
}

/// The entry whose message or note an entry says was masked again.
pub(super) fn of(entry: &Entry) -> Option<u64> {
    match field(entry, "of") {
        Some(Detail::Int(of)) if entry.kind.as_str() == REMASKED => u64::try_from(*of).ok(),
        Some(_) | None => None,
    }
}

/// The entry that speaks of a row's content, when its own does not; the error says what differs.
pub(super) fn newest(
    index: EntryIndex,
    id: MessageId,
    seq: Option<i64>,
    body: Option<&[u8]>,
) -> Result<Option<Entry>, &'static str> {
    let Some(seq) = seq else { return Ok(None) };
    let missing = "the entry that masked it again is not in the log";
    let entry = Entry::parse(body.ok_or(missing)?).map_err(|_| missing)?;
    let speaks = u64::try_from(seq) == Ok(entry.seq.0)
        && of(&entry) == Some(index.0)
        && field(&entry, "message") == Some(&Detail::String(id.to_string()));
    if speaks { Ok(Some(entry)) } else { Err("the entry that masked it again speaks of another") }
}

impl Comparison<'_> {
    /// Finds what is stored as it was before an entry masked it again, and what is said to be masked again by none; rows that
    /// are newer than what was gone through were held against the entry that they name.
    pub(super) async fn check_remasked(&self, size: TreeSize, mut spoken: HashMap<u64, u64>) -> Result<(), Difference> {
        for table in [super::MESSAGE, super::desk::NOTE] {
            let sql = format!("SELECT entry_seq, remask_seq FROM {table} WHERE tenant = $1 AND remask_seq IS NOT NULL");
            for row in self.client.query(&sql, &[&self.log.tenant.0]).await? {
                let unsigned = |column| u64::try_from(row.get::<_, i64>(column)).unwrap_or(u64::MAX);
                let (index, by) = (unsigned(0), unsigned(1));
                let known = spoken.remove(&index);
                if known != Some(by) && by < size.0 {
                    let (index, what) = (EntryIndex(index), "it is not as the newest entry masked it");
                    return Err(Difference::Text { table, index, what });
                }
            }
        }
        match spoken.into_keys().min() {
            Some(index) => {
                let what = "it was masked again and is stored as it was before";
                Err(Difference::Text { table: super::MESSAGE, index: EntryIndex(index), what })
            }
            None => Ok(()),
        }
    }
}
