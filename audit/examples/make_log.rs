//! Writes a log of any size for measuring the verifier: `make_log DIR ENTRIES`. Prints the log's public key.
//!
//! Conversations of twenty entries, ten subjects for fifteen conversations, messages with commitments, a seal every 65,536 entries.

use lww_audit::entry::{Actor, Chain, ChainLink, ChainPrev, Content, Detail, PolicyRef, Role, SpanCount};
use lww_audit::merkle::leaf_hash;
use lww_audit::seal::{ChainEnd, KIND, Seal};
use lww_audit::{
    Checkpoint, Entry, EntryIndex, Error, Hash, Id128, NoteSigner, Origin, SignedCheckpoint, TileWriter, Timestamp,
    TreeSize,
};
use std::collections::HashMap;
use std::io::Write as _;

const START_MICROS: i64 = 1_767_574_800_000_000;
const SEAL_EVERY: u64 = 65_536;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(directory), Some(count)) = (arguments.next(), arguments.next()) else {
        return Err("make_log DIR ENTRIES".into());
    };
    let origin: Origin = "lww.example/bench/1".parse()?;
    let signer = NoteSigner::from_seed(origin.as_str(), &[7; 32])?;
    let mut writer = TileWriter::open(directory)?;
    let mut log = Log { origin: origin.clone(), prev: Hash::ZERO, ends: HashMap::new() };
    for seq in 0..count.parse()? {
        writer.append(&log.next(seq)?)?;
    }
    let checkpoint = Checkpoint { origin, size: writer.size(), root: writer.root() };
    writer.publish(&SignedCheckpoint::sign(checkpoint, &[&signer])?)?;
    writeln!(std::io::stdout(), "{}", signer.verifier_key())?;
    Ok(())
}

struct Log {
    origin: Origin,
    prev: Hash,
    ends: HashMap<(Chain, Id128), ChainEnd>,
}

impl Log {
    fn next(&mut self, seq: u64) -> Result<Vec<u8>, Error> {
        let is_seal = seq > 0 && seq.is_multiple_of(SEAL_EVERY);
        // A thousand conversations at a time, each of twenty entries.
        let conversation = seq / 20_000 * 1000 + seq % 1000;
        let about = |id| (!is_seal).then_some(id);
        let mut entry = Entry {
            log: self.origin.clone(),
            seq: EntryIndex(seq),
            time: Timestamp::from_micros(START_MICROS + i64::try_from(seq).unwrap_or(0) * 1000),
            kind: if is_seal { KIND } else { "message.received/1" }.parse()?,
            actor: Actor { id: id(10, conversation), role: Role::new("customer")? },
            tenant: "bench".to_owned(),
            conversation: about(id(12, conversation)),
            channel: (!is_seal).then(|| "web".to_owned()),
            subject: about(id(5, conversation * 2 / 3)),
            policy: (!is_seal).then(|| PolicyRef { digest: Hash([13; 32]), id: "cn-retail".to_owned(), version: 14 }),
            content: (!is_seal).then(|| Content {
                commit_masked: leaf_hash(&seq.to_be_bytes()),
                commit_sealed: leaf_hash(&seq.to_le_bytes()),
                spans: vec![SpanCount { class: "C2".to_owned(), count: 1, entity: "bank_card".to_owned() }],
            }),
            chains: Vec::new(),
            detail: Detail::Null,
            prev: self.prev,
        };
        if is_seal {
            entry.detail = Seal::over(self.ends.values().copied().collect(), TreeSize(seq)).detail();
        }
        for of in [Chain::Conversation, Chain::Subject] {
            if let Some(id) = entry.chain_id(of) {
                let end = self.ends.get(&(of, id));
                entry.chains.push(ChainLink { n: end.map_or(0, |end| end.n + 1), of, prev: end.map(|end| end.last) });
            }
        }
        let bytes = entry.to_bytes()?;
        self.prev = leaf_hash(&bytes);
        let last = ChainPrev { leaf: self.prev, seq: entry.seq };
        for link in &entry.chains {
            if let Some(id) = entry.chain_id(link.of) {
                self.ends.insert((link.of, id), ChainEnd { of: link.of, id, n: link.n, last });
            }
        }
        Ok(bytes)
    }
}

/// An id that is spread like a random one.
fn id(of: u64, number: u64) -> Id128 {
    let hash = leaf_hash(&[of.to_be_bytes(), number.to_be_bytes()].concat());
    Id128(hash.0.first_chunk().copied().unwrap_or_default())
}
