//! The averaged perceptron: reads each sentence with the weights so far, and moves them where the reading is wrong.

use std::ops::Range;

use crate::generate::{Generator, Sentence};
use crate::random::Random;
use lww_recogniser::{
    chinese,
    features::{self, FEATURES, Sides},
    lattice::{Edge, Edges, Lattice},
    model::{Model, WEIGHT_SLOTS},
    window,
};

/// What a wrong reading moves a weight by.
const STEP: i64 = 2;
/// How much likelier the right reading has to be, in eighths of a bit: what is just right is moved further.
const MARGIN: i32 = 20;

/// Weights in training.
pub struct Perceptron {
    now: Vec<i64>,
    sums: Vec<i64>,
    since: Vec<i64>,
    sentences: i64,
    /// Sentences that were read wrong.
    pub wrong: usize,
}

impl Perceptron {
    /// Begins with nothing learnt.
    pub fn new() -> Self {
        let zeros = || vec![0; WEIGHT_SLOTS];
        Self { now: zeros(), sums: zeros(), since: zeros(), sentences: 0, wrong: 0 }
    }

    /// Learns from so many sentences.
    pub fn learn(&mut self, model: &Model, generator: &Generator<'_>, count: usize, random: &mut Random) {
        for _ in 0..count {
            let sentence = generator.sentence(random);
            self.sentence(model, &sentence);
        }
    }

    fn sentence(&mut self, model: &Model, sentence: &Sentence) {
        self.sentences += 1;
        let mut moves: Vec<([u32; FEATURES], i64)> = Vec::new();
        let (mut edges, mut lattice, mut sides) = (Edges::empty(), Lattice::empty(), Sides::empty());
        window::each(model, &sentence.text, &[], |window| {
            edges.fill(model, window);
            let edges = edges.all();
            if edges.is_empty() {
                return;
            }
            let weight = |slot: u32| i32::try_from(self.now[slot as usize]).unwrap_or(i32::MAX);
            let is_name = |edge: &Edge| sentence.names.contains(&chinese::bytes(window, edge));
            sides.forget();
            lattice.fill(model, window, edges, |edge| {
                let worth: i32 = features::of(model, window, &mut sides, edge).into_iter().map(weight).sum();
                worth + if is_name(edge) { -MARGIN } else { MARGIN }
            });
            let mut read: Vec<usize> = Vec::new();
            lattice.read(edges, None, |name| read.push(name));
            for (place, edge) in edges.iter().enumerate() {
                let by = match (is_true(edges, edge, is_name), read.contains(&place)) {
                    (true, false) => STEP,
                    (false, true) => -STEP,
                    (true, true) | (false, false) => continue,
                };
                moves.push((features::of(model, window, &mut sides, edge), by));
            }
        });
        self.wrong += usize::from(!moves.is_empty());
        for (slots, by) in moves {
            for slot in slots {
                self.shift(slot as usize, by);
            }
        }
    }

    fn shift(&mut self, slot: usize, by: i64) {
        self.sums[slot] += self.now[slot] * (self.sentences - self.since[slot]);
        self.since[slot] = self.sentences;
        self.now[slot] += by;
    }

    /// Returns the averages, rounded.
    pub fn weights(&self) -> Vec<i8> {
        let average = |slot: usize| {
            let sum = self.sums[slot] + self.now[slot] * (self.sentences - self.since[slot]);
            let half = self.sentences / 2;
            (sum + if sum < 0 { -half } else { half }) / self.sentences.max(1)
        };
        (0..WEIGHT_SLOTS).map(|slot| i8::try_from(average(slot).clamp(-127, 127)).unwrap_or_default()).collect()
    }
}

/// Of possible names that cover the same bytes the first counts as the right one.
fn is_true(edges: &[Edge], edge: &Edge, is_name: impl Fn(&Edge) -> bool) -> bool {
    let range = |edge: &Edge| -> Range<usize> { edge.start..edge.end };
    is_name(edge) && edges.iter().find(|other| range(other) == range(edge)).is_some_and(|first| first == edge)
}
