//! Numbers that need no keyword: identity cards, bank cards, phones, however their digits are disguised.
//!
//! A *run* is a series of digits with separators between; its *pieces* are what a reader would see as one group. Values
//! begin and end at the edges of pieces, so a longer number never yields a shorter one from its middle. What a number
//! means is decided by [`super::validate`], what is around it by [`super::scene`].

use std::ops::Range;

use super::{
    entity::Entity,
    fold::{Folded, GAP_MAX},
    scene::{Proposal, Scene},
    symbol,
    validate::{Confidence, bank_card, id_card, national, network, phone},
};

/// Longest number that any validator takes.
pub(super) const NUMBER_LEN_MAX: usize = 19;
/// Shortest number that is judged here.
pub(super) const NUMBER_LEN_MIN: usize = national::DIGITS_MIN;
/// Longest series of letters like `l` and `O` that is taken for digits.
const HOMOGLYPHS_MAX: usize = 4;
/// Numerals from which on the first and the last may belong to the words around (`唯一一三八…`).
const LOOSE_NUMERALS_MIN: usize = 8;
/// Separators between a 17-digit body and its check letter.
const CHECK_GAP_MAX: usize = 2;

/// How a digit is written.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Script {
    Digit,
    Numeral,
    Homoglyph,
}

/// A series of digits.
#[derive(Default)]
pub(super) struct Run {
    /// Values in ASCII.
    values: Vec<u8>,
    /// Symbol of each digit.
    at: Vec<usize>,
    scripts: Vec<Script>,
    pieces: Vec<Piece>,
    /// Digits that come from earlier messages.
    earlier: usize,
}

/// A group of digits, as positions in the run.
#[derive(Clone, Copy)]
struct Piece {
    first: usize,
    len: usize,
    /// Nothing is between this piece and the one before.
    glued: bool,
}

impl Run {
    /// Reads the run that begins at a position; empty when no digit is there. Returns one past its last digit.
    pub(super) fn read(&mut self, message: &Folded, from: usize) -> usize {
        self.clear();
        self.extend(message, from)
    }

    /// Begins with digits of earlier messages, each fragment a piece.
    pub(super) fn begin_with(&mut self, fragments: impl Iterator<Item = impl AsRef<[u8]>>) {
        self.clear();
        for fragment in fragments {
            let values = fragment.as_ref();
            self.pieces.push(Piece { first: self.values.len(), len: values.len(), glued: false });
            for &value in values {
                self.push(value, 0, Script::Digit);
            }
        }
        self.earlier = self.values.len();
    }

    /// Reads on; returns one past the last digit, or `from` when there is none.
    pub(super) fn extend(&mut self, message: &Folded, from: usize) -> usize {
        let (mut at, mut end, mut gap) = (from, from, 0);
        loop {
            match digit(message, at) {
                Some((value, script)) => {
                    self.start_piece(gap, script);
                    self.push(value, at, script);
                    (gap, end) = (0, at + 1);
                }
                None if end > from && gap < GAP_MAX && symbol::is_separator(message.at(at)) => gap += 1,
                None => break,
            }
            at += 1;
        }
        self.loosen_numerals();
        end
    }

    /// Returns the values in ASCII.
    pub(super) fn values(&self) -> &[u8] {
        &self.values
    }

    /// Returns how many digits each contiguous group has, and the symbol after it.
    pub(super) fn groups(&self) -> Vec<(usize, usize)> {
        let mut groups: Vec<(usize, usize)> = Vec::new();
        for piece in &self.pieces {
            let end = self.at.get(piece.first + piece.len - 1).map_or(0, |last| last + 1);
            match groups.last_mut() {
                Some(group) if piece.glued => *group = (group.0 + piece.len, end),
                _ => groups.push((piece.len, end)),
            }
        }
        groups
    }

    fn clear(&mut self) {
        self.values.clear();
        self.at.clear();
        self.scripts.clear();
        self.pieces.clear();
        self.earlier = 0;
    }

