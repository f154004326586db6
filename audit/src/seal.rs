//! Seals: one root over the ends of all chains, so that a single entry tells where every conversation and subject ended.
//!
//! The ends are sorted by chain and form an ordinary Merkle tree; an end is proven by its path, and the absence of a chain by
//! its two neighbours. That a seal tells the truth is for a full scan to check ([`crate::fsck`]); this module only computes
//! and proves. Source: `FORMAT.md`, "Seals"; RFC 6962 section 2.1 for the tree.

use crate::canonical::Object;
use crate::entry::{Chain, ChainPrev, Detail, Entry};
use crate::error::{Error, Format, malformed};
use crate::merkle::{Frontier, Growth, empty_root, leaf_hash, verify_inclusion};
use crate::types::{EntryIndex, Hash, Id128, TreeSize};

/// The kind of entries that hold a seal.
pub const KIND: &str = "chains.sealed/1";
/// Most entries that may lie between what a seal covers and the seal: it is computed while the log goes on.
pub const LAG_ENTRIES_MAX: u64 = 65_536;
/// Separates the leaves of this tree from all else that is hashed.
const TAG: &[u8] = b"lww/chain/1\0";

/// Where a chain ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChainEnd {
    /// What the chain is of.
    pub of: Chain,
    /// The conversation or subject.
    pub id: Id128,
    /// Place of its last entry in the chain, counted from 0.
    pub n: u64,
    /// Its last entry.
    pub last: ChainPrev,
}

impl ChainEnd {
    /// The order of the tree's leaves.
    const fn key(&self) -> (Chain, Id128) {
        (self.of, self.id)
    }

    /// The leaf hash over the fixed 77 bytes: tag, chain, id, place, position and leaf hash of the last entry.
    fn leaf(&self) -> Hash {
        let of = match self.of {
            Chain::Conversation => 1,
            Chain::Subject => 2,
        };
        let (n, seq) = (self.n.to_be_bytes(), self.last.seq.0.to_be_bytes());
        leaf_hash(&[TAG, &[of], self.id.as_bytes(), &n, &seq, self.last.leaf.as_bytes()].concat())
    }
}

/// What a seal says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seal {
    /// Number of chains.
    pub chains: u64,
    /// Root over their ends.
    pub root: Hash,
    /// How many entries of the log were looked at: all before this size.
    pub upto: TreeSize,
}

impl Seal {
    /// Computes the seal over the ends that the chains had in the log of `upto` entries. Each chain is there once.
    pub fn over(mut ends: Vec<ChainEnd>, upto: TreeSize) -> Self {
        ends.sort_unstable_by_key(ChainEnd::key);
        let mut tree = Frontier::empty();
        for end in &ends {
            tree.push(end.leaf());
        }
        Self { chains: tree.size().0, root: tree.root(), upto }
    }

    /// Reads the seal out of an entry, or `None` if the entry is of another kind.
    ///
    /// # Errors
    /// `Malformed` if the entry has the kind and not the detail.
    pub fn read(entry: &Entry) -> Result<Option<Self>, Error> {
        if entry.kind.as_str() != KIND {
            return Ok(None);
        }
        let wrong = || malformed(Format::ChainEnds, 0, "the detail is not chains, root and upto");
        let Detail::Object(detail) = &entry.detail else { return Err(wrong()) };
        let number = |name| match detail.get(name) {
            Some(Detail::Int(number)) => u64::try_from(*number).map_err(|_| wrong()),
            Some(Detail::Null | Detail::Bool(_) | Detail::String(_) | Detail::Array(_) | Detail::Object(_)) | None => {
                Err(wrong())
            }
        };
        let (Some(Detail::String(root)), 3) = (detail.get("root"), detail.len()) else { return Err(wrong()) };
        let root = root.parse().map_err(|_| wrong())?;
        Ok(Some(Self { chains: number("chains")?, root, upto: TreeSize(number("upto")?) }))
    }

    /// Writes the detail of the entry.
    pub fn detail(&self) -> Detail {
        // Both count entries or less, and entries count below 2^53.
        let number = |number: u64| Detail::Int(i64::try_from(number).unwrap_or(i64::MAX));
        let members = [
            ("chains", number(self.chains)),
            ("root", Detail::String(self.root.to_string())),
            ("upto", number(self.upto.0)),
        ];
        Detail::Object(members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect::<Object>())
    }
}

