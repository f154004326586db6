//! Writes one tenant's log in three overlapping stages: prepare | commit | sign and acknowledge.
//!
//! - `state`: the speculative head and the overlay of what batches in flight have changed. Links entries, checks versions.
//! - `rows`: the columns that a batch inserts and updates.
//! - `load`: reads what the overlay does not know yet.
//! - `commit`: the one transaction, and what its failure means.
//! - `desk`: what it writes about notes and canned replies.
//! - `people`: what it writes about staff accounts.
//! - `writer`: the loop that owns all of it.
//! - `sign`: guard, signature, receipts.
//! - `happened`: what followers are told.
//!
//! This module is the handle that callers hold. It deliberately knows neither what a message says nor who may write it.

/// The parameters of one statement: each column a list.
macro_rules! columns {
    ($sql:expr, $rows:expr, $($column:expr),+ $(,)?) => {
        Columns { sql: $sql, rows: $rows.len(), parameters: vec![$(Box::new($column.collect::<Vec<_>>())),+] }
    };
}

mod amendment;
mod commit;
mod desk;
mod erasure;
mod files;
mod happened;
mod history;
mod load;
mod patience;
mod people;
mod report;
mod routes;
mod rows;
mod sign;
mod state;
mod unmasking;
mod writer;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::{mpsc, oneshot, watch};

use crate::domain::message::Committed;
use crate::domain::record::{Outcome, PROPOSAL_ENTRIES_MAX, Proposal};
use crate::limits::{RECORD_WAIT_MS_MAX, RECORDER_QUEUE_PROPOSALS_MAX};
use crate::ports::{RecordError, Recorder, SignedHead};
pub(super) use erasure::SUBJECT_TIP;
pub use writer::{Ended, Writer, WriterParts};

/// A proposal on its way, with the place where its answer goes.
pub(crate) struct Request {
    proposal: Proposal,
    answer: oneshot::Sender<Result<Outcome, RecordError>>,
}

/// The handle of one log's writer; cheap to clone.
#[derive(Clone)]
pub struct LogRecorder {
    queue: mpsc::Sender<Request>,
    head: watch::Receiver<Option<SignedHead>>,
}

/// The writer's ends of the handle.
pub(crate) struct RecorderEnds {
    queue: mpsc::Receiver<Request>,
    head: watch::Sender<Option<SignedHead>>,
}

impl LogRecorder {
    /// Makes a handle and the ends that a [`Writer`] serves.
    pub(crate) fn new() -> (Self, RecorderEnds) {
        let (queue, waiting) = mpsc::channel(RECORDER_QUEUE_PROPOSALS_MAX);
        let (publish, head) = watch::channel(None);
        (Self { queue, head }, RecorderEnds { queue: waiting, head: publish })
    }

    /// How many more proposals may wait.
    pub fn room(&self) -> usize {
        self.queue.capacity()
    }

    /// Follows the newest signed head.
    pub fn heads(&self) -> watch::Receiver<Option<SignedHead>> {
        self.head.clone()
    }
}

#[async_trait]
impl Recorder for LogRecorder {
    async fn record(&self, proposal: Proposal) -> Result<Outcome, RecordError> {
        let count = proposal.steps.len();
        if count == 0 || count > PROPOSAL_ENTRIES_MAX || proposal.primary >= count {
            return Err(RecordError::Rejected { sqlstate: "22023".to_owned() });
        }
        let (answer, waiting) = oneshot::channel();
        self.queue.try_send(Request { proposal, answer }).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => RecordError::Overloaded,
            // Whether the log is stopped for good is for its keeper to say.
            mpsc::error::TrySendError::Closed(_) => RecordError::Unavailable,
        })?;
        match tokio::time::timeout(Duration::from_millis(RECORD_WAIT_MS_MAX), waiting).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(_)) | Err(_) => Err(RecordError::Unknown),
        }
    }

    fn head(&self) -> Option<SignedHead> {
        self.head.borrow().clone()
    }

    fn heads(&self) -> Option<watch::Receiver<Option<SignedHead>>> {
        Some(self.head.clone())
    }
}

/// Vouches for a commit that was seen to succeed. The only place that does so for writes.
pub(crate) fn after_commit() -> Committed {
    Committed::witnessed()
}

/// Entry bytes that are shared between the commit and the receipts.
pub(crate) type EntryBytes = Arc<[u8]>;
