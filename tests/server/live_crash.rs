//! Sockets over power cuts: the server is killed again and again while customers and an agent talk by sockets. Everybody
//! resumes by cursor; each line was heard once, in the order of the log, and nothing that was acknowledged is missing.

#![expect(clippy::unwrap_used, reason = "a broken test world fails the test")]

use crate::common;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use common::socket::{Socket, get, visit, widget};
use common::{World, until};
use serde_json::{Value, json};
use zeroize::Zeroizing;

const NODE: &str = "node";
const CUSTOMERS: usize = 6;
const KILLS: usize = 6;
/// Messages that are answered between two kills.
const PROGRESS: usize = 20;
/// Pause before somebody who lost the server tries again.
const BREATH: Duration = Duration::from_millis(50);

/// What everybody knows.
struct Shared {
    address: Mutex<SocketAddr>,
    answered: AtomicUsize,
    stop: AtomicBool,
}

impl Shared {
    fn address(&self) -> SocketAddr {
        *self.address.lock().unwrap()
    }

    fn stopped(&self) -> bool {
        self.stop.load(Ordering::SeqCst)
    }
}

/// Takes a line in; its index must be after everything that was heard before.
fn hear(heard: &mut Vec<(u64, String)>, line: &Value) {
    let (index, text) = (line["index"].as_u64().unwrap(), line["text"].as_str().unwrap().to_owned());
    let last = heard.last().map(|(last, _)| *last);
    assert!(last < Some(index), "{text} at {index} after {last:?}");
    heard.push((index, text));
}

/// A customer who sends the next message when the one before was acknowledged and answered.
struct Customer {
    number: usize,
    token: String,
    heard: Vec<(u64, String)>,
    sent: usize,
}

impl Customer {
    async fn talk(mut self, shared: Arc<Shared>) -> Self {
        while !shared.stopped() {
            let cursor = self.heard.last().map(|(index, _)| *index);
            match Socket::customer(shared.address(), "demo", &self.token, cursor).await {
                Ok(mut socket) => self.go_on(&mut socket, &shared).await,
                Err(_) => tokio::time::sleep(BREATH).await,
            }
        }
        self
    }

    /// Until the socket breaks or everything is over.
    async fn go_on(&mut self, socket: &mut Socket, shared: &Shared) {
        self.say(socket).await;
        while let Some(line) = socket.next_unless(|| shared.stopped()).await {
            match line["type"].as_str().unwrap() {
                "message" => hear(&mut self.heard, &line),
                "refused" => {
                    // What is momentary is said again.
                    assert!(line["retry_after_s"].is_u64() || line["code"] == "conflict", "{line}");
                    tokio::time::sleep(BREATH).await;
                    self.say(socket).await;
                }
                _ => continue,
            }
            let answer = format!("re {}", self.text());
            if self.heard.iter().rev().take(4).any(|(_, text)| *text == answer) {
                self.sent += 1;
                shared.answered.fetch_add(1, Ordering::SeqCst);
                self.say(socket).await;
            }
        }
    }

    fn text(&self) -> String {
        format!("customer {} message {}", self.number, self.sent)
    }

    /// Sends the present message, perhaps again: its key makes it count once.
    async fn say(&self, socket: &mut Socket) {
        let key = format!("{}-{}", self.number, self.sent);
        socket.send(&json!({"type": "send", "key": key, "text": self.text()})).await;
    }
}

/// An agent who answers everything once.
struct Agent {
    cookie: Zeroizing<String>,
    conversations: BTreeMap<String, Vec<(u64, String)>>,
}

impl Agent {
    async fn work(mut self, shared: Arc<Shared>) -> Self {
        while !shared.stopped() {
            let cookie = ("cookie", self.cookie.to_string());
            match Socket::open(shared.address(), "/api/v1/agent/socket", &[cookie]).await {
                Ok(mut socket) => self.go_on(&mut socket, &shared).await,
                Err(_) => tokio::time::sleep(BREATH).await,
            }
        }
        self
    }

