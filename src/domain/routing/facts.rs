//! A table as facts, for those who read it: rows with their conditions, hours, and the days that differ.
//!
//! It decides nothing; times of day and dates are written as the file has them.

use lww_audit::Timestamp;

use super::calendar::{DAY_WORDS, MICROS_PER_DAY, Span};
use super::table::{COLUMNS, Decision, Table};

/// A row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RowFacts {
    /// Its id.
    pub id: String,
    /// Its line in the table's text.
    pub line: u64,
    /// Columns that it looks at, each with the words of which one must hold.
    pub words: Vec<(&'static str, Vec<String>)>,
    /// Hours that must be open.
    pub open: Option<String>,
    /// Hours that must be closed.
    pub closed: Option<String>,
    /// Times of day of which one must hold: `09:00-12:00`.
    pub time: Vec<String>,
    /// What becomes of the conversation.
    pub decision: Decision,
}

/// Hours by their name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HoursFacts {
    /// Their name.
    pub name: String,
    /// Each kind of day that has any, with its spans: `mon` to `sun`, `holiday`, `workday`.
    pub days: Vec<(&'static str, Vec<String>)>,
}

impl Table {
    /// The rows, in the order in which they are tried.
    pub fn row_facts(&self) -> Vec<RowFacts> {
        let row = |rule: &super::table::Rule| {
            let words = COLUMNS.iter().zip(&rule.when.words).filter(|(_, words)| !words.is_empty());
            RowFacts {
                id: rule.id.clone(),
                line: rule.line,
                words: words.map(|(column, words)| (*column, words.clone())).collect(),
                open: rule.when.open.clone(),
                closed: rule.when.closed.clone(),
                time: rule.when.time.iter().copied().map(written).collect(),
                decision: rule.decision.clone(),
            }
        };
        self.rules.iter().map(row).collect()
    }

    /// The hours, by name.
    pub fn hours_facts(&self) -> Vec<HoursFacts> {
        let hours = self.calendar.hours.iter().map(|(name, hours)| {
            let days = DAY_WORDS.iter().enumerate().map(|(kind, word)| (*word, hours.on(kind)));
            let days = days.filter(|(_, spans)| !spans.is_empty());
            HoursFacts {
                name: name.clone(),
                days: days.map(|(word, spans)| (word, spans.iter().copied().map(written).collect())).collect(),
            }
        });
        hours.collect()
    }

    /// Days that are holidays, `2026-10-01`.
    pub fn holidays(&self) -> Vec<String> {
        self.calendar.holidays.iter().map(|day| date(*day)).collect()
    }

    /// Days that are worked on although they are a weekend's.
    pub fn workdays(&self) -> Vec<String> {
        self.calendar.workdays.iter().map(|day| date(*day)).collect()
    }

    /// How far its local time is ahead of UTC, in minutes.
    pub const fn utc_offset_minutes(&self) -> i32 {
        self.calendar.offset_minutes
    }

    /// Skills without groups.
    pub fn skill_words(&self) -> &[String] {
        &self.words.skills
    }

    /// Groups, and whether their agents serve nobody else.
    pub fn groups(&self) -> impl Iterator<Item = (&str, bool)> {
        self.groups.iter().map(|(name, reserved)| (name.as_str(), *reserved))
    }

    /// Channels with what a conversation of theirs takes of an agent, in hundredths of a place.
    pub fn channels(&self) -> impl Iterator<Item = (&str, u32)> {
        self.weights.iter().map(|(name, weight)| (name.as_str(), *weight))
    }
}

fn written(span: Span) -> String {
    let Span { from, to } = span;
    format!("{:02}:{:02}-{:02}:{:02}", from / 60, from % 60, to / 60, to % 60)
}

fn date(day: i64) -> String {
    let text = Timestamp::from_micros(day * MICROS_PER_DAY).to_string();
    text.get(..10).unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::super::calendar::day;
    use super::*;

    #[test]
    fn facts_are_written_as_the_file_has_them() {
        let table = Table::load(include_str!("../../../policies/routing/cn-retail.yaml")).unwrap();
        assert_eq!(table.row_facts().len(), table.rows());
        for hours in table.hours_facts() {
            for span in hours.days.iter().flat_map(|(_, spans)| spans) {
                assert_eq!(Span::parse(span).map(written).as_ref(), Some(span), "{}", hours.name);
            }
        }
        for text in ["1969-12-31", "2026-02-28", "2026-10-01"] {
            assert_eq!(date(day(text).unwrap()), text);
        }
    }
}
