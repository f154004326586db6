//! Logins by the bank's own OpenID provider: authorization code flow with PKCE, state and nonce (OpenID Connect Core 1.0,
//! section 3.1; RFC 7636; RFC 9700).
//!
//! Nothing is kept here between the two halves of a login: state, nonce and verifier are random and travel in a cookie of
//! the one browser that began it. Documents of the provider are cached for a while. Which account an identity is, and
//! whether it may come in, is the pipeline's to say.

mod fetch;
pub mod logout;
pub mod token;

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use hyper::Uri;
use ring::digest::{SHA256, digest};
use rustls::ClientConfig;
use serde::Deserialize;
use serde_json::{Map, Value};
use subtle::ConstantTimeEq as _;
use tokio::sync::Mutex;
use zeroize::Zeroizing;

use self::fetch::{Fetcher, Form};
use self::token::{Expected, Keys, NO_KEY};
use crate::domain::event::Role;
use crate::domain::message::RawText;
use crate::limits::{PROVIDER_CACHE_S, PROVIDER_PAUSE_S, PROVIDER_REFRESH_S_MIN};
use crate::pipeline::{FederatedLogout, Identity};
use crate::ports::{Random, random_bytes};
use crate::units::{MICROS_PER_SECOND, Timestamp};
use crate::wire::percent_encoded;

/// Why a login by the provider failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProviderError {
    /// The provider did not answer, or not as it should.
    #[error("the identity provider can't be used: expected {expected}")]
    Unavailable {
        /// What would be right.
        expected: &'static str,
    },
    /// What came back is not a login that began here and that the provider vouches for.
    #[error("the login is refused: expected {expected}")]
    Refused {
        /// What would be right.
        expected: &'static str,
    },
}

/// What a provider is made from.
pub struct ProviderSettings {
    /// Its address, which is its name, too.
    pub issuer: String,
    /// This server's name with it.
    pub client_id: String,
    /// The secret shared with it.
    pub client_secret: Zeroizing<String>,
    /// Where it sends browsers back to.
    pub redirect_uri: String,
    /// The claim with the login.
    pub login_claim: String,
    /// The claim with its roles.
    pub role_claim: String,
    /// Which role each of its values gives; the first that fits counts.
    pub roles: Vec<(String, Role)>,
    /// Whether a first login makes an account.
    pub create_accounts: bool,
    /// What its certificate is checked with; `None` for plain HTTP on loopback.
    pub tls: Option<Arc<ClientConfig>>,
}

/// One tenant's provider.
pub struct Provider {
    settings: ProviderSettings,
    fetcher: Fetcher,
    cache: Mutex<Cache>,
}

/// What the provider said last, and when and how it failed since.
#[derive(Default)]
struct Cache {
    known: Option<Known>,
    failed: Option<(Timestamp, ProviderError)>,
}

/// What the provider says of itself (OpenID Connect Discovery 1.0, section 3).
#[derive(Clone, Deserialize)]
struct Metadata {
    issuer: String,
    authorization_endpoint: String,
    token_endpoint: String,
    jwks_uri: String,
}

#[derive(Clone)]
struct Known {
    at: Timestamp,
    metadata: Metadata,
    keys: Keys,
}

#[derive(Deserialize)]
struct Tokens {
    id_token: String,
}

/// A login that began: where the browser goes, and what it keeps meanwhile.
pub(super) struct Begun {
    pub(super) location: String,
    pub(super) kept: Zeroizing<String>,
}

/// What the browser brought back.
pub(super) struct Returned<'a> {
    pub(super) code: &'a str,
    pub(super) state: &'a str,
    pub(super) issuer: Option<&'a str>,
    pub(super) kept: &'a str,
}

