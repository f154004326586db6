//! The keys that sign one log, in their files: the one in use, and for a time the one before it beside it.
//!
//! A successor is made, signs beside its predecessor, is named by an entry of the log, and comes into use. Until an operator
//! ends that, both sign, so that auditors and witnesses have time to take the new key in. What is in a file and not named by
//! the log signs nothing after a restart.

use std::fmt;
use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock};

use async_trait::async_trait;
use lww_audit::{Checkpoint, Note, NoteSigner, Rotation};
use zeroize::Zeroizing;

use super::{KEY_BYTES, KEY_SUFFIX, KeyFiles, key_files, private_file, sha256};
use crate::crypto::error::KeyError;
use crate::ports::{LogKeys, SignError, Signer};
use crate::units::{Hash, Origin};

const FIRST: u32 = 1;

/// Signs one log's checkpoints; its keys' name is the log's origin.
pub struct LogSigner {
    files: Arc<KeyFiles>,
    origin: Origin,
    keys: RwLock<Keys>,
}

/// The keys at hand.
struct Keys {
    /// By their numbers, the oldest first; never empty.
    in_use: Vec<(u32, NoteSigner)>,
    /// A successor that no entry names yet, and that signs beside the others.
    next: Option<NoteSigner>,
}

impl fmt::Debug for LogSigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LogSigner({})", self.vkey())
    }
}

impl LogSigner {
    /// Reads the keys of a log. With `may_create`, a missing first key is made.
    pub(super) fn open(files: Arc<KeyFiles>, origin: &Origin, may_create: bool) -> Result<Self, KeyError> {
        let in_use = read(&files, origin, may_create)?;
        Ok(Self { files, origin: origin.clone(), keys: RwLock::new(Keys { in_use, next: None }) })
    }

    /// SHA-256 of the newest public key in use.
    pub fn fingerprint(&self) -> Hash {
        self.with(|keys| keys.newest().map_or(Hash::ZERO, fingerprint))
    }

