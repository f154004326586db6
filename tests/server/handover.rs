//! Notes, and conversations that change hands by people's will, against a real server: who may, what is recorded, and that no
//! place is lost or counted twice.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a broken test world fails the test")]

use crate::common;

use common::people::{ask, call, code, create, create_agent};
use common::socket::{Socket, visit};
use common::{Server, World, key, now, until};
use liaowaiwai::cli::client::{Client, Listing, Page};
use liaowaiwai::domain::routing::{ReplayError, Table, replay, table_of};
use liaowaiwai::http::answers::{Conversation, State};
use lww_audit::Entry;
use lww_audit::entry::Detail;
use serde_json::{Value, json};

const CARD: &str = "6222021234567890128";

/// Whoever had a card's conversation is asked first for the next; who is gone for a second loses what they hold.
const TABLE: &str = "\
apiVersion: route/v1
id: test
version: 1
words: {tags: [card_loss]}
channels: {http: {weight: 100}, web: {weight: 100}}
calendar:
  zone: '+08:00'
  hours:
    always: [{days: mon-sun, open: ['00:00-24:00']}]
queues:
  - {name: cards, hours: always, priority: 2, closed: x}
  - {name: general, hours: always, priority: 5, offline_s: 600, closed: x}
rules:
  - {id: card, when: {tag: card_loss}, queue: cards, sticky: true}
  - {id: rest, queue: general, sticky: true}
tests:
  - {case: {channel: http, tags: [card_loss], at: 2026-11-26 10:00}, row: card}
  - {case: {channel: http, at: 2026-11-26 10:00}, row: rest}
";

fn activate(world: &World) -> Table {
    let file = world.path().join("routing.yaml");
    std::fs::write(&file, TABLE).unwrap();
    let (done, told) = world.lww("a", &["route", "activate", file.to_str().unwrap(), "--tenant", "demo"]);
    assert!(done, "{told}");
    Table::load(TABLE).unwrap()
}

/// A new agent with this many places.
async fn agent(world: &World, server: &Server, login: &str, capacity: &str) -> Client {
    server.trial_staff_with(login, &create_agent(world, login, capacity)).await
}

async fn say(server: &Server, contact: &str, text: &str) -> String {
    let id = format!("{contact}-{}", text.len());
    server.client().send_message(&key("demo"), (contact, text), &id, now()).await.unwrap().conversation
}

async fn held(desk: &Client) -> Vec<Conversation> {
    let mine = Listing { mine: true, state: Some(State::Assigned), ..Listing::default() };
    desk.conversations(mine).await.unwrap().conversations
}

async fn gets(desk: &Client, conversation: &str) {
    until("the assignment", async || held(desk).await.iter().any(|one| one.id == conversation)).await;
}

async fn account(client: &Client) -> String {
    client.session().await.unwrap().account
}

async fn load(desk: &Client) -> Value {
    ask(desk, "GET", "/api/v1/agent/presence", None).await.1["load"].clone()
}

async fn act(client: &Client, conversation: &str, what: &str, body: Value) -> (u16, Value) {
    ask(client, "POST", &format!("/api/v1/agent/conversations/{conversation}/{what}"), Some(body)).await
}

async fn note(client: &Client, conversation: &str, key: &str, text: &str) -> (u16, Value) {
    let target = format!("/api/v1/agent/conversations/{conversation}/notes");
    call(client, "POST", &target, &[("idempotency-key", key)], Some(&json!({"text": text}).to_string())).await
}

async fn seen(supervisor: &Client, conversation: &str) -> Conversation {
    supervisor.open(conversation, Page::default()).await.unwrap().conversation
}

/// Every line of a socket up to the one that is waited for.
async fn until_line(socket: &mut Socket, is_last: impl Fn(&Value) -> bool) -> Vec<Value> {
    let mut told = Vec::new();
    loop {
        let line = socket.next().await.unwrap();
        if is_last(&line) {
            return told;
        }
        told.push(line);
    }
}

fn field<'a>(entry: &'a Entry, name: &str) -> &'a Detail {
    let Detail::Object(fields) = &entry.detail else { panic!("no detail") };
    &fields[name]
}

fn of_kind<'a>(entries: &'a [Entry], kind: &str) -> Vec<&'a Entry> {
    entries.iter().filter(|entry| entry.kind.as_str() == kind).collect()
}

