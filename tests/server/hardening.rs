//! Peers that mean harm: floods over HTTP/2, addresses that fail again and again, and headers that lie about who asks.

#![expect(clippy::unwrap_used, reason = "a broken helper fails the test")]

use crate::common;

use std::net::SocketAddr;
use std::sync::Arc;

use common::World;
use common::listening::Listening;
use common::raw::{Came, ask};
use h2::client::SendRequest;
use hyper::body::Bytes;
use hyper::http::{Request, Response, Version};
use liaowaiwai::crypto::SystemClock;
use liaowaiwai::crypto::dev_ca::{OldestTls, dev_certificate, provider, server_config};
use liaowaiwai::http::{Addresses, Https, Rates, TrustedProxies};
use liaowaiwai::limits::{
    HEADER_BYTES_MAX, HEADERS_MAX, HTTP2_CONTROL_FRAMES_BURST_MAX, RATE_BURST_S, REQUESTS_PER_CONNECTION_MAX,
};
use liaowaiwai::ports::Clock;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

const ANY: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 0);

struct Secure {
    listening: Listening,
    tls: TlsConnector,
    roots: RootCertStore,
    _certs: tempfile::TempDir,
}

/// A server with HTTPS, and a client's TLS that offers these protocols.
fn secure(offered: &[&str]) -> Secure {
    let certs = tempfile::tempdir().unwrap();
    let made = dev_certificate(certs.path(), ANY, SystemClock.now()).unwrap();
    let config = server_config(&made.certificate, &made.key, OldestTls::V13).unwrap();
    let https = Https { address: ANY, config, strict_transport: true };
    let listening = Listening::start(Addresses { https: Some(https), ..Addresses::default() });
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(&made.ca).unwrap()).unwrap();
    let mut config = ClientConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&rustls::version::TLS13])
        .unwrap()
        .with_root_certificates(roots.clone())
        .with_no_client_auth();
    config.alpn_protocols = offered.iter().map(|name| name.as_bytes().to_vec()).collect();
    Secure { listening, tls: TlsConnector::from(Arc::new(config)), roots, _certs: certs }
}

impl Secure {
    async fn connect(&self) -> TlsStream<TcpStream> {
        let stream = TcpStream::connect(self.listening.https()).await.unwrap();
        self.tls.connect(ServerName::try_from("localhost").unwrap(), stream).await.unwrap()
    }

    /// A connection that speaks HTTP/2.
    async fn http2(&self) -> SendRequest<Bytes> {
        let (client, connection) = h2::client::handshake(self.connect().await).await.unwrap();
        tokio::spawn(async move {
            // Its end is what the tests look at, from the other side.
            let _ended = connection.await;
        });
        client
    }

    async fn is_well(&self) {
        let answer = get(&mut self.http2().await, Vec::new()).await.unwrap();
        assert_eq!((answer.status().as_u16(), answer.version()), (200, Version::HTTP_2));
        let headers = answer.headers();
        assert_eq!(headers["strict-transport-security"], "max-age=31536000");
        assert_eq!(headers["cross-origin-opener-policy"], "same-origin");
        assert!(headers["permissions-policy"].to_str().unwrap().contains("camera=()"));
    }
}

async fn get(
    client: &mut SendRequest<Bytes>,
    headers: Vec<(String, String)>,
) -> Result<Response<h2::RecvStream>, h2::Error> {
    let request = Request::get("https://localhost/healthz");
    let request = headers.into_iter().fold(request, |request, (name, value)| request.header(name, value));
    std::future::poll_fn(|context| client.poll_ready(context)).await?;
    client.send_request(request.body(()).unwrap(), true)?.0.await
}

