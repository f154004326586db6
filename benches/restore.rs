//! `lww backup` and `lww restore` of a full database, beside PostgreSQL's own dump of the same one, in one run.
//!
//! The messages come over HTTP, so that each is masked, sealed and recorded like any other. `pg_dump` and `pg_restore` are the
//! limit: they move the same rows, as little compressed as a backup is, in twice the bytes. A backup is besides hashed, signed
//! and read back, and made only of a log whose every entry leads to its head; a restore makes a PostgreSQL of its own, reads
//! every entry, opens and compares every message, and writes the tiles. In the end the server starts on what was restored and
//! knows a message from before, whose receipt holds in the log that it publishes. Arguments: `-- [messages=200000]`.

#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::cast_precision_loss,
    reason = "a benchmark prints figures and stops at the first thing that is wrong"
)]

#[path = "../tests/common/mod.rs"]
#[expect(dead_code, reason = "a measurement uses a part of what tests share")]
mod common;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use common::{World, key, now, until};
use liaowaiwai::cli::client::Client;
use liaowaiwai::http::answers::Accepted;
use lww_audit::fsck::check_receipt;
use lww_audit::{Receipt, TileDir};
use serde_json::Value;
use tokio_postgres::config::Host;

const OLD: &str = "old";
const NEW: &str = "new";
const MESSAGES: usize = 200_000;
const WORKERS: usize = 256;
/// Messages after which a worker writes as somebody new.
const MESSAGES_PER_CONTACT: usize = 20;
/// One message in four has something to mask.
const TEXTS: [&str; 4] = [
    "你好,我想问一下信用卡账单的还款日是哪一天,这个月可以延后几天吗?谢谢。",
    "我的卡号是6222 0212 3456 7890 128,手机号138 0013 8000,帮我查一下。",
    "Hello, I would like to know whether the transfer limit can be raised for one day.",
    "手机银行登录之后一直转圈,重装了也不行,帮我看看是什么原因。",
];

#[tokio::main]
async fn main() {
    let asked = std::env::args().find_map(|argument| argument.strip_prefix("messages=")?.parse().ok());
    let messages = asked.unwrap_or(MESSAGES);
    let world = World::private();
    let began = Instant::now();
    let known = fill(&world, messages).await;
    println!("filled over HTTP                   {messages} messages in {:.1} s", began.elapsed().as_secs_f64());

    let (backup, backed_up) = back_up(&world);
    let restored = restore(&world, &backup, messages);
    let bytes = size(&backup);
    let (dump_bytes, dumped, loaded) = by_postgres(&world).await;
    let line = |name: &str, bytes: u64, took: Duration| {
        let (seconds, megabytes) = (took.as_secs_f64(), bytes as f64 / 1e6);
        let (mb_per_s, rate) = (megabytes / seconds, messages as f64 / seconds);
        println!("{name:<34} {seconds:>8.2} s   {megabytes:.1} MB   {mb_per_s:.1} MB/s   {rate:.0} messages/s");
    };
    let ratio = |limit: Duration, took: Duration| {
        println!("ratio                              {:>8.1} %", 100.0 * limit.as_secs_f64() / took.as_secs_f64());
    };
    line("pg_dump (limit)", dump_bytes, dumped);
    line("lww backup, read back", bytes, backed_up);
    ratio(dumped, backed_up);
    line("pg_restore (limit)", dump_bytes, loaded);
    line("lww restore, everything verified", bytes, restored);
    ratio(loaded, restored);
    check(&world, &known, messages).await;
}

/// Sends so many messages to a server that is stopped then; what it answered to the first.
async fn fill(world: &World, messages: usize) -> Accepted {
    let config = std::fs::read_to_string(world.configure(OLD)).expect("a configuration");
    // Few warnings in its log, and no limit for the one address that stands for thousands.
    let limits = "[http]\naddress_requests_per_s = 1000000\nvisitor_requests_per_s = 1000000\n";
    let config = config.replace("\"trace\"", "\"warn\"").replace("[http]\n", limits);
    let server = world.launch_with(OLD, &config).expect("a server");
    let address = server.http;
    let workers = (0..WORKERS).map(|worker| {
        tokio::spawn(async move {
            let client = Client::http(address);
            for number in (worker..messages).step_by(WORKERS) {
                send(&client, number).await;
            }
        })
    });
    for worker in workers.collect::<Vec<_>>() {
        worker.await.expect("a worker");
    }
    let known = proven(address).await;
    server.stop();
    known
}

/// A message by its number; the same again is answered as the first time.
async fn send(client: &Client, number: usize) -> Accepted {
    let (worker, turn) = (number % WORKERS, number / WORKERS);
    let contact = format!("customer-{worker}-{}", turn / MESSAGES_PER_CONTACT);
    let text = TEXTS.iter().cycle().nth(number % TEXTS.len()).expect("a text");
    let sent = client.send_message(&key("demo"), (&contact, text), &format!("key-{number}"), now()).await;
    sent.expect("a message is taken in")
}

