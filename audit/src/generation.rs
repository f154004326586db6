//! Generations of a log: how one that lost entries for good goes on, and says so.
//!
//! When entries that were signed can't be had back from anywhere, the log goes on under another origin: the same tree as far as it
//! survived, then an entry that declares the gap. What it declares is a note of its own, signed by the new generation's key and, where
//! it still exists, by the old one's: whoever trusts the old key needs nobody's word for the new one. It names what was signed
//! last, what survived, two people, and a reason. It does not say that nobody is to blame. Source: `FORMAT.md`, "Generations".

mod known;

pub use known::Generations;

use crate::checkpoint::{Checkpoint, SignedCheckpoint};
use crate::entry::{Detail, Entry};
use crate::error::{Error, Format, malformed};
use crate::merkle::{PATH_HASHES_MAX, verify_consistency};
use crate::note::{Note, NoteSignature, VerifierKey};
use crate::time::Timestamp;
use crate::types::{EntryIndex, Hash, Id128, Origin, TreeSize, check_label, parse_decimal};
use std::fmt;
use std::str::FromStr;

/// The kind of entries that open a generation after a gap.
pub const KIND: &str = "generation.opened/2";
/// The kind of entries that stand where entries of the generation before are lost.
pub const LOST: &str = "entry.lost/1";
/// Most generations of one log that a verifier follows.
pub const GENERATIONS_MAX: usize = 64;
/// Longest declaration in bytes: it has to fit into an entry.
pub const DECLARATION_BYTES_MAX: usize = 12 * 1024;
/// The first line. It has no slash, so that nobody takes the declaration for a checkpoint.
const FIRST_LINE: &str = "lww-generation@v1";
const FIRST_LINE_OTHER: &str = "lww-generation@v";

/// What is declared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Declaration {
    /// The new generation.
    pub origin: Origin,
    /// When it was opened: the time of the entry that holds the declaration.
    pub opened: Timestamp,
    /// What survived: so many entries, under this root, are the beginning of the new generation, too.
    pub kept: (TreeSize, Hash),
    /// The greatest head of the old generation that is known to have been signed. What is between the two sizes is lost.
    pub lost: (TreeSize, Hash),
    /// A word for the reason.
    pub reason: String,
    /// The tenant whose people the two are.
    pub tenant: String,
    /// The two people who ordered it, by their pseudonyms.
    pub by: [Id128; 2],
    /// Digest of the plan that they approved.
    pub plan: Hash,
    /// The old generation's key, where it still exists.
    pub old: Option<VerifierKey>,
    /// The new generation's key.
    pub new: VerifierKey,
    /// The consistency path from what survived to the last signed checkpoint, where its tiles still tell; else empty.
    pub path: Vec<Hash>,
    /// The last signed checkpoint of the old generation that is at hand.
    pub last: SignedCheckpoint,
}

impl Declaration {
    /// The generation that lost entries.
    pub const fn before(&self) -> &Origin {
        &self.last.unverified().origin
    }

    /// The checkpoint that was signed last and is at hand.
    const fn signed(&self) -> &Checkpoint {
        self.last.unverified()
    }

    /// The first entry that is lost. The entry of the new generation at this place declares it, and those behind it up to the last
    /// lost one say no more than that, so that no index ever means two entries.
    pub const fn first_lost(&self) -> EntryIndex {
        self.kept.0.next_index()
    }

    /// The last entry that is lost.
    pub const fn last_lost(&self) -> EntryIndex {
        EntryIndex(self.lost.0.0.saturating_sub(1))
    }

    /// How many of the entries that survived are proven to be those that were signed, by this alone: all of them with a path.
    pub fn proven(&self) -> TreeSize {
        let signed = self.signed().size;
        if signed > self.kept.0 && self.path.is_empty() { TreeSize(0) } else { signed.min(self.kept.0) }
    }

