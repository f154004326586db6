//! E0599: a masked message comes out of mask() only.

use liaowaiwai::domain::message::{Inbound, Masked, Message, Raw, RawText};
use liaowaiwai::units::{MessageId, Timestamp};

pub fn forge(id: MessageId, time: Timestamp, text: RawText) {
    let _ = Message::<Masked, Inbound>::new(id, time, text); //~ allowed:     let _ = (Message::<Raw, Inbound>::new(id, time, text), None::<Masked>);
}
