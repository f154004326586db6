//! The one sealed form of everything this server encrypts: a fresh AES-256-GCM key and nonce for each sealing.
//!
//! Long-lived keys never meet the cipher itself: each sealing draws 24 random bytes and expands the long-lived key with
//! them into a cipher key, a cipher nonce and a commitment, so no GCM nonce can repeat under a long-lived key. GCM does
//! not commit to its key; the commitment does, and it is checked before anything is decrypted.
//!
//! | offset | bytes | what |
//! |---|---|---|
//! | 0 | 1 | version, `0x01` |
//! | 1 | 4 | number of the key that opens it, big-endian: a data key's generation or an epoch |
//! | 5 | 24 | nonce, random |
//! | 29 | 32 | commitment |
//! | 61 | n | ciphertext, as long as the plaintext |
//! | 61 + n | 16 | tag |
//!
//! `cipher key (32) ‖ cipher nonce (12) ‖ commitment (32) = HKDF-Expand-SHA256(key, "lww/1 seal" ‖ 0x00 ‖ nonce, 76)`.
//! Associated data is the caller's, see [`super::derive::associated_data`]; it holds the number, too.
//!
//! Sources: NIST SP 800-38D, RFC 5869; "How to Abuse and Fix Authenticated Encryption Without Key Commitment" (2022).
//! It knows no purposes, subjects or files.

use aes_gcm::aead::{AeadInOut, KeyInit};
use aes_gcm::{Aes256Gcm, Nonce, Tag};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::derive::{KEY_BYTES, Refused, SecretKey};
use crate::ports::{Random, random_bytes};

const VERSION: u8 = 1;
const NONCE_BYTES: usize = 24;
const CIPHER_NONCE_BYTES: usize = 12;
const COMMITMENT_BYTES: usize = 32;
const TAG_BYTES: usize = 16;
const HEADER_BYTES: usize = 1 + 4 + NONCE_BYTES + COMMITMENT_BYTES;
const EXPANDED_BYTES: usize = KEY_BYTES + CIPHER_NONCE_BYTES + COMMITMENT_BYTES;
const DOMAIN: &str = "lww/1 seal";

/// How much longer than its plaintext a sealed value is, in bytes.
#[cfg(test)]
pub(crate) const OVERHEAD_BYTES: usize = HEADER_BYTES + TAG_BYTES;

/// Seals `plaintext` under the key with this number, bound to `associated_data`.
pub(crate) fn seal(
    key: &SecretKey,
    number: i32,
    associated_data: &[u8],
    plaintext: &[u8],
    random: &dyn Random,
) -> Result<Vec<u8>, Refused> {
    let nonce: [u8; NONCE_BYTES] = random_bytes(random);
    let one_time = OneTime::derive(key, &nonce)?;
    let mut out = Vec::with_capacity(HEADER_BYTES + plaintext.len() + TAG_BYTES);
    out.push(VERSION);
    out.extend_from_slice(&number.to_be_bytes());
    out.extend_from_slice(&nonce);
    out.extend_from_slice(&one_time.commitment);
    out.extend_from_slice(plaintext);
    let body = out.get_mut(HEADER_BYTES..).ok_or(Refused)?;
    let tag =
        one_time.cipher.encrypt_inout_detached(&one_time.nonce, associated_data, body.into()).map_err(|_| Refused)?;
    out.extend_from_slice(&tag);
    Ok(out)
}

/// Opens what [`seal`] made with the same key, number and associated data.
pub(crate) fn open(
    key: &SecretKey,
    number: i32,
    associated_data: &[u8],
    sealed: &[u8],
) -> Result<Zeroizing<Vec<u8>>, Refused> {
    let parts = Parts::split(sealed).ok_or(Refused)?;
    if parts.version != VERSION || parts.number != number {
        return Err(Refused);
    }
    let one_time = OneTime::derive(key, parts.nonce)?;
    // Before decrypting: a ciphertext made to open under two keys must not get as far as the cipher.
    if !bool::from(one_time.commitment.ct_eq(parts.commitment)) {
        return Err(Refused);
    }
    let mut plaintext = Zeroizing::new(parts.ciphertext.to_vec());
    one_time
        .cipher
        .decrypt_inout_detached(
            &one_time.nonce,
            associated_data,
            plaintext.as_mut_slice().into(),
            &Tag::from(*parts.tag),
        )
        .map_err(|_| Refused)?;
    Ok(plaintext)
}

/// What one sealing's nonce makes of a long-lived key.
struct OneTime {
    cipher: Aes256Gcm,
    nonce: Nonce<aes_gcm::aead::consts::U12>,
    commitment: [u8; COMMITMENT_BYTES],
}

impl OneTime {
    fn derive(key: &SecretKey, nonce: &[u8; NONCE_BYTES]) -> Result<Self, Refused> {
        let expanded = key.expand::<EXPANDED_BYTES>(DOMAIN, nonce)?;
        let (cipher_key, rest) = expanded.split_first_chunk::<KEY_BYTES>().ok_or(Refused)?;
        let (nonce, commitment) = rest.split_first_chunk::<CIPHER_NONCE_BYTES>().ok_or(Refused)?;
        Ok(Self {
            cipher: Aes256Gcm::new(cipher_key.into()),
            nonce: Nonce::from(*nonce),
            commitment: *commitment.first_chunk().ok_or(Refused)?,
        })
    }
}

