//! Files that are there whole or not at all, also after a power failure.
//!
//! It knows nothing of what is in them. A new file is written beside its place, synced, renamed into it, and then the
//! directory is synced; POSIX promises no less effort will do. Files that nothing points to yet may be synced later.

use crate::error::{Error, Format, malformed};
use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs::{self, DirEntry, OpenOptions};
use std::io::{ErrorKind, Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

/// Ends the name of a file that is still being written. Such files are ignored by readers and overwritten by writers.
const TEMPORARY: &str = "tmp";
/// Ends the name of a directory of partial tiles.
const PARTIALS: &str = "p";
/// Audit files are for the server and whoever it serves them to.
const FILE_MODE: u32 = 0o600;

fn io_error(path: &Path, action: &'static str) -> impl FnOnce(std::io::Error) -> Error {
    move |source| Error::Io { path: path.to_owned(), action, source }
}

/// Reads a file, or `None` if there is none.
///
/// # Errors
/// `TooLong` above `bytes_max`; `Io`.
pub(super) fn read(path: &Path, bytes_max: usize, what: Format) -> Result<Option<Vec<u8>>, Error> {
    let file = match OpenOptions::new().read(true).open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(io_error(path, "open")(error)),
    };
    let mut bytes = Vec::new();
    file.take(bytes_max as u64 + 1).read_to_end(&mut bytes).map_err(io_error(path, "read"))?;
    if bytes.len() > bytes_max {
        let got = fs::metadata(path).map_or(bytes.len() as u64, |meta| meta.len());
        return Err(Error::TooLong { what, max: bytes_max as u64, got }.in_file(path));
    }
    Ok(Some(bytes))
}

/// Replaces a file in one step and makes that durable.
///
/// # Errors
/// `Io`; the old file, or none, is in place then.
pub(super) fn replace(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    let temporary = write_beside(path, bytes)?;
    // Synced before the rename: otherwise the name could survive a power failure and the content not.
    sync_file(&temporary)?;
    fs::rename(&temporary, path).map_err(io_error(path, "rename into"))?;
    sync_parents(&[path])
}

/// Replaces a file in one step for whoever reads it now. It survives a power failure after [`sync`] only.
///
/// # Errors
/// `Io`; the old file, or none, is in place then.
pub(super) fn put(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    let temporary = write_beside(path, bytes)?;
    fs::rename(&temporary, path).map_err(io_error(path, "rename into"))
}

/// Makes files and their names durable.
///
/// # Errors
/// `Io`; some may be durable then.
pub(super) fn sync(paths: &[PathBuf]) -> Result<(), Error> {
    paths.iter().try_for_each(|path| sync_file(path))?;
    sync_parents(paths)
}

fn write_beside(path: &Path, bytes: &[u8]) -> Result<PathBuf, Error> {
    let Some(parent) = path.parent() else {
        return Err(malformed(Format::Tile, 0, "path without a directory"));
    };
    create_dir(parent)?;
    let temporary = path.with_added_extension(TEMPORARY);
    let file = OpenOptions::new().write(true).create(true).truncate(true).mode(FILE_MODE).open(&temporary);
    file.and_then(|mut file| file.write_all(bytes)).map_err(io_error(&temporary, "write"))?;
    Ok(temporary)
}

fn sync_file(path: &Path) -> Result<(), Error> {
    let file = OpenOptions::new().read(true).open(path);
    file.and_then(|file| file.sync_all()).map_err(io_error(path, "sync"))
}

fn sync_parents(paths: &[impl AsRef<Path>]) -> Result<(), Error> {
    let parents: BTreeSet<&Path> = paths.iter().filter_map(|path| path.as_ref().parent()).collect();
    parents.into_iter().try_for_each(sync_file)
}

/// Creates a directory and its parents and makes their names durable.
fn create_dir(path: &Path) -> Result<(), Error> {
    if path.is_dir() {
        return Ok(());
    }
    if let Some(parent) = path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
        create_dir(parent)?;
        match fs::create_dir(path) {
            Err(error) if error.kind() != ErrorKind::AlreadyExists => {
                return Err(io_error(path, "create")(error));
            }
            Ok(()) | Err(_) => {}
        }
        return sync_file(parent);
    }
    fs::create_dir_all(path).map_err(io_error(path, "create"))
}

/// Removes everything in a directory of partial tiles but the files named in `keep`, and the directory itself if nothing
/// is kept.
///
/// # Errors
/// `Io`. A directory that is not there is no error.
pub(super) fn sweep(directory: &Path, keep: &[String]) -> Result<(), Error> {
    for file in list(directory)? {
        if keep.iter().all(|keep| file.file_name() != keep.as_str()) {
            remove(&file.path())?;
        }
    }
    if keep.is_empty() && directory.exists() {
        fs::remove_dir(directory).map_err(io_error(directory, "remove"))?;
    }
    Ok(())
}

/// Removes torn files, and partial tiles that are not among `needed`, in a directory and all below it.
///
/// # Errors
/// `Io`.
pub(super) fn sweep_all(directory: &Path, needed: &[PathBuf]) -> Result<(), Error> {
    for file in list(directory)? {
        let path = file.path();
        let is_dir = file.file_type().map_err(io_error(&path, "look at"))?.is_dir();
        let extension = path.extension().and_then(OsStr::to_str);
        if is_dir && extension == Some(PARTIALS) {
            let keep = needed.iter().filter(|needed| needed.parent() == Some(&path));
            let keep = keep.filter_map(|keep| keep.file_name()?.to_str().map(str::to_owned));
            sweep(&path, &keep.collect::<Vec<_>>())?;
        } else if is_dir {
            sweep_all(&path, needed)?;
        } else if extension == Some(TEMPORARY) {
            remove(&path)?;
        }
    }
    Ok(())
}

/// Removes torn files in a directory, and nothing below it.
///
/// # Errors
/// `Io`.
pub(super) fn sweep_torn(directory: &Path) -> Result<(), Error> {
    for file in list(directory)? {
        let path = file.path();
        if path.extension().and_then(OsStr::to_str) == Some(TEMPORARY) && !path.is_dir() {
            remove(&path)?;
        }
    }
    Ok(())
}

fn list(directory: &Path) -> Result<Vec<DirEntry>, Error> {
    match fs::read_dir(directory) {
        Ok(listing) => listing.collect::<Result<_, _>>().map_err(io_error(directory, "list")),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(io_error(directory, "list")(error)),
    }
}

fn remove(path: &Path) -> Result<(), Error> {
    fs::remove_file(path).map_err(io_error(path, "remove"))
}
