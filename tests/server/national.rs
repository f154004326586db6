//! National algorithms, switched on and off on a log that has entries: what was sealed before opens, what is published has one more
//! signature, and nobody's verifier has to know. Needs PostgreSQL on the machine; `./x test` installs it.

#![expect(clippy::unwrap_used, reason = "a broken test world fails the test")]

use crate::common;

use std::path::Path;

use common::load::Customers;
use common::people::ask;
use common::{Server, World, chosen_password, files, key, lww_verify, now, until};
use liaowaiwai::cli::client::{Call, Client, Page};
use lww_audit::entry::Detail;
use lww_audit::fsck::PURPOSE;
use lww_audit::national::unverified_roots;
use lww_audit::tile::SHADOW;
use lww_audit::{Sm2Key, TileDir};
use serde_json::Value;

const NODE: &str = "a";
const CONTACT: &str = "13800138000";

/// Starts the node with these lines of `[national]`.
fn start(world: &World, lines: &str) -> Server {
    let text = std::fs::read_to_string(world.configure(NODE)).unwrap();
    let mirror = world.path().join("mirror");
    let more = format!("\n[national]\n{lines}\n[mirror]\nfolder = \"{}\"\nevery_s = 1\n", mirror.display());
    world.launch_with(NODE, &(text + &more)).unwrap()
}

async fn send(server: &Server, text: &str) {
    let sent = server.client().send_message(&key("demo"), (CONTACT, text), text, now()).await;
    sent.unwrap();
}

/// What a customer reads of what they said.
async fn said(server: &Server) -> Vec<String> {
    let page = server.client().messages(&key("demo"), CONTACT, Page::default(), now()).await.unwrap();
    page.messages.into_iter().map(|message| message.text).collect()
}

