//! Officers' own patterns: one set over the folded text, then each pattern that the set says is there.
//!
//! The text is folded character by character, so that a match leads back to the original, disguise included: full-width forms
//! and circled digits are plain ones, what can't be seen is gone, and seven Chinese numerals in a row are digits. What is
//! masked already is no part of it: a pattern can neither match a mask nor run over one, so that masking a masked text changes
//! nothing. It deliberately does not know what a pattern may be; that is [`super::policy`]'s business.

use std::ops::Range;

use regex::{Captures, Regex, RegexBuilder, RegexSet, RegexSetBuilder};

use super::{
    entity::Entity,
    fold_table::Entry,
    lexicon::Lexicon,
    masked::HIDDEN_MIN,
    policy::{Pattern, Rule, VALUE},
    scene::{Candidate, Scene},
    span::Canonical,
    symbol,
};
use crate::limits::{PATTERN_DEPTH_MAX, PATTERN_MEMORY_BYTES_MAX};

/// Chinese numerals are ordinary text until this many stand together.
const NUMERAL_RUN_MIN: usize = 7;
/// Percent that a word of the rule beside a match is worth.
const CONTEXT_BONUS: u8 = 15;
/// Surest that a match can be, in percent.
const CERTAINTY_MAX: u8 = 99;

/// The patterns of a policy.
pub(super) struct Patterns {
    set: RegexSet,
    each: Vec<Compiled>,
    /// One of them looks at what is around a match, and may match where it doesn't in the whole message.
    looks_around: bool,
    /// Canonical forms of the allowed values.
    allowed: Vec<String>,
}

struct Compiled {
    regex: Regex,
    /// Position of the rule.
    rule: u16,
    certainty: u8,
    /// The rule's words, folded.
    context: Vec<String>,
}

/// The patterns need more memory than they may.
#[derive(Debug)]
pub(super) struct TooLarge;

impl Patterns {
    /// Compiles the patterns of the rules that have one; `None` when none has.
    pub(super) fn new<'a>(
        lexicon: &Lexicon,
        rules: &[Rule],
        allowed: impl Iterator<Item = &'a str>,
    ) -> Result<Option<Self>, TooLarge> {
        let mut each = Vec::new();
        for (rule, at) in rules.iter().zip(0..).filter(|(rule, _)| rule.is_active()) {
            let Some(pattern) = &rule.pattern else { continue };
            let regex = RegexBuilder::new(&pattern.text)
                .case_insensitive(true)
                .nest_limit(PATTERN_DEPTH_MAX)
                .size_limit(PATTERN_MEMORY_BYTES_MAX)
                .dfa_size_limit(PATTERN_MEMORY_BYTES_MAX)
                .build();
            let context = rule.context.iter().map(|word| Plain::of(lexicon, word).text.to_lowercase()).collect();
            each.push(Compiled {
                regex: regex.map_err(|_| TooLarge)?,
                rule: at,
                certainty: pattern.certainty,
                context,
            });
        }
        if each.is_empty() {
            return Ok(None);
        }
        let set = RegexSetBuilder::new(each.iter().map(|compiled| compiled.regex.as_str()))
            .case_insensitive(true)
            .nest_limit(PATTERN_DEPTH_MAX)
            .size_limit(PATTERN_MEMORY_BYTES_MAX)
            .dfa_size_limit(PATTERN_MEMORY_BYTES_MAX)
            .build()
            .map_err(|_| TooLarge)?;
        let looks_around = rules.iter().filter_map(|rule| rule.pattern.as_ref()).any(Pattern::looks_around);
        let mut patterns = Self { set, each, looks_around, allowed: Vec::new() };
        patterns.allow(lexicon, allowed);
        Ok(Some(patterns))
    }

    /// Takes these literals, and no others, for public.
    pub(super) fn allow<'a>(&mut self, lexicon: &Lexicon, literals: impl Iterator<Item = &'a str>) {
        self.allowed = literals.map(|literal| canonical(&Plain::of(lexicon, literal).text)).collect();
    }

    /// Whether a message in which nothing else is worth a look may hold a match.
    pub(super) fn may_match(&self, lexicon: &Lexicon, text: &str) -> bool {
        self.looks_around || self.set.is_match(&Plain::of(lexicon, text).text)
    }
}

/// How sure a match is, beside one of the rule's words or not.
pub(super) fn surest(certainty: u8, beside: bool) -> u8 {
    let bonus = if beside { CONTEXT_BONUS } else { 0 };
    certainty.saturating_add(bonus).min(CERTAINTY_MAX.max(certainty))
}

/// A folded text that patterns can read, with the way back to its symbols.
struct Plain {
    text: String,
    /// Where each symbol begins in it, and where the last one ends.
    starts: Vec<usize>,
}

impl Plain {
    fn of(lexicon: &Lexicon, text: &str) -> Self {
        let mut characters: Vec<(char, u8)> = Vec::with_capacity(text.len());
        for character in text.chars() {
            let Entry { symbol, .. } = lexicon.table.entry(character);
            if symbol != symbol::IGNORE {
                characters.push((folded(character, symbol), symbol));
            }
        }
        let is_number = |&(_, symbol): &(char, u8)| symbol::is_digit(symbol) || symbol::is_numeral(symbol);
        for run in characters.chunk_by_mut(|one, other| is_number(one) == is_number(other)) {
            if run.len() >= NUMERAL_RUN_MIN && run.first().is_some_and(is_number) {
                for (character, symbol) in run {
                    *character = symbol::digit_value(*symbol).map_or(*character, char::from);
                }
            }
        }
        let (mut plain, mut starts) = (String::with_capacity(text.len()), Vec::with_capacity(characters.len() + 1));
        for (character, _) in characters {
            starts.push(plain.len());
            plain.push(character);
        }
        starts.push(plain.len());
        Self { text: plain, starts }
    }

