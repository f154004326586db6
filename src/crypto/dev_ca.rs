//! TLS for the HTTPS listener: a configured certificate, or one of a development CA of its own.
//!
//! The development CA is made under `certs/` at the first run, so that a trial is encrypted too. It may vouch for
//! `localhost`, `127.0.0.1` and `::1` only (name constraints, RFC 5280, section 4.2.1.10), and a server that others can reach
//! refuses to use it. This module knows neither the listener nor the configuration file.

use std::fs::File;
use std::io::{self, Read as _};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rcgen::{
    BasicConstraints, CertificateParams, CidrSubnet, DnType, ExtendedKeyUsagePurpose, GeneralSubtree, IsCa, Issuer,
    KeyPair, KeyUsagePurpose, NameConstraints,
};
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::ServerCertVerifier as _;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{ClientConfig, RootCertStore, ServerConfig, SupportedProtocolVersion};
use zeroize::Zeroizing;

use super::error::KeyError;
use super::private_file::{self, Rule};
use crate::units::{MICROS_PER_SECOND, Timestamp};

/// Names that the development certificate is valid for.
pub const DEV_NAMES: [&str; 3] = ["localhost", "127.0.0.1", "::1"];
/// What the development CA calls itself.
pub(super) const CA_NAME: &str = "liaowaiwai development CA (this machine only)";
/// How long the development CA is valid, in days.
const CA_DAYS: i64 = 20 * 365;
/// How long its server certificate is valid, in days.
const LEAF_DAYS: i64 = 90;
/// The server certificate is made anew when fewer days than this are left.
const RENEW_BEFORE_DAYS: i64 = 30;
/// Certificates begin a day early: the clock of a browser's machine may be behind.
const BACKDATED_DAYS: i64 = 1;
const DAY_S: i64 = 86_400;
/// Largest certificate or key file, in bytes.
const PEM_BYTES_MAX: usize = 256 * 1024;

/// No certificate to serve with.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// The development CA is for this machine only.
    #[error(
        "the development certificate is for loopback addresses only, and the server is to listen on {address}: \
         configure `[http] certificate` and `private_key`"
    )]
    NotLoopback {
        /// The address.
        address: SocketAddr,
    },
    /// A key's file is not as it must be, or a file could not be written.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// A certificate could not be read.
    #[error("{path}: {source}", path = .path.display())]
    Certificate {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// A file holds no PEM of the expected kind.
    #[error("{path} holds no {expected} in PEM form", path = .path.display())]
    NotPem {
        /// The file.
        path: PathBuf,
        /// What it should hold.
        expected: &'static str,
    },
    /// A certificate that is to be shown from now on has expired.
    #[error("{path} has expired at {until}", path = .path.display())]
    Expired {
        /// The file.
        path: PathBuf,
        /// When.
        until: Timestamp,
    },
    /// Certificate and key don't belong together, or TLS refuses them.
    #[error("TLS refuses the certificate or its key: {0}")]
    Refused(#[from] rustls::Error),
    /// A certificate could not be made.
    #[error("the development certificate could not be made: {0}")]
    Making(#[from] rcgen::Error),
}

/// The oldest version of TLS that the server speaks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OldestTls {
    /// TLS 1.2, for clients that can't do better.
    V12,
    /// TLS 1.3.
    #[default]
    V13,
}

/// The development CA's files with a certificate that is good for now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DevCertificate {
    /// The CA's certificate: what a browser or client is to trust.
    pub ca: PathBuf,
    /// The server's certificate.
    pub certificate: PathBuf,
    /// The server's key.
    pub key: PathBuf,
}

