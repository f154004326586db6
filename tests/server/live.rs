//! Live conversations on a real server: sockets, streams and polls tell each message once, in the order of the log.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test that can't go on fails")]

use crate::common;

use std::time::Duration;

use common::socket::{Socket, get, post, seconds_now, signed_identity, visit, widget};
use common::{Server, World, key, now, until};
use liaowaiwai::cli::client::{Call, ChannelKey, Client, Page};
use serde_json::{Value, json};

const NODE: &str = "node";

/// A world with a server and an agent who takes conversations.
async fn desk() -> (World, Server, Client) {
    let world = World::private();
    let server = world.start(NODE);
    let agent = server.trial_agent().await;
    (world, server, agent)
}

fn send(key: &str, text: &str) -> Value {
    json!({"type": "send", "key": key, "text": text})
}

async fn say(socket: &mut Socket, key: &str, text: &str) -> Value {
    socket.send(&send(key, text)).await;
    loop {
        let line = socket.next().await.expect("an answer");
        if ["accepted", "refused"].iter().any(|kind| line["type"] == *kind) && line["key"] == key {
            return line;
        }
    }
}

/// The texts of a customer's messages after a cursor, with their indexes, as a poll tells them.
async fn polled(server: &Server, token: &str, after: Option<u64>) -> Vec<(u64, String)> {
    let after = after.map(|index| format!("&after={index}")).unwrap_or_default();
    let answer = get(server.http, &format!("{}/updates?wait_s=0{after}", widget("demo")), token).await.unwrap();
    let said = answer["events"].as_array().unwrap().iter().filter(|line| line["type"] == "message");
    said.map(|line| (line["index"].as_u64().unwrap(), line["text"].as_str().unwrap().to_owned())).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_customer_and_an_agent_talk_by_sockets_and_each_line_comes_once_and_in_order() {
    let (_world, server, agent) = desk().await;
    let token = visit(server.http, "demo", None, None).await;
    let mut customer = Socket::customer(server.http, "demo", &token, None).await.unwrap();
    let mut desk = Socket::desk(server.http, &agent).await.unwrap();
    customer.wait_for("live").await;
    desk.wait_for("live").await;

    let accepted = say(&mut customer, "k1", "我的卡号是6222021234567890128，请帮忙").await;
    assert_eq!(accepted["type"], "accepted", "{accepted}");
    assert!(accepted["receipt"].as_str().unwrap().starts_with("c2sp.org/tlog-proof@v1"));
    let given = desk.wait_for("conversation").await;
    let conversation = given["conversation"]["id"].as_str().unwrap().to_owned();
    assert_eq!(given["conversation"]["state"], "assigned");

    desk.send(&json!({"type": "open", "conversation": conversation})).await;
    let shown = desk.wait_for("message").await;
    assert!(shown["message"]["text"].as_str().unwrap().contains("622202*********0128"), "{shown}");

    desk.send(&json!({"type": "typing", "conversation": conversation})).await;
    customer.wait_for("typing").await;
    customer.send(&json!({"type": "typing"})).await;
    desk.wait_for("typing").await;

    for round in 0..5 {
        say(&mut customer, &format!("c{round}"), &format!("第{round}句")).await;
        desk.send(&json!({"type": "reply", "conversation": conversation, "key": format!("a{round}"), "text": format!("答{round}")}))
            .await;
        desk.wait_for("accepted").await;
    }
    let told = polled(&server, &token, None).await;
    let texts: Vec<&str> = told.iter().map(|(_, text)| text.as_str()).collect();
    assert_eq!(texts[1..], ["第0句", "答0", "第1句", "答1", "第2句", "答2", "第3句", "答3", "第4句", "答4"]);
    assert!(told.windows(2).all(|pair| pair[0].0 < pair[1].0));

    // The customer's socket told the same, once each, beside the answers to its own frames.
    let mut heard = Vec::new();
    let mut again = Socket::customer(server.http, "demo", &token, None).await.unwrap();
    loop {
        let line = again.next().await.unwrap();
        match line["type"].as_str().unwrap() {
            "message" => heard.push((line["index"].as_u64().unwrap(), line["text"].as_str().unwrap().to_owned())),
            "live" => break,
            _ => {}
        }
    }
    assert_eq!(heard, told);
    server.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_socket_resumes_by_cursor_over_a_drop_and_a_restart_without_gap_or_duplicate() {
    let (world, server, agent) = desk().await;
    let token = visit(server.http, "demo", None, None).await;
    let mut customer = Socket::customer(server.http, "demo", &token, None).await.unwrap();
    let first = say(&mut customer, "k1", "hello").await;
    let conversation = first["conversation"].as_str().unwrap().to_owned();
    let mut cursor = first["index"].as_u64().unwrap();
    until("the agent to have it", || async { agent.open(&conversation, Page::default()).await.is_ok() }).await;
    drop(customer);
    agent.reply(&conversation, "while you were away", "r1").await.unwrap();

    let mut customer = Socket::customer(server.http, "demo", &token, Some(cursor)).await.unwrap();
    let missed = customer.wait_for("message").await;
    assert_eq!((missed["text"].as_str(), missed["from_bank"].as_bool()), (Some("while you were away"), Some(true)));
    cursor = missed["index"].as_u64().unwrap();
    customer.wait_for("live").await;

    server.stop();
    assert!(customer.next().await.is_none(), "a server that stops closes its sockets");
    let server = world.start(NODE);
    let agent = {
        let again = Client::http(server.http);
        again.login("demo", "agent", &common::chosen_password("agent")).await.unwrap();
        again
    };
    agent.reply(&conversation, "after the restart", "r2").await.unwrap();
    let mut customer = Socket::customer(server.http, "demo", &token, Some(cursor)).await.unwrap();
    let texts = customer.during(Duration::from_secs(2), "message").await;
    let texts: Vec<&str> = texts.iter().map(|line| line["text"].as_str().unwrap()).collect();
    assert_eq!(texts, ["after the restart"]);

    // The same key after the restart is the same message.
    let again = say(&mut customer, "k1", "hello").await;
    assert_eq!((again["duplicate"].as_bool(), &again["index"]), (Some(true), &first["index"]));
    let other = say(&mut customer, "k1", "hello!").await;
    assert_eq!(other["code"], "key_reused");
    server.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proven_identity_is_one_thread_over_channels_and_nobody_else_s() {
    let (_world, server, agent) = desk().await;
    let bank = ChannelKey { account: "bank".to_owned(), keyid: "demo-bank".to_owned(), ..key("demo") };
    let app = server.client();
    let first = app.send_message(&bank, ("cust-42", "我在手机银行里问过"), "app-1", now()).await.unwrap();

    let token = visit(server.http, "demo", Some("cust-42"), None).await;
    let mut page = Socket::customer(server.http, "demo", &token, None).await.unwrap();
    assert_eq!(page.wait_for("message").await["text"], "我在手机银行里问过");
    let second = say(&mut page, "w1", "现在在网页上继续").await;
    assert_eq!(second["conversation"].as_str(), Some(first.conversation.as_str()));
    let both = app.messages(&bank, "cust-42", Page::default(), now()).await.unwrap();
    assert_eq!(both.messages.len(), 2);
    until("the agent to have it", || async { agent.open(&first.conversation, Page::default()).await.is_ok() }).await;
    agent.reply(&first.conversation, "两边都能看到", "r1").await.unwrap();
    loop {
        let line = page.wait_for("message").await;
        if line["from_bank"] == true {
            assert_eq!(line["text"], "两边都能看到");
            break;
        }
    }
    let shown = agent.open(&first.conversation, Page::default()).await.unwrap();
    assert_eq!(shown.conversation.channel, "web:widget", "answers go where the customer wrote last");

    for (tenant, identity) in [("demo", Some("cust-43")), ("demo", None), ("other", Some("cust-42"))] {
        let token = visit(server.http, tenant, identity, None).await;
        let mut stranger = Socket::customer(server.http, tenant, &token, None).await.unwrap();
        loop {
            let line = stranger.next().await.unwrap();
            assert_ne!(line["type"], "message", "{tenant} {identity:?} sees {line}");
            if line["type"] == "live" {
                break;
            }
        }
    }
    server.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_said_before_a_login_is_pointed_at_and_stays_out_of_reach_after_a_logout() {
    let (world, server, agent) = desk().await;
    let anonymous = visit(server.http, "demo", None, None).await;
    let mut before = Socket::customer(server.http, "demo", &anonymous, None).await.unwrap();
    let said = say(&mut before, "k1", "what are your fees?").await;
    let earlier = said["conversation"].as_str().unwrap().to_owned();
    until("the agent to have it", || async { agent.open(&earlier, Page::default()).await.is_ok() }).await;

    let logged_in = visit(server.http, "demo", Some("cust-7"), Some(&anonymous)).await;
    let mut page = Socket::customer(server.http, "demo", &logged_in, None).await.unwrap();
    let later = say(&mut page, "k2", "it's about my own account").await;
    let later = later["conversation"].as_str().unwrap().to_owned();
    assert_ne!(earlier, later);
    until("the agent to have it", || async { agent.open(&later, Page::default()).await.is_ok() }).await;
    let opened = agent.open(&later, Page::default()).await.unwrap();
    assert_eq!(opened.conversation.continues.as_deref(), Some(earlier.as_str()));

    // Who comes with the token of before sees what was said before, and nothing of the person who logged in.
    let told = polled(&server, &anonymous, None).await;
    assert_eq!(told.iter().map(|(_, text)| text.as_str()).collect::<Vec<_>>(), ["what are your fees?"]);
    let logged_out = visit(server.http, "demo", None, Some(&logged_in)).await;
    assert_eq!(polled(&server, &logged_out, None).await, []);
    server.stop();
    let kinds: Vec<String> = world.entries(NODE, "demo").iter().map(|entry| entry.kind.as_str().to_owned()).collect();
    assert!(kinds.iter().any(|kind| kind == "person.proven/1"));
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_proofs_and_pages_that_are_not_ours_are_refused() {
    let (_world, server, agent) = desk().await;
    let address = server.http;
    let visits = format!("{}/visits", widget("demo"));
    let identity = |change: fn(&mut Value)| {
        let mut body = json!({"identity": signed_identity("widget", "cust-1", seconds_now())});
        change(&mut body["identity"]);
        body
    };
    for (body, code) in [
        (identity(|identity| identity["id"] = json!("cust-2")), "bad_signature"),
        (identity(|identity| identity["time"] = json!(identity["time"].as_i64().unwrap() + 1)), "bad_signature"),
        (identity(|identity| identity["proof"] = json!("00".repeat(32))), "bad_signature"),
        (identity(|identity| identity["proof"] = json!("é".repeat(32))), "invalid_field"),
        (identity(|identity| *identity = signed_identity("widget", "c", seconds_now() - 3_600)), "stale_signature"),
        (identity(|identity| *identity = signed_identity("app", "c", seconds_now())), "bad_signature"),
        (json!({"token": "AAAA"}), "bad_signature"),
        (json!({"tokens": "AAAA"}), "malformed_body"),
    ] {
        assert_eq!(post(address, &visits, &body, None).await.unwrap_err(), code, "{body}");
    }

    let good = visit(address, "demo", None, None).await;
    let other = visit(address, "other", None, None).await;
    let mut flipped = good.clone().into_bytes();
    flipped[20] ^= 1;
    let flipped = String::from_utf8_lossy(&flipped).into_owned();
    for token in [flipped.as_str(), "", "lww", &good[..good.len() - 4]] {
        assert!(Socket::customer(address, "demo", token, None).await.is_err(), "{token}");
    }
    assert!(Socket::customer(address, "nobody", &other, None).await.is_err());

    let protocol = ("sec-websocket-protocol", format!("lww.v1, lww.token.{good}"));
    let path = format!("{}/socket", widget("demo"));
    for (origin, status) in
        [("https://evil.example", Some(403)), ("null", Some(403)), ("https://www.bank.example", None)]
    {
        let opened = Socket::open(address, &path, &[protocol.clone(), ("origin", origin.to_owned())]).await;
        assert_eq!(opened.err(), status, "{origin}");
    }
    // A page of an allowed origin may read the answers, and asks first; another's may not even ask.
    for (method, part, origin, status) in [
        ("OPTIONS", "frames", "https://www.bank.example", 204),
        ("OPTIONS", "visits", "https://www.bank.example", 204),
        ("OPTIONS", "frames", "https://evil.example", 403),
        ("GET", "updates?wait_s=0", "https://www.bank.example", 200),
        ("GET", "updates?wait_s=0", "https://evil.example", 403),
    ] {
        let headers = vec![("origin", origin.to_owned()), ("authorization", format!("Bearer {good}"))];
        let call = Call { method, target: format!("{}/{part}", widget("demo")), headers, body: None };
        let answer = Client::http(address).send(call).await.unwrap();
        let allowed = answer.headers.get("access-control-allow-origin").map(|value| value.to_str().unwrap());
        assert_eq!((answer.status, allowed), (status, (status < 300).then_some(origin)), "{method} {part} {origin}");
    }
    // The desk's socket takes no page of another origin, and nobody without a session.
    let cookie = agent.session_cookie().unwrap().to_string();
    let foreign = [("cookie", cookie), ("origin", "https://www.bank.example".to_owned())];
    assert_eq!(Socket::open(address, "/api/v1/agent/socket", &foreign).await.err(), Some(403));
    assert_eq!(Socket::open(address, "/api/v1/agent/socket", &[]).await.err(), Some(401));
    server.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_desk_s_socket_ends_with_its_session() {
    let (_world, server, agent) = desk().await;
    let mut socket = Socket::desk(server.http, &agent).await.unwrap();
    socket.wait_for("live").await;
    agent.logout().await.unwrap();
    // A frame is refused at once, and the next sign of life ends the socket.
    socket.send(&json!({"type": "typing", "conversation": "00".repeat(16)})).await;
    assert_eq!(socket.wait_for("refused").await["code"], "bad_credentials");
    while socket.next().await.is_some() {}
    server.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_frames_are_refused_by_name_and_a_flood_of_them_ends_the_socket() {
    let (_world, server, _agent) = desk().await;
    let token = visit(server.http, "demo", None, None).await;
    let mut socket = Socket::customer(server.http, "demo", &token, None).await.unwrap();
    socket.wait_for("live").await;
    for (frame, code) in [
        ("{".to_owned(), "malformed_body"),
        (json!({"type": "fly"}).to_string(), "malformed_body"),
        (json!({"type": "send", "key": "k", "text": "t", "more": 1}).to_string(), "malformed_body"),
        (send("", "t").to_string(), "invalid_field"),
        (send("k", "").to_string(), "invalid_field"),
        (send("k", &"长".repeat(6_000)).to_string(), "invalid_field"),
    ] {
        socket.text(frame.clone()).await;
        let refused = socket.wait_for("refused").await;
        assert_eq!(refused["code"], code, "{frame:.40}");
    }
    let accepted = say(&mut socket, "k", "still here").await;
    assert_eq!(accepted["type"], "accepted");
    for _ in 0..200 {
        socket.send(&json!({"type": "typing"})).await;
    }
    while socket.next().await.is_some() {}

    let mut large = Socket::customer(server.http, "demo", &token, None).await.unwrap();
    large.wait_for("live").await;
    large.text("x".repeat(100_000)).await;
    while large.next().await.is_some() {}
    server.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_arrived_and_was_read_is_recorded_once_and_never_goes_back() {
    let (world, server, agent) = desk().await;
    let token = visit(server.http, "demo", None, None).await;
    let mut customer = Socket::customer(server.http, "demo", &token, None).await.unwrap();
    let first = say(&mut customer, "k1", "hello").await;
    let conversation = first["conversation"].as_str().unwrap().to_owned();
    let mut desk = Socket::desk(server.http, &agent).await.unwrap();
    until("the agent to have it", || async { agent.open(&conversation, Page::default()).await.is_ok() }).await;
    let viewed = customer.wait_for("read").await;
    assert!(viewed["until"].as_u64() >= first["index"].as_u64());

    let answer = agent.reply(&conversation, "good day", "r1").await.unwrap();
    for (delivered, read) in [(None, Some(answer.index)), (Some(answer.index - 1), None), (Some(u64::MAX >> 12), None)]
    {
        let seen = json!({"type": "seen", "delivered": delivered, "read": read});
        post(server.http, &format!("{}/frames", widget("demo")), &seen, Some(&token)).await.unwrap();
    }
    let moved = desk.wait_for("moved").await;
    assert_eq!(moved["conversation"], conversation.as_str());
    let shown = agent.open(&conversation, Page::default()).await.unwrap().conversation;
    assert_eq!(shown.read, Some(answer.index));
    assert!(shown.delivered > shown.read, "what is far ahead is taken as all there is");
    server.stop();
    let entries = world.entries(NODE, "demo");
    let marks = entries.iter().filter(|entry| entry.kind.as_str() == "message.delivery/1").count();
    assert_eq!(marks, 2, "what is not further is not recorded");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_solved_conversation_is_reopened_by_a_message_and_closed_by_time() {
    let world = World::private();
    let config = world.configure(NODE);
    let text = std::fs::read_to_string(&config).unwrap();
    let text = text.replacen("demo = true\n", "demo = true\nsolve_idle_after_s = 4\nclose_solved_after_s = 3\n", 1);
    let server = world.launch_with(NODE, &text).unwrap();
    let agent = server.trial_agent().await;
    let token = visit(server.http, "demo", None, None).await;
    let mut customer = Socket::customer(server.http, "demo", &token, None).await.unwrap();
    let first = say(&mut customer, "k1", "hello").await;
    let conversation = first["conversation"].as_str().unwrap().to_owned();
    let state = |line: &Value| line["state"].as_str().unwrap_or_default().to_owned();
    while state(&customer.wait_for("conversation").await) != "assigned" {}
    agent.solve(&conversation).await.unwrap();
    while state(&customer.wait_for("conversation").await) != "solved" {}

    let again = say(&mut customer, "k2", "one more thing").await;
    assert_eq!(again["conversation"], conversation.as_str(), "it goes on");
    while state(&customer.wait_for("conversation").await) != "assigned" {}
    // Nobody says anything: it is solved, and then closed, by time.
    while state(&customer.wait_for("conversation").await) != "solved" {}
    while state(&customer.wait_for("conversation").await) != "closed" {}
    let fresh = say(&mut customer, "k3", "a new matter").await;
    assert_ne!(fresh["conversation"], conversation.as_str());
    server.stop();
    let entries = world.entries(NODE, "demo");
    let kinds: Vec<&str> = entries.iter().map(|entry| entry.kind.as_str()).collect();
    for kind in ["conversation.solved/1", "conversation.reopened/2", "conversation.closed/2"] {
        assert!(kinds.contains(&kind), "{kind}");
    }
    assert!(world.fsck(NODE, "demo").is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn streams_and_polls_tell_what_sockets_tell() {
    let (_world, server, _agent) = desk().await;
    let token = visit(server.http, "demo", None, None).await;
    let frames = format!("{}/frames", widget("demo"));
    let sent = post(server.http, &frames, &send("k1", "by a frame"), Some(&token)).await.unwrap();
    assert_eq!(sent["type"], "accepted");

    let mut stream = common::raw::stream(server.http, &format!("{}/events", widget("demo")), &token).await;
    let told = stream.until("\"live\"").await;
    assert!(told.contains(&format!("id: {}\ndata: {{", sent["index"])), "{told}");
    assert!(told.contains("by a frame") && told.contains("content-type: text/event-stream"), "{told}");

    let next = sent["index"].as_u64().unwrap();
    let path = format!("{}/updates?wait_s=20&after={next}", widget("demo"));
    let (address, waiting) = (server.http, token.clone());
    let poll = tokio::spawn(async move { get(address, &path, &waiting).await.unwrap() });
    tokio::time::sleep(Duration::from_millis(300)).await;
    let second = post(server.http, &frames, &send("k2", "and another"), Some(&token)).await.unwrap();
    let polled = poll.await.unwrap();
    assert_eq!(polled["next"], second["index"]);
    assert!(polled["events"].as_array().unwrap().iter().any(|line| line["text"] == "and another"), "{polled}");
    assert!(stream.until("and another").await.contains("data: "));

    // A browser that comes back says itself how far it was, and hears what came after.
    let headers = format!("Authorization: Bearer {token}\r\nLast-Event-ID: {next}\r\n");
    let events = format!("{}/events", widget("demo"));
    let told = common::raw::stream_with(server.http, &events, &headers).await.until("\"live\"").await;
    assert!(told.contains("and another") && !told.contains("by a frame"), "{told}");
    server.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn who_comes_first_begins_with_the_newest_and_pages_back_without_gap_or_duplicate() {
    let (_world, server, agent) = desk().await;
    let begun = visit(server.http, "demo", None, None).await;
    let mut customer = Socket::customer(server.http, "demo", &begun, None).await.unwrap();
    for n in 0..7 {
        let said = say(&mut customer, &format!("k{n}"), &format!("第{n}句")).await;
        // Over two conversations, so that a page holds some of each.
        if n == 3 {
            let conversation = said["conversation"].as_str().unwrap().to_owned();
            until("the agent to have it", || async { agent.close(&conversation).await.is_ok() }).await;
        }
    }
    let all = polled(&server, &begun, None).await;
    let index = |line: &Value| line["index"].as_u64().unwrap();

    let newest = format!("{}/socket?newest=3", widget("demo"));
    let protocol = ("sec-websocket-protocol", format!("lww.v1, lww.token.{begun}"));
    let mut again = Socket::open(server.http, &newest, &[protocol]).await.unwrap();
    let mut heard = Vec::new();
    loop {
        let line = again.next().await.unwrap();
        match line["type"].as_str().unwrap() {
            "message" => heard.push(index(&line)),
            "live" => break,
            _ => {}
        }
    }
    let indexes: Vec<u64> = all.iter().map(|(index, _)| *index).collect();
    assert_eq!(heard, indexes[indexes.len() - 3..]);
    // What comes after is heard from there on.
    assert_eq!(say(&mut customer, "k7", "第7句").await["type"], "accepted");
    assert_eq!(again.wait_for("message").await["text"], "第7句");

    let mut before = heard[0];
    loop {
        let path = format!("{}/earlier?before={before}&limit=2", widget("demo"));
        let page = get(server.http, &path, &begun).await.unwrap();
        let mut told: Vec<u64> = page["events"].as_array().unwrap().iter().map(index).collect();
        told.extend(heard);
        heard = told;
        let Some(next) = page["next"].as_u64() else { break };
        assert_eq!(next, heard[0]);
        before = next;
    }
    assert_eq!(heard, indexes);

    // A cursor counts more than `newest`; another visitor sees nothing of it; nonsense is refused by name.
    let resumed = format!("{}/updates?wait_s=0&newest=1&after={}", widget("demo"), indexes[1]);
    let resumed = get(server.http, &resumed, &begun).await.unwrap();
    let said = resumed["events"].as_array().unwrap().iter().filter(|line| line["type"] == "message");
    assert_eq!(said.count(), indexes.len() - 1);
    let other = visit(server.http, "demo", None, None).await;
    let nothing = get(server.http, &format!("{}/earlier", widget("demo")), &other).await.unwrap();
    assert_eq!(nothing, json!({"events": [], "next": null}));
    for (query, code) in [
        ("earlier?limit=201", "invalid_field"),
        ("earlier?before=x", "invalid_field"),
        ("earlier?after=1", "invalid_field"),
        ("updates?newest=0", "invalid_field"),
    ] {
        let refused = get(server.http, &format!("{}/{query}", widget("demo")), &begun).await;
        assert_eq!(refused.unwrap_err(), code, "{query}");
    }
    assert!(get(server.http, &format!("{}/earlier", widget("demo")), "forged").await.is_err());
    server.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_visitor_s_key_counts_once_for_them_and_says_nothing_of_another_s() {
    let (_world, server, _agent) = desk().await;
    let frames = format!("{}/frames", widget("demo"));
    let mut told = Vec::new();
    for identity in [None, None, Some("ann"), Some("bob")] {
        let token = visit(server.http, "demo", identity, None).await;
        let first = post(server.http, &frames, &send("the-same-key", "the same text"), Some(&token)).await.unwrap();
        let again = post(server.http, &frames, &send("the-same-key", "the same text"), Some(&token)).await.unwrap();
        assert_eq!((&first["duplicate"], &again["duplicate"]), (&json!(false), &json!(true)), "{first} {again}");
        assert_eq!((&first["index"], &first["conversation"]), (&again["index"], &again["conversation"]));
        assert!(!told.contains(&first["conversation"]), "it was answered with another visitor's conversation");
        told.push(first["conversation"].clone());
        assert_eq!(polled(&server, &token, None).await.len(), 1);
    }
    // Somebody proven is the same person by another visit, and then the key is the same, too.
    let token = visit(server.http, "demo", Some("ann"), None).await;
    let once_more = post(server.http, &frames, &send("the-same-key", "the same text"), Some(&token)).await.unwrap();
    assert_eq!((&once_more["duplicate"], &once_more["conversation"]), (&json!(true), &told[2]));
    server.stop();
}

mod slow {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn the_desk_s_stream_tells_what_its_socket_tells_and_ends_with_its_session() {
        let (_world, server, agent) = desk().await;
        let cookie = format!("Cookie: {}\r\n", agent.session_cookie().unwrap().as_str());
        let events = "/api/v1/agent/events";
        let mut stream = common::raw::stream_with(server.http, events, &cookie).await;
        let mut socket = Socket::desk(server.http, &agent).await.unwrap();
        stream.until("\"live\"").await;
        socket.wait_for("live").await;
        let token = visit(server.http, "demo", None, None).await;
        let mut customer = Socket::customer(server.http, "demo", &token, None).await.unwrap();
        customer.wait_for("live").await;
        say(&mut customer, "k1", "for whoever listens").await;
        let given = socket.wait_for("conversation").await;
        let id = given["conversation"]["id"].as_str().unwrap();
        let told = stream.until(id).await;
        assert!(told.contains("content-type: text/event-stream"), "{told}");
        let line = told.lines().find(|line| line.contains(id)).unwrap().strip_prefix("data: ").unwrap();
        assert_eq!(serde_json::from_str::<Value>(line).unwrap()["conversation"]["id"], id);

        // A page of another site hears nothing, and nobody without a session does.
        for headers in [format!("{cookie}Origin: https://evil.example\r\n"), String::new()] {
            let mut refused = common::raw::stream_with(server.http, events, &headers).await;
            let answer = refused.until("\r\n\r\n").await;
            assert!(answer.starts_with("HTTP/1.1 40"), "{answer}");
        }
        // It says that it is there although much is heard of that it has nothing to tell about, and ends with its session.
        stream.until(r#"data: {"type":"alive"}"#).await;
        socket.alive().await;
        agent.logout().await.unwrap();
        stream.ended().await;
        server.stop();
    }
}