    fn push(&mut self, value: u8, at: usize, script: Script) {
        self.values.push(value);
        self.at.push(at);
        self.scripts.push(script);
    }

    fn start_piece(&mut self, gap: usize, script: Script) {
        let first_of_message = self.values.len() == self.earlier;
        let same = self.scripts.last() == Some(&script);
        match self.pieces.last_mut() {
            Some(piece) if gap == 0 && same && !first_of_message => piece.len += 1,
            _ => self.pieces.push(Piece { first: self.values.len(), len: 1, glued: gap == 0 && !first_of_message }),
        }
    }

    fn loosen_numerals(&mut self) {
        let tight =
            |piece: &Piece| piece.len < LOOSE_NUMERALS_MIN || self.scripts.get(piece.first) != Some(&Script::Numeral);
        if self.pieces.iter().all(tight) {
            return;
        }
        let mut loosened = Vec::with_capacity(self.pieces.len() + 2);
        for piece in &self.pieces {
            if tight(piece) {
                loosened.push(*piece);
                continue;
            }
            let last = piece.first + piece.len - 1;
            loosened.push(Piece { len: 1, ..*piece });
            loosened.push(Piece { first: piece.first + 1, len: piece.len - 2, glued: true });
            loosened.push(Piece { first: last, len: 1, glued: true });
        }
        self.pieces = loosened;
    }
}

/// Returns the digit at a position: its value and how it is written.
fn digit(message: &Folded, at: usize) -> Option<(u8, Script)> {
    let symbol = message.at(at);
    let script = if symbol::is_digit(symbol) {
        Script::Digit
    } else if symbol::is_numeral(symbol) {
        Script::Numeral
    } else if symbol::is_homoglyph(symbol) && reads_as_digit(message, at) {
        Script::Homoglyph
    } else {
        return None;
    };
    symbol::digit_value(symbol).map(|value| (value, script))
}

/// A letter reads as a digit when it touches a digit, or stands alone between spaced digits, and is not in a word.
fn reads_as_digit(message: &Folded, at: usize) -> bool {
    let (mut first, mut end) = (at, at + 1);
    while symbol::is_homoglyph(message.before(first)) && end - first <= HOMOGLYPHS_MAX {
        first -= 1;
    }
    while symbol::is_homoglyph(message.at(end)) && end - first <= HOMOGLYPHS_MAX {
        end += 1;
    }
    let (left, mut right) = (message.before(first), message.at(end));
    // The check character of an identity card is no word.
    if right == b'x' && !symbol::is_letter(message.at(end + 1)) {
        right = symbol::OTHER;
    }
    if end - first > HOMOGLYPHS_MAX || symbol::is_letter(left) || symbol::is_letter(right) {
        return false;
    }
    let digit_left = first.checked_sub(1).is_some_and(|gap| symbol::is_digit(message.before(gap)));
    let digit_right = symbol::is_digit(message.at(end + 1));
    let alone = symbol::is_separator(left) && symbol::is_separator(right) && digit_left && digit_right;
    symbol::is_digit(left) || symbol::is_digit(right) || (end - first == 1 && alone)
}

/// The last digit among the last `reach` symbols.
pub(super) fn last_at(message: &Folded, reach: usize) -> Option<usize> {
    (0..message.len()).rev().take(reach).find(|&at| is_plain_digit(message, at))
}

/// Reads the digits that end with the one at `last` and begin at `from` or after it; returns the symbols that they cover.
pub(super) fn ending_at(message: &Folded, run: &mut Run, last: usize, from: usize) -> Option<Range<usize>> {
    let joins = |at: usize| symbol::is_separator(message.at(at)) || is_plain_digit(message, at);
    let reach = NUMBER_LEN_MAX * 2;
    let start = (from..=last).rev().take(reach).take_while(|&at| joins(at)).last().unwrap_or(last);
    let first = (start..=last).find(|&at| is_plain_digit(message, at))?;
    let end = run.read(message, first);
    Some(first..end)
}

