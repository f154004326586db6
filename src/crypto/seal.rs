//! The one sealed form of everything this server encrypts: a fresh GCM key and nonce for each sealing, by either of two suites.
//!
//! Long-lived keys never meet the cipher itself: each sealing draws 24 random bytes and expands the long-lived key with
//! them into a cipher key, a cipher nonce and a commitment, so no GCM nonce can repeat under a long-lived key. GCM does
//! not commit to its key; the commitment does, and it is checked before anything is decrypted.
//!
//! | offset | bytes | what |
//! |---|---|---|
//! | 0 | 1 | version: `0x01` AES-256-GCM, `0x02` SM4-GCM |
//! | 1 | 4 | number of the key that opens it, big-endian: a data key's generation or an epoch |
//! | 5 | 24 | nonce, random |
//! | 29 | 32 | commitment |
//! | 61 | n | ciphertext, as long as the plaintext |
//! | 61 + n | 16 | tag |
//!
//! Version 1: `cipher key (32) ‖ cipher nonce (12) ‖ commitment (32) = HKDF-Expand-SHA256(key, "lww/1 seal" ‖ 0x00 ‖ nonce, 76)`.
//! Version 2: `cipher key (16) ‖ cipher nonce (12) ‖ commitment (32) = HKDF-Expand-SM3(key, "lww/2 seal" ‖ 0x00 ‖ nonce, 60)`.
//! Associated data is the caller's, see [`super::derive::associated_data`]; it holds the number, too. Which version is made is
//! the configuration's; both are opened for ever.
//!
//! Sources: NIST SP 800-38D, RFC 5869, RFC 8998 (SM4-GCM), GB/T 32907-2016, GB/T 32905-2016; "How to Abuse and Fix
//! Authenticated Encryption Without Key Commitment" (2022). It knows no purposes, subjects or files.

use aes_gcm::aead::consts::U12;
use aes_gcm::aead::{AeadInOut, Error, KeyInit};
use aes_gcm::{Aes256Gcm, AesGcm, Nonce, Tag};
use sm4::Sm4;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::derive::{KEY_BYTES, Refused, SecretKey};
use crate::ports::{Random, random_bytes};

const NONCE_BYTES: usize = 24;
const CIPHER_NONCE_BYTES: usize = 12;
const COMMITMENT_BYTES: usize = 32;
const TAG_BYTES: usize = 16;
const HEADER_BYTES: usize = 1 + 4 + NONCE_BYTES + COMMITMENT_BYTES;
const AES: u8 = 1;
const AES_BYTES: usize = KEY_BYTES + CIPHER_NONCE_BYTES + COMMITMENT_BYTES;
const AES_DOMAIN: &str = "lww/1 seal";
const SM4: u8 = 2;
const SM4_KEY_BYTES: usize = 16;
const SM4_BYTES: usize = SM4_KEY_BYTES + CIPHER_NONCE_BYTES + COMMITMENT_BYTES;
const SM4_DOMAIN: &str = "lww/2 seal";

/// Which algorithms seal what is sealed from here on. What was sealed says itself which ones open it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Suite {
    /// AES-256-GCM, its keys by HKDF-SHA256.
    #[default]
    Aes256Gcm,
    /// SM4-GCM, its keys by HKDF-SM3: the national algorithms.
    Sm4Gcm,
}

impl Suite {
    const fn version(self) -> u8 {
        match self {
            Self::Aes256Gcm => AES,
            Self::Sm4Gcm => SM4,
        }
    }

    const fn of(version: u8) -> Option<Self> {
        match version {
            AES => Some(Self::Aes256Gcm),
            SM4 => Some(Self::Sm4Gcm),
            _ => None,
        }
    }
}

/// How much longer than its plaintext a sealed value is, in bytes.
#[cfg(test)]
pub(crate) const OVERHEAD_BYTES: usize = HEADER_BYTES + TAG_BYTES;

