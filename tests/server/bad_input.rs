//! What a peer or an operator gets wrong: each is answered with a clear error, nothing is recorded, nothing is repeated.

#![expect(clippy::unwrap_used, reason = "a broken test world fails the test")]

use crate::common;

use std::net::{SocketAddr, TcpStream};

use common::raw::{Request, ask, wire};
use common::{POLICY, World, get, key, now};
use liaowaiwai::cli::client::Client;
use liaowaiwai::http::ProblemDetails;
use liaowaiwai::limits::{
    BODY_BYTES_MAX, CONTACT_BYTES_MAX, HEADER_BYTES_MAX, IDEMPOTENCY_KEY_BYTES_MAX, SIGNATURE_SKEW_S_MAX,
    TEXT_BYTES_MAX,
};
use liaowaiwai::units::{MICROS_PER_SECOND, Timestamp};

/// Stands in every bad request and must come back in no answer.
const CONTENT: &str = "SECRET-7731-content";
const TEN_MEGABYTES: usize = 10 * 1024 * 1024;
const SILENT_CONNECTIONS: usize = 1_000;

/// A bad request with the problem that it gets.
struct Case {
    name: &'static str,
    request: Vec<u8>,
    status: u16,
    code: &'static str,
    field: Option<&'static str>,
}

