//! E0624: only this crate may look at the bytes of a request.

use liaowaiwai::domain::message::RawBody;

pub fn look(body: &RawBody) -> usize {
    body.bytes().len() //~ allowed:     body.len()
}
