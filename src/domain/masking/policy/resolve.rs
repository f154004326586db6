//! One rule as a layer writes it, every value checked: what the layer says of an entity, and where it says nothing.
//!
//! What becomes of several layers' words on one entity is [`super::merge`]'s business.

use std::str::FromStr;

use serde_saphyr::Spanned;

use super::super::{
    entity::Entity,
    view::{Class, View},
};
use super::document::{KeepDoc, LeavingDoc, OperatorDoc, Reversible, RuleDoc};
use super::leaving::RELEASING_ROLES;
use super::occasion::Occasion;
use super::pattern::Pattern;
use super::{Leaving, Level, Opening, Operator, PolicyError, RuleName};

/// Most context words of one rule.
const CONTEXT_WORDS_MAX: usize = 256;
/// Longest context word in characters.
const CONTEXT_WORD_LEN_MAX: usize = 32;
/// Farthest that a keyword may reach, in characters.
const CONTEXT_WINDOW_MAX: u64 = 200;
/// How far it reaches where a rule doesn't say.
pub(super) const CONTEXT_WINDOW: usize = 30;
/// How sure a find must be where a rule doesn't say, in percent.
pub(super) const MIN_CONFIDENCE: u8 = 70;
/// How sure a match of a pattern is where a rule doesn't say, in percent.
const CERTAINTY: u8 = 80;
/// Most characters that a mask may show at one end.
const KEEP_MAX: u64 = 10;
/// Most days that a date may be moved.
const SHIFT_DAYS_MAX: u16 = 3650;
/// Longest name of a replacement.
const REPLACEMENT_NAME_LEN_MAX: usize = 24;
/// Longest name of a role or group that may open values, in bytes, and most of them.
const OPENER_LEN_MAX: usize = 32;
const OPENERS_MAX: usize = 16;
/// Shortest and longest time for which a value may be opened, in seconds.
const OPENING_S_MIN: u32 = 5;
const OPENING_S_MAX: u32 = 3_600;
/// Longest name that a policy gives an entity of its own.
const OWN_NAME_LEN_MAX: usize = 32;
/// Stands for every view that is not named.
const ANY_VIEW: &str = "*";

/// What one layer says of one entity.
#[derive(Clone, Debug)]
pub struct Stance {
    /// The layer's name; `rules` for the policy's own list.
    pub layer: String,
    /// Where it says so.
    pub occasion: Occasion,
    /// How strictly the entity is held.
    pub class: Class,
    /// What each view shows, in their order; nothing where the layer leaves it to others.
    pub operators: [Option<Operator>; View::ALL.len()],
    pub(super) line: u64,
    /// The layer is built in, and its rules are tested there.
    pub(super) is_pack: bool,
    pub(super) basis: Vec<String>,
    pub(super) min_confidence: Option<u8>,
    pub(super) context: Vec<String>,
    pub(super) context_window: Option<usize>,
    pub(super) pattern: Option<Pattern>,
    pub(super) opening: Option<Opening>,
    pub(super) leaving: Option<Leaving>,
}

/// Whose words are resolved.
#[derive(Clone, Copy)]
pub(super) struct Speaker<'l> {
    pub(super) layer: &'l str,
    pub(super) occasion: &'l Occasion,
    pub(super) is_pack: bool,
}

/// Resolves the rules of one layer; two of one entity are a mistake.
pub(super) fn all(speaker: Speaker<'_>, written: &[Spanned<RuleDoc>]) -> Result<Vec<(RuleName, Stance)>, PolicyError> {
    let mut resolved: Vec<(RuleName, Stance)> = Vec::with_capacity(written.len());
    for written in written {
        let (name, stance) = one(speaker, written)?;
        if resolved.iter().any(|(known, _)| *known == name) {
            return Err(PolicyError::DuplicateRule { line: stance.line, entity: name.to_string() });
        }
        resolved.push((name, stance));
    }
    Ok(resolved)
}

