//! A message folded to symbols, with the way back to the bytes of the original.
//!
//! Two passes use it: [`screen`] decides in one walk without allocating whether a message deserves a look, and
//! [`Folded`] is built only then. Neither knows what a number means.

use std::ops::Range;

use super::{automaton::State, fold_table::Entry, lexicon::Lexicon, symbol};

/// Separators that may stand between two digits of one number.
pub(super) const GAP_MAX: usize = 4;
/// Digits in one run from which on a message may hold a number that needs no keyword.
const RUN_MIN: u32 = 7;
/// Chinese numerals alone are ordinary text until this many stand together.
const NUMERAL_RUN_MIN: u32 = 7;
/// Numerals at a message's end that may be a part of a number told over several messages.
const NUMERAL_TAIL_MIN: u32 = 3;

/// Digits before a message's last few symbols that may be a part of a number told over several messages (`138吧`).
const FRAGMENT_MIN: u32 = 3;
/// How many those symbols are.
pub(super) const TRAILING_MAX: usize = 4;

/// Digits with spaces between before a letter from which on they may be a number that ends with it.
const LETTERED_MIN: u32 = 6;
/// Digits of a word with letters, and its length, from which on it may be a number.
const CODE_DIGITS_MIN: u32 = 5;
const CODE_LEN_MIN: u32 = 12;
/// `:` or `-` in a row of words from which on they may be an address.
const JOINTS_MIN: u32 = 3;
/// Characters of a plate, its province included.
const PLATE_LEN_MIN: u32 = 7;

/// What one walk over a message shows.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Screening {
    /// Nothing in it can be sensitive, and no digit is in it.
    Plain,
    /// Nothing in it can be sensitive by itself; it has digits that could complete an earlier message.
    Digits,
    /// It must be looked at.
    Suspicious,
}

/// Walks once over a message and says whether it deserves a look.
pub(super) fn screen(lexicon: &Lexicon, text: &str) -> Screening {
    let mut state = State::default();
    let mut walk = Walk::default();
    for character in text.chars() {
        let Entry { code, symbol } = lexicon.table.entry(character);
        if code == u16::from(symbol::OTHER) {
            // Most characters of Chinese text end here: no keyword and no number goes on.
            state = State::default();
            walk.pass();
        } else if symbol != symbol::IGNORE && (lexicon.wakes(&mut state, code) || walk.meets(symbol)) {
            return Screening::Suspicious;
        }
    }
    walk.ends()
}

/// What has been seen of a message on the way: its last series of digits, and its last word of letters and digits.
#[derive(Default)]
struct Walk {
    digits: u32,
    numerals: u32,
    gap: usize,
    /// Any digit or numeral was there.
    any: bool,
    /// How long the last series of digits was, and what has come since.
    ended: u32,
    since: usize,
    word: Word,
}

/// A word so far: how many letters and digits it has, with how many `:` or `-` its parts are joined, and how many
/// characters of a plate have come since its province.
#[derive(Default)]
struct Word {
    letters: u32,
    digits: u32,
    joints: u32,
    plate: u32,
}

impl Walk {
    /// Goes on over a character that nothing is made of.
    #[inline]
    fn pass(&mut self) {
        if self.digits > 0 {
            (self.ended, self.since) = (self.digits, 0);
        }
        (self.digits, self.numerals) = (0, 0);
        self.word = Word::default();
        self.since += 1;
    }

    /// Goes on over a symbol; true when the message deserves a look.
    #[inline]
    fn meets(&mut self, symbol: u8) -> bool {
        if symbol::is_digit(symbol) {
            (self.digits, self.gap, self.any) = (self.digits + 1, 0, true);
        } else if symbol::is_numeral(symbol) {
            (self.numerals, self.gap, self.any) = (self.numerals + 1, 0, true);
        } else if symbol::is_separator(symbol) || symbol::is_homoglyph(symbol) {
            self.gap += 1;
            if self.gap > GAP_MAX {
                (self.digits, self.numerals) = (0, 0);
            }
        } else if symbol::is_letter(symbol) && self.digits >= LETTERED_MIN {
            return true;
        } else {
            let word = std::mem::take(&mut self.word);
            self.pass();
            self.word = word;
        }
        let is_number = self.digits >= RUN_MIN || self.digits + self.numerals >= NUMERAL_RUN_MIN;
        is_number || symbol == b'@' || self.word.meets(symbol)
    }

    fn ends(&self) -> Screening {
        let trailed = self.ended >= FRAGMENT_MIN && self.since <= TRAILING_MAX;
        if self.digits > 0 || self.numerals >= NUMERAL_TAIL_MIN || trailed {
            Screening::Suspicious
        } else if self.any {
            Screening::Digits
        } else {
            Screening::Plain
        }
    }
}

