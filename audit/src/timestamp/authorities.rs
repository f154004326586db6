//! Whom time stamps are believed of: certificates of authorities, and the path that a stamp's own certificate has to one of them.
//!
//! A stamp's certificate must be for time stamps and nothing else, said critically (RFC 3161 section 2.3), and it and all between it
//! and the authority must have been valid at the time that the stamp states. Whether a certificate was revoked is not asked: no list
//! is at hand offline. The path is webpki's (RFC 5280 section 6), the arithmetic ring's.

use super::asn1::{IssuerAndSerialNumber, SignerIdentifier};
use crate::error::{AnchorFault, Error, Format, malformed};
use crate::time::Timestamp;
use der::asn1::ObjectIdentifier;
use der::oid::AssociatedOid;
use der::{Decode, Encode as _};
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, SignatureVerificationAlgorithm, TrustAnchor, UnixTime};
use std::time::Duration;
use webpki::{EndEntityCert, KeyUsage, anchor_from_trusted_cert, ring as algorithms};
use x509_cert::Certificate;
use x509_cert::ext::Extension;
use x509_cert::ext::pkix::{ExtendedKeyUsage, SubjectKeyIdentifier};

/// Longest file of authorities' certificates in bytes.
pub const AUTHORITIES_BYTES_MAX: usize = 256 * 1024;
/// Most authorities.
const AUTHORITIES_MAX: usize = 64;
const MICROS_PER_SECOND: i64 = 1_000_000;

/// `id-kp-timeStamping`, and its value in DER.
const TIME_STAMPING: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.8");
const TIME_STAMPING_DER: &[u8] = &[0x2b, 6, 1, 5, 5, 7, 3, 8];

/// Ways to sign a certificate.
const FOR_CERTIFICATES: &[&dyn SignatureVerificationAlgorithm] = &[
    algorithms::ECDSA_P256_SHA256,
    algorithms::ECDSA_P256_SHA384,
    algorithms::ECDSA_P384_SHA256,
    algorithms::ECDSA_P384_SHA384,
    algorithms::ED25519,
    algorithms::RSA_PKCS1_2048_8192_SHA256,
    algorithms::RSA_PKCS1_2048_8192_SHA384,
    algorithms::RSA_PKCS1_2048_8192_SHA512,
    algorithms::RSA_PSS_2048_8192_SHA256_LEGACY_KEY,
    algorithms::RSA_PSS_2048_8192_SHA384_LEGACY_KEY,
    algorithms::RSA_PSS_2048_8192_SHA512_LEGACY_KEY,
];

/// Authorities that somebody trusts.
#[derive(Clone, Debug, Default)]
pub struct Authorities(Vec<TrustAnchor<'static>>);

impl Authorities {
    /// Reads certificates in PEM, one after another, or a single one in DER.
    ///
    /// # Errors
    /// `TooLong`; `Malformed` if it holds no certificate, too many, or something that is none.
    pub fn parse(bytes: &[u8]) -> Result<Self, Error> {
        if bytes.len() > AUTHORITIES_BYTES_MAX {
            let (max, got) = (AUTHORITIES_BYTES_MAX as u64, bytes.len() as u64);
            return Err(Error::TooLong { what: Format::Authorities, max, got });
        }
        let refuse = |reason| malformed(Format::Authorities, 0, reason);
        let in_pem = CertificateDer::pem_slice_iter(bytes).collect::<Result<Vec<_>, _>>();
        let mut certificates = in_pem.map_err(|_| refuse("not PEM"))?;
        if certificates.is_empty() {
            certificates.push(CertificateDer::from(bytes));
        }
        if certificates.len() > AUTHORITIES_MAX {
            return Err(refuse("more than 64 certificates"));
        }
        let anchor =
            |certificate: &CertificateDer<'_>| anchor_from_trusted_cert(certificate).map(|found| found.to_owned());
        let anchors = certificates.iter().map(anchor).collect::<Result<_, _>>();
        anchors.map(Self).map_err(|_| refuse("something in it is no certificate"))
    }

    /// Joins what several files hold.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        self.0.extend(other.0);
        self
    }

    /// Checks that a certificate leads to one of the authorities, by others that came with it, at a time.
    pub(super) fn lead(&self, signer: &Signer<'_>, others: &[CertificateDer<'_>], at: Timestamp) -> Result<(), Error> {
        let seconds = u64::try_from(at.as_micros().div_euclid(MICROS_PER_SECOND)).map_err(|_| AnchorFault::Expired)?;
        let time = UnixTime::since_unix_epoch(Duration::from_secs(seconds));
        let usage = KeyUsage::required(TIME_STAMPING_DER);
        let path = signer.key.verify_for_usage(FOR_CERTIFICATES, &self.0, others, time, usage, None, None);
        path.map(drop).map_err(|error| fault(&error).into())
    }
}

fn fault(error: &webpki::Error) -> AnchorFault {
    use webpki::Error as E;
    match error {
        E::CertExpired { .. } | E::CertNotValidYet { .. } | E::InvalidCertValidity => AnchorFault::Expired,
        E::RequiredEkuNotFoundContext(_) | E::EmptyEkuExtension | E::CaUsedAsEndEntity => AnchorFault::Usage,
        E::UnsupportedSignatureAlgorithmContext(_) | E::UnsupportedSignatureAlgorithmForPublicKeyContext(_) => {
            AnchorFault::Algorithm
        }
        // Whatever else keeps a path from being found: no issuer, a wrong signature, a name or length that is not allowed.
        _ => AnchorFault::Untrusted,
    }
}

