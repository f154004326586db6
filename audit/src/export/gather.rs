//! Makes a package from a log's tiles alone, by one pass over the entries: the reference for whoever has an index.
//!
//! It trusts the tiles, which [`super::verify()`] and [`crate::fsck`] don't. It decides nothing of who may see what.

use super::ends::Ends;
use super::manifest::Scope;
use super::sha256;
use super::writer::{Draft, Writer};
use crate::checkpoint::SignedCheckpoint;
use crate::entry::{Chain, ChainPrev, Entry};
use crate::error::Error;
use crate::merkle::leaf_hash;
use crate::receipt::Opened;
use crate::seal::{ChainEnd, ChainEnds, KIND, Seal};
use crate::tile::{Part, TileDir, TilePath, WIDTH};
use crate::time::Timestamp;
use crate::types::{EntryIndex, Hash, Id128, TreeSize};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Range;
use std::path::Path;

/// What to put into a package.
#[derive(Clone, Debug)]
pub struct Request {
    /// What is asked for.
    pub scopes: Vec<Scope>,
    /// When it was asked for.
    pub made: Timestamp,
    /// The checkpoint that everything shall lead to; the tiles cover it.
    pub checkpoint: SignedCheckpoint,
    /// Names of staff to be opened; none for a package without names.
    pub staff: BTreeMap<Id128, String>,
    /// Canonical texts of policies; those that the entries name go with them.
    pub policies: Vec<Vec<u8>>,
}

/// Writes a package into a new folder; `open` says which texts of an entry go with it.
///
/// # Errors
/// `Gap`, `Malformed` or `Io` from the tiles; those of [`Writer`].
pub fn gather(
    directory: &Path,
    tiles: &TileDir,
    request: &Request,
    mut open: impl FnMut(&Entry) -> Result<Vec<Opened>, Error>,
) -> Result<Draft, Error> {
    let size = request.checkpoint.unverified().size;
    let tree = tiles.tree(size);
    let mut writer = Writer::create(directory, &tree, request.checkpoint.clone())?;
    let has_chain = request.scopes.iter().any(|scope| matches!(scope, Scope::Chain { .. }));
    let seal = if has_chain { newest_seal(tiles, size)? } else { None };
    let tail = if has_chain { seal.map_or(0, |(_, seal)| seal.upto.0) } else { size.0 };
    let mut pass = Pass::new(&request.scopes);
    for_each(tiles, size, 0..size.0, &mut |index, bytes| {
        let entry = Entry::parse(bytes)?;
        if index < tail && has_chain {
            pass.follow(&entry, bytes);
        }
        if pass.is_asked_for(&entry) {
            writer.entry(entry.seq, bytes.to_vec(), open(&entry)?)?;
            pass.policies.extend(entry.policy.as_ref().map(|policy| policy.digest));
        }
        pass.bound(&entry);
        Ok(())
    })?;
    pass.end(size);
    for bound in pass.bounds.range(..tail) {
        for_each(tiles, size, *bound..*bound + 1, &mut |index, bytes| {
            writer.context(EntryIndex(index), bytes.to_vec())
        })?;
    }
    for_each(tiles, size, tail..size.0, &mut |index, bytes| writer.context(EntryIndex(index), bytes.to_vec()))?;
    if !request.staff.is_empty() {
        writer.staff(&request.staff)?;
    }
    let is_named = |policy: &&Vec<u8>| pass.policies.contains(&sha256(policy));
    request.policies.iter().filter(is_named).try_for_each(|policy| writer.policy(policy))?;
    let ends = has_chain.then(|| pass.prove(seal)).transpose()?;
    writer.finish(request.scopes.clone(), request.made, ends.as_ref())
}

