//! Office Open XML: what its parts say (ECMA-376). Its ZIP is held to bounds before anything in it is read.
//!
//! No DTD is read and no entity but those of XML itself; macros, controls and packed objects put the whole file aside.

use std::io::{Cursor, Read as _};

use quick_xml::Reader;
use quick_xml::events::{BytesRef, BytesStart, Event};
use zip::ZipArchive;

use super::{Read, sheet, told};
use crate::domain::file::{Format, Withheld};
use crate::domain::masking::Layout;
use crate::limits::{FILE_PARTS_MAX, FILE_TEXT_BYTES_MAX, FILE_UNPACKED_BYTES_MAX, FILE_XML_DEPTH_MAX};
use crate::ports::ReadFile;

type Parts<'f> = ZipArchive<Cursor<&'f [u8]>>;

/// Names of parts that do something when the file is opened.
const ACTIVE: [&str; 6] = ["vbaproject.bin", "/activex/", "/macrosheets/", "/oleobject", "vbadata.xml", ".exe"];

/// Reads a ZIP file.
pub(super) fn read(file: &[u8]) -> ReadFile<String> {
    let Ok(mut parts) = ZipArchive::new(Cursor::new(file)) else {
        return ReadFile::withheld(Format::Archive, Withheld::Broken);
    };
    let names: Vec<String> = parts.file_names().map_while(Result::ok).map(|name| name.to_ascii_lowercase()).collect();
    let has = |wanted: &str| names.iter().any(|name| name == wanted);
    let format = match () {
        () if !has("[content_types].xml") => Format::Archive,
        () if has("word/document.xml") => Format::Docx,
        () if has("xl/workbook.xml") => Format::Xlsx,
        () if has("ppt/presentation.xml") => Format::Pptx,
        () => Format::Archive,
    };
    if let Err(reason) = bounded(&mut parts) {
        return ReadFile::withheld(format, reason);
    }
    if format == Format::Archive {
        return ReadFile::withheld(format, Withheld::Unknown);
    }
    if names.iter().any(|name| ACTIVE.iter().any(|part| name.contains(part))) || is_macro_enabled(&mut parts) {
        return ReadFile::withheld(format, Withheld::Active);
    }
    let read = if format == Format::Xlsx {
        sheet::read(file)
    } else {
        let prefixes: &[&str] =
            if format == Format::Docx { &["word/"] } else { &["ppt/slides/slide", "ppt/notesslides/notesslide"] };
        texts(&mut parts, &ordered(&names, prefixes))
    };
    told(format, read)
}

/// Unpacks every part once, within bounds, whatever its head says of its size.
fn bounded(parts: &mut Parts<'_>) -> Result<(), Withheld> {
    if parts.len() > FILE_PARTS_MAX {
        return Err(Withheld::TooLong);
    }
    let mut left = FILE_UNPACKED_BYTES_MAX;
    for number in 0..parts.len() {
        let part = parts.by_index(number).map_err(|_| Withheld::Encrypted)?;
        if part.encrypted() {
            return Err(Withheld::Encrypted);
        }
        let unpacked = std::io::copy(&mut part.take(left + 1), &mut std::io::sink()).map_err(|_| Withheld::Broken)?;
        left = left.checked_sub(unpacked).ok_or(Withheld::TooLong)?;
    }
    Ok(())
}

fn is_macro_enabled(parts: &mut Parts<'_>) -> bool {
    part(parts, "[content_types].xml").is_none_or(|types| types.to_ascii_lowercase().contains("macroenabled"))
}

/// A part's text by its name in lower case; programs don't mind how it is written.
fn part(parts: &mut Parts<'_>, wanted: &str) -> Option<String> {
    let number = parts.file_names().position(|name| name.is_ok_and(|name| name.eq_ignore_ascii_case(wanted)))?;
    let mut text = String::new();
    parts.by_index(number).ok()?.read_to_string(&mut text).ok()?;
    Some(text)
}

