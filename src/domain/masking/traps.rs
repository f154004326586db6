//! What looks like a value and is none: texts that are masked already, UUIDs, hashes, IP addresses; and links.
//!
//! They are blotted out before anything else looks, so they neither hold values nor lend words. The exceptions are kept
//! narrow: whoever disguises a number as one of them must add letters that make it useless as a number.

use std::ops::Range;

use super::{
    entity::Entity,
    fold::Folded,
    masked::{TOKEN_LEN_MAX, TOKEN_LEN_MIN},
    symbol,
};

/// Most characters that a mask shows at one end.
const SHOWN_MAX: usize = 10;
/// Fewest `*` of a mask.
const STARS_MIN: usize = 3;
/// Most digits of a replacement's number.
const REPLACEMENT_DIGITS_MAX: usize = 6;
/// Groups of a UUID.
const UUID: [usize; 5] = [8, 4, 4, 4, 12];
/// Fewest digits of an IP address that could be taken for a number.
const IP_DIGITS_MIN: usize = 10;
/// Fewest letters of a UUID: without any, it is just a grouped number.
const UUID_LETTERS_MIN: usize = 2;
/// Shortest hash in hexadecimal.
const HASH_LEN_MIN: usize = 20;
/// Fewest letters of a hash.
const HASH_LETTERS_MIN: usize = 4;

/// Blots everything that cannot hold a value, and returns the links.
pub(super) fn blot(message: &mut Folded, replacements: &[Vec<u8>]) -> Vec<Range<usize>> {
    let mut links = Vec::new();
    let mut at = 0;
    while at < message.len() {
        let symbol = message.at(at);
        let token_start = symbol::is_alphanumeric(symbol) && !symbol::is_alphanumeric(message.before(at));
        let end = match symbol {
            b'[' => placeholder(message, at),
            b'<' => replacement(message, at, replacements),
            b'*' => mask(message, at),
            _ if token_start && is_hex(symbol) => identifier(message, at),
            _ => None,
        };
        if let Some(range) = end {
            at = range.end;
            message.blot(range);
            continue;
        }
        let outside = links.last().is_none_or(|link: &Range<usize>| link.end <= at);
        if token_start
            && outside
            && let Some(end) = link(message, at)
        {
            links.push(at..end);
        }
        at += 1;
    }
    links
}

fn count(message: &Folded, from: usize, max: usize, is: impl Fn(u8) -> bool) -> usize {
    (0..max).take_while(|step| is(message.at(from + step))).count()
}

/// `[cvv]` and `[mobile:token]`.
fn placeholder(message: &Folded, at: usize) -> Option<Range<usize>> {
    let inside = at + 1;
    Entity::ALL.into_iter().find_map(|entity| {
        let label = entity.label().as_bytes();
        let after = inside + label.len();
        if message.slice(inside..after) != label {
            return None;
        }
        let end = if message.at(after) == b':' {
            let letters = count(message, after + 1, TOKEN_LEN_MAX + 1, symbol::is_letter);
            (TOKEN_LEN_MIN..=TOKEN_LEN_MAX).contains(&letters).then_some(after + 1 + letters)?
        } else {
            after
        };
        (message.at(end) == b']').then_some(at..end + 1)
    })
}

/// `<CARD_1>` for the names that the policy uses.
fn replacement(message: &Folded, at: usize, names: &[Vec<u8>]) -> Option<Range<usize>> {
    names.iter().find_map(|name| {
        let after = at + 1 + name.len();
        if message.slice(at + 1..after) != name.as_slice() || message.at(after) != b'_' {
            return None;
        }
        let digits = count(message, after + 1, REPLACEMENT_DIGITS_MAX, symbol::is_digit);
        let end = after + 1 + digits;
        (digits > 0 && message.at(end) == b'>').then_some(at..end + 1)
    })
}

/// `622202*****0128`: stars with the few characters that they leave. As many stars on both sides of a word are emphasis.
fn mask(message: &Folded, at: usize) -> Option<Range<usize>> {
    if message.before(at) == b'*' {
        return None;
    }
    let hidden = count(message, at, message.len(), |symbol| symbol == b'*');
    let end = at + hidden;
    let before = |step: usize| if step < at { message.at(at - 1 - step) } else { symbol::OTHER };
    let after = |step: usize| message.at(end + step);
    let (left, right) = (shown(before, hidden), shown(after, hidden));
    let emphasis = left + right == 0 && (is_shown(before(0)) || is_shown(after(0)));
    (hidden >= STARS_MIN && !emphasis).then(|| at - left..end + right)
}

/// Counts the characters that a mask shows on one side. A longer word may have the value glued to it: its digits only.
fn shown(symbol_at: impl Fn(usize) -> u8, hidden: usize) -> usize {
    let kinds: [&dyn Fn(u8) -> bool; 2] = [&is_shown, &symbol::is_digit];
    let lengths = kinds.map(|is| (0..=SHOWN_MAX).take_while(|&step| is(symbol_at(step))).count());
    let stars = |length: usize| (0..=hidden).take_while(|&step| symbol_at(length + step) == b'*').count();
    lengths.into_iter().find(|&length| length <= SHOWN_MAX && stars(length) != hidden).unwrap_or(0)
}

