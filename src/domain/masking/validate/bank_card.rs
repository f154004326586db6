//! Payment card numbers: 13 to 19 digits, Luhn, and the lengths that issuers' prefixes allow.
//!
//! Some Chinese debit cards fail Luhn, so a known prefix with a keyword beside it is enough; an unknown prefix needs
//! both Luhn and a keyword. Source: ISO/IEC 7812-1, issuers' published prefixes.

use super::{Confidence, luhn, number};

/// Length of the prefixes in the table.
const PREFIX_LEN: usize = 6;

/// First and last six-digit prefix of an issuer, shortest and longest number.
const ISSUERS: &[(u32, u32, usize, usize)] = &[
    (103_000, 103_999, 19, 19), // Agricultural Bank of China
    (220_000, 220_499, 16, 16), // Mir
    (222_100, 272_099, 16, 16), // Mastercard
    (300_000, 305_999, 14, 14), // Diners Club
    (309_500, 309_599, 14, 14),
    (340_000, 349_999, 15, 15), // American Express
    (352_800, 358_999, 16, 16), // JCB
    (360_000, 369_999, 14, 14), // Diners Club
    (370_000, 379_999, 15, 15), // American Express
    (380_000, 399_999, 14, 14), // Diners Club
    (400_000, 499_999, 16, 16), // Visa
    (405_512, 405_512, 17, 17), // Bank of Communications
    (436_742, 436_745, 19, 19), // China Construction Bank
    (456_351, 456_351, 19, 19), // Bank of China
    (501_800, 501_899, 13, 19), // Maestro
    (502_000, 502_099, 13, 19),
    (503_800, 503_899, 13, 19),
    (510_000, 559_999, 16, 16), // Mastercard
    (589_300, 589_399, 13, 19), // Maestro
    (601_100, 601_199, 16, 16), // Discover
    (601_382, 601_382, 19, 19), // Bank of China
    (601_428, 601_428, 17, 17), // Bank of Communications
    (603_000, 603_999, 16, 19), // Chinese city banks
    (620_000, 629_999, 16, 19), // UnionPay
    (630_400, 630_499, 13, 19), // Maestro
    (644_000, 659_999, 16, 16), // Discover
    (675_900, 676_399, 13, 19), // Maestro
    (685_800, 685_899, 16, 19), // Chinese city banks
    (690_755, 690_755, 15, 18), // China Merchants Bank
    (810_000, 817_199, 16, 19), // UnionPay
    (900_000, 900_999, 16, 19), // Chinese city banks
    (940_000, 940_099, 16, 19),
    (955_100, 955_100, 19, 19), // Postal Savings Bank of China
    (955_590, 955_599, 16, 19), // Agricultural Bank of China
    (955_800, 955_899, 19, 19), // Industrial and Commercial Bank of China
    (966_666, 966_666, 16, 18), // Industrial Bank
    (984_301, 984_303, 16, 19), // Chinese city banks
    (999_999, 999_999, 16, 16),
];

/// Visa numbers of 13 and 19 digits exist but are rare.
const RARE: &[(u32, u32, usize, usize)] = &[(400_000, 499_999, 13, 13), (400_000, 499_999, 19, 19)];

/// Judges 13 to 19 digits.
pub(in super::super) fn judge(digits: &[u8]) -> Option<Confidence> {
    let prefix = number(digits.get(..PREFIX_LEN)?)?;
    let issued = |table: &[(u32, u32, usize, usize)]| {
        table.iter().any(|&(first, last, short, long)| {
            (first..=last).contains(&prefix) && (short..=long).contains(&digits.len())
        })
    };
    if all_same(digits) {
        return None;
    }
    match (issued(ISSUERS), issued(RARE), luhn(digits)) {
        (true, _, true) => Some(Confidence::checked(90, 97)),
        (false, true, true) => Some(Confidence::checked(74, 95)),
        (true, _, false) => Some(Confidence::new(45, 82)),
        (false, false, true) => Some(Confidence::checked(40, 78)),
        (false, _, false) if digits.len() >= 16 => Some(Confidence::new(10, 72)),
        (false, _, false) => None,
    }
}

/// Returns the table's text, which the policy digest covers.
pub(in super::super) fn describe() -> String {
    format!("{ISSUERS:?}{RARE:?}")
}

fn all_same(digits: &[u8]) -> bool {
    digits.windows(2).all(|pair| pair.first() == pair.last())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(digits: &str, alone: Option<u8>) {
        assert_eq!(judge(digits.as_bytes()).map(|c| c.alone), alone, "{digits}");
    }

    #[test]
    fn known_prefixes_of_the_right_length_that_pass_luhn_are_sure() {
        for card in ["4111111111111111", "5555555555554444", "378282246310005", "6212345678901232", "30569309025904"] {
            check(card, Some(90));
        }
        check("6222021234567890128", Some(90));
        check("6222021234567890125", Some(45));
    }

    #[test]
    fn the_rest_needs_support_or_is_no_card() {
        check("1234567890123452", Some(40));
        check("1700000000000", None);
        check("0000000000000000", None);
        check("1111111111111111", None);
        check("411111111111111", None);
    }
}
