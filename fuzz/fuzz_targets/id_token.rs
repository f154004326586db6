//! Feeds the readers of OpenID Connect id tokens and logout tokens: forged ones, ones whose header and claims are anything but whose signature
//! holds, and the provider's keys.
//!
//! Without the key nothing is taken; what is taken says all that it must, whoever signed it; the same token never holds under
//! another key.
#![no_main]

use std::sync::OnceLock;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use liaowaiwai::http::oidc::logout;
use liaowaiwai::http::oidc::token::{Expected, Keys, NO_KEY, checked};
use liaowaiwai::units::{MICROS_PER_SECOND, Timestamp};
use liaowaiwai_fuzz::NOW_S;
use libfuzzer_sys::fuzz_target;
use ring::signature::{Ed25519KeyPair, KeyPair as _};

const ISSUER: &str = "https://login.example";
const CLIENT: &str = "lww";
const NONCE: &str = "n";

fuzz_target!(|data: &[u8]| {
    let expected = Expected {
        issuer: ISSUER,
        client_id: CLIENT,
        nonce: NONCE,
        now: Timestamp::from_micros(NOW_S * MICROS_PER_SECOND),
    };
    let (pair, keys, others) = keys();
    let mut parts = data.splitn(3, |byte| *byte == b'\n');
    let (header, claims) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    if let Ok(token) = std::str::from_utf8(data) {
        assert!(checked(token, keys, &expected).is_err(), "nobody signed this");
        assert!(logout::checked(token, keys, &expected).is_err(), "nobody signed this");
    }
    let signed = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims));
    let token = format!("{signed}.{}", URL_SAFE_NO_PAD.encode(pair.sign(signed.as_bytes())));
    match checked(&token, keys, &expected) {
        Ok(taken) => {
            let word = |name: &str| taken.get(name).and_then(|value| value.as_str());
            let second = |name: &str| taken.get(name).and_then(|value| value.as_i64());
            assert_eq!((word("iss"), word("nonce")), (Some(ISSUER), Some(NONCE)));
            assert!(word("sub").is_some_and(|subject| !subject.is_empty()));
            assert!(
                second("exp").is_some_and(|at| at > NOW_S - 120) && second("iat").is_some_and(|at| at < NOW_S + 120)
            );
            assert!(taken["aud"].to_string().contains("\"lww\""), "it is for somebody else");
            assert_eq!(checked(&token, others, &expected), Err(NO_KEY), "it holds under another key");
        }
        Err(error) => assert!(error.to_string().is_ascii(), "an error repeats the token"),
    }
    if let Ok(ordered) = logout::checked(&token, keys, &expected) {
        assert!(checked(&token, keys, &expected).is_err(), "a token is both a login and a logout");
        assert!(ordered.subject.is_some() || ordered.session.is_some(), "it names nobody");
        assert!(!ordered.id.is_empty() && logout::checked(&token, others, &expected).is_err());
    }
    if let Some(Ok(keys)) = parts.next().map(serde_json::from_slice::<Keys>) {
        let _whatever_they_are = checked(&token, &keys, &expected);
    }
});

/// The provider's pair, its public half as published, and another's.
fn keys() -> &'static (Ed25519KeyPair, Keys, Keys) {
    static KEYS: OnceLock<(Ed25519KeyPair, Keys, Keys)> = OnceLock::new();
    let pair = |seed: u8| Ed25519KeyPair::from_seed_unchecked(&[seed; 32]).expect("a seed");
    let published = |pair: &Ed25519KeyPair| {
        let x = URL_SAFE_NO_PAD.encode(pair.public_key());
        let key = serde_json::json!({"kty": "OKP", "crv": "Ed25519", "x": x});
        serde_json::from_value(serde_json::json!({"keys": [key]})).expect("keys")
    };
    KEYS.get_or_init(|| (pair(7), published(&pair(7)), published(&pair(8))))
}
