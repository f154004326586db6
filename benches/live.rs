//! Live conversations in figures: from a customer's socket to an agent's, idle sockets, handshakes, failover, kills.
//!
//! Everything runs on this machine: server, PostgreSQL and the load. A message counts from the instant that it is due to leave
//! until it stands on the agent's socket; it was masked, sealed, recorded durably and signed in between. Arguments:
//! `-- [seconds] [sockets]`, or `-- crash [seconds] [sockets]` for the run with kills alone (`live/crash.rs`). Where ejabberd is installed it
//! delivers the same load in the same run (see `live/ejabberd.rs`).

#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::indexing_slicing,
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a benchmark prints figures and stops at the first thing that is wrong"
)]

#[path = "../tests/common/mod.rs"]
#[expect(dead_code, reason = "a measurement uses a part of what tests share")]
mod common;
#[path = "live/crash.rs"]
mod crash;
#[path = "live/ejabberd.rs"]
mod ejabberd;
#[path = "live/failover.rs"]
mod failover;
#[path = "live/handshakes.rs"]
mod handshakes;
#[path = "live/idle.rs"]
mod idle;

use std::collections::HashSet;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use common::socket::{Socket, visit};
use common::{Server, World, children};
use liaowaiwai::cli::client::Client;
use serde_json::json;
use tokio::sync::mpsc;

const NODE: &str = "node";
const AGENTS: usize = 50;
const PER_AGENT: usize = 8;
const TEXTS: [&str; 4] = [
    "你好,我想问一下信用卡账单的还款日是哪一天,这个月可以延后几天吗?谢谢。",
    "我的卡号是6222 0212 3456 7890 128,手机号138 0013 8000,帮我查一下。",
    "Hello, I would like to know whether the transfer limit can be raised for one day.",
    "手机银行登录之后一直转圈,重装了也不行,帮我看看是什么原因。",
];

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    let numbers: Vec<u64> = std::env::args().filter_map(|argument| argument.parse().ok()).collect();
    let seconds = numbers.first().copied().unwrap_or(10);
    let sockets = numbers.get(1).copied().unwrap_or(10_000) as usize;
    if std::env::args().any(|argument| argument == "crash") {
        runtime.block_on(crash::measure(sockets / 10));
    } else {
        runtime.block_on(measure(seconds, sockets));
    }
}

async fn measure(seconds: u64, sockets: usize) {
    let world = World::private();
    let config = std::fs::read_to_string(world.configure(NODE)).expect("a configuration");
    let server = world.launch_with(NODE, &unlimited(&config)).expect("a server");
    let desks = Desks::open(&world, &server).await;
    for rate in [80.0, 500.0, 2_000.0] {
        desks.deliver(&server, rate, seconds).await;
    }
    drop(desks);
    handshakes::measure(&server, seconds.min(5)).await;
    server.stop();
    drop(world);
    idle::measure(sockets).await;
    failover::measure().await;
    crash::measure(sockets / 10).await;
    peer(seconds).await;
}

/// The same load by another server that stores before it delivers.
async fn peer(seconds: u64) {
    if let Err(missing) = ejabberd::available() {
        println!("ejabberd                           not measured: {missing}");
        return;
    }
    for rate in [80.0, 500.0, 2_000.0] {
        match ejabberd::measure(rate, seconds).await {
            Ok(ejabberd::Figures { rate, p50_ms, p99_ms, lost }) => {
                println!(
                    "ejabberd at {rate:>8.0} messages/s          p50 {p50_ms:.1} ms  p99 {p99_ms:.1} ms   lost {lost}"
                );
            }
            Err(error) => println!("ejabberd at {rate:>8.0} messages/s          failed: {error}"),
        }
    }
}

/// Few warnings in the log, and no limit for one address and one visitor: here they stand for thousands.
fn unlimited(config: &str) -> String {
    let limits =
        "[http]\naddress_requests_per_s = 1000000\nvisitor_requests_per_s = 1000000\nstaff_requests_per_s = 1000000\n";
    config.replace("\"trace\"", "\"warn\"").replace("[http]\n", limits)
}

