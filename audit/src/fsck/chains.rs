//! Follows the chains of conversations and subjects through a log, and computes its seals again, in a bounded room.
//!
//! Three layers, from the newest: the links of the last 65,536 entries, as they came, because a seal may speak of any size since;
//! then, of each chain that an entry before those moved, how it moved; then, of every chain, where it ended before that, as sorted
//! rows in memory or in a file. What goes from one layer to the next is held against it there, so a chain that breaks is found a
//! while after its entry was read; [`Chains::settle`] finds what is left, and always tells the first. A seal is one reading of
//! the rows with the others laid over. Source: `FORMAT.md`, "Chains" and "Seals".

use super::room::{MEMORY_BYTES_MIN, Room, Run, Spool};
use super::runs::{Key, Merged, Moved, Row, Step};
use crate::entry::{Chain, ChainPrev, Entry};
use crate::error::{Error, Link};
use crate::seal::{ChainEnd, LAG_ENTRIES_MAX, Seal, Sealing};
use crate::types::{Hash, TreeSize};
use std::collections::{HashMap, VecDeque};
use std::path::PathBuf;

/// What the newest entries take, with what a seal lays over the rows for them.
const WINDOW_BYTES: u64 = 80 << 20;
/// At most so much for a chain that was moved: its place in a table that is half empty and being copied, and in the sorted list.
const MOVED_BYTES: u64 = 768;
/// So few are laid over the rows in any room: else these would be read and written again all the time.
const MOVED_MIN: usize = 4096;
/// Chains that were moved are sorted for each seal: there are not to be many more than rows.
const ROWS_A_MOVED: usize = 8;

/// How many chains there are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Counts {
    pub(super) conversations: u64,
    pub(super) subjects: u64,
}

/// How much each layer may hold.
#[derive(Clone, Debug)]
struct Bounds {
    /// Entries that a seal may lie behind what it covers.
    lag: u64,
    /// Chains in the second layer, at least and at most.
    moved: (usize, usize),
    /// Bytes of rows in memory.
    held_max: usize,
    scratch: PathBuf,
}

/// The ends of all chains.
pub(super) struct Chains {
    recent: VecDeque<(Step, ChainEnd)>,
    moved: HashMap<Key, Moved>,
    rows: Run,
    rows_count: usize,
    bounds: Bounds,
}

impl Chains {
    pub(super) fn new(room: &Room) -> Self {
        let rest = room.memory_bytes.max(MEMORY_BYTES_MIN) - WINDOW_BYTES;
        // A third for what was moved; the others for rows, which are there twice while they are written anew.
        let share = usize::try_from(rest / 3).unwrap_or(usize::MAX);
        let moved_max = usize::try_from(rest / 3 / MOVED_BYTES).unwrap_or(usize::MAX);
        Self::within(Bounds {
            lag: LAG_ENTRIES_MAX,
            moved: (MOVED_MIN.max(moved_max / ROWS_A_MOVED), moved_max.max(MOVED_MIN)),
            held_max: share,
            scratch: room.scratch.clone(),
        })
    }

    fn within(bounds: Bounds) -> Self {
        let (recent, moved, rows) = (VecDeque::new(), HashMap::new(), Run::Held(Vec::new()));
        Self { recent, moved, rows, rows_count: 0, bounds }
    }

    /// Takes in how an entry says that its chains go on.
    ///
    /// # Errors
    /// That of an earlier entry, if its chains did not; `Io`.
    pub(super) fn follow(&mut self, entry: &Entry, leaf: Hash) -> Result<(), Error> {
        let oldest = entry.seq.0.saturating_sub(self.bounds.lag);
        while let Some((step, end)) = self.recent.pop_front_if(|(step, _)| step.seq.0 < oldest) {
            self.take_over(step, end)?;
        }
        for link in &entry.chains {
            let Some(id) = entry.chain_id(link.of) else { continue };
            let step = Step { n: link.n, prev: link.prev, seq: entry.seq };
            let last = ChainPrev { leaf, seq: entry.seq };
            self.recent.push_back((step, ChainEnd { of: link.of, id, n: link.n, last }));
        }
        Ok(())
    }

