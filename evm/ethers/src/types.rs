//! Bytes, addresses and 256-bit numbers.

use std::borrow::Borrow;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::utils::hex;

/// The text is no value of this type; the text itself is not repeated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unreadable(&'static str);

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl std::error::Error for Unreadable {}

/// Bytes that are shared when cloned: a tree is cloned for each proof.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Bytes(Arc<[u8]>);

impl Bytes {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl AsRef<[u8]> for Bytes {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl Borrow<[u8]> for Bytes {
    fn borrow(&self) -> &[u8] {
        &self.0
    }
}

impl From<Vec<u8>> for Bytes {
    fn from(bytes: Vec<u8>) -> Self {
        Self(bytes.into())
    }
}

impl<const N: usize> From<[u8; N]> for Bytes {
    fn from(bytes: [u8; N]) -> Self {
        Self(Arc::from(bytes.as_slice()))
    }
}

impl Serialize for Bytes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&format!("0x{}", hex::encode(&self.0)))
    }
}

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let digits = text.strip_prefix("0x").ok_or_else(|| serde::de::Error::custom("no 0x"))?;
        hex::decode(digits).map(Self::from).map_err(serde::de::Error::custom)
    }
}

/// An account or a contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Address(pub [u8; 20]);

impl FromStr for Address {
    type Err = Unreadable;

    fn from_str(text: &str) -> Result<Self, Unreadable> {
        let bytes = hex::decode(text.strip_prefix("0x").unwrap_or(text)).ok();
        bytes.and_then(|bytes| bytes.try_into().ok()).map(Self).ok_or(Unreadable("not 20 bytes in hexadecimal"))
    }
}

/// A number below 2^256, its most significant byte first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct U256(pub [u8; 32]);

impl U256 {
    /// Reads a decimal number.
    ///
    /// # Errors
    /// [`Unreadable`] when it has anything but digits, or is too large.
    pub fn from_dec_str(text: &str) -> Result<Self, Unreadable> {
        if text.is_empty() {
            return Err(Unreadable("no digits"));
        }
        let mut number = [0_u8; 32];
        for digit in text.bytes() {
            if !digit.is_ascii_digit() {
                return Err(Unreadable("not decimal digits"));
            }
            let mut carry = u16::from(digit - b'0');
            for byte in number.iter_mut().rev() {
                let [high, low] = (u16::from(*byte) * 10 + carry).to_be_bytes();
                (*byte, carry) = (low, u16::from(high));
            }
            if carry != 0 {
                return Err(Unreadable("2^256 or more"));
            }
        }
        Ok(Self(number))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAX: &str = "115792089237316195423570985008687907853269984665640564039457584007913129639935";

    #[test]
    fn numbers_are_read_up_to_their_bound_and_nothing_beyond() {
        assert_eq!(U256::from_dec_str(MAX), Ok(U256([255; 32])));
        let mut small = [0; 32];
        small[30..].copy_from_slice(&[1, 2]);
        assert_eq!(U256::from_dec_str("0258"), Ok(U256(small)));
        for bad in ["", "-1", "1a", &MAX.replace("935", "936"), &format!("{MAX}0")] {
            assert!(U256::from_dec_str(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn an_address_has_twenty_bytes() {
        let text = "0x1111111111111111111111111111111111111111";
        assert_eq!(text.parse(), Ok(Address([0x11; 20])));
        for bad in ["", "0x", &text[..40], &format!("{text}11"), &text.replace("11", "gg")] {
            assert!(bad.parse::<Address>().is_err(), "{bad}");
        }
    }
}
