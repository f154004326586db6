//! What entries say of a message that staff were about to send and that the policy held: never what it said.

use lww_audit::entry::Detail;

use super::{object, text};
use crate::units::{LeavingId, Timestamp};

/// Why somebody sends a held value as it is. The list is closed: free words could repeat the value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReleaseReason {
    /// It is the bank's own or public, such as an account to pay to.
    BankOwn,
    /// It is the customer's own, and they asked for it.
    CustomerAsked,
    /// A procedure of the bank asks for it.
    Procedure,
    /// It is no such value.
    NotSensitive,
}

impl ReleaseReason {
    /// Every reason.
    pub const ALL: [Self; 4] = [Self::BankOwn, Self::CustomerAsked, Self::Procedure, Self::NotSensitive];

    /// Its name in entries and requests.
    pub const fn word(self) -> &'static str {
        match self {
            Self::BankOwn => "bank_own",
            Self::CustomerAsked => "customer_asked",
            Self::Procedure => "procedure",
            Self::NotSensitive => "not_sensitive",
        }
    }

    /// The reason of a name.
    pub fn of(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.word() == word)
    }
}

/// How a held message goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SendAs {
    /// Masked, like any other.
    Masked,
    /// With the held values as they were written.
    AsItIs(ReleaseReason),
}

impl SendAs {
    /// Its name in entries and requests.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Masked => "masked",
            Self::AsItIs(_) => "as_it_is",
        }
    }

    /// Why it goes as it is.
    pub const fn reason(self) -> Option<ReleaseReason> {
        match self {
            Self::Masked => None,
            Self::AsItIs(reason) => Some(reason),
        }
    }
}

/// One step of a held message. The policy that held it stands beside it in the entry.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "each variant's sentence says what its fields are")]
pub enum LeavingEvent {
    /// It was held: for which entities, each of which has one rule, whether its writer may send it as it is, and until when.
    Held { held: LeavingId, entities: Vec<String>, may_release: bool, until: Timestamp },
    /// Whoever wrote it sends it: the next entry is the message.
    Released { held: LeavingId, sent: SendAs },
    /// Whoever wrote it takes it back.
    Withdrawn { held: LeavingId },
}

impl LeavingEvent {
    /// The kind with its version.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Held { .. } => HELD,
            Self::Released { .. } => "leaving.released/1",
            Self::Withdrawn { .. } => "leaving.withdrawn/1",
        }
    }

    /// The details.
    pub(super) fn detail(&self) -> Detail {
        match self {
            Self::Held { held, entities, may_release, until } => object([
                ("held", text(held)),
                ("entities", Detail::Array(entities.iter().map(text).collect())),
                ("may_release", Detail::Bool(*may_release)),
                ("until", text(until)),
            ]),
            Self::Released { held, sent } => object([
                ("held", text(held)),
                ("sent", text(sent.word())),
                ("reason", sent.reason().map_or(Detail::Null, |reason| text(reason.word()))),
            ]),
            Self::Withdrawn { held } => object([("held", text(held))]),
        }
    }
}

/// The kind of the entry that says that a message was held.
pub const HELD: &str = "leaving.held/1";
