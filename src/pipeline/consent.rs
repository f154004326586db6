//! Somebody's consent where no server runs: login, password and a code of the moment, held against what the database has.
//!
//! It makes no session and records nothing; the act that was consented to names who did. Attempts are counted as at a login, so
//! that nobody can guess here what they can't guess there. Recovery codes don't count: an older database knows codes that were
//! used since.

use std::sync::Arc;

use super::Refusal;
use super::attempts::{RULES, key, pause_s};
use super::factor::step_of;
use crate::domain::access::{Action, allows};
use crate::domain::message::RawText;
use crate::limits::LOGIN_FAILURES_LOCK;
use crate::ports::{AccountRow, Clock, Passwords, People, Vault};
use crate::units::AccountId;

/// What consents are held against.
pub struct Consents<'a> {
    /// The accounts.
    pub people: &'a dyn People,
    /// Opens what is sealed of them.
    pub vault: &'a dyn Vault,
    /// Checks passwords.
    pub passwords: Arc<dyn Passwords>,
    /// The time.
    pub clock: &'a dyn Clock,
}

/// Somebody who may approve, and showed it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Consent {
    /// Who.
    pub account: AccountId,
    /// The time step of the code that they gave: it is to be used up.
    pub step: i64,
}

impl Consents<'_> {
    /// Somebody's consent.
    ///
    /// # Errors
    /// [`Refusal::BadCredentials`], [`Refusal::BadCode`]; [`Refusal::Throttled`] and [`Refusal::AccountLocked`] after too many
    /// of them; [`Refusal::Forbidden`] when the role may not approve, [`Refusal::MustEnrol`] without a second factor,
    /// [`Refusal::MustChangePassword`] with a one-time password.
    pub async fn of(&self, login: RawText, password: RawText, code: RawText) -> Result<Consent, Refusal> {
        let lookup = self.vault.login_lookup(&login);
        let row = self.people.account_by_login(&lookup).await?;
        let key = key(&lookup, row.is_some());
        self.count(&key, row.as_ref()).await?;
        let phc = row.as_ref().filter(|row| row.enabled).map(|row| row.password.clone());
        let passwords = Arc::clone(&self.passwords);
        let verified = tokio::task::spawn_blocking(move || passwords.verify(&password, phc.as_deref())).await;
        let row = row.filter(|_| verified.unwrap_or(false)).ok_or(Refusal::BadCredentials)?;
        let factor = self.people.factor(row.id).await?.ok_or(Refusal::MustEnrol)?;
        let step = step_of((self.vault, self.clock), &row, &factor.secret, &code)?;
        let step = step.filter(|step| *step > factor.last_step).ok_or(Refusal::BadCode)?;
        self.people.forgive_attempts(&key).await?;
        if row.must_change {
            Err(Refusal::MustChangePassword)
        } else if allows(row.role, Action::Approve) {
            Ok(Consent { account: row.id, step })
        } else {
            Err(Refusal::Forbidden)
        }
    }

    /// Counts an attempt before it is tried.
    async fn count(&self, key: &[u8], row: Option<&AccountRow>) -> Result<(), Refusal> {
        if row.is_some_and(|row| row.locked) {
            return Err(Refusal::AccountLocked);
        }
        let now = self.clock.now();
        if self.people.count_attempt(key, now, RULES).await?.is_some() {
            return Ok(());
        }
        let attempts = self.people.attempts(key).await?;
        if attempts.failures < LOGIN_FAILURES_LOCK {
            return Err(Refusal::Throttled { retry_after_s: pause_s(attempts, now) });
        }
        Err(Refusal::AccountLocked)
    }
}
