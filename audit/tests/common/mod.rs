//! A small log of a bank's customer service, the same on every run, for the tests and the golden vectors.
//!
//! Everything is derived from fixed seeds; nothing here is random or secret.

use lww_audit::entry::{
    Actor, Chain, ChainLink, ChainPrev, Content, Detail, Object, PolicyRef, Role, SpanCount, Tag, commitment,
};
use lww_audit::merkle::{Frontier, Growth, leaf_hash};
use lww_audit::{
    Checkpoint, Entry, EntryIndex, Hash, Id128, NoteSigner, Opened, Receipt, SignedCheckpoint, TileWriter, Timestamp,
    TreeSize, VerifierKey,
};
use std::collections::HashMap;
use std::path::Path;

pub const ORIGIN: &str = "lww.example/acme/1";
/// 2026-01-05T01:00:00Z
const START_MICROS: i64 = 1_767_574_800_000_000;
const CONVERSATIONS: u64 = 7;

pub fn signer(name: &str, seed: u8) -> NoteSigner {
    NoteSigner::from_seed(name, &[seed; 32]).unwrap()
}

pub fn log_signer() -> NoteSigner {
    signer(ORIGIN, 7)
}

pub fn keys() -> Vec<VerifierKey> {
    vec![log_signer().verifier_key().clone()]
}

/// A log in memory: the bytes of its entries.
#[derive(Clone)]
pub struct Log {
    pub entries: Vec<Vec<u8>>,
}

/// The ends of the log and of its chains while it is made.
struct Ends {
    prev: Hash,
    chains: HashMap<(Chain, Id128), (u64, ChainPrev)>,
}

impl Log {
    pub fn new(count: u64) -> Self {
        Self::changed(count, |_| {})
    }

    /// Makes a log in which `change` was applied to each entry before the next was linked to it.
    pub fn changed(count: u64, change: impl Fn(&mut Entry)) -> Self {
        let mut ends = Ends { prev: Hash::ZERO, chains: HashMap::new() };
        let entries = (0..count).map(|n| {
            let mut entry = plain_entry(n);
            link(&mut entry, &mut ends);
            change(&mut entry);
            let bytes = entry.to_bytes().unwrap();
            ends.moved(&entry, leaf_hash(&bytes));
            bytes
        });
        Self { entries: entries.collect() }
    }

    pub fn frontier(&self, size: u64) -> Frontier {
        let mut frontier = Frontier::empty();
        self.entries[..usize::try_from(size).unwrap()].iter().for_each(|entry| frontier.push(leaf_hash(entry)));
        frontier
    }

    pub fn size(&self) -> u64 {
        self.entries.len() as u64
    }

    pub fn checkpoint(&self, size: u64) -> Checkpoint {
        Checkpoint { origin: ORIGIN.parse().unwrap(), size: TreeSize(size), root: self.frontier(size).root() }
    }

    pub fn signed(&self, size: u64) -> SignedCheckpoint {
        SignedCheckpoint::sign(self.checkpoint(size), &[&log_signer()]).unwrap()
    }

    pub fn write(&self, directory: &Path) {
        let mut writer = TileWriter::open(directory).unwrap();
        for entry in &self.entries {
            writer.append(entry).unwrap();
        }
        writer.publish(&self.signed(self.size())).unwrap();
    }

    /// Writes the receipt of an entry in the tree of `size`, opening its texts if it has any.
    pub fn receipt(&self, index: u64, size: u64) -> String {
        let at = usize::try_from(index).unwrap();
        let mut growth = Growth::start(self.frontier(index));
        self.entries[at..usize::try_from(size).unwrap()].iter().for_each(|entry| {
            growth.push(leaf_hash(entry));
        });
        let path = growth.inclusion_path(EntryIndex(index)).unwrap();
        let has_content = Entry::parse(&self.entries[at]).unwrap().content.is_some();
        let opened = if has_content { opened(index) } else { Vec::new() };
        Receipt::format(&self.entries[at], &opened, EntryIndex(index), &path, &self.signed(size).to_string())
    }
}

impl Ends {
    fn moved(&mut self, entry: &Entry, leaf: Hash) {
        self.prev = leaf;
        for link in &entry.chains {
            let id = entry.chain_id(link.of).unwrap();
            self.chains.insert((link.of, id), (link.n, ChainPrev { leaf, seq: entry.seq }));
        }
    }
}

