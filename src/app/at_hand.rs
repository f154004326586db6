//! The database for a command beside the server: the bank's own, the private one of the server that runs, or the private
//! one started for the occasion.

use super::AppError;
use super::config::Config;
use crate::storage::embedded::{EmbeddedOptions, EmbeddedPostgres};

/// Reaches the database as the server's role; a PostgreSQL that was started for it is to be stopped by the caller.
///
/// # Errors
/// [`AppError`] when it can't be started or its passwords can't be read.
pub async fn at_hand(
    config: &Config,
    progress: &(dyn Fn(&str) + Sync),
) -> Result<(Option<EmbeddedPostgres>, tokio_postgres::Config), AppError> {
    if let Some(database) = config.database()? {
        return Ok((None, database));
    }
    let options = private(config);
    if let Some(database) = EmbeddedPostgres::attach(&options)? {
        return Ok((None, database));
    }
    let embedded = EmbeddedPostgres::start(&options, &|line| progress(line)).await?;
    let database = embedded.app_config();
    Ok((Some(embedded), database))
}

/// Where the private PostgreSQL of a configuration lies.
pub(super) fn private(config: &Config) -> EmbeddedOptions {
    EmbeddedOptions {
        data_dir: config.data_dir.clone(),
        bin_dir: config.postgresql.bin_dir.clone(),
        secrets_dir: config.data_dir.join("database-secrets"),
    }
}
