//! The closed lists of words that details of entries are made of, an agent as the matcher saw it, and what comes into force.

use super::super::canonical;
use crate::units::{AccountId, EntryIndex, Hash};

/// A masking policy or a routing table that comes into force.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Activation {
    /// Its id.
    pub id: String,
    /// Its version.
    pub version: u64,
    /// Digest of the resolved form.
    pub digest: Hash,
    /// SHA-256 of the text.
    pub source: Hash,
    /// Digest of the engine that resolved it: with another the same text may have another digest.
    pub engine: Hash,
    /// Digest of what was in force before.
    pub previous: Option<Hash>,
}

impl Activation {
    /// SHA-256 of a text as an activation names it.
    pub fn text_digest(text: &str) -> Hash {
        Hash(canonical::sha256(text.as_bytes()))
    }
}

/// Something that the server keeps and that is not what was recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// What kind of thing.
    pub part: FoundPart,
    /// The table, file, object or witness.
    pub name: String,
    /// The entry, where it is one row of many.
    pub index: Option<EntryIndex>,
}

/// What a look through what is kept can find wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FoundPart {
    /// A row of the database.
    Row,
    /// A tile of hashes.
    Tile,
    /// A bundle of entries.
    Bundle,
    /// The published checkpoint.
    Checkpoint,
    /// An object of the copy.
    Object,
    /// What a witness cosigned.
    Witness,
}

impl FoundPart {
    /// The word that stands in entries.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Row => "row",
            Self::Tile => "tile",
            Self::Bundle => "bundle",
            Self::Checkpoint => "checkpoint",
            Self::Object => "object",
            Self::Witness => "witness",
        }
    }
}

/// An agent as the matcher saw it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// The agent's pseudonym.
    pub agent: AccountId,
    /// Weight of the conversations held, in hundredths of a place.
    pub load: i64,
    /// Conversations of the usual weight allowed.
    pub capacity: i32,
    /// Milliseconds since the last conversation was given.
    pub idle_ms: i64,
    /// Of the agent's skills and groups those that the decision looked at.
    pub skills: Vec<String>,
}

/// Why an agent was chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MatchReason {
    /// Had the customer before.
    Sticky,
    /// The only one who could take it.
    OnlyFree,
    /// Of those who could take it, the one with the fewest skills lacking.
    BestFit,
    /// Of those who fit as well, idle the longest.
    LongestIdle,
    /// Helps out: nobody of the queue's own could take it.
    Overflow,
}

impl MatchReason {
    const ALL: [Self; 5] = [Self::Sticky, Self::OnlyFree, Self::BestFit, Self::LongestIdle, Self::Overflow];

    /// The word that stands in entries.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Sticky => "sticky",
            Self::OnlyFree => "only_free",
            Self::BestFit => "best_fit",
            Self::LongestIdle => "longest_idle",
            Self::Overflow => "overflow",
        }
    }

    /// The reason of a word.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.word() == word)
    }
}

/// Why a conversation went back to its queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RequeueReason {
    /// Its agent was gone for too long.
    Offline,
    /// Its agent left the customer without an answer for too long.
    NoAnswer,
    /// Whoever had it may not hold conversations any more: disabled, or of another role.
    NoDesk,
}

impl RequeueReason {
    /// The word that stands in entries.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Offline => "offline",
            Self::NoAnswer => "no_answer",
            Self::NoDesk => "no_desk",
        }
    }
}

/// Why a conversation ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EndReason {
    /// Somebody of the staff ended it.
    Staff,
    /// Nothing was said for as long as the tenant waits.
    Time,
    /// It goes on under the identity that the person has proven.
    Proven,
    /// The person was erased.
    Erased,
}

impl EndReason {
    /// The word that stands in entries.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Staff => "staff",
            Self::Time => "time",
            Self::Proven => "proven",
            Self::Erased => "erased",
        }
    }
}

/// Why a customer is erased: the grounds of PIPL Art. 47 and GDPR Art. 17(1), in words of a closed list, because an entry
/// is never erased and has no room for what somebody might write about a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErasureReason {
    /// The data is not needed any more for what it was taken for.
    NotNeeded,
    /// The time is over for which it is to be kept.
    RetentionOver,
    /// The person withdrew their consent.
    ConsentWithdrawn,
    /// The person objects.
    Objection,
    /// It was taken or used against the law or an agreement.
    Unlawful,
    /// A law or an authority says so.
    LegalObligation,
    /// It was done before an older database was put back, and is done again; nobody can propose it.
    Replayed,
}

