//! Addresses of machines and of coins: IP and hardware addresses, Bitcoin and Ethereum.
//!
//! They are looked for before [`super::traps`] blots what looks like an address. Case counts in some of them, so they are
//! read from the original. What one is, is decided by [`super::validate`].

use std::ops::Range;

use super::{
    entity::Entity,
    fold::Folded,
    scene::{Proposal, Scene},
    symbol,
    validate::{
        Confidence,
        coin::{self, BITCOIN_LEN, ETHEREUM_LEN},
        network,
    },
};

/// Characters of the first word of an address that is written in several.
const FIRST_WORD_MIN: usize = 4;
/// Longest IP address in characters (RFC 4291 with an embedded IPv4 address).
const IP_LEN_MAX: usize = 45;
/// Pairs of a hardware address.
const PAIRS: usize = 6;

/// An address with what it would be.
pub(super) struct Address {
    pub(super) range: Range<usize>,
    pub(super) entity: Entity,
    pub(super) confidence: Confidence,
    pub(super) canonical: Vec<u8>,
}

/// Finds every address in the message; `text` is the original.
pub(super) fn find(message: &Folded, text: &str) -> Vec<Address> {
    let mut found = Vec::new();
    let mut at = 0;
    while at < message.len() {
        let begins = symbol::is_alphanumeric(message.at(at)) && !symbol::is_alphanumeric(message.before(at));
        let address = if begins { address(message, text, at) } else { None };
        at = address.as_ref().map_or(at + 1, |address| address.range.end);
        found.extend(address);
    }
    found
}

/// Proposes what was found.
pub(super) fn propose(scene: &mut Scene<'_>, addresses: &[Address]) {
    for Address { range, entity, confidence, canonical } in addresses {
        scene.propose(Proposal {
            range: range.clone(),
            entity: *entity,
            confidence: *confidence,
            cost: 0,
            joined: false,
            canonical,
            earlier: 0,
        });
    }
}

fn address(message: &Folded, text: &str, at: usize) -> Option<Address> {
    let symbol = message.at(at);
    let is_hex = symbol.is_ascii_digit() || matches!(symbol, b'a'..=b'f');
    let of_machine = || if is_hex { mac(message, at).or_else(|| ip(message, at)) } else { None };
    let of_coin = || match symbol {
        b'0' => written(message, text, at, ETHEREUM_LEN..=ETHEREUM_LEN, Entity::Ethereum, coin::ethereum),
        b'1' | b'3' | b'b' => written(message, text, at, BITCOIN_LEN, Entity::Bitcoin, coin::bitcoin),
        _ => None,
    };
    of_machine().or_else(of_coin)
}

/// An address of one word, or of words with a space between, the longest that is one.
fn written(
    message: &Folded,
    text: &str,
    from: usize,
    lengths: std::ops::RangeInclusive<usize>,
    entity: Entity,
    judge: fn(&[u8]) -> Option<Confidence>,
) -> Option<Address> {
    let (mut characters, mut ends) = (Vec::new(), Vec::new());
    let mut at = from;
    while characters.len() <= *lengths.end() {
        if symbol::is_alphanumeric(message.at(at)) {
            characters.push(original(message, text, at));
        } else {
            ends.push((characters.len(), at));
            let goes_on = message.at(at) == b' ' && symbol::is_alphanumeric(message.at(at + 1));
            if !goes_on || characters.len() < FIRST_WORD_MIN {
                break;
            }
        }
        at += 1;
    }
    ends.into_iter().rev().filter(|(length, _)| lengths.contains(length)).find_map(|(length, end)| {
        let canonical = characters.get(..length)?.to_vec();
        // Neither a number nor a sentence: both are far more common than addresses, and cheaper to tell.
        if !canonical.iter().any(u8::is_ascii_alphabetic) || !canonical.iter().any(u8::is_ascii_digit) {
            return None;
        }
        let confidence = judge(&canonical)?;
        Some(Address { range: from..end, entity, confidence, canonical })
    })
}

/// The character at a position as it was written, without its width or style.
fn original(message: &Folded, text: &str, at: usize) -> u8 {
    let symbol = message.at(at);
    let character = text.get(message.bytes(at..at + 1)).and_then(|written| written.chars().next());
    let plain = match character {
        Some(wide @ '\u{FF01}'..='\u{FF5E}') => u8::try_from(wide as u32 - 0xFEE0).ok(),
        Some(ascii) if ascii.is_ascii() => u8::try_from(ascii as u32).ok(),
        Some(_) | None => None,
    };
    // `l` and `O` are letters of these addresses; numerals are digits.
    let digit = if symbol::is_numeral(symbol) { symbol::digit_value(symbol) } else { None };
    plain.or(digit).unwrap_or(symbol)
}

/// An IP address; versions 4 and 6 alike.
fn ip(message: &Folded, from: usize) -> Option<Address> {
    let mut canonical = Vec::new();
    let mut at = from;
    while canonical.len() <= IP_LEN_MAX {
        let character = match message.at(at) {
            hex @ (b'0'..=b'9' | b'a'..=b'f' | b'.' | b':') => hex,
            symbol::FULL_STOP => b'.',
            _ => break,
        };
        canonical.push(character);
        at += 1;
    }
    // A sentence may end right after it, and a port may follow.
    while matches!(canonical.last(), Some(b'.' | b':')) {
        canonical.pop();
        at -= 1;
    }
    let dots = canonical.split(|&character| character == b'.').count() - 1;
    if dots == 3
        && let Some(port) = canonical.iter().position(|&character| character == b':')
    {
        at -= canonical.len() - port;
        canonical.truncate(port);
    }
    // `IP：203.0.113.77` begins behind its colon; a longer address would go on before it.
    let goes_back = match message.before(from) {
        b'.' => true,
        b':' => dots != 3,
        _ => false,
    };
    if goes_back || symbol::is_alphanumeric(message.at(at)) {
        return None;
    }
    let confidence = network::ip(std::str::from_utf8(&canonical).ok()?)?;
    Some(Address { range: from..at, entity: Entity::Ip, confidence, canonical })
}

/// A hardware address: `00:1A:2B:3C:4D:5E`, `00-1A-…` or `001A.2B3C.4D5E`.
fn mac(message: &Folded, from: usize) -> Option<Address> {
    let is_hex = |at: usize| matches!(message.at(at), b'0'..=b'9' | b'a'..=b'f');
    let separator = message.at(from + 2);
    let (size, count) = match separator {
        b':' | b'-' => (2, PAIRS),
        _ if message.at(from + 4) == b'.' => (4, PAIRS / 2),
        _ => return None,
    };
    let separator = message.at(from + size);
    let end = from + count * (size + 1) - 1;
    let mut canonical = Vec::new();
    for at in from..end {
        if (at - from) % (size + 1) == size {
            if message.at(at) != separator {
                return None;
            }
        } else {
            is_hex(at).then(|| canonical.push(message.at(at).to_ascii_uppercase()))?;
        }
    }
    let goes_on = |at: usize| symbol::is_alphanumeric(message.at(at));
    if goes_on(end) || (message.at(end) == separator && goes_on(end + 1)) || message.before(from) == separator {
        return None;
    }
    let confidence = network::mac(&canonical, separator == b':')?;
    Some(Address { range: from..end, entity: Entity::Mac, confidence, canonical })
}
