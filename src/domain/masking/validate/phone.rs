//! Mainland phone numbers: mobile segments, and landlines by their area codes.
//!
//! Hotlines (955xx, 400) are public and are none of them. Source: the telecommunications numbering plan of MIIT (2017
//! edition with later segments); YD/T 1127.

use super::{Confidence, number};

/// Three-digit segments `1xx` that are not in use for people's phones.
const UNUSED_SEGMENTS: &[u32] = &[140, 142, 143, 146, 154, 160, 161, 163, 164, 168, 169, 179, 194];

/// Area codes of four digits by their second and third, where (almost) all ten are in use.
const AREA_TENS: &[u32] = &[
    31, 34, 35, 37, 39, 41, 43, 45, 46, 47, 51, 53, 55, 56, 57, 59, 71, 73, 75, 77, 79, 81, 83, 85, 87, 89, 91, 93, 95,
    97, 99,
];
/// Other area codes of four digits, without their leading zero.
const AREAS: &[u32] = &[
    335, 421, 427, 429, 464, 482, 483, 523, 527, 543, 546, 580, 631, 632, 633, 634, 635, 660, 662, 663, 668, 691, 692,
    701, 722, 724, 728, 743, 744, 745, 746, 760, 762, 763, 766, 768, 769, 825, 826, 827, 883, 886, 887, 888, 901, 902,
    903, 906, 908, 909, 941, 943,
];

/// Judges 11 digits as a mobile number.
pub(in super::super) fn mobile(digits: &[u8]) -> Option<Confidence> {
    let segment = number(digits.get(..3)?)?;
    if digits.len() != 11 || !(130..=199).contains(&segment) {
        return None;
    }
    if UNUSED_SEGMENTS.contains(&segment) { Some(Confidence::new(50, 85)) } else { Some(Confidence::new(92, 98)) }
}

/// Takes a country or trunk prefix from a mobile number: `86`, `+86`, `0086`, `0`.
pub(in super::super) fn without_prefix(digits: &[u8]) -> &[u8] {
    [b"0086".as_slice(), b"86", b"0"]
        .iter()
        .filter_map(|prefix| digits.strip_prefix(*prefix))
        .find(|rest| rest.len() == 11)
        .unwrap_or(digits)
}

/// Judges 10 to 12 digits as a landline; `separated` says whether a separator stands after so many digits.
pub(in super::super) fn landline(digits: &[u8], separated: impl Fn(usize) -> bool) -> Option<Confidence> {
    let area_len = area_len(digits)?;
    let subscriber = digits.get(area_len..)?;
    let lengths = if area_len == 3 { 8..=8 } else { 7..=8 };
    if !lengths.contains(&subscriber.len()) || !matches!(subscriber.first(), Some(b'2'..=b'8')) {
        return None;
    }
    Some(if separated(area_len) { Confidence::new(82, 95) } else { Confidence::new(72, 95) })
}

fn area_len(digits: &[u8]) -> Option<usize> {
    if matches!(digits, [b'0', b'1', b'0', ..] | [b'0', b'2', b'0'..=b'5' | b'7'..=b'9', ..]) {
        return Some(3);
    }
    let code = number(digits.get(1..4)?)?;
    (digits.first() == Some(&b'0') && is_area(code)).then_some(4)
}

/// Says whether an area code of four digits, given without its leading zero, is in use.
fn is_area(code: u32) -> bool {
    AREA_TENS.contains(&(code / 10)) || AREAS.contains(&code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_mobile_segment_in_use_is_known() {
        for segment in [
            "130", "134", "139", "147", "150", "159", "162", "165", "166", "167", "170", "178", "180", "189", "190",
            "191", "192", "193", "195", "199",
        ] {
            let digits = format!("{segment}12345678");
            assert_eq!(mobile(digits.as_bytes()).map(|c| c.alone), Some(92), "{digits}");
        }
        for bad in ["12012345678", "1381234567", "138123456789", "23812345678", ""] {
            assert_eq!(mobile(bad.as_bytes()), None, "{bad}");
        }
        assert_eq!(mobile(b"15412345678").map(|c| c.alone), Some(50));
    }

    #[test]
    fn prefixes_are_taken_only_from_whole_numbers() {
        for (digits, rest) in [
            ("8613812345678", "13812345678"),
            ("008613812345678", "13812345678"),
            ("013812345678", "13812345678"),
            ("13812345678", "13812345678"),
            ("861381234567", "861381234567"),
        ] {
            assert_eq!(without_prefix(digits.as_bytes()), rest.as_bytes());
        }
    }

    #[test]
    fn landlines_need_an_area_code_and_a_subscriber() {
        let judge = |digits: &str| landline(digits.as_bytes(), |_| true).map(|c| c.alone);
        for good in ["01062345678", "075582345678", "05716234567", "09912345678", "02082345678"] {
            assert_eq!(judge(good), Some(82), "{good}");
        }
        for bad in ["02612345678", "01012345678", "0106234567", "00062345678", "95588", "4008208820", "07551234567"] {
            assert_eq!(judge(bad), None, "{bad}");
        }
    }
}