    /// Computes again what a seal says, if the entry is one. What it says may be wrong because a chain broke before.
    pub(super) fn check_seal(&mut self, entry: &Entry) -> Result<(), Error> {
        let Some(claimed) = Seal::read(entry)? else { return Ok(()) };
        let broken =
            |link, expected: String, got: String| Err(Error::ChainBreak { index: entry.seq, link, expected, got });
        let (seq, upto) = (entry.seq.0, claimed.upto);
        let oldest = seq.saturating_sub(self.bounds.lag);
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

    /// Looks at all that was not looked at yet, and counts the chains.
    ///
    /// # Errors
    /// That of the first entry whose chains don't go on where they ended; `Io`.
    pub(super) fn settle(&mut self) -> Result<Counts, Error> {
        while let Some((step, end)) = self.recent.pop_front() {
            self.take_over(step, end)?;
        }
        self.fold()?;
        let mut counts = Counts::default();
        for both in Merged::new(&mut self.rows, Vec::new())? {
            match both?.row().map(|row| row.end.of) {
                Some(Chain::Conversation) => counts.conversations += 1,
                Some(Chain::Subject) => counts.subjects += 1,
                None => {}
            }
        }
        Ok(counts)
    }

    /// Moves a chain in the second layer. All steps that were taken over before are of entries before.
    fn take_over(&mut self, step: Step, end: ChainEnd) -> Result<(), Error> {
        if let Some(moved) = self.moved.get_mut(&end.key()) {
            if let Err(broken) = step.goes_on(end.of, Some(&moved.end)) {
                // Unless one before, of another chain, is broken as well.
                return self.fold().and(Err(broken));
            }
            moved.end = end;
            return Ok(());
        }
        self.moved.insert(end.key(), Moved { first: step, end });
        let (least, most) = self.bounds.moved;
        let enough = (self.rows_count / ROWS_A_MOVED).clamp(least, most);
        if self.moved.len() > enough { self.fold() } else { Ok(()) }
    }

    /// Writes the rows anew with what was moved since, and finds the first entry that did not go on from them.
    fn fold(&mut self) -> Result<(), Error> {
        let mut rows = Spool::new(self.bounds.held_max, &self.bounds.scratch);
        let over = self.moved.drain().map(|(_, moved)| moved).collect();
        let mut first_broken = None;
        let mut count = 0;
        for both in Merged::new(&mut self.rows, over)? {
            let both = both?;
            if let Some(moved) = &both.over
                && let Err(broken) = moved.first.goes_on(moved.end.of, both.under.as_ref().map(|row| &row.end))
                && first_broken.as_ref().is_none_or(|(seq, _)| moved.first.seq < *seq)
            {
                first_broken = Some((moved.first.seq, broken));
            }
            if let Some(row) = both.row() {
                row.write(&mut rows)?;
                count += 1;
            }
        }
        (self.rows, self.rows_count) = (rows.finish()?, count);
        first_broken.map_or(Ok(()), |(_, broken)| Err(broken))
    }

    /// The seal of the ends that the chains had when the log had that many entries.
    fn seal_at(&mut self, upto: TreeSize) -> Result<Seal, Error> {
        let covered = self.recent.iter().take_while(|(step, _)| step.seq.0 < upto.0);
        let newest: HashMap<Key, &(Step, ChainEnd)> = covered.map(|of| (of.1.key(), of)).collect();
        let moved = self.moved.iter().filter(|(key, _)| !newest.contains_key(key)).map(|(_, moved)| *moved);
        let over = moved.chain(newest.values().map(|(first, end)| Moved { first: *first, end: *end })).collect();
        let mut sealing = Sealing::begin(upto);
        for both in Merged::new(&mut self.rows, over)? {
            if let Some(Row { end, hash }) = both?.row() {
                sealing.push_hashed(&end, hash)?;
            }
        }
        Ok(sealing.finish())
    }
}

#[cfg(test)]
mod tests;
