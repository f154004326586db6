//! Signed notes: text, followed by signature lines of named Ed25519 keys.
//!
//! It knows nothing of what the text says. Signature lines of unknown keys are kept and ignored, which is what lets
//! keys rotate and witnesses add theirs. Source: C2SP `signed-note` v1; RFC 8032 for Ed25519.

mod key;

pub use key::KEY_NAME_BYTES_MAX;
pub(crate) use key::{NamedKey, Signs, check_key_name};

use crate::error::{Error, Format, malformed};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::signature::{Ed25519KeyPair, KeyPair as _};
use std::fmt;
use std::str::FromStr;

/// Longest signed note in bytes; room for sixteen post-quantum signatures of 5 kB.
pub const NOTE_BYTES_MAX: usize = 128 * 1024;
/// Most signature lines; the specification demands at least 16.
pub const SIGNATURES_MAX: usize = 64;
/// Begins each signature line: em dash and space.
const LINE_START: &str = "\u{2014} ";

/// A public key with its name, as an auditor holds it: `<name>+<key id>+<base64 of type and key>`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct VerifierKey(NamedKey);

impl VerifierKey {
    /// Makes a key from its name and its 32-byte Ed25519 public key.
    ///
    /// # Errors
    /// `Malformed` if the name is empty, too long or holds a space, a plus or a control character.
    pub fn new(name: &str, public: [u8; 32]) -> Result<Self, Error> {
        NamedKey::new(name, Signs::Notes, public).map(Self)
    }

    /// Borrows the key name.
    pub fn name(&self) -> &str {
        self.0.name()
    }

    /// Borrows the raw Ed25519 public key.
    pub const fn public(&self) -> &[u8; 32] {
        self.0.public()
    }

    /// Returns the key id: the first four bytes of SHA-256(name ‖ 0x0A ‖ 0x01 ‖ public key).
    pub fn id(&self) -> [u8; 4] {
        self.0.id()
    }
}

impl fmt::Display for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for VerifierKey {
    type Err = Error;
    fn from_str(text: &str) -> Result<Self, Error> {
        NamedKey::parse(text, Signs::Notes).map(Self)
    }
}

/// A private Ed25519 key with its name. It has no `Debug`, so that it can't reach a log.
pub struct NoteSigner {
    pair: Ed25519KeyPair,
    key: VerifierKey,
}

impl NoteSigner {
    /// Makes a signer from a 32-byte seed; for a log the name is its origin.
    ///
    /// # Errors
    /// `Malformed` if the name is not a key name or the seed is unusable.
    pub fn from_seed(name: &str, seed: &[u8; 32]) -> Result<Self, Error> {
        let pair = Ed25519KeyPair::from_seed_unchecked(seed).map_err(|_| malformed(Format::Seed, 0, "unusable"))?;
        let public = pair.public_key().as_ref();
        let public = public.try_into().map_err(|_| malformed(Format::Seed, 0, "unusable"))?;
        Ok(Self { pair, key: VerifierKey::new(name, public)? })
    }

    /// Borrows the public half, to be given to auditors.
    pub const fn verifier_key(&self) -> &VerifierKey {
        &self.key
    }

    /// Signs a note text.
    pub fn sign(&self, text: &str) -> NoteSignature {
        let signature = self.pair.sign(text.as_bytes()).as_ref().to_vec();
        NoteSignature { name: self.key.name().to_owned(), key_id: self.key.id(), signature }
    }
}

/// One signature line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoteSignature {
    /// Name of the key.
    pub name: String,
    /// Id of the key.
    pub key_id: [u8; 4],
    /// What the key's algorithm made of the text; 64 bytes for Ed25519.
    pub signature: Vec<u8>,
}

impl fmt::Display for NoteSignature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let blob = STANDARD.encode([self.key_id.as_slice(), &self.signature].concat());
        write!(f, "{LINE_START}{} {blob}", self.name)
    }
}

/// A text with its signatures. Nothing about it is believed until [`Note::verify`] has said so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    text: String,
    signatures: Vec<NoteSignature>,
}

impl Note {
    /// Joins a text and its signatures; `text` ends with a line break.
    ///
    /// # Errors
    /// `Malformed` or `TooLong` if the result is not a signed note.
    pub fn new(text: String, signatures: Vec<NoteSignature>) -> Result<Self, Error> {
        Self::parse(Self { text, signatures }.to_string().as_bytes())
    }

