//! `lww backup` and `lww restore`, rehearsed: a machine is lost and its server goes on elsewhere; and every backup that must
//! not be believed is refused, with nothing left behind. Needs PostgreSQL on the machine; `./x test` installs it.

#![expect(clippy::unwrap_used, reason = "a broken test world fails the test")]

use crate::common;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use common::{Server, World, key, lww, now, until};
use liaowaiwai::app::backup::{About, BACKUP_FORMAT};
use liaowaiwai::cli::client::{Client, Listing, Page};
use liaowaiwai::crypto::{KeyDirectory, KeyPlaces, SystemRandom};
use liaowaiwai::storage::backup::{Archive, ArchiveWriter, sha256};

const NODE: &str = "node";
const NEW: &str = "new";

async fn send(server: &Server, numbers: std::ops::Range<u32>) {
    let app = Client::http(server.http);
    for number in numbers {
        let text = format!("message {number}");
        app.send_message(&key("demo"), ("zhang", &text), &format!("key-{number}"), now()).await.unwrap();
    }
}

/// Makes a backup of a node with what `more` asks for besides, and returns its path.
fn back_up(world: &World, node: &str, more: &[&str]) -> PathBuf {
    let to = world.path().join("backups");
    std::fs::create_dir_all(&to).unwrap();
    let (done, said) = world.lww(node, &[&["backup", "--json", "--to", &text(&to)], more].concat());
    assert!(done, "{said}");
    let line = said.lines().find(|line| line.starts_with('{')).unwrap();
    let told: serde_json::Value = serde_json::from_str(line).unwrap();
    PathBuf::from(told["backup"].as_str().unwrap())
}

fn restore(world: &World, from: &Path, more: &[&str]) -> (bool, String) {
    world.configure(NEW);
    world.lww(NEW, &[&["restore", "--from", &text(from)], more].concat())
}

fn text(path: &Path) -> String {
    path.to_str().unwrap().to_owned()
}

/// Refused, for this reason, and nothing of the attempt is left.
fn refused(world: &World, from: &Path, more: &[&str], reason: &str) {
    let before = listed(world.path());
    let (done, said) = restore(world, from, more);
    assert!(!done && said.contains("nothing was restored") && said.contains(reason), "{reason}: {said}");
    let left: Vec<_> = listed(world.path()).into_iter().filter(|name| !before.contains(name)).collect();
    assert!(left.iter().all(|name| name == "new.toml"), "{reason}: {left:?} is left");
}

fn listed(folder: &Path) -> Vec<String> {
    let names = std::fs::read_dir(folder).unwrap().flatten().map(|entry| entry.file_name().into_string().unwrap());
    names.collect()
}

/// Writes a backup again after `change` saw each piece and what the backup says of itself. Its digests are right, and who
/// wrote it had the keys.
fn forge(
    world: &World,
    (from, to): (&Path, &Path),
    mut change: impl FnMut(&str, &mut Vec<u8>),
    about: impl FnOnce(&mut About),
) {
    let places = KeyPlaces { directory: world.path().join("keys"), master: None };
    let keys = KeyDirectory::open_or_create(&places, Arc::new(SystemRandom::new()), false).unwrap();
    let voucher = keys.voucher().unwrap();
    let mut genuine = Archive::<About>::open(from, BACKUP_FORMAT, &|_, _| {}).unwrap();
    let mut forged = ArchiveWriter::create(to, now()).unwrap();
    for (number, piece) in genuine.pieces.iter().enumerate() {
        let mut bytes = genuine.read(number).unwrap();
        change(&piece.name, &mut bytes);
        forged.add(&piece.name, &bytes).unwrap();
    }
    about(&mut genuine.about);
    let list = forged.list(BACKUP_FORMAT, &genuine.about).unwrap();
    forged.finish(&list, voucher.of(&list)).unwrap();
}

