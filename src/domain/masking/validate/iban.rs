//! International bank account numbers: country, check digits modulo 97, length by country.
//!
//! Source: ISO 13616-1:2020, the SWIFT IBAN registry.

use super::Confidence;

/// Length in characters by country, in the registry's order.
const LENGTHS: &[(&[u8; 2], usize)] = &[
    (b"AD", 24),
    (b"AE", 23),
    (b"AL", 28),
    (b"AT", 20),
    (b"AZ", 28),
    (b"BA", 20),
    (b"BE", 16),
    (b"BG", 22),
    (b"BH", 22),
    (b"BI", 27),
    (b"BR", 29),
    (b"BY", 28),
    (b"CH", 21),
    (b"CR", 22),
    (b"CY", 28),
    (b"CZ", 24),
    (b"DE", 22),
    (b"DJ", 27),
    (b"DK", 18),
    (b"DO", 28),
    (b"EE", 20),
    (b"EG", 29),
    (b"ES", 24),
    (b"FI", 18),
    (b"FK", 18),
    (b"FO", 18),
    (b"FR", 27),
    (b"GB", 22),
    (b"GE", 22),
    (b"GI", 23),
    (b"GL", 18),
    (b"GR", 27),
    (b"GT", 28),
    (b"HN", 28),
    (b"HR", 21),
    (b"HU", 28),
    (b"IE", 22),
    (b"IL", 23),
    (b"IQ", 23),
    (b"IS", 26),
    (b"IT", 27),
    (b"JO", 30),
    (b"KW", 30),
    (b"KZ", 20),
    (b"LB", 28),
    (b"LC", 32),
    (b"LI", 21),
    (b"LT", 20),
    (b"LU", 20),
    (b"LV", 21),
    (b"LY", 25),
    (b"MC", 27),
    (b"MD", 24),
    (b"ME", 22),
    (b"MK", 19),
    (b"MN", 20),
    (b"MR", 27),
    (b"MT", 31),
    (b"MU", 30),
    (b"NI", 28),
    (b"NL", 18),
    (b"NO", 15),
    (b"OM", 23),
    (b"PK", 24),
    (b"PL", 28),
    (b"PS", 29),
    (b"PT", 25),
    (b"QA", 29),
    (b"RO", 24),
    (b"RS", 22),
    (b"RU", 33),
    (b"SA", 24),
    (b"SC", 31),
    (b"SD", 18),
    (b"SE", 24),
    (b"SI", 19),
    (b"SK", 24),
    (b"SM", 27),
    (b"SO", 23),
    (b"ST", 25),
    (b"SV", 28),
    (b"TL", 23),
    (b"TN", 24),
    (b"TR", 26),
    (b"UA", 29),
    (b"VA", 22),
    (b"VG", 24),
    (b"XK", 20),
    (b"YE", 30),
];

/// Returns the length of a country's numbers, or none for a country without them; letters in upper case.
pub(in super::super) fn length(country: [u8; 2]) -> Option<usize> {
    LENGTHS.iter().find(|(known, _)| **known == country).map(|&(_, length)| length)
}

/// Judges a whole number in upper case, without spaces.
pub(in super::super) fn judge(number: &[u8]) -> Option<Confidence> {
    let [first, second, tens, ones, ..] = *number else { return None };
    if length([first, second])? != number.len() || !tens.is_ascii_digit() || !ones.is_ascii_digit() {
        return None;
    }
    let (head, account) = number.split_at_checked(4)?;
    let mut remainder = 0;
    for character in account.iter().chain(head) {
        let value = char::from(*character).to_digit(36)?;
        remainder = (remainder * if value < 10 { 10 } else { 100 } + value) % 97;
    }
    Some(if remainder == 1 { Confidence::checked(97, 99) } else { Confidence::new(20, 75) })
}

/// Returns the table's text, which the policy digest covers.
pub(in super::super) fn describe() -> String {
    format!("{LENGTHS:?}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(number: &str, alone: Option<u8>) {
        assert_eq!(judge(number.as_bytes()).map(|c| c.alone), alone, "{number}");
    }

    #[test]
    fn registry_examples_are_sure() {
        for number in [
            "GB82WEST12345698765432",
            "DE89370400440532013000",
            "FR1420041010050500013M02606",
            "NO9386011117947",
            "MT84MALT011000012345MTLCAST001S",
        ] {
            check(number, Some(97));
        }
    }

    #[test]
    fn wrong_digits_lengths_and_countries_are_not() {
        check("GB82WEST12345698765433", Some(20));
        check("GB82WEST1234569876543", None);
        check("CN82WEST12345698765432", None);
        check("GB", None);
    }
}
