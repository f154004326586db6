//! A provider that does what it should not: each answer of it, held against what the server makes of it.

use std::sync::Mutex as Lock;
use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use super::token::tests::{NOW_S, header, key_of, token_by};
use super::*;

/// Draws bytes that never come again in a test.
struct Counting;

impl Random for Counting {
    fn fill(&self, out: &mut [u8]) {
        static DRAWN: AtomicU64 = AtomicU64::new(0);
        for byte in out {
            *byte = digest(&SHA256, &DRAWN.fetch_add(1, Ordering::Relaxed).to_be_bytes()).as_ref()[0];
        }
    }
}

/// What the provider answers next, by the path that is asked; and what was asked so far.
#[derive(Default)]
struct Script {
    answers: Vec<(&'static str, String)>,
    asked: Vec<String>,
}

/// Its address, and its script.
async fn provider() -> (String, Arc<Lock<Script>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let script = Arc::new(Lock::new(Script::default()));
    let shared = Arc::clone(&script);
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut head = vec![0; 16_384];
            let read = stream.read(&mut head).await.unwrap();
            let head = String::from_utf8_lossy(&head[..read]).into_owned();
            let path = head.split(' ').nth(1).unwrap_or("").to_owned();
            let answer = {
                let mut script = shared.lock().unwrap();
                script.asked.push(head);
                script.answers.iter().find(|(known, _)| *known == path).map(|(_, answer)| answer.clone())
            };
            let answer = answer.unwrap_or_else(|| "HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n".to_owned());
            let _gone = stream.write_all(answer.as_bytes()).await;
        }
    });
    (address, script)
}

fn ok(body: &str) -> String {
    format!("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}", body.len())
}

fn metadata(issuer: &str) -> Value {
    json!({
        "issuer": issuer, "authorization_endpoint": format!("{issuer}/auth"),
        "token_endpoint": format!("{issuer}/token"), "jwks_uri": format!("{issuer}/jwks"),
    })
}

const DISCOVERY: &str = "/.well-known/openid-configuration";

fn set(script: &Lock<Script>, path: &'static str, answer: String) {
    let mut script = script.lock().unwrap();
    script.answers.retain(|(known, _)| *known != path);
    script.answers.push((path, answer));
}

fn usual(script: &Lock<Script>, issuer: &str, seed: u8) {
    set(script, DISCOVERY, ok(&metadata(issuer).to_string()));
    set(script, "/jwks", ok(&json!({"keys": [key_of(seed).1]}).to_string()));
}

fn client(issuer: &str) -> Provider {
    Provider::new(ProviderSettings {
        issuer: issuer.to_owned(),
        client_id: "lww".to_owned(),
        client_secret: Zeroizing::new("s:e%c".to_owned()),
        redirect_uri: "https://own.example/callback".to_owned(),
        login_claim: "preferred_username".to_owned(),
        role_claim: "groups".to_owned(),
        roles: vec![("chiefs".to_owned(), Role::Supervisor), ("staff".to_owned(), Role::Agent)],
        create_accounts: true,
        tls: None,
    })
    .unwrap()
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_micros((NOW_S + seconds) * MICROS_PER_SECOND)
}

fn id_token(issuer: &str, seed: u8, more: &Value) -> String {
    let mut claims = json!({
        "iss": issuer, "aud": "lww", "sub": "42", "nonce": "nonce", "iat": NOW_S, "exp": NOW_S + 3_000,
        "preferred_username": "lin", "name": "小林", "groups": ["staff", "chiefs"],
    });
    claims.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    ok(&json!({"id_token": token_by(&key_of(seed).0, &header(), &claims)}).to_string())
}

const RETURNED: Returned<'static> =
    Returned { code: "the code", state: "state", issuer: None, kept: "state.nonce.verifier" };

#[tokio::test]
async fn a_login_begins_with_everything_that_its_end_is_held_against() {
    let (issuer, script) = provider().await;
    usual(&script, &issuer, 7);
    let provider = client(&issuer);
    let begun = provider.begin(&Counting, at(0)).await.unwrap();
    let kept: Vec<&str> = begun.kept.split('.').collect();
    let challenge = URL_SAFE_NO_PAD.encode(digest(&SHA256, kept[2].as_bytes()));
    assert!(kept.len() == 3 && kept.iter().all(|part| part.len() == 43), "{kept:?}");
    let expected = format!(
        "{issuer}/auth?response_type=code&client_id=lww&redirect_uri=https%3A%2F%2Fown.example%2Fcallback\
         &scope=openid%20profile&state={}&nonce={}&code_challenge={challenge}&code_challenge_method=S256",
        kept[0], kept[1],
    );
    assert_eq!(begun.location, expected);
    let again = provider.begin(&Counting, at(PROVIDER_CACHE_S - 1)).await.unwrap();
    assert_ne!(*again.kept, *begun.kept);
    assert_eq!(script.lock().unwrap().asked.len(), 2, "documents are asked for once an hour");
    provider.begin(&Counting, at(PROVIDER_CACHE_S)).await.unwrap();
    assert_eq!(script.lock().unwrap().asked.len(), 4);
}

