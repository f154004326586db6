//! What the listeners do without any tenant: bounds, timeouts, problem documents, TLS, draining, and a log without content.
//! No database is needed.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a broken test world fails the test")]

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use liaowaiwai::cli::client::{Call, Client, ClientError};
use liaowaiwai::crypto::dev_ca::{OldestTls, dev_certificate, server_config};
use liaowaiwai::crypto::{SystemClock, SystemRandom};
use liaowaiwai::http::{Addresses, HttpError, Https, ProblemDetails, Readiness, Server, ServerRole, Service};
use liaowaiwai::limits::{BODY_BYTES_MAX, HEADER_BYTES_MAX, REQUEST_BODY_WAIT_MS_MAX, REQUEST_HEAD_WAIT_MS_MAX};
use liaowaiwai::ports::Clock as _;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// Longest that a test waits for what must happen.
const PATIENCE: Duration = Duration::from_secs(60);
/// Text that must come back nowhere: in no answer and no log.
const CANARY: &str = "canary6222021234567890";

struct Listening {
    http: SocketAddr,
    https: Option<SocketAddr>,
    stop: oneshot::Sender<()>,
    run: JoinHandle<Result<(), HttpError>>,
}

fn service(ready: bool) -> Arc<Service> {
    let role = if ready { ServerRole::Active } else { ServerRole::Standby };
    let readiness = move || Readiness { ready, role, reason: "as the test says".to_owned() };
    Arc::new(Service::new(
        Arc::new(SystemClock),
        Arc::new(SystemRandom::new()),
        Box::new(readiness),
        tokio::sync::watch::channel(false).1,
    ))
}

fn listen(ready: bool, https: Option<Https>) -> Listening {
    let any = SocketAddr::from(([127, 0, 0, 1], 0));
    let server = Server::bind(service(ready), Addresses { https, http: Some(any), ..Addresses::default() }).unwrap();
    let (http, https) = (server.http.unwrap(), server.https);
    let (stop, stopped) = oneshot::channel();
    let run = tokio::spawn(server.run(async move {
        // A sender that is dropped means the same as one that was used.
        let _either = stopped.await;
    }));
    Listening { http, https, stop, run }
}

impl Listening {
    async fn end(self) {
        let _already = self.stop.send(());
        tokio::time::timeout(PATIENCE, self.run).await.unwrap().unwrap().unwrap();
    }
}

/// An answer as it came: status, head, body.
struct Came {
    status: u16,
    head: String,
    body: String,
}

impl Came {
    fn problem(&self) -> ProblemDetails {
        assert!(self.head.contains("content-type: application/problem+json"), "{}\n{}", self.head, self.body);
        serde_json::from_str(&self.body).unwrap()
    }
}

fn read(mut stream: TcpStream) -> Came {
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut bytes = Vec::new();
    let _reset_after_the_answer = stream.read_to_end(&mut bytes);
    let text = String::from_utf8(bytes).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").expect("no answer");
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    Came { status, head: head.to_ascii_lowercase(), body: body.to_owned() }
}

fn connect(address: SocketAddr) -> TcpStream {
    TcpStream::connect(address).unwrap()
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    tokio::task::spawn_blocking(work).await.unwrap()
}

async fn ask(address: SocketAddr, request: impl Into<Vec<u8>>) -> Came {
    let request = request.into();
    blocking(move || {
        let mut stream = connect(address);
        stream.write_all(&request).unwrap();
        read(stream)
    })
    .await
}

fn request(line: &str, headers: &[(&str, &str)], body: &str) -> String {
    let mut text = format!("{line} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n");
    for (name, value) in headers {
        text.extend([name, ": ", value, "\r\n"]);
    }
    if !body.is_empty() {
        text.extend(["Content-Length: ", &body.len().to_string(), "\r\n"]);
    }
    format!("{text}\r\n{body}")
}

const JSON: (&str, &str) = ("Content-Type", "application/json");

