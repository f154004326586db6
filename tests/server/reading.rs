//! What those read who verify and answer for policies: the ledger's entries and proofs, the policy in force, texts tried on it.

#![expect(clippy::unwrap_used, reason = "a broken test world fails the test")]

use crate::common;

use common::people::{ask, call, code, create};
use common::{Server, World, files, key, now, until};
use liaowaiwai::cli::client::{Call, Client};
use liaowaiwai::domain::masking::{Policy, View};
use liaowaiwai::domain::routing::Table;
use liaowaiwai::units::Hash;
use lww_audit::entry::Detail;
use lww_audit::merkle::{leaf_hash, verify_consistency};
use lww_audit::{Checkpoint, Entry, Receipt, SignedCheckpoint, VerifierKey};
use serde_json::{Value, json};

const ENTRIES: &str = "/api/v1/ledger/entries";
const TRY: &str = "/api/v1/policies/masking/try";

async fn get(client: &Client, target: &str) -> (u16, Value) {
    ask(client, "GET", target, None).await
}

async fn say(server: &Server, tenant: &str, text: &str, of: &str) -> u64 {
    server.client().send_message(&key(tenant), ("somebody", text), of, now()).await.unwrap().index
}

fn indexes(page: &Value) -> Vec<u64> {
    page["entries"].as_array().unwrap().iter().map(|entry| entry["index"].as_u64().unwrap()).collect()
}

/// The entry behind an answer; its text hashes to its leaf and is canonical.
fn entry_of(value: &Value) -> Entry {
    let text = value["entry"].as_str().unwrap();
    assert_eq!(leaf_hash(text.as_bytes()).to_string(), value["leaf"].as_str().unwrap());
    let entry = Entry::parse(text.as_bytes()).unwrap();
    assert_eq!(Some(entry.seq.0), value["index"].as_u64());
    entry
}

/// A proof as the server gives it.
async fn proof(client: &Client, index: u64) -> (u16, String, String) {
    let target = format!("{ENTRIES}/{index}/proof");
    let answer = client.send(Call { method: "GET", target, headers: Vec::new(), body: None }).await.unwrap();
    let header = |name: &str| answer.headers.get(name).map_or("", |value| value.to_str().unwrap()).to_owned();
    let about = format!("{} {}", header("content-type"), header("content-disposition"));
    (answer.status, about, String::from_utf8(answer.body.to_vec()).unwrap())
}

async fn published(client: &Client, index: u64) {
    until("the entry to be published", async || proof(client, index).await.0 == 200).await;
}

