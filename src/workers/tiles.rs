//! Follows one log from the database into tiles and bundles, and publishes a checkpoint each second (C2SP tlog-tiles).
//!
//! Tiles are derived: they can always be made again from the entries. What is published covers only entries that the log
//! key has signed. It also proves entries out of what it published.

use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use lww_audit::merkle::{consistency_path, inclusion_path};
use lww_audit::tile::{CHECKPOINT, TilePath};
use lww_audit::{Generations, ShadowDir, ShadowWriter, SignedCheckpoint, TileDir, TileWriter};
use tokio::sync::watch;

use super::witness::Panel;
use crate::ports::{Clock, CustodyCell, Entries, EntriesError, NationalKey, Proofs, SignError, SignedHead, SizeAt};
use crate::units::{EntryIndex, Hash, MICROS_PER_SECOND, TenantId, Timestamp, TreeSize};

/// Pause between two publications.
const PUBLISH_EVERY: Duration = Duration::from_secs(1);
/// The same where witnesses cosign, who take their time, too: what is acknowledged is to be cosigned within a second.
const PUBLISH_WITNESSED_EVERY: Duration = Duration::from_millis(500);
/// Entries read and written at a time.
const PAGE_ENTRIES: u32 = 4096;

/// Why tiles could not be written at present.
#[derive(Debug, thiserror::Error)]
pub enum TilesError {
    /// The entries can't be read.
    #[error(transparent)]
    Entries(#[from] EntriesError),
    /// The folder refuses, or holds something else than this log.
    #[error(transparent)]
    Tiles(#[from] lww_audit::Error),
    /// The SM2 key can't sign.
    #[error(transparent)]
    Sign(#[from] SignError),
    /// The task that wrote them is gone.
    #[error("writing tiles ended unexpectedly")]
    Ended,
}

/// Follows one log.
pub struct TileFollower {
    /// Whose log.
    pub tenant: TenantId,
    /// Where its entries come from.
    pub entries: Arc<dyn Entries>,
    /// The folder of its tiles.
    pub folder: PathBuf,
    /// The newest signed head.
    pub heads: watch::Receiver<Option<SignedHead>>,
    /// Where it is told what is published.
    pub custody: Arc<CustodyCell>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Who must have cosigned what is published; `None`: nobody.
    pub panel: Option<Panel>,
    /// Who signs what is published by national algorithms, too; `None`: nobody.
    pub national: Option<Arc<dyn NationalKey>>,
}

/// The trees that are written, at the same size.
struct Writers {
    tiles: TileWriter,
    /// The second one, made with SM3.
    shadow: Option<ShadowWriter>,
}

impl Writers {
    fn open(folder: &Path, has_shadow: bool) -> Result<Self, lww_audit::Error> {
        let tiles = TileWriter::open(folder)?;
        Ok(Self { tiles, shadow: has_shadow.then(|| ShadowWriter::open(folder)).transpose()? })
    }

    fn append(&mut self, entry: &[u8]) -> Result<(), lww_audit::Error> {
        self.tiles.append(entry)?;
        self.shadow.as_mut().map_or(Ok(()), |shadow| shadow.append(entry))
    }

    fn publish(&mut self, checkpoint: &SignedCheckpoint) -> Result<(), lww_audit::Error> {
        self.tiles.publish(checkpoint)?;
        self.shadow.as_mut().map_or(Ok(()), ShadowWriter::settle)
    }
}

impl TileFollower {
    /// Runs until `stop` turns true; publishes once more then.
    pub async fn run(mut self, mut stop: watch::Receiver<bool>) {
        let mut last: Option<SignedCheckpoint> = None;
        let mut writer = None;
        loop {
            let stopping = *stop.borrow();
            let head = self.heads.borrow_and_update().clone();
            let size = last.as_ref().map(|last| last.unverified().size);
            // Whoever was too slow, or away, may cosign what is published while nothing newer is there.
            let is_wanted = |head: &SignedHead| {
                size != Some(head.size) || self.panel.as_ref().is_some_and(|panel| panel.may_add(head.size))
            };
            if let Some(head) = head.filter(is_wanted) {
                match self.publish(writer.take(), &head, last.as_ref()).await {
                    Ok((open, published)) => {
                        // What is published stays; the next look asks for the head of that time.
                        last = published.or(last);
                        writer = Some(open);
                    }
                    Err(error) => {
                        let tenant = self.tenant.0;
                        tracing::warn!(event = "tiles_behind", tenant, %error, "tiles could not be written");
                    }
                }
            }
            if stopping {
                return;
            }
            // Whichever comes first.
            let every = if self.panel.is_some() { PUBLISH_WITNESSED_EVERY } else { PUBLISH_EVERY };
            let _either = tokio::time::timeout(every, stop.changed()).await;
        }
    }

    /// Brings the tiles up to a signed head and publishes its checkpoint, if enough witnesses cosign it; gives what was
    /// published. The same tree is published again only with more cosignatures. After an error the folder is opened anew.
    async fn publish(
        &mut self,
        writer: Option<Writers>,
        head: &SignedHead,
        last: Option<&SignedCheckpoint>,
    ) -> Result<(Writers, Option<SignedCheckpoint>), TilesError> {
        let mut writer = match writer {
            Some(writer) => writer,
            None => self.open().await?,
        };
        while writer.tiles.size() < head.size {
            let from = EntryIndex(writer.tiles.size().0);
            let left = u32::try_from(head.size.0 - from.0).unwrap_or(PAGE_ENTRIES);
            let page = self.entries.entries(from, left.min(PAGE_ENTRIES)).await?;
            if page.is_empty() {
                return Err(EntriesError::Missing { index: from }.into());
            }
            writer = aside(move || {
                page.iter().try_for_each(|entry| writer.append(entry))?;
                Ok(writer)
            })
            .await?;
        }
        let mut checkpoint = SignedCheckpoint::parse(head.checkpoint.as_bytes())?;
        if let Some(panel) = &mut self.panel {
            // Whoever cosigns vouches for what can be read: tiles are durable before anybody is asked.
            let signed = checkpoint.clone();
            writer = aside(move || writer.tiles.prepare(&signed).map(|()| writer)).await?;
            match panel.cosigned(&checkpoint).await {
                Some(cosigned) => checkpoint = cosigned,
                None => return Ok((writer, None)),
            }
        }
        (writer, checkpoint) = self.cosigned(writer, checkpoint).await?;
        let is_known = last.is_some_and(|last| last.unverified() == checkpoint.unverified());
        let lines = |signed: &SignedCheckpoint| signed.note().signatures().len();
        if is_known && last.is_some_and(|last| lines(&checkpoint) <= lines(last)) {
            return Ok((writer, None));
        }
        let published = checkpoint.clone();
        let writer = aside(move || writer.publish(&checkpoint).map(|()| writer)).await?;
        if !is_known {
            let at = SizeAt { size: head.size, at: self.clock.now() };
            self.custody.tell(|custody| custody.published = Some(at));
        }
        Ok((writer, Some(published)))
    }

    /// Adds the signature by national algorithms, over the root of the second tree, whose tiles are durable by then.
    async fn cosigned(
        &self,
        mut writer: Writers,
        checkpoint: SignedCheckpoint,
    ) -> Result<(Writers, SignedCheckpoint), TilesError> {
        let Some(key) = self.national.clone() else { return Ok((writer, checkpoint)) };
        let Some(mut shadow) = writer.shadow.take() else { return Ok((writer, checkpoint)) };
        let (shadow, line, checkpoint) = aside(move || {
            shadow.prepare()?;
            let line = key.cosign(checkpoint.unverified(), &shadow.root());
            Ok((shadow, line, checkpoint))
        })
        .await?;
        writer.shadow = Some(shadow);
        let lines = checkpoint.note().signatures().iter().cloned().chain([line?]).collect();
        Ok((writer, SignedCheckpoint::with_signatures(checkpoint.unverified().clone(), lines)?))
    }

    /// Opens the folder, and tells what was published in it before.
    async fn open(&mut self) -> Result<Writers, TilesError> {
        let (folder, has_shadow) = (self.folder.clone(), self.national.is_some());
        let (writer, known) = aside(move || {
            let known = TileDir::open(&folder).checkpoint()?.map(|signed| (signed, modified(&folder.join(CHECKPOINT))));
            Ok((Writers::open(&folder, has_shadow)?, known))
        })
        .await?;
        if let Some((signed, at)) = known {
            let published = SizeAt { size: signed.unverified().size, at: at.unwrap_or_else(|| self.clock.now()) };
            self.custody.tell(|custody| custody.published = Some(published));
            if let Some(panel) = &mut self.panel {
                panel.resume(&signed);
            }
        }
        Ok(writer)
    }
}

/// When a file was written.
fn modified(path: &Path) -> Option<Timestamp> {
    let found = std::fs::metadata(path).ok()?;
    Some(Timestamp::from_micros(found.mtime() * MICROS_PER_SECOND + found.mtime_nsec() / 1_000))
}

/// Runs what waits for the disk where it holds up nobody else.
async fn aside<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, lww_audit::Error> + Send + 'static,
) -> Result<T, TilesError> {
    let done = tokio::task::spawn_blocking(work).await;
    Ok(done.map_err(|_| TilesError::Ended)??)
}

/// Proves entries from a folder of tiles.
pub struct PublishedTiles {
    folder: PathBuf,
    /// They never change while a server runs: a new one is opened where none does.
    generations: OnceLock<Arc<Generations>>,
}

impl PublishedTiles {
    /// Reads from `folder`, which may still be empty.
    pub fn new(folder: &Path) -> Arc<Self> {
        Arc::new(Self { folder: folder.to_owned(), generations: OnceLock::new() })
    }

    fn try_prove(&self, index: EntryIndex) -> Result<Option<(Vec<Hash>, Arc<str>)>, lww_audit::Error> {
        let tiles = TileDir::open(&self.folder);
        let Some(signed) = tiles.checkpoint()? else { return Ok(None) };
        let size = signed.unverified().size;
        if index.0 >= size.0 {
            return Ok(None);
        }
        let path = inclusion_path(&tiles.tree(size), index, size)?;
        Ok(Some((path, signed.note().to_string().into())))
    }

    /// Both trees are read out of the newest one: what was published for a size between is gone once its tiles are full.
    fn try_consistency(&self, from: TreeSize, to: TreeSize) -> Result<Option<Vec<Hash>>, lww_audit::Error> {
        let tiles = TileDir::open(&self.folder);
        let Some(signed) = tiles.checkpoint()? else { return Ok(None) };
        let size = signed.unverified().size;
        if to > size { Ok(None) } else { consistency_path(&tiles.tree(size), from, to).map(Some) }
    }
}

impl Proofs for PublishedTiles {
    fn prove(&self, index: EntryIndex) -> Option<(Vec<Hash>, Arc<str>)> {
        self.try_prove(index).unwrap_or_default()
    }

    fn published(&self) -> Option<TreeSize> {
        let signed = TileDir::open(&self.folder).checkpoint().ok().flatten();
        signed.map(|signed| signed.unverified().size)
    }

    fn checkpoint(&self) -> Result<Option<String>, lww_audit::Error> {
        Ok(TileDir::open(&self.folder).checkpoint()?.map(|signed| signed.note().to_string()))
    }

    fn tile(&self, tile: TilePath) -> Result<Option<Vec<u8>>, lww_audit::Error> {
        TileDir::open(&self.folder).published(tile)
    }

    fn shadow_tile(&self, tile: TilePath) -> Result<Option<Vec<u8>>, lww_audit::Error> {
        ShadowDir::open(&self.folder).published(tile)
    }

    fn generations(&self) -> Result<Arc<Generations>, lww_audit::Error> {
        if let Some(known) = self.generations.get() {
            return Ok(Arc::clone(known));
        }
        let tiles = TileDir::open(&self.folder);
        let Some(signed) = tiles.checkpoint()? else { return Ok(Arc::default()) };
        let found = Arc::new(Generations::in_tiles(&tiles, signed.unverified())?);
        Ok(Arc::clone(self.generations.get_or_init(|| found)))
    }

    fn consistency(&self, from: TreeSize, to: TreeSize) -> Option<Vec<Hash>> {
        self.try_consistency(from, to).unwrap_or_default()
    }
}
