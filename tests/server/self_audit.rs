//! The copy of what is published, and the server's own look through what it keeps: a copy that is fetched from its folder
//! verifies, goes on wherever it was left and is never written over; whatever somebody changes of rows, tiles, bundles or the
//! copy is found, named and recorded once, and nothing is found where nothing was changed. Needs PostgreSQL on the machine;
//! `./x test` installs it.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a broken test world fails the test")]

use crate::common;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use common::load::Customers;
use common::people::ask;
use common::{Server, World, chosen_password, files, key, now, until};
use liaowaiwai::cli::client::Client;
use lww_audit::entry::Detail;
use lww_audit::{Entry, TileDir, fsck};
use serde_json::Value;
use tokio_postgres::{Client as Sql, NoTls};

const NODE: &str = "a";

fn mirror(world: &World) -> PathBuf {
    world.path().join("mirror")
}

/// Where the demo tenant's log lies in the copy.
fn copy(world: &World) -> PathBuf {
    mirror(world).join("lww.test/demo/1")
}

/// A node that copies each second, and looks each second.
fn start(world: &World) -> Server {
    let text = std::fs::read_to_string(world.configure(NODE)).unwrap();
    let more = format!(
        "\n[mirror]\nfolder = \"{}\"\nevery_s = 1\n[self_audit]\nnewest_every_s = 1\n",
        mirror(world).display()
    );
    world.launch_with(NODE, &(text + &more)).unwrap()
}

/// The auditor, who chose a password before.
async fn again(server: &Server) -> Client {
    let auditor = server.client();
    auditor.login("demo", "auditor", &chosen_password("auditor")).await.unwrap();
    auditor
}

async fn custody(auditor: &Client) -> Value {
    let (status, told) = ask(auditor, "GET", "/api/v1/ledger/custody", None).await;
    assert_eq!(status, 200, "{told}");
    told
}

/// Customers write until so many messages more were taken in.
async fn write(server: &Server, count: usize) {
    let mut customers = Customers::start(6);
    customers.know(&[server.http]);
    customers.progress(count).await;
    customers.finish().await;
}

/// Waits until the copy holds all that is signed.
async fn copied(auditor: &Client) {
    until("the copy to be as large as the log", async || {
        let told = custody(auditor).await;
        told["mirror"]["state"] == "current" && told["mirror"]["size"] == told["head"]["size"]
    })
    .await;
}

fn check(world: &World, folder: &Path) -> Result<u64, Box<fsck::Finding>> {
    let keys = [world.vkey(NODE, "demo")];
    fsck::check(&TileDir::open(folder), &keys, &mut |_| {}).map(|summary| summary.checkpoint.size.0)
}

fn names(folder: &Path) -> BTreeSet<PathBuf> {
    files(folder).iter().map(|file| file.strip_prefix(folder).unwrap().to_owned()).collect()
}

fn flip(file: &Path) {
    let mut bytes = std::fs::read(file).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(file, bytes).unwrap();
}

