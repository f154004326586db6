//! `lww audit reconcile`: a platform's own list of messages against the ledger, both ways (对账).
//!
//! The list's ids are looked up, a few hundred at a time; then the ledger's messages of that channel account and time are read
//! and those that nothing of the list led to are named. It learns no text.

mod list;

use std::collections::{BTreeSet, HashSet};
use std::fs::{File, OpenOptions};
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use serde::{Deserialize, Serialize};

pub use self::list::{ListError, Listed, Messages, messages};
use super::client::{Client, ClientError};
use super::person::Person;
use super::{CommandError, screen};
use crate::limits::{RECONCILE_IDS_MAX, RECONCILE_LISTED_MAX};
use crate::units::Timestamp;
use crate::wire;

/// The kind of the entries of customers' messages.
const RECEIVED: &str = "message.received";
/// The channel whose senders give messages ids of their own.
const CHANNEL: &str = "http:";

/// Comparisons.
#[derive(Subcommand)]
pub enum AuditCommand {
    /// Compare a platform's or gateway's list of messages with the ledger, both ways. Exit code 3 when they differ.
    Reconcile(ReconcileArgs),
}

/// What to compare.
#[derive(Args)]
pub struct ReconcileArgs {
    /// The list: CSV with a line of column names, or JSON lines.
    file: PathBuf,
    /// The channel account that the list is of, such as http:app.
    #[arg(long, value_name = "CHANNEL:ACCOUNT")]
    channel: String,
    /// The column or field with the ids under which the messages were sent (their Idempotency-Key).
    #[arg(long, value_name = "NAME", default_value = "id")]
    column: String,
    /// From when the list tells, such as 2026-01-05T00:00:00+08:00 [default: the log's beginning].
    #[arg(long, value_name = "TIME")]
    from: Option<String>,
    /// Before when [default: now].
    #[arg(long = "before", value_name = "TIME")]
    before: Option<String>,
    /// Print the result as JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    person: Person,
}

/// Why nothing was compared, or what the comparison found.
#[derive(Debug, thiserror::Error)]
pub enum ReconcileError {
    /// The list can't be read.
    #[error("{path}: {source}", path = .path.display())]
    List {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: ListError,
    },
    /// A time can't be read.
    #[error("{0}: not a time such as 2026-01-05T00:00:00+08:00")]
    Time(String),
    /// Nobody else knows the channel's ids.
    #[error("{0}: only accounts of the channel http have senders with ids of their own")]
    Channel(String),
    /// The server refused, or can't be reached.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// An entry can't be read.
    #[error("entry {0} can't be read")]
    Entry(u64),
    /// The list and the ledger differ.
    #[error("the list and the ledger differ in {0} messages")]
    Differs(u64),
}

/// What of an entry is compared.
#[derive(Deserialize)]
struct Received {
    time: Timestamp,
    channel: Option<String>,
}

/// A message of the list that is not in the ledger, or is there twice.
#[derive(Serialize)]
struct InList {
    row: u64,
    id: String,
}

/// A message of the ledger that is not in the list.
#[derive(Serialize)]
struct InLedger {
    entry: u64,
    time: String,
}

/// What the comparison found; lists stop at [`RECONCILE_LISTED_MAX`], numbers don't.
#[derive(Default, Serialize)]
struct Found {
    channel: String,
    listed: u64,
    recorded: u64,
    recorded_at_another_time: u64,
    not_recorded: u64,
    twice: u64,
    not_listed: u64,
    not_recorded_messages: Vec<InList>,
    twice_messages: Vec<InList>,
    not_listed_entries: Vec<InLedger>,
}