struct Parts<'a> {
    version: u8,
    number: i32,
    nonce: &'a [u8; NONCE_BYTES],
    commitment: &'a [u8; COMMITMENT_BYTES],
    ciphertext: &'a [u8],
    tag: &'a [u8; TAG_BYTES],
}

impl<'a> Parts<'a> {
    fn split(sealed: &'a [u8]) -> Option<Self> {
        let (version, rest) = sealed.split_first()?;
        let (number, rest) = rest.split_first_chunk()?;
        let (nonce, rest) = rest.split_first_chunk()?;
        let (commitment, rest) = rest.split_first_chunk()?;
        let (ciphertext, tag) = rest.split_last_chunk()?;
        Some(Self { version: *version, number: i32::from_be_bytes(*number), nonce, commitment, ciphertext, tag })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::random::SystemRandom;

    /// Draws the same byte for ever, so that a sealing can be written down.
    struct Constant(u8);

    impl Random for Constant {
        fn fill(&self, out: &mut [u8]) {
            out.fill(self.0);
        }
    }

    fn key(byte: u8) -> SecretKey {
        SecretKey::new(Zeroizing::new([byte; KEY_BYTES]))
    }

    /// Made by another implementation: Python's `hmac` for the expansion, `cryptography` for AES-256-GCM.
    const GOLDEN: &str = "0100000007222222222222222222222222222222222222222222222222553a36d5d24c7946780952ca5e2d0953e4139eed5c148abf5d72c802b7f0d607c03771672a9e7fa123e967a582dcf028021665fa3dc110d798";

    #[test]
    fn the_layout_is_the_one_written_down() {
        let sealed = seal(&key(0x11), 7, b"bound", b"plaintext", &Constant(0x22)).unwrap();
        let hex = sealed.iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"));
        assert_eq!(hex, GOLDEN);
        assert_eq!(open(&key(0x11), 7, b"bound", &sealed).unwrap().as_slice(), b"plaintext");
    }

    #[test]
    fn every_length_opens_again_and_is_longer_by_the_overhead() {
        let random = SystemRandom::new();
        for length in [0, 1, 15, 16, 17, 4096] {
            let plaintext = vec![0x5a; length];
            let sealed = seal(&key(1), 1, b"", &plaintext, &random).unwrap();
            assert_eq!(sealed.len(), length + OVERHEAD_BYTES);
            assert_eq!(*open(&key(1), 1, b"", &sealed).unwrap(), plaintext);
        }
    }

    #[test]
    fn another_key_number_or_binding_does_not_open() {
        let sealed = seal(&key(1), 1, b"bound", b"plaintext", &SystemRandom::new()).unwrap();
        for (what, key, number, data) in [
            ("key", key(2), 1, b"bound".as_slice()),
            ("number", key(1), 2, b"bound"),
            ("binding", key(1), 1, b"Bound"),
            ("no binding", key(1), 1, b""),
        ] {
            assert_eq!(open(&key, number, data, &sealed).unwrap_err(), Refused, "{what}");
        }
    }

    #[test]
    fn no_flipped_bit_opens() {
        let sealed = seal(&key(1), 1, b"bound", b"plaintext", &SystemRandom::new()).unwrap();
        for at in 0..sealed.len() {
            for bit in 0..8 {
                let mut changed = sealed.clone();
                changed[at] ^= 1 << bit;
                assert!(open(&key(1), 1, b"bound", &changed).is_err(), "byte {at} bit {bit}");
            }
        }
    }

    #[test]
    fn nothing_truncated_or_lengthened_opens() {
        let sealed = seal(&key(1), 1, b"bound", b"plaintext", &SystemRandom::new()).unwrap();
        for length in 0..sealed.len() {
            assert!(open(&key(1), 1, b"bound", &sealed[..length]).is_err(), "{length} bytes");
        }
        assert!(open(&key(1), 1, b"bound", &[sealed.as_slice(), &[0]].concat()).is_err());
    }

    #[test]
    fn sealing_twice_repeats_no_nonce_and_no_ciphertext() {
        let random = SystemRandom::new();
        let sealed = |_| seal(&key(1), 1, b"", b"the same", &random).unwrap();
        let (first, second) = (sealed(1), sealed(2));
        for range in [5..29, 29..61, 61..first.len()] {
            assert_ne!(first[range.clone()], second[range]);
        }
    }

    #[test]
    fn what_another_key_would_open_is_refused_by_the_commitment() {
        // An attacker who knows both keys puts the second key's ciphertext under the first key's header.
        let first = seal(&key(1), 1, b"", b"plaintext", &Constant(3)).unwrap();
        let second = seal(&key(2), 1, b"", b"plaintext", &Constant(3)).unwrap();
        let mixed = [&first[..HEADER_BYTES], &second[HEADER_BYTES..]].concat();
        assert!(open(&key(1), 1, b"", &mixed).is_err());
        assert!(open(&key(2), 1, b"", &mixed).is_err());
    }
}
