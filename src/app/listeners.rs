//! Where the server listens, with the certificate that HTTPS shows: the configured one, or the development one that is made
//! under `certs/` for loopback.

use std::sync::Arc;

use zeroize::Zeroizing;

use super::certificates::Watch;
use super::config::HttpConfig;
use super::{App, AppError};
use crate::crypto::SystemClock;
use crate::crypto::dev_ca::{OldestTls, TlsError, dev_certificate};
use crate::crypto::live_authority::LiveAuthority;
use crate::crypto::live_certificate::{LiveCertificate, listener_config};
use crate::crypto::secrets::SecretRef;
use crate::http::{Addresses, Https, Serves};
use crate::ports::Clock as _;

impl App {
    /// Where the listeners are; from here on the certificate's files are watched.
    ///
    /// # Errors
    /// [`AppError::Tls`], naming the file or the address.
    pub fn addresses(&self) -> Result<Addresses, AppError> {
        let http = &self.config.http;
        let development = http.tls.is_none().then(|| (http.certs_dir.clone(), http.listen));
        let live = certificate(http)?;
        let asked = http.clients().open()?;
        let machines = http.machines().map(|(address, required)| Ok::<_, TlsError>((address, required.open()?)));
        let machines = machines.transpose()?;
        let required = machines.as_ref().and_then(|(_, required)| required.clone());
        let authorities: Vec<_> = asked.iter().cloned().chain(required).collect();
        let addresses = Addresses {
            serves: Serves::Everything,
            https: Some(https(http, http.listen, &live, asked)?),
            machines: machines.map(|(address, required)| https(http, address, &live, required)).transpose()?,
            http: http.trial_listen,
            metrics: http.metrics_listen,
            metrics_token: metrics_token(http)?,
            proxies: http.proxies.clone(),
            rates: http.rates,
        };
        tokio::spawn(Watch { live, authorities, development, clock: Arc::new(SystemClock) }.run(self.stopping()));
        Ok(addresses)
    }
}

/// Fetched at start: who changes the token restarts the server.
fn metrics_token(http: &HttpConfig) -> Result<Option<Zeroizing<Vec<u8>>>, AppError> {
    let token = http.metrics_token.as_ref().map(SecretRef::resolve_without_keys).transpose()?;
    Ok(token.map(|token| Zeroizing::new(token.bytes().to_vec())))
}

fn certificate(http: &HttpConfig) -> Result<Arc<LiveCertificate>, TlsError> {
    match &http.tls {
        Some(files) => LiveCertificate::open(&files.certificate, &files.private_key),
        None => {
            let made = dev_certificate(&http.certs_dir, http.listen, SystemClock.now())?;
            LiveCertificate::open(&made.certificate, &made.key)
        }
    }
}

fn https(
    http: &HttpConfig,
    address: std::net::SocketAddr,
    live: &Arc<LiveCertificate>,
    clients: Option<Arc<LiveAuthority>>,
) -> Result<Https, TlsError> {
    let config = listener_config(Arc::clone(live), OldestTls::V13, clients)?;
    Ok(Https { address, config, strict_transport: http.tls.is_some() })
}
