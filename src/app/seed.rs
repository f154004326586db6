//! The demo tenant's staff: one account a role, each with a one-time password that is shown once and kept nowhere.

use super::tenants::Served;
use crate::domain::event::Role;
use crate::domain::message::RawText;

use crate::pipeline::{AccountUpdate, Imported, Manager, NewStaff, Refusal};

/// A login that was just made or reset.
pub struct OneTimePassword {
    /// The tenant's name.
    pub tenant: String,
    /// The login name.
    pub login: String,
    password: RawText,
}

impl OneTimePassword {
    /// The password itself: it is shown once, to the operator who asked for it.
    pub fn shown(&self) -> &str {
        self.password.expose()
    }
}

/// Login, name, role and capacity of each demo account.
const STAFF: [(&str, &str, Role, i32); 5] = [
    ("agent", "客服小林 (demo agent)", Role::Agent, 8),
    ("supervisor", "客服主管 (demo supervisor)", Role::Supervisor, 0),
    ("compliance", "合规官 (demo compliance officer)", Role::Compliance, 0),
    ("auditor", "审计员 (demo auditor)", Role::Auditor, 0),
    ("admin", "管理员 (demo administrator)", Role::Admin, 0),
];
/// What a demo tenant's compliance officer proposes: supervisors see less of identity cards.
const PROPOSAL: [(&str, &str); 2] = [
    ("version: 2\n", "version: 3\n"),
    ("supervisor: {keep: {first: 6, last: 4}}", "supervisor: {keep: {first: 3, last: 4}}"),
];
/// The login of who answers the stories that a demo tenant is filled with.
pub const COLLEAGUE: &str = "colleague";

impl Served {
    /// Makes the demo accounts that are not there yet, with a second agent where asked for, and returns their one-time
    /// passwords.
    ///
    /// # Errors
    /// [`Refusal`] when they can't be recorded at present.
    pub async fn seed_demo(&self, with_colleague: bool) -> Result<Vec<OneTimePassword>, Refusal> {
        let mut made = Vec::new();
        if !self.config.as_ref().is_some_and(|config| config.demo) {
            return Ok(made);
        }
        let colleague = with_colleague.then_some((COLLEAGUE, "客服小周 (demo colleague)", Role::Agent, 8));
        for (login, name, role, capacity) in STAFF.into_iter().chain(colleague) {
            if self.tenant.has_account(&RawText::new(login.to_owned())).await? {
                continue;
            }
            let new = new_staff(login, name, role, (Some(capacity), Vec::new()));
            let (_, password) = self.tenant.create_account(Manager::Server, new).await?;
            made.push(OneTimePassword { tenant: self.tenant.name.name.clone(), login: login.to_owned(), password });
        }
        Ok(made)
    }

    /// Lays a proposed masking policy beside a demo tenant's active one, as a file that differs; nothing is activated.
    ///
    /// # Errors
    /// [`std::io::Error`] when the file can't be written.
    pub async fn propose_policy(&self, path: &std::path::Path) -> std::io::Result<()> {
        let Some(config) = self.config.as_ref().filter(|config| config.has_built_in_policy()) else { return Ok(()) };
        let proposed =
            PROPOSAL.iter().fold(config.policy_source.clone(), |text, (old, new)| text.replacen(old, new, 1));
        std::fs::write(path, &proposed)?;
        // What it can't read now, the next start reads.
        let _drift = self.tenant.load_policy(&proposed).await;
        Ok(())
    }

    /// Makes an account; agents get the tenant's default capacity unless one is given, others have no desk.
    ///
    /// # Errors
    /// [`Refusal::Conflict`] when the login exists, [`Refusal::Invalid`] when a value is out of bounds or a skill is not in
    /// the active routing table.
    pub(super) async fn create(
        &self,
        login: String,
        name: &str,
        role: Role,
        (capacity, skills): (Option<i32>, Vec<String>),
    ) -> Result<OneTimePassword, Refusal> {
        let (skills, groups) = self.tenant.skills_and_groups(skills);
        let new = NewStaff { groups, ..new_staff(&login, name, role, (capacity, skills)) };
        let (_, password) = self.tenant.create_account(Manager::Operator, new).await?;
        Ok(OneTimePassword { tenant: self.tenant.name.name.clone(), login, password })
    }