    /// Says what was lost, when that was declared, and by whom.
    pub fn told(&self) -> String {
        let Self { tenant, by: [one, other], opened, reason, .. } = self;
        let (first, last, log) = (self.first_lost(), self.last_lost(), self.before());
        format!(
            "declared gap: entries {first}-{last} of {log} were lost ({reason}), declared on {opened} by {one} and {other} of {tenant}"
        )
    }

    /// Refuses what can't be true whatever the logs say.
    ///
    /// # Errors
    /// `Malformed` for keys and origins that don't belong together, `FalseDeclaration`.
    pub fn check(&self) -> Result<(), Error> {
        let before = self.before();
        let is_next = self.origin.tenant() == before.tenant()
            && self.origin.name() == before.name()
            && before.generation().checked_add(1) == Some(self.origin.generation());
        if !is_next {
            return Err(refuse("not the next generation of the same log"));
        }
        if self.new.name() != self.origin.as_str() || self.old.as_ref().is_some_and(|old| old.name() != before.as_str())
        {
            return Err(refuse("a key is not its generation's"));
        }
        if self.by[0] == self.by[1] {
            return self.lies("by", "two different people".to_owned(), format!("{} twice", self.by[0]));
        }
        if self.lost.0 <= self.kept.0 {
            let (expected, got) = (format!("more than {} entries", self.kept.0), self.lost.0.to_string());
            return self.lies("lost", expected, got);
        }
        let Checkpoint { size, root, .. } = self.signed();
        if *size > self.lost.0 || (*size == self.lost.0 && *root != self.lost.1) {
            let expected = format!("at most {} entries, with root {} then", self.lost.0, self.lost.1);
            return self.lies("last signed checkpoint", expected, format!("{size} entries with root {root}"));
        }
        if *size == self.kept.0 && *root != self.kept.1 {
            return self.lies("kept", root.to_string(), self.kept.1.to_string());
        }
        if *size <= self.kept.0 && !self.path.is_empty() {
            return Err(refuse("a path to a checkpoint that is not behind what survived"));
        }
        if self.path.is_empty() {
            return Ok(());
        }
        match verify_consistency(self.kept.0, &self.kept.1, *size, root, &self.path) {
            Ok(()) => Ok(()),
            Err(error) => self.lies("path", "from what survived to what was signed".to_owned(), error.to_string()),
        }
    }

    /// Says that the declaration lies.
    pub(crate) fn lies<T>(&self, what: &'static str, expected: String, got: String) -> Result<T, Error> {
        Err(Error::FalseDeclaration { origin: Box::new(self.origin.clone()), what, expected, got })
    }

    /// Judges a checkpoint of the old generation that somebody holds.
    ///
    /// # Errors
    /// `Fork` if it contradicts what is declared, `FalseDeclaration` if more was signed than the declaration admits.
    pub fn admits(&self, held: &Checkpoint) -> Result<(), Error> {
        if held.size > self.lost.0 {
            let (expected, got) = (format!("at most {} signed entries", self.lost.0), held.size.to_string());
            return self.lies("lost", expected, got);
        }
        for (size, root) in [self.kept, self.lost, (self.signed().size, self.signed().root)] {
            if held.size == size && held.root != root {
                return Err(Error::Fork { old: held.size, old_root: held.root, new: size, new_root: root });
            }
        }
        Ok(())
    }

    fn parse(text: &str) -> Result<Self, Error> {
        let (head, last) = text.split_once("\n\n").ok_or_else(|| refuse("no empty line before the checkpoint"))?;
        let mut lines = head.split('\n');
        check_first_line(lines.next().unwrap_or_default())?;
        let mut lines = Fields { lines: lines.collect(), at: 0 };
        let origin = lines.demand("log ")?.parse()?;
        let opened = lines.demand("opened ")?.parse()?;
        let kept = tree(lines.demand("kept ")?)?;
        let lost = tree(lines.demand("lost ")?)?;
        let reason = label(lines.demand("reason ")?)?;
        let (tenant, by) = people(lines.demand("by ")?)?;
        let plan = lines.demand("plan ")?.parse()?;
        let old = lines.next("old ").map(VerifierKey::from_str).transpose()?;
        let new = lines.demand("new ")?.parse()?;
        let path = lines.rest("path ")?;
        let last = SignedCheckpoint::parse(last.as_bytes())?;
        let declared = Self { origin, opened, kept, lost, reason, tenant, by, plan, old, new, path, last };
        // What reads the same in two ways would be signed in one of them only.
        if declared.to_string() != text {
            return Err(refuse("not in its one form"));
        }
        declared.check()?;
        Ok(declared)
    }
}

