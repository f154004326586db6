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
use crate::ports::{AccountRow, External, Vouched};
use crate::units::{SERVER_ACTOR, Timestamp, Version};

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
    /// The provider's own session, where it names one.
    pub session: Option<String>,
}

/// Whose sessions the provider ends: a person's, those of one of its own sessions, or, with both, those that are both.
pub struct FederatedLogout {
    /// The provider.
    pub issuer: String,
    /// Its own name for the person.
    pub subject: Option<String>,
    /// Its own session.
    pub session: Option<String>,
    /// Its name for this order, which counts once.
    pub id: String,
    /// From when on the order is refused for its age.
    pub until: Timestamp,
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
        let lookup = self.ports.vault.external_lookup(External::Person, &identity.issuer, &identity.subject);
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
                self.change_account(Manager::Server, row.id, &update).await?;
                self.managed(row.id).await?
            }
            None => row,
        };
        self.record(Proposal::single(Draft::of(Event::LoginFederated, actor(&row)), Vec::new())).await?;
        let vouched = self.vouched(&identity.issuer, Some(&identity.subject), identity.session.as_deref());
        self.begin(&row, device::label(user_agent), false, vouched).await
    }

    /// Ends the sessions that came from the logins which the provider names, and no other. That there are none is fine.
    ///
    /// # Errors
    /// [`Refusal::Invalid`] when this order was followed before; [`Refusal::Unavailable`] when the end can't be recorded at
    /// present: the sessions go on then, and the same order may come again.
    pub async fn logout_federated(&self, logout: FederatedLogout) -> Result<(), Refusal> {
        let token = self.ports.vault.external_lookup(External::Logout, &logout.issuer, &logout.id);
        let people = &self.ports.people;
        if people.knows_provider_logout(&token).await? {
            return Err(Refusal::Invalid { field: "logout_token", expected: "one that did not come before" });
        }
        let vouched = self.vouched(&logout.issuer, logout.subject.as_deref(), logout.session.as_deref());
        let now = self.ports.clock.now();
        for (account, sessions) in people.vouched_sessions(&vouched, now, self.idle_since(now)).await? {
            self.record_revoked(server(), account, sessions).await?;
        }
        people.end_vouched_sessions(&vouched).await?;
        // Last: an order that was remembered and not followed would be refused when it comes again.
        people.keep_provider_logout(&token, logout.until, now).await?;
        Ok(())
    }

    fn vouched(&self, issuer: &str, subject: Option<&str>, session: Option<&str>) -> Vouched {
        let lookup = |what, name| self.ports.vault.external_lookup(what, issuer, name).to_vec();
        Vouched {
            subject: subject.map(|subject| lookup(External::Person, subject)),
            session: session.map(|session| lookup(External::Session, session)),
        }
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
