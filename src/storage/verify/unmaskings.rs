//! Requests to open masked values, held against the entries that speak of them: nothing was asked for, granted or opened by a
//! row alone.

use std::collections::{HashMap, HashSet};

use lww_audit::Entry;
use lww_audit::entry::Detail;
use tokio_postgres::Row;
use uuid::Uuid;

use super::amendments::{Act, act};
use super::rows::Found;
use super::state::{id, int};
use super::{Comparison, Difference, field};
use crate::domain::record::UnmaskingState;
use crate::units::{EntryIndex, Id128, Timestamp};

/// What the entries leave of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in super::super) struct Asked {
    pub(in super::super) state: UnmaskingState,
    /// The conversation's public id.
    pub(in super::super) conversation: Id128,
    pub(in super::super) subject: Id128,
    pub(in super::super) message: Id128,
    pub(in super::super) span: i64,
    pub(in super::super) of: i64,
    pub(in super::super) until: Option<Timestamp>,
    pub(in super::super) requested: Act,
    pub(in super::super) decided: Option<Act>,
    pub(in super::super) used: Option<Act>,
}

impl Asked {
    fn began(act: Act, entry: &Entry) -> Option<Self> {
        Some(Self {
            state: UnmaskingState::Requested,
            conversation: entry.conversation?,
            subject: entry.subject?,
            message: id(entry, "message")?,
            span: int(entry, "span")?,
            of: int(entry, "of")?,
            until: None,
            requested: act,
            decided: None,
            used: None,
        })
    }

    /// The newest entry about it.
    pub(in super::super) fn newest(&self) -> EntryIndex {
        self.used.or(self.decided).unwrap_or(self.requested).0
    }
}

/// What the entries leave of them all.
#[derive(Default)]
pub(in super::super) struct Unmaskings(pub(in super::super) HashMap<Id128, Asked>);

impl Unmaskings {
    /// Takes an entry about a conversation.
    pub(super) fn take(&mut self, index: EntryIndex, kind: &str, entry: &Entry) {
        let act = (index, entry.actor.id);
        let Some(unmasking) = id(entry, "unmasking").filter(|_| kind.starts_with("unmask.")) else { return };
        if kind == "unmask.requested" {
            self.0.extend(Asked::began(act, entry).map(|asked| (unmasking, asked)));
            return;
        }
        let Some(asked) = self.0.get_mut(&unmasking) else { return };
        match kind {
            "unmask.granted" => {
                asked.until = match field(entry, "until") {
                    Some(Detail::String(until)) => until.parse().ok(),
                    Some(_) | None => None,
                };
                (asked.state, asked.decided) = (UnmaskingState::Granted, Some(act));
            }
            "unmask.denied" => (asked.state, asked.decided) = (UnmaskingState::Denied, Some(act)),
            "unmask.used" => (asked.state, asked.used) = (UnmaskingState::Used, Some(act)),
            _ => {}
        }
    }
}

impl Comparison<'_> {
    /// The rows about requests that are not what the entries leave.
    pub(super) async fn unmaskings(&self, state: &Unmaskings, found: &mut Found) -> Result<(), Difference> {
        let sql = "SELECT u.id, u.state, c.public_id, u.subject, u.message, u.span, u.of_seq, u.until, u.requested_by, \
                       u.requested_seq, u.decided_by, u.decided_seq, u.used_by, u.used_seq \
                   FROM unmasking u LEFT JOIN conversation c ON c.tenant = $1 AND c.id = u.conversation WHERE u.tenant = $1";
        let mut missing: HashSet<Id128> = state.0.keys().copied().collect();
        for row in self.client.query(sql, &[&self.log.tenant.0]).await? {
            let id = Id128(row.get::<_, Uuid>(0).into_bytes());
            let Some(asked) = state.0.get(&id) else {
                found.add("unmasking", &id, "no entry speaks of it", None);
                continue;
            };
            missing.remove(&id);
            if as_asked(&row).as_ref() != Some(asked) {
                found.add("unmasking", &id, "it is not what its entries say", Some(asked.newest()));
            }
        }
        for id in missing {
            found.add("unmasking", &id, "it is missing", state.0.get(&id).map(|asked| asked.requested.0));
        }
        Ok(())
    }
}

/// A row as entries would tell it.
fn as_asked(row: &Row) -> Option<Asked> {
    let id = |column: usize| Some(Id128(row.get::<_, Option<Uuid>>(column)?.into_bytes()));
    let some = |first: usize| Some(act(row.get::<_, Option<Uuid>>(first)?, row.get::<_, Option<i64>>(first + 1)?));
    Some(Asked {
        state: UnmaskingState::from_code(row.get(1))?,
        conversation: id(2)?,
        subject: id(3)?,
        message: id(4)?,
        span: i64::from(row.get::<_, i32>(5)),
        of: row.get(6),
        until: row.get::<_, Option<i64>>(7).map(Timestamp::from_micros),
        requested: some(8)?,
        decided: some(10),
        used: some(12),
    })
}
