//! Passwords as the pipeline sees them.

use super::{Random, VaultError};
use crate::domain::message::RawText;

/// Hashes and checks passwords; slow on purpose, so callers run it where blocking is allowed.
pub trait Passwords: Send + Sync {
    /// An argon2id hash in PHC form.
    ///
    /// # Errors
    /// [`VaultError::Cipher`] when the hash refuses.
    fn hash(&self, password: &RawText, salt: [u8; 16]) -> Result<String, VaultError>;

    /// Draws a one-time password of 80 random bits that people can type.
    fn one_time(&self, random: &dyn Random) -> RawText;

    /// Whether a password matches; `None` burns the same time and says no, so that unknown names can't be told by it.
    fn verify(&self, password: &RawText, phc: Option<&str>) -> bool;
}
