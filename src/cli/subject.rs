//! `lww subject`: erasing customers and holding them, as a member of staff; and `lww keys`, as the operator.
//!
//! What takes two people takes two logins here as well: this is the API's client, and decides nothing.

use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Subcommand;
use serde_json::{Value, json};

use super::client::Client;
use super::person::{Person, PersonError};
use super::{CommandError, Place, screen};
use crate::app::{Order, ask};
use crate::http::erasure_answers::{Erasure, Hold, ProvenEntry, ShredCertificate};

/// Pause between two looks at how far the keys are.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// Erase and hold customers.
#[derive(Subcommand)]
pub enum SubjectCommand {
    /// Propose to erase a customer; another person has to approve it.
    Erase {
        /// The pseudonym that the ledger has.
        #[arg(required_unless_present = "identity")]
        subject: Option<String>,
        /// Instead of it what they are known by: CHANNEL:ACCOUNT:ID, or :REALM:ID for who the bank vouches for.
        #[arg(long, conflicts_with = "subject", value_name = "CHANNEL:ACCOUNT:ID")]
        identity: Option<String>,
        /// `not_needed`, `retention_over`, `consent_withdrawn`, objection, unlawful or `legal_obligation`.
        #[arg(long)]
        reason: String,
        /// End the epoch at once: no backup of any tenant from before can be read any more, of nobody.
        #[arg(long)]
        now: bool,
        #[command(flatten)]
        who: Person,
    },
    /// Erase the customer of a proposal that somebody else made.
    Approve {
        /// The proposal.
        erasure: String,
        #[command(flatten)]
        who: Person,
    },
    /// Turn a proposal down.
    Reject {
        /// The proposal.
        erasure: String,
        #[command(flatten)]
        who: Person,
    },
    /// Place a legal hold: nobody erases the customer, whatever was proposed.
    Hold {
        /// The pseudonym that the ledger has.
        subject: String,
        /// litigation, authority, investigation or complaint.
        #[arg(long)]
        reason: String,
        #[command(flatten)]
        who: Person,
    },
    /// Release a legal hold.
    Release {
        /// The hold.
        hold: String,
        #[command(flatten)]
        who: Person,
    },
    /// List proposals, and the legal holds if you may see them.
    List {
        #[command(flatten)]
        who: Person,
    },
    /// Print the certificate of an erasure, and write its files: certificate.json, certificate.note and the proofs.
    Certificate {
        /// The proposal.
        erasure: String,
        /// Folder for the files; it is made.
        #[arg(long, value_name = "DIR")]
        to: Option<PathBuf>,
        #[command(flatten)]
        who: Person,
    },
}

/// Keys, for the operator at the machine.
#[derive(Subcommand)]
pub enum KeysCommand {
    /// Begin an epoch: every data key is wrapped anew, in the background, and the old epoch's key ends with the backups.
    Rotate {
        #[command(flatten)]
        place: Place,
    },
}

pub(super) async fn subject(command: SubjectCommand) -> Result<(), CommandError> {
    match command {
        SubjectCommand::Erase { subject, identity, reason, now, who } => {
            if now {
                screen::progress("--now: once it is approved, backups from before can't be read any more, of nobody.");
            }
            let identity = identity.map(|text| named(&text)).transpose()?;
            let new = json!({"subject": subject, "identity": identity, "reason": reason, "now": now});
            let proposed = who.log_in().await?.propose_erasure(&new).await.map_err(PersonError::from)?;
            screen::line(&format!("proposed: {}", proposed.id));
            screen::line("Somebody else approves it with `lww subject approve`. This is recorded in the ledger.");
        }
        SubjectCommand::Approve { erasure, who } => {
            let erased = who.log_in().await?.approve_erasure(&erasure).await.map_err(PersonError::from)?;
            screen::line(&format!("{} {}", screen::good("ERASED"), erased.subject));
            screen::line("What is left in backups ends with its epoch: `lww subject certificate` says when.");
        }
        SubjectCommand::Reject { erasure, who } => {
            who.log_in().await?.reject_erasure(&erasure).await.map_err(PersonError::from)?;
            screen::line("Turned down. This is recorded in the ledger.");
        }
        SubjectCommand::Hold { subject, reason, who } => {
            let placed = who.log_in().await?.place_hold(&subject, &reason).await.map_err(PersonError::from)?;
            screen::line(&format!("held: {}", placed.id));
        }
        SubjectCommand::Release { hold, who } => {
            who.log_in().await?.release_hold(&hold).await.map_err(PersonError::from)?;
            screen::line("Released. This is recorded in the ledger.");
        }
        SubjectCommand::List { who } => list(&who.log_in().await?).await?,
        SubjectCommand::Certificate { erasure, to, who } => {
            let certificate = who.log_in().await?.shred_certificate(&erasure).await.map_err(PersonError::from)?;
            screen::line(certificate.note.trim_end());
            if let Some(to) = to {
                write_certificate(&certificate, &to)?;
            }
        }
    }
    Ok(())
}

