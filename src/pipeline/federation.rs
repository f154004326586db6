//! Logins by way of the bank's own identity provider. Who somebody is was proven before; here it becomes an account.
//!
//! An identity is issuer and subject, never a name: names change hands. An account is linked once, at the first login, by
//! the login that the provider names, and only while no other identity has it. Its password is worth nothing from then on,
//! until an administrator resets it. Where claims give roles, an account that is there is linked only when it has the same:
//! somebody who happens to be called like an administrator is none. The provider's own second factor is the provider's matter: ours is asked for where
//! an action demands it, and from roles that must have one.

use super::accounts::{Manager, NewStaff};
use super::staff::actor;
use super::{AccountUpdate, NewSession, Refusal, Tenant};
use crate::domain::device;
use crate::domain::event::{Event, Role};
use crate::domain::message::RawText;
use crate::domain::record::{AccountChange, Actor, Alteration, Draft, Effect, PasswordChange, Proposal, Step};
use crate::ports::AccountRow;
use crate::units::{SERVER_ACTOR, Version};

/// Whom the provider vouches for.
pub struct Identity {
    /// The provider.
    pub issuer: String,
    /// Its own name for the person, which it never gives to another.
    pub subject: String,
    /// The login.
    pub login: RawText,
    /// The name on screens.
    pub name: RawText,
    /// The role that its claims give; `None` where claims give none.
    pub role: Option<Role>,
}

impl Tenant {
    /// Lets somebody in for whom the provider vouches. With `create`, a first login makes an account, and the role is the
    /// provider's at each login; without, there must be an account with the login.
    ///
    /// # Errors
    /// [`Refusal::Forbidden`] when nobody here is meant, [`Refusal::AccountLocked`] as at any login.
    pub async fn login_federated(
        &self,
        identity: Identity,
        create: bool,
        user_agent: &str,
    ) -> Result<NewSession, Refusal> {
        let lookup = self.ports.vault.external_lookup(&identity.issuer, &identity.subject);
        let linked = self.ports.people.account_by_identity(&lookup).await?;
        let row = match linked {
            Some(row) => row,
            None => self.first_login(&lookup, &identity, create).await?,
        };
        if !row.enabled {
            return Err(Refusal::Forbidden);
        }
        if row.locked {
            return Err(Refusal::AccountLocked);
        }
        let row = match identity.role.filter(|role| create && *role != row.role) {
            Some(role) => {
                let update = AccountUpdate { role: Some(role), ..AccountUpdate::default() };
                self.change_account(Manager::Server, row.id, update).await?;
                self.managed(row.id).await?
            }
            None => row,
        };
        self.record(Proposal::single(Draft::of(Event::LoginFederated, actor(&row)), Vec::new())).await?;
        self.begin(&row, device::label(user_agent), false).await
    }

    /// Links the identity to the account of its login, or to a new one.
    async fn first_login(&self, lookup: &[u8; 32], identity: &Identity, create: bool) -> Result<AccountRow, Refusal> {
        let login = self.ports.vault.login_lookup(&identity.login);
        let proposal = match self.ports.people.account_by_login(&login).await? {
            Some(row) if identity.role.is_some_and(|role| role != row.role) => return Err(Refusal::Forbidden),
            Some(row) if self.ports.people.has_identity(row.id).await? => return Err(Refusal::Forbidden),
            Some(row) => self.linking(&row, lookup).await?,
            None if create => self.creation(lookup, identity).await?,
            None => return Err(Refusal::Forbidden),
        };
        self.record(proposal).await?;
        let row = self.ports.people.account_by_identity(lookup).await?;
        row.ok_or(Refusal::Unavailable)
    }

    async fn linking(&self, row: &AccountRow, lookup: &[u8; 32]) -> Result<Proposal, Refusal> {
        let nobody_s = self.ports.passwords.one_time(&*self.ports.random);
        let password = self.hash(nobody_s).await?;
        let password = PasswordChange { account: row.id, expected: row.version, password, must_change: false };
        let change = Alteration::Linked(*lookup);
        let change = AccountChange { account: row.id, expected: row.version.next(), change };
        let draft = Draft::of(Event::IdentityLinked { account: row.id }, server());
        Ok(Proposal::single(draft, vec![Effect::Password(password), Effect::Account(change)]))
    }

    async fn creation(&self, lookup: &[u8; 32], identity: &Identity) -> Result<Proposal, Refusal> {
        let role = identity.role.ok_or(Refusal::Forbidden)?;
        let (login, name) = (identity.login.twin(), identity.name.twin());
        let new = NewStaff { login, name, role, capacity: None, skills: Vec::new(), groups: Vec::new() };
        let capacity = self.checked(&new).map_err(|(field, expected)| Refusal::Invalid { field, expected })?;
        let (account, _nobody_s) = self.new_account(&new, capacity, false).await?;
        let id = account.id;
        let change = AccountChange { account: id, expected: Version::FIRST, change: Alteration::Linked(*lookup) };
        let created = Draft::of(Event::AccountCreated { account: id, role }, server());
        let linked = Draft::of(Event::IdentityLinked { account: id }, server());
        let mut proposal = Proposal::single(created, vec![Effect::NewAccount(account)]);
        proposal.steps.push(Step { draft: linked, effects: vec![Effect::Account(change)] });
        Ok(proposal)
    }
}

fn server() -> Actor {
    Actor { id: SERVER_ACTOR, role: Role::Server }
}
