//! The loop that owns a log: gathers requests, prepares a batch while the one before commits, and decides what a failed
//! commit means.
//!
//! While a commit is under way the next batch is already linked to it. When the commit fails, everything speculative is
//! thrown away, the head is read again and the requests of both batches are prepared anew: no request is lost by another's
//! failure.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, mpsc, watch};
use tokio::task::JoinHandle;
use tokio_postgres::Config;
use uuid::Uuid;

use super::super::FatalError;
use super::super::database::Database;
use super::super::guard::Guard;
use super::super::head::{self, Head, LogName, OpenError};
use super::commit::{CommitError, Transaction, commit};
use super::load::load;
use super::rows::{Rows, TipColumns, signed};
use super::sign::{Answer, Durable, SignStage, Waiter};
use super::state::{Chained, ConversationTips, LinkContext, LinkedEntry, Overlay, expectations};
use super::{RecorderEnds, Request};
use crate::domain::event::Role;
use crate::domain::record::{Actor, Aggregate, Draft, Effect, Proposal};
use crate::limits::{BATCH_ENTRIES_MAX, BATCH_WAIT_US_MAX};
use crate::ports::{Clock, RecordError, SignedHead, Signer};
use crate::units::{ChannelAccount, SERVER_ACTOR, Timestamp, Version};

