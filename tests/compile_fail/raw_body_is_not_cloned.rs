//! E0599: the bytes of a request have no Clone, so there is one copy to wipe.

use liaowaiwai::domain::message::RawBody;

pub fn twice(body: RawBody) -> RawBody {
    body.clone() //~ allowed:     body
}
