//! The columns that one batch inserts and updates, gathered so that each table is written by one statement.
//!
//! Several changes of one conversation or agent within a batch become one row: the first expected version and the last
//! values. A conversation that begins in the batch takes its later changes into the inserted row.

use std::collections::HashMap;

use uuid::Uuid;

use super::state::{Overlay, Tip};
use crate::domain::file::NewFile;
use crate::domain::record::{
    AccountChange, AmendmentChange, ConversationChange, ConversationState, Dedup, DraftChange, Effect, EpochChange,
    ErasureChange, HoldChange, Marks, NewAccount, NewConversation, NewIdentity, NewMessage, NewNote, NewSubject,
    PasswordChange, PolicyChange, Remasked, ReplyChange, ReportChange, RouteChange, RunChange, SubjectChange,
    UnmaskingChange,
};
use crate::units::{
    AccountId, ChannelAccount, ConversationKey, EntryIndex, MessageId, MessageSeq, SubjectId, Timestamp, Version,
};

/// A conversation that exists already: changed, or only touched by an entry about it.
pub(super) struct ConversationUpdate {
    pub(super) key: ConversationKey,
    pub(super) subject: SubjectId,
    pub(super) expected: Version,
    pub(super) version: Version,
    pub(super) state: Option<ConversationState>,
    pub(super) agent: Option<AccountId>,
    pub(super) last: Option<MessageSeq>,
    pub(super) last_agent: Option<AccountId>,
    pub(super) channel: Option<ChannelAccount>,
    pub(super) marks: Marks,
    pub(super) touched_at: Timestamp,
}

/// A conversation that begins.
pub(super) struct ConversationInsert {
    pub(super) new: NewConversation,
    pub(super) opened: EntryIndex,
    pub(super) opened_at: Timestamp,
    pub(super) version: Version,
    pub(super) state: ConversationState,
    pub(super) agent: Option<AccountId>,
    pub(super) last: MessageSeq,
    pub(super) touched_at: Timestamp,
}

/// An agent's new load.
pub(super) struct AgentUpdate {
    pub(super) agent: AccountId,
    pub(super) expected: Version,
    pub(super) version: Version,
    pub(super) load: i32,
    pub(super) idle_since: Timestamp,
    pub(super) skills: Option<String>,
}

/// What is rare enough to be written one by one.
pub(super) enum Single {
    Account(NewAccount, Timestamp),
    Password(PasswordChange),
    Policy(PolicyChange, EntryIndex),
    Change(AccountChange),
    Note(NewNote, EntryIndex, Timestamp),
    File(MessageId, NewFile, EntryIndex),
    Remasked(Box<Remasked>, EntryIndex),
    Reply(ReplyChange, EntryIndex, Timestamp),
    Erasure(ErasureChange, EntryIndex, Timestamp),
    Hold(HoldChange, EntryIndex, Timestamp),
    Subject(SubjectChange),
    Epoch(EpochChange, EntryIndex, Timestamp),
    Amendment(Box<AmendmentChange>, EntryIndex, Timestamp),
    Report(ReportChange, EntryIndex, Timestamp),
    Unmasking(UnmaskingChange, EntryIndex, Timestamp),
    Run(Box<RunChange>, EntryIndex, Timestamp),
    Draft(DraftChange, EntryIndex, Timestamp),
}

/// The columns of one batch.
#[derive(Default)]
pub(super) struct Rows {
    pub(super) dedup: Vec<(Dedup, EntryIndex)>,
    pub(super) subjects: Vec<NewSubject>,
    pub(super) identities: Vec<NewIdentity>,
    pub(super) messages: Vec<(NewMessage, EntryIndex, Timestamp)>,
    pub(super) inserts: Vec<ConversationInsert>,
    pub(super) updates: Vec<ConversationUpdate>,
    pub(super) routes: Vec<RouteChange>,
    pub(super) agents: Vec<AgentUpdate>,
    pub(super) singles: Vec<Single>,
    /// People whom entries are about that are about no conversation.
    pub(super) touched: Vec<SubjectId>,
    insert_at: HashMap<ConversationKey, usize>,
    update_at: HashMap<ConversationKey, usize>,
    agent_at: HashMap<AccountId, usize>,
}