/// Too long, empty, not one's own, without a desk.
async fn refuses_notes(world: &World, server: &Server, (desk, conversation): (&Client, &str)) {
    for bad in [String::new(), "x".repeat(4097)] {
        assert_eq!(code(&note(desk, conversation, "n-3", &bad).await), "invalid_field");
    }
    let other = agent(world, server, "ben", "1").await;
    assert_eq!(code(&note(&other, conversation, "n-4", "x").await), "forbidden");
    let auditor = server.staff("auditor").await;
    assert_eq!(code(&note(&auditor, conversation, "n-5", "x").await), "forbidden");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_note_is_masked_recorded_shown_at_the_desk_and_never_to_the_customer() {
    let world = World::private();
    let server = world.start("a");
    activate(&world);
    let desk = server.trial_staff("agent").await;
    let supervisor = server.staff("supervisor").await;
    desk.set_online(true).await.unwrap();
    let token = visit(server.http, "demo", None, None).await;
    let mut customer = Socket::customer(server.http, "demo", &token, None).await.unwrap();
    customer.send(&json!({"type": "send", "key": "1", "text": "你好"})).await;
    customer.wait_for("accepted").await;
    until("the assignment", async || held(&desk).await.len() == 1).await;
    let conversation = held(&desk).await[0].id.clone();
    let mut socket = Socket::desk(server.http, &desk).await.unwrap();
    socket.wait_for("live").await;

    let text = format!("客户情绪激动，卡号{CARD}，密码是Tulip9Zq7Walrus");
    let (status, first) = note(&desk, &conversation, "n-1", &text).await;
    assert_eq!(status, 201, "{first}");
    assert_eq!(first["author"], account(&desk).await);
    assert!(first["text"].as_str().unwrap().starts_with("客户情绪激动，卡号622202*********0128，密码是"), "{first}");
    assert_eq!(first["spans"].as_array().unwrap().len(), 2);
    assert!(!first.to_string().contains("Tulip9Zq7Walrus"));
    // The same again counts once; another text under the key is an error.
    let (status, again) = note(&desk, &conversation, "n-1", &text).await;
    assert_eq!((status, &again), (200, &first));
    assert_eq!(code(&note(&desk, &conversation, "n-1", "other").await), "key_reused");

    // Opened by socket, it comes in its place; from then on live, to everybody who has it open.
    socket.send(&json!({"type": "open", "conversation": conversation})).await;
    assert_eq!(socket.wait_for("note").await["note"], first);
    let (_, second) = note(&supervisor, &conversation, "n-2", "请核实身份").await;
    let line = socket.wait_for("note").await;
    assert_eq!((&line["note"], line["conversation"].as_str().unwrap()), (&second, &*conversation));
    let opened = ask(&supervisor, "GET", &format!("/api/v1/agent/conversations/{conversation}"), None).await.1;
    let shown: Vec<&Value> = opened["notes"].as_array().unwrap().iter().map(|note| &note["index"]).collect();
    assert_eq!(shown, [&first["index"], &second["index"]]);
    assert_eq!(opened["messages"].as_array().unwrap().len(), 1);
    assert_eq!(opened["conversation"]["messages"], 1, "a note is no message");

    refuses_notes(&world, &server, (&desk, &conversation)).await;
    // A number in pieces over a note and a message is masked, as over two messages.
    note(&desk, &conversation, "n-6", "卡号 62220212").await;
    let (_, rest) = note(&desk, &conversation, "n-7", "34567890128").await;
    assert!(rest["text"].as_str().unwrap().contains('*'), "{rest}");
    desk.close(&conversation).await.unwrap();
    assert_eq!(code(&note(&desk, &conversation, "n-8", "late").await), "not_found");

    // The customer's socket and history know of none.
    let live = until_line(&mut customer, |line| line["state"] == "closed").await;
    let mut again = Socket::customer(server.http, "demo", &token, None).await.unwrap();
    let history = until_line(&mut again, |line| line["type"] == "live").await;
    for told in [live, history] {
        let texts = told.iter().filter(|line| line["type"] == "message").map(|line| &line["text"]);
        assert_eq!(texts.collect::<Vec<_>>(), ["你好"], "{told:?}");
        assert!(!format!("{told:?}").contains("核实"));
    }
    server.stop();
    let (valid, told) = world.verify("a", "demo");
    assert!(valid, "{told}");
    let entries = world.entries("a", "demo");
    let noted = of_kind(&entries, "conversation.noted/1");
    assert_eq!(noted.len(), 4);
    assert!(noted.iter().all(|entry| entry.content.is_some() && entry.policy.is_some()));
    assert_eq!(noted[0].seq.0, first["index"].as_u64().unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_conversation_is_given_to_an_agent_who_is_there_and_has_a_place_and_to_no_other() {
    let world = World::private();
    let server = world.start("a");
    activate(&world);
    let (anna, ben) = (agent(&world, &server, "anna", "2").await, agent(&world, &server, "ben", "1").await);
    anna.set_online(true).await.unwrap();
    let first = say(&server, "one", "你好").await;
    gets(&anna, &first).await;
    let ben_id = account(&ben).await;
    let to_ben = json!({"agent": ben_id});
    let refused = act(&anna, &first, "transfer", to_ben.clone()).await;
    assert_eq!((refused.0, code(&refused)), (409, "agent_has_no_place"), "ben is not there");
    for (body, expected) in [
        (json!({"agent": account(&anna).await}), "invalid_field"),
        (json!({"agent": "00".repeat(16)}), "not_found"),
        (json!({"agent": "x"}), "invalid_field"),
        (json!({"queue": "nowhere"}), "invalid_field"),
        (json!({}), "invalid_field"),
        (json!({"queue": "cards", "agent": ben_id}), "invalid_field"),
        (json!({"queue": "cards", "note": "x".repeat(4097)}), "invalid_field"),
    ] {
        assert_eq!(code(&act(&anna, &first, "transfer", body.clone()).await), expected, "{body}");
    }
    assert_eq!(code(&act(&ben, &first, "transfer", json!({"queue": "cards"})).await), "forbidden");
    assert_eq!(load(&anna).await, json!(1.0));

    // With a note that says why; the desk's socket of the other hears of it at once.
    ben.set_online(true).await.unwrap();
    let mut socket = Socket::desk(server.http, &ben).await.unwrap();
    socket.wait_for("live").await;
    let given = act(&anna, &first, "transfer", json!({"agent": ben_id, "note": "请接手"})).await;
    assert_eq!(given.0, 204, "{given:?}");
    assert_eq!(socket.wait_for("conversation").await["conversation"]["id"], *first);
    assert_eq!((load(&anna).await, load(&ben).await), (json!(0.0), json!(1.0)));
    assert!(held(&anna).await.is_empty());
    assert_eq!(code(&act(&anna, &first, "transfer", json!({"queue": "cards"})).await), "forbidden", "it is gone");
    let opened = ask(&ben, "GET", &format!("/api/v1/agent/conversations/{first}"), None).await.1;
    assert_eq!(opened["notes"][0]["text"], "请接手");

    // Ben has one place: nothing more goes to him, and a note that came along is not kept.
    let second = say(&server, "two", "有人吗").await;
    gets(&anna, &second).await;
    let refused = act(&anna, &second, "transfer", json!({"agent": ben_id, "note": "请接手"})).await;
    assert_eq!(code(&refused), "agent_has_no_place", "no more places");
    server.stop();
    let (valid, told) = world.verify("a", "demo");
    assert!(valid, "{told}");
    let entries = world.entries("a", "demo");
    let moved = of_kind(&entries, "conversation.transferred/1");
    assert_eq!((moved.len(), field(moved[0], "to")), (1, &Detail::String(ben_id)));
    assert_eq!(of_kind(&entries, "conversation.noted/1").len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transferred_conversation_goes_where_it_is_sent_keeps_every_place_and_is_not_sticky() {
    let world = World::private();
    let server = world.start("a");
    let table = activate(&world);
    let supervisor = server.staff("supervisor").await;
    let (anna, cleo) = (agent(&world, &server, "anna", "2").await, agent(&world, &server, "cleo", "1").await);
    anna.set_online(true).await.unwrap();
    let first = say(&server, "one", "你好").await;
    gets(&anna, &first).await;
    // Whoever gave it away is asked last, although the row is sticky and they have been idle longer.
    cleo.set_online(true).await.unwrap();
    assert_eq!(act(&anna, &first, "transfer", json!({"queue": "cards"})).await.0, 204);
    gets(&cleo, &first).await;
    assert_eq!((load(&anna).await, load(&cleo).await), (json!(0.0), json!(1.0)));
    let moved = seen(&supervisor, &first).await;
    assert_eq!((moved.queue.as_str(), moved.priority), ("cards", 2));

    // A supervisor gives away what waits, and what others have.
    anna.set_online(false).await.unwrap();
    let second = say(&server, "two", "第二位客户").await;
    assert_eq!(code(&act(&supervisor, &second, "transfer", json!({"queue": "general"})).await), "invalid_field");
    assert_eq!(act(&supervisor, &second, "transfer", json!({"queue": "cards"})).await.0, 204);
    assert_eq!(seen(&supervisor, &second).await.queue, "cards");
    cleo.close(&first).await.unwrap();
    gets(&cleo, &second).await;
    assert_eq!(code(&act(&cleo, &first, "transfer", json!({"queue": "general"})).await), "not_found", "it is closed");
    cleo.set_online(false).await.unwrap();
    assert_eq!(act(&supervisor, &second, "transfer", json!({"queue": "general"})).await.0, 204);
    assert_eq!((load(&cleo).await, seen(&supervisor, &second).await.state), (json!(0.0), State::Waiting));
    server.stop();

    let (valid, told) = world.verify("a", "demo");
    assert!(valid, "{told}");
    let entries = world.entries("a", "demo");
    let moved = of_kind(&entries, "conversation.transferred/1");
    assert_eq!(moved.len(), 3);
    let queue = |name: &str| Detail::String(name.to_owned());
    assert_eq!((field(moved[0], "to"), field(moved[0], "from_queue")), (&Detail::Null, &queue("general")));
    assert_eq!((field(moved[1], "from"), field(moved[1], "to_queue")), (&Detail::Null, &queue("cards")));
    for entry in &moved {
        assert!(matches!(table_of(entry), Err(ReplayError::ByHand { .. })), "it is no decision of the table");
    }
    // What the table decided before and after comes out again.
    for entry in of_kind(&entries, "conversation.assigned/2") {
        assert!(replay(entry, &table).unwrap().is_same());
    }
    let index = moved[0].seq.0.to_string();
    let (same, told) = world.lww("a", &["route", "replay", &index, "--tenant", "demo"]);
    assert!(!same && told.contains("a person's own decision"), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_supervisor_takes_over_what_waits_or_is_held_and_two_at_once_do_not_take_from_each_other() {
    let world = World::private();
    let server = world.start("a");
    activate(&world);
    let supervisor = server.trial_staff("supervisor").await;
    let lead = server.trial_staff_with("lead", &create(&world, "demo", "lead", "supervisor")).await;
    let anna = agent(&world, &server, "anna", "1").await;
    let first = say(&server, "one", "你好").await;
    // What waits.
    assert_eq!(act(&supervisor, &first, "take", json!({})).await.0, 204);
    assert_eq!(act(&supervisor, &first, "take", json!({})).await.0, 204, "again: nothing changes");
    supervisor.reply(&first, "我来处理", "r-1").await.unwrap();
    anna.set_online(true).await.unwrap();
    let second = say(&server, "two", "有人吗").await;
    gets(&anna, &second).await;
    // What somebody has: their place is free at once.
    let third = say(&server, "three", "在吗在吗").await;
    assert_eq!(act(&supervisor, &second, "take", json!({})).await.0, 204);
    gets(&anna, &third).await;
    assert_eq!(load(&anna).await, json!(1.0));
    let refused = anna.reply(&second, "还在", "r-2").await.unwrap_err();
    assert_eq!(refused.code(), Some("forbidden"));
    assert_eq!(code(&act(&anna, &second, "take", json!({})).await), "forbidden");
    supervisor.close(&second).await.unwrap();
    assert_eq!(code(&act(&supervisor, &second, "take", json!({})).await), "not_found");
    supervisor.solve(&first).await.unwrap();
    assert_eq!(code(&act(&lead, &first, "take", json!({})).await), "not_found");

    // Many at once: whoever decided on the conversation as it was gets it once, and the other hears that it changed hands.
    anna.set_online(false).await.unwrap();
    for round in 0..8 {
        let one = say(&server, &format!("round-{round}"), "你好你好").await;
        let (left, right) =
            tokio::join!(act(&supervisor, &one, "take", json!({})), act(&lead, &one, "take", json!({})));
        let took: Vec<u16> = vec![left.0, right.0];
        assert!(took.iter().all(|status| [204, 409].contains(status)), "{left:?} {right:?}");
        let holder = seen(&supervisor, &one).await.agent.unwrap();
        assert!([account(&supervisor).await, account(&lead).await].contains(&holder));
    }
    server.stop();
    let (valid, told) = world.verify("a", "demo");
    assert!(valid, "{told}");
    let entries = world.entries("a", "demo");
    let taken = of_kind(&entries, "conversation.taken/1");
    assert!(taken.len() >= 10, "{}", taken.len());
    assert_eq!(field(taken[0], "from"), &Detail::Null);
    assert_ne!(field(taken[1], "from"), &Detail::Null);
    assert!(taken.iter().all(|entry| entry.actor.role.as_str() == "supervisor"));
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_disabled_or_gets_another_role_loses_what_they_hold_at_once() {
    let world = World::private();
    let server = world.start("a");
    activate(&world);
    let (supervisor, admin) = (server.staff("supervisor").await, server.staff("admin").await);
    let lead = server.trial_staff_with("lead", &create(&world, "demo", "lead", "supervisor")).await;
    let (anna, ben) = (agent(&world, &server, "anna", "2").await, agent(&world, &server, "ben", "3").await);
    anna.set_online(true).await.unwrap();
    let (first, second) = (say(&server, "one", "你好").await, say(&server, "two", "有人吗").await);
    gets(&anna, &first).await;
    gets(&anna, &second).await;
    let third = say(&server, "three", "在吗在吗").await;
    assert_eq!(act(&lead, &third, "take", json!({})).await.0, 204);
    let change = async |account: &str, change: Value| {
        let answer = ask(&admin, "PATCH", &format!("/api/v1/admin/accounts/{account}"), Some(change)).await;
        assert_eq!(answer.0, 200, "{answer:?}");
    };
    let anna_id = account(&anna).await;
    change(&anna_id, json!({"enabled": false})).await;
    // The answer came when all was back: nothing has to be waited for.
    for conversation in [&first, &second] {
        let back = seen(&supervisor, conversation).await;
        assert_eq!((back.state, back.agent, back.queue.as_str()), (State::Waiting, None, "general"));
    }
    assert_eq!(seen(&supervisor, &first).await.position, Some(1), "it keeps its place");
    // A supervisor who becomes an auditor has no desk any more.
    change(&account(&lead).await, json!({"role": "auditor"})).await;
    assert_eq!(seen(&supervisor, &third).await.state, State::Waiting);
    ben.set_online(true).await.unwrap();
    for conversation in [&first, &second, &third] {
        gets(&ben, conversation).await;
    }
    // Enabled again, no load is left behind.
    change(&anna_id, json!({"enabled": true})).await;
    let colleagues = ask(&supervisor, "GET", "/api/v1/agent/colleagues", None).await.1;
    let one = colleagues["agents"].as_array().unwrap().iter().find(|one| one["account"] == *anna_id).unwrap().clone();
    assert_eq!((one["load"].as_f64(), one["online"].as_bool()), (Some(0.0), Some(false)));

    // Somebody who logged out keeps theirs for the queue's time; a supervisor who did so, too.
    assert_eq!(act(&supervisor, &first, "take", json!({})).await.0, 204);
    supervisor.logout().await.unwrap();
    let (status, page) = ask(&ben, "GET", "/api/v1/agent/conversations?mine=true&state=assigned", None).await;
    assert_eq!((status, page["conversations"].as_array().unwrap().len()), (200, 2));
    server.stop();
    let (valid, told) = world.verify("a", "demo");
    assert!(valid, "{told}");
    let entries = world.entries("a", "demo");
    let back = of_kind(&entries, "conversation.requeued/1");
    assert_eq!(back.len(), 3);
    assert!(back.iter().all(|entry| field(entry, "reason") == &Detail::String("no_desk".into())));
}
