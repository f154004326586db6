//! Trees that only grow: the frontier that is enough to go on, and the paths of what was added since.
//!
//! A frontier is the list of roots of the complete subtrees that a tree falls into, largest first: one hash for each
//! set bit of the size. Source: RFC 6962 section 2.1 (the decomposition at the largest power of two).

use super::{Sha256, TreeHash, node_hash};
use crate::error::{Error, Format, malformed};
use crate::types::{EntryIndex, Hash, TreeSize};
use std::marker::PhantomData;
use std::sync::OnceLock;

/// The least that must be kept of a tree to append to it and to know its root.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FrontierOf<H> {
    size: u64,
    nodes: Vec<Hash>,
    hash: PhantomData<H>,
}

/// That of the log's own tree.
pub type Frontier = FrontierOf<Sha256>;

impl<H: TreeHash> FrontierOf<H> {
    /// Returns the frontier of the empty tree.
    #[must_use]
    pub const fn empty() -> Self {
        Self { size: 0, nodes: Vec::new(), hash: PhantomData }
    }

    /// Appends a leaf.
    pub fn push(&mut self, leaf: Hash) {
        let mut hash = leaf;
        for _ in 0..self.size.trailing_ones() {
            if let Some(left) = self.nodes.pop() {
                hash = H::node(&left, &hash);
            }
        }
        self.nodes.push(hash);
        self.size += 1;
    }

    /// Returns the number of leaves.
    #[must_use]
    pub const fn size(&self) -> TreeSize {
        TreeSize(self.size)
    }

    /// Computes the root.
    #[must_use]
    pub fn root(&self) -> Hash {
        let mut from_right = self.nodes.iter().rev();
        let Some(last) = from_right.next() else {
            return H::empty();
        };
        from_right.fold(*last, |right, left| H::node(left, &right))
    }

    /// Writes the hashes, 32 bytes each, largest subtree first. The size is not part of it.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        self.nodes.iter().flat_map(|hash| hash.0).collect()
    }

    /// Reads what [`Frontier::to_bytes`] wrote for a tree of `size`.
    ///
    /// # Errors
    /// `Malformed` unless there is one hash for each set bit of the size.
    pub fn from_bytes(size: TreeSize, bytes: &[u8]) -> Result<Self, Error> {
        let (hashes, rest) = bytes.as_chunks::<32>();
        if !rest.is_empty() || hashes.len() != size.0.count_ones() as usize {
            return Err(malformed(Format::Frontier, bytes.len(), "not one 32-byte hash for each set bit of the size"));
        }
        Ok(Self { size: size.0, nodes: hashes.iter().copied().map(Hash).collect(), hash: PhantomData })
    }

    /// Yields height and hash of each subtree, smallest first.
    fn subtrees(&self) -> impl Iterator<Item = (u32, Hash)> {
        let size = self.size;
        let heights = (0..u64::BITS).filter(move |height| (size >> height) & 1 == 1);
        heights.zip(self.nodes.iter().rev().copied())
    }
}

/// A tree that started from a frontier and remembers enough to prove every leaf pushed since.
///
/// Each pushed leaf costs at most two hashes on average, each path O(log n) look-ups; the hashes of the incomplete
/// right edge are computed once for all paths of one size.
#[derive(Debug)]
pub struct Growth {
    base: u64,
    frontier: Frontier,
    levels: Vec<Level>,
    edge: OnceLock<Vec<Option<Hash>>>,
}

/// The complete subtrees of one height that paths may need: `nodes[i]` has index `first + i`.
#[derive(Debug)]
struct Level {
    first: u64,
    nodes: Vec<Hash>,
}

impl Growth {
    /// Starts to grow from `base`.
    #[must_use]
    pub fn start(base: Frontier) -> Self {
        let mut levels: Vec<_> =
            (0..u64::BITS).map(|level| Level { first: (base.size >> level) & !1, nodes: Vec::new() }).collect();
        for (level, hash) in base.subtrees() {
            if let Some(level) = levels.get_mut(level as usize) {
                level.nodes.push(hash);
            }
        }
        Self { base: base.size, frontier: base, levels, edge: OnceLock::new() }
    }

    /// Appends a leaf and returns its index.
    pub fn push(&mut self, leaf: Hash) -> EntryIndex {
        let index = self.frontier.size;
        let mut hash = leaf;
        let mut position = index;
        for level in &mut self.levels {
            level.nodes.push(hash);
            if position & 1 == 0 {
                break;
            }
            let Some([left, right]) = level.nodes.last_chunk() else {
                break;
            };
            hash = node_hash(left, right);
            position >>= 1;
        }
        self.advance_frontier();
        self.edge = OnceLock::new();
        EntryIndex(index)
    }

    /// Keeps the frontier in step from the nodes just made instead of hashing them again.
    fn advance_frontier(&mut self) {
        let merged = self.frontier.size.trailing_ones();
        let kept = self.frontier.nodes.len().saturating_sub(merged as usize);
        self.frontier.nodes.truncate(kept);
        if let Some(hash) = self.levels.get(merged as usize).and_then(|level| level.nodes.last()) {
            self.frontier.nodes.push(*hash);
        }
        self.frontier.size += 1;
    }

    /// Borrows the frontier of the tree as it is.
    #[must_use]
    pub const fn frontier(&self) -> &Frontier {
        &self.frontier
    }

    /// Returns the inclusion path, from the leaf's sibling upwards, of a leaf pushed since the start, in the tree of
    /// the present size.
    ///
    /// # Errors
    /// `OutOfRange` if the leaf is from before the start, or not there.
    pub fn inclusion_path(&self, index: EntryIndex) -> Result<Vec<Hash>, Error> {
        let size = self.frontier.size;
        let out_of_range = || Error::OutOfRange { index, first: EntryIndex(self.base), size: TreeSize(size) };
        if index.0 < self.base || index.0 >= size {
            return Err(out_of_range());
        }
        let edge = self.edge.get_or_init(|| self.right_edge());
        let mut path = Vec::new();
        for (height, (level, rest)) in self.levels.iter().zip(edge).enumerate() {
            if (size - 1) >> height == 0 {
                break;
            }
            let sibling = (index.0 >> height) ^ 1;
            if sibling < size >> height {
                let at = usize::try_from(sibling.wrapping_sub(level.first)).map_err(|_| out_of_range())?;
                path.push(*level.nodes.get(at).ok_or_else(out_of_range)?);
            } else if sibling == size >> height {
                path.extend(*rest);
            }
        }
        Ok(path)
    }

    /// Computes for each height the hash of the leaves behind the last complete subtree of that height.
    fn right_edge(&self) -> Vec<Option<Hash>> {
        let size = self.frontier.size;
        let mut subtrees = self.frontier.subtrees().peekable();
        let mut rest = None;
        (0..u64::BITS)
            .take_while(|height| size >> height != 0)
            .map(|height| {
                let before = rest;
                if let Some((_, left)) = subtrees.next_if(|(level, _)| *level == height) {
                    rest = Some(before.map_or(left, |right| node_hash(&left, &right)));
                }
                before
            })
            .collect()
    }
}
