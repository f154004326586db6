//! The digest that names a policy in the ledger: SHA-256 of its resolved form in canonical JSON.
//!
//! It covers the name and version that entries give the policy and everything that decides what is masked, the engine's
//! own tables included; and nothing else: not the file's layout, comments, tests or approvals. Source: RFC 8785 (JSON
//! Canonicalization Scheme).

use ring::digest::{SHA256, digest};
use serde_json::{Value, json};

use super::{
    super::{
        keywords::KEYWORDS,
        lexicon::Lexicon,
        validate::{bank_card, iban},
        view::View,
    },
    Allowed, ENGINE_VERSION, Operator, Rule,
};

/// Returns the digest of a resolved policy, by its id and version.
pub(super) fn of(label: (&str, u64), rules: &[Rule], allow: &[Allowed], lexicon: &Lexicon) -> [u8; 32] {
    let mut canonical = String::new();
    write_canonical(&resolved(label, rules, allow, lexicon), &mut canonical);
    sha256(canonical.as_bytes())
}

fn resolved((id, version): (&str, u64), rules: &[Rule], allow: &[Allowed], lexicon: &Lexicon) -> Value {
    let words: Vec<&str> = KEYWORDS.iter().flat_map(|&(_, chinese, english)| [chinese, english]).collect();
    json!({
        "id": id,
        "version": version,
        "engine": {
            "version": ENGINE_VERSION,
            "characters": hex(&sha256(&lexicon.table.bytes())),
            "keywords": hex(&sha256(words.join(";").as_bytes())),
            "issuers": hex(&sha256(bank_card::describe().as_bytes())),
            "iban": hex(&sha256(iban::describe().as_bytes())),
        },
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

/// Writes a value with its keys in the order of their UTF-16 code units; our numbers are integers.
fn write_canonical(value: &Value, out: &mut String) {
    match value {
        Value::Object(fields) => {
            let mut sorted: Vec<_> = fields.iter().collect();
            sorted.sort_by(|(left, _), (right, _)| left.encode_utf16().cmp(right.encode_utf16()));
            write_list(out, '{', '}', sorted.into_iter(), |(key, value), out| {
                out.push_str(&Value::from(key.as_str()).to_string());
                out.push(':');
                write_canonical(value, out);
            });
        }
        Value::Array(items) => write_list(out, '[', ']', items.iter(), write_canonical),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => out.push_str(&value.to_string()),
    }
}

fn write_list<T>(
    out: &mut String,
    open: char,
    close: char,
    items: impl Iterator<Item = T>,
    write: impl Fn(T, &mut String),
) {
    out.push(open);
    for (position, item) in items.enumerate() {
        if position > 0 {
            out.push(',');
        }
        write(item, out);
    }
    out.push(close);
}

fn sha256(bytes: &[u8]) -> [u8; 32] {
    let mut hash = [0; 32];
    hash.copy_from_slice(digest(&SHA256, bytes).as_ref());
    hash
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]).filter_map(|half| char::from_digit(half.into(), 16)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn canonical_form_sorts_keys_and_escapes_like_rfc_8785() {
        let mut out = String::new();
        write_canonical(&json!({"b": [1, true, null], "a": "\u{20ac}$\u{000F}\nA'\u{0042}\"\\", "": {}}), &mut out);
        assert_eq!(out, "{\"\":{},\"a\":\"\u{20ac}$\\u000f\\nA'B\\\"\\\\\",\"b\":[1,true,null]}");
    }
}