/// Calls `each` with the entries of a range in their order.
fn for_each(
    tiles: &TileDir,
    size: TreeSize,
    range: Range<u64>,
    each: &mut dyn FnMut(u64, &[u8]) -> Result<(), Error>,
) -> Result<(), Error> {
    for at in range.start / WIDTH..range.end.div_ceil(WIDTH) {
        let Some(tile) = TilePath::in_tree(Part::Entries, at, size) else { break };
        let bundle = tiles.bundle(tile)?;
        for (index, entry) in (at * WIDTH..).zip(bundle.entries()) {
            if range.contains(&index) {
                each(index, entry.bytes)?;
            }
        }
    }
    Ok(())
}

/// Looks for the newest seal, from the end.
fn newest_seal(tiles: &TileDir, size: TreeSize) -> Result<Option<(EntryIndex, Seal)>, Error> {
    for at in (0..size.0.div_ceil(WIDTH)).rev() {
        let mut newest = None;
        for_each(tiles, size, at * WIDTH..(at + 1) * WIDTH, &mut |index, bytes| {
            // Most entries are no seals: the kind is looked for before the entry is taken apart.
            if bytes.windows(KIND.len()).any(|window| window == KIND.as_bytes()) {
                newest = Seal::read(&Entry::parse(bytes)?)?.map(|seal| (EntryIndex(index), seal)).or(newest);
            }
            Ok(())
        })?;
        if newest.is_some() {
            return Ok(newest);
        }
    }
    Ok(None)
}

/// One pass over the log.
struct Pass<'r> {
    scopes: &'r [Scope],
    ends: HashMap<(Chain, Id128), ChainEnd>,
    /// Entries that show where a time begins and ends.
    bounds: BTreeSet<u64>,
    /// Digests of the policies that the entries asked for name.
    policies: BTreeSet<Hash>,
    /// Time of the entry before.
    before: Option<Timestamp>,
}

impl<'r> Pass<'r> {
    fn new(scopes: &'r [Scope]) -> Self {
        Self { scopes, ends: HashMap::new(), bounds: BTreeSet::new(), policies: BTreeSet::new(), before: None }
    }

    fn follow(&mut self, entry: &Entry, bytes: &[u8]) {
        let last = ChainPrev { leaf: leaf_hash(bytes), seq: entry.seq };
        for link in &entry.chains {
            if let Some(id) = entry.chain_id(link.of) {
                self.ends.insert((link.of, id), ChainEnd { of: link.of, id, n: link.n, last });
            }
        }
    }

    fn is_asked_for(&self, entry: &Entry) -> bool {
        self.scopes.iter().any(|scope| match scope {
            Scope::Chain { of, id } => entry.chain_id(*of) == Some(*id),
            Scope::Range { from, to } => *from <= entry.time && entry.time < *to,
        })
    }

    /// Remembers the entry before a time begins, and the first after it.
    fn bound(&mut self, entry: &Entry) {
        for scope in self.scopes {
            let Scope::Range { from, to } = scope else { continue };
            let is_before = entry.time < *from;
            if !is_before && self.before.is_some_and(|before| before < *from) {
                self.bounds.insert(entry.seq.0.saturating_sub(1));
            }
            if entry.time >= *to && self.before.is_none_or(|before| before < *to) {
                self.bounds.insert(entry.seq.0);
            }
        }
        self.before = Some(entry.time);
    }

    /// A time that begins after the log's end is shown by its last entry.
    fn end(&mut self, size: TreeSize) {
        let newest = self.before.zip(size.last_index());
        let is_after =
            |time| self.scopes.iter().any(|scope| matches!(scope, Scope::Range { from, .. } if time < *from));
        if let Some((_, last)) = newest.filter(|(time, _)| is_after(*time)) {
            self.bounds.insert(last.0);
        }
    }

    fn prove(&self, seal: Option<(EntryIndex, Seal)>) -> Result<Ends, Error> {
        if seal.is_none() {
            return Ok(Ends::default());
        }
        let ends = ChainEnds::new(self.ends.values().copied().collect());
        let proofs = self.scopes.iter().filter_map(|scope| match scope {
            Scope::Chain { of, id } => Some(ends.prove(*of, *id)),
            Scope::Range { .. } => None,
        });
        Ok(Ends { seal, proofs: proofs.collect::<Result<_, _>>()? })
    }
}
