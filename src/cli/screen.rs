//! What commands print. The only place that writes to the terminal; colour only where somebody looks.

use std::io::{IsTerminal, Write};

/// Prints a line.
pub(crate) fn line(text: &str) {
    // A closed pipe is noticed by the commands that stream; here it only means that nobody reads.
    let _closed = writeln!(std::io::stdout(), "{text}");
}

/// Prints what is under way to stderr.
pub(crate) fn progress(text: &str) {
    let _closed = writeln!(std::io::stderr(), "  {text}");
}

/// Redraws one line with what is done of what there is, when somebody looks.
pub(crate) fn bar(what: &str, done: u64, all: u64) {
    if std::io::stderr().is_terminal() {
        let percent = (done * 100).checked_div(all).unwrap_or(100);
        let end = if done >= all { "\n" } else { "" };
        let _closed = write!(std::io::stderr(), "\r  {what}: {done} of {all} ({percent} %){end}");
    }
}

/// Prints an error to stderr.
pub(crate) fn error(text: &str) {
    let _closed = writeln!(std::io::stderr(), "{} {text}", paint("31;1", "error:", std::io::stderr().is_terminal()));
}

/// Green on a terminal.
pub(crate) fn good(text: &str) -> String {
    paint("32;1", text, std::io::stdout().is_terminal())
}

/// Red on a terminal.
pub(crate) fn bad(text: &str) -> String {
    paint("31;1", text, std::io::stdout().is_terminal())
}

/// Bold on a terminal.
pub(crate) fn strong(text: &str) -> String {
    paint("1", text, std::io::stdout().is_terminal())
}

fn paint(code: &str, text: &str, colour: bool) -> String {
    if colour { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_owned() }
}
