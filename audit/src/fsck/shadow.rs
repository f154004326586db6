//! Recomputes the second tree of a log from its entries, for whoever relies on the SM2 signature of its checkpoint.
//!
//! The log was checked before, so its bundles are what SHA-256 says; this reads them once more with SM3. Tiles of the second tree
//! that lie beside the log are compared, too. It finds the entry that names each SM2 key, as any entry names a key: by the SHA-256
//! of its public half. Source: `FORMAT.md`, "National algorithms".

use super::{Finding, Pass, Progress, Summary};
use crate::entry::{Detail, Entry};
use crate::error::{Error, Format, malformed};
use crate::merkle::{Sm3, TreeHash as _};
use crate::national::{Sm2Key, demand};
use crate::tile::{HASH_BYTES, Levels, Part, SHADOW, TileDir, TilePath, WIDTH, walk};
use crate::types::{EntryIndex, Hash};

/// The kind of the entry that names a new key.
const KIND: &str = "key.created/1";
/// What such an entry calls a key that signs checkpoints by SM2.
pub const PURPOSE: &str = "checkpoint-sm2";

/// What the second tree of a log was found to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shadow {
    /// The SM3 root of the entries, which the SM2 keys have signed.
    pub root: Hash,
    /// Each key with the entry that names it.
    pub keys: Vec<(Sm2Key, EntryIndex)>,
}

/// Verifies the SM2 signatures of a log that was checked, recomputes the SM3 root that they state, and compares the tiles of the second
/// tree where there are any; `None` if none of the keys is of this log.
///
/// # Errors
/// `Uncosigned`, `BadSignature`, `OtherShadow` or `Unnamed` about the checkpoint; `BadHash` or `Gap` about a tile; those of reading.
pub fn check_shadow(
    directory: &TileDir,
    log: &Summary,
    keys: &[Sm2Key],
    progress: &mut dyn FnMut(Progress),
) -> Result<Option<Shadow>, Box<Finding>> {
    let file = directory.checkpoint_path();
    let at_checkpoint = |error| Box::new(Finding::from_error(&file, error));
    let Some(stated) = demand(&log.signed, keys).map_err(at_checkpoint)? else { return Ok(None) };
    let own: Vec<_> = keys.iter().filter(|key| key.name() == log.checkpoint.origin.as_str()).cloned().collect();
    let mut found = Found { keys: own, named: Vec::new(), levels: Levels::empty(), tiles: stored(directory) };
    let total = log.checkpoint.size.0;
    for index in 0..total.div_ceil(WIDTH) {
        let Some(tile) = TilePath::in_tree(Part::Entries, index, log.checkpoint.size) else { break };
        found.bundle(directory, tile).map_err(|error| Box::new(Finding::from_error(directory.path(), error)))?;
        progress(Progress { pass: Pass::Shadow, done: found.levels.size().0, total });
    }
    let root = found.levels.root();
    if root != stated {
        return Err(at_checkpoint(Error::OtherShadow { expected: root, got: stated }));
    }
    found.finish().map_err(|error| Box::new(Finding::from_error(directory.path(), error)))?;
    let named = |key: Sm2Key| {
        let entry = found.named.iter().find(|(named, _)| *named == key.fingerprint());
        let (_, index) = entry.ok_or_else(|| at_checkpoint(Error::Unnamed { key: key.to_string() }))?;
        Ok((key, *index))
    };
    let keys = found.keys.iter().cloned().map(named).collect::<Result<_, Box<Finding>>>()?;
    Ok(Some(Shadow { root, keys }))
}

/// The tiles of the second tree, if any lie there.
fn stored(directory: &TileDir) -> Option<TileDir> {
    let folder = directory.path().join(SHADOW);
    folder.is_dir().then(|| TileDir::open(folder))
}

struct Found {
    keys: Vec<Sm2Key>,
    named: Vec<(Hash, EntryIndex)>,
    levels: Levels<Sm3>,
    tiles: Option<TileDir>,
}

impl Found {
    fn bundle(&mut self, directory: &TileDir, tile: TilePath) -> Result<(), Error> {
        let (file, bytes) = directory.bundle_bytes(tile)?;
        // A full bundle may stand in a partial one's place.
        let width = usize::try_from(tile.width).unwrap_or(usize::MAX);
        let mut count = 0;
        for entry in walk(&bytes).take(width) {
            let entry = entry.map_err(|error| error.in_file(&file))?;
            let index = self.levels.size().next_index();
            self.named.extend(named(entry.bytes).map(|fingerprint| (fingerprint, index)));
            let Self { levels, tiles, .. } = self;
            levels.push(Sm3::leaf(entry.bytes), |tile, bytes| compare(tiles.as_ref(), tile, &bytes))?;
            count += 1;
        }
        if count == width { Ok(()) } else { Err(malformed(Format::Bundle, bytes.len(), "ends early").in_file(&file)) }
    }

    fn finish(&self) -> Result<(), Error> {
        self.levels.partials().try_for_each(|(tile, bytes)| compare(self.tiles.as_ref(), tile, &bytes))
    }
}

/// Compares a tile that lies there with what comes out of the entries.
fn compare(tiles: Option<&TileDir>, tile: TilePath, bytes: &[u8]) -> Result<(), Error> {
    let Some(tiles) = tiles else { return Ok(()) };
    let computed = bytes.as_chunks::<HASH_BYTES>().0.iter().copied().map(Hash);
    match computed.zip(tiles.tile(tile)?).find(|(computed, stored)| computed != stored) {
        Some((expected, got)) => Err(Error::BadHash { expected, got }.in_file(&tile.under(tiles.path()))),
        None => Ok(()),
    }
}

/// The fingerprint of the SM2 key that an entry names, if it does.
fn named(bytes: &[u8]) -> Option<Hash> {
    // Few entries name a key; those are parsed.
    let is_one = bytes.windows(PURPOSE.len()).any(|part| part == PURPOSE.as_bytes());
    let entry = is_one.then(|| Entry::parse(bytes).ok()).flatten().filter(|entry| entry.kind.as_str() == KIND)?;
    let Detail::Object(fields) = &entry.detail else { return None };
    match (fields.get("purpose"), fields.get("fingerprint")) {
        (Some(Detail::String(purpose)), Some(Detail::String(fingerprint))) if purpose == PURPOSE => {
            fingerprint.parse().ok()
        }
        _ => None,
    }
}
