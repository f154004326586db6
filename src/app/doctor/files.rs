//! Owners and modes: what only the server may read, and what others may not write. It opens no file.

use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use super::{Check, Said, said};
use crate::app::config::Config;
use crate::crypto::secrets::SecretRef;

const PERMISSION_BITS: u32 = 0o7777;
const ROOT_UID: u32 = 0;
/// Most problems that one check tells.
const SHOWN_MAX: usize = 5;

/// Who may do what with a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rule {
    /// Only its owner, the server's account, reaches it.
    Private,
    /// Others may read it, and only the server's account or root may change it.
    Unchanged,
}

/// Something about a file that must be changed, and the command that does it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Problem {
    found: Said,
    command: String,
}

/// All checks of owners and modes.
pub(super) fn examine(config: &Config, file: Option<&Path>) -> Vec<Check> {
    let own = owner(Path::new("/proc/self"));
    // Root may ask on behalf of the account that the server runs as.
    let uid = owner(&config.data_dir).or(own).unwrap_or(ROOT_UID);
    let master = config.master_key.clone().into_iter();
    let keys = within(&config.keys_dir).into_iter().filter(|path| path.extension().is_some_and(|end| end == "key"));
    let keys: Vec<PathBuf> = keys.collect();
    let guard = config.data_dir.join("guard");
    let passwords = config.data_dir.join("database-secrets");
    let secrets = config.secrets().into_iter().filter_map(|(_, secret)| match secret {
        SecretRef::File(path) => Some(path.clone()),
        SecretRef::Environment(_) | SecretRef::Credential(_) | SecretRef::Keys(_) => None,
    });
    let secrets: Vec<PathBuf> = secrets.collect();
    // Before the first start the master key may still be made; beside other keys it must be there.
    let needed = secrets.iter().chain(config.master_key.iter().filter(|_| !keys.is_empty()));
    let present = present(needed);
    let (public, private) = tls(config);
    let folder = |path: &Path| std::iter::once(path.to_owned());
    let mut checks = vec![data_dir(&config.data_dir), present];
    checks.push(group("files.keys", folder(&config.keys_dir).chain(keys).chain(master), Rule::Private, uid));
    let passwords = folder(&passwords).chain(within(&passwords));
    checks.push(group("files.secrets", secrets.into_iter().chain(passwords), Rule::Private, uid));
    checks.push(group("files.guard", folder(&guard).chain(within(&guard)), Rule::Unchanged, uid));
    checks.push(group("files.tls_key", private.into_iter(), Rule::Private, uid));
    checks.push(group("files.certificate", public.into_iter(), Rule::Unchanged, uid));
    if let Some(file) = file {
        checks.push(group("files.config", folder(file), Rule::Unchanged, uid));
    }
    checks
}

/// Certificates and private keys that HTTPS uses.
fn tls(config: &Config) -> (Vec<PathBuf>, Vec<PathBuf>) {
    match &config.http.tls {
        Some(files) => (vec![files.certificate.clone()], vec![files.private_key.clone()]),
        None => {
            let made = |names: [&str; 2]| names.map(|name| config.http.certs_dir.join(name)).to_vec();
            (made(["ca.pem", "server.pem"]), made(["ca.key", "server.key"]))
        }
    }
}

/// Whether the files are there that the configuration names and nobody but the operator can make.
pub(super) fn present<'a>(paths: impl Iterator<Item = &'a PathBuf>) -> Check {
    let code = "files.present";
    let missing = paths.filter(|path| fs::metadata(path).is_err_and(|error| error.kind() == ErrorKind::NotFound));
    let missing: Vec<String> = missing.take(SHOWN_MAX).map(|path| path.display().to_string()).collect();
    if missing.is_empty() {
        return Check::ok(code, said("every secret's file is there", "引用的密钥文件都存在"));
    }
    let list = missing.join(", ");
    Check::fail(
        code,
        said(format!("not there: {list}"), format!("缺少文件：{list}")),
        said(
            "put the secret there, mode 0600; restore a master key from its backup",
            "放入该密钥文件，权限 0600；主密钥须从备份恢复",
        ),
    )
}

