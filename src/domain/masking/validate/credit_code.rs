//! Unified social credit codes: 18 characters, region, organisation code, check character modulo 31.
//!
//! Source: GB 32100-2015.

use super::{Confidence, is_province};

/// Length of a code in characters.
pub(in super::super) const LEN: usize = 18;

const ALPHABET: &[u8; 31] = b"0123456789ABCDEFGHJKLMNPQRTUWXY";
const WEIGHTS: [usize; 17] = [1, 3, 9, 27, 19, 26, 16, 17, 20, 29, 25, 13, 8, 24, 10, 30, 28];

/// Judges 18 upper-case characters.
pub(in super::super) fn judge(code: &[u8]) -> Option<Confidence> {
    let region = code.get(2..8)?;
    if code.len() != LEN
        || !is_registered(code)
        || !region.iter().all(u8::is_ascii_digit)
        || !is_province(region.get(..2)?)
    {
        return None;
    }
    let mut sum = 0;
    for (weight, character) in WEIGHTS.iter().zip(code) {
        sum += weight * position(*character)?;
    }
    let check = position(*code.last()?)?;
    let lettered = code.iter().any(u8::is_ascii_uppercase);
    match ((31 - sum % 31) % 31 == check, lettered) {
        (true, true) => Some(Confidence::checked(95, 98)),
        (true, false) => Some(Confidence::checked(74, 95)),
        (false, _) => Some(Confidence::new(20, 75)),
    }
}

/// Says whether the first two characters name a registering authority and one of its kinds of organisation.
fn is_registered(code: &[u8]) -> bool {
    matches!(
        code,
        [b'1' | b'5' | b'N', b'1' | b'2' | b'3' | b'9', ..]
            | [b'2' | b'4' | b'8' | b'A', b'1' | b'9', ..]
            | [b'3', b'1'..=b'5' | b'9', ..]
            | [b'6' | b'7', b'1' | b'2' | b'9', ..]
            | [b'9', b'1' | b'2' | b'3', ..]
            | [b'Y', b'1', ..]
    )
}

fn position(character: u8) -> Option<usize> {
    ALPHABET.iter().position(|&candidate| candidate == character)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(code: &str, alone: Option<u8>) {
        assert_eq!(judge(code.as_bytes()).map(|c| c.alone), alone, "{code}");
    }

    #[test]
    fn a_right_check_character_is_sure() {
        check("91350100M000100Y43", Some(95));
        check("91350100M000100Y44", Some(20));
    }

    #[test]
    fn letters_and_regions_outside_the_standard_are_no_code() {
        check("91350100I000100Y43", None);
        check("91990100M000100Y43", None);
        check("01350100M000100Y43", None);
        check("97350100M000100Y43", None);
        check("91350100M000100Y4", None);
        check("", None);
    }
}
