//! The second tree: the same entries hashed with SM3, in tiles below `sm3/` beside the log's own.
//!
//! Whoever publishes keeps it, and a second signature of the checkpoint states its root. It has hashes only; the entries are the
//! log's. Its tiles are durable before the checkpoint that needs them, as the log's are. What it reads is believed only if it
//! leads to a root that the published checkpoint states; else it is made again from the entries. Source: C2SP `tlog-tiles`.

use super::writer::sweep_partials;
use super::{Levels, Part, TileDir, TilePath, TreeReader, WIDTH, files};
use crate::error::{Class, Error};
use crate::merkle::{Sm3, TreeHash as _};
use crate::national::unverified_roots;
use crate::types::{Hash, TreeSize};
use std::path::{Path, PathBuf};

/// Name of the folder beside the log's own tiles.
pub const SHADOW: &str = "sm3";
/// Publications that may overtake one reader before it gives up.
const PUBLICATIONS_MAX: u32 = 5;

/// Appends entries to the second tree.
#[derive(Debug)]
pub struct ShadowWriter {
    directory: PathBuf,
    levels: Levels<Sm3>,
    published: TreeSize,
    prepared: TreeSize,
    unsynced: Vec<PathBuf>,
}

impl ShadowWriter {
    /// Opens the second tree of a log's directory, and goes on from what is published there. Where the checkpoint states no root of
    /// it, or the files don't lead to that, it is made again from the published entries, which takes as long as reading them.
    ///
    /// # Errors
    /// `Malformed`, `Gap` or `Io`, naming the file.
    pub fn open(log: impl AsRef<Path>) -> Result<Self, Error> {
        let log = TileDir::open(log.as_ref());
        let checkpoint = log.checkpoint()?;
        let published = checkpoint.as_ref().map_or(TreeSize(0), |signed| signed.unverified().size);
        let stated: Vec<Hash> = checkpoint.iter().flat_map(unverified_roots).collect();
        let directory = log.path().join(SHADOW);
        let (levels, unsynced, prepared) = match recover(&log, &directory, published) {
            Ok(levels) if stated.contains(&levels.root()) => (levels, Vec::new(), published),
            Ok(_) | Err(_) => {
                let (levels, unsynced) = rebuild(&log, &directory, published)?;
                // Its partial tiles are not there yet.
                (levels, unsynced, TreeSize(0))
            }
        };
        let writer = Self { directory, levels, published, prepared, unsynced };
        let partials = Part::all(published).filter_map(|part| TilePath::partial(part, published));
        let needed: Vec<_> = partials.map(|tile| tile.under(&writer.directory)).collect();
        files::sweep_all(&writer.directory, &needed)?;
        Ok(writer)
    }

    /// Returns the number of entries appended.
    pub const fn size(&self) -> TreeSize {
        self.levels.size()
    }

    /// Computes the SM3 root of the tree appended.
    pub fn root(&self) -> Hash {
        self.levels.root()
    }

    /// Appends an entry.
    ///
    /// # Errors
    /// `Io`, after which the writer must be opened again.
    pub fn append(&mut self, entry: &[u8]) -> Result<(), Error> {
        let Self { levels, directory, unsynced, .. } = self;
        levels.push(Sm3::leaf(entry), |tile, bytes| write(directory, unsynced, tile, &bytes))
    }

    /// Makes everything durable that a checkpoint of the tree appended needs; what the published one needs stays.
    ///
    /// # Errors
    /// `Io`.
    pub fn prepare(&mut self) -> Result<(), Error> {
        let size = self.size();
        if self.prepared == size {
            return Ok(());
        }
        for (tile, bytes) in self.levels.partials() {
            write(&self.directory, &mut self.unsynced, tile, &bytes)?;
        }
        files::sync(&self.unsynced)?;
        self.unsynced.clear();
        let before = std::mem::replace(&mut self.prepared, size);
        if before == self.published { Ok(()) } else { self.sweep(before) }
    }

    /// What was prepared is published: partial tiles that only the checkpoint before needed go.
    ///
    /// # Errors
    /// `Io`.
    pub fn settle(&mut self) -> Result<(), Error> {
        let before = std::mem::replace(&mut self.published, self.prepared);
        self.sweep(before)
    }

    fn sweep(&self, before: TreeSize) -> Result<(), Error> {
        sweep_partials(&self.directory, before, self.published, self.prepared)
    }
}

fn write(directory: &Path, unsynced: &mut Vec<PathBuf>, tile: TilePath, bytes: &[u8]) -> Result<(), Error> {
    let path = tile.under(directory);
    files::put(&path, bytes)?;
    unsynced.push(path);
    Ok(())
}

/// Reads the edge of the tree of `size` from its tiles and the last bundle.
fn recover(log: &TileDir, directory: &Path, size: TreeSize) -> Result<Levels<Sm3>, Error> {
    let tiles = TileDir::open(directory);
    let mut levels = Levels::recover(size, |tile| tiles.tile(tile))?;
    if let Some(partial) = TilePath::partial(Part::Entries, size) {
        // None of these leaves completes a tile.
        let bundle = log.bundle(partial)?;
        bundle.entries().try_for_each(|entry| levels.push(Sm3::leaf(entry.bytes), |_, _| Ok(())))?;
    }
    Ok(levels)
}

/// Makes the tree of `size` again from the published entries.
fn rebuild(log: &TileDir, directory: &Path, size: TreeSize) -> Result<(Levels<Sm3>, Vec<PathBuf>), Error> {
    let (mut levels, mut unsynced) = (Levels::empty(), Vec::new());
    for index in 0..size.0.div_ceil(WIDTH) {
        let Some(tile) = TilePath::in_tree(Part::Entries, index, size) else { break };
        for entry in log.bundle(tile)?.entries() {
            levels.push(Sm3::leaf(entry.bytes), |tile, bytes| write(directory, &mut unsynced, tile, &bytes))?;
        }
    }
    Ok((levels, unsynced))
}

/// The second tree of a log's directory, for reading.
#[derive(Clone, Debug)]
pub struct ShadowDir {
    log: TileDir,
    tiles: TileDir,
}

impl ShadowDir {
    /// Names the second tree of a log's directory; nothing is read yet.
    pub fn open(log: impl AsRef<Path>) -> Self {
        let log = log.as_ref();
        Self { log: TileDir::open(log), tiles: TileDir::open(log.join(SHADOW)) }
    }

    /// Reads the bytes of a tile of any tree that the published one goes on from; `None` if the published checkpoint states no root
    /// of a second tree, or that does not hold so much.
    ///
    /// # Errors
    /// `Gap`, `Malformed`, `TooLong` or `Io`, naming the file.
    pub fn published(&self, tile: TilePath) -> Result<Option<Vec<u8>>, Error> {
        let mut tries = 0..PUBLICATIONS_MAX;
        loop {
            let Some(signed) = self.log.checkpoint()? else { return Ok(None) };
            if tile.part == Part::Entries || unverified_roots(&signed).next().is_none() {
                return Ok(None);
            }
            match self.tiles.cut(tile, signed.unverified().size) {
                // The writer published meanwhile, and took away what only the checkpoint before needed.
                Err(error) if error.class() == Class::Gap && tries.next().is_some() => {}
                done => return done,
            }
        }
    }

    /// Lends the hashes of the second tree of `size` for making proofs.
    pub const fn tree(&self, size: TreeSize) -> TreeReader<'_, Sm3> {
        self.tiles.tree_of(size)
    }
}
