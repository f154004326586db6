//! What a customer's side hears while it holds a connection: first all that was said since its cursor, then each thing as it
//! is recorded, once and in the order of the log.
//!
//! It subscribes before it reads, so that nothing falls between the two; what comes twice is told by its index. Waiting can
//! be broken off at any time, telling can not: a notice that was taken must be told.

use std::collections::VecDeque;
use std::sync::Arc;

use super::feed::{Reopens, Whose};
use super::proposals::{marked, wished};
use super::transcript::{Lookups, customer_message};
use super::{Notice, Refusal, Subscription, Tenant};
use crate::domain::event::{Role, Wish};
use crate::domain::record::{Actor, ConversationState, Marks};
use crate::limits::{DECISIONS_MAX, PAGE_ITEMS_MAX};
use crate::ports::{
    Changed, ContactRow, ConversationRow, CustomerEvent, CustomerMessage, Happening, Person, RecordError, SharedSealer,
    Standing,
};
use crate::units::{AccountId, ChannelAccount, ConversationRef, EntryIndex, SubjectId};

/// One connection of a customer.
pub struct CustomerStream {
    tenant: Arc<Tenant>,
    lookups: Lookups,
    known: Option<(SubjectId, SharedSealer)>,
    standing: Option<(ConversationRef, ConversationState, Option<Wish>)>,
    place: Option<(u32, Option<u64>, Option<Reopens>)>,
    subscription: Subscription,
    cursor: Option<EntryIndex>,
    newest: Option<u32>,
    replaying: bool,
    ready: VecDeque<CustomerEvent>,
}

/// Where a connection begins.
#[derive(Clone, Copy, Debug, Default)]
pub struct Since {
    /// The index to resume after.
    pub after: Option<EntryIndex>,
    /// How many of the newest messages to begin with where nothing is resumed; all when not given.
    pub newest: Option<u32>,
}

impl Tenant {
    /// Follows what is said to and by a person.
    ///
    /// # Errors
    /// [`Refusal::Unavailable`] when it can't be read at present, or when this server does not write the log.
    pub async fn follow_customer(
        self: &Arc<Self>,
        channel: &ChannelAccount,
        person: &Person,
        Since { after, newest }: Since,
    ) -> Result<CustomerStream, Refusal> {
        if self.head().is_none() {
            return Err(Refusal::Unavailable);
        }
        let lookups = self.lookups(channel, person);
        let turn = lookups.turn().ok_or(Refusal::NotFound { what: "contact" })?;
        let mut stream = CustomerStream {
            tenant: Arc::clone(self),
            lookups,
            known: None,
            standing: None,
            place: None,
            // Before it is looked up: whoever comes to be in between is heard of.
            subscription: self.feed.subscribe(Whose::Stranger(turn)),
            cursor: after,
            newest,
            replaying: true,
            ready: VecDeque::new(),
        };
        stream.find().await?;
        Ok(stream)
    }

