//! The digest that names a policy in the ledger: SHA-256 of its resolved form in canonical JSON.
//!
//! It covers the name and version that entries give the policy and everything that decides what is masked, the engine's
//! own tables included; and nothing else: not the file's layout, comments, tests or approvals. Source: RFC 8785 (JSON
//! Canonicalization Scheme).

use serde_json::{Value, json};

use super::{
    super::{
        super::canonical::{self, hex, sha256},
        keywords::KEYWORDS,
        lexicon::Lexicon,
        validate::{bank_card, iban},
        view::View,
    },
    Allowed, ENGINE_VERSION, Operator, Policy, Rule,
};

/// The engine of the first release. Its entries tell of neither the text nor the engine, so that a text of that time is known
/// by what that engine made of it.
const FIRST_ENGINE: [(&str, &str); 4] = [
    ("characters", "c6a6845528ae1212fcdb86f49c6634d7686dc5f5b04e185e91ecf683cb571f04"),
    ("keywords", "50d02aa9a521392abd835f7ff5a91b3aeca8f60a4df81cd378a9e112795d32a4"),
    ("issuers", "fbad2f62120413eb5cc82f92e98645b92c41bf1a94d31630134a5be70c32ddf9"),
    ("iban", "e025a16ced81b23c57b7520141cc1be695a37afedcf03d215da8518007ee29ad"),
];

/// Returns the digest of a resolved policy, by its id and version.
pub(super) fn of(label: (&str, u64), rules: &[Rule], allow: &[Allowed], lexicon: &Lexicon) -> [u8; 32] {
    canonical::digest(&resolved(label, rules, allow, &engine(lexicon)))
}

/// Returns the digest that the first release gave the same text.
pub(super) fn of_first_release(policy: &Policy) -> [u8; 32] {
    let mut engine: serde_json::Map<String, Value> =
        FIRST_ENGINE.into_iter().map(|(name, digest)| (name.to_owned(), json!(digest))).collect();
    engine.insert("version".to_owned(), json!(1));
    canonical::digest(&resolved((&policy.id, policy.version), &policy.rules, &policy.allow, &engine.into()))
}

/// Returns the digest of the engine alone: of its version and its own tables.
pub(super) fn of_engine(lexicon: &Lexicon) -> [u8; 32] {
    canonical::digest(&engine(lexicon))
}

fn engine(lexicon: &Lexicon) -> Value {
    let words: Vec<&str> = KEYWORDS.iter().flat_map(|&(_, chinese, english)| [chinese, english]).collect();
    json!({
        "version": ENGINE_VERSION,
        "characters": hex(&sha256(&lexicon.table.bytes())),
        "keywords": hex(&sha256(words.join(";").as_bytes())),
        "issuers": hex(&sha256(bank_card::describe().as_bytes())),
        "iban": hex(&sha256(iban::describe().as_bytes())),
    })
}

fn resolved((id, version): (&str, u64), rules: &[Rule], allow: &[Allowed], engine: &Value) -> Value {
    json!({
        "id": id,
        "version": version,
        "engine": engine,
        "rules": rules.iter().map(rule).collect::<Vec<_>>(),
        "allow": allow.iter().map(|entry| json!(entry.literal)).collect::<Vec<_>>(),
    })
}

fn rule(rule: &Rule) -> Value {
    let views: serde_json::Map<String, Value> =
        View::ALL.into_iter().map(|view| (view.to_string(), operator(rule.operator(view)))).collect();
    json!({
        "entity": rule.entity.as_str(),
        "class": rule.class.as_str(),
        "min_confidence": rule.min_confidence,
        "context": rule.context,
        "context_window": rule.context_window,
        "views": views,
    })
}

fn operator(operator: &Operator) -> Value {
    match operator {
        Operator::Drop => json!("drop"),
        Operator::KeepAll => json!({"keep": "all"}),
        Operator::Keep { first, last } => json!({"keep": {"first": first, "last": last}}),
        Operator::Replace { name } => json!({"replace": name}),
        Operator::Token { key } => json!({"token": "hmac", "key": key}),
    }
}