/// Seals `plaintext` under the key with this number, bound to `associated_data`.
pub(crate) fn seal(
    suite: Suite,
    key: &SecretKey,
    number: i32,
    associated_data: &[u8],
    plaintext: &[u8],
    random: &dyn Random,
) -> Result<Vec<u8>, Refused> {
    let nonce: [u8; NONCE_BYTES] = random_bytes(random);
    let one_time = OneTime::derive(suite, key, &nonce)?;
    let mut out = Vec::with_capacity(HEADER_BYTES + plaintext.len() + TAG_BYTES);
    out.push(suite.version());
    out.extend_from_slice(&number.to_be_bytes());
    out.extend_from_slice(&nonce);
    out.extend_from_slice(&one_time.commitment);
    out.extend_from_slice(plaintext);
    let body = out.get_mut(HEADER_BYTES..).ok_or(Refused)?;
    let tag = one_time.encrypt(associated_data, body).map_err(|_| Refused)?;
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
    let suite = Suite::of(parts.version).filter(|_| parts.number == number).ok_or(Refused)?;
    let one_time = OneTime::derive(suite, key, parts.nonce)?;
    // Before decrypting: a ciphertext made to open under two keys must not get as far as the cipher.
    if !bool::from(one_time.commitment.ct_eq(parts.commitment)) {
        return Err(Refused);
    }
    let mut plaintext = Zeroizing::new(parts.ciphertext.to_vec());
    one_time.decrypt(associated_data, &mut plaintext, &Tag::from(*parts.tag)).map_err(|_| Refused)?;
    Ok(plaintext)
}

/// What one sealing's nonce makes of a long-lived key.
struct OneTime {
    cipher: Cipher,
    nonce: Nonce<U12>,
    commitment: [u8; COMMITMENT_BYTES],
}

enum Cipher {
    Aes(Box<Aes256Gcm>),
    Sm4(Box<AesGcm<Sm4, U12>>),
}

impl OneTime {
    fn derive(suite: Suite, key: &SecretKey, nonce: &[u8; NONCE_BYTES]) -> Result<Self, Refused> {
        match suite {
            Suite::Aes256Gcm => {
                let expanded = key.expand::<AES_BYTES>(AES_DOMAIN, nonce)?;
                let (cipher_key, rest) = expanded.split_first_chunk::<KEY_BYTES>().ok_or(Refused)?;
                Self::with(Cipher::Aes(Box::new(Aes256Gcm::new(cipher_key.into()))), rest)
            }
            Suite::Sm4Gcm => {
                let expanded = key.expand_sm3::<SM4_BYTES>(SM4_DOMAIN, nonce)?;
                let (cipher_key, rest) = expanded.split_first_chunk::<SM4_KEY_BYTES>().ok_or(Refused)?;
                Self::with(Cipher::Sm4(Box::new(AesGcm::new(cipher_key.into()))), rest)
            }
        }
    }

    fn with(cipher: Cipher, rest: &[u8]) -> Result<Self, Refused> {
        let (nonce, commitment) = rest.split_first_chunk::<CIPHER_NONCE_BYTES>().ok_or(Refused)?;
        Ok(Self { cipher, nonce: Nonce::from(*nonce), commitment: *commitment.first_chunk().ok_or(Refused)? })
    }

    fn encrypt(&self, associated_data: &[u8], body: &mut [u8]) -> Result<Tag, Error> {
        match &self.cipher {
            Cipher::Aes(cipher) => cipher.encrypt_inout_detached(&self.nonce, associated_data, body.into()),
            Cipher::Sm4(cipher) => cipher.encrypt_inout_detached(&self.nonce, associated_data, body.into()),
        }
    }

