//! Changes of the masking policy: what shows more takes the word of others, with a second factor; what only masks more one
//! person may bring into force, and another looks at it. Nothing of that by a row alone. Needs PostgreSQL on the machine.

#![expect(clippy::unwrap_used, reason = "a broken test world fails the test")]

use crate::common;

use std::sync::Arc;

use common::people::{Phone, ask, code, create};
use common::{Server, World, key, now, until};
use liaowaiwai::cli::client::Client;
use liaowaiwai::domain::masking::Policy;
use liaowaiwai::units::{Hash, Timestamp};
use lww_audit::entry::Detail;
use lww_audit::{Entry, Receipt};
use serde_json::{Value, json};
use tokio_postgres::NoTls;

const AMENDMENTS: &str = "/api/v1/policies/masking/amendments";
const ENROLMENT: &str = "/api/v1/session/second-factor/enrolment";
const MOBILE: &str = "手机13812345678";
const SHOWN: &str = "手机138****5678";
/// What customers see of it by a policy that shows more, and by one that shows less.
const MORE: &str = "手机1381***5678";
const LESS: &str = "手机138*****678";

/// A server, the officer who writes policies, and two who may approve them.
struct Case {
    world: World,
    server: Server,
    author: Client,
    carla: Client,
    doris: Client,
    first: String,
    _phones: [Phone; 3],
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
        let server = world.start("a");
        let first = std::fs::read_to_string(world.policy()).unwrap();
        let officer =
            async |login| server.staff_with("demo", login, &create(&world, "demo", login, "compliance")).await;
        let (author, carla, doris) = (officer("anna").await, officer("carla").await, officer("doris").await);
        let phones = [enrolled(&author).await, enrolled(&carla).await, enrolled(&doris).await];
        Self { world, server, author, carla, doris, first, _phones: phones }
    }

    /// The first policy with another mask of mobiles for customers.
    fn with(&self, first: usize, last: usize, version: usize) -> String {
        let (head, tail) = self.first.split_at(self.first.find("- entity: cn.mobile").unwrap());
        let view = "customer: {keep: {first: 3, last: 4}}";
        assert!(tail.contains(view));
        let tail = tail.replacen(view, &format!("customer: {{keep: {{first: {first}, last: {last}}}}}"), 1);
        format!("{head}{tail}").replacen("version: 2", &format!("version: {version}"), 1)
    }

    async fn propose(&self, source: &str) -> Value {
        let (status, proposed) = ask(&self.author, "POST", AMENDMENTS, Some(json!({"source": source}))).await;
        assert_eq!((status, &proposed["state"]), (201, &json!("proposed")), "{proposed}");
        proposed
    }

    async fn say(&self, key_of_message: &str) -> (String, Hash) {
        say(&self.server.client(), key_of_message).await
    }

    /// What entries say of policies, by kind, role and word.
    fn told(&self) -> Vec<(String, String)> {
        let entries = self.world.entries("a", "demo").into_iter();
        let of_policies = entries.filter(|entry| entry.kind.as_str().starts_with("policy."));
        of_policies.map(|entry| (entry.kind.as_str().to_owned(), entry.actor.role.as_str().to_owned())).collect()
    }

    /// Waits until an entry of a kind was published so often.
    async fn told_of(&self, kind: &str, times: usize) {
        until(kind, async || self.told().iter().filter(|(told, _)| told == kind).count() == times).await;
    }

    fn end(self) {
        self.world.assert_state("a");
        self.server.stop();
        let (valid, said) = self.world.verify("a", "demo");
        assert!(valid, "{said}");
    }
}

async fn say(app: &Client, key_of_message: &str) -> (String, Hash) {
    let accepted = app.send_message(&key("demo"), (key_of_message, MOBILE), key_of_message, now()).await.unwrap();
    let receipt = Receipt::parse(accepted.receipt.as_ref().unwrap().as_bytes()).unwrap();
    (accepted.text, Entry::parse(receipt.entry_bytes()).unwrap().policy.unwrap().digest)
}

