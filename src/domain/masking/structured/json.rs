//! The values of a JSON document with the names that they stand under, and where they are.
//!
//! It reads strictly and keeps places, which a parser that builds values throws away. Names are values too: somebody's number
//! may be one. A member that is a label speaks for its siblings.

use super::{Leaf, VALUES_MAX, names};

/// Deepest nesting that is followed.
pub const DEPTH_MAX: usize = 64;

/// Longest label that speaks for the values beside it.
const LABEL_BYTES_MAX: usize = 64;

/// Reads a document that is an object or an array; none when it is no such document.
pub(super) fn leaves(text: &str) -> Option<Vec<Leaf>> {
    let trimmed = text.trim_matches([' ', '\t', '\r', '\n']);
    if !matches!((trimmed.as_bytes().first()?, trimmed.as_bytes().last()?), (b'{', b'}') | (b'[', b']')) {
        return None;
    }
    let mut reader = Reader { text, at: 0, names: Vec::new(), leaves: Vec::new() };
    reader.value(0)?;
    reader.space();
    (reader.at == text.len()).then_some(reader.leaves)
}

struct Reader<'t> {
    text: &'t str,
    at: usize,
    names: Vec<String>,
    leaves: Vec<Leaf>,
}

impl Reader<'_> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\r' | b'\n')) {
            self.at += 1;
        }
    }

    fn take(&mut self, expected: u8) -> Option<()> {
        (self.peek() == Some(expected)).then(|| self.at += 1)
    }

    /// The names that a value stands under: the last one, and the one around it.
    fn name(&self) -> String {
        let last: Vec<&str> = self.names.iter().rev().take(2).rev().map(String::as_str).collect();
        last.join(" ")
    }

    fn value(&mut self, depth: usize) -> Option<()> {
        if self.leaves.len() >= VALUES_MAX {
            return None;
        }
        self.space();
        match self.peek()? {
            b'{' => self.members(depth, b'}', true),
            b'[' => self.members(depth, b']', false),
            b'"' => {
                let name = self.name();
                let leaf = self.string(name)?;
                self.leaves.push(leaf);
                Some(())
            }
            b'-' | b'0'..=b'9' => self.number(),
            _ => ["true", "false", "null"]
                .into_iter()
                .find_map(|word| self.text.get(self.at..)?.starts_with(word).then(|| self.at += word.len())),
        }
    }

    fn members(&mut self, depth: usize, close: u8, named: bool) -> Option<()> {
        if depth >= DEPTH_MAX {
            return None;
        }
        let (first, mut label) = (self.leaves.len(), None);
        self.at += 1;
        self.space();
        if self.take(close).is_some() {
            return Some(());
        }
        loop {
            self.space();
            if named {
                let name = self.string(String::new())?;
                self.names.push(names::words(&name.value));
                self.leaves.push(name);
                self.space();
                self.take(b':')?;
            }
            let is_label = self.names.last().is_some_and(|name| named && names::is_label(name));
            let before = self.leaves.len();
            self.value(depth + 1)?;
            if named {
                self.names.pop();
            }
            if is_label && self.leaves.len() == before + 1 {
                label = Some(before);
            }
            self.space();
            if self.take(b',').is_none() {
                self.speak_for(first, label);
                return self.take(close);
            }
        }
    }

    /// In `{"label": "cvv", "value": "737"}` the label is the word beside the other values.
    fn speak_for(&mut self, first: usize, label: Option<usize>) {
        let Some(label) = label else { return };
        let words = self.leaves.get(label).map(|leaf| names::words(&leaf.value)).unwrap_or_default();
        if words.len() > LABEL_BYTES_MAX {
            return;
        }
        let others = self.leaves.iter_mut().enumerate().skip(first).filter(|(at, _)| *at != label);
        others
            .filter(|(_, leaf)| !leaf.name.is_empty())
            .for_each(|(_, leaf)| leaf.name = format!("{words} {}", leaf.name));
    }

    fn number(&mut self) -> Option<()> {
        let from = self.at;
        while matches!(self.peek(), Some(b'-' | b'+' | b'.' | b'e' | b'E' | b'0'..=b'9')) {
            self.at += 1;
        }
        let value = self.text.get(from..self.at)?.to_owned();
        // Only what is a number by the grammar, which serde_json knows.
        serde_json::from_str::<serde_json::Number>(&value).ok()?;
        let places = (from..=self.at).collect();
        self.leaves.push(Leaf { name: self.name(), bytes: from..self.at, value, places, is_bare: true });
        Some(())
    }

    fn string(&mut self, name: String) -> Option<Leaf> {
        self.take(b'"')?;
        let from = self.at;
        let (mut value, mut places) = (String::new(), Vec::new());
        loop {
            let place = self.at;
            let character = self.text.get(self.at..)?.chars().next()?;
            self.at += character.len_utf8();
            let meant = match character {
                '"' => {
                    places.push(place);
                    return Some(Leaf { name, bytes: from..place, value, places, is_bare: false });
                }
                '\\' => self.escape()?,
                '\0'..='\u{1F}' => return None,
                plain => plain,
            };
            value.push(meant);
            places.extend(std::iter::repeat_n(place, meant.len_utf8()));
        }
    }

    /// What stands behind a backslash. A lone surrogate stands for no character.
    fn escape(&mut self) -> Option<char> {
        let kind = self.peek()?;
        self.at += 1;
        let meant = match kind {
            b'"' | b'\\' | b'/' => char::from(kind),
            b'b' => '\u{8}',
            b'f' => '\u{C}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => {
                let first = self.code_unit()?;
                let is_pair = matches!(first, 0xD800..=0xDBFF) && self.text.get(self.at..)?.starts_with("\\u");
                let second = if is_pair {
                    self.at += 2;
                    Some(self.code_unit()?)
                } else {
                    None
                };
                let units = [Some(first), second];
                let mut decoded = char::decode_utf16(units.into_iter().flatten());
                let character = decoded.next()?.ok()?;
                return decoded.next().is_none().then_some(character);
            }
            _ => return None,
        };
        Some(meant)
    }

    fn code_unit(&mut self) -> Option<u16> {
        let digits = self.text.get(self.at..self.at + 4)?;
        self.at += 4;
        digits.bytes().all(|byte| byte.is_ascii_hexdigit()).then(|| u16::from_str_radix(digits, 16).ok())?
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Option<Vec<(String, String)>> {
        let leaves = leaves(text)?;
        for leaf in &leaves {
            assert_eq!(leaf.places.len(), leaf.value.len() + 1);
            assert!(leaf.places.is_sorted() && leaf.places.last() == Some(&leaf.bytes.end));
        }
        Some(leaves.into_iter().filter(|leaf| !leaf.name.is_empty()).map(|leaf| (leaf.name, leaf.value)).collect())
    }

    #[test]
    fn values_are_told_with_their_names() {
        let text = r#" {"user": {"phoneNo": 138, "tags": ["a\u4f60\n", true]}, "x": -1.5e3} "#;
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let expected = [pair("user 手机号", "138"), pair("user tags", "a你\n"), pair("x", "-1.5e3")];
        assert_eq!(read(text).unwrap(), expected);
        assert_eq!(read("[\"\\ud83d\\ude00\"]").unwrap(), []);
    }

    #[test]
    fn what_is_no_document_is_none() {
        let deep = "[".repeat(DEPTH_MAX + 1) + &"]".repeat(DEPTH_MAX + 1);
        for text in [
            "",
            "{",
            "}",
            "{}x",
            "[1,]",
            "[01]",
            "[1 2]",
            "{\"a\"}",
            "{\"a\":}",
            "{a:1}",
            "[\"\\x\"]",
            "[\"\\ud800\"]",
            "[\"\\ud800\\u0041\"]",
            "[\"\\udc00\"]",
            "[\"a\nb\"]",
            "[nul]",
            "13",
            "\"a\"",
            "[微笑]",
            &deep,
        ] {
            assert!(leaves(text).is_none(), "{text}");
        }
        assert!(leaves(&("[".repeat(DEPTH_MAX) + &"]".repeat(DEPTH_MAX))).is_some());
    }
}
