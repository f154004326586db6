//! A platform's or gateway's list of messages: CSV with a line of column names, or JSON lines. Of either only the column of
//! message ids is looked at.
//!
//! It is read row by row, each of a bounded length: a record of CSV, of which the names are the first, as spreadsheets count them; a line
//! of JSON. An error names the row and what was expected, never what stands there.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::io::{self, BufRead, Read};
use std::rc::Rc;

use csv::{ByteRecord, ReaderBuilder};
use serde_json::value::RawValue;

use crate::limits::{RECONCILE_MESSAGES_MAX, RECONCILE_RECORD_BYTES_MAX};
use crate::wire;

/// What a spreadsheet puts before UTF-8.
const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();
/// How far the reader of CSV reads ahead, in bytes.
const AHEAD_BYTES: usize = 8 * 1024;

/// A message of the list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// Its row, counted from 1.
    pub row: u64,
    /// Its id.
    pub id: String,
}

/// Why a list can't be read.
#[derive(Debug, thiserror::Error)]
pub enum ListError {
    /// A row is not as expected.
    #[error("row {row}: expected {expected}")]
    Row {
        /// The row, counted from 1.
        row: u64,
        /// What would be right.
        expected: &'static str,
    },
    /// There are too many messages.
    #[error("more than {RECONCILE_MESSAGES_MAX} messages: compare a shorter time")]
    TooMany,
    /// The file can't be read.
    #[error("the list can't be read: {0}")]
    Io(#[from] io::Error),
}

const ID_EXPECTED: &str = "a message id of 1 to 128 visible ASCII characters";
const COLUMN_EXPECTED: &str = "a line of column names, with that of the message ids once";
const CSV_EXPECTED: &str = "as many fields as there are columns, in at most 65,536 bytes";
const JSON_EXPECTED: &str = "one JSON object with the message id as text or number, in at most 65,536 bytes";

/// What yields the messages of a list.
pub type Messages<'a> = Box<dyn Iterator<Item = Result<Listed, ListError>> + 'a>;

/// Yields the messages of a list; `column` names the one with their ids.
///
/// # Errors
/// [`ListError`] when the first line tells no column; each message may be one, too, and is the last then.
pub fn messages<'a>(mut list: impl BufRead + 'a, column: &'a str) -> Result<Messages<'a>, ListError> {
    if list.fill_buf()?.starts_with(BYTE_ORDER_MARK) {
        list.consume(BYTE_ORDER_MARK.len());
    }
    let is_json = list.fill_buf()?.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'{');
    let messages: Messages<'a> = if is_json { Box::new(of_json(list, column)) } else { of_csv(list, column)? };
    let mut is_over = false;
    let bounded = (1..)
        .zip(messages)
        .map(|(number, message)| if number > RECONCILE_MESSAGES_MAX { Err(ListError::TooMany) } else { message });
    Ok(Box::new(bounded.take_while(move |message| !std::mem::replace(&mut is_over, message.is_err()))))
}

fn listed(row: u64, id: &str) -> Result<Listed, ListError> {
    if wire::is_key(id) { Ok(Listed { row, id: id.to_owned() }) } else { Err(refused(row, ID_EXPECTED)) }
}

const fn refused(row: u64, expected: &'static str) -> ListError {
    ListError::Row { row, expected }
}

fn of_csv<'a>(list: impl BufRead + 'a, column: &str) -> Result<Messages<'a>, ListError> {
    let taken = Rc::new(Cell::new(0));
    let bounded = Bounded { inner: list, taken: Rc::clone(&taken) };
    let mut reader = ReaderBuilder::new().buffer_capacity(AHEAD_BYTES).from_reader(bounded);
    let names = reader.byte_headers().map_err(|error| unreadable(1, error))?;
    let mut places = names.iter().enumerate().filter(|(_, name)| *name == column.as_bytes()).map(|(place, _)| place);
    let (Some(place), None) = (places.next(), places.next()) else { return Err(refused(1, COLUMN_EXPECTED)) };
    let (mut record, mut row) = (ByteRecord::new(), 1);
    Ok(Box::new(std::iter::from_fn(move || {
        taken.set(0);
        row += 1;
        match reader.read_byte_record(&mut record) {
            Ok(false) => None,
            Ok(true) => {
                let id = record.get(place).and_then(|id| std::str::from_utf8(id).ok());
                Some(listed(row, id.unwrap_or_default().trim()))
            }
            Err(error) => Some(Err(unreadable(row, error))),
        }
    })))
}

/// The reader's own words could repeat what stands in the file.
fn unreadable(row: u64, error: csv::Error) -> ListError {
    let is_ours = |error: &io::Error| error.kind() == io::ErrorKind::FileTooLarge;
    if let csv::ErrorKind::Io(error) = error.into_kind()
        && !is_ours(&error)
    {
        return ListError::Io(error);
    }
    refused(row, CSV_EXPECTED)
}

/// Ends reading where one record would take too much.
struct Bounded<R> {
    inner: R,
    taken: Rc<Cell<usize>>,
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.taken.get() > RECONCILE_RECORD_BYTES_MAX {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        let read = self.inner.read(buffer)?;
        self.taken.set(self.taken.get().saturating_add(read));
        Ok(read)
    }
}