fn one(speaker: Speaker<'_>, written: &Spanned<RuleDoc>) -> Result<(RuleName, Stance), PolicyError> {
    let line = written.referenced.line();
    let rule = &written.value;
    let name = name(line, rule)?;
    check_context(line, rule)?;
    let detect = &rule.detect;
    let window = detect.context_window.map(|window| usize::try_from(window).unwrap_or(usize::MAX));
    let share = |field, share: Option<f64>| share.map(|share| percent(line, field, share)).transpose();
    let certainty = share("detect.confidence", detect.confidence)?;
    if certainty.is_some() && rule.pattern.is_none() {
        let expected = "nothing: how sure a find is by itself is the engine's word where there is no pattern";
        return Err(invalid(line, "detect.confidence", expected, String::from("a share")));
    }
    let pattern = rule.pattern.as_deref().map(|text| Pattern::read(line, text, certainty.unwrap_or(CERTAINTY)));
    let stance = Stance {
        layer: speaker.layer.to_owned(),
        occasion: speaker.occasion.clone(),
        class: rule.class,
        operators: operators(line, rule, name.entity)?,
        line,
        is_pack: speaker.is_pack,
        basis: rule.basis.clone(),
        min_confidence: share("detect.min_confidence", detect.min_confidence)?,
        context: detect.context.clone(),
        context_window: window,
        pattern: pattern.transpose()?,
        opening: opening(line, rule)?,
        leaving: rule.leaving.as_ref().map(|written| leaving(line, rule.class, written)).transpose()?,
    };
    Ok((name, stance))
}

/// What happens when a value is about to leave; C3 is released by nobody.
fn leaving(line: u64, class: Class, written: &LeavingDoc) -> Result<Leaving, PolicyError> {
    let LeavingDoc { hold, release_roles } = written;
    let bad = |expected, got: &String| invalid(line, "leaving.release_roles", expected, got.clone());
    if let Some(role) = release_roles.iter().find(|role| !RELEASING_ROLES.contains(&role.as_str())) {
        return Err(bad("agent or supervisor: nobody else writes to customers", role));
    }
    match (release_roles.first(), hold, class) {
        (None, _, _) | (Some(_), true, Class::C1 | Class::C2) => {}
        (Some(role), false, _) => return Err(bad("nothing, where nothing is held", role)),
        (Some(role), true, Class::C3) => return Err(bad("nothing: C3 never leaves", role)),
    }
    Ok(Leaving { hold: *hold, release_roles: release_roles.clone() })
}

/// By whom, and how, a value may be opened; one of class C3 by nobody, because it is stored nowhere.
fn opening(line: u64, rule: &RuleDoc) -> Result<Option<Opening>, PolicyError> {
    let Reversible::Vault(written) = &rule.reversible else { return Ok(None) };
    if !written.vault || rule.class == Class::C3 {
        let got = if written.vault { "a vault for C3" } else { "vault: false" };
        return Err(invalid(line, "reversible", "false, or a vault for a class that is stored", got.to_owned()));
    }
    let plain = |word: &String| {
        (1..=OPENER_LEN_MAX).contains(&word.len())
            && word.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_-".contains(&byte))
    };
    let words = |field, words: &[String], fewest: usize| match words.iter().find(|word| !plain(word)) {
        Some(word) => Err(invalid(line, field, "words of a-z, 0-9, - and _", word.clone())),
        None if !(fewest..=OPENERS_MAX).contains(&words.len()) => {
            Err(invalid(line, field, "1 to 16 words", words.len().to_string()))
        }
        None => Ok(words.to_vec()),
    };
    let ttl_s = seconds(&written.ttl).filter(|ttl_s| (OPENING_S_MIN..=OPENING_S_MAX).contains(ttl_s));
    Ok(Some(Opening {
        roles: words("reversible.unmask_roles", &written.unmask_roles, 1)?,
        ttl_s: ttl_s.ok_or_else(|| invalid(line, "reversible.ttl", "5s to 1h, such as 15m", written.ttl.clone()))?,
        second_person: words("reversible.second_person", &written.second_person, 0)?,
    }))
}

