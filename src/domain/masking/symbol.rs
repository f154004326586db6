//! The one-byte alphabet that text is folded to before anything looks at it.
//!
//! A symbol is either the lower-case ASCII character that a character stands for, a Chinese numeral, one of a few
//! kinds of separator, or a kind of ideograph. Everything else is [`OTHER`]. Which ideograph it is, is not a matter of
//! symbols but of the codes of [`super::fold_table`], which keywords are made of.

/// A character that means nothing to the engine.
pub(super) const OTHER: u8 = 0;
/// A character that is transparent: zero-width, a variation selector, a combining mark.
pub(super) const IGNORE: u8 = 1;
/// Part of a text that is masked already, or that cannot hold a value (a UUID, an IP address).
pub(super) const MASKED: u8 = 2;
/// The Chinese numeral zero; the other nine follow.
pub(super) const NUMERAL_ZERO: u8 = 0x80;
/// An emoji, arrow or ornament.
pub(super) const EMOJI: u8 = 0x8A;
/// A middle dot or bullet.
pub(super) const MIDDLE_DOT: u8 = 0x8B;
/// The ideographic full stop.
pub(super) const FULL_STOP: u8 = 0x8C;

/// An ideograph that counts things: after a short number it makes it a quantity or a date.
pub(super) const UNIT: u8 = 0x8D;
/// An ideograph that counts money: after any number it makes it an amount.
pub(super) const MONEY: u8 = 0x8E;
/// An ideograph that joins a keyword to its value.
pub(super) const COPULA: u8 = 0x8F;
/// The ideograph that may stand for the dot of a mail domain.
pub(super) const DOT_WORD: u8 = 0x90;
/// The ideograph that begins the word for an at-sign, `艾特`.
pub(super) const AT_WORD: u8 = 0x91;
/// The short name of a province, which licence plates begin with.
pub(super) const PROVINCE: u8 = 0x92;
/// An ideograph that ends the plates of trailers, driving schools, the police and vehicles of Hong Kong and Macau.
pub(super) const PLATE_END: u8 = 0x93;

const DIGIT: u8 = 1;
const NUMERAL: u8 = 2;
const HOMOGLYPH: u8 = 4;
const LETTER: u8 = 8;
const SEPARATOR: u8 = 16;

const SEPARATORS: &[u8] = b" \n-.,/_~()[]+=|'\"#^\\;!";

const KINDS: [u8; 256] = {
    let mut kinds = [0; 256];
    let mut at = 0;
    while at < 10 {
        kinds[b'0' as usize + at] = DIGIT;
        kinds[NUMERAL_ZERO as usize + at] = NUMERAL;
        at += 1;
    }
    at = b'a' as usize;
    while at <= b'z' as usize {
        kinds[at] = LETTER;
        at += 1;
    }
    kinds[b'l' as usize] = LETTER | HOMOGLYPH;
    kinds[b'i' as usize] = LETTER | HOMOGLYPH;
    kinds[b'o' as usize] = LETTER | HOMOGLYPH;
    at = 0;
    while at < SEPARATORS.len() {
        kinds[SEPARATORS[at] as usize] = SEPARATOR;
        at += 1;
    }
    kinds[EMOJI as usize] = SEPARATOR;
    kinds[MIDDLE_DOT as usize] = SEPARATOR;
    kinds[FULL_STOP as usize] = SEPARATOR;
    kinds
};

const fn is(symbol: u8, kind: u8) -> bool {
    KINDS[symbol as usize] & kind != 0
}

/// Says whether the symbol is a digit in any script's decimal digits.
pub(super) const fn is_digit(symbol: u8) -> bool {
    is(symbol, DIGIT)
}

/// Says whether the symbol is a Chinese numeral from zero to nine.
pub(super) const fn is_numeral(symbol: u8) -> bool {
    is(symbol, NUMERAL)
}

/// Says whether the symbol is a Latin letter.
pub(super) const fn is_letter(symbol: u8) -> bool {
    is(symbol, LETTER)
}

/// Says whether the symbol is a letter that looks like a digit.
pub(super) const fn is_homoglyph(symbol: u8) -> bool {
    is(symbol, HOMOGLYPH)
}

/// Says whether the symbol may stand between the digits of one number.
pub(super) const fn is_separator(symbol: u8) -> bool {
    is(symbol, SEPARATOR)
}

/// Says whether the symbol is a letter or a digit of any kind.
pub(super) const fn is_alphanumeric(symbol: u8) -> bool {
    is(symbol, DIGIT | NUMERAL | LETTER)
}

/// Says whether the symbol ends a clause.
pub(super) const fn ends_clause(symbol: u8) -> bool {
    matches!(symbol, b'\n' | FULL_STOP | b'!' | b'?' | b';')
}

/// Returns the ASCII digit that a digit, numeral or homoglyph symbol stands for.
pub(super) const fn digit_value(symbol: u8) -> Option<u8> {
    match symbol {
        b'0'..=b'9' => Some(symbol),
        0x80..=0x89 => Some(symbol - NUMERAL_ZERO + b'0'),
        b'o' => Some(b'0'),
        b'l' | b'i' => Some(b'1'),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_digit_like_symbol_has_a_value_and_no_other_has() {
        for symbol in 0..=u8::MAX {
            let digit_like = is_digit(symbol) || is_numeral(symbol) || is_homoglyph(symbol);
            assert_eq!(digit_value(symbol).is_some(), digit_like, "{symbol:#x}");
        }
    }
}
