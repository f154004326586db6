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
    Allowed, ENGINE_VERSION, Operator, Rule,
};

/// Returns the digest of a resolved policy, by its id and version.
pub(super) fn of(label: (&str, u64), rules: &[Rule], allow: &[Allowed], lexicon: &Lexicon) -> [u8; 32] {
    canonical::digest(&resolved(label, rules, allow, lexicon))
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

fn resolved((id, version): (&str, u64), rules: &[Rule], allow: &[Allowed], lexicon: &Lexicon) -> Value {
    json!({
        "id": id,
        "version": version,
        "engine": engine(lexicon),
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
