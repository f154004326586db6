//! The epochs' keys while the server runs: read again when files come or go, begun, and destroyed.
//!
//! An epoch's file is the one thing whose end makes rows of backups unreadable, so nothing else can make its key again: it is
//! random, not derived, and wrapped under the master key in its file only. It knows no database: the caller says when no row
//! hangs on an epoch any more.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use super::format::identifier;
use super::{EPOCH_PREFIX, FIRST_EPOCH, KeyFiles, epoch_numbers};
use crate::crypto::derive::{MacKey, SecretKey, sha256};
use crate::crypto::error::KeyError;
use crate::crypto::private_file;
use crate::units::Hash;

/// One epoch's keys.
struct Epoch {
    wrap: SecretKey,
    index: MacKey,
    fingerprint: Hash,
}

/// The epochs at hand: the newest indexes and wraps, older ones open and find what they wrapped and indexed.
pub(in crate::crypto) struct Epochs {
    newest: i32,
    keys: BTreeMap<i32, Epoch>,
}

impl Epochs {
    /// The newest epoch's number.
    pub(in crate::crypto) fn newest(&self) -> i32 {
        self.newest
    }

    /// The key that wraps an epoch's data keys; `None` when the epoch's file is gone.
    pub(in crate::crypto) fn wrap(&self, epoch: i32) -> Option<&SecretKey> {
        self.keys.get(&epoch).map(|keys| &keys.wrap)
    }

    /// Each epoch's key for identities, the newest first.
    pub(in crate::crypto) fn indexes(&self) -> impl Iterator<Item = (i32, &MacKey)> {
        self.keys.iter().rev().map(|(epoch, keys)| (*epoch, &keys.index))
    }

    /// Each epoch with the public name of its key.
    pub(in crate::crypto) fn names(&self) -> impl Iterator<Item = EpochName> {
        self.keys.iter().map(|(epoch, keys)| EpochName { epoch: *epoch, fingerprint: keys.fingerprint })
    }

    /// Reads every epoch's file; makes the first one where that is allowed and none is there.
    pub(super) fn read(files: &KeyFiles, may_create: bool) -> Result<Self, KeyError> {
        let mut numbers = epoch_numbers(&files.directory)?;
        if numbers.is_empty() {
            numbers.push(FIRST_EPOCH);
        }
        let mut keys = BTreeMap::new();
        for number in &numbers {
            let (wrap, index) = files.epoch(*number, may_create)?;
            let fingerprint = sha256(identifier(&wrap)?.as_bytes());
            keys.insert(*number, Epoch { wrap, index: index.mac(), fingerprint });
        }
        Ok(Self { newest: numbers.last().copied().unwrap_or(FIRST_EPOCH), keys })
    }
}

/// The epochs that every vault of this server looks at, exchanged as a whole.
pub(in crate::crypto) struct EpochRing(RwLock<Arc<Epochs>>);

impl EpochRing {
    pub(super) fn new(epochs: Epochs) -> Arc<Self> {
        Arc::new(Self(RwLock::new(Arc::new(epochs))))
    }

    /// The epochs as they are; whoever holds them for longer misses what comes.
    pub(in crate::crypto) fn present(&self) -> Arc<Epochs> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn put(&self, epochs: Epochs) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(epochs);
    }
}

/// An epoch with the public name of its key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EpochName {
    /// Its number.
    pub epoch: i32,
    /// SHA-256 of the key's identifier, as in the entry `key.created`.
    pub fingerprint: Hash,
}

/// Begins, reads again and destroys epochs.
pub struct EpochKeeper {
    files: Arc<KeyFiles>,
    ring: Arc<EpochRing>,
}

impl fmt::Debug for EpochKeeper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EpochKeeper").field("directory", &self.files.directory).finish_non_exhaustive()
    }
}

impl EpochKeeper {
    pub(super) fn new(files: Arc<KeyFiles>, ring: Arc<EpochRing>) -> Self {
        Self { files, ring }
    }

    /// The epochs whose keys are at hand, oldest first; never empty.
    pub fn present(&self) -> Vec<EpochName> {
        self.ring.present().names().collect()
    }

    /// Looks whether files came or went, by whatever hand, and reads them again then; whether they did.
    ///
    /// # Errors
    /// [`KeyError`]; what was at hand stays so.
    pub fn look(&self) -> Result<bool, KeyError> {
        let known: Vec<i32> = self.ring.present().names().map(|name| name.epoch).collect();
        let found = epoch_numbers(&self.files.directory)?;
        // A directory that lost every epoch is a mistake of somebody's; what is at hand still serves.
        if found == known || found.is_empty() {
            return Ok(false);
        }
        self.read_again()?;
        Ok(true)
    }

    /// Makes the next epoch's key; from then on it wraps and indexes.
    ///
    /// # Errors
    /// [`KeyError`]; the epoch before goes on then.
    pub fn begin(&self) -> Result<EpochName, KeyError> {
        let newest = self.ring.present().newest();
        self.files.epoch(newest.saturating_add(1), true)?;
        self.read_again()?;
        self.present().last().copied().ok_or(KeyError::Cipher)
    }

    /// Destroys an epoch's key: its file is written over, made durable so, and taken away. The newest one never is. An epoch
    /// that is gone already is no error; whether it was there.
    ///
    /// # Errors
    /// [`KeyError`]; the file may still be there then.
    pub fn destroy(&self, epoch: i32) -> Result<bool, KeyError> {
        if epoch >= self.ring.present().newest() {
            return Err(KeyError::InUse { epoch });
        }
        let path = self.files.path(&format!("{EPOCH_PREFIX}{epoch}"));
        let was_there = {
            let _lock = private_file::lock_directory(&self.files.directory)?;
            private_file::destroy(&path, &*self.files.random)?
        };
        self.read_again()?;
        Ok(was_there)
    }

    fn read_again(&self) -> Result<(), KeyError> {
        self.ring.put(Epochs::read(&self.files, false)?);
        Ok(())
    }
}
