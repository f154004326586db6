//! Policies over what was said before, on a real server: a preview shows nobody more than they may see, a policy in shadow
//! changes nothing, and history is masked again once, over kills, until somebody ends it. Needs PostgreSQL on the machine.

#![expect(clippy::unwrap_used, reason = "a broken test world fails the test")]

use crate::common;

use std::collections::BTreeSet;

use common::people::{Phone, ask, code, create};
use common::{Server, World, key, now, until};
use liaowaiwai::cli::client::{Client, Page};
use liaowaiwai::domain::masking::Policy;
use liaowaiwai::units::Hash;
use lww_audit::entry::Detail;
use lww_audit::{Entry, Receipt};
use serde_json::{Value, json};

const MASKING: &str = "/api/v1/policies/masking";
const NUMBER: &str = "13812345678";
const CODE: &str = "384921";

/// A policy of mobiles, with `more` rules and `allow`.
fn policy(version: u32, mobile: &str, more: &str, allow: &str) -> String {
    format!(
        "apiVersion: mask/v1\nid: plain\nversion: {version}\nmode: enforce\napprovals: {{required: 1, roles: [compliance]}}\n\
         rules:\n  - {{entity: cn.mobile, {mobile}}}\n{more}allow: [{allow}]\n\
         tests: [{{in: \"您好\", unchanged: true}}, {{in: \"手机13912345678\", outbound: \"手机[mobile]\"}}{}]\n",
        if more.is_empty() {
            ""
        } else {
            ", {in: \"a.bcdefg@example.com\", customer: \"[email]\"}, {in: \"验证码384921\", customer: \"验证码[otp]\"}"
        }
    )
}

const KEEP: &str = "class: C2, views: {customer: {keep: {first: 3, last: 4}}, record: {keep: {first: 3, last: 4}}}";
const MORE: &str =
    "  - {entity: email, class: C2, views: {agent: drop}}\n  - {entity: auth.otp, class: C3, views: {\"*\": drop}}\n";

fn first() -> String {
    policy(1, KEEP, "", "")
}

/// Shows two digits less, and finds two entities more.
fn stricter() -> String {
    policy(
        2,
        "class: C2, views: {customer: {keep: {first: 3, last: 2}}, record: {keep: {first: 3, last: 2}}}",
        MORE,
        "",
    )
}

struct Case {
    world: World,
    server: Server,
    officer: Client,
    other: Client,
    _phones: [Phone; 2],
}

async fn enrolled(client: &Client) -> Phone {
    let enrolment = "/api/v1/session/second-factor/enrolment";
    let (status, drawn) = ask(client, "POST", enrolment, Some(json!({}))).await;
    assert_eq!(status, 201, "{drawn}");
    let mut phone = Phone::new(drawn["secret"].as_str().unwrap());
    assert_eq!(ask(client, "PUT", enrolment, Some(json!({"code": phone.code().await}))).await.0, 200);
    phone
}

impl Case {
    async fn begin() -> Self {
        let world = World::private();
        std::fs::write(world.policy(), first()).unwrap();
        let server = world.start("a");
        let officer =
            async |login| server.staff_with("demo", login, &create(&world, "demo", login, "compliance")).await;
        let (officer, other) = (officer("anna").await, officer("carla").await);
        let phones = [enrolled(&officer).await, enrolled(&other).await];
        Self { world, server, officer, other, _phones: phones }
    }

    async fn say(&self, contact: &str, text: &str) -> (u64, Hash) {
        say(&self.server, contact, text).await
    }

    async fn said(&self, contact: &str) -> Vec<String> {
        said(&self.server, contact).await
    }

    async fn call(&self, method: &'static str, path: &str, body: Value) -> (u16, Value) {
        let body = (method != "GET").then_some(body);
        ask(&self.officer, method, &format!("{MASKING}/{path}"), body).await
    }

    /// Runs a draft over the newest messages, to its end.
    async fn preview(&self, source: &str) -> Value {
        let (status, begun) = self.call("POST", "previews", json!({"source": source, "last": 1000})).await;
        assert_eq!(status, 201, "{begun}");
        let path = format!("previews/{}", begun["id"].as_str().unwrap());
        until("the preview", async || self.call("GET", &path, Value::Null).await.1["state"] == "done").await;
        self.call("GET", &path, Value::Null).await.1
    }

    async fn run(&self, name: &str) -> Value {
        self.call("GET", name, Value::Null).await.1["run"].clone()
    }

