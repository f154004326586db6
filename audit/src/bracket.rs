//! Time brackets: between which times entries came to be, by the word of outside parties whose receipts are in the log.
//!
//! A receipt for a checkpoint shows that the entries which it covers existed before the time that it states. The entry that
//! holds the receipt was made after it, and so was every later entry: the log's hashes tie them to a signature that nobody could
//! foresee. Each receipt is held against the tree that the caller believes, and none proves more than the clock of its party.
//! Source: `FORMAT.md`, "Anchors".

use crate::anchor::{AnchorReceipt, Form, KIND};
use crate::checkpoint::Checkpoint;
use crate::entry::Entry;
use crate::error::{AnchorFault, Error};
use crate::evm::{EvmFault, EvmReceipt};
use crate::fsck::Finding;
use crate::merkle::{consistency_path, inclusion_path, leaf_hash, verify_consistency, verify_inclusion};
use crate::tile::{Part, TileDir, TilePath, WIDTH};
use crate::time::Timestamp;
use crate::timestamp::{Authorities, TimeStamp, verify};
use crate::types::{EntryIndex, Hash};

/// An entry that holds a receipt, proven to be in the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Anchored {
    /// The entry.
    pub entry: EntryIndex,
    /// When the log says that it was recorded.
    pub recorded: Timestamp,
    /// What it holds.
    pub receipt: AnchorReceipt,
}

/// What a receipt proves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Proven {
    /// An authority's time stamp.
    Stamp(TimeStamp),
    /// That it is over the checkpoint, and what a chain is said to hold: that it does is the chain's word.
    Chain(Box<EvmReceipt>),
    /// Nothing here: it is in a form that this program doesn't know.
    Unknown,
}

impl Anchored {
    /// Verifies the receipt itself.
    ///
    /// # Errors
    /// `BadAnchor`.
    pub fn prove(&self, authorities: &Authorities) -> Result<Proven, Error> {
        match &self.receipt.form {
            Form::Rfc3161 => {
                verify(&self.receipt.receipt, &self.receipt.checkpoint.imprint(), authorities).map(Proven::Stamp)
            }
            Form::Evm => {
                let read = EvmReceipt::parse(&self.receipt.receipt)?;
                read.check(&self.receipt.checkpoint)?;
                Ok(Proven::Chain(Box::new(read)))
            }
            Form::Other(_) => Ok(Proven::Unknown),
        }
    }

    /// Checks that a chain's batch is over all of the leaves that it says; `directory` is the log's.
    ///
    /// # Errors
    /// `BadAnchor`; `Gap` or `Io` where the tiles are not there.
    pub fn holds_batch(&self, receipt: &EvmReceipt, directory: &TileDir, tree: &Checkpoint) -> Result<(), Error> {
        Ok(receipt.check_batch(&directory.tree(tree.size))??)
    }

    /// Checks that the entry, of a known place, is in the believed tree, and that the tree goes on from the checkpoint that the entry
    /// names; `paths` are the inclusion path of the first and the consistency path of the second.
    pub(crate) fn hold(
        entry: &Entry,
        leaf: &Hash,
        tree: &Checkpoint,
        (inclusion, growth): (&[Hash], &[Hash]),
    ) -> Result<Option<Self>, Error> {
        let Some(receipt) = AnchorReceipt::read(entry)? else { return Ok(None) };
        verify_inclusion(leaf, entry.seq, tree.size, inclusion, &tree.root)?;
        receipt.is_before(entry)?;
        let Checkpoint { size, root, .. } = &receipt.checkpoint;
        verify_consistency(*size, root, tree.size, &tree.root, growth).map_err(|_| AnchorFault::Checkpoint)?;
        Ok(Some(Self { entry: entry.seq, recorded: entry.time, receipt }))
    }
}

