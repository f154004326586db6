//! Whose certificates clients may show in return: a CA's file, which may change while the server runs.
//!
//! A new file is taken when it holds certificates that can be used; until then the present one stays. Connections that are
//! open keep what they began with; sessions are not resumed where clients show certificates ([`super::live_certificate`]), so
//! that every later handshake asks the CA of that moment. This module doesn't watch: it looks when it is asked.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use rustls::client::danger::HandshakeSignatureValid;
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{DigitallySignedStruct, DistinguishedName, Error, RootCertStore, SignatureScheme};

use super::dev_ca::{TlsError, certificates, provider};
use super::live_certificate::{Stamp, stamp};

/// A CA of client certificates, from a file.
#[derive(Debug)]
pub struct LiveAuthority {
    path: PathBuf,
    required: bool,
    present: RwLock<Present>,
    seen: Mutex<Stamp>,
}

#[derive(Clone, Debug)]
struct Present {
    verifier: Arc<dyn ClientCertVerifier>,
    /// The CA's names, which clients choose a certificate by. They are lent for as long as this lives and so never freed: some
    /// hundred bytes each time that a CA of another name comes.
    names: &'static [DistinguishedName],
}

impl LiveAuthority {
    /// Reads the file. Where a certificate is `required` no handshake succeeds without one.
    ///
    /// # Errors
    /// [`TlsError`] when it can't be read or holds no CA.
    pub fn open(path: &Path, required: bool) -> Result<Arc<Self>, TlsError> {
        let seen = Mutex::new(stamp(path));
        let verifier = verifier(path, required)?;
        let names = verifier.root_hint_subjects().to_vec().leak();
        let present = RwLock::new(Present { verifier, names });
        Ok(Arc::new(Self { path: path.to_owned(), required, present, seen }))
    }

    /// Whether the file was changed since this was last asked, or since it was opened.
    pub fn has_changed(&self) -> bool {
        let present = stamp(&self.path);
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::replace(&mut *seen, present) != present
    }

    /// Reads the file again; handshakes that begin from here on ask the CA that was found.
    ///
    /// # Errors
    /// [`TlsError`] as at the opening; the CA so far stays.
    pub fn reload(&self) -> Result<(), TlsError> {
        let verifier = verifier(&self.path, self.required)?;
        let mut present = self.present.write().unwrap_or_else(PoisonError::into_inner);
        let (known, found) = (present.names.iter(), verifier.root_hint_subjects().iter());
        if !known.map(AsRef::<[u8]>::as_ref).eq(found.map(AsRef::as_ref)) {
            present.names = verifier.root_hint_subjects().to_vec().leak();
        }
        present.verifier = verifier;
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

fn verifier(ca: &Path, required: bool) -> Result<Arc<dyn ClientCertVerifier>, TlsError> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(ca)? {
        roots.add(certificate)?;
    }
    let builder = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider());
    let builder = if required { builder } else { builder.allow_unauthenticated() };
    builder.build().map_err(|_| TlsError::NotPem { path: ca.to_owned(), expected: "certificate authority" })
}
