//! Follows the scopes of a package through entries that are proven to be in the log, and finds what is left out of them.
//!
//! It sees each entry once, in order, and keeps nothing but the ends. Source: `FORMAT.md`, "Chains".

use super::manifest::Scope;
use super::refuse;
use crate::entry::{Chain, ChainLink, ChainPrev, Entry};
use crate::error::{Error, Link};
use crate::seal::ChainEnd;
use crate::time::Timestamp;
use crate::types::{EntryIndex, Hash, Id128};

/// One chain, as far as it was followed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Chained {
    of: Chain,
    id: Id128,
    pub(super) end: Option<ChainEnd>,
}

impl Chained {
    pub(super) const fn new(of: Chain, id: Id128, end: Option<ChainEnd>) -> Self {
        Self { of, id, end }
    }

    /// Goes on with an entry, if it is of the chain, and says whether it is.
    pub(super) fn follow(&mut self, entry: &Entry, leaf: Hash) -> Result<bool, Error> {
        if entry.chain_id(self.of) != Some(self.id) {
            return Ok(false);
        }
        let Some(link) = entry.chains.iter().find(|link| link.of == self.of) else { return Ok(false) };
        self.check(entry.seq, link)?;
        let last = ChainPrev { leaf, seq: entry.seq };
        self.end = Some(ChainEnd { of: self.of, id: self.id, n: link.n, last });
        Ok(true)
    }

    fn check(&self, index: EntryIndex, link: &ChainLink) -> Result<(), Error> {
        let expected = self.next();
        if let Some(prev) = link.prev.filter(|_| link.n > expected) {
            return Err(self.left_out(link.n - 1, prev.seq));
        }
        let (count, prev) = match self.of {
            Chain::Conversation => (Link::ConversationCount, Link::ConversationPrev),
            Chain::Subject => (Link::SubjectCount, Link::SubjectPrev),
        };
        if link.n != expected {
            let (expected, got) = (expected.to_string(), link.n.to_string());
            return Err(Error::ChainBreak { index, link: count, expected, got });
        }
        let before = self.end.map(|end| end.last);
        if link.prev != before {
            let (expected, got) = (format!("{before:?}"), format!("{:?}", link.prev));
            return Err(Error::ChainBreak { index, link: prev, expected, got });
        }
        Ok(())
    }

    fn next(&self) -> u64 {
        self.end.map_or(0, |end| end.n + 1)
    }

    const fn left_out_from(&self, first_n: u64, last_n: u64, last: EntryIndex) -> Error {
        Error::LeftOut { of: self.of.name(), id: self.id, first_n, last_n, last }
    }

    fn left_out(&self, last_n: u64, last: EntryIndex) -> Error {
        self.left_out_from(self.next(), last_n, last)
    }

    /// Compares with where the chain ends in the log.
    pub(super) fn reaches(&self, there: &Self) -> Result<(), Error> {
        let Some(end) = there.end.filter(|_| self.end != there.end) else {
            return if self.end == there.end {
                Ok(())
            } else {
                Err(refuse("the seal knows less of a chain than the package"))
            };
        };
        if self.next() <= end.n {
            return Err(self.left_out(end.n, end.last.seq));
        }
        Err(refuse("the seal contradicts a chain's entries"))
    }
}

/// A time, and which entries of it were met.
#[derive(Clone, Copy, Debug)]
pub(super) struct Timed {
    from: Timestamp,
    to: Timestamp,
    /// The first and last entry of this time in the package.
    found: Option<(u64, u64)>,
    /// The newest entry before, and the oldest after, that the context shows.
    before: Option<u64>,
    after: Option<u64>,
}

impl Timed {
    fn holds(&self, time: Timestamp) -> bool {
        self.from <= time && time < self.to
    }

    fn follow(&mut self, entry: &Entry) -> Result<bool, Error> {
        if !self.holds(entry.time) {
            return Ok(false);
        }
        let seq = entry.seq.0;
        let first = match self.found {
            Some((_, last)) if last + 1 != seq => return Err(gap(last + 1, seq - 1)),
            Some((first, _)) => first,
            None => seq,
        };
        self.found = Some((first, seq));
        Ok(true)
    }

    /// Looks at an entry of the context, which tells where the time begins or ends.
    fn bound(&mut self, entry: &Entry) -> Result<(), Error> {
        let seq = entry.seq.0;
        if entry.time < self.from {
            self.before = Some(seq);
        } else if entry.time >= self.to {
            self.after = Some(self.after.map_or(seq, |after| after.min(seq)));
        } else if self.found.is_none_or(|(first, last)| seq < first || last < seq) {
            return Err(gap(seq, seq));
        }
        Ok(())
    }

    /// Compares what was met with all between the entry before and the entry after.
    fn reaches(&self, size: u64) -> Result<(), Error> {
        let (first, behind) = (self.before.map_or(0, |before| before + 1), self.after.unwrap_or(size));
        match self.found {
            None if first >= behind => Ok(()),
            None => Err(gap(first, behind - 1)),
            Some((found, _)) if found > first => Err(gap(first, found - 1)),
            Some((_, found)) if found + 1 < behind => Err(gap(found + 1, behind - 1)),
            Some((found, last)) if found == first && last + 1 == behind => Ok(()),
            Some(_) => Err(refuse("the context contradicts the times of the entries")),
        }
    }
}

const fn gap(first: u64, last: u64) -> Error {
    Error::Gap { first: EntryIndex(first), last: EntryIndex(last) }
}

/// All scopes of a package.
pub(super) struct Walk {
    pub(super) chains: Vec<Chained>,
    times: Vec<Timed>,
}

impl Walk {
    pub(super) fn new(scopes: &[Scope]) -> Self {
        let mut walk = Self { chains: Vec::new(), times: Vec::new() };
        for scope in scopes {
            match *scope {
                Scope::Chain { of, id } => walk.chains.push(Chained::new(of, id, None)),
                Scope::Range { from, to } => {
                    walk.times.push(Timed { from, to, found: None, before: None, after: None });
                }
            }
        }
        walk
    }

    /// Goes on with an entry of the package; says whether it is of any scope.
    pub(super) fn follow(&mut self, entry: &Entry, leaf: Hash) -> Result<bool, Error> {
        let mut is_asked_for = false;
        for chain in &mut self.chains {
            is_asked_for |= chain.follow(entry, leaf)?;
        }
        for time in &mut self.times {
            is_asked_for |= time.follow(entry)?;
        }
        Ok(is_asked_for)
    }

    /// Looks at an entry of the context.
    pub(super) fn bound(&mut self, entry: &Entry) -> Result<(), Error> {
        self.times.iter_mut().try_for_each(|time| time.bound(entry))
    }

    /// Finds what is left out of a time, in a log of `size` entries.
    pub(super) fn times_reach(&self, size: u64) -> Result<(), Error> {
        self.times.iter().try_for_each(|time| time.reaches(size))
    }
}
