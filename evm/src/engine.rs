//! Brings checkpoints onto the chain: one turn after another, each of which looks, mends and sends.
//!
//! What is on its way is durable before it is sent. A transaction that is not taken is replaced by one with a higher fee and the
//! same number; one whose block vanishes is sent again; a receipt is given when enough blocks build on it. Nothing that fails is
//! forgotten: the reason stands where whoever asks sees it, and the next turn tries again.

mod fees;
mod look;
mod wanted;

use std::sync::Arc;

use lww_audit::Checkpoint;
use lww_audit::evm::Address;

use crate::abi;
use crate::artifact::LedgerAnchor;
use crate::chain::{Called, Chain, Fees};
use crate::key::AccountKey;
use crate::ledger::{Ledger, LedgerError};
use crate::rpc::{Node, RpcError, hex};
use crate::state::{Flight, Sent, State};
use crate::transaction::Transaction;

pub use fees::{FeeError, first as first_fees};
pub use wanted::{Told, Wanted};

/// How much may be spent, and when a transaction is settled or stuck.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rules {
    /// Blocks that must build on a transaction's, its own counted.
    pub confirmations: u64,
    /// Most gas of one transaction.
    pub gas_max: u64,
    /// Most wei a gas.
    pub fee_max: u128,
    /// Wei a gas for whoever makes the block, at first.
    pub tip: u128,
    /// Seconds after which a transaction that no block took is replaced.
    pub stuck_s: u64,
}

