//! The operating system account that PostgreSQL runs as, and what it can reach.
//!
//! PostgreSQL refuses to run as root; a server that runs as root therefore starts it as an ordinary
//! account. Knows `/etc/passwd` and permission bits only: no network accounts, no access lists.

use std::fs::{self, Metadata};
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Stdio;

use super::error::EmbeddedError;

/// Accounts that PostgreSQL may run as when the server is root, best first.
const ACCOUNTS: &[&str] = &["liaowaiwai", "postgres", "nobody"];

const ROOT_UID: u32 = 0;
const SEARCH_BIT: u32 = 0o1;

/// An account, and whether a child has to switch to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Account {
    pub(super) uid: u32,
    pub(super) gid: u32,
    switch: bool,
}

impl Account {
    /// The account of this process.
    pub(super) fn own() -> Result<Self, EmbeddedError> {
        let me = fs::metadata("/proc/self")
            .map_err(EmbeddedError::io("read the user id of this process from", "/proc/self"))?;
        Ok(Self { uid: me.uid(), gid: me.gid(), switch: false })
    }

    /// The account for a new database: this process's own, or an ordinary one when it is root.
    pub(super) fn for_new_database() -> Result<Self, EmbeddedError> {
        let own = Self::own()?;
        if !own.is_root() {
            return Ok(own);
        }
        let passwd = fs::read_to_string("/etc/passwd").map_err(EmbeddedError::io("read", "/etc/passwd"))?;
        ACCOUNTS
            .iter()
            .find_map(|name| lookup(&passwd, name))
            .ok_or(EmbeddedError::AccountMissing { candidates: ACCOUNTS })
    }

    /// The account for an existing database: its owner, whoever would be chosen for a new one.
    pub(super) fn of_existing_database(path: &Path) -> Result<Self, EmbeddedError> {
        let data = fs::metadata(path).map_err(EmbeddedError::io("read", path))?;
        let own = Self::own()?;
        let allowed = if own.is_root() { data.uid() != ROOT_UID } else { data.uid() == own.uid };
        if !allowed {
            return Err(EmbeddedError::WrongOwner { path: path.to_owned(), owner_uid: data.uid(), own_uid: own.uid });
        }
        Ok(Self { uid: data.uid(), gid: data.gid(), switch: own.is_root() })
    }

    /// Whether this is the superuser's account.
    pub(super) fn is_root(&self) -> bool {
        self.uid == ROOT_UID
    }

    /// Whether children run as another account than this process.
    pub(super) fn is_other(&self) -> bool {
        self.switch
    }

    /// Whether the account can enter `folder` and every folder above it.
    pub(super) fn can_enter(&self, folder: &Path) -> bool {
        folder.ancestors().all(|ancestor| fs::metadata(ancestor).is_ok_and(|found| self.may_search(&found)))
    }

    fn may_search(&self, folder: &Metadata) -> bool {
        let bits = if folder.uid() == self.uid {
            folder.mode() >> 6
        } else if folder.gid() == self.gid {
            folder.mode() >> 3
        } else {
            folder.mode()
        };
        bits & SEARCH_BIT != 0
    }

    /// Prepares a child that runs as this account: clean environment, a folder that everybody can
    /// enter, no standard input, and a process group of its own so that a Ctrl-C meant for the
    /// server does not stop the database under its feet.
    pub(super) fn command(&self, program: &Path) -> tokio::process::Command {
        let mut command = std::process::Command::new(program);
        command
            .env_clear()
            .env("PATH", "/usr/local/bin:/usr/bin:/bin")
            .env("LC_ALL", "C")
            .env("TZ", "UTC")
            .current_dir("/")
            .stdin(Stdio::null())
            .process_group(0);
        if self.switch {
            command.uid(self.uid).gid(self.gid);
        }
        command.into()
    }

    /// Hands a file or folder to the account.
    pub(super) fn give(&self, path: &Path) -> Result<(), EmbeddedError> {
        if !self.switch {
            return Ok(());
        }
        std::os::unix::fs::lchown(path, Some(self.uid), Some(self.gid))
            .map_err(EmbeddedError::io("change the owner of", path))
    }
}

/// Finds an account by name in the text of `/etc/passwd`.
fn lookup(passwd: &str, name: &str) -> Option<Account> {
    passwd.lines().find_map(|line| {
        let mut fields = line.split(':');
        if fields.next()? != name {
            return None;
        }
        let (uid, gid) = (fields.nth(1)?.parse().ok()?, fields.next()?.parse().ok()?);
        (uid != ROOT_UID).then_some(Account { uid, gid, switch: true })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn accounts_are_found_by_name_and_root_is_never_one() {
        let passwd = "root:x:0:0::/:/bin/sh\npg:x:70:71::/:/bin/sh\nevil:x:0:0::/:/bin/sh\nbad:x\n";
        let pg = Account { uid: 70, gid: 71, switch: true };
        for (name, expect) in [("pg", Some(pg)), ("evil", None), ("bad", None), ("p", None)] {
            assert_eq!(lookup(passwd, name), expect, "{name}");
        }
    }

    #[test]
    fn a_closed_folder_anywhere_above_keeps_a_stranger_out() {
        let root = tempfile::tempdir().unwrap();
        let inner = root.path().join("a/b");
        fs::create_dir_all(&inner).unwrap();
        let stranger = Account { uid: 4_000_000, gid: 4_000_000, switch: true };
        for (mode, expect) in [(0o700, false), (0o711, true), (0o750, false), (0o755, true)] {
            fs::set_permissions(root.path(), fs::Permissions::from_mode(mode)).unwrap();
            assert_eq!(stranger.can_enter(&inner), expect, "{mode:o}");
        }
        assert!(!stranger.can_enter(&root.path().join("missing")));
    }
}