impl Provider {
    /// A provider that was not asked anything yet.
    ///
    /// # Errors
    /// [`ProviderError::Unavailable`] when its address is none.
    pub fn new(settings: ProviderSettings) -> Result<Self, ProviderError> {
        let issuer: Uri =
            settings.issuer.parse().map_err(|_| ProviderError::Unavailable { expected: "an issuer with a URL" })?;
        let fetcher = Fetcher::new(issuer, settings.tls.clone());
        Ok(Self { settings, fetcher, cache: Mutex::default() })
    }

    /// Whether a first login makes an account.
    pub(super) fn creates_accounts(&self) -> bool {
        self.settings.create_accounts
    }

    /// Begins a login.
    ///
    /// # Errors
    /// [`ProviderError::Unavailable`] when the provider doesn't say where to.
    pub(super) async fn begin(&self, random: &dyn Random, now: Timestamp) -> Result<Begun, ProviderError> {
        let known = self.known(now, PROVIDER_CACHE_S).await?;
        let draw = || Zeroizing::new(URL_SAFE_NO_PAD.encode(random_bytes::<32>(random)));
        let (state, nonce, verifier) = (draw(), draw(), draw());
        let challenge = URL_SAFE_NO_PAD.encode(digest(&SHA256, verifier.as_bytes()));
        let query = form(&[
            ("response_type", "code"),
            ("client_id", &self.settings.client_id),
            ("redirect_uri", &self.settings.redirect_uri),
            ("scope", "openid profile"),
            ("state", &state),
            ("nonce", &nonce),
            ("code_challenge", &challenge),
            ("code_challenge_method", "S256"),
        ]);
        let endpoint = &known.metadata.authorization_endpoint;
        let joint = if endpoint.contains('?') { '&' } else { '?' };
        let kept = Zeroizing::new(format!("{}.{}.{}", *state, *nonce, *verifier));
        Ok(Begun { location: format!("{endpoint}{joint}{query}"), kept })
    }

    /// Ends a login: takes the code to the provider and checks what it says of whom.
    ///
    /// # Errors
    /// [`ProviderError`].
    pub(super) async fn end(&self, returned: Returned<'_>, now: Timestamp) -> Result<Identity, ProviderError> {
        let foreign = ProviderError::Refused { expected: "the browser that began this login, within ten minutes" };
        let mut kept = returned.kept.split('.');
        let (Some(state), Some(nonce), Some(verifier), None) = (kept.next(), kept.next(), kept.next(), kept.next())
        else {
            return Err(foreign);
        };
        if !bool::from(state.as_bytes().ct_eq(returned.state.as_bytes())) {
            return Err(foreign);
        }
        if returned.issuer.is_some_and(|issuer| issuer != self.settings.issuer) {
            return Err(ProviderError::Refused { expected: "an answer of the configured issuer" });
        }
        let known = self.known(now, PROVIDER_CACHE_S).await?;
        let tokens: Tokens =
            self.fetcher.post(&known.metadata.token_endpoint, self.exchange(returned.code, verifier)).await?;
        let expected = Expected { issuer: &self.settings.issuer, client_id: &self.settings.client_id, nonce, now };
        let claims = self.by_keys(now, |keys| token::checked(&tokens.id_token, keys, &expected)).await?;
        self.identity(&claims)
    }

    /// Whom a logout token of the provider is about.
    ///
    /// # Errors
    /// [`ProviderError`].
    pub(super) async fn logout(&self, token: &str, now: Timestamp) -> Result<FederatedLogout, ProviderError> {
        let expected = Expected { issuer: &self.settings.issuer, client_id: &self.settings.client_id, nonce: "", now };
        self.by_keys(now, |keys| logout::checked(token, keys, &expected)).await
    }

    /// Checks something by the provider's keys, which may have changed since they were read.
    async fn by_keys<T>(
        &self,
        now: Timestamp,
        check: impl Fn(&Keys) -> Result<T, ProviderError>,
    ) -> Result<T, ProviderError> {
        match check(&self.known(now, PROVIDER_CACHE_S).await?.keys) {
            Err(NO_KEY) => check(&self.known(now, PROVIDER_REFRESH_S_MIN).await?.keys),
            checked => checked,
        }
    }

