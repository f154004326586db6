//! Keeps one log: stands by while another server has it, takes it when its lease runs out, and says where it stands.
//!
//! A server that stands by follows the head with its own rollback guard, so that it measures the database by what it saw
//! itself when it takes over. The slot is the recorder that the rest of the server holds, whoever writes at the moment.

use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use async_trait::async_trait;
use lww_audit::entry::Detail;
use lww_audit::merkle::leaf_hash;
use lww_audit::{Entry, SignedDeclaration, SignedRotation};
use tokio::sync::watch;
use tokio_postgres::Config;
use uuid::Uuid;

use super::FatalError;
use super::database::Database;
use super::guard::{Adopted, Guard};
use super::head::{self, Head, LogName, OpenError};
use super::published::Published;
use super::recorder::{Ended, LogRecorder, Writer, WriterParts};
use super::witnessed::{self, TakeOver};
use crate::domain::event::{Event, Role};
use crate::domain::record::{Actor, Draft, Outcome, Proposal};
use crate::limits::TAKEN_OVER_S_MAX;
use crate::ports::{Clock, EntrySeen, Follower, RecordError, Recorder, SignedHead, Signer, Witnesses};
use crate::units::{EntryIndex, SERVER_ACTOR, TreeSize};

/// How often a standby looks at the head and its lease.
const LOOK_EVERY: Duration = Duration::from_secs(1);
// The lease, the look that falls just before its end, and one more when the database was not reached at the first.
const _: () = assert!(head::LEASE_S + 2.0 * LOOK_EVERY.as_secs_f64() <= TAKEN_OVER_S_MAX);

/// Where a log stands with this server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LogStatus {
    /// Not known yet: the database was not reached so far.
    Starting,
    /// Another server writes it; this one follows.
    Standby,
    /// This server writes it.
    Active,
    /// It was given back in order.
    Released,
    /// It must stop until an operator acts.
    Stopped(FatalError),
}

/// The recorder of one log, whoever writes it at the moment.
pub struct LogSlot {
    current: RwLock<Option<LogRecorder>>,
    status: watch::Sender<LogStatus>,
}

impl LogSlot {
    /// A slot whose log is not opened yet.
    pub fn new() -> Arc<Self> {
        Arc::new(Self { current: RwLock::default(), status: watch::channel(LogStatus::Starting).0 })
    }

    /// Follows where the log stands.
    pub fn status(&self) -> watch::Receiver<LogStatus> {
        self.status.subscribe()
    }

    /// The writer's handle, while this server writes.
    pub fn recorder(&self) -> Option<LogRecorder> {
        self.current.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Lets the writer finish what it took in and give the log back.
    pub fn close(&self) {
        self.put(None);
    }

    fn put(&self, recorder: Option<LogRecorder>) {
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = recorder;
    }
}

#[async_trait]
impl Recorder for LogSlot {
    async fn record(&self, proposal: Proposal) -> Result<Outcome, RecordError> {
        match self.recorder() {
            Some(recorder) => recorder.record(proposal).await,
            None => Err(match *self.status.borrow() {
                LogStatus::Stopped(_) => RecordError::Stopped,
                LogStatus::Starting | LogStatus::Standby | LogStatus::Active | LogStatus::Released => {
                    RecordError::Unavailable
                }
            }),
        }
    }

    fn head(&self) -> Option<SignedHead> {
        self.recorder().and_then(|recorder| recorder.head())
    }

    fn heads(&self) -> Option<watch::Receiver<Option<SignedHead>>> {
        self.recorder().map(|recorder| recorder.heads())
    }
}

/// What it takes to keep a log.
pub struct Keeper {
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
    /// The file of this server's rollback guard for the log.
    pub guard: PathBuf,
    /// The folder of the log's tiles.
    pub tiles: PathBuf,
    /// Who cosigns what is published, and so remembers more than this server may.
    pub witnesses: Option<Arc<Witnesses>>,
    /// Whether the operator vouches for the database's head where the guard has none.
    pub adopt_head: bool,
    /// What to record each time that this server begins to write.
    pub announce: Vec<Event>,
    /// What to record besides when the log has no entry yet.
    pub announce_first: Vec<Event>,
    /// What the rest of the server holds.
    pub slot: Arc<LogSlot>,
    /// Hears what is recorded.
    pub follower: Arc<dyn Follower>,
}

impl Keeper {
    /// Keeps the log until it is released or must stop.
    pub async fn run(self, mut stop: watch::Receiver<bool>) {
        let last = loop {
            if *stop.borrow() {
                break LogStatus::Released;
            }
            match self.turn(&mut stop).await {
                Ok(Some(last)) => break last,
                Ok(None) => {}
                Err(OpenError::Fatal(fatal)) => break LogStatus::Stopped(fatal),
                Err(OpenError::Database(error)) => {
                    tracing::warn!(event = "log_not_reached", tenant = self.log.tenant.0, %error, "the log can't be opened yet");
                    pause(&mut stop).await;
                }
            }
        };
        if let LogStatus::Stopped(fatal) = &last {
            tracing::error!(event = "log_stopped", tenant = self.log.tenant.0, reason = %fatal, "the log is stopped");
        }
        self.slot.put(None);
        self.slot.status.send_replace(last);
    }

