//! Values behind masks: opened once by whom the rule names, with a reason, a second factor, a second person where the rule
//! says so, and an entry before each step; and compared without being shown. Needs PostgreSQL on the machine.

#![expect(clippy::unwrap_used, reason = "a broken test world fails the test")]

use crate::common;

use common::people::{Phone, ask, code, create, create_agent};
use common::socket::Socket;
use common::{Server, World, chosen_password, key, now, until};
use liaowaiwai::cli::client::{Call, Client, Listing};
use lww_audit::Entry;
use lww_audit::entry::Detail;
use serde_json::{Value, json};
use tokio_postgres::NoTls;

const ENROLMENT: &str = "/api/v1/session/second-factor/enrolment";
const SAID: &str = "手机１３８-1234 5678，卡号6222 0212 3456 7890 128，CVV 737，邮箱wang@example.com，身份证11010519491231002X，车牌粤B12345";
/// Places of the masked values in it, and the mobile as it was written.
const MOBILE: u16 = 0;
const CARD: u16 = 1;
const CVV: u16 = 2;
const EMAIL: u16 = 3;
const ID_CARD: u16 = 4;
const PLATE: u16 = 5;
const WRITTEN: &str = "１３８-1234 5678";
/// What somebody says that it is, in a guise of its own, and another number that is nobody's.
const GUISE: &str = "一三八 1234 56 78";
const OTHER: &str = "139-8765 4321";

/// A server whose policy lets some values be opened, a conversation that holds them, and who works there.
struct Case {
    world: World,
    server: Server,
    /// Holds the conversation.
    ann: Client,
    bob: Client,
    /// Lead agents.
    carl: Client,
    dora: Client,
    /// Compliance.
    eve: Client,
    conversation: String,
    message: Value,
    phones: Vec<Phone>,
}

/// The policy of the tests: `agent` opens mobiles, of mail addresses for some seconds; of cards a supervisor with another's
/// word, of identity cards an agent with compliance's; nobody a plate.
fn policy(of: &World) {
    let mut source = std::fs::read_to_string(of.policy()).unwrap();
    for (entity, roles, rest) in [
        ("cn.mobile", "[agent]", "ttl: 15m"),
        ("cn.bank_card", "[supervisor]", "ttl: 15m, second_person: [supervisor]"),
        ("email", "[agent]", "ttl: 5s"),
        ("cn.id_card", "[agent]", "ttl: 15m, second_person: [compliance]"),
    ] {
        let (head, tail) = source.split_at(source.find(&format!("- entity: {entity}\n")).unwrap());
        let vault = format!("reversible: {{vault: true, unmask_roles: {roles}, reason: required, {rest}}}");
        source = format!("{head}{}", tail.replacen("reversible: false", &vault, 1));
    }
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
        Self::resume(world).await
    }

    /// With the policy as it is.
    async fn resume(world: World) -> Self {
        let server = world.start("a");
        let ann = server.trial_staff_with("ann", &create_agent(&world, "ann", "4")).await;
        let bob = server.trial_staff_with("bob", &create_agent(&world, "bob", "4")).await;
        let lead = async |login, role| server.trial_staff_with(login, &create(&world, "demo", login, role)).await;
        let (carl, dora) = (lead("carl", "supervisor").await, lead("dora", "supervisor").await);
        let eve = lead("eve", "compliance").await;
        ann.set_online(true).await.unwrap();
        let said = server.client().send_message(&key("demo"), ("wang", SAID), "first", now()).await.unwrap();
        until("the conversation to be given", async || {
            let mine = ann.conversations(Listing { mine: true, ..Listing::default() }).await.unwrap();
            !mine.conversations.is_empty()
        })
        .await;
        let conversation = said.conversation;
        let (status, shown) = ask(&ann, "GET", &format!("/api/v1/agent/conversations/{conversation}"), None).await;
        assert_eq!(status, 200, "{shown}");
        let message = shown["messages"][0].clone();
        let entities: Vec<_> =
            message["spans"].as_array().unwrap().iter().map(|span| span["entity"].as_str().unwrap()).collect();
        assert_eq!(entities, ["cn.mobile", "cn.bank_card", "card.cvv", "email", "cn.id_card", "cn.plate"], "{message}");
        Self { world, server, ann, bob, carl, dora, eve, conversation, message, phones: Vec::new() }
    }

    /// With a second factor for everybody.
    async fn factored(mut self) -> Self {
        for client in [&self.ann, &self.carl, &self.dora, &self.eve] {
            self.phones.push(enrolled(client).await);
        }
        self
    }

    fn place(&self, span: u16) -> Value {
        json!({"message": self.message["message"], "span": span, "of": self.message["index"]})
    }

    async fn request(&self, client: &Client, span: u16) -> (u16, Value) {
        self.request_at(client, self.place(span), "fraud").await
    }

    async fn request_at(&self, client: &Client, value: Value, reason: &str) -> (u16, Value) {
        let target = format!("/api/v1/agent/conversations/{}/unmaskings", self.conversation);
        ask(client, "POST", &target, Some(json!({"value": value, "reason": reason}))).await
    }

    /// One that was granted at once.
    async fn granted(&self, client: &Client, span: u16) -> Value {
        let (status, granted) = self.request(client, span).await;
        assert_eq!((status, granted["state"].as_str()), (201, Some("granted")), "{granted}");
        granted
    }

    async fn compare(&self, client: &Client, span: u16, said: &str) -> (u16, Value) {
        let target = format!("/api/v1/agent/conversations/{}/matches", self.conversation);
        ask(client, "POST", &target, Some(json!({"value": self.place(span), "said": said}))).await
    }

    /// Entries about values behind masks, once so many are published.
    async fn told(&self, count: usize) -> Vec<Entry> {
        let entries = || self.world.entries("a", "demo").into_iter();
        let about = || entries().filter(|entry| entry.kind.as_str().starts_with("unmask.")).collect::<Vec<_>>();
        until("the entries to be published", async || about().len() >= count).await;
        about()
    }

    async fn kinds(&self, count: usize) -> Vec<String> {
        self.told(count).await.iter().map(|entry| entry.kind.as_str().to_owned()).collect()
    }

    fn end(self) {
        self.world.assert_state("a");
        self.server.stop();
        let (valid, said) = self.world.verify("a", "demo");
        assert!(valid, "{said}");
    }
}

