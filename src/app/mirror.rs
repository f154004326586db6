//! Opens the place of the copy, and starts what keeps watch over each log: who copies it, and who looks through it.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_postgres::Config as Database;
use zeroize::Zeroizing;

use super::AppError;
use super::config::{BucketConfig, Config, MirrorPlace};
use super::tenants::Served;
use crate::crypto::dev_ca::client_config;
use crate::crypto::secrets::{Secret, SecretRef};
use crate::crypto::{KeyDirectory, KeyError, SystemClock, SystemRandom};
use crate::ports::Objects;
use crate::storage::head::LogReader;
use crate::storage::objects::{Bucket, PlaceError, Stored};
use crate::workers::mirror::Mirror;
use crate::workers::self_audit::{Pace, SelfAudit};

/// What keeps watch over every log.
#[derive(Clone)]
pub(super) struct Watch {
    objects: Option<Arc<dyn Objects>>,
    every: Duration,
    pace: Pace,
}

impl Watch {
    /// Opens the place of the copy, if there is to be one.
    ///
    /// # Errors
    /// [`AppError`] when the configured place can't be one, or its credentials can't be read.
    pub(super) fn open(config: &Config, keys: &KeyDirectory) -> Result<Self, AppError> {
        let Some(mirror) = &config.mirror else {
            return Ok(Self { objects: None, every: Duration::ZERO, pace: config.self_audit });
        };
        let objects = objects(&mirror.place, |secret| secret.resolve(keys))?;
        let every = Duration::from_secs(u64::from(mirror.every_s));
        Ok(Self { objects: Some(objects), every, pace: config.self_audit })
    }

    /// Starts the followers of one log, which this server writes.
    pub(super) fn start(
        &self,
        served: &Served,
        database: &Database,
        folder: &Path,
        ending: &watch::Receiver<bool>,
    ) -> Vec<JoinHandle<()>> {
        // A log that is written has a name that is fit for one.
        let prefix = served.log.origin().map_or_else(|_| served.log.tenant_name.clone(), |origin| origin.to_string());
        let mirror = self.objects.as_ref().map(|objects| Mirror {
            tenant: Arc::clone(&served.tenant),
            folder: folder.to_owned(),
            objects: Arc::clone(objects),
            prefix: prefix.clone(),
            every: self.every,
            clock: Arc::new(SystemClock),
        });
        let audit = SelfAudit {
            tenant: Arc::clone(&served.tenant),
            entries: Arc::new(LogReader::new(database, &served.log)),
            folder: folder.to_owned(),
            mirror: self.objects.as_ref().map(|objects| (Arc::clone(objects), prefix)),
            pace: self.pace,
            clock: Arc::new(SystemClock),
            random: Arc::new(SystemRandom::new()),
        };
        let mirror = mirror.map(|mirror| tokio::spawn(mirror.run(ending.clone())));
        mirror.into_iter().chain([tokio::spawn(audit.run(ending.clone()))]).collect()
    }
}

/// Opens the place of the copy; a folder is made if it isn't there.
///
/// # Errors
/// [`AppError`] when it can't be one, or its credentials can't be read.
pub(super) fn objects(
    place: &MirrorPlace,
    secret: impl Fn(&SecretRef) -> Result<Secret, KeyError>,
) -> Result<Arc<dyn Objects>, AppError> {
    Ok(Arc::new(match place {
        MirrorPlace::Folder(folder) => Stored::folder(folder)?,
        MirrorPlace::Bucket(place) => Stored::bucket(bucket(place, secret)?)?,
    }))
}

fn bucket(place: &BucketConfig, secret: impl Fn(&SecretRef) -> Result<Secret, KeyError>) -> Result<Bucket, AppError> {
    let text = |reference: &SecretRef| {
        let secret = secret(reference)?;
        let text = std::str::from_utf8(secret.bytes()).map(|text| Zeroizing::new(text.trim_end().to_owned()));
        let reason = format!("{reference} is not UTF-8");
        text.map_err(|_| AppError::Mirror(PlaceError { reason }))
    };
    Ok(Bucket {
        endpoint: place.endpoint.clone(),
        bucket: place.bucket.clone(),
        region: place.region.clone(),
        access_key: text(&place.access_key)?,
        secret_key: text(&place.secret_key)?,
        tls: place.ca.as_deref().map(client_config).transpose()?,
    })
}
