//! Public keys in text form: a name, what the key signs, the key.
//!
//! The type byte is part of the key's id, so that a line of one kind can never be taken for one of another. Source:
//! C2SP `signed-note`, "Verifier keys".

use crate::error::{Error, Format, malformed};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::digest::{SHA256, digest};
use ring::signature::{ED25519, UnparsedPublicKey};
use std::fmt;

/// Longest key name in bytes.
pub const KEY_NAME_BYTES_MAX: usize = 255;

/// What an Ed25519 key signs; the type byte of its text form.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub(crate) enum Signs {
    /// The text of a note.
    Notes = 0x01,
    /// A checkpoint with a time, as a cosigner of the log.
    Cosignatures = 0x04,
}

impl Signs {
    /// What a wrong type byte is told.
    const fn expectation(self) -> &'static str {
        match self {
            Self::Notes => "not an Ed25519 key (type 0x01)",
            Self::Cosignatures => "not an Ed25519 key of a cosigner (type 0x04)",
        }
    }
}

/// An Ed25519 key with its name and its use: `<name>+<key id>+<base64 of type and key>`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct NamedKey {
    name: String,
    signs: Signs,
    public: [u8; 32],
}

impl NamedKey {
    /// Refuses a name that can't stand on a signature line.
    pub(crate) fn new(name: &str, signs: Signs, public: [u8; 32]) -> Result<Self, Error> {
        check_key_name(name, Format::VerifierKey, 0)?;
        Ok(Self { name: name.to_owned(), signs, public })
    }

    /// Parses the text form of a key of this use.
    pub(crate) fn parse(text: &str, signs: Signs) -> Result<Self, Error> {
        let refuse = |offset, reason| malformed(Format::VerifierKey, offset, reason);
        // The base64 part may hold plus signs itself, the name may not.
        let mut parts = text.splitn(3, '+');
        let (Some(name), Some(id), Some(key)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(refuse(0, "not <name>+<key id>+<key>"));
        };
        let key_at = name.len() + id.len() + 2;
        let bytes = STANDARD.decode(key).map_err(|_| refuse(key_at, "key is not base64"))?;
        let public = match bytes.split_first() {
            Some((&kind, public)) if kind == signs as u8 => public,
            Some(_) | None => return Err(refuse(key_at, signs.expectation())),
        };
        let public = public.try_into().map_err(|_| refuse(key_at, "not 32 bytes of key"))?;
        let key = Self::new(name, signs, public)?;
        if format!("{:08x}", u32::from_be_bytes(key.id())) != id {
            return Err(refuse(name.len() + 1, "key id does not belong to this name and key"));
        }
        Ok(key)
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) const fn public(&self) -> &[u8; 32] {
        &self.public
    }

    /// The first four bytes of SHA-256(name ‖ 0x0A ‖ type ‖ public key).
    pub(crate) fn id(&self) -> [u8; 4] {
        let input = [self.name.as_bytes(), &[b'\n', self.signs as u8], &self.public].concat();
        digest(&SHA256, &input).as_ref().first_chunk().copied().unwrap_or_default()
    }

    pub(crate) fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        UnparsedPublicKey::new(&ED25519, &self.public).verify(message, signature).is_ok()
    }
}

impl fmt::Display for NamedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let id = u32::from_be_bytes(self.id());
        let key = STANDARD.encode([[self.signs as u8].as_slice(), &self.public].concat());
        write!(f, "{}+{id:08x}+{key}", self.name)
    }
}

/// Refuses what can't be the name of a key.
pub(crate) fn check_key_name(name: &str, what: Format, offset: usize) -> Result<(), Error> {
    let forbidden = |c: char| c.is_whitespace() || c.is_control() || c == '+';
    if name.is_empty() || name.len() > KEY_NAME_BYTES_MAX || name.contains(forbidden) {
        return Err(malformed(what, offset, "not a key name"));
    }
    Ok(())
}
