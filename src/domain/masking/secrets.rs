//! Short values that mean something only beside a keyword: card verification values, PINs, one-time codes, expiry dates.
//!
//! The keyword may stand before the value, after it (`384921 is your code`), or at the end of an earlier message. Words
//! for passwords are next door in [`super::passwords`].

use std::ops::Range;

use super::{
    digits::Run,
    entity::Entity,
    fold::Folded,
    lexicon::{Cues, Hit, Lexicon},
    passwords,
    scene::{Proposal, Scene},
    symbol,
    validate::Confidence,
};

/// Symbols of an answer that are neither its digits nor separators (`好的，是384921哈`).
const ANSWER_WORDS_MAX: usize = 6;
/// Longest stretch of words between a value and a keyword after it.
const BACKWARD_REACH: usize = 30;
/// Symbols between an expiry date, or `后三位`, and the word that makes it a card's.
const CARD_WINDOW: usize = 40;
/// Symbols between a value and a keyword right after it (`384921这个验证码`).
const ADJOINING_WORDS_MAX: usize = 2;
/// Length of almost every one-time code; without any other word only this length counts.
const USUAL_CODE_LEN: usize = 6;

/// How a short value looks, and how far from its keyword it may be.
struct Shape {
    entity: Entity,
    lengths: std::ops::RangeInclusive<usize>,
    reach: usize,
    is_date: bool,
}

const SHAPES: [Shape; 4] = [
    Shape { entity: Entity::Cvv, lengths: 3..=4, reach: 14, is_date: false },
    Shape { entity: Entity::OneTimeCode, lengths: 4..=8, reach: 20, is_date: false },
    Shape { entity: Entity::Pin, lengths: 4..=8, reach: 10, is_date: false },
    Shape { entity: Entity::Expiry, lengths: 4..=6, reach: 8, is_date: true },
];

/// Finds the values of all keywords of the message, and an answer to an earlier one.
pub(super) fn find(scene: &mut Scene<'_>, run: &mut Run) {
    for position in 0..scene.hits.len() {
        let Some(&hit) = scene.hits.get(position) else { break };
        if hit.cues.meets(Cues::of(Entity::Password)) {
            passwords::find(scene, run, hit);
        }
        for shape in SHAPES.iter().filter(|shape| hit.cues.meets(Cues::of(shape.entity))) {
            if !forward(scene, run, hit, shape) {
                backward(scene, run, hit, shape);
            }
        }
    }
    if scene.carried.meets(Cues::SECRETS) {
        answer(scene, run);
    }
}

/// Returns the canonical form of a value that a policy allows.
pub(super) fn canonical_of_literal(lexicon: &Lexicon, literal: &str) -> String {
    Folded::new(lexicon, literal)
        .symbols()
        .iter()
        .filter(|&&symbol| symbol::is_alphanumeric(symbol) || matches!(symbol, b'@' | b'.'))
        .map(|&symbol| {
            char::from(if symbol::is_letter(symbol) { symbol } else { symbol::digit_value(symbol).unwrap_or(symbol) })
        })
        .filter(|&character| literal.contains('@') || character != '.')
        .collect()
}

/// Looks for the value after the keyword; true when the keyword is spoken for, be it by a masked value.
fn forward(scene: &mut Scene<'_>, run: &mut Run, hit: Hit, shape: &Shape) -> bool {
    let message = scene.message;
    let limit = hit.end + shape.reach;
    let foreign = Cues::SECRETS.and(Cues::AGAINST);
    // The `code` of `cvv code` is no word of its own.
    let is_foreign = |next: &&Hit| next.cues.meets(foreign) && !next.cues.meets(Cues::WEAK);
    let stop = scene.hits_from(hit.end).find(is_foreign).copied();
    let (mut at, mut words) = (hit.end, 0);
    while at <= limit && at < message.len() {
        let symbol = message.at(at);
        if let Some(stop) = stop.filter(|stop| at >= stop.start) {
            return stop.cues.meets(Cues::AGAINST);
        }
        if symbol == symbol::MASKED {
            return true;
        }
        if symbol::ends_clause(symbol) && words > 0 {
            return false;
        }
        let end = run.read(message, at);
        if end == at {
            words += usize::from(!symbol::is_separator(symbol));
            at += 1;
            continue;
        }
        if let Some(end) = fit(message, run, shape) {
            let weak = hit.cues.meets(Cues::WEAK);
            if !weak || (is_link(message.slice(hit.end..at)) && run.values().len() == USUAL_CODE_LEN) {
                let confidence = if words == 0 { 95 } else { 86 };
                return propose(scene, hit.cues, shape.entity, at..end, confidence);
            }
        }
        words += 1;
        at = end;
    }
    shape.entity == Entity::OneTimeCode && passwords::find_code(scene, hit)
}

