//! The agents' desk by its API, against a real server: lists and counts, what masked values are shown as, who works there.

#![expect(clippy::unwrap_used, reason = "a broken test world fails the test")]

use crate::common;

use common::people::{ask, call, code, create};
use common::socket::Socket;
use common::{Server, World, key, now, until};
use liaowaiwai::cli::client::{Client, Listing, Page};
use liaowaiwai::domain::masking::{self, Policy, Tail, Tokens, View};
use liaowaiwai::http::answers::Conversation;
use serde_json::{Value, json};

const CARD: &str = "6222021234567890128";

/// A table with a queue for lost cards beside that for everything.
const TABLE: &str = "\
apiVersion: route/v1
id: test
version: 1
words: {tiers: [vip], languages: [zh, en], tags: [card_loss], skills: []}
channels: {http: {weight: 100}}
groups: {vip: {}}
calendar:
  zone: '+09:00'
  hours:
    always: [{days: mon-sun, open: ['00:00-24:00']}]
queues:
  - {name: cards, hours: always, priority: 2, closed: x}
  - {name: vip, hours: always, priority: 1, group: vip, closed: x}
  - {name: general, hours: always, priority: 5, closed: x}
rules:
  - {id: card, when: {tag: card_loss}, queue: cards, sticky: true}
  - {id: vip, when: {tier: vip}, queue: vip}
  - {id: rest, queue: general}
tests:
  - {case: {channel: http, tags: [card_loss], at: 2026-11-26 10:00}, row: card}
  - {case: {channel: http, tier: vip, at: 2026-11-26 10:00}, row: vip}
  - {case: {channel: http, at: 2026-11-26 10:00}, row: rest}
";

fn activate(world: &World, yaml: &str) {
    let file = world.path().join("routing.yaml");
    std::fs::write(&file, yaml).unwrap();
    let (done, told) = world.lww("a", &["route", "activate", file.to_str().unwrap(), "--tenant", "demo"]);
    assert!(done, "{told}");
}

/// A customer says something by the bank's app; the conversation.
async fn say(server: &Server, contact: &str, text: &str) -> String {
    let id = format!("{contact}-{}", text.len());
    server.client().send_message(&key("demo"), (contact, text), &id, now()).await.unwrap().conversation
}

async fn held(desk: &Client) -> Vec<Conversation> {
    desk.conversations(Listing { mine: true, ..Listing::default() }).await.unwrap().conversations
}

async fn gets(desk: &Client, conversation: &str) {
    until("the assignment", async || held(desk).await.iter().any(|one| one.id == conversation)).await;
}

async fn get(client: &Client, target: &str) -> Value {
    let (status, answer) = ask(client, "GET", target, None).await;
    assert_eq!(status, 200, "{target}: {answer}");
    answer
}

fn ids(page: &Value) -> Vec<&str> {
    page["conversations"].as_array().unwrap().iter().map(|one| one["id"].as_str().unwrap()).collect()
}

