//! Requests that this server makes: one a connection, without redirects, bounded in time and length.
//!
//! It knows neither whom it asks nor what for; addresses come out of the configuration and never out of an answer.

use std::time::Duration;

use http_body_util::{BodyExt as _, Full, Limited};
use hyper::Uri;
use hyper::body::Bytes;
use hyper::client::conn::http1::handshake;
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

/// A request with its whole body.
pub(super) type Request = hyper::Request<Full<Bytes>>;

/// An answer with its whole body.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) body: Bytes,
}

/// Why there is no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unanswered {
    /// Nobody answered in time, or not in HTTP.
    Unreachable,
    /// The certificate is not of the configured authority, or not of this host.
    Untrusted,
    /// The answer is longer than it may be.
    TooLong,
}

/// How long and how much one answer may be.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    pub(super) wait_ms: u64,
    pub(super) answer_bytes_max: usize,
}

/// Sends a request to the host of an address, by TLS when there is a connector.
pub(super) async fn ask(
    uri: &Uri,
    tls: Option<&TlsConnector>,
    request: Request,
    bounds: Bounds,
) -> Result<Answer, Unanswered> {
    let exchange = exchange(uri, tls, request, bounds.answer_bytes_max);
    let wait = Duration::from_millis(bounds.wait_ms);
    tokio::time::timeout(wait, exchange).await.map_err(|_| Unanswered::Unreachable)?
}

async fn exchange(
    uri: &Uri,
    tls: Option<&TlsConnector>,
    request: Request,
    answer_bytes_max: usize,
) -> Result<Answer, Unanswered> {
    let host = uri.host().ok_or(Unanswered::Unreachable)?.trim_matches(['[', ']']);
    let port = uri.port_u16().unwrap_or(if tls.is_some() { 443 } else { 80 });
    let stream = TcpStream::connect((host, port)).await.map_err(|_| Unanswered::Unreachable)?;
    // A request is one small write: it must not wait for the acknowledgement of the one before.
    stream.set_nodelay(true).map_err(|_| Unanswered::Unreachable)?;
    match tls {
        None => exchanged(stream, request, answer_bytes_max).await,
        Some(tls) => {
            let name = ServerName::try_from(host.to_owned()).map_err(|_| Unanswered::Unreachable)?;
            let stream = tls.connect(name, stream).await.map_err(|_| Unanswered::Untrusted)?;
            exchanged(stream, request, answer_bytes_max).await
        }
    }
}

async fn exchanged<S>(stream: S, request: Request, answer_bytes_max: usize) -> Result<Answer, Unanswered>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (mut sender, connection) = handshake(TokioIo::new(stream)).await.map_err(|_| Unanswered::Unreachable)?;
    let driving = tokio::spawn(connection);
    let answered = async {
        let sent = sender.send_request(request).await.map_err(|_| Unanswered::Unreachable)?;
        let (head, body) = sent.into_parts();
        let body = Limited::new(body, answer_bytes_max).collect().await.map_err(|_| Unanswered::TooLong)?;
        Ok(Answer { status: head.status.as_u16(), body: body.to_bytes() })
    };
    let answer = answered.await;
    driving.abort();
    answer
}
