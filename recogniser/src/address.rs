//! Chinese addresses: chains of regions, roads, estates and numbers, and what is sure of them.
//!
//! A region by itself is no address of anybody; a road with a number is. It deliberately does not know where a place is.

use core::ops::Range;

use crate::{
    model::Model,
    regions::{CITIES, CUES, DISTRICT_ENDS, NUMBER_ENDS, ORGANISATIONS, PLACE_ENDS, PROVINCES, REGION_ENDS, ROAD_ENDS},
};

/// Characters that are looked at together.
const STRETCH_MAX: usize = 160;
/// Characters of a full stretch that the next one begins with again.
const OVERLAP: usize = 64;
/// Most characters of the name of a road, a district or an estate.
const NAME_LEN_MAX: usize = 8;
/// Code points that names of regions may begin with.
const FIRSTS: usize = 1 << 16;
/// Most digits of a house number.
const NUMBER_LEN_MAX: usize = 5;
/// Characters before an address in which a word that announces it counts.
const CUE_REACH: usize = 8;
/// Most characters that a mask shows at one end.
const SHOWN_MAX: usize = 10;
/// Characters that make a longer name of one that could end before them.
const LONGER: &str = "区县镇乡市州路街道村";
/// Characters that no name in an address has.
const STOPS: &str = "的了吗呢吧啊么是我你您他她它们这那哪什怎请有没不就都也还和与跟把被给让对从但而且因为所以如果会能可要想说问找买卖用多少几钱块元年月日时分秒到在去来往寄送住于至位离过着被并或将及其某每";

/// An address: its bytes, and how sure it is, in percent.
pub struct Address {
    /// Bytes of the text.
    pub bytes: Range<usize>,
    /// Percent.
    pub confidence: u8,
}

/// Names of regions, to be found by their first two characters.
pub struct Gazetteer {
    /// The names, ordered.
    names: Vec<Vec<char>>,
    /// A bit for each character that a name begins with.
    firsts: Box<[u64]>,
}

impl Gazetteer {
    /// Gathers them.
    pub fn new() -> Self {
        let all = PROVINCES.split_whitespace().chain(CITIES.split_whitespace());
        let mut names: Vec<Vec<char>> = all.map(|name| name.chars().collect()).collect();
        names.sort();
        names.dedup();
        let mut firsts = vec![0; FIRSTS / 64].into_boxed_slice();
        for first in names.iter().filter_map(|name| name.first()) {
            let place = u32::from(*first) as usize;
            if let Some(bits) = firsts.get_mut(place / 64) {
                *bits |= 1_u64 << (place % 64);
            }
        }
        Self { names, firsts }
    }

    /// Returns the length of the longest name that the glyphs begin with.
    fn longest(&self, glyphs: &[Glyph]) -> Option<usize> {
        let [first, second, ..] = glyphs else { return None };
        let place = u32::from(first.character) as usize;
        if self.firsts.get(place / 64)? >> (place % 64) & 1 == 0 {
            return None;
        }
        let pair = [first.character, second.character];
        let from = self.names.partition_point(|name| name.as_slice() < pair.as_slice());
        let begins = |name: &&Vec<char>| {
            name.len() <= glyphs.len()
                && name.iter().zip(glyphs).all(|(character, glyph)| glyph.character == *character)
        };
        let near = self.names.get(from..).unwrap_or_default().iter().take_while(|name| name.starts_with(&pair));
        near.filter(begins).map(Vec::len).max()
    }
}

/// A character of a stretch, folded.
#[derive(Clone, Copy)]
struct Glyph {
    character: char,
    start: usize,
    end: usize,
}

/// Finds the addresses of a text; what is in `masked`, ranges of bytes in order, is passed over.
pub fn find(model: &Model, places: &Gazetteer, text: &str, masked: &[Range<usize>], mut found: impl FnMut(Address)) {
    let blank = Glyph { character: ' ', start: 0, end: 0 };
    let mut stretch = [blank; STRETCH_MAX];
    let (mut length, mut done, mut star) = (0, 0, false);
    let mut masked = masked.iter().peekable();
    let mut look = |stretch: &[Glyph], stars: [bool; 2]| {
        look(places, stretch, stars, |address| {
            if address.bytes.start >= done {
                done = address.bytes.end;
                found(address);
            }
        });
    };
    for (start, character) in text.char_indices() {
        while masked.next_if(|range| range.end <= start).is_some() {}
        let hidden = masked.peek().is_some_and(|range| range.start <= start);
        match if hidden { None } else { fold(model, character) } {
            None => {
                let stars = [star, character == '*'];
                look(stretch.get(..length).unwrap_or_default(), stars);
                (length, star) = (0, stars[1]);
            }
            Some('\0') => {}
            Some(folded) => {
                if length == STRETCH_MAX {
                    look(&stretch, [star, false]);
                    stretch.copy_within(STRETCH_MAX - OVERLAP.., 0);
                    (length, star) = (OVERLAP, false);
                }
                if let Some(glyph) = stretch.get_mut(length) {
                    *glyph = Glyph { character: folded, start, end: start + character.len_utf8() };
                    length += 1;
                }
            }
        }
    }
    look(stretch.get(..length).unwrap_or_default(), [star, false]);
}

