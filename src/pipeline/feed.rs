//! Who hears at once what is recorded: customers' sockets by person, staff's by who holds a conversation.
//!
//! The log is the truth and its index the cursor; this only saves asking. Each follower has a bounded queue: whoever reads
//! too slowly is dropped, comes again and resumes by cursor, so that one slow reader can neither hold up the recorder nor
//! fill the memory. It holds sealed messages only and deliberately renders none.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use tokio::sync::mpsc;

use super::Tenant;
use crate::domain::record::ConversationState;
use crate::limits::FEED_NOTICES_MAX;
use crate::ports::{Follower, Happening, IdentityLookup};
use crate::units::{AccountId, ConversationKey, ConversationRef, SubjectId, Timestamp};

/// What a follower hears.
#[derive(Clone)]
pub enum Notice {
    /// Something was recorded.
    Happened(Arc<Happening>),
    /// Somebody types; nothing of it is kept.
    Typing {
        /// Where.
        conversation: ConversationRef,
        /// Whether it is the customer.
        customer: bool,
    },
    /// Somebody unknown so far has said something for the first time.
    Came,
    /// How many conversations wait.
    Waiting {
        /// Their number.
        count: u32,
    },
    /// Where a conversation stands in its queue.
    Queue {
        /// The conversation.
        conversation: ConversationRef,
        /// 1 is next.
        position: u32,
        /// How long it will still take, in seconds, if that can be told.
        wait_s: Option<u64>,
        /// When the queue is served again; `None`: it is served at present.
        closed: Option<Reopens>,
    },
}

/// When a queue that is closed is served again, if that is known.
pub type Reopens = Option<Timestamp>;

/// Whose notices.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Whose {
    /// That somebody who is not known yet comes to be.
    Stranger(IdentityLookup),
    /// All of a customer's.
    Customer(SubjectId),
    /// Those of conversations that a member of staff holds or has just given away.
    Holder(AccountId),
    /// Everything.
    Everybody,
}

struct Sink {
    id: u64,
    queue: mpsc::Sender<Notice>,
}

#[derive(Default)]
struct Inner {
    strangers: HashMap<IdentityLookup, Vec<Sink>>,
    customers: HashMap<SubjectId, Vec<Sink>>,
    holders: HashMap<AccountId, Vec<Sink>>,
    everybody: Vec<Sink>,
    held: HashMap<ConversationKey, AccountId>,
    next: u64,
}

/// The followers of one tenant's log.
#[derive(Default)]
pub(super) struct Feed(Arc<Mutex<Inner>>);

/// A place in the feed; dropping it gives the place back.
pub struct Subscription {
    whose: Whose,
    id: u64,
    queue: mpsc::Receiver<Notice>,
    feed: Weak<Mutex<Inner>>,
}

impl Subscription {
    /// The next notice; `None` when this follower was too slow or the server no longer writes the log.
    pub async fn next(&mut self) -> Option<Notice> {
        self.queue.recv().await
    }

    /// A notice that is there already.
    pub fn ready(&mut self) -> Option<Notice> {
        self.queue.try_recv().ok()
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        let Some(feed) = self.feed.upgrade() else { return };
        let mut inner = locked(&feed);
        let id = self.id;
        match self.whose {
            Whose::Stranger(lookup) => forget(&mut inner.strangers, &lookup, id),
            Whose::Customer(subject) => forget(&mut inner.customers, &subject, id),
            Whose::Holder(account) => forget(&mut inner.holders, &account, id),
            Whose::Everybody => inner.everybody.retain(|sink| sink.id != id),
        }
    }
}

fn forget<K: std::hash::Hash + Eq>(map: &mut HashMap<K, Vec<Sink>>, key: &K, id: u64) {
    if let Some(sinks) = map.get_mut(key) {
        sinks.retain(|sink| sink.id != id);
        if sinks.is_empty() {
            map.remove(key);
        }
    }
}

fn locked(inner: &Mutex<Inner>) -> MutexGuard<'_, Inner> {
    inner.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Hands a notice to each; those whose queue is full lose their place.
