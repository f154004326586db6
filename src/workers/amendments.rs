//! Looks every few seconds for changes of the masking policy whose time has come, and for those that nobody looked at in time.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use crate::pipeline::Tenant;

/// Pause between two looks.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// Runs until `stop` turns true.
pub async fn run(tenant: Arc<Tenant>, mut stop: watch::Receiver<bool>) {
    let (number, mut known) = (tenant.name.id.0, 0);
    while !*stop.borrow() {
        match tenant.amend_due().await {
            Ok(0) => {}
            Ok(brought) => tracing::info!(event = "policies_brought_into_force", tenant = number, brought),
            Err(error) => {
                tracing::error!(event = "amendment_not_carried_out", tenant = number, %error, "tried again soon");
            }
        }
        if let Err(error) = tenant.settle_reports().await {
            tracing::warn!(event = "reports_not_settled", tenant = number, %error, "tried again soon");
        }
        if let Ok(unreviewed) = tenant.unreviewed().await {
            if unreviewed > known {
                tracing::warn!(
                    event = "policy_unreviewed",
                    tenant = number,
                    unreviewed,
                    "one person brought a policy into force a day ago and nobody looked at it: `lww policy review`"
                );
            }
            known = unreviewed;
        }
        // Whichever comes first; a stop is looked at above.
        let _either = tokio::time::timeout(LOOK_EVERY, stop.changed()).await;
    }
}
