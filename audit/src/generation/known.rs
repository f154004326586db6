//! The declarations of one log that are believed, and what they say of any place in any of its generations.

use super::{Declaration, GENERATIONS_MAX, SignedDeclaration};
use crate::checkpoint::Checkpoint;
use crate::entry::Entry;
use crate::error::{Error, Format};
use crate::note::VerifierKey;
use crate::tile::{Part, TileDir, TilePath, WIDTH};
use crate::types::{EntryIndex, Origin, TreeSize};

/// Declarations that are believed, of one log, in the order of its generations.
#[derive(Clone, Debug, Default)]
pub struct Generations(Vec<SignedDeclaration>);

impl Generations {
    /// Follows declarations from the keys that are trusted, and adds each new generation's key to them.
    ///
    /// # Errors
    /// The first that does not verify; `TooLong` beyond [`GENERATIONS_MAX`].
    pub fn follow(
        trusted: &mut Vec<VerifierKey>,
        declared: impl IntoIterator<Item = SignedDeclaration>,
    ) -> Result<Self, Error> {
        let mut known = Self::default();
        for signed in declared {
            let new = signed.verify(trusted)?.new.clone();
            if !trusted.contains(&new) {
                trusted.push(new);
            }
            known.push(signed)?;
        }
        Ok(known)
    }

    /// Verifies declarations that stand under a signature of the newest generation already, which vouches for each new key; what the
    /// old generation signed has to be its own word all the same.
    ///
    /// # Errors
    /// Those of [`SignedDeclaration::verify`]; `TooLong` beyond [`GENERATIONS_MAX`].
    pub fn vouched(declared: Vec<SignedDeclaration>, keys: &[VerifierKey]) -> Result<Self, Error> {
        let mut known = Self::default();
        for signed in declared {
            let mut trusted: Vec<VerifierKey> = keys.to_vec();
            trusted.push(signed.declared.new.clone());
            signed.verify(&trusted)?;
            known.push(signed)?;
        }
        Ok(known)
    }

    /// Finds the declarations in a log's files by the places where its generations begin. Nothing is verified by this.
    ///
    /// # Errors
    /// Those of the files; `Undeclared` if a generation begins otherwise.
    pub fn in_tiles(tiles: &TileDir, of: &Checkpoint) -> Result<Self, Error> {
        let mut known = Self::default();
        for generation in 2..=of.origin.generation() {
            let begins = begins(tiles, of.size, generation)?;
            let declared = begins.map(|entry| SignedDeclaration::of(&entry)).transpose()?.flatten();
            known.push(declared.ok_or_else(|| Error::Undeclared { origin: of.origin.clone() })?)?;
        }
        Ok(known)
    }

    fn push(&mut self, signed: SignedDeclaration) -> Result<(), Error> {
        if self.0.len() == GENERATIONS_MAX {
            let (max, got) = (GENERATIONS_MAX as u64, self.0.len() as u64 + 1);
            return Err(Error::TooLong { what: Format::Generation, max, got });
        }
        if !self.0.contains(&signed) {
            self.0.push(signed);
            self.0.sort_by_key(|known| known.declared.origin.generation());
        }
        Ok(())
    }

    /// Says whether no gap is declared.
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Yields the signed declarations.
    pub fn signed(&self) -> impl Iterator<Item = &SignedDeclaration> {
        self.0.iter()
    }

    /// Yields what is declared.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &Declaration> {
        self.0.iter().map(|signed| &signed.declared)
    }

    fn of(&self, origin: &Origin) -> Option<&Declaration> {
        self.iter().find(|declared| declared.origin == *origin)
    }

    /// The gaps that are declared before a generation, oldest first.
    pub fn before(&self, origin: &Origin) -> Vec<&Declaration> {
        let mut gaps = Vec::new();
        let mut at = origin;
        while let Some(declared) = self.of(at) {
            gaps.push(declared);
            at = declared.before();
        }
        gaps.reverse();
        gaps
    }

    /// The generation that an entry at a place is of, in the tree of `origin`.
    pub fn log_at<'a>(&'a self, origin: &'a Origin, index: EntryIndex) -> &'a Origin {
        let mut at = origin;
        while let Some(declared) = self.of(at).filter(|declared| index < declared.first_lost()) {
            at = declared.before();
        }
        at
    }

    /// The declaration by which an entry of `origin` was lost, if one says so.
    pub fn lost(&self, origin: &Origin, index: EntryIndex) -> Option<&Declaration> {
        let mut at = origin;
        while let Some(next) = self.iter().find(|declared| declared.before() == at) {
            if index >= next.first_lost() {
                return Some(next);
            }
            at = &next.origin;
        }
        None
    }

    /// Refuses a log of which not each generation behind the first is declared.
    ///
    /// # Errors
    /// `Undeclared`.
    pub fn demand_all(&self, origin: &Origin) -> Result<(), Error> {
        let first = self.before(origin).first().map_or(origin, |declared| declared.before());
        if first.generation() == 1 { Ok(()) } else { Err(Error::Undeclared { origin: first.clone() }) }
    }
}

/// The first entry of a generation or a later one.
fn begins(tiles: &TileDir, size: TreeSize, generation: u32) -> Result<Option<Entry>, Error> {
    let read = |index: u64| {
        let place = TilePath::in_tree(Part::Entries, index / WIDTH, size);
        let missing = || Error::Gap { first: EntryIndex(index), last: EntryIndex(index) };
        let bundle = tiles.bundle(place.ok_or_else(missing)?)?;
        let at = usize::try_from(index % WIDTH).unwrap_or(usize::MAX);
        Entry::parse(bundle.entries().nth(at).ok_or_else(missing)?.bytes)
    };
    let (mut low, mut high, mut found) = (0, size.0, None);
    while low < high {
        let middle = low + (high - low) / 2;
        let entry = read(middle)?;
        if entry.log.generation() < generation {
            low = middle + 1;
        } else {
            (high, found) = (middle, Some(entry));
        }
    }
    Ok(found)
}
