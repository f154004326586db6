//! Key files as a backup takes them and as a restore puts them back: wrapped, never opened.
//!
//! The master key is not among them. Who has the copies alone can open nothing, and they are as worthless as the database
//! to who has the master key alone.

use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use super::format::{FILE_BYTES_MAX, MASTER_LABEL};
use super::journal::ERASED_PREFIX;
use super::{KEY_SUFFIX, KeyDirectory, KeyPlaces, check_name, files_of, key_files};
use crate::crypto::derive::MacKey;
use crate::crypto::error::KeyError;
use crate::crypto::private_file::{self, Rule};
use crate::limits::ERASED_FILE_BYTES_MAX;
use crate::units::Hash;

const VOUCHER_DOMAIN: &str = "lww/1 backup";

/// A wrapped key file.
pub struct WrappedFile {
    /// Its name in the key directory.
    pub name: String,
    /// Its text.
    pub text: Zeroizing<Vec<u8>>,
}

impl KeyPlaces {
    /// Where the master key is.
    pub fn master_path(&self) -> PathBuf {
        self.master()
    }

    /// Every wrapped key file, in the order of names; behind them who was erased, which a restore must know.
    ///
    /// # Errors
    /// [`KeyError`]: a file that can't be read, or that others can.
    pub fn wrapped(&self) -> Result<Vec<WrappedFile>, KeyError> {
        let master = format!("{MASTER_LABEL}{KEY_SUFFIX}");
        let keys = key_files(&self.directory)?.into_iter().filter(|name| *name != master);
        let erased = files_of(&self.directory, |name| name.starts_with(ERASED_PREFIX))?;
        let read = |(name, bytes_max): (String, usize)| {
            let path = self.directory.join(&name);
            let text = private_file::read(&path, bytes_max, Rule::OwnerOnly)?;
            let text = text.ok_or(KeyError::Missing { label: name.clone(), path })?;
            Ok(WrappedFile { name, text })
        };
        let bounded = |bytes_max| move |name| (name, bytes_max);
        keys.map(bounded(FILE_BYTES_MAX))
            .chain(erased.into_iter().map(bounded(ERASED_FILE_BYTES_MAX)))
            .map(read)
            .collect()
    }

    /// Puts wrapped key files into a directory that is made for them, and with `master` the master key to its place.
    ///
    /// # Errors
    /// [`KeyError`]: the directory has keys already, a name is no key's, or a file can't be written.
    pub fn put_back(&self, files: &[WrappedFile], master: Option<&Path>) -> Result<(), KeyError> {
        if !private_file::check_directory(&self.directory)? {
            private_file::create_directory(&self.directory)?;
        }
        let _lock = private_file::lock_directory(&self.directory)?;
        for file in files {
            let key = file.name.strip_suffix(KEY_SUFFIX).filter(|label| *label != MASTER_LABEL);
            let label = key.or_else(|| file.name.strip_prefix(ERASED_PREFIX));
            check_name(label.unwrap_or_default())?;
            new_file(&self.directory.join(&file.name), &file.text)?;
        }
        let Some(from) = master else { return Ok(()) };
        let text = private_file::read(from, FILE_BYTES_MAX, Rule::OwnerOnly)?;
        let text = text.ok_or_else(|| KeyError::Missing { label: MASTER_LABEL.to_owned(), path: from.to_owned() })?;
        new_file(&self.master(), &text)
    }
}

/// A key is never put in place of another.
fn new_file(path: &Path, text: &[u8]) -> Result<(), KeyError> {
    if path.exists() {
        return Err(KeyError::io("write", path)(std::io::ErrorKind::AlreadyExists.into()));
    }
    private_file::create(path, text)
}

/// Says of a backup that who wrote it had the keys. Rows that no entry commits to, such as accounts, are believed by this only.
pub struct Voucher(MacKey);

impl Voucher {
    /// The code over a backup's list of pieces.
    pub fn of(&self, list: &[u8]) -> Hash {
        Hash(self.0.tag(VOUCHER_DOMAIN, &[list]))
    }
}

impl KeyDirectory {
    /// What vouches for backups under these keys.
    ///
    /// # Errors
    /// [`KeyError::Cipher`] when no key can be derived.
    pub fn voucher(&self) -> Result<Voucher, KeyError> {
        Ok(Voucher(self.files.master.subkey(VOUCHER_DOMAIN)?.mac()))
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;
    use std::sync::Arc;

    use super::*;
    use crate::crypto::SystemRandom;

    fn places(directory: PathBuf) -> KeyPlaces {
        KeyPlaces { directory, master: None }
    }

    #[test]
    fn keys_that_were_put_back_open_with_their_master_key_only() {
        let folder = tempfile::tempdir().unwrap();
        let genuine = places(folder.path().join("genuine"));
        let open = |places: &KeyPlaces| KeyDirectory::open_or_create(places, Arc::new(SystemRandom::new()), false);
        let made = KeyDirectory::open_or_create(&genuine, Arc::new(SystemRandom::new()), true).unwrap();
        let files = genuine.wrapped().unwrap();
        assert!(files.iter().all(|file| file.name != "master.key") && !files.is_empty());
        let restored = places(folder.path().join("restored"));
        restored.put_back(&files, None).unwrap();
        assert!(matches!(open(&restored), Err(KeyError::Missing { .. })), "the master key is not in a backup");
        restored.put_back(&[], Some(&genuine.master_path())).unwrap();
        assert_eq!(open(&restored).unwrap().identities(), made.identities());
        assert_eq!(open(&restored).unwrap().voucher().unwrap().of(b"list"), made.voucher().unwrap().of(b"list"));
        let other =
            KeyDirectory::open_or_create(&places(folder.path().join("other")), Arc::new(SystemRandom::new()), true);
        assert_ne!(other.unwrap().voucher().unwrap().of(b"list"), made.voucher().unwrap().of(b"list"));
        assert!(restored.put_back(&files, None).is_err(), "a key is never overwritten");
        let mode = std::fs::metadata(restored.directory.join("epoch-1.key")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn a_name_that_leads_elsewhere_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["../epoch-1.key", "a/b.key", "master.key", "epoch-1", ".key", ""] {
            let file = WrappedFile { name: name.to_owned(), text: Zeroizing::new(Vec::new()) };
            let refused = places(folder.path().join("keys")).put_back(&[file], None);
            assert!(matches!(refused, Err(KeyError::Name { .. })), "{name}");
        }
    }
}
