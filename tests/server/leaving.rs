//! What staff are about to send and the policy holds: nothing of it is sent, kept or written anywhere until whoever wrote it
//! decides; and a decision counts once, for its writer, its text, its time and its policy. Needs PostgreSQL on the machine.

#![expect(clippy::unwrap_used, reason = "a broken test world fails the test")]

use crate::common;

use common::people::{call, code, create, create_agent};
use common::{Server, World, chosen_password, files, key, now, until};
use liaowaiwai::cli::client::{Client, Listing, Page};
use lww_audit::entry::Detail;
use serde_json::{Value, json};

const CARD: &str = "6222021234567890128";
/// The same number as it may stand in bytes: plain, and in groups of four.
const CARD_IN_GROUPS: &str = "6222 0212 3456 7890 128";
const ID_CARD: &str = "11010519491231002X";
const PASSWORD: &str = "Abc@12345";

/// A server with an agent who has one conversation.
struct Case {
    world: World,
    server: Server,
    agent: Client,
    conversation: String,
}

impl Case {
    async fn begin() -> Self {
        let world = World::private();
        let server = world.start("a");
        let agent = server.staff("agent").await;
        agent.set_online(true).await.unwrap();
        let conversation = conversation(&server, &agent, "zhang").await;
        Self { world, server, agent, conversation }
    }

    async fn send(&self, key_of_message: &str, body: &Value) -> (u16, Value) {
        send(&self.agent, &self.conversation, key_of_message, body).await
    }

    /// Sends a text that is held; what is told of it.
    async fn held(&self, key_of_message: &str, text: &str) -> Value {
        let refused = self.send(key_of_message, &json!({"text": text})).await;
        assert_eq!((refused.0, code(&refused)), (409, "held_before_leaving"), "{}", refused.1);
        refused.1["held"].clone()
    }

    /// What the customer got of the bank, oldest first.
    async fn got(&self) -> Vec<String> {
        got(&self.server, "zhang").await
    }

    /// Ends the server; what its entries say about held messages, by kind.
    fn told(self) -> Vec<(String, Detail)> {
        self.server.stop();
        let (valid, said) = self.world.verify("a", "demo");
        assert!(valid, "{said}");
        let entries = self.world.entries("a", "demo").into_iter();
        let of_them = entries.filter(|entry| entry.kind.as_str().starts_with("leaving."));
        of_them.map(|entry| (entry.kind.as_str().to_owned(), entry.detail)).collect()
    }
}

async fn conversation(server: &Server, agent: &Client, contact: &str) -> String {
    let said = server.client().send_message(&key("demo"), (contact, "您好"), contact, now()).await.unwrap();
    until("the assignment", async || {
        let mine = Listing { mine: true, ..Listing::default() };
        agent.conversations(mine).await.unwrap().conversations.iter().any(|one| one.id == said.conversation)
    })
    .await;
    said.conversation
}

async fn send(client: &Client, conversation: &str, key_of_message: &str, body: &Value) -> (u16, Value) {
    let target = format!("/api/v1/agent/conversations/{conversation}/messages");
    call(client, "POST", &target, &[("idempotency-key", key_of_message)], Some(&body.to_string())).await
}

async fn withdraw(client: &Client, conversation: &str, token: &Value) -> (u16, Value) {
    let target = format!("/api/v1/agent/conversations/{conversation}/held/withdraw");
    call(client, "POST", &target, &[], Some(&json!({"token": token}).to_string())).await
}

async fn got(server: &Server, contact: &str) -> Vec<String> {
    let messages = server.client().messages(&key("demo"), contact, Page::default(), now()).await.unwrap().messages;
    messages.into_iter().filter(|message| message.from_bank).map(|message| message.text).collect()
}

fn decided(text: &str, held: &Value, send: &str, reason: Option<&str>) -> Value {
    let mut word = json!({"token": held["token"], "send": send});
    if let Some(reason) = reason {
        word["reason"] = json!(reason);
    }
    json!({"text": text, "held": word})
}

fn says(detail: &Detail, name: &str) -> String {
    match detail {
        Detail::Object(fields) => match fields.get(name) {
            Some(Detail::String(text)) => text.clone(),
            Some(other) => format!("{other:?}"),
            None => String::new(),
        },
        other => format!("{other:?}"),
    }
}

