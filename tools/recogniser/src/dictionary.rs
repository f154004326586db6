//! The dictionary that training starts from: words, characters with what they are in names, and their costs.
//!
//! Costs are eighths of a bit, worked out in whole numbers so that they are the same on every machine.

use std::collections::BTreeMap;

use crate::file::Builder;
use lww_recogniser::model::{COST_UNKNOWN, Character, Malformed, hash_on};

const WORDS: &str = include_str!("../data/words.tsv");
const CHARACTERS: &str = include_str!("../data/characters.tsv");
const TRADITIONAL: &str = include_str!("../data/traditional.tsv");
const SURNAMES: &str = include_str!("../data/surnames.txt");
const JAPANESE: &str = include_str!("../data/japanese.txt");
const SOUNDS: &str = include_str!("../data/transliteration.txt");

/// A character that is as dear as this by itself may be a given name though none is known with it.
const RARE: u8 = 80;
/// The same of one that is known in another place.
const RARE_KNOWN: u8 = 74;

/// What ends the names of places.
const PLACES: &str = "县市区镇乡村站路省州湾沟屯";
/// Of so many times that a character is said, one is taken for a mistake in the list of names.
const NOISE: u64 = 1200;

/// A word with how often it occurs, and its part of speech.
pub struct Word {
    /// The word.
    pub text: &'static str,
    /// Times in the corpus that the dictionary was made from.
    pub count: u64,
    /// Part of speech, as jieba writes it.
    pub part: &'static str,
}

/// A character's counts.
#[derive(Clone, Copy, Default)]
pub struct Counts {
    /// As a word by itself.
    pub alone: u64,
    /// As the only given one, the first of two, the last of two.
    pub given: [u64; 3],
    /// At the beginning, in the middle and at the end of foreign names.
    pub sound: [u64; 3],
}

/// All that is known before training.
pub struct Dictionary {
    /// Words of two to four characters.
    pub words: Vec<Word>,
    /// Characters.
    pub characters: BTreeMap<char, Counts>,
    /// Family names of one character with their weights.
    pub surnames: Vec<(u64, char)>,
    /// Family names of two characters.
    pub compound: Vec<&'static str>,
    /// Family names of Japan.
    pub japanese: Vec<&'static str>,
    /// Traditional characters with their simplified ones.
    pub traditional: Vec<(char, char)>,
    total: u64,
}

impl Dictionary {
    /// Reads the files of `data/`.
    pub fn read() -> Self {
        let number = |text: Option<&str>| text.and_then(|text| text.parse().ok()).unwrap_or(0);
        let words: Vec<Word> = WORDS
            .lines()
            .filter_map(|line| {
                let mut fields = line.split('\t');
                let (text, count) = (fields.next()?, number(fields.next()));
                Some(Word { text, count, part: fields.next()? })
            })
            .collect();
        let sounds: Vec<char> = SOUNDS.chars().filter(|character| !character.is_whitespace()).collect();
        let mut characters = BTreeMap::new();
        for line in CHARACTERS.lines() {
            let mut fields = line.split('\t');
            let Some(character) = fields.next().and_then(|text| text.chars().next()) else { continue };
            let mut three = || [number(fields.next()), number(fields.next()), number(fields.next())];
            let [alone, only, first] = three();
            let [last, begin, middle] = three();
            let [end, ..] = three();
            let sound = if sounds.contains(&character) { [begin + 1, middle + 1, end + 1] } else { [0; 3] };
            characters.insert(character, Counts { alone, given: given(character, alone, [only, first, last]), sound });
        }
        let names = || SURNAMES.lines().filter(|line| !line.starts_with('#'));
        let mut surnames: Vec<(u64, char)> = Vec::new();
        for character in names().filter(|line| !line.contains(' ')).flat_map(str::chars) {
            if surnames.iter().all(|(_, known)| *known != character) {
                // The most frequent name is a fourteenth of all, the hundredth a five-hundredth.
                let rank = surnames.len() as u64;
                surnames.push((720_000 * 7 / (7 + rank * 2), character));
            }
        }
        let compound = names().filter(|line| line.contains(' ')).flat_map(str::split_whitespace).collect();
        let japanese = JAPANESE.lines().filter(|line| !line.starts_with('#')).flat_map(str::split_whitespace).collect();
        let pair = |line: &str| {
            let mut characters = line.chars().filter(|character| !character.is_whitespace());
            Some((characters.next()?, characters.next()?))
        };
        let traditional = TRADITIONAL.lines().filter_map(pair).collect();
        let total =
            words.iter().map(|word| word.count).sum::<u64>() + characters.values().map(|is| is.alone).sum::<u64>();
        Self { words, characters, surnames, compound, japanese, traditional, total }
    }

