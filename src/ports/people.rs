//! Reads about staff and their sessions, and what is kept about them outside the ledger: sessions and counted attempts.

use async_trait::async_trait;

use super::StoreError;
use crate::domain::event::Role;
use crate::units::{AccountId, SessionId, Timestamp, Version};

/// A staff account.
#[derive(Clone)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own, and any may hold with any other")]
pub struct AccountRow {
    /// Its pseudonym.
    pub id: AccountId,
    /// Keyed hash of its login.
    pub login: [u8; 32],
    /// The login, sealed; accounts of the first version have none.
    pub login_name: Option<Vec<u8>>,
    /// The name on screens, sealed.
    pub profile: Vec<u8>,
    /// Argon2id hash in PHC form.
    pub password: String,
    /// Its role.
    pub role: Role,
    /// Most conversations at a time.
    pub capacity: i32,
    /// Skills and groups of an agent.
    pub skills: Vec<String>,
    /// Whether the password must be changed before anything else.
    pub must_change: bool,
    /// Whether it may log in.
    pub enabled: bool,
    /// Whether it is locked after failed logins.
    pub locked: bool,
    /// Whether it has a second factor.
    pub has_factor: bool,
    /// Its version.
    pub version: Version,
}

/// A second factor.
#[derive(Clone)]
pub struct FactorRow {
    /// The secret, sealed.
    pub secret: Vec<u8>,
    /// The newest time step whose code was used.
    pub last_step: i64,
}

/// Which login of an outside provider a session came from, by keyed hashes; nothing for one by password.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Vouched {
    /// The person.
    pub subject: Option<Vec<u8>>,
    /// The provider's own session, where it named one.
    pub session: Option<Vec<u8>>,
}

/// A session.
#[derive(Clone)]
pub struct SessionRow {
    /// Its public id.
    pub id: SessionId,
    /// Whose.
    pub account: AccountId,
    /// When it began.
    pub created: Timestamp,
    /// When it was last used.
    pub last_seen: Timestamp,
    /// When it ends.
    pub expires: Timestamp,
    /// The label of the device, sealed.
    pub device: Vec<u8>,
    /// Whether the second factor is still to come: it can do nothing else meanwhile.
    pub pending: bool,
    /// When the second factor was last shown.
    pub factor_at: Option<Timestamp>,
    /// A second factor's secret that waits for its first code, sealed.
    pub enrolment: Option<Vec<u8>>,
    /// The provider's login that it came from.
    pub vouched: Vouched,
}

/// Attempts of one login that followed one another without success.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Attempts {
    /// How many.
    pub failures: u32,
    /// When the last one was.
    pub last: Option<Timestamp>,
}

/// How attempts are counted.
#[derive(Clone, Copy, Debug)]
pub struct AttemptRules {
    /// So many are free.
    pub free: u32,
    /// The pause after those, in seconds; it doubles with each further one.
    pub pause_s: u32,
    /// From so many on, none is allowed.
    pub max: u32,
    /// After so many seconds without one, counting begins anew.
    pub forget_s: u32,
}

/// One tenant's staff. What is written here is on the exempt list of `ARCHITECTURE.md`; everything else about an account
/// is the effect of an entry.
#[async_trait]
pub trait People: Send + Sync {
    /// The account behind a login's keyed hash.
    async fn account_by_login(&self, login: &[u8; 32]) -> Result<Option<AccountRow>, StoreError>;
    /// The account behind an outside identity's keyed hash.
    async fn account_by_identity(&self, lookup: &[u8; 32]) -> Result<Option<AccountRow>, StoreError>;
    /// Whether an outside identity is an account's already.
    async fn has_identity(&self, account: AccountId) -> Result<bool, StoreError>;
    /// One account.
    async fn account(&self, id: AccountId) -> Result<Option<AccountRow>, StoreError>;
    /// Accounts in the order of their ids.
    async fn accounts(&self, after: Option<AccountId>, limit: u32) -> Result<Vec<AccountRow>, StoreError>;
    /// Whether an enabled account has this role, besides one.
    async fn another_has(&self, role: Role, besides: AccountId) -> Result<bool, StoreError>;
    /// An account's second factor.
    async fn factor(&self, account: AccountId) -> Result<Option<FactorRow>, StoreError>;
    /// Whether a recovery code, by its keyed hash, is there and unused.
    async fn has_recovery_code(&self, account: AccountId, code: &[u8; 32]) -> Result<bool, StoreError>;

    /// Keeps a session.
    async fn put_session(&self, token: &[u8; 32], session: &SessionRow) -> Result<(), StoreError>;
    /// A session that is neither over nor was idle since `idle_since`; its last-seen time becomes `now`.
    async fn session(
        &self,
        token: &[u8; 32],
        now: Timestamp,
        idle_since: Timestamp,
    ) -> Result<Option<SessionRow>, StoreError>;
    /// An account's sessions that are neither over nor were idle since `idle_since`, newest first.
    async fn sessions(
        &self,
        account: AccountId,
        now: Timestamp,
        idle_since: Timestamp,
    ) -> Result<Vec<SessionRow>, StoreError>;
    /// Keeps a sealed secret with a session until its first code comes, or forgets it.
    async fn set_enrolment(&self, session: SessionId, secret: Option<&[u8]>) -> Result<(), StoreError>;
    /// Ends one session of an account; whether it was there.
    async fn end_session(&self, account: AccountId, session: SessionId) -> Result<bool, StoreError>;
    /// Ends every session of an account but one; how many.
    async fn end_sessions_of(&self, account: AccountId, but: Option<SessionId>) -> Result<u64, StoreError>;
    /// How many sessions of which account came from these logins of the provider and are neither over nor were idle since
    /// `idle_since`. A session counts when it has the subject and the session that are given; where both are, one of that
    /// subject without a known session does, too.
    async fn vouched_sessions(
        &self,
        by: &Vouched,
        now: Timestamp,
        idle_since: Timestamp,
    ) -> Result<Vec<(AccountId, u64)>, StoreError>;
    /// Ends every session that came from these logins.
    async fn end_vouched_sessions(&self, by: &Vouched) -> Result<(), StoreError>;
    /// Whether an order of the provider was followed before.
    async fn knows_provider_logout(&self, token: &[u8; 32]) -> Result<bool, StoreError>;
    /// Remembers an order of the provider until it is over, and forgets those that are.
    async fn keep_provider_logout(&self, token: &[u8; 32], until: Timestamp, now: Timestamp) -> Result<(), StoreError>;
    /// Takes away sessions that are over.
    async fn sweep_sessions(&self, now: Timestamp, idle_since: Timestamp) -> Result<(), StoreError>;

    /// Counts an attempt before it is tried, unless it comes within a pause or beyond the maximum: how many there were
    /// since the last success, this one included; or `None`, and nothing was counted. Attempts that overlap are counted
    /// one after the other.
    async fn count_attempt(&self, key: &[u8], now: Timestamp, rules: AttemptRules) -> Result<Option<u32>, StoreError>;
    /// Attempts so far.
    async fn attempts(&self, key: &[u8]) -> Result<Attempts, StoreError>;
    /// Takes the last attempt back, which was right but did not lead in yet.
    async fn forgive_attempt(&self, key: &[u8]) -> Result<(), StoreError>;
    /// Forgets all attempts.
    async fn forgive_attempts(&self, key: &[u8]) -> Result<(), StoreError>;
}
