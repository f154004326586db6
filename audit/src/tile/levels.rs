//! The hashes of the tiles that are being filled, one list a level: a tree that grows into tiles, by any hash.
//!
//! It touches no file: whoever pushes a leaf is given each tile that the leaf completes. Source: C2SP `tlog-tiles`.

use super::{HASH_BYTES, Part, TilePath, WIDTH, subtree_root_of};
use crate::error::Error;
use crate::merkle::TreeHash;
use crate::types::{Hash, TreeSize};
use std::marker::PhantomData;
use std::ops::Range;

/// The right edge of a tree in tiles.
#[derive(Clone, Debug)]
pub(crate) struct Levels<H> {
    size: u64,
    /// For each level the hashes of the tile that is being filled.
    levels: Vec<Vec<Hash>>,
    hash: PhantomData<H>,
}

impl<H: TreeHash> Levels<H> {
    /// Returns the edge of the empty tree.
    pub(crate) const fn empty() -> Self {
        Self { size: 0, levels: Vec::new(), hash: PhantomData }
    }

    /// Reads the edge above the whole bundles of a tree of `size` from its full tiles; the leaves of the last, partial bundle are
    /// still to be pushed.
    ///
    /// # Errors
    /// Those of `tile`.
    pub(crate) fn recover(
        size: TreeSize,
        mut tile: impl FnMut(TilePath) -> Result<Vec<Hash>, Error>,
    ) -> Result<Self, Error> {
        let mut edge = Self { size: size.0 / WIDTH * WIDTH, ..Self::empty() };
        for level in 1.. {
            let count = Part::Level(level).count(edge.size());
            if count == 0 {
                break;
            }
            *edge.level_mut(level) = Self::roots(level - 1, count / WIDTH * WIDTH..count, &mut tile)?;
        }
        Ok(edge)
    }

    /// Hashes full tiles to the roots of their subtrees, which are the hashes of the level above.
    fn roots(
        level: u32,
        tiles: Range<u64>,
        tile: &mut impl FnMut(TilePath) -> Result<Vec<Hash>, Error>,
    ) -> Result<Vec<Hash>, Error> {
        tiles.map(|index| Ok(subtree_root_of::<H>(&tile(TilePath::full(Part::Level(level), index))?))).collect()
    }

    /// Returns the number of leaves.
    pub(crate) const fn size(&self) -> TreeSize {
        TreeSize(self.size)
    }

    /// Computes the root.
    pub(crate) fn root(&self) -> Hash {
        // What is right of a level's complete subtrees is one incomplete subtree, which joins as their last sibling.
        let mut right = None;
        for hashes in &self.levels {
            let siblings: Vec<_> = hashes.iter().copied().chain(right).collect();
            if !siblings.is_empty() {
                right = Some(subtree_root_of::<H>(&siblings));
            }
        }
        right.unwrap_or_else(H::empty)
    }

    /// Adds a leaf, and gives each tile that it completes to `write`.
    ///
    /// # Errors
    /// Those of `write`.
    pub(crate) fn push(
        &mut self,
        leaf: Hash,
        mut write: impl FnMut(TilePath, Vec<u8>) -> Result<(), Error>,
    ) -> Result<(), Error> {
        self.size += 1;
        let size = self.size();
        let mut hash = leaf;
        for level in 0_u32.. {
            let hashes = self.level_mut(level);
            hashes.push(hash);
            if (hashes.len() as u64) < WIDTH {
                break;
            }
            let full = std::mem::take(hashes);
            let part = Part::Level(level);
            write(TilePath::full(part, part.count(size) / WIDTH - 1), tile_bytes(&full))?;
            hash = subtree_root_of::<H>(&full);
        }
        Ok(())
    }

    /// Yields the partial tiles that the tree ends with.
    pub(crate) fn partials(&self) -> impl Iterator<Item = (TilePath, Vec<u8>)> + '_ {
        let size = self.size();
        let levels = Part::all(size).filter(|part| matches!(part, Part::Level(_)));
        levels.filter_map(move |part| {
            let partial = TilePath::partial(part, size)?;
            let Part::Level(level) = part else { return None };
            let hashes = usize::try_from(level).ok().and_then(|level| self.levels.get(level))?;
            Some((partial, tile_bytes(hashes)))
        })
    }

    fn level_mut(&mut self, level: u32) -> &mut Vec<Hash> {
        let level = level as usize;
        if self.levels.len() <= level {
            self.levels.resize_with(level + 1, Vec::new);
        }
        &mut self.levels[level]
    }
}

fn tile_bytes(hashes: &[Hash]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(hashes.len() * HASH_BYTES);
    for hash in hashes {
        bytes.extend(hash.as_bytes());
    }
    bytes
}
