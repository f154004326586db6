//! Words and addresses as texts: one text for each, so that what is compared as text is compared as bytes.

use super::keccak256;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::str::FromStr;

/// 32 bytes, written as `0x` and 64 hexadecimal digits in lower case.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Word(pub [u8; 32]);

/// An account or a contract, 20 bytes, written with the checksum of EIP-55.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Address(pub [u8; 20]);

/// The text is no such value; the text itself is not repeated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct NotThat(&'static str);

fn hex(bytes: &[u8]) -> impl Iterator<Item = char> {
    let digit = |nibble: u8| char::from_digit(u32::from(nibble), 16).unwrap_or('0');
    bytes.iter().flat_map(move |byte| [digit(byte >> 4), digit(byte & 15)])
}

fn unhex<const N: usize>(text: &str) -> Option<[u8; N]> {
    let digits = text.strip_prefix("0x").filter(|digits| digits.len() == 2 * N)?;
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let mut bytes = [0; N];
    for (byte, [high, low]) in bytes.iter_mut().zip(digits.as_bytes().as_chunks::<2>().0) {
        *byte = digit(*high)? << 4 | digit(*low)?;
    }
    Some(bytes)
}

impl fmt::Display for Word {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&"0x".chars().chain(hex(&self.0)).collect::<String>())
    }
}

impl FromStr for Word {
    type Err = NotThat;

    fn from_str(text: &str) -> Result<Self, NotThat> {
        let word = unhex(text).map(Self).filter(|_| !text.bytes().any(|byte| byte.is_ascii_uppercase()));
        word.ok_or(NotThat("not 0x and 64 hexadecimal digits in lower case"))
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits: String = hex(&self.0).collect();
        let marks: Vec<char> = hex(&keccak256(&[digits.as_bytes()])).collect();
        let marked = digits.chars().zip(marks).map(|(digit, mark)| {
            if mark.to_digit(16).is_some_and(|mark| mark > 7) { digit.to_ascii_uppercase() } else { digit }
        });
        f.write_str(&"0x".chars().chain(marked).collect::<String>())
    }
}

impl FromStr for Address {
    type Err = NotThat;

    fn from_str(text: &str) -> Result<Self, NotThat> {
        let address = unhex(text).map(Self).ok_or(NotThat("not 0x and 40 hexadecimal digits"))?;
        if address.to_string() == text {
            Ok(address)
        } else {
            Err(NotThat("its capital letters are not the checksum of EIP-55"))
        }
    }
}

impl fmt::Debug for Word {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

macro_rules! as_text {
    ($($name:ident)*) => {$(
        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
            }
        }
    )*};
}

as_text!(Word Address);
