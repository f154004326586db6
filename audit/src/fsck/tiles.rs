//! Hashes all level-0 tiles up to the root, and compares every stored tile above with what comes out.
//!
//! It knows hashes only. If the root is the signed one, the level-0 tiles are genuine and a differing tile above is bad;
//! if not, some level-0 tile is bad and the entries tell which. Source: C2SP `tlog-tiles`; RFC 6962 section 2.1.

use super::{Finding, Pass, Progress};
use crate::checkpoint::Checkpoint;
use crate::error::Error;
use crate::merkle::Frontier;
use crate::tile::{HASH_BYTES, Part, TileDir, TilePath, WIDTH, subtree_root};
use crate::types::{Hash, TreeSize};

/// What the tiles were found to be.
pub(super) struct Tiles {
    /// The root of the level-0 tiles.
    root: Hash,
    /// Whether that is the signed root.
    pub(super) are_genuine: bool,
    /// The first stored hash above level 0 that differs from what its tile below comes to.
    differing: Option<Differing>,
}

#[derive(Clone, Copy)]
struct Differing {
    tile: TilePath,
    position: u64,
    computed: Hash,
    stored: Hash,
}

pub(super) fn check(
    directory: &TileDir,
    checkpoint: &Checkpoint,
    progress: &mut dyn FnMut(Progress),
) -> Result<Tiles, Box<Finding>> {
    let size = checkpoint.size;
    let mut climb = Climb { directory, size, frontier: Frontier::empty(), levels: Vec::new(), differing: None };
    for index in 0..size.0.div_ceil(WIDTH) {
        climb.add(index).map_err(|e| Box::new(Finding::from_error(directory.path(), e)))?;
        progress(Progress { pass: Pass::Tiles, done: climb.frontier.size().0, total: size.0 });
    }
    climb.finish().map_err(|e| Box::new(Finding::from_error(directory.path(), e)))?;
    let root = climb.frontier.root();
    let tiles = Tiles { root, are_genuine: root == checkpoint.root, differing: climb.differing };
    // With a genuine level 0 there is no need to read the entries to know which file is bad.
    if tiles.are_genuine {
        tiles.finding(directory, checkpoint).map_or(Ok(()), Err)?;
    }
    Ok(tiles)
}

impl Tiles {
    /// Names what is wrong with the tiles, if anything is, once the entries have not named anything better.
    pub(super) fn finding(&self, directory: &TileDir, checkpoint: &Checkpoint) -> Option<Box<Finding>> {
        let finding = |file, offset, error| Box::new(Finding { file, offset, entry: None, kind: None, error });
        match self.differing {
            Some(Differing { tile, position, computed, stored }) if self.are_genuine => {
                let error = Error::BadHash { expected: computed, got: stored };
                Some(finding(tile.under(directory.path()), Some(position * HASH_BYTES as u64), error))
            }
            Some(Differing { tile, position, computed, stored }) => {
                let below = tile.index * WIDTH + position;
                let level = if let Part::Level(level) = tile.part { level.saturating_sub(1) } else { 0 };
                let below = TilePath::full(Part::Level(level), below);
                let error = Error::BadHash { expected: stored, got: computed };
                Some(finding(below.under(directory.path()), Some(0), error))
            }
            None if self.are_genuine => None,
            None => {
                let error = Error::BadHash { expected: checkpoint.root, got: self.root };
                Some(finding(directory.checkpoint_path(), None, error))
            }
        }
    }
}

/// The tiles being rebuilt from those of level 0.
struct Climb<'a> {
    directory: &'a TileDir,
    size: TreeSize,
    frontier: Frontier,
    /// Hashes of the tile being filled at each level above 0, `levels[0]` being level 1.
    levels: Vec<Vec<Hash>>,
    differing: Option<Differing>,
}

impl Climb<'_> {
    fn add(&mut self, index: u64) -> Result<(), Error> {
        let Some(tile) = TilePath::in_tree(Part::Level(0), index, self.size) else { return Ok(()) };
        let hashes = self.directory.tile(tile)?;
        for hash in &hashes {
            self.frontier.push(*hash);
        }
        if tile.is_full() { self.climb(1, subtree_root(&hashes)) } else { Ok(()) }
    }

    /// Adds a hash to the tile being filled at `level`, and goes on upwards when that is full.
    fn climb(&mut self, level: u32, hash: Hash) -> Result<(), Error> {
        let at = level as usize - 1;
        if self.levels.len() == at {
            self.levels.push(Vec::new());
        }
        let Some(hashes) = self.levels.get_mut(at) else { return Ok(()) };
        hashes.push(hash);
        if (hashes.len() as u64) < WIDTH {
            return Ok(());
        }
        let full = std::mem::take(hashes);
        let part = Part::Level(level);
        let leaves_each_log2 = 8 * (level + 1);
        let index = (self.frontier.size().0 >> leaves_each_log2) - 1;
        self.compare(TilePath::full(part, index), &full)?;
        self.climb(level + 1, subtree_root(&full))
    }

    /// Compares the partial tiles above level 0.
    fn finish(&mut self) -> Result<(), Error> {
        for (level, hashes) in (1..).zip(std::mem::take(&mut self.levels)) {
            if let Some(tile) = TilePath::partial(Part::Level(level), self.size) {
                self.compare(tile, &hashes)?;
            }
        }
        Ok(())
    }

    fn compare(&mut self, tile: TilePath, computed: &[Hash]) -> Result<(), Error> {
        let stored = self.directory.tile(tile)?;
        let mut pairs = (0..).zip(computed.iter().zip(&stored));
        if let Some((position, (computed, stored))) = pairs.find(|(_, (computed, stored))| computed != stored) {
            let found = Differing { tile, position, computed: *computed, stored: *stored };
            self.differing.get_or_insert(found);
        }
        Ok(())
    }
}
