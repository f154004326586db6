//! The HTTP room alone: listeners without tenants, in this process.

use std::net::SocketAddr;
use std::sync::Arc;

use liaowaiwai::crypto::{SystemClock, SystemRandom};
use liaowaiwai::http::{Addresses, HttpError, Readiness, Server, ServerRole, Service};
use tokio::sync::{oneshot, watch};
use tokio::task::JoinHandle;

use super::PATIENCE;

/// Listeners that run.
pub struct Listening {
    http: Option<SocketAddr>,
    https: Option<SocketAddr>,
    machines: Option<SocketAddr>,
    metrics: Option<SocketAddr>,
    stop: oneshot::Sender<()>,
    run: JoinHandle<Result<(), HttpError>>,
}

impl Listening {
    /// Starts them.
    pub fn start(addresses: Addresses) -> Self {
        Self::try_start(addresses).unwrap()
    }

    /// Starts them, unless they refuse.
    pub fn try_start(addresses: Addresses) -> Result<Self, HttpError> {
        let readiness = || Readiness { ready: true, role: ServerRole::Active, reason: "active".to_owned() };
        let (clock, random) = (Arc::new(SystemClock), Arc::new(SystemRandom::new()));
        let (_closing, stopping) = watch::channel(false);
        let service = Service::new(clock, random, Box::new(readiness), stopping);
        let server = Server::bind(Arc::new(service), addresses)?;
        let (http, https, machines, metrics) = (server.http, server.https, server.machines, server.metrics);
        let (stop, stopped) = oneshot::channel();
        let run = tokio::spawn(server.run(async move {
            // A sender that is dropped means the same as one that was used.
            let _either = stopped.await;
        }));
        Ok(Self { http, https, machines, metrics, stop, run })
    }

    /// Where plain HTTP is served.
    pub fn http(&self) -> SocketAddr {
        self.http.unwrap()
    }

    /// Where HTTPS is served.
    pub fn https(&self) -> SocketAddr {
        self.https.unwrap()
    }

    /// Where machines are served.
    pub fn machines(&self) -> SocketAddr {
        self.machines.unwrap()
    }

    /// Where metrics are served.
    pub fn metrics(&self) -> SocketAddr {
        self.metrics.unwrap()
    }

    /// Stops them and waits.
    pub async fn end(self) {
        let _already = self.stop.send(());
        tokio::time::timeout(PATIENCE, self.run).await.unwrap().unwrap().unwrap();
    }
}
