//! Witnesses on both sides: those that a log asks to cosign its checkpoints, and the one that this program can be itself
//! (C2SP tlog-witness).

use std::sync::Arc;

use async_trait::async_trait;
use lww_audit::TrustPolicy;
use lww_audit::note::NoteSignature;
use lww_audit::witness::{AddCheckpoint, Refusal};

use crate::units::TreeSize;

/// Why a witness gave no cosignature.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unwitnessed {
    /// It cosigned another size last; or, when that is what it was asked about, another tree of that size. 409.
    #[error("it cosigned size {newest} last")]
    Conflict {
        /// The size.
        newest: TreeSize,
    },
    /// The path proves nothing from what it cosigned last. 422.
    #[error("the log doesn't continue what it cosigned")]
    Inconsistent,
    /// It doesn't take this log's checkpoints: 400, 403, 404.
    #[error("{reason} (status {status})")]
    Refused {
        /// What it answered.
        status: u16,
        /// What that means.
        reason: &'static str,
    },
    /// It didn't answer, or not as a witness does; the same may succeed later.
    #[error("{reason}")]
    Unreachable {
        /// What went wrong.
        reason: &'static str,
    },
}

/// Asks one witness. Bounded in time and length; it keeps nothing, and what it gives is not verified.
#[async_trait]
pub trait Witness: Send + Sync {
    /// Asks to cosign, and gives the signature lines of the answer.
    ///
    /// # Errors
    /// [`Unwitnessed`]. After [`Unwitnessed::Unreachable`] the witness may have cosigned nevertheless.
    async fn add_checkpoint(&self, request: &AddCheckpoint) -> Result<Vec<NoteSignature>, Unwitnessed>;
}

/// The witnesses of a policy, and how they are asked.
pub struct Witnesses {
    /// Who counts, and how many are enough.
    pub policy: TrustPolicy,
    /// In the policy's order; `None` for one whose address the policy doesn't tell.
    pub asked: Vec<Option<Arc<dyn Witness>>>,
}

/// Why this witness gives no cosignature.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Declined {
    /// The request must not be cosigned.
    Refused(Refusal),
    /// The clock is behind a time that was stated before.
    Clock,
    /// What was decided can't be made durable.
    Storage,
}

/// Cosigns checkpoints of the logs that it knows.
///
/// Durability: what is cosigned is on disk when this returns, so that no crash lets it cosign another history.
/// Concurrency: calls may overlap; those about one log wait for each other. It may block for the time of an fsync.
pub trait Cosigns: Send + Sync {
    /// Judges a request, and cosigns.
    ///
    /// # Errors
    /// [`Declined`]; nothing was cosigned then.
    fn add_checkpoint(&self, request: &AddCheckpoint) -> Result<NoteSignature, Declined>;
}
