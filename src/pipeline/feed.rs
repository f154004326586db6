//! Who hears at once what is recorded: customers' sockets by person, staff's by who holds a conversation.
//!
//! The log is the truth and its index the cursor; this only saves asking. Each follower has a bounded queue: whoever reads
//! too slowly is dropped, comes again and resumes by cursor, so that one slow reader can neither hold up the recorder nor
//! fill the memory. It holds sealed messages only and deliberately renders none.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use async_trait::async_trait;
use tokio::sync::mpsc;

use super::Tenant;
use crate::domain::record::ConversationState;
use crate::limits::FEED_NOTICES_MAX;
use crate::ports::{Follower, Happening, RecordError, Recorder};
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
    /// Who has a conversation open is another, or types.
    Viewers {
        /// The conversation.
        conversation: ConversationRef,
        /// Each account once.
        viewers: Arc<[Viewer]>,
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
    Stranger([u8; 32]),
    /// All of a customer's.
    Customer(SubjectId),
    /// Those of conversations that a member of staff holds or has just given away.
    Holder(AccountId),
    /// Everything.
    Everybody,
}

/// A member of staff who has a conversation open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Viewer {
    /// Who.
    pub account: AccountId,
    /// Whether they type.
    pub typing: bool,
}

/// One connection that has a conversation open.
struct Viewing {
    id: u64,
    account: AccountId,
    typing_until: Option<Timestamp>,
}

struct Sink {
    id: u64,
    queue: mpsc::Sender<Notice>,
}