#[tokio::test(flavor = "multi_thread")]
async fn http2_is_spoken_where_it_is_offered_and_http_1_1_everywhere_else() {
    let both = secure(&["h2", "http/1.1"]);
    both.is_well().await;
    assert_eq!(both.connect().await.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
    both.listening.end().await;
    for (offered, chosen) in [(&["http/1.1"][..], Some(&b"http/1.1"[..])), (&[], None)] {
        let server = secure(offered);
        let stream = server.connect().await;
        assert_eq!(stream.get_ref().1.alpn_protocol(), chosen);
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(hyper_util::rt::TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection);
        let request = Request::get("/healthz").header("host", "localhost").body(String::new()).unwrap();
        let answer = sender.send_request(request).await.unwrap();
        assert_eq!((answer.status().as_u16(), answer.version()), (200, Version::HTTP_11));
        drop(sender);
        server.listening.end().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_speaks_no_tls_1_3_is_refused() {
    let server = secure(&[]);
    for (version, expect) in [(&rustls::version::TLS12, false), (&rustls::version::TLS13, true)] {
        let config = ClientConfig::builder_with_provider(provider())
            .with_protocol_versions(&[version])
            .unwrap()
            .with_root_certificates(server.roots.clone())
            .with_no_client_auth();
        let stream = TcpStream::connect(server.listening.https()).await.unwrap();
        let name = ServerName::try_from("localhost").unwrap();
        assert_eq!(TlsConnector::from(Arc::new(config)).connect(name, stream).await.is_ok(), expect, "{version:?}");
    }
    server.listening.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn headers_over_http2_have_the_bounds_of_http_1_1() {
    let server = secure(&["h2"]);
    let mut client = server.http2().await;
    let many = (0..=HEADERS_MAX).map(|number| (format!("x-{number}"), "v".to_owned())).collect();
    assert_eq!(get(&mut client, many).await.unwrap().status(), 431);
    // Short on the wire, where an `e` takes five bits, and too long when it is unpacked.
    let packed = (0..60).map(|number| (format!("x-{number}"), "e".repeat(HEADER_BYTES_MAX / 55))).collect();
    assert_eq!(get(&mut client, packed).await.unwrap().status(), 431);
    // Hardly compressible, and one block.
    let value: String = (0..HEADER_BYTES_MAX * 2).map(|number| char::from(b"~^|}"[number * number % 7 % 4])).collect();
    assert!(get(&mut client, vec![("x-flood".to_owned(), value)]).await.is_err(), "the connection is ended");
    server.is_well().await;
    server.listening.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_that_are_reset_at_once_end_their_connection() {
    let server = secure(&["h2"]);
    let mut stream = server.connect().await;
    stream.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await.unwrap();
    stream.write_all(&frame(SETTINGS, 0, 0, &[])).await.unwrap();
    // POST, https, / and :authority in HPACK (RFC 7541, appendix A).
    let headers = [&[0x83, 0x87, 0x84, 0x41, 9][..], b"localhost"].concat();
    let mut ended = false;
    for number in 0..HTTP2_CONTROL_FRAMES_BURST_MAX * 10 {
        let id = 2 * number + 1;
        let both = [frame(HEADERS, END_HEADERS, id, &headers), frame(RST_STREAM, 0, id, &[0, 0, 0, 8])].concat();
        ended = ended || stream.write_all(&both).await.is_err();
    }
    // What the server has sent until it gave up; a reset is an end, too.
    let mut came = Vec::new();
    let read = tokio::time::timeout(common::PATIENCE, stream.read_to_end(&mut came)).await;
    assert!(read.is_ok(), "the server went on, ended: {ended}");
    server.is_well().await;
    server.listening.end().await;
}

const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const END_HEADERS: u8 = 4;

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

#[tokio::test(flavor = "multi_thread")]
async fn one_connection_has_a_bounded_number_of_requests_under_way() {
    let server = secure(&["h2"]);
    let mut client = server.http2().await;
    let mut under_way = Vec::new();
    for _ in 0..=REQUESTS_PER_CONNECTION_MAX {
        std::future::poll_fn(|context| client.poll_ready(context)).await.unwrap();
        let request = Request::post("https://localhost/api/v1/session").body(()).unwrap();
        under_way.push(client.send_request(request, false).unwrap());
    }
    let (last, _) = under_way.pop().unwrap();
    let refused = last.await.unwrap();
    assert_eq!(refused.status(), 429);
    assert_eq!(refused.headers()["retry-after"], "1");
    drop(under_way);
    server.is_well().await;
    server.listening.end().await;
}

async fn raw(address: SocketAddr, request: &str) -> Came {
    let request = request.to_owned();
    tokio::task::spawn_blocking(move || ask(address, request.as_bytes())).await.unwrap()
}

fn rates(address: u32) -> Rates {
    Rates { address, ..Rates::default() }
}

/// Asks for something that needs a session, `times` over; the last status.
async fn fail(address: SocketAddr, times: u32, headers: &str) -> u16 {
    let mut status = 0;
    for _ in 0..times {
        let request = format!("GET /api/v1/session HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{headers}\r\n");
        status = raw(address, &request).await.status;
    }
    status
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_that_proves_nothing_is_refused_with_the_time_to_wait_whatever_it_claims() {
    let listening = Listening::start(Addresses { http: Some(ANY), rates: rates(1), ..Addresses::default() });
    let address = listening.http();
    let spoofed = |number: u32| format!("X-Forwarded-For: 203.0.113.{number}\r\nForwarded: for=203.0.113.{number}\r\n");
    for number in 0..=RATE_BURST_S.get() {
        assert_eq!(fail(address, 1, &spoofed(number)).await, 401);
    }
    let request = "GET /api/v1/session HTTP/1.1\r\nHost: localhost\r\nX-Forwarded-For: 203.0.113.99\r\n\
                   Connection: close\r\n\r\n";
    let refused = raw(address, request).await;
    assert_eq!(refused.status, 429, "{}", refused.body);
    assert!(refused.head.contains("retry-after: "), "{}", refused.head);
    assert!(refused.head.contains("content-type: application/problem+json"), "{}", refused.head);
    assert!(refused.body.contains(r#""code":"rate_limited""#), "{}", refused.body);
    let health = raw(address, "GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").await;
    assert_eq!(health.status, 200, "a load balancer still hears the truth");
    listening.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn behind_a_trusted_proxy_each_client_is_counted_for_itself() {
    let proxies = TrustedProxies(vec!["127.0.0.0/8".parse().unwrap()]);
    let listening = Listening::start(Addresses { http: Some(ANY), rates: rates(1), proxies, ..Addresses::default() });
    let address = listening.http();
    let from = |client: &str| format!("X-Forwarded-For: 198.51.100.7, {client}\r\n");
    assert_eq!(fail(address, RATE_BURST_S.get() + 2, &from("203.0.113.1")).await, 429);
    assert_eq!(fail(address, 1, &from("203.0.113.2")).await, 401, "another client");
    assert_eq!(fail(address, 1, &from("203.0.113.1, 127.0.0.9")).await, 429, "by another proxy");
    assert_eq!(fail(address, 1, "").await, 401, "the proxy itself");
    listening.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics_are_served_on_their_own_listener_on_loopback_and_nowhere_else() {
    let listening = Listening::start(Addresses { http: Some(ANY), metrics: Some(ANY), ..Addresses::default() });
    let get = |path: &str| format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    assert_eq!(raw(listening.http(), &get("/metrics")).await.status, 404);
    assert_eq!(raw(listening.metrics(), &get("/api/v1/session")).await.status, 404);
    let told = raw(listening.metrics(), &get("/metrics")).await;
    assert_eq!(told.status, 200);
    assert!(told.head.contains("content-type: application/openmetrics-text; version=1.0.0"), "{}", told.head);
    assert!(told.body.contains("lww_requests_total{status=\"4xx\"}"), "{}", told.body);
    assert!(told.body.trim_end().ends_with("# EOF"));
    listening.end().await;
    let open = Addresses { http: Some(ANY), metrics: Some("0.0.0.0:0".parse().unwrap()), ..Addresses::default() };
    assert!(Listening::try_start(open).is_err(), "beyond loopback");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_for_a_websocket_where_there_is_none_is_answered_like_any_other() {
    let listening = Listening::start(Addresses { http: Some(ANY), ..Addresses::default() });
    let asks = |method: &str, path: &str| {
        format!(
            "{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
        )
    };
    for (method, path, status) in [
        ("GET", "/healthz", 200),
        ("GET", "/api/v1/openapi.json", 200),
        ("GET", "/api/v1/agent/socket", 401),
        ("GET", "/api/v1/channels/web/nobody/here/socket", 404),
        ("GET", "/nothing", 404),
        ("POST", "/healthz", 405),
    ] {
        // Read until the server ends the connection: nothing else can come by it.
        let told = raw(listening.http(), &asks(method, path)).await;
        assert_eq!(told.status, status, "{method} {path}: {}", told.body);
        assert!(told.head.contains("connection: close") && told.head.contains("x-request-id"), "{}", told.head);
        assert!(!told.body.is_empty());
    }
    listening.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics_with_a_token_are_for_who_shows_it_whole() {
    let metrics_token = Some(b"a token of prometheus".to_vec().into());
    let addresses = Addresses { http: Some(ANY), metrics: Some(ANY), metrics_token, ..Addresses::default() };
    let listening = Listening::start(addresses);
    let get = async |header: &str| {
        let request = format!("GET /metrics HTTP/1.1\r\nHost: localhost\r\n{header}Connection: close\r\n\r\n");
        raw(listening.metrics(), &request).await
    };
    for header in [
        "",
        "Authorization: Bearer\r\n",
        "Authorization: Bearer a token of prometheu\r\n",
        "Authorization: Bearer a token of prometheus!\r\n",
        "Authorization: Basic a token of prometheus\r\n",
        "X-Authorization: Bearer a token of prometheus\r\n",
    ] {
        let told = get(header).await;
        assert_eq!(told.status, 401, "{header}");
        assert!(told.head.contains("www-authenticate: bearer") && !told.body.contains("lww_"), "{}", told.head);
    }
    let told = get("Authorization: Bearer a token of prometheus\r\n").await;
    assert!(told.status == 200 && told.body.trim_end().ends_with("# EOF"), "{}", told.body);
    listening.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_has_proven_themselves_goes_on_beside_somebody_who_floods_from_the_same_address() {
    let world = World::private();
    let config = world.configure("node");
    let text = std::fs::read_to_string(&config).unwrap();
    let limited = text.replace("[http]\n", "[http]\naddress_requests_per_s = 1\nstaff_requests_per_s = 2\n");
    let server = world.launch_with("node", &limited).unwrap();
    let agent = server.staff("agent").await;
    assert!(agent.session().await.is_ok());
    assert_eq!(fail(server.http, RATE_BURST_S.get() + 2, "").await, 429);
    assert_eq!(server.client().login("demo", "agent", "wrong").await.err().unwrap().code(), Some("rate_limited"));
    assert!(agent.session().await.is_ok(), "on a connection that is proven");
    let mut refused = None;
    for _ in 0..RATE_BURST_S.get() * 4 {
        refused = refused.or(agent.session().await.err());
    }
    assert_eq!(refused.expect("an account has a limit, too").code(), Some("rate_limited"));
    server.stop();
}
