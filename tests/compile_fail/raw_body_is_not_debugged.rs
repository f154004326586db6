//! E0277: the bytes of a request have no Debug.

use liaowaiwai::domain::message::RawBody;

pub fn log(body: &RawBody) -> String {
    format!("{body:?}") //~ allowed:     format!("{:?}", body.len())
}
