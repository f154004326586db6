//! Customers who write all the time, whatever happens to the servers, and remember what they were told.
//!
//! Each writes one message after the other, by a key of its own. A message that was not acknowledged is sent again with the
//! same key until it is. At the end [`Told::check`] holds what they were told against the log.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use liaowaiwai::cli::client::{Client, ClientError};
use liaowaiwai::http::answers::Accepted;
use lww_audit::entry::Detail;
use lww_audit::fsck::check_receipt;
use lww_audit::merkle::leaf_hash;
use lww_audit::{Entry, Receipt, TileDir};
use tokio::task::JoinSet;

use super::{PATIENCE, World, key, now};

/// Messages after which a customer writes as somebody new.
const MESSAGES_PER_CONTACT: usize = 20;
/// Pause of a customer who got no answer.
const BREATH: Duration = Duration::from_millis(30);
/// What a server may answer that can't take a message at the moment; anything else is a bug.
const MOMENTARY: [&str; 5] = ["unavailable", "outcome_unknown", "overloaded", "conflict", "no_policy"];

/// One message.
#[derive(Clone)]
struct Letter {
    contact: String,
    text: String,
    key: String,
}

/// What customers share.
#[derive(Default)]
struct Shared {
    servers: Mutex<Vec<SocketAddr>>,
    acknowledged: Mutex<Vec<(Letter, Accepted)>>,
    stop: AtomicBool,
}

/// Customers of the tenant `demo`.
pub struct Customers {
    shared: Arc<Shared>,
    tasks: JoinSet<()>,
}

impl Customers {
    /// Starts as many as asked for; they wait until they know a server.
    pub fn start(count: usize) -> Self {
        let shared = Arc::new(Shared::default());
        let mut tasks = JoinSet::new();
        for number in 0..count {
            tasks.spawn(Arc::clone(&shared).write(number));
        }
        Self { shared, tasks }
    }

    /// Tells them where servers listen; they try one after the other.
    pub fn know(&self, servers: &[SocketAddr]) {
        *self.shared.servers.lock().unwrap() = servers.to_vec();
    }

    /// How many messages were acknowledged so far.
    pub fn acknowledged(&self) -> usize {
        self.shared.acknowledged.lock().unwrap().len()
    }

    /// Waits until that many more were acknowledged.
    pub async fn progress(&mut self, count: usize) {
        let goal = self.acknowledged() + count;
        let until = Instant::now() + PATIENCE;
        while self.acknowledged() < goal {
            // A customer that ended has met an answer that must not be.
            if let Some(ended) = self.tasks.try_join_next() {
                ended.unwrap();
            }
            assert!(Instant::now() < until, "waited in vain for acknowledgements");
            tokio::time::sleep(BREATH).await;
        }
    }

    /// Lets each get its last message acknowledged, and every receipt. The servers must still run.
    pub async fn finish(mut self) -> Told {
        self.shared.stop.store(true, Ordering::SeqCst);
        while let Some(ended) = self.tasks.join_next().await {
            ended.unwrap();
        }
        let told = std::mem::take(&mut *self.shared.acknowledged.lock().unwrap());
        let servers = self.shared.servers.lock().unwrap().clone();
        let mut complete = Vec::with_capacity(told.len());
        for (letter, mut accepted) in told {
            if accepted.receipt.is_none() {
                accepted.receipt = Some(receipt(&servers, &letter, &accepted).await);
            }
            complete.push((letter, accepted));
        }
        Told(complete)
    }
}

/// Asks again with the same key until what was recorded is published, and with it provable.
async fn receipt(servers: &[SocketAddr], letter: &Letter, first: &Accepted) -> String {
    let until = Instant::now() + PATIENCE;
    loop {
        for server in servers {
            let Ok(again) = send(&Client::http(*server), letter).await else { continue };
            assert!(again.duplicate);
            assert_eq!((again.index, &again.leaf, &again.message), (first.index, &first.leaf, &first.message));
            if let Some(receipt) = again.receipt {
                return receipt;
            }
        }
        assert!(Instant::now() < until, "waited in vain for the receipt of entry {}", first.index);
        tokio::time::sleep(BREATH).await;
    }
}

async fn send(client: &Client, letter: &Letter) -> Result<Accepted, ClientError> {
    client.send_message(&key("demo"), (&letter.contact, &letter.text), &letter.key, now()).await
}

