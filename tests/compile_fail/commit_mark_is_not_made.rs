//! E0624: only this crate can vouch for a commit.

use liaowaiwai::domain::message::Committed;

pub fn vouch() -> Option<Committed> {
    Some(Committed::witnessed()) //~ allowed:     None
}
