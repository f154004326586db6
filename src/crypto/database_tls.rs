//! TLS to the bank's own PostgreSQL: its certificate must lead to the roots of one file, and be for its host's name.

use std::path::Path;
use std::sync::Arc;

use rustls::{ClientConfig, RootCertStore};

use super::dev_ca::{OldestTls, TlsError, certificates, provider, versions};

/// Reads the roots and makes the settings.
///
/// # Errors
/// [`TlsError`], naming the file.
pub fn database_tls(roots: &Path) -> Result<Arc<ClientConfig>, TlsError> {
    let mut store = RootCertStore::empty();
    for certificate in certificates(roots)? {
        store.add(certificate)?;
    }
    let builder = ClientConfig::builder_with_provider(provider()).with_protocol_versions(versions(OldestTls::V12))?;
    Ok(Arc::new(builder.with_root_certificates(store).with_no_client_auth()))
}
