//! Passwords, and one-time codes with letters: a word beside a keyword that could not be an ordinary one.
//!
//! After `:`, `=`, `是` or `is` almost any word counts; after a mere space it must hold a digit or a sign. Being class
//! C3, a doubtful one is masked. It knows nothing of numbers that need no keyword.

use std::ops::Range;

use super::{
    digits::Run,
    entity::Entity,
    fold::Folded,
    lexicon::{Cues, Hit},
    scene::{Proposal, Scene},
    secrets::says_is,
    symbol,
    validate::Confidence,
};

/// Shortest and longest password in characters.
const LEN_MIN: usize = 4;
const LEN_MAX: usize = 64;
/// Symbols between a keyword and its value.
const LINK_MAX: usize = 10;
/// Longest number after a mere space that is a password and not a phone.
const LOOSE_DIGITS_MAX: usize = 8;
/// Longest stretch of words between a value and a keyword after it.
const BACKWARD_REACH: usize = 30;
/// Shortest and longest one-time code with letters.
const CODE_LEN_MIN: usize = 4;
const CODE_LEN_MAX: usize = 8;

/// Words that follow `password is` without being one.
const ORDINARY: &[&[u8]] = &[
    b"wrong",
    b"incorrect",
    b"invalid",
    b"expired",
    b"required",
    b"correct",
    b"reset",
    b"changed",
    b"locked",
    b"forgotten",
    b"same",
    b"weak",
    b"strong",
    b"blank",
    b"empty",
    b"still",
    b"being",
    b"needed",
    b"lost",
    b"blocked",
    b"disabled",
    b"unknown",
    b"missing",
    b"safe",
    b"secure",
    b"secret",
    b"what",
    b"this",
    b"that",
    b"your",
    b"mine",
    b"working",
    b"rejected",
    b"accepted",
    b"protected",
    b"saved",
    b"stolen",
    b"leaked",
    b"valid",
    b"about",
    b"always",
    b"never",
    b"important",
    b"confidential",
    b"just",
    b"really",
    b"only",
    b"also",
    b"already",
    b"please",
    b"null",
    b"none",
    b"done",
    b"okay",
    b"enough",
    b"case",
    b"sensitive",
    b"there",
    b"here",
    b"then",
    b"they",
    b"them",
    b"http",
    b"https",
    b"somehow",
    b"compromised",
    b"temporary",
    b"not",
    b"fine",
    b"good",
    b"hard",
    b"easy",
    b"long",
    b"short",
    b"what's",
    b"mandatory",
    b"optional",
    b"different",
    b"unchanged",
    b"stored",
    b"sent",
    b"very",
    b"with",
    b"must",
    b"should",
    b"will",
    b"have",
    b"needs",
    b"from",
    b"when",
    b"where",
    b"which",
    b"hidden",
    b"masked",
    b"too",
    b"both",
    b"because",
    b"however",
];

/// How firmly a value is joined to its keyword, and where it begins.
struct Link {
    at: usize,
    firm: bool,
}

/// Finds the password that a keyword announces.
pub(super) fn find(scene: &mut Scene<'_>, run: &mut Run, hit: Hit) {
    let message = scene.message;
    if let Some(range) = quoted(message, hit.end) {
        propose(scene, Entity::Password, range, 92);
        return;
    }
    let link = link(message, hit.end);
    if let Some(range) = spoken(message, run, link.at).or_else(|| word(message, link.at, link.firm)) {
        propose(scene, Entity::Password, range, if link.firm { 92 } else { 78 });
    } else if let Some(range) = word_before(message, hit.start) {
        propose(scene, Entity::Password, range, 80);
    }
}

/// Finds a one-time code with letters right after its keyword; true when there is one.
pub(super) fn find_code(scene: &mut Scene<'_>, hit: Hit) -> bool {
    let message = scene.message;
    let link = link(message, hit.end);
    let len = (0..=CODE_LEN_MAX).take_while(|step| symbol::is_alphanumeric(message.at(link.at + step))).count();
    let range = link.at..link.at + len;
    let mixed = message.slice(range.clone()).iter().any(|&symbol| symbol::is_digit(symbol))
        && message.slice(range.clone()).iter().any(|&symbol| symbol::is_letter(symbol));
    if !link.firm || !mixed || !(CODE_LEN_MIN..=CODE_LEN_MAX).contains(&len) || hit.cues.meets(Cues::WEAK) {
        return false;
    }
    propose(scene, Entity::OneTimeCode, range, 84);
    true
}

/// Takes a message of one word for the answer to a question for a password.
pub(super) fn answer(scene: &mut Scene<'_>) {
    let message = scene.message;
    let Some(start) = (0..message.len()).find(|&at| !symbol::is_separator(message.at(at))) else { return };
    if let Some(range) = word(message, start, false)
        && message.slice(range.end..message.len()).iter().all(|&symbol| symbol::is_separator(symbol))
    {
        propose(scene, Entity::Password, range, 80);
    }
}