pub(super) async fn run(command: AuditCommand) -> Result<(), CommandError> {
    let AuditCommand::Reconcile(args) = command;
    if !args.channel.starts_with(CHANNEL) {
        return Err(ReconcileError::Channel(args.channel).into());
    }
    let (from, before) = (time(args.from.as_deref())?, time(args.before.as_deref())?);
    // Who named another file hears of that first, not of a login.
    let list = open(&args)?;
    let client = args.person.log_in().await?;
    let compared = compare(&client, &args, list, (from, before)).await;
    let _out = client.logout().await;
    let found = compared?;
    if args.json {
        screen::line(&serde_json::to_string(&found).map_err(io::Error::from)?);
    } else {
        tell(&found);
    }
    let differences = found.not_recorded + found.twice + found.not_listed;
    if differences == 0 { Ok(()) } else { Err(ReconcileError::Differs(differences).into()) }
}

fn time(given: Option<&str>) -> Result<Option<Timestamp>, ReconcileError> {
    given.map(|text| wire::time(text).ok_or_else(|| ReconcileError::Time(text.to_owned()))).transpose()
}

type Times = (Option<Timestamp>, Option<Timestamp>);

/// Opens the list and finds its column.
fn open(args: &ReconcileArgs) -> Result<Messages<'_>, ReconcileError> {
    let list = |source| ReconcileError::List { path: args.file.clone(), source };
    let file = Counted::open(&args.file).map_err(|error| list(error.into()))?;
    messages(BufReader::new(file), &args.column).map_err(list)
}

async fn compare(
    client: &Client,
    args: &ReconcileArgs,
    list: Messages<'_>,
    times: Times,
) -> Result<Found, ReconcileError> {
    let mut found = Found { channel: args.channel.clone(), ..Found::default() };
    let mut entries = look_up(client, args, list, &mut found).await?;
    found.recorded = entries.len() as u64;
    read_ledger(client, &args.channel, times, &mut entries, &mut found).await?;
    // What was found by its id and not met among the entries of this time is recorded all the same.
    found.recorded_at_another_time = entries.len() as u64;
    Ok(found)
}

/// Looks the list's ids up; the entries that they lead to.
async fn look_up(
    client: &Client,
    args: &ReconcileArgs,
    mut list_of: Messages<'_>,
    found: &mut Found,
) -> Result<BTreeSet<u64>, ReconcileError> {
    let list = |source| ReconcileError::List { path: args.file.clone(), source };
    let (mut seen, mut entries) = (HashSet::new(), BTreeSet::new());
    loop {
        let mut some = Vec::with_capacity(RECONCILE_IDS_MAX);
        for message in list_of.by_ref().take(RECONCILE_IDS_MAX) {
            let Listed { row, id } = message.map_err(list)?;
            found.listed += 1;
            if seen.insert(digest(&id)) {
                some.push(InList { row, id });
            } else {
                found.twice += 1;
                keep(&mut found.twice_messages, InList { row, id });
            }
        }
        if some.is_empty() {
            return Ok(entries);
        }
        let ids: Vec<_> = some.iter().map(|one| one.id.clone()).collect();
        let known = client.recorded_messages(&args.channel, &ids).await?;
        for (one, entry) in some.into_iter().zip(known) {
            if let Some(entry) = entry {
                entries.insert(entry);
            } else {
                found.not_recorded += 1;
                keep(&mut found.not_recorded_messages, one);
            }
        }
    }
}

/// Reads the ledger's messages of a time, and takes those that the list led to out of `entries`.
async fn read_ledger(
    client: &Client,
    channel: &str,
    (from, before): Times,
    entries: &mut BTreeSet<u64>,
    found: &mut Found,
) -> Result<(), ReconcileError> {
    let size = client.ledger_head().await?.size.unwrap_or(0);
    // The first entry opens the log and is no message.
    let mut after = match from {
        Some(from) => first_since(client, from, size).await?.saturating_sub(1),
        None => 0,
    };
    let start = after;
    while after + 1 < size {
        let page = client.ledger_entries(after, RECEIVED).await?;
        for entry in &page.entries {
            let Received { time, channel: by } =
                wire::json(entry.entry.as_bytes()).map_err(|_| ReconcileError::Entry(entry.index))?;
            if entry.index >= size || before.is_some_and(|before| time >= before) {
                screen::bar("entries read", size - start, size - start);
                return Ok(());
            }
            let is_asked_for = by.as_deref() == Some(channel) && from.is_none_or(|from| time >= from);
            if is_asked_for && !entries.remove(&entry.index) {
                found.not_listed += 1;
                keep(&mut found.not_listed_entries, InLedger { entry: entry.index, time: time.to_string() });
            }
        }
        after = page.next.unwrap_or(size);
        screen::bar("entries read", after.min(size) - start, size - start);
    }
    Ok(())
}

