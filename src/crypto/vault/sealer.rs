//! Seals one subject's messages and contact identity under the subject's data key. It knows no wrapping and no rows.
//!
//! Making one copies 32 bytes; nothing is expanded before the first sealing. The sealed form is that of `seal.rs`, its
//! number the data key's generation; tenant, subject, generation, message and part are bound as associated data.

use std::sync::Arc;

use zeroize::Zeroizing;

use crate::crypto::derive::{SecretKey, associated_data};
use crate::crypto::seal::{self, Suite};
use crate::domain::message::{Part, RawText, SealError, Sealed, Sealer};
use crate::ports::{Random, VaultError};
use crate::units::{MessageId, SubjectId, TenantId};

/// One subject's data key with what it is bound to.
pub(super) struct SubjectSealer {
    tenant: TenantId,
    subject: SubjectId,
    generation: i32,
    data_key: SecretKey,
    suite: Suite,
    random: Arc<dyn Random>,
}

impl SubjectSealer {
    pub(super) fn new(
        tenant: TenantId,
        subject: SubjectId,
        generation: i32,
        data_key: SecretKey,
        (suite, random): (Suite, Arc<dyn Random>),
    ) -> Self {
        Self { tenant, subject, generation, data_key, suite, random }
    }

    pub(super) fn seal_contact(&self, identity: &RawText) -> Result<Vec<u8>, VaultError> {
        let data = self.bind("lww/1 contact", &[]);
        seal::seal(self.suite, &self.data_key, self.generation, &data, identity.expose().as_bytes(), &*self.random)
            .map_err(|_| VaultError::Cipher)
    }

    pub(super) fn open_contact(&self, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, VaultError> {
        seal::open(&self.data_key, self.generation, &self.bind("lww/1 contact", &[]), sealed)
            .map_err(|_| VaultError::Cipher)
    }

    pub(super) fn seal_identity(&self, identity: &[u8]) -> Result<Vec<u8>, VaultError> {
        let data = self.bind("lww/1 sealed identity", &[]);
        seal::seal(self.suite, &self.data_key, self.generation, &data, identity, &*self.random)
            .map_err(|_| VaultError::Cipher)
    }

    pub(super) fn open_identity(&self, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, VaultError> {
        seal::open(&self.data_key, self.generation, &self.bind("lww/1 sealed identity", &[]), sealed)
            .map_err(|_| VaultError::Cipher)
    }

    fn bind_message(&self, part: Part, message: MessageId) -> Vec<u8> {
        match part {
            Part::Original => self.bind("lww/1 message", &[&message.0.0, b"original"]),
            Part::Masked => self.bind("lww/1 message", &[&message.0.0, b"masked"]),
            Part::File(number) => self.bind("lww/1 file", &[&message.0.0, &number.to_be_bytes()]),
        }
    }

    fn bind(&self, domain: &str, further: &[&[u8]]) -> Vec<u8> {
        let (tenant, generation) = (self.tenant.0.to_be_bytes(), self.generation.to_be_bytes());
        let own: [&[u8]; 3] = [&tenant, &self.subject.0.0, &generation];
        associated_data(domain, &own.into_iter().chain(further.iter().copied()).collect::<Vec<_>>())
    }
}

impl Sealer for SubjectSealer {
    fn seal(&self, part: Part, message: MessageId, plaintext: &[u8]) -> Result<Sealed, SealError> {
        let data = self.bind_message(part, message);
        seal::seal(self.suite, &self.data_key, self.generation, &data, plaintext, &*self.random)
            .map(Sealed)
            .map_err(|_| SealError { part })
    }

    fn open(&self, part: Part, message: MessageId, sealed: &Sealed) -> Result<Zeroizing<Vec<u8>>, SealError> {
        seal::open(&self.data_key, self.generation, &self.bind_message(part, message), &sealed.0)
            .map_err(|_| SealError { part })
    }
}
