//! What was said, opened for one view: for the customer by their channel, for staff by the desk.

use std::sync::Arc;

use lww_audit::Entry;

use super::memory::{Known, Open};
use super::proposals::Contact;
use super::{Accepted, Refusal, Tenant, accepted};
use crate::domain::masking::{MaskedText, View};
use crate::domain::message::{Inbound, Message, OpenedPart, Outbound, Part, RawText, Recorded, SealError};
use crate::domain::record::Receipt;
use crate::limits::PAGE_ITEMS_MAX;
use crate::ports::{IdentityLookup, MessageRow, SharedSealer, random_bytes};
use crate::units::{
    AccountId, ChannelAccount, ConversationId, ConversationKey, ConversationRef, EntryIndex, MessageId, SubjectId,
    Timestamp,
};

/// A message as the customer's channel shows it.
#[derive(Clone, Debug)]
pub struct CustomerMessage {
    /// Its public id.
    pub id: MessageId,
    /// The conversation it belongs to.
    pub conversation: ConversationId,
    /// Index of its entry: the cursor to resume after.
    pub index: EntryIndex,
    /// When it was written.
    pub time: Timestamp,
    /// Whether the bank wrote it.
    pub from_bank: bool,
    /// What the customer may see of it.
    pub text: String,
}

/// A message as the desk shows it.
#[derive(Clone, Debug)]
pub struct TranscriptMessage {
    /// Its public id.
    pub id: MessageId,
    /// Index of its entry.
    pub index: EntryIndex,
    /// When it was written.
    pub time: Timestamp,
    /// Whether the bank wrote it.
    pub outbound: bool,
    /// The staff account that wrote it.
    pub author: Option<AccountId>,
    /// What the reader may see of it.
    pub text: String,
}

impl Tenant {
    /// What was said to and by a contact after a log index, oldest first, in the customer's view.
    ///
    /// # Errors
    /// [`Refusal::Unavailable`] when the database can't be read. An unknown contact has said nothing: that is no error.
    pub async fn customer_messages(
        &self,
        channel: &ChannelAccount,
        contact: &RawText,
        after: Option<EntryIndex>,
        limit: u32,
    ) -> Result<Vec<CustomerMessage>, Refusal> {
        let lookup = self.ports.vault.identity_lookup(channel, contact);
        let Some(row) = self.ports.store.contact(&lookup, channel).await? else { return Ok(Vec::new()) };
        let sealer = self.ports.vault.sealer(row.subject, &row.key)?;
        let limit = limit.min(PAGE_ITEMS_MAX);
        let rows = self.ports.store.subject_messages(row.subject, channel, after, limit).await?;
        rows.iter().map(|(conversation, row)| customer_message(&sealer, *conversation, row)).collect()
    }

    /// The person whose turn it is; somebody new gets a pseudonym and a key of their own.
    pub(super) async fn contact(
        &self,
        turn: Option<&Known>,
        lookup: IdentityLookup,
        channel: &ChannelAccount,
        identity: &RawText,
    ) -> Result<Contact, Refusal> {
        if let Some(Known { subject, sealer, conversation }) = turn
            && let Some(open) = self.memory.open(*conversation)
        {
            return Ok(Contact { subject: *subject, sealer: Arc::clone(sealer), fresh: None, open: Some(open) });
        }
        if let Some(row) = self.ports.store.contact(&lookup, channel).await? {
            let sealer = self.ports.vault.sealer(row.subject, &row.key)?;
            let open = row.open.as_ref().map(Open::from);
            if let Some(open) = open {
                self.memory.put(open);
            }
            return Ok(Contact { subject: row.subject, sealer, fresh: None, open });
        }
        let subject = SubjectId::from_random(random_bytes(&*self.ports.random));
        let (fresh, sealer) = self.ports.vault.new_subject(subject, lookup, identity)?;
        Ok(Contact { subject, sealer, fresh: Some(fresh), open: None })
    }

    /// A person whose conversation exists.
    pub(super) async fn known_contact(&self, subject: SubjectId) -> Result<Contact, Refusal> {
        let sealer = self.sealer(subject).await?;
        Ok(Contact { subject, sealer, fresh: None, open: None })
    }

    pub(super) async fn sealer(&self, subject: SubjectId) -> Result<SharedSealer, Refusal> {
        let key = self.ports.store.data_key(subject).await?.ok_or(Refusal::NotFound { what: "data key" })?;
        Ok(self.ports.vault.sealer(subject, &key)?)
    }

