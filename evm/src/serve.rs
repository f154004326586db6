//! Where the server asks: a checkpoint is posted, and answered with its receipt as soon as there is one.
//!
//! Only on loopback. Whoever asks can have anchored what the log has published, and nothing else: a checkpoint is held against
//! the log's own signed tree first.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use lww_audit::Checkpoint;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;

use crate::engine::{Told, Wanted};
use crate::ledger::{Ledger, LedgerError};

/// Longest checkpoint in bytes.
const BODY_BYTES_MAX: usize = 4096;
/// Most connections at once.
const CONNECTIONS_MAX: usize = 64;
const HEAD_WAIT: Duration = Duration::from_secs(5);
const CONNECTION_WAIT: Duration = Duration::from_secs(60);

/// What requests are answered from.
pub struct Serving {
    /// What is wanted, and what came of it.
    pub wanted: Arc<Wanted>,
    /// The logs.
    pub ledgers: Arc<[Ledger]>,
}

/// An answer: its status, its type, its body.
pub struct Answer {
    /// The status.
    pub status: StatusCode,
    /// Its body: a receipt in JSON with 200, else one line for people.
    pub body: Vec<u8>,
}

fn line(status: StatusCode, text: &str) -> Answer {
    Answer { status, body: format!("{text}\n").into_bytes() }
}

impl Serving {
    /// Answers `POST /confirm` with a checkpoint's text as body.
    pub async fn confirm(&self, body: &[u8]) -> Answer {
        let text = std::str::from_utf8(body).ok();
        let Some(checkpoint) = text.and_then(|text| text.parse::<Checkpoint>().ok()) else {
            return line(StatusCode::BAD_REQUEST, "the body is no checkpoint: origin, size and root, a line each");
        };
        let Some(ledger) = self.ledgers.iter().find(|ledger| ledger.origin == checkpoint.origin).cloned() else {
            return line(StatusCode::NOT_FOUND, "no [[log]] of the configuration has this origin");
        };
        let asked = checkpoint.clone();
        match tokio::task::spawn_blocking(move || ledger.check(&asked)).await {
            Ok(Ok(())) => {}
            Ok(Err(error @ (LedgerError::NotOfLog | LedgerError::OtherLog(_)))) => {
                return line(StatusCode::FORBIDDEN, &error.to_string());
            }
            Ok(Err(error)) => return line(StatusCode::SERVICE_UNAVAILABLE, &error.to_string()),
            Err(_) => return line(StatusCode::SERVICE_UNAVAILABLE, "the log can't be read at present"),
        }
        match self.wanted.ask(&checkpoint) {
            Told::Receipt(body) => Answer { status: StatusCode::OK, body },
            Told::Pending(None) => line(StatusCode::ACCEPTED, "it is on its way, or waits for blocks"),
            Told::Pending(Some(trouble)) => line(StatusCode::SERVICE_UNAVAILABLE, &trouble),
            Told::Refused(why) => line(StatusCode::CONFLICT, &why),
        }
    }

    async fn answer(&self, request: Request<Incoming>) -> Answer {
        match (request.method(), request.uri().path()) {
            (&Method::GET, "/healthz") => line(StatusCode::OK, "alive"),
            (&Method::POST, "/confirm") => match Limited::new(request.into_body(), BODY_BYTES_MAX).collect().await {
                Ok(body) => self.confirm(&body.to_bytes()).await,
                Err(_) => line(StatusCode::PAYLOAD_TOO_LARGE, "the body is longer than a checkpoint"),
            },
            _ => line(StatusCode::NOT_FOUND, "there is POST /confirm and GET /healthz"),
        }
    }

    /// Serves until it is dropped.
    pub async fn run(self: Arc<Self>, listener: TcpListener) {
        let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
        loop {
            let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
            let Ok((stream, _)) = listener.accept().await else {
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            };
            let serving = Arc::clone(&self);
            tokio::spawn(async move {
                let service = service_fn(move |request| {
                    let serving = Arc::clone(&serving);
                    async move { Ok::<_, Infallible>(response(serving.answer(request).await)) }
                });
                let mut server = hyper::server::conn::http1::Builder::new();
                server.timer(TokioTimer::new()).header_read_timeout(HEAD_WAIT).keep_alive(false);
                let served = server.serve_connection(TokioIo::new(stream), service);
                // Who is too slow is dropped; nobody hears of it.
                drop(tokio::time::timeout(CONNECTION_WAIT, served).await);
                drop(place);
            });
        }
    }
}

fn response(answer: Answer) -> Response<Full<Bytes>> {
    let kind = if answer.status == StatusCode::OK && answer.body.starts_with(b"{") {
        "application/json"
    } else {
        "text/plain; charset=utf-8"
    };
    let mut response = Response::new(Full::new(Bytes::from(answer.body)));
    *response.status_mut() = answer.status;
    response.headers_mut().insert(hyper::header::CONTENT_TYPE, hyper::header::HeaderValue::from_static(kind));
    response
}
