//! TLS handshakes a second: the server's HTTPS against the same stack (rustls, ring, tokio) that does nothing else.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::{TlsAcceptor, TlsConnector};

use crate::common::Server;

const WORKERS: usize = 16;

/// Prints both figures and their ratio.
pub async fn measure(server: &Server, seconds: u64) {
    let connector = connector(&server.ca());
    let whole = closed_loop(server.https, &connector, seconds).await;
    let bare = closed_loop(bare(&server.data.join("certs")).await, &connector, seconds).await;
    println!(
        "TLS handshake, request, answer     {whole:.0} /s, bare stack {bare:.0} /s   ratio {:.0} %   (load generator included)",
        100.0 * whole / bare
    );
}

/// TLS 1.3 of a client that trusts one authority and resumes nothing.
pub fn connector(ca: &Path) -> TlsConnector {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(ca).expect("the CA") {
        roots.add(certificate.expect("a certificate")).expect("a root");
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])
        .expect("TLS 1.3")
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.resumption = rustls::client::Resumption::disabled();
    TlsConnector::from(Arc::new(config))
}

/// Accepts, reads one request and answers as `/healthz` does.
async fn bare(certs: &Path) -> SocketAddr {
    let chain: Vec<_> =
        CertificateDer::pem_file_iter(certs.join("server.pem")).expect("a chain").map(|one| one.expect("it")).collect();
    let key = PrivateKeyDer::from_pem_file(certs.join("server.key")).expect("a key");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])
        .expect("TLS 1.3")
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .expect("a certificate");
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("an address");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                let _late = stream.set_nodelay(true);
                let Ok(mut stream) = acceptor.accept(stream).await else { return };
                let mut request = [0; 1024];
                let _some = stream.read(&mut request).await;
                let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 15\r\nconnection: close\r\n\r\n{\"status\":\"ok\"}";
                let _sent = stream.write_all(answer).await;
                let _closed = stream.shutdown().await;
            });
        }
    });
    address
}

async fn closed_loop(address: SocketAddr, connector: &TlsConnector, seconds: u64) -> f64 {
    let began = Instant::now();
    let until = began + Duration::from_secs(seconds);
    let workers: Vec<_> = (0..WORKERS)
        .map(|_| {
            let connector = connector.clone();
            tokio::spawn(async move {
                let mut count = 0_u64;
                while Instant::now() < until {
                    let name = ServerName::try_from("localhost").expect("a name");
                    let stream = TcpStream::connect(address).await.expect("a connection");
                    stream.set_nodelay(true).expect("no delay");
                    let mut stream = connector.connect(name, stream).await.expect("a handshake");
                    let request = format!(
                        "GET /healthz HTTP/1.1\r\nHost: localhost:{}\r\nConnection: close\r\n\r\n",
                        address.port()
                    );
                    stream.write_all(request.as_bytes()).await.expect("a request");
                    let mut answer = Vec::new();
                    let _cut = stream.read_to_end(&mut answer).await;
                    assert!(answer.starts_with(b"HTTP/1.1 200"), "no answer");
                    count += 1;
                }
                count
            })
        })
        .collect();
    let mut total = 0;
    for worker in workers {
        total += worker.await.expect("a worker");
    }
    total as f64 / began.elapsed().as_secs_f64()
}