/// Finds every receipt in a log's directory, and holds each against the believed checkpoint. What it doesn't need of the tiles it
/// doesn't check: that is `fsck`'s. `progress` hears how many entries were looked at.
///
/// # Errors
/// The first [`Finding`]: an entry that is not in the tree, or that names a checkpoint which the log never had.
pub fn in_log(
    directory: &TileDir,
    checkpoint: &Checkpoint,
    progress: &mut dyn FnMut(u64),
) -> Result<Vec<Anchored>, Box<Finding>> {
    let tree = directory.tree(checkpoint.size);
    let mut found = Vec::new();
    for at in 0..checkpoint.size.0.div_ceil(WIDTH) {
        let Some(tile) = TilePath::in_tree(Part::Entries, at, checkpoint.size) else { break };
        let file = tile.under(directory.path());
        let bundle = directory.bundle(tile).map_err(|error| Box::new(Finding::at(&file, None, error)))?;
        for (index, entry) in (at * WIDTH..).zip(bundle.entries()).filter(|(_, entry)| may_hold(entry.bytes)) {
            let index = EntryIndex(index);
            let refuse = |error| Box::new(Finding::at(&file, Some(index), error));
            let parsed = Entry::parse(entry.bytes).map_err(refuse)?;
            let Some(AnchorReceipt { checkpoint: named, .. }) = AnchorReceipt::read(&parsed).map_err(refuse)? else {
                continue;
            };
            let inclusion = inclusion_path(&tree, index, checkpoint.size).map_err(refuse)?;
            let growth = consistency_path(&tree, named.size, checkpoint.size);
            let growth = growth.map_err(|_| refuse(AnchorFault::Checkpoint.into()))?;
            let held = Anchored::hold(&parsed, &leaf_hash(entry.bytes), checkpoint, (&inclusion, &growth));
            found.extend(held.map_err(refuse)?);
        }
        progress(checkpoint.size.0.min((at + 1) * WIDTH));
    }
    Ok(found)
}

impl From<EvmFault> for Error {
    fn from(fault: EvmFault) -> Self {
        let fault = match fault {
            EvmFault::Malformed(reason) => AnchorFault::Malformed(reason),
            EvmFault::Other(_) => AnchorFault::Imprint,
            EvmFault::Batch(_) => AnchorFault::Batch,
        };
        fault.into()
    }
}

/// Most entries are no receipts: the kind is looked for before an entry is taken apart.
fn may_hold(entry: &[u8]) -> bool {
    entry.windows(KIND.len()).any(|window| window == KIND.as_bytes())
}

/// One side of a bracket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bound<'a> {
    /// The time.
    pub at: Timestamp,
    /// By whose receipt.
    pub by: &'a Anchored,
    /// What of it was verified.
    pub stamp: &'a TimeStamp,
}

/// Between which times an entry came to be.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bracket<'a> {
    /// It was made after this time: the newest receipt before it in the log.
    pub not_before: Option<Bound<'a>>,
    /// It existed before these times: of each anchor the earliest receipt that covers it, the earliest time first.
    pub before: Vec<Bound<'a>>,
}

impl<'a> Bracket<'a> {
    /// Computes the bracket of one entry from receipts that were verified.
    pub fn of(index: EntryIndex, receipts: &'a [(Anchored, TimeStamp)]) -> Self {
        let earlier = receipts.iter().filter(|(by, _)| by.entry < index);
        let not_before =
            earlier.map(|(by, stamp)| Bound { at: stamp.not_before(), by, stamp }).max_by_key(|bound| bound.at);
        let mut before: Vec<Bound<'a>> = Vec::new();
        for (by, stamp) in receipts.iter().filter(|(by, _)| by.receipt.checkpoint.size.0 > index.0) {
            let bound = Bound { at: stamp.before(), by, stamp };
            match before.iter_mut().find(|known| known.by.receipt.anchor == by.receipt.anchor) {
                Some(known) if known.at <= bound.at => {}
                Some(known) => *known = bound,
                None => before.push(bound),
            }
        }
        before.sort_by_key(|bound| bound.at);
        Self { not_before, before }
    }
}