#[derive(Default)]
struct Inner {
    strangers: HashMap<[u8; 32], Vec<Sink>>,
    customers: HashMap<SubjectId, Vec<Sink>>,
    holders: HashMap<AccountId, Vec<Sink>>,
    everybody: Vec<Sink>,
    held: HashMap<ConversationKey, AccountId>,
    viewing: HashMap<ConversationKey, (ConversationRef, Vec<Viewing>)>,
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
            Whose::Stranger(sender) => forget(&mut inner.strangers, &sender, id),
            Whose::Customer(subject) => forget(&mut inner.customers, &subject, id),
            Whose::Holder(account) => forget(&mut inner.holders, &account, id),
            Whose::Everybody => inner.everybody.retain(|sink| sink.id != id),
        }
        let open: Vec<ConversationKey> = inner.viewing.keys().copied().collect();
        for key in open {
            inner.unview(key, id);
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

    fn unview(&mut self, key: ConversationKey, id: u64) {
        let Some((_, viewing)) = self.viewing.get_mut(&key) else { return };
        let before = viewing.len();
        viewing.retain(|one| one.id != id);
        if viewing.is_empty() {
            self.viewing.remove(&key);
        } else if viewing.len() < before {
            self.tell_viewers(key);
        }
    }

    /// Tells everybody who has a conversation open who else has.
    fn tell_viewers(&mut self, key: ConversationKey) {
        let Some((conversation, viewing)) = self.viewing.get(&key) else { return };
        let mut viewers: Vec<Viewer> = Vec::new();
        for one in viewing {
            let typing = one.typing_until.is_some();
            match viewers.iter_mut().find(|known| known.account == one.account) {
                Some(known) => known.typing |= typing,
                None => viewers.push(Viewer { account: one.account, typing }),
            }
        }
        let ids: Vec<u64> = viewing.iter().map(|one| one.id).collect();
        let accounts: Vec<AccountId> = viewers.iter().map(|viewer| viewer.account).collect();
        let notice = Notice::Viewers { conversation: *conversation, viewers: viewers.into() };
        let tell_some = |sinks: &mut Vec<Sink>| {
            sinks.retain(|sink| !ids.contains(&sink.id) || sink.queue.try_send(notice.clone()).is_ok());
        };
        for account in &accounts {
            if let Some(sinks) = self.holders.get_mut(account) {
                tell_some(sinks);
            }
        }
        tell_some(&mut self.everybody);
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
            Whose::Stranger(sender) => inner.strangers.entry(sender).or_default().push(sink),
            Whose::Customer(subject) => inner.customers.entry(subject).or_default().push(sink),
            Whose::Holder(account) => inner.holders.entry(account).or_default().push(sink),
            Whose::Everybody => inner.everybody.push(sink),
        }
        Subscription { whose, id, queue, feed: Arc::downgrade(&self.0) }
    }

    /// Somebody unknown so far is known from here on.
    pub(super) fn came(&self, sender: [u8; 32]) {
        if let Some(sinks) = locked(&self.0).strangers.get_mut(&sender) {
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

    /// Notes that a connection has a conversation open from here on.
    pub(super) fn view(&self, conversation: ConversationRef, account: AccountId, subscription: &Subscription) {
        let mut inner = locked(&self.0);
        let (_, viewing) = inner.viewing.entry(conversation.key).or_insert_with(|| (conversation, Vec::new()));
        if viewing.iter().all(|one| one.id != subscription.id) {
            viewing.push(Viewing { id: subscription.id, account, typing_until: None });
        }
        inner.tell_viewers(conversation.key);
    }

    /// Notes that a connection has a conversation open no more.
    pub(super) fn unview(&self, key: ConversationKey, subscription: &Subscription) {
        locked(&self.0).unview(key, subscription.id);
    }

    /// Notes until when whoever has a conversation open counts as typing; `None`: no longer.
    pub(super) fn types(&self, key: ConversationKey, subscription: &Subscription, until: Option<Timestamp>) {
        let mut inner = locked(&self.0);
        let Some((_, viewing)) = inner.viewing.get_mut(&key) else { return };
        let Some(one) = viewing.iter_mut().find(|one| one.id == subscription.id) else { return };
        let changed = one.typing_until.is_some() != until.is_some();
        one.typing_until = until;
        if changed {
            inner.tell_viewers(key);
        }
    }

    /// Whoever has not typed since then types no longer.
    pub(super) fn typing_over(&self, now: Timestamp) {
        let mut inner = locked(&self.0);
        let mut changed = Vec::new();
        for (key, (_, viewing)) in &mut inner.viewing {
            for one in viewing.iter_mut().filter(|one| one.typing_until.is_some_and(|until| until <= now)) {
                one.typing_until = None;
                changed.push(*key);
            }
        }
        for key in changed {
            inner.tell_viewers(key);
        }
    }

    /// Notes who holds a conversation that was read from the database.
    pub(super) fn held(&self, conversation: ConversationRef, agent: AccountId) {
        locked(&self.0).held.insert(conversation.key, agent);
    }

    /// Ends whoever follows a person, or has one of their conversations open: they hold keys. Each comes again by its cursor.
    pub(super) fn forget(&self, subject: SubjectId, conversations: &[ConversationKey]) {
        let mut inner = locked(&self.0);
        inner.customers.remove(&subject);
        let mut ended = Vec::new();
        for key in conversations {
            inner.held.remove(key);
            ended.extend(inner.viewing.get(key).into_iter().flat_map(|(_, viewing)| viewing.iter().map(|one| one.id)));
        }
        for sinks in inner.holders.values_mut() {
            sinks.retain(|sink| !ended.contains(&sink.id));
        }
        inner.everybody.retain(|sink| !ended.contains(&sink.id));
    }

    /// Ends those who wait to become known: what they would be found by is another from here on.
    pub(super) fn end_strangers(&self) {
        locked(&self.0).strangers.clear();
    }

    /// Ends every follower: this server no longer writes the log.
    pub(super) fn end(&self) {
        let mut inner = locked(&self.0);
        // Numbers go on: a place given back late must not be somebody else's.
        *inner = Inner { next: inner.next, ..Inner::default() };
    }
}

#[async_trait]
impl Follower for Tenant {
    async fn opens(&self, recorder: &dyn Recorder) -> Result<(), RecordError> {
        self.replay_erasures(recorder).await
    }

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

#[cfg(test)]
mod tests {
    use super::*;

    const SLOW: SubjectId = SubjectId::from_random([1; 16]);

    fn said(number: usize) -> Notice {
        Notice::Waiting { count: u32::try_from(number).unwrap() }
    }

    /// The numbers that a follower hears until its place is gone.
    async fn heard(subscription: &mut Subscription) -> Vec<u32> {
        let mut heard = Vec::new();
        while let Some(notice) = subscription.next().await {
            let Notice::Waiting { count } = notice else { panic!("nothing else was said") };
            heard.push(count);
        }
        heard
    }

    #[tokio::test]
    async fn who_reads_too_slowly_hears_what_is_in_the_queue_and_then_that_it_is_over() {
        let feed = Feed::default();
        let mut slow = feed.subscribe(Whose::Customer(SLOW));
        let mut quick = feed.subscribe(Whose::Customer(SLOW));
        for number in 0..FEED_NOTICES_MAX + 9 {
            feed.tell_customer(SLOW, &said(number));
            let Some(Notice::Waiting { count }) = quick.ready() else { panic!("the other one is told on") };
            assert_eq!(usize::try_from(count).unwrap(), number);
        }
        let expected: Vec<u32> = (0..u32::try_from(FEED_NOTICES_MAX).unwrap()).collect();
        assert_eq!(heard(&mut slow).await, expected, "a beginning without a gap, and no more");
        // Room in the queue gives no place back: what was missed in between would be a gap.
        feed.tell_customer(SLOW, &said(0));
        assert!(slow.ready().is_none());
        let again = feed.subscribe(Whose::Customer(SLOW));
        drop(slow);
        feed.tell_customer(SLOW, &said(1));
        assert_eq!(again.queue.len(), 1, "the old place, given back late, is not the new one");
    }

    #[tokio::test]
    async fn a_slow_desk_loses_its_place_and_holds_up_nobody() {
        let feed = Feed::default();
        let mut agent = feed.subscribe(Whose::Holder(AccountId(SLOW.0)));
        let mut leader = feed.subscribe(Whose::Everybody);
        for number in 0..=FEED_NOTICES_MAX {
            feed.tell_all_staff(&said(number));
            assert!(leader.ready().is_some());
        }
        assert_eq!(heard(&mut agent).await.len(), FEED_NOTICES_MAX);
        feed.tell_all_staff(&said(0));
        assert!(leader.ready().is_some() && agent.ready().is_none());
    }
}
