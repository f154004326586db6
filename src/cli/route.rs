//! `lww route`: tries a routing table on cases, checks and activates one, and makes recorded decisions again.
//!
//! Cases are read as a stream, one JSON object a line, and answered before an error ends the command. Only `activate`, and
//! `replay` without a table at hand, speak to a server.

use std::io::{self, BufRead, Read, Write};
use std::path::{Path, PathBuf};

use clap::Subcommand;
use lww_audit::tile::{Part, TilePath, WIDTH};
use lww_audit::{Entry, EntryIndex, TileDir};
use serde::Serialize;

use super::ledger::name;
use super::{CommandError, Place, screen};
use crate::app::{Order, ask};
use crate::domain::routing::{CaseDoc, CaseError, Decision, ReplayError, Table, TableError, replay, table_of};
use crate::limits::TABLE_BYTES_MAX;
use crate::units::TenantId;

/// Longest line of a case in bytes.
const LINE_BYTES_MAX: usize = 64 * 1024;

const EXAMPLES: &str = "\
Examples:
  Where would a VIP who lost a card go, at three in the morning of a holiday?
    echo '{\"channel\": \"http\", \"tier\": \"vip\", \"tags\": [\"card_loss\"], \"at\": \"2026-10-01 03:00\"}' \\
      | lww route --table policies/routing/cn-retail.yaml
    row card-loss -> queue card-loss, priority 1, open (tag=card_loss)

  The same for a file of cases, for scripts:
    lww route --table policies/routing/cn-retail.yaml --jsonl < cases.jsonl

  Is a table sound? Then make it the active one of the server that runs here:
    lww route check policies/routing/cn-retail.yaml
    lww route activate policies/routing/cn-retail.yaml --tenant demo

  Make a recorded decision again, by its index in the ledger or from a file with its entry:
    lww route replay 17 --tenant demo
    lww route replay entry.json --table policies/routing/cn-retail.yaml";

/// Try a routing table on cases from standard input, one JSON object a line.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES, args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub struct RouteArgs {
    #[command(subcommand)]
    command: Option<RouteCommand>,
    /// Routing table (YAML). Its own tests run first; a table that fails one decides nothing.
    #[arg(long, value_name = "FILE", required = true)]
    table: Option<PathBuf>,
    /// Answer with one JSON object a line.
    #[arg(long)]
    jsonl: bool,
}

/// What else can be done with tables.
#[derive(Subcommand)]
enum RouteCommand {
    /// Lint a table, run its own tests and print its digest; nothing is activated.
    Check {
        /// The table's file.
        file: PathBuf,
    },
    /// Make a table the active one: its tests are run, and the change is an entry in the ledger.
    Activate {
        /// The table's file.
        file: PathBuf,
        /// The tenant.
        #[arg(long, default_value = "demo")]
        tenant: String,
        #[command(flatten)]
        place: Place,
    },
    /// Make the decision of a ledger entry again, and say whether the same comes out; exit code 1 when not.
    Replay {
        /// Index of the entry in the published log, or a file that holds the entry's JSON.
        entry: String,
        /// The table that the decision was made with; without it, the server is asked for the one that the entry names.
        #[arg(long, value_name = "FILE")]
        table: Option<PathBuf>,
        /// The tenant.
        #[arg(long, default_value = "demo")]
        tenant: String,
        #[command(flatten)]
        place: Place,
    },
}

