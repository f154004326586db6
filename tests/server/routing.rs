//! Queues at work, against a real server: skills, groups, agents who leave or stay silent, closed hours; and every decision
//! that its log holds comes out again from the entry and the table alone.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a broken test world fails the test")]

use crate::common;

use common::people::ask;
use common::{Server, World, key, now, until, wait_until};
use liaowaiwai::cli::client::{Client, Listing, Page};
use liaowaiwai::domain::routing::{Table, replay, table_of};
use liaowaiwai::http::answers::{Accepted, Conversation, State};
use lww_audit::Entry;
use lww_audit::entry::Detail;
use serde_json::{Value, json};

/// Two skills, a group for VIPs, an agent's silence of two seconds and absence of one.
const TABLE: &str = "\
apiVersion: route/v1
id: test
version: 1
words: {tiers: [vip], languages: [zh, en], tags: [card_loss], skills: [card, english]}
channels: {http: {weight: 100}}
groups: {vip: {}}
calendar:
  zone: '+08:00'
  hours:
    always: [{days: mon-sun, open: ['00:00-24:00']}]
queues:
  - {name: vip, hours: always, priority: 1, group: vip, offline_s: 1, closed: x}
  - {name: card, hours: always, priority: 2, skills: [card], no_answer_s: 2, closed: x}
  - {name: english, hours: always, priority: 4, skills: [english], closed: 'We are back at {opens}.'}
  - {name: general, hours: always, priority: 5, closed: x}
rules:
  - {id: card, when: {tag: card_loss}, queue: card}
  - {id: vip, when: {tier: vip}, queue: vip, sticky: true}
  - {id: english, when: {language: en}, queue: english}
  - {id: rest, queue: general}
tests:
  - {case: {channel: http, tags: [card_loss], at: 2026-11-26 10:00}, row: card}
  - {case: {channel: http, tier: vip, at: 2026-11-26 10:00}, row: vip}
  - {case: {channel: http, language: en, at: 2026-11-26 10:00}, row: english}
  - {case: {channel: http, at: 2026-11-26 10:00}, row: rest}
";

/// Writes a table and makes it the active one.
fn activate(world: &World, yaml: &str) -> Table {
    let file = world.path().join("routing.yaml");
    std::fs::write(&file, yaml).unwrap();
    let (done, told) = world.lww("a", &["route", "activate", file.to_str().unwrap(), "--tenant", "demo"]);
    assert!(done, "{told}");
    Table::load(yaml).unwrap()
}

/// A new agent of the demo tenant who is logged in but not there yet.
async fn agent(world: &World, server: &Server, login: &str, capacity: &str, skills: &str) -> Client {
    let order = ["admin", "create", "--login", login, "--role", "agent", "--capacity", capacity, "--tenant", "demo"];
    let skills = ["--skills", skills];
    let order = if skills[1].is_empty() { order.to_vec() } else { [&order[..], &skills].concat() };
    let (done, told) = world.lww("a", &order);
    assert!(done, "{told}");
    let password = told.lines().next().unwrap().rsplit(": ").next().unwrap().to_owned();
    server.staff_with("demo", login, &password).await
}

async fn say(app: &Client, contact: &str, text: &str, about: Value) -> Accepted {
    let id = format!("{contact}-{}", text.len());
    app.send_message_about(&key("demo"), (contact, text), about, &id, now()).await.unwrap()
}

async fn held(desk: &Client) -> Vec<Conversation> {
    let mine = Listing { mine: true, state: Some(State::Assigned), ..Listing::default() };
    desk.conversations(mine).await.unwrap().conversations
}

async fn gets(desk: &Client, conversation: &str) {
    until("the assignment", async || held(desk).await.iter().any(|one| one.id == conversation)).await;
}

async fn loses(desk: &Client, conversation: &str) {
    until("the way back", async || !held(desk).await.iter().any(|one| one.id == conversation)).await;
}

