//! From when until when a configured certificate is valid. It reads and verifies nothing: TLS does that. Source: RFC 5280,
//! section 4.1.2.5.

use std::path::Path;

use rustls::pki_types::CertificateRevocationListDer;
use x509_parser::{parse_x509_certificate, parse_x509_crl};

use super::dev_ca::{CA_NAME, TlsError, certificates};
use crate::units::{MICROS_PER_SECOND, Timestamp};

/// What a chain of certificates says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Chain {
    /// The latest beginning.
    pub from: Timestamp,
    /// The earliest end.
    pub until: Timestamp,
    /// Whether a development authority of this server issued one of them.
    pub development: bool,
}

/// When the first of some lists of revoked certificates is over (RFC 5280, section 5.1.2.5); `None` when there is none, or one
/// can't be read or doesn't say.
pub(super) fn crl_end(lists: &[CertificateRevocationListDer<'_>]) -> Option<Timestamp> {
    let ends = lists.iter().map(|der| {
        let (_, list) = parse_x509_crl(der).ok()?;
        let end = list.next_update()?.timestamp();
        Some(Timestamp::from_micros(end.saturating_mul(MICROS_PER_SECOND)))
    });
    ends.collect::<Option<Vec<_>>>()?.into_iter().min()
}

/// Reads the chain in a PEM file.
///
/// # Errors
/// [`TlsError`] when the file can't be read or holds no certificate.
pub fn read_chain(path: &Path) -> Result<Chain, TlsError> {
    let refused = || TlsError::NotPem { path: path.to_owned(), expected: "certificate" };
    let instant = |seconds: i64| Timestamp::from_micros(seconds.saturating_mul(MICROS_PER_SECOND));
    let mut found: Option<Chain> = None;
    for der in certificates(path)? {
        let (_, certificate) = parse_x509_certificate(&der).map_err(|_| refused())?;
        let names = certificate.issuer().iter_common_name();
        let development = names.into_iter().any(|name| name.as_str().is_ok_and(|name| name == CA_NAME));
        let validity = certificate.validity();
        let (from, until) = (instant(validity.not_before.timestamp()), instant(validity.not_after.timestamp()));
        found = Some(found.map_or(Chain { from, until, development }, |chain| Chain {
            from: from.max(chain.from),
            until: until.min(chain.until),
            development: development || chain.development,
        }));
    }
    found.ok_or_else(refused)
}
