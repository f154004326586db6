//! Writes a tile directory so that a crash at any step leaves a log that readers can use and the writer can go on with.
//!
//! Order of durable steps: full and partial bundles and tiles, then the checkpoint that needs them, then removal of the
//! partial tiles that only the checkpoint before needed. Until a checkpoint is published, what was appended for it may
//! not have reached the disk: one flush a publication instead of one a tile leaves the disk to the database. So after a
//! crash only what the published checkpoint covers is trusted, and the rest is appended again. It doesn't verify entries
//! or signatures; one process at a time writes a directory, which its caller ensures. Source: C2SP `tlog-tiles`.

use super::{CHECKPOINT, Levels, Part, TileDir, TilePath, WIDTH, files};
use crate::checkpoint::{Checkpoint, SignedCheckpoint};
use crate::entry::ENTRY_BYTES_MAX;
use crate::error::{Error, Format};
use crate::merkle::{Sha256, leaf_hash};
use crate::types::{EntryIndex, Hash, TreeSize};
use std::path::{Path, PathBuf};

/// Appends entries to a tile directory and publishes checkpoints.
#[derive(Debug)]
pub struct TileWriter {
    directory: TileDir,
    /// Bytes of the bundle that is being filled.
    bundle: Vec<u8>,
    levels: Levels<Sha256>,
    published: TreeSize,
    /// The size whose partial tiles were written last, to be published.
    prepared: TreeSize,
    /// Files that may not have reached the disk yet.
    unsynced: Vec<PathBuf>,
}

impl TileWriter {
    /// Opens a directory, which need not exist, and goes on from its published checkpoint. Entries beyond it must be
    /// appended again.
    ///
    /// # Errors
    /// `Malformed`, `Gap` or `Io`, naming the file; `NotThisTree` if the files don't lead to the published root.
    pub fn open(directory: impl AsRef<Path>) -> Result<Self, Error> {
        let directory = TileDir::open(directory.as_ref());
        let checkpoint = directory.checkpoint()?;
        let published = checkpoint.as_ref().map_or(TreeSize(0), |signed| signed.unverified().size);
        let levels = Levels::recover(published, |tile| directory.tile(tile))?;
        let mut writer =
            Self { directory, bundle: Vec::new(), levels, published, prepared: published, unsynced: Vec::new() };
        writer.recover_partial_bundle(published)?;
        if let Some(signed) = &checkpoint {
            writer.check_published(signed)?;
        }
        writer.sweep_all()?;
        Ok(writer)
    }

    /// Returns the number of entries appended, published ones and ones that wait for a checkpoint.
    pub const fn size(&self) -> TreeSize {
        self.levels.size()
    }

    /// Returns the size of the published checkpoint.
    pub const fn published(&self) -> TreeSize {
        self.published
    }

    /// Computes the root of the tree appended.
    pub fn root(&self) -> Hash {
        self.levels.root()
    }

    /// Appends an entry. It is durable once a checkpoint that covers it is published.
    ///
    /// # Errors
    /// `TooLong` for an entry over its bound; `Io`, after which the writer must be opened again.
    pub fn append(&mut self, entry: &[u8]) -> Result<EntryIndex, Error> {
        let too_long = || Error::TooLong { what: Format::Entry, max: ENTRY_BYTES_MAX as u64, got: entry.len() as u64 };
        let length = u16::try_from(entry.len()).ok().filter(|_| entry.len() <= ENTRY_BYTES_MAX);
        let length = length.ok_or_else(too_long)?;
        self.bundle.extend(length.to_be_bytes());
        self.bundle.extend(entry);
        let index = self.size().next_index();
        if (index.0 + 1).is_multiple_of(WIDTH) {
            let bundle = std::mem::take(&mut self.bundle);
            self.write(TilePath::full(Part::Entries, index.0 / WIDTH), &bundle)?;
        }
        self.push_leaf(leaf_hash(entry))?;
        Ok(index)
    }

    /// Makes everything durable that a checkpoint of exactly the tree appended needs, and publishes nothing: its readers may be
    /// asked first. What the published checkpoint needs stays; what was prepared before and is not published goes.
    ///
    /// # Errors
    /// `NotThisTree` if size or root differ; `Io`.
    pub fn prepare(&mut self, signed: &SignedCheckpoint) -> Result<(), Error> {
        let size = self.size();
        let checkpoint = signed.unverified();
        let root = self.root();
        if (checkpoint.size, checkpoint.root) != (size, root) {
            return Err(self.not_this_tree(root, size, signed));
        }
        if self.prepared == size {
            return Ok(());
        }
        let bundle = TilePath::partial(Part::Entries, size).map(|tile| (tile, self.bundle.clone()));
        let partials: Vec<_> = bundle.into_iter().chain(self.levels.partials()).collect();
        for (partial, bytes) in partials {
            self.write(partial, &bytes)?;
        }
        files::sync(&self.unsynced)?;
        self.unsynced.clear();
        let before = std::mem::replace(&mut self.prepared, size);
        if before == self.published { Ok(()) } else { self.sweep_partials(before) }
    }

