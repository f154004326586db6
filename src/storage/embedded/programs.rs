//! Runs PostgreSQL's own programs and reads their last words.
//!
//! Each run has a time limit, and each failure becomes an error that names the data directory and
//! ends with what the program or the server's log said. Knows nothing of what the programs do.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::process::Command;
use tokio::time::timeout;

use super::error::EmbeddedError;

/// Longest that any program may run, in seconds.
const PROGRAM_TIMEOUT_S: u64 = 600;

/// How much of the end of an output or log an error shows.
const TAIL_BYTES_MAX: usize = 4096;
const TAIL_LINES_MAX: usize = 15;

/// A program to run: its name for errors, and the data directory that it works on.
pub(super) struct Program<'a> {
    pub(super) name: &'static str,
    pub(super) data: &'a Path,
    pub(super) command: Command,
}

impl Program<'_> {
    /// Runs the program to its end and fails with its output if it failed.
    pub(super) async fn run(self, input: &str) -> Result<(), EmbeddedError> {
        let (name, data) = (self.name, self.data);
        let output = self.output(input).await?;
        if output.status.success() {
            return Ok(());
        }
        let text = [output.stdout, output.stderr].concat();
        Err(failure(name, data, output.status, &tail_of(&text)))
    }

    /// Runs the program to its end with `input` as its standard input.
    pub(super) async fn output(mut self, input: &str) -> Result<Output, EmbeddedError> {
        let program = PathBuf::from(self.command.as_std().get_program());
        self.command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = self.command.kill_on_drop(true).spawn().map_err(EmbeddedError::io("start", &program))?;
        let stdin = child.stdin.take();
        let talked = async {
            if let Some(mut stdin) = stdin {
                // A program that ends early says why on its own output; the broken pipe does not.
                let _ = stdin.write_all(input.as_bytes()).await;
            }
            child.wait_with_output().await
        };
        match timeout(Duration::from_secs(PROGRAM_TIMEOUT_S), talked).await {
            Ok(output) => output.map_err(EmbeddedError::io("talk to", program)),
            Err(_) => Err(EmbeddedError::ProgramTimedOut {
                program: self.name,
                path: self.data.to_owned(),
                timeout_s: PROGRAM_TIMEOUT_S,
            }),
        }
    }
}

/// Turns a failed run into an error; a full disk is told apart because the way out is another.
pub(super) fn failure(
    program: &'static str,
    data: &Path,
    status: std::process::ExitStatus,
    tail: &str,
) -> EmbeddedError {
    let (path, tail) = (data.to_owned(), tail.to_owned());
    if tail.contains("No space left on device") || tail.contains("Disk quota exceeded") {
        return EmbeddedError::DiskFull { path, tail };
    }
    EmbeddedError::ProgramFailed { program, path, status, tail }
}

/// Last lines of a log file after byte `from`; empty if it cannot be read.
pub(super) fn log_tail(log: &Path, from: u64) -> String {
    let read = || -> std::io::Result<Vec<u8>> {
        let mut file = File::open(log)?;
        let length = file.metadata()?.len();
        file.seek(SeekFrom::Start(from.max(length.saturating_sub(TAIL_BYTES_MAX as u64))))?;
        let mut bytes = Vec::new();
        file.take(TAIL_BYTES_MAX as u64).read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    read().map(|bytes| tail_of(&bytes)).unwrap_or_default()
}

fn tail_of(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    let from = lines.len().saturating_sub(TAIL_LINES_MAX);
    lines.into_iter().skip(from).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::process::ExitStatusExt;

    #[test]
    fn a_tail_is_bounded_and_keeps_the_end() {
        let text: String = ["line\n\n"; 1000].concat() + "last line\n";
        let tail = tail_of(text.as_bytes());
        assert_eq!(tail.lines().count(), TAIL_LINES_MAX);
        assert!(tail.ends_with("last line"));
    }

    #[test]
    fn a_log_tail_leaves_out_what_an_earlier_start_said() {
        let root = tempfile::tempdir().unwrap();
        let log = root.path().join("log");
        std::fs::write(&log, "before\nafter\n").unwrap();
        assert_eq!(log_tail(&log, 7), "after");
        assert_eq!(log_tail(&log, 100), "");
        assert_eq!(log_tail(&root.path().join("missing"), 0), "");
    }

    #[test]
    fn a_full_disk_is_told_apart_from_other_failures() {
        let status = std::process::ExitStatus::from_raw(256);
        for (tail, full) in [("FATAL: x: No space left on device", true), ("FATAL: x", false)] {
            let error = failure("initdb", Path::new("/d"), status, tail);
            assert_eq!(matches!(error, EmbeddedError::DiskFull { .. }), full);
            assert!(error.to_string().contains("/d") && error.to_string().contains(tail));
        }
    }
}
