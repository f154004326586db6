//! E0599: nothing can be shown of a message that is not recorded.

use liaowaiwai::domain::message::{Inbound, Masked, Message};
use liaowaiwai::domain::masking::View;

pub fn show(message: &Message<Masked, Inbound>) -> String {
    message.render(View::Agent) //~ allowed:     { let _ = View::Agent; message.id().to_string() }
}
