//! How the store's client reaches the network: the HTTP library that this server has anyway, with rustls and ring.
//!
//! The client's own connector would bring a second TLS implementation along (ADR 0050).

use std::error::Error;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use http_body_util::BodyExt as _;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector as TcpConnector;
use hyper_util::rt::TokioExecutor;
use object_store::ClientOptions;
use object_store::client::{
    HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest, HttpRequestBody, HttpResponse, HttpResponseBody,
    HttpService,
};
use rustls::{ClientConfig, RootCertStore};
use tokio::time::timeout;

use crate::limits::MIRROR_WAIT_MS_MAX;

/// Makes clients that trust one authority, or speak plain HTTP when there is none.
#[derive(Debug)]
pub(super) struct Connector {
    client: Client<HttpsConnector<TcpConnector>, HttpRequestBody>,
}

#[derive(Debug)]
struct Asked(Client<HttpsConnector<TcpConnector>, HttpRequestBody>);

/// The store took longer than is waited for.
#[derive(Debug, thiserror::Error)]
#[error("no answer in time")]
struct Late;

/// The store showed a certificate that isn't believed.
#[derive(Debug, thiserror::Error)]
#[error("the certificate is not believed")]
pub(super) struct Untrusted;

impl Connector {
    pub(super) fn new(tls: Option<Arc<ClientConfig>>) -> Self {
        // Without an authority nobody is trusted: only plain HTTP can be spoken then.
        let nobody = || ClientConfig::builder().with_root_certificates(RootCertStore::empty()).with_no_client_auth();
        let config = tls.map_or_else(nobody, |tls| ClientConfig::clone(&tls));
        let connector = HttpsConnectorBuilder::new().with_tls_config(config).https_or_http().enable_http1().build();
        Self { client: Client::builder(TokioExecutor::new()).pool_max_idle_per_host(8).build(connector) }
    }
}

impl HttpConnector for Connector {
    fn connect(&self, _options: &ClientOptions) -> object_store::Result<HttpClient> {
        Ok(HttpClient::new(Asked(self.client.clone())))
    }
}

#[async_trait]
impl HttpService for Asked {
    async fn call(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let wait = Duration::from_millis(MIRROR_WAIT_MS_MAX);
        let answered =
            timeout(wait, self.0.request(request)).await.map_err(|_| HttpError::new(HttpErrorKind::Timeout, Late))?;
        let answer = answered.map_err(|error| {
            // Trying again makes no other certificate.
            if is_certificate(&error) {
                return HttpError::new(HttpErrorKind::Unknown, Untrusted);
            }
            let kind = if error.is_connect() { HttpErrorKind::Connect } else { HttpErrorKind::Request };
            HttpError::new(kind, error)
        })?;
        Ok(answer
            .map(|body| HttpResponseBody::new(body.map_err(|error| HttpError::new(HttpErrorKind::Interrupted, error)))))
    }
}

/// Whether a certificate was refused, somewhere below an error.
fn is_certificate(error: &(dyn Error + 'static)) -> bool {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(tls) = error.downcast_ref::<rustls::Error>() {
            return matches!(tls, rustls::Error::InvalidCertificate(_));
        }
        // Of what an input-output error was made from, its own source tells nothing.
        let inner = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        next = inner.map_or_else(|| error.source(), |inner| Some(inner as &(dyn Error + 'static)));
    }
    false
}
