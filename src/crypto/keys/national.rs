//! The SM2 key that signs a log's published checkpoints a second time, in its file, wrapped like every other key.
//!
//! It is made, named by an entry of the log, and then used: what the log does not name signs nothing. Between its making and
//! that entry its file has another name. It is in nobody's way: without it, publications have one signature less.

use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use lww_audit::note::NoteSignature;
use lww_audit::{Checkpoint, Sm2Signer};
use zeroize::Zeroizing;

use super::log::told;
use super::{KEY_BYTES, KeyFiles, private_file};
use crate::crypto::error::KeyError;
use crate::ports::{NationalKey, SignError};
use crate::units::{Hash, Origin};

/// Draws before it is a mistake: that 32 random bytes are no key happens once in 2^32 times.
const DRAWS_MAX: u32 = 4;

/// One log's SM2 key; its name is the log's origin.
pub struct Sm2KeyFile {
    files: Arc<KeyFiles>,
    origin: Origin,
    in_use: RwLock<Option<Sm2Signer>>,
}

impl fmt::Debug for Sm2KeyFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sm2KeyFile({})", self.vkey().unwrap_or_default())
    }
}

impl Sm2KeyFile {
    /// Reads the key that the log names, if there is one.
    pub(super) fn open(files: Arc<KeyFiles>, origin: &Origin) -> Result<Self, KeyError> {
        let file = Self { files, origin: origin.clone(), in_use: RwLock::new(None) };
        let label = file.label();
        if let Some(private) = file.files.load::<KEY_BYTES>(&file.files.path(&label), &label)? {
            file.put(file.signer(&private)?);
            // A crash between the two names left it twice.
            file.destroy_next()?;
        }
        Ok(file)
    }

    fn label(&self) -> String {
        format!("sm2-{}-{}", self.origin.tenant(), self.origin.generation())
    }

    fn label_next(&self) -> String {
        format!("{}.next", self.label())
    }

    fn signer(&self, private: &[u8; KEY_BYTES]) -> Result<Sm2Signer, KeyError> {
        Sm2Signer::from_bytes(self.origin.as_str(), private).map_err(|_| KeyError::Cipher)
    }

    fn put(&self, signer: Sm2Signer) {
        *self.in_use.write().unwrap_or_else(PoisonError::into_inner) = Some(signer);
    }

    fn with<T>(&self, look: impl FnOnce(&Sm2Signer) -> T) -> Option<T> {
        self.in_use.read().unwrap_or_else(PoisonError::into_inner).as_ref().map(look)
    }

    /// Makes the next key's file, or takes the one that is there.
    fn next(&self) -> Result<(Zeroizing<[u8; KEY_BYTES]>, Sm2Signer), KeyError> {
        let label = self.label_next();
        for _ in 0..DRAWS_MAX {
            let private = self.files.load_or_create::<KEY_BYTES>(&label, true)?;
            match self.signer(&private) {
                Ok(signer) => return Ok((private, signer)),
                Err(_) => self.destroy_next()?,
            }
        }
        Err(KeyError::Cipher)
    }

    fn destroy_next(&self) -> Result<(), KeyError> {
        private_file::destroy(&self.files.path(&self.label_next()), &*self.files.random).map(drop)
    }

    /// The file gets its lasting name; a crash in between leaves it twice, which the next start makes up for.
    fn promote(&self) -> Result<(), KeyError> {
        let (private, signer) = self.next()?;
        let label = self.label();
        let text = self.files.master.wrap(&label, &*private, &*self.files.random)?;
        let _lock = private_file::lock_directory(&self.files.directory)?;
        private_file::create(&self.files.path(&label), text.as_bytes())?;
        self.put(signer);
        self.destroy_next()
    }
}

impl NationalKey for Sm2KeyFile {
    fn vkey(&self) -> Option<String> {
        self.with(|signer| signer.key().to_string())
    }

    fn prepare(&self) -> Result<Hash, SignError> {
        self.next().map(|(_, signer)| signer.key().fingerprint()).map_err(|error| told(&error))
    }

    fn settle(&self) -> Result<(), SignError> {
        self.promote().map_err(|error| told(&error))
    }

    fn cosign(&self, checkpoint: &Checkpoint, root: &Hash) -> Result<NoteSignature, SignError> {
        let signed = self.with(|signer| signer.cosign(checkpoint, root));
        let signed = signed.ok_or(SignError { reason: "no entry names an SM2 key so far" })?;
        signed.map_err(|_| SignError { reason: "no SM2 signature came of it" })
    }
}

