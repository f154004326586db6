//! National numbers and papers with letters in them, and bank identifier codes: gathered by form, over whatever separates them.
//!
//! Numbers of digits alone come from [`super::digits`], which knows where a run begins and ends. What a number is, is
//! decided by [`super::validate::national`].

use super::{
    entity::Entity,
    fold::Folded,
    scene::{Proposal, Scene},
    symbol,
    validate::{
        Confidence, bic,
        national::{self, FORM_LEN_MAX, FORM_LEN_MIN, Id},
    },
};

/// Separators between two characters of one number.
const GAP_MAX: usize = 3;
/// Letters that may stand for digits in one number.
const HOMOGLYPHS_MAX: usize = 2;
/// Percent that unusual groups cost a number that no word speaks for: without a check digit, and with one.
const ODD_GROUPS_COSTS: (u8, u8) = (25, 6);
/// Forms of bank identifier codes, the longer first.
const BIC_FORMS: [&[u8]; 2] = [b"AAAAAA?????", b"AAAAAA??"];

/// Finds every number with letters in the message.
pub(super) fn find(scene: &mut Scene<'_>) {
    let message = scene.message;
    let (mut number, mut groups) = (Vec::new(), Vec::new());
    for at in 0..message.len() {
        let symbol = message.at(at);
        if !symbol::is_alphanumeric(symbol) || (symbol::is_alphanumeric(message.before(at)) && !scene.hit_ends_at(at)) {
            continue;
        }
        let Some(word) = Word::gather(message, at) else { continue };
        for id in national::lettered() {
            if let Some(end) = word.fit(message, id.form, &mut number) {
                word.groups(number.len(), &mut groups);
                propose(scene, id, (at, end), &number, &groups);
            }
        }
        if symbol::is_letter(symbol) {
            find_bic(scene, at, &word);
        }
    }
}

/// A character that may be one of a number.
#[derive(Clone, Copy, Default)]
struct Character {
    symbol: u8,
    /// The ASCII digit that it is or looks like.
    digit: Option<u8>,
    /// It stands behind a separator.
    begins_group: bool,
    /// One past it in the message.
    end: usize,
}

/// The characters of the message from one place on, over whatever separates them: read once, held against every form.
struct Word {
    characters: [Character; FORM_LEN_MAX],
    len: usize,
}

impl Word {
    /// Gathers as many characters as the longest form has; `None` where there are too few for the shortest.
    fn gather(message: &Folded, from: usize) -> Option<Self> {
        let mut word = Self { characters: [Character::default(); FORM_LEN_MAX], len: 0 };
        let mut at = from;
        for place in &mut word.characters {
            let Some(gap) = (0..=GAP_MAX).find(|gap| !is_gap(message.at(at + gap))) else { break };
            let symbol = message.at(at + gap);
            let digit = symbol::digit_value(symbol);
            if (digit.is_none() && !symbol::is_letter(symbol)) || (gap > 0 && word.len == 0) {
                break;
            }
            at += gap + 1;
            *place = Character { symbol, digit, begins_group: gap > 0, end: at };
            word.len += 1;
        }
        (word.len >= FORM_LEN_MIN).then_some(word)
    }

    /// Fills in the characters of a form in upper case, and returns one past the last, unless more of the word follows it.
    fn fit(&self, message: &Folded, form: &[u8], number: &mut Vec<u8>) -> Option<usize> {
        let characters = self.characters.get(..self.len)?.get(..form.len())?;
        number.clear();
        let mut lookalikes = 0;
        for (&place, character) in form.iter().zip(characters) {
            let is_letter = symbol::is_letter(character.symbol);
            number.push(match place {
                b'A' if !is_letter => return None,
                b'9' => character.digit?,
                _ if is_letter => character.symbol.to_ascii_uppercase(),
                _ => character.digit?,
            });
            lookalikes += usize::from(place == b'9' && is_letter);
            if lookalikes > HOMOGLYPHS_MAX {
                return None;
            }
        }
        let end = characters.last()?.end;
        let next = message.at(end);
        (!symbol::is_alphanumeric(next) || symbol::is_numeral(next)).then_some(end)
    }

    /// Fills in the lengths of the groups of the first so many characters.
    fn groups(&self, count: usize, groups: &mut Vec<usize>) {
        groups.clear();
        groups.push(0);
        for character in self.characters.iter().take(count) {
            if character.begins_group {
                groups.push(0);
            }
            if let Some(last) = groups.last_mut() {
                *last += 1;
            }
        }
    }
}

fn is_gap(symbol: u8) -> bool {
    symbol::is_separator(symbol) && symbol != b'\n'
}

fn propose(scene: &mut Scene<'_>, id: &Id, (start, end): (usize, usize), number: &[u8], groups: &[usize]) {
    let Some(confidence) = id.judge(number, groups) else { return };
    let spaced_out = groups.iter().all(|&len| len == 1);
    let in_fours = groups.split_last().is_some_and(|(_, groups)| groups.iter().all(|&len| len == 4));
    let is_usual = spaced_out || in_fours || id.is_usual(groups);
    let (formed, checked) = ODD_GROUPS_COSTS;
    let doubt = match (is_usual, confidence.checked) {
        (true, _) => 0,
        (false, true) => checked,
        (false, false) => formed,
    };
    let confidence = Confidence { alone: confidence.alone.saturating_sub(doubt), ..confidence };
    // `A123456(3)` ends behind its parenthesis.
    let message = scene.message;
    let opens = message.slice(start..end).contains(&b'(');
    let end = if opens && message.at(end) == b')' { end + 1 } else { end };
    scene.propose(Proposal {
        range: start..end,
        entity: id.entity,
        confidence,
        cost: 0,
        joined: false,
        canonical: number,
        earlier: 0,
    });
}

/// Finds a bank identifier code in capitals; in small letters it counts only right after its keyword, see [`super::handles`].
fn find_bic(scene: &mut Scene<'_>, at: usize, word: &Word) {
    let Some((code, end)) = bank_code_of(scene.message, word) else { return };
    let capitals = scene.original(at..end).chars().filter(|character| !character.is_lowercase()).count();
    if capitals < scene.original(at..end).chars().count() {
        return;
    }
    if let Some(confidence) = bic::judge(&code) {
        let (range, entity) = (at..end, Entity::Swift);
        scene.propose(Proposal { range, entity, confidence, cost: 0, joined: false, canonical: &code, earlier: 0 });
    }
}

/// Reads 11 or 8 letters and digits in upper case that could be a bank identifier code.
pub(super) fn bank_code(message: &Folded, at: usize) -> Option<(Vec<u8>, usize)> {
    bank_code_of(message, &Word::gather(message, at)?)
}

fn bank_code_of(message: &Folded, word: &Word) -> Option<(Vec<u8>, usize)> {
    let (mut code, mut groups) = (Vec::new(), Vec::new());
    BIC_FORMS.into_iter().find_map(|form| {
        let end = word.fit(message, form, &mut code)?;
        word.groups(code.len(), &mut groups);
        let is_usual = groups.iter().all(|&len| len == 1) || groups.iter().all(|&len| len > 1);
        (is_usual && bic::judge(&code).is_some()).then(|| (code.clone(), end))
    })
}