    async fn go_on(&mut self, socket: &mut Socket, shared: &Shared) {
        let mut open: Vec<String> = Vec::new();
        while let Some(line) = socket.next_unless(|| shared.stopped()).await {
            match line["type"].as_str().unwrap() {
                "conversation" => {
                    let id = line["conversation"]["id"].as_str().unwrap().to_owned();
                    if line["conversation"]["state"] == "assigned" && !open.contains(&id) {
                        let after = self.conversations.get(&id).and_then(|heard| heard.last()).map(|(index, _)| *index);
                        socket.send(&json!({"type": "open", "conversation": id, "after": after})).await;
                        // What was heard and perhaps not answered is answered again, under the same key.
                        if let Some((index, text)) = self.conversations.get(&id).and_then(|heard| heard.last()) {
                            Self::answer(socket, &id, *index, text).await;
                        }
                        open.push(id);
                    }
                }
                "message" => {
                    let id = line["conversation"].as_str().unwrap().to_owned();
                    let message = &line["message"];
                    if message["outbound"] == false {
                        let heard = self.conversations.entry(id.clone()).or_default();
                        hear(heard, message);
                        let (index, text) = heard.last().unwrap();
                        Self::answer(socket, &id, *index, text).await;
                    }
                }
                "refused" => {
                    // The socket is begun again, and with it what was not answered.
                    assert!(line["retry_after_s"].is_u64() || line["code"] == "conflict", "{line}");
                    return;
                }
                _ => {}
            }
        }
    }

    async fn answer(socket: &mut Socket, conversation: &str, index: u64, text: &str) {
        let (key, text) = (format!("re-{index}"), format!("re {text}"));
        socket.send(&json!({"type": "reply", "conversation": conversation, "key": key, "text": text})).await;
    }
}

/// Everything that a customer's side can read from the beginning.
async fn all(address: SocketAddr, token: &str) -> Vec<(u64, String)> {
    let mut all = Vec::new();
    loop {
        let after = all.last().map(|(index, _): &(u64, String)| format!("&after={index}")).unwrap_or_default();
        let page = get(address, &format!("{}/updates?wait_s=0{after}", widget("demo")), token).await.unwrap();
        let before = all.len();
        for line in page["events"].as_array().unwrap().iter().filter(|line| line["type"] == "message") {
            hear(&mut all, line);
        }
        if all.len() == before {
            return all;
        }
    }
}

mod slow {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn sockets_resume_exactly_over_kills() {
        let world = World::private();
        let mut server = world.start(NODE);
        let agent = server.trial_agent().await;
        let shared = Arc::new(Shared {
            address: Mutex::new(server.http),
            answered: AtomicUsize::new(0),
            stop: AtomicBool::new(false),
        });
        let mut customers = Vec::new();
        for number in 0..CUSTOMERS {
            let token = visit(server.http, "demo", None, None).await;
            let customer = Customer { number, token, heard: Vec::new(), sent: 0 };
            customers.push(tokio::spawn(customer.talk(Arc::clone(&shared))));
        }
        let worker = Agent { cookie: agent.session_cookie().unwrap(), conversations: BTreeMap::new() };
        let worker = tokio::spawn(worker.work(Arc::clone(&shared)));
        for kill in 1..=KILLS {
            until("answers", || async { shared.answered.load(Ordering::SeqCst) >= kill * PROGRESS }).await;
            server.kill();
            server = world.start(NODE);
            *shared.address.lock().unwrap() = server.http;
        }
        until("answers", || async { shared.answered.load(Ordering::SeqCst) >= (KILLS + 1) * PROGRESS }).await;
        shared.stop.store(true, Ordering::SeqCst);
        let agent = worker.await.unwrap();
        for customer in customers {
            let customer = customer.await.unwrap();
            let all = all(server.http, &customer.token).await;
            assert_eq!(all[..customer.heard.len()], customer.heard[..], "heard once each, in order, without a gap");
            let own: Vec<&str> =
                all.iter().map(|(_, text)| text.as_str()).filter(|text| !text.starts_with("re ")).collect();
            let expected: Vec<String> =
                (0..own.len()).map(|sent| format!("customer {} message {sent}", customer.number)).collect();
            assert_eq!(own, expected, "each message is there once");
            assert!(own.len() >= customer.sent, "what was answered is there");
        }
        for heard in agent.conversations.values() {
            let number = heard[0].1.split(' ').nth(1).unwrap();
            let texts: Vec<&str> = heard.iter().map(|(_, text)| text.as_str()).collect();
            let expected: Vec<String> =
                (0..heard.len()).map(|sent| format!("customer {number} message {sent}")).collect();
            assert_eq!(texts, expected, "the agent heard each once, in order");
        }
        server.stop();
        assert!(world.fsck(NODE, "demo").is_ok());
    }
}
