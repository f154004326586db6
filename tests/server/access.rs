//! The table of roles as a whole: every address of the server with every role, from another tenant, without a session and
//! on behalf of another site's page. A new address without its row, or without a body here, fails.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a broken test world fails the test")]

use crate::common;

use common::people::{ask, call, code, reset};
use common::{Server, World, chosen_password, key, now, until};
use liaowaiwai::cli::client::{Client, Listing};
use liaowaiwai::domain::access::{Action, TABLE, allows};
use liaowaiwai::domain::event::Role;
use liaowaiwai::http::{Need, RIGHTS, Right};
use serde_json::json;

const CSV: (&str, &str) = ("content-type", "text/csv");
const KEY: (&str, &str) = ("idempotency-key", "matrix");
const OCTETS: (&str, &str) = ("content-type", "application/octet-stream");
const NAME: (&str, &str) = ("lww-file-name", "matrix.json");

/// Things of the demo tenant that addresses can name.
struct Things {
    conversation: String,
    account: String,
    session: String,
    reply: String,
    erasure: String,
    hold: String,
    amendment: String,
    unmasking: String,
}

impl Things {
    fn target(&self, need: &Need) -> String {
        let id = match need.path {
            path if path.contains("/conversations/") => &self.conversation,
            path if path.contains("/accounts/") => &self.account,
            path if path.contains("/replies/") => &self.reply,
            path if path.contains("/erasures/") => &self.erasure,
            path if path.contains("/holds/") => &self.hold,
            path if path.contains("/amendments/") => &self.amendment,
            path if path.contains("/unmaskings/") => &self.unmasking,
            _ => &self.session,
        };
        let path = need
            .path
            .replace("{id}", id)
            .replace("{index}", "0")
            .replace("{tenant}", "demo")
            .replace("{part}", "frames")
            .replace("{tile}", "0/000.p/1");
        let (channel, account) = if path.ends_with("/messages") || path.ends_with("/attachments") {
            ("http", "app")
        } else {
            ("web", "widget")
        };
        let query = match path.as_str() {
            "/api/v1/ledger/consistency" => "?from=0&to=0",
            "/api/v1/session/methods" => "?tenant=demo",
            _ => "",
        };
        path.replace("{channel}", channel).replace("{account}", account) + query
    }
}

