//! The rollback guard: the last signed head of one log, in a small file outside the database; and beside it which entries
//! brought policy, routing table and log key into force last, so that nobody puts another into force by changing a row.
//!
//! It is written and fsynced before a signature over that head is given away, so that a database put back to an earlier
//! state is noticed at the next start. Two slots are written in turn: a torn write spoils only the slot that was not yet
//! needed. It knows neither SQL nor keys. The slot's digest guards against damage, not against an attacker with the file.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use lww_audit::merkle::Frontier;
use ring::digest::{SHA256, digest};

use super::FatalError;
use super::tail::Tail;
use crate::ports::{Activated, EntrySeen};
use crate::units::{EntryIndex, Hash, TreeSize};

/// Bytes of one slot: a disk block.
const SLOT_BYTES: usize = 4096;
const MAGIC: &[u8; 8] = b"lwwguar3";
/// A slot of a release that knew no change of keys: there had been none.
const MAGIC_SECOND: &[u8; 8] = b"lwwguar2";
/// A slot of the first release, which says nothing of activations.
const MAGIC_FIRST: &[u8; 8] = b"lwwguar1";
const DIGEST_BYTES: usize = 32;
/// magic 8, counter 8, adopted size 8, adopted root 32, size 8, frontier length 4.
const HEAD_BYTES: usize = 68;
/// Activations behind the frontier: index 8, leaf 32.
const ACTIVATION_BYTES: usize = 40;
/// The index of an activation that there has not been.
const NO_ENTRY: u64 = u64::MAX;
/// The adopted size of a guard that took nobody's word.
const NOT_ADOPTED: u64 = u64::MAX;

/// A head that was taken as true on the operator's word, and of which the log doesn't tell yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Adopted {
    /// Its size.
    pub size: TreeSize,
    /// Its root.
    pub root: Hash,
}

/// A guard that is open for writing.
pub struct Guard {
    file: File,
    path: PathBuf,
    counter: u64,
    frontier: Option<Frontier>,
    adopted: Option<Adopted>,
    activated: Option<Activated>,
    tail: Tail,
}

/// What one slot holds.
struct Slot {
    counter: u64,
    frontier: Frontier,
    adopted: Option<Adopted>,
    activated: Option<Activated>,
}

impl Guard {
    /// Opens the guard's file, or makes an empty one.
    ///
    /// # Errors
    /// [`FatalError::Guard`] when the file can't be used, or when it holds something and neither slot can be read.
    pub fn open(path: &Path) -> Result<Self, FatalError> {
        let name = |error: io::Error| FatalError::Guard { path: path.display().to_string(), reason: error.to_string() };
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(path)
            .map_err(name)?;
        let slots = [read_slot(&file, 0).map_err(name)?, read_slot(&file, 1).map_err(name)?];
        let newest = slots.into_iter().flatten().max_by_key(|slot| slot.counter);
        if newest.is_none() && file.metadata().map_err(name)?.len() > 0 {
            let reason = "neither of its slots can be read".to_owned();
            return Err(FatalError::Guard { path: path.display().to_string(), reason });
        }
        let (tail, path) = (Tail::of(path), path.to_owned());
        Ok(match newest {
            Some(Slot { counter, frontier, adopted, activated }) => {
                Self { file, path, counter, frontier: Some(frontier), adopted, activated, tail }
            }
            None => Self { file, path, counter: 0, frontier: None, adopted: None, activated: None, tail },
        })
    }

    /// The head it saw last; `None` when it never saw one.
    pub fn frontier(&self) -> Option<&Frontier> {
        self.frontier.as_ref()
    }

    /// The head that was adopted and is still to be recorded.
    pub fn adopted(&self) -> Option<Adopted> {
        self.adopted
    }

    /// The newest activations up to that head; `None` when it never looked for them.
    pub fn activated(&self) -> Option<Activated> {
        self.activated
    }

