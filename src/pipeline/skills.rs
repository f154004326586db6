//! What an agent can do: skills, and the groups whose queues they serve. Words of the active routing table, in one list with
//! each other; each change is an entry.

use super::accounts::DESK_EXPECTED;
use super::{AccountUpdate, NewStaff, Tenant};
use crate::domain::event::{Event, Role};
use crate::domain::record::{Actor, AgentChange, Draft, Effect, Step};
use crate::limits::AGENT_SKILLS_MAX;
use crate::ports::AgentRow;
use crate::units::AccountId;

const WORDS_EXPECTED: &str = "at most 16 skills and groups of the active routing table";
const GROUPS_EXPECTED: &str = "groups of the active routing table, each once";
const SKILLS_EXPECTED: &str = "skills of the active routing table that are no groups, each once";

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

    /// Skills and groups in one list as an update leaves them; `None` when they stay. Else the field and what was expected.
    pub(super) fn changed_words(
        &self,
        role: Role,
        before: &[String],
        update: &AccountUpdate,
    ) -> Result<Option<Vec<String>>, (&'static str, &'static str)> {
        if update.skills.is_none() && update.groups.is_none() {
            return Ok(None);
        }
        let (skills, groups) = self.skills_and_groups(before.to_vec());
        let (skills, groups) = (update.skills.as_ref().unwrap_or(&skills), update.groups.as_ref().unwrap_or(&groups));
        self.checked_words(role, skills, groups)?;
        let words = [skills.as_slice(), groups.as_slice()].concat();
        Ok((words != before).then_some(words))
    }
}

/// The entry that says what an agent can do from now on, and the words for a desk that is still to be made: one that is there
/// gets them by its version, so that nobody is chosen for what they can't do any more.
pub(super) fn skilled(
    account: AccountId,
    desk: Option<&AgentRow>,
    words: Vec<String>,
    by: Actor,
) -> (Step, Vec<String>) {
    let change = |desk: &AgentRow| {
        let AgentRow { id: agent, version: expected, load, idle_since, .. } = *desk;
        Effect::Agent(AgentChange { agent, expected, load, idle_since, skills: Some(words.clone()) })
    };
    let effects = desk.map(change).into_iter().collect();
    (Step { draft: Draft::of(Event::SkillsSet { account, skills: words.clone() }, by), effects }, words)
}

fn are_different(words: &[String]) -> bool {
    words.iter().enumerate().all(|(at, word)| !words.iter().take(at).any(|before| before == word))
}
