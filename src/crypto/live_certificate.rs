//! The certificate that handshakes show, which may change while the server runs, and who must show one in return.
//!
//! A new pair of files is taken when it is whole, fits together and is valid; until then the present one stays. Handshakes
//! under way and connections that are open keep what they began with. This module doesn't watch: it looks when it is asked.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use rustls::ServerConfig;
use rustls::server::{ClientHello, NoServerSessionStorage, ResolvesServerCert};
use rustls::sign::CertifiedKey;

use super::certificate::{Chain, read_chain};
use super::dev_ca::{OldestTls, TlsError, certificates, private_key, provider, versions};
use super::live_authority::LiveAuthority;
use crate::units::Timestamp;

/// Whether clients show certificates, and whose.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum ClientCertificates {
    /// Nobody is asked.
    #[default]
    Unasked,
    /// Who shows one must have it from this CA; who shows none may go on.
    Asked(ClientAuthority),
    /// No handshake without one from this CA.
    Required(ClientAuthority),
}

/// The files of a CA of clients' certificates.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientAuthority {
    /// Its certificates, in PEM.
    pub ca: PathBuf,
    /// Its lists of revoked certificates, in PEM; without, none counts as revoked.
    pub crl: Option<PathBuf>,
}

impl ClientCertificates {
    /// Reads the CA, where there is one.
    ///
    /// # Errors
    /// [`TlsError`] when it can't be read.
    pub fn open(&self) -> Result<Option<Arc<LiveAuthority>>, TlsError> {
        match self {
            Self::Unasked => Ok(None),
            Self::Asked(ca) => LiveAuthority::open(ca, false).map(Some),
            Self::Required(ca) => LiveAuthority::open(ca, true).map(Some),
        }
    }
}

/// A certificate with its key, from two files.
#[derive(Debug)]
pub struct LiveCertificate {
    certificate: PathBuf,
    key: PathBuf,
    shown: RwLock<(Arc<CertifiedKey>, Chain)>,
    seen: Mutex<[Stamp; 2]>,
}

/// What differs when a file was written anew or replaced.
pub(super) type Stamp = Option<(u64, i64, i64, u64)>;

impl LiveCertificate {
    /// Reads the files: a chain with the server's own certificate first, and its key.
    ///
    /// # Errors
    /// [`TlsError`] when a file can't be read, others may read the key, or the two don't belong together.
    pub fn open(certificate: &Path, key: &Path) -> Result<Arc<Self>, TlsError> {
        let seen = [stamp(certificate), stamp(key)];
        let shown = RwLock::new(read(certificate, key)?);
        Ok(Arc::new(Self { certificate: certificate.into(), key: key.into(), shown, seen: Mutex::new(seen) }))
    }

    /// Whether a file was changed since this was last asked, or since it was opened.
    pub fn has_changed(&self) -> bool {
        let present = [stamp(&self.certificate), stamp(&self.key)];
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::replace(&mut *seen, present) != present
    }

    /// Reads the files again; handshakes that begin from here on show what was found.
    ///
    /// # Errors
    /// [`TlsError`] as at the opening, or when what was found has expired; the certificate so far stays.
    pub fn reload(&self, now: Timestamp) -> Result<Chain, TlsError> {
        let (key, chain) = read(&self.certificate, &self.key)?;
        if chain.until < now {
            return Err(TlsError::Expired { path: self.certificate.clone(), until: chain.until });
        }
        *self.shown.write().unwrap_or_else(PoisonError::into_inner) = (key, chain);
        Ok(chain)
    }

    /// The chain that handshakes show.
    pub fn chain(&self) -> Chain {
        self.shown.read().unwrap_or_else(PoisonError::into_inner).1
    }
}

impl ResolvesServerCert for LiveCertificate {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.shown.read().unwrap_or_else(PoisonError::into_inner).0))
    }
}

/// Makes the TLS settings of a listener.
///
/// # Errors
/// [`TlsError`] when the versions can't be had.
pub fn listener_config(
    shown: Arc<LiveCertificate>,
    oldest: OldestTls,
    clients: Option<Arc<LiveAuthority>>,
) -> Result<ServerConfig, TlsError> {
    let builder = ServerConfig::builder_with_provider(provider()).with_protocol_versions(versions(oldest))?;
    let Some(authority) = clients else { return Ok(builder.with_no_client_auth().with_cert_resolver(shown)) };
    let mut config = builder.with_client_cert_verifier(authority).with_cert_resolver(shown);
    // Who resumes a session shows no certificate again: one of a CA that is gone would go on.
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    Ok(config)
}

fn read(certificate: &Path, key: &Path) -> Result<(Arc<CertifiedKey>, Chain), TlsError> {
    let pair = CertifiedKey::from_der(certificates(certificate)?, private_key(key)?, &provider())?;
    Ok((Arc::new(pair), read_chain(certificate)?))
}

pub(super) fn stamp(path: &Path) -> Stamp {
    let found = fs::metadata(path).ok()?;
    Some((found.ino(), found.mtime(), found.mtime_nsec(), found.len()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::dev_ca::{DevCertificate, dev_certificate};
    use crate::units::MICROS_PER_SECOND;

    const NOW: Timestamp = Timestamp::from_micros(1_800_000_000 * MICROS_PER_SECOND);

    fn made(folder: &Path, days: i64) -> DevCertificate {
        let now = Timestamp::from_micros(NOW.as_micros() + days * 86_400 * MICROS_PER_SECOND);
        dev_certificate(folder, "127.0.0.1:0".parse().unwrap(), now).unwrap()
    }

    fn put(from: &DevCertificate, to: &DevCertificate) {
        fs::copy(&from.certificate, &to.certificate).unwrap();
        fs::copy(&from.key, &to.key).unwrap();
    }

    #[test]
    fn a_new_pair_is_taken_and_a_broken_or_expired_one_leaves_the_old() {
        let (home, newer, older) =
            (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let present = made(home.path(), 0);
        let live = LiveCertificate::open(&present.certificate, &present.key).unwrap();
        let first = live.chain();
        assert!(!live.has_changed());
        put(&made(newer.path(), 10), &present);
        assert!(live.has_changed() && !live.has_changed(), "a change is told once");
        assert_eq!(live.chain(), first, "nothing changes by looking");
        let second = live.reload(NOW).unwrap();
        assert_eq!(live.chain(), second);
        assert!(second.until > first.until);
        put(&made(older.path(), -400), &present);
        assert!(matches!(live.reload(NOW), Err(TlsError::Expired { .. })));
        fs::write(&present.certificate, "not a certificate").unwrap();
        assert!(live.has_changed() && live.reload(NOW).is_err());
        put(&made(newer.path(), 10), &present);
        fs::copy(made(older.path(), -400).key, &present.key).unwrap();
        assert!(live.reload(NOW).is_err(), "the key of another certificate");
        fs::remove_file(&present.key).unwrap();
        assert!(live.has_changed() && live.reload(NOW).is_err());
        assert_eq!(live.chain(), second, "the good one stays");
    }
}
