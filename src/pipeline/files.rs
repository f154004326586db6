//! Files that come with messages: read apart from this process, masked like any text, and kept sealed beside their message.
//!
//! A file is a message whose text was read out of it, its name the first line: so whatever holds of messages (views, masking
//! again, receipts, evidence, erasure) holds of files. Beside it the file itself is sealed, and has an entry of its own.
//! Nobody is shown it but the customer to whom staff sent it, and that only where nothing in it is masked on its way out.

use std::sync::Arc;

use tokio::sync::SemaphorePermit;
use zeroize::Zeroizing;

use super::leaving::Said;
use super::proposals::Contact;
use super::transcript::open;
use super::{Accepted, Refusal, Staff, Tenant};
use crate::domain::access::Action;
use crate::domain::event::{AttachmentEvent, Event};
use crate::domain::file::{self, Fate, FileInfo, NewFile, Withheld};
use crate::domain::masking::{Layout, View};
use crate::domain::message::{Direction, Masked, Message, Outbound, Raw, RawBody, RawText, Salt};
use crate::domain::record::{Draft, Effect, Proposal, Step, Written};
use crate::limits::FILE_NAME_BYTES_MAX;
use crate::ports::{Attached, FileContent, Incoming, Person, ReadFile, Upload, random_bytes};
use crate::units::{ChannelAccount, ConversationId, MessageId, Timestamp};

/// A file that its reader may have.
pub struct SentFile {
    /// What it is.
    pub info: FileInfo,
    /// Its bytes.
    pub bytes: Zeroizing<Vec<u8>>,
}

impl Tenant {
    /// A place for a file that is on its way in, and how large it may be; the place is given back with the value.
    ///
    /// # Errors
    /// [`Refusal::Overloaded`] when there is none.
    pub fn file_place(&self) -> Result<(SemaphorePermit<'_>, usize), Refusal> {
        let place = self.file_places.try_acquire().map_err(|_| Refusal::Overloaded)?;
        Ok((place, self.ports.files.bytes_max))
    }

    /// Takes a customer's file in: read, masked, sealed and recorded with its message.
    ///
    /// # Errors
    /// As for [`Tenant::receive`]; what can't be read is no error, and recorded as quarantined.
    pub async fn receive_file(&self, upload: Upload) -> Result<Accepted, Refusal> {
        let Upload { channel, contact, key, key_scope, about, name, file } = upload;
        let fingerprint = file::fingerprint(&name, &file);
        let (message, attached) = self.read_file(&name, file).await?;
        let file = Some(attached);
        self.receive(Incoming { channel, contact, key, key_scope, fingerprint, about, message, file }).await
    }

    /// Sends an agent's file. One that can't be read is not sent: nobody could tell what leaves.
    ///
    /// # Errors
    /// As for [`Tenant::reply`]; [`Refusal::NotSendable`] with the reason.
    pub async fn send_file(
        &self,
        staff: &Staff,
        id: ConversationId,
        (name, file): (RawText, RawBody),
        key: &str,
    ) -> Result<Accepted, Refusal> {
        staff.may(Action::Converse)?;
        // Before anything is read: who doesn't hold the conversation has nothing to send.
        self.held(staff, id).await?;
        let body = [&id.0.0[..], &file::fingerprint(&name, &file)].concat();
        let dedup = self.ports.vault.dedup(&format!("reply/{}", staff.account), key.as_bytes(), &body);
        let (message, attached) = self.read_file::<Outbound>(&name, file).await?;
        match attached.fate {
            Fate::Shown => self.send(staff, id, (message, Some(attached)), Said::by_file(dedup)).await,
            Fate::Sealed => Err(Refusal::NotSendable { reason: Withheld::NoText }),
            Fate::Quarantined(reason) => Err(Refusal::NotSendable { reason }),
        }
    }

