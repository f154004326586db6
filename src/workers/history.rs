//! Gives policies that run over what was said before, or in shadow, their turns: beside everything else, half of the time.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::watch;

use crate::pipeline::Tenant;

/// Pause between two looks at whether anything runs.
const LOOK_EVERY: Duration = Duration::from_secs(2);
/// Shortest rest after a turn.
const REST_MIN: Duration = Duration::from_millis(5);

/// Runs until `stop` turns true.
pub async fn run(tenant: Arc<Tenant>, mut stop: watch::Receiver<bool>) {
    let number = tenant.name.id.0;
    while !*stop.borrow() {
        let began = Instant::now();
        let pause = match tenant.history_turn().await {
            // As long as it took: who writes has the other half.
            Ok(true) => began.elapsed().max(REST_MIN),
            Ok(false) => LOOK_EVERY,
            Err(error) => {
                tracing::error!(event = "history_not_gone_through", tenant = number, %error, "tried again soon");
                LOOK_EVERY
            }
        };
        tokio::select! {
            _changed = stop.changed() => {}
            () = tenant.history_rests(pause) => {}
        }
    }
}
