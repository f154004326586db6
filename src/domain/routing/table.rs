//! The decision table: rows that say which conversation goes to which queue, and how urgent it is. The first row whose
//! conditions all hold decides.
//!
//! A table comes from one YAML text, is compiled once and never changes. It deliberately does not know where the text came
//! from or who activated it: that is recorded in the ledger under [`Table::digest`].

use std::collections::BTreeMap;

use super::calendar::{Calendar, Moment, Span};
use super::document::CaseDoc;
use super::error::{CaseError, TableError};
use super::{compile, self_test};
use crate::limits::PLACE_WEIGHT;
use crate::units::{Hash, Timestamp};

/// What is known of a conversation when it is routed: words of the table's lists, no personal data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Case {
    /// The channel's name.
    pub channel: String,
    /// How important the customer is to the bank.
    pub tier: Option<String>,
    /// The language that they write in.
    pub language: Option<String>,
    /// What the channel says of the conversation.
    pub tags: Vec<String>,
    /// What they want.
    pub intent: Option<String>,
    /// How they feel.
    pub mood: Option<String>,
    /// When it is decided.
    pub at: Timestamp,
}

/// What becomes of a conversation.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Decision {
    /// Id of the row that decided.
    pub row: String,
    /// The queue.
    pub queue: String,
    /// 1 is served first, 9 last.
    pub priority: u8,
    /// Skills that the row asks for beside the queue's.
    pub skills: Vec<String>,
    /// Seconds within which somebody should have it; each time that they pass, it counts as one priority higher.
    pub sla_s: Option<u32>,
    /// Whether the agent who had it before is asked first.
    pub sticky: bool,
}

/// A queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Queue {
    /// Its name.
    pub name: String,
    /// When it is served; a name of the calendar's.
    pub hours: String,
    /// Priority of its conversations when the row names none.
    pub priority: u8,
    /// Agents outside this group never get its conversations, except by overflow.
    pub group: Option<String>,
    /// Skills that its agents should have, the most important first.
    pub skills: Vec<String>,
    /// Seconds after each of which the least important skill is no longer asked for; `None`: never.
    pub relax_s: Option<u32>,
    /// After how many seconds the agents of which queue help out.
    pub overflow: Option<(u32, String)>,
    /// Seconds within which somebody should have it when the row names none.
    pub sla_s: Option<u32>,
    /// Seconds after which an unanswered conversation goes back to the queue; `None`: never.
    pub no_answer_s: Option<u32>,
    /// Seconds that an agent may be gone before their conversations go back to the queue; `None`: they stay.
    pub offline_s: Option<u32>,
    /// What a customer is told while it is closed; `{opens}` stands for the next opening.
    pub closed: String,
}

/// The conditions of a row.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct When {
    /// For each of [`COLUMNS`], the words of which one must hold; none: whatever.
    pub(super) words: [Vec<String>; COLUMNS.len()],
    /// Hours that must be open, by name.
    pub(super) open: Option<String>,
    /// Hours that must be closed, by name.
    pub(super) closed: Option<String>,
    /// Times of day of which one must hold; none: whatever.
    pub(super) time: Vec<Span>,
}

/// The columns of words, in their order.
pub(super) const COLUMNS: [&str; 6] = ["channel", "tier", "language", "tag", "intent", "mood"];
pub(super) const TAG: usize = 3;

impl When {
    pub(super) fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Whether the local time meets the conditions on it.
    pub(super) fn holds_at(&self, calendar: &Calendar, at: Moment) -> bool {
        self.open.as_ref().is_none_or(|hours| calendar.is_open(hours, at))
            && self.closed.as_ref().is_none_or(|hours| !calendar.is_open(hours, at))
            && (self.time.is_empty() || self.time.iter().any(|span| span.contains(at.minute)))
    }

    fn holds(&self, case: &Case, calendar: &Calendar, at: Moment) -> bool {
        let words = self.words.iter().enumerate();
        words.into_iter().all(|(column, words)| words.is_empty() || said(case, column).any(|word| words.contains(word)))
            && self.holds_at(calendar, at)
    }
}

/// The words that a case has in a column.
fn said(case: &Case, column: usize) -> impl Iterator<Item = &String> {
    let word = match column {
        0 => return std::slice::from_ref(&case.channel).iter(),
        1 => &case.tier,
        2 => &case.language,
        TAG => return case.tags.iter(),
        4 => &case.intent,
        _ => &case.mood,
    };
    word.as_slice().iter()
}

/// A row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Rule {
    pub(super) id: String,
    pub(super) line: u64,
    pub(super) when: When,
    pub(super) decision: Decision,
}

/// The words that cases and rows may use.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Words {
    /// For each of [`COLUMNS`].
    pub(super) columns: [Vec<String>; COLUMNS.len()],
    pub(super) skills: Vec<String>,
}

/// A table that has passed its own tests.
#[derive(Debug, PartialEq, Eq)]
pub struct Table {
    pub(super) id: String,
    pub(super) version: u64,
    pub(super) digest: Hash,
    pub(super) words: Words,
    pub(super) weights: BTreeMap<String, u32>,
    /// Groups, and whether their agents serve nobody else.
    pub(super) groups: BTreeMap<String, bool>,
    pub(super) calendar: Calendar,
    pub(super) queues: Vec<Queue>,
    pub(super) rules: Vec<Rule>,
}

