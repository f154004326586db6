//! `[mirror]`, `[mirror.s3]` and `[self_audit]`: the copy of what is published in another place, and how fast the server looks through what it
//! keeps.

use std::path::{Path, PathBuf};

use super::check::{Checked, existing_field, path, secret};
use super::read::{Field, Section};
use super::{Lines, MIRROR_FOLDER};
use crate::crypto::secrets::SecretRef;
use crate::workers::self_audit::Pace;

/// `[mirror]`.
#[derive(Clone, Debug)]
pub struct MirrorConfig {
    /// Where the copy is.
    pub place: MirrorPlace,
    /// Seconds between two looks at what is published.
    pub every_s: u32,
}

/// Where a copy is.
#[derive(Clone, Debug)]
pub enum MirrorPlace {
    /// In a folder of this machine, which may be another machine's.
    Folder(PathBuf),
    /// In a bucket of an S3-compatible store.
    Bucket(BucketConfig),
}

/// `[mirror.s3]`.
#[derive(Clone, Debug)]
pub struct BucketConfig {
    /// The store's address without a path.
    pub endpoint: String,
    /// The bucket's name.
    pub bucket: String,
    /// The region that signatures name.
    pub region: String,
    /// Where the access key's id is.
    pub access_key: SecretRef,
    /// Where its secret is.
    pub secret_key: SecretRef,
    /// Certificates that the store's is checked against.
    pub ca: Option<PathBuf>,
}

/// Reads `[mirror]`; `None` without the section.
pub(super) fn read(section: &Section<'_>, data_dir: &Path) -> Checked<Option<MirrorConfig>> {
    if !section.is_there() {
        return Ok(None);
    }
    let (folder, store) = (path(section, "folder")?, section.section("s3")?);
    let place = match folder {
        Some(folder) if store.is_there() => {
            return Err(folder.expected("no folder beside [mirror.s3]: the copy is in one place"));
        }
        Some(folder) => MirrorPlace::Folder(folder.value),
        None if store.is_there() => MirrorPlace::Bucket(bucket(&store)?),
        None => MirrorPlace::Folder(data_dir.join(MIRROR_FOLDER)),
    };
    Ok(Some(MirrorConfig { place, every_s: section.integer("every_s")?.unsigned_abs() }))
}

fn bucket(section: &Section<'_>) -> Checked<BucketConfig> {
    let endpoint = section.required("endpoint")?;
    let ca = existing_field(path(section, "ca")?, "file", Path::is_file)?;
    let host = |rest: &str| rest.rsplit_once(':').map_or(rest, |(host, _)| host).trim_matches(['[', ']']).to_owned();
    let plain = endpoint.value.strip_prefix("http://").map(host);
    let is_loopback = plain
        .as_deref()
        .is_some_and(|host| host == "localhost" || host.parse().is_ok_and(|ip: std::net::IpAddr| ip.is_loopback()));
    let rest = endpoint.value.split_once("://").map_or("", |(_, rest)| rest);
    let is_origin =
        !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-:[]".contains(&byte));
    if !is_origin || !(is_loopback || endpoint.value.starts_with("https://")) {
        return Err(endpoint.expected("https://host:port without a path, or http on loopback for trials"));
    }
    if !is_loopback && ca.is_none() {
        return Err(endpoint.expected("mirror.s3.ca beside it: whoever is not checked is not written to"));
    }
    Ok(BucketConfig {
        endpoint: endpoint.value.to_owned(),
        bucket: word(&section.required("bucket")?)?,
        region: word(&section.required("region")?)?,
        access_key: secret(&section.required("access_key")?)?.value,
        secret_key: secret(&section.required("secret_key")?)?.value,
        ca: ca.map(|field| field.value),
    })
}

/// A name as buckets and regions have it.
fn word(field: &Field<'_, &str>) -> Checked<String> {
    let bytes_max = field.bytes_max();
    let is_word = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b".-".contains(&byte);
    if (1..=bytes_max).contains(&field.value.len()) && field.value.bytes().all(is_word) {
        Ok(field.value.to_owned())
    } else {
        Err(field.expected(format!("1 to {bytes_max} lower-case letters, digits, dots and '-'")))
    }
}

/// Reads `[self_audit]`.
pub(super) fn pace(section: &Section<'_>) -> Checked<Pace> {
    Ok(Pace {
        newest_every_s: section.integer("newest_every_s")?.unsigned_abs(),
        round_s: section.integer("round_hours")?.unsigned_abs() * 3_600,
        entries_per_s: section.integer("entries_per_s")?.unsigned_abs(),
    })
}

impl MirrorConfig {
    /// References to secrets.
    pub(in crate::app) fn secrets(&self) -> Vec<(&'static str, &SecretRef)> {
        match &self.place {
            MirrorPlace::Folder(_) => Vec::new(),
            MirrorPlace::Bucket(bucket) => {
                vec![("mirror.s3.access_key", &bucket.access_key), ("mirror.s3.secret_key", &bucket.secret_key)]
            }
        }
    }

    /// The folder, if it is one.
    pub fn folder(&self) -> Option<&Path> {
        match &self.place {
            MirrorPlace::Folder(folder) => Some(folder),
            MirrorPlace::Bucket(_) => None,
        }
    }

    /// What the store's certificate is checked against, if the place is a store's.
    pub fn ca(&self) -> Option<&Path> {
        match &self.place {
            MirrorPlace::Folder(_) => None,
            MirrorPlace::Bucket(bucket) => bucket.ca.as_deref(),
        }
    }

    /// Moves the copy along when it lies in the data by default.
    pub(super) fn move_to(&mut self, from: &Path, to: &Path) {
        if self.folder() == Some(&from.join(MIRROR_FOLDER)) {
            self.place = MirrorPlace::Folder(to.join(MIRROR_FOLDER));
        }
    }

    pub(super) fn write(&self, lines: &mut Lines) {
        let bucket = match &self.place {
            MirrorPlace::Folder(_) => None,
            MirrorPlace::Bucket(bucket) => Some(bucket),
        };
        let put = |of: fn(&BucketConfig) -> String| bucket.map(of).unwrap_or_default();
        lines.path("mirror.folder", self.folder());
        lines.put("mirror.every_s", &self.every_s.to_string());
        lines.put("mirror.s3.endpoint", &put(|bucket| bucket.endpoint.clone()));
        lines.put("mirror.s3.bucket", &put(|bucket| bucket.bucket.clone()));
        lines.put("mirror.s3.region", &put(|bucket| bucket.region.clone()));
        lines.put("mirror.s3.access_key", &put(|bucket| bucket.access_key.to_string()));
        lines.put("mirror.s3.secret_key", &put(|bucket| bucket.secret_key.to_string()));
        lines.path("mirror.s3.ca", self.ca());
    }
}

/// Writes `[self_audit]`.
pub(super) fn write_pace(pace: Pace, lines: &mut Lines) {
    lines.put("self_audit.newest_every_s", &pace.newest_every_s.to_string());
    lines.put("self_audit.round_hours", &(pace.round_s / 3_600).to_string());
    lines.put("self_audit.entries_per_s", &pace.entries_per_s.to_string());
}
