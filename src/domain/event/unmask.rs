//! What entries say about values behind masks: who asked to open one and why, who agreed, that it was shown, and that one was
//! compared with what somebody said. The value stands in none of them.

use lww_audit::entry::Detail;

use super::super::masking::{Class, Entity};
use super::{count, int, object, text};
use crate::units::{EntryIndex, MessageId, Timestamp, UnmaskingId};

/// Why somebody opens a value, in words of a closed list: an entry is never erased, and has no room for what somebody might
/// write about a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnmaskReason {
    /// Fraud is suspected.
    Fraud,
    /// A complaint, or a payment that is disputed.
    Dispute,
    /// To establish who the customer is.
    Identity,
    /// Data of the customer's is wrong.
    Correction,
    /// A court or an authority ordered it.
    Authority,
    /// A security incident.
    Incident,
}

impl UnmaskReason {
    /// Every reason with its word.
    pub const ALL: [(Self, &'static str); 6] = [
        (Self::Fraud, "fraud"),
        (Self::Dispute, "dispute"),
        (Self::Identity, "identity"),
        (Self::Correction, "correction"),
        (Self::Authority, "authority"),
        (Self::Incident, "incident"),
    ];

    /// The word that stands in entries and answers.
    pub fn word(self) -> &'static str {
        Self::ALL.iter().find(|(reason, _)| *reason == self).map_or("", |(_, word)| word)
    }

    /// The reason of a word.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|(_, known)| *known == word).map(|(reason, _)| reason)
    }
}

/// A masked value, by its place: nothing of what it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SpanPlace {
    /// The message or note.
    pub message: MessageId,
    /// Its place among the masked values of the message, from 0.
    pub span: u16,
    /// The entry that masked it so.
    pub of: EntryIndex,
}

/// One step on the way to a value.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "each variant's sentence says what its fields are")]
pub enum UnmaskEvent {
    /// Somebody asked to open a value: which, why, and for how long; and whether somebody else has to agree.
    Requested {
        unmasking: UnmaskingId,
        place: SpanPlace,
        entity: Entity,
        class: Class,
        reason: UnmaskReason,
        ttl_s: u32,
        second_person: bool,
    },
    /// It may be opened once, until then: by the word of the entry's actor, who is whoever asked where the rule asks for
    /// nobody else.
    Granted { unmasking: UnmaskingId, until: Timestamp },
    /// It may not be opened.
    Denied { unmasking: UnmaskingId },
    /// The value is shown, until then.
    Used { unmasking: UnmaskingId, place: SpanPlace, entity: Entity, reason: UnmaskReason, until: Timestamp },
    /// A value was compared with what somebody said, and shown to nobody.
    Matched { place: SpanPlace, entity: Entity, same: bool },
}

impl UnmaskEvent {
    /// The kind with its version.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Requested { .. } => "unmask.requested/1",
            Self::Granted { .. } => "unmask.granted/1",
            Self::Denied { .. } => "unmask.denied/1",
            Self::Used { .. } => "unmask.used/1",
            Self::Matched { .. } => "unmask.matched/1",
        }
    }

    /// The details.
    pub(super) fn detail(&self) -> Detail {
        match self {
            Self::Requested { unmasking, place, entity, class, reason, ttl_s, second_person } => object([
                ("unmasking", text(unmasking)),
                ("message", text(&place.message)),
                ("span", int(i64::from(place.span))),
                ("of", count(place.of.0)),
                ("entity", text(entity)),
                ("class", text(class)),
                ("reason", text(reason.word())),
                ("ttl_s", int(i64::from(*ttl_s))),
                ("second_person", Detail::Bool(*second_person)),
            ]),
            Self::Granted { unmasking, until } => object([("unmasking", text(unmasking)), ("until", text(until))]),
            Self::Denied { unmasking } => object([("unmasking", text(unmasking))]),
            Self::Used { unmasking, place, entity, reason, until } => object([
                ("unmasking", text(unmasking)),
                ("message", text(&place.message)),
                ("span", int(i64::from(place.span))),
                ("of", count(place.of.0)),
                ("entity", text(entity)),
                ("reason", text(reason.word())),
                ("until", text(until)),
            ]),
            Self::Matched { place, entity, same } => object([
                ("message", text(&place.message)),
                ("span", int(i64::from(place.span))),
                ("of", count(place.of.0)),
                ("entity", text(entity)),
                ("same", Detail::Bool(*same)),
            ]),
        }
    }
}
