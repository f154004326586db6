//! Reads a tile directory, and lends its hashes to whoever makes proofs.
//!
//! What it reads is not believed by this: [`crate::fsck`] and the proof verifiers decide. Source: C2SP `tlog-tiles`.

use super::{BUNDLE_BYTES_MAX, Bundle, CHECKPOINT, HASH_BYTES, Part, TilePath, WIDTH, files, subtree_root_of};
use crate::checkpoint::SignedCheckpoint;
use crate::error::{Class, Error, Format, malformed};
use crate::merkle::{NodeReader, Sha256, TreeHash};
use crate::note::NOTE_BYTES_MAX;
use crate::types::{EntryIndex, Hash, TreeSize};
use std::marker::PhantomData;
use std::path::{Path, PathBuf};

/// Publications that may overtake one reader before it gives up.
const PUBLICATIONS_MAX: u32 = 5;

/// A log's directory.
#[derive(Clone, Debug)]
pub struct TileDir {
    directory: PathBuf,
}

impl TileDir {
    /// Names a directory; nothing is read yet.
    pub fn open(directory: impl Into<PathBuf>) -> Self {
        Self { directory: directory.into() }
    }

    /// Borrows the path of the directory.
    pub fn path(&self) -> &Path {
        &self.directory
    }

    /// Returns the path of the checkpoint file.
    pub fn checkpoint_path(&self) -> PathBuf {
        self.directory.join(CHECKPOINT)
    }

    /// Reads the published checkpoint, or `None` if nothing was published yet.
    ///
    /// # Errors
    /// `Malformed`, `TooLong` or `Io`, naming the file. Its signatures are not verified by this.
    pub fn checkpoint(&self) -> Result<Option<SignedCheckpoint>, Error> {
        let path = self.checkpoint_path();
        let bytes = files::read(&path, NOTE_BYTES_MAX, Format::Checkpoint)?;
        bytes.map(|bytes| SignedCheckpoint::parse(&bytes).map_err(|e| e.in_file(&path))).transpose()
    }

    /// Reads a tile of hashes. Where a partial one is gone because the log grew meanwhile, it is cut out of what took its place.
    ///
    /// # Errors
    /// `Gap` if it is not there, `Malformed` if it hasn't the width of its name, `Io`; each names the file.
    pub fn tile(&self, tile: TilePath) -> Result<Vec<Hash>, Error> {
        match self.tile_there(tile) {
            Err(gap) if is_gone(&gap, tile) => {
                let bytes = self.published(tile)?.ok_or(gap)?;
                Ok(bytes.as_chunks::<HASH_BYTES>().0.iter().copied().map(Hash).collect())
            }
            done => done,
        }
    }

    /// Reads a bundle of entries. Where a partial one is gone because the log grew meanwhile, it is cut out of what took its
    /// place.
    ///
    /// # Errors
    /// `Gap` if it is not there, `Malformed` if it is not a bundle of the width of its name, `Io`; each names the file.
    pub fn bundle(&self, tile: TilePath) -> Result<Bundle, Error> {
        match self.bundle_there(tile) {
            Err(gap) if is_gone(&gap, tile) => Bundle::parse(self.published(tile)?.ok_or(gap)?, tile.width),
            done => done,
        }
    }

    /// Reads the bytes of a bundle without taking them apart; a full one may serve for a partial one.
    ///
    /// # Errors
    /// `Gap` if it is not there, `TooLong`, `Io`; each names the file.
    pub(crate) fn bundle_bytes(&self, tile: TilePath) -> Result<(PathBuf, Vec<u8>), Error> {
        match self.read(tile, BUNDLE_BYTES_MAX, Format::Bundle) {
            Err(gap) if is_gone(&gap, tile) => Ok((tile.under(&self.directory), self.published(tile)?.ok_or(gap)?)),
            done => done.map(|(path, bytes, _)| (path, bytes)),
        }
    }

    /// Reads a tile from its own file, or from that of the full one.
    fn tile_there(&self, tile: TilePath) -> Result<Vec<Hash>, Error> {
        let bytes_max = HASH_BYTES * usize::try_from(tile.width).unwrap_or(usize::MAX);
        let (path, bytes, is_fallback) = self.read(tile, bytes_max, Format::Tile)?;
        let (hashes, rest) = bytes.as_chunks::<HASH_BYTES>();
        let width = if is_fallback { WIDTH } else { tile.width };
        if !rest.is_empty() || hashes.len() as u64 != width {
            let error = malformed(Format::Tile, bytes.len(), "not the number of hashes that its name says");
            return Err(error.in_file(&path));
        }
        let wanted = usize::try_from(tile.width).unwrap_or(usize::MAX);
        Ok(hashes.iter().take(wanted).copied().map(Hash).collect())
    }

    /// Reads a bundle from its own file, or from that of the full one.
    fn bundle_there(&self, tile: TilePath) -> Result<Bundle, Error> {
        let (path, bytes, is_fallback) = self.read(tile, BUNDLE_BYTES_MAX, Format::Bundle)?;
        let width = if is_fallback { WIDTH } else { tile.width };
        let mut bundle = Bundle::parse(bytes, width).map_err(|e| e.in_file(&path))?;
        bundle.truncate(tile.width);
        Ok(bundle)
    }

