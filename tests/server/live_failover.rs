//! Sockets over a failover: two servers on one database, a customer and an agent who talk by sockets at the one that writes.
//! It is killed, and another time paused until the other one has taken over; both resume by cursor there, and what was not
//! acknowledged is said again under the same keys. Each line is heard once, in the order of the log, and recorded once.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a broken test world fails the test")]

use crate::common;

use std::net::SocketAddr;

use common::people::create;
use common::socket::{Socket, get, visit, widget};
use common::{Server, World, until, wait_until};
use liaowaiwai::cli::client::{Client, Page};
use serde_json::{Value, json};

/// Words and answers in between two take-overs.
const ROUNDS: usize = 5;
/// What each side has said, and heard nothing of yet, when a server goes.
const UNSURE: usize = 4;

/// Whose socket.
enum Who {
    Customer { token: String },
    Agent { desk: Client, conversation: String },
}

/// One side of the conversation.
struct Side {
    who: Who,
    socket: Socket,
    /// Place in the log and text of each line, in the order in which it came.
    heard: Vec<(u64, String)>,
    /// Key and text, in the order in which it was said first.
    said: Vec<(String, String)>,
}

impl Side {
    async fn new(who: Who, address: SocketAddr) -> Self {
        let socket = connect(&who, address, None).await;
        Self { who, socket, heard: Vec::new(), said: Vec::new() }
    }

    /// Goes on at another server, from where it is; returns the socket that it leaves.
    async fn resume(&mut self, address: SocketAddr) -> Socket {
        let cursor = self.heard.last().map(|(index, _)| *index);
        std::mem::replace(&mut self.socket, connect(&self.who, address, cursor).await)
    }

    /// Says something new, and waits for no answer.
    async fn begin(&mut self) {
        let (name, number) = (self.name(), self.said.len());
        self.said.push((format!("{name}-{number}"), format!("{name} says {number}")));
        self.send(number).await;
    }

    /// Says something that was said before, or not at all, until it is acknowledged; its place in the log.
    async fn finish(&mut self, number: usize) -> u64 {
        self.send(number).await;
        let key = self.said[number].0.clone();
        loop {
            let line = self.hear().await;
            if let Some(index) = acknowledged(&line, &key) {
                return index;
            }
        }
    }

    async fn say(&mut self) -> u64 {
        self.begin().await;
        let newest = self.said.len() - 1;
        // Said twice at once: it counts once.
        self.finish(newest).await
    }

    async fn send(&mut self, number: usize) {
        let (key, text) = &self.said[number];
        let frame = match &self.who {
            Who::Customer { .. } => json!({"type": "send", "key": key, "text": text}),
            Who::Agent { conversation, .. } => {
                json!({"type": "reply", "conversation": conversation, "key": key, "text": text})
            }
        };
        self.socket.send(&frame).await;
    }

    /// Takes in what comes until it has heard the line at this place.
    async fn catch_up(&mut self, index: u64) {
        while self.heard.last().is_none_or(|(last, _)| *last < index) {
            self.hear().await;
        }
    }

    /// Takes in the next line.
    async fn hear(&mut self) -> Value {
        let line = self.socket.next().await.unwrap_or_else(|| panic!("the socket of the {} closed", self.name()));
        assert_ne!(line["type"], "refused", "{line}");
        if line["type"] == "message" {
            let message = match self.who {
                Who::Customer { .. } => &line,
                Who::Agent { .. } => &line["message"],
            };
            let heard = (message["index"].as_u64().unwrap(), message["text"].as_str().unwrap().to_owned());
            let last = self.heard.last();
            assert!(last.is_none_or(|last| last.0 < heard.0), "the {} heard {heard:?} after {last:?}", self.name());
            self.heard.push(heard);
        }
        line
    }

    fn name(&self) -> &'static str {
        match self.who {
            Who::Customer { .. } => "customer",
            Who::Agent { .. } => "agent",
        }
    }
}

/// Opens a socket that goes on after a cursor.
async fn connect(who: &Who, address: SocketAddr, after: Option<u64>) -> Socket {
    match who {
        Who::Customer { token } => Socket::customer(address, "demo", token, after).await.unwrap(),
        Who::Agent { desk, conversation } => {
            let mut socket = Socket::desk(address, desk).await.unwrap();
            socket.send(&json!({"type": "open", "conversation": conversation, "after": after})).await;
            socket
        }
    }
}

/// The place in the log that a line acknowledges a key with.
fn acknowledged(line: &Value, key: &str) -> Option<u64> {
    let found = line["type"] == "accepted" && line["key"] == key;
    found.then(|| line["index"].as_u64().or_else(|| line["accepted"]["index"].as_u64()).unwrap())
}

/// Both sides, and the conversation that they have.
struct Talk {
    customer: Side,
    agent: Side,
}

impl Talk {
    /// A customer who has said something, and the agent who was given the conversation, at the server that writes.
    async fn begin(world: &World, owner: &Server) -> Self {
        let desk = owner.trial_staff_with("anna", &create(world, "demo", "anna", "agent")).await;
        desk.set_online(true).await.unwrap();
        let token = visit(owner.http, "demo", None, None).await;
        let mut customer = Side::new(Who::Customer { token }, owner.http).await;
        customer.begin().await;
        let conversation = loop {
            let line = customer.hear().await;
            if acknowledged(&line, "customer-0").is_some() {
                break line["conversation"].as_str().unwrap().to_owned();
            }
        };
        until("the agent to have it", async || desk.open(&conversation, Page::default()).await.is_ok()).await;
        let agent = Side::new(Who::Agent { desk, conversation }, owner.http).await;
        Self { customer, agent }
    }

