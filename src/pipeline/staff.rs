//! How staff come in: login, session, password. Every success is an entry; failures are counted by `attempts`.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use tokio::sync::Semaphore;
use zeroize::Zeroizing;

use super::{Refusal, Tenant};
use crate::domain::access::{Action, allows, factor_s_max};
use crate::domain::device;
use crate::domain::event::{Event, Role};
use crate::domain::message::RawText;
use crate::domain::record::{Actor, Draft, Effect, PasswordChange, Proposal};
use crate::limits::{
    DESK_GRACE_S_DEFAULT, PASSWORD_BYTES_MAX, PASSWORD_CHARS_MIN, PASSWORD_HASHES_MAX, PENDING_SESSION_S_MAX,
    SESSION_IDLE_S_DEFAULT, SESSION_S_MAX,
};
use crate::ports::{AccountRow, SessionRow, StaffPart, VaultError, Vouched, random_bytes};
use crate::telemetry::{Occurrence, emit};
use crate::units::{AccountId, MICROS_PER_SECOND, SessionId, Timestamp};

/// Each hash takes 19 MiB and most of a core: a flood of logins waits here instead of taking the machine.
static HASHING: Semaphore = Semaphore::const_new(PASSWORD_HASHES_MAX);

/// What a tenant decides about its staff.
#[derive(Clone, Debug)]
pub struct StaffRules {
    /// Roles that must have a second factor.
    pub factor_roles: Vec<Role>,
    /// How long a session lasts without being used, in seconds.
    pub idle_s: i64,
    /// How many conversations a new agent holds at a time.
    pub capacity_default: i32,
    /// How long an agent may be without the desk's connection that they had, in seconds.
    pub grace_s: i64,
}

impl Default for StaffRules {
    fn default() -> Self {
        Self {
            factor_roles: Vec::new(),
            idle_s: SESSION_IDLE_S_DEFAULT,
            capacity_default: 0,
            grace_s: DESK_GRACE_S_DEFAULT,
        }
    }
}

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
    /// Whether a second factor must be set up before anything else.
    pub must_enrol: bool,
    pub(super) has_factor: bool,
    pub(super) factor_age_s: Option<i64>,
    pub(super) session: SessionRow,
}

impl Staff {
    /// Who acts, for an entry.
    pub fn actor(&self) -> Actor {
        Actor { id: self.account, role: self.role }
    }

    /// Whether the second factor must be shown before anything else.
    pub fn is_pending(&self) -> bool {
        self.session.pending
    }

    /// Asks the table of roles. One's own account can be cared for while a password or a second factor is still to be set.
    ///
    /// # Errors
    /// [`Refusal::FactorRequired`] first of all, then [`Refusal::MustChangePassword`], [`Refusal::MustEnrol`],
    /// [`Refusal::Forbidden`]; last, when the action asks for a fresh second factor, [`Refusal::FactorRequired`] again.
    pub fn may(&self, action: Action) -> Result<(), Refusal> {
        let others = action != Action::OwnAccount;
        let stale = factor_s_max(action).is_some_and(|max| self.factor_age_s.is_none_or(|age| age > max));
        if self.is_pending() {
            Err(Refusal::FactorRequired)
        } else if others && self.must_change {
            Err(Refusal::MustChangePassword)
        } else if others && self.must_enrol {
            Err(Refusal::MustEnrol)
        } else if !allows(self.role, action) {
            Err(Refusal::Forbidden)
        } else if stale {
            Err(if self.has_factor { Refusal::FactorRequired } else { Refusal::MustEnrol })
        } else {
            Ok(())
        }
    }

    /// Whether this person may consent to what somebody else proposed: by role, and with a second factor shown just now.
    ///
    /// # Errors
    /// As [`Staff::may`].
    pub fn may_approve(&self) -> Result<(), Refusal> {
        self.may(Action::Approve)
    }
}

/// A session that just began.
pub struct NewSession {
    /// The session token, to be given to the browser once.
    pub token: Zeroizing<String>,
    /// Whose it is.
    pub staff: Staff,
    /// When it ends.
    pub expires: Timestamp,
}

impl Tenant {
    /// Lets somebody in; `user_agent` is what their browser says of itself. An account with a second factor gets a session
    /// that can do nothing but show it.
    ///
    /// # Errors
    /// [`Refusal::BadCredentials`] without saying which of the two is wrong; [`Refusal::Throttled`] after five failures,
    /// [`Refusal::AccountLocked`] after ten.
    pub async fn login(&self, login: RawText, password: RawText, user_agent: &str) -> Result<NewSession, Refusal> {
        let lookup = self.ports.vault.login_lookup(&login);
        let row = self.ports.people.account_by_login(&lookup).await?;
        let attempt = self.attempt(&lookup, row.as_ref()).await?;
        let phc = row.as_ref().filter(|row| row.enabled).map(|row| row.password.clone());
        if !self.verify(password, phc).await? {
            self.attempt_failed(&attempt, row.as_ref()).await;
            emit(&Occurrence::LoginFailed { tenant: &self.name.name });
            return Err(Refusal::BadCredentials);
        }
        let row = row.ok_or(Refusal::BadCredentials)?;
        self.attempt_was_right(&attempt).await?;
        if !row.has_factor {
            self.record(Proposal::single(Draft::of(Event::LoginSucceeded, actor(&row)), Vec::new())).await?;
            self.attempts_forgiven(&row).await?;
        }
        self.begin(&row, device::label(user_agent), row.has_factor, Vouched::default()).await
    }

