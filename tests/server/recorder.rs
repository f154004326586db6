//! The recorder on a real PostgreSQL: what it refuses, what it tells apart, and what it makes of a commit whose answer was
//! lost. Needs PostgreSQL on the machine; `./x test` installs it.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a broken test world fails the test")]

use crate::common::postgres;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::task::Poll;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use futures_util::future::{MaybeDone, maybe_done, poll_fn};
use liaowaiwai::crypto::{SystemClock, SystemRandom};
use liaowaiwai::domain::event::{EndReason, Event, Role};
use liaowaiwai::domain::message::Sealed;
use liaowaiwai::domain::record::{
    Actor, ConversationChange, ConversationState, Dedup, Draft, Effect, NewAccount, NewConversation, NewMessage,
    NewSubject, Outcome, Proposal, Receipt, Step,
};
use liaowaiwai::domain::routing::{self, Decision, Routed};
use liaowaiwai::limits::{BATCH_ENTRIES_MAX, IMPORT_ACCOUNTS_MAX, RECORDER_QUEUE_PROPOSALS_MAX};
use liaowaiwai::ports::{Clock, RecordError, Recorder, SignError, Signer, random_bytes};
use liaowaiwai::storage::FatalError;
use liaowaiwai::storage::database::Database;
use liaowaiwai::storage::embedded::{EmbeddedOptions, EmbeddedPostgres};
use liaowaiwai::storage::head::{self, LogName};
use liaowaiwai::storage::keeper::{Keeper, LogSlot, LogStatus};
use liaowaiwai::units::{
    AccountId, ChannelAccount, ConversationId, ConversationKey, ConversationRef, EntryIndex, MessageId, MessageSeq,
    SERVER_ACTOR, SubjectId, TenantId, Timestamp, Version,
};
use lww_audit::entry::{Chain, Detail};
use lww_audit::{Entry, Note, NoteSigner, SignedCheckpoint, TileDir, TileWriter, fsck};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_postgres::{Client, NoTls};
use uuid::Uuid;

const TENANT: TenantId = TenantId(1);
const PATIENCE: Duration = Duration::from_secs(60);

/// The system's clock, moved by as many microseconds as a test says.
#[derive(Default)]
struct MovedClock(AtomicI64);

impl Clock for MovedClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(SystemClock.now().as_micros() + self.0.load(Ordering::SeqCst))
    }
}

struct LogKey(NoteSigner);

#[async_trait]
impl Signer for LogKey {
    async fn sign(&self, body: &str) -> Result<String, SignError> {
        Ok(Note::new(body.to_owned(), vec![self.0.sign(body)]).unwrap().to_string())
    }

    fn vkey(&self) -> String {
        self.0.verifier_key().to_string()
    }
}

/// Ends the PostgreSQL that a test which failed leaves running; one that was stopped has taken its file away.
struct Ending(PathBuf);

impl Drop for Ending {
    fn drop(&mut self) {
        let Ok(text) = std::fs::read_to_string(&self.0) else { return };
        if let Some(pid) = text.lines().next() {
            let _gone = std::process::Command::new("kill").args(["-QUIT", pid.trim()]).status();
        }
    }
}

/// A database with one log in it.
struct House {
    _ending: Ending,
    folder: tempfile::TempDir,
    postgres: EmbeddedPostgres,
    log: LogName,
    node: Uuid,
    clock: Arc<MovedClock>,
}

/// The log while this process keeps it.
struct Kept {
    slot: Arc<LogSlot>,
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

type Asked<'a> = Pin<Box<MaybeDone<Pin<Box<dyn Future<Output = Result<Outcome, RecordError>> + Send + 'a>>>>>;

impl Kept {
    /// Puts proposals into the queue, in order, and does not wait for their answers.
    async fn submit(&self, proposals: Vec<Proposal>) -> Vec<Asked<'_>> {
        let mut asked: Vec<Asked<'_>> =
            proposals.into_iter().map(|proposal| Box::pin(maybe_done(self.slot.record(proposal)))).collect();
        poll_fn(|context| {
            for one in &mut asked {
                let _queued = one.as_mut().poll(context);
            }
            Poll::Ready(())
        })
        .await;
        asked
    }

    async fn record_all(&self, proposals: Vec<Proposal>) -> Vec<Result<Outcome, RecordError>> {
        answers(self.submit(proposals).await).await
    }

    /// Records one proposal that must succeed.
    async fn record(&self, proposal: Proposal) -> Vec<Receipt> {
        receipts(self.slot.record(proposal).await)
    }

    async fn close(self) {
        self.stop.send_replace(true);
        self.task.await.unwrap();
    }
}

async fn answers(asked: Vec<Asked<'_>>) -> Vec<Result<Outcome, RecordError>> {
    let mut told = Vec::new();
    for mut one in asked {
        one.as_mut().await;
        told.push(one.as_mut().take_output().unwrap());
    }
    told
}

fn receipts(told: Result<Outcome, RecordError>) -> Vec<Receipt> {
    match told {
        Ok(Outcome::Recorded(receipts, _)) => receipts,
        Ok(Outcome::Duplicate { index }) => panic!("a duplicate of {index}"),
        Err(error) => panic!("{error}"),
    }
}

