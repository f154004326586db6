//! What entries say about erased and held customers, and about the epochs that their rows hung on.

use lww_audit::entry::Detail;

use super::{ErasureReason, HoldReason, count, int, object, text};
use crate::units::{AccountId, EntryIndex, ErasureId, Hash, HoldId};

/// One step on the way of a customer's data to its end. The customer stands beside it in the entry, by their pseudonym.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "each variant's sentence says what its fields are")]
pub enum ErasureEvent {
    /// Somebody proposed to erase a customer; `at_once`: with the end of the epoch that older backups hang on.
    Proposed { erasure: ErasureId, reason: ErasureReason, at_once: bool },
    /// A proposal was turned down.
    Rejected { erasure: ErasureId },
    /// A customer's keys, identities and contact are gone; what is left of them ends with the epoch.
    Erased(Erased),
    /// A customer must not be erased.
    HoldPlaced { hold: HoldId, reason: HoldReason },
    /// A legal hold ended.
    HoldReleased { hold: HoldId },
    /// No row of this log's tenant hangs on an epoch any more: the new key's public name, and the old one's.
    EpochRotated { epoch: i32, fingerprint: Hash, previous: Hash },
    /// The key of an epoch that nothing hangs on was destroyed.
    EpochDestroyed { epoch: i32, fingerprint: Hash },
}

/// How a customer was erased. Who approved it is the entry's actor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Erased {
    /// The proposal; of one that is replayed, its row here.
    pub erasure: ErasureId,
    /// Who proposed it; `None`: it is replayed.
    pub proposed_by: Option<AccountId>,
    /// Why.
    pub reason: ErasureReason,
    /// Whether the epoch is to end at once.
    pub at_once: bool,
    /// The newest epoch then: with its end and that of those before, nothing opens what is left.
    pub epoch: i32,
    /// The entry that erased the customer before an older database was put back.
    pub replays: Option<EntryIndex>,
}

impl ErasureEvent {
    /// The kind with its version.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Proposed { .. } => "erasure.proposed/1",
            Self::Rejected { .. } => "erasure.rejected/1",
            Self::Erased(_) => "subject.erased/1",
            Self::HoldPlaced { .. } => "hold.placed/1",
            Self::HoldReleased { .. } => "hold.released/1",
            Self::EpochRotated { .. } => "key.rotated/1",
            Self::EpochDestroyed { .. } => "key.destroyed/1",
        }
    }

    /// The details.
    pub(super) fn detail(&self) -> Detail {
        match self {
            Self::Proposed { erasure, reason, at_once } => object([
                ("erasure", text(erasure)),
                ("reason", text(reason.word())),
                ("at_once", Detail::Bool(*at_once)),
            ]),
            Self::Rejected { erasure } => object([("erasure", text(erasure))]),
            Self::Erased(erased) => erased.detail(),
            Self::HoldPlaced { hold, reason } => object([("hold", text(hold)), ("reason", text(reason.word()))]),
            Self::HoldReleased { hold } => object([("hold", text(hold))]),
            Self::EpochRotated { epoch, fingerprint, previous } => object([
                ("purpose", text("epoch")),
                ("epoch", int(i64::from(*epoch))),
                ("fingerprint", text(fingerprint)),
                ("previous", text(previous)),
            ]),
            Self::EpochDestroyed { epoch, fingerprint } => object([
                ("purpose", text("epoch")),
                ("epoch", int(i64::from(*epoch))),
                ("fingerprint", text(fingerprint)),
            ]),
        }
    }
}

impl Erased {
    fn detail(&self) -> Detail {
        object([
            ("erasure", text(&self.erasure)),
            ("proposed_by", self.proposed_by.as_ref().map_or(Detail::Null, text)),
            ("reason", text(self.reason.word())),
            ("at_once", Detail::Bool(self.at_once)),
            ("epoch", int(i64::from(self.epoch))),
            ("replays", self.replays.map_or(Detail::Null, |index| count(index.0))),
        ])
    }
}