    /// Brings a policy that masks more into force, and somebody else looks at it.
    async fn bring(&self, source: &str) {
        let new = json!({"source": source, "at_once": true});
        let (status, made) = self.call("POST", "amendments", new).await;
        assert_eq!(status, 201, "{made}");
        let review = format!("{MASKING}/amendments/{}/review", made["id"].as_str().unwrap());
        assert_eq!(ask(&self.other, "POST", &review, Some(json!({}))).await.0, 204);
    }

    fn end(self) -> World {
        self.server.stop();
        let (valid, told) = self.world.verify("a", "demo");
        assert!(valid, "{told}");
        self.world
    }
}

async fn say(server: &Server, contact: &str, text: &str) -> (u64, Hash) {
    let name = format!("{contact}-{}", now());
    let told = server.client().send_message(&key("demo"), (contact, text), &name, now()).await.unwrap();
    let receipt = Receipt::parse(told.receipt.as_ref().unwrap().as_bytes()).unwrap();
    (told.index, Entry::parse(receipt.entry_bytes()).unwrap().policy.unwrap().digest)
}

async fn said(server: &Server, contact: &str) -> Vec<String> {
    let page = server.client().messages(&key("demo"), contact, Page::default(), now()).await.unwrap();
    page.messages.into_iter().map(|message| message.text).collect()
}

fn digest(source: &str) -> Hash {
    Hash(Policy::draft(source).unwrap().0.digest())
}

fn of_kind(world: &World, tenant: &str, kind: &str) -> Vec<Entry> {
    world.entries("a", tenant).into_iter().filter(|entry| entry.kind.as_str() == kind).collect()
}

fn detail(entry: &Entry, name: &str) -> Detail {
    let fields = if let Detail::Object(fields) = &entry.detail { Some(fields) } else { None };
    fields.and_then(|fields| fields.get(name)).cloned().unwrap_or(Detail::Null)
}

fn counts<'r>(report: &'r Value, entity: &str) -> &'r Value {
    let all = report["entities"].as_array().unwrap();
    all.iter().find(|counts| counts["entity"] == entity).unwrap_or(&Value::Null)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_preview_counts_what_a_draft_would_mask_otherwise_and_shows_nobody_more_than_they_may_see() {
    let case = Case::begin().await;
    case.say("zhang", &format!("手机{NUMBER}")).await;
    let (entry, _) = case.say("zhang", "邮箱a.bcdefg@example.com").await;
    case.say("li", "您好").await;
    case.say("li", &format!("验证码{CODE}")).await;

    // Hides more: what is newly hidden is hidden in the sample, too.
    let done = case.preview(&stricter()).await;
    let report = &done["report"];
    assert_eq!((&report["looked_at"], &report["differ"], &report["show_more"]), (&json!(4), &json!(3), &json!(0)));
    assert_eq!(counts(report, "cn.mobile")["more_masked"], 1, "{report}");
    assert_eq!(counts(report, "email")["more_masked"], 1, "{report}");
    let sample = report["samples"].as_array().unwrap().iter().find(|sample| sample["entry"] == json!(entry)).unwrap();
    assert_eq!((&sample["now"], &sample["then"]), (&json!("邮箱a.bcdefg@example.com"), &json!("邮箱[email]")));
    let mobile = &report["samples"][0];
    assert_eq!((&mobile["now"], &mobile["then"]), (&json!("手机138****5678"), &json!("手机138******78")));
    assert_eq!(mobile["changes"][0]["views"], json!(["customer", "record"]));

    // Shows everything: it is counted, and told of no value.
    let everything =
        policy(3, "class: C1, views: {customer: {keep: all}, record: {keep: all}, agent: {keep: all}}", "", "");
    for draft in [
        everything,
        first()
            .replace("cn.mobile, class", "email, class")
            .replace("手机13912345678\", outbound: \"手机[mobile]", "a.bcdefg@example.com\", outbound: \"[email]"),
    ] {
        let done = case.preview(&draft).await;
        assert_eq!(counts(&done["report"], "cn.mobile")["less_masked"], 1, "{done}");
        assert_eq!(done["report"]["show_more"], 1);
        assert!(!done.to_string().contains(NUMBER) && done.to_string().contains("138****5678"), "{done}");
    }
    // A value that is tried is not told of by what is masked no more.
    let guess = policy(
        4,
        KEEP,
        "",
        &format!("{{literal: \"{NUMBER}\", why: guess}}, {{literal: \"13700000000\", why: guess}}"),
    );
    let done = case.preview(&guess).await;
    assert_eq!((&done["report"]["differ"], &done["untried_allowed"]), (&json!(0), &json!(2)), "{done}");

    // What was run is recorded first: which draft, over what.
    until("publication", async || of_kind(&case.world, "demo", "policy.previewed/1").len() == 4).await;
    let entries = of_kind(&case.world, "demo", "policy.previewed/1");
    assert_eq!(detail(&entries[0], "digest"), Detail::String(digest(&stricter()).to_string()));
    assert_eq!(entries[0].actor.role.as_str(), "compliance");
    assert_eq!(case.said("zhang").await, ["手机138****5678", "邮箱a.bcdefg@example.com"], "nothing is changed by it");
    case.end();
}

