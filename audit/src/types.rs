//! The small types that everything else is made of: hashes, indexes, sizes, identifiers, origins, labels.
//!
//! Index and size are different types because mixing them up is how off-by-one errors get into proofs. Origins are
//! validated on the way in, so writers need not escape them. This module knows no format but its own text
//! forms.

use crate::error::{Error, Format, malformed};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use std::fmt;
use std::str::FromStr;

/// Largest integer that an entry may carry: RFC 8785 numbers are exact only below 2^53.
pub const INTEGER_MAX: u64 = (1 << 53) - 1;
/// Longest origin in bytes; it is also a key name and a directory name.
pub const ORIGIN_BYTES_MAX: usize = 200;
/// Longest label in bytes.
pub const LABEL_BYTES_MAX: usize = 64;

/// Writes bytes as lower hex digits onto `out`.
pub(crate) fn push_hex(out: &mut Vec<u8>, bytes: &[u8]) {
    out.reserve(2 * bytes.len());
    for byte in bytes {
        out.extend_from_slice(&[hex_digit(byte >> 4), hex_digit(byte & 15)]);
    }
}

const fn hex_digit(nibble: u8) -> u8 {
    if nibble < 10 { b'0' + nibble } else { b'a' + nibble - 10 }
}

fn parse_hex<const N: usize>(text: &str, what: Format) -> Result<[u8; N], Error> {
    if text.len() != 2 * N {
        return Err(malformed(what, text.len().min(2 * N), "wrong number of hex digits"));
    }
    let mut bytes = [0; N];
    for (at, (pair, byte)) in text.as_bytes().as_chunks::<2>().0.iter().zip(&mut bytes).enumerate() {
        let [Some(high), Some(low)] = pair.map(hex_value) else {
            return Err(malformed(what, 2 * at, "not a lower hex digit"));
        };
        *byte = (high << 4) | low;
    }
    Ok(bytes)
}

const fn hex_value(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    }
}

/// Parses an ASCII decimal without sign or leading zeroes, as all C2SP formats prescribe.
pub(crate) fn parse_decimal(text: &str, what: Format) -> Result<u64, Error> {
    let digits = text.as_bytes();
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return Err(malformed(what, 0, "not a decimal number"));
    }
    if digits.len() > 1 && digits.first() == Some(&b'0') {
        return Err(malformed(what, 0, "leading zero"));
    }
    text.parse().map_err(|_| malformed(what, 0, "number too large"))
}

