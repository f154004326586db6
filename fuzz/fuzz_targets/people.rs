//! Feeds the recogniser of names and addresses, by a policy that wants nothing else and is content with the least confidence.
//!
//! Spans lie in the text, in order and apart, and finding twice is the same.
#![no_main]

use std::sync::LazyLock;

use liaowaiwai::domain::masking::{Policy, Tail, detect};
use libfuzzer_sys::fuzz_target;

const RULES: &str = "apiVersion: mask/v1
id: people
version: 1
mode: enforce
layers: []
rules:
  - {entity: person.name, class: C2, basis: [], detect: {min_confidence: 0.01}, views: {agent: {keep: {first: 1, last: 0}}}, reversible: false}
  - {entity: address, class: C2, basis: [], detect: {min_confidence: 0.01}, views: {agent: {keep: {first: 6, last: 0}}}, reversible: false}
tests:
  - {in: 我叫张三丰, agent: 我叫张**}
  - {in: 寄到北京市朝阳区建国路88号, agent: 寄到北京市朝阳区******}
";

fuzz_target!(|text: &str| {
    static POLICY: LazyLock<Policy> = LazyLock::new(|| Policy::load(RULES).expect("the policy passes its tests"));
    let spans = detect(&POLICY, text, &mut Tail::empty(), 0);
    let mut from = 0;
    for span in &spans {
        assert!(from <= span.bytes.start && text.get(span.bytes.clone()).is_some());
        from = span.bytes.end;
    }
    assert_eq!(detect(&POLICY, text, &mut Tail::empty(), 0).len(), spans.len());
});
