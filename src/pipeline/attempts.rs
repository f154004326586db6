//! Attempts to log in: counted before they are tried, paused, and at last refused until somebody unlocks the account.
//!
//! Counts are in the database, so that neither a restart nor another server forgets them. A login that nobody has is
//! counted, too, and answered alike: whoever guesses can't tell by it which logins exist. Failures are recorded together,
//! so that a flood of them can't fill the ledger; that an account was locked is an entry of its own and an event.

use std::sync::{Mutex, PoisonError};

use super::{Refusal, Tenant};
use crate::domain::event::{Event, Role};
use crate::domain::record::{AccountChange, Actor, Alteration, Draft, Effect, Proposal};
use crate::limits::{LOGIN_FAILURES_LOCK, LOGIN_FAILURES_MAX, LOGIN_FORGET_S, LOGIN_PAUSE_S};
use crate::ports::{AccountRow, AttemptRules, Attempts};
use crate::units::{MICROS_PER_SECOND, SERVER_ACTOR, Timestamp};

/// Failed logins are recorded together for windows of this length.
const FAILURE_WINDOW_MS: i64 = 60_000;
/// Logins that nobody has share keys of this length: a flood of invented ones can't fill the table.
const UNKNOWN_KEY_BYTES: usize = 2;

pub(super) const RULES: AttemptRules = AttemptRules {
    free: LOGIN_FAILURES_MAX,
    pause_s: LOGIN_PAUSE_S,
    max: LOGIN_FAILURES_LOCK,
    forget_s: LOGIN_FORGET_S,
};

/// Failed logins since the last entry about them, and when the first of them was.
#[derive(Default)]
pub(super) struct Failures(Mutex<(u64, Option<Timestamp>)>);

impl Failures {
    fn add(&self, count: u64, since: Timestamp) {
        let mut window = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        window.0 += count;
        window.1.get_or_insert(since);
    }

    /// Failures since the window began, once it is over (or at once when `now` is `None`).
    fn take(&self, now: Option<Timestamp>) -> Option<u64> {
        let mut window = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let over = match (window.1, now) {
            (Some(since), Some(now)) => now.as_micros() - since.as_micros() >= FAILURE_WINDOW_MS * 1_000,
            (Some(_), None) => true,
            (None, Some(_) | None) => false,
        };
        over.then(|| {
            window.1 = None;
            std::mem::take(&mut window.0)
        })
    }
}

/// An attempt that was counted and is being tried.
pub(super) struct Attempt {
    key: Vec<u8>,
    number: u32,
}

impl Tenant {
    /// Counts an attempt before it is tried.
    ///
    /// # Errors
    /// [`Refusal::Throttled`] within a pause, [`Refusal::AccountLocked`] after too many.
    pub(super) async fn attempt(&self, login: &[u8; 32], row: Option<&AccountRow>) -> Result<Attempt, Refusal> {
        let key = key(login, row.is_some());
        if row.is_some_and(|row| row.locked) {
            return Err(Refusal::AccountLocked);
        }
        let now = self.ports.clock.now();
        if let Some(number) = self.ports.people.count_attempt(&key, now, RULES).await? {
            return Ok(Attempt { key, number });
        }
        let attempts = self.ports.people.attempts(&key).await?;
        if attempts.failures < LOGIN_FAILURES_LOCK {
            return Err(Refusal::Throttled { retry_after_s: pause_s(attempts, now) });
        }
        // The entry may have failed when the limit was reached.
        if let Some(row) = row {
            self.lock(row, attempts.failures).await;
        }
        Err(Refusal::AccountLocked)
    }

    /// The attempt was wrong.
    pub(super) async fn attempt_failed(&self, attempt: &Attempt, row: Option<&AccountRow>) {
        self.failures.add(1, self.ports.clock.now());
        if let Some(row) = row.filter(|_| attempt.number >= LOGIN_FAILURES_LOCK) {
            self.lock(row, attempt.number).await;
        }
    }

