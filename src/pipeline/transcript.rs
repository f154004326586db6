//! What was said, opened for one view: for the customer by their channel, for staff by the desk.

use std::sync::Arc;

use lww_audit::Entry;

use super::memory::{Known, Open};
use super::proposals::{Before, Contact};
use super::{Accepted, Refusal, Tenant, accepted, opened};
use crate::domain::event::HELD;
use crate::domain::file::FileInfo;
use crate::domain::masking::{MaskedText, Policy, ShownSpan, View};
use crate::domain::message::{
    Direction, Inbound, Message, OpenedPart, Outbound, Part, RawText, Recorded, Salt, SealError, Sealed,
};
use crate::domain::record::{NewIdentity, Receipt};
use crate::limits::PAGE_ITEMS_MAX;
use crate::ports::{
    Author, ContactRow, ConversationRow, CustomerMessage, IdentityLookup, IdentityName, MessageRow, Person,
    SharedSealer, place, random_bytes,
};
use crate::units::{
    AccountId, ChannelAccount, ConversationId, ConversationKey, ConversationRef, EntryIndex, Hash, MessageId,
    SubjectId, Timestamp,
};

/// A message as the desk shows it.
#[derive(Clone, Debug)]
pub struct TranscriptMessage {
    /// Its public id.
    pub id: MessageId,
    /// Index of its entry.
    pub index: EntryIndex,
    /// Index of the newest entry that masked it again.
    pub again: Option<EntryIndex>,
    /// When it was written.
    pub time: Timestamp,
    /// Whether the bank wrote it.
    pub outbound: bool,
    /// The staff account that wrote it.
    pub author: Option<AccountId>,
    /// What the reader may see of it.
    pub text: String,
    /// The masked values in that text.
    pub spans: Vec<TextSpan>,
    /// Digest of the policy that masked it.
    pub policy: Option<Hash>,
    /// What is told of the file that it was read from.
    pub file: Option<FileInfo>,
}

impl TranscriptMessage {
    /// Where it stands for a reader who was at `after`.
    pub(super) fn place(&self, after: Option<EntryIndex>) -> EntryIndex {
        place(self.index, self.again, after)
    }
}

/// A masked value in a text as its reader sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TextSpan {
    /// Where it stands, and what it was.
    pub shown: ShownSpan,
    /// The rule's name in the policy that masked it, which has one for each entity; its number when that policy is not the
    /// active one.
    pub rule: String,
    /// The norms that ask for the rule; none when that policy is not the active one.
    pub basis: Vec<String>,
}

/// The identities of one person, each under every epoch whose key is there, the newest first.
#[derive(Clone)]
pub(super) struct Lookups {
    proven: Vec<IdentityLookup>,
    contact: Vec<IdentityLookup>,
    /// Whether what the channel knows of the person counts beside a proof.
    vouched: bool,
    sender: Option<[u8; 32]>,
}

impl Lookups {
    /// What a person's turn is kept by: the same for every request that knows the same, under every epoch.
    pub(super) fn turn(&self) -> Option<[u8; 32]> {
        self.sender
    }

    /// The newest epoch when they were made.
    pub(super) fn epoch(&self) -> Option<i32> {
        self.proven.first().or(self.contact.first()).map(|lookup| lookup.epoch)
    }
}

impl Tenant {
    /// What was said to and by a contact after a log index, oldest first, in the customer's view.
    ///
    /// # Errors
    /// [`Refusal::Unavailable`] when the database can't be read. An unknown contact has said nothing: that is no error.
    pub async fn customer_messages(
        &self,
        channel: &ChannelAccount,
        contact: &Person,
        after: Option<EntryIndex>,
        limit: u32,
    ) -> Result<Vec<CustomerMessage>, Refusal> {
        let Some(row) = self.known(&self.lookups(channel, contact)).await? else { return Ok(Vec::new()) };
        let sealer = self.ports.vault.sealer(row.subject, &row.key)?;
        let rows = self.ports.store.subject_messages(row.subject, after, limit.min(PAGE_ITEMS_MAX)).await?;
        rows.iter().map(|(conversation, row)| customer_message(&sealer, *conversation, row)).collect()
    }

