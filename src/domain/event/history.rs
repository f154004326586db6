//! What entries say about a policy that is run over what was said before, or beside the one in force; and about drafts.

use lww_audit::entry::Detail;

use super::{count, int, object, text};
use crate::units::{ConversationId, DraftId, Hash, RunId, Timestamp, Version};

/// Which of the messages before a preview looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PreviewScope {
    /// Those of one conversation.
    Conversation(ConversationId),
    /// The newest ones, so many.
    Last(u32),
    /// Those recorded from one instant up to another.
    Range(Timestamp, Timestamp),
}

impl PreviewScope {
    fn detail(&self) -> Detail {
        match self {
            Self::Conversation(id) => object([("conversation", text(id))]),
            Self::Last(messages) => object([("last", count(u64::from(*messages)))]),
            Self::Range(from, to) => object([("from", text(from)), ("to", text(to))]),
        }
    }
}

/// How something that runs for a while ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RunEnd {
    /// Everything was looked at.
    Done,
    /// Somebody ended it.
    Cancelled,
    /// Its time is over.
    TimeOver,
    /// Another policy came into force.
    Overtaken,
}

impl RunEnd {
    const ALL: [(Self, &'static str, i16); 4] = [
        (Self::Done, "done", 0),
        (Self::Cancelled, "cancelled", 1),
        (Self::TimeOver, "time_over", 2),
        (Self::Overtaken, "overtaken", 3),
    ];

    /// The word in entries and answers.
    pub fn word(self) -> &'static str {
        Self::ALL.iter().find(|(end, ..)| *end == self).map_or("", |(_, word, _)| word)
    }

    /// The number in the database.
    pub fn code(self) -> i16 {
        Self::ALL.iter().find(|(end, ..)| *end == self).map_or(-1, |(.., code)| *code)
    }

    /// The end behind a database value.
    pub fn from_code(code: i16) -> Option<Self> {
        Self::ALL.iter().find(|(.., known)| *known == code).map(|(end, ..)| *end)
    }
}

/// One step of such a run, or of a draft.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "each variant's sentence says what its fields are")]
pub enum HistoryEvent {
    /// Somebody ran a draft over what was said before: digests of the resolved policy, of its text and of what is in force.
    Previewed { preview: RunId, digest: Hash, source: Hash, against: Hash, scope: PreviewScope },
    /// What was said before this entry is masked again by the policy in force.
    RemaskingBegun { run: RunId, digest: Hash },
    /// It ended, after so many messages and notes were masked again.
    RemaskingEnded { run: RunId, digest: Hash, masked: u64, end: RunEnd },
    /// A policy runs beside the one in force, until an instant.
    ShadowBegun { run: RunId, digest: Hash, source: Hash, against: Hash, until: Timestamp },
    /// It ended: how many messages and notes it looked at, and how many it would have masked otherwise.
    ShadowEnded { run: RunId, digest: Hash, looked_at: u64, differ: u64, end: RunEnd },
    /// A draft was written, or written anew: the digest of its text.
    DraftSaved { draft: DraftId, version: Version, source: Hash },
    /// A draft was taken away.
    DraftRemoved { draft: DraftId, version: Version },
}

impl HistoryEvent {
    /// The kind with its version.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Previewed { .. } => "policy.previewed/1",
            Self::RemaskingBegun { .. } => "policy.remasking_begun/1",
            Self::RemaskingEnded { .. } => "policy.remasking_ended/1",
            Self::ShadowBegun { .. } => "policy.shadow_begun/1",
            Self::ShadowEnded { .. } => "policy.shadow_ended/1",
            Self::DraftSaved { .. } => "policy.draft_saved/1",
            Self::DraftRemoved { .. } => "policy.draft_removed/1",
        }
    }

    /// The details.
    pub(super) fn detail(&self) -> Detail {
        match self {
            Self::Previewed { preview, digest, source, against, scope } => object([
                ("preview", text(preview)),
                ("digest", text(digest)),
                ("source", text(source)),
                ("against", text(against)),
                ("scope", scope.detail()),
            ]),
            Self::RemaskingBegun { run, digest } => object([("run", text(run)), ("digest", text(digest))]),
            Self::RemaskingEnded { run, digest, masked, end } => object([
                ("run", text(run)),
                ("digest", text(digest)),
                ("masked", count(*masked)),
                ("end", text(end.word())),
            ]),
            Self::ShadowBegun { run, digest, source, against, until } => object([
                ("run", text(run)),
                ("digest", text(digest)),
                ("source", text(source)),
                ("against", text(against)),
                ("until", text(until)),
            ]),
            Self::ShadowEnded { run, digest, looked_at, differ, end } => object([
                ("run", text(run)),
                ("digest", text(digest)),
                ("looked_at", count(*looked_at)),
                ("differ", count(*differ)),
                ("end", text(end.word())),
            ]),
            Self::DraftSaved { draft, version, source } => {
                object([("draft", text(draft)), ("version", int(version.0)), ("source", text(source))])
            }
            Self::DraftRemoved { draft, version } => object([("draft", text(draft)), ("version", int(version.0))]),
        }
    }
}
