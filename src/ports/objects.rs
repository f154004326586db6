//! Files in another place: what an S3-compatible store and a folder can both do.

use async_trait::async_trait;

/// Something was not read from or written to the other place.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ObjectsError {
    /// It does not answer, or not so that it can be understood; the same may succeed later.
    #[error("{0}")]
    Unreachable(&'static str),
    /// It is not who it should be: its certificate is not believed.
    #[error("{0}")]
    Untrusted(&'static str),
    /// It says no.
    #[error("{0}")]
    Refused(&'static str),
    /// What is there is longer than anything that was put there.
    #[error("{name} is longer than {bytes_max} bytes")]
    TooLong {
        /// The object's name.
        name: String,
        /// Most bytes that are read.
        bytes_max: usize,
    },
}

/// Keeps named objects in another place. An object is there whole or not at all. Each call ends within a bounded time.
#[async_trait]
pub trait Objects: Send + Sync {
    /// Where it is, in words for an operator.
    fn place(&self) -> &str;

    /// The bytes of an object; `None` when there is none.
    ///
    /// # Errors
    /// [`ObjectsError`].
    async fn get(&self, name: &str, bytes_max: usize) -> Result<Option<Vec<u8>>, ObjectsError>;

    /// Puts an object where none is; `false` when one came to be there meanwhile, which stays as it is.
    ///
    /// # Errors
    /// [`ObjectsError`].
    async fn create(&self, name: &str, bytes: Vec<u8>) -> Result<bool, ObjectsError>;

    /// Puts an object in the place of the one that is there, if one is.
    ///
    /// # Errors
    /// [`ObjectsError`].
    async fn replace(&self, name: &str, bytes: Vec<u8>) -> Result<(), ObjectsError>;

    /// Removes an object; one that isn't there is removed already.
    ///
    /// # Errors
    /// [`ObjectsError`]; a store that keeps everything refuses.
    async fn remove(&self, name: &str) -> Result<(), ObjectsError>;
}
