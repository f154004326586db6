//! What a member of staff hears while they hold a connection: which conversations are theirs, what happens in them, and
//! what is said in those that they have open.
//!
//! Opening a conversation is an entry before anything of it is shown, and leaving it is one too when more was shown since.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use super::desk::view;
use super::feed::Whose;
use super::notes::shown_note;
use super::presence::Attached;
use super::proposals::about;
use super::transcript::shown_message;
use super::{Note, Notice, Refusal, Staff, Subscription, Tenant, TranscriptMessage, Viewer};
use crate::domain::access::{Action, allows};
use crate::domain::event::Event;
use crate::domain::record::{ConversationState, Draft, Marks, Proposal};
use crate::limits::{DESK_OPEN_MAX, PAGE_ITEMS_MAX, STAFF_TYPING_MS};
use crate::ports::{ConversationFilter, ConversationRow, Happening, SharedSealer, Unmasked};
use crate::units::{AccountId, ConversationId, ConversationKey, EntryIndex, Timestamp};

/// What the desk hears.
#[derive(Clone, Debug)]
pub enum DeskEvent {
    /// Everything that is one's own was listed; from here on it is live.
    Live,
    /// A conversation, whole: it is one's own from here on, or was opened.
    Conversation(ConversationRow),
    /// A conversation stands somewhere else.
    Moved {
        /// The conversation.
        conversation: ConversationId,
        /// Index of the entry that says so.
        index: EntryIndex,
        /// Its state.
        state: ConversationState,
        /// Who holds it.
        agent: Option<AccountId>,
        /// How far the customer's side has got it, when that changed.
        marks: Option<Marks>,
    },
    /// Something was said in a conversation that is open here.
    Said {
        /// The conversation.
        conversation: ConversationId,
        /// The message.
        message: TranscriptMessage,
    },
    /// An internal note was written about a conversation that is open here.
    Noted {
        /// The conversation.
        conversation: ConversationId,
        /// The note.
        note: Note,
    },
    /// Something was said in a conversation that is not open here.
    Stirred {
        /// The conversation.
        conversation: ConversationId,
        /// Index of the message's entry.
        index: EntryIndex,
        /// Whether the bank wrote it.
        outbound: bool,
    },
    /// Somebody asked to open a masked value of a conversation, or that was decided on or done.
    Unmasking {
        /// The conversation.
        conversation: ConversationId,
        /// What became of the request.
        unmasked: Unmasked,
    },
    /// The customer types.
    Typing {
        /// Where.
        conversation: ConversationId,
    },
    /// Who has a conversation open that is open here, too.
    Viewers {
        /// The conversation.
        conversation: ConversationId,
        /// Each account once, one's own among them.
        viewers: Arc<[Viewer]>,
    },
    /// How many conversations wait.
    Waiting {
        /// Their number.
        count: u32,
    },
}

/// A conversation that is open at a desk.
struct OpenHere {
    row: ConversationRow,
    sealer: SharedSealer,
    cursor: Option<EntryIndex>,
    caught_up: bool,
    noted: Option<EntryIndex>,
    recorded: Option<EntryIndex>,
}

/// One connection of a member of staff.
pub struct DeskStream {
    tenant: Arc<Tenant>,
    staff: Staff,
    subscription: Subscription,
    open: HashMap<ConversationKey, OpenHere>,
    waiting: Option<u32>,
    ready: VecDeque<DeskEvent>,
    _attached: Attached,
}

impl Tenant {
    /// Follows what happens at a desk.
    ///
    /// # Errors
    /// [`Refusal::Forbidden`] when the role has no desk, [`Refusal::Unavailable`] when this server does not write the log.
    pub async fn follow_desk(self: &Arc<Self>, staff: Staff) -> Result<DeskStream, Refusal> {
        staff.may(Action::Converse)?;
        if self.head().is_none() {
            return Err(Refusal::Unavailable);
        }
        let whose = if allows(staff.role, Action::Supervise) { Whose::Everybody } else { Whose::Holder(staff.account) };
        // Before the list is read: what changes in between is heard of.
        let subscription = self.feed.subscribe(whose);
        let attached = self.attach(&staff).await?;
        let mut ready = VecDeque::new();
        let mut after = None;
        loop {
            let filter = ConversationFilter {
                state: Some(ConversationState::Assigned),
                agent: Some(staff.account),
                queue: None,
                newest_first: false,
                after,
                limit: PAGE_ITEMS_MAX,
            };
            let rows = self.ports.store.conversations(filter).await?;
            for row in &rows {
                self.feed.held(row.conversation, staff.account);
            }
            after = rows.last().map(|row| row.opened);
            let is_last = rows.len() < PAGE_ITEMS_MAX as usize;
            ready.extend(rows.into_iter().map(DeskEvent::Conversation));
            if is_last {
                break;
            }
        }
        ready.push_back(DeskEvent::Live);
        let tenant = Arc::clone(self);
        let open = HashMap::new();
        Ok(DeskStream { tenant, staff, subscription, open, waiting: None, ready, _attached: attached })
    }
}

