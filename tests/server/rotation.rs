//! The log's key is changed while the server runs: whoever holds the old one is led to the new one and never has to believe the
//! server. Needs PostgreSQL on the machine; `./x test` installs it.

#![expect(clippy::unwrap_used, reason = "a broken test world fails the test")]

use crate::common;

use std::path::{Path, PathBuf};

use common::people::ask;
use common::{Server, World, key, now, until, verified};
use liaowaiwai::cli::client::Client;
use lww_audit::{Receipt, SignedCheckpoint, TileDir, VerifierKey};
use serde_json::Value;

const NODE: &str = "a";
const KEYS: &str = "/api/v1/ledger/keys";
const ADOPT: &[&str] = &["--adopt-head"];

/// Says something, and gives the receipt.
async fn receipt(server: &Server, of: &str) -> Receipt {
    let accepted = Client::http(server.http).send_message(&key("demo"), ("zhang", "hello"), of, now()).await.unwrap();
    Receipt::parse(accepted.receipt.unwrap().as_bytes()).unwrap()
}

fn is_by(receipt: &Receipt, key: &VerifierKey) -> bool {
    receipt.verify(std::slice::from_ref(key)).is_ok()
}

/// The keys in use, the newest first.
fn vkeys(world: &World, node: &str) -> Vec<VerifierKey> {
    let (told, said) = world.lww(node, &["ledger", "vkey"]);
    assert!(told, "{said}");
    said.lines().map(|line| line.parse().unwrap()).collect()
}

fn rotate(world: &World, node: &str) -> VerifierKey {
    let (done, said) = world.lww(node, &["ledger", "rotate-key"]);
    assert!(done, "{said}");
    said.lines().next().unwrap().parse().unwrap()
}

fn retire(world: &World, node: &str) -> (bool, String) {
    world.lww(node, &["ledger", "retire-key", "--new-key-is-known"])
}

/// Waits until what is published was signed by a key.
async fn published_by(world: &World, node: &str, key: &VerifierKey) {
    until("a checkpoint by the key", async || {
        let signed: Option<SignedCheckpoint> = TileDir::open(world.tiles(node, "demo")).checkpoint().unwrap();
        signed.is_some_and(|signed| signed.verify(std::slice::from_ref(key)).is_ok())
    })
    .await;
}

fn rotations(world: &World, node: &str) -> Vec<PathBuf> {
    let to = world.path().join("rotations");
    let (done, said) = world.lww(node, &["ledger", "rotations", "--to", to.to_str().unwrap()]);
    assert!(done, "{said}");
    said.lines().filter(|line| line.ends_with(".rotation")).map(PathBuf::from).collect()
}

/// Checks a node's published files from a key, along statements.
fn fsck(world: &World, node: &str, key: &VerifierKey, rotations: &[PathBuf]) -> bool {
    let vkey = world.path().join("held.vkey");
    std::fs::write(&vkey, key.to_string()).unwrap();
    let tiles = world.tiles(node, "demo");
    let mut arguments: Vec<&Path> = vec!["fsck".as_ref(), "--vkey".as_ref(), &vkey, &tiles];
    for path in rotations {
        arguments.extend([Path::new("--rotation"), path]);
    }
    verified(&arguments).0
}

/// From the first key to the third.
fn leads_on(world: &World, [old, new, third]: [&VerifierKey; 3]) {
    let changes = rotations(world, NODE);
    assert_eq!(changes.len(), 2);
    assert!(fsck(world, NODE, third, &[]) && fsck(world, NODE, new, &changes[1..]) && fsck(world, NODE, old, &changes));
    assert!(!fsck(world, NODE, old, &[]) && !fsck(world, NODE, old, &changes[..1]));
}