async fn seen(supervisor: &Client, conversation: &str) -> Conversation {
    supervisor.open(conversation, Page::default()).await.unwrap().conversation
}

fn words<'a>(entry: &'a Entry, name: &str) -> &'a str {
    let Detail::Object(fields) = &entry.detail else { panic!("no detail") };
    let Some(Detail::String(word)) = fields.get(name) else { panic!("{name} of {fields:?}") };
    word
}

/// Every routing decision of the log comes out again; how many there were, by kind.
fn replayed(entries: &[Entry], tables: &[&Table]) -> (usize, usize) {
    let (mut routed, mut assigned) = (0, 0);
    for entry in entries {
        let Ok(digest) = table_of(entry) else { continue };
        let table = tables.iter().find(|table| table.digest() == digest).unwrap();
        let again = replay(entry, table).unwrap();
        assert!(again.is_same(), "{again:?}");
        let kind = if entry.kind.as_str() == "conversation.assigned/2" { &mut assigned } else { &mut routed };
        *kind += 1;
    }
    (routed, assigned)
}

#[tokio::test(flavor = "multi_thread")]
async fn conversations_go_by_skill_and_group_come_back_from_the_absent_and_silent_and_every_decision_replays() {
    let world = World::private();
    let server = world.start("a");
    let table = activate(&world, TABLE);
    let (app, supervisor) = (server.client(), server.staff("supervisor").await);
    let anna = agent(&world, &server, "anna", "2", "card").await;
    let ben = agent(&world, &server, "ben", "1", "vip,english").await;
    let (refused, told) = world.lww("a", &["admin", "create", "--login", "x", "--role", "agent", "--skills", "cards"]);
    assert!(!refused && told.contains("skills"), "{told}");

    // Nobody is there: all wait, each in the queue that its row names, the language told by the script.
    let general = say(&app, "c-general", "你好", json!({})).await;
    let vip = say(&app, "c-vip", "我是贵宾客户", json!({"tier": "vip"})).await;
    let english = say(&app, "c-english", "Hello, is anybody there?", json!({"tier": "platinum"})).await;
    let second = say(&app, "c-second", "有人吗", json!({})).await;
    let waiting = seen(&supervisor, &second.conversation).await;
    assert_eq!((waiting.queue.as_str(), waiting.priority, waiting.position), ("general", 5, Some(2)));
    assert_eq!(seen(&supervisor, &english.conversation).await.language.as_deref(), Some("en"));
    let queues = supervisor.queues().await.unwrap().queues;
    let lengths: Vec<(&str, u64)> = queues.iter().map(|queue| (queue.queue.as_str(), queue.waiting)).collect();
    assert_eq!(lengths, [("vip", 1), ("card", 0), ("english", 1), ("general", 2)]);
    assert_eq!(anna.queues().await.unwrap_err().code(), Some("forbidden"));
    // Agents see where they can give a conversation to, and not how many wait there.
    let (status, targets) = ask(&anna, "GET", "/api/v1/agent/queues/targets", None).await;
    let open = |name: &str| json!({"queue": name, "open": true});
    let expected = ["vip", "card", "english", "general"].map(open);
    assert_eq!((status, targets), (200, json!({"queues": expected})));

    // The VIP first, although another has waited longer; then by what each can do.
    ben.set_online(true).await.unwrap();
    gets(&ben, &vip.conversation).await;
    assert_eq!(held(&ben).await.len(), 1, "more than the capacity was given");
    anna.set_online(true).await.unwrap();
    gets(&anna, &general.conversation).await;
    gets(&anna, &second.conversation).await;
    assert_eq!(seen(&supervisor, &english.conversation).await.state, State::Waiting, "nobody there speaks English");

    // Gone for longer than a second: back to the queue, to the same place, and to the same agent when there again.
    ben.set_online(false).await.unwrap();
    loses(&ben, &vip.conversation).await;
    let back = seen(&supervisor, &vip.conversation).await;
    assert_eq!((back.state, back.position, back.queue.as_str()), (State::Waiting, Some(1), "vip"));
    ben.set_online(true).await.unwrap();
    gets(&ben, &vip.conversation).await;
    ben.close(&vip.conversation).await.unwrap();
    gets(&ben, &english.conversation).await;

    // Silent for longer than two seconds: to another who can do it, and there it stays once it is answered.
    anna.close(&general.conversation).await.unwrap();
    let lost = say(&app, "c-card", "我的卡丢了", json!({"tags": ["card_loss"]})).await;
    gets(&anna, &lost.conversation).await;
    let erik = agent(&world, &server, "erik", "1", "card").await;
    erik.set_online(true).await.unwrap();
    gets(&erik, &lost.conversation).await;
    erik.reply(&lost.conversation, "已为您挂失", "r-1").await.unwrap();
    until("a later look of the timer", async || {
        say(&app, "c-other", "您好您好", json!({})).await;
        held(&anna).await.len() == 2
    })
    .await;
    assert_eq!(held(&erik).await.len(), 1, "an answered conversation was taken back");

    check_commands(&world, &table);
    server.stop();
    check_log(&world, &table);
}

