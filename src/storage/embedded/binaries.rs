//! Finds PostgreSQL's programs: `initdb`, `pg_ctl` and `postgres` in one folder.
//!
//! It knows folders and version numbers and nothing about data. A configured folder is the only
//! one that is looked into; otherwise `LWW_PG_BIN_DIR`, `PATH`, Debian's versioned folders and the
//! two places where `./x` unpacks PostgreSQL are searched in this order.

use std::env;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use super::account::Account;
use super::error::{EmbeddedError, Searched};

/// Oldest major version that the server's SQL is tested with.
pub(super) const MAJOR_MIN: u32 = 15;

/// Programs that a usable folder has.
const PROGRAMS: [&str; 3] = ["initdb", "pg_ctl", "postgres"];

/// Most folders that one search looks into.
const FOLDERS_MAX: usize = 64;

/// A folder with PostgreSQL's programs and their major version.
#[derive(Debug, Clone)]
pub(super) struct Binaries {
    folder: PathBuf,
    pub(super) major: u32,
}

impl Binaries {
    /// Finds the programs that may run a database: those of `data_major` for existing data, else
    /// the first that are new enough.
    pub(super) async fn find(
        configured: Option<&Path>,
        data: Option<(&Path, u32)>,
        account: &Account,
    ) -> Result<Self, EmbeddedError> {
        let mut searched = Vec::new();
        for folder in candidates(configured) {
            let major = major_in(&folder, account).await;
            let fits = match data {
                Some((_, data_major)) => major == Some(data_major),
                None => major.is_some_and(|major| major >= MAJOR_MIN),
            };
            if let (Some(major), true) = (major, fits) {
                return Ok(Self { folder, major });
            }
            searched.push(Searched { folder, major });
        }
        Err(match data {
            Some((data_directory, data_major)) => {
                EmbeddedError::VersionMismatch { data_directory: data_directory.to_owned(), data_major, searched }
            }
            None => EmbeddedError::BinariesMissing { min_major: MAJOR_MIN, searched },
        })
    }

    /// Full path of one of the programs.
    pub(super) fn program(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }
}

fn candidates(configured: Option<&Path>) -> Vec<PathBuf> {
    if let Some(folder) = configured {
        return vec![folder.to_owned()];
    }
    let mut folders: Vec<PathBuf> = env::var_os("LWW_PG_BIN_DIR").map(PathBuf::from).into_iter().collect();
    if let Some(path) = env::var_os("PATH") {
        folders.extend(env::split_paths(&path).filter(|folder| folder.join("postgres").exists()));
    }
    folders.extend(versioned(Path::new("/usr/lib/postgresql")));
    folders.extend(versioned(Path::new("/var/lib/liaowaiwai/postgresql")));
    if let Some(home) = env::var_os("HOME") {
        folders.extend(versioned(&Path::new(&home).join(".cache/liaowaiwai/postgresql")));
    }
    folders.truncate(FOLDERS_MAX);
    folders
}

/// Lists `<root>/<version>/bin`, newest version first; the bare pattern if there is none, so that
/// the error can say that it was looked for.
fn versioned(root: &Path) -> Vec<PathBuf> {
    let mut versions: Vec<(Vec<u32>, PathBuf)> = std::fs::read_dir(root)
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| {
            let version = numbers(&entry.file_name())?;
            Some((version, entry.path().join("bin")))
        })
        .collect();
    versions.sort_by(|a, b| b.cmp(a));
    if versions.is_empty() {
        return vec![root.join("*/bin")];
    }
    versions.into_iter().map(|(_, folder)| folder).collect()
}

/// Splits `15` or `18.6.3` into its numbers.
fn numbers(name: &OsStr) -> Option<Vec<u32>> {
    name.to_str()?.split('.').map(|part| part.parse().ok()).collect()
}

/// Asks the server program of `folder` for its version, as the account that has to run it: that
/// also finds out whether the account can reach it.
async fn major_in(folder: &Path, account: &Account) -> Option<u32> {
    if !folder.is_absolute() || !PROGRAMS.iter().all(|name| folder.join(name).is_file()) {
        return None;
    }
    let output = account.command(&folder.join("postgres")).arg("--version").output().await.ok()?;
    output.status.success().then(|| parse_major(&String::from_utf8_lossy(&output.stdout)))?
}

/// Reads 15 from `postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)`.
fn parse_major(line: &str) -> Option<u32> {
    let version = line.strip_prefix("postgres (PostgreSQL) ")?;
    let digits = version.split(|c: char| !c.is_ascii_digit()).next()?;
    digits.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn major_version_is_read_from_the_programs_own_words() {
        for (line, expect) in [
            ("postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)\n", Some(15)),
            ("postgres (PostgreSQL) 18beta1\n", Some(18)),
            ("postgres (PostgreSQL) devel\n", None),
            ("postgres 15\n", None),
            ("", None),
        ] {
            assert_eq!(parse_major(line), expect, "{line}");
        }
    }

    #[test]
    fn newer_versions_come_first_by_number_and_other_folders_are_left_out() {
        let root = tempfile::tempdir().unwrap();
        for name in ["9", "15", "18.6.3", "lost+found"] {
            std::fs::create_dir(root.path().join(name)).unwrap();
        }
        let folders = versioned(root.path());
        let expect: Vec<_> = ["18.6.3", "15", "9"].map(|v| root.path().join(v).join("bin")).into();
        assert_eq!(folders, expect);
    }

    #[test]
    fn a_configured_folder_is_the_only_candidate() {
        assert_eq!(candidates(Some(Path::new("/x"))), [PathBuf::from("/x")]);
        assert!(candidates(None).len() > 1);
    }
}
