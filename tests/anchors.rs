//! A server and time-stamping authorities: receipts become entries, and an authority that fails holds nobody up.

#![expect(clippy::unwrap_used, reason = "a broken test world fails the test")]

#[path = "../audit/tests/common/authority.rs"]
#[expect(clippy::panic, reason = "a broken test authority fails the test")]
mod authority;
#[path = "common/authority_server.rs"]
mod authority_server;
mod common;

use std::sync::Arc;

use authority::{Authority, Flaw, Usage};
use authority_server::{AuthorityServer, Behaviour};
use common::people::{ask, reset};
use common::{Server, World, key, lww_verify, now, until};
use liaowaiwai::anchors::TimeStamping;
use liaowaiwai::cli::client::Client;
use liaowaiwai::crypto::SystemRandom;
use liaowaiwai::http::HttpPost;
use liaowaiwai::ports::{Anchor as _, Unanchored};
use liaowaiwai::units::TreeSize;
use lww_audit::anchor::KIND;
use lww_audit::merkle::empty_root;
use lww_audit::timestamp::{Authorities, verify};
use lww_audit::Checkpoint;
use serde_json::Value;

const WAIT_MS: u64 = 500;

fn checkpoint() -> Checkpoint {
    Checkpoint { origin: "lww.test/demo/1".parse().unwrap(), size: TreeSize(7), root: empty_root() }
}

