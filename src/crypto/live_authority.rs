//! Whose certificates clients may show in return: a CA's file and its lists of revoked ones (RFC 5280, section 5), which may
//! change while the server runs.
//!
//! Where there is a list it must be of the present and know of every certificate of a chain: one that is over, or is another
//! CA's, lets nobody in. A new file is taken when it holds what can be used; until then the present one stays. Connections that are
//! open keep what they began with; sessions are not resumed where clients show certificates ([`super::live_certificate`]), so
//! that every later handshake asks the CA of that moment. This module doesn't watch: it looks when it is asked.

use std::sync::{Arc, Mutex, PoisonError, RwLock};

use rustls::client::danger::HandshakeSignatureValid;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, CertificateRevocationListDer, UnixTime};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{DigitallySignedStruct, DistinguishedName, Error, RootCertStore, SignatureScheme};

use super::certificate::crl_end;
use super::dev_ca::{TlsError, certificates, pem_file, provider};
use super::live_certificate::{ClientAuthority, Stamp, stamp};
use crate::units::Timestamp;

/// A CA of client certificates, from a file.
#[derive(Debug)]
pub struct LiveAuthority {
    files: ClientAuthority,
    required: bool,
    present: RwLock<Present>,
    seen: Mutex<[Stamp; 2]>,
}

#[derive(Clone, Debug)]
struct Present {
    verifier: Arc<dyn ClientCertVerifier>,
    /// The CA's names, which clients choose a certificate by. They are lent for as long as this lives and so never freed: some
    /// hundred bytes each time that a CA of another name comes.
    names: &'static [DistinguishedName],
    /// When the first of its lists is over.
    crl_end: Option<Timestamp>,
}

impl LiveAuthority {
    /// Reads the files. Where a certificate is `required` no handshake succeeds without one.
    ///
    /// # Errors
    /// [`TlsError`] when it can't be read or holds no CA.
    pub fn open(files: &ClientAuthority, required: bool) -> Result<Arc<Self>, TlsError> {
        let seen = Mutex::new(stamps(files));
        let (verifier, crl_end) = verifier(files, required)?;
        let names = verifier.root_hint_subjects().to_vec().leak();
        let present = RwLock::new(Present { verifier, names, crl_end });
        Ok(Arc::new(Self { files: files.clone(), required, present, seen }))
    }

    /// When the first of its lists of revoked certificates is over; `None` without a list.
    pub fn crl_end(&self) -> Option<Timestamp> {
        self.present().crl_end
    }

    /// Whether a file was changed since this was last asked, or since it was opened.
    pub fn has_changed(&self) -> bool {
        let present = stamps(&self.files);
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::replace(&mut *seen, present) != present
    }

    /// Reads the files again; handshakes that begin from here on ask the CA that was found.
    ///
    /// # Errors
    /// [`TlsError`] as at the opening; the CA so far stays.
    pub fn reload(&self) -> Result<(), TlsError> {
        let (verifier, crl_end) = verifier(&self.files, self.required)?;
        let mut present = self.present.write().unwrap_or_else(PoisonError::into_inner);
        let (known, found) = (present.names.iter(), verifier.root_hint_subjects().iter());
        if !known.map(AsRef::<[u8]>::as_ref).eq(found.map(AsRef::as_ref)) {
            present.names = verifier.root_hint_subjects().to_vec().leak();
        }
        present.verifier = verifier;
        present.crl_end = crl_end;
        Ok(())
    }

    fn present(&self) -> Present {
        self.present.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl ClientCertVerifier for LiveAuthority {
    fn client_auth_mandatory(&self) -> bool {
        self.required
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        self.present().names
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        self.present().verifier.verify_client_cert(end_entity, intermediates, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.present().verifier.verify_tls12_signature(message, certificate, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.present().verifier.verify_tls13_signature(message, certificate, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.present().verifier.supported_verify_schemes()
    }
}

fn stamps(files: &ClientAuthority) -> [Stamp; 2] {
    [stamp(&files.ca), files.crl.as_deref().and_then(stamp)]
}

type Verifier = (Arc<dyn ClientCertVerifier>, Option<Timestamp>);

fn verifier(files: &ClientAuthority, required: bool) -> Result<Verifier, TlsError> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(&files.ca)? {
        roots.add(certificate)?;
    }
    let builder = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider());
    let builder = if required { builder } else { builder.allow_unauthenticated() };
    let (builder, end) = match &files.crl {
        None => (builder, None),
        Some(path) => {
            let pem = pem_file(path)?;
            let lists: Result<Vec<_>, _> = CertificateRevocationListDer::pem_slice_iter(&pem).collect();
            let no_list = || TlsError::NotPem { path: path.clone(), expected: "list of revoked certificates" };
            let lists = lists.map_err(|_| no_list())?;
            let end = crl_end(&lists).ok_or_else(no_list)?;
            // Without this, whoever keeps a new list from coming keeps a revoked certificate in use.
            (builder.with_crls(lists).enforce_revocation_expiration(), Some(end))
        }
    };
    let built = builder.build();
    let verifier = built.map_err(|_| TlsError::NotPem { path: files.ca.clone(), expected: "certificate authority" })?;
    Ok((verifier, end))
}
