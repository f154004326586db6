//! `lww doctor` on real servers and databases: what is wrong has its code, and the exit code says so.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a broken test world fails the test")]

use crate::common;

use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt, chown};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Command, Stdio};

use common::{World, key, now, signal, until};
use serde_json::Value;
use tokio_postgres::NoTls;

/// Runs `lww doctor`: exit code and output.
fn doctor(arguments: &[&str], environment: &[(&str, &str)]) -> (i32, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_lww"));
    command.arg("doctor").args(arguments).env_remove("LC_ALL").env_remove("LC_MESSAGES").env("LANG", "C");
    let output = command.envs(environment.iter().copied()).output().unwrap();
    (output.status.code().unwrap(), String::from_utf8(output.stdout).unwrap())
}

/// What it says of a node, as JSON.
struct Said(i32, Value);

impl Said {
    fn of(world: &World, node: &str) -> Self {
        let (code, text) = doctor(&["--json", "--config", world.config(node).to_str().unwrap()], &[]);
        Self(code, serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}")))
    }

    fn check(&self, code: &str) -> &Value {
        let checks = self.1["checks"].as_array().unwrap();
        checks.iter().find(|check| check["code"] == code).unwrap_or_else(|| panic!("no {code}: {}", self.1))
    }

    fn state(&self, code: &str) -> &str {
        self.check(code)["state"].as_str().unwrap()
    }