fn stamping(server: &AuthorityServer, root: &str) -> TimeStamping {
    let url = format!("http://{}/tsa?for=test", server.address);
    TimeStamping {
        post: Arc::new(HttpPost::new(&url, None, WAIT_MS, 64 * 1024).unwrap()),
        url,
        authorities: Authorities::parse(root.as_bytes()).unwrap(),
        policy: None,
        random: Arc::new(SystemRandom::new()),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_an_authority_answers_or_does_not_is_a_receipt_that_holds_or_a_reason() {
    let authority = Authority::new("TSA one");
    let root = authority.root.clone();
    let server = AuthorityServer::start(authority);
    let one = stamping(&server, &root);
    let token = one.confirm(&checkpoint()).await.unwrap();
    verify(&token, &checkpoint().imprint(), &one.authorities).unwrap();
    for behaviour in [Behaviour::Down, Behaviour::Silent, Behaviour::Busy, Behaviour::Endless] {
        server.behave(behaviour);
        let answered = one.confirm(&checkpoint()).await;
        assert!(matches!(answered, Err(Unanchored::Unreachable { .. })), "{behaviour:?}: {answered:?}");
    }
    let flaws = [
        (Flaw::Imprint, "imprint"),
        (Flaw::Nonce, "nonce"),
        (Flaw::Late, "expired"),
        (Flaw::Signature, "signature"),
        (Flaw::Refused, "status"),
    ];
    for (flaw, word) in flaws {
        server.behave(Behaviour::Answers(flaw));
        let Err(Unanchored::Refused { reason }) = one.confirm(&checkpoint()).await else { panic!("{flaw:?}") };
        assert!(reason.contains(word), "{flaw:?}: {reason}");
    }
    server.behave(Behaviour::Page);
    assert!(matches!(one.confirm(&checkpoint()).await, Err(Unanchored::Refused { .. })));
    server.behave(Behaviour::Answers(Flaw::None));
    let stranger = stamping(&server, &Authority::new("TSA one").root);
    let Err(Unanchored::Refused { reason }) = stranger.confirm(&checkpoint()).await else { panic!("another root") };
    assert!(reason.contains("untrusted"), "{reason}");
    let wrong = Authority::used_for("TSA two", Usage::Absent);
    let root = wrong.root.clone();
    let Err(Unanchored::Refused { reason }) = stamping(&AuthorityServer::start(wrong), &root).confirm(&checkpoint()).await
    else {
        panic!("no usage")
    };
    assert!(reason.contains("usage"), "{reason}");
}

async fn say(server: &Server, text: &str) {
    let accepted = server.client().send_message(&key("demo"), ("somebody", text), text, now()).await.unwrap();
    assert!(accepted.receipt.is_some(), "it is acknowledged and proven at once");
}

async fn anchor(auditor: &Client, name: &str) -> Value {
    let (status, told) = ask(auditor, "GET", "/api/v1/ledger/custody", None).await;
    assert_eq!(status, 200, "{told}");
    told["anchors"].as_array().unwrap().iter().find(|one| one["name"] == name).unwrap().clone()
}

fn receipts(world: &World) -> usize {
    world.entries("a", "demo").iter().filter(|entry| entry.kind.as_str() == KIND).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn receipts_are_entries_that_the_auditor_verifies_and_an_authority_that_fails_holds_nobody_up() {
    let (good, bad) = (Authority::new("TSA one"), Authority::new("TSA two"));
    let mut world = World::private();
    let ca = world.path().join("authorities.pem");
    std::fs::write(&ca, format!("{}{}", good.root, bad.root)).unwrap();
    let (good, bad) = (AuthorityServer::start(good), AuthorityServer::start(bad));
    bad.behave(Behaviour::Answers(Flaw::Imprint));
    for (name, server) in [("tsa-one", &good), ("tsa-two", &bad)] {
        world.sections += &format!(
            "\n[[anchor]]\nname = {name:?}\nurl = \"http://{}/\"\nauthorities = {ca:?}\nevery_s = 1\nwait_ms = {WAIT_MS}\n",
            server.address
        );
    }
    let server = world.start("a");
    let auditor = server.staff_with("demo", "auditor", &reset(&world, "demo", "auditor")).await;
    say(&server, "one").await;
    until("a receipt", async || anchor(&auditor, "tsa-one").await["state"] == "confirmed").await;
    until("a refusal", async || anchor(&auditor, "tsa-two").await["state"] == "refused").await;
    let told = anchor(&auditor, "tsa-two").await;
    assert!(told["reason"].as_str().unwrap().contains("imprint") && told["failures"].as_u64() > Some(0), "{told}");
    assert!(told["size"].is_null() && told["entry"].is_null(), "{told}");

    // A silent authority holds up neither messages nor the other.
    bad.behave(Behaviour::Silent);
    let before = anchor(&auditor, "tsa-one").await["size"].as_u64();
    say(&server, "two").await;
    until("another receipt", async || anchor(&auditor, "tsa-one").await["size"].as_u64() > before).await;

    // When it is well again it is asked by itself.
    bad.behave(Behaviour::Answers(Flaw::None));
    until("its receipt", async || anchor(&auditor, "tsa-two").await["state"] == "confirmed").await;
    assert_eq!(anchor(&auditor, "tsa-two").await["failures"], 0);
    drop(auditor);
    server.stop();

    let before = receipts(&world);
    assert!(before >= 3, "{before}");
    world.fsck("a", "demo").unwrap();
    let vkey = world.vkey("a", "demo").to_string();
    let (tiles, ca) = (world.tiles("a", "demo").display().to_string(), ca.display().to_string());
    let (code, said) = lww_verify(&["anchors", "--vkey", &vkey, "--tsa-ca", &ca, "--json", &tiles]);
    assert_eq!(code, 0, "{said}");
    let told: Value = serde_json::from_str(said.trim()).unwrap();
    assert_eq!(told["receipts"].as_u64(), Some(before as u64), "{told}");
    assert_eq!(told["existed_before"].as_array().unwrap().len(), 2, "{told}");
    let (code, said) = lww_verify(&["anchors", "--vkey", &vkey, "--tsa-ca", &ca, "--entry", "0", &tiles]);
    assert!(code == 0 && said.contains("existed before"), "{said}");

    // An authority that was trusted by nobody but the server convinces nobody else.
    std::fs::write(world.path().join("other.pem"), Authority::new("TSA one").root).unwrap();
    let other = world.path().join("other.pem").display().to_string();
    let (code, said) = lww_verify(&["anchors", "--vkey", &vkey, "--tsa-ca", &other, &tiles]);
    assert!(code == 24 && said.contains("untrusted"), "{said}");
}
