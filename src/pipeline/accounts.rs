//! Staff accounts: made, changed, unlocked and reset by an administrator or by an operator at the machine. Each is an entry.
//!
//! Nobody chooses or sees another's password: what is given out is a one-time password, shown once.

use zeroize::Zeroizing;

use super::skills::skilled;
use super::{Refusal, Staff, Tenant};
use crate::domain::access::Action;
use crate::domain::event::{Event, Role};
use crate::domain::message::RawText;
use crate::domain::record::{
    AccountChange, Actor, Alteration, Draft, Effect, NewAccount, PasswordChange, Proposal, Step,
};
use crate::limits::{AGENT_CAPACITY_MAX, DECISIONS_MAX, LOGIN_BYTES_MAX, NAME_BYTES_MAX, PAGE_ITEMS_MAX};
use crate::ports::{AccountRow, StaffPart, random_bytes};
use crate::units::{AccountId, SERVER_ACTOR};

const NAME_EXPECTED: &str = "1 to 128 bytes without control characters or outer spaces, not beginning with = + - @";
/// The words of roles that accounts have.
pub(super) const ROLE_EXPECTED: &str = "agent, supervisor, compliance, auditor or admin";
/// How many conversations an agent may hold.
pub(super) const CAPACITY_EXPECTED: &str = "0 to 1000 conversations";
/// What belongs to a desk and stands where there is none.
pub(super) const DESK_EXPECTED: &str = "0 or nothing: agents alone have a desk";

/// Who manages accounts.
#[derive(Clone, Copy)]
pub enum Manager<'a> {
    /// Somebody who is logged in.
    Staff(&'a Staff),
    /// An operator at the machine.
    Operator,
    /// The server itself, for the demo tenant and for logins by the bank's own provider.
    Server,
}

impl Manager<'_> {
    /// Who acts, for an entry.
    ///
    /// # Errors
    /// As [`Staff::may`].
    pub(super) fn actor(self) -> Result<Actor, Refusal> {
        match self {
            Self::Staff(staff) => staff.may(Action::ManageAccounts).map(|()| staff.actor()),
            Self::Operator => Ok(Actor { id: SERVER_ACTOR, role: Role::Operator }),
            Self::Server => Ok(Actor { id: SERVER_ACTOR, role: Role::Server }),
        }
    }

    fn is(self, account: AccountId) -> bool {
        match self {
            Self::Staff(staff) => staff.account == account,
            Self::Operator | Self::Server => false,
        }
    }
}

/// An account to be made.
pub struct NewStaff {
    /// Login name.
    pub login: RawText,
    /// Name on screens.
    pub name: RawText,
    /// Role.
    pub role: Role,
    /// Most conversations at a time; `None`: the tenant's default for agents, and 0 for those without a desk.
    pub capacity: Option<i32>,
    /// Skills of an agent, words of the active routing table.
    pub skills: Vec<String>,
    /// Groups of an agent, words of the active routing table.
    pub groups: Vec<String>,
}

/// What is to change about an account; what is `None` stays.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AccountUpdate {
    /// The role.
    pub role: Option<Role>,
    /// Most conversations at a time.
    pub capacity: Option<i32>,
    /// Whether it may log in.
    pub enabled: Option<bool>,
    /// Skills of an agent.
    pub skills: Option<Vec<String>>,
    /// Groups of an agent.
    pub groups: Option<Vec<String>>,
}

/// An account as administrators see it.
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own, and any may hold with any other")]
pub struct AccountView {
    /// Its pseudonym.
    pub id: AccountId,
    /// The login; accounts of the first version have none that can be shown.
    pub login: Option<Zeroizing<String>>,
    /// The name on screens.
    pub name: Zeroizing<String>,
    /// Its role.
    pub role: Role,
    /// Most conversations at a time.
    pub capacity: i32,
    /// Skills, of an agent.
    pub skills: Vec<String>,
    /// Groups, of an agent.
    pub groups: Vec<String>,
    /// Whether it may log in.
    pub enabled: bool,
    /// Whether it is locked after failed logins.
    pub locked: bool,
    /// Whether it has a second factor.
    pub has_factor: bool,
    /// Whether the password must be changed before anything else.
    pub must_change: bool,
}

