//! Log keys in hardware: what is asked of a token, and where it is. The default build knows no token and says so.

use std::path::PathBuf;
use std::sync::Arc;

use crate::crypto::error::KeyError;
use crate::crypto::secrets::SecretRef;

/// Where a token is, and what opens it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenPlace {
    /// The library that its maker gives (PKCS#11).
    pub module: PathBuf,
    /// The token's label.
    pub token: String,
    /// Where the user's PIN is.
    pub pin: SecretRef,
    /// What the labels of this server's keys begin with.
    pub prefix: String,
}

/// Hardware that holds Ed25519 keys by their labels, and never gives a private one away. Every call may block.
pub(in crate::crypto) trait KeyToken: Send + Sync {
    /// The labels of the keys that are there, in any order.
    fn labels(&self) -> Result<Vec<String>, KeyError>;

    /// The public half of a key.
    fn public(&self, label: &str) -> Result<Option<[u8; 32]>, KeyError>;

    /// Makes a key. Whoever asks has looked that there is none of this label.
    fn create(&self, label: &str) -> Result<[u8; 32], KeyError>;

    /// Gives a key another label.
    fn rename(&self, label: &str, to: &str) -> Result<(), KeyError>;

    /// Destroys a key, if it is there.
    fn destroy(&self, label: &str) -> Result<(), KeyError>;

    /// Signs by the key with this public half.
    fn sign(&self, public: &[u8; 32], text: &[u8]) -> Result<Vec<u8>, KeyError>;

    /// Why the last call failed, when it did and the next may not.
    fn away(&self) -> Option<&'static str>;
}

/// The token at a place; one for the whole process.
#[cfg(feature = "pkcs11")]
pub(super) fn open(place: &TokenPlace) -> Result<Arc<dyn KeyToken>, KeyError> {
    crate::crypto::pkcs11::open(place)
}

/// The default build has no such thing.
#[cfg(not(feature = "pkcs11"))]
pub(super) fn open(_place: &TokenPlace) -> Result<Arc<dyn KeyToken>, KeyError> {
    Err(KeyError::NoTokens)
}

impl TokenPlace {
    /// Whether this build can use tokens, and this one answers to its PIN.
    ///
    /// # Errors
    /// [`KeyError::NoTokens`] or [`KeyError::Token`], with the way out.
    pub fn look(&self) -> Result<usize, KeyError> {
        open(self)?.labels().map(|labels| labels.len())
    }
}
