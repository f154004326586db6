//! The bank's own OpenID provider, played by the test: logins by it, its orders to log out, and what a tenant without one says.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a broken test world fails the test")]

use crate::common;

use std::collections::HashMap;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use common::people::{ask, call};
use common::{Server, World, now};
use liaowaiwai::cli::client::{Call, Client};
use lww_audit::entry::Detail;
use ring::signature::{Ed25519KeyPair, KeyPair as _};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

const LOGOUT: &str = "/api/v1/session/oidc/demo/backchannel-logout";
const EVENT: &str = "http://schemas.openid.net/event/backchannel-logout";
const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");

/// A provider that vouches for whatever the code says: `<nonce>.<subject>.<session>`, the last perhaps empty.
struct Provider {
    issuer: String,
}

impl Provider {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let issuer = format!("http://{}", listener.local_addr().unwrap());
        let own = issuer.clone();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let own = own.clone();
                tokio::spawn(async move {
                    let mut asked = Vec::new();
                    while !is_whole(&asked) && stream.read_buf(&mut asked).await.unwrap() > 0 {}
                    let body = answer(&own, &String::from_utf8(asked).unwrap()).to_string();
                    let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", body.len());
                    stream.write_all((head + &body).as_bytes()).await.unwrap();
                });
            }
        });
        Self { issuer }
    }

    /// A logout token about a subject and a session, with these claims instead of its own.
    fn logout_token(&self, id: &str, about: &Value, instead: &Value) -> String {
        let now_s = now().as_micros() / 1_000_000;
        let mut claims = json!({
            "iss": self.issuer, "aud": "lww", "iat": now_s, "exp": now_s + 120, "jti": id, "events": {EVENT: {}},
        });
        for more in [about, instead] {
            claims.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        }
        signed(7, &claims)
    }
}

fn is_whole(asked: &[u8]) -> bool {
    let text = String::from_utf8_lossy(asked);
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    let length = head.lines().find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length: ")?.parse().ok());
    body.len() >= length.unwrap_or(0)
}

fn answer(issuer: &str, asked: &str) -> Value {
    if asked.starts_with("GET /.well-known/") {
        let [auth, token, jwks] = ["auth", "token", "jwks"].map(|name| format!("{issuer}/{name}"));
        json!({"issuer": issuer, "authorization_endpoint": auth, "token_endpoint": token, "jwks_uri": jwks})
    } else if asked.starts_with("GET /jwks") {
        let x = URL_SAFE_NO_PAD.encode(pair(7).public_key());
        json!({"keys": [{"kty": "OKP", "crv": "Ed25519", "x": x}]})
    } else {
        let code = asked.split(['&', '\n']).find_map(|pair| pair.strip_prefix("code=")).unwrap();
        let mut parts = code.split('.');
        let (nonce, subject, session) = (parts.next(), parts.next().unwrap(), parts.next().unwrap());
        let now_s = now().as_micros() / 1_000_000;
        let mut claims = json!({
            "iss": issuer, "aud": "lww", "sub": subject, "nonce": nonce, "iat": now_s, "exp": now_s + 300,
            "preferred_username": subject, "groups": ["desk"],
        });
        if !session.is_empty() {
            claims["sid"] = json!(session);
        }
        json!({"id_token": signed(7, &claims)})
    }
}

fn pair(seed: u8) -> Ed25519KeyPair {
    Ed25519KeyPair::from_seed_unchecked(&[seed; 32]).unwrap()
}

fn signed(seed: u8, claims: &Value) -> String {
    let encode = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let text = format!("{}.{}", encode(&json!({"alg": "EdDSA", "typ": "logout+jwt"})), encode(claims));
    let signature = URL_SAFE_NO_PAD.encode(pair(seed).sign(text.as_bytes()));
    format!("{text}.{signature}")
}