/// Why a turn did not do all that there is to do. The next one tries again.
#[derive(Debug, thiserror::Error)]
pub enum Trouble {
    /// The node.
    #[error("{0}")]
    Node(#[from] RpcError),
    /// Another chain answers.
    #[error("rpc answers for chain {got}, chain_id says {expected}: nothing was signed")]
    OtherChain {
        /// The configuration's.
        expected: u64,
        /// The node's.
        got: u64,
    },
    /// Something else lies where the contract should.
    #[error("there is no LedgerAnchor of this version at the address in contract")]
    NoContract,
    /// It costs too much at present.
    #[error("{0}")]
    Fees(#[from] FeeError),
    /// A transaction would take too much gas.
    #[error("it would take {gas} gas, gas_max is {max}")]
    Gas {
        /// What it would take, with a reserve.
        gas: u64,
        /// The configuration's bound.
        max: u64,
    },
    /// The published log can't be read.
    #[error("{0}")]
    Ledger(#[from] LedgerError),
    /// What is on its way can't be kept, so nothing is sent.
    #[error("the state can't be written, so nothing is sent: {0}")]
    State(#[from] std::io::Error),
}

/// What an engine is made from.
pub struct Engine {
    /// Who is asked.
    pub node: Arc<dyn Node>,
    /// Who signs.
    pub key: AccountKey,
    /// The chain's number.
    pub chain_id: u64,
    /// The contract.
    pub contract: Address,
    /// Bounds.
    pub rules: Rules,
    /// The logs.
    pub ledgers: Arc<[Ledger]>,
    /// What is wanted, and what came of it.
    pub wanted: Arc<Wanted>,
    /// What is on its way, in a file.
    pub state: State,
    /// The same.
    pub flights: Vec<Flight>,
    /// Whether the contract's code was seen.
    pub is_known: bool,
}

impl Engine {
    /// Looks after what is on its way, then sends what is wanted. `now_s` is a clock that only goes forward.
    ///
    /// # Errors
    /// [`Trouble`] that concerns everything; what concerns one log is told to whoever asks for it.
    pub async fn turn(&mut self, now_s: u64) -> Result<(), Trouble> {
        // Before anything is signed: a transaction for another chain could be sent there by anybody.
        self.check_chain().await?;
        self.look(now_s).await?;
        for checkpoint in self.wanted.waiting() {
            let log = checkpoint.origin.to_string();
            if self.flights.iter().any(|flight| is_of(flight, &log)) {
                continue;
            }
            match self.start(&checkpoint, now_s).await {
                Ok(None) => self.wanted.tell_trouble(&log, None),
                Ok(Some(refusal)) => self.wanted.tell_refused(&checkpoint, &refusal.to_string()),
                Err(trouble) => self.wanted.tell_trouble(&log, Some(trouble.to_string())),
            }
        }
        Ok(())
    }

    async fn check_chain(&mut self) -> Result<(), Trouble> {
        let (chain, expected) = (Chain(&*self.node), self.chain_id);
        let got = chain.id().await?;
        if got != expected {
            return Err(Trouble::OtherChain { expected, got });
        }
        if !self.is_known {
            let expected = LedgerAnchor::committed().map(|contract| contract.deployed);
            if Some(chain.code(self.contract).await?) != expected {
                return Err(Trouble::NoContract);
            }
            self.is_known = true;
        }
        Ok(())
    }

    /// Begins with a checkpoint, or says why the contract will not have it.
    async fn start(&mut self, checkpoint: &Checkpoint, now_s: u64) -> Result<Option<abi::Refusal>, Trouble> {
        let node = Arc::clone(&self.node);
        let chain = Chain(&*node);
        let (log, size, from) = (checkpoint.origin.as_str(), checkpoint.size.0, self.key.address());
        let newest = chain.newest(self.contract, log).await?;
        if newest.size > size {
            return Ok(Some(abi::Refusal::SmallerSize { newest: newest.size }));
        }
        if newest.size == size {
            if newest.root.0 != checkpoint.root.0 {
                return Ok(Some(abi::Refusal::OtherRoot));
            }
            return self.adopt(checkpoint, newest.block).await;
        }
        let batch = self.batch(checkpoint, newest.size).await?;
        let data = abi::anchor(log, size, lww_audit::evm::Word(checkpoint.root.0), &batch);
        let gas = match chain.gas(from, Some(self.contract), &data).await? {
            Called::Done(gas) => gas.saturating_add(gas / 4),
            Called::Refused(refusal) => return Ok(Some(refusal)),
        };
        if gas > self.rules.gas_max {
            return Err(Trouble::Gas { gas, max: self.rules.gas_max });
        }
        let fees = fees::first(&chain.newest_block().await?, &self.rules)?;
        let own = self.flights.iter().map(|flight| flight.nonce + 1).max().unwrap_or(0);
        let nonce = chain.nonce(from, true).await?.max(own);
        let checkpoint = checkpoint.to_string();
        let mut flight = Flight { checkpoint, batch, nonce, gas, sent: Vec::new(), mined: None, sent_at: Some(now_s) };
        self.sign(&mut flight, fees, data);
        self.flights.push(flight);
        self.state.keep(&self.flights)?;
        self.send_newest(self.flights.len() - 1).await;
        Ok(None)
    }

    fn sign(&self, flight: &mut Flight, fees: Fees, data: Vec<u8>) {
        let Fees { tip, fee } = fees;
        let (chain_id, to, nonce, gas) = (self.chain_id, Some(self.contract), flight.nonce, flight.gas);
        let raw = Transaction { chain_id, nonce, tip, fee, gas, to, data }.sign(&self.key);
        flight.sent.push(Sent { hash: raw.hash, raw: hex(&raw.bytes), tip, fee });
    }

    /// Sends a flight's newest transaction. What a node says to it changes nothing: a block that holds it is what counts.
    async fn send_newest(&mut self, at: usize) {
        let Some(flight) = self.flights.get_mut(at) else { return };
        let raw = flight.sent.last().and_then(|sent| crate::rpc::unhex(&sent.raw)).filter(|raw| !raw.is_empty());
        let Some(raw) = raw else { return };
        let log = flight.checkpoint.lines().next().unwrap_or_default().to_owned();
        match Chain(&*self.node).send(&raw).await {
            Ok(_) => self.wanted.tell_trouble(&log, None),
            // It has it already, or another of the same number: the next look shows which.
            Err(RpcError::Refused { message, .. }) if is_known_already(&message) => {}
            Err(error) => {
                // The next turn sends it again.
                flight.sent_at = None;
                self.wanted.tell_trouble(&log, Some(error.to_string()));
            }
        }
    }

    async fn batch(&self, checkpoint: &Checkpoint, first: u64) -> Result<lww_audit::evm::Batch, Trouble> {
        let ledger = self.ledgers.iter().find(|ledger| ledger.origin == checkpoint.origin).cloned();
        let ledger = ledger.ok_or(LedgerError::NotOfLog)?;
        let checkpoint = checkpoint.clone();
        let made = tokio::task::spawn_blocking(move || {
            ledger.check(&checkpoint)?;
            ledger.batch(first, checkpoint.size.0)?.batch().ok_or(LedgerError::NotOfLog)
        });
        Ok(made.await.map_err(|_| std::io::Error::other("the task that makes batches ended"))??)
    }

    /// Takes over what the contract keeps already: another run sent it, and its file is gone.
    async fn adopt(&mut self, checkpoint: &Checkpoint, block: u64) -> Result<Option<abi::Refusal>, Trouble> {
        let node = Arc::clone(&self.node);
        let topics = abi::topics(checkpoint.origin.as_str(), checkpoint.size.0);
        let told = Chain(&*node).told(self.contract, &topics, block).await?;
        let log = told.into_iter().find(|log| log.is(self.contract, &topics));
        let log = log.ok_or(RpcError::Malformed("eth_getLogs"))?;
        let anchored = abi::read_anchored(&log.data.0).ok_or(RpcError::Malformed("eth_getLogs"))?;
        let batch = self.batch(checkpoint, anchored.first).await?;
        if batch.root != anchored.batch || batch.first != anchored.first {
            return Ok(Some(abi::Refusal::OtherRoot));
        }
        let sent = vec![Sent { hash: log.transaction_hash, raw: String::new(), tip: 0, fee: 0 }];
        let checkpoint = checkpoint.to_string();
        self.flights.push(Flight { checkpoint, batch, nonce: 0, gas: 0, sent, mined: None, sent_at: None });
        self.state.keep(&self.flights)?;
        Ok(None)
    }
}

fn is_of(flight: &Flight, log: &str) -> bool {
    flight.checkpoint.lines().next() == Some(log)
}

fn is_known_already(message: &str) -> bool {
    let message = message.to_ascii_lowercase();
    ["already known", "already imported", "already in pool", "nonce too low", "underpriced"]
        .iter()
        .any(|known| message.contains(known))
}

#[cfg(test)]
mod tests;
