//! The listeners: HTTPS, and plain HTTP on loopback for trials; with a bound for everything that a peer could hold open.

use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;

use actix_tls::accept::max_concurrent_tls_connect;
use actix_web::web;
use rustls::ServerConfig;
use zeroize::Zeroizing;

use super::connection::TrustedProxies;
use super::guard::Guard;
use super::limiter::{Limiter, Rates};
use super::listener::Application;
use super::routes::{configure, configure_machines, configure_metrics};
use super::service::Service;
use super::witness;
use crate::limits::{CONNECTIONS_PER_WORKER_MAX, DRAIN_WAIT_S_MAX, HANDSHAKES_PER_WORKER_MAX};

/// File descriptors that the rest of the server needs: database, ledger files, logs.
const RESERVED_FILES: u64 = 256;

/// The server can't listen.
#[derive(Debug, thiserror::Error)]
pub enum HttpError {
    /// No address is configured.
    #[error("there is no address to listen on: configure `[http] listen`")]
    NoAddress,
    /// Plain HTTP where others could read along.
    #[error("plain HTTP is for loopback addresses only, not for {address}: use `[http] listen`, which is HTTPS")]
    PlainNotLoopback {
        /// The address.
        address: SocketAddr,
    },
    /// The address can't be had.
    #[error("can't listen on {address}: {source}")]
    Bind {
        /// The address.
        address: SocketAddr,
        /// The system's reason.
        source: io::Error,
    },
    /// The limit of open files leaves no room for connections.
    #[error("the limit of open files is {limit}, at least {needed} are needed: raise it (`ulimit -n`, `LimitNOFILE=`)")]
    TooFewFiles {
        /// The limit as it is.
        limit: u64,
        /// What is needed.
        needed: u64,
    },
    /// Serving ended with an error.
    #[error("serving failed: {0}")]
    Serve(io::Error),
}

/// An HTTPS listener.
pub struct Https {
    /// Where to listen.
    pub address: SocketAddr,
    /// Certificate, key and versions; which protocols are offered is decided here.
    pub config: ServerConfig,
    /// Whether to tell browsers to come by HTTPS only; not for the development certificate.
    pub strict_transport: bool,
}

/// What is served by HTTPS and plain HTTP.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Serves {
    /// The interface and its pages.
    #[default]
    Everything,
    /// Cosignatures, and whether the witness lives.
    Cosignatures,
}

/// Where to listen, and who may ask how often.
#[derive(Default)]
pub struct Addresses {
    /// What is served there.
    pub serves: Serves,
    /// HTTPS.
    pub https: Option<Https>,
    /// HTTPS for machines: its handshakes verify client certificates, and it has the channels' addresses only.
    pub machines: Option<Https>,
    /// Plain HTTP, for trials on this machine.
    pub http: Option<SocketAddr>,
    /// Plain HTTP on loopback with the metrics, for an agent on this machine.
    pub metrics: Option<SocketAddr>,
    /// What whoever reads the metrics must show; `None`: nothing.
    pub metrics_token: Option<Zeroizing<Vec<u8>>>,
    /// Proxies whose word about a client's address is taken.
    pub proxies: TrustedProxies,
    /// What may be asked in a second.
    pub rates: Rates,
}

/// A server that has its addresses and waits to run.
pub struct Server {
    /// Where HTTPS is served; the port is the real one when 0 was asked for.
    pub https: Option<SocketAddr>,
    /// Where machines are served.
    pub machines: Option<SocketAddr>,
    /// Where plain HTTP is served.
    pub http: Option<SocketAddr>,
    /// Where metrics are served.
    pub metrics: Option<SocketAddr>,
    inner: actix_server::Server,
}

impl Server {
    /// Takes the addresses; requests are answered once [`Server::run`] is awaited.
    ///
    /// # Errors
    /// [`HttpError`], naming the address.
    pub fn bind(service: Arc<Service>, addresses: Addresses) -> Result<Self, HttpError> {
        let Addresses { serves, https, machines, http, metrics, metrics_token, proxies, rates } = addresses;
        if https.is_none() && http.is_none() {
            return Err(HttpError::NoAddress);
        }
        if let Some(address) = [http, metrics].into_iter().flatten().find(|address| !address.ip().is_loopback()) {
            return Err(HttpError::PlainNotLoopback { address });
        }
        let workers = std::thread::available_parallelism().map_or(1, usize::from);
        max_concurrent_tls_connect(HANDSHAKES_PER_WORKER_MAX);
        let builder = actix_server::Server::build()
            .workers(workers)
            .max_concurrent_connections(connections_per_worker(workers)?)
            .shutdown_timeout(DRAIN_WAIT_S_MAX)
            .disable_signals();
        let strict_transport = https.as_ref().is_some_and(|https| https.strict_transport);
        let guard = Guard { strict_transport, proxies, limiter: Limiter::new(rates), metrics_token };
        let routes = match serves {
            Serves::Everything => configure,
            Serves::Cosignatures => witness::configure,
        };
        let application = Application { service: service.into(), guard: web::Data::new(guard) };
        let (builder, http) = match http {
            Some(address) => application.clone().listen_plain(builder, address, routes)?,
            None => (builder, None),
        };
        let (builder, metrics) = match metrics {
            Some(address) => application.clone().listen_plain(builder, address, configure_metrics)?,
            None => (builder, None),
        };
        let (builder, https) = match https {
            Some(https) => application.clone().listen_tls(builder, https, routes)?,
            None => (builder, None),
        };
        let (builder, machines) = match machines {
            Some(machines) => application.listen_tls(builder, machines, configure_machines)?,
            None => (builder, None),
        };
        Ok(Self { https, machines, http, metrics, inner: builder.run() })
    }

    /// Serves until `stop` is over, then takes no new connection, closes idle ones and lets requests under way end, for
    /// at most [`DRAIN_WAIT_S_MAX`].
    ///
    /// # Errors
    /// [`HttpError::Serve`] when the listeners fail.
    pub async fn run(self, stop: impl Future<Output = ()>) -> Result<(), HttpError> {
        let handle = self.inner.handle();
        let mut serving = pin!(self.inner);
        tokio::select! {
            // Listeners that fail end it at once; they never end on their own otherwise.
            served = &mut serving => return served.map_err(HttpError::Serve),
            () = stop => {}
        }
        // The order is not waited for by itself: the server carries it out only while it is awaited too.
        let (served, ()) = tokio::join!(serving, handle.stop(true));
        served.map_err(HttpError::Serve)
    }
}

/// Connections must never take the file descriptors that the ledger writes with.
fn connections_per_worker(workers: usize) -> Result<usize, HttpError> {
    let needed = RESERVED_FILES * 2;
    let limit = raised_file_limit();
    if limit < needed {
        return Err(HttpError::TooFewFiles { limit, needed });
    }
    let each = usize::try_from(limit - RESERVED_FILES).unwrap_or(usize::MAX) / workers.max(1);
    Ok(each.clamp(1, CONNECTIONS_PER_WORKER_MAX))
}

/// Raises the limit of open files as far as the system lets this process; many systems start with 1,024.
fn raised_file_limit() -> u64 {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let before = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: before.maximum, maximum: before.maximum };
    let now = match setrlimit(Resource::Nofile, raised) {
        Ok(()) => raised.current,
        Err(_) => before.current,
    };
    now.unwrap_or(u64::MAX)
}
