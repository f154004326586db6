//! Somebody with every right on files or database changes what was recorded: each change is caught, and what was touched is
//! named. Needs PostgreSQL on the machine; `./x test` installs it.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a broken test world fails the test")]

use crate::common;

use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use common::load::Customers;
use common::people::{ask, call, printed_password};
use common::{World, files, key, now};
use liaowaiwai::cli::client::{Client, Listing};
use liaowaiwai::crypto::{KeyDirectory, KeyPlaces, SystemRandom};
use lww_audit::entry::Detail;
use lww_audit::merkle::{Frontier, leaf_hash};
use lww_audit::{Entry, TileDir, VerifierKey, fsck};
use serde_json::json;
use tokio_postgres::{Client as Sql, NoTls};
use uuid::Uuid;

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

/// What somebody could do to the rows of accounts and of what is in force, as they are for the tenant `demo`.
fn people_changes(account: Uuid) -> Vec<Change> {
    let of = |table: &str, what: &str| format!("row {table} {}: {what}", account.simple());
    let set = |what: &str| format!("UPDATE account SET {what} WHERE id = '{account}'");
    let not_spoken_of = |table: &str| format!("row {table} {}: no entry speaks of it", Uuid::from_u128(7).simple());
    let added = "INSERT INTO account (tenant, id, login, profile, password, role, must_change, version) SELECT tenant, \
        '00000000-0000-0000-0000-000000000007', '\\x00', profile, password, 5, false, 1 FROM kept_account";
    let added = format!("{added} WHERE id = '{account}'");
    let desk = "INSERT INTO agent (tenant, id, capacity, load, online, idle_since, version) SELECT tenant, \
        '00000000-0000-0000-0000-000000000007', 1000, 0, false, 0, 1 FROM kept_agent";
    let desk = format!("{desk} WHERE id = '{account}'");
    let factor = format!(
        "INSERT INTO second_factor (tenant, account, secret, last_step) SELECT tenant, id, '\\x00', 0 FROM account WHERE id = '{account}'"
    );
    let unsaid = "is not what its entries say";
    vec![
        change("a role changed", set("role = 5"), of("account", "its role is another")),
        change(
            "an account disabled",
            set("enabled = false"),
            of("account", &format!("whether it is enabled {unsaid}")),
        ),
        change("an account locked", set("locked = true"), of("account", &format!("whether it is locked {unsaid}"))),
        change(
            "a password's end forgotten",
            set("must_change = NOT must_change"),
            of("account", &format!("whether its password must be changed {unsaid}")),
        ),
        change(
            "a login replaced",
            set("login = '\\x01'"),
            of("account", "its login is not the one that was sealed for it"),
        ),
        change("a name replaced", set("profile = login"), of("account", "its name does not open")),
        change(
            "an account deleted",
            format!("DELETE FROM account WHERE id = '{account}'"),
            of("account", "it is missing"),
        ),
        change("an account added", added, not_spoken_of("account")),
        Change {
            after: "DELETE FROM second_factor",
            ..change(
                "a second factor put in",
                factor,
                of("account", &format!("whether it has a second factor {unsaid}")),
            )
        },
        change(
            "skills given",
            format!("UPDATE agent SET skills = 'loans' WHERE id = '{account}'"),
            of("agent", "its skills are others"),
        ),
        change("a desk deleted", format!("DELETE FROM agent WHERE id = '{account}'"), of("agent", "it is missing")),
        change("a desk added", desk, not_spoken_of("agent")),
    ]
}

