//! The ends of a log's chains as rows of one length, sorted as the seals' trees are, and what was moved since laid over them.
//!
//! Rows are read from the first to the last only, so it does not matter whether they are in memory or in a file. Each carries
//! the hash of its leaf, which is most of what a seal costs.

use super::room::{Run, Spool, refused};
use crate::entry::{Chain, ChainPrev};
use crate::error::{Error, Link};
use crate::seal::ChainEnd;
use crate::types::{EntryIndex, Hash, Id128};
use std::cmp::Ordering;
use std::io::{ErrorKind, Read};
use std::iter::Peekable;
use std::path::PathBuf;
use std::vec;

/// Which chain, in the order of the seals' trees.
pub(super) type Key = (Chain, Id128);

/// Chain, id, place, position, leaf hash of the last entry, and the hash of all that.
const ROW_BYTES: usize = 1 + 16 + 8 + 8 + 32 + 32;

/// Where a chain ended, with the hash of its leaf in a seal's tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Row {
    pub(super) end: ChainEnd,
    pub(super) hash: Hash,
}

impl Row {
    pub(super) fn of(end: ChainEnd) -> Self {
        Self { end, hash: end.leaf() }
    }

    pub(super) fn write(&self, to: &mut Spool) -> Result<(), Error> {
        let ChainEnd { of, id, n, last } = &self.end;
        let mut bytes = [0; ROW_BYTES];
        let of = [u8::from(*of == Chain::Subject)];
        let (n, seq) = (n.to_be_bytes(), last.seq.0.to_be_bytes());
        let parts: [&[u8]; 6] = [&of, id.as_bytes(), &n, &seq, last.leaf.as_bytes(), self.hash.as_bytes()];
        for (to, from) in bytes.iter_mut().zip(parts.into_iter().flatten()) {
            *to = *from;
        }
        to.push(&bytes)
    }

    fn read(bytes: &[u8; ROW_BYTES]) -> Option<Self> {
        let (of, rest) = bytes.split_first()?;
        let (id, rest) = rest.split_first_chunk::<16>()?;
        let (n, rest) = rest.split_first_chunk::<8>()?;
        let (seq, rest) = rest.split_first_chunk::<8>()?;
        let (leaf, rest) = rest.split_first_chunk::<32>()?;
        let hash = rest.first_chunk::<32>()?;
        let of = if *of == 0 { Chain::Conversation } else { Chain::Subject };
        let last = ChainPrev { leaf: Hash(*leaf), seq: EntryIndex(u64::from_be_bytes(*seq)) };
        let end = ChainEnd { of, id: Id128(*id), n: u64::from_be_bytes(*n), last };
        Some(Self { end, hash: Hash(*hash) })
    }
}

/// How an entry says that a chain went on: its place, and the entry before.
#[derive(Clone, Copy, Debug)]
pub(super) struct Step {
    pub(super) n: u64,
    pub(super) prev: Option<ChainPrev>,
    pub(super) seq: EntryIndex,
}

impl Step {
    /// Checks that it goes on where the chain ended.
    pub(super) fn goes_on(&self, of: Chain, end: Option<&ChainEnd>) -> Result<(), Error> {
        let (count, prev) = match of {
            Chain::Conversation => (Link::ConversationCount, Link::ConversationPrev),
            Chain::Subject => (Link::SubjectCount, Link::SubjectPrev),
        };
        let broken = |link, expected, got| Err(Error::ChainBreak { index: self.seq, link, expected, got });
        let n = end.map_or(0, |end| end.n + 1);
        if self.n != n {
            return broken(count, n.to_string(), self.n.to_string());
        }
        let last = end.map(|end| end.last);
        if self.prev != last {
            return broken(prev, describe(last), describe(self.prev));
        }
        Ok(())
    }
}

fn describe(prev: Option<ChainPrev>) -> String {
    prev.map_or_else(|| "null".to_owned(), |prev| format!("entry {} with leaf {}", prev.seq, prev.leaf))
}

/// What became of a chain since the rows were written: the first step since, and where it ended.
#[derive(Clone, Copy, Debug)]
pub(super) struct Moved {
    pub(super) first: Step,
    pub(super) end: ChainEnd,
}

/// A chain of either, or of both: where the rows say that it ended, and what became of it since.
pub(super) struct Both {
    pub(super) under: Option<Row>,
    pub(super) over: Option<Moved>,
}

impl Both {
    /// Where the chain ends.
    pub(super) fn row(&self) -> Option<Row> {
        self.over.map(|moved| Row::of(moved.end)).or(self.under)
    }
}

/// Reads rows and what lies over them as one, in their order.
pub(super) struct Merged<'a> {
    under: Peekable<Rows<'a>>,
    over: Peekable<vec::IntoIter<Moved>>,
}

impl<'a> Merged<'a> {
    /// Lays `over` onto the rows.
    pub(super) fn new(under: &'a mut Run, mut over: Vec<Moved>) -> Result<Self, Error> {
        over.sort_unstable_by_key(|moved| moved.end.key());
        let place = under.place();
        Ok(Self { under: Rows { from: under.read()?, place }.peekable(), over: over.into_iter().peekable() })
    }
}

impl Iterator for Merged<'_> {
    type Item = Result<Both, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        let order = match (self.under.peek(), self.over.peek()) {
            (None, None) => return None,
            (None, Some(_)) => Ordering::Greater,
            (Some(Err(_) | Ok(_)), None) | (Some(Err(_)), Some(_)) => Ordering::Less,
            (Some(Ok(under)), Some(over)) => under.end.key().cmp(&over.end.key()),
        };
        let under = if order.is_le() { self.under.next() } else { None };
        let over = if order.is_ge() { self.over.next() } else { None };
        Some(under.transpose().map(|under| Both { under, over }))
    }
}

struct Rows<'a> {
    from: Box<dyn Read + 'a>,
    place: PathBuf,
}

impl Iterator for Rows<'_> {
    type Item = Result<Row, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        let mut bytes = [0; ROW_BYTES];
        match self.from.read_exact(&mut bytes) {
            Ok(()) => Row::read(&bytes).map(Ok),
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => None,
            Err(error) => Some(Err(refused(&self.place, "read a file in")(error))),
        }
    }
}
