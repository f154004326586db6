//! From a parsed file to a compiled table: every word checked against the table's lists, every default filled in.
//!
//! It knows nothing of YAML beyond line numbers, and runs no test.

use std::collections::{BTreeMap, BTreeSet};

use serde_saphyr::Spanned;

use super::calendar::{self, Calendar, Hours, Span};
use super::document::{
    ApiVersion, CalendarDoc, ChannelDoc, Document, GroupDoc, HoursDoc, QueueDoc, RuleDoc, TestDoc, WhenDoc, WordsDoc,
};
use super::error::TableError;
use super::table::{Decision, Queue, Rule, Table, When, Words};
use super::{digest, lint};
use crate::domain::yaml;
use crate::limits::{
    NOTICE_BYTES_MAX, ROUTING_WORD_BYTES_MAX, SKILLS_ASKED_MAX, TABLE_BYTES_MAX, TABLE_ITEMS_MAX, TABLE_WORDS_MAX,
    WEIGHT_MAX,
};
use crate::units::Hash;

/// Longest time that a table may name, in seconds: a week.
const SECONDS_MAX: u32 = 7 * 24 * 3_600;
/// Priorities: 1 is served first.
const PRIORITIES: std::ops::RangeInclusive<u8> = 1..=9;
const WORD_EXPECTED: &str = "a word of 1 to 32 of a-z, 0-9, _ and -";

type Compiled<T> = Result<T, TableError>;

/// Compiles a table; its tests are returned for [`super::self_test`].
pub(super) fn compile(yaml: &str) -> Compiled<(Table, Vec<Spanned<TestDoc>>)> {
    let document: Document = yaml::read(yaml, TABLE_BYTES_MAX)?;
    let ApiVersion::RouteV1 = document.api_version;
    let line = document.id.referenced.line();
    word(line, "id", &document.id.value)?;
    let mut table = Table {
        id: document.id.value,
        version: document.version,
        digest: Hash([0; 32]),
        weights: weights(&document.channels)?,
        words: words(&document.words, &document.channels)?,
        groups: groups(&document.groups)?,
        calendar: calendar(&document.calendar)?,
        queues: Vec::new(),
        rules: Vec::new(),
    };
    for (items, field) in
        [(document.queues.len(), "queues"), (document.rules.len(), "rules"), (document.tests.len(), "tests")]
    {
        if !(1..=TABLE_ITEMS_MAX).contains(&items) {
            return Err(invalid(line, field, "1 to 1024 of them", &items));
        }
    }
    table.queues = queues(&table, &document.queues)?;
    table.rules = rules(&table, &document.rules)?;
    lint::overflows(&table, &document.queues)?;
    lint::rows(&table)?;
    lint::unused(&table, &document.queues, &document.groups)?;
    table.digest = digest::of(&table);
    Ok((table, document.tests))
}

/// Whether a text is a word as tables, channels and agents use them.
pub fn is_word(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_' || byte == b'-';
    (1..=ROUTING_WORD_BYTES_MAX).contains(&text.len()) && text.bytes().all(plain)
}

fn word(line: u64, field: &'static str, text: &str) -> Compiled<()> {
    if is_word(text) { Ok(()) } else { Err(invalid(line, field, WORD_EXPECTED, text)) }
}

fn words(written: &Spanned<WordsDoc>, channels: &BTreeMap<String, Spanned<ChannelDoc>>) -> Compiled<Words> {
    let line = written.referenced.line();
    let WordsDoc { tiers, languages, tags, intents, moods, skills } = &written.value;
    let channels = channels.keys().cloned().collect();
    let columns = [channels, tiers.clone(), languages.clone(), tags.clone(), intents.clone(), moods.clone()];
    let fields = ["channels", "words.tiers", "words.languages", "words.tags", "words.intents", "words.moods"];
    for (list, field) in columns.iter().zip(fields).chain([(skills, "words.skills")]) {
        if list.len() > TABLE_WORDS_MAX {
            return Err(invalid(line, field, "at most 64 words", &list.len()));
        }
        let mut seen = BTreeSet::new();
        for text in list {
            word(line, field, text)?;
            if !seen.insert(text) {
                return Err(TableError::Duplicate { line, what: field, name: text.clone() });
            }
        }
    }
    Ok(Words { columns, skills: skills.clone() })
}

fn weights(written: &BTreeMap<String, Spanned<ChannelDoc>>) -> Compiled<BTreeMap<String, u32>> {
    let weight = |(name, channel): (&String, &Spanned<ChannelDoc>)| {
        let (line, weight) = (channel.referenced.line(), channel.value.weight);
        if (1..=WEIGHT_MAX).contains(&weight) {
            return Ok((name.clone(), weight));
        }
        Err(invalid(line, "channels.weight", "1 to 100000 hundredths of a place", &weight))
    };
    written.iter().map(weight).collect()
}

fn groups(written: &BTreeMap<String, Spanned<GroupDoc>>) -> Compiled<BTreeMap<String, bool>> {
    let group = |(name, group): (&String, &Spanned<GroupDoc>)| {
        word(group.referenced.line(), "groups", name)?;
        Ok((name.clone(), group.value.reserved))
    };
    written.iter().map(group).collect()
}

