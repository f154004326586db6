//! The checks of national numbers, one function a rule; each takes characters of its kind's form, in upper case.
//!
//! Sums are over at most 16 characters, so that nothing overflows. Which number is whose, and how surely, is the table's.

use super::super::{luhn, number};

fn digit(character: u8) -> u32 {
    u32::from(character.wrapping_sub(b'0'))
}

fn letter(character: u8) -> u32 {
    u32::from(character.wrapping_sub(b'A'))
}

/// The sum of digits times weights; the shorter of both counts.
fn weighted(digits: &[u8], weights: &[u32]) -> u32 {
    digits.iter().zip(weights).map(|(&character, weight)| digit(character) * weight).sum()
}

fn all_same(digits: &[u8]) -> bool {
    digits.windows(2).all(|pair| pair.first() == pair.last())
}

/// Month and day that there are, in four digits.
fn is_month_and_day(digits: &[u8]) -> bool {
    let days = |month: u32| match month {
        2 => 29,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    };
    number(digits).is_some_and(|value| {
        let (month, day) = (value / 100, value % 100);
        (1..=12).contains(&month) && (1..=days(month)).contains(&day)
    })
}

/// Any characters of the form but those of a date: a word beside the number decides.
pub(super) fn any(id: &[u8]) -> bool {
    let is_date = id.len() == 8 && (id.starts_with(b"19") || id.starts_with(b"20"));
    !(all_same(id) || is_date && id.get(4..).is_some_and(is_month_and_day))
}

/// Permits of residents of Hong Kong (H) and Macau (M) for the mainland.
pub(super) fn home_return(id: &[u8]) -> bool {
    matches!(id.first(), Some(b'H' | b'M'))
}

/// Permits of mainland residents for Hong Kong and Macau.
pub(super) fn to_hong_kong(id: &[u8]) -> bool {
    matches!(id.first(), Some(b'C' | b'W'))
}

/// Permits of mainland residents for Taiwan.
pub(super) fn to_taiwan(id: &[u8]) -> bool {
    matches!(id.first(), Some(b'T' | b'L'))
}

/// Hong Kong: letters count from 10, a missing first one 36; weights 9 to 1, modulo 11; a check of 10 is `A`.
pub(super) fn hong_kong(id: &[u8]) -> bool {
    let Some((&check, body)) = id.split_last() else { return false };
    let values: Vec<u32> = body.iter().map(|&c| if c.is_ascii_digit() { digit(c) } else { letter(c) + 10 }).collect();
    let padding = if values.len() == 7 { 9 * 36 } else { 0 };
    let check = match check {
        b'A' => 10,
        b'0'..=b'9' => digit(check),
        _ => return false,
    };
    let sum: u32 = values.iter().rev().zip(2..).map(|(value, weight)| value * weight).sum();
    (sum + padding + check).is_multiple_of(11)
}

/// Macau: begins with 1, 5 or 7; the rule of its check digit is not published.
pub(super) fn macau(id: &[u8]) -> bool {
    matches!(id.first(), Some(b'1' | b'5' | b'7')) && !all_same(id)
}

/// Taiwan: a letter that stands for two digits, then the sex or kind of resident, weights 1, 9 to 1, 1, modulo 10.
pub(super) fn taiwan(id: &[u8]) -> bool {
    const LETTERS: &[u8; 26] = b"ABCDEFGHJKLMNPQRSTUVXYWZIO";
    let [first, digits @ ..] = id else { return false };
    let Some(code) = LETTERS.iter().position(|letter| letter == first).and_then(|at| u32::try_from(at + 10).ok())
    else {
        return false;
    };
    let sum = code / 10 + code % 10 * 9 + weighted(digits, &[8, 7, 6, 5, 4, 3, 2, 1, 1]);
    matches!(digits.first(), Some(b'1' | b'2' | b'8' | b'9')) && sum.is_multiple_of(10)
}

