//! The canonical form of JSON values and its SHA-256: what names a policy or a routing table in the ledger.
//!
//! Our values hold integers only, so that numbers need no rule of their own. Source: RFC 8785 (JSON Canonicalization
//! Scheme).

use ring::digest::SHA256;
use serde_json::Value;

/// SHA-256 of a value in canonical form.
pub(super) fn digest(value: &Value) -> [u8; 32] {
    sha256(text(value).as_bytes())
}

/// A value in canonical form.
pub(super) fn text(value: &Value) -> String {
    let mut canonical = String::new();
    write_canonical(value, &mut canonical);
    canonical
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

/// SHA-256 of bytes.
pub(super) fn sha256(bytes: &[u8]) -> [u8; 32] {
    let mut hash = [0; 32];
    hash.copy_from_slice(ring::digest::digest(&SHA256, bytes).as_ref());
    hash
}

/// Bytes as lower hex digits.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]).filter_map(|half| char::from_digit(half.into(), 16)).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn canonical_form_sorts_keys_and_escapes_like_rfc_8785() {
        let mut out = String::new();
        write_canonical(&json!({"b": [1, true, null], "a": "\u{20ac}$\u{000F}\nA'\u{0042}\"\\", "": {}}), &mut out);
        assert_eq!(out, "{\"\":{},\"a\":\"\u{20ac}$\\u000f\\nA'B\\\"\\\\\",\"b\":[1,true,null]}");
    }
}
