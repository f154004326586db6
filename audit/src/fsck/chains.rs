//! Follows the chains of conversations and subjects through a log, keeping only their ends.
//!
//! This is the one thing that grows with the number of conversations and subjects: about a hundred bytes each, whatever the
//! number of entries. Seals are computed again, for which the changes since the oldest size that one may cover are kept. Source: `FORMAT.md`,
//! "Chains" and "Seals".

use crate::entry::{Chain, ChainPrev, Entry};
use crate::error::{Error, Link};
use crate::seal::{ChainEnd, LAG_ENTRIES_MAX, Seal, Sealing};
use crate::types::{Hash, Id128, TreeSize};
use std::collections::{BTreeMap, HashMap, VecDeque};

/// The end of one chain.
#[derive(Clone, Copy)]
struct Tip {
    n: u64,
    last: ChainPrev,
}

/// The ends of all chains, in the order of the seals' trees: a seal is computed by reading them once, without a copy.
#[derive(Default)]
pub(super) struct Tips {
    tips: BTreeMap<(Chain, Id128), Tip>,
    conversations: u64,
    /// What the newest entries changed, oldest first.
    recent: VecDeque<Change>,
}

/// An end that an entry moved, as it was before.
struct Change {
    seq: u64,
    of: (Chain, Id128),
    before: Option<Tip>,
}

impl Tips {
    pub(super) fn conversations(&self) -> u64 {
        self.conversations
    }

    pub(super) fn subjects(&self) -> u64 {
        self.tips.len() as u64 - self.conversations
    }

    /// Checks that the entry goes on with its chains where they ended, and moves their ends.
    pub(super) fn follow(&mut self, entry: &Entry, leaf: Hash) -> Result<(), Error> {
        let index = entry.seq;
        while self.recent.front().is_some_and(|change| change.seq + LAG_ENTRIES_MAX < index.0) {
            self.recent.pop_front();
        }
        for link in &entry.chains {
            let (count_link, prev_link) = match link.of {
                Chain::Conversation => (Link::ConversationCount, Link::ConversationPrev),
                Chain::Subject => (Link::SubjectCount, Link::SubjectPrev),
            };
            let Some(id) = entry.chain_id(link.of) else { continue };
            let of = (link.of, id);
            let tip = self.tips.get(&of).copied();
            let n = tip.map_or(0, |tip| tip.n + 1);
            if link.n != n {
                let (expected, got) = (n.to_string(), link.n.to_string());
                return Err(Error::ChainBreak { index, link: count_link, expected, got });
            }
            let prev = tip.map(|tip| tip.last);
            if link.prev != prev {
                let (expected, got) = (describe(prev), describe(link.prev));
                return Err(Error::ChainBreak { index, link: prev_link, expected, got });
            }
            self.tips.insert(of, Tip { n, last: ChainPrev { leaf, seq: index } });
            self.conversations += u64::from(tip.is_none() && link.of == Chain::Conversation);
            self.recent.push_back(Change { seq: index.0, of, before: tip });
        }
        Ok(())
    }

    /// Computes again what a seal says, if the entry is one.
    pub(super) fn check_seal(&self, entry: &Entry) -> Result<(), Error> {
        let Some(claimed) = Seal::read(entry)? else { return Ok(()) };
        let broken =
            |link, expected: String, got: String| Err(Error::ChainBreak { index: entry.seq, link, expected, got });
        let (seq, upto) = (entry.seq.0, claimed.upto);
        let oldest = seq.saturating_sub(LAG_ENTRIES_MAX);
        if !(oldest..=seq).contains(&upto.0) {
            return broken(Link::SealedUpto, format!("{oldest} to {seq}"), upto.to_string());
        }
        let seal = self.seal_at(upto)?;
        if seal.chains != claimed.chains {
            return broken(Link::SealedChains, seal.chains.to_string(), claimed.chains.to_string());
        }
        if seal.root != claimed.root {
            return broken(Link::SealedRoot, seal.root.to_string(), claimed.root.to_string());
        }
        Ok(())
    }

    /// The seal of the ends that the chains had when the log had that many entries.
    fn seal_at(&self, upto: TreeSize) -> Result<Seal, Error> {
        let since = self.recent.iter().rev().take_while(|change| change.seq >= upto.0);
        // From the newest to the oldest, so that the oldest change of a chain tells what was before all of them.
        let then: HashMap<_, _> = since.map(|change| (change.of, change.before)).collect();
        let mut sealing = Sealing::begin(upto);
        for (key, tip) in &self.tips {
            let Some(Tip { n, last }) = then.get(key).copied().unwrap_or(Some(*tip)) else { continue };
            let (of, id) = *key;
            sealing.push(&ChainEnd { of, id, n, last })?;
        }
        Ok(sealing.finish())
    }
}

fn describe(prev: Option<ChainPrev>) -> String {
    prev.map_or_else(|| "null".to_owned(), |prev| format!("entry {} with leaf {}", prev.seq, prev.leaf))
}