#[tokio::test(flavor = "multi_thread")]
async fn only_an_officer_runs_a_policy_over_history_and_only_over_their_own_tenant_s() {
    let case = Case::begin().await;
    case.say("zhang", &format!("手机{NUMBER}")).await;
    let agent = case.server.trial_agent().await;
    let admin = case.server.staff("admin").await;
    let wishes = [
        ("previews", json!({"source": stricter(), "last": 10})),
        ("shadow", json!({"source": stricter(), "hours": 1})),
        ("remasking", json!({})),
        ("drafts", json!({"name": "n", "source": "s"})),
    ];
    for (path, wish) in &wishes {
        for client in [&agent, &admin] {
            let refused = ask(client, "POST", &format!("{MASKING}/{path}"), Some(wish.clone())).await;
            assert_eq!(code(&refused), "forbidden", "{path}: {}", refused.1);
        }
    }
    let (_, begun) = case.call("POST", "previews", json!({"source": stricter(), "last": 10})).await;
    let path = format!("{MASKING}/previews/{}", begun["id"].as_str().unwrap());
    assert_eq!(code(&ask(&case.other, "GET", &path, None).await), "not_found", "a preview is whoever's began it");
    let foreign = create(&case.world, "other", "olga", "compliance");
    let foreign = case.server.staff_with("other", "olga", &foreign).await;
    assert_eq!(code(&ask(&foreign, "GET", &path, None).await), "not_found");
    let (_, seen) =
        ask(&foreign, "POST", &format!("{MASKING}/previews"), Some(json!({"source": stricter(), "last": 10}))).await;
    let path = format!("{MASKING}/previews/{}", seen["id"].as_str().unwrap());
    until("the preview", async || ask(&foreign, "GET", &path, None).await.1["state"] == "done").await;
    assert_eq!(ask(&foreign, "GET", &path, None).await.1["report"]["looked_at"], 0);
    // Out of bounds, or nothing that could be run.
    for (wish, expected) in [
        (json!({"source": stricter(), "last": 0}), "invalid_field"),
        (json!({"source": stricter()}), "invalid_field"),
        (json!({"source": stricter(), "last": 1, "conversation": "00".repeat(16)}), "invalid_field"),
        (json!({"source": stricter(), "conversation": "00".repeat(16)}), "not_found"),
        (json!({"source": stricter().replace("[otp]", "[code]"), "last": 1}), "policy_refused"),
        (json!({"source": "none", "last": 1}), "policy_refused"),
    ] {
        let refused = case.call("POST", "previews", wish.clone()).await;
        assert_eq!(code(&refused), expected, "{wish}: {}", refused.1);
    }
    case.end();
}

#[tokio::test(flavor = "multi_thread")]
async fn history_is_masked_again_where_the_policy_hides_more_and_everything_is_still_proven() {
    let case = Case::begin().await;
    case.say("zhang", &format!("手机{NUMBER}")).await;
    case.say("zhang", "您好").await;
    let (mail, _) = case.say("zhang", "邮箱a.bcdefg@example.com").await;
    case.say("li", CODE).await;
    case.say("li", "这是验证码").await;
    assert_eq!(case.said("li").await, [CODE, "这是验证码"], "nothing looks for codes yet");
    // What one person brought into force masks nothing for good before another one looked at it.
    let (_, made) = case.call("POST", "amendments", json!({"source": stricter(), "at_once": true})).await;
    assert_eq!(code(&case.call("POST", "remasking", json!({})).await), "policy_unreviewed");
    let review = format!("{MASKING}/amendments/{}/review", made["id"].as_str().unwrap());
    assert_eq!(ask(&case.other, "POST", &review, Some(json!({}))).await.0, 204);
    let (status, begun) = case.call("POST", "remasking", json!({})).await;
    assert_eq!(status, 201, "{begun}");
    until("the run", async || case.run("remasking").await["state"] == "done").await;
    let run = case.run("remasking").await;
    assert_eq!((&run["masked"], &run["progress"]["done"]), (&json!(3), &run["progress"]["all"]), "{run}");
    assert_eq!(case.said("zhang").await, ["手机138******78", "您好", "邮箱[email]"]);
    assert_eq!(case.said("li").await, ["[otp]", "这是验证码"]);

    // Once more, nothing is left to do; and nothing is ever shown again.
    case.call("POST", "remasking", json!({})).await;
    until("the second run", async || {
        let run = case.run("remasking").await;
        run["state"] == "done" && run["entry"] != begun["entry"]
    })
    .await;
    assert_eq!(case.run("remasking").await["masked"], 0);
    until("publication", async || of_kind(&case.world, "demo", "policy.remasking_ended/1").len() == 2).await;
    let masked = of_kind(&case.world, "demo", "message.remasked/1");
    assert_eq!(masked.len(), 3);
    assert!(masked.iter().any(|entry| detail(entry, "of") == Detail::Int(i64::try_from(mail).unwrap())));
    assert!(masked.iter().all(|entry| entry.policy.as_ref().unwrap().digest == digest(&stricter())));
    assert!(of_kind(&case.world, "other", "message.remasked/1").is_empty());
    case.end();
}

