//! `lww policy preview`, `shadow`, `remask` and `drafts`: policies over what was said before, or beside the one in force.
//!
//! The server does the work and records that it is done; this waits, shows how far it is, and prints what came of it.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::client::{Client, ClientError};
use super::operator::read;
use super::person::{Person, PersonError};
use super::{CommandError, screen};
use crate::http::history_answers::{MaskedSample, MaskingReport, PolicyPreview, PolicyRun};

/// Pause between two looks at how far something is.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// What a draft is run over.
#[derive(Args)]
pub struct PreviewArguments {
    /// The policy file.
    file: PathBuf,
    /// The newest messages and notes, so many.
    #[arg(long, value_name = "COUNT", default_value_t = 1000, conflicts_with_all = ["conversation", "from", "to"])]
    last: u32,
    /// Those of one conversation, by its public id.
    #[arg(long, value_name = "ID")]
    conversation: Option<String>,
    /// Those from this instant on, such as 2026-12-01T00:00:00+08:00.
    #[arg(long, value_name = "TIME", requires = "to", conflicts_with = "conversation")]
    from: Option<String>,
    /// Those up to this instant.
    #[arg(long, value_name = "TIME", requires = "from")]
    to: Option<String>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    who: Person,
}

/// What is done about a run.
#[derive(Subcommand)]
pub enum RemaskCommand {
    /// Mask what was recorded before the policy in force again, where it hides more. This is for good.
    Begin {
        /// Don't wait until it is over.
        #[arg(long)]
        no_wait: bool,
        #[command(flatten)]
        who: Person,
    },
    /// Show how far it is; with --wait, until it is over.
    Status {
        /// Wait until it is over.
        #[arg(long)]
        wait: bool,
        /// Print JSON.
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        who: Person,
    },
    /// End it: what is masked stays so, and nothing more is.
    Cancel {
        #[command(flatten)]
        who: Person,
    },
}

/// What is done about a policy in shadow.
#[derive(Subcommand)]
pub enum ShadowCommand {
    /// Run a policy file beside the policy in force, on what is said from here on.
    Begin {
        /// The policy file.
        file: PathBuf,
        /// After how many hours it ends by itself.
        #[arg(long, default_value_t = 24)]
        hours: u32,
        #[command(flatten)]
        who: Person,
    },
    /// Print what it would have masked otherwise.
    Report {
        /// Print JSON.
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        who: Person,
    },
    /// End it; what it found stays to be read.
    End {
        #[command(flatten)]
        who: Person,
    },
}

/// What is done about drafts.
#[derive(Subcommand)]
pub enum DraftsCommand {
    /// List the drafts that officers keep.
    List {
        /// Print JSON.
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        who: Person,
    },
    /// Print a draft as a policy file.
    Show {
        /// The draft.
        id: String,
        #[command(flatten)]
        who: Person,
    },
}

pub(super) async fn preview(arguments: PreviewArguments) -> Result<(), CommandError> {
    let PreviewArguments { file, last, conversation, from, to, json, who } = arguments;
    let last = (conversation.is_none() && from.is_none()).then_some(last);
    let wish = json!({"source": read(&file)?, "last": last, "conversation": conversation, "from": from, "to": to});
    let client = who.log_in().await?;
    let begun = client.preview_policy(&wish).await.map_err(PersonError::from)?;
    let id = begun.id.clone();
    let over = tokio::select! {
        over = followed(&client, begun) => over.map_err(PersonError::from)?,
        // Whoever doesn't wait for it doesn't want it: the server is to stop looking.
        _interrupted = tokio::signal::ctrl_c() => {
            client.end_preview(&id).await.map_err(PersonError::from)?;
            client.preview(&id).await.map_err(PersonError::from)?
        }
    };
    if json {
        return print(&over);
    }
    screen::line(&format!("{}: {} against {}", over.state, short(&over.digest), short(&over.against)));
    if over.untried_allowed > 0 {
        let count = over.untried_allowed;
        screen::line(&format!("{count} values under allow that are not in force are not tried on messages"));
    }
    report(&over.report);
    Ok(())
}

/// Waits until a preview is over.
async fn followed(client: &Client, mut preview: PolicyPreview) -> Result<PolicyPreview, ClientError> {
    while let Some(progress) = preview.progress {
        screen::bar("entries", progress.done, progress.all);
        tokio::time::sleep(LOOK_EVERY).await;
        preview = client.preview(&preview.id).await?;
    }
    Ok(preview)
}

