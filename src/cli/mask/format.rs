//! Input that is data: JSON documents, tables, form fields. What comes out is the same kind of data.
//!
//! Read as streams: a document, record or line at a time, each of bounded size.

use std::cell::Cell;
use std::io::{self, BufRead, Read, Write};
use std::rc::Rc;

use zeroize::Zeroizing;

use super::{LINE_BYTES_MAX, MaskCommandError, Masker, read_line};
use crate::domain::masking::{Span, apply, detect_field, detect_form, detect_json};

/// What the input is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// A message a line.
    Text,
    /// `{"text": …}` a line.
    Jsonl,
    /// JSON documents, one after the other.
    Json,
    /// A table with a line of column names.
    Csv,
    /// `name=value&…` a line.
    Form,
}

impl Masker<'_> {
    fn render(&self, text: &str, spans: &[Span]) -> String {
        apply(&self.policy, text, spans, &self.key).render(self.args.view)
    }

    /// Masks every document; returns how many there were. What is between them stays.
    pub(super) fn mask_documents(
        &self,
        mut input: impl BufRead,
        output: &mut impl Write,
    ) -> Result<u64, MaskCommandError> {
        let mut bytes = Zeroizing::new(Vec::new());
        let mut document = 0;
        loop {
            let refuse = || MaskCommandError::NotDocument { document: document + 1 };
            let failed = |source| MaskCommandError::Input { line: document + 1, source };
            read_document(&mut input, &mut bytes).map_err(failed)?;
            let text = std::str::from_utf8(&bytes).map_err(|_bad| refuse())?;
            let written = |source| MaskCommandError::Output { line: document + 1, source };
            if text.trim_ascii().is_empty() {
                output.write_all(text.as_bytes()).map_err(written)?;
                return Ok(document);
            }
            let spans = detect_json(&self.policy, text).ok_or_else(refuse)?;
            output.write_all(self.render(text, &spans).as_bytes()).map_err(written)?;
            document += 1;
        }
    }

    /// Masks every form; returns how many lines there were.
    pub(super) fn mask_forms(&self, mut input: impl BufRead, output: &mut impl Write) -> Result<u64, MaskCommandError> {
        let mut bytes = Zeroizing::new(Vec::new());
        let mut line = 0;
        while read_line(&mut input, &mut bytes, line + 1)? {
            line += 1;
            let text = std::str::from_utf8(&bytes)
                .map_err(|bad| MaskCommandError::NotUtf8 { line, offset: bad.valid_up_to() })?;
            let spans = if text.is_empty() { Some(Vec::new()) } else { detect_form(&self.policy, text) };
            let spans = spans.ok_or(MaskCommandError::NotForm { line })?;
            writeln!(output, "{}", self.render(text, &spans))
                .map_err(|source| MaskCommandError::Output { line, source })?;
        }
        Ok(line)
    }

    /// Masks every cell of a table by its column's name and by what it holds; returns how many records there were.
    pub(super) fn mask_table(&self, input: impl BufRead, output: &mut impl Write) -> Result<u64, MaskCommandError> {
        let left = Rc::new(Cell::new(LINE_BYTES_MAX));
        let bounded = Bounded { input, left: Rc::clone(&left) };
        let mut reader = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(bounded);
        let mut writer = csv::WriterBuilder::new().flexible(true).from_writer(output);
        let (mut names, mut cells) = (csv::StringRecord::new(), csv::StringRecord::new());
        let mut record = 0;
        while reader.read_record(&mut cells).map_err(|error| refused(record, &error))? {
            left.set(LINE_BYTES_MAX);
            let masked = cells.iter().enumerate().map(|(column, cell)| {
                let name = names.get(column).unwrap_or_default();
                self.render(cell, &detect_field(&self.policy, name, cell))
            });
            let failed = |error: csv::Error| MaskCommandError::Output { line: record, source: error.into() };
            writer.write_record(masked).map_err(failed)?;
            if names.is_empty() {
                names = cells.clone();
            } else {
                record += 1;
            }
        }
        writer.flush().map_err(|source| MaskCommandError::Output { line: record, source })?;
        Ok(record)
    }
}

/// The parser's own words quote the input, so only the kind is kept.
fn refused(record: u64, error: &csv::Error) -> MaskCommandError {
    let record = record + 1;
    let what = match error.kind() {
        csv::ErrorKind::Io(source) if source.kind() == io::ErrorKind::FileTooLarge => {
            "longer than any record, perhaps a quote that is not closed"
        }
        csv::ErrorKind::Utf8 { .. } => "not UTF-8 text",
        csv::ErrorKind::Io(_) => "reading failed",
        // What is left is about writing, or about types that records are read into.
        csv::ErrorKind::UnequalLengths { .. } | csv::ErrorKind::Seek => "it is out of place",
        csv::ErrorKind::Serialize(_) | csv::ErrorKind::Deserialize { .. } | _ => "it can't be read",
    };
    MaskCommandError::NotCsv { record, what }
}

/// A reader that gives up when what is read since the last record exceeds a bound.
struct Bounded<R> {
    input: R,
    left: Rc<Cell<usize>>,
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.input.read(buffer)?;
        match self.left.get().checked_sub(read) {
            Some(left) => self.left.set(left),
            None => return Err(io::ErrorKind::FileTooLarge.into()),
        }
        Ok(read)
    }
}

/// Reads up to the end of the next object or array, to the end of the input, or until it is too long.
fn read_document(input: &mut impl BufRead, bytes: &mut Vec<u8>) -> io::Result<()> {
    bytes.clear();
    let (mut depth, mut quoted, mut escaped) = (0_usize, false, false);
    loop {
        let buffer = input.fill_buf()?;
        if buffer.is_empty() {
            return Ok(());
        }
        let mut taken = 0;
        let mut complete = false;
        for &byte in buffer {
            taken += 1;
            match byte {
                _ if escaped => escaped = false,
                b'\\' if quoted => escaped = true,
                b'"' => quoted = !quoted,
                _ if quoted => {}
                b'{' | b'[' => depth += 1,
                b'}' | b']' => {
                    depth = depth.saturating_sub(1);
                    complete = depth == 0;
                }
                _ => {}
            }
            if complete {
                break;
            }
        }
        bytes.extend_from_slice(buffer.get(..taken).unwrap_or_default());
        input.consume(taken);
        if complete || bytes.len() > LINE_BYTES_MAX {
            return Ok(());
        }
    }
}