    /// The attempt was right: it does not count, whatever becomes of what follows. The ones before still do, until
    /// somebody is in: a ledger that can't be written at present must lock nobody out, and a password alone, where a code
    /// is still to come, must forgive no wrong code.
    pub(super) async fn attempt_was_right(&self, attempt: &Attempt) -> Result<(), Refusal> {
        Ok(self.ports.people.forgive_attempt(&attempt.key).await?)
    }

    /// Somebody is in: what was counted is forgotten.
    pub(super) async fn attempts_forgiven(&self, row: &AccountRow) -> Result<(), Refusal> {
        Ok(self.ports.people.forgive_attempts(&key(&row.login, true)).await?)
    }

    /// Locks an account. When it can't be recorded the count refuses alone, and the next attempt tries again.
    async fn lock(&self, row: &AccountRow, failures: u32) {
        let change = AccountChange { account: row.id, expected: row.version, change: Alteration::Locked(true) };
        let event = Event::AccountLocked { account: row.id, failures };
        let draft = Draft::of(event, Actor { id: SERVER_ACTOR, role: Role::Server });
        let recorded = self.record(Proposal::single(draft, vec![Effect::Account(change)])).await;
        let (tenant, account) = (self.name.id.0, row.id);
        match recorded {
            Ok(_) => tracing::warn!(event = "account_locked", tenant, %account, failures, "an account was locked"),
            Err(error) => tracing::warn!(event = "account_not_locked", tenant, %account, %error, "trying again"),
        }
    }

    /// Records the failed logins of a window that is over; with `all`, of the one that is running too.
    ///
    /// # Errors
    /// [`Refusal::Unavailable`] when it can't be recorded at present; they are counted on then.
    pub async fn record_failed_logins(&self, all: bool) -> Result<(), Refusal> {
        let now = (!all).then(|| self.ports.clock.now());
        let Some(count) = self.failures.take(now) else { return Ok(()) };
        let event = Event::LoginFailed { count, window_ms: FAILURE_WINDOW_MS };
        let draft = Draft::of(event, Actor { id: SERVER_ACTOR, role: Role::Server });
        if let Err(error) = self.record(Proposal::single(draft, Vec::new())).await {
            self.failures.add(count, Timestamp::from_micros(0));
            return Err(error.into());
        }
        Ok(())
    }
}

pub(super) fn key(login: &[u8; 32], known: bool) -> Vec<u8> {
    let bytes = if known { login.len() } else { UNKNOWN_KEY_BYTES };
    login.iter().take(bytes).copied().collect()
}

/// What is left of the pause, at least a second.
pub(super) fn pause_s(attempts: Attempts, now: Timestamp) -> u64 {
    let doublings = attempts.failures.saturating_sub(LOGIN_FAILURES_MAX).min(LOGIN_FAILURES_LOCK);
    let pause_s = i64::from(LOGIN_PAUSE_S) << doublings;
    let waited_us = attempts.last.map_or(0, |last| now.as_micros() - last.as_micros());
    u64::try_from(pause_s - waited_us / MICROS_PER_SECOND).unwrap_or(1).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_and_never_end_before_their_time() {
        let at = |seconds: i64| Timestamp::from_micros(seconds * MICROS_PER_SECOND);
        for (failures, waited_s, expected) in
            [(5, 0, 60), (5, 59, 1), (6, 0, 120), (7, 40, 200), (9, 0, 960), (9, 959, 1)]
        {
            let attempts = Attempts { failures, last: Some(at(1_000)) };
            assert_eq!(pause_s(attempts, at(1_000 + waited_s)), expected, "{failures} failures, {waited_s} s later");
        }
    }

    #[test]
    fn logins_that_nobody_has_share_few_keys() {
        assert_eq!(key(&[7; 32], true), vec![7; 32]);
        assert_eq!(key(&[7; 32], false), vec![7; 2]);
    }

    #[test]
    fn failures_are_taken_once_their_window_is_over() {
        let failures = Failures::default();
        let at = Timestamp::from_micros;
        assert_eq!(failures.take(None), None);
        failures.add(1, at(0));
        failures.add(1, at(5));
        assert_eq!(failures.take(Some(at(59_999_999))), None);
        assert_eq!(failures.take(Some(at(60_000_000))), Some(2));
        assert_eq!(failures.take(None), None);
    }
}
