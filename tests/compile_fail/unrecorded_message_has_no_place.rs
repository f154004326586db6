//! E0599: a place in the log, which receipts, feeds and cursors go by, is what a recorded message has and no other.

use liaowaiwai::domain::message::{Inbound, Masked, Message};
use liaowaiwai::units::EntryIndex;

pub fn place(message: &Message<Masked, Inbound>, elsewhere: EntryIndex) -> EntryIndex {
    let _ = (message.id(), elsewhere);
    message.index() //~ allowed:     elsewhere
}
