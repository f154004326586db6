//! From a parsed file to a compiled policy: its layers resolved, one form of it for each occasion that they ask for.
//!
//! It knows nothing of YAML beyond line numbers, and runs no test.

use std::collections::BTreeMap;

use serde_saphyr::Spanned;

use super::{
    super::{entity::Entity, lexicon::Lexicon, patterns::Patterns, secrets::canonical_of_literal, view::View},
    Allowed, Operator, Policy, PolicyError, Rule, digest,
    document::{ApiVersion, Document, Mode, TestDoc},
    layers::{self, Layer, Words},
    merge,
    occasion::{Occasion, combinations},
    resolve::invalid,
};
use crate::domain::yaml;
use crate::limits::{OCCASIONS_MAX, PATTERNS_MAX};

/// Longest policy in bytes.
const POLICY_BYTES_MAX: usize = 1 << 20;
/// Most rules, and most allowed values.
const LIST_LEN_MAX: usize = 1024;

/// Compiles a policy; its tests are returned for [`super::self_test`].
pub(super) fn compile(yaml: &str) -> Result<(Policy, Vec<Spanned<TestDoc>>), PolicyError> {
    let document: Document = yaml::read(yaml, POLICY_BYTES_MAX)?;
    let ApiVersion::MaskV1 = document.api_version;
    check_name(&document.id)?;
    let line = document.id.referenced.line();
    let length = document.rules.len().max(document.allow.len()).max(document.define.len());
    if length > LIST_LEN_MAX {
        return Err(invalid(line, "rules or allow", "at most 1024 entries", length.to_string()));
    }
    let (layers, words) = layers::of(&document)?;
    merge::check(&words)?;
    let occasions = combinations(&layers.iter().map(|layer| &layer.occasion));
    if occasions.len() > OCCASIONS_MAX {
        let expected = "at most 32 combinations of tenants, channels and purposes";
        return Err(invalid(line, "layers", expected, occasions.len().to_string()));
    }
    let resolved = occasions.into_iter().map(|there| (merge::rules(&words, &there), there));
    let resolved: Vec<(Vec<Rule>, Occasion)> = resolved.collect();
    let allow: Vec<Allowed> = document.allow.iter().map(allowed).collect::<Result<_, _>>()?;
    let whole = Whole { document: &document, layers, words, allow };
    let mut forms = resolved.iter().map(|(rules, there)| Ok((there.clone(), whole.form(rules)?)));
    let (_, mut policy) = forms.next().unwrap_or_else(|| Ok((Occasion::ANY, whole.form(&[])?)))?;
    policy.others = forms.collect::<Result<BTreeMap<_, _>, PolicyError>>()?;
    policy.layers = whole.layers;
    let named = digest::of(&policy);
    policy.digest = named;
    policy.others.values_mut().for_each(|form| form.digest = named);
    Ok((policy, document.tests))
}

/// What all forms of a policy have in common.
struct Whole<'d> {
    document: &'d Document,
    layers: Vec<Layer>,
    words: Vec<Words>,
    allow: Vec<Allowed>,
}

impl Whole<'_> {
    /// The policy as it is on one occasion.
    fn form(&self, rules: &[Rule]) -> Result<Policy, PolicyError> {
        let Self { document, words, allow, .. } = self;
        let mut by_entity = [None; Entity::ALL.len()];
        for (rule, position) in rules.iter().zip(0..).filter(|(rule, _)| rule.is_active && rule.pattern.is_none()) {
            by_entity[rule.entity.index()] = Some(position);
        }
        let own = |rule: &&Rule| rule.is_active && rule.pattern.is_none();
        let context: Vec<_> = rules.iter().filter(own).map(|rule| (rule.entity, rule.context.clone())).collect();
        let lexicon = Lexicon::new(&context).map_err(|_too_many| PolicyError::TooManyKeywords)?;
        let line = document.id.referenced.line();
        let count = rules.iter().filter(|rule| rule.pattern.is_some()).count();
        if count > PATTERNS_MAX {
            return Err(invalid(line, "pattern", "at most 64 patterns", count.to_string()));
        }
        let literals = allow.iter().map(|allowed| allowed.literal.as_str());
        let patterns = Patterns::new(&lexicon, rules, literals);
        let expected = "patterns that take at most 2 MiB of memory together";
        let patterns = patterns.map_err(|_| invalid(line, "pattern", expected, String::from("more")))?;
        Ok(Policy {
            id: document.id.value.clone(),
            version: document.version,
            supersedes: document.supersedes.as_ref().map(|digest| digest.value.clone()),
            effective: document.effective.clone(),
            approvals: document.approvals.clone(),
            rules: rules.to_vec(),
            by_entity,
            allow: allow.clone(),
            is_shadow: (document.mode.value == Mode::Shadow).then(|| document.mode.referenced.line()),
            has_clean_test: document.tests.iter().any(|test| test.value.unchanged),
            digest: [0; 32],
            layers: Vec::new(),
            others: BTreeMap::new(),
            allowed: allow.iter().map(|entry| canonical_of_literal(&lexicon, &entry.literal)).collect(),
            lexicon,
            patterns,
            replacements: replacements(words),
        })
    }
}

fn check_name(id: &Spanned<String>) -> Result<(), PolicyError> {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    if (1..=64).contains(&id.value.len()) && id.value.bytes().all(plain) {
        return Ok(());
    }
    Err(invalid(id.referenced.line(), "id", "1 to 64 of a-z, 0-9 and -", id.value.clone()))
}

/// Gathers the views that show the same, so that it is worked out once.
pub(super) fn shows(operators: &[Operator; View::ALL.len()]) -> Vec<(u16, Operator)> {
    let mut shows: Vec<(u16, Operator)> = Vec::new();
    for (view, operator) in View::ALL.into_iter().zip(operators).filter(|(_, operator)| **operator != Operator::Drop) {
        match shows.iter_mut().find(|(_, known)| known == operator) {
            Some((views, _)) => *views |= view.bit(),
            None => shows.push((view.bit(), operator.clone())),
        }
    }
    shows
}

/// The names of all replacements, on whatever occasion.
fn replacements(words: &[Words]) -> Vec<Vec<u8>> {
    let mut names: Vec<Vec<u8>> = Vec::new();
    let said = words.iter().flatten().flat_map(|(_, stance)| stance.operators.iter().flatten());
    for operator in said {
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
