//! The one error type of this crate, and the exit code of each class of it.
//!
//! Variants are named by blame: malformed input, an untrusted signature, a proof that leads elsewhere, a broken
//! chain, a log that contradicts itself, or a file that can't be read. Messages carry positions and hashes but never
//! the content of an entry, so they may be logged. Exit codes are documented in `FORMAT.md`.

mod anchor;
mod format;
mod link;

pub use anchor::AnchorFault;
pub use format::Format;
pub use link::Link;

use crate::types::{EntryIndex, Hash, Id128, Origin, TreeSize};
use std::path::{Path, PathBuf};

/// Says why something can't be believed, read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The input does not have the form that its format prescribes.
    #[error("{what} is malformed at byte {offset}: {reason}")]
    Malformed {
        /// What was being parsed.
        what: Format,
        /// Byte offset in the input at which the form was left.
        offset: u64,
        /// The rule that was broken; never a piece of the input.
        reason: &'static str,
    },
    /// The input, or a value to be written, is over its bound.
    #[error("{what} has {got} bytes, at most {max} are allowed")]
    TooLong {
        /// What was being parsed or written.
        what: Format,
        /// Largest allowed length in bytes.
        max: u64,
        /// The length met, in bytes.
        got: u64,
    },
    /// The input says that it is of a version that this program does not know.
    #[error("{what} has version {got}, this program knows version {known}")]
    UnknownVersion {
        /// What was being parsed.
        what: Format,
        /// The version that is known.
        known: u64,
        /// The version met.
        got: u64,
    },
    /// A signature that names a trusted key does not verify.
    #[error("the signature of trusted key {key} does not verify")]
    BadSignature {
        /// Name of the key.
        key: String,
    },
    /// The note carries no signature of a trusted key of the expected name.
    #[error("no trusted key named {expected} has signed this; it is signed by [{got}]")]
    Unsigned {
        /// Name that a trusted key must have.
        expected: String,
        /// Names on the signature lines, with key ids, separated by commas.
        got: String,
    },
    /// Fewer witnesses have cosigned than the trust policy asks for.
    #[error("the quorum {quorum} is not reached: of the trusted witnesses [{got}] have cosigned")]
    NoQuorum {
        /// Name of the witness or group that the policy's quorum names.
        quorum: String,
        /// Names of the witnesses that have cosigned, separated by commas.
        got: String,
    },
    /// A trusted SM2 key has not signed what it is asked of.
    #[error("the trusted SM2 key {key} has not signed this")]
    Uncosigned {
        /// The key.
        key: String,
    },
    /// An SM2 key is named by no entry of the log whose checkpoints it signs.
    #[error("no entry of the log names the SM2 key {key}")]
    Unnamed {
        /// The key.
        key: String,
    },
    /// The SM3 root that an SM2 key has signed is not that of the entries.
    #[error("the SM3 root is wrong: the entries come to {expected}, signed is {got}")]
    OtherShadow {
        /// The root of the entries.
        expected: Hash,
        /// The root that was signed.
        got: Hash,
    },
    /// The inclusion path or stored tree hash leads to another hash than the signed one.
    #[error("the tree hash is wrong: expected {expected}, got {got}")]
    BadHash {
        /// The hash that was signed or computed from what was signed.
        expected: Hash,
        /// The hash that came out.
        got: Hash,
    },
    /// The proof does not have the shape that its index and sizes prescribe.
    #[error("the proof can't be right for index {index} in a tree of {size}: {reason}")]
    BadProofShape {
        /// Entry index, or the older size of a consistency proof.
        index: u64,
        /// Tree size.
        size: TreeSize,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// An opened text or salt does not recompute the commitment in the entry.
    #[error("the {of} text is not what was recorded: commitment expected {expected}, got {got}")]
    BadCommitment {
        /// Which of the commitments: `sealed` or `masked`.
        of: &'static str,
        /// The commitment in the entry.
        expected: Hash,
        /// The commitment recomputed.
        got: Hash,
    },
    /// An entry does not link to the log before it.
    #[error("{link} of entry {index} is wrong: expected {expected}, got {got}")]
    ChainBreak {
        /// Index of the entry.
        index: EntryIndex,
        /// The link that is broken.
        link: Link,
        /// What the log before demands.
        expected: String,
        /// What the entry says.
        got: String,
    },
    /// Two signed checkpoints of one log contradict each other.
    #[error(
        "FORK: the tree of {old} entries ({old_root}) is not a beginning of the tree of {new} entries ({new_root})"
    )]
    Fork {
        /// Size of the older tree.
        old: TreeSize,
        /// Root of the older tree.
        old_root: Hash,
        /// Size of the newer tree.
        new: TreeSize,
        /// Root of the newer tree.
        new_root: Hash,
    },
    /// The log became shorter than it was.
    #[error("ROLLBACK: the log had {old} entries and has {new}")]
    Rollback {
        /// Size signed earlier.
        old: TreeSize,
        /// Size signed later.
        new: TreeSize,
    },
    /// Two documents that should be of one log are of two.
    #[error("this is of another log: expected {expected}, got {got}")]
    OtherLog {
        /// The origin that was expected.
        expected: Origin,
        /// The origin met.
        got: Origin,
    },
    /// Entries or hashes that the checkpoint covers are missing.
    #[error("GAP: entries {first} to {last} are covered by the checkpoint but not there")]
    Gap {
        /// First missing entry.
        first: EntryIndex,
        /// Last missing entry.
        last: EntryIndex,
    },
    /// Entries of a conversation or subject are left out.
    #[error(
        "MISSING: entries {first_n} to {last_n} of {of} {id} are left out; the last of them is entry {last} of the log"
    )]
    LeftOut {
        /// What the chain is of: `conversation` or `subject`.
        of: &'static str,
        /// Its id.
        id: Id128,
        /// Place in the chain of the first entry left out.
        first_n: u64,
        /// Place in the chain of the last.
        last_n: u64,
        /// Position of the last in the log.
        last: EntryIndex,
    },
    /// A log is of a later generation, and nobody declares how it came to be.
    #[error("UNDECLARED GAP: nothing declares what became of the generation before {origin}")]
    Undeclared {
        /// The generation.
        origin: Origin,
    },
    /// A declaration of a gap is not true.
    #[error(
        "FALSE DECLARATION: what {origin} declares of its gap is not true: {what} should be {expected}, and is {got}"
    )]
    FalseDeclaration {
        /// The generation that declares it.
        origin: Box<Origin>,
        /// Which part of it.
        what: &'static str,
        /// What it should be.
        expected: String,
        /// What it is.
        got: String,
    },
    /// An outside party's receipt proves nothing.
    #[error("ANCHOR: {fault}")]
    BadAnchor {
        /// What is wrong with it.
        fault: AnchorFault,
    },
    /// A file that should be there is not.
    #[error("the file is not there")]
    FileMissing,
    /// The newest entry is older than the caller accepts.
    #[error("STALE: the newest entry is of {newest}, it must not be before {not_before}")]
    Stale {
        /// Time of the newest entry.
        newest: crate::Timestamp,
        /// Earliest time that the caller accepts.
        not_before: crate::Timestamp,
    },
    /// An inclusion path was asked for an entry that the tree does not hold, or no longer holds in memory.
    #[error("no path can be made for entry {index}: this tree holds entries {first} to before {size}")]
    OutOfRange {
        /// The index asked for.
        index: EntryIndex,
        /// First entry available.
        first: EntryIndex,
        /// Tree size.
        size: TreeSize,
    },
    /// A checkpoint to be published is not of the tree that was written.
    #[error(
        "the checkpoint (size {got}, root {got_root}) is not of the written tree (size {expected}, root {expected_root})"
    )]
    NotThisTree {
        /// Size of the written tree.
        expected: TreeSize,
        /// Root of the written tree.
        expected_root: Hash,
        /// Size in the checkpoint.
        got: TreeSize,
        /// Root in the checkpoint.
        got_root: Hash,
    },
    /// The file system refused.
    #[error("can't {action} {}", path.display())]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// What was tried.
        action: &'static str,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// Another error, with the file in which it was met.
    #[error("{}: {source}", path.display())]
    InFile {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: Box<Error>,
    },
}

