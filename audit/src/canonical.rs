//! Canonical JSON (RFC 8785) as far as the ledger needs it: no floats, integers below 2^53, bounded depth.
//!
//! Writers put object members in sorted order themselves; this module writes the scalars and the free-form `detail`
//! of an entry. Keys are narrower than the RFC allows (`[a-z0-9_]`), so that sorting by bytes and by UTF-16 units agree.

use crate::error::{Error, Format, malformed};
use crate::types::INTEGER_MAX;
use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use std::collections::BTreeMap;
use std::fmt;

/// Deepest nesting of a detail value; the outermost object counts as one.
pub const DEPTH_MAX: usize = 8;
/// Longest key in bytes.
pub const KEY_BYTES_MAX: usize = 64;

/// The members of an object, sorted by key.
pub type Object = BTreeMap<String, Detail>;

/// A JSON value without floats: what an entry records beyond its common fields.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Detail {
    /// `null`
    #[default]
    Null,
    /// `true` or `false`
    Bool(bool),
    /// An integer between -(2^53 - 1) and 2^53 - 1.
    Int(i64),
    /// A string.
    String(String),
    /// An array.
    Array(Vec<Self>),
    /// An object.
    Object(Object),
}

/// Writes a string with the escapes of RFC 8785 section 3.2.2.2. Runs without escapes are copied whole, because receipts
/// carry a kilobyte of entry as a string.
pub(crate) fn push_string(out: &mut Vec<u8>, text: &str) {
    let needs_escape = |byte: &u8| matches!(byte, b'"' | b'\\' | 0x00..=0x1f);
    let mut rest = text.as_bytes();
    out.push(b'"');
    while let Some((plain, [byte, behind @ ..])) =
        rest.iter().position(needs_escape).and_then(|at| rest.split_at_checked(at))
    {
        out.extend(plain);
        match byte {
            b'"' => out.extend(b"\\\""),
            b'\\' => out.extend(b"\\\\"),
            0x08 => out.extend(b"\\b"),
            0x09 => out.extend(b"\\t"),
            0x0a => out.extend(b"\\n"),
            0x0c => out.extend(b"\\f"),
            0x0d => out.extend(b"\\r"),
            control => {
                out.extend(b"\\u00");
                crate::types::push_hex(out, &[*control]);
            }
        }
        rest = behind;
    }
    out.extend(rest);
    out.push(b'"');
}

