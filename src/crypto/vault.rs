//! One tenant's keys behind the port `Vault`: data keys are made, wrapped and unwrapped here, identities and logins are
//! looked up by keyed hashes. It knows no database: rows come in and go out as values.
//!
//! Lookups and guards are HMAC-SHA256 over length-prefixed fields with a domain of their own, so that a hash of a phone
//! number can't be guessed without the key. An identity's lookup hangs on the epoch: when an epoch's key is destroyed,
//! pseudonyms that were indexed under it can't be found again. Who is not erased was indexed anew before, out of the identity
//! that is sealed with their own key.

mod identity;
mod sealer;
#[cfg(test)]
mod tests;
mod tokens;

use std::fmt;
use std::sync::Arc;

use zeroize::Zeroizing;

use self::sealer::SubjectSealer;
use self::tokens::TenantTokens;
use super::derive::{MacKey, SecretKey, associated_data};
use super::error::KeyError;
use super::keys::{EpochRing, KeyDirectory, Purpose};
use super::seal::Suite;
use super::{seal, totp};
use crate::domain::message::RawText;
use crate::domain::record::{Dedup, NewIdentity, NewSubject};
use crate::ports::{
    External, IdentityLookup, IdentityName, Person, Proven, Random, SharedSealer, StaffPart, Tokens, Vault, VaultError,
    WrappedKey, random_bytes,
};
use crate::units::{AccountId, ChannelAccount, SubjectId, TenantId};

const FIRST_GENERATION: i32 = 1;
const STAFF_KEY_NUMBER: i32 = 1;

const TOKENS: &str = "lww/1 tenant tokens";
const DEDUP: &str = "lww/1 tenant dedup";
const SESSIONS: &str = "lww/1 tenant sessions";
const LOGINS: &str = "lww/1 tenant logins";
const PROFILES: &str = "lww/1 tenant profiles";
const REPLIES: &str = "lww/1 tenant replies";

/// In a person's place, where what is sealed is the tenant's own; its key is another than any person's.
const HOUSE: SubjectId = SubjectId::from_random([0; 16]);

/// The keys of one tenant.
pub struct TenantVault {
    tenant: TenantId,
    epochs: Arc<EpochRing>,
    tokens: TenantTokens,
    dedup: MacKey,
    sessions: MacKey,
    logins: MacKey,
    profiles: SecretKey,
    house: SharedSealer,
    suite: Suite,
    random: Arc<dyn Random>,
}

impl fmt::Debug for TenantVault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TenantVault").field("tenant", &self.tenant).finish_non_exhaustive()
    }
}

impl TenantVault {
    /// Derives a tenant's keys.
    ///
    /// # Errors
    /// [`KeyError::Cipher`] when a derivation refuses.
    pub fn new(keys: &KeyDirectory, tenant: TenantId) -> Result<Self, KeyError> {
        let mac = |purpose, use_of| keys.tenant_key(purpose, tenant, use_of).map(|key| key.mac());
        Ok(Self {
            tenant,
            epochs: keys.epochs(),
            tokens: TenantTokens::new(mac(Purpose::Tokens, TOKENS)?),
            dedup: mac(Purpose::Dedup, DEDUP)?,
            sessions: mac(Purpose::Sessions, SESSIONS)?,
            logins: mac(Purpose::Staff, LOGINS)?,
            profiles: keys.tenant_key(Purpose::Staff, tenant, PROFILES)?,
            house: Arc::new(SubjectSealer::new(
                tenant,
                HOUSE,
                FIRST_GENERATION,
                keys.tenant_key(Purpose::Staff, tenant, REPLIES)?,
                (keys.suite(), keys.random()),
            )),
            suite: keys.suite(),
            random: keys.random(),
        })
    }

    /// Opens the contact identity that `new_subject` sealed.
    ///
    /// # Errors
    /// [`VaultError`] when the epoch is gone, or key, subject or bytes differ.
    pub fn open_contact(
        &self,
        subject: SubjectId,
        key: &WrappedKey,
        sealed: &[u8],
    ) -> Result<Zeroizing<String>, VaultError> {
        into_text(self.subject_sealer(subject, key)?.open_contact(sealed)?)
    }

    fn subject_sealer(&self, subject: SubjectId, key: &WrappedKey) -> Result<SubjectSealer, VaultError> {
        Ok(self.sealer_of(subject, key.generation, self.unwrap(subject, key)?))
    }

