//! Runs a policy's own tests; a policy that fails one, or has an untested rule, never becomes active.
//!
//! It knows no keys: tokens in expected texts are [`TEST_TOKEN`].

use std::collections::BTreeSet;

use serde_saphyr::Spanned;

use super::{
    super::{Heard, MaskedText, Tail, Tokens, apply, hear, mask_again, view::View},
    Occasion, Policy, PolicyError, Rule,
    document::TestDoc,
    layers::OWN,
};
use crate::units::MessageId;

/// What a policy's tests write for any token.
pub(super) const TEST_TOKEN: &str = "token";

/// Stands for the tenant's keys, which tests of a policy must not need.
struct TestTokens;

impl Tokens for TestTokens {
    fn token(&self, _key: &str, _entity: &str, _canonical: &str) -> String {
        TEST_TOKEN.to_owned()
    }
}

/// The rules that tests are about, by their places, and where.
type Tested = BTreeSet<(u16, Occasion)>;

/// Runs every test: what fails, and last a rule that no test is about.
pub(super) fn failures(policy: &Policy, tests: &[Spanned<TestDoc>]) -> Vec<PolicyError> {
    let mut tested = Tested::new();
    let mut failures = Vec::new();
    for (number, test) in (1..).zip(tests) {
        failures.extend(run_one(policy, number, test, &mut tested));
    }
    failures.extend(untested(policy, &tested));
    let told: BTreeSet<&String> = tests.iter().filter_map(|test| test.value.held.as_ref()).flatten().collect();
    let is_told = |rule: &&Rule| told.iter().any(|name| **name == rule.name.to_string());
    let untold = policy.rules.iter().filter(|rule| rule.leaving.hold).find(|rule| !is_told(rule));
    failures.extend(untold.map(|rule| PolicyError::UntestedHold { entity: rule.name.to_string() }));
    failures
}

/// A rule that no test masks anything by, where the layer applies that has it. Packs are tested by themselves.
fn untested(policy: &Policy, tested: &Tested) -> Option<PolicyError> {
    policy.rules.iter().zip(0..).find_map(|(rule, position)| {
        let mut own = rule.said().iter().filter(|stance| !stance.is_pack);
        let is_tested = |there: &Occasion| tested.iter().any(|(at, here)| *at == position && there.holds_at(here));
        let stance = own.find(|stance| !is_tested(&stance.occasion))?;
        let layer = if stance.layer == OWN { String::new() } else { format!(" in {}", stance.layer) };
        Some(PolicyError::Untested { entity: format!("{}{layer}", rule.name) })
    })
}

fn run_one(policy: &Policy, number: usize, test: &Spanned<TestDoc>, tested: &mut Tested) -> Vec<PolicyError> {
    let line = test.referenced.line();
    let test = &test.value;
    let there = Occasion { tenant: test.tenant.clone(), channel: test.channel.clone(), purpose: test.purpose.clone() };
    let policy = policy.on(&there);
    let mut tail = Tail::empty();
    let mut shown: Vec<MaskedText> = Vec::with_capacity(test.after.len() + 1);
    let mut held = Vec::new();
    for text in test.after.iter().chain([&test.input]) {
        let id = |place: usize| MessageId::from_random((place as u128).to_be_bytes());
        let Heard { spans, again } = hear(policy, text, &mut tail, id(shown.len()), 0);
        for again in &again {
            if let Some((_, earlier)) = shown.iter_mut().enumerate().find(|(place, _)| id(*place) == again.message) {
                *earlier = mask_again(policy, earlier, again, &TestTokens);
            }
            tested.insert((again.rule, there.clone()));
        }
        if shown.len() == test.after.len() {
            tested.extend(spans.iter().map(|span| (span.rule, there.clone())));
            held = policy.held(&spans);
        }
        shown.push(apply(policy, text, &spans, &TestTokens));
    }
    let Some(masked) = shown.pop() else { return Vec::new() };
    if let Err(error) = check_earlier(test, (number, line), &shown) {
        return vec![error];
    }
    if let Some(error) = check_held(test, (number, line), &held) {
        return vec![error];
    }
    let expectations = expectations(test);
    if expectations.is_empty() && test.held.is_none() {
        let expected = "at least one view, held, or unchanged: true";
        return vec![PolicyError::Invalid { line, field: "tests", expected, got: String::from("neither") }];
    }
    let failing = expectations.into_iter().filter_map(|(view, expected)| {
        let (got, expected) = (masked.render(view), expected.to_owned());
        (got != expected).then_some(PolicyError::TestFailed { number, line, view, expected, got })
    });
    failing.collect()
}

/// Holds what would be held, were it about to leave, against what the test says.
fn check_held(test: &TestDoc, (number, line): (usize, u64), held: &[String]) -> Option<PolicyError> {
    let mut expected: Vec<&str> = test.held.as_ref()?.iter().map(String::as_str).collect();
    let mut got: Vec<&str> = held.iter().map(String::as_str).collect();
    expected.sort_unstable();
    got.sort_unstable();
    let (expected, got) = (expected.join(", "), got.join(", "));
    (expected != got).then_some(PolicyError::HeldOtherwise { number, line, expected, got })
}

/// Holds what is shown of the earlier messages in the end against what the test says.
fn check_earlier(test: &TestDoc, (number, line): (usize, u64), shown: &[MaskedText]) -> Result<(), PolicyError> {
    for (view, expected) in &test.earlier {
        let invalid = |expected| PolicyError::Invalid { line, field: "earlier", expected, got: view.clone() };
        let view: View = view.parse().map_err(|_unknown| invalid("views by their names"))?;
        if expected.len() != shown.len() {
            return Err(invalid("one text for each message of `after`"));
        }
        for (expected, masked) in expected.iter().zip(shown) {
            let got = masked.render(view);
            if got != *expected {
                return Err(PolicyError::TestFailed { number, line, view, expected: expected.clone(), got });
            }
        }
    }
    Ok(())
}

fn expectations(test: &TestDoc) -> Vec<(View, &str)> {
    let named = [
        (View::Customer, &test.customer),
        (View::Agent, &test.agent),
        (View::Supervisor, &test.supervisor),
        (View::Auditor, &test.auditor),
        (View::Record, &test.record),
        (View::Analytics, &test.analytics),
        (View::Model, &test.model),
        (View::Export, &test.export),
        (View::Outbound, &test.outbound),
    ];
    let mut expectations: Vec<(View, &str)> =
        named.into_iter().filter_map(|(view, text)| Some((view, text.as_deref()?))).collect();
    if test.unchanged {
        expectations.extend(View::ALL.map(|view| (view, test.input.as_str())));
    }
    expectations
}
