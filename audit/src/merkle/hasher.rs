//! Which hash a tree is made with. The log's own is SHA-256, which every tool of the field knows; a second tree over the same
//! entries may be made with SM3, for whoever has to rely on national algorithms.
//!
//! Sources: RFC 6962 section 2.1; GB/T 32905-2016.

use super::{LEAF_PREFIX, NODE_PREFIX, from_digest};
use crate::types::Hash;
use ring::digest::{Context, SHA256, digest};
use sm3::Digest as _;
use std::fmt::Debug;

/// A hash of 32 bytes, in the three places where a tree of RFC 6962 needs one.
pub trait TreeHash: Clone + Copy + Debug + Default + PartialEq + Eq {
    /// Hashes an entry to its leaf: H(0x00 ‖ entry bytes).
    fn leaf(entry: &[u8]) -> Hash;

    /// Hashes two children to their parent: H(0x01 ‖ left ‖ right).
    fn node(left: &Hash, right: &Hash) -> Hash;

    /// Returns the root of the empty tree: H of nothing.
    fn empty() -> Hash;
}

/// SHA-256, the hash of the log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sha256;

impl TreeHash for Sha256 {
    fn leaf(entry: &[u8]) -> Hash {
        let mut context = Context::new(&SHA256);
        context.update(&[LEAF_PREFIX]);
        context.update(entry);
        from_digest(context.finish().as_ref())
    }

    fn node(left: &Hash, right: &Hash) -> Hash {
        let mut bytes = [NODE_PREFIX; 65];
        let (_, children) = bytes.split_at_mut(1);
        let (to_left, to_right) = children.split_at_mut(32);
        to_left.copy_from_slice(&left.0);
        to_right.copy_from_slice(&right.0);
        from_digest(digest(&SHA256, &bytes).as_ref())
    }

    fn empty() -> Hash {
        from_digest(digest(&SHA256, b"").as_ref())
    }
}

/// SM3, the hash of the second tree.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sm3;

impl TreeHash for Sm3 {
    fn leaf(entry: &[u8]) -> Hash {
        sm3([&[LEAF_PREFIX], entry])
    }

    fn node(left: &Hash, right: &Hash) -> Hash {
        sm3([&[NODE_PREFIX], left.0.as_slice(), right.0.as_slice()])
    }

    fn empty() -> Hash {
        sm3([])
    }
}

fn sm3<const N: usize>(parts: [&[u8]; N]) -> Hash {
    let mut context = sm3::Sm3::new();
    for part in parts {
        context.update(part);
    }
    from_digest(&context.finalize())
}
