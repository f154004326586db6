//! What proofs cost: from the acknowledgement of a message to a published checkpoint that covers it and that two witnesses
//! have cosigned; the bytes of an entry in database, tiles and bundles; how large a receipt is, and how fast a log is verified
//! and evidence taken out of it.
//!
//! Both witnesses run beside the server, as `lww witness`, each with its own fsync. First messages come one by one at moments
//! of their own, then many at a time. The limit is the pause between two publications, half a second: what is acknowledged
//! right after one waits for the next. Arguments: `-- [messages=200]` of each of sixteen senders, after as many one by one.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::cast_precision_loss,
    reason = "a benchmark prints figures and stops at the first thing that is wrong"
)]

#[path = "../tests/common/mod.rs"]
#[expect(dead_code, reason = "a measurement uses a part of what tests share")]
mod common;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use common::witness::{Witness, policy};
use common::{Server, World, chosen_password, files, key, now, verified};
use liaowaiwai::cli::client::Client;
use lww_audit::{TileDir, TrustPolicy};

const MESSAGES: u32 = 200;
/// Senders of the second part.
const SENDERS: u32 = 16;
/// A time that holds the whole log.
const EVERYTHING: [&str; 3] = ["--range", "2020-01-01T00:00:00Z", "2100-01-01T00:00:00Z"];
const TENANTS: [&str; 3] = ["demo", "other", "system"];

#[tokio::main]
async fn main() {
    let asked = std::env::args().find_map(|argument| argument.strip_prefix("messages=")?.parse().ok());
    let messages = asked.unwrap_or(MESSAGES);
    let mut world = World::private();
    let first = world.start("a");
    drop(first.staff("auditor").await);
    first.stop();
    let mut witnesses: Vec<Witness> = ["w1", "w2"].map(|name| Witness::new(&world, name)).into();
    for witness in &mut witnesses {
        for tenant in TENANTS {
            witness.add_log(&world.vkey("a", tenant).to_string());
        }
        witness.start();
    }
    let policy = TrustPolicy::parse(&std::fs::read(policy(&mut world, &witnesses, 2)).unwrap()).unwrap();
    let server = world.start("a");
    let tiles = world.tiles("a", "demo");
    let singly = Watch::start(tiles.clone());
    let mut sent = Vec::new();
    for number in 0..messages {
        // 37 ms and 500 ms have no short common period: each falls at another moment between two publications.
        tokio::time::sleep(Duration::from_millis(200 + u64::from(number) * 37 % 500)).await;
        sent.push(send(&Client::http(server.http), "one", number).await);
    }
    tell("one by one", &sent, &singly.stop().await);
    let together = Watch::start(tiles.clone());
    let senders = (0..SENDERS).map(|sender| {
        let client = Client::http(server.http);
        tokio::spawn(async move {
            let mut sent = Vec::new();
            for number in 0..messages {
                sent.push(send(&client, &format!("sender {sender}"), number).await);
            }
            sent
        })
    });
    let mut sent = Vec::new();
    for sender in senders.collect::<Vec<_>>() {
        sent.extend(sender.await.unwrap());
    }
    tell("sixteen at a time", &sent, &together.stop().await);
    policy.verify(&TileDir::open(&tiles).checkpoint().unwrap().unwrap(), &[]).unwrap();
    let receipt = receipt(&Client::http(server.http)).await;
    evidence(&world, &server);
    server.stop();
    sizes(&world, receipt).await;
}

/// Bytes of one message's receipt with its texts, as its sender gets it.
async fn receipt(client: &Client) -> usize {
    let text = "您好，我的卡622202*********0128丢了，请帮我挂失，谢谢。";
    let accepted = client.send_message(&key("demo"), ("one", text), "the-last", now()).await.unwrap();
    accepted.receipt.unwrap().len()
}

/// Takes all of it out, and one customer's, and verifies both.
fn evidence(world: &World, server: &Server) {
    let vkey = world.vkey("a", "demo").to_string();
    let subject = world.entries("a", "demo").into_iter().rev().find_map(|entry| entry.subject).unwrap().to_string();
    for (what, of) in [("everything", EVERYTHING.as_slice()), ("one customer", &["--subject", &subject])] {
        let to = world.path().join(format!("{}.tar", what.replace(' ', "-")));
        let began = Instant::now();
        let order = ["evidence", "export", "--reason", "bench", "--to", to.to_str().unwrap()];
        let (status, said) = by(world, server, &[&order, of].concat());
        assert_eq!(status, 0, "{said}");
        let (made, bytes) = (began.elapsed(), std::fs::metadata(&to).unwrap().len());
        let began = Instant::now();
        let (valid, said) = verified(&["export".as_ref(), "--vkey".as_ref(), vkey.as_ref(), "--json".as_ref(), &to]);
        assert!(valid, "{said}");
        println!(
            "evidence of {what:<12} {:.1} MB: taken out in {:.1} s, verified in {:.1} s",
            megabytes(bytes),
            made.as_secs_f64(),
            began.elapsed().as_secs_f64()
        );
    }
}