    /// Begins a session.
    pub(super) async fn begin(
        &self,
        row: &AccountRow,
        device: String,
        pending: bool,
        vouched: Vouched,
    ) -> Result<NewSession, Refusal> {
        let now = self.ports.clock.now();
        let lasts_s = if pending { PENDING_SESSION_S_MAX } else { SESSION_S_MAX };
        let session = SessionRow {
            id: SessionId::from_random(random_bytes(&*self.ports.random)),
            account: row.id,
            created: now,
            last_seen: now,
            expires: Timestamp::from_micros(now.as_micros() + lasts_s * MICROS_PER_SECOND),
            device: self.ports.vault.seal_staff(StaffPart::Device, row.id, &RawText::new(device))?,
            pending,
            factor_at: None,
            enrolment: None,
            vouched,
        };
        self.ports.people.sweep_sessions(now, self.idle_since(now)).await?;
        self.put(row, session).await
    }

    /// Puts another session in the place of one whose second factor was just shown: what somebody may have learnt of the
    /// old one is worth nothing.
    pub(super) async fn renew(&self, staff: &Staff, row: &AccountRow) -> Result<NewSession, Refusal> {
        let now = self.ports.clock.now();
        let lasts = Timestamp::from_micros(now.as_micros() + SESSION_S_MAX * MICROS_PER_SECOND);
        let old = staff.session.clone();
        let session = SessionRow {
            id: SessionId::from_random(random_bytes(&*self.ports.random)),
            last_seen: now,
            expires: if old.pending { lasts } else { old.expires },
            pending: false,
            factor_at: Some(now),
            enrolment: None,
            ..old
        };
        let renewed = self.put(row, session).await?;
        self.ports.people.end_session(staff.account, staff.session.id).await?;
        Ok(renewed)
    }

    async fn put(&self, row: &AccountRow, session: SessionRow) -> Result<NewSession, Refusal> {
        let token = Zeroizing::new(URL_SAFE_NO_PAD.encode(random_bytes::<32>(&*self.ports.random)));
        self.ports.people.put_session(&self.ports.vault.session_lookup(&token), &session).await?;
        let expires = session.expires;
        Ok(NewSession { token, staff: self.staff_of(row, session)?, expires })
    }

    /// Who a session token belongs to.
    ///
    /// # Errors
    /// [`Refusal::BadCredentials`] when there is no such session, or not any more.
    pub async fn staff(&self, token: &str) -> Result<Staff, Refusal> {
        let lookup = self.ports.vault.session_lookup(token);
        let now = self.ports.clock.now();
        let session = self.ports.people.session(&lookup, now, self.idle_since(now)).await?;
        let session = session.ok_or(Refusal::BadCredentials)?;
        let row = self.ports.people.account(session.account).await?;
        let row = row.filter(|row| row.enabled).ok_or(Refusal::BadCredentials)?;
        self.staff_of(&row, session)
    }

    /// Whether a member of staff is still who they were; asking is no use of the session.
    ///
    /// # Errors
    /// [`Refusal::BadCredentials`] when the session is over or idle, or the account was disabled or has another role.
    pub async fn still_here(&self, staff: &Staff) -> Result<(), Refusal> {
        let now = self.ports.clock.now();
        let sessions = self.ports.people.sessions(staff.account, now, self.idle_since(now)).await?;
        let row = self.ports.people.account(staff.account).await?;
        let is_here = sessions.iter().any(|session| session.id == staff.session.id)
            && row.is_some_and(|row| row.enabled && row.role == staff.role);
        if is_here { Ok(()) } else { Err(Refusal::BadCredentials) }
    }

    /// Ends a session; whoever leaves takes no more conversations.
    ///
    /// # Errors
    /// [`Refusal::Unavailable`] when it can't be recorded at present; the session goes on then.
    pub async fn logout(&self, staff: &Staff) -> Result<(), Refusal> {
        self.record(Proposal::single(Draft::of(Event::LoggedOut, staff.actor()), Vec::new())).await?;
        self.ports.store.set_online(staff.account, false, false, self.ports.clock.now()).await?;
        self.ports.people.end_session(staff.account, staff.session.id).await?;
        Ok(())
    }