pub(super) async fn remask(command: RemaskCommand) -> Result<(), CommandError> {
    match command {
        RemaskCommand::Begin { no_wait, who } => {
            let client = who.log_in().await?;
            let run = client.begin_run("remasking", &json!({})).await.map_err(PersonError::from)?;
            screen::line(&format!("Begun by entry {}. This is recorded in the ledger.", run.entry));
            if !no_wait {
                told(&awaited(&client, run).await?);
            }
            Ok(())
        }
        RemaskCommand::Status { wait, json, who } => {
            let client = who.log_in().await?;
            let Some(mut run) = client.newest_run("remasking").await.map_err(PersonError::from)?.run else {
                screen::line("History was never masked again: `lww policy remask begin`.");
                return Ok(());
            };
            if wait {
                run = awaited(&client, run).await?;
            }
            if json {
                return print(&run);
            }
            told(&run);
            Ok(())
        }
        RemaskCommand::Cancel { who } => {
            who.log_in().await?.end_run("remasking").await.map_err(PersonError::from)?;
            screen::line("Ended. What is masked stays so. This is recorded in the ledger.");
            Ok(())
        }
    }
}

async fn awaited(client: &Client, mut run: PolicyRun) -> Result<PolicyRun, CommandError> {
    while run.state == "running" {
        screen::bar("entries", run.progress.done, run.progress.all);
        tokio::time::sleep(LOOK_EVERY).await;
        run = client.newest_run("remasking").await.map_err(PersonError::from)?.run.unwrap_or(run);
    }
    screen::bar("entries", run.progress.all, run.progress.all);
    Ok(run)
}

fn told(run: &PolicyRun) {
    let PolicyRun { state, digest, progress, masked, .. } = run;
    let (done, all) = (progress.done, progress.all);
    screen::line(&format!("{state}: {done} of {all} entries, {masked} messages masked again by {}", short(digest)));
}

pub(super) async fn shadow(command: ShadowCommand) -> Result<(), CommandError> {
    match command {
        ShadowCommand::Begin { file, hours, who } => {
            let wish = json!({"source": read(&file)?, "hours": hours});
            let run = who.log_in().await?.begin_run("shadow", &wish).await.map_err(PersonError::from)?;
            let until = run.until.unwrap_or_default();
            screen::line(&format!("{} runs in shadow until {until}: `lww policy shadow report`", short(&run.digest)));
        }
        ShadowCommand::Report { json, who } => {
            let Some(run) = who.log_in().await?.newest_run("shadow").await.map_err(PersonError::from)?.run else {
                screen::line("No policy has run in shadow: `lww policy shadow begin FILE`.");
                return Ok(());
            };
            if json {
                return print(&run);
            }
            screen::line(&format!("{}: {} since {}", run.state, short(&run.digest), run.begun));
            match &run.report {
                Some(found) => report(found),
                None => screen::line("nothing is counted yet, or the server was started since it ended"),
            }
        }
        ShadowCommand::End { who } => {
            who.log_in().await?.end_run("shadow").await.map_err(PersonError::from)?;
            screen::line("Ended. This is recorded in the ledger.");
        }
    }
    Ok(())
}

pub(super) async fn drafts(command: DraftsCommand) -> Result<(), CommandError> {
    match command {
        DraftsCommand::List { json, who } => {
            let listed = who.log_in().await?.policy_drafts().await.map_err(PersonError::from)?;
            if json {
                return print(&listed);
            }
            for draft in listed.drafts {
                screen::line(&format!("{} version {} {} {}", draft.id, draft.version, draft.time, draft.name));
            }
        }
        DraftsCommand::Show { id, who } => {
            let draft = who.log_in().await?.policy_draft(&id).await.map_err(PersonError::from)?;
            screen::line(draft.source.trim_end());
        }
    }
    Ok(())
}

fn report(found: &MaskingReport) {
    let MaskingReport { looked_at, differ, show_more, left_out, entities, samples } = found;
    screen::line(&format!(
        "{looked_at} messages looked at, {differ} masked otherwise, of {show_more} more would be shown, {left_out} left out"
    ));
    screen::line(&format!("{:<24} {:>9} {:>9} {:>9} {:>9}", "entity", "more", "less", "otherwise", "same"));
    for counts in entities {
        screen::line(&format!(
            "{:<24} {:>9} {:>9} {:>9} {:>9}",
            counts.entity, counts.more_masked, counts.less_masked, counts.otherwise, counts.same
        ));
    }
    for MaskedSample { conversation, entry, now, then, changes, .. } in samples {
        screen::line(&format!("entry {entry} of conversation {conversation}"));
        for change in changes {
            screen::line(&format!("  {} {} in {}", change.way, change.entity, change.views.join(", ")));
        }
        screen::line(&format!("  - {now}"));
        screen::line(&format!("  + {then}"));
    }
}

fn print(answer: &impl serde::Serialize) -> Result<(), CommandError> {
    let value: Value = serde_json::to_value(answer).map_err(std::io::Error::other)?;
    screen::line(&serde_json::to_string_pretty(&value).map_err(std::io::Error::other)?);
    Ok(())
}

fn short(digest: &str) -> &str {
    digest.get(..12).unwrap_or(digest)
}