#[tokio::test]
async fn a_login_ends_with_whom_the_provider_vouches_for() {
    let (issuer, script) = provider().await;
    usual(&script, &issuer, 7);
    set(&script, "/token", id_token(&issuer, 7, &json!({})));
    let identity = client(&issuer).end(RETURNED, at(0)).await.unwrap();
    assert_eq!((identity.issuer.as_str(), identity.subject.as_str()), (issuer.as_str(), "42"));
    assert_eq!(identity.role, Some(Role::Supervisor), "the first of the configuration that fits");
    let asked = script.lock().unwrap().asked.last().unwrap().clone();
    let basic = STANDARD.encode("lww:s%3Ae%25c");
    assert!(asked.contains(&format!("Basic {basic}")), "{asked}");
    assert!(asked.contains("code=the%20code&") && asked.contains("code_verifier=verifier"), "{asked}");
    for (claims, expected) in [
        (json!({"groups": "staff"}), Some(Role::Agent)),
        (json!({"groups": ["others"]}), None),
        (json!({"groups": {"staff": true}}), None),
        (json!({"groups": null}), None),
    ] {
        set(&script, "/token", id_token(&issuer, 7, &claims));
        let role = client(&issuer).end(RETURNED, at(0)).await.map(|identity| identity.role);
        assert_eq!(role.ok().flatten(), expected, "{claims}");
    }
}

#[tokio::test]
async fn an_answer_for_another_browser_asks_the_provider_nothing() {
    let (issuer, script) = provider().await;
    usual(&script, &issuer, 7);
    for returned in [
        Returned { state: "other", ..RETURNED },
        Returned { state: "", ..RETURNED },
        Returned { kept: "", ..RETURNED },
        Returned { kept: "state.nonce", ..RETURNED },
        Returned { kept: "state.nonce.verifier.more", ..RETURNED },
        Returned { issuer: Some("http://evil.example"), ..RETURNED },
    ] {
        let refused = client(&issuer).end(returned, at(0)).await.err();
        assert!(matches!(refused, Some(ProviderError::Refused { .. })), "{refused:?}");
    }
    assert_eq!(script.lock().unwrap().asked.len(), 0);
}

#[tokio::test]
async fn new_keys_are_read_when_none_fits_and_not_more_than_once_a_minute() {
    let (issuer, script) = provider().await;
    usual(&script, &issuer, 7);
    let provider = client(&issuer);
    provider.begin(&Counting, at(0)).await.unwrap();
    usual(&script, &issuer, 8);
    set(&script, "/token", id_token(&issuer, 8, &json!({})));
    assert_eq!(provider.end(RETURNED, at(PROVIDER_REFRESH_S_MIN - 1)).await.err(), Some(NO_KEY));
    assert!(provider.end(RETURNED, at(PROVIDER_REFRESH_S_MIN)).await.is_ok());
    set(&script, "/token", id_token(&issuer, 7, &json!({})));
    assert_eq!(provider.end(RETURNED, at(2 * PROVIDER_REFRESH_S_MIN)).await.err(), Some(NO_KEY), "old keys are gone");
}

#[tokio::test]
async fn a_provider_that_fails_is_not_asked_again_for_a_moment() {
    let (issuer, script) = provider().await;
    let provider = client(&issuer);
    for after_s in 0..PROVIDER_PAUSE_S {
        assert!(provider.begin(&Counting, at(after_s)).await.is_err());
    }
    assert_eq!(script.lock().unwrap().asked.len(), 1);
    usual(&script, &issuer, 7);
    assert!(provider.begin(&Counting, at(PROVIDER_PAUSE_S)).await.is_ok());
}

#[tokio::test]
async fn whatever_a_provider_should_not_answer_is_an_error_that_says_so() {
    let changed = |issuer: &str, name: &str, value: &str| {
        let mut metadata = metadata(issuer);
        metadata[name] = json!(value);
        ok(&metadata.to_string())
    };
    let (issuer, script) = provider().await;
    let elsewhere = "http://127.0.0.1:1/x";
    let redirect = format!("HTTP/1.1 302 Found\r\nlocation: {elsewhere}\r\ncontent-length: 0\r\n\r\n");
    let long = ok(&format!("\"{}\"", "x".repeat(300 * 1024)));
    for (path, answer, expected) in [
        (DISCOVERY, changed(&issuer, "issuer", "http://127.0.0.1"), "calls itself"),
        (DISCOVERY, changed(&issuer, "jwks_uri", elsewhere), "own origin"),
        (DISCOVERY, changed(&issuer, "authorization_endpoint", "https://evil.example/auth"), "own origin"),
        (DISCOVERY, changed(&issuer, "token_endpoint", elsewhere), "own origin"),
        (DISCOVERY, redirect.clone(), "status 200"),
        (DISCOVERY, long.clone(), "at most 256 KiB"),
        (DISCOVERY, ok("{}"), "the JSON of OpenID Connect"),
        (DISCOVERY, "not HTTP at all\r\n\r\n".to_owned(), "an answer within"),
        ("/jwks", redirect.clone(), "status 200"),
        ("/jwks", ok("[]"), "the JSON of OpenID Connect"),
        ("/token", redirect, "status 200"),
        (
            "/token",
            "HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n".to_owned(),
            "a code that the provider takes",
        ),
        ("/token", ok("{\"access_token\":\"x\"}"), "the JSON of OpenID Connect"),
        ("/token", long, "at most 256 KiB"),
        ("/token", id_token(&issuer, 9, &json!({})), "signed by a key of the provider"),
        ("/token", id_token(&issuer, 7, &json!({"preferred_username": 1})), "the claim of the login"),
    ] {
        usual(&script, &issuer, 7);
        set(&script, "/token", id_token(&issuer, 7, &json!({})));
        set(&script, path, answer);
        let error = client(&issuer).end(RETURNED, at(0)).await.err().map(|error| error.to_string()).unwrap_or_default();
        assert!(error.contains(expected), "{path}: {error:?}, expected {expected}");
    }
}
