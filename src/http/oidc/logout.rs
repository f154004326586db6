//! The logout token, by which the provider ends sessions (OpenID Connect Back-Channel Logout 1.0, section 2.6).
//!
//! Signature, issuer, audience and times are checked as an id token's; the rest tells it from one, so that neither is ever
//! taken for the other. It doesn't know which tokens came before: that is the database's.

use serde_json::{Map, Value};

use super::ProviderError;
use super::token::{Expected, Keys, SKEW_S, check_origin, refused, signed_claims};
use crate::limits::{LOGOUT_TOKEN_S_MAX, PROVIDER_ID_BYTES_MAX};
use crate::pipeline::FederatedLogout;
use crate::units::{MICROS_PER_SECOND, Timestamp};

/// The event that makes a token an order to log out.
const EVENT: &str = "http://schemas.openid.net/event/backchannel-logout";
/// What kinds of token may say so: the one that is meant for it (section 2.4), and that of providers which name none.
const TYPES: [&str; 3] = ["logout+jwt", "application/logout+jwt", "jwt"];

/// What a logout token orders when its signature and claims hold; `expected.nonce` plays no part.
///
/// # Errors
/// [`ProviderError::Refused`] with what was expected, and nothing of the token.
pub fn checked(token: &str, keys: &Keys, expected: &Expected<'_>) -> Result<FederatedLogout, ProviderError> {
    let (kind, claims) = signed_claims(token, keys)?;
    if kind.is_some_and(|kind| !TYPES.contains(&kind.to_ascii_lowercase().as_str())) {
        return Err(refused("a token of the type logout+jwt"));
    }
    let until_s = check_origin(&claims, expected)?;
    if until_s.saturating_sub(expected.now.as_micros() / MICROS_PER_SECOND) > LOGOUT_TOKEN_S_MAX {
        return Err(refused("a logout token that is over within an hour"));
    }
    let event = claims.get("events").and_then(|events| events.get(EVENT));
    if !event.is_some_and(Value::is_object) {
        return Err(refused("a logout token with the event of a back-channel logout"));
    }
    if claims.contains_key("nonce") {
        return Err(refused("a logout token without a nonce"));
    }
    let id = name(&claims, "jti")?.ok_or(refused("a logout token with a name of its own"))?;
    let (subject, session) = (name(&claims, "sub")?, name(&claims, "sid")?);
    if subject.is_none() && session.is_none() {
        return Err(refused("a logout token that names a subject or a session"));
    }
    let until = Timestamp::from_micros((until_s + SKEW_S) * MICROS_PER_SECOND);
    Ok(FederatedLogout { issuer: expected.issuer.to_owned(), subject, session, id, until })
}

/// A claim that names something; `None` when it isn't there.
pub(super) fn name(claims: &Map<String, Value>, claim: &str) -> Result<Option<String>, ProviderError> {
    match claims.get(claim) {
        None => Ok(None),
        Some(Value::String(text)) if (1..=PROVIDER_ID_BYTES_MAX).contains(&text.len()) => Ok(Some(text.clone())),
        Some(_) => Err(refused("names of 1 to 1024 bytes in a token")),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::token::NO_KEY;
    use super::super::token::tests::{NOW_S, header, key_of, token_by};
    use super::*;

    fn claims() -> Value {
        json!({
            "iss": "https://login.example", "aud": "lww", "sub": "42", "sid": "s", "iat": NOW_S, "exp": NOW_S + 120,
            "jti": "one", "events": {EVENT: {}},
        })
    }

    fn check_as(seed: u8, header: &Value, claims: &Value) -> Result<FederatedLogout, ProviderError> {
        let keys: Keys = serde_json::from_value(json!({"keys": [key_of(7).1]})).unwrap();
        let now = Timestamp::from_micros(NOW_S * MICROS_PER_SECOND);
        let expected = Expected { issuer: "https://login.example", client_id: "lww", nonce: "", now };
        checked(&token_by(&key_of(seed).0, header, claims), &keys, &expected)
    }

    fn check(change: impl FnOnce(&mut Map<String, Value>)) -> Result<FederatedLogout, ProviderError> {
        let mut claims = claims();
        change(claims.as_object_mut().unwrap());
        check_as(7, &header(), &claims)
    }

    #[test]
    fn a_logout_token_that_holds_names_whom_it_is_about() {
        let whom = |logout: &FederatedLogout| (logout.subject.clone(), logout.session.clone());
        let (subject, session) = (Some("42".to_owned()), Some("s".to_owned()));
        let both = check(|_| {}).unwrap();
        assert_eq!(whom(&both), (subject.clone(), session.clone()));
        assert_eq!((both.issuer.as_str(), both.id.as_str()), ("https://login.example", "one"));
        assert_eq!(both.until, Timestamp::from_micros((NOW_S + 120 + SKEW_S) * MICROS_PER_SECOND));
        assert_eq!(whom(&check(|claims| drop(claims.remove("sid"))).unwrap()), (subject, None));
        assert_eq!(whom(&check(|claims| drop(claims.remove("sub"))).unwrap()), (None, session));
        for kind in ["logout+jwt", "Logout+JWT", "application/logout+jwt", "JWT"] {
            assert!(check_as(7, &json!({"alg": "EdDSA", "kid": "one", "typ": kind}), &claims()).is_ok(), "{kind}");
        }
        assert!(check_as(7, &json!({"alg": "EdDSA", "kid": "one"}), &claims()).is_ok());
    }

    #[test]
    fn each_wrong_claim_of_a_logout_token_is_refused_by_name() {
        let cases: [(&str, Value, &str); 21] = [
            ("iss", json!("https://evil.example"), "issuer"),
            ("aud", json!("other"), "client"),
            ("aud", json!(["lww", "other"]), "client"),
            ("exp", json!(NOW_S - 60), "over"),
            ("exp", Value::Null, "over"),
            ("exp", json!(NOW_S + LOGOUT_TOKEN_S_MAX + 1), "within an hour"),
            ("exp", json!(i64::MAX), "within an hour"),
            ("iat", json!(NOW_S + 61), "present"),
            ("iat", Value::Null, "present"),
            ("nonce", json!("n"), "nonce"),
            ("nonce", Value::Null, "nonce"),
            ("events", Value::Null, "event"),
            ("events", json!({}), "event"),
            ("events", json!([EVENT]), "event"),
            ("events", json!({EVENT: "yes"}), "event"),
            ("events", json!({"http://schemas.openid.net/event/other": {}}), "event"),
            ("jti", Value::Null, "names"),
            ("jti", json!(""), "names"),
            ("sub", json!(7), "names"),
            ("sid", json!("x".repeat(PROVIDER_ID_BYTES_MAX + 1)), "names"),
            ("sid", json!(""), "names"),
        ];
        for (claim, value, expected) in cases {
            let error = check(|claims| drop(claims.insert(claim.to_owned(), value.clone()))).err().unwrap();
            assert!(error.to_string().contains(expected), "{claim} {value}: {error}");
        }
        assert!(check(|claims| drop(claims.remove("jti"))).is_err());
        assert!(check(|claims| claims.retain(|name, _| name != "sub" && name != "sid")).is_err());
        assert_eq!(check_as(8, &header(), &claims()).err(), Some(NO_KEY), "another's key");
        for kind in ["at+jwt", "secevent+jwt", ""] {
            let header = json!({"alg": "EdDSA", "kid": "one", "typ": kind});
            assert!(check_as(7, &header, &claims()).is_err(), "{kind:?}");
        }
    }
}
