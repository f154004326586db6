//! The id token: a JSON Web Token (RFC 7519), checked as OpenID Connect Core 1.0, section 3.1.3.7 asks.
//!
//! Signatures are ring's: RS256, PS256, ES256 and EdDSA. `none` and keyed hashes are not among them, and the key decides
//! together with the algorithm, so that no key is used for another's. It knows no clock: the time is a parameter.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED, ED25519, RSA_PKCS1_2048_8192_SHA256, RSA_PSS_2048_8192_SHA256, RsaPublicKeyComponents,
    UnparsedPublicKey,
};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::ProviderError;
use crate::limits::PROVIDER_KEYS_MAX;
use crate::units::{MICROS_PER_SECOND, Timestamp};

/// How far the provider's clock may be from ours, in seconds.
pub(super) const SKEW_S: i64 = 60;

/// The provider's keys (RFC 7517).
#[derive(Clone, Deserialize)]
pub struct Keys {
    keys: Vec<Key>,
}

#[derive(Clone, Deserialize)]
struct Key {
    kty: String,
    kid: Option<String>,
    #[serde(rename = "use")]
    purpose: Option<String>,
    alg: Option<String>,
    crv: Option<String>,
    n: Option<String>,
    e: Option<String>,
    x: Option<String>,
    y: Option<String>,
}

#[derive(Deserialize)]
struct Header {
    alg: String,
    kid: Option<String>,
    typ: Option<String>,
    /// Extensions that must be understood: there are none.
    crit: Option<Value>,
}

/// What a token must say.
pub struct Expected<'a> {
    /// Who made it.
    pub issuer: &'a str,
    /// Whom it is for.
    pub client_id: &'a str,
    /// What the login that began here drew.
    pub nonce: &'a str,
    /// The present.
    pub now: Timestamp,
}

pub(super) const fn refused(expected: &'static str) -> ProviderError {
    ProviderError::Refused { expected }
}

const MALFORMED: ProviderError = ProviderError::Refused { expected: "a token in compact form" };
/// No key fits; newer keys may.
pub const NO_KEY: ProviderError = ProviderError::Refused { expected: "a token signed by a key of the provider" };

/// The claims of a token whose signature and claims hold.
///
/// # Errors
/// [`ProviderError::Refused`] with what was expected, and nothing of the token.
pub fn checked(token: &str, keys: &Keys, expected: &Expected<'_>) -> Result<Map<String, Value>, ProviderError> {
    let (_, claims) = signed_claims(token, keys)?;
    check_origin(&claims, expected)?;
    let word = |name: &str| claims.get(name).and_then(Value::as_str);
    if word("nonce") != Some(expected.nonce) {
        return Err(refused("an id token for the login that began here"));
    }
    if word("sub").is_none_or(str::is_empty) {
        return Err(refused("an id token that names a subject"));
    }
    Ok(claims)
}

/// The type and the claims of a token that a key of the provider signed; nothing else of it is checked.
///
/// # Errors
/// [`ProviderError::Refused`], [`NO_KEY`] among them.
pub(super) fn signed_claims(token: &str, keys: &Keys) -> Result<(Option<String>, Map<String, Value>), ProviderError> {
    let (signed, signature) = token.rsplit_once('.').ok_or(MALFORMED)?;
    let (header, claims) = signed.split_once('.').ok_or(MALFORMED)?;
    let header: Header = json(header)?;
    if header.crit.is_some() {
        return Err(refused("a token without critical extensions"));
    }
    let signature = decoded(signature)?;
    let candidates = keys.keys.iter().take(PROVIDER_KEYS_MAX).filter(|key| key.fits(&header));
    if !candidates.into_iter().any(|key| key.verifies(&header.alg, signed.as_bytes(), &signature)) {
        return Err(NO_KEY);
    }
    Ok((header.typ, json(claims)?))
}

impl Key {
    /// Whether a token may have been signed by this key.
    fn fits(&self, header: &Header) -> bool {
        let named = header.kid.is_none() || self.kid == header.kid;
        let signs = self.purpose.as_deref().is_none_or(|purpose| purpose == "sig");
        named && signs && self.alg.as_ref().is_none_or(|alg| *alg == header.alg)
    }

    fn verifies(&self, alg: &str, signed: &[u8], signature: &[u8]) -> bool {
        let part = |part: &Option<String>| part.as_deref().and_then(|text| URL_SAFE_NO_PAD.decode(text).ok());
        let (n, e, x, y) = (part(&self.n), part(&self.e), part(&self.x), part(&self.y));
        match (alg, self.kty.as_str(), self.crv.as_deref(), n, e, x, y) {
            ("RS256" | "PS256", "RSA", None, Some(n), Some(e), None, None) => {
                let form = if alg == "RS256" { &RSA_PKCS1_2048_8192_SHA256 } else { &RSA_PSS_2048_8192_SHA256 };
                RsaPublicKeyComponents { n, e }.verify(form, signed, signature).is_ok()
            }
            ("ES256", "EC", Some("P-256"), None, None, Some(x), Some(y)) => {
                let point = [&[4], x.as_slice(), y.as_slice()].concat();
                UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point).verify(signed, signature).is_ok()
            }
            ("EdDSA", "OKP", Some("Ed25519"), None, None, Some(x), None) => {
                UnparsedPublicKey::new(&ED25519, x).verify(signed, signature).is_ok()
            }
            _ => false,
        }
    }
}

/// Checks who made a token, for whom and when; gives the second at which it is over.
///
/// # Errors
/// [`ProviderError::Refused`].
pub(super) fn check_origin(claims: &Map<String, Value>, expected: &Expected<'_>) -> Result<i64, ProviderError> {
    let word = |name: &str| claims.get(name).and_then(Value::as_str);
    let second = |name: &str| claims.get(name).and_then(Value::as_i64);
    let now_s = expected.now.as_micros() / MICROS_PER_SECOND;
    if word("iss") != Some(expected.issuer) {
        return Err(refused("a token of the configured issuer"));
    }
    let (ours, several) = match claims.get("aud") {
        Some(Value::String(one)) => (one == expected.client_id, false),
        Some(Value::Array(all)) => (all.iter().any(|one| one == expected.client_id), all.len() > 1),
        Some(_) | None => (false, false),
    };
    let party = word("azp");
    if !ours || (several && party.is_none()) || party.is_some_and(|party| party != expected.client_id) {
        return Err(refused("a token for this client"));
    }
    let until_s = second("exp").filter(|exp| exp.saturating_add(SKEW_S) > now_s);
    let until_s = until_s.ok_or(refused("a token that is not over"))?;
    let early = |name| second(name).is_some_and(|at| at > now_s.saturating_add(SKEW_S));
    if second("iat").is_none() || early("iat") || early("nbf") {
        return Err(refused("a token of the present"));
    }
    Ok(until_s)
}

fn decoded(part: &str) -> Result<Vec<u8>, ProviderError> {
    URL_SAFE_NO_PAD.decode(part).map_err(|_| MALFORMED)
}

fn json<T: serde::de::DeserializeOwned>(part: &str) -> Result<T, ProviderError> {
    serde_json::from_slice(&decoded(part)?).map_err(|_| MALFORMED)
}

#[cfg(test)]
pub(super) mod tests;
