//! Addresses of Bitcoin and Ethereum, as they are written: their checks tell capital letters from small ones.
//!
//! Sources: Base58Check as in Bitcoin's own documentation, BIP 173 and BIP 350 (bech32, bech32m), EIP-55.

use sha3::{Digest, Keccak256};

use super::{super::super::canonical::sha256, Confidence};

const BASE58: &[u8; 58] = b"123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";
/// Version byte, hash and checksum.
const BASE58_BYTES: usize = 25;
const BECH32: &[u8; 32] = b"qpzry9x8gf2tvdw0s3jn54khce6mua7l";
/// What the checksums of bech32 and of bech32m come to.
const BECH32_SUMS: [u32; 2] = [1, 0x2BC8_30A3];
/// Shortest and longest Bitcoin address in characters.
pub(in super::super) const BITCOIN_LEN: std::ops::RangeInclusive<usize> = 26..=90;
/// Length of an Ethereum address in characters.
pub(in super::super) const ETHEREUM_LEN: usize = 42;

/// Judges a Bitcoin address.
pub(in super::super) fn bitcoin(written: &[u8]) -> Option<Confidence> {
    let valid = match written.first()? {
        b'1' | b'3' => is_base58check(written),
        b'b' | b'B' => is_bech32(written),
        _ => false,
    };
    valid.then_some(Confidence::checked(98, 99))
}

fn is_base58check(written: &[u8]) -> bool {
    let mut bytes = [0_u8; BASE58_BYTES];
    for character in written {
        let Some(mut carry) = BASE58.iter().position(|known| known == character) else { return false };
        for byte in bytes.iter_mut().rev() {
            carry += usize::from(*byte) * 58;
            *byte = u8::try_from(carry % 256).unwrap_or_default();
            carry /= 256;
        }
        if carry > 0 {
            return false;
        }
    }
    let (body, check) = bytes.split_at(BASE58_BYTES - 4);
    matches!(body.first(), Some(0 | 5)) && sha256(&sha256(body)).starts_with(check)
}

fn is_bech32(written: &[u8]) -> bool {
    let has = |is: fn(&u8) -> bool| written.iter().any(is);
    let lower = written.to_ascii_lowercase();
    let Some(data) = lower.strip_prefix(b"bc1") else { return false };
    if has(u8::is_ascii_lowercase) && has(u8::is_ascii_uppercase) {
        return false;
    }
    // The expanded human-readable part: high bits, a zero, low bits.
    let mut sum =
        [b'b' >> 5, b'c' >> 5, 0, b'b' & 31, b'c' & 31].iter().fold(1, |sum, &value| step(sum, u32::from(value)));
    for character in data {
        let place = BECH32.iter().position(|known| known == character).and_then(|place| u32::try_from(place).ok());
        let Some(value) = place else { return false };
        sum = step(sum, value);
    }
    BECH32_SUMS.contains(&sum)
}

/// One step of the checksum of BIP 173.
fn step(sum: u32, value: u32) -> u32 {
    const GENERATORS: [u32; 5] = [0x3B6A_57B2, 0x2650_8E6D, 0x1EA1_19FA, 0x3D42_33DD, 0x2A14_62B3];
    let top = sum >> 25;
    let shifted = (sum & 0x01FF_FFFF) << 5 ^ value;
    (0..).zip(GENERATORS).fold(shifted, |sum, (bit, generator)| if top >> bit & 1 == 1 { sum ^ generator } else { sum })
}

/// Judges an Ethereum address with its `0x`; without capitals or without small letters it has no checksum.
pub(in super::super) fn ethereum(written: &[u8]) -> Option<Confidence> {
    let digits = written.strip_prefix(b"0x").or_else(|| written.strip_prefix(b"0X"))?;
    if written.len() != ETHEREUM_LEN || !digits.iter().all(u8::is_ascii_hexdigit) {
        return None;
    }
    let is_mixed = digits.iter().any(u8::is_ascii_lowercase) && digits.iter().any(u8::is_ascii_uppercase);
    Some(match (is_mixed, is_mixed && has_eip55(digits)) {
        (true, true) => Confidence::checked(98, 99),
        (true, false) => Confidence::new(50, 82),
        (false, _) => Confidence::new(90, 97),
    })
}

fn has_eip55(digits: &[u8]) -> bool {
    let hash = Keccak256::digest(digits.to_ascii_lowercase());
    let halves = hash.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    digits.iter().zip(halves).all(|(digit, half)| digit.is_ascii_digit() || digit.is_ascii_uppercase() == (half >= 8))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_with_their_checksum_are_sure() {
        for address in [
            "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa",
            "3J98t1WpEZ73CNmQviecrnyiWrnqRhWNLy",
            "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4",
            "BC1QW508D6QEJXTDG4Y5R3ZARVARY0C5XW7KV8F3T4",
            "bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqzk5jj0",
        ] {
            assert_eq!(bitcoin(address.as_bytes()).map(|confidence| confidence.alone), Some(98), "{address}");
        }
        for (address, alone) in [
            ("0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed", Some(98)),
            ("0x5aaeb6053f3e94c9b9a09f33669435e7ef1beaed", Some(90)),
            ("0x5AAeb6053F3E94C9b9A09f33669435E7Ef1BeAed", Some(50)),
            ("0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAe", None),
            ("5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed12", None),
        ] {
            assert_eq!(ethereum(address.as_bytes()).map(|confidence| confidence.alone), alone, "{address}");
        }
    }

    #[test]
    fn a_changed_character_is_no_address() {
        for address in [
            "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNb",
            "1a1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa",
            "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t5",
            "bc1Qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4",
            "1",
            "",
            "111111111111111111111111111111111111",
        ] {
            assert_eq!(bitcoin(address.as_bytes()), None, "{address}");
        }
    }
}
