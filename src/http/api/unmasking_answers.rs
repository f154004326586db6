//! The shapes of answers about values behind masks and about files of which nothing is shown, shared with the client.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use zeroize::Zeroizing;

use super::erasure_answers::Act;
use super::files::Attachment;
use crate::pipeline;
use crate::ports::ReceivedFile;

/// A request to open a masked value or a file, and what became of it. Neither is in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Unmasking {
    /// Its id.
    pub id: String,
    /// requested, granted, denied, used or lapsed.
    pub state: String,
    /// value, or file.
    pub about: String,
    /// Whether the entry that asked can be read. If not, nobody can tell what entity, class, format, fate and reason were.
    pub readable: bool,
    /// The conversation that it stands in.
    pub conversation: String,
    /// Whose it is, by their pseudonym.
    pub subject: String,
    /// The message that it stands in, or came with.
    pub message: String,
    /// Of a value: its place among the masked values of the message, from 0.
    pub span: Option<u16>,
    /// Of a value: what it is, by the name of the rule.
    pub entity: Option<String>,
    /// Of a value: its class.
    pub class: Option<String>,
    /// Of a file: what it is by its content.
    pub format: Option<String>,
    /// Of a file: sealed or quarantined.
    pub fate: Option<String>,
    /// Why: fraud, dispute, identity, correction, authority or incident.
    pub reason: Option<String>,
    /// Until when it may be opened and shown (RFC 3339, UTC); nothing until it is granted.
    pub until: Option<String>,
    /// Who asked.
    pub requested: Act,
    /// Who granted or denied it; whoever asked, where the rule asks for nobody else.
    pub decided: Option<Act>,
    /// Who opened it.
    pub used: Option<Act>,
}

impl From<pipeline::Unmasking> for Unmasking {
    fn from(unmasking: pipeline::Unmasking) -> Self {
        let pipeline::Unmasking { row, asked, stands } = unmasking;
        let (span, readable) = (row.sought.span(), asked.is_some());
        let (kind, held_as, reason) = match asked {
            Some(pipeline::Asked { kind, held_as, reason }) => (Some(kind), Some(held_as), Some(reason)),
            None => (None, None, None),
        };
        let (of_value, of_file) =
            if span.is_some() { ((kind, held_as), (None, None)) } else { ((None, None), (kind, held_as)) };
        Self {
            id: row.id.to_string(),
            state: stands.to_owned(),
            conversation: row.conversation.public.to_string(),
            subject: row.subject.to_string(),
            about: if span.is_some() { "value" } else { "file" }.to_owned(),
            readable,
            message: row.sought.message().to_string(),
            span,
            entity: of_value.0,
            class: of_value.1,
            format: of_file.0,
            fate: of_file.1,
            reason,
            until: row.until.map(|until| until.to_string()),
            requested: row.requested.into(),
            decided: row.decided.map(Into::into),
            used: row.used.map(Into::into),
        }
    }
}

/// Requests, those made last first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Unmaskings {
    /// At most 200.
    pub unmaskings: Vec<Unmasking>,
}

/// A file in quarantine, without a byte of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct QuarantinedFile {
    /// The message that it came with.
    pub message: String,
    /// What it is, and why it is in quarantine.
    pub file: Attachment,
    /// The file's own entry.
    pub index: u64,
    /// When it came (RFC 3339, UTC); nothing, like what follows, where its entry can't be read.
    pub time: Option<String>,
    /// The conversation.
    pub conversation: Option<String>,
    /// Whose it is, by their pseudonym.
    pub subject: Option<String>,
    /// Whether they were erased since: then nobody can open it any more.
    pub erased: bool,
}

impl From<ReceivedFile> for QuarantinedFile {
    fn from(file: ReceivedFile) -> Self {
        let ReceivedFile { message, info, of, told } = file;
        Self {
            message: message.to_string(),
            file: info.into(),
            index: of.0,
            time: told.map(|told| told.time.to_string()),
            conversation: told.map(|told| told.conversation.to_string()),
            subject: told.map(|told| told.subject.to_string()),
            erased: told.is_some_and(|told| told.is_erased),
        }
    }
}

/// Files in quarantine, the newest first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct QuarantinedFiles {
    /// At most 100; `before` with the last one's index asks for more.
    pub files: Vec<QuarantinedFile>,
}

/// An opened value. It is told once and kept by nobody.
#[derive(Serialize, ToSchema)]
pub struct OpenedValue {
    /// The value, as it was written.
    #[schema(value_type = String)]
    pub value: Zeroizing<String>,
    /// Until when it may stand on a screen (RFC 3339, UTC).
    pub until: String,
    /// Who opened it, by which entry and when.
    pub used: Act,
}

/// Whether two values are the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Match {
    /// Whether they are.
    pub same: bool,
}
