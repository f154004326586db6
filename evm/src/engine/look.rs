//! Looks after what is on its way: in a block or not, deep enough, stuck, vanished.

use std::sync::Arc;

use lww_audit::Checkpoint;
use lww_audit::evm::{Block, EvmReceipt, OnChain, Word};

use super::{Engine, Trouble, fees, is_of};
use crate::abi;
use crate::chain::{Chain, Fees};
use crate::rpc::{NodeBlock, NodeReceipt};
use crate::state::Flight;

/// Where a flight stands.
enum Standing {
    /// A block of the chain holds it.
    Mined(Box<NodeReceipt>, NodeBlock),
    /// No block does.
    Nowhere,
}

impl Engine {
    pub(super) async fn look(&mut self, now_s: u64) -> Result<(), Trouble> {
        if self.flights.is_empty() {
            return Ok(());
        }
        let node = Arc::clone(&self.node);
        let chain = Chain(&*node);
        let newest = chain.newest_block().await?;
        let taken = chain.nonce(self.key.address(), false).await?;
        let before = self.flights.clone();
        // From behind, so that one that is done can be taken out.
        for at in (0..self.flights.len()).rev() {
            let Some(flight) = self.flights.get(at).cloned() else { continue };
            match standing(chain, &flight).await? {
                Standing::Mined(receipt, block) => self.mined(at, &receipt, &block, newest.number.u64())?,
                Standing::Nowhere => self.nowhere(at, taken, &newest, now_s).await?,
            }
        }
        if self.flights != before {
            self.state.keep(&self.flights)?;
        }
        Ok(())
    }

    fn mined(&mut self, at: usize, receipt: &NodeReceipt, block: &NodeBlock, newest: u64) -> Result<(), Trouble> {
        let Some(flight) = self.flights.get_mut(at) else { return Ok(()) };
        flight.mined = Some(block.hash);
        let Some(checkpoint) = flight.checkpoint() else { return Ok(()) };
        let confirmations = (newest + 1).saturating_sub(block.number.u64());
        if confirmations < self.rules.confirmations {
            return Ok(());
        }
        let flight = self.flights.remove(at);
        if !self.did_anchor(&flight, &checkpoint, receipt) {
            // Somebody else's transaction came between: the next turn asks the contract why.
            let why = "a block took the transaction, and the contract refused it: it is tried anew".to_owned();
            self.wanted.tell_trouble(checkpoint.origin.as_str(), Some(why));
            return Ok(());
        }
        let place = OnChain {
            chain_id: self.chain_id,
            contract: self.contract,
            transaction: receipt.transaction_hash,
            block: Block { number: block.number.u64(), hash: block.hash, time: block.timestamp.u64() },
            confirmations,
        };
        let made = EvmReceipt::new(&checkpoint, flight.batch, place);
        let bytes = made.to_bytes().map_err(std::io::Error::other)?;
        self.state.keep_receipt(checkpoint.origin.as_str(), &bytes)?;
        self.wanted.tell_done(&checkpoint, bytes);
        Ok(())
    }

    fn did_anchor(&self, flight: &Flight, checkpoint: &Checkpoint, receipt: &NodeReceipt) -> bool {
        let topics = abi::topics(checkpoint.origin.as_str(), checkpoint.size.0);
        let (root, first, batch) = (Word(checkpoint.root.0), flight.batch.first, flight.batch.root);
        let expected = Some(abi::Anchored { root, first, batch });
        receipt.status.0 == 1
            && receipt
                .logs
                .iter()
                .any(|log| log.is(self.contract, &topics) && abi::read_anchored(&log.data.0) == expected)
    }

    async fn nowhere(&mut self, at: usize, taken: u64, newest: &NodeBlock, now_s: u64) -> Result<(), Trouble> {
        let Some(flight) = self.flights.get_mut(at) else { return Ok(()) };
        let vanished = flight.mined.take().is_some();
        let is_own = flight.sent.last().is_some_and(|sent| !sent.raw.is_empty());
        // Another transaction has the number, or what was found on the chain is not there any more: begun anew.
        if !is_own || flight.nonce < taken {
            let flight = self.flights.remove(at);
            if let Some(checkpoint) = flight.checkpoint() {
                self.wanted.resume(&checkpoint);
            }
            return Ok(());
        }
        let is_stuck = flight.sent_at.is_some_and(|sent_at| now_s.saturating_sub(sent_at) >= self.rules.stuck_s);
        if flight.sent_at.is_none() || vanished {
            flight.sent_at = Some(now_s);
            self.send_newest(at).await;
        } else if is_stuck {
            self.replace(at, newest, now_s).await?;
        }
        Ok(())
    }

    /// Signs the same call once more under the same number, with a higher fee.
    async fn replace(&mut self, at: usize, newest: &NodeBlock, now_s: u64) -> Result<(), Trouble> {
        let Some(mut flight) = self.flights.get(at).cloned() else { return Ok(()) };
        let (Some(checkpoint), Some(last)) = (flight.checkpoint(), flight.sent.last()) else { return Ok(()) };
        let fees = match fees::higher(Fees { tip: last.tip, fee: last.fee }, newest, &self.rules) {
            Ok(fees) => fees,
            Err(error) => {
                self.wanted.tell_trouble(checkpoint.origin.as_str(), Some(error.to_string()));
                // The node may have forgotten it: what was offered is offered again.
                if let Some(flight) = self.flights.get_mut(at) {
                    flight.sent_at = Some(now_s);
                }
                self.send_newest(at).await;
                return Ok(());
            }
        };
        let origin = checkpoint.origin.as_str();
        let data = abi::anchor(origin, checkpoint.size.0, Word(checkpoint.root.0), &flight.batch);
        self.sign(&mut flight, fees, data);
        flight.sent_at = Some(now_s);
        debug_assert!(is_of(&flight, origin));
        if let Some(place) = self.flights.get_mut(at) {
            *place = flight;
        }
        // Durable before it is sent: a restart must know each hash that a block may hold.
        self.state.keep(&self.flights)?;
        self.send_newest(at).await;
        Ok(())
    }
}

/// Looks for each transaction of a flight, and believes a receipt only when its block is one of the chain.
async fn standing(chain: Chain<'_>, flight: &Flight) -> Result<Standing, Trouble> {
    for sent in flight.sent.iter().rev() {
        let Some(receipt) = chain.receipt(sent.hash).await? else { continue };
        let block = chain.block(receipt.block_number.u64()).await?;
        if let Some(block) = block.filter(|block| block.hash == receipt.block_hash)
            && receipt.transaction_hash == sent.hash
        {
            return Ok(Standing::Mined(Box::new(receipt), block));
        }
    }
    Ok(Standing::Nowhere)
}
