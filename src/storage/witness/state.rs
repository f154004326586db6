//! The file of one log's state: written beside its place, synced, renamed into it, and then the folder is synced.
//!
//! ```text
//! lww-witness-state/1
//! log: <origin>
//! time: <POSIX seconds that were stated last>
//! file: <inode> <birth, nanoseconds since 1970>
//! sha256: <of the other lines and the note>
//!
//! <signed note, as the log sent it; nothing before the first>
//! ```
//!
//! Inode and birth are the file's own. A file that was put back from a backup, or copied over, has others: it may be old, and
//! the digest can't tell. A snapshot of a whole disk that is put back has the same ones, and is not noticed here.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use lww_audit::SignedCheckpoint;
use lww_audit::note::NOTE_BYTES_MAX;
use ring::digest::{SHA256, digest};

use super::WitnessError;
use crate::units::{Hash, Origin, TreeSize};

const VERSION_LINE: &str = "lww-witness-state/1";
const STATE_BYTES_MAX: u64 = NOTE_BYTES_MAX as u64 + 1024;

/// What was cosigned last for one log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Newest {
    pub(super) origin: Origin,
    pub(super) checkpoint: Option<SignedCheckpoint>,
    /// The newest time that was stated, in POSIX seconds.
    pub(super) time_s: u64,
}

impl Newest {
    pub(super) fn nothing(origin: Origin) -> Self {
        Self { origin, checkpoint: None, time_s: 0 }
    }

    pub(super) fn size(&self) -> TreeSize {
        self.checkpoint.as_ref().map_or(TreeSize(0), |signed| signed.unverified().size)
    }
}

/// Where a state lies.
pub(super) struct StateFile {
    origin: Origin,
    path: PathBuf,
}

impl StateFile {
    pub(super) fn of(folder: &Path, origin: &Origin) -> Self {
        let name = format!("{}.state", origin.as_str().replace('/', "+"));
        Self { origin: origin.clone(), path: folder.join(name) }
    }

    pub(super) fn is_there(&self) -> bool {
        self.path.exists()
    }

    /// Reads the state. With `moved` a copy is taken as the newest, and written anew.
    pub(super) fn read(&self, moved: bool) -> Result<Newest, WitnessError> {
        let lost = || WitnessError::Lost { origin: self.origin.clone(), path: self.path.clone() };
        let bytes = read(&self.path, STATE_BYTES_MAX)?.ok_or_else(lost)?;
        let damaged = |reason: String| WitnessError::Damaged { path: self.path.clone(), reason };
        let (newest, identity) = parse(&bytes).map_err(damaged)?;
        if newest.origin != self.origin {
            return Err(damaged(format!("it is of the log {}", newest.origin)));
        }
        let own = File::open(&self.path).and_then(|file| identity_of(&file));
        if own.map_err(WitnessError::io("look at", &self.path))? != identity {
            if !moved {
                return Err(WitnessError::Copied { path: self.path.clone() });
            }
            self.write(&newest)?;
        }
        Ok(newest)
    }

    /// Replaces the state; on disk when this returns. After an error either is there, and nothing was cosigned.
    pub(super) fn write(&self, newest: &Newest) -> Result<(), WitnessError> {
        replace_with(&self.path, |file| Ok(text(newest, identity_of(file)?).into_bytes()))
    }
}

/// What tells a file from its copies.
type Identity = (u64, u128);

fn identity_of(file: &File) -> io::Result<Identity> {
    let metadata = file.metadata()?;
    // A file system without births is left with the inode.
    let born = metadata.created().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok());
    Ok((metadata.ino(), born.map_or(0, |since| since.as_nanos())))
}

fn text(newest: &Newest, (inode, born): Identity) -> String {
    let Newest { origin, checkpoint, time_s } = newest;
    let head = format!("{VERSION_LINE}\nlog: {origin}\ntime: {time_s}\nfile: {inode} {born}\n");
    let note = checkpoint.as_ref().map_or_else(String::new, ToString::to_string);
    format!("{head}sha256: {}\n\n{note}", sum(&head, &note))
}

fn sum(head: &str, note: &str) -> Hash {
    let mut out = [0; 32];
    out.copy_from_slice(digest(&SHA256, [head, note].concat().as_bytes()).as_ref());
    Hash(out)
}

