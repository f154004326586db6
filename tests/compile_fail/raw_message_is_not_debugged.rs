//! E0277: a raw message has no Debug.

use liaowaiwai::domain::message::{Inbound, Message, Raw};

pub fn log(message: &Message<Raw, Inbound>) -> String {
    format!("{message:?}") //~ allowed:     format!("{:?}", message.id())
}
