//! Sockets as a widget and an agent's console hold them, over the trial listener.

use std::net::SocketAddr;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use ring::hmac;
use serde_json::{Value, json};
use tokio::net::{TcpSocket, TcpStream};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{Error, Message};

use super::{PATIENCE, SECRET};
use liaowaiwai::cli::client::{Call, Client};

/// The line that says that the connection lives.
const ALIVE: &str = r#"{"type":"alive"}"#;

/// The base address of the widget's channel account.
pub fn widget(tenant: &str) -> String {
    format!("/api/v1/channels/web/{tenant}/widget")
}

/// An open socket.
pub struct Socket(WebSocketStream<TcpStream>);

/// Begins a visit; `identity` is a person the bank vouches for, `token` that of an earlier visit.
pub async fn visit(address: SocketAddr, tenant: &str, identity: Option<&str>, token: Option<&str>) -> String {
    let mut body = json!({});
    if let Some(id) = identity {
        body["identity"] = signed_identity("widget", id, seconds_now());
    }
    if let Some(token) = token {
        body["token"] = json!(token);
    }
    let begun: Value = post(address, &format!("{}/visits", widget(tenant)), &body, None).await.unwrap();
    begun["token"].as_str().unwrap().to_owned()
}

/// An identity with the bank's proof.
pub fn signed_identity(account: &str, id: &str, time: i64) -> Value {
    let key = hmac::Key::new(hmac::HMAC_SHA256, SECRET);
    let proof = hmac::sign(&key, format!("lww-identity/1\n{account}\n{time}\n{id}").as_bytes());
    let proof = proof.as_ref().iter().fold(String::new(), |hex, byte| format!("{hex}{byte:02x}"));
    json!({"id": id, "time": time, "proof": proof})
}

/// Whole seconds since 1970.
pub fn seconds_now() -> i64 {
    super::now().as_micros() / 1_000_000
}

/// Posts JSON, with a visitor's token perhaps; the error is the problem's code.
pub async fn post(address: SocketAddr, path: &str, body: &Value, token: Option<&str>) -> Result<Value, String> {
    let bearer = token.map(|token| ("authorization", format!("Bearer {token}")));
    let call = Call {
        method: "POST",
        target: path.to_owned(),
        headers: bearer.into_iter().collect(),
        body: Some(body.to_string().into_bytes().into()),
    };
    answered(address, call).await
}

/// Gets JSON with a visitor's token.
pub async fn get(address: SocketAddr, path: &str, token: &str) -> Result<Value, String> {
    let headers = vec![("authorization", format!("Bearer {token}"))];
    answered(address, Call { method: "GET", target: path.to_owned(), headers, body: None }).await
}

async fn answered(address: SocketAddr, call: Call) -> Result<Value, String> {
    let answer = Client::http(address).send(call).await.unwrap();
    if answer.body.is_empty() && answer.status == 204 {
        return Ok(Value::Null);
    }
    let value: Value = serde_json::from_slice(&answer.body).unwrap();
    if answer.status < 300 { Ok(value) } else { Err(value["code"].as_str().unwrap().to_owned()) }
}

impl Socket {
    /// Opens a customer's socket; the error is the HTTP status.
    pub async fn customer(address: SocketAddr, tenant: &str, token: &str, after: Option<u64>) -> Result<Self, u16> {
        let after = after.map(|index| format!("?after={index}")).unwrap_or_default();
        let protocol = ("sec-websocket-protocol", format!("lww.v1, lww.token.{token}"));
        Self::open(address, &format!("{}/socket{after}", widget(tenant)), &[protocol]).await
    }

    /// Opens a customer's socket for which the kernel takes in no more than it must of what nobody reads.
    pub async fn reading_little(address: SocketAddr, tenant: &str, token: &str) -> Self {
        let mut request = format!("ws://{address}{}/socket", widget(tenant)).into_client_request().unwrap();
        let protocol = format!("lww.v1, lww.token.{token}");
        request.headers_mut().insert("sec-websocket-protocol", protocol.parse().unwrap());
        let connection = TcpSocket::new_v4().unwrap();
        connection.set_recv_buffer_size(1).unwrap();
        let stream = connection.connect(address).await.unwrap();
        Self(tokio_tungstenite::client_async(request, stream).await.unwrap().0)
    }

