//! From a parsed file to a compiled policy: every value checked, every view resolved.
//!
//! It knows nothing of YAML beyond line numbers, and runs no test.

use std::str::FromStr;

use serde_saphyr::Spanned;

use super::{
    super::{
        entity::Entity,
        lexicon::Lexicon,
        secrets::canonical_of_literal,
        view::{Class, View},
    },
    Allowed, Leaving, Level, Operator, Policy, PolicyError, Rule, digest,
    document::{ApiVersion, Document, KeepDoc, LeavingDoc, Mode, OperatorDoc, Reversible, RuleDoc, TestDoc},
    leaving::RELEASING_ROLES,
};
use crate::domain::yaml;

/// Longest policy in bytes.
const POLICY_BYTES_MAX: usize = 1 << 20;
/// Most rules, and most allowed values.
const LIST_LEN_MAX: usize = 1024;
/// Most context words of one rule.
const CONTEXT_WORDS_MAX: usize = 256;
/// Longest context word in characters.
const CONTEXT_WORD_LEN_MAX: usize = 32;
/// Farthest that a keyword may reach, in characters.
const CONTEXT_WINDOW_MAX: u64 = 200;
/// Most characters that a mask may show at one end.
const KEEP_MAX: u64 = 10;
/// Most days that a date may be moved.
const SHIFT_DAYS_MAX: u16 = 3650;
/// Longest name of a replacement.
const REPLACEMENT_NAME_LEN_MAX: usize = 24;
/// Stands for every view that is not named.
const ANY_VIEW: &str = "*";

/// Compiles a policy; its tests are returned for [`super::self_test`].
pub(super) fn compile(yaml: &str) -> Result<(Policy, Vec<Spanned<TestDoc>>), PolicyError> {
    let document: Document = yaml::read(yaml, POLICY_BYTES_MAX)?;
    let ApiVersion::MaskV1 = document.api_version;
    if document.mode.value == Mode::Shadow {
        return Err(unavailable(&document.mode, "mode: shadow"));
    }
    if let Some(layer) = document.layers.first() {
        return Err(unavailable(layer, "a named layer"));
    }
    check_name(&document.id)?;
    if document.rules.len() > LIST_LEN_MAX || document.allow.len() > LIST_LEN_MAX {
        let got = document.rules.len().max(document.allow.len()).to_string();
        return Err(invalid(document.id.referenced.line(), "rules or allow", "at most 1024 entries", got));
    }

    let mut rules = Vec::with_capacity(document.rules.len());
    let mut by_entity = [None; Entity::ALL.len()];
    for (position, written) in (0..).zip(&document.rules) {
        let rule = resolve(written)?;
        if by_entity[rule.entity.index()].replace(position).is_some() {
            let line = written.referenced.line();
            return Err(PolicyError::DuplicateRule { line, entity: rule.entity.as_str() });
        }
        rules.push(rule);
    }
    let context: Vec<_> = rules.iter().map(|rule| (rule.entity, rule.context.clone())).collect();
    let lexicon = Lexicon::new(&context).map_err(|_too_many| PolicyError::TooManyKeywords)?;
    let allow: Vec<Allowed> = document.allow.iter().map(allowed).collect::<Result<_, _>>()?;
    let allowed = allow.iter().map(|entry| canonical_of_literal(&lexicon, &entry.literal)).collect();
    let policy = Policy {
        digest: digest::of((&document.id.value, document.version), &rules, &allow, &lexicon),
        replacements: replacements(&rules),
        has_clean_test: document.tests.iter().any(|test| test.value.unchanged),
        id: document.id.value,
        version: document.version,
        supersedes: document.supersedes.map(|digest| digest.value),
        effective: document.effective,
        approvals: document.approvals,
        rules,
        by_entity,
        allow,
        allowed,
        lexicon,
    };
    Ok((policy, document.tests))
}

fn check_name(id: &Spanned<String>) -> Result<(), PolicyError> {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    if (1..=64).contains(&id.value.len()) && id.value.bytes().all(plain) {
        return Ok(());
    }
    Err(invalid(id.referenced.line(), "id", "1 to 64 of a-z, 0-9 and -", id.value.clone()))
}

