//! The tests' log with a seal in it, and a policy that its entries name.

use super::common::Log;
use lww_audit::entry::{ChainPrev, Detail};
use lww_audit::merkle::leaf_hash;
use lww_audit::seal::{ChainEnd, KIND, Seal};
use lww_audit::{Entry, Hash, TreeSize};
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;

/// How far before its entry a seal was computed.
const LAG: u64 = 10;
/// The canonical text of the policy that the entries name.
pub const POLICY: &[u8] = br#"{"id":"cn-retail","version":14}"#;

pub fn sha256(bytes: &[u8]) -> Hash {
    Hash(Sha256::digest(bytes).into())
}

/// The seal over the first `upto` entries.
pub fn seal_of(log: &Log, upto: u64) -> Seal {
    let mut ends = BTreeMap::new();
    for bytes in &log.entries[..usize::try_from(upto).unwrap()] {
        let entry = Entry::parse(bytes).unwrap();
        let last = ChainPrev { leaf: leaf_hash(bytes), seq: entry.seq };
        for link in &entry.chains {
            let id = entry.chain_id(link.of).unwrap();
            ends.insert((link.of, id), ChainEnd { of: link.of, id, n: link.n, last });
        }
    }
    Seal::over(ends.into_values().collect(), TreeSize(upto))
}

/// A log with a seal as entry `at`, after `change` was applied to it.
pub fn sealed_log_with(count: u64, at: u64, change: impl Fn(&mut Seal)) -> Log {
    let named = |entry: &mut Entry| {
        if let Some(policy) = &mut entry.policy {
            policy.digest = sha256(POLICY);
        }
    };
    let mut seal = seal_of(&Log::changed(at, named), at - LAG);
    change(&mut seal);
    Log::changed(count, |entry| {
        named(entry);
        if entry.seq.0 == at {
            entry.kind = KIND.parse().unwrap();
            entry.chains.clear();
            entry.detail = seal.detail();
            assert!(entry.detail != Detail::Null);
            (entry.conversation, entry.subject, entry.channel, entry.content, entry.policy) =
                (None, None, None, None, None);
        }
    })
}

pub fn sealed_log(count: u64, at: u64) -> Log {
    sealed_log_with(count, at, |_| {})
}
