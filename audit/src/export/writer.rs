//! Writes a package: the same input gives the same bytes, and nothing that is there is overwritten.
//!
//! The caller brings the entries in their order and decides who may have which text; paths are made here from the log's
//! tiles. The signature is asked for at the end, because it may be made elsewhere. Source: `FORMAT.md`, "Evidence packages".

use super::ends::Ends;
use super::line::Line;
use super::manifest::{ListedFile, Manifest, Scope};
use super::{CHECKPOINT, CONTEXT, ENDS, ENTRIES, GENERATIONS, MANIFEST, POLICIES, STAFF, sha256};
use crate::canonical::push_string;
use crate::checkpoint::SignedCheckpoint;
use crate::error::Error;
use crate::generation::Generations;
use crate::merkle::{NodeReader, from_digest, inclusion_path};
use crate::note::{Note, NoteSignature};
use crate::receipt::Opened;
use crate::time::Timestamp;
use crate::types::{EntryIndex, Hash, Id128};
use ring::digest::{Context as Digest, SHA256};
use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{BufWriter, Write};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

/// Packages may hold texts of customers: they are for whoever made them.
const FILE_MODE: u32 = 0o600;
/// The mode of members of a tar, the same on every machine.
const TAR_MODE: u32 = 0o644;

/// A package being written.
pub struct Writer<'t, T> {
    directory: PathBuf,
    tree: &'t T,
    checkpoint: SignedCheckpoint,
    entries: Sink,
    context: Sink,
    /// The newest entry of the context: whether it needs a path is known when the next one is.
    pending: Option<(EntryIndex, Line)>,
    files: Vec<ListedFile>,
}

impl<'t, T: NodeReader> Writer<'t, T> {
    /// Begins a package in a folder that must not be there; `tree` is that of the checkpoint.
    ///
    /// # Errors
    /// `Io`.
    pub fn create(directory: &Path, tree: &'t T, checkpoint: SignedCheckpoint) -> Result<Self, Error> {
        fs::create_dir(directory).map_err(io(directory, "create"))?;
        let files = vec![write_whole(directory, CHECKPOINT, checkpoint.to_string().as_bytes())?];
        let (entries, context) = (Sink::create(directory, ENTRIES)?, Sink::create(directory, CONTEXT)?);
        Ok(Self { directory: directory.to_owned(), tree, checkpoint, entries, context, pending: None, files })
    }

    /// Adds an entry that was asked for, with the texts that are opened. Entries come in the order of the log.
    ///
    /// # Errors
    /// `OutOfRange` if the checkpoint doesn't cover it, those of the tree, `Io`.
    pub fn entry(&mut self, index: EntryIndex, entry: Vec<u8>, opened: Vec<Opened>) -> Result<(), Error> {
        let path = Some(self.path(index)?);
        self.entries.line(&Line { entry, opened, path }.to_bytes())
    }

    /// Adds an entry of the context, in the order of the log.
    ///
    /// # Errors
    /// Like [`Writer::entry`].
    pub fn context(&mut self, index: EntryIndex, entry: Vec<u8>) -> Result<(), Error> {
        let is_next = self.pending.as_ref().is_some_and(|(before, _)| before.0 + 1 == index.0);
        self.write_pending(!is_next)?;
        self.pending = Some((index, Line { entry, opened: Vec::new(), path: None }));
        Ok(())
    }

    /// How many bytes of entries and context there are so far.
    pub const fn bytes(&self) -> u64 {
        self.entries.bytes + self.context.bytes
    }

    fn write_pending(&mut self, ends_a_run: bool) -> Result<(), Error> {
        let Some((index, mut line)) = self.pending.take() else { return Ok(()) };
        if ends_a_run {
            line.path = Some(self.path(index)?);
        }
        self.context.line(&line.to_bytes())
    }

    fn path(&self, index: EntryIndex) -> Result<Vec<Hash>, Error> {
        inclusion_path(self.tree, index, self.checkpoint.unverified().size)
    }

    /// Adds a policy in force: the canonical JSON whose SHA-256 entries name. Each is added once.
    ///
    /// # Errors
    /// `Io`.
    pub fn policy(&mut self, canonical: &[u8]) -> Result<(), Error> {
        let folder = self.directory.join(POLICIES);
        if !folder.is_dir() {
            fs::create_dir(&folder).map_err(io(&folder, "create"))?;
        }
        let digest = sha256(canonical);
        self.files.push(write_whole(&self.directory, &format!("{POLICIES}{digest}.json"), canonical)?);
        Ok(())
    }

    /// Names members of staff, by their pseudonyms.
    ///
    /// # Errors
    /// `Io`.
    pub fn staff(&mut self, names: &BTreeMap<Id128, String>) -> Result<(), Error> {
        let mut sink = Sink::create(&self.directory, STAFF)?;
        for (id, name) in names {
            let mut line = format!("[\"{id}\",").into_bytes();
            push_string(&mut line, name);
            line.push(b']');
            sink.line(&line)?;
        }
        self.files.push(sink.finish()?);
        Ok(())
    }

