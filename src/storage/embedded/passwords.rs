//! The passwords of the two roles: random, one file each, readable by the server's account only.
//!
//! Knows nothing of SQL. A password is 32 random bytes as hexadecimal digits, so that it can stand
//! in a statement without quoting. It has no `Debug`.

use std::fs::{self, File, OpenOptions};
use std::io::{Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use ring::rand::{SecureRandom, SystemRandom};

use super::error::EmbeddedError;
use super::place::{exists, hex, make_folder, remove_file};

const PASSWORD_BYTES: usize = 32;
const PASSWORD_DIGITS: usize = 2 * PASSWORD_BYTES;

/// Passwords of the roles that the server uses.
pub(super) struct Passwords {
    pub(super) owner: String,
    pub(super) app: String,
}

impl Passwords {
    /// Reads the passwords of an existing database.
    pub(super) fn load(folder: &Path, data_directory: &Path) -> Result<Self, EmbeddedError> {
        let load = |path: PathBuf| {
            if exists(&path)? {
                return read(&path);
            }
            Err(EmbeddedError::PasswordMissing { data_directory: data_directory.to_owned(), path })
        };
        Ok(Self { owner: load(owner_file(folder))?, app: load(app_file(folder))? })
    }

    /// Makes the passwords of a new database and writes them durably. Files that an interrupted
    /// first start left are used again.
    pub(super) fn create(folder: &Path) -> Result<Self, EmbeddedError> {
        make_folder(folder, 0o700)?;
        let read_or_write = |path: PathBuf| {
            if exists(&path)? { read(&path) } else { write(&path) }
        };
        let made = Self { owner: read_or_write(owner_file(folder))?, app: read_or_write(app_file(folder))? };
        File::open(folder)
            .and_then(|folder| folder.sync_all())
            .map_err(EmbeddedError::io("sync the folder", folder))?;
        Ok(made)
    }
}

/// Makes a password of 64 hexadecimal digits.
pub(super) fn random() -> Result<String, EmbeddedError> {
    let mut bytes = [0; PASSWORD_BYTES];
    SystemRandom::new().fill(&mut bytes).map_err(|_| EmbeddedError::RandomnessUnavailable)?;
    Ok(hex(bytes.iter()))
}

/// Writes a file that only its owner can read; fails if it exists.
pub(super) fn write_private(path: &Path, text: &str) -> Result<(), EmbeddedError> {
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
        .and_then(|mut file| file.write_all(text.as_bytes()).and_then(|()| file.sync_all()))
        .map_err(EmbeddedError::io("write", path))
}

fn owner_file(folder: &Path) -> PathBuf {
    folder.join("postgres-owner.password")
}

fn app_file(folder: &Path) -> PathBuf {
    folder.join("postgres-app.password")
}

fn write(path: &Path) -> Result<String, EmbeddedError> {
    let password = random()?;
    // Under a temporary name first: a file cut short by a crash would be refused for ever.
    let unfinished = path.with_extension("new");
    remove_file(&unfinished)?;
    write_private(&unfinished, &password)?;
    fs::rename(&unfinished, path).map_err(EmbeddedError::io("rename", unfinished))?;
    Ok(password)
}

fn read(path: &Path) -> Result<String, EmbeddedError> {
    let io = || EmbeddedError::io("read", path);
    let file = File::open(path).map_err(io())?;
    let mode = file.metadata().map_err(io())?.mode() & 0o7777;
    if mode & 0o077 != 0 {
        return Err(EmbeddedError::PasswordExposed { path: path.to_owned(), got_mode: mode });
    }
    let mut text = String::new();
    // One more than allowed is read, so that a longer file is seen to be longer.
    file.take(PASSWORD_DIGITS as u64 + 2).read_to_string(&mut text).map_err(io())?;
    let password = text.trim_end();
    if password.len() != PASSWORD_DIGITS || !password.bytes().all(|b| b.is_ascii_hexdigit()) {
        return Err(EmbeddedError::FileDamaged { path: path.to_owned(), expected: "64 hexadecimal digits" });
    }
    Ok(password.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn passwords_are_made_once_and_read_back() {
        let root = tempfile::tempdir().unwrap();
        let made = Passwords::create(root.path()).unwrap();
        let loaded = Passwords::load(root.path(), Path::new("/data")).unwrap();
        let again = Passwords::create(root.path()).unwrap();
        assert_eq!([&made.owner, &made.app], [&loaded.owner, &loaded.app]);
        assert_eq!([&made.owner, &made.app], [&again.owner, &again.app]);
        assert_ne!(made.owner, made.app);
        let found = fs::metadata(app_file(root.path())).unwrap();
        assert_eq!(found.mode() & 0o7777, 0o600);
    }

    #[test]
    fn a_missing_exposed_or_damaged_password_is_refused() {
        let root = tempfile::tempdir().unwrap();
        let load = || Passwords::load(root.path(), Path::new("/data")).map(|_| ());
        assert!(matches!(load(), Err(EmbeddedError::PasswordMissing { .. })));
        Passwords::create(root.path()).unwrap();
        let path = app_file(root.path());
        let good = fs::read_to_string(&path).unwrap();
        for bad in ["", "'; DROP", &good[1..], &format!("{good}00")] {
            fs::write(&path, bad).unwrap();
            assert!(matches!(load(), Err(EmbeddedError::FileDamaged { .. })), "{bad}");
        }
        fs::write(&path, &good).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        assert!(matches!(load(), Err(EmbeddedError::PasswordExposed { got_mode: 0o640, .. })));
    }
}