macro_rules! hex_bytes {
    ($(#[$doc:meta])* $name:ident, $len:literal, $format:expr) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub [u8; $len]);

        impl $name {
            /// Borrows the raw bytes.
            pub const fn as_bytes(&self) -> &[u8; $len] {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl FromStr for $name {
            type Err = Error;
            fn from_str(text: &str) -> Result<Self, Error> {
                parse_hex(text, $format).map(Self)
            }
        }
    };
}

hex_bytes! {
    /// A SHA-256 digest: a leaf, a tree node, a root or a commitment. Text form: 64 lower hex digits.
    Hash, 32, Format::Hash
}

hex_bytes! {
    /// A random 128-bit public identifier or pseudonym. Text form: 32 lower hex digits.
    Id128, 16, Format::Id
}

impl Hash {
    /// The `prev` of the first entry of a log.
    pub const ZERO: Self = Self([0; 32]);

    /// Returns the standard base64 form (RFC 4648 section 4) that C2SP formats use.
    pub fn to_base64(self) -> String {
        STANDARD.encode(self.0)
    }

    /// Parses the standard base64 form.
    ///
    /// # Errors
    /// `Malformed` unless it is the canonical base64 of 32 bytes.
    pub fn from_base64(text: &str) -> Result<Self, Error> {
        let bytes = STANDARD.decode(text).map_err(|_| malformed(Format::Hash, 0, "not base64"))?;
        let bytes = bytes.try_into().map_err(|_| malformed(Format::Hash, 0, "not 32 bytes"))?;
        Ok(Self(bytes))
    }
}

macro_rules! counter {
    ($(#[$doc:meta])* $name:ident, $format:expr) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub u64);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = Error;
            fn from_str(text: &str) -> Result<Self, Error> {
                parse_decimal(text, $format).map(Self)
            }
        }
    };
}

counter! {
    /// The zero-based position of an entry in its log.
    EntryIndex, Format::Index
}

counter! {
    /// The number of entries in a tree.
    TreeSize, Format::Size
}

impl EntryIndex {
    /// Returns the size of the smallest tree that holds this entry.
    #[must_use]
    pub const fn size_with_it(self) -> TreeSize {
        TreeSize(self.0.saturating_add(1))
    }
}

impl TreeSize {
    /// Returns the index that the next entry will have.
    #[must_use]
    pub const fn next_index(self) -> EntryIndex {
        EntryIndex(self.0)
    }

    /// Returns the index of the newest entry, or `None` for the empty tree.
    pub const fn last_index(self) -> Option<EntryIndex> {
        match self.0.checked_sub(1) {
            Some(index) => Some(EntryIndex(index)),
            None => None,
        }
    }
}

/// The identity of a log: `<name>/<tenant>/<generation>`, also the name of its keys.
///
/// The name is a schema-less URL and may itself contain slashes; the generation counts from 1.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Origin {
    text: Box<str>,
    tenant_start: usize,
    generation: u32,
}

impl Origin {
    /// Joins the parts of an origin.
    ///
    /// # Errors
    /// `Malformed` if a part is empty or holds a character outside `[A-Za-z0-9._:-]` (the name may hold slashes).
    pub fn new(name: &str, tenant: &str, generation: u32) -> Result<Self, Error> {
        if tenant.contains('/') {
            return Err(malformed(Format::Origin, 0, "the tenant may not contain a slash"));
        }
        format!("{name}/{tenant}/{generation}").parse()
    }

    /// Borrows the whole origin.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Borrows the name, which may have slashes of its own.
    pub fn name(&self) -> &str {
        self.text.get(..self.tenant_start.saturating_sub(1)).unwrap_or_default()
    }

    /// Borrows the tenant.
    pub fn tenant(&self) -> &str {
        let rest = self.text.get(self.tenant_start..).unwrap_or_default();
        rest.split_once('/').map_or(rest, |(tenant, _)| tenant)
    }

    /// Returns the generation, counted from 1.
    pub const fn generation(&self) -> u32 {
        self.generation
    }
}

impl FromStr for Origin {
    type Err = Error;
    fn from_str(text: &str) -> Result<Self, Error> {
        if text.len() > ORIGIN_BYTES_MAX {
            let (max, got) = (ORIGIN_BYTES_MAX as u64, text.len() as u64);
            return Err(Error::TooLong { what: Format::Origin, max, got });
        }
        if let Some(at) = text.bytes().position(|b| !is_label_byte(b) && b != b'/') {
            return Err(malformed(Format::Origin, at, "character not allowed"));
        }
        if text.split('/').any(|part| part.is_empty() || part == "." || part == "..") {
            return Err(malformed(Format::Origin, 0, "empty or dotted part"));
        }
        let shape = || malformed(Format::Origin, 0, "not <name>/<tenant>/<generation>");
        let (head, generation) = text.rsplit_once('/').ok_or_else(shape)?;
        let (name, _tenant) = head.rsplit_once('/').ok_or_else(shape)?;
        let generation = u32::try_from(parse_decimal(generation, Format::Origin)?).map_err(|_| shape())?;
        if generation == 0 {
            return Err(malformed(Format::Origin, 0, "generations count from 1"));
        }
        Ok(Self { tenant_start: name.len() + 1, text: text.into(), generation })
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Refuses what is not a label: a short name from a vocabulary, such as a role, a channel or an entity.
///
/// 1 to 64 bytes of `[A-Za-z0-9._:-]`: too narrow for a sentence, so free text can't slip into an entry through it, and
/// nothing that JSON would escape.
pub(crate) fn check_label(text: &str) -> Result<(), Error> {
    if text.is_empty() || text.len() > LABEL_BYTES_MAX {
        return Err(malformed(Format::Label, text.len().min(LABEL_BYTES_MAX), "must have 1 to 64 bytes"));
    }
    match text.bytes().position(|b| !is_label_byte(b)) {
        Some(at) => Err(malformed(Format::Label, at, "character not allowed")),
        None => Ok(()),
    }
}

const fn is_label_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b':' | b'-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins_have_a_name_a_tenant_and_a_generation() {
        for (text, expect) in [
            ("lww.example/acme/1", Some(("acme", 1))),
            ("bank.example/cs/acme/42", Some(("acme", 42))),
            ("a/b/0", None),
            ("a/b/01", None),
            ("a/b/c", None),
            ("a/b", None),
            ("a//1", None),
            ("a/../1", None),
            ("/b/1", None),
            ("a+b/c/1", None),
            ("a b/c/1", None),
            ("a/客/1", None),
            ("a/b/4294967296", None),
        ] {
            let got = text.parse::<Origin>().ok();
            assert_eq!(got.as_ref().map(|o| (o.tenant(), o.generation())), expect, "{text}");
        }
        assert!(Origin::new("a", "b/c", 1).is_err());
        assert!(Origin::new(&"a".repeat(ORIGIN_BYTES_MAX), "b", 1).is_err());
    }

    #[test]
    fn hashes_and_ids_read_their_own_text_and_nothing_looser() {
        let hash = Hash([0xab; 32]);
        assert_eq!(hash.to_string().parse::<Hash>().unwrap(), hash);
        assert_eq!(Hash::from_base64(&hash.to_base64()).unwrap(), hash);
        for text in ["", "AB", &"AB".repeat(32), &"a".repeat(63), &"é".repeat(32), &"g".repeat(64)] {
            assert!(text.parse::<Hash>().is_err(), "{text}");
        }
        for text in ["", "AAAA", &hash.to_base64().replace('=', ""), &format!("{}\n", hash.to_base64())] {
            assert!(Hash::from_base64(text).is_err(), "{text}");
        }
        assert_eq!(Id128([7; 16]).to_string(), "07".repeat(16));
    }

    #[test]
    fn labels_can_not_carry_sentences() {
        for (text, ok) in
            [("agent", true), ("C2", true), ("cn.id-18", true), ("", false), ("a b", false), ("客户", false)]
        {
            assert_eq!(check_label(text).is_ok(), ok, "{text}");
        }
        assert!(check_label(&"a".repeat(LABEL_BYTES_MAX)).is_ok());
        assert!(check_label(&"a".repeat(LABEL_BYTES_MAX + 1)).is_err());
    }

    #[test]
    fn decimals_have_no_sign_and_no_leading_zero() {
        for (text, ok) in
            [("0", true), ("10", true), ("01", false), ("+1", false), ("-1", false), ("", false), ("1 ", false)]
        {
            assert_eq!(text.parse::<TreeSize>().is_ok(), ok, "{text}");
        }
        assert!("18446744073709551616".parse::<EntryIndex>().is_err());
    }
}