/// What somebody could do to what is in force.
fn policy_changes() -> Vec<Change> {
    let own = "tenant = (SELECT id FROM tenant WHERE name = 'demo')";
    let text = |column: &str| {
        format!(
            "UPDATE policy SET source = source || ' ' WHERE {own} AND digest = (SELECT {column} FROM settings WHERE {own})"
        )
    };
    let other = "it names another than its newest entry activated";
    let added = format!("INSERT INTO policy SELECT tenant, '\\x07', source FROM kept_policy WHERE {own} LIMIT 1");
    vec![
        change("a policy's text edited", text("policy"), "its text is not the one that was activated".to_owned()),
        change("a table's text edited", text("routing"), "its text is not the one that was activated".to_owned()),
        change("the policies deleted", format!("DELETE FROM policy WHERE {own}"), "row policy ".to_owned()),
        change("a policy added", added, "row policy 07: no entry speaks of it".to_owned()),
        change(
            "another policy put into force",
            format!("UPDATE settings SET policy = routing WHERE {own}"),
            format!("row settings masking: {other}"),
        ),
        change(
            "the table taken away",
            format!("UPDATE settings SET routing = NULL WHERE {own}"),
            format!("row settings routing: {other}"),
        ),
        change(
            "another entry named",
            format!("UPDATE settings SET policy_entry = 1 WHERE {own}"),
            "row settings masking: it names another entry than the newest".to_owned(),
        ),
        change(
            "the settings deleted",
            format!("DELETE FROM settings WHERE {own}"),
            "row settings demo: it is missing".to_owned(),
        ),
    ]
}

/// What somebody could do to the row of a conversation.
fn conversation_changes(conversation: Uuid) -> Vec<Change> {
    let of = |table: &str, what: &str| format!("row {table} {}: {what}", conversation.simple());
    let set = |what: &str| format!("UPDATE conversation SET {what} WHERE public_id = '{conversation}'");
    let key = format!("(SELECT id FROM kept_conversation WHERE public_id = '{conversation}')");
    let route = |what: &str| format!("UPDATE conversation_route SET {what} WHERE conversation = {key}");
    let columns = "subject, channel, 2, version, last_message, opened_seq, opened_at, chain_n, chain_seq, chain_leaf, subject_n, \
        subject_seq, subject_leaf";
    let added = format!(
        "INSERT INTO conversation (tenant, id, public_id, {}) SELECT tenant, gen_random_uuid(), \
         '00000000-0000-0000-0000-000000000007', {columns} FROM kept_conversation WHERE public_id = '{conversation}'",
        columns.replace("2, version", "state, version")
    );
    let stray = format!(
        "INSERT INTO conversation_route SELECT (r).* FROM (SELECT jsonb_populate_record(k, jsonb_build_object('conversation', \
         '00000000-0000-0000-0000-000000000007')) AS r FROM kept_conversation_route k WHERE conversation = {key}) r"
    );
    let nobody = Uuid::from_u128(7);
    vec![
        change("a conversation closed", set("state = 2"), of("conversation", "its state is another")),
        change("an agent put in", set("agent = gen_random_uuid()"), of("conversation", "its agent is another")),
        change(
            "an agent before put in",
            set("last_agent = gen_random_uuid()"),
            of("conversation", "the agent who had it before is another"),
        ),
        change("a channel replaced", set("channel = 9999"), of("conversation", "its channel is another")),
        change(
            "a message kept from being counted",
            set("last_message = last_message - 1"),
            of("conversation", "the place of its newest message is another"),
        ),
        change(
            "the time of opening moved",
            set("opened_at = opened_at - 1"),
            of("conversation", "the time that it was opened at is another"),
        ),
        change(
            "the chain's end moved",
            set("chain_seq = chain_seq - 1"),
            of("conversation", "its chain does not end at its newest entry"),
        ),
        change(
            "marked as read",
            set("read_seq = read_seq + 1"),
            of("conversation", "how far it was read is not what its entries say"),
        ),
        change("a queue replaced", route("queue = 'elsewhere'"), of("conversation_route", "its queue is another")),
        change(
            "let wait",
            route("waiting = NOT waiting"),
            of("conversation_route", "whether it waits is not what its entries say"),
        ),
        change("a wish made", route("wish = 2"), of("conversation_route", "its wish is another")),
        change(
            "a route deleted",
            format!("DELETE FROM conversation_route WHERE conversation = {key}"),
            of("conversation_route", "it is missing"),
        ),
        change("a route added", stray, format!("row conversation_route {nobody}: no entry speaks of it")),
        change("a conversation added", added, format!("row conversation {}: no entry speaks of it", nobody.simple())),
    ]
}

const TABLES: [&str; 11] = [
    "ledger_entry",
    "message",
    "note",
    "canned_reply",
    "log_head",
    "policy",
    "settings",
    "account",
    "agent",
    "conversation",
    "conversation_route",
];

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

