//! The recorder with its effects against PostgreSQL's own batched insert of the same rows, in one run.
//!
//! Both write, per message: an entry, a duplicate guard, a sealed message and a conversation's new version, 256 messages a
//! transaction, durable. The recorder adds linking, hashing, the rollback guard, signatures and receipts. Goal: 80 % of the
//! baseline and 15,000 entries a second. With `million` the log is then grown to a million entries and the server started
//! again; goal 3 s. Arguments: `-- [seconds] [million]`.

#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::indexing_slicing,
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_possible_wrap,
    reason = "a benchmark prints figures and stops at the first thing that is wrong"
)]

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use liaowaiwai::app::config::Config;
use liaowaiwai::app::{App, Served, StartOptions};
use liaowaiwai::crypto::SystemRandom;
use liaowaiwai::domain::event::{Event, Role};
use liaowaiwai::domain::message::Sealed;
use liaowaiwai::domain::record::{
    Actor, ConversationChange, ConversationState, Dedup, Draft, Effect, NewConversation, NewMessage, NewSubject,
    Outcome, Proposal, Step,
};
use liaowaiwai::domain::routing::{Case, Decision, Routed};
use liaowaiwai::ports::{Random, Recorder, random_bytes};
use liaowaiwai::storage::database::Database;
use liaowaiwai::units::{
    AccountId, ChannelAccount, ConversationId, ConversationKey, ConversationRef, Hash, MessageId, MessageSeq,
    SubjectId, Timestamp, Version,
};
use lww_audit::entry::{Content, PolicyRef};

use uuid::Uuid;

const WORKERS: usize = 512;
const BATCH: usize = 256;
const SEALED_BYTES: usize = 232;

#[tokio::main]
async fn main() {
    let seconds = std::env::args().find_map(|argument| argument.parse().ok()).unwrap_or(10);
    let folder = tempfile::tempdir().expect("a temporary folder");
    open_to_all(folder.path());
    let mut config = Config::load(None).expect("the embedded default");
    config.move_to(folder.path());
    let app = App::start(config, &StartOptions::default(), &|_| {}).await.expect("the server starts");
    app.settled().await.expect("the logs open");
    let served = Arc::clone(app.tenants.get(1).expect("the demo tenant"));
    let baseline = baseline(&app.database, served.log.tenant.0, seconds).await;
    println!("PostgreSQL alone, the same rows   {baseline:>9.0} messages/s");
    // Connections, caches and PostgreSQL's buffers as they are in use.
    recorder(&served.slot, 5).await;
    let (recorder, p50, p99) = recorder(&served.slot, seconds).await;
    println!("recorder with effects, proven     {recorder:>9.0} entries/s   p50 {p50:.1} ms  p99 {p99:.1} ms");
    println!("ratio                             {:>9.1} %          goal 80 %", 100.0 * recorder / baseline);
    println!("goal 15,000 entries/s             {:>9.1} %", 100.0 * recorder / 15_000.0);
    if std::env::args().any(|argument| argument == "million") {
        Box::pin(start_with_a_million(app, served, folder.path())).await;
        return;
    }
    drop(served);
    app.stop().await.expect("the server stops");
}

/// Grows the log, stops in order, and times the next start up to the point at which every log is active.
async fn start_with_a_million(app: App, served: Arc<Served>, folder: &std::path::Path) {
    while served.slot.head().map_or(0, |head| head.size.0) < 1_000_000 {
        recorder(&served.slot, 10).await;
    }
    let size = served.slot.head().map_or(0, |head| head.size.0);
    drop(served);
    app.stop().await.expect("the server stops");
    let mut config = Config::load(None).expect("the embedded default");
    config.move_to(folder);
    let began = Instant::now();
    let app = App::start(config, &StartOptions::default(), &|_| {}).await.expect("the server starts");
    app.settled().await.expect("the logs open");
    let took = began.elapsed().as_secs_f64();
    println!("start with {size} entries       {took:>9.2} s          goal 3 s (PostgreSQL's own start included)");
    app.stop().await.expect("the server stops");
}

fn open_to_all(path: &std::path::Path) {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).expect("the folder's mode");
}

struct Conversation {
    names: ConversationRef,
    subject: SubjectId,
    version: i64,
    last: i32,
}

fn bytes(random: &dyn Random, count: usize) -> Vec<u8> {
    let mut out = vec![0; count];
    random.fill(&mut out);
    out
}

fn content(random: &dyn Random) -> Content {
    Content { commit_masked: Hash(random_bytes(random)), commit_sealed: Hash(random_bytes(random)), spans: Vec::new() }
}