/// Entries in one partition of the ledger; the same number stands in `migrations/V1__core.sql`.
const PARTITION_ENTRIES: u64 = 4_194_304;
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
    signing: JoinHandle<Result<Guard, FatalError>>,
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
        let WriterParts { config, log, node, clock, signer, guard, head } = parts;
        let write = Database::connect(&config, Some(log.tenant)).await?;
        let read = Database::connect(&config, Some(log.tenant)).await?;
        let origin = log.origin()?;
        let (sign, waiting) = mpsc::channel(SIGN_QUEUE_COMMITS);
        let signing = start_signing(ends.head, origin.clone(), guard, signer, waiting);
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
            (Ended::Drained, Ok(Ok(_))) => {
                // When this fails the lease runs out by itself.
                let _lease = head::release(&write.client, parts.context.log.tenant, durable.epoch).await;
                Ended::Drained
            }
            (_, Ok(Err(fatal))) => Ended::Fatal(fatal),
            (Ended::Drained, Err(_)) => Ended::Fatal(FatalError::Sign("the signing task ended unexpectedly")),
            (ended @ (Ended::Fenced | Ended::Fatal(_)), Ok(Ok(_)) | Err(_)) => ended,
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
        let durable = Durable { before: present.clone(), after: present, entries: Vec::new(), waiters: Vec::new() };
        self.send_to_sign(durable).await
    }

    /// Waits for requests. A commit under way is awaited at the same time: its end is when the next batch should leave.
    async fn gather(&mut self, in_flight: &mut Option<InFlight>) -> Result<Vec<Request>, Ended> {
        let mut requests: Vec<Request> = Vec::new();
        let mut entries = 0;
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
                    let pause = tokio::time::sleep(Duration::from_micros(BATCH_WAIT_US_MAX / 8));
                    tokio::select! {
                        request = self.queue.recv(), if !self.queue.is_closed() => self.backlog.extend(request),
                        () = pause => break,
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

    /// Links a batch to the speculative head. `None`: the database could not be read; the requests are in the backlog.
    async fn prepare(&mut self, requests: Vec<Request>) -> Option<Prepared> {
        if load(&self.read, self.parts.context.log.tenant, &mut self.overlay, &requests).await.is_err() {
            self.backlog.extend(requests);
            return None;
        }
        let now = self.parts.clock.now();
        let before = self.chained.head.clone();
        let mut batch = Batch { entries: Vec::new(), rows: Rows::default() };
        if let Some(event) = self.chained.step_back(now) {
            let draft = Draft::of(event, Actor { id: SERVER_ACTOR, role: Role::Server });
            // The server's own entry is short and touches nothing; were it refused, the next batch would try again.
            let linked = self.chained.link(&self.parts.context, &mut self.overlay, &draft, now);
            batch.entries.extend(linked.ok());
        }
        let mut waiters = Vec::with_capacity(requests.len());
        let mut proposals = Vec::with_capacity(requests.len());
        for Request { proposal, answer } in requests {
            let told = self.take_in(&proposal, &mut batch, now);
            waiters.push((answer, told));
            proposals.push(proposal);
        }
        let transaction = (!batch.entries.is_empty()).then(|| self.transaction(before, batch));
        Some(Prepared { requests: proposals, waiters, transaction })
    }

    fn transaction(&self, before: Head, batch: Batch) -> Transaction {
        let Batch { entries, rows } = batch;
        let inserts = rows.inserts.iter().map(|row| (row.new.conversation.key, row.new.subject));
        let updates = rows.updates.iter().map(|row| (row.key, row.subject));
        let (insert_tips, update_tips) = (TipColumns::of(&self.overlay, inserts), TipColumns::of(&self.overlay, updates));
        Transaction {
            before,
            after: self.chained.head.clone(),
            entries,
            insert_tips,
            update_tips,
            channels: Vec::new(),
            rows,
        }
    }

    /// Decides on one proposal against the overlay, and links it.
    fn take_in(&mut self, proposal: &Proposal, batch: &mut Batch, now: Timestamp) -> Answer {
        if let Some(guard) = proposal.dedup
            && let Some(Some((index, body))) = self.overlay.dedup.get(&guard.key)
        {
            return if *body == guard.body {
                Answer::Duplicate { index: *index }
            } else {
                Answer::Refused(RecordError::KeyReused { first: *index })
            };
        }
        if let Some(conflict) = conflict(&self.overlay, proposal) {
            return Answer::Refused(conflict);
        }
        let saved = (self.chained.clone(), Saved::of(&self.overlay, proposal));
        match self.link_all(proposal, now) {
            Ok(linked) => {
                let first = batch.entries.len();
                let count = linked.len();
                self.apply(proposal, &linked, batch, &saved.1);
                batch.entries.extend(linked);
                Answer::Recorded { first, count }
            }
            Err(error) => {
                self.chained = saved.0;
                saved.1.restore(&mut self.overlay);
                Answer::Refused(error)
            }
        }
    }

    fn link_all(&mut self, proposal: &Proposal, now: Timestamp) -> Result<Vec<LinkedEntry>, RecordError> {
        let mut linked = Vec::with_capacity(proposal.steps.len());
        for step in &proposal.steps {
            if let (Some(conversation), Some(subject)) = (step.draft.conversation, step.draft.subject) {
                let fresh = ConversationTips { conversation: None, subject };
                self.overlay.conversations.entry(conversation.key).or_insert(fresh);
            }
            linked.push(self.chained.link(&self.parts.context, &mut self.overlay, &step.draft, now)?);
        }
        Ok(linked)
    }

    /// Puts the effects of a linked proposal into the batch's columns and the overlay.
    fn apply(&mut self, proposal: &Proposal, linked: &[LinkedEntry], batch: &mut Batch, saved: &Saved) {
        let time = self.chained.head.last_time;
        for (step, entry) in proposal.steps.iter().zip(linked) {
            // The row that begins a conversation must be there before it is touched.
            let (openings, others): (Vec<Effect>, Vec<Effect>) =
                step.effects.iter().cloned().partition(|effect| matches!(effect, Effect::NewConversation(_)));
            batch.rows.add(&openings, entry.index, time);
            if let (Some(conversation), Some(subject)) = (step.draft.conversation, step.draft.subject) {
                let version = saved.version(Aggregate::Conversation(conversation.key)).unwrap_or(Version::FIRST);
                batch.rows.touch(conversation.key, subject, version);
            }
            batch.rows.add(&others, entry.index, time);
            for (aggregate, expected) in expectations(&step.effects) {
                let next = expected.map_or(Version::FIRST, Version::next);
                self.overlay.versions.insert(aggregate, Some(next));
            }
        }
        if let (Some(guard), Some(entry)) = (proposal.dedup, linked.get(proposal.primary)) {
            batch.rows.dedup.push((guard, entry.index));
            self.overlay.dedup.insert(guard.key, Some((entry.index, guard.body)));
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
                Some(transaction) => run_commit(&database, &context.log, transaction, &known, partition).await,
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
        let Prepared { waiters, transaction, .. } = prepared;
        let (before, entries) = match transaction {
            Some(transaction) => {
                let epoch = self.durable.epoch;
                self.durable = Head { epoch, ..transaction.after.clone() };
                self.remember(&transaction);
                (transaction.before, transaction.entries)
            }
            None => (self.durable.clone(), Vec::new()),
        };
        let durable = Durable { before, after: self.durable.clone(), entries, waiters };
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
        for (channel, number) in transaction.rows.channels().zip(&transaction.channels) {
            if !self.channels.iter().any(|(known, _)| known == channel) {
                self.channels.push((channel.clone(), *number));
            }
        }
    }

    /// Decides what a failed commit means for each of its requests.
    async fn recover(&mut self, prepared: Prepared, error: CommitError) -> Result<(), Ended> {
        self.forget();
        match error {
            CommitError::Fenced => Err(Ended::Fenced),
            CommitError::Refused { sqlstate: Some(code) } if code.starts_with("22") || code.starts_with("23") => {
                Err(Ended::Fatal(FatalError::Head("the database refused the log's own rows")))
            }
            CommitError::Unknown | CommitError::Refused { sqlstate: None } => {
                let committed = self.take_again(prepared.transaction.as_ref()).await?;
                if committed { self.deliver(prepared).await } else { self.again(prepared, RecordError::Unavailable) }
            }
            CommitError::Stale | CommitError::Retry => self.again(prepared, RecordError::Unavailable),
            CommitError::Refused { sqlstate: Some(sqlstate) } => {
                tracing::warn!(event = "commit_refused", sqlstate, "PostgreSQL takes no entries at present");
                tell_all(prepared, &RecordError::Unavailable);
                Ok(())
            }
            CommitError::Effect { sqlstate } => self.bisect(prepared, sqlstate).await,
        }
    }

    /// Prepares the same requests again, a bounded number of times.
    fn again(&mut self, prepared: Prepared, otherwise: RecordError) -> Result<(), Ended> {
        self.attempts += 1;
        if self.attempts > ATTEMPTS_MAX {
            self.attempts = 0;
            tell_all(prepared, &otherwise);
        } else {
            self.put_back(prepared, 0);
        }
        Ok(())
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
    fn forget(&mut self) {
        self.chained = Chained { head: self.durable.clone(), stepped_back: self.chained.stepped_back };
        self.overlay = Overlay::default();
    }

    /// Puts a batch's requests back into the backlog, behind its first `after` ones.
    fn put_back(&mut self, prepared: Prepared, after: usize) {
        self.forget();
        let later = self.backlog.split_off(after.min(self.backlog.len()));
        self.backlog.extend(requests_of(prepared));
        self.backlog.extend(later);
    }

    async fn reconnect_reader(&mut self) {
        tokio::time::sleep(RECONNECT_EVERY).await;
        if let Ok(read) = Database::connect(&self.parts.config, Some(self.parts.context.log.tenant)).await {
            self.read = read;
        }
    }

    /// Reaches PostgreSQL again and takes the log anew, which settles a commit in doubt: `true` when it had happened.
    async fn take_again(&mut self, in_doubt: Option<&Transaction>) -> Result<bool, Ended> {
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
        let warnings = write.warnings();
        let taken = head::take(&write.client, log, self.parts.node).await?;
        // The take-over must itself be confirmed before anything is concluded from it.
        if write.warnings() > warnings {
            return Err(OpenError::Database(super::super::database::DatabaseError::Refused {
                sqlstate: None,
                kind: "a commit was not confirmed".to_owned(),
            }));
        }
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

/// What a batch gathers.
struct Batch {
    entries: Vec<LinkedEntry>,
    rows: Rows,
}

/// What the overlay held for the things that a proposal touches.
struct Saved {
    versions: Vec<(Aggregate, Option<Option<Version>>)>,
    conversations: Vec<(crate::units::ConversationKey, Option<ConversationTips>)>,
    subjects: Vec<(crate::units::SubjectId, Option<Option<super::state::Tip>>)>,
}

impl Saved {
    fn of(overlay: &Overlay, proposal: &Proposal) -> Self {
        let mut saved = Self { versions: Vec::new(), conversations: Vec::new(), subjects: Vec::new() };
        for step in &proposal.steps {
            if let Some(conversation) = step.draft.conversation {
                let aggregate = Aggregate::Conversation(conversation.key);
                saved.versions.push((aggregate, overlay.versions.get(&aggregate).copied()));
                saved.conversations.push((conversation.key, overlay.conversations.get(&conversation.key).copied()));
            }
            if let Some(subject) = step.draft.subject {
                saved.subjects.push((subject, overlay.subjects.get(&subject).copied()));
            }
        }
        saved
    }

    fn version(&self, aggregate: Aggregate) -> Option<Version> {
        self.versions.iter().find(|(known, _)| *known == aggregate).and_then(|(_, version)| version.flatten())
    }

    fn restore(self, overlay: &mut Overlay) {
        put(&mut overlay.conversations, self.conversations);
        put(&mut overlay.subjects, self.subjects);
        put(&mut overlay.versions, self.versions);
    }
}

fn put<K: std::hash::Hash + Eq, V>(map: &mut std::collections::HashMap<K, V>, saved: Vec<(K, Option<V>)>) {
    for (key, value) in saved.into_iter().rev() {
        match value {
            Some(value) => map.insert(key, value),
            None => map.remove(&key),
        };
    }
}

/// The first aggregate of a proposal that is not at the version it was decided on.
fn conflict(overlay: &Overlay, proposal: &Proposal) -> Option<RecordError> {
    let mut own: Vec<(Aggregate, Version)> = Vec::new();
    for (aggregate, expected) in proposal.steps.iter().flat_map(|step| expectations(&step.effects)) {
        let changed = own.iter().rev().find(|(known, _)| *known == aggregate).map(|(_, version)| *version);
        let got = changed.or_else(|| overlay.versions.get(&aggregate).copied().flatten());
        if got != expected {
            let expected = expected.unwrap_or(Version(0));
            return Some(RecordError::Conflict { aggregate, expected, got });
        }
        own.push((aggregate, expected.map_or(Version::FIRST, Version::next)));
    }
    None
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

fn start_signing(
    published: watch::Sender<Option<SignedHead>>,
    origin: crate::units::Origin,
    guard: Guard,
    signer: Arc<dyn Signer>,
    durable: mpsc::Receiver<Durable>,
) -> JoinHandle<Result<Guard, FatalError>> {
    tokio::spawn(SignStage { origin, guard, signer, durable, published }.run())
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
) -> Result<Vec<i16>, tokio_postgres::Error> {
    let mut numbers = Vec::new();
    for channel in rows.channels() {
        let number = match known.iter().find(|(account, _)| account == channel) {
            Some((_, number)) => *number,
            None => super::super::store::channel_number(&database.client, log.tenant, channel).await?,
        };
        numbers.push(number);
    }
    Ok(numbers)
}
