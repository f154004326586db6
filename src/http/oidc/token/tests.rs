//! Tokens that hold and tokens that don't: another key, algorithm, issuer, audience, time, nonce or byte.

use proptest::prelude::*;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _};
use serde_json::json;

use super::*;

pub(in crate::http::oidc) const NOW_S: i64 = 1_800_000_000;

fn encode(value: &Value) -> String {
    URL_SAFE_NO_PAD.encode(value.to_string())
}

fn ed25519() -> (Ed25519KeyPair, Value) {
    key_of(7)
}

/// A key with its public half as the provider publishes it.
pub(in crate::http::oidc) fn key_of(seed: u8) -> (Ed25519KeyPair, Value) {
    let pair = Ed25519KeyPair::from_seed_unchecked(&[seed; 32]).unwrap();
    let x = URL_SAFE_NO_PAD.encode(pair.public_key());
    (pair, json!({"kty": "OKP", "crv": "Ed25519", "kid": "one", "use": "sig", "x": x}))
}

fn keys(keys: &[Value]) -> Keys {
    serde_json::from_value(json!({"keys": keys})).unwrap()
}

fn claims() -> Value {
    json!({"iss": "https://login.example", "aud": "lww", "sub": "42", "nonce": "n", "iat": NOW_S, "exp": NOW_S + 300})
}

fn token(header: &Value, claims: &Value) -> String {
    token_by(&ed25519().0, header, claims)
}

pub(in crate::http::oidc) fn token_by(pair: &Ed25519KeyPair, header: &Value, claims: &Value) -> String {
    let signed = format!("{}.{}", encode(header), encode(claims));
    let signature = URL_SAFE_NO_PAD.encode(pair.sign(signed.as_bytes()));
    format!("{signed}.{signature}")
}

pub(in crate::http::oidc) fn header() -> Value {
    json!({"alg": "EdDSA", "kid": "one", "typ": "JWT"})
}

fn check(token: &str, keys: &Keys) -> Result<Map<String, Value>, ProviderError> {
    let now = Timestamp::from_micros(NOW_S * MICROS_PER_SECOND);
    let expected = Expected { issuer: "https://login.example", client_id: "lww", nonce: "n", now };
    checked(token, keys, &expected)
}

fn with(change: impl FnOnce(&mut Map<String, Value>)) -> String {
    let mut claims = claims();
    change(claims.as_object_mut().unwrap());
    token(&header(), &claims)
}

#[test]
fn a_token_that_holds_gives_its_claims() {
    let keys = keys(&[ed25519().1]);
    assert_eq!(check(&token(&header(), &claims()), &keys).unwrap()["sub"], "42");
    let both = with(|claims| {
        claims.insert("aud".into(), json!(["other", "lww"]));
        claims.insert("azp".into(), json!("lww"));
    });
    assert!(check(&both, &keys).is_ok());
    let skewed = with(|claims| {
        claims.insert("iat".into(), json!(NOW_S + 60));
        claims.insert("exp".into(), json!(NOW_S - 59));
    });
    assert!(check(&skewed, &keys).is_ok());
}

#[test]
fn no_changed_byte_of_a_token_holds() {
    let (keys, good) = (keys(&[ed25519().1]), token(&header(), &claims()));
    for at in 0..good.len() {
        let mut bytes = good.clone().into_bytes();
        bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
        assert!(check(&String::from_utf8(bytes).unwrap(), &keys).is_err(), "byte {at}");
    }
}

proptest! {
    #[test]
    fn nothing_made_up_is_a_token(text in "[ -~]{0,200}", header in "[A-Za-z0-9_-]{0,40}", claims in "[A-Za-z0-9_-]{0,80}") {
        let keys = keys(&[ed25519().1]);
        prop_assert!(check(&text, &keys).is_err());
        let forged = format!("{header}.{claims}.{}", URL_SAFE_NO_PAD.encode([7; 64]));
        prop_assert!(check(&forged, &keys).is_err());
    }
}