    /// Publishes a checkpoint of exactly the tree appended: prepares it unless that was done, then replaces the checkpoint.
    /// On return it is durable, and partial tiles that it doesn't need are gone.
    ///
    /// # Errors
    /// `NotThisTree` if size or root differ; `Io`, after which the checkpoint before, or this one, is in place.
    pub fn publish(&mut self, signed: &SignedCheckpoint) -> Result<(), Error> {
        // Everything else first: a reader of the new checkpoint must find all that it needs, also after a power failure.
        self.prepare(signed)?;
        files::replace(&self.directory.path().join(CHECKPOINT), signed.to_string().as_bytes())?;
        let before = std::mem::replace(&mut self.published, self.prepared);
        self.sweep_partials(before)
    }

    fn write(&mut self, tile: TilePath, bytes: &[u8]) -> Result<(), Error> {
        let path = tile.under(self.directory.path());
        files::put(&path, bytes)?;
        self.unsynced.push(path);
        Ok(())
    }

    /// Adds a leaf, and writes each tile that it completes.
    fn push_leaf(&mut self, leaf: Hash) -> Result<(), Error> {
        let Self { levels, directory, unsynced, .. } = self;
        levels.push(leaf, |tile, bytes| {
            let path = tile.under(directory.path());
            files::put(&path, &bytes)?;
            unsynced.push(path);
            Ok(())
        })
    }

    fn recover_partial_bundle(&mut self, published: TreeSize) -> Result<(), Error> {
        let Some(partial) = TilePath::partial(Part::Entries, published) else {
            return Ok(());
        };
        let bundle = self.directory.bundle(partial)?;
        bundle.leaves().into_iter().try_for_each(|leaf| self.push_leaf(leaf))?;
        self.bundle = bundle.into_bytes();
        Ok(())
    }

    /// Refuses to go on from files that are not what was published: appending to them would make it worse.
    fn check_published(&self, signed: &SignedCheckpoint) -> Result<(), Error> {
        let checkpoint = signed.unverified();
        let root = self.root();
        if root == checkpoint.root {
            return Ok(());
        }
        Err(self.not_this_tree(root, self.size(), signed))
    }

    fn not_this_tree(&self, expected_root: Hash, expected: TreeSize, signed: &SignedCheckpoint) -> Error {
        let Checkpoint { size: got, root: got_root, .. } = *signed.unverified();
        Error::NotThisTree { expected, expected_root, got, got_root }.in_file(&self.directory.checkpoint_path())
    }

    fn sweep_partials(&self, before: TreeSize) -> Result<(), Error> {
        sweep_partials(self.directory.path(), before, self.published, self.prepared)
    }

    /// Removes partial tiles and torn files that a crash left anywhere.
    fn sweep_all(&self) -> Result<(), Error> {
        let partials = Part::all(self.published).filter_map(|part| TilePath::partial(part, self.published));
        let needed: Vec<_> = partials.map(|tile| tile.under(self.directory.path())).collect();
        // The second tree is another writer's.
        files::sweep_all(&self.directory.path().join("tile"), &needed)?;
        files::sweep_torn(self.directory.path())
    }
}

/// Removes partial tiles that neither the published checkpoint nor the prepared one needs, from the positions of the one `before`
/// on.
pub(super) fn sweep_partials(
    directory: &Path,
    before: TreeSize,
    published: TreeSize,
    prepared: TreeSize,
) -> Result<(), Error> {
    let newest = published.max(prepared);
    for part in Part::all(newest) {
        let needed = [published, prepared].map(|size| TilePath::partial(part, size));
        for index in part.count(before) / WIDTH..=part.count(newest) / WIDTH {
            let keep = needed.iter().flatten().filter(|tile| tile.index == index);
            let keep: Vec<String> = keep.map(|tile| tile.width.to_string()).collect();
            let partials = TilePath::full(part, index).partials_dir();
            files::sweep(&directory.join(partials), &keep)?;
        }
    }
    Ok(())
}