/// Joins groups of digits until they are long enough, and on while groups have equal length; returns the value's end.
fn fit(message: &Folded, run: &Run, shape: &Shape) -> Option<usize> {
    let (shortest, longest) = (*shape.lengths.start(), *shape.lengths.end());
    let groups = run.groups();
    let first = groups.first()?.0;
    let (mut total, mut value) = (0, None);
    for &(len, end) in &groups {
        let goes_on = shape.is_date || len == first;
        if total >= shortest && (!goes_on || total + len > longest) {
            break;
        }
        total += len;
        // The last group may belong to what follows (`8 6 7 2，五分钟`).
        let fits = !shape.is_date || is_month_and_year(run.values().get(..total)?);
        if (shortest..=longest).contains(&total) && fits && !is_quantity(message, end) {
            value = Some(end);
        }
    }
    value
}

/// `1228`, `122028` or `202812`.
fn is_month_and_year(digits: &[u8]) -> bool {
    let is_month = |digits: &[u8]| matches!(digits, [b'0', b'1'..=b'9'] | [b'1', b'0'..=b'2']);
    let is_year = |digits: &[u8]| matches!(digits, [b'2'..=b'4', _] | [b'2', b'0', b'2'..=b'4', _]);
    let splits_at = |place: usize, first: &dyn Fn(&[u8]) -> bool, second: &dyn Fn(&[u8]) -> bool| {
        digits.split_at_checked(place).is_some_and(|(head, tail)| first(head) && second(tail))
    };
    splits_at(2, &is_month, &is_year) || splits_at(4, &is_year, &is_month)
}

/// A unit, a percent sign or a letter after a number makes it something else than a secret.
fn is_quantity(message: &Folded, end: usize) -> bool {
    let after = if message.at(end) == b' ' { message.at(end + 1) } else { message.at(end) };
    matches!(after, symbol::UNIT | symbol::MONEY | b'%') || symbol::is_letter(message.at(end))
}

/// Says whether nothing but separators, a colon or `is` joins a keyword to its value.
fn is_link(symbols: &[u8]) -> bool {
    let words: Vec<u8> = symbols
        .iter()
        .copied()
        .filter(|&symbol| !symbol::is_separator(symbol) && symbol != b':' && symbol != symbol::COPULA)
        .collect();
    words.is_empty() || words == b"is"
}

fn propose(scene: &mut Scene<'_>, cues: Cues, entity: Entity, range: Range<usize>, confidence: u8) -> bool {
    if cues.meets(Cues::BESIDE_CARD) && !scene.has_card && !scene.is_beside_card(&range, CARD_WINDOW) {
        return false;
    }
    let canonical: Vec<u8> =
        scene.message.slice(range.clone()).iter().filter_map(|&symbol| symbol::digit_value(symbol)).collect();
    scene.propose(Proposal {
        range,
        entity,
        confidence: Confidence::new(confidence, confidence),
        cost: 0,
        joined: false,
        canonical: &canonical,
        earlier: 0,
    });
    true
}

/// Looks for `384921是验证码`, `384921 is your code` and, for the usual length, a value right before the keyword.
fn backward(scene: &mut Scene<'_>, run: &mut Run, hit: Hit, shape: &Shape) {
    if !matches!(shape.entity, Entity::OneTimeCode | Entity::Cvv) {
        return;
    }
    let message = scene.message;
    let is_digit = |at: usize| symbol::is_digit(message.at(at)) || symbol::is_numeral(message.at(at));
    let from = hit.start.saturating_sub(BACKWARD_REACH);
    let Some(last) = (from..hit.start).rev().find(|&at| is_digit(at)) else { return };
    let mut start = last;
    while start > from
        && (is_digit(start - 1) || (symbol::is_separator(message.at(start - 1)) && start > 1 && is_digit(start - 2)))
    {
        start -= 1;
    }
    let between = message.slice(last + 1..hit.start);
    let says_is = says_is(between);
    if run.read(message, start) != last + 1 || !(says_is || adjoins(between)) {
        return;
    }
    let total = run.values().len();
    let usual = shape.entity == Entity::Cvv || total == USUAL_CODE_LEN;
    if shape.lengths.contains(&total) && (usual || (says_is && !hit.cues.meets(Cues::WEAK))) {
        propose(scene, hit.cues, shape.entity, start..last + 1, 86);
    }
}

/// Says whether the words between a value and a keyword after it begin with `是`, `is` or `as`, in one clause.
pub(super) fn says_is(between: &[u8]) -> bool {
    let skipped = between.iter().take_while(|&&symbol| symbol == b' ' || symbol == b',').count();
    let words = between.get(skipped..).unwrap_or_default();
    let one_clause = !words.iter().any(|&symbol| symbol::ends_clause(symbol) || symbol == symbol::MASKED);
    one_clause && (words.first() == Some(&symbol::COPULA) || words.starts_with(b"is ") || words.starts_with(b"as "))
}

