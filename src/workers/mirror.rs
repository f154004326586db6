//! Copies what is published of one log to another place: each tile and bundle once, the checkpoint last.
//!
//! The copy's own checkpoint says how far it is, so it goes on wherever it was left, also by another server. Whoever finds a
//! checkpoint there finds all that it needs. What is there and is not what would be put there is never replaced: it is told.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use futures_util::stream::{StreamExt as _, TryStreamExt as _, iter};
use lww_audit::merkle::root_at;
use lww_audit::national::unverified_roots;
use lww_audit::note::NOTE_BYTES_MAX;
use lww_audit::tile::{BUNDLE_BYTES_MAX, CHECKPOINT, Part, SHADOW, TilePath, WIDTH};
use lww_audit::{Checkpoint, ShadowDir, SignedCheckpoint, TileDir};
use tokio::sync::watch;

use crate::domain::event::{Found, FoundPart};
use crate::limits::{MIRROR_REQUESTS_MAX, MIRROR_RETRY_S_MAX};
use crate::pipeline::Tenant;
use crate::ports::{Clock, MirrorState, Objects, ObjectsError, SizeAt};
use crate::units::TreeSize;

/// Why the copy could not be brought up to date.
#[derive(Debug, thiserror::Error)]
pub enum MirrorError {
    /// The other place can't be read or written.
    #[error(transparent)]
    Objects(#[from] ObjectsError),
    /// The published files can't be read.
    #[error("the published files can't be read: {0}")]
    Tiles(#[from] lww_audit::Error),
    /// An object is not what was published.
    #[error("{name} is not what was published: {what}")]
    Differs {
        /// The object, below the log's own name.
        name: String,
        /// What is wrong with it.
        what: &'static str,
    },
    /// The task that read files is gone.
    #[error("reading ended unexpectedly")]
    Ended,
}

/// Copies one log.
pub struct Mirror {
    /// Whose log.
    pub tenant: Arc<Tenant>,
    /// The folder of its tiles.
    pub folder: PathBuf,
    /// Where the copy is.
    pub objects: Arc<dyn Objects>,
    /// What the names of its objects begin with: the log's own name.
    pub prefix: String,
    /// Pause between two looks at what is published.
    pub every: Duration,
    /// The time.
    pub clock: Arc<dyn Clock>,
}

impl Mirror {
    /// Runs until `stop` turns true.
    pub async fn run(self, mut stop: watch::Receiver<bool>) {
        let place = self.objects.place().to_owned();
        self.tenant.custody.tell(|custody| {
            custody.mirror.target = Some(place);
            custody.mirror.state = MirrorState::Behind;
        });
        let mut failures = 0;
        while !*stop.borrow() {
            let copied = tokio::select! {
                copied = self.copy() => copied,
                // What was copied so far stays, and is found there next time.
                _ = stop.wait_for(|stop| *stop) => return,
            };
            failures = if copied.is_ok() { 0 } else { failures + 1 };
            self.tell(copied).await;
            let pause = if failures == 0 { self.every } else { after(failures).max(Duration::from_secs(1)) };
            // Whichever comes first; a stop is looked at above.
            let _either = tokio::time::timeout(pause, stop.changed()).await;
        }
    }

    /// Tells how it ended.
    async fn tell(&self, copied: Result<Option<TreeSize>, MirrorError>) {
        let (state, reason) = match &copied {
            Ok(_) => (MirrorState::Current, None),
            Err(error @ MirrorError::Differs { .. }) => (MirrorState::Differs, Some(error.to_string())),
            Err(error @ MirrorError::Objects(_)) => (MirrorState::Unreachable, Some(error.to_string())),
            Err(error @ (MirrorError::Tiles(_) | MirrorError::Ended)) => (MirrorState::Behind, Some(error.to_string())),
        };
        let now = self.clock.now();
        self.tenant.custody.tell(|custody| {
            if let Ok(Some(size)) = copied {
                custody.mirror.holds = Some(SizeAt { size, at: now });
            }
            (custody.mirror.state, custody.mirror.reason) = (state, reason);
        });
        match copied {
            Ok(_) => {}
            Err(MirrorError::Differs { name, what }) => {
                let found = Found { part: FoundPart::Object, name, index: None };
                self.tenant.found(&found, what).await;
            }
            Err(error) => {
                let tenant = self.tenant.name.id.0;
                tracing::warn!(event = "mirror_behind", tenant, %error, "the copy could not be brought up to date");
            }
        }
    }

    /// Brings the copy up to what is published, and returns its size; `None` while nothing is published.
    ///
    /// # Errors
    /// [`MirrorError`]; the copy is then what its checkpoint says, with some of what comes next.
    pub async fn copy(&self) -> Result<Option<TreeSize>, MirrorError> {
        let folder = self.folder.clone();
        let Some(signed) = aside(move || TileDir::open(folder).checkpoint()).await? else { return Ok(None) };
        let size = signed.unverified().size;
        let theirs = self.theirs(signed.unverified()).await?;
        let (before, lines, shadowed) = theirs.unwrap_or((TreeSize(0), 0, TreeSize(0)));
        // Who cosigned later is copied, too.
        if theirs.is_some() && before == size && lines >= signed.note().signatures().len() {
            return Ok(Some(size));
        }
        let copies = iter(added(before, size)).map(|tile| self.copy_one(tile));
        copies.buffer_unordered(MIRROR_REQUESTS_MAX).try_collect::<()>().await?;
        if unverified_roots(&signed).next().is_some() {
            let hashes = added(shadowed, size).filter(|tile| tile.part != Part::Entries);
            let copies = iter(hashes).map(|tile| self.copy_shadow(tile));
            copies.buffer_unordered(MIRROR_REQUESTS_MAX).try_collect::<()>().await?;
        }
        self.objects.replace(&self.name(CHECKPOINT), signed.to_string().into_bytes()).await?;
        self.sweep(before, size, shadowed.0 > 0).await;
        Ok(Some(size))
    }

    /// The size of the copy, which must be a beginning of what is published, how many have signed it, and the size of its second tree.
    async fn theirs(&self, ours: &Checkpoint) -> Result<Option<(TreeSize, usize, TreeSize)>, MirrorError> {
        let differs = |what| MirrorError::Differs { name: CHECKPOINT.to_owned(), what };
        let Some(bytes) = self.objects.get(&self.name(CHECKPOINT), NOTE_BYTES_MAX).await? else { return Ok(None) };
        let signed = SignedCheckpoint::parse(&bytes).map_err(|_| differs("it is no checkpoint"))?;
        let (theirs, lines) = (signed.unverified().clone(), signed.note().signatures().len());
        if theirs.origin != ours.origin {
            return Err(differs("it is another log's"));
        }
        if theirs.size > ours.size {
            return Err(differs("it covers more than this server has published"));
        }
        let (folder, sizes) = (self.folder.clone(), (ours.size, theirs.size));
        let root = aside(move || root_at(&TileDir::open(folder).tree(sizes.0), sizes.1)).await?;
        if root != theirs.root {
            return Err(differs("it is of another history"));
        }
        let shadowed = if unverified_roots(&signed).next().is_some() { theirs.size } else { TreeSize(0) };
        Ok(Some((theirs.size, lines, shadowed)))
    }

    async fn copy_one(&self, tile: TilePath) -> Result<(), MirrorError> {
        let folder = self.folder.clone();
        let published = aside(move || TileDir::open(folder).published(tile)).await?;
        self.put(&tile.to_string(), published.ok_or(MirrorError::Ended)?).await
    }

    /// Copies a tile of the second tree.
    async fn copy_shadow(&self, tile: TilePath) -> Result<(), MirrorError> {
        let folder = self.folder.clone();
        let published = aside(move || ShadowDir::open(folder).published(tile)).await?;
        self.put(&format!("{SHADOW}/{tile}"), published.ok_or(MirrorError::Ended)?).await
    }

    async fn put(&self, file: &str, bytes: Vec<u8>) -> Result<(), MirrorError> {
        let name = self.name(file);
        // Whoever was interrupted has put it there already. Not every store can be asked to create only.
        let present = match self.objects.get(&name, BUNDLE_BYTES_MAX).await? {
            None if self.objects.create(&name, bytes.clone()).await? => return Ok(()),
            None => self.objects.get(&name, BUNDLE_BYTES_MAX).await?,
            present => present,
        };
        if present.is_some_and(|present| present == bytes) {
            return Ok(());
        }
        Err(MirrorError::Differs { name: file.to_owned(), what: "it was there before, with other bytes" })
    }

    /// Removes partial tiles that only the copy's checkpoint before needed. A store that keeps everything may keep them.
    async fn sweep(&self, before: TreeSize, size: TreeSize, has_shadow: bool) {
        for part in Part::all(before) {
            let Some(old) = TilePath::partial(part, before) else { continue };
            if TilePath::in_tree(part, old.index, size) == Some(old) {
                continue;
            }
            let shadow = (has_shadow && part != Part::Entries).then(|| format!("{SHADOW}/{old}"));
            for file in std::iter::once(old.to_string()).chain(shadow) {
                if let Err(error) = self.objects.remove(&self.name(&file)).await {
                    tracing::debug!(event = "mirror_keeps", tenant = self.tenant.name.id.0, %error, file);
                }
            }
        }
    }

    fn name(&self, file: &str) -> String {
        format!("{}/{file}", self.prefix)
    }
}

/// The tiles and bundles of a tree that a smaller one has not.
fn added(before: TreeSize, size: TreeSize) -> impl Iterator<Item = TilePath> {
    Part::all(size).flat_map(move |part| {
        let tiles = part.count(before) / WIDTH..part.count(size).div_ceil(WIDTH);
        let new = tiles.filter_map(move |index| TilePath::in_tree(part, index, size));
        new.filter(move |tile| TilePath::in_tree(part, tile.index, before) != Some(*tile))
    })
}

/// How long to wait after so many failures.
fn after(failures: u32) -> Duration {
    Duration::from_secs(1_u64.checked_shl(failures.min(16)).unwrap_or(u64::MAX).min(MIRROR_RETRY_S_MAX))
}

/// Runs what waits for the disk where it holds up nobody else.
async fn aside<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, lww_audit::Error> + Send + 'static,
) -> Result<T, MirrorError> {
    let done = tokio::task::spawn_blocking(work).await;
    Ok(done.map_err(|_| MirrorError::Ended)??)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_added_is_all_of_the_new_tree_that_the_old_one_has_not() {
        for (before, size) in
            [(0, 1), (0, 255), (0, 256), (0, 70_000), (1, 2), (255, 256), (256, 257), (300, 70_000), (512, 512)]
        {
            let all =
                |size| -> Vec<String> { added(TreeSize(0), TreeSize(size)).map(|tile| tile.to_string()).collect() };
            let (old, new) = (all(before), all(size));
            let mut expected: Vec<&String> = new.iter().filter(|tile| !old.contains(tile)).collect();
            let mut given: Vec<String> = added(TreeSize(before), TreeSize(size)).map(|tile| tile.to_string()).collect();
            expected.sort();
            given.sort();
            assert_eq!(given.iter().collect::<Vec<_>>(), expected, "from {before} to {size}");
        }
    }

    #[test]
    fn the_pause_after_failures_grows_up_to_a_maximum() {
        assert_eq!(after(1), Duration::from_secs(2));
        assert_eq!(after(4), Duration::from_secs(16));
        assert_eq!(after(1_000_000), Duration::from_secs(MIRROR_RETRY_S_MAX));
    }
}
