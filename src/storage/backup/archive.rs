//! The file of a backup: a tar archive of pieces, and at its end a list of them with their digests, and what vouches for it.
//!
//! It is written under another name and renamed when it is whole and on disk. Without its list, which comes last, a file is
//! no backup: one that was cut short can't be mistaken for a whole one. It isn't compressed: most of it is sealed, and
//! stores that keep many backups find what is the same. It doesn't know what pieces hold,
//! nor the key that vouches.

use std::fs::{File, OpenOptions};
use std::io::{BufReader, BufWriter, Read as _, Write};
use std::os::unix::fs::{FileExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use ring::digest::{SHA256, digest};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::limits::{BACKUP_MANIFEST_BYTES_MAX, BACKUP_PIECE_BYTES_MAX, BACKUP_PIECES_MAX};
use crate::units::{Hash, MICROS_PER_SECOND, Timestamp};

/// Name of the list.
const MANIFEST: &str = "manifest.json";
/// Name of what vouches for the list: a message authentication code in hexadecimal digits.
const VOUCHER: &str = "manifest.mac";
const VOUCHER_BYTES: usize = 64;
const FILE_MODE: u32 = 0o600;

/// Why a backup can't be written or read.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    /// The system refused.
    #[error("can't {action} {}: {source}", path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// The system's answer.
        source: std::io::Error,
    },
    /// It isn't a file of this kind and version, or it is not whole.
    #[error("{} is no {expected}: {reason}", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What it should be.
        expected: &'static str,
        /// What is wrong.
        reason: String,
    },
    /// A piece is not what was written.
    #[error("{}: {piece} was changed: SHA-256 {got}, not {expected}", path.display())]
    Changed {
        /// The file.
        path: PathBuf,
        /// The piece.
        piece: String,
        /// Digest when it was written.
        expected: Hash,
        /// Digest found.
        got: Hash,
    },
}

impl ArchiveError {
    fn io(action: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        move |source| Self::Io { action, path: path.to_owned(), source }
    }
}

/// One piece, as the list names it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Piece {
    /// Its name in the archive.
    pub name: String,
    /// Its length.
    pub bytes: u64,
    /// Its SHA-256, in hexadecimal digits.
    pub sha256: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Manifest<T> {
    format: String,
    about: T,
    pieces: Vec<Piece>,
}

/// A backup that is being written.
pub struct ArchiveWriter {
    tar: tar::Builder<BufWriter<File>>,
    path: PathBuf,
    unfinished: Unfinished,
    time_s: u64,
    pieces: Vec<Piece>,
}

/// The file under its other name; it goes away unless it is finished.
struct Unfinished(PathBuf);

impl Drop for Unfinished {
    fn drop(&mut self) {
        // Gone already when it was renamed; a rest that can't be removed has a name that says what it is.
        let _gone = std::fs::remove_file(&self.0);
    }
}

impl ArchiveWriter {
    /// Begins a file that only its owner can read.
    ///
    /// # Errors
    /// [`ArchiveError::Io`], also when there is a file of this name.
    pub fn create(path: &Path, created: Timestamp) -> Result<Self, ArchiveError> {
        if path.exists() {
            return Err(ArchiveError::io("write", path)(std::io::ErrorKind::AlreadyExists.into()));
        }
        let mut name = path.as_os_str().to_owned();
        name.push(".unfinished");
        let unfinished = Unfinished(name.into());
        let file = OpenOptions::new().write(true).create_new(true).mode(FILE_MODE).open(&unfinished.0);
        let file = file.map_err(ArchiveError::io("create", &unfinished.0))?;
        let time_s = u64::try_from(created.as_micros() / MICROS_PER_SECOND).unwrap_or(0);
        let tar = tar::Builder::new(BufWriter::new(file));
        Ok(Self { tar, path: path.to_owned(), unfinished, time_s, pieces: Vec::new() })
    }

    /// Appends a piece.
    ///
    /// # Errors
    /// [`ArchiveError`], also for more or longer pieces than a reader takes.
    pub fn add(&mut self, name: &str, bytes: &[u8]) -> Result<(), ArchiveError> {
        if self.pieces.len() == BACKUP_PIECES_MAX || bytes.len() > BACKUP_PIECE_BYTES_MAX {
            let reason = std::io::Error::other("more than a backup can hold");
            return Err(ArchiveError::io("write", &self.path)(reason));
        }
        self.append(name, bytes)?;
        let sha256 = sha256(bytes).to_string();
        self.pieces.push(Piece { name: name.to_owned(), bytes: bytes.len() as u64, sha256 });
        Ok(())
    }