    /// Reads the bytes of a tile or bundle of any tree that the published one goes on from: a partial one is cut out of what
    /// became of it. `None` if the published tree does not hold so much, or nothing is published.
    ///
    /// # Errors
    /// `Gap`, `Malformed`, `TooLong` or `Io`, naming the file.
    pub fn published(&self, tile: TilePath) -> Result<Option<Vec<u8>>, Error> {
        let mut tries = 0..PUBLICATIONS_MAX;
        loop {
            let Some(signed) = self.checkpoint()? else { return Ok(None) };
            match self.cut(tile, signed.unverified().size) {
                // The writer published meanwhile, and took away what only the checkpoint before needed.
                Err(error) if error.class() == Class::Gap && tries.next().is_some() => {}
                done => return done,
            }
        }
    }

    /// Cuts a tile or bundle out of what the tree of `size` has in its place.
    pub(super) fn cut(&self, tile: TilePath, size: TreeSize) -> Result<Option<Vec<u8>>, Error> {
        let Some(present) = TilePath::in_tree(tile.part, tile.index, size) else { return Ok(None) };
        if tile.width > present.width {
            return Ok(None);
        }
        Ok(Some(match tile.part {
            Part::Entries => {
                let mut bundle = self.bundle_there(present)?;
                bundle.truncate(tile.width);
                bundle.into_bytes()
            }
            Part::Level(_) => {
                let width = usize::try_from(tile.width).unwrap_or(usize::MAX);
                self.tile_there(present)?.iter().take(width).flat_map(|hash| hash.0).collect()
            }
        }))
    }

    fn read(&self, tile: TilePath, bytes_max: usize, what: Format) -> Result<(PathBuf, Vec<u8>, bool), Error> {
        let path = tile.under(&self.directory);
        if let Some(bytes) = files::read(&path, bytes_max, what)? {
            return Ok((path, bytes, false));
        }
        let full = TilePath::full(tile.part, tile.index);
        if !tile.is_full() {
            let bytes_max = if what == Format::Tile { HASH_BYTES * 256 } else { BUNDLE_BYTES_MAX };
            let full_path = full.under(&self.directory);
            if let Some(bytes) = files::read(&full_path, bytes_max, what)? {
                return Ok((full_path, bytes, true));
            }
        }
        let leaves_each = match tile.part {
            Part::Level(level) => 1_u64.checked_shl(8 * level).unwrap_or(u64::MAX),
            Part::Entries => 1,
        };
        let first = tile.index.saturating_mul(WIDTH).saturating_mul(leaves_each);
        let last = first.saturating_add(tile.width.saturating_mul(leaves_each)).saturating_sub(1);
        Err(Error::Gap { first: EntryIndex(first), last: EntryIndex(last) }.in_file(&path))
    }

    /// Lends the hashes of the tree of `size` for making proofs.
    #[must_use]
    pub const fn tree(&self, size: TreeSize) -> TreeReader<'_> {
        self.tree_of(size)
    }

    /// Lends the hashes of a tree that was made with another hash.
    pub(crate) const fn tree_of<H>(&self, size: TreeSize) -> TreeReader<'_, H> {
        TreeReader { directory: self, size, hash: PhantomData }
    }
}

/// Whether a file is missing whose place a larger one may have taken.
fn is_gone(error: &Error, tile: TilePath) -> bool {
    error.class() == Class::Gap && !tile.is_full()
}

/// The tree of some size in a tile directory.
#[derive(Clone, Copy, Debug)]
pub struct TreeReader<'a, H = Sha256> {
    directory: &'a TileDir,
    size: TreeSize,
    hash: PhantomData<H>,
}

impl<H: TreeHash> NodeReader for TreeReader<'_, H> {
    fn node(&self, level: u32, index: u64) -> Result<Hash, Error> {
        let size = self.size;
        let out_of_range = || {
            let index = EntryIndex(index.checked_shl(level).unwrap_or(u64::MAX));
            Error::OutOfRange { index, first: EntryIndex(0), size }
        };
        let part = Part::Level(level / 8);
        // A node inside a tile is the root of 2^(level mod 8) of its hashes.
        let count = 1_usize << (level % 8);
        let first = index.checked_mul(count as u64).ok_or_else(out_of_range)?;
        let tile = TilePath::in_tree(part, first / WIDTH, size).ok_or_else(out_of_range)?;
        let hashes = self.directory.tile(tile)?;
        let start = usize::try_from(first % WIDTH).map_err(|_| out_of_range())?;
        let children = hashes.get(start..start + count).ok_or_else(out_of_range)?;
        Ok(subtree_root_of::<H>(children))
    }

    fn join(&self, left: &Hash, right: &Hash) -> Hash {
        H::node(left, right)
    }

    fn empty(&self) -> Hash {
        H::empty()
    }
}
