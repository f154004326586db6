//! What is wrong with a table as a whole: rows that no case reaches, queues that nothing leads to, overflows into nowhere.
//!
//! A set of cases is a box: for each column the values that it allows, every column a finite list. Rows are boxes (one for
//! each of their tags), and a row is reached when something is left of its boxes after those of all rows before it have
//! been cut away. That is exact: it also finds a row that several rows together leave nothing to.

use std::collections::{BTreeMap, BTreeSet};

use serde_saphyr::Spanned;

use super::calendar::{DAY_KINDS, DAY_MINUTES, HOLIDAY, Moment, Span, WORKDAY};
use super::compile::invalid;
use super::document::{GroupDoc, QueueDoc};
use super::error::TableError;
use super::table::{COLUMNS, Rule, TAG, Table, When};
use crate::limits::CASE_SETS_MAX;

/// Every row is reached by some case.
pub(super) fn rows(table: &Table) -> Result<(), TableError> {
    let space = Space::of(table);
    let mut before: Vec<(&Rule, Vec<Cases>)> = Vec::with_capacity(table.rules.len());
    for rule in &table.rules {
        let own = space.cases(table, &rule.when);
        let (line, row) = (rule.line, rule.id.clone());
        if own.is_empty() {
            return Err(TableError::Impossible { line, row });
        }
        if let Some(by) = taken_by(&own, &before) {
            return Err(TableError::Unreachable { line, row, by });
        }
        before.push((rule, own));
    }
    Ok(())
}

/// The rows that together take every case of these sets, none of them needless; `None` when some are left, or too many
/// sets to tell.
fn taken_by(own: &[Cases], before: &[(&Rule, Vec<Cases>)]) -> Option<String> {
    let mut by: Vec<&(&Rule, Vec<Cases>)> = before.iter().collect();
    if !leave_nothing(own, &by) {
        return None;
    }
    let mut at = 0;
    while at < by.len() {
        let tried = by.remove(at);
        if !leave_nothing(own, &by) {
            by.insert(at, tried);
            at += 1;
        }
    }
    Some(by.iter().map(|(rule, _)| rule.id.as_str()).collect::<Vec<_>>().join(" and "))
}

/// Whether nothing is left of these sets when those of some rows are cut away.
fn leave_nothing(own: &[Cases], rows: &[&(&Rule, Vec<Cases>)]) -> bool {
    let mut left = own.to_vec();
    for other in rows.iter().flat_map(|(_, theirs)| theirs) {
        left = left.iter().flat_map(|cases| cases.without(other)).collect();
        if left.len() > CASE_SETS_MAX {
            return false;
        }
    }
    left.is_empty()
}

/// Overflows lead to another queue.
pub(super) fn overflows(table: &Table, written: &[Spanned<QueueDoc>]) -> Result<(), TableError> {
    for (queue, at) in table.queues.iter().zip(written) {
        let Some((_, to)) = &queue.overflow else { continue };
        if *to == queue.name || !table.queues.iter().any(|known| known.name == *to) {
            let others = table.queues.iter().filter(|known| known.name != queue.name);
            let others: Vec<&str> = others.map(|known| known.name.as_str()).collect();
            let expected = format!("another queue, one of: {}", others.join(", "));
            return Err(invalid(at.referenced.line(), "queues.overflow.to", &expected, to));
        }
    }
    Ok(())
}

/// Something leads to every queue and every group.
pub(super) fn unused(
    table: &Table,
    queues: &[Spanned<QueueDoc>],
    groups: &BTreeMap<String, Spanned<GroupDoc>>,
) -> Result<(), TableError> {
    let by_rows = table.rules.iter().map(|rule| rule.decision.queue.as_str());
    let by_overflow = table.queues.iter().filter_map(|queue| Some(queue.overflow.as_ref()?.1.as_str()));
    let led_to: BTreeSet<&str> = by_rows.chain(by_overflow).collect();
    let of = |what, line, name: &str| Err(TableError::Unused { line, what, name: name.to_owned() });
    if let Some(queue) = queues.iter().find(|queue| !led_to.contains(queue.value.name.as_str())) {
        return of("queue", queue.referenced.line(), &queue.value.name);
    }
    let served = |name: &String| table.queues.iter().any(|queue| queue.group.as_ref() == Some(name));
    match groups.iter().find(|(name, _)| !served(name)) {
        Some((name, group)) => of("group", group.referenced.line(), name),
        None => Ok(()),
    }
}

