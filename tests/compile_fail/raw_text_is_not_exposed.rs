//! E0624: only this crate may look at raw text.

use liaowaiwai::domain::message::RawText;

pub fn look(text: &RawText) -> usize {
    text.expose().len() //~ allowed:     text.len()
}
