//! How a masked message is stored: a compact, versioned layout that is read strictly.
//!
//! It is sealed and kept for as long as the ledger, so the layout never changes under its version; a new one gets a new
//! version byte. All numbers are unsigned LEB128 in their shortest form unless a size is given.
//!
//! ```text
//! message  = version(1 byte: 1 or 2)  count  segment*count
//! segment  = 0x00  text                                   plain text, not empty, no two in a row
//!          | 0x01  name  class(1 byte: 1..3)  rule  confidence(1 byte: 0..100)  source  sets  set*sets
//! source   = nothing                                      in version 1
//!          | 0x00                                         what it covers in the original was not noted
//!          | flags(1 byte: 1, and 2: quoted, and 4: reversible)  bytes that it covers
//! set      = views(2 bytes, little endian)  text           bit 0 is the first of View::ALL; at least one bit;
//!                                                          no view or text in two sets; ordered by their lowest bit
//! text     = length in bytes, then UTF-8
//! name     = length in bytes, then the entity's stable name in ASCII
//! ```
//!
//! A view in no set shows the entity's placeholder. Every message has exactly one encoding: version 2 where a source is
//! noted, else version 1.

use super::{
    entity::Entity,
    masked::{MaskedSpan, MaskedText, Segment, Source},
    view::{Class, View},
};

/// Of messages in which no source is noted.
const PLAIN_VERSION: u8 = 1;
/// Of those in which one is.
const SOURCED_VERSION: u8 = 2;
/// What each noted source has, and what it may have.
const NOTED: u8 = 1;
const QUOTED: u8 = 2;
const REVERSIBLE: u8 = 4;
const PLAIN: u8 = 0;
const MASKED: u8 = 1;
const ALL_VIEWS: u16 = (1 << View::ALL.len()) - 1;

/// Why stored bytes are no masked message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// The version byte names a layout that this program does not know.
    #[error("masked text has layout version {got}, expected {PLAIN_VERSION} or {SOURCED_VERSION}")]
    Version {
        /// Version found.
        got: u8,
    },
    /// The bytes end inside a message.
    #[error("masked text is cut off")]
    Truncated,
    /// Bytes follow the message.
    #[error("masked text is followed by {got_bytes} more bytes")]
    Trailing {
        /// How many bytes follow.
        got_bytes: usize,
    },
    /// A text is not UTF-8.
    #[error("masked text holds a text that is not UTF-8")]
    NotUtf8,
    /// An entity, class, tag, number or set of views is outside the layout.
    #[error("masked text has a bad {field}")]
    Invalid {
        /// What is bad.
        field: &'static str,
    },
}

impl MaskedText {
    /// Encodes the message in the layout of this module.
    pub fn to_bytes(&self) -> Vec<u8> {
        let version = if self.has_sources() { SOURCED_VERSION } else { PLAIN_VERSION };
        let mut out = vec![version];
        write_number(&mut out, self.segments.len());
        for segment in &self.segments {
            match segment {
                Segment::Plain(text) => {
                    out.push(PLAIN);
                    write_text(&mut out, text);
                }
                Segment::Masked(span) => write_span(&mut out, version, span),
            }
        }
        out
    }

    fn has_sources(&self) -> bool {
        self.segments.iter().any(|segment| matches!(segment, Segment::Masked(span) if span.source.is_some()))
    }

    /// Decodes a message.
    ///
    /// # Errors
    /// Refuses anything that [`MaskedText::to_bytes`] would not have written.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader { rest: bytes, version: PLAIN_VERSION };
        reader.version = reader.byte()?;
        if !matches!(reader.version, PLAIN_VERSION | SOURCED_VERSION) {
            return Err(DecodeError::Version { got: reader.version });
        }
        let count = reader.number()?;
        let mut segments: Vec<Segment> = Vec::new();
        for _ in 0..count {
            let segment = reader.segment()?;
            if let (Some(Segment::Plain(_)), Segment::Plain(_)) = (segments.last(), &segment) {
                return Err(DecodeError::Invalid { field: "order of segments" });
            }
            segments.push(segment);
        }
        let text = Self { segments };
        match reader.rest.len() {
            0 if text.has_sources() == (reader.version == SOURCED_VERSION) => Ok(text),
            0 => Err(DecodeError::Invalid { field: "version" }),
            got_bytes => Err(DecodeError::Trailing { got_bytes }),
        }
    }
}