    pub(super) fn new_conversation(&self) -> ConversationRef {
        ConversationRef {
            key: ConversationKey::new(self.ports.clock.now(), random_bytes(&*self.ports.random)),
            public: ConversationId::from_random(random_bytes(&*self.ports.random)),
        }
    }

    /// Answers a duplicate with what the first was told.
    pub(super) async fn recorded_before(&self, index: EntryIndex, view: View) -> Result<Accepted, Refusal> {
        let missing = || Refusal::NotFound { what: "entry" };
        let bytes = self.ports.store.entry(index).await?.ok_or_else(missing)?;
        let entry = Entry::parse(&bytes).map_err(|_| missing())?;
        let conversation = ConversationId(entry.conversation.ok_or_else(missing)?);
        let row = self.ports.store.conversation(conversation).await?.ok_or_else(missing)?;
        let before = index.0.checked_sub(1).map(EntryIndex);
        let messages = self.ports.store.messages(row.conversation, before, 1).await?;
        let message = messages.first().filter(|message| message.index == index).ok_or_else(missing)?;
        let sealer = self.sealer(row.subject).await?;
        let leaf = lww_audit::merkle::leaf_hash(&bytes);
        let proven = self.ports.proofs.prove(index);
        let has_proof = proven.is_some();
        let (path, checkpoint) = proven.unwrap_or_else(|| (Vec::new(), "".into()));
        let receipt = Receipt { index, leaf, entry: bytes.into(), path, checkpoint };
        let told = if message.outbound {
            accepted(&opened_outbound(&sealer, message)?, conversation, &receipt, view)
        } else {
            accepted(&opened_inbound(&sealer, message)?, conversation, &receipt, view)
        };
        Ok(Accepted { receipt: told.receipt.filter(|_| has_proof), duplicate: true, ..told })
    }
}

/// The duplicate guard's body for a reply: where it goes and what it says.
pub(super) fn keyed(conversation: ConversationId, text: &RawText) -> Vec<u8> {
    let mut body = conversation.0.0.to_vec();
    body.extend_from_slice(text.expose().as_bytes());
    body
}

/// A reader's rendering of one stored message.
pub(super) fn transcript_message(
    sealer: &SharedSealer,
    row: &MessageRow,
    view: View,
) -> Result<TranscriptMessage, Refusal> {
    let text = if row.outbound {
        opened_outbound(sealer, row)?.render(view)
    } else {
        opened_inbound(sealer, row)?.render(view)
    };
    let MessageRow { id, index, time, outbound, author, .. } = *row;
    Ok(TranscriptMessage { id, index, time, outbound, author, text })
}

fn customer_message(
    sealer: &SharedSealer,
    conversation: ConversationRef,
    row: &MessageRow,
) -> Result<CustomerMessage, Refusal> {
    // What the bank wrote is shown as it may leave the bank; what the customer wrote, as a customer may see it.
    let view = if row.outbound { View::Outbound } else { View::Customer };
    let TranscriptMessage { id, index, time, outbound, text, .. } = transcript_message(sealer, row, view)?;
    Ok(CustomerMessage { id, conversation: conversation.public, index, time, from_bank: outbound, text })
}

fn opened_inbound(sealer: &SharedSealer, row: &MessageRow) -> Result<Message<Recorded, Inbound>, SealError> {
    let (text, salt) = open(sealer, row)?;
    Ok(Message::read_back(row.id, row.time, row.index, row.author, (text, salt), row.committed))
}

fn opened_outbound(sealer: &SharedSealer, row: &MessageRow) -> Result<Message<Recorded, Outbound>, SealError> {
    let (text, salt) = open(sealer, row)?;
    Ok(Message::read_back(row.id, row.time, row.index, row.author, (text, salt), row.committed))
}

fn open(sealer: &SharedSealer, row: &MessageRow) -> Result<(MaskedText, crate::domain::message::Salt), SealError> {
    let part = Part::Masked;
    let opened = sealer.open(part, row.id, &row.masked)?;
    let OpenedPart { salt, plaintext } = OpenedPart::split(part, &opened)?;
    let text = MaskedText::from_bytes(&plaintext).map_err(|_| SealError { part })?;
    Ok((text, salt))
}