    /// Keeps entries that are about to be signed beside the guard, before it follows: a recovery finds them there.
    pub fn keep<'a>(&mut self, entries: impl Iterator<Item = (EntryIndex, &'a [u8])>) {
        self.tail.keep(entries);
    }

    /// Takes a first head on the operator's word, and remembers that over restarts until the log tells of it.
    ///
    /// # Errors
    /// As [`Self::follow`].
    pub fn adopt(&mut self, frontier: &Frontier, activated: &Activated) -> Result<(), FatalError> {
        self.adopted = Some(Adopted { size: frontier.size(), root: frontier.root() });
        self.follow(frontier, activated)
    }

    /// Keeps a newer head of this server's own; the first entry that it wrote told of what was adopted.
    ///
    /// # Errors
    /// As [`Self::follow`].
    pub fn advance(&mut self, frontier: &Frontier, later: &Activated) -> Result<(), FatalError> {
        if self.frontier.as_ref().is_some_and(|seen| seen.size() < frontier.size()) {
            self.adopted = None;
        }
        self.follow(frontier, later)
    }

    /// Keeps a newer head, whoever wrote it, and what was activated since the one before, or ever when that was not known;
    /// on disk when this returns.
    ///
    /// # Errors
    /// [`FatalError::Guard`] when it can't be written: the head must not be signed then.
    pub fn follow(&mut self, frontier: &Frontier, later: &Activated) -> Result<(), FatalError> {
        let counter = self.counter + 1;
        let mut activated = self.activated.unwrap_or_default();
        activated.go_on(later);
        let slot = write_slot(counter, frontier, self.adopted, &activated);
        let offset = if counter.is_multiple_of(2) { 0 } else { SLOT_BYTES as u64 };
        let written = self.file.write_all_at(&slot, offset).and_then(|()| self.file.sync_data());
        written
            .map_err(|error| FatalError::Guard { path: self.path.display().to_string(), reason: error.to_string() })?;
        self.counter = counter;
        self.frontier = Some(frontier.clone());
        self.activated = Some(activated);
        Ok(())
    }

    /// Refuses a database head that is behind what was signed.
    ///
    /// # Errors
    /// [`FatalError::BehindGuard`] with the missing range.
    pub fn check_size(&self, head: TreeSize) -> Result<(), FatalError> {
        match &self.frontier {
            Some(seen) if seen.size() > head => Err(FatalError::BehindGuard { head, guard: seen.size() }),
            Some(_) | None => Ok(()),
        }
    }

    /// Compares a root computed from the database with the one seen.
    ///
    /// # Errors
    /// [`FatalError::Forked`] when they differ.
    pub fn check_root(&self, size: TreeSize, got: Hash) -> Result<(), FatalError> {
        match &self.frontier {
            Some(seen) if seen.size() == size && seen.root() != got => {
                Err(FatalError::Forked { size, expected: seen.root(), got })
            }
            Some(_) | None => Ok(()),
        }
    }
}

fn write_slot(counter: u64, frontier: &Frontier, adopted: Option<Adopted>, activated: &Activated) -> Vec<u8> {
    let adopted = adopted.unwrap_or(Adopted { size: TreeSize(NOT_ADOPTED), root: Hash::ZERO });
    let nodes = frontier.to_bytes();
    let mut slot = Vec::with_capacity(SLOT_BYTES);
    slot.extend_from_slice(MAGIC);
    slot.extend_from_slice(&counter.to_be_bytes());
    slot.extend_from_slice(&adopted.size.0.to_be_bytes());
    slot.extend_from_slice(adopted.root.as_bytes());
    slot.extend_from_slice(&frontier.size().0.to_be_bytes());
    slot.extend_from_slice(&u32::try_from(nodes.len()).unwrap_or(u32::MAX).to_be_bytes());
    slot.extend_from_slice(&nodes);
    for entry in [activated.masking, activated.routing, activated.key] {
        let EntrySeen { index, leaf } = entry.unwrap_or(EntrySeen { index: EntryIndex(NO_ENTRY), leaf: Hash::ZERO });
        slot.extend_from_slice(&index.0.to_be_bytes());
        slot.extend_from_slice(leaf.as_bytes());
    }
    let sum = digest(&SHA256, &slot);
    slot.extend_from_slice(sum.as_ref());
    slot.resize(SLOT_BYTES, 0);
    slot
}