fn resolve(written: &Spanned<RuleDoc>) -> Result<Rule, PolicyError> {
    let line = written.referenced.line();
    let rule = &written.value;
    let entity = Entity::from_name(&rule.entity)
        .ok_or_else(|| invalid(line, "entity", "the name of an entity that the engine knows", rule.entity.clone()))?;
    if rule.reversible == Reversible::Vault {
        return Err(PolicyError::Unavailable { line, feature: "reversible: {vault: …}" });
    }
    let detect = &rule.detect;
    if detect.context.len() > CONTEXT_WORDS_MAX {
        let got = detect.context.len().to_string();
        return Err(invalid(line, "detect.context", "at most 256 words", got));
    }
    let bad_word = |word: &&String| !(1..=CONTEXT_WORD_LEN_MAX).contains(&word.trim().chars().count());
    if let Some(word) = detect.context.iter().find(bad_word) {
        return Err(invalid(line, "detect.context", "words of 1 to 32 characters", word.clone()));
    }
    if detect.context_window > CONTEXT_WINDOW_MAX {
        let got = detect.context_window.to_string();
        return Err(invalid(line, "detect.context_window", "at most 200 characters", got));
    }
    let operators = operators(line, rule, entity)?;
    Ok(Rule {
        entity,
        class: rule.class,
        basis: rule.basis.clone(),
        min_confidence: percent(line, detect.min_confidence)?,
        context: detect.context.clone(),
        context_window: usize::try_from(detect.context_window).unwrap_or(usize::MAX),
        leaving: leaving(line, rule.class, &rule.leaving)?,
        shows: shows(&operators),
        operators,
    })
}

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

fn percent(line: u64, share: f64) -> Result<u8, PolicyError> {
    (1..=100)
        .find(|&percent| (f64::from(percent) - share * 100.0).abs() < 0.5)
        .ok_or_else(|| invalid(line, "detect.min_confidence", "a share from 0.01 to 1", share.to_string()))
}

fn operators(line: u64, rule: &RuleDoc, entity: Entity) -> Result<[Operator; View::ALL.len()], PolicyError> {
    let default = match rule.views.get(ANY_VIEW) {
        Some(written) => operator(line, (rule.class, entity), written)?,
        None => Operator::Drop,
    };
    let mut operators = View::ALL.map(|_| default.clone());
    for (name, written) in rule.views.iter().filter(|(name, _)| name.as_str() != ANY_VIEW) {
        let view = View::from_str(name)
            .map_err(|_unknown| invalid(line, "views", "the names of views, or \"*\"", name.clone()))?;
        operators[view.index()] = operator(line, (rule.class, entity), written)?;
    }
    Ok(operators)
}

/// Gathers the views that show the same, so that it is worked out once.
fn shows(operators: &[Operator; View::ALL.len()]) -> Vec<(u16, Operator)> {
    let mut shows: Vec<(u16, Operator)> = Vec::new();
    for (view, operator) in View::ALL.into_iter().zip(operators).filter(|(_, operator)| **operator != Operator::Drop) {
        match shows.iter_mut().find(|(_, known)| known == operator) {
            Some((views, _)) => *views |= view.bit(),
            None => shows.push((view.bit(), operator.clone())),
        }
    }
    shows
}

fn operator(line: u64, (class, entity): (Class, Entity), written: &OperatorDoc) -> Result<Operator, PolicyError> {
    let only_c1 = |got: &str| Err(invalid(line, "views", "a value of this class to be hidden", got.to_owned()));
    match (written, class) {
        (OperatorDoc::Unavailable(feature), _) => Err(PolicyError::Unavailable { line, feature }),
        (OperatorDoc::Drop, _) => Ok(Operator::Drop),
        (OperatorDoc::Replace(template), _) => replacement(line, template),
        (OperatorDoc::Keep(_), Class::C3) => only_c1("keep"),
        (OperatorDoc::Token { .. }, Class::C3) => only_c1("token"),
        (OperatorDoc::Encrypt { .. }, Class::C3) => only_c1("fpe"),
        (OperatorDoc::ShiftDate { .. }, Class::C3) => only_c1("date_shift"),
        (OperatorDoc::Generalise(_), Class::C3) => only_c1("generalise"),
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

fn replacements(rules: &[Rule]) -> Vec<Vec<u8>> {
    let mut names: Vec<Vec<u8>> = Vec::new();
    for operator in rules.iter().flat_map(|rule| &rule.operators) {
        if let Operator::Replace { name } = operator {
            names.push(name.to_ascii_lowercase().into_bytes());
        }
    }
    names.sort_unstable();
    names.dedup();
    names
}

fn allowed(written: &Spanned<super::document::AllowDoc>) -> Result<Allowed, PolicyError> {
    let entry = &written.value;
    if entry.literal.trim().is_empty() || entry.why.trim().is_empty() {
        let line = written.referenced.line();
        return Err(invalid(line, "allow", "a literal and a reason", String::from("an empty one")));
    }
    Ok(Allowed { literal: entry.literal.clone(), why: entry.why.clone() })
}

fn unavailable<T>(written: &Spanned<T>, feature: &'static str) -> PolicyError {
    PolicyError::Unavailable { line: written.referenced.line(), feature }
}

fn invalid(line: u64, field: &'static str, expected: &'static str, got: String) -> PolicyError {
    PolicyError::Invalid { line, field, expected, got }
}
