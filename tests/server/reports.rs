//! What the desk reports of masks: a place and never words; made a test of made-up values, answered by a change of the policy, and
//! closed with it, or declined with a reason that its reporter sees. Needs PostgreSQL on the machine.

#![expect(clippy::unwrap_used, reason = "a broken test world fails the test")]

use crate::common;

use std::process::Command;

use common::people::{Phone, ask, code, create, create_agent};
use common::{Server, World, chosen_password, files, key, now, until};
use liaowaiwai::cli::client::{Client, Listing};
use liaowaiwai::domain::masking::Policy;
use serde_json::{Value, json};

const OWN: &str = "/api/v1/agent/reports";
const REPORTS: &str = "/api/v1/policies/masking/reports";
const AMENDMENTS: &str = "/api/v1/policies/masking/amendments";
const ENROLMENT: &str = "/api/v1/session/second-factor/enrolment";
/// A number that no rule of the policy masks, as it stands in a sentence with a masked mobile before it.
const MISSED: &str = "会员QX-77182934";
const SAID: &str = "手机13812345678，会员QX-77182934，请查";

/// A server, an agent with one conversation, and an officer.
struct Case {
    world: World,
    server: Server,
    agent: Client,
    officer: Client,
    conversation: String,
    index: u64,
    _phone: Phone,
}

impl Case {
    async fn begin() -> Self {
        let world = World::private();
        let server = world.start("a");
        let agent = server.staff("agent").await;
        agent.set_online(true).await.unwrap();
        let said = server.client().send_message(&key("demo"), ("zhang", SAID), "k-1", now()).await.unwrap();
        let conversation = said.conversation;
        until("the assignment", async || {
            let mine = Listing { mine: true, ..Listing::default() };
            agent.conversations(mine).await.unwrap().conversations.iter().any(|one| one.id == conversation)
        })
        .await;
        let officer = server.staff_with("demo", "anna", &create(&world, "demo", "anna", "compliance")).await;
        let phone = enrolled(&officer).await;
        Self { world, server, agent, officer, conversation, index: said.index, _phone: phone }
    }

    /// Reports the characters of a text in the message as the agent sees it.
    fn place(&self, misread: &str, (start, end): (usize, usize)) -> Value {
        json!({"conversation": self.conversation, "index": self.index, "misread": misread, "start": start, "end": end})
    }

    async fn report(&self, misread: &str, place: (usize, usize)) -> Value {
        let (status, made) = ask(&self.agent, "POST", OWN, Some(self.place(misread, place))).await;
        assert_eq!((status, &made["state"]), (201, &json!("open")), "{made}");
        made
    }

    async fn state(&self, report: &Value) -> (String, Value) {
        let own = ask(&self.agent, "GET", OWN, None).await.1;
        let found = own["reports"].as_array().unwrap().iter().find(|one| one["id"] == report["id"]).unwrap().clone();
        (found["state"].as_str().unwrap().to_owned(), found)
    }

    fn of(report: &Value) -> String {
        format!("{REPORTS}/{}", report["id"].as_str().unwrap())
    }

    /// Runs `lww policy reports` as a member of staff.
    fn command(&self, login: &str, arguments: &[&str]) -> (bool, String) {
        let (server, ca) = (format!("https://localhost:{}", self.server.https.port()), self.server.ca());
        let password = self.world.path().join(format!("{login}.password"));
        std::fs::write(&password, chosen_password(login)).unwrap();
        let who = ["--login", login, "--server", &server, "--ca", ca.to_str().unwrap(), "--password-file"];
        let output = Command::new(env!("CARGO_BIN_EXE_lww"))
            .args(["policy", "reports"])
            .args(arguments)
            .args(who)
            .arg(&password)
            .arg("--config")
            .arg(self.world.config("a"))
            .output()
            .unwrap();
        std::fs::remove_file(&password).unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
        (output.status.success(), text)
    }

    fn policy(&self) -> String {
        std::fs::read_to_string(self.world.policy()).unwrap()
    }

    fn end(self) -> World {
        self.world.assert_state("a");
        self.server.stop();
        let (valid, said) = self.world.verify("a", "demo");
        assert!(valid, "{said}");
        self.world
    }
}

async fn enrolled(client: &Client) -> Phone {
    let (_, drawn) = ask(client, "POST", ENROLMENT, Some(json!({}))).await;
    let mut phone = Phone::new(drawn["secret"].as_str().unwrap());
    let (status, confirmed) = ask(client, "PUT", ENROLMENT, Some(json!({"code": phone.code().await}))).await;
    assert_eq!(status, 200, "{confirmed}");
    phone
}

