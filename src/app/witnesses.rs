//! The witnesses of the configuration, and the command that is one.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use lww_audit::VerifierKey;
use tokio::sync::watch;

use super::AppError;
use super::config::WitnessConfig;
use crate::crypto::dev_ca::{OldestTls, client_config};
use crate::crypto::live_certificate::{LiveCertificate, listener_config};
use crate::crypto::{SystemClock, SystemRandom, witness_key};
use crate::http::{Addresses, HttpWitness, Https, Rates, Readiness, ServerRole, Serves, Service};
use crate::limits::{WITNESS_LOG_REQUESTS_PER_S, WITNESS_STRANGER_REQUESTS_PER_S};
use crate::ports::{Witness, Witnesses};
use crate::storage::witness::{Known, WitnessStore};

const KEY: &str = "witness.key";

/// Everybody whom the policy names, and how those are asked whose address it tells.
///
/// # Errors
/// [`AppError::Tls`] when the authority of their certificates can't be read.
pub(super) fn asked(config: &WitnessConfig) -> Result<Arc<Witnesses>, AppError> {
    let tls = config.ca.as_deref().map(client_config).transpose()?;
    let policy = config.trust.clone();
    let one = |url: &str| HttpWitness::new(url, tls.clone()).map(|witness| Arc::new(witness) as Arc<dyn Witness>);
    let asked = policy.witnesses().iter().map(|witness| witness.url.as_deref().and_then(one)).collect();
    Ok(Arc::new(Witnesses { policy, asked }))
}

/// Makes a witness: its folder and its key. Gives the public key, which policies name it by.
///
/// # Errors
/// [`AppError::Keys`], when there is one in particular.
pub fn make_witness(folder: &Path, name: &str) -> Result<String, AppError> {
    let cosigner = witness_key::create(folder, &folder.join(KEY), name, &SystemRandom::new())?;
    Ok(cosigner.key().to_string())
}

/// Tells a witness of a log by its key.
///
/// # Errors
/// [`AppError::Witness`] when there is no witness, one runs, or the list can't be written.
pub fn add_log(folder: &Path, key: &VerifierKey) -> Result<(), AppError> {
    witness_key::open(folder, &folder.join(KEY))?;
    Ok(WitnessStore::add(folder, key)?)
}

/// Opens a witness that isn't running; `moved`: the operator vouches for a state that was copied.
///
/// # Errors
/// [`AppError`], naming what is missing, damaged or copied.
pub fn open_witness(folder: &Path, moved: bool) -> Result<OpenWitness, AppError> {
    let cosigner = witness_key::open(folder, &folder.join(KEY))?;
    let store = WitnessStore::open(folder, cosigner, Arc::new(SystemClock), moved)?;
    Ok(OpenWitness(Arc::new(store)))
}

/// A witness whose folder this process holds.
pub struct OpenWitness(Arc<WitnessStore>);

/// Where a witness listens.
#[derive(Clone, Debug)]
pub struct WitnessPlace {
    /// The address.
    pub listen: std::net::SocketAddr,
    /// Certificate chain and key in PEM; without, plain HTTP, on loopback only.
    pub tls: Option<(PathBuf, PathBuf)>,
    /// Where metrics are served, a loopback address.
    pub metrics: Option<std::net::SocketAddr>,
}

impl OpenWitness {
    /// Its public key.
    pub fn key(&self) -> String {
        self.0.key()
    }

    /// Where each log stands with it.
    pub fn known(&self) -> Vec<Known> {
        self.0.known()
    }

    /// What the listeners serve, and where. A certificate whose files change is taken while the witness runs.
    ///
    /// # Errors
    /// [`AppError::Tls`], naming the file.
    pub fn served(
        &self,
        place: &WitnessPlace,
        stopping: watch::Receiver<bool>,
    ) -> Result<(Arc<Service>, Addresses), AppError> {
        let ready = || Readiness { ready: true, role: ServerRole::Active, reason: "active".to_owned() };
        let (clock, random) = (Arc::new(SystemClock), Arc::new(SystemRandom::new()));
        let service = Service::new(clock, random, Box::new(ready), stopping.clone());
        let service = service.cosigning(Arc::<WitnessStore>::clone(&self.0));
        let https = match &place.tls {
            None => None,
            Some((certificate, key)) => {
                let live = LiveCertificate::open(certificate, key)?;
                let config = listener_config(Arc::clone(&live), OldestTls::V13, None)?;
                super::certificates::watch(live, stopping);
                Some(Https { address: place.listen, config, strict_transport: false })
            }
        };
        let rates =
            Rates { address: WITNESS_STRANGER_REQUESTS_PER_S, tenant: WITNESS_LOG_REQUESTS_PER_S, ..Rates::default() };
        let http = place.tls.is_none().then_some(place.listen);
        let addresses = Addresses {
            serves: Serves::Cosignatures,
            https,
            http,
            metrics: place.metrics,
            rates,
            ..Addresses::default()
        };
        Ok((Arc::new(service), addresses))
    }
}
