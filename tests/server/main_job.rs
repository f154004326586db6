//! The main job, against a real server over HTTPS: a message comes in signed, is masked, recorded, queued, answered and
//! fetched, and each step is proven by programs that know nothing of the server.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a broken test world fails the test")]

use crate::common;

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::sync::Arc;

use common::{PATIENCE, Server, World, chosen_password, key, now, raw, until, verified};
use liaowaiwai::app::config::Config;
use liaowaiwai::app::{App, StartOptions};
use liaowaiwai::cli::client::{Call, Client, ClientError, Listing, Page};
use liaowaiwai::domain::event::Role;
use liaowaiwai::domain::message::RawText;
use liaowaiwai::http::answers::{Accepted, State};
use liaowaiwai::pipeline::{Manager, NewStaff};
use lww_audit::entry::{Detail, Tag};
use lww_audit::{Entry, Receipt};

const CARD: &str = "6222021234567890128";
const ASKED: &str = "卡号６２２２ ０２１２-3456·7890 128丢了,CVV 737,快挂失";

fn field<'a>(detail: &'a Detail, name: &str) -> &'a Detail {
    match detail {
        Detail::Object(fields) => fields.get(name).unwrap_or(&Detail::Null),
        other => panic!("{other:?} has no fields"),
    }
}

fn word<'a>(detail: &'a Detail, name: &str) -> &'a str {
    match field(detail, name) {
        Detail::String(word) => word,
        other => panic!("{name} is {other:?}"),
    }
}

fn number(detail: &Detail, name: &str) -> i64 {
    match field(detail, name) {
        Detail::Int(number) => *number,
        other => panic!("{name} is {other:?}"),
    }
}

fn of_kind<'a>(entries: &'a [Entry], kind: &str) -> Vec<&'a Entry> {
    entries.iter().filter(|entry| entry.kind.as_str() == kind).collect()
}

async fn say(app: &Client, contact: &str, text: &str, key_of_message: &str) -> Result<Accepted, ClientError> {
    app.send_message(&key("demo"), (contact, text), key_of_message, now()).await
}

fn is_held(held: &[liaowaiwai::http::answers::Conversation], id: &str) -> bool {
    held.iter().any(|one| one.id == id && one.state == State::Assigned)
}

async fn mine(desk: &Client) -> Vec<liaowaiwai::http::answers::Conversation> {
    let held = Listing { mine: true, ..Listing::default() };
    desk.conversations(held).await.unwrap().conversations
}

