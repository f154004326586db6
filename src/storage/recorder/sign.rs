//! The last stage: guard, signature, receipts, answers.
//!
//! The order matters: the guard is on disk before the signature exists, or a crash in between could leave a signed head
//! that a restored database would not be measured against. Several commits may share one signature.

use std::sync::Arc;

use lww_audit::Checkpoint;
use lww_audit::merkle::{Frontier, Growth};
use tokio::sync::{mpsc, oneshot, watch};

use super::super::FatalError;
use super::super::guard::Guard;
use super::super::head::Head;
use super::after_commit;
use super::happened::Told;
use super::state::LinkedEntry;
use crate::domain::record::{Outcome, Receipt};
use crate::ports::{Activated, Clock, EntrySeen, Follower, RecordError, SignedHead, Signer};
use crate::units::{EntryIndex, Hash, Origin};

/// Most commits that share one signature.
const COMMITS_MAX: usize = 64;

/// What a request is to be told once its batch is signed.
pub(super) enum Answer {
    /// Recorded: its entries within the batch.
    Recorded { first: usize, count: usize },
    /// Recorded before.
    Duplicate { index: EntryIndex },
    /// Not recorded.
    Refused(RecordError),
}

/// Where an answer goes.
pub(super) type Waiter = (oneshot::Sender<Result<Outcome, RecordError>>, Answer);

/// A batch that is durable.
pub(super) struct Durable {
    pub(super) before: Head,
    pub(super) after: Head,
    pub(super) entries: Vec<LinkedEntry>,
    pub(super) waiters: Vec<Waiter>,
    pub(super) told: Vec<Told>,
}

/// Signs heads and answers waiters until the writer is gone.
pub(super) struct SignStage {
    pub(super) origin: Origin,
    /// `None` only while it is written aside.
    pub(super) guard: Option<Guard>,
    pub(super) signer: Arc<dyn Signer>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) durable: mpsc::Receiver<Durable>,
    pub(super) published: watch::Sender<Option<SignedHead>>,
    pub(super) follower: Arc<dyn Follower>,
}

impl SignStage {
    /// Runs until the writer ends.
    ///
    /// # Errors
    /// [`FatalError`] when the guard can't be written or the key can't sign; whoever waits learns that the outcome is
    /// unknown, because the entries are durable and not proven.
    pub(super) async fn run(mut self) -> Result<(), FatalError> {
        let mut batches = Vec::new();
        while self.durable.recv_many(&mut batches, COMMITS_MAX).await > 0 {
            let signed = self.sign(&batches).await;
            match signed {
                Ok(head) => answer(std::mem::take(&mut batches), &head, &*self.follower),
                Err(error) => {
                    refuse(batches.drain(..));
                    return Err(error);
                }
            }
        }
        Ok(())
    }

    /// Writes the guard aside: an fsync takes about a millisecond.
    async fn advance_guard(&mut self, frontier: &Frontier, batches: &[Durable]) -> Result<Activated, FatalError> {
        let later = activated_by(batches);
        let of = |entry: &LinkedEntry| (entry.index, Arc::clone(&entry.bytes));
        let entries: Vec<_> = batches.iter().flat_map(|batch| &batch.entries).map(of).collect();
        let mut guard = self.guard.take().ok_or(FatalError::Sign("the rollback guard is gone"))?;
        let frontier = frontier.clone();
        let write = move || {
            guard.keep(entries.iter().map(|(index, body)| (*index, &**body)));
            guard.advance(&frontier, &later).map(|()| guard)
        };
        let written = tokio::task::spawn_blocking(write).await;
        let guard = written.map_err(|_| FatalError::Sign("the rollback guard's task ended unexpectedly"))??;
        let activated = guard.activated().unwrap_or_default();
        self.guard = Some(guard);
        Ok(activated)
    }

    async fn sign(&mut self, batches: &[Durable]) -> Result<SignedHead, FatalError> {
        let Some(newest) = batches.last() else { return Err(FatalError::Sign("there is nothing to sign")) };
        let frontier = newest.after.frontier.clone();
        let known = self.published.borrow().clone();
        if let Some(head) = known.filter(|head| head.size == frontier.size()) {
            return Ok(head);
        }
        let activated = self.advance_guard(&frontier, batches).await?;
        let root = frontier.root();
        let body = Checkpoint { origin: self.origin.clone(), size: frontier.size(), root }.to_string();
        let text = self.signer.sign(&body).await.map_err(|error| FatalError::Sign(error.reason))?;
        let (size, signed_at) = (frontier.size(), self.clock.now());
        let head = SignedHead { size, root, checkpoint: text.into(), signed_at, activated };
        self.published.send_replace(Some(head.clone()));
        Ok(head)
    }
}

/// What the entries of some batches brought into force.
fn activated_by(batches: &[Durable]) -> Activated {
    let mut activated = Activated::default();
    for entry in batches.iter().flat_map(|batch| &batch.entries) {
        if let Some(what) = entry.activates {
            activated.note(what, EntrySeen { index: entry.index, leaf: entry.leaf });
        }
    }
    activated
}

fn answer(batches: Vec<Durable>, head: &SignedHead, follower: &dyn Follower) {
    let Some(first) = batches.first() else { return };
    let mut growth = Growth::start(first.before.frontier.clone());
    for leaf in batches.iter().flat_map(|batch| batch.entries.iter().map(|entry| entry.leaf)) {
        growth.push(leaf);
    }
    let committed = after_commit();
    for batch in batches {
        for (waiting, answer) in batch.waiters {
            let told = match answer {
                Answer::Recorded { first, count } => {
                    let mine = batch.entries.get(first..first + count).unwrap_or_default();
                    receipts(mine, &growth, head).map(|receipts| Outcome::Recorded(receipts, committed))
                }
                Answer::Duplicate { index } => Ok(Outcome::Duplicate { index }),
                Answer::Refused(error) => Err(error),
            };
            // A caller that went away does not undo what was recorded.
            let _gone = waiting.send(told);
        }
        follower.happened(batch.told.into_iter().filter_map(|told| told.happening(committed)).collect());
    }
}

fn receipts(entries: &[LinkedEntry], growth: &Growth, head: &SignedHead) -> Result<Vec<Receipt>, RecordError> {
    let receipt = |entry: &LinkedEntry| {
        let path: Vec<Hash> =
            growth.inclusion_path(entry.index).map_err(|error| RecordError::Entry(Arc::new(error)))?;
        Ok(Receipt {
            index: entry.index,
            leaf: entry.leaf,
            entry: Arc::clone(&entry.bytes),
            path,
            checkpoint: Arc::clone(&head.checkpoint),
        })
    };
    entries.iter().map(receipt).collect()
}

fn refuse(batches: impl Iterator<Item = Durable>) {
    for (waiting, answer) in batches.flat_map(|batch| batch.waiters) {
        let error = match answer {
            Answer::Recorded { .. } | Answer::Duplicate { .. } => RecordError::Unknown,
            Answer::Refused(error) => error,
        };
        let _gone = waiting.send(Err(error));
    }
}