/// What is known of the first message, as soon as there is a receipt for it.
async fn proven(address: SocketAddr) -> Accepted {
    let client = Client::http(address);
    until("a receipt", async || send(&client, 0).await.receipt.is_some()).await;
    send(&client, 0).await
}

/// The backup's file, and how long it took.
fn back_up(world: &World) -> (PathBuf, Duration) {
    let folder = world.path().display().to_string();
    let began = Instant::now();
    let (done, said) = world.lww(OLD, &["backup", "--json", "--to", &folder]);
    let took = began.elapsed();
    assert!(done, "{said}");
    (PathBuf::from(json(&said)["backup"].as_str().expect("a path")), took)
}

/// Restores beside the old data, whose guards come along.
fn restore(world: &World, backup: &Path, messages: usize) -> Duration {
    world.configure(NEW);
    let (from, known) = (backup.display().to_string(), world.data(OLD).display().to_string());
    let began = Instant::now();
    let (done, said) = world.lww(NEW, &["restore", "--json", "--from", &from, "--known-from", &known]);
    let took = began.elapsed();
    assert!(done, "{said}");
    let told = json(&said);
    let logs = told["logs"].as_array().expect("logs");
    let demo = logs.iter().find(|log| log["tenant"] == "demo").expect("the log of the demo tenant");
    assert_eq!(demo["messages"], messages, "{demo}");
    took
}

fn json(said: &str) -> Value {
    let line = said.lines().find(|line| line.starts_with('{')).expect("a line of JSON");
    serde_json::from_str(line).expect("JSON")
}

fn size(path: &Path) -> u64 {
    std::fs::metadata(path).expect("a file").len()
}

/// The same database into a file and back into an empty one beside it: bytes, and how long both took.
async fn by_postgres(world: &World) -> (u64, Duration, Duration) {
    let (postgres, owner) = world.owner_of(OLD).await;
    drop(owner);
    // Row security is forced upon the owner, too: only a superuser's dump is whole.
    let superuser = common::superuser_of(&postgres);
    until("the superuser", async || superuser.connect(tokio_postgres::NoTls).await.is_ok()).await;
    let (sql, connection) = superuser.connect(tokio_postgres::NoTls).await.expect("the superuser");
    tokio::spawn(connection);
    sql.batch_execute("CREATE DATABASE copy TEMPLATE template0").await.expect("an empty database");
    let Some(Host::Unix(host)) = superuser.get_hosts().first() else { panic!("it is reached by a socket") };
    let programs = std::fs::read_link(format!("/proc/{}/exe", postgres.pid())).expect("PostgreSQL's program");
    let dump = world.path().join("dump");
    let run = |name: &str, database: &str, arguments: &[&str], file: &Path| {
        let mut command = Command::new(programs.with_file_name(name));
        command
            .arg("--host")
            .arg(host)
            .args(["--username", "postgres", "--dbname", database])
            .args(arguments)
            .arg(file);
        let began = Instant::now();
        let output = command.output().expect("PostgreSQL's program");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        began.elapsed()
    };
    let dumped = run("pg_dump", "lww", &["--format=custom", "--compress=0", "--file"], &dump);
    let loaded = run("pg_restore", "copy", &["--exit-on-error", "--single-transaction"], &dump);
    drop(sql);
    postgres.stop().await.expect("PostgreSQL stops");
    (size(&dump), dumped, loaded)
}

/// The server goes on with what was restored, and nobody can tell the difference.
async fn check(world: &World, known: &Accepted, messages: usize) {
    let began = Instant::now();
    let server = world.start(NEW);
    let took = began.elapsed().as_secs_f64();
    let again = send(&Client::http(server.http), 0).await;
    assert!(again.duplicate, "it does not know a message from before");
    assert_eq!((again.index, again.leaf, again.message), (known.index, known.leaf.clone(), known.message.clone()));
    let keys = [world.vkey(NEW, "demo")];
    server.stop();
    let log = world.fsck(NEW, "demo").expect("the log verifies");
    let recorded: u64 =
        log.kinds.iter().filter(|(kind, _)| kind.as_str() == "message.received/1").map(|(_, n)| n).sum();
    assert_eq!(recorded, messages as u64, "a message is missing, or there twice");
    let receipt = Receipt::parse(known.receipt.as_ref().expect("a receipt").as_bytes()).expect("a receipt");
    let tiles = TileDir::open(world.tiles(NEW, "demo"));
    check_receipt(&tiles, &log, &receipt, &keys).expect("the receipt from before holds in the restored log");
    println!("started on what was restored       {took:>8.2} s   {recorded} messages in the log, an old receipt holds");
}