    fn failed(&self) -> Vec<&str> {
        let checks = self.1["checks"].as_array().unwrap().iter();
        checks.filter(|check| check["state"] == "fail").map(|check| check["code"].as_str().unwrap()).collect()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_private_database_is_looked_at_while_its_server_runs_and_left_alone_else() {
    let world = World::private();
    world.configure("a");
    let before = Said::of(&world, "a");
    assert_eq!(before.state("postgres.reach"), "skipped");
    assert!(!world.data("a").exists(), "a look made something");
    let server = world.start("a");
    server.client().send_message(&key("demo"), ("c", "hello"), "k", now()).await.unwrap();
    let running = Said::of(&world, "a");
    for code in ["config.load", "files.keys", "files.secrets", "postgres.fsync", "postgres.role", "postgres.pooler"] {
        assert_eq!(running.state(code), "ok", "{}", running.check(code));
    }
    for code in ["postgres.schema", "postgres.max_connections", "clock.entries", "files.guard", "tls.development"] {
        assert_eq!(running.state(code), "ok", "{}", running.check(code));
    }
    server.stop();

    let tokens = world.path().join("keys/tokens.key");
    std::fs::set_permissions(&tokens, std::fs::Permissions::from_mode(0o644)).unwrap();
    let open = Said::of(&world, "a");
    assert_eq!((open.0, open.state("files.keys")), (1, "fail"));
    assert_eq!(open.check("files.keys")["change"], format!("chmod 600 {}", tokens.display()));
    std::fs::set_permissions(&tokens, std::fs::Permissions::from_mode(0o600)).unwrap();
    assert!(!Said::of(&world, "a").failed().contains(&"files.keys"));

    // Only root can give the directory away, and only root could then leave folders of its own there.
    let given = Command::new("chown").arg("65534").arg(world.data("a")).output().unwrap().status.success();
    if given {
        let others = Said::of(&world, "a");
        let reach = others.check("postgres.reach");
        assert!(reach["state"] == "skipped" && reach["found"].as_str().unwrap().contains("user 65534"), "{reach}");
        assert_eq!(others.state("files.keys"), "fail", "keys of another account than the data's");
    }
}

/// Starts a server in a directory that is not there yet, as this user, and looks at what it made: the directory's mode, and
/// the doctor's findings about owners and modes.
fn first_start(home: &Path, user: Option<u32>) -> (u32, Vec<(String, String)>) {
    let data = home.join("data");
    let file = home.join("lww.toml");
    let text = format!("data_dir = \"{}\"\n[http]\nlisten = \"127.0.0.1:0\"\ntrial_listen = \"off\"\n", data.display());
    std::fs::write(&file, text).unwrap();
    let lww = |arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_lww"));
        command.args(arguments).arg("--config").arg(&file).current_dir(home).env_remove("XDG_RUNTIME_DIR");
        if let Some(user) = user {
            command.uid(user).gid(user);
        }
        command
    };
    let mut server = lww(&["run", "--json", "--fill", "nothing"]).stdout(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(server.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let mode = std::fs::metadata(&data).unwrap().mode() & 0o7777;
    let looked = lww(&["doctor", "--json"]).output().unwrap();
    signal("-TERM", server.id());
    assert!(server.wait().unwrap().success() && line.starts_with('{'), "it did not start: {line}");
    let said: Value = serde_json::from_slice(&looked.stdout).unwrap();
    let word = |check: &Value, key: &str| check[key].as_str().unwrap().to_owned();
    let checks = said["checks"].as_array().unwrap().iter();
    let files = checks.filter(|check| word(check, "code").starts_with("files."));
    let wrong = files.filter(|check| !["ok", "skipped"].contains(&check["state"].as_str().unwrap()));
    (mode, wrong.map(|check| (word(check, "code"), word(check, "found"))).collect())
}

#[test]
fn a_first_start_leaves_nothing_to_mend_about_owners_and_modes() {
    let open = |mode: u32| {
        let permissions = std::fs::Permissions::from_mode(mode);
        tempfile::Builder::new().prefix("lww-test-").permissions(permissions).tempdir_in("/tmp").unwrap()
    };
    let home = open(0o755);
    let is_root = home.path().metadata().unwrap().uid() == 0;
    let (mode, wrong) = first_start(home.path(), None);
    assert_eq!((mode, wrong), (if is_root { 0o711 } else { 0o700 }, vec![]));

    // A directory of the bank's own making is told and left as it is.
    let theirs = open(0o755);
    std::fs::create_dir(theirs.path().join("data")).unwrap();
    std::fs::set_permissions(theirs.path().join("data"), std::fs::Permissions::from_mode(0o755)).unwrap();
    let (mode, wrong) = first_start(theirs.path(), None);
    let codes: Vec<&str> = wrong.iter().map(|(code, _)| code.as_str()).collect();
    assert_eq!((mode, codes.as_slice()), (0o755, &["files.data_dir"][..]));

    // Only root can start one as an ordinary user, too, and only where that user reaches the program.
    let ordinary = 65534;
    let program = Command::new(env!("CARGO_BIN_EXE_lww")).arg("--version").current_dir("/").uid(ordinary).output();
    if is_root && program.is_ok() {
        let home = open(0o755);
        chown(home.path(), Some(ordinary), Some(ordinary)).unwrap();
        assert_eq!(first_start(home.path(), Some(ordinary)), (0o700, vec![]));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn unsafe_settings_a_powerful_role_and_an_old_schema_are_told_by_their_codes() {
    let world = World::shared().await;
    world.configure("a");
    let good = Said::of(&world, "a");
    assert!(good.failed().iter().all(|code| !code.starts_with("postgres.")), "{}", good.1);
    assert_eq!(good.state("postgres.synchronous_standby_names"), "warn");
    assert_eq!(good.state("tls.development"), "warn", "no demo tenant here");

    let superuser = world.superuser();
    until("the superuser to get in", async || superuser.connect(NoTls).await.is_ok()).await;
    let (client, connection) = superuser.connect(NoTls).await.unwrap();
    tokio::spawn(connection);
    for sql in ["ALTER SYSTEM SET fsync = off", "ALTER SYSTEM SET synchronous_commit = off", "SELECT pg_reload_conf()"]
    {
        client.batch_execute(sql).await.unwrap();
    }
    until("the settings to be read", async || Said::of(&world, "a").state("postgres.fsync") == "fail").await;
    client.batch_execute("DELETE FROM refinery_schema_history WHERE version > 1").await.unwrap();
    client.batch_execute("ALTER ROLE lww_app BYPASSRLS").await.unwrap();
    let bad = Said::of(&world, "a");
    let of_database: Vec<_> = bad.failed().into_iter().filter(|code| code.starts_with("postgres.")).collect();
    assert_eq!((bad.0, of_database.as_slice()), (1, &["postgres.fsync", "postgres.role", "postgres.schema"][..]));
    assert_eq!(bad.state("postgres.synchronous_commit"), "warn", "the session's own setting is not the server's");
    let change = bad.check("postgres.fsync")["change"].as_str().unwrap();
    assert!(change.contains("ALTER SYSTEM SET fsync = 'on'"), "{change}");

    let password = world.path().join("database-password");
    std::fs::write(&password, "wrong-canary").unwrap();
    let shut = Said::of(&world, "a");
    assert_eq!(shut.state("postgres.reach"), "fail");
    assert!(!shut.1.to_string().contains("wrong-canary"));
    world.end().await;
}

#[test]
fn it_speaks_the_operator_s_language_and_a_wrong_call_has_its_own_exit_code() {
    let world = World::private();
    let file = world.path().join("bad.toml");
    std::fs::write(&file, "nmae = \"hunter2\"\n").unwrap();
    let place = ["--config", file.to_str().unwrap()];
    for (arguments, environment, words) in [
        (&[][..], &[][..], "did you mean name?"),
        (&[], &[("LANG", "zh_CN.UTF-8")], "配置有误"),
        (&[], &[("LC_ALL", "zh_CN.UTF-8")], "配置有误"),
        (&["--lang", "zh"], &[], "配置有误"),
        (&["--lang", "en"], &[("LANG", "zh_CN.UTF-8")], "mend that line"),
    ] {
        let (code, told) = doctor(&[&place[..], arguments].concat(), environment);
        assert_eq!(code, 1, "{told}");
        assert!(told.contains(words) && told.contains("config.load"), "{told}");
        assert!(!told.contains("hunter2") && !told.contains('\u{1b}'), "{told}");
    }
    assert_eq!(doctor(&["--lang", "fr"], &[]).0, 2);
}
