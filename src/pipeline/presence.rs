//! Who takes conversations: a switch that each agent flips, and that falls when the agent's desk is gone.
//!
//! An agent who has opened a connection of the desk (a socket or an event stream) is there as long as one of theirs is, and
//! for a grace time after the last: long enough to load a page again, or for another server to take over. Who works by
//! requests alone has no connection to lose; their switch stays until their session ends. Which agents have opened one is
//! kept in the database, so that a browser that dies together with the server is missed by the next one.
//!
//! Supervisors have no switch: what they took over follows their connection in the same way, kept with their session.
//!
//! It says who is gone and since when. What becomes of their conversations is `matching`'s to say, by the queue's rule.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{Refusal, Staff, Tenant};
use crate::domain::access::Action;
use crate::units::{AccountId, MICROS_PER_SECOND, Timestamp};

/// How an agent's desk is connected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Link {
    /// By so many connections.
    Up(usize),
    /// By none, since then.
    Down(Timestamp),
}

/// The desks' connections to this server.
#[derive(Default)]
pub(super) struct Desks(Mutex<Known>);

#[derive(Default)]
struct Known {
    links: HashMap<AccountId, Link>,
    /// Since when this server would know of a connection.
    since: Option<Timestamp>,
}

impl Desks {
    fn lock(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn begin(&self, now: Timestamp) {
        self.lock().since = Some(now);
    }

    fn up(&self, agent: AccountId) {
        let mut known = self.lock();
        let link = known.links.entry(agent).or_insert(Link::Up(0));
        *link = match *link {
            Link::Up(count) => Link::Up(count + 1),
            Link::Down(_) => Link::Up(1),
        };
    }

    fn down(&self, agent: AccountId, now: Timestamp) {
        let mut known = self.lock();
        let link = known.links.entry(agent).or_insert(Link::Down(now));
        *link = match *link {
            Link::Up(count @ 2..) => Link::Up(count - 1),
            Link::Up(_) | Link::Down(_) => Link::Down(now),
        };
    }

    fn is_up(&self, agent: AccountId) -> bool {
        matches!(self.lock().links.get(&agent), Some(Link::Up(_)))
    }

    /// Since when an agent who had a connection has none; `None` while there is one.
    fn gone_since(&self, agent: AccountId) -> Option<Timestamp> {
        let known = self.lock();
        match known.links.get(&agent) {
            Some(Link::Up(_)) => None,
            // It was another server's before: nobody could have come back to this one.
            Some(Link::Down(at)) => Some(known.since.map_or(*at, |since| since.max(*at))),
            None => known.since,
        }
    }
}

/// A connection of an agent's desk; it is over when this is dropped.
pub(super) struct Attached {
    tenant: Arc<Tenant>,
    agent: AccountId,
}

impl Drop for Attached {
    fn drop(&mut self) {
        self.tenant.desks.down(self.agent, self.tenant.ports.clock.now());
    }
}

impl Tenant {
    /// Says whether the agent takes conversations.
    ///
    /// # Errors
    /// [`Refusal::Forbidden`] when the role has no desk.
    pub async fn set_online(&self, staff: &Staff, online: bool) -> Result<(), Refusal> {
        staff.may(Action::Converse)?;
        let attached = online && self.desks.is_up(staff.account);
        self.ports.store.set_online(staff.account, online, attached, self.ports.clock.now()).await?;
        self.waiting.notify_one();
        Ok(())
    }

    /// Lets an agent's presence follow a connection of their desk.
    ///
    /// # Errors
    /// [`Refusal::Unavailable`] when that can't be noted at present.
    pub(super) async fn attach(self: &Arc<Self>, staff: &Staff) -> Result<Attached, Refusal> {
        let agent = staff.account;
        // Noted here first: between the two, a look for those who are gone must find somebody.
        self.desks.up(agent);
        let attached = Attached { tenant: Arc::clone(self), agent };
        self.ports.store.attach(agent, staff.session.id).await?;
        Ok(attached)
    }

    /// Lets what a supervisor takes follow the connection of their desk; who has none at present works without one.
    pub(super) async fn attach_taken(&self, staff: &Staff) -> Result<(), Refusal> {
        if !self.desks.is_up(staff.account) {
            self.ports.store.unattach(staff.account).await?;
        }
        Ok(())
    }

    /// Since when somebody whose presence follows their desk's connection has had none, if that is longer than the grace time.
    pub(super) fn missed_since(&self, account: AccountId, now: Timestamp) -> Option<Timestamp> {
        let grace_us = self.rules.grace_s * MICROS_PER_SECOND;
        self.desks.gone_since(account).filter(|since| now.as_micros() - since.as_micros() >= grace_us)
    }

    /// Notes from when on this server would know of the desks' connections: it serves them from now on.
    pub fn desks_begin(&self) {
        self.desks.begin(self.ports.clock.now());
    }

    /// Takes the switch back of agents whose desk's connection is gone for longer than the grace time. Returns how many.
    ///
    /// # Errors
    /// [`Refusal::Unavailable`] when the database can't be asked at present.
    pub async fn miss_desks(&self) -> Result<usize, Refusal> {
        let now = self.ports.clock.now();
        let mut count = 0;
        for agent in self.ports.store.attached().await? {
            if let Some(since) = self.missed_since(agent, now) {
                self.ports.store.detach(agent, since).await?;
                count += 1;
            }
        }
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_micros(seconds * MICROS_PER_SECOND)
    }

    #[test]
    fn an_agent_is_gone_since_the_last_of_their_connections_was() {
        let (desks, agent) = (Desks::default(), AccountId::from_random([1; 16]));
        desks.begin(at(10));
        desks.up(agent);
        desks.up(agent);
        desks.down(agent, at(20));
        assert!(desks.is_up(agent));
        assert_eq!(desks.gone_since(agent), None);
        desks.down(agent, at(30));
        assert_eq!(desks.gone_since(agent), Some(at(30)));
        desks.up(agent);
        assert_eq!(desks.gone_since(agent), None);
    }

    #[test]
    fn whoever_was_another_server_s_is_missed_from_when_this_one_began() {
        let (desks, agent, other) =
            (Desks::default(), AccountId::from_random([1; 16]), AccountId::from_random([2; 16]));
        assert_eq!(desks.gone_since(other), None, "nobody is missed before it is known who would come");
        desks.begin(at(10));
        desks.up(agent);
        desks.down(agent, at(20));
        desks.begin(at(100));
        assert_eq!(desks.gone_since(agent), Some(at(100)));
        assert_eq!(desks.gone_since(other), Some(at(100)));
    }
}
