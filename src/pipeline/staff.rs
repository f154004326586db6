//! How staff come in: login, session, password. Every success is an entry; failures are throttled, counted and recorded
//! together, so that a flood of them can't fill the ledger.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use tokio::sync::Semaphore;
use zeroize::Zeroizing;

use super::{Refusal, Tenant};
use crate::domain::access::{Action, allows};
use crate::domain::event::{Event, Role};
use crate::domain::message::RawText;
use crate::domain::record::{Actor, Draft, Effect, PasswordChange, Proposal};
use crate::limits::{
    LOGIN_FAILURES_MAX, LOGIN_PAUSE_S, PASSWORD_BYTES_MAX, PASSWORD_CHARS_MIN, PASSWORD_HASHES_MAX, SESSION_S_MAX,
    THROTTLED_LOGINS_MAX,
};
use crate::ports::{AccountRow, VaultError, random_bytes};
use crate::units::{AccountId, MICROS_PER_SECOND, SERVER_ACTOR, Timestamp};

/// Failed logins are recorded together for windows of this length.
const FAILURE_WINDOW_MS: i64 = 60_000;

/// Each hash takes 19 MiB and most of a core: a flood of logins waits here instead of taking the machine.
static HASHING: Semaphore = Semaphore::const_new(PASSWORD_HASHES_MAX);

/// A member of staff with a live session.
pub struct Staff {
    /// The account's pseudonym.
    pub account: AccountId,
    /// The role.
    pub role: Role,
    /// The name on screens.
    pub name: Zeroizing<String>,
    /// Whether the password must be changed before anything else.
    pub must_change: bool,
}

impl Staff {
    /// Who acts, for an entry.
    pub fn actor(&self) -> Actor {
        Actor { id: self.account, role: self.role }
    }

    /// Asks the table of roles.
    ///
    /// # Errors
    /// [`Refusal::MustChangePassword`] first of all, then [`Refusal::Forbidden`].
    pub fn may(&self, action: Action) -> Result<(), Refusal> {
        match (self.must_change, allows(self.role, action)) {
            (true, _) => Err(Refusal::MustChangePassword),
            (false, false) => Err(Refusal::Forbidden),
            (false, true) => Ok(()),
        }
    }
}

/// A login that succeeded.
pub struct NewSession {
    /// The session token, to be given to the browser once.
    pub token: Zeroizing<String>,
    /// Whose it is.
    pub staff: Staff,
    /// When it ends.
    pub expires: Timestamp,
}

/// Counts failed logins; in memory, because rate counters need not survive.
#[derive(Default)]
pub(super) struct Throttle {
    failures: Mutex<HashMap<[u8; 32], (u32, Timestamp)>>,
    window: Mutex<(u64, Option<Timestamp>)>,
}

impl Throttle {
    fn check(&self, login: &[u8; 32], now: Timestamp) -> Result<(), Refusal> {
        let failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        let Some((count, last)) = failures.get(login) else { return Ok(()) };
        let waited_s = (now.as_micros() - last.as_micros()) / MICROS_PER_SECOND;
        let left = i64::try_from(LOGIN_PAUSE_S).unwrap_or(i64::MAX) - waited_s;
        match u64::try_from(left) {
            Ok(retry_after_s) if *count >= LOGIN_FAILURES_MAX && retry_after_s > 0 => {
                Err(Refusal::Throttled { retry_after_s })
            }
            Ok(_) | Err(_) => Ok(()),
        }
    }

    fn failed(&self, login: [u8; 32], now: Timestamp) {
        let mut failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        let pause_us = i64::try_from(LOGIN_PAUSE_S).unwrap_or(i64::MAX).saturating_mul(MICROS_PER_SECOND);
        if failures.len() >= THROTTLED_LOGINS_MAX {
            failures.retain(|_, (_, last)| now.as_micros() - last.as_micros() < pause_us);
        }
        let (count, last) = failures.entry(login).or_insert((0, now));
        *count = if now.as_micros() - last.as_micros() >= pause_us { 1 } else { *count + 1 };
        *last = now;
        let mut window = self.window.lock().unwrap_or_else(PoisonError::into_inner);
        window.0 += 1;
        window.1.get_or_insert(now);
    }

    fn succeeded(&self, login: &[u8; 32]) {
        self.failures.lock().unwrap_or_else(PoisonError::into_inner).remove(login);
    }