fn tell(sinks: &mut Vec<Sink>, notice: &Notice) {
    sinks.retain(|sink| sink.queue.try_send(notice.clone()).is_ok());
}

impl Inner {
    fn happened(&mut self, happening: Happening) {
        let before = self.held.get(&happening.conversation.key).copied();
        let after = self.hold(&happening).or(before);
        let subject = happening.subject;
        let notice = Notice::Happened(Arc::new(happening));
        self.tell_customer(subject, &notice);
        self.tell_staff([before, after], &notice);
    }

    /// Notes who holds the conversation from here on.
    fn hold(&mut self, happening: &Happening) -> Option<AccountId> {
        let change = happening.change?;
        let key = happening.conversation.key;
        match (change.state, change.agent) {
            (ConversationState::Assigned, Some(agent)) => {
                self.held.insert(key, agent);
                Some(agent)
            }
            (ConversationState::Assigned, None)
            | (ConversationState::Waiting | ConversationState::Closed | ConversationState::Solved, _) => {
                self.held.remove(&key);
                None
            }
        }
    }

    fn tell_customer(&mut self, subject: SubjectId, notice: &Notice) {
        if let Some(sinks) = self.customers.get_mut(&subject) {
            tell(sinks, notice);
        }
    }

    fn tell_staff(&mut self, holders: [Option<AccountId>; 2], notice: &Notice) {
        let [before, after] = holders;
        for holder in before.into_iter().chain(after.filter(|after| Some(*after) != before)) {
            if let Some(sinks) = self.holders.get_mut(&holder) {
                tell(sinks, notice);
            }
        }
        tell(&mut self.everybody, notice);
    }
}

impl Feed {
    pub(super) fn subscribe(&self, whose: Whose) -> Subscription {
        let (sender, queue) = mpsc::channel(FEED_NOTICES_MAX);
        let mut inner = locked(&self.0);
        inner.next += 1;
        let id = inner.next;
        let sink = Sink { id, queue: sender };
        match whose {
            Whose::Stranger(lookup) => inner.strangers.entry(lookup).or_default().push(sink),
            Whose::Customer(subject) => inner.customers.entry(subject).or_default().push(sink),
            Whose::Holder(account) => inner.holders.entry(account).or_default().push(sink),
            Whose::Everybody => inner.everybody.push(sink),
        }
        Subscription { whose, id, queue, feed: Arc::downgrade(&self.0) }
    }

    /// Somebody unknown so far is known from here on.
    pub(super) fn came(&self, lookup: IdentityLookup) {
        if let Some(sinks) = locked(&self.0).strangers.get_mut(&lookup) {
            tell(sinks, &Notice::Came);
        }
    }

    /// Tells all staff.
    pub(super) fn tell_all_staff(&self, notice: &Notice) {
        let mut inner = locked(&self.0);
        for sinks in inner.holders.values_mut() {
            tell(sinks, notice);
        }
        tell(&mut inner.everybody, notice);
    }

    /// What the customer does that is not recorded goes to staff.
    pub(super) fn tell_staff(&self, conversation: ConversationRef, notice: &Notice) {
        let mut inner = locked(&self.0);
        let holder = inner.held.get(&conversation.key).copied();
        inner.tell_staff([holder, None], notice);
    }

    /// What staff or the server does that is not recorded goes to the customer.
    pub(super) fn tell_customer(&self, subject: SubjectId, notice: &Notice) {
        locked(&self.0).tell_customer(subject, notice);
    }

    /// Notes who holds a conversation that was read from the database.
    pub(super) fn held(&self, conversation: ConversationRef, agent: AccountId) {
        locked(&self.0).held.insert(conversation.key, agent);
    }

    /// Ends every follower: this server no longer writes the log.
    pub(super) fn end(&self) {
        let mut inner = locked(&self.0);
        // Numbers go on: a place given back late must not be somebody else's.
        *inner = Inner { next: inner.next, ..Inner::default() };
    }
}

impl Follower for Tenant {
    fn happened(&self, happenings: Vec<Happening>) {
        if happenings.is_empty() {
            return;
        }
        let mut inner = locked(&self.feed.0);
        for happening in happenings {
            inner.happened(happening);
        }
    }
}