/// Every decision replays, and the reasons are those that the story should have.
fn check_log(world: &World, table: &Table) {
    let (valid, told) = world.verify("a", "demo");
    assert!(valid, "{told}");
    let entries = world.entries("a", "demo");
    let (routed, assigned) = replayed(&entries, &[table]);
    assert_eq!((routed, assigned), (6, 8));
    let back = entries.iter().filter(|entry| entry.kind.as_str() == "conversation.requeued/1");
    assert_eq!(back.map(|entry| words(entry, "reason")).collect::<Vec<_>>(), ["offline", "no_answer"]);
    let given = entries.iter().filter(|entry| entry.kind.as_str() == "conversation.assigned/2");
    let reasons: Vec<&str> = given.map(|entry| words(entry, "reason")).collect();
    assert_eq!(reasons[3], "sticky", "{reasons:?}");
    let unknown = entries.iter().filter(|entry| entry.kind.as_str() == "conversation.opened/2");
    let unknown = unknown.filter(|entry| format!("{:?}", entry.detail).contains("\"unknown\": Int(1)")).count();
    assert_eq!(unknown, 1, "one tier was no word of the table's");
}

/// `lww route replay` by index and by file; a changed entry and another table are noticed.
fn check_commands(world: &World, table: &Table) {
    let entry_file = world.path().join("entry.json");
    let mut found = None;
    wait_until("the publication", || {
        let tiles = lww_audit::TileDir::open(world.tiles("a", "demo"));
        if tiles.checkpoint().unwrap().is_none() {
            return false;
        }
        let entries = world.entries("a", "demo");
        found = entries.into_iter().rfind(|entry| entry.kind.as_str() == "conversation.assigned/2");
        found.is_some()
    });
    let entry = found.unwrap();
    let (same, told) = world.lww("a", &["route", "replay", &entry.seq.0.to_string(), "--tenant", "demo"]);
    assert!(same && told.starts_with("SAME conversation.assigned/2"), "{told}");
    let text = String::from_utf8(entry.to_bytes().unwrap()).unwrap();
    std::fs::write(&entry_file, format!("{text}\n")).unwrap();
    let file = entry_file.to_str().unwrap();
    let table_file = world.path().join("routing.yaml");
    let of_file = ["route", "replay", file, "--table", table_file.to_str().unwrap()];
    assert!(world.lww("a", &of_file).0);

    let reason = words(&entry, "reason");
    std::fs::write(&entry_file, text.replace(&format!("\"reason\":\"{reason}\""), "\"reason\":\"overflow\"")).unwrap();
    let (same, told) = world.lww("a", &of_file);
    assert!(!same && told.contains("DIFFERENT"), "{told}");
    std::fs::write(&entry_file, &text).unwrap();
    std::fs::write(&table_file, TABLE.replace("no_answer_s: 2", "no_answer_s: 3")).unwrap();
    let (same, told) = world.lww("a", &of_file);
    assert!(!same && told.contains(&format!("was made with the table {}", table.digest())), "{told}");
    std::fs::write(&table_file, TABLE).unwrap();
    let (same, told) = world.lww("a", &["route", "replay", "0", "--tenant", "demo"]);
    assert!(!same && told.contains("holds no routing decision"), "{told}");
    let (same, told) = world.lww("a", &["route", "replay", "99999999", "--tenant", "demo"]);
    assert!(!same && told.contains("99999999"), "{told}");
}

