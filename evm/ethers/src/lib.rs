//! What `merkle-tree-rs` uses of `ethers` 1.x, by the same names, so that it does not bring 390 crates along for a hash.
//!
//! The workspace's `[patch.crates-io]` puts this in ethers' place (ADR 0066). It is no wallet, no client and no whole ABI:
//! a batch tree hashes words and texts. Sources: the Solidity ABI specification, Keccak as Ethereum has it.

pub mod abi;
pub mod types;
pub mod utils;
