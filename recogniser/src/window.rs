//! A stretch of Chinese text without punctuation: the ideographs, simplified, where they stand, and what is before and after.
//!
//! It walks over a text once, takes spaces and dots between ideographs for what they may be, a disguise, skips characters of
//! no width, and hands out windows of bounded length. It deliberately does not know what a name is.

use crate::model::Model;

/// Most ideographs of a window.
pub const WINDOW_LEN_MAX: usize = 96;
/// Ideographs of a window that was cut off which the next one begins with again.
const OVERLAP: usize = 16;
/// Characters before a window that are remembered.
const HISTORY: usize = 3;
/// Most spaces or dots between two ideographs of one window.
const GAP_MAX: usize = 3;

/// Codes of what is not an ideograph; ideographs are their own code.
pub mod code {
    /// The text begins or ends.
    pub const EDGE: u16 = 1;
    /// A colon or an equals sign: what follows is named by what is before.
    pub const COLON: u16 = 2;
    /// A comma, a full stop, a line break.
    pub const PAUSE: u16 = 3;
    /// An opening quotation mark or bracket.
    pub const OPEN: u16 = 4;
    /// A closing one.
    pub const CLOSE: u16 = 5;
    /// A space or dot between ideographs.
    pub const GAP: u16 = 6;
    /// The enumeration comma.
    pub const LIST: u16 = 7;
    /// A letter, digit, mask, or anything else.
    pub const OTHER: u16 = 8;
}

/// How an ideograph follows the one before.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Join {
    /// At once.
    Close,
    /// After spaces or dots.
    Gap,
    /// After the middle dot of foreign names.
    Dot,
}

/// An ideograph of a window.
#[derive(Clone, Copy)]
pub struct Unit {
    /// The simplified ideograph.
    pub ideograph: u16,
    /// How it follows the one before.
    pub join: Join,
    /// First byte in the text.
    pub start: usize,
    /// One past the last byte.
    pub end: usize,
}

/// A stretch of ideographs.
pub struct Window {
    units: [Unit; WINDOW_LEN_MAX],
    len: usize,
    /// Codes before the first unit, the nearest first.
    before: [u16; HISTORY],
    /// Code after the last one.
    after: u16,
    /// Whether the first ideograph may be what a mask leaves of a value.
    is_rest: bool,
}

impl Window {
    const fn new() -> Self {
        let unit = Unit { ideograph: 0, join: Join::Close, start: 0, end: 0 };
        Self { units: [unit; WINDOW_LEN_MAX], len: 0, before: [code::EDGE; HISTORY], after: code::EDGE, is_rest: false }
    }

    /// Returns the first position at which a value may begin.
    pub fn first(&self) -> usize {
        usize::from(self.is_rest)
    }

    /// Returns the ideographs.
    #[inline]
    pub fn units(&self) -> &[Unit] {
        self.units.get(..self.len).unwrap_or_default()
    }

    /// Returns the code of what is `distance` before a position, from 1.
    #[inline]
    pub fn left(&self, position: usize, distance: usize) -> u16 {
        let (mut at, mut rest) = (position, distance);
        loop {
            match self.units().get(at) {
                Some(unit) if unit.join != Join::Close => {
                    if rest == 1 {
                        return code::GAP;
                    }
                    rest -= 1;
                }
                Some(_) | None => {}
            }
            let Some(before) = at.checked_sub(1) else {
                return self.before.get(rest - 1).copied().unwrap_or(code::OTHER);
            };
            if rest == 1 {
                return self.units().get(before).map_or(code::OTHER, |unit| unit.ideograph);
            }
            (at, rest) = (before, rest - 1);
        }
    }

    /// Returns the code of what is `distance` behind the end of a range, from 1.
    #[inline]
    pub fn right(&self, end: usize, distance: usize) -> u16 {
        let (mut at, mut rest) = (end, distance);
        loop {
            let Some(unit) = self.units().get(at) else {
                return if rest == 1 { self.after } else { code::OTHER };
            };
            if unit.join != Join::Close {
                if rest == 1 {
                    return code::GAP;
                }
                rest -= 1;
            }
            if rest == 1 {
                return unit.ideograph;
            }
            (at, rest) = (at + 1, rest - 1);
        }
    }
}

/// What a character is to a window.
enum Kind {
    Ideograph(u16),
    Ignored,
    Gap,
    Dot,
    Star,
    Boundary(u16),
}