/// A well-formed body for each address that takes one, which changes nothing that the next call needs.
fn body(need: &Need) -> Option<String> {
    let body = match (need.method, need.path) {
        ("get" | "options", _) => return None,
        ("post", "/api/v1/session") => json!({"tenant": "demo", "login": "nobody", "password": "x"}),
        ("post", "/api/v1/session/password") => json!({"old": "x", "new": "short"}),
        ("post", "/api/v1/session/second-factor") | ("put", "/api/v1/session/second-factor/enrolment") => {
            json!({"code": "000000"})
        }
        ("post", "/api/v1/admin/accounts") => json!({"login": "=1", "name": "x", "role": "agent"}),
        ("post", "/api/v1/admin/accounts/import") => return Some("login,name,role\n".to_owned()),
        ("post", "/api/v1/agent/replies") => json!({"title": "", "text": "x"}),
        ("put", "/api/v1/agent/replies/{id}") => json!({"title": "", "text": "x", "version": 1}),
        ("put", "/api/v1/agent/presence") => json!({"online": false}),
        ("post", "/api/v1/erasures") => json!({"subject": "00".repeat(16), "reason": "unlawful"}),
        ("post", "/api/v1/policies/masking/assess" | "/api/v1/policies/masking/amendments") => {
            json!({"source": "none"})
        }
        ("post", "/api/v1/policies/masking/previews") => json!({"source": "none", "last": 1}),
        ("post", "/api/v1/policies/masking/shadow") => json!({"source": "none", "hours": 1}),
        ("post", "/api/v1/policies/masking/drafts") => json!({"name": "", "source": "none"}),
        ("put", "/api/v1/policies/masking/drafts/{id}") => json!({"name": "x", "source": "none", "version": 99}),
        ("post", "/api/v1/holds") => json!({"subject": "00".repeat(16), "reason": "litigation"}),
        (
            "post",
            "/api/v1/agent/conversations/{id}/messages"
            | "/api/v1/agent/conversations/{id}/notes"
            | "/api/v1/policies/masking/try",
        ) => json!({"text": "您好"}),
        ("post", "/api/v1/agent/reports") => {
            json!({"conversation": "00".repeat(16), "index": 0, "misread": "missed", "start": 0, "end": 1})
        }
        ("post", "/api/v1/policies/masking/reports/{id}/decline") => json!({"reason": "covered"}),
        ("post", "/api/v1/policies/masking/reports/{id}/draft") => json!({}),
        ("post", "/api/v1/agent/conversations/{id}/held/withdraw") => json!({"token": "none"}),
        ("post", "/api/v1/evidence") => json!({"subject": "0".repeat(32), "reason": "x"}),
        ("post", "/api/v1/ledger/messages") => json!({"channel": "http:app", "ids": ["first"]}),
        ("post", "/api/v1/agent/conversations/{id}/transfer") => json!({"queue": "nowhere"}),
        ("post", "/api/v1/agent/conversations/{id}/unmaskings") => json!({"value": value(), "reason": "fraud"}),
        ("post", "/api/v1/agent/conversations/{id}/matches") => json!({"value": value(), "said": "x"}),
        ("post", path) if path.ends_with("/messages") => json!({"contact": "c", "text": "t"}),
        ("post", path) if path.ends_with("/backchannel-logout") => json!({}),
        ("post", path) if path.ends_with("/visits") => json!({}),
        ("post", path) if path.ends_with("/attachments") || path.ends_with("/files") => json!({}),
        ("post", path) if path.ends_with("/frames") => json!({"type": "typing"}),
        (
            "post",
            "/api/v1/session/second-factor/enrolment"
            | "/api/v1/admin/accounts/{id}/unlock"
            | "/api/v1/admin/accounts/{id}/reset"
            | "/api/v1/agent/conversations/{id}/take"
            | "/api/v1/agent/conversations/{id}/solve"
            | "/api/v1/agent/conversations/{id}/close"
            | "/api/v1/erasures/{id}/approve"
            | "/api/v1/erasures/{id}/reject"
            | "/api/v1/unmaskings/{id}/approve"
            | "/api/v1/unmaskings/{id}/reject"
            | "/api/v1/unmaskings/{id}/open"
            | "/api/v1/policies/masking/amendments/{id}/approve"
            | "/api/v1/policies/masking/amendments/{id}/reject"
            | "/api/v1/policies/masking/amendments/{id}/withdraw"
            | "/api/v1/policies/masking/amendments/{id}/review"
            | "/api/v1/policies/masking/remasking",
        )
        | ("patch", "/api/v1/admin/accounts/{id}")
        | ("delete", _) => json!({}),
        (method, path) => panic!("{method} {path}: this test needs a body for it"),
    };
    Some(body.to_string())
}

/// A masked value that is nowhere.
fn value() -> serde_json::Value {
    json!({"message": "00".repeat(16), "span": 0, "of": 0})
}