/// Fifty agents with eight conversations each, open at their sockets, and the customers' sockets.
struct Desks {
    customers: Vec<mpsc::UnboundedSender<(u64, String)>>,
    arrived: Arc<std::sync::Mutex<mpsc::UnboundedReceiver<(u64, Instant)>>>,
}

impl Desks {
    async fn open(world: &World, server: &Server) -> Self {
        let (told, arrived) = mpsc::unbounded_channel();
        for number in 0..AGENTS {
            tokio::spawn(agent(server.http, staff(world, server, number).await, told.clone()));
        }
        let mut customers = Vec::new();
        for number in 0..AGENTS * PER_AGENT {
            let token = visit(server.http, "demo", None, None).await;
            let mut socket = Socket::customer(server.http, "demo", &token, None).await.expect("a socket");
            let (sender, queue) = mpsc::unbounded_channel();
            socket.send(&json!({"type": "send", "key": format!("first-{number}"), "text": "你好"})).await;
            socket.wait_for("accepted").await;
            tokio::spawn(customer(socket, number, queue));
            customers.push(sender);
        }
        let desks = Self { customers, arrived: Arc::new(std::sync::Mutex::new(arrived)) };
        // All are assigned and open when each has delivered a message of its own.
        desks.warm().await;
        desks
    }

    async fn warm(&self) {
        let until = Instant::now() + Duration::from_secs(60);
        let mut missing: HashSet<u64> = (0..self.customers.len() as u64).collect();
        while !missing.is_empty() {
            assert!(Instant::now() < until, "{} conversations were not assigned", missing.len());
            for number in &missing {
                self.customers[*number as usize].send((*number, TEXTS[0].to_owned())).expect("a customer");
            }
            tokio::time::sleep(Duration::from_secs(1)).await;
            let mut arrived = self.arrived.lock().expect("the arrivals");
            while let Ok((number, _)) = arrived.try_recv() {
                missing.remove(&number);
            }
        }
    }

    /// Messages leave on schedule, whatever becomes of them.
    async fn deliver(&self, server: &Server, rate: f64, seconds: u64) {
        let total = (rate * seconds as f64) as u64;
        let busy = Busy::of(server);
        let began = Instant::now() + Duration::from_millis(50);
        let due = |turn: u64| began + Duration::from_secs_f64(turn as f64 / rate);
        for turn in 0..total {
            tokio::time::sleep_until(due(turn).into()).await;
            let text = TEXTS[turn as usize % TEXTS.len()].to_owned();
            self.customers[turn as usize % self.customers.len()].send((turn + FIRST, text)).expect("a customer");
        }
        let spent = busy.spent(server, began.elapsed());
        tokio::time::sleep(Duration::from_secs(2)).await;
        let mut waits = Vec::new();
        let mut seen = HashSet::new();
        let mut twice = 0;
        let mut arrived = self.arrived.lock().expect("the arrivals");
        while let Ok((turn, at)) = arrived.try_recv() {
            let Some(turn) = turn.checked_sub(FIRST) else { continue };
            if seen.insert(turn) {
                waits.push(at.saturating_duration_since(due(turn)));
            } else {
                twice += 1;
            }
        }
        let lost = total - waits.len() as u64;
        let (p50, p99) = percentiles(waits);
        println!(
            "socket to socket at {rate:>5.0} messages/s   p50 {p50:.1} ms  p99 {p99:.1} ms   lost {lost}, twice {twice}   \
             server and PostgreSQL {spent:.0} % of a core{}",
            if rate > 100.0 { "   goal p99 100 ms" } else { "   (50 agents, 400 conversations, a message each 5 s)" }
        );
    }
}

/// Turns of measurements begin here; those below are the warm-up's.
const FIRST: u64 = 1_000_000;

