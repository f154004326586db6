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

/// Settles what was found in a text for the document that it is: `found` is what it holds as a mere text.
///
/// For what is no document, `found` is the answer; so it is for a list without names, which people write, too.
pub(super) fn settle(policy: &Policy, text: &str, found: Vec<Span>) -> Vec<Span> {
    match json::leaves(text).or_else(|| form::leaves(text)) {
        Some(leaves) if leaves.iter().any(|leaf| !leaf.name.is_empty()) => of_leaves(policy, &leaves),
        Some(_) | None => found,
    }
}

/// Finds the sensitive values of a JSON document, an object or an array; none when it is no such document.
pub fn detect_json(policy: &Policy, document: &str) -> Option<Vec<Span>> {
    json::leaves(document).map(|leaves| of_leaves(policy, &leaves))
}

/// Finds the sensitive values of form fields, also of a single one; none when the text is anything else.
pub fn detect_form(policy: &Policy, text: &str) -> Option<Vec<Span>> {
    form::fields(text).map(|leaves| of_leaves(policy, &leaves))
}

/// Finds the sensitive values of a text that stands under a name: a cell of a table, a field of a form.
pub fn detect_field(policy: &Policy, name: &str, value: &str) -> Vec<Span> {
    let places = (0..=value.len()).collect();
    let bytes = 0..value.len();
    of_leaf(policy, &Leaf { name: names::words(name), bytes, value: value.to_owned(), places, is_bare: false })
}

/// What the values hold beside their names.
fn of_leaves(policy: &Policy, leaves: &[Leaf]) -> Vec<Span> {
    leaves.iter().flat_map(|leaf| of_leaf(policy, leaf)).collect()
}

fn of_leaf(policy: &Policy, leaf: &Leaf) -> Vec<Span> {
    let beside = if leaf.name.is_empty() { String::new() } else { format!("{}: ", leaf.name) };
    let text = [beside.as_str(), &leaf.value].concat();
    let spans = detect(policy, &text, &mut Tail::empty(), 0);
    let inside = spans.into_iter().filter_map(|span| {
        let start = span.bytes.start.checked_sub(beside.len())?;
        let (start, end) = (*leaf.places.get(start)?, *leaf.places.get(span.bytes.end - beside.len())?);
        let bytes = if leaf.is_bare { leaf.bytes.clone() } else { start..end };
        // The word stands in the leaf's own text, which is not the document.
        Some(Span { bytes, is_quoted: leaf.is_bare, word: None, ..span })
    });
    let mut spans: Vec<Span> = inside.collect();
    if leaf.is_bare {
        spans.truncate(1);
    }
    spans
}
