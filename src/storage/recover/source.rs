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

/// A place that may have entries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// The files here.
    Tiles,
    /// The copy.
    Mirror,
    /// The guard's tail.
    Tail,
}

/// Where entries come from.
pub(super) struct Source<'a> {
    /// The files here, and how many entries were published in them.
    pub(super) tiles: (&'a TileDir, TreeSize),
    /// The copy, and how many entries it has.
    pub(super) mirror: Option<(&'a dyn Objects, TreeSize)>,
    /// Where to look first, and where then.
    pub(super) order: [Place; 3],
    /// What is kept beside the guard, by index.
    pub(super) tail: BTreeMap<u64, Vec<u8>>,
    pub(super) taken: Taken,
}

impl Source<'_> {
    /// The entries from `first` on, as many as lie together in the first place that has them whole.
    ///
    /// # Errors
    /// [`RecoverError::NotWhole`], with what is wrong in each place; [`RecoverError::Unpublished`] for what is nowhere.
    pub(super) async fn entries(
        &mut self,
        origin: &str,
        first: EntryIndex,
        upto: TreeSize,
    ) -> Result<Vec<Vec<u8>>, RecoverError> {
        let mut wrong = Vec::new();
        for place in self.order {
            let read = match place {
                Place::Tiles => in_tree(first, self.tiles.1).map(|tile| self.of_tiles(tile)),
                Place::Mirror => match self.mirror.and_then(|(objects, size)| Some((objects, in_tree(first, size)?))) {
                    Some((objects, tile)) => Some(of_objects(objects, origin, tile).await),
                    None => None,
                },
                Place::Tail => self.of_tail(first, upto).map(Ok),
            };
            match read {
                Some(Ok(entries)) => {
                    let entries = if place == Place::Tail { entries } else { behind(entries, first) };
                    self.count(place, entries.len());
                    return Ok(entries);
                }
                Some(Err(reason)) => wrong.push(reason),
                None => {}
            }
        }
        // Written for witnesses who had not cosigned it yet.
        let written = in_tree(first, upto).and_then(|place| self.of_tiles(place).ok());
        if let Some(entries) = written.map(|entries| behind(entries, first)) {
            self.count(Place::Tiles, entries.len());
            return Ok(entries);
        }
        if wrong.is_empty() {
            return Err(RecoverError::Unpublished { published: TreeSize(first.0), known: upto });
        }
        let last = EntryIndex((first.0 - first.0 % WIDTH + WIDTH).min(upto.0) - 1);
        Err(RecoverError::NotWhole { first, last, reason: wrong.join("; ") })
    }

    fn count(&mut self, place: Place, entries: usize) {
        let taken = match place {
            Place::Tiles => &mut self.taken.tiles,
            Place::Mirror => &mut self.taken.mirror,
            Place::Tail => &mut self.taken.tail,
        };
        *taken += entries as u64;
    }

    fn of_tail(&self, first: EntryIndex, upto: TreeSize) -> Option<Vec<Vec<u8>>> {
        let kept = (first.0..upto.0).map_while(|index| self.tail.get(&index).cloned());
        let kept: Vec<_> = kept.take(usize::try_from(WIDTH).unwrap_or(usize::MAX)).collect();
        (!kept.is_empty()).then_some(kept)
    }

    fn of_tiles(&self, place: TilePath) -> Result<Vec<Vec<u8>>, String> {
        let told = |error: lww_audit::Error| {
            let is_missing = error.class() == Class::Gap;
            if is_missing {
                format!("{} is missing", place.under(self.tiles.0.path()).display())
            } else {
                error.to_string()
            }
        };
        let leaves = self.tiles.0.tile(TilePath { part: Part::Level(0), ..place }).map_err(told)?;
        let bundle = self.tiles.0.bundle(place).map_err(told)?;
        if bundle.leaves() == leaves {
            Ok(bundle.entries().map(|entry| entry.bytes.to_vec()).collect())
        } else {
            Err(format!("{} is not what its tile says", place.under(self.tiles.0.path()).display()))
        }
    }
}

/// The bundle that an entry lies in, in the tree of a size.
fn in_tree(index: EntryIndex, size: TreeSize) -> Option<TilePath> {
    TilePath::in_tree(Part::Entries, index.0 / WIDTH, size).filter(|_| index.0 < size.0)
}

/// What of a bundle begins at an entry.
fn behind(mut entries: Vec<Vec<u8>>, first: EntryIndex) -> Vec<Vec<u8>> {
    let skip = usize::try_from(first.0 % WIDTH).unwrap_or(usize::MAX);
    entries.drain(..skip.min(entries.len()));
    entries
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
