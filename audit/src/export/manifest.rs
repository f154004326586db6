//! The manifest: what the package is of, and the digest of each of its files. It is the text of a signed note.
//!
//! Its first line has no slash, so that no reader of checkpoints can take it for one, whoever holds the same key.
//! Source: `FORMAT.md`, "Evidence packages"; C2SP `signed-note`.

use super::{CHECKPOINT, CONTEXT, ENDS, ENTRIES, FILES_MAX, GENERATIONS, POLICIES, SCOPES_MAX, STAFF};
use crate::entry::Chain;
use crate::error::{Error, Format, malformed};
use crate::time::Timestamp;
use crate::types::{Hash, Id128, Origin, parse_decimal};
use std::fmt;
use std::str::FromStr;

const FIRST_LINE: &str = "lww-evidence-package@v1";
/// What a first line of another version starts with.
const FIRST_LINE_OTHER: &str = "lww-evidence-package@v";

/// What was asked for: all entries of a chain, or of a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// All entries of one conversation or about one subject.
    Chain {
        /// Which of the two.
        of: Chain,
        /// Its id.
        id: Id128,
    },
    /// All entries of a time.
    Range {
        /// The earliest time.
        from: Timestamp,
        /// The time before which entries are.
        to: Timestamp,
    },
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Chain { of, id } => write!(f, "{} {id}", of.name()),
            Self::Range { from, to } => write!(f, "range {from} {to}"),
        }
    }
}

impl FromStr for Scope {
    type Err = Error;
    fn from_str(text: &str) -> Result<Self, Error> {
        let mut words = text.split(' ');
        let chain = |of, id: &str| Ok(Self::Chain { of, id: id.parse()? });
        match (words.next(), words.next(), words.next(), words.next()) {
            (Some("conversation"), Some(id), None, None) => chain(Chain::Conversation, id),
            (Some("subject"), Some(id), None, None) => chain(Chain::Subject, id),
            (Some("range"), Some(from), Some(to), None) => {
                let (from, to) = (from.parse()?, to.parse()?);
                if from < to {
                    Ok(Self::Range { from, to })
                } else {
                    Err(super::refuse("the range ends before it begins"))
                }
            }
            _ => Err(super::refuse("not `conversation <id>`, `subject <id>` or `range <from> <to>`")),
        }
    }
}

/// A file of the package.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedFile {
    /// Its name, relative to the package.
    pub name: String,
    /// Its length.
    pub bytes: u64,
    /// Its SHA-256.
    pub digest: Hash,
}

/// What a package says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Manifest {
    /// The log that its entries are of.
    pub log: Origin,
    /// When it was made.
    pub made: Timestamp,
    /// What was asked for.
    pub scopes: Vec<Scope>,
    /// All other files, sorted by name.
    pub files: Vec<ListedFile>,
}

impl Manifest {
    /// Returns the digest of a policy whose text is in this file.
    pub(super) fn policy_of(name: &str) -> Option<Hash> {
        name.strip_prefix(POLICIES)?.strip_suffix(".json")?.parse().ok()
    }

    /// Borrows what is listed of a file.
    pub(super) fn file(&self, name: &str) -> Option<&ListedFile> {
        self.files.iter().find(|file| file.name == name)
    }

    fn check(&self) -> Result<(), &'static str> {
        if self.scopes.is_empty() || self.scopes.len() > SCOPES_MAX || self.files.len() > FILES_MAX {
            return Err("no scope, or too many scopes or files");
        }
        if self.scopes.iter().enumerate().any(|(at, scope)| self.scopes.iter().take(at).any(|other| other == scope)) {
            return Err("a scope is given twice");
        }
        if !self.files.is_sorted_by(|a, b| a.name < b.name) {
            return Err("files are not sorted by name, or twice there");
        }
        let is_known = |name: &str| {
            matches!(name, CHECKPOINT | ENTRIES | CONTEXT | ENDS | STAFF | GENERATIONS)
                || Self::policy_of(name).is_some()
        };
        if !self.files.iter().all(|file| is_known(&file.name)) {
            return Err("a file that no package has");
        }
        let has_chain = self.scopes.iter().any(|scope| matches!(scope, Scope::Chain { .. }));
        if self.file(ENDS).is_some() != has_chain
            || [CHECKPOINT, ENTRIES, CONTEXT].iter().any(|name| self.file(name).is_none())
        {
            return Err("a file that every such package has is not listed");
        }
        Ok(())
    }
}

impl fmt::Display for Manifest {
    /// Writes the note text.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{FIRST_LINE}\nlog {}\nmade {}", self.log, self.made)?;
        self.scopes.iter().try_for_each(|scope| writeln!(f, "scope {scope}"))?;
        self.files.iter().try_for_each(|file| writeln!(f, "file {} {} {}", file.digest, file.bytes, file.name))
    }
}

impl FromStr for Manifest {
    type Err = Error;

    /// Parses a note text.
    fn from_str(text: &str) -> Result<Self, Error> {
        let at = |offset, reason| malformed(Format::Package, offset, reason);
        let (first, _) = text.split_once('\n').unwrap_or((text, ""));
        if first != FIRST_LINE {
            return match first.strip_prefix(FIRST_LINE_OTHER).and_then(|version| version.parse().ok()) {
                Some(got) => Err(Error::UnknownVersion { what: Format::Package, known: 1, got }),
                None => Err(at(0, "the first line is not lww-evidence-package@v1")),
            };
        }
        let field = |line: Option<&str>, name| line.and_then(|line| line.strip_prefix(name)).map(str::to_owned);
        let mut lines = text.lines().skip(1);
        let log = field(lines.next(), "log ").ok_or_else(|| at(0, "no log"))?.parse()?;
        let made = field(lines.next(), "made ").ok_or_else(|| at(0, "no time"))?.parse()?;
        let mut manifest = Self { log, made, scopes: Vec::new(), files: Vec::new() };
        for line in lines {
            match line.split_once(' ') {
                Some(("scope", scope)) => manifest.scopes.push(scope.parse()?),
                Some(("file", file)) => manifest.files.push(parse_file(file)?),
                Some(_) | None => return Err(at(0, "a line is neither scope nor file")),
            }
        }
        manifest.check().map_err(|reason| at(0, reason))?;
        // Written again and compared, so that there is one text for one manifest.
        if manifest.to_string() == text { Ok(manifest) } else { Err(at(0, "not the prescribed order of lines")) }
    }
}

fn parse_file(text: &str) -> Result<ListedFile, Error> {
    let mut words = text.splitn(3, ' ');
    let (Some(digest), Some(bytes), Some(name)) = (words.next(), words.next(), words.next()) else {
        return Err(super::refuse("a file is: file <SHA-256> <bytes> <name>"));
    };
    Ok(ListedFile { name: name.to_owned(), bytes: parse_decimal(bytes, Format::Package)?, digest: digest.parse()? })
}
