//! Reports of the desk, held against the entries that speak of them.

use std::collections::{HashMap, HashSet};

use lww_audit::Entry;
use lww_audit::entry::Detail;
use uuid::Uuid;

use super::amendments::Act;
use super::rows::Found;
use super::state::id;
use super::{Comparison, Difference, field};
use crate::domain::event::DeclineReason;
use crate::domain::record::ReportState;
use crate::units::{EntryIndex, Id128};

/// What the entries leave of reports.
#[derive(Default)]
pub(in super::super) struct Reports {
    pub(in super::super) told: HashMap<Id128, Told>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(in super::super) struct Told {
    pub(in super::super) state: ReportState,
    pub(in super::super) made: Act,
    pub(in super::super) changed: Act,
    pub(in super::super) amendment: Option<Id128>,
    pub(in super::super) reason: Option<DeclineReason>,
}

impl Reports {
    /// Takes an entry; whether it is about a report.
    pub(super) fn take(&mut self, index: EntryIndex, kind: &str, entry: &Entry) -> bool {
        let state = match kind {
            "report.made" | "report.reopened" => ReportState::Open,
            "report.drafted" => ReportState::Drafted,
            "report.proposed" => ReportState::Proposed,
            "report.declined" => ReportState::Declined,
            "report.closed" => ReportState::Closed,
            _ => return false,
        };
        let Some(report) = id(entry, "report") else { return true };
        let changed = (index, entry.actor.id);
        let made = self.told.get(&report).map_or(changed, |told| told.made);
        let amendment = id(entry, "amendment").filter(|_| kind != "report.reopened");
        let reason = match field(entry, "reason") {
            Some(Detail::String(word)) => DeclineReason::of(word),
            Some(_) | None => None,
        };
        self.told.insert(report, Told { state, made, changed, amendment, reason });
        true
    }
}

impl Comparison<'_> {
    /// The rows about reports that are not what the entries leave.
    pub(super) async fn reports(&self, state: &Reports, found: &mut Found) -> Result<(), Difference> {
        let sql = "SELECT id, state, made_by, made_seq, changed_by, changed_seq, amendment, reason FROM mask_report WHERE tenant = $1";
        let mut missing: HashSet<Id128> = state.told.keys().copied().collect();
        for row in self.client.query(sql, &[&self.log.tenant.0]).await? {
            let id = Id128(row.get::<_, Uuid>(0).into_bytes());
            let Some(told) = state.told.get(&id) else {
                found.add("mask_report", &id, "no entry speaks of it", None);
                continue;
            };
            missing.remove(&id);
            let act = |by: usize| {
                let index = EntryIndex(u64::try_from(row.get::<_, i64>(by + 1)).unwrap_or(u64::MAX));
                (index, Id128(row.get::<_, Uuid>(by).into_bytes()))
            };
            let as_told = ReportState::from_code(row.get(1)).map(|state| Told {
                state,
                made: act(2),
                changed: act(4),
                amendment: row.get::<_, Option<Uuid>>(6).map(|id| Id128(id.into_bytes())),
                reason: row.get::<_, Option<i16>>(7).and_then(DeclineReason::from_code),
            });
            if as_told.as_ref() != Some(told) {
                found.add("mask_report", &id, "it is not what its entries say", Some(told.changed.0));
            }
        }
        for id in missing {
            found.add("mask_report", &id, "it is missing", state.told.get(&id).map(|told| told.changed.0));
        }
        Ok(())
    }
}