    /// Opens the log and serves it, or looks after it once. `Some` is the end.
    async fn turn(&self, stop: &mut watch::Receiver<bool>) -> Result<Option<LogStatus>, OpenError> {
        let database = Database::connect(&self.config, Some(self.log.tenant)).await?;
        let mut guard = Guard::open(&self.guard)?;
        let Some(head) = head::take(&database, &self.log, self.node).await? else {
            self.follow(&database, &mut guard).await?;
            // Only now: a server that may not take the log over must not be thought to stand by for it.
            self.slot.status.send_replace(LogStatus::Standby);
            pause(stop).await;
            return Ok(None);
        };
        // Before the guard follows this head: it must not learn one that contradicts what was published.
        self.check_published(&database, &head, &guard).await?;
        self.check_witnesses(&head).await?;
        self.accept(&database, &head, &mut guard).await?;
        drop(database);
        let ended = self.serve(head, guard, stop).await?;
        Ok(match ended {
            // Without an order to stop it only means that the opening entries could not be written: try again.
            Ended::Drained => stop.borrow().then_some(LogStatus::Released),
            Ended::Fenced => {
                tracing::warn!(event = "log_fenced", tenant = self.log.tenant.0, "another server has the log");
                None
            }
            Ended::Fatal(fatal) => Some(LogStatus::Stopped(fatal)),
        })
    }

    /// Refuses a head that is not what this server saw, or that another key signed.
    async fn accept(&self, database: &Database, head: &Head, guard: &mut Guard) -> Result<(), OpenError> {
        self.check_generation(head)?;
        let adopts = guard.frontier().is_none() && head.size().0 > 0;
        if adopts && !self.adopt_head {
            return Err(FatalError::GuardMissing.into());
        }
        let later = head::check_against_guard(&database.client, &self.log, head, guard).await?;
        if head.size().0 > 0 {
            let mut activated = guard.activated().unwrap_or_default();
            activated.go_on(&later);
            self.check_key(database, activated.key).await?;
        }
        if adopts {
            guard.adopt(&head.frontier, &later)?;
        } else {
            guard.follow(&head.frontier, &later)?;
        }
        Ok(())
    }

    /// Refuses a log that went on as another generation since this server began to keep it.
    fn check_generation(&self, head: &Head) -> Result<(), FatalError> {
        let (database, known) = (head.generation, self.log.generation);
        if database == known { Ok(()) } else { Err(FatalError::OtherGeneration { database, known }) }
    }

    /// Refuses a head that is behind what this server published, or leads elsewhere.
    async fn check_published(&self, database: &Database, head: &Head, guard: &Guard) -> Result<(), OpenError> {
        // The guard knows more of the head than what was published last: its range is the one to name.
        guard.check_size(head.size())?;
        let Some(published) = Published::read(&self.tiles, &self.log.origin()?)? else { return Ok(()) };
        published.check_size(head.size())?;
        match published.frontier() {
            Some(frontier) => head::check_rows_from(&database.client, &self.log, frontier, head).await.map(drop),
            None => Ok(()),
        }
    }

    /// Refuses a head that is behind what a witness cosigned.
    async fn check_witnesses(&self, head: &Head) -> Result<(), FatalError> {
        let Some(witnesses) = &self.witnesses else { return Ok(()) };
        let what = TakeOver {
            tenant: &self.log.tenant_name,
            origin: self.log.origin()?,
            head: head.size(),
            tiles: &self.tiles,
            signer: &*self.signer,
        };
        witnessed::check(witnesses, &what).await
    }