/// Logs somebody in by the provider; what comes back has their session.
async fn login(server: &Server, subject: &str, session: &str) -> Session {
    let client = server.client();
    let go = async |target: String, cookie: Option<String>| {
        let headers = cookie.into_iter().map(|cookie| ("cookie", cookie)).collect();
        client.fresh().send(Call { method: "GET", target, headers, body: None }).await.unwrap()
    };
    let cookie = |answer: &liaowaiwai::cli::client::Answer, name: &str| {
        let set = answer.headers.get_all("set-cookie").iter().map(|value| value.to_str().unwrap().to_owned());
        let mut found = set.filter(|value| value.contains(name));
        found.next().unwrap().split(';').next().unwrap().to_owned()
    };
    let begun = go("/api/v1/session/oidc/demo".to_owned(), None).await;
    let location = begun.headers["location"].to_str().unwrap();
    let query: HashMap<&str, &str> =
        location.split_once('?').unwrap().1.split('&').map(|pair| pair.split_once('=').unwrap()).collect();
    let code = format!("{}.{subject}.{session}", query["nonce"]);
    let back = format!("/api/v1/session/oidc/demo/callback?code={code}&state={}", query["state"]);
    let ended = go(back, Some(cookie(&begun, "lww_oidc="))).await;
    assert_eq!(ended.status, 200, "{subject}");
    Session { client, cookie: cookie(&ended, "lww_session=") }
}

struct Session {
    client: Client,
    cookie: String,
}

impl Session {
    async fn is_open(&self) -> bool {
        let cookie = [("cookie", self.cookie.as_str())];
        call(&self.client.fresh(), "GET", "/api/v1/session", &cookie, None).await.0 == 200
    }
}

/// Gives the server an order of the provider.
async fn order(server: &Server, token: &str) -> (u16, Value) {
    call(&server.client(), "POST", LOGOUT, &[FORM], Some(&format!("other=1&logout_token={token}"))).await
}

/// Who ended sessions other than by logging out, and how many, by the entries.
fn revoked(world: &World) -> Vec<(String, Detail)> {
    let entries = world.entries("a", "demo").into_iter().filter(|entry| entry.kind.as_str() == "session.revoked/1");
    let told = entries.map(|entry| match &entry.detail {
        Detail::Object(fields) => (entry.actor.role.to_string(), fields["sessions"].clone()),
        other => panic!("{other:?}"),
    });
    told.collect()
}

