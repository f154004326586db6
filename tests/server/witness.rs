//! Servers and witnesses as real processes: what is published carries the quorum, and nobody gets a second history cosigned.

#![expect(clippy::unwrap_used, reason = "a broken test world fails the test")]

use crate::common;

use std::path::Path;
use std::process::Command;

use common::people::{ask, reset};
use common::witness::{History, StolenKey, Witness, policy};
use common::{Server, World, key, lww, lww_verify, now, until, wait_until};
use liaowaiwai::cli::client::Client;
use liaowaiwai::ports::Unwitnessed;
use liaowaiwai::units::TreeSize;
use lww_audit::witness::AddCheckpoint;
use lww_audit::{Checkpoint, Error, Evidence, SignedCheckpoint, TileDir, TrustPolicy};
use serde_json::Value;

const TENANTS: [&str; 3] = ["demo", "other", "system"];

/// A world whose server ran once, so that its logs have keys, with witnesses that know them and run.
fn world(names: &[&str], threshold: usize) -> (World, Vec<Witness>, TrustPolicy) {
    let mut world = World::private();
    world.start("a").stop();
    let mut witnesses: Vec<Witness> = names.iter().map(|name| Witness::new(&world, name)).collect();
    for witness in &mut witnesses {
        for tenant in TENANTS {
            witness.add_log(&world.vkey("a", tenant).to_string());
        }
        witness.start();
    }
    let path = policy(&mut world, &witnesses, threshold);
    let policy = TrustPolicy::parse(&std::fs::read(path).unwrap()).unwrap();
    (world, witnesses, policy)
}

async fn say(server: &Server, text: &str) -> u64 {
    let of = text.replace(' ', "-");
    server.client().send_message(&key("demo"), ("somebody", text), &of, now()).await.unwrap().index
}

fn published(world: &World) -> SignedCheckpoint {
    TileDir::open(world.tiles("a", "demo")).checkpoint().unwrap().unwrap()
}

fn size(world: &World) -> u64 {
    published(world).unverified().size.0
}

async fn until_published(world: &World, index: u64) {
    until("the entry to be published", async || size(world) > index).await;
}

fn without(signed: &SignedCheckpoint, name: &str) -> SignedCheckpoint {
    let lines = signed.note().signatures().iter().filter(|line| !line.name.starts_with(name)).cloned().collect();
    SignedCheckpoint::with_signatures(signed.unverified().clone(), lines).unwrap()
}

fn cosigners(signed: &SignedCheckpoint, policy: &TrustPolicy) -> Vec<String> {
    policy.verify(signed, &[]).unwrap().witnesses.iter().map(|(witness, _)| witness.name.clone()).collect()
}

async fn custody(auditor: &Client) -> Value {
    let (status, told) = ask(auditor, "GET", "/api/v1/ledger/custody", None).await;
    assert_eq!(status, 200, "{told}");
    told
}

fn state<'a>(told: &'a Value, name: &str) -> &'a str {
    let witnesses = told["witnesses"].as_array().unwrap();
    witnesses.iter().find(|one| one["name"] == name).unwrap()["state"].as_str().unwrap()
}

