//! Presence that follows a desk's connection, with sockets that vanish: whoever's browser is gone is gone after the grace
//! time, what they held goes back once, and who works without a connection keeps the switch.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a broken test world fails the test")]

use crate::common;

use std::collections::BTreeMap;

use common::people::ask;
use common::socket::Socket;
use common::{Server, World, key, now, until};
use liaowaiwai::cli::client::{Client, Listing};
use liaowaiwai::http::answers::{Conversation, State};
use lww_audit::Entry;
use lww_audit::entry::Detail;
use serde_json::json;

/// One queue; who is gone for longer than a second has their conversations taken away.
const TABLE: &str = "\
apiVersion: route/v1
id: test
version: 1
words: {}
channels: {http: {weight: 100}}
calendar:
  zone: '+08:00'
  hours:
    always: [{days: mon-sun, open: ['00:00-24:00']}]
queues:
  - {name: general, hours: always, priority: 5, offline_s: 1, closed: x}
rules:
  - {id: rest, queue: general}
tests:
  - {case: {channel: http, at: 2026-11-26 10:00}, row: rest}
";

fn world(grace_s: u8) -> World {
    let mut world = World::private();
    world.tenant_keys = format!("desk_grace_s = {grace_s}");
    world
}

fn activate(world: &World) {
    let file = world.path().join("routing.yaml");
    std::fs::write(&file, TABLE).unwrap();
    let (done, told) = world.lww("a", &["route", "activate", file.to_str().unwrap(), "--tenant", "demo"]);
    assert!(done, "{told}");
}

async fn agent(world: &World, server: &Server, login: &str, capacity: &str) -> Client {
    person(world, server, login, &["--role", "agent", "--capacity", capacity]).await
}

async fn supervisor(world: &World, server: &Server, login: &str) -> Client {
    person(world, server, login, &["--role", "supervisor"]).await
}

/// Somebody new of the demo tenant, logged in by the listener that the sockets use.
async fn person(world: &World, server: &Server, login: &str, place: &[&str]) -> Client {
    let create = ["admin", "create", "--login", login, "--tenant", "demo"];
    let (done, told) = world.lww("a", &[&create, place].concat());
    assert!(done, "{told}");
    let password = told.lines().next().unwrap().rsplit(": ").next().unwrap().to_owned();
    server.trial_staff_with(login, &password).await
}

async fn say(app: &Client, contact: &str) -> String {
    let said = app.send_message(&key("demo"), (contact, "在吗"), contact, now()).await.unwrap();
    said.conversation
}

async fn take(desk: &Client, conversation: &str) {
    let taken = ask(desk, "POST", &format!("/api/v1/agent/conversations/{conversation}/take"), Some(json!({}))).await;
    assert_eq!(taken.0, 204, "{taken:?}");
}

async fn held(desk: &Client) -> Vec<Conversation> {
    let mine = Listing { mine: true, state: Some(State::Assigned), ..Listing::default() };
    desk.conversations(mine).await.unwrap().conversations
}

async fn holds(desk: &Client, count: usize) {
    until("the conversations of a desk", async || held(desk).await.len() == count).await;
}

