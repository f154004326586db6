//! Commitments to content that stays outside the ledger: HMAC-SHA256(salt, tag ‖ bytes).
//!
//! The salt makes a commitment to guessable content (a phone number) useless to whoever lacks it, and destroying the
//! salt with the content is what makes erasure real. This module knows nothing of how salts and content are stored.
//! Source: RFC 2104 for the HMAC; the tags are ours and listed in `FORMAT.md`.

use crate::merkle::from_digest;
use crate::types::Hash;
use ring::hmac::{Context, HMAC_SHA256, Key};

/// The random 32-byte key of one commitment. It never appears in an entry.
pub type Salt = [u8; 32];

/// Says which form of a message a commitment is over, so that one can't be passed off as the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Tag {
    /// The masked record, as the `record` view shows it.
    Masked,
    /// What was sealed: the text after secrets of class C3 were removed.
    Sealed,
}

impl Tag {
    /// Returns the domain tag. Each ends with a zero byte and holds none before, so none is a prefix of another.
    pub const fn bytes(self) -> &'static [u8] {
        match self {
            Self::Masked => b"lww/commit/masked/1\0",
            Self::Sealed => b"lww/commit/sealed/1\0",
        }
    }

    /// Returns the name used in receipts.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Masked => "masked",
            Self::Sealed => "sealed",
        }
    }
}

/// Commits to `bytes` under a random `salt`.
#[must_use]
pub fn commitment(salt: &Salt, tag: Tag, bytes: &[u8]) -> Hash {
    let mut context = Context::with_key(&Key::new(HMAC_SHA256, salt));
    context.update(tag.bytes());
    context.update(bytes);
    from_digest(context.sign().as_ref())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn salt_tag_and_every_byte_decide_the_commitment() {
        let base = commitment(&[1; 32], Tag::Sealed, b"text");
        assert_eq!(base, commitment(&[1; 32], Tag::Sealed, b"text"));
        for other in [
            commitment(&[2; 32], Tag::Sealed, b"text"),
            commitment(&[1; 32], Tag::Masked, b"text"),
            commitment(&[1; 32], Tag::Sealed, b"texu"),
            commitment(&[1; 32], Tag::Sealed, b"tex"),
        ] {
            assert_ne!(base, other);
        }
    }

    #[test]
    fn no_tag_is_a_prefix_of_another() {
        let tags = [Tag::Masked, Tag::Sealed];
        for a in tags {
            assert_eq!(a.bytes().iter().position(|b| *b == 0), Some(a.bytes().len() - 1));
            assert!(tags.iter().all(|b| a == *b || !b.bytes().starts_with(a.bytes())));
        }
    }
}
