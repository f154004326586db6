//! Takes the server's own right to other files away (Landlock, Linux 5.13 and newer): whoever takes the process over by its
//! network side finds its data, and nothing else of the machine, and starts no program.
//!
//! Only with the bank's own PostgreSQL: a private one is a child, which would inherit the restrictions, and be restarted
//! under them. It must come before any other thread does: a thread restricts itself and those that it starts. Best effort:
//! where the kernel has no Landlock, systemd's unit still protects. Source: landlock(7).

use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use landlock::{
    ABI, Access as _, AccessFs, BitFlags, Ruleset, RulesetAttr as _, RulesetCreatedAttr as _, RulesetError,
    RulesetStatus, path_beneath_rules,
};

use super::config::{Config, MirrorConfig};
use crate::crypto::secrets::SecretRef;
use crate::telemetry::Confinement;

/// The newest rules that are asked for; an older kernel takes those that it knows.
const RULES: ABI = ABI::V5;
/// Where the system's libraries look things up: host names, time zones, certificates, what the process itself is.
const SYSTEM: [&str; 8] =
    ["/etc", "/usr", "/lib", "/lib64", "/proc", "/run/systemd/resolve", "/run/resolvconf", "/dev/null"];

/// Restricts this thread, and every thread that it starts, to what a server with this configuration needs.
pub fn confine(config: &Config, file: Option<&Path>) -> Confinement {
    if !config.confine {
        return Confinement::NotWanted;
    }
    if !config.has_own_database() {
        return Confinement::PrivateDatabase;
    }
    restrict(&read_only(config, file), &writable(config)).unwrap_or(Confinement::Refused)
}

/// Takes this thread's right to every file away, and that of every thread that it starts: for whoever reads what strangers made.
pub fn reach_no_file() -> Confinement {
    restrict(&[], &[]).unwrap_or(Confinement::Refused)
}

/// What the kernel would do for a server that asks. A thread asks that ends at once, because what it gives up stays given up.
pub(super) fn kernel() -> Confinement {
    let asked = std::thread::spawn(|| restrict(&[], &[]).unwrap_or(Confinement::Refused));
    asked.join().unwrap_or(Confinement::Refused)
}

/// Folders of what is read. Folders, because a file that is replaced is another file.
fn read_only(config: &Config, file: Option<&Path>) -> Vec<PathBuf> {
    let http = &config.http;
    let tls = http.tls.iter().flat_map(|files| [files.certificate.as_path(), files.private_key.as_path()]);
    let secrets = config.secrets().into_iter().filter_map(|(_, secret)| match secret {
        SecretRef::File(path) => Some(path.as_path()),
        SecretRef::Environment(_) | SecretRef::Credential(_) | SecretRef::Keys(_) => None,
    });
    let tenants = config.tenants.iter().flat_map(|tenant| {
        let provider = tenant.oidc.as_ref().and_then(|oidc| oidc.ca.as_deref());
        [tenant.policy.as_deref(), tenant.routing.as_deref(), provider].into_iter().flatten()
    });
    let witness =
        config.witness.iter().flat_map(|witness| [Some(witness.policy.as_path()), witness.ca.as_deref()]).flatten();
    let files = tls
        .chain(http.client_ca.as_deref())
        .chain(http.client_crl.as_deref())
        .chain(config.mirror.as_ref().and_then(MirrorConfig::ca))
        .chain(secrets)
        .chain(tenants)
        .chain(witness)
        .chain(file)
        .map(folder);
    let credentials = std::env::var_os("CREDENTIALS_DIRECTORY").map(PathBuf::from);
    let own = std::env::current_exe().ok().as_deref().map(folder);
    files.chain(credentials).chain(own).chain(SYSTEM.map(PathBuf::from)).collect()
}

/// Folders that are written to. They are made first: what isn't there can't be allowed.
fn writable(config: &Config) -> Vec<PathBuf> {
    let folders = [&config.data_dir, &config.keys_dir, &config.log.directory, &config.http.certs_dir];
    let mirror = config.mirror.as_ref().and_then(MirrorConfig::folder).map(Path::to_owned);
    let folders: Vec<PathBuf> =
        folders.into_iter().cloned().chain(config.master_key.as_deref().map(folder)).chain(mirror).collect();
    for folder in &folders {
        // What can't be made is told when it is needed, by name.
        let _told_later = DirBuilder::new().recursive(true).mode(0o700).create(folder);
    }
    folders
}

fn folder(file: &Path) -> PathBuf {
    match file.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder.to_owned(),
        Some(_) | None => PathBuf::from("."),
    }
}

fn restrict(read_only: &[PathBuf], writable: &[PathBuf]) -> Result<Confinement, RulesetError> {
    let read: BitFlags<AccessFs> = AccessFs::ReadFile | AccessFs::ReadDir;
    let write = AccessFs::from_all(RULES) & !BitFlags::from(AccessFs::Execute);
    let status = Ruleset::default()
        .handle_access(AccessFs::from_all(RULES))?
        .create()?
        .add_rules(path_beneath_rules(read_only, read))?
        .add_rules(path_beneath_rules(writable, write))?
        .restrict_self()?;
    Ok(match status.ruleset {
        RulesetStatus::FullyEnforced => Confinement::Full,
        RulesetStatus::PartiallyEnforced => Confinement::Partial,
        RulesetStatus::NotEnforced => Confinement::Unsupported,
    })
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::ErrorKind;
    use std::process::Command;

    use super::*;

    #[test]
    fn a_confined_server_reaches_its_folders_and_nothing_else() {
        let home = tempfile::tempdir().unwrap();
        let [own, shown, other] = ["own", "shown", "other"].map(|name| home.path().join(name));
        for folder in [&own, &shown, &other] {
            fs::create_dir(folder).unwrap();
            fs::write(folder.join("file"), "text").unwrap();
        }
        let refused = |result: std::io::Result<()>| {
            assert_eq!(result.err().map(|error| error.kind()), Some(ErrorKind::PermissionDenied));
        };
        // A thread restricts itself only: the other tests go on as they are.
        let confined = std::thread::spawn(move || {
            let status = restrict(std::slice::from_ref(&shown), std::slice::from_ref(&own)).unwrap();
            if status == Confinement::Unsupported {
                eprintln!(
                    "SKIPPED a_confined_server_reaches_its_folders_and_nothing_else: this kernel has no Landlock"
                );
                return status;
            }
            fs::write(own.join("new"), "text").unwrap();
            fs::rename(own.join("new"), own.join("file")).unwrap();
            fs::read(shown.join("file")).unwrap();
            refused(fs::write(shown.join("file"), "changed"));
            refused(fs::read(other.join("file")).map(drop));
            refused(fs::read("/etc/passwd").map(drop));
            refused(Command::new("/bin/true").status().map(drop));
            status
        });
        let status = confined.join().unwrap();
        assert!(matches!(status, Confinement::Full | Confinement::Partial | Confinement::Unsupported), "{status:?}");
        assert_eq!(kernel(), status, "a thread that only asks hears the same");
        fs::read("/etc/passwd").unwrap();
    }

    #[test]
    fn the_folders_of_a_configuration_are_found() {
        let config = Config::load(None).unwrap();
        assert_eq!(confine(&config, None), Confinement::PrivateDatabase);
        let read = read_only(&config, Some(Path::new("/etc/lww/lww.toml")));
        assert!(read.contains(&PathBuf::from("/etc/lww")) && !read.contains(&PathBuf::from("/")), "{read:?}");
        assert_eq!(folder(Path::new("lww.toml")), PathBuf::from("."));
    }
}