    /// The first entry names the key that the log was opened under, and each change its successor.
    async fn check_key(&self, database: &Database, changed: Option<EntrySeen>) -> Result<(), OpenError> {
        let index = changed.map_or(EntryIndex(0), |seen| seen.index);
        let body = head::entries(&database.client, &self.log, index, 1).await?.into_iter().next();
        let body = body.ok_or(FatalError::MissingEntry { index })?;
        // It was walked over, or seen, under this leaf hash.
        let is_seen = changed.is_none_or(|seen| leaf_hash(&body) == seen.leaf);
        let entry = Entry::parse(&body).ok().filter(|_| is_seen).ok_or(FatalError::BrokenChain { index })?;
        let expected = named_key(&entry).unwrap_or_default();
        if self.signer.is_named(&expected) {
            return Ok(());
        }
        Err(FatalError::WrongKey { expected, got: self.signer.vkey() }.into())
    }

    async fn serve(&self, head: Head, guard: Guard, stop: &mut watch::Receiver<bool>) -> Result<Ended, OpenError> {
        let (size, epoch, adopted) = (head.size(), head.epoch, guard.adopted());
        let (recorder, ends) = LogRecorder::new();
        let parts = WriterParts {
            config: self.config.clone(),
            log: self.log.clone(),
            node: self.node,
            clock: Arc::clone(&self.clock),
            signer: Arc::clone(&self.signer),
            guard,
            head,
            follower: Arc::clone(&self.follower),
        };
        let writer = tokio::spawn(Writer::start(parts, ends).await?.run());
        let announced = match self.announce(&recorder, size, epoch, adopted).await {
            // Before anybody is served: what was erased must not come back with an older database.
            Ok(()) => self.follower.opens(&recorder).await,
            Err(error) => Err(error),
        };
        if announced.is_ok() && !*stop.borrow() {
            self.slot.put(Some(recorder.clone()));
            self.slot.status.send_replace(LogStatus::Active);
        }
        drop(recorder);
        let mut writer = writer;
        let ended = tokio::select! {
            ended = &mut writer => ended,
            () = stopped(stop) => {
                self.slot.close();
                writer.await
            }
        };
        self.slot.close();
        self.slot.status.send_replace(LogStatus::Standby);
        Ok(ended.unwrap_or(Ended::Fatal(FatalError::Head("the writer ended unexpectedly"))))
    }

    /// Records how this server came to write the log.
    async fn announce(
        &self,
        recorder: &LogRecorder,
        size: TreeSize,
        epoch: i64,
        adopted: Option<Adopted>,
    ) -> Result<(), RecordError> {
        let mut events = Vec::new();
        if size.0 == 0 {
            let (generation, key) = (self.log.generation, self.signer.vkey());
            events.push(Event::GenerationOpened { generation, key });
            events.extend(self.announce_first.iter().cloned());
        }
        // The first thing that this server writes then: the guard relies on it.
        if let Some(Adopted { size, root }) = adopted {
            events.push(Event::GuardAdopted { size, root });
        }
        events.push(Event::LogTaken { epoch });
        events.extend(self.announce.iter().cloned());
        for event in events {
            // It was the operator at the machine who vouched for the head.
            let adopted = matches!(event, Event::GuardAdopted { .. });
            let role = if adopted { Role::Operator } else { Role::Server };
            let actor = Actor { id: SERVER_ACTOR, role };
            recorder.record(Proposal::single(Draft::of(event, actor), Vec::new())).await?;
        }
        Ok(())
    }

    /// One look while standing by: the guard follows what the database shows.
    async fn follow(&self, database: &Database, guard: &mut Guard) -> Result<(), OpenError> {
        if let Some(head) = head::read(&database.client, self.log.tenant).await? {
            self.accept(database, &head, guard).await?;
        }
        Ok(())
    }
}

/// The key that an entry brings into use: of a log or a generation that begins, or the successor of a change.
fn named_key(entry: &Entry) -> Option<String> {
    let Detail::Object(fields) = &entry.detail else { return None };
    if let Some(Detail::String(key)) = fields.get("key") {
        return Some(key.clone());
    }
    if let Some(Detail::String(statement)) = fields.get("statement") {
        let signed = SignedRotation::parse(statement.as_bytes()).ok()?;
        return Some(signed.unverified().new.to_string());
    }
    let declared = SignedDeclaration::of(entry).ok()??;
    Some(declared.unverified().new.to_string())
}

async fn stopped(stop: &mut watch::Receiver<bool>) {
    // When the sender is gone, so is the server.
    let _gone = stop.wait_for(|stop| *stop).await.map(drop);
}

async fn pause(stop: &mut watch::Receiver<bool>) {
    // Whichever comes first; a stop is looked at by the caller.
    let _either = tokio::time::timeout(LOOK_EVERY, stopped(stop)).await;
}
