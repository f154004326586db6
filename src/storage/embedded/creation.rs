//! Creates the database at the first start: `initdb`, the two roles, and the database they share.
//!
//! Everything happens in a folder beside the final one, without any server that could be connected
//! to, and the last step is a rename: an interrupted creation leaves nothing that looks finished.
//! Source: PostgreSQL 15 manual, `initdb`, `postgres --single`, chapter 22 (Database Roles).

use std::fs::{self, DirBuilder, File};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use super::binaries::Binaries;
use super::error::EmbeddedError;
use super::passwords::{self, Passwords};
use super::place::{Place, exists, remove_file};
use super::programs::Program;
use super::{DATABASE, ROLE_APP, ROLE_OWNER, settings};

/// Name of the superuser that `initdb` makes; it ends up without a password and cannot log in.
const SUPERUSER: &str = "postgres";

/// Creates the database in its place.
pub(super) async fn create(
    place: &Place,
    binaries: &Binaries,
    passwords: &Passwords,
    configuration: &str,
) -> Result<(), EmbeddedError> {
    let staging = place.data.with_file_name("pg.new");
    if exists(&staging)? {
        fs::remove_dir_all(&staging).map_err(EmbeddedError::io("remove", &staging))?;
    }
    let made = fill(place, &staging, binaries, passwords, configuration).await;
    if made.is_err() {
        // The first error is the one to tell; what cannot be removed is removed by the next start.
        let _ = fs::remove_dir_all(&staging);
    }
    made?;
    fs::rename(&staging, &place.data).map_err(EmbeddedError::io("rename", &staging))?;
    if let Some(pointer) = &place.pointer {
        passwords::write_private(pointer, &format!("{}\n", place.data.display()))?;
    }
    sync_parent(&place.data)
}

async fn fill(
    place: &Place,
    staging: &Path,
    binaries: &Binaries,
    passwords: &Passwords,
    configuration: &str,
) -> Result<(), EmbeddedError> {
    DirBuilder::new().mode(0o700).create(staging).map_err(EmbeddedError::io("create the folder", staging))?;
    place.account.give(staging)?;
    initdb(place, staging, binaries).await?;
    for (name, text) in
        [("postgresql.conf", configuration), ("tuning.conf", settings::TUNING), ("pg_hba.conf", settings::HBA)]
    {
        write_setting(place, staging, name, text)?;
    }
    single(place, staging, binaries, "postgres", &create_roles(passwords)).await?;
    single(place, staging, binaries, DATABASE, &settle_schema()).await
}

/// Replaces one of PostgreSQL's configuration files whole.
pub(super) fn write_setting(place: &Place, folder: &Path, name: &str, text: &str) -> Result<(), EmbeddedError> {
    let (path, unfinished) = (folder.join(name), folder.join(format!("{name}.new")));
    remove_file(&unfinished)?;
    passwords::write_private(&unfinished, text)?;
    place.account.give(&unfinished)?;
    fs::rename(&unfinished, path).map_err(EmbeddedError::io("rename", unfinished))
}

async fn initdb(place: &Place, staging: &Path, binaries: &Binaries) -> Result<(), EmbeddedError> {
    let password_file = PasswordFile::create(place, staging)?;
    let mut command = place.account.command(&binaries.program("initdb"));
    command
        .arg("--pgdata")
        .arg(staging)
        .args(["--username", SUPERUSER, "--auth", "scram-sha-256", "--data-checksums"])
        .args(["--encoding", "UTF8", "--locale", "C", "--lc-messages", "C", "--no-instructions"])
        .arg("--pwfile")
        .arg(&password_file.0);
    Program { name: "initdb", data: staging, command }.run("").await
}

/// The superuser's first password, on disk only while `initdb` reads it.
struct PasswordFile(PathBuf);

impl PasswordFile {
    fn create(place: &Place, staging: &Path) -> Result<Self, EmbeddedError> {
        let file = Self(staging.with_file_name("pg.password"));
        remove_file(&file.0)?;
        passwords::write_private(&file.0, &passwords::random()?)?;
        place.account.give(&file.0)?;
        Ok(file)
    }
}

impl Drop for PasswordFile {
    fn drop(&mut self) {
        // If it cannot be removed it opens nothing: the superuser loses this password in the end.
        let _ = fs::remove_file(&self.0);
    }
}

/// Runs SQL in single-user mode, where no password and no server is needed. The statements go
/// through a pipe: neither the process list nor a log shows them.
async fn single(
    place: &Place,
    staging: &Path,
    binaries: &Binaries,
    database: &str,
    sql: &str,
) -> Result<(), EmbeddedError> {
    let mut command = place.account.command(&binaries.program("postgres"));
    command
        .args(["--single", "-c", "exit_on_error=on", "-c", "log_min_messages=error", "-D"])
        .arg(staging)
        .arg(database);
    Program { name: "postgres --single", data: staging, command }.run(sql).await
}

/// One statement a line, as single-user mode wants it.
fn create_roles(passwords: &Passwords) -> String {
    let plain = "LOGIN NOSUPERUSER NOBYPASSRLS NOCREATEDB NOCREATEROLE NOREPLICATION PASSWORD";
    format!(
        "CREATE ROLE {ROLE_OWNER} {plain} '{}';\n\
         CREATE ROLE {ROLE_APP} {plain} '{}';\n\
         GRANT pg_read_all_settings TO {ROLE_OWNER};\n\
         CREATE DATABASE {DATABASE} OWNER {ROLE_OWNER} TEMPLATE template0;\n\
         REVOKE ALL ON DATABASE {DATABASE} FROM PUBLIC;\n\
         GRANT CONNECT ON DATABASE {DATABASE} TO {ROLE_APP};\n\
         REVOKE ALL ON DATABASE postgres FROM PUBLIC;\n\
         REVOKE ALL ON DATABASE template1 FROM PUBLIC;\n\
         ALTER ROLE {SUPERUSER} PASSWORD NULL;\n",
        passwords.owner, passwords.app
    )
}

fn settle_schema() -> String {
    format!(
        "ALTER SCHEMA public OWNER TO {ROLE_OWNER};\n\
         REVOKE ALL ON SCHEMA public FROM PUBLIC;\n\
         GRANT USAGE ON SCHEMA public TO {ROLE_APP};\n"
    )
}

fn sync_parent(path: &Path) -> Result<(), EmbeddedError> {
    let Some(parent) = path.parent() else {
        return Ok(());
    };
    File::open(parent).and_then(|folder| folder.sync_all()).map_err(EmbeddedError::io("sync the folder", parent))
}
