//! What a possible name is judged by: the numbers of its features, which training gives weights.
//!
//! It deliberately does not know the weights. Features are hashed without remembering which: what collides shares a weight.

use crate::{
    lattice::Edge,
    model::{IDEOGRAPHS_FIRST, Model, WEIGHT_SLOTS, hash_on},
    window::{WINDOW_LEN_MAX, Window},
};

/// Keeps a hash within the slots.
#[expect(clippy::cast_possible_truncation, reason = "there are 2^18 slots")]
const WEIGHT_MASK: u32 = WEIGHT_SLOTS as u32 - 1;
/// Features of one possible name.
pub const FEATURES: usize = 24;
/// Costs of a word fall into steps of this many bits' eighths.
const WORD_STEP: i32 = 24;

/// What a possible name looks like.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Form {
    /// Family name and one given ideograph.
    ShortName,
    /// Family name and two given ones.
    LongName,
    /// Family name of two ideographs, and given ones.
    CompoundName,
    /// Japanese family name and given ideographs.
    JapaneseName,
    /// A foreign name by its sound.
    Sound,
}

impl Form {
    const fn group(self) -> u32 {
        match self {
            Self::ShortName | Self::LongName | Self::CompoundName => 1,
            Self::JapaneseName => 3,
            Self::Sound => 2,
        }
    }

    const fn kind(self, length: usize) -> u32 {
        match (self, length) {
            (Self::ShortName, _) => 3,
            (Self::LongName, _) => 4,
            (Self::CompoundName, 3) => 5,
            (Self::CompoundName, _) => 6,
            (Self::JapaneseName, 3) => 11,
            (Self::JapaneseName, _) => 12,
            (Self::Sound, 2) => 7,
            (Self::Sound, 3) => 8,
            (Self::Sound, 4) => 9,
            (Self::Sound, _) => 10,
        }
    }
}

/// What is on one side of a possible name.
#[derive(Clone, Copy)]
struct Side {
    /// Codes, the nearest first.
    near: [u16; 3],
    /// How common a word they begin with.
    word: u16,
}

impl Side {
    const NONE: Self = Self { near: [0; 3], word: 0 };
}

/// The sides of the possible names of one window, each worked out once.
pub struct Sides {
    left: [Side; WINDOW_LEN_MAX + 1],
    right: [Side; WINDOW_LEN_MAX + 1],
    known: [u128; 2],
}

impl Sides {
    /// Begins with nothing.
    pub const fn empty() -> Self {
        Self { left: [Side::NONE; WINDOW_LEN_MAX + 1], right: [Side::NONE; WINDOW_LEN_MAX + 1], known: [0; 2] }
    }

    /// Forgets the window before.
    pub fn forget(&mut self) {
        self.known = [0; 2];
    }

    fn left(&mut self, model: &Model, window: &Window, start: usize) -> Side {
        let Some(side) = self.left.get_mut(start) else { return Side::NONE };
        if self.known[0] >> start & 1 == 0 {
            let near = [window.left(start, 1), window.left(start, 2), window.left(start, 3)];
            let [l1, l2, l3] = near;
            *side = Side { near, word: bucket(model, &[l2, l1]).max(bucket(model, &[l3, l2, l1])) };
            self.known[0] |= 1 << start;
        }
        *side
    }

    fn right(&mut self, model: &Model, window: &Window, end: usize) -> Side {
        let Some(side) = self.right.get_mut(end) else { return Side::NONE };
        if self.known[1] >> end & 1 == 0 {
            let near = [window.right(end, 1), window.right(end, 2), window.right(end, 3)];
            let [r1, r2, r3] = near;
            *side = Side { near, word: bucket(model, &[r1, r2]).max(bucket(model, &[r1, r2, r3])) };
            self.known[1] |= 1 << end;
        }
        *side
    }
}

/// Returns the slots of the features of a possible name.
pub fn of(model: &Model, window: &Window, sides: &mut Sides, edge: &Edge) -> [u32; FEATURES] {
    let Edge { start, end, form, .. } = *edge;
    let at = |position: usize| window.units().get(position).map_or(0, |unit| unit.ideograph);
    let Side { near: [l1, l2, l3], word: left_word } = sides.left(model, window, start);
    let Side { near: [r1, r2, r3], word: right_word } = sides.right(model, window, end);
    let (first, second, last) = (at(start), at(start + 1), at(end - 1));
    let (group, kind) = (form.group(), form.kind(end - start));
    let word = |ideographs: &[u16]| bucket(model, ideographs);
    let (whole, given, head, over_right) = match end - start {
        2 => (word(&[first, second]), 0, 0, word(&[first, last, r1])),
        3 => (word(&[first, second, last]), word(&[second, last]), word(&[first, second]), word(&[second, last, r1])),
        _ => (0, 0, 0, word(&[first, last, r1])),
    };
    let into_left = word(&[l1, first]).max(word(&[l2, l1, first]));
    let into_right = word(&[last, r1]).max(word(&[last, r1, r2]));
    [
        slot(0, kind, &[]),
        slot(1, group, &[l1]),
        slot(2, group, &[l2, l1]),
        slot(3, group, &[l3, l2, l1]),
        slot(4, group, &[r1]),
        slot(5, group, &[r1, r2]),
        slot(6, group, &[r1, r2, r3]),
        slot(7, kind, &[l1]),
        slot(8, kind, &[r1]),
        slot(9, group, &[l1, r1]),
        slot(10, kind, &[first]),
        slot(11, kind, &[last]),
        slot(12, kind, &[second]),
        slot(13, kind, &[whole]),
        slot(14, kind, &[given, head]),
        slot(15, kind, &[into_left]),
        slot(16, kind, &[into_right]),
        slot(17, kind, &[over_right]),
        slot(18, kind, &[first, r1]),
        slot(19, kind, &[last, r1]),
        slot(20, kind, &[l1, first]),
        slot(21, kind, &[left_word, right_word]),
        slot(22, kind, &[into_left, into_right, whole]),
        slot(23, kind, &[l2, l1, r1]),
    ]
}

fn slot(template: u32, kind: u32, codes: &[u16]) -> u32 {
    let seed = template.wrapping_mul(0x9E37_79B1) ^ kind.wrapping_mul(0x85EB_CA77);
    let mut hash = codes.iter().fold(seed, |hash, &code| hash_on(hash, code));
    hash = (hash ^ hash >> 15).wrapping_mul(0x2C1B_3C6D);
    (hash ^ hash >> 13) & WEIGHT_MASK
}

/// Returns how common a word is, from 1; 0 when it is none.
fn bucket(model: &Model, ideographs: &[u16]) -> u16 {
    if ideographs.iter().any(|&code| code < IDEOGRAPHS_FIRST) {
        return 0;
    }
    let hash = ideographs.iter().fold(0, |hash, &ideograph| hash_on(hash, ideograph));
    model.word(hash).map_or(0, |cost| u16::try_from((cost / WORD_STEP).clamp(0, 9)).map_or(0, |step| 10 - step))
}