/// The version byte of each sealed original and masked text, and of each wrapped data key, oldest first.
async fn versions(world: &World) -> Vec<u8> {
    let (postgres, owner) = world.owner_of(NODE).await;
    let sql = "SELECT get_byte(original, 0), get_byte(masked, 0) FROM message ORDER BY entry_seq";
    let rows = owner.query(sql, &[]).await.unwrap();
    let found = rows.iter().flat_map(|row| [row.get::<_, i32>(0), row.get(1)]);
    let found = found.map(|version| u8::try_from(version).unwrap()).collect();
    drop(owner);
    postgres.stop().await.unwrap();
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn what_either_suite_sealed_is_read_whichever_the_configuration_names() {
    let world = World::private();
    let mut expected = Vec::new();
    for (n, sealing) in ["aes-256-gcm", "sm4-gcm", "aes-256-gcm", "sm4-gcm"].into_iter().enumerate() {
        let server = start(&world, &format!("sealing = \"{sealing}\""));
        send(&server, &format!("message {n}")).await;
        expected.push(format!("message {n}"));
        assert_eq!(said(&server).await, expected, "{sealing}");
        let (valid, told) = world.verify(NODE, "demo");
        assert!(valid, "{told}");
        world.assert_state(NODE);
        server.stop();
    }
    assert_eq!(versions(&world).await, [1, 1, 2, 2, 1, 1, 2, 2]);
    // A flipped bit of what SM4 sealed is found, and nothing of it is shown.
    let (postgres, owner) = world.owner_of(NODE).await;
    let sql = "UPDATE message SET masked = set_byte(masked, 70, get_byte(masked, 70) # 1), \
               original = set_byte(original, 70, get_byte(original, 70) # 1) WHERE entry_seq = (SELECT max(entry_seq) FROM message)";
    assert_eq!(owner.execute(sql, &[]).await.unwrap(), 1);
    drop(owner);
    postgres.stop().await.unwrap();
    let server = start(&world, "sealing = \"sm4-gcm\"");
    let read = server.client().messages(&key("demo"), CONTACT, Page::default(), now()).await;
    assert!(read.is_err() || read.unwrap().messages.iter().all(|message| message.text != "message 3"));
    assert!(!world.verify(NODE, "demo").0);
    server.stop();
}

/// The keys that the server says to be on the sheet, and the SM2 key of the demo tenant's log among them.
fn told_keys(world: &World) -> (String, Option<Sm2Key>) {
    let (told, keys) = world.lww(NODE, &["ledger", "keys", "--vkeys"]);
    assert!(told, "{keys}");
    let sm2 = keys.lines().filter_map(|line| line.parse::<Sm2Key>().ok()).find(|key| key.name().contains("/demo/"));
    (keys, sm2)
}

fn fsck(keys: &Path, tiles: &Path) -> (i32, String) {
    lww_verify(&["fsck", "--vkey", &keys.display().to_string(), &tiles.display().to_string()])
}

async fn published_with_sm2(tiles: &TileDir, beyond: u64) {
    until("a checkpoint with a signature by SM2", async || {
        let signed = tiles.checkpoint().unwrap();
        signed.is_some_and(|signed| signed.unverified().size.0 > beyond && unverified_roots(&signed).next().is_some())
    })
    .await;
}

/// The entries of a tenant that name an SM2 key.
fn naming(world: &World, tenant: &str) -> Vec<u64> {
    let names = |detail: &Detail| {
        let Detail::Object(fields) = detail else { return false };
        matches!(fields.get("purpose"), Some(Detail::String(purpose)) if purpose == PURPOSE)
    };
    world.entries(NODE, tenant).iter().filter(|entry| names(&entry.detail)).map(|entry| entry.seq.0).collect()
}

async fn get(client: &Client, target: &str) -> (u16, Vec<u8>) {
    let call = Call { method: "GET", target: target.to_owned(), headers: Vec::new(), body: None };
    let answer = client.send(call).await.unwrap();
    (answer.status, answer.body.to_vec())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_published_is_cosigned_over_the_sm3_root_from_the_day_it_is_switched_on() {
    let world = World::private();
    let tiles = TileDir::open(world.tiles(NODE, "demo"));
    // A log that began without.
    let server = start(&world, "cosignature = \"none\"");
    let mut customers = Customers::start(6);
    customers.know(&[server.http]);
    customers.progress(280).await;
    customers.finish().await;
    let auditor = server.staff("auditor").await;
    assert!(told_keys(&world).1.is_none());
    assert_eq!(get(&auditor, "/api/v1/ledger/tlog/sm3/tile/0/000").await.0, 404);
    server.stop();
    let before = tiles.checkpoint().unwrap().unwrap().unverified().size.0;
    assert!(before > 256 && !tiles.path().join(SHADOW).exists());
    // From here on with.
    let server = start(&world, "cosignature = \"sm2\"");
    published_with_sm2(&tiles, before).await;
    let (keys, sm2) = told_keys(&world);
    let key_file = world.path().join("keys.txt");
    std::fs::write(&key_file, &keys).unwrap();
    let sheet = std::fs::read_to_string(world.data(NODE).join("fingerprints.txt")).unwrap();
    assert!(sheet.contains(&sm2.as_ref().unwrap().to_string()), "{sheet}");
    assert_eq!(
        (naming(&world, "demo").len(), naming(&world, "other").len(), naming(&world, "system").len()),
        (1, 1, 1)
    );
    let auditor = server.client();
    auditor.login("demo", "auditor", &chosen_password("auditor")).await.unwrap();
    let (status, served) = get(&auditor, "/api/v1/ledger/tlog/sm3/tile/0/000").await;
    assert_eq!((status, &served), (200, &std::fs::read(tiles.path().join(SHADOW).join("tile/0/000")).unwrap()));
    assert_eq!(get(&auditor, "/api/v1/ledger/tlog/sm3/tile/entries/000").await.0, 404);
    assert_eq!(get(&server.client(), "/api/v1/ledger/tlog/sm3/tile/0/000").await.0, 401);
    until("the copy to be as large as the log", async || {
        let (_, told): (u16, Value) = ask(&auditor, "GET", "/api/v1/ledger/custody", None).await;
        told["mirror"]["state"] == "current" && told["mirror"]["size"] == told["head"]["size"]
    })
    .await;
    server.stop();
    for folder in [tiles.path().to_owned(), world.path().join("mirror/lww.test/demo/1")] {
        let (code, told) = fsck(&key_file, &folder);
        assert!(code == 0 && told.contains("sm2 signed by") && told.contains("named by entry"), "{code}: {told}");
        assert!(!files(&folder.join(SHADOW)).is_empty());
    }
    // The same key after a restart, and nothing names it twice; whoever has only the log's own key is content as ever.
    let server = start(&world, "cosignature = \"sm2\"");
    let (again, same) = told_keys(&world);
    assert_eq!((again, same.as_ref()), (keys, sm2.as_ref()));
    send(&server, "one more").await;
    world.vkey(NODE, "demo");
    server.stop();
    assert_eq!(naming(&world, "demo").len(), 1);
    let (code, told) = fsck(&key_file, tiles.path());
    assert_eq!(code, 0, "{told}");
    let (code, told) = fsck(&world.path().join("demo.vkey"), tiles.path());
    assert!(code == 0 && told.contains("present, not checked"), "{code}: {told}");
    // Switched off again, whoever has the SM2 key is told that its signature is missing.
    let server = start(&world, "cosignature = \"none\"");
    send(&server, "without").await;
    server.stop();
    let (code, told) = fsck(&key_file, tiles.path());
    assert!(code == 25 && told.contains("has not signed this"), "{code}: {told}");
}
