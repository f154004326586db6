//! Gives waiting conversations to free agents, one decision at a time, tells those who wait their place, and records failed
//! logins when their window is over.
//!
//! One task a tenant: two decisions never compete for the same agent. It knows nothing of how a decision is made.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

use crate::pipeline::Tenant;

/// A wake-up can't be lost, but an agent's presence can change elsewhere: look again after this long.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Runs until `stop` turns true.
pub async fn run(tenant: Arc<Tenant>, mut stop: watch::Receiver<bool>) {
    let mut told = Instant::now();
    while !*stop.borrow() {
        loop {
            match tenant.match_one().await {
                Ok(true) => {}
                Ok(false) => break,
                Err(error) => {
                    tracing::warn!(event = "match_failed", tenant = tenant.name.id.0, %error, "nothing could be assigned");
                    break;
                }
            }
        }
        if told.elapsed() >= LOOK_EVERY {
            told = Instant::now();
            if let Err(error) = tenant.tell_queue().await {
                tracing::debug!(event = "queue_not_told", tenant = tenant.name.id.0, %error, "told at the next look");
            }
        }
        if let Err(error) = tenant.record_failed_logins(false).await {
            tracing::warn!(event = "failed_logins_kept", tenant = tenant.name.id.0, %error, "they are counted on");
        }
        tokio::select! {
            () = tenant.something_to_match() => {}
            () = tokio::time::sleep(LOOK_EVERY) => {}
            _ = stop.changed() => {}
        }
    }
}
