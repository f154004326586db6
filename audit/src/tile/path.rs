//! Where tiles and bundles are: which exist in a tree of some size, and what they are called.
//!
//! Pure arithmetic and text; it touches no file. Source: C2SP `tlog-tiles`, "Merkle Tree" and "Log entries".

use super::WIDTH;
use crate::error::{Error, Format, malformed};
use crate::types::TreeSize;
use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// Name of the file with the signed checkpoint.
pub const CHECKPOINT: &str = "checkpoint";
/// Bits of an index that one level of tiles takes away.
const HEIGHT: u32 = 8;
/// Levels that a tree of 64-bit size can have.
const LEVELS_MAX: u32 = u64::BITS / HEIGHT;
/// Levels that a path can name; tiles of those above [`LEVELS_MAX`] are in no tree of 64-bit size.
const NAMED_LEVELS_MAX: u32 = 64;

/// Which kind of file of the tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    /// A tile of hashes at this level; level 0 holds leaf hashes.
    Level(u32),
    /// A bundle of entries.
    Entries,
}

impl Part {
    /// Returns how many hashes or entries this part has in a tree of `size`.
    pub const fn count(self, size: TreeSize) -> u64 {
        match self {
            Self::Entries => size.0,
            Self::Level(level) if level < LEVELS_MAX => size.0 >> (HEIGHT * level),
            Self::Level(_) => 0,
        }
    }

    /// Yields the parts of a tree of `size`: the entries, then the levels from 0 up.
    pub fn all(size: TreeSize) -> impl Iterator<Item = Self> {
        let levels = (0..LEVELS_MAX).map(Self::Level).take_while(move |part| part.count(size) > 0);
        std::iter::once(Self::Entries).filter(move |_| size.0 > 0).chain(levels)
    }
}

/// The name of one tile or bundle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TilePath {
    /// What it holds.
    pub part: Part,
    /// Its position among the tiles of its part.
    pub index: u64,
    /// How many hashes or entries it holds: 256 when full.
    pub width: u64,
}

impl TilePath {
    /// Names the full tile at a position.
    #[must_use]
    pub const fn full(part: Part, index: u64) -> Self {
        Self { part, index, width: WIDTH }
    }

    /// Names the tile at a position in a tree of `size`, or `None` if that tree has none there.
    pub const fn in_tree(part: Part, index: u64, size: TreeSize) -> Option<Self> {
        let count = part.count(size);
        if index < count / WIDTH {
            Some(Self::full(part, index))
        } else if index == count / WIDTH && !count.is_multiple_of(WIDTH) {
            Some(Self { part, index, width: count % WIDTH })
        } else {
            None
        }
    }

    /// Names the partial tile that a tree of `size` ends with, or `None` if its last tile is full.
    pub const fn partial(part: Part, size: TreeSize) -> Option<Self> {
        let count = part.count(size);
        if count.is_multiple_of(WIDTH) {
            return None;
        }
        Some(Self { part, index: count / WIDTH, width: count % WIDTH })
    }

    /// Returns whether the tile is full.
    pub const fn is_full(self) -> bool {
        self.width >= WIDTH
    }

    /// Returns the directory that holds all partial forms of this tile, relative to the log's directory.
    pub fn partials_dir(self) -> PathBuf {
        PathBuf::from(format!("{}.p", Self::full(self.part, self.index)))
    }

    /// Returns the path below the log's directory.
    #[must_use]
    pub fn under(self, directory: &Path) -> PathBuf {
        directory.join(self.to_string())
    }
}

impl fmt::Display for TilePath {
    /// Writes the path relative to the log's directory, for instance `tile/0/x001/234.p/17`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.part {
            Part::Level(level) => write!(f, "tile/{level}/")?,
            Part::Entries => f.write_str("tile/entries/")?,
        }
        let mut groups = vec![self.index % 1000];
        let mut rest = self.index / 1000;
        while rest > 0 {
            groups.push(rest % 1000);
            rest /= 1000;
        }
        for (left, group) in groups.iter().enumerate().rev() {
            if left > 0 {
                write!(f, "x{group:03}/")?;
            } else {
                write!(f, "{group:03}")?;
            }
        }
        if self.is_full() { Ok(()) } else { write!(f, ".p/{}", self.width) }
    }
}

impl FromStr for TilePath {
    type Err = Error;

    /// Reads a path in its only form; it never leads out of the log's directory.
    fn from_str(text: &str) -> Result<Self, Error> {
        let read = read(text).filter(|path| path.to_string() == text);
        read.ok_or_else(|| malformed(Format::Tile, 0, "not the path of a tile or bundle"))
    }
}

/// Reads a path that may not be in its only form.
fn read(text: &str) -> Option<TilePath> {
    let (part, rest) = text.strip_prefix("tile/")?.split_once('/')?;
    let part = match part {
        "entries" => Part::Entries,
        level => Part::Level(level.parse().ok().filter(|level| *level < NAMED_LEVELS_MAX)?),
    };
    let (index, width) = match rest.split_once(".p/") {
        Some((index, width)) => (index, width.parse().ok().filter(|width| (1..WIDTH).contains(width))?),
        None => (rest, WIDTH),
    };
    let mut groups = index.split('/').map(|group| group.trim_start_matches('x').parse::<u64>().ok());
    let index = groups.try_fold(0_u64, |index, group| index.checked_mul(1000)?.checked_add(group?))?;
    Some(TilePath { part, index, width })
}