    /// What was said to and by a contact before a log index, oldest first, in the customer's view; and whether anything was
    /// said before that.
    ///
    /// # Errors
    /// As [`Tenant::customer_messages`].
    pub async fn customer_earlier(
        &self,
        channel: &ChannelAccount,
        contact: &Person,
        before: Option<EntryIndex>,
        limit: u32,
    ) -> Result<(Vec<CustomerMessage>, bool), Refusal> {
        let Some(row) = self.known(&self.lookups(channel, contact)).await? else { return Ok((Vec::new(), false)) };
        let sealer = self.ports.vault.sealer(row.subject, &row.key)?;
        let limit = limit.min(PAGE_ITEMS_MAX);
        // One more than asked for, which only tells that there is more.
        let rows = self.ports.store.earlier_messages(row.subject, before, limit + 1).await?;
        let rest = rows.len().saturating_sub(limit as usize);
        let shown = rows.iter().skip(rest);
        let messages = shown.map(|(conversation, row)| customer_message(&sealer, *conversation, row));
        Ok((messages.collect::<Result<_, _>>()?, rest > 0))
    }

    /// The identities of a person, the proven one first.
    pub(super) fn lookups(&self, channel: &ChannelAccount, person: &Person) -> Lookups {
        let vault = &self.ports.vault;
        let (proven, contact) = names(channel, person);
        Lookups {
            vouched: person.vouched,
            proven: proven.map(|name| vault.lookups(name)).unwrap_or_default(),
            contact: contact.map(|name| vault.lookups(name)).unwrap_or_default(),
            sender: vault.sender(channel, person),
        }
    }

    /// Who is behind an identity, under whichever epoch it is indexed.
    pub(super) async fn person(&self, lookups: &[IdentityLookup]) -> Result<Option<ContactRow>, Refusal> {
        Ok(self.person_under(lookups).await?.map(|(row, _)| row))
    }

    async fn person_under(&self, lookups: &[IdentityLookup]) -> Result<Option<(ContactRow, IdentityLookup)>, Refusal> {
        for lookup in lookups {
            if let Some(row) = self.ports.store.contact(lookup).await? {
                return Ok(Some((row, *lookup)));
            }
        }
        Ok(None)
    }

    /// The same for somebody who is there: where an earlier epoch still indexes them, the newest one does from here on.
    async fn met_again(
        &self,
        lookups: &[IdentityLookup],
        name: Option<IdentityName<'_>>,
    ) -> Result<Option<ContactRow>, Refusal> {
        let Some((row, lookup)) = self.person_under(lookups).await? else { return Ok(None) };
        if let Some(name) = name.filter(|_| lookups.first() != Some(&lookup)) {
            let NewIdentity { lookup: hash, epoch, sealed, .. } =
                self.ports.vault.linked(row.subject, &row.key, name)?;
            self.ports.erasures.reindex(&[(lookup, IdentityLookup { epoch, hash }, sealed)]).await?;
        }
        Ok(Some(row))
    }

    /// Who is behind the first of these identities that anybody is behind.
    pub(super) async fn known(&self, lookups: &Lookups) -> Result<Option<ContactRow>, Refusal> {
        if let Some(row) = self.person(&lookups.proven).await? {
            return Ok(Some(row));
        }
        let shown = lookups.vouched || lookups.proven.is_empty();
        if shown { self.person(&lookups.contact).await } else { Ok(None) }
    }

    /// The person whose turn it is; somebody new gets a pseudonym and a key of their own.
    pub(super) async fn contact(
        &self,
        turn: Option<&Known>,
        lookups: &Lookups,
        (channel, person): (&ChannelAccount, &Person),
    ) -> Result<Contact, Refusal> {
        if let Some(Known { subject, sealer, conversation }) = turn
            && let Some(open) = self.memory.open(*conversation)
        {
            return Ok(Contact { open: Some(open), ..Contact::of(*subject, Arc::clone(sealer)) });
        }
        let (proven_name, contact_name) = names(channel, person);
        let proven = self.met_again(&lookups.proven, proven_name).await?;
        let by_channel = self.met_again(&lookups.contact, contact_name).await?;
        let (row, before) = match (proven, by_channel) {
            (Some(proven), Some(other)) if proven.subject != other.subject => (proven, other.open),
            (Some(row), _) => (row, None),
            (None, Some(row)) if person.proven.is_none() => (row, None),
            (None, Some(row)) if person.vouched => return self.linked(&row, proven_name),
            (None, other) => return self.met(proven_name.or(contact_name), other.and_then(|other| other.open)).await,
        };
        self.after(self.contact_of(&row)?, before).await
    }

    /// Somebody never seen under this identity, with what they said before they proved it.
    async fn met(&self, name: Option<IdentityName<'_>>, before: Option<ConversationRow>) -> Result<Contact, Refusal> {
        self.after(self.stranger(name)?, before).await
    }

