//! The keys that sign a log.

use async_trait::async_trait;
use lww_audit::Checkpoint;
use lww_audit::note::NoteSignature;

use crate::units::Hash;

/// Signs checkpoints. May be slow (a hardware module): one signature may serve several commits.
#[async_trait]
pub trait Signer: Send + Sync {
    /// Signs a checkpoint body (C2SP tlog-checkpoint) by every key in use and returns the whole signed note.
    ///
    /// # Errors
    /// [`SignError`] when a key can't be used.
    async fn sign(&self, body: &str) -> Result<String, SignError>;

    /// The newest key in use, in vkey form.
    fn vkey(&self) -> String;

    /// Whether the newest key in use is the one that the log names. One that was made and not used so far comes into use
    /// then: its change was recorded, and the server ended before it heard so.
    fn is_named(&self, vkey: &str) -> bool {
        self.vkey() == vkey
    }
}

/// The keys of one log, for whoever changes them. What makes or destroys a key is on disk when it returns.
pub trait LogKeys: Signer {
    /// Every key in use, in vkey form, the newest first.
    fn vkeys(&self) -> Vec<String>;

    /// Makes the next key, or takes the one that was made before and never named, and signs by both from here on. Gives the
    /// statement for the entry: the old key names its successor, over a tree that it has signed.
    ///
    /// # Errors
    /// [`SignError`]; nothing changed then.
    fn succeed(&self, tree: &Checkpoint) -> Result<String, SignError>;

    /// The entry is recorded: the next key is the newest in use.
    ///
    /// # Errors
    /// [`SignError`]; both sign on, and the next start makes up for it.
    fn settle(&self) -> Result<(), SignError>;

    /// SHA-256 of each older key in use, which [`LogKeys::retire`] destroys.
    fn older(&self) -> Vec<Hash>;

    /// Signs by the newest key alone from here on, and destroys the others.
    ///
    /// # Errors
    /// [`SignError`]; the newest signs alone all the same.
    fn retire(&self) -> Result<(), SignError>;
}

/// The SM2 key that signs a log's published checkpoints a second time. What makes it is on disk when it returns.
pub trait NationalKey: Send + Sync {
    /// The public key in vkey form; `None` while no entry names one.
    fn vkey(&self) -> Option<String>;

    /// Makes the key, or takes the one that was made before and never named; SHA-256 of its public half, for the entry.
    ///
    /// # Errors
    /// [`SignError`].
    fn prepare(&self) -> Result<Hash, SignError>;

    /// The entry is recorded: the key signs from here on.
    ///
    /// # Errors
    /// [`SignError`]; it is to be named again then.
    fn settle(&self) -> Result<(), SignError>;

    /// Signs a checkpoint together with the SM3 root of the same entries.
    ///
    /// # Errors
    /// [`SignError`], also while no entry names the key.
    fn cosign(&self, checkpoint: &Checkpoint, root: &Hash) -> Result<NoteSignature, SignError>;
}

/// The log key could not sign.
#[derive(Debug, thiserror::Error)]
#[error("the log key can't sign: {reason}")]
pub struct SignError {
    /// What the key's holder said; never key material.
    pub reason: &'static str,
}
