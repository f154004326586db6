//! The demo tenant's staff: one account a role, each with a one-time password that is shown once and kept nowhere.

use super::tenants::Served;
use crate::crypto::{SystemRandom, one_time_password};
use crate::domain::event::Role;
use crate::domain::message::RawText;
use crate::limits::{AGENT_CAPACITY_MAX, AGENT_SKILLS_MAX};
use crate::pipeline::{NewStaff, Refusal};

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

impl Served {
    /// Makes the demo accounts that are not there yet, and returns their one-time passwords.
    ///
    /// # Errors
    /// [`Refusal`] when they can't be recorded at present.
    pub async fn seed_demo(&self) -> Result<Vec<OneTimePassword>, Refusal> {
        let random = SystemRandom::new();
        let mut made = Vec::new();
        if !self.config.as_ref().is_some_and(|config| config.demo) {
            return Ok(made);
        }
        for (login, name, role, capacity) in STAFF {
            if self.tenant.has_account(&RawText::new(login.to_owned())).await? {
                continue;
            }
            let password = one_time_password(&random);
            let new = NewStaff {
                login: RawText::new(login.to_owned()),
                name: RawText::new(name.to_owned()),
                role,
                capacity,
                skills: Vec::new(),
                password: password.copy(),
            };
            self.tenant.create_account(Role::Server, new).await?;
            made.push(OneTimePassword { tenant: self.tenant.name.name.clone(), login: login.to_owned(), password });
        }
        Ok(made)
    }

    /// Makes an account; agents get the tenant's default capacity unless one is given, others have no desk.
    ///
    /// # Errors
    /// [`Refusal::Conflict`] when the login exists, [`Refusal::Invalid`] when a value is out of bounds or a skill is not in
    /// the active routing table.
    pub(super) async fn create(
        &self,
        login: String,
        name: String,
        role: Role,
        (capacity, skills): (Option<i32>, Vec<String>),
    ) -> Result<OneTimePassword, Refusal> {
        let password = one_time_password(&SystemRandom::new());
        let usual = self.config.as_ref().map_or(0, |config| config.agents_capacity_default);
        let capacity = if role == Role::Agent { capacity.unwrap_or(usual) } else { 0 };
        if !(0..=AGENT_CAPACITY_MAX).contains(&capacity) {
            return Err(Refusal::Invalid { field: "capacity", expected: "0 to 1000 conversations" });
        }
        self.check_skills(&skills)?;
        let new = NewStaff {
            login: RawText::new(login.clone()),
            name: RawText::new(name),
            role,
            capacity,
            skills,
            password: password.copy(),
        };
        self.tenant.create_account(Role::Operator, new).await?;
        Ok(OneTimePassword { tenant: self.tenant.name.name.clone(), login, password })
    }

    /// Sets what an agent can do.
    ///
    /// # Errors
    /// [`Refusal::NotFound`] when there is no such agent, [`Refusal::Invalid`] when a skill is not in the active table.
    pub(super) async fn set_skills(&self, login: String, skills: Vec<String>) -> Result<(), Refusal> {
        self.check_skills(&skills)?;
        self.tenant.set_skills(Role::Operator, &RawText::new(login), skills).await
    }

    fn check_skills(&self, skills: &[String]) -> Result<(), Refusal> {
        let strange = |skill: &String| !self.tenant.table().is_some_and(|table| table.knows_skill(skill));
        if skills.len() > AGENT_SKILLS_MAX || skills.iter().any(strange) {
            let expected = "at most 16 skills and groups of the active routing table";
            return Err(Refusal::Invalid { field: "skills", expected });
        }
        Ok(())
    }

    /// Sets a one-time password for a login; an administrator that isn't there yet is made.
    ///
    /// # Errors
    /// [`Refusal::NotFound`] when there is no such login and it is not the administrator's.
    pub async fn reset(&self, login: &str) -> Result<OneTimePassword, Refusal> {
        let password = one_time_password(&SystemRandom::new());
        let name = RawText::new(login.to_owned());
        if login == "admin" && !self.tenant.has_account(&name).await? {
            let new = NewStaff {
                login: name,
                name: RawText::new("admin".to_owned()),
                role: Role::Admin,
                capacity: 0,
                skills: Vec::new(),
                password: password.copy(),
            };
            self.tenant.create_account(Role::Operator, new).await?;
        } else {
            self.tenant.reset_account(&name, password.copy()).await?;
        }
        Ok(OneTimePassword { tenant: self.tenant.name.name.clone(), login: login.to_owned(), password })
    }
}