impl Tenant {
    /// Whether an account with this login exists.
    ///
    /// # Errors
    /// [`Refusal::Unavailable`] when the database can't be read.
    pub async fn has_account(&self, login: &RawText) -> Result<bool, Refusal> {
        let lookup = self.ports.vault.login_lookup(login);
        Ok(self.ports.people.account_by_login(&lookup).await?.is_some())
    }

    /// The account of a login.
    ///
    /// # Errors
    /// [`Refusal::NotFound`] when there is none.
    pub async fn account_of(&self, login: &RawText) -> Result<AccountId, Refusal> {
        let lookup = self.ports.vault.login_lookup(login);
        let row = self.ports.people.account_by_login(&lookup).await?;
        row.map(|row| row.id).ok_or(Refusal::NotFound { what: "account" })
    }

    /// Accounts in the order of their ids.
    ///
    /// # Errors
    /// [`Refusal::Forbidden`] when the role may not see them.
    pub async fn accounts(
        &self,
        staff: &Staff,
        after: Option<AccountId>,
        limit: u32,
    ) -> Result<Vec<AccountView>, Refusal> {
        staff.may(Action::ReadAccounts)?;
        let rows = self.ports.people.accounts(after, limit.min(PAGE_ITEMS_MAX)).await?;
        rows.iter().map(|row| self.view(row)).collect()
    }

    /// Makes an account; its one-time password is returned once and kept nowhere.
    ///
    /// # Errors
    /// [`Refusal::Conflict`] when the login exists, [`Refusal::Invalid`] when a value is out of bounds.
    pub async fn create_account(&self, by: Manager<'_>, new: NewStaff) -> Result<(AccountId, RawText), Refusal> {
        let actor = by.actor()?;
        let place = self.checked(&new).map_err(|(field, expected)| Refusal::Invalid { field, expected })?;
        if self.has_account(&new.login).await? {
            return Err(Refusal::Conflict);
        }
        let (account, password) = self.new_account(&new, place, true).await?;
        let id = account.id;
        let event = Event::AccountCreated { account: id, role: new.role };
        let mut proposal = Proposal::single(Draft::of(event, actor), vec![Effect::NewAccount(account)]);
        proposal.steps.extend(new.skilled(id, actor));
        self.record(proposal).await?;
        Ok((id, password))
    }

    /// Changes role, capacity, state, skills or groups: all that is asked for, by one proposal, or nothing. Whoever changes
    /// role or may not log in any more loses their sessions.
    ///
    /// # Errors
    /// [`Refusal::NotFound`]; [`Refusal::LastAdmin`] when nobody could manage accounts any more; [`Refusal::Invalid`] when a
    /// value is out of bounds, or a word is not one of the active table's.
    pub async fn change_account(
        &self,
        by: Manager<'_>,
        account: AccountId,
        update: &AccountUpdate,
    ) -> Result<AccountView, Refusal> {
        let actor = by.actor()?;
        // One at a time: two administrators who disable each other at once would both see the other.
        let _turn = self.administrators.lock().await;
        for _ in 0..DECISIONS_MAX {
            let row = self.managed(account).await?;
            let steps = self.changing(&row, update, actor).await?;
            if steps.is_empty() {
                return self.view(&row);
            }
            let recorded = self.record(Proposal { steps, primary: 0, dedup: None }).await;
            if !self.decide_once_more(recorded.map(|_| ()))? {
                self.changed(&row, update).await?;
                return self.view(&self.managed(account).await?);
            }
        }
        Err(Refusal::Conflict)
    }

