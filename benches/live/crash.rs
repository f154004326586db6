//! The live load with power cuts: sockets talk at 500 and at 2,000 messages a second, beside visitors who say nothing, while
//! the server is killed again and again.
//!
//! Customers resume by cursor and send what was not acknowledged again under the same keys; agents open their conversations
//! again from where they were. In the end every message must have stood on its agent's socket once, and once in the ledger.
//! PostgreSQL is not killed with it (`tests/server/crash.rs` does that). The time of a recovery is from the kill to the first
//! message that is acknowledged again: the process's start, the take-over of the log and the sockets' return.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use zeroize::Zeroizing;

use crate::common::World;
use crate::common::socket::{Socket, visit};
use crate::{AGENTS, NODE, PER_AGENT, TEXTS, from_letters, letters, staff, unlimited};

/// As many as the agents can hold.
const CUSTOMERS: u64 = (AGENTS * PER_AGENT) as u64;
const RATES: [f64; 2] = [500.0, 2_000.0];
const KILLS: usize = 5;
/// Load between two kills.
const BETWEEN: Duration = Duration::from_secs(4);
/// Pause before somebody who lost the server tries again.
const BREATH: Duration = Duration::from_millis(20);
/// Longest wait for what must come.
const PATIENCE: Duration = Duration::from_secs(120);

/// What everybody knows.
struct Shared {
    address: Mutex<SocketAddr>,
    seen: Mutex<Seen>,
    /// Visitors who hold a socket and say nothing, of the present server.
    idle: AtomicUsize,
}

#[derive(Default)]
struct Seen {
    /// How often each message stood on an agent's socket.
    arrived: HashMap<u64, u32>,
    /// How many were acknowledged, and when the newest was.
    accepted: u64,
    newest: Option<Instant>,
    /// Lines that came out of order or again.
    again: u64,
}

