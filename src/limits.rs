//! Every named maximum in one place, its unit in its name. What exceeds one gets a clear answer, never silence.

/// Longest text of one message, in bytes of UTF-8.
pub const TEXT_BYTES_MAX: usize = 16 * 1024;
/// Longest contact identity, in bytes.
pub const CONTACT_BYTES_MAX: usize = 256;
/// Longest idempotency key, in bytes of visible ASCII.
pub const IDEMPOTENCY_KEY_BYTES_MAX: usize = 128;
/// Largest request body, in bytes.
pub const BODY_BYTES_MAX: usize = 64 * 1024;
/// Most messages or conversations that one page holds.
pub const PAGE_ITEMS_MAX: u32 = 200;
/// How far a signature's `created` may be from the server's clock, in seconds.
pub const SIGNATURE_SKEW_S_MAX: i64 = 300;
/// Shortest password that a person may choose, in characters.
pub const PASSWORD_CHARS_MIN: usize = 12;
/// Longest password, in bytes: argon2 need not hash novels.
pub const PASSWORD_BYTES_MAX: usize = 256;
/// Longest login name, in bytes.
pub const LOGIN_BYTES_MAX: usize = 128;
/// How often a decision is made again after a conflict.
pub const DECISIONS_MAX: u32 = 3;
/// Most proposals that wait before one recorder.
pub const RECORDER_QUEUE_PROPOSALS_MAX: usize = 4096;
/// Most entries in one commit.
pub const BATCH_ENTRIES_MAX: usize = 256;
/// Longest wait for more entries before a commit, in microseconds.
pub const BATCH_WAIT_US_MAX: u64 = 2_000;
/// Longest that a caller waits for a commit's outcome, in milliseconds.
pub const RECORD_WAIT_MS_MAX: u64 = 15_000;
/// Most conversation tails held in memory.
pub const TAILS_MAX: usize = 100_000;
/// Most agents that one matching decision considers.
pub const CANDIDATES_MAX: usize = 64;
/// How long a login lasts, in seconds.
pub const SESSION_S_MAX: i64 = 8 * 3_600;
/// Failed logins of one account before it must wait.
pub const LOGIN_FAILURES_MAX: u32 = 5;
/// How long it must wait then, in seconds.
pub const LOGIN_PAUSE_S: u64 = 60;
