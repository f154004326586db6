//! Entries out of the published files of this machine, out of the copy in another place, or, of those that were published
//! nowhere yet, out of the tail beside the rollback guard.
//!
//! A bundle is taken where its entries have the leaf hashes that the tile beside it says. That only tells a damaged one from one
//! that is whole: whether it is genuine, the signed root decides when all of it has been read.

use std::collections::BTreeMap;

use lww_audit::merkle::leaf_hash;
use lww_audit::tile::{BUNDLE_BYTES_MAX, Bundle, Part, TilePath, WIDTH};
use lww_audit::{Class, TileDir};
use serde::Serialize;

use super::RecoverError;
use crate::ports::Objects;
use crate::units::{EntryIndex, TreeSize};

/// Bytes of a leaf hash.
const HASH_BYTES: usize = 32;

/// How many entries came from where.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Taken {
    /// Out of the files here.
    pub tiles: u64,
    /// Out of the copy.
    pub mirror: u64,
    /// Published nowhere, and kept beside the guard.
    pub tail: u64,
}

/// Where entries come from.
pub(super) struct Source<'a> {
    tiles: &'a TileDir,
    mirror: Option<&'a dyn Objects>,
    mirror_first: bool,
    /// What is kept beside the guard, by index.
    tail: BTreeMap<u64, Vec<u8>>,
    pub(super) taken: Taken,
}

impl<'a> Source<'a> {
    pub(super) fn new(
        tiles: &'a TileDir,
        (mirror, mirror_first): (Option<&'a dyn Objects>, bool),
        tail: BTreeMap<u64, Vec<u8>>,
    ) -> Self {
        Self { tiles, mirror, mirror_first, tail, taken: Taken::default() }
    }

    /// The entries from `first` on, as many as lie together: of the tree that was published, or behind it, of `upto`.
    ///
    /// # Errors
    /// As [`Self::bundle`]; [`RecoverError::Unpublished`] for what is nowhere.
    pub(super) async fn entries(
        &mut self,
        origin: &str,
        first: EntryIndex,
        (published, upto): (TreeSize, TreeSize),
    ) -> Result<Vec<Vec<u8>>, RecoverError> {
        let skip = usize::try_from(first.0 % WIDTH).unwrap_or(usize::MAX);
        let mut nowhere = RecoverError::Unpublished { published: TreeSize(first.0), known: upto };
        if first.0 < published.0 {
            match self.bundle(origin, first.0 / WIDTH, published).await {
                Ok((mut entries, from_mirror)) => {
                    entries.drain(..skip.min(entries.len()));
                    let taken = if from_mirror { &mut self.taken.mirror } else { &mut self.taken.tiles };
                    *taken += entries.len() as u64;
                    return Ok(entries);
                }
                Err(error) => nowhere = error,
            }
        }
        let kept = (first.0..upto.0).map_while(|index| self.tail.remove(&index));
        let kept: Vec<_> = kept.take(usize::try_from(WIDTH).unwrap_or(usize::MAX)).collect();
        self.taken.tail += kept.len() as u64;
        if !kept.is_empty() {
            return Ok(kept);
        }
        // Written for witnesses who had not cosigned it yet.
        let place = TilePath::in_tree(Part::Entries, first.0 / WIDTH, upto);
        let mut entries = place.and_then(|place| self.of_tiles(place).ok()).ok_or(nowhere)?;
        entries.drain(..skip.min(entries.len()));
        self.taken.tiles += entries.len() as u64;
        Ok(entries)
    }

    /// The entries of a bundle of the tree of `size`, from the first place that has them whole, and whether that is the copy.
    ///
    /// # Errors
    /// [`RecoverError::NotWhole`], with what is wrong in each place.
    async fn bundle(&self, origin: &str, index: u64, size: TreeSize) -> Result<(Vec<Vec<u8>>, bool), RecoverError> {
        let place = TilePath::in_tree(Part::Entries, index, size);
        let (first, width) = (index * WIDTH, place.map_or(1, |place| place.width));
        let not_whole = |reason: String| RecoverError::NotWhole {
            first: EntryIndex(first),
            last: EntryIndex(first + width - 1),
            reason,
        };
        let Some(place) = place else { return Err(not_whole("the tree has no such bundle".to_owned())) };
        let mut wrong = Vec::new();
        for from_mirror in [self.mirror_first, !self.mirror_first] {
            let read = match (from_mirror, self.mirror) {
                (false, _) => self.of_tiles(place),
                (true, Some(objects)) => of_objects(objects, origin, place).await,
                (true, None) => continue,
            };
            match read {
                Ok(entries) => return Ok((entries, from_mirror)),
                Err(reason) => wrong.push(reason),
            }
        }
        Err(not_whole(wrong.join("; ")))
    }

    fn of_tiles(&self, place: TilePath) -> Result<Vec<Vec<u8>>, String> {
        let told = |error: lww_audit::Error| {
            let is_missing = error.class() == Class::Gap;
            if is_missing {
                format!("{} is missing", place.under(self.tiles.path()).display())
            } else {
                error.to_string()
            }
        };
        let leaves = self.tiles.tile(TilePath { part: Part::Level(0), ..place }).map_err(told)?;
        let bundle = self.tiles.bundle(place).map_err(told)?;
        if bundle.leaves() == leaves {
            Ok(bundle.entries().map(|entry| entry.bytes.to_vec()).collect())
        } else {
            Err(format!("{} is not what its tile says", place.under(self.tiles.path()).display()))
        }
    }
}

async fn of_objects(objects: &dyn Objects, origin: &str, place: TilePath) -> Result<Vec<Vec<u8>>, String> {
    let entries = object(objects, origin, place).await?;
    let leaves = object(objects, origin, TilePath { part: Part::Level(0), ..place }).await?;
    let name = || format!("{}/{origin}/{place}", objects.place());
    // A full one may serve for one that was partial.
    let all = Bundle::parse(entries.clone(), WIDTH).or_else(|_| Bundle::parse(entries, place.width));
    let all = all.map_err(|_| format!("{} is no bundle", name()))?;
    let width = usize::try_from(place.width).unwrap_or(usize::MAX);
    let entries: Vec<Vec<u8>> = all.entries().take(width).map(|entry| entry.bytes.to_vec()).collect();
    let hashed = entries.iter().map(|entry| leaf_hash(entry));
    let told = leaves.as_chunks::<HASH_BYTES>().0.iter().take(width);
    if entries.len() == width && hashed.map(|leaf| leaf.0).eq(told.copied()) {
        Ok(entries)
    } else {
        Err(format!("{} is not what its tile says", name()))
    }
}

/// An object of the copy, or the full one that took its place.
async fn object(objects: &dyn Objects, origin: &str, place: TilePath) -> Result<Vec<u8>, String> {
    for place in [place, TilePath::full(place.part, place.index)] {
        let name = format!("{origin}/{place}");
        let read = objects.get(&name, BUNDLE_BYTES_MAX).await;
        if let Some(bytes) = read.map_err(|error| format!("{}/{name}: {error}", objects.place()))? {
            return Ok(bytes);
        }
    }
    Err(format!("{}/{origin}/{place} is missing", objects.place()))
}
