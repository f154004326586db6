//! Counts what a policy finds of what it must find: recall, precision and F1 for each entity.
//!
//! A value is found when one mask of its entity covers all of it. A mask is right when it meets a value of its entity.

use std::collections::BTreeMap;

use serde::Serialize;

use super::gold::GoldSpan;
use crate::domain::masking::{Entity, ShownSpan};

/// Values of one kind, and how many were found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Found {
    /// Values that there are.
    pub values: u64,
    /// Values that were found.
    pub found: u64,
}

impl Found {
    fn add(&mut self, found: bool) {
        self.values += 1;
        self.found += u64::from(found);
    }

    /// Found of all; none without any.
    pub fn recall(self) -> Option<f64> {
        share(self.found, self.values)
    }
}

/// What there is to say of one entity.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Values as they are usually written.
    pub plain: Found,
    /// Values in disguise.
    pub disguised: Found,
    /// Masks of this entity.
    pub masks: u64,
    /// Masks that meet a value of this entity.
    pub right: u64,
}

impl Tally {
    /// Both kinds of values together.
    pub fn all(&self) -> Found {
        Found { values: self.plain.values + self.disguised.values, found: self.plain.found + self.disguised.found }
    }

    /// Right masks of all; none without any.
    pub fn precision(&self) -> Option<f64> {
        share(self.right, self.masks)
    }

    /// The harmonic mean of recall and precision.
    pub fn f1(&self) -> Option<f64> {
        let (recall, precision) = (self.all().recall()?, self.precision()?);
        Some(if recall + precision > 0.0 { 2.0 * recall * precision / (recall + precision) } else { 0.0 })
    }

    fn join(&mut self, other: &Self) {
        for (mine, theirs) in [(&mut self.plain, other.plain), (&mut self.disguised, other.disguised)] {
            mine.values += theirs.values;
            mine.found += theirs.found;
        }
        self.masks += other.masks;
        self.right += other.right;
    }
}

#[expect(clippy::cast_precision_loss, reason = "counts of messages are far below 2^52")]
fn share(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}

/// A value that was not found, or a mask where no value of its entity is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Fault {
    /// Line of the message, from 1.
    pub line: u64,
    /// Characters before it.
    pub start: usize,
    /// Characters up to its end.
    pub end: usize,
    /// What it is, or was taken for.
    pub entity: &'static str,
    /// Of a value: whether it is in disguise.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disguised: Option<bool>,
    /// Of a value: what it was taken for, when a mask covers it all the same.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub masked_as: Option<&'static str>,
    /// What stands there, where the reader asks for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
}

/// The whole count.
#[derive(Default)]
pub struct Score {
    entities: BTreeMap<Entity, Tally>,
    /// Messages, and those of them without any value, and those of these with a mask.
    pub messages: u64,
    /// Messages without any value.
    pub clean: u64,
    /// Messages without any value in which something was masked.
    pub clean_masked: u64,
    /// Values of which a character is shown, whatever masks say that they are.
    pub leaked: u64,
    /// The first values that were not found.
    pub misses: Vec<Fault>,
    /// The first masks where no value is.
    pub false_alarms: Vec<Fault>,
    shown_max: usize,
    shows_text: bool,
}

impl Score {
    /// Begins to count; so many faults of each sort are kept, with what stands there or without.
    pub fn keeping(shown_max: usize, shows_text: bool) -> Self {
        Self { shown_max, shows_text, ..Self::default() }
    }

