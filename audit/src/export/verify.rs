//! Verifies a package, and names the first thing that is wrong: the file, the line, the entry and the field.
//!
//! What the entries themselves contradict is told before the manifest's digests are compared, because it says more. One pass
//! in constant memory; nothing of the package is believed before all of it was. Source: `FORMAT.md`, "Evidence packages".

use super::context::Context;
use super::ends::Ends;
use super::line::{Line, lines};
use super::manifest::{Manifest, Scope};
use super::source::Package;
use super::walk::{Chained, Walk};
use super::{CHECKPOINT, CONTEXT, ENDS, ENTRIES, GENERATIONS, MANIFEST, STAFF, STAFF_MAX, refuse, sha256};
use crate::canonical::json_error;
use crate::checkpoint::{Checkpoint, SignedCheckpoint};
use crate::entry::{Entry, Tag};
use crate::error::{Error, Format, Link};
use crate::generation::{Generations, SignedDeclaration};
use crate::merkle::{from_digest, leaf_hash, verify_inclusion};
use crate::note::{Note, VerifierKey};
use crate::receipt::check_opened;
use crate::types::{EntryIndex, Hash, Id128};
use ring::digest::{Context as Digest, SHA256};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io::{BufReader, Read};
use std::rc::Rc;

/// The first thing that is wrong with a package.
#[derive(Debug)]
pub struct Finding {
    /// The file of the package.
    pub file: String,
    /// The line in it, counted from 1, where it has lines.
    pub line: Option<u64>,
    /// The entry concerned, where one is.
    pub entry: Option<EntryIndex>,
    /// The part of the line or entry concerned, where it is known.
    pub field: Option<String>,
    /// What is wrong.
    pub error: Error,
}

/// An entry of the package that was found to be in the log, with its texts.
pub struct Item<'a> {
    /// The entry.
    pub entry: &'a Entry,
    /// The texts that were opened and found to be what was recorded.
    pub texts: Vec<(Tag, &'a str)>,
}

/// What a package was found to prove.
#[derive(Clone, Debug)]
pub struct Report {
    /// What it is of.
    pub manifest: Manifest,
    /// The checkpoint that everything leads to.
    pub checkpoint: Checkpoint,
    /// The same with all its signatures, for whoever asks for witnesses, too.
    pub signed: SignedCheckpoint,
    /// The keys of the log that signed the checkpoint.
    pub signers: Vec<VerifierKey>,
    /// The seal that tells where the chains ended.
    pub seal: Option<EntryIndex>,
    /// Number of entries.
    pub entries: u64,
    /// Number of texts that were opened.
    pub texts: u64,
    /// Policies that entries name, and whether the package holds their text.
    pub policies: BTreeMap<Hash, bool>,
    /// Names of members of staff by their pseudonym. The log's owner has signed them; the log doesn't prove them.
    pub staff: BTreeMap<Id128, String>,
    /// What the log declares of its gaps, oldest first: entries of the scopes may be among those that were lost.
    pub generations: Generations,
}

