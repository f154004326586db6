//! Follows the chains of conversations and subjects through a log, keeping only their ends.
//!
//! This is the one thing that grows with the number of conversations and subjects: about a hundred bytes each.
//! Source: `FORMAT.md`, "Chains".

use crate::entry::{Chain, ChainPrev, Entry};
use crate::error::{Error, Link};
use crate::types::{Hash, Id128};
use std::collections::HashMap;

/// The end of one chain.
#[derive(Clone, Copy)]
struct Tip {
    n: u64,
    last: ChainPrev,
}

/// The ends of all chains.
#[derive(Default)]
pub(super) struct Tips {
    conversations: HashMap<Id128, Tip>,
    subjects: HashMap<Id128, Tip>,
}

impl Tips {
    pub(super) fn conversations(&self) -> u64 {
        self.conversations.len() as u64
    }

    pub(super) fn subjects(&self) -> u64 {
        self.subjects.len() as u64
    }

    /// Checks that the entry goes on with its chains where they ended, and moves their ends.
    pub(super) fn follow(&mut self, entry: &Entry, leaf: Hash) -> Result<(), Error> {
        let index = entry.seq;
        for link in &entry.chains {
            let (tips, count_link, prev_link) = match link.of {
                Chain::Conversation => (&mut self.conversations, Link::ConversationCount, Link::ConversationPrev),
                Chain::Subject => (&mut self.subjects, Link::SubjectCount, Link::SubjectPrev),
            };
            let Some(id) = entry.chain_id(link.of) else { continue };
            let tip = tips.get(&id).copied();
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
            tips.insert(id, Tip { n, last: ChainPrev { leaf, seq: index } });
        }
        Ok(())
    }
}

fn describe(prev: Option<ChainPrev>) -> String {
    prev.map_or_else(|| "null".to_owned(), |prev| format!("entry {} with leaf {}", prev.seq, prev.leaf))
}
