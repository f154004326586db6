//! Files that come with messages: what one is by its content, and the text in it.
//!
//! [`read`] is pure but for the memory and time that it takes, and hostile files make libraries take much of both, or fail in
//! the middle. So it runs in a process of its own for each file ([`worker`]), which may open nothing and is ended in time;
//! [`Readers`] asks it. What is shown is the text that is masked, and nothing else of a file: so a file that is read in another
//! way than its program would read it can mislead, and not leak.

mod kind;
mod office;
mod pdf;
mod readers;
mod sheet;
mod text;
pub mod worker;

use crate::domain::file::{Format, Withheld};
use crate::domain::masking::Layout;
use crate::limits::FILE_TEXT_BYTES_MAX;
use crate::ports::{FileContent, ReadFile};

pub use readers::Readers;

/// What was read out of a file, or why nothing was.
type Read = Result<(String, Layout), Withheld>;

/// Reads one file.
pub fn read(file: &[u8]) -> ReadFile<String> {
    match kind::of(file) {
        kind::Kind::Text(text) => text::read(&text),
        kind::Kind::Pdf => told(Format::Pdf, pdf::read(file)),
        kind::Kind::Zip => office::read(file),
        kind::Kind::Media(format) => ReadFile { format, content: FileContent::Media },
        kind::Kind::Withheld(format, reason) => ReadFile::withheld(format, reason),
    }
}

fn told(format: Format, read: Read) -> ReadFile<String> {
    match read {
        Ok((text, layout)) => match tidied(&text, layout) {
            text if text.is_empty() => ReadFile::withheld(format, Withheld::NoText),
            text if text.len() > FILE_TEXT_BYTES_MAX => ReadFile::withheld(format, Withheld::TooLong),
            text => ReadFile { format, content: FileContent::Text { text, layout } },
        },
        Err(reason) => ReadFile::withheld(format, reason),
    }
}

/// Lines without what can't be seen: control characters, spaces at their ends, and empty lines behind one another.
fn tidied(text: &str, layout: Layout) -> String {
    let ends = |c: char| c == '\r' || (c.is_whitespace() && (layout == Layout::Text || c != '\t'));
    let mut out = String::with_capacity(text.len());
    let mut empty = 0;
    for line in text.split('\n').map(|line| line.trim_end_matches(ends)) {
        empty = if line.is_empty() { empty + 1 } else { 0 };
        if empty <= 1 && !(out.is_empty() && line.is_empty()) {
            out.extend(line.chars().map(|c| if c.is_control() && c != '\t' { ' ' } else { c }));
            out.push('\n');
        }
    }
    out.truncate(out.trim_end_matches('\n').len());
    out
}

#[cfg(test)]
mod tests;
