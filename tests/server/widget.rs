//! What the widget asks of the server: receipts of one's own messages, a way out of waiting, who wrote, what was masked, and
//! the pages themselves.

#![expect(clippy::unwrap_used, reason = "a test that can't go on fails")]

use crate::common;

use common::socket::{Socket, get, post, seconds_now, visit, widget};
use common::{SECRET, Server, World, until};
use liaowaiwai::cli::client::{Answer, Call, Client};
use lww_audit::entry::{Detail, Tag};
use lww_audit::{Entry, Receipt};
use ring::hmac;
use serde_json::{Value, json};

const NODE: &str = "a";

async fn say(server: &Server, token: &str, key: &str, text: &str) -> Value {
    // Keys are the channel account's: no two visitors have the same.
    let key = format!("{key}-{}", token.get(..16).unwrap());
    let frame = json!({"type": "send", "key": key, "text": text});
    post(server.http, &format!("{}/frames", widget("demo")), &frame, Some(token)).await.unwrap()
}

async fn wish(server: &Server, token: &str, wish: &str) -> Result<Value, String> {
    let frame = json!({"type": "wish", "key": "w", "wish": wish});
    post(server.http, &format!("{}/frames", widget("demo")), &frame, Some(token)).await
}

/// Status and text of what a visitor gets.
async fn text(server: &Server, path: &str, token: Option<&str>) -> (u16, String) {
    let headers = token.map(|token| ("authorization", format!("Bearer {token}"))).into_iter().collect();
    let target = format!("{}/{path}", widget("demo"));
    let answer = Client::http(server.http).send(Call { method: "GET", target, headers, body: None }).await.unwrap();
    (answer.status, String::from_utf8(answer.body.to_vec()).unwrap())
}

/// The code of a problem.
async fn refused(server: &Server, path: &str, token: Option<&str>) -> String {
    let (status, body) = text(server, path, token).await;
    assert!(status >= 400, "{path}: {body}");
    serde_json::from_str::<Value>(&body).unwrap()["code"].as_str().unwrap().to_owned()
}

/// The details of the entries of a kind, oldest first.
fn details(entries: &[Entry], kind: &str) -> Vec<Detail> {
    entries.iter().filter(|entry| entry.kind.as_str() == kind).map(|entry| entry.detail.clone()).collect()
}

fn header<'a>(answer: &'a Answer, name: &str) -> &'a str {
    answer.headers.get(name).unwrap().to_str().unwrap()
}

