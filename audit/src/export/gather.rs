//! Makes a package from a log's tiles alone, by one pass over the entries: the reference for whoever has an index.
//!
//! It trusts the tiles, which [`super::verify()`] and [`crate::fsck`] don't. It decides nothing of who may see what: texts
//! come from a [`Source`], names only of those who act in the package or are named in it.

use super::ends::Ends;
use super::manifest::Scope;
use super::writer::{Draft, Writer};
use super::{refuse, sha256};
use crate::checkpoint::SignedCheckpoint;
use crate::entry::{Chain, ChainPrev, Detail, Entry};
use crate::error::{Error, Format};
use crate::generation::Generations;
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
    /// Names of staff that may be opened; of these, those whom the entries name go with them.
    pub staff: BTreeMap<Id128, String>,
    /// Canonical texts of policies; those that the entries name go with them.
    pub policies: Vec<Vec<u8>>,
    /// Most bytes of entries with their texts and paths; more are refused.
    pub bytes_max: u64,
}

/// Brings what the log itself doesn't hold, and hears how far the work is.
pub trait Source {
    /// Says which texts go with each of some entries of the package, which follow one another.
    ///
    /// # Errors
    /// Its own; the work ends with it.
    fn open(&mut self, entries: &[Entry]) -> Result<Vec<Vec<Opened>>, Error>;

    /// Hears how many entries of the log were looked at, of how many; an error ends the work.
    ///
    /// # Errors
    /// Its own.
    fn looked_at(&mut self, _done: u64, _all: u64) -> Result<(), Error> {
        Ok(())
    }
}

impl<F: FnMut(&Entry) -> Result<Vec<Opened>, Error>> Source for F {
    fn open(&mut self, entries: &[Entry]) -> Result<Vec<Vec<Opened>>, Error> {
        entries.iter().map(self).collect()
    }
}

/// Writes a package into a new folder; `source` says which texts go with its entries.
///
/// # Errors
/// `Gap`, `Malformed` or `Io` from the tiles; `TooLong` if it has more bytes than are asked for; those of [`Writer`] and of
/// the source.
pub fn gather(directory: &Path, tiles: &TileDir, request: &Request, source: &mut dyn Source) -> Result<Draft, Error> {
    let size = request.checkpoint.unverified().size;
    let tree = tiles.tree(size);
    let mut writer = Writer::create(directory, &tree, request.checkpoint.clone())?;
    let has_chain = request.scopes.iter().any(|scope| matches!(scope, Scope::Chain { .. }));
    let seal = if has_chain { newest_seal(tiles, size)? } else { None };
    let tail = if has_chain { seal.map_or(0, |(_, seal)| seal.upto.0) } else { size.0 };
    let mut pass = Pass::new(&request.scopes);
    for at in 0..size.0.div_ceil(WIDTH) {
        let (mut entries, mut bytes) = (Vec::new(), Vec::new());
        for_each(tiles, size, at * WIDTH..(at + 1) * WIDTH, &mut |index, read| {
            let entry = Entry::parse(read)?;
            if index < tail && has_chain {
                pass.follow(&entry, read);
            }
            pass.bound(&entry);
            if pass.is_asked_for(&entry) {
                pass.name(&entry);
                entries.push(entry);
                bytes.push(read.to_vec());
            }
            Ok(())
        })?;
        let opened = if entries.is_empty() { Vec::new() } else { source.open(&entries)? };
        if opened.len() != entries.len() {
            return Err(refuse("the source doesn't say of each entry what is opened of it"));
        }
        for ((entry, bytes), opened) in entries.iter().zip(bytes).zip(opened) {
            writer.entry(entry.seq, bytes, opened)?;
        }
        within(&writer, request.bytes_max)?;
        source.looked_at(size.0.min((at + 1) * WIDTH), size.0)?;
    }
    pass.end(size);
    for bound in pass.bounds.range(..tail) {
        for_each(tiles, size, *bound..*bound + 1, &mut |index, bytes| {
            writer.context(EntryIndex(index), bytes.to_vec())
        })?;
    }
    for_each(tiles, size, tail..size.0, &mut |index, bytes| {
        writer.context(EntryIndex(index), bytes.to_vec())?;
        within(&writer, request.bytes_max)
    })?;
    let named = request.staff.iter().filter(|(id, _)| pass.named.contains(id));
    let named: BTreeMap<Id128, String> = named.map(|(id, name)| (*id, name.clone())).collect();
    if !named.is_empty() {
        writer.staff(&named)?;
    }
    let is_named = |policy: &&Vec<u8>| pass.policies.contains(&sha256(policy));
    request.policies.iter().filter(is_named).try_for_each(|policy| writer.policy(policy))?;
    let generations = Generations::in_tiles(tiles, request.checkpoint.unverified())?;
    if !generations.is_empty() {
        writer.generations(&generations)?;
    }
    let ends = has_chain.then(|| pass.prove(seal)).transpose()?;
    writer.finish(request.scopes.clone(), request.made, ends.as_ref())
}

/// Refuses more bytes than were asked for.
fn within<T: crate::merkle::NodeReader>(writer: &Writer<'_, T>, max: u64) -> Result<(), Error> {
    let got = writer.bytes();
    if got > max { Err(Error::TooLong { what: Format::Package, max, got }) } else { Ok(()) }
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
    /// Who acts in the entries asked for, and every other id that their details name.
    named: BTreeSet<Id128>,
    /// Time of the entry before.
    before: Option<Timestamp>,
}

impl<'r> Pass<'r> {
    fn new(scopes: &'r [Scope]) -> Self {
        let (bounds, policies, named) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
        Self { scopes, ends: HashMap::new(), bounds, policies, named, before: None }
    }

    /// Remembers what an entry that was asked for names outside itself.
    fn name(&mut self, entry: &Entry) {
        self.policies.extend(entry.policy.as_ref().map(|policy| policy.digest));
        self.named.insert(entry.actor.id);
        ids(&entry.detail, &mut self.named);
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

/// Finds the ids in a detail.
fn ids(detail: &Detail, found: &mut BTreeSet<Id128>) {
    match detail {
        Detail::String(text) => found.extend(text.parse::<Id128>().ok()),
        Detail::Array(items) => items.iter().for_each(|item| ids(item, found)),
        Detail::Object(members) => members.values().for_each(|member| ids(member, found)),
        Detail::Null | Detail::Bool(_) | Detail::Int(_) => {}
    }
}