    fn with<T>(&self, look: impl FnOnce(&Keys) -> T) -> T {
        look(&self.keys.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn change<T>(&self, change: impl FnOnce(&mut Keys) -> T) -> T {
        change(&mut self.keys.write().unwrap_or_else(PoisonError::into_inner))
    }

    fn label_next(&self) -> String {
        label(&self.origin, "next")
    }

    /// The next key's file becomes that of the newest key in use. It is written before the old name goes: a crash in between
    /// leaves it twice.
    fn promote(&self) -> Result<(), KeyError> {
        let label_next = self.label_next();
        let path_next = self.files.path(&label_next);
        let Some(seed) = self.files.load::<KEY_BYTES>(&path_next, &label_next)? else { return Ok(()) };
        let next = signer(&self.origin, &seed)?;
        let newest = self.with(|keys| keys.in_use.last().map(|(number, key)| (*number, key.verifier_key().clone())));
        let (number, newest) = newest.ok_or(KeyError::Cipher)?;
        let _lock = private_file::lock_directory(&self.files.directory)?;
        if newest != *next.verifier_key() {
            let label = label(&self.origin, number + 1);
            let path = self.files.path(&label);
            private_file::create(&path, self.files.master.wrap(&label, &*seed, &*self.files.random)?.as_bytes())?;
            self.change(|keys| {
                keys.in_use.push((number + 1, next));
                keys.next = None;
            });
        }
        self.destroy(&path_next)
    }

    fn destroy(&self, path: &Path) -> Result<(), KeyError> {
        private_file::destroy(path, &*self.files.random).map(drop)
    }

    /// Reads the files again: another server of this log may have changed them.
    fn reload(&self) -> Result<(), KeyError> {
        let in_use = read(&self.files, &self.origin, false)?;
        self.change(|keys| keys.in_use = in_use);
        Ok(())
    }
}

impl Keys {
    fn newest(&self) -> Option<&NoteSigner> {
        self.in_use.last().map(|(_, key)| key)
    }

    /// Whoever signs, the newest first.
    fn signing(&self) -> impl Iterator<Item = &NoteSigner> {
        self.next.iter().chain(self.in_use.iter().rev().map(|(_, key)| key))
    }
}

#[async_trait]
impl Signer for LogSigner {
    async fn sign(&self, body: &str) -> Result<String, SignError> {
        let signatures = self.with(|keys| keys.signing().map(|key| key.sign(body)).collect());
        Note::new(body.to_owned(), signatures)
            .map(|note| note.to_string())
            .map_err(|_| SignError { reason: "a checkpoint must be text that ends with a newline" })
    }

    fn vkey(&self) -> String {
        self.with(|keys| keys.newest().map_or_else(String::new, vkey))
    }

    fn is_named(&self, wanted: &str) -> bool {
        let is_it = || self.vkey() == wanted;
        let is_next = || {
            let label = self.label_next();
            let seed = self.files.load::<KEY_BYTES>(&self.files.path(&label), &label).ok().flatten();
            seed.and_then(|seed| signer(&self.origin, &seed).ok()).is_some_and(|next| vkey(&next) == wanted)
        };
        is_it() || (self.reload().is_ok() && is_it()) || (is_next() && self.promote().is_ok() && is_it())
    }
}

impl LogKeys for LogSigner {
    fn vkeys(&self) -> Vec<String> {
        self.with(|keys| keys.in_use.iter().rev().map(|(_, key)| vkey(key)).collect())
    }

    fn succeed(&self, tree: &Checkpoint) -> Result<String, SignError> {
        let seed: Zeroizing<[u8; KEY_BYTES]> =
            self.files.load_or_create(&self.label_next(), true).map_err(|error| told(&error))?;
        let next = signer(&self.origin, &seed).map_err(|error| told(&error))?;
        let statement = self.with(|keys| {
            let newest = keys.newest().ok_or(SignError { reason: "there is no key" })?;
            Rotation::sign(tree.clone(), newest, &next)
                .map_err(|_| SignError { reason: "the next key's file holds the key in use" })
        })?;
        self.change(|keys| keys.next = Some(next));
        Ok(statement.note().to_string())
    }

    fn settle(&self) -> Result<(), SignError> {
        self.promote().map_err(|error| told(&error))
    }

    fn older(&self) -> Vec<Hash> {
        self.with(|keys| keys.in_use.iter().rev().skip(1).map(|(_, key)| fingerprint(key)).collect())
    }

    fn retire(&self) -> Result<(), SignError> {
        let older = self.change(|keys| {
            let newest = keys.in_use.pop();
            std::mem::replace(&mut keys.in_use, newest.into_iter().collect())
        });
        let removed = private_file::lock_directory(&self.files.directory).and_then(|_lock| {
            older.iter().try_for_each(|(number, _)| self.destroy(&self.files.path(&label(&self.origin, *number))))
        });
        removed.map_err(|error| told(&error))
    }
}

/// The keys in use, the oldest first.
fn read(files: &KeyFiles, origin: &Origin, may_create: bool) -> Result<Vec<(u32, NoteSigner)>, KeyError> {
    let start = format!("{}.", label(origin, FIRST));
    let number = |name: &String| {
        let digits = name.strip_suffix(KEY_SUFFIX)?.strip_prefix(&start)?;
        digits.parse().ok().filter(|number: &u32| *number > FIRST && number.to_string() == digits)
    };
    let mut numbers: Vec<u32> = key_files(&files.directory)?.iter().filter_map(number).collect();
    if numbers.is_empty() || files.path(&label(origin, FIRST)).exists() {
        numbers.push(FIRST);
    }
    numbers.sort_unstable();
    let read = |number| {
        let seed = files.load_or_create::<KEY_BYTES>(&label(origin, number), may_create && number == FIRST)?;
        Ok((number, signer(origin, &seed)?))
    };
    numbers.into_iter().map(read).collect()
}

/// The label of a log's key; the first one's has no number.
fn label(origin: &Origin, which: impl fmt::Display) -> String {
    let (log, which) = (format!("log-{}-{}", origin.tenant(), origin.generation()), which.to_string());
    if which == FIRST.to_string() { log } else { format!("{log}.{which}") }
}

fn signer(origin: &Origin, seed: &[u8; KEY_BYTES]) -> Result<NoteSigner, KeyError> {
    NoteSigner::from_seed(origin.as_str(), seed).map_err(|_| KeyError::Cipher)
}

fn vkey(key: &NoteSigner) -> String {
    key.verifier_key().to_string()
}

fn fingerprint(key: &NoteSigner) -> Hash {
    sha256(key.verifier_key().public())
}

/// The whole error goes to the log: it names the file, which an answer must not.
pub(super) fn told(error: &KeyError) -> SignError {
    tracing::error!(event = "key_file_refused", %error, "a log's key file could not be read, written or removed");
    SignError { reason: "a key file could not be read, written or removed" }
}

#[cfg(test)]
mod tests {
    use lww_audit::merkle::leaf_hash;
    use lww_audit::{SignedRotation, VerifierKey};
    use tempfile::TempDir;

    use super::super::{KeyDirectory, KeyPlaces};
    use super::*;
    use crate::crypto::SystemRandom;
    use crate::units::TreeSize;

    fn origin() -> Origin {
        Origin::new("lww.local", "acme", 1).unwrap()
    }

    fn tree() -> Checkpoint {
        Checkpoint { origin: origin(), size: TreeSize(3), root: leaf_hash(b"three") }
    }

    fn open(home: &TempDir, may_create: bool) -> LogSigner {
        let places = KeyPlaces { directory: home.path().join("keys"), master: None };
        let keys = KeyDirectory::open_or_create(&places, Arc::new(SystemRandom::new()), may_create).unwrap();
        keys.log_signer(&origin(), may_create).unwrap()
    }

    fn names(home: &TempDir) -> Vec<String> {
        let names = key_files(&home.path().join("keys")).unwrap();
        names.into_iter().filter(|name| name.starts_with("log-")).collect()
    }

    /// Which of some keys have signed what is signed now.
    async fn signers(signer: &LogSigner, keys: &[&str]) -> Vec<bool> {
        let note = signer.sign(&tree().to_string()).await.unwrap();
        let note = Note::parse(note.as_bytes()).unwrap();
        let by = |key: &&str| note.verify(&[key.parse::<VerifierKey>().unwrap()], origin().as_str()).is_ok();
        keys.iter().map(by).collect()
    }

    #[tokio::test]
    async fn a_successor_signs_beside_the_old_key_then_is_the_newest_and_at_last_alone() {
        let home = TempDir::new().unwrap();
        let signer = open(&home, true);
        let old = signer.vkey();
        let statement = signer.succeed(&tree()).unwrap();
        let stated = SignedRotation::parse(statement.as_bytes()).unwrap();
        let new = stated.verify(&[old.parse().unwrap()]).unwrap().new.to_string();
        assert_eq!(signers(&signer, &[&old, &new]).await, [true, true]);
        assert_eq!((signer.vkeys(), signer.older()), (vec![old.clone()], Vec::new()));
        signer.settle().unwrap();
        assert_eq!(signer.vkeys(), [new.clone(), old.clone()]);
        assert_eq!(signer.older(), [sha256(old.parse::<VerifierKey>().unwrap().public())]);
        assert_eq!(names(&home), ["log-acme-1.2.key", "log-acme-1.key"]);
        let again = open(&home, false);
        assert_eq!(again.vkeys(), signer.vkeys());
        assert_eq!(signers(&again, &[&old, &new]).await, [true, true]);
        again.retire().unwrap();
        assert_eq!((names(&home), again.vkeys()), (vec!["log-acme-1.2.key".to_owned()], vec![new.clone()]));
        assert_eq!(signers(&again, &[&old, &new]).await, [false, true]);
        assert!(signer.is_named(&new) && !signer.is_named(&old), "another server sees that the old one is gone");
        again.succeed(&tree()).unwrap();
        again.settle().unwrap();
        assert_eq!(names(&home), ["log-acme-1.2.key", "log-acme-1.3.key"]);
    }

    #[tokio::test]
    async fn what_the_log_does_not_name_is_not_in_use_after_a_restart_and_comes_into_use_when_it_is_named() {
        let home = TempDir::new().unwrap();
        let signer = open(&home, true);
        let old = signer.vkey();
        let statement = signer.succeed(&tree()).unwrap();
        let new = SignedRotation::parse(statement.as_bytes()).unwrap().unverified().new.to_string();
        let again = open(&home, false);
        assert_eq!(signers(&again, &[&old, &new]).await, [true, false]);
        assert!(again.is_named(&old));
        // The same successor is taken at the next attempt.
        let repeated = again.succeed(&tree()).unwrap();
        assert_eq!(repeated, statement);
        // The entry was recorded, and the server ended before it came to the files.
        let crashed = open(&home, false);
        assert!(crashed.is_named(&new) && !crashed.is_named(&old));
        assert_eq!(names(&home), ["log-acme-1.2.key", "log-acme-1.key"]);
        assert!(!crashed.is_named("another"));
    }

    #[test]
    fn a_crash_between_the_two_names_of_a_key_leaves_it_in_use_once() {
        let home = TempDir::new().unwrap();
        let signer = open(&home, true);
        signer.succeed(&tree()).unwrap();
        let next = home.path().join("keys/log-acme-1.next.key");
        let kept = std::fs::read(&next).unwrap();
        signer.settle().unwrap();
        private_file::create(&next, &kept).unwrap();
        let again = open(&home, false);
        again.settle().unwrap();
        assert_eq!((again.vkeys(), next.exists()), (signer.vkeys(), false));
        // Without anything to settle nothing happens.
        again.settle().unwrap();
        assert_eq!(again.vkeys().len(), 2);
    }

    #[tokio::test]
    async fn bodies_that_are_no_note_text_are_refused() {
        let home = TempDir::new().unwrap();
        let signer = open(&home, true);
        for body in ["", "no newline", "\u{1}\n"] {
            assert!(signer.sign(body).await.is_err(), "{body:?}");
        }
        assert_eq!(format!("{signer:?}"), format!("LogSigner({})", signer.vkey()));
    }
}