fn opened(receipt: &Receipt) -> Vec<Tag> {
    receipt.opened().iter().map(|part| part.of).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_visitor_gets_the_receipts_of_their_own_conversation_and_nobody_else_does() {
    let world = World::private();
    let server = world.start(NODE);
    let key = world.vkey(NODE, "demo");
    let agent = server.staff("agent").await;
    agent.set_online(true).await.unwrap();
    let (alice, bob) = (visit(server.http, "demo", None, None).await, visit(server.http, "demo", None, None).await);
    let said = say(&server, &alice, "k", "我的卡号是6222021234567890128").await;
    let (index, conversation) = (said["index"].as_u64().unwrap(), said["conversation"].as_str().unwrap());
    say(&server, &bob, "k", "hello").await;
    until("the agent to have it", async || agent.reply(conversation, "电话13800138000", "r").await.is_ok()).await;

    let updates = get(server.http, &format!("{}/updates?wait_s=0", widget("demo")), &alice).await.unwrap();
    let told = updates["events"].as_array().unwrap().iter().filter(|line| line["type"] == "message");
    let told: Vec<_> = told.map(|line| (line["by"].as_str().unwrap(), line["masked"].as_bool().unwrap())).collect();
    assert_eq!(told, [("customer", true), ("agent", true)]);
    let answered = updates["events"].as_array().unwrap().iter().find(|line| line["by"] == "agent").unwrap();
    let answered = answered["index"].as_u64().unwrap();

    let own = format!("receipts/{index}");
    until("it to be published", async || text(&server, &own, Some(&alice)).await.0 == 200).await;
    let (_, receipt) = text(&server, &own, Some(&alice)).await;
    let receipt = Receipt::parse(receipt.as_bytes()).unwrap();
    let keys = [key];
    assert_eq!(receipt.verify(&keys).unwrap().entry.seq.0, index);
    assert_eq!(
        opened(&receipt),
        [Tag::Masked],
        "what was masked can't be guessed at: the salt of its commitment stays here"
    );
    let path = format!("receipts/{answered}");
    until("it to be published", async || text(&server, &path, Some(&alice)).await.0 == 200).await;
    let (_, receipt) = text(&server, &path, Some(&alice)).await;
    let receipt = Receipt::parse(receipt.as_bytes()).unwrap();
    assert_eq!((receipt.verify(&keys).unwrap().entry.seq.0, opened(&receipt)), (answered, vec![Tag::Masked]));
    assert_eq!(text(&server, "vkey", None).await, (200, keys[0].to_string()));

    assert_eq!(refused(&server, &own, Some(&bob)).await, "not_found");
    assert_eq!(refused(&server, &own, None).await, "missing_header");
    assert_eq!(refused(&server, &own, Some("AAAA")).await, "bad_signature");
    assert_eq!(refused(&server, "receipts/x", Some(&alice)).await, "invalid_field");
    for other in [0, index - 1, index + 1_000] {
        assert_eq!(refused(&server, &format!("receipts/{other}"), Some(&alice)).await, "not_found", "{other}");
    }
    server.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn who_waits_can_wish_something_else_and_is_behind_those_who_wait_on() {
    let world = World::private();
    let server = world.start(NODE);
    let mut tokens = Vec::new();
    for _ in 0..3 {
        tokens.push(visit(server.http, "demo", None, None).await);
    }
    let [first, second, stranger] = tokens.as_slice() else { panic!("three") };
    assert_eq!(wish(&server, first, "callback").await.unwrap_err(), "invalid_field", "nobody waits there");
    let leaving = say(&server, first, "k", "有人吗").await;
    let staying = say(&server, second, "k", "有人吗").await;
    let mut socket = Socket::customer(server.http, "demo", first, None).await.unwrap();
    let mut other = Socket::customer(server.http, "demo", second, None).await.unwrap();
    let place = other.wait_for("queue").await;
    assert_eq!((&place["position"], &place["open"], &place["opens"]), (&json!(2), &json!(true), &Value::Null));

    for refused in [json!({"type": "wish", "key": "w", "wish": "sing"}), json!({"type": "wish", "wish": "message"})] {
        socket.send(&refused).await;
        assert_eq!(socket.wait_for("refused").await["conversation"], Value::Null);
    }
    socket.send(&json!({"type": "wish", "key": "w", "wish": "callback"})).await;
    while socket.wait_for("conversation").await["wish"] != "callback" {}
    while other.wait_for("queue").await["position"] != 1 {}
    // The same again is no other wish; another one is.
    wish(&server, first, "callback").await.unwrap();
    wish(&server, first, "message").await.unwrap();
    assert_eq!(wish(&server, stranger, "message").await.unwrap_err(), "invalid_field");
    // Over a reconnection it is told, and what is written after it changes nothing of it.
    say(&server, first, "k2", "请回电").await;
    let mut again = Socket::customer(server.http, "demo", first, None).await.unwrap();
    assert_eq!(again.wait_for("conversation").await["wish"], "message");

    let agent = server.staff("agent").await;
    agent.set_online(true).await.unwrap();
    while again.wait_for("conversation").await["state"] != "assigned" {}
    assert_eq!(wish(&server, first, "callback").await.unwrap_err(), "invalid_field", "somebody has it");
    server.stop();

    let entries = world.entries(NODE, "demo");
    let wishes: Vec<String> =
        details(&entries, "conversation.wished/1").iter().map(|detail| format!("{detail:?}")).collect();
    assert!(wishes.len() == 2 && wishes[0].contains("callback") && wishes[1].contains("message"), "{wishes:?}");
    let given = entries.iter().filter(|entry| entry.kind.as_str() == "conversation.assigned/2");
    let given: Vec<String> = given.map(|entry| entry.conversation.unwrap().to_string()).collect();
    assert_eq!(given, [staying["conversation"].as_str().unwrap(), leaving["conversation"].as_str().unwrap()]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_says_the_language_and_only_the_bank_s_proof_says_who_is_important() {
    let world = World::private();
    let server = world.start(NODE);
    let visits = format!("{}/visits", widget("demo"));
    let begin = async |body: Value| post(server.http, &visits, &body, None).await;
    let about = json!({"language": "en", "tier": "vip", "tags": ["loan"]});
    let signed = |version: u8, middle: &str| {
        let time = seconds_now();
        let text = format!("lww-identity/{version}\nwidget\n{time}\n{middle}cust-1");
        let proof = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, SECRET), text.as_bytes());
        let proof = proof.as_ref().iter().fold(String::new(), |hex, byte| format!("{hex}{byte:02x}"));
        json!({"id": "cust-1", "time": time, "proof": proof})
    };
    let unknown = begin(json!({"about": about})).await.unwrap();
    let proven = begin(json!({"about": about, "identity": signed(2, "vip\nloan\n")})).await.unwrap();
    for identity in [signed(1, ""), signed(2, "gold\nloan\n"), signed(2, "vip\n\n")] {
        let refused = begin(json!({"about": about, "identity": identity})).await;
        assert_eq!(refused.unwrap_err(), "bad_signature", "a page can't make itself important");
    }
    for wrong in [json!({"language": "some words"}), json!({"tags": ["a/b"]}), json!({"mood": "bad"})] {
        assert!(begin(json!({"about": wrong})).await.is_err(), "{wrong}");
    }
    for visit in [&unknown, &proven] {
        say(&server, visit["token"].as_str().unwrap(), "k", "你好").await;
    }
    server.stop();
    let opened = details(&world.entries(NODE, "demo"), "conversation.opened/2");
    let opened: Vec<String> = opened.iter().map(|detail| format!("{detail:?}")).collect();
    assert!(opened[0].contains("\"en\"") && !opened[0].contains("vip") && !opened[0].contains("loan"), "{}", opened[0]);
    assert!(opened[1].contains("\"en\"") && opened[1].contains("vip"), "{}", opened[1]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_carries_its_own_policy_also_when_it_has_not_changed() {
    let world = World::private();
    let server = world.start(NODE);
    let client = Client::http(server.http);
    let page = async |path: &str, known: Option<String>| {
        let headers = known.map(|tag| ("if-none-match", tag)).into_iter().collect();
        client.send(Call { method: "GET", target: path.to_owned(), headers, body: None }).await.unwrap()
    };
    assert_eq!(page("/", None).await.status, 302);
    for path in ["/widget/none.js", "/console/assets/none.js", "/demo/none.js", "/demo/../Cargo.toml"] {
        let answer = page(path, None).await;
        let problem: Value = serde_json::from_slice(&answer.body).unwrap();
        // With the pages built there is no such file; without, that is what is said.
        assert!(
            answer.status == 404 && ["not_found", "not_built"].contains(&problem["code"].as_str().unwrap()),
            "{path}"
        );
        assert!(header(&answer, "content-security-policy").starts_with("default-src 'none'; frame-ancestors"));
    }
    let demo = page("/demo/", None).await;
    if demo.status == 200 {
        let tag = header(&demo, "etag").to_owned();
        let again = page("/demo/", Some(tag)).await;
        assert_eq!(again.status, 304);
        for answer in [&demo, &again] {
            let policy = header(answer, "content-security-policy");
            assert!(policy.contains("script-src 'self'") && !policy.contains("unsafe"), "{policy}");
        }
    }
    server.stop();
}