/// A world with a server that has stopped, and its backup.
async fn finished(world: &World, more: &[&str]) -> PathBuf {
    let server = world.start(NODE);
    send(&server, 0..3).await;
    server.stop();
    back_up(world, NODE, more)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_that_says_something_else_of_itself_than_its_rows_is_refused() {
    let world = World::private();
    let backup = finished(&world, &[]).await;
    let cases: [(fn(&mut About), &str); 4] = [
        (|about| about.name = "other.test".to_owned(), "the backup is of \"other.test\""),
        (|about| about.schema = 9_999, "the database's schema is at version 9999"),
        (|about| about.logs[1].size -= 1, "not the one that the backup names"),
        (|about| about.keys[0].fingerprint = "0".repeat(64), "it needs the master key with fingerprint 000"),
    ];
    for (number, (about, reason)) in cases.into_iter().enumerate() {
        let at = world.path().join("backups").join(format!("forged-{number}"));
        forge(&world, (&backup, &at), |_, _| {}, about);
        refused(&world, &at, &[], reason);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn files_that_are_no_whole_backup_and_places_in_use_are_refused() {
    let world = World::private();
    let keys = world.path().join("keys.tar");
    let backup = finished(&world, &["--keys-to", &text(&keys)]).await;
    let cut = world.path().join("backups/cut");
    let genuine = std::fs::read(&backup).unwrap();
    for (bytes, reason) in [
        (&genuine[..genuine.len() / 2], "cut short or no archive"),
        (b"no archive", "cut short or no archive"),
        (b"", "its list of pieces, which stands last, is missing"),
    ] {
        std::fs::write(&cut, bytes).unwrap();
        refused(&world, &cut, &[], reason);
    }
    refused(&world, &keys, &[], "lww-keys-backup/1");
    // Whoever can write the file, but has no key, could add rows that no entry tells of.
    let archive = Archive::<About>::open(&backup, BACKUP_FORMAT, &|_, _| {}).unwrap();
    let stranger = world.path().join("backups/stranger");
    let mut forged = ArchiveWriter::create(&stranger, now()).unwrap();
    for (number, piece) in archive.pieces.iter().enumerate() {
        forged.add(&piece.name, &archive.read(number).unwrap()).unwrap();
    }
    let list = forged.list(BACKUP_FORMAT, &archive.about).unwrap();
    forged.finish(&list, archive.voucher).unwrap();
    let (done, said) = restore(&world, &stranger, &[]);
    assert!(done, "the same list, vouched for: {said}");
    std::fs::remove_dir_all(world.data(NEW)).unwrap();
    std::fs::remove_file(&stranger).unwrap();
    let mut forged = ArchiveWriter::create(&stranger, now()).unwrap();
    for (number, piece) in archive.pieces.iter().enumerate().skip(1) {
        forged.add(&piece.name, &archive.read(number).unwrap()).unwrap();
    }
    let list = forged.list(BACKUP_FORMAT, &archive.about).unwrap();
    forged.finish(&list, archive.voucher).unwrap();
    refused(&world, &stranger, &[], "not written with these keys");
    refused(&world, &backup, &["--keys-from", &text(&keys)], "keys is not empty");
    std::fs::create_dir(world.data(NEW)).unwrap();
    std::fs::write(world.data(NEW).join("something"), "").unwrap();
    refused(&world, &backup, &[], "new is not empty");
    std::fs::remove_file(world.data(NEW).join("something")).unwrap();
    let (done, said) = restore(&world, &backup, &[]);
    assert!(done, "an empty folder is a new place: {said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_holds_no_key_no_guard_and_no_session() {
    let world = World::private();
    let server = world.start(NODE);
    let desk = server.staff("agent").await;
    desk.session().await.unwrap();
    let backup = back_up(&world, NODE, &[]);
    server.stop();
    let bytes = std::fs::read(&backup).unwrap();
    let holds = |what: &[u8]| bytes.windows(what.len()).any(|window| window == what);
    for path in common::files(&world.path().join("keys")) {
        let text = std::fs::read_to_string(&path).unwrap();
        let key = text.lines().find_map(|line| line.strip_prefix("key: ")).unwrap();
        assert!(!holds(key.as_bytes()), "{}", path.display());
    }
    assert!(holds(b"rows/1/account/") && !holds(b"/session/") && !holds(b"lwwguar1"));
    let mode = std::os::unix::fs::MetadataExt::mode(&std::fs::metadata(&backup).unwrap());
    assert_eq!(mode & 0o777, 0o600);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_of_a_ledger_that_is_not_whole_is_not_made() {
    let world = World::private();
    let server = world.start(NODE);
    send(&server, 0..3).await;
    server.stop();
    let backup = back_up(&world, NODE, &[]);
    let (done, said) = restore(&world, &backup, &[]);
    assert!(done, "{said}");
    // The restored database falls behind what is put beside it as published.
    let server = world.start(NODE);
    send(&server, 3..6).await;
    server.stop();
    let (tiles, newer) = (world.tiles(NEW, "demo"), world.tiles(NODE, "demo"));
    std::fs::remove_dir_all(&tiles).unwrap();
    assert!(Command::new("cp").arg("-a").args([&newer, &tiles]).status().unwrap().success());
    let to = world.path().join("late");
    std::fs::create_dir(&to).unwrap();
    let (done, said) = world.lww(NEW, &["backup", "--to", &text(&to)]);
    assert!(!done && said.contains("not whole") && said.contains("behind the published checkpoint"), "{said}");
    assert_eq!(listed(&to), Vec::<String>::new());
    let (done, said) = lww(&["backup", "--to", &text(&to), "--data-dir", &text(&world.path().join("nowhere"))]);
    assert!(!done && said.contains("holds no database yet"), "{said}");
    assert!(!world.path().join("nowhere").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_goes_from_one_bank_s_database_into_another_without_a_superuser() {
    let world = World::shared().await;
    let server = world.start(NODE);
    let (_, password) = world.lww(NODE, &["admin", "create", "--tenant", "demo", "--login", "lin", "--role", "agent"]);
    assert!(password.contains("one-time password"), "{password}");
    send(&server, 0..3).await;
    let backup = back_up(&world, NODE, &[]);
    // A server that can't record it, here one that stands by, makes none.
    let standby = world.launch("b", &["--adopt-head"]).unwrap();
    let to = world.path().join("unrecorded");
    std::fs::create_dir(&to).unwrap();
    let (done, said) = world.lww("b", &["backup", "--to", &text(&to)]);
    assert!(!done && said.contains("the server could not record it"), "{said}");
    assert_eq!(listed(&to), Vec::<String>::new());
    standby.stop();
    server.stop();
    let other = World::shared().await;
    std::fs::remove_dir_all(other.path().join("keys")).ok();
    let copied = Command::new("cp").arg("-a").arg(world.path().join("keys")).arg(other.path()).status().unwrap();
    assert!(copied.success());
    refused(&other, &backup, &[], "LWW_OWNER_URL");
    let owner = other.database().owner_config();
    let socket = match &owner.get_hosts()[0] {
        tokio_postgres::config::Host::Unix(path) => path.display().to_string(),
        tokio_postgres::config::Host::Tcp(name) => name.clone(),
    };
    let host = socket.replace('/', "%2F");
    let user = format!("lww_owner:{}", String::from_utf8_lossy(owner.get_password().unwrap()));
    let restore = |config: &Path| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_lww"));
        command.args(["restore", "--from", &text(&backup), "--config", &text(config)]);
        let output = command.env("LWW_OWNER_URL", format!("postgres://{user}@{host}/lww")).output().unwrap();
        (output.status.success(), String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned())
    };
    let (done, said) = restore(&other.configure(NEW));
    assert!(done && said.contains("3 messages opened and compared"), "{said}");
    let server = other.try_start(NEW, &["--adopt-head"]).unwrap();
    send(&server, 3..4).await;
    server.stop();
    let (valid, said) = other.verify(NEW, "demo");
    assert!(valid && said.contains("4 messages"), "{said}");
    // What is in use is not written over.
    let (done, said) = restore(&other.configure("third"));
    assert!(!done && said.contains("the database has tenants already"), "{said}");
    for world in [world, other] {
        world.end().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_schema_has_nothing_that_a_backup_would_leave_out() {
    let world = World::shared().await;
    let (client, connection) = world.database().owner_config().connect(tokio_postgres::NoTls).await.unwrap();
    tokio::spawn(connection);
    // Rows are put back table by table, and only rows: a foreign key would need an order, a sequence its value.
    for (what, sql) in [
        ("a foreign key", "SELECT conname::text FROM pg_constraint WHERE contype = 'f'"),
        (
            "neither table nor index",
            "SELECT c.relname::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
             WHERE n.nspname = 'public' AND c.relkind NOT IN ('r', 'p', 'i', 'I')",
        ),
        (
            "row security without a column tenant",
            "SELECT c.relname::text FROM pg_class c WHERE c.relrowsecurity AND NOT EXISTS \
             (SELECT 1 FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname = 'tenant')",
        ),
    ] {
        let found: Vec<String> = client.query(sql, &[]).await.unwrap().iter().map(|row| row.get(0)).collect();
        assert!(found.is_empty(), "{what}: {found:?}; src/storage/backup/tables.rs must learn of it");
    }
    world.end().await;
}

mod slow {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn a_lost_machine_is_restored_from_backup_and_keys_and_goes_on() {
        let world = World::private();
        let server = world.start(NODE);
        let desk = server.staff("agent").await;
        desk.set_online(true).await.unwrap();
        send(&server, 0..5).await;
        until("the assignment", async || {
            !desk.conversations(Listing { mine: true, ..Listing::default() }).await.unwrap().conversations.is_empty()
        })
        .await;
        let (keys, master) = (world.path().join("keys.tar"), world.path().join("master.copy"));
        std::fs::copy(world.path().join("keys/master.key"), &master).unwrap();
        // The server runs on meanwhile.
        let backup = back_up(&world, NODE, &["--keys-to", &text(&keys)]);
        server.stop();
        // It recorded who took what: the digest is that of the list in the file.
        let list = Archive::<About>::open(&backup, BACKUP_FORMAT, &|_, _| {}).unwrap().list;
        let entries = world.entries(NODE, "system");
        let [made] = entries.iter().filter(|entry| entry.kind.as_str() == "backup.made/1").collect::<Vec<_>>()[..]
        else {
            panic!("not one backup was recorded")
        };
        let told = String::from_utf8(made.to_bytes().unwrap()).unwrap();
        let detail = format!("\"detail\":{{\"keys\":true,\"list\":\"{}\"}}", sha256(&list));
        assert!(told.contains(&detail) && told.contains("\"role\":\"operator\""), "{told}");
        // The machine is gone with everything on it.
        for lost in [world.path().join("keys"), world.data(NODE)] {
            std::fs::remove_dir_all(lost).unwrap();
        }
        let with_keys = ["--keys-from", &text(&keys), "--master-key-from", &text(&master)];
        let (done, said) = restore(&world, &backup, &with_keys);
        assert!(done && said.contains("5 messages opened and compared") && said.contains("--adopt-head"), "{said}");
        for log in ["demo", "other"] {
            let (valid, said) = world.verify(NEW, log);
            assert!(valid, "{said}");
            world.fsck(NEW, log).unwrap();
        }
        let waiting = world.launch(NEW, &[]).err().unwrap();
        assert!(waiting.contains("rollback guard for the log is missing"), "{waiting}");
        let server = world.try_start(NEW, &["--adopt-head"]).unwrap();
        assert!(desk.session().await.is_err(), "a session came back with the backup");
        let login = server.client();
        login.login("demo", "agent", &common::chosen_password("agent")).await.unwrap();
        let held = login.conversations(Listing { mine: true, ..Listing::default() }).await.unwrap().conversations;
        login.reply(&held[0].id, "we are back", "reply-1").await.unwrap();
        send(&server, 5..6).await;
        let app = Client::http(server.http);
        // What was sent before is a duplicate after, and is answered with the first index.
        let again = app.send_message(&key("demo"), ("zhang", "message 2"), "key-2", now()).await.unwrap();
        assert!(again.duplicate);
        let said = app.messages(&key("demo"), "zhang", Page::default(), now()).await.unwrap().messages;
        let said: Vec<_> = said.iter().map(|message| message.text.as_str()).collect();
        let before = ["message 0", "message 1", "message 2", "message 3", "message 4"];
        assert_eq!(said, [&before[..], &["we are back", "message 5"]].concat());
        server.stop();
        let (valid, said) = world.verify(NEW, "demo");
        assert!(valid && said.contains("7 messages"), "{said}");
        let entries = world.entries(NEW, "demo");
        assert_eq!(entries.iter().filter(|entry| entry.kind.as_str() == "guard.adopted/1").count(), 1);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_backup_older_than_what_outlived_its_database_is_refused_with_the_missing_range() {
        let world = World::private();
        let server = world.start(NODE);
        send(&server, 0..3).await;
        server.stop();
        let (old, size) = (back_up(&world, NODE, &[]), world.entries(NODE, "demo").len());
        let server = world.start(NODE);
        send(&server, 3..6).await;
        server.stop();
        let (newest, last) = (back_up(&world, NODE, &[]), world.entries(NODE, "demo").len() - 1);
        let known = ["--known-from", &text(&world.data(NODE))];
        let missing = format!("entries {size} to {last} are missing");
        // The system log is looked at first; it has grown as well.
        refused(&world, &old, &known, "too old for tenant system: the database's head");
        std::fs::remove_file(world.data(NODE).join("guard/system-1")).unwrap();
        std::fs::remove_dir_all(world.data(NODE).join("audit/system-1")).unwrap();
        refused(&world, &old, &known, &missing);
        std::fs::remove_file(world.data(NODE).join("guard/demo-1")).unwrap();
        refused(&world, &old, &known, &format!("behind the published checkpoint (size {}): {missing}", last + 1));
        // A guard that fits comes along, and no word of an operator is needed for its log.
        let (done, said) = restore(&world, &newest, &known);
        assert!(done, "{said}");
        let start = world.launch(NEW, &[]).err().unwrap();
        assert!(start.contains("tenant system") || start.contains("tenant demo"), "{start}");
        assert!(world.data(NEW).join("guard/other-1").exists());
        world.try_start(NEW, &["--adopt-head"]).unwrap().stop();
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn rows_that_somebody_changed_are_refused_although_their_digests_are_right() {
        let world = World::private();
        let backup = finished(&world, &[]).await;
        let flip = |bytes: &mut Vec<u8>| {
            let at = bytes.len() - 20;
            bytes[at] ^= 1;
        };
        let cut = |bytes: &mut Vec<u8>| bytes.truncate(15);
        let cases: [(&str, &dyn Fn(&mut Vec<u8>), &str); 3] = [
            ("rows/1/ledger_entry/", &flip, "does not verify"),
            ("rows/1/message/", &flip, "its masked text does not open"),
            ("rows/1/policy/", &cut, "SQLSTATE"),
        ];
        for (number, (table, change, reason)) in cases.into_iter().enumerate() {
            let at = world.path().join("backups").join(format!("forged-{number}"));
            let change = |name: &str, bytes: &mut Vec<u8>| {
                if name.starts_with(table) {
                    change(bytes);
                }
            };
            forge(&world, (&backup, &at), change, |_| {});
            refused(&world, &at, &[], reason);
        }
    }
}
