//! The state that a log's entries leave: accounts, conversations, what is in force. Made anew from the entries alone.
//!
//! It knows what entries tell and nothing of rows. What they don't tell (a password's hash, when an agent was idle) is not
//! here, so that it can't be compared; `docs/auditor.md` lists it.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use lww_audit::Entry;
use lww_audit::entry::{Chain, ChainLink, Detail};

use super::amendments::Amendments;
use super::erasures::Erasures;
use super::field;
use super::lost::{Lost, OPENED, RECOVERED};
use super::reports::Reports;
use super::unmaskings::Unmaskings;
use crate::domain::event::{Role, Wish};
use crate::domain::record::{ConversationState, PolicyKind};
use crate::ports::Activates;
use crate::units::{EntryIndex, Hash, Id128};

/// The queue of conversations that were opened before there was a routing table.
const FIRST_QUEUE: &str = "default";

/// What the entries that were gone through leave.
#[derive(Default)]
pub(in super::super) struct State {
    pub(in super::super) accounts: HashMap<Id128, Account>,
    pub(in super::super) conversations: HashMap<Id128, Conversation>,
    /// Every text that was ever activated, by the digest of its resolved form.
    pub(in super::super) texts: BTreeMap<[u8; 32], Text>,
    /// What is in force.
    pub(in super::super) masking: Option<(EntryIndex, Hash)>,
    pub(in super::super) routing: Option<(EntryIndex, Hash)>,
    /// Who was erased or held, and epochs.
    pub(in super::super) erasures: Erasures,
    /// Proposed changes of the masking policy.
    pub(in super::super) amendments: Amendments,
    /// Reports of the desk.
    pub(in super::super) reports: Reports,
    /// Requests to open masked values.
    pub(in super::super) unmaskings: Unmaskings,
    /// What was declared lost.
    pub(in super::super) lost: Lost,
    /// Every customer by the entry that first spoke of them.
    pub(super) newcomers: HashMap<Id128, EntryIndex>,
    /// Names that many conversations share, each kept once.
    names: HashMap<String, Arc<str>>,
}

/// An account as its entries leave it.
#[derive(Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own, and any may hold with any other")]
pub(in super::super) struct Account {
    /// The newest entry about it.
    pub(in super::super) newest: EntryIndex,
    /// The entry that it came with.
    pub(in super::super) created: EntryIndex,
    /// The newest entries that changed its password, second factor and outside identities.
    pub(in super::super) password: Option<EntryIndex>,
    pub(in super::super) factor: Option<EntryIndex>,
    pub(in super::super) linked: Option<EntryIndex>,
    pub(in super::super) role: Role,
    pub(in super::super) enabled: bool,
    pub(in super::super) locked: bool,
    pub(in super::super) must_change: bool,
    pub(in super::super) has_factor: bool,
    pub(in super::super) identities: i64,
    /// Whether it ever had a desk.
    pub(in super::super) has_desk: bool,
    /// Places at the desk; entries tell them from the first change on.
    pub(in super::super) capacity: Option<i64>,
    pub(in super::super) skills: String,
}

/// A conversation as its entries leave it.
#[derive(Clone, Debug)]
pub(in super::super) struct Conversation {
    /// The newest entry about it: its index, its number in the conversation's chain and its leaf.
    pub(in super::super) newest: (EntryIndex, i64, Hash),
    /// When that was recorded.
    pub(in super::super) at: i64,
    pub(in super::super) opened: EntryIndex,
    pub(in super::super) opened_at: i64,
    pub(in super::super) subject: Option<Id128>,
    pub(in super::super) channel: Option<Arc<str>>,
    pub(in super::super) state: ConversationState,
    pub(in super::super) agent: Option<Id128>,
    pub(in super::super) last_agent: Option<Id128>,
    pub(in super::super) queue: Arc<str>,
    pub(in super::super) wish: Option<Wish>,
    pub(in super::super) last_message: i64,
    pub(in super::super) delivered: i64,
    pub(in super::super) read: i64,
}

/// A text that was activated.
#[derive(Clone, Copy, Debug)]
pub(in super::super) struct Text {
    /// The newest entry that activated it.
    pub(in super::super) index: EntryIndex,
    pub(in super::super) kind: PolicyKind,
    /// SHA-256 of the text, where an entry tells it.
    pub(in super::super) source: Option<Hash>,
}

