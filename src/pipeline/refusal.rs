//! Why something was not done, by blame; `http` maps each variant to one stable problem code.

use super::Leaving;
use crate::domain::file::Withheld;
use crate::domain::message::SealError;
use crate::ports::{RecordError, StoreError, VaultError};
use crate::units::EntryIndex;

/// Why the pipeline refused. Nothing took effect, except perhaps after [`Refusal::Unknown`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// There is no such thing, or none that the caller may know of.
    #[error("there is no such {what}")]
    NotFound {
        /// What was asked for.
        what: &'static str,
    },
    /// The caller's role or place does not allow it.
    #[error("this is not yours to do")]
    Forbidden,
    /// Login or password is wrong, or the session is over.
    #[error("the login, the password or the session is not valid")]
    BadCredentials,
    /// Too many failed attempts.
    #[error("too many attempts, wait {retry_after_s} s")]
    Throttled {
        /// Seconds to wait.
        retry_after_s: u64,
    },
    /// A one-time password must be changed first.
    #[error("change the one-time password first")]
    MustChangePassword,
    /// So many logins failed that an administrator must unlock the account.
    #[error("the account is locked")]
    AccountLocked,
    /// The second factor is to be shown, now or again.
    #[error("the second factor is needed")]
    FactorRequired,
    /// A second factor must be set up first.
    #[error("set up a second factor first")]
    MustEnrol,
    /// The code is wrong, over or used.
    #[error("the code is not valid")]
    BadCode,
    /// Nobody else could manage accounts then.
    #[error("this is the last administrator")]
    LastAdmin,
    /// A line of a file can't be taken.
    #[error("line {line}, {column}: {expected}")]
    Line {
        /// The line, from 1.
        line: u64,
        /// The column's name.
        column: &'static str,
        /// What would be right.
        expected: &'static str,
    },
    /// A value is out of bounds.
    #[error("{field}: {expected}")]
    Invalid {
        /// The field.
        field: &'static str,
        /// What would be right.
        expected: &'static str,
    },
    /// A file of staff can't be read, so that nobody could tell what leaves.
    #[error("the file can't be sent: {}", reason.word())]
    NotSendable {
        /// Why it can't be read.
        reason: Withheld,
    },
    /// Things kept changing while it was decided.
    #[error("it changed meanwhile, try again")]
    Conflict,
    /// The agent is not there, or has no place for one more conversation.
    #[error("the agent is not there or has no place left")]
    NoPlace,
    /// The same key came with another body.
    #[error("the key was used before, at index {first}, with another body")]
    KeyReused {
        /// Index of the first.
        first: EntryIndex,
    },
    /// Too much waits already.
    #[error("the server is busy")]
    Overloaded,
    /// The ledger or the database can't be reached at present.
    #[error("the ledger can't be written at present")]
    Unavailable,
    /// The commit's outcome is not known: repeat with the same key.
    #[error("the outcome is not known, repeat it with the same key")]
    Unknown,
    /// The log is stopped until an operator acts.
    #[error("the ledger is stopped")]
    Stopped,
    /// No published checkpoint covers it yet.
    #[error("no published checkpoint covers it yet")]
    NotPublished,
    /// A stored entry is not the one that was recorded.
    #[error("entry {index} is not what was recorded")]
    Differs {
        /// The entry.
        index: EntryIndex,
    },
    /// Whoever it is about was erased.
    #[error("the person was erased")]
    Erased,
    /// A legal hold is on the person.
    #[error("a legal hold is on the person")]
    Held,
    /// Whoever proposed it can't consent to it.
    #[error("somebody else has to decide")]
    SamePerson,
    /// Another policy came into force since this one was proposed.
    #[error("another policy came into force meanwhile: propose it again")]
    Overtaken,
    /// One person brought the policy into force and nobody else has looked at it.
    #[error("somebody else has to look at the policy in force first")]
    Unreviewed,
    /// The policy holds what is about to leave: nothing of it was sent.
    #[error("the policy holds it: its writer decides how it goes")]
    Leaving(Box<Leaving>),
    /// A held message was decided on already, or its time or its policy is over.
    #[error("the held message was decided on, or its time or its policy is over")]
    HeldOver,
    /// The policy lets nobody, or not this role, send a held value as it is.
    #[error("it can't be sent as it is")]
    NotReleasable,
    /// The configuration says no.
    #[error("{key} does not allow it")]
    NotAllowed {
        /// The key.
        key: &'static str,
    },
    /// What stands behind the mask is stored nowhere, or the rule lets nobody open it.
    #[error("nobody may open what stands behind this mask")]
    NotReversible,
    /// The time in which it could be decided on, or used, is over.
    #[error("its time is over")]
    Lapsed,
    /// Something that is bounded was done too often.
    #[error("this was done too often, wait {retry_after_s} s")]
    TooOften {
        /// Seconds to wait.
        retry_after_s: u64,
    },
    /// No masking policy is active.
    #[error("no masking policy is active")]
    NoPolicy,
    /// An evidence package is still being gathered.
    #[error("the package is not ready yet")]
    NotReady,
    /// No published checkpoint covered an evidence package in time.
    #[error("no published checkpoint covers the export after {waited_s} s: look at publication and its witnesses")]
    NeverPublished {
        /// How long it waited, in seconds.
        waited_s: u64,
    },
    /// An evidence package would be too large.
    #[error("the package would have more than {max_bytes} bytes: ask for less at a time")]
    PackageTooLarge {
        /// Most that it may have, in bytes.
        max_bytes: u64,
    },
    /// Somebody in an evidence package was erased while it was gathered.
    #[error("somebody in the package was erased meanwhile: ask again")]
    ErasedMeanwhile,
}

impl From<RecordError> for Refusal {
    fn from(error: RecordError) -> Self {
        match error {
            RecordError::Conflict { .. } => Self::Conflict,
            RecordError::KeyReused { first } => Self::KeyReused { first },
            // Two of the same began at the same instant; the unique index let one through.
            RecordError::Rejected { sqlstate } if sqlstate == "23505" => Self::Conflict,
            RecordError::Rejected { sqlstate } => {
                tracing::warn!(event = "effect_rejected", sqlstate, "the database refused an effect");
                Self::Unavailable
            }
            RecordError::Entry(error) => {
                tracing::warn!(event = "entry_refused", %error, "an entry could not be written");
                Self::Unavailable
            }
            RecordError::Unavailable => Self::Unavailable,
            RecordError::Overloaded => Self::Overloaded,
            RecordError::Unknown => Self::Unknown,
            RecordError::Stopped => Self::Stopped,
        }
    }
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        tracing::warn!(event = "read_failed", %error, "a read failed");
        Self::Unavailable
    }
}

impl From<VaultError> for Refusal {
    fn from(error: VaultError) -> Self {
        tracing::warn!(event = "vault_failed", %error, "a key could not be used");
        Self::Unavailable
    }
}

impl From<SealError> for Refusal {
    fn from(error: SealError) -> Self {
        tracing::warn!(event = "seal_failed", %error, "a sealed part could not be used");
        Self::Unavailable
    }
}
