//! E0423: the mark of a commit has a private field.

use liaowaiwai::domain::message::Committed;

pub fn vouch() -> Option<Committed> {
    Some(Committed(())) //~ allowed:     None
}