fn calendar(written: &CalendarDoc) -> Compiled<Calendar> {
    let zone = &written.zone;
    let offset_minutes = calendar::offset(&zone.value).ok_or_else(|| {
        invalid(zone.referenced.line(), "calendar.zone", "a fixed offset such as \"+08:00\"", &zone.value)
    })?;
    let holidays = dates(&written.holidays, "calendar.holidays")?;
    let workdays = dates(&written.workdays, "calendar.workdays")?;
    if let Some(both) =
        written.workdays.iter().find(|date| calendar::day(&date.value).is_some_and(|day| holidays.contains(&day)))
    {
        let line = both.referenced.line();
        return Err(invalid(line, "calendar.workdays", "days that are no holidays", &both.value));
    }
    let mut all = BTreeMap::new();
    for (name, days) in &written.hours {
        word(days.referenced.line(), "calendar.hours", name)?;
        all.insert(name.clone(), hours(days)?);
    }
    Ok(Calendar { offset_minutes, holidays, workdays, hours: all })
}

fn dates(written: &[Spanned<String>], field: &'static str) -> Compiled<BTreeSet<i64>> {
    if written.len() > TABLE_ITEMS_MAX {
        let line = written.first().map_or(0, |date| date.referenced.line());
        return Err(invalid(line, field, "at most 1024 days", &written.len()));
    }
    let mut dates = BTreeSet::new();
    for date in written {
        let line = date.referenced.line();
        let day = calendar::day(&date.value);
        let day = day.ok_or_else(|| invalid(line, field, "a date such as 2026-10-01", &date.value))?;
        if !dates.insert(day) {
            return Err(TableError::Duplicate { line, what: field, name: date.value.clone() });
        }
    }
    Ok(dates)
}

/// Hours by kind of day; a make-up working day has Monday's unless it has its own.
fn hours(written: &Spanned<Vec<HoursDoc>>) -> Compiled<Hours> {
    let line = written.referenced.line();
    let mut hours = Hours::default();
    let mut own_workday = false;
    for HoursDoc { days, open } in &written.value {
        let kinds = calendar::days(days).ok_or_else(|| {
            invalid(line, "calendar.hours.days", "mon to sun, a range such as mon-fri, holiday or workday", days)
        })?;
        own_workday |= kinds.contains(&calendar::WORKDAY);
        for text in open {
            let span = Span::parse(text).ok_or_else(|| {
                invalid(line, "calendar.hours.open", "times such as \"09:00-18:00\"; split them at midnight", text)
            })?;
            for spans in hours.0.get_mut(kinds.clone()).into_iter().flatten() {
                if spans.iter().any(|known| known.from < span.to && span.from < known.to) {
                    return Err(invalid(line, "calendar.hours.open", "times that don't overlap", text));
                }
                spans.push(span);
                spans.sort_unstable();
            }
        }
    }
    if hours.0.iter().all(Vec::is_empty) {
        return Err(invalid(line, "calendar.hours", "hours that are open at some time", "none"));
    }
    if !own_workday {
        let monday = hours.0[0].clone();
        hours.0[calendar::WORKDAY] = monday;
    }
    Ok(hours)
}

fn queues(table: &Table, written: &[Spanned<QueueDoc>]) -> Compiled<Vec<Queue>> {
    let mut names = BTreeSet::new();
    let each = written.iter().map(|queue| {
        let line = queue.referenced.line();
        if !names.insert(&queue.value.name) {
            return Err(TableError::Duplicate { line, what: "queue", name: queue.value.name.clone() });
        }
        self::queue(table, line, &queue.value)
    });
    each.collect()
}

fn queue(table: &Table, line: u64, written: &QueueDoc) -> Compiled<Queue> {
    word(line, "queues.name", &written.name)?;
    known_hours(table, line, "queues.hours", &written.hours)?;
    if let Some(group) = written.group.as_ref().filter(|group| !table.groups.contains_key(*group)) {
        return Err(invalid(line, "queues.group", &one_of(table.groups.keys()), group));
    }
    skills(table, line, "queues.skills", &written.skills, 0)?;
    for (field, seconds) in [
        ("queues.relax_s", written.relax_s),
        ("queues.sla_s", written.sla_s),
        ("queues.no_answer_s", written.no_answer_s),
        ("queues.overflow.after_s", written.overflow.as_ref().map(|overflow| overflow.after_s)),
    ] {
        positive(line, field, seconds)?;
    }
    if let Some(grace) = written.offline_s.filter(|grace| *grace > SECONDS_MAX) {
        return Err(invalid(line, "queues.offline_s", "0 to 604800 seconds", &grace));
    }
    if !(1..=NOTICE_BYTES_MAX).contains(&written.closed.trim().len()) {
        return Err(invalid(line, "queues.closed", "a notice of 1 to 1024 bytes", &written.closed.len()));
    }
    Ok(Queue {
        name: written.name.clone(),
        hours: written.hours.clone(),
        priority: priority(line, "queues.priority", written.priority)?,
        group: written.group.clone(),
        skills: written.skills.clone(),
        relax_s: written.relax_s,
        overflow: written.overflow.as_ref().map(|overflow| (overflow.after_s, overflow.to.clone())),
        sla_s: written.sla_s,
        no_answer_s: written.no_answer_s,
        offline_s: written.offline_s,
        closed: written.closed.trim().to_owned(),
    })
}