/// `90s`, `15m` or `1h`.
fn seconds(written: &str) -> Option<u32> {
    let (number, unit) = written.split_at_checked(written.len().checked_sub(1)?)?;
    let unit_s = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3_600,
        _ => return None,
    };
    let is_plain = number.bytes().all(|byte| byte.is_ascii_digit());
    number.parse::<u32>().ok().filter(|_| is_plain)?.checked_mul(unit_s)
}

/// An entity of the engine's, or one that the policy makes up with a pattern: `custom.loan_no`.
fn name(line: u64, rule: &RuleDoc) -> Result<RuleName, PolicyError> {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    let own = rule
        .entity
        .strip_prefix("custom.")
        .filter(|own| (1..=OWN_NAME_LEN_MAX).contains(&own.len()) && own.bytes().all(plain));
    match (own, &rule.pattern) {
        (Some(own), Some(_)) => Ok(RuleName { entity: Entity::Custom, own: Some(own.to_owned()) }),
        (Some(_), None) => {
            Err(invalid(line, "pattern", "what a value of custom.… looks like", String::from("nothing")))
        }
        (None, Some(_)) => {
            let expected = "custom. and 1 to 32 of a-z, 0-9 and _, for a rule with a pattern";
            Err(invalid(line, "entity", expected, rule.entity.clone()))
        }
        (None, None) => {
            let known = Entity::from_name(&rule.entity).filter(|entity| *entity != Entity::Custom);
            let expected = "the name of an entity that the engine knows";
            let entity = known.ok_or_else(|| invalid(line, "entity", expected, rule.entity.clone()))?;
            Ok(RuleName { entity, own: None })
        }
    }
}

fn check_context(line: u64, rule: &RuleDoc) -> Result<(), PolicyError> {
    let detect = &rule.detect;
    if detect.context.len() > CONTEXT_WORDS_MAX {
        let got = detect.context.len().to_string();
        return Err(invalid(line, "detect.context", "at most 256 words", got));
    }
    let bad_word = |word: &&String| !(1..=CONTEXT_WORD_LEN_MAX).contains(&word.trim().chars().count());
    if let Some(word) = detect.context.iter().find(bad_word) {
        return Err(invalid(line, "detect.context", "words of 1 to 32 characters", word.clone()));
    }
    match detect.context_window.filter(|window| *window > CONTEXT_WINDOW_MAX) {
        Some(window) => Err(invalid(line, "detect.context_window", "at most 200 characters", window.to_string())),
        None => Ok(()),
    }
}

fn percent(line: u64, field: &'static str, share: f64) -> Result<u8, PolicyError> {
    (1..=100)
        .find(|&percent| (f64::from(percent) - share * 100.0).abs() < 0.5)
        .ok_or_else(|| invalid(line, field, "a share from 0.01 to 1", share.to_string()))
}

/// What a rule says of each view. Of a C3 value everything is said: what is not named shows nothing, whatever others say.
fn operators(line: u64, rule: &RuleDoc, entity: Entity) -> Result<[Option<Operator>; View::ALL.len()], PolicyError> {
    let default = match rule.views.get(ANY_VIEW) {
        Some(written) => Some(operator(line, (rule.class, entity), written)?),
        None => (rule.class == Class::C3).then_some(Operator::Drop),
    };
    let mut operators = View::ALL.map(|_| default.clone());
    for (name, written) in rule.views.iter().filter(|(name, _)| name.as_str() != ANY_VIEW) {
        let view = View::from_str(name)
            .map_err(|_unknown| invalid(line, "views", "the names of views, or \"*\"", name.clone()))?;
        operators[view.index()] = Some(operator(line, (rule.class, entity), written)?);
    }
    Ok(operators)
}

