//! E0451: the fields of a masked message are private.

use liaowaiwai::domain::message::Masked;

pub fn forge(masked: Masked) -> Masked {
    Masked { ..masked } //~ allowed:     masked
}
