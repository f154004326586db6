//! Dates of birth beside their keyword, where a policy asks for them: `1990-03-07`, `1990年3月7日`, `7 March 1990`.
//!
//! The canonical form is the date as `YYYY-MM-DD`, or `YYYY-MM` where no day is given, so that it can be shifted and
//! generalised. A date without its keyword is any date.

use super::{
    calendar,
    entity::Entity,
    fold::Folded,
    lexicon::{Cues, Hit},
    scene::{Proposal, Scene},
    symbol,
    validate::Confidence,
};

/// Symbols between a keyword and its date.
const REACH: usize = 10;
/// Symbols between two parts of a date.
const GAP_MAX: usize = 2;
/// Letters by which English months are known.
const MONTHS: &[&[u8; 3]] =
    &[b"jan", b"feb", b"mar", b"apr", b"may", b"jun", b"jul", b"aug", b"sep", b"oct", b"nov", b"dec"];

/// Finds the date of every keyword of the message.
pub(super) fn find(scene: &mut Scene<'_>) {
    if scene.policy.rule_for(Entity::BirthDate).is_none() {
        return;
    }
    for position in 0..scene.hits.len() {
        let Some(&hit) = scene.hits.get(position) else { break };
        if hit.cues.meets(Cues::of(Entity::BirthDate)) {
            find_after(scene, hit);
        }
    }
}

fn find_after(scene: &mut Scene<'_>, hit: Hit) {
    let message = scene.message;
    for at in hit.end..=hit.end + REACH {
        if symbol::ends_clause(message.at(at)) {
            return;
        }
        if let Some((canonical, end)) = date(message, at) {
            scene.propose(Proposal {
                range: at..end,
                entity: Entity::BirthDate,
                confidence: Confidence::new(93, 93),
                cost: 0,
                joined: false,
                canonical: canonical.as_bytes(),
                earlier: 0,
            });
            return;
        }
    }
}

/// A part of a date: its number, how many characters it has, whether it is a month's name, and one past its last symbol.
#[derive(Clone, Copy)]
struct Part {
    value: u32,
    len: usize,
    named: bool,
    end: usize,
}

fn part(message: &Folded, from: usize) -> Option<Part> {
    let digits: Vec<u8> = (from..from + 9)
        .map_while(|at| symbol::digit_value(message.at(at)).filter(|_| !symbol::is_letter(message.at(at))))
        .collect();
    if !digits.is_empty() {
        let value = digits.iter().fold(0, |value, digit| value * 10 + u32::from(digit - b'0'));
        let mut end = from + digits.len();
        // `7th March`.
        if matches!(message.slice(end..end + 2), b"th" | b"st" | b"nd" | b"rd") {
            end += 2;
        }
        return Some(Part { value, len: digits.len(), named: false, end });
    }
    let month = (1..).zip(MONTHS).find(|(_, name)| message.slice(from..from + 3) == name.as_slice())?;
    let letters = (from..message.len()).take_while(|&at| symbol::is_letter(message.at(at))).count();
    Some(Part { value: month.0, len: letters, named: true, end: from + letters })
}

/// Reads a date that begins at a position; returns its canonical form and one past its last symbol.
fn date(message: &Folded, from: usize) -> Option<(String, usize)> {
    if symbol::is_digit(message.before(from)) {
        return None;
    }
    let first = part(message, from)?;
    if first.len == 8 && !first.named {
        return iso(first.value / 10_000, first.value / 100 % 100, first.value % 100).map(|date| (date, first.end));
    }
    let second = next(message, first.end)?;
    let whole = next(message, second.end).and_then(|third| {
        let unit = usize::from(message.at(third.end) == symbol::UNIT);
        ordered([first, second, third]).map(|date| (date, third.end + unit))
    });
    let month_alone = || {
        let unit = usize::from(message.at(second.end) == symbol::UNIT);
        let is_month = first.len == 4 && !first.named && (1..=12).contains(&second.value) && unit == 1;
        (is_month && calendar::is_year(first.value))
            .then(|| (format!("{:04}-{:02}", first.value, second.value), second.end + unit))
    };
    whole.or_else(month_alone)
}

fn next(message: &Folded, from: usize) -> Option<Part> {
    let joins = |symbol: u8| symbol::is_separator(symbol) || symbol == symbol::UNIT;
    let gap = (0..=GAP_MAX).find(|gap| !joins(message.at(from + gap)))?;
    if gap == 0 { None } else { part(message, from + gap) }
}

/// Year first, or last with the month before or after the day; where both could be, the month comes first.
fn ordered(parts: [Part; 3]) -> Option<String> {
    let [first, second, third] = parts;
    match (first.len == 4 && !first.named, first.named, second.named) {
        (true, _, _) => iso(first.value, second.value, third.value),
        (false, true, _) => iso(third.value, first.value, second.value),
        (false, false, true) => iso(third.value, second.value, first.value),
        (false, false, false) => {
            iso(third.value, first.value, second.value).or_else(|| iso(third.value, second.value, first.value))
        }
    }
}

fn iso(year: u32, month: u32, day: u32) -> Option<String> {
    (calendar::is_year(year) && calendar::is_date(year, month, day)).then(|| format!("{year:04}-{month:02}-{day:02}"))
}
