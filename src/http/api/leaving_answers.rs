//! The shapes of answers about messages that are held before they leave.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::desk_answers::Span;
use crate::domain::event::ReleaseReason;
use crate::pipeline;

/// A message that the policy holds. Nothing of it was sent, and nothing of it is kept here: send the same text again with the
/// token and a decision, or another text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Held {
    /// What a decision is given with; it counts once, for this account, this conversation, this text and this policy.
    pub token: String,
    /// Until when it can be decided on.
    pub until: String,
    /// What the customer would get if it were sent masked.
    pub text: String,
    /// What it is held for, where it stands in `text`.
    pub finds: Vec<HeldFind>,
    /// Whether it can be sent as it is.
    pub may_release: bool,
    /// The reasons for which it can be.
    pub reasons: Vec<String>,
}

/// A value for which a message is held.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct HeldFind {
    /// Where it stands, what it is and by which rule; it tells nothing of the value.
    pub span: Span,
    /// Whether the writer may send it as it is.
    pub may_release: bool,
}

/// How often messages were held, and what became of them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct HeldCounts {
    /// Every entry of the log from this one on was counted.
    pub from: u64,
    /// By agent.
    pub agents: Vec<HeldCount>,
}

/// How often an agent's messages were held.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct HeldCount {
    /// The account's pseudonym.
    pub agent: String,
    /// Held at all.
    pub held: u64,
    /// Sent masked.
    pub masked: u64,
    /// Sent as they were.
    pub released: u64,
    /// Taken back.
    pub withdrawn: u64,
    /// For which entities they were held, and how often.
    pub entities: BTreeMap<String, u64>,
}

impl From<&pipeline::Leaving> for Held {
    fn from(leaving: &pipeline::Leaving) -> Self {
        let pipeline::Leaving { token, until, text, finds, may_release } = leaving;
        let find =
            |find: &pipeline::LeavingFind| HeldFind { span: find.span.clone().into(), may_release: find.may_release };
        let reasons = ReleaseReason::ALL.into_iter().filter(|_| *may_release);
        Self {
            token: token.clone(),
            until: until.to_string(),
            text: text.clone(),
            finds: finds.iter().map(find).collect(),
            may_release: *may_release,
            reasons: reasons.map(|reason| reason.word().to_owned()).collect(),
        }
    }
}

impl From<pipeline::HeldCounts> for HeldCounts {
    fn from(counts: pipeline::HeldCounts) -> Self {
        let agents = counts.agents.into_iter().map(|(agent, count)| {
            let pipeline::HeldCount { held, masked, released, withdrawn, entities } = count;
            HeldCount { agent: agent.to_string(), held, masked, released, withdrawn, entities }
        });
        Self { from: counts.from.0, agents: agents.collect() }
    }
}