/// The account that an entry made for an agent.
fn agent(entries: &[Entry]) -> Uuid {
    let fields = entries.iter().filter(|entry| entry.kind.as_str() == "account.created/1").map(|entry| {
        let Detail::Object(fields) = &entry.detail else { panic!("{:?}", entry.detail) };
        fields
    });
    let made = fields.into_iter().find(|fields| fields["role"] == Detail::String("agent".to_owned())).unwrap();
    let Detail::String(account) = &made["account"] else { panic!("{made:?}") };
    Uuid::parse_str(account).unwrap()
}

/// Makes each change, sees that it is named, and puts the rows back.
async fn each_is_named(world: &World, sql: &Sql, changes: impl Iterator<Item = Change>) {
    for Change { what, sql: text, caught, after } in changes {
        sql.batch_execute(&text).await.unwrap_or_else(|error| panic!("{what}: {error:?}"));
        let (valid, said) = world.verify(NODE, "demo");
        assert!(!valid && said.contains("TAMPERED") && said.contains(&caught), "{what}: {said}");
        put_back(sql, after).await;
    }
    let (valid, said) = world.verify(NODE, "demo");
    assert!(valid, "all was put back, and yet: {said}");
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
        let (postgres, sql) = world.owner_of(NODE).await;
        keep_tables(&sql).await;
        let (valid, said) = world.verify(NODE, "demo");
        assert!(valid, "{said}");
        let saved = |entry: &Entry| entry.kind.as_str() == "reply.saved/1";
        let last = entries.iter().rposition(saved).unwrap();
        let conversation = Uuid::from_bytes(entries[one].conversation.unwrap().0);
        let changes = entry_changes(entries.len())
            .into_iter()
            .chain(message_changes(one, two, other))
            .chain(note_changes(note, next, other))
            .chain(reply_changes(last))
            .chain(policy_changes())
            .chain(people_changes(agent(&entries)))
            .chain(conversation_changes(conversation));
        each_is_named(&world, &sql, changes).await;
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

    #[tokio::test(flavor = "multi_thread")]
    async fn every_row_of_the_state_that_a_superuser_changes_is_named() {
        let world = World::shared().await;
        let server = world.start(NODE);
        let make = ["admin", "create", "--tenant", "demo", "--login", "lin", "--name", "lin", "--role", "agent"];
        let (done, told) = world.lww(NODE, &make);
        assert!(done, "{told}");
        let desk = server.staff_with("demo", "lin", &printed_password(&told)).await;
        desk.set_online(true).await.unwrap();
        send(server.http, 0..5).await;
        server.stop();
        let entries = world.entries(NODE, "demo");
        let (one, two, other) = pick(&entries);
        let (sql, connection) = world.superuser().connect(NoTls).await.unwrap();
        tokio::spawn(connection);
        let mighty: bool =
            sql.query_one("SELECT rolsuper FROM pg_roles WHERE rolname = current_user", &[]).await.unwrap().get(0);
        assert!(mighty, "row level security holds for everybody else");
        keep_tables(&sql).await;
        // One of the messages' changes besides: theirs are all made as the owner.
        let conversation = Uuid::from_bytes(entries[one].conversation.unwrap().0);
        let of_demo = format!("(SELECT tenant FROM kept_conversation WHERE public_id = '{conversation}')");
        let messages = message_changes(one, two, other)
            .into_iter()
            .take(3)
            .map(|change| Change { sql: format!("{} AND tenant = {of_demo}", change.sql), ..change });
        let changes = messages
            .chain(policy_changes())
            .chain(people_changes(agent(&entries)))
            .chain(conversation_changes(conversation));
        each_is_named(&world, &sql, changes).await;
        drop(sql);
        world.end().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_state_made_anew_names_every_row_that_differs_and_nothing_else() {
    let world = World::private();
    let server = world.start(NODE);
    let desk = server.staff("agent").await;
    desk.set_online(true).await.unwrap();
    send(server.http, 0..5).await;
    let check = ["ledger", "rebuild", "--check", "--tenant", "demo"];
    // Beside a server that writes.
    let (same, said) = world.lww(NODE, &check);
    assert!(same && said.contains("SAME") && said.contains("1 conversations and 2 policies of demo"), "{said}");
    server.stop();
    let entries = world.entries(NODE, "demo");
    let (one, ..) = pick(&entries);
    let (account, conversation) = (agent(&entries), Uuid::from_bytes(entries[one].conversation.unwrap().0));
    let (postgres, sql) = world.owner_of(NODE).await;
    keep_tables(&sql).await;
    let changed = format!(
        "UPDATE account SET role = 5 WHERE id = '{account}'; UPDATE settings SET policy = routing; DELETE FROM conversation_route; \
         UPDATE conversation SET state = 2, agent = NULL"
    );
    sql.batch_execute(&changed).await.unwrap();
    let named = [
        format!("row account {}: its role is another", account.simple()),
        "row settings masking: it names another than its newest entry activated".to_owned(),
        format!("row conversation_route {}: it is missing", conversation.simple()),
        format!("row conversation {}: its state is another", conversation.simple()),
    ];
    let (same, said) = world.lww(NODE, &check);
    assert!(!same && said.contains("4 rows of demo are not what its entries leave"), "{said}");
    for one in &named {
        assert!(said.contains(one), "{one} is not in {said}");
    }
    let (same, said) = world.lww(NODE, &[&check[..], &["--json"]].concat());
    let json = said.get(said.find('{').unwrap()..=said.rfind('}').unwrap()).unwrap();
    let told: serde_json::Value = serde_json::from_str(json).unwrap();
    assert!(!same, "{said}");
    assert_eq!(told["differences"].as_array().unwrap().len(), named.len(), "{told}");
    assert_eq!(told["entries"], entries.len());
    put_back(&sql, "").await;
    let flipped = "UPDATE ledger_entry SET body = set_byte(body, 40, get_byte(body, 40) # 1) WHERE seq = 5";
    sql.batch_execute(flipped).await.unwrap();
    let (made, said) = world.lww(NODE, &check);
    assert!(!made && said.contains("TAMPERED"), "nothing is made of entries that don't hold: {said}");
    put_back(&sql, "").await;
    let (same, said) = world.lww(NODE, &[&check[..], &["--json"]].concat());
    assert!(same, "{said}");
    postgres.stop().await.unwrap();
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
async fn flipped_and_lost_tiles_are_named_and_written_again_from_the_rows_as_they_were() {
    let world = finished_log().await;
    let (tiles, keys) = (world.tiles(NODE, "demo"), [world.vkey(NODE, "demo")]);
    let kept = world.path().join("kept");
    copy(&tiles, &kept);
    let published = world.entries(NODE, "demo");
    assert!(published.len() > 256, "a full tile and a full bundle");
    for name in ["tile/0/000", "tile/entries/000"] {
        let file = tiles.join(name);
        let bytes = std::fs::read(&file).unwrap();
        let mut flipped = bytes.clone();
        flipped[bytes.len() / 2] ^= 1;
        std::fs::write(&file, flipped).unwrap();
        assert_eq!(check_files(&tiles, &keys).unwrap_err().file, file);
        std::fs::remove_file(&file).unwrap();
        assert_eq!(check_files(&tiles, &keys).unwrap_err().file, file);
        std::fs::write(&file, bytes).unwrap();
    }
    // Set aside whole, as the operator's guide says: the next start writes the same again.
    std::fs::rename(&tiles, world.path().join("aside")).unwrap();
    world.start(NODE).stop();
    check_files(&tiles, &keys).unwrap_or_else(|finding| panic!("{finding:?}"));
    for name in ["tile/0/000", "tile/entries/000"] {
        assert_eq!(std::fs::read(tiles.join(name)).unwrap(), std::fs::read(kept.join(name)).unwrap(), "{name}");
    }
    assert_eq!(world.entries(NODE, "demo")[..published.len()], published);
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
    let (postgres, sql) = world.owner_of(NODE).await;
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
    assert!(refused.contains(&format!("the log names key {genuine}")), "{refused}");
    let (valid, said) = world.verify(NODE, "demo");
    assert!(!valid, "{said}");
}
