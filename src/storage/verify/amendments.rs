//! Proposed changes of the masking policy, held against the entries that speak of them: nothing was proposed, consented to or
//! decided by a row alone.

use std::collections::{HashMap, HashSet};

use lww_audit::Entry;
use lww_audit::entry::Detail;
use tokio_postgres::Row;
use uuid::Uuid;

use super::rows::Found;
use super::state::{hash, id};
use super::{Comparison, Difference, field};
use crate::domain::record::AmendmentState;
use crate::units::{EntryIndex, Hash, Id128, Timestamp};

/// An act: which entry, and whose.
pub(in super::super) type Act = (EntryIndex, Id128);

/// What the entries leave of amendments.
#[derive(Default)]
pub(in super::super) struct Amendments {
    pub(in super::super) told: HashMap<Id128, Told>,
    /// The newest entry about one of them, whose activation may be the next entry.
    newest: Option<(EntryIndex, Id128)>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(in super::super) struct Told {
    pub(in super::super) digest: Hash,
    pub(in super::super) against: Option<Hash>,
    pub(in super::super) only_masks_more: bool,
    pub(in super::super) effective: Option<String>,
    pub(in super::super) proposed: Act,
    pub(in super::super) consents: Vec<Act>,
    pub(in super::super) state: AmendmentState,
    pub(in super::super) decided: Option<Act>,
    pub(in super::super) reviewed: Option<Act>,
}

impl Told {
    /// The newest entry about it.
    pub(in super::super) fn newest(&self) -> EntryIndex {
        let acts = self.consents.iter().chain(&self.decided).chain(&self.reviewed);
        acts.map(|(index, _)| *index).fold(self.proposed.0, EntryIndex::max)
    }
}

impl Amendments {
    /// Takes an entry that is about no conversation; whether it is about any of this.
    pub(super) fn take(&mut self, index: EntryIndex, kind: &str, entry: &Entry) -> bool {
        let act = (index, entry.actor.id);
        if !matches!(
            kind,
            "policy.proposed" | "policy.approved" | "policy.rejected" | "policy.scheduled" | "policy.reviewed"
        ) {
            return false;
        }
        let (Some(amendment), Some(digest)) = (id(entry, "amendment"), hash(entry, "digest")) else { return true };
        self.newest = Some((index, amendment));
        if kind == "policy.proposed" {
            let effective = match field(entry, "effective") {
                Some(Detail::String(from)) => Some(from.clone()),
                Some(_) | None => None,
            };
            let only_masks_more = field(entry, "only_masks_more") == Some(&Detail::Bool(true));
            let told = Told {
                digest,
                against: hash(entry, "against"),
                only_masks_more,
                effective,
                proposed: act,
                consents: Vec::new(),
                state: AmendmentState::Proposed,
                decided: None,
                reviewed: None,
            };
            self.told.insert(amendment, told);
            return true;
        }
        let Some(told) = self.told.get_mut(&amendment) else { return true };
        match kind {
            "policy.approved" => told.consents.push(act),
            "policy.rejected" => (told.state, told.decided) = (AmendmentState::Rejected, Some(act)),
            "policy.scheduled" => {
                (told.state, told.decided) = (AmendmentState::Scheduled, told.consents.last().copied());
            }
            _ => told.reviewed = Some(act),
        }
        true
    }

    /// A policy came into force: by the entry before, or because its time had come.
    pub(super) fn activated(&mut self, index: EntryIndex, digest: Hash, entry: &Entry) {
        let at_once = self.newest.filter(|(newest, _)| newest.0 + 1 == index.0).map(|(_, id)| id);
        if let Some(told) = at_once.and_then(|id| self.told.get_mut(&id)).filter(|told| told.digest == digest) {
            told.decided = Some(told.consents.last().copied().unwrap_or(told.proposed));
            told.state = AmendmentState::Activated;
            return;
        }
        let waits = |told: &&mut Told| told.state == AmendmentState::Scheduled && told.digest == digest;
        if let Some(told) = self.told.values_mut().filter(waits).min_by_key(|told| told.proposed) {
            (told.state, told.decided) = (AmendmentState::Activated, Some((index, entry.actor.id)));
        }
    }
}

impl Comparison<'_> {
    /// The rows about amendments that are not what the entries leave.
    pub(super) async fn amendments(&self, state: &Amendments, found: &mut Found) -> Result<(), Difference> {
        let sql = "SELECT a.id, a.state, a.digest, a.against, a.only_masks_more, a.effective_at, a.proposed_by, a.proposed_seq, \
                       a.decided_by, a.decided_seq, a.reviewed_by, a.reviewed_seq, \
                       ARRAY(SELECT c.account FROM amendment_consent c WHERE c.tenant = $1 AND c.amendment = a.id ORDER BY c.seq), \
                       ARRAY(SELECT c.seq FROM amendment_consent c WHERE c.tenant = $1 AND c.amendment = a.id ORDER BY c.seq) \
                   FROM amendment a WHERE a.tenant = $1";
        let mut missing: HashSet<Id128> = state.told.keys().copied().collect();
        for row in self.client.query(sql, &[&self.log.tenant.0]).await? {
            let id = Id128(row.get::<_, Uuid>(0).into_bytes());
            let Some(told) = state.told.get(&id) else {
                found.add("amendment", &id, "no entry speaks of it", None);
                continue;
            };
            missing.remove(&id);
            if as_told(&row).as_ref() != Some(told) {
                let newest = told.reviewed.or(told.decided).unwrap_or(told.proposed);
                found.add("amendment", &id, "it is not what its entries say", Some(newest.0));
            }
        }
        for id in missing {
            found.add("amendment", &id, "it is missing", state.told.get(&id).map(|told| told.proposed.0));
        }
        Ok(())
    }
}

/// A row as entries would tell it.
fn as_told(row: &Row) -> Option<Told> {
    let digest = |column: usize| row.get::<_, &[u8]>(column).try_into().ok().map(Hash);
    let some = |first: usize| Some(act(row.get::<_, Option<Uuid>>(first)?, row.get::<_, Option<i64>>(first + 1)?));
    let consents = row.get::<_, Vec<Uuid>>(12).into_iter().zip(row.get::<_, Vec<i64>>(13));
    Some(Told {
        digest: digest(2)?,
        against: Some(digest(3)?),
        only_masks_more: row.get(4),
        effective: row.get::<_, Option<i64>>(5).map(|from| Timestamp::from_micros(from).to_string()),
        proposed: act(row.get(6), row.get(7)),
        consents: consents.map(|(by, seq)| act(by, seq)).collect(),
        state: AmendmentState::from_code(row.get(1))?,
        decided: some(8),
        reviewed: some(10),
    })
}

pub(super) fn act(by: Uuid, seq: i64) -> Act {
    (EntryIndex(u64::try_from(seq).unwrap_or(u64::MAX)), Id128(by.into_bytes()))
}
