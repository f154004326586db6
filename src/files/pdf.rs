//! PDF: the text of its pages (ISO 32000). One that needs a password, starts something or carries files is put aside.

use std::fmt;

use pdf_extract::{ConvertToFmt, Dictionary, Document, Object, PlainTextOutput, output_doc};

use super::Read;
use crate::domain::file::Withheld;
use crate::domain::masking::Layout;
use crate::limits::{FILE_PARTS_MAX, FILE_TEXT_BYTES_MAX};

/// Keys of dictionaries that start something or carry a file.
const ACTIVE: [&[u8]; 6] = [b"JS", b"JavaScript", b"Launch", b"EmbeddedFiles", b"RichMedia", b"XFA"];
/// What a page may say before it is cleaned of spaces, in texts of the longest kind.
const ROOM: usize = 4;

/// Reads a PDF.
pub(super) fn read(file: &[u8]) -> Read {
    // The trailer is never packed, so the word is there when the file is encrypted, also with an empty password.
    if file.windows(8).any(|window| window == b"/Encrypt") {
        return Err(Withheld::Encrypted);
    }
    let document = Document::load_mem(file).map_err(|_| Withheld::Broken)?;
    if document.is_encrypted() || document.was_encrypted() {
        return Err(Withheld::Encrypted);
    }
    if document.objects.values().any(is_active) {
        return Err(Withheld::Active);
    }
    if document.get_pages().len() > FILE_PARTS_MAX {
        return Err(Withheld::TooLong);
    }
    let mut text = String::new();
    let written = output_doc(&document, &mut PlainTextOutput::new(Bounded(&mut text)));
    if text.len() > ROOM * FILE_TEXT_BYTES_MAX {
        return Err(Withheld::TooLong);
    }
    written.map_err(|_| Withheld::Broken)?;
    Ok((text, Layout::Text))
}

/// Whether an object starts something: it, or what it holds in itself.
fn is_active(object: &Object) -> bool {
    match object {
        Object::Dictionary(dictionary) => acts(dictionary),
        Object::Stream(stream) => acts(&stream.dict),
        Object::Array(objects) => objects.iter().any(is_active),
        Object::Null
        | Object::Boolean(_)
        | Object::Integer(_)
        | Object::Real(_)
        | Object::Name(_)
        | Object::String(..)
        | Object::Reference(_) => false,
    }
}

fn acts(dictionary: &Dictionary) -> bool {
    let starts = |value: &Object| value.as_name().is_ok_and(|name| ACTIVE.contains(&name));
    dictionary.iter().any(|(key, value)| ACTIVE.contains(&key.as_slice()) || starts(value) || is_active(value))
}

/// Takes a bounded text, and one write more, which tells that it was too long.
struct Bounded<'t>(&'t mut String);

impl fmt::Write for Bounded<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        if self.0.len() > ROOM * FILE_TEXT_BYTES_MAX {
            return Err(fmt::Error);
        }
        self.0.push_str(text);
        Ok(())
    }
}

impl ConvertToFmt for Bounded<'_> {
    type Writer = Self;

    fn convert(self) -> Self {
        self
    }
}
