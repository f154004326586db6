//! Numbers with letters and a check: unified social credit codes and IBANs, in any grouping.
//!
//! What they are is decided by [`super::validate`]; here they are only gathered across spaces and dashes.

use super::{
    entity::Entity,
    fold::Folded,
    scene::{Proposal, Scene},
    symbol,
    validate::{credit_code, iban},
};

/// Separators between two characters of one code.
const GAP_MAX: usize = 2;
/// Shortest group of letters that is a word.
const WORD_LEN_MIN: usize = 3;

/// Finds every code in the message.
pub(super) fn find(scene: &mut Scene<'_>) {
    let message = scene.message;
    for at in 0..message.len() {
        let digit = |at: usize| symbol::is_digit(message.at(at)) || symbol::is_numeral(message.at(at));
        let letter = |at: usize| symbol::is_letter(message.at(at));
        let check = if message.at(at + 2) == b' ' { at + 3 } else { at + 2 };
        let iban = letter(at) && letter(at + 1) && digit(check) && digit(check + 1);
        let credit_code = digit(at) || (matches!(message.at(at), b'a' | b'n' | b'y') && digit(at + 1));
        if (iban || credit_code) && (!symbol::is_alphanumeric(message.before(at)) || scene.hit_ends_at(at)) {
            if iban {
                find_iban(scene, at);
            }
            if credit_code {
                find_credit_code(scene, at);
            }
        }
    }
}

fn find_iban(scene: &mut Scene<'_>, at: usize) {
    let message = scene.message;
    let country = [message.at(at), message.at(at + 1)].map(|letter| letter.to_ascii_uppercase());
    let Some(length) = iban::length(country) else { return };
    if let Some((number, end)) = gather(message, at, length, false)
        && let Some(confidence) = iban::judge(&number)
    {
        let range = at..end;
        scene.propose(Proposal {
            range,
            entity: Entity::Iban,
            confidence,
            cost: 0,
            joined: false,
            canonical: &number,
            earlier: 0,
        });
    }
}

fn find_credit_code(scene: &mut Scene<'_>, at: usize) {
    if let Some((code, end)) = gather(scene.message, at, credit_code::LEN, true)
        && !has_word(scene.message.slice(at..end))
        && let Some(confidence) = credit_code::judge(&code)
    {
        let (range, entity) = (at..end, Entity::CreditCode);
        scene.propose(Proposal { range, entity, confidence, cost: 0, joined: false, canonical: &code, earlier: 0 });
    }
}

/// A group of letters alone is a word (`1736296935923 ERROR`): codes have digits in all but the shortest groups.
fn has_word(symbols: &[u8]) -> bool {
    let mut groups = symbols.split(|&symbol| !symbol::is_alphanumeric(symbol));
    groups.any(|group| group.len() >= WORD_LEN_MIN && group.iter().all(|&symbol| symbol::is_letter(symbol)))
}

/// Gathers `length` letters and digits in upper case, and returns them with one past the last; a longer word is none.
///
/// With `no_io` the letters I and O, which the code's alphabet lacks, are read as the digits that they look like.
fn gather(message: &Folded, from: usize, length: usize, no_io: bool) -> Option<(Vec<u8>, usize)> {
    let mut gathered = Vec::with_capacity(length);
    let (mut at, mut gap) = (from, 0);
    while gathered.len() < length {
        let symbol = message.at(at);
        if symbol::is_letter(symbol) {
            let read = if no_io && matches!(symbol, b'i' | b'o') { symbol::digit_value(symbol) } else { None };
            gathered.push(read.unwrap_or(symbol.to_ascii_uppercase()));
        } else if let Some(digit) = symbol::digit_value(symbol) {
            gathered.push(digit);
        } else if gap < GAP_MAX && matches!(symbol, b' ' | b'-' | b'.' | symbol::EMOJI | symbol::MIDDLE_DOT) {
            gap += 1;
            at += 1;
            continue;
        } else {
            return None;
        }
        gap = 0;
        at += 1;
    }
    (!symbol::is_alphanumeric(message.at(at)) || symbol::is_numeral(message.at(at))).then_some((gathered, at))
}
