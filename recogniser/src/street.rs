//! Addresses in Latin letters: a number and the name of a street, and what follows them.
//!
//! It deliberately does not know where a place is.

use crate::{
    address::Address,
    latin::{self, Before, Shape, Word},
};

/// Words that end the name of a street.
const STREETS: &[&str] = &[
    "street",
    "st",
    "avenue",
    "ave",
    "road",
    "rd",
    "boulevard",
    "blvd",
    "lane",
    "ln",
    "drive",
    "dr",
    "court",
    "ct",
    "place",
    "pl",
    "square",
    "sq",
    "terrace",
    "ter",
    "way",
    "highway",
    "hwy",
    "parkway",
    "pkwy",
    "circle",
    "cir",
    "close",
    "crescent",
    "row",
    "walk",
    "alley",
    "trail",
    "grove",
    "gardens",
    "mews",
    "quay",
    "turnpike",
    "lu",
    "jie",
    "dadao",
    "xiang",
];
/// Words for a part of a house, which a number or letter follows.
const UNITS: &[&str] = &[
    "apt",
    "apartment",
    "suite",
    "ste",
    "unit",
    "flat",
    "room",
    "rm",
    "floor",
    "building",
    "block",
    "tower",
    "no",
    "number",
    "house",
    "level",
    "bldg",
];
/// Words for a region after its name.
const REGIONS: &[&str] = &["district", "city", "province", "county", "town", "township", "village", "state"];
/// Most words of the name of a street.
const NAME_MAX: usize = 4;
/// Most parts after the street.
const PARTS_MAX: usize = 6;

/// Finds the addresses among the words of a stretch.
pub fn find(words: &[Word], mut found: impl FnMut(Address)) {
    let mut at = 0;
    while at < words.len() {
        let Some((start, end, confidence)) = address_at(words, at) else {
            at += 1;
            continue;
        };
        found(Address { bytes: latin::bytes(words, start, end), confidence });
        at = end;
    }
}

/// Returns the words of the address whose street number or post-office box is at a word, and how sure it is.
fn address_at(words: &[Word], at: usize) -> Option<(usize, usize, u8)> {
    let word = words.get(at)?;
    let mut end = match word.shape {
        Shape::Number => street(words, at + 1)?,
        Shape::Lower | Shape::Capital | Shape::Caps if word.text() == "box" => boxed(words, at)?,
        Shape::Lower | Shape::Capital | Shape::Caps | Shape::Initial | Shape::Other => return None,
    };
    let mut start = at;
    // `Flat 3, 12 Baker Street` and `Room 1201, Building 3, No. 88 Jianguo Road`.
    while let Some(before) = start.checked_sub(1).and_then(|place| words.get(place)) {
        let two_before = start.checked_sub(2).and_then(|place| words.get(place));
        if before.is_one_of(UNITS)
            || before.text() == "po"
            || (word.text() == "box" && before.is_one_of(&["p", "o", "office", "post"]))
        {
            start -= 1;
        } else if matches!(before.shape, Shape::Number | Shape::Initial)
            && two_before.is_some_and(|word| word.is_one_of(UNITS))
        {
            start -= 2;
        } else {
            break;
        }
    }
    let mut confidence = 75;
    for _ in 0..PARTS_MAX {
        let Some((after, surer)) = part(words, end) else { break };
        (end, confidence) = (after, (confidence + surer).min(95));
    }
    Some((start, end, confidence))
}

/// Returns the end of a street's name that begins at a word.
fn street(words: &[Word], from: usize) -> Option<usize> {
    for place in from..=from + NAME_MAX {
        let word = words.get(place)?;
        let joined = matches!(word.before, Before::Space | Before::Dot);
        if !joined {
            return None;
        }
        // `3 way` is none, `3 Milky Way` is one.
        if place > from && word.is_one_of(STREETS) {
            let short = word.text().len() <= 3 && word.shape == Shape::Lower;
            let named = words.get(from..place)?.iter().all(Word::is_capital);
            return (named
                || !short
                    && place - from <= 2
                    && word.text() != "way"
                    && word.text() != "close"
                    && word.text() != "place")
                .then_some(place + 1);
        }
        if !matches!(word.shape, Shape::Capital | Shape::Caps | Shape::Lower | Shape::Initial | Shape::Number) {
            return None;
        }
    }
    None
}

/// Returns the end of `PO Box 123`.
fn boxed(words: &[Word], at: usize) -> Option<usize> {
    let before = at.checked_sub(1).and_then(|place| words.get(place))?;
    let number = words.get(at + 1)?;
    (before.is_one_of(&["po", "o", "office"]) && number.shape == Shape::Number).then_some(at + 2)
}

/// Returns the end of a part that goes on after the street, and how much surer it makes the address.
fn part(words: &[Word], at: usize) -> Option<(usize, u8)> {
    let word = words.get(at)?;
    let near = matches!(word.before, Before::Space | Before::Comma | Before::Dot | Before::Break);
    if !near {
        return None;
    }
    let next = words.get(at + 1);
    if word.is_one_of(UNITS) && next.is_some_and(|next| matches!(next.shape, Shape::Number | Shape::Initial)) {
        return Some((at + 2, 10));
    }
    // A postcode: `94105`, `SW1A 1AA`, `100020`.
    let digits = word.text().bytes().filter(u8::is_ascii_digit).count();
    let coded = word.shape == Shape::Number && (5..=9).contains(&digits) && word.before != Before::Break;
    if coded {
        return Some((at + 1, 20));
    }
    let outward =
        word.end - word.start <= 4 && digits > 0 && word.text().starts_with(|first: char| first.is_ascii_alphabetic());
    if outward
        && next.is_some_and(|next| {
            next.before == Before::Space
                && next.text().len() == 3
                && next.text().starts_with(|first: char| first.is_ascii_digit())
        })
    {
        return Some((at + 2, 20));
    }
    // `, San Francisco`, `CA`.
    let mut end = at;
    while let Some(word) = words.get(end).filter(|word| word.is_capital() && end - at < 3) {
        if end > at && word.before != Before::Space {
            break;
        }
        end += 1;
    }
    let last = words.get(end.checked_sub(1)?)?;
    let follows = words.get(end).is_none_or(|word| {
        matches!(word.before, Before::Comma | Before::Break | Before::Dot) || word.shape == Shape::Number
    });
    let announced =
        word.before == Before::Comma || last.is_one_of(REGIONS) || word.shape == Shape::Caps && word.text().len() == 2;
    (end > at && announced && follows).then_some((end, 5))
}