fn operator(line: u64, (class, entity): (Class, Entity), written: &OperatorDoc) -> Result<Operator, PolicyError> {
    let only_c1 = |got: &str| Err(invalid(line, "views", "a value of this class to be hidden", got.to_owned()));
    let unlike = |got: &str| {
        Err(invalid(line, "views", "drop, keep, replace or token for what a pattern finds", got.to_owned()))
    };
    match (written, class) {
        (OperatorDoc::Unavailable(feature), _) => Err(PolicyError::Unavailable { line, feature }),
        (OperatorDoc::Drop, _) => Ok(Operator::Drop),
        (OperatorDoc::Replace(template), _) => replacement(line, template),
        (OperatorDoc::Keep(_), Class::C3) => only_c1("keep"),
        (OperatorDoc::Token { .. }, Class::C3) => only_c1("token"),
        (OperatorDoc::Encrypt { .. }, Class::C3) => only_c1("fpe"),
        (OperatorDoc::ShiftDate { .. }, Class::C3) => only_c1("date_shift"),
        (OperatorDoc::Generalise(_), Class::C3) => only_c1("generalise"),
        // What it gives would be found by the same pattern again.
        (OperatorDoc::Encrypt { .. }, Class::C1 | Class::C2) if entity == Entity::Custom => unlike("fpe"),
        (OperatorDoc::Encrypt { key }, Class::C1 | Class::C2) => Ok(Operator::Encrypt { key: key.clone() }),
        (OperatorDoc::ShiftDate { key, days_max }, Class::C1 | Class::C2) => shift(line, entity, key, *days_max),
        (OperatorDoc::Generalise(level), Class::C1 | Class::C2) => generalise(line, entity, level),
        (OperatorDoc::Keep(KeepDoc::All), Class::C1) => Ok(Operator::KeepAll),
        (OperatorDoc::Keep(KeepDoc::All), Class::C2) => only_c1("keep: all"),
        (OperatorDoc::Keep(KeepDoc::Ends { first, last }), Class::C1 | Class::C2) => {
            let end = |length: u64| {
                let checked = usize::try_from(length).ok().filter(|_| length <= KEEP_MAX);
                checked.ok_or_else(|| invalid(line, "keep", "at most 10 characters at each end", length.to_string()))
            };
            Ok(Operator::Keep { first: end(*first)?, last: end(*last)? })
        }
        (OperatorDoc::Token { key }, Class::C1 | Class::C2) => Ok(Operator::Token { key: key.clone() }),
    }
}

fn shift(line: u64, entity: Entity, key: &str, days_max: u64) -> Result<Operator, PolicyError> {
    let days = u16::try_from(days_max).ok().filter(|days| (1..=SHIFT_DAYS_MAX).contains(days));
    match days {
        _ if entity != Entity::BirthDate => {
            Err(invalid(line, "date_shift", "a rule for birth_date", entity.as_str().to_owned()))
        }
        Some(days_max) => Ok(Operator::ShiftDate { key: key.to_owned(), days_max }),
        None => Err(invalid(line, "date_shift", "1 to 3650 days", days_max.to_string())),
    }
}

fn generalise(line: u64, entity: Entity, word: &str) -> Result<Operator, PolicyError> {
    let level = Level::ALL.into_iter().find(|level| level.as_str() == word && level.entity() == entity);
    let expected = "year, month or decade for birth_date, range for amount, province or city for address";
    level.map(Operator::Generalise).ok_or_else(|| invalid(line, "generalise", expected, word.to_owned()))
}

/// A replacement is `<NAME_{n}>` and nothing else: only so is it recognised when a masked text is masked again.
fn replacement(line: u64, template: &str) -> Result<Operator, PolicyError> {
    let name = template.strip_prefix('<').and_then(|rest| rest.strip_suffix("_{n}>"));
    let plain = |name: &&str| {
        (1..=REPLACEMENT_NAME_LEN_MAX).contains(&name.len())
            && name.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_')
    };
    match name.filter(plain) {
        Some(name) => Ok(Operator::Replace { name: name.to_owned() }),
        None => Err(invalid(line, "replace", "\"<NAME_{n}>\" with a name of A-Z and _", template.to_owned())),
    }
}

pub(super) fn invalid(line: u64, field: &'static str, expected: &'static str, got: String) -> PolicyError {
    PolicyError::Invalid { line, field, expected, got }
}