impl House {
    async fn build() -> Self {
        let folder = postgres::folder();
        let options = EmbeddedOptions {
            data_dir: folder.path().join("bank"),
            bin_dir: None,
            secrets_dir: folder.path().join("secrets"),
        };
        postgres::place(&options.data_dir, &options.secrets_dir);
        let postgres = EmbeddedPostgres::start(&options, &|_| {}).await.unwrap();
        let log =
            LogName { tenant: TENANT, name: "lww.test".to_owned(), tenant_name: "demo".to_owned(), generation: 1 };
        let ending = Ending(postgres.data_directory().join("postmaster.pid"));
        Self { _ending: ending, folder, postgres, log, node: Uuid::from_bytes([7; 16]), clock: Arc::default() }
    }

    fn key(&self) -> LogKey {
        LogKey(NoteSigner::from_seed(self.log.origin().unwrap().as_str(), &[1; 32]).unwrap())
    }

    async fn open(&self) -> Kept {
        let kept = self.begin();
        kept.slot.status().wait_for(|status| *status == LogStatus::Active).await.unwrap();
        kept
    }

    /// Begins to keep the log.
    fn begin(&self) -> Kept {
        let slot = LogSlot::new();
        let keeper = Keeper {
            config: self.postgres.app_config(),
            log: self.log.clone(),
            node: self.node,
            clock: Arc::clone(&self.clock) as Arc<dyn Clock>,
            signer: Arc::new(self.key()),
            guard: self.folder.path().join("guard"),
            tiles: self.folder.path().join("published"),
            witnesses: None,
            adopt_head: false,
            announce: Vec::new(),
            announce_first: Vec::new(),
            slot: Arc::clone(&slot),
            follower: Arc::new(()),
        };
        let (stop, stopping) = watch::channel(false);
        let task = tokio::spawn(keeper.run(stopping));
        Kept { slot, stop, task }
    }

    /// A connection of the server's role that the recorder knows nothing of.
    async fn connect(&self) -> Client {
        let mut config = self.postgres.app_config();
        config.options(format!("-c app.tenant={TENANT}")).application_name("test");
        let (client, connection) = config.connect(NoTls).await.unwrap();
        tokio::spawn(connection);
        client
    }

    async fn entries(&self) -> Vec<Entry> {
        let database = Database::connect(&self.postgres.app_config(), Some(TENANT)).await.unwrap();
        let bodies = head::entries(&database.client, &self.log, EntryIndex(0), 1_000_000).await.unwrap();
        bodies.iter().map(|body| Entry::parse(body).unwrap()).collect()
    }

    /// Publishes the log as far as it is signed and checks it as an auditor does.
    async fn check(&self, kept: &Kept) -> Vec<Entry> {
        let head = kept.slot.head().unwrap();
        let entries = self.entries().await;
        let tiles = self.folder.path().join("tiles");
        let mut writer = TileWriter::open(&tiles).unwrap();
        let known = usize::try_from(writer.size().0).unwrap();
        for entry in &entries[known..usize::try_from(head.size.0).unwrap()] {
            writer.append(&entry.to_bytes().unwrap()).unwrap();
        }
        writer.publish(&SignedCheckpoint::parse(head.checkpoint.as_bytes()).unwrap()).unwrap();
        let keys = [self.key().vkey().parse().unwrap()];
        fsck::check(&TileDir::open(&tiles), &keys, &mut |_| {}).unwrap_or_else(|finding| panic!("{finding:?}"));
        assert_eq!(entries.len() as u64, head.size.0, "an entry is not signed");
        entries
    }

    fn assert_proven(&self, receipts: &[Receipt]) {
        let keys = [self.key().vkey().parse().unwrap()];
        for receipt in receipts {
            let text = receipt.to_proof_text(&[]);
            let proof = lww_audit::Receipt::parse(text.as_bytes()).unwrap();
            let verified = proof.verify(&keys);
            assert!(verified.is_ok_and(|verified| verified.leaf == receipt.leaf), "the receipt of {}", receipt.index);
        }
    }

    /// The transaction that wrote each entry.
    async fn transactions(&self, entries: impl Iterator<Item = EntryIndex>) -> BTreeSet<String> {
        let wanted: Vec<i64> = entries.map(|index| i64::try_from(index.0).unwrap()).collect();
        let client = self.connect().await;
        let rows = client.query("SELECT xmin::text FROM ledger_entry WHERE seq = ANY($1)", &[&wanted]).await.unwrap();
        rows.iter().map(|row| row.get(0)).collect()
    }

    async fn end(self) {
        self.postgres.stop().await.unwrap();
    }
}

