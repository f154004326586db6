//! Reads the context of a package: runs of neighbouring entries, each run proven by the path of its last.
//!
//! Within a run each entry holds the leaf hash of the one before, so that the last one's path proves them all. The last
//! run reaches from what the newest seal covers to the end of the log: no entry since can have gone unseen.
//! Source: `FORMAT.md`, "Evidence packages".

use super::ends::Ends;
use super::line::Line;
use super::refuse;
use super::walk::{Chained, Walk};
use crate::checkpoint::Checkpoint;
use crate::entry::Entry;
use crate::error::{Error, Link};
use crate::merkle::{leaf_hash, verify_inclusion};
use crate::seal::Seal;
use crate::types::{EntryIndex, Hash};

/// The entry before, and the run that it is in.
#[derive(Clone, Copy)]
struct Before {
    seq: u64,
    leaf: Hash,
    is_proven: bool,
    run_start: u64,
}

/// What the context was found to be so far.
pub(super) struct Context<'a> {
    checkpoint: &'a Checkpoint,
    ends: &'a Ends,
    /// The chains asked for, from where the seal says that they ended.
    chains: Vec<Chained>,
    before: Option<Before>,
    is_sealed: bool,
}

impl<'a> Context<'a> {
    /// Begins where the seal ends.
    pub(super) fn new(checkpoint: &'a Checkpoint, ends: &'a Ends, chains: Vec<Chained>) -> Self {
        Self { checkpoint, ends, chains, before: None, is_sealed: false }
    }

    /// How many entries of the log the seal covers.
    fn upto(&self) -> u64 {
        self.ends.seal.map_or(0, |(_, seal)| seal.upto.0)
    }

    /// Goes on with the next entry.
    pub(super) fn add(&mut self, line: &Line, entry: &Entry, walk: &mut Walk) -> Result<(), Error> {
        let (leaf, seq) = (leaf_hash(&line.entry), entry.seq.0);
        if !line.opened.is_empty() {
            return Err(refuse("an entry of the context is opened"));
        }
        let run_start = self.link(entry)?;
        if let Some(path) = &line.path {
            verify_inclusion(&leaf, entry.seq, self.checkpoint.size, path, &self.checkpoint.root)?;
        }
        self.before = Some(Before { seq, leaf, is_proven: line.path.is_some(), run_start });
        walk.bound(entry)?;
        if seq >= self.upto() {
            for chain in &mut self.chains {
                chain.follow(entry, leaf)?;
            }
        }
        match self.ends.seal {
            Some((at, seal)) if at == entry.seq => self.seal(entry, &seal),
            Some(_) | None => Ok(()),
        }
    }

    /// Checks that the entry goes on with a run, or begins one where the one before is proven.
    fn link(&self, entry: &Entry) -> Result<u64, Error> {
        let Some(before) = self.before else { return Ok(entry.seq.0) };
        if entry.seq.0 != before.seq + 1 {
            return if !before.is_proven {
                Err(refuse("the entry before neither has a path nor is followed by its neighbour"))
            } else if entry.seq.0 > before.seq {
                Ok(entry.seq.0)
            } else {
                let (expected, got) = (format!("more than {}", before.seq), entry.seq.to_string());
                Err(Error::ChainBreak { index: entry.seq, link: Link::Seq, expected, got })
            };
        }
        if entry.prev != before.leaf {
            let (expected, got) = (before.leaf.to_string(), entry.prev.to_string());
            return Err(Error::ChainBreak { index: entry.seq, link: Link::Prev, expected, got });
        }
        Ok(before.run_start)
    }

    fn seal(&mut self, entry: &Entry, claimed: &Seal) -> Result<(), Error> {
        if Seal::read(entry)? != Some(*claimed) || claimed.upto.0 > entry.seq.0 {
            return Err(refuse("the entry is not the seal that ends.json says it is"));
        }
        self.is_sealed = true;
        Ok(())
    }

    /// Checks that the last run is proven and reaches from the seal to the end, and compares the chains' ends.
    pub(super) fn finish(&self, walk: &Walk) -> Result<(), Error> {
        let size = self.checkpoint.size.0;
        if self.before.is_some_and(|before| !before.is_proven) {
            return Err(refuse("the last entry of the context has no path"));
        }
        walk.times_reach(size)?;
        if walk.chains.is_empty() {
            return Ok(());
        }
        let reached = self.before.filter(|before| before.seq + 1 == size).map_or(size, |before| before.run_start);
        if reached > self.upto() {
            let last = EntryIndex(reached.saturating_sub(1));
            return Err(Error::Gap { first: EntryIndex(self.upto()), last });
        }
        if self.ends.seal.is_some() && !self.is_sealed {
            return Err(refuse("the seal is not among the entries of the context"));
        }
        walk.chains.iter().zip(&self.chains).try_for_each(|(found, there)| found.reaches(there))
    }
}