/// Makes or renews what is needed under `dir`, for a server that listens on `address`.
///
/// Servers that start at the same time wait for each other: `dir` is locked meanwhile.
///
/// # Errors
/// [`TlsError`]; `NotLoopback` when others could reach `address`.
pub fn dev_certificate(dir: &Path, address: SocketAddr, now: Timestamp) -> Result<DevCertificate, TlsError> {
    if !address.ip().is_loopback() {
        return Err(TlsError::NotLoopback { address });
    }
    private_file::create_directory(dir)?;
    let _lock = private_file::lock_directory(dir)?;
    let made =
        DevCertificate { ca: dir.join("ca.pem"), certificate: dir.join("server.pem"), key: dir.join("server.key") };
    if is_good_until(&made, plus_days(now, RENEW_BEFORE_DAYS)) {
        return Ok(made);
    }
    let ca = ca(&made.ca, &dir.join("ca.key"), now)?;
    let key = KeyPair::generate()?;
    let certificate = leaf_params(now)?.signed_by(&key, &ca)?;
    private_file::create(&made.key, key.serialize_pem().as_bytes())?;
    private_file::create(&made.certificate, certificate.pem().as_bytes())?;
    Ok(made)
}

/// Makes the TLS settings of a server from PEM files: a chain with the server's own certificate first, and its key.
///
/// # Errors
/// [`TlsError`] when a file can't be read, others may read the key, or the two don't belong together.
pub fn server_config(certificate: &Path, key: &Path, oldest: OldestTls) -> Result<ServerConfig, TlsError> {
    let mut config = ServerConfig::builder_with_provider(provider())
        .with_protocol_versions(versions(oldest))?
        .with_no_client_auth()
        .with_single_cert(certificates(certificate)?, private_key(key)?)?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(config)
}

/// The versions from the newest to `oldest`.
pub(super) fn versions(oldest: OldestTls) -> &'static [&'static SupportedProtocolVersion] {
    static FROM_12: [&SupportedProtocolVersion; 2] = [&rustls::version::TLS13, &rustls::version::TLS12];
    static FROM_13: [&SupportedProtocolVersion; 1] = [&rustls::version::TLS13];
    match oldest {
        OldestTls::V12 => &FROM_12,
        OldestTls::V13 => &FROM_13,
    }
}

/// The one cryptographic provider of this server.
pub fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

/// What a server's certificate is checked with by those who connect to it: the authorities of this PEM file, and no other.
///
/// # Errors
/// [`TlsError`], naming the file.
pub fn client_config(ca: &Path) -> Result<Arc<ClientConfig>, TlsError> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(ca)? {
        roots.add(certificate)?;
    }
    let builder = ClientConfig::builder_with_provider(provider()).with_safe_default_protocol_versions()?;
    Ok(Arc::new(builder.with_root_certificates(roots).with_no_client_auth()))
}

/// The certificates of a PEM file, at least one.
pub(super) fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let pem = pem_file(path)?;
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
    chain
        .ok()
        .filter(|chain| !chain.is_empty())
        .ok_or_else(|| TlsError::NotPem { path: path.to_owned(), expected: "certificate" })
}

/// Reads a file that anybody may read.
pub(super) fn pem_file(path: &Path) -> Result<Vec<u8>, TlsError> {
    let refused = |source| TlsError::Certificate { path: path.to_owned(), source };
    let mut pem = Vec::new();
    let limit = u64::try_from(PEM_BYTES_MAX).unwrap_or(u64::MAX);
    File::open(path).and_then(|file| file.take(limit).read_to_end(&mut pem)).map_err(refused)?;
    Ok(pem)
}

pub(super) fn private_key(path: &Path) -> Result<PrivateKeyDer<'static>, TlsError> {
    let pem = key_pem(path)?;
    PrivateKeyDer::from_pem_slice(&pem).map_err(|_| TlsError::NotPem { path: path.to_owned(), expected: "private key" })
}

fn key_pem(path: &Path) -> Result<Zeroizing<Vec<u8>>, TlsError> {
    let absent = || KeyError::io("read", path)(io::ErrorKind::NotFound.into());
    Ok(private_file::read(path, PEM_BYTES_MAX, Rule::OwnerOnly)?.ok_or_else(absent)?)
}