/// Requests that go wrong in every way that needs no tenant, each with the code that it gets.
fn wrong_requests() -> Vec<(String, u16, &'static str)> {
    let login = format!(r#"{{"tenant": "none", "login": "{CANARY}", "password": "{CANARY}"}}"#);
    let long = format!(r#"{{"tenant": "none", "login": "{}", "password": "p"}}"#, "l".repeat(200));
    let cookie = format!("lww_session=none.{CANARY}");
    let messages = "/api/v1/channels/http/none/app/messages";
    let message = format!(r#"{{"contact": "{CANARY}", "text": "{CANARY}"}}"#);
    let unknown = format!(r#"{{"tenant": "t", "{CANARY}": 1}}"#);
    let big_header = "h".repeat(HEADER_BYTES_MAX);
    let big_body = "b".repeat(BODY_BYTES_MAX + 1);
    let session = "POST /api/v1/session";
    vec![
        (request(&format!("GET /{CANARY}"), &[], ""), 404, "no_such_address"),
        (request(&format!("GET /api/v1/{CANARY}?{CANARY}"), &[], ""), 404, "no_such_address"),
        (request(&format!("DELETE {messages}?{CANARY}"), &[], ""), 405, "method_not_allowed"),
        (request(&format!("{CANARY} /healthz"), &[], ""), 405, "method_not_allowed"),
        (request(session, &[JSON], &login), 401, "bad_credentials"),
        (request(session, &[JSON], &long), 401, "bad_credentials"),
        (request(session, &[], &login), 415, "not_json"),
        (request(session, &[("Content-Type", CANARY)], &login), 415, "not_json"),
        (request(session, &[JSON], &unknown), 400, "malformed_body"),
        (request(session, &[JSON], CANARY), 400, "malformed_body"),
        (request(session, &[JSON], ""), 400, "malformed_body"),
        (request(session, &[JSON, ("Origin", "https://elsewhere.example")], &login), 403, "wrong_origin"),
        (request(session, &[JSON, ("Origin", "null")], &login), 403, "wrong_origin"),
        (request(session, &[JSON, ("Sec-Fetch-Site", "cross-site")], &login), 403, "wrong_origin"),
        (request(session, &[JSON, ("Origin", "http://localhost")], &login), 401, "bad_credentials"),
        (request(session, &[JSON, ("X-Big", &big_header)], &login), 431, "head_too_large"),
        (request(&format!("GET /healthz?{big_header}"), &[], ""), 431, "head_too_large"),
        (request(session, &[JSON], &big_body), 413, "body_too_large"),
        (request("GET /api/v1/session", &[], ""), 401, "bad_credentials"),
        (request("GET /api/v1/session", &[("Cookie", &cookie)], ""), 401, "bad_credentials"),
        (request("GET /api/v1/ledger/head", &[("Cookie", &cookie)], ""), 401, "bad_credentials"),
        (request("GET /api/v1/agent/conversations?limit=0", &[], ""), 422, "invalid_field"),
        (request(&format!("GET /api/v1/agent/conversations?state={CANARY}"), &[], ""), 422, "invalid_field"),
        (request(&format!("GET /api/v1/agent/conversations?{CANARY}=1"), &[], ""), 422, "invalid_field"),
        (request(&format!("GET /api/v1/agent/conversations/{CANARY}"), &[], ""), 422, "invalid_field"),
        (request("DELETE /api/v1/session", &[("Cookie", &cookie)], ""), 415, "not_json"),
        (request("DELETE /api/v1/session", &[JSON, ("Cookie", &cookie)], ""), 401, "bad_credentials"),
        (request(&format!("POST {messages}"), &[JSON], &message), 404, "not_found"),
        (request(&format!("GET {messages}?after={CANARY}"), &[("Lww-Contact", CANARY)], ""), 404, "not_found"),
    ]
}

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_is_wrong_gets_a_problem_document_and_nothing_sent_comes_back_or_is_logged() {
    let log = Log::default();
    let writer = log.clone();
    tracing_subscriber::fmt().with_env_filter("liaowaiwai=trace").with_writer(move || writer.clone()).init();
    let listening = listen(true, None);
    for (request, status, code) in wrong_requests() {
        let line = request.lines().next().unwrap().chars().take(80).collect::<String>();
        let came = ask(listening.http, request).await;
        let problem = came.problem();
        assert_eq!((came.status, problem.code.as_str()), (status, code), "{line}");
        assert!(!came.head.contains(CANARY) && !came.body.contains(CANARY), "{line}");
        for header in
            ["x-request-id: ", "x-content-type-options: nosniff", "cache-control: no-store", "default-src 'none'"]
        {
            assert!(came.head.contains(header), "{line}: {}", came.head);
        }
        assert_eq!(came.head.contains("allow: "), code == "method_not_allowed", "{line}");
    }
    listening.end().await;
    let logged = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    assert!(logged.contains("/api/v1/channels/{channel}/{tenant}/{account}/messages"), "routes are logged");
    assert!(!logged.contains(CANARY), "content is not");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_of_ten_megabytes_hears_why_it_is_refused() {
    let listening = listen(true, None);
    let body = "b".repeat(10 * 1024 * 1024);
    let came = ask(listening.http, request("POST /api/v1/session", &[JSON], &body)).await;
    assert_eq!((came.status, came.problem().code.as_str()), (413, "body_too_large"));
    let mut chunked =
        b"POST /api/v1/session HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec();
    chunked.extend(b"fffffffffffffffff\r\nbroken");
    assert_eq!(ask(listening.http, chunked).await.status, 400);
    listening.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn readiness_says_why_not() {
    for (ready, status) in [(true, 200), (false, 503)] {
        let listening = listen(ready, None);
        let came = ask(listening.http, request("GET /readyz", &[], "")).await;
        let readiness: Readiness = serde_json::from_str(&came.body).unwrap();
        assert_eq!((came.status, readiness.ready), (status, ready));
        assert_eq!(readiness.reason, "as the test says");
        assert_eq!(ask(listening.http, request("GET /healthz", &[], "")).await.status, 200);
        assert_eq!(ask(listening.http, request("GET /api/v1/openapi.json", &[], "")).await.status, 200);
        listening.end().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_connections_that_say_nothing_don_t_keep_others_waiting_and_are_closed() {
    let listening = listen(true, None);
    let address = listening.http;
    let silent: Vec<TcpStream> = blocking(move || (0..1_000).map(|_| connect(address)).collect()).await;
    for _ in 0..20 {
        let began = Instant::now();
        assert_eq!(ask(address, request("GET /healthz", &[], "")).await.status, 200);
        assert!(began.elapsed() < Duration::from_millis(REQUEST_HEAD_WAIT_MS_MAX / 2), "{:?}", began.elapsed());
    }
    let closed = blocking(move || silent.into_iter().map(read).map(|came| came.status).collect::<Vec<_>>()).await;
    assert!(closed.iter().all(|status| *status == 408), "{closed:?}");
    listening.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_head_or_a_body_that_dawdles_is_cut_off() {
    let listening = listen(true, None);
    let half_body = format!("{}{{", request("POST /api/v1/session", &[JSON, ("Content-Length", "100")], ""));
    for (sent, wait_ms) in [
        ("GET /healthz HTTP/1.1\r\nHost: loc".to_owned(), REQUEST_HEAD_WAIT_MS_MAX),
        (half_body, REQUEST_BODY_WAIT_MS_MAX),
    ] {
        let began = Instant::now();
        let came = ask(listening.http, sent).await;
        assert_eq!(came.status, 408);
        assert!(began.elapsed() >= Duration::from_millis(wait_ms - 1_000), "{:?}", began.elapsed());
        assert!(began.elapsed() < Duration::from_millis(wait_ms * 3), "{:?}", began.elapsed());
        if wait_ms == REQUEST_BODY_WAIT_MS_MAX {
            assert_eq!(came.problem().code, "body_timeout");
        }
    }
    listening.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_under_way_is_finished_before_the_server_ends() {
    let listening = listen(true, None);
    let address = listening.http;
    let body = r#"{"tenant": "none", "login": "l", "password": "p"}"#;
    let whole = request("POST /api/v1/session", &[JSON, ("Expect", "100-continue")], body);
    let whole = whole.replace("Connection: close\r\n", "");
    let (head, rest) = whole.split_at(whole.len() - body.len());
    let (head, rest) = (head.to_owned(), rest.to_owned());
    let (idle, under_way) = blocking(move || {
        let mut stream = connect(address);
        stream.write_all(head.as_bytes()).unwrap();
        // The server says so when it has begun with the request.
        let mut go_on = [0; 25];
        stream.read_exact(&mut go_on).unwrap();
        assert_eq!(&go_on, b"HTTP/1.1 100 Continue\r\n\r\n");
        (connect(address), stream)
    })
    .await;
    let Listening { stop, run, .. } = listening;
    stop.send(()).unwrap();
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(!run.is_finished(), "the server did not wait");
    let came = blocking(move || {
        let mut stream = under_way;
        stream.write_all(rest.as_bytes()).unwrap();
        read(stream)
    })
    .await;
    assert_eq!((came.status, came.problem().code.as_str()), (401, "bad_credentials"));
    tokio::time::timeout(PATIENCE, run).await.unwrap().unwrap().unwrap();
    assert!(TcpStream::connect(address).is_err(), "nobody listens any more");
    drop(idle);
}

#[tokio::test(flavor = "multi_thread")]
async fn https_is_for_those_who_trust_the_ca_and_for_nothing_but_tls() {
    for strict_transport in [false, true] {
        let dir = tempfile::tempdir().unwrap();
        let any = SocketAddr::from(([127, 0, 0, 1], 0));
        let made = dev_certificate(dir.path(), any, SystemClock.now()).unwrap();
        let config = server_config(&made.certificate, &made.key, OldestTls::V13).unwrap();
        let listening = listen(true, Some(Https { address: any, config, strict_transport }));
        let address = listening.https.unwrap();
        let client = Client::https(address, &made.ca).unwrap();
        assert!(client.readiness().await.unwrap().ready);
        let health = Call { method: "GET", target: "/healthz".to_owned(), headers: Vec::new(), body: None };
        let answer = client.send(health).await.unwrap();
        assert_eq!(answer.headers.contains_key("strict-transport-security"), strict_transport);
        let refused = client.login("none", "l", "p").await.err().unwrap();
        assert_eq!(refused.code(), Some("bad_credentials"));
        let elsewhere = tempfile::tempdir().unwrap();
        let other = dev_certificate(elsewhere.path(), any, SystemClock.now()).unwrap();
        let stranger = Client::https(address, &other.ca).unwrap();
        assert!(matches!(stranger.readiness().await, Err(ClientError::Connect { .. })));
        let plain = blocking(move || {
            let mut stream = connect(address);
            stream.write_all(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
            let mut bytes = Vec::new();
            let _reset = stream.read_to_end(&mut bytes);
            bytes
        })
        .await;
        assert!(!plain.starts_with(b"HTTP/"), "plain HTTP was answered on the TLS port");
        listening.end().await;
    }
}

#[test]
fn plain_http_beyond_loopback_is_refused_with_the_way_out() {
    for address in ["0.0.0.0:0", "[::]:0"] {
        let addresses = Addresses { http: Some(address.parse().unwrap()), ..Addresses::default() };
        let error = Server::bind(service(true), addresses).err().unwrap();
        assert!(matches!(error, HttpError::PlainNotLoopback { .. }), "{error}");
        assert!(error.to_string().contains("[http]"), "{error}");
    }
    assert!(matches!(Server::bind(service(true), Addresses::default()).err().unwrap(), HttpError::NoAddress));
}

mod slow {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn who_takes_nothing_of_what_is_sent_is_let_go_and_others_are_served_meanwhile() {
        use tokio::io::AsyncWriteExt as _;

        let listening = listen(true, None);
        let http = listening.http;
        let deaf = tokio::spawn(async move {
            let mut stream = tokio::net::TcpStream::connect(http).await.unwrap();
            // Far more than fits between two programs; not a byte of it is read.
            stream.write_all(&b"GET /api/v1/openapi.json HTTP/1.1\r\nhost: a\r\n\r\n".repeat(200)).await.unwrap();
            let until = Instant::now() + 2 * PATIENCE;
            while stream.write_all(b"\r\n").await.is_ok() {
                assert!(Instant::now() < until, "it is still held");
                tokio::time::sleep(Duration::from_millis(500)).await;
            }
        });
        let slow = tokio::task::spawn_blocking(move || {
            let mut stream = TcpStream::connect(http).unwrap();
            Write::write_all(&mut stream, b"GET /api/v1/openapi.json HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n")
                .unwrap();
            let mut answer = String::new();
            stream.read_to_string(&mut answer).unwrap();
            answer
        });
        assert!(slow.await.unwrap().starts_with("HTTP/1.1 200"));
        deaf.await.unwrap();
        listening.end().await;
    }
}
