//! The second signature of a published checkpoint: by SM2, over the checkpoint and the root of a tree of the same entries that was
//! made with SM3.
//!
//! It is one more signature line of the note, of a type that tools of the field ignore as their specification demands. The text of
//! the checkpoint stays as it is. It knows no files and no entries. Sources: GB/T 32918.2-2016 and 32918.5-2017 (SM2),
//! GB/T 32905-2016 (SM3), GM/T 0009-2012 (the user's id); C2SP `signed-note` (type 0xff); `FORMAT.md`, "National algorithms".

use crate::checkpoint::{Checkpoint, SignedCheckpoint};
use crate::error::{Error, Format, malformed};
use crate::note::{NoteSignature, check_key_name};
use crate::types::Hash;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::digest::{SHA256, digest};
use sm2::dsa::signature::{Signer as _, Verifier as _};
use sm2::dsa::{Signature, SigningKey, VerifyingKey};
use sm2::elliptic_curve::sec1::ToSec1Point as _;
use std::fmt;
use std::str::FromStr;

/// The user's id that goes into what is signed, the one that GM/T 0009 gives where nothing else was agreed.
pub const USER_ID: &str = "1234567812345678";
/// What stands for the type where a note's key has a type that is not given out: with it no two kinds of lines are alike.
pub const IDENTIFIER: &str = "liaowaiwai/sm2-checkpoint/v1";
/// The type byte of keys whose type is told by an identifier.
const TYPE: u8 = 0xff;
/// Bytes of an uncompressed public key: 0x04, x, y.
const PUBLIC_BYTES: usize = 65;
const SIGNATURE_BYTES: usize = 64;
const HASH_BYTES: usize = 32;

/// A public SM2 key with its name: `<name>+<key id>+<base64 of 0xff, identifier and uncompressed point>`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Sm2Key {
    name: String,
    public: [u8; PUBLIC_BYTES],
}

impl Sm2Key {
    /// Makes a key from its name and its uncompressed public key.
    ///
    /// # Errors
    /// `Malformed` if the name is not a key name, or the key no point of the curve.
    pub fn new(name: &str, public: [u8; PUBLIC_BYTES]) -> Result<Self, Error> {
        check_key_name(name, Format::VerifierKey, 0)?;
        let key = Self { name: name.to_owned(), public };
        key.verifying().map(|_| key)
    }

    /// Returns whether a text looks like such a key; a key of another type is told by its own parser.
    pub fn is_one(text: &str) -> bool {
        key_part(text).is_some_and(|bytes| bytes.first() == Some(&TYPE))
    }

    /// Borrows the key name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Borrows the uncompressed point.
    pub const fn public(&self) -> &[u8; PUBLIC_BYTES] {
        &self.public
    }

    /// Returns SHA-256 of the public key, by which an entry names it.
    pub fn fingerprint(&self) -> Hash {
        crate::merkle::from_digest(digest(&SHA256, &self.public).as_ref())
    }

    /// Returns what the key's text form encodes behind its name and id: type, identifier and key.
    pub fn typed(&self) -> Vec<u8> {
        [&[TYPE], IDENTIFIER.as_bytes(), &self.public].concat()
    }

    /// Returns the key id: the first four bytes of SHA-256(name ‖ 0x0A ‖ 0xff ‖ identifier ‖ public key).
    pub fn id(&self) -> [u8; 4] {
        let input = [self.name.as_bytes(), b"\n", &self.typed()].concat();
        digest(&SHA256, &input).as_ref().first_chunk().copied().unwrap_or_default()
    }

    fn verifying(&self) -> Result<VerifyingKey, Error> {
        // Other encodings of the point would be other keys with the same signatures.
        let key = VerifyingKey::from_sec1_bytes(USER_ID, &self.public).ok().filter(|_| self.public[0] == 0x04);
        key.ok_or_else(|| malformed(Format::VerifierKey, 0, "not an uncompressed point of SM2's curve"))
    }

    /// Finds this key's signature on a checkpoint, and returns the SM3 root that it states; `None` without one.
    ///
    /// # Errors
    /// `BadSignature` if a line of this key does not verify, or several state different roots.
    pub fn cosigned(&self, signed: &SignedCheckpoint) -> Result<Option<Hash>, Error> {
        let bad = || Error::BadSignature { key: self.to_string() };
        let (key, id) = (self.verifying()?, self.id());
        let mut stated = None;
        let lines = signed.note().signatures().iter();
        for line in lines.filter(|line| line.name == self.name && line.key_id == id) {
            let (root, signature) = line.signature.split_first_chunk::<HASH_BYTES>().ok_or_else(bad)?;
            let (root, signature) = (Hash(*root), Signature::from_slice(signature).map_err(|_| bad())?);
            key.verify(message(signed.note().text(), &root).as_bytes(), &signature).map_err(|_| bad())?;
            if stated.replace(root).is_some_and(|before| before != root) {
                return Err(bad());
            }
        }
        Ok(stated)
    }
}

