//! `lww ledger recover`: what an operator types when a database came back older than its log.

use std::io::{IsTerminal as _, Write as _};
use std::path::PathBuf;

use clap::Args;
use lww_audit::VerifierKey;
use serde_json::json;

use super::ledger::LogArgs;
use super::person::asked;
use super::{CommandError, db, screen};
use crate::app::backup::{OWNER_URL, Progress};
use crate::app::recover::{Approval, RecoverOptions, recover};
use crate::domain::event::RecoverReason;
use crate::domain::message::RawText;
use crate::limits::TABLE_BYTES_MAX;
use crate::storage::recover::{Plan, PlannedGap};

const PROGRESS: Progress<'static> = Progress { line: &screen::progress, bar: &screen::bar };

const EXAMPLES: &str = "\
In this order:
  lww ledger recover --plan --reason database_lost        what is missing, where it is, what is lost; changes nothing
  lww ledger recover --reason database_lost               the same, then two people approve it, and it is done
  lww ledger recover --tenant system --approvers-of demo --reason database_lost

When the plan says that entries are nowhere, look for them: an older disk, the other server's data directory, the copy, a backup
of the published files. Only when there is nothing left:
  lww ledger recover --plan --new-generation --reason database_lost    what survives, what is lost; changes nothing
  lww ledger recover --new-generation --reason database_lost           two people declare the gap, and the log goes on behind it
  lww ledger generations --to DIR                                      the declaration, for auditors and witnesses
That is for ever: every verifier will say \"declared gap\", with these entries, the day and both people.

Each tenant has a log of its own: recover each that the server refuses, tenants with people first, `system` last.
A crash in between leaves everything as it was: run it again.";

/// Put entries back that the database lost, out of what was published here or out of the copy.
///
/// For the day when a server refuses to start because its database is behind what it signed: an older copy was put back, a
/// standby was promoted too early, a disk died. No server may run. Two people who may approve (compliance officers or
/// supervisors) each give login, password and a code of their second factor; both are named in the ledger.
///
/// Entries come back whole, checked up to the root that was signed. What they sealed lay in the lost database alone: those texts
/// are lost, and an entry says so. Whoever changed password or second factor since the copy gets a new one-time password by
/// `lww admin reset`.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub struct RecoverArgs {
    /// Print what would be done, and change nothing.
    #[arg(long)]
    plan: bool,
    /// Why: `database_lost`, `put_back` (by mistake), failover (to a standby that lacked some) or rehearsal.
    #[arg(long, value_parser = reason)]
    reason: RecoverReason,
    /// The tenant whose people approve for the log `system`, which has none of its own [default: the first].
    #[arg(long, value_name = "TENANT")]
    approvers_of: Option<String>,
    /// A file of a masking policy or routing table that came into force since the copy, if it isn't the configured one.
    #[arg(long = "text", value_name = "FILE")]
    texts: Vec<PathBuf>,
    /// Last resort: entries that are nowhere any more are declared lost, and the log goes on as its next generation.
    ///
    /// Everything that can be had back is put back first, and where all of it can, this is refused. The new generation has its own
    /// name and key, and begins with what survived; the old key, where it still exists, signs for the new one. All passwords but
    /// the two people's stop working, because nobody knows which changed in what is lost.
    #[arg(long)]
    new_generation: bool,
    /// The log's public key from the sheet that auditors have, for when its key file is lost, too.
    #[arg(long, value_name = "KEY", requires = "new_generation")]
    old_vkey: Option<VerifierKey>,
    /// Print the plan, or what was done, as one line of JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    log: LogArgs,
}

fn reason(word: &str) -> Result<RecoverReason, String> {
    let words = RecoverReason::ALL.map(|(_, word)| word).join(", ");
    RecoverReason::from_word(word).ok_or_else(|| format!("expected one of {words}"))
}

