//! Values that are told over several messages, on a real server: what was stored of the earlier message is replaced together
//! with the later one, whoever follows hears of it, and everything can still be proven.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that can't go on fails")]

use crate::common;

use common::socket::{Socket, get, visit, widget};
use common::{Server, World, key, now, until};
use liaowaiwai::cli::client::{Client, Listing, Page};
use liaowaiwai::storage::embedded::{EmbeddedOptions, EmbeddedPostgres};
use lww_audit::entry::{Detail, Tag};
use lww_audit::{Entry, Receipt};
use serde_json::{Value, json};
use tokio_postgres::NoTls;

const NODE: &str = "node";
/// A card of 19 digits in two parts, and what may be shown of them.
const PARTS: [&str; 2] = ["我的卡号是6222021234", "567890128"];
const SHOWN: [&str; 2] = ["我的卡号是622202****", "*****0128"];

async fn say(socket: &mut Socket, key: &str, text: &str) -> u64 {
    socket.send(&json!({"type": "send", "key": key, "text": text})).await;
    socket.wait_for("accepted").await["index"].as_u64().unwrap()
}

async fn tell(server: &Server, contact: &str, texts: &[&str]) -> Vec<u64> {
    let mut indexes = Vec::new();
    for (number, text) in texts.iter().enumerate() {
        let key_of_message = format!("{contact}-{number}-{}", now());
        let told = server.client().send_message(&key("demo"), (contact, text), &key_of_message, now()).await.unwrap();
        indexes.push(told.index);
    }
    indexes
}

/// What the customer's channel is given of everything that was said.
async fn said(server: &Server, contact: &str) -> Vec<String> {
    let page = server.client().messages(&key("demo"), contact, Page::default(), now()).await.unwrap();
    page.messages.into_iter().map(|message| message.text).collect()
}

fn remasked(world: &World) -> Vec<Entry> {
    let entries = world.entries(NODE, "demo");
    entries.into_iter().filter(|entry| entry.kind.as_str() == "message.remasked/1").collect()
}

fn of(entry: &Entry) -> u64 {
    let Detail::Object(fields) = &entry.detail else { panic!("no detail") };
    let Some(Detail::Int(of)) = fields.get("of") else { panic!("no index in {fields:?}") };
    u64::try_from(*of).unwrap()
}

async fn held(desk: &Client) -> String {
    held_of(desk, 1).await
}