#[cfg(test)]
mod tests {
    use lww_audit::national::demand;
    use lww_audit::{NoteSigner, SignedCheckpoint, Sm2Key};
    use tempfile::TempDir;

    use super::super::{KeyDirectory, KeyPlaces, key_files};
    use super::*;
    use crate::crypto::{SystemRandom, seal};
    use crate::units::TreeSize;

    fn origin() -> Origin {
        Origin::new("lww.test", "acme", 1).unwrap()
    }

    fn open(home: &TempDir, suite: seal::Suite) -> Result<Arc<Sm2KeyFile>, KeyError> {
        let places = KeyPlaces { directory: home.path().join("keys"), master: None };
        KeyDirectory::open_sealing(&places, suite, Arc::new(SystemRandom::new()), true)?.national_key(&origin())
    }

    fn names(home: &TempDir) -> Vec<String> {
        let names = key_files(&home.path().join("keys")).unwrap();
        names.into_iter().filter(|name| name.starts_with("sm2-")).collect()
    }

    fn tree() -> Checkpoint {
        Checkpoint { origin: origin(), size: TreeSize(3), root: Hash([3; 32]) }
    }

    #[test]
    fn a_key_signs_once_it_is_named_and_is_the_same_after_a_restart_whatever_seals_by_then() {
        let home = TempDir::new().unwrap();
        let key = open(&home, seal::Suite::Sm4Gcm).unwrap();
        assert!(key.vkey().is_none() && key.cosign(&tree(), &Hash::ZERO).is_err());
        let fingerprint = key.prepare().unwrap();
        assert_eq!((key.prepare().unwrap(), names(&home)), (fingerprint, vec!["sm2-acme-1.next.key".to_owned()]));
        // A server that ends before the entry takes the same key, and signs nothing with it.
        let again = open(&home, seal::Suite::Aes256Gcm).unwrap();
        assert!(again.cosign(&tree(), &Hash::ZERO).is_err());
        assert_eq!(again.prepare().unwrap(), fingerprint);
        again.settle().unwrap();
        assert_eq!(names(&home), ["sm2-acme-1.key"]);
        let vkey = again.vkey().unwrap();
        let public: Sm2Key = vkey.parse().unwrap();
        assert_eq!(public.fingerprint(), fingerprint);
        let line = again.cosign(&tree(), &Hash([9; 32])).unwrap();
        let log = NoteSigner::from_seed(origin().as_str(), &[1; 32]).unwrap();
        let signed = SignedCheckpoint::with_signatures(tree(), vec![log.sign(&tree().to_string()), line]).unwrap();
        assert_eq!(demand(&signed, &[public]).unwrap(), Some(Hash([9; 32])));
        // A crash between the two names leaves the key in use once.
        std::fs::copy(home.path().join("keys/sm2-acme-1.key"), home.path().join("keys/sm2-acme-1.next.key")).unwrap();
        assert_eq!(open(&home, seal::Suite::Sm4Gcm).unwrap().vkey(), Some(vkey.clone()));
        assert_eq!(names(&home), ["sm2-acme-1.key"]);
        assert_eq!(format!("{again:?}"), format!("Sm2KeyFile({vkey})"));
    }

    #[test]
    fn a_file_that_stands_in_for_another_or_is_damaged_is_refused() {
        let home = TempDir::new().unwrap();
        let key = open(&home, seal::Suite::Sm4Gcm).unwrap();
        key.prepare().unwrap();
        key.settle().unwrap();
        let path = home.path().join("keys/sm2-acme-1.key");
        let good = std::fs::read_to_string(&path).unwrap();
        std::fs::copy(home.path().join("keys/tokens.key"), &path).unwrap();
        assert!(matches!(open(&home, seal::Suite::Sm4Gcm).unwrap_err(), KeyError::Label { .. }));
        let at = good.find("key: ").unwrap() + 60;
        let flipped = if good.as_bytes()[at] == b'A' { "B" } else { "A" };
        std::fs::write(&path, format!("{}{flipped}{}", &good[..at], &good[at + 1..])).unwrap();
        assert!(matches!(open(&home, seal::Suite::Sm4Gcm).unwrap_err(), KeyError::Damaged { .. }));
    }
}
