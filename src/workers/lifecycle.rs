//! Looks every few seconds for conversations whose time is over. It knows nothing of what becomes of them.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use crate::pipeline::{Rest, Tenant};

/// Pause between two looks.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// Runs until `stop` turns true.
pub async fn run(tenant: Arc<Tenant>, rest: Rest, mut stop: watch::Receiver<bool>) {
    while !*stop.borrow() {
        match tenant.end_overdue(rest).await {
            Ok(0) => {}
            Ok(ended) => tracing::info!(event = "conversations_ended", tenant = tenant.name.id.0, ended),
            Err(error) => {
                tracing::warn!(event = "conversations_not_ended", tenant = tenant.name.id.0, %error, "tried again soon");
            }
        }
        // Whichever comes first; a stop is looked at above.
        let _either = tokio::time::timeout(LOOK_EVERY, stop.changed()).await;
    }
}