/// Singapore: weights 2, 7, 6, 5, 4, 3, 2 and a letter by series, modulo 11.
pub(super) fn singapore(id: &[u8]) -> bool {
    let [series, digits @ .., check] = id else { return false };
    let (letters, offset): (&[u8; 11], u32) = match series {
        b'S' => (b"JZIHGFEDCBA", 0),
        b'T' => (b"JZIHGFEDCBA", 4),
        b'F' => (b"XWUTRQPNMLK", 0),
        b'G' => (b"XWUTRQPNMLK", 4),
        b'M' => (b"XWUTRQPNJLK", 3),
        _ => return false,
    };
    let remainder = (weighted(digits, &[2, 7, 6, 5, 4, 3, 2]) + offset) % 11;
    letters.get(remainder as usize) == Some(check)
}

const SPANISH_LETTERS: &[u8; 23] = b"TRWAGMYFPDXBNJZSQVHLCKE";

fn is_spanish(digits: u32, check: u8) -> bool {
    SPANISH_LETTERS.get((digits % 23) as usize) == Some(&check)
}

/// Spain, foreigners: X, Y, Z stand for 0, 1, 2 before the seven digits; a letter, modulo 23.
pub(super) fn spain_foreigner(id: &[u8]) -> bool {
    let [series @ (b'X' | b'Y' | b'Z'), digits @ .., check] = id else { return false };
    number(digits).is_some_and(|value| is_spanish(u32::from(series - b'X') * 10_000_000 + value, *check))
}

/// Spain: eight digits and a letter, modulo 23.
pub(super) fn spain(id: &[u8]) -> bool {
    let Some((&check, digits)) = id.split_last() else { return false };
    number(digits).is_some_and(|value| is_spanish(value, check))
}

/// United Kingdom, national insurance: prefixes that are given out, suffix A to D. HMRC, NIM39110.
pub(super) fn national_insurance(id: &[u8]) -> bool {
    let [first, second, .., suffix] = id else { return false };
    let is_void = [b"BG", b"GB", b"KN", b"NK", b"NT", b"TN", b"ZZ"].contains(&&[*first, *second]);
    let bad_first = matches!(first, b'D' | b'F' | b'I' | b'U' | b'V');
    let bad_second = matches!(second, b'D' | b'F' | b'I' | b'O' | b'U' | b'V');
    !is_void && !bad_first && !bad_second && matches!(suffix, b'A'..=b'D')
}

/// United Kingdom, NHS: weights 10 to 2, modulo 11.
pub(super) fn health_service(id: &[u8]) -> bool {
    let Some((&check, body)) = id.split_last() else { return false };
    let rest = 11 - weighted(body, &[10, 9, 8, 7, 6, 5, 4, 3, 2]) % 11;
    rest % 11 == digit(check) && rest != 10 && !all_same(id)
}

/// Italy: odd places by a table of their own, modulo 26; D.M. 23 December 1976.
pub(super) fn italy(id: &[u8]) -> bool {
    const ODD: [u32; 26] =
        [1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23];
    let Some((&check, body)) = id.split_last() else { return false };
    let place = |c: u8| if c.is_ascii_digit() { digit(c) } else { letter(c) };
    let value = |(at, &c): (usize, &u8)| {
        let place = place(c);
        if at % 2 == 1 { place } else { ODD.get(place as usize).copied().unwrap_or(0) }
    };
    let is_month = matches!(body.get(8), Some(b'A'..=b'E' | b'H' | b'L' | b'M' | b'P' | b'R'..=b'T'));
    is_month && body.iter().enumerate().map(value).sum::<u32>() % 26 == letter(check)
}

/// India, PAN: the fourth letter is the kind of holder.
pub(super) fn india_pan(id: &[u8]) -> bool {
    matches!(id.get(3), Some(b'A' | b'B' | b'C' | b'F' | b'G' | b'H' | b'J' | b'L' | b'P' | b'T'))
}

