//! WebSockets (RFC 6455): one loop a socket that tells, listens, and asks for signs of life.
//!
//! Every wait has a bound: a peer that is silent, reads too slowly or sends too much loses its socket and resumes by cursor.

use std::time::Duration;

use actix_web::http::Version;
use actix_web::http::header::{self, HeaderValue};
use actix_web::{HttpRequest, HttpResponse};
use futures_util::{SinkExt as _, StreamExt as _};
use tokio::sync::watch;
use tokio::time::{Instant, MissedTickBehavior, interval_at, timeout};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Bytes, Error, Message};

use super::takeover::{self, Bare};
use super::{ALIVE, Line, Peer};
use crate::domain::message::RawBody;
use crate::http::problem::{Language, Problem};
use crate::limits::{
    BODY_BYTES_MAX, DISCONNECT_WAIT_MS_MAX, SOCKET_BUFFER_BYTES, SOCKET_FRAMES_BURST, SOCKET_FRAMES_PER_S_MAX,
    SOCKET_PING_MS, SOCKET_SEND_MS_MAX, SOCKET_SILENCE_MS_MAX,
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
    fn reason(&self) -> Option<CloseFrame> {
        let (code, words) = match self {
            Self::Gone => return None,
            Self::Again => (CloseCode::Restart, "resume from your cursor"),
            Self::NotAllowed => (CloseCode::Policy, "log in again"),
            Self::Misused => (CloseCode::Policy, "too many or too large frames"),
        };
        Some(CloseFrame { code, reason: words.into() })
    }
}

/// The subprotocols that a request offers.
pub(crate) fn offered(request: &HttpRequest) -> impl Iterator<Item = &str> {
    let headers = request.headers().get_all(header::SEC_WEBSOCKET_PROTOCOL);
    headers.filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(',')).map(str::trim)
}

/// Answers with 101 and serves the peer on the connection from then on.
///
/// # Errors
/// [`Problem::NotASocket`] when the request asks for none.
pub(crate) fn serve<P: Peer + 'static>(
    request: &HttpRequest,
    peer: P,
    stop: watch::Receiver<bool>,
) -> Result<HttpResponse, Problem> {
    let language = Language::of(request.headers());
    let mut answer = actix_http::ws::handshake(request.head()).map_err(|_| Problem::NotASocket)?;
    // Only HTTP/1.1 switches protocols (RFC 9113, section 8.6).
    if request.version() != Version::HTTP_11 {
        return Err(Problem::NotASocket);
    }
    // Only what was offered may be chosen (RFC 6455, section 4.2.2).
    if offered(request).any(|protocol| protocol == PROTOCOL) {
        answer.insert_header((header::SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(PROTOCOL)));
    }
    takeover::leave(request, move |connection, ahead| run(connection, ahead, peer, stop, language));
    Ok(HttpResponse::from(answer.finish().map_into_boxed_body()))
}

async fn run<P: Peer>(
    connection: Box<dyn Bare>,
    ahead: Vec<u8>,
    mut peer: P,
    stop: watch::Receiver<bool>,
    language: Language,
) {
    let bounds = WebSocketConfig::default()
        .read_buffer_size(SOCKET_BUFFER_BYTES)
        .write_buffer_size(0)
        .max_message_size(Some(BODY_BYTES_MAX))
        .max_frame_size(Some(BODY_BYTES_MAX));
    let stream = WebSocketStream::from_partially_read(connection, ahead, Role::Server, Some(bounds)).await;
    let mut socket = Socket { stream, allowance: Allowance::new(), heard: Instant::now(), language };
    let end = match socket.run(&mut peer, stop).await {
        Ok(never) => match never {},
        Err(end) => end,
    };
    socket.close(&end).await;
    peer.end().await;
}

enum Never {}

struct Socket {
    stream: WebSocketStream<Box<dyn Bare>>,
    allowance: Allowance,
    heard: Instant,
    language: Language,
}

impl Socket {
    async fn run<P: Peer>(&mut self, peer: &mut P, mut stop: watch::Receiver<bool>) -> Result<Never, End> {
        let period = Duration::from_millis(SOCKET_PING_MS);
        let mut beat = interval_at(Instant::now() + period, period);
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
        for line in lines {
            self.put(Message::text(line.text)).await?;
        }
        Ok(())
    }

    /// Whoever doesn't take a message in time is gone.
    async fn put(&mut self, message: Message) -> Result<(), End> {
        let wait = Duration::from_millis(SOCKET_SEND_MS_MAX);
        timeout(wait, self.stream.send(message)).await.map_err(|_| End::Gone)?.map_err(|_| End::Gone)
    }

    /// Says why it ends, and waits a moment for the peer's word: a connection that is cut at once could take it back.
    async fn close(&mut self, end: &End) {
        let moment = Duration::from_millis(DISCONNECT_WAIT_MS_MAX);
        let over = async {
            // It may be gone already.
            let _closed = self.stream.close(end.reason()).await;
            while let Some(Ok(_)) = self.stream.next().await {}
        };
        let _gone = timeout(moment, over).await;
    }

    async fn hear<P: Peer>(&mut self, peer: &mut P, message: Option<Result<Message, Error>>) -> Result<(), End> {
        self.heard = Instant::now();
        let frame = match message {
            None | Some(Ok(Message::Close(_)) | Err(Error::ConnectionClosed | Error::AlreadyClosed | Error::Io(_))) => {
                return Err(End::Gone);
            }
            Some(Err(_)) => return Err(End::Misused),
            // A ping is answered by the library, with the next thing that is read or written.
            Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => return Ok(()),
            Some(Ok(Message::Text(text))) => RawBody::new(text.as_bytes().to_vec()),
            Some(Ok(Message::Binary(bytes))) => RawBody::new(bytes.to_vec()),
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
        // The line is for the page, the ping for its browser, which answers by itself.
        self.put(Message::text(ALIVE)).await?;
        self.put(Message::Ping(Bytes::new())).await
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
