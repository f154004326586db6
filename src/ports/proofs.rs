//! What is published of a log: its files, and proofs out of them.

use std::sync::Arc;

use lww_audit::Generations;
use lww_audit::tile::TilePath;

use crate::units::{EntryIndex, Hash, TreeSize};

/// Proves entries from the published tiles.
pub trait Proofs: Send + Sync {
    /// The inclusion path of an entry in the tree of the published checkpoint, and that checkpoint's signed text; `None`
    /// while nothing published covers the entry.
    fn prove(&self, index: EntryIndex) -> Option<(Vec<Hash>, Arc<str>)>;

    /// The size of the published checkpoint; `None` while nothing is published.
    fn published(&self) -> Option<TreeSize>;

    /// The published checkpoint with all its signatures; `None` while nothing is published.
    ///
    /// # Errors
    /// When the file can't be read.
    fn checkpoint(&self) -> Result<Option<String>, lww_audit::Error>;

    /// The bytes of a tile or bundle of any tree that the published one goes on from; `None` beyond it.
    ///
    /// # Errors
    /// When the file can't be read, or is not there.
    fn tile(&self, tile: TilePath) -> Result<Option<Vec<u8>>, lww_audit::Error>;

    /// The bytes of a hash tile of the second tree, which was made with SM3; `None` beyond it, or where there is none.
    ///
    /// # Errors
    /// As [`Proofs::tile`].
    fn shadow_tile(&self, tile: TilePath) -> Result<Option<Vec<u8>>, lww_audit::Error>;

    /// The gaps that the published log declares, each with the generation that it opened.
    ///
    /// # Errors
    /// When a file can't be read, or a generation is declared by nobody.
    fn generations(&self) -> Result<Arc<Generations>, lww_audit::Error>;

    /// The consistency path between two sizes of the published tree; `None` while nothing published covers the larger.
    fn consistency(&self, from: TreeSize, to: TreeSize) -> Option<Vec<Hash>>;
}