fn link(entry: &mut Entry, ends: &mut Ends) {
    entry.prev = ends.prev;
    for of in [Chain::Conversation, Chain::Subject] {
        if let Some(id) = entry.chain_id(of) {
            let end = ends.chains.get(&(of, id));
            entry.chains.push(ChainLink { n: end.map_or(0, |(n, _)| n + 1), of, prev: end.map(|(_, prev)| *prev) });
        }
    }
}

fn salt(n: u64, tag: Tag) -> [u8; 32] {
    let mut salt = [match tag {
        Tag::Masked => 0xa0,
        Tag::Sealed => 0xb0,
    }; 32];
    salt[..8].copy_from_slice(&n.to_be_bytes());
    salt
}

fn texts(n: u64) -> (String, String) {
    let tail = n % 10_000;
    (format!("我的卡 ****{tail:04} 丢了\n请尽快挂失"), format!("我的卡 622202020011{tail:04} 丢了\n请尽快挂失"))
}

pub fn opened(n: u64) -> Vec<Opened> {
    let (masked, sealed) = texts(n);
    vec![
        Opened { of: Tag::Masked, salt: salt(n, Tag::Masked), text: Some(masked) },
        Opened { of: Tag::Sealed, salt: salt(n, Tag::Sealed), text: Some(sealed) },
    ]
}

fn id(of: u8, n: u64) -> Id128 {
    let mut bytes = [of; 16];
    bytes[8..].copy_from_slice(&n.to_be_bytes());
    Id128(bytes)
}

fn object<const N: usize>(members: [(&str, Detail); N]) -> Detail {
    Detail::Object(members.into_iter().map(|(key, value)| (key.to_owned(), value)).collect::<Object>())
}

/// Entry `n` without its links: the server's start, then conversations with messages and views, mixed.
fn plain_entry(n: u64) -> Entry {
    let about = n % CONVERSATIONS;
    let of_conversation = n > 0;
    let (kind, role, detail) = match n {
        0 => ("server.started/1", "system", object([("version", Detail::String("0.1.0".into()))])),
        1..=CONVERSATIONS => ("conversation.opened/1", "system", object([("queue", Detail::String("cards".into()))])),
        _ if n.is_multiple_of(5) => {
            ("transcript.viewed/1", "supervisor", object([("until", Detail::Int(i64::try_from(n).unwrap() - 1))]))
        }
        _ if n.is_multiple_of(3) => ("message.sent/1", "agent", Detail::Null),
        _ => (
            "message.received/1",
            "customer",
            object([
                ("urgent", Detail::Bool(n.is_multiple_of(2))),
                ("words", Detail::Array(vec![Detail::String("卡\u{1}\"".into())])),
            ]),
        ),
    };
    let is_message = kind.starts_with("message.");
    Entry {
        log: ORIGIN.parse().unwrap(),
        seq: EntryIndex(n),
        time: Timestamp::from_micros(START_MICROS + i64::try_from(n).unwrap() * 1_234_567),
        kind: kind.parse().unwrap(),
        actor: Actor { id: id(0x0a, about), role: Role::new(role).unwrap() },
        tenant: "acme".to_owned(),
        conversation: of_conversation.then(|| id(0x0c, about)),
        channel: is_message.then(|| "http".to_owned()),
        subject: of_conversation.then(|| id(0x05, about / 2)),
        policy: is_message.then(|| PolicyRef { digest: Hash([0xdd; 32]), id: "cn-retail".to_owned(), version: 14 }),
        content: is_message.then(|| content(n)),
        chains: Vec::new(),
        detail,
        prev: Hash::ZERO,
    }
}

fn content(n: u64) -> Content {
    let (masked, sealed) = texts(n);
    Content {
        commit_masked: commitment(&salt(n, Tag::Masked), Tag::Masked, masked.as_bytes()),
        commit_sealed: commitment(&salt(n, Tag::Sealed), Tag::Sealed, sealed.as_bytes()),
        spans: vec![SpanCount { class: "C2".to_owned(), count: 1, entity: "bank_card".to_owned() }],
    }
}
