//! `lww db plan`: what psql makes of it is a database that the server and `lww db migrate` accept as their own.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a broken test world fails the test")]

use crate::common;

use std::path::{Path, PathBuf};
use std::process::Command;

use common::{World, until};
use liaowaiwai::storage::database;
use tokio_postgres::config::Host;
use tokio_postgres::{Client, Config, NoTls};

async fn connect(config: &Config) -> Client {
    let (client, connection) = config.connect(NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}

fn plan(arguments: &[&str], url: &str) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_lww"));
    let output = command.args(["db", "plan"]).args(arguments).env("PLAN_URL", url).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// Comes with PostgreSQL's own packages (Debian: postgresql-client), which `tools/postgres.sh` installs.
fn psql() -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let installed = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let folders = std::env::split_paths(&path).chain(installed.map(|major| major.path().join("bin")));
    let mut found = folders.map(|folder| folder.join("psql")).filter(|program| program.is_file());
    found.next().unwrap_or_else(|| panic!("psql is needed: apt-get install postgresql-client"))
}

/// Runs a script as the superuser; the error is what psql printed.
fn run(socket: &Path, script: &Path) -> Result<(), String> {
    let mut command = Command::new(psql());
    command.args(["-X", "-q", "-U", "postgres", "-d", "postgres", "-h"]).arg(socket).arg("-f").arg(script);
    let output = command.output().unwrap();
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    if output.status.success() && told.is_empty() { Ok(()) } else { Err(told) }
}

async fn history(config: &Config) -> Vec<(i32, String, String)> {
    let rows = connect(config).await;
    let rows = rows.query("SELECT version, name, checksum FROM refinery_schema_history ORDER BY 1", &[]).await.unwrap();
    rows.iter().map(|row| (row.get(0), row.get(1), row.get(2))).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_that_a_dba_ran_is_accepted_by_server_and_migration() {
    let world = World::shared().await;
    let superuser = world.superuser();
    until("the superuser to get in", async || superuser.connect(NoTls).await.is_ok()).await;
    let migrated = history(&superuser).await;
    let client = connect(&superuser).await;
    // A cluster without our roles, as a bank's is.
    for role in ["lww_app", "lww_owner"] {
        client.batch_execute(&format!("ALTER ROLE {role} RENAME TO former_{role}")).await.unwrap();
    }
    let Some(Host::Unix(socket)) = superuser.get_hosts().first().cloned() else { panic!("no socket") };
    let script = world.path().join("plan.sql");
    std::fs::write(&script, plan(&["--database", "the bank's"], "")).unwrap();
    run(&socket, &script).unwrap();

    for role in ["lww_app", "lww_owner"] {
        client.batch_execute(&format!("ALTER ROLE {role} PASSWORD 'secret'")).await.unwrap();
    }
    let role = |name: &str| {
        let mut config = superuser.clone();
        config.user(name).password("secret").dbname("the bank's");
        config
    };
    let (app, owner) = (role("lww_app"), role("lww_owner"));
    database::check(&app).await.unwrap();
    assert_eq!(history(&owner).await, migrated);
    database::migrate(&owner).await.unwrap();
    assert_eq!(history(&owner).await, migrated, "the migration found something to do");

    let socket_url = socket.display().to_string().replace('/', "%2F");
    let url = format!("postgres://lww_owner:secret@{socket_url}/the%20bank%27s");
    let nothing = plan(&["--url-from", "PLAN_URL"], &url);
    assert!(nothing.contains("Nothing is pending") && !nothing.contains("CREATE TABLE"), "{nothing}");
    let owners = connect(&owner).await;
    owners.batch_execute("UPDATE refinery_schema_history SET checksum = '1'").await.unwrap();
    let error = database::plan(Some(&owner), "lww").await.unwrap_err().to_string();
    assert!(error.contains("differs from its own"), "{error}");
    // What is there already is not made twice by accident: psql stops at the first error.
    assert!(run(&socket, &script).unwrap_err().contains("already exists"));
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_for_an_empty_database_holds_everything_and_is_enough() {
    let world = World::shared().await;
    let superuser = world.superuser();
    until("the superuser to get in", async || superuser.connect(NoTls).await.is_ok()).await;
    let client = connect(&superuser).await;
    client.batch_execute("CREATE DATABASE empty OWNER lww_owner").await.unwrap();
    let mut owner = world.database().owner_config();
    owner.dbname("empty");
    let plan = database::plan(Some(&owner), "lww").await.unwrap();
    assert!(!plan.pending.is_empty() && !plan.sql.contains("CREATE DATABASE"), "{}", plan.sql);
    let Some(Host::Unix(socket)) = superuser.get_hosts().first().cloned() else { panic!("no socket") };
    let script = world.path().join("plan.sql");
    std::fs::write(&script, format!("\\connect empty\n{}", plan.sql)).unwrap();
    run(&socket, &script).unwrap();
    let mut app = world.database().app_config();
    app.dbname("empty");
    database::check(&app).await.unwrap();
    world.end().await;
}