impl Rows {
    /// Takes the effects of one entry.
    pub(super) fn add(&mut self, effects: &[Effect], index: EntryIndex, time: Timestamp) {
        for effect in effects {
            match effect {
                Effect::NewSubject(new) => self.subject(new),
                Effect::Identity(new) => self.identities.push(new.clone()),
                Effect::NewConversation(new) => self.insert(new.clone(), index, time),
                Effect::NewMessage(new) => {
                    let file = new.file.clone().map(|file| Single::File(new.id, file, index));
                    self.singles.extend(file);
                    self.messages.push((new.clone(), index, time));
                }
                Effect::Remasked(again) => self.singles.push(Single::Remasked(again.clone(), index)),
                Effect::NewNote(new) => self.singles.push(Single::Note(new.clone(), index, time)),
                Effect::Reply(change) => self.singles.push(Single::Reply(change.clone(), index, time)),
                Effect::Conversation(change) => self.change(change, time),
                Effect::Route(change) => self.route(change),
                Effect::Agent(change) => self.agent(AgentUpdate {
                    agent: change.agent,
                    expected: change.expected,
                    version: change.expected.next(),
                    load: change.load,
                    idle_since: change.idle_since,
                    skills: change.skills.as_ref().map(|skills| skills.join(" ")),
                }),
                Effect::NewAccount(new) => self.singles.push(Single::Account(new.clone(), time)),
                Effect::Password(change) => self.singles.push(Single::Password(change.clone())),
                Effect::Policy(change) => self.singles.push(Single::Policy(change.clone(), index)),
                Effect::Account(change) => self.singles.push(Single::Change(change.clone())),
                Effect::Erasure(change) => self.singles.push(Single::Erasure(*change, index, time)),
                Effect::Hold(change) => self.singles.push(Single::Hold(*change, index, time)),
                Effect::Subject(change) => self.singles.push(Single::Subject(*change)),
                Effect::Epoch(change) => self.singles.push(Single::Epoch(*change, index, time)),
                Effect::Amendment(change) => self.singles.push(Single::Amendment(change.clone(), index, time)),
                Effect::Report(change) => self.singles.push(Single::Report(*change, index, time)),
                Effect::Unmasking(change) => self.singles.push(Single::Unmasking(*change, index, time)),
                Effect::Run(change) => self.singles.push(Single::Run(change.clone(), index, time)),
                Effect::Draft(change) => self.singles.push(Single::Draft(change.clone(), index, time)),
            }
        }
    }

    fn subject(&mut self, new: &NewSubject) {
        let NewSubject { id, identity, epoch, .. } = *new;
        let sealed = new.sealed_identity.clone();
        self.identities.push(NewIdentity { lookup: identity, epoch, subject: id, sealed });
        self.subjects.push(new.clone());
    }

    fn change(&mut self, change: &ConversationChange, time: Timestamp) {
        if let Some(row) = self.insert_at.get(&change.conversation).and_then(|at| self.inserts.get_mut(*at)) {
            row.version = change.expected.next();
            row.state = change.state;
            row.agent = change.agent;
            row.last = change.last;
            row.touched_at = time;
        } else if let Some(row) = self.update_at.get(&change.conversation).and_then(|at| self.updates.get_mut(*at)) {
            row.version = change.expected.next();
            row.state = Some(change.state);
            row.agent = change.agent;
            row.last = Some(change.last);
            row.last_agent = change.last_agent.or(row.last_agent);
            row.channel = change.channel.clone().or(row.channel.take());
            if let Some(Marks { delivered, read }) = change.marks {
                row.marks = Marks { delivered: delivered.or(row.marks.delivered), read: read.or(row.marks.read) };
            } else {
                row.touched_at = time;
            }
        }
    }