/// Folds a character that may be in an address; `\0` is one of no width.
fn fold(model: &Model, character: char) -> Option<char> {
    match character {
        '\u{4E00}'..='\u{9FFF}' => {
            let code = u16::try_from(u32::from(character)).ok()?;
            char::from_u32(u32::from(model.character(code).simplified))
        }
        '０'..='９' | 'Ａ'..='Ｚ' | 'ａ'..='ｚ' => char::from_u32(u32::from(character) - 0xFEE0),
        '0'..='9' | 'A'..='Z' | 'a'..='z' | '-' | '#' => Some(character),
        '－' | '—' | '–' | '·' => Some('-'),
        ' ' | '\u{3000}' | ',' | '，' | '、' | '（' | '(' | '）' | ')' => Some(' '),
        ':' | '：' => Some(':'),
        '\u{200B}'..='\u{200F}' | '\u{2060}'..='\u{206F}' | '\u{FE00}'..='\u{FE0F}' | '\u{FEFF}' => Some('\0'),
        _ => None,
    }
}

/// What a part of an address is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    Region,
    District,
    Road,
    Place,
    Number,
}

/// How many parts of each kind a chain has.
#[derive(Default, Clone, Copy)]
struct Chain {
    regions: u8,
    districts: u8,
    roads: u8,
    places: u8,
    numbers: u8,
    end: usize,
}

impl Chain {
    fn add(&mut self, part: Part, end: usize) {
        let count = match part {
            Part::Region => &mut self.regions,
            Part::District => &mut self.districts,
            Part::Road => &mut self.roads,
            Part::Place => &mut self.places,
            Part::Number => &mut self.numbers,
        };
        *count = count.saturating_add(1);
        self.end = end;
    }

    /// How sure it is that somebody can be found there, in percent.
    fn confidence(&self) -> u8 {
        let wide = self.regions + self.districts;
        match (wide, self.roads + self.places, self.numbers) {
            (0, 0, 0..=1) => 0,
            (0, 0, _) => 55,
            (0, 1, 0) => 15,
            (0, _, 0) => 40,
            (0, _, 1) => 75,
            (0, _, _) => 85,
            (1, 0, 0) => 25,
            (_, 0, 0) => 45,
            (1, _, 0) => 55,
            (_, _, 0) => 75,
            (_, 0, _) => 70,
            (_, _, _) => 95,
        }
    }
}

fn look(places: &Gazetteer, stretch: &[Glyph], stars: [bool; 2], mut found: impl FnMut(Address)) {
    let rest = |at: usize| stretch.get(at..).unwrap_or_default();
    // Without a number only a region begins an address.
    let numbered = (0..stretch.len()).any(|at| number(rest(at), false).is_some());
    let mut at = 0;
    while at < stretch.len() {
        let begins = numbered || places.longest(rest(at)).is_some();
        let Some(chain) = begins.then(|| chain(places, stretch, at)).flatten() else {
            at += 1;
            continue;
        };
        let sure = weighed(stretch, at, &chain);
        // What a mask leaves of an address is a part of the mask.
        let touches = stars[0] && at <= SHOWN_MAX || stars[1] && stretch.len() - chain.end <= SHOWN_MAX;
        if sure > 0 && !touches {
            let unit = |place: usize| stretch.get(place);
            let start = unit(at).map_or(0, |glyph| glyph.start);
            let end = unit(chain.end - 1).map_or(start, |glyph| glyph.end);
            found(Address { bytes: start..end, confidence: sure });
        }
        at = chain.end;
    }
}

/// Weighs a chain with what is before and after it.
fn weighed(stretch: &[Glyph], start: usize, chain: &Chain) -> u8 {
    let sure = chain.confidence();
    let before = stretch.get(start.saturating_sub(CUE_REACH)..start).unwrap_or_default();
    let cued = (0..before.len()).any(|at| begins_with_any(before.get(at..).unwrap_or_default(), &CUES).is_some());
    let after = stretch.get(chain.end..).unwrap_or_default();
    let organisation = chain.numbers == 0 && begins_with_any(after, &ORGANISATIONS).is_some();
    let bonus = if cued && sure > 0 { 25 } else { 0 };
    (sure + bonus).min(99).saturating_sub(if organisation { 40 } else { 0 })
}

/// Returns the length of the first of `words` that the glyphs begin with.
fn begins_with_any(glyphs: &[Glyph], words: &[&str]) -> Option<usize> {
    words.iter().find_map(|word| {
        let mut length = 0;
        let all = word.chars().zip(glyphs).all(|(character, glyph)| {
            length += 1;
            glyph.character == character
        });
        (all && length == word.chars().count()).then_some(length)
    })
}

