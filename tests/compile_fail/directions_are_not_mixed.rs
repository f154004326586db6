//! E0308: what comes in is not what goes out.

use liaowaiwai::domain::message::{Inbound, Message, Outbound, Recorded};

pub fn send(_: &Message<Recorded, Outbound>) {}

pub fn mix(inbound: &Message<Recorded, Inbound>, outbound: &Message<Recorded, Outbound>) {
    let _ = (inbound, outbound);
    send(inbound); //~ allowed:     send(outbound);
}
