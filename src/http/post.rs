//! Requests to one address of the configuration, for those who know what is asked there.

use std::sync::Arc;

use async_trait::async_trait;
use http_body_util::Full;
use hyper::Uri;
use hyper::body::Bytes;
use hyper::header::{CONTENT_TYPE, HOST};
use rustls::ClientConfig;
use tokio_rustls::TlsConnector;

use super::outgoing::{self, Answer, Bounds};
use crate::ports::{Post, Posted, Unanswered};

/// An address that is posted to.
pub struct HttpPost {
    uri: Uri,
    tls: Option<TlsConnector>,
    bounds: Bounds,
}

impl HttpPost {
    /// An address; `None` when `url` is none. `tls` checks its certificate when it is https.
    pub fn new(url: &str, tls: Option<Arc<ClientConfig>>, wait_ms: u64, answer_bytes_max: usize) -> Option<Self> {
        let uri: Uri = url.parse().ok()?;
        uri.host()?;
        let tls = match uri.scheme_str() {
            Some("https") => Some(TlsConnector::from(tls?)),
            Some("http") => None,
            Some(_) | None => return None,
        };
        Some(Self { uri, tls, bounds: Bounds { wait_ms, answer_bytes_max } })
    }
}

#[async_trait]
impl Post for HttpPost {
    async fn post(&self, content_type: &'static str, body: Vec<u8>) -> Result<Posted, Unanswered> {
        let authority = self.uri.authority().map_or("", |authority| authority.as_str());
        let path = self.uri.path_and_query().map_or("/", |path| path.as_str());
        let request = hyper::Request::post(path)
            .header(HOST, authority)
            .header(CONTENT_TYPE, content_type)
            .body(Full::new(Bytes::from(body)))
            .map_err(|_| Unanswered::Unreachable)?;
        let Answer { status, body } = outgoing::ask(&self.uri, self.tls.as_ref(), request, self.bounds).await?;
        Ok(Posted { status, body: body.to_vec() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_plain_http_or_https_with_an_authority() {
        assert!(HttpPost::new("http://timestamp.example/tsa?x=1", None, 1, 1).is_some());
        for bad in ["https://timestamp.example", "ftp://timestamp.example", "timestamp.example", "", "http://"] {
            assert!(HttpPost::new(bad, None, 1, 1).is_none(), "{bad}");
        }
    }
}