/// The parts that hold text: those right below a prefix, numbers in their order.
fn ordered(names: &[String], prefixes: &[&str]) -> Vec<String> {
    let number = |name: &str| {
        name.bytes()
            .filter(u8::is_ascii_digit)
            .fold(0_u64, |all, digit| all.saturating_mul(10).saturating_add(u64::from(digit - b'0')))
    };
    let is_text = |name: &&String| {
        let rest = prefixes.iter().find_map(|prefix| name.strip_prefix(prefix));
        rest.and_then(|rest| rest.strip_suffix(".xml")).is_some_and(|rest| !rest.contains('/'))
    };
    let mut found: Vec<String> = names.iter().filter(is_text).cloned().collect();
    found.sort_by_key(|name| (!name.ends_with("/document.xml"), number(name), name.clone()));
    found
}

fn texts(parts: &mut Parts<'_>, names: &[String]) -> Read {
    let mut out = String::new();
    for name in names {
        let xml = part(parts, name).ok_or(Withheld::Broken)?;
        text_of(&xml, &mut out)?;
        out.push('\n');
    }
    Ok((out, Layout::Text))
}

/// Where the walk through a part stands.
#[derive(Default)]
struct Walk {
    depth: usize,
    texts: usize,
    cells: usize,
}

/// Appends what a part says: `t` is text, `p` a paragraph, `tc` a cell and `tr` a row, in Word's and in PowerPoint's words.
fn text_of(xml: &str, out: &mut String) -> Result<(), Withheld> {
    let mut reader = Reader::from_str(xml);
    let mut walk = Walk::default();
    loop {
        match reader.read_event().map_err(|_| Withheld::Broken)? {
            Event::Start(tag) => walk.enter(&tag)?,
            Event::Empty(tag) => empty(&tag, out),
            Event::End(tag) => walk.leave(tag.local_name().into_inner(), out),
            Event::Text(text) if walk.texts > 0 => out.push_str(&text),
            Event::CData(text) if walk.texts > 0 => out.push_str(&text),
            Event::GeneralRef(reference) if walk.texts > 0 => out.push(meant(&reference).ok_or(Withheld::Broken)?),
            Event::DocType(_) => return Err(Withheld::Broken),
            Event::Eof if walk.depth > 0 => return Err(Withheld::Broken),
            Event::Eof => return Ok(()),
            Event::Text(_)
            | Event::CData(_)
            | Event::GeneralRef(_)
            | Event::Comment(_)
            | Event::Decl(_)
            | Event::PI(_) => {}
        }
        if out.len() > 2 * FILE_TEXT_BYTES_MAX {
            return Err(Withheld::TooLong);
        }
    }
}

impl Walk {
    fn enter(&mut self, tag: &BytesStart<'_>) -> Result<(), Withheld> {
        self.depth += 1;
        match tag.local_name().into_inner() {
            "t" => self.texts += 1,
            "tc" => self.cells += 1,
            _ => {}
        }
        if self.depth > FILE_XML_DEPTH_MAX { Err(Withheld::TooLong) } else { Ok(()) }
    }

    fn leave(&mut self, name: &str, out: &mut String) {
        self.depth = self.depth.saturating_sub(1);
        match name {
            "t" => self.texts = self.texts.saturating_sub(1),
            "p" => out.push(if self.cells > 0 { ' ' } else { '\n' }),
            "tc" => {
                self.cells = self.cells.saturating_sub(1);
                out.push('\t');
            }
            "tr" => out.push('\n'),
            _ => {}
        }
    }
}

fn empty(tag: &BytesStart<'_>, out: &mut String) {
    match tag.local_name().into_inner() {
        "br" | "cr" | "p" => out.push('\n'),
        "tab" => out.push('\t'),
        _ => {}
    }
}

/// What a reference stands for: a character by its number, or one of XML's own five.
fn meant(reference: &BytesRef<'_>) -> Option<char> {
    match &**reference {
        "lt" => Some('<'),
        "gt" => Some('>'),
        "amp" => Some('&'),
        "apos" => Some('\''),
        "quot" => Some('"'),
        _ => reference.resolve_char_ref().ok().flatten(),
    }
}
