//! The key directory: the master key, and the key files that it wraps.
//!
//! | file | holds |
//! |---|---|
//! | `master.key`, or the configured path | the master key, plain |
//! | `tokens.key`, `dedup.key`, `sessions.key`, `staff.key` | one purpose key each, 32 bytes; tenants get subkeys |
//! | `epoch-<n>.key` | an epoch's wrap and index keys, 32 bytes each |
//! | `log-<tenant>-<generation>.key` | the Ed25519 seed that signs one log, 32 bytes; a successor's has `.<n>` behind the generation, one that no entry names yet `.next` |
//! | `sm2-<tenant>-<generation>.key` | the SM2 key that signs what one log publishes a second time, 32 bytes; one that no entry names yet has `.next` behind the generation |
//! | `secret-<name>.key` | a secret that the server made for itself (`secret://keys/<name>`), 32 bytes |
//! | `erased-<tenant>` | pseudonyms of erased customers, so that no restore brings them back |
//!
//! Every file has mode 0600, the directory 0700; modes and owners are checked at every start. A file is written under a
//! lock on the directory, atomically, and made durable before its key is used. It deliberately knows no database: the
//! caller says whether anything exists already that a missing key would have opened.

mod copies;
mod epochs;
mod format;
mod journal;
mod log;
mod national;
#[cfg(test)]
mod tests;

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use zeroize::Zeroizing;

pub use self::copies::{Voucher, WrappedFile};
pub(super) use self::epochs::EpochRing;
use self::epochs::Epochs;
pub use self::epochs::{EpochKeeper, EpochName};
use self::format::{FILE_BYTES_MAX, MASTER_LABEL, Master, identifier};
pub use self::journal::ErasedJournal;
pub use self::log::LogSigner;
pub use self::national::Sm2KeyFile;
use super::derive::{KEY_BYTES, SecretKey, sha256};
use super::error::KeyError;
use super::private_file::{self, Rule};
use super::seal::Suite;
use crate::ports::Random;
use crate::units::{Hash, Origin, TenantId};

/// Longest name within a key's file name, in bytes.
pub const NAME_BYTES_MAX: usize = 64;
/// Most files that a key directory may hold.
pub const KEY_FILES_MAX: usize = 100_000;

const EPOCH_KEY_BYTES: usize = 2 * KEY_BYTES;
const FIRST_EPOCH: i32 = 1;
const KEY_SUFFIX: &str = ".key";
const EPOCH_PREFIX: &str = "epoch-";

/// Where keys lie.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyPlaces {
    /// The directory of the wrapped keys.
    pub directory: PathBuf,
    /// The master key's file; `None` is `master.key` in the directory.
    pub master: Option<PathBuf>,
}

impl KeyPlaces {
    fn master(&self) -> PathBuf {
        self.master.clone().unwrap_or_else(|| self.directory.join("master.key"))
    }
}

/// A key's public name, for the ledger entry `key.created`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyIdentity {
    /// What it is for: `master`, `tokens`, `dedup`, `sessions`, `staff` or `epoch`.
    pub purpose: &'static str,
    /// SHA-256 of its identifier, which is derived from the key one way.
    pub fingerprint: Hash,
    /// Which epoch, of an epoch's key.
    pub epoch: Option<i32>,
}

/// One of the keys that serve all tenants, each by a subkey of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    Tokens,
    Dedup,
    Sessions,
    Staff,
}

impl Purpose {
    const ALL: [Self; 4] = [Self::Tokens, Self::Dedup, Self::Sessions, Self::Staff];

    const fn label(self) -> &'static str {
        match self {
            Self::Tokens => "tokens",
            Self::Dedup => "dedup",
            Self::Sessions => "sessions",
            Self::Staff => "staff",
        }
    }
}

/// Every key of this server, opened.
pub struct KeyDirectory {
    files: Arc<KeyFiles>,
    purposes: [SecretKey; 4],
    epochs: Arc<EpochRing>,
    identities: Vec<KeyIdentity>,
}

impl fmt::Debug for KeyDirectory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyDirectory").field("directory", &self.files.directory).finish_non_exhaustive()
    }
}

impl KeyDirectory {
    /// Opens the keys at `places`. With `may_create`, missing ones are made; pass it only when nothing exists yet that
    /// they protect, that is before the first log and the first subject. A missing master key beside existing key files
    /// is never made.
    ///
    /// # Errors
    /// [`KeyError`]: a missing key that may not be made, a mode or owner that lets others in, a wrong master key, damage.
    pub fn open_or_create(places: &KeyPlaces, random: Arc<dyn Random>, may_create: bool) -> Result<Self, KeyError> {
        Self::open_sealing(places, Suite::default(), random, may_create)
    }