/// Starts a server whose tenant `demo` has a provider at this address.
fn start(world: &World, issuer: &str) -> Server {
    let plain = std::fs::read_to_string(world.configure("a")).unwrap();
    let secret = world.path().join("secret");
    let provider = format!(
        "\n[tenant.oidc]\nissuer = \"{issuer}\"\nclient_id = \"lww\"\nclient_secret = \"secret://file{}\"\n\
         public_url = \"http://127.0.0.1\"\nroles = \"desk=agent\"\ncreate_accounts = true\n\n[[tenant.channel]]",
        secret.display()
    );
    world.launch_with("a", &plain.replacen("\n[[tenant.channel]]", &provider, 1)).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_login_page_learns_of_a_provider_and_nothing_of_tenants_without_one() {
    let world = World::private();
    let server = start(&world, "http://127.0.0.1:1");
    let anybody = server.client();
    let methods = async |tenant: &str| ask(&anybody, "GET", &format!("/api/v1/session/methods{tenant}"), None).await;
    assert_eq!(methods("?tenant=demo").await, (200, json!({"methods": ["password", "oidc"]})));
    for unknown in
        ["?tenant=other", "?tenant=nobody", "?tenant=system", "?tenant=DEMO", "?tenant=demo%00", "?tenant=%E9%93%B6"]
    {
        assert_eq!(methods(unknown).await, (200, json!({"methods": ["password"]})), "{unknown}");
    }
    for wrong in ["", "?tenant=", "?tenant=demo&tenant=other", "?tenant=demo&x=1"] {
        assert_eq!(methods(wrong).await.0, 422, "{wrong}");
    }
    server.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_provider_ends_exactly_the_sessions_that_came_from_its_logins() {
    let (world, provider) = (World::private(), Provider::start().await);
    let server = start(&world, &provider.issuer);
    let (ann_1, ann_2, ann_3) =
        (login(&server, "ann", "s1").await, login(&server, "ann", "s2").await, login(&server, "ann", "").await);
    let bob = login(&server, "bob", "s3").await;
    let by_password = server.staff("agent").await;
    let (ann, none) = (json!({"sub": "ann"}), json!({}));
    let open = async || {
        let of_ann = [ann_1.is_open().await, ann_2.is_open().await, ann_3.is_open().await];
        (of_ann, bob.is_open().await, by_password.session().await.is_ok())
    };

    // What doesn't hold ends nothing, and says what was expected as the specification has it.
    for (what, instead) in [
        ("issuer", json!({"iss": "https://evil.example"})),
        ("client", json!({"aud": "other"})),
        ("not over", json!({"exp": now().as_micros() / 1_000_000 - 60})),
        ("present", json!({"iat": now().as_micros() / 1_000_000 + 600})),
        ("nonce", json!({"nonce": "n"})),
        ("event", json!({"events": {}})),
        ("names", json!({"jti": ""})),
        ("names", json!({"sid": ""})),
    ] {
        let (status, told) = order(&server, &provider.logout_token("wrong", &ann, &instead)).await;
        assert_eq!((status, &told["error"]), (400, &json!("invalid_request")), "{what}: {told}");
        assert!(told["error_description"].as_str().unwrap().contains(what), "{what}: {told}");
    }
    let nobody = provider.logout_token("wrong", &none, &none);
    assert_eq!(order(&server, &nobody).await.0, 400, "it names nobody");
    let (head, signature) = nobody.rsplit_once('.').unwrap();
    assert_eq!(order(&server, &format!("{head}.{}", signature.replace(&signature[..1], "_"))).await.0, 400, "forged");
    let good = provider.logout_token("good", &ann, &none);
    let elsewhere = LOGOUT.replace("demo", "other");
    let form = format!("logout_token={good}");
    for tenant in [elsewhere.as_str(), &LOGOUT.replace("demo", "nobody")] {
        let answer = call(&server.client(), "POST", tenant, &[FORM], Some(&form)).await;
        assert_eq!((answer.0, &answer.1["code"]), (404, &json!("not_found")), "{tenant}");
    }
    assert_eq!(call(&server.client(), "POST", LOGOUT, &[], Some(&form)).await.0, 400, "no form");
    let twice = format!("{form}&{form}");
    assert_eq!(call(&server.client(), "POST", LOGOUT, &[FORM], Some(&twice)).await.0, 400, "two tokens");
    assert_eq!(open().await, ([true; 3], true, true), "nothing of that ended anything");

    // One of the provider's sessions; with its subject, the sessions of that subject that may be it, too.
    assert_eq!(order(&server, &provider.logout_token("1", &json!({"sid": "s1"}), &none)).await.0, 200);
    assert_eq!(open().await, ([false, true, true], true, true));
    assert_eq!(order(&server, &provider.logout_token("2", &json!({"sub": "bob", "sid": "s2"}), &none)).await.0, 200);
    assert_eq!(open().await, ([false, true, true], true, true), "that session is another person's");
    let both = provider.logout_token("3", &json!({"sub": "ann", "sid": "s2"}), &none);
    assert_eq!(order(&server, &both).await.0, 200);
    assert_eq!(open().await, ([false, false, false], true, true));

    // An order counts once; another one about the same person is fine.
    let again = login(&server, "ann", "s4").await;
    let (status, told) = order(&server, &both).await;
    assert_eq!((status, &told["error"]), (400, &json!("invalid_request")), "{told}");
    assert!(again.is_open().await);
    assert_eq!(order(&server, &good).await.0, 200);
    assert!(!again.is_open().await);
    assert_eq!(order(&server, &provider.logout_token("4", &ann, &none)).await.0, 200, "nothing is left to end");
    assert_eq!(open().await, ([false; 3], true, true), "others go on");
    server.stop();
    let ended = |sessions| ("server".to_owned(), Detail::Int(sessions));
    assert_eq!(revoked(&world), [ended(1), ended(2), ended(1)]);
}