fn propose(scene: &mut Scene<'_>, entity: Entity, range: Range<usize>, confidence: u8) {
    let canonical: Vec<u8> = scene
        .message
        .slice(range.clone())
        .iter()
        .map(|&symbol| if symbol.is_ascii_graphic() { symbol } else { symbol::digit_value(symbol).unwrap_or(b' ') })
        .collect();
    let confidence = Confidence::new(confidence, confidence);
    scene.propose(Proposal { range, entity, confidence, cost: 0, joined: false, canonical: &canonical, earlier: 0 });
}

/// Skips what may stand between keyword and value.
fn link(message: &Folded, from: usize) -> Link {
    let (mut at, mut firm) = (from, false);
    while at - from < LINK_MAX {
        let word = |word: &[u8]| message.slice(at..at + word.len()) == word && !symbol::is_letter(message.before(at));
        match message.at(at) {
            b':' | b'=' | symbol::COPULA => (at, firm) = (at + 1, true),
            b'i' if word(b"is ") || word(b"is:") => (at, firm) = (at + 2, true),
            b'w' if word(b"was ") => (at, firm) = (at + 3, true),
            b't' if word(b"to ") => (at, firm) = (at + 2, true),
            b' ' | b'\n' | b',' | b'"' | b'\'' | b'(' | b'[' | b'-' | b'>' => at += 1,
            _ => break,
        }
    }
    Link { at, firm }
}

/// Finds a value in quotes, which may hold spaces.
fn quoted(message: &Folded, from: usize) -> Option<Range<usize>> {
    let at = link(message, from).at;
    let quote = message.before(at);
    if at <= from || !matches!(quote, b'"' | b'\'') {
        return None;
    }
    let len = (0..LEN_MAX).find(|step| message.at(at + step) == quote)?;
    let range = at..at + len;
    let clean = !message.slice(range.clone()).iter().any(|&symbol| matches!(symbol, symbol::MASKED | b'\n'));
    (clean && len >= LEN_MIN).then_some(range)
}

/// Finds a value in numerals or spaced digits: `密码是一二三四五六`, `1 2 3 4 5 6`.
fn spoken(message: &Folded, run: &mut Run, at: usize) -> Option<Range<usize>> {
    if run.read(message, at) == at {
        return None;
    }
    let groups = run.groups();
    let (first, first_end) = *groups.first()?;
    let (total, end) =
        if groups.iter().all(|&(len, _)| len == 1) { (groups.len(), groups.last()?.1) } else { (first, first_end) };
    let numerals = message.slice(at..end).iter().any(|&symbol| symbol::is_numeral(symbol)) || end > first_end;
    (numerals && total >= LEN_MIN && !symbol::is_letter(message.at(end))).then_some(at..end)
}

/// Finds a value of signs, letters and digits without spaces.
fn word(message: &Folded, at: usize, firm: bool) -> Option<Range<usize>> {
    let mut len = (0..=LEN_MAX).take_while(|step| (0x21..0x7F).contains(&message.at(at + step))).count();
    while len > 0
        && matches!(message.at(at + len - 1), b'.' | b',' | b';' | b':' | b'?' | b')' | b']' | b'>' | b'"' | b'\'')
    {
        len -= 1;
    }
    let range = at..at + len;
    let symbols = message.slice(range.clone());
    if !(LEN_MIN..=LEN_MAX).contains(&len) || symbols.iter().all(|&symbol| symbol == b'*') {
        return None;
    }
    let digits = symbols.iter().filter(|&&symbol| symbol::is_digit(symbol)).count();
    let plain = |symbol: u8| symbol::is_letter(symbol) || matches!(symbol, b'.' | b',' | b'\'' | b'-' | b'_' | b'/');
    if symbols.iter().all(|&symbol| plain(symbol)) {
        let ordinary = symbols.split(|&symbol| !symbol::is_letter(symbol)).any(|word| ORDINARY.contains(&word));
        return (firm && !ordinary).then_some(range);
    }
    let quantity = digits == len && matches!(message.at(range.end), symbol::UNIT | symbol::MONEY);
    let phone = digits == len && len > LOOSE_DIGITS_MAX;
    let address = symbols.contains(&b'@') && symbols.contains(&b'.') || symbols.starts_with(b"http");
    (!quantity && (firm || !(phone || address))).then_some(range)
}

/// Finds `hunter2 is my password`.
fn word_before(message: &Folded, hit_start: usize) -> Option<Range<usize>> {
    let from = hit_start.saturating_sub(BACKWARD_REACH);
    let joint = (from..hit_start).rev().find(|&at| says_is(message.slice(at..hit_start)))?;
    let end = (from..=joint).rev().find(|&at| message.before(at) != b' ')?;
    let start = (from..end).rev().take_while(|&at| (0x21..0x7F).contains(&message.at(at))).last()?;
    word(message, start, false).filter(|range| range.end == end)
}
