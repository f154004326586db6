//! What is read out of files that come with messages.

use std::sync::Arc;

use async_trait::async_trait;

use crate::domain::file::{Fate, FileInfo, Format, Withheld};
use crate::domain::masking::Layout;
use crate::domain::message::{RawBody, RawText, Sealed};

/// What a file is, and what was read out of it; `T` is how its text is held.
#[derive(serde::Serialize, serde::Deserialize)]
pub struct ReadFile<T = RawText> {
    /// What it is, by its content.
    pub format: Format,
    /// What it holds.
    pub content: FileContent<T>,
}

/// What a file holds.
#[derive(serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FileContent<T = RawText> {
    /// Text, and how it is to be read.
    Text {
        /// The text.
        text: T,
        /// How it is to be read.
        layout: Layout,
    },
    /// A picture or a recording.
    Media,
    /// Nothing that could be read, or may be.
    Withheld(Withheld),
}

impl<T> ReadFile<T> {
    /// A file of which nothing is shown, with the reason.
    pub const fn withheld(format: Format, reason: Withheld) -> Self {
        Self { format, content: FileContent::Withheld(reason) }
    }

    /// What becomes of it.
    pub const fn fate(&self) -> Fate {
        match &self.content {
            FileContent::Text { .. } => Fate::Shown,
            FileContent::Media => Fate::Sealed,
            FileContent::Withheld(reason) => Fate::Quarantined(*reason),
        }
    }
}

/// Files can't be read at present.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("files can't be read at present")]
pub struct FileReaderGone;

/// Reads files that strangers made.
///
/// Duties: whatever is in a file, it ends within
/// [`FILE_READ_MS_MAX`](crate::limits::FILE_READ_MS_MAX), takes bounded memory, and reaches nothing of this server; what can't
/// be read is an answer, not an error.
#[async_trait]
pub trait FileReader: Send + Sync {
    /// Reads one file.
    ///
    /// # Errors
    /// [`FileReaderGone`] when none can be read at present; the same file may be read later.
    async fn read(&self, file: Arc<RawBody>) -> Result<ReadFile, FileReaderGone>;
}

/// How a tenant takes files.
pub struct FilePorts {
    /// Reads them.
    pub reader: Arc<dyn FileReader>,
    /// Largest that is taken, in bytes.
    pub bytes_max: usize,
}

/// A stored file: what is told of it, and its sealed pieces. What opens one, opens this.
pub struct FileRow {
    /// What is told of it.
    pub info: FileInfo,
    /// Its pieces in order; none where it is not kept.
    pub pieces: Vec<Sealed>,
}