/// The part of a text that a span names.
fn part(text: &Value, span: &Value) -> String {
    let at = |name: &str| usize::try_from(span[name].as_u64().unwrap()).unwrap();
    text.as_str().unwrap().chars().skip(at("start")).take(at("end") - at("start")).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_are_filtered_ordered_and_counted_and_show_nobody_more_than_their_role_may_see() {
    let world = World::private();
    let server = world.start("a");
    activate(&world, TABLE);
    let (agent, supervisor) = (server.staff("agent").await, server.staff("supervisor").await);
    let first = say(&server, "one", "你好").await;
    let card = server
        .client()
        .send_message_about(&key("demo"), ("two", "我的卡丢了"), json!({"tags": ["card_loss"]}), "two", now())
        .await
        .unwrap()
        .conversation;
    let third = say(&server, "three", "有人吗").await;

    let list = async |query: &str| get(&supervisor, &format!("/api/v1/agent/conversations{query}")).await;
    let all = list("").await;
    assert_eq!(ids(&all), [&*first, &*card, &*third]);
    let newest = list("?order=newest&limit=2").await;
    assert_eq!(ids(&newest), [&*third, &*card]);
    let older = list(&format!("?order=newest&after={}", newest["next"])).await;
    assert_eq!(ids(&older), [&*first], "the list goes on downwards");
    assert_eq!(ids(&list("?queue=cards&order=oldest").await), [&*card]);
    assert!(ids(&list("?queue=nowhere").await).is_empty());
    let one = &all["conversations"][0];
    assert_eq!(one["contact"].as_str().unwrap().len(), 32);
    assert!(one["last_at"].as_str().unwrap() >= one["opened_at"].as_str().unwrap());
    assert_eq!(one["wish"], Value::Null);

    for (query, field) in [("?order=up", "order"), ("?queue=", "queue"), ("?agent=x", "agent"), ("?tag=x", "query")] {
        let answer = ask(&supervisor, "GET", &format!("/api/v1/agent/conversations{query}"), None).await;
        assert_eq!((answer.0, answer.1["field"].as_str()), (422, Some(field)), "{query}: {answer:?}");
    }

    // An agent sees what is theirs, and how many wait.
    let count = async |desk: &Client| get(desk, "/api/v1/agent/conversations/count").await;
    assert_eq!(count(&agent).await, json!({"waiting": 3, "assigned": 0, "solved": 0, "closed": 0, "mine": 0}));
    agent.set_online(true).await.unwrap();
    for conversation in [&first, &card, &third] {
        gets(&agent, conversation).await;
    }
    agent.close(&first).await.unwrap();
    agent.solve(&card).await.unwrap();
    let expected = json!({"waiting": 0, "assigned": 1, "solved": 1, "closed": 1, "mine": 1});
    assert_eq!(count(&agent).await, expected);
    assert_eq!(count(&supervisor).await, json!({"waiting": 0, "assigned": 1, "solved": 1, "closed": 1, "mine": 0}));
    let other = server.staff_with("demo", "second", &create(&world, "demo", "second", "agent")).await;
    assert_eq!(count(&other).await, json!({"waiting": 0, "assigned": 0, "solved": 0, "closed": 0, "mine": 0}));
    assert!(ids(&get(&other, "/api/v1/agent/conversations").await).is_empty());

    let account = agent.session().await.unwrap().account;
    assert_eq!(ids(&list(&format!("?agent={account}&state=closed")).await), [&*first]);
    let spied = ask(&other, "GET", &format!("/api/v1/agent/conversations?agent={account}"), None).await;
    assert_eq!((spied.0, code(&spied)), (403, "forbidden"));
    server.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn masked_values_are_told_with_their_place_entity_class_and_rule_and_never_with_their_value() {
    let world = World::private();
    let server = world.start("a");
    let agent = server.trial_staff("agent").await;
    agent.set_online(true).await.unwrap();
    let conversation = say(&server, "one", &format!("😀您好，卡号{CARD}，安全码是739")).await;
    gets(&agent, &conversation).await;
    let mut socket = Socket::desk(server.http, &agent).await.unwrap();
    socket.wait_for("live").await;
    let shown = get(&agent, &format!("/api/v1/agent/conversations/{conversation}")).await;
    let message = &shown["messages"][0];
    assert_eq!(message["by"], "customer");
    let spans = message["spans"].as_array().unwrap();
    let told: Vec<(&str, &str, &str, String)> = spans
        .iter()
        .map(|span| {
            let word = |name: &str| span[name].as_str().unwrap();
            (word("entity"), word("class"), word("rule"), part(&message["text"], span))
        })
        .collect();
    let masked = "622202*********0128".to_owned();
    let expected = [("cn.bank_card", "C2", "cn.bank_card", masked), ("card.cvv", "C3", "card.cvv", "[cvv]".to_owned())];
    assert_eq!(told, expected);
    assert!(spans.iter().all(|span| !span["basis"].as_array().unwrap().is_empty()), "{spans:?}");
    let policy = Policy::load(&std::fs::read_to_string(world.policy()).unwrap()).unwrap();
    assert_eq!(message["policy"], liaowaiwai::units::Hash(policy.digest()).to_string());

    // The socket's lines tell the same, and so does what is said from then on.
    socket.send(&json!({"type": "open", "conversation": conversation})).await;
    assert_eq!(socket.wait_for("message").await["message"], *message);
    agent.reply_masked(&conversation, &format!("已收到 {CARD}"), "r-1").await.unwrap();
    let said = socket.wait_for("message").await["message"].clone();
    assert_eq!((said["by"].as_str(), said["spans"].as_array().unwrap().len()), (Some("agent"), 1));
    assert_eq!(said["policy"], message["policy"]);
    assert!(!format!("{shown}{said}").contains(CARD));

    // Under another policy the rule is a number: its place in the one that masked.
    let changed = std::fs::read_to_string(world.policy()).unwrap().replace("\nversion: ", "\nversion: 1");
    let file = world.path().join("other.yaml");
    std::fs::write(&file, changed).unwrap();
    let (done, told) = world.lww("a", &["policy", "activate", file.to_str().unwrap(), "--tenant", "demo"]);
    assert!(done, "{told}");
    let later = get(&agent, &format!("/api/v1/agent/conversations/{conversation}")).await;
    let span = &later["messages"][0]["spans"][0];
    assert!(span["rule"].as_str().unwrap().parse::<u16>().is_ok() && span["basis"] == json!([]), "{span}");
    assert_eq!(later["messages"][0]["policy"], message["policy"]);
    server.stop();
}

struct NoTokens;

impl Tokens for NoTokens {
    fn token(&self, _: &str, _: &str, _: &str) -> String {
        "token".to_owned()
    }
}

#[test]
fn spans_stand_where_the_masked_value_stands_in_every_view() {
    let policy = Policy::load(include_str!("../../policies/masking/cn-retail.yaml")).unwrap();
    for text in [
        "",
        "你好",
        "卡６２２２０２１２３４５６７８９０１２８和手机13812345678，邮箱 a.b@example.com",
        "😀😀 6222021234567890128😀密码是Tulip9Zq7",
        "13812345678",
    ] {
        let spans = masking::detect(&policy, text, &mut Tail::empty(), 0);
        let masked = masking::apply(&policy, text, &spans, &NoTokens);
        for view in View::ALL {
            let shown: Vec<char> = masked.render(view).chars().collect();
            let told = masked.shown_spans(view);
            assert_eq!(told.len(), spans.len(), "{view}");
            let mut plain = String::new();
            let mut from = 0;
            for (span, found) in told.iter().zip(&spans) {
                assert_eq!((span.entity, span.class, span.rule), (found.entity, found.class, found.rule));
                assert!(from <= span.start && span.start < span.end, "{view}: {span:?}");
                plain.extend(&shown[from..span.start]);
                from = span.end;
            }
            plain.extend(&shown[from..]);
            let mut outside = text.to_owned();
            for span in spans.iter().rev() {
                outside.replace_range(span.bytes.clone(), "");
            }
            assert_eq!(plain, outside, "{view}: what is no span is as it was written");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn colleagues_presence_and_rights_are_told_to_those_with_a_desk() {
    let world = World::private();
    let server = world.start("a");
    let (agent, supervisor) = (server.staff("agent").await, server.staff("supervisor").await);
    let capacity = get(&agent, "/api/v1/agent/presence").await["capacity"].as_i64().unwrap();
    assert_eq!(
        get(&agent, "/api/v1/agent/presence").await,
        json!({"online": false, "load": 0.0, "capacity": capacity})
    );
    assert_eq!(get(&supervisor, "/api/v1/agent/presence").await["capacity"], 0);
    let conversation = say(&server, "one", "你好").await;
    agent.set_online(true).await.unwrap();
    gets(&agent, &conversation).await;
    assert_eq!(get(&agent, "/api/v1/agent/presence").await, json!({"online": true, "load": 1.0, "capacity": capacity}));
    let seen = get(&supervisor, "/api/v1/agent/colleagues").await;
    assert_eq!(seen, get(&agent, "/api/v1/agent/colleagues").await, "an agent sees them, too");
    let agents = seen["agents"].as_array().unwrap();
    let roles: Vec<&str> = agents.iter().map(|one| one["role"].as_str().unwrap()).collect();
    assert!(roles.contains(&"agent") && roles.contains(&"supervisor") && roles.len() == 2, "{roles:?}");
    let own = agents.iter().find(|one| one["role"] == "agent").unwrap();
    assert_eq!(own["account"], agent.session().await.unwrap().account);
    assert_eq!((own["online"].as_bool(), own["load"].as_f64()), (Some(true), Some(1.0)));
    assert!(!own["name"].as_str().unwrap().is_empty() && own["skills"].is_array() && own["groups"].is_array());

    let rights = async |client: &Client| get(client, "/api/v1/session").await["rights"].clone();
    assert_eq!(rights(&agent).await, json!(["converse", "own_account", "unmask", "read_unmaskings"]));
    assert!(rights(&supervisor).await.as_array().unwrap().contains(&json!("supervise")));
    assert_eq!(get(&agent, "/api/v1/session").await["time_zone"], "Asia/Shanghai");
    activate(&world, TABLE);
    assert_eq!(get(&agent, "/api/v1/session").await["time_zone"], "Etc/GMT-9", "the zone of the table in force");
    let auditor = server.staff("auditor").await;
    assert!(!rights(&auditor).await.to_string().contains("converse"));
    for target in ["colleagues", "presence", "conversations/count", "conversations"] {
        let answer = call(&auditor, "GET", &format!("/api/v1/agent/{target}"), &[], None).await;
        assert_eq!((answer.0, code(&answer)), (403, "forbidden"), "{target}");
    }
    // Whoever is disabled is no colleague any more.
    let account = own["account"].as_str().unwrap();
    let admin = server.staff("admin").await;
    let change =
        ask(&admin, "PATCH", &format!("/api/v1/admin/accounts/{account}"), Some(json!({"enabled": false}))).await;
    assert_eq!(change.0, 200, "{change:?}");
    let left = get(&supervisor, "/api/v1/agent/colleagues").await;
    assert_eq!(left["agents"].as_array().unwrap().len(), 1, "{left}");
    assert!(supervisor.open(&conversation, Page::default()).await.is_ok());
    server.stop();
}

fn reply(title: &str, text: &str) -> Value {
    json!({"title": title, "text": text, "shortcut": "hi"})
}

/// Out of bounds, or a title that would be masked.
async fn refuses_replies(supervisor: &Client, target: &str) {
    for (body, field) in [
        (reply("", "x"), "title"),
        (reply(" ", "x"), "title"),
        (reply("two\nlines", "x"), "title"),
        (reply(&"x".repeat(129), "x"), "title"),
        (reply(&format!("卡{CARD}"), "x"), "title"),
        (reply("t", ""), "text"),
        (reply("t", &"x".repeat(4097)), "text"),
        (reply("t", "{agent} {name}"), "text"),
        (json!({"title": "t", "text": "x", "shortcut": "A b"}), "shortcut"),
        (json!({"title": "t", "text": "x", "shortcut": ""}), "shortcut"),
    ] {
        let answer = ask(supervisor, "POST", target, Some(body.clone())).await;
        assert_eq!((answer.0, answer.1["field"].as_str()), (422, Some(field)), "{body}: {answer:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn canned_replies_are_written_by_supervisors_read_by_the_desk_masked_versioned_and_recorded() {
    let world = World::private();
    let server = world.start("a");
    let (agent, supervisor) = (server.staff("agent").await, server.staff("supervisor").await);
    let target = "/api/v1/agent/replies";
    let made = ask(&supervisor, "POST", target, Some(reply("问候", "您好，我是{agent}，{bank}为您服务。"))).await;
    assert_eq!(made.0, 201, "{made:?}");
    let first = made.1;
    assert_eq!((first["version"].as_i64(), first["shortcut"].as_str()), (Some(1), Some("hi")));
    assert_eq!(get(&agent, target).await, json!({"replies": [first]}));

    // Whatever is masked elsewhere is masked here: what is stored, and what is shown.
    let text = format!("测试卡{CARD}，密码是Tulip9Zq7Walrus\n第二行\n第三行");
    let body = json!({"title": "a title", "text": text});
    let second = ask(&supervisor, "POST", target, Some(body)).await.1;
    let shown = second["text"].as_str().unwrap();
    assert!(shown.contains("622202*********0128") && shown.ends_with("\n第二行\n第三行"), "{shown}");
    assert!(!shown.contains("Tulip9Zq7Walrus") && second["shortcut"].is_null());
    let titles = get(&agent, target).await;
    let titles: Vec<&str> =
        titles["replies"].as_array().unwrap().iter().map(|one| one["title"].as_str().unwrap()).collect();
    assert_eq!(titles, ["a title", "问候"], "by title");

    refuses_replies(&supervisor, target).await;
    let one = format!("{target}/{}", first["id"].as_str().unwrap());
    let anew = |version: i64| json!({"title": "问候", "text": "您好！", "version": version});
    for (client, method, at, body) in [
        (&agent, "POST", target, reply("t", "x")),
        (&agent, "PUT", one.as_str(), anew(1)),
        (&agent, "DELETE", one.as_str(), json!({})),
    ] {
        assert_eq!(code(&ask(client, method, at, Some(body)).await), "forbidden", "{method}");
    }
    // A version that somebody else has replaced meanwhile is not overwritten.
    let written = ask(&supervisor, "PUT", &one, Some(anew(1))).await;
    assert_eq!((written.0, written.1["version"].as_i64(), written.1["text"].as_str()), (200, Some(2), Some("您好！")));
    assert!(written.1["shortcut"].is_null(), "what is not given is gone: a reply is written whole");
    assert_eq!(code(&ask(&supervisor, "PUT", &one, Some(anew(1))).await), "conflict");
    let both = tokio::join!(ask(&supervisor, "PUT", &one, Some(anew(2))), ask(&supervisor, "PUT", &one, Some(anew(2))));
    let mut statuses = [both.0.0, both.1.0];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 409], "{both:?}");
    let nobody = format!("{target}/{}", "00".repeat(16));
    assert_eq!(code(&ask(&supervisor, "PUT", &nobody, Some(anew(1))).await), "not_found");
    assert_eq!(ask(&supervisor, "DELETE", &one, Some(json!({}))).await.0, 204);
    for (method, body) in [("DELETE", json!({})), ("PUT", anew(4))] {
        assert_eq!(code(&ask(&supervisor, method, &one, Some(body)).await), "not_found", "it is gone");
    }
    assert_eq!(get(&agent, target).await["replies"].as_array().unwrap().len(), 1);
    server.stop();

    let (valid, told) = world.verify("a", "demo");
    assert!(valid, "{told}");
    let entries = world.entries("a", "demo");
    let kinds: Vec<&str> =
        entries.iter().map(|entry| entry.kind.as_str()).filter(|kind| kind.starts_with("reply.")).collect();
    assert_eq!(kinds, ["reply.saved/1", "reply.saved/1", "reply.saved/1", "reply.saved/1", "reply.removed/1"]);
    let saved = entries.iter().filter(|entry| entry.kind.as_str() == "reply.saved/1");
    assert!(saved.into_iter().all(|entry| entry.content.is_some() && entry.policy.is_some()));
    // After a restart they are there as they were.
    let server = world.start("a");
    let agent = staff_again(&server, "agent").await;
    assert_eq!(get(&agent, target).await["replies"][0], second);
    server.stop();
}

/// Somebody who has chosen a password already.
async fn staff_again(server: &Server, login: &str) -> Client {
    let client = Client::http(server.http);
    client.login("demo", login, &common::chosen_password(login)).await.unwrap();
    client
}

/// The next line about viewers, as accounts with whether they type.
async fn viewers(socket: &mut Socket) -> Vec<(String, bool)> {
    let line = socket.wait_for("viewers").await;
    let told = line["viewers"].as_array().unwrap().iter();
    told.map(|one| (one["account"].as_str().unwrap().to_owned(), one["typing"].as_bool().unwrap())).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_has_a_conversation_open_hears_who_else_has_and_who_types() {
    let world = World::private();
    let server = world.start("a");
    let agent = server.trial_staff("agent").await;
    let lead = server.trial_staff("supervisor").await;
    agent.set_online(true).await.unwrap();
    let conversation = say(&server, "one", "你好").await;
    gets(&agent, &conversation).await;
    let (agent_id, lead_id) = (agent.session().await.unwrap().account, lead.session().await.unwrap().account);
    let mut own = Socket::desk(server.http, &agent).await.unwrap();
    let mut other = Socket::desk(server.http, &lead).await.unwrap();
    let open = json!({"type": "open", "conversation": conversation});
    let alone = [(agent_id.clone(), false)];
    own.send(&open).await;
    assert_eq!(viewers(&mut own).await, alone);
    other.send(&open).await;
    let both =
        |agent_types: bool, lead_types: bool| vec![(agent_id.clone(), agent_types), (lead_id.clone(), lead_types)];
    assert_eq!(viewers(&mut own).await, both(false, false));
    assert_eq!(viewers(&mut other).await, both(false, false));

    // The supervisor types, and by and by no longer.
    other.send(&json!({"type": "typing", "conversation": conversation})).await;
    assert_eq!(viewers(&mut own).await, both(false, true));
    assert_eq!(viewers(&mut own).await, both(false, false));
    // Who has answered types no longer; another socket of the same account is no other viewer.
    own.send(&json!({"type": "typing", "conversation": conversation})).await;
    assert_eq!(viewers(&mut own).await, both(true, false));
    own.send(&json!({"type": "reply", "conversation": conversation, "key": "k", "text": "您好"})).await;
    assert_eq!(viewers(&mut own).await, both(false, false));
    let mut second = Socket::desk(server.http, &agent).await.unwrap();
    second.send(&open).await;
    assert_eq!(viewers(&mut second).await.len(), 2);
    drop(second);
    assert_eq!(viewers(&mut own).await.len(), 2, "it opened");
    assert_eq!(viewers(&mut own).await.len(), 2, "it is closed");

    // Leaving says so, and so does a connection that breaks.
    other.send(&json!({"type": "leave", "conversation": conversation})).await;
    assert_eq!(viewers(&mut own).await, alone);
    other.send(&open).await;
    assert_eq!(viewers(&mut own).await, both(false, false));
    drop(other);
    assert_eq!(viewers(&mut own).await, alone);
    // What is open nowhere is nobody's to hear of.
    let mut third = Socket::desk(server.http, &lead).await.unwrap();
    third.wait_for("live").await;
    own.send(&json!({"type": "typing", "conversation": conversation})).await;
    assert_eq!(viewers(&mut own).await, [(agent_id.clone(), true)]);
    assert_eq!(viewers(&mut own).await, alone);
    third.send(&json!({"type": "open", "conversation": "00".repeat(16)})).await;
    let mut heard = Vec::new();
    loop {
        let line = third.next().await.unwrap();
        heard.push(line["type"].as_str().unwrap().to_owned());
        if line["type"] == "refused" {
            break;
        }
    }
    assert!(!heard.iter().any(|kind| kind == "viewers"), "{heard:?}");
    server.stop();
}
