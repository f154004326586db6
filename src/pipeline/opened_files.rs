//! Files of which nothing is shown, opened by break-glass: pictures and recordings, and what is in quarantine; and the list of the
//! latter.
//!
//! The steps are those of a masked value (`unmasking`). What is different: the policy in force alone says who may (`files:` in it),
//! because no rule masked anything, and what is opened is the file as it came, which must be what its entry committed to. A file
//! that is not kept, and of whoever is erased any, opens for nobody.

use lww_audit::entry::{Detail, Tag, commitment};
use zeroize::Zeroizing;

use super::unmasking::{Content, Opened, Unmasking, field, word};
use super::{Refusal, Staff, Tenant};
use crate::domain::access::{Action, Whose, reach};
use crate::domain::event::{FilePlace, Sought, UnmaskEvent, UnmaskReason};
use crate::domain::file::{self, Fate, FileInfo, Withheld};
use crate::limits::QUARANTINED_MAX;
use crate::ports::{Act, ConversationRow, ReceivedFile};
use crate::units::{ConversationId, EntryIndex, Hash, MessageId, SubjectId, Timestamp, UnmaskingId};

const FILE: Refusal = Refusal::NotFound { what: "file" };
const KEPT: &str = "attachment.kept/1";

/// A file that its reader may have, once.
pub struct OpenedFile {
    /// What it is.
    pub content: FileContent,
    /// The request.
    pub unmasking: UnmaskingId,
    /// Until when it may be looked at.
    pub until: Timestamp,
    /// The entry that says so, and when.
    pub used: Act,
}

/// A file with its bytes.
pub struct FileContent {
    /// What it is.
    pub info: FileInfo,
    /// Its bytes.
    pub bytes: Zeroizing<Vec<u8>>,
}

/// A file of which nothing is shown, as its own entry says.
pub(super) struct ClosedFile {
    /// What it is.
    pub(super) info: FileInfo,
    place: FilePlace,
    conversation: ConversationId,
    committed: Option<Hash>,
}

impl Tenant {
    /// Asks to open a file of which nothing is shown. Where the policy asks for nobody else it may be opened at once.
    ///
    /// # Errors
    /// [`Refusal::NotFound`] when no such file came with the message, its text is shown, or it is not kept;
    /// [`Refusal::Forbidden`] when the conversation is out of reach or the policy names no role of the asker's;
    /// [`Refusal::NotReversible`] when it lets nobody open such files; [`Refusal::Erased`]; [`Refusal::TooOften`].
    pub async fn request_file(
        &self,
        staff: &Staff,
        message: MessageId,
        reason: UnmaskReason,
    ) -> Result<Unmasking, Refusal> {
        staff.may(Action::AskForFiles)?;
        let file = self.closed_file(message).await?;
        let row = self.in_reach(staff, file.conversation).await?;
        if !file.info.kept {
            return Err(FILE);
        }
        // Whoever is erased has no key: nobody asks for what can't be opened.
        self.sealer(row.subject).await?;
        let policy = self.policy().ok_or(Refusal::NoPolicy)?;
        let opening = policy.file_opening(file.info.fate).ok_or(Refusal::NotReversible)?;
        let (place, info) = (file.place, file.info);
        let (ttl_s, second_person) = (opening.ttl_s, !opening.second_person.is_empty());
        let event = |unmasking| UnmaskEvent::FileRequested { unmasking, place, info, reason, ttl_s, second_person };
        self.ask_to_open(staff, &row, (Sought::File(place), opening), event).await
    }

    /// Opens the file of a request that was granted, once. That it is given out is in the ledger before its first byte leaves.
    ///
    /// # Errors
    /// As for [`Tenant::open_value`]; [`Refusal::NotFound`] also when the file is kept no longer.
    pub async fn open_file(&self, staff: &Staff, id: UnmaskingId) -> Result<OpenedFile, Refusal> {
        staff.may(Action::OpenFiles)?;
        let is_file = |sought| matches!(sought, Sought::File(_));
        match self.opened(staff, id, is_file).await? {
            Opened { content: Content::File(content), until, used } => {
                Ok(OpenedFile { content, unmasking: id, until, used })
            }
            Opened { content: Content::Value(_), .. } => Err(FILE),
        }
    }

    /// Files in quarantine, the newest first, from before an entry on. One of which the entry can't be read is among them
    /// without what that says.
    ///
    /// # Errors
    /// [`Refusal::Forbidden`].
    pub async fn quarantined(&self, staff: &Staff, before: Option<EntryIndex>) -> Result<Vec<ReceivedFile>, Refusal> {
        staff.may(Action::ReadQuarantine)?;
        Ok(self.ports.unmaskings.quarantined(before, QUARANTINED_MAX).await?)
    }

    /// A conversation whose files somebody may ask for: one that they see at the desk, or any where their role reaches all.
    pub(super) async fn in_reach(&self, staff: &Staff, id: ConversationId) -> Result<ConversationRow, Refusal> {
        if reach(staff.role, Action::AskForFiles) != Some(Whose::Tenant) {
            return self.visible(staff, id).await;
        }
        self.ports.store.conversation(id).await?.ok_or(Refusal::NotFound { what: "conversation" })
    }

    /// The file that came with a message, of which nothing is shown; its row held against its entry.
    pub(super) async fn closed_file(&self, message: MessageId) -> Result<ClosedFile, Refusal> {
        let ReceivedFile { info, of, .. } = self.ports.unmaskings.received_file(message).await?.ok_or(FILE)?;
        let entry = self.proven_entry(of).await?;
        let (reason, bytes) = (info.fate.reason().map(Withheld::word), i64::try_from(info.bytes).unwrap_or(i64::MAX));
        let is_same = entry.kind.as_str() == KEPT
            && word(&entry, "message") == Some(message.to_string().as_str())
            && word(&entry, "format") == Some(info.format.word())
            && word(&entry, "fate") == Some(info.fate.word())
            && word(&entry, "reason") == reason
            && field(&entry, "bytes") == Some(&Detail::Int(bytes));
        if !is_same {
            return Err(self.differs(of));
        }
        if info.fate == Fate::Shown {
            return Err(FILE);
        }
        let committed = word(&entry, "commit_file").and_then(|committed| committed.parse().ok());
        let conversation = ConversationId(entry.conversation.ok_or_else(|| self.differs(of))?);
        Ok(ClosedFile { info, place: FilePlace { message, of }, conversation, committed })
    }

    /// Opens it. Whoever calls records what it is for before anything of it leaves the pipeline.
    pub(super) async fn content_of(&self, closed: &ClosedFile, subject: SubjectId) -> Result<FileContent, Refusal> {
        let FilePlace { message, of } = closed.place;
        let sealer = self.sealer(subject).await?;
        let stored = self.ports.store.file(message).await?.filter(|stored| stored.info.kept).ok_or(FILE)?;
        let opened = file::open(&stored.pieces, message, &*sealer).map_err(|_| self.differs(of))?;
        if closed.committed != Some(commitment(opened.salt.as_bytes(), Tag::Sealed, &opened.plaintext)) {
            return Err(self.differs(of));
        }
        Ok(FileContent { info: closed.info, bytes: opened.plaintext })
    }
}