    /// Words and answers, heard by both.
    async fn go_on(&mut self) {
        for _ in 0..ROUNDS {
            let said = self.customer.say().await;
            self.agent.catch_up(said).await;
            let answered = self.agent.say().await;
            self.customer.catch_up(answered).await;
            self.agent.catch_up(answered).await;
        }
    }

    /// Both say more than anybody acknowledges or hears.
    async fn break_off(&mut self) {
        for _ in 0..UNSURE {
            self.customer.begin().await;
            self.agent.begin().await;
        }
    }

    /// Both resume by cursor, say again what they are not sure of, and hear everything.
    async fn resume(&mut self, address: SocketAddr) -> [Socket; 2] {
        let left = [self.customer.resume(address).await, self.agent.resume(address).await];
        let mut newest = 0;
        for side in [&mut self.customer, &mut self.agent] {
            for number in side.said.len() - UNSURE..side.said.len() {
                newest = newest.max(side.finish(number).await);
            }
        }
        self.customer.catch_up(newest).await;
        self.agent.catch_up(newest).await;
        left
    }

    /// Each line was heard once by both, in the same order, and by whoever asks from the beginning.
    async fn check(&self, owner: &Server) {
        assert_eq!(self.customer.heard, self.agent.heard);
        for side in [&self.customer, &self.agent] {
            let said: Vec<&str> = side.said.iter().map(|(_, text)| text.as_str()).collect();
            let texts = self.customer.heard.iter().map(|(_, text)| text.as_str());
            assert_eq!(texts.filter(|text| text.starts_with(side.name())).collect::<Vec<_>>(), said);
        }
        let Who::Customer { token } = &self.customer.who else { panic!("the customer is none") };
        let mut told: Vec<(u64, String)> = Vec::new();
        while told.len() < self.customer.heard.len() {
            let after = told.last().map(|(index, _)| format!("&after={index}")).unwrap_or_default();
            let page = get(owner.http, &format!("{}/updates?wait_s=0{after}", widget("demo")), token).await.unwrap();
            let lines = page["events"].as_array().unwrap().iter().filter(|line| line["type"] == "message");
            told.extend(lines.map(|line| (line["index"].as_u64().unwrap(), line["text"].as_str().unwrap().to_owned())));
        }
        assert_eq!(told, self.customer.heard);
    }

    /// What is told or acknowledged stands in the log where the line says.
    fn assert_true(&self, line: &Value) {
        let recorded = match line["type"].as_str().unwrap() {
            "accepted" if line["accepted"].is_object() => &line["accepted"],
            "message" if line["message"].is_object() => &line["message"],
            "accepted" | "message" => line,
            _ => return,
        };
        let told = (recorded["index"].as_u64().unwrap(), recorded["text"].as_str().unwrap().to_owned());
        assert!(self.customer.heard.contains(&told), "{line}");
    }

    /// How often each side has said something.
    fn counts(&self) -> [usize; 2] {
        [self.customer.said.len(), self.agent.said.len()]
    }
}

fn stands_by(server: &Server) -> bool {
    server.ready().is_some_and(|(status, _)| status == 503)
}

/// The log holds each message once, and verifies, rows and all.
fn assert_recorded(world: &World, node: &str, counts: [usize; 2]) {
    let entries = world.entries(node, "demo");
    let count = |kind: &str| entries.iter().filter(|entry| entry.kind.as_str() == kind).count();
    assert_eq!([count("message.received/1"), count("message.sent/1")], counts);
    world.fsck(node, "demo").unwrap();
    let (valid, said) = world.verify(node, "demo");
    assert!(valid, "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn sockets_resume_at_the_other_server_when_the_owner_is_killed() {
    let world = World::shared().await;
    let owner = world.start("a");
    let standby = world.launch("b", &["--adopt-head"]).unwrap();
    let mut talk = Talk::begin(&world, &owner).await;
    talk.go_on().await;
    let Who::Customer { token } = &talk.customer.who else { panic!("the customer is none") };
    assert_eq!(Socket::customer(standby.http, "demo", token, None).await.err(), Some(503), "who stands by has no feed");
    talk.break_off().await;
    owner.kill();
    standby.wait_ready();
    for mut left in talk.resume(standby.http).await {
        while left.next().await.is_some() {}
    }
    talk.go_on().await;
    talk.check(&standby).await;
    standby.stop();
    assert_recorded(&world, "b", talk.counts());
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sockets_resume_at_the_other_server_when_the_owner_is_paused_and_it_says_nothing_untrue_when_it_wakes() {
    let world = World::shared().await;
    let owner = world.start("a");
    let standby = world.launch("b", &["--adopt-head"]).unwrap();
    let mut talk = Talk::begin(&world, &owner).await;
    talk.go_on().await;
    owner.signal("-STOP");
    // The sockets are open still, and take what nobody reads.
    talk.break_off().await;
    standby.wait_ready();
    let left = talk.resume(standby.http).await;
    owner.signal("-CONT");
    for mut left in left {
        while let Some(line) = left.next().await {
            talk.assert_true(&line);
        }
    }
    wait_until("the former owner to stand by", || stands_by(&owner));
    talk.go_on().await;
    // And back again: the other one is killed, and the one that was paused takes over.
    talk.break_off().await;
    standby.kill();
    owner.wait_ready();
    talk.resume(owner.http).await;
    talk.go_on().await;
    talk.check(&owner).await;
    owner.stop();
    assert_recorded(&world, "a", talk.counts());
    world.end().await;
}
