//! Reads a log's entries from the first to the last and says whether they are the log that was signed: each links to the one
//! before, and the tree has the known root at every size at which one is known. Tiles are written on the way.

use std::collections::BTreeMap;

use lww_audit::merkle::{Frontier, leaf_hash};
use lww_audit::{Entry, SignedCheckpoint, TileWriter};
use tokio_postgres::Client;

use crate::storage::FatalError;
use crate::storage::head::{self, Head, LogName, OpenError};
use crate::units::{EntryIndex, Hash, TreeSize};

/// Entries read at a time.
const PAGE_ENTRIES: i64 = 4096;

/// What does not fit.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// The entries are not the log's, or the database refuses.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// Tiles can't be written, or are not the checkpoint's.
    #[error(transparent)]
    Tiles(#[from] lww_audit::Error),
}

/// A log to read, bound to its tenant.
pub struct Replay<'a> {
    /// The connection.
    pub client: &'a Client,
    /// Which log.
    pub log: &'a LogName,
    /// Its head.
    pub head: &'a Head,
    /// Roots that are known from elsewhere, by size.
    pub roots: BTreeMap<TreeSize, Hash>,
}

impl Replay<'_> {
    /// Reads all of it; with a checkpoint, writes and publishes the tiles of its size. `progress` gets entries done and to do.
    ///
    /// # Errors
    /// [`ReplayError`], naming the entry or the size.
    pub async fn run(
        self,
        mut publish: Option<(&mut TileWriter, &SignedCheckpoint)>,
        progress: &(dyn Fn(u64, u64) + Sync),
    ) -> Result<(), ReplayError> {
        let all = self.head.size();
        let mut frontier = Frontier::empty();
        let mut previous = Hash::ZERO;
        while frontier.size() < all {
            let from = EntryIndex(frontier.size().0);
            let page = head::entries(self.client, self.log, from, PAGE_ENTRIES).await?;
            if page.is_empty() {
                return Err(OpenError::Fatal(FatalError::MissingEntry { index: from }).into());
            }
            for body in page.iter().take(usize::try_from(all.0 - from.0).unwrap_or(usize::MAX)) {
                let index = EntryIndex(frontier.size().0);
                let broken = || OpenError::Fatal(FatalError::BrokenChain { index });
                if Entry::parse(body).map_err(|_| broken())?.prev != previous {
                    return Err(broken().into());
                }
                previous = leaf_hash(body);
                frontier.push(previous);
                self.check_root(&frontier)?;
                write(&mut publish, body)?;
            }
            progress(frontier.size().0, all.0);
        }
        let (size, expected, got) = (all, frontier.root(), self.head.frontier.root());
        if expected != got {
            return Err(OpenError::Fatal(FatalError::Forked { size, expected, got }).into());
        }
        Ok(())
    }

    fn check_root(&self, frontier: &Frontier) -> Result<(), OpenError> {
        let (size, got) = (frontier.size(), || frontier.root());
        match self.roots.get(&size) {
            Some(expected) if *expected != got() => {
                Err(FatalError::Forked { size, expected: *expected, got: got() }.into())
            }
            Some(_) | None => Ok(()),
        }
    }
}

/// Appends an entry that the checkpoint covers, and publishes it with the last of them.
fn write(publish: &mut Option<(&mut TileWriter, &SignedCheckpoint)>, body: &[u8]) -> Result<(), lww_audit::Error> {
    let Some((writer, checkpoint)) = publish else { return Ok(()) };
    let size = checkpoint.unverified().size;
    if writer.size() < size {
        writer.append(body)?;
        if writer.size() == size {
            writer.publish(checkpoint)?;
        }
    }
    Ok(())
}