    fn exchange(&self, code: &str, verifier: &str) -> Form {
        let body = form(&[
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", &self.settings.redirect_uri),
            ("code_verifier", verifier),
        ]);
        // RFC 6749, section 2.3.1: name and secret are encoded as in a form before they are joined.
        let (name, secret) = (percent_encoded(&self.settings.client_id), percent_encoded(&self.settings.client_secret));
        let joined = Zeroizing::new(format!("{name}:{secret}"));
        Form { authorization: format!("Basic {}", STANDARD.encode(joined.as_bytes())), body }
    }

    fn identity(&self, claims: &Map<String, Value>) -> Result<Identity, ProviderError> {
        let word = |name: &str| claims.get(name).and_then(Value::as_str);
        let login = word(&self.settings.login_claim);
        let login = login.ok_or(ProviderError::Refused { expected: "an id token with the claim of the login" })?;
        let text = |text: &str| RawText::new(text.to_owned());
        Ok(Identity {
            issuer: self.settings.issuer.clone(),
            subject: word("sub").unwrap_or_default().to_owned(),
            login: text(login),
            name: text(word("name").unwrap_or(login)),
            role: self.role(claims.get(&self.settings.role_claim))?,
            session: logout::name(claims, "sid")?,
        })
    }

    /// The role that the claim gives; nothing where none is configured to.
    fn role(&self, claim: Option<&Value>) -> Result<Option<Role>, ProviderError> {
        let has = |value: &str| match claim {
            Some(Value::String(one)) => one == value,
            Some(Value::Array(all)) => all.iter().any(|one| one == value),
            Some(Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_)) | None => false,
        };
        match self.settings.roles.iter().find(|(value, _)| has(value)) {
            Some((_, role)) => Ok(Some(*role)),
            None if self.settings.roles.is_empty() => Ok(None),
            None => Err(ProviderError::Refused { expected: "a role or group that is one of ours" }),
        }
    }

    /// The provider's documents, not older than so many seconds. One at a time asks for them; when that failed, those who
    /// waited hear the same, and for a moment nobody asks again.
    async fn known(&self, now: Timestamp, age_s_max: i64) -> Result<Known, ProviderError> {
        let mut cache = self.cache.lock().await;
        let age_s = |at: Timestamp| (now.as_micros() - at.as_micros()) / MICROS_PER_SECOND;
        if let Some(known) = cache.known.as_ref().filter(|known| age_s(known.at) < age_s_max) {
            return Ok(known.clone());
        }
        if let Some((_, error)) = cache.failed.filter(|(at, _)| age_s(*at) < PROVIDER_PAUSE_S) {
            return Err(error);
        }
        let read = self.read(now).await;
        match &read {
            Ok(known) => *cache = Cache { known: Some(known.clone()), failed: None },
            Err(error) => cache.failed = Some((now, *error)),
        }
        read
    }

    async fn read(&self, at: Timestamp) -> Result<Known, ProviderError> {
        let issuer = &self.settings.issuer;
        let address = format!("{}/.well-known/openid-configuration", issuer.trim_end_matches('/'));
        let metadata: Metadata = self.fetcher.get(&address).await?;
        if metadata.issuer != *issuer {
            return Err(ProviderError::Unavailable { expected: "a provider that calls itself as it is configured" });
        }
        self.fetcher.own(&metadata.authorization_endpoint)?;
        let keys = self.fetcher.get(&metadata.jwks_uri).await?;
        Ok(Known { at, metadata, keys })
    }
}

/// Pairs as a form or a query.
fn form(pairs: &[(&str, &str)]) -> String {
    let pair = |(name, value): &(&str, &str)| format!("{name}={}", percent_encoded(value));
    pairs.iter().map(pair).collect::<Vec<_>>().join("&")
}

#[cfg(test)]
mod tests;