    /// Counts a message.
    pub fn add(&mut self, line: u64, text: &str, gold: &[GoldSpan], masks: &[ShownSpan]) {
        self.messages += 1;
        if gold.is_empty() {
            self.clean += 1;
            self.clean_masked += u64::from(!masks.is_empty());
        }
        let cut = |start: usize, end: usize| text.chars().skip(start).take(end - start).collect::<String>();
        for value in gold {
            let covers = |mask: &&ShownSpan| mask.start <= value.start && value.end <= mask.end;
            let found = masks.iter().filter(covers).any(|mask| mask.entity == value.entity);
            let tally = self.entities.entry(value.entity).or_default();
            let kind = if value.disguised { &mut tally.disguised } else { &mut tally.plain };
            kind.add(found);
            let hidden =
                (value.start..value.end).all(|at| masks.iter().any(|mask| (mask.start..mask.end).contains(&at)));
            self.leaked += u64::from(!hidden);
            if !found && self.misses.len() < self.shown_max {
                let masked_as = masks.iter().find(covers).map(|mask| mask.entity.as_str());
                let (start, end, entity) = (value.start, value.end, value.entity.as_str());
                let text = self.shows_text.then(|| cut(start, end));
                self.misses.push(Fault { line, start, end, entity, disguised: Some(value.disguised), masked_as, text });
            }
        }
        for mask in masks {
            let meets = |value: &GoldSpan| value.start < mask.end && mask.start < value.end;
            let right = gold.iter().any(|value| meets(value) && value.entity == mask.entity);
            let tally = self.entities.entry(mask.entity).or_default();
            tally.masks += 1;
            tally.right += u64::from(right);
            if !right && self.false_alarms.len() < self.shown_max {
                let (start, end, entity) = (mask.start, mask.end, mask.entity.as_str());
                let text = self.shows_text.then(|| cut(start, end));
                self.false_alarms.push(Fault { line, start, end, entity, disguised: None, masked_as: None, text });
            }
        }
    }

    /// Each entity that there are values or masks of.
    pub fn entities(&self) -> impl Iterator<Item = (Entity, &Tally)> {
        self.entities.iter().map(|(entity, tally)| (*entity, tally))
    }

    /// All entities together.
    pub fn total(&self) -> Tally {
        let mut total = Tally::default();
        self.entities.values().for_each(|tally| total.join(tally));
        total
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::masking::Class;

    fn value(start: usize, end: usize, entity: Entity, disguised: bool) -> GoldSpan {
        GoldSpan { start, end, entity, disguised }
    }

    fn mask(start: usize, end: usize, entity: Entity) -> ShownSpan {
        ShownSpan { start, end, entity, class: Class::C2, rule: 0, confidence: 90, is_reversible: false }
    }

    #[test]
    fn values_are_found_by_masks_of_their_entity_that_cover_them() {
        let mut score = Score::keeping(10, true);
        let (mobile, card) = (Entity::Mobile, Entity::BankCard);
        score.add(
            1,
            "0123456789",
            &[value(0, 4, mobile, false), value(5, 9, card, true)],
            &[mask(0, 4, mobile), mask(5, 10, card)],
        );
        score.add(2, "0123456789", &[value(0, 4, mobile, false)], &[mask(1, 4, mobile)]);
        score.add(3, "0123456789", &[value(0, 4, mobile, true)], &[mask(0, 4, card)]);
        score.add(4, "0123456789", &[], &[mask(2, 5, mobile)]);
        score.add(5, "0123456789", &[], &[]);
        let tallies: Vec<_> = score.entities().map(|(entity, tally)| (entity, *tally)).collect();
        let found = |values, found| Found { values, found };
        assert_eq!(
            tallies,
            [
                (card, Tally { plain: found(0, 0), disguised: found(1, 1), masks: 2, right: 1 }),
                (mobile, Tally { plain: found(2, 1), disguised: found(1, 0), masks: 3, right: 2 }),
            ]
        );
        assert_eq!((score.messages, score.clean, score.clean_masked, score.leaked), (5, 2, 1, 1));
        let told = |faults: &[Fault]| {
            faults.iter().map(|f| (f.line, f.masked_as, f.text.clone().unwrap())).collect::<Vec<_>>()
        };
        assert_eq!(told(&score.misses), [(2, None, "0123".into()), (3, Some("cn.bank_card"), "0123".into())]);
        assert_eq!(told(&score.false_alarms), [(3, None, "0123".into()), (4, None, "234".into())]);
        let total = score.total();
        assert_eq!((total.all(), total.masks, total.right), (found(4, 2), 5, 3));
        assert!((total.f1().unwrap() - 2.0 * 0.5 * 0.6 / 1.1).abs() < 1e-9);
    }

    #[test]
    fn faults_are_kept_up_to_their_bound_and_without_text_unless_asked() {
        let mut score = Score::keeping(1, false);
        for line in 0..3 {
            score.add(line, "0123", &[value(0, 4, Entity::Mobile, false)], &[]);
        }
        assert_eq!((score.misses.len(), score.misses[0].text.clone()), (1, None));
        assert_eq!(Score::keeping(1, false).total().f1(), None);
    }
}
