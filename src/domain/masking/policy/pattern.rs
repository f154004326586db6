//! A pattern as an officer writes it: a regular expression of the `regex` crate, held against what would make it useless or
//! dangerous before it becomes active.
//!
//! It is matched against folded text (see [`super::super::patterns`]), without a difference between capital and small letters.
//! A group `(?P<value>…)` is the value; the rest of the match is then its surroundings. Source: the syntax of the crate
//! `regex-syntax`; Unicode TS 18 for what `\d`, `\w` and `\b` mean.

use regex_syntax::ParserBuilder;
use regex_syntax::hir::{Class, ClassUnicodeRange, Hir, HirKind, Look};

use super::PolicyError;
use super::resolve::invalid;
use crate::limits::{PATTERN_BYTES_MAX, PATTERN_DEPTH_MAX, PATTERN_MATCH_BYTES_MAX, PATTERN_MATCH_CHARACTERS_MIN};

/// The group that is the value.
pub(in super::super) const VALUE: &str = "value";

/// A pattern that can be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern {
    /// As written.
    pub text: String,
    /// How sure a match is by itself, in percent.
    pub certainty: u8,
}

/// What is worth a look in a pattern that can be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trap {
    /// `\b` knows no boundary between ideographs and digits.
    WordBoundary,
    /// `\d` is more than ten digits, and folded text has no other.
    AnyDigit,
}

impl Trap {
    /// As the pattern has it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::WordBoundary => r"\b",
            Self::AnyDigit => r"\d",
        }
    }

    /// What to write in its place.
    pub const fn instead(self) -> &'static str {
        match self {
            Self::WordBoundary => r"(?-u:\b)",
            Self::AnyDigit => "[0-9]",
        }
    }
}

impl Pattern {
    /// Reads a pattern; it must be bounded, match something, and not be tied to the ends of a message.
    pub(super) fn read(line: u64, text: &str, certainty: u8) -> Result<Self, PolicyError> {
        let refuse = |expected, got: String| Err(invalid(line, "pattern", expected, got));
        if !(1..=PATTERN_BYTES_MAX).contains(&text.len()) {
            return refuse("1 to 512 bytes", format!("{} bytes", text.len()));
        }
        let hir = match parse(text) {
            Ok(hir) => hir,
            Err(fault) => return refuse("a regular expression (syntax of the Rust crate regex)", fault),
        };
        let looks = hir.properties().look_set();
        if looks.contains_anchor() {
            return refuse("no ^ or $: a value may stand anywhere in a message", text.to_owned());
        }
        match hir.properties().maximum_len() {
            Some(bytes) if bytes <= PATTERN_MATCH_BYTES_MAX => {}
            Some(bytes) => return refuse("at most 256 bytes that it can match", format!("{bytes} bytes")),
            None => {
                return refuse(
                    "an end: {1,20} in place of + or *, at most 256 bytes that it can match",
                    text.to_owned(),
                );
            }
        }
        let shortest = characters(value(&hir).unwrap_or(&hir));
        if shortest < PATTERN_MATCH_CHARACTERS_MIN {
            return refuse("at least 3 characters that it matches", format!("{shortest}"));
        }
        if let Some(character) = unreachable(&hir) {
            return refuse(
                "characters as they are folded: half-width, and none that can't be seen",
                format!("{}, which no folded text holds", character.escape_unicode()),
            );
        }
        Ok(Self { text: text.to_owned(), certainty })
    }

    /// Whether it asks for what stands around a match.
    pub(in super::super) fn looks_around(&self) -> bool {
        parse(&self.text).is_ok_and(|hir| !hir.properties().look_set().is_empty())
    }

    /// What is worth a look in it.
    pub fn traps(&self) -> Vec<Trap> {
        let looks = parse(&self.text).map(|hir| hir.properties().look_set()).unwrap_or_default();
        let unicode = [
            Look::WordUnicode,
            Look::WordUnicodeNegate,
            Look::WordStartUnicode,
            Look::WordEndUnicode,
            Look::WordStartHalfUnicode,
            Look::WordEndHalfUnicode,
        ];
        let boundary = unicode.into_iter().any(|look| looks.contains(look)).then_some(Trap::WordBoundary);
        boundary.into_iter().chain(has_any_digit(&self.text).then_some(Trap::AnyDigit)).collect()
    }
}

fn parse(text: &str) -> Result<Hir, String> {
    let mut parser = ParserBuilder::new().case_insensitive(true).nest_limit(PATTERN_DEPTH_MAX).build();
    parser.parse(text).map_err(|error| {
        // The whole message repeats the pattern over several lines.
        match error {
            regex_syntax::Error::Parse(fault) => fault.kind().to_string(),
            regex_syntax::Error::Translate(fault) => fault.kind().to_string(),
            _ => String::from("something else"),
        }
    })
}

