//! E0308: what routes takes a recorded message only.

use liaowaiwai::domain::message::{Inbound, Masked, Message, Recorded};

pub fn route(_: &Message<Recorded, Inbound>) {}

pub fn early(masked: &Message<Masked, Inbound>, recorded: &Message<Recorded, Inbound>) {
    let _ = (masked, recorded);
    route(masked); //~ allowed:     route(recorded);
}
