//! How long a tenant's queue is.

use tokio_postgres::Client;

/// Conversations that wait for an agent, of the tenant that the connection is bound to.
///
/// # Errors
/// PostgreSQL's.
pub async fn count_waiting(client: &Client) -> Result<i64, tokio_postgres::Error> {
    Ok(client.query_one("SELECT count(*) FROM conversation WHERE state = 0", &[]).await?.get(0))
}
