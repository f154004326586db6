//! The shapes of what the desk is answered beside conversations: masked values, colleagues, counts.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::pipeline;
use crate::ports::{self, ConversationCounts};

/// A masked value in a text, as the reader of that text sees it. It tells nothing of the value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Span {
    /// Unicode scalar values of the shown text before it.
    pub start: u64,
    /// Unicode scalar values up to its end.
    pub end: u64,
    /// What it was: the stable name of an entity, such as `bank_card`.
    pub entity: String,
    /// How strictly it is held: C1, C2 or C3.
    pub class: String,
    /// The rule's name in the policy that masked it; its number when that policy is not the active one.
    pub rule: String,
    /// The norms that ask for the rule; none when the policy that masked it is not the active one.
    pub basis: Vec<String>,
    /// How sure the masker was, in percent.
    pub confidence: u8,
    /// Whether the rule that masked it lets somebody open it.
    #[serde(default)]
    pub reversible: bool,
}

/// An internal note as its reader sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Note {
    /// Its id.
    pub id: String,
    /// Index of its entry.
    pub index: u64,
    /// When it was written.
    pub time: String,
    /// The staff account that wrote it.
    pub author: String,
    /// Its text, masked for the reader's role.
    pub text: String,
    /// The masked values in it.
    pub spans: Vec<Span>,
    /// Digest of the policy that masked it, if that is known.
    pub policy: Option<String>,
}

/// A canned reply.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CannedReply {
    /// Its id.
    pub id: String,
    /// What it is found by.
    pub title: String,
    /// What it says; `{agent}`, `{queue}`, `{time}` and `{bank}` are to be filled in before it is sent.
    pub text: String,
    /// What one types to get it.
    pub shortcut: Option<String>,
    /// Its version: what `PUT` names, so that nobody's change is overwritten unseen.
    pub version: i64,
}

/// Every canned reply.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Replies {
    /// By title; at most 500.
    pub replies: Vec<CannedReply>,
}

/// Who wrote a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Author {
    /// The customer.
    Customer,
    /// A member of staff.
    Agent,
    /// The server itself.
    Server,
}

/// How many conversations stand where; counting stops at 100,000.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Counts {
    /// In the queues, whoever asks.
    pub waiting: u64,
    /// Held by agents; by oneself, for an agent.
    pub assigned: u64,
    /// Over unless the customer writes again; an agent's own.
    pub solved: u64,
    /// Over for good; an agent's own.
    pub closed: u64,
    /// Held by oneself.
    pub mine: u64,
}

/// One's own place at the desk.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Place {
    /// Whether one takes conversations.
    pub online: bool,
    /// Places that are taken: a conversation of the usual weight takes one.
    pub load: f64,
    /// Places that there are.
    pub capacity: i32,
}

/// A member of staff with a desk.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Colleague {
    /// The account's pseudonym.
    pub account: String,
    /// The name on screens.
    pub name: String,
    /// `agent` or `supervisor`.
    pub role: String,
    /// Whether they take conversations.
    pub online: bool,
    /// Places that are taken: a conversation of the usual weight takes one.
    pub load: f64,
    /// Places that there are.
    pub capacity: i32,
    /// What they can do, in words of the routing table.
    pub skills: Vec<String>,
    /// The groups that they are in.
    pub groups: Vec<String>,
}

/// Everybody with a desk.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Colleagues {
    /// In the order of their accounts, at most 2000.
    pub agents: Vec<Colleague>,
}

/// A queue that a conversation can be given to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TransferTarget {
    /// Its name in the routing table.
    pub queue: String,
    /// Whether it is served at present.
    pub open: bool,
    /// When it opens next; missing while it is open.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub opens: Option<String>,
}

/// Every queue that a conversation can be given to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TransferTargets {
    /// In the routing table's order.
    pub queues: Vec<TransferTarget>,
}

impl From<ports::Author> for Author {
    fn from(author: ports::Author) -> Self {
        match author {
            ports::Author::Customer => Self::Customer,
            ports::Author::Agent => Self::Agent,
            ports::Author::Server => Self::Server,
        }
    }
}

impl From<pipeline::TextSpan> for Span {
    fn from(span: pipeline::TextSpan) -> Self {
        let pipeline::TextSpan { shown, rule, basis } = span;
        Self {
            start: shown.start as u64,
            end: shown.end as u64,
            entity: shown.entity.to_string(),
            class: shown.class.to_string(),
            rule,
            basis,
            confidence: shown.confidence,
            reversible: shown.is_reversible,
        }
    }
}

impl From<pipeline::Note> for Note {
    fn from(note: pipeline::Note) -> Self {
        let pipeline::Note { id, index, time, author, text, spans, policy } = note;
        Self {
            id: id.to_string(),
            index: index.0,
            time: time.to_string(),
            author: author.to_string(),
            text,
            spans: spans.into_iter().map(Into::into).collect(),
            policy: policy.map(|digest| digest.to_string()),
        }
    }
}

impl From<pipeline::CannedReply> for CannedReply {
    fn from(reply: pipeline::CannedReply) -> Self {
        let pipeline::CannedReply { id, title, text, shortcut, version } = reply;
        Self { id: id.to_string(), title, text, shortcut, version: version.0 }
    }
}

impl From<ConversationCounts> for Counts {
    fn from(counts: ConversationCounts) -> Self {
        let ConversationCounts { waiting, assigned, solved, closed, mine } = counts;
        Self { waiting, assigned, solved, closed, mine }
    }
}

impl From<pipeline::DeskPlace> for Place {
    fn from(place: pipeline::DeskPlace) -> Self {
        let pipeline::DeskPlace { online, load, capacity } = place;
        Self { online, load: f64::from(load) / 100.0, capacity }
    }
}

impl From<pipeline::Colleague> for Colleague {
    fn from(colleague: pipeline::Colleague) -> Self {
        let pipeline::Colleague { account, name, role, place, skills, groups } = colleague;
        let Place { online, load, capacity } = place.into();
        Self {
            account: account.to_string(),
            name: name.to_string(),
            role: role.word().to_owned(),
            online,
            load,
            capacity,
            skills,
            groups,
        }
    }
}
