//! A 32-byte secret key, and what is derived from it: HKDF-Expand and HMAC, both SHA-256, both domain separated; for sealing by
//! the national algorithms HKDF-Expand over SM3.
//!
//! Sources: RFC 5869 (section 3.3: a uniformly random key may skip Extract), RFC 2104. It knows no purpose and no file.
//! Fields are length-prefixed, so that no two lists of fields have the same encoding.

use std::fmt;

use hkdf::Hkdf;
use ring::{hkdf as sha_hkdf, hmac};
use sm3::Sm3;
use zeroize::Zeroizing;

use crate::ports::{Random, random_bytes};
use crate::units::Hash;

/// Length of every secret key in bytes.
pub(crate) const KEY_BYTES: usize = 32;
/// Length of an HMAC-SHA256 in bytes.
pub(crate) const MAC_BYTES: usize = 32;

/// SHA-256 of what is public.
pub(super) fn sha256(bytes: &[u8]) -> Hash {
    let mut out = [0; 32];
    out.copy_from_slice(ring::digest::digest(&ring::digest::SHA256, bytes).as_ref());
    Hash(out)
}

/// A cipher or derivation refused; nothing more is known, on purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Refused;

/// 32 uniformly random secret bytes; wiped on drop.
pub(crate) struct SecretKey(Zeroizing<[u8; KEY_BYTES]>);

impl SecretKey {
    /// Takes key bytes.
    pub(crate) fn new(bytes: Zeroizing<[u8; KEY_BYTES]>) -> Self {
        Self(bytes)
    }

    /// Draws a new key.
    pub(crate) fn random(random: &dyn Random) -> Self {
        Self(Zeroizing::new(random_bytes(random)))
    }

    /// Takes key bytes out of something unwrapped; `None` when the length is another.
    pub(crate) fn from_slice(bytes: &[u8]) -> Option<Self> {
        let bytes: &[u8; KEY_BYTES] = bytes.try_into().ok()?;
        Some(Self(Zeroizing::new(*bytes)))
    }

    /// The bytes, to be wrapped.
    pub(crate) fn bytes(&self) -> &[u8; KEY_BYTES] {
        &self.0
    }

    /// HKDF-Expand to `N` bytes for `domain` and `context`, of which the latter has a fixed length in each domain.
    pub(crate) fn expand<const N: usize>(&self, domain: &str, context: &[u8]) -> Result<Zeroizing<[u8; N]>, Refused> {
        let mut out = Zeroizing::new([0; N]);
        let info = [domain.as_bytes(), &[0], context];
        sha_hkdf::Prk::new_less_safe(sha_hkdf::HKDF_SHA256, self.bytes())
            .expand(&info, Length(N))
            .and_then(|okm| okm.fill(&mut *out))
            .map_err(|_| Refused)?;
        Ok(out)
    }

    /// HKDF-Expand over SM3 to `N` bytes, for `domain` and `context` as in [`SecretKey::expand`].
    pub(crate) fn expand_sm3<const N: usize>(
        &self,
        domain: &str,
        context: &[u8],
    ) -> Result<Zeroizing<[u8; N]>, Refused> {
        let mut out = Zeroizing::new([0; N]);
        let key = Hkdf::<Sm3>::from_prk(self.bytes()).map_err(|_| Refused)?;
        key.expand_multi_info(&[domain.as_bytes(), &[0], context], &mut *out).map_err(|_| Refused)?;
        Ok(out)
    }

    /// Derives a further key.
    pub(crate) fn subkey(&self, domain: &str, context: &[u8]) -> Result<Self, Refused> {
        self.expand(domain, context).map(Self)
    }

    /// The key in the form that HMAC uses.
    pub(crate) fn mac(&self) -> MacKey {
        MacKey(hmac::Key::new(hmac::HMAC_SHA256, self.bytes()))
    }
}

impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretKey(..)")
    }
}

struct Length(usize);

impl sha_hkdf::KeyType for Length {
    fn len(&self) -> usize {
        self.0
    }
}

/// A key for HMAC-SHA256.
#[derive(Clone)]
pub(crate) struct MacKey(hmac::Key);

impl MacKey {
    /// HMAC over `domain` and `fields`, each with its length before it.
    pub(crate) fn tag(&self, domain: &str, fields: &[&[u8]]) -> [u8; MAC_BYTES] {
        let mut context = hmac::Context::with_key(&self.0);
        context.update(&length(domain.as_bytes()));
        context.update(domain.as_bytes());
        for field in fields {
            context.update(&length(field));
            context.update(field);
        }
        let mut out = [0; MAC_BYTES];
        out.copy_from_slice(context.sign().as_ref());
        out
    }

    /// The first 16 bytes of [`MacKey::tag`].
    pub(crate) fn short_tag(&self, domain: &str, fields: &[&[u8]]) -> [u8; 16] {
        let [first, _] = halves(self.tag(domain, fields));
        first
    }
}