    /// The entries of a change: what the account may do, and what its agent can.
    async fn changing(&self, row: &AccountRow, update: &AccountUpdate, by: Actor) -> Result<Vec<Step>, Refusal> {
        let invalid = |(field, expected)| Refusal::Invalid { field, expected };
        let role = update.role.unwrap_or(row.role);
        let desk = self.ports.store.agents().await?.into_iter().find(|agent| agent.id == row.id);
        let words = self.changed_words(role, &row.skills, update).map_err(invalid)?;
        let skilled = words.map(|words| skilled(row.id, desk.as_ref(), words, by));
        let only_skills = update.role.is_none() && update.capacity.is_none() && update.enabled.is_none();
        if only_skills && (update.skills.is_some() || update.groups.is_some()) {
            return Ok(skilled.into_iter().map(|(step, _)| step).collect());
        }
        let enabled = update.enabled.unwrap_or(row.enabled);
        let kept = (role == row.role).then_some(row.capacity);
        let capacity = self.capacity(role, update.capacity.or(kept)).map_err(invalid)?;
        let was_admin = row.role == Role::Admin && row.enabled;
        let stays_admin = role == Role::Admin && enabled;
        if was_admin && !stays_admin && !self.ports.people.another_has(Role::Admin, row.id).await? {
            return Err(Refusal::LastAdmin);
        }
        let (skilled, skills) = skilled.unzip();
        let change = Alteration::Place { role, capacity, enabled, skills: skills.unwrap_or_default() };
        let change = AccountChange { account: row.id, expected: row.version, change };
        let draft = Draft::of(Event::AccountChanged { account: row.id, role, capacity, enabled }, by);
        let placed = Step { draft, effects: vec![Effect::Account(change)] };
        Ok(std::iter::once(placed).chain(skilled).collect())
    }

    /// What follows a change of an account.
    async fn changed(&self, before: &AccountRow, update: &AccountUpdate) -> Result<(), Refusal> {
        if update.role.is_some_and(|role| role != before.role) || update.enabled == Some(false) {
            self.ports.people.end_sessions_of(before.id, None).await?;
            // What fails here is for the matcher's next look; the account is changed.
            if let Err(error) = self.put_back(before.id).await {
                tracing::warn!(event = "not_put_back", tenant = self.name.id.0, %error, "tried again soon");
            }
        }
        Ok(())
    }

    /// Lets a locked account log in again.
    ///
    /// # Errors
    /// [`Refusal::NotFound`] when there is no such account.
    pub async fn unlock_account(&self, by: Manager<'_>, account: AccountId) -> Result<(), Refusal> {
        let actor = by.actor()?;
        let row = self.managed(account).await?;
        self.alter(&row, actor, Event::AccountUnlocked { account }, Alteration::Locked(false)).await?;
        self.attempts_forgiven(&row).await
    }

    /// Sets a one-time password, which is returned once, and ends every session of the account. An identity of the bank's
    /// provider is unlinked: the next login by it links anew.
    ///
    /// # Errors
    /// [`Refusal::NotFound`] when there is no such account.
    pub async fn reset_account(&self, by: Manager<'_>, account: AccountId) -> Result<RawText, Refusal> {
        let actor = by.actor()?;
        let row = self.managed(account).await?;
        let password = self.ports.passwords.one_time(&*self.ports.random);
        let hash = self.hash(password.twin()).await?;
        let change = PasswordChange { account, expected: row.version, password: hash, must_change: true };
        let draft = Draft::of(Event::AccountReset { account }, actor);
        let mut proposal = Proposal::single(draft, vec![Effect::Password(change)]);
        if self.ports.people.has_identity(account).await? {
            let change = AccountChange { account, expected: row.version.next(), change: Alteration::Unlinked };
            let draft = Draft::of(Event::IdentityUnlinked { account }, actor);
            proposal.steps.push(Step { draft, effects: vec![Effect::Account(change)] });
        }
        self.record(proposal).await?;
        self.ports.people.end_sessions_of(account, None).await?;
        Ok(password)
    }

    /// Takes an account's second factor away, for somebody who lost theirs, and ends their sessions. One's own can't be
    /// taken away like this: that would be a way around it.
    ///
    /// # Errors
    /// [`Refusal::NotFound`] when the account has none, [`Refusal::Forbidden`] for one's own.
    pub async fn remove_factor(&self, by: Manager<'_>, account: AccountId) -> Result<(), Refusal> {
        let actor = by.actor()?;
        if by.is(account) {
            return Err(Refusal::Forbidden);
        }
        let row = self.managed(account).await?;
        if !row.has_factor {
            return Err(Refusal::NotFound { what: "second factor" });
        }
        self.alter(&row, actor, Event::FactorRemoved { account }, Alteration::FactorRemoved).await?;
        self.ports.people.end_sessions_of(account, None).await?;
        Ok(())
    }

