//! The anchors of the configuration, opened: who is asked, by which way, and by what each is believed.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use lww_audit::evm::EVM_RECEIPT_BYTES_MAX;
use lww_audit::timestamp::{AUTHORITIES_BYTES_MAX, Authorities};

use super::AppError;
use super::config::{AnchorConfig, AnchorFormConfig};
use crate::anchors::{EvmChain, TimeStamping};
use crate::crypto::SystemRandom;
use crate::crypto::dev_ca::client_config;
use crate::http::HttpPost;
use crate::limits::{EVM_ANCHOR_POLL_MS, EVM_ANCHOR_WAIT_MS, TIME_STAMP_ANSWER_BYTES_MAX};
use crate::ports::{Anchor, Anchoring};

/// Every anchor of the configuration, in its order.
///
/// # Errors
/// [`AppError::Tls`] when the authority of an address's certificate can't be read, [`AppError::Anchor`] when an anchor can't be
/// one.
pub(super) fn open(configured: &[AnchorConfig]) -> Result<Arc<[Anchoring]>, AppError> {
    configured.iter().map(open_one).collect()
}

fn open_one(config: &AnchorConfig) -> Result<Anchoring, AppError> {
    let refused = |reason: String| AppError::Anchor { name: config.name.clone(), reason };
    let tls = config.ca.as_deref().map(client_config).transpose()?;
    let anchor: Arc<dyn Anchor> = match &config.form {
        AnchorFormConfig::Rfc3161 { authorities, policy } => {
            let post = HttpPost::new(&config.url, tls, u64::from(config.wait_ms), TIME_STAMP_ANSWER_BYTES_MAX);
            Arc::new(TimeStamping {
                url: config.url.clone(),
                post: Arc::new(post.ok_or_else(|| refused("its address can't be asked".to_owned()))?),
                authorities: read_authorities(authorities).map_err(refused)?,
                policy: policy.clone(),
                random: Arc::new(SystemRandom::new()),
            })
        }
        AnchorFormConfig::Evm => {
            let post = HttpPost::new(&config.url, tls, u64::from(config.wait_ms), EVM_RECEIPT_BYTES_MAX);
            let post = post.ok_or_else(|| refused("its address can't be asked".to_owned()))?;
            let (pause, wait) = (Duration::from_millis(EVM_ANCHOR_POLL_MS), Duration::from_millis(EVM_ANCHOR_WAIT_MS));
            Arc::new(EvmChain { url: config.url.clone(), post: Arc::new(post), pause, wait })
        }
    };
    Ok(Anchoring { name: config.name.clone(), every_s: config.every_s, anchor })
}

fn read_authorities(file: &Path) -> Result<Authorities, String> {
    let told = |reason: &dyn std::fmt::Display| format!("{}: {reason}", file.display());
    let bytes = super::config::read(file, AUTHORITIES_BYTES_MAX).map_err(|error| told(&error))?;
    let bytes = bytes.ok_or_else(|| told(&format!("longer than {AUTHORITIES_BYTES_MAX} bytes")))?;
    Authorities::parse(&bytes).map_err(|error| told(&error))
}