fn read_slot(file: &File, which: u64) -> io::Result<Option<Slot>> {
    let mut slot = vec![0; SLOT_BYTES];
    match file.read_exact_at(&mut slot, which * SLOT_BYTES as u64) {
        Ok(()) => Ok(parse_slot(&slot)),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(None),
        Err(error) => Err(error),
    }
}

fn parse_slot(slot: &[u8]) -> Option<Slot> {
    let number = |at: usize| Some(u64::from_be_bytes(slot.get(at..at + 8)?.try_into().ok()?));
    let (counter, adopted, size) = (number(8)?, number(16)?, number(56)?);
    let root = Hash(slot.get(24..56)?.try_into().ok()?);
    let length = usize::try_from(u32::from_be_bytes(slot.get(64..HEAD_BYTES)?.try_into().ok()?)).ok()?;
    let nodes = HEAD_BYTES.checked_add(length)?;
    let magic: &[u8; 8] = slot.first_chunk()?;
    let activations = [(MAGIC, 3), (MAGIC_SECOND, 2), (MAGIC_FIRST, 0)];
    let (_, activations) = activations.into_iter().find(|(known, _)| *known == magic)?;
    let end = nodes.checked_add(activations * ACTIVATION_BYTES)?;
    let sum = slot.get(end..end.checked_add(DIGEST_BYTES)?)?;
    if digest(&SHA256, slot.get(..end)?).as_ref() != sum {
        return None;
    }
    let frontier = Frontier::from_bytes(TreeSize(size), slot.get(HEAD_BYTES..nodes)?).ok()?;
    let adopted = (adopted != NOT_ADOPTED).then_some(Adopted { size: TreeSize(adopted), root });
    let activation = |place: usize| {
        let at = nodes + place * ACTIVATION_BYTES;
        let leaf = Hash(slot.get(at + 8..at + ACTIVATION_BYTES)?.try_into().ok()?);
        let index = number(at).filter(|index| place < activations && *index != NO_ENTRY)?;
        Some(EntrySeen { index: EntryIndex(index), leaf })
    };
    let (masking, routing, key) = (activation(0), activation(1), activation(2));
    let activated = (activations > 0).then_some(Activated { masking, routing, key });
    Some(Slot { counter, frontier, adopted, activated })
}

#[cfg(test)]
mod tests {
    use lww_audit::merkle::leaf_hash;

    use super::*;

    const NONE: Activated = Activated { masking: None, routing: None, key: None };

    fn grown(count: u8) -> Frontier {
        let mut frontier = Frontier::empty();
        for byte in 0..count {
            frontier.push(leaf_hash(&[byte]));
        }
        frontier
    }