    pub(super) async fn managed(&self, account: AccountId) -> Result<AccountRow, Refusal> {
        self.ports.people.account(account).await?.ok_or(Refusal::NotFound { what: "account" })
    }

    async fn alter(&self, row: &AccountRow, by: Actor, event: Event, change: Alteration) -> Result<(), Refusal> {
        let change = AccountChange { account: row.id, expected: row.version, change };
        self.record(Proposal::single(Draft::of(event, by), vec![Effect::Account(change)])).await?;
        Ok(())
    }

    /// The account's row, and the password that it is made with.
    pub(super) async fn new_account(
        &self,
        new: &NewStaff,
        capacity: i32,
        must_change: bool,
    ) -> Result<(NewAccount, RawText), Refusal> {
        let id = AccountId::from_random(random_bytes(&*self.ports.random));
        let password = self.ports.passwords.one_time(&*self.ports.random);
        let account = NewAccount {
            id,
            login: self.ports.vault.login_lookup(&new.login),
            login_name: self.ports.vault.seal_staff(StaffPart::Login, id, &new.login)?,
            profile: self.ports.vault.seal_profile(id, &new.name)?,
            password: self.hash(password.twin()).await?,
            role: new.role,
            capacity,
            must_change,
            skills: new.words(),
        };
        Ok((account, password))
    }

    /// The capacity of a new account whose values are within bounds; else the field and what was expected of it.
    pub(super) fn checked(&self, new: &NewStaff) -> Result<i32, (&'static str, &'static str)> {
        if !is_name(new.login.expose(), LOGIN_BYTES_MAX) {
            return Err(("login", NAME_EXPECTED));
        }
        if !is_name(new.name.expose(), NAME_BYTES_MAX) {
            return Err(("name", NAME_EXPECTED));
        }
        if !new.role.is_staff() {
            return Err(("role", ROLE_EXPECTED));
        }
        self.checked_words(new.role, &new.skills, &new.groups)?;
        self.capacity(new.role, new.capacity)
    }

    /// Agents have a desk, others have none.
    fn capacity(&self, role: Role, asked: Option<i32>) -> Result<i32, (&'static str, &'static str)> {
        let usual = if role == Role::Agent { self.rules.capacity_default } else { 0 };
        let capacity = asked.unwrap_or(usual);
        match (role == Role::Agent, capacity) {
            (true, 0..=AGENT_CAPACITY_MAX) | (false, 0) => Ok(capacity),
            (true, _) => Err(("capacity", CAPACITY_EXPECTED)),
            (false, _) => Err(("capacity", DESK_EXPECTED)),
        }
    }

    pub(super) fn view(&self, row: &AccountRow) -> Result<AccountView, Refusal> {
        let open = |sealed: &Vec<u8>| self.ports.vault.open_staff(StaffPart::Login, row.id, sealed);
        let words = if row.role == Role::Agent { row.skills.clone() } else { Vec::new() };
        let (skills, groups) = self.skills_and_groups(words);
        Ok(AccountView {
            id: row.id,
            login: row.login_name.as_ref().map(open).transpose()?,
            name: self.ports.vault.open_profile(row.id, &row.profile)?,
            role: row.role,
            capacity: row.capacity,
            skills,
            groups,
            enabled: row.enabled,
            locked: row.locked,
            has_factor: row.has_factor,
            must_change: row.must_change,
        })
    }
}

/// Whether a text can be a login or a name. One that a spreadsheet would take for a formula can't.
fn is_name(text: &str, bytes_max: usize) -> bool {
    (1..=bytes_max).contains(&text.len())
        && !text.contains(char::is_control)
        && text.trim() == text
        && !text.starts_with(['=', '+', '-', '@'])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_could_be_a_formula_or_hides_something_is_no_name() {
        for name in ["小林", "lin", "O'Neil, Ann", "张三（二部）", &"a".repeat(128)] {
            assert!(is_name(name, 128), "{name}");
        }
        for name in ["", " lin", "lin ", "=1+1", "+86", "-lin", "@cmd", "a\tb", "a\nb", "a\u{7f}", &"a".repeat(129)] {
            assert!(!is_name(name, 128), "{name:?}");
        }
    }
}