/// Follows the parts of an address from a position on.
fn chain(places: &Gazetteer, stretch: &[Glyph], start: usize) -> Option<Chain> {
    let mut chain = Chain { end: start, ..Chain::default() };
    let mut at = start;
    loop {
        let rest = stretch.get(at..).unwrap_or_default();
        let begun = at > start;
        let Some((part, length)) = part(places, rest, begun) else { break };
        chain.add(part, at + length);
        at += length;
        let next = |offset: usize| stretch.get(at + offset).map(|glyph| glyph.character);
        if matches!(next(0), Some(' ' | '-')) && next(1).is_some_and(|after| after != ' ') {
            at += 1;
        }
    }
    (chain.end > start).then_some(chain)
}

/// Returns the part of an address that the glyphs begin with, and its length.
fn part(places: &Gazetteer, glyphs: &[Glyph], begun: bool) -> Option<(Part, usize)> {
    let first = glyphs.first()?.character;
    if let Some(length) = number(glyphs, begun) {
        return Some((Part::Number, length));
    }
    if !is_ideograph(first) || STOPS.contains(first) {
        return None;
    }
    if let Some(length) = places.longest(glyphs) {
        let after = glyphs.get(length..).unwrap_or_default();
        // `南京西路` is a road, and `上海路` too.
        let road = named(glyphs, length + 3).is_some_and(|(part, _)| part == Part::Road);
        if !road {
            return Some((Part::Region, length + begins_with_any(after, &REGION_ENDS).unwrap_or(0)));
        }
    }
    let (part, length) = named(glyphs, NAME_LEN_MAX)?;
    let announced = begun || part != Part::District && is_numbered(glyphs, length);
    announced.then_some((part, length))
}

/// Returns the first road, district or estate that the glyphs could name, and the length of its name.
fn named(glyphs: &[Glyph], longest: usize) -> Option<(Part, usize)> {
    for length in 0..longest.min(glyphs.len()) {
        let rest = glyphs.get(length..)?;
        let character = rest.first()?.character;
        if !is_ideograph(character) || STOPS.contains(character) {
            return None;
        }
        let kinds: [(Part, &[&str]); 3] =
            [(Part::District, &DISTRICT_ENDS), (Part::Road, &ROAD_ENDS), (Part::Place, &PLACE_ENDS)];
        let ends = kinds.into_iter().filter_map(|(part, ends)| Some((part, begins_with_any(rest, ends)?)));
        let Some((part, end)) = ends.max_by_key(|(_, end)| *end).filter(|_| length > 0) else { continue };
        // `花园路` is no garden, and `新城区` no town.
        if !rest.get(end).is_some_and(|next| LONGER.contains(next.character)) {
            return Some((part, length + end));
        }
    }
    None
}

/// Says whether the number of a house or building follows.
fn is_numbered(glyphs: &[Glyph], length: usize) -> bool {
    let rest = glyphs.get(length..).unwrap_or_default();
    let rest =
        if rest.first().is_some_and(|glyph| glyph.character == ' ') { rest.get(1..).unwrap_or_default() } else { rest };
    number(rest, false).is_some()
}

/// `88号`, `3号楼`, `十二层`, `甲3号`, `B座`, `1-2-301`; `begun` lets a number go without a word after it.
fn number(glyphs: &[Glyph], begun: bool) -> Option<usize> {
    let mut digits = 0;
    let mut length = 0;
    let mut groups = 1;
    for glyph in glyphs {
        match glyph.character {
            '甲' | '乙' | '丙' | '附' if length == 0 => {}
            '0'..='9' => digits += 1,
            'A'..='Z' | 'a'..='z' if digits <= NUMBER_LEN_MAX => digits += 1,
            '一' | '二' | '三' | '四' | '五' | '六' | '七' | '八' | '九' | '十' | '零' | '百' => {
                digits += 1;
            }
            '-' | '#' if digits > 0 => (digits, groups) = (0, groups + 1),
            _ => break,
        }
        length += 1;
        if digits > NUMBER_LEN_MAX {
            return None;
        }
    }
    if digits == 0 && groups == 1 {
        return None;
    }
    let after = glyphs.get(length..).unwrap_or_default();
    match begins_with_any(after, &NUMBER_ENDS) {
        Some(end) => Some(length + end),
        None if begun && groups >= 2 && glyphs.first().is_some_and(|glyph| glyph.character.is_ascii_alphanumeric()) => {
            Some(length)
        }
        None if begun
            && glyphs.first().is_some_and(|glyph| glyph.character.is_ascii_digit())
            && (2..=4).contains(&digits) =>
        {
            let next = after.first().map(|glyph| glyph.character);
            next.is_none_or(|next| next == ' ').then_some(length)
        }
        None => None,
    }
}

fn is_ideograph(character: char) -> bool {
    ('\u{4E00}'..='\u{9FFF}').contains(&character)
}