    fn decrypt(&self, associated_data: &[u8], body: &mut [u8], tag: &Tag) -> Result<(), Error> {
        match &self.cipher {
            Cipher::Aes(cipher) => cipher.decrypt_inout_detached(&self.nonce, associated_data, body.into(), tag),
            Cipher::Sm4(cipher) => cipher.decrypt_inout_detached(&self.nonce, associated_data, body.into(), tag),
        }
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

    const SUITES: [Suite; 2] = [Suite::Aes256Gcm, Suite::Sm4Gcm];

    /// Made by another implementation: Python's `hmac` for the expansion, `cryptography` for AES-256-GCM.
    const GOLDEN_AES: &str = "0100000007222222222222222222222222222222222222222222222222553a36d5d24c7946780952ca5e2d0953e4139eed5c148abf5d72c802b7f0d607c03771672a9e7fa123e967a582dcf028021665fa3dc110d798";
    /// Made by another implementation: the expansion by `gmssl`'s SM3 in HMAC's form, SM4-GCM by OpenSSL through `cryptography`;
    /// `tests/outside/national.py` makes it again.
    const GOLDEN_SM4: &str = "02000000072222222222222222222222222222222222222222222222226fcbf0b0dd5c124e7dd9b7a06be3391a48f028cba9ecfba897848f8a876ddc6ce0b048d9c17d71c5678a7617c6da4908badd0de181872c0d03";

    #[test]
    fn the_layout_is_the_one_written_down() {
        for (suite, golden) in SUITES.into_iter().zip([GOLDEN_AES, GOLDEN_SM4]) {
            let sealed = seal(suite, &key(0x11), 7, b"bound", b"plaintext", &Constant(0x22)).unwrap();
            let hex = sealed.iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"));
            assert_eq!(hex, golden, "{suite:?}");
            assert_eq!(open(&key(0x11), 7, b"bound", &sealed).unwrap().as_slice(), b"plaintext");
        }
    }

    /// GB/T 32907-2016, appendix A.1.
    #[test]
    fn sm4_is_the_standard_s() {
        use aes_gcm::aes::cipher::{Array, BlockCipherEncrypt as _};
        let plain = [0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef, 0xfe, 0xdc, 0xba, 0x98, 0x76, 0x54, 0x32, 0x10];
        let expected = [0x68, 0x1e, 0xdf, 0x34, 0xd2, 0x06, 0x96, 0x5e, 0x86, 0xb3, 0xe9, 0x4f, 0x53, 0x6e, 0x42, 0x46];
        let mut block = Array::from(plain);
        Sm4::new(&Array::from(plain)).encrypt_block(&mut block);
        assert_eq!(block.0, expected);
    }

    /// RFC 8998, appendix A.1.
    #[test]
    fn sm4_gcm_is_that_of_rfc_8998() {
        let hex = |text: &str| data_encoding::HEXUPPER.decode(text.replace(' ', "").as_bytes()).unwrap();
        let one_time = OneTime {
            cipher: Cipher::Sm4(Box::new(AesGcm::new_from_slice(&hex("0123456789ABCDEFFEDCBA9876543210")).unwrap())),
            nonce: Nonce::try_from(hex("00001234567800000000ABCD").as_slice()).unwrap(),
            commitment: [0; COMMITMENT_BYTES],
        };
        let mut body = hex(concat!(
            "AAAAAAAAAAAAAAAABBBBBBBBBBBBBBBBCCCCCCCCCCCCCCCCDDDDDDDDDDDDDDDD",
            "EEEEEEEEEEEEEEEEFFFFFFFFFFFFFFFFEEEEEEEEEEEEEEEEAAAAAAAAAAAAAAAA"
        ));
        let tag = one_time.encrypt(&hex("FEEDFACEDEADBEEFFEEDFACEDEADBEEFABADDAD2"), &mut body).unwrap();
        let expected = hex(concat!(
            "17F399F08C67D5EE19D0DC9969C4BB7D5FD46FD3756489069157B282BB200735",
            "D82710CA5C22F0CCFA7CBF93D496AC15A56834CBCF98C397B4024A2691233B8D"
        ));
        assert_eq!((body, tag.to_vec()), (expected, hex("83DE3541E4C2B58177E065A9BF7B62EC")));
    }

    #[test]
    fn what_either_suite_sealed_opens_whichever_is_chosen_and_neither_stands_for_the_other() {
        let random = SystemRandom::new();
        for (suite, other) in SUITES.into_iter().zip(SUITES.into_iter().rev()) {
            let mut sealed = seal(suite, &key(1), 1, b"bound", b"plaintext", &random).unwrap();
            assert_eq!(open(&key(1), 1, b"bound", &sealed).unwrap().as_slice(), b"plaintext");
            sealed[0] = other.version();
            assert!(open(&key(1), 1, b"bound", &sealed).is_err(), "{suite:?} called {other:?}");
            for unknown in [0, 3, 255] {
                sealed[0] = unknown;
                assert!(open(&key(1), 1, b"bound", &sealed).is_err(), "version {unknown}");
            }
        }
    }

    #[test]
    fn every_length_opens_again_and_is_longer_by_the_overhead() {
        let random = SystemRandom::new();
        for (suite, length) in
            SUITES.into_iter().flat_map(|suite| [0, 1, 15, 16, 17, 4096].map(|length| (suite, length)))
        {
            let plaintext = vec![0x5a; length];
            let sealed = seal(suite, &key(1), 1, b"", &plaintext, &random).unwrap();
            assert_eq!(sealed.len(), length + OVERHEAD_BYTES);
            assert_eq!(*open(&key(1), 1, b"", &sealed).unwrap(), plaintext);
        }
    }

    #[test]
    fn another_key_number_or_binding_does_not_open() {
        for suite in SUITES {
            let sealed = seal(suite, &key(1), 1, b"bound", b"plaintext", &SystemRandom::new()).unwrap();
            for (what, key, number, data) in [
                ("key", key(2), 1, b"bound".as_slice()),
                ("number", key(1), 2, b"bound"),
                ("binding", key(1), 1, b"Bound"),
                ("no binding", key(1), 1, b""),
            ] {
                assert_eq!(open(&key, number, data, &sealed).unwrap_err(), Refused, "{what}");
            }
        }
    }

    #[test]
    fn no_flipped_bit_opens() {
        for suite in SUITES {
            let sealed = seal(suite, &key(1), 1, b"bound", b"plaintext", &SystemRandom::new()).unwrap();
            for at in 0..sealed.len() {
                for bit in 0..8 {
                    let mut changed = sealed.clone();
                    changed[at] ^= 1 << bit;
                    assert!(open(&key(1), 1, b"bound", &changed).is_err(), "byte {at} bit {bit}");
                }
            }
        }
    }

    #[test]
    fn nothing_truncated_or_lengthened_opens() {
        for suite in SUITES {
            let sealed = seal(suite, &key(1), 1, b"bound", b"plaintext", &SystemRandom::new()).unwrap();
            for length in 0..sealed.len() {
                assert!(open(&key(1), 1, b"bound", &sealed[..length]).is_err(), "{length} bytes");
            }
            assert!(open(&key(1), 1, b"bound", &[sealed.as_slice(), &[0]].concat()).is_err());
        }
    }

    #[test]
    fn sealing_twice_repeats_no_nonce_and_no_ciphertext() {
        for suite in SUITES {
            let random = SystemRandom::new();
            let sealed = |_| seal(suite, &key(1), 1, b"", b"the same", &random).unwrap();
            let (first, second) = (sealed(1), sealed(2));
            for range in [5..29, 29..61, 61..first.len()] {
                assert_ne!(first[range.clone()], second[range]);
            }
        }
    }

    #[test]
    fn what_another_key_would_open_is_refused_by_the_commitment() {
        for suite in SUITES {
            // An attacker who knows both keys puts the second key's ciphertext under the first key's header.
            let first = seal(suite, &key(1), 1, b"", b"plaintext", &Constant(3)).unwrap();
            let second = seal(suite, &key(2), 1, b"", b"plaintext", &Constant(3)).unwrap();
            let mixed = [&first[..HEADER_BYTES], &second[HEADER_BYTES..]].concat();
            assert!(open(&key(1), 1, b"", &mixed).is_err());
            assert!(open(&key(2), 1, b"", &mixed).is_err());
        }
    }
}
