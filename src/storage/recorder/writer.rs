//! The loop that owns a log: gathers requests, prepares a batch while the one before commits, and decides what a failed
//! commit means.
//!
//! While a commit is under way the next batch is already linked to it. When the commit fails, everything speculative is
//! thrown away, the head is read again and the requests of both batches are prepared anew: no request is lost by another's
//! failure.

mod prepare;
mod recovery;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, mpsc};
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tokio_postgres::Config;
use uuid::Uuid;

use super::super::FatalError;
use super::super::database::Database;
use super::super::guard::Guard;
use super::super::head::{self, Head, LogName, OpenError};
use super::commit::{CommitError, Transaction, commit};
use super::happened::told;
use super::patience::Patience;
use super::rows::{Rows, signed};
use super::sign::{Durable, SignStage, Waiter};
use super::state::{Chained, LinkContext, Overlay};
use super::{RecorderEnds, Request};
use crate::domain::record::Proposal;
use crate::limits::BATCH_ENTRIES_MAX;
use crate::ports::{Clock, Follower, Signer};
use crate::storage::PARTITION_ENTRIES;
use crate::telemetry::{Occurrence, emit};
use crate::units::ChannelAccount;

/// Things that the overlay holds before it is cleared between two batches.
const OVERLAY_ITEMS_MAX: usize = 200_000;
/// How often the lease is renewed while nothing is written.
const RENEW_EVERY: Duration = Duration::from_secs(1);
/// Pause between attempts to reach PostgreSQL again.
const RECONNECT_EVERY: Duration = Duration::from_millis(200);
/// Commits that may wait for a signature.
const SIGN_QUEUE_COMMITS: usize = 8;
/// How often one batch is prepared anew after a stale read or a serialisation failure before its callers are told to retry.
const ATTEMPTS_MAX: u32 = 5;

/// Why a writer ended.
#[derive(Debug)]
pub enum Ended {
    /// The handle is gone: everything taken in was answered, and the lease was given back.
    Drained,
    /// Another server has the log.
    Fenced,
    /// The log must stop.
    Fatal(FatalError),
}

/// What a writer is made of.
pub struct WriterParts {
    /// Where PostgreSQL is, as the server's role.
    pub config: Config,
    /// Which log.
    pub log: LogName,
    /// This server.
    pub node: Uuid,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// The log's key.
    pub signer: Arc<dyn Signer>,
    /// The rollback guard, checked against the head.
    pub guard: Guard,
    /// The head as taken.
    pub head: Head,
    /// Hears what is recorded.
    pub follower: Arc<dyn Follower>,
}

/// One log's writer.
pub struct Writer {
    parts: WriterShared,
    queue: mpsc::Receiver<Request>,
    backlog: VecDeque<Request>,
    chained: Chained,
    durable: Head,
    overlay: Overlay,
    write: Arc<Database>,
    read: Database,
    sign: mpsc::Sender<Durable>,
    signing: JoinHandle<Result<(), FatalError>>,
    channels: Vec<(ChannelAccount, i16)>,
    partition: Option<u64>,
    attempts: u32,
}

struct WriterShared {
    config: Config,
    node: Uuid,
    clock: Arc<dyn Clock>,
    context: Arc<LinkContext>,
}

/// A batch before its commit.
struct Prepared {
    requests: Vec<Proposal>,
    waiters: Vec<Waiter>,
    transaction: Option<Transaction>,
}

/// A commit under way.
struct InFlight {
    task: JoinHandle<(Prepared, Result<(), CommitError>)>,
    finished: Arc<Notify>,
}

impl Writer {
    /// Connects and gets ready to serve the ends of a handle.
    ///
    /// # Errors
    /// [`OpenError`] when PostgreSQL can't be reached or the log's name is unfit.
    pub(crate) async fn start(parts: WriterParts, ends: RecorderEnds) -> Result<Self, OpenError> {
        let WriterParts { config, log, node, clock, signer, guard, head, follower } = parts;
        let write = Database::connect(&config, Some(log.tenant)).await?;
        let read = Database::connect(&config, Some(log.tenant)).await?;
        let origin = log.origin()?;
        let (sign, waiting) = mpsc::channel(SIGN_QUEUE_COMMITS);
        let stage = SignStage {
            origin: origin.clone(),
            guard: Some(guard),
            signer,
            clock: Arc::clone(&clock),
            durable: waiting,
            published: ends.head,
            follower,
        };
        let signing = tokio::spawn(stage.run());
        Ok(Self {
            parts: WriterShared { config, node, clock, context: Arc::new(LinkContext { origin, log }) },
            queue: ends.queue,
            backlog: VecDeque::new(),
            chained: Chained { head: head.clone(), stepped_back: false },
            durable: head,
            overlay: Overlay::default(),
            write: Arc::new(write),
            read,
            sign,
            signing,
            channels: Vec::new(),
            partition: None,
            attempts: 0,
        })
    }