impl Error {
    /// Names the file in which the error was met, unless the error already names one.
    #[must_use]
    pub fn in_file(self, path: &Path) -> Self {
        match self {
            Self::Io { .. } | Self::InFile { .. } => self,
            other => Self::InFile { path: path.to_owned(), source: Box::new(other) },
        }
    }

    /// Returns the class of the error, which decides the exit code.
    pub fn class(&self) -> Class {
        match self {
            Self::Malformed { .. } | Self::TooLong { .. } => Class::Malformed,
            Self::UnknownVersion { .. } => Class::UnknownVersion,
            Self::BadSignature { .. } | Self::Unsigned { .. } => Class::BadSignature,
            Self::NoQuorum { .. } => Class::NoQuorum,
            Self::Uncosigned { .. } | Self::Unnamed { .. } | Self::OtherShadow { .. } => Class::National,
            Self::BadHash { .. } | Self::BadProofShape { .. } | Self::OutOfRange { .. } | Self::NotThisTree { .. } => {
                Class::BadProof
            }
            Self::BadCommitment { .. } => Class::BadCommitment,
            Self::ChainBreak { .. } => Class::ChainBreak,
            Self::Fork { .. } => Class::Fork,
            Self::Rollback { .. } => Class::Rollback,
            Self::OtherLog { .. } => Class::OtherLog,
            Self::Gap { .. } | Self::LeftOut { .. } | Self::FileMissing => Class::Gap,
            Self::Undeclared { .. } | Self::FalseDeclaration { .. } => Class::FalseDeclaration,
            Self::BadAnchor { .. } => Class::BadAnchor,
            Self::Stale { .. } => Class::Stale,
            Self::Io { .. } => Class::Io,
            Self::InFile { source, .. } => source.class(),
        }
    }

