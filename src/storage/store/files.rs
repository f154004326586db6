//! Files that came with messages: what is told of one beside its message, and its sealed pieces.

use std::collections::HashSet;

use lww_audit::Entry;
use tokio_postgres::Row;
use uuid::Uuid;

use super::TenantStore;
use crate::domain::file::{Fate, FileInfo, Format};
use crate::domain::message::Sealed;
use crate::ports::{FileRow, FileTold, ReceivedFile, StoreError};
use crate::units::{ConversationId, EntryIndex, MessageId, SubjectId};

/// What is told of the file of a message `m`, in the column `file`: four numbers, or nothing where none came with it.
pub(super) const FILE: &str = "(SELECT ARRAY[f.format::bigint, f.bytes, f.fate::bigint, f.kept::integer::bigint] \
    FROM attachment f WHERE f.tenant = m.tenant AND f.message = m.id) AS file";

/// A file's row with the entry of its own.
const RECEIVED: &str = "SELECT m.id, m.entry_seq, (SELECT e.body FROM ledger_entry e \
        WHERE e.tenant = $1 AND e.generation = $2 AND e.seq = m.entry_seq - 1), \
        (SELECT ARRAY[f.format::bigint, f.bytes, f.fate::bigint, f.kept::integer::bigint] \
            FROM attachment f WHERE f.tenant = $1 AND f.message = m.id) AS file \
    FROM (SELECT message AS id, entry_seq FROM attachment WHERE tenant = $1";

/// What a row tells of its message's file.
pub(super) fn info(row: &Row) -> Result<Option<FileInfo>, StoreError> {
    row.get::<_, Option<Vec<i64>>>("file").map(|numbers| read(&numbers)).transpose()
}

fn read(numbers: &[i64]) -> Result<FileInfo, StoreError> {
    let corrupt = || StoreError::Corrupt { what: "file" };
    let &[format, bytes, fate, kept] = numbers else { return Err(corrupt()) };
    Ok(FileInfo {
        format: i16::try_from(format).ok().and_then(Format::from_code).ok_or_else(corrupt)?,
        bytes: u64::try_from(bytes).map_err(|_| corrupt())?,
        fate: i16::try_from(fate).ok().and_then(Fate::from_code).ok_or_else(corrupt)?,
        kept: kept == 1,
    })
}

impl TenantStore {
    pub(super) async fn stored_file(&self, message: MessageId) -> Result<Option<FileRow>, StoreError> {
        let sql = format!("SELECT {FILE} FROM (SELECT $1::integer AS tenant, $2::uuid AS id) m");
        let id = message.to_uuid();
        let Some(info) = self.row(&sql, &[&id]).await?.as_ref().map(info).transpose()?.flatten() else {
            return Ok(None);
        };
        let sql = "SELECT sealed FROM attachment_piece WHERE tenant = $1 AND message = $2 ORDER BY number";
        let rows = if info.kept { self.rows(sql, &[&id]).await? } else { Vec::new() };
        Ok(Some(FileRow { info, pieces: rows.iter().map(|row| Sealed(row.get(0))).collect() }))
    }

    pub(super) async fn file_of(&self, message: MessageId) -> Result<Option<ReceivedFile>, StoreError> {
        let sql = format!("{RECEIVED} AND message = $3) m");
        let rows = self.rows(&sql, &[&self.generation(), &message.to_uuid()]).await?;
        Ok(self.received(&rows).await?.pop())
    }

    pub(super) async fn files_in_quarantine(
        &self,
        before: Option<EntryIndex>,
        limit: u32,
    ) -> Result<Vec<ReceivedFile>, StoreError> {
        let sql = format!(
            "{RECEIVED} AND fate >= 16 AND entry_seq - 1 < $3 ORDER BY entry_seq DESC LIMIT $4) m ORDER BY m.entry_seq DESC"
        );
        let before = before.map_or(i64::MAX, |before| i64::try_from(before.0).unwrap_or(i64::MAX));
        let rows = self.rows(&sql, &[&self.generation(), &before, &i64::from(limit)]).await?;
        self.received(&rows).await
    }

    /// What rows and their entries tell of files.
    async fn received(&self, rows: &[Row]) -> Result<Vec<ReceivedFile>, StoreError> {
        let files = rows.iter().map(one_received).collect::<Result<Vec<_>, _>>()?;
        let subjects: Vec<Uuid> =
            files.iter().filter_map(|file| file.told.map(|told| told.subject.to_uuid())).collect();
        // Who is erased has no key any more.
        let sql = "SELECT DISTINCT subject FROM data_key WHERE tenant = $1 AND subject = ANY ($2)";
        let known = self.rows(sql, &[&subjects]).await?;
        let known: HashSet<Uuid> = known.iter().map(|row| row.get(0)).collect();
        let with_erasure = |told: FileTold| FileTold { is_erased: !known.contains(&told.subject.to_uuid()), ..told };
        Ok(files.into_iter().map(|file| ReceivedFile { told: file.told.map(with_erasure), ..file }).collect())
    }
}

fn one_received(row: &Row) -> Result<ReceivedFile, StoreError> {
    let corrupt = || StoreError::Corrupt { what: "file" };
    let told = row.get::<_, Option<&[u8]>>(2).and_then(|body| Entry::parse(body).ok()).and_then(|entry| {
        let (conversation, subject) = (ConversationId(entry.conversation?), SubjectId(entry.subject?));
        Some(FileTold { time: entry.time, conversation, subject, is_erased: false })
    });
    let of = row.get::<_, i64>(1).checked_sub(1).and_then(|seq| u64::try_from(seq).ok()).ok_or_else(corrupt)?;
    let info = info(row)?.ok_or_else(corrupt)?;
    Ok(ReceivedFile { message: MessageId::from_uuid(row.get(0)), info, of: EntryIndex(of), told })
}