async fn decide(client: &Client, amendment: &Value, how: &str) -> (u16, Value) {
    let target = format!("{AMENDMENTS}/{}/{how}", amendment["id"].as_str().unwrap());
    ask(client, "POST", &target, Some(json!({}))).await
}

fn digest(source: &str) -> Hash {
    Hash(Policy::load(source).unwrap().digest())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_shows_more_takes_the_word_of_two_others_and_each_message_names_one_policy() {
    let case = Case::begin().await;
    let more = case.with(4, 4, 2);
    let at_once = json!({"source": more, "at_once": true});
    let refused = ask(&case.author, "POST", AMENDMENTS, Some(at_once)).await;
    assert_eq!((refused.0, code(&refused)), (409, "shows_more"));
    assert!(refused.1["detail"].as_str().unwrap().contains("cn.mobile.views.customer"), "{}", refused.1);

    let proposed = case.propose(&more).await;
    assert_eq!((&proposed["only_masks_more"], &proposed["required"]), (&json!(false), &json!(2)));
    let (status, full) =
        ask(&case.carla, "GET", &format!("{AMENDMENTS}/{}", proposed["id"].as_str().unwrap()), None).await;
    assert_eq!((status, &full["source"]), (200, &json!(more)));
    let differences = full["assessment"]["differences"].as_array().unwrap();
    assert_eq!((differences.len(), &differences[0]["way"]), (1, &json!("weaker")), "{full}");

    assert_eq!(code(&decide(&case.author, &proposed, "approve").await), "same_person");
    let supervisor = case.server.staff("supervisor").await;
    assert_eq!(code(&decide(&supervisor, &proposed, "approve").await), "must_enrol_second_factor");
    let _phone = enrolled(&supervisor).await;
    assert_eq!(
        code(&decide(&supervisor, &proposed, "approve").await),
        "forbidden",
        "the policy doesn't ask for the role"
    );
    let (status, once) = decide(&case.carla, &proposed, "approve").await;
    assert_eq!((status, &once["state"]), (200, &json!("proposed")), "{once}");
    assert_eq!(code(&decide(&case.carla, &proposed, "approve").await), "same_person", "nobody consents twice");
    assert_eq!(case.say("before").await, (SHOWN.to_owned(), digest(&case.first)));

    // People go on writing while it changes.
    let app = Arc::new(case.server.client());
    let writers = (0..40).map(|number| {
        let app = Arc::clone(&app);
        tokio::spawn(async move { say(&app, &format!("meanwhile-{number}")).await })
    });
    let writers: Vec<_> = writers.collect();
    let (status, twice) = decide(&case.doris, &proposed, "approve").await;
    assert_eq!((status, &twice["state"]), (200, &json!("activated")), "{twice}");
    for writer in writers {
        let said = writer.await.unwrap();
        let known = [(SHOWN.to_owned(), digest(&case.first)), (MORE.to_owned(), digest(&more))];
        assert!(known.contains(&said), "{said:?}");
    }
    assert_eq!(case.say("after").await, (MORE.to_owned(), digest(&more)));
    assert_eq!(code(&decide(&case.doris, &proposed, "reject").await), "not_found", "it is decided");

    case.told_of("policy.activated/2", 2).await;
    let expected = [
        ("policy.activated/2", "server"),
        ("policy.proposed/1", "compliance"),
        ("policy.approved/1", "compliance"),
        ("policy.approved/1", "compliance"),
        ("policy.activated/2", "compliance"),
    ];
    assert_eq!(case.told(), expected.map(|(kind, role)| (kind.to_owned(), role.to_owned())));
    case.end();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_only_masks_more_one_person_brings_into_force_and_another_looks_at_it() {
    let case = Case::begin().await;
    let less = case.with(3, 3, 2);
    let (status, at_once) = ask(&case.author, "POST", AMENDMENTS, Some(json!({"source": less, "at_once": true}))).await;
    assert_eq!((status, &at_once["state"]), (201, &json!("activated")), "{at_once}");
    assert!(at_once["review_due"].is_string(), "{at_once}");
    assert_eq!(case.say("one").await, (LESS.to_owned(), digest(&less)));
    assert_eq!(code(&decide(&case.author, &at_once, "review").await), "same_person");
    assert_eq!(decide(&case.carla, &at_once, "review").await.0, 204);
    assert_eq!(code(&decide(&case.doris, &at_once, "review").await), "not_found", "somebody has");

    // The operator at the machine is bound by the same.
    let file = case.world.path().join("other.yaml");
    let activate = |source: &str| {
        std::fs::write(&file, source).unwrap();
        case.world.lww("a", &["policy", "activate", file.to_str().unwrap()])
    };
    let (done, told) = activate(&case.with(3, 4, 3));
    assert!(!done && told.contains("lww policy propose"), "{told}");
    assert_eq!(case.say("two").await.0, LESS, "what is in force stays");
    let (done, told) = activate(&case.with(2, 3, 4));
    assert!(done, "{told}");
    let (_, listed) = ask(&case.carla, "GET", AMENDMENTS, None).await;
    let newest = &listed["amendments"][0];
    assert!(newest["review_due"].is_string() && newest["proposed"]["by"] == "0".repeat(32), "{listed}");
    assert_eq!(decide(&case.author, newest, "review").await.0, 204);
    case.end();
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_that_somebody_changed_bring_nothing_into_force() {
    let case = Case::begin_in(World::shared().await).await;
    let (more, all) = (case.with(4, 4, 2), case.with(5, 4, 3));
    let proposed = case.propose(&more).await;
    let other = case.propose(&all).await;
    let id = proposed["id"].as_str().unwrap().to_owned();
    case.told_of("policy.proposed/1", 2).await;
    let Case { world, server, carla, doris, .. } = case;
    let changes = [
        format!("UPDATE amendment SET digest = '\\x{}' WHERE id = '{id}'", digest(&all)),
        format!(
            "INSERT INTO amendment_consent SELECT tenant, '{id}', proposed_by, proposed_seq, proposed_at FROM amendment WHERE id = '{id}'"
        ),
        format!("UPDATE amendment SET effective_at = 0 WHERE id = '{id}'"),
        format!("UPDATE amendment SET proposed_by = '{}' WHERE id = '{id}'", other["id"].as_str().unwrap()),
    ];
    let config = world.superuser();
    until("the superuser to get in", async || config.connect(NoTls).await.is_ok()).await;
    let (superuser, connection) = config.connect(NoTls).await.unwrap();
    tokio::spawn(connection);
    for change in changes {
        let kept = "CREATE TABLE kept AS SELECT * FROM amendment; CREATE TABLE kept_consent AS SELECT * FROM amendment_consent";
        superuser.batch_execute(kept).await.unwrap();
        superuser.batch_execute(&change).await.unwrap();
        for officer in [&carla, &doris] {
            let refused = decide(officer, &proposed, "approve").await;
            assert_eq!((refused.0, code(&refused)), (500, "ledger_differs"), "{change}");
        }
        superuser
            .batch_execute(
                "DELETE FROM amendment; INSERT INTO amendment SELECT * FROM kept; DELETE FROM amendment_consent; \
                 INSERT INTO amendment_consent SELECT * FROM kept_consent; DROP TABLE kept; DROP TABLE kept_consent",
            )
            .await
            .unwrap();
    }
    assert_eq!(say(&server.client(), "after").await.0, SHOWN);
    // What is left changed is named by the comparison with the log.
    superuser.batch_execute(&format!("UPDATE amendment SET state = 3 WHERE id = '{id}'")).await.unwrap();
    let (same, told) = world.lww("a", &["ledger", "rebuild", "--check", "--tenant", "demo"]);
    assert!(!same && told.contains("amendment"), "{told}");
    drop(superuser);
    server.stop();
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_policy_or_none_of_ones_own_is_refused_with_the_way_out() {
    let case = Case::begin().await;
    let failing = case.first.replacen("agent: \"打我手机138****5678\"", "agent: \"打我手机139****5678\"", 1);
    let foreign = format!("{}\nsupersedes: \"sha256:{}\"\n", case.with(3, 3, 2), "0".repeat(64));
    for (source, expected, told) in [
        (failing.as_str(), "policy_refused", "139****5678"),
        ("not: a policy", "policy_refused", "line "),
        (case.first.as_str(), "invalid_field", "in force"),
        (foreign.as_str(), "invalid_field", "digest of the policy in force"),
    ] {
        let refused = ask(&case.author, "POST", AMENDMENTS, Some(json!({"source": source}))).await;
        assert_eq!(code(&refused), expected, "{}", refused.1);
        assert!(refused.1["detail"].as_str().unwrap().contains(told), "{}", refused.1);
    }
    // While it is written, all that its tests say against it is told, and it can be tried.
    let assess = "/api/v1/policies/masking/assess";
    let (status, told) = ask(&case.author, "POST", assess, Some(json!({"source": failing}))).await;
    let test = &told["failures"][0]["test"];
    assert_eq!(
        (status, test["view"].as_str(), test["got"].as_str()),
        (200, Some("agent"), Some("打我手机138****5678")),
        "{told}"
    );
    let attempt = json!({"text": MOBILE, "source": case.with(4, 4, 2)});
    let (_, tried) = ask(&case.author, "POST", "/api/v1/policies/masking/try", Some(attempt)).await;
    assert_eq!(tried["views"]["customer"]["text"], MORE, "{tried}");
    let mine = case.propose(&case.with(4, 4, 2)).await;
    assert_eq!(code(&decide(&case.carla, &mine, "withdraw").await), "forbidden");
    assert_eq!(decide(&case.author, &mine, "withdraw").await.0, 204);
    assert_eq!(code(&decide(&case.carla, &mine, "approve").await), "not_found");
    let again = case.propose(&case.with(4, 4, 3)).await;
    assert_eq!(decide(&case.carla, &again, "reject").await.0, 204);
    case.told_of("policy.rejected/1", 2).await;
    assert_eq!(case.say("after").await, (SHOWN.to_owned(), digest(&case.first)));
    case.end();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_layer_masks_what_is_said_on_its_channel_and_in_its_queue_and_every_message_names_the_one_digest() {
    let world = World::private();
    let server = world.start("a");
    let first = std::fs::read_to_string(world.policy()).unwrap();
    // What only masks more the operator may bring into force.
    let layered = |version: u32, layers: &[(&str, &str, &str)]| {
        let (mut names, mut define, mut tests) = (Vec::new(), Vec::new(), Vec::new());
        for (layer, shows, expected) in layers {
            let rule = format!("{{entity: cn.mobile, class: C2, views: {{customer: {shows}}}}}");
            define.push(format!("  {layer}: {{rules: [{rule}]}}\n"));
            tests.push(format!("  - {{{}, in: {MOBILE}, customer: '{expected}'}}\n", layer.replacen('/', ": ", 1)));
            names.push(*layer);
        }
        let (define, tests) = (define.concat(), tests.concat());
        first
            .replacen("version: 2", &format!("version: {version}"), 1)
            .replacen("layers: []\n", &format!("layers: [{}]\ndefine:\n{define}", names.join(", ")), 1)
            .replacen("\ntests:\n", &format!("\ntests:\n{tests}"), 1)
    };
    let activate = |source: &str| {
        let file = world.path().join("layered.yaml");
        std::fs::write(&file, source).unwrap();
        world.lww("a", &["policy", "activate", file.to_str().unwrap(), "--tenant", "demo"])
    };
    let app = server.client();
    assert_eq!(say(&app, "plain").await.0, SHOWN);

    let web = layered(3, &[("channel/web", "drop", "手机[mobile]")]);
    assert!(activate(&web).0);
    let elsewhere = say(&app, "elsewhere").await;
    assert_eq!(elsewhere, (SHOWN.to_owned(), digest(&web)), "another channel's layer");

    let channel = layered(
        4,
        &[("channel/web", "drop", "手机[mobile]"), ("channel/http", "{keep: {first: 0, last: 4}}", "手机*******5678")],
    );
    assert!(activate(&channel).0);
    assert_eq!(say(&app, "channel").await, ("手机*******5678".to_owned(), digest(&channel)));

    // A conversation that begins is masked for the queue that it is sent to, and one that goes on for the one that it is in.
    let queue = layered(
        5,
        &[
            ("channel/web", "drop", "手机[mobile]"),
            ("channel/http", "{keep: {first: 0, last: 4}}", "手机*******5678"),
            ("purpose/default", "drop", "手机[mobile]"),
        ],
    );
    assert!(activate(&queue).0);
    assert_eq!(say(&app, "goes-on").await, ("手机[mobile]".to_owned(), digest(&queue)));
    assert_eq!(say(&app, "another-person-begins").await, ("手机[mobile]".to_owned(), digest(&queue)));

    // To leave a layer out shows more: nobody does that alone.
    let (done, told) = activate(&channel.replacen("version: 4", "version: 6", 1));
    assert!(!done && told.contains("purpose/default: cn.mobile.views.customer"), "{told}");
    server.stop();
    let (valid, said) = world.verify("a", "demo");
    assert!(valid, "{said}");
    // A start reads the same policy out of its stored text.
    let server = world.start("a");
    assert_eq!(say(&server.client(), "after-a-start").await, ("手机[mobile]".to_owned(), digest(&queue)));
    server.stop();
}

mod slow {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn a_scheduled_policy_comes_into_force_at_its_time_and_one_that_was_overtaken_never_does() {
        let case = Case::begin().await;
        let soon = |seconds: i64| Timestamp::from_micros(now().as_micros() + seconds * 1_000_000).to_string();
        let (more, other) = (case.with(4, 4, 2), case.with(5, 3, 3));
        let mut waiting = Vec::new();
        for (source, from) in [(&more, soon(8)), (&other, soon(9))] {
            let new = json!({"source": source, "effective": from});
            let (status, proposed) = ask(&case.author, "POST", AMENDMENTS, Some(new)).await;
            assert_eq!(status, 201, "{proposed}");
            decide(&case.carla, &proposed, "approve").await;
            let (_, scheduled) = decide(&case.doris, &proposed, "approve").await;
            assert_eq!(scheduled["state"], "scheduled", "{scheduled}");
            waiting.push(scheduled);
        }
        let third = case.propose(&case.with(6, 3, 4)).await;
        assert_eq!(case.say("early").await.0, SHOWN);
        until("its time", async || case.say(&format!("at-{}", now())).await.0 == MORE).await;
        case.told_of("policy.rejected/1", 1).await;
        let (_, overtaken) =
            ask(&case.author, "GET", &format!("{AMENDMENTS}/{}", waiting[1]["id"].as_str().unwrap()), None).await;
        assert_eq!(overtaken["amendment"]["state"], "rejected");
        assert_eq!(code(&decide(&case.carla, &third, "approve").await), "overtaken");
        let entries = case.world.entries("a", "demo");
        let turned = entries.iter().find(|entry| entry.kind.as_str() == "policy.rejected/1").unwrap();
        let Detail::Object(detail) = &turned.detail else { return assert_eq!(turned.detail, Detail::Null) };
        assert_eq!((&detail["why"], turned.actor.role.as_str()), (&Detail::String("overtaken".to_owned()), "server"));
        case.end();
    }
}
