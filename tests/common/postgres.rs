//! A PostgreSQL that was made and migrated once for all tests of a build, and is copied into each world: to make one takes a
//! second of a core, and `tests/server/embedded_postgres.rs` sees that it works.

use std::fs::OpenOptions;
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::UNIX_EPOCH;

use liaowaiwai::storage::embedded::{EmbeddedOptions, EmbeddedPostgres};

/// What the folders of all tests that run at once may need together.
const ROOM_BYTES: u64 = 4 << 30;

/// A folder that PostgreSQL's account can pass through; in memory where there is room, because the thousand files of a database
/// take a second of a core to copy to a disk. Tests kill processes, not machines: to them it makes no difference.
pub fn folder() -> tempfile::TempDir {
    let has_room = rustix::fs::statvfs("/dev/shm").is_ok_and(|place| place.f_bavail * place.f_frsize > ROOM_BYTES);
    let permissions = std::fs::Permissions::from_mode(0o755);
    let home = if has_room { "/dev/shm" } else { "/tmp" };
    tempfile::Builder::new().prefix("lww-test-").permissions(permissions).tempdir_in(home).unwrap()
}

/// Where PostgreSQL's own files and its passwords lie in the template.
const PARTS: [&str; 2] = ["pg", "database-secrets"];

/// Puts a database into a data directory that has none, and its passwords into `secrets`.
pub fn place(data: &Path, secrets: &Path) {
    if PARTS.iter().any(|part| data.join(part).exists()) || data.join("pg.location").exists() {
        return;
    }
    let template = template();
    if !data.exists() {
        // As root, PostgreSQL's account must pass through.
        std::fs::DirBuilder::new().recursive(true).mode(0o711).create(data).unwrap();
    }
    copy(&template.join("pg"), &data.join("pg"));
    copy(&template.join("database-secrets"), secrets);
}

/// The template of this build's server; the first test that asks makes it.
fn template() -> PathBuf {
    let home = Path::new(env!("CARGO_TARGET_TMPDIR"));
    std::fs::create_dir_all(home).unwrap();
    let lock = OpenOptions::new().create(true).truncate(false).write(true).open(home.join("postgres.lock")).unwrap();
    lock.lock().unwrap();
    let built = std::fs::metadata(env!("CARGO_BIN_EXE_lww")).unwrap().modified().unwrap();
    let made = home.join(format!("postgres-{}", built.duration_since(UNIX_EPOCH).unwrap().as_nanos()));
    if !made.exists() {
        for old in std::fs::read_dir(home).unwrap().flatten() {
            if old.file_name().to_string_lossy().starts_with("postgres-") {
                std::fs::remove_dir_all(old.path()).unwrap();
            }
        }
        let unfinished = home.join("postgres-unfinished");
        // A runtime of its own: whoever asks may be on one.
        std::thread::scope(|scope| scope.spawn(|| make(&unfinished)).join().unwrap());
        std::fs::rename(&unfinished, &made).unwrap();
    }
    made
}

/// Makes and migrates one where PostgreSQL's account can reach it, and keeps its files.
fn make(to: &Path) {
    let folder = folder();
    let data_dir = folder.path().join("data");
    let options = EmbeddedOptions { bin_dir: None, secrets_dir: data_dir.join("database-secrets"), data_dir };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let postgres = EmbeddedPostgres::start(&options, &|_| {}).await.unwrap();
        liaowaiwai::storage::database::migrate(&postgres.owner_config()).await.unwrap();
        postgres.stop().await.unwrap();
    });
    std::fs::create_dir(to).unwrap();
    for part in PARTS {
        copy(&options.data_dir.join(part), &to.join(part));
    }
}

/// With owners and modes.
fn copy(from: &Path, to: &Path) {
    let done = Command::new("cp").args(["-a", "--reflink=auto"]).args([from, to]).status().unwrap();
    assert!(done.success(), "{} can't be copied", from.display());
}
