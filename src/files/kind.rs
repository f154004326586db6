//! What a file is: by its bytes, never by its name or by what its sender says.

use infer::MatcherType;

use super::text;
use crate::domain::file::{Format, Withheld};

/// Where a PDF's header may stand, in bytes from the beginning, for programs that are lenient (ISO 32000-1, annex H.3.4.1).
const PDF_HEADER_WITHIN: usize = 1024;
/// Furthest from a file's end that a ZIP's end record begins: 22 bytes and a comment of at most 65,535.
const ZIP_END_WITHIN: usize = 22 + 65_535;
/// Begins an OLE container: Office before 2007, and Office files with a password.
const OLE: &[u8] = &[0xD0, 0xCF, 0x11, 0xE0, 0xA1, 0xB1, 0x1A, 0xE1];
const PDF: &[u8] = b"%PDF-";
const ZIP: &[u8] = b"PK\x03\x04";

/// What a file is.
pub(super) enum Kind {
    /// Text, decoded.
    Text(String),
    /// A PDF.
    Pdf,
    /// A ZIP file: Office, or an archive.
    Zip,
    /// A picture or a recording.
    Media(Format),
    /// What is not read.
    Withheld(Format, Withheld),
}

/// Says what a file is.
pub(super) fn of(file: &[u8]) -> Kind {
    if file.starts_with(ZIP) {
        return Kind::Zip;
    }
    if file.starts_with(PDF) {
        return if is_zip_too(file) { Kind::Withheld(Format::Pdf, Withheld::Mixed) } else { Kind::Pdf };
    }
    if file.starts_with(OLE) {
        let encrypted: Vec<u8> = "EncryptedPackage".encode_utf16().flat_map(u16::to_le_bytes).collect();
        let reason = if holds(file, &encrypted) { Withheld::Encrypted } else { Withheld::Unknown };
        return Kind::Withheld(Format::Office, reason);
    }
    if let Some(text) = text::decoded(file) {
        return if text.starts_with("#!") {
            Kind::Withheld(Format::Program, Withheld::Program)
        } else {
            Kind::Text(text)
        };
    }
    by_magic(file)
}

fn by_magic(file: &[u8]) -> Kind {
    let known = infer::get(file).map(|known| known.matcher_type());
    let format = match known {
        Some(MatcherType::App) => return Kind::Withheld(Format::Program, Withheld::Program),
        Some(MatcherType::Archive) => return Kind::Withheld(Format::Archive, Withheld::Unknown),
        Some(MatcherType::Doc | MatcherType::Book) => return Kind::Withheld(Format::Office, Withheld::Unknown),
        Some(MatcherType::Font | MatcherType::Text | MatcherType::Custom) | None => {
            return Kind::Withheld(Format::Other, Withheld::Unknown);
        }
        Some(MatcherType::Image) => Format::Image,
        Some(MatcherType::Audio) => Format::Audio,
        Some(MatcherType::Video) => Format::Video,
    };
    let head = file.get(..PDF_HEADER_WITHIN).unwrap_or(file);
    let lower = head.to_ascii_lowercase();
    let is_mixed = is_zip_too(file) || holds(head, PDF) || holds(&lower, b"<script") || holds(&lower, b"<html");
    if is_mixed { Kind::Withheld(format, Withheld::Mixed) } else { Kind::Media(format) }
}

/// Whether a ZIP ends where the file does: then what begins as something else is an archive as well.
fn is_zip_too(file: &[u8]) -> bool {
    let tail = file.get(file.len().saturating_sub(ZIP_END_WITHIN)..).unwrap_or(file);
    tail.windows(22).enumerate().any(|(at, record)| {
        let comment = record.get(20..22).and_then(|length| length.try_into().ok()).map_or(0, u16::from_le_bytes);
        record.starts_with(b"PK\x05\x06") && at + 22 + usize::from(comment) == tail.len()
    })
}

fn holds(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}