/// Whether it writes `\d` or `\D` where that is not ASCII only.
fn has_any_digit(text: &str) -> bool {
    let mut escaped = false;
    let mut found = false;
    for character in text.chars() {
        found |= escaped && matches!(character, 'd' | 'D');
        escaped = character == '\\' && !escaped;
    }
    found && !text.contains("(?-u")
}

/// The group that is the value.
fn value(hir: &Hir) -> Option<&Hir> {
    match hir.kind() {
        HirKind::Capture(capture) if capture.name.as_deref() == Some(VALUE) => Some(&capture.sub),
        HirKind::Capture(capture) => value(&capture.sub),
        HirKind::Repetition(repetition) => value(&repetition.sub),
        HirKind::Concat(parts) | HirKind::Alternation(parts) => parts.iter().find_map(value),
        HirKind::Empty | HirKind::Literal(_) | HirKind::Class(_) | HirKind::Look(_) => None,
    }
}

/// Fewest characters that it matches.
fn characters(hir: &Hir) -> usize {
    match hir.kind() {
        HirKind::Empty | HirKind::Look(_) => 0,
        HirKind::Literal(literal) => String::from_utf8_lossy(&literal.0).chars().count(),
        HirKind::Class(_) => 1,
        HirKind::Repetition(repetition) => {
            let least = usize::try_from(repetition.min).unwrap_or(usize::MAX);
            characters(&repetition.sub).saturating_mul(least)
        }
        HirKind::Capture(capture) => characters(&capture.sub),
        HirKind::Concat(parts) => parts.iter().map(characters).fold(0, usize::saturating_add),
        HirKind::Alternation(parts) => parts.iter().map(characters).min().unwrap_or(0),
    }
}

/// A character that it asks for and folding leaves nowhere: then a part of it can't match.
fn unreachable(hir: &Hir) -> Option<char> {
    match hir.kind() {
        HirKind::Empty | HirKind::Look(_) | HirKind::Class(Class::Bytes(_)) => None,
        HirKind::Literal(literal) => {
            String::from_utf8_lossy(&literal.0).chars().find(|character| is_folded_away(*character))
        }
        // Without a difference between capital and small, a letter is a class of both.
        HirKind::Class(Class::Unicode(class)) => {
            let gone = |range: &ClassUnicodeRange| is_folded_away(range.start()) && is_folded_away(range.end());
            class.iter().next().filter(|_| class.iter().all(gone)).map(ClassUnicodeRange::start)
        }
        HirKind::Repetition(repetition) => unreachable(&repetition.sub),
        HirKind::Capture(capture) => unreachable(&capture.sub),
        HirKind::Concat(parts) | HirKind::Alternation(parts) => parts.iter().find_map(unreachable),
    }
}

/// Full-width forms, and what is transparent.
fn is_folded_away(character: char) -> bool {
    matches!(character, '\u{FF01}'..='\u{FF5E}' | '\u{3000}' | '\u{200B}'..='\u{200F}' | '\u{FE00}'..='\u{FE0F}' | '\u{FEFF}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(text: &str) -> String {
        Pattern::read(1, text, 80).err().map_or_else(|| panic!("{text} is taken"), |error| error.to_string())
    }

    #[test]
    fn what_can_match_nothing_anything_or_without_an_end_is_refused() {
        for (text, expected) in [
            ("", "1 to 512 bytes"),
            ("LN[0-9]{6", "regular expression"),
            ("(?:LN)?", "at least 3 characters"),
            ("[0-9]{2}", "at least 3 characters"),
            ("LN[0-9]+", "{1,20} in place of +"),
            ("LN[0-9]{1,300}", "at most 256 bytes"),
            ("LN.*", "in place of +"),
            ("^LN[0-9]{6}", "no ^ or $"),
            ("(?m)LN[0-9]{6}$", "no ^ or $"),
            ("ＬＮ[0-9]{6}", "as they are folded"),
            ("LN\u{200B}[0-9]{6}", "as they are folded"),
            ("工号(?P<value>[0-9]{1,8})", "at least 3 characters"),
            (&"(".repeat(40), "regular expression"),
            (&format!("{}LN123{}", "(".repeat(40), ")".repeat(40)), "regular expression"),
            (&"[0-9]{3}".repeat(65), "1 to 512 bytes"),
        ] {
            let shown = refused(text);
            assert!(shown.contains(expected), "{text}: {shown}");
        }
    }

    #[test]
    fn what_is_bounded_is_taken_and_its_traps_are_named() {
        for (text, traps) in [
            ("LN[0-9]{10}", vec![]),
            ("工号(?P<value>[0-9]{4,8})", vec![]),
            (r"(?-u:\b)LN[0-9]{6}", vec![]),
            (r"\bLN\d{6}", vec![Trap::WordBoundary, Trap::AnyDigit]),
            (r"LN\\d{6}", vec![]),
        ] {
            let pattern = Pattern::read(1, text, 80).unwrap_or_else(|error| panic!("{text}: {error}"));
            assert_eq!(pattern.traps(), traps, "{text}");
        }
    }
}