    async fn after(&self, mut contact: Contact, before: Option<ConversationRow>) -> Result<Contact, Refusal> {
        if let Some(row) = before {
            let holder = self.holder(&row).await?;
            contact.before = Some(Box::new(Before { row, holder }));
        }
        Ok(contact)
    }

    fn contact_of(&self, row: &ContactRow) -> Result<Contact, Refusal> {
        let sealer = self.ports.vault.sealer(row.subject, &row.key)?;
        let open = row.open.as_ref().map(Open::from);
        if let Some(open) = open {
            self.memory.put(open);
        }
        Ok(Contact { open, ..Contact::of(row.subject, sealer) })
    }

    /// Somebody known by the channel who proves who they are for the first time.
    fn linked(&self, row: &ContactRow, proven: Option<IdentityName<'_>>) -> Result<Contact, Refusal> {
        let linked = proven.map(|name| self.ports.vault.linked(row.subject, &row.key, name)).transpose()?;
        Ok(Contact { linked, ..self.contact_of(row)? })
    }

    /// Somebody never seen before.
    fn stranger(&self, name: Option<IdentityName<'_>>) -> Result<Contact, Refusal> {
        let nobody = || Refusal::Invalid { field: "contact", expected: "an identity of the channel or a proven one" };
        let subject = SubjectId::from_random(random_bytes(&*self.ports.random));
        let (fresh, sealer) = self.ports.vault.new_subject(subject, name.ok_or_else(nobody)?)?;
        Ok(Contact { fresh: Some(fresh), ..Contact::of(subject, sealer) })
    }

    /// Reads again what changed since the decision.
    pub(super) async fn decide_again(&self, contact: &mut Contact, lookups: &Lookups) -> Result<(), Refusal> {
        // What ended with a proof may have moved too; that is decided from the beginning.
        if contact.before.is_some() {
            return Err(Refusal::Conflict);
        }
        contact.read_again(self.known(lookups).await?)
    }

    /// A person whose conversation exists.
    pub(super) async fn known_contact(&self, subject: SubjectId) -> Result<Contact, Refusal> {
        let sealer = self.sealer(subject).await?;
        Ok(Contact::of(subject, sealer))
    }

    pub(super) async fn sealer(&self, subject: SubjectId) -> Result<SharedSealer, Refusal> {
        // Nothing else takes a key away.
        let key = self.ports.store.data_key(subject).await?.ok_or(Refusal::Erased)?;
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
        if entry.kind.as_str() == HELD {
            return Err(Refusal::HeldOver);
        }
        let conversation = ConversationId(entry.conversation.ok_or_else(missing)?);
        let row = self.ports.store.conversation(conversation).await?.ok_or_else(missing)?;
        let before = index.0.checked_sub(1).map(EntryIndex);
        let messages = self.ports.store.messages(row.conversation, before, 1).await?;
        let message = messages.first().filter(|message| message.index == index).ok_or_else(missing)?;
        let sealer = self.sealer(row.subject).await?;
        let leaf = lww_audit::merkle::leaf_hash(&bytes);
        let receipt = Receipt { index, leaf, entry: bytes.into(), path: Vec::new(), checkpoint: "".into() };
        let told = if message.outbound {
            accepted(&opened_outbound(&sealer, message)?, conversation, &receipt, view)
        } else {
            accepted(&opened_inbound(&sealer, message)?, conversation, &receipt, view)
        };
        let receipt = match self.receipt_of(&sealer, message).await {
            Ok(receipt) => Some(receipt),
            Err(Refusal::Unavailable) => None,
            Err(refusal) => return Err(refusal),
        };
        Ok(Accepted { receipt, duplicate: true, file: message.file, ..told })
    }
}

impl Tenant {
    /// The receipt of a stored message for its customer. It opens the masked record and nothing of the sealed part, so that
    /// nobody can guess at what was masked. Of a message that was masked again it is the receipt of the newest entry that did
    /// so, which names the first: what that one committed to is not kept.
    pub(super) async fn receipt_of(&self, sealer: &SharedSealer, row: &MessageRow) -> Result<String, Refusal> {
        let missing = Refusal::NotFound { what: "entry" };
        let index = row.remasked.unwrap_or(row.index);
        let entry = self.ports.store.entry(index).await?.ok_or(missing)?;
        let (path, checkpoint) = self.ports.proofs.prove(index).ok_or(Refusal::Unavailable)?;
        let leaf = lww_audit::merkle::leaf_hash(&entry);
        let receipt = Receipt { index, leaf, entry: entry.into(), path, checkpoint };
        let opened =
            if row.outbound { opened(&opened_outbound(sealer, row)?) } else { opened(&opened_inbound(sealer, row)?) };
        Ok(receipt.to_proof_text(&opened))
    }
}