impl Shared {
    fn address(&self) -> SocketAddr {
        *self.address.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until something holds, as long as [`PATIENCE`]; whoever waits in vain is told what was there.
    async fn until(&self, what: &str, holds: impl Fn(&Seen) -> bool) {
        let until = Instant::now() + PATIENCE;
        while !holds(&self.seen()) {
            assert!(Instant::now() < until, "no {what} in time: {}", self.state());
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    fn state(&self) -> String {
        let (seen, idle) = (self.seen(), self.idle.load(Ordering::SeqCst));
        let (arrived, accepted) = (seen.arrived.len(), seen.accepted);
        format!("{accepted} acknowledged, {arrived} arrived, {idle} idle sockets are there")
    }
}

/// Prints what was lost, what came twice, and how long the recoveries took, with that many idle sockets.
pub async fn measure(idle: usize) {
    for rate in RATES {
        at(rate, idle).await;
    }
}

async fn at(rate: f64, idle: usize) {
    let world = World::private();
    let config = unlimited(&std::fs::read_to_string(world.configure(NODE)).expect("a configuration"));
    let mut server = world.launch_with(NODE, &config).expect("a server");
    // They end with it, so that nobody of this round looks for their server in the next one.
    let mut people = JoinSet::new();
    let shared =
        Arc::new(Shared { address: Mutex::new(server.http), seen: Mutex::default(), idle: AtomicUsize::new(0) });
    for number in 0..AGENTS {
        let cookie = staff(&world, &server, number).await.session_cookie().expect("a session");
        people.spawn(Agent { cookie, cursors: BTreeMap::new() }.work(Arc::clone(&shared)));
    }
    let mut customers = Vec::new();
    for number in 0..CUSTOMERS {
        let token = visit(server.http, "demo", None, None).await;
        let (sender, queue) = mpsc::unbounded_channel();
        let customer = Customer { number, token, queue, cursor: None, unsent: VecDeque::new() };
        people.spawn(customer.talk(Arc::clone(&shared)));
        customers.push(sender);
    }
    for _ in 0..idle {
        let token = visit(server.http, "demo", None, None).await;
        people.spawn(stay(token, Arc::clone(&shared)));
    }
    shared.until("socket of every visitor", |_| shared.idle.load(Ordering::SeqCst) == idle).await;
    let say = |turn: u64| customers[(turn % CUSTOMERS) as usize].send(turn).expect("a customer");
    (0..CUSTOMERS).for_each(say);
    shared.until("conversation of everybody", |seen| seen.arrived.len() as u64 == CUSTOMERS).await;

    let mut turn = CUSTOMERS;
    let mut recoveries = Vec::new();
    let began = Instant::now();
    for kill in 0..=KILLS {
        let until = Instant::now() + BETWEEN;
        while Instant::now() < until {
            tokio::time::sleep_until((began + Duration::from_secs_f64((turn - CUSTOMERS) as f64 / rate)).into()).await;
            say(turn);
            turn += 1;
        }
        if kill == KILLS {
            break;
        }
        let killed = Instant::now();
        server.kill();
        // Blocks the thread of `main` only: the others go on and find nobody.
        server = world.launch_with(NODE, &config).expect("a server");
        *shared.address.lock().unwrap_or_else(PoisonError::into_inner) = server.http;
        shared.until("acknowledgement", |seen| seen.newest.is_some_and(|at| at > killed)).await;
        let back = shared.seen().newest.expect("an acknowledgement");
        recoveries.push(back.saturating_duration_since(killed).as_secs_f64());
    }
    shared.until("acknowledgement of everything", |seen| seen.accepted >= turn).await;
    shared.until("arrival of everything", |seen| seen.arrived.len() as u64 >= turn).await;
    shared.until("return of every visitor", |_| shared.idle.load(Ordering::SeqCst) == idle).await;
    server.stop();
    report(&world, &shared.seen(), (rate, turn, idle), &mut recoveries);
}

fn report(world: &World, seen: &Seen, (rate, turns, idle): (f64, u64, usize), recoveries: &mut [f64]) {
    recoveries.sort_by(f64::total_cmp);
    let twice = seen.arrived.values().filter(|count| **count > 1).count() as u64 + seen.again;
    let lost = turns - seen.arrived.len() as u64;
    let entries = world.entries(NODE, "demo");
    let recorded = entries.iter().filter(|entry| entry.kind.as_str() == "message.received/1").count() as u64;
    assert!(world.fsck(NODE, "demo").is_ok(), "the log does not verify");
    println!(
        "killed {KILLS} times at {rate:>5.0} messages/s   {idle} idle sockets all back, {turns} sent, lost {lost}, twice {twice}, in the ledger {recorded}   \
         acknowledges again after {:.1} s, at worst {:.1} s",
        recoveries[recoveries.len() / 2],
        recoveries[recoveries.len() - 1],
    );
    assert!(lost == 0 && twice == 0 && recorded == turns, "it did not resume exactly");
}

/// A visitor who says nothing, and comes back whenever the socket breaks.
async fn stay(token: String, shared: Arc<Shared>) {
    loop {
        if let Ok(mut socket) = Socket::customer(shared.address(), "demo", &token, None).await {
            shared.idle.fetch_add(1, Ordering::SeqCst);
            socket.during(PATIENCE * 60, "nothing in particular").await;
            shared.idle.fetch_sub(1, Ordering::SeqCst);
        }
        tokio::time::sleep(BREATH).await;
    }
}

/// A customer who says what is due and says it again until it is acknowledged.
struct Customer {
    number: u64,
    token: String,
    queue: mpsc::UnboundedReceiver<u64>,
    cursor: Option<u64>,
    unsent: VecDeque<u64>,
}

impl Customer {
    async fn talk(mut self, shared: Arc<Shared>) {
        loop {
            match Socket::customer(shared.address(), "demo", &self.token, self.cursor).await {
                Ok(mut socket) => self.go_on(&mut socket, &shared).await,
                Err(_) => tokio::time::sleep(BREATH).await,
            }
        }
    }

    /// Until the socket breaks.
    async fn go_on(&mut self, socket: &mut Socket, shared: &Shared) {
        for turn in self.unsent.clone() {
            say(socket, turn).await;
        }
        loop {
            tokio::select! {
                due = self.queue.recv() => {
                    let Some(turn) = due else { return };
                    self.unsent.push_back(turn);
                    say(socket, turn).await;
                }
                // However long it takes: whoever sends nothing for a minute hears nothing.
                line = socket.next_unless(|| false) => {
                    let Some(line) = line else { return };
                    if !self.hear(&line, shared) {
                        return;
                    }
                }
            }
        }
    }

    /// Takes a line in; `false`: begin again.
    fn hear(&mut self, line: &Value, shared: &Shared) -> bool {
        match line["type"].as_str().unwrap_or_default() {
            "message" => {
                let index = line["index"].as_u64();
                shared.seen().again += u64::from(index <= self.cursor);
                self.cursor = index;
            }
            "accepted" => {
                let turn: u64 = line["key"].as_str().and_then(|key| key.parse().ok()).expect("a key");
                let before = self.unsent.len();
                self.unsent.retain(|unsent| *unsent != turn);
                // One that was said twice is acknowledged twice and counts once.
                let mut seen = shared.seen();
                seen.accepted += (before - self.unsent.len()) as u64;
                seen.newest = Some(Instant::now());
            }
            "refused" => {
                let momentary = line["retry_after_s"].is_u64() || line["code"] == "conflict";
                assert!(momentary, "customer {} was refused: {line}", self.number);
                return false;
            }
            _ => {}
        }
        true
    }
}

async fn say(socket: &mut Socket, turn: u64) {
    let text = format!("{} #{}", TEXTS[turn as usize % TEXTS.len()], letters(turn));
    socket.send(&json!({"type": "send", "key": turn.to_string(), "text": text})).await;
}

/// An agent who reads along.
struct Agent {
    cookie: Zeroizing<String>,
    cursors: BTreeMap<String, u64>,
}

impl Agent {
    async fn work(mut self, shared: Arc<Shared>) {
        loop {
            let cookie = ("cookie", self.cookie.to_string());
            match Socket::open(shared.address(), "/api/v1/agent/socket", &[cookie]).await {
                Ok(mut socket) => self.go_on(&mut socket, &shared).await,
                Err(_) => tokio::time::sleep(BREATH).await,
            }
        }
    }

    async fn go_on(&mut self, socket: &mut Socket, shared: &Shared) {
        let mut open: Vec<String> = Vec::new();
        while let Some(line) = socket.next_unless(|| false).await {
            if line["type"] == "message" {
                let conversation = line["conversation"].as_str().unwrap_or_default().to_owned();
                let index = line["message"]["index"].as_u64().expect("an index");
                let text = line["message"]["text"].as_str().unwrap_or_default();
                let turn = text.rsplit('#').next().and_then(from_letters).expect("a turn");
                let mut seen = shared.seen();
                seen.again += u64::from(self.cursors.get(&conversation).is_some_and(|last| index <= *last));
                *seen.arrived.entry(turn).or_default() += 1;
                self.cursors.insert(conversation, index);
            } else if line["type"] == "conversation" && line["conversation"]["state"] == "assigned" {
                let id = line["conversation"]["id"].as_str().unwrap_or_default().to_owned();
                if !open.contains(&id) {
                    let after = self.cursors.get(&id);
                    socket.send(&json!({"type": "open", "conversation": id, "after": after})).await;
                    open.push(id);
                }
            } else if line["type"] == "refused" {
                return;
            }
        }
    }
}
