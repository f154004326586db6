//! The links that hold a log together, by the names that a refusal gives them.

use std::fmt;

/// Names the link of an entry to the log before it that did not hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Link {
    /// `prev` must be the leaf hash of the entry before.
    Prev,
    /// `seq` must be the index in the log.
    Seq,
    /// `time` must not be before the time of the entry before.
    Time,
    /// `log` must be the origin of the checkpoint.
    Origin,
    /// `chains[].n` of the conversation must be one more than before.
    ConversationCount,
    /// `chains[].prev` of the conversation must name its entry before.
    ConversationPrev,
    /// `chains[].n` of the subject must be one more than before.
    SubjectCount,
    /// `chains[].prev` of the subject must name its entry before.
    SubjectPrev,
    /// `detail.upto` of a seal must be a size that the log had not long before.
    SealedUpto,
    /// `detail.chains` of a seal must be the number of chains.
    SealedChains,
    /// `detail.root` of a seal must be the root over the ends of all chains.
    SealedRoot,
    /// `detail.statement` of a key's change must be of the log's key before it.
    RotatedKey,
    /// `detail.statement` of a key's change must name a tree that the log had before it.
    RotatedTree,
    /// `detail.previous` of a key's change must be the entry of the change before it.
    RotatedPrevious,
}

impl fmt::Display for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Prev => "prev",
            Self::Seq => "seq",
            Self::Time => "time",
            Self::Origin => "log",
            Self::ConversationCount => "chains[conversation].n",
            Self::ConversationPrev => "chains[conversation].prev",
            Self::SubjectCount => "chains[subject].n",
            Self::SubjectPrev => "chains[subject].prev",
            Self::SealedUpto => "detail.upto",
            Self::SealedChains => "detail.chains",
            Self::SealedRoot => "detail.root",
            Self::RotatedKey => "detail.statement (old key)",
            Self::RotatedTree => "detail.statement (tree)",
            Self::RotatedPrevious => "detail.previous",
        })
    }
}