    /// Returns the byte offset that the error names, if it names one.
    pub fn offset(&self) -> Option<u64> {
        if let Self::Malformed { offset, .. } = self {
            Some(*offset)
        } else if let Self::InFile { source, .. } = self {
            source.offset()
        } else {
            None
        }
    }
}

impl From<AnchorFault> for Error {
    fn from(fault: AnchorFault) -> Self {
        Self::BadAnchor { fault }
    }
}

/// Classes of errors; each has its own exit code and stable name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// A file could not be read or written.
    Io,
    /// The input does not have its prescribed form.
    Malformed,
    /// The input is of an unknown version.
    UnknownVersion,
    /// No trusted signature, or a wrong one.
    BadSignature,
    /// A hash or proof does not lead to the signed root.
    BadProof,
    /// An opened text is not what was committed to.
    BadCommitment,
    /// An entry does not link to the ones before.
    ChainBreak,
    /// Two signed trees contradict each other.
    Fork,
    /// A log became shorter.
    Rollback,
    /// Covered entries are missing.
    Gap,
    /// The newest entry is too old.
    Stale,
    /// Two documents are of different logs.
    OtherLog,
    /// Too few trusted witnesses have cosigned.
    NoQuorum,
    /// Everything that is there is valid, and the log itself declares that entries were lost. No error has this class.
    DeclaredGap,
    /// A gap is declared by nobody, or not as it is.
    FalseDeclaration,
    /// An outside party's receipt proves nothing.
    BadAnchor,
    /// The second signature by national algorithms is missing, or vouches for something else than the entries.
    National,
}

impl Class {
    /// All classes, in the order of their exit codes.
    pub const ALL: [Self; 17] = [
        Self::Io,
        Self::Malformed,
        Self::UnknownVersion,
        Self::BadSignature,
        Self::BadProof,
        Self::BadCommitment,
        Self::ChainBreak,
        Self::Fork,
        Self::Rollback,
        Self::Gap,
        Self::Stale,
        Self::OtherLog,
        Self::NoQuorum,
        Self::DeclaredGap,
        Self::FalseDeclaration,
        Self::BadAnchor,
        Self::National,
    ];

    /// Returns the process exit code of this class. Codes are never given a new meaning.
    pub const fn exit_code(self) -> u8 {
        match self {
            Self::Io => 3,
            Self::Malformed => 10,
            Self::UnknownVersion => 11,
            Self::BadSignature => 12,
            Self::BadProof => 13,
            Self::BadCommitment => 14,
            Self::ChainBreak => 15,
            Self::Fork => 16,
            Self::Rollback => 17,
            Self::Gap => 18,
            Self::Stale => 19,
            Self::OtherLog => 20,
            Self::NoQuorum => 21,
            Self::DeclaredGap => 22,
            Self::FalseDeclaration => 23,
            Self::BadAnchor => 24,
            Self::National => 25,
        }
    }

    /// Returns the stable name used in `--json` output and in the golden vectors.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Io => "io",
            Self::Malformed => "malformed",
            Self::UnknownVersion => "unknown_version",
            Self::BadSignature => "bad_signature",
            Self::BadProof => "bad_proof",
            Self::BadCommitment => "bad_commitment",
            Self::ChainBreak => "chain_break",
            Self::Fork => "fork",
            Self::Rollback => "rollback",
            Self::Gap => "gap",
            Self::Stale => "stale",
            Self::OtherLog => "other_log",
            Self::NoQuorum => "no_quorum",
            Self::DeclaredGap => "declared_gap",
            Self::FalseDeclaration => "false_declaration",
            Self::BadAnchor => "bad_anchor",
            Self::National => "national",
        }
    }
}

/// Makes a [`Error::Malformed`]; parsers of this crate use it for every refusal of form.
pub(crate) fn malformed(what: Format, offset: usize, reason: &'static str) -> Error {
    Error::Malformed { what, offset: offset as u64, reason }
}