impl fmt::Display for Declaration {
    /// Writes the note text.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { origin, opened, kept, lost, reason, tenant, by: [one, other], plan, old, new, path, last } = self;
        writeln!(f, "{FIRST_LINE}\nlog {origin}\nopened {opened}")?;
        writeln!(f, "kept {} {}\nlost {} {}", kept.0, kept.1.to_base64(), lost.0, lost.1.to_base64())?;
        writeln!(f, "reason {reason}\nby {tenant} {one} {other}\nplan {plan}")?;
        old.iter().try_for_each(|key| writeln!(f, "old {key}"))?;
        writeln!(f, "new {new}")?;
        path.iter().try_for_each(|hash| writeln!(f, "path {}", hash.to_base64()))?;
        write!(f, "\n{last}")
    }
}

/// A declaration with its signatures. It is believed once [`SignedDeclaration::verify`] has said so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedDeclaration {
    declared: Declaration,
    note: Note,
}

impl SignedDeclaration {
    /// Joins a declaration and signatures over its text, made elsewhere.
    ///
    /// # Errors
    /// Those of [`Declaration::check`]; `Malformed` without a signature, `TooLong`. The signatures are not verified by this.
    pub fn with_signatures(declared: &Declaration, signatures: Vec<NoteSignature>) -> Result<Self, Error> {
        Self::parse(Note::new(declared.to_string(), signatures)?.to_string().as_bytes())
    }

    /// Parses a declaration.
    ///
    /// # Errors
    /// `Malformed`, `TooLong`, `UnknownVersion`; `FalseDeclaration` for what can't be true. No signature is verified by this.
    pub fn parse(bytes: &[u8]) -> Result<Self, Error> {
        if bytes.len() > DECLARATION_BYTES_MAX {
            let (max, got) = (DECLARATION_BYTES_MAX as u64, bytes.len() as u64);
            return Err(Error::TooLong { what: Format::Generation, max, got });
        }
        let note = Note::parse(bytes)?;
        let declared = Declaration::parse(note.text())?;
        Ok(Self { declared, note })
    }

    /// Reads the declaration that an entry holds; `None` for entries of other kinds.
    ///
    /// # Errors
    /// As [`SignedDeclaration::parse`]; `FalseDeclaration` if it is not of this place and time.
    pub fn of(entry: &Entry) -> Result<Option<Self>, Error> {
        if entry.kind.as_str() != KIND {
            return Ok(None);
        }
        let note = match &entry.detail {
            Detail::Object(fields) => fields.get("declaration"),
            Detail::Null | Detail::Bool(_) | Detail::Int(_) | Detail::String(_) | Detail::Array(_) => None,
        };
        let Some(Detail::String(note)) = note else { return Err(refuse("the entry has no declaration")) };
        let signed = Self::parse(note.as_bytes())?;
        let declared = &signed.declared;
        if declared.origin != entry.log {
            return declared.lies("log", entry.log.to_string(), declared.origin.to_string());
        }
        if declared.first_lost() != entry.seq {
            return declared.lies("kept", entry.seq.to_string(), declared.kept.0.to_string());
        }
        if declared.opened != entry.time {
            return declared.lies("opened", entry.time.to_string(), declared.opened.to_string());
        }
        Ok(Some(signed))
    }

    /// Borrows what is declared, by whomever.
    pub const fn unverified(&self) -> &Declaration {
        &self.declared
    }