async fn superuser(world: &World) -> Sql {
    let (client, connection) = world.superuser().connect(NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}

/// What was recorded as found in the demo tenant's log: part, name and entry.
async fn recorded(sql: &Sql) -> Vec<(String, String, Option<i64>)> {
    let query =
        "SELECT body FROM ledger_entry WHERE position(convert_to('audit.found/1', 'UTF8') IN body) > 0 ORDER BY seq";
    let rows = sql.query(query, &[]).await.unwrap();
    let read = |body: &[u8]| {
        let entry = Entry::parse(body).unwrap();
        let Detail::Object(detail) = &entry.detail else { panic!("{entry:?}") };
        let text = |name: &str| match &detail[name] {
            Detail::String(text) => text.clone(),
            other => panic!("{other:?}"),
        };
        let index = match detail["index"] {
            Detail::Int(index) => Some(index),
            _ => None,
        };
        (entry.tenant == "demo").then(|| (text("part"), text("name"), index))
    };
    rows.iter().filter_map(|row| read(row.get(0))).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_in_a_folder_verifies_goes_on_after_a_restart_and_holds_what_is_published_and_no_more() {
    let world = World::private();
    let server = start(&world);
    let auditor = server.staff("auditor").await;
    write(&server, 280).await;
    copied(&auditor).await;
    let first = check(&world, &copy(&world)).unwrap_or_else(|finding| panic!("{finding:?}"));
    server.stop();
    let server = start(&world);
    let auditor = again(&server).await;
    write(&server, 30).await;
    copied(&auditor).await;
    let told = custody(&auditor).await;
    assert_eq!((&told["mirror"]["state"], &told["mirror"]["reason"]), (&"current".into(), &Value::Null), "{told}");
    server.stop();
    let second = check(&world, &copy(&world)).unwrap_or_else(|finding| panic!("{finding:?}"));
    assert!(second > first);
    // Partial tiles that were replaced by larger ones are gone here as they are there; the stop published once more.
    let gone = names(&copy(&world)).difference(&names(&world.tiles(NODE, "demo"))).count();
    assert!(gone <= 3, "{:?}", names(&copy(&world)));
    flip(&copy(&world).join("tile/0/000"));
    assert_eq!(check(&world, &copy(&world)).unwrap_err().file, copy(&world).join("tile/0/000"));
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_found_on_a_server_that_is_well_under_load_and_over_a_restart() {
    let world = World::shared().await;
    let sql = superuser(&world).await;
    let mut server = start(&world);
    for _ in 0..2 {
        let mut customers = Customers::start(6);
        customers.know(&[server.http]);
        for _ in 0..4 {
            customers.progress(60).await;
            tokio::time::sleep(std::time::Duration::from_millis(600)).await;
        }
        customers.finish().await;
        assert!(!server.errors().contains("audit_found"), "{}", server.errors());
        server.stop();
        server = start(&world);
    }
    until("a look at the newest entries", async || {
        let sizes = std::fs::read_to_string(copy(&world).join("checkpoint")).unwrap_or_default();
        sizes.lines().nth(1).is_some_and(|size| size.parse::<u64>().is_ok_and(|size| size > 256))
    })
    .await;
    server.stop();
    assert_eq!(recorded(&sql).await, []);
    drop(sql);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_somebody_changes_of_what_is_kept_is_found_named_and_recorded_once() {
    let world = World::shared().await;
    let sql = superuser(&world).await;
    let server = start(&world);
    write(&server, 560).await;
    let tiles = world.tiles(NODE, "demo");
    let size = || TileDir::open(&tiles).checkpoint().unwrap().unwrap().unverified().size.0;
    until("two full tiles in the copy", async || copy(&world).join("tile/0/001").exists() && size() > 512).await;
    let tenant: i32 = sql.query_one("SELECT id FROM tenant WHERE name = 'demo'", &[]).await.unwrap().get(0);
    let edit =
        "UPDATE ledger_entry SET body = set_byte(body, 40, get_byte(body, 40) # 1) WHERE tenant = $1 AND seq = 100";
    assert_eq!(sql.execute(edit, &[&tenant]).await.unwrap(), 1);
    let mut found = vec![("row".to_owned(), "ledger_entry".to_owned(), Some(100))];
    let wait = async |found: &[(String, String, Option<i64>)]| {
        until("the finding to be recorded", async || recorded(&sql).await.len() >= found.len()).await;
        assert_eq!(recorded(&sql).await, found);
    };
    wait(&found).await;
    assert!(server.errors().contains("audit_found") && server.errors().contains("ledger_entry"), "{}", server.errors());
    let part = |part: &str, name: &str| (part.to_owned(), name.to_owned(), None);
    // Each is put right again, so that the next is seen by itself.
    for (file, what) in [
        (tiles.join("tile/0/001"), part("tile", "tile/0/001")),
        (tiles.join("tile/entries/001"), part("bundle", "tile/entries/001")),
        (copy(&world).join("tile/entries/000"), part("object", "tile/entries/000")),
        (copy(&world).join("tile/0/000"), part("object", "tile/0/000")),
    ] {
        flip(&file);
        found.push(what);
        wait(&found).await;
        flip(&file);
    }
    let lost = copy(&world).join("tile/0/001");
    let bytes = std::fs::read(&lost).unwrap();
    std::fs::remove_file(&lost).unwrap();
    found.push(part("object", "tile/0/001"));
    wait(&found).await;
    std::fs::write(&lost, bytes).unwrap();
    // The log goes on, and what was found is not recorded again, by whichever server.
    write(&server, 20).await;
    server.stop();
    sql.execute(edit, &[&tenant]).await.unwrap();
    let server = start(&world);
    sql.execute(edit, &[&tenant]).await.unwrap();
    until("the row to be found again", async || server.errors().matches("audit_found").count() > found.len()).await;
    write(&server, 20).await;
    server.stop();
    assert_eq!(recorded(&sql).await, found);
    drop(sql);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sealed_text_that_somebody_changes_is_found_and_of_whoever_is_erased_none_is_looked_for() {
    let world = World::shared().await;
    let sql = superuser(&world).await;
    let server = start(&world);
    let mut said = Vec::new();
    for (who, text) in [("ann", "one"), ("ann", "two"), ("ben", "three")] {
        let sent = server.client().send_message(&key("demo"), (who, text), text, now()).await.unwrap();
        said.push(i64::try_from(sent.index).unwrap());
    }
    let tenant: i32 = sql.query_one("SELECT id FROM tenant WHERE name = 'demo'", &[]).await.unwrap().get(0);
    let flip_text = async |entry: i64| {
        let edit = "UPDATE message SET masked = set_byte(masked, length(masked) / 2, get_byte(masked, length(masked) / 2) # 1) \
            WHERE tenant = $1 AND entry_seq = $2";
        assert_eq!(sql.execute(edit, &[&tenant, &entry]).await.unwrap(), 1);
    };
    // What an erasure leaves: rows that nothing opens.
    let gone = "DELETE FROM data_key k USING message m, conversation c WHERE k.tenant = $1 AND m.tenant = $1 AND c.tenant = $1 \
        AND m.entry_seq = $2 AND c.id = m.conversation AND k.subject = c.subject";
    assert_eq!(sql.execute(gone, &[&tenant, &said[2]]).await.unwrap(), 1);
    flip_text(said[2]).await;
    let mut found = Vec::new();
    for entry in [said[1], said[0]] {
        flip_text(entry).await;
        found.push(("row".to_owned(), "text".to_owned(), Some(entry)));
        until("the finding to be recorded", async || recorded(&sql).await.len() >= found.len()).await;
        flip_text(entry).await;
        assert_eq!(recorded(&sql).await, found);
    }
    assert!(server.errors().contains("what its entry committed to"), "{}", server.errors());
    server.stop();
    assert_eq!(recorded(&sql).await, found);
    drop(sql);
    world.end().await;
}

mod slow {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn what_lies_in_the_copy_s_place_is_never_written_over_and_what_can_not_be_reached_stops_nobody() {
        let world = World::private();
        let server = start(&world);
        let auditor = server.staff("auditor").await;
        write(&server, 270).await;
        copied(&auditor).await;
        server.stop();
        // Somebody changed a tile and took the checkpoint away, so that it would be written again.
        let (tile, checkpoint) = (copy(&world).join("tile/entries/000"), copy(&world).join("checkpoint"));
        let kept = std::fs::read(&checkpoint).unwrap();
        flip(&tile);
        let changed = std::fs::read(&tile).unwrap();
        std::fs::remove_file(&checkpoint).unwrap();
        let server = start(&world);
        let auditor = again(&server).await;
        let is = async |state: &str, word: &str| {
            let told = custody(&auditor).await;
            told["mirror"]["state"] == state && told["mirror"]["reason"].as_str().unwrap_or("").contains(word)
        };
        until("the changed tile to be told", async || is("differs", "tile/entries/000").await).await;
        assert_eq!((std::fs::read(&tile).unwrap(), checkpoint.exists()), (changed, false));
        // Another log's checkpoint, and one of more than there is.
        let other = std::fs::read_to_string(world.tiles(NODE, "other").join("checkpoint")).unwrap();
        std::fs::write(&checkpoint, &other).unwrap();
        until("another log's checkpoint to be told", async || is("differs", "another log's").await).await;
        assert_eq!(std::fs::read_to_string(&checkpoint).unwrap(), other);
        let size = String::from_utf8(kept.clone()).unwrap().lines().nth(1).unwrap().to_owned();
        let larger = String::from_utf8(kept.clone()).unwrap().replacen(&format!("\n{size}\n"), "\n9999999\n", 1);
        std::fs::write(&checkpoint, &larger).unwrap();
        until("a larger copy to be told", async || is("differs", "more than this server has published").await).await;
        assert_eq!(std::fs::read_to_string(&checkpoint).unwrap(), larger);
        // Put right, it goes on by itself. Meanwhile nobody was kept waiting.
        flip(&tile);
        std::fs::write(&checkpoint, kept).unwrap();
        write(&server, 5).await;
        copied(&auditor).await;
        let aside = mirror(&world).with_extension("aside");
        std::fs::rename(mirror(&world), &aside).unwrap();
        std::fs::write(mirror(&world), "not a folder").unwrap();
        write(&server, 5).await;
        until("the place to be told as out of reach", async || is("unreachable", "").await).await;
        write(&server, 5).await;
        std::fs::remove_file(mirror(&world)).unwrap();
        std::fs::rename(&aside, mirror(&world)).unwrap();
        copied(&auditor).await;
        check(&world, &copy(&world)).unwrap_or_else(|finding| panic!("{finding:?}"));
        server.stop();
        world.end().await;
    }
}
