//! What is remembered of people and of their open conversations, so that a message needs no question to the database.
//!
//! Only the server that writes the log changes either, and every change passes [`Tenant::record`], which notes it here once
//! it is recorded. Nothing relies on it being the newest: the recorder compares versions, and what was decided on an old
//! one is decided again. It deliberately holds no text.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use tokio::sync::{Mutex as AsyncMutex, OwnedMutexGuard};

use super::Tenant;
use crate::domain::record::{ConversationChange, ConversationState, Effect, Outcome, Proposal};
use crate::limits::TAILS_MAX;
use crate::ports::{ConversationRow, RecordError, SharedSealer};
use crate::telemetry::{Occurrence, emit};
use crate::units::{AccountId, ConversationKey, ConversationRef, MessageSeq, SubjectId, Version};

/// A bounded map of things shared by whoever works on the same key.
pub(super) struct Shared<K, V>(Mutex<HashMap<K, Arc<V>>>);

impl<K, V> Default for Shared<K, V> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<K: Hash + Eq, V: Default> Shared<K, V> {
    pub(super) fn get(&self, key: K) -> Arc<V> {
        let mut map = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if map.len() >= TAILS_MAX {
            // Whoever works on one holds it too; the others can be made again.
            map.retain(|_, value| Arc::strong_count(value) > 1);
        }
        Arc::clone(map.entry(key).or_default())
    }

    fn all(&self) -> Vec<Arc<V>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).values().cloned().collect()
    }

    pub(super) fn clear(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

/// A person who was seen before.
#[derive(Clone)]
pub(super) struct Known {
    pub(super) subject: SubjectId,
    pub(super) sealer: SharedSealer,
    /// Their newest conversation; it may be over.
    pub(super) conversation: ConversationKey,
}

/// Somebody's turn: until it is dropped, their next message waits.
pub(super) type Turn = OwnedMutexGuard<Option<Known>>;

/// A conversation that is not over.
#[derive(Clone, Copy)]
pub(super) struct Open {
    pub(super) conversation: ConversationRef,
    pub(super) version: Version,
    pub(super) last: MessageSeq,
    pub(super) state: ConversationState,
    pub(super) agent: Option<AccountId>,
}

impl From<&ConversationRow> for Open {
    fn from(row: &ConversationRow) -> Self {
        let ConversationRow { conversation, version, last_message: last, state, agent, .. } = *row;
        Self { conversation, version, last, state, agent }
    }
}

/// People whose turn it is, and conversations that are not over.
#[derive(Default)]
pub(super) struct Memory {
    people: Shared<[u8; 32], AsyncMutex<Option<Known>>>,
    open: Mutex<HashMap<ConversationKey, Open>>,
}

impl Memory {
    /// Lets the messages of one person, by the name that guards against duplicates, pass one after the other.
    pub(super) async fn turn(&self, sender: [u8; 32]) -> Turn {
        self.people.get(sender).lock_owned().await
    }

    /// Forgets a person, whatever they are known by; waits for messages of theirs that are under way.
    pub(super) async fn forget_person(&self, subject: SubjectId) {
        for known in self.people.all() {
            let mut known = known.lock().await;
            if known.as_ref().is_some_and(|known| known.subject == subject) {
                *known = None;
            }
        }
    }

    /// A conversation as last heard of, when it is not over.
    pub(super) fn open(&self, key: ConversationKey) -> Option<Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner).get(&key).copied()
    }

    /// Takes in what was read or decided, unless something newer is known.
    pub(super) fn put(&self, open: Open) {
        let mut map = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if map.len() >= TAILS_MAX {
            map.clear();
        }
        let known = map.entry(open.conversation.key).or_insert(open);
        if known.version < open.version {
            *known = open;
        }
    }

    /// Lets everything be read again.
    pub(super) fn forget(&self) {
        self.people.clear();
        self.open.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    fn take(&self, change: &Change) {
        match *change {
            Change::Opened(conversation) => self.put(Open {
                conversation,
                version: Version::FIRST,
                last: MessageSeq(0),
                state: ConversationState::Waiting,
                agent: None,
            }),
            Change::Closed(key) => {
                self.open.lock().unwrap_or_else(PoisonError::into_inner).remove(&key);
            }
            Change::Moved { key, version, last, state, agent } => {
                if let Some(known) = self.open(key) {
                    self.put(Open { conversation: known.conversation, version, last, state, agent });
                }
            }
        }
    }
}

/// What a proposal does to a conversation.
enum Change {
    Opened(ConversationRef),
    Moved {
        key: ConversationKey,
        version: Version,
        last: MessageSeq,
        state: ConversationState,
        agent: Option<AccountId>,
    },
    Closed(ConversationKey),
}

impl Change {
    /// Whether somebody begins to wait or a slot becomes free. Whoever waits already and says more changes neither.
    fn is_for_matcher(&self, memory: &Memory) -> bool {
        match self {
            Self::Opened(_) | Self::Closed(_) => true,
            Self::Moved { key, state, .. } => match state {
                ConversationState::Assigned => false,
                ConversationState::Waiting => memory.open(*key).is_none_or(|known| known.state != *state),
                ConversationState::Closed | ConversationState::Solved => true,
            },
        }
    }

    fn of(effect: &Effect) -> Option<Self> {
        match effect {
            Effect::NewConversation(new) => Some(Self::Opened(new.conversation)),
            Effect::Conversation(change) => {
                let ConversationChange { conversation: key, expected, state, agent, last, .. } = *change;
                Some(match state {
                    ConversationState::Closed => Self::Closed(key),
                    ConversationState::Waiting | ConversationState::Assigned | ConversationState::Solved => {
                        Self::Moved { key, version: expected.next(), last, state, agent }
                    }
                })
            }
            Effect::NewSubject(_)
            | Effect::Identity(_)
            | Effect::NewMessage(_)
            | Effect::NewNote(_)
            | Effect::Remasked(_)
            | Effect::Reply(_)
            | Effect::Route(_)
            | Effect::Agent(_)
            | Effect::NewAccount(_)
            | Effect::Password(_)
            | Effect::Policy(_)
            | Effect::Account(_)
            | Effect::Erasure(_)
            | Effect::Amendment(_)
            | Effect::Report(_)
            | Effect::Unmasking(_)
            | Effect::Run(_)
            | Effect::Draft(_)
            | Effect::Hold(_)
            | Effect::Subject(_)
            | Effect::Epoch(_) => None,
        }
    }
}

impl Tenant {
    /// Records, and remembers what that changed. Whoever begins to wait, or frees a slot, wakes the matcher.
    pub(super) async fn record(&self, proposal: Proposal) -> Result<Outcome, RecordError> {
        let changes: Vec<Change> =
            proposal.steps.iter().flat_map(|step| &step.effects).filter_map(Change::of).collect();
        let began = Instant::now();
        let recorded = self.ports.recorder.record(proposal).await;
        emit(&Occurrence::Acknowledged { tenant: &self.name.name, waited: began.elapsed() });
        if let Ok(Outcome::Recorded(..)) = &recorded {
            let is_for_matcher = changes.iter().any(|change| change.is_for_matcher(&self.memory));
            for change in &changes {
                self.memory.take(change);
            }
            if is_for_matcher {
                self.waiting.notify_one();
            }
        }
        recorded
    }
}