impl State {
    /// Takes the next entry of the log.
    pub(in super::super) fn take(&mut self, index: EntryIndex, leaf: Hash, entry: &Entry) {
        let kind = entry.kind.as_str().split('/').next().unwrap_or_default();
        let begins = |link: &&ChainLink| link.of == Chain::Subject && link.n == 0;
        if let (Some(subject), Some(_)) = (entry.subject, entry.chains.iter().find(begins)) {
            self.newcomers.insert(subject, index);
        }
        let is_report = self.reports.take(index, kind, entry);
        if let Some(Activates::Policy(policy)) = Activates::of(entry) {
            self.activated(index, policy, entry);
        } else if let Some(conversation) = entry.conversation {
            self.unmaskings.take(index, kind, entry);
            self.about_conversation((index, leaf), conversation, kind, entry);
        } else if self.amendments.take(index, kind, entry) {
            // The text of a proposed policy is kept from the start.
            let (digest, source) = (hash(entry, "digest"), hash(entry, "source"));
            if let Some(digest) = digest.filter(|_| kind == "policy.proposed") {
                let text = Text { index, kind: PolicyKind::Masking, source };
                self.texts.entry(*digest.as_bytes()).or_insert(text);
            }
        } else if !is_report && !self.erasures.take(index, kind, entry) {
            self.about_account(index, kind, entry);
        }
    }

    fn activated(&mut self, index: EntryIndex, kind: PolicyKind, entry: &Entry) {
        let Some(digest) = hash(entry, "digest") else { return };
        let source = hash(entry, "source").or_else(|| self.texts.get(digest.as_bytes())?.source);
        self.texts.insert(*digest.as_bytes(), Text { index, kind, source });
        if kind == PolicyKind::Masking {
            self.amendments.activated(index, digest, entry);
        }
        match kind {
            PolicyKind::Masking => self.masking = Some((index, digest)),
            PolicyKind::Routing => self.routing = Some((index, digest)),
        }
    }

    fn about_account(&mut self, index: EntryIndex, kind: &str, entry: &Entry) {
        match kind {
            RECOVERED => self.recovered(index, entry),
            OPENED => self.declared(index, entry),
            "account.created" => {
                if let (Some(id), Some(role)) = (id(entry, "account"), role(entry)) {
                    self.accounts.insert(id, Account::new(index, role));
                }
            }
            "accounts.imported" => {
                let Some(Detail::Object(roles)) = field(entry, "accounts") else { return };
                for (role, ids) in roles {
                    let (Some(role), Detail::Array(ids)) = (Role::from_word(role), ids) else { continue };
                    let made = ids.iter().filter_map(|one| Some((as_id(one)?, Account::new(index, role))));
                    self.accounts.extend(made);
                }
            }
            // What people do for themselves names no other account than theirs.
            "password.changed" | "second_factor.enrolled" => self.changed(index, entry.actor.id, kind, entry),
            _ => {
                if let Some(id) = id(entry, "account") {
                    self.changed(index, id, kind, entry);
                }
            }
        }
    }

    fn changed(&mut self, index: EntryIndex, id: Id128, kind: &str, entry: &Entry) {
        let Some(account) = self.accounts.get_mut(&id) else { return };
        match kind {
            "account.changed" => {
                account.role = role(entry).unwrap_or(account.role);
                account.enabled = field(entry, "enabled") == Some(&Detail::Bool(true));
                account.capacity = int(entry, "capacity");
                account.has_desk |= account.role == Role::Agent;
            }
            "account.locked" => account.locked = true,
            "account.unlocked" => account.locked = false,
            "account.reset" => (account.must_change, account.password) = (true, Some(index)),
            "password.changed" => (account.must_change, account.password) = (false, Some(index)),
            "agent.skills_set" => account.skills = words(entry, "skills"),
            "second_factor.enrolled" => (account.has_factor, account.factor) = (true, Some(index)),
            "second_factor.removed" => account.has_factor = false,
            "identity.linked" => {
                // Whoever comes by the bank's own provider has no password to change.
                account.must_change = false;
                account.identities += 1;
                account.linked = Some(index);
            }
            "identity.unlinked" => account.identities = 0,
            _ => return,
        }
        account.newest = index;
    }

    fn about_conversation(&mut self, (index, leaf): (EntryIndex, Hash), id: Id128, kind: &str, entry: &Entry) {
        let link = entry.chains.iter().find(|link| link.of == Chain::Conversation);
        let newest = (index, link.map_or(-1, |link| i64::try_from(link.n).unwrap_or(i64::MAX)), leaf);
        let queue = |name: &str| match field(entry, name) {
            Some(Detail::String(queue)) => Some(queue.as_str()),
            Some(_) | None => None,
        };
        let named = queue("to_queue").or_else(|| queue("queue")).map(|name| self.name(name));
        let channel = entry.channel.as_deref().map(|name| self.name(name));
        if kind == "conversation.opened" {
            let queue = named.unwrap_or_else(|| self.name(FIRST_QUEUE));
            self.conversations.insert(id, Conversation::opened(newest, entry, channel, queue));
        } else if let Some(conversation) = self.conversations.get_mut(&id) {
            (conversation.newest, conversation.at) = (newest, entry.time.as_micros());
            conversation.take(kind, entry, channel, named);
        }
    }