fn id(request: &Value) -> &str {
    request["id"].as_str().unwrap()
}

async fn decide(client: &Client, request: &Value, how: &str) -> (u16, Value) {
    ask(client, "POST", &format!("/api/v1/unmaskings/{}/{how}", id(request)), Some(json!({}))).await
}

fn detail<'e>(entry: &'e Entry, name: &str) -> &'e Detail {
    let Detail::Object(fields) = &entry.detail else { return &Detail::Null };
    fields.get(name).unwrap_or(&Detail::Null)
}

fn is_refused(answer: &(u16, Value), status: u16, expected: &str) {
    assert_eq!((answer.0, code(answer)), (status, expected), "{}", answer.1);
    assert!(answer.1.get("value").is_none() && answer.1.get("same").is_none(), "{}", answer.1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_value_is_opened_once_by_whom_the_rule_names_and_each_step_is_an_entry_before_it() {
    let case = Case::begin().await;
    let mut desk = Socket::desk(case.server.http, &case.carl).await.unwrap();
    desk.wait_for("live").await;

    // Whose rule, whose conversation, which value, and why: one after the other.
    is_refused(&case.request(&case.ann, CARD).await, 403, "forbidden");
    is_refused(&case.request(&case.carl, MOBILE).await, 403, "forbidden");
    is_refused(&case.request(&case.bob, MOBILE).await, 403, "forbidden");
    is_refused(&case.request(&case.eve, MOBILE).await, 403, "forbidden");
    is_refused(&case.request(&case.ann, PLATE).await, 403, "not_reversible");
    is_refused(&case.request(&case.ann, CVV).await, 403, "not_reversible");
    is_refused(&case.request(&case.ann, 6).await, 404, "not_found");
    is_refused(&case.request_at(&case.ann, case.place(MOBILE), "curiosity").await, 422, "invalid_field");
    is_refused(&case.request_at(&case.ann, case.place(MOBILE), "").await, 422, "invalid_field");
    let mut elsewhere = case.place(MOBILE);
    elsewhere["of"] = json!(0);
    is_refused(&case.request_at(&case.ann, elsewhere, "fraud").await, 409, "conflict");
    let mut elsewhere = case.place(MOBILE);
    elsewhere["message"] = json!("00".repeat(16));
    is_refused(&case.request_at(&case.ann, elsewhere, "fraud").await, 404, "not_found");

    let granted = case.granted(&case.ann, MOBILE).await;
    assert_eq!((&granted["entity"], &granted["reason"]), (&json!("cn.mobile"), &json!("fraud")));
    is_refused(&decide(&case.ann, &granted, "open").await, 403, "must_enrol_second_factor");
    let _phone = enrolled(&case.ann).await;
    is_refused(&decide(&case.bob, &granted, "open").await, 403, "must_enrol_second_factor");
    let _other = enrolled(&case.bob).await;
    is_refused(&decide(&case.bob, &granted, "open").await, 403, "forbidden");

    let call = Call {
        method: "POST",
        target: format!("/api/v1/unmaskings/{}/open", id(&granted)),
        headers: Vec::new(),
        body: Some("{}".as_bytes().to_vec().into()),
    };
    let answer = case.ann.send(call).await.unwrap();
    let opened: Value = serde_json::from_slice(&answer.body).unwrap();
    assert_eq!((answer.status, &opened["value"]), (200, &json!(WRITTEN)), "{opened}");
    assert_eq!(opened["until"], granted["until"]);
    is_refused(&decide(&case.ann, &granted, "open").await, 404, "not_found");

    // The supervisor has heard of each step, and finds it listed, also under the customer; the agent finds their own.
    let heard = [desk.wait_for("unmasking").await, desk.wait_for("unmasking").await, desk.wait_for("unmasking").await];
    let states: Vec<_> = heard.iter().map(|line| line["state"].as_str().unwrap()).collect();
    assert_eq!(states, ["requested", "granted", "used"]);
    assert!(heard.iter().all(|line| line["unmasking"] == granted["id"]), "{heard:?}");
    let of_hers = format!("/api/v1/unmaskings?subject={}", granted["subject"].as_str().unwrap());
    for (client, target, count) in [
        (&case.carl, "/api/v1/unmaskings", 1),
        (&case.eve, of_hers.as_str(), 1),
        (&case.ann, "/api/v1/unmaskings", 1),
        (&case.bob, "/api/v1/unmaskings", 0),
    ] {
        let (status, listed) = ask(client, "GET", target, None).await;
        assert_eq!((status, listed["unmaskings"].as_array().unwrap().len()), (200, count), "{listed}");
        assert!(count == 0 || listed["unmaskings"][0]["state"] == "used", "{listed}");
        assert!(!listed.to_string().contains(WRITTEN));
    }
    let own = format!("/api/v1/unmaskings/{}", id(&granted));
    is_refused(&ask(&case.bob, "GET", &own, None).await, 403, "forbidden");

    let entries = case.told(3).await;
    let kinds: Vec<_> = entries.iter().map(|entry| entry.kind.as_str()).collect();
    assert_eq!(kinds, ["unmask.requested/1", "unmask.granted/1", "unmask.used/1"], "what is refused leaves none");
    assert_eq!(entries[2].seq.0, opened["used"]["index"].as_u64().unwrap());
    assert_eq!(detail(&entries[2], "reason"), &Detail::String("fraud".to_owned()));
    assert!(entries.iter().all(|entry| entry.subject.unwrap().to_string() == granted["subject"]));
    case.end();
}

#[tokio::test(flavor = "multi_thread")]
async fn where_the_rule_asks_for_a_second_person_nobody_opens_anything_alone() {
    let case = Case::begin().await.factored().await;
    // A supervisor's request takes another supervisor.
    let (status, asked) = case.request(&case.carl, CARD).await;
    assert_eq!((status, &asked["state"], &asked["until"]), (201, &json!("requested"), &Value::Null), "{asked}");
    is_refused(&decide(&case.carl, &asked, "open").await, 404, "not_found");
    is_refused(&decide(&case.carl, &asked, "approve").await, 403, "same_person");
    is_refused(&decide(&case.eve, &asked, "approve").await, 403, "forbidden");
    is_refused(&decide(&case.ann, &asked, "approve").await, 403, "forbidden");
    let (status, granted) = decide(&case.dora, &asked, "approve").await;
    assert_eq!((status, &granted["state"]), (200, &json!("granted")), "{granted}");
    is_refused(&decide(&case.dora, &asked, "approve").await, 404, "not_found");
    is_refused(&decide(&case.dora, &asked, "open").await, 403, "forbidden");
    let (status, opened) = decide(&case.carl, &asked, "open").await;
    assert_eq!((status, &opened["value"]), (200, &json!("6222 0212 3456 7890 128")), "{opened}");

    // An agent's takes compliance, by whom it may be turned down; by anybody without a second factor nothing.
    let (_, asked) = case.request(&case.ann, ID_CARD).await;
    let (status, denied) = decide(&case.eve, &asked, "reject").await;
    assert_eq!((status, &denied["state"]), (200, &json!("denied")), "{denied}");
    is_refused(&decide(&case.ann, &asked, "open").await, 404, "not_found");
    is_refused(&decide(&case.eve, &asked, "approve").await, 404, "not_found");
    let fresh = case.server.trial_staff_with("fay", &create(&case.world, "demo", "fay", "compliance")).await;
    let (_, asked) = case.request(&case.ann, ID_CARD).await;
    is_refused(&decide(&fresh, &asked, "approve").await, 403, "must_enrol_second_factor");

    let kinds = case.kinds(6).await;
    assert_eq!(
        kinds,
        [
            "unmask.requested/1",
            "unmask.granted/1",
            "unmask.used/1",
            "unmask.requested/1",
            "unmask.denied/1",
            "unmask.requested/1"
        ]
    );
    case.end();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_grant_ends_with_its_time_and_the_number_of_requests_is_bounded() {
    let case = Case::begin().await.factored().await;
    let granted = case.granted(&case.ann, EMAIL).await;
    let own = format!("/api/v1/unmaskings/{}", id(&granted));
    until("its time to be over", async || ask(&case.ann, "GET", &own, None).await.1["state"] == "lapsed").await;
    is_refused(&decide(&case.ann, &granted, "open").await, 410, "lapsed");
    for _ in 1..liaowaiwai::limits::UNMASK_REQUESTS_MAX {
        case.granted(&case.ann, MOBILE).await;
    }
    let refused = case.request(&case.ann, MOBILE).await;
    is_refused(&refused, 429, "too_often");
    case.end();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_erased_is_opened_by_nobody_whatever_was_granted() {
    let case = Case::begin().await.factored().await;
    let granted = case.granted(&case.ann, MOBILE).await;
    let erase = json!({"subject": granted["subject"], "reason": "consent_withdrawn"});
    let (status, proposed) = ask(&case.carl, "POST", "/api/v1/erasures", Some(erase)).await;
    assert_eq!(status, 201, "{proposed}");
    let target = format!("/api/v1/erasures/{}/approve", proposed["id"].as_str().unwrap());
    let (status, erased) = ask(&case.eve, "POST", &target, Some(json!({}))).await;
    assert_eq!(status, 200, "{erased}");
    is_refused(&decide(&case.ann, &granted, "open").await, 410, "erased");
    is_refused(&case.request(&case.ann, MOBILE).await, 410, "erased");
    is_refused(&case.compare(&case.ann, MOBILE, GUISE).await, 410, "erased");
    let (status, listed) = ask(&case.carl, "GET", "/api/v1/unmaskings", None).await;
    assert_eq!((status, listed["unmaskings"].as_array().unwrap().len()), (200, 1), "that it was asked for stays");
    case.end();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_can_not_be_recorded_is_not_shown_and_rows_that_somebody_changed_open_nothing() {
    let case = Case::begin_in(World::shared().await).await.factored().await;
    let granted = case.granted(&case.ann, MOBILE).await;
    let (_, asked) = case.request(&case.ann, ID_CARD).await;
    case.told(3).await;
    let config = case.world.superuser();
    until("the superuser to get in", async || config.connect(NoTls).await.is_ok()).await;
    let (superuser, connection) = config.connect(NoTls).await.unwrap();
    tokio::spawn(connection);

    superuser
        .batch_execute("REVOKE UPDATE ON unmasking FROM lww_app; REVOKE UPDATE (used_seq) ON unmasking FROM lww_app")
        .await
        .unwrap();
    is_refused(&decide(&case.ann, &granted, "open").await, 503, "unavailable");
    superuser.batch_execute("GRANT UPDATE ON unmasking TO lww_app").await.unwrap();

    let (other, row) = (id(&asked), id(&granted));
    let whose = "(SELECT requested_by FROM unmasking LIMIT 1)";
    for change in [
        // Granted by nobody; by whoever asked; for longer; for another value; and one that was granted, for another value.
        format!("UPDATE unmasking SET state = 1, until = 4102444800000000 WHERE id = '{other}'"),
        format!(
            "UPDATE unmasking SET state = 1, until = 4102444800000000, decided_by = requested_by, decided_seq = requested_seq + 1, \
             decided_at = requested_at WHERE id = '{other}'"
        ),
        format!("UPDATE unmasking SET until = until + 60000000 WHERE id = '{row}'"),
        format!("UPDATE unmasking SET span = 1 WHERE id = '{row}'"),
        format!("UPDATE unmasking SET requested_seq = 0, requested_by = {whose} WHERE id = '{row}'"),
    ] {
        superuser.batch_execute("CREATE TABLE kept AS SELECT * FROM unmasking").await.unwrap();
        superuser.batch_execute(&change).await.unwrap();
        let request = if change.contains(other) { &asked } else { &granted };
        let refused = decide(&case.ann, request, "open").await;
        assert!(refused.0 >= 404 && refused.1.get("value").is_none(), "{change}: {}", refused.1);
        let (same, told) = case.world.lww("a", &["ledger", "rebuild", "--check", "--tenant", "demo"]);
        assert!(!same && told.contains("unmasking"), "{change}: {told}");
        let back = "DELETE FROM unmasking; INSERT INTO unmasking SELECT * FROM kept; DROP TABLE kept";
        superuser.batch_execute(back).await.unwrap();
    }
    // Nothing of that is left: what was granted opens.
    let (status, opened) = decide(&case.ann, &granted, "open").await;
    assert_eq!((status, &opened["value"]), (200, &json!(WRITTEN)), "{opened}");
    drop(superuser);
    case.world.assert_state("a");
    case.server.stop();
    case.world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_value_is_matched_without_being_seen_recorded_and_not_often() {
    let case = Case::begin().await;
    is_refused(&case.compare(&case.bob, MOBILE, GUISE).await, 403, "forbidden");
    is_refused(&case.compare(&case.eve, MOBILE, GUISE).await, 403, "forbidden");
    is_refused(&case.compare(&case.ann, CVV, "737").await, 403, "not_reversible");
    is_refused(&case.compare(&case.ann, MOBILE, "").await, 422, "invalid_field");
    is_refused(&case.compare(&case.ann, MOBILE, &"1".repeat(257)).await, 422, "invalid_field");

    // Any value that is stored, whether or not somebody may open it; whatever its guise.
    for (span, said, same) in [
        (MOBILE, GUISE, true),
        (MOBILE, OTHER, false),
        (PLATE, "粤 b-12345", true),
        (EMAIL, "Wang@Example.com", true),
        (ID_CARD, "11010519491231003X", false),
    ] {
        let (status, answer) = case.compare(&case.ann, span, said).await;
        assert_eq!((status, &answer), (200, &json!({"same": same})), "{said}");
    }
    let entries = case.told(5).await;
    let told: Vec<_> = entries.iter().map(|entry| detail(entry, "same") == &Detail::Bool(true)).collect();
    assert_eq!(told, [true, false, true, true, false]);
    assert!(entries.iter().all(|entry| entry.kind.as_str() == "unmask.matched/1"));

    // At one value no more than five, by whomever; of one person no more than thirty.
    for _ in 2..liaowaiwai::limits::MATCH_SPAN_TRIES_MAX {
        assert_eq!(case.compare(&case.ann, MOBILE, OTHER).await.0, 200);
    }
    is_refused(&case.compare(&case.ann, MOBILE, GUISE).await, 429, "too_often");
    is_refused(&case.compare(&case.carl, MOBILE, GUISE).await, 429, "too_often");
    assert_eq!(case.compare(&case.carl, EMAIL, "a@b.cn").await.1, json!({"same": false}));

    // Neither what stands behind the mask nor what was said is in any file: logs, database, ledger.
    let Case { world, server, .. } = case;
    world.assert_state("a");
    assert!(![GUISE, OTHER, WRITTEN].iter().any(|said| server.errors().contains(said)));
    server.stop();
    let (valid, said) = world.verify("a", "demo");
    assert!(valid, "{said}");
    let needles = [GUISE, OTHER, WRITTEN, "13812345678", "13987654321"];
    let mut looked = 0;
    for file in common::files(world.path()) {
        let Ok(bytes) = std::fs::read(&file) else { continue };
        looked += 1;
        for needle in needles {
            let found = bytes.windows(needle.len()).any(|window| window == needle.as_bytes());
            assert!(!found || file.ends_with("policy.yaml"), "{needle} is in {}", file.display());
        }
    }
    assert!(looked > 100, "{looked} files");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_skill_that_an_administrator_gave_opens_what_the_rule_names_it_for_as_long_as_they_have_it() {
    let mut world = World::private();
    // Its routing table knows the skill fraud.
    let table = concat!(env!("CARGO_MANIFEST_DIR"), "/policies/routing/cn-retail.yaml");
    world.tenant_keys = format!("routing = \"{table}\"");
    policy(&world);
    let source = std::fs::read_to_string(world.policy()).unwrap();
    std::fs::write(world.policy(), source.replace("unmask_roles: [agent]", "unmask_roles: [fraud]")).unwrap();
    let case = Case::resume(world).await.factored().await;
    is_refused(&case.request(&case.ann, MOBILE).await, 403, "forbidden");
    let admin = case.server.trial_staff_with("gil", &create(&case.world, "demo", "gil", "admin")).await;
    let account = case.ann.session().await.unwrap().account;
    let target = format!("/api/v1/admin/accounts/{account}");
    let (status, changed) = ask(&admin, "PATCH", &target, Some(json!({"skills": ["fraud"]}))).await;
    assert_eq!(status, 200, "{changed}");
    let granted = case.granted(&case.ann, MOBILE).await;
    let (status, changed) = ask(&admin, "PATCH", &target, Some(json!({"skills": []}))).await;
    assert_eq!(status, 200, "{changed}");
    is_refused(&decide(&case.ann, &granted, "open").await, 403, "forbidden");
    case.end();
}

mod slow {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn a_second_person_lists_and_approves_by_command() {
        let mut case = Case::begin().await.factored().await;
        let (_, asked) = case.request(&case.ann, ID_CARD).await;
        let password = case.world.path().join("eve.password");
        std::fs::write(&password, chosen_password("eve")).unwrap();
        let server = format!("http://{}", case.server.http);
        let mut phone = case.phones.pop().unwrap();
        let mut by_eve = async |command: &[&str]| {
            let code = phone.code().await;
            let who =
                ["--login", "eve", "--password-file", password.to_str().unwrap(), "--code", &code, "--server", &server];
            case.world.lww("a", &[command, &who].concat())
        };
        let (done, told) = by_eve(&["unmask", "list", "--subject", asked["subject"].as_str().unwrap()]).await;
        assert!(done && told.contains(id(&asked)) && told.contains("requested  cn.id_card  fraud"), "{told}");
        let (done, told) = by_eve(&["unmask", "approve", id(&asked)]).await;
        assert!(done && told.contains("GRANTED"), "{told}");
        let (done, told) = by_eve(&["unmask", "reject", id(&asked)]).await;
        assert!(!done && told.contains("no such request"), "{told}");
        let (status, opened) = decide(&case.ann, &asked, "open").await;
        assert_eq!((status, &opened["value"]), (200, &json!("11010519491231002X")), "{opened}");
        case.end();
    }
}