fn is_shown(symbol: u8) -> bool {
    symbol::is_alphanumeric(symbol) || symbol == b'.'
}

fn is_hex(symbol: u8) -> bool {
    symbol.is_ascii_digit() || matches!(symbol, b'a'..=b'f')
}

fn letters(message: &Folded, range: Range<usize>) -> usize {
    message.slice(range).iter().filter(|&&symbol| symbol::is_letter(symbol)).count()
}

fn identifier(message: &Folded, at: usize) -> Option<Range<usize>> {
    uuid(message, at).or_else(|| hash(message, at)).or_else(|| ip_address(message, at))
}

fn uuid(message: &Folded, at: usize) -> Option<Range<usize>> {
    let mut end = at;
    for (place, len) in UUID.into_iter().enumerate() {
        if place > 0 {
            if message.at(end) != b'-' {
                return None;
            }
            end += 1;
        }
        if count(message, end, len + 1, is_hex) != len {
            return None;
        }
        end += len;
    }
    (letters(message, at..end) >= UUID_LETTERS_MIN).then_some(at..end)
}

fn hash(message: &Folded, at: usize) -> Option<Range<usize>> {
    let end = at + count(message, at, message.len(), is_hex);
    let whole = end - at >= HASH_LEN_MIN && !symbol::is_alphanumeric(message.at(end));
    (whole && letters(message, at..end) >= HASH_LETTERS_MIN).then_some(at..end)
}

/// Shorter addresses are left alone: they are too short for a number, and could be a spaced-out secret.
fn ip_address(message: &Folded, at: usize) -> Option<Range<usize>> {
    if message.before(at) == b'.' {
        return None;
    }
    let (mut end, mut total) = (at, 0);
    for place in 0..4 {
        if place > 0 {
            if message.at(end) != b'.' {
                return None;
            }
            end += 1;
        }
        let digits = count(message, end, 4, symbol::is_digit);
        let part = message.slice(end..end + digits);
        let value = part.iter().fold(0_u32, |value, digit| value * 10 + u32::from(digit - b'0'));
        if !(1..=3).contains(&digits) || value > 255 {
            return None;
        }
        (end, total) = (end + digits, total + digits);
    }
    let closed = message.at(end) != b'.' || !symbol::is_digit(message.at(end + 1));
    let whole = closed && !symbol::is_alphanumeric(message.at(end));
    (whole && total >= IP_DIGITS_MIN).then_some(at..end)
}

/// Returns the end of the link that begins here: up to a space or a character outside ASCII.
fn link(message: &Folded, at: usize) -> Option<usize> {
    let begins = |prefix: &[u8]| message.slice(at..at + prefix.len()) == prefix;
    if !(begins(b"http://") || begins(b"https://") || begins(b"www.")) {
        return None;
    }
    Some(at + count(message, at, message.len(), |symbol| (0x21..0x7F).contains(&symbol)))
}

#[cfg(test)]
mod tests {
    use super::{super::lexicon::Lexicon, *};

    fn check(text: &str, blotted: &str) {
        let lexicon = Lexicon::new(&[]).unwrap();
        let mut message = Folded::new(&lexicon, text);
        blot(&mut message, &[b"card".to_vec()]);
        let got: String = text
            .chars()
            .zip(message.symbols())
            .filter_map(|(c, &symbol)| (symbol == symbol::MASKED).then_some(c))
            .collect();
        assert_eq!(got, blotted, "{text}");
    }

    #[test]
    fn masked_values_are_blotted() {
        check("a [cvv] b", "[cvv]");
        check("[mobile:abcdefgh]", "[mobile:abcdefgh]");
        check("<CARD_12> <PHONE_1>", "<CARD_12>");
        check("卡622202*********0128。", "622202*********0128");
        check("zh***q.com", "zh***q.com");
    }

    #[test]
    fn what_could_carry_a_number_is_not() {
        for text in ["[mobile:13812345678]", "[13812345678]", "<CARD_13812345678>", "**13812345678**"] {
            check(text, "");
        }
        check("***384921***", "");
        check("***13812345678", "");
        check("*0106****678", "0106****678");
        check("***138****5678", "***138****5678");
        check("***", "***");
    }

    #[test]
    fn identifiers_are_blotted() {
        check("id 550e8400-e29b-41d4-a716-446655440000.", "550e8400-e29b-41d4-a716-446655440000");
        check("192.168.100.200:80", "192.168.100.200");
        check("da39a3ee5e6b4b0d3255bfef95601890afd80709", "da39a3ee5e6b4b0d3255bfef95601890afd80709");
        check("12345678-1234-1234-1234-138123456789", "");
        check("138.123.45.678", "");
        check("DE89370400440532013000", "");
    }
}
