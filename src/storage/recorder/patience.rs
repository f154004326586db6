//! How long a batch waits for company: until it is quiet for a moment, and never beyond its bound.
//!
//! It holds no clock: instants are parameters.

use std::time::Duration;

use tokio::time::Instant;

use crate::limits::BATCH_WAIT_US_MAX;

const LONGEST: Duration = Duration::from_micros(BATCH_WAIT_US_MAX);
/// Nobody came for this long: nobody will.
const QUIET: Duration = Duration::from_micros(BATCH_WAIT_US_MAX / 8);

/// The patience of one batch.
#[derive(Default)]
pub(super) struct Patience {
    began: Option<Instant>,
}

impl Patience {
    /// Until when to wait from now on; the first question begins the wait.
    pub(super) fn until(&mut self, now: Instant) -> Instant {
        let began = *self.began.get_or_insert(now);
        (now + QUIET).min(began + LONGEST)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_leaves_in_time_however_steadily_others_come() {
        let began = Instant::now();
        let mut patience = Patience::default();
        assert_eq!(patience.until(began), began + QUIET, "alone it waits a moment");
        let every = Duration::from_micros(BATCH_WAIT_US_MAX / 10);
        let mut now = began;
        while now < began + LONGEST {
            now += every;
            let until = patience.until(now);
            assert!(until <= began + LONGEST);
            assert!(until <= now + QUIET);
        }
        assert_eq!(patience.until(now), began + LONGEST, "then it has left already");
    }
}
