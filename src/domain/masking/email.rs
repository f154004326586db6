//! E-mail addresses, also with a disguised at-sign (`(at)`, `艾特`) or dot (`。`, `点`, `(dot)`).
//!
//! Source: RFC 5321 section 4.1.2 (dot-string mailboxes; quoted local parts are not written in chats).

use super::{
    entity::Entity,
    fold::Folded,
    lexicon::Cues,
    scene::{Proposal, Scene},
    symbol,
    validate::Confidence,
};

/// Longest domain label. A local part is masked at any length: a rest of it would be worse than a long one.
const LABEL_LEN_MAX: usize = 64;
/// Most labels of a domain.
const LABELS_MAX: usize = 8;
/// Spaces on either side of an at-sign or dot.
const SPACES_MAX: usize = 2;
/// Symbols that a keyword reaches for the spelt-out at-sign.
const WORD_WINDOW: usize = 30;
/// Last labels that are file names, not domains (`icon@2x.png`).
const FILE_SUFFIXES: &[&[u8]] = &[b"png", b"jpg", b"jpeg", b"gif", b"webp", b"svg", b"pdf", b"js", b"css", b"html"];

/// An at-sign as it is written.
#[derive(Clone, Copy)]
struct At {
    start: usize,
    end: usize,
    confidence: u8,
    /// A mere word: only a spelt-out dot or a keyword makes it an at-sign.
    word: bool,
}

/// Finds every address in the message.
pub(super) fn find(scene: &mut Scene<'_>) {
    let message = scene.message;
    for at in 0..message.len() {
        if let Some(sign) = at_sign(message, at) {
            find_at(scene, sign);
        }
    }
}

fn at_sign(message: &Folded, at: usize) -> Option<At> {
    let slice = |len: usize| message.slice(at..at + len);
    let sign = |len, confidence, word| Some(At { start: at, end: at + len, confidence, word });
    match message.at(at) {
        b'@' => sign(1, 97, false),
        b'(' | b'[' | b'{' | b'<' => {
            let inside = at + 1 + spaces(message, at + 1);
            let end = inside + 2 + spaces(message, inside + 2);
            let closes = matches!(message.at(end), b')' | b']' | b'}' | b'>');
            let named = matches!(message.slice(inside..inside + 2), b"at");
            (closes && (named || message.at(inside) == b'@')).then_some(At {
                start: at,
                end: end + 1,
                confidence: 92,
                word: false,
            })
        }
        b'#' => sign(1, 75, true),
        symbol::AT_WORD => sign(2, 85, false),
        b' ' if slice(4) == b" at " => sign(4, 80, true),
        _ => None,
    }
}

fn spaces(message: &Folded, from: usize) -> usize {
    (0..SPACES_MAX).take_while(|step| message.at(from + step) == b' ').count()
}

fn find_at(scene: &mut Scene<'_>, sign: At) {
    let message = scene.message;
    let Some((start, local_end)) = local_part(message, sign.start) else { return };
    let mut canonical = message.slice(start..local_end).to_vec();
    canonical.push(b'@');
    let Some((end, spelt)) = domain(message, sign.end + spaces(message, sign.end), &mut canonical) else { return };
    if sign.word && !spelt && !scene.is_near(Cues::of(Entity::Email), &(start..end), WORD_WINDOW) {
        return;
    }
    scene.propose(Proposal {
        range: start..end,
        entity: Entity::Email,
        confidence: Confidence::new(sign.confidence, sign.confidence),
        cost: 0,
        joined: false,
        canonical: &canonical,
        earlier: 0,
    });
}

/// Returns where the local part before an at-sign begins and ends.
fn local_part(message: &Folded, sign: usize) -> Option<(usize, usize)> {
    let allowed = |symbol: u8| {
        symbol::is_letter(symbol) || symbol.is_ascii_digit() || matches!(symbol, b'.' | b'_' | b'%' | b'+' | b'-')
    };
    let mut end = sign;
    while message.before(end) == b' ' && sign - end < SPACES_MAX {
        end -= 1;
    }
    let mut start = end;
    while allowed(message.before(start)) {
        start -= 1;
    }
    while matches!(message.at(start), b'.' | b'-' | b'+') && start < end {
        start += 1;
    }
    (start < end && message.slice(start..end).iter().any(|&symbol| symbol::is_alphanumeric(symbol)))
        .then_some((start, end))
}

/// Reads a domain, appends it to `canonical`, and returns its end and whether a dot was spelt out.
fn domain(message: &Folded, from: usize, canonical: &mut Vec<u8>) -> Option<(usize, bool)> {
    let allowed = |symbol: u8| symbol::is_letter(symbol) || symbol.is_ascii_digit() || symbol == b'-';
    let (mut at, mut end, mut labels, mut spelt) = (from, from, 0, false);
    let mut last = from..from;
    while labels < LABELS_MAX {
        let len = (0..LABEL_LEN_MAX).take_while(|step| allowed(message.at(at + step))).count();
        if len == 0 {
            break;
        }
        if labels > 0 {
            canonical.push(b'.');
        }
        canonical.extend_from_slice(message.slice(at..at + len));
        (last, end, labels) = (at..at + len, at + len, labels + 1);
        let Some((next, word)) = dot(message, end, labels) else { break };
        if !allowed(message.at(next)) {
            break;
        }
        (at, spelt) = (next, spelt || word);
    }
    let suffix = message.slice(last);
    let known = suffix.len() >= 2 && suffix.iter().all(|&symbol| symbol::is_letter(symbol) || symbol == b'-');
    (labels >= 2 && known && !FILE_SUFFIXES.contains(&suffix)).then_some((end, spelt))
}

/// Returns the position after a dot, and whether it is spelt out; a full stop is a dot only before the last label.
fn dot(message: &Folded, at: usize, labels: usize) -> Option<(usize, bool)> {
    let spaced = at + spaces(message, at);
    match message.at(at) {
        b'.' => return Some((at + 1, false)),
        symbol::FULL_STOP | symbol::MIDDLE_DOT if labels == 1 => return Some((at + 1, true)),
        symbol::DOT_WORD => return Some((at + 1, true)),
        b' ' if labels == 1 && message.at(spaced) == b'.' => {
            return Some((spaced + 1 + spaces(message, spaced + 1), true));
        }
        _ => {}
    }
    let word: [&[u8]; 3] = [b"(dot)", b"[dot]", b"dot "];
    let found = word.into_iter().find(|word| message.slice(spaced..spaced + word.len()) == *word)?;
    let bare = found == b"dot ";
    (!bare || spaced > at).then(|| {
        let end = spaced + found.len();
        (end + spaces(message, end), true)
    })
}