    /// Failures since the window began, once it is over (or at once when `now` is `None`).
    fn take_window(&self, now: Option<Timestamp>) -> Option<u64> {
        let mut window = self.window.lock().unwrap_or_else(PoisonError::into_inner);
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

impl Tenant {
    /// Lets somebody in.
    ///
    /// # Errors
    /// [`Refusal::BadCredentials`] without saying which of the two is wrong; [`Refusal::Throttled`] after five failures.
    pub async fn login(&self, login: RawText, password: RawText) -> Result<NewSession, Refusal> {
        let lookup = self.ports.vault.login_lookup(&login);
        let now = self.ports.clock.now();
        self.throttle.check(&lookup, now)?;
        let row = self.ports.store.account_by_login(&lookup).await?;
        let phc = row.as_ref().map(|row| row.password.clone());
        if !self.verify(password, phc).await? {
            self.throttle.failed(lookup, now);
            return Err(Refusal::BadCredentials);
        }
        let row = row.ok_or(Refusal::BadCredentials)?;
        self.throttle.succeeded(&lookup);
        let staff = self.staff_of(&row)?;
        self.ports
            .recorder
            .record(Proposal::single(Draft::of(Event::LoginSucceeded, staff.actor()), Vec::new()))
            .await?;
        let token = Zeroizing::new(URL_SAFE_NO_PAD.encode(random_bytes::<32>(&*self.ports.random)));
        let expires = Timestamp::from_micros(now.as_micros() + SESSION_S_MAX * MICROS_PER_SECOND);
        self.ports.store.put_session(&self.ports.vault.session_lookup(&token), staff.account, now, expires).await?;
        Ok(NewSession { token, staff, expires })
    }

    /// Who a session token belongs to.
    ///
    /// # Errors
    /// [`Refusal::BadCredentials`] when there is no such session, or not any more.
    pub async fn staff(&self, token: &str) -> Result<Staff, Refusal> {
        let lookup = self.ports.vault.session_lookup(token);
        let account = self.ports.store.session(&lookup, self.ports.clock.now()).await?;
        let account = account.ok_or(Refusal::BadCredentials)?;
        let row = self.ports.store.account(account).await?.ok_or(Refusal::BadCredentials)?;
        self.staff_of(&row)
    }

    /// Ends a session; whoever leaves takes no more conversations.
    ///
    /// # Errors
    /// [`Refusal::Unavailable`] when it can't be recorded at present; the session goes on then.
    pub async fn logout(&self, staff: &Staff, token: &str) -> Result<(), Refusal> {
        self.record(Proposal::single(Draft::of(Event::LoggedOut, staff.actor()), Vec::new())).await?;
        self.ports.store.set_online(staff.account, false, self.ports.clock.now()).await?;
        Ok(self.ports.store.end_session(&self.ports.vault.session_lookup(token)).await?)
    }

    /// Changes one's own password; every session of the account ends with it.
    ///
    /// # Errors
    /// [`Refusal::BadCredentials`] when the old one is wrong, [`Refusal::Invalid`] when the new one is too short or long.
    pub async fn change_password(&self, staff: &Staff, old: RawText, new: RawText) -> Result<(), Refusal> {
        if new.expose().chars().count() < PASSWORD_CHARS_MIN || new.len() > PASSWORD_BYTES_MAX {
            return Err(Refusal::Invalid { field: "new", expected: "12 characters or more, at most 256 bytes" });
        }
        if new.expose() == old.expose() {
            return Err(Refusal::Invalid { field: "new", expected: "another password than the old one" });
        }
        let row = self.ports.store.account(staff.account).await?.ok_or(Refusal::BadCredentials)?;
        if !self.verify(old, Some(row.password)).await? {
            return Err(Refusal::BadCredentials);
        }
        let change = PasswordChange {
            account: staff.account,
            expected: row.version,
            password: self.hash(new).await?,
            must_change: false,
        };
        let draft = Draft::of(Event::PasswordChanged, staff.actor());
        self.record(Proposal::single(draft, vec![Effect::Password(change)])).await?;
        Ok(self.ports.store.end_sessions_of(staff.account).await?)
    }

    /// Records the failed logins of a window that is over; with `all`, of the one that is running too.
    ///
    /// # Errors
    /// [`Refusal::Unavailable`] when it can't be recorded at present; they are counted on then.
    pub async fn record_failed_logins(&self, all: bool) -> Result<(), Refusal> {
        let now = (!all).then(|| self.ports.clock.now());
        let Some(count) = self.throttle.take_window(now) else { return Ok(()) };
        let event = Event::LoginFailed { count, window_ms: FAILURE_WINDOW_MS };
        let draft = Draft::of(event, Actor { id: SERVER_ACTOR, role: Role::Server });
        if let Err(error) = self.record(Proposal::single(draft, Vec::new())).await {
            let mut window = self.throttle.window.lock().unwrap_or_else(PoisonError::into_inner);
            window.0 += count;
            window.1.get_or_insert(Timestamp::from_micros(0));
            return Err(error.into());
        }
        Ok(())
    }

    fn staff_of(&self, row: &AccountRow) -> Result<Staff, Refusal> {
        let name = self.ports.vault.open_profile(row.id, &row.profile)?;
        Ok(Staff { account: row.id, role: row.role, name, must_change: row.must_change })
    }

    async fn verify(&self, password: RawText, phc: Option<String>) -> Result<bool, Refusal> {
        let _room = HASHING.acquire().await.map_err(|_| Refusal::Unavailable)?;
        let passwords = Arc::clone(&self.ports.passwords);
        let verified = tokio::task::spawn_blocking(move || passwords.verify(&password, phc.as_deref())).await;
        verified.map_err(|_| Refusal::Unavailable)
    }

    pub(super) async fn hash(&self, password: RawText) -> Result<String, Refusal> {
        let _room = HASHING.acquire().await.map_err(|_| Refusal::Unavailable)?;
        let passwords = Arc::clone(&self.ports.passwords);
        let salt = random_bytes(&*self.ports.random);
        let hashed = tokio::task::spawn_blocking(move || passwords.hash(&password, salt)).await;
        hashed.map_err(|_| Refusal::Unavailable)?.map_err(|error: VaultError| error.into())
    }
}
