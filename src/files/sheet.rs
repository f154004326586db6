//! Spreadsheets: every cell that holds something, as lines of cells, an empty line between two sheets.

use std::io::Cursor;

use calamine::{DataRef, Reader as _, Xlsx};

use super::Read;
use super::text::cell;
use crate::domain::file::Withheld;
use crate::domain::masking::Layout;
use crate::limits::FILE_TEXT_BYTES_MAX;

/// Most columns that are told apart; Excel has 16,384.
const COLUMNS_MAX: u32 = 1_024;

/// Reads a workbook.
pub(super) fn read(file: &[u8]) -> Read {
    let mut book: Xlsx<_> = Xlsx::new(Cursor::new(file)).map_err(|_| Withheld::Broken)?;
    let mut out = String::new();
    for name in book.sheet_names() {
        if !out.is_empty() {
            out.push_str("\n\n");
        }
        out.push_str(&cell(&name));
        out.push('\n');
        sheet(&mut book, &name, &mut out)?;
    }
    Ok((out, Layout::Table))
}

fn sheet(book: &mut Xlsx<Cursor<&[u8]>>, name: &str, out: &mut String) -> Result<(), Withheld> {
    let mut cells = book.worksheet_cells_reader(name).map_err(|_| Withheld::Broken)?;
    let mut at: Option<(u32, u32)> = None;
    while let Some(next) = cells.next_cell().map_err(|_| Withheld::Broken)? {
        let (row, column) = next.get_position();
        if column >= COLUMNS_MAX || out.len() > FILE_TEXT_BYTES_MAX {
            return Err(Withheld::TooLong);
        }
        let text = shown(next.get_value());
        if text.is_empty() {
            continue;
        }
        let from = match at {
            Some((last, before)) if last == row => before,
            Some(_) => {
                out.push('\n');
                0
            }
            None => 0,
        };
        out.extend(std::iter::repeat_n('\t', column.saturating_sub(from) as usize));
        out.push_str(&text);
        at = Some((row, column));
    }
    Ok(())
}

/// A cell as people see it, or nearly so: dates by the calendar, numbers in full.
fn shown(value: &DataRef<'_>) -> String {
    match value {
        DataRef::Int(number) => number.to_string(),
        DataRef::Float(number) => number.to_string(),
        DataRef::String(text) | DataRef::DateTimeIso(text) | DataRef::DurationIso(text) => cell(text),
        DataRef::SharedString(text) => cell(text),
        DataRef::Bool(value) => value.to_string(),
        DataRef::DateTime(time) if time.is_datetime() => {
            let (year, month, day, hour, minute, ..) = time.to_ymd_hms_milli();
            let date = format!("{year:04}-{month:02}-{day:02}");
            if hour == 0 && minute == 0 { date } else { format!("{date} {hour:02}:{minute:02}") }
        }
        DataRef::DateTime(time) => time.as_f64().to_string(),
        DataRef::Error(_) | DataRef::Empty => String::new(),
    }
}
