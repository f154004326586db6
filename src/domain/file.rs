//! Files that come with messages: what one is by its content, what became of it, and the form in which it is kept.
//!
//! What a file says of itself (its name, its claimed type) decides nothing. It is kept sealed like the message that it came
//! with, in pieces under the same key; what was read out of it is that message's text. One with a C3 value in it is not kept
//! at all: it can't be cut out of a file, only out of a text. How files are read is not known here.

use std::sync::Arc;

use lww_audit::entry::{Tag, commitment};
use zeroize::Zeroizing;

use super::canonical;
use super::message::{OpenedPart, Part, RawBody, RawText, SALT_BYTES, Salt, SealError, Sealed, Sealer};
use crate::limits::FILE_PIECE_BYTES;
use crate::units::{Hash, MessageId};

/// What a file is, by its content.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    /// Plain text, Markdown among it.
    Text,
    /// Records of fields.
    Csv,
    /// A JSON document.
    Json,
    /// A page of the web.
    Html,
    /// PDF.
    Pdf,
    /// Word, Office Open XML.
    Docx,
    /// Excel, Office Open XML.
    Xlsx,
    /// PowerPoint, Office Open XML.
    Pptx,
    /// A picture.
    Image,
    /// A recording of sound.
    Audio,
    /// A recording of pictures.
    Video,
    /// An Office file of another form.
    Office,
    /// Files in a file.
    Archive,
    /// A program or a script.
    Program,
    /// Nothing that is known here.
    Other,
}

impl Format {
    /// Every format with its word and its number in the database.
    pub const ALL: [(Self, &'static str, i16); 15] = [
        (Self::Text, "text", 1),
        (Self::Csv, "csv", 2),
        (Self::Json, "json", 3),
        (Self::Html, "html", 4),
        (Self::Pdf, "pdf", 5),
        (Self::Docx, "docx", 6),
        (Self::Xlsx, "xlsx", 7),
        (Self::Pptx, "pptx", 8),
        (Self::Image, "image", 9),
        (Self::Audio, "audio", 10),
        (Self::Video, "video", 11),
        (Self::Office, "office", 12),
        (Self::Archive, "archive", 13),
        (Self::Program, "program", 14),
        (Self::Other, "other", 15),
    ];

    /// The word that stands in entries and answers.
    pub fn word(self) -> &'static str {
        Self::ALL.iter().find(|(format, ..)| *format == self).map_or("", |(_, word, _)| word)
    }

    /// The number in the database.
    pub fn code(self) -> i16 {
        Self::ALL.iter().find(|(format, ..)| *format == self).map_or(0, |(.., code)| *code)
    }

    /// The format of a number in the database.
    pub fn from_code(code: i16) -> Option<Self> {
        Self::ALL.iter().find(|(.., known)| *known == code).map(|(format, ..)| *format)
    }
}

/// Why a file is in quarantine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Withheld {
    /// It is of no kind that can be read here.
    Unknown,
    /// It needs a password.
    Encrypted,
    /// It is not what its beginning says, or cut off.
    Broken,
    /// It says more than a message may, has too many parts, or unpacks to too much.
    TooLong,
    /// Reading it took too long.
    TooSlow,
    /// It would do something when it is opened: scripts, macros, programs started.
    Active,
    /// It is a program.
    Program,
    /// It is two things at once.
    Mixed,
    /// There is no text in it: a scan, most of the time.
    NoText,
}

impl Withheld {
    /// Every reason with its word and its number in the database.
    pub const ALL: [(Self, &'static str, i16); 9] = [
        (Self::Unknown, "unknown", 1),
        (Self::Encrypted, "encrypted", 2),
        (Self::Broken, "broken", 3),
        (Self::TooLong, "too_long", 4),
        (Self::TooSlow, "too_slow", 5),
        (Self::Active, "active", 6),
        (Self::Program, "program", 7),
        (Self::Mixed, "mixed", 8),
        (Self::NoText, "no_text", 9),
    ];

    /// The word that stands in entries and answers.
    pub fn word(self) -> &'static str {
        Self::ALL.iter().find(|(reason, ..)| *reason == self).map_or("", |(_, word, _)| word)
    }

    /// The number in the database.
    pub fn code(self) -> i16 {
        Self::ALL.iter().find(|(reason, ..)| *reason == self).map_or(0, |(.., code)| *code)
    }

    /// The reason of a number in the database.
    pub fn from_code(code: i16) -> Option<Self> {
        Self::ALL.iter().find(|(.., known)| *known == code).map(|(reason, ..)| *reason)
    }
}

/// What became of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// Its text was read, and is shown masked.
    Shown,
    /// A picture or a recording: nothing of it is shown.
    Sealed,
    /// It could not be read, or must not be: nothing of it is shown.
    Quarantined(Withheld),
}

