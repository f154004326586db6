//! The shapes of answers about the routing table in force: facts in the table's own words.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::rules::{ActivePolicy, PolicyDrift};
use crate::domain::routing::{HoursFacts, Queue, RowFacts, Table};
use crate::pipeline::InForce;

/// The conditions of a row; all must hold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RowConditions {
    /// By column (channel, tier, language, tag, intent, mood) the words of which one must hold.
    pub words: BTreeMap<String, Vec<String>>,
    /// Hours that must be open, by name.
    pub open: Option<String>,
    /// Hours that must be closed, by name.
    pub closed: Option<String>,
    /// Times of day of which one must hold: `09:00-12:00`.
    pub time: Vec<String>,
}

/// A row of the decision table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TableRow {
    /// Its id.
    pub id: String,
    /// Its line in the table's text.
    pub line: u64,
    /// Its conditions; the last row has none.
    pub when: RowConditions,
    /// The queue.
    pub queue: String,
    /// 1 is served first, 9 last.
    pub priority: u8,
    /// Skills that it asks for beside the queue's.
    pub skills: Vec<String>,
    /// Seconds within which somebody should have it.
    pub sla_s: Option<u32>,
    /// Whether the agent who had it before is asked first.
    pub sticky: bool,
}

/// Who helps out in a queue, and after how many seconds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Overflow {
    /// After how many seconds.
    pub after_s: u32,
    /// The agents of which queue.
    pub to: String,
}

/// A queue of the table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TableQueue {
    /// Its name.
    pub name: String,
    /// When it is served, by the name of the hours.
    pub hours: String,
    /// Priority of its conversations when the row names none.
    pub priority: u8,
    /// The group whose agents alone get its conversations.
    pub group: Option<String>,
    /// Skills that its agents should have, the most important first.
    pub skills: Vec<String>,
    /// Seconds after each of which the least important skill is no longer asked for.
    pub relax_s: Option<u32>,
    /// Who helps out.
    pub overflow: Option<Overflow>,
    /// Seconds within which somebody should have a conversation.
    pub sla_s: Option<u32>,
    /// Seconds after which an unanswered conversation goes back to the queue.
    pub no_answer_s: Option<u32>,
    /// Seconds that an agent may be gone before their conversations go back to the queue.
    pub offline_s: Option<u32>,
    /// What a customer is told while it is closed; `{opens}` stands for the next opening.
    pub closed: String,
}

/// When the bank is there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TableHours {
    /// How far local time is ahead of UTC, in minutes.
    pub utc_offset_minutes: i32,
    /// Hours by name, and in them by kind of day (mon to sun, holiday, workday) the spans: `09:00-18:00`.
    pub hours: BTreeMap<String, BTreeMap<String, Vec<String>>>,
    /// Days that are holidays.
    pub holidays: Vec<String>,
    /// Days that are worked on although they are a weekend's.
    pub workdays: Vec<String>,
}

/// The routing table in force.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ActiveTable {
    /// What it is.
    #[serde(flatten)]
    pub policy: ActivePolicy,
    /// Its rows, in the order in which they are tried: the first whose conditions all hold decides.
    pub rows: Vec<TableRow>,
    /// Its queues.
    pub queues: Vec<TableQueue>,
    /// Its calendar.
    pub hours: TableHours,
    /// Skills that agents can have.
    pub skills: Vec<String>,
    /// Groups that agents can be in, and whether their agents serve nobody else.
    pub groups: BTreeMap<String, bool>,
    /// Channels with what a conversation of theirs takes of an agent, in hundredths of a place.
    pub channels: BTreeMap<String, u32>,
}

/// The routing table, and its file when that is another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RoutingTable {
    /// What is in force.
    pub active: ActiveTable,
    /// How the configured file differs; missing when it doesn't.
    pub drift: Option<PolicyDrift>,
}

impl From<RowFacts> for TableRow {
    fn from(row: RowFacts) -> Self {
        let RowFacts { id, line, words, open, closed, time, decision } = row;
        let words = words.into_iter().map(|(column, words)| (column.to_owned(), words)).collect();
        Self {
            id,
            line,
            when: RowConditions { words, open, closed, time },
            queue: decision.queue,
            priority: decision.priority,
            skills: decision.skills,
            sla_s: decision.sla_s,
            sticky: decision.sticky,
        }
    }
}

impl From<&Queue> for TableQueue {
    fn from(queue: &Queue) -> Self {
        let Queue { name, hours, priority, group, skills, relax_s, overflow, sla_s, no_answer_s, offline_s, closed } =
            queue.clone();
        let overflow = overflow.map(|(after_s, to)| Overflow { after_s, to });
        Self { name, hours, priority, group, skills, relax_s, overflow, sla_s, no_answer_s, offline_s, closed }
    }
}

impl From<&Table> for TableHours {
    fn from(table: &Table) -> Self {
        let named = |HoursFacts { name, days }: HoursFacts| {
            (name, days.into_iter().map(|(word, spans)| (word.to_owned(), spans)).collect())
        };
        Self {
            utc_offset_minutes: table.utc_offset_minutes(),
            hours: table.hours_facts().into_iter().map(named).collect(),
            holidays: table.holidays(),
            workdays: table.workdays(),
        }
    }
}

impl From<InForce<Table>> for RoutingTable {
    fn from(in_force: InForce<Table>) -> Self {
        let InForce { policy: table, digest, source, activated, drift } = in_force;
        let active = ActiveTable {
            policy: ActivePolicy::of((table.id(), table.version()), digest, source, activated),
            rows: table.row_facts().into_iter().map(Into::into).collect(),
            queues: table.queues().iter().map(Into::into).collect(),
            hours: (&*table).into(),
            skills: table.skill_words().to_vec(),
            groups: table.groups().map(|(name, reserved)| (name.to_owned(), reserved)).collect(),
            channels: table.channels().map(|(name, weight)| (name.to_owned(), weight)).collect(),
        };
        Self { active, drift: drift.map(Into::into) }
    }
}
