//! The log key in a file: signs checkpoints with Ed25519 as C2SP signed-note. It knows no checkpoint rules: what it is
//! handed was decided by the recorder.

use std::fmt;

use async_trait::async_trait;
use lww_audit::{Note, NoteSigner};

use super::derive::KEY_BYTES;
use super::error::KeyError;
use crate::ports::{SignError, Signer};
use crate::units::{Hash, Origin};

/// Signs one log's checkpoints; its key name is the log's origin.
pub struct FileSigner(NoteSigner);

impl fmt::Debug for FileSigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FileSigner({})", self.0.verifier_key())
    }
}

impl FileSigner {
    /// Makes the signer from its 32-byte Ed25519 seed.
    pub(super) fn new(origin: &Origin, seed: &[u8; KEY_BYTES]) -> Result<Self, KeyError> {
        NoteSigner::from_seed(origin.as_str(), seed).map(Self).map_err(|_| KeyError::Cipher)
    }

    /// SHA-256 of the public key, for the ledger entry `key.created`.
    pub fn fingerprint(&self) -> Hash {
        sha256(self.0.verifier_key().public())
    }
}

#[async_trait]
impl Signer for FileSigner {
    async fn sign(&self, body: &str) -> Result<String, SignError> {
        Note::new(body.to_owned(), vec![self.0.sign(body)])
            .map(|note| note.to_string())
            .map_err(|_| SignError { reason: "a checkpoint must be text that ends with a newline" })
    }

    fn vkey(&self) -> String {
        self.0.verifier_key().to_string()
    }
}

/// SHA-256 of what is public.
pub(super) fn sha256(bytes: &[u8]) -> Hash {
    let mut out = [0; 32];
    out.copy_from_slice(ring::digest::digest(&ring::digest::SHA256, bytes).as_ref());
    Hash(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use lww_audit::VerifierKey;

    const BODY: &str = "lww.local/acme/1\n0\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n";

    fn signer(seed: u8) -> FileSigner {
        FileSigner::new(&Origin::new("lww.local", "acme", 1).unwrap(), &[seed; 32]).unwrap()
    }

    fn verifies(note: &str, key: &str) -> bool {
        let key: VerifierKey = key.parse().unwrap();
        Note::parse(note.as_bytes()).is_ok_and(|note| note.verify(&[key], "lww.local/acme/1").is_ok())
    }

    #[tokio::test]
    async fn checkpoints_verify_under_the_log_key_only() {
        let note = signer(1).sign(BODY).await.unwrap();
        assert!(note.starts_with(BODY) && note.contains("\n— lww.local/acme/1 "), "{note}");
        assert!(verifies(&note, &signer(1).vkey()));
        assert!(!verifies(&note, &signer(2).vkey()));
        assert!(!verifies(&note.replacen("\n0\n", "\n1\n", 1), &signer(1).vkey()));
    }

    #[tokio::test]
    async fn bodies_that_are_no_note_text_are_refused() {
        for body in ["", "no newline", "\u{1}\n"] {
            assert!(signer(1).sign(body).await.is_err(), "{body:?}");
        }
    }

    #[test]
    fn fingerprints_and_debug_show_the_public_key_only() {
        assert_ne!(signer(1).fingerprint(), signer(2).fingerprint());
        assert_eq!(format!("{:?}", signer(1)), format!("FileSigner({})", signer(1).vkey()));
    }
}
