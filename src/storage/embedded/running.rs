//! Starts, finds and stops the running PostgreSQL.
//!
//! PostgreSQL outlives a server that was killed. What its `postmaster.pid` says is believed only
//! after a look at the process itself: after a crash or a reboot the number may belong to anybody.
//! Source: PostgreSQL 15 manual, `pg_ctl`; `src/backend/utils/init/miscinit.c` for the lock file.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;
use std::time::Duration;

use super::binaries::Binaries;
use super::error::EmbeddedError;
use super::place::{Place, remove_file};
use super::programs::{Program, failure, log_tail};

/// Tries and pause while the children of a killed PostgreSQL still hold its memory.
const START_TRIES_MAX: u32 = 40;
const START_PAUSE_MS: u64 = 250;

/// PostgreSQL's words for memory that children of a killed server still hold.
const MEMORY_IN_USE: &str = "shared memory block";

/// How long a start and a stop may take, in seconds; less than any program may run. Recovery after
/// a crash can take minutes.
const START_TIMEOUT_S: u64 = 540;
const STOP_TIMEOUT_S: u64 = 60;

/// Size beyond which the log of earlier runs is set aside at a start.
const LOG_BYTES_MAX: u64 = 16 << 20;

/// What `postmaster.pid` and the process table say together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Occupant {
    /// PostgreSQL does not run.
    Nobody,
    /// PostgreSQL runs on this data directory with this process id.
    Server(u32),
    /// The file names a process that is no PostgreSQL of this data directory.
    Stranger,
}

/// Finds out whether PostgreSQL runs on the data directory.
pub(super) async fn occupant(place: &Place) -> Result<Occupant, EmbeddedError> {
    let path = place.pid_file();
    let text = match fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Occupant::Nobody),
        Err(error) => return Err(EmbeddedError::io("read", path)(error)),
    };
    let Some(pid) = text.lines().next().and_then(|line| line.trim().parse::<u32>().ok()) else {
        return Err(EmbeddedError::FileDamaged { path, expected: "a process id" });
    };
    if !Path::new(&format!("/proc/{pid}")).exists() {
        return Ok(Occupant::Nobody);
    }
    // The process is asked after as PostgreSQL's own account: in a container, root may not look
    // into other accounts' processes, but each account may look into its own.
    let mut command = place.account.command(Path::new("readlink"));
    command.arg(format!("/proc/{pid}/cwd"));
    let output = Program { name: "readlink", data: &place.data, command }.output("").await?;
    let folder = String::from_utf8_lossy(&output.stdout);
    let name = fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
    // A zombie that nobody reaps has no folder any more and counts as a stranger too.
    let ours = Path::new(folder.trim_end()) == place.data && name.trim_end() == "postgres";
    Ok(if ours { Occupant::Server(pid) } else { Occupant::Stranger })
}

/// When a process began, in the kernel's ticks; `None` when it is gone or only waits to be reaped. Together with its id
/// this tells a process from a later one of the same id, without a program of its own.
pub(super) fn began(pid: u32) -> Option<u64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name before may hold blanks and brackets; the state is the first field behind it, the start the 20th.
    let (_, fields) = stat.rsplit_once(')')?;
    let mut fields = fields.split_ascii_whitespace();
    match fields.next()? {
        "Z" | "X" => None,
        _ => fields.nth(18)?.parse().ok(),
    }
}

/// Starts PostgreSQL and waits until it accepts connections. Returns its process id.
pub(super) async fn start(place: &Place, binaries: &Binaries) -> Result<u32, EmbeddedError> {
    clear_stale_locks(place).await?;
    set_aside_long_log(place)?;
    for _ in 1..START_TRIES_MAX {
        match start_once(place, binaries).await {
            Err(EmbeddedError::ProgramFailed { tail, .. }) if tail.contains(MEMORY_IN_USE) => {
                tokio::time::sleep(Duration::from_millis(START_PAUSE_MS)).await;
            }
            other => return other,
        }
    }
    start_once(place, binaries).await
}

/// Removes the lock files of a PostgreSQL that is gone. PostgreSQL itself would refuse to start as
/// long as any process has the number that they name. Its second check, on the memory that children
/// of a dead server hold, stays in force.
async fn clear_stale_locks(place: &Place) -> Result<(), EmbeddedError> {
    match occupant(place).await? {
        Occupant::Server(_) => Ok(()),
        Occupant::Nobody | Occupant::Stranger => {
            remove_file(&place.pid_file())?;
            remove_file(&place.socket_lock_file())
        }
    }
}

async fn start_once(place: &Place, binaries: &Binaries) -> Result<u32, EmbeddedError> {
    let log = place.log_file();
    let log_bytes = fs::metadata(&log).map_or(0, |found| found.len());
    let mut command = pg_ctl(place, binaries, "start", START_TIMEOUT_S);
    command.arg("--log").arg(&log);
    let output = Program { name: "pg_ctl start", data: &place.data, command }.output("").await?;
    if !output.status.success() {
        let own_words = String::from_utf8_lossy(&output.stderr);
        let tail = match log_tail(&log, log_bytes) {
            empty if empty.is_empty() => own_words.trim().to_owned(),
            words => words,
        };
        return Err(failure("pg_ctl start", &place.data, output.status, &tail));
    }
    match occupant(place).await? {
        Occupant::Server(pid) => Ok(pid),
        Occupant::Nobody | Occupant::Stranger => {
            let tail = log_tail(&log, log_bytes);
            Err(failure("postgres", &place.data, output.status, &tail))
        }
    }
}

/// Stops PostgreSQL: open transactions are rolled back and a checkpoint is written. One that cannot
/// do so in time is stopped at once; its next start recovers from the write-ahead log.
pub(super) async fn stop(place: &Place, binaries: &Binaries) -> Result<(), EmbeddedError> {
    match occupant(place).await? {
        Occupant::Nobody | Occupant::Stranger => return Ok(()),
        Occupant::Server(_) => {}
    }
    let stop = |mode| {
        let mut command = pg_ctl(place, binaries, "stop", STOP_TIMEOUT_S);
        command.args(["--mode", mode]);
        Program { name: "pg_ctl stop", data: &place.data, command }.run("")
    };
    // PostgreSQL 18 was seen to wait for ever when it is stopped while it recovers from a crash.
    match stop("fast").await {
        Err(EmbeddedError::ProgramFailed { .. }) => stop("immediate").await,
        other => other,
    }
}

fn pg_ctl(place: &Place, binaries: &Binaries, verb: &str, timeout_s: u64) -> tokio::process::Command {
    let mut command = place.account.command(&binaries.program("pg_ctl"));
    command.args([verb, "--wait", "--silent", "--timeout", &timeout_s.to_string()]);
    command.arg("--pgdata").arg(&place.data);
    command
}

fn set_aside_long_log(place: &Place) -> Result<(), EmbeddedError> {
    let log = place.log_file();
    if fs::metadata(&log).map_or(0, |found| found.len()) <= LOG_BYTES_MAX {
        return Ok(());
    }
    fs::rename(&log, log.with_extension("log.old")).map_err(EmbeddedError::io("rename", &log))
}