/// Verifies a package; `each` is called for each entry in order, and what it is told counts only if the result is good;
/// `progress` hears how many bytes of entries and context were read, of how many the manifest lists.
///
/// # Errors
/// The first [`Finding`].
pub fn verify(
    package: &Package,
    keys: &[VerifierKey],
    each: &mut dyn FnMut(&Item<'_>),
    progress: &mut dyn FnMut(u64, u64),
) -> Result<Report, Box<Finding>> {
    let (signed, signers) = checkpoint(package, keys).map_err(in_file(CHECKPOINT))?;
    let checkpoint = signed.unverified();
    let manifest = manifest(package, keys, checkpoint).map_err(in_file(MANIFEST))?;
    names(package, &manifest)?;
    let mut check = Check {
        package,
        checkpoint,
        walk: Walk::new(&manifest.scopes),
        digests: BTreeMap::new(),
        before: None,
        progress,
        done: 0,
        all: [ENTRIES, CONTEXT].into_iter().filter_map(|name| manifest.file(name)).map(|file| file.bytes).sum(),
        report: Report {
            checkpoint: checkpoint.clone(),
            signed: signed.clone(),
            signers,
            seal: None,
            entries: 0,
            texts: 0,
            policies: BTreeMap::new(),
            staff: BTreeMap::new(),
            generations: Generations::default(),
            manifest: manifest.clone(),
        },
    };
    check.generations(keys)?;
    check.entries(each)?;
    check.context()?;
    check.rest()?;
    check.digests()?;
    Ok(check.report)
}

fn in_file(file: &str) -> impl Fn(Error) -> Box<Finding> {
    let file = file.to_owned();
    move |error| Box::new(Finding { file: file.clone(), line: None, entry: None, field: None, error })
}

fn checkpoint(package: &Package, keys: &[VerifierKey]) -> Result<(SignedCheckpoint, Vec<VerifierKey>), Error> {
    let signed = SignedCheckpoint::parse(&package.read_whole(CHECKPOINT)?)?;
    let (_, signers) = signed.verify(keys)?;
    let signers = signers.into_iter().cloned().collect();
    Ok((signed, signers))
}

fn manifest(package: &Package, keys: &[VerifierKey], checkpoint: &Checkpoint) -> Result<Manifest, Error> {
    let note = Note::parse(&package.read_whole(MANIFEST)?)?;
    note.verify(keys, checkpoint.origin.as_str())?;
    let manifest: Manifest = note.text().parse()?;
    if manifest.log == checkpoint.origin {
        return Ok(manifest);
    }
    Err(Error::OtherLog { expected: checkpoint.origin.clone(), got: manifest.log })
}

/// Checks that the package holds the files of its manifest and no others.
fn names(package: &Package, manifest: &Manifest) -> Result<(), Box<Finding>> {
    let there: Vec<&str> = package.names().filter(|name| *name != MANIFEST).collect();
    let is_there = |name: &str| there.contains(&name);
    if let Some(missing) = manifest.files.iter().find(|file| !is_there(&file.name)) {
        return Err(in_file(&missing.name)(Error::FileMissing));
    }
    match there.into_iter().find(|name| manifest.file(name).is_none()) {
        Some(added) => Err(in_file(added)(refuse("the manifest doesn't list this file"))),
        None => Ok(()),
    }
}

/// A package while it is verified.
struct Check<'a> {
    package: &'a Package,
    checkpoint: &'a Checkpoint,
    walk: Walk,
    /// Length and SHA-256 of each file that was read.
    digests: BTreeMap<String, (u64, Hash)>,
    before: Option<EntryIndex>,
    progress: &'a mut dyn FnMut(u64, u64),
    /// Bytes of lines that were read, and of lines in the files that are long.
    done: u64,
    all: u64,
    report: Report,
}

impl Check<'_> {
    /// Reads a file to its end and remembers its digest; `each` gets its lines.
    fn lines(
        &mut self,
        file: &str,
        mut each: impl FnMut(&mut Self, &[u8]) -> Result<(), Refused>,
    ) -> Result<(), Box<Finding>> {
        let read = self.package.read(file).map_err(in_file(file))?;
        let hashed = Hashed::new(read);
        let state = Rc::clone(&hashed.state);
        for (number, line) in (1..).zip(lines(BufReader::new(hashed))) {
            let read = line.as_ref().map_or(0, |line| line.len() as u64 + 1);
            line.map_err(Refused::from).and_then(|line| each(self, &line)).map_err(|refused| {
                let Inner { entry, field, error } = *refused.0;
                Box::new(Finding { file: file.to_owned(), line: Some(number), entry, field, error })
            })?;
            self.done += read;
            (self.progress)(self.done, self.all);
        }
        let (bytes, digest) = &*state.borrow();
        self.digests.insert(file.to_owned(), (*bytes, from_digest(digest.clone().finish().as_ref())));
        Ok(())
    }
}