    /// The list of what was added so far.
    ///
    /// # Errors
    /// [`ArchiveError::Io`] when `about` can't be written as JSON.
    pub fn list<T: Serialize>(&self, format: &str, about: &T) -> Result<Vec<u8>, ArchiveError> {
        let manifest = Manifest { format: format.to_owned(), about, pieces: self.pieces.clone() };
        serde_json::to_vec_pretty(&manifest).map_err(|error| ArchiveError::io("write", &self.path)(error.into()))
    }

    /// Writes the list and what vouches for it, and gives the file its name; on disk when this returns. Returns its length in
    /// bytes.
    ///
    /// # Errors
    /// [`ArchiveError::Io`]; there is no file then.
    pub fn finish(mut self, list: &[u8], voucher: Hash) -> Result<u64, ArchiveError> {
        self.append(MANIFEST, list)?;
        self.append(VOUCHER, voucher.to_string().as_bytes())?;
        let Self { tar, path, unfinished, .. } = self;
        let io = || ArchiveError::io("write", &path);
        let mut buffered = tar.into_inner().map_err(io())?;
        buffered.flush().map_err(io())?;
        let file = buffered.into_inner().map_err(|error| io()(error.into_error()))?;
        // The content before the name: after a power cut a name must never lead to half a backup.
        file.sync_all().map_err(io())?;
        let bytes = file.metadata().map_err(io())?.len();
        std::fs::rename(&unfinished.0, &path).map_err(ArchiveError::io("rename to", &path))?;
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        File::open(folder).and_then(|folder| folder.sync_all()).map_err(ArchiveError::io("sync", folder))?;
        Ok(bytes)
    }

    fn append(&mut self, name: &str, bytes: &[u8]) -> Result<(), ArchiveError> {
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        header.set_mode(FILE_MODE);
        header.set_mtime(self.time_s);
        self.tar.append_data(&mut header, name, bytes).map_err(ArchiveError::io("write", &self.unfinished.0))
    }
}

/// A backup that was read through once: whole, and every piece as it was written.
pub struct Archive<T> {
    /// What its list says of it.
    pub about: T,
    /// Its pieces in order.
    pub pieces: Vec<Piece>,
    /// The bytes of its list.
    pub list: Vec<u8>,
    /// What vouches for them; whoever holds the key compares it.
    pub voucher: Hash,
    file: File,
    path: PathBuf,
    places: Vec<u64>,
}

impl<T: DeserializeOwned> Archive<T> {
    /// Reads a file through and holds each piece against the list; `progress` gets bytes read and to read.
    ///
    /// # Errors
    /// [`ArchiveError`], naming what is wrong with it.
    pub fn open(path: &Path, format: &'static str, progress: &dyn Fn(u64, u64)) -> Result<Self, ArchiveError> {
        let refuse = |reason: &str| ArchiveError::Malformed {
            path: path.to_owned(),
            expected: format,
            reason: reason.to_owned(),
        };
        let file = File::open(path).map_err(ArchiveError::io("open", path))?;
        let length = file.metadata().map_err(ArchiveError::io("read", path))?.len();
        let Scanned { pieces: found, places, list, voucher } =
            scan(&file, path, format, &|done| progress(done, length))?;
        let whole = list.zip(voucher.and_then(|hex| hex.parse::<Hash>().ok()));
        let (list, voucher) = whole.ok_or_else(|| refuse("its list of pieces, which stands last, is missing"))?;
        // What serde_json says would quote the file.
        let named: NamedFormat = serde_json::from_slice(&list).map_err(|_| refuse("its list can't be read"))?;
        if named.format != format {
            return Err(refuse(&format!("it says that it is {:?}", named.format)));
        }
        let manifest: Manifest<T> = serde_json::from_slice(&list)
            .map_err(|error| refuse(&format!("its list can't be read (column {})", error.column())))?;
        compare(path, format, &manifest.pieces, &found)?;
        progress(length, length);
        let Manifest { about, pieces, .. } = manifest;
        Ok(Self { about, pieces, list, voucher, file, path: path.to_owned(), places })
    }

