//! Reads all bundles: each entry against its leaf hash, and then against the entries before it.
//!
//! It relies on the tiles having been hashed before; when they don't lead to the signed root, it only looks for the
//! first leaf hash that is not its entry's, because that tile is then the bad file. Source: `FORMAT.md`, "Entry".

use super::chains::Tips;
use super::keys::Keys;
use super::lineage::Lineage;
use super::tiles::Tiles;
use super::{Finding, Pass, Progress};
use crate::checkpoint::Checkpoint;
use crate::entry::{Entry, Kind};
use crate::error::{Error, Format, Link, malformed};
use crate::merkle::leaf_hash;
use crate::tile::{BundleEntry, HASH_BYTES, Part, TileDir, TilePath, TreeReader, WIDTH, walk};
use crate::time::Timestamp;
use crate::types::{EntryIndex, Hash};
use std::collections::BTreeMap;
use std::path::Path;

/// What the entries were found to be.
pub(super) struct Contents {
    pub(super) times: Option<(Timestamp, Timestamp)>,
    pub(super) kinds: BTreeMap<Kind, u64>,
    pub(super) tips: Tips,
    pub(super) lineage: Lineage,
    keys: Keys,
    prev: Hash,
}

pub(super) fn check(
    directory: &TileDir,
    checkpoint: &Checkpoint,
    tiles: &Tiles,
    progress: &mut dyn FnMut(Progress),
) -> Result<Contents, Box<Finding>> {
    let mut contents = Contents {
        times: None,
        kinds: BTreeMap::new(),
        tips: Tips::default(),
        lineage: Lineage::new(&checkpoint.origin),
        keys: Keys::default(),
        prev: Hash::ZERO,
    };
    let total = checkpoint.size.0;
    let tree = directory.tree(checkpoint.size);
    let in_directory = |error| Box::new(Finding::from_error(directory.path(), error));
    for index in 0..total.div_ceil(WIDTH) {
        let Some(tile) = TilePath::in_tree(Part::Level(0), index, checkpoint.size) else { break };
        let leaves = directory.tile(tile).map_err(in_directory)?;
        let bundle = TilePath { part: Part::Entries, ..tile };
        let (file, bytes) = directory.bundle_bytes(bundle).map_err(in_directory)?;
        let first = index * WIDTH;
        let mut entries = walk(&bytes);
        let mut at = 0;
        for (n, leaf) in (0..).zip(&leaves) {
            let entry = entries.next().unwrap_or_else(|| Err(malformed(Format::Bundle, bytes.len(), "ends early")));
            let place =
                Place { file: &file, tile_file: &tile.under(directory.path()), n, at, index: EntryIndex(first + n) };
            at = contents.add(tiles.are_genuine.then_some(&tree), place, entry, leaf)?;
        }
        if file == bundle.under(directory.path()) && at < bytes.len() as u64 {
            let error =
                malformed(Format::Bundle, usize::try_from(at).unwrap_or(usize::MAX), "goes on behind its last entry");
            return Err(Box::new(Finding::from_error(&file, error)));
        }
        progress(Progress { pass: Pass::Entries, done: first + leaves.len() as u64, total });
    }
    Ok(contents)
}

/// Where an entry is.
#[derive(Clone, Copy)]
struct Place<'a> {
    /// The bundle.
    file: &'a Path,
    /// The tile with its leaf hash.
    tile_file: &'a Path,
    /// Position in both.
    n: u64,
    /// Offset of the entry's length in the bundle.
    at: u64,
    index: EntryIndex,
}

impl Place<'_> {
    fn finding(self, kind: Option<Kind>, error: Error) -> Box<Finding> {
        let file = self.file.to_owned();
        Box::new(Finding { file, offset: Some(self.at), entry: Some(self.index), kind, error })
    }
}

impl Contents {
    /// Checks the next entry and returns where the one after it begins; `genuine` is the tree, if it is the signed one.
    fn add(
        &mut self,
        genuine: Option<&TreeReader<'_>>,
        place: Place<'_>,
        entry: Result<BundleEntry<'_>, Error>,
        leaf: &Hash,
    ) -> Result<u64, Box<Finding>> {
        let entry = entry.map_err(|error| place.finding(None, error))?;
        let next = entry.offset + entry.bytes.len() as u64;
        let got = leaf_hash(entry.bytes);
        if got != *leaf {
            let kind = claimed_kind(entry.bytes);
            let mut finding = place.finding(kind, Error::BadHash { expected: *leaf, got });
            if genuine.is_none() {
                place.tile_file.clone_into(&mut finding.file);
                finding.offset = Some(place.n * HASH_BYTES as u64);
                finding.error = Error::BadHash { expected: got, got: *leaf };
            }
            return Err(finding);
        }
        if let Some(tree) = genuine {
            let parsed = Entry::parse(entry.bytes).map_err(|error| place.finding(claimed_kind(entry.bytes), error))?;
            let kind = parsed.kind.clone();
            let linked = self.link(place.index, &parsed, got);
            let declared = linked.and_then(|()| self.lineage.follow(&parsed, tree));
            let followed = declared.and_then(|()| self.keys.follow(&parsed, tree));
            followed.map_err(|error| place.finding(Some(kind), error))?;
            *self.kinds.entry(parsed.kind).or_default() += 1;
        }
        Ok(next)
    }

    /// Checks an entry's links to the log before it.
    fn link(&mut self, index: EntryIndex, entry: &Entry, leaf: Hash) -> Result<(), Error> {
        let broken = |link, expected: String, got: String| Err(Error::ChainBreak { index, link, expected, got });
        let log = self.lineage.log(entry);
        if entry.log != *log {
            return broken(Link::Origin, log.to_string(), entry.log.to_string());
        }
        if entry.seq != index {
            return broken(Link::Seq, index.to_string(), entry.seq.to_string());
        }
        if entry.prev != self.prev {
            return broken(Link::Prev, self.prev.to_string(), entry.prev.to_string());
        }
        let first = self.times.map_or(entry.time, |(first, _)| first);
        if let Some((_, last)) = self.times.filter(|(_, last)| entry.time < *last) {
            return broken(Link::Time, format!("not before {last}"), entry.time.to_string());
        }
        self.tips.follow(entry, leaf)?;
        self.tips.check_seal(entry)?;
        self.times = Some((first, entry.time));
        self.prev = leaf;
        Ok(())
    }
}

/// Reads the kind out of an entry that may not be one, so that a person sees what was touched.
fn claimed_kind(entry: &[u8]) -> Option<Kind> {
    let text = String::from_utf8_lossy(entry);
    let (_, behind) = text.split_once(r#""kind":""#)?;
    behind.split_once('"')?.0.parse().ok()
}