/// The API tells the keys in use and the changes, to those who verify, and the changes to any customer's page, too.
async fn api_tells(world: &World, server: &Server, in_use: [&VerifierKey; 2]) {
    let (status, told) = ask(&server.staff("auditor").await, "GET", KEYS, None).await;
    assert_eq!((status, &told["in_use"]), (200, &Value::from(in_use.map(ToString::to_string).to_vec())));
    let changes = rotations(world, NODE);
    let statement = std::fs::read_to_string(&changes[0]).unwrap();
    assert_eq!((changes.len(), &told["rotations"][0]["statement"]), (1, &Value::from(statement.as_str())));
    let open = "/api/v1/channels/web/demo/widget/rotations";
    assert_eq!(ask(&Client::http(server.http), "GET", open, None).await, (200, Value::from(vec![statement])));
    let other = open.replace("demo", "other");
    assert_eq!(ask(&Client::http(server.http), "GET", &other, None).await, (200, Value::Array(Vec::new())));
    assert_eq!(ask(&server.staff("agent").await, "GET", KEYS, None).await.0, 403);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_takes_over_signs_by_the_key_that_the_other_changed_to() {
    let world = World::shared().await;
    let first = world.start(NODE);
    let second = world.launch("b", ADOPT).unwrap();
    receipt(&first, "k1").await;
    let new = rotate(&world, NODE);
    published_by(&world, NODE, &new).await;
    assert!(retire(&world, NODE).0);
    first.stop();
    second.wait_ready();
    assert!(is_by(&receipt(&second, "k2").await, &new));
    second.stop();
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn old_keys_put_back_after_a_change_are_refused_by_name() {
    let world = World::private();
    let server = world.start(NODE);
    let old = vkeys(&world, NODE).remove(0);
    let (keys, kept) = (world.path().join("keys"), world.path().join("kept.key"));
    std::fs::copy(keys.join("log-demo-1.key"), &kept).unwrap();
    let new = rotate(&world, NODE);
    published_by(&world, NODE, &new).await;
    assert!(retire(&world, NODE).0);
    server.stop();
    std::fs::rename(keys.join("log-demo-1.2.key"), world.path().join("away.key")).unwrap();
    std::fs::copy(&kept, keys.join("log-demo-1.key")).unwrap();
    let refused = world.launch(NODE, &[]).err().unwrap();
    assert!(refused.contains(&format!("the log names key {new}, the key at hand is {old}")), "{refused}");
    std::fs::rename(world.path().join("away.key"), keys.join("log-demo-1.2.key")).unwrap();
    let server = world.start(NODE);
    assert_eq!(vkeys(&world, NODE), [new, old], "the old key's file signs beside it, as during a change");
    server.stop();
}

mod slow {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn a_key_is_changed_under_both_and_leads_whoever_holds_the_old_one_to_the_new() {
        let world = World::private();
        let server = world.start(NODE);
        let old = vkeys(&world, NODE).remove(0);
        let before = receipt(&server, "k1").await;
        let (done, said) = retire(&world, NODE);
        assert!(!done && said.contains("only one key is in use"), "{said}");
        let new = rotate(&world, NODE);
        assert_eq!(vkeys(&world, NODE), [new.clone(), old.clone()]);
        let during = receipt(&server, "k2").await;
        assert!(is_by(&during, &old) && is_by(&during, &new), "both sign");
        assert!(is_by(&before, &old) && !is_by(&before, &new));
        published_by(&world, NODE, &new).await;
        assert!(fsck(&world, NODE, &old, &[]) && fsck(&world, NODE, &new, &[]));
        api_tells(&world, &server, [&new, &old]).await;
        server.stop();

        let server = world.start(NODE);
        assert_eq!(vkeys(&world, NODE), [new.clone(), old.clone()], "a restart changes nothing");
        let (done, said) = retire(&world, NODE);
        assert!(done && said.contains("destroyed: 1"), "{said}");
        assert!(!world.path().join("keys/log-demo-1.key").exists());
        let after = receipt(&server, "k3").await;
        assert!(is_by(&after, &new) && !is_by(&after, &old), "the new key signs alone");
        let third = rotate(&world, NODE);
        published_by(&world, NODE, &third).await;
        assert!(retire(&world, NODE).0);
        let last = receipt(&server, "k4").await;
        until("the last to be published", async || {
            let signed = TileDir::open(world.tiles(NODE, "demo")).checkpoint().unwrap().unwrap();
            signed.unverified().size.0 > last.verify(std::slice::from_ref(&third)).unwrap().entry.seq.0
        })
        .await;
        leads_on(&world, [&old, &new, &third]);
        let other = server.client().send_message(&key("other"), ("li", "hello"), "o1", now()).await.unwrap();
        assert!(other.receipt.is_some(), "another tenant's log has its own key");
        server.stop();
        let (valid, said) = world.verify(NODE, "demo");
        assert!(valid, "{said}");
        let told: Vec<String> = world.entries(NODE, "demo").iter().map(|entry| entry.kind.to_string()).collect();
        let count = |kind: &str| told.iter().filter(|told| *told == kind).count();
        assert_eq!((count("key.rotated/1"), count("key.destroyed/1")), (2, 2));
    }
}