    /// Sets what an agent can do.
    ///
    /// # Errors
    /// [`Refusal::NotFound`] when there is no such agent, [`Refusal::Invalid`] when a skill is not in the active table.
    pub(super) async fn set_skills(&self, login: String, skills: Vec<String>) -> Result<(), Refusal> {
        let account = self.tenant.account_of(&RawText::new(login)).await?;
        let (skills, groups) = self.tenant.skills_and_groups(skills);
        let update = AccountUpdate { skills: Some(skills), groups: Some(groups), ..AccountUpdate::default() };
        self.tenant.change_account(Manager::Operator, account, &update).await.map(|_| ())
    }

    /// Sets a one-time password for a login; an administrator that isn't there yet is made.
    ///
    /// # Errors
    /// [`Refusal::NotFound`] when there is no such login and it is not the administrator's.
    pub async fn reset(&self, login: &str) -> Result<OneTimePassword, Refusal> {
        let name = RawText::new(login.to_owned());
        if login == "admin" && !self.tenant.has_account(&name).await? {
            return self.create(login.to_owned(), login, Role::Admin, (None, Vec::new())).await;
        }
        let account = self.tenant.account_of(&name).await?;
        let password = self.tenant.reset_account(Manager::Operator, account).await?;
        Ok(OneTimePassword { tenant: self.tenant.name.name.clone(), login: login.to_owned(), password })
    }

    /// Unlocks the account of a login.
    ///
    /// # Errors
    /// [`Refusal::NotFound`] when there is no such login.
    pub(super) async fn unlock(&self, login: String) -> Result<(), Refusal> {
        let account = self.tenant.account_of(&RawText::new(login)).await?;
        self.tenant.unlock_account(Manager::Operator, account).await
    }

    /// Takes the second factor of a login away.
    ///
    /// # Errors
    /// [`Refusal::NotFound`] when there is no such login, or it has none.
    pub(super) async fn remove_factor(&self, login: String) -> Result<(), Refusal> {
        let account = self.tenant.account_of(&RawText::new(login)).await?;
        self.tenant.remove_factor(Manager::Operator, account).await
    }

    /// Makes the accounts of a CSV file, all or none.
    ///
    /// # Errors
    /// [`Refusal::Line`] for the first line that can't be taken.
    pub(super) async fn import(&self, file: String) -> Result<Vec<OneTimePassword>, Refusal> {
        let made = self.tenant.import_accounts(Manager::Operator, &RawText::new(file)).await?;
        let tenant = || self.tenant.name.name.clone();
        let one = |one: Imported| OneTimePassword {
            tenant: tenant(),
            login: one.login.expose().to_owned(),
            password: one.password,
        };
        Ok(made.into_iter().map(one).collect())
    }
}

fn new_staff(login: &str, name: &str, role: Role, (capacity, skills): (Option<i32>, Vec<String>)) -> NewStaff {
    let text = |text: &str| RawText::new(text.to_owned());
    NewStaff { login: text(login), name: text(name), role, capacity, skills, groups: Vec::new() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::masking::Policy;

    #[test]
    fn the_demo_s_proposal_is_another_version_that_shows_supervisors_less() {
        let active = include_str!("../../policies/masking/cn-retail.yaml");
        let proposed = PROPOSAL.iter().fold(active.to_owned(), |text, (old, new)| {
            assert!(text.contains(old), "{old}");
            text.replacen(old, new, 1)
        });
        let [active, proposed] = [active, &proposed].map(|text| Policy::load(text).unwrap());
        assert!(proposed.version() > active.version() && proposed.digest() != active.digest());
    }
}