/// Where an entry's bytes are, and how fast the whole log is verified.
async fn sizes(world: &World, receipt: usize) {
    let began = Instant::now();
    let summary = world.fsck("a", "demo").unwrap();
    let (entries, took) = (summary.checkpoint.size.0, began.elapsed());
    let tiles = world.tiles("a", "demo");
    let bytes_of = |folder: &str| -> u64 {
        files(&tiles.join(folder)).iter().map(|file| std::fs::metadata(file).unwrap().len()).sum()
    };
    let bundles = bytes_of("tile/entries");
    let hashes = bytes_of("tile") - bundles;
    let packed = files(&tiles.join("tile/entries")).iter().map(|file| gzipped(file)).sum();
    let (postgres, client) = world.owner_of("a").await;
    let sql = "SELECT coalesce(sum(pg_total_relation_size(c.oid)), 0)::bigint FROM pg_class c WHERE c.relkind IN ('r', 'm') \
               AND c.relnamespace = 'public'::regnamespace AND c.relname LIKE $1";
    let total = async |like: &str| -> u64 {
        u64::try_from(client.query_one(sql, &[&like]).await.unwrap().get::<_, i64>(0)).unwrap()
    };
    let (ledger, all) = (total("ledger\\_entry%").await, total("%").await);
    postgres.stop().await.unwrap();
    let each = |bytes: u64| bytes / entries;
    println!(
        "bytes an entry       {} in bundles ({} by gzip), {} in tiles, {} in the ledger's table, {} in all tables",
        each(bundles),
        each(packed),
        each(hashes),
        each(ledger),
        each(all)
    );
    println!("receipt              {receipt} bytes, with texts and a path in a tree of {entries}");
    println!(
        "whole log verified   {entries} entries in {:.2} s, {:.0} a second",
        took.as_secs_f64(),
        entries as f64 / took.as_secs_f64()
    );
}

/// What a program that everybody has makes of a file.
fn gzipped(file: &Path) -> u64 {
    let output = Command::new("gzip").arg("-c").arg(file).output().unwrap();
    output.stdout.len() as u64
}

fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}

/// Runs a command as the auditor.
fn by(world: &World, server: &Server, arguments: &[&str]) -> (i32, String) {
    let password = world.path().join("auditor.password");
    std::fs::write(&password, chosen_password("auditor")).unwrap();
    let url = format!("https://localhost:{}", server.https.port());
    let output = Command::new(env!("CARGO_BIN_EXE_lww"))
        .args(arguments)
        .args(["--login", "auditor", "--server", &url, "--password-file"])
        .arg(password)
        .arg("--config")
        .arg(world.config("a"))
        .output()
        .unwrap();
    (output.status.code().unwrap(), String::from_utf8_lossy(&output.stderr).into_owned())
}

/// Sends a message; its index, and when it was acknowledged.
async fn send(client: &Client, contact: &str, number: u32) -> (u64, Instant) {
    let of = format!("{}-{number}", contact.replace(' ', "-"));
    let accepted = client.send_message(&key("demo"), (contact, "您好"), &of, now()).await.unwrap();
    (accepted.index, Instant::now())
}

/// Notes when each published checkpoint appeared.
struct Watch {
    stop: Arc<AtomicBool>,
    task: tokio::task::JoinHandle<Vec<(u64, Instant)>>,
}

impl Watch {
    fn start(tiles: PathBuf) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let stopping = Arc::clone(&stop);
        let task = tokio::spawn(async move {
            let mut seen: Vec<(u64, Instant)> = Vec::new();
            while !stopping.load(Ordering::Relaxed) {
                let size = TileDir::open(&tiles).checkpoint().unwrap().map_or(0, |signed| signed.unverified().size.0);
                if seen.last().is_none_or(|(last, _)| *last < size) {
                    seen.push((size, Instant::now()));
                }
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
            seen
        });
        Self { stop, task }
    }

    /// Waits two seconds more, for what was sent last.
    async fn stop(self) -> Vec<(u64, Instant)> {
        tokio::time::sleep(Duration::from_secs(2)).await;
        self.stop.store(true, Ordering::Relaxed);
        self.task.await.unwrap()
    }
}

fn tell(what: &str, sent: &[(u64, Instant)], seen: &[(u64, Instant)]) {
    let covered = |index: u64| seen.iter().find(|(size, _)| *size > index).unwrap().1;
    let mut waited: Vec<Duration> =
        sent.iter().map(|(index, acknowledged)| covered(*index).saturating_duration_since(*acknowledged)).collect();
    waited.sort_unstable();
    let at = |percent: usize| waited[(waited.len() - 1) * percent / 100].as_millis();
    println!(
        "{what:<20} {} messages: acknowledged to cosigned and published p50 {} ms, p99 {} ms, at most {} ms",
        waited.len(),
        at(50),
        at(99),
        at(100)
    );
}