/// What a person is known by: what the bank vouches for, and what the channel knows.
fn names<'a>(channel: &'a ChannelAccount, person: &'a Person) -> (Option<IdentityName<'a>>, Option<IdentityName<'a>>) {
    let contact = person.contact.as_ref().map(|contact| IdentityName::Channel(channel, contact));
    (person.proven.as_ref().map(IdentityName::Proven), contact)
}

/// The duplicate guard's body for a reply: where it goes and what it says.
pub(super) fn keyed(conversation: ConversationId, text: &RawText) -> Vec<u8> {
    let mut body = conversation.0.0.to_vec();
    body.extend_from_slice(text.expose().as_bytes());
    body
}

/// A reader's rendering of one stored message; `active` is the policy that is in force.
pub(super) fn shown_message(
    sealer: &SharedSealer,
    row: &MessageRow,
    view: View,
    active: Option<&Policy>,
) -> Result<TranscriptMessage, Refusal> {
    let (text, shown) = if row.outbound {
        rendered(&opened_outbound(sealer, row)?, view)
    } else {
        rendered(&opened_inbound(sealer, row)?, view)
    };
    let MessageRow { id, index, remasked: again, time, outbound, author, policy, file, .. } = *row;
    let spans = explained(shown, policy, active);
    Ok(TranscriptMessage { id, index, again, time, outbound, author, text, spans, policy, file })
}

fn rendered<D: Direction>(message: &Message<Recorded, D>, view: View) -> (String, Vec<ShownSpan>) {
    (message.render(view), message.shown_spans(view))
}

/// Says by which rule each value was masked, as far as the active policy is the one that did.
pub(super) fn explained(shown: Vec<ShownSpan>, under: Option<Hash>, active: Option<&Policy>) -> Vec<TextSpan> {
    let rules = active.filter(|policy| under == Some(Hash(policy.digest()))).map_or(&[][..], Policy::rules);
    let explain = |shown: ShownSpan| {
        let rule = rules.get(usize::from(shown.rule));
        TextSpan {
            shown,
            rule: rule.map_or_else(|| shown.rule.to_string(), |rule| rule.name.to_string()),
            basis: rule.map(|rule| rule.basis.clone()).unwrap_or_default(),
        }
    };
    shown.into_iter().map(explain).collect()
}

pub(super) fn customer_message(
    sealer: &SharedSealer,
    conversation: ConversationRef,
    row: &MessageRow,
) -> Result<CustomerMessage, Refusal> {
    // What the bank wrote is shown as it may leave the bank; what the customer wrote, as a customer may see it.
    let view = if row.outbound { View::Outbound } else { View::Customer };
    let shown = shown_message(sealer, row, view, None)?;
    let TranscriptMessage { id, index, again, time, outbound, author, spans, text, file, .. } = shown;
    let (conversation, by) = (conversation.public, Author::of(outbound, author));
    let (from_bank, masked) = (outbound, !spans.is_empty());
    Ok(CustomerMessage { id, conversation, index, again, time, from_bank, by, masked, text, file })
}

fn opened_inbound(sealer: &SharedSealer, row: &MessageRow) -> Result<Message<Recorded, Inbound>, SealError> {
    let (text, salt) = open(sealer, row.id, &row.masked)?;
    Ok(Message::read_back(row.id, row.time, row.index, row.author, (text, salt), row.committed))
}

fn opened_outbound(sealer: &SharedSealer, row: &MessageRow) -> Result<Message<Recorded, Outbound>, SealError> {
    let (text, salt) = open(sealer, row.id, &row.masked)?;
    Ok(Message::read_back(row.id, row.time, row.index, row.author, (text, salt), row.committed))
}

/// The masked text that was sealed for a message or note, with the salt of its commitment.
pub(super) fn open(sealer: &SharedSealer, id: MessageId, masked: &Sealed) -> Result<(MaskedText, Salt), SealError> {
    let part = Part::Masked;
    let opened = sealer.open(part, id, masked)?;
    let OpenedPart { salt, plaintext } = OpenedPart::split(part, &opened)?;
    let text = MaskedText::from_bytes(&plaintext).map_err(|_| SealError { part })?;
    Ok((text, salt))
}
