//! Runs a policy's own tests; a policy that fails one, or has an untested rule, never becomes active.
//!
//! It knows no keys: tokens in expected texts are [`TEST_TOKEN`].

use std::collections::BTreeSet;

use serde_saphyr::Spanned;

use super::{
    super::{Tail, Tokens, apply, detect, entity::Entity, view::View},
    Policy, PolicyError,
    document::TestDoc,
};

/// What a policy's tests write for any token.
pub(super) const TEST_TOKEN: &str = "token";

/// Stands for the tenant's keys, which tests of a policy must not need.
struct TestTokens;

impl Tokens for TestTokens {
    fn token(&self, _key: &str, _entity: &str, _canonical: &str) -> String {
        TEST_TOKEN.to_owned()
    }
}

/// Runs every test; the first failure is the answer.
pub(super) fn run(policy: &Policy, tests: &[Spanned<TestDoc>]) -> Result<(), PolicyError> {
    let mut tested = BTreeSet::new();
    for (number, test) in (1..).zip(tests) {
        run_one(policy, number, test, &mut tested)?;
    }
    match policy.rules.iter().find(|rule| !tested.contains(&rule.entity)) {
        Some(rule) => Err(PolicyError::Untested { entity: rule.entity.as_str() }),
        None => Ok(()),
    }
}

fn run_one(
    policy: &Policy,
    number: usize,
    test: &Spanned<TestDoc>,
    tested: &mut BTreeSet<Entity>,
) -> Result<(), PolicyError> {
    let line = test.referenced.line();
    let test = &test.value;
    let mut tail = Tail::empty();
    for earlier in &test.after {
        detect(policy, earlier, &mut tail, 0);
    }
    let spans = detect(policy, &test.input, &mut tail, 0);
    tested.extend(spans.iter().map(|span| span.entity));
    let masked = apply(policy, &test.input, &spans, &TestTokens);
    let expectations = expectations(test);
    if expectations.is_empty() {
        let expected = "at least one view, or unchanged: true";
        return Err(PolicyError::Invalid { line, field: "tests", expected, got: String::from("neither") });
    }
    for (view, expected) in expectations {
        let got = masked.render(view);
        if got != expected {
            return Err(PolicyError::TestFailed { number, line, view, expected: expected.to_owned(), got });
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
