//! Gives waiting conversations to agents, one look at a time; takes back what agents leave; tells customers their place,
//! or that nobody is there; and records failed logins when their window is over.
//!
//! One task a tenant: two decisions never compete for the same agent. It knows nothing of how a decision is made.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

use crate::pipeline::{Refusal, Tenant};

/// A wake-up can't be lost, but time passes and an agent's presence can change elsewhere: look again after this long.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Runs until `stop` turns true.
pub async fn run(tenant: Arc<Tenant>, mut stop: watch::Receiver<bool>) {
    tenant.desks_begin();
    let mut looked = None;
    while !*stop.borrow() {
        // What only time brings about need not be looked for at each wake-up.
        let due = looked.is_none_or(|looked: Instant| looked.elapsed() >= LOOK_EVERY);
        if due {
            looked = Some(Instant::now());
            report(&tenant, "desks_missed", tenant.miss_desks().await);
            report(&tenant, "requeued", tenant.requeue_due().await);
            report(&tenant, "told_closed", tenant.tell_closed().await);
        }
        loop {
            match tenant.match_waiting().await {
                Ok(true) => {}
                Ok(false) => break,
                Err(error) => {
                    tracing::warn!(event = "match_failed", tenant = tenant.name.id.0, %error, "nothing could be assigned");
                    break;
                }
            }
        }
        if due && let Err(error) = tenant.tell_queue().await {
            tracing::debug!(event = "queue_not_told", tenant = tenant.name.id.0, %error, "told at the next look");
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

fn report(tenant: &Tenant, what: &'static str, done: Result<usize, Refusal>) {
    match done {
        Ok(0) => {}
        Ok(count) => tracing::info!(event = "desks_tended", what, tenant = tenant.name.id.0, count),
        Err(error) => {
            tracing::warn!(event = "desks_not_tended", what, tenant = tenant.name.id.0, %error, "tried again soon");
        }
    }
}