/// Writes an unsigned integer.
///
/// # Errors
/// `Malformed` if it is not below 2^53.
pub(crate) fn push_integer(out: &mut Vec<u8>, value: u64) -> Result<(), Error> {
    if value > INTEGER_MAX {
        return Err(malformed(Format::Entry, out.len(), "integer not below 2^53"));
    }
    let start = out.len();
    let mut rest = value;
    loop {
        out.push(b'0' + u8::try_from(rest % 10).unwrap_or(0));
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    if let Some(digits) = out.get_mut(start..) {
        digits.reverse();
    }
    Ok(())
}

/// Writes an object whose outermost level is at `depth`.
///
/// # Errors
/// `Malformed` if an integer, key or depth is out of bounds.
pub(crate) fn push_object(out: &mut Vec<u8>, object: &Object, depth: usize) -> Result<(), Error> {
    if depth > DEPTH_MAX {
        return Err(malformed(Format::Entry, out.len(), "nested too deeply"));
    }
    let mut before = b'{';
    for (key, value) in object {
        if !is_key(key) {
            return Err(malformed(Format::Entry, out.len(), "key is not 1 to 64 bytes of [a-z0-9_]"));
        }
        out.push(before);
        before = b',';
        push_string(out, key);
        out.push(b':');
        push_value(out, value, depth)?;
    }
    if object.is_empty() {
        out.push(b'{');
    }
    out.push(b'}');
    Ok(())
}

fn push_value(out: &mut Vec<u8>, value: &Detail, depth: usize) -> Result<(), Error> {
    match value {
        Detail::Null => out.extend(b"null"),
        Detail::Bool(true) => out.extend(b"true"),
        Detail::Bool(false) => out.extend(b"false"),
        Detail::Int(number) => {
            if *number < 0 {
                out.push(b'-');
            }
            push_integer(out, number.unsigned_abs())?;
        }
        Detail::String(text) => push_string(out, text),
        Detail::Array(values) => {
            if depth >= DEPTH_MAX {
                return Err(malformed(Format::Entry, out.len(), "nested too deeply"));
            }
            out.push(b'[');
            for (at, value) in values.iter().enumerate() {
                if at > 0 {
                    out.push(b',');
                }
                push_value(out, value, depth + 1)?;
            }
            out.push(b']');
        }
        Detail::Object(object) => push_object(out, object, depth + 1)?,
    }
    Ok(())
}

fn is_key(key: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    !key.is_empty() && key.len() <= KEY_BYTES_MAX && key.bytes().all(allowed)
}

/// Refuses bytes that differ from their canonical form, naming the first offset at which they do.
///
/// # Errors
/// `Malformed` if they differ.
pub(crate) fn demand_canonical(what: Format, got: &[u8], canonical: &[u8]) -> Result<(), Error> {
    if got == canonical {
        return Ok(());
    }
    let common = got.iter().zip(canonical).take_while(|(a, b)| a == b).count();
    Err(malformed(what, common, "not the canonical form (RFC 8785)"))
}

/// Turns an error of the JSON parser into ours. Its text is dropped because it quotes the input.
pub(crate) fn json_error(what: Format, error: &serde_json::Error) -> Error {
    // Canonical JSON has no raw line breaks, so the column on the first line is the offset.
    let offset = if error.line() > 1 { 0 } else { error.column().saturating_sub(1) };
    let reason = match error.classify() {
        serde_json::error::Category::Data => "a field is missing, unknown or not of its type",
        serde_json::error::Category::Syntax => "not JSON",
        serde_json::error::Category::Eof => "cut off",
        serde_json::error::Category::Io => "can't be read",
    };
    malformed(what, offset, reason)
}

impl<'de> Deserialize<'de> for Detail {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(DetailVisitor)
    }
}

struct DetailVisitor;

impl<'de> Visitor<'de> for DetailVisitor {
    type Value = Detail;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value without floats")
    }

    fn visit_unit<E>(self) -> Result<Detail, E> {
        Ok(Detail::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Detail, E> {
        Ok(Detail::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Detail, E> {
        Ok(Detail::Int(value))
    }

    fn visit_u64<E: serde::de::Error>(self, value: u64) -> Result<Detail, E> {
        i64::try_from(value).map(Detail::Int).map_err(|_| E::custom("integer too large"))
    }

    fn visit_str<E>(self, value: &str) -> Result<Detail, E> {
        Ok(Detail::String(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Detail, A::Error> {
        let mut values = Vec::new();
        while let Some(value) = seq.next_element()? {
            values.push(value);
        }
        Ok(Detail::Array(values))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Detail, A::Error> {
        let mut object = Object::new();
        while let Some((key, value)) = map.next_entry()? {
            if object.insert(key, value).is_some() {
                return Err(A::Error::custom("duplicate key"));
            }
        }
        Ok(Detail::Object(object))
    }
}

/// Reads a value from its text form without copying the string, for `#[serde(deserialize_with)]` and newtypes.
pub(crate) fn from_text<'de, T, D>(deserializer: D) -> Result<T, D::Error>
where
    T: std::str::FromStr,
    D: Deserializer<'de>,
{
    struct Text<T>(std::marker::PhantomData<T>);
    impl<T: std::str::FromStr> Visitor<'_> for Text<T> {
        type Value = T;
        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a string of the prescribed form")
        }
        fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<T, E> {
            text.parse().map_err(|_| E::custom("wrong form"))
        }
    }
    deserializer.deserialize_str(Text(std::marker::PhantomData))
}

macro_rules! deserialize_from_text {
    ($($type:ty),*) => {$(
        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                from_text(deserializer)
            }
        }
    )*};
}

deserialize_from_text!(
    crate::types::Hash,
    crate::types::Id128,
    crate::types::Origin,
    crate::time::Timestamp,
    crate::entry::Kind,
    crate::entry::Role
);

impl<'de> Deserialize<'de> for crate::types::EntryIndex {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        u64::deserialize(deserializer).map(Self)
    }
}