    /// Serves until the handle is gone, the log is lost or it must stop.
    pub async fn run(mut self) -> Ended {
        let ended = match self.serve().await {
            Ok(()) => Ended::Drained,
            Err(ended) => ended,
        };
        let Self { parts, sign, signing, queue, backlog, write, durable, .. } = self;
        drop((sign, queue, backlog));
        let signed = signing.await;
        match (ended, signed) {
            (Ended::Drained, Ok(Ok(()))) => {
                // When this fails the lease runs out by itself.
                let _lease = head::release(&write.client, parts.context.log.tenant, durable.epoch).await;
                Ended::Drained
            }
            (_, Ok(Err(fatal))) => Ended::Fatal(fatal),
            (Ended::Drained, Err(_)) => Ended::Fatal(FatalError::Sign("the signing task ended unexpectedly")),
            (ended @ (Ended::Fenced | Ended::Fatal(_)), Ok(Ok(())) | Err(_)) => ended,
        }
    }

    async fn serve(&mut self) -> Result<(), Ended> {
        self.publish_present_head().await?;
        let mut in_flight: Option<InFlight> = None;
        loop {
            let requests = self.gather(&mut in_flight).await?;
            if requests.is_empty() {
                if in_flight.is_none() && self.queue.is_closed() && self.queue.is_empty() && self.backlog.is_empty() {
                    return Ok(());
                }
                continue;
            }
            if self.overlay.len() > OVERLAY_ITEMS_MAX {
                // What a commit under way has changed must stay known until it is in the database.
                self.settle(&mut in_flight).await?;
                self.overlay = Overlay::default();
            }
            let prepared = self.prepare(requests).await;
            let waiting = self.backlog.len();
            let settled = self.settle(&mut in_flight).await?;
            match prepared {
                Some(prepared) if settled => in_flight = Some(self.start_commit(prepared)),
                Some(prepared) => {
                    // Behind the requests of the failed batch, before those that came later.
                    let failed = self.backlog.len().saturating_sub(waiting);
                    self.put_back(prepared, failed);
                }
                None => self.reconnect_reader().await,
            }
        }
    }

    /// Signs the head as it was taken, so that it can be served before anything new is recorded.
    async fn publish_present_head(&mut self) -> Result<(), Ended> {
        let present = self.durable.clone();
        let (entries, waiters, told) = (Vec::new(), Vec::new(), Vec::new());
        let durable = Durable { before: present.clone(), after: present, entries, waiters, told };
        self.send_to_sign(durable).await
    }

    /// Waits for requests. A commit under way is awaited at the same time: its end is when the next batch should leave.
    async fn gather(&mut self, in_flight: &mut Option<InFlight>) -> Result<Vec<Request>, Ended> {
        let mut requests: Vec<Request> = Vec::new();
        let mut entries = 0;
        let mut patience = Patience::default();
        while entries < BATCH_ENTRIES_MAX {
            if let Some(request) = self.backlog.pop_front() {
                entries += request.proposal.steps.len();
                requests.push(request);
                continue;
            }
            if let Ok(request) = self.queue.try_recv() {
                entries += request.proposal.steps.len();
                requests.push(request);
                continue;
            }
            match in_flight {
                Some(commit) => tokio::select! {
                    biased;
                    request = self.queue.recv(), if !self.queue.is_closed() => self.backlog.extend(request),
                    () = commit.finished.notified() => {
                        self.settle(in_flight).await?;
                    }
                },
                None if !requests.is_empty() => {
                    tokio::select! {
                        biased;
                        () = tokio::time::sleep_until(patience.until(Instant::now())) => break,
                        request = self.queue.recv(), if !self.queue.is_closed() => self.backlog.extend(request),
                    }
                }
                None => {
                    if !self.wait_for_work().await? {
                        break;
                    }
                }
            }
        }
        Ok(requests)
    }

    /// Nothing to do: waits for a request, renewing the lease meanwhile. `false` when the handle is gone.
    async fn wait_for_work(&mut self) -> Result<bool, Ended> {
        tokio::select! {
            request = self.queue.recv() => match request {
                Some(request) => {
                    self.backlog.push_back(request);
                    Ok(true)
                }
                None => Ok(false),
            },
            () = tokio::time::sleep(RENEW_EVERY) => {
                let log = &self.parts.context.log;
                match head::renew(&self.write.client, log.tenant, self.durable.epoch).await {
                    Ok(true) => {}
                    Ok(false) => return Err(Ended::Fenced),
                    Err(_) => self.take_again(None).await.map(|_| ())?,
                }
                Ok(true)
            }
        }
    }

