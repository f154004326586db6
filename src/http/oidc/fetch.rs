//! Questions to the provider: to the issuer's own origin and nowhere else, without redirects, bounded in time and length.
//!
//! Nothing that a browser sends decides where they go: the issuer stands in the configuration, and an address that the
//! provider names must be of the same origin. It knows nothing of tokens.

use std::sync::Arc;

use http_body_util::Full;
use hyper::Uri;
use hyper::body::Bytes;
use hyper::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HOST};
use rustls::ClientConfig;
use serde::de::DeserializeOwned;
use tokio_rustls::TlsConnector;

use super::super::outgoing::{self, Bounds, Request, Unanswered};
use super::ProviderError;
use crate::limits::{PROVIDER_ANSWER_BYTES_MAX, PROVIDER_WAIT_MS_MAX};

/// Asks one provider.
pub(super) struct Fetcher {
    issuer: Uri,
    tls: Option<TlsConnector>,
}

/// A form for the token endpoint, with what authenticates this server.
pub(super) struct Form {
    pub(super) authorization: String,
    pub(super) body: String,
}

const UNREACHABLE: ProviderError = ProviderError::Unavailable { expected: "an answer within ten seconds" };

impl Fetcher {
    /// Asks the provider at this address; `tls` checks its certificate.
    pub(super) fn new(issuer: Uri, tls: Option<Arc<ClientConfig>>) -> Self {
        Self { issuer, tls: tls.map(TlsConnector::from) }
    }

    /// Whether an address is of the provider's own origin.
    ///
    /// # Errors
    /// [`ProviderError::Unavailable`] when it is another's.
    pub(super) fn own(&self, address: &str) -> Result<Uri, ProviderError> {
        let foreign = ProviderError::Unavailable { expected: "addresses of the issuer's own origin" };
        let uri: Uri = address.parse().map_err(|_| foreign)?;
        let same = uri.scheme_str() == self.issuer.scheme_str() && uri.authority() == self.issuer.authority();
        if same { Ok(uri) } else { Err(foreign) }
    }

    /// Reads a JSON document.
    ///
    /// # Errors
    /// [`ProviderError`].
    pub(super) async fn get<T: DeserializeOwned>(&self, address: &str) -> Result<T, ProviderError> {
        let (status, body) = self.ask(&self.own(address)?, None).await?;
        if status != 200 {
            return Err(ProviderError::Unavailable { expected: "status 200" });
        }
        parsed(&body)
    }

    /// Sends a form; a refusal of the provider is told from its failure.
    ///
    /// # Errors
    /// [`ProviderError`].
    pub(super) async fn post<T: DeserializeOwned>(&self, address: &str, form: Form) -> Result<T, ProviderError> {
        match self.ask(&self.own(address)?, Some(form)).await? {
            (200, body) => parsed(&body),
            (400..=499, _) => Err(ProviderError::Refused { expected: "a code that the provider takes" }),
            (_, _) => Err(ProviderError::Unavailable { expected: "status 200" }),
        }
    }

    async fn ask(&self, uri: &Uri, form: Option<Form>) -> Result<(u16, Bytes), ProviderError> {
        let request = request(uri, form).map_err(|_| UNREACHABLE)?;
        let bounds = Bounds { wait_ms: PROVIDER_WAIT_MS_MAX, answer_bytes_max: PROVIDER_ANSWER_BYTES_MAX };
        let answer =
            outgoing::ask(uri, self.tls.as_ref(), request, bounds).await.map_err(|unanswered| match unanswered {
                Unanswered::Unreachable => UNREACHABLE,
                Unanswered::Untrusted => {
                    ProviderError::Unavailable { expected: "a certificate of the configured authority" }
                }
                Unanswered::TooLong => ProviderError::Unavailable { expected: "an answer of at most 256 KiB" },
            })?;
        Ok((answer.status, answer.body))
    }
}

fn request(uri: &Uri, form: Option<Form>) -> Result<Request, hyper::http::Error> {
    let target = uri.path_and_query().map_or("/", |target| target.as_str());
    let authority = uri.authority().map_or("", |authority| authority.as_str());
    let request = hyper::Request::builder().uri(target).header(HOST, authority).header(ACCEPT, "application/json");
    match form {
        None => request.method("GET").body(Full::default()),
        Some(Form { authorization, body }) => request
            .method("POST")
            .header(AUTHORIZATION, authorization)
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(Full::new(Bytes::from(body))),
    }
}

/// The parser's own words could repeat what the provider sent.
fn parsed<T: DeserializeOwned>(body: &[u8]) -> Result<T, ProviderError> {
    serde_json::from_slice(body).map_err(|_| ProviderError::Unavailable { expected: "the JSON of OpenID Connect" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_of_another_origin_is_never_asked() {
        let fetcher = Fetcher::new("https://login.bank.example/realms/staff".parse().unwrap(), None);
        assert!(fetcher.own("https://login.bank.example/realms/staff/token?x=1").is_ok());
        for foreign in [
            "http://login.bank.example/token",
            "https://login.bank.example:8443/token",
            "https://login.bank.example.evil.example/token",
            "https://login.bank.example@evil.example/token",
            "https://169.254.169.254/latest/meta-data",
            "file:///etc/passwd",
            "/token",
            "",
        ] {
            assert!(fetcher.own(foreign).is_err(), "{foreign}");
        }
    }
}
