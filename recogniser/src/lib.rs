//! Names and addresses, by a recogniser of the project's own that needs no network and no other hardware.
//!
//! ```text
//! text -> windows of ideographs -> possible names -> cheapest reading as words and names -> names
//!      -> runs of Latin words   -> what announces a name, and lists of names              -> names
//!      -> regions, roads, numbers -> chains of them                                      -> addresses
//! ```
//!
//! It is pure and knows nothing of the rest of the engine: no policy, no folded message, no entity. What it learnt is in one
//! file, which `./x recogniser` makes again, bit for bit, from the generator in `tools/recogniser`. It allocates nothing.

mod address;
pub mod chinese;
pub mod features;
mod latin;
pub mod lattice;
pub mod model;
mod regions;
mod street;
mod western;
pub mod window;

#[cfg(test)]
mod tests;

use core::ops::Range;
use std::sync::LazyLock;

use address::Gazetteer;
use model::Model;
pub use regions::{Depth, region};
use western::Names;

/// The trained model; `./x recogniser` writes it.
pub const WEIGHTS: &[u8] = include_bytes!("weights.bin");

/// The recogniser with its trained model.
pub static RECOGNISER: LazyLock<Recogniser> = LazyLock::new(|| Recogniser::of(Model::read(WEIGHTS).ok()));

/// Returns what names this recogniser: the hash of its weights and its lists.
pub fn digest(hash: impl Fn(&[u8]) -> [u8; 32]) -> [u8; 32] {
    let lists =
        [regions::PROVINCES, regions::CITIES, western::GIVEN, western::FAMILY, western::EVERYDAY, western::NEVER];
    let parts = [WEIGHTS].into_iter().chain(lists.into_iter().map(str::as_bytes));
    hash(parts.map(&hash).collect::<Vec<_>>().concat().as_slice())
}

/// What was found.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// The name of a person.
    Name,
    /// Where somebody can be found.
    Address,
}

/// A name or an address.
pub struct Found {
    /// Bytes of the text.
    pub bytes: Range<usize>,
    /// What it is.
    pub kind: Kind,
    /// How sure it is, in percent.
    pub confidence: u8,
}

/// Finds names and addresses.
pub struct Recogniser {
    model: Option<Model>,
    places: Gazetteer,
    names: Names,
}

impl Recogniser {
    /// Makes one with other weights, to be measured; `None` when they can't be read.
    pub fn new(weights: &[u8]) -> Option<Self> {
        Model::read(weights).ok().map(|model| Self::of(Some(model)))
    }

    fn of(model: Option<Model>) -> Self {
        Self { model, places: Gazetteer::new(), names: Names::new() }
    }

    /// Finds the names and addresses of a text; some of them may overlap. What is in `masked`, ranges of bytes in order, is passed
    /// over.
    pub fn find(&self, text: &str, masked: &[Range<usize>], found: &mut dyn FnMut(Found)) {
        let Some(model) = &self.model else { return };
        if !text.is_ascii() {
            chinese::find(model, text, masked, |name| {
                let confidence = sure(name.margin);
                found(Found { bytes: name.bytes, kind: Kind::Name, confidence });
            });
            address::find(model, &self.places, text, masked, |address| {
                found(Found { bytes: address.bytes, kind: Kind::Address, confidence: address.confidence });
            });
        }
        latin::each(text, masked, |words| {
            western::find(&self.names, words, |name| {
                found(Found { bytes: name.bytes, kind: Kind::Name, confidence: name.confidence });
            });
            street::find(words, |address| {
                found(Found { bytes: address.bytes, kind: Kind::Address, confidence: address.confidence });
            });
        });
    }

    /// Returns a value as it is known without disguise: simplified, and without spaces between ideographs.
    pub fn plain(&self, value: &str) -> String {
        let is_ideograph = |character: char| ('\u{4E00}'..='\u{9FFF}').contains(&character);
        let chinese = value.chars().any(is_ideograph);
        let simplified = |character: char| {
            let code = u16::try_from(u32::from(character)).ok().filter(|_| is_ideograph(character));
            let simple = self.model.as_ref().zip(code).map(|(model, code)| model.character(code).simplified);
            simple.and_then(|code| char::from_u32(u32::from(code))).unwrap_or(character)
        };
        let kept = |character: &char| character.is_alphanumeric() || !chinese && *character == ' ';
        value.chars().filter(kept).map(simplified).collect()
    }
}

/// From how much likelier a reading is, in eighths of a bit, to percent.
fn sure(margin: i32) -> u8 {
    u8::try_from((50 + margin / 2).clamp(1, 95)).unwrap_or(1)
}
