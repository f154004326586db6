//! Files of which nothing is shown: listed, and opened once by whom the policy names, with a reason, a second factor, a second person
//! where it says so, and an entry before the first byte. And values in files, in notes and of officers' own patterns, which are opened
//! and compared like those in messages. Needs PostgreSQL on the machine.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a broken test world fails the test")]

use crate::common;
use crate::common::files as made;

use common::people::{Phone, ask, call, code, create, create_agent};
use common::socket::Socket;
use common::{Server, World, chosen_password, key, now, until};
use liaowaiwai::cli::client::{Answer, Call, Client, Listing};
use liaowaiwai::http::answers::Accepted;
use lww_audit::Entry;
use serde_json::{Value, json};
use tokio_postgres::NoTls;

const ENROLMENT: &str = "/api/v1/session/second-factor/enrolment";
const CUSTOMER: &str = "wang";

/// Pictures and recordings: an agent, for some seconds, or a supervisor alone in a policy that says so; what is in quarantine:
/// compliance, with a supervisor's word.
const FILES: &str = "files:\n  sealed: {unmask_roles: [agent], reason: required, ttl: 15m}\n  \
    quarantined: {unmask_roles: [compliance], reason: required, ttl: 5s, second_person: [supervisor]}\n";
/// An officer's own pattern, whose values an agent opens.
const LOAN: &str = "  - {entity: custom.loan_no, pattern: 'LN[0-9]{10}', class: C2, views: {agent: {keep: {first: 2, last: 4}}}, \
    reversible: {vault: true, unmask_roles: [agent], reason: required, ttl: 15m}}\n  \
    - {entity: custom.branch, pattern: 'BR[0-9]{8}', class: C2, views: {agent: {keep: {first: 2, last: 2}}}}\n";
const TESTS: &str =
    "tests:\n  - {in: 编号LN2024001234, agent: 编号LN******1234}\n  - {in: 网点BR20240012, agent: 网点BR******12}\n";

struct Case {
    world: World,
    server: Server,
    /// Holds the conversation.
    ann: Client,
    bob: Client,
    /// Leads agents.
    carl: Client,
    /// Compliance.
    eve: Client,
    auditor: Client,
    picture: Accepted,
    locked: Accepted,
    phones: Vec<Phone>,
}

fn policy(of: &World) {
    let source = std::fs::read_to_string(of.policy()).unwrap();
    let (head, tail) = source.split_at(source.find("- entity: cn.mobile\n").unwrap());
    let vault = "reversible: {vault: true, unmask_roles: [agent], reason: required, ttl: 15m}";
    let source = format!("{head}{}", tail.replacen("reversible: false", vault, 1));
    let source = source.replacen("\nrules:\n", &format!("\n{FILES}rules:\n{LOAN}"), 1).replacen("tests:\n", TESTS, 1);
    std::fs::write(of.policy(), source).unwrap();
}

async fn enrolled(client: &Client) -> Phone {
    let (status, drawn) = ask(client, "POST", ENROLMENT, Some(json!({}))).await;
    assert_eq!(status, 201, "{drawn}");
    let mut phone = Phone::new(drawn["secret"].as_str().unwrap());
    let (status, confirmed) = ask(client, "PUT", ENROLMENT, Some(json!({"code": phone.code().await}))).await;
    assert_eq!(status, 200, "{confirmed}");
    phone
}

impl Case {
    async fn begin() -> Self {
        Self::begin_in(World::private()).await
    }

