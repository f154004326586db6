//! Changes of a log's key: a note in which the old key names its successor, signed by both.
//!
//! Whoever trusts the old key needs nobody's word for the new one. The statement names a tree that the old key had signed, so
//! that a successor can't be antedated. Source: `FORMAT.md`, "Keys that change"; C2SP `signed-note`, `tlog-checkpoint`.

use crate::checkpoint::Checkpoint;
use crate::error::{Error, Format, malformed};
use crate::note::{Note, NoteSignature, NoteSigner, VerifierKey};
use crate::types::{Hash, parse_decimal};
use std::fmt;

/// The kind of entries that hold a statement.
pub const KIND: &str = "key.rotated/1";
/// Most changes that a verifier follows, one after the other.
pub const ROTATIONS_MAX: usize = 1024;
/// The first line. It has no slash, so that nobody takes the statement for a checkpoint.
const FIRST_LINE: &str = "lww-key-rotation@v1";
const FIRST_LINE_OTHER: &str = "lww-key-rotation@v";

/// What is stated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rotation {
    /// A tree of the log that the old key had signed.
    pub tree: Checkpoint,
    /// The key that names its successor.
    pub old: VerifierKey,
    /// The successor.
    pub new: VerifierKey,
}

impl Rotation {
    /// Signs the statement by both keys.
    ///
    /// # Errors
    /// `Malformed` if the two are one key, or one is not the log's.
    pub fn sign(tree: Checkpoint, old: &NoteSigner, new: &NoteSigner) -> Result<SignedRotation, Error> {
        let rotation = Self::unsigned(tree, old.verifier_key().clone(), new.verifier_key().clone())?;
        let text = rotation.to_string();
        rotation.signed(vec![old.sign(&text), new.sign(&text)])
    }

    /// A statement that both keys are to sign, in the text that `Display` gives; for keys that are elsewhere.
    ///
    /// # Errors
    /// `Malformed` if the two are one key, or one is not the log's.
    pub fn unsigned(tree: Checkpoint, old: VerifierKey, new: VerifierKey) -> Result<Self, Error> {
        let rotation = Self { tree, old, new };
        rotation.check()?;
        Ok(rotation)
    }

    /// Joins the statement and its signatures; nothing is verified by this.
    ///
    /// # Errors
    /// `Malformed` or `TooLong` if the result is not a signed note.
    pub fn signed(self, signatures: Vec<NoteSignature>) -> Result<SignedRotation, Error> {
        let note = Note::new(self.to_string(), signatures)?;
        Ok(SignedRotation { rotation: self, note })
    }

    fn check(&self) -> Result<(), Error> {
        let origin = self.tree.origin.as_str();
        if self.old.name() != origin || self.new.name() != origin || self.old == self.new {
            return Err(refuse("not two keys of this log"));
        }
        Ok(())
    }

    fn parse(text: &str) -> Result<Self, Error> {
        let body = text.strip_suffix('\n').ok_or_else(|| refuse("no line break at the end"))?;
        let mut lines = body.split('\n');
        check_first_line(lines.next().unwrap_or_default())?;
        let lines: Vec<&str> = lines.collect();
        let [origin, size, root, old, new] = lines.as_slice() else {
            return Err(refuse("not six lines"));
        };
        let root = Hash::from_base64(root).map_err(|_| refuse("the root is not the base64 of 32 bytes"))?;
        let tree = Checkpoint { origin: origin.parse()?, size: size.parse()?, root };
        let rotation = Self { tree, old: old.parse()?, new: new.parse()? };
        rotation.check()?;
        // What reads the same in two ways would be signed in one of them only.
        if rotation.to_string() == text { Ok(rotation) } else { Err(refuse("not in its one form")) }
    }
}

impl fmt::Display for Rotation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{FIRST_LINE}\n{}{}\n{}\n", self.tree, self.old, self.new)
    }
}

/// A statement with its signatures. It is believed once [`SignedRotation::verify`] has said so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedRotation {
    rotation: Rotation,
    note: Note,
}

impl SignedRotation {
    /// Parses a statement; nothing is verified by this.
    ///
    /// # Errors
    /// `Malformed`, `TooLong` or `UnknownVersion`.
    pub fn parse(bytes: &[u8]) -> Result<Self, Error> {
        let note = Note::parse(bytes)?;
        let rotation = Rotation::parse(note.text())?;
        Ok(Self { rotation, note })
    }

    /// Borrows what is stated, by whomever.
    pub const fn unverified(&self) -> &Rotation {
        &self.rotation
    }

    /// Borrows the signed note.
    pub const fn note(&self) -> &Note {
        &self.note
    }

    /// Verifies both signatures, and that the old key is a trusted one.
    ///
    /// # Errors
    /// `Unsigned` if the old key is not trusted or one of the two has not signed, `BadSignature`.
    pub fn verify(&self, trusted: &[VerifierKey]) -> Result<&Rotation, Error> {
        let Rotation { tree, old, new } = &self.rotation;
        if !trusted.contains(old) {
            let expected = trusted.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
            return Err(Error::Unsigned { expected, got: old.to_string() });
        }
        let both = [old.clone(), new.clone()];
        let signers = self.note.verify(&both, tree.origin.as_str())?;
        match both.iter().find(|key| !signers.contains(key)) {
            Some(missing) => {
                Err(Error::Unsigned { expected: missing.to_string(), got: "the other key alone".to_owned() })
            }
            None => Ok(&self.rotation),
        }
    }
}