pub(super) async fn run(args: RecoverArgs) -> Result<(), CommandError> {
    let config = args.log.place.load()?;
    let texts = args.texts.iter().map(text).collect::<Result<_, _>>()?;
    let options = RecoverOptions {
        tenant: args.log.tenant.clone(),
        reason: args.reason,
        approvers_of: args.approvers_of.clone(),
        texts,
        owner: std::env::var_os(OWNER_URL).map(|_| db::owner(OWNER_URL)).transpose()?,
        new_generation: args.new_generation,
        old_vkey: args.old_vkey.clone(),
    };
    let mut ask = |plan: &Plan, number: usize| {
        if number == 0 && !args.json {
            tell(plan, &args.log.tenant);
        }
        approval(number)
    };
    let ask = (!args.plan).then_some(&mut ask as crate::app::recover::Ask<'_>);
    let done = recover(&config, &options, ask, &PROGRESS).await?;
    match &done {
        _ if args.json => {
            let digest = done.as_ref().map(|plan| plan.digest().to_string());
            let told = json!({"plan": done, "digest": digest, "carried_out": done.is_some() && !args.plan});
            screen::line(&told.to_string());
        }
        None => screen::line(&format!("{} nothing of {} is missing", screen::good("WHOLE"), args.log.tenant)),
        Some(plan) if args.plan => {
            tell(plan, &args.log.tenant);
            screen::line("Nothing was changed. Without --plan, two people approve this and it is done.");
        }
        Some(Plan { gap: Some(gap), upto, .. }) => {
            let (good, tenant, origin) = (screen::good("OPENED"), &args.log.tenant, &gap.origin);
            screen::line(&format!("{good} {origin}: entry {upto} declares what {tenant} lost, why and by whose word"));
            screen::line("Recover the other logs that are behind, then start the server as always. Then");
            screen::line("  lww ledger generations --to DIR   gives auditors and witnesses what they need to follow;");
            screen::line("  lww admin reset                   gives everybody else a new one-time password.");
            screen::line(
                "Look through accounts, policies, holds and erasures: what changed of them in what is lost is not known.",
            );
            screen::line("Back the database up now.");
        }
        Some(plan) => {
            let (good, tenant) = (screen::good("RECOVERED"), &args.log.tenant);
            screen::line(&format!("{good} {tenant}: entry {} says what, why and by whose word", plan.upto));
            screen::line("Recover the other logs that are behind, then start the server as always, and give");
            screen::line("`lww admin reset` to whoever can't log in. Back the database up now.");
        }
    }
    Ok(())
}

/// The text of a policy or table.
fn text(path: &PathBuf) -> Result<String, std::io::Error> {
    let file = std::fs::File::open(path)?;
    let mut text = String::new();
    std::io::Read::read_to_string(&mut std::io::Read::take(file, TABLE_BYTES_MAX as u64), &mut text)?;
    Ok(text)
}

fn tell(plan: &Plan, tenant: &str) {
    let known = |size: Option<u64>| size.map_or_else(|| "none".to_owned(), |size| size.to_string());
    let last = plan.upto.saturating_sub(1);
    screen::line(&format!("{} for {tenant}, log {}", screen::strong("PLAN"), plan.log));
    screen::line(&format!(
        "  entries       the database has {}; known are {} by the guard, {} by the published files, {} by the copy",
        plan.database,
        known(plan.guard),
        known(plan.published),
        known(plan.mirror),
    ));
    let (tiles, mirror, tail) = (plan.taken.tiles, plan.taken.mirror, plan.taken.tail);
    screen::line(&format!(
        "  put back      entries {} to {last}: {tiles} out of the files here, {mirror} out of the copy, {tail} kept beside the guard",
        plan.database
    ));
    screen::line(&format!("  root          {}, as it was signed", plan.root));
    screen::line(&format!(
        "  made anew     {} conversations, and what changed of accounts and settings",
        plan.conversations
    ));
    screen::line(&format!(
        "  {}          {} texts; the keys of {} customers; {} accounts; passwords or factors of {} more",
        screen::bad("LOST"),
        plan.lost.texts,
        plan.lost.people,
        plan.lost.accounts,
        plan.lost.credentials
    ));
    screen::line("                They lay in the lost database alone. Their commitments stay in the ledger.");
    if let Some(gap) = &plan.gap {
        tell_gap(plan, gap);
    }
    screen::line("  ends          every session, and what tells a message that is sent again from a new one");
    screen::line(&format!("  digest        {}", plan.digest()));
}

/// What is lost for good, and what is known of the rest.
fn tell_gap(plan: &Plan, gap: &PlannedGap) {
    let PlannedGap { origin, lost, root, missing, proven, old_key, passwords } = gap;
    let last = lost.saturating_sub(1);
    screen::line(&format!("  {}           entries {} to {last}: {missing}", screen::bad("GAP"), plan.upto));
    screen::line(&format!(
        "                They were signed, up to {lost} entries with root {root}. Nobody knows what they said."
    ));
    screen::line(&format!("  goes on       as {origin}, with {} entries that survive", plan.upto));
    screen::line(&format!("  proven        {proven} of these, by what was signed last"));
    let signs =
        if *old_key { "signs for the new one" } else { "is gone: auditors have to be given the new one by hand" };
    screen::line(&format!("  old key       {signs}"));
    screen::line(&format!(
        "  passwords     of {passwords} accounts stop working: nobody knows which changed in what is lost"
    ));
}

/// Asks for one person's consent, on a terminal or out of three lines that are piped in.
fn approval(number: usize) -> Result<Approval, std::io::Error> {
    if std::io::stdin().is_terminal() {
        writeln!(std::io::stderr(), "Person {} of two, who approves this plan:", number + 1)?;
    }
    let one = |prompt, hidden| {
        let line = asked(prompt, hidden)?;
        Ok::<_, std::io::Error>(RawText::new(line.trim_end_matches(['\r', '\n']).to_owned()))
    };
    Ok(Approval { login: one("login: ", false)?, password: one("password: ", true)?, code: one("code: ", true)? })
}
