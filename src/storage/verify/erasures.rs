//! Erased and held customers, and retired epochs, held against the entries that speak of them: nobody is erased by a row
//! alone, nobody who was erased is there again, and no hold vanishes.

use std::collections::{HashMap, HashSet};

use lww_audit::Entry;
use lww_audit::entry::Detail;
use tokio_postgres::Row;
use uuid::Uuid;

use super::rows::Found;
use super::state::{hash, id, int};
use super::{Comparison, Difference, field};
use crate::domain::event::{ErasureReason, HoldReason};
use crate::domain::record::ErasureState;
use crate::units::{EntryIndex, Hash, Id128};

/// What the entries leave of erasures, holds and epochs.
#[derive(Default)]
pub(in super::super) struct Erasures {
    /// Everybody who was erased, by which entry.
    pub(in super::super) erased: HashMap<Id128, EntryIndex>,
    pub(in super::super) proposals: HashMap<Id128, Decided>,
    pub(in super::super) holds: HashMap<Id128, Decided>,
    /// Epochs by the public name of their key.
    pub(in super::super) epochs: HashMap<Hash, (EntryIndex, Option<EntryIndex>)>,
}

/// Something that one entry began and another may have ended.
#[derive(Clone, Debug)]
pub(in super::super) struct Decided {
    pub(in super::super) subject: Option<Id128>,
    pub(in super::super) reason: String,
    pub(in super::super) at_once: bool,
    pub(in super::super) began: (EntryIndex, Id128),
    pub(in super::super) ended: Option<(EntryIndex, Id128)>,
    pub(in super::super) state: ErasureState,
    /// When each of the two was recorded.
    pub(in super::super) times: (i64, Option<i64>),
    /// The newest epoch when a customer was erased.
    pub(in super::super) epoch: Option<i64>,
}

impl Decided {
    fn began(index: EntryIndex, entry: &Entry) -> Self {
        let reason = match field(entry, "reason") {
            Some(Detail::String(word)) => word.clone(),
            Some(_) | None => String::new(),
        };
        let at_once = field(entry, "at_once") == Some(&Detail::Bool(true));
        let (began, state) = ((index, entry.actor.id), ErasureState::Proposed);
        let times = (entry.time.as_micros(), None);
        Self { subject: entry.subject, reason, at_once, began, ended: None, state, times, epoch: None }
    }

    pub(in super::super) fn newest(&self) -> EntryIndex {
        self.ended.map_or(self.began.0, |(index, _)| index)
    }
}

impl Erasures {
    /// Takes an entry that is about no conversation; whether it is about any of this.
    pub(super) fn take(&mut self, index: EntryIndex, kind: &str, entry: &Entry) -> bool {
        match kind {
            "erasure.proposed" => {
                self.proposals.extend(id(entry, "erasure").map(|id| (id, Decided::began(index, entry))));
            }
            "erasure.rejected" => self.decided(index, ErasureState::Rejected, entry),
            "subject.erased" => {
                self.erased.extend(entry.subject.map(|subject| (subject, index)));
                self.decided(index, ErasureState::Erased, entry);
            }
            "hold.placed" => self.holds.extend(id(entry, "hold").map(|id| (id, Decided::began(index, entry)))),
            "hold.released" => {
                if let Some(hold) = id(entry, "hold").and_then(|id| self.holds.get_mut(&id)) {
                    hold.ended = Some((index, entry.actor.id));
                    hold.times.1 = Some(entry.time.as_micros());
                }
            }
            "key.rotated" => self.epochs.extend(hash(entry, "previous").map(|name| (name, (index, None)))),
            "key.destroyed" => {
                if let Some((_, destroyed)) = hash(entry, "fingerprint").and_then(|name| self.epochs.get_mut(&name)) {
                    *destroyed = Some(index);
                }
            }
            _ => return false,
        }
        true
    }

    fn decided(&mut self, index: EntryIndex, state: ErasureState, entry: &Entry) {
        let Some(id) = id(entry, "erasure") else { return };
        // One that is replayed was proposed nowhere here.
        let proposal = self.proposals.entry(id).or_insert_with(|| Decided::began(index, entry));
        proposal.ended = Some((index, entry.actor.id));
        proposal.times.1 = Some(entry.time.as_micros());
        (proposal.state, proposal.epoch) = (state, int(entry, "epoch"));
    }
}

