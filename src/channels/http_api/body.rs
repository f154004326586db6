//! The body of a new message, `{"contact": "…", "text": "…"}`: the only reader of raw bytes in this channel beside the
//! digest check.

use serde::Deserialize;

use crate::domain::message::{RawBody, RawText};
use crate::limits::{CONTACT_BYTES_MAX, TEXT_BYTES_MAX};
use crate::ports::ChannelError;
use crate::wire;

/// What a contact must be.
pub(super) const CONTACT_EXPECTED: &str = "1 to 256 bytes";
/// What a text must be.
const TEXT_EXPECTED: &str = "1 to 16384 bytes";

/// A message as the peer wrote it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NewMessage {
    /// Who wrote it, by the peer's own name for them.
    pub(super) contact: RawText,
    /// What they wrote.
    pub(super) text: RawText,
}

/// Parses a body and checks its bounds.
pub(super) fn parse(body: &RawBody) -> Result<NewMessage, ChannelError> {
    let message: NewMessage = wire::json(body.bytes())
        .map_err(|error| ChannelError::MalformedBody { expected: error.fault.expected(), offset: error.offset })?;
    if !(1..=CONTACT_BYTES_MAX).contains(&message.contact.len()) {
        return Err(ChannelError::BadField { field: "contact", expected: CONTACT_EXPECTED });
    }
    if !(1..=TEXT_BYTES_MAX).contains(&message.text.len()) {
        return Err(ChannelError::BadField { field: "text", expected: TEXT_EXPECTED });
    }
    Ok(message)
}