/// Why `lww route` failed. Lines before the named one are answered.
#[derive(Debug, thiserror::Error)]
pub enum RouteError {
    /// The table is refused.
    #[error("{path}: {source}")]
    Table {
        /// The file.
        path: PathBuf,
        /// Why.
        source: TableError,
    },
    /// A file can't be read.
    #[error("{path}: {source}")]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A line is longer than any case.
    #[error("line {line}: longer than {LINE_BYTES_MAX} bytes")]
    LineTooLong {
        /// Number of the line, from 1.
        line: u64,
    },
    /// A line is no case.
    #[error(
        "line {line}, column {column}: expected {{\"channel\": …, \"tier\": …, \"language\": …, \"tags\": […], \"intent\": …, \"mood\": …, \"at\": …}}"
    )]
    NotJson {
        /// Number of the line, from 1.
        line: u64,
        /// Where parsing stopped, in bytes from 1.
        column: usize,
    },
    /// A case has a word or a time that the table doesn't know.
    #[error("line {line}: {source}")]
    Case {
        /// Number of the line, from 1.
        line: u64,
        /// What is wrong.
        source: CaseError,
    },
    /// Reading or writing failed.
    #[error("line {line}: {source}")]
    Stream {
        /// Number of the line, from 1.
        line: u64,
        /// What the system said.
        source: io::Error,
    },
    /// The entry can't be found or read.
    #[error("entry {entry}: {reason}")]
    Entry {
        /// As it was asked for.
        entry: String,
        /// What is wrong.
        reason: String,
    },
    /// The decision can't be made again.
    #[error("entry {entry}: {source}")]
    Replay {
        /// As it was asked for.
        entry: String,
        /// Why.
        source: ReplayError,
    },
    /// Another decision comes out.
    #[error("DIFFERENT: the entry says {recorded}; the table says {again}")]
    Different {
        /// As the entry has it.
        recorded: String,
        /// As it comes out.
        again: String,
    },
}

/// Whether the command needs a server and so a runtime.
pub(super) async fn run(args: RouteArgs) -> Result<(), CommandError> {
    match args.command {
        None => {
            let table = load(&args.table.unwrap_or_default())?;
            Ok(route(&table, args.jsonl, io::stdin().lock(), io::stdout().lock())?)
        }
        Some(RouteCommand::Check { file }) => {
            let table = load(&file)?;
            screen::line(&format!(
                "{}: {} version {}, {} rows and {} queues, passes its tests (digest {})",
                file.display(),
                table.id(),
                table.version(),
                table.rows(),
                table.queues().len(),
                table.digest()
            ));
            Ok(())
        }
        Some(RouteCommand::Activate { file, tenant, place }) => {
            let order = Order::ActivateTable { tenant, source: read(&file)? };
            let digest = ask(&place.load()?.data_dir, &order).await?;
            screen::line(&format!("active: {} (digest {digest})", file.display()));
            Ok(())
        }
        Some(RouteCommand::Replay { entry, table, tenant, place }) => again(&entry, table, tenant, &place).await,
    }
}

#[derive(Serialize)]
struct Answer<'a> {
    row: &'a str,
    queue: &'a str,
    priority: u8,
    skills: &'a [String],
    sla_s: Option<u32>,
    sticky: bool,
    open: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    opens: Option<String>,
    reason: String,
}

/// Decides each case of `input` and writes the answers to `output`.
///
/// # Errors
/// Stops at the first line that is no case; everything before it is answered and flushed.
pub fn route(table: &Table, jsonl: bool, mut input: impl BufRead, output: impl Write) -> Result<(), RouteError> {
    let mut output = io::BufWriter::new(output);
    let mut bytes = Vec::new();
    let mut outcome = Ok(());
    let mut line = 0;
    while outcome.is_ok() {
        line += 1;
        outcome = match read_line(&mut input, &mut bytes, line) {
            Ok(false) => break,
            Ok(true) => decide(table, jsonl, (&bytes, line), &mut output),
            Err(error) => Err(error),
        };
    }
    let flushed = output.flush().map_err(|source| RouteError::Stream { line, source });
    match outcome.and(flushed) {
        // Whoever reads the output has seen enough.
        Err(RouteError::Stream { source, .. }) if source.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        outcome => outcome,
    }
}

fn decide(table: &Table, jsonl: bool, (bytes, line): (&[u8], u64), output: &mut impl Write) -> Result<(), RouteError> {
    let written: CaseDoc =
        serde_json::from_slice(bytes).map_err(|error| RouteError::NotJson { line, column: error.column() })?;
    let case = table.case(written).map_err(|source| RouteError::Case { line, source })?;
    let decision = table.decide(&case);
    let Decision { row, queue, priority, skills, sla_s, sticky } = &decision;
    let hours = table.queue(queue).map_or("", |queue| queue.hours.as_str());
    let open = table.calendar().is_open(hours, table.calendar().moment(case.at));
    let opens = table.calendar().opens(hours, case.at).filter(|_| !open).map(|at| table.calendar().written(at));
    let reason = table.reason(&case);
    let told = if jsonl {
        let (priority, sla_s, sticky) = (*priority, *sla_s, *sticky);
        let answer = Answer { row, queue, priority, skills, sla_s, sticky, open, opens, reason };
        serde_json::to_writer(&mut *output, &answer).map_err(io::Error::from).and_then(|()| output.write_all(b"\n"))
    } else {
        let hours = opens.map_or_else(|| "open".to_owned(), |at| format!("closed until {at}"));
        writeln!(output, "row {row} -> queue {queue}, priority {priority}, {hours} ({reason})")
    };
    told.map_err(|source| RouteError::Stream { line, source })
}

