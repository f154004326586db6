//! The values of form fields, `mobile=13812345678&cvv=123`, with their names, and where they are.

use super::{Leaf, VALUES_MAX, names};

/// Fewest fields: a single `a=b` is a line of text.
const FIELDS_MIN: usize = 2;

/// Reads the fields of a message that is a form; none when it is anything else.
pub(super) fn leaves(text: &str) -> Option<Vec<Leaf>> {
    let is_form = text.contains('&') && !text.contains(char::is_whitespace);
    if is_form { fields(text).filter(|fields| fields.len() >= FIELDS_MIN) } else { None }
}

/// Reads form fields; none when the text is anything else.
pub(super) fn fields(text: &str) -> Option<Vec<Leaf>> {
    let mut leaves = Vec::new();
    let mut start = 0;
    for field in text.split('&') {
        if leaves.len() >= VALUES_MAX {
            return None;
        }
        let (name, value) = field.split_once('=')?;
        if name.is_empty()
            || !name.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | '[' | ']' | '%'))
        {
            return None;
        }
        let from = start + name.len() + 1;
        leaves.push(leaf(&decoded(name, 0).0, value, from));
        start = from + value.len() + 1;
    }
    Some(leaves)
}

fn leaf(name: &str, value: &str, from: usize) -> Leaf {
    let bytes = from..from + value.len();
    let (value, places) = decoded(value, from);
    Leaf { name: names::words(name), bytes, value, places, is_bare: false }
}

/// Undoes percent-encoding; what is no UTF-8 then stays as it is written.
fn decoded(text: &str, from: usize) -> (String, Vec<usize>) {
    let (mut bytes, mut places) = (Vec::new(), Vec::new());
    let raw = text.as_bytes();
    let mut at = 0;
    while let Some(&byte) = raw.get(at) {
        let pair = text.get(at + 1..at + 3).filter(|pair| byte == b'%' && pair.bytes().all(|b| b.is_ascii_hexdigit()));
        let meant = pair.and_then(|pair| u8::from_str_radix(pair, 16).ok());
        places.push(from + at);
        bytes.push(meant.unwrap_or(if byte == b'+' { b' ' } else { byte }));
        at += if meant.is_some() { 3 } else { 1 };
    }
    places.push(from + raw.len());
    match String::from_utf8(bytes) {
        Ok(value) => (value, places),
        Err(_bad) => (text.to_owned(), (from..=from + text.len()).collect()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_told_with_their_names_and_without_encoding() {
        let text = "mobile=138%2D1234&%E5%8D%A1%E5%8F%B7=6222+02&x=";
        let read: Vec<_> = leaves(text).unwrap().into_iter().map(|leaf| (leaf.name, leaf.value, leaf.bytes)).collect();
        let expected = [("mobile", "138-1234", 7..17), ("卡号", "6222 02", 37..44), ("x", "", 47..47)];
        assert_eq!(read, expected.map(|(name, value, bytes)| (name.to_owned(), value.to_owned(), bytes)));
    }

    #[test]
    fn what_is_no_form_is_none() {
        for text in ["", "a=b", "a=b&", "a b=c&d=e", "a&b=c", "=a&b=c", "R&D", "http://x/?a=b&c=d", "你好&再见"] {
            assert!(leaves(text).is_none(), "{text}");
        }
        assert_eq!(leaves("a=%ff&b=%").unwrap()[0].value, "%ff");
    }
}
