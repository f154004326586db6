//! The room that a check of a whole log takes: so much memory, and what does not fit goes to a file without a name.
//!
//! The file is made where the caller says, loses its name before anything is written to it, and so is gone with the program,
//! however that ends. It holds ids, counts and hashes of the log's own; what it knows nothing of is what they mean.

use crate::error::Error;
use std::fs::{File, OpenOptions, remove_file};
use std::io::{BufReader, BufWriter, ErrorKind, Read, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

/// What a check takes unless it is told otherwise.
pub const MEMORY_BYTES: u64 = 256 << 20;
/// The least that is of use: what the newest entries take, whose ends may still be asked for, comes to almost as much.
pub const MEMORY_BYTES_MIN: u64 = 96 << 20;
/// Bytes that are read or written at a time.
const BUFFER_BYTES: usize = 256 << 10;
/// Only whoever runs the check reads what it puts aside.
const FILE_MODE: u32 = 0o600;
/// Names that are tried for a file: others may have left theirs in the same folder.
const NAMES_MAX: u32 = 1000;

/// How much memory a check takes at most, and where it puts the rest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Room {
    /// Bytes of memory; below [`MEMORY_BYTES_MIN`] that much is taken all the same.
    pub memory_bytes: u64,
    /// A folder for what does not fit.
    pub scratch: PathBuf,
}

impl Default for Room {
    fn default() -> Self {
        Self { memory_bytes: MEMORY_BYTES, scratch: std::env::temp_dir() }
    }
}

/// Bytes that are written once, from the beginning to the end: in memory as long as they are few.
pub(super) struct Spool {
    held: Vec<u8>,
    held_max: usize,
    file: Option<BufWriter<File>>,
    scratch: PathBuf,
}

impl Spool {
    /// Holds so many bytes at most before they go to a file in `scratch`.
    pub(super) fn new(held_max: usize, scratch: &Path) -> Self {
        Self { held: Vec::new(), held_max, file: None, scratch: scratch.to_owned() }
    }

    /// Writes on.
    pub(super) fn push(&mut self, bytes: &[u8]) -> Result<(), Error> {
        if let Some(file) = &mut self.file {
            return file.write_all(bytes).map_err(refused(&self.scratch, "write to a file in"));
        }
        if self.held.len() + bytes.len() <= self.held_max {
            // Not by doubling: that would be half as much again as is needed.
            if self.held.len() + bytes.len() > self.held.capacity() {
                self.held.reserve_exact((self.held.len() / 4).max(BUFFER_BYTES).min(self.held_max - self.held.len()));
            }
            self.held.extend_from_slice(bytes);
            return Ok(());
        }
        let mut file = BufWriter::with_capacity(BUFFER_BYTES, nameless(&self.scratch)?);
        let written = file.write_all(&std::mem::take(&mut self.held)).and_then(|()| file.write_all(bytes));
        self.file = Some(file);
        written.map_err(refused(&self.scratch, "write to a file in"))
    }

    /// Ends it.
    pub(super) fn finish(self) -> Result<Run, Error> {
        let Self { held, file, scratch, .. } = self;
        let Some(file) = file else { return Ok(Run::Held(held)) };
        let file = file.into_inner().map_err(std::io::IntoInnerError::into_error);
        Ok(Run::Filed { file: file.map_err(refused(&scratch, "write to a file in"))?, scratch })
    }
}

/// Bytes that were written and can be read again, as often as one likes.
pub(super) enum Run {
    /// In memory.
    Held(Vec<u8>),
    /// In a file without a name.
    Filed { file: File, scratch: PathBuf },
}

impl Run {
    /// Reads them from the beginning, one sequence at a time.
    pub(super) fn read(&mut self) -> Result<Box<dyn Read + '_>, Error> {
        match self {
            Self::Held(held) => Ok(Box::new(held.as_slice())),
            Self::Filed { file, scratch } => {
                file.seek(SeekFrom::Start(0)).map_err(refused(scratch, "read a file in"))?;
                Ok(Box::new(BufReader::with_capacity(BUFFER_BYTES, &*file)))
            }
        }
    }

    /// The folder to name when it can't be read.
    pub(super) fn place(&self) -> PathBuf {
        match self {
            Self::Held(_) => PathBuf::new(),
            Self::Filed { scratch, .. } => scratch.clone(),
        }
    }
}

/// Opens a new file and takes its name away.
fn nameless(scratch: &Path) -> Result<File, Error> {
    let process = std::process::id();
    for number in 0..NAMES_MAX {
        let path = scratch.join(format!("lww-verify-{process}-{number}"));
        match OpenOptions::new().read(true).write(true).create_new(true).mode(FILE_MODE).open(&path) {
            Ok(file) => {
                remove_file(&path).map_err(refused(&path, "remove"))?;
                return Ok(file);
            }
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
            Err(error) => return Err(refused(scratch, "make a file in")(error)),
        }
    }
    Err(refused(scratch, "make a file in")(ErrorKind::AlreadyExists.into()))
}

pub(super) fn refused(path: &Path, action: &'static str) -> impl FnOnce(std::io::Error) -> Error {
    move |source| Error::Io { path: path.to_owned(), action, source }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(run: &mut Run) -> Vec<u8> {
        let mut bytes = Vec::new();
        run.read().unwrap().read_to_end(&mut bytes).unwrap();
        bytes
    }

    #[test]
    fn what_does_not_fit_goes_to_a_file_that_nobody_else_finds() {
        let scratch = tempfile::tempdir().unwrap();
        let pieces: Vec<Vec<u8>> = (0..200_u8).map(|byte| vec![byte; 1 + usize::from(byte) * 7]).collect();
        for (held_max, is_held) in [(usize::MAX, true), (5_000, false), (1, false), (0, false)] {
            let mut spool = Spool::new(held_max, scratch.path());
            for piece in &pieces {
                spool.push(piece).unwrap();
            }
            let mut run = spool.finish().unwrap();
            assert_eq!(matches!(run, Run::Held(_)), is_held);
            assert_eq!(std::fs::read_dir(scratch.path()).unwrap().count(), 0);
            for _ in 0..2 {
                assert_eq!(all(&mut run), pieces.concat());
            }
        }
        assert!(all(&mut Spool::new(0, scratch.path()).finish().unwrap()).is_empty());
    }

    #[test]
    fn names_that_others_left_are_passed_over_and_a_folder_that_can_not_be_written_is_named() {
        let scratch = tempfile::tempdir().unwrap();
        let taken = scratch.path().join(format!("lww-verify-{}-0", std::process::id()));
        std::fs::write(&taken, "another's").unwrap();
        let mut spool = Spool::new(0, scratch.path());
        spool.push(b"ours").unwrap();
        assert_eq!(all(&mut spool.finish().unwrap()), b"ours");
        assert_eq!(std::fs::read(&taken).unwrap(), b"another's");
        let nowhere = scratch.path().join("nowhere");
        let error = Spool::new(0, &nowhere).push(b"ours").unwrap_err();
        assert_eq!(error.to_string(), format!("can't make a file in {}", nowhere.display()));
    }
}
