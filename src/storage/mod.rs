//! PostgreSQL: the recorder that writes a tenant's log with its effects, the reads behind it, and the embedded server.
//!
//! It implements `ports::Recorder`, `ports::Store` and `ports::People`. It knows SQL, and deliberately nothing of HTTP, channels, masking
//! rules or keys: what it stores is sealed before it comes here.

pub mod backup;
pub mod database;
pub mod embedded;
pub mod guard;
pub mod head;
pub mod keeper;
pub mod objects;
mod people;
pub mod published;
pub mod recorder;
pub mod recover;
pub mod store;
mod tail;
pub mod verify;
pub mod waiting;
pub mod witness;
mod witnessed;

use crate::units::{EntryIndex, Hash, TreeSize};

/// Entries in one partition; the same number stands in the schema's `ensure_partition`.
const PARTITION_ENTRIES: u64 = 4_194_304;

/// A log must stop until an operator acts: to go on would hide a loss or make a fork.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FatalError {
    /// The database holds less than this server has acknowledged: an old backup, or a truncated table.
    #[error(
        "the database's head (size {head}) is behind the rollback guard (size {guard}): entries {head} to {} are missing. \
         Restore the newest database, or recover the log", guard.0.saturating_sub(1)
    )]
    BehindGuard {
        /// Size in the database.
        head: TreeSize,
        /// Size that the guard saw signed.
        guard: TreeSize,
    },
    /// The database holds less than this server has published.
    #[error(
        "the database's head (size {head}) is behind the published checkpoint (size {published}): entries {head} to {} are \
         missing. Restore the newest database, or recover the log", published.0.saturating_sub(1)
    )]
    BehindPublished {
        /// Size in the database.
        head: TreeSize,
        /// Size of the published checkpoint.
        published: TreeSize,
    },
    /// What was published can't be read, or belongs to another log.
    #[error(
        "what was published in {path} can't be used: {reason}. If that folder is damaged, set it aside: it is written again \
         from the database"
    )]
    Published {
        /// The folder.
        path: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The entries up to the guard's size are not those that the guard saw.
    #[error("the entries of the database lead to root {got} at size {size}, not to {expected}")]
    Forked {
        /// Where they were compared.
        size: TreeSize,
        /// The root that was signed.
        expected: Hash,
        /// The root found.
        got: Hash,
    },
    /// An entry does not follow the one before.
    #[error("entry {index} does not link to the one before it")]
    BrokenChain {
        /// The entry.
        index: EntryIndex,
    },
    /// An entry below the head is not there.
    #[error("entry {index} is missing in the database")]
    MissingEntry {
        /// The entry.
        index: EntryIndex,
    },
    /// The log has entries, and this server should have a guard for it but has none.
    #[error(
        "this server's rollback guard for the log is missing. If you know that the database is the newest, start once with \
         --adopt-head; that is recorded"
    )]
    GuardMissing,
    /// The guard's file can't be read or written.
    #[error("the rollback guard {path} can't be used: {reason}")]
    Guard {
        /// The file.
        path: String,
        /// What the system said.
        reason: String,
    },
    /// The key that signed this log is not the one at hand.
    #[error(
        "the log names key {expected}, the key at hand is {got}. If another server of this log changed its key, copy that \
         server's key directory here"
    )]
    WrongKey {
        /// The vkey in the log's newest entry that names one.
        expected: String,
        /// The vkey at hand.
        got: String,
    },
    /// A witness cosigned more than the database holds: an old database, whatever this server's own files say.
    #[error(
        "the database's head (size {head}) is behind what witness {witness} cosigned (size {cosigned}): entries {head} to {} are \
         missing. Restore the newest database, or recover the log; if its word must not count, take it out of the policy",
        cosigned.0.saturating_sub(1)
    )]
    BehindWitness {
        /// Size in the database.
        head: TreeSize,
        /// How the policy calls the witness.
        witness: String,
        /// Size that it cosigned.
        cosigned: TreeSize,
    },
    /// A witness says that what was published doesn't continue what it cosigned.
    #[error(
        "witness {witness} cosigned another history of this log: what is published here (size {size}) does not continue it. Compare \
         its evidence with `lww-verify evidence`, and restore the database that it saw; if its word must not count, take it \
         out of the policy"
    )]
    WitnessContradicts {
        /// Size that was published.
        size: TreeSize,
        /// How the policy calls the witness.
        witness: String,
    },
    /// The database is of another generation of the log than this server knows.
    #[error(
        "the database has generation {database} of the log, and this server knows generation {known}. If the database is older, \
         restore the newest one, or recover the log; if it is newer, copy the key directory and the guards here of the machine \
         on which the log was recovered, and start again"
    )]
    OtherGeneration {
        /// Generation in the database.
        database: u32,
        /// Generation that this server knows.
        known: u32,
    },
    /// The log key refused to sign.
    #[error("the log key can't sign: {0}")]
    Sign(&'static str),
    /// A stored head can't be read.
    #[error("the stored head of the log can't be read: {0}")]
    Head(&'static str),
}
