//! The newest entries of one log in a file beside its rollback guard, so that what was signed and is not published yet lies in
//! more than the database.
//!
//! It is written before the guard follows, and not synced: a server that is killed leaves it, a machine that loses power may
//! not, and then it is the database that is there. Nothing depends on it but a recovery, which holds it against the guard's
//! root. Two files are written in turn, so that the older may go.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use crate::limits::TAIL_BYTES_MAX;
use crate::units::EntryIndex;

/// index 8, length 4.
const HEAD_BYTES: usize = 12;

/// A tail that is open for writing.
pub(super) struct Tail {
    path: PathBuf,
    file: Option<File>,
    bytes: u64,
}

impl Tail {
    /// Of the guard at `guard`; nothing is opened yet.
    pub(super) fn of(guard: &Path) -> Self {
        Self { path: guard.with_extension("tail"), file: None, bytes: 0 }
    }

    /// Keeps entries that follow each other. What can't be kept is left out: the log goes on without.
    pub(super) fn keep<'a>(&mut self, entries: impl Iterator<Item = (EntryIndex, &'a [u8])>) {
        let mut records = Vec::new();
        for (index, body) in entries {
            records.extend_from_slice(&index.0.to_be_bytes());
            records.extend_from_slice(&u32::try_from(body.len()).unwrap_or(u32::MAX).to_be_bytes());
            records.extend_from_slice(body);
        }
        if self.write(&records).is_err()
            && let Some(file) = &self.file
        {
            // A torn record would hide those behind it. One that stays is written over by the next.
            let _stays = file.set_len(self.bytes);
        }
    }

    fn write(&mut self, records: &[u8]) -> io::Result<()> {
        if self.file.is_none() || self.bytes >= TAIL_BYTES_MAX {
            self.file = Some(self.begin()?);
            self.bytes = 0;
        }
        let file = self.file.as_ref().ok_or(io::ErrorKind::NotFound)?;
        file.write_all_at(records, self.bytes)?;
        self.bytes += records.len() as u64;
        Ok(())
    }

    /// Sets the present file aside, over the one before it, and begins another.
    fn begin(&self) -> io::Result<File> {
        match std::fs::rename(&self.path, before(&self.path)) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        OpenOptions::new().write(true).create_new(true).mode(0o600).open(&self.path)
    }
}

/// The entries that a guard's tail holds, as far as they can be read.
///
/// # Errors
/// The system's, when a file that is there can't be read.
pub(super) fn read(guard: &Path) -> io::Result<BTreeMap<u64, Vec<u8>>> {
    let path = guard.with_extension("tail");
    let mut entries = BTreeMap::new();
    for path in [before(&path), path] {
        let bytes = match OpenOptions::new().read(true).open(&path) {
            Ok(file) => {
                let mut bytes = Vec::new();
                io::Read::read_to_end(&mut io::Read::take(file, 2 * TAIL_BYTES_MAX), &mut bytes)?;
                bytes
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(error),
        };
        let mut rest = bytes.as_slice();
        while let Some((index, body, after)) = record(rest) {
            entries.insert(index, body.to_vec());
            rest = after;
        }
    }
    Ok(entries)
}

fn record(bytes: &[u8]) -> Option<(u64, &[u8], &[u8])> {
    let (head, rest) = bytes.split_first_chunk::<HEAD_BYTES>()?;
    let (index, length) = head.split_first_chunk::<8>()?;
    let length = u32::from_be_bytes(length.try_into().ok()?);
    let (body, after) = rest.split_at_checked(usize::try_from(length).ok()?)?;
    Some((u64::from_be_bytes(*index), body, after))
}

fn before(path: &Path) -> PathBuf {
    path.with_extension("tail.before")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keep(tail: &mut Tail, range: std::ops::Range<u64>, body: &[u8]) {
        tail.keep(range.map(|index| (EntryIndex(index), body)));
    }

    #[test]
    fn a_tail_keeps_the_newest_entries_over_restarts_and_a_torn_write() {
        let folder = tempfile::tempdir().unwrap();
        let guard = folder.path().join("demo-1");
        assert!(read(&guard).unwrap().is_empty());
        let mut tail = Tail::of(&guard);
        keep(&mut tail, 0..3, b"one");
        keep(&mut tail, 3..5, b"other");
        assert_eq!(read(&guard).unwrap().into_keys().collect::<Vec<_>>(), [0, 1, 2, 3, 4]);
        // What was cut off is not read, and hides nothing that is written after a restart.
        let path = guard.with_extension("tail");
        let whole = std::fs::read(&path).unwrap();
        std::fs::write(&path, &whole[..whole.len() - 1]).unwrap();
        let mut tail = Tail::of(&guard);
        keep(&mut tail, 4..6, b"again");
        let kept = read(&guard).unwrap();
        assert_eq!(kept.keys().copied().collect::<Vec<_>>(), [0, 1, 2, 3, 4, 5]);
        assert_eq!((kept[&0].as_slice(), kept[&4].as_slice()), (&b"one"[..], &b"again"[..]));
        keep(&mut Tail::of(&guard), 6..7, b"last");
        assert_eq!(read(&guard).unwrap().into_keys().collect::<Vec<_>>(), [4, 5, 6], "the older file goes");
    }

    #[test]
    fn a_tail_is_bounded() {
        let folder = tempfile::tempdir().unwrap();
        let guard = folder.path().join("demo-1");
        let mut tail = Tail::of(&guard);
        let body = vec![7; 1024 * 1024];
        let entries = 3 * TAIL_BYTES_MAX / 1024 / 1024;
        for index in 0..entries {
            keep(&mut tail, index..index + 1, &body);
        }
        let bytes: u64 =
            std::fs::read_dir(folder.path()).unwrap().map(|file| file.unwrap().metadata().unwrap().len()).sum();
        assert!(bytes <= 2 * TAIL_BYTES_MAX + 2 * 1024 * 1024, "{bytes}");
        assert_eq!(read(&guard).unwrap().into_keys().next_back(), Some(entries - 1));
    }
}