/// India, Aadhaar: begins with 2 to 9; Verhoeff's check in the dihedral group of order ten.
pub(super) fn india_aadhaar(id: &[u8]) -> bool {
    const PERMUTATION: [usize; 10] = [1, 5, 7, 6, 2, 8, 3, 0, 9, 4];
    let product = |left: usize, right: usize| match (left < 5, right < 5) {
        (true, true) => (left + right) % 5,
        (true, false) => (left + right) % 5 + 5,
        (false, true) => (left - 5 + 5 - right) % 5 + 5,
        (false, false) => (left + 5 - right) % 5,
    };
    let permuted = |value: usize, times: usize| {
        (0..times).fold(value, |value, _| PERMUTATION.get(value).copied().unwrap_or_default())
    };
    let sum = id.iter().rev().enumerate().fold(0, |sum, (place, &character)| {
        product(sum, permuted(usize::from(character.wrapping_sub(b'0')), place % 8))
    });
    sum == 0 && matches!(id.first(), Some(b'2'..=b'9')) && !all_same(id)
}

/// Korea: a birth date, the century and sex from 1 to 8.
pub(super) fn korea_date(id: &[u8]) -> bool {
    id.get(2..6).is_some_and(is_month_and_day) && matches!(id.get(6), Some(b'1'..=b'8'))
}

/// Korea: weights 2 to 9 and 2 to 5, modulo 11; foreigners' numbers differ by two. Numbers given since October 2020 have none.
pub(super) fn korea(id: &[u8]) -> bool {
    let Some((&check, body)) = id.split_last() else { return false };
    let rest = 11 - weighted(body, &[2, 3, 4, 5, 6, 7, 8, 9, 2, 3, 4, 5]) % 11;
    let is_foreigner = matches!(id.get(6), Some(b'5'..=b'8'));
    korea_date(id) && (rest + if is_foreigner { 2 } else { 0 }) % 10 == digit(check)
}

/// Switzerland: 756 and an EAN-13 check digit.
pub(super) fn switzerland(id: &[u8]) -> bool {
    id.starts_with(b"756") && weighted(id, &[1, 3, 1, 3, 1, 3, 1, 3, 1, 3, 1, 3, 1]).is_multiple_of(10)
}

/// Thailand: weights 13 to 2, modulo 11.
pub(super) fn thailand(id: &[u8]) -> bool {
    let Some((&check, body)) = id.split_last() else { return false };
    let sum = weighted(body, &[13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2]);
    matches!(id.first(), Some(b'1'..=b'8')) && (11 - sum % 11) % 10 == digit(check)
}

/// Malaysia: a birth date and a place of birth that is given out.
pub(super) fn malaysia(id: &[u8]) -> bool {
    let place = id.get(6..8).and_then(number);
    let is_place = place.is_some_and(|place| matches!(place, 1..=16 | 21..=68 | 71 | 72 | 74..=79 | 82..=93 | 98 | 99));
    is_place && id.get(2..6).is_some_and(is_month_and_day)
}

/// Japan: weights 6 to 2 and 7 to 2, modulo 11; a remainder of 0 or 1 gives 0.
pub(super) fn japan(id: &[u8]) -> bool {
    let Some((&check, body)) = id.split_last() else { return false };
    let rest = weighted(body, &[6, 5, 4, 3, 2, 7, 6, 5, 4, 3, 2]) % 11;
    digit(check) == if rest <= 1 { 0 } else { 11 - rest } && !all_same(id)
}

/// Vietnam: the province and the century and sex; Decree 137/2015.
pub(super) fn vietnam(id: &[u8]) -> bool {
    id.get(..3).and_then(number).is_some_and(|province| (1..=96).contains(&province))
        && matches!(id.get(3), Some(b'0'..=b'3'))
}