    /// The same, with the algorithms that seal and wrap from here on.
    ///
    /// # Errors
    /// As [`KeyDirectory::open_or_create`].
    pub fn open_sealing(
        places: &KeyPlaces,
        suite: Suite,
        random: Arc<dyn Random>,
        may_create: bool,
    ) -> Result<Self, KeyError> {
        if !private_file::check_directory(&places.directory)? {
            if !may_create {
                return Err(KeyError::Missing { label: MASTER_LABEL.into(), path: places.directory.clone() });
            }
            private_file::create_directory(&places.directory)?;
            private_file::check_directory(&places.directory)?;
        }
        let master = open_master(places, &*random, may_create)?.with(suite);
        let files = KeyFiles { directory: places.directory.clone(), master, random };
        let [tokens, dedup, sessions, staff] = Purpose::ALL;
        let purpose = |purpose: Purpose| files.load_or_create(purpose.label(), may_create).map(SecretKey::new);
        let purposes = [purpose(tokens)?, purpose(dedup)?, purpose(sessions)?, purpose(staff)?];
        let epochs = Epochs::read(&files, may_create)?;
        let mut identities = vec![identity("master", files.master.identifier())];
        for (purpose, key) in Purpose::ALL.iter().zip(&purposes) {
            identities.push(identity(purpose.label(), &identifier(key)?));
        }
        let named =
            |name: EpochName| KeyIdentity { purpose: "epoch", fingerprint: name.fingerprint, epoch: Some(name.epoch) };
        identities.extend(epochs.names().map(named));
        Ok(Self { files: Arc::new(files), purposes, epochs: EpochRing::new(epochs), identities })
    }

    /// Public names of the master, purpose and epoch keys, in that order.
    pub fn identities(&self) -> &[KeyIdentity] {
        &self.identities
    }

    /// The signer of one log. With `may_create`, a missing key is made; pass it only when the log has no entry yet.
    ///
    /// # Errors
    /// [`KeyError`]; `Missing` when the log exists and its key does not.
    pub fn log_signer(&self, origin: &Origin, may_create: bool) -> Result<LogSigner, KeyError> {
        check_name(origin.tenant())?;
        LogSigner::open(Arc::clone(&self.files), origin, may_create)
    }

    /// The SM2 key of one log; there is none before one is made and named.
    ///
    /// # Errors
    /// [`KeyError`] when its file can't be read.
    pub fn national_key(&self, origin: &Origin) -> Result<Arc<Sm2KeyFile>, KeyError> {
        check_name(origin.tenant())?;
        Sm2KeyFile::open(Arc::clone(&self.files), origin).map(Arc::new)
    }

    /// A secret that the server makes for itself at first use: 32 random bytes.
    pub(super) fn own_secret(&self, name: &str) -> Result<Zeroizing<[u8; KEY_BYTES]>, KeyError> {
        check_name(name)?;
        self.files.load_or_create(&format!("secret-{name}"), true)
    }

    /// A tenant's subkey of a purpose key, for one `use_of` it.
    pub(super) fn tenant_key(&self, purpose: Purpose, tenant: TenantId, use_of: &str) -> Result<SecretKey, KeyError> {
        let [tokens, dedup, sessions, staff] = &self.purposes;
        let key = match purpose {
            Purpose::Tokens => tokens,
            Purpose::Dedup => dedup,
            Purpose::Sessions => sessions,
            Purpose::Staff => staff,
        };
        key.subkey(use_of, &tenant.0.to_be_bytes()).map_err(|_| KeyError::Cipher)
    }

    /// The epochs, shared.
    pub(super) fn epochs(&self) -> Arc<EpochRing> {
        Arc::clone(&self.epochs)
    }

    /// Who begins and ends epochs for every vault that was opened from here.
    pub fn epoch_keeper(&self) -> EpochKeeper {
        EpochKeeper::new(Arc::clone(&self.files), self.epochs())
    }

    /// The algorithms that seal.
    pub(super) fn suite(&self) -> Suite {
        self.files.master.suite()
    }

    /// The random source that keys are drawn from.
    pub(super) fn random(&self) -> Arc<dyn Random> {
        Arc::clone(&self.files.random)
    }
}