    /// Sends a batch off. A batch of answers only goes straight on to be told, after those before it.
    fn start_commit(&mut self, prepared: Prepared) -> InFlight {
        let database = Arc::clone(&self.write);
        let context = Arc::clone(&self.parts.context);
        let known = self.channels.clone();
        let partition = self.partition;
        let finished = Arc::new(Notify::new());
        let signal = Arc::clone(&finished);
        let task = tokio::spawn(async move {
            let mut prepared = prepared;
            let done = match &mut prepared.transaction {
                Some(transaction) => {
                    let began = Instant::now();
                    let done = run_commit(&database, &context.log, transaction, &known, partition).await;
                    let (tenant, entries) = (&context.log.tenant_name, transaction.entries.len());
                    emit(&Occurrence::Committed { tenant, entries, took: began.elapsed() });
                    done
                }
                None => Ok(()),
            };
            signal.notify_one();
            (prepared, done)
        });
        InFlight { task, finished }
    }

    /// Awaits the commit under way, if there is one. `true`: what was linked to it still holds.
    async fn settle(&mut self, in_flight: &mut Option<InFlight>) -> Result<bool, Ended> {
        let Some(commit) = in_flight.take() else { return Ok(true) };
        let Ok((prepared, done)) = commit.task.await else {
            return Err(Ended::Fatal(FatalError::Head("the commit task ended unexpectedly")));
        };
        match done {
            Ok(()) => {
                self.attempts = 0;
                self.deliver(prepared).await?;
                Ok(true)
            }
            Err(error) => {
                self.recover(prepared, error).await?;
                Ok(false)
            }
        }
    }

    async fn deliver(&mut self, prepared: Prepared) -> Result<(), Ended> {
        let Prepared { requests, waiters, transaction } = prepared;
        let (before, entries) = match transaction {
            Some(transaction) => {
                let epoch = self.durable.epoch;
                self.durable = Head { epoch, ..transaction.after.clone() };
                self.remember(&transaction);
                (transaction.before, transaction.entries)
            }
            None => (self.durable.clone(), Vec::new()),
        };
        let told = told(requests, &waiters, &entries);
        let durable = Durable { before, after: self.durable.clone(), entries, waiters, told };
        self.send_to_sign(durable).await
    }

    async fn send_to_sign(&mut self, durable: Durable) -> Result<(), Ended> {
        match self.sign.send(durable).await {
            Ok(()) => Ok(()),
            Err(_) => Err(Ended::Fatal(FatalError::Sign("the signing stage has stopped"))),
        }
    }

    /// Keeps what a commit taught: the partition that exists and the numbers of channel accounts.
    fn remember(&mut self, transaction: &Transaction) {
        self.partition = Some(transaction.after.size().0 / PARTITION_ENTRIES);
        for (channel, number) in &transaction.channels {
            if !self.channels.iter().any(|(known, _)| known == channel) {
                self.channels.push((channel.clone(), *number));
            }
        }
    }

    async fn reconnect_reader(&mut self) {
        tokio::time::sleep(RECONNECT_EVERY).await;
        if let Ok(read) = Database::connect(&self.parts.config, Some(self.parts.context.log.tenant)).await {
            self.read = read;
        }
    }
}

async fn run_commit(
    database: &Database,
    log: &LogName,
    transaction: &mut Transaction,
    known: &[(ChannelAccount, i16)],
    partition: Option<u64>,
) -> Result<(), CommitError> {
    let unreadable = |_| CommitError::Unknown;
    if partition != Some(transaction.after.size().0 / PARTITION_ENTRIES) {
        ensure_partitions(database, log, transaction).await.map_err(unreadable)?;
    }
    transaction.channels = channel_numbers(database, log, &transaction.rows, known).await.map_err(unreadable)?;
    commit(database, log, transaction).await
}

async fn ensure_partitions(
    database: &Database,
    log: &LogName,
    transaction: &Transaction,
) -> Result<(), tokio_postgres::Error> {
    let generation = i32::try_from(log.generation).unwrap_or(i32::MAX);
    for size in [transaction.before.size().0, transaction.after.size().0] {
        let arguments: [&(dyn tokio_postgres::types::ToSql + Sync); 3] = [&log.tenant.0, &generation, &signed(size)];
        database.client.execute("SELECT ensure_partition($1, $2, $3)", &arguments).await?;
    }
    Ok(())
}

async fn channel_numbers(
    database: &Database,
    log: &LogName,
    rows: &Rows,
    known: &[(ChannelAccount, i16)],
) -> Result<Vec<(ChannelAccount, i16)>, tokio_postgres::Error> {
    let mut numbers: Vec<(ChannelAccount, i16)> = Vec::new();
    for channel in rows.channels() {
        if numbers.iter().any(|(account, _)| account == channel) {
            continue;
        }
        let number = match known.iter().find(|(account, _)| account == channel) {
            Some((_, number)) => *number,
            None => super::super::store::channel_number(&database.client, log.tenant, channel).await?,
        };
        numbers.push((channel.clone(), number));
    }
    Ok(numbers)
}