pub(super) async fn keys(command: KeysCommand) -> Result<(), CommandError> {
    let KeysCommand::Rotate { place } = command;
    let data_dir = place.load()?.data_dir;
    ask(&data_dir, &Order::RotateKeys).await?;
    let mut all = 0;
    loop {
        let told = ask(&data_dir, &Order::KeyState).await?;
        let mut numbers = told.split(' ').map(|word| word.parse::<u64>().unwrap_or_default());
        let (waits, left, newest) =
            (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
        all = all.max(left);
        if waits == 0 {
            screen::bar("data keys under the new epoch", all - left, all);
        }
        if waits == 0 && left == 0 {
            screen::line(&format!("epoch {newest} leads. Copy its key file to the other server and back the keys up."));
            return Ok(());
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// An identity as the request has it.
fn named(text: &str) -> Result<Value, std::io::Error> {
    let mut parts = text.splitn(3, ':');
    match (parts.next(), parts.next(), parts.next()) {
        (Some(""), Some(realm), Some(id)) => Ok(json!({"realm": realm, "id": id})),
        (Some(channel), Some(account), Some(id)) => Ok(json!({"channel": channel, "account": account, "id": id})),
        (Some(_) | None, _, _) => Err(std::io::Error::other("an identity is CHANNEL:ACCOUNT:ID or :REALM:ID")),
    }
}

async fn list(client: &Client) -> Result<(), CommandError> {
    for Erasure { id, subject, state, reason, now, proposed, .. } in
        client.erasures().await.map_err(PersonError::from)?.erasures
    {
        let when = if now { "at once" } else { "with the backups" };
        screen::line(&format!("erasure {id} {state:<8} {subject} {reason}, {when}, proposed {}", proposed.time));
    }
    match client.holds().await {
        Ok(holds) => {
            for Hold { id, subject, reason, released, .. } in holds.holds {
                let state = if released.is_some() { "released" } else { "holds" };
                screen::line(&format!("hold    {id} {state:<8} {subject} {reason}"));
            }
            Ok(())
        }
        // Whoever may not place holds does not see them.
        Err(error) if error.code() == Some("forbidden") => Ok(()),
        Err(error) => Err(PersonError::from(error).into()),
    }
}

fn write_certificate(certificate: &ShredCertificate, to: &Path) -> Result<(), std::io::Error> {
    std::fs::create_dir_all(to)?;
    let text = serde_json::to_string_pretty(certificate).map_err(std::io::Error::other)?;
    write(&to.join("certificate.json"), &(text + "\n"))?;
    write(&to.join("certificate.note"), &certificate.note)?;
    let destroyed = certificate.epochs.iter().filter_map(|one| one.destroyed.as_ref());
    for ProvenEntry { index, proof, .. } in std::iter::once(&certificate.erased).chain(destroyed) {
        match proof {
            Some(proof) => write(&to.join(format!("entry-{index}.tlog-proof")), proof)?,
            None => screen::progress(&format!("entry {index} is not published yet: ask again for its proof")),
        }
    }
    screen::line(&format!("written to {}: `lww-verify proof` verifies the entries", to.display()));
    Ok(())
}

fn write(path: &Path, text: &str) -> Result<(), std::io::Error> {
    let mut options = std::fs::OpenOptions::new();
    let mut file = options.write(true).create(true).truncate(true).mode(0o600).open(path)?;
    file.write_all(text.as_bytes())
}
