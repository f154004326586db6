//! The cheapest way to read a window as words and names: a name is found where it makes the reading likelier.
//!
//! Each word costs what it is rare; each possible name what its characters are rare in names, less what its features weigh.
//! One walk finds the cheapest reading. It deliberately does not know text outside the window.

use crate::{
    features::Form,
    model::{COST_UNKNOWN, Model, WORD_LEN_MAX, WORD_LEN_USUAL, hash_on},
    window::{Join, WINDOW_LEN_MAX, Window},
};

/// Most possible names of a window that are weighed; what comes after is read as words.
pub const EDGES_MAX: usize = 512;
/// Most ideographs of a foreign name without a dot.
const SOUND_LEN_MAX: usize = 7;
/// Most ideographs of one with dots.
const SOUND_DOTTED_LEN_MAX: usize = 14;
/// What it costs that there is a name at all.
const COST_NAME: i32 = 40;
/// What a family name of two ideographs costs.
const COST_COMPOUND: i32 = 70;
/// The same of a Japanese one.
const COST_JAPANESE: i32 = 80;
/// The ideographs of numbers, in everyday, financial and radio speech, ordered by their codes.
const NUMERALS: [u16; 25] = [
    0x4E00, 0x4E03, 0x4E09, 0x4E24, 0x4E5D, 0x4E8C, 0x4E94, 0x4F0D, 0x516B, 0x516D, 0x52FE, 0x5341, 0x53C1, 0x56DB,
    0x58F9, 0x5E7A, 0x62D0, 0x62FE, 0x634C, 0x67D2, 0x7396, 0x8086, 0x8D30, 0x9646, 0x96F6,
];
/// Dearer than any reading.
const NEVER: i32 = i32::MAX / 2;

/// A possible name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Edge {
    /// First ideograph.
    pub start: usize,
    /// One past the last.
    pub end: usize,
    /// What it looks like.
    pub form: Form,
    /// What it costs, its features aside.
    pub cost: i32,
}

/// The possible names of a window, in the order of their beginnings.
pub struct Edges {
    edges: [Edge; EDGES_MAX],
    len: usize,
}

impl Edges {
    /// Makes room for them.
    pub const fn empty() -> Self {
        Self { edges: [Edge { start: 0, end: 0, form: Form::Sound, cost: 0 }; EDGES_MAX], len: 0 }
    }

    /// Finds those of a window.
    pub fn fill(&mut self, model: &Model, window: &Window) {
        self.len = 0;
        for start in window.first()..window.units().len() {
            self.chinese(model, window, start);
            self.sound(model, window, start);
        }
    }

    /// Returns them.
    pub fn all(&self) -> &[Edge] {
        self.edges.get(..self.len).unwrap_or_default()
    }

    fn push(&mut self, window: &Window, (start, end): (usize, usize), form: Form, cost: i32) {
        if is_number(window, start, end) {
            return;
        }
        if let Some(edge) = self.edges.get_mut(self.len) {
            *edge = Edge { start, end, form, cost: cost + COST_NAME };
            self.len += 1;
        }
    }

    fn chinese(&mut self, model: &Model, window: &Window, start: usize) {
        let units = window.units();
        let Some(surname) = units.get(start).map(|unit| model.character(unit.ideograph).surname) else { return };
        if surname > 0 {
            self.given(model, window, (start, start + 1), i32::from(surname));
        }
        let [first, second, ..] = units.get(start..).unwrap_or_default() else { return };
        if !model.character(first.ideograph).leads {
            return;
        }
        match model.pair([first.ideograph, second.ideograph]) {
            Some(false) => self.given(model, window, (start, start + 2), COST_COMPOUND),
            Some(true) => self.japanese(model, window, start),
            None => {}
        }
    }

    /// Adds the names of one to three given ideographs after a Japanese family name.
    fn japanese(&mut self, model: &Model, window: &Window, start: usize) {
        let mut cost = COST_JAPANESE;
        for (end, unit) in (start + 3..=start + 5).zip(window.units().get(start + 2..).unwrap_or_default()) {
            let given = model.character(unit.ideograph).given_last;
            if given == 0 || unit.join != Join::Close {
                return;
            }
            cost += i32::from(given);
            self.push(window, (start, end), Form::JapaneseName, cost);
        }
    }

    /// Adds the names of one and of two given ideographs after a family name.
    fn given(&mut self, model: &Model, window: &Window, (start, at): (usize, usize), surname: i32) {
        let units = window.units();
        let [first, ..] = units.get(at..).unwrap_or_default() else { return };
        let is = model.character(first.ideograph);
        let compound = at - start == 2;
        let even = |end: usize| {
            let inner = units.get(start + 1..end).unwrap_or_default();
            inner.iter().all(|unit| unit.join == inner.first().map_or(Join::Close, |first| first.join))
        };
        if is.given_only > 0 && even(at + 1) {
            let form = if compound { Form::CompoundName } else { Form::ShortName };
            self.push(window, (start, at + 1), form, surname + i32::from(is.given_only));
        }
        let last = units.get(at + 1).map_or(0, |unit| model.character(unit.ideograph).given_last);
        if is.given_first > 0 && last > 0 && even(at + 2) {
            let form = if compound { Form::CompoundName } else { Form::LongName };
            self.push(window, (start, at + 2), form, surname + i32::from(is.given_first) + i32::from(last));
        }
    }

