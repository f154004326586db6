//! Looks through what the server keeps, again and again, and says what is not what was recorded.
//!
//! A bundle of entries at a time: the bundle against its tile of leaf hashes, that against the signed root, the database's rows
//! against the bundle, the copy's objects against both, and some of the texts, drawn anew each time so that nobody knows which,
//! against what their entries committed to. The newest entries are looked at every minute, the whole log once
//! in a round, at a bounded pace. It changes nothing and stops nothing: what it finds is recorded, and an operator decides.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use lww_audit::merkle::{Frontier, leaf_hash, root_at};
use lww_audit::note::NOTE_BYTES_MAX;
use lww_audit::tile::{BUNDLE_BYTES_MAX, Bundle, CHECKPOINT, Part, TilePath, WIDTH};
use lww_audit::{Checkpoint, Class, Entry, SignedCheckpoint, TileDir};
use tokio::sync::watch;
use tokio::time::Instant;

use crate::domain::event::{Found, FoundPart};
use crate::limits::{SELF_AUDIT_NEWEST_ENTRIES, SELF_AUDIT_TEXTS_OF_BUNDLE};
use crate::pipeline::{Refusal, Tenant};
use crate::ports::{Clock, Entries, EntriesError, Objects, Random, SelfAuditState, random_bytes};
use crate::units::{EntryIndex, Hash, TreeSize};

/// Pause between two steps of a round.
const STEP_EVERY: Duration = Duration::from_secs(1);
const ROW: &str = "ledger_entry";
const TEXT: &str = "text";

/// How much is looked at, and how often.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// Seconds between two looks at the newest entries.
    pub newest_every_s: u32,
    /// Seconds in which the whole log is looked at, if `entries_per_s` is enough for that.
    pub round_s: u32,
    /// Most entries of a round that are looked at in a second.
    pub entries_per_s: u32,
}

impl Pace {
    /// How many entries of a log of `size` to look at in a second, to come around in time.
    fn step(self, size: TreeSize) -> u64 {
        size.0.div_ceil(u64::from(self.round_s.max(1))).min(u64::from(self.entries_per_s))
    }
}

/// Looks through one log.
pub struct SelfAudit {
    /// Whose log.
    pub tenant: Arc<Tenant>,
    /// The database's rows.
    pub entries: Arc<dyn Entries>,
    /// The folder of the log's tiles.
    pub folder: PathBuf,
    /// The copy, and what the names of its objects begin with.
    pub mirror: Option<(Arc<dyn Objects>, String)>,
    /// How fast.
    pub pace: Pace,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Randomness, for which texts are opened.
    pub random: Arc<dyn Random>,
}