fn log_has(server: &Server, event: &str) -> bool {
    let files = std::fs::read_dir(server.data.join("logs")).unwrap().flatten();
    files.map(|file| std::fs::read_to_string(file.path()).unwrap()).any(|text| text.contains(event))
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_published_carries_the_quorum_and_waits_for_it_while_messages_go_on() {
    let (world, mut witnesses, policy) = world(&["w1", "w2", "w3"], 2);
    let server = world.start("a");
    let auditor = server.staff_with("demo", "auditor", &reset(&world, "demo", "auditor")).await;
    let index = say(&server, "one").await;
    until_published(&world, index).await;
    // The policy is content with what was published, and not with one cosignature less than the quorum.
    let signed = published(&world);
    assert!(cosigners(&signed, &policy).len() >= 2, "{signed}");
    let short = without(&without(&signed, "w1"), "w2");
    assert!(matches!(policy.verify(&short, &[]), Err(Error::NoQuorum { .. })));
    // So says the auditor's program of a whole log: a copy, because the log goes on.
    let copied = world.path().join("copied");
    copy(&world.tiles("a", "demo"), &copied);
    let verify = || {
        let (policy, log) = (world.path().join("witness.policy"), copied.display().to_string());
        lww_verify(&["fsck", "--policy", &policy.display().to_string(), &log])
    };
    let checkpoint = TileDir::open(&copied).checkpoint().unwrap().unwrap();
    std::fs::write(copied.join("checkpoint"), without(&checkpoint, "w3").to_string()).unwrap();
    let (code, said) = verify();
    assert!(code == 0 && said.contains("w1") && said.contains("w2"), "{said}");
    std::fs::write(copied.join("checkpoint"), without(&without(&checkpoint, "w3"), "w2").to_string()).unwrap();
    let (code, said) = verify();
    assert!(code == 21 && said.contains("no_quorum"), "{said}");
    let told = custody(&auditor).await;
    assert_eq!(told["quorum"].as_str(), Some("2 of (w1, w2, w3)"), "{told}");

    // One down is no matter.
    witnesses[0].kill();
    let index = say(&server, "two").await;
    until_published(&world, index).await;
    assert_eq!(cosigners(&published(&world), &policy), ["w2", "w3"]);
    let told = custody(&auditor).await;
    assert_eq!(state(&told, "w1"), "unreachable", "{told}");

    // Two down: what is published stays, messages are taken, acknowledged and proven as ever.
    witnesses[1].kill();
    let stays = size(&world);
    for number in 0..5 {
        let text = format!("message {number}");
        let of = format!("waits-{number}");
        let accepted = server.client().send_message(&key("demo"), ("somebody", &text), &of, now()).await.unwrap();
        assert!(accepted.receipt.is_some());
    }
    until("the witness to be missed", async || state(&custody(&auditor).await, "w2") == "unreachable").await;
    until("the wait to be told", async || log_has(&server, "publication_waits")).await;
    let told = custody(&auditor).await;
    assert_eq!(told["published"]["size"].as_u64(), Some(stays), "{told}");
    assert!(told["head"]["size"].as_u64() > Some(stays), "{told}");
    assert_eq!(size(&world), stays);
    // Its tiles are still whole, although newer ones were prepared beside them.
    world.fsck("a", "demo").unwrap_or_else(|finding| panic!("{finding:?}"));

    // They come back, and everything is caught up.
    witnesses[1].start();
    let head = told["head"]["size"].as_u64().unwrap();
    until("publication to go on", async || size(&world) >= head).await;
    until("that to be told", async || log_has(&server, "publication_goes_on")).await;
    // Who comes back last cosigns what is published already: the same tree, with one line more.
    let two = published(&world);
    assert_eq!(cosigners(&two, &policy), ["w2", "w3"]);
    witnesses[0].start();
    until("its line to be published", async || cosigners(&published(&world), &policy).len() == 3).await;
    assert_eq!(published(&world).unverified(), two.unverified());
    server.stop();
    world.fsck("a", "demo").unwrap_or_else(|finding| panic!("{finding:?}"));
    let signed = published(&world);
    policy.verify(&signed, &[]).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fork_under_the_log_s_real_key_is_refused_and_convicts_it_and_an_old_head_hears_the_size() {
    let (world, witnesses, _) = world(&["w1"], 1);
    let server = world.start("a");
    let index = say(&server, "one").await;
    until_published(&world, index).await;
    let old = published(&world);
    for number in 0..4 {
        say(&server, &format!("message {number}")).await;
    }
    until_published(&world, index + 4).await;
    server.stop();
    let newest = published(&world).unverified().clone();
    let thief = StolenKey::of(&world, "demo");
    let forged = History("forged");
    let same_size = thief.request(&forged, newest.size.0, newest.size.0).await;
    let conflict = Err(Unwitnessed::Conflict { newest: newest.size });
    assert_eq!(witnesses[0].ask(&same_size).await, conflict);
    let longer = thief.request(&forged, newest.size.0, newest.size.0 + 7).await;
    assert_eq!(witnesses[0].ask(&longer).await, Err(Unwitnessed::Inconsistent));
    let rolled_back = AddCheckpoint { old: TreeSize(0), path: Vec::new(), checkpoint: old };
    assert_eq!(witnesses[0].ask(&rolled_back).await, conflict);
    let anew = thief.request(&forged, 0, 3).await;
    assert_eq!(witnesses[0].ask(&anew).await, conflict);
    let files = witnesses[0].evidence();
    assert!(!files.is_empty());
    let keys = [world.vkey("a", "demo")];
    let convicts = |path: &Path| {
        let evidence = Evidence::parse(&std::fs::read(path).unwrap()).unwrap();
        matches!(evidence.verify(&keys), Err(Error::Fork { .. }))
    };
    assert!(files.iter().any(|path| convicts(path)), "{files:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_witness_that_is_killed_over_and_over_cosigns_one_history_only() {
    let (world, mut witnesses, _) = world(&["w1"], 1);
    let thief = StolenKey::of(&world, "other");
    let histories = [History("first"), History("second")];
    let mut cosigned: Vec<Checkpoint> = Vec::new();
    for round in 0..30_u64 {
        // Somebody else kills it while it is asked, each time at another moment.
        let pid = witnesses[0].pid().to_string();
        let after = format!("0.{:03}", round * 7 % 60);
        let kill = Command::new("sh").args(["-c", &format!("sleep {after}; kill -9 {pid}")]).spawn();
        let mut newest = [0; 2];
        for turn in 0_u64.. {
            let which = usize::from((round + turn) % 2 == 1);
            let old = newest[which];
            let request = thief.request(&histories[which], old, old + 1 + turn % 3).await;
            match witnesses[0].ask(&request).await {
                Ok(_) => {
                    let checkpoint = request.checkpoint.unverified().clone();
                    newest[which] = checkpoint.size.0;
                    cosigned.push(checkpoint);
                }
                Err(Unwitnessed::Conflict { newest: size }) => newest[which] = size.0,
                Err(Unwitnessed::Inconsistent) => {}
                Err(Unwitnessed::Unreachable { .. }) => break,
                Err(refused @ Unwitnessed::Refused { .. }) => panic!("{refused}"),
            }
        }
        kill.unwrap().wait().unwrap();
        witnesses[0].kill();
        witnesses[0].start();
    }
    let of = |history: &History| {
        let root = |one: &Checkpoint| lww_audit::merkle::root_at(history, one.size).unwrap();
        cosigned.iter().all(|one| root(one) == one.root)
    };
    assert!(!cosigned.is_empty() && (of(&histories[0]) || of(&histories[1])));
    assert!(cosigned.is_sorted_by_key(|one| one.size));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_old_database_with_its_old_guard_and_its_old_tiles_is_caught_by_the_witness_alone() {
    let (world, mut witnesses, _) = world(&["w1"], 1);
    let server = world.start("a");
    let index = say(&server, "one").await;
    until_published(&world, index).await;
    server.stop();
    let (data, kept) = (world.data("a"), world.path().join("kept"));
    copy(&data, &kept);
    let server = world.start("a");
    let index = say(&server, "two").await;
    until_published(&world, index).await;
    server.stop();
    std::fs::remove_dir_all(&data).unwrap();
    copy(&kept, &data);
    let refused = world.launch("a", &[]).err().unwrap();
    assert!(refused.contains("behind what witness w1 cosigned"), "{refused}");

    // Without the witness's word it starts, and says so; nothing that contradicts the witness is published afterwards.
    witnesses[0].kill();
    let server = world.start("a");
    assert!(log_has(&server, "witness_not_looked_at"));
    let stays = size(&world);
    witnesses[0].start();
    until("the alarm", async || log_has(&server, "witness_contradicts")).await;
    assert_eq!(size(&world), stays);
    let kept: Vec<_> = std::fs::read_dir(data.join("evidence")).unwrap().collect();
    assert!(!kept.is_empty());
    server.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_whose_published_files_are_not_what_a_witness_cosigned_does_not_start() {
    let (world, mut witnesses, _) = world(&["w1"], 1);
    let thief = StolenKey::of(&world, "demo");
    // Somebody with the log's key has another history cosigned first.
    witnesses[0].ask(&thief.request(&History("forged"), 0, 3).await).await.unwrap();
    let refused = world.launch("a", &[]).err().unwrap();
    assert!(refused.contains("witness w1 cosigned another history of this log"), "{refused}");
    witnesses[0].kill();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_witness_that_was_copied_lost_or_runs_already_does_not_start() {
    let (world, mut witnesses, _) = world(&["w1"], 1);
    let witness = &mut witnesses[0];
    let mut twin = Witness::new(&world, "w2");
    std::fs::remove_dir_all(&twin.folder).unwrap();
    copy(&witness.folder, &twin.folder);
    let refused = twin.try_start(&[]).unwrap_err();
    assert!(refused.contains("is a copy") && refused.contains("--moved"), "{refused}");
    witness.kill();
    twin.try_start(&["--moved"]).unwrap();
    twin.kill();
    twin.start();
    let second = twin.try_start(&[]).unwrap_err();
    assert!(second.contains("another witness runs on"), "{second}");
    twin.kill();
    std::fs::remove_file(twin.folder.join("state/lww.test+demo+1.state")).unwrap();
    let lost = twin.try_start(&["--moved"]).unwrap_err();
    assert!(lost.contains("is lost") && lost.contains("make a new witness"), "{lost}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_witness_is_asked_by_tls_and_only_with_a_certificate_of_the_configured_authority() {
    let (mut world, mut witnesses, _) = world(&["w1"], 1);
    witnesses[0].kill();
    let beyond = ["--listen", "0.0.0.0:0"];
    let (started, refused) =
        lww(&[&["witness", "run", "--dir", &witnesses[0].folder.display().to_string()][..], &beyond].concat());
    assert!(!started && refused.contains("--certificate"), "{refused}");
    let (right, wrong) = (world.path().join("audit"), world.path().join("other"));
    let ca = witnesses[0].secure(&right);
    let other = Witness::new(&world, "w2").secure(&wrong);
    policy(&mut world, &witnesses, 1);
    let trusted = |ca: &Path| format!("{}ca = {:?}\n", world.sections, ca.display().to_string());
    let (good, bad) = (trusted(&ca), trusted(&other));
    world.sections = bad;
    let server = world.start("a");
    let auditor = server.staff_with("demo", "auditor", &reset(&world, "demo", "auditor")).await;
    until("the witness to be refused", async || state(&custody(&auditor).await, "w1") == "unreachable").await;
    let told = custody(&auditor).await;
    assert!(told["witnesses"][0]["reason"].as_str().unwrap().contains("certificate"), "{told}");
    let stays = size(&world);
    server.stop();
    assert_eq!(size(&world), stays);
    world.sections = good;
    let server = world.start("a");
    let index = say(&server, "by tls").await;
    until_published(&world, index).await;
    let (_, found) = world.lww("a", &["doctor", "--lang", "en"]);
    assert!(found.contains("witness.reach") && found.contains("1 answer"), "{found}");
    witnesses[0].kill();
    let (_, found) = world.lww("a", &["doctor", "--lang", "en"]);
    assert!(found.contains("not reached: w1"), "{found}");
    server.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_node_goes_on_where_the_witnesses_saw_the_first() {
    let mut world = World::shared().await;
    world.start("a").stop();
    let mut witnesses = vec![Witness::new(&world, "w1"), Witness::new(&world, "w2")];
    for witness in &mut witnesses {
        for tenant in TENANTS {
            witness.add_log(&world.vkey("a", tenant).to_string());
        }
        witness.start();
    }
    let path = policy(&mut world, &witnesses, 2);
    let policy = TrustPolicy::parse(&std::fs::read(path).unwrap()).unwrap();
    let first = world.start("a");
    let second = world.launch("b", &["--adopt-head"]).unwrap();
    let send = async |server: &Server, text: &str| {
        let client = Client::http(server.http);
        client.send_message(&key("demo"), ("somebody", text), text, now()).await.unwrap().index
    };
    let index = send(&first, "one").await;
    until_published(&world, index).await;
    first.kill();
    second.wait_ready();
    let index = send(&second, "two").await;
    let there = || TileDir::open(world.tiles("b", "demo")).checkpoint().unwrap();
    until("the second to publish", async || there().is_some_and(|signed| signed.unverified().size.0 > index)).await;
    assert_eq!(cosigners(&there().unwrap(), &policy), ["w1", "w2"]);
    second.stop();
    assert!(witnesses.iter().all(|witness| witness.evidence().is_empty()));
    world.end().await;
}

/// Copies a folder with modes and owners, as a backup does.
fn copy(from: &Path, to: &Path) {
    let copied = Command::new("cp").arg("-a").arg(from).arg(to).status().unwrap();
    assert!(copied.success());
    wait_until("the copy", || to.exists());
}