#[tokio::test(flavor = "multi_thread")]
async fn drafts_are_all_officers_versioned_bounded_and_no_other_tenant_s() {
    let case = Case::begin().await;
    let (status, saved) = case.call("POST", "drafts", json!({"name": "春节前", "source": "rules: ["})).await;
    assert_eq!((status, &saved["version"]), (201, &json!(1)), "{saved}");
    let path = format!("drafts/{}", saved["id"].as_str().unwrap());
    let whole = format!("{MASKING}/{path}");
    let (_, read) = ask(&case.other, "GET", &whole, None).await;
    assert_eq!((&read["name"], &read["source"]), (&json!("春节前"), &json!("rules: [")));
    // Two write on from the same version: the second one is told.
    let next = |text: &str| Some(json!({"name": "春节前", "source": text, "version": 1}));
    assert_eq!(ask(&case.other, "PUT", &whole, next("carla's")).await.1["version"], 2);
    assert_eq!(code(&ask(&case.officer, "PUT", &whole, next("anna's")).await), "conflict");
    assert_eq!(case.call("GET", &path, Value::Null).await.1["source"], "carla's");
    for (wish, expected) in [
        (json!({"name": " ", "source": ""}), "invalid_field"),
        (json!({"name": "a\nb", "source": ""}), "invalid_field"),
        (json!({"name": "n", "source": "x".repeat(262_145)}), "invalid_field"),
    ] {
        assert_eq!(code(&case.call("POST", "drafts", wish).await), expected);
    }
    let foreign = create(&case.world, "other", "olga", "compliance");
    let foreign = case.server.staff_with("other", "olga", &foreign).await;
    assert_eq!(code(&ask(&foreign, "GET", &whole, None).await), "not_found");
    assert_eq!(ask(&foreign, "GET", &format!("{MASKING}/drafts"), None).await.1["drafts"], json!([]));
    assert_eq!(case.call("DELETE", &path, json!({})).await.0, 204);
    assert_eq!(code(&case.call("GET", &path, Value::Null).await), "not_found");
    until("publication", async || of_kind(&case.world, "demo", "policy.draft_removed/1").len() == 1).await;
    assert_eq!(of_kind(&case.world, "demo", "policy.draft_saved/1").len(), 2);
    case.end();
}

mod slow {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn masking_again_goes_on_after_a_kill_masks_each_message_once_and_stops_when_it_is_ended() {
        let case = Case::begin().await;
        let texts = 400;
        let client = case.server.client();
        for number in 0..texts {
            let (contact, text) = (format!("c{}", number % 7), format!("手机{NUMBER}，第{number}"));
            client.send_message(&key("demo"), (&contact, &text), &format!("k{number}"), now()).await.unwrap();
        }
        case.bring(&stricter()).await;
        case.call("POST", "remasking", json!({})).await;
        until("some of it", async || case.run("remasking").await["masked"].as_u64().unwrap() > 0).await;
        let Case { world, server, _phones, .. } = case;
        server.kill();
        let server = world.start("a");
        let officer = server.staff_with("demo", "dora", &create(&world, "demo", "dora", "compliance")).await;
        let run = async || ask(&officer, "GET", &format!("{MASKING}/remasking"), None).await.1["run"].clone();
        until("the rest of it", async || run().await["state"] == "done").await;
        assert_eq!(run().await["masked"], texts);
        let masked = || of_kind(&world, "demo", "message.remasked/1");
        until("publication", async || masked().len() >= texts).await;
        let of: BTreeSet<String> = masked().iter().map(|entry| format!("{:?}", detail(entry, "of"))).collect();
        assert_eq!((masked().len(), of.len()), (texts, texts), "each once");
        for contact in 0..7 {
            let said = said(&server, &format!("c{contact}")).await;
            assert!(said.iter().all(|text| text.starts_with("手机138******78，")), "{said:?}");
        }

