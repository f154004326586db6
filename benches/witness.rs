//! From the acknowledgement of a message to a published checkpoint that covers it and that two witnesses have cosigned; both
//! run beside the server, as `lww witness`, each with its own fsync.
//!
//! First messages come one by one at moments of their own, then many at a time. The limit is the pause between two
//! publications, half a second: what is acknowledged right after one waits for the next. Arguments: `-- [messages=200]`.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a benchmark prints figures and stops at the first thing that is wrong"
)]

#[path = "../tests/common/mod.rs"]
mod common;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use common::witness::{Witness, policy};
use common::{World, key, now};
use liaowaiwai::cli::client::Client;
use lww_audit::{TileDir, TrustPolicy};

const MESSAGES: u32 = 200;
/// Senders of the second part.
const SENDERS: u32 = 16;
const TENANTS: [&str; 3] = ["demo", "other", "system"];

#[tokio::main]
async fn main() {
    let asked = std::env::args().find_map(|argument| argument.strip_prefix("messages=")?.parse().ok());
    let messages = asked.unwrap_or(MESSAGES);
    let mut world = World::private();
    world.start("a").stop();
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
    server.stop();
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
