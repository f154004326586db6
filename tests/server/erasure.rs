//! Erasing a customer: by two people's word, not while anybody holds them, so that nothing opens their data any more here, in
//! the files of PostgreSQL, in backups once their epoch is over, and after a restore; while every proof stays valid and other
//! people's conversations stay readable. Needs PostgreSQL on the machine.

#![expect(clippy::unwrap_used, reason = "a broken test world fails the test")]

use crate::common;

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
use regex::bytes::Regex;
use serde_json::{Value, json};

const NODE: &str = "a";
const ERASURES: &str = "/api/v1/erasures";
const HOLDS: &str = "/api/v1/holds";
const FACTOR: &str = "/api/v1/session/second-factor";
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
    /// Starts the server that was stopped, and logs in who works there.
    async fn start_again(&mut self) {
        self.server = Some(self.world.start_on(&self.world.config(NODE), NODE, &[]).unwrap());
        let [supervisor, compliance] = self.logged_in(["supervisor", "compliance"]).await;
        (self.supervisor, self.compliance) = (supervisor, compliance);
    }

    async fn begin() -> Self {
        Self::begin_with("").await
    }

    /// With some lines of the configuration before its tenants.
    async fn begin_with(lines: &str) -> Self {
        let world = World::private();
        let config = world.configure(NODE);
        let text =
            std::fs::read_to_string(&config).unwrap().replacen("\n[[tenant]]", &format!("{lines}\n[[tenant]]"), 1);
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

    /// A file that she sends and one that is sent to her; the message of that one.
    async fn file_for_her(&self) -> String {
        let app = self.server().client();
        app.send_file(&key("demo"), (ANNA, "hers.txt", HER_WORDS.as_bytes()), "anna-file", now()).await.unwrap();
        let mine = self.agent.conversations(Listing { mine: true, ..Listing::default() }).await.unwrap().conversations;
        let hers = mine.iter().find(|one| one.contact == self.anna).unwrap();
        let sent = self.agent.reply_file(&hers.id, ("terms.txt", HER_ANSWER.as_bytes()), "file-1").await.unwrap();
        assert_eq!(self.fetched(&sent.message).await, 200);
        sent.message
    }

    /// How the file of a message is given to her.
    async fn fetched(&self, message: &str) -> u16 {
        self.server().client().fetch_file(&key("demo"), (ANNA, message), now()).await.unwrap().status
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
    async fn verified(&self) {
        // A seal tells where every chain ended, those of the erased as well: whoever checks the log computes it again.
        let (sealed, said) = self.world.lww(NODE, &["ledger", "seal"]);
        assert!(sealed, "{said}");
        let seal: u64 = said.trim().strip_prefix("sealed by entry ").unwrap().parse().unwrap();
        let size = || self.world.fsck(NODE, "demo").unwrap().checkpoint.size.0;
        until("the seal to be published", async || size() > seal).await;
        let (same, said) = self.world.verify(NODE, "demo");
        assert!(same, "{said}");
        self.world.assert_state(NODE);
        self.world.vkey(NODE, "demo");
        let (vkey, file) = (self.world.path().join("demo.vkey"), self.world.path().join("old.tlog-proof"));
        std::fs::write(&file, &self.receipt).unwrap();
        let (holds, said) = common::verified(&[Path::new("proof"), Path::new("--vkey"), &vkey, &file]);
        assert!(holds, "{said}");
    }

    /// People who log in again after a restart.
    async fn logged_in<const N: usize>(&mut self, logins: [&str; N]) -> [Client; N] {
        let mut clients = Vec::new();
        for login in logins {
            let client = self.server().client();
            client.login("demo", login, &chosen_password(login)).await.unwrap();
            if login == "compliance" {
                let code = self.phone.code().await;
                let (status, shown) = ask(&client, "POST", FACTOR, Some(json!({"code": code}))).await;
                assert_eq!(status, 200, "{shown}");
            }
            clients.push(client);
        }
        clients.try_into().ok().unwrap()
    }

    /// Verifies a certificate as an auditor does: the note by the log's key, each entry by its proof.
    fn is_certified(&self, certificate: &Value) {
        let vkey = self.world.vkey(NODE, "demo");
        let note = lww_audit::Note::parse(word(&certificate["note"]).as_bytes()).unwrap();
        note.verify(&[vkey], &word(&certificate["log"])).unwrap();
        let file = self.world.path().join("demo.vkey");
        for entry in [&certificate["erased"], &certificate["epochs"][0]["destroyed"]] {
            let proof = self.world.path().join("certified.tlog-proof");
            std::fs::write(&proof, word(&entry["proof"])).unwrap();
            let (holds, said) = common::verified(&[Path::new("proof"), Path::new("--vkey"), &file, &proof]);
            assert!(holds && said.contains(&word(&entry["leaf"])), "{said}");
        }
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
    let file = case.file_for_her().await;
    let erased = case.erase(false).await;
    // The person is gone for everybody: app, desk, and whoever asks for the conversation.
    assert_eq!(texts(case.server(), ANNA).await, Vec::<String>::new());
    assert_eq!(case.fetched(&file).await, 404);
    let entry = case.published("subject.erased/1").await;
    assert_eq!(entry.subject.unwrap().to_string(), case.anna);
    let closed = case.of_kind("conversation.closed/2").pop().unwrap();
    assert!(closed.seq < entry.seq && closed.subject == entry.subject, "what was open is closed first");
    let conversation = closed.conversation.unwrap().to_string();
    let opened = case.agent.open(&conversation, Page::default()).await.unwrap_err();
    assert_eq!(opened.code(), Some("erased"));
    // Others notice nothing, and who writes again is somebody new.
    assert_eq!(case.his_words().await, [HIS_WORDS]);
    let again =
        case.server().client().send_message(&key("demo"), (ANNA, "hello again"), "anna-2", now()).await.unwrap();
    assert_eq!(texts(case.server(), ANNA).await, ["hello again"]);
    until("it to be published", async || case.world.entries(NODE, "demo").len() as u64 > again.index).await;
    assert_ne!(subject_of(&case.world, &again.conversation), case.anna);
    case.verified().await;
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
    case.verified().await;
    case.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hold_wins_also_when_it_is_placed_in_between() {
    let mut case = Case::begin().await;
    let (status, proposed) = case.propose(&case.anna, false).await;
    assert_eq!(status, 201, "{proposed}");
    assert_eq!(code(&case.propose(&case.anna, false).await), "conflict", "once at a time");
    let hold = json!({"subject": case.anna, "reason": "litigation"});
    let (status, held) = ask(&case.compliance, "POST", HOLDS, Some(hold)).await;
    assert_eq!(status, 201, "{held}");
    assert_eq!(code(&case.approve(&proposed).await), "legal_hold");
    assert_eq!(case.his_words().await, [HIS_WORDS]);
    assert_eq!(texts(case.server(), ANNA).await.len(), 2, "nothing happened to her");
    // The database refuses as well, whoever asks it.
    case.stop();
    let (postgres, owner) = case.world.owner_of(NODE).await;
    let subject: SubjectId = case.anna.parse().unwrap();
    let asked = "SELECT erase_subject(s.tenant, s.id, s.version, false) FROM subject s WHERE s.id = $1";
    let refused = owner.query(asked, &[&subject.to_uuid()]).await.unwrap_err();
    assert_eq!(refused.code().unwrap().code(), "23514");
    drop(owner);
    postgres.stop().await.unwrap();
    case.server = Some(case.world.start_on(&case.world.config(NODE), NODE, &[]).unwrap());
    let [supervisor, compliance] = case.logged_in(["supervisor", "compliance"]).await;
    (case.supervisor, case.compliance) = (supervisor, compliance);
    assert_eq!(code(&case.approve(&proposed).await), "legal_hold");
    let release = format!("{HOLDS}/{}", held["id"].as_str().unwrap());
    assert_eq!(ask(&case.compliance, "DELETE", &release, Some(json!({}))).await.0, 204);
    assert_eq!(code(&ask(&case.compliance, "DELETE", &release, Some(json!({}))).await), "not_found", "once");
    let (status, erased) = case.approve(&proposed).await;
    assert_eq!(status, 200, "{erased}");
    let hold = json!({"subject": case.anna, "reason": "litigation"});
    assert_eq!(code(&ask(&case.compliance, "POST", HOLDS, Some(hold)).await), "not_found", "too late");
    let entry = case.published("subject.erased/1").await;
    let chain: Vec<_> =
        case.world.entries(NODE, "demo").into_iter().filter(|one| one.subject == entry.subject).collect();
    let kinds: BTreeSet<&str> = chain.iter().map(|one| one.kind.as_str()).collect();
    for kind in ["erasure.proposed/1", "hold.placed/1", "hold.released/1", "subject.erased/1"] {
        assert!(kinds.contains(kind), "{kind} is in her chain: {kinds:?}");
    }
    case.verified().await;
    case.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_not_or_is_alone_or_names_nobody_erases_nobody() {
    let mut case = Case::begin().await;
    let (_, own) =
        ask(&case.compliance, "POST", ERASURES, Some(json!({"subject": case.anna, "reason": "unlawful"}))).await;
    assert_eq!(code(&case.approve(&own).await), "same_person");
    let target = format!("{ERASURES}/{}/approve", own["id"].as_str().unwrap());
    // Without a second factor; the role alone is not enough.
    assert_eq!(code(&ask(&case.supervisor, "POST", &target, Some(json!({}))).await), "must_enrol_second_factor");
    let auditor = case.server().staff("auditor").await;
    assert_eq!(code(&ask(&auditor, "POST", &target, Some(json!({}))).await), "forbidden");
    assert_eq!(code(&ask(&auditor, "GET", ERASURES, None).await), "forbidden");
    for (body, expected) in [
        (json!({"subject": "00".repeat(16), "reason": "unlawful"}), "not_found"),
        (json!({"subject": "nobody", "reason": "unlawful"}), "invalid_field"),
        (json!({"subject": case.anna, "reason": "because"}), "invalid_field"),
        (json!({"subject": case.anna, "reason": "replayed"}), "invalid_field"),
        (json!({"reason": "unlawful"}), "invalid_field"),
        (json!({"identity": {"channel": "http", "account": "app", "id": "nobody"}, "reason": "unlawful"}), "not_found"),
        (json!({"identity": {"channel": "http", "account": "bank", "id": ANNA}, "reason": "unlawful"}), "not_found"),
    ] {
        assert_eq!(code(&ask(&case.supervisor, "POST", ERASURES, Some(body.clone())).await), expected, "{body}");
    }
    // Another tenant's officer finds neither her nor the proposal.
    let password = create(&case.world, "other", "officer", "compliance");
    let officer = case.server().staff_with("other", "officer", &password).await;
    let _phone = enrolled(&officer).await;
    assert_eq!(code(&ask(&officer, "POST", &target, Some(json!({}))).await), "not_found");
    let new = json!({"subject": case.anna, "reason": "unlawful"});
    assert_eq!(code(&ask(&officer, "POST", ERASURES, Some(new)).await), "not_found");
    let certificate = target.replace("approve", "certificate");
    assert_eq!(code(&ask(&case.compliance, "GET", &certificate, None).await), "not_found", "nothing was done yet");
    // Turned down it is over, and can be proposed anew, by what she is known by.
    let reject = target.replace("approve", "reject");
    assert_eq!(ask(&case.compliance, "POST", &reject, Some(json!({}))).await.0, 204);
    assert_eq!(code(&case.approve(&own).await), "not_found");
    let identity = json!({"channel": "http", "account": "app", "id": ANNA});
    let new = json!({"identity": identity, "reason": "objection"});
    let (status, proposed) = ask(&case.supervisor, "POST", ERASURES, Some(new)).await;
    assert_eq!((status, proposed["subject"].as_str()), (201, Some(case.anna.as_str())), "{proposed}");
    assert_eq!(texts(case.server(), ANNA).await.len(), 2);
    case.verified().await;
    case.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_of_the_person_and_of_whoever_reads_them_end_and_come_again_without_them() {
    let mut case = Case::begin().await;
    let address = case.server().http;
    let token = visit(address, "demo", None, None).await;
    let mut widget = Socket::customer(address, "demo", &token, None).await.unwrap();
    widget.send(&json!({"type": "send", "text": HER_WORDS, "key": "w-1"})).await;
    widget.wait_for("message").await;
    until("her message to be published", async || case.of_kind("message.received/1").len() == 3).await;
    let opened = case.of_kind("conversation.opened/2").pop().unwrap();
    case.anna = opened.subject.unwrap().to_string();
    // An agent's desk lets a closed conversation go by itself; who leads agents keeps it open.
    let leader = Client::http(address);
    leader.login("demo", "supervisor", &chosen_password("supervisor")).await.unwrap();
    let mut desk = Socket::desk(address, &leader).await.unwrap();
    desk.send(&json!({"type": "open", "conversation": opened.conversation.unwrap().to_string()})).await;
    desk.wait_for("conversation").await;
    case.erase(false).await;
    while widget.next().await.is_some() {}
    while desk.next().await.is_some() {}
    let mut again = Socket::customer(address, "demo", &token, None).await.unwrap();
    let first = again.next().await.unwrap();
    assert_eq!(first["type"], "live", "nothing is known of them: {first}");
    case.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn evidence_that_tells_of_an_erased_customer_is_taken_away_and_other_people_s_stays() {
    let mut case = Case::begin().await;
    let mut packages = Vec::new();
    for subject in [&case.anna, &case.boris] {
        let order = json!({"subject": subject, "reason": "complaint"});
        let (status, asked) = ask(&case.compliance, "POST", "/api/v1/evidence", Some(order)).await;
        assert_eq!(status, 201, "{asked}");
        packages.push(format!("/api/v1/evidence/{}", asked["id"].as_str().unwrap()));
    }
    for package in &packages {
        let state = async || ask(&case.compliance, "GET", package, None).await.1["state"].clone();
        until("the package", async || state().await == "ready").await;
    }
    case.erase(false).await;
    let [hers, his] = packages.try_into().unwrap();
    let (_, told) = ask(&case.compliance, "GET", &hers, None).await;
    assert_eq!(told["state"], "failed", "{told}");
    assert_ne!(ask(&case.compliance, "GET", &format!("{hers}/package"), None).await.0, 200);
    assert_eq!(ask(&case.compliance, "GET", &his, None).await.1["state"], "ready");
    let left = common::files(&case.world.data(NODE).join("packages"));
    assert!(left.iter().any(|file| file.to_string_lossy().contains(his.rsplit('/').next().unwrap())), "{left:?}");
    assert!(!left.iter().any(|file| file.to_string_lossy().contains(hers.rsplit('/').next().unwrap())), "{left:?}");
    case.stop();
}

impl Case {
    /// Runs `lww subject` as a member of staff.
    fn subject(&self, login: &str, arguments: &[&str]) -> (bool, String) {
        let (server, ca) = (format!("https://localhost:{}", self.server().https.port()), self.server().ca());
        let password = self.world.path().join(format!("{login}.password"));
        std::fs::write(&password, chosen_password(login)).unwrap();
        let who = ["--login", login, "--server", &server, "--ca", ca.to_str().unwrap(), "--password-file"];
        let output = Command::new(env!("CARGO_BIN_EXE_lww"))
            .arg("subject")
            .args(arguments)
            .args(who)
            .arg(&password)
            .arg("--config")
            .arg(self.world.config(NODE))
            .output()
            .unwrap();
        std::fs::remove_file(&password).unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
        (output.status.success(), text)
    }
}

/// Every byte of every file below some folders; a socket is no file.
fn found(folders: &[PathBuf], needles: &[(&str, Regex)]) -> Vec<String> {
    let mut found = Vec::new();
    for file in folders.iter().flat_map(|folder| common::files(folder)) {
        let Ok(bytes) = std::fs::read(&file) else { continue };
        for (name, needle) in needles {
            if needle.is_match(&bytes) {
                found.push(format!("{name} in {}", file.display()));
            }
        }
    }
    found
}

/// Files of the tables and what was logged ahead of them are among those that are read, of each node, and what is there is found.
fn is_searched(world: &World, nodes: [&str; 2], needles: &[(&str, Regex)]) {
    let read: Vec<String> = common::files(world.path()).iter().map(|file| file.display().to_string()).collect();
    for (node, part) in nodes.into_iter().flat_map(|node| ["/pg_wal/", "/base/"].map(|part| (node, part))) {
        let folder = world.data(node).display().to_string();
        let is_read = read.iter().any(|file| file.starts_with(&folder) && file.contains(part));
        assert!(is_read, "{part} of {node} is not looked at");
    }
    let decoy = world.path().join("decoy");
    std::fs::write(&decoy, format!("a file with {HER_NOTE} in it")).unwrap();
    assert_eq!(found(&[world.path().to_owned()], needles).len(), 1);
    std::fs::remove_file(decoy).unwrap();
}

fn copy(from: &Path, to: &Path) {
    assert!(Command::new("cp").arg("-a").arg(from).arg(to).status().unwrap().success());
}

/// What a database holds of a person: every wrapped key, and every sealed text.
async fn rows_of(world: &World, node: &str, subject: SubjectId) -> (Vec<WrappedKey>, Vec<(MessageId, Vec<u8>)>) {
    let (postgres, owner) = world.owner_of(node).await;
    let sql = "SELECT generation, epoch, wrapped FROM data_key WHERE subject = $1";
    let keys = owner.query(sql, &[&subject.to_uuid()]).await.unwrap();
    let key = |row: &tokio_postgres::Row| WrappedKey { generation: row.get(0), epoch: row.get(1), wrapped: row.get(2) };
    let keys = keys.iter().map(key).collect();
    let sql = "SELECT m.id, m.original FROM message m JOIN conversation c ON c.tenant = m.tenant AND c.id = m.conversation \
               WHERE c.subject = $1";
    let texts = owner.query(sql, &[&subject.to_uuid()]).await.unwrap();
    let texts = texts.iter().map(|row| (MessageId::from_uuid(row.get(0)), row.get(1))).collect();
    drop(owner);
    postgres.stop().await.unwrap();
    (keys, texts)
}

/// The vault of the demo tenant with every key that is left.
fn vault(world: &World) -> TenantVault {
    let places = KeyPlaces { directory: world.path().join("keys"), master: None };
    let keys = KeyDirectory::open_or_create(&places, Arc::new(SystemRandom::new()), false).unwrap();
    TenantVault::new(&keys, TenantId(1)).unwrap()
}

fn opens(vault: &TenantVault, subject: SubjectId, keys: &[WrappedKey], texts: &[(MessageId, Vec<u8>)]) -> usize {
    let sealers: Vec<_> = keys.iter().filter_map(|key| vault.sealer(subject, key).ok()).collect();
    let open = |(id, sealed): &&(MessageId, Vec<u8>)| {
        let sealed = Sealed(sealed.clone());
        sealers.iter().any(|sealer| sealer.open(Part::Original, *id, &sealed).is_ok())
    };
    texts.iter().filter(open).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_that_erases_brings_back_or_frees_somebody_without_an_entry_is_named() {
    let mut case = Case::begin().await;
    case.erase(false).await;
    let hold = json!({"subject": case.boris, "reason": "complaint"});
    let (status, held) = ask(&case.compliance, "POST", HOLDS, Some(hold)).await;
    assert_eq!(status, 201, "{held}");
    case.published("hold.placed/1").await;
    case.verified().await;
    case.stop();
    let (anna, boris): (SubjectId, SubjectId) = (case.anna.parse().unwrap(), case.boris.parse().unwrap());
    let (anna, boris) = (anna.to_uuid(), boris.to_uuid());
    // Each is found before those above it.
    for (sql, expected) in [
        ("DELETE FROM legal_hold".to_owned(), "row legal_hold".to_owned()),
        ("UPDATE erasure SET decided_by = proposed_by".to_owned(), "row erasure".to_owned()),
        (
            format!("INSERT INTO subject SELECT tenant, '{anna}', contact, version FROM subject WHERE id = '{boris}'"),
            format!("row subject {}: its person was erased and is there again", case.anna),
        ),
        (format!("DELETE FROM data_key WHERE subject = '{boris}'"), "and nobody erased them".to_owned()),
    ] {
        let (postgres, owner) = case.world.owner_of(NODE).await;
        owner.batch_execute(&sql).await.unwrap();
        drop(owner);
        postgres.stop().await.unwrap();
        let (same, said) = case.world.verify(NODE, "demo");
        assert!(!same && said.contains(&expected), "{sql}: {said}");
    }
}

mod slow {
    use super::*;

    /// How many other people there are: more than one batch of keys.
    const PEOPLE: usize = 300;

    async fn write(server: &Server, round: &str) -> Vec<String> {
        let app = server.client();
        let mut conversations = Vec::new();
        for number in 0..PEOPLE {
            let (contact, id) = (format!("person-{number}"), format!("{round}-{number}"));
            let sent = app.send_message(&key("demo"), (&contact, round), &id, now()).await.unwrap();
            conversations.push(sent.conversation);
        }
        conversations
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_server_that_is_killed_at_any_step_of_a_rotation_goes_on_and_loses_nobody() {
        let mut case = Case::begin().await;
        let before = write(case.server(), "before").await;
        case.erase(true).await;
        for pause_ms in [0, 5, 20, 60, 150, 400, 900] {
            tokio::time::sleep(std::time::Duration::from_millis(pause_ms)).await;
            case.server.take().unwrap().kill();
            case.server = Some(case.world.start_on(&case.world.config(NODE), NODE, &[]).unwrap());
        }
        case.published("key.destroyed/1").await;
        assert!(!case.world.path().join("keys/epoch-1.key").exists());
        assert_eq!(case.of_kind("key.destroyed/1").len(), 1, "told once");
        assert_eq!(case.of_kind("key.rotated/1").len(), 1, "told once");
        // Everybody is found, as who they were, and reads what they said.
        let after = write(case.server(), "after").await;
        assert_eq!(after, before, "their conversations are still open, and theirs");
        for number in [0, PEOPLE / 2, PEOPLE - 1] {
            assert_eq!(texts(case.server(), &format!("person-{number}")).await, ["before", "after"]);
        }
        let last = case.server().client().send_message(&key("demo"), (BORIS, "end"), "end", now()).await.unwrap();
        until("it to be published", async || case.world.entries(NODE, "demo").len() as u64 > last.index).await;
        case.verified().await;
        case.stop();
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn at_once_no_file_and_no_older_backup_holds_a_key_or_a_word_of_the_customer() {
        let mut case = Case::begin().await;
        let subject: SubjectId = case.anna.parse().unwrap();
        let backups = case.world.path().join("backups");
        std::fs::create_dir_all(&backups).unwrap();
        let (done, said) = case.world.lww(NODE, &["backup", "--to", backups.to_str().unwrap()]);
        assert!(done, "{said}");
        case.stop();
        // A base backup, as an administrator of PostgreSQL takes it, with everything beside it but the keys.
        copy(&case.world.data(NODE), &case.world.data("before"));
        let (keys, texts_before) = rows_of(&case.world, "before", subject).await;
        assert_eq!((keys.len(), texts_before.len()), (1, 2));
        assert_eq!(opens(&vault(&case.world), subject, &keys, &texts_before), 2, "before it everything opens");
        let epoch = std::fs::read(case.world.path().join("keys/epoch-1.key")).unwrap();
        case.start_again().await;
        let erased = case.erase(true).await;
        let destroyed = case.published("key.destroyed/1").await;
        let rotated = case.published("key.rotated/1").await;
        assert!(rotated.seq < destroyed.seq);
        until("the certificate to be proven", async || {
            let certificate = case.certificate(&erased).await;
            certificate["epochs"][0]["destroyed"]["proof"].is_string()
        })
        .await;
        let certificate = case.certificate(&erased).await;
        assert_eq!(certificate["destroyed_at"], destroyed.time.to_string());
        assert_eq!(certificate["epochs"][0]["destroyed"]["index"], destroyed.seq.0);
        case.is_certified(&certificate);
        let system = case.world.entries(NODE, "system");
        for kind in ["key.created/1", "key.rotated/1", "key.destroyed/1"] {
            assert!(system.iter().any(|entry| entry.kind.as_str() == kind), "{kind}");
        }
        assert_eq!(case.his_words().await, [HIS_WORDS]);
        let again =
            case.server().client().send_message(&key("demo"), (BORIS, "又来了"), "boris-2", now()).await.unwrap();
        until("it to be published", async || case.world.entries(NODE, "demo").len() as u64 > again.index).await;
        assert_eq!(subject_of(&case.world, &again.conversation), case.boris, "he is found under the new epoch");
        case.verified().await;
        let (done, said) = case.world.lww(NODE, &["backup", "--to", backups.to_str().unwrap()]);
        assert!(done, "a backup after it: {said}");
        case.stop();
        // No word, and no key: neither here nor in what was copied before.
        let exact = |bytes: &[u8]| {
            let each: String = bytes.iter().flat_map(|byte| [r"\x".to_owned(), format!("{byte:02x}")]).collect();
            Regex::new(&format!("(?-u){each}")).unwrap()
        };
        let needles: Vec<(&str, Regex)> = [HER_WORDS, HER_ANSWER, HER_NOTE, ANNA]
            .into_iter()
            .map(|text| (text, exact(text.as_bytes())))
            .chain([("the epoch's key", exact(&epoch))])
            .collect();
        is_searched(&case.world, [NODE, "before"], &needles);
        assert_eq!(found(&[case.world.path().to_owned()], &needles), Vec::<String>::new());
        let (left, sealed) = rows_of(&case.world, NODE, subject).await;
        assert_eq!((left.len(), sealed.len()), (0, 2), "the rows stay, the keys are gone");
        let vault = vault(&case.world);
        assert_eq!(opens(&vault, subject, &keys, &texts_before), 0);
        for (epoch, key) in (1..=2).flat_map(|epoch| keys.iter().map(move |key| (epoch, key))) {
            assert!(vault.sealer(subject, &WrappedKey { epoch, ..key.clone() }).is_err(), "as of epoch {epoch}");
        }
        // The older backup is refused by name; the one after it goes into place.
        let mut files: Vec<_> = common::files(&backups);
        files.sort();
        std::fs::write(case.world.config("b"), std::fs::read_to_string(case.world.configure("b")).unwrap()).unwrap();
        let (done, said) = case.world.lww("b", &["restore", "--from", files[0].to_str().unwrap()]);
        assert!(!done && said.contains("needs the epoch key"), "{said}");
        let (done, said) = case.world.lww("b", &["restore", "--from", files[1].to_str().unwrap()]);
        assert!(done, "{said}");
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_restored_backup_erases_again_before_it_serves() {
        let mut case = Case::begin().await;
        let folder = case.world.path().join("backups");
        std::fs::create_dir_all(&folder).unwrap();
        let (done, said) = case.world.lww(NODE, &["backup", "--to", folder.to_str().unwrap()]);
        assert!(done, "{said}");
        case.erase(false).await;
        let erased = case.published("subject.erased/1").await;
        // The keys are backed up after it: who was erased comes along.
        let keys = case.world.path().join("keys.tar");
        let later = case.world.path().join("later");
        std::fs::create_dir_all(&later).unwrap();
        let (to, with) = (later.to_str().unwrap(), keys.to_str().unwrap());
        let (done, said) = case.world.lww(NODE, &["backup", "--to", to, "--keys-to", with]);
        assert!(done, "{said}");
        let master = case.world.path().join("master.copy");
        copy(&case.world.path().join("keys/master.key"), &master);
        case.stop();
        // The machine is lost, and what is left of the rows is older than the erasure.
        for lost in [case.world.path().join("keys"), case.world.data(NODE)] {
            std::fs::remove_dir_all(lost).unwrap();
        }
        case.world.configure(NODE);
        let from = common::files(&folder).pop().unwrap();
        let restore = ["restore", "--from", from.to_str().unwrap(), "--keys-from", with, "--master-key-from"];
        let (done, said) = case.world.lww(NODE, &[&restore[..], &[master.to_str().unwrap()]].concat());
        assert!(done, "{said}");
        let server = case.world.start_on(&case.world.config(NODE), NODE, &["--adopt-head"]).unwrap();
        assert_eq!(texts(&server, ANNA).await, Vec::<String>::new());
        assert_eq!(texts(&server, BORIS).await, [HIS_WORDS]);
        let again = server.client().send_message(&key("demo"), (ANNA, "hello again"), "anna-2", now()).await.unwrap();
        case.server = Some(server);
        until("it to be published", async || case.world.entries(NODE, "demo").len() as u64 > again.index).await;
        let replayed = case.published("subject.erased/1").await;
        assert_eq!(replayed.subject, erased.subject);
        assert!(replayed.seq.0 < again.index, "before anybody was served");
        let told = String::from_utf8(replayed.to_bytes().unwrap()).unwrap();
        assert!(
            told.contains(&format!("\"replays\":{}", erased.seq.0)) && told.contains("\"role\":\"server\""),
            "{told}"
        );
        case.verified().await;
        // Once: the next start finds nobody to erase.
        case.stop();
        case.server = Some(case.world.start_on(&case.world.config(NODE), NODE, &[]).unwrap());
        assert_eq!(texts(case.server(), ANNA).await, ["hello again"]);
        assert_eq!(case.of_kind("subject.erased/1").len(), 1);
        case.stop();
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn the_command_line_erases_holds_certifies_and_rotates_like_the_interface() {
        let mut case = Case::begin().await;
        let identity = format!("http:app:{ANNA}");
        let (done, said) = case.subject("supervisor", &["erase", "--identity", &identity, "--reason", "objection"]);
        assert!(done && !said.contains(ANNA), "{said}");
        let erasure = said.lines().find_map(|line| line.strip_prefix("proposed: ")).unwrap().to_owned();
        let (done, said) = case.subject("compliance", &["approve", &erasure]);
        assert!(!done && said.contains("with --code"), "{said}");
        let password = create(&case.world, "demo", "officer", "compliance");
        case.server().staff_with("demo", "officer", &password).await;
        let (done, said) = case.subject("officer", &["hold", &case.anna, "--reason", "authority"]);
        assert!(done, "{said}");
        let hold = said.lines().find_map(|line| line.strip_prefix("held: ")).unwrap().to_owned();
        let refused = case.approve(&json!({"id": erasure})).await;
        assert_eq!(code(&refused), "legal_hold");
        let (done, said) = case.subject("officer", &["release", &hold]);
        assert!(done, "{said}");
        let digits = case.phone.code().await;
        let (done, said) = case.subject("compliance", &["approve", &erasure, "--code", &digits]);
        assert!(done && said.contains(&case.anna), "{said}");
        let (done, said) = case.subject("supervisor", &["list"]);
        assert!(done && said.contains(&erasure) && said.contains("erased"), "{said}");
        let (done, said) = case.world.lww(NODE, &["keys", "rotate"]);
        assert!(done && said.contains("epoch 2 leads"), "{said}");
        case.published("key.rotated/1").await;
        assert!(case.world.path().join("keys/epoch-1.key").exists(), "it waits for the backups");
        let to = case.world.path().join("case");
        case.server().staff("auditor").await;
        let (done, said) = case.subject("auditor", &["certificate", &erasure, "--to", to.to_str().unwrap()]);
        assert!(done && said.contains("lww-shred-certificate@v1") && said.contains("older copies until"), "{said}");
        assert!(to.join("certificate.json").exists() && to.join("certificate.note").exists());
        let (server, key) = (case.world.path().join("demo.vkey"), common::files(&to));
        case.world.vkey(NODE, "demo");
        let proof = key.iter().find(|file| file.extension().is_some_and(|ending| ending == "tlog-proof")).unwrap();
        let (holds, said) = common::verified(&[Path::new("proof"), Path::new("--vkey"), &server, proof]);
        assert!(holds, "{said}");
        case.stop();
    }
}
