//! A new demo tenant is filled with conversations, once, and everything in it is recorded and provable.

#![expect(clippy::unwrap_used, reason = "what is not as the test says fails it")]

mod common;

use common::World;
use liaowaiwai::cli::client::{Call, Client, Listing};

/// Starts a server whose demo tenant has the built-in policy, and fills it if it is new.
fn start(world: &World) -> common::Server {
    let config = world.configure("one");
    let policy = format!("policy = \"{}\"\n", world.policy().display());
    let text = std::fs::read_to_string(&config).unwrap().replacen(&policy, "", 1);
    std::fs::write(&config, text).unwrap();
    world.start_on(&config, "one", &["--fill", "stories"]).unwrap()
}

/// The text of the file that differs from the masking policy in force.
async fn proposed(officer: &Client) -> String {
    let target = "/api/v1/policies/masking".to_owned();
    let call = Call { method: "GET", target, headers: Vec::new(), body: None };
    let answer = officer.send(call).await.unwrap();
    let policy: serde_json::Value = serde_json::from_slice(&answer.body).unwrap();
    policy["drift"]["source"].as_str().unwrap().to_owned()
}

#[test]
fn an_address_in_use_is_named_and_costs_no_password() {
    let world = World::private();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let config = world.configure("one");
    let text = std::fs::read_to_string(&config).unwrap();
    let Err(error) = world.launch_with(
        "one",
        &text.replacen("trial_listen = \"127.0.0.1:0\"", &format!("trial_listen = \"{address}\""), 1),
    ) else {
        panic!("it listens where somebody else does")
    };
    assert!(error.contains(&address), "{error}");
    drop(taken);
    let server = world.start("one");
    assert!(!server.password("admin").is_empty());
    server.stop();
}

#[tokio::test]
async fn a_new_demo_tenant_is_filled_once_and_what_is_in_it_is_proven() {
    let world = World::private();
    let server = start(&world);
    let chief = server.staff("supervisor").await;
    let mut states = std::collections::BTreeMap::new();
    for one in chief.conversations(Listing::default()).await.unwrap().conversations {
        *states.entry(format!("{:?}", one.state)).or_insert(0) += 1;
    }
    assert_eq!(states.values().sum::<i32>(), 20, "{states:?}");
    assert_eq!((states["Closed"], states["Solved"]), (5, 4), "{states:?}");
    // The one that answered left a password behind that works, and no session.
    server.staff("colleague").await;
    let officer = server.staff("compliance").await;
    assert!(proposed(&officer).await.contains("version: 2"));
    server.stop();
    // Started again, nothing is made twice.
    let again = start(&world);
    let count = |kind: &str| world.entries("one", "demo").iter().filter(|entry| entry.kind.as_str() == kind).count();
    let counted = ["account.created/1", "conversation.opened/2", "conversation.closed/2"].map(count);
    assert_eq!(counted, [6, 20, 5]);
    let officer = again.client();
    officer.login("demo", "compliance", &common::chosen_password("compliance")).await.unwrap();
    assert!(proposed(&officer).await.contains("version: 2"), "a proposal outlives a restart");
    assert_eq!(count("policy.activated/2"), 1, "and is activated by nobody but an officer");
    let (held, told) = world.verify("one", "demo");
    assert!(held, "{told}");
    world.fsck("one", "demo").unwrap();
    again.stop();
}