    /// Notes how far the customer's side has got their conversation. Only what is further than before is recorded.
    ///
    /// # Errors
    /// [`Refusal`] when it can't be recorded at present.
    pub async fn customer_seen(&self, channel: &ChannelAccount, person: &Person, marks: Marks) -> Result<(), Refusal> {
        let lookups = self.lookups(channel, person);
        for _ in 0..DECISIONS_MAX {
            let Some(row) = self.known(&lookups).await?.and_then(|contact| contact.open) else { return Ok(()) };
            let Some(further) = self.further(row.marks, marks) else { return Ok(()) };
            let actor = Actor { id: AccountId(row.subject.0), role: Role::Customer };
            match self.record(marked(actor, &row, further)).await {
                Ok(_) => return Ok(()),
                Err(RecordError::Conflict { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(Refusal::Conflict)
    }

    /// Notes what a customer who waits wishes instead. The same wish again changes nothing.
    ///
    /// # Errors
    /// [`Refusal::Invalid`] when the customer doesn't wait; [`Refusal`] when it can't be recorded at present.
    pub async fn customer_wishes(&self, channel: &ChannelAccount, person: &Person, wish: Wish) -> Result<(), Refusal> {
        let lookups = self.lookups(channel, person);
        for _ in 0..DECISIONS_MAX {
            let open = self.known(&lookups).await?.and_then(|contact| contact.open);
            let waits = open.filter(|row| row.state == ConversationState::Waiting);
            let expected = "a conversation that waits";
            let row = waits.ok_or(Refusal::Invalid { field: "wish", expected })?;
            if row.route.wish == Some(wish) {
                return Ok(());
            }
            let actor = Actor { id: AccountId(row.subject.0), role: Role::Customer };
            match self.record(wished(actor, &row, wish)).await {
                Ok(_) => return Ok(()),
                Err(RecordError::Conflict { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(Refusal::Conflict)
    }

    /// The receipt of a message that was said by or to a person: what they need to prove it without this server.
    ///
    /// # Errors
    /// [`Refusal::NotFound`] when no message of theirs has that index, [`Refusal::Unavailable`] while it is not published.
    pub async fn customer_receipt(
        &self,
        channel: &ChannelAccount,
        person: &Person,
        index: EntryIndex,
    ) -> Result<String, Refusal> {
        let missing = || Refusal::NotFound { what: "message" };
        let contact = self.known(&self.lookups(channel, person)).await?.ok_or_else(missing)?;
        let before = index.0.checked_sub(1).map(EntryIndex);
        let rows = self.ports.store.subject_messages(contact.subject, before, 1).await?;
        let (_, row) = rows.into_iter().find(|(_, row)| row.index == index).ok_or_else(missing)?;
        let sealer = self.ports.vault.sealer(contact.subject, &contact.key)?;
        self.receipt_of(&sealer, &row).await
    }

    /// What of `new` is further than `old`; nobody has got what is not recorded yet, and what was read has arrived.
    fn further(&self, old: Marks, new: Marks) -> Option<Marks> {
        let newest = EntryIndex(self.head()?.size.0.checked_sub(1)?);
        let bounded = |mark: Option<EntryIndex>| mark.map(|index| index.min(newest));
        let (read, delivered) = (bounded(new.read), bounded(new.delivered.max(new.read)));
        let further = Marks {
            delivered: delivered.filter(|index| Some(*index) > old.delivered),
            read: read.filter(|index| Some(*index) > old.read),
        };
        (further != Marks::default()).then_some(further)
    }

    /// Tells whoever has the conversation that its customer types.
    pub(super) fn customer_types(&self, conversation: ConversationRef) {
        self.feed.tell_staff(conversation, &Notice::Typing { conversation, customer: true });
    }
}

impl CustomerStream {
    /// What is to be told at once, oldest first; empty when everything so far was told. Must not be broken off.
    ///
    /// # Errors
    /// [`Refusal`] when it can't be read at present; the connection is to be begun again from the cursor.
    pub async fn tell(&mut self) -> Result<Vec<CustomerEvent>, Refusal> {
        if self.ready.is_empty() && self.replaying {
            self.replay().await?;
        }
        Ok(self.ready.drain(..).collect())
    }

    /// Waits for something to happen; may be broken off. `None`: begin again from the cursor.
    pub async fn wait(&mut self) -> Option<Notice> {
        self.subscription.next().await
    }

    /// A notice that is there already.
    pub fn ready(&mut self) -> Option<Notice> {
        self.subscription.ready()
    }

    /// Takes what was waited for; [`CustomerStream::tell`] tells it.
    ///
    /// # Errors
    /// As [`CustomerStream::tell`].
    pub async fn take(&mut self, notice: Notice) -> Result<(), Refusal> {
        match notice {
            Notice::Came => self.find().await?,
            Notice::Happened(happening) => self.happened(&happening)?,
            Notice::Typing { conversation, customer: false } => {
                self.ready.push_back(CustomerEvent::Typing { conversation: conversation.public });
            }
            Notice::Queue { conversation, position, wait_s, closed } => {
                // Told each second, and heard when it is another.
                let place = Some((position, wait_s, closed));
                if std::mem::replace(&mut self.place, place) != place {
                    let conversation = conversation.public;
                    self.ready.push_back(CustomerEvent::Queue { conversation, position, wait_s, closed });
                }
            }
            Notice::Typing { customer: true, .. } | Notice::Waiting { .. } | Notice::Viewers { .. } => {}
        }
        Ok(())
    }

    /// The customer types.
    pub fn types(&self) {
        if let Some((conversation, _, _)) = self.standing {
            self.tenant.customer_types(conversation);
        }
    }

    /// What to resume after.
    pub fn cursor(&self) -> Option<EntryIndex> {
        self.cursor
    }

    /// Looks the person up, and from then on follows what happens to them.
    async fn find(&mut self) -> Result<(), Refusal> {
        if self.known.is_some() {
            return Ok(());
        }
        // Made under another epoch, they would find nobody who came since: the connection is begun again.
        if self.lookups.epoch() != Some(self.tenant.ports.vault.newest_epoch()) {
            return Err(Refusal::Unavailable);
        }
        let Some(ContactRow { subject, key, .. }) = self.tenant.known(&self.lookups).await? else { return Ok(()) };
        let sealer = self.tenant.ports.vault.sealer(subject, &key)?;
        self.subscription = self.tenant.feed.subscribe(Whose::Customer(subject));
        self.known = Some((subject, sealer));
        // Read after the subscription, so that a change in between is either in the row or heard of.
        if let Some(row) = self.tenant.known(&self.lookups).await?.and_then(|contact| contact.open) {
            self.stands(&row);
        }
        self.replaying = true;
        Ok(())
    }

    fn stands(&mut self, row: &ConversationRow) {
        let (conversation, state, wish) = (row.conversation.public, row.state, row.route.wish);
        self.standing = Some((row.conversation, state, wish));
        self.ready.push_back(CustomerEvent::Stands(Standing { conversation, state, marks: Some(row.marks), wish }));
    }

    /// Reads one page of what was said since the cursor.
    async fn replay(&mut self) -> Result<(), Refusal> {
        if let Some((subject, sealer)) = &self.known {
            let store = &self.tenant.ports.store;
            let (rows, most) = match (self.cursor, self.newest) {
                (None, Some(newest)) => (store.earlier_messages(*subject, None, newest).await?, None),
                (cursor, _) => {
                    let rows = store.subject_messages(*subject, cursor, PAGE_ITEMS_MAX).await?;
                    (rows, Some(PAGE_ITEMS_MAX as usize))
                }
            };
            self.replaying = most.is_some_and(|most| rows.len() >= most);
            for (conversation, row) in rows {
                let place = row.place(self.cursor);
                let message = customer_message(sealer, conversation, &row)?;
                self.cursor = Some(place);
                self.ready.push_back(event(message, place));
            }
        } else {
            self.replaying = false;
        }
        if !self.replaying {
            self.ready.push_back(CustomerEvent::Live { cursor: self.cursor });
        }
        Ok(())
    }

    fn happened(&mut self, happening: &Happening) -> Result<(), Refusal> {
        let Some((_, sealer)) = &self.known else { return Ok(()) };
        let conversation = happening.conversation.public;
        if let Some(row) = &happening.message
            && self.cursor < Some(happening.index)
        {
            self.cursor = Some(happening.index);
            let message = customer_message(sealer, happening.conversation, row)?;
            self.ready.push_back(event(message, happening.index));
        }
        if let Some(change) = happening.change {
            self.changed(happening.conversation, change);
        }
        if let Some(until) = happening.viewed {
            self.ready.push_back(CustomerEvent::Read { conversation, until });
        }
        Ok(())
    }

    fn changed(&mut self, conversation: ConversationRef, change: Changed) {
        let Changed { state, marks, wish, .. } = change;
        // A wish is for as long as the conversation is not over.
        let is_over = matches!(state, ConversationState::Solved | ConversationState::Closed);
        let before = self.standing.filter(|(known, _, _)| *known == conversation && !is_over);
        let wish = wish.or_else(|| before.and_then(|(_, _, wish)| wish));
        let standing = Some((conversation, state, wish));
        if marks.is_some() || self.standing != standing {
            self.standing = standing;
            self.place = None;
            let conversation = conversation.public;
            self.ready.push_back(CustomerEvent::Stands(Standing { conversation, state, marks, wish }));
        }
    }
}

/// What a message is for whoever hears of it at a place of the log: new there, or masked again.
fn event(message: CustomerMessage, place: EntryIndex) -> CustomerEvent {
    if message.index == place { CustomerEvent::Said(message) } else { CustomerEvent::Again(message) }
}