    async fn begin_in(world: World) -> Self {
        policy(&world);
        let server = world.start("a");
        let ann = server.trial_staff_with("ann", &create_agent(&world, "ann", "4")).await;
        let bob = server.trial_staff_with("bob", &create_agent(&world, "bob", "4")).await;
        let lead = async |login, role| server.trial_staff_with(login, &create(&world, "demo", login, role)).await;
        let (carl, eve) = (lead("carl", "supervisor").await, lead("eve", "compliance").await);
        let auditor = lead("fay", "auditor").await;
        ann.set_online(true).await.unwrap();
        let picture = sent(&server, "身份证.png", &made::png(), "file-1").await;
        until("the conversation to be given", async || {
            let mine = ann.conversations(Listing { mine: true, ..Listing::default() }).await.unwrap();
            !mine.conversations.is_empty()
        })
        .await;
        let locked = sent(&server, "a.pdf", &made::pdf_with(&["text"], "/Encrypt 9 0 R"), "file-2").await;
        Self { world, server, ann, bob, carl, eve, auditor, picture, locked, phones: Vec::new() }
    }

    async fn factored(mut self) -> Self {
        for client in [&self.ann, &self.carl, &self.eve] {
            self.phones.push(enrolled(client).await);
        }
        self
    }

    async fn kinds(&self, count: usize) -> Vec<String> {
        let entries = || self.world.entries("a", "demo").into_iter();
        let about = || entries().filter(|entry| entry.kind.as_str().starts_with("unmask.")).collect::<Vec<_>>();
        until("the entries to be published", async || about().len() >= count).await;
        about().iter().map(|entry: &Entry| entry.kind.as_str().to_owned()).collect()
    }

    fn end(self) {
        self.world.assert_state("a");
        self.server.stop();
        let (valid, said) = self.world.verify("a", "demo");
        assert!(valid, "{said}");
    }
}

async fn sent(server: &Server, name: &str, file: &[u8], idempotency: &str) -> Accepted {
    server.client().send_file(&key("demo"), (CUSTOMER, name, file), idempotency, now()).await.unwrap()
}

async fn request(client: &Client, file: &Accepted, reason: &str) -> (u16, Value) {
    let target = format!("/api/v1/files/{}/unmaskings", file.message);
    ask(client, "POST", &target, Some(json!({"reason": reason}))).await
}

async fn decide(client: &Client, request: &Value, how: &str) -> (u16, Value) {
    let id = request["id"].as_str().unwrap();
    ask(client, "POST", &format!("/api/v1/unmaskings/{id}/{how}"), Some(json!({}))).await
}

async fn open(client: &Client, request: &Value) -> Answer {
    let target = format!("/api/v1/unmaskings/{}/file", request["id"].as_str().unwrap());
    let body = Some("{}".as_bytes().to_vec().into());
    client.send(Call { method: "POST", target, headers: Vec::new(), body }).await.unwrap()
}

/// Refused, by a problem: no byte of a file is in it.
async fn is_closed(client: &Client, request: &Value, status: u16, expected: &str) {
    let answer = open(client, request).await;
    let problem: Value = serde_json::from_slice(&answer.body).unwrap();
    assert_eq!((answer.status, problem["code"].as_str()), (status, Some(expected)), "{problem}");
    assert_eq!(answer.headers.get("content-type").unwrap(), "application/problem+json");
}

