//! The last step of a recovery: entries that say what was done, the head behind them, and the commit.

use lww_audit::Entry;
use lww_audit::entry::{self, Kind};
use lww_audit::merkle::{Frontier, leaf_hash};
use tokio_postgres::types::ToSql;

use super::gap::{Added, Gap};
use super::plan::{Approved, Plan};
use super::walk::Walk;
use super::{Known, RecoverError, Recovery};
use crate::domain::event::{Event, Recovered, Role};
use crate::storage::PARTITION_ENTRIES;
use crate::storage::database::Database;
use crate::storage::head::{Head, LogName};
use crate::units::{EntryIndex, Hash, SERVER_ACTOR, Timestamp, TreeSize};

impl Recovery<'_> {
    /// Records the act as the log's next entry, moves the head, and commits.
    pub(super) async fn finish(
        &self,
        database: &Database,
        (head, known): (&Head, &Known),
        walk: Walk,
        (plan, approved): (&Plan, &Approved),
        gap: Option<&Gap<'_>>,
    ) -> Result<(), RecoverError> {
        if plan.digest() != approved.plan {
            return Err(RecoverError::OtherPlan);
        }
        let (added, guarded) = match gap {
            None => (self.recovered(database, walk, (plan, approved)).await?, None),
            Some(gap) => {
                let (added, guarded) = gap.declare(self, (database, known), walk, (plan, approved)).await?;
                (added, Some((guarded, gap.opening)))
            }
        };
        self.move_head(database, head, &added).await?;
        let warnings = database.warnings();
        let committed = database.client.batch_execute("COMMIT").await;
        if committed.is_err() || database.warnings() != warnings {
            return Err(RecoverError::Unknown);
        }
        if let Some((guarded, opening)) = guarded {
            guarded.write(opening, self)?;
        }
        Ok(())
    }

    /// Adds the entry that tells what was put back.
    async fn recovered(
        &self,
        database: &Database,
        walk: Walk,
        (plan, approved): (&Plan, &Approved),
    ) -> Result<Added, RecoverError> {
        let (index, time) = (EntryIndex(plan.upto), self.now.max(walk.last_time));
        let event = Event::LogRecovered(Box::new(Recovered {
            from: TreeSize(plan.database),
            upto: TreeSize(plan.upto),
            root: walk.frontier.root(),
            reason: self.reason,
            lost: plan.lost,
            plan: approved.plan,
            approvers_of: approved.of.clone(),
            approved_by: approved.by,
        }));
        let body = entry_of(self.log, &event, index, (walk.last_leaf, time))?;
        let generation = i32::try_from(self.log.generation).unwrap_or(i32::MAX);
        insert(database, self.log, generation, index.0, std::slice::from_ref(&body)).await?;
        let mut frontier: Frontier = walk.frontier;
        let last_leaf = leaf_hash(&body);
        frontier.push(last_leaf);
        Ok(Added { frontier, last_leaf, time })
    }

    /// Moves the head behind what was added. Whoever still believes to have the log finds another epoch, and can't write.
    async fn move_head(&self, database: &Database, head: &Head, added: &Added) -> Result<(), RecoverError> {
        let sql = "UPDATE log_head SET size = $2, root = $3, last_leaf = $4, last_time = $5, frontier = $6, epoch = epoch + 1, \
                   lease_expires = '-infinity' WHERE tenant = $1 AND size = $7 AND epoch = $8";
        let size = |size: TreeSize| i64::try_from(size.0).unwrap_or(i64::MAX);
        let Added { frontier, last_leaf, time } = added;
        let root = frontier.root();
        let own: [&(dyn ToSql + Sync); 8] = [
            &self.log.tenant.0,
            &size(frontier.size()),
            &root.as_bytes().as_slice(),
            &last_leaf.as_bytes().as_slice(),
            &time.as_micros(),
            &frontier.to_bytes(),
            &size(head.size()),
            &head.epoch,
        ];
        if database.client.execute(sql, &own).await? == 1 { Ok(()) } else { Err(RecoverError::Held) }
    }
}

/// The bytes of an entry that this command adds to a log.
pub(super) fn entry_of(
    log: &LogName,
    event: &Event,
    seq: EntryIndex,
    (prev, time): (Hash, Timestamp),
) -> Result<Vec<u8>, RecoverError> {
    let entry = Entry {
        log: log.origin()?,
        seq,
        time,
        kind: Kind::new(event.kind())?,
        actor: entry::Actor { id: SERVER_ACTOR.0, role: entry::Role::new(Role::Operator.word())? },
        tenant: log.tenant_name.clone(),
        conversation: None,
        channel: None,
        subject: None,
        policy: None,
        content: None,
        chains: Vec::new(),
        detail: event.detail(),
        prev,
    };
    Ok(entry.to_bytes()?)
}

/// Inserts entries that follow each other.
pub(super) async fn insert(
    database: &Database,
    log: &LogName,
    generation: i32,
    first: u64,
    bodies: &[Vec<u8>],
) -> Result<(), RecoverError> {
    let seqs: Vec<i64> = (first..).take(bodies.len()).map(|seq| i64::try_from(seq).unwrap_or(i64::MAX)).collect();
    let last = first + bodies.len() as u64 - 1;
    for partition in [first / PARTITION_ENTRIES, last / PARTITION_ENTRIES] {
        let start = i64::try_from(partition * PARTITION_ENTRIES).unwrap_or(i64::MAX);
        let sql = "SELECT ensure_partition($1, $2, $3)";
        database.client.execute(sql, &[&log.tenant.0, &generation, &start]).await?;
    }
    let sql = "INSERT INTO ledger_entry (tenant, generation, seq, body) SELECT $1, $2, u.* FROM unnest($3::bigint[], $4::bytea[]) u";
    database.client.execute(sql, &[&log.tenant.0, &generation, &seqs, &bodies]).await?;
    Ok(())
}
