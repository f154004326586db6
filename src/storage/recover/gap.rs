//! The last resort: entries that were signed are nowhere any more, so that the log goes on as its next generation, and says so.
//!
//! What survived stays as it is, in its own bytes and places. Behind it stands what is declared of the gap, and in the place of each
//! other lost entry one that says no more than that, so that no index ever means two entries and no size shrinks. The old
//! generation's guard stays for ever as the memory of what was signed; the new one gets its own.

use std::collections::BTreeMap;

use lww_audit::merkle::{Frontier, consistency_path, leaf_hash, root_at};
use lww_audit::{Checkpoint, Declaration, Note, SignedCheckpoint, SignedDeclaration, VerifierKey};
use serde::Serialize;

use super::finish::entry_of;
use super::plan::Approved;
use super::walk::Walk;
use super::{Known, PAGE_ENTRIES, Plan, RecoverError, Recovery, insert};
use crate::domain::event::{Declared, Event};
use crate::ports::{Activates, EntrySeen, Signer};
use crate::storage::FatalError;
use crate::storage::PARTITION_ENTRIES;
use crate::storage::database::Database;
use crate::storage::guard::Guard;
use crate::storage::head::{self, Head, LogName};
use crate::units::{EntryIndex, Hash, Timestamp, TreeSize};

/// Longest signed checkpoint that goes into a declaration with everybody's signatures; of a longer one the log's own stay.
const LAST_BYTES_MAX: usize = 4096;

/// The generation that may be opened when nothing else is left.
pub struct Opening<'a> {
    /// The log as its next generation.
    pub log: &'a LogName,
    /// Its key; a plan needs none.
    pub signer: Option<&'a dyn Signer>,
}

/// What a plan says of a gap.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PlannedGap {
    /// The new generation.
    pub origin: String,
    /// The greatest head that is known to have been signed: entries from the plan's `upto` up to this size are lost.
    pub lost: u64,
    /// Its root.
    pub root: String,
    /// What was missing, and where it was looked for.
    pub missing: String,
    /// How many of the entries that survive are proven to be those that were signed.
    pub proven: u64,
    /// Whether the old generation's key still exists, and signs for the new one.
    pub old_key: bool,
    /// Accounts whose passwords are not believed any more.
    pub passwords: u64,
}

/// How far a log survived, and what shows that.
pub(super) struct Gap<'a> {
    pub(super) opening: &'a Opening<'a>,
    pub(super) kept: TreeSize,
    /// The roots that lie on the way there.
    pub(super) roots: BTreeMap<TreeSize, Hash>,
    /// The greatest head that was signed.
    pub(super) lost: (TreeSize, Hash),
    path: Vec<Hash>,
    missing: String,
}

/// What was added to the log, and where it ends then.
pub(super) struct Added {
    pub(super) frontier: Frontier,
    pub(super) last_leaf: Hash,
    pub(super) time: Timestamp,
}

impl<'a> Gap<'a> {
    /// Finds what survives of a log whose database ends at `from`, and of which entries could be had up to `reached`: no more than is
    /// under a signed root, and no less than what the database has itself.
    pub(super) fn find(
        of: &'a Recovery<'_>,
        opening: &'a Opening<'a>,
        known: &Known,
        (from, reached): (TreeSize, TreeSize),
        missing: String,
    ) -> Result<Self, RecoverError> {
        let mut roots = known.roots()?;
        let lost = roots.last_key_value().map(|(size, root)| (*size, *root)).ok_or(RecoverError::Empty)?;
        let published = known.published.as_ref().map(SignedCheckpoint::unverified);
        let tree = published
            .filter(|signed| root_at(&of.tiles.tree(signed.size), signed.size).is_ok_and(|root| root == signed.root));
        let proven = tree.filter(|signed| signed.size >= reached).map(|_| reached);
        let below = || roots.range(from..=reached).next_back().map(|(size, _)| *size);
        let kept = proven.or_else(below).unwrap_or(from);
        let mut path = Vec::new();
        if let Some(signed) = tree.filter(|signed| signed.size >= kept) {
            let tiles = of.tiles.tree(signed.size);
            if let (Ok(root), Ok(found)) = (root_at(&tiles, kept), consistency_path(&tiles, kept, signed.size)) {
                roots.insert(kept, root);
                path = found;
            }
        }
        roots.retain(|size, _| *size <= kept);
        Ok(Self { opening, kept, roots, lost, path, missing })
    }

