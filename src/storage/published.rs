//! What this server published of a log, as a second memory of its head beside the rollback guard.
//!
//! Whoever puts an old database *and* an old guard back, or removes the guard, still has the published checkpoint and tiles
//! to take away. To write on from a smaller head would contradict a checkpoint that others hold. It reads files and
//! believes their sizes and hashes only as far as they can refuse a start; signatures are the verifier's business.

use std::path::{Path, PathBuf};

use lww_audit::merkle::{Frontier, NodeReader};
use lww_audit::{Checkpoint, TileDir};

use super::FatalError;
use crate::units::{Origin, TreeSize};

/// The published state of one log.
pub struct Published {
    folder: PathBuf,
    checkpoint: Checkpoint,
}

impl Published {
    /// Reads what a folder of tiles says was published; `None` when nothing was.
    ///
    /// # Errors
    /// [`FatalError::Published`] when the checkpoint can't be read or is another log's.
    pub fn read(folder: &Path, origin: &Origin) -> Result<Option<Self>, FatalError> {
        let refuse = |reason: String| FatalError::Published { path: folder.display().to_string(), reason };
        let signed = TileDir::open(folder).checkpoint().map_err(|error| refuse(error.to_string()))?;
        let Some(signed) = signed else { return Ok(None) };
        let checkpoint = signed.unverified().clone();
        if checkpoint.origin != *origin {
            return Err(refuse(format!("it is of the log {}", checkpoint.origin)));
        }
        Ok(Some(Self { folder: folder.to_owned(), checkpoint }))
    }

    /// Size and root that were published.
    pub fn checkpoint(&self) -> &Checkpoint {
        &self.checkpoint
    }

    /// Refuses a database head that is behind what was published.
    ///
    /// # Errors
    /// [`FatalError::BehindPublished`] with the missing range.
    pub fn check_size(&self, head: TreeSize) -> Result<(), FatalError> {
        let published = self.checkpoint.size;
        if published > head { Err(FatalError::BehindPublished { head, published }) } else { Ok(()) }
    }

    /// The tree that was published, from its tiles; `None` when they don't lead to the checkpoint's root. Tiles can be made
    /// again, so that damaged ones are the follower's and `fsck`'s to report and don't stop a log.
    pub fn frontier(&self) -> Option<Frontier> {
        let size = self.checkpoint.size;
        let tiles = TileDir::open(&self.folder);
        let tree = tiles.tree(size);
        let mut nodes = Vec::new();
        let mut start = 0;
        for level in (0..u64::BITS).rev().filter(|level| (size.0 >> level) & 1 == 1) {
            nodes.extend(tree.node(level, start >> level).ok()?.0);
            start += 1 << level;
        }
        Frontier::from_bytes(size, &nodes).ok().filter(|frontier| frontier.root() == self.checkpoint.root)
    }
}

#[cfg(test)]
mod tests {
    use lww_audit::{NoteSigner, SignedCheckpoint, TileWriter};

    use super::*;

    fn publish(folder: &Path, origin: &Origin, entries: u32) {
        let mut writer = TileWriter::open(folder).unwrap();
        for number in u32::try_from(writer.size().0).unwrap()..entries {
            writer.append(&number.to_be_bytes()).unwrap();
        }
        let checkpoint = Checkpoint { origin: origin.clone(), size: writer.size(), root: writer.root() };
        let signer = NoteSigner::from_seed(origin.as_str(), &[7; 32]).unwrap();
        writer.publish(&SignedCheckpoint::sign(checkpoint, &[&signer]).unwrap()).unwrap();
    }

    #[test]
    fn the_published_tree_is_read_from_its_tiles_at_every_size() {
        let folder = tempfile::tempdir().unwrap();
        let origin = Origin::new("lww.test", "demo", 1).unwrap();
        assert!(Published::read(folder.path(), &origin).unwrap().is_none());
        for size in [1, 2, 255, 256, 257, 300, 513] {
            publish(folder.path(), &origin, size);
            let published = Published::read(folder.path(), &origin).unwrap().unwrap();
            assert_eq!(published.frontier().unwrap().size(), TreeSize(u64::from(size)));
            assert!(published.check_size(TreeSize(u64::from(size))).is_ok());
            let behind = published.check_size(TreeSize(u64::from(size) - 1));
            assert!(matches!(behind, Err(FatalError::BehindPublished { .. })));
        }
        let other = Origin::new("lww.test", "other", 1).unwrap();
        assert!(matches!(Published::read(folder.path(), &other), Err(FatalError::Published { .. })));
        std::fs::remove_dir_all(folder.path().join("tile/0")).unwrap();
        assert!(Published::read(folder.path(), &origin).unwrap().unwrap().frontier().is_none());
        std::fs::write(folder.path().join("checkpoint"), "no checkpoint").unwrap();
        assert!(matches!(Published::read(folder.path(), &origin), Err(FatalError::Published { .. })));
    }
}
