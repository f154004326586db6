//! The copy's place: a folder, or a bucket of an S3-compatible store (crate `object_store`).
//!
//! It knows names and bytes and not what they are. What a store answers is told by its kind only: a message could repeat
//! whatever the store likes.

mod connector;

use std::path::Path as Folder;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use object_store::aws::AmazonS3Builder;
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{BackoffConfig, Error, ObjectStore, ObjectStoreExt as _, PutMode, PutPayload, RetryConfig};
use rustls::ClientConfig;
use zeroize::Zeroizing;

use self::connector::{Connector, Untrusted};
use crate::limits::MIRROR_WAIT_MS_MAX;
use crate::ports::{Objects, ObjectsError};

/// Where a bucket is, and how to get in.
pub struct Bucket {
    /// The store's address, `https://host:port`; `http` on loopback only, which the configuration sees to.
    pub endpoint: String,
    /// The bucket's name.
    pub bucket: String,
    /// The region that signatures name.
    pub region: String,
    /// The access key's id.
    pub access_key: Zeroizing<String>,
    /// Its secret.
    pub secret_key: Zeroizing<String>,
    /// What the store's certificate is checked with; `None` for plain HTTP.
    pub tls: Option<Arc<ClientConfig>>,
}

/// Objects of a store.
pub struct Stored {
    store: Box<dyn ObjectStore>,
    place: String,
}

/// The place can't be used at all.
#[derive(Debug, thiserror::Error)]
#[error("the mirror's place can't be used: {reason}")]
pub struct PlaceError {
    /// Why; never a credential.
    pub reason: String,
}

impl Stored {
    /// Keeps objects as files of a folder, which is made if it isn't there.
    ///
    /// # Errors
    /// [`PlaceError`] when it can't be made.
    pub fn folder(folder: &Folder) -> Result<Self, PlaceError> {
        let refused = |reason: &dyn std::fmt::Display| PlaceError { reason: format!("{}: {reason}", folder.display()) };
        std::fs::create_dir_all(folder).map_err(|error| refused(&error.kind()))?;
        let store = LocalFileSystem::new_with_prefix(folder).map_err(|_| refused(&"not a folder of this machine"))?;
        Ok(Self { store: Box::new(store.with_fsync(true)), place: folder.display().to_string() })
    }

    /// Keeps objects in a bucket.
    ///
    /// # Errors
    /// [`PlaceError`] when its address can't be one.
    pub fn bucket(bucket: Bucket) -> Result<Self, PlaceError> {
        let place = format!("{}/{}", bucket.endpoint, bucket.bucket);
        let allows_plain = bucket.tls.is_none();
        // The follower that writes copies comes back by itself: retrying for minutes would only hide the state.
        let retry = RetryConfig {
            backoff: BackoffConfig::default(),
            max_retries: 1,
            retry_timeout: Duration::from_millis(MIRROR_WAIT_MS_MAX),
        };
        let store = AmazonS3Builder::new()
            .with_endpoint(bucket.endpoint)
            .with_bucket_name(bucket.bucket)
            .with_region(bucket.region)
            .with_access_key_id(bucket.access_key.as_str())
            .with_secret_access_key(bucket.secret_key.as_str())
            .with_allow_http(allows_plain)
            .with_virtual_hosted_style_request(false)
            .with_retry(retry)
            .with_http_connector(Connector::new(bucket.tls))
            .build();
        let store = store.map_err(|_| PlaceError { reason: format!("{place}: not the address of a bucket") })?;
        Ok(Self { store: Box::new(store), place })
    }

    async fn put(&self, name: &str, bytes: Vec<u8>, mode: PutMode) -> Result<(), Error> {
        self.store.put_opts(&Path::from(name), PutPayload::from(bytes), mode.into()).await.map(drop)
    }
}

#[async_trait]
impl Objects for Stored {
    fn place(&self) -> &str {
        &self.place
    }

    async fn get(&self, name: &str, bytes_max: usize) -> Result<Option<Vec<u8>>, ObjectsError> {
        let found = match self.store.get(&Path::from(name)).await {
            Ok(found) => found,
            Err(Error::NotFound { .. }) => return Ok(None),
            Err(error) => return Err(told(&error)),
        };
        if found.meta.size > bytes_max as u64 {
            return Err(ObjectsError::TooLong { name: name.to_owned(), bytes_max });
        }
        found.bytes().await.map(|bytes| Some(bytes.into())).map_err(|error| told(&error))
    }

    async fn create(&self, name: &str, bytes: Vec<u8>) -> Result<bool, ObjectsError> {
        match self.put(name, bytes, PutMode::Create).await {
            Ok(()) => Ok(true),
            Err(Error::AlreadyExists { .. } | Error::Precondition { .. }) => Ok(false),
            Err(error) => Err(told(&error)),
        }
    }

    async fn replace(&self, name: &str, bytes: Vec<u8>) -> Result<(), ObjectsError> {
        self.put(name, bytes, PutMode::Overwrite).await.map_err(|error| told(&error))
    }

    async fn remove(&self, name: &str) -> Result<(), ObjectsError> {
        match self.store.delete(&Path::from(name)).await {
            Ok(()) | Err(Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(told(&error)),
        }
    }
}

/// Whether the store's certificate was the trouble.
fn is_untrusted(error: &Error) -> bool {
    let mut next: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(error) = next {
        if error.is::<Untrusted>() {
            return true;
        }
        next = error.source();
    }
    false
}

/// What a store's error is, in words of ours.
#[expect(clippy::wildcard_enum_match_arm, reason = "the library adds kinds; those that it has say no more than this")]
fn told(error: &Error) -> ObjectsError {
    match error {
        error if is_untrusted(error) => {
            ObjectsError::Untrusted("its certificate is not from mirror.s3.ca, is another name's, or is over")
        }
        Error::PermissionDenied { .. } | Error::Unauthenticated { .. } => {
            ObjectsError::Refused("the store refuses these credentials, or what was asked with them")
        }
        Error::NotFound { .. } => ObjectsError::Refused("there is no such bucket or folder"),
        Error::NotSupported { .. } | Error::NotImplemented { .. } => {
            ObjectsError::Refused("the store can't put an object only where none is")
        }
        _ => ObjectsError::Unreachable("the store gives no answer, or one that can't be understood"),
    }
}