    /// Makes the parts of the model that are not learnt.
    ///
    /// # Errors
    /// Refuses more words than the model has room for.
    pub fn builder(&self) -> Result<Builder, Malformed> {
        let mut builder = Builder::default();
        let mut all: BTreeMap<char, Character> = BTreeMap::new();
        let totals: [u64; 4] = [0, 1, 2, 3].map(|place: usize| {
            let count = |is: &Counts| is.given.get(place).map_or(is.sound.iter().sum(), |given| given * 2 + 1);
            self.characters.values().map(count).sum()
        });
        let surnames: u64 = self.surnames.iter().map(|(weight, _)| weight).sum();
        for (&character, is) in &self.characters {
            let given = |place: usize| {
                let alone = if is.alone == 0 { COST_UNKNOWN } else { cost(is.alone, self.total) };
                let known = is.given.iter().any(|&count| count > 0);
                let (named, rare) = (is.given[place] > 0, alone >= if known { RARE_KNOWN } else { RARE });
                if named || rare { cost(is.given[place] * 2 + 1, totals[place]) } else { 0 }
            };
            let surname = self.surnames.iter().find(|(_, surname)| *surname == character);
            let sound: u64 = is.sound.iter().sum();
            all.insert(
                character,
                Character {
                    simplified: code(character),
                    surname: surname.map_or(0, |(weight, _)| cost(*weight, surnames)),
                    given_only: given(0),
                    given_first: given(1),
                    given_last: given(2),
                    sound: if sound > 0 { cost(sound, totals[3]) } else { 0 },
                    leads: false,
                    alone: if is.alone > 0 { cost(is.alone, self.total) } else { COST_UNKNOWN },
                },
            );
        }
        for &(traditional, simplified) in &self.traditional {
            let is = all.get(&simplified).copied();
            if let Some(is) = is {
                all.insert(traditional, is);
            }
        }
        for (character, is) in &all {
            builder.character(code(*character), is);
        }
        let mut words: Vec<&Word> = self.words.iter().collect();
        words.sort_by_key(|word| (core::cmp::Reverse(word.count), word.text));
        for word in words {
            let hash = word.text.chars().fold(0, |hash, character| hash_on(hash, code(character)));
            builder.word(hash, i32::from(cost(word.count, self.total)))?;
        }
        Ok(builder)
    }
}

/// Returns how often a character is the only given one, the first and the last of two, as far as that can be told from a list
/// in which places and misread words are, too: what is said all the time has to be in more names to be believed.
fn given(character: char, alone: u64, [only, first, last]: [u64; 3]) -> [u64; 3] {
    if PLACES.contains(character) {
        return [0; 3];
    }
    let believed = |count: u64| count.saturating_sub(alone / NOISE).max(count / 6);
    let (first, last) = (believed(first), believed(last));
    // There are few names of one given character in the list; which it is follows the last of two.
    [believed(only * 3 + u64::midpoint(first, last)), first, last]
}

/// Returns a character's code in the model; those outside have none.
pub fn code(character: char) -> u16 {
    u16::try_from(u32::from(character)).unwrap_or(0)
}

/// Returns eighths of a bit of `count` in `total`, in whole numbers.
fn cost(count: u64, total: u64) -> u8 {
    let (mut value, mut bits) = ((u128::from(total) << 32) / u128::from(count.max(1)), 0_u32);
    while value >= 2 << 32 {
        value >>= 1;
        bits += 8;
    }
    // The eighths of the last bit by squaring three times.
    for eighth in [4, 2, 1] {
        value = (value * value) >> 32;
        if value >= 2 << 32 {
            value >>= 1;
            bits += eighth;
        }
    }
    u8::try_from(bits.clamp(1, u32::from(COST_UNKNOWN))).unwrap_or(COST_UNKNOWN)
}