fn open_master(places: &KeyPlaces, random: &dyn Random, may_create: bool) -> Result<Master, KeyError> {
    let path = places.master();
    // Before anything else: a key file that others can read is to be reported even when the master key is fine.
    let others = key_files(&places.directory)?;
    for name in &others {
        private_file::check_file(&places.directory.join(name))?;
    }
    let read = || private_file::read(&path, FILE_BYTES_MAX, Rule::OwnerOnly);
    if let Some(text) = read()? {
        return Master::parse(&path, &text);
    }
    let missing = || KeyError::Missing { label: MASTER_LABEL.into(), path: path.clone() };
    if !may_create {
        return Err(missing());
    }
    let _lock = private_file::lock_directory(&places.directory)?;
    // Another server may have made it between the first look and the lock.
    if let Some(text) = read()? {
        return Master::parse(&path, &text);
    }
    // A new master key could not open the files that are there.
    if !key_files(&places.directory)?.is_empty() {
        return Err(missing());
    }
    let master = Master::new(SecretKey::random(random))?;
    private_file::create(&path, master.to_text().as_bytes())?;
    Ok(master)
}

/// Names of the key files in a directory, in order.
fn key_files(directory: &Path) -> Result<Vec<String>, KeyError> {
    files_of(directory, |name| name.ends_with(KEY_SUFFIX))
}

/// Names of a directory's files that are wanted, in order.
fn files_of(directory: &Path, wanted: impl Fn(&str) -> bool) -> Result<Vec<String>, KeyError> {
    let entries = fs::read_dir(directory).map_err(KeyError::io("list", directory))?;
    let mut names = Vec::new();
    for entry in entries {
        let entry = entry.map_err(KeyError::io("list", directory))?;
        if names.len() == KEY_FILES_MAX {
            return Err(KeyError::TooManyFiles { path: directory.into(), files_max: KEY_FILES_MAX });
        }
        // A name that isn't UTF-8 was not made here.
        if let Ok(name) = entry.file_name().into_string()
            && wanted(&name)
        {
            names.push(name);
        }
    }
    names.sort_unstable();
    Ok(names)
}

fn check_name(name: &str) -> Result<(), KeyError> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b':' | b'-');
    if name.is_empty() || name.len() > NAME_BYTES_MAX || name.starts_with('.') || !name.bytes().all(allowed) {
        return Err(KeyError::Name { bytes_max: NAME_BYTES_MAX });
    }
    Ok(())
}

fn identity(purpose: &'static str, identifier: &str) -> KeyIdentity {
    KeyIdentity { purpose, fingerprint: sha256(identifier.as_bytes()), epoch: None }
}

/// The wrapped key files of one directory.
struct KeyFiles {
    directory: PathBuf,
    master: Master,
    random: Arc<dyn Random>,
}

impl KeyFiles {
    fn load_or_create<const N: usize>(&self, label: &str, may_create: bool) -> Result<Zeroizing<[u8; N]>, KeyError> {
        let path = self.path(label);
        if let Some(key) = self.load(&path, label)? {
            return Ok(key);
        }
        if !may_create {
            return Err(KeyError::Missing { label: label.to_owned(), path });
        }
        let _lock = private_file::lock_directory(&self.directory)?;
        // Another server may have made it between the first look and the lock.
        if let Some(key) = self.load(&path, label)? {
            return Ok(key);
        }
        let mut key = Zeroizing::new([0; N]);
        self.random.fill(&mut *key);
        private_file::create(&path, self.master.wrap(label, &*key, &*self.random)?.as_bytes())?;
        Ok(key)
    }

    fn path(&self, label: &str) -> PathBuf {
        self.directory.join(format!("{label}{KEY_SUFFIX}"))
    }

    fn load<const N: usize>(&self, path: &Path, label: &str) -> Result<Option<Zeroizing<[u8; N]>>, KeyError> {
        private_file::read(path, FILE_BYTES_MAX, Rule::OwnerOnly)?
            .map(|text| self.master.unwrap(path, &text, label))
            .transpose()
    }

    fn epoch(&self, number: i32, may_create: bool) -> Result<(SecretKey, SecretKey), KeyError> {
        let bytes = self.load_or_create::<EPOCH_KEY_BYTES>(&format!("{EPOCH_PREFIX}{number}"), may_create)?;
        let (wrap, index) = bytes.split_at(KEY_BYTES);
        SecretKey::from_slice(wrap).zip(SecretKey::from_slice(index)).ok_or(KeyError::Cipher)
    }
}

/// The epochs that a key directory has files of, in order.
fn epoch_numbers(directory: &Path) -> Result<Vec<i32>, KeyError> {
    let number = |name: &String| {
        let digits = name.strip_prefix(EPOCH_PREFIX)?.strip_suffix(KEY_SUFFIX)?;
        digits.parse().ok().filter(|number: &i32| *number >= FIRST_EPOCH && number.to_string() == digits)
    };
    let mut numbers: Vec<i32> = key_files(directory)?.iter().filter_map(number).collect();
    numbers.sort_unstable();
    Ok(numbers)
}