fn case(
    name: &'static str,
    request: Vec<u8>,
    (status, code): (u16, &'static str),
    field: Option<&'static str>,
) -> Case {
    Case { name, request, status, code, field }
}

fn message(contact: &str, text: &str) -> String {
    serde_json::json!({"contact": contact, "text": text}).to_string()
}

/// Bodies that are signed as they should be and are not what the address takes.
fn bad_bodies(authority: &str) -> Vec<Case> {
    let malformed = (400, "malformed_body");
    let invalid = (422, "invalid_field");
    let too_large = (413, "body_too_large");
    let long = |length: usize| format!("{CONTENT}{}", "x".repeat(length));
    let bodies: [(&str, Vec<u8>, (u16, &'static str), Option<&'static str>); 15] = [
        (
            "not UTF-8",
            [b"{\"contact\":\"c\",\"text\":\"".as_slice(), CONTENT.as_bytes(), b"\xff\"}"].concat(),
            malformed,
            None,
        ),
        ("malformed JSON", format!("{{\"contact\":\"c\",\"text\":\"{CONTENT}").into(), malformed, None),
        ("not JSON at all", CONTENT.into(), malformed, None),
        ("nothing", Vec::new(), malformed, None),
        ("two values", format!("{} \"{CONTENT}\"", message("c", CONTENT)).into(), malformed, None),
        (
            "an unknown field",
            format!(r#"{{"contact":"c","text":"t","{CONTENT}":"{CONTENT}"}}"#).into(),
            malformed,
            None,
        ),
        ("a field twice", format!(r#"{{"contact":"c","text":"t","text":"{CONTENT}"}}"#).into(), malformed, None),
        ("a missing field", format!(r#"{{"text":"{CONTENT}"}}"#).into(), malformed, None),
        ("a wrong type", format!(r#"{{"contact":["{CONTENT}"],"text":"t"}}"#).into(), malformed, None),
        ("a lone surrogate", format!(r#"{{"contact":"c","text":"\ud83d{CONTENT}"}}"#).into(), malformed, None),
        ("an empty text", message(CONTENT, "").into(), invalid, Some("text")),
        ("a text too long", message("c", &long(TEXT_BYTES_MAX)).into(), invalid, Some("text")),
        ("a contact too long", message(&long(CONTACT_BYTES_MAX), "t").into(), invalid, Some("contact")),
        ("a body too long", message("c", &long(BODY_BYTES_MAX)).into(), too_large, None),
        ("10 MB", message("c", &long(TEN_MEGABYTES)).into(), too_large, None),
    ];
    let build =
        |(name, body, problem, field)| case(name, Request::new(authority, "demo", "k", body).bytes(), problem, field);
    bodies.into_iter().map(build).collect()
}

fn later(seconds: i64) -> Timestamp {
    Timestamp::from_micros(now().as_micros() + seconds * MICROS_PER_SECOND)
}

/// Requests whose signature does not fit them.
fn bad_signatures(authority: &str) -> Vec<Case> {
    let good = || Request::new(authority, "demo", "k", message("c", CONTENT));
    let altered = |name: &str, value: Option<&str>| {
        let mut headers = good().headers();
        headers.retain(|(known, _)| known != name);
        headers.extend(value.map(|value| (name.to_owned(), value.to_owned())));
        wire(&format!("POST {}", good().path()), &headers, &good().body)
    };
    let (bad, stale) = ((401, "bad_signature"), (401, "stale_signature"));
    let too_far = SIGNATURE_SKEW_S_MAX + 30;
    let other_body = wire(&format!("POST {}", good().path()), &good().headers(), message("d", CONTENT).as_bytes());
    let elsewhere = wire("POST /api/v1/channels/http/other/app/messages", &good().headers(), &good().body);
    let long_key = "k".repeat(IDEMPOTENCY_KEY_BYTES_MAX + 1);
    vec![
        case("a wrong secret", Request { secret: vec![7; 32], ..good() }.bytes(), bad, None),
        case("an unknown key id", Request { keyid: CONTENT.to_owned(), ..good() }.bytes(), bad, None),
        case("an old signature", Request { created: later(-too_far), ..good() }.bytes(), stale, None),
        case("a signature of the future", Request { created: later(too_far), ..good() }.bytes(), stale, None),
        case("a replay under a new key", altered("idempotency-key", Some(CONTENT)), bad, None),
        case("a body that was exchanged", other_body, (400, "bad_digest"), None),
        case("another tenant's address", elsewhere, bad, None),
        case("another tenant's key", Request { keyid: "other-app".to_owned(), ..good() }.bytes(), bad, None),
        case(
            "a tenant that is not there",
            Request { tenant: CONTENT.to_owned(), ..good() }.bytes(),
            (404, "not_found"),
            None,
        ),
        case("no signature", altered("signature", None), (401, "not_signed"), Some("signature")),
        case("no signature input", altered("signature-input", None), (401, "not_signed"), Some("signature-input")),
        case(
            "half a signature input",
            altered("signature-input", Some("sig=(")),
            (400, "malformed_header"),
            Some("signature-input"),
        ),
        case("no key", altered("idempotency-key", None), (400, "missing_header"), Some("idempotency-key")),
        case(
            "a key too long",
            Request { key: long_key, ..good() }.bytes(),
            (400, "malformed_header"),
            Some("idempotency-key"),
        ),
    ]
}

/// What is wrong before any signature or session is looked at, and at the desk.
fn bad_requests(authority: &str) -> Vec<Case> {
    let header = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let plain = |line: &str, more: Vec<(String, String)>, body: &str| {
        let length = header("content-length", &body.len().to_string());
        let fixed = vec![header("host", authority), header("connection", "close"), length];
        wire(line, &[fixed, more].concat(), body.as_bytes())
    };
    let json = || vec![header("content-type", "application/json")];
    let text = || vec![header("content-type", "text/plain")];
    let login = format!(r#"{{"tenant":"demo","login":"{CONTENT}","password":"{CONTENT}"}}"#);
    let extra = format!(r#"{{"tenant":"demo","login":"a","password":"p","more":"{CONTENT}"}}"#);
    let mut huge = Request::new(authority, "demo", "k", message("c", CONTENT)).headers();
    huge.push(header("x-huge", &CONTENT.repeat(HEADER_BYTES_MAX / CONTENT.len() + 1)));
    let huge = wire("POST /api/v1/channels/http/demo/app/messages", &huge, message("c", CONTENT).as_bytes());
    let desk = format!("GET /api/v1/agent/conversations?after={CONTENT}");
    let unknown = format!("GET /api/v1/agent/conversations?{CONTENT}=1");
    let (malformed, invalid) = ((400, "malformed_body"), (422, "invalid_field"));
    vec![
        case("a huge header", huge, (431, "head_too_large"), None),
        case("a wrong content type", plain("POST /api/v1/session", text(), &login), (415, "not_json"), None),
        case("no content type", plain("POST /api/v1/session", Vec::new(), &login), (415, "not_json"), None),
        case("half a login", plain("POST /api/v1/session", json(), &login[..40]), malformed, None),
        case("a login with more", plain("POST /api/v1/session", json(), &extra), malformed, None),
        case("a cursor that is none", plain(&desk, Vec::new(), ""), invalid, Some("after")),
        case("an unknown parameter", plain(&unknown, Vec::new(), ""), invalid, Some("query")),
        case(
            "nobody logged in",
            plain("GET /api/v1/agent/conversations", Vec::new(), ""),
            (401, "bad_credentials"),
            None,
        ),
        case("no such address", plain(&format!("GET /{CONTENT}"), Vec::new(), ""), (404, "no_such_address"), None),
        case("a wrong method", plain("DELETE /healthz", Vec::new(), ""), (405, "method_not_allowed"), None),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn every_bad_request_gets_its_problem_and_leaves_nothing_behind() {
    let world = World::private();
    let server = world.start("a");
    let auditor = server.staff("auditor").await;
    let size = async || auditor.ledger_head().await.unwrap().size.unwrap();
    let authority = server.http.to_string();
    let before = size().await;
    let cases = [bad_bodies(&authority), bad_signatures(&authority), bad_requests(&authority)];
    for Case { name, request, status, code, field } in cases.into_iter().flatten() {
        let address = server.http;
        let came = tokio::task::spawn_blocking(move || ask(address, &request)).await.unwrap();
        assert!(came.head.contains("content-type: application/problem+json"), "{name}: {}\n{}", came.head, came.body);
        let details: ProblemDetails = serde_json::from_str(&came.body).unwrap();
        let told = (came.status, details.status, details.code.as_str(), details.field.as_deref());
        assert_eq!(told, (status, status, code, field), "{name}: {}", came.body);
        assert_eq!(details.kind, format!("urn:lww:problem:{code}"), "{name}");
        assert!(!came.head.contains(&CONTENT.to_lowercase()) && !came.body.contains(CONTENT), "{name}: {}", came.body);
        assert_eq!(size().await, before, "{name} was recorded");
    }
    let good = Request::new(&authority, "demo", "k", message("c", CONTENT)).bytes();
    let address = server.http;
    let came = tokio::task::spawn_blocking(move || ask(address, &good)).await.unwrap();
    assert_eq!(came.status, 201, "no key was used up: {}", came.body);
    assert_eq!(size().await, before + 2, "the conversation and its message");
    let log = std::fs::read_dir(world.data("a").join("logs"))
        .unwrap()
        .map(|file| std::fs::read(file.unwrap().path()).unwrap());
    let all = log.collect::<Vec<_>>().concat();
    assert!(!String::from_utf8_lossy(&all).contains(CONTENT) && !server.errors().contains(CONTENT));
}

/// Opens connections that never say a word, as many as the test is about.
fn silence(address: SocketAddr) -> Vec<TcpStream> {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum }).unwrap();
    (0..SILENT_CONNECTIONS).map(|_| TcpStream::connect(address).unwrap()).collect()
}

/// The policy that comes with the server, with one test that it can't pass.
fn failing_policy() -> String {
    let good = std::fs::read_to_string(POLICY).unwrap();
    let test = "- {in: \"cvv是123\", agent: \"cvv是[cvv]\"";
    assert!(good.contains(test));
    good.replace(test, "- {in: \"cvv是123\", agent: \"cvv是123\"")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_policy_that_fails_its_tests_is_refused_by_the_test_s_name() {
    let world = World::private();
    std::fs::write(world.policy(), failing_policy()).unwrap();
    let server = world.launch("a", &[]).unwrap();
    common::wait_until("the refusal", || server.errors().contains("policy_refused"));
    assert!(server.errors().contains("expected \"cvv是123\", got \"cvv是[cvv]\""), "{}", server.errors());
    let (status, told) = get(server.http, "/readyz").unwrap();
    assert!(status == 503 && told.contains("no active masking policy"), "{status} {told}");
    let refused = server.client().send_message(&key("demo"), ("c", "卡号"), "k", now()).await.unwrap_err();
    assert_eq!(refused.code(), Some("no_policy"));
    server.stop();
    std::fs::copy(POLICY, world.policy()).unwrap();
    let server = world.start("a");
    server.client().send_message(&key("demo"), ("c", "卡号"), "k", now()).await.unwrap();
    let checked = |file: &str| common::lww(&["policy", "check", file]);
    let bad = world.path().join("bad.yaml");
    std::fs::write(&bad, failing_policy()).unwrap();
    let (passed, told) = checked(&bad.display().to_string());
    assert!(!passed && told.contains("view agent: expected \"cvv是123\""), "{told}");
    assert!(checked(POLICY).0);
}

#[test]
fn a_mistake_in_the_configuration_is_named_with_its_line() {
    let world = World::private();
    let good = std::fs::read_to_string(world.configure("a")).unwrap();
    for (from, to, told) in [
        ("trial_listen", "trail_listen", "unknown key http.trail_listen, did you mean http.trial_listen?"),
        ("level = \"trace\"", "level = \"loud\"", "log.level: expected"),
        ("listen = \"127.0.0.1:0\"", "listen = 8443", "http.listen: expected"),
        ("[log]", "[log", "this is not TOML"),
        ("[[tenant.channel]]", "[[tenant.chanel]]", "did you mean"),
        ("listen = \"127.0.0.1:0\"", "listen = \"0.0.0.0:0\"", "a loopback address"),
    ] {
        assert!(good.contains(from));
        let at = good[..good.find(from).unwrap()].matches('\n').count() + 1;
        let bad = world.path().join("bad.toml");
        std::fs::write(&bad, good.replacen(from, to, 1)).unwrap();
        let (started, said) = common::lww(&["run", "--config", &bad.display().to_string()]);
        assert!(!started, "{to} was taken");
        assert!(said.contains(&format!("bad.toml:{at}:")) && said.contains(told), "{to}, line {at}: {said}");
        assert!(!world.data("a").exists(), "nothing is made before the configuration is right");
    }
}

mod slow {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn a_thousand_silent_connections_keep_nobody_from_being_served() {
        let world = World::private();
        let server = world.start("a");
        let desk = server.staff("agent").await;
        for (address, key_of_message) in [(server.http, "while-http"), (server.https, "while-https")] {
            let silent = silence(address);
            let over_https =
                server.client().send_message(&key("demo"), ("c", "还在吗"), key_of_message, now()).await.unwrap();
            let plain = Client::http(server.http);
            let over_http =
                plain.send_message(&key("demo"), ("c", "还在吗"), &format!("{key_of_message}-plain"), now()).await;
            assert!(over_https.receipt.is_some() && over_http.is_ok());
            assert!(desk.session().await.is_ok());
            drop(silent);
        }
    }
}
