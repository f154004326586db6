//! A small client of the API, for the demo and for tests: HTTPS with a given CA, or plain HTTP on loopback.
//!
//! It signs as a customer's app and works as an agent with a session cookie. One connection at a time, HTTP/1.1, kept
//! open. It shares the shapes of answers with `http`, and nothing of how signatures are checked.

mod calls;
mod files;
mod governance;
mod history;
mod privacy;
mod sign;

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Bytes;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::header::{CONTENT_TYPE, COOKIE, HOST, HeaderMap, SET_COOKIE};
use hyper_util::rt::TokioIo;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use serde::de::DeserializeOwned;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use zeroize::Zeroizing;

use crate::crypto::dev_ca::provider;
use crate::http::ProblemDetails;
use crate::limits::{CLIENT_ANSWER_BYTES_MAX, CLIENT_WAIT_MS_MAX};
use crate::wire::{self, JsonError};

pub use calls::{Listing, Page};
pub use sign::ChannelKey;

/// The name that the development certificate is asked for.
const TLS_NAME: &str = "localhost";

/// A call that got no answer of the kind hoped for.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The CA's file can't be used.
    #[error("{path} holds no certificate to trust", path = .path.display())]
    NoCa {
        /// The file.
        path: PathBuf,
    },
    /// TLS could not be set up.
    #[error("TLS: {0}")]
    Tls(#[from] rustls::Error),
    /// The server can't be reached.
    #[error("{address} can't be reached: {source}")]
    Connect {
        /// The address.
        address: SocketAddr,
        /// The system's reason.
        source: io::Error,
    },
    /// What came can't be kept.
    #[error("what came can't be kept: {0}")]
    Keep(#[from] io::Error),
    /// The connection broke, or what came was not HTTP.
    #[error("the connection broke: {0}")]
    Broken(#[from] hyper::Error),
    /// A name or value can't stand in a request.
    #[error("the request can't be written: {0}")]
    Request(#[from] hyper::http::Error),
    /// No whole answer in time, or one that is too long.
    #[error("no answer of at most {CLIENT_ANSWER_BYTES_MAX} bytes within {CLIENT_WAIT_MS_MAX} ms")]
    NoAnswer,
    /// The server refused and said why.
    #[error("{}: {}", .0.title, .0.detail)]
    Problem(Box<ProblemDetails>),
    /// The answer is not what the description promises.
    #[error("status {status}, and the body is not as described: {error}")]
    Unexpected {
        /// The status.
        status: u16,
        /// Where reading stopped.
        error: JsonError,
    },
}

impl ClientError {
    /// The stable code of a problem.
    pub fn code(&self) -> Option<&str> {
        match self {
            Self::Problem(details) => Some(&details.code),
            Self::NoCa { .. }
            | Self::Tls(_)
            | Self::Connect { .. }
            | Self::Keep(_)
            | Self::Broken(_)
            | Self::Request(_)
            | Self::NoAnswer
            | Self::Unexpected { .. } => None,
        }
    }
}

/// One request.
pub struct Call {
    /// Upper-case method.
    pub method: &'static str,
    /// Path and query as they are sent.
    pub target: String,
    /// Headers beside `Host`, `Cookie` and `Content-Type`.
    pub headers: Vec<(&'static str, String)>,
    /// The body; `Content-Type: application/json` is sent with it, unless the headers name another type.
    pub body: Option<Zeroizing<Vec<u8>>>,
}

/// One answer.
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body.
    pub body: Bytes,
}

/// A client of one server, with at most one session.
pub struct Client {
    address: SocketAddr,
    authority: String,
    tls: Option<(TlsConnector, String)>,
    connection: tokio::sync::Mutex<Option<SendRequest<Full<Bytes>>>>,
    cookie: std::sync::Mutex<Option<Zeroizing<String>>>,
}

impl Client {
    /// Speaks plain HTTP.
    pub fn http(address: SocketAddr) -> Self {
        Self::new(address, address.to_string(), None)
    }

    /// Speaks HTTPS and trusts the CA in this PEM file only; the certificate must be for `localhost`.
    ///
    /// # Errors
    /// [`ClientError::NoCa`], [`ClientError::Tls`].
    pub fn https(address: SocketAddr, ca: &Path) -> Result<Self, ClientError> {
        Self::named(address, TLS_NAME, ca)
    }

    /// The same for a server of another name.
    ///
    /// # Errors
    /// As [`Client::https`].
    pub fn named(address: SocketAddr, name: &str, ca: &Path) -> Result<Self, ClientError> {
        let no_ca = || ClientError::NoCa { path: ca.to_owned() };
        let mut roots = RootCertStore::empty();
        for certificate in CertificateDer::pem_file_iter(ca).map_err(|_| no_ca())? {
            roots.add(certificate.map_err(|_| no_ca())?)?;
        }
        let config = ClientConfig::builder_with_provider(provider())
            .with_protocol_versions(&[&rustls::version::TLS13])?
            .with_root_certificates(roots)
            .with_no_client_auth();
        let authority = format!("{name}:{}", address.port());
        Ok(Self::new(address, authority, Some((TlsConnector::from(Arc::new(config)), name.to_owned()))))
    }

    fn new(address: SocketAddr, authority: String, tls: Option<(TlsConnector, String)>) -> Self {
        Self { address, authority, tls, connection: tokio::sync::Mutex::default(), cookie: std::sync::Mutex::default() }
    }

    /// Another client of the same server: its own connection, no session.
    #[must_use]
    pub fn fresh(&self) -> Self {
        Self::new(self.address, self.authority.clone(), self.tls.clone())
    }

    /// The session's cookie, for a socket that is opened beside.
    pub fn session_cookie(&self) -> Option<Zeroizing<String>> {
        self.cookie.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Sends one request and reads the whole answer, whatever its status.
    ///
    /// # Errors
    /// [`ClientError`] when there is no answer. What was sent may have been done then: repeat it with the same key.
    pub async fn send(&self, call: Call) -> Result<Answer, ClientError> {
        let wait = Duration::from_millis(CLIENT_WAIT_MS_MAX);
        tokio::time::timeout(wait, self.exchange(call)).await.map_err(|_| ClientError::NoAnswer)?
    }

    /// Sends one request and reads the answer as what is hoped for.
    ///
    /// # Errors
    /// [`ClientError::Problem`] when the server refused; else as [`Client::send`].
    pub async fn ask<T: DeserializeOwned>(&self, call: Call) -> Result<T, ClientError> {
        let Answer { status, body, .. } = self.send(call).await?;
        let unexpected = |error| ClientError::Unexpected { status, error };
        if (200..300).contains(&status) {
            return wire::json(&body).map_err(unexpected);
        }
        Err(ClientError::Problem(Box::new(wire::json(&body).map_err(unexpected)?)))
    }

    /// Fetches what may be long, piece by piece; `take` hears each piece, with how many bytes there were so far and of how many.
    ///
    /// # Errors
    /// As [`Client::ask`]; [`ClientError::NoAnswer`] when a piece doesn't come in time, or fewer bytes than were announced.
    /// What `take` refuses ends it.
    pub async fn fetch(
        &self,
        target: &str,
        take: &mut (dyn FnMut(&[u8], u64, u64) -> io::Result<()> + Send),
    ) -> Result<(), ClientError> {
        let wait = Duration::from_millis(CLIENT_WAIT_MS_MAX);
        let late = |_| ClientError::NoAnswer;
        let call = Call { method: "GET", target: target.to_owned(), headers: Vec::new(), body: None };
        let request = self.request(call)?;
        let mut connection = self.connection.lock().await;
        let mut sender = tokio::time::timeout(wait, self.sender(&mut connection)).await.map_err(late)??;
        let answer = tokio::time::timeout(wait, sender.send_request(request)).await.map_err(late)??;
        let (head, mut body) = answer.into_parts();
        if !head.status.is_success() {
            let status = head.status.as_u16();
            let body =
                Limited::new(body, CLIENT_ANSWER_BYTES_MAX).collect().await.map_err(|_| ClientError::NoAnswer)?;
            let details = wire::json(&body.to_bytes()).map_err(|error| ClientError::Unexpected { status, error })?;
            return Err(ClientError::Problem(Box::new(details)));
        }
        let all = hyper::body::Body::size_hint(&body).exact().ok_or(ClientError::NoAnswer)?;
        let mut done = 0;
        while let Some(frame) = tokio::time::timeout(wait, body.frame()).await.map_err(late)? {
            if let Ok(piece) = frame?.into_data() {
                done += piece.len() as u64;
                take(&piece, done, all)?;
            }
        }
        *connection = Some(sender);
        if done == all { Ok(()) } else { Err(ClientError::NoAnswer) }
    }

    /// A connection that is open: the one that was kept, or a new one.
    async fn sender(
        &self,
        kept: &mut Option<SendRequest<Full<Bytes>>>,
    ) -> Result<SendRequest<Full<Bytes>>, ClientError> {
        let mut kept = kept.take();
        let is_open = match &mut kept {
            Some(open) => open.ready().await.is_ok(),
            None => false,
        };
        match kept {
            Some(open) if is_open => Ok(open),
            Some(_) | None => self.connect().await,
        }
    }

    async fn exchange(&self, call: Call) -> Result<Answer, ClientError> {
        let request = self.request(call)?;
        let mut connection = self.connection.lock().await;
        let mut sender = self.sender(&mut connection).await?;
        let (head, body) = sender.send_request(request).await?.into_parts();
        let body = Limited::new(body, CLIENT_ANSWER_BYTES_MAX).collect().await.map_err(|_| ClientError::NoAnswer)?;
        *connection = Some(sender);
        self.keep_cookie(&head.headers);
        Ok(Answer { status: head.status.as_u16(), headers: head.headers, body: body.to_bytes() })
    }

    fn request(&self, call: Call) -> Result<hyper::Request<Full<Bytes>>, ClientError> {
        let mut request = hyper::Request::builder().method(call.method).uri(call.target).header(HOST, &self.authority);
        if let Some(cookie) = self.cookie.lock().unwrap_or_else(PoisonError::into_inner).as_ref() {
            request = request.header(COOKIE, cookie.as_str());
        }
        let has_type = call.headers.iter().any(|(name, _)| *name == "content-type");
        if call.body.is_some() && !has_type {
            request = request.header(CONTENT_TYPE, "application/json");
        }
        for (name, value) in call.headers {
            request = request.header(name, value);
        }
        let body = call.body.map(|body| Bytes::copy_from_slice(&body)).unwrap_or_default();
        Ok(request.body(Full::new(body))?)
    }

    async fn connect(&self) -> Result<SendRequest<Full<Bytes>>, ClientError> {
        let refused = |source| ClientError::Connect { address: self.address, source };
        let stream = TcpStream::connect(self.address).await.map_err(refused)?;
        stream.set_nodelay(true).map_err(refused)?;
        let Some((tls, name)) = &self.tls else { return driven(stream).await };
        let name = ServerName::try_from(name.clone()).map_err(|_| rustls::Error::UnsupportedNameType)?;
        driven(tls.connect(name, stream).await.map_err(refused)?).await
    }

    /// Of all cookies there is one: the session's.
    fn keep_cookie(&self, headers: &HeaderMap) {
        let Some(set) = headers.get(SET_COOKIE).and_then(|value| value.to_str().ok()) else { return };
        let pair = set.split(';').next().unwrap_or("").trim();
        let kept = (!pair.ends_with('=')).then(|| Zeroizing::new(pair.to_owned()));
        *self.cookie.lock().unwrap_or_else(PoisonError::into_inner) = kept;
    }
}

/// Begins HTTP on a stream; the task that drives the connection ends with it.
async fn driven<S>(stream: S) -> Result<SendRequest<Full<Bytes>>, ClientError>
where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send + 'static,
{
    let (sender, connection) = handshake(TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    Ok(sender)
}