/// A seal that is being computed over ends which come one after another, so that nobody need hold all of them.
#[derive(Clone, Debug)]
pub struct Sealing {
    tree: Frontier,
    last: Option<(Chain, Id128)>,
    upto: TreeSize,
}

impl Sealing {
    /// Begins a seal of the log of `upto` entries.
    #[must_use]
    pub const fn begin(upto: TreeSize) -> Self {
        Self { tree: Frontier::empty(), last: None, upto }
    }

    /// Takes the next end, in the order of the tree: conversations, then subjects, each by id.
    ///
    /// # Errors
    /// `Malformed` if it is not behind the one before, or ends where this seal does not reach.
    pub fn push(&mut self, end: &ChainEnd) -> Result<(), Error> {
        let is_next = self.last.is_none_or(|last| last < end.key());
        if !is_next || end.last.seq.0 >= self.upto.0 {
            return Err(malformed(Format::ChainEnds, 0, "not the next of the ends below this size"));
        }
        self.last = Some(end.key());
        self.tree.push(end.leaf());
        Ok(())
    }

    /// Ends it.
    #[must_use]
    pub fn finish(&self) -> Seal {
        Seal { chains: self.tree.size().0, root: self.tree.root(), upto: self.upto }
    }
}

/// The ends of all chains, ready to prove any of them.
#[derive(Debug)]
pub struct ChainEnds {
    ends: Vec<ChainEnd>,
    tree: Growth,
}

impl ChainEnds {
    /// Sorts the ends and hashes them. Each chain is there once.
    pub fn new(mut ends: Vec<ChainEnd>) -> Self {
        ends.sort_unstable_by_key(ChainEnd::key);
        let mut tree = Growth::start(Frontier::empty());
        for end in &ends {
            tree.push(end.leaf());
        }
        Self { ends, tree }
    }

    /// Proves where a chain ended, or that there was none.
    ///
    /// # Errors
    /// None for ends that were given; the tree's own otherwise.
    pub fn prove(&self, of: Chain, id: Id128) -> Result<EndProof, Error> {
        let places = match self.ends.binary_search_by_key(&(of, id), ChainEnd::key) {
            Ok(at) => at..at + 1,
            Err(at) => at.saturating_sub(1)..self.ends.len().min(at + 1),
        };
        let shown = self.ends.iter().enumerate().skip(places.start).take(places.len());
        let proven = shown.map(|(at, end)| {
            let path = self.tree.inclusion_path(EntryIndex(at as u64))?;
            Ok(ProvenEnd { end: *end, index: at as u64, path })
        });
        proven.collect::<Result<_, _>>().map(EndProof)
    }
}

/// One end with its path in the tree of ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProvenEnd {
    /// The end.
    pub end: ChainEnd,
    /// Its place among the sorted ends.
    pub index: u64,
    /// Its inclusion path.
    pub path: Vec<Hash>,
}

/// The end of a chain, or the neighbours between which it would be if it were there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndProof(pub Vec<ProvenEnd>);

