//! Receipts of anchors as entries: recorded like anything that happens, and found again after a take-over.
//!
//! Who is asked, and when, is the follower's business (`workers::anchors`); whether a receipt is true was decided where it came in.

use std::collections::BTreeMap;

use lww_audit::anchor::KIND;
use lww_audit::{AnchorReceipt, Entry};

use super::{Refusal, Tenant};
use crate::domain::event::{Event, Role};
use crate::domain::record::{Actor, Draft, Outcome, Proposal};
use crate::limits::{ANCHOR_NEWS_ENTRIES_MAX, ANCHORS_LOOKED_FOR_ENTRIES_MAX, BATCH_ENTRIES_MAX};
use crate::units::{EntryIndex, SERVER_ACTOR, Timestamp, TreeSize};

/// The newest receipt of one anchor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NewestReceipt {
    /// The entry that holds it.
    pub entry: EntryIndex,
    /// When it was recorded.
    pub at: Timestamp,
    /// The size that it confirms.
    pub size: TreeSize,
}

impl Tenant {
    /// Records a receipt, and returns its entry.
    ///
    /// # Errors
    /// [`Refusal`] when the log can't be written at present.
    pub async fn record_receipt(&self, receipt: AnchorReceipt) -> Result<EntryIndex, Refusal> {
        let draft = Draft::of(Event::Anchored(Box::new(receipt)), Actor { id: SERVER_ACTOR, role: Role::Server });
        match self.record(Proposal::single(draft, Vec::new())).await? {
            Outcome::Recorded(receipts, _) => receipts.first().map(|receipt| receipt.index).ok_or(Refusal::Unknown),
            Outcome::Duplicate { .. } => Err(Refusal::Unknown),
        }
    }

    /// Looks for the newest receipt of each anchor from the end of the log, so far back as is worth it: an anchor whose receipt
    /// lies further back is asked for another.
    ///
    /// # Errors
    /// [`Refusal`] when the log can't be read at present.
    pub async fn newest_receipts(&self) -> Result<BTreeMap<String, NewestReceipt>, Refusal> {
        let mut newest = BTreeMap::new();
        let mut end = self.head().ok_or(Refusal::Unavailable)?.size.0;
        let floor = end.saturating_sub(ANCHORS_LOOKED_FOR_ENTRIES_MAX);
        while end > floor {
            let start = end.saturating_sub(BATCH_ENTRIES_MAX as u64).max(floor);
            for (entry, receipt) in self.some_entries(start, end).await?.iter().rev().filter_map(|bytes| read(bytes)) {
                let found = NewestReceipt { entry: entry.seq, at: entry.time, size: receipt.checkpoint.size };
                newest.entry(receipt.anchor).or_insert(found);
            }
            end = start;
        }
        Ok(newest)
    }

    /// Whether there is anything but receipts among the entries from `from` to before `to`: receipts alone call for no further
    /// ones, or a log where nothing happens would grow for ever.
    ///
    /// # Errors
    /// [`Refusal`] when the log can't be read at present.
    pub async fn has_news(&self, from: TreeSize, to: TreeSize) -> Result<bool, Refusal> {
        match to.0.saturating_sub(from.0) {
            0 => Ok(false),
            count if count > ANCHOR_NEWS_ENTRIES_MAX => Ok(true),
            _ => Ok(self.some_entries(from.0, to.0).await?.iter().any(|bytes| read(bytes).is_none())),
        }
    }
}

/// Reads an entry that holds a receipt; `None` for any other.
fn read(bytes: &[u8]) -> Option<(Entry, AnchorReceipt)> {
    // Most entries are no receipts: the kind is looked for before the entry is taken apart.
    std::str::from_utf8(bytes).ok().filter(|text| text.contains(KIND))?;
    let entry = Entry::parse(bytes).ok()?;
    let receipt = AnchorReceipt::read(&entry).ok()??;
    Some((entry, receipt))
}
