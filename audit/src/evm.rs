//! Receipts of an EVM chain: where a contract keeps a checkpoint of this log, and a batch root over the leaves since the one before.
//!
//! Offline it is checked that the receipt is over the checkpoint, and that the batch holds the log's leaves: by the path of the
//! newest one, and by all of them where the log is at hand. That the chain says so is the chain's word; [`EvmReceipt::question`]
//! gives the call that asks any node of it. Batches are trees of OpenZeppelin's form (Keccak-256, sorted pairs), which are not
//! RFC 6962 and never a log's own. Sources: `FORMAT.md`, "Receipts of EVM chains"; OpenZeppelin merkle-tree, "Standard Merkle
//! Trees"; Solidity's ABI specification; EIP-55.

mod call;
mod text;
mod tree;

use crate::checkpoint::Checkpoint;
use crate::merkle::{NodeReader, leaf_hash};
use crate::types::{EntryIndex, Hash, Origin, TreeSize};
use serde::{Deserialize, Serialize};

pub use call::{Question, origin_id};
pub use text::{Address, Word};
pub use tree::{batch_leaf, batch_root, folded, keccak256};

/// The label of this form of receipts.
pub const FORM: &str = "evm";
/// Longest receipt in bytes.
pub const EVM_RECEIPT_BYTES_MAX: usize = 8 * 1024;
/// Most leaves of one batch.
pub const BATCH_LEAVES_MAX: u64 = 1 << 18;
/// Longest path in a batch: one step a level of its tree.
const PATH_MAX: usize = 18;
const VERSION: u64 = 1;

/// Why a receipt proves nothing, in words that hold nothing of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EvmFault {
    /// It hasn't the form of a receipt.
    #[error("{0}")]
    Malformed(&'static str),
    /// It is over another log, size or root.
    #[error("it is over another {0} than this checkpoint's")]
    Other(&'static str),
    /// The batch is not over the leaves that it says.
    #[error("its batch root is not over {0}")]
    Batch(&'static str),
}

/// What a contract on a chain keeps of a checkpoint.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EvmReceipt {
    /// The version of this form.
    v: u64,
    /// The chain's number (EIP-155).
    pub chain_id: u64,
    /// The contract.
    pub contract: Address,
    /// Hash of the transaction.
    pub transaction: Word,
    /// The block that holds it.
    pub block: Block,
    /// How many blocks were known to build on it, its own counted, when the receipt was made.
    pub confirmations: u64,
    /// The log.
    log: String,
    /// Number of entries.
    pub size: u64,
    /// RFC 6962 root over them.
    pub root: Word,
    /// The batch.
    pub batch: Batch,
}

/// A block, as the chain tells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Block {
    /// Its number.
    pub number: u64,
    /// Its hash.
    pub hash: Word,
    /// Its time, in seconds since 1970.
    pub time: u64,
}

/// A batch: the leaves from `first` to before the receipt's size.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Batch {
    /// Index of its first entry.
    pub first: u64,
    /// Root over it.
    pub root: Word,
    /// Leaf hash of its last entry (RFC 6962).
    pub leaf: Word,
    /// Path from that leaf to the batch root.
    pub proof: Vec<Word>,
}

/// Where the chain keeps it, as far as a receipt needs it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OnChain {
    /// The chain's number.
    pub chain_id: u64,
    /// The contract.
    pub contract: Address,
    /// Hash of the transaction.
    pub transaction: Word,
    /// The block that holds it.
    pub block: Block,
    /// How many blocks build on it, its own counted.
    pub confirmations: u64,
}

impl EvmReceipt {
    /// Joins what was anchored and where it lies.
    pub fn new(checkpoint: &Checkpoint, batch: Batch, place: OnChain) -> Self {
        let OnChain { chain_id, contract, transaction, block, confirmations } = place;
        let (log, size, root) = (checkpoint.origin.to_string(), checkpoint.size.0, Word(checkpoint.root.0));
        Self { v: VERSION, chain_id, contract, transaction, block, confirmations, log, size, root, batch }
    }