/// Follows changes from the keys that are trusted, in the order in which they were made, and adds each successor to them.
///
/// # Errors
/// The first that does not verify; `TooLong` beyond [`ROTATIONS_MAX`].
pub fn follow<'a>(
    trusted: &mut Vec<VerifierKey>,
    rotations: impl IntoIterator<Item = &'a SignedRotation>,
) -> Result<(), Error> {
    for (at, rotation) in rotations.into_iter().enumerate() {
        if at == ROTATIONS_MAX {
            let (max, got) = (ROTATIONS_MAX as u64, at as u64 + 1);
            return Err(Error::TooLong { what: Format::Rotation, max, got });
        }
        let new = rotation.verify(trusted)?.new.clone();
        if !trusted.contains(&new) {
            trusted.push(new);
        }
    }
    Ok(())
}

/// A later version may have other lines behind its first.
fn check_first_line(line: &str) -> Result<(), Error> {
    if line == FIRST_LINE {
        return Ok(());
    }
    let version = line.strip_prefix(FIRST_LINE_OTHER).map(|version| parse_decimal(version, Format::Rotation));
    match version {
        Some(Ok(got)) => Err(Error::UnknownVersion { what: Format::Rotation, known: 1, got }),
        Some(Err(_)) | None => Err(refuse("another first line")),
    }
}

fn refuse(reason: &'static str) -> Error {
    malformed(Format::Rotation, 0, reason)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::merkle::leaf_hash;
    use crate::types::TreeSize;

    const ORIGIN: &str = "lww.example/acme/1";

    fn signer(seed: u8) -> NoteSigner {
        NoteSigner::from_seed(ORIGIN, &[seed; 32]).unwrap()
    }

    fn key(seed: u8) -> VerifierKey {
        signer(seed).verifier_key().clone()
    }

    fn tree() -> Checkpoint {
        Checkpoint { origin: ORIGIN.parse().unwrap(), size: TreeSize(9), root: leaf_hash(b"nine") }
    }

    fn change(old: u8, new: u8) -> SignedRotation {
        Rotation::sign(tree(), &signer(old), &signer(new)).unwrap()
    }

    #[test]
    fn a_successor_is_believed_by_the_old_key_s_word_and_its_own() {
        let signed = change(1, 2);
        let read = SignedRotation::parse(signed.note().to_string().as_bytes()).unwrap();
        assert_eq!(read, signed);
        let rotation = read.verify(&[key(9), key(1)]).unwrap();
        assert_eq!((&rotation.new, &rotation.tree), (&key(2), &tree()));
        let mut keys = vec![key(1)];
        follow(&mut keys, &[change(1, 2), change(2, 3)]).unwrap();
        assert_eq!(keys, [key(1), key(2), key(3)]);
    }

    #[test]
    fn nobody_names_a_successor_for_a_key_that_is_not_theirs() {
        assert!(matches!(change(1, 2).verify(&[key(2)]), Err(Error::Unsigned { .. })));
        assert!(matches!(follow(&mut vec![key(1)], &[change(2, 3), change(1, 2)]), Err(Error::Unsigned { .. })));
        let text = change(1, 2).unverified().to_string();
        for signers in [vec![1], vec![2], vec![1, 3], vec![3, 2]] {
            let lines = signers.iter().map(|seed| signer(*seed).sign(&text)).collect();
            let note = Note::new(text.clone(), lines).unwrap().to_string();
            let refused = SignedRotation::parse(note.as_bytes()).unwrap();
            assert!(matches!(refused.verify(&[key(1)]), Err(Error::Unsigned { .. })), "{signers:?}");
        }
        let mut forged = signer(3).sign(&text);
        (forged.key_id, forged.name) = (key(1).id(), ORIGIN.to_owned());
        let note = Note::new(text.clone(), vec![forged, signer(2).sign(&text)]).unwrap().to_string();
        let forged = SignedRotation::parse(note.as_bytes()).unwrap();
        assert!(matches!(forged.verify(&[key(1)]), Err(Error::BadSignature { .. })));
        let many: Vec<_> = (0..=ROTATIONS_MAX).map(|_| change(1, 2)).collect();
        assert!(matches!(follow(&mut vec![key(1)], &many), Err(Error::TooLong { .. })));
    }

    #[test]
    fn a_changed_byte_and_any_other_form_is_refused() {
        let good = change(1, 2).note().to_string();
        for at in 0..good.len() {
            let mut bad = good.clone().into_bytes();
            bad[at] ^= 1;
            let refused = SignedRotation::parse(&bad).is_ok_and(|read| read.verify(&[key(1)]).is_ok());
            assert!(!refused, "byte {at}");
        }
        let other = Rotation {
            new: VerifierKey::new("lww.example/other/1", *key(2).public()).unwrap(),
            ..change(1, 2).rotation
        };
        let same = Rotation { new: key(1), ..change(1, 2).rotation };
        for (text, sayings) in [
            (other.to_string(), "another log's key"),
            (same.to_string(), "its own successor"),
            (good.replacen("\n9\n", "\n09\n", 1), "another number"),
            (format!("{}more\n", change(1, 2).rotation), "a line more"),
            (change(1, 2).rotation.tree.to_string(), "a checkpoint"),
        ] {
            assert!(Rotation::parse(&text).is_err(), "{sayings}");
        }
        let later = change(1, 2).rotation.to_string().replacen("@v1", "@v2", 1);
        for (text, is_later) in [
            (later.clone(), true),
            (format!("{later}whatever comes then\n"), true),
            (later.replacen("@v2", "@v02", 1), false),
            (later.replacen("@v2", "@v+2", 1), false),
        ] {
            assert_eq!(matches!(Rotation::parse(&text), Err(Error::UnknownVersion { .. })), is_later, "{text}");
        }
    }
}
