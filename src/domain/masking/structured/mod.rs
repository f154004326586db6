//! Messages that are data: JSON, form fields, cells of tables. The name of a field is the word beside its values.
//!
//! Each value is read as `name: value`, so that everything that the engine knows of words and values holds here, too. Masks
//! stay inside the value that they hide, so that what was JSON is JSON again; a number that is masked becomes a string. What
//! is no well-formed document, or nested deeper than [`DEPTH_MAX`], is a text like any other.
//! Sources: RFC 8259; WHATWG URL, application/x-www-form-urlencoded.

mod form;
mod json;
mod names;

use std::ops::Range;

use super::{detect::detect, policy::Policy, span::Span, tail::Tail};

pub use json::DEPTH_MAX;

/// Most values of a document: each takes some hundred bytes while it is looked at.
pub const VALUES_MAX: usize = 100_000;

/// A value of a document.
struct Leaf {
    /// Words of the names that it stands under.
    name: String,
    /// Its bytes in the document, without quotes.
    bytes: Range<usize>,
    /// The value as it is meant, without escapes.
    value: String,
    /// For each byte of the value, and for its end, where it stands in the document.
    places: Vec<usize>,
    /// It has no quotes: a mask needs them.
    is_bare: bool,
}

impl Leaf {
    /// The part of a range that lies in the value, widened to whole escapes.
    fn inside(&self, bytes: &Range<usize>) -> Range<usize> {
        let before = self.places.partition_point(|&place| place <= bytes.start).saturating_sub(1);
        let after = self.places.partition_point(|&place| place < bytes.end);
        let place = |at: usize, outside: usize| self.places.get(at).copied().unwrap_or(outside);
        place(before, self.bytes.start)..place(after, self.bytes.end)
    }
}

/// Settles what was found in a text for the document that it is: `found` is what it holds as a mere text.
///
/// For what is no document, `found` is the answer.
pub(super) fn settle(policy: &Policy, text: &str, found: Vec<Span>) -> Vec<Span> {
    match json::leaves(text).or_else(|| form::leaves(text)) {
        Some(leaves) => of_leaves(policy, &leaves, found),
        None => found,
    }
}

/// Finds the sensitive values of a JSON document, an object or an array; none when it is no such document.
pub fn detect_json(policy: &Policy, document: &str) -> Option<Vec<Span>> {
    json::leaves(document).map(|_leaves| detect(policy, document, &mut Tail::empty(), 0))
}

/// Finds the sensitive values of form fields, also of a single one; none when the text is anything else.
pub fn detect_form(policy: &Policy, text: &str) -> Option<Vec<Span>> {
    let leaves = form::fields(text)?;
    Some(of_leaves(policy, &leaves, detect(policy, text, &mut Tail::empty(), 0)))
}

/// Finds the sensitive values of a text that stands under a name: a cell of a table, a field of a form.
pub fn detect_field(policy: &Policy, name: &str, value: &str) -> Vec<Span> {
    let places: Vec<usize> = (0..=value.len()).collect();
    let bytes = 0..value.len();
    let leaf = Leaf { name: names::words(name), bytes, value: value.to_owned(), places, is_bare: false };
    of_leaves(policy, std::slice::from_ref(&leaf), detect(policy, value, &mut Tail::empty(), 0))
}

/// What the values hold beside their names, and what else was found inside them. Values and spans are in order.
fn of_leaves(policy: &Policy, leaves: &[Leaf], found: Vec<Span>) -> Vec<Span> {
    let beside_names: Vec<Span> = leaves.iter().flat_map(|leaf| of_leaf(policy, leaf)).collect();
    let is_taken = |bytes: &Range<usize>| {
        let next = beside_names.partition_point(|span| span.bytes.end <= bytes.start);
        beside_names.get(next).is_some_and(|span| span.bytes.start < bytes.end)
    };
    let mut more = Vec::new();
    for span in found {
        let first = leaves.partition_point(|leaf| leaf.bytes.end <= span.bytes.start);
        let reached =
            leaves.get(first..).unwrap_or_default().iter().take_while(|leaf| leaf.bytes.start < span.bytes.end);
        for leaf in reached {
            let part = placed(&span, leaf, leaf.inside(&span.bytes));
            if !part.bytes.is_empty() && !is_taken(&part.bytes) {
                more.push(part);
            }
        }
    }
    more.dedup_by(|later, earlier| later.bytes.start < earlier.bytes.end);
    let mut settled = [beside_names, more].concat();
    settled.sort_by_key(|span| span.bytes.start);
    settled
}

/// A span inside a value; a number is masked whole.
fn placed(span: &Span, leaf: &Leaf, bytes: Range<usize>) -> Span {
    let bytes = if leaf.is_bare { leaf.bytes.clone() } else { bytes };
    Span { bytes, is_quoted: leaf.is_bare, ..span.clone() }
}

fn of_leaf(policy: &Policy, leaf: &Leaf) -> Vec<Span> {
    let beside = if leaf.name.is_empty() { String::new() } else { format!("{}: ", leaf.name) };
    let text = [beside.as_str(), &leaf.value].concat();
    let spans = detect(policy, &text, &mut Tail::empty(), 0);
    let inside = spans.into_iter().filter_map(|span| {
        let start = span.bytes.start.checked_sub(beside.len())?;
        let (start, end) = (*leaf.places.get(start)?, *leaf.places.get(span.bytes.end - beside.len())?);
        Some(placed(&span, leaf, start..end))
    });
    let mut spans: Vec<Span> = inside.collect();
    if leaf.is_bare {
        spans.truncate(1);
    }
    spans
}