/// The first entry that is not before a time: entries are in the order of their times.
async fn first_since(client: &Client, from: Timestamp, size: u64) -> Result<u64, ReconcileError> {
    let (mut low, mut high) = (0, size);
    while low < high {
        let middle = u64::midpoint(low, high);
        let entry = client.ledger_entry(middle).await?;
        let Received { time, .. } = wire::json(entry.entry.as_bytes()).map_err(|_| ReconcileError::Entry(middle))?;
        if time < from { low = middle + 1 } else { high = middle }
    }
    Ok(low)
}

fn keep<T>(list: &mut Vec<T>, one: T) {
    if list.len() < RECONCILE_LISTED_MAX {
        list.push(one);
    }
}

/// Enough of an id to tell it from two million others.
fn digest(id: &str) -> [u8; 16] {
    let digest = ring::digest::digest(&ring::digest::SHA256, id.as_bytes());
    std::array::from_fn(|at| digest.as_ref().get(at).copied().unwrap_or(0))
}

/// A file that shows how far it was read.
struct Counted {
    file: File,
    done: u64,
    all: u64,
}

impl Counted {
    fn open(path: &Path) -> io::Result<Self> {
        let file = OpenOptions::new().read(true).open(path)?;
        let all = file.metadata()?.len();
        Ok(Self { file, done: 0, all })
    }
}

impl Read for Counted {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read(buffer)?;
        self.done += read as u64;
        if read > 0 {
            screen::bar("bytes of the list", self.done, self.all.max(self.done));
        }
        Ok(read)
    }
}

/// The numbers as a table, then what they count, one a line.
fn tell(found: &Found) {
    screen::line(&screen::strong(&found.channel));
    let row = |name: &str, number: u64, is_difference: bool| {
        let number = format!("{number:>10}");
        let shown = if is_difference && number.trim() != "0" { screen::bad(&number) } else { number };
        screen::line(&format!("  {name:<48}{shown}"));
    };
    row("in the list 清单中", found.listed, false);
    row("recorded 已存证", found.recorded, false);
    row("  of these at another time 其中时间范围外", found.recorded_at_another_time, false);
    row("in the list and not recorded 清单有、账本无", found.not_recorded, true);
    row("twice in the list 清单中重复", found.twice, true);
    row("recorded and not in the list 账本有、清单无", found.not_listed, true);
    for (what, list, all) in [
        ("not recorded", &found.not_recorded_messages, found.not_recorded),
        ("twice in the list", &found.twice_messages, found.twice),
    ] {
        for one in list {
            screen::line(&format!("  {what}: row {}, id {}", one.row, one.id));
        }
        more(list.len(), all);
    }
    for InLedger { entry, time } in &found.not_listed_entries {
        screen::line(&format!("  not in the list: entry {entry}, {time}"));
    }
    more(found.not_listed_entries.len(), found.not_listed);
    if found.not_recorded + found.twice + found.not_listed == 0 {
        screen::line(&screen::good("SAME: every message is in both"));
    }
}

fn more(shown: usize, all: u64) {
    let more = all.saturating_sub(shown as u64);
    if more > 0 {
        screen::line(&format!("  and {more} more"));
    }
}
