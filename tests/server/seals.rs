//! Seals of a running server, held against the chains by the auditor's own check: under load, over restarts and at another
//! server; and a row that somebody changed makes a seal that is caught. Needs PostgreSQL on the machine; `./x test` installs it.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a broken test world fails the test")]

use crate::common;

use common::load::Customers;
use common::{World, wait_until};
use lww_audit::error::Link;
use lww_audit::seal::{LAG_ENTRIES_MAX, Seal};
use lww_audit::{Entry, EntryIndex, Error};

const NODE: &str = "node";

/// Orders a seal of the demo tenant's log.
fn seal(world: &World, node: &str) -> (bool, String) {
    world.lww(node, &["ledger", "seal", "--tenant", "demo"])
}

fn sealed(world: &World, node: &str) {
    let (sealed, said) = seal(world, node);
    assert!(sealed && said.contains("sealed by entry "), "{said}");
}

/// The seals of what a node published, with their places.
fn seals(world: &World, node: &str) -> Vec<(EntryIndex, Seal)> {
    let read = |entry: &Entry| Some((entry.seq, Seal::read(entry).unwrap()?));
    world.entries(node, "demo").iter().filter_map(read).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn seals_that_are_made_under_load_and_over_a_restart_are_what_the_chains_come_to() {
    let world = World::private();
    let server = world.start(NODE);
    let mut customers = Customers::start(6);
    customers.know(&[server.http]);
    for _ in 0..4 {
        customers.progress(60).await;
        sealed(&world, NODE);
    }
    customers.finish().await;
    server.stop();
    let server = world.start(NODE);
    sealed(&world, NODE);
    server.stop();
    let (refused, said) = seal(&world, NODE);
    assert!(!refused, "nobody seals without a server: {said}");
    let seals = seals(&world, NODE);
    assert_eq!(seals.len(), 5);
    for (index, seal) in &seals {
        assert!(seal.upto.0 <= index.0 && index.0 - seal.upto.0 <= LAG_ENTRIES_MAX, "{seal:?} at {index}");
        assert!(seal.chains > 0);
    }
    assert!(seals.is_sorted_by_key(|(_, seal)| seal.upto));
    let checked = world.fsck(NODE, "demo").unwrap_or_else(|finding| panic!("{finding:?}"));
    let (_, last) = seals.last().unwrap();
    assert_eq!(last.chains, checked.conversations + checked.subjects);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_takes_the_log_over_seals_it_and_the_one_that_stands_by_does_not() {
    let world = World::shared().await;
    let first = world.start("a");
    let second = world.launch("b", &["--adopt-head"]).unwrap();
    let mut customers = Customers::start(4);
    customers.know(&[first.http, second.http]);
    customers.progress(40).await;
    sealed(&world, "a");
    assert!(!seal(&world, "b").0, "the one that stands by can't seal");
    first.kill();
    second.wait_ready();
    customers.progress(40).await;
    wait_until("the other server to seal", || seal(&world, "b").0);
    customers.finish().await;
    second.stop();
    let seals = seals(&world, "b");
    assert!(seals.len() >= 2, "{seals:?}");
    world.fsck("b", "demo").unwrap_or_else(|finding| panic!("{finding:?}"));
    world.end().await;
}

/// What somebody changes of the rows, and the first link that does not hold afterwards.
async fn wrong(change: &str) -> (Box<lww_audit::fsck::Finding>, String) {
    let world = World::private();
    let server = world.start(NODE);
    let mut customers = Customers::start(2);
    customers.know(&[server.http]);
    customers.progress(30).await;
    customers.finish().await;
    server.stop();
    let (postgres, owner) = world.owner_of(NODE).await;
    owner.batch_execute(change).await.unwrap();
    drop(owner);
    postgres.stop().await.unwrap();
    let server = world.start(NODE);
    let (_, said) = seal(&world, NODE);
    server.stop();
    match world.fsck(NODE, "demo") {
        Err(finding) => (finding, said),
        Ok(summary) => panic!("a wrong seal went unnoticed after {change}: {summary:?} {said}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_seal_over_a_row_that_somebody_changed_is_caught_by_whoever_checks_the_log() {
    let forged = "UPDATE conversation SET chain_leaf = set_byte(chain_leaf, 0, get_byte(chain_leaf, 0) # 1) \
                  WHERE id = (SELECT id FROM conversation ORDER BY id LIMIT 1)";
    let (finding, said) = wrong(forged).await;
    assert_eq!(finding.kind.as_ref().map(lww_audit::Kind::as_str), Some("chains.sealed/1"), "{finding:?}");
    assert!(matches!(finding.error, Error::ChainBreak { link: Link::SealedRoot, .. }), "{finding:?}");
    assert!(said.contains(&format!("sealed by entry {}", finding.entry.unwrap())), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_that_ends_where_the_log_has_not_come_to_is_never_sealed() {
    let world = World::private();
    let server = world.start(NODE);
    let mut customers = Customers::start(2);
    customers.know(&[server.http]);
    customers.progress(10).await;
    customers.finish().await;
    server.stop();
    let (postgres, owner) = world.owner_of(NODE).await;
    owner.batch_execute("UPDATE conversation SET subject_seq = 1000000, subject_n = 1000000").await.unwrap();
    drop(owner);
    postgres.stop().await.unwrap();
    let server = world.start(NODE);
    assert!(!seal(&world, NODE).0);
    server.stop();
    assert!(seals(&world, NODE).is_empty());
    world.end().await;
}