impl Comparison<'_> {
    /// The rows about erasure that are not what the entries leave.
    pub(super) async fn erasures(&self, state: &Erasures, found: &mut Found) -> Result<(), Difference> {
        self.gone(state, found).await?;
        let sql = "SELECT id, subject, reason, proposed_by, proposed_seq, decided_by, decided_seq, state, at_once FROM erasure \
                   WHERE tenant = $1";
        let rows = self.client.query(sql, &[&self.log.tenant.0]).await?;
        compare("erasure", &state.proposals, &rows, found, |decided, row| {
            ErasureState::from_code(row.get(7)) == Some(decided.state)
                && row.get::<_, bool>(8) == decided.at_once
                && ErasureReason::from_code(row.get(2)).map(ErasureReason::word) == Some(&decided.reason)
        });
        let sql = "SELECT id, subject, reason, placed_by, placed_seq, released_by, released_seq FROM legal_hold WHERE tenant = $1";
        let rows = self.client.query(sql, &[&self.log.tenant.0]).await?;
        compare("legal_hold", &state.holds, &rows, found, |decided, row| {
            HoldReason::from_code(row.get(2)).map(HoldReason::word) == Some(&decided.reason)
        });
        self.epochs(state, found).await
    }

    /// Whoever was erased has no row that opens, finds or reaches them.
    async fn gone(&self, state: &Erasures, found: &mut Found) -> Result<(), Difference> {
        let erased: Vec<Uuid> = state.erased.keys().map(|id| Uuid::from_bytes(id.0)).collect();
        for (table, column) in [("subject", "id"), ("data_key", "subject"), ("identity", "subject")] {
            let sql = format!("SELECT DISTINCT {column} FROM {table} WHERE tenant = $1 AND {column} = ANY ($2)");
            for row in self.client.query(&sql, &[&self.log.tenant.0, &erased]).await? {
                let id = Id128(row.get::<_, Uuid>(0).into_bytes());
                found.add(table, &id, "its person was erased and is there again", state.erased.get(&id).copied());
            }
        }
        Ok(())
    }

    async fn epochs(&self, state: &Erasures, found: &mut Found) -> Result<(), Difference> {
        let sql = "SELECT epoch, fingerprint, retired_seq, destroyed_seq FROM retired_epoch WHERE tenant = $1";
        let mut missing: HashSet<Hash> = state.epochs.keys().copied().collect();
        for row in self.client.query(sql, &[&self.log.tenant.0]).await? {
            let name = row.get::<_, &[u8]>(1).try_into().ok().map(Hash);
            let Some((name, told)) = name.and_then(|name| Some((name, state.epochs.get(&name)?))) else {
                found.add("retired_epoch", &row.get::<_, i32>(0), "no entry speaks of it", None);
                continue;
            };
            missing.remove(&name);
            let is = (index(row.get(2)), row.get::<_, Option<i64>>(3).map(index));
            if is != *told {
                let newest = told.1.unwrap_or(told.0);
                found.add("retired_epoch", &row.get::<_, i32>(0), "its end is not what its entries say", Some(newest));
            }
        }
        for name in missing {
            found.add("retired_epoch", &name, "it is missing", state.epochs.get(&name).map(|told| told.0));
        }
        Ok(())
    }

    /// What no key opens: whose messages and notes those are must have been erased.
    pub(super) fn check_keyless(
        erased: &HashMap<Id128, EntryIndex>,
        keyless: &[(Id128, &'static str, EntryIndex)],
    ) -> Result<(), Difference> {
        let one = keyless.iter().find(|(subject, ..)| !erased.contains_key(subject));
        one.map_or(Ok(()), |(_, table, index)| {
            Err(Difference::Text {
                table,
                index: *index,
                what: "its person's data key is missing, and nobody erased them",
            })
        })
    }
}

/// Rows of proposals or holds, whose first columns are alike.
fn compare(
    table: &'static str,
    told: &HashMap<Id128, Decided>,
    rows: &[Row],
    found: &mut Found,
    is_same: impl Fn(&Decided, &Row) -> bool,
) {
    let mut missing: HashSet<Id128> = told.keys().copied().collect();
    for row in rows {
        let id = id_at(row, 0);
        let Some(decided) = told.get(&id) else {
            found.add(table, &id, "no entry speaks of it", None);
            continue;
        };
        missing.remove(&id);
        let ended = row.get::<_, Option<Uuid>>(5).zip(row.get::<_, Option<i64>>(6));
        let ended = ended.map(|(by, seq)| (index(seq), Id128(by.into_bytes())));
        let began = (index(row.get(4)), id_at(row, 3));
        let same = Some(id_at(row, 1)) == decided.subject
            && began == decided.began
            && ended == decided.ended
            && is_same(decided, row);
        if !same {
            found.add(table, &id, "it is not what its entries say", Some(decided.newest()));
        }
    }
    for id in missing {
        found.add(table, &id, "it is missing", told.get(&id).map(Decided::newest));
    }
}

fn id_at(row: &Row, column: usize) -> Id128 {
    Id128(row.get::<_, Uuid>(column).into_bytes())
}

fn index(value: i64) -> EntryIndex {
    EntryIndex(u64::try_from(value).unwrap_or(u64::MAX))
}
