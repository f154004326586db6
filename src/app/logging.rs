//! Where tracing goes: JSON lines into daily files that are written aside (tracing-appender), warnings also to stderr.
//!
//! Events hold ids, counts and durations, never content; `tests/` search the files for canaries.

use std::fs::DirBuilder;
use std::io::IsTerminal;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::Path;

use tracing_appender::non_blocking::WorkerGuard;
use tracing_appender::rolling::{RollingFileAppender, Rotation};
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer, fmt};

/// Days of log files that are kept.
const FILES_MAX: usize = 30;

/// Flushes the log when it is dropped.
pub struct LogGuard {
    _worker: WorkerGuard,
}

/// Sends tracing into `folder` from here on.
///
/// # Errors
/// The reason, when the folder can't be used or tracing was set up before.
pub fn start_logging(folder: &Path, level: &str) -> Result<LogGuard, String> {
    let made = DirBuilder::new().recursive(true).mode(0o700).create(folder);
    made.map_err(|error| format!("{}: {error}", folder.display()))?;
    let files = RollingFileAppender::builder()
        .rotation(Rotation::DAILY)
        .filename_prefix("lww")
        .filename_suffix("log")
        .max_log_files(FILES_MAX)
        .build(folder)
        .map_err(|error| format!("{}: {error}", folder.display()))?;
    let (writer, worker) = tracing_appender::non_blocking(files);
    // Other crates may log what they were given: only their warnings are kept.
    let filter = EnvFilter::try_new(format!("warn,liaowaiwai={level}"))
        .map_err(|error| format!("log level {level:?}: {error}"))?;
    let to_files = fmt::layer().json().with_writer(writer).with_filter(filter);
    let to_stderr = fmt::layer()
        .compact()
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr)
        .with_filter(LevelFilter::WARN);
    tracing_subscriber::registry().with(to_files).with(to_stderr).try_init().map_err(|error| error.to_string())?;
    Ok(LogGuard { _worker: worker })
}