fn rules(table: &Table, written: &[Spanned<RuleDoc>]) -> Compiled<Vec<Rule>> {
    let mut ids = BTreeSet::new();
    let mut rules = Vec::with_capacity(written.len());
    for rule in written {
        let line = rule.referenced.line();
        if !ids.insert(&rule.value.id) {
            return Err(TableError::Duplicate { line, what: "row", name: rule.value.id.clone() });
        }
        rules.push(self::rule(table, line, &rule.value)?);
    }
    match rules.last() {
        Some(last) if !last.when.is_empty() => Err(TableError::Gap { line: last.line, row: last.id.clone() }),
        Some(_) | None => Ok(rules),
    }
}

fn rule(table: &Table, line: u64, written: &RuleDoc) -> Compiled<Rule> {
    word(line, "rules.id", &written.id)?;
    let queue = table.queues.iter().find(|queue| queue.name == written.queue);
    let queue = queue.ok_or_else(|| {
        invalid(line, "rules.queue", &one_of(table.queues.iter().map(|queue| &queue.name)), &written.queue)
    })?;
    skills(table, line, "rules.skills", &written.skills, queue.skills.len())?;
    positive(line, "rules.sla_s", written.sla_s)?;
    let decision = Decision {
        row: written.id.clone(),
        queue: written.queue.clone(),
        priority: written.priority.map_or(Ok(queue.priority), |urgency| priority(line, "rules.priority", urgency))?,
        skills: written.skills.iter().filter(|skill| !queue.skills.contains(*skill)).cloned().collect(),
        sla_s: written.sla_s.or(queue.sla_s),
        sticky: written.sticky.unwrap_or(false),
    };
    Ok(Rule { id: written.id.clone(), line, when: when(table, line, &written.when)?, decision })
}

fn when(table: &Table, line: u64, written: &WhenDoc) -> Compiled<When> {
    let WhenDoc { channel, tier, language, tag, intent, mood, open, closed, time } = written;
    let fields = ["when.channel", "when.tier", "when.language", "when.tag", "when.intent", "when.mood"];
    let words = [channel, tier, language, tag, intent, mood].map(|column| column.0.clone());
    for ((column, known), field) in words.iter().zip(&table.words.columns).zip(fields) {
        if let Some(stranger) = column.iter().find(|word| !known.contains(word)) {
            return Err(invalid(line, field, &one_of(known.iter()), stranger));
        }
    }
    for (field, hours) in [("when.open", open), ("when.closed", closed)] {
        if let Some(hours) = hours {
            known_hours(table, line, field, hours)?;
        }
    }
    let spans = time.0.iter().map(|text| {
        Span::parse(text)
            .ok_or_else(|| invalid(line, "when.time", "times such as \"22:00-24:00\"; split them at midnight", text))
    });
    Ok(When { words, open: open.clone(), closed: closed.clone(), time: spans.collect::<Result<_, _>>()? })
}

fn known_hours(table: &Table, line: u64, field: &'static str, name: &str) -> Compiled<()> {
    if table.calendar.hours.contains_key(name) {
        return Ok(());
    }
    Err(invalid(line, field, &one_of(table.calendar.hours.keys()), name))
}

fn skills(table: &Table, line: u64, field: &'static str, asked: &[String], already: usize) -> Compiled<()> {
    if let Some(stranger) = asked.iter().find(|skill| !table.words.skills.contains(skill)) {
        return Err(invalid(line, field, &one_of(table.words.skills.iter()), stranger));
    }
    if asked.len() + already > SKILLS_ASKED_MAX {
        return Err(invalid(line, field, "at most 6 skills, the queue's included", &(asked.len() + already)));
    }
    Ok(())
}

fn priority(line: u64, field: &'static str, priority: u8) -> Compiled<u8> {
    if PRIORITIES.contains(&priority) { Ok(priority) } else { Err(invalid(line, field, "1 (first) to 9", &priority)) }
}

fn positive(line: u64, field: &'static str, seconds: Option<u32>) -> Compiled<()> {
    match seconds.filter(|seconds| !(1..=SECONDS_MAX).contains(seconds)) {
        Some(seconds) => Err(invalid(line, field, "1 to 604800 seconds", &seconds)),
        None => Ok(()),
    }
}

fn one_of<'a>(known: impl Iterator<Item = &'a String>) -> String {
    let known: Vec<&str> = known.map(String::as_str).collect();
    if known.is_empty() {
        "nothing: the table's list is empty".to_owned()
    } else {
        format!("one of: {}", known.join(", "))
    }
}

pub(super) fn invalid(line: u64, field: &'static str, expected: &str, got: &(impl ToString + ?Sized)) -> TableError {
    TableError::Invalid { line, field, expected: expected.to_owned(), got: got.to_string() }
}
