//! Holds what is left of an earlier generation's files against what the log declares of its gap.
//!
//! Whoever kept a copy can find out whether entries were dropped that were still there. Source: `FORMAT.md`, "Generations".

use super::{Finding, Summary};
use crate::error::Error;
use crate::generation::Declaration;
use crate::merkle::{NodeReader as _, inclusion_path};
use crate::merkle::{leaf_hash, root_at, verify_inclusion};
use crate::note::VerifierKey;
use crate::tile::{Part, TileDir, TilePath, WIDTH};
use crate::types::{EntryIndex, Hash, Origin, TreeSize};

/// Checks files of an earlier generation against a log that was checked before, and says how many entries they are signed for.
///
/// # Errors
/// `OtherLog` if no gap behind them is declared, `Fork` if they are another history, `FalseDeclaration` if they hold the first entry
/// that is declared lost.
pub fn check_earlier(
    directory: &TileDir,
    (log, now): (&Summary, &TileDir),
    keys: &[VerifierKey],
) -> Result<(Origin, TreeSize), Box<Finding>> {
    let file = directory.checkpoint_path();
    let refused = |error| Box::new(Finding::from_error(&file, error));
    let signed = super::read_checkpoint(directory).map_err(refused)?;
    let trusted: Vec<VerifierKey> =
        keys.iter().cloned().chain(log.generations.iter().filter_map(|declared| declared.old.clone())).collect();
    let (held, _) = signed.verify(&trusted).map_err(refused)?;
    let declared = log.generations.iter().find(|declared| *declared.before() == held.origin);
    let declared = declared.ok_or_else(|| {
        refused(Error::OtherLog { expected: log.checkpoint.origin.clone(), got: held.origin.clone() })
    })?;
    declared.admits(held).map_err(refused)?;
    let common = held.size.min(declared.kept.0);
    let kept = root_at(&now.tree(log.checkpoint.size), common).map_err(refused)?;
    // Damaged tiles here say nothing; whole ones must have the same beginning.
    if let Some(was) = root_of(directory, held.size, held.root, common)
        && was != kept
    {
        let (old, new) = (held.size, log.checkpoint.size);
        return Err(refused(Error::Fork { old, old_root: held.root, new, new_root: log.checkpoint.root }));
    }
    if let Some(there) = first_still_there(directory, declared, (held.size, held.root)) {
        let (expected, got) = ("gone from everywhere".to_owned(), format!("entry {there}, whole, under a signed root"));
        return declared.lies("lost", expected, got).map_err(refused);
    }
    Ok((held.origin.clone(), held.size))
}

/// The root that the tree here had at a size, if its tiles lead to the signed root.
fn root_of(directory: &TileDir, size: TreeSize, root: Hash, at: TreeSize) -> Option<Hash> {
    let tree = directory.tree(size);
    (root_at(&tree, size).ok()? == root).then(|| root_at(&tree, at).ok()).flatten()
}

/// The first entry that is declared lost, if its bytes are here and its path leads to the signed root.
fn first_still_there(
    directory: &TileDir,
    declared: &Declaration,
    (size, root): (TreeSize, Hash),
) -> Option<EntryIndex> {
    let index = declared.first_lost();
    let place = TilePath::in_tree(Part::Entries, index.0 / WIDTH, size).filter(|_| index.0 < size.0)?;
    let bundle = directory.bundle(place).ok()?;
    let at = usize::try_from(index.0 % WIDTH).ok()?;
    let leaf = leaf_hash(bundle.entries().nth(at)?.bytes);
    let tree = directory.tree(size);
    let path = inclusion_path(&tree, index, size).ok()?;
    // The tile beside it may be gone: then the bytes alone prove nothing.
    tree.node(0, index.0).ok()?;
    verify_inclusion(&leaf, index, size, &path, &root).ok().map(|()| index)
}
