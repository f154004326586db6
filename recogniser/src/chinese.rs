//! Chinese names, and foreign ones that are written in Chinese by their sound.

use core::ops::Range;

use crate::{
    features::{self, Sides},
    lattice::{Edge, Edges, Lattice},
    model::Model,
    window::{self, Window},
};

/// Most names of one window that are weighed again by themselves.
const WEIGHED_MAX: usize = 12;

/// A name: its bytes, and by how much the reading with it is cheaper than one without it.
pub struct Name {
    /// Bytes of the text.
    pub bytes: Range<usize>,
    /// Eighths of a bit.
    pub margin: i32,
}

/// Finds the names of a text; what is in `masked`, ranges of bytes in order, is passed over.
pub fn find(model: &Model, text: &str, masked: &[Range<usize>], mut found: impl FnMut(Name)) {
    let mut room = Room { edges: Edges::empty(), lattice: Lattice::empty(), sides: Sides::empty() };
    let mut done = 0;
    window::each(model, text, masked, |window| {
        look(model, window, &mut room, |name| {
            // Windows that were cut begin with what the one before ended with.
            if name.bytes.start >= done {
                done = name.bytes.end;
                found(name);
            }
        });
    });
}

/// What a window needs, made once for a text.
struct Room {
    edges: Edges,
    lattice: Lattice,
    sides: Sides,
}

fn look(model: &Model, window: &Window, room: &mut Room, mut found: impl FnMut(Name)) {
    let Room { edges, lattice, sides } = room;
    edges.fill(model, window);
    let edges = edges.all();
    if edges.is_empty() {
        return;
    }
    sides.forget();
    lattice.fill(model, window, edges, |edge| {
        features::of(model, window, sides, edge).into_iter().map(|slot| model.weight(slot)).sum()
    });
    let mut names = [0; WEIGHED_MAX];
    let mut count = 0;
    let cheapest = lattice.read(edges, None, |edge| {
        if let Some(slot) = names.get_mut(count) {
            *slot = edge;
            count += 1;
        }
    });
    for &name in names.get(..count).unwrap_or_default().iter().rev() {
        let Some(edge) = edges.get(name) else { continue };
        let margin = lattice.read(edges, Some(name), |_| {}) - cheapest;
        found(Name { bytes: bytes(window, edge), margin });
    }
}

/// Returns the bytes of a possible name.
pub fn bytes(window: &Window, edge: &Edge) -> Range<usize> {
    let unit = |position: usize| window.units().get(position);
    let start = unit(edge.start).map_or(0, |unit| unit.start);
    start..unit(edge.end - 1).map_or(start, |unit| unit.end)
}