#[test]
fn each_wrong_claim_is_refused_by_name() {
    let keys = keys(&[ed25519().1]);
    let cases: [(&str, Value, &str); 14] = [
        ("iss", json!("https://login.example/"), "issuer"),
        ("iss", Value::Null, "issuer"),
        ("aud", json!("other"), "client"),
        ("aud", json!(["lww", "other"]), "client"),
        ("aud", json!({"lww": 1}), "client"),
        ("azp", json!("other"), "client"),
        ("exp", json!(NOW_S - 60), "over"),
        ("exp", Value::Null, "over"),
        ("iat", json!(NOW_S + 61), "present"),
        ("iat", Value::Null, "present"),
        ("nbf", json!(NOW_S + 61), "present"),
        ("nonce", json!("m"), "began here"),
        ("nonce", Value::Null, "began here"),
        ("sub", json!(""), "subject"),
    ];
    for (name, value, expected) in cases {
        let error = check(&with(|claims| drop(claims.insert(name.to_owned(), value.clone()))), &keys).unwrap_err();
        assert!(error.to_string().contains(expected), "{name} {value}: {error}");
    }
}

#[test]
fn a_key_counts_for_its_own_algorithm_name_and_purpose_only() {
    let good = token(&header(), &claims());
    let changed = |name: &str, value: Value| {
        let mut key = ed25519().1;
        key[name] = value;
        keys(&[key])
    };
    for (name, value) in [
        ("kid", json!("two")),
        ("use", json!("enc")),
        ("alg", json!("ES256")),
        ("kty", json!("EC")),
        ("crv", json!("X25519")),
        ("n", json!("AQAB")),
        ("x", json!("AAAA")),
    ] {
        assert_eq!(check(&good, &changed(name, value)).unwrap_err(), NO_KEY, "{name}");
    }
    for alg in ["none", "HS256", "RS256", "ES256", "eddsa", ""] {
        let header = json!({"alg": alg, "kid": "one"});
        assert_eq!(check(&token(&header, &claims()), &keys(&[ed25519().1])).unwrap_err(), NO_KEY, "{alg}");
    }
    let unsigned = format!("{}.{}.", encode(&json!({"alg": "none"})), encode(&claims()));
    assert!(check(&unsigned, &keys(&[ed25519().1])).is_err());
    let critical = token(&json!({"alg": "EdDSA", "crit": ["b64"], "b64": false}), &claims());
    assert!(check(&critical, &keys(&[ed25519().1])).unwrap_err().to_string().contains("critical"));
    for text in ["", ".", "..", "a.b.c", "e30.e30.e30", "{}", "é.é.é"] {
        assert!(check(text, &keys(&[ed25519().1])).is_err(), "{text}");
    }
}

#[test]
fn a_key_on_the_curve_p_256_signs_too_and_is_told_from_others() {
    let random = SystemRandom::new();
    let make = || {
        let document = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).unwrap();
        EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, document.as_ref(), &random).unwrap()
    };
    let public = |pair: &EcdsaKeyPair| {
        let (x, y) = pair.public_key().as_ref()[1..].split_at(32);
        let (x, y) = (URL_SAFE_NO_PAD.encode(x), URL_SAFE_NO_PAD.encode(y));
        json!({"kty": "EC", "crv": "P-256", "x": x, "y": y})
    };
    let (pair, other) = (make(), make());
    let signed = format!("{}.{}", encode(&json!({"alg": "ES256"})), encode(&claims()));
    let signature = URL_SAFE_NO_PAD.encode(pair.sign(&random, signed.as_bytes()).unwrap());
    let token = format!("{signed}.{signature}");
    assert!(check(&token, &keys(&[public(&other), public(&pair)])).is_ok());
    assert_eq!(check(&token, &keys(&[public(&other)])).unwrap_err(), NO_KEY);
}