    /// Adds what the log declares of its gaps.
    ///
    /// # Errors
    /// `Io`.
    pub fn generations(&mut self, generations: &Generations) -> Result<(), Error> {
        let mut sink = Sink::create(&self.directory, GENERATIONS)?;
        for signed in generations.signed() {
            let mut line = Vec::new();
            push_string(&mut line, &signed.note().to_string());
            sink.line(&line)?;
        }
        self.files.push(sink.finish()?);
        Ok(())
    }

    /// Writes what remains and hands out the text to be signed; `ends` for packages that have a chain among their scopes.
    ///
    /// # Errors
    /// `Io`, and `Malformed` if what was added is no package.
    pub fn finish(mut self, scopes: Vec<Scope>, made: Timestamp, ends: Option<&Ends>) -> Result<Draft, Error> {
        self.write_pending(true)?;
        let Self { directory, checkpoint, entries, context, mut files, .. } = self;
        files.extend([entries.finish()?, context.finish()?]);
        if let Some(ends) = ends {
            files.push(write_whole(&directory, ENDS, &ends.to_bytes()?)?);
        }
        files.sort_by(|a, b| a.name.cmp(&b.name));
        let text = Manifest { log: checkpoint.unverified().origin.clone(), made, scopes, files }.to_string();
        text.parse::<Manifest>()?;
        Ok(Draft { directory, text })
    }
}

/// A package that lacks its signature only.
#[must_use]
pub struct Draft {
    directory: PathBuf,
    text: String,
}

impl Draft {
    /// Borrows the text that the log's key must sign.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Writes the manifest with its signatures.
    ///
    /// # Errors
    /// `Malformed` without a signature; `Io`.
    pub fn sign(self, signatures: Vec<NoteSignature>) -> Result<(), Error> {
        let note = Note::new(self.text, signatures)?;
        write_whole(&self.directory, MANIFEST, note.to_string().as_bytes()).map(|_| ())
    }
}

/// Writes a package as a tar: the manifest first, no times, no owners, so that the same package gives the same bytes.
///
/// # Errors
/// `Io`; `FileMissing` if the folder is no package.
pub fn pack(package: &super::Package, out: impl Write) -> Result<(), Error> {
    let io = |source| Error::Io { path: package.path().to_owned(), action: "pack", source };
    let mut tar = tar::Builder::new(out);
    let rest = package.names().filter(|name| *name != MANIFEST);
    for name in std::iter::once(MANIFEST).chain(rest) {
        let path = package.path().join(name);
        let bytes = fs::metadata(&path).map_err(io)?.len();
        let mut header = tar::Header::new_ustar();
        header.set_size(bytes);
        header.set_mode(TAR_MODE);
        header.set_mtime(0);
        tar.append_data(&mut header, name, package.read(name)?).map_err(io)?;
    }
    tar.into_inner().and_then(|mut out| out.flush()).map_err(io)
}

fn io(path: &Path, action: &'static str) -> impl FnOnce(std::io::Error) -> Error {
    move |source| Error::Io { path: path.to_owned(), action, source }
}

fn create(path: &Path) -> Result<File, Error> {
    OpenOptions::new().write(true).create_new(true).mode(FILE_MODE).open(path).map_err(io(path, "create"))
}

fn write_whole(directory: &Path, name: &str, bytes: &[u8]) -> Result<ListedFile, Error> {
    let path = directory.join(name);
    let mut file = create(&path)?;
    file.write_all(bytes).and_then(|()| file.sync_all()).map_err(io(&path, "write"))?;
    Ok(ListedFile { name: name.to_owned(), bytes: bytes.len() as u64, digest: sha256(bytes) })
}

/// A file of lines with its length and digest.
struct Sink {
    path: PathBuf,
    name: &'static str,
    file: BufWriter<File>,
    bytes: u64,
    digest: Digest,
}

impl Sink {
    fn create(directory: &Path, name: &'static str) -> Result<Self, Error> {
        let path = directory.join(name);
        let file = BufWriter::new(create(&path)?);
        Ok(Self { path, name, file, bytes: 0, digest: Digest::new(&SHA256) })
    }

    fn line(&mut self, line: &[u8]) -> Result<(), Error> {
        for part in [line, b"\n"] {
            self.file.write_all(part).map_err(io(&self.path, "write"))?;
            self.digest.update(part);
            self.bytes += part.len() as u64;
        }
        Ok(())
    }

    fn finish(self) -> Result<ListedFile, Error> {
        let Self { path, name, file, bytes, digest } = self;
        let file = file.into_inner().map_err(|error| io(&path, "write")(error.into_error()))?;
        file.sync_all().map_err(io(&path, "sync"))?;
        Ok(ListedFile { name: name.to_owned(), bytes, digest: from_digest(digest.finish().as_ref()) })
    }
}
