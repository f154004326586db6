//! WebSockets (RFC 6455): one loop a socket that tells, listens, and asks for signs of life.
//!
//! Every wait has a bound: a peer that is silent, reads too slowly or sends too much loses its socket and resumes by cursor.

use std::time::Duration;

use actix_web::http::header::{self, HeaderValue};
use actix_web::web::Payload;
use actix_web::{HttpRequest, HttpResponse};
use actix_ws::{AggregatedMessage, AggregatedMessageStream, CloseCode, CloseReason, Closed, Session};
use futures_util::StreamExt as _;
use tokio::sync::watch;
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};

use super::{Line, Peer};
use crate::domain::message::RawBody;
use crate::http::problem::{Language, Problem};
use crate::limits::{
    BODY_BYTES_MAX, SOCKET_FRAMES_BURST, SOCKET_FRAMES_PER_S_MAX, SOCKET_PING_MS, SOCKET_SEND_MS_MAX,
    SOCKET_SILENCE_MS_MAX,
};

/// The subprotocol that this server speaks.
pub(crate) const PROTOCOL: &str = "lww.v1";

/// Why a socket ends.
enum End {
    /// The peer left, or can't be reached.
    Gone,
    /// The server stops or no longer writes the log: come again.
    Again,
    /// The peer may no longer be here.
    NotAllowed,
    /// The peer does what it may not.
    Misused,
}

impl End {
    fn reason(&self) -> Option<CloseReason> {
        let (code, words) = match self {
            Self::Gone => return None,
            Self::Again => (CloseCode::Restart, "resume from your cursor"),
            Self::NotAllowed => (CloseCode::Policy, "log in again"),
            Self::Misused => (CloseCode::Policy, "too many or too large frames"),
        };
        Some(CloseReason { code, description: Some(words.to_owned()) })
    }
}

/// The subprotocols that a request offers.
pub(crate) fn offered(request: &HttpRequest) -> impl Iterator<Item = &str> {
    let headers = request.headers().get_all(header::SEC_WEBSOCKET_PROTOCOL);
    headers.filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(',')).map(str::trim)
}

/// Takes the socket over and serves the peer in a task of its own.
///
/// # Errors
/// [`Problem::NotASocket`] when the request asks for none.
pub(crate) fn serve<P: Peer + 'static>(
    request: &HttpRequest,
    payload: Payload,
    peer: P,
    stop: watch::Receiver<bool>,
) -> Result<HttpResponse, Problem> {
    let language = Language::of(request.headers());
    let (mut response, session, stream) = actix_ws::handle(request, payload).map_err(|_| Problem::NotASocket)?;
    // Only what was offered may be chosen (RFC 6455, section 4.2.2).
    if offered(request).any(|protocol| protocol == PROTOCOL) {
        response.headers_mut().insert(header::SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(PROTOCOL));
    }
    let stream = stream.max_frame_size(BODY_BYTES_MAX).aggregate_continuations().max_continuation_size(BODY_BYTES_MAX);
    actix_web::rt::spawn(async move {
        let mut socket = Socket { session, stream, allowance: Allowance::new(), heard: Instant::now(), language };
        let mut peer = peer;
        let end = match socket.run(&mut peer, stop).await {
            Ok(never) => match never {},
            Err(end) => end,
        };
        // It may be gone already.
        let _closed = socket.session.close(end.reason()).await;
        peer.end().await;
    });
    Ok(response)
}

enum Never {}

struct Socket {
    session: Session,
    stream: AggregatedMessageStream,
    allowance: Allowance,
    heard: Instant,
    language: Language,
}

impl Socket {
    async fn run<P: Peer>(&mut self, peer: &mut P, mut stop: watch::Receiver<bool>) -> Result<Never, End> {
        let mut beat = interval(Duration::from_millis(SOCKET_PING_MS));
        beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            self.tell_all(peer).await?;
            tokio::select! {
                notice = peer.wait() => peer.take(notice.ok_or(End::Again)?).await.map_err(|_| End::Again)?,
                message = self.stream.next() => self.hear(peer, message).await?,
                _ = beat.tick() => self.beat(peer).await?,
                _ = stop.wait_for(|stop| *stop) => return Err(End::Again),
            }
        }
    }

    async fn tell_all<P: Peer>(&mut self, peer: &mut P) -> Result<(), End> {
        loop {
            let lines = peer.tell().await.map_err(|_| End::Again)?;
            if lines.is_empty() {
                return Ok(());
            }
            self.send(lines).await?;
        }
    }

    async fn send(&mut self, lines: Vec<Line>) -> Result<(), End> {
        let wait = Duration::from_millis(SOCKET_SEND_MS_MAX);
        for line in lines {
            match timeout(wait, self.session.text(line.text)).await {
                Ok(Ok(())) => {}
                Ok(Err(Closed)) | Err(_) => return Err(End::Gone),
            }
        }
        Ok(())
    }

    async fn hear<P: Peer>(
        &mut self,
        peer: &mut P,
        message: Option<Result<AggregatedMessage, actix_ws::ProtocolError>>,
    ) -> Result<(), End> {
        self.heard = Instant::now();
        let frame = match message {
            None | Some(Ok(AggregatedMessage::Close(_))) => return Err(End::Gone),
            Some(Err(_)) => return Err(End::Misused),
            Some(Ok(AggregatedMessage::Ping(bytes))) => {
                return self.session.pong(&bytes).await.map_err(|_: Closed| End::Gone);
            }
            Some(Ok(AggregatedMessage::Pong(_))) => return Ok(()),
            Some(Ok(AggregatedMessage::Text(text))) => RawBody::new(text.as_bytes().to_vec()),
            Some(Ok(AggregatedMessage::Binary(bytes))) => RawBody::new(bytes.to_vec()),
        };
        if !self.allowance.take() {
            return Err(End::Misused);
        }
        let lines = match peer.frame(frame).await {
            Ok(lines) => lines,
            Err(problem) => vec![peer.refused(&problem.in_words(self.language))],
        };
        self.send(lines).await
    }

    async fn beat<P: Peer>(&mut self, peer: &mut P) -> Result<(), End> {
        if self.heard.elapsed() > Duration::from_millis(SOCKET_SILENCE_MS_MAX) {
            return Err(End::Gone);
        }
        peer.check().await.map_err(|_| End::NotAllowed)?;
        self.session.ping(b"").await.map_err(|_: Closed| End::Gone)
    }
}

/// How many frames the peer may still send: a bucket that fills with time.
struct Allowance {
    frames: f64,
    since: Instant,
}

impl Allowance {
    fn new() -> Self {
        Self { frames: f64::from(SOCKET_FRAMES_BURST), since: Instant::now() }
    }

    fn take(&mut self) -> bool {
        let now = Instant::now();
        let earned = (now - self.since).as_secs_f64() * f64::from(SOCKET_FRAMES_PER_S_MAX);
        self.since = now;
        self.frames = (self.frames + earned).min(f64::from(SOCKET_FRAMES_BURST));
        let has_one = self.frames >= 1.0;
        if has_one {
            self.frames -= 1.0;
        }
        has_one
    }
}
