//! Text: its encoding, and whether it is a table, a JSON document or a page of the web.

use encoding_rs::{Encoding, GB18030, UTF_8, UTF_16BE, UTF_16LE};
use serde::de::IgnoredAny;

use super::{Read, told};
use crate::domain::file::{Format, Withheld};
use crate::domain::masking::Layout;
use crate::limits::FILE_TEXT_BYTES_MAX;
use crate::ports::ReadFile;

/// What may stand between the fields of a table.
const DELIMITERS: [u8; 4] = [b',', b'\t', b';', b'|'];
/// Elements and addresses that do something in a page.
const ACTIVE: [&str; 6] = ["<script", "javascript:", "<iframe", "<object", "<embed", "vbscript:"];

/// Decodes a text: UTF-8, UTF-16 with its mark, or GB 18030, which spreadsheets write in China. `None`: it is no text.
pub(super) fn decoded(file: &[u8]) -> Option<String> {
    let (encoding, mark) = Encoding::for_bom(file).unwrap_or((UTF_8, 0));
    let body = file.get(mark..)?;
    let as_text = |encoding: &'static Encoding| encoding.decode_without_bom_handling_and_without_replacement(body);
    let text = as_text(encoding).or_else(|| as_text(GB18030).filter(|_| encoding == UTF_8 && mark == 0))?;
    let is_text = |c: char| !c.is_control() || matches!(c, '\t' | '\r' | '\n' | '\u{C}');
    debug_assert!([UTF_8, UTF_16LE, UTF_16BE].contains(&encoding), "marks are of these");
    text.chars().all(is_text).then(|| text.into_owned())
}

/// Reads a text.
pub(super) fn read(text: &str) -> ReadFile<String> {
    let lower = text.to_ascii_lowercase();
    let begins = lower.trim_start();
    let is_page = ["<!doctype html", "<html", "<head", "<body", "<?xml", "<svg", "<div", "<table", "<p>"];
    if ACTIVE.iter().any(|word| lower.contains(word)) {
        return ReadFile::withheld(Format::Html, Withheld::Active);
    }
    if is_page.iter().any(|word| begins.starts_with(word)) {
        let read = if has_handler(&lower) { Err(Withheld::Active) } else { Ok((without_tags(text), Layout::Text)) };
        return told(Format::Html, read);
    }
    if begins.starts_with(['{', '[']) && serde_json::from_str::<IgnoredAny>(text).is_ok() {
        return told(Format::Json, Ok((text.to_owned(), Layout::Text)));
    }
    match table(text) {
        Some(read) => told(Format::Csv, read),
        None => told(Format::Text, Ok((text.to_owned(), Layout::Text))),
    }
}

/// Whether a tag has an attribute that is a script, `onload="…"`.
fn has_handler(lower: &str) -> bool {
    lower.split('<').skip(1).filter_map(|rest| rest.split('>').next()).any(|tag| {
        tag.split(|c: char| c.is_whitespace() || c == '/' || c == '"' || c == '\'').any(|word| {
            let name = word.split('=').next().unwrap_or_default();
            name.len() > 2 && name.starts_with("on") && name.bytes().all(|byte| byte.is_ascii_lowercase())
        })
    })
}

/// Reads records of fields, as many in each, at least two of two; `None`: it is no table.
fn table(text: &str) -> Option<Read> {
    let first = text.lines().find(|line| !line.trim().is_empty())?;
    let count = |delimiter: &u8| first.bytes().filter(|byte| byte == delimiter).count();
    let delimiter = DELIMITERS.into_iter().max_by_key(|delimiter| count(delimiter)).filter(|one| count(one) > 0)?;
    let mut reader =
        csv::ReaderBuilder::new().has_headers(false).delimiter(delimiter).from_reader(text.trim().as_bytes());
    let (mut out, mut records) = (String::new(), 0);
    for record in reader.records() {
        let record = record.ok().filter(|record| record.len() > 1)?;
        if out.len() > FILE_TEXT_BYTES_MAX {
            return Some(Err(Withheld::TooLong));
        }
        let cells: Vec<String> = record.iter().map(cell).collect();
        out.push_str(&cells.join("\t"));
        out.push('\n');
        records += 1;
    }
    (records > 1).then_some(Ok((out, Layout::Table)))
}

/// A cell as a line of cells can hold it.
pub(super) fn cell(text: &str) -> String {
    text.replace(['\t', '\n', '\r'], " ").trim().to_owned()
}

/// What a page says: the text between its tags. Inside words a tag leaves no gap, so that a number can't hide behind one.
fn without_tags(page: &str) -> String {
    const BLOCKS: [&str; 12] = ["p", "div", "br", "tr", "li", "h1", "h2", "h3", "h4", "table", "ul", "title"];
    let (mut out, mut rest) = (String::new(), page);
    while let Some((before, tag)) = rest.split_once('<') {
        out.push_str(before);
        let end = if tag.starts_with("!--") { "-->" } else { ">" };
        let Some((inside, behind)) = tag.split_once(end) else {
            rest = tag;
            break;
        };
        let name =
            inside.trim_start_matches('/').split(|c: char| !c.is_ascii_alphanumeric()).next().unwrap_or_default();
        if BLOCKS.iter().any(|block| name.eq_ignore_ascii_case(block)) {
            out.push('\n');
        } else if ["td", "th"].iter().any(|cell| name.eq_ignore_ascii_case(cell)) {
            out.push('\t');
        }
        rest = behind;
        if name.eq_ignore_ascii_case("style") && !inside.starts_with('/') {
            rest =
                behind.split_once("</").map_or("", |(_, after)| after).split_once('>').map_or("", |(_, after)| after);
        }
    }
    out.push_str(rest);
    references(&out)
}

/// Undoes character references: numbers, and the names that every program knows.
fn references(text: &str) -> String {
    const NAMES: [(&str, char); 6] =
        [("amp", '&'), ("lt", '<'), ("gt", '>'), ("quot", '"'), ("apos", '\''), ("nbsp", ' ')];
    let (mut out, mut rest) = (String::new(), text);
    while let Some((before, behind)) = rest.split_once('&') {
        out.push_str(before);
        let name = behind.split(';').next().unwrap_or_default();
        let number = name.strip_prefix('#').and_then(|number| match number.strip_prefix(['x', 'X']) {
            Some(hexadecimal) => u32::from_str_radix(hexadecimal, 16).ok(),
            None => number.parse().ok(),
        });
        let known = NAMES.iter().find(|(known, _)| *known == name).map(|(_, meant)| *meant);
        match number.and_then(char::from_u32).or(known) {
            Some(meant) if behind.len() > name.len() => {
                out.push(meant);
                rest = behind.get(name.len() + 1..).unwrap_or_default();
            }
            Some(_) | None => {
                out.push('&');
                rest = behind;
            }
        }
    }
    out.push_str(rest);
    out
}
