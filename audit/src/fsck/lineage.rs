//! Follows a log through its generations: whose entries may stand where, and which gaps are declared.
//!
//! A log of a later generation begins with what survived of the one before, and goes on with the entry that declares the gap. What it
//! declares is held against the tree before it. Source: `FORMAT.md`, "Generations".

use crate::entry::Entry;
use crate::error::Error;
use crate::generation::{Generations, SignedDeclaration};
use crate::merkle::{NodeReader, root_at};
use crate::note::VerifierKey;
use crate::types::Origin;

/// The generations that were met so far.
pub(super) struct Lineage {
    newest: Origin,
    /// The generation of the entries that are read; `None` before the first.
    at: Option<Origin>,
    declared: Vec<SignedDeclaration>,
}

impl Lineage {
    /// Before the first entry of a log.
    pub(super) fn new(newest: &Origin) -> Self {
        Self { newest: newest.clone(), at: None, declared: Vec::new() }
    }

    /// The generation that the next entry has to be of.
    pub(super) fn log<'a>(&'a self, entry: &'a Entry) -> &'a Origin {
        let declares = entry.kind.as_str() == crate::generation::KIND;
        match &self.at {
            // Any earlier one may be the first, and only a declaration leads from one to the next.
            None => self.first(&entry.log),
            Some(at) if declares => next_of(at, &entry.log),
            Some(at) => at,
        }
    }

    fn first<'a>(&'a self, log: &'a Origin) -> &'a Origin {
        let is_earlier = log.name() == self.newest.name()
            && log.tenant() == self.newest.tenant()
            && log.generation() < self.newest.generation();
        if is_earlier { log } else { &self.newest }
    }

    /// Takes in an entry, and holds what it declares against the tree before it.
    pub(super) fn follow(&mut self, entry: &Entry, tree: &impl NodeReader) -> Result<(), Error> {
        if let Some(signed) = SignedDeclaration::of(entry)? {
            let declared = signed.unverified();
            if self.at.as_ref() != Some(declared.before()) {
                let at = self.at.as_ref().map_or_else(|| "none".to_owned(), ToString::to_string);
                return declared.lies("log before", at, declared.before().to_string());
            }
            // The tree's beginning is what survived; what was signed of that has to be its beginning, too.
            let last = declared.last.unverified();
            let signed_before =
                (last.size <= declared.kept.0).then_some(("last signed checkpoint", last.size, last.root));
            for (what, size, root) in [("kept", declared.kept.0, declared.kept.1)].into_iter().chain(signed_before) {
                let got = root_at(tree, size)?;
                if got != root {
                    return declared.lies(what, got.to_string(), root.to_string());
                }
            }
            self.declared.push(signed);
        }
        // An index below that of the last lost entry keeps its meaning: nothing new stands there.
        let gap = self.declared.last().map(SignedDeclaration::unverified);
        if let Some(gap) = gap.filter(|gap| gap.first_lost() < entry.seq && entry.seq <= gap.last_lost())
            && entry.kind.as_str() != crate::generation::LOST
        {
            let got = format!("entry {} of kind {}", entry.seq, entry.kind.as_str());
            return gap.lies("place of a lost entry", crate::generation::LOST.to_owned(), got);
        }
        if self.at.as_ref() != Some(&entry.log) {
            self.at = Some(entry.log.clone());
        }
        Ok(())
    }

    /// Verifies what was declared: the tree that is signed vouches for each new key, the old generation's own for what it signed.
    pub(super) fn finish(self, keys: &[VerifierKey]) -> Result<Generations, Error> {
        let generations = Generations::vouched(self.declared, keys)?;
        // Of an empty log there is nothing to declare.
        if self.at.is_some() {
            generations.demand_all(&self.newest)?;
        }
        Ok(generations)
    }
}

/// The generation behind one, if an entry is of it.
fn next_of<'a>(at: &'a Origin, log: &'a Origin) -> &'a Origin {
    let is_next = log.name() == at.name() && log.tenant() == at.tenant() && log.generation() > at.generation();
    if is_next { log } else { at }
}