    /// What the plan says of it.
    pub(super) fn planned(&self, of: &Recovery<'_>, known: &Known, passwords: u64) -> Result<PlannedGap, RecoverError> {
        let signed = known.last().map_or(TreeSize(0), |last| last.unverified().size);
        let is_proven = signed <= self.kept || !self.path.is_empty();
        Ok(PlannedGap {
            origin: self.opening.log.origin()?.to_string(),
            lost: self.lost.0.0,
            root: self.lost.1.to_string(),
            missing: self.missing.clone(),
            proven: if is_proven { signed.min(self.kept).0 } else { 0 },
            old_key: of.signer.is_some(),
            passwords,
        })
    }

    /// Adds what is declared, and an entry in the place of each other lost one; all entries are of the new generation from here on.
    pub(super) async fn declare(
        &self,
        of: &Recovery<'_>,
        (database, known): (&Database, &Known),
        walk: Walk,
        (plan, approved): (&Plan, &Approved),
    ) -> Result<(Added, Guarded), RecoverError> {
        let time = of.now.max(walk.last_time);
        let (tenant, generation) = (of.log.tenant, signed_generation(self.opening.log));
        to_generation(database, of.log, generation, walk.frontier.size()).await?;
        let declaration = self.signed(of, known, (&walk, time), (plan, approved)).await?;
        let declared = Declared { declaration, from: TreeSize(plan.database), lost: plan.lost };
        let mut next = Event::GenerationDeclared(Box::new(declared));
        let mut added = Added { frontier: walk.frontier, last_leaf: walk.last_leaf, time };
        let mut activated = walk.activated;
        let mut page = Vec::new();
        while added.frontier.size() < self.lost.0 {
            let index = EntryIndex(added.frontier.size().0);
            let body = entry_of(self.opening.log, &next, index, (added.last_leaf, time))?;
            added.last_leaf = leaf_hash(&body);
            added.frontier.push(added.last_leaf);
            if next != Event::EntryLost {
                activated.note(Activates::Key, EntrySeen { index, leaf: added.last_leaf });
            }
            next = Event::EntryLost;
            page.push(body);
            let is_full = i64::try_from(page.len()).is_ok_and(|len| len == PAGE_ENTRIES);
            if is_full || added.frontier.size() == self.lost.0 {
                let first = added.frontier.size().0 - page.len() as u64;
                insert(database, of.log, generation, first, &page).await?;
                page.clear();
            }
        }
        let sql = "UPDATE log_head SET generation = $2 WHERE tenant = $1";
        database.client.execute(sql, &[&tenant.0, &generation]).await?;
        let guarded = Guarded { frontier: added.frontier.clone(), activated };
        Ok((added, guarded))
    }

    /// The note that declares the gap, signed by both keys or by the one that is left.
    async fn signed(
        &self,
        of: &Recovery<'_>,
        known: &Known,
        (walk, opened): (&Walk, Timestamp),
        (plan, approved): (&Plan, &Approved),
    ) -> Result<String, RecoverError> {
        let new = self.opening.signer.ok_or(RecoverError::OtherPlan)?;
        let declared = Declaration {
            origin: self.opening.log.origin()?,
            opened,
            kept: (walk.frontier.size(), walk.frontier.root()),
            lost: self.lost,
            reason: plan.reason.to_owned(),
            tenant: approved.of.clone(),
            by: approved.by.map(|account| account.0),
            plan: approved.plan,
            old: of.signer.map(|old| old.vkey().parse()).transpose()?,
            new: new.vkey().parse()?,
            path: self.path.clone(),
            last: self.last(of, known).await?,
        };
        let text = declared.to_string();
        let mut lines = Vec::new();
        for signer in of.signer.into_iter().chain([new]) {
            let note = signer.sign(&text).await.map_err(|error| FatalError::Sign(error.reason))?;
            lines.extend(Note::parse(note.as_bytes())?.signatures().iter().cloned());
        }
        let signed = SignedDeclaration::with_signatures(&declared, lines)?;
        // What nobody could verify afterwards must not be recorded.
        let trusted: Vec<VerifierKey> = of.keys.iter().cloned().chain([declared.new.clone()]).collect();
        signed.verify(&trusted)?;
        Ok(signed.note().to_string())
    }

