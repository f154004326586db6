//! One's sessions: which there are, and ending those that one doesn't know or need.

use zeroize::Zeroizing;

use super::{Manager, Refusal, Staff, Tenant};
use crate::domain::access::Action;
use crate::domain::event::Event;
use crate::domain::record::{Actor, Draft, Proposal};
use crate::ports::{SessionRow, StaffPart};
use crate::units::{AccountId, SessionId, Timestamp};

/// A session as its owner sees it.
pub struct SessionView {
    /// Its public id.
    pub id: SessionId,
    /// When it began.
    pub created: Timestamp,
    /// When it was last used.
    pub last_seen: Timestamp,
    /// When it ends.
    pub expires: Timestamp,
    /// Browser and system, coarsely.
    pub device: Zeroizing<String>,
    /// Whether it is the one that asks.
    pub current: bool,
}

impl Tenant {
    /// One's own sessions, newest first, at most 200.
    ///
    /// # Errors
    /// [`Refusal`] when they can't be read at present.
    pub async fn sessions(&self, staff: &Staff) -> Result<Vec<SessionView>, Refusal> {
        staff.may(Action::OwnAccount)?;
        let view = |row: SessionRow| {
            let device = self.ports.vault.open_staff(StaffPart::Device, row.account, &row.device)?;
            let SessionRow { id, created, last_seen, expires, .. } = row;
            Ok(SessionView { id, created, last_seen, expires, device, current: id == staff.session.id })
        };
        self.live(staff.account).await?.into_iter().map(view).collect()
    }

    /// Ends one of one's own sessions.
    ///
    /// # Errors
    /// [`Refusal::NotFound`] when one has no such session.
    pub async fn revoke_session(&self, staff: &Staff, id: SessionId) -> Result<(), Refusal> {
        staff.may(Action::OwnAccount)?;
        let known = self.live(staff.account).await?.iter().any(|row| row.id == id);
        if !known {
            return Err(Refusal::NotFound { what: "session" });
        }
        self.record_revoked(staff.actor(), staff.account, 1).await?;
        self.ports.people.end_session(staff.account, id).await?;
        Ok(())
    }

    /// Ends all of one's own sessions but this one; how many there were.
    ///
    /// # Errors
    /// [`Refusal`] when it can't be recorded at present.
    pub async fn revoke_other_sessions(&self, staff: &Staff) -> Result<u64, Refusal> {
        staff.may(Action::OwnAccount)?;
        self.revoke(staff.actor(), staff.account, Some(staff.session.id)).await
    }

    /// Ends every session of an account; how many there were.
    ///
    /// # Errors
    /// [`Refusal::NotFound`] when there is no such account.
    pub async fn revoke_sessions_of(&self, by: Manager<'_>, account: AccountId) -> Result<u64, Refusal> {
        let actor = by.actor()?;
        let row = self.managed(account).await?;
        self.revoke(actor, row.id, None).await
    }

    async fn revoke(&self, by: Actor, account: AccountId, but: Option<SessionId>) -> Result<u64, Refusal> {
        let sessions = self.live(account).await?.iter().filter(|row| Some(row.id) != but).count() as u64;
        self.record_revoked(by, account, sessions).await?;
        self.ports.people.end_sessions_of(account, but).await?;
        Ok(sessions)
    }

    pub(super) async fn record_revoked(&self, by: Actor, account: AccountId, sessions: u64) -> Result<(), Refusal> {
        self.record(Proposal::single(Draft::of(Event::SessionsRevoked { account, sessions }, by), Vec::new())).await?;
        Ok(())
    }

    async fn live(&self, account: AccountId) -> Result<Vec<SessionRow>, Refusal> {
        let now = self.ports.clock.now();
        Ok(self.ports.people.sessions(account, now, self.idle_since(now)).await?)
    }
}