async fn recorder(recorder: &Arc<impl Recorder + 'static>, seconds: u64) -> (f64, f64, f64) {
    let done = Arc::new(AtomicU64::new(0));
    let until = Instant::now() + Duration::from_secs(seconds);
    let began = Instant::now();
    let mut workers = Vec::new();
    for _ in 0..WORKERS {
        let (recorder, done) = (Arc::clone(recorder), Arc::clone(&done));
        workers.push(tokio::spawn(async move {
            let random = SystemRandom::new();
            let mut conversation = open(&*recorder, &random).await;
            let mut waits = Vec::new();
            while Instant::now() < until {
                let sent = Instant::now();
                let proposal = message(&mut conversation, &random);
                match recorder.record(proposal).await {
                    Ok(Outcome::Recorded(..)) => {}
                    Ok(Outcome::Duplicate { .. }) => panic!("nothing is sent twice"),
                    Err(error) => panic!("{error}"),
                }
                waits.push(sent.elapsed());
                done.fetch_add(1, Ordering::Relaxed);
            }
            waits
        }));
    }
    let mut waits = Vec::new();
    for worker in workers {
        waits.extend(worker.await.expect("a worker"));
    }
    let rate = done.load(Ordering::Relaxed) as f64 / began.elapsed().as_secs_f64();
    waits.sort_unstable();
    let at = |share: f64| waits[((waits.len() - 1) as f64 * share) as usize].as_secs_f64() * 1e3;
    (rate, at(0.5), at(0.99))
}

fn channel() -> ChannelAccount {
    ChannelAccount { channel: "http", account: "bench".to_owned() }
}

async fn open(recorder: &impl Recorder, random: &dyn Random) -> Conversation {
    let subject = SubjectId::from_random(random_bytes(random));
    let names = ConversationRef {
        key: ConversationKey::new(Timestamp::from_micros(1_700_000_000_000_000), random_bytes(random)),
        public: ConversationId::from_random(random_bytes(random)),
    };
    let new = NewSubject {
        id: subject,
        identity: random_bytes(random),
        epoch: 1,
        wrapped_key: bytes(random, 61),
        contact: bytes(random, 80),
        sealed_identity: bytes(random, 100),
    };
    let actor = Actor { id: AccountId(subject.0), role: Role::Customer };
    let draft = Draft::of(opening(), actor).about(names, subject, &channel());
    let opened = NewConversation { conversation: names, subject, channel: channel(), continues: None };
    let effects = vec![Effect::NewSubject(new), Effect::NewConversation(opened)];
    if let Err(error) = recorder.record(Proposal::single(draft, effects)).await {
        panic!("{error}");
    }
    Conversation { names, subject, version: 1, last: 0 }
}

fn message(conversation: &mut Conversation, random: &dyn Random) -> Proposal {
    let Conversation { names, subject, version, last } = conversation;
    let id = MessageId::from_random(random_bytes(random));
    let actor = Actor { id: AccountId(subject.0), role: Role::Customer };
    *last += 1;
    let seq = MessageSeq(*last);
    let mut draft = Draft::of(Event::MessageReceived { message: id, seq }, actor).about(*names, *subject, &channel());
    draft.content = Some(content(random));
    draft.policy = Some(PolicyRef { digest: Hash(random_bytes(random)), id: "cn-retail".to_owned(), version: 1 });
    let stored = NewMessage {
        conversation: names.key,
        seq,
        id,
        direction: 0,
        channel: channel(),
        author: None,
        original: Sealed(bytes(random, SEALED_BYTES)),
        masked: Sealed(bytes(random, SEALED_BYTES)),
        file: None,
    };
    let change = ConversationChange {
        conversation: names.key,
        expected: Version(*version),
        state: ConversationState::Waiting,
        agent: None,
        last: seq,
        last_agent: None,
        channel: None,
        marks: None,
    };
    *version += 1;
    let dedup = Dedup { key: random_bytes(random), body: random_bytes(random) };
    let step = Step { draft, effects: vec![Effect::NewMessage(stored), Effect::Conversation(change)] };
    Proposal { steps: vec![step], primary: 0, dedup: Some(dedup) }
}

/// The same rows by hand: one connection, 256 messages a transaction, statements pipelined.
async fn baseline(database: &tokio_postgres::Config, tenant: i32, seconds: u64) -> f64 {
    let database = Database::connect(database, Some(liaowaiwai::units::TenantId(tenant))).await.expect("PostgreSQL");
    let random = SystemRandom::new();
    let conversations: Vec<Uuid> = (0..WORKERS).map(|_| Uuid::from_bytes(random_bytes(&random))).collect();
    prepare_baseline(&database, tenant, &conversations).await;
    let mut seq = 0_i64;
    let began = Instant::now();
    while began.elapsed() < Duration::from_secs(seconds) {
        let first = seq as usize % WORKERS;
        let own: Vec<Uuid> = (0..BATCH).map(|at| conversations[(first + at) % WORKERS]).collect();
        write_baseline(&database, tenant, seq, &own, &random).await;
        seq += BATCH as i64;
    }
    seq as f64 / began.elapsed().as_secs_f64()
}