fn kind(character: char) -> Kind {
    match character {
        '\u{4E00}'..='\u{9FFF}' => {
            u16::try_from(u32::from(character)).map_or(Kind::Boundary(code::OTHER), Kind::Ideograph)
        }
        '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2060}'..='\u{206F}' | '\u{FE00}'..='\u{FE0F}' => {
            Kind::Ignored
        }
        '\u{FEFF}' | '\u{AD}' | '\u{300}'..='\u{36F}' => Kind::Ignored,
        '·' | '•' | '‧' | '∙' | '・' | '･' | '᛫' | '-' => Kind::Dot,
        ' ' | '\u{3000}' | '\u{A0}' | '\t' | '.' | '_' | '．' | '\u{2000}'..='\u{200A}' => Kind::Gap,
        '*' => Kind::Star,
        ':' | '：' | '=' | '＝' => Kind::Boundary(code::COLON),
        ',' | '，' | '。' | '!' | '！' | '?' | '？' | ';' | '；' | '\n' | '\r' | '…' | '～' | '~' => {
            Kind::Boundary(code::PAUSE)
        }
        '、' | '/' | '|' => Kind::Boundary(code::LIST),
        '(' | '（' | '“' | '‘' | '"' | '《' | '「' | '『' | '\'' => Kind::Boundary(code::OPEN),
        ')' | '）' | '”' | '’' | '》' | '」' | '』' => Kind::Boundary(code::CLOSE),
        _ => Kind::Boundary(code::OTHER),
    }
}

/// Walks over a text and hands each window to `look`. What is in `masked`, ranges of bytes in order, counts as masked.
pub fn each(model: &Model, text: &str, masked: &[core::ops::Range<usize>], mut look: impl FnMut(&Window)) {
    let mut walk = Walk { window: Window::new(), gaps: 0, dot: false };
    let mut masked = masked.iter().peekable();
    for (start, character) in text.char_indices() {
        while masked.next_if(|range| range.end <= start).is_some() {}
        if masked.peek().is_some_and(|range| range.start <= start) {
            walk.close(code::OTHER, &mut look);
            continue;
        }
        match kind(character) {
            Kind::Ignored => {}
            Kind::Ideograph(ideograph) => {
                let simplified = model.character(ideograph).simplified;
                walk.push(simplified, start..start + character.len_utf8(), &mut look);
            }
            Kind::Gap if walk.window.len > 0 && walk.gaps < GAP_MAX => walk.gaps += 1,
            Kind::Dot if walk.window.len > 0 && walk.gaps < GAP_MAX => {
                (walk.gaps, walk.dot) = (walk.gaps + 1, true);
            }
            Kind::Gap | Kind::Dot => walk.close(code::GAP, &mut look),
            Kind::Star => {
                // What a mask leaves of a value is a part of the mask.
                if walk.gaps == 0 {
                    walk.window.len = walk.window.len.saturating_sub(1);
                }
                walk.close(code::OTHER, &mut look);
                walk.window.is_rest = true;
            }
            Kind::Boundary(code) => walk.close(code, &mut look),
        }
    }
    walk.close(code::EDGE, &mut look);
}

struct Walk {
    window: Window,
    /// Spaces and dots since the last ideograph.
    gaps: usize,
    /// Whether a middle dot is among them.
    dot: bool,
}

impl Walk {
    fn push(&mut self, ideograph: u16, bytes: core::ops::Range<usize>, look: &mut impl FnMut(&Window)) {
        if self.window.len == WINDOW_LEN_MAX {
            self.cut(ideograph, look);
        }
        let join = match (self.gaps, self.dot) {
            (0, _) => Join::Close,
            (_, true) => Join::Dot,
            (_, false) => Join::Gap,
        };
        (self.gaps, self.dot) = (0, false);
        if let Some(unit) = self.window.units.get_mut(self.window.len) {
            *unit = Unit { ideograph, join, start: bytes.start, end: bytes.end };
            self.window.len += 1;
        }
    }

    /// Ends the window at something that is no ideograph.
    fn close(&mut self, code: u16, look: &mut impl FnMut(&Window)) {
        let gap = self.gaps > 0;
        if self.window.len > 0 {
            self.window.after = if gap { code::GAP } else { code };
            look(&self.window);
        }
        let end = self.window.len;
        let mut before = [code::EDGE; HISTORY];
        before[0] = code;
        for (distance, slot) in (1..).zip(before.iter_mut().skip(1)) {
            *slot = self.window.left(end, distance);
        }
        self.window.before = before;
        (self.window.len, self.window.is_rest, self.gaps, self.dot) = (0, false, 0, false);
    }

    /// Ends a full window, and begins the next one with the last ideographs again.
    fn cut(&mut self, next: u16, look: &mut impl FnMut(&Window)) {
        self.window.after = next;
        look(&self.window);
        let first = self.window.len - OVERLAP;
        let mut before = [code::EDGE; HISTORY];
        for (distance, slot) in (1..).zip(before.iter_mut()) {
            *slot = self.window.left(first, distance);
        }
        self.window.units.copy_within(first.., 0);
        self.window.before = before;
        (self.window.len, self.window.is_rest) = (OVERLAP, false);
    }
}