/// The data directory: others may pass through at most, which PostgreSQL's account must where root runs the server.
fn data_dir(path: &Path) -> Check {
    let code = "files.data_dir";
    let Ok(found) = fs::metadata(path) else { return absent(code) };
    let mode = found.mode() & PERMISSION_BITS;
    let shown = said(
        format!("{} has mode {mode:04o} and belongs to user {}", path.display(), found.uid()),
        format!("{} 的权限为 {mode:04o}，属主为用户 {}", path.display(), found.uid()),
    );
    let wanted = if found.uid() == ROOT_UID { "711" } else { "700" };
    let command = format!("chmod {wanted} {}", path.display());
    if mode & 0o022 != 0 {
        Check::fail(code, shown, said(command.clone(), command))
    } else if mode & 0o044 != 0 {
        Check::warn(code, shown, said(command.clone(), command))
    } else {
        Check::ok(code, shown)
    }
}

/// One check of several files; those that aren't there are not its business.
pub(super) fn group(code: &'static str, paths: impl Iterator<Item = PathBuf>, rule: Rule, uid: u32) -> Check {
    let (mut seen, mut problems) = (0, Vec::new());
    for path in paths {
        match look(&path, rule, uid) {
            Ok(false) => {}
            Ok(true) => seen += 1,
            Err(problem) => problems.push(problem),
        }
    }
    if problems.is_empty() {
        return match seen {
            0 => absent(code),
            count => Check::ok(
                code,
                said(format!("{count} looked at, nothing to mend"), format!("已检查 {count} 项，均符合要求")),
            ),
        };
    }
    let joined = |part: &dyn Fn(&Problem) -> &str, between: &str| {
        let mut shown = problems.iter().take(SHOWN_MAX).map(part).collect::<Vec<_>>().join(between);
        if problems.len() > SHOWN_MAX {
            shown.push_str(" …");
        }
        shown
    };
    let commands = joined(&|problem| &problem.command, "; ");
    let found = said(joined(&|problem| &problem.found.en, "; "), joined(&|problem| &problem.found.zh, "；"));
    Check::fail(code, found, said(commands.clone(), commands))
}

/// Whether a file or folder is there and as the rule has it.
fn look(path: &Path, rule: Rule, uid: u32) -> Result<bool, Problem> {
    let shown = path.display();
    let found = match fs::metadata(path) {
        Ok(found) => found,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(false),
        Err(error) => {
            let found = said(format!("{shown} can't be looked at: {error}"), format!("无法查看 {shown}：{error}"));
            return Err(Problem { found, command: "lww doctor, as the server's account or root".to_owned() });
        }
    };
    let (mode, owner) = (found.mode() & PERMISSION_BITS, found.uid());
    let (forbidden, chmod) = match rule {
        Rule::Private if found.is_dir() => (0o077, "chmod 700"),
        Rule::Private => (0o077, "chmod 600"),
        Rule::Unchanged => (0o022, "chmod go-w"),
    };
    if owner != uid && !(rule == Rule::Unchanged && owner == ROOT_UID) {
        let found = said(
            format!("{shown} belongs to user {owner}, not to {uid}"),
            format!("{shown} 的属主是用户 {owner}，应为 {uid}"),
        );
        return Err(Problem { found, command: format!("chown {uid} {shown}") });
    }
    if mode & forbidden != 0 {
        let found = match rule {
            Rule::Private => said(
                format!("{shown} has mode {mode:04o}, so others can reach it"),
                format!("{shown} 的权限为 {mode:04o}，其他用户可以访问"),
            ),
            Rule::Unchanged => said(
                format!("{shown} has mode {mode:04o}, so others can change it"),
                format!("{shown} 的权限为 {mode:04o}，其他用户可以修改"),
            ),
        };
        return Err(Problem { found, command: format!("{chmod} {shown}") });
    }
    Ok(true)
}

fn absent(code: &'static str) -> Check {
    Check::skipped(code, said("nothing is there yet", "尚不存在"))
}

/// The user that a file belongs to; of `/proc/self`, the one who asks.
pub(super) fn owner(path: &Path) -> Option<u32> {
    fs::metadata(path).ok().map(|found| found.uid())
}

/// What lies in a folder, in order; nothing when it can't be listed, which the folder's own check tells.
fn within(folder: &Path) -> Vec<PathBuf> {
    let mut paths: Vec<PathBuf> =
        fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()).collect();
    paths.sort_unstable();
    paths
}
