//! Gold messages: texts with the spans that a masker must find, one JSON object a line.

use std::io::{self, BufRead};

use serde::Deserialize;
use serde_json::Value;
use zeroize::Zeroizing;

use super::LINE_BYTES_MAX;
use crate::domain::masking::Entity;

/// A span that must be found, in Unicode characters of its text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GoldSpan {
    /// Characters before it.
    pub start: usize,
    /// Characters up to its end.
    pub end: usize,
    /// What it is.
    pub entity: Entity,
    /// It is written so as not to be found.
    pub disguised: bool,
}

/// A text and what is in it.
pub struct GoldMessage {
    /// The text.
    pub text: Zeroizing<String>,
    /// Its spans, by their starts.
    pub spans: Vec<GoldSpan>,
}

/// Why a line is no gold message. No variant repeats what the line says but the name of an entity.
#[derive(Debug, thiserror::Error)]
pub enum GoldError {
    /// The line is no JSON object.
    #[error("line {line}: expected {{\"text\": …, \"spans\": […]}}, at column {column}")]
    NotJson {
        /// Number of the line, from 1.
        line: u64,
        /// Where parsing stopped, in bytes from 1.
        column: usize,
    },
    /// A field is missing or of another type.
    #[error("line {line}: {field}: expected {expected}")]
    Field {
        /// Number of the line, from 1.
        line: u64,
        /// Path of the field.
        field: String,
        /// What it takes.
        expected: &'static str,
    },
    /// No entity has the name.
    #[error("line {line}: {field}: no entity is called {got:?}")]
    UnknownEntity {
        /// Number of the line, from 1.
        line: u64,
        /// Path of the field.
        field: String,
        /// The name, at most 64 characters of it.
        got: String,
    },
    /// The line is longer than any message.
    #[error("line {line}: longer than {LINE_BYTES_MAX} bytes")]
    TooLong {
        /// Number of the line, from 1.
        line: u64,
    },
    /// Reading failed.
    #[error("line {line}: {source}")]
    Io {
        /// Number of the line, from 1.
        line: u64,
        /// What the system said.
        source: io::Error,
    },
}

/// Fields beside these may say what they like.
#[derive(Deserialize)]
struct Line {
    text: Option<Value>,
    spans: Option<Value>,
}

/// Reads the next message, and how many bytes it took; none at the end. Empty lines are passed by.
pub fn next(input: &mut impl BufRead, line: &mut u64) -> Result<Option<(GoldMessage, u64)>, GoldError> {
    let mut bytes = Zeroizing::new(Vec::new());
    let mut taken = 0;
    loop {
        bytes.clear();
        *line += 1;
        let limit = LINE_BYTES_MAX as u64 + 2;
        let mut bounded = io::Read::take(&mut *input, limit);
        let read = bounded.read_until(b'\n', &mut bytes).map_err(|source| GoldError::Io { line: *line, source })?;
        taken += read as u64;
        if read == 0 {
            return Ok(None);
        }
        if bytes.len() > LINE_BYTES_MAX + 1 {
            return Err(GoldError::TooLong { line: *line });
        }
        if !bytes.trim_ascii().is_empty() {
            return Ok(Some((message(&bytes, *line)?, taken)));
        }
    }
}

fn message(bytes: &[u8], line: u64) -> Result<GoldMessage, GoldError> {
    // The parser's own words quote the input, so only the place is kept.
    let read: Line = serde_json::from_slice(bytes).map_err(|bad| GoldError::NotJson { line, column: bad.column() })?;
    let refuse = |field: String, expected| GoldError::Field { line, field, expected };
    let Some(Value::String(text)) = read.text else { return Err(refuse("text".to_owned(), "a text")) };
    let text = Zeroizing::new(text);
    let Some(Value::Array(written)) = read.spans else { return Err(refuse("spans".to_owned(), "a list")) };
    let length = text.chars().count();
    let mut spans = Vec::with_capacity(written.len());
    for (at, written) in written.iter().enumerate() {
        spans.push(span(written, at, length, line)?);
    }
    spans.sort_by_key(|span| span.start);
    if let Some(at) = spans.windows(2).position(|pair| matches!(pair, [left, right] if left.end > right.start)) {
        return Err(refuse(format!("spans[{}]", at + 1), "spans that do not overlap"));
    }
    Ok(GoldMessage { text, spans })
}

fn span(written: &Value, at: usize, length: usize, line: u64) -> Result<GoldSpan, GoldError> {
    let field = |name: &str| format!("spans[{at}].{name}");
    let refuse = |name: &str, expected| GoldError::Field { line, field: field(name), expected };
    let offset = |name: &str| {
        let number = written.get(name).and_then(Value::as_u64).and_then(|number| usize::try_from(number).ok());
        number.filter(|&number| number <= length).ok_or_else(|| refuse(name, "a number of characters within the text"))
    };
    let (start, end) = (offset("start")?, offset("end")?);
    if start >= end {
        return Err(refuse("end", "more than start"));
    }
    let name =
        written.get("entity").and_then(Value::as_str).ok_or_else(|| refuse("entity", "the name of an entity"))?;
    let entity = Entity::from_name(name).ok_or_else(|| GoldError::UnknownEntity {
        line,
        field: field("entity"),
        got: name.chars().take(64).collect(),
    })?;
    let disguised = match written.get("disguised") {
        None | Some(Value::Null) => false,
        Some(Value::Bool(disguised)) => *disguised,
        Some(_) => return Err(refuse("disguised", "true or false")),
    };
    Ok(GoldSpan { start, end, entity, disguised })
}
