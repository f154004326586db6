//! The machine's clock behind the port; the one place that reads it. It knows no order: entry times are made monotonic
//! by the recorder.

use std::time::{SystemTime, UNIX_EPOCH};

use crate::ports::Clock;
use crate::units::Timestamp;

/// The system's UTC clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the Clock port's implementation")]
    fn now(&self) -> Timestamp {
        let now = SystemTime::now();
        let micros = match now.duration_since(UNIX_EPOCH) {
            Ok(after) => i64::try_from(after.as_micros()).unwrap_or(i64::MAX),
            Err(before) => i64::try_from(before.duration().as_micros()).map_or(i64::MIN, |micros| -micros),
        };
        Timestamp::from_micros(micros)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2025-01-01, before this was written.
    const PAST_US: i64 = 1_735_689_600_000_000;

    #[test]
    fn the_clock_counts_microseconds_since_1970_and_goes_on() {
        let (first, second) = (SystemClock.now(), SystemClock.now());
        assert!(first.as_micros() > PAST_US);
        assert!(second >= first);
    }
}