fn is_refused(answer: &(u16, Value), status: u16, expected: &str) {
    assert_eq!((answer.0, code(answer)), (status, expected), "{}", answer.1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sealed_file_is_opened_once_by_whom_the_policy_names_and_marked_and_each_step_is_an_entry_before_it() {
    let case = Case::begin().await;
    let mut desk = Socket::desk(case.server.http, &case.carl).await.unwrap();
    desk.wait_for("live").await;
    is_refused(&request(&case.bob, &case.picture, "fraud").await, 403, "forbidden");
    is_refused(&request(&case.carl, &case.picture, "fraud").await, 403, "forbidden");
    is_refused(&request(&case.eve, &case.picture, "fraud").await, 403, "forbidden");
    is_refused(&request(&case.auditor, &case.picture, "fraud").await, 403, "forbidden");
    is_refused(&request(&case.ann, &case.locked, "fraud").await, 403, "forbidden");
    for reason in ["", "curiosity"] {
        is_refused(&request(&case.ann, &case.picture, reason).await, 422, "invalid_field");
    }
    let shown = sent(&case.server, "a.txt", "手机13812345678".as_bytes(), "file-3").await;
    is_refused(&request(&case.ann, &shown, "fraud").await, 404, "not_found");
    let nothing = Accepted { message: "00".repeat(16), ..shown };
    is_refused(&request(&case.ann, &nothing, "fraud").await, 404, "not_found");

    let (status, granted) = request(&case.ann, &case.picture, "identity").await;
    assert_eq!((status, &granted["state"], &granted["about"]), (201, &json!("granted"), &json!("file")), "{granted}");
    assert_eq!(
        (&granted["format"], &granted["fate"], &granted["span"]),
        (&json!("image"), &json!("sealed"), &json!(null))
    );
    is_closed(&case.ann, &granted, 403, "must_enrol_second_factor").await;
    let _phones = [enrolled(&case.ann).await, enrolled(&case.bob).await];
    is_closed(&case.bob, &granted, 403, "forbidden").await;
    is_refused(&decide(&case.ann, &granted, "open").await, 404, "not_found");

    let answer = open(&case.ann, &granted).await;
    assert_eq!((answer.status, &answer.body[..]), (200, &made::png()[..]));
    let header = |name: &str| answer.headers.get(name).unwrap().to_str().unwrap().to_owned();
    assert_eq!(header("cache-control"), "no-store");
    assert_eq!(
        (header("content-type"), header("x-content-type-options")),
        ("application/octet-stream".into(), "nosniff".into())
    );
    assert!(header("content-security-policy").contains("sandbox"), "{:?}", answer.headers);
    let (by, id) = (granted["requested"]["by"].as_str().unwrap(), granted["id"].as_str().unwrap());
    let named = header("content-disposition");
    assert!(named.starts_with(&format!("attachment; filename=\"opened-{}-{}-20", &id[..8], &by[..8])), "{named}");
    assert!(named.ends_with("Z.png\""), "{named}");
    assert_eq!((header("lww-opened-by"), header("lww-opened-request")), (by.to_owned(), id.to_owned()));
    assert_eq!(header("lww-opened-until"), granted["until"].as_str().unwrap());
    is_closed(&case.ann, &granted, 404, "not_found").await;

    let heard = [desk.wait_for("unmasking").await, desk.wait_for("unmasking").await, desk.wait_for("unmasking").await];
    let states: Vec<_> = heard.iter().map(|line| line["state"].as_str().unwrap()).collect();
    assert_eq!(states, ["requested", "granted", "used"]);
    let of_hers = format!("/api/v1/unmaskings?subject={}", granted["subject"].as_str().unwrap());
    let (_, listed) = ask(&case.carl, "GET", &of_hers, None).await;
    assert_eq!(listed["unmaskings"][0]["used"]["by"], json!(by), "{listed}");
    assert_eq!(listed["unmaskings"][0]["used"]["index"].to_string(), header("lww-opened-entry"));
    let kinds = case.kinds(3).await;
    assert_eq!(
        kinds,
        ["unmask.file_requested/1", "unmask.granted/1", "unmask.file_used/1"],
        "what is refused leaves none"
    );
    case.end();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_in_quarantine_is_listed_and_opened_with_a_second_person_s_word_and_within_its_time() {
    let mut case = Case::begin().await.factored().await;
    for (client, count) in [(&case.carl, 1), (&case.eve, 1), (&case.auditor, 1)] {
        let (status, listed) = ask(client, "GET", "/api/v1/quarantine", None).await;
        assert_eq!((status, listed["files"].as_array().unwrap().len()), (200, count), "{listed}");
        let file = &listed["files"][0];
        assert_eq!((&file["message"], &file["file"]["reason"]), (&json!(case.locked.message), &json!("encrypted")));
        assert_eq!((&file["conversation"], &file["erased"]), (&json!(case.locked.conversation), &json!(false)));
        assert!(file["time"].is_string() && file["subject"].is_string(), "{file}");
        let older = format!("/api/v1/quarantine?before={}", file["index"]);
        assert_eq!(ask(client, "GET", &older, None).await.1, json!({"files": []}));
    }
    is_refused(&ask(&case.ann, "GET", "/api/v1/quarantine", None).await, 403, "forbidden");

    // An officer, who has no desk, asks; a supervisor agrees; nobody alone.
    let (status, asked) = request(&case.eve, &case.locked, "incident").await;
    assert_eq!((status, &asked["state"], &asked["fate"]), (201, &json!("requested"), &json!("quarantined")), "{asked}");
    is_closed(&case.eve, &asked, 404, "not_found").await;
    is_refused(&decide(&case.eve, &asked, "approve").await, 403, "same_person");
    is_refused(&decide(&case.ann, &asked, "approve").await, 403, "forbidden");
    let (status, granted) = decide(&case.carl, &asked, "approve").await;
    assert_eq!((status, &granted["state"]), (200, &json!("granted")), "{granted}");
    is_closed(&case.carl, &asked, 403, "forbidden").await;
    let answer = open(&case.eve, &asked).await;
    assert_eq!((answer.status, &answer.body[..4]), (200, &b"%PDF"[..]));

    // Its time over, it opens no more; turned down, it never does.
    let (_, asked) = request(&case.eve, &case.locked, "incident").await;
    decide(&case.carl, &asked, "approve").await;
    let own = format!("/api/v1/unmaskings/{}", asked["id"].as_str().unwrap());
    until("its time to be over", async || ask(&case.eve, "GET", &own, None).await.1["state"] == "lapsed").await;
    is_closed(&case.eve, &asked, 410, "lapsed").await;
    let (_, asked) = request(&case.eve, &case.locked, "incident").await;
    decide(&case.carl, &asked, "reject").await;
    is_closed(&case.eve, &asked, 404, "not_found").await;

    let password = case.world.path().join("eve.password");
    std::fs::write(&password, chosen_password("eve")).unwrap();
    let (server, code) = (format!("http://{}", case.server.http), case.phones.pop().unwrap().code().await);
    let who = ["--login", "eve", "--password-file", password.to_str().unwrap(), "--code", &code, "--server", &server];
    let (done, told) = case.world.lww("a", &[&["unmask", "quarantine"][..], &who].concat());
    assert!(done && told.contains(&case.locked.message) && told.contains("pdf  encrypted"), "{told}");
    case.end();
}

#[tokio::test(flavor = "multi_thread")]
async fn of_whoever_is_erased_no_file_opens_and_the_list_says_so() {
    let case = Case::begin().await.factored().await;
    let (_, granted) = request(&case.ann, &case.picture, "identity").await;
    let erase = json!({"subject": granted["subject"], "reason": "consent_withdrawn"});
    let (status, proposed) = ask(&case.carl, "POST", "/api/v1/erasures", Some(erase)).await;
    assert_eq!(status, 201, "{proposed}");
    let target = format!("/api/v1/erasures/{}/approve", proposed["id"].as_str().unwrap());
    assert_eq!(ask(&case.eve, "POST", &target, Some(json!({}))).await.0, 200);
    is_closed(&case.ann, &granted, 410, "erased").await;
    is_refused(&request(&case.eve, &case.locked, "incident").await, 410, "erased");
    let (_, listed) = ask(&case.eve, "GET", "/api/v1/quarantine", None).await;
    assert_eq!(listed["files"][0]["erased"], json!(true), "{listed}");
    case.end();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_can_not_be_recorded_gives_no_byte_and_rows_or_pieces_that_somebody_changed_open_nothing() {
    let case = Case::begin_in(World::shared().await).await.factored().await;
    let (_, granted) = request(&case.ann, &case.picture, "identity").await;
    case.kinds(2).await;
    let config = case.world.superuser();
    until("the superuser to get in", async || config.connect(NoTls).await.is_ok()).await;
    let (superuser, connection) = config.connect(NoTls).await.unwrap();
    tokio::spawn(connection);
    let run = async |sql: &str| superuser.batch_execute(sql).await.unwrap();

    run("REVOKE UPDATE ON unmasking FROM lww_app; REVOKE UPDATE (used_seq) ON unmasking FROM lww_app").await;
    is_closed(&case.ann, &granted, 503, "unavailable").await;
    run("GRANT UPDATE ON unmasking TO lww_app").await;

    run("CREATE TABLE kept AS SELECT * FROM unmasking; CREATE TABLE kept_file AS SELECT * FROM attachment; \
         CREATE TABLE kept_piece AS SELECT * FROM attachment_piece")
    .await;
    let other = format!("'{}'", case.locked.message);
    for change in [
        "UPDATE unmasking SET until = until + 60000000".to_owned(),
        format!("UPDATE unmasking SET message = {other}"),
        "UPDATE unmasking SET span = 0".to_owned(),
        "UPDATE attachment SET fate = 0 WHERE fate = 1".to_owned(),
        "UPDATE attachment SET format = 5 WHERE fate = 1".to_owned(),
        "UPDATE attachment SET kept = false WHERE fate = 1".to_owned(),
        "UPDATE attachment_piece SET sealed = substr(sealed, 2)".to_owned(),
        format!("UPDATE attachment_piece SET sealed = (SELECT sealed FROM attachment_piece WHERE message = {other})"),
    ] {
        run(&change).await;
        let answer = open(&case.ann, &granted).await;
        assert!(answer.status >= 404 && !answer.body.starts_with(b"\x89PNG"), "{change}: {}", answer.status);
        run("DELETE FROM unmasking; INSERT INTO unmasking SELECT * FROM kept; DELETE FROM attachment; \
             INSERT INTO attachment SELECT * FROM kept_file; DELETE FROM attachment_piece; \
             INSERT INTO attachment_piece SELECT * FROM kept_piece")
        .await;
    }

    // One request whose entry is nowhere leaves the list whole.
    request(&case.ann, &case.picture, "fraud").await;
    run("UPDATE unmasking SET requested_seq = 900000 WHERE id = (SELECT id FROM kept)").await;
    let (status, listed) = ask(&case.carl, "GET", "/api/v1/unmaskings", None).await;
    let told = |readable: bool| {
        let rows = listed["unmaskings"].as_array().unwrap().iter();
        rows.filter(|row| row["readable"] == json!(readable)).cloned().collect::<Vec<_>>()
    };
    assert_eq!((status, told(true).len(), told(false).len()), (200, 1, 1), "{listed}");
    let lost = &told(false)[0];
    assert_eq!(
        (&lost["requested"]["index"], &lost["reason"], &lost["about"]),
        (&json!(900_000), &json!(null), &json!("file"))
    );
    run("DELETE FROM unmasking WHERE id NOT IN (SELECT id FROM kept); DELETE FROM unmasking; INSERT INTO unmasking SELECT * FROM kept").await;
    assert_eq!(open(&case.ann, &granted).await.body, made::png());
    drop(superuser);
    case.server.stop();
    case.world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_not_kept_is_listed_and_opens_for_nobody() {
    let case = Case::begin().await.factored().await;
    // A name that tells what is stored nowhere.
    let named = sent(&case.server, "CVV 737.bin", &made::program(), "file-3").await;
    assert!(!named.file.as_ref().unwrap().kept);
    is_refused(&request(&case.eve, &named, "incident").await, 404, "not_found");
    let (_, listed) = ask(&case.eve, "GET", "/api/v1/quarantine", None).await;
    let first = &listed["files"][0];
    assert_eq!((&first["message"], &first["file"]["kept"]), (&json!(named.message), &json!(false)), "{listed}");
    case.end();
}

/// A message or note of the conversation as the desk has it, by what is in it.
async fn seen(case: &Case, list: &str, part: &str) -> Value {
    let target = format!("/api/v1/agent/conversations/{}", case.picture.conversation);
    let (_, shown) = ask(&case.ann, "GET", &target, None).await;
    let all = shown[list].as_array().unwrap();
    all.iter().find(|one| one["text"].as_str().unwrap().contains(part)).unwrap_or_else(|| panic!("{shown}")).clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn values_in_files_in_notes_and_of_own_patterns_open_and_compare_like_those_in_messages() {
    let case = Case::begin().await.factored().await;
    let conversation = &case.picture.conversation;
    let document = made::docx(&["客户手机138 1234 5678", "合同LN2024001234，网点BR20240012"]);
    sent(&case.server, "合同.docx", &document, "file-3").await;
    sent(&case.server, "表.csv", "姓名,手机号\n王小明,139-1234-5678\n".as_bytes(), "file-4").await;
    let notes = format!("/api/v1/agent/conversations/{conversation}/notes");
    let body = json!({"text": "回访电话１３７12345678，编号LN2024009999"}).to_string();
    let (status, noted) = call(&case.ann, "POST", &notes, &[("idempotency-key", "note-1")], Some(&body)).await;
    assert_eq!(status, 201, "{noted}");

    let (document, table) = (seen(&case, "messages", "客户手机").await, seen(&case, "messages", "姓名").await);
    let note = seen(&case, "notes", "回访").await;
    for (of, entity, written, said) in [
        (&document, "cn.mobile", "138 1234 5678", "13812345678"),
        (&document, "custom.loan_no", "LN2024001234", "ln 2024 001234"),
        (&table, "cn.mobile", "139-1234-5678", "一三九12345678"),
        (&note, "cn.mobile", "１３７12345678", "137-1234-5678"),
        (&note, "custom.loan_no", "LN2024009999", "LN2024009999"),
    ] {
        let spans = of["spans"].as_array().unwrap();
        let at = spans.iter().position(|span| span["rule"] == entity).unwrap_or_else(|| panic!("{entity}: {of}"));
        let id = of.get("message").or_else(|| of.get("note")).unwrap();
        let value = json!({"message": id, "span": at, "of": of["index"]});
        let target = format!("/api/v1/agent/conversations/{conversation}/unmaskings");
        let (status, granted) = ask(&case.ann, "POST", &target, Some(json!({"value": value, "reason": "fraud"}))).await;
        assert_eq!(
            (status, &granted["state"], &granted["entity"]),
            (201, &json!("granted"), &json!(entity)),
            "{granted}"
        );
        let (status, opened) = decide(&case.ann, &granted, "open").await;
        assert_eq!((status, &opened["value"]), (200, &json!(written)), "{opened}");
        let target = format!("/api/v1/agent/conversations/{conversation}/matches");
        for (said, same) in [(said, true), ("13800000000", false)] {
            let (_, answer) = ask(&case.ann, "POST", &target, Some(json!({"value": value, "said": said}))).await;
            assert_eq!(answer, json!({"same": same}), "{entity} {said}");
        }
    }
    // Of two patterns of the policy's own each has its own rule: what one lets open, the other doesn't.
    let spans = document["spans"].as_array().unwrap();
    let at = spans.iter().position(|span| span["rule"] == "custom.branch").unwrap();
    let value = json!({"message": document["message"], "span": at, "of": document["index"]});
    let target = format!("/api/v1/agent/conversations/{conversation}/unmaskings");
    is_refused(
        &ask(&case.ann, "POST", &target, Some(json!({"value": value, "reason": "fraud"}))).await,
        403,
        "not_reversible",
    );
    case.end();
}