impl Fate {
    /// The word that stands in entries and answers.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Shown => "shown",
            Self::Sealed => "sealed",
            Self::Quarantined(_) => "quarantined",
        }
    }

    /// Why it is in quarantine, if it is.
    pub const fn reason(self) -> Option<Withheld> {
        match self {
            Self::Quarantined(reason) => Some(reason),
            Self::Shown | Self::Sealed => None,
        }
    }

    /// The number in the database; 16 and more are reasons.
    pub fn code(self) -> i16 {
        match self {
            Self::Shown => 0,
            Self::Sealed => 1,
            Self::Quarantined(reason) => 16 + reason.code(),
        }
    }

    /// The fate of a number in the database.
    pub fn from_code(code: i16) -> Option<Self> {
        match code {
            0 => Some(Self::Shown),
            1 => Some(Self::Sealed),
            reason => Withheld::from_code(reason - 16).map(Self::Quarantined),
        }
    }
}

/// What may be told of a file to whoever may read its message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileInfo {
    /// What it is.
    pub format: Format,
    /// Its size in bytes.
    pub bytes: u64,
    /// What became of it.
    pub fate: Fate,
    /// Whether it is kept, sealed; one that is not had a C3 value in it.
    pub kept: bool,
}

/// A file on its way into the database, with its message.
#[derive(Clone)]
pub struct NewFile {
    /// What is told of it.
    pub info: FileInfo,
    /// The commitment to it, where it is kept.
    pub commitment: Option<Hash>,
    /// Its sealed pieces, in order; none where it is not kept.
    pub pieces: Arc<[Sealed]>,
}

impl NewFile {
    /// A file of which nothing but its text is kept.
    pub fn not_kept(info: FileInfo) -> Self {
        Self { info: FileInfo { kept: false, ..info }, commitment: None, pieces: Arc::new([]) }
    }

    /// Seals a file in pieces, the salt of its commitment before its first byte.
    ///
    /// # Errors
    /// [`SealError`] when the cipher refuses.
    pub fn seal(
        info: FileInfo,
        file: &RawBody,
        salt: &Salt,
        message: MessageId,
        sealer: &dyn Sealer,
    ) -> Result<Self, SealError> {
        let commitment = commitment(salt.as_bytes(), Tag::Sealed, file.bytes());
        let mut whole = Zeroizing::new(Vec::with_capacity(SALT_BYTES + file.len()));
        whole.extend_from_slice(salt.as_bytes());
        whole.extend_from_slice(file.bytes());
        let piece = |(number, piece)| sealer.seal(Part::File(number), message, piece);
        let pieces = (0..).zip(whole.chunks(FILE_PIECE_BYTES)).map(piece).collect::<Result<Vec<_>, _>>()?;
        let info = FileInfo { kept: true, ..info };
        Ok(Self { info, commitment: Some(commitment), pieces: pieces.into() })
    }
}

/// Opens the pieces of a file: the salt of its commitment, and the file.
///
/// # Errors
/// [`SealError`] when a piece is missing, another's, or opens under another key.
pub fn open(pieces: &[Sealed], message: MessageId, sealer: &dyn Sealer) -> Result<OpenedPart, SealError> {
    let mut whole = Zeroizing::new(Vec::new());
    for (number, piece) in (0..).zip(pieces) {
        whole.extend_from_slice(&sealer.open(Part::File(number), message, piece)?);
    }
    OpenedPart::split(Part::File(0), &whole)
}

/// What the guard against duplicates knows a file by.
pub fn fingerprint(name: &RawText, file: &RawBody) -> Vec<u8> {
    let name = name.expose().as_bytes();
    let whole = [&(name.len() as u64).to_be_bytes()[..], name, &canonical::sha256(file.bytes())].concat();
    canonical::sha256(&whole).to_vec()
}

/// A file's name as it is masked: without what could stand for another line, and of a bounded length.
pub fn plain_name(name: &RawText, bytes_max: usize) -> RawText {
    let mut plain = String::new();
    for character in name.expose().trim().chars() {
        let character =
            if character.is_control() || matches!(character, '\u{2028}' | '\u{2029}') { ' ' } else { character };
        if plain.len() + character.len_utf8() <= bytes_max {
            plain.push(character);
        }
    }
    RawText::new(if plain.trim().is_empty() { "-".to_owned() } else { plain })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_and_numbers_are_one_to_one() {
        for (format, word, code) in Format::ALL {
            assert_eq!((format.word(), Format::from_code(code)), (word, Some(format)));
        }
        for (reason, word, code) in Withheld::ALL {
            assert_eq!((reason.word(), Withheld::from_code(code)), (word, Some(reason)));
            let fate = Fate::Quarantined(reason);
            assert_eq!(Fate::from_code(fate.code()), Some(fate));
        }
        assert_eq!([0, 1, 2].map(Fate::from_code), [Some(Fate::Shown), Some(Fate::Sealed), None]);
    }

    #[test]
    fn a_name_is_one_line_of_a_bounded_length() {
        let plain = |name: &str| plain_name(&RawText::new(name.to_owned()), 8).expose().to_owned();
        assert_eq!(plain(" a\nb\u{2028}c "), "a b c");
        assert_eq!(plain("账单账单"), "账单");
        assert_eq!([plain(""), plain("\r\n")], ["-", "-"]);
    }
}