/// Where a text stands in another, in characters.
fn place_in(text: &str, part: &str) -> (usize, usize) {
    let start = text[..text.find(part).unwrap()].chars().count();
    (start, start + part.chars().count())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missed_value_is_reported_by_its_place_and_nothing_of_it_is_kept_or_written() {
    let case = Case::begin().await;
    let shown = "手机138****5678，会员QX-77182934，请查";
    let made = case.report("missed", place_in(shown, "QX-77182934")).await;
    assert_eq!(case.report("missed", place_in(shown, "QX-77182934")).await["id"], made["id"], "reported once");

    let (status, full) = ask(&case.officer, "GET", &Case::of(&made), None).await;
    assert_eq!(status, 200, "{full}");
    let text = full["text"].as_str().unwrap();
    assert!(
        text.contains(MISSED) && text.contains("[mobile:") && !text.contains("138****"),
        "the officer's view: {text}"
    );
    let place = |name: &str| usize::try_from(full["place"][name].as_u64().unwrap()).unwrap();
    assert_eq!((place("start"), place("end")), place_in(text, "QX-77182934"));

    let (status, case_of) = ask(&case.officer, "POST", &format!("{}/draft", Case::of(&made)), Some(json!({}))).await;
    assert_eq!((status, &case_of["report"]["state"]), (200, &json!("drafted")), "{case_of}");
    let input = case_of["in"].as_str().unwrap();
    assert!(!input.contains("77182934") && !input.contains("QX") && !input.contains("会员"), "made up: {input}");
    let listed = ask(&case.officer, "GET", REPORTS, None).await.1.to_string();
    assert!(!listed.contains("77182934") && !listed.contains("会员"), "{listed}");

    let world = case.end();
    let entries = world.entries("a", "demo");
    let kinds: Vec<&str> =
        entries.iter().map(|entry| entry.kind.as_str()).filter(|kind| kind.starts_with("report.")).collect();
    assert_eq!(kinds, ["report.made/1", "report.drafted/1"]);
    let viewed = entries
        .iter()
        .filter(|entry| entry.kind.as_str() == "transcript.viewed/1" && entry.actor.role.as_str() == "compliance");
    assert_eq!(viewed.count(), 1, "that the officer saw the sentence is recorded");
    let has = |bytes: &[u8], text: &str| bytes.windows(text.len()).any(|window| window == text.as_bytes());
    let read =
        files(world.path()).into_iter().filter(|path| std::fs::read(path).is_ok_and(|bytes| has(&bytes, "77182934")));
    assert_eq!(read.collect::<Vec<_>>(), Vec::<std::path::PathBuf>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_place_that_is_none_and_whoever_may_not_report_or_read_are_refused() {
    let case = Case::begin().await;
    let mobile = place_in("手机138****5678", "138****5678");
    let wrong = case.report("wrong", mobile).await;
    assert_eq!(wrong["entity"], json!("cn.mobile"));
    for (misread, place) in [
        ("wrong", (mobile.0, mobile.1 - 1)),
        ("wrong", (0, 2)),
        ("missed", (1, 4)),
        ("missed", (3, 3)),
        ("missed", (20, 5_000)),
        ("other", (0, 1)),
    ] {
        let refused = ask(&case.agent, "POST", OWN, Some(case.place(misread, place))).await;
        assert_eq!((refused.0, code(&refused)), (422, "invalid_field"), "{misread} {place:?}");
    }
    let mut elsewhere = case.place("missed", (0, 2));
    elsewhere["index"] = json!(case.index + 1);
    assert_eq!(ask(&case.agent, "POST", OWN, Some(elsewhere)).await.0, 404);

    let other = case.server.staff_with("demo", "mei", &create_agent(&case.world, "mei", "5")).await;
    assert_eq!(ask(&other, "POST", OWN, Some(case.place("missed", (0, 2)))).await.0, 403, "not her conversation");
    assert_eq!(ask(&other, "GET", OWN, None).await.1, json!({"reports": []}), "and not her report");
    for (method, target) in [("GET", Case::of(&wrong)), ("POST", format!("{}/draft", Case::of(&wrong)))] {
        let body = (method == "POST").then(|| json!({}));
        assert_eq!(ask(&case.agent, method, &target, body).await.0, 403, "{target}");
    }
    case.end();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_report_is_declined_with_a_reason_that_its_reporter_sees() {
    let case = Case::begin().await;
    let made = case.report("wrong", place_in("手机138****5678", "138****5678")).await;
    let decline = format!("{}/decline", Case::of(&made));
    let refused = ask(&case.officer, "POST", &decline, Some(json!({"reason": "no"}))).await;
    assert_eq!((refused.0, code(&refused)), (422, "invalid_field"));
    assert_eq!(ask(&case.officer, "POST", &decline, Some(json!({"reason": "intended"}))).await.0, 204);
    let (state, found) = case.state(&made).await;
    assert_eq!((state.as_str(), &found["reason"]), ("declined", &json!("intended")));
    assert_eq!(ask(&case.officer, "POST", &decline, Some(json!({"reason": "covered"}))).await.0, 404, "once");
    assert_eq!(ask(&case.officer, "POST", &format!("{}/draft", Case::of(&made)), Some(json!({}))).await.0, 404);

    // The command line does the same.
    let missed = case.report("missed", place_in("手机138****5678，会员QX-77182934，请查", "QX-77182934")).await;
    case.server.staff_with("demo", "bea", &create(&case.world, "demo", "bea", "compliance")).await;
    let id = missed["id"].as_str().unwrap();
    let (done, said) = case.command("bea", &["list"]);
    assert!(done && said.lines().count() == 2 && said.contains("declined wrong  cn.mobile"), "{said}");
    let (done, said) = case.command("bea", &["show", id]);
    assert!(done && said.contains("会员>>QX-77182934<<，请查"), "{said}");
    let (done, said) = case.command("bea", &["decline", id, "--reason", "duplicate", "--json"]);
    assert!(done && said.contains("\"state\": \"declined\""), "{said}");
    let (done, said) = case.command("bea", &["list", "--json"]);
    let listed: Value = serde_json::from_str(&said).unwrap();
    assert!(done && listed["reports"][0]["reason"] == "duplicate", "{said}");
    assert!(!case.command("bea", &["decline", id, "--reason", "covered"]).0, "it is decided");
    case.end();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_report_is_closed_with_the_change_that_answers_it_and_open_again_without() {
    let case = Case::begin().await;
    let made = case.report("wrong", place_in("手机138****5678", "138****5678")).await;
    let test = ask(&case.officer, "POST", &format!("{}/draft", Case::of(&made)), Some(json!({}))).await.1;
    let line = test["yaml"].as_str().unwrap();
    assert!(line.ends_with("unchanged: true}"), "{line}");
    let failing = format!("{}\n  {line}\n", case.policy().trim_end());
    assert!(
        Policy::draft(&failing).unwrap().1.len() == 9,
        "the test fails in every view while nothing changes: {line}"
    );

    // A change that shows more waits for others; taken back, its report is open again.
    let policy = case.policy();
    let (head, mobile) = policy.split_at(policy.find("- entity: cn.mobile").unwrap());
    let mobile = mobile.replacen("customer: {keep: {first: 3, last: 4}}", "customer: {keep: {first: 4, last: 4}}", 1);
    let more = format!("{head}{mobile}").replace("version: 2", "version: 3");
    let body = json!({"source": more, "reports": [made["id"]]});
    let (status, proposed) = ask(&case.officer, "POST", AMENDMENTS, Some(body.clone())).await;
    assert_eq!((status, &proposed["state"]), (201, &json!("proposed")), "{proposed}");
    let (state, found) = case.state(&made).await;
    assert_eq!((state.as_str(), &found["amendment"]), ("proposed", &proposed["id"]));
    assert_eq!(ask(&case.officer, "POST", AMENDMENTS, Some(body)).await.0, 404, "it is answered already");
    let withdraw = format!("{AMENDMENTS}/{}/withdraw", proposed["id"].as_str().unwrap());
    assert_eq!(ask(&case.officer, "POST", &withdraw, Some(json!({}))).await.0, 204);
    until("the report to be open again", async || case.state(&made).await.0 == "open").await;

    // One that only masks more comes into force at once, and closes it.
    let less =
        case.policy().replacen("leaving: {hold: true, release_roles: [agent, supervisor]}", "leaving: {hold: true}", 1);
    let body = json!({"source": less.replace("version: 2", "version: 4"), "at_once": true, "reports": [made["id"]]});
    let (status, proposed) = ask(&case.officer, "POST", AMENDMENTS, Some(body)).await;
    assert_eq!((status, &proposed["state"]), (201, &json!("activated")), "{proposed}");
    until("the report to be closed", async || case.state(&made).await.0 == "closed").await;
    let world = case.end();
    let kinds: Vec<String> = world.entries("a", "demo").iter().map(|entry| entry.kind.as_str().to_owned()).collect();
    let told: Vec<&String> = kinds.iter().filter(|kind| kind.starts_with("report.")).collect();
    let expected = [
        "report.made/1",
        "report.drafted/1",
        "report.proposed/1",
        "report.reopened/1",
        "report.proposed/1",
        "report.closed/1",
    ];
    assert_eq!(told, expected);
}
