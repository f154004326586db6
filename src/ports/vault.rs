//! The keys of one tenant, behind which no key is ever seen.

use std::sync::Arc;

use zeroize::Zeroizing;

use super::{IdentityLookup, IdentityName, Person, WrappedKey};
use crate::domain::masking::Tokens;
use crate::domain::message::{RawText, Sealer};
use crate::domain::record::{Dedup, NewIdentity, NewSubject};
use crate::units::{AccountId, ChannelAccount, SubjectId};

/// A key is missing, wrong or refused.
#[derive(Debug, thiserror::Error)]
pub enum VaultError {
    /// The epoch's key is not there: destroyed or not restored.
    #[error("the key of epoch {epoch} is not there")]
    NoEpoch {
        /// The epoch.
        epoch: i32,
    },
    /// Wrapped bytes don't open under the key that should have made them.
    #[error("a wrapped key does not open")]
    Unwrap,
    /// A cipher or hash refused.
    #[error("the cipher refused")]
    Cipher,
}

/// What an outside provider gives names to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum External {
    /// A person.
    Person,
    /// A person's session there.
    Session,
    /// An order to log out.
    Logout,
}

/// What is sealed of a member of staff besides the name on screens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StaffPart {
    /// The login.
    Login,
    /// The label of a session's device.
    Device,
    /// The secret of a second factor.
    Factor,
}

/// A sealer that can be shared among tasks.
pub type SharedSealer = Arc<dyn Sealer + Send + Sync>;

/// Holds one tenant's keys; no key leaves it.
pub trait Vault: Send + Sync {
    /// How an identity is found: under the newest epoch, and behind that under those before whose keys are still there.
    fn lookups(&self, identity: IdentityName<'_>) -> Vec<IdentityLookup>;

    /// Makes a new person's data key and the row that keeps it, wrapped and indexed under the newest epoch.
    ///
    /// # Errors
    /// [`VaultError`] when wrapping fails.
    fn new_subject(&self, id: SubjectId, identity: IdentityName<'_>) -> Result<(NewSubject, SharedSealer), VaultError>;

    /// One more identity of a person, indexed under the newest epoch.
    ///
    /// # Errors
    /// [`VaultError`] when the person's data key does not open.
    fn linked(
        &self,
        subject: SubjectId,
        key: &WrappedKey,
        identity: IdentityName<'_>,
    ) -> Result<NewIdentity, VaultError>;

    /// The epoch that wraps and indexes at present.
    fn newest_epoch(&self) -> i32;

    /// A person's data key, wrapped under the newest epoch.
    ///
    /// # Errors
    /// [`VaultError`] when the epoch is gone or the bytes don't open.
    fn rewrap(&self, subject: SubjectId, key: &WrappedKey) -> Result<WrappedKey, VaultError>;

    /// How an identity that was sealed for its person is indexed under the newest epoch.
    ///
    /// # Errors
    /// [`VaultError`] when the data key or the sealed bytes don't open.
    fn reindex(&self, subject: SubjectId, key: &WrappedKey, sealed: &[u8]) -> Result<IdentityLookup, VaultError>;

    /// Unwraps a person's data key.
    ///
    /// # Errors
    /// [`VaultError`] when the epoch is gone or the bytes don't open.
    fn sealer(&self, subject: SubjectId, key: &WrappedKey) -> Result<SharedSealer, VaultError>;

    /// Seals what is the tenant's own and no customer's.
    fn house_sealer(&self) -> SharedSealer;

    /// The tenant's tokens for masked values.
    fn tokens(&self) -> &(dyn Tokens + Send + Sync);

    /// A person's name for the guard against duplicates: 32 bytes that are the same under every epoch, as what was sent before
    /// an epoch began may be sent again after. `None` for somebody without an identity.
    fn sender(&self, channel: &ChannelAccount, person: &Person) -> Option<[u8; 32]>;

    /// The guard against duplicates for a key within `scope`, with the body that came along.
    fn dedup(&self, scope: &str, key: &[u8], body: &[u8]) -> Dedup;

    /// The lookup of a login name.
    fn login_lookup(&self, login: &RawText) -> [u8; 32];

    /// Seals a staff profile, bound to its account.
    ///
    /// # Errors
    /// [`VaultError::Cipher`] when the cipher refuses.
    fn seal_profile(&self, account: AccountId, profile: &RawText) -> Result<Vec<u8>, VaultError>;

    /// Opens a staff profile.
    ///
    /// # Errors
    /// [`VaultError::Cipher`] when bytes, account or key differ.
    fn open_profile(&self, account: AccountId, sealed: &[u8]) -> Result<Zeroizing<String>, VaultError>;

    /// The lookup under which a session token is stored: the token itself is kept nowhere.
    fn session_lookup(&self, token: &str) -> [u8; 32];

    /// Seals something small that tells of a member of staff, bound to what it is and to the account.
    ///
    /// # Errors
    /// [`VaultError::Cipher`] when the cipher refuses.
    fn seal_staff(&self, part: StaffPart, account: AccountId, text: &RawText) -> Result<Vec<u8>, VaultError>;

    /// Opens what [`Vault::seal_staff`] sealed.
    ///
    /// # Errors
    /// [`VaultError::Cipher`] when bytes, part, account or key differ.
    fn open_staff(&self, part: StaffPart, account: AccountId, sealed: &[u8]) -> Result<Zeroizing<String>, VaultError>;

    /// Draws the secret of a second factor: 160 bits in base 32 (RFC 4226, section 4, requirement 6).
    fn new_factor_secret(&self) -> Zeroizing<String>;

    /// The six-digit code of a secret for a time step (RFC 6238).
    ///
    /// # Errors
    /// [`VaultError::Cipher`] when the secret is none.
    fn factor_code(&self, secret: &str, step: u64) -> Result<Zeroizing<String>, VaultError>;

    /// The lookup of a recovery code, bound to its account.
    fn recovery_lookup(&self, account: AccountId, code: &str) -> [u8; 32];

    /// The lookup of what an outside provider gives this name to.
    fn external_lookup(&self, what: External, issuer: &str, name: &str) -> [u8; 32];
}
