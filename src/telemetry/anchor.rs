//! What happens between a log and the outside parties that confirm its checkpoints.

use crate::limits::ANCHOR_FAILURES_TOLD;

/// Something between a log and an anchor.
#[derive(Clone, Copy)]
pub enum Anchorage<'a> {
    /// An anchor was asked to confirm a checkpoint.
    Answered {
        /// The tenant's name.
        tenant: &'a str,
        /// How the configuration calls it.
        anchor: &'a str,
        /// What came of it, in the interface's word.
        state: &'static str,
        /// Why, when it gave no receipt; empty when it did.
        reason: &'a str,
        /// How often it has failed one after another, this time included; when it gave one, how often before.
        failures: u32,
    },
    /// A receipt could not be recorded; it is asked for again.
    NotRecorded {
        /// The tenant's name.
        tenant: &'a str,
        /// How the configuration calls it.
        anchor: &'a str,
        /// Why.
        error: &'a dyn std::fmt::Display,
    },
}

pub(super) fn log(event: &Anchorage<'_>) {
    match *event {
        Anchorage::Answered { tenant, anchor, reason: "", failures, .. } if failures >= ANCHOR_FAILURES_TOLD => {
            tracing::info!(event = "anchor_confirms", tenant, anchor, failures, "it gives receipts again");
        }
        Anchorage::Answered { tenant, anchor, reason: "", .. } => {
            tracing::debug!(event = "anchor_confirms", tenant, anchor);
        }
        Anchorage::Answered { tenant, anchor, state, reason, failures: failures @ ANCHOR_FAILURES_TOLD } => {
            tracing::warn!(
                event = "anchor_fails",
                tenant,
                anchor,
                state,
                reason,
                failures,
                "no receipt: it is asked again, for days if need be, and messages are taken as ever"
            );
        }
        Anchorage::Answered { tenant, anchor, state, reason, failures } => {
            tracing::info!(event = "anchor_failed", tenant, anchor, state, reason, failures);
        }
        Anchorage::NotRecorded { tenant, anchor, error } => {
            tracing::warn!(event = "receipt_not_recorded", tenant, anchor, %error, "another is asked for");
        }
    }
}
