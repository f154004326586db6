//! A generation of a log that was opened after a gap, and the places of what was lost in it.

use lww_audit::entry::Detail;

use super::{LostCounts, count, object, text};
use crate::units::TreeSize;

/// A log goes on as its next generation, because entries that had been signed are nowhere any more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Declared {
    /// What is declared of the gap: a note that the new key, and the old one if it exists, have signed.
    pub declaration: String,
    /// Where the database's own copy ended: entries from there on survived in files alone.
    pub from: TreeSize,
    /// What is lost of what these had committed to.
    pub lost: LostCounts,
}

impl Declared {
    pub(super) fn detail(&self) -> Detail {
        let LostCounts { texts, people, accounts, credentials } = self.lost;
        object([
            ("declaration", text(&self.declaration)),
            ("from", count(self.from.0)),
            ("texts", count(texts)),
            ("people", count(people)),
            ("accounts", count(accounts)),
            ("credentials", count(credentials)),
        ])
    }
}
