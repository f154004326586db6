//! Amounts of money, where a policy asks for them: `¥1,288.50`, `5000元`, `3.5万`, `两万五千八百元`, `USD 300`.
//!
//! The canonical form is the amount in plain digits with two decimals where it has any, so that it can be generalised.
//! Messages are full of amounts, so nothing else depends on this module, and without a rule it does nothing.

use std::ops::Range;

use super::{
    entity::Entity,
    fold::Folded,
    scene::{Proposal, Scene},
    symbol,
    validate::Confidence,
};

/// Longest amount in symbols.
const LEN_MAX: usize = 32;
/// Currency words in small letters.
const CURRENCIES: &[&[u8]] = &[
    b"usd", b"eur", b"gbp", b"cny", b"rmb", b"hkd", b"jpy", b"sgd", b"dollars", b"dollar", b"euros", b"euro", b"yuan",
    b"pounds",
];
/// Ideographs of numbers by what they multiply with, and those that stand between a number and its unit.
const SMALL_UNITS: &[(char, u128)] = &[('十', 10), ('拾', 10), ('百', 100), ('佰', 100), ('千', 1_000), ('仟', 1_000)];
const LARGE_UNITS: &[(char, u128)] = &[('万', 10_000), ('萬', 10_000), ('亿', 100_000_000), ('億', 100_000_000)];
const ENDS: &str = "元块圆圓塊币整钱";
const COUNTRIES: &str = "美欧日港澳台加英";

/// Finds every amount in the message.
pub(super) fn find(scene: &mut Scene<'_>) {
    if scene.policy.rule_for(Entity::Amount).is_none() {
        return;
    }
    let message = scene.message;
    let mut at = 0;
    while at < message.len() {
        let Some((range, hundredths)) = amount(scene, at) else {
            at += 1;
            continue;
        };
        at = range.end;
        let canonical = match (hundredths / 100, hundredths % 100) {
            (whole, 0) => whole.to_string(),
            (whole, rest) => format!("{whole}.{rest:02}"),
        };
        scene.propose(Proposal {
            range,
            entity: Entity::Amount,
            confidence: Confidence::new(90, 95),
            cost: 0,
            joined: false,
            canonical: canonical.as_bytes(),
            earlier: 0,
        });
    }
}

/// Reads the amount that begins at a position: a sign or a currency, a number, a unit or a currency; one of them is needed.
fn amount(scene: &Scene<'_>, from: usize) -> Option<(Range<usize>, u128)> {
    let message = scene.message;
    let signed = message.at(from) == b'$';
    let named = if symbol::is_letter(message.before(from)) { 0 } else { currency(message, from) };
    let mut start = from + usize::from(signed) + named;
    if start > from && message.at(start) == b' ' {
        start += 1;
    }
    if start == from && (is_part(scene, from.checked_sub(1)) || message.before(from) == b'.') {
        return None;
    }
    let len = (0..LEN_MAX).take_while(|step| is_part(scene, Some(start + step))).count();
    // A comma or full stop at the end belongs to the sentence.
    let trailing = (0..len).take_while(|step| matches!(message.at(start + len - 1 - step), b',' | b'.')).count();
    let number = start..start + len - trailing;
    let hundredths = evaluate(scene, number.clone())?;
    let unit = unit(scene, number.end);
    let spaced = number.end + usize::from(message.at(number.end) == b' ');
    let after = if unit == 0 { currency(message, spaced) } else { 0 };
    let large = number.clone().any(|at| unit_of(scene, at, LARGE_UNITS).is_some());
    let end = if after > 0 { spaced + after } else { number.end + unit };
    (signed || named > 0 || unit > 0 || after > 0 || large).then_some((from..end, hundredths))
}

/// Length of the unit at a position, such as `元整` or `美元`, or 0.
fn unit(scene: &Scene<'_>, at: usize) -> usize {
    let country = usize::from(is_in(scene, at, COUNTRIES));
    match (at + country..scene.message.len()).take_while(|&at| is_in(scene, at, ENDS)).count() {
        0 => 0,
        ends => country + ends,
    }
}

/// Length of the currency word at a position, or 0.
fn currency(message: &Folded, at: usize) -> usize {
    let is_word =
        |word: &&&[u8]| message.slice(at..at + word.len()) == **word && !symbol::is_letter(message.at(at + word.len()));
    CURRENCIES.iter().find(is_word).map_or(0, |word| word.len())
}

fn character(scene: &Scene<'_>, at: usize) -> Option<char> {
    scene.original(at..at + 1).chars().next()
}

fn is_in(scene: &Scene<'_>, at: usize, characters: &str) -> bool {
    character(scene, at).is_some_and(|found| characters.contains(found))
}

fn unit_of(scene: &Scene<'_>, at: usize, units: &[(char, u128)]) -> Option<u128> {
    let found = character(scene, at)?;
    units.iter().find(|(unit, _)| *unit == found).map(|&(_, factor)| factor)
}

/// Says whether a symbol can be a part of a number.
fn is_part(scene: &Scene<'_>, at: Option<usize>) -> bool {
    let Some(at) = at else { return false };
    let symbol = scene.message.at(at);
    symbol::is_digit(symbol)
        || symbol::is_numeral(symbol)
        || matches!(symbol, b',' | b'.') && symbol::is_digit(scene.message.before(at))
        || unit_of(scene, at, SMALL_UNITS).is_some()
        || unit_of(scene, at, LARGE_UNITS).is_some()
}

/// The value of a number in hundredths; none when it has no digit, or too many.
fn evaluate(scene: &Scene<'_>, number: Range<usize>) -> Option<u128> {
    let (mut total, mut section, mut current): (u128, u128, u128) = (0, 0, 0);
    let (mut decimals, mut digits) = (None, 0);
    for at in number {
        let symbol = scene.message.at(at);
        if let Some(factor) = unit_of(scene, at, SMALL_UNITS) {
            let counted = if current == 0 { 100 } else { current };
            (section, current, decimals) = (section.checked_add(counted.checked_mul(factor)?)?, 0, None);
            digits += 1;
        } else if let Some(factor) = unit_of(scene, at, LARGE_UNITS) {
            total = total.checked_add(section.checked_add(current)?.checked_mul(factor)?)?;
            (section, current, decimals) = (0, 0, None);
        } else if symbol == b'.' {
            decimals = Some(10);
        } else if let Some(value) = symbol::digit_value(symbol).map(|digit| u128::from(digit - b'0')) {
            digits += 1;
            match decimals {
                None => current = current.checked_mul(10)?.checked_add(value * 100)?,
                Some(place) => {
                    current += value * place;
                    decimals = Some(place / 10);
                }
            }
        }
    }
    (digits > 0).then_some(total.checked_add(section)?.checked_add(current)?)
}