/// The values that cases can have.
struct Space {
    /// How many values each column has: words with "none of them", then times, then each tag's absence and presence.
    sizes: Vec<usize>,
    /// The times: one moment for each stretch that no boundary of the table divides.
    moments: Vec<Moment>,
}

impl Space {
    fn of(table: &Table) -> Self {
        let mut cuts = BTreeSet::from([0]);
        let times = table.rules.iter().flat_map(|rule| &rule.when.time);
        let hours = table.calendar.hours.values().flat_map(|hours| hours.0.iter().flatten());
        for Span { from, to } in times.chain(hours) {
            cuts.extend([*from, *to]);
        }
        cuts.remove(&DAY_MINUTES);
        let happens = |kind: &usize| match *kind {
            HOLIDAY => !table.calendar.holidays.is_empty(),
            WORKDAY => !table.calendar.workdays.is_empty(),
            _ => true,
        };
        let kinds = (0..DAY_KINDS).filter(happens);
        let moments: Vec<Moment> =
            kinds.flat_map(|kind| cuts.iter().map(move |minute| Moment { kind, minute: *minute })).collect();
        let words = table.words.columns.iter().enumerate();
        let sizes = words.map(|(column, words)| if column == TAG { 1 } else { words.len() + 1 });
        let tags = table.words.columns[TAG].iter().map(|_| 2);
        Self { sizes: sizes.chain([moments.len()]).chain(tags).collect(), moments }
    }

    /// The cases that meet conditions: one box, or one for each tag.
    fn cases(&self, table: &Table, when: &When) -> Vec<Cases> {
        let mut all = Cases(self.sizes.iter().map(|size| Values::all(*size)).collect());
        for (column, (asked, known)) in when.words.iter().zip(&table.words.columns).enumerate() {
            if column != TAG && !asked.is_empty() {
                let positions = known.iter().enumerate().filter(|(_, word)| asked.contains(word));
                all.0[column] = Values::of(positions.map(|(at, _)| at));
            }
        }
        let held = self.moments.iter().enumerate().filter(|(_, at)| when.holds_at(&table.calendar, **at));
        all.0[COLUMNS.len()] = Values::of(held.map(|(at, _)| at));
        if all.0.iter().any(Values::is_empty) {
            return Vec::new();
        }
        let asked = &when.words[TAG];
        if asked.is_empty() {
            return vec![all];
        }
        let tags = table.words.columns[TAG].iter().enumerate().filter(|(_, tag)| asked.contains(tag));
        let present = tags.map(|(at, _)| {
            let mut one = all.clone();
            one.0[COLUMNS.len() + 1 + at] = Values::of([1].into_iter());
            one
        });
        present.collect()
    }
}

/// A set of cases: the values that it allows in each column. It is never empty.
#[derive(Clone)]
struct Cases(Vec<Values>);

impl Cases {
    fn meets(&self, other: &Self) -> bool {
        self.0.iter().zip(&other.0).all(|(own, theirs)| !own.and(theirs).is_empty())
    }

    /// What is left when another set is cut away: one piece for each column in which they differ.
    fn without(&self, other: &Self) -> Vec<Self> {
        if !self.meets(other) {
            return vec![self.clone()];
        }
        let mut pieces = Vec::new();
        let mut inside = self.clone();
        for (column, theirs) in other.0.iter().enumerate() {
            let outside = inside.0[column].minus(theirs);
            if !outside.is_empty() {
                let mut piece = inside.clone();
                piece.0[column] = outside;
                pieces.push(piece);
            }
            inside.0[column] = inside.0[column].and(theirs);
        }
        pieces
    }
}

/// A set of positions.
#[derive(Clone)]
struct Values(Vec<u64>);

impl Values {
    fn of(positions: impl Iterator<Item = usize>) -> Self {
        let mut words = Vec::new();
        for position in positions {
            let (word, bit) = (position / 64, position % 64);
            if words.len() <= word {
                words.resize(word + 1, 0);
            }
            words[word] |= 1 << bit;
        }
        Self(words)
    }

    fn all(size: usize) -> Self {
        Self::of(0..size)
    }

    fn is_empty(&self) -> bool {
        self.0.iter().all(|word| *word == 0)
    }

    fn and(&self, other: &Self) -> Self {
        Self(self.0.iter().zip(&other.0).map(|(own, theirs)| own & theirs).collect())
    }

    fn minus(&self, other: &Self) -> Self {
        let theirs = other.0.iter().copied().chain(std::iter::repeat(0));
        Self(self.0.iter().zip(theirs).map(|(own, theirs)| own & !theirs).collect())
    }
}