async fn assigned(desk: &Client, id: &str) {
    until("the assignment", async || is_held(&mine(desk).await, id)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_is_masked_recorded_assigned_answered_fetched_and_proven() {
    let world = World::private();
    let server = world.start("a");
    let app = server.client();
    let asked = say(&app, "customer-1", ASKED, "k-1").await.unwrap();
    assert!(!asked.duplicate && !asked.text.contains("34567890") && !asked.text.contains("737"), "{}", asked.text);

    let desk = server.staff("agent").await;
    let supervisor = server.staff("supervisor").await;
    let waiting = Listing { state: Some(State::Waiting), ..Listing::default() };
    assert!(mine(&desk).await.is_empty(), "an agent who is not there was given a conversation");
    assert_eq!(supervisor.conversations(waiting).await.unwrap().conversations[0].id, asked.conversation);
    desk.set_online(true).await.unwrap();
    assigned(&desk, &asked.conversation).await;

    let opened = desk.open(&asked.conversation, Page::default()).await.unwrap();
    assert_eq!(opened.messages.len(), 1);
    assert_eq!(opened.messages[0].text, "卡号622202*********0128丢了,CVV [cvv],快挂失");
    let answered = desk.reply_masked(&asked.conversation, &format!("已为{CARD}挂失"), "r-1").await.unwrap();
    assert!(!answered.text.contains(CARD), "{}", answered.text);
    let page = Page { after: Some(asked.index), limit: None };
    let fetched = app.messages(&key("demo"), "customer-1", page, now()).await.unwrap();
    assert_eq!(fetched.messages.len(), 1);
    assert!(fetched.messages[0].from_bank && fetched.messages[0].index == answered.index);
    assert!(fetched.messages[0].text.starts_with("已为") && !fetched.messages[0].text.contains(CARD));
    let page = Page { after: fetched.next, limit: None };
    assert!(app.messages(&key("demo"), "customer-1", page, now()).await.unwrap().messages.is_empty());
    desk.close(&asked.conversation).await.unwrap();
    assert!(!is_held(&mine(&desk).await, &asked.conversation));

    check_ledger_commands(&world, &server).await;
    check_receipts(&world, [&asked, &answered]);
    server.stop();
    let (valid, told) = world.lww("a", &["ledger", "verify", "--against-db"]);
    assert!(valid && told.contains("VALID"), "{told}");
    let tiles = world.tiles("a", "demo");
    let (valid, told) = verified(&["fsck".as_ref(), "--vkey".as_ref(), &world.path().join("demo.vkey"), &tiles]);
    assert!(valid, "{told}");
    check_entries(&world.entries("a", "demo"), &asked, &answered);
}

/// While the server runs: its head, its key, and the comparison of what it published with its database.
async fn check_ledger_commands(world: &World, server: &Server) {
    let auditor = server.staff("auditor").await;
    let signed = auditor.ledger_head().await.unwrap();
    let (told, vkey) = world.lww("a", &["ledger", "vkey"]);
    assert!(told && vkey.trim() == signed.vkey, "{vkey}");
    let published = || world.lww("a", &["ledger", "head"]).1;
    let size = signed.size.unwrap();
    until("the publication", async || {
        published().lines().nth(1).and_then(|line| line.parse::<u64>().ok()).is_some_and(|head| head >= size)
    })
    .await;
    assert!(published().starts_with("lww.test/demo/1\n"), "{}", published());
    let (valid, told) = world.lww("a", &["ledger", "verify", "--against-db"]);
    assert!(valid && told.contains("VALID") && told.contains("2 messages"), "{told}");
    let (valid, told) = world.lww("a", &["ledger", "verify", "--against-db", "--tenant", "nobody"]);
    assert!(!valid && told.contains("nobody"), "{told}");
}

/// The library and the separate program agree on every receipt, and both refuse one with a flipped byte.
fn check_receipts(world: &World, accepted: [&Accepted; 2]) {
    let keys = [world.vkey("a", "demo")];
    for one in accepted {
        let text = one.receipt.as_ref().unwrap();
        let receipt = Receipt::parse(text.as_bytes()).unwrap();
        let proven = receipt.verify(&keys).unwrap();
        assert_eq!((proven.entry.seq.0, proven.leaf.to_string()), (one.index, one.leaf.clone()));
        assert!(proven.texts.iter().any(|(of, text)| *of == Tag::Masked && !text.contains("7890128")));
        let file = world.path().join("receipt.tlog-proof");
        let vkey = world.path().join("demo.vkey");
        let ask = || verified(&["proof".as_ref(), "--vkey".as_ref(), &vkey, &file]);
        std::fs::write(&file, text).unwrap();
        let (valid, told) = ask();
        assert!(valid, "{told}");
        let digits: Vec<usize> =
            text.match_indices(|character: char| character.is_ascii_digit()).map(|(at, _)| at).collect();
        for at in [digits[0], digits[digits.len() / 2], digits[digits.len() - 1]] {
            let digit = if text.as_bytes()[at] == b'7' { "8" } else { "7" };
            let bad = [&text[..at], digit, &text[at + 1..]].concat();
            let caught = Receipt::parse(bad.as_bytes()).and_then(|receipt| receipt.verify(&keys).map(|_| ()));
            assert!(caught.is_err(), "a receipt changed at byte {at} was found valid");
            std::fs::write(&file, bad).unwrap();
            assert!(!ask().0, "a forged receipt was found valid");
        }
    }
}

fn check_entries(entries: &[Entry], asked: &Accepted, answered: &Accepted) {
    let kinds: Vec<&str> = entries.iter().map(|entry| entry.kind.as_str()).collect();
    let order = [
        "generation.opened/1",
        "log.taken/1",
        "policy.activated/2",
        "conversation.opened/2",
        "message.received/1",
        "conversation.assigned/2",
        "transcript.viewed/1",
        "message.sent/1",
        "conversation.closed/2",
    ];
    let mut places =
        order.map(|kind| kinds.iter().position(|known| *known == kind).unwrap_or_else(|| panic!("no {kind}")));
    assert!(places.is_sorted(), "{places:?}");
    places.reverse();
    let received = &entries[usize::try_from(asked.index).unwrap()];
    assert_eq!(received.kind.as_str(), "message.received/1");
    assert_eq!(word(&received.detail, "message"), asked.message);
    let content = received.content.as_ref().unwrap();
    let found: Vec<_> =
        content.spans.iter().map(|span| (span.entity.as_str(), span.class.as_str(), span.count)).collect();
    assert!(found.contains(&("cn.bank_card", "C2", 1)) && found.contains(&("card.cvv", "C3", 1)), "{found:?}");
    assert_eq!(entries[usize::try_from(answered.index).unwrap()].kind.as_str(), "message.sent/1");
    let given = of_kind(entries, "conversation.assigned/2")[0];
    assert_eq!(word(&given.detail, "reason"), "only_free");
    let viewed = of_kind(entries, "transcript.viewed/1")[0];
    assert_eq!(number(&viewed.detail, "until"), i64::try_from(asked.index).unwrap());
    assert_eq!(viewed.actor.role.as_str(), "agent");
    for entry in entries {
        let bytes = String::from_utf8(entry.to_bytes().unwrap()).unwrap();
        // As it was written, and as a number: four digits alone stand in some time or hash of every twentieth run.
        assert!(["7890 128", "4567890128", "customer-1"].iter().all(|hidden| !bytes.contains(hidden)), "{bytes}");
    }
}

/// Makes agents with their capacities before the server starts, through the same pipeline that it runs.
async fn make_agents(world: &World, agents: &[(&str, i32)]) {
    let config = Config::load(Some(&world.configure("a"))).unwrap();
    let app = App::start(config, &StartOptions::default(), &|_| {}).await.unwrap();
    app.settled().await.unwrap();
    let served = Arc::clone(app.tenants.iter().find(|served| served.tenant.name.name == "demo").unwrap());
    for (login, capacity) in agents {
        let text = || RawText::new((*login).to_owned());
        let (capacity, skills) = (Some(*capacity), Vec::new());
        let new = NewStaff { login: text(), name: text(), role: Role::Agent, capacity, skills, groups: Vec::new() };
        served.tenant.create_account(Manager::Operator, new).await.unwrap();
    }
    drop(served);
    app.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_longest_idle_agent_gets_the_queue_s_head_within_capacity_and_the_entry_says_why() {
    let world = World::private();
    make_agents(&world, &[("first", 1), ("second", 2)]).await;
    let server = world.start("a");
    let app = server.client();
    let first = server.staff_with("demo", "first", &reset(&world, "first", "demo")).await;
    let second = server.staff_with("demo", "second", &reset(&world, "second", "demo")).await;
    for desk in [&first, &second] {
        desk.set_online(true).await.unwrap();
    }
    let mut conversations = Vec::new();
    for (number, holder) in [Some(&first), Some(&second), Some(&second), None, None].into_iter().enumerate() {
        let contact = format!("queue-{number}");
        let accepted = say(&app, &contact, "你好", &contact).await.unwrap();
        if let Some(holder) = holder {
            assigned(holder, &accepted.conversation).await;
        }
        conversations.push(accepted.conversation);
    }
    first.close(&conversations[0]).await.unwrap();
    assigned(&first, &conversations[3]).await;
    assert!(!is_held(&mine(&second).await, &conversations[4]), "capacity was exceeded");
    second.close(&conversations[1]).await.unwrap();
    assigned(&second, &conversations[4]).await;
    server.stop();

    let entries = world.entries("a", "demo");
    let names: HashMap<String, usize> =
        conversations.iter().enumerate().map(|(number, id)| (id.clone(), number)).collect();
    let given: Vec<(usize, &str, Vec<(i64, i64)>)> = of_kind(&entries, "conversation.assigned/2")
        .into_iter()
        .map(|entry| {
            let Detail::Array(candidates) = field(&entry.detail, "candidates") else { panic!("no candidates") };
            let seen = candidates.iter().map(|one| (number(one, "load"), number(one, "capacity"))).collect();
            (names[&entry.conversation.unwrap().to_string()], word(&entry.detail, "reason"), seen)
        })
        .collect();
    let expected = [
        (0, "longest_idle", vec![(0, 1), (0, 2)]),
        (1, "only_free", vec![(0, 2)]),
        (2, "only_free", vec![(100, 2)]),
        (3, "only_free", vec![(0, 1)]),
        (4, "only_free", vec![(100, 2)]),
    ];
    assert_eq!(given, expected);
    for entry in of_kind(&entries, "conversation.assigned/2") {
        let Detail::Array(candidates) = field(&entry.detail, "candidates") else { panic!("no candidates") };
        assert_eq!(
            word(&candidates[0], "agent"),
            word(&entry.detail, "agent"),
            "the first candidate is the chosen one"
        );
        assert!(number(&entry.detail, "waited_ms") >= 0 && word(&entry.detail, "queue") == "default");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_duplicate_gets_the_first_index_and_leaf_and_another_body_is_an_error() {
    let world = World::private();
    let server = world.start("a");
    let auditor = server.staff("auditor").await;
    let desk = server.staff("agent").await;
    let app = server.client();
    let four = [app.fresh(), app.fresh(), app.fresh(), app.fresh()];
    let before = auditor.ledger_head().await.unwrap().size.unwrap();
    let (a, b, c, d) = tokio::join!(
        say(&four[0], "twin", "余额多少", "same"),
        say(&four[1], "twin", "余额多少", "same"),
        say(&four[2], "twin", "余额多少", "same"),
        say(&four[3], "twin", "余额多少", "same"),
    );
    let told = [a, b, c, d].map(Result::unwrap);
    assert_eq!(told.iter().filter(|one| !one.duplicate).count(), 1);
    assert!(
        told.iter().all(|one| (one.index, &one.leaf, &one.message) == (told[0].index, &told[0].leaf, &told[0].message))
    );
    // The conversation's opening and the one message.
    assert_eq!(auditor.ledger_head().await.unwrap().size.unwrap(), before + 2);

    let error = say(&app, "twin", "余额是多少", "same").await.unwrap_err();
    let ClientError::Problem(details) = error else { panic!("{error}") };
    assert_eq!((details.status, details.code.as_str()), (422, "key_reused"));
    assert_eq!(details.first_index, i64::try_from(told[0].index).ok());
    let other_tenant = app.send_message(&key("other"), ("twin", "余额多少"), "same", now()).await.unwrap();
    assert!(!other_tenant.duplicate, "a key counts within its tenant only");

    desk.set_online(true).await.unwrap();
    assigned(&desk, &told[0].conversation).await;
    let replies = [(); 2].map(|()| desk.reply(&told[0].conversation, "一百元", "reply"));
    let [first, second] = replies;
    let (first, second) = (first.await.unwrap(), second.await.unwrap());
    assert!(!first.duplicate && second.duplicate && (first.index, &first.leaf) == (second.index, &second.leaf));
    assert_eq!(desk.reply(&told[0].conversation, "两百元", "reply").await.unwrap_err().code(), Some("key_reused"));

    server.stop();
    let server = world.start("a");
    let again = say(&server.client(), "twin", "余额多少", "same").await.unwrap();
    assert!(again.duplicate && (again.index, &again.leaf) == (told[0].index, &told[0].leaf));
    let receipt = Receipt::parse(again.receipt.unwrap().as_bytes()).unwrap();
    assert_eq!(receipt.verify(&[world.vkey("a", "demo")]).unwrap().leaf.to_string(), again.leaf);
}

/// A request whose head the server has and whose body is still to come.
struct UnderWay(std::net::TcpStream);

impl UnderWay {
    fn begin(server: &Server, request: &raw::Request) -> Self {
        let mut headers = request.headers();
        headers.push(("expect".to_owned(), "100-continue".to_owned()));
        let mut stream = std::net::TcpStream::connect(server.http).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.write_all(&raw::wire(&format!("POST {}", request.path()), &headers, b"")).unwrap();
        let mut line = String::new();
        BufReader::new(&stream).read_line(&mut line).unwrap();
        assert!(line.starts_with("HTTP/1.1 100"), "{line}");
        Self(stream)
    }

    fn finish(mut self, body: &[u8]) -> String {
        self.0.write_all(body).unwrap();
        let mut answer = String::new();
        self.0.read_to_string(&mut answer).unwrap();
        answer
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn sigterm_answers_requests_under_way_and_the_next_start_continues() {
    let world = World::private();
    let server = world.start("a");
    let before = say(&server.client(), "drained", "第一句", "one").await.unwrap();
    let body = r#"{"contact":"drained","text":"第二句"}"#;
    let request = raw::Request::new(&server.http.to_string(), "demo", "two", body);
    let under_way = UnderWay::begin(&server, &request);
    server.signal("-TERM");
    common::wait_until("the server to stop", || server.errors().contains("stopping: requests under way"));
    let answer = under_way.finish(body.as_bytes());
    assert!(answer.contains("HTTP/1.1 201"), "{answer}");
    server.ended();

    let system = world.entries("a", "system");
    assert_eq!(system.last().unwrap().kind.as_str(), "server.stopped/1");
    let published = world.entries("a", "demo");
    assert!(published.iter().any(|entry| entry.kind.as_str() == "message.received/1" && entry.seq.0 > before.index));

    let server = world.start("a");
    let app = server.client();
    let said = app.messages(&key("demo"), "drained", Page::default(), now()).await.unwrap().messages;
    assert_eq!(said.iter().map(|one| one.text.as_str()).collect::<Vec<_>>(), ["第一句", "第二句"]);
    let third = say(&app, "drained", "第三句", "three").await.unwrap();
    assert_eq!(third.conversation, before.conversation);
    assert!(third.index >= published.len() as u64, "the log went on where it had ended");
    server.stop();
    let entries = world.entries("a", "demo");
    assert_eq!(entries[..published.len()], published[..]);
    assert_eq!(of_kind(&entries, "log.taken/1").len(), 2);
    assert_eq!(of_kind(&entries, "generation.opened/1").len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_of_one_tenant_sees_nothing_of_another() {
    let world = World::private();
    let server = world.start("a");
    let app = server.client();
    let asked = say(&app, "private", "只给我们看", "k").await.unwrap();
    let own = server.staff("agent").await;
    own.set_online(true).await.unwrap();
    assigned(&own, &asked.conversation).await;

    let one_time = reset(&world, "agent", "other");
    let stranger = server.staff_with("other", "agent", &one_time).await;
    let one_time = reset(&world, "supervisor", "other");
    let their_chief = server.staff_with("other", "supervisor", &one_time).await;
    for desk in [&stranger, &their_chief] {
        assert!(desk.conversations(Listing::default()).await.unwrap().conversations.is_empty());
        let id = &asked.conversation;
        assert_eq!(desk.open(id, Page::default()).await.unwrap_err().code(), Some("not_found"));
        assert_eq!(desk.reply(id, "hello", "x").await.unwrap_err().code(), Some("not_found"));
        assert_eq!(desk.close(id).await.unwrap_err().code(), Some("not_found"));
    }
    assert_eq!(app.messages(&key("other"), "private", Page::default(), now()).await.unwrap().messages, []);

    let login = format!(r#"{{"tenant":"other","login":"agent","password":{:?}}}"#, chosen_password("agent"));
    let call = |method, target: &str, headers, body: Option<String>| Call {
        method,
        target: target.to_owned(),
        headers,
        body: body.map(|body| body.into_bytes().into()),
    };
    let cookie = stranger.fresh().send(call("POST", "/api/v1/session", Vec::new(), Some(login))).await.unwrap();
    let cookie = cookie.headers.get("set-cookie").unwrap().to_str().unwrap().split(';').next().unwrap().to_owned();
    for (cookie, status) in [(cookie.clone(), 200), (cookie.replacen("=other.", "=demo.", 1), 401)] {
        let asked = call("GET", "/api/v1/session", vec![("cookie", cookie)], None);
        assert_eq!(stranger.fresh().send(asked).await.unwrap().status, status);
    }
    assert_eq!(own.open(&asked.conversation, Page::default()).await.unwrap().messages.len(), 1);
}

/// Resets an account by the operator's command and returns the one-time password that it prints.
fn reset(world: &World, login: &str, tenant: &str) -> String {
    let (done, told) = world.lww("a", &["admin", "reset", "--login", login, "--tenant", tenant]);
    assert!(done, "{told}");
    let line = told.lines().find(|line| line.starts_with("one-time password of ")).unwrap();
    line.rsplit(' ').next().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn logins_are_throttled_after_five_failures_and_recorded_together() {
    let world = World::private();
    let server = world.start("a");
    let desk = server.staff("agent").await;
    let unknown = server.client();
    let code = async |login: &str, password: &str| {
        let tried = unknown.login("demo", login, password).await;
        tried.err().and_then(|error| error.code().map(str::to_owned)).unwrap_or_default()
    };
    for _ in 0..5 {
        assert_eq!(code("agent", "a wrong password").await, "bad_credentials");
    }
    for password in ["a wrong password", &chosen_password("agent")] {
        assert_eq!(code("agent", password).await, "throttled");
    }
    assert_eq!(code("nobody", "a wrong password").await, "bad_credentials", "an unknown name is answered the same");
    assert_eq!(code("supervisor", &server.password("supervisor")).await, "", "another account is not held up");
    assert!(desk.session().await.is_ok(), "a session that is there goes on");
    server.stop();

    let entries = world.entries("a", "demo");
    let failed = of_kind(&entries, "login.failed/1");
    assert_eq!(failed.len(), 1, "failures of one window are one entry");
    assert_eq!(number(&failed[0].detail, "count"), 6, "throttled attempts were not tried");
    assert_eq!(of_kind(&entries, "login.succeeded/1").len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_s_reset_ends_sessions_and_is_recorded() {
    let world = World::private();
    let server = world.start("a");
    let desk = server.staff("agent").await;
    let one_time = reset(&world, "agent", "demo");
    assert_eq!(desk.session().await.unwrap_err().code(), Some("bad_credentials"));
    let refused = desk.login("demo", "agent", &chosen_password("agent")).await;
    assert_eq!(refused.unwrap_err().code(), Some("bad_credentials"));
    assert!(desk.login("demo", "agent", &one_time).await.unwrap().must_change_password);
    assert_eq!(desk.set_online(true).await.unwrap_err().code(), Some("must_change_password"));
    desk.change_password(&one_time, "another longer password").await.unwrap();
    assert_eq!(desk.login("demo", "agent", &one_time).await.unwrap_err().code(), Some("bad_credentials"));
    desk.login("demo", "agent", "another longer password").await.unwrap();
    desk.set_online(true).await.unwrap();

    for (login, tenant) in [("nobody", "demo"), ("agent", "nowhere")] {
        let (done, told) = world.lww("a", &["admin", "reset", "--login", login, "--tenant", tenant]);
        assert!(!done && !told.contains("one-time password of"), "{told}");
    }
    server.stop();
    let (done, told) = world.lww("a", &["admin", "reset"]);
    assert!(!done && told.contains("no server answers"), "{told}");

    let entries = world.entries("a", "demo");
    let resets = of_kind(&entries, "account.reset/1");
    assert_eq!(resets.len(), 1);
    assert_eq!(resets[0].actor.role.as_str(), "operator");
    let made: Vec<&str> =
        of_kind(&entries, "account.created/1").iter().map(|one| word(&one.detail, "account")).collect();
    assert!(made.contains(&word(&resets[0].detail, "account")));
}