/// How often each conversation was given to somebody and taken back, and why it was taken back.
fn moves(entries: &[Entry]) -> (BTreeMap<String, usize>, BTreeMap<String, Vec<String>>) {
    let (mut given, mut back) = (BTreeMap::new(), BTreeMap::<String, Vec<String>>::new());
    for entry in entries {
        let Some(conversation) = entry.conversation.map(|id| id.to_string()) else { continue };
        match entry.kind.as_str() {
            "conversation.assigned/2" => *given.entry(conversation).or_default() += 1,
            "conversation.requeued/1" => {
                let Detail::Object(fields) = &entry.detail else { panic!("no detail") };
                let Some(Detail::String(reason)) = fields.get("reason") else { panic!("no reason") };
                back.entry(conversation).or_default().push(reason.clone());
            }
            _ => {}
        }
    }
    (given, back)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_desk_whose_socket_vanished_loses_its_conversations_once_and_one_without_a_socket_keeps_its_own() {
    let world = world(1);
    let server = world.start("a");
    activate(&world);
    let app = server.client();
    // By requests alone: there is no connection that could be lost.
    let api = agent(&world, &server, "api", "1").await;
    api.set_online(true).await.unwrap();
    let own = say(&app, "own").await;
    holds(&api, 1).await;

    // By a browser with two pages, the second of which came before the switch.
    let anna = agent(&world, &server, "anna", "3").await;
    let first = Socket::desk(server.http, &anna).await.unwrap();
    anna.set_online(true).await.unwrap();
    let mut second = Socket::desk(server.http, &anna).await.unwrap();
    second.wait_for("live").await;
    let taken = [say(&app, "one").await, say(&app, "two").await, say(&app, "three").await];
    holds(&anna, 3).await;
    drop(first);
    let bert = agent(&world, &server, "bert", "8").await;
    let mut gone = Socket::desk(server.http, &bert).await.unwrap();
    gone.wait_for("live").await;
    bert.set_online(true).await.unwrap();
    let his = say(&app, "four").await;
    holds(&bert, 1).await;
    drop(gone);
    // By then the first page of hers is gone for as long: the other one holds her.
    holds(&bert, 0).await;
    assert_eq!((held(&anna).await.len(), held(&api).await.len()), (3, 1));

    drop(second);
    holds(&anna, 0).await;
    assert_eq!(held(&api).await.len(), 1, "a switch without a connection fell");

    // She comes back: nothing is hers before she says so, and from then on her connection holds her again.
    let mut again = Socket::desk(server.http, &anna).await.unwrap();
    again.wait_for("live").await;
    assert!(held(&anna).await.is_empty());
    anna.set_online(true).await.unwrap();
    holds(&anna, 3).await;
    drop(again);
    holds(&anna, 0).await;
    server.stop();
    let (valid, told) = world.verify("a", "demo");
    assert!(valid, "{told}");
    let (given, back) = moves(&world.entries("a", "demo"));
    assert_eq!(given.get(&own), Some(&1));
    assert!(!back.contains_key(&own));
    for conversation in taken.iter().chain([&his]) {
        let (given, back) = (given.get(conversation).copied().unwrap_or(0), &back[conversation]);
        assert!(back.len() == given && back.iter().all(|reason| reason == "offline"), "{given} {back:?}");
    }
    assert_eq!(back.values().map(Vec::len).sum::<usize>(), 1 + 3 + 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_supervisor_took_over_follows_their_desk_s_connection_if_they_have_one() {
    let world = world(1);
    let server = world.start("a");
    activate(&world);
    let app = server.client();
    let (lead, boss) = (supervisor(&world, &server, "lead").await, supervisor(&world, &server, "boss").await);
    let (first, second) = (say(&app, "one").await, say(&app, "two").await);
    // By requests alone: there is no connection that could be lost.
    take(&lead, &first).await;
    let mut page = Socket::desk(server.http, &boss).await.unwrap();
    page.wait_for("live").await;
    take(&boss, &second).await;
    drop(page);
    holds(&boss, 0).await;
    assert_eq!(held(&lead).await.len(), 1, "who works without a connection lost what they took");

    // What is taken without a connection is not lost by the one of before; and whoever opens one is followed from then on.
    take(&boss, &second).await;
    let mut page = Socket::desk(server.http, &lead).await.unwrap();
    page.wait_for("live").await;
    drop(page);
    holds(&lead, 0).await;
    assert_eq!(held(&boss).await.len(), 1, "a connection of before was counted");
    server.stop();
    let (valid, told) = world.verify("a", "demo");
    assert!(valid, "{told}");
    let (_, back) = moves(&world.entries("a", "demo"));
    assert_eq!(back.values().map(Vec::as_slice).collect::<Vec<_>>(), [["offline"], ["offline"]]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_browser_that_dies_with_the_server_is_missed_by_the_next_one() {
    // Long enough to log in again.
    let world = world(10);
    let server = world.start("a");
    activate(&world);
    let app = server.client();
    let (carl, dora) = (agent(&world, &server, "carl", "1").await, agent(&world, &server, "dora", "1").await);
    let mut sockets = Vec::new();
    for desk in [&carl, &dora] {
        let mut socket = Socket::desk(server.http, desk).await.unwrap();
        socket.wait_for("live").await;
        sockets.push(socket);
        desk.set_online(true).await.unwrap();
    }
    say(&app, "one").await;
    say(&app, "two").await;
    holds(&carl, 1).await;
    holds(&dora, 1).await;
    let lead = supervisor(&world, &server, "lead").await;
    let mut socket = Socket::desk(server.http, &lead).await.unwrap();
    socket.wait_for("live").await;
    sockets.push(socket);
    take(&lead, &say(&app, "three").await).await;
    server.kill();
    drop(sockets);

    let server = world.start("a");
    let again = |login: &'static str| {
        let client = Client::http(server.http);
        async move {
            client.login("demo", login, &common::chosen_password(login)).await.unwrap();
            client
        }
    };
    let (carl, dora, lead) = (again("carl").await, again("dora").await, again("lead").await);
    let mut socket = Socket::desk(server.http, &dora).await.unwrap();
    socket.wait_for("live").await;
    holds(&carl, 0).await;
    holds(&lead, 0).await;
    assert_eq!(held(&dora).await.len(), 1, "who came back lost what they held");
    server.stop();
    let (_, back) = moves(&world.entries("a", "demo"));
    assert_eq!(back.values().flatten().collect::<Vec<_>>(), ["offline", "offline"]);
}

mod slow {
    use super::*;
    use std::time::Duration;

    /// Longer than a socket may be silent.
    const SILENCE: Duration = Duration::from_mins(3);

    #[tokio::test(flavor = "multi_thread")]
    async fn a_browser_whose_network_is_cut_without_a_word_is_missed() {
        let world = world(1);
        let server = world.start("a");
        activate(&world);
        let app = server.client();
        let anna = agent(&world, &server, "anna", "1").await;
        // Nobody reads or answers on it any more, as after a cut; the connection itself stays.
        let mut socket = Socket::desk(server.http, &anna).await.unwrap();
        socket.wait_for("live").await;
        anna.set_online(true).await.unwrap();
        say(&app, "one").await;
        holds(&anna, 1).await;
        let until = std::time::Instant::now() + SILENCE;
        while !held(&anna).await.is_empty() {
            assert!(std::time::Instant::now() < until, "a silent socket keeps its agent");
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        drop(socket);
        server.stop();
        let (_, back) = moves(&world.entries("a", "demo"));
        assert_eq!(back.values().flatten().collect::<Vec<_>>(), ["offline"]);
    }
}