    /// The symbols of a range of its bytes.
    fn symbols(&self, bytes: &Range<usize>) -> Range<usize> {
        let at = |byte: usize| self.starts.partition_point(|start| *start < byte);
        at(bytes.start)..at(bytes.end)
    }

    /// The bytes of a range of symbols.
    fn bytes(&self, symbols: &Range<usize>) -> Range<usize> {
        let byte = |at: usize| self.starts.get(at).copied().unwrap_or(self.text.len());
        byte(symbols.start)..byte(symbols.end)
    }
}

/// The plain form of a character, as it would be written on a keyboard: capital letters stay so.
fn folded(character: char, symbol: u8) -> char {
    match character {
        _ if character.is_ascii() => character,
        '\u{FF21}'..='\u{FF3A}' => char::from_u32(u32::from(character) - 0xFF21 + u32::from(b'A')).unwrap_or(character),
        _ if symbol == b' ' || symbol.is_ascii_graphic() => char::from(symbol),
        _ => character,
    }
}

/// The value without its disguise: separators gone, letters capital, so that equal values are alike.
fn canonical(matched: &str) -> String {
    let plain: String = matched.chars().filter(|character| character.is_alphanumeric()).collect();
    // Fewer characters would leave a mask that doesn't look like one.
    if plain.chars().count() < HIDDEN_MIN { matched.to_owned() } else { plain.to_ascii_uppercase() }
}

/// Proposes what the patterns match outside of what is masked.
pub(super) fn find(scene: &mut Scene<'_>) {
    let Some(patterns) = &scene.policy.patterns else { return };
    let plain = Plain::of(&scene.policy.lexicon, scene.text);
    for symbols in unmasked(scene) {
        let bytes = plain.bytes(&symbols);
        let Some(part) = plain.text.get(bytes.clone()) else { continue };
        for at in patterns.set.matches(part) {
            let Some(compiled) = patterns.each.get(at) else { continue };
            for found in compiled.regex.captures_iter(part) {
                propose(scene, patterns, (compiled, &plain), (bytes.start, &found));
            }
        }
    }
}

/// Stretches of symbols between those that are masked already.
fn unmasked(scene: &Scene<'_>) -> Vec<Range<usize>> {
    let mut stretches = Vec::new();
    let mut at = 0;
    for run in scene.message.symbols().chunk_by(|one, other| (*one == symbol::MASKED) == (*other == symbol::MASKED)) {
        if run.first() != Some(&symbol::MASKED) {
            stretches.push(at..at + run.len());
        }
        at += run.len();
    }
    stretches
}

fn propose(
    scene: &mut Scene<'_>,
    patterns: &Patterns,
    (compiled, plain): (&Compiled, &Plain),
    (offset, found): (usize, &Captures<'_>),
) {
    let Some(value) = found.name(VALUE).or_else(|| found.get(0)) else { return };
    // A star is what is left of a value.
    if value.as_str().contains('*') {
        return;
    }
    let Some(rule) = scene.policy.rules().get(usize::from(compiled.rule)) else { return };
    let range = plain.symbols(&(offset + value.start()..offset + value.end()));
    let word = beside(compiled, plain, &range, rule.context_window);
    let confidence = surest(compiled.certainty, word.is_some());
    let canonical = canonical(value.as_str());
    if confidence < rule.min_confidence || patterns.allowed.contains(&canonical) {
        return;
    }
    scene.candidates.push(Candidate {
        range,
        entity: Entity::Custom,
        confidence,
        loose: false,
        rule: compiled.rule,
        canonical: Canonical::new(canonical.as_bytes()),
        earlier: 0,
        word,
    });
}

/// A word of the rule's that stands before or behind a value, within its reach; the nearest before comes first.
fn beside(compiled: &Compiled, plain: &Plain, value: &Range<usize>, reach: usize) -> Option<Range<usize>> {
    let before = plain.bytes(&(value.start.saturating_sub(reach)..value.start));
    let after = plain.bytes(&(value.end..value.end.saturating_add(reach)));
    let lower = |range: &Range<usize>| plain.text.get(range.clone()).unwrap_or_default().to_ascii_lowercase();
    let (left, right) = (lower(&before), lower(&after));
    let words = compiled.context.iter().filter(|word| !word.is_empty());
    let at = |start: usize, word: &String| plain.symbols(&(start..start + word.len()));
    let nearest = words.clone().filter_map(|word| Some((left.rfind(word.as_str())?, word))).max_by_key(|(at, _)| *at);
    let behind = || words.clone().find_map(|word| Some(at(after.start + right.find(word.as_str())?, word)));
    nearest.map(|(start, word)| at(before.start + start, word)).or_else(behind)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(text: &str) -> String {
        Plain::of(&Lexicon::new(&[]).unwrap(), text).text
    }

    #[test]
    fn disguises_are_folded_and_ordinary_text_stays() {
        for (text, expected) in [
            ("ＬＮ２０２４", "LN2024"),
            ("Ln\u{200B}20\u{FE0F}24", "Ln2024"),
            ("①②③", "123"),
            ("LN一二三四五六七", "LN1234567"),
            ("三十六个月", "三十六个月"),
        ] {
            assert_eq!(plain(text), expected, "{text}");
        }
    }

    #[test]
    fn a_match_leads_back_to_its_symbols() {
        let plain = Plain::of(&Lexicon::new(&[]).unwrap(), "工号\u{200B}１２3");
        assert_eq!(plain.symbols(&(6..9)), 2..5);
        assert_eq!(plain.bytes(&(2..5)), 6..9);
    }
}
