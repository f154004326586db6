//! How long a tenant's queue is, and how much its files take.

use tokio_postgres::Client;

/// Conversations that wait for an agent, of the tenant that the connection is bound to.
///
/// # Errors
/// PostgreSQL's.
pub async fn count_waiting(client: &Client) -> Result<i64, tokio_postgres::Error> {
    Ok(client.query_one("SELECT count(*) FROM conversation WHERE state = 0", &[]).await?.get(0))
}

/// Bytes of the files that are kept with messages, of the tenant that the connection is bound to.
///
/// # Errors
/// PostgreSQL's.
pub async fn attachment_bytes(client: &Client) -> Result<i64, tokio_postgres::Error> {
    let sql = "SELECT coalesce(sum(bytes), 0)::bigint FROM attachment WHERE kept";
    Ok(client.query_one(sql, &[]).await?.get(0))
}