    fn sound(&mut self, model: &Model, window: &Window, start: usize) {
        let (mut cost, mut dotted) = (0, false);
        for (length, unit) in (1..=SOUND_DOTTED_LEN_MAX).zip(window.units().get(start..).unwrap_or_default()) {
            let sound = model.character(unit.ideograph).sound;
            if sound == 0 || (length > 1 && unit.join == Join::Gap) {
                return;
            }
            dotted |= length > 1 && unit.join == Join::Dot;
            cost += i32::from(sound);
            if length >= 2 && (length <= SOUND_LEN_MAX || dotted) {
                self.push(window, (start, start + length), Form::Sound, cost);
            }
        }
    }
}

/// Says whether a possible name is, or is cut out of, a number in words: `伍陆柒` is no Mr. Wu.
fn is_number(window: &Window, start: usize, end: usize) -> bool {
    let is_numeral = |position: usize| {
        let unit = window.units().get(position);
        unit.is_some_and(|unit| NUMERALS.binary_search(&unit.ideograph).is_ok())
    };
    let before = start.checked_sub(1).is_some_and(is_numeral);
    before && is_numeral(start) || is_numeral(end) && is_numeral(end - 1) || (start..end).all(is_numeral)
}

/// A window's readings.
pub struct Lattice {
    /// Costs of the words that begin at each position, by their length less one.
    words: [[i32; WORD_LEN_MAX]; WINDOW_LEN_MAX],
    len: usize,
    /// Costs of the possible names, features included.
    names: [i32; EDGES_MAX],
}

impl Lattice {
    /// Makes room for them.
    pub const fn empty() -> Self {
        Self { words: [[NEVER; WORD_LEN_MAX]; WINDOW_LEN_MAX], len: 0, names: [NEVER; EDGES_MAX] }
    }

    /// Weighs words and possible names of a window; `worth` says how much the features of a name speak for it.
    pub fn fill(&mut self, model: &Model, window: &Window, edges: &[Edge], mut worth: impl FnMut(&Edge) -> i32) {
        let units = window.units();
        self.len = units.len();
        for (start, costs) in self.words.iter_mut().enumerate().take(units.len()) {
            *costs = [NEVER; WORD_LEN_MAX];
            let mut hash = 0;
            let sounds = units.get(start).is_some_and(|unit| model.character(unit.ideograph).sound > 0);
            let longest = if sounds { WORD_LEN_MAX } else { WORD_LEN_USUAL };
            let rest = units.get(start..).unwrap_or_default().iter().take(longest);
            for ((length, unit), cost) in rest.enumerate().zip(costs) {
                hash = hash_on(hash, unit.ideograph);
                if length == 0 {
                    *cost = i32::from(model.character(unit.ideograph).alone.min(COST_UNKNOWN));
                } else if unit.join != Join::Close {
                    break;
                } else if let Some(word) = model.word(hash) {
                    *cost = word;
                }
            }
        }
        for (edge, cost) in edges.iter().zip(&mut self.names) {
            *cost = edge.cost - worth(edge);
        }
    }

    /// Finds the cheapest reading, without the `forbidden` name if there is one: its cost, and the names in it from the last to
    /// the first, as positions in `edges`.
    pub fn read(&self, edges: &[Edge], forbidden: Option<usize>, mut name: impl FnMut(usize)) -> i32 {
        const WORD: usize = EDGES_MAX;
        let mut best = [NEVER; WINDOW_LEN_MAX + 1];
        let mut from = [(0_usize, WORD); WINDOW_LEN_MAX + 1];
        best[0] = 0;
        let mut next = 0;
        for start in 0..self.len {
            let Some(&so_far) = best.get(start) else { break };
            let mut relax = |end: usize, cost: i32, by: usize| {
                if let (Some(slot), Some(origin)) = (best.get_mut(end), from.get_mut(end))
                    && cost < *slot
                {
                    (*slot, *origin) = (cost, (start, by));
                }
            };
            let words = self.words.get(start).into_iter().flatten().zip(1..);
            words
                .filter(|(cost, _)| **cost < NEVER)
                .for_each(|(cost, length)| relax(start + length, so_far + cost, WORD));
            while let Some(edge) = edges.get(next).filter(|edge| edge.start == start) {
                if forbidden != Some(next) {
                    relax(edge.end, so_far + self.names.get(next).copied().unwrap_or(NEVER), next);
                }
                next += 1;
            }
        }
        let mut at = self.len;
        while at > 0 {
            let Some(&(start, by)) = from.get(at) else { break };
            if by != WORD {
                name(by);
            }
            at = start;
        }
        best.get(self.len).copied().unwrap_or(NEVER)
    }
}
