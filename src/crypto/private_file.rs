//! Files that only the server's own user may reach: read with a check of mode and owner, created atomically.
//!
//! It knows neither keys nor formats. The server's user is the owner of `/proc/self`.

use std::fs::{self, DirBuilder, File, Metadata, OpenOptions};
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use super::error::KeyError;
use crate::ports::Random;

const FILE_MODE: u32 = 0o600;
const DIRECTORY_MODE: u32 = 0o700;
const PERMISSION_BITS: u32 = 0o7777;
const OTHERS_BITS: u32 = 0o077;
const ROOT_UID: u32 = 0;

/// Who may reach a file besides its owner.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rule {
    /// Nobody.
    OwnerOnly,
    /// A credential passed by systemd: root may own it and let this user read by an access list, whose mask then shows
    /// as the group's read bit.
    Credential,
}

impl Rule {
    const fn forbidden_bits(self) -> u32 {
        match self {
            Self::OwnerOnly => OTHERS_BITS,
            Self::Credential => 0o037,
        }
    }

    fn allows_owner(self, owner: u32, own: u32) -> bool {
        owner == own || (self == Self::Credential && owner == ROOT_UID)
    }
}

/// Reads a private file; `None` when there is none.
pub(super) fn read(path: &Path, bytes_max: usize, rule: Rule) -> Result<Option<Zeroizing<Vec<u8>>>, KeyError> {
    match fs::metadata(path) {
        Ok(found) if !found.is_file() => return Err(KeyError::Kind { path: path.into(), expected: "regular file" }),
        Ok(_) => {}
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(KeyError::io("read", path)(error)),
    }
    let file = File::open(path).map_err(KeyError::io("open", path))?;
    // The opened file is what is checked: the path could have been exchanged since.
    let metadata = file.metadata().map_err(KeyError::io("read", path))?;
    check(path, &metadata, rule, FILE_MODE)?;
    let mut bytes = Zeroizing::new(Vec::with_capacity(bytes_max + 1));
    let limit = (bytes_max as u64).saturating_add(1);
    file.take(limit).read_to_end(&mut bytes).map_err(KeyError::io("read", path))?;
    if bytes.len() > bytes_max {
        return Err(KeyError::TooLong { path: path.into(), bytes_max });
    }
    Ok(Some(bytes))
}

/// Checks the mode and owner of a private file without reading it.
pub(super) fn check_file(path: &Path) -> Result<(), KeyError> {
    let metadata = fs::metadata(path).map_err(KeyError::io("read", path))?;
    check(path, &metadata, Rule::OwnerOnly, FILE_MODE)
}

/// Checks a private directory; `false` when there is none.
pub(super) fn check_directory(path: &Path) -> Result<bool, KeyError> {
    match fs::metadata(path) {
        Ok(found) if !found.is_dir() => Err(KeyError::Kind { path: path.into(), expected: "directory" }),
        Ok(found) => check(path, &found, Rule::OwnerOnly, DIRECTORY_MODE).map(|()| true),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
        Err(error) => Err(KeyError::io("read", path)(error)),
    }
}

/// Makes a private directory, with its parents where they are missing.
pub(super) fn create_directory(path: &Path) -> Result<(), KeyError> {
    DirBuilder::new().recursive(true).mode(DIRECTORY_MODE).create(path).map_err(KeyError::io("create directory", path))
}

/// Locks a directory against other servers that create files in it, until the result is dropped.
pub(super) fn lock_directory(path: &Path) -> Result<File, KeyError> {
    let directory = File::open(path).map_err(KeyError::io("open", path))?;
    directory.lock().map_err(KeyError::io("lock", path))?;
    Ok(directory)
}

/// Writes a private file so that after a crash it is there whole or not at all. The caller holds the directory's lock
/// and has seen that the file is absent.
pub(super) fn create(path: &Path, bytes: &[u8]) -> Result<(), KeyError> {
    let (directory, temporary) = siblings(path)?;
    match fs::remove_file(&temporary) {
        Ok(()) => {}
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        Err(error) => return Err(KeyError::io("remove", temporary)(error)),
    }
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(FILE_MODE)
        .open(&temporary)
        .map_err(KeyError::io("create", &temporary))?;
    file.write_all(bytes).map_err(KeyError::io("write", &temporary))?;
    // The content is made durable before the name: after a crash a name must never lead to a torn key.
    file.sync_all().map_err(KeyError::io("sync", &temporary))?;
    fs::rename(&temporary, path).map_err(KeyError::io("rename to", path))?;
    // Then the name, before anybody uses the key: what it protects must not outlive it.
    File::open(&directory).and_then(|opened| opened.sync_all()).map_err(KeyError::io("sync", directory))
}

/// Destroys a private file: it is written over as long as it is, in place, made durable so, and taken away; `false` when there
/// is none. The caller holds the directory's lock. A file system that writes elsewhere keeps the old bytes:
/// `docs/operator.md` says where keys should lie.
pub(super) fn destroy(path: &Path, random: &dyn Random) -> Result<bool, KeyError> {
    let mut file = match OpenOptions::new().write(true).open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(KeyError::io("open", path)(error)),
    };
    let length = file.metadata().map_err(KeyError::io("read", path))?.len();
    let mut noise = vec![0; usize::try_from(length).unwrap_or(0)];
    random.fill(&mut noise);
    file.write_all(&noise).and_then(|()| file.sync_all()).map_err(KeyError::io("write over", path))?;
    fs::remove_file(path).map_err(KeyError::io("remove", path))?;
    // What says that the key is gone must not be believed before its name is, also after a crash.
    let (directory, _) = siblings(path)?;
    File::open(&directory).and_then(|opened| opened.sync_all()).map_err(KeyError::io("sync", directory))?;
    Ok(true)
}

fn siblings(path: &Path) -> Result<(PathBuf, PathBuf), KeyError> {
    let name = path.file_name().ok_or_else(|| KeyError::Kind { path: path.into(), expected: "path of a file" })?;
    let directory = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
        Some(_) | None => PathBuf::from("."),
    };
    let mut temporary = std::ffi::OsString::from(".");
    temporary.push(name);
    temporary.push(".new");
    let temporary = directory.join(temporary);
    Ok((directory, temporary))
}

fn check(path: &Path, metadata: &Metadata, rule: Rule, wanted: u32) -> Result<(), KeyError> {
    let own = own_uid()?;
    if !rule.allows_owner(metadata.uid(), own) {
        return Err(KeyError::Owner { path: path.into(), found: metadata.uid(), expected: own });
    }
    let found = metadata.mode() & PERMISSION_BITS;
    if found & rule.forbidden_bits() != 0 {
        return Err(KeyError::Mode { path: path.into(), found, wanted });
    }
    Ok(())
}

fn own_uid() -> Result<u32, KeyError> {
    let own = Path::new("/proc/self");
    fs::metadata(own).map(|metadata| metadata.uid()).map_err(KeyError::io("read the user id from", own))
}
