//! Names that mean somebody only beside their keyword: WeChat ids, QQ numbers, bank identifier codes in small letters.
//!
//! The value stands right after its keyword; a QQ number also right before it (`12345678是我的QQ`). It knows nothing of
//! numbers that stand for themselves: a mobile number that is also a WeChat id is a mobile number.

use std::ops::Range;

use super::{
    digits::Run,
    entity::Entity,
    fold::Folded,
    ids,
    lexicon::{Cues, Hit},
    scene::{Proposal, Scene},
    secrets::says_is,
    symbol,
    validate::Confidence,
};

/// Symbols between a keyword and its value.
const LINK_MAX: usize = 8;
/// Length of a WeChat id, and of a QQ number.
const WECHAT_LEN: std::ops::RangeInclusive<usize> = 6..=20;
const QQ_LEN: std::ops::RangeInclusive<usize> = 5..=11;
/// Longest stretch of words between a QQ number and the keyword after it.
const BACKWARD_REACH: usize = 12;
/// English words that follow `wechat` without being an id.
const ORDINARY: &[&[u8]] = &[
    b"account",
    b"number",
    b"friend",
    b"friends",
    b"message",
    b"messages",
    b"payment",
    b"wallet",
    b"please",
    b"broken",
    b"official",
    b"customer",
    b"service",
    b"support",
    b"instead",
    b"cannot",
    b"doesn't",
    b"should",
    b"update",
];

/// How a value is joined to its keyword, and where it begins.
struct Link {
    at: usize,
    firm: bool,
}

/// Finds the values of all keywords of the message.
pub(super) fn find(scene: &mut Scene<'_>, run: &mut Run) {
    for position in 0..scene.hits.len() {
        let Some(&hit) = scene.hits.get(position) else { break };
        if hit.cues.meets(Cues::of(Entity::WeChat)) {
            find_wechat(scene, hit);
        }
        // `zhangsan@qq.com` is no keyword.
        if hit.cues.meets(Cues::of(Entity::Qq)) && !matches!(scene.message.before(hit.start), b'@' | b'.') {
            find_qq(scene, run, hit);
        }
        if hit.cues.meets(Cues::of(Entity::Swift)) {
            find_swift(scene, hit);
        }
    }
}

/// Skips what may stand between keyword and value.
fn link(scene: &Scene<'_>, from: usize) -> Link {
    let message = scene.message;
    let (mut at, mut firm) = (from, false);
    while at - from < LINK_MAX {
        let word = |word: &[u8]| message.slice(at..at + word.len()) == word && !symbol::is_letter(message.before(at));
        match message.at(at) {
            b':' | b'=' => (at, firm) = (at + 1, true),
            // Of the words that join a keyword to its value these say what it is; `换` and `改` may not.
            symbol::COPULA => {
                firm |= scene.original(at..at + 1).starts_with(['是', '为', '為', '叫']);
                at += 1;
            }
            b'i' if word(b"is ") || word(b"is:") => (at, firm) = (at + 2, true),
            b'i' if word(b"id ") || word(b"id:") => (at, firm) = (at + 2, true),
            b' ' | b',' | b'"' | b'\'' | b'(' | b'[' | b'-' | b'>' => at += 1,
            _ => break,
        }
    }
    Link { at, firm }
}

/// Finds a word of letters, digits, `_` and `-` that begins with a letter.
fn find_wechat(scene: &mut Scene<'_>, hit: Hit) {
    let message = scene.message;
    // `wxid_…` is an id of which the keyword is a part.
    let is_part = message.at(hit.end) == b'_';
    let link = if is_part { Link { at: hit.start, firm: true } } else { link(scene, hit.end) };
    let is_of_id = |at: usize| {
        symbol::is_letter(message.at(at)) || message.at(at).is_ascii_digit() || matches!(message.at(at), b'_' | b'-')
    };
    let len = (0..=WECHAT_LEN.end() + 1).take_while(|step| is_of_id(link.at + step)).count();
    let range = link.at..link.at + len;
    let word = message.slice(range.clone());
    let is_plain = word.iter().all(|&symbol| symbol::is_letter(symbol));
    let is_sure = if is_plain { link.firm && !ORDINARY.contains(&word) } else { true };
    let closes = !matches!(message.at(range.end), b'@' | b'.' | b'/') || !is_of_id(range.end + 1);
    if WECHAT_LEN.contains(&len) && symbol::is_letter(message.at(link.at)) && is_sure && closes {
        let canonical = word.to_vec();
        propose(scene, Entity::WeChat, range, if link.firm { 93 } else { 82 }, &canonical);
    }
}

/// Finds 5 to 11 digits after the keyword, or before it.
fn find_qq(scene: &mut Scene<'_>, run: &mut Run, hit: Hit) {
    let message = scene.message;
    let at = link(scene, hit.end).at;
    let end = run.read(message, at);
    if is_qq(message, run.values(), end) {
        let canonical = run.values().to_vec();
        propose(scene, Entity::Qq, at..end, 92, &canonical);
        return;
    }
    let from = hit.start.saturating_sub(BACKWARD_REACH);
    let Some(last) = (from..hit.start).rev().find(|&at| symbol::is_digit(message.at(at))) else { return };
    let mut start = last;
    while symbol::is_digit(message.before(start)) {
        start -= 1;
    }
    let between = message.slice(last + 1..hit.start);
    if says_is(between) && run.read(message, start) == last + 1 && is_qq(message, run.values(), last + 1) {
        let canonical = run.values().to_vec();
        propose(scene, Entity::Qq, start..last + 1, 86, &canonical);
    }
}

fn is_qq(message: &Folded, digits: &[u8], end: usize) -> bool {
    let after = if message.at(end) == b' ' { message.at(end + 1) } else { message.at(end) };
    let quantity = matches!(after, symbol::UNIT | symbol::MONEY | b'%') || symbol::is_letter(message.at(end));
    QQ_LEN.contains(&digits.len()) && digits.first() != Some(&b'0') && !quantity
}

/// Finds a code in small letters; one in capitals is found wherever it stands.
fn find_swift(scene: &mut Scene<'_>, hit: Hit) {
    let link = link(scene, hit.end);
    if let Some((code, end)) = ids::bank_code(scene.message, link.at).filter(|_| link.firm) {
        propose(scene, Entity::Swift, link.at..end, 88, &code);
    }
}

fn propose(scene: &mut Scene<'_>, entity: Entity, range: Range<usize>, confidence: u8, canonical: &[u8]) {
    let confidence = Confidence::new(confidence, confidence);
    scene.propose(Proposal { range, entity, confidence, cost: 0, joined: false, canonical, earlier: 0 });
}