fn is_plain_digit(message: &Folded, at: usize) -> bool {
    symbol::is_digit(message.at(at)) || symbol::is_numeral(message.at(at))
}

/// Finds every number in the message.
pub(super) fn find(scene: &mut Scene<'_>, run: &mut Run) {
    let mut at = 0;
    while at < scene.message.len() {
        if symbol::digit_value(scene.message.at(at)).is_none() {
            at += 1;
            continue;
        }
        let end = run.read(scene.message, at);
        if run.values.len() >= NUMBER_LEN_MIN {
            propose_all(scene, run);
        }
        at = end.max(at + 1);
    }
}

/// Proposes every number that begins at a piece's edge and ends at one.
pub(super) fn propose_all(scene: &mut Scene<'_>, run: &Run) {
    for (first, piece) in run.pieces.iter().enumerate() {
        if run.earlier > 0 && piece.first >= run.earlier {
            break;
        }
        let mut total = 0;
        for last in first..run.pieces.len() {
            total += run.pieces.get(last).map_or(0, |piece| piece.len);
            if total > NUMBER_LEN_MAX {
                break;
            }
            if total >= NUMBER_LEN_MIN && piece.first + total > run.earlier {
                propose(scene, run, first..last + 1, total);
            }
        }
    }
}

/// A number as the validators see it.
struct Number<'r> {
    digits: &'r [u8],
    range: Range<usize>,
    cost: u8,
    joined: bool,
    earlier: usize,
}

impl Number<'_> {
    fn offer(&self, scene: &mut Scene<'_>, entity: Entity, confidence: Option<Confidence>) {
        if let Some(confidence) = confidence {
            let Self { digits: canonical, ref range, cost, joined, earlier } = *self;
            scene.propose(Proposal { range: range.clone(), entity, confidence, cost, joined, canonical, earlier });
        }
    }
}

fn propose(scene: &mut Scene<'_>, run: &Run, pieces: Range<usize>, total: usize) {
    let chosen = run.pieces.get(pieces.clone()).unwrap_or_default();
    let Some(from) = chosen.first().map(|piece| piece.first) else { return };
    let until = from + total;
    let (Some(digits), Some(scripts)) = (run.values.get(from..until), run.scripts.get(from..until)) else { return };
    if scripts.iter().filter(|&&script| script == Script::Homoglyph).count() * 3 > total {
        return;
    }
    let visible_from = from.max(run.earlier);
    let (Some(&start), Some(&last)) = (run.at.get(visible_from), run.at.get(until - 1)) else { return };
    let range = start..last + 1;
    // `138` and then `12345678个` are two quantities.
    if from < run.earlier && matches!(scene.message.at(range.end), symbol::UNIT | symbol::MONEY) {
        return;
    }
    let edges = [chosen.first(), run.pieces.get(pieces.end)];
    let glued: u8 = edges.into_iter().flatten().map(|piece| 5 * u8::from(piece.glued)).sum();
    let cost = glued + cost_of_form(scene, &range);
    let number = Number { digits, range, cost, joined: chosen.len() > 1, earlier: visible_from - from };

    if total == 11 {
        number.offer(scene, Entity::Mobile, phone::mobile(digits));
    }
    let bare = phone::without_prefix(digits);
    if bare.len() < total && number.earlier == 0 && phone::mobile(bare).is_some() {
        // A country code is set apart in its own way, which says nothing about the number.
        let bare_start = run.at.get(until - bare.len()).copied().unwrap_or(start);
        let cost = cost_of_form(scene, &(bare_start..last + 1));
        let prefixed = Number { digits: bare, range: number.range.clone(), cost, ..number };
        prefixed.offer(scene, Entity::Mobile, Some(Confidence::new(96, 99)));
    }
    if (10..=12).contains(&total) && number.earlier == 0 {
        let separated = |area: usize| chosen.iter().any(|piece| piece.first == from + area && !piece.glued);
        number.offer(scene, Entity::Landline, phone::landline(digits, separated));
    }
    if total >= 13 {
        number.offer(scene, Entity::BankCard, bank_card::judge(digits));
        number.offer(scene, Entity::Imei, network::imei(digits));
        propose_id_card(scene, &number);
    }
    if number.earlier == 0 {
        propose_national(scene, run, chosen, &number);
    }
}

