//! `lww admin`: orders to the server that runs, each recorded by it.

use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use clap::Subcommand;

use super::{CommandError, Place, screen};
use crate::app::{Order, ask};

/// Accounts.
#[derive(Subcommand)]
pub enum AdminCommand {
    /// Make a staff account with a one-time password, shown once. It must be changed at the first login.
    Create {
        /// The login.
        #[arg(long)]
        login: String,
        /// The name on screens; the login when not given.
        #[arg(long)]
        name: Option<String>,
        /// agent, supervisor, compliance, auditor or admin.
        #[arg(long)]
        role: String,
        /// Most conversations at a time, for agents; the tenant's default when not given.
        #[arg(long)]
        capacity: Option<i32>,
        /// Skills and groups of an agent, with commas between them; words of the active routing table.
        #[arg(long, value_delimiter = ',')]
        skills: Vec<String>,
        /// The tenant.
        #[arg(long, default_value = "demo")]
        tenant: String,
        #[command(flatten)]
        place: Place,
    },
    /// Set what an agent can do: skills and groups of the active routing table, instead of those before.
    Skills {
        /// The login.
        #[arg(long)]
        login: String,
        /// Skills and groups, with commas between them; none when not given.
        #[arg(long, value_delimiter = ',')]
        skills: Vec<String>,
        /// The tenant.
        #[arg(long, default_value = "demo")]
        tenant: String,
        #[command(flatten)]
        place: Place,
    },
    /// Let a locked account log in again.
    Unlock {
        /// The login.
        #[arg(long, default_value = "admin")]
        login: String,
        /// The tenant.
        #[arg(long, default_value = "demo")]
        tenant: String,
        #[command(flatten)]
        place: Place,
    },
    /// Take away the second factor of somebody who lost theirs. Every session of the account ends.
    RemoveSecondFactor {
        /// The login.
        #[arg(long)]
        login: String,
        /// The tenant.
        #[arg(long, default_value = "demo")]
        tenant: String,
        #[command(flatten)]
        place: Place,
    },
    /// Make the accounts of a CSV file with the columns login, name, role and perhaps capacity: all, or none when a line
    /// can't be taken. The one-time passwords go into a new file that you alone can read.
    Import {
        /// The CSV file, in UTF-8.
        #[arg(long)]
        file: PathBuf,
        /// Where the one-time passwords go; the file must not be there yet.
        #[arg(long, value_name = "FILE")]
        passwords: PathBuf,
        /// The tenant.
        #[arg(long, default_value = "demo")]
        tenant: String,
        #[command(flatten)]
        place: Place,
    },
    /// Set a one-time password, shown once. Every session of the account ends. An administrator that is not there is made.
    Reset {
        /// The login.
        #[arg(long, default_value = "admin")]
        login: String,
        /// The tenant.
        #[arg(long, default_value = "demo")]
        tenant: String,
        #[command(flatten)]
        place: Place,
    },
}

pub(super) async fn admin(command: AdminCommand) -> Result<(), CommandError> {
    let (place, login, order) = match command {
        AdminCommand::Create { login, name, role, capacity, skills, tenant, place } => {
            let name = name.unwrap_or_else(|| login.clone());
            (place, login.clone(), Order::CreateAccount { tenant, login, name, role, capacity, skills })
        }
        AdminCommand::Skills { login, skills, tenant, place } => {
            let order = Order::SetSkills { tenant, login: login.clone(), skills };
            let set = ask(&place.load()?.data_dir, &order).await?;
            screen::line(&format!("{login} can: {set}"));
            return Ok(());
        }
        AdminCommand::Reset { login, tenant, place } => (place, login.clone(), Order::ResetAccount { tenant, login }),
        AdminCommand::Unlock { login, tenant, place } => {
            ask(&place.load()?.data_dir, &Order::UnlockAccount { tenant, login: login.clone() }).await?;
            screen::line(&format!("{login} may log in again. This is recorded in the ledger."));
            return Ok(());
        }
        AdminCommand::RemoveSecondFactor { login, tenant, place } => {
            ask(&place.load()?.data_dir, &Order::RemoveFactor { tenant, login: login.clone() }).await?;
            screen::line(&format!("{login} has no second factor any more. This is recorded in the ledger."));
            return Ok(());
        }
        AdminCommand::Import { file, passwords, tenant, place } => {
            return import(&place.load()?.data_dir, &file, &passwords, tenant).await;
        }
    };
    let password = ask(&place.load()?.data_dir, &order).await?;
    screen::line(&format!("one-time password of {login}: {password}"));
    screen::line("It must be changed at the next login. This is recorded in the ledger.");
    Ok(())
}

/// The passwords' file is made first: accounts whose passwords nobody has would be of no use.
async fn import(data_dir: &Path, file: &Path, passwords: &Path, tenant: String) -> Result<(), CommandError> {
    let order = Order::ImportAccounts { tenant, file: read(file)? };
    let mut options = std::fs::OpenOptions::new();
    let mut kept = options.write(true).create_new(true).mode(0o600).open(passwords);
    let kept = kept.as_mut().map_err(|error| named(passwords, &error.to_string()))?;
    match ask(data_dir, &order).await {
        Ok(text) => {
            kept.write_all(text.as_bytes()).and_then(|()| kept.sync_all())?;
            let accounts = text.lines().count().saturating_sub(1);
            screen::line(&format!("{accounts} accounts made, one-time passwords in {}", passwords.display()));
            screen::line("Each must be changed at the first login. This is recorded in the ledger.");
            Ok(())
        }
        Err(error) => {
            std::fs::remove_file(passwords)?;
            Err(error.into())
        }
    }
}

pub(super) fn read(file: &Path) -> Result<String, std::io::Error> {
    std::fs::read_to_string(file).map_err(|error| named(file, &error.to_string()))
}

pub(super) fn named(file: &Path, reason: &str) -> std::io::Error {
    std::io::Error::other(format!("{}: {reason}", file.display()))
}
