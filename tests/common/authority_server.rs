//! A time-stamping authority that is asked over HTTP, and can be told how to fail.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::authority::{Authority, Flaw};

/// How the authority behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Behaviour {
    /// It answers, with this flaw or none.
    Answers(Flaw),
    /// It closes each connection.
    Down,
    /// It takes requests and never answers.
    Silent,
    /// It answers 503.
    Busy,
    /// It answers a page that is no time stamp.
    Page,
    /// It answers more than anybody would read.
    Endless,
}

/// The authority's server; it ends with the test.
pub struct AuthorityServer {
    pub address: SocketAddr,
    behaviour: Arc<Mutex<Behaviour>>,
}

impl AuthorityServer {
    pub fn start(authority: Authority) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let behaviour = Arc::new(Mutex::new(Behaviour::Answers(Flaw::None)));
        let (told, authority) = (Arc::clone(&behaviour), Arc::new(authority));
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let (behaviour, authority) = (*told.lock().unwrap(), Arc::clone(&authority));
                std::thread::spawn(move || serve(&stream.unwrap(), behaviour, &authority));
            }
        });
        Self { address, behaviour }
    }

    pub fn behave(&self, behaviour: Behaviour) {
        *self.behaviour.lock().unwrap() = behaviour;
    }
}

/// Whoever asks may be gone: what can't be written is nobody's loss.
fn serve(mut stream: &TcpStream, behaviour: Behaviour, authority: &Authority) {
    if behaviour == Behaviour::Down {
        return;
    }
    let query = read(stream);
    let (status, body) = match behaviour {
        Behaviour::Answers(flaw) => ("200 OK", authority.answer(&query, flaw)),
        Behaviour::Busy => ("503 Service Unavailable", Vec::new()),
        Behaviour::Page => ("200 OK", b"<html>login</html>".to_vec()),
        Behaviour::Endless => ("200 OK", vec![0x30; 1024 * 1024]),
        Behaviour::Down | Behaviour::Silent => {
            // Until whoever asks has had enough.
            let _closed = stream.set_read_timeout(Some(Duration::from_secs(30))).and_then(|()| stream.read(&mut [0]));
            return;
        }
    };
    let head = format!(
        "HTTP/1.1 {status}\r\ncontent-type: application/timestamp-reply\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    let _sent = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(&body));
}

/// The body of a request, which has a length.
fn read(mut stream: &TcpStream) -> Vec<u8> {
    let (mut bytes, mut piece) = (Vec::new(), [0; 4096]);
    loop {
        let text = String::from_utf8_lossy(&bytes).to_ascii_lowercase();
        if let Some((head, _)) = text.split_once("\r\n\r\n") {
            assert!(head.contains("content-type: application/timestamp-query"), "{head}");
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
            let behind = bytes.windows(4).position(|window| window == b"\r\n\r\n").unwrap() + 4;
            if bytes.len() - behind >= length.parse().unwrap() {
                return bytes.split_off(behind);
            }
        }
        match stream.read(&mut piece).unwrap() {
            0 => return Vec::new(),
            count => bytes.extend(&piece[..count]),
        }
    }
}
