//! The layers against a plain table of all ends: the same seals, the same count, and the same first finding, in any room.

use super::*;
use crate::entry::{Actor, ChainLink, Detail, Role};
use crate::merkle::leaf_hash;
use crate::seal::KIND;
use crate::types::{EntryIndex, Id128, Origin};
use crate::{Kind, Timestamp};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use std::collections::BTreeMap;

/// How far a seal may lie behind in these tests.
const LAG: u64 = 6;

/// What an entry is, and how it lies.
#[derive(Clone, Debug)]
enum Act {
    /// Of a conversation and a subject, or of one of them, or of neither.
    Links { conversation: Option<u8>, subject: Option<u8>, lie: Option<Lie> },
    /// A seal of what the log was so many entries before.
    Seal { behind: u64, lie: Option<Lie> },
}

#[derive(Clone, Copy, Debug)]
enum Lie {
    Count,
    Prev,
    Leaf,
}

fn act() -> impl Strategy<Value = Act> {
    let id = || prop::option::weighted(0.8, 0..6_u8);
    // Most logs don't lie, and those that do seldom.
    let lie = || prop::option::weighted(0.01, prop_oneof![Just(Lie::Count), Just(Lie::Prev), Just(Lie::Leaf)]);
    let links = (id(), id(), lie()).prop_map(|(conversation, subject, lie)| Act::Links { conversation, subject, lie });
    let seal = (0..=LAG, lie()).prop_map(|(behind, lie)| Act::Seal { behind, lie });
    prop_oneof![8 => links, 1 => seal]
}

fn plain(seq: u64) -> Entry {
    Entry {
        log: "lww.example/acme/1".parse::<Origin>().unwrap(),
        seq: EntryIndex(seq),
        time: Timestamp::from_micros(0),
        kind: "message.received/1".parse::<Kind>().unwrap(),
        actor: Actor { id: Id128([1; 16]), role: Role::new("customer").unwrap() },
        tenant: "acme".to_owned(),
        conversation: None,
        channel: None,
        subject: None,
        policy: None,
        content: None,
        chains: Vec::new(),
        detail: Detail::Null,
        prev: Hash::ZERO,
    }
}

/// Ends after each entry: `ends[size]` of the log of that size.
type Ends = BTreeMap<Key, (u64, ChainPrev)>;

fn links(of: Chain) -> [Link; 2] {
    match of {
        Chain::Conversation => [Link::ConversationCount, Link::ConversationPrev],
        Chain::Subject => [Link::SubjectCount, Link::SubjectPrev],
    }
}

/// Makes the entries, and what a reading that holds all ends says of them.
fn made(acts: &[Act]) -> (Vec<(Entry, Hash)>, Result<Counts, (u64, String)>) {
    let mut entries = Vec::new();
    let mut ends: Vec<Ends> = vec![Ends::new()];
    let mut first = None;
    for (seq, act) in (0..).zip(acts) {
        let mut now = ends.last().unwrap().clone();
        let (mut entry, leaf) = (plain(seq), leaf_hash(&seq.to_be_bytes()));
        let mut found = |link: Link| {
            first.get_or_insert((seq, link.to_string()));
        };
        match act {
            Act::Links { conversation, subject, lie } => {
                (entry.conversation, entry.subject) =
                    (conversation.map(|id| Id128([id; 16])), subject.map(|id| Id128([id; 16])));
                for of in [Chain::Conversation, Chain::Subject] {
                    let Some(id) = entry.chain_id(of) else { continue };
                    let before = now.get(&(of, id)).copied();
                    let n = before.map_or(0, |(n, _)| n + 1);
                    let mut link = ChainLink { n, of, prev: before.map(|(_, last)| last) };
                    let [count, prev] = links(of);
                    match lie {
                        Some(Lie::Count) => {
                            link.n += 1;
                            found(count);
                        }
                        Some(Lie::Prev) => {
                            let other = ChainPrev { leaf: Hash([9; 32]), seq: EntryIndex(seq) };
                            link.prev = if link.prev.is_some() { None } else { Some(other) };
                            found(prev);
                        }
                        Some(Lie::Leaf) | None => {}
                    }
                    now.insert((of, id), (link.n, ChainPrev { leaf, seq: EntryIndex(seq) }));
                    entry.chains.push(link);
                }
            }
            Act::Seal { behind, lie } => {
                let upto = seq.saturating_sub(*behind);
                let then = &ends[usize::try_from(upto).unwrap()];
                let then = then.iter().map(|((of, id), (n, last))| ChainEnd { of: *of, id: *id, n: *n, last: *last });
                let mut seal = Seal::over(then.collect(), TreeSize(upto));
                match lie {
                    Some(Lie::Count) => {
                        seal.chains += 1;
                        found(Link::SealedChains);
                    }
                    Some(Lie::Prev) => {
                        seal.upto.0 = seq + 1;
                        found(Link::SealedUpto);
                    }
                    Some(Lie::Leaf) => {
                        seal.root.0[0] ^= 1;
                        found(Link::SealedRoot);
                    }
                    None => {}
                }
                entry.kind = KIND.parse().unwrap();
                entry.detail = seal.detail();
            }
        }
        ends.push(now);
        entries.push((entry, leaf));
    }
    let last = ends.last().unwrap();
    let conversations = last.keys().filter(|(of, _)| *of == Chain::Conversation).count() as u64;
    let counts = Counts { conversations, subjects: last.len() as u64 - conversations };
    (entries, first.map_or(Ok(counts), Err))
}

/// What the layers say, as the reading of a log asks them.
fn read(entries: &[(Entry, Hash)], moved: (usize, usize), held_max: usize) -> Result<Counts, (u64, String)> {
    let scratch = tempfile::tempdir().unwrap();
    let bounds = Bounds { lag: LAG, moved, held_max, scratch: scratch.path().to_owned() };
    let mut chains = Chains::within(bounds);
    let said = |error: Error| match error {
        Error::ChainBreak { index, link, .. } => (index.0, link.to_string()),
        other => panic!("{other}"),
    };
    let mut stopped = None;
    for (entry, leaf) in entries {
        chains.follow(entry, *leaf).map_err(said)?;
        if let Err(error) = chains.check_seal(entry) {
            stopped = Some(said(error));
            break;
        }
    }
    let counts = chains.settle().map_err(said)?;
    stopped.map_or(Ok(counts), Err)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, rng_seed: RngSeed::Fixed(5), ..ProptestConfig::default() })]

    #[test]
    fn any_room_says_the_same_as_a_table_of_all_ends(acts in prop::collection::vec(act(), 0..120)) {
        let (entries, expected) = made(&acts);
        for (moved, held_max) in [((1000, 1000), usize::MAX), ((1, 2), usize::MAX), ((1, 1), 300), ((0, 3), 0)] {
            prop_assert_eq!(&read(&entries, moved, held_max), &expected, "{:?} {}", moved, held_max);
        }
    }
}