impl EndProof {
    /// Verifies the proof for a chain, and returns its end, or `None` if it had not begun.
    ///
    /// # Errors
    /// `BadProofShape` if it proves something else, `BadHash` if it doesn't lead to the seal's root.
    pub fn verify(&self, seal: &Seal, of: Chain, id: Id128) -> Result<Option<ChainEnd>, Error> {
        let size = TreeSize(seal.chains);
        let shape = |reason| Error::BadProofShape { index: self.0.first().map_or(0, |end| end.index), size, reason };
        for ProvenEnd { end, index, path } in &self.0 {
            verify_inclusion(&end.leaf(), EntryIndex(*index), size, path, &seal.root)?;
        }
        let wanted = (of, id);
        match self.0.as_slice() {
            [] if seal.chains == 0 && seal.root == empty_root() => Ok(None),
            [only] if only.end.key() == wanted => Ok(Some(only.end)),
            [first] if first.index == 0 && first.end.key() > wanted => Ok(None),
            [last] if last.index + 1 == seal.chains && last.end.key() < wanted => Ok(None),
            [left, right] if left.index + 1 == right.index && left.end.key() < wanted && wanted < right.end.key() => {
                Ok(None)
            }
            [] | [_] | [_, _] | [_, _, _, ..] => Err(shape("neither the chain's end nor its neighbours")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn end(of: Chain, id: u8, n: u64) -> ChainEnd {
        ChainEnd { of, id: Id128([id; 16]), n, last: ChainPrev { leaf: Hash([id; 32]), seq: EntryIndex(10 + n) } }
    }

    /// Conversations and subjects with even ids.
    fn ends(count: u8) -> Vec<ChainEnd> {
        let of = |of| (0..count).map(move |at| end(of, 2 * at + 2, u64::from(at)));
        of(Chain::Subject).chain(of(Chain::Conversation)).collect()
    }

    #[test]
    fn every_end_and_every_absence_is_proven_and_nothing_else() {
        for count in 0..9 {
            let seal = Seal::over(ends(count), TreeSize(99));
            let all = ChainEnds::new(ends(count));
            for of in [Chain::Conversation, Chain::Subject] {
                for id in 0..=2 * count + 3 {
                    let proof = all.prove(of, Id128([id; 16])).unwrap();
                    let expect = ends(count).into_iter().find(|end| end.key() == (of, Id128([id; 16])));
                    assert_eq!(proof.verify(&seal, of, Id128([id; 16])).unwrap(), expect);
                }
            }
        }
    }

    #[test]
    fn ends_that_come_one_after_another_give_the_same_seal_and_only_in_their_order() {
        let mut sorted = ends(5);
        sorted.sort_unstable_by_key(ChainEnd::key);
        let upto = TreeSize(99);
        let mut sealing = Sealing::begin(upto);
        assert_eq!(sealing.finish(), Seal::over(Vec::new(), upto));
        for end in &sorted {
            sealing.push(end).unwrap();
            // Neither the same again, nor what should have come before.
            assert!(sealing.clone().push(end).is_err());
            assert!(sealing.clone().push(&sorted[0]).is_err());
        }
        assert_eq!(sealing.finish(), Seal::over(sorted, upto));
        let late =
            ChainEnd { last: ChainPrev { leaf: Hash::ZERO, seq: EntryIndex(99) }, ..end(Chain::Subject, 255, 0) };
        assert!(sealing.push(&late).is_err());
    }

    #[test]
    fn a_changed_end_a_skipped_neighbour_and_another_seal_are_refused() {
        let seal = Seal::over(ends(6), TreeSize(99));
        let all = ChainEnds::new(ends(6));
        let (of, there, absent) = (Chain::Conversation, Id128([6; 16]), Id128([7; 16]));
        let good = all.prove(of, there).unwrap();
        assert!(good.verify(&seal, of, there).unwrap().is_some());
        let changes: [fn(&mut ProvenEnd); 7] = [
            |end| end.end.n -= 1,
            |end| end.end.last.seq.0 -= 1,
            |end| end.end.last.leaf.0[31] ^= 1,
            |end| end.end.of = Chain::Subject,
            |end| end.index += 1,
            |end| end.path[0].0[0] ^= 1,
            |end| end.path.truncate(end.path.len() - 1),
        ];
        for (at, change) in changes.into_iter().enumerate() {
            let mut bad = good.clone();
            change(&mut bad.0[0]);
            assert!(bad.verify(&seal, of, there).is_err(), "change {at}");
        }
        assert!(good.verify(&Seal { chains: 2 * seal.chains, ..seal }, of, there).is_err());
        assert!(good.verify(&Seal::over(ends(5), TreeSize(99)), of, there).is_err());
        assert!(EndProof(Vec::new()).verify(&seal, of, there).is_err());
        // An end can't be hidden by its neighbours, nor an absence be shown by ends that are no neighbours.
        let [left, right] = [all.prove(of, Id128([4; 16])).unwrap(), all.prove(of, Id128([8; 16])).unwrap()];
        let around = EndProof([left.0, right.0].concat());
        assert!(around.verify(&seal, of, there).is_err());
        assert!(around.verify(&seal, of, absent).is_err());
        assert_eq!(all.prove(of, absent).unwrap().verify(&seal, of, absent).unwrap(), None);
        assert!(all.prove(of, absent).unwrap().verify(&seal, of, there).is_err());
        assert!(good.verify(&seal, of, absent).is_err());
    }
}
