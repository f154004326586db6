//! What an agent can do: skills, and the groups whose queues they serve. Words of the active routing table, in one list with
//! each other; each change is an entry.

use super::accounts::DESK_EXPECTED;
use super::{AccountUpdate, AccountView, Manager, NewStaff, Refusal, Tenant};
use crate::domain::event::{Event, Role};
use crate::domain::record::{Actor, AgentChange, Draft, Effect, Proposal, Step};
use crate::limits::{AGENT_SKILLS_MAX, DECISIONS_MAX};
use crate::ports::{AgentRow, RecordError};
use crate::units::AccountId;

const WORDS_EXPECTED: &str = "at most 16 skills and groups of the active routing table";
const GROUPS_EXPECTED: &str = "groups of the active routing table, each once";
const SKILLS_EXPECTED: &str = "skills of the active routing table that are no groups, each once";

/// What is to change about an agent's skills; what is `None` stays.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SkillsUpdate {
    /// The skills.
    pub skills: Option<Vec<String>>,
    /// The groups.
    pub groups: Option<Vec<String>>,
}

impl SkillsUpdate {
    /// Whether nothing is to change.
    pub const fn is_empty(&self) -> bool {
        self.skills.is_none() && self.groups.is_none()
    }

    fn asks_for_nothing(&self) -> bool {
        self.skills.iter().chain(&self.groups).all(Vec::is_empty)
    }
}

impl NewStaff {
    /// Skills and groups in one list.
    pub(super) fn words(&self) -> Vec<String> {
        self.skills.iter().chain(&self.groups).cloned().collect()
    }

    /// The entry that says what a new account can do; none when it is nothing.
    pub(super) fn skilled(&self, account: AccountId, by: Actor) -> Option<Step> {
        let skills = self.words();
        let draft = (!skills.is_empty()).then(|| Draft::of(Event::SkillsSet { account, skills }, by));
        draft.map(|draft| Step { draft, effects: Vec::new() })
    }
}

impl Tenant {
    /// Takes skills and groups of one list apart.
    pub fn skills_and_groups(&self, words: Vec<String>) -> (Vec<String>, Vec<String>) {
        let table = self.table();
        words.into_iter().partition(|word| !table.as_ref().is_some_and(|table| table.is_group(word)))
    }

    /// Whether these words can be an agent's; else the field and what was expected of it.
    pub(super) fn checked_words(
        &self,
        role: Role,
        skills: &[String],
        groups: &[String],
    ) -> Result<(), (&'static str, &'static str)> {
        let table = self.table();
        let is_group = |word: &String| table.as_ref().is_some_and(|table| table.is_group(word));
        let is_skill = |word: &String| table.as_ref().is_some_and(|table| table.knows_skill(word)) && !is_group(word);
        let first = if skills.is_empty() { "groups" } else { "skills" };
        if role != Role::Agent && !(skills.is_empty() && groups.is_empty()) {
            Err((first, DESK_EXPECTED))
        } else if skills.len() + groups.len() > AGENT_SKILLS_MAX {
            Err((first, WORDS_EXPECTED))
        } else if !skills.iter().all(is_skill) || !are_different(skills) {
            Err(("skills", SKILLS_EXPECTED))
        } else if !groups.iter().all(is_group) || !are_different(groups) {
            Err(("groups", GROUPS_EXPECTED))
        } else {
            Ok(())
        }
    }

    /// Changes what of an account's place and skills is to change; words are checked before anything is done.
    ///
    /// # Errors
    /// As [`Tenant::change_account`] and [`Tenant::set_skills`].
    pub async fn change_staff(
        &self,
        by: Manager<'_>,
        account: AccountId,
        update: AccountUpdate,
        skills: &SkillsUpdate,
    ) -> Result<AccountView, Refusal> {
        if skills.is_empty() {
            return self.change_account(by, account, update).await;
        }
        by.actor()?;
        let row = self.managed(account).await?;
        let (before, groups) = self.skills_and_groups(row.skills.clone());
        let words = (skills.skills.as_ref().unwrap_or(&before), skills.groups.as_ref().unwrap_or(&groups));
        let checked = self.checked_words(update.role.unwrap_or(row.role), words.0, words.1);
        checked.map_err(|(field, expected)| Refusal::Invalid { field, expected })?;
        if !update.is_empty() {
            self.change_account(by, account, update).await?;
        }
        self.set_skills(by, account, skills).await?;
        self.view(&self.managed(account).await?)
    }

    /// Sets what an agent can do.
    ///
    /// # Errors
    /// [`Refusal::NotFound`] when there is no such account, [`Refusal::Invalid`] when it has no desk or a word is not one of
    /// the active table's.
    pub async fn set_skills(&self, by: Manager<'_>, account: AccountId, update: &SkillsUpdate) -> Result<(), Refusal> {
        let actor = by.actor()?;
        let row = self.managed(account).await?;
        for _ in 0..DECISIONS_MAX {
            let agent = self.ports.store.agents().await?.into_iter().find(|agent| agent.id == account);
            let Some(AgentRow { version, load, idle_since, skills: before, .. }) = agent else {
                let no_desk = Refusal::Invalid { field: "skills", expected: DESK_EXPECTED };
                return if update.asks_for_nothing() { Ok(()) } else { Err(no_desk) };
            };
            let (skills, groups) = self.skills_and_groups(before.clone());
            let skills = update.skills.clone().unwrap_or(skills);
            let groups = update.groups.clone().unwrap_or(groups);
            let checked = self.checked_words(row.role, &skills, &groups);
            checked.map_err(|(field, expected)| Refusal::Invalid { field, expected })?;
            let words = [skills, groups].concat();
            if words == before {
                return Ok(());
            }
            let change =
                AgentChange { agent: account, expected: version, load, idle_since, skills: Some(words.clone()) };
            let draft = Draft::of(Event::SkillsSet { account, skills: words }, actor);
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
}

fn are_different(words: &[String]) -> bool {
    words.iter().enumerate().all(|(at, word)| !words.iter().take(at).any(|before| before == word))
}
