//! Follows the log's own key through its entries: which one it was opened under, and each change of it.
//!
//! Whom to trust is for the caller to say; this finds changes that the log's key before did not agree to, or that name a tree
//! which the log never had. Source: `FORMAT.md`, "Keys that change".

use crate::entry::{Detail, Entry};
use crate::error::{Error, Format, Link, malformed};
use crate::generation::{self, SignedDeclaration};
use crate::merkle::{NodeReader, root_at};
use crate::note::VerifierKey;
use crate::rotation::{self, SignedRotation};
use crate::types::EntryIndex;

/// The key in use, as far as the entries tell.
#[derive(Default)]
pub(super) struct Keys {
    newest: Option<VerifierKey>,
    changed: Option<EntryIndex>,
}

impl Keys {
    /// Takes in an entry; most say nothing of keys.
    pub(super) fn follow(&mut self, entry: &Entry, tree: &impl NodeReader) -> Result<(), Error> {
        let Detail::Object(detail) = &entry.detail else { return Ok(()) };
        match entry.kind.as_str() {
            "generation.opened/1" => {
                if let Some(Detail::String(key)) = detail.get("key") {
                    self.newest = Some(key.parse()?);
                }
            }
            generation::KIND => {
                // Its own place has been checked; a change after it names it as the one before.
                self.newest = SignedDeclaration::of(entry)?.map(|signed| signed.unverified().new.clone());
                self.changed = Some(entry.seq);
            }
            rotation::KIND if matches!(detail.get("purpose"), Some(Detail::String(purpose)) if purpose == "log") => {
                let Some(Detail::String(statement)) = detail.get("statement") else {
                    return Err(malformed(Format::Rotation, 0, "the entry has no statement"));
                };
                let previous = match detail.get("previous") {
                    Some(Detail::Int(index)) => u64::try_from(*index).ok().map(EntryIndex),
                    Some(_) | None => None,
                };
                self.change(entry, &SignedRotation::parse(statement.as_bytes())?, previous, tree)?;
            }
            _ => {}
        }
        Ok(())
    }

    fn change(
        &mut self,
        entry: &Entry,
        signed: &SignedRotation,
        previous: Option<EntryIndex>,
        tree: &impl NodeReader,
    ) -> Result<(), Error> {
        let stated = &signed.unverified().tree;
        let broken =
            |link, expected: String, got: String| Err(Error::ChainBreak { index: entry.seq, link, expected, got });
        let old = &signed.unverified().old;
        if let Some(newest) = self.newest.as_ref().filter(|newest| *newest != old) {
            return broken(Link::RotatedKey, newest.to_string(), old.to_string());
        }
        let new = signed.verify(std::slice::from_ref(old))?.new.clone();
        if stated.origin != entry.log || stated.size.0 > entry.seq.0 {
            return broken(
                Link::RotatedTree,
                format!("a tree of {} before entry {}", entry.log, entry.seq),
                stated.to_string(),
            );
        }
        let root = root_at(tree, stated.size)?;
        if root != stated.root {
            return broken(Link::RotatedTree, root.to_string(), stated.root.to_string());
        }
        if previous != self.changed {
            let text = |index: Option<EntryIndex>| index.map_or_else(|| "null".to_owned(), |index| index.to_string());
            return broken(Link::RotatedPrevious, text(self.changed), text(previous));
        }
        (self.newest, self.changed) = (Some(new), Some(entry.seq));
        Ok(())
    }
}