impl DeskStream {
    /// What is to be told at once. Must not be broken off.
    pub fn tell(&mut self) -> Vec<DeskEvent> {
        self.ready.drain(..).collect()
    }

    /// Waits for something to happen; may be broken off. `None`: begin again.
    pub async fn wait(&mut self) -> Option<Notice> {
        self.subscription.next().await
    }

    /// Takes what was waited for; [`DeskStream::tell`] tells it.
    ///
    /// # Errors
    /// [`Refusal`] when it can't be read at present.
    pub async fn take(&mut self, notice: Notice) -> Result<(), Refusal> {
        match notice {
            Notice::Happened(happening) => self.happened(&happening).await?,
            Notice::Typing { conversation, customer: true } => {
                self.ready.push_back(DeskEvent::Typing { conversation: conversation.public });
            }
            Notice::Waiting { count } => {
                // Told each second, and heard when it is another.
                if self.waiting.replace(count) != Some(count) {
                    self.ready.push_back(DeskEvent::Waiting { count });
                }
            }
            Notice::Viewers { conversation, viewers } => {
                if self.open.contains_key(&conversation.key) {
                    self.ready.push_back(DeskEvent::Viewers { conversation: conversation.public, viewers });
                }
            }
            Notice::Typing { customer: false, .. } | Notice::Queue { .. } | Notice::Came => {}
        }
        Ok(())
    }

    /// Whether the member of staff may still be here.
    ///
    /// # Errors
    /// As [`Tenant::still_here`].
    pub async fn check(&self) -> Result<(), Refusal> {
        self.tenant.still_here(&self.staff).await
    }

    /// Opens a conversation, which is recorded, and shows what was said in it after a log index; from then on live.
    ///
    /// # Errors
    /// As [`Tenant::open_transcript`]; [`Refusal::Invalid`] when too many are open.
    pub async fn open(&mut self, id: ConversationId, after: Option<EntryIndex>) -> Result<(), Refusal> {
        if self.open.len() >= DESK_OPEN_MAX && !self.open.values().any(|open| open.row.conversation.public == id) {
            return Err(Refusal::Invalid { field: "conversation", expected: "at most 64 open at a time: leave one" });
        }
        let follows = |until| Event::TranscriptFollowed { until };
        let transcript = self.tenant.transcript(&self.staff, id, (after, PAGE_ITEMS_MAX), follows).await?;
        let row = transcript.conversation;
        let sealer = self.tenant.sealer(row.subject).await?;
        let caught_up = transcript.messages.len() < PAGE_ITEMS_MAX as usize;
        let cursor = transcript.messages.last().map(|message| message.place(after)).or(after);
        self.ready.push_back(DeskEvent::Conversation(row.clone()));
        // Where more is to come, the notes behind it come with it.
        let is_shown = |note: &Note| Some(note.index) > after && (caught_up || Some(note.index) <= cursor);
        let notes: Vec<Note> = transcript.notes.into_iter().filter(is_shown).collect();
        let noted = notes.last().map(|note| note.index);
        let said = |message: TranscriptMessage| (message.place(after), DeskEvent::Said { conversation: id, message });
        let written = notes.into_iter().map(|note| (note.index, DeskEvent::Noted { conversation: id, note }));
        let mut shown: Vec<(EntryIndex, DeskEvent)> =
            transcript.messages.into_iter().map(said).chain(written).collect();
        shown.sort_by_key(|(index, _)| *index);
        self.ready.extend(shown.into_iter().map(|(_, event)| event));
        let open = OpenHere { row, sealer, cursor, caught_up, noted, recorded: cursor };
        self.tenant.feed.view(open.row.conversation, self.staff.account, &self.subscription);
        self.open.insert(open.row.conversation.key, open);
        Ok(())
    }

    /// Leaves a conversation; what was shown since it was opened is recorded.
    ///
    /// # Errors
    /// [`Refusal`] when it can't be recorded at present; it stays open then.
    pub async fn leave(&mut self, id: ConversationId) -> Result<(), Refusal> {
        let found = self.open.iter().find(|(_, open)| open.row.conversation.public == id).map(|(key, _)| *key);
        let Some(key) = found else { return Ok(()) };
        self.record_shown(key).await?;
        self.hide(key);
        Ok(())
    }

