//! `lww backup` and `lww restore`.

use std::path::PathBuf;

use clap::Args;

use super::{CommandError, Place, db, screen};
use crate::app::backup::{self, BackedUp, BackupOptions, OWNER_URL, Progress, RestoreOptions, Restored, RestoredLog};
use crate::crypto::SystemClock;
use crate::ports::Clock as _;

const PROGRESS: Progress<'static> = Progress { line: &screen::progress, bar: &screen::bar };

/// Write a backup of the database into one file, while the server runs or while it does not.
///
/// Keys are not in it: who has both can read everything. The master key is in no backup: keep a copy of it by itself.
#[derive(Args)]
pub struct BackupArgs {
    /// Folder for the backup, lww-backup-TIME.tar.
    #[arg(long, value_name = "DIR")]
    to: PathBuf,
    /// Also write the wrapped keys to this file, for another place than the backup's. The master key opens them.
    #[arg(long, value_name = "FILE")]
    keys_to: Option<PathBuf>,
    /// Print the outcome as one line of JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    place: Place,
}

/// Put a backup into an empty place, and verify the whole ledger before anything has its name.
#[derive(Args)]
pub struct RestoreArgs {
    /// The backup.
    #[arg(long, value_name = "FILE")]
    from: PathBuf,
    /// The backup of the keys. Without it, the keys in place are used.
    #[arg(long, value_name = "FILE")]
    keys_from: Option<PathBuf>,
    /// A copy of the master key to put in place.
    #[arg(long, value_name = "FILE")]
    master_key_from: Option<PathBuf>,
    /// The old data directory, or a copy of its `guard` and `audit`: a backup that is older than what they know is refused,
    /// and the guards come along.
    #[arg(long, value_name = "DIR")]
    known_from: Option<PathBuf>,
    /// Print the outcome as one line of JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    place: Place,
}

pub(super) async fn backup(args: BackupArgs) -> Result<(), CommandError> {
    let config = args.place.load()?;
    let options = BackupOptions { to: args.to, keys_to: args.keys_to };
    let done = backup::backup(&config, &options, SystemClock.now(), &PROGRESS).await?;
    if args.json {
        screen::line(&backup_json(&done, &options));
    } else {
        tell_backup(&done, &options);
    }
    Ok(())
}

fn backup_json(done: &BackedUp, options: &BackupOptions) -> String {
    serde_json::json!({
        "backup": done.path,
        "bytes": done.bytes,
        "keys": options.keys_to,
        "recorded": done.recorded,
        "about": done.about,
    })
    .to_string()
}

fn tell_backup(done: &BackedUp, options: &BackupOptions) {
    screen::line(&format!("{} {} ({} bytes)", screen::good("BACKED UP"), done.path.display(), done.bytes));
    for log in &done.about.logs {
        screen::line(&format!("  {:<12} {} entries, root {}", log.tenant, log.size, log.root));
    }
    if done.recorded {
        screen::line("The server recorded it (backup.made).");
    } else {
        screen::line("No server runs here, so it is not recorded.");
    }
    match &options.keys_to {
        Some(keys) => screen::line(&format!("Wrapped keys: {}. Keep them elsewhere than the backup.", keys.display())),
        None => screen::line("Keys are not in it: back them up with --keys-to FILE, to another place."),
    }
    let master = done.master_key.display();
    screen::line(&format!("The master key, {master}, is in neither: without a copy of it nothing can be read again."));
    screen::line("Not in it either: the configuration, secrets that it names as files, certificates.");
}

pub(super) async fn restore(args: RestoreArgs) -> Result<(), CommandError> {
    let config = args.place.load()?;
    let options = RestoreOptions {
        from: args.from,
        keys_from: args.keys_from,
        master_key_from: args.master_key_from,
        known_from: args.known_from,
        owner: std::env::var_os(OWNER_URL).map(|_| db::owner(OWNER_URL)).transpose()?,
    };
    let done = backup::restore(&config, &options, &PROGRESS).await?;
    if args.json {
        screen::line(&restore_json(&done));
    } else {
        tell_restore(&done, &config.data_dir.display().to_string());
    }
    Ok(())
}

fn restore_json(done: &Restored) -> String {
    let log = |log: &RestoredLog| {
        serde_json::json!({
            "tenant": log.tenant,
            "size": log.size,
            "messages": log.messages,
            "guarded": log.guarded,
        })
    };
    let logs: Vec<_> = done.logs.iter().map(log).collect();
    serde_json::json!({"about": done.about, "logs": logs}).to_string()
}

fn tell_restore(done: &Restored, data_dir: &str) {
    screen::line(&format!("{} the backup of {} in {data_dir}", screen::good("RESTORED"), done.about.created));
    for log in &done.logs {
        let messages = match log.messages {
            Some(count) => format!("{count} messages opened and compared"),
            None => "nothing published yet".to_owned(),
        };
        screen::line(&format!("  {:<12} {} entries verified, {messages}", log.tenant, log.size));
    }
    if done.logs.iter().all(|log| log.guarded) {
        screen::line("Its rollback guards are in place. Start the server as always.");
        return;
    }
    screen::line(
        "There is no rollback guard for it: nothing here knows whether entries were signed after this backup.",
    );
    screen::line(
        "If the old data directory is still there, restore again with --known-from. If somebody holds a newer",
    );
    screen::line("checkpoint than these sizes, entries are missing: find a newer backup. Otherwise start once with");
    screen::line("--adopt-head: you vouch for it, and that is recorded.");
}
