//! `lww policy`: masking policies, on paper (check, lint, diff), by the operator at the machine (activate), and by the people who
//! answer for them (propose, approve, …).
//!
//! What takes several people takes as many logins here as well: this is the API's client, and decides nothing.

use std::path::{Path, PathBuf};

use clap::Subcommand;
use serde_json::json;

use super::explain::{self, ExplainArgs};
use super::operator::{named, read};
use super::person::{Person, PersonError};
use super::policy_runs::{self, DraftsCommand, PreviewArguments, RemaskCommand, ShadowCommand};
use super::reports::{self, ReportsCommand};
use super::{CommandError, Place, screen};
use crate::app::{Order, ask};
use crate::domain::event::Role;
use crate::domain::masking::{Policy, Way, compare, lint, only_masks_more};
use crate::http::amendment_answers::{Amendment, AmendmentInFull, Difference, Remark};
use crate::units::Hash;

/// Masking policies.
#[derive(Subcommand)]
pub enum PolicyCommand {
    /// Run a policy file's own tests and print its digest; nothing is activated.
    Check {
        /// The policy file.
        file: PathBuf,
    },
    /// Say what is worth a look in a valid policy: masks that leave few values, approvals that nobody can give, missing tests.
    Lint {
        /// The policy file.
        file: PathBuf,
        /// Compare it with this one as well, and name what is weaker.
        #[arg(long, value_name = "FILE")]
        against: Option<PathBuf>,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Say how one policy differs from another, and which of the differences show more. Exit code 3: some do.
    Diff {
        /// The policy before.
        before: PathBuf,
        /// The policy after.
        after: PathBuf,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Say what a policy file makes of each entity for each view, which of its layers decided that, and why a text is masked so.
    Explain(ExplainArgs),
    /// Make a policy file the active one, at the machine. In place of an active one it must only mask more; anything else is
    /// proposed, so that others can consent.
    Activate {
        /// The policy file.
        file: PathBuf,
        /// The tenant.
        #[arg(long, default_value = "demo")]
        tenant: String,
        #[command(flatten)]
        place: Place,
    },
    /// Propose a policy file in place of the one in force. It comes into force when enough others consented.
    Propose {
        /// The policy file.
        file: PathBuf,
        /// From when on it is to act, such as 2026-12-01T00:00:00+08:00 [default: as soon as it is decided].
        #[arg(long, value_name = "TIME", conflicts_with = "at_once")]
        effective: Option<String>,
        /// Bring it into force now: only if it masks more than the one in force. Somebody else looks at it within a day.
        #[arg(long)]
        at_once: bool,
        #[command(flatten)]
        who: Person,
    },
    /// List proposed changes.
    List {
        /// Print JSON.
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        who: Person,
    },
    /// Show a proposed change: what it would change, and with --source the whole file.
    Show {
        /// The amendment.
        id: String,
        /// Print the policy file instead.
        #[arg(long)]
        source: bool,
        #[command(flatten)]
        who: Person,
    },
    /// Consent to a policy that somebody else proposed.
    Approve {
        /// The amendment.
        id: String,
        #[command(flatten)]
        who: Person,
    },
    /// Turn a proposed policy down.
    Reject {
        /// The amendment.
        id: String,
        #[command(flatten)]
        who: Person,
    },
    /// Take back what you have proposed.
    Withdraw {
        /// The amendment.
        id: String,
        #[command(flatten)]
        who: Person,
    },
    /// Run a policy file over messages that are held, and say what it would mask otherwise. Nothing is changed.
    Preview(Box<PreviewArguments>),
    /// Run a policy file beside the policy in force, and say what it would have masked otherwise.
    #[command(subcommand)]
    Shadow(ShadowCommand),
    /// Mask what was recorded before again, by the policy in force.
    #[command(subcommand)]
    Remask(RemaskCommand),
    /// Policy files that officers are writing in the console.
    #[command(subcommand)]
    Drafts(DraftsCommand),
    /// What the desk reports of masks: places where one is missing, or should not be.
    #[command(subcommand)]
    Reports(ReportsCommand),
    /// Say that you have looked at a policy that somebody else brought into force alone.
    Review {
        /// The amendment.
        id: String,
        #[command(flatten)]
        who: Person,
    },
}

pub(super) async fn run(command: PolicyCommand) -> Result<(), CommandError> {
    match command {
        PolicyCommand::Check { file } => {
            let policy = load(&file)?;
            let (file, id, version, digest) = (file.display(), policy.id(), policy.version(), Hash(policy.digest()));
            screen::line(&format!("{file}: {id} version {version} passes its tests (digest {digest})"));
        }
        PolicyCommand::Lint { file, against, json } => look_through(&file, against.as_deref(), json)?,
        PolicyCommand::Explain(args) => explain::run(&args)?,
        PolicyCommand::Diff { before, after, json } => return show_differences(&load(&before)?, &load(&after)?, json),
        PolicyCommand::Activate { file, tenant, place } => {
            let order = Order::ActivatePolicy { tenant, source: read(&file)? };
            let digest = ask(&place.load()?.data_dir, &order).await?;
            screen::line(&format!("active: {} (digest {digest})", file.display()));
        }
        PolicyCommand::Propose { file, effective, at_once, who } => {
            let new = json!({"source": read(&file)?, "effective": effective, "at_once": at_once});
            let proposed = who.log_in().await?.propose_policy(&new).await.map_err(PersonError::from)?;
            screen::line(&format!("{}: {}", proposed.state, proposed.id));
            screen::line(&what_comes(&proposed));
        }
        PolicyCommand::List { json, who } => list(&who, json).await?,
        PolicyCommand::Show { id, source, who } => {
            let full = who.log_in().await?.amendment(&id).await.map_err(PersonError::from)?;
            show(&full, source);
        }
        PolicyCommand::Approve { id, who } => {
            let amendment = who.log_in().await?.approve_policy(&id).await.map_err(PersonError::from)?;
            screen::line(&format!("{}: {}", amendment.state, amendment.id));
            screen::line(&what_comes(&amendment));
        }
        PolicyCommand::Reports(command) => reports::run(command).await?,
        PolicyCommand::Reject { id, who } => decide(&who, &id, "reject", "Turned down.").await?,
        PolicyCommand::Withdraw { id, who } => decide(&who, &id, "withdraw", "Taken back.").await?,
        PolicyCommand::Preview(arguments) => policy_runs::preview(*arguments).await?,
        PolicyCommand::Shadow(command) => policy_runs::shadow(command).await?,
        PolicyCommand::Remask(command) => policy_runs::remask(command).await?,
        PolicyCommand::Drafts(command) => policy_runs::drafts(command).await?,
        PolicyCommand::Review { id, who } => decide(&who, &id, "review", "Looked at.").await?,
    }
    Ok(())
}

async fn decide(who: &Person, id: &str, how: &str, said: &str) -> Result<(), CommandError> {
    who.log_in().await?.decide_policy(id, how).await.map_err(PersonError::from)?;
    screen::line(&format!("{said} This is recorded in the ledger."));
    Ok(())
}

/// What is to be done next about an amendment.
fn what_comes(amendment: &Amendment) -> String {
    let missing = (amendment.required as usize).saturating_sub(amendment.approved.len());
    let roles = amendment.roles.join(" or ");
    match (amendment.state.as_str(), &amendment.effective, &amendment.review_due) {
        ("proposed", ..) => {
            format!("{missing} more with the role {roles} must consent: `lww policy approve {}`", amendment.id)
        }
        ("scheduled", Some(from), _) => format!("It comes into force at {from}."),
        ("activated", _, Some(due)) => {
            format!("In force. Somebody else has to look at it until {due}: `lww policy review {}`", amendment.id)
        }
        _ => "In force.".to_owned(),
    }
}

async fn list(who: &Person, json: bool) -> Result<(), CommandError> {
    let listed = who.log_in().await?.amendments().await.map_err(PersonError::from)?;
    if json {
        screen::line(&serde_json::to_string_pretty(&listed).map_err(std::io::Error::other)?);
        return Ok(());
    }
    if listed.amendments.is_empty() {
        screen::line("Nobody has proposed a change yet: `lww policy propose FILE`.");
    }
    for amendment in listed.amendments {
        let Amendment { id, state, digest, only_masks_more, proposed, approved, required, overtaken, .. } = amendment;
        let how = if only_masks_more { "masks more" } else { "shows more" };
        let state = if overtaken { "overtaken".to_owned() } else { state };
        let (short, consents) = (digest.get(..12).unwrap_or(&digest), approved.len());
        screen::line(&format!(
            "{id} {state:<9} {short} {how}, {consents} of {required} consented, proposed {}",
            proposed.time
        ));
    }
    Ok(())
}

fn show(full: &AmendmentInFull, source: bool) {
    if source {
        screen::line(full.source.trim_end());
        return;
    }
    let AmendmentInFull { amendment, assessment, .. } = full;
    screen::line(&format!("{} {} version {}", amendment.state, assessment.id, assessment.version));
    print_differences(&assessment.differences);
    if let Ok((policy, _)) = Policy::draft(&full.source) {
        for remark in lint(&policy, &Role::staff_words()) {
            screen::line(&format!("remark   {remark}"));
        }
    }
}

fn look_through(file: &Path, against: Option<&Path>, json: bool) -> Result<(), CommandError> {
    let policy = load(file)?;
    let remarks = lint(&policy, &Role::staff_words());
    let before = against.map(load).transpose()?;
    let weaker = before.iter().flat_map(|before| compare(before, &policy)).filter(|one| one.way == Way::Weaker);
    let weaker: Vec<Difference> = weaker.map(Into::into).collect();
    if json {
        let remarks: Vec<Remark> = remarks.into_iter().map(Into::into).collect();
        screen::line(&json!({"remarks": remarks, "weaker": weaker}).to_string());
        return Ok(());
    }
    if remarks.is_empty() && weaker.is_empty() {
        screen::line(&format!("{}: nothing to remark", file.display()));
    }
    for remark in remarks {
        screen::line(&remark.to_string());
    }
    print_differences(&weaker);
    Ok(())
}

fn show_differences(before: &Policy, after: &Policy, json: bool) -> Result<(), CommandError> {
    let differences = compare(before, after);
    let only_more = only_masks_more(&differences);
    let differences: Vec<Difference> = differences.into_iter().map(Into::into).collect();
    if json {
        screen::line(&json!({"differences": differences, "only_masks_more": only_more}).to_string());
    } else if differences.is_empty() {
        screen::line("They mask the same.");
    } else {
        print_differences(&differences);
    }
    if only_more { Ok(()) } else { Err(CommandError::ShowsMore) }
}

fn print_differences(differences: &[Difference]) {
    let or_nothing = |side: &str| if side.is_empty() { "nothing".to_owned() } else { side.to_owned() };
    for Difference { aspect, way, before, after } in differences {
        screen::line(&format!("{way:<8} {aspect}: {} -> {}", or_nothing(before), or_nothing(after)));
    }
}

fn load(file: &Path) -> Result<Policy, CommandError> {
    Ok(Policy::load(&read(file)?).map_err(|error| named(file, &error.to_string()))?)
}