    fn hide(&mut self, key: ConversationKey) {
        self.open.remove(&key);
        self.tenant.feed.unview(key, &self.subscription);
    }

    /// Leaves everything; the connection is over.
    ///
    /// # Errors
    /// As [`DeskStream::leave`].
    pub async fn end(mut self) -> Result<(), Refusal> {
        let keys: Vec<ConversationKey> = self.open.keys().copied().collect();
        for key in keys {
            self.record_shown(key).await?;
        }
        Ok(())
    }

    /// The member of staff types in a conversation that they have open.
    pub fn types(&self, id: ConversationId) {
        if let Some(open) = self.open.values().find(|open| open.row.conversation.public == id) {
            let conversation = open.row.conversation;
            let until = self.tenant.ports.clock.now().as_micros() + STAFF_TYPING_MS * 1_000;
            let until = Some(Timestamp::from_micros(until));
            self.tenant.feed.types(conversation.key, &self.subscription, until);
            self.tenant.feed.tell_customer(open.row.subject, &Notice::Typing { conversation, customer: false });
        }
    }

    /// Records up to where a conversation was shown, when that is further than what is recorded.
    async fn record_shown(&mut self, key: ConversationKey) -> Result<(), Refusal> {
        let Some(open) = self.open.get_mut(&key) else { return Ok(()) };
        if open.cursor <= open.recorded {
            return Ok(());
        }
        let draft = about(Draft::of(Event::TranscriptViewed { until: open.cursor }, self.staff.actor()), &open.row);
        self.tenant.record(Proposal::single(draft, Vec::new())).await?;
        open.recorded = open.cursor;
        Ok(())
    }

    async fn happened(&mut self, happening: &Happening) -> Result<(), Refusal> {
        let conversation = happening.conversation.public;
        if let Some(change) = happening.change {
            let is_mine = change.state == ConversationState::Assigned && change.agent == Some(self.staff.account);
            if is_mine
                && happening.message.is_none()
                && change.marks.is_none()
                && let Some(row) = self.tenant.ports.store.conversation(conversation).await?
            {
                self.ready.push_back(DeskEvent::Conversation(row));
            }
            if happening.message.is_none() || change.state == ConversationState::Waiting {
                let (index, state, agent, marks) = (happening.index, change.state, change.agent, change.marks);
                self.ready.push_back(DeskEvent::Moved { conversation, index, state, agent, marks });
            }
            let keeps = is_mine || allows(self.staff.role, Action::Supervise);
            if !keeps && self.open.contains_key(&happening.conversation.key) {
                self.record_shown(happening.conversation.key).await?;
                self.hide(happening.conversation.key);
            }
        }
        if let Some(unmasked) = happening.unmask {
            self.ready.push_back(DeskEvent::Unmasking { conversation, unmasked });
        }
        self.noted(happening)?;
        let Some(row) = &happening.message else { return Ok(()) };
        let view = view(&self.staff);
        match self.open.get_mut(&happening.conversation.key) {
            Some(open) if open.caught_up => {
                if open.cursor < Some(happening.index) {
                    open.cursor = Some(happening.index);
                    if row.remasked.is_none() && row.author == Some(self.staff.account) {
                        self.tenant.feed.types(happening.conversation.key, &self.subscription, None);
                    }
                    let message = shown_message(&open.sealer, row, view, self.tenant.policy().as_deref())?;
                    self.ready.push_back(DeskEvent::Said { conversation, message });
                }
            }
            // What is said to be masked again is shown so when it is opened.
            Some(_) | None if row.remasked.is_some() => {}
            Some(_) | None => {
                let (index, outbound) = (row.index, row.outbound);
                self.ready.push_back(DeskEvent::Stirred { conversation, index, outbound });
            }
        }
        Ok(())
    }

    fn noted(&mut self, happening: &Happening) -> Result<(), Refusal> {
        let (Some(row), Some(open)) = (&happening.note, self.open.get_mut(&happening.conversation.key)) else {
            return Ok(());
        };
        if open.caught_up && open.noted < Some(happening.index) {
            open.noted = Some(happening.index);
            let note = shown_note(&open.sealer, row, view(&self.staff), self.tenant.policy().as_deref())?;
            self.ready.push_back(DeskEvent::Noted { conversation: happening.conversation.public, note });
        }
        Ok(())
    }
}
