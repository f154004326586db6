//! What proofs cost: from the acknowledgement of a message to a published checkpoint that covers it and that two witnesses
//! have cosigned; the bytes of an entry in database, tiles and bundles; how large a receipt is, and how fast a log is verified
//! and evidence taken out of it.
//!
//! Both witnesses run beside the server, as `lww witness`, each with its own fsync. First messages come one by one at moments
//! of their own, then many at a time. The limit is the pause between two publications, half a second: what is acknowledged
//! right after one waits for the next. The limit of verification is one SHA-256 of each entry. Peers' figures stand in the design.
//!
//! Arguments: `-- [messages=200] [entries=1000000]`: messages of each of sixteen senders, after as many one by one; entries of a made log
//! for the verifier's speed and memory (twenty to a conversation), on one core. `entries=10000000` takes 10 GB below `TMPDIR`.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::cast_precision_loss,
    reason = "a benchmark prints figures and stops at the first thing that is wrong"
)]

#[path = "../tests/common/mod.rs"]
#[expect(dead_code, reason = "a measurement uses a part of what tests share")]
mod common;
#[path = "../audit/examples/make_log.rs"]
#[expect(dead_code, reason = "its own main is for whoever runs it by itself")]
mod make_log;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use common::witness::{Witness, policy};
use common::{Server, World, chosen_password, files, key, now, verified, verifier};
use liaowaiwai::cli::client::Client;
use lww_audit::merkle::leaf_hash;
use lww_audit::tile::{Part, TilePath, WIDTH};
use lww_audit::{TileDir, TreeSize, TrustPolicy};

const MESSAGES: u32 = 200;
/// Entries of the log that is made for the verifier.
const ENTRIES: u64 = 1_000_000;
/// From the acknowledgement to the published checkpoint.
const GOAL_MS: u128 = 1000;
/// Ten million entries in about a minute.
const GOAL_ENTRIES_A_SECOND: f64 = 10e6 / 60.0;
/// Senders of the second part.
const SENDERS: u32 = 16;
/// A time that holds the whole log.
const EVERYTHING: [&str; 3] = ["--range", "2020-01-01T00:00:00Z", "2100-01-01T00:00:00Z"];
const TENANTS: [&str; 3] = ["demo", "other", "system"];

#[tokio::main]
async fn main() {
    let asked = |name: &str| std::env::args().find_map(|argument| argument.strip_prefix(name)?.parse::<u64>().ok());
    let messages = asked("messages=").map_or(MESSAGES, |asked| u32::try_from(asked).unwrap());
    let entries = asked("entries=").unwrap_or(ENTRIES);
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
    whole_log(entries);
}

/// How fast a whole log of so many entries is verified on one core, in which memory, beside one hash of each entry.
fn whole_log(entries: u64) {
    let home = tempfile::tempdir().unwrap();
    let vkey = make_log::write(home.path(), entries).unwrap().to_string();
    let tiles = TileDir::open(home.path());
    let began = Instant::now();
    let bundles =
        (0..entries.div_ceil(WIDTH)).map(|at| TilePath::in_tree(Part::Entries, at, TreeSize(entries)).unwrap());
    let hashed: u64 = bundles.map(|place| hashed(&tiles, place)).sum();
    assert_eq!(hashed, entries);
    let limit = entries as f64 / began.elapsed().as_secs_f64();
    let began = Instant::now();
    let arguments = ["fsck", "--json", "--vkey", &vkey, "--scratch"];
    let mut child = Command::new(verifier())
        .args(arguments)
        .args([home.path(), home.path()])
        .stdout(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let mut used = (0, 0.0);
    let status = loop {
        used = usage(child.id()).unwrap_or(used);
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        std::thread::park_timeout(Duration::from_millis(5));
    };
    assert!(status.success());
    let (rate, (peak_kib, cpu_s)) = (entries as f64 / began.elapsed().as_secs_f64(), used);
    println!("whole log            {entries} made entries: read and hashed once (limit) {limit:.0} a second");
    println!(
        "  by lww-verify fsck {rate:.0} a second, {:.0} % of the limit, {cpu_s:.1} s of CPU, at most {} MiB   goal {GOAL_ENTRIES_A_SECOND:.0}",
        100.0 * rate / limit,
        peak_kib >> 10
    );
}

/// Reads a bundle and hashes its entries; their number.
fn hashed(tiles: &TileDir, place: TilePath) -> u64 {
    let bundle = tiles.bundle(place).unwrap();
    let mut entries = 0;
    for entry in bundle.entries() {
        std::hint::black_box(leaf_hash(entry.bytes));
        entries += 1;
    }
    entries
}

/// The most memory that a running process took, in KiB, and its CPU time in seconds.
fn usage(pid: u32) -> Option<(u64, f64)> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?.trim().strip_suffix(" kB")?.parse().ok()?;
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace().skip(11);
    let ticks = fields.next()?.parse::<u32>().ok()? + fields.next()?.parse::<u32>().ok()?;
    // Linux counts hundredths for every program.
    Some((peak, f64::from(ticks) / 100.0))
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
            "evidence of {what:<12} {:.1} MB: taken out in {:.1} s ({:.1} MB/s), verified in {:.1} s",
            megabytes(bytes),
            made.as_secs_f64(),
            megabytes(bytes) / made.as_secs_f64(),
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
        "its log verified     {entries} entries in {:.2} s, {:.0} a second",
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
        "{what:<20} {} messages: acknowledged to cosigned and published p50 {} ms, p99 {} ms, at most {} ms   \
         goal {GOAL_MS} ms: {}",
        waited.len(),
        at(50),
        at(99),
        at(100),
        if at(100) < GOAL_MS { "held" } else { "missed" }
    );
}