    #[test]
    fn a_guard_remembers_the_newest_head_over_a_reopening() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("guard");
        let mut guard = Guard::open(&path).unwrap();
        assert!(guard.frontier().is_none());
        for size in 1..=5 {
            guard.advance(&grown(size), &NONE).unwrap();
        }
        let again = Guard::open(&path).unwrap();
        assert_eq!(again.frontier().unwrap().root(), grown(5).root());
        assert_eq!(
            again.check_size(TreeSize(4)),
            Err(FatalError::BehindGuard { head: TreeSize(4), guard: TreeSize(5) })
        );
        assert!(again.check_size(TreeSize(6)).is_ok());
        assert!(matches!(again.check_root(TreeSize(5), grown(4).root()), Err(FatalError::Forked { .. })));
    }

    #[test]
    fn an_adoption_is_remembered_until_this_server_wrote() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("guard");
        Guard::open(&path).unwrap().adopt(&grown(3), &NONE).unwrap();
        let adopted = Some(Adopted { size: TreeSize(3), root: grown(3).root() });
        let mut guard = Guard::open(&path).unwrap();
        assert_eq!(guard.adopted(), adopted);
        guard.follow(&grown(4), &NONE).unwrap();
        guard.advance(&grown(4), &NONE).unwrap();
        assert_eq!(Guard::open(&path).unwrap().adopted(), adopted);
        guard.advance(&grown(5), &NONE).unwrap();
        let again = Guard::open(&path).unwrap();
        assert_eq!((again.adopted(), again.frontier().unwrap().size()), (None, TreeSize(5)));
    }

    #[test]
    fn a_torn_write_falls_back_to_the_slot_before_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("guard");
        let mut guard = Guard::open(&path).unwrap();
        guard.advance(&grown(1), &NONE).unwrap();
        guard.advance(&grown(2), &NONE).unwrap();
        let mut bytes = std::fs::read(&path).unwrap();
        bytes[20] ^= 1;
        std::fs::write(&path, &bytes).unwrap();
        assert_eq!(Guard::open(&path).unwrap().frontier().unwrap().size(), TreeSize(1));
        bytes[SLOT_BYTES + 20] ^= 1;
        std::fs::write(&path, &bytes).unwrap();
        assert!(matches!(Guard::open(&path), Err(FatalError::Guard { .. })));
    }

    #[test]
    fn a_head_that_the_disk_does_not_keep_is_refused_and_the_one_before_it_stays() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("guard");
        let mut guard = Guard::open(&path).unwrap();
        guard.advance(&grown(3), &NONE).unwrap();
        // It takes bytes and can't be synced, as a disk whose fsync fails.
        let null = OpenOptions::new().read(true).write(true).open("/dev/null").unwrap();
        null.write_all_at(&[0; 8], 0).unwrap();
        assert!(null.sync_data().is_err());
        let file = std::mem::replace(&mut guard.file, null);
        assert!(matches!(guard.advance(&grown(4), &NONE), Err(FatalError::Guard { .. })));
        assert_eq!(guard.frontier().unwrap().size(), TreeSize(3), "what is not durable is not known");
        guard.file = file;
        assert_eq!(Guard::open(&path).unwrap().frontier().unwrap().size(), TreeSize(3));
        guard.advance(&grown(5), &NONE).unwrap();
        assert_eq!(Guard::open(&path).unwrap().frontier().unwrap().size(), TreeSize(5));
    }

    #[test]
    fn the_newest_activations_are_remembered_each_on_its_own() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("guard");
        let seen = |index: u8| Some(EntrySeen { index: EntryIndex(u64::from(index)), leaf: leaf_hash(&[index]) });
        let mut guard = Guard::open(&path).unwrap();
        assert_eq!(guard.activated(), None, "it never looked");
        guard.advance(&grown(1), &NONE).unwrap();
        assert_eq!(Guard::open(&path).unwrap().activated(), Some(NONE));
        guard.advance(&grown(3), &Activated { masking: seen(1), routing: seen(2), key: None }).unwrap();
        guard.advance(&grown(5), &Activated { masking: seen(4), routing: None, key: seen(3) }).unwrap();
        let told = Guard::open(&path).unwrap().activated();
        assert_eq!(told, Some(Activated { masking: seen(4), routing: seen(2), key: seen(3) }));
    }

    /// A slot as a release wrote it that kept fewer activations.
    fn earlier(magic: [u8; 8], frontier: &Frontier, activated: &Activated, kept: usize) -> Vec<u8> {
        let mut slot = write_slot(1, frontier, None, activated);
        slot.truncate(HEAD_BYTES + frontier.to_bytes().len() + kept * ACTIVATION_BYTES);
        slot[..8].copy_from_slice(&magic);
        let sum = digest(&SHA256, &slot);
        slot.extend_from_slice(sum.as_ref());
        slot.resize(SLOT_BYTES, 0);
        slot
    }

    #[test]
    fn a_guard_of_an_earlier_release_knows_its_head_and_what_that_release_kept() {
        let (frontier, folder) = (grown(3), tempfile::tempdir().unwrap());
        let masking = Some(EntrySeen { index: EntryIndex(1), leaf: leaf_hash(&[1]) });
        let activated = Activated { masking, ..NONE };
        for (magic, kept, expected) in [(*MAGIC_FIRST, 0, None), (*MAGIC_SECOND, 2, Some(activated))] {
            let path = folder.path().join("guard");
            std::fs::write(&path, earlier(magic, &frontier, &activated, kept)).unwrap();
            let guard = Guard::open(&path).unwrap();
            assert_eq!((guard.frontier().unwrap().root(), guard.activated()), (frontier.root(), expected));
        }
    }
}