fn write_span(out: &mut Vec<u8>, version: u8, span: &MaskedSpan) {
    out.push(MASKED);
    write_text(out, span.entity.as_str());
    out.push(span.class.code());
    write_number(out, usize::from(span.rule));
    out.push(span.confidence);
    if version == SOURCED_VERSION {
        write_source(out, span.source);
    }
    write_number(out, span.shown.len());
    for (views, text) in &span.shown {
        out.extend_from_slice(&views.to_le_bytes());
        write_text(out, text);
    }
}

fn write_source(out: &mut Vec<u8>, source: Option<Source>) {
    let Some(Source { bytes, is_quoted, is_reversible }) = source else { return out.push(0) };
    let flag = |holds: bool, flag: u8| if holds { flag } else { 0 };
    out.push(NOTED | flag(is_quoted, QUOTED) | flag(is_reversible, REVERSIBLE));
    write_number(out, bytes);
}

fn write_text(out: &mut Vec<u8>, text: &str) {
    write_number(out, text.len());
    out.extend_from_slice(text.as_bytes());
}

fn write_number(out: &mut Vec<u8>, mut number: usize) {
    while let Some(low) = u8::try_from(number & 0x7F).ok().filter(|_| number > 0x7F) {
        out.push(low | 0x80);
        number >>= 7;
    }
    out.push(u8::try_from(number).unwrap_or(0x7F));
}

struct Reader<'b> {
    rest: &'b [u8],
    version: u8,
}

impl Reader<'_> {
    fn byte(&mut self) -> Result<u8, DecodeError> {
        let (&byte, rest) = self.rest.split_first().ok_or(DecodeError::Truncated)?;
        self.rest = rest;
        Ok(byte)
    }

    fn number(&mut self) -> Result<usize, DecodeError> {
        let mut number = 0_usize;
        for shift in (0..usize::BITS - 7).step_by(7) {
            let byte = self.byte()?;
            number |= usize::from(byte & 0x7F) << shift;
            if byte & 0x80 == 0 {
                let shortest = byte != 0 || shift == 0;
                return shortest.then_some(number).ok_or(DecodeError::Invalid { field: "number" });
            }
        }
        Err(DecodeError::Invalid { field: "number" })
    }

    fn text(&mut self) -> Result<String, DecodeError> {
        let length = self.number()?;
        let (text, rest) = self.rest.split_at_checked(length).ok_or(DecodeError::Truncated)?;
        self.rest = rest;
        std::str::from_utf8(text).map(str::to_owned).map_err(|_bad| DecodeError::NotUtf8)
    }

    fn segment(&mut self) -> Result<Segment, DecodeError> {
        match self.byte()? {
            PLAIN => match self.text()? {
                empty if empty.is_empty() => Err(DecodeError::Invalid { field: "plain text" }),
                text => Ok(Segment::Plain(text)),
            },
            MASKED => self.span().map(Segment::Masked),
            _ => Err(DecodeError::Invalid { field: "segment tag" }),
        }
    }

    fn span(&mut self) -> Result<MaskedSpan, DecodeError> {
        let invalid = |field| DecodeError::Invalid { field };
        let entity = Entity::from_name(&self.text()?).ok_or(invalid("entity"))?;
        let class = Class::from_code(self.byte()?).ok_or(invalid("class"))?;
        let rule = u16::try_from(self.number()?).map_err(|_too_large| invalid("rule"))?;
        let confidence = self.byte()?;
        if confidence > 100 {
            return Err(invalid("confidence"));
        }
        let source = self.source()?;
        let sets = self.number()?;
        let (mut seen, mut lowest, mut shown) = (0_u16, None, Vec::new());
        for _ in 0..sets {
            let views = u16::from_le_bytes([self.byte()?, self.byte()?]);
            let order = Some(views.trailing_zeros());
            if views == 0 || views & !ALL_VIEWS != 0 || views & seen != 0 || order <= lowest {
                return Err(invalid("set of views"));
            }
            (seen, lowest) = (seen | views, order);
            let text = self.text()?;
            if shown.iter().any(|(_, known)| *known == text) {
                return Err(invalid("set of views"));
            }
            shown.push((views, text));
        }
        Ok(MaskedSpan { entity, class, rule, confidence, shown, source })
    }

    fn source(&mut self) -> Result<Option<Source>, DecodeError> {
        if self.version == PLAIN_VERSION {
            return Ok(None);
        }
        match self.byte()? {
            0 => Ok(None),
            flags if flags & NOTED != 0 && flags & !(NOTED | QUOTED | REVERSIBLE) == 0 => {
                let (is_quoted, is_reversible) = (flags & QUOTED != 0, flags & REVERSIBLE != 0);
                Ok(Some(Source { bytes: self.number()?, is_quoted, is_reversible }))
            }
            _ => Err(DecodeError::Invalid { field: "source" }),
        }
    }
}