impl ErasureReason {
    /// Every reason with its word and its number in the database.
    pub const ALL: [(Self, &'static str, i16); 7] = [
        (Self::NotNeeded, "not_needed", 1),
        (Self::RetentionOver, "retention_over", 2),
        (Self::ConsentWithdrawn, "consent_withdrawn", 3),
        (Self::Objection, "objection", 4),
        (Self::Unlawful, "unlawful", 5),
        (Self::LegalObligation, "legal_obligation", 6),
        (Self::Replayed, "replayed", 7),
    ];

    /// The word that stands in entries.
    pub fn word(self) -> &'static str {
        Self::ALL.iter().find(|(reason, ..)| *reason == self).map_or("", |(_, word, _)| word)
    }

    /// The reason of a word that somebody may give.
    pub fn from_word(word: &str) -> Option<Self> {
        let known = Self::ALL.iter().find(|(_, known, _)| *known == word).map(|(reason, ..)| *reason);
        known.filter(|reason| *reason != Self::Replayed)
    }

    /// The number in the database.
    pub fn code(self) -> i16 {
        Self::ALL.iter().find(|(reason, ..)| *reason == self).map_or(0, |(.., code)| *code)
    }

    /// The reason behind a database value.
    pub fn from_code(code: i16) -> Option<Self> {
        Self::ALL.iter().find(|(.., known)| *known == code).map(|(reason, ..)| *reason)
    }
}

/// Why a customer must not be erased.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HoldReason {
    /// A lawsuit.
    Litigation,
    /// An order of a court or an authority.
    Authority,
    /// The bank's own investigation.
    Investigation,
    /// A complaint that is not settled.
    Complaint,
}

impl HoldReason {
    /// Every reason with its word and its number in the database.
    pub const ALL: [(Self, &'static str, i16); 4] = [
        (Self::Litigation, "litigation", 1),
        (Self::Authority, "authority", 2),
        (Self::Investigation, "investigation", 3),
        (Self::Complaint, "complaint", 4),
    ];

    /// The word that stands in entries.
    pub fn word(self) -> &'static str {
        Self::ALL.iter().find(|(reason, ..)| *reason == self).map_or("", |(_, word, _)| word)
    }

    /// The reason of a word.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.iter().find(|(_, known, _)| *known == word).map(|(reason, ..)| *reason)
    }

    /// The number in the database.
    pub fn code(self) -> i16 {
        Self::ALL.iter().find(|(reason, ..)| *reason == self).map_or(0, |(.., code)| *code)
    }

    /// The reason behind a database value.
    pub fn from_code(code: i16) -> Option<Self> {
        Self::ALL.iter().find(|(.., known)| *known == code).map(|(reason, ..)| *reason)
    }
}

/// What shows that an identity is a person's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IdentityProof {
    /// The bank's own page or app signed it.
    Signed,
}

impl IdentityProof {
    /// The word that stands in entries.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Signed => "signed",
        }
    }
}

/// By what a second factor was shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FactorKind {
    /// A code of the moment.
    Code,
    /// One of the codes that were written down.
    Recovery,
}

impl FactorKind {
    /// The word that stands in entries.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Code => "code",
            Self::Recovery => "recovery",
        }
    }
}

/// What a customer wishes instead of waiting on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wish {
    /// To leave a message and be answered later.
    Message,
    /// To be called back.
    Callback,
}

impl Wish {
    const ALL: [Self; 2] = [Self::Message, Self::Callback];

    /// The word that stands in entries and frames.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Message => "message",
            Self::Callback => "callback",
        }
    }

    /// The wish of a word.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|wish| wish.word() == word)
    }

    /// The number in the database.
    pub const fn code(self) -> i16 {
        match self {
            Self::Message => 1,
            Self::Callback => 2,
        }
    }

    /// The wish behind a database value.
    pub fn from_code(code: i16) -> Option<Self> {
        Self::ALL.into_iter().find(|wish| wish.code() == code)
    }
}
