//! `[erasure]`: how long an epoch's key outlives the rows that hung on it.

/// What the configuration says of erasing customers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ErasureConfig {
    /// How long backups of the database are kept, in days.
    pub backups_kept_days: i32,
    /// Whether people may end an epoch at once, and with it every backup that hangs on it.
    pub at_once: bool,
}

impl ErasureConfig {
    /// How long backups are kept, in seconds.
    pub fn backups_kept_s(self) -> i64 {
        i64::from(self.backups_kept_days) * 24 * 3_600
    }
}