/// The baseline's rows go under a generation that no log uses, and under conversations of their own.
const GENERATION: i32 = 1_000_000;

async fn prepare_baseline(database: &Database, tenant: i32, conversations: &[Uuid]) {
    database.client.execute("SELECT ensure_partition($1, $2, 0)", &[&tenant, &GENERATION]).await.expect("a partition");
    database
        .client
        .execute(
            "INSERT INTO conversation (tenant, id, public_id, subject, channel, state, version, last_message, opened_seq, \
             opened_at, chain_n, chain_seq, chain_leaf, subject_n, subject_seq, subject_leaf) \
             SELECT $1, id, id, id, 1, 2, 1, 0, 0, 0, 0, 0, '', 0, 0, '' FROM unnest($2::uuid[]) AS u(id)",
            &[&tenant, &conversations],
        )
        .await
        .expect("conversations");
}

async fn write_baseline(database: &Database, tenant: i32, first: i64, conversations: &[Uuid], random: &dyn Random) {
    let count = conversations.len();
    let seqs: Vec<i64> = (first..).take(count).collect();
    let places: Vec<i32> = seqs.iter().map(|seq| i32::try_from(*seq).expect("a short run")).collect();
    let column = |size: usize| -> Vec<Vec<u8>> { (0..count).map(|_| bytes(random, size)).collect() };
    let (entries, keys, bodies) = (column(1100), column(16), column(16));
    let (originals, masked, leaves) = (column(SEALED_BYTES), column(SEALED_BYTES), column(32));
    let ids: Vec<Uuid> = (0..count).map(|_| Uuid::from_bytes(random_bytes(random))).collect();
    let client = &database.client;
    let entry = "INSERT INTO ledger_entry (tenant, generation, seq, body) SELECT $1, $2, u.* FROM unnest($3::bigint[], $4::bytea[]) u";
    let dedup = "INSERT INTO dedup (tenant, key, seq, body) SELECT $1, u.* FROM unnest($2::bytea[], $3::bigint[], $4::bytea[]) u";
    let message = "INSERT INTO message (tenant, conversation, seq, entry_seq, id, time, direction, original, masked, channel) \
        SELECT $1, u.c, u.p, u.s, u.i, 0, 0, u.o, u.m, 1 FROM unnest($2::uuid[], $3::integer[], $4::bigint[], $5::uuid[], $6::bytea[], $7::bytea[]) AS u(c, p, s, i, o, m)";
    let update = "UPDATE conversation c SET version = c.version + 1, last_message = u.p, chain_seq = u.s, chain_leaf = u.l \
        FROM unnest($2::uuid[], $3::integer[], $4::bigint[], $5::bytea[]) AS u(i, p, s, l) WHERE c.tenant = $1 AND c.id = u.i";
    let (entry, dedup) = (database.prepared(entry).await.expect("it"), database.prepared(dedup).await.expect("it"));
    let (message, update) =
        (database.prepared(message).await.expect("it"), database.prepared(update).await.expect("it"));
    client.batch_execute("BEGIN; SET LOCAL synchronous_commit = on").await.expect("begin");
    let parameters: [&(dyn tokio_postgres::types::ToSql + Sync); 4] = [&tenant, &GENERATION, &seqs, &entries];
    let one = client.execute(&entry, &parameters);
    let parameters: [&(dyn tokio_postgres::types::ToSql + Sync); 4] = [&tenant, &keys, &seqs, &bodies];
    let two = client.execute(&dedup, &parameters);
    let parameters: [&(dyn tokio_postgres::types::ToSql + Sync); 7] =
        [&tenant, &conversations, &places, &seqs, &ids, &originals, &masked];
    let three = client.execute(&message, &parameters);
    let parameters: [&(dyn tokio_postgres::types::ToSql + Sync); 5] =
        [&tenant, &conversations, &places, &seqs, &leaves];
    let four = client.execute(&update, &parameters);
    let (one, two, three, four) = futures_util::future::join4(one, two, three, four).await;
    for written in [one, two, three, four] {
        assert_eq!(written.expect("a statement"), count as u64);
    }
    client.batch_execute("COMMIT").await.expect("commit");
}

/// The event of a conversation that a table of no importance sends to a queue.
fn opening() -> Event {
    Event::ConversationOpened(Box::new(Routed {
        table: Hash([0; 32]),
        case: Case {
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
