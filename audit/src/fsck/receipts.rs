//! Checks that a log still is the one that a receipt was given for.
//!
//! The log has been checked before; what matters here is that the tree signed in the receipt is a beginning of it.
//! Source: `FORMAT.md`, "Receipt".

use super::Summary;
use crate::error::Error;
use crate::merkle::root_at;
use crate::note::VerifierKey;
use crate::receipt::{Receipt, Verified};
use crate::tile::TileDir;

/// Verifies a receipt, and that the log in `directory`, already checked, goes on from its tree.
///
/// # Errors
/// Those of [`Receipt::verify`]; `OtherLog`, `Rollback` if the log is shorter than the receipt's tree, `Fork` if it began
/// otherwise.
pub fn check_receipt<'a>(
    directory: &TileDir,
    log: &Summary,
    receipt: &'a Receipt,
    keys: &'a [VerifierKey],
) -> Result<Verified<'a>, Error> {
    let verified = receipt.verify(keys)?;
    let (now, then) = (&log.checkpoint, verified.checkpoint);
    if now.origin != then.origin {
        return Err(Error::OtherLog { expected: now.origin.clone(), got: then.origin.clone() });
    }
    if now.size < then.size {
        return Err(Error::Rollback { old: then.size, new: now.size });
    }
    if root_at(&directory.tree(now.size), then.size)? != then.root {
        return Err(Error::Fork { old: then.size, old_root: then.root, new: now.size, new_root: now.root });
    }
    Ok(verified)
}
