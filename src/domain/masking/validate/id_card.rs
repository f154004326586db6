//! Resident identity card numbers: 18 characters with a check character, and the older 15 digits.
//!
//! Only the province of the region code is checked: counties are abolished and renumbered, and people keep their old
//! numbers. Source: GB 11643-1999, ISO 7064 MOD 11-2.

use super::{super::calendar, Confidence, is_province, number};

const WEIGHTS: [u32; 17] = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];
const CHECK_CHARACTERS: &[u8; 11] = b"10X98765432";

/// Judges 18 characters, digits and a last `X`.
pub(in super::super) fn eighteen(characters: &[u8]) -> Option<Confidence> {
    let (body, check) = characters.split_at_checked(17)?;
    let date = body.get(6..14)?;
    if check.len() != 1 || !is_province(body.get(..2)?) || !is_date(date.get(..4)?, date.get(4..)?) {
        return None;
    }
    if check_character(body).is_some_and(|expected| check == [expected]) {
        Some(Confidence::checked(98, 99))
    } else {
        Some(Confidence::new(50, 85))
    }
}

/// Judges 15 digits, which have no check digit; the year has two digits and means 19xx.
pub(in super::super) fn fifteen(digits: &[u8]) -> Option<Confidence> {
    let year: Vec<u8> = [b"19", digits.get(6..8)?].concat();
    let valid = digits.len() == 15 && is_province(digits.get(..2)?) && is_date(&year, digits.get(8..12)?);
    valid.then_some(Confidence::new(76, 92))
}

/// The check character behind 17 digits.
pub(in super::super) fn check_character(body: &[u8]) -> Option<u8> {
    let mut sum = 0;
    for (weight, digit) in WEIGHTS.iter().zip(body) {
        sum += weight * u32::from(digit.checked_sub(b'0')?);
    }
    CHECK_CHARACTERS.get(usize::try_from(sum % 11).ok()?).copied()
}

fn is_date(year: &[u8], month_day: &[u8]) -> bool {
    let (Some(year), Some(month_day)) = (number(year), number(month_day)) else { return false };
    let (month, day) = (month_day / 100, month_day % 100);
    calendar::is_year(year) && calendar::is_date(year, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(characters: &str, alone: Option<u8>) {
        let judged =
            if characters.len() == 15 { fifteen(characters.as_bytes()) } else { eighteen(characters.as_bytes()) };
        assert_eq!(judged.map(|c| c.alone), alone, "{characters}");
    }

    #[test]
    fn numbers_with_region_date_and_check_character_are_sure() {
        for valid in ["11010519491231002X", "440524188001010014", "110101199003071233"] {
            check(valid, Some(98));
        }
    }

    #[test]
    fn a_wrong_check_character_leaves_doubt() {
        check("110105194912310021", Some(50));
        check("440524188001010015", Some(50));
    }

    #[test]
    fn impossible_regions_and_dates_are_no_number() {
        for bad in ["20010519491231002X", "11010519490231002X", "11010519491331002X", "11010519010229002X", "", "1"] {
            check(bad, None);
        }
        check("110105000000002", None);
        check("110105491231002", Some(76));
        check("990105491231002", None);
    }
}
