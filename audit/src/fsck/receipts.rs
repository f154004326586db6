//! Checks that a log still is the one that a receipt was given for.
//!
//! The log has been checked before; what matters here is that the tree signed in the receipt is a beginning of it, or that what
//! became of it is declared. Source: `FORMAT.md`, "Receipt" and "Generations".

use super::Summary;
use crate::error::Error;
use crate::generation::Declaration;
use crate::merkle::root_at;
use crate::note::VerifierKey;
use crate::receipt::{Receipt, Verified};
use crate::tile::TileDir;

/// What became of a receipt's entry.
pub struct Honoured<'a> {
    /// What the receipt proves.
    pub verified: Verified<'a>,
    /// The gap that it is lost in, if it is.
    pub lost: Option<Declaration>,
}

/// Verifies a receipt, and that the log in `directory`, already checked, goes on from its tree, or declares where it no longer does.
///
/// # Errors
/// Those of [`Receipt::verify`]; `OtherLog`, `Rollback` if the log is shorter than the receipt's tree, `Fork` if it began
/// otherwise, `FalseDeclaration` if more was signed than the log admits.
pub fn check_receipt<'a>(
    directory: &TileDir,
    log: &Summary,
    receipt: &'a Receipt,
    keys: &'a [VerifierKey],
) -> Result<Honoured<'a>, Error> {
    let verified = receipt.verify_in(keys, &log.generations)?;
    let (now, then) = (&log.checkpoint, verified.checkpoint);
    let later = log.generations.iter().find(|declared| *declared.before() == then.origin);
    if now.origin != then.origin && later.is_none() {
        return Err(Error::OtherLog { expected: now.origin.clone(), got: then.origin.clone() });
    }
    let common = match later {
        Some(declared) => {
            declared.admits(then)?;
            then.size.min(declared.kept.0)
        }
        None => then.size,
    };
    if now.size < common {
        return Err(Error::Rollback { old: then.size, new: now.size });
    }
    // A tree that reaches into the gap can't be held against what survived, but by the entry's own leaf.
    if common == then.size && root_at(&directory.tree(now.size), then.size)? != then.root {
        return Err(Error::Fork { old: then.size, old_root: then.root, new: now.size, new_root: now.root });
    }
    let index = verified.entry.seq;
    let lost = log.generations.lost(&then.origin, index).cloned();
    if lost.is_none() && common < then.size {
        let got = directory.tree(now.size);
        let got = crate::merkle::NodeReader::node(&got, 0, index.0)?;
        if got != verified.leaf {
            return Err(Error::BadHash { expected: verified.leaf, got });
        }
    }
    Ok(Honoured { verified, lost })
}