    /// The file that staff sent a customer with a message, if nothing in it is masked on its way out.
    ///
    /// # Errors
    /// [`Refusal::NotFound`] when no such file was sent to this person, or it may not leave.
    pub async fn customer_file(
        &self,
        channel: &ChannelAccount,
        person: &Person,
        message: MessageId,
    ) -> Result<SentFile, Refusal> {
        let missing = || Refusal::NotFound { what: "file" };
        let contact = self.known(&self.lookups(channel, person)).await?.ok_or_else(missing)?;
        let (store, ever) = (&self.ports.store, Timestamp::from_micros(0));
        let rows = store.recent_messages(contact.subject, ever, Some(vec![message]), 1).await?;
        let row = rows.into_iter().find(|row| matches!(row.kind, Written::Message { outbound: true, .. }));
        let row = row.ok_or_else(missing)?;
        let sealer = self.ports.vault.sealer(contact.subject, &contact.key)?;
        let (text, _) = open(&sealer, message, &row.masked)?;
        let stored = store.file(message).await?.ok_or_else(missing)?;
        let leaves = stored.info.kept && stored.info.fate == Fate::Shown && text.shown_spans(View::Outbound).is_empty();
        if !leaves {
            return Err(missing());
        }
        let opened = file::open(&stored.pieces, message, &*sealer)?;
        Ok(SentFile { info: stored.info, bytes: opened.plaintext })
    }

    /// Reads a file, and makes the message of it.
    async fn read_file<D: Direction>(
        &self,
        name: &RawText,
        file: RawBody,
    ) -> Result<(Message<Raw, D>, Attached), Refusal> {
        let file = Arc::new(file);
        let read = self.ports.files.reader.read(Arc::clone(&file)).await.map_err(|_| Refusal::Unavailable)?;
        let (format, fate) = (read.format, read.fate());
        let (text, layout) = match read {
            ReadFile { content: FileContent::Text { text, layout }, .. } => (text, layout),
            ReadFile { content: FileContent::Media | FileContent::Withheld(_), .. } => {
                (RawText::new(String::new()), Layout::Text)
            }
        };
        let id = MessageId::from_random(random_bytes(&*self.ports.random));
        let name = file::plain_name(name, FILE_NAME_BYTES_MAX);
        let message = Message::of_file(id, self.ports.clock.now(), &name, (&text, layout));
        Ok((message, Attached { file, format, fate }))
    }

    /// Seals a file beside its masked message; one that holds what is stored nowhere is not kept.
    pub(super) fn sealed_file<D: Direction>(
        &self,
        attached: &Attached,
        masked: &Message<Masked, D>,
        contact: &Contact,
    ) -> Result<NewFile, Refusal> {
        let Attached { file, format, fate } = attached;
        let info = FileInfo { format: *format, bytes: file.len() as u64, fate: *fate, kept: true };
        if masked.holds_c3() {
            return Ok(NewFile::not_kept(info));
        }
        let salt = Salt::from_random(random_bytes(&*self.ports.random));
        Ok(NewFile::seal(info, file, &salt, masked.id(), &*contact.sealer)?)
    }
}

impl Withheld {
    /// The reason in words, which problems translate.
    pub const fn in_words(self) -> &'static str {
        match self {
            Self::Unknown => "it is of a kind that can't be read",
            Self::Encrypted => "it needs a password",
            Self::Broken => "it is broken or cut off",
            Self::TooLong => "it holds too much text or too many parts",
            Self::TooSlow => "reading it took too long",
            Self::Active => "it has scripts, macros or packed objects",
            Self::Program => "it is a program",
            Self::Mixed => "it is two things at once",
            Self::NoText => "there is no text in it",
        }
    }
}

/// What is proposed for a message, with its file: an entry of its own before the message's, and the file beside it.
pub(super) fn with(mut proposal: Proposal, file: Option<&NewFile>) -> Proposal {
    let Some(file) = file else { return proposal };
    let Some(Step { draft, mut effects }) = proposal.steps.pop() else { return proposal };
    let mut message = None;
    for effect in &mut effects {
        if let Effect::NewMessage(new) = effect {
            new.file = Some(file.clone());
            message = Some(new.id);
        }
    }
    if let Some(message) = message {
        let event = Event::Attachment(AttachmentEvent { message, info: file.info, commitment: file.commitment });
        let draft = Draft { event, content: None, ..draft.clone() };
        proposal.primary += usize::from(proposal.primary == proposal.steps.len());
        proposal.steps.push(Step { draft, effects: Vec::new() });
    }
    proposal.steps.push(Step { draft, effects });
    proposal
}