impl Word {
    /// Goes on over a symbol; true when no word of everyday looks so.
    #[inline]
    fn meets(&mut self, symbol: u8) -> bool {
        if symbol::is_letter(symbol) {
            self.letters += 1;
        } else if symbol::is_digit(symbol) || symbol::is_numeral(symbol) {
            self.digits += 1;
        } else {
            let plate = match symbol {
                symbol::PROVINCE => 1,
                symbol if symbol::is_separator(symbol) => self.plate,
                _ => 0,
            };
            let joints = if matches!(symbol, b':' | b'-') { self.joints + 1 } else { 0 };
            *self = Self { joints, plate, ..Self::default() };
            return joints >= JOINTS_MIN;
        }
        self.plate += u32::from(self.plate > 0);
        let mixed = self.letters > 0 && self.digits > 0;
        let is_code = mixed && (self.digits >= CODE_DIGITS_MIN || self.letters + self.digits >= CODE_LEN_MIN);
        is_code || (self.plate >= PLATE_LEN_MIN && self.digits > 0)
    }
}

/// A folded message: one symbol for each character that is not transparent.
pub(super) struct Folded {
    codes: Vec<u16>,
    symbols: Vec<u8>,
    starts: Vec<usize>,
}

impl Folded {
    /// Folds a message.
    pub(super) fn new(lexicon: &Lexicon, text: &str) -> Self {
        let mut codes = Vec::with_capacity(text.len() / 2 + 1);
        let mut symbols = Vec::with_capacity(text.len() / 2 + 1);
        let mut starts = Vec::with_capacity(text.len() / 2 + 2);
        for (start, character) in text.char_indices() {
            let Entry { code, symbol } = lexicon.table.entry(character);
            if symbol != symbol::IGNORE {
                codes.push(code);
                symbols.push(symbol);
                starts.push(start);
            }
        }
        starts.push(text.len());
        Self { codes, symbols, starts }
    }

    /// Returns all codes, for finding keywords.
    pub(super) fn codes(&self) -> &[u16] {
        &self.codes
    }

    /// Returns all symbols.
    pub(super) fn symbols(&self) -> &[u8] {
        &self.symbols
    }

    /// Returns how many symbols there are.
    pub(super) fn len(&self) -> usize {
        self.symbols.len()
    }

    /// Returns the symbol at a position; outside the message there is nothing of meaning.
    #[inline]
    pub(super) fn at(&self, position: usize) -> u8 {
        self.symbols.get(position).copied().unwrap_or(symbol::OTHER)
    }

    /// Returns the symbol before a position.
    #[inline]
    pub(super) fn before(&self, position: usize) -> u8 {
        position.checked_sub(1).map_or(symbol::OTHER, |previous| self.at(previous))
    }

    /// Returns the symbols of a range, or none when it is not inside the message.
    pub(super) fn slice(&self, range: Range<usize>) -> &[u8] {
        self.symbols.get(range).unwrap_or_default()
    }

    /// Marks a range as holding no value.
    pub(super) fn blot(&mut self, range: Range<usize>) {
        if let Some(codes) = self.codes.get_mut(range.clone()) {
            codes.fill(u16::from(symbol::MASKED));
        }
        if let Some(symbols) = self.symbols.get_mut(range) {
            symbols.fill(symbol::MASKED);
        }
    }

    /// Returns the symbols of a range of bytes of the original.
    pub(super) fn symbols_of(&self, bytes: &Range<usize>) -> Range<usize> {
        let before = |byte: usize| self.starts.partition_point(|start| *start < byte);
        before(bytes.start)..before(bytes.end).min(self.len())
    }

    /// Returns the bytes of the original that a range of symbols covers, trailing transparent characters included.
    pub(super) fn bytes(&self, range: Range<usize>) -> Range<usize> {
        let end_of_text = self.starts.last().copied().unwrap_or_default();
        let byte = |position: usize| self.starts.get(position).copied().unwrap_or(end_of_text);
        byte(range.start)..byte(range.end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expect: Screening) {
        let lexicon = Lexicon::new(&[]).unwrap();
        assert_eq!(screen(&lexicon, text), expect, "{text}");
    }

    #[test]
    fn ordinary_messages_are_passed_by() {
        for text in ["您好，请问一下三十六个月分期怎么办理？", "王者荣耀一局", "I will call you", "", "万一呢，一二"]
        {
            assert_ne!(screen(&Lexicon::new(&[]).unwrap(), text), Screening::Suspicious, "{text}");
        }
        check("您好，在吗", Screening::Plain);
        check("买2个吧", Screening::Digits);
    }

    #[test]
    fn anything_that_may_hold_a_value_is_looked_at() {
        for text in [
            "138 1234 5678",
            "一三八零零一三八",
            "a@b.cn",
            "验证码",
            "驗證碼",
            "ＣＶＶ",
            "我是138",
            "①③⑧⑴⑵⑶⑷",
            "是384921哈",
        ] {
            check(text, Screening::Suspicious);
        }
    }

    #[test]
    fn offsets_lead_back_to_the_original() {
        let lexicon = Lexicon::new(&[]).unwrap();
        let text = "号1️⃣3\u{200B}八。";
        let folded = Folded::new(&lexicon, text);
        assert_eq!(folded.len(), 5);
        assert_eq!(text.get(folded.bytes(1..2)), Some("1️⃣"));
        assert_eq!(text.get(folded.bytes(1..4)), Some("1️⃣3\u{200B}八"));
        assert_eq!(text.get(folded.bytes(0..9)), Some(text));
    }
}
