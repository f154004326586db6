//! Staff accounts: made by an operator at the machine, reset by one. Both are entries.

use super::{Refusal, Tenant};
use crate::domain::event::{Event, Role};
use crate::domain::message::RawText;
use crate::domain::record::{Actor, AgentChange, Draft, Effect, NewAccount, PasswordChange, Proposal, Step};
use crate::limits::{DECISIONS_MAX, LOGIN_BYTES_MAX};
use crate::ports::{AgentRow, RecordError, random_bytes};
use crate::units::{AccountId, SERVER_ACTOR};

/// An account to be made.
pub struct NewStaff {
    /// Login name.
    pub login: RawText,
    /// Name on screens.
    pub name: RawText,
    /// Role.
    pub role: Role,
    /// Most conversations at a time; 0 for those without a desk.
    pub capacity: i32,
    /// Skills and groups of an agent, words of the active routing table.
    pub skills: Vec<String>,
    /// One-time password.
    pub password: RawText,
}

impl Tenant {
    /// Whether an account with this login exists.
    ///
    /// # Errors
    /// [`Refusal::Unavailable`] when the database can't be read.
    pub async fn has_account(&self, login: &RawText) -> Result<bool, Refusal> {
        let lookup = self.ports.vault.login_lookup(login);
        Ok(self.ports.store.account_by_login(&lookup).await?.is_some())
    }

    /// Makes an account with a one-time password.
    ///
    /// # Errors
    /// [`Refusal::Conflict`] when the login exists, [`Refusal::Invalid`] when it is empty or too long.
    pub async fn create_account(&self, by: Role, new: NewStaff) -> Result<AccountId, Refusal> {
        let NewStaff { login, name, role, capacity, skills, password } = new;
        if login.is_empty() || login.len() > LOGIN_BYTES_MAX {
            return Err(Refusal::Invalid { field: "login", expected: "1 to 128 bytes" });
        }
        let lookup = self.ports.vault.login_lookup(&login);
        if self.ports.store.account_by_login(&lookup).await?.is_some() {
            return Err(Refusal::Conflict);
        }
        let id = AccountId::from_random(random_bytes(&*self.ports.random));
        let profile = self.ports.vault.seal_profile(id, &name)?;
        let password = self.hash(password).await?;
        let skilled = (!skills.is_empty()).then(|| Event::SkillsSet { account: id, skills: skills.clone() });
        let account = NewAccount { id, login: lookup, profile, password, role, capacity, skills };
        let event = Event::AccountCreated { account: id, role };
        let actor = Actor { id: SERVER_ACTOR, role: by };
        let mut proposal = Proposal::single(Draft::of(event, actor), vec![Effect::NewAccount(account)]);
        let skilled = skilled.map(|event| Step { draft: Draft::of(event, actor), effects: Vec::new() });
        proposal.steps.extend(skilled);
        self.record(proposal).await?;
        Ok(id)
    }

    /// Sets what an agent can do.
    ///
    /// # Errors
    /// [`Refusal::NotFound`] when there is no such agent.
    pub async fn set_skills(&self, by: Role, login: &RawText, skills: Vec<String>) -> Result<(), Refusal> {
        let lookup = self.ports.vault.login_lookup(login);
        let row = self.ports.store.account_by_login(&lookup).await?.ok_or(Refusal::NotFound { what: "account" })?;
        for _ in 0..DECISIONS_MAX {
            let agent = self.ports.store.agents().await?.into_iter().find(|agent| agent.id == row.id);
            let AgentRow { id, version, load, idle_since, .. } = agent.ok_or(Refusal::NotFound { what: "account" })?;
            let change = AgentChange { agent: id, expected: version, load, idle_since, skills: Some(skills.clone()) };
            let event = Event::SkillsSet { account: id, skills: skills.clone() };
            let draft = Draft::of(event, Actor { id: SERVER_ACTOR, role: by });
            match self.record(Proposal::single(draft, vec![Effect::Agent(change)])).await {
                Ok(_) => {
                    self.waiting.notify_one();
                    return Ok(());
                }
                Err(RecordError::Conflict { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(Refusal::Conflict)
    }

    /// Sets a one-time password and ends every session of the account.
    ///
    /// # Errors
    /// [`Refusal::NotFound`] when there is no such login.
    pub async fn reset_account(&self, login: &RawText, password: RawText) -> Result<AccountId, Refusal> {
        let lookup = self.ports.vault.login_lookup(login);
        let row = self.ports.store.account_by_login(&lookup).await?.ok_or(Refusal::NotFound { what: "account" })?;
        let password = self.hash(password).await?;
        let change = PasswordChange { account: row.id, expected: row.version, password, must_change: true };
        let draft =
            Draft::of(Event::AccountReset { account: row.id }, Actor { id: SERVER_ACTOR, role: Role::Operator });
        self.record(Proposal::single(draft, vec![Effect::Password(change)])).await?;
        self.ports.store.end_sessions_of(row.id).await?;
        Ok(row.id)
    }
}