    /// Parses a signed note.
    ///
    /// # Errors
    /// `Malformed` or `TooLong`; the signatures are not verified by this.
    pub fn parse(bytes: &[u8]) -> Result<Self, Error> {
        if bytes.len() > NOTE_BYTES_MAX {
            let (max, got) = (NOTE_BYTES_MAX as u64, bytes.len() as u64);
            return Err(Error::TooLong { what: Format::Note, max, got });
        }
        let note = std::str::from_utf8(bytes).map_err(|e| malformed(Format::Note, e.valid_up_to(), "not UTF-8"))?;
        if let Some(at) = note.bytes().position(|b| b < 0x20 && b != b'\n') {
            return Err(malformed(Format::Note, at, "control character"));
        }
        // Two line breaks: the first ends the text, the second is the empty line that separates the signatures.
        let end = note.rfind("\n\n").ok_or_else(|| malformed(Format::Note, bytes.len(), "no empty line"))? + 1;
        let (text, rest) = note.split_at(end);
        let lines = rest.get(1..).unwrap_or_default();
        let Some(lines) = lines.strip_suffix('\n') else {
            return Err(malformed(Format::Note, bytes.len(), "no signature, or no line break at the end"));
        };
        let mut signatures = Vec::new();
        let mut offset = end + 1;
        for line in lines.split('\n') {
            if signatures.len() == SIGNATURES_MAX {
                return Err(malformed(Format::Note, offset, "too many signatures"));
            }
            signatures.push(parse_signature(line, offset)?);
            offset += line.len() + 1;
        }
        Ok(Self { text: text.to_owned(), signatures })
    }

    /// Borrows the signed text, with its last line break.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Borrows the signatures.
    pub fn signatures(&self) -> &[NoteSignature] {
        &self.signatures
    }

    /// The signature lines that say they are of this key.
    pub(crate) fn lines_of<'n>(&'n self, key: &'n NamedKey) -> impl Iterator<Item = &'n NoteSignature> {
        let id = key.id();
        self.signatures.iter().filter(move |line| line.name == key.name() && line.key_id == id)
    }

    /// Adds a signature of another key, for instance of the successor during a rotation.
    ///
    /// # Errors
    /// `Malformed` or `TooLong` if the note would become too big.
    pub fn with_signature(mut self, signature: NoteSignature) -> Result<Self, Error> {
        self.signatures.push(signature);
        Self::new(self.text, self.signatures)
    }

    /// Verifies the note for one signer and returns the trusted keys named `name` that have signed it.
    ///
    /// # Errors
    /// `BadSignature` if a line of any trusted key does not verify, `Unsigned` if none is of a key named `name`.
    pub fn verify<'k>(&self, keys: &'k [VerifierKey], name: &str) -> Result<Vec<&'k VerifierKey>, Error> {
        let mut signers = Vec::new();
        for key in keys {
            for line in self.lines_of(&key.0) {
                if !key.0.verifies(self.text.as_bytes(), &line.signature) {
                    return Err(Error::BadSignature { key: key.to_string() });
                }
                if key.name() == name && !signers.contains(&key) {
                    signers.push(key);
                }
            }
        }
        if signers.is_empty() {
            let names = self.signatures.iter().map(|s| format!("{}+{:08x}", s.name, u32::from_be_bytes(s.key_id)));
            let got = names.collect::<Vec<_>>().join(", ");
            return Err(Error::Unsigned { expected: name.to_owned(), got });
        }
        Ok(signers)
    }
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.text)?;
        self.signatures.iter().try_for_each(|signature| writeln!(f, "{signature}"))
    }
}

/// Parses one signature line without its line break; `offset` is where it begins, for the error.
pub(crate) fn parse_signature(line: &str, offset: usize) -> Result<NoteSignature, Error> {
    let refuse = |reason| malformed(Format::Note, offset, reason);
    let rest = line.strip_prefix(LINE_START).ok_or_else(|| refuse("not a signature line"))?;
    let (name, blob) = rest.split_once(' ').ok_or_else(|| refuse("signature line without signature"))?;
    check_key_name(name, Format::Note, offset)?;
    let blob = STANDARD.decode(blob).map_err(|_| refuse("signature is not base64"))?;
    match blob.split_first_chunk() {
        Some((key_id, signature)) if !signature.is_empty() => {
            Ok(NoteSignature { name: name.to_owned(), key_id: *key_id, signature: signature.to_vec() })
        }
        Some(_) | None => Err(refuse("signature too short")),
    }
}

#[cfg(test)]
mod tests;