    fn insert(&mut self, new: NewConversation, opened: EntryIndex, opened_at: Timestamp) {
        self.insert_at.insert(new.conversation.key, self.inserts.len());
        self.inserts.push(ConversationInsert {
            new,
            opened,
            opened_at,
            version: Version::FIRST,
            state: ConversationState::Waiting,
            agent: None,
            last: MessageSeq(0),
            touched_at: opened_at,
        });
    }

    fn route(&mut self, change: &RouteChange) {
        match self.routes.iter_mut().find(|known| known.conversation == change.conversation) {
            Some(known) => known.route = change.route.clone(),
            None => self.routes.push(change.clone()),
        }
    }

    fn agent(&mut self, change: AgentUpdate) {
        let at = *self.agent_at.entry(change.agent).or_insert(self.agents.len());
        match self.agents.get_mut(at) {
            Some(row) => {
                row.version = change.version;
                row.load = change.load;
                row.idle_since = change.idle_since;
                row.skills = change.skills.or(row.skills.take());
            }
            None => self.agents.push(change),
        }
    }

    /// Marks a conversation as touched by an entry, at the version that the overlay knew before the entry's effects.
    pub(super) fn touch(&mut self, key: ConversationKey, subject: SubjectId, version: Version) {
        if self.insert_at.contains_key(&key) || self.update_at.contains_key(&key) {
            return;
        }
        self.update_at.insert(key, self.updates.len());
        self.updates.push(ConversationUpdate {
            key,
            subject,
            expected: version,
            version,
            state: None,
            agent: None,
            last: None,
            last_agent: None,
            channel: None,
            marks: Marks::default(),
            touched_at: Timestamp::from_micros(0),
        });
    }

    /// The channel accounts that the rows name; one may come more than once.
    pub(super) fn channels(&self) -> impl Iterator<Item = &ChannelAccount> {
        let opened = self.inserts.iter().map(|row| &row.new.channel);
        let changed = self.updates.iter().filter_map(|row| row.channel.as_ref());
        opened.chain(changed).chain(self.messages.iter().map(|(new, ..)| &new.channel))
    }
}

/// Chain tips of conversations, as columns.
#[derive(Default)]
pub(super) struct TipColumns {
    pub(super) n: Vec<i64>,
    pub(super) seq: Vec<i64>,
    pub(super) leaf: Vec<Vec<u8>>,
    pub(super) subject_n: Vec<i64>,
    pub(super) subject_seq: Vec<i64>,
    pub(super) subject_leaf: Vec<Vec<u8>>,
}

impl TipColumns {
    /// Reads the tips of each conversation and its subject out of the overlay.
    pub(super) fn of(overlay: &Overlay, rows: impl Iterator<Item = (ConversationKey, SubjectId)>) -> Self {
        let mut columns = Self::default();
        for (key, subject) in rows {
            let own = overlay.conversations.get(&key).copied().flatten();
            push(own, &mut columns.n, &mut columns.seq, &mut columns.leaf);
            let whole = overlay.subjects.get(&subject).copied().flatten();
            push(whole, &mut columns.subject_n, &mut columns.subject_seq, &mut columns.subject_leaf);
        }
        columns
    }
}

fn push(tip: Option<Tip>, n: &mut Vec<i64>, seq: &mut Vec<i64>, leaf: &mut Vec<Vec<u8>>) {
    n.push(tip.map_or(-1, |tip| signed(tip.n)));
    seq.push(tip.map_or(-1, |tip| signed(tip.seq.0)));
    leaf.push(tip.map_or_else(Vec::new, |tip| tip.leaf.as_bytes().to_vec()));
}

/// An index or count as PostgreSQL's bigint; entries refuse more than 2^53 long before this could overflow.
pub(super) fn signed(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

/// An account's pseudonym as a column value.
pub(super) fn account(id: Option<AccountId>) -> Option<Uuid> {
    id.map(AccountId::to_uuid)
}