/// Reads one line that is not empty; false at the end of the input.
fn read_line(input: &mut impl BufRead, bytes: &mut Vec<u8>, line: u64) -> Result<bool, RouteError> {
    bytes.clear();
    let limit = LINE_BYTES_MAX as u64 + 1;
    let read = input.take(limit).read_until(b'\n', bytes).map_err(|source| RouteError::Stream { line, source })?;
    if bytes.len() > LINE_BYTES_MAX {
        return Err(RouteError::LineTooLong { line });
    }
    Ok(read > 0)
}

async fn again(entry: &str, table: Option<PathBuf>, tenant: String, place: &Place) -> Result<(), CommandError> {
    let found = entry_of(entry, &tenant, place)?;
    let cant = |source| RouteError::Replay { entry: entry.to_owned(), source };
    let named = table_of(&found).map_err(cant)?;
    let table = match table {
        Some(file) => load(&file)?,
        None => {
            let order = Order::ShowTable { tenant, digest: Some(named.to_string()) };
            let source = ask(&place.load()?.data_dir, &order).await?;
            Table::load(&source).map_err(|source| RouteError::Table { path: named.to_string().into(), source })?
        }
    };
    let replayed = replay(&found, &table).map_err(cant)?;
    if !replayed.is_same() {
        let (recorded, again) = (replayed.recorded, replayed.again);
        return Err(RouteError::Different { recorded, again }.into());
    }
    screen::line(&format!("{} {} ({}): {}", screen::good("SAME"), found.kind.as_str(), replayed.what, replayed.again));
    Ok(())
}

/// An entry by its index in the published log, or from a file.
fn entry_of(entry: &str, tenant: &str, place: &Place) -> Result<Entry, CommandError> {
    let wrong = |reason: String| RouteError::Entry { entry: entry.to_owned(), reason };
    let bytes = match entry.parse::<u64>() {
        Ok(index) => {
            let config = place.load()?;
            let tiles = TileDir::open(config.tiles_dir(&name(&config, tenant, TenantId(-1))));
            published(&tiles, EntryIndex(index)).map_err(|error| wrong(error.to_string()))?
        }
        Err(_) => read(Path::new(entry))?.trim_end_matches(['\r', '\n']).as_bytes().to_vec(),
    };
    Ok(Entry::parse(&bytes).map_err(|error| wrong(error.to_string()))?)
}

/// The bytes of a published entry.
fn published(tiles: &TileDir, index: EntryIndex) -> Result<Vec<u8>, lww_audit::Error> {
    let missing = lww_audit::Error::Gap { first: index, last: index };
    let Some(signed) = tiles.checkpoint()? else { return Err(missing) };
    let size = signed.unverified().size;
    let Some(path) = TilePath::in_tree(Part::Entries, index.0 / WIDTH, size).filter(|_| index.0 < size.0) else {
        return Err(missing);
    };
    let place = usize::try_from(index.0 % WIDTH).unwrap_or(usize::MAX);
    let bundle = tiles.bundle(path)?;
    let found = bundle.entries().nth(place).map(|entry| entry.bytes.to_vec());
    found.ok_or(missing)
}

fn load(path: &Path) -> Result<Table, RouteError> {
    Table::load(&read(path)?).map_err(|source| RouteError::Table { path: path.into(), source })
}

fn read(path: &Path) -> Result<String, RouteError> {
    let failed = |source| RouteError::File { path: path.into(), source };
    let mut text = String::new();
    let limit = TABLE_BYTES_MAX as u64 + 1;
    std::fs::File::open(path).map_err(failed)?.take(limit).read_to_string(&mut text).map_err(failed)?;
    Ok(text)
}