/// Asks what a client would ask: does the chain lead to the CA, for every name, at that time, and does the key fit?
fn is_good_until(made: &DevCertificate, time: Timestamp) -> bool {
    let good = || -> Option<()> {
        let mut roots = RootCertStore::empty();
        for ca in certificates(&made.ca).ok()? {
            roots.add(ca).ok()?;
        }
        let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider()).build().ok()?;
        let chain = certificates(&made.certificate).ok()?;
        let time_s = u64::try_from(time.as_micros() / MICROS_PER_SECOND).ok()?;
        for name in DEV_NAMES {
            let name = ServerName::try_from(name).ok()?;
            let time = UnixTime::since_unix_epoch(Duration::from_secs(time_s));
            verifier.verify_server_cert(chain.first()?, &[], &name, &[], time).ok()?;
        }
        server_config(&made.certificate, &made.key, OldestTls::V13).ok().map(drop)
    };
    good().is_some()
}

/// Takes the CA from its files, or makes a new one when they aren't both there and readable as such.
fn ca(certificate: &Path, key: &Path, now: Timestamp) -> Result<Issuer<'static, KeyPair>, TlsError> {
    if let Some(ca) = stored_ca(certificate, key) {
        return Ok(ca);
    }
    let pair = KeyPair::generate()?;
    let params = ca_params(now)?;
    let made = params.self_signed(&pair)?;
    private_file::create(key, pair.serialize_pem().as_bytes())?;
    private_file::create(certificate, made.pem().as_bytes())?;
    Ok(Issuer::new(params, pair))
}

fn stored_ca(certificate: &Path, key: &Path) -> Option<Issuer<'static, KeyPair>> {
    // A certificate of another key would make leaves that no client accepts, again at each start.
    server_config(certificate, key, OldestTls::V13).ok()?;
    let pair = KeyPair::try_from(&private_key(key).ok()?).ok()?;
    Issuer::from_ca_cert_der(certificates(certificate).ok()?.first()?, pair).ok()
}

fn ca_params(now: Timestamp) -> Result<CertificateParams, TlsError> {
    let mut params = CertificateParams::new(Vec::new())?;
    params.distinguished_name.push(DnType::CommonName, CA_NAME);
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params.name_constraints = Some(NameConstraints {
        permitted_subtrees: vec![
            GeneralSubtree::DnsName("localhost".to_owned()),
            GeneralSubtree::IpAddress(CidrSubnet::from_v4_prefix([127, 0, 0, 1], 32)),
            GeneralSubtree::IpAddress(CidrSubnet::from_v6_prefix(std::net::Ipv6Addr::LOCALHOST.octets(), 128)),
        ],
        excluded_subtrees: Vec::new(),
    });
    valid_for(&mut params, now, CA_DAYS);
    Ok(params)
}

fn leaf_params(now: Timestamp) -> Result<CertificateParams, TlsError> {
    let mut params = CertificateParams::new(DEV_NAMES.map(str::to_owned))?;
    params.distinguished_name.push(DnType::CommonName, "liaowaiwai development server");
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params.use_authority_key_identifier_extension = true;
    valid_for(&mut params, now, LEAF_DAYS);
    Ok(params)
}

fn valid_for(params: &mut CertificateParams, now: Timestamp, days: i64) {
    // The type is that of `rcgen`'s own fields; a duration from the epoch spares a second crate for dates.
    let instant = |time: Timestamp| {
        rcgen::date_time_ymd(1970, 1, 1) + Duration::from_micros(u64::try_from(time.as_micros()).unwrap_or(0))
    };
    params.not_before = instant(plus_days(now, -BACKDATED_DAYS));
    params.not_after = instant(plus_days(now, days));
}

fn plus_days(time: Timestamp, days: i64) -> Timestamp {
    Timestamp::from_micros(time.as_micros().saturating_add(days * DAY_S * MICROS_PER_SECOND))
}

#[cfg(test)]
mod tests;
