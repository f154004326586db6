//! The log as a directory of static files: `checkpoint`, tiles of tree hashes, bundles of entries.
//!
//! It knows paths, layouts and how files become durable; it doesn't verify signatures or entries, which is [`crate::fsck`].
//! Source: C2SP `tlog-tiles`, with height 8, so that a tile has 256 hashes and a bundle 256 entries.

mod bundle;
mod files;
mod levels;
mod path;
mod reader;
mod shadow;
mod writer;

pub(crate) use bundle::walk;
pub use bundle::{Bundle, BundleEntry};
pub(crate) use levels::Levels;
pub use path::{CHECKPOINT, Part, TilePath};
pub use reader::{TileDir, TreeReader};
pub use shadow::{SHADOW, ShadowDir, ShadowWriter};
pub use writer::TileWriter;

use crate::merkle::{FrontierOf, TreeHash};
use crate::types::Hash;

/// Hashes in a full tile, entries in a full bundle.
pub const WIDTH: u64 = 256;
/// Bytes of one hash in a tile.
pub const HASH_BYTES: usize = 32;
/// Longest bundle in bytes: 256 entries of the longest entry with their lengths.
pub const BUNDLE_BYTES_MAX: usize = 256 * (crate::entry::ENTRY_BYTES_MAX + 2);

/// Hashes up to 256 neighbouring nodes to the root of the subtree above them.
pub(crate) fn subtree_root(hashes: &[Hash]) -> Hash {
    subtree_root_of::<crate::merkle::Sha256>(hashes)
}

/// The same in a tree of another hash.
pub(crate) fn subtree_root_of<H: TreeHash>(hashes: &[Hash]) -> Hash {
    let mut frontier = FrontierOf::<H>::empty();
    for hash in hashes {
        frontier.push(*hash);
    }
    frontier.root()
}

#[cfg(test)]
mod tests;
