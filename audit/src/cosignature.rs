//! Cosignatures: a witness's statement that, at a time, this checkpoint was the largest tree of its log that it had seen,
//! and that it continues everything that it had seen before.
//!
//! Only Ed25519 cosignatures (`cosignature/v1`) are known; lines of other kinds are ignored like those of unknown keys.
//! Source: C2SP `tlog-cosignature`.

use crate::checkpoint::{Checkpoint, SignedCheckpoint};
use crate::error::{Error, Format, malformed};
use crate::note::{NamedKey, NoteSignature, Signs};
use ring::signature::{Ed25519KeyPair, KeyPair as _};
use std::fmt;
use std::str::FromStr;

/// Latest time that a cosignature may state: the specification's bound.
const TIME_S_MAX: u64 = (1 << 63) - 1;

/// A witness's public key with its name: `<name>+<key id>+<base64 of type 0x04 and key>`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CosignerKey(NamedKey);

impl CosignerKey {
    /// Makes a key from its name and its 32-byte Ed25519 public key.
    ///
    /// # Errors
    /// `Malformed` if the name is not a key name.
    pub fn new(name: &str, public: [u8; 32]) -> Result<Self, Error> {
        NamedKey::new(name, Signs::Cosignatures, public).map(Self)
    }

    /// Borrows the key name.
    pub fn name(&self) -> &str {
        self.0.name()
    }

    /// Borrows the raw Ed25519 public key.
    pub const fn public(&self) -> &[u8; 32] {
        self.0.public()
    }

    /// Verifies what a signature line of this key says of a checkpoint and returns its time in POSIX seconds.
    fn verify(&self, text: &str, line: &NoteSignature) -> Option<u64> {
        let (time, signature) = line.signature.split_first_chunk()?;
        let time_s = u64::from_be_bytes(*time);
        (time_s <= TIME_S_MAX && self.0.verifies(message(text, time_s).as_bytes(), signature)).then_some(time_s)
    }

    /// Finds this witness's cosignature on a checkpoint: its time in POSIX seconds, the newest if there are several.
    ///
    /// # Errors
    /// `BadSignature` if a line of this key does not verify.
    pub fn cosigned(&self, signed: &SignedCheckpoint) -> Result<Option<u64>, Error> {
        let mut newest = None;
        for line in signed.note().lines_of(&self.0) {
            let time_s = self.verify(signed.note().text(), line);
            newest = newest.max(Some(time_s.ok_or_else(|| Error::BadSignature { key: self.to_string() })?));
        }
        Ok(newest)
    }
}

impl fmt::Display for CosignerKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for CosignerKey {
    type Err = Error;
    fn from_str(text: &str) -> Result<Self, Error> {
        NamedKey::parse(text, Signs::Cosignatures).map(Self)
    }
}

/// A witness's private key. It has no `Debug`, so that it can't reach a log.
pub struct Cosigner {
    pair: Ed25519KeyPair,
    key: CosignerKey,
}

impl Cosigner {
    /// Makes a cosigner from a 32-byte seed. The seed must be no other cosigner's: what is signed doesn't say the name.
    ///
    /// # Errors
    /// `Malformed` if the name is not a key name or the seed is unusable.
    pub fn from_seed(name: &str, seed: &[u8; 32]) -> Result<Self, Error> {
        let unusable = || malformed(Format::Seed, 0, "unusable");
        let pair = Ed25519KeyPair::from_seed_unchecked(seed).map_err(|_| unusable())?;
        let public = pair.public_key().as_ref().try_into().map_err(|_| unusable())?;
        Ok(Self { pair, key: CosignerKey::new(name, public)? })
    }

    /// Borrows the public half.
    pub const fn key(&self) -> &CosignerKey {
        &self.key
    }