    /// Reads a piece again, by its place in [`Self::pieces`].
    ///
    /// # Errors
    /// [`ArchiveError`], also when the file was changed since it was opened.
    pub fn read(&self, number: usize) -> Result<Vec<u8>, ArchiveError> {
        let none = || ArchiveError::io("read", &self.path)(std::io::ErrorKind::NotFound.into());
        let (piece, place) = self.pieces.get(number).zip(self.places.get(number)).ok_or_else(none)?;
        let mut bytes = vec![0; usize::try_from(piece.bytes).unwrap_or(0)];
        self.file.read_exact_at(&mut bytes, *place).map_err(ArchiveError::io("read", &self.path))?;
        same(&self.path, piece, sha256(&bytes))?;
        Ok(bytes)
    }
}

/// What every version of the list has.
#[derive(Deserialize)]
struct NamedFormat {
    format: String,
}

/// What was read of a file: pieces, where they lie, the list and what vouches for it.
#[derive(Default)]
struct Scanned {
    pieces: Vec<Piece>,
    places: Vec<u64>,
    list: Option<Vec<u8>>,
    voucher: Option<String>,
}

fn scan(file: &File, path: &Path, format: &'static str, progress: &dyn Fn(u64)) -> Result<Scanned, ArchiveError> {
    let refuse =
        |reason: &str| ArchiveError::Malformed { path: path.to_owned(), expected: format, reason: reason.to_owned() };
    let cut = |_| refuse("it is cut short or no archive");
    let mut scanned = Scanned::default();
    let mut tar = tar::Archive::new(BufReader::new(file));
    for entry in tar.entries().map_err(cut)? {
        let mut entry = entry.map_err(cut)?;
        let name = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
        // Pieces, then the list, then what vouches for it, and nothing after that.
        let (comes, bytes_max) = match name.as_str() {
            MANIFEST => (scanned.list.is_none(), BACKUP_MANIFEST_BYTES_MAX),
            VOUCHER => (scanned.list.is_some() && scanned.voucher.is_none(), VOUCHER_BYTES),
            _ => (scanned.list.is_none() && scanned.pieces.len() < BACKUP_PIECES_MAX, BACKUP_PIECE_BYTES_MAX),
        };
        if !comes || entry.size() > bytes_max as u64 {
            return Err(refuse("it holds more than a backup can hold"));
        }
        let place = entry.raw_file_position();
        let mut bytes = Vec::with_capacity(usize::try_from(entry.size()).unwrap_or(0));
        entry.read_to_end(&mut bytes).map_err(cut)?;
        progress(place + bytes.len() as u64);
        match name.as_str() {
            MANIFEST => scanned.list = Some(bytes),
            VOUCHER => scanned.voucher = String::from_utf8(bytes).ok(),
            _ => {
                scanned.pieces.push(Piece { name, bytes: bytes.len() as u64, sha256: sha256(&bytes).to_string() });
                scanned.places.push(place);
            }
        }
    }
    Ok(scanned)
}

fn compare(path: &Path, format: &'static str, listed: &[Piece], found: &[Piece]) -> Result<(), ArchiveError> {
    let names = |pieces: &[Piece]| pieces.iter().map(|piece| (piece.name.clone(), piece.bytes)).collect::<Vec<_>>();
    if names(listed) != names(found) {
        let reason = "its pieces are not those of its list".to_owned();
        return Err(ArchiveError::Malformed { path: path.to_owned(), expected: format, reason });
    }
    listed.iter().zip(found).try_for_each(|(listed, found)| same(path, listed, parse(&found.sha256)))
}

fn same(path: &Path, piece: &Piece, got: Hash) -> Result<(), ArchiveError> {
    let expected = parse(&piece.sha256);
    if expected == got {
        return Ok(());
    }
    Err(ArchiveError::Changed { path: path.to_owned(), piece: piece.name.clone(), expected, got })
}

fn parse(hex: &str) -> Hash {
    hex.parse().unwrap_or(Hash::ZERO)
}