    fn name(&mut self, name: &str) -> Arc<str> {
        if let Some(known) = self.names.get(name) {
            return Arc::clone(known);
        }
        let shared: Arc<str> = Arc::from(name);
        self.names.insert(name.to_owned(), Arc::clone(&shared));
        shared
    }
}

impl Account {
    fn new(newest: EntryIndex, role: Role) -> Self {
        Self {
            newest,
            created: newest,
            password: None,
            factor: None,
            linked: None,
            role,
            enabled: true,
            locked: false,
            must_change: true,
            has_factor: false,
            identities: 0,
            has_desk: role == Role::Agent,
            capacity: None,
            skills: String::new(),
        }
    }
}

impl Conversation {
    fn opened(newest: (EntryIndex, i64, Hash), entry: &Entry, channel: Option<Arc<str>>, queue: Arc<str>) -> Self {
        Self {
            newest,
            at: entry.time.as_micros(),
            opened: newest.0,
            opened_at: entry.time.as_micros(),
            subject: entry.subject,
            channel,
            state: ConversationState::Waiting,
            agent: None,
            last_agent: None,
            queue,
            wish: None,
            last_message: 0,
            delivered: -1,
            read: -1,
        }
    }

    fn take(&mut self, kind: &str, entry: &Entry, channel: Option<Arc<str>>, queue: Option<Arc<str>>) {
        match kind {
            "message.received" => {
                self.last_message = int(entry, "seq").unwrap_or(self.last_message);
                self.channel = channel;
            }
            "message.sent" => self.last_message = int(entry, "seq").unwrap_or(self.last_message),
            "message.delivery" => {
                self.delivered = self.delivered.max(int(entry, "delivered").unwrap_or(-1));
                self.read = self.read.max(int(entry, "read").unwrap_or(-1));
            }
            "conversation.assigned" => self.held_by(id(entry, "agent")),
            "conversation.taken" => self.held_by(Some(entry.actor.id)),
            "conversation.requeued" => self.waits(id(entry, "agent")),
            "conversation.transferred" => match id(entry, "to") {
                Some(to) => self.held_by(Some(to)),
                None => {
                    let from = id(entry, "from");
                    // A wish is kept by whoever waits on.
                    self.wish = self.wish.filter(|_| from.is_none());
                    self.waits(from);
                }
            },
            "conversation.reopened" => {
                self.wish = None;
                self.waits(self.agent);
            }
            "conversation.wished" => {
                self.wish = match field(entry, "wish") {
                    Some(Detail::String(word)) => Wish::from_word(word),
                    Some(_) | None => None,
                };
            }
            "conversation.closed" => self.state = ConversationState::Closed,
            "conversation.solved" => self.state = ConversationState::Solved,
            _ => {}
        }
        if matches!(kind, "conversation.reopened" | "conversation.transferred")
            && let Some(queue) = queue
        {
            self.queue = queue;
        }
    }

    fn held_by(&mut self, agent: Option<Id128>) {
        self.state = ConversationState::Assigned;
        self.agent = agent;
    }

    fn waits(&mut self, last: Option<Id128>) {
        self.state = ConversationState::Waiting;
        self.agent = None;
        self.last_agent = last.or(self.last_agent);
    }
}

fn as_id(detail: &Detail) -> Option<Id128> {
    match detail {
        Detail::String(text) => text.parse().ok(),
        Detail::Null | Detail::Bool(_) | Detail::Int(_) | Detail::Array(_) | Detail::Object(_) => None,
    }
}

pub(super) fn id(entry: &Entry, name: &str) -> Option<Id128> {
    as_id(field(entry, name)?)
}

pub(super) fn hash(entry: &Entry, name: &str) -> Option<Hash> {
    match field(entry, name) {
        Some(Detail::String(text)) => text.parse().ok(),
        Some(_) | None => None,
    }
}

pub(super) fn int(entry: &Entry, name: &str) -> Option<i64> {
    match field(entry, name) {
        Some(Detail::Int(value)) => Some(*value),
        Some(_) | None => None,
    }
}

fn role(entry: &Entry) -> Option<Role> {
    match field(entry, "role") {
        Some(Detail::String(word)) => Role::from_word(word),
        Some(_) | None => None,
    }
}

/// Words of a list, with a space between them.
fn words(entry: &Entry, name: &str) -> String {
    let Some(Detail::Array(words)) = field(entry, name) else { return String::new() };
    let words = words.iter().filter_map(|word| match word {
        Detail::String(word) => Some(word.as_str()),
        Detail::Null | Detail::Bool(_) | Detail::Int(_) | Detail::Array(_) | Detail::Object(_) => None,
    });
    words.collect::<Vec<_>>().join(" ")
}