impl fmt::Debug for MacKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MacKey(..)")
    }
}

/// Encodes `domain` and `fields` as associated data: each with its length before it.
pub(crate) fn associated_data(domain: &str, fields: &[&[u8]]) -> Vec<u8> {
    let parts = || std::iter::once(domain.as_bytes()).chain(fields.iter().copied());
    let mut out = Vec::with_capacity(parts().map(|part| LENGTH_BYTES + part.len()).sum());
    for part in parts() {
        out.extend_from_slice(&length(part));
        out.extend_from_slice(part);
    }
    out
}

const LENGTH_BYTES: usize = 8;

fn length(field: &[u8]) -> [u8; LENGTH_BYTES] {
    (field.len() as u64).to_be_bytes()
}

fn halves(bytes: [u8; MAC_BYTES]) -> [[u8; 16]; 2] {
    let mut out = [[0; 16]; 2];
    out.as_flattened_mut().copy_from_slice(&bytes);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(byte: u8) -> SecretKey {
        SecretKey::new(Zeroizing::new([byte; KEY_BYTES]))
    }

    #[test]
    fn expansion_is_hkdf_of_rfc_5869() {
        // Test case 1 of RFC 5869 gives PRK, info and OKM; a domain ends with a zero byte, which its info does not have,
        // so the same PRK is expanded by hand: T(1) = HMAC(PRK, info ‖ 0x01).
        let prk = key(0x07);
        let expected = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, prk.bytes()), b"d\0context\x01");
        assert_eq!(prk.expand::<32>("d", b"context").unwrap().as_slice(), expected.as_ref());
    }

    /// Expanded by hand: T(1) = H((key ^ opad) ‖ H((key ^ ipad) ‖ info ‖ 0x01)).
    #[test]
    fn expansion_over_sm3_is_hkdf_with_that_hash() {
        use sm3::Digest as _;
        let padded = |byte: u8| [[0x07 ^ byte; 32], [byte; 32]].concat();
        let inner = Sm3::digest([padded(0x36).as_slice(), b"d\0context\x01"].concat());
        let expected = Sm3::digest([padded(0x5c).as_slice(), &inner].concat());
        assert_eq!(key(0x07).expand_sm3::<32>("d", b"context").unwrap().as_slice(), expected.as_slice());
        assert_ne!(key(0x07).expand::<32>("d", b"context").unwrap().as_slice(), expected.as_slice());
        assert_eq!(key(1).expand_sm3::<{ 255 * 32 + 1 }>("d", b"").unwrap_err(), Refused);
    }

    /// GB/T 32905-2016, appendix A.
    #[test]
    fn sm3_is_the_standard_s() {
        use sm3::Digest as _;
        for (text, expected) in [
            ("abc".to_owned(), "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0"),
            ("abcd".repeat(16), "debe9ff92275b8a138604889c18e5a4d6fdb70e5387e5765293dcba39c0c5732"),
        ] {
            assert_eq!(data_encoding::HEXLOWER.encode(&Sm3::digest(text)), expected);
        }
    }

    #[test]
    fn another_key_domain_or_context_gives_another_subkey() {
        let base = key(1).subkey("a", b"x").unwrap();
        for other in [key(2).subkey("a", b"x"), key(1).subkey("b", b"x"), key(1).subkey("a", b"y")] {
            assert_ne!(other.unwrap().bytes(), base.bytes());
        }
    }

    #[test]
    fn moving_a_byte_between_fields_changes_the_tag() {
        let mac = key(1).mac();
        let base = mac.tag("d", &[b"ab", b"c"]);
        for fields in [&[b"a".as_slice(), b"bc"], &[b"abc".as_slice(), b""], &[b"".as_slice(), b"abc"]] {
            assert_ne!(mac.tag("d", fields), base);
            assert_ne!(associated_data("d", fields), associated_data("d", &[b"ab", b"c"]));
        }
        assert_ne!(mac.tag("dab", &[b"c"]), base);
        assert_eq!(mac.short_tag("d", &[b"ab", b"c"]), base[..16]);
    }

    #[test]
    fn keys_of_another_length_are_refused() {
        assert!(SecretKey::from_slice(&[0; 31]).is_none());
        assert!(SecretKey::from_slice(&[0; 33]).is_none());
        assert!(SecretKey::from_slice(&[0; 32]).is_some());
    }

    #[test]
    fn expansions_beyond_the_bound_of_hkdf_are_refused() {
        assert_eq!(key(1).expand::<{ 255 * 32 + 1 }>("d", b"").unwrap_err(), Refused);
    }

    #[test]
    fn debug_shows_no_key() {
        assert_eq!(format!("{:?} {:?}", key(0xab), key(0xab).mac()), "SecretKey(..) MacKey(..)");
    }
}
