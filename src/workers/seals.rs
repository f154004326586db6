//! Looks whether the chains' ends are to be sealed. It knows nothing of how, nor of when they are due.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use crate::pipeline::Tenant;

/// Pause between two looks.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Pause after a seal that could not be made: reading all ends again at once would not help a busy server.
const AGAIN_AFTER: Duration = Duration::from_secs(20);

/// Runs until `stop` turns true.
pub async fn run(tenant: Arc<Tenant>, mut stop: watch::Receiver<bool>) {
    while !*stop.borrow() {
        let sealed = tokio::select! {
            sealed = tenant.seal_if_due() => sealed,
            // Of a snapshot that is left nothing remains.
            _ = stop.wait_for(|stop| *stop) => return,
        };
        let pause = match sealed {
            Ok(None) => LOOK_EVERY,
            Ok(Some(index)) => {
                tracing::info!(event = "chains_sealed", tenant = tenant.name.id.0, index = index.0);
                LOOK_EVERY
            }
            Err(error) => {
                tracing::warn!(event = "chains_not_sealed", tenant = tenant.name.id.0, %error, "tried again soon");
                AGAIN_AFTER
            }
        };
        // Whichever comes first; a stop is looked at above.
        let _either = tokio::time::timeout(pause, stop.changed()).await;
    }
}
