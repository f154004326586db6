//! `lww unmask`: who asked to open masked values and files, the second person's word, and which files are in quarantine, as a
//! member of staff.
//!
//! This is the API's client and decides nothing. No command opens anything: a terminal keeps what it shows, and a file that is
//! written to a disk stays there.

use clap::Subcommand;

use super::person::{Person, PersonError};
use super::{CommandError, screen};
use crate::http::unmasking_answers::{QuarantinedFile, Unmasking};

/// Values behind masks, and files of which nothing is shown.
#[derive(Subcommand)]
pub enum UnmaskCommand {
    /// List requests to open masked values and files, those made last first.
    List {
        /// Only of this customer, by the pseudonym that the ledger has.
        #[arg(long, value_name = "PSEUDONYM")]
        subject: Option<String>,
        /// Print JSON.
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        who: Person,
    },
    /// List files in quarantine, the newest first: why, when, how large, and of which conversation.
    Quarantine {
        /// Only those whose entry has a smaller index: the last line's, for the next page.
        #[arg(long, value_name = "INDEX")]
        before: Option<u64>,
        /// Print JSON.
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        who: Person,
    },
    /// Ask to open the file that came with a message; where the policy asks for nobody else it may be opened at once, in the
    /// console.
    File {
        /// The message.
        message: String,
        /// fraud, dispute, identity, correction, authority or incident.
        #[arg(long)]
        reason: String,
        #[command(flatten)]
        who: Person,
    },
    /// Grant a request as the second person that the rule asks for.
    Approve {
        /// The request.
        id: String,
        #[command(flatten)]
        who: Person,
    },
    /// Turn a request down.
    Reject {
        /// The request.
        id: String,
        #[command(flatten)]
        who: Person,
    },
}

pub(super) async fn run(command: UnmaskCommand) -> Result<(), CommandError> {
    match command {
        UnmaskCommand::List { subject, json, who } => {
            let listed = who.log_in().await?.unmaskings(subject.as_deref()).await.map_err(PersonError::from)?;
            if json {
                screen::line(&serde_json::json!(listed.unmaskings).to_string());
            } else if listed.unmaskings.is_empty() {
                screen::line("Nobody has asked to open anything.");
            } else {
                listed.unmaskings.iter().for_each(one);
            }
        }
        UnmaskCommand::Quarantine { before, json, who } => {
            let listed = who.log_in().await?.quarantine(before).await.map_err(PersonError::from)?;
            if json {
                screen::line(&serde_json::json!(listed.files).to_string());
            } else if listed.files.is_empty() {
                screen::line("No file is in quarantine.");
            } else {
                listed.files.iter().for_each(quarantined);
            }
        }
        UnmaskCommand::File { message, reason, who } => {
            let asked = who.log_in().await?.ask_for_file(&message, &reason).await.map_err(PersonError::from)?;
            one(&asked);
            screen::line("This is recorded in the ledger.");
        }
        UnmaskCommand::Approve { id, who } => {
            let granted = who.log_in().await?.decide_unmasking(&id, "approve").await.map_err(PersonError::from)?;
            let until = granted.until.unwrap_or_default();
            screen::line(&format!("{} {} until {until}", screen::good("GRANTED"), granted.id));
            screen::line("Whoever asked may open it once until then. This is recorded in the ledger.");
        }
        UnmaskCommand::Reject { id, who } => {
            who.log_in().await?.decide_unmasking(&id, "reject").await.map_err(PersonError::from)?;
            screen::line("Turned down. This is recorded in the ledger.");
        }
    }
    Ok(())
}

fn one(unmasking: &Unmasking) {
    let Unmasking { id, state, subject, requested, about, .. } = unmasking;
    let what = match (&unmasking.entity, &unmasking.format, &unmasking.fate, &unmasking.reason) {
        (Some(entity), _, _, Some(reason)) => format!("{entity}  {reason}"),
        (None, Some(format), Some(fate), Some(reason)) => format!("{fate} file ({format})  {reason}"),
        _ => format!("{about}: entry {} cannot be read", requested.index),
    };
    screen::line(&format!("{id}  {state}  {what}"));
    screen::line(&format!("  customer {subject}, asked for by {} at {}", requested.by, requested.time));
    for (did, act) in [("decided on", &unmasking.decided), ("opened", &unmasking.used)] {
        if let Some(act) = act {
            screen::line(&format!("  {did} by {} at {}, entry {}", act.by, act.time, act.index));
        }
    }
}

fn quarantined(file: &QuarantinedFile) {
    let QuarantinedFile { message, file: info, index, time, conversation, subject, erased } = file;
    let why = info.reason.as_deref().unwrap_or("-");
    screen::line(&format!("{message}  {}  {why}  {} bytes", info.format, info.bytes));
    match (time, conversation, subject) {
        (Some(time), Some(conversation), Some(subject)) => {
            screen::line(&format!("  came {time}, conversation {conversation}, customer {subject}, entry {index}"));
        }
        _ => screen::line(&format!("  entry {index} cannot be read")),
    }
    if *erased {
        screen::line("  the customer was erased: nobody can open it");
    } else if !info.kept {
        screen::line("  it is not kept: nobody can open it");
    }
}
