//! `lww policy reports`: what the desk reports of masks, as an officer works on it. This is the API's client, and decides nothing.

use clap::Subcommand;
use serde::Serialize;

use super::person::{Person, PersonError};
use super::{CommandError, screen};
use crate::http::report_answers::{Report, ReportInFull};

/// Reports of the desk.
#[derive(Subcommand)]
pub enum ReportsCommand {
    /// List reports, the newest first.
    List {
        /// Print JSON.
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        who: Person,
    },
    /// Show a report with its sentence; that you saw it is recorded.
    Show {
        /// The report.
        id: String,
        /// Print JSON.
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        who: Person,
    },
    /// Decide that nothing changes for a report; its reporter sees the reason.
    Decline {
        /// The report.
        id: String,
        /// `not_sensitive`, intended, covered or duplicate.
        #[arg(long)]
        reason: String,
        /// Print JSON.
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        who: Person,
    },
}

pub(super) async fn run(command: ReportsCommand) -> Result<(), CommandError> {
    match command {
        ReportsCommand::List { json, who } => {
            let listed = who.log_in().await?.reports().await.map_err(PersonError::from)?;
            if json {
                return print(&listed);
            }
            if listed.reports.is_empty() {
                screen::line("Nobody at the desk has reported anything.");
            }
            for report in listed.reports {
                screen::line(&in_a_line(&report));
            }
        }
        ReportsCommand::Show { id, json, who } => {
            let full = who.log_in().await?.report(&id).await.map_err(PersonError::from)?;
            if json {
                return print(&full);
            }
            screen::line(&in_a_line(&full.report));
            screen::line(&marked(&full));
        }
        ReportsCommand::Decline { id, reason, json, who } => {
            let client = who.log_in().await?;
            client.decline_report(&id, &reason).await.map_err(PersonError::from)?;
            if json {
                return print(&serde_json::json!({"id": id, "state": "declined", "reason": reason}));
            }
            screen::line("Declined. This is recorded in the ledger.");
        }
    }
    Ok(())
}

fn print(answer: &impl Serialize) -> Result<(), CommandError> {
    screen::line(&serde_json::to_string_pretty(answer).map_err(std::io::Error::other)?);
    Ok(())
}

fn in_a_line(report: &Report) -> String {
    let Report { id, misread, entity, state, conversation, index, made, .. } = report;
    let entity = entity.as_deref().unwrap_or("not told");
    format!("{id} {state:<8} {misread:<6} {entity}, message {index} of {conversation}, reported {}", made.time)
}

/// The sentence with the reported place between marks.
fn marked(full: &ReportInFull) -> String {
    let Some(place) = full.place else {
        return format!("{}\n(masked again since: the place can't be shown any more)", full.text);
    };
    let mut text = String::with_capacity(full.text.len() + 8);
    for (at, character) in (0..).zip(full.text.chars()) {
        if at == place.start {
            text.push_str(">>");
        }
        text.push(character);
        if at + 1 == place.end {
            text.push_str("<<");
        }
    }
    text
}