    /// Opens a desk's socket for whoever is logged in.
    pub async fn desk(address: SocketAddr, client: &Client) -> Result<Self, u16> {
        let cookie = client.session_cookie().map(|cookie| ("cookie", cookie.to_string()));
        let headers: Vec<_> = cookie.into_iter().chain([("sec-websocket-protocol", "lww.v1".to_owned())]).collect();
        Self::open(address, "/api/v1/agent/socket", &headers).await
    }

    /// Opens a socket with these headers.
    pub async fn open(address: SocketAddr, path: &str, headers: &[(&'static str, String)]) -> Result<Self, u16> {
        let mut request = format!("ws://{address}{path}").into_client_request().unwrap();
        for (name, value) in headers {
            request.headers_mut().insert(*name, value.parse().unwrap());
        }
        let stream = TcpStream::connect(address).await.map_err(|_| 0_u16)?;
        stream.set_nodelay(true).unwrap();
        match tokio_tungstenite::client_async(request, stream).await {
            Ok((socket, _)) => Ok(Self(socket)),
            Err(Error::Http(answer)) => Err(answer.status().as_u16()),
            Err(_) => Err(0),
        }
    }

    /// Sends a frame.
    pub async fn send(&mut self, frame: &Value) {
        self.text(frame.to_string()).await;
    }

    /// Sends a text as it is.
    pub async fn text(&mut self, text: String) {
        // One that is closed already says so at the next read.
        let _closed = self.0.send(Message::text(text)).await;
    }

    /// The next line; `None` when the socket is closed.
    pub async fn next(&mut self) -> Option<Value> {
        // Signs of life are passed over: the time is for the next line that says something, whatever comes before it.
        let until = tokio::time::Instant::now() + PATIENCE;
        loop {
            let message = tokio::time::timeout_at(until, self.0.next()).await.expect("a line in time")?;
            match message.ok()? {
                Message::Text(text) if text.as_str() == ALIVE => {}
                Message::Text(text) => return Some(serde_json::from_str(text.as_str()).unwrap()),
                Message::Close(_) => return None,
                Message::Ping(_) | Message::Pong(_) | Message::Binary(_) | Message::Frame(_) => {}
            }
        }
    }

    /// Waits until the server says that the connection lives.
    pub async fn alive(&mut self) {
        let until = tokio::time::Instant::now() + PATIENCE;
        loop {
            let message = tokio::time::timeout_at(until, self.0.next()).await.expect("a sign of life in time");
            if message.expect("the socket is open").unwrap().into_text().is_ok_and(|text| text.as_str() == ALIVE) {
                return;
            }
        }
    }

    /// The next line, unless something else is over first.
    pub async fn next_unless(&mut self, over: impl Fn() -> bool) -> Option<Value> {
        while !over() {
            if let Ok(line) = tokio::time::timeout(Duration::from_millis(100), self.next()).await {
                return line;
            }
        }
        None
    }

    /// The next line of a kind; others are passed over.
    pub async fn wait_for(&mut self, kind: &str) -> Value {
        loop {
            let line = self.next().await.unwrap_or_else(|| panic!("the socket closed before {kind}"));
            if line["type"] == kind {
                return line;
            }
        }
    }

    /// Lines of a kind that come within a time.
    pub async fn during(&mut self, time: Duration, kind: &str) -> Vec<Value> {
        let until = tokio::time::Instant::now() + time;
        let mut found = Vec::new();
        while let Ok(Some(Ok(message))) = tokio::time::timeout_at(until, self.0.next()).await {
            if let Message::Text(text) = message {
                let line: Value = serde_json::from_str(text.as_str()).unwrap();
                if line["type"] == kind {
                    found.push(line);
                }
            }
        }
        found
    }
}
