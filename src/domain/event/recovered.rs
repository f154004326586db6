//! What an entry says when a log's entries were put back out of what was published.

use lww_audit::entry::Detail;

use super::{count, object, text};
use crate::units::{AccountId, Hash, TreeSize};

/// How many people approve it.
pub const APPROVERS: usize = 2;

/// Entries that a database had lost are back; what only the database held of them is not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recovered {
    /// The first entry that was missing.
    pub from: TreeSize,
    /// How many entries the log had when it was put back: those from `from` on were missing before.
    pub upto: TreeSize,
    /// The log's root at `upto`.
    pub root: Hash,
    /// Why the database had lost them.
    pub reason: RecoverReason,
    /// What is lost.
    pub lost: LostCounts,
    /// SHA-256 of the plan that was approved.
    pub plan: Hash,
    /// The tenant whose people approved it.
    pub approvers_of: String,
    /// Who approved it.
    pub approved_by: [AccountId; APPROVERS],
}

/// How much is lost for good, of what the entries that were put back committed to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct LostCounts {
    /// Texts: messages, internal notes and canned replies.
    pub texts: u64,
    /// Customers who were first heard of in these entries: nobody has a key of theirs.
    pub people: u64,
    /// Accounts that came to be in these entries.
    pub accounts: u64,
    /// Accounts whose password, second factor or outside identity changed in these entries.
    pub credentials: u64,
}

/// Why a database had lost entries: words of a closed list, because an entry is never erased.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecoverReason {
    /// Disk, machine or cluster was lost, and an older copy is what there is.
    DatabaseLost,
    /// Somebody put an older copy back by mistake, or to undo something.
    PutBack,
    /// A standby was promoted that had not received everything.
    Failover,
    /// It is practised, on a machine that serves nobody.
    Rehearsal,
}

impl RecoverReason {
    /// Every reason with its word.
    pub const ALL: [(Self, &'static str); 4] = [
        (Self::DatabaseLost, "database_lost"),
        (Self::PutBack, "put_back"),
        (Self::Failover, "failover"),
        (Self::Rehearsal, "rehearsal"),
    ];

    /// The word that stands in entries.
    pub fn word(self) -> &'static str {
        Self::ALL.iter().find(|(reason, _)| *reason == self).map_or("", |(_, word)| word)
    }

    /// The reason of a word.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.iter().find(|(_, known)| *known == word).map(|(reason, _)| *reason)
    }
}

impl Recovered {
    pub(super) fn detail(&self) -> Detail {
        let LostCounts { texts, people, accounts, credentials } = self.lost;
        object([
            ("from", count(self.from.0)),
            ("upto", count(self.upto.0)),
            ("root", text(&self.root)),
            ("reason", text(self.reason.word())),
            ("texts", count(texts)),
            ("people", count(people)),
            ("accounts", count(accounts)),
            ("credentials", count(credentials)),
            ("plan", text(&self.plan)),
            ("approvers_of", text(&self.approvers_of)),
            ("approved_by", Detail::Array(self.approved_by.iter().map(text).collect())),
        ])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_reads_its_own_word_and_no_other() {
        for (reason, word) in RecoverReason::ALL {
            assert_eq!(RecoverReason::from_word(word), Some(reason));
            assert_eq!(reason.word(), word);
        }
        assert_eq!(RecoverReason::from_word("because"), None);
    }
}
