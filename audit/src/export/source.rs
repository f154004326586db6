//! A package on disk: a folder, or a tar whose members are found by one look through it.
//!
//! Nothing is unpacked, and no name is used as a path before it is one of the few that packages have. It believes nothing.

use super::{FILES_MAX, LINE_BYTES_MAX, MANIFEST, POLICIES, refuse};
use crate::error::{Error, Format};
use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{BufReader, Read, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};

/// A package that can be read.
#[derive(Debug)]
pub struct Package {
    path: PathBuf,
    place: Place,
}

/// Where the files are.
#[derive(Debug)]
enum Place {
    Folder(BTreeMap<String, PathBuf>),
    /// Each member with its offset and length.
    Tar(BTreeMap<String, (u64, u64)>),
}

impl Package {
    /// Looks at a folder or a tar.
    ///
    /// # Errors
    /// `Io`; `Malformed` if it holds too many files, or in a tar something that is no file, or a name twice.
    pub fn open(path: impl Into<PathBuf>) -> Result<Self, Error> {
        let path = path.into();
        let place = if path.is_dir() {
            let mut files = BTreeMap::new();
            list(&path, "", &mut files)?;
            Place::Folder(files)
        } else {
            Place::Tar(members(&path).map_err(|error| error.in_file(&path))?)
        };
        Ok(Self { path, place })
    }

    /// Borrows the path of the folder or tar.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Yields the names of all files, sorted.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        let (folder, tar) = match &self.place {
            Place::Folder(files) => (Some(files.keys()), None),
            Place::Tar(files) => (None, Some(files.keys())),
        };
        folder.into_iter().flatten().chain(tar.into_iter().flatten()).map(String::as_str)
    }

    /// Opens a file.
    ///
    /// # Errors
    /// `FileMissing`, `Io`.
    pub fn read(&self, name: &str) -> Result<impl Read + use<>, Error> {
        let (path, offset, bytes) = match &self.place {
            Place::Folder(files) => (files.get(name).ok_or(Error::FileMissing)?.as_path(), 0, u64::MAX),
            Place::Tar(files) => {
                let (offset, bytes) = files.get(name).ok_or(Error::FileMissing)?;
                (self.path.as_path(), *offset, *bytes)
            }
        };
        let opened = open(path).and_then(|mut file| {
            file.seek(SeekFrom::Start(offset)).map_err(|source| io(path, "seek in", source))?;
            Ok(file)
        });
        opened.map(|file| file.take(bytes))
    }

    /// Reads a small file whole.
    ///
    /// # Errors
    /// `FileMissing`, `TooLong`, `Io`.
    pub(super) fn read_whole(&self, name: &str) -> Result<Vec<u8>, Error> {
        let mut bytes = Vec::new();
        let file = self.read(name)?.take(LINE_BYTES_MAX as u64 + 1).read_to_end(&mut bytes);
        file.map_err(|source| io(&self.path, "read", source))?;
        if bytes.len() > LINE_BYTES_MAX {
            return Err(Error::TooLong { what: Format::Package, max: LINE_BYTES_MAX as u64, got: bytes.len() as u64 });
        }
        Ok(bytes)
    }
}

fn io(path: &Path, action: &'static str, source: std::io::Error) -> Error {
    Error::Io { path: path.to_owned(), action, source }
}

fn open(path: &Path) -> Result<File, Error> {
    OpenOptions::new().read(true).open(path).map_err(|source| io(path, "open", source))
}

/// Lists the files of a folder, and of its folder of policies.
fn list(folder: &Path, prefix: &str, files: &mut BTreeMap<String, PathBuf>) -> Result<(), Error> {
    for file in fs::read_dir(folder).map_err(|source| io(folder, "list", source))? {
        let file = file.map_err(|source| io(folder, "list", source))?;
        let name = format!("{prefix}{}", file.file_name().to_string_lossy());
        if prefix.is_empty() && file.path().is_dir() && name == POLICIES.trim_end_matches('/') {
            list(&file.path(), POLICIES, files)?;
        } else {
            insert(files, name, file.path())?;
        }
    }
    Ok(())
}

fn members(path: &Path) -> Result<BTreeMap<String, (u64, u64)>, Error> {
    let mut tar = tar::Archive::new(BufReader::new(open(path)?));
    let read = |source| io(path, "read", source);
    let mut files = BTreeMap::new();
    for member in tar.entries_with_seek().map_err(read)? {
        let member = member.map_err(read)?;
        if !member.header().entry_type().is_file() {
            return Err(refuse("the tar holds something that is no file"));
        }
        let name = String::from_utf8_lossy(&member.path_bytes()).into_owned();
        insert(&mut files, name, (member.raw_file_position(), member.size()))?;
    }
    if files.contains_key(MANIFEST) { Ok(files) } else { Err(refuse("neither a folder nor a tar with a manifest")) }
}

fn insert<T>(files: &mut BTreeMap<String, T>, name: String, place: T) -> Result<(), Error> {
    if files.len() > FILES_MAX {
        return Err(refuse("too many files"));
    }
    if files.insert(name, place).is_some() { Err(refuse("a file is there twice")) } else { Ok(()) }
}
