//! E0599: raw text has no Clone, so there is one copy to wipe.

use liaowaiwai::domain::message::RawText;

pub fn twice(text: RawText) -> RawText {
    text.clone() //~ allowed:     text
}