async fn staff(world: &World, server: &Server, number: usize) -> Client {
    let login = format!("bench-{number}");
    let arguments = [
        "admin",
        "create",
        "--tenant",
        "demo",
        "--login",
        &login,
        "--name",
        &login,
        "--role",
        "agent",
        "--capacity",
        "8",
    ];
    let (made, said) = world.lww(NODE, &arguments);
    assert!(made, "{said}");
    let line = said.lines().next().expect("a line");
    let password = line.rsplit(' ').next().expect("a password").to_owned();
    let client = Client::http(server.http);
    let chosen = common::chosen_password(&login);
    client.login("demo", &login, &password).await.expect("a login");
    client.change_password(&password, &chosen).await.expect("a password");
    client.login("demo", &login, &chosen).await.expect("a login");
    client.set_online(true).await.expect("presence");
    client
}

/// Opens what is assigned, and tells when each message arrives.
async fn agent(address: SocketAddr, client: Client, told: mpsc::UnboundedSender<(u64, Instant)>) {
    let mut socket = Socket::desk(address, &client).await.expect("a socket");
    let mut open = HashSet::new();
    while let Some(line) = socket.next().await {
        let at = Instant::now();
        if line["type"] == "message" {
            let text = line["message"]["text"].as_str().unwrap_or_default();
            if let Some(turn) = text.rsplit('#').next().and_then(from_letters) {
                let _over = told.send((turn, at));
            }
        } else if line["type"] == "conversation" && line["conversation"]["state"] == "assigned" {
            let id = line["conversation"]["id"].as_str().unwrap_or_default().to_owned();
            if open.insert(id.clone()) {
                socket.send(&json!({"type": "open", "conversation": id})).await;
            }
        }
    }
}

/// Sends what is due and reads what comes.
async fn customer(mut socket: Socket, number: usize, mut queue: mpsc::UnboundedReceiver<(u64, String)>) {
    let mut count = 0;
    loop {
        tokio::select! {
            due = queue.recv() => {
                let Some((turn, text)) = due else { return };
                count += 1;
                let frame = json!({"type": "send", "key": format!("{number}-{count}"), "text": format!("{text} #{}", letters(turn))});
                socket.send(&frame).await;
            }
            line = socket.next() => assert!(line.is_some_and(|line| line["type"] != "refused"), "a customer was refused"),
        }
    }
}

/// A number in letters: no masking rule takes it for a telephone's.
fn letters(turn: u64) -> String {
    turn.to_string().bytes().map(|digit| char::from(digit - b'0' + b'a')).collect()
}

fn from_letters(letters: &str) -> Option<u64> {
    letters
        .bytes()
        .map(|letter| letter.checked_sub(b'a').map(|digit| char::from(digit + b'0')))
        .collect::<Option<String>>()?
        .parse()
        .ok()
}

fn percentiles(mut waits: Vec<Duration>) -> (f64, f64) {
    waits.sort_unstable();
    let at = |share: f64| {
        waits.get(((waits.len().max(1) - 1) as f64 * share) as usize).map_or(f64::NAN, Duration::as_secs_f64) * 1e3
    };
    (at(0.5), at(0.99))
}

/// Processor time of the server and everything that it started, in seconds.
struct Busy(f64);

impl Busy {
    fn of(server: &Server) -> Self {
        let mut pids = vec![server.pid()];
        let mut at = 0;
        while at < pids.len() {
            pids.extend(children(pids[at]));
            at += 1;
        }
        let ticks = pids.iter().filter_map(|pid| {
            let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
            let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
            Some(fields.get(11)?.parse::<f64>().ok()? + fields.get(12)?.parse::<f64>().ok()?)
        });
        Self(ticks.sum::<f64>() / 100.0)
    }

    /// Per cent of one core since then.
    fn spent(&self, server: &Server, took: Duration) -> f64 {
        100.0 * (Self::of(server).0 - self.0) / took.as_secs_f64()
    }
}
