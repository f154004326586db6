//! Idle sockets: visitors, each another one, who hold a socket and say nothing, over plain HTTP and over HTTPS.
//!
//! Each of both has a server of its own, so that memory which one leaves behind is not taken for the other's. What is told is
//! the growth of the server's resident memory, from before the first visit until all are held.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use futures_util::StreamExt;
use rustls::pki_types::ServerName;
use serde_json::json;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;

use crate::common::World;
use crate::common::socket::{Socket, visit, widget};
use crate::{NODE, handshakes, unlimited};

const OPENERS: usize = 32;

/// One that is held; it reads nothing once it is live.
enum Held {
    Plain { _socket: Box<Socket> },
    Secure { _socket: Box<WebSocketStream<TlsStream<TcpStream>>> },
}

/// How sockets are opened.
#[derive(Clone)]
enum By {
    Http,
    Https { address: SocketAddr, connector: Arc<TlsConnector> },
}

/// Prints what each socket costs by both ways.
pub async fn measure(count: usize) {
    hold(count, false).await;
    hold(count, true).await;
}

async fn hold(count: usize, is_secure: bool) {
    let world = World::private();
    let config = unlimited(&std::fs::read_to_string(world.configure(NODE)).expect("a configuration"));
    let server = world.launch_with(NODE, &config).expect("a server");
    let by = if is_secure {
        By::Https { address: server.https, connector: Arc::new(handshakes::connector(&server.ca())) }
    } else {
        By::Http
    };
    let before = resident(server.pid());
    let began = Instant::now();
    let openers = (0..OPENERS).map(|part| {
        let (by, http) = (by.clone(), server.http);
        tokio::spawn(async move {
            let mut held = Vec::new();
            for _ in (part..count).step_by(OPENERS) {
                let token = visit(http, "demo", None, None).await;
                held.push(by.open(http, &token).await);
            }
            held
        })
    });
    let mut held = Vec::new();
    for opener in openers.collect::<Vec<_>>() {
        held.extend(opener.await.expect("sockets"));
    }
    let took = began.elapsed();
    let each = (resident(server.pid()) - before) / count as f64 / 1024.0;
    let started = Instant::now();
    let other = visit(server.http, "demo", None, None).await;
    let mut talker = Socket::customer(server.http, "demo", &other, None).await.expect("a socket");
    talker.send(&json!({"type": "send", "key": "among-many", "text": "还在吗"})).await;
    talker.wait_for("accepted").await;
    println!(
        "idle sockets over {:<5}            {} visitors held, come in {:.1} s   {each:.1} KiB each   goal 16 KB   one more connects \
         and is answered in {:.0} ms",
        if is_secure { "HTTPS" } else { "HTTP" },
        held.len(),
        took.as_secs_f64(),
        started.elapsed().as_secs_f64() * 1e3
    );
    drop(held);
    server.stop();
}

impl By {
    async fn open(&self, http: SocketAddr, token: &str) -> Held {
        match self {
            Self::Http => {
                let mut socket = Socket::customer(http, "demo", token, None).await.expect("a socket");
                socket.wait_for("live").await;
                Held::Plain { _socket: Box::new(socket) }
            }
            Self::Https { address, connector } => {
                let stream = TcpStream::connect(address).await.expect("a connection");
                stream.set_nodelay(true).expect("no delay");
                let name = ServerName::try_from("localhost").expect("a name");
                let stream = connector.connect(name, stream).await.expect("a handshake");
                let path = format!("wss://localhost:{}{}/socket", address.port(), widget("demo"));
                let mut request = path.into_client_request().expect("a request");
                let protocol = format!("lww.v1, lww.token.{token}").parse().expect("a header");
                request.headers_mut().insert("sec-websocket-protocol", protocol);
                let (mut socket, _) = tokio_tungstenite::client_async(request, stream).await.expect("a socket");
                while let Some(Ok(message)) = socket.next().await {
                    if matches!(&message, Message::Text(text) if text.as_str().contains("\"live\"")) {
                        return Held::Secure { _socket: Box::new(socket) };
                    }
                }
                panic!("a socket ended before it was live")
            }
        }
    }
}

/// Resident memory of a process, in bytes.
fn resident(pid: u32) -> f64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("a process");
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).expect("its memory");
    line.split_whitespace().nth(1).and_then(|kib| kib.parse::<f64>().ok()).expect("a number") * 1024.0
}