async fn head(client: &Client, key: &VerifierKey) -> Checkpoint {
    let checkpoint = client.ledger_head().await.unwrap().checkpoint.unwrap();
    let signed = SignedCheckpoint::parse(checkpoint.as_bytes()).unwrap();
    signed.verify(std::slice::from_ref(key)).unwrap().0.clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn entries_are_listed_both_ways_in_their_exact_bytes() {
    let world = World::private();
    let server = world.start("a");
    for number in 0..7 {
        say(&server, "demo", "手机13812345678", &format!("k{number}")).await;
    }
    let auditor = server.staff("auditor").await;
    let (_, all) = get(&auditor, &format!("{ENTRIES}?limit=200")).await;
    let size = all["size"].as_u64().unwrap();
    assert_eq!(indexes(&all), (0..size).rev().collect::<Vec<_>>());
    assert_eq!(all["next"], Value::Null);
    let told: Vec<Entry> = all["entries"].as_array().unwrap().iter().map(entry_of).collect();
    assert!(!all.to_string().contains("13812345678"));

    // In pages, newest first and oldest first, nothing is missing or twice.
    let (mut down, mut before) = (Vec::new(), size);
    loop {
        let (_, page) = get(&auditor, &format!("{ENTRIES}?limit=4&before={before}")).await;
        down.extend(indexes(&page));
        let Some(next) = page["next"].as_u64() else { break };
        before = next;
    }
    assert_eq!(down, (0..size).rev().collect::<Vec<_>>());
    let (mut up, mut after) = (vec![0], 0);
    while after + 1 < size {
        let (_, page) = get(&auditor, &format!("{ENTRIES}?limit=4&after={after}")).await;
        up.extend(indexes(&page));
        after = page["next"].as_u64().unwrap();
    }
    assert_eq!(up, (0..size).collect::<Vec<_>>());

    // Filters give exactly what fits.
    let asked = told.iter().find(|entry| entry.kind.as_str() == "message.received/1").unwrap();
    let (conversation, actor) = (asked.conversation.unwrap(), asked.actor.id);
    let fits = |takes: &dyn Fn(&Entry) -> bool| {
        told.iter().filter(|entry| takes(entry)).map(|entry| entry.seq.0).collect::<Vec<_>>()
    };
    for (query, expected) in [
        ("kind=message".to_owned(), fits(&|entry| entry.kind.as_str().starts_with("message."))),
        ("kind=message.received".to_owned(), fits(&|entry| entry.kind.as_str() == "message.received/1")),
        ("kind=message.received/1".to_owned(), fits(&|entry| entry.kind.as_str() == "message.received/1")),
        ("kind=mess".to_owned(), Vec::new()),
        (format!("conversation={conversation}"), fits(&|entry| entry.conversation == Some(conversation))),
        (
            format!("actor={actor}&kind=message"),
            fits(&|entry| entry.actor.id == actor && entry.kind.as_str().starts_with("message.")),
        ),
    ] {
        let (_, page) = get(&auditor, &format!("{ENTRIES}?limit=200&{query}")).await;
        assert_eq!(indexes(&page), expected, "{query}");
        assert!(query == "kind=mess" || !expected.is_empty(), "{query}");
        let (_, page) = get(&auditor, &format!("{ENTRIES}?limit=200&after=0&{query}")).await;
        assert_eq!(
            indexes(&page),
            expected.into_iter().rev().filter(|index| *index > 0).collect::<Vec<_>>(),
            "{query}"
        );
    }
    server.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_poll_hears_of_an_entry_as_soon_as_it_is_signed() {
    let world = World::private();
    let server = world.start("a");
    let auditor = server.staff("auditor").await;
    let (_, newest) = get(&auditor, &format!("{ENTRIES}?limit=1")).await;
    let last = indexes(&newest)[0];
    let (_, nothing) = get(&auditor, &format!("{ENTRIES}?after={last}&wait_s=1")).await;
    assert_eq!((indexes(&nothing), nothing["next"].as_u64()), (Vec::new(), Some(last)));
    // What comes first is something else than what is waited for: the poll goes on.
    let waits = get(&auditor, "/api/v1/ledger/entries?kind=message.received&wait_s=25&after=0");
    let speaks = async {
        create(&world, "demo", "clerk", "agent");
        say(&server, "demo", "你好", "one").await
    };
    let ((status, page), index) = tokio::join!(waits, speaks);
    assert_eq!((status, indexes(&page)), (200, vec![index]), "{page}");
    // The server's end is not held up by whoever waits.
    let waits = tokio::spawn(async move {
        auditor
            .send(Call {
                method: "GET",
                target: format!("{ENTRIES}?after={index}&kind=export&wait_s=25"),
                headers: Vec::new(),
                body: None,
            })
            .await
    });
    tokio::task::yield_now().await;
    server.stop();
    // Answered or cut off; either way it is over.
    let _over = waits.await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn served_proofs_and_paths_hold_by_the_auditor_s_verifier() {
    let world = World::private();
    let server = world.start("a");
    let auditor = server.staff("auditor").await;
    let keys = [world.vkey("a", "demo")];
    let old = head(&auditor, &keys[0]).await;
    for number in 0..9 {
        say(&server, "demo", "您好", &format!("k{number}")).await;
    }
    let new = head(&auditor, &keys[0]).await;
    published(&auditor, new.size.0 - 1).await;
    for index in 0..new.size.0 {
        let (status, about, text) = proof(&auditor, index).await;
        assert_eq!(status, 200, "{text}");
        assert_eq!(about, format!("text/plain; charset=utf-8 attachment; filename=\"demo-{index}.tlog-proof\""));
        let receipt = Receipt::parse(text.as_bytes()).unwrap();
        let verified = receipt.verify(&keys).unwrap();
        assert!(verified.texts.is_empty(), "a proof opens nothing of what was said");
        let (_, entry) = get(&auditor, &format!("{ENTRIES}/{index}")).await;
        assert_eq!(entry_of(&entry), verified.entry);
        assert!(!entry["about"].as_str().unwrap().is_empty());
        assert!(receipt.verify(&[world.vkey("a", "other")]).is_err());
    }
    for (from, to) in [(old.size.0, new.size.0), (1, new.size.0), (0, new.size.0), (new.size.0, new.size.0), (3, 8)] {
        let (status, told) = get(&auditor, &format!("/api/v1/ledger/consistency?from={from}&to={to}")).await;
        assert_eq!((status, told["from"].as_u64(), told["to"].as_u64()), (200, Some(from), Some(to)));
        let path: Vec<Hash> =
            told["path"].as_array().unwrap().iter().map(|hash| hash.as_str().unwrap().parse().unwrap()).collect();
        if from == old.size.0 {
            verify_consistency(old.size, &old.root, new.size, &new.root, &path).unwrap();
            assert!(verify_consistency(old.size, &new.root, new.size, &new.root, &path).is_err());
        }
    }
    // What is not published can't be proven yet, and says so.
    let checkpoint = world.tiles("a", "demo").join("checkpoint");
    let away = world.path().join("checkpoint");
    std::fs::rename(&checkpoint, &away).unwrap();
    let unpublished = call(&auditor, "GET", &format!("{ENTRIES}/1/proof"), &[("accept-language", "zh-CN")], None).await;
    assert_eq!((unpublished.0, code(&unpublished)), (404, "not_published"));
    assert_eq!(get(&auditor, &format!("{ENTRIES}/1")).await.0, 200);
    assert_eq!(code(&get(&auditor, "/api/v1/ledger/consistency?from=1&to=2").await), "not_published");
    std::fs::rename(&away, &checkpoint).unwrap();
    assert_eq!(proof(&auditor, 1).await.0, 200);
    // A published tile that somebody changed proves nothing.
    let tile = files(&world.tiles("a", "demo").join("tile").join("0")).into_iter().next().unwrap();
    let kept = std::fs::read(&tile).unwrap();
    let mut flipped = kept.clone();
    flipped[0] ^= 1;
    std::fs::write(&tile, &flipped).unwrap();
    let (status, _, text) = proof(&auditor, 1).await;
    assert!(status == 500 && text.contains("ledger_differs"), "{text}");
    std::fs::write(&tile, &kept).unwrap();
    server.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_that_somebody_changed_is_never_given_out_as_recorded() {
    let world = World::shared().await;
    let server = world.start("a");
    let operator = create(&world, "demo", "check", "auditor");
    let auditor = server.staff_with("demo", "check", &operator).await;
    let index = say(&server, "demo", "您好", "one").await;
    say(&server, "demo", "再见", "two").await;
    published(&auditor, index).await;
    let (sql, connection) = world.superuser().connect(tokio_postgres::NoTls).await.unwrap();
    tokio::spawn(connection);
    let flip = format!(
        "UPDATE ledger_entry SET body = set_byte(body, 40, get_byte(body, 40) # 1) WHERE seq = {index} AND tenant = \
         (SELECT id FROM tenant WHERE name = 'demo')"
    );
    assert_eq!(sql.execute(&flip, &[]).await.unwrap(), 1);
    for target in [
        ENTRIES.to_owned(),
        format!("{ENTRIES}?after=0&kind=login"),
        format!("{ENTRIES}/{index}"),
        format!("{ENTRIES}/{index}/proof"),
    ] {
        let answer = get(&auditor, &target).await;
        assert_eq!((answer.0, code(&answer)), (500, "ledger_differs"), "{target}");
        assert!(answer.1["detail"].as_str().unwrap().contains(&format!("Entry {index} ")), "{answer:?}");
    }
    assert!(server.errors().contains("ledger_differs"));
    assert_eq!(get(&auditor, &format!("{ENTRIES}/0")).await.0, 200);
    assert_eq!(sql.execute(&flip, &[]).await.unwrap(), 1);
    assert_eq!(get(&auditor, ENTRIES).await.0, 200);
    let delete = format!(
        "DELETE FROM ledger_entry WHERE seq = {index} AND tenant = (SELECT id FROM tenant WHERE name = 'demo')"
    );
    assert_eq!(sql.execute(&delete, &[]).await.unwrap(), 1);
    assert_eq!(code(&get(&auditor, ENTRIES).await), "ledger_differs");
    server.stop();
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_sees_their_own_tenant_s_log_and_malformed_questions_hear_why() {
    let world = World::private();
    let server = world.start("a");
    let index = say(&server, "demo", "您好", "one").await;
    let auditor = server.staff("auditor").await;
    published(&auditor, index).await;
    let stranger = server.staff_with("other", "auditor", &common::people::reset(&world, "other", "auditor")).await;
    let (_, theirs) = get(&stranger, &format!("{ENTRIES}?limit=200")).await;
    for value in theirs["entries"].as_array().unwrap() {
        assert_eq!(entry_of(value).tenant, "other");
    }
    let size = get(&auditor, ENTRIES).await.1["size"].as_u64().unwrap();
    for (target, expected) in [
        (format!("{ENTRIES}/{size}"), "not_found"),
        (format!("{ENTRIES}/{size}/proof"), "not_found"),
        (format!("{ENTRIES}/9007199254740991"), "not_found"),
        (format!("{ENTRIES}/9007199254740992"), "invalid_field"),
        (format!("{ENTRIES}/-1"), "invalid_field"),
        (format!("{ENTRIES}/01"), "invalid_field"),
        (format!("{ENTRIES}/one/proof"), "invalid_field"),
        (format!("{ENTRIES}?before=x"), "invalid_field"),
        (format!("{ENTRIES}?before=1&after=1"), "invalid_field"),
        (format!("{ENTRIES}?wait_s=1"), "invalid_field"),
        (format!("{ENTRIES}?before=1&wait_s=1"), "invalid_field"),
        (format!("{ENTRIES}?after=1&wait_s=26"), "invalid_field"),
        (format!("{ENTRIES}?limit=0"), "invalid_field"),
        (format!("{ENTRIES}?limit=201"), "invalid_field"),
        (format!("{ENTRIES}?kind="), "invalid_field"),
        (format!("{ENTRIES}?kind=a%00b"), "invalid_field"),
        (format!("{ENTRIES}?actor=zz"), "invalid_field"),
        (format!("{ENTRIES}?conversation=00"), "invalid_field"),
        (format!("{ENTRIES}?tenant=other"), "invalid_field"),
        ("/api/v1/ledger/consistency".to_owned(), "invalid_field"),
        ("/api/v1/ledger/consistency?from=2&to=1".to_owned(), "invalid_field"),
        (format!("/api/v1/ledger/consistency?from=1&to={}", size + 1), "not_published"),
    ] {
        assert_eq!(code(&get(&auditor, &target).await), expected, "{target}");
    }
    // Beyond the end there is nothing, and nothing is wrong with asking.
    let (_, beyond) = get(&auditor, &format!("{ENTRIES}?after={}", size + 5)).await;
    assert_eq!((indexes(&beyond), beyond["next"].as_u64()), (Vec::new(), Some(size + 5)));
    let (_, nothing) = get(&auditor, &format!("{ENTRIES}?before=0")).await;
    assert_eq!((indexes(&nothing), &nothing["next"]), (Vec::new(), &Value::Null));
    for role in ["agent", "supervisor"] {
        let client = server.staff(role).await;
        for target in [ENTRIES, "/api/v1/ledger/entries/0", "/api/v1/ledger/entries/0/proof"] {
            assert_eq!(code(&get(&client, target).await), "forbidden", "{role} {target}");
        }
    }
    server.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_masking_policy_in_force_is_told_in_facts_with_its_entry_and_its_file_s_drift() {
    let world = World::private();
    let first = std::fs::read_to_string(world.policy()).unwrap();
    let server = world.start("a");
    let officer = server.staff("compliance").await;
    let (status, told) = get(&officer, "/api/v1/policies/masking").await;
    assert_eq!(status, 200, "{told}");
    let policy = Policy::load(&first).unwrap();
    let active = &told["active"];
    assert_eq!((&told["drift"], active["source"].as_str()), (&Value::Null, Some(first.as_str())));
    assert_eq!(active["digest"], Hash(policy.digest()).to_string());
    assert_eq!((active["id"].as_str(), active["version"].as_u64()), (Some(policy.id()), Some(policy.version())));
    let activated = active["activated"].as_u64().unwrap();
    let (_, entry) = get(&officer, &format!("{ENTRIES}/{activated}")).await;
    let entry = entry_of(&entry);
    assert_eq!(entry.kind.as_str(), "policy.activated/2");
    assert_eq!(entry.time.to_string(), active["activated_at"].as_str().unwrap());
    let rules = active["rules"].as_array().unwrap();
    assert_eq!(rules.len(), policy.rules().len());
    for rule in rules {
        assert_eq!(rule["views"].as_object().unwrap().len(), View::ALL.len());
    }
    let card = rules.iter().find(|rule| rule["entity"] == "cn.bank_card").unwrap();
    assert_eq!(card["validators"], json!(["issuer", "length", "luhn"]));
    assert_eq!(card["views"]["customer"]["operator"], "keep");
    server.stop();

    // Another file is drift; one that is none is drift with the reason; neither acts.
    let second = first.replacen("version: 2", "version: 3", 1);
    for (source, error) in [(second.as_str(), false), ("not: a policy", true)] {
        std::fs::write(world.policy(), source).unwrap();
        let server = world.start("a");
        let officer =
            server.staff_with("demo", "compliance", &common::people::reset(&world, "demo", "compliance")).await;
        let told = get(&officer, "/api/v1/policies/masking").await.1;
        assert_eq!(told["active"]["digest"], Hash(policy.digest()).to_string());
        assert_eq!(told["active"]["activated"].as_u64(), Some(activated));
        assert_eq!(told["drift"]["source"], source);
        assert_eq!(
            (told["drift"]["error"].is_string(), told["drift"]["digest"].is_string()),
            (error, !error),
            "{told}"
        );
        server.stop();
    }
    // Once it is activated, it is in force and its file drifts no longer.
    std::fs::write(world.policy(), &second).unwrap();
    let server = world.start("a");
    let (done, printed) = world.lww("a", &["policy", "activate", &world.policy().display().to_string()]);
    assert!(done, "{printed}");
    let officer = server.staff_with("demo", "compliance", &common::people::reset(&world, "demo", "compliance")).await;
    let told = get(&officer, "/api/v1/policies/masking").await.1;
    assert_eq!((told["active"]["version"].as_u64(), &told["drift"]), (Some(3), &Value::Null));
    assert!(told["active"]["activated"].as_u64().unwrap() > activated);
    server.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tried_text_is_masked_like_a_message_and_found_nowhere_afterwards() {
    const CARD: &str = "6222024417790036620";
    const WORDS: &str = "try-it-okapi-55120-紫色企鹅";
    const PASSWORD: &str = "Walrus7Qz";
    let world = World::private();
    let server = world.start("a");
    let officer = server.staff("compliance").await;
    let text = format!("{WORDS} 卡号{CARD}，密码是{PASSWORD}。");
    let (status, tried) = ask(&officer, "POST", TRY, Some(json!({"text": text}))).await;
    assert_eq!(status, 200, "{tried}");
    let typed: Vec<char> = text.chars().collect();
    let found: Vec<String> = tried["found"]
        .as_array()
        .unwrap()
        .iter()
        .map(|span| {
            let at = |name: &str| usize::try_from(span[name].as_u64().unwrap()).unwrap();
            typed[at("start")..at("end")].iter().collect()
        })
        .collect();
    assert_eq!(found, [CARD, PASSWORD]);
    assert_eq!(tried["found"][0]["rule"], "cn.bank_card");
    assert_eq!(tried["views"].as_object().unwrap().len(), View::ALL.len());
    // The same as a message's, in the views that messages are shown in.
    let message = server.client().send_message(&key("demo"), ("somebody", &text), "m", now()).await.unwrap();
    assert_eq!(tried["views"]["customer"]["text"], message.text);
    for view in tried["views"].as_object().unwrap().values() {
        let shown = view["text"].as_str().unwrap();
        assert!(!shown.contains(CARD) && !shown.contains(PASSWORD), "{shown}");
        assert_eq!(view["spans"].as_array().unwrap().len(), 2);
    }
    // Tokens of a trial are none of a message's: nobody can find a customer's value by trying.
    let again = ask(&officer, "POST", TRY, Some(json!({"text": text}))).await.1;
    assert_eq!(again["views"]["customer"], tried["views"]["customer"]);
    let record = |tried: &Value| tried["views"]["record"]["text"].as_str().unwrap().to_owned();
    assert!(record(&tried).contains(":tok"), "{}", record(&tried));
    assert_ne!(record(&again), record(&tried));

    let size = get(&officer, "/api/v1/ledger/head").await.1["size"].clone();
    let canary = "try-it-narwhal-90713 独角鲸";
    assert_eq!(ask(&officer, "POST", TRY, Some(json!({"text": canary}))).await.0, 200);
    assert_eq!(get(&officer, "/api/v1/ledger/head").await.1["size"], size, "a trial is not recorded");
    for (body, expected) in [
        (json!({"text": ""}), "invalid_field"),
        (json!({"text": "x".repeat(16_385)}), "invalid_field"),
        (json!({"text": canary, "store": true}), "malformed_body"),
        (json!({"text": [canary]}), "malformed_body"),
        (json!({}), "malformed_body"),
    ] {
        let answer = ask(&officer, "POST", TRY, Some(body)).await;
        assert_eq!(code(&answer), expected, "{answer:?}");
        assert!(!answer.1.to_string().contains("narwhal"));
    }
    assert_eq!(ask(&officer, "POST", TRY, Some(json!({"text": "x".repeat(16_384)}))).await.0, 200);
    let broken = call(&officer, "POST", TRY, &[], Some(&format!("{{\"text\": \"{canary}"))).await;
    assert_eq!(code(&broken), "malformed_body");
    let agent = server.staff("agent").await;
    assert_eq!(code(&ask(&agent, "POST", TRY, Some(json!({"text": canary}))).await), "forbidden");
    let told = server.errors();
    server.stop();
    assert!(!told.contains("narwhal") && !told.contains("独角鲸"));
    for file in files(world.path()) {
        let bytes = std::fs::read(&file).unwrap();
        for needle in ["narwhal-90713".as_bytes(), "独角鲸".as_bytes(), PASSWORD.as_bytes()] {
            assert!(!bytes.windows(needle.len()).any(|window| window == needle), "{}", file.display());
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_routing_table_in_force_is_told_in_facts_with_its_file_s_drift() {
    const TABLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/policies/routing/cn-retail.yaml");
    let first = std::fs::read_to_string(TABLE).unwrap();
    let mut world = World::private();
    let file = world.path().join("table.yaml");
    std::fs::write(&file, &first).unwrap();
    world.tenant_keys = format!("routing = \"{}\"", file.display());
    let server = world.start("a");
    let officer = server.staff("compliance").await;
    let (status, told) = get(&officer, "/api/v1/policies/routing").await;
    assert_eq!(status, 200, "{told}");
    let table = Table::load(&first).unwrap();
    let active = &told["active"];
    assert_eq!((active["digest"].as_str(), &told["drift"]), (Some(table.digest().to_string().as_str()), &Value::Null));
    assert_eq!(active["source"], first);
    let (rows, queues) = (active["rows"].as_array().unwrap(), active["queues"].as_array().unwrap());
    assert_eq!((rows.len(), queues.len()), (table.rows(), table.queues().len()));
    for row in rows {
        // Each row is found in the text at its line, and leads to a queue of the table.
        let line = usize::try_from(row["line"].as_u64().unwrap()).unwrap();
        let near: Vec<&str> = first.lines().skip(line - 1).take(3).collect();
        assert!(near.iter().any(|line| line.contains(row["id"].as_str().unwrap())), "{row} {near:?}");
        assert!(queues.iter().any(|queue| queue["name"] == row["queue"]), "{row}");
    }
    let hours = active["hours"]["hours"].as_object().unwrap();
    for queue in queues {
        assert!(hours.contains_key(queue["hours"].as_str().unwrap()), "{queue}");
    }
    for day in active["hours"]["holidays"].as_array().unwrap() {
        assert!(first.contains(day.as_str().unwrap()), "{day}");
    }
    let entry = get(&officer, &format!("{ENTRIES}/{}", active["activated"])).await.1;
    assert_eq!(entry_of(&entry).kind.as_str(), "routing.activated/2");
    let agent = server.staff("agent").await;
    for target in ["/api/v1/policies/routing", "/api/v1/policies/masking", "/api/v1/system/health"] {
        assert_eq!(code(&get(&agent, target).await), "forbidden", "{target}");
    }
    server.stop();
    std::fs::write(&file, first.replacen("version: 1", "version: 2", 1)).unwrap();
    let server = world.start("a");
    let officer = server.staff_with("demo", "compliance", &common::people::reset(&world, "demo", "compliance")).await;
    let told = get(&officer, "/api/v1/policies/routing").await.1;
    assert_eq!(told["active"]["version"], 1);
    assert!(told["drift"]["digest"].is_string() && told["drift"]["error"].is_null(), "{}", told["drift"]);
    server.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn health_tells_what_runs_and_what_the_doctor_says_in_the_reader_s_language() {
    const HEALTH: &str = "/api/v1/system/health";
    let world = World::private();
    let server = world.start("a");
    let supervisor = server.staff("supervisor").await;
    let auditor = server.staff("auditor").await;
    let index = say(&server, "demo", "您好", "one").await;
    published(&auditor, index).await;
    let (status, told) = get(&supervisor, HEALTH).await;
    assert_eq!(status, 200, "{told}");
    assert_eq!((&told["version"], &told["role"]), (&json!(env!("CARGO_PKG_VERSION")), &json!("active")));
    // The system log names the same binary and configuration.
    let entries = world.entries("a", "system");
    let started = entries.iter().find(|entry| entry.kind.as_str() == "server.started/1").unwrap();
    let Detail::Object(fields) = &started.detail else { panic!("{:?}", started.detail) };
    for name in ["version", "binary", "configuration"] {
        assert_eq!(fields[name], Detail::String(told[name].as_str().unwrap().to_owned()), "{name}");
    }
    let size = get(&auditor, "/api/v1/ledger/head").await.1["size"].as_u64();
    assert_eq!(told["log"]["size"].as_u64(), size);
    assert!(told["log"]["published"].as_u64() > Some(index) && told["log"]["signed_at"].is_string(), "{told}");
    for (kind, of) in [("masking", "/api/v1/policies/masking"), ("routing", "/api/v1/policies/routing")] {
        let active = get(&supervisor, of).await.1["active"].clone();
        for name in ["id", "version", "digest"] {
            assert_eq!(told["policies"][kind][name], active[name], "{kind} {name}");
        }
    }
    assert!(told["database"]["version"].as_str().is_some_and(|version| !version.is_empty()), "{told}");
    let checks = |told: &Value| -> Vec<(String, String)> {
        let one = |finding: &Value| (finding["check"].as_str().unwrap().to_owned(), finding["level"].to_string());
        told["doctor"]["findings"].as_array().unwrap().iter().map(one).collect()
    };
    assert!(checks(&told).contains(&("postgres.reach".to_owned(), "\"ok\"".to_owned())), "{told}");
    assert!(checks(&told).iter().any(|(check, _)| check == "disk.space"));
    // The same look, in Chinese: it is made once a minute.
    let chinese = call(&auditor, "GET", HEALTH, &[("accept-language", "zh-CN,zh;q=0.9,en;q=0.1")], None).await.1;
    assert_eq!((&chinese["doctor"]["at"], checks(&chinese)), (&told["doctor"]["at"], checks(&told)));
    let found = |told: &Value| {
        let findings = told["doctor"]["findings"].as_array().unwrap();
        findings.iter().find(|finding| finding["check"] == "postgres.reach").unwrap()["found"].clone()
    };
    assert_eq!((found(&told), found(&chinese)), (json!("reached"), json!("可以连接")));
    let many = (0..8).map(|_| get(&supervisor, HEALTH));
    for answer in futures_util::future::join_all(many).await {
        assert_eq!((answer.0, &answer.1["doctor"]["at"]), (200, &told["doctor"]["at"]));
    }
    server.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_verifies_is_told_how_the_log_is_kept() {
    let world = World::private();
    let server = world.start("a");
    let auditor = server.staff("auditor").await;
    let index = say(&server, "demo", "您好", "one").await;
    published(&auditor, index).await;
    let (status, told) = get(&auditor, "/api/v1/ledger/custody").await;
    assert_eq!(status, 200, "{told}");
    assert_eq!(told["key"].as_str(), Some(world.vkey("a", "demo").to_string().as_str()));
    assert_eq!(told["origin"].as_str(), Some(world.vkey("a", "demo").name()));
    assert!(told["published"]["size"].as_u64().unwrap() > index, "{told}");
    assert!(told["head"]["size"].as_u64() >= told["published"]["size"].as_u64(), "{told}");
    assert!(
        told["published"]["at"].as_str() >= told["head"]["signed_at"].as_str()
            || told["head"]["size"] != told["published"]["size"]
    );
    assert_eq!((&told["quorum"], &told["witnesses"], &told["seal"]), (&Value::Null, &json!([]), &Value::Null));
    assert_eq!((told["mirror"]["state"].as_str(), told["self_audit"]["state"].as_str()), (Some("off"), Some("idle")));
    server.stop();
}