/// Something is wrong, and where.
type Finding = (Found, &'static str);

/// It could not be looked at present; that is no finding.
#[derive(Debug, thiserror::Error)]
enum Unseen {
    #[error(transparent)]
    Entries(#[from] EntriesError),
    #[error(transparent)]
    Files(#[from] lww_audit::Error),
    #[error(transparent)]
    Texts(#[from] Refusal),
    #[error("reading ended unexpectedly")]
    Ended,
}

/// What a bundle's files hold.
struct Held {
    tile: TilePath,
    leaves: Vec<u8>,
    bundle: Vec<u8>,
    entries: Vec<Vec<u8>>,
    /// Those that committed to a text.
    spoken: Vec<Entry>,
}

impl SelfAudit {
    /// Runs until `stop` turns true.
    pub async fn run(self, mut stop: watch::Receiver<bool>) {
        let mut newest: Option<Instant> = None;
        let (mut next, mut owed) = (0, 0);
        while !*stop.borrow() {
            let every = Duration::from_secs(u64::from(self.pace.newest_every_s));
            let is_due = newest.is_none_or(|looked| looked.elapsed() >= every);
            let looked = tokio::select! {
                looked = self.step(is_due, &mut next, &mut owed) => looked,
                _ = stop.wait_for(|stop| *stop) => return,
            };
            match looked {
                Ok(true) => newest = Some(Instant::now()),
                Ok(false) => {}
                Err(error) => {
                    let tenant = self.tenant.name.id.0;
                    tracing::info!(event = "self_audit_waits", tenant, %error, "what is kept can't be looked at at present");
                }
            }
            // Whichever comes first; a stop is looked at above.
            let _either = tokio::time::timeout(STEP_EVERY, stop.changed()).await;
        }
    }

    /// Looks at the newest entries if that is due, and at as many of the round as this second has; tells whether the newest
    /// were looked at.
    async fn step(&self, is_due: bool, next: &mut u64, owed: &mut u64) -> Result<bool, Unseen> {
        let folder = self.folder.clone();
        let Some(signed) = aside(move || TileDir::open(folder).checkpoint()).await? else { return Ok(false) };
        let checkpoint = signed.unverified();
        let bundles = checkpoint.size.0.div_ceil(WIDTH);
        if is_due {
            self.tell(SelfAuditState::Running, None);
            self.newest(&signed).await?;
            self.tell(SelfAuditState::Idle, Some(checkpoint.size));
        }
        *owed += self.pace.step(checkpoint.size);
        while *owed >= WIDTH && bundles > 0 {
            *owed -= WIDTH;
            *next = if *next >= bundles { 0 } else { *next };
            self.look(*next, checkpoint).await?;
            *next += 1;
        }
        Ok(is_due)
    }

    /// Looks at the checkpoint, what was cosigned, and the newest entries.
    async fn newest(&self, signed: &SignedCheckpoint) -> Result<(), Unseen> {
        let checkpoint = signed.unverified();
        let found = Found { part: FoundPart::Checkpoint, name: CHECKPOINT.to_owned(), index: None };
        let keys = self.tenant.verifier_keys();
        if signed.verify(&keys).is_err() {
            self.tenant.found(&found, "the log's key has not signed it").await;
        }
        let (folder, wanted) = (self.folder.clone(), checkpoint.clone());
        if !aside(move || leads_to_root(&TileDir::open(folder), &wanted)).await? {
            self.tenant.found(&found, "the tiles do not come to its root").await;
        }
        self.witnesses().await;
        let first = checkpoint.size.0.saturating_sub(SELF_AUDIT_NEWEST_ENTRIES) / WIDTH;
        for bundle in first..checkpoint.size.0.div_ceil(WIDTH) {
            self.look(bundle, checkpoint).await?;
        }
        Ok(())
    }

    fn tell(&self, state: SelfAuditState, looked_to: Option<TreeSize>) {
        let now = self.clock.now();
        self.tenant.custody.tell(|custody| {
            let told = &mut custody.self_audit;
            told.at = looked_to.map(|_| now).or(told.at);
            told.looked_to = looked_to.or(told.looked_to);
            told.state = if told.findings > 0 { SelfAuditState::Found } else { state };
        });
    }

    /// Nobody can have cosigned what this server has not signed.
    async fn witnesses(&self) {
        let Some(head) = self.tenant.head() else { return };
        for witness in self.tenant.custody.now().witnesses {
            if witness.cosigned.is_some_and(|cosigned| cosigned.size > head.size) {
                let found = Found { part: FoundPart::Witness, name: witness.name, index: None };
                self.tenant.found(&found, "it has cosigned more than this server has signed").await;
            }
        }
    }

    /// Looks at one bundle, and says what is wrong with it.
    async fn look(&self, bundle: u64, checkpoint: &Checkpoint) -> Result<(), Unseen> {
        let (folder, wanted) = (self.folder.clone(), checkpoint.clone());
        let held = tokio::task::spawn_blocking(move || held(&TileDir::open(folder), bundle, &wanted)).await;
        let held = match held.map_err(|_| Unseen::Ended)?? {
            Ok(held) => held,
            Err((found, what)) => {
                self.tenant.found(&found, what).await;
                return Ok(());
            }
        };
        if let Some((found, what)) = self.rows(&held).await? {
            self.tenant.found(&found, what).await;
        }
        for (found, what) in self.objects(&held).await {
            self.tenant.found(&found, what).await;
        }
        let drawn = draw(held.spoken, SELF_AUDIT_TEXTS_OF_BUNDLE, &*self.random);
        for index in self.tenant.altered_texts(&drawn).await? {
            let found = Found { part: FoundPart::Row, name: TEXT.to_owned(), index: Some(index) };
            self.tenant.found(&found, "it is not what its entry committed to").await;
        }
        Ok(())
    }

    /// The first row that is not the entry that was published.
    async fn rows(&self, held: &Held) -> Result<Option<Finding>, Unseen> {
        let first = held.tile.index * WIDTH;
        let count = u32::try_from(held.entries.len()).unwrap_or(u32::MAX);
        let found = |index: u64, what| {
            (Found { part: FoundPart::Row, name: ROW.to_owned(), index: Some(EntryIndex(index)) }, what)
        };
        let rows = match self.entries.entries(EntryIndex(first), count).await {
            Ok(rows) => rows,
            Err(EntriesError::Missing { index }) => return Ok(Some(found(index.0, "it is missing"))),
            Err(error) => return Err(error.into()),
        };
        let differs = (first..).zip(&held.entries).zip(rows.iter()).find(|((_, entry), row)| entry != row);
        if let Some(((index, _), _)) = differs {
            return Ok(Some(found(index, "it is not what was published")));
        }
        let is_short = rows.len() < held.entries.len();
        Ok(is_short.then(|| found(first + rows.len() as u64, "it is missing")))
    }

    /// Objects of the copy that are not what was published. One that can't be read at present is none.
    async fn objects(&self, held: &Held) -> Vec<Finding> {
        let Some((objects, prefix)) = &self.mirror else { return Vec::new() };
        let Some(size) = self.tenant.custody.now().mirror.holds.map(|holds| holds.size) else { return Vec::new() };
        let mut findings = Vec::new();
        for (part, ours) in [(Part::Level(0), &held.leaves), (Part::Entries, &held.bundle)] {
            let Some(tile) = TilePath::in_tree(part, held.tile.index, size) else { continue };
            let Ok(theirs) = objects.get(&format!("{prefix}/{tile}"), BUNDLE_BYTES_MAX).await else { continue };
            let what = match theirs {
                // What was there is what ours begins with: it may be of an earlier size.
                Some(theirs) if is_beginning(tile, &theirs, ours, held) => continue,
                Some(_) => "it is not what was published",
                // A partial one goes when the copy grows, which its checkpoint tells first.
                None if copied_to(&**objects, prefix).await != Some(size) => continue,
                None => "it is missing",
            };
            findings.push((Found { part: FoundPart::Object, name: tile.to_string(), index: None }, what));
        }
        findings
    }
}

/// At most so many of all, any of them.
fn draw<T>(mut all: Vec<T>, count: usize, random: &dyn Random) -> Vec<T> {
    for at in 0..count.min(all.len()) {
        let left = all.len() - at;
        let step = usize::try_from(u64::from_be_bytes(random_bytes(random)) % left as u64).unwrap_or(0);
        all.swap(at, at + step);
    }
    all.truncate(count);
    all
}

/// How far the copy says that it is; `None` when it can't be read.
async fn copied_to(objects: &dyn Objects, prefix: &str) -> Option<TreeSize> {
    let bytes = objects.get(&format!("{prefix}/{CHECKPOINT}"), NOTE_BYTES_MAX).await.ok()??;
    Some(SignedCheckpoint::parse(&bytes).ok()?.unverified().size)
}

/// Whether an object is what ours is, or was when the copy was made.
fn is_beginning(tile: TilePath, theirs: &[u8], ours: &[u8], held: &Held) -> bool {
    if tile.width > held.tile.width {
        // The copy is of a larger size than what was read here: then ours is the earlier.
        return theirs.starts_with(ours);
    }
    let width = usize::try_from(tile.width).unwrap_or(usize::MAX);
    let bytes = match tile.part {
        Part::Level(_) => width.saturating_mul(size_of::<Hash>()),
        Part::Entries => held.entries.iter().take(width).map(|entry| entry.len() + size_of::<u16>()).sum(),
    };
    ours.get(..bytes) == Some(theirs)
}

/// Reads what is at one place of the published tree; the inner error is what is wrong with it.
fn held(tiles: &TileDir, index: u64, checkpoint: &Checkpoint) -> Result<Result<Held, Finding>, lww_audit::Error> {
    let size = checkpoint.size;
    let Some(tile) = TilePath::in_tree(Part::Level(0), index, size) else {
        return Err(lww_audit::Error::OutOfRange { index: EntryIndex(index * WIDTH), first: EntryIndex(0), size });
    };
    let path = TilePath { part: Part::Entries, ..tile };
    let leaves = match file(tiles, tile)? {
        Ok(leaves) => leaves,
        Err(what) => return Ok(Err(found(FoundPart::Tile, tile, what))),
    };
    let bundle = match file(tiles, path)? {
        Ok(bundle) => bundle,
        Err(what) => return Ok(Err(found(FoundPart::Bundle, path, what))),
    };
    let entries = Bundle::parse(bundle.clone(), tile.width)?;
    let entries: Vec<Vec<u8>> = entries.entries().map(|entry| entry.bytes.to_vec()).collect();
    let hashed: Vec<u8> = entries.iter().flat_map(|entry| leaf_hash(entry).0).collect();
    let climbed = climb(tiles, tile, &leaves, size)?;
    Ok(match (hashed == leaves, climbed) {
        (true, Ok(())) => {
            let parsed = entries.iter().filter_map(|entry| Entry::parse(entry).ok());
            let spoken = parsed.filter(|entry| entry.content.is_some()).collect();
            Ok(Held { tile, leaves, bundle, entries, spoken })
        }
        // The bundle bears its tile out: what is wrong lies above.
        (true, Err(finding)) => Err(finding),
        (false, Ok(())) if tile.is_full() || leads_to_root(tiles, checkpoint)? => {
            Err(found(FoundPart::Bundle, path, "it is not what its tile says"))
        }
        (false, Ok(()) | Err(_)) => {
            Err(found(FoundPart::Tile, tile, "it is neither what its bundle nor what the tile above says"))
        }
    })
}

/// Compares what full tiles come to with what the tiles above them say, up to one that is not full.
fn climb(
    tiles: &TileDir,
    mut tile: TilePath,
    leaves: &[u8],
    size: TreeSize,
) -> Result<Result<(), Finding>, lww_audit::Error> {
    let mut bytes = leaves.to_vec();
    while let Part::Level(level) = tile.part {
        let above = TilePath::in_tree(Part::Level(level + 1), tile.index / WIDTH, size);
        let Some(above) = above.filter(|_| tile.is_full()) else { break };
        let theirs = match file(tiles, above)? {
            Ok(theirs) => theirs,
            Err(what) => return Ok(Err(found(FoundPart::Tile, above, what))),
        };
        let at = usize::try_from(tile.index % WIDTH).unwrap_or(usize::MAX).saturating_mul(size_of::<Hash>());
        if theirs.get(at..).is_none_or(|rest| !rest.starts_with(subtree(&bytes).as_bytes())) {
            return Ok(Err(found(FoundPart::Tile, above, "it is not what the tile below it comes to")));
        }
        (tile, bytes) = (above, theirs);
    }
    Ok(Ok(()))
}

/// What the hashes of a tile come to.
fn subtree(hashes: &[u8]) -> Hash {
    let mut tree = Frontier::empty();
    for hash in hashes.as_chunks::<32>().0 {
        tree.push(Hash(*hash));
    }
    tree.root()
}

fn found(part: FoundPart, tile: TilePath, what: &'static str) -> Finding {
    (Found { part, name: tile.to_string(), index: None }, what)
}

/// Reads a file; the inner error says what is wrong with it.
fn file(tiles: &TileDir, tile: TilePath) -> Result<Result<Vec<u8>, &'static str>, lww_audit::Error> {
    match tiles.published(tile) {
        Ok(Some(bytes)) => Ok(Ok(bytes)),
        Ok(None) => Ok(Err("it is missing")),
        Err(error) if error.class() == Class::Gap => Ok(Err("it is missing")),
        Err(error) if error.class() == Class::Malformed => Ok(Err("it can't be read as what its name says")),
        Err(error) => Err(error),
    }
}

/// Whether the tiles on the tree's right edge come to the signed root.
fn leads_to_root(tiles: &TileDir, checkpoint: &Checkpoint) -> Result<bool, lww_audit::Error> {
    match root_at(&tiles.tree(checkpoint.size), checkpoint.size) {
        Ok(root) => Ok(root == checkpoint.root),
        Err(error) if error.class() == Class::Io => Err(error),
        Err(_) => Ok(false),
    }
}

/// Runs what waits for the disk where it holds up nobody else.
async fn aside<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, lww_audit::Error> + Send + 'static,
) -> Result<T, Unseen> {
    let done = tokio::task::spawn_blocking(work).await;
    Ok(done.map_err(|_| Unseen::Ended)??)
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Counting(std::sync::atomic::AtomicU64);

    impl Random for Counting {
        fn fill(&self, out: &mut [u8]) {
            let next = self.0.fetch_add(1, std::sync::atomic::Ordering::Relaxed).wrapping_mul(0x9e37_79b9_7f4a_7c15);
            out.copy_from_slice(&next.to_be_bytes());
        }
    }

    #[test]
    fn what_is_drawn_is_no_more_than_asked_for_each_once_and_every_one_comes_up() {
        let random = Counting(1.into());
        let mut seen = std::collections::BTreeSet::new();
        for _ in 0..50 {
            let mut drawn = draw((0..20).collect(), 5, &random);
            seen.extend(drawn.iter().copied());
            drawn.sort_unstable();
            drawn.dedup();
            assert_eq!(drawn.len(), 5);
        }
        assert_eq!(seen.len(), 20);
        for (count, expected) in [(0, 0), (3, 3), (9, 3)] {
            assert_eq!(draw(vec![1, 2, 3], count, &random).len(), expected);
        }
        assert!(draw(Vec::<u8>::new(), 5, &random).is_empty());
    }

    #[test]
    fn a_round_comes_around_in_time_and_never_faster_than_it_may() {
        let pace = Pace { newest_every_s: 60, round_s: 86_400, entries_per_s: 2_000 };
        for (size, step) in [(0, 0), (1, 1), (86_400, 1), (86_401, 2), (8_640_000, 100), (1_000_000_000, 2_000)] {
            assert_eq!(pace.step(TreeSize(size)), step, "{size}");
        }
    }
}
