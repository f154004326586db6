//! Checks a whole tile directory against its signed checkpoint, and names the first thing that is wrong.
//!
//! Three passes: the signature; all tiles, bottom up, to the signed root; all bundles, entry by entry, against the leaf
//! hashes and against each other. Memory doesn't grow with the log, nor with its conversations and subjects: what does not fit
//! into the [`Room`] that the caller gives goes to a file. Files that the checkpoint doesn't need are not read. It reads no clock.
//! Source: `FORMAT.md`, "Checking a log".

mod chains;
mod earlier;
mod entries;
mod keys;
mod lineage;
mod receipts;
mod room;
mod runs;
mod shadow;
mod tiles;

pub use earlier::check_earlier;
pub use receipts::{Honoured, check_receipt};
pub use room::{MEMORY_BYTES, MEMORY_BYTES_MIN, Room};
pub use shadow::{PURPOSE, Shadow, check_shadow};

use crate::checkpoint::{Checkpoint, SignedCheckpoint};
use crate::entry::Kind;
use crate::error::Error;
use crate::generation::Generations;
use crate::note::VerifierKey;
use crate::tile::TileDir;
use crate::time::Timestamp;
use crate::types::EntryIndex;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// How far a check has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Which pass.
    pub pass: Pass,
    /// Entries covered by this pass.
    pub done: u64,
    /// Entries in the log.
    pub total: u64,
}

/// The passes that take time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pass {
    /// Hashing the tiles to the root.
    Tiles,
    /// Reading the entries.
    Entries,
    /// Hashing the entries once more, with SM3.
    Shadow,
}

/// The first thing that is wrong in a log.
#[derive(Debug)]
pub struct Finding {
    /// The file that is bad.
    pub file: PathBuf,
    /// The byte offset in it at which the bad hash or entry begins, where known.
    pub offset: Option<u64>,
    /// The entry concerned, where one is.
    pub entry: Option<EntryIndex>,
    /// The kind that the entry concerned says it has, where it can be read.
    pub kind: Option<Kind>,
    /// What is wrong.
    pub error: Error,
}

impl Finding {
    /// Names a file, and an entry in it.
    pub(crate) fn at(file: &Path, entry: Option<EntryIndex>, error: Error) -> Self {
        Self { entry, ..Self::from_error(file, error) }
    }

    /// Takes over an error that may name its own file and offset.
    fn from_error(file: &Path, error: Error) -> Self {
        let offset = error.offset();
        match error {
            Error::InFile { path, source } => Self { file: path, offset, entry: None, kind: None, error: *source },
            error => Self { file: file.to_owned(), offset, entry: None, kind: None, error },
        }
    }
}

/// What a log was found to hold.
#[derive(Clone, Debug)]
pub struct Summary {
    /// The checkpoint that everything was checked against.
    pub checkpoint: Checkpoint,
    /// The same with all its signatures, for whoever asks for witnesses, too.
    pub signed: SignedCheckpoint,
    /// The keys that signed it.
    pub signers: Vec<VerifierKey>,
    /// Times of the first and of the newest entry.
    pub times: Option<(Timestamp, Timestamp)>,
    /// How many entries of each kind.
    pub kinds: BTreeMap<Kind, u64>,
    /// How many of kinds beyond the first thousand that were met.
    pub other_kinds: u64,
    /// Number of conversations.
    pub conversations: u64,
    /// Number of subjects.
    pub subjects: u64,
    /// The gaps that the log itself declares, oldest first.
    pub generations: Generations,
}

impl Summary {
    /// Refuses a log whose newest entry is from before `not_before`, or that has none.
    ///
    /// # Errors
    /// `Stale`.
    pub fn check_fresh(&self, not_before: Timestamp) -> Result<(), Error> {
        let newest = self.times.map_or(Timestamp::from_micros(i64::MIN), |(_, newest)| newest);
        if newest < not_before { Err(Error::Stale { newest, not_before }) } else { Ok(()) }
    }
}

/// Checks a log against the trusted keys; `progress` is called after each tile and bundle.
///
/// # Errors
/// The first [`Finding`]. When tiles and entries disagree, the signed root decides which of the two files is named.
pub fn check(
    directory: &TileDir,
    keys: &[VerifierKey],
    progress: &mut dyn FnMut(Progress),
) -> Result<Summary, Box<Finding>> {
    check_in(&Room::default(), directory, keys, progress)
}

/// Does the same in a room that the caller gives.
///
/// # Errors
/// Those of [`check`], whatever the room; `Io` if what does not fit into it can't be put aside.
pub fn check_in(
    room: &Room,
    directory: &TileDir,
    keys: &[VerifierKey],
    progress: &mut dyn FnMut(Progress),
) -> Result<Summary, Box<Finding>> {
    let file = directory.checkpoint_path();
    let at_checkpoint = |error| Box::new(Finding::from_error(&file, error));
    let signed = read_checkpoint(directory).map_err(at_checkpoint)?;
    let (checkpoint, signers) = signed.verify(keys).map_err(at_checkpoint)?;
    let tiles = tiles::check(directory, checkpoint, progress)?;
    let contents = entries::check(directory, checkpoint, (&tiles, room), progress)?;
    tiles.finding(directory, checkpoint).map_or(Ok(()), Err)?;
    let generations = contents.lineage.finish(keys).map_err(at_checkpoint)?;
    Ok(Summary {
        checkpoint: checkpoint.clone(),
        signers: signers.into_iter().cloned().collect(),
        signed: signed.clone(),
        times: contents.times,
        conversations: contents.counts.conversations,
        subjects: contents.counts.subjects,
        kinds: contents.kinds,
        other_kinds: contents.other_kinds,
        generations,
    })
}

fn read_checkpoint(directory: &TileDir) -> Result<SignedCheckpoint, Error> {
    directory.checkpoint()?.ok_or_else(|| Error::Io {
        path: directory.checkpoint_path(),
        action: "find",
        source: std::io::ErrorKind::NotFound.into(),
    })
}
