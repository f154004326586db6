//! Evidence packages as they lie on disk: private, few, and for an hour at most.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;

use lww_audit::export::{Scope, Source};

use super::SignError;
use crate::units::{EntryIndex, Id128, PackageId, Timestamp};

/// What goes into a package.
pub struct Wanted {
    /// What is asked for.
    pub scopes: Vec<Scope>,
    /// When it was asked for: the time of the entry that says so.
    pub made: Timestamp,
    /// The newest entry that the published checkpoint must cover.
    pub until: EntryIndex,
    /// Names of staff that may be opened.
    pub staff: BTreeMap<Id128, String>,
    /// Canonical texts of policies.
    pub policies: Vec<Vec<u8>>,
    /// Most bytes of entries, texts and proofs.
    pub bytes_max: u64,
}

/// Why there is no package. Nothing of it is left.
#[derive(Debug, thiserror::Error)]
pub enum PackageError {
    /// No published checkpoint covers what it must.
    #[error("no published checkpoint covers the entry")]
    NotPublished,
    /// It would be larger than it may be.
    #[error("it would have {got} bytes")]
    TooLarge {
        /// How many it had when that was found.
        got: u64,
    },
    /// Tiles, the folder or the source failed.
    #[error(transparent)]
    Log(lww_audit::Error),
    /// The folder can't be used.
    #[error("the folder of packages can't be used: {0}")]
    Folder(#[from] io::Error),
    /// The log's key didn't sign the manifest.
    #[error(transparent)]
    Unsigned(#[from] SignError),
}

/// Makes and keeps one log's packages.
///
/// Privacy: only the server's own account can list or read them. Reproducibility: the same wish, texts and published
/// checkpoint give the same bytes. Blocking: each call waits for the disk; `make` reads the whole log.
pub trait Packages: Send + Sync {
    /// Gathers a package from what is published, has it signed by the log's key, and keeps it as one file; its length in bytes.
    ///
    /// # Errors
    /// [`PackageError`].
    fn make(&self, id: PackageId, wanted: Wanted, source: &mut dyn Source) -> Result<u64, PackageError>;

    /// Opens a package that is kept.
    ///
    /// # Errors
    /// The system's.
    fn open(&self, id: PackageId) -> io::Result<File>;

    /// Removes a package; one that is not there is gone already.
    ///
    /// # Errors
    /// The system's.
    fn remove(&self, id: PackageId) -> io::Result<()>;
}
