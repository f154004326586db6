//! `lww db`: the schema of a database that the bank runs itself.

use std::path::PathBuf;

use clap::Subcommand;
use tokio_postgres::Config as Database;

use super::{CommandError, screen};
use crate::app::AppError;
use crate::crypto::database_tls;
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
        /// Root certificate of that server in PEM, for `sslmode=verify-full` in the connection string.
        #[arg(long, value_name = "FILE")]
        root_certificate: Option<PathBuf>,
    },
    /// Print the SQL that `migrate` would run, with the roles that it needs, for psql. Nothing is changed.
    ///
    /// With --url-from, what that database lacks; without it, everything for a new database.
    Plan {
        /// Environment variable that holds the owner's connection string.
        #[arg(long, value_name = "NAME")]
        url_from: Option<String>,
        /// The new database's name.
        #[arg(long, default_value = "lww", value_name = "NAME", value_parser = name, conflicts_with = "url_from")]
        database: String,
    },
}

/// Longest name that PostgreSQL keeps whole, in bytes.
const NAME_BYTES_MAX: usize = 63;

pub(super) async fn run(command: DbCommand) -> Result<(), CommandError> {
    match command {
        DbCommand::Migrate { url_from, root_certificate } => {
            if let Some(file) = root_certificate {
                database::trust(database_tls(&file).map_err(AppError::from)?);
            }
            database::migrate(&owner(&url_from)?).await.map_err(AppError::from)?;
            screen::line("the schema is up to date");
        }
        DbCommand::Plan { url_from, database } => {
            let owner = url_from.as_deref().map(owner).transpose()?;
            let plan = database::plan(owner.as_ref(), &database).await.map_err(AppError::from)?;
            screen::line(plan.sql.trim_end());
        }
    }
    Ok(())
}

/// The owner's connection string out of an environment variable.
pub(super) fn owner(url_from: &str) -> Result<Database, std::io::Error> {
    let url = std::env::var(url_from)
        .map_err(|_| std::io::Error::other(format!("the environment variable {url_from} is not set")))?;
    database::parse_url(&url)
        .map_err(|_| std::io::Error::other(format!("{url_from} does not hold a PostgreSQL connection string")))
}

fn name(text: &str) -> Result<String, String> {
    // A line break or backslash would be read by psql itself.
    let plain = text.chars().all(|character| !character.is_control() && character != '\\');
    if text.is_empty() || text.len() > NAME_BYTES_MAX || !plain {
        return Err(format!("expected 1 to {NAME_BYTES_MAX} bytes without control characters and backslashes"));
    }
    Ok(text.to_owned())
}
