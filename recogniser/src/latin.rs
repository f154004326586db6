//! Latin words and numbers of a text, in stretches of bounded length: what Western names and addresses are found in.
//!
//! It deliberately does not know what a name is. What touches a mask, a mail address or an identifier is no word.

use core::ops::Range;

/// Most words of a stretch.
pub const STRETCH_MAX: usize = 96;
/// Words of a full stretch that the next one begins with again.
const OVERLAP: usize = 24;
/// Most letters of a word that are looked at.
const LETTERS_MAX: usize = 16;

/// How a word is written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Shape {
    /// `john`
    Lower,
    /// `John`, `McDonald`
    Capital,
    /// `JOHN`
    Caps,
    /// `J`
    Initial,
    /// `221`, `221B`, `94105-1234`
    Number,
    /// Anything that is no word of a language.
    Other,
}

/// What is before a word.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Before {
    /// One space.
    Space,
    /// A full stop and a space, as after an initial.
    Dot,
    /// A comma.
    Comma,
    /// A colon.
    Colon,
    /// The stretch begins.
    Start,
    /// A line break, several spaces, any other sign.
    Break,
}

/// A word or number.
#[derive(Clone, Copy)]
pub struct Word {
    /// First byte in the text.
    pub start: usize,
    /// One past the last byte.
    pub end: usize,
    /// How it is written.
    pub shape: Shape,
    /// What is before it.
    pub before: Before,
    letters: [u8; LETTERS_MAX],
    length: usize,
}

impl Word {
    const NONE: Self =
        Self { start: 0, end: 0, shape: Shape::Other, before: Before::Start, letters: [0; LETTERS_MAX], length: 0 };

    /// Returns its letters and digits in lower case, without what is between them; empty when it is too long.
    pub fn text(&self) -> &str {
        core::str::from_utf8(self.letters.get(..self.length).unwrap_or_default()).unwrap_or_default()
    }

    /// Says whether it is one of `words`.
    pub fn is_one_of(&self, words: &[&str]) -> bool {
        words.contains(&self.text())
    }

    /// Says whether it is written as names are.
    pub fn is_capital(&self) -> bool {
        matches!(self.shape, Shape::Capital | Shape::Caps)
    }
}

/// Returns the bytes of the words from one up to another.
pub fn bytes(words: &[Word], first: usize, end: usize) -> Range<usize> {
    let start = words.get(first).map_or(0, |word| word.start);
    start..end.checked_sub(1).and_then(|last| words.get(last)).map_or(start, |word| word.end)
}

/// Walks over a text and hands each stretch to `look`; what is in `masked`, ranges of bytes in order, ends one.
pub fn each(text: &str, masked: &[Range<usize>], mut look: impl FnMut(&[Word])) {
    let mut words = [Word::NONE; STRETCH_MAX];
    let (mut length, mut before) = (0, Before::Start);
    let mut masked = masked.iter().peekable();
    let mut rest = text.char_indices().peekable();
    while let Some((start, character)) = rest.next() {
        while masked.next_if(|range| range.end <= start).is_some() {}
        let hidden = masked.peek().is_some_and(|range| range.start <= start);
        if hidden || !is_part(character) {
            if hidden || ends_stretch(character) {
                look(words.get(..length).unwrap_or_default());
                (length, before) = (0, Before::Start);
                // What is glued to a mask or an identifier is no word.
                let glues = !hidden && character.is_ascii();
                while rest.next_if(|(_, next)| glues && is_part(*next)).is_some() {}
            } else {
                before = follow(before, character);
            }
            continue;
        }
        let mut word = Word { start, end: start, before, ..Word::NONE };
        let mut writing = Writing::default();
        writing.take(character, &mut word);
        word.end = start + character.len_utf8();
        while let Some((at, next)) = rest.next_if(|(at, next)| {
            (is_part(*next) || is_inner(*next)) && masked.peek().is_none_or(|range| range.start > *at)
        }) {
            if is_part(next) {
                writing.take(next, &mut word);
                word.end = at + next.len_utf8();
            } else {
                writing.inner = true;
            }
        }
        let glued = rest.peek().is_some_and(|(_, next)| matches!(next, '@' | '_' | '*' | '\\'));
        word.shape = if glued { Shape::Other } else { writing.shape(word.length) };
        if length == STRETCH_MAX {
            look(&words);
            words.copy_within(STRETCH_MAX - OVERLAP.., 0);
            length = OVERLAP;
        }
        if let Some(slot) = words.get_mut(length) {
            *slot = word;
            length += 1;
        }
        before = Before::Break;
        if rest.peek().is_some_and(|(_, next)| *next == ' ') && rest.next().is_some() {
            before = Before::Space;
        }
    }
    look(words.get(..length).unwrap_or_default());
}

/// Returns what is before the next word when `character` comes after `before`.
fn follow(before: Before, character: char) -> Before {
    match (before, character) {
        (Before::Break, '.') => Before::Dot,
        (Before::Break | Before::Space, ',' | '，') => Before::Comma,
        (Before::Break | Before::Space | Before::Dot, ':' | '：') => Before::Colon,
        (Before::Comma | Before::Colon | Before::Dot | Before::Start, ' ') => before,
        _ => Before::Break,
    }
}

fn is_part(character: char) -> bool {
    character.is_ascii_alphanumeric()
        || matches!(character, '\u{C0}'..='\u{24F}' | '０'..='９' | 'Ａ'..='Ｚ' | 'ａ'..='ｚ')
        || matches!(character, '\u{200B}'..='\u{200F}' | '\u{2060}'..='\u{2064}' | '\u{FEFF}')
}

fn is_inner(character: char) -> bool {
    matches!(character, '\'' | '’' | '-')
}

fn ends_stretch(character: char) -> bool {
    matches!(character, '@' | '_' | '*' | '<' | '[' | '/' | '\\' | '\u{4E00}'..='\u{9FFF}')
}

/// What was seen of a word.
#[derive(Default)]
struct Writing {
    upper: usize,
    lower: usize,
    digits: usize,
    capital: bool,
    inner: bool,
}

impl Writing {
    fn take(&mut self, character: char, word: &mut Word) {
        let folded = match character {
            '０'..='９' | 'Ａ'..='Ｚ' | 'ａ'..='ｚ' => {
                char::from_u32(u32::from(character) - 0xFEE0).unwrap_or(character)
            }
            '\u{200B}'..='\u{2064}' | '\u{FEFF}' => return,
            other => other,
        };
        self.capital |= self.upper + self.lower + self.digits == 0 && folded.is_uppercase();
        if folded.is_ascii_digit() {
            self.digits += 1;
        } else if folded.is_uppercase() {
            self.upper += 1;
        } else {
            self.lower += 1;
        }
        let byte = u8::try_from(u32::from(folded.to_ascii_lowercase())).ok().filter(u8::is_ascii).unwrap_or(b'?');
        match word.letters.get_mut(word.length) {
            Some(slot) => {
                *slot = byte;
                word.length += 1;
            }
            None => word.length = 0,
        }
    }

    fn shape(&self, length: usize) -> Shape {
        match (self.upper, self.lower, self.digits) {
            _ if length == 0 => Shape::Other,
            (0..=2, 0..=2, 1..) if self.upper + self.lower <= 2 => Shape::Number,
            (1, 0, 0) => Shape::Initial,
            (2.., 0, 0) => Shape::Caps,
            (0, 1.., 0) => Shape::Lower,
            (upper, lower, 0) if self.capital && upper <= 3 && upper <= lower => Shape::Capital,
            (_, _, _) => Shape::Other,
        }
    }
}
