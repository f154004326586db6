//! Calls that ask the contract what it keeps: for whoever has a node, and wants no program of ours to believe it.

use super::{EvmReceipt, keccak256};
use std::fmt;

/// What the contract calls a log: the Keccak-256 of its origin.
pub fn origin_id(origin: &str) -> [u8; 32] {
    keccak256(&[origin.as_bytes()])
}

/// Prints the calls that ask a node whether the chain says what a receipt says, with `curl` and with `cast`.
#[derive(Clone, Copy)]
pub struct Question<'a>(pub(super) &'a EvmReceipt);

impl Question<'_> {
    /// Data of `batchRoot(string,uint64)` for the receipt's log and size: the answer is the batch root, and so says that this size
    /// was anchored with it.
    pub fn data(&self) -> String {
        let text = self.0.log().as_bytes();
        let word = |number: u64| [[0; 24].as_slice(), &number.to_be_bytes()].concat();
        let selector = keccak256(&[b"batchRoot(string,uint64)"]);
        let mut data = selector.get(..4).unwrap_or_default().to_vec();
        data.extend([word(64), word(self.0.size), word(text.len() as u64), text.to_vec()].concat());
        data.resize(4 + (data.len() - 4).next_multiple_of(32), 0);
        "0x".chars()
            .chain(data.iter().flat_map(|byte| [byte >> 4, byte & 15]).filter_map(|n| char::from_digit(n.into(), 16)))
            .collect()
    }
}

impl fmt::Display for Question<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let EvmReceipt { chain_id, contract, transaction, batch, .. } = self.0;
        let data = self.data();
        writeln!(f, "ask a node of chain {chain_id} that you trust, at $RPC; the answer must be {}:", batch.root)?;
        writeln!(
            f,
            "  curl -s -H 'Content-Type: application/json' $RPC -d '{{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"eth_call\",\
             \"params\":[{{\"to\":\"{contract}\",\"data\":\"{data}\"}},\"latest\"]}}'"
        )?;
        let (log, size) = (self.0.log(), self.0.size);
        writeln!(f, "  cast call --rpc-url $RPC {contract} 'batchRoot(string,uint64)(bytes32)' {log} {size}")?;
        write!(f, "  cast receipt --rpc-url $RPC {transaction} blockHash   # {}", self.0.block.hash)
    }
}