    /// Reads a receipt.
    ///
    /// # Errors
    /// [`EvmFault::Malformed`]. Nothing of what it says is believed by this.
    pub fn parse(bytes: &[u8]) -> Result<Self, EvmFault> {
        let malformed = |reason| Err(EvmFault::Malformed(reason));
        if bytes.len() > EVM_RECEIPT_BYTES_MAX {
            return malformed("the receipt is too long");
        }
        let Ok(read) = serde_json::from_slice::<Self>(bytes) else {
            return malformed("it is no JSON object of a receipt's members");
        };
        if read.v != VERSION {
            return malformed("its version is not known here");
        }
        if read.log.parse::<Origin>().is_err() {
            return malformed("log is no origin");
        }
        if read.batch.first >= read.size || read.size - read.batch.first > BATCH_LEAVES_MAX {
            return malformed("batch.first is not before size, or too far");
        }
        if read.batch.proof.len() > PATH_MAX {
            return malformed("batch.proof is longer than a batch is high");
        }
        if read.confirmations == 0 || read.block.number.checked_add(read.confirmations).is_none() {
            return malformed("confirmations is none, or beyond any block");
        }
        Ok(read)
    }

    /// Writes it as one line of JSON.
    ///
    /// # Errors
    /// [`EvmFault::Malformed`] when it is longer than a receipt may be.
    pub fn to_bytes(&self) -> Result<Vec<u8>, EvmFault> {
        let bytes = serde_json::to_vec(self).unwrap_or_default();
        let fits = !bytes.is_empty() && bytes.len() <= EVM_RECEIPT_BYTES_MAX;
        if fits { Ok(bytes) } else { Err(EvmFault::Malformed("the receipt is too long")) }
    }

    /// The log.
    pub fn log(&self) -> &str {
        &self.log
    }

    /// Checks that it is over this checkpoint, and that the newest leaf that it names is in the batch.
    ///
    /// # Errors
    /// [`EvmFault::Other`] or [`EvmFault::Batch`].
    pub fn check(&self, checkpoint: &Checkpoint) -> Result<(), EvmFault> {
        let other = |what| Err(EvmFault::Other(what));
        if self.log != checkpoint.origin.as_str() {
            return other("log");
        }
        if self.size != checkpoint.size.0 {
            return other("size");
        }
        if self.root.0 != checkpoint.root.0 {
            return other("root");
        }
        let leaf = batch_leaf(self.size - 1, Hash(self.batch.leaf.0));
        let is_in = folded(leaf, self.batch.proof.iter().map(|word| word.0)) == self.batch.root.0;
        if is_in { Ok(()) } else { Err(EvmFault::Batch("the leaf that it names")) }
    }

    /// Checks that the batch is over the log's leaves, all of them; `tree` is the log's, believed, and as long as the checkpoint.
    ///
    /// # Errors
    /// [`EvmFault::Batch`]; the tree's own errors.
    pub fn check_batch(&self, tree: &impl NodeReader) -> Result<Result<(), EvmFault>, crate::Error> {
        let mut leaves = Vec::new();
        for index in self.batch.first..self.size {
            leaves.push(batch_leaf(index, tree.node(0, index)?));
        }
        let is_over = batch_root(leaves) == Some(self.batch.root.0);
        Ok(if is_over { Ok(()) } else { Err(EvmFault::Batch("the log's leaves")) })
    }

    /// Checks that an entry is the newest one of the batch.
    pub fn is_newest(&self, index: EntryIndex, entry: &[u8]) -> bool {
        TreeSize(index.0.saturating_add(1)) == TreeSize(self.size) && leaf_hash(entry).0 == self.batch.leaf.0
    }

    /// What asks a node whether the chain says so.
    pub fn question(&self) -> Question<'_> {
        Question(self)
    }
}

#[cfg(test)]
mod tests;
