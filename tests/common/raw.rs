//! Requests of a channel account put together byte by byte, with its signature (RFC 9421, RFC 9530): for tests that send
//! what no well-behaved client would.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use liaowaiwai::units::{MICROS_PER_SECOND, Timestamp};
use ring::{digest, hmac};

use super::SECRET;

/// A signed request to `POST /api/v1/channels/http/<tenant>/<account>/messages`; a test alters it, before or after signing.
#[derive(Clone)]
pub struct Request {
    /// The tenant in the address.
    pub tenant: String,
    /// The channel account in the address.
    pub account: String,
    /// Who is asked: the value of `Host`.
    pub authority: String,
    /// The body.
    pub body: Vec<u8>,
    /// The idempotency key.
    pub key: String,
    /// The signature's instant.
    pub created: Timestamp,
    /// The key that signs.
    pub secret: Vec<u8>,
    /// The key's name.
    pub keyid: String,
}

impl Request {
    /// A request that the server takes.
    pub fn new(authority: &str, tenant: &str, key: &str, body: impl Into<Vec<u8>>) -> Self {
        Self {
            tenant: tenant.to_owned(),
            account: "app".to_owned(),
            authority: authority.to_owned(),
            body: body.into(),
            key: key.to_owned(),
            created: super::now(),
            secret: SECRET.to_vec(),
            keyid: format!("{tenant}-app"),
        }
    }

    /// The address.
    pub fn path(&self) -> String {
        format!("/api/v1/channels/http/{}/{}/messages", self.tenant, self.account)
    }

    /// Every header that belongs to the request, names in lower case.
    pub fn headers(&self) -> Vec<(String, String)> {
        let sha256 = digest::digest(&digest::SHA256, &self.body);
        let content_digest = format!("sha-256=:{}:", STANDARD.encode(sha256));
        let parameters = format!(
            "(\"@method\" \"@authority\" \"@path\" \"@query\" \"content-digest\" \"idempotency-key\");created={};keyid=\"{}\"",
            self.created.as_micros() / MICROS_PER_SECOND,
            self.keyid
        );
        let base = format!(
            "\"@method\": POST\n\"@authority\": {}\n\"@path\": {}\n\"@query\": ?\n\"content-digest\": {content_digest}\n\
             \"idempotency-key\": {}\n\"@signature-params\": {parameters}",
            self.authority,
            self.path(),
            self.key
        );
        let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &self.secret), base.as_bytes());
        [
            ("host", self.authority.clone()),
            ("content-type", "application/json".to_owned()),
            ("content-length", self.body.len().to_string()),
            ("content-digest", content_digest),
            ("idempotency-key", self.key.clone()),
            ("signature-input", format!("sig={parameters}")),
            ("signature", format!("sig=:{}:", STANDARD.encode(tag))),
            ("connection", "close".to_owned()),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .to_vec()
    }

    /// The bytes on the wire.
    pub fn bytes(&self) -> Vec<u8> {
        wire(&format!("POST {}", self.path()), &self.headers(), &self.body)
    }
}

/// A request's bytes from its parts.
pub fn wire(line: &str, headers: &[(String, String)], body: &[u8]) -> Vec<u8> {
    let lines: Vec<String> = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    [format!("{line} HTTP/1.1\r\n{}\r\n", lines.concat()).as_bytes(), body].concat()
}

/// An answer as it came.
pub struct Came {
    /// Its status.
    pub status: u16,
    /// Its headers in lower case.
    pub head: String,
    /// Its body.
    pub body: String,
}

/// Sends bytes over plain HTTP and reads the answer until the connection ends.
pub fn ask(address: SocketAddr, request: &[u8]) -> Came {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(super::PATIENCE)).unwrap();
    // A server that refuses early closes while we still write; its answer is what counts.
    let _early = stream.write_all(request);
    let mut answer = Vec::new();
    let _cut = stream.read_to_end(&mut answer);
    let answer = String::from_utf8(answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").expect("an answer with a head");
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    Came { status, head: head.to_ascii_lowercase(), body: body.to_owned() }
}

/// An answer that goes on, read as it comes.
pub struct Streamed {
    stream: tokio::net::TcpStream,
    read: String,
}

/// Opens an event stream with a visitor's token.
pub async fn stream(address: SocketAddr, path: &str, token: &str) -> Streamed {
    stream_with(address, path, &format!("Authorization: Bearer {token}\r\n")).await
}

/// Opens an event stream with these header lines.
pub async fn stream_with(address: SocketAddr, path: &str, headers: &str) -> Streamed {
    use tokio::io::AsyncWriteExt as _;
    let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\n{headers}\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    Streamed { stream, read: String::new() }
}

impl Streamed {
    /// Everything that came so far, once it holds this text.
    pub async fn until(&mut self, text: &str) -> String {
        use tokio::io::AsyncReadExt as _;
        while !self.read.contains(text) {
            let mut bytes = [0; 4096];
            let count = tokio::time::timeout(super::PATIENCE, self.stream.read(&mut bytes)).await.unwrap().unwrap();
            assert!(count > 0, "it ended after {}", self.read);
            self.read.push_str(&String::from_utf8_lossy(&bytes[..count]));
        }
        self.read.clone()
    }

    /// Waits until it ends: by its last chunk, after which the connection may be used again.
    pub async fn ended(mut self) {
        self.until("\r\n0\r\n\r\n").await;
    }
}