/// The table with English served at a time of day that is not now, nor within the hour.
fn closed_now() -> String {
    let table = Table::load(TABLE).unwrap();
    let written = table.calendar().written(now());
    let hour: u32 = written[11..13].parse().unwrap();
    let opens = (hour + 12) % 24;
    let hours = format!("    office: [{{days: mon-sun, open: ['{opens:02}:00-{opens:02}:30']}}]\nqueues:");
    TABLE.replace("queues:", &hours).replace("{name: english, hours: always", "{name: english, hours: office")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_look_gives_every_agent_one_before_any_gets_a_second() {
    let world = World::private();
    let server = world.start("a");
    let closed = activate(&world, &closed_now());
    let app = server.client();
    let desks = [
        agent(&world, &server, "anna", "2", "english").await,
        agent(&world, &server, "ben", "2", "english").await,
        agent(&world, &server, "cleo", "2", "english").await,
    ];
    for desk in &desks {
        desk.set_online(true).await.unwrap();
    }
    for number in 0..7 {
        say(&app, &format!("customer-{number}"), "Hello, I need help", json!({})).await;
    }
    let open = activate(&world, &TABLE.replace("version: 1", "version: 2"));
    for desk in &desks {
        until("both places to be taken", async || held(desk).await.len() == 2).await;
    }
    server.stop();
    let (valid, told) = world.verify("a", "demo");
    assert!(valid, "{told}");
    let entries = world.entries("a", "demo");
    assert_eq!(replayed(&entries, &[&closed, &open]), (7, 6));
    let assigned = entries.iter().filter(|entry| entry.kind.as_str() == "conversation.assigned/2");
    let given: Vec<(&str, &str)> = assigned.map(|entry| (words(entry, "at"), words(entry, "agent"))).collect();
    for look in given.chunks(3) {
        let [(at, one), (second, two), (third, three)] = look else { panic!("{given:?}") };
        assert!(at == second && at == third, "not by one look: {given:?}");
        assert!(one != two && two != three && one != three, "somebody got two: {given:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_customer_who_comes_out_of_hours_is_told_once_and_served_in_order_when_it_opens() {
    let world = World::private();
    let server = world.start("a");
    let closed = activate(&world, &closed_now());
    let (app, supervisor) = (server.client(), server.staff("supervisor").await);
    let desk = agent(&world, &server, "ben", "1", "english").await;
    desk.set_online(true).await.unwrap();
    let first = say(&app, "one", "Hello, I need help", json!({})).await;
    let second = say(&app, "two", "Hello, me too please", json!({})).await;
    let opens = closed.calendar().opens("office", now()).unwrap();
    let notice = format!("We are back at {}.", closed.calendar().written(opens));
    let told = async |contact: &str| {
        let page = app.messages(&key("demo"), contact, Page::default(), now()).await.unwrap();
        page.messages.into_iter().filter(|message| message.from_bank).map(|message| message.text).collect::<Vec<_>>()
    };
    for contact in ["one", "two"] {
        until("the notice", async || told(contact).await == [notice.clone()]).await;
    }
    // Another message, and another customer's notice after it: the first is not told again.
    say(&app, "one", "Is anybody there at all, please?", json!({})).await;
    say(&app, "three", "Hello, and I am the third one", json!({})).await;
    until("the third notice", async || told("three").await == [notice.clone()]).await;
    assert_eq!(told("one").await, std::slice::from_ref(&notice));
    assert!(held(&desk).await.is_empty(), "somebody was served in a closed queue");
    let state = supervisor.queues().await.unwrap().queues.into_iter().find(|queue| queue.queue == "english").unwrap();
    assert_eq!((state.open, state.opens, state.waiting), (false, Some(opens.to_string()), 3));
    let (_, targets) = ask(&desk, "GET", "/api/v1/agent/queues/targets", None).await;
    let closed_target = json!({"queue": "english", "open": false, "opens": opens.to_string()});
    assert!(targets["queues"].as_array().unwrap().contains(&closed_target), "{targets}");

    let open = activate(&world, &TABLE.replace("version: 1", "version: 2"));
    gets(&desk, &first.conversation).await;
    assert_eq!(held(&desk).await.len(), 1);
    desk.close(&first.conversation).await.unwrap();
    gets(&desk, &second.conversation).await;
    server.stop();
    let (valid, told) = world.verify("a", "demo");
    assert!(valid, "{told}");
    let entries = world.entries("a", "demo");
    assert_eq!(replayed(&entries, &[&closed, &open]), (3, 2));
    let notices = entries.iter().filter(|entry| entry.kind.as_str() == "message.sent/1");
    assert!(notices.clone().count() == 3 && notices.into_iter().all(|entry| entry.actor.role.as_str() == "server"));
}

#[tokio::test(flavor = "multi_thread")]
async fn which_table_is_active_is_decided_by_entries_and_a_changed_file_is_drift() {
    let world = World::private();
    let server = world.start("a");
    let built_in = include_str!("../../policies/routing/built-in.yaml");
    let first = Table::load(built_in).unwrap();
    let broken = world.path().join("broken.yaml");
    std::fs::write(&broken, TABLE.replace("queue: general}", "queue: nowhere}")).unwrap();
    let (done, told) = world.lww("a", &["route", "activate", broken.to_str().unwrap()]);
    assert!(!done && told.contains("line 20: rules.queue: expected one of: vip, card, english, general"), "{told}");
    let second = activate(&world, TABLE);
    drop(server.staff("supervisor").await);
    server.stop();

    // Another server on the same data: what the ledger names stays active, and the file that differs is reported.
    let server = world.start("a");
    let app = server.client();
    let sent = say(&app, "c", "我的卡丢了", json!({"tags": ["card_loss"]})).await;
    let supervisor = server.client();
    supervisor.login("demo", "supervisor", &common::chosen_password("supervisor")).await.unwrap();
    assert_eq!(seen(&supervisor, &sent.conversation).await.queue, "card");
    let logged = || {
        let logs = common::files(&world.data("a").join("logs"));
        logs.iter().any(|log| std::fs::read_to_string(log).unwrap().contains("routing_drift"))
    };
    wait_until("the drift to be told", logged);
    let eva = agent(&world, &server, "eva", "1", "").await;
    eva.set_online(true).await.unwrap();
    assert!(held(&eva).await.is_empty(), "an agent without the skill was given a card");
    let set = |login: &str, skills: &str| world.lww("a", &["admin", "skills", "--login", login, "--skills", skills]);
    assert!(!set("eva", "card,magic").0 && !set("nobody", "card").0);
    assert_eq!(set("eva", "card,english"), (true, "eva can: card, english\n".to_owned()));
    gets(&eva, &sent.conversation).await;

    // Whoever logs out is gone, although they never said so.
    let gus = agent(&world, &server, "gus", "1", "").await;
    eva.close(&sent.conversation).await.unwrap();
    eva.logout().await.unwrap();
    let card = say(&app, "d", "卡又丢了", json!({"tags": ["card_loss"]})).await;
    gus.set_online(true).await.unwrap();
    let other = say(&app, "e", "在吗在吗", json!({})).await;
    gets(&gus, &other.conversation).await;
    assert_eq!(seen(&supervisor, &card.conversation).await.state, State::Waiting);
    server.stop();
    let entries = world.entries("a", "demo");
    let activated: Vec<(&str, &str)> = entries
        .iter()
        .filter(|entry| entry.kind.as_str() == "routing.activated/2")
        .map(|entry| (words(entry, "digest"), entry.actor.role.as_str()))
        .collect();
    let skilled = entries.iter().filter(|entry| entry.kind.as_str() == "agent.skills_set/1");
    assert_eq!(skilled.map(|entry| entry.actor.role.as_str()).collect::<Vec<_>>(), ["operator"]);
    let (first, second) = (first.digest().to_string(), second.digest().to_string());
    assert_eq!(activated, [(first.as_str(), "server"), (second.as_str(), "operator")]);
}

/// Every migration's text, in order.
fn migrations() -> Vec<(u32, String)> {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations");
    let mut found: Vec<(u32, String)> = common::files(&folder)
        .into_iter()
        .map(|path| {
            let name = path.file_name().unwrap().to_str().unwrap();
            let number = name[1..].split('_').next().unwrap().parse().unwrap();
            (number, std::fs::read_to_string(&path).unwrap())
        })
        .collect();
    found.sort();
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_of_before_keeps_who_waits_and_who_holds_what() {
    let world = World::private();
    let options = liaowaiwai::storage::embedded::EmbeddedOptions {
        data_dir: world.path().join("old"),
        bin_dir: None,
        secrets_dir: world.path().join("old-secrets"),
    };
    let database = liaowaiwai::storage::embedded::EmbeddedPostgres::start(&options, &|_| {}).await.unwrap();
    let (client, connection) = database.owner_config().connect(tokio_postgres::NoTls).await.unwrap();
    tokio::spawn(connection);
    client.batch_execute("CREATE TABLE refinery_schema_history (version int4)").await.unwrap();
    let insert = "SET app.tenant = '1'; INSERT INTO tenant (id, name) VALUES (1, 'a'); \
        INSERT INTO conversation (tenant, id, public_id, subject, channel, state, agent, version, last_message, opened_seq, \
            opened_at, chain_n, chain_seq, chain_leaf, subject_n, subject_seq, subject_leaf) \
        SELECT 1, gen_random_uuid(), gen_random_uuid(), gen_random_uuid(), 1, s, CASE WHEN s = 1 THEN gen_random_uuid() END, \
            1, 1, s, 1000 + s, 0, 0, '', 0, 0, '' FROM generate_series(0, 2) s; \
        INSERT INTO agent (tenant, id, capacity, load, online, idle_since, version) \
        VALUES (1, gen_random_uuid(), 8, 3, true, 5, 1)";
    for (number, text) in migrations() {
        client.batch_execute(&text).await.unwrap_or_else(|error| panic!("V{number}: {error}"));
        if number == 1 {
            client.batch_execute(insert).await.unwrap();
        }
    }
    let sql = "SELECT c.state, r.rule, r.waiting, r.waits_since, r.held_since, r.weight, r.opened_seq = c.opened_seq FROM conversation c \
               JOIN conversation_route r ON r.tenant = c.tenant AND r.conversation = c.id ORDER BY c.state";
    let rows = client.query(sql, &[]).await.unwrap();
    let kept: Vec<(i16, bool, i64, Option<i64>)> =
        rows.iter().map(|row| (row.get(0), row.get(2), row.get(3), row.get(4))).collect();
    assert_eq!(kept, [(0, true, 1000, None), (1, false, 1001, Some(1001)), (2, false, 1002, None)]);
    assert!(rows.iter().all(|row| row.get(6)), "a list of a queue has another order");
    let load: i32 = client.query_one("SELECT load FROM agent", &[]).await.unwrap().get(0);
    assert_eq!(load, 300);
    drop(client);
    database.stop().await.unwrap();
}
