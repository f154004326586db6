//! `lww unmask`: who asked to open masked values, and the second person's word, as a member of staff.
//!
//! This is the API's client and decides nothing. No command opens a value: a terminal keeps what it shows.

use clap::Subcommand;

use super::person::{Person, PersonError};
use super::{CommandError, screen};
use crate::http::unmasking_answers::Unmasking;

/// Values behind masks.
#[derive(Subcommand)]
pub enum UnmaskCommand {
    /// List requests to open masked values, those made last first.
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
                screen::line("Nobody has asked to open a value.");
            } else {
                listed.unmaskings.iter().for_each(one);
            }
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
    let Unmasking { id, state, entity, reason, subject, requested, .. } = unmasking;
    screen::line(&format!("{id}  {state}  {entity}  {reason}"));
    screen::line(&format!("  customer {subject}, asked for by {} at {}", requested.by, requested.time));
    for (did, act) in [("decided on", &unmasking.decided), ("opened", &unmasking.used)] {
        if let Some(act) = act {
            screen::line(&format!("  {did} by {} at {}, entry {}", act.by, act.time, act.index));
        }
    }
}