    fn unwrap(&self, subject: SubjectId, key: &WrappedKey) -> Result<SecretKey, VaultError> {
        let epochs = self.epochs.present();
        let wrap = epochs.wrap(key.epoch).ok_or(VaultError::NoEpoch { epoch: key.epoch })?;
        let data = self.wrap_data(subject, key.generation, key.epoch);
        let opened = seal::open(wrap, key.epoch, &data, &key.wrapped).map_err(|_| VaultError::Unwrap)?;
        SecretKey::from_slice(&opened).ok_or(VaultError::Unwrap)
    }

    /// A data key under an epoch.
    fn wrap(&self, subject: SubjectId, generation: i32, epoch: i32, key: &SecretKey) -> Result<Vec<u8>, VaultError> {
        let epochs = self.epochs.present();
        let wrap = epochs.wrap(epoch).ok_or(VaultError::NoEpoch { epoch })?;
        let data = self.wrap_data(subject, generation, epoch);
        seal::seal(self.suite, wrap, epoch, &data, key.bytes(), &*self.random).map_err(|_| VaultError::Cipher)
    }

    fn sealer_of(&self, subject: SubjectId, generation: i32, data_key: SecretKey) -> SubjectSealer {
        SubjectSealer::new(self.tenant, subject, generation, data_key, (self.suite, Arc::clone(&self.random)))
    }

    fn wrap_data(&self, subject: SubjectId, generation: i32, epoch: i32) -> Vec<u8> {
        associated_data(
            "lww/1 data key",
            &[&self.tenant.0.to_be_bytes(), &subject.0.0, &generation.to_be_bytes(), &epoch.to_be_bytes()],
        )
    }

    fn staff_data(&self, part: StaffPart, account: AccountId) -> Vec<u8> {
        let part = match part {
            StaffPart::Login => b"login".as_slice(),
            StaffPart::Device => b"device".as_slice(),
            StaffPart::Factor => b"factor".as_slice(),
        };
        associated_data("lww/1 staff part", &[part, &self.tenant.0.to_be_bytes(), &account.0.0])
    }

    fn profile_data(&self, account: AccountId) -> Vec<u8> {
        associated_data("lww/1 staff profile", &[&self.tenant.0.to_be_bytes(), &account.0.0])
    }
}

impl Vault for TenantVault {
    fn lookups(&self, identity: IdentityName<'_>) -> Vec<IdentityLookup> {
        let epochs = self.epochs.present();
        epochs.indexes().map(|(epoch, index)| identity::lookup(self.tenant, (epoch, index), identity)).collect()
    }

    fn new_subject(&self, id: SubjectId, identity: IdentityName<'_>) -> Result<(NewSubject, SharedSealer), VaultError> {
        let IdentityLookup { epoch, hash } = self.lookups(identity).first().copied().ok_or(VaultError::Cipher)?;
        let data_key = SecretKey::random(&*self.random);
        let wrapped_key = self.wrap(id, FIRST_GENERATION, epoch, &data_key)?;
        let sealer = self.sealer_of(id, FIRST_GENERATION, data_key);
        let contact = sealer.seal_contact(identity.text())?;
        let sealed_identity = sealer.seal_identity(&identity::to_bytes(identity))?;
        let subject = NewSubject { id, identity: hash, epoch, wrapped_key, contact, sealed_identity };
        Ok((subject, Arc::new(sealer)))
    }

    fn linked(
        &self,
        subject: SubjectId,
        key: &WrappedKey,
        identity: IdentityName<'_>,
    ) -> Result<NewIdentity, VaultError> {
        let IdentityLookup { epoch, hash } = self.lookups(identity).first().copied().ok_or(VaultError::Cipher)?;
        let sealed = self.subject_sealer(subject, key)?.seal_identity(&identity::to_bytes(identity))?;
        Ok(NewIdentity { lookup: hash, epoch, subject, sealed })
    }

    fn newest_epoch(&self) -> i32 {
        self.epochs.present().newest()
    }

    fn rewrap(&self, subject: SubjectId, key: &WrappedKey) -> Result<WrappedKey, VaultError> {
        let (generation, epoch) = (key.generation, self.newest_epoch());
        let wrapped = self.wrap(subject, generation, epoch, &self.unwrap(subject, key)?)?;
        Ok(WrappedKey { generation, epoch, wrapped })
    }

    fn reindex(&self, subject: SubjectId, key: &WrappedKey, sealed: &[u8]) -> Result<IdentityLookup, VaultError> {
        let opened = self.subject_sealer(subject, key)?.open_identity(sealed)?;
        let epochs = self.epochs.present();
        let newest = epochs.indexes().next().ok_or(VaultError::Cipher)?;
        identity::lookup_of_bytes(self.tenant, newest, &opened).ok_or(VaultError::Cipher)
    }

