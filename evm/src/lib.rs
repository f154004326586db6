//! Anchors checkpoints of ledgers on an EVM chain: batches, transactions, and the node that is asked.
//!
//! A program of its own, `lww-evm`, beside the server: neither the server nor the auditor's verifier links a line of it. It holds
//! one account's key and reads published logs; it knows nothing of messages, tenants or the database. What it gives is a receipt
//! that `lww-verify` checks. Sources: Ethereum's JSON-RPC; EIP-155, EIP-1559, EIP-2718; `docs/adr/0066`.

pub mod abi;
pub mod artifact;
pub mod batch;
pub mod chain;
pub mod config;
pub mod engine;
pub mod http;
pub mod key;
pub mod ledger;
pub mod rpc;
pub mod serve;
pub mod state;
pub mod transaction;
