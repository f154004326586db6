//! What can be wrong with keys and secrets, by blame. Errors name paths, labels and modes; never key material, and never
//! what stands in a secret's place.

use std::io;
use std::path::PathBuf;

/// A key or secret can't be used.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The operating system refused.
    #[error("can't {action} {}: {source}", path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
    /// Others may read or write what only the server may.
    #[error("{} has mode {found:04o}, so others can reach it; mend it with: chmod {wanted:o} {}", path.display(), path.display())]
    Mode {
        /// The file or directory.
        path: PathBuf,
        /// Permission bits found.
        found: u32,
        /// Permission bits that are right.
        wanted: u32,
    },
    /// The file belongs to another user.
    #[error("{} belongs to user {found}, but this server runs as user {expected}; mend it with: chown {expected} {}", path.display(), path.display())]
    Owner {
        /// The file or directory.
        path: PathBuf,
        /// The owner's number.
        found: u32,
        /// The server's user number.
        expected: u32,
    },
    /// A file where a directory is needed, or the other way round.
    #[error("{} is not a {expected}", path.display())]
    Kind {
        /// The path.
        path: PathBuf,
        /// What it must be.
        expected: &'static str,
    },
    /// Longer than any such file can be.
    #[error("{} is longer than {bytes_max} bytes", path.display())]
    TooLong {
        /// The file.
        path: PathBuf,
        /// Most bytes that are read.
        bytes_max: usize,
    },
    /// More files than a key directory can hold.
    #[error("{} holds more than {files_max} key files", path.display())]
    TooManyFiles {
        /// The directory.
        path: PathBuf,
        /// Most files that are read.
        files_max: usize,
    },
    /// Not a key file of this version.
    #[error("{} line {line}: expected {expected}", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// Line, from 1.
        line: usize,
        /// What would be right.
        expected: &'static str,
    },
    /// A key file that stands under another's name.
    #[error("{} should hold key {expected}, but it is labelled otherwise", path.display())]
    Label {
        /// The file.
        path: PathBuf,
        /// The label that it must have.
        expected: String,
    },
    /// A key that must be there is not, and making a new one would cut off what the old one protects.
    #[error("key {label} is missing: {} is not there; restore it from the backup of the keys, a new one would not fit", path.display())]
    Missing {
        /// The key's label.
        label: String,
        /// Where it was looked for.
        path: PathBuf,
    },
    /// A witness that has its key already.
    #[error("{} is there already: a new key would be another witness", path.display())]
    Present {
        /// The file.
        path: PathBuf,
    },
    /// The key file was wrapped under another master key.
    #[error("{} was wrapped under master key {expected}, but the master key given is {got}", path.display())]
    WrongMaster {
        /// The file.
        path: PathBuf,
        /// Identifier of the master key that wraps it.
        expected: String,
        /// Identifier of the master key at hand.
        got: String,
    },
    /// The file names the right master key, but does not open: bytes were changed.
    #[error("{} is damaged: it does not open under the master key that it names", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
    },
    /// A name that can't be part of a key's file name.
    #[error(
        "a key's name must have 1 to {bytes_max} characters of a-z, A-Z, 0-9, '.', '_', ':' and '-', and not begin with '.'"
    )]
    Name {
        /// Longest name.
        bytes_max: usize,
    },
    /// A secret stands where a reference must.
    #[error(
        "expected a reference (secret://file/PATH, secret://env/NAME, secret://credential/NAME or secret://keys/NAME); a plain value is not taken"
    )]
    NotAReference,
    /// A reference to a place that isn't known.
    #[error("expected secret://file/, secret://env/, secret://credential/ or secret://keys/")]
    UnknownPlace,
    /// A reference with a name that its place can't have.
    #[error("after secret://{place}/ expected {expected}")]
    ReferenceName {
        /// The place.
        place: &'static str,
        /// What would be right.
        expected: &'static str,
    },
    /// Nothing is there.
    #[error("{reference}: there is no such {expected}")]
    SecretAbsent {
        /// The reference, which is not secret.
        reference: String,
        /// What was looked for.
        expected: &'static str,
    },
    /// A secret that is empty, too long or not text.
    #[error("{reference}: the secret must be {expected}")]
    SecretForm {
        /// The reference, which is not secret.
        reference: String,
        /// What would be right.
        expected: &'static str,
    },
    /// The newest epoch's key was to be destroyed.
    #[error("epoch {epoch} is the newest: what is written hangs on it")]
    InUse {
        /// The epoch.
        epoch: i32,
    },
    /// A token is configured, and this build knows none.
    #[error(
        "[pkcs11] is configured, and this server was built without it: build with `cargo build --release --features pkcs11`, or take the section out"
    )]
    NoTokens,
    /// The token can't be used.
    #[error("the token of [pkcs11] can't be used: {reason}")]
    Token {
        /// Why, and the way out.
        reason: &'static str,
    },
    /// A cipher refused; this happens only when a length exceeds its bounds.
    #[error("the cipher refused")]
    Cipher,
}

impl KeyError {
    /// Wraps an I/O error with what was tried on which path; made for `map_err`.
    pub(super) fn io(action: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io { action, path, source }
    }
}
