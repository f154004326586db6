//! One-time codes by time: RFC 6238 over HOTP (RFC 4226), HMAC-SHA-1, six digits, which is what authenticator apps know.
//!
//! Over ring, because the crates that do it bring a second stack of hashes. SHA-1's weakness is in collisions, which
//! HMAC does not rest on. It knows no clock: a time step is a parameter.

use data_encoding::BASE32_NOPAD;
use ring::hmac;
use zeroize::Zeroizing;

/// Length of a secret in bytes: that of the hash.
pub(crate) const SECRET_BYTES: usize = 20;
const DIGITS: usize = 6;
const MODULUS: u32 = 1_000_000;

/// A secret as apps take it.
pub(crate) fn encode(secret: &[u8; SECRET_BYTES]) -> Zeroizing<String> {
    Zeroizing::new(BASE32_NOPAD.encode(secret))
}

/// The code of a secret, as [`encode`] wrote it, for a time step; `None` when the secret is none.
pub(crate) fn code(secret: &str, step: u64) -> Option<Zeroizing<String>> {
    let secret = Zeroizing::new(BASE32_NOPAD.decode(secret.as_bytes()).ok()?);
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, &secret);
    let tag = hmac::sign(&key, &step.to_be_bytes());
    // The last half byte says where the four bytes begin (RFC 4226, section 5.3).
    let at = usize::from(tag.as_ref().last()? & 0x0f);
    let four: [u8; 4] = tag.as_ref().get(at..at + 4)?.try_into().ok()?;
    let number = u32::from_be_bytes(four) & 0x7fff_ffff;
    Some(Zeroizing::new(format!("{:0DIGITS$}", number % MODULUS)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_those_of_rfc_4226_and_rfc_6238() {
        let secret = encode(b"12345678901234567890");
        assert_eq!(secret.as_str(), "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ");
        for (step, expected) in [(0, "755224"), (1, "287082"), (2, "359152"), (8, "399871"), (9, "520489")] {
            assert_eq!(code(&secret, step).unwrap().as_str(), expected);
        }
        // Appendix B of RFC 6238 has eight digits; the last six are ours.
        for (seconds, expected) in [(59_u64, "287082"), (1_111_111_109, "081804"), (20_000_000_000, "353130")] {
            assert_eq!(code(&secret, seconds / 30).unwrap().as_str(), expected);
        }
    }

    #[test]
    fn what_is_no_secret_has_no_code() {
        for text in ["1", "gezdgnbv", "GEZDGNB=", "ÄÖ"] {
            assert!(code(text, 0).is_none(), "{text}");
        }
    }
}
