//! What can go wrong with the embedded PostgreSQL, by blame.
//!
//! Every variant names the path it is about and, where there is one, the way out: the reader is
//! an operator in front of a server that did not start. PostgreSQL's own words appear only as the
//! tail of a log that is configured to hold no row content (see `settings`).

use std::fmt;
use std::path::PathBuf;

/// A folder that was searched for PostgreSQL's programs, and what was found there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Searched {
    /// Folder that was looked into.
    pub folder: PathBuf,
    /// Major version of the server program there; `None` if the folder has no usable one.
    pub major: Option<u32>,
}

impl fmt::Display for Searched {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.major {
            Some(major) => write!(f, "{} (version {major})", self.folder.display()),
            None => write!(f, "{} (nothing usable)", self.folder.display()),
        }
    }
}

/// Why the embedded PostgreSQL could not be started, verified or stopped.
#[derive(Debug, thiserror::Error)]
pub enum EmbeddedError {
    /// No PostgreSQL of a supported version is installed where the server looks.
    #[error(
        "PostgreSQL {min_major} or newer was not found. Looked in: {}. Install it with \
         `apt-get install postgresql` (as root), let `./x run` fetch it, or name its folder in \
         LWW_PG_BIN_DIR",
        list(searched)
    )]
    BinariesMissing {
        /// Oldest major version that is supported.
        min_major: u32,
        /// Folders in the order in which they were searched.
        searched: Vec<Searched>,
    },
    /// The data directory was written by a major version that is not installed.
    #[error(
        "the database in {} was written by PostgreSQL {data_major}, which is not installed. \
         Looked in: {}. Install PostgreSQL {data_major} beside the newer one",
        data_directory.display(),
        list(searched)
    )]
    VersionMismatch {
        /// Data directory whose version was read.
        data_directory: PathBuf,
        /// Major version in its `PG_VERSION`.
        data_major: u32,
        /// Folders in the order in which they were searched.
        searched: Vec<Searched>,
    },
    /// Another server holds the lock of the data directory.
    #[error("{} is in use by another server (process {holder})", path.display())]
    DirectoryBusy {
        /// Lock file that is held.
        path: PathBuf,
        /// Process id that the holder wrote into the lock file, or `unknown`.
        holder: String,
    },
    /// The database was placed elsewhere by an earlier start and is gone from there.
    #[error(
        "{} says that the database is in {}, which is not there. Restore it; to begin with an \
         empty database instead, remove the file",
        pointer.display(),
        expected.display()
    )]
    DataMissing {
        /// File that says where the database is.
        pointer: PathBuf,
        /// Directory that it names.
        expected: PathBuf,
    },
    /// The directory of the database cannot be reached by the account that has to run it.
    #[error(
        "the account with user id {uid} cannot enter {}, where its database is: a folder above \
         it lets only others in",
        path.display()
    )]
    DataUnreachable {
        /// Directory of the database.
        path: PathBuf,
        /// User id that has to enter it.
        uid: u32,
    },
    /// The directory of the database belongs to an account that cannot run it from here.
    #[error(
        "{} belongs to user id {owner_uid}, but the server runs as user id {own_uid}: PostgreSQL \
         only runs as the owner of its data and never as root",
        path.display()
    )]
    WrongOwner {
        /// Directory of the database.
        path: PathBuf,
        /// User id that owns it.
        owner_uid: u32,
        /// User id of this process.
        own_uid: u32,
    },
    /// A folder that must be private to one account is not.
    #[error(
        "{} must be a folder of user id {expected_uid} that nobody else can enter, but it is {got}. \
         If nobody needs it, remove it",
        path.display()
    )]
    FolderNotPrivate {
        /// Folder that was checked.
        path: PathBuf,
        /// User id that must own it.
        expected_uid: u32,
        /// What was found instead.
        got: FolderState,
    },
    /// As root, no ordinary account exists that PostgreSQL could run as.
    #[error(
        "PostgreSQL refuses to run as root, and none of the accounts {} exists: create one of them",
        candidates.join(", ")
    )]
    AccountMissing {
        /// Account names in the order in which they were tried.
        candidates: &'static [&'static str],
    },
    /// A role's password is gone while its database exists.
    #[error(
        "the database in {} exists, but its password file {} does not. Restore the file; to begin \
         with an empty database instead, remove that directory",
        data_directory.display(),
        path.display()
    )]
    PasswordMissing {
        /// Directory of the database.
        data_directory: PathBuf,
        /// Password file that should exist.
        path: PathBuf,
    },
    /// A password file can be read by other accounts.
    #[error("{} must have mode 0600, but it has {got_mode:04o}", path.display())]
    PasswordExposed {
        /// Password file that was checked.
        path: PathBuf,
        /// Its permission bits.
        got_mode: u32,
    },
    /// A file does not hold what an earlier start wrote there.
    #[error("{} does not hold {expected}", path.display())]
    FileDamaged {
        /// File that was read.
        path: PathBuf,
        /// What it should hold.
        expected: &'static str,
    },
    /// The operating system's source of randomness failed.
    #[error("the operating system's source of randomness failed")]
    RandomnessUnavailable,
    /// The disk that holds the database is full.
    #[error("no space is left on the disk of {}. PostgreSQL's last words:\n{tail}", path.display())]
    DiskFull {
        /// Directory of the database.
        path: PathBuf,
        /// Last lines of PostgreSQL's output.
        tail: String,
    },
    /// A program of PostgreSQL ran and reported failure.
    #[error("{program} failed on {} ({status}). Its last words:\n{tail}", path.display())]
    ProgramFailed {
        /// Name of the program.
        program: &'static str,
        /// Directory of the database.
        path: PathBuf,
        /// How the program ended.
        status: std::process::ExitStatus,
        /// Last lines of its output and of PostgreSQL's log.
        tail: String,
    },
    /// A program of PostgreSQL did not end in time.
    #[error("{program} did not finish on {} within {timeout_s} s", path.display())]
    ProgramTimedOut {
        /// Name of the program.
        program: &'static str,
        /// Directory of the database.
        path: PathBuf,
        /// Time that it had, in seconds.
        timeout_s: u64,
    },
    /// The PostgreSQL that answers serves another data directory.
    #[error("expected the database in {}, but the one in {got} answered", expected.display())]
    WrongDatabase {
        /// Directory of the database that should have answered.
        expected: PathBuf,
        /// Data directory that the answering server reported.
        got: String,
    },
    /// PostgreSQL runs but refuses the server's connection.
    #[error("the PostgreSQL in {} does not accept the server's connection", path.display())]
    Connection {
        /// Directory of the database.
        path: PathBuf,
        /// Error of the database client.
        source: tokio_postgres::Error,
    },
    /// The operating system refused a file operation.
    #[error("cannot {action} {}", path.display())]
    Io {
        /// What was attempted.
        action: &'static str,
        /// File, folder or program that it was attempted on.
        path: PathBuf,
        /// Error of the operating system.
        source: std::io::Error,
    },
}

/// What a folder that should be private was found to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FolderState {
    /// A file, a symbolic link or another thing that is not a folder.
    NotAFolder,
    /// A folder of another account.
    OwnedBy {
        /// User id of its owner.
        uid: u32,
    },
    /// A folder that other accounts can enter.
    Open {
        /// Its permission bits.
        mode: u32,
    },
}

impl fmt::Display for FolderState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotAFolder => write!(f, "not a folder"),
            Self::OwnedBy { uid } => write!(f, "owned by user id {uid}"),
            Self::Open { mode } => write!(f, "open to others (mode {mode:04o})"),
        }
    }
}

impl EmbeddedError {
    /// Wraps an operating system error with the action and path that it belongs to; for `map_err`.
    pub(super) fn io(action: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io { action, path, source }
    }
}

fn list(searched: &[Searched]) -> String {
    if searched.is_empty() {
        return "nowhere".to_owned();
    }
    searched.iter().map(Searched::to_string).collect::<Vec<_>>().join(", ")
}