        // Ended while it runs: nothing is masked after the entry that says so.
        let drop_all = policy(3, "class: C2, views: {agent: drop}", MORE, "");
        let _phone = enrolled(&officer).await;
        let carla = server.staff_with("demo", "emma", &create(&world, "demo", "emma", "compliance")).await;
        let _other = enrolled(&carla).await;
        let (_, made) =
            ask(&officer, "POST", &format!("{MASKING}/amendments"), Some(json!({"source": drop_all, "at_once": true})))
                .await;
        let review = format!("{MASKING}/amendments/{}/review", made["id"].as_str().unwrap());
        assert_eq!(ask(&carla, "POST", &review, Some(json!({}))).await.0, 204);
        ask(&officer, "POST", &format!("{MASKING}/remasking"), Some(json!({}))).await;
        until("some of it", async || run().await["masked"].as_u64().unwrap() > 0).await;
        let ended = ask(&officer, "DELETE", &format!("{MASKING}/remasking"), Some(json!({}))).await;
        if run().await["state"] == "cancelled" {
            assert_eq!(ended.0, 204);
            assert_eq!(
                code(&ask(&officer, "DELETE", &format!("{MASKING}/remasking"), Some(json!({}))).await),
                "not_found"
            );
            say(&server, "c1", "还在吗").await;
            until("publication", async || of_kind(&world, "demo", "policy.remasking_ended/1").len() == 2).await;
            let end = of_kind(&world, "demo", "policy.remasking_ended/1").pop().unwrap();
            let after: Vec<Entry> = masked().into_iter().filter(|entry| entry.seq > end.seq).collect();
            assert!(after.is_empty(), "{} were masked after the end", after.len());
            let told = detail(&end, "masked");
            assert_eq!(told, Detail::Int(i64::try_from(masked().len() - texts).unwrap()));
        }
        server.stop();
        let (valid, told) = world.verify("a", "demo");
        assert!(valid, "{told}");
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_policy_in_shadow_counts_what_it_would_do_and_does_nothing_over_a_restart_until_it_is_ended() {
        let case = Case::begin().await;
        case.say("zhang", &format!("早先{NUMBER}")).await;
        let shadow = stricter().replace("mode: enforce", "mode: shadow");
        let refused = case.call("POST", "amendments", json!({"source": shadow})).await;
        assert_eq!(code(&refused), "policy_refused", "{}", refused.1);
        let (status, begun) = case.call("POST", "shadow", json!({"source": shadow, "hours": 1})).await;
        assert_eq!(status, 201, "{begun}");
        assert_eq!(code(&case.call("POST", "shadow", json!({"source": shadow, "hours": 1})).await), "conflict");
        let (_, masked_by) = case.say("zhang", &format!("手机{NUMBER}")).await;
        assert_eq!(masked_by, digest(&first()), "a message names the policy in force");
        case.say("li", "您好").await;
        let looked_at = async |count: u64| {
            until("its look", async || case.run("shadow").await["report"]["looked_at"] == json!(count)).await;
        };
        looked_at(2).await;
        let report = case.run("shadow").await["report"].clone();
        assert_eq!(
            (&report["differ"], &counts(&report, "cn.mobile")["more_masked"]),
            (&json!(1), &json!(1)),
            "{report}"
        );
        assert!(!report.to_string().contains(NUMBER), "{report}");
        assert_eq!(case.said("zhang").await, ["早先138****5678", "手机138****5678"]);
        let Case { world, server, .. } = case;
        server.kill();
        let server = world.start("a");
        let officer = server.staff_with("demo", "dora", &create(&world, "demo", "dora", "compliance")).await;
        let path = format!("{MASKING}/shadow");
        until("the count anew", async || {
            ask(&officer, "GET", &path, None).await.1["run"]["report"]["looked_at"] == json!(2)
        })
        .await;
        assert_eq!(ask(&officer, "DELETE", &path, Some(json!({}))).await.0, 204);
        until("publication", async || of_kind(&world, "demo", "policy.shadow_ended/1").len() == 1).await;
        let end = of_kind(&world, "demo", "policy.shadow_ended/1").pop().unwrap();
        assert_eq!((detail(&end, "looked_at"), detail(&end, "differ")), (Detail::Int(2), Detail::Int(1)));
        assert_eq!(detail(&end, "end"), Detail::String("cancelled".to_owned()));
        server.stop();
        let (valid, told) = world.verify("a", "demo");
        assert!(valid, "{told}");
    }
}
