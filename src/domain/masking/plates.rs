//! Licence plates of the mainland: a province, a letter, then five characters, or six for new-energy vehicles.
//!
//! Source: GA 36-2018. The province makes it one; which letters a city gives out is not checked.

use super::{
    entity::Entity,
    fold::Folded,
    scene::{Proposal, Scene},
    symbol,
    validate::Confidence,
};

/// Separators after the province and between two characters.
const GAP_MAX: usize = 2;
/// Characters after the city's letter; six on new-energy plates.
const BODY_LENS: [usize; 2] = [6, 5];
/// Fewest digits of a plate, and fewest of one that nothing speaks for.
const DIGITS_MIN: usize = 2;
const SURE_DIGITS_MIN: usize = 3;

/// Finds every plate in the message.
pub(super) fn find(scene: &mut Scene<'_>) {
    let message = scene.message;
    for start in (0..message.len()).filter(|&at| message.at(at) == symbol::PROVINCE) {
        if let Some((plate, end)) = read(message, start) {
            propose(scene, start, &plate, end);
        }
    }
}

fn propose(scene: &mut Scene<'_>, start: usize, plate: &[u8], end: usize) {
    let digits = plate.iter().filter(|character| character.is_ascii_digit()).count();
    let confidence = Confidence::new(if digits >= SURE_DIGITS_MIN { 88 } else { 66 }, 97);
    let ideograph = |at: usize| scene.original(at..at + 1).chars().next().map(String::from).unwrap_or_default();
    let suffix = if is_end(scene.message.before(end)) { ideograph(end - 1) } else { String::new() };
    let canonical = [ideograph(start).as_bytes(), plate, suffix.as_bytes()].concat();
    let (range, entity) = (start..end, Entity::Plate);
    scene.propose(Proposal { range, entity, confidence, cost: 0, joined: false, canonical: &canonical, earlier: 0 });
}

/// Reads the letter and the characters after a province, in upper case, and one past the last.
fn read(message: &Folded, province: usize) -> Option<(Vec<u8>, usize)> {
    let (at, letter) = next(message, province + 1)?;
    let is_city = symbol::is_letter(letter) && !matches!(letter, b'i' | b'o');
    let read_body = |length: usize| {
        let (mut plate, mut at) = (vec![letter.to_ascii_uppercase()], at + 1);
        while plate.len() <= length {
            let (found, symbol) = next(message, at)?;
            if is_end(symbol) && plate.len() == length {
                return closes(message, found + 1).then_some((plate, found + 1));
            }
            // The letters I and O are on no plate.
            let digit = if symbol == b'l' { None } else { symbol::digit_value(symbol) };
            plate.push(digit.unwrap_or(symbol.to_ascii_uppercase()));
            at = found + 1;
        }
        closes(message, at).then_some((plate, at))
    };
    let is_plate = |(plate, _): &(Vec<u8>, usize)| {
        let characters = plate.iter().all(u8::is_ascii_alphanumeric);
        let digits = plate.iter().filter(|character| character.is_ascii_digit()).count();
        characters && digits >= DIGITS_MIN
    };
    BODY_LENS.into_iter().filter(|_| is_city).find_map(|length| read_body(length).filter(is_plate))
}

/// The next character within reach, and where it is.
fn next(message: &Folded, from: usize) -> Option<(usize, u8)> {
    let at = (from..=from + GAP_MAX).find(|&at| !symbol::is_separator(message.at(at)) || message.at(at) == b'\n')?;
    let symbol = message.at(at);
    (symbol::is_alphanumeric(symbol) || is_end(symbol)).then_some((at, symbol))
}

fn is_end(symbol: u8) -> bool {
    symbol == symbol::PLATE_END
}

fn closes(message: &Folded, at: usize) -> bool {
    !symbol::is_alphanumeric(message.at(at))
}
