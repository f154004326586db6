//! Erasing a customer: by two people's word, not while anybody holds them, so that nothing opens their data any more here, in
//! the files of PostgreSQL, in backups once their epoch is over, and after a restore; while every proof stays valid and other
//! people's conversations stay readable. Needs PostgreSQL on the machine.

#![expect(clippy::unwrap_used, reason = "a broken test world fails the test")]

mod common;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use common::people::{Phone, ask, code, create};
use common::socket::{Socket, visit};
use common::{Server, World, chosen_password, key, now, until};
use liaowaiwai::cli::client::{Client, Listing, Page};
use liaowaiwai::crypto::{KeyDirectory, KeyPlaces, SystemRandom, TenantVault};
use liaowaiwai::domain::message::{Part, Sealed};
use liaowaiwai::ports::{Vault as _, WrappedKey};
use liaowaiwai::units::{MessageId, SubjectId, TenantId};
use serde_json::{Value, json};

const NODE: &str = "a";
const ERASURES: &str = "/api/v1/erasures";
const HOLDS: &str = "/api/v1/holds";
const ENROLMENT: &str = "/api/v1/session/second-factor/enrolment";

/// Who is to be erased, what they say and what is said to them.
const ANNA: &str = "contact-wombat-5571093";
const HER_WORDS: &str = "紫色鸭嘴兽在月光下拉小提琴";
const HER_ANSWER: &str = "客服说海象在弹竖琴";
const HER_NOTE: &str = "备注说狐獴在敲铃鼓";
/// Who stays.
const BORIS: &str = "contact-tapir-8830217";
const HIS_WORDS: &str = "绿色犀牛骑着独轮车送信";

/// A world of one server, with two customers, and the two people whom an erasure takes.
struct Case {
    world: World,
    server: Option<Server>,
    supervisor: Client,
    compliance: Client,
    agent: Client,
    phone: Phone,
    anna: String,
    boris: String,
    receipt: String,
}

