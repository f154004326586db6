//! `lww evidence export`: asks the server for an evidence package, watches it being gathered, and keeps it as one file.
//!
//! Whoever asks does so by their own login, so that the ledger names them. Nothing half-written has the package's name.

use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::client::{Client, ClientError};
use super::person::Person;
use super::{CommandError, screen};
use crate::http::evidence_answers::{EvidencePackage, PackageProblem, PackageState};
use crate::wire;

/// Pause between two looks at how far a package is.
const LOOK_EVERY: Duration = Duration::from_millis(250);
/// The mode of what is kept: it may hold texts of customers.
const FILE_MODE: u32 = 0o600;

/// Evidence.
#[derive(Subcommand)]
pub enum EvidenceCommand {
    /// Take evidence out: every entry of a conversation, a person, a time or several of these, with proofs that none is
    /// missing, and the masked texts. That you do so, and why, is recorded.
    Export(ExportArgs),
}

/// What to take out.
#[derive(Args)]
#[command(group(clap::ArgGroup::new("what").required(true).multiple(true).args(["conversations", "subjects", "ranges"])))]
pub struct ExportArgs {
    /// All entries of this conversation; may be given several times with --case.
    #[arg(long = "conversation", value_name = "ID")]
    conversations: Vec<String>,
    /// All entries about this person, by the pseudonym that entries have; may be given several times with --case.
    #[arg(long = "subject", value_name = "ID")]
    subjects: Vec<String>,
    /// All entries of a time: from, and before when, such as 2026-01-05T00:00:00+08:00; several times with --case.
    #[arg(long = "range", value_names = ["FROM", "TO"], num_args = 2)]
    ranges: Vec<String>,
    /// The name of a case: several conversations, persons and times become one package. It stands before the reason.
    #[arg(long, value_name = "NAME")]
    case: Option<String>,
    /// Why you take it out. It is masked and committed to in the ledger; its text is in the receipt alone.
    #[arg(long, value_name = "TEXT")]
    reason: String,
    /// Where to keep the package, a tar; beside it the receipt of its entry, `<FILE>.tlog-proof`. Nothing is overwritten.
    #[arg(long = "to", value_name = "FILE")]
    to: PathBuf,
    /// Print what was kept as one line of JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    person: Person,
}

/// Why there is no package.
#[derive(Debug, thiserror::Error)]
pub enum EvidenceError {
    /// Several scopes are a case.
    #[error("several conversations, persons or times are a case: name it with --case")]
    NoCase,
    /// A time can't be read.
    #[error("{0}: not a time such as 2026-01-05T00:00:00+08:00")]
    Time(String),
    /// A file is there already.
    #[error("{path} is there already", path = .0.display())]
    Exists(PathBuf),
    /// The server refused, or can't be reached.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// The server could not make the package.
    #[error("{} ({})", .0.detail, .0.code)]
    Failed(PackageProblem),
    /// The server stopped to keep it.
    #[error("the server has no such package any more")]
    Gone,
}

pub(super) async fn run(command: EvidenceCommand) -> Result<(), CommandError> {
    let EvidenceCommand::Export(args) = command;
    let order = args.order()?;
    let receipt = with_extension(&args.to, "tlog-proof");
    for path in [&args.to, &receipt] {
        if path.exists() {
            return Err(EvidenceError::Exists(path.clone()).into());
        }
    }
    let client = args.person.log_in().await?;
    let begun = client.export_evidence(&order).await.map_err(EvidenceError::from)?;
    let kept = keep(&client, &begun.id, &args.to).await;
    // Whatever became of it here, the server needs it no longer. Its entry stays.
    let _ended = client.end_evidence(&begun.id).await;
    let _out = client.logout().await;
    kept?;
    written(&receipt, |file| file.write_all(begun.receipt.as_bytes()))?;
    tell(&args, &begun, &receipt);
    Ok(())
}

impl ExportArgs {
    /// The order as the server takes it.
    fn order(&self) -> Result<Value, EvidenceError> {
        let time = |text: &String| {
            let read = wire::time(text).ok_or_else(|| EvidenceError::Time(text.clone()))?;
            Ok::<_, EvidenceError>(read.to_string())
        };
        let mut scopes: Vec<Value> = self.conversations.iter().map(|id| json!({"conversation": id})).collect();
        scopes.extend(self.subjects.iter().map(|id| json!({"subject": id})));
        for range in self.ranges.as_chunks::<2>().0 {
            let [from, to] = range;
            scopes.push(json!({"range": {"from": time(from)?, "to": time(to)?}}));
        }
        match (&self.case, scopes.pop()) {
            (Some(case), last) => {
                scopes.extend(last);
                Ok(json!({"case": scopes, "reason": format!("{case}: {}", self.reason)}))
            }
            (None, Some(mut only)) if scopes.is_empty() => {
                only["reason"] = json!(self.reason);
                Ok(only)
            }
            (None, _) => Err(EvidenceError::NoCase),
        }
    }
}

/// Watches a package until it is ready, and fetches it.
async fn keep(client: &Client, id: &str, to: &Path) -> Result<(), EvidenceError> {
    let mut shown = 0;
    loop {
        let EvidencePackage { state, done, total, problem, .. } = client.evidence(id).await?;
        match state {
            PackageState::Gathering if done > shown => {
                screen::bar("gathered", done, total);
                shown = done;
            }
            PackageState::Waiting | PackageState::Gathering => {}
            PackageState::Ready => break,
            PackageState::Failed => return Err(problem.map_or(EvidenceError::Gone, EvidenceError::Failed)),
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
    let part = with_extension(to, "part");
    let mut file = private(&part).map_err(ClientError::from)?;
    let mut take = |piece: &[u8], done, all| {
        screen::bar("fetched", done, all);
        file.write_all(piece)
    };
    let fetched = client.fetch(&format!("/api/v1/evidence/{id}/package"), &mut take).await;
    let named = fetched.and_then(|()| {
        file.sync_all()?;
        if to.exists() {
            return Err(std::io::Error::from(std::io::ErrorKind::AlreadyExists).into());
        }
        Ok(std::fs::rename(&part, to)?)
    });
    if named.is_err() {
        std::fs::remove_file(&part).map_err(ClientError::from)?;
    }
    Ok(named?)
}

fn private(path: &Path) -> std::io::Result<File> {
    OpenOptions::new().write(true).create_new(true).mode(FILE_MODE).open(path)
}

fn written(path: &Path, write: impl FnOnce(&mut File) -> std::io::Result<()>) -> std::io::Result<()> {
    let mut file = private(path)?;
    write(&mut file)?;
    file.sync_all()
}

/// The same name with one more extension.
fn with_extension(path: &Path, extension: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".");
    name.push(extension);
    name.into()
}

fn tell(args: &ExportArgs, begun: &EvidencePackage, receipt: &Path) {
    let (package, receipt) = (args.to.display().to_string(), receipt.display().to_string());
    if args.json {
        let told = json!({"package": package, "receipt": receipt, "entry": begun.entry, "made": begun.made, "scopes": begun.scopes});
        screen::line(&told.to_string());
        return;
    }
    screen::line(&format!("{} {package}: recorded as entry {} at {}", screen::good("KEPT"), begun.entry, begun.made));
    screen::line(&format!("     {receipt}: that entry's receipt, which holds your reason"));
    screen::line("Verify both with the key from the sheet that was signed by hand, on a machine of your own:");
    screen::line(&format!("  lww-verify export --vkey VKEY {package}"));
    screen::line(&format!("  lww-verify proof --vkey VKEY {receipt}"));
}
