//! Published logs: that a checkpoint is a log's own, and the leaves that a batch is over.
//!
//! It reads a folder of C2SP tiles (the server's own, or a copy) and believes the log's key alone.

use std::path::PathBuf;

use lww_audit::evm::BATCH_LEAVES_MAX;
use lww_audit::merkle::root_at;
use lww_audit::tile::{Part, TilePath};
use lww_audit::{Checkpoint, Origin, TileDir, VerifierKey};

use crate::batch::BatchTree;

/// Hashes in a full tile (C2SP tlog-tiles).
const WIDTH: u64 = 256;

/// A log and where it is published.
#[derive(Clone, Debug)]
pub struct Ledger {
    /// The log.
    pub origin: Origin,
    /// The keys that its checkpoints are signed with; several while one takes another's place.
    pub keys: Vec<VerifierKey>,
    /// The folder of its tiles.
    pub tiles: PathBuf,
}

/// Why a checkpoint is not taken.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// Nothing is published there.
    #[error("{0}: nothing is published there yet")]
    Unpublished(PathBuf),
    /// What is published is another log's.
    #[error("{0}: another log is published there")]
    OtherLog(PathBuf),
    /// The checkpoint is not of the published tree.
    #[error(
        "the published log has another root at this size, or has not reached it: what is asked to be anchored is not this log's"
    )]
    NotOfLog,
    /// A file can't be read, or no key of the log has signed.
    #[error("{0}")]
    Log(#[from] lww_audit::Error),
}

impl Ledger {
    /// The published checkpoint, signed by a key of the log, its root that of the tiles.
    ///
    /// # Errors
    /// [`LedgerError`].
    pub fn published(&self) -> Result<Checkpoint, LedgerError> {
        let tiles = TileDir::open(&self.tiles);
        let signed = tiles.checkpoint()?.ok_or_else(|| LedgerError::Unpublished(self.tiles.clone()))?;
        let checkpoint = signed.verify(&self.keys)?.0.clone();
        if checkpoint.origin != self.origin {
            return Err(LedgerError::OtherLog(self.tiles.clone()));
        }
        if root_at(&tiles.tree(checkpoint.size), checkpoint.size)? != checkpoint.root {
            return Err(LedgerError::NotOfLog);
        }
        Ok(checkpoint)
    }

    /// Checks that a checkpoint is one that the published tree has gone on from.
    ///
    /// # Errors
    /// [`LedgerError`].
    pub fn check(&self, checkpoint: &Checkpoint) -> Result<(), LedgerError> {
        let published = self.published()?;
        let is_within = checkpoint.origin == self.origin && checkpoint.size <= published.size;
        if !is_within || checkpoint.size.0 == 0 {
            return Err(LedgerError::NotOfLog);
        }
        let root = root_at(&TileDir::open(&self.tiles).tree(published.size), checkpoint.size)?;
        if root == checkpoint.root { Ok(()) } else { Err(LedgerError::NotOfLog) }
    }

    /// The batch over the leaves from `first` to before `size`; over the newest ones, when they are too many.
    ///
    /// # Errors
    /// [`LedgerError`].
    pub fn batch(&self, first: u64, size: u64) -> Result<BatchTree, LedgerError> {
        let first = first.max(size.saturating_sub(BATCH_LEAVES_MAX));
        let published = self.published()?.size;
        if first >= size || size > published.0 {
            return Err(LedgerError::NotOfLog);
        }
        let tiles = TileDir::open(&self.tiles);
        let mut leaves = Vec::new();
        for number in first / WIDTH..size.div_ceil(WIDTH) {
            let tile = TilePath::in_tree(Part::Level(0), number, published).ok_or(LedgerError::NotOfLog)?;
            let here = (number * WIDTH..).zip(tiles.tile(tile)?);
            leaves.extend(here.filter(|(index, _)| (first..size).contains(index)).map(|(_, leaf)| leaf));
        }
        BatchTree::build(first, leaves).ok_or(LedgerError::NotOfLog)
    }
}
