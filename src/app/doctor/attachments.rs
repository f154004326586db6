//! How much the files take that are kept with messages: they lie in PostgreSQL, so that every backup and restore moves them.

use tokio_postgres::Client;

use super::{Check, Said, said};
use crate::storage::database::DatabaseError;
use crate::storage::waiting::attachment_bytes;
use crate::units::TenantId;

const CODE: &str = "attachments.size";
const GIB: i64 = 1024 * 1024 * 1024;
/// From how much on a backup takes hours rather than minutes.
const BYTES_WARN: i64 = 50 * GIB;

/// Sums the files of all tenants up and judges that.
pub(super) async fn examine(client: &Client) -> Check {
    match sum(client).await {
        Ok(bytes) => judge(bytes),
        Err(error) => Check::skipped(CODE, said(error.to_string(), format!("无法读取：{error}"))),
    }
}

async fn sum(client: &Client) -> Result<i64, DatabaseError> {
    let mut bytes = 0_i64;
    for row in client.query("SELECT id FROM tenant ORDER BY id", &[]).await? {
        let tenant = TenantId(row.get(0));
        client.batch_execute(&format!("SET app.tenant = '{tenant}'")).await?;
        bytes = bytes.saturating_add(attachment_bytes(client).await?);
    }
    Ok(bytes)
}

/// Judges how much they take.
pub(super) fn judge(bytes: i64) -> Check {
    let mib = bytes / (1024 * 1024);
    let found = said(format!("files with messages take {mib} MiB"), format!("消息附件共占 {mib} MiB"));
    if bytes < BYTES_WARN { Check::ok(CODE, found) } else { Check::warn(CODE, found, change()) }
}

fn change() -> Said {
    said(
        "see that backups end in time and that the database's disk has room for twice as much; a smaller attachments.bytes_max \
         takes less from now on",
        "确认备份能按时完成，且数据库磁盘尚余一倍空间；调小 attachments.bytes_max 可减少今后的占用",
    )
}