/// National numbers of digits alone; their usual grouping counts only where the whole run has it.
fn propose_national(scene: &mut Scene<'_>, run: &Run, chosen: &[Piece], number: &Number<'_>) {
    let mut groups = Vec::new();
    for piece in chosen.iter().filter(|_| chosen.len() == run.pieces.len()) {
        match groups.last_mut() {
            Some(len) if piece.glued => *len += piece.len,
            _ => groups.push(piece.len),
        }
    }
    // `5123456(7)` ends behind its parenthesis.
    let closes =
        scene.message.slice(number.range.clone()).contains(&b'(') && scene.message.at(number.range.end) == b')';
    let whole = Number { range: number.range.start..number.range.end + usize::from(closes), ..*number };
    for id in national::of_digits(number.digits.len()) {
        whole.offer(scene, id.entity, id.judge(number.digits, &groups));
    }
}

fn propose_id_card(scene: &mut Scene<'_>, number: &Number<'_>) {
    match number.digits.len() {
        15 => number.offer(scene, Entity::IdCard, id_card::fifteen(number.digits)),
        18 => number.offer(scene, Entity::IdCard, id_card::eighteen(number.digits)),
        17 => {
            if let Some(end) = check_letter(scene.message, number.range.end) {
                let digits = [number.digits, b"X"].concat();
                let closed = Number { digits: &digits, range: number.range.start..end, ..*number };
                closed.offer(scene, Entity::IdCard, id_card::eighteen(&digits));
            }
        }
        _ => {}
    }
}

/// Finds the `X` that closes an identity number, and returns one past it.
fn check_letter(message: &Folded, from: usize) -> Option<usize> {
    let at = (from..=from + CHECK_GAP_MAX).find(|&at| !symbol::is_separator(message.at(at)))?;
    (message.at(at) == b'x' && !symbol::is_alphanumeric(message.at(at + 1))).then_some(at + 1)
}

/// Percent that a number's form costs: mixed separators, letters that touch it, the look of an amount.
fn cost_of_form(scene: &Scene<'_>, range: &Range<usize>) -> u8 {
    let message = scene.message;
    let mut kinds: Vec<u8> = Vec::new();
    for &symbol in message.slice(range.clone()) {
        if symbol::is_separator(symbol) && !kinds.contains(&symbol) {
            kinds.push(symbol);
        }
    }
    // Spaces around another separator are no second kind.
    let mixed = match kinds.iter().filter(|&&kind| kind != b' ').count() {
        0 if kinds.is_empty() => 0,
        0 | 1 => 3,
        2 => 8,
        _ => 14,
    };
    let letter_before = symbol::is_letter(message.before(range.start)) && !scene.hit_ends_at(range.start);
    let check_letter = message.at(range.end) == b'x' && !symbol::is_letter(message.at(range.end + 1));
    let letter_after = symbol::is_letter(message.at(range.end)) && !check_letter;
    let touched = match (letter_before, letter_after) {
        (false, false) => 0,
        (true, true) => 40,
        (true, false) | (false, true) => 8,
    };
    mixed + touched + if is_amount(message, range, &kinds) { 60 } else { 0 }
}

/// Recognises `¥12,345,678,901`, `13800000000元` and thousands set apart by commas.
fn is_amount(message: &Folded, range: &Range<usize>, kinds: &[u8]) -> bool {
    let after_space = if message.at(range.end) == b' ' { range.end + 1 } else { range.end };
    let before = match message.before(range.start) {
        b' ' => message.before(range.start - 1),
        symbol => symbol,
    };
    let groups = message.slice(range.clone()).split(|&symbol| symbol == b',');
    let thousands = kinds == [b','] && groups.clone().skip(1).all(|group| group.len() == 3);
    before == b'$' || message.at(after_space) == symbol::MONEY || thousands
}
