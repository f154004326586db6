//! The body of a new message, `{"contact": "…", "text": "…", "about": {…}}`: the only reader of raw bytes in this channel
//! beside the digest check.

use serde::Deserialize;

use crate::domain::message::{RawBody, RawText};
use crate::domain::routing::is_word;
use crate::limits::{CASE_TAGS_MAX, CONTACT_BYTES_MAX, TEXT_BYTES_MAX};
use crate::ports::{About, ChannelError};
use crate::wire;

/// What a contact must be.
pub(super) const CONTACT_EXPECTED: &str = "1 to 256 bytes";
/// What a text must be.
const TEXT_EXPECTED: &str = "1 to 16384 bytes";
const WORD_EXPECTED: &str = "a word of 1 to 32 of a-z, 0-9, _ and -";
const TAGS_EXPECTED: &str = "at most 8 words of 1 to 32 of a-z, 0-9, _ and -";

/// A message as the peer wrote it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NewMessage {
    /// Who wrote it, by the peer's own name for them.
    pub(super) contact: RawText,
    /// What they wrote.
    pub(super) text: RawText,
    /// What the peer says of the conversation.
    #[serde(default)]
    pub(super) about: Words,
}

/// What the peer says of the conversation, for its routing: words, never a person's own.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Words {
    tier: Option<String>,
    language: Option<String>,
    tags: Vec<String>,
    intent: Option<String>,
    mood: Option<String>,
}

impl Words {
    /// Every word has the form of one: no free text can come in this way.
    fn check(&self) -> Result<(), ChannelError> {
        let one = [
            ("about.tier", &self.tier),
            ("about.language", &self.language),
            ("about.intent", &self.intent),
            ("about.mood", &self.mood),
        ];
        let bad = one.into_iter().find(|(_, word)| word.as_ref().is_some_and(|word| !is_word(word)));
        if let Some((field, _)) = bad {
            return Err(ChannelError::BadField { field, expected: WORD_EXPECTED });
        }
        if self.tags.len() > CASE_TAGS_MAX || !self.tags.iter().all(|tag| is_word(tag)) {
            return Err(ChannelError::BadField { field: "about.tags", expected: TAGS_EXPECTED });
        }
        Ok(())
    }
}

impl From<Words> for About {
    fn from(words: Words) -> Self {
        let Words { tier, language, mut tags, intent, mood } = words;
        tags.sort_unstable();
        tags.dedup();
        Self { tier, language, tags, intent, mood }
    }
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
    message.about.check()?;
    Ok(message)
}
