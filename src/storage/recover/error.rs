//! Why nothing was put back, by blame.

use super::super::FatalError;
use super::super::database::DatabaseError;
use super::super::head::OpenError;
use crate::ports::ObjectsError;
use crate::units::{EntryIndex, Hash, TreeSize};

/// Why nothing was put back.
#[derive(Debug, thiserror::Error)]
pub enum RecoverError {
    /// PostgreSQL refuses.
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// Guard, witness or the database's own entries say no.
    #[error(transparent)]
    Fatal(#[from] FatalError),
    /// A published file is damaged, or not signed by the log's key.
    #[error("what was published can't be used: {0}")]
    Files(#[from] lww_audit::Error),
    /// The copy can't be read.
    #[error("the copy can't be read: {0}")]
    Mirror(#[from] ObjectsError),
    /// A server writes the log, or did a moment ago.
    #[error("a server holds this log: stop every server of it, wait ten seconds, and run this again")]
    Held,
    /// The database knows nothing of the log.
    #[error(
        "the database knows nothing of this log: restore a backup first (`lww restore`), an old one is enough, and recover from there"
    )]
    Empty,
    /// A bundle of entries is nowhere whole.
    #[error(
        "entries {first} to {last} are nowhere whole: {reason}. Find them in another copy; when there is none, and only then, the log can \
         go on with a declared gap: --new-generation"
    )]
    NotWhole {
        /// The first of the bundle.
        first: EntryIndex,
        /// The last.
        last: EntryIndex,
        /// What is wrong with it, by the name of the file or object.
        reason: String,
    },
    /// Something newer is known than what lies anywhere.
    #[error(
        "entries {published} to {} were signed and are nowhere: neither the published files, nor the copy, nor what is kept beside \
         the rollback guard have them. Find a newer copy of the database or of the published files; when there is none, and only then, the \
         log can go on with a declared gap: --new-generation", known.0.saturating_sub(1)
    )]
    Unpublished {
        /// Size that was published.
        published: TreeSize,
        /// Size that the guard knows.
        known: TreeSize,
    },
    /// A generation shall be opened although everything can be had back.
    #[error("everything that was signed can be had back: recover it, without --new-generation")]
    NothingLost,
    /// Nobody could verify what would be declared.
    #[error(
        "neither a signed checkpoint nor the log's old key is at hand, so that nobody could ever verify what would be declared: find \
         one of them"
    )]
    NothingSigned,
    /// What survives does not hold the beginning of the generation that lost entries.
    #[error(
        "only {kept} entries survive, and generation {generation} began behind them: find a copy that has its beginning, entry {begins}"
    )]
    BeforeItBegan {
        /// How many survive.
        kept: TreeSize,
        /// The generation.
        generation: u32,
        /// Its first entry.
        begins: EntryIndex,
    },
    /// An entry is not the next of this log.
    #[error("entry {index} is not the next of this log: {what}")]
    Entry {
        /// Its place.
        index: EntryIndex,
        /// What is wrong with it.
        what: &'static str,
    },
    /// A text came into force in the missing part, and nobody has it.
    #[error(
        "entry {index} brought a policy or table into force whose text is not at hand (SHA-256 {digest}): give its file with --text"
    )]
    Text {
        /// The entry.
        index: EntryIndex,
        /// Digest of the resolved policy or table.
        digest: Hash,
    },
    /// An epoch of keys ended in the missing part, and its key is gone.
    #[error(
        "entry {index} says that an epoch of keys ended after this copy, and its key is destroyed since: customers' keys in the copy \
         hang on it, and nothing opens them. Restore a copy that is newer than entry {index}, and recover from there"
    )]
    Epoch {
        /// The entry.
        index: EntryIndex,
    },
    /// Something changed between the plan and the act.
    #[error("the plan that was approved is not the one that would be carried out now: plan again")]
    OtherPlan,
    /// It is not known whether PostgreSQL took it.
    #[error("PostgreSQL did not confirm the commit: run this again, it finds out")]
    Unknown,
}

impl RecoverError {
    /// The first entry that is nowhere, when that is why.
    pub(super) const fn first_lost(&self) -> Option<EntryIndex> {
        if let Self::NotWhole { first, .. } = self {
            Some(*first)
        } else if let Self::Unpublished { published, .. } = self {
            Some(published.next_index())
        } else {
            None
        }
    }
}

impl From<tokio_postgres::Error> for RecoverError {
    fn from(error: tokio_postgres::Error) -> Self {
        Self::Database(error.into())
    }
}

impl From<OpenError> for RecoverError {
    fn from(error: OpenError) -> Self {
        match error {
            OpenError::Database(error) => Self::Database(error),
            OpenError::Fatal(fatal) => Self::Fatal(fatal),
        }
    }
}