fn parse(bytes: &[u8]) -> Result<(Newest, Identity), String> {
    let whole = || "its digest is of something else".to_owned();
    let text = std::str::from_utf8(bytes).map_err(|_| whole())?;
    let (head, note) = text.split_once("\n\n").ok_or_else(whole)?;
    let (head, digest) = head.rsplit_once("sha256: ").ok_or_else(whole)?;
    if sum(head, note).to_string() != digest {
        return Err(whole());
    }
    let mut lines = head.lines();
    let mut value = |name: &str| {
        let line = if name.is_empty() { VERSION_LINE } else { name };
        let wrong = || format!("expected a line {line}");
        lines.next().and_then(|found| found.strip_prefix(line)).ok_or_else(wrong)
    };
    if !value("")?.is_empty() {
        return Err(format!("expected {VERSION_LINE}"));
    }
    let origin = value("log: ")?.parse().map_err(|_| "expected a log's origin".to_owned())?;
    let time_s = value("time: ")?.parse().map_err(|_| "expected a time in seconds".to_owned())?;
    let identity =
        value("file: ")?.split_once(' ').and_then(|(inode, born)| Some((inode.parse().ok()?, born.parse().ok()?)));
    let identity = identity.ok_or_else(|| "expected the file's inode and birth".to_owned())?;
    let checkpoint = match note {
        "" => None,
        note => Some(SignedCheckpoint::parse(note.as_bytes()).map_err(|error| error.to_string())?),
    };
    if checkpoint.as_ref().is_some_and(|signed| signed.unverified().origin != origin) {
        return Err("its note is of another log".to_owned());
    }
    Ok((Newest { origin, checkpoint, time_s }, identity))
}

/// Reads a file of at most so many bytes; `None` when there is none.
pub(super) fn read(path: &Path, bytes_max: u64) -> Result<Option<Vec<u8>>, WitnessError> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(WitnessError::io("open", path)(error)),
    };
    let mut bytes = Vec::new();
    file.take(bytes_max + 1).read_to_end(&mut bytes).map_err(WitnessError::io("read", path))?;
    if bytes.len() as u64 > bytes_max {
        let reason = format!("it is longer than {bytes_max} bytes");
        return Err(WitnessError::Damaged { path: path.to_owned(), reason });
    }
    Ok(Some(bytes))
}

/// Replaces a file in one durable step.
pub(super) fn replace(path: &Path, bytes: &[u8]) -> Result<(), WitnessError> {
    replace_with(path, |_| Ok(bytes.to_vec()))
}

/// The same, of what depends on the new file itself.
fn replace_with(path: &Path, make: impl FnOnce(&File) -> io::Result<Vec<u8>>) -> Result<(), WitnessError> {
    let temporary = path.with_added_extension("new");
    let failed = |action| WitnessError::io(action, &temporary);
    match fs::remove_file(&temporary) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(failed("remove")(error)),
    }
    let mut file =
        OpenOptions::new().write(true).create_new(true).mode(0o600).open(&temporary).map_err(failed("make"))?;
    step(Step::Made).map_err(failed("make"))?;
    let bytes = make(&file).map_err(failed("look at"))?;
    file.write_all(&bytes).map_err(failed("write"))?;
    step(Step::Written).map_err(failed("write"))?;
    // The content before the name: a name must never lead to a torn state.
    file.sync_all().map_err(failed("sync"))?;
    step(Step::Synced).map_err(failed("sync"))?;
    fs::rename(&temporary, path).map_err(WitnessError::io("rename to", path))?;
    step(Step::Renamed).map_err(failed("rename"))?;
    let folder = path.parent().unwrap_or(path);
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(WitnessError::io("sync", folder))?;
    step(Step::Durable).map_err(failed("answer"))
}

/// Where a crash can fall; tests let one fall there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    Made,
    Written,
    Synced,
    Renamed,
    Durable,
}

#[cfg(not(test))]
#[expect(clippy::unnecessary_wraps, reason = "the same as in tests, where it fails")]
fn step(_: Step) -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
pub(super) fn step(at: Step) -> io::Result<()> {
    if super::tests::CRASH_AT.get() == Some(at) { Err(io::Error::other("the test's crash")) } else { Ok(()) }
}
