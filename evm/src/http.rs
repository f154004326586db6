//! One HTTP request to a node: without redirects, one a connection, bounded in time and length.
//!
//! Its address comes out of the configuration and never out of an answer.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::Uri;
use hyper::body::Bytes;
use hyper::client::conn::http1::handshake;
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HOST};
use hyper_util::rt::TokioIo;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use zeroize::Zeroizing;

use crate::rpc::{ANSWER_BYTES_MAX, Node, RpcError};

/// Longest that a node may take to answer.
const WAIT: Duration = Duration::from_secs(15);

/// A node at an address.
pub struct HttpNode {
    uri: Uri,
    tls: Option<TlsConnector>,
    /// What the node's operator asks for in `Authorization`, a secret.
    authorization: Option<Zeroizing<String>>,
}

impl HttpNode {
    /// A node at an http or https address; `ca` holds the certificates that the latter's own is checked against.
    ///
    /// # Errors
    /// What is wrong with the address or the file.
    pub fn new(url: &str, ca: Option<&Path>, authorization: Option<Zeroizing<String>>) -> Result<Self, String> {
        let uri: Uri = url.parse().map_err(|_| "rpc is no URL".to_owned())?;
        let tls = match (uri.scheme_str(), ca) {
            (Some("http"), _) => None,
            (Some("https"), Some(ca)) => Some(trusting(ca)?),
            (Some("https"), None) => return Err("rpc is https: name the authority of its certificate in ca".to_owned()),
            (Some(_) | None, _) => return Err("rpc is neither http nor https".to_owned()),
        };
        if uri.host().is_none_or(str::is_empty) {
            return Err("rpc has no host".to_owned());
        }
        Ok(Self { uri, tls, authorization })
    }
}

fn trusting(ca: &Path) -> Result<TlsConnector, String> {
    let wrong = |what: &str| format!("ca {}: {what}", ca.display());
    let mut roots = RootCertStore::empty();
    let certificates = CertificateDer::pem_file_iter(ca).map_err(|error| wrong(&error.to_string()))?;
    for certificate in certificates {
        let certificate = certificate.map_err(|error| wrong(&error.to_string()))?;
        roots.add(certificate).map_err(|error| wrong(&error.to_string()))?;
    }
    if roots.is_empty() {
        return Err(wrong("no certificate in it"));
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let config = config.map_err(|error| wrong(&error.to_string()))?.with_root_certificates(roots);
    Ok(TlsConnector::from(Arc::new(config.with_no_client_auth())))
}

#[async_trait]
impl Node for HttpNode {
    async fn post(&self, body: Vec<u8>) -> Result<Vec<u8>, RpcError> {
        let exchange = self.exchange(body);
        tokio::time::timeout(WAIT, exchange).await.map_err(|_| RpcError::Unreachable("it did not answer in time"))?
    }
}

impl HttpNode {
    async fn exchange(&self, body: Vec<u8>) -> Result<Vec<u8>, RpcError> {
        let gone = RpcError::Unreachable("nobody listens there");
        let host = self.uri.host().ok_or_else(|| gone.clone())?.trim_matches(['[', ']']);
        let port = self.uri.port_u16().unwrap_or(if self.tls.is_some() { 443 } else { 80 });
        let stream = TcpStream::connect((host, port)).await.map_err(|_| gone.clone())?;
        match &self.tls {
            None => self.exchanged(stream, body).await,
            Some(tls) => {
                let name = ServerName::try_from(host.to_owned()).map_err(|_| gone)?;
                let untrusted =
                    RpcError::Unreachable("its certificate is not of the authority in ca, or not of this host");
                let stream = tls.connect(name, stream).await.map_err(|_| untrusted)?;
                self.exchanged(stream, body).await
            }
        }
    }

    async fn exchanged<S>(&self, stream: S, body: Vec<u8>) -> Result<Vec<u8>, RpcError>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let broken = |_| RpcError::Unreachable("the connection broke");
        let path = self.uri.path_and_query().map_or("/", |path| path.as_str());
        let authority = self.uri.authority().map_or("", |authority| authority.as_str());
        let mut request = hyper::Request::post(path).header(HOST, authority).header(CONTENT_TYPE, "application/json");
        if let Some(secret) = &self.authorization {
            request = request.header(AUTHORIZATION, secret.as_str());
        }
        let request = request.body(Full::new(Bytes::from(body)));
        let request = request.map_err(|_| RpcError::Unreachable("its address can't be asked"))?;
        let (mut sender, connection) = handshake(TokioIo::new(stream)).await.map_err(broken)?;
        let driving = tokio::spawn(connection);
        let answered = async {
            let (head, body) = sender.send_request(request).await.map_err(broken)?.into_parts();
            let body = Limited::new(body, ANSWER_BYTES_MAX).collect().await.map_err(|_| RpcError::TooLong)?;
            // Some nodes tell errors of JSON-RPC with another status: those are read, too.
            match head.status.as_u16() {
                200 | 400 | 500 => Ok(body.to_bytes().to_vec()),
                status => Err(RpcError::Status(status)),
            }
        };
        let answer = answered.await;
        driving.abort();
        answer
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_http_or_https_with_an_authority() {
        assert!(HttpNode::new("http://127.0.0.1:8545/key?x=1", None, None).is_ok());
        for bad in ["https://node.example", "ws://node.example", "node.example", "", "http://"] {
            assert!(HttpNode::new(bad, None, None).is_err(), "{bad}");
        }
        let dir = tempfile::tempdir().unwrap();
        let ca = dir.path().join("ca.pem");
        std::fs::write(&ca, "no certificate").unwrap();
        assert!(HttpNode::new("https://node.example", Some(&ca), None).is_err());
    }
}
