//! Where the embedded database lives: its data, its socket, and who may touch them.
//!
//! Data go to `<data_dir>/pg`. When the account that runs PostgreSQL cannot enter that folder (the
//! server is root and the folder lies under a closed home), they go to `/var/lib/liaowaiwai` and
//! `<data_dir>/pg.location` names the place. Once data exist, their place never changes by itself:
//! an empty database must not appear beside one that cannot be reached.

use std::env;
use std::fs::{self, DirBuilder, Metadata};
use std::io::{ErrorKind, Read};
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};

use super::account::Account;
use super::error::{EmbeddedError, FolderState};
use super::settings::SOCKET_PORT;

/// File that names the place of the data when they are not in the data directory.
const POINTER: &str = "pg.location";

/// Where data go that cannot stay in the data directory.
const OUTSIDE: &str = "/var/lib/liaowaiwai";

/// Longest path that fits into a socket address, without the terminating zero.
const SOCKET_PATH_BYTES_MAX: usize = 107;

/// Longest path that the pointer file may hold.
const POINTER_BYTES_MAX: u64 = 4096;

/// Bytes of the hash that tells databases apart in folder names.
const NAME_HASH_BYTES: usize = 8;

/// A database's folders and the account that runs it.
#[derive(Debug)]
pub(super) struct Place {
    /// Data directory of PostgreSQL; missing before the first start.
    pub(super) data: PathBuf,
    /// Pointer file to write once the data exist, when they are outside.
    pub(super) pointer: Option<PathBuf>,
    /// Account that owns the data.
    pub(super) account: Account,
    /// Private folder of the socket.
    pub(super) socket_dir: PathBuf,
}

impl Place {
    /// Decides where the database of `data_dir` (canonical) is or will be, and makes its socket folder.
    pub(super) fn locate(data_dir: &Path) -> Result<Self, EmbeddedError> {
        let pointer = data_dir.join(POINTER);
        let inside = data_dir.join("pg");
        let name = name_of(data_dir);
        let (data, pointer, account) = if exists(&pointer)? {
            let data = read_pointer(&pointer)?;
            if !exists(&data)? {
                return Err(EmbeddedError::DataMissing { pointer, expected: data });
            }
            let account = owner(&data)?;
            (data, None, account)
        } else if exists(&inside)? {
            let account = owner(&inside)?;
            (inside, None, account)
        } else {
            let account = Account::for_new_database()?;
            if !account.is_other() || account.can_enter(data_dir) {
                (inside, None, account)
            } else {
                let data = outside(&name, &account)?;
                (data, Some(pointer), account)
            }
        };
        let socket_dir = make_socket_dir(&name, &account)?;
        Ok(Self { data, pointer, account, socket_dir })
    }

    /// Path of the file in which PostgreSQL says that it runs.
    pub(super) fn pid_file(&self) -> PathBuf {
        self.data.join("postmaster.pid")
    }

    /// Path of the file with which PostgreSQL claims its socket.
    pub(super) fn socket_lock_file(&self) -> PathBuf {
        self.socket_dir.join(format!(".s.PGSQL.{SOCKET_PORT}.lock"))
    }

    /// Path of PostgreSQL's own log.
    pub(super) fn log_file(&self) -> PathBuf {
        self.data.join("postgresql.log")
    }
}

/// Makes a folder and those above it if they are missing, with `mode` for the new ones.
pub(super) fn make_folder(path: &Path, mode: u32) -> Result<(), EmbeddedError> {
    DirBuilder::new().recursive(true).mode(mode).create(path).map_err(EmbeddedError::io("create the folder", path))
}

/// Removes a file; that it is missing is fine.
pub(super) fn remove_file(path: &Path) -> Result<(), EmbeddedError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(EmbeddedError::io("remove", path)(error)),
        Ok(()) | Err(_) => Ok(()),
    }
}

/// Whether anything, be it a dangling link, has this path; an unreadable folder is an error.
pub(super) fn exists(path: &Path) -> Result<bool, EmbeddedError> {
    match fs::symlink_metadata(path) {
        Ok(_) => Ok(true),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
        Err(error) => Err(EmbeddedError::io("look at", path)(error)),
    }
}

fn owner(data: &Path) -> Result<Account, EmbeddedError> {
    let account = Account::of_existing_database(data)?;
    if account.can_enter(data) {
        return Ok(account);
    }
    Err(EmbeddedError::DataUnreachable { path: data.to_owned(), uid: account.uid })
}

fn read_pointer(pointer: &Path) -> Result<PathBuf, EmbeddedError> {
    let mut text = String::new();
    fs::File::open(pointer)
        .and_then(|file| file.take(POINTER_BYTES_MAX).read_to_string(&mut text))
        .map_err(EmbeddedError::io("read", pointer))?;
    let data = PathBuf::from(text.trim_end());
    if data.is_absolute() {
        return Ok(data);
    }
    Err(EmbeddedError::FileDamaged { path: pointer.to_owned(), expected: "an absolute path" })
}