impl Check<'_> {
    /// Reads what is declared of the generations before this one, each of which must be.
    fn generations(&mut self, keys: &[VerifierKey]) -> Result<(), Box<Finding>> {
        let mut declared = Vec::new();
        if self.report.manifest.file(GENERATIONS).is_some() {
            self.lines(GENERATIONS, |_, line| {
                let note =
                    serde_json::from_slice::<String>(line).map_err(|error| json_error(Format::Package, &error))?;
                declared.push(SignedDeclaration::parse(note.as_bytes())?);
                Ok(())
            })?;
        }
        let generations = Generations::vouched(declared, keys).and_then(|generations| {
            generations.demand_all(&self.checkpoint.origin)?;
            Ok(generations)
        });
        self.report.generations = generations.map_err(in_file(GENERATIONS))?;
        Ok(())
    }

    /// Reads the entries that were asked for.
    fn entries(&mut self, each: &mut dyn FnMut(&Item<'_>)) -> Result<(), Box<Finding>> {
        self.lines(ENTRIES, |check, line| check.entry(line, each))
    }

    /// Reads an entry of this log, or at its place of an earlier generation.
    fn parse(&self, line: &Line) -> Result<Entry, Refused> {
        let claimed = claimed_seq(&line.entry);
        let refused = |error| Refused(Box::new(Inner { entry: claimed, field: Some("entry".to_owned()), error }));
        let entry = Entry::parse(&line.entry).map_err(refused)?;
        let expected = self.report.generations.log_at(&self.checkpoint.origin, entry.seq);
        if entry.log == *expected {
            return Ok(entry);
        }
        Err(refused(Error::OtherLog { expected: expected.clone(), got: entry.log }))
    }

    fn entry(&mut self, bytes: &[u8], each: &mut dyn FnMut(&Item<'_>)) -> Result<(), Refused> {
        let line = Line::parse(bytes)?;
        let entry = self.parse(&line)?;
        let at = |field: &str| Refused::at(entry.seq, field);
        if let Some(before) = self.before.filter(|before| entry.seq <= *before) {
            let (expected, got) = (format!("more than {before}"), entry.seq.to_string());
            return Err(at("seq")(Error::ChainBreak { index: entry.seq, link: Link::Seq, expected, got }));
        }
        let leaf = leaf_hash(&line.entry);
        let path = line.path.as_deref().ok_or_else(|| at("path")(refuse("the entry has no path")))?;
        verify_inclusion(&leaf, entry.seq, self.checkpoint.size, path, &self.checkpoint.root)
            .map_err(at("entry, or its path"))?;
        if !self.walk.follow(&entry, leaf).map_err(|error| Refused::link(entry.seq, error))? {
            return Err(at("entry")(refuse("the entry is of none of the package's scopes")));
        }
        let mut texts = Vec::new();
        for opened in &line.opened {
            let text = check_opened(&entry, opened).map_err(at(&format!("opened {} text", opened.of.name())))?;
            texts.extend(text.map(|text| (opened.of, text)));
        }
        self.before = Some(entry.seq);
        self.report.entries += 1;
        self.report.texts += texts.len() as u64;
        if let Some(policy) = &entry.policy {
            self.report.policies.insert(policy.digest, false);
        }
        each(&Item { entry: &entry, texts });
        Ok(())
    }

    /// Reads what proves that nothing is left out.
    fn context(&mut self) -> Result<(), Box<Finding>> {
        let ends = self.ends().map_err(in_file(ENDS))?;
        let chains = self.sealed_ends(&ends)?;
        let mut context = Context::new(self.checkpoint, &ends, chains);
        self.lines(CONTEXT, |check, line| {
            let line = Line::parse(line)?;
            let entry = check.parse(&line)?;
            let added = context.add(&line, &entry, &mut check.walk);
            added.map_err(|error| Refused::link(entry.seq, error))
        })?;
        self.report.seal = ends.seal.map(|(seq, _)| seq);
        // What is missing is missing among the entries, wherever the context shows it.
        context.finish(&self.walk).map_err(|error| match error {
            error @ (Error::LeftOut { .. } | Error::Gap { .. }) => in_file(ENTRIES)(error),
            error => in_file(CONTEXT)(error),
        })
    }

    fn ends(&mut self) -> Result<Ends, Error> {
        if self.report.manifest.file(ENDS).is_none() {
            return Ok(Ends::default());
        }
        let bytes = self.read_whole(ENDS)?;
        Ends::parse(&bytes)
    }

    /// Verifies where the seal says that each chain ended; without a seal each begins with the log.
    fn sealed_ends(&self, ends: &Ends) -> Result<Vec<Chained>, Box<Finding>> {
        let chains = self.report.manifest.scopes.iter().filter_map(|scope| match scope {
            Scope::Chain { of, id } => Some((*of, *id)),
            Scope::Range { .. } => None,
        });
        let Some((_, seal)) = &ends.seal else {
            return Ok(chains.map(|(of, id)| Chained::new(of, id, None)).collect());
        };
        if ends.proofs.len() != self.walk.chains.len() {
            return Err(in_file(ENDS)(refuse("not one proof for each chain")));
        }
        let proven = chains.zip(&ends.proofs).map(|((of, id), proof)| {
            let end = proof.verify(seal, of, id).map_err(|error| {
                let field = Some(format!("the end of {} {id}", of.name()));
                Box::new(Finding { file: ENDS.to_owned(), line: None, entry: None, field, error })
            })?;
            Ok(Chained::new(of, id, end))
        });
        proven.collect()
    }

    /// Reads the files that stand by their digests alone: names of staff, policies, and what was read before.
    fn rest(&mut self) -> Result<(), Box<Finding>> {
        self.read_whole(CHECKPOINT).map_err(in_file(CHECKPOINT))?;
        if self.report.manifest.file(STAFF).is_some() {
            self.lines(STAFF, |check, line| Ok(check.staff(line)?))?;
        }
        let files: Vec<_> = self.report.manifest.files.iter().map(|file| file.name.clone()).collect();
        for (name, digest) in files.iter().filter_map(|name| Some((name, Manifest::policy_of(name)?))) {
            let got = self.digest(name).map_err(in_file(name))?;
            if got != digest {
                return Err(in_file(name)(Error::BadHash { expected: digest, got }));
            }
            let named = self.report.policies.get_mut(&digest);
            *named.ok_or_else(|| in_file(name)(refuse("no entry names this policy")))? = true;
        }
        Ok(())
    }

    fn staff(&mut self, line: &[u8]) -> Result<(), Error> {
        let (id, name) =
            serde_json::from_slice::<(Id128, String)>(line).map_err(|error| json_error(Format::Package, &error))?;
        if self.report.staff.len() == STAFF_MAX || self.report.staff.insert(id, name).is_some() {
            return Err(refuse("too many members of staff, or one twice"));
        }
        Ok(())
    }

    /// Compares everything that was read with the manifest, last: it can't say more than that a file was changed.
    fn digests(&self) -> Result<(), Box<Finding>> {
        for file in &self.report.manifest.files {
            let (bytes, got) = self.digests.get(&file.name).ok_or_else(|| in_file(&file.name)(Error::FileMissing))?;
            if (*bytes, *got) != (file.bytes, file.digest) {
                return Err(in_file(&file.name)(Error::BadHash { expected: file.digest, got: *got }));
            }
        }
        Ok(())
    }

    fn read_whole(&mut self, name: &str) -> Result<Vec<u8>, Error> {
        let bytes = self.package.read_whole(name)?;
        self.digests.insert(name.to_owned(), (bytes.len() as u64, sha256(&bytes)));
        Ok(bytes)
    }

    fn digest(&mut self, name: &str) -> Result<Hash, Error> {
        let mut hashed = Hashed::new(self.package.read(name)?);
        let copied = std::io::copy(&mut hashed, &mut std::io::sink());
        copied.map_err(|source| Error::Io { path: name.into(), action: "read", source })?;
        let (bytes, digest) = &*hashed.state.borrow();
        let digest = from_digest(digest.clone().finish().as_ref());
        self.digests.insert(name.to_owned(), (*bytes, digest));
        Ok(digest)
    }
}

/// Reads the position out of an entry that may not be one, so that a person sees which was touched.
fn claimed_seq(entry: &[u8]) -> Option<EntryIndex> {
    let text = String::from_utf8_lossy(entry);
    let (_, behind) = text.rsplit_once(r#","seq":"#)?;
    behind.split_once(',')?.0.parse().ok()
}

/// Why a line is refused, before its file and number are known.
struct Refused(Box<Inner>);

struct Inner {
    entry: Option<EntryIndex>,
    field: Option<String>,
    error: Error,
}

impl Refused {
    fn at(entry: EntryIndex, field: &str) -> impl Fn(Error) -> Self + use<> {
        let field = field.to_owned();
        move |error| Self(Box::new(Inner { entry: Some(entry), field: Some(field.clone()), error }))
    }

    /// Names the link that is broken, if one is.
    fn link(entry: EntryIndex, error: Error) -> Self {
        let field = if let Error::ChainBreak { link, .. } = &error { Some(link.to_string()) } else { None };
        Self(Box::new(Inner { entry: Some(entry), field, error }))
    }
}

impl From<Error> for Refused {
    fn from(error: Error) -> Self {
        Self(Box::new(Inner { entry: None, field: None, error }))
    }
}

/// Hashes what is read through it.
struct Hashed<R> {
    inner: R,
    state: Rc<RefCell<(u64, Digest)>>,
}

impl<R: Read> Hashed<R> {
    fn new(inner: R) -> Self {
        Self { inner, state: Rc::new(RefCell::new((0, Digest::new(&SHA256)))) }
    }
}

impl<R: Read> Read for Hashed<R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let read = self.inner.read(buffer)?;
        let mut state = self.state.borrow_mut();
        state.0 += read as u64;
        state.1.update(buffer.get(..read).unwrap_or_default());
        Ok(read)
    }
}
