//! What happens between a log and its witnesses, on both sides.

use std::fmt::Display;

/// Something between a log and its witnesses.
#[derive(Clone, Copy)]
pub enum Witnessing<'a> {
    /// A witness was asked to cosign a checkpoint.
    Answered {
        /// The tenant's name.
        tenant: &'a str,
        /// How the policy calls it.
        witness: &'a str,
        /// What came of it, in the interface's word.
        state: &'static str,
        /// Why it did not cosign; empty when it did.
        reason: &'a str,
        /// Whether that was otherwise the last time.
        is_new: bool,
    },
    /// A witness says that the log contradicts what it cosigned.
    Contradicts {
        /// The tenant's name.
        tenant: &'a str,
        /// How the policy calls it.
        witness: &'a str,
        /// What it says.
        reason: &'a str,
        /// Where what it was sent is kept.
        file: &'a dyn Display,
    },
    /// What was published stays, because too few witnesses have cosigned what is newer.
    PublicationWaits {
        /// The tenant's name.
        tenant: &'a str,
        /// How many of whom are needed.
        quorum: &'a str,
        /// For how long so far.
        waited_s: i64,
    },
    /// Enough witnesses have cosigned again.
    PublicationGoesOn {
        /// The tenant's name.
        tenant: &'a str,
        /// How long publication waited.
        waited_s: i64,
    },
    /// As a witness: a log asked for a cosignature.
    Asked {
        /// The log's origin; `unknown` for one that this witness doesn't know.
        log: &'a str,
        /// The answer's status.
        status: u16,
    },
    /// As a witness: a log has contradicted itself under its own signature.
    LogForked {
        /// The log's origin.
        log: &'a str,
        /// The answer's status.
        status: u16,
        /// Where both signed checkpoints are kept.
        file: &'a dyn Display,
    },
    /// As a witness: what was decided can't be made durable; nothing was cosigned.
    StateFailed {
        /// The log's origin.
        log: &'a str,
        /// Why.
        error: &'a dyn Display,
    },
    /// A witness could not be looked at while a log was taken over, which goes on without it.
    NotLookedAt {
        /// The tenant's name.
        tenant: &'a str,
        /// How the policy calls it.
        witness: &'a str,
        /// Why.
        reason: &'a str,
    },
}

pub(super) fn log(event: &Witnessing<'_>) {
    match event {
        Witnessing::Answered { is_new: false, .. } => {}
        Witnessing::Answered { tenant, witness, reason: "", .. } => {
            tracing::info!(event = "witness_cosigns", tenant, witness);
        }
        Witnessing::Answered { tenant, witness, state, reason, .. } => {
            tracing::warn!(event = "witness_fails", tenant, witness, state, reason, "it gave no cosignature");
        }
        Witnessing::Contradicts { tenant, witness, reason, file } => {
            tracing::error!(
                event = "witness_contradicts", tenant, witness, reason, %file,
                "somebody signs another history with this log's key, or put an old state back: see what the witness keeps"
            );
        }
        Witnessing::PublicationWaits { tenant, quorum, waited_s } => {
            tracing::warn!(
                event = "publication_waits",
                tenant,
                quorum,
                waited_s,
                "too few witnesses: messages are taken as ever"
            );
        }
        Witnessing::PublicationGoesOn { tenant, waited_s } => {
            tracing::info!(event = "publication_goes_on", tenant, waited_s);
        }
        Witnessing::Asked { log, status } => tracing::debug!(event = "witness_asked", log, status),
        Witnessing::LogForked { log, status, file } => {
            tracing::error!(event = "log_forked", log, status, %file, "the log has contradicted itself: call whoever answers for it");
        }
        Witnessing::StateFailed { log, error } => {
            tracing::error!(event = "witness_state_failed", log, %error, "nothing is cosigned until the state can be written");
        }
        Witnessing::NotLookedAt { tenant, witness, reason } => {
            tracing::warn!(
                event = "witness_not_looked_at",
                tenant,
                witness,
                reason,
                "the log is taken over without its word"
            );
        }
    }
}
