//! Files that came with messages: what is told of one beside its message, and its sealed pieces.

use tokio_postgres::Row;

use super::TenantStore;
use crate::domain::file::{Fate, FileInfo, Format};
use crate::domain::message::Sealed;
use crate::ports::{FileRow, StoreError};
use crate::units::MessageId;

/// What is told of the file of a message `m`, in the column `file`: four numbers, or nothing where none came with it.
pub(super) const FILE: &str = "(SELECT ARRAY[f.format::bigint, f.bytes, f.fate::bigint, f.kept::integer::bigint] \
    FROM attachment f WHERE f.tenant = m.tenant AND f.message = m.id) AS file";

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
}
