//! Names and addresses as the engine's own: what the recogniser finds, held against the policy, as candidates and spans.
//!
//! It deliberately does not know how a name is recognised. A message in which nothing is found costs a walk and no allocation.

use std::{collections::BTreeMap, ops::Range};

use lww_recogniser::{Found, Kind, RECOGNISER};

use super::{
    entity::Entity,
    policy::Policy,
    scene::{Candidate, Scene},
    span::{Canonical, Span},
    symbol,
};

/// Most looks at one message: what is beside a name may look like one when the name is masked.
const ROUNDS_MAX: usize = 4;
/// Percent that a keyword of the policy before a value is worth.
const CONTEXT_BONUS: u8 = 20;

/// A name or an address that the policy wants.
struct Person {
    bytes: Range<usize>,
    entity: Entity,
    confidence: u8,
    rule: u16,
    canonical: Canonical,
}

/// Returns the names and addresses of a message in which nothing else is.
pub(super) fn spans(policy: &Policy, text: &str) -> Vec<Span> {
    let class = |rule: u16| policy.rules().get(usize::from(rule)).map(|rule| rule.class);
    find(policy, text, Vec::new())
        .into_iter()
        .filter_map(|Person { bytes, entity, confidence, rule, canonical }| {
            Some(Span {
                bytes,
                entity,
                class: class(rule)?,
                rule,
                confidence,
                canonical,
                word: None,
                earlier: 0,
                is_quoted: false,
            })
        })
        .collect()
}

/// Proposes the names and addresses of a message in which there may be other values.
pub(super) fn propose(scene: &mut Scene<'_>, text: &str) {
    if !wants(scene.policy) {
        return;
    }
    for person in find(scene.policy, text, masked(scene)) {
        let Person { bytes, entity, confidence, rule, canonical } = person;
        let range = scene.message.symbols_of(&bytes);
        scene.candidates.push(Candidate {
            range,
            entity,
            confidence,
            loose: false,
            rule,
            canonical,
            earlier: 0,
            word: None,
        });
    }
}

fn wants(policy: &Policy) -> bool {
    [Entity::PersonName, Entity::Address].into_iter().any(|entity| policy.rule_for(entity).is_some())
}

/// Returns what is masked already, in bytes.
fn masked(scene: &Scene<'_>) -> Vec<Range<usize>> {
    let mut ranges: Vec<Range<usize>> = Vec::new();
    for (at, _) in scene.message.symbols().iter().enumerate().filter(|(_, symbol)| **symbol == symbol::MASKED) {
        let bytes = scene.message.bytes(at..at + 1);
        match ranges.last_mut() {
            Some(last) if last.end == bytes.start => last.end = bytes.end,
            Some(_) | None => ranges.push(bytes),
        }
    }
    ranges
}

fn find(policy: &Policy, text: &str, mut masked: Vec<Range<usize>>) -> Vec<Person> {
    let mut people: Vec<Person> = Vec::new();
    if !wants(policy) {
        return people;
    }
    for _ in 0..ROUNDS_MAX {
        let mut more: Vec<Person> = Vec::new();
        RECOGNISER.find(text, &masked, &mut |found| more.extend(weigh(policy, text, found)));
        if more.is_empty() {
            break;
        }
        settle(&mut more);
        masked.extend(more.iter().map(|person| person.bytes.clone()));
        masked.sort_unstable_by_key(|range| range.start);
        people.extend(more);
    }
    people.sort_unstable_by_key(|person| person.bytes.start);
    people
}

fn weigh(policy: &Policy, text: &str, found: Found) -> Option<Person> {
    let entity = match found.kind {
        Kind::Name => Entity::PersonName,
        Kind::Address => Entity::Address,
    };
    let (position, rule) = policy.rule_for(entity)?;
    let before = text.get(..found.bytes.start).unwrap_or_default();
    let before = before.trim_end_matches([' ', ':', '：', '是']);
    let named = rule.context.iter().any(|word| before.ends_with(word.as_str()));
    let confidence = found.confidence.saturating_add(if named { CONTEXT_BONUS } else { 0 }).min(99);
    if confidence < rule.min_confidence {
        return None;
    }
    let plain = RECOGNISER.plain(text.get(found.bytes.clone())?);
    if policy.allow().iter().any(|allowed| allowed.literal == plain) {
        return None;
    }
    Some(Person { bytes: found.bytes, entity, confidence, rule: position, canonical: Canonical::new(plain.as_bytes()) })
}

/// Keeps the surer and longer of two that overlap: the address around a name.
fn settle(people: &mut Vec<Person>) {
    let worth = |person: &Person| usize::from(person.confidence) + person.bytes.len();
    people.sort_by_key(|person| (std::cmp::Reverse(worth(person)), person.bytes.start));
    let mut kept: BTreeMap<usize, usize> = BTreeMap::new();
    people.retain(|person| {
        let before = kept.range(..person.bytes.end).next_back();
        let free = before.is_none_or(|(_, end)| *end <= person.bytes.start);
        if free {
            kept.insert(person.bytes.start, person.bytes.end);
        }
        free
    });
}
