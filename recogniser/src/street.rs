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
/// Further ones, after the list of the US Postal Service (Publication 28, appendix C1), of which many are everyday words: they
/// count after words that are written as names are.
const RARE_STREETS: &str = "annex bay beach bend bluff bluffs bottom branch bridge brook brooks burg burgs bypass camp canyon cape causeway center centers circles cliff \
    cliffs club common commons corner corners course courts cove coves creek crest crossing crossroad curve dale dam divide drives estate \
    estates expressway extension extensions fall falls ferry field fields flat flats ford fords forest forge forges fork forks fort freeway \
    garden gateway glen glens green greens groves harbor harbors haven heights hill hills hollow inlet island islands isle junction junctions \
    key keys knoll knolls lake lakes land landing light lights loaf lock locks lodge loop mall manor manors meadow meadows mill mills mission \
    motorway mount mountain mountains neck orchard oval overpass park parks parkways pass passage path pike pine pines plain plains plaza point \
    points port ports prairie radial ramp ranch rapid rapids rest ridge ridges river roads route rue run shoal shoals shore shores skyway spring \
    springs spur spurs squares station stravenue stream streets summit throughway trace track trafficway tunnel underpass union unions valley \
    valleys via viaduct view views villages ville vista walks wall ways well wells";
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
    "studio",
    "psc",
    "box",
    "lot",
    "villa",
    "shop",
    "penthouse",
];
/// Words for a region after its name.
const REGIONS: &[&str] = &["district", "city", "province", "county", "town", "township", "village", "state"];
/// Most words of the name of a street.
const NAME_MAX: usize = 4;
/// Most words up to a postcode.
const CODED_MAX: usize = 14;
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
        Shape::Number => street(words, at + 1).or_else(|| coded(words, at + 1))?,
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

/// Returns the end of what is written like an address and ends with a postcode: `Flat 3, Miller Lock, Hull, HU1 3UP`.
fn coded(words: &[Word], from: usize) -> Option<usize> {
    let fits = |word: &&Word| {
        let joined = matches!(word.before, Before::Space | Before::Comma | Before::Dot);
        joined && (word.is_capital() || matches!(word.shape, Shape::Number | Shape::Initial) || word.is_one_of(UNITS))
    };
    let length = words.get(from..)?.iter().take(CODED_MAX).take_while(fits).count();
    let end = (from + 1..from + length).rev().find_map(|at| postcode(words, at))?;
    (end <= from + length).then_some(end)
}

/// Returns the end of a postcode after the name of a place: `CA 94105`, `SW1A 1AA`.
fn postcode(words: &[Word], at: usize) -> Option<usize> {
    let (word, next) = (words.get(at)?, words.get(at + 1)?);
    let digits = |word: &Word| word.text().bytes().filter(u8::is_ascii_digit).count();
    let begins = |word: &Word, is: fn(&u8) -> bool| word.text().as_bytes().first().is_some_and(is);
    let state = word.shape == Shape::Caps && word.text().len() == 2 && next.before == Before::Space;
    if state && next.shape == Shape::Number && matches!(digits(next), 5 | 9) {
        return Some(at + 2);
    }
    let outward = word.text().len() <= 4 && digits(word) > 0 && begins(word, u8::is_ascii_alphabetic);
    let inward = next.text().len() == 3 && begins(next, u8::is_ascii_digit);
    (outward && inward && next.before == Before::Space).then_some(at + 2)
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
        let is_named = || words.get(from..place).is_some_and(|name| name.iter().all(Word::is_capital));
        let is_rare = || RARE_STREETS.split(' ').any(|street| street == word.text());
        if place > from && word.is_capital() && is_named() && is_rare() {
            return Some(place + 1);
        }
        if place > from && word.is_one_of(STREETS) {
            let short = word.text().len() <= 3 && word.shape == Shape::Lower;
            return (is_named()
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
    if let Some(end) = postcode(words, at) {
        return Some((end, 20));
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
