//! Where tracing goes: JSON lines into daily files that are written aside (tracing-appender), warnings also to stderr.
//!
//! Events hold ids, counts and durations, never content; `tests/` search the files for canaries. Rust's own account of a
//! panic may quote what it was about, so it is replaced by one that tells the place.

use std::fmt::Display;
use std::fs::DirBuilder;
use std::io::IsTerminal;
use std::os::unix::fs::DirBuilderExt as _;
use std::panic::PanicHookInfo;
use std::path::Path;

use tracing_appender::non_blocking::WorkerGuard;
use tracing_appender::rolling::{RollingFileAppender, Rotation};
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer, fmt};

use crate::telemetry::{Occurrence, emit};

/// Days of log files that are kept.
const FILES_MAX: usize = 30;

/// Flushes the log when it is dropped.
pub struct LogGuard {
    _worker: WorkerGuard,
}

/// Sends tracing, and where something panicked, into `folder` from here on.
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
    std::panic::set_hook(Box::new(tell));
    Ok(LogGuard { _worker: worker })
}

/// Tells of a panic without what it was about.
fn tell(panic: &PanicHookInfo<'_>) {
    // A text of the program itself is told; one that was formatted may hold what somebody wrote.
    let what = panic.payload().downcast_ref::<&'static str>().copied().unwrap_or("not told: it may quote content");
    let nowhere: &dyn Display = &"unknown";
    emit(&Occurrence::Panicked { at: panic.location().map_or(nowhere, |place| place), what });
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    const CANARY: &str = "\u{7d2b}kumquat-ferret-66120";
    const FOLDER: &str = "LWW_TEST_PANICS_INTO";

    /// Panics as a server's code would, over what a customer wrote; each in a thread of its own.
    fn panic_over_content(folder: &Path) {
        let _guard = start_logging(folder, "trace").unwrap();
        let refused: Result<(), String> = std::iter::once(Err(CANARY.to_owned())).collect();
        let unwrapped = || refused.unwrap();
        let cut_within_a_character = || drop(CANARY.split_at(1).0.to_owned());
        let formatted = || panic!("no place for {CANARY}");
        let own_words = || panic!("the program's own words");
        let ended: Vec<bool> = [
            std::thread::spawn(unwrapped).join().is_err(),
            std::thread::spawn(cut_within_a_character).join().is_err(),
            std::thread::spawn(formatted).join().is_err(),
            std::thread::spawn(own_words).join().is_err(),
        ]
        .into();
        assert_eq!(ended, [true; 4]);
    }

    #[test]
    fn a_panic_tells_its_place_and_never_what_it_was_about() {
        // The hook belongs to the whole process: this test runs itself once more, as a child that it reads.
        if let Some(folder) = std::env::var_os(FOLDER) {
            return panic_over_content(Path::new(&folder));
        }
        let folder = tempfile::tempdir().unwrap();
        let mut child = Command::new(std::env::current_exe().unwrap());
        child.args([
            "--exact",
            "--nocapture",
            "app::logging::tests::a_panic_tells_its_place_and_never_what_it_was_about",
        ]);
        let output = child.env(FOLDER, folder.path()).env("RUST_BACKTRACE", "1").output().unwrap();
        let said = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
        assert!(output.status.success(), "{said}");
        let logs = std::fs::read_dir(folder.path()).unwrap().map(|file| std::fs::read_to_string(file.unwrap().path()));
        let logged: String = logs.map(Result::unwrap).collect();
        for told in [&said, &logged] {
            assert!(!told.contains("kumquat") && !told.contains('\u{7d2b}'), "{told}");
            assert_eq!(told.matches("src/app/logging.rs:").count(), 3, "one place is the library's: {told}");
            assert!(told.contains("the program's own words"), "{told}");
        }
        assert_eq!(logged.matches(r#""event":"panicked""#).count(), 4, "{logged}");
    }
}
