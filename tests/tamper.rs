//! Somebody with every right on files or database changes what was recorded: each change is caught, and what was touched is
//! named. Needs PostgreSQL on the machine; `./x test` installs it.

#![expect(clippy::unwrap_used, reason = "a broken test world fails the test")]

mod common;

use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use common::load::Customers;
use common::people::{ask, call};
use common::{World, files, key, now};
use liaowaiwai::cli::client::{Client, Listing};
use liaowaiwai::crypto::{KeyDirectory, KeyPlaces, SystemRandom};
use liaowaiwai::storage::embedded::{EmbeddedOptions, EmbeddedPostgres};
use lww_audit::merkle::{Frontier, leaf_hash};
use lww_audit::{Entry, TileDir, VerifierKey, fsck};
use serde_json::json;
use tokio_postgres::{Client as Sql, NoTls};

const NODE: &str = "node";
/// Bytes of one file that are flipped, spread over it.
const FLIPS_MAX: usize = 40;

/// A log of more than one bundle: customers' messages, and answers and notes of an agent. The server has stopped in order.
async fn finished_log() -> World {
    let world = World::private();
    let server = world.start(NODE);
    let desk = server.staff("agent").await;
    desk.set_online(true).await.unwrap();
    let mut customers = Customers::start(6);
    customers.know(&[server.http]);
    customers.progress(270).await;
    customers.finish().await;
    let held = desk.conversations(Listing { mine: true, ..Listing::default() }).await.unwrap().conversations;
    for number in 0..3 {
        desk.reply(&held[0].id, &format!("answer {number}"), &format!("answer-{number}")).await.unwrap();
    }
    let target = format!("/api/v1/agent/conversations/{}/notes", held[0].id);
    for number in 0..2 {
        let (key, text) = (format!("note-{number}"), format!(r#"{{"text":"note {number}"}}"#));
        let written = call(&desk, "POST", &target, &[("idempotency-key", &key)], Some(&text)).await;
        assert_eq!(written.0, 201, "{written:?}");
    }
    let lead = server.staff("supervisor").await;
    let replies = "/api/v1/agent/replies";
    for title in ["gone", "kept"] {
        let made = ask(&lead, "POST", replies, Some(json!({"title": title, "text": "x"}))).await;
        let one = format!("{replies}/{}", made.1["id"].as_str().unwrap());
        let (method, body) = match title {
            "gone" => ("DELETE", json!({})),
            _ => ("PUT", json!({"title": title, "text": "y", "version": 1})),
        };
        assert!(ask(&lead, method, &one, Some(body)).await.0 < 300);
    }
    server.stop();
    world
}

async fn send(address: std::net::SocketAddr, numbers: std::ops::Range<u32>) {
    let client = Client::http(address);
    for number in numbers {
        let text = format!("message {number}");
        client.send_message(&key("demo"), ("zhang", &text), &format!("key-{number}"), now()).await.unwrap();
    }
}

fn check_files(tiles: &Path, keys: &[VerifierKey]) -> Result<(), Box<fsck::Finding>> {
    fsck::check(&TileDir::open(tiles), keys, &mut |_| {}).map(|_| ())
}

/// The node's own PostgreSQL without the server, for its owner.
async fn database(world: &World) -> (EmbeddedPostgres, Sql) {
    let data_dir = world.data(NODE);
    let secrets_dir = data_dir.join("database-secrets");
    let postgres =
        EmbeddedPostgres::start(&EmbeddedOptions { data_dir, bin_dir: None, secrets_dir }, &|_| {}).await.unwrap();
    let (client, connection) = postgres.owner_config().connect(NoTls).await.unwrap();
    tokio::spawn(connection);
    let tenant: i32 = client.query_one("SELECT id FROM tenant WHERE name = 'demo'", &[]).await.unwrap().get(0);
    client.batch_execute(&format!("SET app.tenant = '{tenant}'")).await.unwrap();
    (postgres, client)
}

fn copy(from: &Path, to: &Path) {
    assert!(Command::new("cp").arg("-a").arg(from).arg(to).status().unwrap().success());
}

/// A change of rows, what it is answered with, and how its own tables are put away.
struct Change {
    what: &'static str,
    sql: String,
    caught: String,
    after: &'static str,
}

fn change(what: &'static str, sql: String, caught: String) -> Change {
    Change { what, sql, caught, after: "" }
}

/// What somebody could do to rows of `ledger_entry`; the log has `size` entries.
fn entry_changes(size: usize) -> Vec<Change> {
    let swap = |other: usize| {
        format!(
            "UPDATE ledger_entry e SET body = (SELECT k.body FROM kept_ledger_entry k WHERE k.seq = {} - e.seq) \
             WHERE e.seq IN (100, {other})",
            100 + other
        )
    };
    let copy_of = |generation: &str, seq: usize| {
        format!(
            "INSERT INTO ledger_entry (tenant, generation, seq, body) SELECT tenant, {generation}, {seq}, body \
             FROM kept_ledger_entry WHERE seq = 100"
        )
    };
    let other_generation = "DO $$ BEGIN EXECUTE format('CREATE TABLE other_generation PARTITION OF ledger_entry_%s FOR \
        VALUES FROM (2, 0) TO (2, 10)', current_setting('app.tenant')); END $$;";
    vec![
        change(
            "an entry edited",
            "UPDATE ledger_entry SET body = set_byte(body, 40, get_byte(body, 40) # 1) WHERE seq = 100".to_owned(),
            "row ledger_entry 100 was changed".to_owned(),
        ),
        change(
            "an entry deleted",
            "DELETE FROM ledger_entry WHERE seq = 100".to_owned(),
            "row ledger_entry 100 is missing".to_owned(),
        ),
        change(
            "the newest deleted",
            format!("DELETE FROM ledger_entry WHERE seq = {}", size - 1),
            format!("row ledger_entry {} is missing", size - 1),
        ),
        change("an entry added", copy_of("generation", size), format!("row ledger_entry {size} is not in the log")),
        Change {
            after: "DROP TABLE other_generation",
            ..change(
                "an entry in another generation",
                format!("{other_generation} {}", copy_of("2", 3)),
                "row ledger_entry 3 is not in the log".to_owned(),
            )
        },
        change("two entries swapped", swap(201), "row ledger_entry 100 was changed".to_owned()),
        change("two entries swapped, named", swap(201), "these are the bytes of entry 201".to_owned()),
        change("two entries of two bundles swapped", swap(260), "row ledger_entry 100 was changed".to_owned()),
        change(
            "the head's root edited",
            "UPDATE log_head SET root = set_byte(root, 0, get_byte(root, 0) # 1)".to_owned(),
            "row log_head: ".to_owned(),
        ),
        change("the head deleted", "DELETE FROM log_head".to_owned(), "row log_head: it is missing".to_owned()),
    ]
}

/// What somebody could do to rows of `message`: `one` and `two` are entries of one conversation, `other` speaks of none.
fn message_changes(one: usize, two: usize, other: usize) -> Vec<Change> {
    let caught = |what: &str| format!("row message of entry {one}: {what}");
    let edit = |column: &str| {
        format!(
            "UPDATE message SET {column} = set_byte({column}, length({column}) - 1, get_byte({column}, length({column}) - 1) # 1) \
             WHERE entry_seq = {one}"
        )
    };
    let added = |seq: usize| {
        format!(
            "INSERT INTO message SELECT tenant, conversation, seq + 1000, {seq}, id, time, direction, author, original, masked, channel \
             FROM kept_message WHERE entry_seq = {one}"
        )
    };
    let swap = |column: &str| {
        format!(
            "UPDATE message m SET {column} = (SELECT k.{column} FROM kept_message k WHERE k.entry_seq = {} - m.entry_seq) \
             WHERE m.entry_seq IN ({one}, {two})",
            one + two
        )
    };
    let set = |what: &str| format!("UPDATE message SET {what} WHERE entry_seq = {one}");
    let aside = set("seq = seq + 1000");
    let places = format!(
        "{aside}; {}; {}",
        swap("seq").replace(&format!("IN ({one}, {two})"), &format!("= {two}")),
        swap("seq").replace(&format!("IN ({one}, {two})"), &format!("= {one}"))
    );
    vec![
        change("an original edited", edit("original"), caught("its original does not open")),
        change("a masked text edited", edit("masked"), caught("its masked text does not open")),
        change("a message deleted", format!("DELETE FROM message WHERE entry_seq = {one}"), caught("it is missing")),
        change("a message added", added(other), format!("row message {other} is not in the log")),
        change("a message doubled", added(one), "row message ".to_owned()),
        change("two originals swapped", swap("original"), caught("its original does not open")),
        change("two masked texts swapped", swap("masked"), caught("its masked text does not open")),
        change("two messages swapped", places, caught("its place in the conversation is another")),
        change("a direction turned", set("direction = 1 - direction"), caught("its direction is the other")),
        change("an author put in", set("author = gen_random_uuid()"), caught("its author is another")),
        change("a time moved", set("time = time + 1"), caught("its time is not its entry's")),
        change("an id replaced", set("id = gen_random_uuid()"), caught("its id is another one's")),
    ]
}

/// What somebody could do to rows of `note`: `one` and `two` are entries of one conversation, `other` speaks of none.
fn note_changes(one: usize, two: usize, other: usize) -> Vec<Change> {
    let caught = |what: &str| format!("row note of entry {one}: {what}");
    let set = |what: &str| format!("UPDATE note SET {what} WHERE entry_seq = {one}");
    let edit = |column: &str| {
        set(&format!(
            "{column} = set_byte({column}, length({column}) - 1, get_byte({column}, length({column}) - 1) # 1)"
        ))
    };
    let of_two =
        |column: &str| set(&format!("{column} = (SELECT k.{column} FROM kept_note k WHERE k.entry_seq = {two})"));
    let added = format!(
        "INSERT INTO note SELECT tenant, conversation, {other}, id, time, author, original, masked FROM kept_note WHERE entry_seq = {one}"
    );
    vec![
        change("a note's original edited", edit("original"), caught("its original does not open")),
        change("a note's masked text edited", edit("masked"), caught("its masked text does not open")),
        change("another note's text put in", of_two("masked"), caught("its masked text does not open")),
        change("a note deleted", format!("DELETE FROM note WHERE entry_seq = {one}"), caught("it is missing")),
        change("a note added", added, format!("row note {other} is not in the log")),
        change("a note's author put in", set("author = gen_random_uuid()"), caught("its author is another")),
        change("a note's time moved", set("time = time + 1"), caught("its time is not its entry's")),
        change("a note's id replaced", set("id = gen_random_uuid()"), caught("its id is another one's")),
    ]
}

/// What somebody could do to rows of `canned_reply`: there is one that was written twice, last by the entry `last`, and one
/// that was taken away.
fn reply_changes(last: usize) -> Vec<Change> {
    let caught = |what: &str| format!("row canned_reply of entry {last}: {what}");
    let set = |what: &str| format!("UPDATE canned_reply SET {what} WHERE entry_seq = {last}");
    let edit = |column: &str| {
        let last = format!("length({column}) - 1");
        set(&format!("{column} = set_byte({column}, {last}, get_byte({column}, {last}) # 1)"))
    };
    vec![
        change("a reply's original edited", edit("original"), caught("its original does not open")),
        change("a reply's text edited", edit("masked"), caught("its masked text does not open")),
        change(
            "a reply deleted",
            format!("DELETE FROM canned_reply WHERE entry_seq = {last}"),
            caught("it is missing"),
        ),
        change("a reply's version moved", set("version = version + 1"), caught("its version is another")),
        change("a reply's author put in", set("author = gen_random_uuid()"), caught("its author is another")),
        change("a reply's time moved", set("time = time + 1"), caught("its time is not its entry's")),
        change("a reply hidden", set("removed = true"), caught("whether it was taken away is not what its entry says")),
        change(
            "a reply's entry moved",
            set("entry_seq = 1"),
            "row canned_reply of entry 1: another entry speaks of it".to_owned(),
        ),
        change("a reply added", set("id = gen_random_uuid()"), format!("row canned_reply {last} is not in the log")),
        change(
            "a reply brought back",
            "UPDATE canned_reply SET removed = false WHERE removed".to_owned(),
            "whether it was taken away is not what its entry says".to_owned(),
        ),
    ]
}

const TABLES: [&str; 5] = ["ledger_entry", "message", "note", "canned_reply", "log_head"];

async fn keep_tables(sql: &Sql) {
    for table in TABLES {
        sql.batch_execute(&format!("CREATE TABLE kept_{table} AS SELECT * FROM {table}")).await.unwrap();
    }
}

async fn put_back(sql: &Sql, after: &str) {
    sql.batch_execute(after).await.unwrap();
    for table in TABLES {
        let text = format!("DELETE FROM {table}; INSERT INTO {table} SELECT * FROM kept_{table}");
        sql.batch_execute(&text).await.unwrap();
    }
}

/// Two messages of one conversation and an entry that is no message, all in the first bundle.
fn pick(entries: &[Entry]) -> (usize, usize, usize) {
    let is_message = |entry: &Entry| entry.kind.as_str() == "message.received/1";
    let one = entries.iter().position(is_message).unwrap();
    let same = |entry: &Entry| is_message(entry) && entry.conversation == entries[one].conversation;
    let two = one + 1 + entries[one + 1..].iter().position(same).unwrap();
    let other = entries.iter().position(|entry| entry.kind.as_str() == "conversation.opened/2").unwrap();
    (one, two, other)
}

/// Takes the newest entries away and moves the head back to fit.
async fn truncate(sql: &Sql, entries: &[Entry]) {
    let mut frontier = Frontier::empty();
    let leaves: Vec<_> = entries.iter().map(|entry| leaf_hash(&entry.to_bytes().unwrap())).collect();
    for leaf in &leaves {
        frontier.push(*leaf);
    }
    let size = i64::try_from(entries.len()).unwrap();
    sql.execute("DELETE FROM ledger_entry WHERE seq >= $1", &[&size]).await.unwrap();
    for table in ["message", "note", "canned_reply"] {
        sql.execute(&format!("DELETE FROM {table} WHERE entry_seq >= $1"), &[&size]).await.unwrap();
    }
    let (root, last, nodes) = (frontier.root(), leaves.last().unwrap(), frontier.to_bytes());
    let text = "UPDATE log_head SET size = $1, root = $2, last_leaf = $3, frontier = $4";
    let moved =
        sql.execute(text, &[&size, &root.as_bytes().as_slice(), &last.as_bytes().as_slice(), &nodes]).await.unwrap();
    assert_eq!(moved, 1);
}

mod slow {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn a_byte_flipped_anywhere_in_the_published_files_is_named_by_its_file() {
        let world = finished_log().await;
        let keys = [world.vkey(NODE, "demo")];
        let tiles = world.tiles(NODE, "demo");
        check_files(&tiles, &keys).unwrap();
        let published = files(&tiles);
        assert!(published.len() >= 6, "checkpoint, tiles of two levels, whole and partial: {published:?}");
        for path in published {
            let genuine = std::fs::read(&path).unwrap();
            let whole = path == TileDir::open(&tiles).checkpoint_path();
            let step = if whole { 1 } else { genuine.len().div_ceil(FLIPS_MAX) };
            let last = genuine.len() - 1;
            for at in (0..last).step_by(step).chain([last]) {
                let mut flipped = genuine.clone();
                flipped[at] ^= 1 << (at % 8);
                std::fs::write(&path, &flipped).unwrap();
                let finding = check_files(&tiles, &keys).err();
                let finding = finding.unwrap_or_else(|| panic!("byte {at} of {} flipped unseen", path.display()));
                assert_eq!(finding.file, path, "byte {at}: {finding:?}");
            }
            for other in [&genuine[..last], &[&genuine[..], b"x"].concat(), b""] {
                std::fs::write(&path, other).unwrap();
                assert_eq!(check_files(&tiles, &keys).unwrap_err().file, path);
            }
            std::fs::remove_file(&path).unwrap();
            assert_eq!(check_files(&tiles, &keys).unwrap_err().file, path);
            std::fs::write(&path, &genuine).unwrap();
            check_files(&tiles, &keys).unwrap();
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn every_row_that_an_owner_of_the_tables_changes_is_named() {
        let world = finished_log().await;
        let entries = world.entries(NODE, "demo");
        let (one, two, other) = pick(&entries);
        let noted = |entry: &Entry| entry.kind.as_str() == "conversation.noted/1";
        let note = entries.iter().position(noted).unwrap();
        let next = entries.iter().rposition(noted).unwrap();
        let (postgres, sql) = database(&world).await;
        keep_tables(&sql).await;
        let (valid, said) = world.verify(NODE, "demo");
        assert!(valid, "{said}");
        let saved = |entry: &Entry| entry.kind.as_str() == "reply.saved/1";
        let last = entries.iter().rposition(saved).unwrap();
        for Change { what, sql: text, caught, after } in entry_changes(entries.len())
            .into_iter()
            .chain(message_changes(one, two, other))
            .chain(note_changes(note, next, other))
            .chain(reply_changes(last))
        {
            sql.batch_execute(&text).await.unwrap_or_else(|error| panic!("{what}: {error:?}"));
            let (valid, said) = world.verify(NODE, "demo");
            assert!(!valid && said.contains("TAMPERED") && said.contains(&caught), "{what}: {said}");
            put_back(&sql, after).await;
        }
        let (valid, said) = world.verify(NODE, "demo");
        assert!(valid, "all was put back, and yet: {said}");
        let (kept, size) = (entries.len() - 20, entries.len());
        truncate(&sql, &entries[..kept]).await;
        let (valid, said) = world.verify(NODE, "demo");
        let caught = format!("row log_head: size {kept} is behind the published checkpoint's {size}");
        assert!(!valid && said.contains(&caught), "{said}");
        postgres.stop().await.unwrap();
        let refused = world.launch(NODE, &[]).err().unwrap();
        let caught = format!("entries {kept} to {} are missing", size - 1);
        assert!(refused.contains("tenant demo") && refused.contains("behind the rollback guard"), "{refused}");
        assert!(refused.contains(&caught), "{refused}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_old_database_put_back_is_refused_with_the_missing_range() {
    let world = World::private();
    let server = world.start(NODE);
    send(server.http, 0..10).await;
    server.stop();
    let old = world.entries(NODE, "demo").len();
    let pg = world.data(NODE).join("pg");
    let (backup, newest) = (world.path().join("backup"), world.path().join("newest"));
    copy(&pg, &backup);
    let server = world.start(NODE);
    send(server.http, 10..20).await;
    server.stop();
    let new = world.entries(NODE, "demo").len();
    std::fs::rename(&pg, &newest).unwrap();
    std::fs::rename(&backup, &pg).unwrap();
    let refused = world.launch(NODE, &[]).err().unwrap();
    assert!(refused.contains("behind the rollback guard"), "{refused}");
    // The system log is the first to be looked at; the tenant's is behind as well.
    let (valid, said) = world.verify(NODE, "demo");
    let caught = format!("row log_head: size {old} is behind the published checkpoint's {new}");
    assert!(!valid && said.contains(&caught), "{said}");
    let adopting = world.launch(NODE, &["--adopt-head"]).err().unwrap();
    assert!(adopting.contains("behind the rollback guard"), "a guard that speaks is not overruled: {adopting}");
    std::fs::rename(&pg, &backup).unwrap();
    std::fs::rename(&newest, &pg).unwrap();
    let server = world.start(NODE);
    send(server.http, 20..21).await;
    server.stop();
    let (valid, said) = world.verify(NODE, "demo");
    assert!(valid, "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_that_is_not_published_yet_is_held_against_the_head() {
    let world = World::private();
    let server = world.start(NODE);
    send(server.http, 0..10).await;
    server.stop();
    let published = world.entries(NODE, "demo").len();
    let (tiles, old) = (world.tiles(NODE, "demo"), world.path().join("old"));
    copy(&tiles, &old);
    let server = world.start(NODE);
    send(server.http, 10..20).await;
    server.stop();
    std::fs::remove_dir_all(&tiles).unwrap();
    copy(&old, &tiles);
    let (valid, said) = world.verify(NODE, "demo");
    assert!(valid, "{said}");
    let (postgres, sql) = database(&world).await;
    let behind = published + 3;
    let flip = "body = set_byte(body, length(body) - 2, get_byte(body, length(body) - 2) # 1)";
    sql.batch_execute(&format!("UPDATE ledger_entry SET {flip} WHERE seq = {behind}")).await.unwrap();
    let (valid, said) = world.verify(NODE, "demo");
    assert!(!valid && said.contains("TAMPERED") && said.contains("behind the published checkpoint"), "{said}");
    sql.batch_execute(&format!("UPDATE ledger_entry SET {flip} WHERE seq = {behind}")).await.unwrap();
    let (valid, said) = world.verify(NODE, "demo");
    assert!(valid, "{said}");
    postgres.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_without_its_guard_is_opened_only_on_the_operators_recorded_word() {
    let world = World::private();
    let server = world.start(NODE);
    send(server.http, 0..3).await;
    server.stop();
    let size = world.entries(NODE, "demo").len();
    std::fs::remove_file(world.data(NODE).join("guard").join("demo-1")).unwrap();
    for _ in 0..2 {
        let refused = world.launch(NODE, &[]).err().unwrap();
        let told = refused.contains("tenant demo") && refused.contains("guard for the log is missing");
        assert!(told && refused.contains("--adopt-head"), "{refused}");
    }
    world.try_start(NODE, &["--adopt-head"]).unwrap().stop();
    world.start(NODE).stop();
    let entries = world.entries(NODE, "demo");
    let adopted: Vec<_> = entries.iter().filter(|entry| entry.kind.as_str() == "guard.adopted/1").collect();
    let [adopted] = adopted[..] else { panic!("{} adoptions recorded", adopted.len()) };
    let recorded = String::from_utf8(adopted.to_bytes().unwrap()).unwrap();
    assert!(recorded.contains(&format!("\"size\":{size}")), "{recorded}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_foreign_log_key_is_refused() {
    let world = World::private();
    world.start(NODE).stop();
    let genuine = world.vkey(NODE, "demo");
    let origin = world.entries(NODE, "demo")[0].log.clone();
    let (keys, foreign) = (world.path().join("keys"), world.path().join("foreign"));
    copy(&keys, &foreign);
    let name = "log-demo-1.key";
    std::fs::remove_file(foreign.join(name)).unwrap();
    let places = KeyPlaces { directory: foreign.clone(), master: None };
    let made = KeyDirectory::open_or_create(&places, Arc::new(SystemRandom::new()), false).unwrap();
    made.log_signer(&origin, true).unwrap();
    copy(&foreign.join(name), &keys.join(name));
    let refused = world.launch(NODE, &[]).err().unwrap();
    assert!(refused.contains(&format!("the log was opened under key {genuine}")), "{refused}");
    let (valid, said) = world.verify(NODE, "demo");
    assert!(!valid, "{said}");
}
