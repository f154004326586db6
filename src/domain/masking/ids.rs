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
        national::{self, Id},
    },
};

/// Separators between two characters of one number.
const GAP_MAX: usize = 3;
/// Letters that may stand for digits in one number.
const HOMOGLYPHS_MAX: usize = 2;
/// Percent that unusual groups cost a number that no word speaks for: without a check digit, and with one.
const ODD_GROUPS_COSTS: (u8, u8) = (25, 6);
/// Lengths of bank identifier codes, the longer first.
const BIC_LENS: [usize; 2] = [11, 8];

/// Finds every number with letters in the message.
pub(super) fn find(scene: &mut Scene<'_>) {
    let message = scene.message;
    let mut groups = Vec::new();
    for at in 0..message.len() {
        let symbol = message.at(at);
        if !symbol::is_alphanumeric(symbol) || (symbol::is_alphanumeric(message.before(at)) && !scene.hit_ends_at(at)) {
            continue;
        }
        for id in national::lettered() {
            if let Some((number, end)) = read(message, at, id.form, &mut groups) {
                propose(scene, id, (at, end), &number, &groups);
            }
        }
        if symbol::is_letter(symbol) {
            find_bic(scene, at);
        }
    }
}

/// Reads the characters of a form; returns them in upper case with one past the last, and fills in the lengths of their groups.
fn read(message: &Folded, from: usize, form: &[u8], groups: &mut Vec<usize>) -> Option<(Vec<u8>, usize)> {
    let mut number = Vec::new();
    let (mut at, mut lookalikes) = (from, 0);
    groups.clear();
    groups.push(0);
    for &place in form {
        let gap = (0..=GAP_MAX).find(|gap| !is_gap(message.at(at + gap)))?;
        let symbol = message.at(at + gap);
        let character = match place {
            b'A' => symbol::is_letter(symbol).then(|| symbol.to_ascii_uppercase())?,
            b'9' => symbol::digit_value(symbol)?,
            _ if symbol::is_letter(symbol) => symbol.to_ascii_uppercase(),
            _ => symbol::digit_value(symbol)?,
        };
        lookalikes += usize::from(place == b'9' && symbol::is_letter(symbol));
        if lookalikes > HOMOGLYPHS_MAX || (gap > 0 && number.is_empty()) {
            return None;
        }
        if gap > 0 {
            groups.push(0);
        }
        if let Some(last) = groups.last_mut() {
            *last += 1;
        }
        number.push(character);
        at += gap + 1;
    }
    let next = message.at(at);
    (!symbol::is_alphanumeric(next) || symbol::is_numeral(next)).then_some((number, at))
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
fn find_bic(scene: &mut Scene<'_>, at: usize) {
    let Some((code, end)) = bank_code(scene.message, at) else { return };
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
    let mut groups = Vec::new();
    BIC_LENS.into_iter().find_map(|length| {
        let form = b"AAAAAA?????".get(..length)?;
        let (code, end) = read(message, at, form, &mut groups)?;
        let is_usual = groups.iter().all(|&len| len == 1) || groups.iter().all(|&len| len > 1);
        (is_usual && bic::judge(&code).is_some()).then_some((code, end))
    })
}
