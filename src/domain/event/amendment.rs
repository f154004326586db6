//! What entries say about the way of a masking policy into force; that it came into force says [`super::Activation`].

use lww_audit::entry::Detail;

use super::{count, object, text};
use crate::units::{AmendmentId, Hash, Timestamp};

/// Why a proposed policy did not come into force.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turned {
    /// Somebody who could have consented turned it down.
    Down,
    /// Whoever proposed it took it back.
    Back,
    /// Another policy came into force first.
    Overtaken,
}

impl Turned {
    fn word(self) -> &'static str {
        match self {
            Self::Down => "turned_down",
            Self::Back => "withdrawn",
            Self::Overtaken => "overtaken",
        }
    }
}

/// One step on the way.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "each variant's sentence says what its fields are")]
pub enum AmendmentEvent {
    /// Somebody proposed a policy that passes its tests, in place of the one in force.
    Proposed {
        amendment: AmendmentId,
        /// Digests of the resolved policy, of its text and of what is in force.
        digest: Hash,
        source: Hash,
        against: Hash,
        only_masks_more: bool,
        effective: Option<Timestamp>,
    },
    /// Somebody consented: how many have by now, and how many must.
    Approved { amendment: AmendmentId, digest: Hash, given: u32, required: u32 },
    /// It will not come into force.
    Rejected { amendment: AmendmentId, digest: Hash, turned: Turned },
    /// Enough consented; it comes into force later.
    Scheduled { amendment: AmendmentId, digest: Hash, effective: Timestamp },
    /// What one person had brought into force was looked at by another.
    Reviewed { amendment: AmendmentId, digest: Hash },
}

impl AmendmentEvent {
    /// The kind with its version.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Proposed { .. } => "policy.proposed/1",
            Self::Approved { .. } => "policy.approved/1",
            Self::Rejected { .. } => "policy.rejected/1",
            Self::Scheduled { .. } => "policy.scheduled/1",
            Self::Reviewed { .. } => "policy.reviewed/1",
        }
    }

    /// The details.
    pub(super) fn detail(&self) -> Detail {
        match self {
            Self::Proposed { amendment, digest, source, against, only_masks_more, effective } => object([
                ("amendment", text(amendment)),
                ("digest", text(digest)),
                ("source", text(source)),
                ("against", text(against)),
                ("only_masks_more", Detail::Bool(*only_masks_more)),
                ("effective", effective.as_ref().map_or(Detail::Null, text)),
            ]),
            Self::Approved { amendment, digest, given, required } => object([
                ("amendment", text(amendment)),
                ("digest", text(digest)),
                ("given", count(u64::from(*given))),
                ("required", count(u64::from(*required))),
            ]),
            Self::Rejected { amendment, digest, turned } => {
                object([("amendment", text(amendment)), ("digest", text(digest)), ("why", text(turned.word()))])
            }
            Self::Scheduled { amendment, digest, effective } => {
                object([("amendment", text(amendment)), ("digest", text(digest)), ("effective", text(effective))])
            }
            Self::Reviewed { amendment, digest } => object([("amendment", text(amendment)), ("digest", text(digest))]),
        }
    }
}