/// The newest of so many conversations that the agent has.
async fn held_of(desk: &Client, count: usize) -> String {
    let mine = async || desk.conversations(Listing { mine: true, ..Listing::default() }).await.unwrap().conversations;
    until("the assignment", async || mine().await.len() == count).await;
    mine().await.last().unwrap().id.clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_number_told_in_two_messages_is_masked_in_both_for_everybody_who_follows_and_reads() {
    let world = World::private();
    let server = world.start(NODE);
    let agent = server.trial_agent().await;
    let token = visit(server.http, "demo", None, None).await;
    let mut customer = Socket::customer(server.http, "demo", &token, None).await.unwrap();
    customer.wait_for("live").await;
    let mut desk = Socket::desk(server.http, &agent).await.unwrap();
    desk.wait_for("live").await;

    let first = say(&mut customer, "k1", PARTS[0]).await;
    let id = held(&agent).await;
    desk.send(&json!({"type": "open", "conversation": id})).await;
    let seen = desk.wait_for("message").await;
    assert_eq!(seen["message"]["text"], PARTS[0]);
    customer.send(&json!({"type": "send", "key": "k2", "text": PARTS[1]})).await;
    let again = customer.wait_for("remasked").await;
    let place = again["again"].as_u64().unwrap();
    assert_eq!((&again["index"], &again["text"], &again["masked"]), (&json!(first), &json!(SHOWN[0]), &json!(true)));
    assert_eq!(customer.wait_for("message").await["text"], SHOWN[1]);
    let seen = desk.wait_for("message").await;
    assert_eq!((&seen["message"]["index"], &seen["message"]["again"]), (&json!(first), &json!(place)));
    assert_eq!(seen["message"]["text"], SHOWN[0]);
    assert_eq!(desk.wait_for("message").await["message"]["text"], SHOWN[1]);

    // The same message once more does nothing more, and neither does the first one.
    for (number, text) in [(2, PARTS[1]), (1, PARTS[0])] {
        customer.send(&json!({"type": "send", "key": format!("k{number}"), "text": text})).await;
        assert_eq!(customer.wait_for("accepted").await["duplicate"], true);
    }
    // Who was at the first message hears of it by its cursor; who begins gets it as it is.
    let texts = |answer: &Value, kind: &str| -> Vec<String> {
        let events = answer["events"].as_array().unwrap().iter().filter(|line| line["type"] == kind);
        events.map(|line| line["text"].as_str().unwrap().to_owned()).collect()
    };
    let updates = |after: String| format!("{}/updates?wait_s=0{after}", widget("demo"));
    let late = get(server.http, &updates(format!("&after={first}")), &token).await.unwrap();
    assert_eq!((texts(&late, "remasked"), texts(&late, "message")), (vec![SHOWN[0].into()], vec![SHOWN[1].into()]));
    let whole = get(server.http, &updates(String::new()), &token).await.unwrap();
    assert_eq!(texts(&whole, "message"), SHOWN);
    let transcript = agent.open(&id, Page::default()).await.unwrap();
    assert_eq!(transcript.messages.iter().map(|one| one.text.as_str()).collect::<Vec<_>>(), SHOWN);

    drop((customer, desk));
    server.stop();
    let found = remasked(&world);
    assert_eq!(found.iter().map(of).collect::<Vec<_>>(), [first]);
    assert_eq!((found[0].seq.0, found[0].actor.role.as_str()), (place, "server"));
    assert_eq!(found[0].content.as_ref().unwrap().spans.len(), 1);
    let (valid, told) = world.verify(NODE, "demo");
    assert!(valid, "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_receipt_of_a_message_that_was_masked_again_opens_what_is_shown_of_it() {
    let world = World::private();
    let server = world.start(NODE);
    let client = server.client();
    let first = client.send_message(&key("demo"), ("zhang", PARTS[0]), "k1", now()).await.unwrap();
    client.send_message(&key("demo"), ("zhang", PARTS[1]), "k2", now()).await.unwrap();
    let repeat = async || client.send_message(&key("demo"), ("zhang", PARTS[0]), "k1", now()).await.unwrap();
    until("the receipt", async || repeat().await.receipt.is_some()).await;
    let told = repeat().await;
    assert_eq!((told.duplicate, told.index, &told.leaf), (true, first.index, &first.leaf));
    assert_eq!(told.text, SHOWN[0]);
    let keys = [world.vkey(NODE, "demo")];
    for (receipt, kind) in [(first.receipt, "message.received/1"), (told.receipt, "message.remasked/1")] {
        let receipt = Receipt::parse(receipt.unwrap().as_bytes()).unwrap();
        let proven = receipt.verify(&keys).unwrap();
        assert_eq!(proven.entry.kind.as_str(), kind);
        let opens = |text: &str| text.contains("6222021234");
        let texts: Vec<_> = proven.texts.iter().filter(|(of, _)| *of == Tag::Masked).collect();
        assert_eq!(texts.iter().any(|(_, text)| opens(text)), kind == "message.received/1", "{texts:?}");
    }
    server.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_between_the_parts_changes_nothing() {
    let world = World::private();
    let server = world.start(NODE);
    let desk = server.trial_agent().await;
    tell(&server, "card", &PARTS[..1]).await;
    tell(&server, "code", &["您好", "384921"]).await;
    tell(&server, "asked", &["转账要什么"]).await;
    let asked = held_of(&desk, 3).await;
    desk.reply(&asked, "请问验证码是多少？", "ask").await.unwrap();
    server.stop();
    let server = world.start(NODE);
    tell(&server, "card", &PARTS[1..]).await;
    tell(&server, "code", &["这是验证码"]).await;
    tell(&server, "asked", &["384921"]).await;
    assert_eq!(said(&server, "card").await, SHOWN);
    assert_eq!(said(&server, "code").await, ["您好", "[otp]", "这是验证码"]);
    assert_eq!(said(&server, "asked").await, ["转账要什么", "请问验证码是多少？", "[otp]"]);
    server.stop();
    assert_eq!(remasked(&world).len(), 2);
    let (valid, told) = world.verify(NODE, "demo");
    assert!(valid, "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_agent_writes_or_notes_completes_a_customer_s_number() {
    let world = World::private();
    let server = world.start(NODE);
    let desk = server.trial_agent().await;
    let first = tell(&server, "zhang", &PARTS[..1]).await;
    let id = held(&desk).await;
    let told = desk.reply_masked(&id, "567890128 对吗", "r1").await.unwrap();
    assert_eq!(told.text, "*****0128 对吗");
    assert_eq!(said(&server, "zhang").await, [SHOWN[0], "[bank_card] 对吗"]);
    server.stop();
    assert_eq!(remasked(&world).iter().map(of).collect::<Vec<_>>(), first);
    let (valid, told) = world.verify(NODE, "demo");
    assert!(valid, "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_that_was_masked_again_and_is_changed_behind_the_server_is_named() {
    let world = World::private();
    let server = world.start(NODE);
    let first = tell(&server, "zhang", &PARTS).await[0];
    let other = tell(&server, "li", &["您好"]).await[0];
    server.stop();
    let by = remasked(&world)[0].seq.0;
    let data_dir = world.data(NODE);
    let secrets_dir = data_dir.join("database-secrets");
    let options = EmbeddedOptions { data_dir, bin_dir: None, secrets_dir };
    let postgres = EmbeddedPostgres::start(&options, &|_| {}).await.unwrap();
    let (sql, connection) = postgres.owner_config().connect(NoTls).await.unwrap();
    tokio::spawn(connection);
    let tenant: i32 = sql.query_one("SELECT id FROM tenant WHERE name = 'demo'", &[]).await.unwrap().get(0);
    sql.batch_execute(&format!("SET app.tenant = '{tenant}'")).await.unwrap();
    sql.batch_execute("CREATE TABLE kept AS SELECT * FROM message").await.unwrap();
    sql.batch_execute("ALTER TABLE message DROP CONSTRAINT message_check").await.unwrap();
    let edit = |set: &str, index: u64| format!("UPDATE message SET {set} WHERE entry_seq = {index}");
    let flip = "masked = set_byte(masked, length(masked) - 1, get_byte(masked, length(masked) - 1) # 1)";
    let copy = format!("masked = (SELECT masked FROM kept WHERE entry_seq = {other})");
    for (change, index, caught) in [
        (edit(flip, first), first, "its masked text does not open"),
        (edit(&copy, first), first, "its masked text does not open"),
        (edit("remask_seq = NULL", first), first, "its original is not what was committed to"),
        (edit(&format!("remask_seq = {by} + 1"), first), first, "the entry that masked it again speaks of another"),
        (edit("remask_seq = 100000", first), first, "the entry that masked it again is not in the log"),
        (edit(&format!("remask_seq = {by} + 2"), other), other, "the entry that masked it again"),
    ] {
        sql.batch_execute(&change).await.unwrap_or_else(|error| panic!("{change}: {error:?}"));
        let (valid, told) = world.verify(NODE, "demo");
        let expected = format!("row message of entry {index}: {caught}");
        assert!(!valid && told.contains(&expected), "{change}: {told}");
        sql.batch_execute("DELETE FROM message; INSERT INTO message SELECT * FROM kept").await.unwrap();
    }
    let (valid, told) = world.verify(NODE, "demo");
    assert!(valid, "{told}");
    postgres.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_killed_between_and_after_has_both_or_neither() {
    let world = World::private();
    let server = world.start(NODE);
    tell(&server, "zhang", &PARTS[..1]).await;
    server.kill();
    let server = world.start(NODE);
    tell(&server, "zhang", &PARTS[1..]).await;
    server.kill();
    let server = world.start(NODE);
    assert_eq!(said(&server, "zhang").await, SHOWN);
    server.stop();
    assert_eq!(remasked(&world).len(), 1);
    let (valid, told) = world.verify(NODE, "demo");
    assert!(valid, "{told}");
}