impl Table {
    /// Parses, compiles, lints and tests a table written in YAML.
    ///
    /// # Errors
    /// Refuses a text that is too long, malformed or contradicts itself, has a row that no case reaches, or fails one of
    /// its own tests; the error names the line and the field, or the test.
    pub fn load(yaml: &str) -> Result<Self, TableError> {
        let (table, tests) = compile::compile(yaml)?;
        self_test::run(&table, &tests)?;
        Ok(table)
    }

    /// Its name.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The author's version number.
    pub const fn version(&self) -> u64 {
        self.version
    }

    /// SHA-256 of the resolved table in canonical JSON (RFC 8785): not of the layout, the comments or the tests.
    pub const fn digest(&self) -> Hash {
        self.digest
    }

    /// SHA-256 digest of the engine that resolved the table.
    pub fn engine(&self) -> Hash {
        super::digest::of_engine()
    }

    /// Its calendar.
    pub const fn calendar(&self) -> &Calendar {
        &self.calendar
    }

    /// Its queues.
    pub fn queues(&self) -> &[Queue] {
        &self.queues
    }

    /// Numbers of rows.
    pub fn rows(&self) -> usize {
        self.rules.len()
    }

    /// The queue of a name; one that this table doesn't know is served as the last row's queue, so that nobody waits in a
    /// queue that a newer table has left out.
    pub fn queue(&self, name: &str) -> Option<&Queue> {
        let named = |name: &str| self.queues.iter().find(|queue| queue.name == name);
        named(name).or_else(|| named(&self.rules.last()?.decision.queue))
    }

    /// How much of an agent a conversation of a channel takes, in hundredths of a place.
    pub fn weight(&self, channel: &str) -> i32 {
        self.weights.get(channel).and_then(|weight| i32::try_from(*weight).ok()).unwrap_or(PLACE_WEIGHT)
    }

    /// Whether a word is a skill or a group that agents can have.
    pub fn knows_skill(&self, word: &str) -> bool {
        self.is_group(word) || self.words.skills.iter().any(|known| known == word)
    }

    /// Whether a word is a group that agents can be in.
    pub fn is_group(&self, word: &str) -> bool {
        self.groups.contains_key(word)
    }

    /// Every skill and group that agents can have.
    pub fn skills(&self) -> impl Iterator<Item = &str> {
        self.words.skills.iter().map(String::as_str).chain(self.groups.keys().map(String::as_str))
    }

    /// Decides a case: the first row whose conditions all hold.
    pub fn decide(&self, case: &Case) -> Decision {
        self.rule(case).map(|rule| rule.decision.clone()).unwrap_or_default()
    }

    /// Which conditions let the case reach its row, for people: `tier=vip, open=office`.
    pub fn reason(&self, case: &Case) -> String {
        let Some(rule) = self.rule(case) else { return String::new() };
        let words = COLUMNS.iter().enumerate().zip(&rule.when.words);
        let held = words.filter(|(_, words)| !words.is_empty()).filter_map(|((column, name), words)| {
            let word = said(case, column).find(|word| words.contains(word))?;
            Some(format!("{name}={word}"))
        });
        let hours = [("open", &rule.when.open), ("closed", &rule.when.closed)].into_iter();
        let hours = hours.filter_map(|(name, hours)| Some(format!("{name}={}", hours.as_ref()?)));
        let time = (!rule.when.time.is_empty()).then(|| format!("time={}", &self.calendar.written(case.at)[11..]));
        let all: Vec<String> = held.chain(hours).chain(time).collect();
        if all.is_empty() { "no row before it takes this case".to_owned() } else { all.join(", ") }
    }

    /// Reads a case as a file or a line of `lww route` says it.
    ///
    /// # Errors
    /// [`CaseError`] for a word that stands in none of the table's lists, or a time that can't be read.
    pub fn case(&self, written: CaseDoc) -> Result<Case, CaseError> {
        let CaseDoc { channel, tier, language, tags, intent, mood, at } = written;
        let at = self.calendar.read(&at).ok_or_else(|| CaseError {
            field: "at",
            expected: "a time such as 2026-11-26 09:30 in the table's zone, or 2026-11-26T01:30:00.000000Z".to_owned(),
        })?;
        let case = Case { channel, tier, language, tags, intent, mood, at };
        for (column, (field, known)) in COLUMNS.iter().zip(&self.words.columns).enumerate() {
            if said(&case, column).any(|word| !known.contains(word)) {
                return Err(CaseError { field, expected: format!("one of: {}", known.join(", ")) });
            }
        }
        Ok(case)
    }

    /// The same case with only the words that the table knows, and how many it doesn't: a message is taken in whatever a
    /// channel says of it.
    pub fn known(&self, case: Case) -> (Case, u64) {
        let mut unknown = 0;
        let mut keep = |column: usize, word: &String| {
            let known = self.words.columns.get(column).is_some_and(|known| known.contains(word));
            unknown += u64::from(!known);
            known
        };
        let case = Case {
            tier: case.tier.filter(|word| keep(1, word)),
            language: case.language.filter(|word| keep(2, word)),
            tags: case.tags.into_iter().filter(|word| keep(TAG, word)).collect(),
            intent: case.intent.filter(|word| keep(4, word)),
            mood: case.mood.filter(|word| keep(5, word)),
            ..case
        };
        (case, unknown)
    }

    fn rule(&self, case: &Case) -> Option<&Rule> {
        let at = self.calendar.moment(case.at);
        self.rules.iter().find(|rule| rule.when.holds(case, &self.calendar, at))
    }
}