/// SHA-256 of some bytes.
pub fn sha256(bytes: &[u8]) -> Hash {
    let mut out = Hash::ZERO;
    out.0.copy_from_slice(digest(&SHA256, bytes).as_ref());
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    const FORMAT: &str = "test/1";

    fn write(path: &Path, pieces: &[(&str, &[u8])]) -> u64 {
        let mut writer = ArchiveWriter::create(path, Timestamp::from_micros(1_000_000)).unwrap();
        for (name, bytes) in pieces {
            writer.add(name, bytes).unwrap();
        }
        let list = writer.list(FORMAT, &"about").unwrap();
        writer.finish(&list, sha256(&list)).unwrap()
    }

    fn open(path: &Path) -> Result<Archive<String>, ArchiveError> {
        Archive::open(path, FORMAT, &|_, _| {})
    }

    #[test]
    fn pieces_are_read_as_they_were_written() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("backup");
        let long = vec![7; 100_000];
        let length = write(&path, &[("a", b"one"), ("b/c", &long), ("empty", b"")]);
        let archive = open(&path).unwrap();
        assert_eq!((archive.about.as_str(), archive.voucher), ("about", sha256(&archive.list)));
        let read: Vec<_> = (0..3).map(|number| archive.read(number).unwrap()).collect();
        assert_eq!(read, [b"one".to_vec(), long, Vec::new()]);
        assert_eq!(std::fs::metadata(&path).unwrap().len(), length);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
        assert!(ArchiveWriter::create(&path, Timestamp::from_micros(0)).is_err(), "a backup is never overwritten");
        assert!(Archive::<String>::open(&path, "other/1", &|_, _| {}).err().unwrap().to_string().contains("test/1"));
    }

    #[test]
    fn a_writer_that_gives_up_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("backup");
        let mut writer = ArchiveWriter::create(&path, Timestamp::from_micros(0)).unwrap();
        writer.add("a", b"one").unwrap();
        assert!(writer.add("b", &vec![0; BACKUP_PIECE_BYTES_MAX + 1]).is_err());
        drop(writer);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[test]
    fn more_than_a_backup_can_hold_is_neither_written_nor_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("backup");
        let mut writer = ArchiveWriter::create(&path, Timestamp::from_micros(0)).unwrap();
        let piece = Piece { name: "a".to_owned(), bytes: 0, sha256: String::new() };
        writer.pieces = vec![piece; BACKUP_PIECES_MAX];
        assert!(writer.add("one more", b"").is_err());
        drop(writer);
        let long = vec![0; BACKUP_PIECE_BYTES_MAX + 1];
        let one = b"{}".as_slice();
        for parts in [
            vec![("a", long.as_slice())],
            vec![(MANIFEST, one), (MANIFEST, one)],
            vec![(MANIFEST, one), ("a", one)],
            vec![(VOUCHER, one), (MANIFEST, one)],
            vec![(MANIFEST, one), (VOUCHER, long.as_slice())],
        ] {
            let mut tar = tar::Builder::new(Vec::new());
            for (name, bytes) in parts {
                let mut header = tar::Header::new_gnu();
                header.set_size(bytes.len() as u64);
                tar.append_data(&mut header, name, bytes).unwrap();
            }
            std::fs::write(&path, tar.into_inner().unwrap()).unwrap();
            let error = open(&path).err().unwrap();
            assert!(error.to_string().contains("more than a backup can hold"), "{error}");
        }
    }

    #[test]
    fn every_cut_and_every_flipped_byte_of_a_piece_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("backup");
        write(&path, &[("a", b"one"), ("b", b"two")]);
        let genuine = std::fs::read(&path).unwrap();
        let manifest = genuine.windows(MANIFEST.len()).position(|window| window == MANIFEST.as_bytes()).unwrap();
        for end in (0..manifest + 700).step_by(100) {
            std::fs::write(&path, &genuine[..end]).unwrap();
            assert!(open(&path).is_err(), "{end} bytes of {}", genuine.len());
        }
        for (at, piece) in [(512, "a"), (1536, "b")] {
            let mut flipped = genuine.clone();
            flipped[at] ^= 1;
            std::fs::write(&path, &flipped).unwrap();
            let error = open(&path).err().unwrap();
            assert!(matches!(&error, ArchiveError::Changed { piece: named, .. } if named == piece), "{error}");
        }
    }
}
