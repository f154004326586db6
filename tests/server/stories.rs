//! A new demo tenant is filled with conversations, once, and everything in it is recorded and provable.

#![expect(clippy::unwrap_used, clippy::panic, reason = "what is not as the test says fails it")]

use crate::common;

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};

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

/// What `lww run` prints for whoever started it, up to its last line; the server is stopped after that.
fn printed(world: &World) -> String {
    let mut child = Command::new(env!("CARGO_BIN_EXE_lww"))
        .args(["run", "--config"])
        .arg(world.configure("one"))
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut text = String::new();
    for line in BufReader::new(child.stdout.take().unwrap()).lines() {
        text = text + &line.unwrap() + "\n";
        if text.contains("Stop it with Ctrl-C") {
            break;
        }
    }
    common::signal("-TERM", child.id());
    assert!(child.wait().unwrap().success(), "{text}");
    text
}

/// The word that follows another one.
fn after<'a>(text: &'a str, word: &str) -> &'a str {
    let (_, rest) = text.split_once(word).unwrap_or_else(|| panic!("no {word:?} in {text}"));
    rest.split_whitespace().next().unwrap()
}

#[test]
fn whoever_starts_it_reads_where_to_look_who_may_log_in_and_how_to_come_from_elsewhere() {
    let world = World::private();
    let text = printed(&world);
    let console = after(&text, "console ");
    let address = console.strip_prefix("http://127.0.0.1:").and_then(|rest| rest.strip_suffix('/'));
    let port: u16 =
        address.unwrap_or_else(|| panic!("{console} needs a certificate or is open to others")).parse().unwrap();
    assert_eq!(after(&text, "customer's page"), format!("http://127.0.0.1:{port}/demo/"));
    let way = format!("ssh -L {port}:127.0.0.1:{port} THIS-MACHINE   then open http://127.0.0.1:{port}/");
    assert!(text.contains(&way), "{text}");
    for login in ["agent", "supervisor", "compliance", "auditor", "admin"] {
        let line = text.lines().find(|line| line.split_whitespace().take(2).eq(["demo", login]));
        let password = line.and_then(|line| line.split_whitespace().nth(2));
        assert!(password.is_some_and(|password| password.len() >= 12), "no password for {login} in {text}");
    }
    // The next start has no password to tell: each was shown once.
    let again = printed(&world);
    assert!(!again.contains("One-time passwords"), "{again}");
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
    assert!(proposed(&officer).await.contains("version: 3"));
    server.stop();
    // Started again, nothing is made twice.
    let again = start(&world);
    let count = |kind: &str| world.entries("one", "demo").iter().filter(|entry| entry.kind.as_str() == kind).count();
    let counted = ["account.created/1", "conversation.opened/2", "conversation.closed/2"].map(count);
    assert_eq!(counted, [6, 20, 5]);
    let officer = again.client();
    officer.login("demo", "compliance", &common::chosen_password("compliance")).await.unwrap();
    assert!(proposed(&officer).await.contains("version: 3"), "a proposal outlives a restart");
    assert_eq!(count("policy.activated/2"), 1, "and is activated by nobody but an officer");
    let (held, told) = world.verify("one", "demo");
    assert!(held, "{told}");
    world.fsck("one", "demo").unwrap();
    again.stop();
}