impl fmt::Display for Sm2Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let id = u32::from_be_bytes(self.id());
        write!(f, "{}+{id:08x}+{}", self.name, STANDARD.encode(self.typed()))
    }
}

impl FromStr for Sm2Key {
    type Err = Error;
    fn from_str(text: &str) -> Result<Self, Error> {
        let refuse = |offset, reason| malformed(Format::VerifierKey, offset, reason);
        let (Some(name), Some(bytes)) = (text.split('+').next(), key_part(text)) else {
            return Err(refuse(0, "not <name>+<key id>+<key>"));
        };
        let public = bytes.strip_prefix(&[TYPE]).and_then(|rest| rest.strip_prefix(IDENTIFIER.as_bytes()));
        let public = public.ok_or_else(|| refuse(name.len() + 1, "not an SM2 key of a log (type 0xff)"))?;
        let public = public.try_into().map_err(|_| refuse(name.len() + 1, "not 65 bytes of key"))?;
        let key = Self::new(name, public)?;
        // Written again and compared: one text for one key, and the id is that of this name and key.
        if key.to_string() == text {
            Ok(key)
        } else {
            Err(refuse(name.len() + 1, "key id does not belong to this name and key"))
        }
    }
}

fn key_part(text: &str) -> Option<Vec<u8>> {
    STANDARD.decode(text.splitn(3, '+').nth(2)?).ok()
}

/// A private SM2 key with its name. It has no `Debug`, so that it can't reach a log.
pub struct Sm2Signer {
    pair: SigningKey,
    key: Sm2Key,
}

impl Sm2Signer {
    /// Makes a signer from a private key of 32 bytes; the name is the log's origin.
    ///
    /// # Errors
    /// `Malformed` if the name is not a key name, or the bytes are no private key: zero, or not below the group's order less one.
    pub fn from_bytes(name: &str, private: &[u8; 32]) -> Result<Self, Error> {
        let pair = SigningKey::from_slice(USER_ID, private).map_err(|_| malformed(Format::Seed, 0, "no SM2 key"))?;
        let public = pair.verifying_key().as_affine().to_sec1_point(false);
        let public = public.as_bytes().try_into().map_err(|_| malformed(Format::Seed, 0, "no SM2 key"))?;
        Ok(Self { pair, key: Sm2Key::new(name, public)? })
    }

    /// Borrows the public half.
    pub const fn key(&self) -> &Sm2Key {
        &self.key
    }

    /// Signs a checkpoint together with the SM3 root of the same entries.
    ///
    /// # Errors
    /// `Malformed` where the deterministic nonce can't be used, which happens to nobody (2^-128).
    pub fn cosign(&self, checkpoint: &Checkpoint, root: &Hash) -> Result<NoteSignature, Error> {
        let message = message(&checkpoint.to_string(), root);
        let signature: Signature = self
            .pair
            .try_sign(message.as_bytes())
            .map_err(|_| malformed(Format::Seed, 0, "no signature came of it"))?;
        Ok(NoteSignature {
            name: self.key.name().to_owned(),
            key_id: self.key.id(),
            signature: [root.0.as_slice(), &signature.to_bytes()].concat(),
        })
    }
}

/// What is signed: a header that separates it from every other note, the SM3 root, the whole text of the checkpoint.
fn message(text: &str, root: &Hash) -> String {
    format!("sm2-checkpoint/v1\nsm3 {}\n{text}", root.to_base64())
}

/// The SM3 roots that lines of this form state, whoever signed them: for the log's own bookkeeping, and to tell that such a line is
/// there.
pub fn unverified_roots(signed: &SignedCheckpoint) -> impl Iterator<Item = Hash> + '_ {
    let origin = signed.unverified().origin.as_str();
    let lines = signed.note().signatures().iter();
    lines
        .filter(move |line| line.name == origin && line.signature.len() == HASH_BYTES + SIGNATURE_BYTES)
        .filter_map(|line| line.signature.first_chunk().copied().map(Hash))
}

/// Demands that each of these keys that is of the checkpoint's log has signed it, and returns the SM3 root that they state; `None` if
/// none of the keys is of that log.
///
/// # Errors
/// `Uncosigned` if one has not, `BadSignature` if its line does not verify or two state different roots.
pub fn demand(signed: &SignedCheckpoint, keys: &[Sm2Key]) -> Result<Option<Hash>, Error> {
    let mut stated = None;
    for key in keys.iter().filter(|key| key.name() == signed.unverified().origin.as_str()) {
        let root = key.cosigned(signed)?.ok_or_else(|| Error::Uncosigned { key: key.to_string() })?;
        if stated.replace(root).is_some_and(|before| before != root) {
            return Err(Error::BadSignature { key: key.to_string() });
        }
    }
    Ok(stated)
}

#[cfg(test)]
mod tests;