fn word(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

async fn enrolled(client: &Client) -> Phone {
    let (status, drawn) = ask(client, "POST", ENROLMENT, Some(json!({}))).await;
    assert_eq!(status, 201, "{drawn}");
    let mut phone = Phone::new(drawn["secret"].as_str().unwrap());
    let (status, confirmed) = ask(client, "PUT", ENROLMENT, Some(json!({"code": phone.code().await}))).await;
    assert_eq!(status, 200, "{confirmed}");
    phone
}

/// The customer of the conversation that a message of theirs is in.
fn subject_of(world: &World, conversation: &str) -> String {
    let entries = world.entries(NODE, "demo");
    let opened = entries.iter().find(|entry| entry.conversation.is_some_and(|id| id.to_string() == conversation));
    opened.unwrap().subject.unwrap().to_string()
}

impl Case {
    async fn begin() -> Self {
        Self::begin_with("").await
    }

    /// With some lines of the configuration before its tenants.
    async fn begin_with(lines: &str) -> Self {
        let world = World::private();
        let config = world.configure(NODE);
        let text = std::fs::read_to_string(&config).unwrap().replacen("\n[[tenant]]", &format!("{lines}\n[[tenant]]"), 1);
        std::fs::write(&config, text).unwrap();
        let server = world.start_on(&config, NODE, &[]).unwrap();
        let agent = server.trial_agent().await;
        let app = server.client();
        let hers = app.send_message(&key("demo"), (ANNA, HER_WORDS), "anna-1", now()).await.unwrap();
        until("her conversation to be given", async || {
            let mine = agent.conversations(Listing { mine: true, ..Listing::default() }).await.unwrap();
            !mine.conversations.is_empty()
        })
        .await;
        agent.reply(&hers.conversation, HER_ANSWER, "answer-1").await.unwrap();
        let notes = format!("/api/v1/agent/conversations/{}/notes", hers.conversation);
        let headers = [("idempotency-key", "note-1")];
        let body = json!({"text": HER_NOTE}).to_string();
        let (status, noted) = common::people::call(&agent, "POST", &notes, &headers, Some(&body)).await;
        assert_eq!(status, 201, "{noted}");
        let his = app.send_message(&key("demo"), (BORIS, HIS_WORDS), "boris-1", now()).await.unwrap();
        let receipt = hers.receipt.unwrap();
        let (supervisor, compliance) = (server.staff("supervisor").await, server.staff("compliance").await);
        let phone = enrolled(&compliance).await;
        until("the entries to be published", async || world.entries(NODE, "demo").len() as u64 > his.index).await;
        let (anna, boris) = (subject_of(&world, &hers.conversation), subject_of(&world, &his.conversation));
        Self { world, server: Some(server), supervisor, compliance, agent, phone, anna, boris, receipt }
    }

    fn server(&self) -> &Server {
        self.server.as_ref().unwrap()
    }

    async fn propose(&self, subject: &str, now: bool) -> (u16, Value) {
        let new = json!({"subject": subject, "reason": "consent_withdrawn", "now": now});
        ask(&self.supervisor, "POST", ERASURES, Some(new)).await
    }

    async fn approve(&self, erasure: &Value) -> (u16, Value) {
        let target = format!("{ERASURES}/{}/approve", erasure["id"].as_str().unwrap());
        ask(&self.compliance, "POST", &target, Some(json!({}))).await
    }

    /// Erases her, by both steps.
    async fn erase(&self, now: bool) -> Value {
        let (status, proposed) = self.propose(&self.anna, now).await;
        assert_eq!(status, 201, "{proposed}");
        let (status, erased) = self.approve(&proposed).await;
        assert_eq!((status, erased["state"].as_str()), (200, Some("erased")), "{erased}");
        erased
    }

    async fn certificate(&self, erasure: &Value) -> Value {
        let target = format!("{ERASURES}/{}/certificate", erasure["id"].as_str().unwrap());
        let (status, certificate) = ask(&self.compliance, "GET", &target, None).await;
        assert_eq!(status, 200, "{certificate}");
        certificate
    }

    /// What he has said, as his app reads it.
    async fn his_words(&self) -> Vec<String> {
        let said = self.server().client().messages(&key("demo"), BORIS, Page::default(), now()).await.unwrap();
        said.messages.into_iter().map(|message| message.text).collect()
    }

    /// Entries of one kind that were published.
    fn of_kind(&self, kind: &str) -> Vec<lww_audit::Entry> {
        self.world.entries(NODE, "demo").into_iter().filter(|entry| entry.kind.as_str() == kind).collect()
    }

    async fn published(&self, kind: &str) -> lww_audit::Entry {
        until(kind, async || !self.of_kind(kind).is_empty()).await;
        self.of_kind(kind).pop().unwrap()
    }

    /// Holds database, files and proofs against each other, as operators and auditors do.
    fn verified(&self) {
        self.world.fsck(NODE, "demo").unwrap();
        let (same, said) = self.world.verify(NODE, "demo");
        assert!(same, "{said}");
        self.world.assert_state(NODE);
        self.world.vkey(NODE, "demo");
        let (vkey, file) = (self.world.path().join("demo.vkey"), self.world.path().join("old.tlog-proof"));
        std::fs::write(&file, &self.receipt).unwrap();
        let (holds, said) = common::verified(&[Path::new("proof"), &file, Path::new("--key"), &vkey]);
        assert!(holds, "{said}");
    }

    fn stop(&mut self) {
        self.server.take().unwrap().stop();
    }
}

/// What a customer's app is told.
async fn texts(server: &Server, contact: &str) -> Vec<String> {
    let said = server.client().messages(&key("demo"), contact, Page::default(), now()).await.unwrap();
    said.messages.into_iter().map(|message| message.text).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_erasure_takes_two_people_and_nothing_of_the_customer_is_readable_after_it_while_all_proofs_hold() {
    let mut case = Case::begin().await;
    let erased = case.erase(false).await;
    // The person is gone for everybody: app, desk, and whoever asks for the conversation.
    assert_eq!(texts(case.server(), ANNA).await, Vec::<String>::new());
    let entry = case.published("subject.erased/1").await;
    assert_eq!(entry.subject.unwrap().to_string(), case.anna);
    let closed = case.of_kind("conversation.closed/2").pop().unwrap();
    assert!(closed.seq < entry.seq && closed.subject == entry.subject, "what was open is closed first");
    let conversation = closed.conversation.unwrap().to_string();
    let opened = case.agent.open_conversation(&conversation, Page::default()).await.unwrap_err();
    assert_eq!(opened.code(), Some("erased"));
    // Others notice nothing, and who writes again is somebody new.
    assert_eq!(case.his_words().await, [HIS_WORDS]);
    let again = case.server().client().send_message(&key("demo"), (ANNA, "hello again"), "anna-2", now()).await.unwrap();
    assert_eq!(texts(case.server(), ANNA).await, ["hello again"]);
    until("it to be published", async || case.world.entries(NODE, "demo").len() as u64 > again.index).await;
    assert_ne!(subject_of(&case.world, &again.conversation), case.anna);
    case.verified();
    // Not twice, and not by whoever is nobody any more.
    assert_eq!(code(&case.approve(&erased).await), "not_found");
    assert_eq!(code(&case.propose(&case.anna, false).await), "not_found");
    let certificate = case.certificate(&erased).await;
    assert_eq!(certificate["erased"]["index"], entry.seq.0);
    assert!(certificate["destroyed_at"].is_null() && certificate["epochs"][0]["fingerprint"].is_null());
    // It holds over a restart as well.
    case.stop();
    case.server = Some(case.world.start_on(&case.world.config(NODE), NODE, &[]).unwrap());
    assert_eq!(texts(case.server(), ANNA).await, ["hello again"]);
    assert_eq!(case.his_words().await, [HIS_WORDS]);
    case.verified();
    case.stop();
}