    /// The last signed checkpoint that is at hand; without any, one of the head that the guard knows, which was signed before.
    async fn last(&self, of: &Recovery<'_>, known: &Known) -> Result<SignedCheckpoint, RecoverError> {
        if let Some(last) = known.last() {
            let (name, note) = (&last.unverified().origin, last.note());
            if note.to_string().len() <= LAST_BYTES_MAX {
                return Ok(last.clone());
            }
            let own = note.signatures().iter().filter(|line| line.name == name.as_str()).cloned().collect();
            return Ok(SignedCheckpoint::with_signatures(last.unverified().clone(), own)?);
        }
        let old = of.signer.ok_or(RecoverError::NothingSigned)?;
        let head = Checkpoint { origin: of.log.origin()?, size: self.lost.0, root: self.lost.1 };
        let signed = old.sign(&head.to_string()).await.map_err(|error| FatalError::Sign(error.reason))?;
        Ok(SignedCheckpoint::parse(signed.as_bytes())?)
    }
}

/// What the new generation's guard holds from the beginning.
pub(super) struct Guarded {
    frontier: Frontier,
    activated: crate::ports::Activated,
}

impl Guarded {
    /// Writes it, once the generation is committed: a crash before is made up for by the next run.
    pub(super) fn write(&self, opening: &Opening<'_>, of: &Recovery<'_>) -> Result<(), FatalError> {
        let name = format!("{}-{}", opening.log.tenant_name, opening.log.generation);
        Guard::open(&of.guard.with_file_name(name))?.advance(&self.frontier, &self.activated)
    }
}

/// Makes up for a crash between a generation's commit and its guard: nothing was written behind what it declares, so that the rows
/// are what two people approved. `false` when it is otherwise.
pub(super) async fn finish(of: &Recovery<'_>, database: &Database) -> Result<bool, RecoverError> {
    if of.log.generation <= head::FIRST_GENERATION {
        return Ok(false);
    }
    // A server that refused to start left an empty one.
    if of.guard.exists() && Guard::open(of.guard)?.frontier().is_some() {
        return Ok(false);
    }
    let Some(head) = head::read(&database.client, of.log.tenant).await? else { return Ok(false) };
    let mut walk = Walk::new(of.log.origin()?, BTreeMap::new(), head.size());
    of.walk_rows(database, &mut walk, &head, (head.size(), &|_, _| {})).await?;
    let Some(declared) = walk.declared.filter(|declared| declared.unverified().lost.0 == head.size()) else {
        return Ok(false);
    };
    declared.verify(of.keys)?;
    Guard::open(of.guard)?.advance(&walk.frontier, &walk.activated)?;
    Ok(true)
}

/// Has a log's rows be of a later generation, in the transaction that is open.
pub(super) async fn to_generation(
    database: &Database,
    log: &LogName,
    generation: i32,
    size: TreeSize,
) -> Result<(), RecoverError> {
    let (client, tenant) = (&database.client, log.tenant.0);
    for partition in 0..size.0.div_ceil(PARTITION_ENTRIES) {
        let start = i64::try_from(partition * PARTITION_ENTRIES).unwrap_or(i64::MAX);
        client.execute("SELECT ensure_partition($1, $2, $3)", &[&tenant, &generation, &start]).await?;
    }
    let sql = "UPDATE ledger_entry SET generation = $2 WHERE tenant = $1 AND generation < $2";
    client.execute(sql, &[&tenant, &generation]).await?;
    Ok(())
}

/// Has the rows of a database from before a later generation was opened be read as the beginning of that.
pub(super) async fn catch_up(of: &Recovery<'_>, database: &Database, head: &Head) -> Result<(), RecoverError> {
    if head.generation >= of.log.generation {
        return Ok(());
    }
    let generation = signed_generation(of.log);
    to_generation(database, of.log, generation, head.size()).await?;
    let sql = "UPDATE log_head SET generation = $2 WHERE tenant = $1";
    database.client.execute(sql, &[&of.log.tenant.0, &generation]).await?;
    Ok(())
}

fn signed_generation(log: &LogName) -> i32 {
    i32::try_from(log.generation).unwrap_or(i32::MAX)
}
