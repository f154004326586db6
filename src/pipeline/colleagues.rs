//! Who works at the desk: each with their place, and one's own. It shows names to those who work there, too, and nothing else
//! about an account.

use zeroize::Zeroizing;

use super::{Refusal, Staff, Tenant};
use crate::domain::access::{Action, allows};
use crate::domain::event::Role;
use crate::limits::{COLLEAGUES_MAX, PAGE_ITEMS_MAX};
use crate::ports::AgentRow;
use crate::units::AccountId;

/// The zone of a tenant whose routing table names none.
const ZONE_DEFAULT: &str = "Asia/Shanghai";

/// Somebody's place at the desk.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DeskPlace {
    /// Whether they take conversations.
    pub online: bool,
    /// Weight of the conversations held, in hundredths of a place.
    pub load: i32,
    /// Conversations of the usual weight allowed.
    pub capacity: i32,
}

impl From<&AgentRow> for DeskPlace {
    fn from(row: &AgentRow) -> Self {
        Self { online: row.online, load: row.load, capacity: row.capacity }
    }
}

/// A member of staff with a desk.
pub struct Colleague {
    /// The account.
    pub account: AccountId,
    /// The name on screens.
    pub name: Zeroizing<String>,
    /// The role.
    pub role: Role,
    /// The place; supervisors have none of their own.
    pub place: DeskPlace,
    /// What they can do, in words of the routing table.
    pub skills: Vec<String>,
    /// The groups of the routing table that they are in.
    pub groups: Vec<String>,
}

impl Tenant {
    /// Everybody who may log in and has a desk, in the order of their ids: at most
    /// [`COLLEAGUES_MAX`].
    ///
    /// # Errors
    /// [`Refusal::Forbidden`] when the role has no desk.
    pub async fn colleagues(&self, staff: &Staff) -> Result<Vec<Colleague>, Refusal> {
        staff.may(Action::Converse)?;
        let agents = self.ports.store.agents().await?;
        let (mut colleagues, mut after) = (Vec::new(), None);
        loop {
            let page = self.ports.people.accounts(after, PAGE_ITEMS_MAX).await?;
            after = page.last().map(|row| row.id);
            let is_last = page.len() < PAGE_ITEMS_MAX as usize;
            for row in page.iter().filter(|row| row.enabled && allows(row.role, Action::Converse)) {
                let name = self.ports.vault.open_profile(row.id, &row.profile)?;
                let agent = agents.iter().find(|agent| agent.id == row.id && row.role == Role::Agent);
                colleagues.push(self.colleague(row.id, row.role, name, agent));
            }
            if is_last || colleagues.len() >= COLLEAGUES_MAX {
                colleagues.truncate(COLLEAGUES_MAX);
                return Ok(colleagues);
            }
        }
    }

    fn colleague(
        &self,
        account: AccountId,
        role: Role,
        name: Zeroizing<String>,
        agent: Option<&AgentRow>,
    ) -> Colleague {
        let table = self.table();
        let is_group = |word: &String| table.as_ref().is_some_and(|table| table.is_group(word));
        let words = agent.map(|agent| agent.skills.clone()).unwrap_or_default();
        let (groups, skills) = words.into_iter().partition(is_group);
        Colleague { account, name, role, place: agent.map(DeskPlace::from).unwrap_or_default(), skills, groups }
    }

    /// One's own place.
    ///
    /// # Errors
    /// [`Refusal::Forbidden`] when the role has no desk.
    pub async fn presence(&self, staff: &Staff) -> Result<DeskPlace, Refusal> {
        staff.may(Action::Converse)?;
        let agents = self.ports.store.agents().await?;
        let own = agents.iter().find(|agent| agent.id == staff.account);
        Ok(own.map(DeskPlace::from).unwrap_or_default())
    }

    /// The tenant's zone, by its IANA name: that of the active routing table.
    pub fn time_zone(&self) -> String {
        self.table().map_or_else(|| ZONE_DEFAULT.to_owned(), |table| table.calendar().zone())
    }
}