    /// Borrows the signed note.
    pub const fn note(&self) -> &Note {
        &self.note
    }

    /// Says whether the old generation's key has signed, too, by its line; [`SignedDeclaration::verify`] finds out whether that is true.
    pub const fn is_by_both(&self) -> bool {
        self.declared.old.is_some()
    }

    /// Verifies the signatures of the keys that it names, that one of them is trusted, and that the checkpoint in it was signed
    /// by the old generation: by a trusted key of its name, or, if none is trusted, by the one that the declaration names.
    ///
    /// # Errors
    /// `Unsigned`, `BadSignature`.
    pub fn verify(&self, trusted: &[VerifierKey]) -> Result<&Declaration, Error> {
        let Declaration { origin, old, new, last, .. } = &self.declared;
        self.note.verify(std::slice::from_ref(new), origin.as_str())?;
        if let Some(old) = old {
            self.note.verify(std::slice::from_ref(old), self.declared.before().as_str())?;
        }
        let is_trusted = |key: &VerifierKey| trusted.contains(key);
        if !is_trusted(new) && !old.as_ref().is_some_and(is_trusted) {
            let expected = trusted.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
            return Err(Error::Unsigned { expected, got: new.to_string() });
        }
        let knows_old = trusted.iter().any(|key| key.name() == self.declared.before().as_str());
        match old {
            Some(old) if !knows_old => last.verify(std::slice::from_ref(old))?,
            Some(_) | None => last.verify(trusted)?,
        };
        Ok(&self.declared)
    }
}

/// The lines behind the first, each with its word.
struct Fields<'t> {
    lines: Vec<&'t str>,
    at: usize,
}

impl<'t> Fields<'t> {
    fn next(&mut self, word: &str) -> Option<&'t str> {
        let value = self.lines.get(self.at)?.strip_prefix(word)?;
        self.at += 1;
        Some(value)
    }

    fn demand(&mut self, word: &'static str) -> Result<&'t str, Error> {
        self.next(word).ok_or_else(|| refuse("a line is missing or out of order"))
    }

    fn rest(&mut self, word: &'static str) -> Result<Vec<Hash>, Error> {
        let mut path = Vec::new();
        while self.at < self.lines.len() {
            let hash = Hash::from_base64(self.demand(word)?);
            path.push(hash.map_err(|_| refuse("a hash is not the base64 of 32 bytes"))?);
            if path.len() > PATH_HASHES_MAX {
                return Err(refuse("more than 63 hashes"));
            }
        }
        Ok(path)
    }
}

fn tree(text: &str) -> Result<(TreeSize, Hash), Error> {
    let (size, root) = text.split_once(' ').ok_or_else(|| refuse("not a size and a root"))?;
    let root = Hash::from_base64(root).map_err(|_| refuse("a root is not the base64 of 32 bytes"))?;
    Ok((size.parse()?, root))
}

fn label(text: &str) -> Result<String, Error> {
    check_label(text)?;
    Ok(text.to_owned())
}

fn people(text: &str) -> Result<(String, [Id128; 2]), Error> {
    let words: Vec<&str> = text.split(' ').collect();
    match words.as_slice() {
        [tenant, one, other] => Ok((label(tenant)?, [one.parse()?, other.parse()?])),
        _ => Err(refuse("not a tenant and two people")),
    }
}

/// A later version may have other lines behind its first.
fn check_first_line(line: &str) -> Result<(), Error> {
    if line == FIRST_LINE {
        return Ok(());
    }
    let version = line.strip_prefix(FIRST_LINE_OTHER).map(|version| parse_decimal(version, Format::Generation));
    match version {
        Some(Ok(got)) => Err(Error::UnknownVersion { what: Format::Generation, known: 1, got }),
        Some(Err(_)) | None => Err(refuse("another first line")),
    }
}

fn refuse(reason: &'static str) -> Error {
    malformed(Format::Generation, 0, reason)
}

#[cfg(test)]
mod tests;