    /// Cosigns a checkpoint; `time_s` is now in POSIX seconds. Whoever calls this has verified that the log only grew.
    pub fn cosign(&self, checkpoint: &Checkpoint, time_s: u64) -> NoteSignature {
        let signature = self.pair.sign(message(&checkpoint.to_string(), time_s).as_bytes());
        NoteSignature {
            name: self.key.name().to_owned(),
            key_id: self.key.0.id(),
            signature: [time_s.to_be_bytes().as_slice(), signature.as_ref()].concat(),
        }
    }
}

/// What is signed: a header that separates it from every other note, the time, the whole text of the checkpoint.
fn message(text: &str, time_s: u64) -> String {
    format!("cosignature/v1\ntime {time_s}\n{text}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::note::{NoteSigner, VerifierKey};

    const TEXT: &str = "lww.example/acme/1\n0\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n";
    const TIME_S: u64 = 1_795_658_400;

    fn log() -> NoteSigner {
        NoteSigner::from_seed("lww.example/acme/1", &[1; 32]).unwrap()
    }

    fn witness() -> Cosigner {
        Cosigner::from_seed("audit.example/w1", &[2; 32]).unwrap()
    }

    fn cosigned(time_s: u64) -> SignedCheckpoint {
        let checkpoint: Checkpoint = TEXT.parse().unwrap();
        let signatures = vec![log().sign(TEXT), witness().cosign(&checkpoint, time_s)];
        SignedCheckpoint::with_signatures(checkpoint, signatures).unwrap()
    }

    #[test]
    fn a_cosignature_says_its_time_and_is_found_again_in_the_note() {
        let note = cosigned(TIME_S).to_string();
        let read = SignedCheckpoint::parse(note.as_bytes()).unwrap();
        assert_eq!(witness().key().cosigned(&read).unwrap(), Some(TIME_S));
        assert!(read.verify(&[log().verifier_key().clone()]).is_ok());
        let stranger = Cosigner::from_seed("audit.example/w1", &[3; 32]).unwrap();
        assert_eq!(stranger.key().cosigned(&read).unwrap(), None);
    }

    #[test]
    fn a_changed_time_text_or_signature_is_a_bad_signature() {
        let bad = |line: NoteSignature, text: &str| {
            let signatures = vec![log().sign(text), line];
            let signed = SignedCheckpoint::with_signatures(text.parse().unwrap(), signatures).unwrap();
            matches!(witness().key().cosigned(&signed), Err(Error::BadSignature { .. }))
        };
        let line = witness().cosign(&TEXT.parse().unwrap(), TIME_S);
        assert!(!bad(line.clone(), TEXT));
        for at in 0..line.signature.len() {
            let mut flipped = line.clone();
            flipped.signature[at] ^= 1;
            assert!(bad(flipped, TEXT), "byte {at}");
        }
        assert!(bad(line.clone(), &TEXT.replace("\n0\n", "\n1\n")));
        let mut short = line.clone();
        short.signature.truncate(7);
        assert!(bad(short, TEXT));
        // A plain signature over the same text with the same key is no cosignature, although the line names the key.
        let plain = NoteSigner::from_seed("audit.example/w1", &[2; 32]).unwrap().sign(TEXT);
        assert!(bad(NoteSignature { key_id: line.key_id, ..plain }, TEXT));
    }

    #[test]
    fn a_time_beyond_what_the_specification_allows_is_refused() {
        assert!(matches!(witness().key().cosigned(&cosigned(TIME_S_MAX + 1)), Err(Error::BadSignature { .. })));
        assert_eq!(witness().key().cosigned(&cosigned(TIME_S_MAX)).unwrap(), Some(TIME_S_MAX));
    }

    #[test]
    fn keys_of_logs_and_of_witnesses_are_not_taken_for_each_other() {
        let key = witness().key().to_string();
        assert_eq!(key.parse::<CosignerKey>().unwrap(), *witness().key());
        assert!(key.parse::<VerifierKey>().is_err());
        assert!(log().verifier_key().to_string().parse::<CosignerKey>().is_err());
    }
}
