//! What a failed commit means for each of its requests, and how a log is taken again when an answer was lost.

use std::sync::Arc;

use super::super::Request;
use super::super::commit::{CommitError, Transaction};
use super::super::state::{Chained, Overlay};
use super::{ATTEMPTS_MAX, Ended, Prepared, RECONNECT_EVERY, Writer};
use crate::ports::RecordError;
use crate::storage::FatalError;
use crate::storage::database::Database;
use crate::storage::head::{self, Head, OpenError};

impl Writer {
    /// Decides what a failed commit means for each of its requests.
    pub(super) async fn recover(&mut self, prepared: Prepared, error: CommitError) -> Result<(), Ended> {
        self.forget();
        match error {
            CommitError::Fenced => Err(Ended::Fenced),
            CommitError::Refused { sqlstate: Some(code) } if code.starts_with("22") || code.starts_with("23") => {
                Err(Ended::Fatal(FatalError::Head("the database refused the log's own rows")))
            }
            CommitError::Unknown | CommitError::Refused { sqlstate: None } => {
                let committed = self.take_again(prepared.transaction.as_ref()).await?;
                if committed {
                    self.deliver(prepared).await
                } else {
                    self.again(prepared);
                    Ok(())
                }
            }
            CommitError::Stale | CommitError::Retry => {
                self.again(prepared);
                Ok(())
            }
            CommitError::Refused { sqlstate: Some(sqlstate) } => {
                tracing::warn!(event = "commit_refused", sqlstate, "PostgreSQL takes no entries at present");
                tell_all(prepared, &RecordError::Unavailable);
                Ok(())
            }
            CommitError::Effect { sqlstate } => self.bisect(prepared, sqlstate).await,
        }
    }

    /// Prepares the same requests again, a bounded number of times.
    fn again(&mut self, prepared: Prepared) {
        self.attempts += 1;
        if self.attempts > ATTEMPTS_MAX {
            self.attempts = 0;
            tell_all(prepared, &RecordError::Unavailable);
        } else {
            self.put_back(prepared, 0);
        }
    }

    /// Some request's effect was refused: halves are committed one after the other until it stands alone.
    async fn bisect(&mut self, prepared: Prepared, sqlstate: String) -> Result<(), Ended> {
        let mut halves = vec![requests_of(prepared)];
        let mut known = Some(sqlstate);
        while let Some(mut requests) = halves.pop() {
            if let Some(sqlstate) = known.take() {
                if requests.len() <= 1 {
                    for request in requests {
                        let _gone = request.answer.send(Err(RecordError::Rejected { sqlstate: sqlstate.clone() }));
                    }
                    continue;
                }
                let second = requests.split_off(requests.len() / 2);
                halves.push(second);
            }
            let Some(prepared) = self.prepare(requests).await else {
                self.backlog.extend(halves.into_iter().flatten());
                return Ok(());
            };
            let Ok((prepared, done)) = self.start_commit(prepared).task.await else {
                return Err(Ended::Fatal(FatalError::Head("the commit task ended unexpectedly")));
            };
            match done {
                Ok(()) => self.deliver(prepared).await?,
                Err(CommitError::Effect { sqlstate }) => {
                    self.forget();
                    known = Some(sqlstate);
                    halves.push(requests_of(prepared));
                }
                Err(
                    error @ (CommitError::Fenced
                    | CommitError::Stale
                    | CommitError::Retry
                    | CommitError::Refused { .. }
                    | CommitError::Unknown),
                ) => {
                    self.backlog.extend(halves.into_iter().rev().flatten());
                    return Box::pin(self.recover(prepared, error)).await;
                }
            }
        }
        Ok(())
    }

    /// Throws away everything speculative.
    pub(super) fn forget(&mut self) {
        self.chained = Chained { head: self.durable.clone(), stepped_back: self.chained.stepped_back };
        self.overlay = Overlay::default();
    }

    /// Puts a batch's requests back into the backlog, behind its first `after` ones.
    pub(super) fn put_back(&mut self, prepared: Prepared, after: usize) {
        self.forget();
        let later = self.backlog.split_off(after.min(self.backlog.len()));
        self.backlog.extend(requests_of(prepared));
        self.backlog.extend(later);
    }

    /// Reaches PostgreSQL again and takes the log anew, which settles a commit in doubt: `true` when it had happened.
    pub(super) async fn take_again(&mut self, in_doubt: Option<&Transaction>) -> Result<bool, Ended> {
        loop {
            match self.reopen().await {
                Ok(Some((write, read, found))) => {
                    self.write = Arc::new(write);
                    self.read = read;
                    return self.judge(in_doubt, found);
                }
                Ok(None) => return Err(Ended::Fenced),
                Err(OpenError::Fatal(fatal)) => return Err(Ended::Fatal(fatal)),
                Err(OpenError::Database(_)) => tokio::time::sleep(RECONNECT_EVERY).await,
            }
        }
    }

    async fn reopen(&self) -> Result<Option<(Database, Database, Head)>, OpenError> {
        let log = &self.parts.context.log;
        let write = Database::connect(&self.parts.config, Some(log.tenant)).await?;
        let read = Database::connect(&self.parts.config, Some(log.tenant)).await?;
        let taken = head::take(&write, log, self.parts.node).await?;
        Ok(taken.map(|head| (write, read, head)))
    }

    fn judge(&mut self, in_doubt: Option<&Transaction>, found: Head) -> Result<bool, Ended> {
        let same = |head: &Head| head.size() == found.size() && head.frontier.root() == found.frontier.root();
        if found.epoch != self.durable.epoch + 1 {
            // Somebody else wrote in between and this node took it back: only a fresh start can tell what is true.
            return Err(Ended::Fenced);
        }
        let committed = in_doubt.is_some_and(|transaction| same(&transaction.after));
        if !committed && !same(&self.durable) {
            let (size, expected, got) = (found.size(), self.durable.frontier.root(), found.frontier.root());
            return Err(Ended::Fatal(FatalError::Forked { size, expected, got }));
        }
        self.durable = found;
        self.forget();
        Ok(committed)
    }
}

fn requests_of(prepared: Prepared) -> Vec<Request> {
    let answers = prepared.waiters.into_iter().map(|(answer, _)| answer);
    prepared.requests.into_iter().zip(answers).map(|(proposal, answer)| Request { proposal, answer }).collect()
}

fn tell_all(prepared: Prepared, error: &RecordError) {
    for (answer, _) in prepared.waiters {
        let _gone = answer.send(Err(error.clone()));
    }
}