fn of_json<'a>(mut list: impl BufRead + 'a, column: &'a str) -> impl Iterator<Item = Result<Listed, ListError>> + 'a {
    let mut row = 0;
    std::iter::from_fn(move || {
        loop {
            let mut text = Vec::new();
            let bytes_max = RECONCILE_RECORD_BYTES_MAX as u64 + 1;
            let read = match list.by_ref().take(bytes_max).read_until(b'\n', &mut text) {
                Ok(read) => read,
                Err(error) => return Some(Err(error.into())),
            };
            row += 1;
            if read == 0 {
                return None;
            } else if read as u64 == bytes_max {
                return Some(Err(refused(row, JSON_EXPECTED)));
            } else if !text.trim_ascii().is_empty() {
                let id = id_of(&text, column).ok_or_else(|| refused(row, JSON_EXPECTED));
                return Some(id.and_then(|id| listed(row, &id)));
            }
        }
    })
}

/// The id in a JSON object; platforms write it as a text or as a number.
fn id_of(text: &[u8], column: &str) -> Option<String> {
    let mut fields: BTreeMap<String, Box<RawValue>> = wire::json(text.trim_ascii()).ok()?;
    let raw = fields.remove(column)?;
    match raw.get().as_bytes().first()? {
        b'"' => wire::json(raw.get().as_bytes()).ok(),
        b'0'..=b'9' => Some(raw.get().to_owned()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The lines and ids, or the line that is refused.
    fn read(text: &str) -> Result<Vec<(u64, String)>, u64> {
        let line = |error: ListError| match error {
            ListError::Row { row, .. } => row,
            ListError::TooMany | ListError::Io(_) => panic!("{error}"),
        };
        let messages = messages(text.as_bytes(), "id").map_err(line)?;
        messages.map(|message| message.map(|one| (one.row, one.id)).map_err(line)).collect()
    }

    fn owned(ids: &[(u64, &str)]) -> Vec<(u64, String)> {
        ids.iter().map(|(line, id)| (*line, (*id).to_owned())).collect()
    }

    #[test]
    fn ids_are_found_in_csv_and_in_json_lines() {
        for mark in ["", "\u{feff}"] {
            let check = |text: &str, ids: &[(u64, &str)]| {
                assert_eq!(read(&format!("{mark}{text}")), Ok(owned(ids)), "{text:?}");
            };
            check("id\na\nb\n", &[(2, "a"), (3, "b")]);
            check("time,id,text\r\n1,a-1,\"你\n好\"\r\n2, b ,x", &[(2, "a-1"), (3, "b")]);
            check(
                "{\"id\":\"a\"}\n\n{\"id\": 12345678901234567890, \"text\": [1]}",
                &[(1, "a"), (3, "12345678901234567890")],
            );
            check("id\n", &[]);
        }
    }

    #[test]
    fn what_is_no_list_is_refused_by_its_line_and_nothing_after_it_is_read() {
        let long = "x".repeat(RECONCILE_RECORD_BYTES_MAX + 2 * AHEAD_BYTES);
        for (text, line) in [
            ("", 1),
            ("message\na\n", 1),
            ("id,id\na,b\n", 1),
            ("id,time\na,1\nb\nc,2", 3),
            ("id\na\n你\nb\n", 3),
            ("id\n\"\"\n", 2),
            ("{\"id\":\"a\"}\n{\"id\":null}\n", 2),
            ("{\"id\":\"a\"}\nid\n", 2),
            ("{\"id\":\"a\",\"id\":\"b\"", 1),
            (&format!("id\n\"{long}\"\n"), 2),
            (&format!("{{\"id\":\"{long}\"}}\n"), 1),
        ] {
            assert_eq!(read(text), Err(line), "{:?}", text.get(..40));
        }
        let mut after = messages("id\n你\nb\n".as_bytes(), "id").unwrap();
        assert!(after.next().unwrap().is_err() && after.next().is_none());
    }

    proptest! {
        /// What `fuzz/fuzz_targets/reconcile.rs` holds of any bytes.
        #[test]
        fn whatever_is_read_is_ids_in_order_and_at_most_one_error(text in "(id\n|\\{\"id\":)?[ -~\n\r\"你]{0,80}") {
            let last = text.matches(['\n', '\r']).count() as u64 + 1;
            let mut before = 1;
            let read: Vec<_> = messages(text.as_bytes(), "id").map_or_else(|error| vec![Err(error)], Iterator::collect);
            for (at, message) in read.iter().enumerate() {
                let line = match message {
                    Ok(message) => {
                        prop_assert!(wire::is_key(&message.id));
                        message.row
                    }
                    Err(ListError::Row { row, .. }) => {
                        prop_assert_eq!(at + 1, read.len());
                        *row
                    }
                    Err(error) => return Err(TestCaseError::fail(error.to_string())),
                };
                prop_assert!(line >= before && line <= last);
                before = line;
            }
        }
    }
}
