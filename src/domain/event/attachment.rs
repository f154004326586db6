//! A file that came with a message. Its entry stands right before the message's, which commits to what was read out of it.

use lww_audit::entry::Detail;

use super::{count, object, text};
use crate::domain::file::FileInfo;
use crate::units::{Hash, MessageId};

/// The kind with its version.
pub(super) const KIND: &str = "attachment.kept/1";

/// What an entry says of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AttachmentEvent {
    /// The message that it came with.
    pub message: MessageId,
    /// What it is and what became of it.
    pub info: FileInfo,
    /// The commitment to it as it is kept, sealed; `None`: only its masked text is.
    pub commitment: Option<Hash>,
}

impl AttachmentEvent {
    pub(super) fn detail(&self) -> Detail {
        let FileInfo { format, bytes, fate, .. } = self.info;
        let optional = |word: Option<String>| word.map_or(Detail::Null, Detail::String);
        object([
            ("message", text(&self.message)),
            ("format", text(format.word())),
            ("bytes", count(bytes)),
            ("fate", text(fate.word())),
            ("reason", optional(fate.reason().map(|reason| reason.word().to_owned()))),
            ("commit_file", optional(self.commitment.map(|commitment| commitment.to_string()))),
        ])
    }
}