fn outside(name: &str, account: &Account) -> Result<PathBuf, EmbeddedError> {
    let folder = Path::new(OUTSIDE).join(name);
    make_folder(&folder, 0o711)?;
    if account.can_enter(&folder) {
        return Ok(folder.join("pg"));
    }
    Err(EmbeddedError::DataUnreachable { path: folder, uid: account.uid })
}

/// Makes the private folder of the socket, at a path short enough for a socket address.
fn make_socket_dir(name: &str, account: &Account) -> Result<PathBuf, EmbeddedError> {
    let folder = socket_base(account).join(format!("lww-pg-{name}"));
    match DirBuilder::new().mode(0o700).create(&folder) {
        Ok(()) => account.give(&folder)?,
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
        Err(error) => return Err(EmbeddedError::io("create the folder", folder)(error)),
    }
    let found = fs::symlink_metadata(&folder).map_err(EmbeddedError::io("look at", &folder))?;
    check_private(&folder, &found, account.uid)?;
    Ok(folder)
}

/// Root uses `/run`, where nobody else can write; others their runtime folder if it is theirs and
/// short, else `/tmp`, where a folder that a stranger made first is refused by `check_private`.
fn socket_base(account: &Account) -> PathBuf {
    if account.is_other() {
        return PathBuf::from("/run");
    }
    env::var_os("XDG_RUNTIME_DIR")
        .map(PathBuf::from)
        .filter(|base| {
            let longest = base.join("lww-pg-0123456789abcdef/.s.PGSQL.5432.lock");
            longest.as_os_str().len() <= SOCKET_PATH_BYTES_MAX
                && fs::metadata(base).is_ok_and(|found| found.uid() == account.uid && found.is_dir())
        })
        .unwrap_or_else(|| PathBuf::from("/tmp"))
}

/// Refuses a folder that is not the account's own or that others can enter.
fn check_private(path: &Path, found: &Metadata, expected_uid: u32) -> Result<(), EmbeddedError> {
    let got = if !found.is_dir() {
        FolderState::NotAFolder
    } else if found.uid() != expected_uid {
        FolderState::OwnedBy { uid: found.uid() }
    } else if found.mode() & 0o077 != 0 {
        FolderState::Open { mode: found.mode() & 0o7777 }
    } else {
        return Ok(());
    };
    Err(EmbeddedError::FolderNotPrivate { path: path.to_owned(), expected_uid, got })
}

/// Short name of a data directory: 16 hexadecimal digits of the SHA-256 of its path.
fn name_of(data_dir: &Path) -> String {
    let digest = ring::digest::digest(&ring::digest::SHA256, data_dir.as_os_str().as_encoded_bytes());
    hex(digest.as_ref().iter().take(NAME_HASH_BYTES))
}

/// Lower-case hexadecimal digits of some bytes.
pub(super) fn hex<'a>(bytes: impl Iterator<Item = &'a u8>) -> String {
    bytes.flat_map(|byte| [byte >> 4, byte & 0xf]).filter_map(|digit| char::from_digit(digit.into(), 16)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::{PermissionsExt, symlink};

    fn state(path: &Path, uid: u32) -> Option<FolderState> {
        match check_private(path, &fs::symlink_metadata(path).unwrap(), uid) {
            Ok(()) => None,
            Err(EmbeddedError::FolderNotPrivate { got, .. }) => Some(got),
            Err(other) => panic!("{other}"),
        }
    }

    #[test]
    fn a_socket_folder_made_by_a_stranger_is_refused() {
        let root = tempfile::tempdir().unwrap();
        let own = Account::own().unwrap().uid;
        fs::set_permissions(root.path(), fs::Permissions::from_mode(0o700)).unwrap();
        assert_eq!(state(root.path(), own), None);
        assert_eq!(state(root.path(), own + 1), Some(FolderState::OwnedBy { uid: own }));
        let link = root.path().join("link");
        symlink(root.path(), &link).unwrap();
        assert_eq!(state(&link, own), Some(FolderState::NotAFolder));
        fs::set_permissions(root.path(), fs::Permissions::from_mode(0o750)).unwrap();
        assert_eq!(state(root.path(), own), Some(FolderState::Open { mode: 0o750 }));
    }

    #[test]
    fn a_pointer_must_hold_an_absolute_path() {
        let root = tempfile::tempdir().unwrap();
        let pointer = root.path().join(POINTER);
        for (text, good) in [("/var/x\n", true), ("x\n", false), ("", false)] {
            fs::write(&pointer, text).unwrap();
            assert_eq!(read_pointer(&pointer).is_ok(), good, "{text:?}");
        }
    }

    #[test]
    fn data_that_were_placed_elsewhere_and_are_gone_are_not_replaced_by_empty_ones() {
        let root = tempfile::tempdir().unwrap();
        fs::write(root.path().join(POINTER), "/nonexistent/pg\n").unwrap();
        assert!(matches!(Place::locate(root.path()), Err(EmbeddedError::DataMissing { .. })));
    }

    #[test]
    fn two_data_directories_have_two_short_names() {
        let (a, b) = (name_of(Path::new("/a")), name_of(Path::new("/b")));
        assert_ne!(a, b);
        assert_eq!(a.len(), 2 * NAME_HASH_BYTES);
    }
}