impl Shared {
    async fn write(self: Arc<Self>, number: usize) {
        let mut client: Option<(SocketAddr, Client)> = None;
        let mut turn = number;
        let mut count = 0;
        while !self.stop.load(Ordering::SeqCst) {
            let letter = Letter {
                contact: format!("customer-{number}-{}", count / MESSAGES_PER_CONTACT),
                text: format!("第{count}条消息，卡号６２２２ ０２１２-3456·7890 128，手机13800138000"),
                key: format!("key-{number}-{count}"),
            };
            count += 1;
            loop {
                if let Some(accepted) = self.attempt(&mut client, &mut turn, &letter).await {
                    self.acknowledged.lock().unwrap().push((letter, accepted));
                    break;
                }
                tokio::time::sleep(BREATH).await;
            }
        }
    }

    /// One attempt with the server whose turn it is; after a failure it is the next one's.
    async fn attempt(
        &self,
        client: &mut Option<(SocketAddr, Client)>,
        turn: &mut usize,
        letter: &Letter,
    ) -> Option<Accepted> {
        let servers = self.servers.lock().unwrap().clone();
        let address = *servers.get(*turn % servers.len().max(1))?;
        let kept = client.take().filter(|(known, _)| *known == address);
        let (_, client) = client.insert(kept.unwrap_or_else(|| (address, Client::http(address))));
        match send(client, letter).await {
            Ok(accepted) => Some(accepted),
            Err(error) => {
                assert_momentary(&error);
                *turn += 1;
                None
            }
        }
    }
}

/// A customer may be refused or left without an answer, but never for good and never with nonsense.
fn assert_momentary(error: &ClientError) {
    match error {
        ClientError::Connect { .. } | ClientError::Broken(_) | ClientError::NoAnswer => {}
        ClientError::Problem(details) => assert!(MOMENTARY.contains(&details.code.as_str()), "{error}"),
        ClientError::NoCa { .. }
        | ClientError::Tls(_)
        | ClientError::Request(_)
        | ClientError::Keep(_)
        | ClientError::Unexpected { .. } => panic!("{error}"),
    }
}

/// What customers were told: each message with its acknowledgement.
pub struct Told(Vec<(Letter, Accepted)>);

impl Told {
    /// How many messages.
    pub fn count(&self) -> usize {
        self.0.len()
    }

    /// Holds what they were told against the published log of a node, which must be whole: nothing lost, nothing doubled,
    /// every receipt good, and the database the same row by row.
    pub fn check(&self, world: &World, node: &str) {
        let keys = [world.vkey(node, "demo")];
        let summary = world.fsck(node, "demo").unwrap_or_else(|finding| panic!("{finding:?}"));
        let tiles = TileDir::open(world.tiles(node, "demo"));
        let entries = world.entries(node, "demo");
        let received = received(&entries);
        let mut seen = BTreeSet::new();
        for (Letter { key, .. }, accepted) in &self.0 {
            let entry = entries.get(usize::try_from(accepted.index).unwrap());
            let bytes = entry.unwrap_or_else(|| panic!("{key} is lost: entry {}", accepted.index)).to_bytes().unwrap();
            assert_eq!(leaf_hash(&bytes).to_string(), accepted.leaf, "{key} is another entry");
            assert_eq!(received.get(&accepted.message), Some(&accepted.index), "{key} is another message");
            assert!(seen.insert(accepted.index), "entry {} was acknowledged for two keys", accepted.index);
            let receipt = Receipt::parse(accepted.receipt.as_ref().unwrap().as_bytes()).unwrap();
            assert_eq!(receipt.entry_bytes(), bytes);
            let verified = check_receipt(&tiles, &summary, &receipt, &keys);
            assert!(verified.is_ok(), "{key}: {:?}", verified.err());
        }
        assert_eq!(received.len(), self.0.len(), "a message was recorded more than once, or one that nobody sent");
        let (valid, said) = world.verify(node, "demo");
        assert!(valid && said.contains(&format!("and {} messages", self.0.len())), "{said}");
    }
}

/// The index of each message that was taken in.
fn received(entries: &[Entry]) -> BTreeMap<String, u64> {
    let mut found = BTreeMap::new();
    for (index, entry) in (0..).zip(entries).filter(|(_, entry)| entry.kind.as_str() == "message.received/1") {
        let Detail::Object(fields) = &entry.detail else { panic!("entry {index} has no details") };
        let Some(Detail::String(message)) = fields.get("message") else { panic!("entry {index} names no message") };
        assert_eq!(found.insert(message.clone(), index), None, "message {message} is in the log twice");
    }
    found
}
