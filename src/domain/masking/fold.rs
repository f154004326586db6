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
    let (mut digits, mut numerals, mut gap) = (0_u32, 0_u32, 0);
    let mut any = false;
    // How long the last series of digits was, and what has come since.
    let (mut ended, mut since) = (0_u32, 0_usize);
    for character in text.chars() {
        let Entry { code, symbol } = lexicon.table.entry(character);
        if code == u16::from(symbol::OTHER) {
            // Most characters of Chinese text end here: no keyword and no number goes on.
            if digits > 0 {
                (ended, since) = (digits, 0);
            }
            (state, digits, numerals) = (State::default(), 0, 0);
            since += 1;
            continue;
        }
        if symbol == symbol::IGNORE {
            continue;
        }
        if lexicon.wakes(&mut state, code) || symbol == b'@' {
            return Screening::Suspicious;
        }
        if symbol::is_digit(symbol) {
            (digits, gap, any) = (digits + 1, 0, true);
        } else if symbol::is_numeral(symbol) {
            (numerals, gap, any) = (numerals + 1, 0, true);
        } else if symbol::is_separator(symbol) || symbol::is_homoglyph(symbol) {
            gap += 1;
            if gap > GAP_MAX {
                (digits, numerals) = (0, 0);
            }
            continue;
        } else {
            if digits > 0 {
                (ended, since) = (digits, 0);
            }
            (digits, numerals) = (0, 0);
            since += 1;
            continue;
        }
        if digits >= RUN_MIN || digits + numerals >= NUMERAL_RUN_MIN {
            return Screening::Suspicious;
        }
    }
    let trailed = ended >= FRAGMENT_MIN && since <= TRAILING_MAX;
    if digits > 0 || numerals >= NUMERAL_TAIL_MIN || trailed {
        Screening::Suspicious
    } else if any {
        Screening::Digits
    } else {
        Screening::Plain
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