/// Says whether hardly anything is between a value and the keyword after it: `384921 otp`, `384921这个验证码`.
fn adjoins(between: &[u8]) -> bool {
    let words = between.iter().filter(|&&symbol| !symbol::is_separator(symbol)).count();
    let far = |&symbol: &u8| symbol::is_letter(symbol) || symbol::ends_clause(symbol) || symbol == symbol::MASKED;
    words <= ADJOINING_WORDS_MAX && !between.iter().any(far)
}

/// A code that a message names and does not hold.
pub(super) struct Named {
    pub(super) entity: Entity,
    pub(super) lengths: std::ops::RangeInclusive<usize>,
    pub(super) confidence: u8,
}

/// Says whether a message is hardly more than the digits at `place`, in one group, and they are no quantity.
pub(super) fn is_bare(message: &Folded, hits: &[Hit], place: &Range<usize>) -> bool {
    let outside = |&at: &usize| !place.contains(&at) && !symbol::is_separator(message.at(at));
    let words = (0..message.len()).filter(outside).take(ANSWER_WORDS_MAX + 1).count();
    let more = (0..place.start).any(|at| symbol::is_digit(message.at(at)));
    words <= ANSWER_WORDS_MAX
        && !more
        && !is_quantity(message, place.end)
        && !hits.iter().any(|hit| hit.cues.meets(Cues::AGAINST))
}

/// Looks for a message that only says what an earlier one was: `这是验证码`, `that is my PIN`, or no more than the keyword.
pub(super) fn names_earlier(message: &Folded, text: &str, hits: &[Hit]) -> Option<Named> {
    let hit = hits.iter().find(|hit| hit.cues.meets(Cues::SECRETS) && !hit.cues.meets(Cues::BESIDE_CARD))?;
    let value = |&symbol: &u8| symbol::is_digit(symbol) || symbol == symbol::MASKED;
    if message.symbols().iter().any(value) || hits.iter().any(|hit| hit.cues.meets(Cues::AGAINST)) {
        return None;
    }
    let (before, after) = (message.slice(0..hit.start), message.slice(hit.end..message.len()));
    let says_is = (0..hit.start).any(|at| is_said(message, text, at, hit.start));
    let asks = |&symbol: &u8| symbol == symbol::COPULA || symbol == b'?';
    let says_more = after.iter().filter(|&&symbol| !symbol::is_separator(symbol)).count() > 1;
    if !says_is && (!adjoins(before) || says_more || after.iter().any(asks)) {
        return None;
    }
    let usual = USUAL_CODE_LEN..=USUAL_CODE_LEN;
    let entities = [Entity::OneTimeCode, Entity::Cvv, Entity::Pin, Entity::Password];
    let entity = entities.into_iter().find(|&entity| hit.cues.meets(Cues::of(entity)))?;
    let lengths = if entity == Entity::Cvv {
        3..=4
    } else if says_is && !hit.cues.meets(Cues::WEAK) {
        4..=8
    } else {
        usual
    };
    Some(Named { entity, lengths, confidence: 86 })
}

/// Says whether `是` or `is` stands at a position before a keyword, in its clause, and nothing denies it.
fn is_said(message: &Folded, text: &str, at: usize, keyword: usize) -> bool {
    // Of the words that join a keyword to its value only this one says what something was.
    let is = text.get(message.bytes(at..at + 1)).is_some_and(|word| word.starts_with('是'))
        || (message.slice(at..at + 3) == b"is " && !symbol::is_letter(message.before(at)));
    let denies = |word: &str| text.get(..message.bytes(at..at).start).is_some_and(|before| before.ends_with(word));
    let not = message.slice(at..keyword).starts_with(b"is not");
    is && !message.slice(at..keyword).iter().any(|&symbol| symbol::ends_clause(symbol))
        && !(not || ["不", "没", "非"].into_iter().any(denies))
}

/// Takes a bare number for the answer to an earlier message that ended with a keyword.
fn answer(scene: &mut Scene<'_>, run: &mut Run) {
    let message = scene.message;
    let is_word =
        |symbol: u8| !symbol::is_separator(symbol) && !symbol::is_digit(symbol) && !symbol::is_numeral(symbol);
    let words = message.symbols().iter().filter(|&&symbol| is_word(symbol)).take(ANSWER_WORDS_MAX + 1).count();
    let against = scene.hits.iter().any(|hit| hit.cues.meets(Cues::AGAINST));
    if scene.carried.meets(Cues::of(Entity::Password)) {
        passwords::answer(scene);
    }
    if words > ANSWER_WORDS_MAX || against {
        return;
    }
    let Some(at) = (0..message.len()).find(|&at| run.read(message, at) > at) else { return };
    for shape in SHAPES.iter().filter(|shape| scene.carried.meets(Cues::of(shape.entity))) {
        if let Some(end) = fit(message, run, shape) {
            propose(scene, scene.carried, shape.entity, at..end, 88);
            return;
        }
    }
}
