//! The embedded PostgreSQL as the server uses it: real programs, real processes, through the public
//! interface only. Needs PostgreSQL on the machine; `./x test` installs it.

#![expect(
    clippy::unwrap_used,
    reason = "the helpers of a test fail the test; clippy only exempts test functions themselves"
)]

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use liaowaiwai::storage::embedded::{EmbeddedError, EmbeddedOptions, EmbeddedPostgres};
use tokio_postgres::{Client, Config, NoTls};

/// A folder that PostgreSQL's account can pass through, also when the tests run as root.
fn folder(mode: u32) -> tempfile::TempDir {
    let permissions = fs::Permissions::from_mode(mode);
    tempfile::Builder::new().prefix("lww-test-").permissions(permissions).tempdir_in("/tmp").unwrap()
}

fn options(root: &Path) -> EmbeddedOptions {
    EmbeddedOptions { data_dir: root.join("data"), bin_dir: None, secrets_dir: root.join("secrets") }
}

async fn start(root: &Path) -> EmbeddedPostgres {
    EmbeddedPostgres::start(&options(root), &|_| {}).await.unwrap()
}

async fn connect(config: &Config) -> Client {
    let (client, connection) = config.connect(NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}

async fn text(client: &Client, sql: &str) -> String {
    client.query_one(sql, &[]).await.unwrap().get(0)
}

fn signal(name: &str, pid: u32) {
    assert!(Command::new("kill").arg(name).arg(pid.to_string()).status().unwrap().success());
}

/// Whether the process runs; one that has ended but was not collected does not.
fn runs(pid: u32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit(')').next().and_then(|rest| rest.trim().chars().next()).is_some_and(|s| s != 'Z')
}

/// Waits for a process that has been told to end; the runner's time limit ends a vain wait.
async fn ended(pid: u32) {
    while runs(pid) {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

fn is_root() -> bool {
    fs::metadata("/proc/self").unwrap().uid() == 0
}

#[tokio::test(flavor = "multi_thread")]
async fn both_roles_connect_and_neither_is_powerful() {
    let root = folder(0o711);
    let postgres = start(root.path()).await;
    for (config, role) in [(postgres.owner_config(), "lww_owner"), (postgres.app_config(), "lww_app")] {
        let client = connect(&config).await;
        let row = client
            .query_one(
                "SELECT rolname::text, rolsuper, rolbypassrls, rolcreatedb, rolcreaterole, rolreplication
                 FROM pg_roles WHERE rolname = current_user",
                &[],
            )
            .await
            .unwrap();
        assert_eq!(row.get::<_, String>(0), role);
        for column in 1..=5 {
            assert!(!row.get::<_, bool>(column), "{role}: {}", row.columns()[column].name());
        }
    }
    let owner = connect(&postgres.owner_config()).await;
    owner.batch_execute("CREATE TABLE t (x bigint); INSERT INTO t VALUES (1)").await.unwrap();
    let app = connect(&postgres.app_config()).await;
    for sql in ["CREATE TABLE u (x bigint)", "SELECT x FROM t", "DROP TABLE t", "SHOW data_directory"] {
        let error = app.batch_execute(sql).await.unwrap_err();
        assert_eq!(error.code().unwrap().code(), "42501", "{sql}");
    }
    let possessions = text(&app, "SELECT count(*)::text FROM pg_class WHERE relowner = 'lww_app'::regrole").await;
    assert_eq!(possessions, "0");
    postgres.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_gets_in_without_a_role_password_and_nothing_listens_on_tcp() {
    let root = folder(0o711);
    let postgres = start(root.path()).await;
    let owner = connect(&postgres.owner_config()).await;
    for (setting, expect) in [
        ("listen_addresses", ""),
        ("fsync", "on"),
        ("full_page_writes", "on"),
        ("synchronous_commit", "on"),
        ("data_checksums", "on"),
        ("server_encoding", "UTF8"),
        ("password_encryption", "scram-sha-256"),
        ("log_statement", "none"),
    ] {
        assert_eq!(text(&owner, &format!("SHOW {setting}")).await, expect, "{setting}");
    }
    assert_eq!(text(&owner, "SELECT datcollate::text FROM pg_database WHERE datname = 'lww'").await, "C");
    for (user, password) in [("postgres", ""), ("postgres", "postgres"), ("lww_app", "wrong")] {
        for database in ["lww", "postgres"] {
            let mut config = postgres.app_config();
            config.user(user).password(password).dbname(database);
            assert!(config.connect(NoTls).await.is_err(), "{user} got into {database}");
        }
    }
    let socket_dir = PathBuf::from(text(&owner, "SHOW unix_socket_directories").await);
    assert_eq!(fs::metadata(&socket_dir).unwrap().mode() & 0o777, 0o700);
    assert!(socket_dir.join(".s.PGSQL.5432.lock").as_os_str().len() <= 107);
    for name in ["postgres-owner.password", "postgres-app.password"] {
        assert_eq!(fs::metadata(root.path().join("secrets").join(name)).unwrap().mode() & 0o777, 0o600);
    }
    assert!(!postgres.data_directory().with_file_name("pg.password").exists());
    postgres.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn no_value_reaches_postgresqls_log_not_even_by_an_error_or_a_crash() {
    let root = folder(0o711);
    let postgres = start(root.path()).await;
    let owner = connect(&postgres.owner_config()).await;
    owner.batch_execute("CREATE TABLE t (x text PRIMARY KEY)").await.unwrap();
    let insert = "INSERT INTO t VALUES ($1)";
    owner.execute(insert, &[&"canary-one"]).await.unwrap();
    owner.execute(insert, &[&"canary-one"]).await.unwrap_err();
    for sql in [
        "SELECT 'canary-two'::bigint",
        "SELECT canary-three",
        "DO $$ BEGIN RAISE WARNING 'canary-four'; RAISE EXCEPTION 'canary-five'; END $$",
    ] {
        owner.batch_execute(sql).await.unwrap_err();
    }
    let victim = connect(&postgres.owner_config()).await;
    let pid = text(&victim, "SELECT pg_backend_pid()::text").await.parse().unwrap();
    let query = tokio::spawn(async move {
        victim.batch_execute("SELECT 'canary-six', pg_sleep(60)").await.unwrap_err();
    });
    while text(&owner, &format!("SELECT query FROM pg_stat_activity WHERE pid = {pid}")).await.contains("pid()") {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    signal("-KILL", pid);
    query.await.unwrap();
    // PostgreSQL recovers by itself; the sessions that it refuses meanwhile are none of this test.
    while postgres.owner_config().connect(NoTls).await.is_err() {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let log = postgres.data_directory().join("postgresql.log");
    postgres.stop().await.unwrap();
    let log = fs::read_to_string(log).unwrap();
    assert!(log.contains("was terminated by signal 9"), "the crash itself is logged:\n{log}");
    assert!(!log.contains("canary"), "{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_start_takes_seconds_and_finds_the_data() {
    let root = folder(0o711);
    let first = start(root.path()).await;
    let (pid, data) = (first.pid(), first.data_directory().to_owned());
    let owner = connect(&first.owner_config()).await;
    let socket_dir = PathBuf::from(text(&owner, "SHOW unix_socket_directories").await);
    owner.batch_execute("CREATE TABLE kept (x bigint)").await.unwrap();
    first.stop().await.unwrap();
    ended(pid).await;
    assert!(!data.join("postmaster.pid").exists());
    assert!(!socket_dir.exists());

    let begun = Instant::now();
    let second = start(root.path()).await;
    assert!(begun.elapsed() < Duration::from_secs(10), "took {:?}", begun.elapsed());
    connect(&second.owner_config()).await.batch_execute("SELECT x FROM kept").await.unwrap();
    second.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_orphan_is_taken_over_with_its_sessions() {
    let root = folder(0o711);
    let first = start(root.path()).await;
    let pid = first.pid();
    let session = connect(&first.owner_config()).await;
    // A killed server says no good-bye either.
    drop(first);
    let second = start(root.path()).await;
    assert_eq!(second.pid(), pid);
    session.batch_execute("SELECT 1").await.unwrap();
    second.stop().await.unwrap();
    ended(pid).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_orphan_with_other_settings_is_stopped_and_started_again() {
    let root = folder(0o711);
    let first = start(root.path()).await;
    let (pid, data) = (first.pid(), first.data_directory().to_owned());
    drop(first);
    let configuration = data.join("postgresql.conf");
    let text = fs::read_to_string(&configuration).unwrap().replace("fsync = on", "fsync = off");
    fs::write(&configuration, text).unwrap();
    let second = start(root.path()).await;
    assert_ne!(second.pid(), pid);
    assert!(fs::read_to_string(&configuration).unwrap().contains("fsync = on"));
    second.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_postgresql_is_started_again_and_a_running_one_is_left_alone() {
    let root = folder(0o711);
    let postgres = start(root.path()).await;
    assert!(!postgres.ensure_running().await.unwrap());
    for _ in 0..3 {
        let pid = postgres.pid();
        signal("-KILL", pid);
        ended(pid).await;
        assert!(postgres.ensure_running().await.unwrap());
        assert_ne!(postgres.pid(), pid);
        connect(&postgres.app_config()).await.batch_execute("SELECT 1").await.unwrap();
    }
    postgres.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pid_file_that_names_a_strangers_process_does_not_stop_the_start() {
    let root = folder(0o711);
    let first = start(root.path()).await;
    let pid_file = first.data_directory().join("postmaster.pid");
    let text = fs::read_to_string(&pid_file).unwrap();
    let pid = first.pid();
    first.stop().await.unwrap();
    // A process of PostgreSQL's own account: PostgreSQL itself would take it for its predecessor.
    let owner = fs::metadata(pid_file.parent().unwrap()).unwrap();
    let mut stranger = Command::new("sleep");
    stranger.arg("60");
    if is_root() {
        use std::os::unix::process::CommandExt;
        stranger.uid(owner.uid()).gid(owner.gid());
    }
    let mut stranger = stranger.spawn().unwrap();
    fs::write(&pid_file, text.replacen(&pid.to_string(), &stranger.id().to_string(), 1)).unwrap();
    let second = start(root.path()).await;
    assert!(stranger.try_wait().unwrap().is_none(), "the stranger was killed");
    second.stop().await.unwrap();
    stranger.kill().unwrap();
    stranger.wait().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn two_servers_do_not_share_a_data_directory() {
    let root = folder(0o711);
    let first = start(root.path()).await;
    let second = EmbeddedPostgres::start(&options(root.path()), &|_| {}).await;
    let holder = std::process::id().to_string();
    match second.map(|_| ()) {
        Err(EmbeddedError::DirectoryBusy { holder: got, .. }) => assert_eq!(got, holder),
        other => panic!("{other:?}"),
    }
    first.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn data_of_another_major_version_are_refused_with_the_way_out() {
    let root = folder(0o711);
    let postgres = start(root.path()).await;
    let version = postgres.data_directory().join("PG_VERSION");
    postgres.stop().await.unwrap();
    fs::write(&version, "9\n").unwrap();
    let error = EmbeddedPostgres::start(&options(root.path()), &|_| {}).await.map(|_| ()).unwrap_err();
    assert!(matches!(error, EmbeddedError::VersionMismatch { data_major: 9, .. }), "{error}");
    assert!(error.to_string().contains("Install PostgreSQL"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn missing_programs_are_reported_with_where_they_were_sought_and_how_to_install() {
    let root = folder(0o711);
    let mut options = options(root.path());
    options.bin_dir = Some(root.path().join("nowhere"));
    let error = EmbeddedPostgres::start(&options, &|_| {}).await.map(|_| ()).unwrap_err();
    let text = error.to_string();
    assert!(matches!(error, EmbeddedError::BinariesMissing { .. }), "{text}");
    assert!(text.contains("nowhere") && text.contains("apt-get install"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_start_that_fails_shows_postgresqls_own_words_and_the_path() {
    let root = folder(0o711);
    let postgres = start(root.path()).await;
    let data = postgres.data_directory().to_owned();
    postgres.stop().await.unwrap();
    fs::write(data.join("tuning.conf"), "shared_bufers = 1\n").unwrap();
    let error = EmbeddedPostgres::start(&options(root.path()), &|_| {}).await.map(|_| ()).unwrap_err();
    let text = error.to_string();
    assert!(text.contains("shared_bufers") && text.contains(&data.display().to_string()), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_password_is_refused_and_not_replaced() {
    let root = folder(0o711);
    start(root.path()).await.stop().await.unwrap();
    fs::remove_file(root.path().join("secrets/postgres-app.password")).unwrap();
    let error = EmbeddedPostgres::start(&options(root.path()), &|_| {}).await.map(|_| ()).unwrap_err();
    assert!(matches!(error, EmbeddedError::PasswordMissing { .. }), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_interrupted_creation_is_begun_again() {
    let root = folder(0o711);
    let staging = root.path().join("data/pg.new");
    fs::create_dir_all(&staging).unwrap();
    fs::set_permissions(root.path().join("data"), fs::Permissions::from_mode(0o711)).unwrap();
    fs::write(staging.join("PG_VERSION"), "15\n").unwrap();
    fs::write(root.path().join("data/pg.password"), "left over").unwrap();
    let postgres = start(root.path()).await;
    assert!(!staging.exists());
    postgres.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn data_stay_in_a_closed_folder_for_its_owner_and_go_elsewhere_for_root() {
    let root = folder(0o700);
    let inside = root.path().join("data/pg").canonicalize().unwrap_or(root.path().join("data/pg"));
    let first = start(root.path()).await;
    let data = first.data_directory().to_owned();
    first.stop().await.unwrap();
    if !is_root() {
        assert_eq!(data, inside);
        return;
    }
    assert!(data.starts_with("/var/lib/liaowaiwai"), "{}", data.display());
    let pointer = root.path().join("data/pg.location");
    assert_eq!(fs::read_to_string(&pointer).unwrap().trim_end(), data.display().to_string());
    // Once placed, always there, although the folder has been opened.
    fs::set_permissions(root.path(), fs::Permissions::from_mode(0o711)).unwrap();
    let second = start(root.path()).await;
    assert_eq!(second.data_directory(), data);
    second.stop().await.unwrap();
    fs::remove_dir_all(data.parent().unwrap()).unwrap();
    let error = EmbeddedPostgres::start(&options(root.path()), &|_| {}).await.map(|_| ()).unwrap_err();
    assert!(matches!(error, EmbeddedError::DataMissing { .. }), "{error}");
}