    fn sealer(&self, subject: SubjectId, key: &WrappedKey) -> Result<SharedSealer, VaultError> {
        Ok(Arc::new(self.subject_sealer(subject, key)?))
    }

    fn house_sealer(&self) -> SharedSealer {
        Arc::clone(&self.house)
    }

    fn tokens(&self) -> &(dyn Tokens + Send + Sync) {
        &self.tokens
    }

    /// Who is proven is the same by every account; a channel's own identity is one of its account.
    fn sender(&self, channel: &ChannelAccount, person: &Person) -> Option<[u8; 32]> {
        if let Some(Proven { realm, id }) = &person.proven {
            return Some(self.dedup.tag("lww/1 dedup proven sender", &[realm.as_bytes(), id.expose().as_bytes()]));
        }
        let contact = person.contact.as_ref()?.expose().as_bytes();
        let fields = [channel.channel.as_bytes(), channel.account.as_bytes(), contact];
        Some(self.dedup.tag("lww/1 dedup sender", &fields))
    }

    /// The body's hash covers scope and key, too, so that equal bodies of two messages can't be told from the table.
    fn dedup(&self, scope: &str, key: &[u8], body: &[u8]) -> Dedup {
        Dedup {
            key: self.dedup.short_tag("lww/1 dedup key", &[scope.as_bytes(), key]),
            body: self.dedup.short_tag("lww/1 dedup body", &[scope.as_bytes(), key, body]),
        }
    }

    fn login_lookup(&self, login: &RawText) -> [u8; 32] {
        self.logins.tag("lww/1 login", &[login.expose().as_bytes()])
    }

    fn seal_profile(&self, account: AccountId, profile: &RawText) -> Result<Vec<u8>, VaultError> {
        let data = self.profile_data(account);
        seal::seal(self.suite, &self.profiles, STAFF_KEY_NUMBER, &data, profile.expose().as_bytes(), &*self.random)
            .map_err(|_| VaultError::Cipher)
    }

    fn open_profile(&self, account: AccountId, sealed: &[u8]) -> Result<Zeroizing<String>, VaultError> {
        let opened = seal::open(&self.profiles, STAFF_KEY_NUMBER, &self.profile_data(account), sealed);
        into_text(opened.map_err(|_| VaultError::Cipher)?)
    }

    fn session_lookup(&self, token: &str) -> [u8; 32] {
        self.sessions.tag("lww/1 session", &[token.as_bytes()])
    }

    fn seal_staff(&self, part: StaffPart, account: AccountId, text: &RawText) -> Result<Vec<u8>, VaultError> {
        let (data, text) = (self.staff_data(part, account), text.expose().as_bytes());
        seal::seal(self.suite, &self.profiles, STAFF_KEY_NUMBER, &data, text, &*self.random)
            .map_err(|_| VaultError::Cipher)
    }

    fn open_staff(&self, part: StaffPart, account: AccountId, sealed: &[u8]) -> Result<Zeroizing<String>, VaultError> {
        let opened = seal::open(&self.profiles, STAFF_KEY_NUMBER, &self.staff_data(part, account), sealed);
        into_text(opened.map_err(|_| VaultError::Cipher)?)
    }

    fn new_factor_secret(&self) -> Zeroizing<String> {
        totp::encode(&Zeroizing::new(random_bytes(&*self.random)))
    }

    fn factor_code(&self, secret: &str, step: u64) -> Result<Zeroizing<String>, VaultError> {
        totp::code(secret, step).ok_or(VaultError::Cipher)
    }

    fn recovery_lookup(&self, account: AccountId, code: &str) -> [u8; 32] {
        self.logins.tag("lww/1 recovery code", &[&account.0.0, code.as_bytes()])
    }

    fn external_lookup(&self, what: External, issuer: &str, name: &str) -> [u8; 32] {
        let label = match what {
            External::Person => "lww/1 external identity",
            External::Session => "lww/1 external session",
            External::Logout => "lww/1 external logout",
        };
        self.logins.tag(label, &[issuer.as_bytes(), name.as_bytes()])
    }
}

fn into_text(mut opened: Zeroizing<Vec<u8>>) -> Result<Zeroizing<String>, VaultError> {
    String::from_utf8(std::mem::take(&mut *opened)).map(Zeroizing::new).map_err(|_| VaultError::Cipher)
}
