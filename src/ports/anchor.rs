//! Anchors: outside parties that confirm that a published checkpoint existed, such as a time-stamping authority.

use std::sync::Arc;

use async_trait::async_trait;
use lww_audit::Checkpoint;
use lww_audit::anchor::Form;

/// Why an anchor gave no receipt.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unanchored {
    /// It says no, or what it gave doesn't hold. Somebody should look; it is asked again all the same.
    #[error("{reason}")]
    Refused {
        /// What is wrong, in words for an operator.
        reason: String,
    },
    /// It didn't answer; the same may succeed later.
    #[error("{reason}")]
    Unreachable {
        /// What went wrong.
        reason: String,
    },
}

/// Asks one outside party to confirm checkpoints.
///
/// Bounded in time and length. It keeps nothing that a restart must find again: what was asked before an answer came is asked
/// anew. What it gives was verified, by the same rules that an auditor's verifier has.
/// Concurrency: each log asks for itself, so calls overlap.
#[async_trait]
pub trait Anchor: Send + Sync {
    /// In which form its receipts are.
    fn form(&self) -> Form;

    /// Where it is asked, for people.
    fn place(&self) -> String;

    /// Asks to confirm that the text of a published checkpoint (three lines, without signatures) exists, and gives the receipt in
    /// the form of the anchor: at most `lww_audit::anchor::RECEIPT_BYTES_MAX` bytes.
    ///
    /// # Errors
    /// [`Unanchored`]; the party may have confirmed it nevertheless.
    async fn confirm(&self, checkpoint: &Checkpoint) -> Result<Vec<u8>, Unanchored>;
}

/// An anchor of the configuration.
#[derive(Clone)]
pub struct Anchoring {
    /// How the configuration calls it: a label that entries hold.
    pub name: String,
    /// Pause between two receipts, in seconds.
    pub every_s: u32,
    /// Who is asked.
    pub anchor: Arc<dyn Anchor>,
}