/// France: sex, month, and 97 less the number modulo 97; Corsica's 2A and 2B count as 19 and 18.
pub(super) fn france(id: &[u8]) -> bool {
    let (Some(body), Some(key)) = (id.get(..13), id.get(13..).and_then(number)) else { return false };
    let department: [u8; 2] = match (body.get(5), body.get(6)) {
        (Some(b'2'), Some(b'A')) => *b"19",
        (Some(b'2'), Some(b'B')) => *b"18",
        (Some(&tens), Some(&ones)) if ones.is_ascii_digit() => [tens, ones],
        _ => return false,
    };
    let month = body.get(3..5).and_then(number);
    let is_month = month.is_some_and(|month| matches!(month, 1..=12 | 20 | 30..=42 | 50..=99));
    let is_department = !matches!(department, [b'0', b'0']);
    let plain = [body.get(..5).unwrap_or_default(), &department, body.get(7..).unwrap_or_default()].concat();
    let value = plain.iter().fold(0, |rest, &character| (rest * 10 + digit(character)) % 97);
    matches!(body.first(), Some(b'1'..=b'4' | b'7' | b'8')) && is_month && is_department && 97 - value == key
}

/// Poland: a birth date whose month tells the century, weights 1, 3, 7, 9, modulo 10.
pub(super) fn poland(id: &[u8]) -> bool {
    let Some((&check, body)) = id.split_last() else { return false };
    let Some(month_day) = id.get(2..6).and_then(number) else { return false };
    let month = month_day / 100 % 20;
    let rest = weighted(body, &[1, 3, 7, 9, 1, 3, 7, 9, 1, 3]) % 10;
    (1..=12).contains(&month) && (1..=31).contains(&(month_day % 100)) && (10 - rest) % 10 == digit(check)
}

/// Brazil: two check digits, weights from 10 and from 11 down, modulo 11.
pub(super) fn brazil(id: &[u8]) -> bool {
    const WEIGHTS: [u32; 10] = [11, 10, 9, 8, 7, 6, 5, 4, 3, 2];
    let is_check = |count: usize| {
        let (Some(body), Some(&check)) = (id.get(..count), id.get(count)) else { return false };
        let weights = WEIGHTS.get(WEIGHTS.len() - count..).unwrap_or_default();
        weighted(body, weights) * 10 % 11 % 10 == digit(check)
    };
    is_check(9) && is_check(10) && !all_same(id)
}

/// Germany: one digit of the first ten occurs twice or three times; ISO 7064 MOD 11,10.
pub(super) fn germany(id: &[u8]) -> bool {
    let Some((&check, body)) = id.split_last() else { return false };
    let mut counts = [0; 10];
    for &character in body {
        if let Some(count) = counts.get_mut(digit(character) as usize) {
            *count += 1;
        }
    }
    let repeated: Vec<i32> = counts.into_iter().filter(|&count| count > 1).collect();
    let product = body.iter().fold(10, |product, &character| {
        let sum = (digit(character) + product) % 10;
        (if sum == 0 { 10 } else { sum }) * 2 % 11
    });
    body.first() != Some(&b'0') && matches!(repeated[..], [2 | 3]) && (11 - product) % 10 == digit(check)
}

/// United States: area, group and serial that are given out; Social Security Administration, POMS RM 10201.
pub(super) fn social_security(id: &[u8]) -> bool {
    let part = |from: usize, to: usize| id.get(from..to).and_then(number);
    part(0, 3).is_some_and(|area| !matches!(area, 0 | 666 | 900..))
        && part(3, 5).is_some_and(|group| group > 0)
        && part(5, 9).is_some_and(|serial| serial > 0)
        && !all_same(id)
}

/// Canada: Luhn; no number begins with 8.
pub(super) fn canada(id: &[u8]) -> bool {
    id.first() != Some(&b'8') && luhn(id) && !all_same(id)
}

/// Australia: weights 1, 4, 3, 7, 5, 8, 6, 9, 10, modulo 11.
pub(super) fn australia(id: &[u8]) -> bool {
    weighted(id, &[1, 4, 3, 7, 5, 8, 6, 9, 10]).is_multiple_of(11) && !all_same(id)
}

/// Netherlands: weights 9 to 2 and minus 1, modulo 11.
pub(super) fn netherlands(id: &[u8]) -> bool {
    let Some((&check, body)) = id.split_last() else { return false };
    weighted(body, &[9, 8, 7, 6, 5, 4, 3, 2]) % 11 == digit(check) && !all_same(id)
}