/// The certificate that a stamp was signed with.
pub(super) struct Signer<'a> {
    pub(super) der: CertificateDer<'a>,
    key: EndEntityCert<'a>,
    pub(super) subject: String,
}

/// Looks among certificates for the one that a signature names, and checks that it is for time stamps alone.
pub(super) fn find<'a>(
    certificates: &'a [CertificateDer<'a>],
    wanted: &SignerIdentifier<'_>,
) -> Result<Signer<'a>, Error> {
    let parsed = certificates.iter().filter_map(|der| Some((der, Certificate::from_der(der).ok()?)));
    let (der, certificate) =
        parsed.into_iter().find(|(_, certificate)| is_wanted(certificate, wanted)).ok_or(AnchorFault::Certificate)?;
    if !is_for_time_stamps_alone(&certificate) {
        return Err(AnchorFault::Usage.into());
    }
    let key = EndEntityCert::try_from(der).map_err(|error| fault(&error))?;
    Ok(Signer { der: der.clone(), key, subject: certificate.tbs_certificate.subject.to_string() })
}

fn is_wanted(certificate: &Certificate, wanted: &SignerIdentifier<'_>) -> bool {
    let body = &certificate.tbs_certificate;
    match wanted {
        SignerIdentifier::Certificate(IssuerAndSerialNumber { issuer, serial }) => {
            let is_issuer =
                body.issuer.to_der().ok().zip(issuer.to_der().ok()).is_some_and(|(one, other)| one == other);
            is_issuer && body.serial_number.as_bytes() == serial.as_bytes()
        }
        SignerIdentifier::Key(id) => {
            extension::<SubjectKeyIdentifier>(certificate).is_some_and(|(_, found)| found.0.as_bytes() == *id)
        }
    }
}

fn is_for_time_stamps_alone(certificate: &Certificate) -> bool {
    extension::<ExtendedKeyUsage>(certificate)
        .is_some_and(|(extension, usage)| extension.critical && usage.0 == [TIME_STAMPING])
}

/// An extension that is there once.
fn extension<'a, T: Decode<'a> + AssociatedOid>(certificate: &'a Certificate) -> Option<(&'a Extension, T)> {
    let all = certificate.tbs_certificate.extensions.as_deref().unwrap_or_default();
    let mut found = all.iter().filter(|extension| extension.extn_id == T::OID);
    let (Some(extension), None) = (found.next(), found.next()) else { return None };
    Some((extension, T::from_der(extension.extn_value.as_bytes()).ok()?))
}

const RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
const RSA_PSS: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.10");
const RSA_SHA256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.11");
const RSA_SHA384: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.12");
const RSA_SHA512: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.13");
const ECDSA_SHA256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.4.3.2");
const ECDSA_SHA384: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.4.3.3");
const ED25519: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.112");
pub(super) const SHA256: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.1");
pub(super) const SHA384: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.2");
pub(super) const SHA512: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.3");

impl Signer<'_> {
    /// Verifies a signature that was made with the certificate's key.
    pub(super) fn verify(
        &self,
        algorithm: ObjectIdentifier,
        digest: ObjectIdentifier,
        message: &[u8],
        signature: &[u8],
    ) -> Result<(), Error> {
        for candidate in candidates(algorithm, digest) {
            match self.key.verify_signature(candidate, message, signature) {
                Ok(()) => return Ok(()),
                // The key is of another kind than this candidate's.
                Err(webpki::Error::UnsupportedSignatureAlgorithmForPublicKeyContext(_)) => {}
                Err(_) => return Err(AnchorFault::Signature.into()),
            }
        }
        Err(AnchorFault::Algorithm.into())
    }
}

/// What a pair of names can mean, by the kinds of keys. One name may tell the digest, too: then the other must agree.
fn candidates(
    algorithm: ObjectIdentifier,
    digest: ObjectIdentifier,
) -> Vec<&'static dyn SignatureVerificationAlgorithm> {
    match (algorithm, digest) {
        (RSA | RSA_SHA256, SHA256) => vec![algorithms::RSA_PKCS1_2048_8192_SHA256],
        (RSA | RSA_SHA384, SHA384) => vec![algorithms::RSA_PKCS1_2048_8192_SHA384],
        (RSA | RSA_SHA512, SHA512) => vec![algorithms::RSA_PKCS1_2048_8192_SHA512],
        (RSA_PSS, SHA256) => vec![algorithms::RSA_PSS_2048_8192_SHA256_LEGACY_KEY],
        (RSA_PSS, SHA384) => vec![algorithms::RSA_PSS_2048_8192_SHA384_LEGACY_KEY],
        (RSA_PSS, SHA512) => vec![algorithms::RSA_PSS_2048_8192_SHA512_LEGACY_KEY],
        (ECDSA_SHA256, SHA256) => vec![algorithms::ECDSA_P256_SHA256, algorithms::ECDSA_P384_SHA256],
        (ECDSA_SHA384, SHA384) => vec![algorithms::ECDSA_P384_SHA384, algorithms::ECDSA_P256_SHA384],
        (ED25519, SHA512) => vec![algorithms::ED25519],
        _ => vec![],
    }
}
