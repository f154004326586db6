//! `lww db`: the schema of a database that the bank runs itself.

use clap::Subcommand;
use tokio_postgres::Config as Database;

use super::{CommandError, screen};
use crate::app::AppError;
use crate::storage::database;

/// The database's schema.
#[derive(Subcommand)]
pub enum DbCommand {
    /// Bring the schema up to this version, as the role that owns it.
    ///
    /// The server itself runs as the role `lww_app`, which must exist and may own nothing: CREATE ROLE `lww_app` LOGIN
    /// PASSWORD '…'. The embedded database is migrated by `lww run` itself.
    Migrate {
        /// Environment variable that holds the owner's connection string, so that no password stands in a command line.
        #[arg(long, default_value = "LWW_OWNER_URL", value_name = "NAME")]
        url_from: String,
    },
}

pub(super) async fn run(command: DbCommand) -> Result<(), CommandError> {
    let DbCommand::Migrate { url_from } = command;
    let url = std::env::var(&url_from)
        .map_err(|_| std::io::Error::other(format!("the environment variable {url_from} is not set")))?;
    let owner: Database = url
        .parse()
        .map_err(|_| std::io::Error::other(format!("{url_from} does not hold a PostgreSQL connection string")))?;
    database::migrate(&owner).await.map_err(AppError::from)?;
    screen::line("the schema is up to date");
    Ok(())
}
