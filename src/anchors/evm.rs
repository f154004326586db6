//! An EVM chain, by way of `lww-evm`: the program beside this one that holds the account's key and asks a node.
//!
//! This room knows how `lww-evm` is asked and what a receipt must say; it knows no chain. A receipt is checked by the auditor's own
//! code before it is taken. Source: `docs/evm.md`.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use lww_audit::Checkpoint;
use lww_audit::anchor::Form;
use lww_audit::evm::EvmReceipt;
use tokio::time::{Instant, sleep};

use crate::limits::EVM_ANCHOR_REASON_CHARS_MAX;
use crate::ports::{Anchor, Post, Posted, Unanchored};

const CHECKPOINT: &str = "text/plain; charset=utf-8";

/// A chain, by the program that writes to it.
pub struct EvmChain {
    /// Where `lww-evm` is asked, for people.
    pub url: String,
    /// The way there.
    pub post: Arc<dyn Post>,
    /// Pause between two questions.
    pub pause: Duration,
    /// Longest that a receipt is waited for: then the newest checkpoint is asked about.
    pub wait: Duration,
}

#[async_trait]
impl Anchor for EvmChain {
    fn form(&self) -> Form {
        Form::Evm
    }

    fn place(&self) -> String {
        self.url.clone()
    }

    async fn confirm(&self, checkpoint: &Checkpoint) -> Result<Vec<u8>, Unanchored> {
        let until = Instant::now() + self.wait;
        loop {
            if let Some(receipt) = self.ask(checkpoint).await? {
                return Ok(receipt);
            }
            if Instant::now() >= until {
                let reason = "it is on its way, and no block deep enough holds it yet".to_owned();
                return Err(Unanchored::Unreachable { reason });
            }
            sleep(self.pause).await;
        }
    }
}

impl EvmChain {
    /// Asks once; `None` while the transaction is on its way.
    async fn ask(&self, checkpoint: &Checkpoint) -> Result<Option<Vec<u8>>, Unanchored> {
        let asked = self.post.post(CHECKPOINT, checkpoint.to_string().into_bytes()).await;
        let Posted { status, body } =
            asked.map_err(|unanswered| Unanchored::Unreachable { reason: unanswered.reason().to_owned() })?;
        match status {
            200 => taken(&body, checkpoint).map(Some).map_err(|reason| Unanchored::Refused { reason }),
            202 => Ok(None),
            500..=599 => Err(Unanchored::Unreachable { reason: said(&body) }),
            _ => Err(Unanchored::Refused { reason: said(&body) }),
        }
    }
}

fn taken(body: &[u8], checkpoint: &Checkpoint) -> Result<Vec<u8>, String> {
    let told = |error: lww_audit::evm::EvmFault| format!("its receipt: {error}");
    let receipt = EvmReceipt::parse(body).map_err(told)?;
    receipt.check(checkpoint).map_err(told)?;
    receipt.to_bytes().map_err(told)
}

/// The line that it says to people, shortened: it stands on the same machine, and its words hold no secrets.
fn said(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body);
    let line = text.lines().next().unwrap_or_default();
    let line: String = line.chars().filter(|one| !one.is_control()).take(EVM_ANCHOR_REASON_CHARS_MAX).collect();
    if line.is_empty() { "it says nothing".to_owned() } else { line }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use lww_audit::evm::{Address, Batch, Block, OnChain, Word, batch_leaf};
    use lww_audit::{Hash, TreeSize};

    use super::*;
    use crate::ports::Unanswered;

    const WAIT: Duration = Duration::from_millis(50);

    /// Gives its answers one after the other.
    struct Answers(Mutex<Vec<(u16, Vec<u8>)>>);

    #[async_trait]
    impl Post for Answers {
        async fn post(&self, _: &'static str, body: Vec<u8>) -> Result<Posted, Unanswered> {
            assert_eq!(body, checkpoint().to_string().into_bytes());
            let (status, body) = self.0.lock().unwrap().pop().ok_or(Unanswered::Unreachable)?;
            Ok(Posted { status, body })
        }
    }

    fn checkpoint() -> Checkpoint {
        Checkpoint { origin: "lww.example/acme/1".parse().unwrap(), size: TreeSize(7), root: Hash([1; 32]) }
    }

    fn receipt(of: &Checkpoint) -> Vec<u8> {
        let leaf = Hash([2; 32]);
        let root = Word(batch_leaf(of.size.0 - 1, leaf));
        let batch = Batch { first: of.size.0 - 1, root, leaf: Word(leaf.0), proof: Vec::new() };
        let block = Block { number: 9, hash: Word([3; 32]), time: 1_790_000_000 };
        let (contract, transaction) = (Address([4; 20]), Word([5; 32]));
        let place = OnChain { chain_id: 31_337, contract, transaction, block, confirmations: 12 };
        EvmReceipt::new(of, batch, place).to_bytes().unwrap()
    }

    async fn confirm(answers: &[(u16, &[u8])]) -> Result<Vec<u8>, Unanchored> {
        let answers = answers.iter().rev().map(|(status, body)| (*status, body.to_vec())).collect();
        let post = Arc::new(Answers(Mutex::new(answers)));
        let (url, pause, wait) = ("http://127.0.0.1:7180/confirm".to_owned(), Duration::ZERO, WAIT);
        EvmChain { url, post, pause, wait }.confirm(&checkpoint()).await
    }

    #[tokio::test]
    async fn a_receipt_is_waited_for_and_taken_when_it_holds() {
        let receipt = receipt(&checkpoint());
        assert_eq!(confirm(&[(202, b"on its way\n"), (202, b""), (200, &receipt)]).await, Ok(receipt));
    }

    #[tokio::test]
    async fn what_is_over_another_checkpoint_or_no_receipt_is_refused() {
        let other = receipt(&Checkpoint { size: TreeSize(8), ..checkpoint() });
        for body in [other.as_slice(), b"{}", b""] {
            assert!(matches!(confirm(&[(200, body)]).await, Err(Unanchored::Refused { .. })));
        }
        let reason = "the contract keeps size 9".to_owned();
        assert_eq!(confirm(&[(409, b"the contract keeps size 9\nmore")]).await, Err(Unanchored::Refused { reason }));
    }

    #[tokio::test]
    async fn whoever_does_not_answer_or_is_too_slow_is_asked_again_later() {
        let reason = "the node can't be reached".to_owned();
        let unreachable = Err(Unanchored::Unreachable { reason });
        assert_eq!(confirm(&[(503, b"the node can't be reached\n")]).await, unreachable);
        assert!(matches!(confirm(&[]).await, Err(Unanchored::Unreachable { .. })));
        let slow = vec![(202, b"".as_slice()); 1_000_000];
        let reason = "it is on its way, and no block deep enough holds it yet".to_owned();
        assert_eq!(confirm(&slow).await, Err(Unanchored::Unreachable { reason }));
    }
}
