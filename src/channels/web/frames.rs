//! The frames of the web channel: JSON objects with a `type`, one a message of the socket, the same by every transport.

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::domain::event::Wish;
use crate::domain::file::{FileInfo, Withheld};
use crate::domain::message::{RawBody, RawText};
use crate::domain::record::{ConversationState, Marks};
use crate::ports::{About, ChannelError, CustomerEvent, CustomerFrame, CustomerMessage, Standing};
use crate::units::EntryIndex;
use crate::wire;

/// What the widget sends.
#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "lowercase", deny_unknown_fields)]
enum Frame {
    /// Something to say.
    Send { key: String, text: RawText },
    /// The customer types.
    Typing {},
    /// How far it has got and been read.
    Seen {
        #[serde(default)]
        delivered: Option<u64>,
        #[serde(default)]
        read: Option<u64>,
    },
    /// A way out of waiting.
    Wish { key: String, wish: String },
}

/// Reads a JSON body of one of the channel's types.
pub(super) fn parse<T: DeserializeOwned>(body: &RawBody) -> Result<T, ChannelError> {
    wire::json(body.bytes())
        .map_err(|error| ChannelError::MalformedBody { expected: error.fault.expected(), offset: error.offset })
}

/// Reads a frame.
pub(super) fn read(frame: &RawBody) -> Result<CustomerFrame, ChannelError> {
    match parse(frame)? {
        Frame::Send { key, text } => super::send(key, text, frame.bytes()),
        Frame::Typing {} => Ok(CustomerFrame::Typing),
        Frame::Seen { delivered, read } => {
            Ok(CustomerFrame::Seen(Marks { delivered: delivered.map(EntryIndex), read: read.map(EntryIndex) }))
        }
        Frame::Wish { key, wish } => super::wish(key, &wish),
    }
}

/// What the bank's server signs: domain, account, time and identity, each on a line; the identity is the rest. What it says
/// of the customer's importance stands before the identity, so that no page can say it by itself.
pub(super) fn signed_identity(account: &str, id: &RawText, time: i64, about: &About) -> Vec<u8> {
    let id = id.expose();
    let About { tier, tags, .. } = about;
    if tier.is_none() && tags.is_empty() {
        return format!("lww-identity/1\n{account}\n{time}\n{id}").into_bytes();
    }
    let (tier, tags) = (tier.as_deref().unwrap_or_default(), tags.join(" "));
    format!("lww-identity/2\n{account}\n{time}\n{tier}\n{tags}\n{id}").into_bytes()
}

/// Bytes of a text in hexadecimal.
pub(super) fn from_hex(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let pairs = text.as_bytes().chunks_exact(2);
    let bytes: Option<Vec<u8>> = pairs.map(|pair| Some(digit(pair[0])? << 4 | digit(pair[1])?)).collect();
    bytes.filter(|bytes| bytes.len() == 32 && text.len() == 64)
}

/// Writes an event down.
pub(super) fn write(event: &CustomerEvent) -> String {
    let value = match event {
        CustomerEvent::Live { cursor } => json!({"type": "live", "cursor": index(*cursor)}),
        CustomerEvent::Said(message) => said("message", message),
        CustomerEvent::Again(message) => said("remasked", message),
        CustomerEvent::Stands(Standing { conversation, state, marks, wish }) => {
            let marks = marks.map(|marks| json!({"delivered": index(marks.delivered), "read": index(marks.read)}));
            json!({
                "type": "conversation", "conversation": conversation.to_string(), "state": word(*state), "marks": marks,
                "wish": wish.map(Wish::word),
            })
        }
        CustomerEvent::Queue { conversation, position, wait_s, closed } => json!({
            "type": "queue", "conversation": conversation.to_string(), "position": position, "wait_s": wait_s,
            "open": closed.is_none(), "opens": closed.flatten().map(|opens| opens.to_string()),
        }),
        CustomerEvent::Typing { conversation } => json!({"type": "typing", "conversation": conversation.to_string()}),
        CustomerEvent::Read { conversation, until } => {
            json!({"type": "read", "conversation": conversation.to_string(), "until": until.0})
        }
        CustomerEvent::Accepted { key, message, conversation, index, leaf, text, receipt, duplicate, file } => json!({
            "type": "accepted", "key": key, "message": message.to_string(), "conversation": conversation.to_string(),
            "index": index.0, "leaf": leaf.to_string(), "text": text, "receipt": receipt, "duplicate": duplicate, "file": told_file(*file),
        }),
        CustomerEvent::Refused { key, code, detail, retry_after_s } => {
            json!({"type": "refused", "key": key, "code": code, "detail": detail, "retry_after_s": retry_after_s})
        }
    };
    value.to_string()
}

fn said(kind: &str, message: &CustomerMessage) -> Value {
    let CustomerMessage { id, conversation, index, again, time, from_bank, by, masked, text, file } = message;
    json!({
        "type": kind, "message": id.to_string(), "conversation": conversation.to_string(), "index": index.0,
        "again": again.map(|again| again.0), "time": time.to_string(), "from_bank": from_bank, "by": by.word(), "masked": masked, "text": text,
        "file": told_file(*file),
    })
}

/// What is told of the file that a message was read from.
fn told_file(file: Option<FileInfo>) -> Option<Value> {
    let FileInfo { format, bytes, fate, kept } = file?;
    let reason = fate.reason().map(Withheld::word);
    Some(json!({"format": format.word(), "bytes": bytes, "fate": fate.word(), "reason": reason, "kept": kept}))
}

fn index(value: Option<EntryIndex>) -> Option<u64> {
    value.map(|index| index.0)
}

fn word(state: ConversationState) -> &'static str {
    match state {
        ConversationState::Waiting => "waiting",
        ConversationState::Assigned => "assigned",
        ConversationState::Closed => "closed",
        ConversationState::Solved => "solved",
    }
}