    /// Changes one's own password; every session of the account ends with it.
    ///
    /// # Errors
    /// [`Refusal::BadCredentials`] when the old one is wrong, [`Refusal::Invalid`] when the new one is too short or long;
    /// attempts are counted as at login.
    pub async fn change_password(&self, staff: &Staff, old: RawText, new: RawText) -> Result<(), Refusal> {
        staff.may(Action::OwnAccount)?;
        if new.expose().chars().count() < PASSWORD_CHARS_MIN || new.len() > PASSWORD_BYTES_MAX {
            return Err(Refusal::Invalid { field: "new", expected: "12 characters or more, at most 256 bytes" });
        }
        if new.expose() == old.expose() {
            return Err(Refusal::Invalid { field: "new", expected: "another password than the old one" });
        }
        let row = self.ports.people.account(staff.account).await?.ok_or(Refusal::BadCredentials)?;
        let attempt = self.attempt(&row.login, Some(&row)).await?;
        if !self.verify(old, Some(row.password.clone())).await? {
            self.attempt_failed(&attempt, Some(&row)).await;
            return Err(Refusal::BadCredentials);
        }
        self.attempt_was_right(&attempt).await?;
        let change = PasswordChange {
            account: staff.account,
            expected: row.version,
            password: self.hash(new).await?,
            must_change: false,
        };
        let draft = Draft::of(Event::PasswordChanged, staff.actor());
        self.record(Proposal::single(draft, vec![Effect::Password(change)])).await?;
        self.attempts_forgiven(&row).await?;
        self.ports.people.end_sessions_of(staff.account, None).await?;
        Ok(())
    }

    /// Sessions that were not used since then are over.
    pub(super) fn idle_since(&self, now: Timestamp) -> Timestamp {
        Timestamp::from_micros(now.as_micros() - self.rules.idle_s * MICROS_PER_SECOND)
    }

    fn staff_of(&self, row: &AccountRow, session: SessionRow) -> Result<Staff, Refusal> {
        let now = self.ports.clock.now().as_micros();
        Ok(Staff {
            account: row.id,
            role: row.role,
            name: self.ports.vault.open_profile(row.id, &row.profile)?,
            must_change: row.must_change,
            must_enrol: !row.has_factor && self.rules.factor_roles.contains(&row.role),
            has_factor: row.has_factor,
            factor_age_s: session.factor_at.map(|at| (now - at.as_micros()) / MICROS_PER_SECOND),
            session,
        })
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

pub(super) fn actor(row: &AccountRow) -> Actor {
    Actor { id: row.id, role: row.role }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::access::APPROVAL_FACTOR_S_MAX;

    fn staff(role: Role) -> Staff {
        let at = Timestamp::from_micros(0);
        let session = SessionRow {
            id: SessionId::from_random([1; 16]),
            account: AccountId::from_random([2; 16]),
            created: at,
            last_seen: at,
            expires: at,
            device: Vec::new(),
            pending: false,
            factor_at: None,
            enrolment: None,
            vouched: Vouched::default(),
        };
        let (account, name) = (session.account, Zeroizing::new("name".to_owned()));
        let (must_change, must_enrol, has_factor) = (false, false, false);
        Staff { account, role, name, must_change, must_enrol, has_factor, factor_age_s: None, session }
    }

    #[test]
    fn an_approval_asks_for_a_second_factor_that_was_shown_just_now() {
        for (has_factor, factor_age_s, expected) in [
            (false, None, Err(Refusal::MustEnrol)),
            (true, None, Err(Refusal::FactorRequired)),
            (true, Some(APPROVAL_FACTOR_S_MAX + 1), Err(Refusal::FactorRequired)),
            (true, Some(APPROVAL_FACTOR_S_MAX), Ok(())),
            (true, Some(0), Ok(())),
        ] {
            let officer = Staff { has_factor, factor_age_s, ..staff(Role::Compliance) };
            assert_eq!(officer.may_approve(), expected, "{has_factor} {factor_age_s:?}");
            assert_eq!(officer.may(Action::ReadLedger), Ok(()), "nothing else asks for it");
        }
        let fresh = |role| Staff { has_factor: true, factor_age_s: Some(0), ..staff(role) };
        for role in [Role::Agent, Role::Auditor, Role::Admin] {
            assert_eq!(fresh(role).may_approve(), Err(Refusal::Forbidden), "{role:?}");
        }
    }

    #[test]
    fn what_is_still_to_be_done_comes_before_everything_but_one_s_own_account() {
        let mut pending = staff(Role::Admin);
        pending.session.pending = true;
        for (staff, refusal, own) in [
            (pending, Refusal::FactorRequired, false),
            (Staff { must_change: true, ..staff(Role::Admin) }, Refusal::MustChangePassword, true),
            (Staff { must_enrol: true, ..staff(Role::Admin) }, Refusal::MustEnrol, true),
        ] {
            assert_eq!(staff.may(Action::ManageAccounts), Err(refusal.clone()));
            assert_eq!(staff.may(Action::Converse), Err(refusal), "before the role is asked");
            assert_eq!(staff.may(Action::OwnAccount).is_ok(), own);
        }
    }
}