/// Waits until a query of one boolean says yes.
async fn until(client: &Client, what: &str, sql: &str) {
    let until = Instant::now() + PATIENCE;
    while !client.query_one(sql, &[]).await.unwrap().get::<_, bool>(0) {
        assert!(Instant::now() < until, "waited in vain for {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Makes the commit under way wait, so that whatever is submitted meanwhile becomes one batch.
struct Held {
    holder: Client,
    /// Looks at what others wait for: within one transaction PostgreSQL shows the same picture for ever.
    watcher: Client,
}

impl Held {
    async fn hold(house: &House, kept: &Kept) -> Self {
        let (holder, watcher) = (house.connect().await, house.connect().await);
        // An idle writer renews its lease each second, and must not be caught at that.
        kept.record(filler()).await;
        holder.batch_execute("BEGIN; SELECT 1 FROM log_head FOR UPDATE").await.unwrap();
        Self { holder, watcher }
    }

    async fn wait_for_commit(&self) {
        let sql = "SELECT EXISTS (SELECT 1 FROM pg_stat_activity WHERE application_name = 'lww' \
                   AND wait_event_type = 'Lock' AND query LIKE 'UPDATE log_head SET size%')";
        until(&self.watcher, "the commit to wait for the head", sql).await;
    }

    async fn release(self) {
        self.holder.batch_execute("ROLLBACK").await.unwrap();
    }
}

/// Records proposals as one batch: behind a first one whose commit is held up.
async fn as_one_batch(house: &House, kept: &Kept, proposals: Vec<Proposal>) -> Vec<Result<Outcome, RecordError>> {
    let held = Held::hold(house, kept).await;
    let first = kept.submit(vec![filler()]).await;
    held.wait_for_commit().await;
    let asked = kept.submit(proposals).await;
    held.release().await;
    receipts(answers(first).await.remove(0));
    answers(asked).await
}

fn random<const N: usize>() -> [u8; N] {
    random_bytes(&SystemRandom::new())
}

fn server() -> Actor {
    Actor { id: SERVER_ACTOR, role: Role::Server }
}

/// A proposal that touches nothing.
fn plain() -> Proposal {
    Proposal::single(Draft::of(Event::ServerStopped, server()), Vec::new())
}

/// Another, which no test counts.
fn filler() -> Proposal {
    Proposal::single(Draft::of(Event::LoggedOut, server()), Vec::new())
}

/// A proposal that touches nothing, guarded against duplicates.
fn keyed(key: u64, body: u8) -> Proposal {
    let mut bytes = [0; 16];
    bytes[..8].copy_from_slice(&key.to_be_bytes());
    Proposal { dedup: Some(Dedup { key: bytes, body: [body; 16] }), ..plain() }
}

/// A person with one conversation.
#[derive(Clone)]
struct Case {
    subject: SubjectId,
    conversation: ConversationRef,
    channel: ChannelAccount,
    is_new_person: bool,
}

impl Case {
    fn new() -> Self {
        Self::of(SubjectId::from_random(random()), true)
    }

    fn of(subject: SubjectId, is_new_person: bool) -> Self {
        let key = ConversationKey::new(SystemClock.now(), random());
        let conversation = ConversationRef { key, public: ConversationId::from_random(random()) };
        let channel = ChannelAccount { channel: "http", account: "app".to_owned() };
        Self { subject, conversation, channel, is_new_person }
    }

    fn draft(&self, event: Event) -> Draft {
        let customer = Actor { id: AccountId(self.subject.0), role: Role::Customer };
        Draft::of(event, customer).about(self.conversation, self.subject, &self.channel)
    }

    fn open(&self) -> Proposal {
        let person = NewSubject {
            id: self.subject,
            identity: random(),
            epoch: 1,
            wrapped_key: random::<32>().to_vec(),
            contact: random::<32>().to_vec(),
            sealed_identity: random::<32>().to_vec(),
        };
        let conversation = NewConversation {
            conversation: self.conversation,
            subject: self.subject,
            channel: self.channel.clone(),
            continues: None,
        };
        let person = self.is_new_person.then_some(Effect::NewSubject(person));
        let effects = person.into_iter().chain([Effect::NewConversation(conversation)]).collect();
        Proposal::single(self.draft(opening()), effects)
    }

    /// Message `seq`, decided on version `seq`: a conversation is at version 1 when it begins.
    fn message(&self, seq: i32) -> Proposal {
        self.message_on(seq, Version(i64::from(seq)))
    }

    fn message_on(&self, seq: i32, expected: Version) -> Proposal {
        let (message, seq) = (MessageId::from_random(random()), MessageSeq(seq));
        let new = NewMessage {
            conversation: self.conversation.key,
            seq,
            id: message,
            direction: 0,
            channel: self.channel.clone(),
            author: None,
            original: Sealed(random::<64>().to_vec()),
            masked: Sealed(random::<64>().to_vec()),
            file: None,
        };
        let effects = vec![Effect::NewMessage(new), self.change(expected, ConversationState::Waiting, seq)];
        Proposal::single(self.draft(Event::MessageReceived { message, seq }), effects)
    }

    fn close(&self, expected: Version, last: i32) -> Proposal {
        let effects = vec![self.change(expected, ConversationState::Closed, MessageSeq(last))];
        Proposal::single(self.draft(Event::ConversationClosed { reason: EndReason::Staff }), effects)
    }

    fn change(&self, expected: Version, state: ConversationState, last: MessageSeq) -> Effect {
        let conversation = self.conversation.key;
        Effect::Conversation(ConversationChange {
            conversation,
            expected,
            state,
            agent: None,
            last,
            last_agent: None,
            channel: None,
            marks: None,
        })
    }
}

/// The event of a conversation that a table of no importance sends to a queue.
fn opening() -> Event {
    Event::ConversationOpened(Box::new(Routed {
        table: lww_audit::Hash([0; 32]),
        case: routing::Case {
            channel: "http".to_owned(),
            tier: None,
            language: None,
            tags: Vec::new(),
            intent: None,
            mood: None,
            at: Timestamp::from_micros(0),
        },
        unknown: 0,
        decision: Decision {
            row: "default".to_owned(),
            queue: "default".to_owned(),
            priority: 5,
            ..Decision::default()
        },
    }))
}

/// An account whose capacity the database's own rules refuse.
fn impossible_account() -> Proposal {
    let account = AccountId::from_random(random());
    let new = NewAccount {
        id: account,
        login: random(),
        login_name: Vec::new(),
        profile: random::<32>().to_vec(),
        password: "$argon2id$".to_owned(),
        role: Role::Agent,
        capacity: 5_000,
        must_change: true,
        skills: Vec::new(),
    };
    let event = Event::AccountCreated { account, role: Role::Agent };
    Proposal::single(Draft::of(event, server()), vec![Effect::NewAccount(new)])
}

/// The longest import: accounts with skills, as many as there may be.
fn import() -> Proposal {
    let ids: Vec<AccountId> = (0..IMPORT_ACCOUNTS_MAX).map(|_| AccountId::from_random(random())).collect();
    let skills = || vec!["card".to_owned(); 2];
    let new = |id: &AccountId| NewAccount {
        id: *id,
        login: random(),
        login_name: Vec::new(),
        profile: random::<32>().to_vec(),
        password: "$argon2id$".to_owned(),
        role: Role::Agent,
        capacity: 5,
        must_change: true,
        skills: skills(),
    };
    let accounts = ids.iter().map(|id| (*id, Role::Agent)).collect();
    let effects = ids.iter().map(|id| Effect::NewAccount(new(id))).collect();
    let mut proposal = Proposal::single(Draft::of(Event::AccountsImported { accounts }, server()), effects);
    let skilled = |id: &AccountId| Step {
        draft: Draft::of(Event::SkillsSet { account: *id, skills: skills() }, server()),
        effects: Vec::new(),
    };
    proposal.steps.extend(ids.iter().map(skilled));
    proposal
}

/// An entry longer than a leaf may be.
fn endless() -> Proposal {
    let event = Event::GenerationOpened { generation: 1, key: "x".repeat(20_000) };
    Proposal::single(Draft::of(event, server()), Vec::new())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_proposed_at_the_same_time_is_recorded_in_order_and_proven() {
    let house = House::build().await;
    let kept = house.open().await;
    let cases: Vec<Case> = (0..40).map(|_| Case::new()).collect();
    let opened = kept.record_all(cases.iter().map(Case::open).collect()).await;
    let opened: Vec<Receipt> = opened.into_iter().flat_map(receipts).collect();
    let messages = (1..=5).flat_map(|seq| cases.iter().map(move |case| case.message(seq))).collect();
    let told: Vec<Receipt> = kept.record_all(messages).await.into_iter().flat_map(receipts).collect();
    assert!(told.is_sorted_by(|one, next| one.index < next.index), "the order of the queue is the order of the log");
    house.assert_proven(&opened);
    house.assert_proven(&told);
    let entries = house.check(&kept).await;
    assert_eq!(entries.iter().filter(|entry| entry.kind.as_str() == "message.received/1").count(), 200);
    let commits = house.transactions(told.iter().map(|receipt| receipt.index)).await.len();
    assert!(commits < 50, "{commits} transactions for 200 entries");
    let client = house.connect().await;
    let sql = "SELECT count(*), min(version), max(version), min(last_message), max(last_message) FROM conversation";
    let row = client.query_one(sql, &[]).await.unwrap();
    let found =
        (row.get::<_, i64>(0), row.get::<_, i64>(1), row.get::<_, i64>(2), row.get::<_, i32>(3), row.get::<_, i32>(4));
    assert_eq!(found, (40, 6, 6, 5, 5));
    kept.close().await;
    house.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_longest_import_is_recorded_as_a_whole_or_not_at_all() {
    let house = House::build().await;
    let kept = house.open().await;
    let receipts = kept.record(import()).await;
    assert_eq!(receipts.len(), 1 + IMPORT_ACCOUNTS_MAX);
    house.assert_proven(&receipts);
    assert_eq!(house.transactions(receipts.iter().map(|receipt| receipt.index)).await.len(), 1);
    let size = house.check(&kept).await.len();
    // One more is refused, and so is a whole file for its last account.
    let mut longer = import();
    let last = Draft::of(Event::LoggedOut, server());
    longer.steps.push(Step { draft: last, effects: Vec::new() });
    let mut impossible = import();
    impossible.steps[0].effects.extend(impossible_account().steps.remove(0).effects);
    for proposal in [longer, impossible] {
        assert!(matches!(kept.slot.record(proposal).await, Err(RecordError::Rejected { .. })));
    }
    assert_eq!(house.check(&kept).await.len(), size);
    let client = house.connect().await;
    let count = client.query_one("SELECT count(*) FROM account", &[]).await.unwrap().get::<_, i64>(0);
    assert_eq!(usize::try_from(count), Ok(IMPORT_ACCOUNTS_MAX));
    kept.close().await;
    house.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_decision_on_an_old_version_conflicts_within_a_batch_and_behind_one_in_flight() {
    let house = House::build().await;
    let kept = house.open().await;
    let case = Case::new();
    kept.record(case.open()).await;
    let held = Held::hold(&house, &kept).await;
    let in_flight = kept.submit(vec![case.message(1)]).await;
    held.wait_for_commit().await;
    let one_batch = kept.submit(vec![case.message(1), case.message(2), case.message(2), case.message(3)]).await;
    held.release().await;
    receipts(answers(in_flight).await.remove(0));
    let told = answers(one_batch).await;
    let conflict = |told: &Result<Outcome, RecordError>, decided: i64, found: i64| matches!(told, Err(RecordError::Conflict { expected, got: Some(got), .. }) if expected.0 == decided && got.0 == found);
    assert!(conflict(&told[0], 1, 2), "behind the batch in flight");
    assert!(matches!(told[1], Ok(Outcome::Recorded(..))));
    assert!(conflict(&told[2], 2, 3), "within the batch");
    assert!(matches!(told[3], Ok(Outcome::Recorded(..))));
    let unknown = kept.slot.record(Case::new().message(1)).await;
    assert!(matches!(unknown, Err(RecordError::Conflict { got: None, .. })), "a conversation that is not there");
    house.check(&kept).await;
    kept.close().await;
    house.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_refused_proposal_takes_no_other_of_its_batch_with_it() {
    let house = House::build().await;
    let kept = house.open().await;
    let cases: Vec<Case> = (0..20).map(|_| Case::new()).collect();
    let mut proposals: Vec<Proposal> = cases.iter().map(Case::open).collect();
    proposals.insert(4, endless());
    proposals.insert(7, impossible_account());
    proposals.insert(13, Case::of(cases[2].subject, false).open());
    proposals.push(cases[19].message(1));
    let told = as_one_batch(&house, &kept, proposals).await;
    let mut recorded = Vec::new();
    for (at, told) in told.into_iter().enumerate() {
        match (at, told) {
            (4, Err(RecordError::Entry(_))) => {}
            (7, Err(RecordError::Rejected { sqlstate })) => assert_eq!(sqlstate, "23514", "capacity"),
            (13, Err(RecordError::Rejected { sqlstate })) => {
                assert_eq!(sqlstate, "23505", "a second open conversation");
            }
            (4 | 7 | 13, Ok(_)) => panic!("proposal {at} was recorded"),
            (_, told) => recorded.extend(receipts(told)),
        }
    }
    house.assert_proven(&recorded);
    let entries = house.check(&kept).await;
    assert!(!entries.iter().any(|entry| entry.kind.as_str() == "account.created/1"), "no effect, no entry");
    assert_eq!(entries.iter().filter(|entry| entry.kind.as_str() == "conversation.opened/2").count(), 20);
    let client = house.connect().await;
    let rows = client.query_one("SELECT count(*) FROM agent", &[]).await.unwrap();
    assert_eq!(rows.get::<_, i64>(0), 0);
    kept.close().await;
    house.end().await;
}

/// Lets the next `failures` writes of a message fail with an SQLSTATE, however often they are tried; counts the tries.
async fn failing(house: &House, sqlstate: &str, failures: u32) -> Client {
    let (owner, connection) = house.postgres.owner_config().connect(NoTls).await.unwrap();
    tokio::spawn(connection);
    // What a sequence gave out is not rolled back.
    let sql = format!(
        "DROP SEQUENCE IF EXISTS tries; CREATE SEQUENCE tries; \
         CREATE OR REPLACE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$ BEGIN \
         IF nextval('tries') <= {failures} THEN RAISE EXCEPTION 'again' USING ERRCODE = '{sqlstate}'; END IF; RETURN NEW; END $$; \
         DROP TRIGGER IF EXISTS fail ON message; \
         CREATE TRIGGER fail BEFORE INSERT ON message FOR EACH ROW EXECUTE FUNCTION fail()"
    );
    owner.batch_execute(&sql).await.unwrap();
    owner
}

async fn tries(owner: &Client) -> i64 {
    owner.query_one("SELECT last_value FROM tries", &[]).await.unwrap().get(0)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_serialization_failure_or_a_deadlock_sends_the_whole_batch_again() {
    let house = House::build().await;
    let kept = house.open().await;
    for sqlstate in ["40001", "40P01"] {
        let case = Case::new();
        kept.record(case.open()).await;
        let owner = failing(&house, sqlstate, 2).await;
        let told = as_one_batch(&house, &kept, vec![plain(), case.message(1), plain()]).await;
        let recorded: Vec<Receipt> = told.into_iter().flat_map(receipts).collect();
        assert_eq!(tries(&owner).await, 3, "{sqlstate}");
        assert!(recorded.is_sorted_by(|one, next| one.index.0 + 1 == next.index.0), "in order, and each once");
        assert_eq!(house.transactions(recorded.iter().map(|receipt| receipt.index)).await.len(), 1, "{sqlstate}");
        house.assert_proven(&recorded);
    }
    let entries = house.check(&kept).await;
    assert_eq!(entries.iter().filter(|entry| entry.kind.as_str() == "server.stopped/1").count(), 4);
    kept.close().await;
    house.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_that_fails_to_be_serialized_again_and_again_is_refused_and_the_log_goes_on() {
    let house = House::build().await;
    let kept = house.open().await;
    let case = Case::new();
    kept.record(case.open()).await;
    let owner = failing(&house, "40001", 1_000).await;
    let told = as_one_batch(&house, &kept, vec![plain(), case.message(1)]).await;
    assert!(told.iter().all(|told| matches!(told, Err(RecordError::Unavailable))), "to be tried later");
    assert_eq!(tries(&owner).await, 6, "the first time, and five times again");
    owner.batch_execute("DROP TRIGGER fail ON message").await.unwrap();
    kept.record(case.message(1)).await;
    let entries = house.check(&kept).await;
    assert!(!entries.iter().any(|entry| entry.kind.as_str() == "server.stopped/1"), "nothing of it was recorded");
    kept.close().await;
    house.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_that_is_at_another_version_than_was_read_sends_the_whole_batch_again() {
    let house = House::build().await;
    let kept = house.open().await;
    let (stale, other) = (Case::new(), Case::new());
    for case in [&stale, &other] {
        kept.record(case.open()).await;
    }
    // Behind the recorder's back: what it remembers of the row is old, and the update reaches none.
    let client = house.connect().await;
    let moved = "UPDATE conversation SET version = version + 7 WHERE id = $1";
    assert_eq!(client.execute(moved, &[&stale.conversation.key.0]).await.unwrap(), 1);
    let told = as_one_batch(&house, &kept, vec![other.message(1), stale.message(1), plain()]).await;
    let [first, second, third] = <[_; 3]>::try_from(told).ok().unwrap();
    match second {
        Err(RecordError::Conflict { expected, got, .. }) => assert_eq!((expected, got), (Version(1), Some(Version(8)))),
        Err(error) => panic!("{error}"),
        Ok(_) => panic!("recorded on a version that was not read"),
    }
    let recorded = [receipts(first), receipts(third)].concat();
    house.assert_proven(&recorded);
    assert_eq!(recorded[0].index.0 + 1, recorded[1].index.0);
    // Decided on what is there, it goes.
    kept.record(stale.message_on(1, Version(8))).await;
    house.check(&kept).await;
    kept.close().await;
    house.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_fit_into_the_queue_is_refused_at_once_and_all_the_rest_is_recorded() {
    let house = House::build().await;
    let kept = house.open().await;
    let held = Held::hold(&house, &kept).await;
    let first = kept.submit(vec![filler()]).await;
    held.wait_for_commit().await;
    // While a commit is held up, the writer has one batch in its hands and perhaps part of another.
    let asked = RECORDER_QUEUE_PROPOSALS_MAX + 4 * BATCH_ENTRIES_MAX;
    let mut submitted = kept.submit((0..asked).map(|_| plain()).collect()).await;
    let mut refused = 0;
    for one in &mut submitted {
        if let MaybeDone::Done(told) = &**one {
            assert!(matches!(told, Err(RecordError::Overloaded)), "nothing else can be known yet");
            refused += 1;
        }
    }
    assert!((2 * BATCH_ENTRIES_MAX..=4 * BATCH_ENTRIES_MAX).contains(&refused), "{refused} of {asked}");
    held.release().await;
    receipts(answers(first).await.remove(0));
    // A caller may give up on a slow machine; what was taken in is recorded all the same.
    drop(submitted);
    kept.close().await;
    let entries = house.entries().await;
    let recorded = entries.iter().filter(|entry| entry.kind.as_str() == "server.stopped/1").count();
    assert_eq!(recorded + refused, asked, "each was either refused or recorded");
    house.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_counts_once_within_a_batch_later_and_after_a_restart() {
    let house = House::build().await;
    let kept = house.open().await;
    let told = as_one_batch(&house, &kept, vec![keyed(1, 1), keyed(1, 1), keyed(1, 2), keyed(2, 1)]).await;
    let [first, twice, altered, other] = told.try_into().unwrap_or_else(|_| panic!("four answers"));
    let index = receipts(first)[0].index;
    let same = |told| matches!(told, Ok(Outcome::Duplicate { index: of }) if of == index);
    let reused = |told| matches!(told, Err(RecordError::KeyReused { first }) if first == index);
    assert!(same(twice) && reused(altered));
    receipts(other);
    assert!(same(kept.slot.record(keyed(1, 1)).await) && reused(kept.slot.record(keyed(1, 2)).await));
    kept.close().await;
    let kept = house.open().await;
    assert!(same(kept.slot.record(keyed(1, 1)).await) && reused(kept.slot.record(keyed(1, 2)).await));
    let entries = house.check(&kept).await;
    assert_eq!(entries.iter().filter(|entry| entry.kind.as_str() == "server.stopped/1").count(), 2);
    kept.close().await;
    house.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn chains_of_conversation_and_subject_go_on_after_a_restart() {
    let house = House::build().await;
    let kept = house.open().await;
    let first = Case::new();
    kept.record_all(vec![first.open(), first.message(1)]).await.into_iter().for_each(|told| drop(receipts(told)));
    kept.close().await;
    let kept = house.open().await;
    kept.record(first.message(2)).await;
    kept.record(first.close(Version(3), 2)).await;
    let second = Case::of(first.subject, false);
    let told = kept.record_all(vec![second.open(), second.message(1)]).await;
    for told in told {
        receipts(told);
    }
    kept.close().await;
    let kept = house.open().await;
    kept.record(second.message(2)).await;
    let entries = house.check(&kept).await;
    let numbers = |of: Chain, case: &Case| -> Vec<u64> {
        let mine = entries.iter().filter(|entry| match of {
            Chain::Conversation => entry.conversation == Some(case.conversation.public.0),
            Chain::Subject => entry.subject == Some(case.subject.0),
        });
        mine.flat_map(|entry| entry.chains.iter().filter(|link| link.of == of).map(|link| link.n)).collect()
    };
    assert_eq!(numbers(Chain::Conversation, &first), [0, 1, 2, 3]);
    assert_eq!(numbers(Chain::Conversation, &second), [0, 1, 2]);
    assert_eq!(numbers(Chain::Subject, &first), [0, 1, 2, 3, 4, 5, 6]);
    kept.close().await;
    house.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_steps_back_is_recorded_once_and_entry_times_never_fall() {
    let house = House::build().await;
    let kept = house.open().await;
    kept.record(plain()).await;
    for (by_us, events) in [(-500_000, 0), (-60_000_000, 1), (-60_000_000, 1), (0, 1), (-90_000_000, 2)] {
        house.clock.0.store(by_us, Ordering::SeqCst);
        if by_us == 0 {
            // The clock must have passed the newest entry for the step to be over.
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        kept.record(plain()).await;
        let entries = house.check(&kept).await;
        let stepped: Vec<_> = entries.iter().filter(|entry| entry.kind.as_str() == "clock.stepped_back/1").collect();
        assert_eq!(stepped.len(), events, "after {by_us} µs");
        assert!(entries.is_sorted_by_key(|entry| entry.time));
        for entry in stepped {
            let Detail::Object(fields) = &entry.detail else { panic!("no details") };
            assert!(matches!(fields.get("by_ms"), Some(Detail::Int(by_ms)) if (55_000..95_000).contains(by_ms)));
        }
    }
    kept.close().await;
    house.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_whose_guard_the_disk_does_not_keep_stops_and_signs_nothing() {
    let house = House::build().await;
    // It takes bytes and can't be synced, as a disk whose fsync fails.
    std::os::unix::fs::symlink("/dev/null", house.folder.path().join("guard")).unwrap();
    let kept = house.begin();
    let mut status = kept.slot.status();
    let stopped = status.wait_for(|status| matches!(status, LogStatus::Stopped(_))).await.unwrap().clone();
    assert!(matches!(stopped, LogStatus::Stopped(FatalError::Guard { .. })), "{stopped:?}");
    assert!(kept.slot.head().is_none(), "a head was signed that a put-back database could contradict");
    assert!(matches!(kept.slot.record(plain()).await, Err(RecordError::Stopped)));
    kept.close().await;
    house.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_ends_before_its_commit_is_settled_and_nothing_is_doubled() {
    let house = House::build().await;
    let kept = house.open().await;
    let held = Held::hold(&house, &kept).await;
    let asked = kept.submit(vec![keyed(1, 1), keyed(2, 1)]).await;
    held.wait_for_commit().await;
    let sql = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE application_name = 'lww' \
               AND wait_event_type = 'Lock'";
    assert_eq!(held.watcher.query_one(sql, &[]).await.unwrap().get::<_, i64>(0), 1);
    // The log is taken anew, which waits for the transaction in doubt: here, for ours.
    let sql = "SELECT EXISTS (SELECT 1 FROM pg_stat_activity WHERE application_name = 'lww' AND wait_event_type = 'Lock' \
               AND query LIKE 'UPDATE log_head SET epoch%')";
    until(&held.watcher, "the log to be taken anew", sql).await;
    held.release().await;
    let told: Vec<Receipt> = answers(asked).await.into_iter().flat_map(receipts).collect();
    house.assert_proven(&told);
    assert!(matches!(kept.slot.record(keyed(1, 1)).await, Ok(Outcome::Duplicate { index }) if index == told[0].index));
    let entries = house.check(&kept).await;
    assert_eq!(entries.iter().filter(|entry| entry.kind.as_str() == "server.stopped/1").count(), 2);
    kept.close().await;
    house.end().await;
}

/// Makes commits wait for a replica that does not exist, or no longer.
async fn wait_for_replica(house: &House, client: &Client, name: &str) {
    let tuning = house.postgres.data_directory().join("tuning.conf");
    std::fs::write(tuning, format!("synchronous_standby_names = '{name}'\n")).unwrap();
    let pid = house.postgres.pid().to_string();
    assert!(std::process::Command::new("kill").args(["-HUP", &pid]).status().unwrap().success());
    let sql = format!("SELECT current_setting('synchronous_standby_names') = '{name}'");
    until(client, "the setting", &sql).await;
    if !name.is_empty() {
        commits_wait(house, client).await;
    }
}

/// Each backend reads the setting, but the checkpointer alone tells them to wait: once a commit of ours does, every later one will.
async fn commits_wait(house: &House, client: &Client) {
    let probe = house.connect().await;
    let pid: i32 = probe.query_one("SELECT pg_backend_pid()", &[]).await.unwrap().get(0);
    let tried = tokio::spawn(async move {
        while probe.batch_execute("SELECT pg_logical_emit_message(true, 'probe', '')").await.is_ok() {}
    });
    let sql = format!("SELECT EXISTS (SELECT 1 FROM pg_stat_activity WHERE pid = {pid} AND wait_event = 'SyncRep')");
    until(client, "commits to wait for the replica", &sql).await;
    client.query_one("SELECT pg_terminate_backend($1)", &[&pid]).await.unwrap();
    tried.await.unwrap();
}

/// Ends or cancels whoever waits for the replica in a statement like this one, sooner or later.
async fn strike_waiting(client: &Client, what: &str, statement: &str) {
    let sql = format!(
        "SELECT count({what}(pid)) > 0 FROM pg_stat_activity WHERE application_name = 'lww' AND wait_event = 'SyncRep' \
         AND query LIKE '{statement}'"
    );
    // A lease being renewed waits as well, and the commit behind it: that one is let go.
    let renewals = "SELECT count(pg_cancel_backend(pid)) FROM pg_stat_activity WHERE application_name = 'lww' \
                    AND wait_event = 'SyncRep' AND query LIKE 'UPDATE log_head SET lease%'";
    let until = Instant::now() + PATIENCE;
    while !client.query_one(&sql, &[]).await.unwrap().get::<_, bool>(0) {
        client.query_one(renewals, &[]).await.unwrap();
        assert!(Instant::now() < until, "waited in vain for {statement} to wait for the replica");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_that_its_replica_did_not_confirm_is_not_acknowledged_before_it_is_settled() {
    for strike in ["pg_cancel_backend", "pg_terminate_backend"] {
        let house = House::build().await;
        let kept = house.open().await;
        let client = house.connect().await;
        let before = kept.slot.head().unwrap().size;
        wait_for_replica(&house, &client, "nobody").await;
        let slot = Arc::clone(&kept.slot);
        let asked = tokio::spawn(async move { slot.record(keyed(1, 1)).await });
        strike_waiting(&client, strike, "COMMIT%").await;
        let sql = "SELECT EXISTS (SELECT 1 FROM pg_stat_activity WHERE application_name = 'lww' AND wait_event = 'SyncRep' \
                   AND query LIKE 'UPDATE log_head SET epoch%')";
        until(&client, "the log to be taken anew", sql).await;
        assert!(!asked.is_finished(), "{strike}: acknowledged, though no replica has it");
        assert_eq!(kept.slot.head().unwrap().size, before, "{strike}: signed, though no replica has it");
        wait_for_replica(&house, &client, "").await;
        let told = receipts(asked.await.unwrap());
        house.assert_proven(&told);
        let entries = house.check(&kept).await;
        assert_eq!(entries.iter().filter(|entry| entry.kind.as_str() == "server.stopped/1").count(), 1, "{strike}");
        kept.close().await;
        house.end().await;
    }
}

/// What a model of one version a conversation says of a plan.
mod model {
    use proptest::prelude::{Strategy, any};
    use proptest::test_runner::{Config, TestRunner};

    use super::*;

    const CONVERSATIONS: usize = 3;
    /// Plans that are tried; each runs on the same log.
    const PLANS: u32 = 24;

    /// One proposal of a plan: which conversation, how far its decision is behind, and whether the writer gets time after it.
    type Move = (usize, i64, bool);

    fn plan() -> impl Strategy<Value = Vec<Move>> {
        let behind = proptest::prop_oneof![3 => proptest::prelude::Just(0_i64), 1 => 1_i64..3];
        proptest::collection::vec((0..CONVERSATIONS, behind, any::<bool>()), 1..40)
    }

    async fn play(kept: &Kept, moves: Vec<Move>) {
        let cases: Vec<Case> = (0..CONVERSATIONS).map(|_| Case::new()).collect();
        kept.record_all(cases.iter().map(Case::open).collect()).await.into_iter().for_each(|told| drop(receipts(told)));
        let mut versions = [1_i64; CONVERSATIONS];
        let mut asked = Vec::new();
        let mut expected = Vec::new();
        for (which, behind, breathe) in moves {
            let decided = (versions[which] - behind).max(1);
            let seq = i32::try_from(versions[which]).unwrap();
            asked.extend(kept.submit(vec![cases[which].message_on(seq, Version(decided))]).await);
            expected.push((decided, versions[which]));
            if decided == versions[which] {
                versions[which] += 1;
            }
            if breathe {
                tokio::task::yield_now().await;
            }
        }
        for (told, (decided, present)) in answers(asked).await.into_iter().zip(expected) {
            match told {
                Ok(Outcome::Recorded(..)) => assert_eq!(decided, present),
                Err(RecordError::Conflict { expected, got, .. }) => {
                    assert_eq!((expected, got), (Version(decided), Some(Version(present))));
                    assert_ne!(decided, present);
                }
                Ok(Outcome::Duplicate { .. }) => panic!("no keys were given"),
                Err(error) => panic!("{error}"),
            }
        }
    }

    #[test]
    fn any_order_of_decisions_ends_as_one_after_the_other_would() {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
        let (house, kept) = runtime.block_on(async {
            let house = House::build().await;
            let kept = house.open().await;
            (house, kept)
        });
        let mut runner = TestRunner::new(Config { cases: PLANS, failure_persistence: None, ..Config::default() });
        let played = runner.run(&plan(), |moves| {
            runtime.block_on(play(&kept, moves));
            Ok(())
        });
        played.unwrap();
        runtime.block_on(async {
            house.check(&kept).await;
            kept.close().await;
            house.end().await;
        });
    }
}

mod slow {
    use super::*;

    const CALLERS: u64 = 16;
    const KEYS_EACH: u64 = 200;
    /// Pause between two connections being ended, in milliseconds.
    const STRIKE_EVERY_MS: u64 = 7;

    /// Records keys one after the other, each again until its outcome is known.
    async fn call(slot: Arc<LogSlot>, caller: u64) -> Vec<EntryIndex> {
        let mut indexes = Vec::new();
        for number in 0..KEYS_EACH {
            let until = Instant::now() + PATIENCE;
            let index = loop {
                match slot.record(keyed(caller * KEYS_EACH + number, 1)).await {
                    Ok(Outcome::Recorded(receipts, _)) => break receipts[0].index,
                    Ok(Outcome::Duplicate { index }) => break index,
                    Err(RecordError::Unknown | RecordError::Unavailable) => {}
                    Err(error) => panic!("{error}"),
                }
                assert!(Instant::now() < until, "the outcome of a key stays unknown");
                tokio::time::sleep(Duration::from_millis(10)).await;
            };
            indexes.push(index);
        }
        indexes
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn connections_that_end_in_the_middle_lose_and_double_nothing() {
        let house = House::build().await;
        let kept = house.open().await;
        let client = house.connect().await;
        let callers: Vec<_> = (0..CALLERS).map(|caller| tokio::spawn(call(Arc::clone(&kept.slot), caller))).collect();
        let sql = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE application_name = 'lww' \
                   AND state <> 'idle'";
        let mut ended = 0;
        while !callers.iter().all(JoinHandle::is_finished) {
            ended += client.query_one(sql, &[]).await.unwrap().get::<_, i64>(0);
            tokio::time::sleep(Duration::from_millis(STRIKE_EVERY_MS)).await;
        }
        let mut indexes = BTreeSet::new();
        for caller in callers {
            indexes.extend(caller.await.unwrap());
        }
        assert!(ended > 0, "no connection was ended in the middle");
        eprintln!("{ended} connections ended in the middle");
        assert_eq!(indexes.len() as u64, CALLERS * KEYS_EACH, "each key has an entry of its own");
        let entries = house.check(&kept).await;
        let recorded = entries.iter().filter(|entry| entry.kind.as_str() == "server.stopped/1").count();
        assert_eq!(recorded as u64, CALLERS * KEYS_EACH, "each key has one entry");
        kept.close().await;
        house.end().await;
    }
}