async fn drive(
    client: &Client,
    need: &Need,
    things: &Things,
    more: &[(&'static str, &str)],
) -> (u16, serde_json::Value) {
    let method = match need.method {
        "get" => "GET",
        "post" => "POST",
        "put" => "PUT",
        "patch" => "PATCH",
        "delete" => "DELETE",
        "options" => "OPTIONS",
        other => panic!("{other}"),
    };
    let mut headers = vec![KEY];
    if need.method == "post" && (need.path.ends_with("/attachments") || need.path.ends_with("/files")) {
        headers.push(NAME);
        if more.iter().all(|(name, _)| *name != "content-type") {
            headers.push(OCTETS);
        }
    }
    if need.path.ends_with("/import") && more.iter().all(|(name, _)| *name != "content-type") {
        headers.push(CSV);
    }
    headers.extend(more);
    call(client, method, &things.target(need), &headers, body(need).as_deref()).await
}

/// Whoever is in each role of the demo tenant.
async fn staff(server: &Server) -> Vec<(Role, Client)> {
    let mut staff = Vec::new();
    for role in [Role::Agent, Role::Supervisor, Role::Compliance, Role::Auditor, Role::Admin] {
        staff.push((role, server.staff(role.word()).await));
    }
    staff
}

fn of(staff: &[(Role, Client)], role: Role) -> &Client {
    &staff.iter().find(|(known, _)| *known == role).unwrap().1
}

/// Refused for want of a signature or of the headers that it covers.
fn is_unsigned(answer: &(u16, serde_json::Value)) -> bool {
    matches!(code(answer), "not_signed" | "missing_header" | "malformed_header")
}

async fn things(server: &Server, staff: &[(Role, Client)]) -> Things {
    let agent = of(staff, Role::Agent);
    agent.set_online(true).await.unwrap();
    let asked = server.client().send_message(&key("demo"), ("somebody", "你好"), "first", now()).await.unwrap();
    until("the conversation to be given", async || {
        let mine = agent.conversations(Listing { mine: true, ..Listing::default() }).await.unwrap();
        !mine.conversations.is_empty()
    })
    .await;
    let admin = of(staff, Role::Admin);
    let new = json!({"login": "clerk", "name": "clerk", "role": "agent"});
    let (_, made) = ask(admin, "POST", "/api/v1/admin/accounts", Some(new)).await;
    server.client().login("demo", "admin", &chosen_password("admin")).await.unwrap();
    let (_, own) = ask(admin, "GET", "/api/v1/sessions", None).await;
    let other = own["sessions"].as_array().unwrap().iter().find(|session| session["current"] == false).unwrap();
    let canned = json!({"title": "问候", "text": "您好"});
    let (_, canned) = ask(of(staff, Role::Supervisor), "POST", "/api/v1/agent/replies", Some(canned)).await;
    let word = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
    let compliance = of(staff, Role::Compliance);
    let identity = json!({"channel": "http", "account": "app", "id": "somebody"});
    let erase = json!({"identity": identity, "reason": "unlawful"});
    let (_, erasure) = ask(compliance, "POST", "/api/v1/erasures", Some(erase)).await;
    let subject = word(&erasure["subject"]);
    let (_, hold) =
        ask(compliance, "POST", "/api/v1/holds", Some(json!({"subject": subject, "reason": "complaint"}))).await;
    let policy = include_str!("../../policies/masking/cn-retail.yaml").replacen("version: 2", "version: 77", 1);
    let amendments = "/api/v1/policies/masking/amendments";
    let (_, amendment) = ask(compliance, "POST", amendments, Some(json!({"source": policy}))).await;
    Things {
        amendment: word(&amendment["id"]),
        unmasking: "00".repeat(16),
        erasure: word(&erasure["id"]),
        hold: word(&hold["id"]),
        reply: word(&canned["id"]),
        conversation: asked.conversation,
        account: word(&made["account"]),
        session: word(&other["id"]),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_address_answers_every_role_as_the_table_says() {
    let world = World::private();
    let server = world.start("a");
    let staff = staff(&server).await;
    let things = things(&server, &staff).await;
    let nobody = server.client();
    // Closing, taking over and logging out come last: the others need what they end.
    let mut needs: Vec<&Need> = RIGHTS.iter().collect();
    needs.sort_by_key(|need| match (need.method, need.path) {
        ("delete", "/api/v1/session") => 3,
        (_, path) if path.ends_with("/take") => 2,
        (_, path) => u8::from(path.ends_with("/close") || path.ends_with("/solve")),
    });
    for need in needs {
        let what = format!("{} {}", need.method, need.path);
        let without = drive(&nobody.fresh(), need, &things, &[]).await;
        match need.right {
            Right::Open if need.path == "/api/v1/session" => assert_eq!(code(&without), "bad_credentials", "{what}"),
            // No provider is configured here.
            Right::Open if need.path.contains("/oidc/") => assert_eq!(code(&without), "not_found", "{what}"),
            Right::Provider => assert_eq!(code(&without), "not_found", "{what}"),
            Right::Open => assert!((200..300).contains(&without.0), "{what}: {without:?}"),
            Right::Signature | Right::Visitor => assert!(is_unsigned(&without), "{what}: {without:?}"),
            Right::AnySession | Right::Staff(_) => assert_eq!(code(&without), "bad_credentials", "{what}"),
        }
        for (role, client) in &staff {
            // A stream that lets somebody in answers for as long as it is open.
            if need.path == "/api/v1/agent/events" && allows(*role, Action::Converse) {
                continue;
            }
            let answer = drive(client, need, &things, &[]).await;
            let what = format!("{what} by {role:?}: {answer:?}");
            match need.right {
                Right::Open | Right::Provider => {}
                Right::Signature | Right::Visitor => assert!(is_unsigned(&answer), "{what}"),
                Right::Staff(action) if !allows(*role, action) => {
                    assert_eq!((answer.0, code(&answer)), (403, "forbidden"), "{what}");
                }
                // Whose conversation it is decides further: a supervisor answers none that an agent holds.
                Right::Staff(Action::Converse)
                    if *role == Role::Supervisor
                        && ["{id}/messages", "{id}/attachments", "held/withdraw"]
                            .iter()
                            .any(|end| need.path.ends_with(end)) =>
                {
                    assert_eq!(code(&answer), "forbidden", "{what}");
                }
                Right::AnySession | Right::Staff(_) => {
                    assert!(answer.0 != 401 && answer.0 < 500 && code(&answer) != "forbidden", "{what}");
                }
            }
        }
    }
    server.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn another_tenant_s_people_find_nothing_at_any_address() {
    let world = World::private();
    let server = world.start("a");
    let ours = staff(&server).await;
    let things = things(&server, &ours).await;
    for role in [Role::Agent, Role::Supervisor, Role::Compliance, Role::Auditor, Role::Admin] {
        let stranger = server.staff_with("other", role.word(), &reset(&world, "other", role.word())).await;
        for need in RIGHTS.iter().filter(|need| need.path.contains("{id}")) {
            let Right::Staff(action) = need.right else { panic!("{} names a thing and no action", need.path) };
            let answer = drive(&stranger, need, &things, &[]).await;
            // Whoever may approve, or open a value, is asked for a second factor before anything is looked for.
            let expected = match action {
                Action::Approve | Action::Unmask if allows(role, action) => "must_enrol_second_factor",
                _ if allows(role, action) => "not_found",
                _ => "forbidden",
            };
            assert_eq!(code(&answer), expected, "{} {} by {role:?}: {answer:?}", need.method, need.path);
        }
        let (_, seen) = ask(&stranger, "GET", "/api/v1/admin/accounts", None).await;
        assert!(!seen.to_string().contains(&things.account), "{role:?} sees our account");
    }
    for (_, client) in &ours {
        assert!(client.session().await.is_ok(), "nobody's session was touched");
    }
    server.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn no_page_of_another_site_can_act_for_somebody_who_is_logged_in() {
    let world = World::private();
    let server = world.start("a");
    let ours = staff(&server).await;
    let things = things(&server, &ours).await;
    let foreign = |need: &Need| matches!(need.right, Right::Signature | Right::Visitor | Right::Provider);
    let acting = RIGHTS.iter().filter(|need| !matches!(need.method, "get" | "options") && !foreign(need));
    for need in acting {
        // Whoever may do it: a refusal is then for the page and not for the role.
        let role = match need.right {
            Right::Staff(action) if !allows(Role::Admin, action) => Role::Supervisor,
            Right::Staff(_) | Right::AnySession | Right::Open | Right::Signature | Right::Visitor | Right::Provider => {
                Role::Admin
            }
        };
        for (name, value, expected) in [
            ("origin", "https://evil.example", "wrong_origin"),
            ("origin", "null", "wrong_origin"),
            ("sec-fetch-site", "cross-site", "wrong_origin"),
            ("sec-fetch-site", "same-site", "wrong_origin"),
            // What a form or a script without a preflight can send.
            ("content-type", "text/plain", "415"),
            ("content-type", "application/x-www-form-urlencoded", "415"),
            ("content-type", "multipart/form-data", "415"),
        ] {
            let answer = drive(of(&ours, role), need, &things, &[(name, value)]).await;
            let got = if answer.0 == 415 { "415" } else { code(&answer) };
            assert_eq!(got, expected, "{} {} with {name}: {value}: {answer:?}", need.method, need.path);
        }
    }
    assert!(of(&ours, Role::Admin).session().await.is_ok());
    server.stop();
}

#[test]
fn every_action_of_the_table_is_asked_by_an_address() {
    for rule in TABLE {
        let asked = RIGHTS.iter().any(|need| need.right == Right::Staff(rule.action));
        assert!(asked, "{:?}", rule.action);
    }
}