/// Where a text stands readably below a folder.
fn found_in(world: &World, texts: &[&str]) -> Vec<String> {
    let is_in = |bytes: &[u8], text: &str| bytes.windows(text.len()).any(|window| window == text.as_bytes());
    // The policy's own tests have the same card; everything else is the server's.
    let all = files(world.path())
        .into_iter()
        .filter(|path| *path != world.policy())
        .filter_map(|path| Some((std::fs::read(&path).ok()?, path)));
    all.filter(|(bytes, _)| texts.iter().any(|text| is_in(bytes, text)))
        .map(|(_, path)| path.display().to_string())
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_of_a_held_text_is_sent_or_kept_anywhere_and_it_can_go_masked_or_be_taken_back() {
    let case = Case::begin().await;
    let text = format!("请核对：卡号{CARD}，登录密码是{PASSWORD}");
    let held = case.held("k-1", &text).await;
    assert_eq!(held["text"], "请核对：卡号[bank_card]，登录密码是[password]", "what the customer would get");
    let finds: Vec<(&str, &str, bool)> = held["finds"]
        .as_array()
        .unwrap()
        .iter()
        .map(|find| {
            let word = |name: &str| find["span"][name].as_str().unwrap();
            (word("entity"), word("rule"), find["may_release"].as_bool().unwrap())
        })
        .collect();
    assert_eq!(finds, [("cn.bank_card", "cn.bank_card", true), ("auth.password", "auth.password", false)]);
    assert_eq!((&held["may_release"], &held["reasons"]), (&json!(false), &json!([])), "one value stays, so all do");
    assert!(case.got().await.is_empty());
    let opened = case.agent.open(&case.conversation, Page::default()).await.unwrap();
    assert_eq!(opened.messages.len(), 1, "the desk shows no message, either");

    // The same key asks for the same thing: a page that was loaded again gets the same hold.
    assert_eq!(case.held("k-1", &text).await, held);
    let (status, sent) = case.send("k-2", &decided(&text, &held, "masked", None)).await;
    assert_eq!((status, &sent["duplicate"]), (201, &json!(false)), "{sent}");
    assert_eq!(case.got().await, ["请核对：卡号[bank_card]，登录密码是[password]"]);

    // Another one is taken back, and then it can't be sent.
    let taken = case.held("k-3", CARD).await;
    assert_eq!(withdraw(&case.agent, &case.conversation, &taken["token"]).await.0, 204);
    let refused = case.send("k-4", &decided(CARD, &taken, "masked", None)).await;
    assert_eq!((refused.0, code(&refused)), (409, "held_over"));
    assert_eq!(case.send("k-5", &json!({"text": "请联系网点"})).await.0, 201, "what is not held goes as ever");

    let counts = common::people::ask(&case.server.staff("supervisor").await, "GET", "/api/v1/agent/held", None).await;
    let count = &counts.1["agents"][0];
    assert_eq!(
        (counts.0, &count["held"], &count["masked"], &count["withdrawn"]),
        (200, &json!(2), &json!(1), &json!(1))
    );
    assert_eq!(count["entities"], json!({"auth.password": 1, "cn.bank_card": 2}));
    assert_eq!(common::people::ask(&case.agent, "GET", "/api/v1/agent/held", None).await.0, 403, "agents lead nobody");

    let world = case.world.path().to_owned();
    let Case { server, world: kept, .. } = case;
    server.stop();
    assert!(kept.verify("a", "demo").0);
    assert_eq!(found_in(&kept, &[CARD, CARD_IN_GROUPS, PASSWORD]), Vec::<String>::new(), "{}", world.display());
    let told = kept.entries("a", "demo").into_iter().filter(|entry| entry.kind.as_str().starts_with("leaving."));
    let told: Vec<_> = told.collect();
    let kinds: Vec<&str> = told.iter().map(|entry| entry.kind.as_str()).collect();
    assert_eq!(kinds, ["leaving.held/1", "leaving.released/1", "leaving.held/1", "leaving.withdrawn/1"]);
    assert!(told.iter().all(|entry| entry.content.is_none()), "an entry of it commits to nothing of the text");
    assert_eq!((says(&told[1].detail, "sent"), says(&told[1].detail, "reason")), ("masked".into(), "Null".into()));
    assert_eq!(says(&told[0].detail, "held"), says(&told[1].detail, "held"));
    assert!(told[0].policy.is_some() && says(&told[0].detail, "entities").contains("auth.password"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_role_may_release_goes_as_it_is_to_the_customer_and_is_masked_everywhere_else() {
    let case = Case::begin().await;
    let text = format!("请转账至{CARD_IN_GROUPS}");
    let held = case.held("k-1", &text).await;
    assert_eq!(held["may_release"], json!(true));
    assert_eq!(held["reasons"], json!(["bank_own", "customer_asked", "procedure", "not_sensitive"]));
    for (send, reason) in
        [("as_it_is", None), ("as_it_is", Some("because")), ("masked", Some("bank_own")), ("openly", None)]
    {
        let refused = case.send("k-2", &decided(&text, &held, send, reason)).await;
        assert_eq!((refused.0, code(&refused)), (422, "invalid_field"), "{send} {reason:?}");
    }
    let (status, sent) = case.send("k-2", &decided(&text, &held, "as_it_is", Some("bank_own"))).await;
    assert_eq!(status, 201, "{sent}");
    assert_eq!(sent["text"], "请转账至622202*********0128", "the desk shows it masked");
    assert_eq!(case.got().await, std::slice::from_ref(&text), "and the customer gets it");
    let seen = case.agent.open(&case.conversation, Page::default()).await.unwrap();
    assert_eq!(seen.messages.last().unwrap().text, "请转账至622202*********0128");
    let supervisor = case.server.staff("supervisor").await;
    let seen = supervisor.open(&case.conversation, Page::default()).await.unwrap();
    assert!(!seen.messages.last().unwrap().text.contains(CARD_IN_GROUPS));

    // The same decision again is the same message; another decision comes too late.
    let (status, again) = case.send("k-9", &decided(&text, &held, "as_it_is", Some("bank_own"))).await;
    assert_eq!((status, &again["duplicate"], &again["index"]), (200, &json!(true), &sent["index"]), "{again}");
    let refused = case.send("k-9", &decided(&text, &held, "masked", None)).await;
    assert_eq!((refused.0, code(&refused)), (409, "held_over"));
    assert_eq!(withdraw(&case.agent, &case.conversation, &held["token"]).await.0, 409);
    assert_eq!(case.got().await.len(), 1);

    let path = case.world.path().to_owned();
    assert!(path.exists());
    let kept = &case.world;
    let before = found_in(kept, &[CARD, CARD_IN_GROUPS]);
    assert_eq!(before, Vec::<String>::new(), "what left is sealed here");
    let told = case.told();
    assert_eq!(told[1].0, "leaving.released/1");
    assert_eq!((says(&told[1].1, "sent"), says(&told[1].1, "reason")), ("as_it_is".into(), "bank_own".into()));
    assert_eq!(told.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn c3_and_what_the_role_may_not_release_go_masked_or_not_at_all() {
    let case = Case::begin().await;
    for (at, text) in
        [format!("登录密码是{PASSWORD}"), format!("证件{ID_CARD}"), "卡号6222021234567890128，CVV 737".into()]
            .iter()
            .enumerate()
    {
        let held = case.held(&format!("k-{at}"), text).await;
        assert_eq!((&held["may_release"], &held["reasons"]), (&json!(false), &json!([])), "{text}");
        let refused = case.send("k", &decided(text, &held, "as_it_is", Some("procedure"))).await;
        assert_eq!((refused.0, code(&refused)), (403, "not_releasable"), "{text}");
    }
    assert!(case.got().await.is_empty());

    // The policy lets supervisors release an identity card, in a conversation that they hold.
    let supervisor = case.server.staff("supervisor").await;
    let take = format!("/api/v1/agent/conversations/{}/take", case.conversation);
    assert_eq!(common::people::ask(&supervisor, "POST", &take, Some(json!({}))).await.0, 204);
    let text = format!("证件{ID_CARD}");
    let refused = send(&supervisor, &case.conversation, "s-1", &json!({"text": text})).await;
    let held = &refused.1["held"];
    assert_eq!(held["may_release"], json!(true), "{}", refused.1);
    let word = decided(&text, held, "as_it_is", Some("customer_asked"));
    assert_eq!(send(&supervisor, &case.conversation, "s-2", &word).await.0, 201);
    assert_eq!(case.got().await, [text]);
    let kinds: Vec<String> = case.told().into_iter().map(|(kind, _)| kind).collect();
    assert_eq!(kinds, ["leaving.held/1", "leaving.held/1", "leaving.held/1", "leaving.held/1", "leaving.released/1"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_is_its_writer_s_for_its_text_its_conversation_and_its_policy() {
    let case = Case::begin().await;
    let text = format!("卡号{CARD}");
    let held = case.held("k-1", &text).await;
    let over = async |client: &Client, conversation: &str, body: &Value| {
        let refused = send(client, conversation, "other", body).await;
        assert_eq!((refused.0, code(&refused)), (409, "held_over"), "{body}: {}", refused.1);
    };
    // Another text, even a shorter one, and a token that is none or was changed.
    over(&case.agent, &case.conversation, &decided(&format!("卡号{CARD}，谢谢"), &held, "masked", None)).await;
    over(&case.agent, &case.conversation, &decided("谢谢", &held, "masked", None)).await;
    let token = held["token"].as_str().unwrap();
    for at in [0, 20, 30, 50, token.len() - 2] {
        let mut bytes = token.as_bytes().to_vec();
        bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
        let spoilt = json!({"token": String::from_utf8(bytes).unwrap()});
        over(&case.agent, &case.conversation, &decided(&text, &spoilt, "masked", None)).await;
        assert_eq!(withdraw(&case.agent, &case.conversation, &spoilt["token"]).await.0, 409);
    }
    over(&case.agent, &case.conversation, &decided(&text, &json!({"token": ""}), "masked", None)).await;
    // Another conversation of the same agent.
    let other = conversation(&case.server, &case.agent, "li").await;
    over(&case.agent, &other, &decided(&text, &held, "masked", None)).await;
    // Another agent, who has got the conversation meanwhile.
    let colleague = case.server.staff_with("demo", "mei", &create_agent(&case.world, "mei", "5")).await;
    colleague.set_online(true).await.unwrap();
    let hand = format!("/api/v1/agent/conversations/{}/transfer", case.conversation);
    let mei = common::people::ask(&colleague, "GET", "/api/v1/session", None).await.1["account"].clone();
    assert_eq!(common::people::ask(&case.agent, "POST", &hand, Some(json!({"agent": mei}))).await.0, 204);
    over(&colleague, &case.conversation, &decided(&text, &held, "masked", None)).await;
    let refused = send(&case.agent, &case.conversation, "late", &decided(&text, &held, "masked", None)).await;
    assert_eq!(refused.0, 403, "and whoever wrote it doesn't have the conversation");
    assert!(case.got().await.is_empty());

    // Another policy: what was held under the one before is decided under none.
    let held = send(&case.agent, &other, "k-2", &json!({"text": text})).await.1["held"].clone();
    let policy = std::fs::read_to_string(case.world.policy()).unwrap();
    let file = case.world.path().join("next.yaml");
    std::fs::write(&file, policy.replacen("\nversion: ", "\nversion: 1", 1)).unwrap();
    let (done, said) = case.world.lww("a", &["policy", "activate", file.to_str().unwrap(), "--tenant", "demo"]);
    assert!(done, "{said}");
    over(&case.agent, &other, &decided(&text, &held, "masked", None)).await;
    assert_eq!(withdraw(&case.agent, &other, &held["token"]).await.0, 409);
    assert_eq!(got(&case.server, "li").await, Vec::<String>::new());
    assert_eq!(case.told().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hold_outlives_a_restart_and_an_auditor_hears_of_none() {
    let case = Case::begin().await;
    let text = format!("卡号{CARD}");
    let held = case.held("k-1", &text).await;
    let Case { world, server, conversation, .. } = case;
    let auditor = server.staff_with("demo", "otto", &create(&world, "demo", "otto", "auditor")).await;
    assert_eq!(send(&auditor, &conversation, "a", &decided(&text, &held, "masked", None)).await.0, 403);
    server.stop();
    let server = world.start("a");
    let agent = server.client();
    agent.login("demo", "agent", &chosen_password("agent")).await.unwrap();
    let (status, sent) = send(&agent, &conversation, "k-2", &decided(&text, &held, "masked", None)).await;
    assert_eq!(status, 201, "{sent}");
    assert_eq!(got(&server, "zhang").await, ["卡号[bank_card]"]);
    server.stop();
}
