//! What receipts of EVM chains add to a bracket: at which block a checkpoint is said to be on a chain, and how to ask a node.
//!
//! No network is asked here: that the receipt is over the checkpoint and its batch over the log's leaves was verified, that the
//! chain holds it is the chain's word.

use crate::output::Facts;
use lww_audit::Timestamp;
use lww_audit::bracket::Anchored;
use lww_audit::evm::EvmReceipt;
use serde_json::{Value, json};

/// Adds the newest receipt of each anchor, or the earliest that covers the entry that was asked for.
pub fn add(facts: &mut Facts, receipts: &[(Anchored, Box<EvmReceipt>)], entry: Option<u64>, is_json: bool) {
    let covers =
        |(by, _): &&(Anchored, Box<EvmReceipt>)| entry.is_none_or(|index| by.receipt.checkpoint.size.0 > index);
    let mut shown: Vec<&(Anchored, Box<EvmReceipt>)> = Vec::new();
    let in_order: Vec<_> = receipts.iter().filter(covers).collect();
    let from_best: Box<dyn Iterator<Item = _>> =
        if entry.is_some() { Box::new(in_order.iter()) } else { Box::new(in_order.iter().rev()) };
    for one in from_best {
        if shown.iter().all(|known| known.0.receipt.anchor != one.0.receipt.anchor) {
            shown.push(one);
        }
    }
    if shown.is_empty() {
        return;
    }
    facts.add("on_chain", shown.iter().map(|(by, receipt)| told(by, receipt, is_json)).collect::<Vec<_>>());
    if !is_json {
        let questions = shown.iter().map(|(_, receipt)| json!(receipt.question().to_string()));
        facts.add("not_asked", questions.collect::<Vec<_>>());
    }
}

fn told(by: &Anchored, receipt: &EvmReceipt, is_json: bool) -> Value {
    let (size, block, chain_id) = (receipt.size, receipt.block, receipt.chain_id);
    let at = i64::try_from(block.time).ok().and_then(|time| time.checked_mul(1_000_000)).map(Timestamp::from_micros);
    let at = at.map_or_else(|| "beyond any calendar".to_owned(), |at| at.to_string());
    if is_json {
        return json!({
            "anchor": by.receipt.anchor, "form": by.receipt.form.word(), "size": size, "receipt": by.entry.0,
            "recorded": by.recorded.to_string(), "chain": chain_id, "contract": receipt.contract, "block": block.number,
            "block_hash": block.hash, "stated": at, "transaction": receipt.transaction, "batch_first": receipt.batch.first,
            "batch_root": receipt.batch.root, "eth_call": receipt.question().data(),
        });
    }
    json!(format!(
        "block {} of chain {chain_id} at {at} by {}, which covers the first {size} entries; receipt in entry {}",
        block.number, by.receipt.anchor, by.entry
    ))
}
